#!/usr/bin/env python3
"""Measures this project and its peers across emulated wide-area paths, and records what came out.

Needs root (network namespaces, TUN devices), cc, iproute2 and `cargo build --release`; kcptun where it is installed.
Each cell is appended to docs/data/paths.jsonl when it is done, and one that is there already is not measured again: so the
table can be made in pieces, and a run that was cut short goes on where it stopped. `report.py` makes the page from it.
"""
import argparse
import concurrent.futures
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
from cases import CASES
from recording import recordings, unpack

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DATA = ROOT / "docs/data/paths.jsonl"
SYSTEMS = {"paso": None, "tcp-bbr": None, "tcp-cubic": None, "kcptun": "kcptun-client", "udp": None}


def main():
    arguments = parse()
    tree = version()
    cells = [cell for cell in wanted(arguments) if not is_recorded(arguments.data, cell, tree)]
    light = [cell for cell in cells if not cell[0].heavy]
    if not recordings():
        print("no recorded cells: PASO_TRACES names no folder that has some", file=sys.stderr)
    print(f"{len(cells)} cells to measure, about {duration(cells, light, arguments.jobs):.0f} s", file=sys.stderr)
    if arguments.list:
        return
    if os.geteuid() != 0:
        sys.exit("run.py needs root: it makes network namespaces and TUN devices")
    end = time.monotonic() + arguments.time
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cc", "-O2", "-o", f"{folder}/wanem", HERE.parent / "wanem.c", "-lm"], check=True)
        for cell in recordings():
            unpack(cell, folder)
        run = lambda cell: time.monotonic() < end and measure(folder, cell, tree, arguments.data)
        places.extend(range(arguments.jobs))
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            list(pool.map(run, light))
        for cell in cells:
            cell[0].heavy and run(cell)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="*", metavar="GLOBS", help="cases, like 'loss-*,echo-5' (default: all)")
    parser.add_argument("--systems", default="paso,tcp-bbr,tcp-cubic,kcptun,udp", help="which (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="of each cell (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="light cells measured at a time (default: %(default)s)")
    parser.add_argument("--time", type=float, default=1e9, metavar="S", help="begin no cell after so many seconds")
    parser.add_argument("--data", type=Path, default=DATA, help="where to record (default: docs/data/paths.jsonl)")
    parser.add_argument("--list", action="store_true", help="say how much there is to measure, and end")
    return parser.parse_args()


def wanted(arguments):
    """Run by run, so that what is cut short has something of everything."""
    patterns = arguments.only.split(",")
    for run in range(1, arguments.runs + 1):
        for case in CASES:
            if not any(fnmatch.fnmatch(case.name, pattern) for pattern in patterns):
                continue
            for system in arguments.systems.split(","):
                needs = SYSTEMS[system]
                if system in (case.systems or ("paso", "tcp-bbr", "tcp-cubic", "kcptun")):
                    if not needs or shutil.which(needs):
                        yield case, system, run


def duration(cells, light, jobs):
    kinds = {"fetch": 8, "flood": 5, "ask": 60}
    seconds = lambda case: kinds.get(case.kind, case.seconds + case.later) + 6
    all_light = sum(seconds(case) for case, *_ in light)
    return all_light / jobs + sum(seconds(case) for case, *_ in cells) - all_light


def version():
    """The last commit that changed the programs. Peers' figures do not depend on it."""
    command = ["git", "-C", ROOT, "log", "-1", "--format=%h", "--", "proto/src", "tunnel", "programs"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "unknown"


def is_recorded(data, cell, tree):
    case, system, run = cell
    same = {"case": case.name, "system": system, "run": run} | ({"tree": tree} if system == "paso" else {})
    if not data.exists():
        return False
    return any(json.loads(line).items() >= same.items() for line in data.read_text().splitlines())


# Numbers for the namespaces and networks of cells that run at a time.
places, writing = [], threading.Lock()


def measure(folder, cell, tree, data):
    case, system, run = cell
    with writing:
        place = places.pop()
    name, subnet = f"paso{os.getpid()}x{place}", 77 + place
    trace = f"{folder}/trace{place}"
    options = ["--name", name, "--subnet", subnet, "--seed", run, "--trace", trace, *case.wanem(folder)]
    cell = [sys.executable, HERE / "cell.py", system, case.name, name, subnet, trace]
    command = [f"{folder}/wanem", *options, "--", *cell]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    record = {"case": case.name, "system": system, "run": run, "tree": tree, "at": int(time.time())}
    with writing:
        places.append(place)
        try:
            record |= json.loads(done.stdout) | wire(case, done.stderr, json.loads(done.stdout))
        except (json.JSONDecodeError, AttributeError):
            print(f"{case.name} {system} {run}: failed\n{done.stderr}", file=sys.stderr)
            return
        with data.open("a") as file:
            file.write(json.dumps(record) + "\n")
        short = {key: value for key, value in record.items() if key not in ("points", "case", "system", "at", "tree")}
        print(f"{case.name:22} {system:10} {json.dumps(short)}", flush=True)


def wire(case, report, measured):
    """What the emulator counted in the direction of the bulk from beginning to end."""
    ways = dict((m[1], list(map(int, m.groups()[1:]))) for m in re.finditer(
        r"wanem (a>b|b>a): (\d+) packets, (\d+) bytes in, (\d+) lost, (\d+) overflowed", report))
    bulk = "b>a" if case.way == "down" or case.kind == "fetch" else "a>b"
    packets, size, lost, overflowed = ways[bulk]
    if case.kind == "flood":
        arrived = (packets - lost - overflowed) * 1472 * 8 / 1e6 / measured["seconds"]
        return {"goodput": arrived}
    result = {"overflow": overflowed / packets}
    if case.kind in ("echo", "ask"):
        result["wire_bytes"] = size
    return result | waits(case, report, bulk)


def waits(case, report, bulk):
    """How long packets waited at the bottleneck, the longer of both ways where both are busy; where the emulator says so."""
    ways = {m[1]: list(map(int, m.groups()[1:])) for m in re.finditer(r"wanem (a>b|b>a): wait p50 (\d+) p95 (\d+)", report)}
    if not ways:
        return {}
    busy = ways.values() if case.kind == "both" else [ways[bulk]]
    return {"wait50": max(way[0] for way in busy), "wait95": max(way[1] for way in busy)}


if __name__ == "__main__":
    main()
