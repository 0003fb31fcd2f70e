"""What Python users call: a trained model by its folder. It stands apart so that no other verb depends on models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.config import Named
from masr.config import load as load_config
from masr.errors import CheckpointError
from masr.io.layout import ENCODER, RESOLVED_CONFIG
from masr.plugins import build, open_plugin, resolve

if TYPE_CHECKING:
    from masr.inference.identify import Identifier
    from masr.inference.load import Model
    from masr.training.config import TrainConfig


def load(folder: str | Path, device: str = "auto") -> Model:
    """The encoder of a run that has ended: `encode` gives frames of waveforms, `embed` one vector for each.

    The folder alone is enough: config.yaml, model.safetensors, stats.safetensors where input is normalised by the
    training data, and encoder/ where the encoder began from a checkpoint.
    """
    from masr.inference.load import read_model

    folder = Path(folder)
    config = config_of_run(folder)
    features = build("features", config.features) if config.features else None
    return read_model(folder, encoder_of(config.encoder, folder), features, config.data.normalise, device)


def identifier(folder: str | Path, device: str = "auto") -> Identifier:
    """What a run that learnt languages, or other labels, says of speech."""
    from masr.inference.identify import Identifier, fill_objective

    folder = Path(folder)
    config = config_of_run(folder)
    if not hasattr(config.objective.config, "classes"):
        raise CheckpointError(
            f"{folder}: its objective is {config.objective.name}, which learnt no labels",
            fix="fine-tune it first: masr train conf/lid/linear_tiny.yaml DIR --set init=" + str(folder),
        )
    model = load(folder, device)
    objective = build("objectives", config.objective, model.encoder, build("masking", config.masking))
    fill_objective(folder, objective)
    return Identifier(model, objective, config.batching.max_frames)


def config_of_run(folder: Path) -> TrainConfig:
    """The resolved configuration that a run keeps in its folder."""
    from masr.training.config import TrainConfig

    if not (folder / RESOLVED_CONFIG).is_file():
        raise CheckpointError(
            f"{folder}: is not the folder of a run: it has no {RESOLVED_CONFIG}", fix="give the DIR of masr train"
        )
    return load_config(TrainConfig, folder / RESOLVED_CONFIG, resolve=resolve)


def features_of_run(folder: Path) -> Named | None:
    """The features that it was trained on."""
    return config_of_run(folder).features


def encoder_of(named: Named, folder: Path) -> Any:
    """The encoder without its weights; what began from a checkpoint is described in the run itself."""
    restore = getattr(open_plugin("models", named.name), "restore", None)
    if restore is None:
        return build("models", named)
    if not (folder / ENCODER).is_dir():
        raise CheckpointError(f"{folder}: has no {ENCODER}/", fix="copy the whole folder of the run")
    return restore(named.config, folder / ENCODER)
