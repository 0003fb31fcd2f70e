"""`masr score lid` whole, from the files to the screen: 1,000,000 utterances of 102 languages; 10 s and 4 GB wanted."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from race import Race, Runner, Turn

UTTS, LANGUAGES = 1_000_000, 102
MEASURE = """
import resource, sys, time
begun = time.perf_counter()
from masr.cli.main import main
code = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print("MEASURED", time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6)
sys.exit(code)
"""


@cache
def folder() -> tempfile.TemporaryDirectory[str]:
    """Scores as an array, and the tables that they are scored against; gone when the race is over."""
    from masr.io.language_scores import write_language_scores

    place = tempfile.TemporaryDirectory(prefix="masr-lid-")
    random = np.random.default_rng(0)
    names = [f"l{i:03d}" for i in range(LANGUAGES)]
    truth = random.integers(0, LANGUAGES, UTTS)
    utts = [f"s{i // 20:05d}-u{i:07d}" for i in range(UTTS)]
    logs = 2 * random.standard_normal((UTTS, LANGUAGES), dtype=np.float32)
    logs[np.arange(UTTS), truth] += 6
    logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
    write_language_scores(Path(place.name) / "scores.npy", utts, names, logs)
    for table, values in (("utt2lang", [names[i] for i in truth]), ("utt2spk", [utt[:6] for utt in utts])):
        Path(place.name, table).write_text("".join(f"{u} {v}\n" for u, v in zip(utts, values)), encoding="utf-8")
    return place


def command() -> list[str]:
    return ["score", "lid", "--ref", folder().name, "--scores", f"{folder().name}/scores.npy"]


def ours() -> Turn:
    from masr.cli.main import main

    def turn() -> float:
        with contextlib.redirect_stdout(io.StringIO()):
            main(command())
        return float(UTTS)

    return turn


def check() -> str:
    """A process of its own: all it takes from its start to its end."""
    done = subprocess.run([sys.executable, "-c", MEASURE, *command()], capture_output=True, text=True, check=True)
    wall, seconds, gigabytes = next(line for line in done.stdout.splitlines() if line.startswith("MEASURED")).split()[
        1:
    ]
    return f"one process: {float(wall):.1f} s, {float(seconds):.1f} CPU-s, {float(gigabytes):.2f} GB at most"


def race() -> Race:
    runners = [Runner("masr score lid", ours)]
    return Race(
        f"{UTTS:,} utterances x {LANGUAGES} languages, every figure with its interval", "utterances", runners, check
    )
