"""What ESPnet gets wrong in a padded batch; a test fails when ESPnet mends it, and masr/models/espnet.py can shrink."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

pytest.importorskip("espnet2")
ENCODERS = {
    "conformer_encoder.ConformerEncoder": {"rel_pos_type": "latest", "macaron_style": True},
    "e_branchformer_encoder.EBranchformerEncoder": {"merge_conv_kernel": 31, "use_ffn": True},
    "transformer_encoder.TransformerEncoder": {},
}


def espnet(name: str) -> Any:
    import importlib

    module, _, cls = name.partition(".")
    torch.manual_seed(0)
    encoder = getattr(importlib.import_module(f"espnet2.asr.encoder.{module}"), cls)
    return encoder(40, output_size=32, attention_heads=4, linear_units=64, num_blocks=2, **ENCODERS[name])


def both_ways(encoder: Any) -> tuple[Tensor, Tensor, int, int]:
    """The second of two utterances in a batch and alone: frames and lengths."""
    features = torch.randn(2, 90, 40, generator=torch.Generator().manual_seed(1))
    features[1, 53:] = 0
    with torch.no_grad():
        together, lengths, _ = encoder(features, torch.tensor([90, 53]))
        alone, length, _ = encoder(features[1:, :53], torch.tensor([53]))
    return together[1, : int(length)], alone[0], int(lengths[1]), int(length)


@pytest.mark.parametrize("name", ENCODERS)
def test_a_padded_utterance_has_frames_too_many(name: str) -> None:
    *_, padded, alone = both_ways(espnet(name).eval())
    assert padded > alone


@pytest.mark.parametrize("name", ENCODERS)
def test_padding_changes_what_comes_out(name: str) -> None:
    together, alone, *_ = both_ways(espnet(name).eval())
    assert (together - alone).norm() / alone.norm() > 1e-3


def test_batch_norms_count_padding() -> None:
    encoders = [espnet("conformer_encoder.ConformerEncoder").train() for _ in range(2)]
    features = torch.randn(2, 90, 40)
    features[:, 53:] = 0
    for encoder, time in zip(encoders, (53, 90), strict=True):
        encoder(features[:, :time], torch.tensor([53, time]))
    means = [encoder.encoders[0].conv_module.norm.running_mean for encoder in encoders]
    assert (means[0] - means[1]).abs().max() > 1e-4


def test_the_conformer_ignores_its_layer_drop() -> None:
    from espnet2.asr.encoder.conformer_encoder import ConformerEncoder

    encoder = ConformerEncoder(40, 32, num_blocks=3, layer_drop_rate=1.0, rel_pos_type="latest").train()
    (_, layers), *_ = encoder(torch.randn(1, 60, 40), torch.tensor([60]), return_all_hs=True)
    assert len(layers) == 3


def test_a_trained_encoder_cannot_be_copied() -> None:
    import copy

    encoder = espnet("conformer_encoder.ConformerEncoder").train()
    encoder(torch.randn(1, 60, 40), torch.tensor([60]))
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(encoder)
