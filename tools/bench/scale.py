"""What a corpus of ten million utterances asks of each command: seconds, CPU seconds and memory.

A data directory of that size is written around the real archives of a small one, whose rows are repeated under new
ids. Each step is then a process of its own, and the disk cache is warm, as the directory has just been written.
Memory is the highest resident size of one process of the step, mapped files included, and the most that all of its
processes held at once of their own, looked at ten times a second. `fresh` throws the index away beforehand.

example:
  python tools/bench/scale.py egs/fleurs/data/train egs/fleurs/conf/pretrain/best_rq_tiny.yaml
  python tools/bench/scale.py egs/fleurs/data/train egs/fleurs/conf/pretrain/best_rq_tiny.yaml --utts 1000000
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

_CHUNK = 100_000
_PER_SPEAKER = 200
_LANGUAGES = 100
_MIB = 1 << 20

_OPEN = """
import sys
from pathlib import Path
from masr.io.datadir import DataDir
print(len(DataDir.open(Path(sys.argv[1]))), "utterances")
"""
_PLAN = """
import sys
from pathlib import Path
from masr.data.batch_config import Config
from masr.data.batching import Batches
from masr.data.dataset import frames_of
from masr.io.datadir import DataDir
batches = Batches(frames_of(DataDir.open(Path(sys.argv[1]))), Config(), seed=0)
first = batches.parts(batches.at(0), 64, 1)[7]
print(len(batches.epoch(0)), "steps an epoch;", len(first), "utterances for rank 7 of 64 in the first")
"""
_PLAN_OF_RANKS = """
import sys
from pathlib import Path
from masr.data.batch_config import Config
from masr.data.batching import Batches
from masr.data.sharing import alone
from masr.data.dataset import frames_of
from masr.io.datadir import DataDir
from masr.training.distributed import any_rank, join_world
from masr.training.on_machine import OnMachine
with join_world("cpu") as world:
    share = OnMachine(world) if sys.argv[2] == "shared" else alone
    lengths = share(lambda: [frames_of(DataDir.open(Path(sys.argv[1])))])[0]
    batches = Batches(lengths, Config(), seed=0, share=share)
    batches.parts(batches.at(0), world.size, 1)
    any_rank(False, world)
"""


@dataclass(frozen=True)
class Cost:
    """What a process and its children took."""

    seconds: float
    cpu_sec: float
    resident_mib: float
    """Of the largest process."""
    own_mib: float
    """Of all processes at once, without what they share with others and without mapped files."""


def rows(source: Path, name: str) -> list[str]:
    """The values of a small table, in the order of its ids."""
    from masr.io.datadir import DataDir

    return list(DataDir.open(source).table(name).values())


def make(folder: Path, source: Path, num_utts: int) -> None:
    """The large directory: the tables that splitting and training read."""
    from masr.features.cmvn import total
    from masr.io.ark import ArchiveWriter, read_array

    folder.mkdir(parents=True)
    values: dict[str, Callable[[int], str]] = {
        "utt2spk": lambda n: f"spk{n // _PER_SPEAKER:06d}",
        "utt2lang": lambda n: f"l{n // _PER_SPEAKER % _LANGUAGES:02d}",
    }
    for name in ("utt2dur", "utt2num_frames", "feats.scp"):
        values[name] = _repeated(rows(source, name))
    for name, value in values.items():
        with (folder / name).open("w", encoding="ascii") as stream:
            for low in range(0, num_utts, _CHUNK):
                part = range(low, min(low + _CHUNK, num_utts))
                stream.write("".join([f"{_utt(n)} {value(n)}\n" for n in part]))
    with (folder / "spk2utt").open("w", encoding="ascii") as stream:
        for speaker, utts in _speakers(num_utts):
            stream.write(f"{speaker} {' '.join(utts)}\n")
    stats = total([read_array(rows(source, "cmvn.scp")[0])])
    with ArchiveWriter(folder / "data/cmvn.ark") as archive:
        for speaker, _ in _speakers(num_utts):
            archive.append(speaker, stats)
    (folder / "cmvn.scp").write_text("".join(f"{key} {entry}\n" for key, entry in archive.rows.items()))


def _utt(n: int) -> str:
    return f"spk{n // _PER_SPEAKER:06d}-{n:08d}"


def _repeated(values: list[str]) -> Callable[[int], str]:
    return lambda n: values[n % len(values)]


def _speakers(num_utts: int) -> Iterator[tuple[str, list[str]]]:
    for low in range(0, num_utts, _PER_SPEAKER):
        yield f"spk{low // _PER_SPEAKER:06d}", [_utt(n) for n in range(low, min(low + _PER_SPEAKER, num_utts))]


def measure(command: list[str], log: Path) -> tuple[Cost, int]:
    """Runs a command to its end; what it took, and its exit code."""
    started = time.perf_counter()
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)
        own = [0.0]
        done = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, own, done))
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, own[0]), process.returncode


def _watch(pid: int, own: list[float], done: threading.Event) -> None:
    while not done.wait(0.1):
        own[0] = max(own[0], sum(_own_mib(process) for process in _tree(pid)))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _tree(int(child))


def _own_mib(pid: int) -> float:
    """Memory that is the process's share alone: anonymous pages, those it shares with a fork counted once."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:"))) / 1024


def write_table(path: Path, source: Path, conf: Path, num_tasks: int) -> None:
    """A table of so many trainings, each with a learning rate of its own."""
    rows = "".join(f"  - {{name: r{n}, set: {{train: ['optim.peak_lr={n + 1}e-6']}}}}\n" for n in range(num_tasks))
    lines = [
        "title: Many tasks",
        "corpus: any",
        "sizes: {mini: {what: many learning rates, seeds: [0]}}",
        "steps:",
        "  - name: train",
        f"    config: '{{conf}}/{conf.name}'",
        f"    set: ['train={{data}}/{source.name}', dev=null]",
        "    command: [masr, train, '{config}', '{out}']",
        f"rows:\n{rows}columns: [{{name: loss, step: train, file: best.json, value: [loss]}}]",
    ]
    path.write_text("\n".join(lines) + "\n")


def steps(folder: Path, source: Path, conf: Path, num_jobs: int, num_ranks: int) -> dict[str, list[str]]:
    """Name -> command."""
    ranks = [sys.executable, "-m", "masr.jobs", "ranks", str(num_ranks), sys.executable, "-c", _PLAN_OF_RANKS]
    masr = [sys.executable, "-m", "masr.cli.main"]
    scratch = folder.parent
    train = ["--max-steps", "1", "--set", f"train={folder}", "--set", "dev=null"]
    places = ["--data", str(source.parent), "--exp", str(scratch / "exp")]
    return {
        "open fresh": [sys.executable, "-c", _OPEN, str(folder)],
        "open": [sys.executable, "-c", _OPEN, str(folder)],
        "plan": [sys.executable, "-c", _PLAN, str(folder)],
        "ranks": [*ranks, str(folder), "shared"],
        "apart": [*ranks, str(folder), "apart"],
        "split": [*masr, "data", "split", str(folder), str(num_jobs), "--out", str(scratch / "split")],
        "train fresh": [*masr, "train", str(conf), str(scratch / "fresh"), *train],
        "train": [*masr, "train", str(conf), str(scratch / "exp"), *train],
        "tasks": [*masr, "table", "plan", str(scratch / "many.yaml"), "--conf", str(conf.parent), *places, "--arrays"],
        "validate": [*masr, "data", "validate", str(folder), "--no-text", "--no-wav"],
    }


def main() -> None:
    """Makes the directory, measures each step, prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="small data directory with features")
    parser.add_argument("conf", type=Path, help="configuration of a pre-training")
    parser.add_argument("--utts", type=int, default=10_000_000, help="utterances of the large one")
    parser.add_argument("--jobs", type=int, default=100, help="parts to split into")
    parser.add_argument("--ranks", type=int, default=8, help="that plan at once, sharing the plan and not (apart)")
    parser.add_argument("--tasks", type=int, default=1000, help="of the table that is planned")
    parser.add_argument("--only", nargs="+", help="these steps alone")
    parser.add_argument("--folder", type=Path, help="make, or find, the directory here and keep it")
    args = parser.parse_args()
    scratch = args.folder or Path(tempfile.mkdtemp(prefix="masr_scale_"))
    folder = scratch / "data"
    failed = False
    try:
        if not folder.exists():  # elsewhere, so that this process stays small: a child's peak begins at its parent's
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                pool.submit(make, folder, args.source, args.utts).result()
        write_table(scratch / "many.yaml", args.source, args.conf, args.tasks)
        size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
        print(f"{args.utts} utterances, tables of {size / _MIB:.0f} MiB", flush=True)
        for name, command in steps(folder, args.source, args.conf, args.jobs, args.ranks).items():
            if args.only and name not in args.only:
                continue
            if "fresh" in name:
                (folder / ".index").unlink(missing_ok=True)
            cost, code = measure(command, scratch / "log")
            failed |= code != 0
            said = (scratch / "log").read_text(errors="replace").strip().splitlines()
            print(
                f"{name:<12} {cost.seconds:7.1f} s {cost.cpu_sec:7.1f} CPU-s  largest process {cost.resident_mib:6.0f} "
                f"MiB, own memory of all {cost.own_mib:6.0f} MiB  {f'EXIT {code}: ' * bool(code)}"
                f"{said[-1] if said else ''}",
                flush=True,
            )
            for made in ("split", "fresh", "exp"):
                shutil.rmtree(scratch / made, ignore_errors=True)
    finally:
        if not args.folder:
            shutil.rmtree(scratch)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
