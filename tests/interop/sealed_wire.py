"""The bytes of the sealed link: numbers, frames, handshake messages, packets and tickets, as proto/PROTOCOL.md has them."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass, field
from typing import Any

import noise

INITIATION, RESPONSE, COOKIE, DATA = 1, 2, 3, 4
INITIATION_LEN, RESPONSE_LEN, COOKIE_LEN = 213, 125, 49
HEADER_LEN, TAG_LEN = 13, 16
NUMBER_MAX = (1 << 62) - 1
REASON_MAX = 100
STATUS_CLOCK = 3


class Fault(Exception):
    """The peer broke a rule: the link ends with `E` code 3."""


def number(value: int) -> bytes:
    """A number in its shortest form (RFC 9000 section 16)."""
    for tag, size in enumerate((1, 2, 4, 8)):
        if value < 1 << (8 * size - 2):
            return (value | tag << (8 * size - 2)).to_bytes(size, "big")
    raise ValueError(value)


class Reader:
    """Takes fields off the front of a packet's frames."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        if self.left() < size:
            raise Fault("sent a frame that ends behind its packet")
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self) -> int:
        first = self.take(1)[0]
        rest = self.take((1 << (first >> 6)) - 1)
        return int.from_bytes(bytes([first & 0x3F]) + rest, "big")


@dataclass
class Frame:
    """A frame: its kind as a letter (`padding` for 0x00) and its fields by the names in the text's table."""

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["fields"][name]
        except KeyError:
            raise AttributeError(name) from None

    def is_ack_eliciting(self) -> bool:
        return self.kind not in ("padding", "A", "E", "F", "N")


# The frames that are a kind and numbers, with the names of the numbers.
NUMBERS = {
    "F": ["packet"], "K": ["id"], "M": ["offset"], "N": ["capable", "low_latency", "congested"], "P": [],
    "W": ["id", "offset"], "X": ["id", "code", "offset"],
}


def encode(frame: Frame) -> bytes:
    """The bytes of a frame."""
    kind = frame.kind
    f: Any = frame.fields
    if kind == "padding":
        return b"\0"
    head = kind.encode()
    if kind in NUMBERS:
        return head + b"".join(number(f[name]) for name in NUMBERS[kind])
    if kind in "QR":
        return head + bytes(f["token"])
    if kind == "C":
        return head + b"".join(map(number, (f["id"], f["credit"], f["first"], len(f["target"])))) + bytes(f["target"])
    if kind == "D":
        length = 2 * len(f["bytes"]) + f["end"]
        return head + number(f["id"]) + number(f["offset"]) + number(length) + bytes(f["bytes"])
    if kind == "U":
        return head + number(f["id"]) + number(len(f["bytes"])) + bytes(f["bytes"])
    if kind == "E":
        return head + number(f["code"]) + number(len(f["reason"])) + bytes(f["reason"])
    if kind == "A":
        return head + _encode_ranges(f["delay"], f["ranges"])
    raise ValueError(kind)


def _encode_ranges(delay: int, ranges: list[list[int]]) -> bytes:
    """`ranges`: first and last number of each, from the highest down."""
    out = number(ranges[0][1]) + number(delay) + number(len(ranges))
    low = None
    for first, last in ranges:
        if low is not None:
            out += number(low - last - 2)
        out += number(last - first)
        low = first
    return out


def decode(payload: bytes) -> list[Frame]:
    """The frames of a packet that opened. Raises `Fault`."""
    reader, frames = Reader(payload), []
    while reader.left():
        kind = reader.take(1)
        if kind == b"\0":
            frames.append(Frame("padding"))
            break
        frames.append(_decode(chr(kind[0]), reader))
    return frames


def _decode(kind: str, reader: Reader) -> Frame:
    if kind in NUMBERS:
        return Frame(kind, {name: reader.number() for name in NUMBERS[kind]})
    if kind in ("Q", "R"):
        return Frame(kind, {"token": reader.take(8)})
    if kind == "C":
        fields: dict[str, Any] = {name: reader.number() for name in ("id", "credit", "first")}
        return Frame(kind, {**fields, "target": reader.take(reader.number())})
    if kind == "D":
        stream, offset, length = reader.number(), reader.number(), reader.number()
        data = reader.take(length >> 1)
        if offset + len(data) > NUMBER_MAX:
            raise Fault("sent D with a number out of range")
        return Frame(kind, {"id": stream, "offset": offset, "end": length & 1, "bytes": data})
    if kind == "U":
        return Frame(kind, {"id": reader.number(), "bytes": reader.take(reader.number())})
    if kind == "E":
        code, length = reader.number(), reader.number()
        if length > REASON_MAX:
            raise Fault("sent E with a number out of range")
        return Frame(kind, {"code": code, "reason": reader.take(length)})
    if kind == "A":
        return Frame(kind, _decode_ranges(reader))
    raise Fault(f"sent a frame of the unknown kind {ord(kind):#04x}")


def _decode_ranges(reader: Reader) -> dict[str, Any]:
    largest, delay, count = reader.number(), reader.number(), reader.number()
    ranges: list[list[int]] = []
    last = largest
    for _ in range(count):
        if ranges:
            last = ranges[-1][0] - reader.number() - 2
        first = last - reader.number()
        if first < 0:
            raise Fault("sent A with a number out of range")
        ranges.append([first, last])
    if not ranges:
        raise Fault("sent A with a number out of range")
    return {"delay": delay, "ranges": ranges}


@dataclass
class Limits:
    """What a side allows the other before any frame says more."""

    streams: int
    link_credit: int
    stream_credit: int
    datagram: int
    features: int = 0

    FORM = struct.Struct(">IQQHI")

    def pack(self) -> bytes:
        return self.FORM.pack(self.streams, self.link_credit, self.stream_credit, self.datagram, self.features)

    @classmethod
    def unpack(cls, data: bytes) -> Limits:
        return cls(*cls.FORM.unpack(data))


@dataclass
class Initiation:
    """The payload of an initiation."""

    index: int
    time: int
    link: int
    instance: int
    limits: Limits
    ciphers: int = noise.CHACHA
    challenge: bytes = bytes(16)
    version: int = 1

    def pack(self) -> bytes:
        head = struct.pack(">BB2xIQQQ", self.version, self.ciphers, self.index, self.time, self.link, self.instance)
        return head + self.limits.pack() + bytes(6) + self.challenge

    @classmethod
    def unpack(cls, data: bytes) -> Initiation:
        version, ciphers, index, time, link, instance = struct.unpack(">BB2xIQQQ", data[:32])
        return cls(index, time, link, instance, Limits.unpack(data[32:58]), ciphers, data[64:80], version)


@dataclass
class Response:
    """The payload of a response."""

    status: int
    time: int
    epoch: int
    cipher: int = 0
    index: int = 0
    limits: Limits = field(default_factory=lambda: Limits(0, 0, 0, 0))
    incarnation: int = 0
    challenge: bytes = bytes(16)
    version: int = 1

    def pack(self) -> bytes:
        head = struct.pack(">BBBxIQQ", self.version, self.status, self.cipher, self.index, self.time, self.epoch)
        given = self.challenge + bytes(10) if self.status == STATUS_CLOCK else self.limits.pack()
        return head + given + struct.pack(">H4x", self.incarnation)

    @classmethod
    def unpack(cls, data: bytes) -> Response:
        version, status, cipher, index, time, epoch = struct.unpack(">BBBxIQQ", data[:24])
        limits, (incarnation,) = Limits.unpack(data[24:50]), struct.unpack(">H", data[50:52])
        challenge = data[24:40] if status == STATUS_CLOCK else bytes(16)
        return cls(status, time, epoch, cipher, index, limits, incarnation, challenge, version)


def mac1_key(server: bytes) -> bytes:
    """What mac1 is made with: a proxy2's public key."""
    return noise.digest(b"paso sealed 1 mac1" + server)


def initiation(index: int, server: bytes, message: bytes, cookie: bytes | None = None) -> bytes:
    """The datagram around the Noise message of an initiation."""
    covered = bytes([INITIATION]) + index.to_bytes(4, "big") + message
    covered += noise.mac(mac1_key(server), covered)
    return covered + (noise.mac(cookie, covered) if cookie else bytes(16))


def response(index: int, server: bytes, message: bytes) -> bytes:
    """The datagram around the Noise message of a response."""
    covered = bytes([RESPONSE]) + index.to_bytes(4, "big") + message
    return covered + noise.mac(mac1_key(server), covered)


def cookie_reply(index: int, server: bytes, mac1: bytes, nonce: bytes, cookie: bytes) -> bytes:
    """A cookie reply to the initiation with that mac1."""
    key = noise.digest(b"paso sealed 1 cookie" + server + mac1)
    return bytes([COOKIE]) + index.to_bytes(4, "big") + nonce + noise.aead_seal(noise.CHACHA, key, nonce, b"", cookie)


def open_cookie(reply: bytes, server: bytes, mac1: bytes) -> bytes:
    """Raises `Forged`."""
    key = noise.digest(b"paso sealed 1 cookie" + server + mac1)
    return noise.aead_open(noise.CHACHA, key, reply[5:17], b"", reply[17:])


class PacketKey:
    """Seals or opens the packets of one direction under one Noise key."""

    def __init__(self, cipher: int, key: bytes) -> None:
        self.cipher = cipher
        self.key, self.iv = noise.derive(key, b"paso sealed 1 key"), noise.derive(key, b"paso sealed 1 iv")[:12]

    def nonce(self, counter: int) -> bytes:
        return bytes(a ^ b for a, b in zip(self.iv, bytes(4) + counter.to_bytes(8, "big")))

    def seal(self, receiver: int, counter: int, frames: bytes) -> bytes:
        header = struct.pack(">BIQ", DATA, receiver, counter)
        return header + noise.aead_seal(self.cipher, self.key, self.nonce(counter), header, frames)

    def open(self, packet: bytes) -> bytes:
        """The frames; raises `Forged`."""
        _, _, counter = struct.unpack(">BIQ", packet[:HEADER_LEN])
        sealed, header = packet[HEADER_LEN:], packet[:HEADER_LEN]
        return noise.aead_open(self.cipher, self.key, self.nonce(counter), header, sealed)


@dataclass
class Ticket:
    """What the one line holds that lets a proxy1 join."""

    server: bytes
    private: bytes
    psk: bytes | None = None
    places: bytes = b""

    def text(self) -> str:
        flags = (1 if self.psk else 0) | (2 if self.places else 0)
        body = bytes([flags]) + (bytes([len(self.places)]) if self.places else b"")
        body += self.server + self.private + (self.psk or b"") + self.places
        body += noise.digest(b"paso checksum 1" + b"paso" + body)[:4]
        return "paso1" + base64.b32encode(body).decode().rstrip("=").lower()

    @classmethod
    def parse(cls, text: str) -> Ticket:
        """Raises `ValueError`."""
        text = "".join(text.removeprefix("\ufeff").split()).lower()
        if not text.startswith("paso1"):
            raise ValueError("not a ticket of version 1")
        coded = text.removeprefix("paso1").upper()
        data = base64.b32decode(coded + "=" * (-len(coded) % 8))
        body, check = data[:-4], data[-4:]
        if noise.digest(b"paso checksum 1" + b"paso" + body)[:4] != check:
            raise ValueError("the checksum is wrong")
        flags, at = body[0], 1
        if flags & 2:
            at += 1
        server, private, rest = body[at:at + 32], body[at + 32:at + 64], body[at + 64:]
        psk, places = (rest[:32], rest[32:]) if flags & 1 else (None, rest)
        return cls(server, private, psk, places)
