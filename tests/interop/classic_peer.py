#!/usr/bin/env python3
"""A second implementation of the classic protocol, in both roles, on Python's standard library alone.

It is written from the text of the protocol and from nothing else, so that the tests which put it on one side of a
link check that text and not one program against itself:

    classic_peer.py proxy1 TCP_PORT HOST PORT     accepts TCP clients, speaks to the proxy2 at HOST PORT
    classic_peer.py proxy2 UDP_PORT HOST PORT     takes datagrams, connects to the target at HOST PORT

    --trailing    ask with C10 for C1, as some programs of the course do
    --eager       send data at once after the request, and wait for no answer

It prints `listening on 127.0.0.1:PORT` when it is ready; port 0 takes a free one.
"""

import argparse
import collections
import queue
import socket
import threading
import time

PAYLOAD = 1400          # bytes of data in a datagram
REPEATS = (1, 2, 4)     # seconds between two requests, the last one until it gives up
LINGER = 0.3            # seconds of silence from the other side between a local FIN and the X
ID_REST = 1.0           # seconds between two uses of an id, when there is a choice
EARLY_LIMIT = 64 * 1024  # bytes held for a target that is still being connected


class Stream:
    """One TCP connection and its id. Bytes from the link are written by a thread of its own: it blocks nobody else."""

    def __init__(self, link, address, number):
        self.link = link
        self.address = address
        self.number = number
        self.connection = None
        self.requested = threading.Event()  # the first `C` has been sent
        self.opened = threading.Event()     # answered, either way
        self.accepted = False
        self.ended = False
        self.last_received = time.monotonic()
        self.incoming = queue.Queue()

    def send(self, kind, payload=b""):
        self.link.socket.sendto(kind + b"%d" % self.number + payload, self.address)

    def received(self, payload):
        self.last_received = time.monotonic()
        self.incoming.put(payload)

    def run(self, connection):
        self.connection = connection
        threading.Thread(target=self.write, daemon=True).start()
        self.read()

    def write(self):
        while True:
            payload = self.incoming.get()
            if payload is None:
                break
            try:
                self.connection.sendall(payload)
            except OSError:
                self.link.end(self, tell=True)
                break
        shut(self.connection)

    def read(self):
        """TCP to link; after a FIN it lingers, because one X ends both directions."""
        while True:
            try:
                payload = self.connection.recv(PAYLOAD)
            except OSError:
                break
            if not payload:
                self.last_received = time.monotonic()
                while not self.ended and time.monotonic() - self.last_received < LINGER:
                    time.sleep(0.02)
                break
            self.send(b"D", payload)
        self.link.end(self, tell=True)


class Link:
    """The UDP socket and the streams on it, by (address of the other proxy, id)."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind(("127.0.0.1", port))
        self.lock = threading.Lock()
        self.streams = {}

    def end(self, stream, tell):
        with self.lock:
            if stream.ended:
                return
            stream.ended = True
            self.streams.pop((stream.address, stream.number), None)
            self.freed(stream)
        stream.opened.set()
        stream.incoming.put(None)
        if tell:
            stream.send(b"X")

    def freed(self, stream):
        pass

    def serve(self):
        while True:
            try:
                datagram, address = self.socket.recvfrom(65536)
            except ConnectionRefusedError:
                continue
            kind, digit, payload = datagram[:1], datagram[1:2], datagram[2:]
            if kind not in (b"C", b"D", b"X") or digit not in [b"%d" % n for n in range(10)]:
                continue
            number = int(digit)
            stream = self.streams.get((address, number))
            if kind == b"C":
                self.control(stream, address, number, payload)
            elif kind == b"X":
                if stream:
                    self.end(stream, tell=False)
            elif stream:
                self.data(stream, payload)
            else:
                self.socket.sendto(b"X" + digit, address)

    def data(self, stream, payload):
        stream.received(payload)


class Proxy1(Link):
    def __init__(self, options):
        super().__init__(0)
        self.options = options
        self.peer = (socket.gethostbyname(options.host), options.peer_port)
        self.free = collections.deque((number, 0.0) for number in range(10))
        self.listener = socket.create_server(("127.0.0.1", options.port), backlog=64)
        self.address = self.listener.getsockname()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            with self.lock:
                if not self.free:
                    connection.close()      # the eleventh
                    continue
                number, _ = self.free.popleft()
                stream = Stream(self, self.peer, number)
                self.streams[self.peer, number] = stream
            threading.Thread(target=self.open, args=(stream, connection), daemon=True).start()

    def open(self, stream, connection):
        trailing = b"0" if self.options.trailing else b""
        if self.options.eager:
            threading.Thread(target=self.ask, args=(stream, trailing), daemon=True).start()
            stream.requested.wait()         # it goes first
            stream.accepted = True
        else:
            self.ask(stream, trailing)
        if stream.accepted:
            stream.run(connection)
        else:
            self.end(stream, tell=False)
            connection.close()

    def ask(self, stream, trailing):
        for wait in REPEATS:
            stream.send(b"C", trailing)
            stream.requested.set()
            if stream.opened.wait(wait):
                return
        self.end(stream, tell=True)

    def control(self, stream, address, number, payload):
        if stream is None:
            return
        if payload == b"OK":
            stream.accepted = True
            stream.opened.set()
        elif payload == b"NOK":
            stream.accepted = False
            self.end(stream, tell=False)

    def freed(self, stream):
        self.free.append((stream.number, time.monotonic() + ID_REST))


class Proxy2(Link):
    def __init__(self, options):
        super().__init__(options.port)
        self.target = (options.host, options.peer_port)
        self.address = self.socket.getsockname()

    def control(self, stream, address, number, payload):
        if stream is None:
            stream = self.streams[address, number] = Stream(self, address, number)
            threading.Thread(target=self.dial, args=(stream,), daemon=True).start()
        elif stream.accepted:
            stream.send(b"C", b"OK")        # the answer was lost

    def data(self, stream, payload):
        if stream.accepted or sum(map(len, list(stream.incoming.queue))) < EARLY_LIMIT:
            stream.received(payload)

    def dial(self, stream):
        try:
            connection = socket.create_connection(self.target, timeout=5)
        except OSError:
            stream.send(b"C", b"NOK")
            self.end(stream, tell=False)
            return
        connection.settimeout(None)
        stream.accepted = True
        stream.send(b"C", b"OK")
        stream.run(connection)


def shut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


def main():
    parser = argparse.ArgumentParser(description="A peer of the classic protocol.")
    parser.add_argument("role", choices=["proxy1", "proxy2"])
    parser.add_argument("port", type=int, help="TCP for proxy1, UDP for proxy2")
    parser.add_argument("host", help="of proxy2, or of the target")
    parser.add_argument("peer_port", type=int, metavar="port")
    parser.add_argument("--trailing", action="store_true", help="ask with C10 for C1")
    parser.add_argument("--eager", action="store_true", help="send data before the answer")
    options = parser.parse_args()
    link = Proxy1(options) if options.role == "proxy1" else Proxy2(options)
    if options.role == "proxy1":
        threading.Thread(target=link.accept, daemon=True).start()
    print("listening on %s:%d" % link.address, flush=True)
    try:
        link.serve()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
