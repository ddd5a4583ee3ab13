#!/usr/bin/env python3
"""A proxy1 as one writes it first: blocking sockets, one thread for each client, the system's own socket buffers.

    plain_proxy1.py TCP_PORT HOST PORT      accepts TCP clients, speaks to the classic proxy2 at HOST PORT

It prints `listening on 127.0.0.1:PORT` when it is ready; port 0 takes a free one. It repeats no lost `C` and has no timers: what
it shows is how fast a sender may be for a program like this one. `classic_peer.py` is the complete one.
"""

import socket
import sys
import threading

PAYLOAD = 1400

link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
clients = {}            # id: connection
opened = {}             # id: set when the answer has come
lock = threading.Lock()


def serve(connection, number):
    """One client: asks for a stream, then sends what the client says until it closes."""
    opened[number].wait()
    try:
        while payload := connection.recv(PAYLOAD):
            link.send(b"D%d" % number + payload)
    except OSError:
        pass
    threading.Timer(0.3, close, (number, connection)).start()   # the reply may still come


def close(number, connection):
    """Ends a stream that is still this client's."""
    if clients.get(number) is connection:
        link.send(b"X%d" % number)
        free(number)


def free(number):
    with lock:
        connection = clients.pop(number, None)
    if connection:
        opened[number].set()
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def receive():
    """All that proxy2 says, in one thread, 2048 bytes at a time."""
    while True:
        datagram = link.recv(2048)
        kind, number, payload = datagram[:1], int(datagram[1:2]), datagram[2:]
        if kind == b"C" and payload == b"OK":
            opened[number].set()
        elif kind == b"D" and number in clients:
            try:
                clients[number].sendall(payload)
            except OSError:
                pass
        elif kind in (b"C", b"X"):
            free(number)


def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    link.connect((sys.argv[2], int(sys.argv[3])))
    threading.Thread(target=receive, daemon=True).start()
    print("listening on %s:%d" % listener.getsockname(), flush=True)
    while True:
        connection, _ = listener.accept()
        number = next((n for n in range(10) if n not in clients), None)
        if number is None:
            connection.close()      # the eleventh
            continue
        clients[number], opened[number] = connection, threading.Event()
        link.send(b"C%d" % number)
        threading.Thread(target=serve, args=(connection, number), daemon=True).start()


if __name__ == "__main__":
    main()
