"""A word that names a trained model: RUN, RUN@STEP for a checkpoint, RUN:LAYER, RUN@STEP:LAYER.

In place of RUN, the folder of a checkpoint that transformers wrote will do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from masr.io.trained import open_trained

ALL = "all"
"""Stands in place of a layer for every one of them."""
_LAYER = re.compile(r"(.+):(\d{1,9}|all)")


@dataclass(frozen=True)
class ModelName:
    """A word that names a model, taken apart."""

    model: str
    """RUN or RUN@STEP."""
    layer: int | None
    """Which layer; None is the encoder's last word."""

    @property
    def run(self) -> str:
        """The run, without step and layer."""
        return str(open_trained(self.model).run)

    @property
    def step(self) -> int | None:
        """The step of the checkpoint; None for the final weights."""
        return open_trained(self.model).step


def model_name(text: str) -> ModelName | None:
    """The model that a word names, or None. Where a folder or file has exactly that name, no part of it is a layer."""
    model, layer = parts(text)
    if layer == ALL or not open_trained(model).is_there:
        return None
    return ModelName(model, None if layer is None else int(layer))


def parts(text: str) -> tuple[str, str | None]:
    """The model and the layer that a word names, as they are written."""
    match = None if Path(text).exists() else _LAYER.fullmatch(text)
    return (match[1], match[2]) if match else (text, None)
