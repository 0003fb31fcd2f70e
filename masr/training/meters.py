"""What a run tells: a bar on the screen, metrics.jsonl for programs, TensorBoard for eyes."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from masr.errors import TrainingError
from masr.io.atomic import atomic_write
from masr.training.board import open_board
from masr.training.distributed import Tally, World, summed
from masr.types import Batch

METRICS = "metrics.jsonl"


class Sums:
    """Sums and counts of terms and figures, on the device until they are asked for."""

    def __init__(self) -> None:
        self.values: dict[str, Tensor] = {}
        self.weights: dict[str, float] = {}

    @torch.no_grad()
    def add(self, tally: Tally) -> None:
        """What one micro-batch gave."""
        self.weights.update(tally.weights)
        terms = {name: (value.detach(), tally.counts[name]) for name, value in tally.sums.items()}
        self.merge({name: torch.stack(pair).double() for name, pair in {**terms, **tally.figures}.items()})

    def merge(self, values: dict[str, Tensor]) -> None:
        """(2,) sum and count by name."""
        for name, pair in values.items():
            self.values[name] = self.values[name] + pair if name in self.values else pair

    def over_ranks(self, world: World) -> dict[str, tuple[float, float]]:
        """As numbers, of all ranks together."""
        if not self.values:
            return {}
        table: list[list[float]] = torch.stack(list(self.values.values())).tolist()
        return summed({name: (row[0], row[1]) for name, row in zip(self.values, table, strict=True)}, world)


class Meters:
    """Means since the last line; one line every `log_every` steps and one for each validation."""

    def __init__(
        self, folder: Path, world: World, log_every: int, seconds_per_frame: float, quiet: bool, tensorboard: bool
    ) -> None:
        self.folder, self.world, self.log_every = folder, world, log_every
        self.seconds_per_frame, self.quiet, self.tensorboard = seconds_per_frame, quiet, tensorboard
        self.num_skipped = 0
        self.window = Sums()
        self.audio_sec = 0.0
        self.elapsed_sec = 0.0
        self.since = time.monotonic()
        self.bar: Any = None
        self.board: Any = None

    @contextmanager
    def showing(self, step: int, max_steps: int) -> Iterator[None]:
        """A progress bar with ETA while training runs, on the first rank."""
        from tqdm import tqdm

        if self.tensorboard and self.world.is_first:
            self.board = open_board(self.folder, step, self.say)
        on_screen = sys.stderr.isatty()
        self.bar = tqdm(
            total=max_steps,
            initial=step,
            unit="step",
            disable=self.quiet or not self.world.is_first,
            mininterval=0.5 if on_screen else 30,
            ascii=not on_screen,
            dynamic_ncols=on_screen,
            file=sys.stderr,
        )
        self.since = time.monotonic() - self.elapsed_sec
        try:
            yield
        finally:
            self.bar.close()
            if self.board is not None:
                self.board.close()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time that does not count in the pace of training."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.since += time.monotonic() - began

    def add(self, micro_batches: Sequence[Batch], sums: Sums) -> None:
        """The terms and figures of a step whose gradient was used."""
        self.window.weights.update(sums.weights)
        self.window.merge(sums.values)
        frames = sum(float(batch.lengths.sum()) for batch in micro_batches if not batch.stand_in)
        self.audio_sec += frames * self.seconds_per_frame

    def stepped(self, step: int, norm: float, rate: float) -> None:
        """After each update; writes a line when one is due."""
        if self.bar is not None:
            self.bar.update(1)
        if step % self.log_every:
            return
        numbers, audio_sec = self._collapse()
        pace = audio_sec / max(1e-9, time.monotonic() - self.since)
        line = _means(numbers, self.window.weights)
        figures = {"grad_norm": norm, "lr": rate, "audio_hours_per_hour": pace, "skipped": self.num_skipped}
        self._write({"step": step, "split": "train", **line, **figures})
        if self.bar is not None:
            self.bar.set_postfix_str(f"loss {line.get('loss', math.nan):.3f}, {pace:.0f} h/h")
        self.window, self.audio_sec, self.since = Sums(), 0.0, time.monotonic()

    def skipped(self, step: int, reason: str) -> None:
        """A step whose gradient was not used."""
        self.num_skipped += 1
        self._write({"step": step, "split": "skip", "reason": reason})
        self.say(f"step {step}: left out: {reason}")

    def validated(self, step: int, sums: Sums) -> float | None:
        """One line for a validation, on the screen too; the loss comes back, None where there was no data."""
        numbers = sums.over_ranks(self.world)
        if not numbers:
            return None
        line = _means(numbers, sums.weights)
        self._write({"step": step, "split": "dev", **line})
        self.say(f"step {step}: dev " + ", ".join(f"{name} {value:.3f}" for name, value in line.items()))
        return line["loss"] if math.isfinite(line["loss"]) else None

    def say(self, line: str) -> None:
        """A line above the bar."""
        if self.world.is_first and not self.quiet:
            from tqdm import tqdm

            tqdm.write(line, file=sys.stderr)

    def state(self) -> dict[str, Any]:
        """What a resumed run has to know; every rank has to ask at the same time."""
        numbers, audio_sec = self._collapse()
        if self.world.is_first and (self.folder / METRICS).exists():
            _flush(self.folder / METRICS)
        return {
            "num_skipped": self.num_skipped,
            "window": numbers,
            "weights": self.window.weights,
            "audio_sec": audio_sec,
            "elapsed_sec": time.monotonic() - self.since,
        }

    def resume(self, step: int, state: dict[str, Any] | None) -> None:
        """Goes on from `step`: lines that a killed run wrote beyond its checkpoint are dropped."""
        if state:
            self.num_skipped, self.elapsed_sec = state["num_skipped"], state["elapsed_sec"]
            self.window.weights = dict(state["weights"])
            self._keep(state["window"], state["audio_sec"])
        path = self.folder / METRICS
        if self.world.is_first and path.exists():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            atomic_write(path, "".join(line + "\n" for line in lines if _step_of(line) <= step))

    def _collapse(self) -> tuple[dict[str, tuple[float, float]], float]:
        """The window of all ranks, and its seconds of audio; both move to the first rank."""
        numbers = self.window.over_ranks(self.world)
        audio_sec = summed({"audio": (self.audio_sec, 0.0)}, self.world)["audio"][0]
        self._keep(numbers, audio_sec)
        return numbers, audio_sec

    def _keep(self, numbers: Mapping[str, Sequence[float]], audio_sec: float) -> None:
        """On the first rank; the others keep zeros under the same names."""
        share = float(self.world.is_first)
        self.window.values = {
            name: torch.tensor(pair, dtype=torch.float64, device=self.world.device) * share
            for name, pair in numbers.items()
        }
        self.audio_sec = audio_sec * share

    def _write(self, line: dict[str, Any]) -> None:
        if not self.world.is_first:
            return
        plain = {name: _plain(value) for name, value in line.items()}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / METRICS).open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(plain, allow_nan=False) + "\n")
        except OSError as error:
            raise TrainingError(
                f"{self.folder / METRICS}: cannot be written: {error.strerror}",
                why="the disk is full or not writable",
                fix="free some space and run the same command again: it goes on from the last checkpoint",
            ) from None
        if self.board is not None:
            self.board.write(plain)


def _means(numbers: Mapping[str, tuple[float, float]], weights: Mapping[str, float]) -> dict[str, float]:
    """Every term and figure, and before them the loss they make."""
    if not numbers:
        return {"loss": math.nan}
    means = {name: value / count if count else 0.0 for name, (value, count) in numbers.items()}
    return {"loss": sum(w * means[name] for name, w in weights.items() if name in means), **means}


def _plain(value: Any) -> Any:
    """What JSON can hold: it has no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _step_of(line: str) -> float:
    """The step a line speaks of; never within reach where a kill cut the line short."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


def _flush(path: Path) -> None:
    """Lines up to a checkpoint are on the disk before the checkpoint is."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
