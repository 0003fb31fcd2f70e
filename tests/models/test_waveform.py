"""Convolutions over samples: lengths by counting, statistics of valid samples, transformers' output on its weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from masr.models.waveform import (
    KERNELS_AND_STRIDES,
    WaveformConvolutions,
    channel_norm,
    conv_lengths,
    normalised,
    shortest_input,
)


@pytest.mark.parametrize("factor", KERNELS_AND_STRIDES)
def test_lengths_are_those_that_convolutions_give(factor: int) -> None:
    kernels, strides = KERNELS_AND_STRIDES[factor]
    stack = [nn.Conv1d(1, 1, kernel, stride) for kernel, stride in zip(kernels, strides, strict=True)]
    shortest = shortest_input(kernels, strides)
    with torch.no_grad():
        for length in (shortest, shortest + factor - 1, shortest + factor, 4001):
            maps = nn.Sequential(*stack)(torch.zeros(1, 1, length))
            assert conv_lengths(torch.tensor([length]), kernels, strides).tolist() == [maps.shape[2]]
    assert conv_lengths(torch.tensor([0, 1, shortest - 1, shortest]), kernels, strides).tolist() == [0, 0, 0, 1]


def test_known_lengths() -> None:
    seconds = torch.tensor([400, 16000, 160000])
    assert conv_lengths(seconds, *KERNELS_AND_STRIDES[320]).tolist() == [1, 49, 499]
    assert shortest_input(*KERNELS_AND_STRIDES[320]) == 400
    assert shortest_input(*KERNELS_AND_STRIDES[160]) == 465


def test_each_waveform_is_normalised_by_itself() -> None:
    waveforms = torch.randn(3, 50) * 3 + 1
    out = normalised(waveforms, torch.tensor([50, 20, 0]))
    torch.testing.assert_close(out[1, :20].mean(), torch.tensor(0.0), atol=1e-6, rtol=0)
    torch.testing.assert_close(out[1, :20].var(correction=0), torch.tensor(1.0))
    assert not out[1, 20:].any()
    assert not out[2].any()
    torch.testing.assert_close(normalised(waveforms[:1] * 100 + 7, torch.tensor([50])), out[:1])


def test_channel_norm_counts_valid_frames_only() -> None:
    norm = nn.GroupNorm(4, 4)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    maps = torch.randn(3, 4, 30) * 2 + 5
    out = channel_norm(norm, maps, torch.tensor([30, 11, 0]))
    torch.testing.assert_close(out[0], norm(maps[:1])[0])
    torch.testing.assert_close(out[1, :, :11], norm(maps[1:2, :, :11])[0])
    assert torch.isfinite(out).all()
    assert torch.equal(channel_norm(norm, maps, torch.tensor([30, 30, 30])), norm(maps))


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_one_by_one_is_what_all_together_give_and_so_is_the_gradient(norm: str) -> None:
    torch.manual_seed(0)
    ours = WaveformConvolutions(8, 320, norm)  # type: ignore[arg-type]
    lengths = torch.tensor([3000, 1900, 30, 0])
    waveforms = torch.randn(4, 3000) * (torch.arange(3000) < lengths[:, None])
    encoded = ours.num_encoded(lengths)
    valid = torch.arange(int(encoded.max())) < encoded[:, None]
    found = []
    for front_end in (ours, ours.together):
        ours.zero_grad()
        frames = front_end(waveforms, lengths)
        frames[valid].square().sum().backward()
        found.append([frames[valid], *(p.grad for p in ours.parameters())])
    torch.testing.assert_close(*found, atol=1e-3, rtol=1e-4)
    for row, length in ((0, 3000), (1, 1900)):
        alone = ours.together(waveforms[row : row + 1, :length], lengths[row : row + 1])
        assert torch.equal(ours(waveforms, lengths)[row, : alone.shape[1]], alone[0])


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_equals_the_front_end_of_transformers(norm: str) -> None:
    modeling = pytest.importorskip("transformers.models.wav2vec2.modeling_wav2vec2")
    torch.manual_seed(0)
    config = modeling.Wav2Vec2Config(hidden_size=32, num_attention_heads=4, feat_extract_norm=norm, feat_proj_dropout=0)
    extractor, projection = modeling.Wav2Vec2FeatureEncoder(config), modeling.Wav2Vec2FeatureProjection(config)
    ours = WaveformConvolutions(32, 320, norm)  # type: ignore[arg-type]
    theirs = {f"layers.{name.removeprefix('conv_layers.')}": v for name, v in extractor.state_dict().items()}
    state = {name.replace("layer_norm", "norm"): value for name, value in theirs.items()}
    state |= {f"norm.{name}": value for name, value in projection.layer_norm.state_dict().items()}
    state |= {f"out.{name}": value for name, value in projection.projection.state_dict().items()}
    ours.load_state_dict(state)
    waveform, length = torch.randn(1, 5000), torch.tensor([5000])
    with torch.no_grad():
        expected = projection(extractor(normalised(waveform, length)).transpose(1, 2))[0]
        torch.testing.assert_close(ours(waveform, length), expected, atol=1e-5, rtol=1e-5)
