"""Trains for hours, with validation, saving and reading by four workers, and looks whether anything of it grows.

usage: PYTHONPATH=tools python -m torture soak OUT [--hours H] [--every S]

Every few seconds memory, descriptors and processes of the training with all that it has started, and the bytes on its
disk, go to OUT/soak.tsv; OUT/soak.svg is their picture. After the first fifth, in which caches fill, a line is laid
through each: flat is what rises by less than its bound from there to the end. Exit code 1: something does not.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from masr.io.atomic import atomic_write
from masr.io.figure import Axis, Curve, Curves
from masr.report.picture import Chart, draw_charts
from torture.victims import build

_WARM_UP = 0.2
_END_SEC = 120.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_CHANGES = (
    "data.num_workers=4",
    "training.max_steps=1000000000",
    "training.log_every=200",
    "training.validate_every=50",
    "training.save_every=20",
)


@dataclass(frozen=True)
class Sample:
    """What a training holds at one moment."""

    sec: float
    memory_mb: float
    """Not shared, of all processes together."""
    descriptors: int
    processes: int
    disk_mb: float
    """Without metrics.jsonl, which is to grow."""


BOUNDS = {"memory_mb": 30.0, "descriptors": 4.0, "processes": 0.5, "disk_mb": 1.0}
"""What each may rise by, from the end of the warming up to the end of all, along a line through its samples."""


def main(words: Sequence[str]) -> int:
    """0 where all is flat."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--hours", type=float, default=3.0, help="default 3")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two samples (default 5)")
    args = parser.parse_args(words)
    out = args.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    build(out / "work")
    folder = out / "work" / "soak"
    changes = [word for change in _CHANGES for word in ("--set", change)]
    command = ["train", str(out / "work" / "best_rq.yaml"), str(folder), *changes]
    with (out / "soak.log").open("w") as log:
        training = subprocess.Popen([sys.executable, "-m", "masr.cli.main", *command], stdout=log, stderr=log)
        samples = []
        with (out / "soak.tsv").open("w", encoding="utf-8") as table_file:
            print(*(field.name for field in fields(Sample)), sep="\t", file=table_file)
            for one in watch(training.pid, folder, 3600 * args.hours, args.every):
                samples.append(one)
                print(*(f"{value:.6g}" for value in astuple(one)), sep="\t", file=table_file, flush=True)
        code = stop(training)
    rises = {name: rise(samples, name) for name in BOUNDS}
    charts = [_chart(samples, name, rises[name]) for name in BOUNDS]
    atomic_write(out / "soak.svg", draw_charts(charts, "What a training holds"))
    print(table(samples, rises), f"{len(samples)} samples: {out / 'soak.tsv'}, {out / 'soak.svg'}", sep="\n")
    if code != 75:
        print(f"soak: the training ended with {code}: see {out / 'soak.log'}", file=sys.stderr)
    return int(code != 75 or any(rises[name] > bound for name, bound in BOUNDS.items()))


def stop(training: subprocess.Popen[bytes]) -> int:
    """Tells it to stop, as a scheduler does; its exit code, 75 where it saved and may go on."""
    training.send_signal(signal.SIGTERM)
    try:
        return training.wait(_END_SEC)
    except subprocess.TimeoutExpired:
        training.kill()
        return training.wait()


def watch(pid: int, folder: Path, seconds: float, every: float) -> Iterator[Sample]:
    """A sample every so often, from the first checkpoint on, until the time is over or the training has ended."""
    while not list((folder / "checkpoints").glob("step_*")) and is_alive(pid):
        time.sleep(0.1)
    since = time.monotonic()
    while (sec := time.monotonic() - since) < seconds and is_alive(pid):
        yield sample(sec, pid, folder)
        time.sleep(every)


def sample(sec: float, pid: int, folder: Path) -> Sample:
    """What the process and all that it has started hold now."""
    found = tree(pid)
    memory = sum(unshared_bytes(one) for one in found) / 1e6
    return Sample(sec, memory, sum(map(descriptors, found)), len(found), disk_bytes(folder) / 1e6)


def is_alive(pid: int) -> bool:
    """Whether the process has not ended; one whose end nobody has asked for has."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0] != "Z"
        )
    except OSError:
        return False


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:  # it grows meanwhile
        for thread in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, thread.read_text(encoding="ascii").split())
            except OSError:
                continue
    return found


def unshared_bytes(pid: int) -> int:
    """Memory of a process that no file or other process shares; 0 where it is gone."""
    try:
        words = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return (int(words[1]) - int(words[2])) * _PAGE_BYTES


def descriptors(pid: int) -> int:
    """Open files of a process; 0 where it is gone."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 (a number of names is all that is asked)
    except OSError:
        return 0


def disk_bytes(folder: Path) -> int:
    """Bytes of all files below; files and folders go while they are counted, as checkpoints that were replaced do."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(place, name).stat().st_size if name != "metrics.jsonl" else 0
    return total


def rise(samples: Sequence[Sample], name: str) -> float:
    """By how much a line of least squares rises over the samples after the warming up; 0 where there are too few."""
    kept = samples[int(_WARM_UP * len(samples)) :]
    if len(kept) < 3:
        return 0.0
    sec = np.array([one.sec for one in kept])
    values = np.array([getattr(one, name) for one in kept], dtype=float)
    return float(np.polyfit(sec - sec[0], values, 1)[0] * (sec[-1] - sec[0]))


def _chart(samples: Sequence[Sample], name: str, risen: float) -> Chart:
    hours = np.array([one.sec / 3600 for one in samples])
    what, unit = name.removesuffix("_mb"), "MB" if name.endswith("_mb") else ""
    values = np.array([getattr(one, name) for one in samples], dtype=float)
    title = f"{what}: {risen:+.3g} {unit}, bound {BOUNDS[name]:g}"
    return Chart(title, Curves(title, (Curve(what, hours, values),), Axis("time", "h"), Axis(what, unit)))


def table(samples: Sequence[Sample], rises: dict[str, float]) -> str:
    """A line for each quantity: its median, its rise, its bound, and whether it is flat."""
    lines = [f"{'':<12}{'median':>10}{'rise':>10}{'bound':>10}"]
    for name, bound in BOUNDS.items():
        median = float(np.median([getattr(one, name) for one in samples])) if samples else float("nan")
        verdict = "flat" if rises[name] <= bound else "NOT FLAT"
        lines.append(f"{name:<12}{median:>10.1f}{rises[name]:>10.2f}{bound:>10.1f}  {verdict}")
    return "\n".join(lines)
