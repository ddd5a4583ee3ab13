"""What the emulator wrote while a cell was measured: packets and bytes over time."""
from bisect import bisect_right

from load import SLOT

WAYS = {"up": 1, "down": 4}


class Trace:
    def __init__(self, path):
        self.rows = [list(map(float, line.split())) for line in open(path) if line.count(" ") == 6]

    def between(self, way, begin, end):
        """Packets, bytes and overflowed packets that came to the emulator between two moments of CLOCK_MONOTONIC."""
        first, last = self.at(begin), self.at(end)
        return [last[column] - first[column] for column in range(WAYS[way], WAYS[way] + 3)]

    def at(self, moment):
        return self.rows[max(bisect_right(self.rows, [moment]) - 1, 0)]

    def wire(self, way, result, delay):
        """Bytes on the wire for each byte of payload. What left too late to arrive before the counting ended, `delay` seconds
        earlier, is on neither side."""
        _, size, _ = self.between(way, result["began"], result["ended"] - delay)
        return size / result["bytes"] if result["bytes"] else None

    def overflow(self, way, begin, end):
        """The share of packets that the bottleneck dropped, in percent."""
        packets, _, overflowed = self.between(way, begin, end)
        return 100 * overflowed / max(packets, 1)


def rate(result, begin, end):
    """Mbit/s of payload that arrived between two moments."""
    first, last = (max(round((moment - result["began"]) / SLOT), 0) for moment in (begin, end))
    return sum(result["slots"][first:last]) * 8e-6 / ((last - first) * SLOT)
