"""proxy1's side of the sealed peer, and what it tries with a real proxy2 whose target is an echo server."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import replace

import noise
from sealed_link import LIMITS, NO_TARGET, Event, Link, Session
from sealed_socket import Address, Socket, log, micros, randint
from sealed_wire import (COOKIE, COOKIE_LEN, DATA, HEADER_LEN, RESPONSE, RESPONSE_LEN, STATUS_CLOCK, TAG_LEN, Initiation,
                         PacketKey, Response, Ticket, initiation, mac1_key, open_cookie)

PATIENCE = 20.0           # seconds that a step may take
FIRST_REPEAT = 0.25       # seconds before an initiation is sent again; doubles
LAST_REPEAT = 1.0         # seconds
PAUSES = (0.5, 1.0, 2.0)  # seconds after a refusal: proxy2 may know of a new ticket a moment later
UNKNOWN_TICKET = 1        # status of a response
RESET = 0                 # code of X


class Refused(Exception):
    """proxy2 does not let this client in."""


class Client:
    """proxy1's side: one link, and what is asked of it."""

    def __init__(self, ticket: Ticket, to: Address) -> None:
        self.ticket, self.to, self.socket = ticket, to, Socket()
        self.link_id, self.instance = randint(8), randint(8)
        self.link: Link | None = None
        self.sessions: dict[int, Session] = {}
        self.pending: dict[int, tuple[noise.Initiator, bytes]] = {}
        self.cookie: bytes | None = None
        self.challenge, self.last_time = bytes(16), 0
        self.heard_of: tuple[int, int] | None = None     # epoch and incarnation

    def ask(self) -> None:
        """Sends an initiation."""
        index = randint(4)
        self.last_time = max(micros(), self.last_time + 1)
        payload = Initiation(index, self.last_time, self.link_id, self.instance, LIMITS, noise.CHACHA, self.challenge)
        asker = noise.Initiator(self.ticket.private, self.ticket.server, os.urandom(32))
        message = initiation(index, self.ticket.server, asker.write(payload.pack()), self.cookie)
        self.pending[index] = (asker, message)
        self.socket.send([message], self.to)

    def join(self) -> None:
        """Asks until there are new keys. Raises `Refused`."""
        before, repeat, due = len(self.sessions), FIRST_REPEAT, 0.0
        give_up = time.monotonic() + PATIENCE
        while len(self.sessions) == before:
            now = time.monotonic()
            if now > give_up:
                raise TimeoutError("proxy2 does not answer")
            if now >= due:
                self.ask()
                due, repeat = now + repeat, min(2 * repeat, LAST_REPEAT)
            self.turn(due)
        self.pending.clear()

    def turn(self, until: float) -> list[Event]:
        """Takes in what comes, sends what must leave, and says what happened."""
        link = self.link
        if link:
            self.socket.send(link.transmit(time.monotonic()), self.to)
        came = self.socket.receive(min(until, link.timeout() if link else until))
        now = time.monotonic()
        while came:
            try:
                self.handle(now, came[0])
            except noise.Forged:
                pass
            came = self.socket.receive(0.0)
        if self.link is None:
            return []
        self.socket.send(self.link.transmit(now), self.to)
        events, self.link.events = self.link.events, []
        return events

    def handle(self, now: float, data: bytes) -> None:
        kind = data[:1]
        if kind == bytes([DATA]) and len(data) >= HEADER_LEN + TAG_LEN:
            session = self.sessions.get(int.from_bytes(data[1:5], "big"))
            if session and self.link:
                self.link.receive(now, session, data)
        elif kind == bytes([RESPONSE]) and len(data) == RESPONSE_LEN:
            self.handle_response(now, data)
        elif kind == bytes([COOKIE]) and len(data) == COOKIE_LEN:
            asker, message = self.pending.get(int.from_bytes(data[1:5], "big"), (None, b""))
            if asker and not any(message[197:]):
                self.cookie = open_cookie(data, self.ticket.server, message[181:197])
                proven = message[:197] + noise.mac(self.cookie, message[:197])
                self.pending[int.from_bytes(data[1:5], "big")] = (asker, proven)
                self.socket.send([proven], self.to)

    def handle_response(self, now: float, data: bytes) -> None:
        index = int.from_bytes(data[1:5], "big")
        asker, _ = self.pending.get(index, (None, b""))
        if asker is None or noise.mac(mac1_key(self.ticket.server), data[:109]) != data[109:]:
            return
        answer, keys = self.open_response(asker, data[5:109])
        self.pending.pop(index)
        if answer.status == STATUS_CLOCK:
            log("challenged")
            self.challenge, self.last_time = answer.challenge, 0
            return self.ask()
        if answer.status:
            raise Refused(answer.status)
        if answer.version != 1 or answer.cipher != noise.CHACHA:
            return
        session = Session(index, answer.index, PacketKey(answer.cipher, keys[0]), PacketKey(answer.cipher, keys[1]), now)
        who = (answer.epoch, answer.incarnation)
        if self.link is None:
            self.link = Link(0, replace(answer.limits))
        elif self.heard_of != who:
            raise AssertionError("the link began anew")
        self.heard_of, self.link.session, self.sessions[index] = who, session, session
        self.link.probe()

    def open_response(self, asker: noise.Initiator, message: bytes) -> tuple[Response, tuple[bytes, bytes]]:
        """With the ticket's pre-shared key; a refusal also without."""
        if self.ticket.psk:
            try:
                payload, keys, _ = asker.read(message, self.ticket.psk)
                return Response.unpack(payload), keys
            except noise.Forged:
                pass
        payload, keys, _ = asker.read(message, noise.NO_PSK)
        answer = Response.unpack(payload)
        if self.ticket.psk and answer.status == 0:
            raise noise.Forged
        return answer, keys

    def until(self, is_done: Callable[[Event], bool]) -> None:
        """Goes on until an event completes a step."""
        give_up = time.monotonic() + PATIENCE
        while not any([is_done(event) for event in self.turn(give_up)]):
            if time.monotonic() > give_up:
                raise TimeoutError("a step takes too long")


def echo(client: Client, sizes: list[int]) -> None:
    """Streams at a time, each with its end behind its bytes; what comes back is what went, and ends in order."""
    assert client.link is not None
    sent, came, ended = {}, {}, set()
    for size in sizes:
        data = os.urandom(size)
        stream = client.link.open(b"", data, finish=True)
        sent[stream.id], came[stream.id] = hashlib.sha256(data).hexdigest(), bytearray()

    def is_done(event: Event) -> bool:
        kind, stream, value = event
        assert stream is not None and kind in ("opened", "data", "end"), event
        if kind == "data":
            came[stream.id] += value
        elif kind == "end":
            ended.add(stream.id)
        return len(ended) == len(sizes)

    client.until(is_done)
    assert {number: hashlib.sha256(data).hexdigest() for number, data in came.items()} == sent
    log(f"{len(sizes)} streams echoed {sum(sizes)} bytes")


def half_close(client: Client) -> None:
    """The end of one direction leaves the other one open."""
    assert client.link is not None
    stream, heard = client.link.open(b"", b"first "), bytearray()

    def collect(event: Event) -> bool:
        if event[0] == "data":
            heard.extend(event[2])
        return bytes(heard) == b"first " or event[0] == "end"

    client.until(collect)
    client.link.write(stream, b"last", finish=True)
    client.until(lambda event: collect(event) and event[0] == "end")
    assert heard == b"first last", heard
    log("half close")


def resets(client: Client) -> None:
    """A target that is none is refused; a stream of ours is reset, and the link goes on."""
    assert client.link is not None
    for target in (b"no target", b"127.0.0.1:1"):
        client.link.open(target, b"hola")
        client.until(lambda event: event[0] == "reset" and event[2] == NO_TARGET)
    stream = client.link.open(b"", b"x" * 10_000)
    client.until(lambda event: event[0] == "data")
    client.link.reset(stream, RESET)
    echo(client, [1_000])
    give_up = time.monotonic() + PATIENCE
    while client.link.streams:
        client.turn(give_up)
        assert time.monotonic() < give_up, client.link.streams
    log("resets")


def run(ticket: Ticket, proxy2: Address) -> int:
    """Tries everything; 3 if proxy2 does not let this client in."""
    client = Client(ticket, proxy2)
    pauses = list(PAUSES)
    while True:
        try:
            client.join()
            break
        except Refused as refused:
            log(f"refused with status {refused}")
            if refused.args != (UNKNOWN_TICKET,) or not pauses:
                return 3
        time.sleep(pauses.pop(0))
    log("link up")
    echo(client, [0, 1, 1_200, 100_000, 100_000])
    half_close(client)
    resets(client)
    client.join()
    echo(client, [100_000])
    assert client.link is not None
    log(f"new keys: {len(client.sessions)} sessions")
    client.socket.send(client.link.end(time.monotonic(), 0), client.to)
    return 0
