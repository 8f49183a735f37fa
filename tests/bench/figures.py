# SPDX-License-Identifier: GPL-2.0-or-later
"""What benches share: figures out of samples, programs of the build, what a process has used.

    figures.tell("cpu", samples, "ms", reference="the same in memory", reference_samples=others)
"""
import json
import os
import pathlib
import statistics
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def build():
    """The folder of the build: run.py names it."""
    folder = os.environ.get("GANGWAY_BUILD")
    if not folder:
        sys.exit("GANGWAY_BUILD names no build: run `make bench`, or tests/bench/run.py")
    return pathlib.Path(folder)


def program(path):
    """A program of the build, by its place in the tree: "tests/bench/handshakes"."""
    found = build() / path
    if not found.is_file():
        sys.exit(f"{found} is not built: run `make bench`")
    return str(found)


def say(text):
    """For people, while the bench runs."""
    print(text, file=sys.stderr, flush=True)


def _spread(values):
    return statistics.median(values), min(values), max(values)


def tell(name, samples, unit, reference=None, reference_samples=(), note=None):
    """Prints one figure. The reference's samples are paired with the figure's, as they were measured in turn;
    where there is one for all, or the counts differ, medians are compared."""
    value, low, high = _spread(samples)
    figure = {"name": name, "value": value, "unit": unit, "samples": len(samples), "min": low, "max": high,
              "reference": reference, "ratio": None, "ratio_min": None, "ratio_max": None, "note": note}
    if reference and reference_samples:
        if len(reference_samples) == len(samples):
            ratios = [a / b for a, b in zip(samples, reference_samples)]
        else:
            ratios = [value / statistics.median(reference_samples)]
        figure["ratio"], figure["ratio_min"], figure["ratio_max"] = _spread(ratios)
    print(json.dumps(figure), flush=True)


def percentile(samples, percent):
    """The least sample that so many percent do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _schedstat(pid, field):
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[field]) for task in tasks) / 1e9


def waited_seconds(pid):
    """How long threads of a process were ready and had no processor; None where the kernel does not say."""
    try:
        return _schedstat(pid, 1)
    except FileNotFoundError:
        return None


def cpu_seconds(pid):
    """What all threads of a process have used so far: to the nanosecond where the kernel says so, else in ticks."""
    try:
        return _schedstat(pid, 0)
    except FileNotFoundError:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_S


def memory_kib(pid):
    """What smaps_rollup says in KiB: {"Rss": .., "Pss": .., "Private_Dirty": ..}."""
    memory = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        memory[name] = memory.get(name, 0) + int(rest.split()[0])
    return memory


def file_system(path):
    """The kind of file system that a path lies on: "ext4", "tmpfs"."""
    path, best = os.path.realpath(path), ("", "unknown")
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind = line.split()[:3]
        inside = path == where or path.startswith(where.rstrip("/") + "/")
        if inside and len(where) >= len(best[0]):
            best = where, kind
    return best[1]
