"""The paths of the table: what is emulated, what is measured on it, and what should come out."""
from dataclasses import dataclass, field
from pathlib import Path

from recording import recordings


@dataclass(frozen=True)
class Case:
    name: str
    path: str
    kind: str = "bulk"
    # Measures to goals: ("goodput", 93) is at least, ("p99", 75) at most.
    goals: dict = field(default_factory=dict)
    loss: float = 0
    seconds: int = 8
    # Bytes of one fetch.
    size: int = 0
    # Seconds that the second of two links begins later.
    later: int = 0
    # When the path changes and when it changes back, in seconds from the emulator's start; `seconds` is from there too.
    moments: tuple = ()
    way: str = "up"
    # Systems that are measured here; none: all of them.
    systems: tuple = ()
    # Cases that fill a core of their own are measured alone.
    heavy: bool = False
    # What `--memory` of both programs is; none: the default.
    memory: str = ""
    # The recorded cell that is the bottleneck, without `.up` and `.down`.
    cell: Path | None = None

    def wanem(self, unpacked):
        """The options of the emulator; recordings are unpacked into that folder."""
        options = f"{self.path} --loss {self.loss}".split()
        if self.cell:
            options += ["--opportunities", ",".join(f"{unpacked}/{self.cell.name}.{way}" for way in ("up", "down"))]
        return options

    def messages(self):
        """How many messages an echo has."""
        return {"ask": 600, "ask-beside-bulk": self.seconds * 2}.get(self.kind, self.seconds * 100)

    def round_trip(self):
        """The path's own, in seconds."""
        words = self.path.split()
        return float(words[words.index("--rtt") + 1]) / 1e3


NEAR = "--rate 100 --rtt 50 --queue 100"
PATHS = {
    "loss": ("100 Mbit/s, 50 ms, buffer 100 ms", NEAR, {0: 93, 1: 92, 5: 90, 10: 88, 20: 84, 30: 75}),
    "burst": ("the same, losses in bursts of 8", NEAR + " --burst 8", {1: 82.8, 5: 81, 10: 79.2, 20: 75.6, 30: 67.5}),
    "far": ("10 Mbit/s, 200 ms, buffer 100 ms", "--rate 10 --rtt 200 --queue 100", {0: 9.2, 5: 8.9, 20: 8.2}),
    "fast": ("1,000 Mbit/s, 20 ms, buffer 100 ms", "--rate 1000 --rtt 20 --queue 100", {0: 850, 1: 800, 5: 750}),
    "satellite": ("20 Mbit/s, 750 ms, buffer 750 ms, over 30 s", "--rate 20 --rtt 750 --queue 750", {0: 17, 2: 15}),
    "jitter": ("100 Mbit/s, 50 ms, jitter 20 ms (reordering)", NEAR + " --jitter 20", {0: 90, 2: 87}),
    "shallow": ("100 Mbit/s, 50 ms, buffer 5 ms", "--rate 100 --rtt 50 --queue 5", {0: 89, 1: 87}),
}
# The control does not matter to a stream that is never held back by it.
THIN_SYSTEMS = ("paso", "tcp-bbr", "kcptun")
# Bytes of a message. Those of `echo` leave every 10 ms.
MESSAGE = 64
THIN = {5: {"p50": 52, "p99": 75, "p99.9": 125}, 20: {"p99": 130}}

# The standing queue of bulk in milliseconds, as the row `queue` has it (p95 of 64 where the path has 50): echoes beside it may be
# so much later than those alone.
STANDING = 14


def bulk_cases():
    for name, (_, path, goals) in PATHS.items():
        more = {"seconds": 30} if name == "satellite" else {"heavy": True} if name == "fast" else {}
        for loss, goal in goals.items():
            for way in ("up", "down") if name == "loss" else ("up",):
                label = f"{name}-{loss}" + ("-down" if way == "down" else "")
                yield Case(label, path, goals={"goodput": goal}, loss=loss, way=way, **more)


def thin_cases():
    # No loss: copies only until the path is known. What they cost in the other rows.
    yield Case("echo-0", NEAR, "echo", seconds=20, systems=THIN_SYSTEMS)
    for loss, goals in THIN.items():
        yield Case(f"echo-{loss}", NEAR, "echo", goals, loss, seconds=20, systems=THIN_SYSTEMS)
        beside = {name: goal + STANDING for name, goal in goals.items()}
        yield Case(f"echo-beside-bulk-{loss}", NEAR, "echo-beside-bulk", beside, loss, 10, heavy=True, systems=THIN_SYSTEMS)
        yield Case(f"ask-{loss}", NEAR, "ask", goals, loss, systems=THIN_SYSTEMS)
    # A 500 ms buffer that nobody has to fill.
    yield Case("queue", "--rate 100 --rtt 50 --queue 500", "echo-beside-bulk", {"p95": 50 + STANDING}, seconds=10, heavy=True)


def other_cases():
    yield Case("fetch-100kB", NEAR, "fetch", {"took": 150}, size=100_000)
    yield Case("fetch-1MB", NEAR, "fetch", {"took": 250}, size=1_000_000)
    for rival in ("cubic", "bbr"):
        goals = {"share": 25, "rival": 25}
        yield Case(f"beside-{rival}", NEAR, f"beside-{rival}", goals, seconds=30, systems=("paso", "kcptun"))
    for later in (0, 5):
        name = "two-links" + ("-later" if later else "")
        yield Case(name, NEAR, "two-links", {"share": 40, "rival": 40}, seconds=30, later=later, systems=("paso",))
    yield from changing_cases()
    yield from narrow_cases()
    # What the emulator itself carries: ours is held to nine tenths of it where that is less than the goal.
    yield Case("fast-ceiling", PATHS["fast"][1], "flood", seconds=5, systems=("udp",), heavy=True)


def changing_cases():
    systems = ("paso", "tcp-bbr")
    goals = {"slow": 8.5, "again": 80, "settled": 15}
    yield Case("cut", f"{NEAR} --rates 10:10,18:100", "cut", goals, seconds=26, moments=(10, 18), systems=systems)
    for dead in (5, 60):
        path, moments = f"{NEAR} --down 10,{dead}", (10, 10 + dead)
        yield Case(f"blackout-{dead}", path, "blackout", {"back": 80}, seconds=14 + dead, moments=moments, systems=systems)
    yield Case("policer", f"{NEAR} --policer 16,50", "settled", {"settled": 15}, seconds=20, systems=systems)
    yield Case("full-queue", "--rate 100 --rtt 50 --queue 5", "settled", {"settled": 15}, seconds=20, systems=systems)


# Mbit/s and milliseconds; what a whole window in flight, and as much behind a gap, need beyond the default.
FAT = {100: "", 300: "1GiB"}
# Mbit/s and the round trip in milliseconds of each 15 s, as over satellites that fly low. What should arrive is nine tenths of the mean rate.
STEPS = ((100, 40), (250, 20), (50, 80), (200, 60), (80, 30), (150, 50))


def fat_cases():
    for trip, memory in FAT.items():
        path = f"--rate 1000 --rtt {trip} --queue 100"
        for loss in (0, 1):
            goals = {"slow": 850, "settled": 15}
            yield Case(f"fat-{trip}-{loss}", path, "settled", goals, loss, 20, systems=KERNEL, heavy=True, memory=memory)
        yield Case(f"fat-{trip}-ceiling", path, "flood", seconds=5, systems=("udp",), heavy=True)
    rates, trips = (",".join(f"{15 * at}:{step[which]}" for at, step in enumerate(STEPS)) for which in (0, 1))
    goal = sum(rate for rate, _ in STEPS) / len(STEPS) * 0.9
    yield Case("steps", f"--rates {rates} --rtts {trips} --rtt 40 --queue 100", "bulk", {"goodput": goal}, 1, 85, systems=KERNEL)


# Kilobits a second of a path with a buffer of 3 s, and the share of it that should arrive in percent.
NARROW, FILLED = (56, 80, 128), 90
# What waits where a packet of 1,500 bytes takes 214, 150 and 94 ms: 400 ms or four packets, whichever is more.
NARROW_QUEUE = {56: 857, 80: 600, 128: 400}
KERNEL = ("paso", "tcp-bbr", "tcp-cubic")


def narrow_cases():
    for rate in NARROW:
        path = f"--rate {rate / 1e3} --rtt 40 --queue 3000 --delays 1"
        goodput, wait = rate / 1e3 * FILLED / 100, NARROW_QUEUE[rate]
        goals = {"goodput": goodput, "wait95": wait}
        yield Case(f"narrow-{rate}", path, goals=goals, seconds=60, systems=KERNEL)
        both = {"up": goodput, "down": goodput, "wait95": wait}
        yield Case(f"narrow-{rate}-both", path, "both", both, seconds=60, systems=KERNEL)
        yield Case(f"narrow-{rate}-ask", path, "ask-beside-bulk", {"p95": 40 + wait}, seconds=30, systems=KERNEL)
    jittered = "--rate 30 --rtt 40 --jitter 100 --delays 1"
    yield Case("uneven-100ms", jittered, goals={"goodput": 24}, seconds=20, systems=KERNEL)
    yield Case("uneven-100ms-both", jittered, "both", {"up": 22.4, "down": 17}, seconds=20, systems=KERNEL)


def cell_cases():
    """A buffer of 5 s, as cells have it: whoever fills it waits."""
    path = "--rtt 40 --queue 5000 --delays 1"
    for cell in recordings():
        for way in ("up", "down"):
            goals = {"filled": 85, "wait95": 500}
            yield Case(f"cell-{cell.name}-{way}", path, goals=goals, way=way, seconds=50, systems=KERNEL, cell=cell)
        # What the cell itself does to echoes, and what bulk adds.
        yield Case(f"cell-{cell.name}-echo-alone", path, "echo", seconds=30, systems=THIN_SYSTEMS[:2], cell=cell)
        beside = {"p95": 40 + 250}
        yield Case(f"cell-{cell.name}-echo", path, "echo-beside-bulk", beside, seconds=30, systems=KERNEL, cell=cell)


CASES = [*bulk_cases(), *thin_cases(), *other_cases(), *fat_cases(), *cell_cases()]
