"""The embedded Pangloss: three series, annotations that fit the sound, conditions that differ as they should."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from masr.corpora import pangloss as reader
from masr.corpora.sidecar import read_sidecar
from masr.synth import mandarin, pangloss
from masr.synth.acoustics import as_float
from masr.synth.build import build_corpus
from masr.synth.espeak import Voice, speak
from masr.types import Utterance


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pangloss") / "corpus"
    config = pangloss.Config(hours=0.06)
    build_corpus("pangloss", pangloss.build(config), config, out)
    return out


def samples_of(path: Path) -> np.ndarray:
    with wave.open(str(path)) as stream:
        assert (stream.getframerate(), stream.getnchannels(), stream.getsampwidth()) == (16000, 1, 2)
        return np.frombuffer(stream.readframes(stream.getnframes()), dtype="<i2").astype(np.float64) / 32768


def test_the_real_corpus_reader_reads_it(corpus: Path) -> None:
    plugin = reader.build(reader.Config())
    parts = plugin.parts(corpus)
    assert {part.split for part in parts} == {"conditions", "styles", "elicitation"}
    assert len(parts) == 18
    for part in parts:
        duration_sec = len(samples_of(part.source)) / 16000
        end_sec = 0.0
        for item in plugin.read(part):
            assert isinstance(item, Utterance), item
            assert item.text
            assert item.labels["lang"] == "cmn"
            assert item.start_sec is not None
            assert item.end_sec is not None
            assert end_sec <= item.start_sec < item.end_sec <= duration_sec + 1e-3
            end_sec = item.end_sec


def test_series_vary_one_thing_at_a_time(corpus: Path) -> None:
    facts = list(read_sidecar(corpus).values())
    series = {name: [fact for fact in facts if fact["series"] == name] for name in {f["series"] for f in facts}}
    told, sung, asked = series["conditions"], series["styles"], series["elicitation"]
    assert len({f["condition"] for f in told}) == 7
    assert len({f["speaker"] for f in told}) == len({f["content"] for f in told}) == 1
    assert len({f["genre"] for f in sung}) == 5
    assert len({f["speaker"] for f in sung}) == len({f["condition"] for f in sung}) == 1
    assert len({f["speaker"] for f in asked}) == 6
    pairs = [(a["content"] == b["content"]) for i, a in enumerate(asked) for b in asked[:i]]
    assert any(pairs)
    assert not all(pairs)


def test_segments_lie_on_the_sound(corpus: Path) -> None:
    plugin = reader.build(reader.Config())
    part = next(part for part in plugin.parts(corpus) if "clean" in part.name)
    samples = samples_of(part.source)
    spoken = np.zeros(len(samples), dtype=bool)
    for item in plugin.read(part):
        assert isinstance(item, Utterance)
        spoken[round((item.start_sec or 0) * 16000) : round((item.end_sec or 0) * 16000)] = True
    assert np.mean(samples[spoken] ** 2) > 300 * np.mean(samples[~spoken] ** 2)


def test_nothing_clips_and_nothing_is_silent(corpus: Path) -> None:
    for path in corpus.glob("*.wav"):
        assert 0.05 < np.abs(samples_of(path)).max() < 0.99


@pytest.mark.parametrize("condition", pangloss.CONDITIONS)
def test_every_condition_changes_the_same_speech(condition: str) -> None:
    speech = as_float(speak("lao3 ren2 kan4 jian4 da4 men2.", Voice(pangloss.VOICE, "m3")).samples)
    heard = pangloss.under(condition, speech, np.random.default_rng(0))
    assert len(heard) == len(speech)
    changed = np.linalg.norm(heard - speech) / np.linalg.norm(speech)
    assert (changed < 0.05) == (condition == "clean")
    if condition == "telephone":
        power = np.abs(np.fft.rfft(heard)) ** 2
        frequency = np.fft.rfftfreq(len(heard), 1 / 16000)
        assert power[frequency > 4200].sum() < 1e-4 * power.sum()


def test_mini_holds_enough_snippets() -> None:
    """Recordings of the condition and style series give at least eight snippets of 20 s, an hour at most in all."""
    assert 40 <= pangloss.MINUTES <= 60
    assert all(pangloss.SECONDS[series] / 20 >= 8 for series in ("conditions", "styles"))
    assert pangloss.build(pangloss.Config()).num_sets == 1


def test_large_is_more_sets_of_other_speakers() -> None:
    recordings = pangloss.build(pangloss.Config(hours=3.5)).recordings()
    assert len({recording.name for recording in recordings}) == len(recordings) == 18 * 4
    assert {recording.series for recording in recordings} >= {"conditions", "conditions_2", "elicitation_4"}


def test_tellings_share_most_of_the_tale() -> None:
    tale = mandarin.tale(100, np.random.default_rng(0))
    again = mandarin.retold(tale, np.random.default_rng(1))
    same = np.mean([a == b for a, b in zip(tale, again, strict=True)])
    assert 0.75 < same < 0.95
    assert (again[0], again[-1]) == (tale[0], tale[-1])


def test_all_pinyin_is_spoken_as_mandarin() -> None:
    """eSpeak NG marks what it takes for English."""
    rng = np.random.default_rng(0)
    lines = (
        mandarin.tale(60, rng) + mandarin.song(40, rng) + [w for words in mandarin.WORD_LISTS.values() for w in words]
    )
    for line in lines:
        labels = {phone.label for phone in speak(line.pinyin, Voice(pangloss.VOICE, words_per_min=300)).phones}
        assert not labels & {"(en)", "(cmn)"}, line
        assert "{" not in line.pinyin + line.english
