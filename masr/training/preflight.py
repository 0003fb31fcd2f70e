"""Finds out before the first step whether the largest batch will fit: a run that dies on step 30000 is dear.

A few utterances of the largest batch go forward and backward, and the most memory they take is scaled to all of
them. On a GPU the whole batch then runs once, because there the allocator has the last word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from masr.errors import TrainingError
from masr.training.distributed import any_rank, local
from masr.training.guard import Buffers
from masr.training.memory import Live, free_bytes
from masr.training.sums import total_loss
from masr.types import Batch

if TYPE_CHECKING:
    from masr.training.run import Run

_FEW, _MORE = 2, 4
_MARGIN = 1.1
"""What kernels hold for themselves. On a CPU the C library may keep much of what recomputed blocks gave back, which no
estimate can know; there this is a lower bound."""
_PIECE_SEC = 0.01
_GIB = float(1 << 30)


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes that training will take beyond what is held already."""

    activations: int
    """What the largest micro-batch takes at the peak of its backward pass."""
    fixed: int
    """Gradients, and Adam's two averages where they are not there yet."""
    utterances: int
    frames: int
    """Frames of the micro-batch with padding, as the budget counts them: samples in pieces of 10 ms."""


def preflight(run: Run, micro_batches: Sequence[Batch]) -> None:
    """TrainingError where the largest batch will not fit, with the settings to change; otherwise nothing changes."""
    # Ranks may take different micro-batches, and few utterances of them: what the plan says of sizes does not hold.
    batch = replace(max(micro_batches, key=lambda batch: frames_of(run, batch)), rank_sizes=())
    devices = [run.world.device] if run.world.device.type == "cuda" else []
    buffers = Buffers(run.objective)
    with torch.random.fork_rng(devices):
        run.objective.train()
        found = estimate(run, batch)
        free = room_for(run)
        short = 0 < free < found.activations + found.fixed
        if any_rank(short, run.world):
            raise _too_large(found, free)
        if run.world.device.type == "cuda":
            _try(run, batch, found, free)
    buffers.restore()
    run.meters.say(
        f"the largest batch ({found.utterances} utterances, {found.frames} frames with padding) takes about "
        f"{(found.activations + found.fixed) / _GIB:.1f} GiB; {free / _GIB:.1f} GiB are free"
    )


def estimate(run: Run, batch: Batch) -> MemoryNeed:
    """The memory that a batch takes, foretold from a few of its utterances; every rank runs the same passes."""
    size = len(batch.utts)
    few, more = (_peak_bytes(run, longest_of(batch, count)) for count in (_FEW, _MORE))
    if size > _MORE:
        more += (size - _MORE) * max(0, more - few) // (_MORE - _FEW)
    # The gradients are among what was seen at the peak.
    activations = int(max(0, more - gradient_bytes(run)) * _MARGIN)
    return MemoryNeed(activations, gradient_bytes(run) + kept_bytes(run), size, frames_of(run, batch))


def gradient_bytes(run: Run) -> int:
    """Bytes of the gradients that this rank holds."""
    return sum(local(p.detach()).nbytes for p in run.objective.parameters() if p.requires_grad)


def kept_bytes(run: Run) -> int:
    """Bytes beside weights and gradients that training keeps and that are not there yet: Adam's averages, and on a CPU
    the copy of them, of the weights and of their average that this rank writes a checkpoint from."""
    copies = 0 if run.optimizer.state else 2
    if run.world.device.type == "cpu" and (run.world.is_first or run.config.training.shard):
        copies += 4 if run.average is not None else 3
    return gradient_bytes(run) * copies


def room_for(run: Run) -> int:
    """Bytes that this rank may still take; 0 where nobody says."""
    if run.config.training.memory_gib:
        return int(run.config.training.memory_gib * _GIB)
    free = free_bytes(run.world.device)
    return free // run.world.local_size if run.world.device.type == "cpu" else free


def _peak_bytes(run: Run, batch: Batch) -> int:
    live = Live()
    with torch.compiler.set_stance("force_eager"), live:
        one_pass(run, batch)
    return live.peak


def one_pass(run: Run, batch: Batch) -> None:
    """Forward and backward; no gradient is kept."""
    with run.autocast():
        loss = total_loss(run.tallied(batch), run.world)
    loss.backward()  # type: ignore[no-untyped-call]
    run.optimizer.zero_grad(set_to_none=True)


def _try(run: Run, batch: Batch, found: MemoryNeed, free: int) -> None:
    """The whole batch, forward and backward, on the device itself."""
    try:
        one_pass(run, batch)
        failed = False
    except torch.OutOfMemoryError:
        failed = True
    run.optimizer.zero_grad(set_to_none=True)
    torch.cuda.empty_cache()
    if any_rank(failed, run.world):
        raise _too_large(found, free)


def longest_of(batch: Batch, count: int) -> Batch:
    """The longest utterances of the batch, which are as padded as all of them."""
    size = len(batch.utts)
    if count >= size:
        return batch
    rows = batch.lengths.argsort(descending=True, stable=True)[:count]

    def cut(value: Any) -> Any:
        if isinstance(value, Tensor) and value.ndim and len(value) == size:
            return value[rows]
        return {key: cut(inner) for key, inner in value.items()} if isinstance(value, dict) else value

    cuts = {f.name: cut(getattr(batch, f.name)) for f in fields(Batch)}
    return replace(batch, **{**cuts, "utts": tuple(batch.utts[row] for row in rows.tolist())})


def frames_of(run: Run, batch: Batch) -> int:
    """Frames of a micro-batch with padding, as the budget counts them."""
    length = int(batch.lengths.max())
    if batch.features.dim() == 2:
        length = round(length * run.meters.seconds_per_frame / _PIECE_SEC)
    return length * len(batch.utts)


def _too_large(found: MemoryNeed, free: int) -> TrainingError:
    room = free - found.fixed
    if room <= 0:
        fix = "take a smaller encoder, or training.shard: true over several ranks"
    else:
        frames = int(found.frames * room / found.activations)
        fix = (
            f"lower batching.batch_frames so that a micro-batch has at most {frames} frames (or raise "
            "training.accumulate), or set encoder.checkpoint_activations: true, or training.precision: bfloat16"
        )
    return TrainingError(
        f"the largest batch needs about {(found.activations + found.fixed) / _GIB:.2f} GiB, "
        f"and {free / _GIB:.2f} GiB are free",
        why=f"{found.utterances} utterances with {found.frames} frames take {found.activations / _GIB:.2f} GiB "
        f"in the backward pass; gradients and Adam's averages take {found.fixed / _GIB:.2f} GiB",
        fix=fix,
    )
