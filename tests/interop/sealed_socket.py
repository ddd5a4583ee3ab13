"""What both roles of the sealed peer need of the world: a socket, clocks, randomness, and where to say what happened."""

from __future__ import annotations

import os
import select
import socket
import time

Address = tuple[str, int]


def log(*words: object) -> None:
    """Says what happened, at once."""
    print(*words, flush=True)


def randint(size: int) -> int:
    """A random number of that many bytes."""
    return int.from_bytes(os.urandom(size), "big")


def micros() -> int:
    """The wall clock, in microseconds since 1970."""
    return int(time.time() * 1e6)


class Socket:
    """A UDP socket with a patience."""

    def __init__(self) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.udp.bind(("127.0.0.1", 0))

    def receive(self, until: float) -> tuple[bytes, Address] | None:
        """The next datagram; `None` at that time, and after a second at the latest."""
        ready, _, _ = select.select([self.udp], [], [], max(0.0, min(until - time.monotonic(), 1.0)))
        if not ready:
            return None
        data, address = self.udp.recvfrom(65_536)
        return data, address

    def send(self, packets: list[bytes], to: Address) -> None:
        """Sends datagrams."""
        for packet in packets:
            self.udp.sendto(packet, to)
