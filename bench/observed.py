#!/usr/bin/env python3
"""What it costs a proxy2 to be looked at: the page, /metrics, status and top, each once a second, against nobody.

    bench/observed.py rate [PAIRS]             rate and echo of one connection, with and without, in turn
    bench/observed.py instructions [STREAMS]   instructions of proxy2, by valgrind: no noise of the machine is in them

environment: PASO_BIN (default: target/release)
"""

import fcntl, json, os, pathlib, pty, re, shutil, signal, socket, statistics, struct, subprocess, sys, tempfile, termios, threading, time
import urllib.request

BIN = pathlib.Path(os.environ.get("PASO_BIN", pathlib.Path(__file__).parent / "../target/release")).resolve()
IDLE = 20           # seconds in which open streams carry nothing
CARRIED = 20_000_000    # bytes, to see what carrying costs
VALGRIND = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Pair:
    """An echo server, a proxy2 before it, and a proxy1."""

    def __init__(self, before=()):
        self.folder = tempfile.mkdtemp()
        self.control = f"{self.folder}/control"
        echo, udp, tcp, self.page = (str(free_port()) for _ in range(4))
        self.address, self.started = ("127.0.0.1", int(tcp)), []
        self.start([BIN / "paso", "echo", "serve", echo], "listening")
        words = [udp, "127.0.0.1", echo, "--metrics", self.page, "--control", self.control]
        self.proxy2 = self.start([*before, BIN / "proxy2", *words, "--state", f"{self.folder}/state"], "ready")
        self.start([BIN / "proxy1", tcp, "127.0.0.1", udp, "--state", f"{self.folder}/state"], "link up")

    def start(self, words, word):
        log = open(f"{self.folder}/{len(self.started)}", "w+")
        process = subprocess.Popen([str(w) for w in words], stdout=subprocess.DEVNULL, stderr=log)
        self.started.append(process)
        while word not in open(log.name).read():
            assert process.poll() is None, open(log.name).read()
            time.sleep(0.05)
        return process

    def end(self):
        """What proxy2 has written to its log."""
        self.proxy2.send_signal(signal.SIGINT)
        self.proxy2.wait()
        for process in self.started:
            process.kill()
            process.wait()
        said = open(f"{self.folder}/1").read()
        shutil.rmtree(self.folder)
        return said


class Watchers:
    """All that looks at a proxy2."""

    def __init__(self, pair):
        self.pair, self.over = pair, threading.Event()
        self.terminal, there = pty.openpty()
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        top = [BIN / "proxy2", "top", "--at", pair.control]
        self.top = subprocess.Popen(top, stdin=there, stdout=there, stderr=there, env=dict(os.environ, TERM="xterm"))
        os.close(there)
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.read_top, self.ask)]
        [thread.start() for thread in self.threads]

    def read_top(self):
        try:
            while os.read(self.terminal, 65536):
                pass
        except OSError:
            pass    # it has ended

    def ask(self):
        while not self.over.wait(1):
            for path in ("metrics", "api/view", "api/history"):
                urllib.request.urlopen(f"http://127.0.0.1:{self.pair.page}/{path}", timeout=10).read()
            subprocess.run([BIN / "proxy2", "status", "--at", self.pair.control], stdout=subprocess.DEVNULL, check=True)

    def end(self):
        assert self.top.poll() is None, "top has ended by itself"
        self.over.set()
        self.threads[1].join()
        self.top.terminate()
        self.top.wait()


def client(pair, *words):
    report = f"{pair.folder}/report"
    line = [BIN / "paso", "echo", "client", "%s:%d" % pair.address, "--json", report, "--silence", "20s", *words]
    subprocess.run(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return json.load(open(report))["total"]


def rate(pairs):
    pair, found = Pair(), {False: [], True: []}
    for turn in range(2 * pairs + 2):
        seen = turn % 4 in (1, 2)    # none, seen, seen, none: a machine that gets slower favours neither
        watchers = Watchers(pair) if seen else None
        bulk = client(pair, "--bytes", "1GB", "--chunk", "256KiB")
        echo = client(pair, "--bytes", "256kB", "--chunk", "64", "--ping-pong")
        if watchers:
            watchers.end()
        if turn > 1:    # the first two warm up
            found[seen].append((bulk["rate"], echo["p50"]))
    pair.end()
    for place, name, scale in ((0, "one connection, echoed, Gbit/s", 1e-9), (1, "64-byte echo, p50, µs", 1e6)):
        alone, seen = ([run[place] * scale for run in found[which]] for which in (False, True))
        show = lambda all: f"{statistics.median(all):.2f} ({min(all):.2f} - {max(all):.2f})"
        change = statistics.median(seen) / statistics.median(alone) - 1
        print(f"{name}: nobody {show(alone)}, seen {show(seen)}, {change:+.1%}, {len(alone)} runs each")


def instructions(streams):
    def run(seen, carried):
        pair = Pair(VALGRIND)
        clients = [socket.create_connection(pair.address) for _ in range(streams)]
        watchers = Watchers(pair) if seen else None
        if carried:
            client(pair, "--bytes", str(carried))
        time.sleep(IDLE)
        if watchers:
            watchers.end()
        [one.close() for one in clients]
        return int(re.search(r"I +refs: +([0-9,]+)", pair.end())[1].replace(",", ""))

    alone, seen, carrying = run(False, 0), run(True, 0), run(False, CARRIED)
    a_second, a_byte = (seen - alone) / IDLE, (carrying - alone) / (2 * CARRIED)
    print(f"{streams} streams: to be seen costs proxy2 {a_second / 1e6:.2f} million instructions a second;")
    print(f"to carry costs {a_byte:.2f} a byte: that is what {a_second / a_byte * 8 / 1e6:.2f} Mbit/s cost")


if __name__ == "__main__":
    what, number = sys.argv[1:2], [int(word) for word in sys.argv[2:3]]
    if what == ["rate"]:
        rate(*(number or [10]))
    elif what == ["instructions"]:
        instructions(*(number or [20]))
    else:
        sys.exit(__doc__)
