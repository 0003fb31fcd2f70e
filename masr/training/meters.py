"""What a run tells: a bar on the screen, metrics.jsonl for programs, trackers for eyes."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from masr.config.dump import by_dotted_key
from masr.errors import TrainingError, near
from masr.files import ordinary, parse_json
from masr.io.atomic import atomic_write, flush
from masr.io.layout import METRICS
from masr.maths.on_host import on_host
from masr.training.config import LoopConfig
from masr.training.distributed import World
from masr.training.late import Late
from masr.training.sums import Packed, Sums, Totals
from masr.training.tracking import TENSORBOARD, Trackers, open_trackers
from masr.types import Batch

OBJECTIVE_LOSS = "objective_loss"
"""The loss without what stands beside the objective, such as MASR's streams."""
Concerns = Callable[[dict[str, float]], Sequence[str]]
"""The figures of a validation -> what a person should know of them."""


@dataclass(frozen=True)
class _Step:
    """An update, counted from 1, of which nothing is known to the host yet."""

    step: int
    rate: float
    numbers: Late
    """The guard's report and what `stepped` adds to it, `size` numbers; then those of `packed`, where a line is due."""
    size: int
    packed: Packed | None


class Meters:
    """Means since the last line; one line every `log_every` steps and one for each validation."""

    def __init__(
        self,
        folder: Path,
        world: World,
        config: LoopConfig,
        seconds_per_frame: float,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder, self.world, self.config = folder, world, config
        self.settings = settings or {}
        self.seconds_per_frame = seconds_per_frame
        self.quiet = False
        self.num_skipped = 0
        self.window = Sums()
        self.untold: list[_Step] = []
        """Steps whose numbers are on their way."""
        self.is_told_to_stop = False
        """Whether a rank was told to stop, in a step that has been told of."""
        self.num_written = 0
        """Checkpoints that ranks had written, all of them together, in the newest step that has been told of."""
        self.elapsed_sec = 0.0
        self.since = time.monotonic()
        self.bar: Any = None
        self.trackers = Trackers({}, self.say)

    @contextmanager
    def showing(self, step: int) -> Iterator[None]:
        """A progress bar with ETA while training runs, on the first rank."""
        from tqdm import tqdm

        if self.world.is_first:
            names = [TENSORBOARD] * self.config.tensorboard + list(self.config.trackers)
            values = {key: str(value) for key, value in by_dotted_key(self.settings).items()}
            self.trackers = open_trackers(self.folder, names, step, self.config.project, self.say, values)
        on_screen = sys.stderr.isatty()
        self.bar = tqdm(
            total=self.config.max_steps,
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
            self.trackers.close()

    def seconds_of(self, batch: Batch) -> float:
        """Seconds of audio in a batch, by the lengths that the host knows."""
        return 0.0 if batch.stand_in else float(on_host(batch.lengths).sum()) * self.seconds_per_frame

    def stepped(self, step: int, sums: Sums, report: Tensor, rate: float) -> None:
        """Counts an update that gave these sums; `report`, (N,): the guard's, whether to stop, checkpoints written.

        A line of metrics.jsonl is due now and then. All of it is written when `settle` is called.
        """
        if self.bar is not None:
            self.bar.update(1)
        self.window.merge(sums)
        packed = None
        if step % self.config.log_every == 0:
            packed, self.window = self.window.packed(self.world), Sums()
        numbers = report if packed is None else torch.cat([report, packed.flat])
        self.untold.append(_Step(step, rate, Late(numbers), len(report), packed))

    def settle(self, tell: Callable[[Sequence[float], int], str], newest: int = 0) -> None:
        """Reads the steps that are not told of yet, but for so many of the newest, and writes what they found.

        `tell` says of a step's numbers why its gradient was not used, if it was not.
        """
        while len(self.untold) > newest:
            done = self.untold.pop(0)
            numbers = done.numbers.read()
            *report, is_told_to_stop, num_written = numbers[: done.size]
            self.is_told_to_stop |= is_told_to_stop > 0
            self.num_written = int(num_written)
            objection = tell(report, done.step - 1)
            if objection:
                self.skipped(done.step, objection)
            if done.packed is not None or done.step % self.config.log_every == 0:
                totals = Totals() if done.packed is None else done.packed.totals(numbers[done.size :])
                self._line(done, totals, norm=report[3])

    def _line(self, done: _Step, totals: Totals, norm: float) -> None:
        pace = totals.audio_sec / max(1e-9, time.monotonic() - self.since)
        line = totals.figures()
        figures = {"grad_norm": norm, "lr": done.rate, "audio_hours_per_hour": pace, "skipped": self.num_skipped}
        self._write({"step": done.step, "split": "train", **line, **figures})
        if self.bar is not None:
            self.bar.set_postfix_str(f"loss {line.get('loss', math.nan):.3f}, {pace:.0f} h/h")
        self.since = time.monotonic()

    def skipped(self, step: int, reason: str) -> None:
        """Writes and says that a step's gradient was not used, and why."""
        self.num_skipped += 1
        self._write({"step": step, "split": "skip", "reason": reason})
        self.say(f"step {step}: left out: {reason}")

    def validated(self, step: int, sums: Sums, concerns: Concerns | None = None) -> float | None:
        """Writes and shows a validation's figures, and the sentences that `concerns` makes of them.

        Returns the score that checkpoints are compared by, the lowest being the best; None where there was no data.
        """
        totals = sums.over_ranks(self.world)
        if not totals.pairs:
            return None
        line = totals.figures()
        self._write({"step": step, "split": "dev", **line})
        self.say(f"step {step}: dev " + ", ".join(f"{name} {value:.3f}" for name, value in line.items()))
        for sentence in concerns(line) if concerns else ():
            self._write({"step": step, "split": "concern", "sentence": sentence})
            self.say(f"step {step}: {sentence}")
        best_by = self.config.best_by
        name = best_by.removeprefix("+")
        if name == OBJECTIVE_LOSS and name not in line:  # nothing stands beside the objective
            name = "loss"
        if name not in line:
            raise TrainingError(f"training.best_by: a validation has no figure {name!r}", fix=near(name, line))
        score = -line[name] if best_by.startswith("+") else line[name]
        return score if math.isfinite(score) else None

    def say(self, line: str) -> None:
        """Prints a line above the bar, on the first rank."""
        if self.world.is_first and not self.quiet:
            from tqdm import tqdm

            tqdm.write(line, file=sys.stderr)

    def state(self) -> dict[str, Any]:
        """The sums and counts that a resumed run has to know; every rank has to ask at the same time.

        Every step has to have been told of.
        """
        totals = self.window.over_ranks(self.world)
        self.window.restore(totals, self.world)
        if self.world.is_first and (self.folder / METRICS).exists():
            flush(self.folder / METRICS)  # lines up to a checkpoint have to be there before it is
        return {
            "num_skipped": self.num_skipped,
            "window": totals.pairs,
            "histograms": totals.histograms,
            "weights": totals.weights,
            "beside": list(totals.beside),
            "audio_sec": totals.audio_sec,
            "num_batches": totals.num_batches,
            "elapsed_sec": time.monotonic() - self.since,
        }

    def resume(self, step: int, state: dict[str, Any] | None) -> None:
        """Goes on from `step`: lines that a killed run wrote beyond its checkpoint are dropped."""
        if state:
            self.num_skipped, self.elapsed_sec = state["num_skipped"], state["elapsed_sec"]
            held = (state["window"], state["histograms"], state["weights"], state["beside"])
            num_batches = state.get("num_batches", float(bool(state["window"])))
            self.window.restore(Totals(*held, state["audio_sec"], num_batches), self.world)
        path = self.folder / METRICS
        if self.world.is_first and path.exists():
            lines = ordinary(path).read_text(encoding="utf-8", errors="replace").splitlines()
            atomic_write(path, "".join(line + "\n" for line in lines if _step_of(line) <= step))

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
        self.trackers.write(plain)


def _plain(value: Any) -> Any:
    """The value as JSON can hold it: None in the place of what is not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _step_of(line: str) -> float:
    """The step of a line of metrics.jsonl; infinite where a kill cut the line short, so that it is dropped."""
    try:
        return float(parse_json(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
