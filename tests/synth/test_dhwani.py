from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from masr.config import loads
from masr.errors import ConfigError
from masr.synth import dhwani, numbers
from masr.synth.cutting import MIN_SNR_DB, cut, estimate_snr_db, find_speech, stretch_name
from masr.synth.dhwani_languages import LANGUAGES
from masr.synth.espeak import Voice, languages, speak
from masr.synth.numbers import as_spoken

LISTS = """assamese bengali bodo dogri gujarati hindi kannada kashmiri konkani maithili malayalam manipuri
marathi nepali odia punjabi sanskrit santhali sindhi tamil telugu urdu"""

SMALL = dhwani.Config(hours=0.06, languages=("hindi", "nepali"), video_sec=12)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dhwani")
    made = dhwani.build(SMALL)
    for job in made.jobs():
        made.make(job, out)
    made.finish(out)
    return out


def samples_of(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path, dtype="int16")
    assert rate == 16000
    assert samples.ndim == 1
    return np.asarray(samples)


def test_languages_are_lists_of_the_real_corpus() -> None:
    names = [language.name for language in LANGUAGES]
    assert len(names) == len(set(names)) >= 14
    assert set(names) <= set(LISTS.split())
    assert all(language.relative in names and language.relative != language.name for language in LANGUAGES)
    assert {d.voice for language in LANGUAGES for d in language.dialects} <= set(languages())


@pytest.mark.parametrize("voice", [language.dialects[0].voice for language in LANGUAGES])
def test_a_language_reads_digits_itself(voice: str) -> None:
    for text in ("12:30, 7 – 9.", "4.50, 31 12 1999!", "5 8 0 6?"):
        spoken = "".join(span.label for span in speak(as_spoken(text, voice), Voice(voice)).phones)
        assert spoken
        assert "(" not in spoken


def test_the_layout_is_that_of_the_pipeline(corpus: Path) -> None:
    assert sorted(p.name for p in corpus.iterdir()) == [
        "data_refined",
        "metadata.tsv",
        "raw_data",
        "test_videos.txt",
        "urls",
        "weak_labels.tsv",
    ]
    for name in ("hindi", "nepali"):
        ids = (corpus / "urls" / f"{name}.txt").read_text().splitlines()
        assert len(ids) == len(set(ids))
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{11}", video) for video in ids)
        assert sorted(p.name for p in (corpus / "raw_data" / name).iterdir()) == sorted(f"{v}.wav" for v in ids)
        for path in (corpus / "data_refined" / name).iterdir():
            assert re.fullmatch(r"(vad_\d\d_|broken-vad_\d\d_)(.{11})(-\d+)?\.wav", path.name)


def test_refined_files_are_cut_from_the_raw_ones(corpus: Path) -> None:
    """The pipeline, run again on raw_data as it lies on disk, gives data_refined."""
    for name in ("hindi", "nepali"):
        again = {}
        for path in sorted((corpus / "raw_data" / name).iterdir()):
            samples = samples_of(path)
            for number, (start, end) in enumerate(find_speech(samples)):
                if estimate_snr_db(samples[start:end]) >= MIN_SNR_DB:
                    again.update(cut(stretch_name(number, path.stem), samples[start:end]))
        folder = corpus / "data_refined" / name
        assert sorted(again) == sorted(p.stem for p in folder.iterdir())
        for file, samples in again.items():
            assert np.array_equal(samples_of(folder / f"{file}.wav"), samples)


def test_noisy_videos_stay_raw() -> None:
    made = dhwani.build(dhwani.Config(hours=30))
    videos = [made.video("tamil", index) for index in range(made.num_dealt)]
    noisy = [video for video in videos if video.snr_db < MIN_SNR_DB]
    assert 0.08 < len(noisy) / len(videos) < 0.22
    quiet = [video.snr_db for video in videos if video.snr_db >= MIN_SNR_DB]
    assert max(quiet) - min(quiet) > 20, "a spread of noise"
    for video, kept in ((noisy[0], False), (noisy[1], False), (next(v for v in videos if v.snr_db > 18), True)):
        assert bool(list(dhwani._refined(video, *made._recorded(video)))) is kept


def test_a_few_labels_are_wrong() -> None:
    made = dhwani.build(dhwani.Config(hours=30))
    videos = [made.video(language.name, index) for language in LANGUAGES for index in range(100)]
    wrong = [video for video in videos if video.listed != video.spoken.name]
    assert 0.02 < len(wrong) / len(videos) < 0.06
    relatives = {language.name: language.relative for language in LANGUAGES}
    assert all(video.spoken.name == relatives[video.listed] for video in wrong)


def test_the_last_videos_of_each_list_are_named_as_test(corpus: Path) -> None:
    made = dhwani.build(SMALL)
    lists = [(corpus / "urls" / f"{name}.txt").read_text().split() for name in ("hindi", "nepali")]
    assert [len(ids) for ids in lists] == [7, 7]
    assert (corpus / "test_videos.txt").read_text().split() == lists[0][-3:] + lists[1][-3:]
    assert made.num_test == 3


def test_mini_names_eight_test_videos_of_each_list_and_all_of_them_pass() -> None:
    made = dhwani.build(dhwani.Config())
    assert (made.num_dealt, made.num_test) == (10, 8)
    videos = [made.video(language.name, index) for language in LANGUAGES for index in range(10, 18)]
    assert all(video.snr_db > MIN_SNR_DB and video.listed == video.spoken.name for video in videos)


def test_a_corpus_of_any_size_has_videos_to_deal_and_few_to_name() -> None:
    for hours, dealt, named in ((0.001, 3, 0), (0.2, 3, 0), (0.4, 3, 1), (1.8, 10, 8), (100.0, 992, 8)):
        made = dhwani.build(dhwani.Config(hours=hours))
        assert (made.num_dealt, made.num_test, made.num_videos) == (dealt, named, dealt + named)
    small, large = (dhwani.build(dhwani.Config(hours=hours)) for hours in (1.8, 100.0))
    for language in LANGUAGES:
        assert [small.video(language.name, n) for n in range(10)] == [large.video(language.name, n) for n in range(10)]


def test_test_videos_share_no_sentence_and_no_voice_with_others(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def sentence(*args: Any, **kwargs: Any) -> str:
        said.append(spoken_sentence(*args, **kwargs))
        return said[-1]

    spoken_sentence = numbers.sentence
    monkeypatch.setattr(numbers, "sentence", sentence)
    made = dhwani.build(SMALL)
    found = []
    for indices in (range(made.num_dealt), range(made.num_dealt, made.num_videos)):
        said.clear()
        turns = [turn for name in SMALL.languages for n in indices for turn in made._recorded(made.video(name, n))[1]]
        found.append((set(map(numbers.words, said)), {turn.speaker.voice for turn in turns}))
    for dealt, named in zip(*found, strict=True):
        assert dealt and named and not dealt & named


def test_wrong_labels_are_told_for_analysis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dhwani, "WRONG_SHARE", 1.0)
    made = dhwani.build(dhwani.Config(hours=0.001, languages=("hindi",), video_sec=10))
    made.make(made.jobs()[0], tmp_path)
    made.finish(tmp_path)
    header, *lines = (tmp_path / "weak_labels.tsv").read_text().splitlines()
    assert header == "video\tlisted\tspoken"
    ids = (tmp_path / "urls" / "hindi.txt").read_text().split()
    assert lines == [f"{video}\thindi\turdu" for video in ids]


def test_metadata_speaks_of_every_refined_file(corpus: Path) -> None:
    header, *lines = (corpus / "metadata.tsv").read_text().splitlines()
    assert header == "file\tspeaker\tgender\tloc"
    known = {line.split("\t")[0]: line.split("\t")[1:] for line in lines}
    assert set(known) == {path.stem for path in (corpus / "data_refined").rglob("*.wav")}
    for file, (speaker, gender, loc) in known.items():
        assert speaker[:11] in file
        assert gender in ("male", "female")
        assert all(-90 < float(degrees) < 180 for degrees in loc.split())


def test_one_video_has_several_speakers() -> None:
    made = dhwani.build(dhwani.Config(hours=30))
    crowds = []
    for index in range(6):
        _, turns = made._recorded(made.video("marathi", index))
        crowds.append({turn.speaker.name for turn in turns})
        assert all(before.end < after.start for before, after in itertools.pairwise(turns))
    assert max(map(len, crowds)) >= 2
    assert len(set().union(*crowds)) == sum(map(len, crowds)), "nobody is in two videos"


def test_long_stretches_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dhwani, "LONG_SHARE", 1.0)
    made = dhwani.build(dhwani.Config(video_sec=10))
    video = next(v for v in (made.video("tamil", n) for n in range(50)) if v.snr_db > 25)
    files = [file for file, _, _ in dhwani._refined(video, *made._recorded(video))]
    assert f"broken-vad_00_{video.id}-1" in files


def test_hours_are_met(corpus: Path) -> None:
    seconds = sum(len(samples_of(path)) for path in (corpus / "data_refined").rglob("*.wav")) / 16000
    assert seconds / 3600 == pytest.approx(SMALL.hours, rel=0.35)


def test_a_large_corpus_is_many_small_jobs() -> None:
    made = dhwani.build(dhwani.Config(hours=1000))
    jobs = made.jobs()
    assert len(jobs) == len(set(jobs)) > 10000
    assert made.num_videos * len(LANGUAGES) > 100000


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("languages=[hindu]", "did you mean hindi"),
        ("hours=-1", "above 0"),
        ("min_snr_db=3", "pipeline's limit of 15"),
        ("video_sec=1", "10 or more"),
    ],
)
def test_what_cannot_be_spoken_is_refused(override: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(dhwani.Config, "", overrides=[override])
    assert told in caught.value.block()
