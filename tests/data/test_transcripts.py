"""Transcripts of a data directory: units of each utterance, and what is left out and why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from masr.data.transcripts import TOLERANT, Rules, Transcripts, frames_for
from masr.errors import DataError
from masr.io.datadir import DataDir, write_datadir
from masr.units import characters, sentencepiece

TEXTS = {"s-1": "ab  ba", "s-2": "aab", "s-3": "", "s-4": "abz", "s-6": "b"}
UNITS = characters.train(characters.Config(), ["ab ba"])
STRICT = Rules(unknown_is_error=True, empty_is_error=True)


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    """Six utterances, of which s-5 has no line in text."""
    utts = {f"s-{n}": "s" for n in range(1, 7)}
    write_datadir(tmp_path, {"utt2spk": utts, "wav.scp": dict.fromkeys(utts, "x.wav"), "text": TEXTS})
    return DataDir.open(tmp_path)


def test_units_and_texts(data: DataDir) -> None:
    found = Transcripts(data, UNITS, np.full(6, 9), TOLERANT)
    a, b, space = (UNITS.encode(c)[0] for c in "ab ")
    rows = found.read(np.array([5, 0, 2]))
    assert rows.tolist() == [[b, -1, -1, -1, -1], [a, b, space, b, a], [-1] * 5]
    assert found.texts(data, np.array([0, 2, 4])) == ("ab ba", "", "")
    assert found.has_no_text.tolist() == [False, False, False, False, True, False]


def test_what_cannot_be_learnt_is_named_with_its_reason(data: DataDir) -> None:
    found = Transcripts(data, UNITS, np.array([5, 3, 9, 9, 9, 0]), TOLERANT)
    assert found.learnt.tolist() == [True, False, False, False, False, False]
    assert found.reasons == {
        1: "3 units want 4 encoded frames, and it has 3",
        2: "its transcript is empty",
        3: "its transcript has characters without a unit: 'z'",
        4: "is not in text",
        5: "1 units want 1 encoded frames, and it has 0",
    }
    assert not (found.read(np.arange(1, 6)) >= 0).any()


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        (STRICT, "s-3: its transcript is empty"),
        (Rules(unknown_is_error=True, empty_is_error=False), "s-4: its transcript has characters without a unit: 'z'"),
    ],
)
def test_a_rule_that_is_an_error_stops(data: DataDir, rules: Rules, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        Transcripts(data, UNITS, np.full(6, 9), rules)
    assert "=skip" in caught.value.fix


def test_units_that_refuse_or_drop_what_they_do_not_know(data: DataDir) -> None:
    for policy, reason in (("error", "its transcript has no unit for 'z'"), ("drop", None)):
        units = characters.CharacterUnits(characters.Config(unknown=policy), "ab ", ())  # type: ignore[arg-type]
        found = Transcripts(data, units, np.full(6, 9), TOLERANT)
        assert (found.reasons.get(3, "") or "").startswith(reason or "")
        assert found.learnt[3] == (reason is None)


def test_pieces_with_characters_nobody_has_seen(data: DataDir) -> None:
    units = sentencepiece.train(sentencepiece.Config(vocab_size=8, hard_vocab_limit=False), ["ab ba", "aab", "b"])
    assert Transcripts(data, units, np.full(6, 9), TOLERANT).reasons[3].endswith("without a unit: 'z'")


def test_data_without_text(data: DataDir) -> None:
    (data.folder / "text").unlink()
    with pytest.raises(DataError, match="has no text"):
        Transcripts(DataDir.open(data.folder), UNITS, np.full(6, 9), STRICT)


def test_frames_that_a_text_needs() -> None:
    assert [frames_for(ids) for ids in ([], [2], [2, 3], [2, 2], [2, 2, 2, 3])] == [0, 1, 2, 3, 6]
