#!/usr/bin/env python3
"""One cell of the table, run by the emulator once its two namespaces are up: starts a system, measures, prints JSON.

  cell.py SYSTEM CASE NAMESPACES SUBNET TRACE
"""
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
from cases import CASES
from recording import possible
from trace import Trace, rate

HERE = Path(__file__).resolve().parent
LOAD = str(HERE / "load.py")
PORT = "5201"


class Cell:
    def __init__(self, system, case, namespaces, subnet, trace):
        self.case, self.outside, self.trace = case, f"10.{subnet}.0.2", trace
        self.a, self.b = f"{namespaces}a", f"{namespaces}b"
        self.state = tempfile.TemporaryDirectory()
        self.script = f"source '{HERE.parent}/systems/{system}.sh'; "
        self.programs = []

    def start(self, namespace, *command, env=None):
        """A program that runs beside the measurement."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = ["ip", "netns", "exec", namespace, *command]
        self.programs.append(subprocess.Popen(command, env=env or self.env(), **quiet))

    def env(self, link=0):
        """What the scripts of the systems go by; `link` counts those that run at a time."""
        words = {"OUTSIDE": self.outside, "STATE": f"{self.state.name}/{link}", "here": str(HERE.parent)}
        return os.environ | words | {"PORT": str(4000 + 2 * link), "MEMORY": self.case.memory}

    def client(self, *words):
        command = ["ip", "netns", "exec", self.a, sys.executable, LOAD, *map(str, words)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def measure(self, *words):
        return result(self.client(*words))

    def run(self):
        try:
            return self.measured()
        finally:
            for program in self.programs:
                program.terminate()
                program.wait()

    def measured(self):
        case = self.case
        if case.kind == "flood":
            return self.measure("flood", self.outside, PORT, 1200, case.seconds)
        self.start(self.b, sys.executable, LOAD, "serve", "0.0.0.0", PORT)
        host, port, control = self.bring_up()
        if case.kind == "bulk":
            return self.whole(self.measure("bulk", host, port, case.way, case.seconds, control))
        if case.kind == "fetch":
            return self.measure("fetch", host, port, case.size, 5)
        if case.kind.startswith("beside-"):
            rival = self.client("bulk", self.outside, PORT, "up", case.seconds, case.kind.removeprefix("beside-"))
            own = self.measure("bulk", host, port, "up", case.seconds, control)
            return shares(own["goodput"], result(rival)["goodput"])
        if case.kind == "two-links":
            return self.two_links(host, port, control)
        if case.kind == "both":
            return self.both_ways(host, port, control)
        if case.kind in CHANGES:
            return self.change(host, port, control)
        return self.echo(host, port, control)

    def echo(self, host, port, control):
        """Echoes, alone or beside bulk that begins 2 s before them and outlasts them."""
        case, word = self.case, self.case.kind.split("-")[0]
        bulk = self.client("bulk", host, port, "up", case.seconds + 4, control) if word != case.kind else None
        # A cell is another one later.
        if bulk or case.cell:
            subprocess.run(["sleep", "2"])
        echo = self.measure(word, host, port, case.messages())
        return echo | ({"beside": result(bulk)["goodput"]} if bulk else {})

    def whole(self, bulk):
        """A bulk transfer as a whole, with what it cost on the wire."""
        case, began = self.case, bulk["began"] - float(os.environ["WANEM_BEGAN"])
        wire = Trace(self.trace).wire(case.way, bulk, case.round_trip() / 2)
        whole = {"goodput": bulk["goodput"], "bytes": bulk["bytes"]} | ({"wire": wire} if wire else {})
        if case.cell:
            could = possible(case.cell, case.way, began, began + case.seconds)
            whole |= {"possible": could, "filled": 100 * bulk["goodput"] / could}
        return whole

    def two_links(self, host, port, control):
        """The shares of two links while both send; the second begins `later` seconds after the first."""
        case, (other_host, other_port, _) = self.case, self.bring_up(1)
        first = self.client("bulk", host, port, "up", case.seconds + case.later, control)
        subprocess.run(["sleep", str(case.later)])
        second = self.measure("bulk", other_host, other_port, "up", case.seconds, control)
        first = result(first)
        begin = max(first["began"], second["began"])
        end = min(first["began"] + case.later, second["began"]) + case.seconds
        overflow = Trace(self.trace).overflow("up", begin + SETTLED, end)
        return shares(rate(first, begin, end), rate(second, begin, end)) | {"settled": overflow}

    def both_ways(self, host, port, control):
        """A bulk stream each way at the same time."""
        up = self.client("bulk", host, port, "up", self.case.seconds, control)
        down = self.measure("bulk", host, port, "down", self.case.seconds, control)
        return {"up": result(up)["goodput"], "down": down["goodput"]}

    def change(self, host, port, control):
        """A bulk stream from now until so many seconds from the emulator's start, on a path that changes meanwhile."""
        zero = float(os.environ["WANEM_BEGAN"])
        bulk = self.measure("bulk", host, port, "up", round(zero + self.case.seconds - time.monotonic(), 1), control)
        return CHANGES[self.case.kind](self.case, bulk, Trace(self.trace), zero)

    def bring_up(self, link=0):
        env = self.env(link)
        self.start(self.b, "bash", "-c", self.script + "outside", env=env)
        self.start(self.a, "bash", "-c", self.script + "inside", env=env)
        dial = subprocess.run(["bash", "-c", self.script + "dial"], env=env, capture_output=True, text=True)
        host, port, *control = dial.stdout.split()
        self.measure("wait", host, port)
        # A link as users find it: up for a while.
        subprocess.run(["sleep", "1"])
        return host, port, (control or ["-"])[0]


# Seconds after which a transfer has settled.
SETTLED = 5


def cut(case, bulk, trace, zero):
    """The bottleneck has a tenth of its rate for a while: what arrives and what is dropped from 2 s after the cut on, and what
    arrives from 5 s after its end on."""
    begin, end = (zero + moment for moment in case.moments)
    return {
        "slow": rate(bulk, begin + 2, end), "settled": trace.overflow("up", begin + 2, end),
        "again": rate(bulk, end + 5, zero + case.seconds),
    }


def blackout(case, bulk, _, zero):
    """No packet crosses for a while: the rate from 2 s after its end on, in percent of the rate before."""
    begin, end = (zero + moment for moment in case.moments)
    before, after = rate(bulk, begin - 3, begin), rate(bulk, end + 2, zero + case.seconds)
    return {"before": before, "after": after, "back": 100 * after / before if before else 0}


def settled(case, bulk, trace, zero):
    """What arrives and what is dropped once the transfer has settled."""
    begin, end = bulk["began"] + SETTLED, zero + case.seconds
    return {"slow": rate(bulk, begin, end), "settled": trace.overflow("up", begin, end)}


CHANGES = {"cut": cut, "blackout": blackout, "settled": settled}


def result(process):
    text, _ = process.communicate()
    if process.returncode:
        sys.exit(f"the load ended with {process.returncode}")
    return json.loads(text or "null")


def shares(own, rival):
    both = own + rival
    return {"goodput": own, "rival_goodput": rival, "share": 100 * own / both, "rival": 100 * rival / both}


if __name__ == "__main__":
    system, name, namespaces, subnet, trace = sys.argv[1:]
    case = next(case for case in CASES if case.name == name)
    print(json.dumps(Cell(system, case, namespaces, subnet, trace).run()))
