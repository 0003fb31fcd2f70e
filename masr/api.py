"""What Python users call: a trained model by its folder. It stands apart so that no other verb depends on models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from masr.config import load as load_config
from masr.errors import CheckpointError
from masr.io.layout import RESOLVED_CONFIG
from masr.plugins import build, resolve

if TYPE_CHECKING:
    from masr.inference.load import Model


def load(folder: str | Path, device: str = "auto") -> Model:
    """The encoder of a run that has ended: `encode` gives frames of waveforms, `embed` one vector for each.

    The folder alone is enough: config.yaml, model.safetensors and stats.safetensors.
    """
    from masr.inference.load import read_model
    from masr.training.config import TrainConfig

    folder = Path(folder)
    if not (folder / RESOLVED_CONFIG).is_file():
        raise CheckpointError(
            f"{folder}: is not the folder of a run: it has no {RESOLVED_CONFIG}", fix="give the DIR of masr train"
        )
    config = load_config(TrainConfig, folder / RESOLVED_CONFIG, resolve=resolve)
    features = build("features", config.features) if config.features else None
    return read_model(folder, build("models", config.encoder), features, config.data.normalise, device)
