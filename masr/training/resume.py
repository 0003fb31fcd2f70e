"""From where a run goes on, and what it leaves behind: the newest whole checkpoint, the final weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from masr.errors import CheckpointError
from masr.io import checkpoint
from masr.io.atomic import atomic_path

if TYPE_CHECKING:
    from masr.training.loop import Run

MODEL = "model.safetensors"
_CHECKPOINTS = "checkpoints"


def resume(run: Run) -> int:
    """Fills the run from its newest whole checkpoint and returns the steps done; 0 where there is none."""
    if run.config.ema_decay:
        run.average = {name: value.detach().clone() for name, value in run.objective.state_dict().items()}
    for folder in reversed(_folders(run.folder)):
        try:
            groups, record = checkpoint.load(folder)
        except CheckpointError as error:
            run.meters.say(f"{error.what}; going back to the checkpoint before")
            continue
        _refuse_another(run, folder, record)
        run.objective.load_state_dict(groups["model"])
        _load_optimizer(run.optimizer, groups["optimizer"], record["optimizer"])
        if run.average is not None:
            run.average = groups["average"]
        run.bad_steps, run.usual_norm = record["bad_steps"], record["usual_norm"]
        step = int(record["step"])
        run.meters.resume(step, record["meters"])
        return step
    run.meters.resume(0, None)
    return 0


def save_state(run: Run, step: int) -> None:
    """A checkpoint of everything; older ones that are neither among the last nor the best are removed after it."""
    if not run.world.is_first:
        return
    tensors, groups = _optimizer_tensors(run.optimizer)
    state = {"model": run.objective.state_dict(), "optimizer": tensors}
    if run.average is not None:
        state["average"] = run.average
    record = {
        "step": step,
        "fingerprint": run.fingerprint,
        "optimizer": groups,
        "bad_steps": run.bad_steps,
        "usual_norm": run.usual_norm,
        "meters": run.meters.state(),
        "score": run.meters.score,
    }
    checkpoint.save(run.folder / _CHECKPOINTS / f"step_{step:09d}", state, record)
    _prune(run)


def finish(run: Run) -> None:
    """model.safetensors: the average of the best checkpoints' weights."""
    if not run.world.is_first:
        return
    from safetensors.torch import save_file

    best = _best(run)
    total: dict[str, Tensor] = {}
    for folder in best:
        groups, _ = checkpoint.load(folder)
        for name, value in groups.get("average", groups["model"]).items():
            total[name] = total[name] + value.double() if name in total else value.double()
    kinds = {name: value.dtype for name, value in run.objective.state_dict().items()}
    weights = {name: (value / len(best)).to(kinds[name]).contiguous() for name, value in total.items()}
    with atomic_path(run.folder / MODEL) as temporary:
        save_file(weights, temporary)
    run.meters.say(f"{run.folder / MODEL}: average of {', '.join(f.name for f in best)}")


def _folders(folder: Path) -> list[Path]:
    return sorted((folder / _CHECKPOINTS).glob("step_*"))


def _refuse_another(run: Run, folder: Path, record: dict[str, Any]) -> None:
    if record["fingerprint"] != run.fingerprint:
        raise CheckpointError(
            f"{folder}: was made with another configuration",
            why="going on would mix two runs and the result would be neither",
            fix=f"give another output folder, or the configuration in {run.folder / 'config.yaml'}",
        )


def _scores(run: Run) -> list[tuple[float, Path]]:
    found = []
    for folder in _folders(run.folder):
        score = checkpoint.read_record(folder).get("score")
        found.append((float("inf") if score is None else float(score), folder))
    return found


def _best(run: Run) -> list[Path]:
    """The checkpoints of lowest validation loss; the newest where there was no validation."""
    scored = _scores(run)
    if all(score == float("inf") for score, _ in scored):
        return [scored[-1][1]]
    return [folder for _, folder in sorted(scored, key=lambda pair: pair[0])[: max(1, run.config.keep_best)]]


def _prune(run: Run) -> None:
    keep = {*_folders(run.folder)[-max(1, run.config.keep_last) :], *_best(run)}
    for folder in _folders(run.folder):
        if folder not in keep:
            doomed = folder.with_name(f".{folder.name}.old")
            folder.rename(doomed)
            shutil.rmtree(doomed)


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """Adam's averages as named tensors, and the groups' settings as plain values."""
    state = optimizer.state_dict()
    tensors = {
        f"{place}.{name}": value if isinstance(value, Tensor) else torch.tensor(value)
        for place, values in state["state"].items()
        for name, value in values.items()
    }
    return tensors, state["param_groups"]


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], groups: list[dict[str, Any]]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        place, name = key.split(".", 1)
        state.setdefault(int(place), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": groups})
