"""proxy2's side of the sealed peer: it makes a ticket, and each stream of a real proxy1 hears what it says."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass, replace

import noise
from sealed_link import LIMITS, Link, Session
from sealed_socket import Address, Socket, log, micros, randint
from sealed_stream import Stream
from sealed_wire import (DATA, HEADER_LEN, INITIATION, INITIATION_LEN, STATUS_CLOCK, TAG_LEN, Fault, Initiation, PacketKey,
                         Response, Ticket, cookie_reply, mac1_key, response)

CLOCK_TOLERANCE = 600_000_000     # microseconds
CHALLENGE_AGAIN = 0.5             # seconds
REFUSED = 1                       # code of X


@dataclass
class Options:
    """How the server behaves."""

    psk: bool              # its ticket has a pre-shared key
    cookie: bool           # a proxy1 must prove its address first
    clock_offset: float    # seconds that its clock is ahead
    refuse: int            # streams that it resets at first


class ServerLink:
    """A link of a client, with its sessions and its path."""

    def __init__(self, link: Link, at: Address) -> None:
        self.link, self.proven, self.candidate, self.token = link, at, at, b""
        self.challenged = 0.0


class Server:
    """proxy2's side, for one ticket."""

    def __init__(self, options: Options) -> None:
        self.private, self.epoch, self.socket = os.urandom(32), randint(8), Socket()
        self.public = noise.public_key(self.private)
        self.ticket = Ticket(self.public, os.urandom(32), os.urandom(32) if options.psk else None)
        self.clock_offset = int(options.clock_offset * 1e6)
        self.cookies, self.secret, self.challenges = options.cookie, os.urandom(32), os.urandom(32)
        self.to_refuse = options.refuse
        self.taken: dict[int, int] = {}
        self.links: dict[int, ServerLink] = {}
        self.sessions: dict[int, tuple[Session, ServerLink]] = {}

    def run(self) -> None:
        host, port = self.socket.udp.getsockname()
        log(f"listening on {host}:{port}")
        log(f"ticket {self.ticket.text()}")
        while True:
            due = min((one.link.timeout() for one in self.links.values()), default=float("inf"))
            came = self.socket.receive(due)
            while came:
                self.handle(*came)
                came = self.socket.receive(0.0)
            now = time.monotonic()
            for number, one in list(self.links.items()):
                self.serve(one)
                self.socket.send(one.link.transmit(now), one.proven)
                if one.link.is_over:
                    del self.links[number]
                    self.sessions = {index: held for index, held in self.sessions.items() if held[1] is not one}

    def handle(self, data: bytes, at: Address) -> None:
        if data[:1] == bytes([INITIATION]) and len(data) == INITIATION_LEN:
            try:
                self.handle_initiation(data, at)
            except noise.Forged:
                pass
        elif data[:1] == bytes([DATA]) and len(data) >= HEADER_LEN + TAG_LEN:
            session, one = self.sessions.get(int.from_bytes(data[1:5], "big"), (None, None))
            if session is not None and one is not None and not one.link.is_over:
                self.handle_packet(session, one, data, at)

    def handle_packet(self, session: Session, one: ServerLink, data: bytes, at: Address) -> None:
        now, counter = time.monotonic(), int.from_bytes(data[5:13], "big")
        try:
            if not one.link.receive(now, session, data):
                return
        except Fault as fault:
            log(f"fault: {fault}")
            return self.socket.send(one.link.end(now, 3, str(fault)), one.proven)
        if one.link.session is None or session.born > one.link.session.born:
            one.link.session = session
        newest = counter == one.link.newest
        if newest and at == one.proven:
            one.candidate, one.token = at, b""
        elif newest and (at != one.candidate or now - one.challenged > CHALLENGE_AGAIN):
            if at != one.candidate:
                one.candidate, one.token = at, os.urandom(8)
            one.challenged = now
            self.socket.send([one.link.challenge(now, one.token)], at)

    def handle_initiation(self, data: bytes, at: Address) -> None:
        """In the order of the section What proxy2 does with an initiation."""
        index = int.from_bytes(data[1:5], "big")
        if noise.mac(mac1_key(self.public), data[:181]) != data[181:197]:
            return
        cookie = noise.mac(self.secret, socket.inet_aton(at[0]))
        if self.cookies and noise.mac(cookie, data[:197]) != data[197:]:
            log("asks for a cookie")
            return self.socket.send([cookie_reply(index, self.public, data[181:197], os.urandom(12), cookie)], at)
        answering = noise.Responder(self.private, data[5:181])
        asked = Initiation.unpack(answering.payload)
        if asked.index != index:
            return
        now = micros() + self.clock_offset
        status, challenge = self.judge(answering.client, asked, now)
        if status is None:
            return
        psk = self.ticket.psk if status == 0 and self.ticket.psk else noise.NO_PSK
        said = Response(status, now, self.epoch, challenge=challenge)
        if status == 0:
            said = replace(said, cipher=noise.CHACHA, index=randint(4), limits=LIMITS)
        message, keys = answering.write(os.urandom(32), psk, said.pack())
        if status == 0:
            self.accept(asked, said, keys, at)
        else:
            log(f"refused with status {status}")
        self.socket.send([response(index, self.public, message)], at)

    def judge(self, client: bytes, asked: Initiation, now: int) -> tuple[int | None, bytes]:
        """The status of the response, `None` for none, and the challenge that comes with it."""
        if asked.version != 1:
            return 6, bytes(16)
        if client != noise.public_key(self.ticket.private):
            return 1, bytes(16)
        challenge = noise.mac(self.challenges, client + asked.link.to_bytes(8, "big"))
        known = asked.challenge == challenge if any(asked.challenge) else abs(asked.time - now) <= CLOCK_TOLERANCE
        if not known:
            return STATUS_CLOCK, challenge
        if asked.time <= self.taken.get(asked.link, -1) or not asked.ciphers & noise.CHACHA:
            return None, bytes(16)
        self.taken[asked.link] = asked.time
        return 0, bytes(16)

    def accept(self, asked: Initiation, said: Response, keys: tuple[bytes, bytes], at: Address) -> None:
        one = self.links.get(asked.link)
        if one is None:
            log("link up")
            one = self.links[asked.link] = ServerLink(Link(1, replace(asked.limits)), at)
        there, back = (PacketKey(said.cipher, key) for key in keys)
        self.sessions[said.index] = (Session(said.index, asked.index, back, there, time.monotonic()), one)

    def serve(self, one: ServerLink) -> None:
        """Each stream hears what it says."""
        events, one.link.events = one.link.events, []
        for kind, stream, value in events:
            if kind == "path" and value == one.token:
                one.proven, one.token = one.candidate, b""
                log("moved")
            elif kind == "ended":
                log(f"ended with code {value[0]} {value[1]}")
            elif stream is not None:
                self.serve_stream(one.link, kind, stream, value)

    def serve_stream(self, link: Link, kind: str, stream: Stream, value: object) -> None:
        if kind == "open" and self.to_refuse > 0:
            self.to_refuse -= 1
            link.reset(stream, REFUSED)
        elif kind == "open":
            link.accept(stream)
        elif kind == "data" and isinstance(value, bytes):
            link.write(stream, value)
        elif kind == "end":
            link.write(stream, b"", finish=True)
        elif kind == "reset":
            log(f"stream {stream.id} was reset with code {value}")
