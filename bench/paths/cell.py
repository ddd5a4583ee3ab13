#!/usr/bin/env python3
"""One cell of the table, run by the emulator once its two namespaces are up: starts a system, measures, prints JSON.

  cell.py SYSTEM CASE NAMESPACES SUBNET
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
from cases import CASES

HERE = Path(__file__).resolve().parent
LOAD = str(HERE / "load.py")
PORT = "5201"
ECHOES = {"echo": 2000, "ask": 600, "echo-beside-bulk": 1000}


class Cell:
    def __init__(self, system, case, namespaces, subnet):
        self.case, self.outside = case, f"10.{subnet}.0.2"
        self.a, self.b = f"{namespaces}a", f"{namespaces}b"
        self.state = tempfile.TemporaryDirectory()
        self.script = f"source '{HERE.parent}/systems/{system}.sh'; "
        self.programs = []

    def start(self, namespace, *command):
        """A program that runs beside the measurement."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.programs.append(subprocess.Popen(["ip", "netns", "exec", namespace, *command], env=self.env(), **quiet))

    def env(self):
        return os.environ | {"OUTSIDE": self.outside, "STATE": self.state.name + "/state", "here": str(HERE.parent)}

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
        host, port, control = self.bring_up()
        if case.kind == "bulk":
            return self.measure("bulk", host, port, case.way, case.seconds, control)
        if case.kind == "fetch":
            return self.measure("fetch", host, port, case.seconds, 5)
        if case.kind.startswith("beside-"):
            rival = self.client("bulk", self.outside, PORT, "up", case.seconds, case.kind.removeprefix("beside-"))
            own = self.measure("bulk", host, port, "up", case.seconds, control)
            return shares(own["goodput"], result(rival)["goodput"])
        count = ECHOES[case.kind]
        if case.kind != "echo-beside-bulk":
            return self.measure(case.kind, host, port, count)
        # The bulk stream begins 2 s before the echoes and outlasts them.
        bulk = self.client("bulk", host, port, "up", 2 + count / 100 + 2, control)
        subprocess.run(["sleep", "2"])
        echo = self.measure("echo", host, port, count)
        return echo | {"beside": result(bulk)["goodput"]}

    def bring_up(self):
        self.start(self.b, sys.executable, LOAD, "serve", "0.0.0.0", PORT)
        self.start(self.b, "bash", "-c", self.script + "outside")
        self.start(self.a, "bash", "-c", self.script + "inside")
        dial = subprocess.run(["bash", "-c", self.script + "dial"], env=self.env(), capture_output=True, text=True)
        host, port, *control = dial.stdout.split()
        self.measure("wait", host, port)
        # A link as users find it: up for a while.
        subprocess.run(["sleep", "1"])
        return host, port, (control or ["-"])[0]


def result(process):
    text, _ = process.communicate()
    if process.returncode:
        sys.exit(f"the load ended with {process.returncode}")
    return json.loads(text or "null")


def shares(own, rival):
    both = own + rival
    return {"goodput": own, "rival_goodput": rival, "share": 100 * own / both, "rival": 100 * rival / both}


if __name__ == "__main__":
    system, name, namespaces, subnet = sys.argv[1:]
    case = next(case for case in CASES if case.name == name)
    print(json.dumps(Cell(system, case, namespaces, subnet).run()))
