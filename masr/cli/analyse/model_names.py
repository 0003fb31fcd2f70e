"""Models that words name: every checkpoint, every layer, and a model with the speech that it is run on.

`all` in place of a step or a layer stands for every one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.errors import CheckpointError, DataError, UsageError
from masr.io.model_name import ALL, ModelName, model_name, parts

if TYPE_CHECKING:
    from masr.inference.load import Model


def expand(given: Sequence[str]) -> list[str]:
    """Each word as it is; RUN@all as every checkpoint that a run has kept, RUN:all as every layer."""
    from masr.api import load
    from masr.io.trained import steps_of

    found = []
    for text in given:
        model, layer = parts(text)
        models = [model]
        if model.endswith(f"@{ALL}") and Path(run := model.removesuffix(f"@{ALL}")).is_dir():
            models = [f"{run}@{step}" for step in steps_of(Path(run))]
            if not models:
                raise CheckpointError(f"{run} has no checkpoints", fix="give the DIR of masr train")
        if layer == ALL and all(model_name(one) for one in models):
            layers = [f":{n}" for n in range(load(models[0], "cpu").num_layers + 1)]
        else:
            layers = ["" if layer is None else f":{layer}"]
        found += [one + suffix for one in models for suffix in layers]
    return found


def open_model(name: ModelName, data: Path | None) -> tuple[Model, Any]:
    """The model and the speech that it is run on."""
    from masr.api import load
    from masr.io.datadir import DataDir

    if data is None:
        raise UsageError(f"{name.model} is a model, which needs speech to run on", fix="name it: --data DATA")
    opened = DataDir.open(data)
    if not len(opened):
        raise DataError(f"{data} has no utterances")
    model = load(name.model)
    if name.layer is not None and name.layer > model.num_layers:
        raise UsageError(
            f"{name.model}:{name.layer}: the encoder has layers 0 to {model.num_layers}",
            fix=f"{name.model}:{model.num_layers}",
        )
    return model, opened
