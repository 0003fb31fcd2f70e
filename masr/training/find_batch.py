"""The most frames of a micro-batch that fit this device, found by trying: doubled until it is too much, then halved in.

What is tried are the longest utterances of the costliest step, as many times over as are wanted, forward and backward.
On a GPU the allocator says what fits; on a CPU a few of them foretell what all of them take.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from masr.errors import TrainingError
from masr.training.guard import Buffers
from masr.training.preflight import estimate, frames_of, kept_bytes, longest_of, one_pass, room_for
from masr.types import Batch

if TYPE_CHECKING:
    from masr.training.run import Run

_CLOSE = 1.05
"""What fits and what does not are this near to each other at the end."""
_HEADROOM = 0.95
"""Share of what fits that is advised: other steps have other shapes, and memory falls to pieces in time."""
_DIFFERENT = 8
_MOST_UTTERANCES = 1 << 16


@dataclass(frozen=True)
class Found:
    """What fits."""

    frames: int
    """Of a micro-batch, with padding: what is advised."""
    longest: int
    """Frames of the longest utterance that was tried."""
    tries: int
    wanted: int
    """Frames that a whole step has at most, by the configuration."""
    accumulate: int

    @property
    def micro_batches(self) -> int:
        """How many one device has to take for a step of the configuration."""
        return math.ceil(self.wanted / self.frames)

    def render(self) -> str:
        """What fits, and the options that make use of it."""
        whole = self.frames * self.accumulate
        lines = [
            f"a micro-batch of {self.frames} frames with padding fits, "
            f"found in {self.tries} tries with utterances of {self.longest} frames",
            f"the same training as now, steps of {self.wanted} frames: --set training.accumulate={self.micro_batches}",
            f"another training, of steps as large as {self.accumulate} micro-batches may be: "
            f"--set batching.batch_frames={whole}",
            "on N devices alike: a step takes an Nth as many micro-batches, or holds N times these frames",
        ]
        return "\n".join(lines)


def find_batch(run: Run, micro_batches: Sequence[Batch]) -> Found:
    """The most that fits; nothing of the run changes or is written. TrainingError where one utterance is too much."""
    batch = replace(max(micro_batches, key=lambda one: frames_of(run, one)), rank_sizes=())
    some = longest_of(batch, _DIFFERENT)
    cuda = run.world.device.type == "cuda"
    buffers = Buffers(run.objective)
    longest = frames_of(run, longest_of(batch, 1))
    with torch.random.fork_rng([run.world.device] if cuda else []):
        run.objective.train()
        fits = _fits_gpu if cuda else _fits_cpu
        count, tries = most_that_fits(lambda count: fits(run, repeated(some, count)))
    buffers.restore()
    if not count:
        raise TrainingError(
            f"a single utterance of {longest} frames does not fit",
            fix="lower batching.max_frames, set encoder.checkpoint_activations: true, or take a smaller encoder",
        )
    how = run.config
    return Found(
        frames=max(longest, int(count * longest * _HEADROOM)),
        longest=longest,
        tries=tries,
        wanted=how.batching.batch_frames,
        accumulate=how.training.accumulate,
    )


def most_that_fits(fits: Callable[[int], bool]) -> tuple[int, int]:
    """The most for which it is true, to 5 %, and how often it was asked; 0 where not even 1 does."""
    tries, low, high = 0, 0, 1
    while high <= _MOST_UTTERANCES:
        tries += 1
        if not fits(high):
            break
        low, high = high, 2 * high
    else:
        return low, tries
    while low and high - low > 1 and high > _CLOSE * low:
        middle = (low + high) // 2
        tries += 1
        if fits(middle):
            low = middle
        else:
            high = middle
    return low, tries


def repeated(batch: Batch, count: int) -> Batch:
    """So many utterances: those of the batch, over and over."""
    size = len(batch.utts)
    rows = torch.arange(count) % size

    def cut(value: Any) -> Any:
        if isinstance(value, Tensor) and value.ndim and len(value) == size:
            return value[rows.to(value.device)]
        return {key: cut(inner) for key, inner in value.items()} if isinstance(value, dict) else value

    parts = {field.name: cut(getattr(batch, field.name)) for field in fields(Batch)}
    return replace(batch, **{**parts, "utts": tuple(batch.utts[row] for row in rows.tolist()), "texts": ()})


def _fits_gpu(run: Run, batch: Batch) -> bool:
    """Whether the device gives the memory of a forward and backward pass beside what training keeps."""
    held: list[Tensor] = []
    try:
        held.append(torch.empty(kept_bytes(run), dtype=torch.uint8, device=run.world.device))
        one_pass(run, batch)
    except torch.OutOfMemoryError:
        return False
    finally:
        run.optimizer.zero_grad(set_to_none=True)
        held.clear()
        torch.cuda.empty_cache()
    return True


def _fits_cpu(run: Run, batch: Batch) -> bool:
    """Whether its need, foretold from a few of its utterances, is within what is free."""
    room = room_for(run)
    if not room:
        raise TrainingError(
            "this machine does not say how much memory is free", fix="--set training.memory_gib=8, or what it may take"
        )
    need = estimate(run, batch)
    return need.activations + need.fixed <= room
