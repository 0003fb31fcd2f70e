from __future__ import annotations

import pickle
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.features.log_mel import Config, build
from reference import slow_log_mel

knf = pytest.importorskip("kaldi_native_fbank")
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


def kaldi(wave, rate=16000, bins=80, window="povey", snip=True, low=20.0, high=0.0, preemphasis=0.97, remove_dc=True):
    options = knf.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.samp_freq = rate
    options.frame_opts.window_type = window
    options.frame_opts.snip_edges = snip
    options.frame_opts.preemph_coeff = preemphasis
    options.frame_opts.remove_dc_offset = remove_dc
    options.mel_opts.num_bins = bins
    options.mel_opts.low_freq = low
    options.mel_opts.high_freq = high
    fbank = knf.OnlineFbank(options)
    fbank.accept_waveform(rate, wave.numpy() * np.float32(32768))
    fbank.input_finished()
    frames = [fbank.get_frame(i) for i in range(fbank.num_frames_ready)]
    return torch.from_numpy(np.stack(frames)) if frames else torch.zeros(0, bins)


@cache
def speech(num_samples, seed=0, rate=16000):
    """Harmonics that come and go over a floor of noise: the dynamic range of speech, on 16 bits."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(num_samples) / rate
    pitch = 110 + 40 * torch.sin(3 * time)
    voice = sum(torch.sin(2 * torch.pi * k * pitch.cumsum(0) / rate) / k for k in range(1, 20))
    wave = 0.1 * voice * (0.5 + 0.5 * torch.sin(5 * time)) + 0.01 * torch.randn(num_samples, generator=generator)
    return (wave * 32768).round().clamp(-32768, 32767) / 32768


def alone(wave, **options):
    frames, count = build(Config(**options))(wave[None], torch.tensor([len(wave)]))
    assert count.tolist() == [frames.shape[1]]
    return frames[0]


def assert_same(ours, theirs, atol=1e-3):
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs, atol=atol, rtol=0)


@pytest.mark.parametrize("num_samples", [1, 399, 400, 401, 559, 560, 16000, 20880, 50003])
@pytest.mark.parametrize("snip", [True, False])
def test_equal_to_kaldi_at_every_length(num_samples, snip):
    wave = speech(num_samples)
    assert_same(alone(wave, snip_edges=snip), kaldi(wave, snip=snip))


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 48000])
@pytest.mark.parametrize("bins", [23, 40, 80])
def test_equal_to_kaldi_at_every_rate_and_width(rate, bins):
    wave = speech(rate + 77, rate=rate)
    assert_same(alone(wave, sample_rate=rate, num_bins=bins), kaldi(wave, rate, bins))


@pytest.mark.parametrize("window", ["povey", "hamming", "hanning", "rectangular", "blackman"])
@pytest.mark.parametrize("snip", [True, False])
def test_equal_to_kaldi_in_every_window(window, snip):
    wave = speech(30011)
    assert_same(alone(wave, window=window, snip_edges=snip), kaldi(wave, window=window, snip=snip))


@pytest.mark.parametrize("options", [{"low": 0.0}, {"low": 60.0, "high": 7600.0}, {"high": -400.0}])
def test_equal_to_kaldi_between_other_frequencies(options):
    wave = speech(16000)
    ours = alone(wave, **{f"{name}_hz": value for name, value in options.items()})
    assert_same(ours, kaldi(wave, **options))


def test_equal_to_kaldi_without_preemphasis_and_with_dc():
    wave = speech(16000)
    assert_same(alone(wave, preemphasis=0.0, window="hamming"), kaldi(wave, preemphasis=0.0, window="hamming"))
    assert_same(alone(wave + 0.1, remove_dc=False), kaldi(wave + 0.1, remove_dc=False))


def test_a_large_offset_costs_no_precision():
    """Compared with exact arithmetic, as kaldi-native-fbank itself is 1.3e-3 off here."""
    wave = speech(16000) * 0.5 + 0.1
    exact = torch.from_numpy(slow_log_mel.log_mel(wave.numpy(), window="hamming", preemphasis=0.0)).float()
    assert_same(alone(wave, preemphasis=0.0, window="hamming"), exact, atol=3e-4)


def test_silence_and_constants_meet_the_floor():
    floor = float(np.log(np.float32(1.1920929e-07)))
    assert alone(torch.zeros(2000)).unique().tolist() == pytest.approx([floor])
    for window in ("povey", "rectangular"):
        steps = torch.cat([torch.full((4000,), 0.25), torch.full((4000,), -1000 / 32768)])
        assert_same(alone(steps, window=window), kaldi(steps, window=window))


@settings(max_examples=25, deadline=None)
@given(
    num_samples=st.integers(1, 3000),
    snip=st.booleans(),
    window=st.sampled_from(["povey", "hamming", "rectangular"]),
    bins=st.integers(1, 90),
    seed=st.integers(0, 99),
)
def test_equal_to_the_slow_one(num_samples, snip, window, bins, seed):
    wave = speech(num_samples, seed)
    ours = alone(wave, snip_edges=snip, window=window, num_bins=bins).numpy()
    theirs = slow_log_mel.log_mel(wave.numpy(), snip_edges=snip, window=window, num_bins=bins)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_closer_to_exact_arithmetic_than_kaldi_is():
    """Why the spectrum is float64: white noise, whose low bins are far below its highest ones."""
    wave = 0.1 * torch.randn(160000, generator=torch.Generator().manual_seed(0))
    exact = torch.from_numpy(slow_log_mel.log_mel(wave.numpy())).float()
    assert (alone(wave) - exact).abs().max() < 3e-4 < (kaldi(wave) - exact).abs().max() + 1e-4
    assert (alone(wave, fft="float32") - exact).abs().max() < 1.5e-3


def test_pinned():
    """Numbers that no later change may move."""
    frames = alone(speech(1600))
    assert frames.shape == (8, 80)
    expected = torch.from_numpy(slow_log_mel.log_mel(speech(1600).numpy())).float()
    assert_same(frames, expected, atol=2e-4)
    ramp = alone(torch.arange(400) % 50 / 100.0)
    assert ramp[0, [0, 20, 40, 79]].tolist() == pytest.approx(PINNED, abs=1e-3)


PINNED = [8.64316, 21.64777, 20.80895, 22.65887]


@pytest.mark.parametrize("snip", [True, False])
@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(0, 30000), min_size=1, max_size=5), extra=st.integers(0, 500))
def test_padding_never_changes_a_bit(snip, sizes, extra):
    module = build(Config(snip_edges=snip))
    waves = [speech(n, seed) for seed, n in enumerate(sizes)]
    padded = torch.full((len(sizes), max(sizes) + extra), float("nan"))
    for row, wave in enumerate(waves):
        padded[row, : len(wave)] = wave
    frames, counts = module(padded, torch.tensor(sizes))
    assert frames.shape == (len(sizes), max(counts.tolist()), 80)
    for row, wave in enumerate(waves):
        single, _ = module(wave[None], torch.tensor([len(wave)]))
        assert counts[row] == module.num_frames(len(wave)) == single.shape[1]
        assert torch.equal(frames[row, : counts[row]], single[0])
        assert not frames[row, counts[row] :].any()


def test_the_way_of_a_device_gives_the_same(monkeypatch):
    """The whole-batch path that a GPU takes, run on a CPU, in one block and in several."""
    module = build(Config(snip_edges=False))
    sizes = [16000, 700, 9000]
    waves = torch.zeros(3, 16000)
    for row, n in enumerate(sizes):
        waves[row, :n] = speech(n, row)
    frames, counts = module(waves, torch.tensor(sizes))
    for block in (1000, 7):
        monkeypatch.setattr("masr.features.spectrum._CPU_BLOCK", block)
        mel = torch.zeros(3, module.num_frames(16000), 80)
        module.energies._fill(mel, torch.zeros(3, 0), waves, sizes, None)
        for row, count in enumerate(counts.tolist()):
            assert_same(mel[row, :count], frames[row, :count], atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 50000), st.booleans(), st.sampled_from([8000, 11025, 16000, 44100]))
def test_the_number_of_frames_is_known_before(num_samples, snip, rate):
    config = Config(snip_edges=snip, sample_rate=rate)
    starts = slow_log_mel.frame_starts(num_samples, int(rate * 0.025), int(rate * 0.01), snip)
    module = build(config)
    assert module.num_frames(num_samples) == len(starts)
    if num_samples < 5000:
        assert module(torch.zeros(1, num_samples), torch.tensor([num_samples]))[0].shape == (1, len(starts), 80)


def test_16_bit_samples_are_taken_as_they_are():
    wave = speech(8000)
    whole = (wave * 32768).to(torch.int16)
    assert torch.equal(alone(whole), alone(wave))


def test_dither_is_seeded_and_belongs_to_the_utterance():
    module = build(Config(dither=1.0, seed=3))
    wave = torch.zeros(1, 4000)
    size = torch.tensor([4000])
    first = module(wave, size)[0]
    assert torch.equal(first, module(wave, size)[0])
    assert torch.equal(first[0], module(torch.zeros(2, 5000), torch.tensor([4000, 5000]))[0][0, : first.shape[1]])
    assert not torch.equal(first, build(Config(dither=1.0, seed=4))(wave, size)[0])
    drawn = [module(wave, size, torch.Generator().manual_seed(7))[0] for _ in range(2)]
    assert torch.equal(*drawn)
    assert not torch.equal(drawn[0], first)
    # White noise of one step: after pre-emphasis the energy of a bin is that of the window times 1 + 0.97^2.
    assert 0 < first.exp().mean() < 1e4


def test_no_gradient_no_autocast_no_change_of_precision():
    module = build(Config())
    wave = speech(16000)[None]
    size = torch.tensor([16000])
    plain = module(wave, size)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(module(wave.requires_grad_(), size)[0], plain)
    assert not plain.requires_grad
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        assert_same(module(wave, size)[0], plain, atol=1e-4)
    finally:
        torch.set_float32_matmul_precision(before)


def test_survives_pickle_and_a_default_device():
    module = pickle.loads(pickle.dumps(build(Config())))  # noqa: S301 (our own bytes)
    assert module.state_dict() == {}
    wave = speech(5000)[None]
    with torch.device("cpu"):
        assert torch.equal(build(Config())(wave, torch.tensor([5000]))[0], module(wave, torch.tensor([5000]))[0])


@CUDA
def test_a_gpu_gives_the_same():
    sizes = torch.tensor([16000, 400, 9000, 100])
    waves = torch.zeros(4, 16000)
    for row, n in enumerate(sizes.tolist()):
        waves[row, :n] = speech(n, row)
    for snip in (True, False):
        expected, counts = build(Config(snip_edges=snip))(waves, sizes)
        previous = torch.get_default_device()
        torch.set_default_device("cuda")
        try:
            found, found_counts = build(Config(snip_edges=snip))(waves.cuda(), sizes.cuda())
        finally:
            torch.set_default_device(previous)
        assert found_counts.tolist() == counts.tolist()
        assert_same(found.cpu(), expected)


@pytest.mark.parametrize(
    "options",
    [{"num_bins": 0}, {"low_hz": 9000.0}, {"high_hz": 8001.0}, {"sample_rate": 0}, {"shift_ms": 0.0},
     {"preemphasis": 2.0}, {"dither": -1.0}, {"window_ms": 0.01}],
)  # fmt: skip
def test_impossible_options_are_refused(options):
    with pytest.raises(ValueError):
        Config(**options)


def test_lengths_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not hold"):
        build(Config())(torch.zeros(2, 100), torch.tensor([100]))
    with pytest.raises(ValueError, match="do not hold"):
        build(Config())(torch.zeros(1, 100), torch.tensor([101]))
