"""w2v-BERT 2.0's input against transformers' own feature extractor."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from masr.models.stacked_mel import StackedMel

LENGTHS = [16000, 9123, 560, 559, 400, 399, 0]


@pytest.fixture(scope="module")
def theirs() -> object:
    return pytest.importorskip("transformers").SeamlessM4TFeatureExtractor()


def ours(theirs: object) -> StackedMel:
    return StackedMel(torch.from_numpy(theirs.mel_filters), torch.from_numpy(theirs.window), theirs.stride)  # type: ignore[attr-defined]


def waveforms() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    loudness = torch.logspace(-4, 0, 16000)  # from the least bits to full scale
    return torch.randn(len(LENGTHS), 16000, generator=generator) * loudness * 0.2


def test_equals_the_feature_extractor_of_transformers(theirs: object) -> None:
    out = ours(theirs)(waveforms(), torch.tensor(LENGTHS))
    counts = ours(theirs).num_encoded(torch.tensor(LENGTHS)).tolist()
    assert counts == [49, 27, 1, 0, 0, 0, 0]
    for row, (length, count) in enumerate(zip(LENGTHS, counts, strict=True)):
        assert not out[row, count:].reshape(-1)[160:].any()
        if count:
            given = waveforms()[row, :length].numpy().astype(np.float32)
            expected = theirs(given, sampling_rate=16000, return_tensors="pt")  # type: ignore[operator]
            assert int(expected.attention_mask.sum()) == count
            torch.testing.assert_close(out[row, :count], expected.input_features[0, :count], atol=1e-5, rtol=1e-5)


def test_a_silent_waveform_is_finite(theirs: object) -> None:
    assert torch.isfinite(ours(theirs)(torch.zeros(2, 4000), torch.tensor([4000, 700]))).all()


def test_log_mel_is_bit_equal(theirs: object) -> None:
    waveform = waveforms()[:1]
    expected = torch.from_numpy(theirs._extract_fbank_features(waveform[0].numpy()))  # type: ignore[attr-defined]
    assert torch.equal(ours(theirs).log_mel(waveform)[0], expected)
