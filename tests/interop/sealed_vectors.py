#!/usr/bin/env python3
"""Computes the test vectors of the sealed link, proto/vectors/*.json, with this second implementation.

    sealed_vectors.py            compares the files with what it computes; exit code 1 if they differ
    sealed_vectors.py --write    writes them

The inputs are here; the tests of the folder `proto` check that the first implementation agrees, and that PROTOCOL.md says the same.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
from typing import Any

import noise
from noise import AES, CHACHA, Initiator, Responder, public_key
from sealed_wire import (Fault, Frame, Initiation, Limits, PacketKey, Response, Ticket, cookie_reply, decode, encode,
                         initiation, response)

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "proto" / "vectors"

SERVER, CLIENT, PSK = b"\x11" * 32, b"\x21" * 32, b"\x31" * 32
SERVER_PUBLIC, CLIENT_PUBLIC = public_key(SERVER), public_key(CLIENT)
CLIENT_EPHEMERAL = bytes.fromhex("15adfdb7198c31ffed251ba1f6ff1e48f396d0680414dffb8dbb388c6d51766c")
CLIENT_EPHEMERAL_2 = bytes.fromhex("672634adfa404aff1dc816f50f1e8242ca17d33377ff4d4ec0726c81a44f2b77")
SERVER_EPHEMERAL = bytes.fromhex("d5a6979f1aebbcc8ef464a13488a40b0785cb091c438158a64f9029be6bea8e8")
COOKIE_SECRET = bytes.fromhex("4458133d3d39a4944fffca24e3020539d8365eeb72e55d8090a6ddc6627871b0")
COOKIE_NONCE = bytes.fromhex("5421a93be432f88e3f529268")
CHALLENGE = bytes.fromhex("c0b1c60c1da31ae9cd2062c890c086e7")
ADDRESS = bytes([192, 0, 2, 1])
CLIENT_INDEX, SERVER_INDEX = 0x01020304, 0xA1A2A3A4
LINK, INSTANCE, EPOCH = 0x1111_1111_1111_1111, 0x2222_2222_2222_2222, 0x9999_9999_9999_9999
NEW_YEAR = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC, in microseconds
TWO_HOURS = 7_200_000_000
CLIENT_LIMITS = Limits(100, 1 << 20, 1 << 16, 1_472)
SERVER_LIMITS = Limits(4_096, 1 << 21, 1 << 17, 65_507)

Json = dict[str, Any]


def plain(value: Any) -> Any:
    """Bytes as hexadecimal text, all the way down."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def trace(state: noise.Symmetric, after: int = 0) -> list[Json]:
    return [{"step": step, "h": h, "ck": ck} for step, h, ck in state.trace[after:]]


def question(time: int, ephemeral: bytes, challenge: bytes = bytes(16)) -> tuple[Initiator, bytes, bytes]:
    """An initiation: who waits for its response, its payload and its datagram."""
    payload = Initiation(CLIENT_INDEX, time, LINK, INSTANCE, CLIENT_LIMITS, CHACHA | AES, challenge).pack()
    asker = Initiator(CLIENT, SERVER_PUBLIC, ephemeral)
    return asker, payload, initiation(CLIENT_INDEX, SERVER_PUBLIC, asker.write(payload))


def accepted(psk: bool) -> Json:
    """An accepted handshake, and packets under its keys."""
    asker, _, asked = question(NEW_YEAR, CLIENT_EPHEMERAL)
    key, cipher = (PSK, AES) if psk else (noise.NO_PSK, CHACHA)
    payload = Response(0, NEW_YEAR + 1_000, EPOCH, cipher, SERVER_INDEX, SERVER_LIMITS).pack()
    message, (to_proxy2, to_proxy1) = Responder(SERVER, asked[5:181]).write(SERVER_EPHEMERAL, key, payload)
    _, keys, state = asker.read(message, key)
    assert keys == (to_proxy2, to_proxy1)
    there, back = PacketKey(cipher, to_proxy2), PacketKey(cipher, to_proxy1)
    packets = [packet(there, "proxy1", 1, b"P"), packet(back, "proxy2", (1 << 40) + 2, b"F\x07")]
    return {
        "psk": PSK if psk else None, "cipher": cipher, "payload": payload,
        "datagram": response(CLIENT_INDEX, SERVER_PUBLIC, message), "trace": trace(state, 8),
        "to_proxy2": derived(to_proxy2, there), "to_proxy1": derived(to_proxy1, back), "packets": packets,
    }


def derived(key: bytes, keys: PacketKey) -> Json:
    used = keys.key[:16] if keys.cipher == AES else keys.key
    return {"noise_key": key, "packet_key": used, "iv": keys.iv}


def packet(key: PacketKey, sender: str, counter: int, frames: bytes) -> Json:
    receiver = SERVER_INDEX if sender == "proxy1" else CLIENT_INDEX
    nonce, sealed = key.nonce(counter), key.seal(receiver, counter, frames)
    return {"from": sender, "counter": counter, "frames": frames, "nonce": nonce, "datagram": sealed}


def refused() -> Json:
    """Status 2 to a ticket with a pre-shared key: under the zero key all the same."""
    _, _, asked = question(NEW_YEAR, CLIENT_EPHEMERAL)
    payload = Response(2, NEW_YEAR + 1_000, EPOCH).pack()
    message, _ = Responder(SERVER, asked[5:181]).write(SERVER_EPHEMERAL, noise.NO_PSK, payload)
    return {"ticket_psk": PSK, "payload": payload, "datagram": response(CLIENT_INDEX, SERVER_PUBLIC, message)}


def cookie() -> Json:
    _, _, asked = question(NEW_YEAR, CLIENT_EPHEMERAL)
    made = noise.mac(COOKIE_SECRET, ADDRESS)
    reply = cookie_reply(CLIENT_INDEX, SERVER_PUBLIC, asked[181:197], COOKIE_NONCE, made)
    return {"secret": COOKIE_SECRET, "address": ADDRESS, "cookie": made, "nonce": COOKIE_NONCE, "datagram": reply,
            "mac2": noise.mac(made, asked[:197])}


def challenged() -> Json:
    """An initiation that is two hours late, its refusal, and the initiation that returns the challenge."""
    _, late, asked = question(NEW_YEAR - TWO_HOURS, CLIENT_EPHEMERAL)
    payload = Response(3, NEW_YEAR + 1_000, EPOCH, challenge=CHALLENGE).pack()
    message, _ = Responder(SERVER, asked[5:181]).write(SERVER_EPHEMERAL, noise.NO_PSK, payload)
    _, again, returned = question(NEW_YEAR - TWO_HOURS + 1, CLIENT_EPHEMERAL_2, CHALLENGE)
    return {
        "challenge": CHALLENGE, "initiation": {"payload": late, "datagram": asked},
        "response": {"payload": payload, "datagram": response(CLIENT_INDEX, SERVER_PUBLIC, message)},
        "second_initiation": {"ephemeral": CLIENT_EPHEMERAL_2, "payload": again, "datagram": returned},
    }


def handshake() -> Json:
    asker, payload, datagram = question(NEW_YEAR, CLIENT_EPHEMERAL)
    return {
        "proxy2_private": SERVER, "proxy2_public": SERVER_PUBLIC, "proxy2_ephemeral": SERVER_EPHEMERAL,
        "client_private": CLIENT, "client_public": CLIENT_PUBLIC, "proxy1_ephemeral": CLIENT_EPHEMERAL,
        "initiation": {"payload": payload, "datagram": datagram, "trace": trace(asker.state)},
        "accepted": [accepted(psk=False), accepted(psk=True)],
        "refused": refused(), "cookie": cookie(), "challenged": challenged(),
    }


FRAMES = [
    Frame("padding"),
    Frame("A", {"delay": 0, "ranges": [[7, 7]]}),
    Frame("A", {"delay": 5_000, "ranges": [[95, 100], [90, 92], [3, 70]]}),
    Frame("C", {"id": 0, "credit": 65_536, "first": 2_048, "target": b"a:1"}),
    Frame("C", {"id": 1, "credit": 0, "first": 0, "target": b""}),
    Frame("D", {"id": 0, "offset": 0, "end": 1, "bytes": b"hola"}),
    Frame("D", {"id": 70, "offset": 1 << 30, "end": 0, "bytes": b"x"}),
    Frame("D", {"id": 2, "offset": 16_384, "end": 1, "bytes": b""}),
    Frame("E", {"code": 0, "reason": b""}),
    Frame("E", {"code": 3, "reason": b"moved the end of a stream"}),
    Frame("F", {"packet": 494_878_333}),
    Frame("K", {"id": 15_293}),
    Frame("M", {"offset": 151_288_809_941_952_652}),
    Frame("N", {"capable": 5, "low_latency": 0, "congested": 256}),
    Frame("P"),
    Frame("Q", {"token": bytes(range(1, 9))}),
    Frame("R", {"token": bytes(range(1, 9))}),
    Frame("U", {"id": 0, "bytes": b"hola"}),
    Frame("U", {"id": 70, "bytes": b""}),
    Frame("W", {"id": 4, "offset": 131_072}),
    Frame("X", {"id": 3, "code": 1, "offset": 0}),
    Frame("X", {"id": 4, "code": 16_384, "offset": (1 << 62) - 1}),
]

KIND, SHORT, RANGE = "unknown kind", "ends behind its packet", "number out of range"
FAULTS = [
    (b"Y", KIND), (b"\x01", KIND), (b"P\xf0", KIND), (b"D\x00\x00\x09hol", SHORT), (b"C\x00\x00\x00\x03a:", SHORT),
    (b"K\x40", SHORT), (b"U\x00\x05hola", SHORT), (b"Q1234567", SHORT), (b"A\x05\x00\x01", SHORT),
    (b"A\x05\x00\x00", RANGE), (b"A\x05\x00\x01\x06", RANGE), (b"A\x05\x00\x02\x01\x03\x00", RANGE), (b"D\x00" + b"\xff" * 8 + b"\x02x", RANGE), (b"E\x03\x40\x65" + b"x" * 101, RANGE),
]


def frames() -> Json:
    valid = []
    for frame in FRAMES:
        data = encode(frame)
        assert decode(data) == [frame], frame
        valid.append({"frame": data, "kind": frame.kind, **frame.fields})
    # Numbers need not be in their shortest form.
    assert decode(b"W\x40\x04\xc0\0\0\0\0\x02\0\0") == [Frame("W", {"id": 4, "offset": 131_072})]
    for data, fault in FAULTS:
        try:
            raise AssertionError(decode(data))
        except Fault as found:
            assert fault in str(found), (data, found)
    faults = [{"frame": data, "fault": fault} for data, fault in FAULTS]
    long = {"frame": b"W\x40\x04\xc0\0\0\0\0\x02\0\0", "kind": "W", "id": 4, "offset": 131_072}
    return {"frames": valid, "longer_than_needed": [long], "faults": faults}


TICKETS: list[tuple[bytes | None, bytes]] = [
    (None, b""), (PSK, b""), (PSK, b"exit.example:5000,443,53 [2001:db8::1]:443"), (None, b"192.0.2.1:443"),
]


def tickets() -> Json:
    made = []
    for psk, places in TICKETS:
        ticket = Ticket(SERVER_PUBLIC, CLIENT, psk, places)
        assert Ticket.parse(ticket.text()) == ticket
        made.append({"psk": psk, "places": places.decode(), "text": ticket.text()})
    return {"tickets": made}


def session() -> Json:
    """A whole short session: one stream, one request, one reply. The keys are those of the first accepted handshake."""
    start = accepted(psk=False)
    keys = {"proxy1": PacketKey(CHACHA, start["to_proxy2"]["noise_key"]),
            "proxy2": PacketKey(CHACHA, start["to_proxy1"]["noise_key"])}
    said: list[tuple[str, str, list[Frame]]] = [
        ("proxy1", "the first packet under the new keys", [Frame("P")]),
        ("proxy2", "acknowledges it", [Frame("A", {"delay": 1_000, "ranges": [[0, 0]]})]),
        ("proxy1", "opens stream 0, with its bytes and their end", [
            Frame("C", {"id": 0, "credit": 65_536, "first": 4, "target": b"a:1"}),
            Frame("D", {"id": 0, "offset": 0, "end": 1, "bytes": b"hola"})]),
        ("proxy2", "has dialled", [Frame("A", {"delay": 100, "ranges": [[0, 1]]}), Frame("K", {"id": 0})]),
        ("proxy2", "the reply, and its end", [Frame("D", {"id": 0, "offset": 0, "end": 1, "bytes": b"adios"})]),
        ("proxy1", "acknowledges all", [Frame("A", {"delay": 0, "ranges": [[0, 2]]})]),
        ("proxy1", "ends", [Frame("E", {"code": 0, "reason": b""})]),
    ]
    counters = {"proxy1": 0, "proxy2": 0}
    packets = []
    for sender, meaning, content in said:
        made = packet(keys[sender], sender, counters[sender], b"".join(map(encode, content)))
        del made["nonce"]
        packets.append({"meaning": meaning, **made})
        counters[sender] += 1
    return {"packets": packets}


def build() -> dict[str, Json]:
    """All files by their names."""
    made = {"frames": frames(), "handshake": handshake(), "session": session(), "tickets": tickets()}
    return {f"{name}.json": plain(content) for name, content in made.items()}


def main() -> int:
    """Compares or writes; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    differ = []
    for name, content in build().items():
        path = FOLDER / name
        if write:
            path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        elif json.loads(path.read_text(encoding="utf-8")) != content:
            differ.append(name)
    print(f"differ: {', '.join(differ)}" if differ else "all vectors are as computed here")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
