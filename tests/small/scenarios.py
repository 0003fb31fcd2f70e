"""Trainings whose outcome is the same for any number of ranks, each by a name that says what is in it."""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from torch import distributed
from torch.distributed.tensor import DTensor

from masr.io import checkpoint
from masr.training import loop
from masr.training.distributed import World, together
from masr.training.loop import train
from masr.training.resume import resume, save_state
from masr.training.run import Run
from small import tiny

SIZES = (1, 2, 7, 1, 3)
"""Steps with fewer utterances than ranks."""


def scenario(name: str, folder: Path, world: World) -> int:
    """Trains one way; what has to come out is the same for any number of ranks."""
    kind = next((kind for kind in ("masr", "lid", "cpc", "dinosr") if kind in name), "best_rq")
    accumulate = 2 if "accumulate" in name else 1
    read = tiny.batches(world, accumulate, sizes=SIZES if "few" in name else (6, 7, 5))
    if "poison" in name:
        read = tiny.poisoned(read, (3, 4))
    if "machines" in name:
        world = replace(world, spread=2)
    run = tiny.make_run(
        folder,
        tiny.objective(kind, checkpoint_activations="recompute" in name),
        world,
        replace(tiny.OPTIM, frozen={"encoder": 8}) if "lid" in name else tiny.OPTIM,
        max_steps=10,
        accumulate=accumulate,
        save_every=5,
        validate_every=5,
        shard="shard" in name,
        ema_decay=0.9 if "ema" in name else 0.0,
        precision="bfloat16" if "narrow" in name else "float32",
    )
    run = tiny.with_data(run, read, tiny.validation(world), lambda: next(read(0)))
    if "resaved" in name:
        return _resaved(run, folder.parents[1] / "3" / "gathered_shard_ema_masr")
    if "again" in name:
        _damaged(run, folder.parent / "shard")
    if "gathered" in name:
        _gather_beside(run)
    if "counted" in name:
        return _counted(run)
    if "full_disk" in name:
        checkpoint.write_file = _refuse
    with _files_of(2_000) if "limited" in name and world.rank == 1 else nullcontext():
        return train(run)


def _counted(run: Run) -> int:
    """How often each step's ranks gather weights and add up gradients, in FOLDER/exchanges.json."""
    seen: list[dict[str, int]] = []
    update, names = loop.update, ("all_gather_single", "reduce_scatter_single")

    def counting(*args: Any) -> None:
        with ExitStack() as stack:
            real = {name: getattr(distributed, name) for name in names}
            made = {n: stack.enter_context(mock.patch.object(distributed, n, side_effect=real[n])) for n in names}
            update(*args)
        seen.append({name: counted.call_count for name, counted in made.items()})

    with mock.patch.object(loop, "update", counting):
        code = train(run)
    if run.world.is_first:
        (run.folder / "exchanges.json").write_text(json.dumps(seen))
    return code


def _gather_beside(run: Run) -> None:
    """With every checkpoint, one by the simplest way, in FOLDER/gathered: all tensors gathered whole, by one rank."""
    begin = run.saving.begin

    def both(folder: Path, groups: Mapping[str, Mapping[str, Any]], record: Any, tidy: Any) -> None:
        begin(folder, groups, record, tidy)
        whole = {
            group: {n: v.full_tensor() if isinstance(v, DTensor) else v for n, v in tensors.items()}
            for group, tensors in groups.items()
        }
        if run.world.is_first:
            checkpoint.save(run.folder / "gathered" / folder.name, whole, record)

    run.saving.begin = both  # type: ignore[method-assign]


def _resaved(run: Run, source: Path) -> int:
    """Reads the newest checkpoint of another number of ranks, and saves what came of it."""
    newest = run.folder / "checkpoints" / "step_000000010"
    with together(run.world):
        if run.world.is_first:
            shutil.copytree(source / "checkpoints" / newest.name, newest)
    assert resume(run) == 10
    with together(run.world):
        if run.world.is_first:
            shutil.rmtree(newest)
    save_state(run, 10, None)
    run.saving.wait()
    return 0


def _damaged(run: Run, source: Path) -> None:
    """The run as it ended, but for a bit in a file of the second rank in its newest checkpoint."""
    with together(run.world):
        if run.world.is_first:
            shutil.copytree(source, run.folder)
            (run.folder / "model.safetensors").unlink()
            file = run.folder / "checkpoints" / "step_000000010" / "optimizer.rank-00001-of-00002.safetensors"
            data = bytearray(file.read_bytes())
            data[len(data) // 2] ^= 8
            file.write_bytes(data)


@contextmanager
def _files_of(num_bytes: int) -> Iterator[None]:
    """Files of this process may not grow beyond it, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _refuse(*_: object) -> None:
    raise OSError(28, "No space left on device")
