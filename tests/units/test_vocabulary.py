from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.errors import UnitsError
from masr.units import vocabulary
from masr.units.vocabulary import read_list, sample, spell, split_tags, unspell, write_list


@given(st.characters(exclude_categories=()))
def test_any_character_is_spelled_without_a_blank_and_back(character: str) -> None:
    spelled = spell(character)
    assert unspell(spelled) == character
    assert spelled.split() == [spelled]


@given(st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=12))
def test_two_tokens_are_never_spelled_alike(one: str, other: str) -> None:
    assert (spell(one) == spell(other)) == (one == other)


@pytest.mark.parametrize("text", ["<space>", "<blank>", "<unk>", "<U+0020>", "<lang:hin>", "a<U+00A0>b"])
def test_text_that_looks_like_a_name_is_not_taken_for_one(text: str) -> None:
    assert spell(text) != text
    assert spell("\u00a0") == "<U+00A0>"
    assert spell("a\u00a0b") == "a<U+00A0>b"


def test_a_list_is_written_as_kaldi_reads_it(tmp_path: Path) -> None:
    tokens = ("<blank>", "<unk>", "<space>", "é", "<lang:hin>", "<lang:urd>")
    write_list(tmp_path, tokens)
    assert (tmp_path / "units.txt").read_text(encoding="utf-8").splitlines()[:3] == [
        "<blank> 0",
        "<unk> 1",
        "<space> 2",
    ]
    assert read_list(tmp_path) == tokens
    assert split_tags(tokens) == (tokens[:4], ("hin", "urd"))
    assert split_tags(tokens[:4]) == (tokens[:4], ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<blank> 0\n",
        "<unk> 0\n<blank> 1\n",
        "<blank> 0\n<unk> 1\na 3\n",
        "<blank> 0\n<unk> 1\na\n",
        "<blank> 0\n<unk> 1\na b 2\n",
        "<blank> 0\n<unk> 1\na 2\na 3\n",
        "<blank> 0\n<unk> 1\na 2",
    ],
)
def test_a_broken_list_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "units.txt").write_text(text, encoding="utf-8")
    with pytest.raises(UnitsError, match="is not a file of units"):
        read_list(tmp_path)


def test_a_missing_or_undecodable_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnitsError, match="no such file"):
        read_list(tmp_path)
    (tmp_path / "units.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(UnitsError, match="is not a file of units"):
        read_list(tmp_path)


def test_a_sample_is_fair_ordered_and_the_same_for_a_seed() -> None:
    lines = [str(i) for i in range(20000)]
    found = list(sample(lines, 2000, 7))
    assert found == list(sample(lines, 2000, 7))
    assert found != list(sample(lines, 2000, 8))
    assert found == sorted(found, key=int)
    assert len(found) == pytest.approx(2000, rel=0.1)
    assert sum(map(int, found)) / len(found) == pytest.approx(10000, rel=0.05)
    assert list(sample(lines, 20000, 7)) == lines


def test_errors_name_what_is_near() -> None:
    with pytest.raises(UnitsError, match="no tag for 'hni'") as caught:
        vocabulary.tag_id(("hin", "urd"), "hni", 5)
    assert "hin" in caught.value.fix
    with pytest.raises(UnitsError, match="no tag") as caught:
        vocabulary.tag_id((), "hin", 5)
    assert "language_tags" in caught.value.fix
    assert vocabulary.tag_id(("hin", "urd"), "urd", 5) == 6
