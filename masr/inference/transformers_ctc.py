"""A CTC model of transformers on disk, answering as a fine-tuned run of ours does."""

from __future__ import annotations

from pathlib import Path

from masr.inference.emissions import Emitter
from masr.inference.load import Model, device_of
from masr.models.pretrained_ctc import read_ctc


def read(folder: Path, device: str = "auto") -> Emitter:
    """The model in a folder that transformers wrote; its units are its own, so `units` is None."""
    found = read_ctc(Path(folder))
    model = Model(found.encoder, None, "none", None, device_of(device))
    return Emitter(model, found, None, 1 / model.sample_rate)
