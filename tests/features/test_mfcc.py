from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.features.mfcc import Config, build, deltas
from reference import slow_log_mel

knf = pytest.importorskip("kaldi_native_fbank")


def noise(num_samples, seed=0):
    generator = torch.Generator().manual_seed(seed)
    wave = torch.randn(num_samples, generator=generator).cumsum(0)
    return 0.3 * wave / wave.abs().max().clamp(min=1)


def kaldi(wave, num_ceps, num_mel, use_energy, lifter):
    options = knf.MfccOptions()
    options.frame_opts.dither = 0
    options.num_ceps, options.mel_opts.num_bins = num_ceps, num_mel
    options.use_energy, options.cepstral_lifter = use_energy, lifter
    computer = knf.OnlineMfcc(options)
    computer.accept_waveform(16000, wave.numpy() * np.float32(32768))
    computer.input_finished()
    return torch.from_numpy(np.stack([computer.get_frame(i) for i in range(computer.num_frames_ready)]))


def alone(wave, **options):
    return build(Config(**options))(wave[None], torch.tensor([len(wave)]))[0][0]


@pytest.mark.parametrize(("num_ceps", "num_mel"), [(13, 23), (40, 40), (1, 23)])
@pytest.mark.parametrize("use_energy", [True, False])
@pytest.mark.parametrize("lifter", [22.0, 0.0])
def test_equal_to_kaldi(num_ceps, num_mel, use_energy, lifter):
    wave = noise(20011)
    ours = alone(wave, num_ceps=num_ceps, num_mel=num_mel, use_energy=use_energy, cepstral_lifter=lifter)
    theirs = kaldi(wave, num_ceps, num_mel, use_energy, lifter)
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=0)


@settings(max_examples=20, deadline=None)
@given(num_samples=st.integers(0, 4000), use_energy=st.booleans(), seed=st.integers(0, 50))
def test_equal_to_the_slow_one(num_samples, use_energy, seed):
    wave = noise(num_samples, seed) if num_samples else torch.zeros(0)
    ours = alone(wave, use_energy=use_energy).numpy()
    np.testing.assert_allclose(ours, slow_log_mel.mfcc(wave.numpy(), use_energy=use_energy), atol=1e-3)


def test_padding_changes_nothing_and_is_zero():
    module = build(Config(deltas=2))
    sizes = [16000, 399, 400, 5000]
    waves = torch.full((4, 17000), float("inf"))
    for row, n in enumerate(sizes):
        waves[row, :n] = noise(n, row)
    frames, counts = module(waves, torch.tensor(sizes))
    assert frames.shape == (4, 98, 39)
    assert counts.tolist() == [module.num_frames(n) for n in sizes] == [98, 0, 1, 29]
    for row, n in enumerate(sizes):
        single = module(waves[row : row + 1, :n], torch.tensor([n]))[0][0]
        torch.testing.assert_close(frames[row, : counts[row]], single, atol=1e-5, rtol=0)
        assert not frames[row, counts[row] :].any()


def test_deltas_are_slopes_with_repeated_ends():
    line = torch.arange(8.0)[None, :, None]
    assert deltas(line, torch.tensor([8]))[0, :, 0].tolist() == pytest.approx([0.5, 0.8, 1, 1, 1, 1, 0.8, 0.5])
    assert deltas(line, torch.tensor([5]))[0, :5, 0].tolist() == pytest.approx([0.5, 0.8, 1, 0.8, 0.5])
    assert deltas(line, torch.tensor([1]))[0, 0, 0] == 0


def test_impossible_options_are_refused():
    with pytest.raises(ValueError, match="num_ceps"):
        Config(num_ceps=24)
