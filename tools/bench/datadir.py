"""How long a data directory of a million utterances takes to write, validate and open, and what memory it takes.

example:
  python tools/bench/datadir.py
  python tools/bench/datadir.py --utts 100000 --files --folder /tmp/masr_bench
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

_STEPS = ("write", "validate", "index", "open", "read")


class Rows(Mapping[str, str]):
    """A table that is computed while it is written."""

    def __init__(self, utts: list[str], pattern: str) -> None:
        self.utts, self.pattern = utts, pattern
        self.place = {utt: place for place, utt in enumerate(utts)}

    def __getitem__(self, utt: str) -> str:
        place = self.place[utt]
        return self.pattern.format(spk=utt[:8], n=place, shard=place // 10_000, byte=place % 10_000 * 64_044 + 30)

    def __iter__(self) -> Iterator[str]:
        return iter(self.utts)

    def __len__(self) -> int:
        return len(self.utts)


def write(folder: Path, num_utts: int, files: bool) -> None:
    """A directory with the eight tables of a corpus, and the (sparse) archives or the files they point at."""
    from masr.io.datadir import write_datadir

    utts = [f"spk{n // 200:05d}-utt{n:08d}" for n in range(num_utts)]
    shards = folder / "data"
    shards.mkdir(parents=True, exist_ok=True)
    for stem in ("wav", "feats"):
        for shard in range(num_utts // 10_000 + 1):
            with (shards / f"{stem}.{shard}.ark").open("wb") as stream:
                stream.truncate(10_000 * 64_044 + 30)
    wav = f"{shards}/wav.{{shard}}.ark:{{byte}}"
    if files:
        wav = f"{shards}/{{spk}}/utterance-{{n}}.wav"
        for n, utt in enumerate(utts):
            path = shards / utt[:8] / f"utterance-{n}.wav"
            path.parent.mkdir(exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    patterns = {
        "utt2spk": "{spk}",
        "wav.scp": wav,
        "text": "the quick brown fox number {n} jumps over a lazy dog and runs to the river to drink",
        "utt2dur": "2.{n}",
        "utt2lang": "hin",
        "feats.scp": f"{shards}/feats.{{shard}}.ark:{{byte}}",
        "utt2num_frames": "1{n}",
    }
    write_datadir(folder, {name: Rows(utts, pattern) for name, pattern in patterns.items()})


def step(name: str, folder: Path, num_utts: int, files: bool) -> None:
    """One measurement, in a process of its own so that its memory is its own."""
    from masr.io.datadir import DataDir
    from masr.io.datadir.validate import validate

    start, start_cpu = time.perf_counter(), time.process_time()
    note = ""
    if name == "write":
        write(folder, num_utts, files)
    elif name == "validate":
        report = validate(folder, keep=10)
        note = f"{report.num_utts} utterances, {report.total} problems"
    elif name == "read":
        data = DataDir.open(folder)
        text, count = data.table("text"), 20_000
        begin = time.perf_counter()
        for n in range(count):
            text[data.utts[n * 7919 % num_utts]]
        by_id = (time.perf_counter() - begin) / count * 1e6
        begin = time.perf_counter()
        for n in range(count):
            text.at(n * 7919 % num_utts)
        by_place = (time.perf_counter() - begin) / count * 1e6
        note = f"a value at random: {by_id:.1f} us by id, its own read included, {by_place:.1f} us by place"
    else:
        note = f"{len(DataDir.open(folder))} utterances"
    seconds, cpu_sec = time.perf_counter() - start, time.process_time() - start_cpu
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:<9} {seconds:8.3f} s {cpu_sec:8.3f} CPU-s {peak_mb:8.0f} MB   {note}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utts", type=int, default=1_000_000, help="utterances in the directory")
    parser.add_argument("--files", action="store_true", help="one wav file an utterance instead of archives")
    parser.add_argument("--rounds", type=int, default=3, help="how often validate and open are measured")
    parser.add_argument("--folder", type=Path, help="keep the directory here instead of a temporary place")
    parser.add_argument("--step", choices=_STEPS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step:
        step(args.step, args.folder, args.utts, args.files)
        return
    folder = args.folder or Path(tempfile.mkdtemp(prefix="masr_bench_"))
    size = ["--utts", str(args.utts), "--folder", str(folder)] + ["--files"] * args.files
    try:
        for name in ("write", *["validate"] * args.rounds, "index", *["open"] * args.rounds, "read"):
            subprocess.run([sys.executable, __file__, "--step", name, *size], check=True)
    finally:
        if not args.folder:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
