#!/usr/bin/env python3
"""Makes the tables and plots of docs/performance.md from what is recorded in docs/data. Measures nothing.

  report.py [PAGE]    replaces what stands between `<!-- table NAME -->` and `<!-- end -->` in the page
"""
import json
import re
import statistics
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from cases import CASES, KERNEL, MESSAGE, PATHS
from chart import Axis, chart

DOCS = Path(__file__).resolve().parents[2] / "docs"
SYSTEMS = {"paso": "paso", "tcp-bbr": "kernel BBR", "tcp-cubic": "kernel CUBIC", "kcptun": "kcptun"}
BY_NAME = {case.name: case for case in CASES}
AT_LEAST = ("goodput", "up", "down", "share", "rival", "slow", "again", "back")


def main():
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS / "performance.md"
    data, record = read(DOCS / "data/paths.jsonl"), json.loads((DOCS / "data/end-to-end.json").read_text())
    tables = {name: lambda name=name: goodput_table(data, name) for name in PATHS}
    tables |= {"thin": lambda: thin_table(data), "other": lambda: other_table(data), "tree": lambda: trees(data)}
    tables |= {"cells": lambda: cells_table(data), "narrow": lambda: narrow_table(data)}
    tables |= {"end-to-end": lambda: end_to_end(record), "machine": lambda: f"Machine: {record['machine']}."}
    replace = lambda found: f"<!-- table {found[1]} -->\n{tables[found[1]]()}\n<!-- end -->"
    page.write_text(re.sub(r"<!-- table (\S+) -->.*?<!-- end -->", replace, page.read_text(), flags=re.S))
    (DOCS / "goodput.svg").write_text(goodput_plot(data))
    (DOCS / "latency.svg").write_text(latency_plot(data))


def read(path):
    """Cell to its records; of ours only those of the newest tree that has the cell."""
    data = {}
    for line in path.read_text().splitlines():
        record = json.loads(line)
        cell = data.setdefault((record["case"], record["system"]), [])
        if record["system"] == "paso" and cell and cell[-1]["tree"] != record["tree"]:
            cell.clear()
        cell.append(record)
    return data


def values(data, case, system, measure):
    return [record[measure] for record in data.get((case, system), []) if measure in record]


def median(data, case, system, measure):
    found = values(data, case, system, measure)
    return statistics.median(found) if found else None


def number(value):
    if value is None:
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(head, rows):
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def met(case, measure, value):
    """Bold where the goal is not met."""
    goal = case.goals.get(measure)
    if value is None or goal is None:
        return number(value)
    good = value >= goal if measure in AT_LEAST else value <= goal
    return number(value) if good else f"**{number(value)}**"


def goodput_table(data, group):
    rows = []
    for case in CASES:
        if case.name.split("-")[0] != group or case.kind != "bulk":
            continue
        ours = values(data, case.name, "paso", "goodput")
        spread = f"{number(min(ours))} – {number(max(ours))}" if ours else "–"
        cells = [f"{case.loss} %" + (" down" if case.way == "down" else ""), f"≥ {case.goals['goodput']}"]
        cells += [met(case, "goodput", median(data, case.name, "paso", "goodput")), spread]
        most, wire = 1.1 / (1 - case.loss / 100), median(data, case.name, "paso", "wire")
        cells += [f"**{number(wire)}**" if wire and wire > most else number(wire), f"{most:.2f}"]
        for system in ("tcp-bbr", "tcp-cubic", "kcptun"):
            wire = median(data, case.name, system, "wire")
            goodput = number(median(data, case.name, system, "goodput"))
            cells.append(f"{goodput} ({number(wire)})" if wire else goodput)
        rows.append(cells)
    head = ["loss", "goal", "paso, Mbit/s", "lowest – highest", "wire", "wire goal", "kernel BBR", "kernel CUBIC", "kcptun"]
    return table(head, rows)


THIN = {
    "echo": "every 10 ms", "echo-beside-bulk": "every 10 ms, beside bulk", "ask": "each after the last",
}


def thin_table(data):
    rows = []
    for case in CASES:
        if case.kind not in THIN or case.name.startswith(("cell-", "narrow-")):
            continue
        where = f"{THIN[case.kind]}, {case.loss} %" if case.name != "queue" else "beside bulk, 0 %, buffer 500 ms"
        for system in case.systems or SYSTEMS:
            cells = [median(data, case.name, system, measure) for measure in ("p50", "p95", "p99", "p99.9")]
            names = ("p50", "p95", "p99", "p99.9")
            shown = [met(case, name, cell) if system == "paso" else number(cell) for name, cell in zip(names, cells)]
            beside = number(median(data, case.name, system, "beside")) if "beside" in case.kind else ""
            wire = median(data, case.name, system, "wire_bytes") if case.kind in ("echo", "ask") else None
            cost = number(wire / case.messages() / MESSAGE) if wire else ""
            rows.append([where, SYSTEMS[system], *shown, beside, cost])
            where = ""
    head = ["64-byte echo", "", "p50, ms", "p95", "p99", "p99.9", "the bulk, Mbit/s", "wire, one way"]
    return table(head, rows)


# What the rows of a path that changes, or that has neighbours, are called, and the goal in words.
EVENTS = (
    ("two-links", "share", "share of the first of two links, %", "40 – 60"),
    ("two-links-later", "share", "the same, the second begins 5 s later, %", "40 – 60"),
    ("cut", "slow", "cut to 10 Mbit/s for 8 s: Mbit/s from 2 s after the cut on", "≥ 8.5"),
    ("cut", "settled", "and own packets dropped from then on, %", "≤ 15"),
    ("cut", "again", "back at 100 Mbit/s: Mbit/s from 5 s after on", "≥ 80"),
    ("blackout-5", "back", "after 5 s without a path: rate from 2 s after on, % of that before", "≥ 80"),
    ("blackout-60", "back", "after 60 s without a path: the same", "≥ 80"),
    ("policer", "settled", "policer of 16 Mbit/s, 50 kB: own packets dropped once settled, %", "≤ 15"),
    ("policer", "slow", "and Mbit/s that arrive", ""),
    ("full-queue", "settled", "buffer of 5 ms: own packets dropped once settled, %", "≤ 15"),
    ("fat-100-0", "slow", "1 Gbit/s, 100 ms: Mbit/s from the fifth second on", "≥ 850"),
    ("fat-100-1", "slow", "the same, 1 % of loss", "≥ 850"),
    ("fat-300-0", "slow", "300 ms (1 GiB of memory)", "≥ 850"),
    ("fat-300-1", "slow", "the same, 1 % of loss", "≥ 850"),
    ("steps", "goodput", "50 to 250 Mbit/s, 20 to 80 ms, 1 %: Mbit/s of a mean of 138", "≥ 124"),
)


def share(data, case, system, least):
    """Of all runs, lowest and highest beside the median: bold if one of them gave either side less than `least` percent."""
    found = values(data, case, system, "share")
    if not found:
        return "–"
    spread = f" ({number(min(found))} – {number(max(found))})" if len(found) > 1 else ""
    middle = number(statistics.median(found))
    fair = system != "paso" or least <= min(found) and max(found) <= 100 - least
    return (middle if fair else f"**{middle}**") + spread


def event_rows(data):
    for name, measure, label, goal in EVENTS:
        case, cells = BY_NAME[name], [median(data, name, system, measure) for system in SYSTEMS]
        if measure == "share":
            yield [label, goal, *(share(data, name, system, 40) for system in SYSTEMS)]
        else:
            yield [label, goal, met(case, measure, cells[0]), *map(number, cells[1:])]


def other_table(data):
    rows = []
    for case in CASES:
        if case.kind == "fetch":
            label = f"{case.name.removeprefix('fetch-')} over a fresh stream, in round trips of 50 ms"
            cells = [median(data, case.name, system, "took") for system in SYSTEMS]
            bold = met(case, "took", cells[0])
            trips = [number(cell / 50) if cell else "–" for cell in cells]
            rows.append([label, f"≤ {case.goals['took'] // 50}", f"**{trips[0]}**" if "**" in bold else trips[0], *trips[1:]])
        elif case.kind.startswith("beside-"):
            label = f"share beside one kernel {case.kind.removeprefix('beside-').upper()} flow, %"
            rows.append([label, "25 – 75", *(share(data, case.name, system, 25) for system in SYSTEMS)])
        elif case.kind == "flood" and (case.name, "udp") in data:
            ceiling = number(median(data, case.name, "udp", "goodput"))
            rows.append([f"raw UDP that the emulator carries where 1,000 Mbit/s are asked for: {ceiling} Mbit/s"] + [""] * 5)
    rows[-1:-1] = event_rows(data)
    return table(["100 Mbit/s, 50 ms", "goal", *SYSTEMS.values()], rows)


WAIT = ("wait50", "wait95")


def cells_table(data):
    """From what is recorded: the cells need not be there any more."""
    rows = []
    for name in sorted({case for case, _ in data if case.startswith("cell-")}):
        get = lambda system, measure: median(data, name, system, measure)
        if "-echo" in name:
            cells = [f"{number(get(system, 'p50'))} / {number(get(system, 'p95'))}" for system in KERNEL]
            rows.append([f"{name.removeprefix('cell-')}, p50 / p95, ms", "", *cells])
            continue
        possible = max(get(system, "possible") or 0 for system in KERNEL)
        bold = lambda text, is_met: text if is_met else f"**{text}**"
        cells = []
        for system in KERNEL:
            filled, waits = get(system, "filled"), [get(system, wait) for wait in WAIT]
            if filled is None:
                cells.append("–")
                continue
            ours = system == "paso"
            share, late = f"{number(get(system, 'goodput'))} ({filled:.0f} %)", number(waits[1])
            rival = get("tcp-bbr", "wait95")
            on_time = waits[1] <= min(500, rival / 2 if rival else 500)
            cells.append(f"{bold(share, not ours or filled >= 85)}, {number(waits[0])} / {bold(late, not ours or on_time)}")
        rows.append([name.removeprefix("cell-"), number(possible), *cells])
    return table(["recording", "possible", *(SYSTEMS[system] for system in KERNEL)], rows)


def narrow_table(data):
    rows = []
    for case in CASES:
        if not case.name.startswith(("narrow-", "uneven-")):
            continue
        narrow = case.name.startswith("narrow-")
        for measure, (label, is_rate) in MEASURES.items():
            cells = [median(data, case.name, system, measure) for system in KERNEL]
            if measure not in (*case.goals, "wire") or all(cell is None for cell in cells):
                continue
            unit = "kbit/s" if narrow else "Mbit/s"
            show = lambda value: number(value * 1e3 if value and narrow and is_rate else value)
            goal = case.goals.get(measure)
            sign = "" if goal is None else f"{'≥' if measure in AT_LEAST else '≤'} {show(goal)}"
            bold = "**" if met(case, measure, cells[0]).startswith("**") else ""
            label = f"{case.name}: {label}" + (f", {unit}" if is_rate else "")
            rows.append([label, sign, f"{bold}{show(cells[0])}{bold}", *map(show, cells[1:])])
    return table(["", "goal", *(SYSTEMS[system] for system in KERNEL)], rows)


# Label, and whether it is a rate.
MEASURES = {
    "goodput": ("payload", True), "up": ("up", True), "down": ("down", True), "p95": ("answers, p95, ms", False),
    "wait95": ("wait, p95, ms", False), "wire": ("bytes on the wire a byte", False),
}


def trees(data):
    found = {}
    for (case, system), records in data.items():
        if system == "paso":
            found.setdefault(records[-1]["tree"], []).append(case)
    parts = [f"`{tree}` ({len(cases)} rows)" for tree, cases in sorted(found.items())]
    return "The figures of paso are of these commits: " + ", ".join(parts) + "."


def end_to_end(record):
    rows, done = [], set()
    for entry in record["entries"]:
        if entry["figure"] in done:
            continue
        done.add(entry["figure"])
        same = {other["system"]: other["samples"] for other in record["entries"] if other["figure"] == entry["figure"]}
        ours = same.pop("paso", None) or same.pop("raw", None)
        goal = entry["goal"]
        good = goal is None or ours is None or (statistics.median(ours) >= goal if entry["more"] else statistics.median(ours) <= goal)
        middle = number(statistics.median(ours)) if ours else "–"
        peers = ", ".join(f"{system} {number(statistics.median(samples))}" for system, samples in same.items())
        rows.append([
            f"{entry['figure']}, {entry['unit']}",
            "" if goal is None else ("≥ " if entry["more"] else "≤ ") + number(goal).removesuffix(".00"),
            middle if good else f"**{middle}**",
            f"{number(min(ours))} – {number(max(ours))}" if ours else "",
            str(len(ours or [])), peers,
        ])
    return table(["figure", "goal", "median", "lowest – highest", "n", "peers and bounds in the same run"], rows)


def goodput_plot(data):
    lines = {}
    for system, label in SYSTEMS.items():
        cells = [(loss, median(data, f"loss-{loss}", system, "goodput")) for loss in PATHS["loss"][2]]
        lines[label] = [(loss, value) for loss, value in cells if value is not None]
    x = Axis(0, 30, [(loss, f"{loss}") for loss in (0, 5, 10, 15, 20, 25, 30)], "random loss, % of the packets each way")
    y = Axis(0, 100, [(mbit, f"{mbit}") for mbit in (0, 20, 40, 60, 80, 100)], "goodput, Mbit/s")
    return chart("One TCP connection, 100 Mbit/s, round trip 50 ms", x, y, lines)


def latency_plot(data):
    """How many echoes are later than that: where the lines end is what a person notices."""
    lines = {}
    for system, label in SYSTEMS.items():
        records = data.get(("echo-5", system), [])
        if records:
            points = [[share for share, _ in record["points"]] for record in records][0]
            middle = [statistics.median(record["points"][at][1] for record in records) for at in range(len(points))]
            lines[label] = [(ms, max(1 - share, 4e-4)) for share, ms in zip(points, middle)]
    x = Axis(45, 1000, [(ms, f"{ms}") for ms in (50, 75, 100, 150, 200, 300, 500, 1000)], "round trip, ms", log=True)
    y = Axis(4e-4, 1, [(1, "100 %"), (0.1, "10 %"), (0.01, "1 %"), (0.001, "0.1 %")], "echoes that are later", log=True)
    return chart("64-byte echoes every 10 ms, round trip 50 ms, 5 % loss each way", x, y, lines)


if __name__ == "__main__":
    main()
