"""Configurations of encoders that take the waveform: they can be read, and the network is the paper's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from masr.config import dump, load, loads
from masr.plugins import build, resolve
from masr.training.config import TrainConfig

FOLDER = Path(__file__).resolve().parents[2] / "egs" / "fleurs" / "conf" / "waveform"


def test_wav2vec2_base_has_as_many_weights_as_transformers_gives_it() -> None:
    transformers = pytest.importorskip("transformers")
    config = load(TrainConfig, FOLDER / "wav2vec2_base.yaml", resolve=resolve)
    assert loads(TrainConfig, dump(config), resolve=resolve) == config
    with torch.device("meta"):
        encoder = build("models", config.encoder)
        objective = build("objectives", config.objective, encoder, build("masking", config.masking))
        theirs = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config())
    expected = sum(p.numel() for name, p in theirs.named_parameters() if name != "masked_spec_embed")
    assert sum(p.numel() for p in encoder.parameters()) == expected
    assert config.encoder.config.num_heads == theirs.config.num_attention_heads
    assert objective.encoder is encoder
