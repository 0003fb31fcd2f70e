"""What transformers gets wrong in a padded batch; a test fails when it is mended, and masr/models can shrink."""

from __future__ import annotations

import pytest
import torch

transformers = pytest.importorskip("transformers")
SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "conv_dim": (16, 16, 16),
    "conv_kernel": (10, 4, 3),
    "conv_stride": (5, 4, 2),
}


def difference(name: str, **sizes: object) -> float:
    """Relative difference of an utterance in a padded batch, with its attention mask, from the same alone."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**{**SMALL, **sizes})
    model = getattr(transformers, f"{name}Model")(config).eval()
    waveforms, mask = torch.randn(2, 3000), torch.ones(2, 3000, dtype=torch.int64)
    waveforms[1, 1400:] = mask[1, 1400:] = 0
    with torch.no_grad():
        alone = model(waveforms[1:, :1400]).last_hidden_state[0]
        together = model(waveforms, attention_mask=mask).last_hidden_state[1, : len(alone)]
    return float((together - alone).norm() / alone.norm())


@pytest.mark.parametrize("name", ["Wav2Vec2", "Hubert", "WavLM"])
def test_group_norms_count_padding(name: str) -> None:
    assert difference(name, feat_extract_norm="group") > 1e-3
    if name == "Wav2Vec2":
        assert difference(name, feat_extract_norm="layer") < 1e-5


def test_stacked_position_convolutions_see_padding() -> None:
    assert difference("Data2VecAudio", num_conv_pos_embeddings=3, conv_pos_kernel_size=7) > 1e-3
    assert difference("Data2VecAudio", num_conv_pos_embeddings=1, conv_pos_kernel_size=7) < 1e-5
