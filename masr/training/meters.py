"""What a run tells: a bar on the screen, metrics.jsonl for programs, TensorBoard for eyes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from masr.io.atomic import atomic_write
from masr.training.distributed import World, summed
from masr.types import Batch, Losses

METRICS = "metrics.jsonl"


class Meters:
    """Means since the last line; one line every `log_every` steps and one for each validation."""

    def __init__(
        self, folder: Path, world: World, log_every: int, seconds_per_frame: float, quiet: bool = False
    ) -> None:
        self.folder, self.world, self.log_every = folder, world, log_every
        self.seconds_per_frame, self.quiet = seconds_per_frame, quiet
        self.score: float | None = None
        self.num_skipped = 0
        self.values: dict[str, list[tuple[Tensor, Tensor]]] = {}
        self.weights: dict[str, float] = {}
        self.audio_sec = 0.0
        self.since = time.monotonic()
        self.bar: Any = None

    @contextmanager
    def showing(self, step: int, max_steps: int) -> Iterator[None]:
        """A progress bar with ETA while training runs, on the first rank."""
        from tqdm import tqdm

        off = self.quiet or not self.world.is_first
        slow = 0.5 if sys.stderr.isatty() else 30
        with tqdm(total=max_steps, initial=step, unit="step", disable=off, mininterval=slow, ascii=True) as self.bar:
            yield

    def add(self, batch: Batch, losses: Losses) -> None:
        """The terms and figures of one micro-batch."""
        for name, term in losses.terms.items():
            self.weights[name] = term.weight
            self.values.setdefault(name, []).append((term.sum.detach(), term.count.detach()))
        for name, pair in losses.figures.items():
            self.values.setdefault(name, []).append(pair)
        self.audio_sec += float(batch.lengths.sum()) * self.seconds_per_frame

    def stepped(self, step: int, norm: float, rate: float) -> None:
        """After each update; writes a line when one is due."""
        if self.bar is not None:
            self.bar.update(1)
        if step % self.log_every:
            return
        means = self._means()
        seconds = max(1e-9, time.monotonic() - self.since)
        pace = self.audio_sec * self.world.size / seconds
        self._write(
            {"step": step, "split": "train", **means, "grad_norm": norm, "lr": rate, "audio_hours_per_hour": pace}
        )
        if self.bar is not None:
            self.bar.set_postfix_str(f"loss {means['loss']:.3f}, {pace:.0f} h/h")
        self.audio_sec, self.since = 0.0, time.monotonic()

    def skipped(self, step: int) -> None:
        """A step whose gradient was not used."""
        self.num_skipped += 1
        self._write({"step": step, "split": "train", "skipped": self.num_skipped})

    def validated(self, step: int, totals: dict[str, tuple[float, float]]) -> None:
        """One line for a validation, on the screen too; its loss is the checkpoint's score."""
        if not totals:
            return
        means = {name: value / max(1.0, count) for name, (value, count) in totals.items()}
        self.score = sum(self.weights.get(name, 0.0) * mean for name, mean in means.items())
        self._write({"step": step, "split": "dev", "loss": self.score, **means})
        shown = ", ".join(f"{name} {value:.3f}" for name, value in {"loss": self.score, **means}.items())
        self.say(f"step {step}: dev {shown}")
        self.since = time.monotonic()

    def say(self, line: str) -> None:
        """A line above the bar."""
        if self.world.is_first and not self.quiet:
            from tqdm import tqdm

            tqdm.write(line, file=sys.stderr)

    def state(self) -> dict[str, Any]:
        """What a resumed run has to know."""
        return {"num_skipped": self.num_skipped, "weights": self.weights, "score": self.score}

    def resume(self, step: int, state: dict[str, Any] | None) -> None:
        """Goes on from `step`: lines that a killed run wrote beyond its checkpoint are dropped."""
        if state:
            self.num_skipped, self.weights, self.score = state["num_skipped"], state["weights"], state["score"]
        path = self.folder / METRICS
        if self.world.is_first and path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
            atomic_write(path, "".join(line + "\n" for line in kept))

    def _means(self) -> dict[str, float]:
        joined = {
            name: (sum((p[0].double() for p in pairs[1:]), pairs[0][0].double()),
                   sum((p[1].double() for p in pairs[1:]), pairs[0][1].double()))
            for name, pairs in self.values.items()
        }  # fmt: skip
        means = {name: value / max(1.0, count) for name, (value, count) in summed(joined, self.world).items()}
        self.values = {}
        return {"loss": sum(w * means[name] for name, w in self.weights.items() if name in means), **means}

    def _write(self, line: dict[str, Any]) -> None:
        if self.world.is_first:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / METRICS).open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
