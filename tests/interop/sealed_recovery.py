"""Which packets arrived, and which are lost: the section Recovery and congestion of PROTOCOL.md, in its smallest form."""

from __future__ import annotations

import random
from dataclasses import dataclass

from sealed_wire import Fault, Frame, encode

ACK_DELAY = 0.005       # seconds that the peer may wait
GRANULARITY = 0.001     # seconds
MAX_PTO = 1.0           # seconds
MOST_RANGES = 256


class Received:
    """The packets of the peer: what an acknowledgement says, and which packets are new."""

    WINDOW = 4_096

    def __init__(self) -> None:
        self.marked: set[int] = set()
        self.highest = -1
        self.ranges: list[list[int]] = []     # to acknowledge: first and last, from the lowest up
        self.largest_at = 0.0
        self.is_due = False

    def is_new(self, counter: int) -> bool:
        return counter > self.highest - self.WINDOW and counter not in self.marked

    def mark(self, counter: int) -> None:
        self.marked.add(counter)
        if counter > self.highest:
            self.highest = counter
            self.marked = {old for old in self.marked if old > counter - self.WINDOW}

    def note(self, now: float, counter: int) -> None:
        """A packet that is to be acknowledged."""
        if not self.ranges or counter > self.ranges[-1][1]:
            self.largest_at = now
        self.ranges.append([counter, counter])
        self.ranges.sort()
        joined: list[list[int]] = []
        for first, last in self.ranges:
            if joined and first <= joined[-1][1] + 1:
                joined[-1][1] = max(joined[-1][1], last)
            else:
                joined.append([first, last])
        self.ranges = joined[-MOST_RANGES:]

    def raise_floor(self, packet: int) -> None:
        kept = [[max(first, packet), last] for first, last in self.ranges if last >= packet]
        self.ranges = kept or self.ranges[-1:]

    def frame(self, now: float) -> Frame:
        self.is_due = False
        # The first 30 ranges take less room than a packet has, whatever their numbers.
        delay = max(0, int((now - self.largest_at) * 1e6))
        return Frame("A", {"delay": delay, "ranges": self.ranges[:-31:-1]})


@dataclass
class Sent:
    """A packet in flight."""

    at: float
    frames: list[Frame]


class Recovery:
    """What was sent, the round trip, and how many packets may be in flight (as RFC 9002 sections 5 to 7, without pacing)."""

    def __init__(self) -> None:
        self.flight: dict[int, Sent] = {}
        self.next = 0
        self.skipped: set[int] = set()
        self.next_skip = 64 + random.randrange(64)
        self.window, self.slow_start, self.halved_at = 10.0, True, 0
        self.smoothed: float | None = None
        self.variation = 0.333 / 2
        self.pto_count = 0
        self.last_sent = 0.0
        self.largest_acked = -1

    def number(self) -> int:
        """The number of the next packet. Some are left out, which the peer cannot foresee."""
        if self.next == self.next_skip:
            self.skipped.add(self.next)
            self.next_skip += 256 + random.randrange(256)
            self.next += 1
        self.next += 1
        return self.next - 1

    def on_sent(self, now: float, number: int, frames: list[Frame]) -> None:
        if any(frame.is_ack_eliciting() for frame in frames):
            self.flight[number] = Sent(now, frames)
            self.last_sent = now

    def on_ack(self, now: float, ack: Frame) -> list[Frame]:
        """The frames that are acknowledged by it for the first time."""
        largest = ack.ranges[0][1]
        if largest >= self.next or any(first <= number <= last for number in self.skipped for first, last in ack.ranges):
            raise Fault("acknowledged a packet that was never sent")
        news = [number for number in self.flight if any(first <= number <= last for first, last in ack.ranges)]
        if not news:
            return []
        if largest in news:
            self._sample(now - self.flight[largest].at, ack.delay / 1e6)
        self.pto_count = 0
        self.largest_acked = max(self.largest_acked, largest)
        self.window += len(news) if self.slow_start else len(news) / self.window
        return [frame for number in news for frame in self.flight.pop(number).frames]

    def _sample(self, latest: float, delay: float) -> None:
        if self.smoothed is None:
            self.smoothed, self.variation = latest, latest / 2
            return
        latest = max(latest - min(delay, ACK_DELAY), 0.0)
        self.variation += (abs(self.smoothed - latest) - self.variation) / 4
        self.smoothed += (latest - self.smoothed) / 8

    def _round_trip(self) -> float:
        return 0.333 if self.smoothed is None else self.smoothed

    def lost(self, now: float) -> list[Frame]:
        """The frames of packets that were sent before one that arrived, a round trip and a quarter ago."""
        late = now - max(self._round_trip() * 1.25, GRANULARITY)
        gone = [number for number, sent in self.flight.items() if number < self.largest_acked and sent.at <= late]
        if gone and max(gone) >= self.halved_at:
            self.window, self.slow_start, self.halved_at = max(self.window / 2, 2), False, self.next
        return [frame for number in gone for frame in self.flight.pop(number).frames]

    def probe_due(self) -> float:
        """When something must be sent again, because nothing is heard."""
        if not self.flight:
            return float("inf")
        timeout = self._round_trip() + max(4 * self.variation, GRANULARITY) + ACK_DELAY
        return self.last_sent + min(timeout * (1 << self.pto_count), max(timeout, MAX_PTO))

    def probe(self) -> list[Frame]:
        """The frames of the oldest packet in flight, to be sent once more; it stays in flight."""
        self.pto_count = min(self.pto_count + 1, 16)
        return list(self.flight[min(self.flight)].frames)

    def may_send(self) -> bool:
        return len(self.flight) < self.window


def size(frames: list[Frame]) -> int:
    """Bytes of frames in a packet."""
    return sum(len(encode(frame)) for frame in frames)
