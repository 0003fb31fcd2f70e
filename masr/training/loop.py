"""The training loop. It takes an objective it knows nothing about, and survives what a cluster does to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import nn

from masr.data.loader import dead_workers
from masr.errors import TrainingError
from masr.jobs.signals import REQUEUE
from masr.training.calibration import conclude
from masr.training.distributed import frame_shares, mean_over_ranks, total_loss
from masr.training.freezing import forget, freeze
from masr.training.guard import Buffers
from masr.training.lock import hold
from masr.training.optim import learning_rate, set_learning_rate
from masr.training.preflight import preflight
from masr.training.resume import resume, save_state
from masr.training.retention import finish, has_ended, mark_ended
from masr.training.run import Batches, Config, Run, start
from masr.training.sharding import whole
from masr.training.signals import Stop
from masr.training.sums import Sums
from masr.types import Batch

__all__ = ["Batches", "Config", "Run", "start", "train", "update", "validate"]


def train(run: Run, batches: Batches, validation: Batches, largest: Callable[[], Sequence[Batch]] | None = None) -> int:
    """Trains to the last step and writes the final weights; returns the exit code.

    `largest` gives the micro-batches of the step that costs most memory: what has to fit before anything begins.
    """
    config = run.config
    with hold(run.folder, run.world), Stop() as stop, dead_workers():
        step = resume(run)
        if step >= config.max_steps and has_ended(run, step):
            run.meters.say(f"all {step} steps were done before; nothing is left to do")
            return 0
        if config.max_steps == 0:
            save_state(run, 0, None)
        if largest is not None and step < config.max_steps:
            preflight(run, largest())
        with run.meters.showing(step, config.max_steps):
            for micro_batches in batches(step) if step < config.max_steps else ():
                update(run, micro_batches, step)
                step += 1
                is_last = step == config.max_steps
                validated = is_last or step % config.validate_every == 0
                score = judge(run, validation, step) if validated else None
                asked = stop.asked(run.world)
                if validated or asked or step % config.save_every == 0:
                    save_state(run, step, score)
                if is_last:
                    break
                if asked:
                    run.meters.say(f"stopped by a signal after step {step}; the same command goes on from here")
                    return REQUEUE
        if step < config.max_steps:
            raise TrainingError(f"the data ended after step {step} of {config.max_steps}")
        finish(run)
        conclude(run, validation)
        mark_ended(run)
    return 0


def update(run: Run, micro_batches: Sequence[Batch], step: int) -> None:
    """One step: forward and backward over its micro-batches, then one move of the weights, unless something is off."""
    run.objective.train()
    freeze(run.objective, run.optimizer, run.optim, step, run.parallel is run.tallied)
    getattr(run.objective, "advance", _nothing)(step)
    run.optimizer.zero_grad(set_to_none=True)
    buffers = Buffers(run.objective)
    sums, loss = Sums(), torch.zeros((), device=run.world.device)
    for number, (batch, share) in enumerate(zip(micro_batches, frame_shares(micro_batches, run.world), strict=True)):
        seed_noise(run, step, number)
        with syncing(run, number == len(micro_batches) - 1):
            with run.autocast():
                tally = run.parallel(batch)
                part = total_loss(tally, run.world) * share
            part.backward()  # type: ignore[no-untyped-call]
        loss += part.detach()
        sums.add(tally)
    forget(run.optimizer, step)
    norm = clip(run)
    rate = learning_rate(run.optim, step, run.config.max_steps)
    objection = run.guard.objection(mean_over_ranks(float(loss), run.world), norm, step)
    if objection:
        buffers.restore()
        run.meters.skipped(step + 1, objection)
    else:
        set_learning_rate(run.optimizer, rate, step, run.optim.warmup_steps)
        run.optimizer.step()
        if run.average is not None:
            run.average.follow()
        run.meters.add(micro_batches, sums)
    run.meters.stepped(step + 1, norm, rate)


def judge(run: Run, validation: Batches, step: int) -> float | None:
    """A validation's figures, written and shown; what checkpoints are compared by, the less the better."""
    concerns = getattr(run.objective, "concerns", None)
    return run.meters.validated(step, validate(run, validation), run.config.best_by, concerns)


@torch.no_grad()
def validate(run: Run, validation: Batches) -> Sums:
    """Sums and counts of every term and figure over this rank's part of the validation data."""
    run.objective.eval()
    sums = Sums()
    with nullcontext() if run.average is None else run.average.in_place():
        for micro_batches in validation(0):
            for batch in micro_batches:
                with run.autocast():
                    sums.add(run.tallied(batch))
    return sums


def clip(run: Run) -> float:
    """Length of the gradient, over all ranks, before it was scaled down."""
    limit = run.optim.clip_norm or float("inf")
    trained = [p for p in run.objective.parameters() if p.grad is not None]
    return float(whole(nn.utils.clip_grad_norm_(trained, limit)))


def seed_noise(run: Run, step: int, number: int) -> None:
    """Dropout is a function of seed, step and rank, so a resumed run needs no state of any generator.

    The CPU's generator is seeded alike on all ranks: on GPUs it decides what ranks have to decide alike, which blocks
    layer drop leaves out; what differs between ranks is drawn on the GPU.
    """
    place = [run.seed, 0x6D617372, step, number]
    torch.default_generator.manual_seed(_seed_of(place))
    if run.world.device.type == "cuda":
        torch.cuda.manual_seed(_seed_of([*place, run.world.rank]))


def syncing(run: Run, is_last: bool) -> AbstractContextManager[object]:
    """Gradients meet the other ranks' only after the last micro-batch."""
    if is_last or not isinstance(run.parallel, nn.parallel.DistributedDataParallel):
        return nullcontext()
    context: AbstractContextManager[object] = run.parallel.no_sync()
    return context


def _seed_of(numbers: list[int]) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _nothing(step: int) -> None:
    """For objectives that do not ask which step it is."""
