"""Noise and rooms in batches: functions of an utterance's key, the same alone and in any company."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from masr.data.augment import Augmentation, NoiseConfig, NoiseSource, noisy
from masr.data.batch_config import Config as BatchingConfig
from masr.data.batching import Batches
from masr.data.collate import Order, Preparation, Slice, Steps
from masr.data.dataset import Config, Input
from masr.data.rooms import RoomsConfig, responses_of
from masr.errors import DataError
from masr.features.log_mel import Config as LogMelConfig
from masr.features.log_mel import build as build_log_mel
from masr.features.mixing import inside, power
from masr.io.datadir import write_datadir
from masr.maths.keyed_random import combine

CPU = torch.device("cpu")
RATE = 16000
FEW = {"num_responses": 3, "max_rt60_sec": 0.2}


def speech(count: int = 12, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Waveforms, their lengths, their keys."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2000, 9000, (count,), generator=generator)
    waves = 0.1 * torch.randn(count, 9000, generator=generator)
    return waves * inside(waves, lengths), lengths, combine(3, seed, torch.arange(count))


def augmentation(noise: NoiseConfig | None = None, rooms: RoomsConfig | None = None) -> Augmentation:
    return Augmentation(noise or NoiseConfig(), rooms or RoomsConfig(), RATE, CPU)


@pytest.fixture(scope="module")
def everything() -> Augmentation:
    return augmentation(NoiseConfig(share=0.6, min_cover=0.2), RoomsConfig(share=0.6, **FEW))


def test_an_utterance_is_the_same_alone_and_in_company(everything: Augmentation) -> None:
    waves, lengths, keys = speech()
    together = everything(waves, lengths, keys, None)
    assert not torch.equal(together, waves)
    assert float(together.abs().max()) <= 1
    for row, length in enumerate(lengths.tolist()):
        alone = everything(waves[row : row + 1, :length], lengths[row : row + 1], keys[row : row + 1], None)
        torch.testing.assert_close(alone[0], together[row, :length], atol=1e-6, rtol=0)
        assert not together[row, length:].any()
    order = torch.randperm(len(keys), generator=torch.Generator().manual_seed(0))
    shuffled = everything(waves[order], lengths[order], keys[order], None)
    torch.testing.assert_close(shuffled, together[order], atol=1e-6, rtol=0)


def test_another_step_is_another_room_and_noise(everything: Augmentation) -> None:
    waves, lengths, keys = speech()
    first = everything(waves, lengths, keys, None)
    assert torch.equal(first, everything(waves, lengths, keys, None))
    other = everything(waves, lengths, combine(3, 1, torch.arange(12)), None)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_shares_and_levels_are_those_asked_for(share: float) -> None:
    keys = combine(1, 2, torch.arange(3000))
    waves, lengths = 0.01 * torch.randn(3000, 400), torch.full((3000,), 400)
    config = NoiseConfig(share=share, colour="white", min_snr_db=5, max_snr_db=15)
    added = augmentation(config)(waves, lengths, keys, None) - waves
    changed = added.abs().sum(dim=1) > 0
    assert torch.equal(changed, noisy(keys, config))
    assert float(changed.float().mean()) == pytest.approx(share, abs=0.03)
    if share == 1:
        everywhere = torch.ones_like(waves, dtype=torch.bool)
        ratio = 10 * (power(waves, everywhere) / power(added, everywhere)).log10()
        assert 4.99 < float(ratio.min()) < 5.2
        assert 14.8 < float(ratio.max()) < 15.01
        assert float(ratio.mean()) == pytest.approx(10, abs=0.2)


def test_noise_sounds_over_the_stretch_asked_for() -> None:
    keys = combine(1, 2, torch.arange(500))
    waves, lengths = 0.01 * torch.randn(500, 1000), torch.full((500,), 1000)
    config = NoiseConfig(share=1, colour="white", min_cover=0.0, max_cover=0.5)
    touched = augmentation(config)(waves, lengths, keys, None) != waves
    counts = touched.sum(dim=1)
    assert int(counts.max()) <= 500
    assert float(counts.float().mean()) == pytest.approx(250, abs=20)
    place = torch.arange(1000)
    first = torch.where(touched, place, 1000).amin(dim=1)
    last = torch.where(touched, place, -1).amax(dim=1)
    assert int((last - first + 1 - counts)[counts > 0].max()) <= 2  # a sample of noise may be too small to be seen


def test_rooms_keep_the_level_and_are_as_many_as_asked_for() -> None:
    waves, lengths, keys = speech(300)
    heard = augmentation(rooms=RoomsConfig(share=0.5, **FEW))(waves, lengths, keys, None)
    places = inside(waves, lengths)
    torch.testing.assert_close(power(heard, places), power(waves, places), atol=0, rtol=1e-4)
    assert float((heard != waves).any(dim=1).float().mean()) == pytest.approx(0.5, abs=0.1)


def test_simulated_rooms_are_a_function_of_the_seed() -> None:
    bank = responses_of(RoomsConfig(share=1, **FEW), RATE)
    assert bank.shape[0] == 3
    assert (np.abs(bank).max(axis=1) == 1).all()
    assert (np.abs(bank).argmax(axis=1) == 0).all()
    np.testing.assert_array_equal(bank, responses_of(RoomsConfig(share=1, **FEW), RATE))
    assert not np.array_equal(bank, responses_of(RoomsConfig(share=1, seed=1, **FEW), RATE)[:, : bank.shape[1]])
    assert responses_of(RoomsConfig(share=1, **FEW), 8000).shape[1] == pytest.approx(bank.shape[1] / 2, abs=2)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory of a short and a long piece of noise."""
    root = tmp_path_factory.mktemp("noise")
    for name, size in (("a", 700), ("b", 40_000)):
        samples = np.random.default_rng(size).uniform(-0.5, 0.5, size)
        soundfile.write(root / f"{name}.wav", samples, RATE, subtype="PCM_16")
    tables = {"wav.scp": {n: str(root / f"{n}.wav") for n in "ab"}, "utt2spk": {n: n for n in "ab"}}
    write_datadir(root / "data", tables)
    return root / "data"


def test_noise_of_a_folder_is_a_window_or_goes_round(noise: Path) -> None:
    source = NoiseSource(noise, NoiseConfig(share=1, folder=noise), RATE)
    long, _ = soundfile.read(noise.parent / "b.wav", dtype="float32")
    short, _ = soundfile.read(noise.parent / "a.wav", dtype="float32")
    window = source.voice("u", 0.6, 0.5, 3000)
    at = int(0.5 * 37_001)
    np.testing.assert_allclose(window, long[at : at + 3000] / np.sqrt(np.mean(long[at : at + 3000] ** 2)), rtol=1e-5)
    around = source.voice("u", 0.4, 0.5, 3000)
    np.testing.assert_array_equal(around[:700], around[700:1400])
    np.testing.assert_allclose(around[:350] / around[350], short[350:] / short[0], rtol=1e-4)
    assert np.array_equal(source.voice("a", 0.4, 0.5, 3000), source.voice("u", 0.6, 0.5, 3000))  # never itself


def test_noise_that_was_read_belongs_to_the_utterance(noise: Path) -> None:
    config = NoiseConfig(share=0.5, folder=noise, num_voices=2)
    source = NoiseSource(noise, config, RATE)
    keys, lengths = combine(1, 2, torch.arange(20)), torch.arange(1000, 3000, 100)
    together = source.read(("u",) * 20, keys, lengths)
    heard = together.abs().sum(dim=1) > 0
    assert torch.equal(heard, noisy(keys, config))
    for row in (0, 7, 19):
        alone = source.read(("u",), keys[row : row + 1], lengths[row : row + 1])[0]
        assert torch.equal(together[row, : len(alone)], alone)
        assert not together[row, len(alone) :].any()


def test_responses_of_a_folder_begin_at_their_direct_sound(noise: Path, tmp_path: Path) -> None:
    response = np.zeros(3000)
    response[[500, 900, 2999]] = 0.5, -0.25, 0.1
    soundfile.write(tmp_path / "r.wav", response, RATE, subtype="PCM_16")
    write_datadir(tmp_path / "data", {"wav.scp": {"r": str(tmp_path / "r.wav")}, "utt2spk": {"r": "r"}})
    bank = responses_of(RoomsConfig(share=1, folder=tmp_path / "data", max_response_sec=0.1), RATE)
    assert bank.shape == (1, 1600)
    np.testing.assert_allclose(bank[0, [0, 400]], [1, -0.5], atol=1e-3)
    assert np.count_nonzero(bank) == 2
    assert len(responses_of(RoomsConfig(share=1, folder=noise, num_responses=1), RATE)) == 1
    soundfile.write(tmp_path / "r.wav", 0 * response, RATE, subtype="PCM_16")
    with pytest.raises(DataError, match="silent"):
        responses_of(RoomsConfig(share=1, folder=tmp_path / "data"), RATE)


def steps(noise: Path, part: Slice, fixed: bool = False) -> tuple[Steps, Preparation]:
    """The noise's own folder as speech, with all of it in the batch."""
    config = Config(
        source="samples",
        num_workers=0,
        noise=NoiseConfig(share=1.0, folder=noise),
        rooms=RoomsConfig(share=0.5, **FEW),
    )
    lengths = np.array([4, 250])
    batches = Batches(lengths, BatchingConfig(batch_frames=600, min_frames=1, max_frames=100), seed=5)
    given = Input(noise, config)
    return Steps(given, Order(batches, 5, part, fixed_keys=fixed)), Preparation(given, CPU)


def test_ranks_hear_what_one_process_would(noise: Path) -> None:
    whole, preparation = steps(noise, Slice())
    for step in range(4):
        (batch,) = whole[step]
        assert batch.noise is not None
        expected = preparation(batch, augment=True)
        assert expected.noise is None
        clean = preparation(batch, augment=False)
        assert torch.equal(clean.features, batch.features)
        for rank in range(2):
            (part,) = steps(noise, Slice(rank, 2))[0][step]
            heard = preparation(part, augment=True)
            for row, utt in enumerate(heard.utts):
                place, length = expected.utts.index(utt), int(heard.lengths[row])
                torch.testing.assert_close(
                    heard.features[row, :length], expected.features[place, :length], atol=1e-6, rtol=0
                )
                assert not torch.equal(heard.features[row, :length], clean.features[place, :length])


def test_validation_reads_no_noise(noise: Path) -> None:
    assert steps(noise, Slice(), fixed=True)[0][0][0].noise is None


def test_features_are_made_of_what_is_heard(noise: Path) -> None:
    made, _ = steps(noise, Slice())
    (batch,) = made[0]
    features = build_log_mel(LogMelConfig())
    config = replace(made.given.config, source="waveform", normalise="none")
    found = Preparation(Input(noise, config, features), CPU)(batch, augment=True)
    heard = Preparation(made.given, CPU)(batch, augment=True)
    expected, _ = features(heard.features, heard.lengths)
    torch.testing.assert_close(found.features, expected)


@pytest.mark.parametrize(
    ("config", "values", "message"),
    [
        (NoiseConfig, {"share": 1.1}, "between 0 and 1"),
        (NoiseConfig, {"min_snr_db": 30}, "max_snr_db"),
        (NoiseConfig, {"min_cover": 0.5, "max_cover": 0.2}, "in this order"),
        (NoiseConfig, {"num_voices": 0}, "num_voices"),
        (RoomsConfig, {"share": -1}, "between 0 and 1"),
        (RoomsConfig, {"min_rt60_sec": 1.0}, "max_rt60_sec"),
        (RoomsConfig, {"num_responses": 0}, "num_responses"),
        (Config, {"noise": NoiseConfig(share=0.1)}, "set data.source to waveform"),
        (Config, {"rooms": RoomsConfig(share=0.1)}, "set data.source to waveform"),
        (Config, {"source": "samples", "bin_masks": 1}, "data.source is samples"),
    ],
)
def test_impossible_settings_are_refused(config: type, values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**values)
