"""Which checkpoints stay, and the final weights: the average of the last or of the best."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from masr.errors import CheckpointError
from masr.files import parse_json
from masr.io import checkpoint
from masr.io.atomic import atomic_write
from masr.io.layout import CHECKPOINTS, ENDED, MODEL, step_folder
from masr.io.weights import require_finite, write_weights
from masr.training.distributed import from_first
from masr.training.run import Run


def folder_of(run: Run, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return run.folder / CHECKPOINTS / step_folder(step)


def folders(run: Run) -> list[Path]:
    """All checkpoints, oldest first; whether they are whole shows when they are read."""
    return sorted((run.folder / CHECKPOINTS).glob("step_*"))


def tidy(run: Run) -> None:
    """Removes what a killed run left half-written or half-removed."""
    for path in [*(run.folder / CHECKPOINTS).glob(".step_*"), *run.folder.glob(f".{MODEL}.*.tmp")]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def prune(run: Run) -> None:
    """Keeps the newest, the best, what the final weights are made of, and those that are to stay for good."""
    config, records = run.config.training, _records(run)
    every = config.keep_every
    keep = {*list(records)[-config.keep_last :], *_best(records, config.keep_best), *_final(run, records)}
    keep |= {folder for folder, record in records.items() if every and record["step"] % every == 0}
    for folder in folders(run):
        if folder not in keep:
            doomed = folder.with_name(f".{folder.name}.old")
            folder.rename(doomed)
            shutil.rmtree(doomed)


def has_ended(run: Run, step: int) -> bool:
    """Whether a run before has done everything up to this last step, and all that comes after it."""
    path = run.folder / ENDED
    try:
        ended = run.world.is_first and (run.folder / MODEL).exists() and parse_json(path.read_bytes())["step"] == step
    except (OSError, ValueError, KeyError, TypeError):
        ended = False
    return bool(from_first(int(ended), run.world))


def ended_at(run: Run) -> int | None:
    """When the run last came to its end, in nanoseconds; None where it has not."""
    try:
        return (run.folder / ENDED).stat().st_mtime_ns
    except OSError:
        return None


def mark_ended(run: Run) -> None:
    """Notes in the folder that nothing is left to do."""
    if run.world.is_first:
        atomic_write(run.folder / ENDED, json.dumps({"step": run.config.training.max_steps}) + "\n")


@torch.no_grad()
def finish(run: Run) -> None:
    """model.safetensors: the average of the last or of the best checkpoints' weights, and a line that says which."""
    run.saving.wait()
    if not run.world.is_first:
        return
    prune(run)
    total: dict[str, Tensor] = {}
    used: list[Path] = []
    records = _records(run)
    for folder in _final(run, records):
        try:
            groups, _ = checkpoint.load(folder, ("model", "average"))
        except CheckpointError as error:
            run.meters.say(f"{error.what}; the final weights are made without it")
            continue
        used.append(folder)
        for name, value in {**groups["model"], **groups.get("average", {})}.items():
            if name not in total:
                total[name] = value.double() if value.is_floating_point() else value
            elif value.is_floating_point():  # counters and labels have no average: they are the best checkpoint's
                total[name] += value.double()
    if not used:
        raise CheckpointError(
            f"{run.folder}: none of the {run.config.training.final} checkpoints is whole, so there are no final weights"
        )
    kinds = {name: value.dtype for name, value in run.objective.state_dict().items()}
    divided = {n: v / len(used) if v.is_floating_point() else v for n, v in total.items()}
    weights = {n: v.to(kinds[n]) for n, v in divided.items()}
    require_finite(run.folder / MODEL, {n: weights[n] for n, _ in run.objective.named_parameters() if n in weights})
    write_weights(run.folder / MODEL, weights)
    run.meters.say(f"{run.folder / MODEL}: {_origin(run, used, records)}")


def _origin(run: Run, used: list[Path], records: dict[Path, dict[str, Any]]) -> str:
    """What the final weights are made of, in words, and which checkpoint validation found best if that is another."""
    config, names = run.config.training, ", ".join(folder.name for folder in used)
    said = f"{config.final} checkpoint, {names}" if len(used) == 1 else f"average of the {config.final}: {names}"
    best = [folder.name for folder in _best(records, 1) if records[folder].get("score") is not None]
    apart = config.final == "last" and best and best[0] != used[0].name
    return said + (f"; the best by {config.best_by.removeprefix('+')} on dev was {best[0]}" if apart else "")


def _records(run: Run) -> dict[Path, dict[str, Any]]:
    """The records that can be read, oldest first."""
    found = {}
    for folder in folders(run):
        try:
            found[folder] = checkpoint.read_record(folder)
        except CheckpointError:
            continue  # said when it was met in resuming; it makes room as any old checkpoint does
    return found


def _final(run: Run, records: dict[Path, dict[str, Any]]) -> list[Path]:
    """The checkpoints that the final weights are made of, the one that counts most first."""
    count = run.config.training.final_count
    return _best(records, count) if run.config.training.final == "best" else list(records)[-count:][::-1]


def _best(records: dict[Path, dict[str, Any]], count: int) -> list[Path]:
    """The checkpoints that validation found best, best first; the newest where there was no validation."""
    scored = sorted((r["score"], folder) for folder, r in records.items() if r.get("score") is not None)
    return [folder for _, folder in scored[:count]] or list(records)[-1:]
