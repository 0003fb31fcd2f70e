"""The second size of the embedded FLEURS: words beside numbers, four recording conditions, many test speakers."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from masr.cli.main import main
from masr.config import loads
from masr.synth import fleurs, numbers
from masr.synth.conditions import CONDITIONS
from masr.synth.fleurs_languages import LANGUAGES
from masr.synth.parallel import meanings, say
from masr.synth.speakers import SPLITS

CODES = ("ca_es", "hi_in", "ko_kr")
OVERRIDES = ("hours=0.06", f"languages=[{', '.join(CODES)}]")
LEAST = {"train": (90, 30), "dev": (12, 6), "test": (40, 20)}
"""Utterances and speakers of each language."""


def medium(*overrides: str) -> fleurs.Fleurs:
    return fleurs.build(loads(fleurs.Config, "", overrides=[*fleurs.SIZES["medium"], *overrides]))


@pytest.fixture(scope="module")
def whole() -> list[tuple[str, str, fleurs.Line]]:
    """Language, split and utterance of all of medium, unspoken."""
    made = medium()
    return [
        (language.code, split, line)
        for language in LANGUAGES
        for split in SPLITS
        for line in made._lines(language.code, split, 0, 10**6)
    ]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("medium") / "corpus"
    options = [option for override in OVERRIDES for option in ("--set", override)]
    assert main(["corpus", "fleurs", "medium", str(out), "--nj", "1", *options]) == 0
    return out


def table(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_language_has_as_much_as_it_should(whole: Any) -> None:
    utts = Counter((code, split) for code, split, _ in whole)
    speakers: dict[tuple[str, str], set[str]] = {}
    for code, split, line in whole:
        speakers.setdefault((code, split), set()).add(line.speaker.name)
    for (code, split), count in utts.items():
        assert count >= LEAST[split][0], (code, split)
        assert len(speakers[code, split]) >= LEAST[split][1], (code, split)
    assert len(utts) == 3 * 42
    assert len(whole) * medium().size.mean_sec / 3600 == pytest.approx(5.1, rel=0.02)


def test_splits_share_neither_sentences_nor_speakers_nor_voices(whole: Any) -> None:
    for of in (
        lambda line: line.sentence,
        lambda line: line.speaker.name,
        lambda line: line.speaker.voice.variant,
    ):
        found = {split: {of(line) for _, place, line in whole if place == split} for split in SPLITS}
        assert not found["train"] & found["dev"] | found["train"] & found["test"] | found["dev"] & found["test"]


def test_conditions_are_balanced_in_every_language_and_split(whole: Any) -> None:
    counts = Counter((code, split, line.condition) for code, split, line in whole)
    for code, split in {(code, split) for code, split, _ in whole}:
        shares = [counts[code, split, condition] for condition in CONDITIONS]
        assert max(shares) - min(shares) <= 1, (code, split)


def test_conditions_tell_nothing_of_language_place_or_speaker(whole: Any) -> None:
    """The pairs' table is that of independent draws: chi square over its degrees of freedom is near 1 or below."""
    for of in (lambda c, s, line: c, lambda c, s, line: line.speaker.gender, lambda c, s, line: line.speaker.name):
        pairs = Counter((of(code, split, line), line.condition) for code, split, line in whole)
        rows = sorted({row for row, _ in pairs})
        seen = np.array([[pairs[row, condition] for condition in CONDITIONS] for row in rows], float)
        expected = seen.sum(1, keepdims=True) * seen.sum(0) / seen.sum()
        chi_square = float(((seen - expected) ** 2 / expected).sum())
        freedom = (len(rows) - 1) * (len(CONDITIONS) - 1)
        # four in a row being balanced, what is equal in every second of them has a chi square 4/3 as large
        assert chi_square < 4 / 3 * (freedom + 4 * np.sqrt(2 * freedom))
    # and the same sentence is not recorded alike everywhere
    first = {code: line.condition for code, split, line in reversed(whole) if split == "test" and line.speaker}
    assert len(set(first.values())) == len(CONDITIONS)


def test_transcripts_are_what_is_spoken_in_the_languages_words(corpus: Path) -> None:
    made = medium(*OVERRIDES)
    said = dict(enumerate(meanings(sum(map(made.num_sentences, SPLITS)), 0), start=1))
    for language in made.languages:
        for split in SPLITS:
            lines = {line.file: line for line in made._lines(language.code, split, 0, 10**6)}
            rows = table(corpus / "data" / language.code / f"{split}.tsv")
            assert [row[1].removesuffix(".wav") for row in rows] == list(lines)
            for row in rows:
                assert row[2] == lines[row[1].removesuffix(".wav")].text == say(said[int(row[0])], language, 0)
                assert row[3] == numbers.words(row[2]) == row[2][:-1]
                assert row[4].replace(" ", "").replace("|", " ").strip() == row[3]
                assert any(letter.isalpha() for letter in row[3])


def test_ids_are_parallel_and_words_are_not(corpus: Path) -> None:
    texts = [
        {row[0]: row[3] for split in SPLITS for row in table(corpus / "data" / code / f"{split}.tsv")} for code in CODES
    ]
    assert texts[0].keys() == texts[1].keys() == texts[2].keys()
    for number in texts[0]:
        words = [set(text[number].split()) for text in texts]
        digits = {word for word in words[0] if word.isdigit()}
        assert words[0] & words[1] == words[1] & words[2] == words[0] & words[2] == digits


def test_archives_hold_what_the_rows_say(corpus: Path) -> None:
    for code in CODES:
        with tarfile.open(corpus / "data" / code / "audio" / "test.tar.gz") as archive:
            members = {member.name: archive.extractfile(member).read() for member in archive}
        rows = table(corpus / "data" / code / "test.tsv")
        assert [f"test/{row[1]}" for row in rows] == list(members)
        for row in rows:
            samples, rate = soundfile.read(io.BytesIO(members[f"test/{row[1]}"]), dtype="int16")
            assert (rate, len(samples)) == (16000, int(row[5]))
            assert 0.5 < len(samples) / rate < 6


def test_it_is_prepared_with_conditions_and_families(corpus: Path, tmp_path: Path) -> None:
    assert main(["prepare", "fleurs", str(corpus), str(tmp_path / "data"), "--nj", "1"]) == 0
    for split in SPLITS:
        labels = {
            kind: dict(
                line.split(" ", 1) for line in (tmp_path / "data" / split / f"utt2{kind}").read_text().splitlines()
            )
            for kind in ("condition", "family", "lang")
        }
        assert set(labels["family"].values()) == {"romance", "indo-aryan", "koreanic"}
        assert set(labels["condition"].values()) == set(CONDITIONS)
        family_of = {"cat": "romance", "hin": "indo-aryan", "kor": "koreanic"}
        assert all(labels["family"][utt] == family_of[lang] for utt, lang in labels["lang"].items())


def test_the_audio_is_that_of_its_condition(corpus: Path) -> None:
    """A telephone lets nothing above 4 kHz through; noise fills the pauses."""
    header, *rows = table(corpus / "metadata.tsv")
    condition = {row[0]: row[header.index("condition")] for row in rows}
    high: dict[str, list[float]] = {name: [] for name in CONDITIONS}
    for code in CODES:
        with tarfile.open(corpus / "data" / code / "audio" / "train.tar.gz") as archive:
            for member in archive:
                samples, _ = soundfile.read(io.BytesIO(archive.extractfile(member).read()))
                power = np.abs(np.fft.rfft(samples)) ** 2
                high[condition[Path(member.name).stem]].append(power[len(power) * 9 // 16 :].sum() / power.sum())
    assert max(high["phone"]) < 1e-4
    assert np.median(high["studio"]) > 10 * max(high["phone"])
