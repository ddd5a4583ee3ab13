#!/usr/bin/env python3
"""TCP load: a server, and clients that measure one thing each and print it as one line of JSON.

  load.py serve ADDRESS PORT                      what all clients below speak to
  load.py wait HOST PORT                          ends when an echo came back: the way is open
  load.py bulk HOST PORT up|down SECONDS [CC]     one stream as fast as it goes; CC: the sender's congestion control
  load.py echo HOST PORT COUNT                    64 bytes every 10 ms, whether or not the one before is back
  load.py ask  HOST PORT COUNT                    64 bytes, 10 ms after the answer to those before
  load.py fetch HOST PORT BYTES COUNT             so many bytes over a fresh stream, one stream after the other
  load.py flood HOST PORT MBIT SECONDS            datagrams at that rate, which nobody receives

All ends run on one machine, so their clocks agree: bytes count by when they arrived, in seconds from the sender's start.
"""
import json
import socket
import sys
import threading
import time

from cases import MESSAGE

CHUNK = 256 << 10
SLOT = 0.1  # seconds
GAP = 0.01
# How long a transfer may go on after its time before what is still on its way is given up, and how long it may be silent
# then, in seconds. Not FIN ends it: some tunnels end both directions at the first.
PATIENCE, SILENCE = 3, 1
TCP_NOTSENT_LOWAT = 25  # <linux/tcp.h>
UDP_SEGMENT = 103  # <linux/udp.h>; SOL_UDP is 17


def serve(address, port):
    listener = socket.create_server((address, int(port)), backlog=128)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=answer, args=(client,), daemon=True).start()


def answer(client):
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    word, *rest = line(client).split()
    try:
        {"echo": echo_back, "up": take, "down": give}[word](client, *rest)
    except OSError:
        pass  # the client is gone
    client.close()


def line(sock):
    text = b""
    while not text.endswith(b"\n"):
        text += sock.recv(1) or b"\n"
    return text.decode()


def echo_back(client):
    while data := client.recv(65536):
        client.sendall(data)


def take(client):
    client.sendall(b"+")
    began, seconds = map(float, line(client).split())
    client.sendall((json.dumps(count(client, began, seconds)) + "\n").encode())
    count(client, time.monotonic(), 30)  # closing while more comes would reset the connection, answer and all


def give(client, seconds, size, control):
    control != "-" and use(client, control)
    client.sendall(b"%f\n" % time.monotonic())
    push(client, float(seconds), int(size))
    client.shutdown(socket.SHUT_WR)
    client.recv(1)


def use(sock, control):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, control.encode())


def push(sock, seconds, size=0):
    """Sends for that time, or that many bytes."""
    end, block, sent = time.monotonic() + seconds, bytes(CHUNK), 0
    # What waits in the kernel at the end still crosses, and must have crossed before patience ends.
    sock.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, CHUNK)
    sock.settimeout(seconds + PATIENCE)
    while (sent < size) if size else (time.monotonic() < end):
        try:
            sent += sock.send(block[: size - sent] if size else block)
        except OSError:
            return  # what the receiver counted says how far it came


def count(sock, began, seconds):
    """Bytes in time, and in all until the end or until patience ends; and those of each slot from the sender's start."""
    in_time, total, buffer, last, slots = 0, 0, bytearray(CHUNK), began, []
    while (now := time.monotonic()) < began + seconds + PATIENCE:
        sock.settimeout(max(began + seconds - now, 0) + SILENCE)
        try:
            got = sock.recv_into(buffer)
        except TimeoutError:
            break
        if not got:
            break
        last = time.monotonic()
        total += got
        at = int(max(last - began, 0) / SLOT)
        slots.extend([0] * (at + 1 - len(slots)))
        slots[at] += got
        in_time += got if last <= began + seconds else 0
    return {"in_time": in_time, "total": total, "took": last - began, "began": began, "slots": slots}


def connect(host, port, word):
    s = socket.create_connection((host, int(port)), timeout=30)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.sendall(word.encode() + b"\n")
    return s


def wait(host, port):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            with connect(host, port, "echo") as s:
                s.settimeout(5)
                s.sendall(b"x")
                if s.recv(1) == b"x":
                    return
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit("the server does not answer")


def bulk(host, port, way, seconds, control="-"):
    seconds = float(seconds)
    if way == "down":
        s = connect(host, port, f"down {seconds} 0 {control}")
        result = count(s, float(line(s)), seconds)
    else:
        s = connect(host, port, "up")
        control != "-" and use(s, control)
        s.recv(1)
        s.sendall(b"%f %f\n" % (time.monotonic(), seconds))
        push(s, seconds)
        s.settimeout(PATIENCE + 30)
        try:
            result = json.loads(line(s))
        except (OSError, json.JSONDecodeError):
            result = {"in_time": 0, "total": 0, "took": 0, "began": 0, "slots": []}  # not even the count came back
    times = {"began": result["began"], "ended": result["began"] + result["took"], "slots": result["slots"]}
    print(json.dumps({"goodput": result["in_time"] * 8 / seconds / 1e6, "bytes": result["total"]} | times))


def echo(host, port, number):
    number = int(number)
    s = connect(host, port, "echo")
    sent, times, done = [0.0] * number, [], threading.Event()

    def receive():
        buffer = b""
        while len(times) < number and (data := s.recv(65536)):
            buffer, now = buffer + data, time.monotonic()
            while len(buffer) >= MESSAGE:
                times.append((now - sent[int.from_bytes(buffer[:8], "big")]) * 1e3)
                buffer = buffer[MESSAGE:]
        done.set()

    threading.Thread(target=receive, daemon=True).start()
    began = time.monotonic()
    for at in range(number):
        time.sleep(max(0, began + at * GAP - time.monotonic()))
        sent[at] = time.monotonic()
        s.sendall(at.to_bytes(8, "big") + bytes(MESSAGE - 8))
    done.wait(20)
    # What has not come back by now counts as its age: leaving it out would flatter.
    print_latency(times + [(time.monotonic() - at) * 1e3 for at in sent[len(times):]])


def ask(host, port, number):
    s, times = connect(host, port, "echo"), []
    s.settimeout(60)
    for _ in range(int(number)):
        began, got = time.monotonic(), 0
        s.sendall(bytes(MESSAGE))
        try:
            while got < MESSAGE:
                got += len(s.recv(MESSAGE - got)) or sys.exit("the echo's connection was closed")
        except TimeoutError:
            # No answer within a minute: its age is its time, and nobody asks on.
            times.append((time.monotonic() - began) * 1e3)
            break
        times.append((time.monotonic() - began) * 1e3)
        time.sleep(GAP)
    print_latency(times)


def print_latency(times):
    times.sort()
    at = lambda share: round(times[min(len(times) - 1, int(share * len(times)))], 2)
    names = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999, "max": 1}
    points = [n / 100 for n in range(100)] + [n / 1000 for n in range(990, 1000)] + [0.9995, 1]
    print(json.dumps({name: at(share) for name, share in names.items()} | {"points": [[p, at(p)] for p in points]}))


def fetch(host, port, size, number):
    took = []
    for _ in range(int(number)):
        began = time.monotonic()
        with connect(host, port, f"down 20 {size} -") as s:
            line(s)
            result = count(s, began, 20)
        took.append(result["took"] * 1e3)
        time.sleep(0.5)
    took.sort()
    print(json.dumps({"took": took[len(took) // 2]}))


def flood(host, port, mbit, seconds):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(17, UDP_SEGMENT, 1472)
        block, began, sent = bytes(1472 * 20), time.monotonic(), 0
        while (now := time.monotonic() - began) < float(seconds):
            if sent * 8 < now * float(mbit) * 1e6:
                sent += s.sendto(block, (host, int(port)))
            else:
                time.sleep(0.0002)
    print(json.dumps({"bytes": sent, "seconds": float(seconds)}))


if __name__ == "__main__":
    words = {"serve": serve, "wait": wait, "bulk": bulk, "echo": echo, "ask": ask, "fetch": fetch, "flood": flood}
    if len(sys.argv) < 4 or sys.argv[1] not in words:
        sys.exit(__doc__)
    words[sys.argv[1]](*sys.argv[2:])
