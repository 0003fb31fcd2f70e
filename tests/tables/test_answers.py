from __future__ import annotations

from pathlib import Path

import pytest

from masr.errors import TableError
from masr.tables.answers import labels_of, read_answers
from masr.tables.config import ColumnConfig
from masr.tables.scores import read_scores

HEAD = "utt\tspeaker\tlabel\tanswer\n"
FOUND = HEAD + "u1\ts2\teng\teng\nu2\ts1\teng\thin\nu3\ts1\thin\thin\nu4\ts1\ttel\thin\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "a.tsv").write_text(FOUND, encoding="utf-8")
    return tmp_path / "a.tsv"


def test_right_answers_are_counted_by_speaker(path: Path) -> None:
    found = read_answers(path)
    assert found.counts.tolist() == [3, 1]  # s1, s2
    assert found.right.tolist() == [1, 1]
    assert found.accuracy == 0.5


def test_labels_choose_the_utterances(path: Path) -> None:
    assert read_answers(path, ["eng"]).right.tolist() == [0, 1]
    assert read_answers(path, ["eng", "tel"]).counts.tolist() == [2, 1]
    assert read_answers(path, (), ["eng"]).counts.tolist() == [2]
    assert read_answers(path, ["eng", "tel"], ["tel"]).accuracy == read_answers(path, ["eng"]).accuracy
    assert labels_of(("eng, hin", "tel,", "")) == ("eng", "hin", "tel")


def test_the_digest_is_that_of_the_utterances_not_of_their_order_or_answers(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.tsv"
    same = [HEAD + "".join(reversed(FOUND.splitlines(keepends=True)[1:])), FOUND.replace("eng\thin", "eng\ttel")]
    for text in same:
        other.write_text(text, encoding="utf-8")
        assert read_answers(other).digest == read_answers(path).digest
    for old, new in (
        ("u1\t", "u9\t"),
        ("s2", "s3"),
        ("tel\thin", "hin\thin"),
        ("tel\t", "tem\t"),
        ("u4\ts1\ttel\thin\n", ""),
    ):
        other.write_text(FOUND.replace(old, new), encoding="utf-8")
        assert read_answers(other).digest != read_answers(path).digest
    assert read_answers(path, ["eng"]).digest != read_answers(path).digest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not begin with the line utt speaker label answer"),
        (FOUND.replace("speaker", "spk"), "does not begin"),
        (FOUND.replace("\teng\n", "\n"), "a.tsv:2: not utt, speaker"),
        (FOUND.replace("s2", ""), "a.tsv:2: not utt, speaker"),
        (FOUND.replace("u3", "u1"), "a.tsv:4: utterance u1 is there twice"),
        (HEAD, "has no answers"),
    ],
)
def test_what_is_no_file_of_answers_is_refused(path: Path, text: str, said: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TableError) as caught:
        read_answers(path)
    assert said in caught.value.block()


def test_labels_that_no_utterance_has_are_refused(path: Path) -> None:
    for only, but in ((["enk"], []), ([], ["enk"])):
        with pytest.raises(TableError) as caught:
            read_answers(path, only, but)
        assert "no utterance of enk" in caught.value.block()
        assert "did you mean eng" in caught.value.block()
    with pytest.raises(TableError, match="no utterance that the column is about"):
        read_answers(path, ["eng"], ["eng"])
    with pytest.raises(TableError, match="is not there"):
        read_answers(path.with_name("b.tsv"))


def test_answers_that_say_another_score_than_the_file_are_refused(path: Path) -> None:
    column = ColumnConfig(name="x", step="s", file="x.json", value=("v",), answers="a.tsv", scale=100.0)
    json = path.with_name("x.json")
    json.write_text('{"v": 0.5004}')
    found = read_scores(path.parent, column)
    assert found.value == pytest.approx(50.04)
    assert found.answers is not None
    json.write_text('{"v": 0.52}')
    with pytest.raises(TableError, match=r"makes 50\.0 of x, x\.json says 52\.0"):
        read_scores(path.parent, column)
    alone = ColumnConfig(name="x", step="s", answers="a.tsv", answers_of=("eng", "hin"), scale=100.0)
    assert read_scores(path.parent, alone).value == pytest.approx(200 / 3)
    assert read_scores(path.parent, alone).count == 3
