"""Checkpoints of everything that a run is made of: writing them, and going on from the newest that is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from masr.config.dump import by_dotted_key
from masr.errors import CheckpointError, TrainingError
from masr.io import checkpoint
from masr.io.layout import CHECKPOINTS
from masr.training.distributed import any_rank, fill, from_first, gathered, local, together
from masr.training.retention import folder_of, folders, prune, tidy
from masr.training.run import Run

_FREE = {
    "device",
    "data.num_workers",
    "encoder.checkpoint_activations",
    "training.accumulate",
    "training.compile",
    "training.keep_best",
    "training.keep_every",
    "training.keep_last",
    "training.log_every",
    "training.max_bad_steps",
    "training.memory_gib",
    "training.project",
    "training.save_every",
    "training.shard",
    "training.tensorboard",
    "training.trackers",
}
"""Settings that say how a run is carried out, not what comes out of it: they may change on the way."""
_LENGTH = "training.max_steps"
_ABSENT = "absent"
_SHOWN = 5


def resume(run: Run) -> int:
    """Fills the run from its newest whole checkpoint and returns the steps done; 0 where there is none."""
    with together(run.world):
        if run.world.is_first:
            tidy(run)
    found = _newest(run)
    step = int(found[1]["step"]) if found else 0
    if not found or step == 0:
        run.meters.resume(0, None)
        return 0
    with together(run.world):
        folder, record = found
        groups = checkpoint.groups_of(folder, record)
        load_model(run.objective, groups["model"])
        _load_optimizer(run, groups["optimizer"])
        if run.average is not None:
            run.average.load(groups["average"], record["average_updates"])
        run.guard.resume(record["guard"])
        run.meters.resume(step, record["meters"])
    run.meters.say(f"going on after step {step}")
    return step


def save_state(run: Run, step: int, score: float | None) -> None:
    """Begins to write a checkpoint of everything, which is saved when `run.saving` has waited for it.

    Older ones that are neither among the newest nor the best are then removed.
    """
    _refuse_broken(run, step)
    groups = {"model": run.objective.state_dict(), "optimizer": _optimizer_tensors(run)}
    if run.average is not None:
        groups["average"] = run.average.values
    record = {
        "step": step,
        "score": score,
        "guard": run.guard.state(),
        "meters": run.meters.state(),
        "average_updates": run.average.num_updates if run.average else 0,
        "settings": run.settings,
        "reads": {name: read.identity for name, read in run.data.reads.items()},
    }
    run.saving.begin(folder_of(run, step), groups, record, lambda: prune(run))


def _newest(run: Run) -> tuple[Path, dict[str, Any]] | None:
    """The newest checkpoint that is whole, as (folder, record); says a line for each that is not.

    Every rank asks at the same time, and looks at a part of the files.
    """
    present = [run.folder / CHECKPOINTS / name for name in from_first([path.name for path in folders(run)], run.world)]
    for folder in reversed(present):
        record, trouble = _whole_record(run, folder)
        if trouble:
            run.meters.say(f"{trouble}; going back to the checkpoint before")
            continue
        with together(run.world):
            if run.world.is_first:
                _refuse_others(run, folder, record)
        return folder, record
    with together(run.world):
        if present and run.world.is_first:
            raise CheckpointError(
                f"{present[0].parent}: none of {len(present)} checkpoints is whole",
                why="the disk lost or changed what was written",
                fix=f"restore one from a backup, or delete {run.folder} to start again",
            )
    return None


def _whole_record(run: Run, folder: Path) -> tuple[dict[str, Any], str]:
    """The record of a checkpoint, and what is wrong with its files, of which each rank has looked at its share."""
    record: dict[str, Any] = {}
    trouble = ""
    try:
        if run.world.is_first:
            record = checkpoint.read_record(folder)
    except CheckpointError as error:
        trouble = error.what
    record = from_first(record, run.world)
    try:
        for file in checkpoint.files_of(record)[run.world.rank :: run.world.size]:
            checkpoint.verify(folder, record, file)
    except CheckpointError as error:
        trouble = error.what
    return record, next(filter(None, gathered(trouble, run.world)), "")


def _refuse_others(run: Run, folder: Path, record: Mapping[str, Any]) -> None:
    """CheckpointError where a checkpoint is of another run, or of other data."""
    if run.data.reads:
        _refuse_unknown(run, folder, record)
    _refuse_another(run, folder, record["settings"])
    _say_of_micro_batches(run, record["settings"])
    _refuse_changed(run, folder, record.get("reads", {}))


def _refuse_another(run: Run, folder: Path, settings: Mapping[str, Any]) -> None:
    """CheckpointError where a checkpoint was made with other settings: going on would mix two runs."""
    theirs, mine = by_dotted_key(settings), by_dotted_key(run.settings)
    free = {*_FREE, _LENGTH} if run.config.optim.schedule in ("noam", "constant") else _FREE
    changed = [key for key in sorted({*theirs, *mine} - free) if theirs.get(key, _ABSENT) != mine.get(key, _ABSENT)]
    # What the code has learned since, and this run leaves switched off, changes nothing.
    changed = [key for key in changed if key in theirs or not (mine[key] is None or mine[key] is False)]
    if not changed:
        return
    shown = "; ".join(
        f"{key} was {theirs.get(key, _ABSENT)} and is now {mine.get(key, _ABSENT)}" for key in changed[:_SHOWN]
    )
    raise CheckpointError(
        f"{folder}: was made with another configuration: {shown}{_more(changed)}",
        why="going on would mix two runs, and the result would be neither",
        fix="give another output folder, or set these back to what they were",
    )


def _say_of_micro_batches(run: Run, settings: Any) -> None:
    """A line where the model compares utterances of a micro-batch and the micro-batches are others than they were."""
    key, theirs, mine = "training.accumulate", by_dotted_key(settings), by_dotted_key(run.settings)
    of_all = list(dict.fromkeys(said for m in run.objective.modules() if (said := getattr(m, "of_a_micro_batch", ""))))
    if key in theirs and key in mine and theirs[key] != mine[key] and of_all:
        run.meters.say(
            f"{key} was {theirs[key]} and is now {mine[key]}: what is of a whole micro-batch now comes from other "
            f"utterances ({', '.join(of_all)}); all else is learnt as before"
        )


def _refuse_unknown(run: Run, folder: Path, record: Mapping[str, Any]) -> None:
    """A checkpoint of a version that kept no account of what it read.

    Nobody can say whether targets, frames or weights of the same shapes have changed since, so neither is it believed
    nor is the account made up afterwards.
    """
    if "reads" not in record:
        raise CheckpointError(
            f"{folder}: does not say what it read",
            why="an earlier version of masr made it and kept no account; what lies there now may be other data, "
            "targets or weights, and going on would mix two runs",
            fix=f"give another output folder, or remove {run.folder} to start again; to go on all the same, check out "
            "the commit that its provenance.json names",
        )


def _refuse_changed(run: Run, folder: Path, then: Mapping[str, str]) -> None:
    """What a checkpoint was made of (name -> identity) must be what the run reads now."""
    now = {name: read.identity for name, read in run.data.reads.items()}
    changed = [name for name in {**now, **then} if now.get(name) != then.get(name)]
    if not changed:
        return
    paths = {name: read.path for name, read in run.data.reads.items()}
    differences = [
        f"{name} ({paths.get(name, 'read no more')}) was {then.get(name, _ABSENT)} and is now {now.get(name, _ABSENT)}"
        for name in changed
    ]
    raise CheckpointError(
        f"{folder}: what the run reads has changed: {'; '.join(differences[:_SHOWN])}{_more(changed)}",
        why="going on would mix two runs, and the result would be neither",
        fix="put back what was there; or, to learn from what is there now, give another output folder, or remove "
        f"{run.folder}",
    )


def _more(changed: Sequence[str]) -> str:
    """How many are not shown."""
    return f"; and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""


def _refuse_broken(run: Run, step: int) -> None:
    """TrainingError where a weight is not finite, on any rank: such weights never reach the disk."""
    kept = dict(run.objective.named_parameters()), run.average.values if run.average else {}
    broken = [
        n for values in kept for n, value in values.items() if not bool(torch.isfinite(local(value.detach())).all())
    ]
    if any_rank(bool(broken), run.world):
        raise TrainingError(
            f"step {step}: {broken[0] if broken else 'a weight of another rank'} is not finite; nothing was saved",
            why="a learning rate far too high lets weights overflow though every gradient was finite",
            fix="lower optim.peak_lr; the last checkpoint is from before the trouble",
        )


def load_model(model: nn.Module, stored: checkpoint.Group) -> None:
    """Copies every tensor of a checkpoint into the model: what this rank holds of it, where the model is spread."""
    for name, target in model.state_dict().items():
        if name not in stored.names or stored.shape(name) != target.shape:
            raise CheckpointError(
                f"the checkpoint has no {name} of shape {tuple(target.shape)}",
                why="the code of the model changed since it was saved",
                fix="check out the commit that provenance.json names, or give another output folder",
            )
        fill(target, stored, name)


def _names(run: Run) -> list[str]:
    """Parameters' names in the order in which the optimiser numbers them."""
    names = {id(p): name for name, p in run.objective.named_parameters()}
    return [names[id(p)] for group in run.optimizer.param_groups for p in group["params"]]


def _optimizer_tensors(run: Run) -> dict[str, Tensor]:
    """Adam's averages by parameter: `exp_avg/encoder.norm.weight`."""
    names, state = _names(run), run.optimizer.state_dict()["state"]
    return {
        f"{kind}/{names[place]}": value if isinstance(value, Tensor) else torch.tensor(value)
        for place, values in state.items()
        for kind, value in values.items()
    }


def _load_optimizer(run: Run, stored: checkpoint.Group) -> None:
    places = {name: place for place, name in enumerate(_names(run))}
    parameters = [p for group in run.optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key in sorted(stored.names):
        kind, name = key.split("/", 1)
        parameter = parameters[places[name]].detach()
        is_like = stored.shape(key) == parameter.shape
        held = torch.empty_like(parameter) if is_like else torch.empty(stored.shape(key))
        fill(held, stored, key)
        state.setdefault(places[name], {})[kind] = held
    run.optimizer.load_state_dict({"state": state, "param_groups": run.optimizer.state_dict()["param_groups"]})
