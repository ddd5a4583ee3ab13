"""One end of a sealed link, for both roles: streams over packets under keys that change. No sockets and no clock."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from noise import Forged
from sealed_recovery import Received, Recovery, size
from sealed_stream import WINDOW, Receiving, Stream
from sealed_wire import HEADER_LEN, NUMBER_MAX, REASON_MAX, TAG_LEN, Fault, Frame, Limits, PacketKey, decode, encode

LIMITS = Limits(streams=100, link_credit=256 * 1024, stream_credit=WINDOW, datagram=1_472)
ROOM = 1_200 - HEADER_LEN - TAG_LEN     # bytes of frames in a packet
FLOOR_EVERY = 32                        # packets
REJECT_AFTER = 180.0                    # seconds
REJECT_PACKETS = (1 << 32) + (1 << 28)
NO_TARGET = 4                           # code of X

Event = tuple[str, "Stream | None", Any]


@dataclass
class Session:
    """The keys of one handshake."""

    local: int
    remote: int
    seal: PacketKey
    open: PacketKey
    born: float
    first_sealed: int | None = None
    first_opened: int | None = None

    def is_good(self, now: float, counter: int, first: int | None) -> bool:
        return now - self.born < REJECT_AFTER and counter - (counter if first is None else first) < REJECT_PACKETS


@dataclass
class Link:
    """`side` is 0 for proxy1 and 1 for proxy2. Drain `events` and `transmit` after each call."""

    side: int
    peer: Limits
    session: Session | None = None
    streams: dict[int, Stream] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    is_over: bool = False
    received: Received = field(default_factory=Received)
    recovery: Recovery = field(default_factory=Recovery)
    control: deque[Frame] = field(default_factory=deque)
    once: dict[tuple[str, int], Frame] = field(default_factory=dict)     # C, K and X without an acknowledgement
    opened: set[int] = field(default_factory=set)                        # ids of both halves that are or were open
    next_id: int = 0
    credit_taken: int = 0
    credit_told: int = LIMITS.link_credit
    peer_taken: int = 0
    declined: bool = False
    newest: int = -1        # the highest packet that holds more than path probes
    since_floor: int = 0

    # What the application does.

    def open(self, target: bytes, data: bytes = b"", finish: bool = False) -> Stream:
        """Opens a stream. What `data` holds leaves with it, as far as the link's credit goes."""
        stream = Stream(2 * self.next_id + self.side, target, Receiving(WINDOW))
        self.next_id += 1
        stream.sending.credit = min(len(data), self.peer.stream_credit, self.peer.link_credit - self.credit_taken)
        self.credit_taken += stream.sending.credit
        self.streams[stream.id] = stream
        self.opened.add(stream.id)
        first = {"credit": WINDOW, "first": stream.sending.credit, "target": target}
        self._announce(Frame("C", {"id": stream.id, **first}))
        self.write(stream, data, finish)
        return stream

    def write(self, stream: Stream, data: bytes, finish: bool = False) -> None:
        if not stream.resets and stream.reset_code is None:
            stream.sending.written += data
            stream.sending.finished |= finish

    def accept(self, stream: Stream) -> None:
        """The target has been dialled."""
        self._announce(Frame("K", {"id": stream.id}))

    def reset(self, stream: Stream, code: int) -> None:
        stream.resets = True
        self._announce(Frame("X", {"id": stream.id, "code": code, "offset": stream.sending.cut()}))

    def probe(self) -> None:
        """Asks for a sign of life."""
        self.control.append(Frame("P"))

    def challenge(self, now: float, token: bytes) -> bytes:
        """A packet for a path that is not proven."""
        return self.seal(now, [Frame("Q", {"token": token})])

    def end(self, now: float, code: int, reason: str = "") -> list[bytes]:
        """The last packet."""
        said = Frame("E", {"code": code, "reason": reason.encode()[:REASON_MAX]})
        self.is_over = True
        return [self.seal(now, [said])] if self.session else []

    def _announce(self, frame: Frame) -> None:
        self.once[frame.kind, frame.id] = frame
        self.control.append(frame)

    # What the network brings.

    def receive(self, now: float, session: Session, packet: bytes) -> bool:
        """Takes in a packet under these keys; false, and nothing has changed, if it does not open."""
        _, _, counter = struct.unpack(">BIQ", packet[:HEADER_LEN])
        good = session.is_good(now, counter, session.first_opened)
        if counter > NUMBER_MAX or not good or not self.received.is_new(counter):
            return False
        try:
            payload = session.open.open(packet)
        except Forged:
            return False
        self.received.mark(counter)
        if session.first_opened is None:
            session.first_opened = counter
        self.declined = False
        frames = decode(payload)
        for frame in frames:
            self._take(now, frame)
        if any(frame.kind not in ("Q", "R", "padding") for frame in frames):
            self.newest = max(self.newest, counter)
        if not self.declined:
            self.received.note(now, counter)
            self.received.is_due |= any(frame.is_ack_eliciting() for frame in frames)
        return True

    def _take(self, now: float, frame: Frame) -> None:
        kind = frame.kind
        if kind == "A":
            for arrived in self.recovery.on_ack(now, frame):
                self._acknowledged(arrived)
        elif kind == "F":
            self.received.raise_floor(frame.packet)
        elif kind == "Q":
            self.control.append(Frame("R", {"token": frame.token}))
        elif kind == "R":
            self.events.append(("path", None, frame.token))
        elif kind == "M":
            self.peer.link_credit = max(self.peer.link_credit, frame.offset)
        elif kind == "E":
            self.is_over = True
            self.events.append(("ended", None, (frame.code, frame.reason.decode(errors="replace"))))
        elif kind == "C":
            self._opened(frame)
        elif kind in ("D", "K", "W", "X"):
            self._of_stream(frame)

    def _opened(self, frame: Frame) -> None:
        if frame.id & 1 == self.side:
            raise Fault("opened a stream of the wrong half")
        if frame.id in self.opened:
            return
        self.opened.add(frame.id)
        self.peer_taken += frame.first
        if self.peer_taken > self.credit_told:
            raise Fault("opened a stream beyond the credit of the link")
        stream = Stream(frame.id, frame.target, Receiving(frame.first))
        stream.sending.credit = frame.credit
        self.streams[stream.id] = stream
        if self.credit_told - self.peer_taken < LIMITS.link_credit // 2:
            self.credit_told = self.peer_taken + LIMITS.link_credit
            self.control.append(Frame("M", {"offset": self.credit_told}))
        self._widen(stream)
        self.events.append(("open", stream, frame.target))

    def _of_stream(self, frame: Frame) -> None:
        own = frame.id & 1 == self.side
        if frame.kind == "K" and not own:
            raise Fault("answered a stream of the wrong half")
        if frame.id not in self.opened:
            if own:
                raise Fault("named a stream that its receiver never opened")
            self.declined = True
            return
        stream = self.streams.get(frame.id)
        if stream is None:
            return
        if frame.kind == "K":
            self.events.append(("opened", stream, None))
        elif frame.kind == "W":
            stream.sending.credit = max(stream.sending.credit, frame.offset)
        elif frame.kind == "X":
            self._reset_came(stream, frame)
        elif not stream.resets:
            data = stream.receiving.take(frame.offset, frame.bytes, bool(frame.end))
            if data:
                self.events.append(("data", stream, data))
                self._widen(stream)
            self._tell_end(stream)
        self._forget_if_over(stream)

    def _reset_came(self, stream: Stream, frame: Frame) -> None:
        if stream.resets:
            self.once.pop(("X", stream.id), None)
            stream.sending.give_up()
        elif stream.reset_code is None:
            stream.receiving.set_end(frame.offset)
            stream.reset_code = frame.code
            stream.told = False
            stream.sending.give_up()
            self._tell_end(stream)

    def _tell_end(self, stream: Stream) -> None:
        """The application hears of an end, or of a reset, behind the last byte."""
        if stream.receiving.is_read() and not stream.told:
            stream.told = True
            event = ("end", None) if stream.reset_code is None else ("reset", stream.reset_code)
            self.events.append((event[0], stream, event[1]))

    def _widen(self, stream: Stream) -> None:
        if stream.receiving.widen():
            self.control.append(Frame("W", {"id": stream.id, "offset": stream.receiving.credit}))

    def _acknowledged(self, frame: Frame) -> None:
        if frame.kind in ("C", "K", "X"):
            self.once.pop((frame.kind, frame.id), None)
        stream = self.streams.get(frame.fields.get("id", -1))
        if stream is None:
            return
        if frame.kind == "D":
            stream.sending.pieces.pop((frame.offset, frame.end), None)
        self._forget_if_over(stream)

    def _forget_if_over(self, stream: Stream) -> None:
        if stream.is_over({kind for kind, number in self.once if number == stream.id}):
            self.streams.pop(stream.id, None)

    # What leaves.

    def _again(self, frames: list[Frame]) -> None:
        """Queues what was lost, as far as it still means something."""
        for frame in frames:
            if frame.kind in ("C", "K", "X"):
                frame_again = self.once.get((frame.kind, frame.id))
            elif frame.kind == "M":
                frame_again = Frame("M", {"offset": self.credit_told})
            elif frame.kind in ("D", "W") and frame.id in self.streams:
                stream = self.streams[frame.id]
                told = Frame("W", {"id": frame.id, "offset": stream.receiving.credit})
                frame_again = told if frame.kind == "W" else stream.sending.pieces.get((frame.offset, frame.end))
            else:
                frame_again = None
            if frame_again is not None:
                self.control.append(frame_again)

    def timeout(self) -> float:
        """When `transmit` has something to do though nothing comes."""
        return self.recovery.probe_due() if self.session and not self.is_over else float("inf")

    def transmit(self, now: float) -> list[bytes]:
        """The packets that must leave now."""
        packets: list[bytes] = []
        if self.session is None or self.is_over:
            return packets
        self._again(self.recovery.lost(now))
        probes = self.recovery.probe_due() <= now
        if probes:
            self._again(self.recovery.probe())
            self.control.append(Frame("P"))
        while frames := self._frames(now, probes):
            packets.append(self.seal(now, frames))
            probes = False
        return packets

    def _frames(self, now: float, probes: bool) -> list[Frame]:
        frames: list[Frame] = []
        if self.received.is_due:
            frames.append(self.received.frame(now))
        if self.since_floor >= FLOOR_EVERY:
            self.since_floor = 0
            frames.append(Frame("F", {"packet": min(self.recovery.flight, default=self.recovery.next)}))
        if not probes and not self.recovery.may_send():
            return frames
        while self.control and size(frames + [self.control[0]]) <= ROOM:
            frames.append(self.control.popleft())
        for stream in self.streams.values():
            # 25: the most that the head of a `D` takes.
            while stream.sending.has_more() and ROOM - size(frames) > 64:
                frames.append(stream.sending.next_piece(stream.id, ROOM - size(frames) - 25))
        return frames

    def seal(self, now: float, frames: list[Frame]) -> bytes:
        """The next packet, with these frames."""
        session, number = self.session, self.recovery.number()
        assert session is not None and session.is_good(now, number, session.first_sealed)
        if session.first_sealed is None:
            session.first_sealed = number
        self.recovery.on_sent(now, number, frames)
        self.since_floor += 1
        return session.seal.seal(session.remote, number, b"".join(map(encode, frames)))
