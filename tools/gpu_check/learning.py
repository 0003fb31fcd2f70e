"""A real training on the device: BEST-RQ and BEST-RQ + MASR on an embedded corpus, and a linear probe of both.

The corpus is made while the other parts keep the device busy (`begin_corpus`); the commands are those of the recipe.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch

from gpu_check.built import RECIPE, ROOT
from gpu_check.sizes import Size

PROBED = ("train", "dev", "test")
TIMED_STEPS, SKIPPED_STEPS = 40, 10
DONE = "prepared"


def begin_corpus(size: Size, scratch: Path, nj: int) -> subprocess.Popen[bytes]:
    """Starts making the corpus and its data directories, in a process of its own."""
    scratch.mkdir(parents=True, exist_ok=True)
    log = (scratch / "corpus.log").open("wb")
    return subprocess.Popen(
        [sys.executable, "-m", "gpu_check.learning", *map(str, (scratch, nj, *size.corpus))],
        env=_environment(),
        stdout=log,
        stderr=subprocess.STDOUT,
    )


def prepare(scratch: Path, nj: int, corpus: Sequence[str]) -> None:
    """corpus -> data directories with features -> codes, as stages 0 to 3 of egs/fleurs do it."""
    where, data, conf = scratch / "corpus", scratch / "data", RECIPE / "conf"
    _masr("corpus", "fleurs", corpus[0], where, *corpus[1:], "--nj", nj)
    _masr("prepare", "fleurs", where, data, "--nj", nj, "--max-bad", 0.1)
    for split in PROBED:
        _masr("features", "--conf", conf / "features.yaml", data / split)
    shutil.copytree(data / "train", data / "pretrain")
    also = (word for name in PROBED[1:] for word in ("--also", data / name))
    _masr("units", data / "train", scratch / "units", "--conf", conf / "units.yaml", *also)
    (scratch / DONE).touch()


def check(device: torch.device, size: Size, scratch: Path) -> dict[str, Any]:
    """By training: steps, seconds, what reading alone gives, the last losses, and accuracy of the probe."""
    corpus = scratch.parent / "corpus"
    while not (corpus / DONE).exists():  # whoever started this part has a limit
        time.sleep(0.5)
    found: dict[str, Any] = {}
    for name in ("best_rq", "best_rq_masr"):
        found[name] = _trained(name, device, size, corpus, scratch / name)
    return {"learning": found, "statistics": _probed(corpus, None, scratch / "statistics"), "hours": _hours(corpus)}


def _trained(name: str, device: torch.device, size: Size, corpus: Path, out: Path) -> dict[str, Any]:
    """As many steps as fit the time, by the pace of some steps before."""
    per_step = _pace(_train(name, device, size, corpus, out / "pace", TIMED_STEPS), out / "pace")
    steps = max(TIMED_STEPS, int(size.training_sec / per_step))
    started = time.perf_counter()
    _train(name, device, size, corpus, out / "run", steps).ended()
    took = time.perf_counter() - started
    lines = _lines(out / "run")
    speeds = sorted(line["audio_hours_per_hour"] for line in lines if line["split"] == "train")
    last = [line for line in lines if line["split"] == "dev"][-1]
    return {
        "steps": steps,
        "step_sec": per_step,
        "seconds": took,
        "hours_an_hour": speeds[len(speeds) // 2],
        "dev": {key: value for key, value in last.items() if isinstance(value, int | float)},
        "probe": _probed(corpus, out / "run", out / "vectors"),
    }


def _pace(training: Begun, run: Path) -> float:
    """Seconds of a step, without the first ones, by the moments at which lines are written."""
    seen: dict[int, float] = {}
    while training.process.poll() is None:
        for line in _lines(run):
            seen.setdefault(line["step"], time.perf_counter())
        time.sleep(0.02)
    training.ended()
    moments = [(step, when) for step, when in seen.items() if step >= SKIPPED_STEPS]
    (first, begun), (last, ended) = moments[0], moments[-1]
    return max(1e-3, (ended - begun) / max(1, last - first))


def _train(name: str, device: torch.device, size: Size, corpus: Path, out: Path, steps: int) -> Begun:
    data = corpus / "data"
    changes = [
        f"train={data / 'pretrain'}",
        f"dev={data / 'dev'}",
        f"codes={corpus / 'units'}",
        f"device={device.type}",
        f"training.max_steps={steps}",
        f"training.validate_every={steps}",
        f"training.save_every={steps}",
        "training.accumulate=1",
        "training.tensorboard=false",
        "training.log_every=10",
        f"optim.warmup_steps={max(1, steps // 10)}",
        *size.training_changes,
    ]
    conf = RECIPE / "conf" / "pretrain" / f"{name}_{size.training}.yaml"
    if "masr" in name:
        streams = [
            {"name": kind, "loss": "soft", "margin": 0.0, "weight": 10, "gradient_share": 2, "warmup_steps": steps // 5}
            for kind in ("language", "location")
        ]
        changes.append(f"streams={json.dumps(streams)}")
    return _begun("train", conf, out, *(word for change in changes for word in ("--set", change)))


def _probed(corpus: Path, run: Path | None, out: Path) -> dict[str, float]:
    """Accuracy of a linear probe of languages, over frozen vectors of a run or over log-mel statistics."""
    for split in PROBED:
        folder = corpus / "data" / split
        _masr("extract", run or "statistics", folder, out / split)
    _masr(
        *("analyse", "probe", out / "train", "--dev", out / "dev", "--test", out / "test"),
        *("--plain", "--kind", "lang", "--json", out / "probe.json"),
    )
    found = json.loads((out / "probe.json").read_text(encoding="utf-8"))
    accuracy = found["kinds"]["lang"]["best"]["test"]["accuracy"]
    return {key: float(accuracy[key]) for key in ("value", "low", "high")}


def _hours(corpus: Path) -> float:
    rows = (corpus / "data" / "pretrain" / "utt2dur").read_text(encoding="utf-8").split()
    return sum(map(float, rows[1::2])) / 3600


def _lines(run: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's metrics, so far."""
    path = run / "metrics.jsonl"
    whole = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in whole if line.endswith("\n")]


@dataclass
class Begun:
    """A command at work, and where it writes what it says."""

    words: tuple[str, ...]
    process: subprocess.Popen[bytes]
    said: IO[bytes]

    def ended(self) -> None:
        """Waits for it; RuntimeError with the end of what it said where it failed."""
        if self.process.wait():
            self.said.seek(0)
            end = self.said.read()[-2000:].decode(errors="replace")
            raise RuntimeError(f"masr {' '.join(self.words[:3])}: {end}")


def _begun(*words: object) -> Begun:
    plain = tuple(map(str, words))
    said = tempfile.TemporaryFile()  # noqa: SIM115  # the process writes to it when this function has long returned
    command = [sys.executable, "-m", "masr.cli.main", *plain]
    return Begun(plain, subprocess.Popen(command, env=_environment(), stdout=said, stderr=subprocess.STDOUT), said)


def _masr(*words: object) -> None:
    """A command as a process of its own, to its end."""
    _begun(*words).ended()


def _environment() -> dict[str, str]:
    folders = [str(ROOT), str(ROOT / "tools"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "TERM": "dumb"}


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
