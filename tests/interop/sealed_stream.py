"""Streams of the sealed link: one object for each, with the states of the section Streams of PROTOCOL.md."""

from __future__ import annotations

from dataclasses import dataclass, field

from sealed_wire import Fault, Frame

WINDOW = 65_536   # bytes that the peer may be ahead of what was read


@dataclass
class Receiving:
    """A receiving half: it puts bytes in order. They count as read as soon as they are."""

    credit: int
    read: int = 0
    end: int | None = None
    ahead: dict[int, bytes] = field(default_factory=dict)

    def set_end(self, end: int) -> None:
        highest = max((offset + len(data) for offset, data in self.ahead.items()), default=self.read)
        if end > self.credit:
            raise Fault("sent beyond the credit of a stream")
        if self.end not in (None, end) or end < max(highest, self.read):
            raise Fault("moved the end of a stream")
        self.end = end

    def take(self, offset: int, data: bytes, end: bool) -> bytes:
        """Takes bytes in whatever order they come; returns those that can be read now."""
        behind = offset + len(data)
        if behind > self.credit:
            raise Fault("sent beyond the credit of a stream")
        if end:
            self.set_end(behind)
        if self.end is not None and behind > self.end:
            raise Fault("moved the end of a stream")
        if len(data) > len(self.ahead.get(offset, b"")):
            self.ahead[offset] = data
        ready = bytearray()
        for start in sorted(self.ahead):
            if start > self.read:
                break
            fresh = self.ahead.pop(start)[self.read - start:]
            ready += fresh
            self.read += len(fresh)
        return bytes(ready)

    def is_read(self) -> bool:
        """Whether all bytes up to the end have been read: DataRead, or ResetRead if a reset said the end."""
        return self.end == self.read

    def widen(self) -> bool:
        """Gives more credit once a quarter of the window is used; true if the peer must be told."""
        if self.end is not None or self.credit - self.read > WINDOW * 3 // 4:
            return False
        self.credit = self.read + WINDOW
        return True


@dataclass
class Sending:
    """A sending half: bytes written, those sent, and the pieces that nobody has acknowledged."""

    credit: int = 0
    written: bytearray = field(default_factory=bytearray)
    sent: int = 0
    finished: bool = False
    end_sent: bool = False
    pieces: dict[tuple[int, int], Frame] = field(default_factory=dict)

    def has_more(self) -> bool:
        return self.sent < min(len(self.written), self.credit) or self._end_is_next()

    def _end_is_next(self) -> bool:
        return self.finished and not self.end_sent and self.sent == len(self.written)

    def next_piece(self, stream: int, room: int) -> Frame:
        """The next `D`, of at most `room` bytes of the stream."""
        until = min(len(self.written), self.credit, self.sent + room)
        data, offset, self.sent = bytes(self.written[self.sent:until]), self.sent, until
        self.end_sent = self._end_is_next()
        frame = Frame("D", {"id": stream, "offset": offset, "end": int(self.end_sent), "bytes": data})
        self.pieces[offset, frame.end] = frame
        return frame

    def cut(self) -> int:
        """Drops what there is no credit for; the offset at which the stream then ends."""
        del self.written[max(self.sent, min(len(self.written), self.credit)):]
        self.finished = self.end_sent
        return len(self.written)

    def give_up(self) -> None:
        """The peer has reset: nothing of it is wanted."""
        self.pieces.clear()
        self.sent, self.finished, self.end_sent = len(self.written), True, True

    def is_done(self) -> bool:
        """DataRecvd."""
        return self.end_sent and not self.pieces


@dataclass
class Stream:
    """One stream at one side."""

    id: int
    target: bytes
    receiving: Receiving
    sending: Sending = field(default_factory=Sending)
    resets: bool = False             # X was sent
    reset_code: int | None = None    # X came
    told: bool = False               # the application knows how the peer's direction ended

    def is_over(self, unacknowledged: set[str]) -> bool:
        """`unacknowledged`: the kinds of `C`, `K` and `X` that were sent for it and have not been acknowledged."""
        if self.resets:
            sent = self.sending.sent >= len(self.sending.written) and not self.sending.pieces
            return sent and not unacknowledged & {"C", "X"}
        if self.reset_code is not None:
            return self.told and "C" not in unacknowledged
        return self.sending.is_done() and self.receiving.is_read() and not unacknowledged
