"""Tables of labels, whatever their rows look like and in whatever order they stand."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from masr.errors import DataError, ScoresError
from masr.io.language_scores import LanguageScores
from masr.scoring.lid.reference import match, read_labels, speakers_of


def slowly(text: str) -> dict[str, str]:
    """id -> value, line by line."""
    found = {}
    for line in text.splitlines():
        utt, *rest = line.replace("\t", " ").split(" ", 1)
        found[utt] = rest[0].strip(" ") if rest else ""
    return found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a eng\nb hin\n",
        "a eng\nb hin",
        "a\teng\nb hin\n",
        "a \nb hin\n",
        "a\nb hin spoken slowly\n",
        "a  eng\nb hin \n",
        "a x\u00a0y\nb z\u2028w\n",
        "à eng\nж hin\n",
    ],
)
def test_any_table_is_read_as_line_by_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "utt2lang"
    path.write_text(text, encoding="utf-8")
    lines = text.replace("\u2028", "~")  # no end of a line in a table
    assert read_labels(path) == {key: value.replace("~", "\u2028") for key, value in slowly(lines).items()}


@pytest.mark.parametrize("order", ["same", "shuffled", "more"])
def test_the_order_of_a_table_changes_nothing(order: str, tmp_path: Path) -> None:
    utts = [f"u{i:03d}" for i in range(50)]
    labels = {utt: f"l{i % 7}" for i, utt in enumerate(utts)}
    rows = utts + ["extra"] * (order == "more")
    if order != "same":
        random.Random(0).shuffle(rows)
    path = tmp_path / "utt2lang"
    path.write_text("".join(f"{utt} {labels.get(utt, 'l0')}\n" for utt in rows), encoding="utf-8")
    assert speakers_of(path, utts) == list(labels.values())
    scores = LanguageScores(utts, ("l0", "l1"), np.zeros((50, 2), np.float32))
    if order == "more":
        with pytest.raises(ScoresError, match="no scores for 1 of 51"):
            match(path, scores, read_labels(path))
    found = match(path, scores, read_labels(path), partial=True)
    assert found.missing == ("extra",) * (order == "more") and found.extra == () and found.utts == tuple(utts)
    assert [found.labels.names[code] for code in found.labels.codes] == list(labels.values())


def test_a_speaker_who_is_not_known_is_named(tmp_path: Path) -> None:
    path = tmp_path / "utt2spk"
    path.write_text("a s1\nb s2\n", encoding="utf-8")
    with pytest.raises(DataError, match="no speaker for c"):
        speakers_of(path, ["a", "c"])
