"""The embedded LibriSpeech: its layout, its splits, its alignments and the sets that lhotse must read."""

from __future__ import annotations

import gzip
import itertools
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from masr.corpora import lhotse as lhotse_corpus
from masr.corpora import librispeech as reader
from masr.corpora.textgrid import read_textgrid
from masr.synth import english, librispeech, manifests, mismatched, readers
from masr.synth.alignment import align
from masr.synth.build import build_corpus
from masr.types import Utterance


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("librispeech") / "corpus"
    config = librispeech.Config(hours=0.04)
    build_corpus("librispeech", librispeech.build(config), config, out)
    return out


def utterances(corpus: Path) -> dict[str, list[Utterance]]:
    """Split -> what the reader of the real corpus makes of it; a problem fails."""
    found: dict[str, list[Utterance]] = {}
    plugin = reader.build(reader.Config())
    for part in plugin.parts(corpus):
        for item in plugin.read(part):
            assert isinstance(item, Utterance), item
            found.setdefault(part.split, []).append(item)
    return found


def test_the_real_corpus_reader_reads_it(corpus: Path) -> None:
    found = utterances(corpus)
    assert sorted(found) == sorted(split.replace("-", "_") for split in readers.SPLITS)
    for items in found.values():
        for item in items:
            assert item.labels["gender"] in ("male", "female")
            assert item.labels["book"].isdecimal()
            assert item.text == english.normalise(item.text or "")
            assert item.phones


def test_utterances_are_2_to_12_seconds_and_heard(corpus: Path) -> None:
    for path in (corpus / "LibriSpeech").rglob("*.flac"):
        samples, rate = soundfile.read(path)
        assert rate == 16000
        assert 2 <= len(samples) / rate <= 12
        assert 0.02 < np.abs(samples).max() < 0.98


def test_splits_share_neither_readers_nor_texts(corpus: Path) -> None:
    found = utterances(corpus)
    people = Counter(name for items in found.values() for name in {item.labels["reader"] for item in items})
    assert set(people.values()) == {1}
    assert not {i.text for i in found["train_clean_100"]} & {
        item.text for split, items in found.items() if split != "train_clean_100" for item in items
    }
    assert not any(english.held_out(item.text or "") for item in found["train_clean_100"])


def test_alignments_tile_their_utterance(corpus: Path) -> None:
    grids = sorted((corpus / "alignments").rglob("*.TextGrid"))
    flacs = sorted((corpus / "LibriSpeech").rglob("*.flac"))
    assert [g.relative_to(corpus / "alignments").with_suffix("") for g in grids] == [
        f.relative_to(corpus / "LibriSpeech").with_suffix("") for f in flacs
    ]
    for grid, flac in zip(grids, flacs, strict=True):
        tiers = read_textgrid(grid)
        assert list(tiers) == ["words", "phones"]
        for tier in tiers.values():
            assert tier[0].start_sec == 0
            assert round(tier[-1].end_sec * 16000) == soundfile.info(flac).frames
            assert all(a.end_sec == b.start_sec for a, b in itertools.pairwise(tier))


def test_words_are_where_the_sound_is(corpus: Path) -> None:
    """The frames inside words are far louder than those of the pauses at the ends."""
    inside, outside = [], []
    for flac in (corpus / "LibriSpeech" / "test-clean").rglob("*.flac"):
        samples, _ = soundfile.read(flac)
        grid = corpus / "alignments" / flac.relative_to(corpus / "LibriSpeech").with_suffix(".TextGrid")
        for word in read_textgrid(grid)["words"]:
            piece = samples[round(word.start_sec * 16000) : round(word.end_sec * 16000)]
            if len(piece) > 800:
                (inside if word.label else outside).append(np.mean(piece**2))
    assert outside
    assert np.median(inside) > 10 * np.median(outside)


def test_tables_of_people_and_chapters(corpus: Path) -> None:
    rows = {}
    for name in ("SPEAKERS", "CHAPTERS", "BOOKS"):
        lines = (corpus / "LibriSpeech" / f"{name}.TXT").read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("; Embedded")
        rows[name] = [[c.strip() for c in line.split("|")] for line in lines if not line.startswith(";")]
    assert {len(row) for row in rows["SPEAKERS"]} == {5}
    assert {len(row) for row in rows["CHAPTERS"]} == {8}
    speakers = {row[0] for row in rows["SPEAKERS"]}
    assert {row[1] for row in rows["CHAPTERS"]} == speakers
    assert {row[5] for row in rows["CHAPTERS"]} <= {row[0] for row in rows["BOOKS"]}
    seconds = sum(soundfile.info(f).duration for f in (corpus / "LibriSpeech").rglob("*.flac"))
    assert sum(float(row[3]) for row in rows["SPEAKERS"]) * 60 == pytest.approx(seconds, rel=0.02)


def test_every_file_has_its_metadata(corpus: Path) -> None:
    header, *lines = (corpus / "metadata.tsv").read_text(encoding="utf-8").splitlines()
    assert header.split("\t") == ["file", "accent", "loc", "topic"]
    assert {line.split("\t")[0] for line in lines} == {p.stem for p in (corpus / "LibriSpeech").rglob("*.flac")}


def test_mini_has_over_40_readers_of_all_accents() -> None:
    config = librispeech.Config()
    cast = [
        readers.reader(split, i, config.seed)
        for split in readers.SPLITS
        for i in range(readers.num_readers(split, config.hours))
    ]
    assert len(cast) >= 40
    assert len({person.number for person in cast}) == len(cast)
    assert {person.dialect for person in cast} == {*readers.NEAR, *readers.FAR}
    assert {person.sex for person in cast} == {"F", "M"}
    assert len({person.voice for person in cast}) == len(cast)
    train = {person.voice.variant for person in cast if person.split.startswith("train")}
    assert not train & {person.voice.variant for person in cast if not person.split.startswith("train")}


def test_ids_never_meet_in_a_large_corpus() -> None:
    numbers = [readers.reader(s, i, 0).number for s in readers.SPLITS for i in range(readers.num_readers(s, 500.0))]
    assert len(set(numbers)) == len(numbers) > 500


def test_lhotse_loads_the_mismatched_sets(corpus: Path) -> None:
    lhotse = pytest.importorskip("lhotse")
    folder = corpus / "mismatched"
    for prefix in mismatched.PREFIXES:
        recordings = lhotse.load_manifest(folder / f"{prefix}_recordings_test.jsonl.gz").with_path_prefix(folder)
        supervisions = lhotse.load_manifest(folder / f"{prefix}_supervisions_test.jsonl.gz")
        lhotse.validate(recordings)
        lhotse.validate_recordings_and_supervisions(recordings, supervisions)
        for recording in recordings:
            audio = recording.load_audio()
            assert audio.shape == (1, recording.num_samples)
            assert recording.duration == pytest.approx(recording.num_samples / 16000)
            assert 0.02 < np.abs(audio).max() < 0.98
        for supervision in supervisions:
            assert supervision.end <= recordings[supervision.recording_id].duration + 1e-3
            assert supervision.text
            assert supervision.custom["accent"]


def test_our_own_lhotse_reader_takes_them(corpus: Path) -> None:
    plugin = lhotse_corpus.build(lhotse_corpus.Config())
    splits = Counter()
    for part in plugin.parts(corpus / "mismatched"):
        for item in plugin.read(part):
            assert isinstance(item, Utterance), item
            assert item.labels["lang"] == "eng"
            assert item.labels["condition"] == part.split.removesuffix("_test")
            assert item.utt.startswith(item.speaker)
            splits[part.split] += 1
    assert sorted(splits) == sorted(f"{prefix}_test" for prefix in mismatched.PREFIXES)


def test_people_at_dinner_talk_at_once_and_in_meetings_hardly(tmp_path: Path) -> None:
    shares = {}
    for prefix in ("dinner", "farfield"):
        rows = mismatched.make(prefix, 0, 80.0, 0, tmp_path)["supervisions"]
        grid = np.zeros(100 * 100)
        for row in rows:
            grid[round(row["start"] * 100) : round((row["start"] + row["duration"]) * 100)] += 1
        shares[prefix] = np.mean(grid[grid > 0] > 1)
    assert shares["dinner"] > 0.08
    assert shares["farfield"] < 0.02


def test_manifests_are_the_same_bytes_every_time(tmp_path: Path) -> None:
    rows = [{"recordings": [{"id": "a"}], "supervisions": [{"id": "ü"}]}]
    for folder in ("a", "b"):
        manifests.write_manifests("talk", rows, tmp_path / folder)
    name = "talk_supervisions_test.jsonl.gz"
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert json.loads(gzip.decompress((tmp_path / "a" / name).read_bytes())) == {"id": "ü"}


def test_a_text_that_was_not_said_is_not_aligned() -> None:
    """The build redraws on None: it must not loop for ever on what the grammar makes."""
    rng = np.random.default_rng(0)
    from masr.synth.espeak import Voice, speak

    texts = [english.paragraph("city", rng, 20) for _ in range(20)]
    assert sum(align(text, speak(text, Voice("en-us")), "en-us") is None for text in texts) <= 2


def test_no_hours_are_refused() -> None:
    with pytest.raises(ValueError, match="hours"):
        librispeech.Config(hours=0)
