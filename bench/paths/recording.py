"""Recorded cells: two files of milliseconds, one a line, at each of which 1,500 bytes may leave (the format of Mahimahi).

They are not part of the project. `PASO_TRACES` names a folder with some: NAME.up and NAME.down, or NAME.up.gz and NAME.down.gz.
"""
import bisect
import gzip
import os
from pathlib import Path

BYTES = 1500


def recordings():
    """The cells of the folder, as paths without the ending."""
    folder = os.environ.get("PASO_TRACES")
    names = Path(folder).glob("*.up*") if folder else []
    return sorted({path.with_name(path.name.removesuffix(".gz").removesuffix(".up")) for path in names})


def read(cell, way):
    plain = Path(f"{cell}.{way}")
    packed = Path(f"{plain}.gz")
    return gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()


def unpack(cell, folder):
    for way in ("up", "down"):
        Path(folder, f"{cell.name}.{way}").write_bytes(read(cell, way))


def possible(cell, way, begin, end):
    """Mbit/s that it can carry between these seconds; it begins anew where it ends, as the emulator has it."""
    moments = list(map(int, read(cell, way).split()))
    lap = moments[-1]

    def until(seconds):
        laps, rest = divmod(seconds * 1e3, lap)
        return laps * len(moments) + bisect.bisect_right(moments, rest)

    return (until(end) - until(begin)) * BYTES * 8 / (end - begin) / 1e6
