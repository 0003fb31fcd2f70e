"""The training loop. It takes an objective it knows nothing about, and survives what a cluster does to it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, distributed, nn

from masr.data.loader import dead_workers
from masr.errors import TrainingError
from masr.jobs.signals import REQUEUE, Stop
from masr.maths.on_host import number
from masr.training.calibration import calibrate
from masr.training.distributed import any_rank, let_go, syncing, whole
from masr.training.guard import Buffers
from masr.training.lock import hold
from masr.training.optim import forget, freeze, learning_rate, set_learning_rate, step_where
from masr.training.preflight import preflight
from masr.training.resume import resume, save_state
from masr.training.retention import finish, has_ended, mark_ended
from masr.training.run import Run
from masr.training.sums import Sums, parts_of_step, total_loss
from masr.types import Batch


def train(run: Run, stop: Stop | None = None) -> int:
    """Trains to the last step and writes the final weights; 0, or REQUEUE where it was stopped before and may go on.

    `stop` has listened for signals since before there was a run; without it only those are heard that come from now on.
    """
    config = run.config.training
    listening = nullcontext(stop) if stop else Stop()
    with hold(run.folder, run.world), run.saving.outlasted(), listening as stop, dead_workers():
        step = resume(run)
        if step >= config.max_steps and has_ended(run, step):
            run.meters.say(f"all {step} steps were done before; nothing is left to do")
            return 0
        if config.max_steps == 0:
            save_state(run, 0, None)
        if run.data.largest is not None and step < config.max_steps:
            preflight(run, run.data.largest())
        if step < config.max_steps and any_rank(stop.seen, run.world):
            run.meters.say(f"stopped by a signal before step {step + 1}; the same command goes on from here")
            return REQUEUE

        with run.meters.showing(step):
            for micro_batches in run.data.training(step) if step < config.max_steps else ():
                update(run, micro_batches, step, stop.seen)
                step += 1
                is_last = step == config.max_steps
                validates = is_last or step % config.validate_every == 0
                saves = validates or step % config.save_every == 0
                settle(run, newest=0 if saves else 1)
                run.saving.look(run.saving.num_written if run.world.size == 1 else run.meters.num_written)
                score = judge(run, step) if validates else None
                # Ranks hear of it a step late, all in the same step: they save and leave together.
                is_asked = stop.seen if run.world.size == 1 else run.meters.is_told_to_stop
                if saves or is_asked:
                    settle(run)
                    save_state(run, step, score)
                if is_last:
                    break
                if is_asked:
                    run.saving.wait()
                    run.meters.say(f"stopped by a signal after step {step}; the same command goes on from here")
                    return REQUEUE
        if step < config.max_steps:
            raise TrainingError(f"the data ended after step {step} of {config.max_steps}")

        finish(run)
        calibrate(run)
        mark_ended(run)
    return 0


def update(run: Run, micro_batches: Sequence[Batch], step: int, is_told_to_stop: bool = False) -> None:
    """One step: the gradient of its micro-batches, then one move of the weights, unless something is off.

    Nothing of it is read here: the device decides whether to move, and `settle` tells what it found.
    """
    run.objective.train()
    freeze(run.objective, run.optimizer, run.config.optim, step, run.parallel is run.tallied)
    if hasattr(run.objective, "advance"):
        run.objective.advance(step)  # type: ignore[operator]  # an objective that asks which step it is
    run.optimizer.zero_grad(set_to_none=True)

    buffers = Buffers(run.objective)
    sums, loss = backward(run, micro_batches, step)
    forget(run.optimizer, step)
    norm = clip(run)

    rate = learning_rate(run.config.optim, step, run.config.training.max_steps)
    said = [number(loss.double(), float(value)) for value in (is_told_to_stop, run.saving.num_written)]
    shared = torch.stack([loss.double() / run.world.size, *said])
    if run.world.size > 1:
        distributed.all_reduce(shared)
    fine, report = run.guard.judge(shared[0], norm)
    set_learning_rate(run.optimizer, rate, step, run.config.optim.warmup_steps)
    step_where(run.optimizer, fine)
    buffers.restore(unless=fine)
    if run.average is not None:
        run.average.follow(fine)
    run.meters.stepped(step + 1, sums.where(fine), torch.cat([report, shared[1:]]), rate)


def settle(run: Run, newest: int = 0) -> None:
    """Reads what steps found, all but so many of the newest, writes their lines, and says which were not used.

    TrainingError where too many in a row were not.
    """
    run.meters.settle(run.guard.tell, newest)


def backward(run: Run, micro_batches: Sequence[Batch], step: int) -> tuple[Sums, Tensor]:
    """Forward and backward over the micro-batches of a step: gradients in the weights; what was found, () the loss."""
    sums, loss = Sums(), torch.zeros((), device=run.world.device)
    parts = parts_of_step(run.objective, micro_batches, run.world)
    for place, (batch, part) in enumerate(zip(micro_batches, parts, strict=True)):
        seed_noise(run, step, place)
        with syncing(run.parallel, place == len(micro_batches) - 1):
            with run.autocast():
                tally = run.parallel(batch)
                its_loss = total_loss(tally, run.world, part)
            its_loss.backward()  # type: ignore[no-untyped-call]
        loss += its_loss.detach()
        sums.add(tally, run.meters.seconds_of(batch))
    return sums, loss


def judge(run: Run, step: int) -> float | None:
    """Writes and shows a validation's figures; the score that checkpoints are compared by, the lowest is the best."""
    return run.meters.validated(step, validate(run), getattr(run.objective, "concerns", None))


@torch.no_grad()
def validate(run: Run) -> Sums:
    """Sums and counts of every term and figure over this rank's part of the validation data, by the average if any."""
    run.objective.eval()
    sums = Sums()
    with nullcontext() if run.average is None else run.average.in_place():
        for micro_batches in run.data.validation(0):
            for batch in micro_batches:
                with run.autocast():
                    sums.add(run.tallied(batch))
        let_go(run.tallied)
    return sums


def clip(run: Run) -> Tensor:
    """() length of the gradient, over all ranks, before it was scaled down."""
    limit = run.config.optim.clip_norm or float("inf")
    trained = [p for p in run.objective.parameters() if p.grad is not None]
    return whole(nn.utils.clip_grad_norm_(trained, limit))


def seed_noise(run: Run, step: int, number: int) -> None:
    """Seeds dropout by seed, step, micro-batch and rank, so that a resumed run needs no state of any generator.

    The CPU's generator is seeded alike on all ranks: on GPUs it decides what ranks have to decide alike, which blocks
    layer drop leaves out; what differs between ranks is drawn on the GPU.
    """
    place = [run.config.seed, 0x6D617372, step, number]
    torch.default_generator.manual_seed(_seed_of(place))
    if run.world.device.type == "cuda":
        torch.cuda.manual_seed(_seed_of([*place, run.world.rank]))


def _seed_of(numbers: list[int]) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
