"""Stretches of utterances that are given up to other sounds: which, how loud, and what is kept of the directory."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from masr.data.corrupt import Corruption, corrupt, corrupted, kinds_of
from masr.data.other_sounds import OtherSounds, chords
from masr.data.samples import Samples
from masr.data.stretches import Plan, Stretch, stretches
from masr.errors import DataError, UsageError
from masr.io.datadir import DataDir, write_datadir
from masr.io.datadir.choose import Choice, choose
from masr.io.datadir.select import subset
from masr.maths.keyed_random import combine, places_of, uniform
from reference import slow_corrupt

RATE = 16000


@given(
    st.text("abc-1", min_size=1),
    st.integers(1, 30 * RATE),
    st.floats(0.1, 1.0),
    st.floats(1.0, 2.0),
    st.integers(0, 9),
)
def test_stretches_have_the_share_to_a_sample_and_lie_apart(
    utt: str, size: int, low: float, wider: float, seed: int
) -> None:
    plan = Plan((0.3, 0.5), (low, 2 * low * wider), seed=seed)
    found = stretches(utt, size, RATE, plan)
    assert stretches(utt, size, RATE, plan) == found
    assert all(0 <= one.first < one.last <= size for one in found)
    assert all(a.last <= b.first for a, b in pairwise(found))
    share = 0.3 + 0.2 * float(uniform(combine(seed, 0, places_of([utt])), 1, 80))
    assert abs(sum(one.last - one.first for one in found) - share * size) <= len(found) + 1
    if share * size >= plan.seconds[0] * RATE:
        lengths = [one.last - one.first for one in found]
        assert min(lengths) >= plan.seconds[0] * RATE - 2
        assert max(lengths) <= plan.seconds[1] * RATE + 2
    else:
        assert len(found) <= 1


def test_the_whole_range_of_shares_lengths_places_and_kinds_is_used() -> None:
    size, plan = 10 * RATE, Plan(kinds=(("noise", 3.0), ("silence", 1.0)))
    drawn = [stretches(f"utt{n}", size, RATE, plan) for n in range(1000)]
    shares = np.array([sum(one.last - one.first for one in found) / size for found in drawn])
    assert shares.min() > 0.2999
    assert shares.max() < 0.5001
    assert np.abs(np.quantile(shares, [0.1, 0.5, 0.9]) - [0.32, 0.4, 0.48]).max() < 0.01
    every = [one for found in drawn for one in found]
    seconds = np.array([one.last - one.first for one in every]) / RATE
    assert seconds.min() < 0.55
    assert seconds.max() > 1.9
    assert abs(np.mean([one.kind == "noise" for one in every]) - 0.75) < 0.03
    covered = np.zeros(size // 160)
    for one in every:
        covered[one.first // 160 : one.last // 160] += 1 / len(drawn)
    middle = covered[100:-100].reshape(8, 100).mean(axis=1)
    assert np.abs(middle - 0.44).max() < 0.06  # the ends of an utterance have less, as stretches end inside it


def test_another_seed_or_name_is_another_draw() -> None:
    base = stretches("a", 10 * RATE, RATE, Plan())
    assert base != stretches("b", 10 * RATE, RATE, Plan())
    assert base != stretches("a", 10 * RATE, RATE, Plan(seed=1))


@pytest.mark.parametrize("kind", ["noise", "music", "silence"])
def test_speech_makes_room_for_a_sound_of_the_level_that_was_drawn(kind: str) -> None:
    speech = 0.05 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    sounds, config = OtherSounds(RATE, {}), Corruption(Plan(seed=4), level_db=(-3.0, 6.0))
    found = corrupted(speech, "a", [Stretch(2000, 9000, kind)], sounds, config)
    key = combine(4, 1, places_of(["a"]))
    level_db = -60 if kind == "silence" else -3 + 9 * float(uniform(key, 1, 87))
    sound = sounds.sound(kind, "a", key, 7000)
    assert np.mean(sound.astype(np.float64) ** 2) == pytest.approx(1, abs=1e-3)
    gain = np.sqrt(np.mean(speech.astype(np.float64) ** 2)) * 10 ** (level_db / 20)
    wanted = slow_corrupt.replaced(speech.tolist(), sound.tolist(), 2000, gain, 160)
    np.testing.assert_allclose(found, wanted, atol=2e-6)
    assert np.array_equal(found[:2000], speech[:2000])
    assert np.array_equal(found[9000:], speech[9000:])
    over = corrupted(speech, "a", [Stretch(2000, 9000, kind)], sounds, replace(config, plan=NO_SILENCE, overlay=True))
    assert abs(np.corrcoef(over[2200:8800], speech[2200:8800])[0, 1]) > 0.3


NO_SILENCE = Plan(kinds=(("noise", 1.0), ("music", 1.0)), seed=4)


def test_chords_are_tones_and_noise_is_none() -> None:
    key = combine(0, 1, torch.tensor([5]))
    music = chords(key, 6400, RATE)
    spectrum = np.abs(np.fft.rfft(music * np.hanning(6400))) ** 2
    assert np.sort(spectrum)[-40:].sum() > 0.9 * spectrum.sum()
    noise = OtherSounds(RATE, {}).sound("noise", "a", key, 6400)
    spectrum = np.abs(np.fft.rfft(noise * np.hanning(6400))) ** 2
    assert np.sort(spectrum)[-40:].sum() < 0.9 * spectrum.sum()
    low, high = spectrum[40:80].mean(), spectrum[400:800].mean()
    assert 5 < low / high < 20  # pink: ten times the frequency, a tenth of the power


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two utterances that are segments of one recording, and one of another."""
    random = np.random.default_rng(1)
    for name, seconds in (("r1", 8), ("r2", 3)):
        soundfile.write(tmp_path / f"{name}.wav", 0.05 * random.standard_normal(seconds * RATE), RATE)
    write_datadir(
        tmp_path / "data",
        {
            "utt2spk": {"s-1": "s", "s-2": "s", "t-1": "t"},
            "wav.scp": {name: str(tmp_path / f"{name}.wav") for name in ("r1", "r2")},
            "segments": {"s-1": "r1 0.5 3.5", "s-2": "r1 4.0 7.9", "t-1": "r2 0.0 3.0"},
            "reco2dur": {"r1": "8", "r2": "3"},
            "text": {"s-1": "one", "s-2": "two", "t-1": "three"},
            "utt2lang": {"s-1": "eng", "s-2": "eng", "t-1": "hin"},
            "phones.ctm": {"s-1": "1 0.1 0.2 AH\n1 0.4 0.2 B"},
            "feats.scp": dict.fromkeys(("s-1", "s-2", "t-1"), "nowhere.ark:5"),
        },
    )
    return tmp_path / "data"


def test_a_copy_has_new_audio_the_old_words_and_a_list_of_what_is_not_speech(folder: Path, tmp_path: Path) -> None:
    source = DataDir.open(folder)
    made = corrupt(source, tmp_path / "out", Corruption())
    assert set(made.tables()) == {
        "utt2spk", "spk2utt", "wav.scp", "text", "utt2dur", "utt2lang", "phones.ctm", "corrupted.ctm"
    }  # fmt: skip
    for name in ("text", "utt2lang", "phones.ctm", "utt2spk", "spk2utt"):
        assert dict(made.table(name).items()) == dict(source.table(name).items())
    before, after = Samples(source, RATE), Samples(made, RATE)
    assert np.array_equal(before.num_samples, after.num_samples)
    for place, utt in enumerate(made.utts):
        size = int(after.num_samples[place])
        old, new = before.read(place, 0, size), after.read(place, 0, size)
        inside = np.zeros(size, dtype=bool)
        for line in made.table("corrupted.ctm")[utt].split("\n"):
            _, start, length, kind = line.split()
            assert kind in ("noise", "music", "silence")
            inside[round(float(start) * RATE) : round((float(start) + float(length)) * RATE)] = True
        assert 0.299 < inside.mean() < 0.501
        assert np.array_equal(old[~inside], new[~inside])
        assert np.mean(old[inside] != new[inside]) > 0.95


def test_an_utterance_is_the_same_in_a_part_of_the_directory(folder: Path, tmp_path: Path) -> None:
    whole = corrupt(DataDir.open(folder), tmp_path / "whole", Corruption())
    part = subset(DataDir.open(folder), tmp_path / "part", ["t-1"])
    alone = corrupt(part, tmp_path / "alone", Corruption())
    assert alone.table("corrupted.ctm")["t-1"] == whole.table("corrupted.ctm")["t-1"]
    assert np.array_equal(Samples(alone, RATE).read(0, 0, 3 * RATE), Samples(whole, RATE).read(2, 0, 3 * RATE))
    taken = subset(whole, tmp_path / "taken", choose(whole, Choice(num=1, how="last")))
    assert dict(taken.table("corrupted.ctm").items()) == dict(alone.table("corrupted.ctm").items())


def test_noise_of_a_directory_is_heard(folder: Path, tmp_path: Path) -> None:
    tone = 0.3 * np.sin(np.arange(9000) * 0.5)
    soundfile.write(tmp_path / "tone.wav", tone, RATE)
    write_datadir(
        tmp_path / "tones",
        {"utt2spk": {"n": "n"}, "wav.scp": {"n": str(tmp_path / "tone.wav")}, "utt2dur": {"n": f"{9000 / RATE}"}},
    )
    plan = Plan(kinds=(("noise", 1.0),))
    made = corrupt(DataDir.open(folder), tmp_path / "out", Corruption(plan, folders={"noise": tmp_path / "tones"}))
    _, start, length, _ = made.table("corrupted.ctm")["t-1"].split("\n")[0].split()
    first = round(float(start) * RATE) + 400
    heard = Samples(made, RATE).read(2, first, round(float(length) * RATE) - 800)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) ** 2
    peak = spectrum.argmax() * 2 * np.pi / len(heard)
    assert peak == pytest.approx(0.5, abs=0.01)
    assert spectrum[max(0, spectrum.argmax() - 20) : spectrum.argmax() + 20].sum() > 0.8 * spectrum.sum()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: Plan(share=(0.5, 0.3)), "--share"),
        (lambda: Plan(share=(0.0, 0.3)), "--share"),
        (lambda: Plan(seconds=(1.0, 1.5)), "twice the shortest"),
        (lambda: Plan(kinds=kinds_of(["noise", "birds=2"])), "birds"),
        (lambda: Plan(kinds=kinds_of(["noise=0"])), "above 0"),
        (lambda: kinds_of(["noise=much"]), "KIND=SHARE"),
        (lambda: Corruption(overlay=True), "silence over speech"),
        (lambda: Corruption(Plan(kinds=(("silence", 1.0),)), folders={"noise": Path("x")}), "has no noise"),
        (lambda: Corruption(level_db=(5.0, -5.0)), "--level-db"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        wrong()  # type: ignore[operator]


def test_nothing_is_corrupted_twice_or_in_place(folder: Path, tmp_path: Path) -> None:
    made = corrupt(DataDir.open(folder), tmp_path / "out", Corruption())
    with pytest.raises(DataError, match="already"):
        corrupt(made, tmp_path / "again", Corruption())
    with pytest.raises(DataError, match="at once"):
        corrupt(DataDir.open(folder), folder, Corruption())
