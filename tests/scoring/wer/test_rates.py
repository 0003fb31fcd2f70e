"""Rates, their intervals, the comparison of systems, and what is read before them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.errors import DataError, ScoresError
from masr.maths.bootstrap import clusters
from masr.scoring.lid.reference import encode
from masr.scoring.wer.alignment import COSTS, align
from masr.scoring.wer.coded import words_of
from masr.scoring.wer.edits import count_edits
from masr.scoring.wer.matched_pairs import difference, matched_pairs, segments
from masr.scoring.wer.rates import compute, section
from masr.scoring.wer.texts import Spelling, read_texts, same_utterances
from reference import slow_alignment

COUNTS = np.array([[8, 1, 1, 0], [4, 0, 0, 2], [0, 0, 0, 3], [9, 1, 0, 0]])
SENTENCES = st.lists(st.sampled_from("ab"), max_size=8).map(" ".join)


def test_rates_are_shares_of_the_words_of_the_reference() -> None:
    found = section(COUNTS, np.arange(4))
    assert (found.num_ref, found.num_hyp, found.num_errors, found.num_wrong_utts) == (24, 28, 8, 4)
    values = {name: rate.value for name, rate in found.rates.items()}
    expected = {"error": 8 / 24, "substitution": 2 / 24, "deletion": 1 / 24, "insertion": 5 / 24, "utterance": 1.0}
    assert values == pytest.approx(expected)


def test_a_part_without_a_word_has_no_rate_and_divides_nothing() -> None:
    with np.errstate(all="raise"):
        found = section(COUNTS, np.array([2]))
    assert np.isnan(found.rates["error"].value) and found.rates["error"].low is None
    assert found.rates["utterance"].value == 1.0
    assert found.num_inserted == 3


def test_parts_of_speakers_and_conditions() -> None:
    speakers = ["x", "y", "x", "y"]
    whole = compute(COUNTS, clusters(speakers), encode(speakers), {"room": encode(["a", "a", "b", "b"])})
    assert [part.num_errors for part in whole.speakers.values()] == [5, 3]
    assert [part.num_ref for part in whole.groups["room"].values()] == [14, 10]
    assert whole.groups["room"]["b"].rates["error"].low is not None
    assert whole.overall.rates["error"].low is not None


def test_the_interval_is_that_of_speakers_drawn_one_by_one() -> None:
    rng = np.random.default_rng(5)
    counts = rng.integers(0, 9, size=(90, 4))
    speakers = [f"s{i // 3:02d}" for i in range(90)]
    found = section(counts, np.arange(90), (drawn := clusters(speakers)), _weights(drawn.count))
    rates = []
    for _ in range(4000):
        rows = np.concatenate([np.arange(3 * s, 3 * s + 3) for s in rng.integers(0, 30, 30)])
        rates.append(counts[rows, 1:].sum() / counts[rows, :3].sum())
    low, high = np.percentile(rates, [2.5, 97.5])
    width = high - low
    assert found.rates["error"].low == pytest.approx(low, abs=0.1 * width)
    assert found.rates["error"].high == pytest.approx(high, abs=0.1 * width)


def _weights(count: int) -> Any:
    from masr.maths.bootstrap import drawn

    return drawn(count, 0)


@given(st.lists(st.tuples(SENTENCES, SENTENCES, SENTENCES), min_size=1, max_size=5))
def test_segments_are_those_found_word_by_word(rows: list[tuple[str, str, str]]) -> None:
    refs, one, two = zip(*rows)
    found = segments(align(words_of(refs, one), COSTS["nist"]), align(words_of(refs, two), COSTS["nist"]))
    expected = []
    for ref, a, b in rows:
        paths = (slow_alignment.sclite_alignment(ref.split(), hyp.split()) for hyp in (a, b))
        expected += slow_alignment.gillick_cox_segments(*paths)
    assert sorted(map(tuple, found.tolist())) == sorted(expected)


def test_matched_pairs_by_hand() -> None:
    # errors of (first, second): a segment of (1, 0), one of (0, 1), one of (2, 0)
    ref = "a b c d e f g h i j"
    refs, first, second = [ref, ref], ["x b c d e f g h i j", "a b c d x y g h i j"], ["a b c d e f g h i x", ref]
    found = matched_pairs(align(words_of(refs, first), COSTS["nist"]), align(words_of(refs, second), COSTS["nist"]))
    differences = np.array([1, -1, 2])
    z = differences.mean() / (differences.std(ddof=1) / np.sqrt(3))
    assert (found.num_segments, found.mean) == (3, pytest.approx(2 / 3))
    assert found.z == pytest.approx(z)
    assert found.p == pytest.approx(0.4496917979688908)  # 2 (1 - Phi(0.7559))


def test_equal_systems_do_not_differ() -> None:
    pairs = words_of(["a b c d", "e"], ["a x c d", "e"])
    alignment = align(pairs, COSTS["nist"])
    assert matched_pairs(alignment, alignment).p == 1.0
    none = align(words_of(["a"], ["a"]), COSTS["nist"])
    assert matched_pairs(none, none).num_segments == 0
    counts = count_edits(pairs)
    assert difference(counts, counts, clusters(["x", "y"])).p == 1.0


def test_a_clear_difference_is_significant_and_has_the_sign_of_first_less_second() -> None:
    random.seed(2)
    refs = [" ".join(random.choices("abcdefgh", k=12)) for _ in range(120)]
    worse = [" ".join("x" if random.random() < 0.3 else word for word in ref.split()) for ref in refs]
    better = [" ".join("x" if random.random() < 0.1 else word for word in ref.split()) for ref in refs]
    one, two = (words_of(refs, hyps) for hyps in (worse, better))
    test = matched_pairs(align(one, COSTS["nist"]), align(two, COSTS["nist"]))
    drawn = difference(count_edits(one), count_edits(two), clusters([str(i) for i in range(120)]))
    assert test.z > 5 and test.p < 1e-6
    assert drawn.low is not None and drawn.high is not None and drawn.p is not None
    assert 0 < drawn.low < drawn.difference < drawn.high and drawn.p < 0.01


def write(path: Path, rows: str) -> Path:
    path.write_bytes(rows.encode("utf-8", "surrogateescape"))
    return path


def test_empty_references_are_listed_and_extra_hypotheses_left_out(tmp_path: Path) -> None:
    ref, hyp = write(tmp_path / "ref", "a x y\nb \nc z\n"), write(tmp_path / "hyp", "a x\nb q\nc\nd w\n")
    found = read_texts(ref, hyp)
    assert (found.utts, found.empty, found.extra, found.missing) == (("a", "b", "c"), ("b",), ("d",), ())
    assert count_edits(words_of(found.refs, found.hyps)).sum(axis=0).tolist() == [1, 0, 2, 1]


def test_a_missing_hypothesis_is_refused_skipped_or_deleted(tmp_path: Path) -> None:
    ref, hyp = write(tmp_path / "ref", "a x y\nb p q\n"), write(tmp_path / "hyp", "a x y\n")
    with pytest.raises(ScoresError, match=r"lacks 1 of 2 utterances .*: b"):
        read_texts(ref, hyp)
    assert read_texts(ref, hyp, "skip").utts == ("a",)
    deleted = read_texts(ref, hyp, "delete")
    assert deleted.hyps == ("x y", "") and deleted.missing == ("b",)


@pytest.mark.parametrize(
    ("ref", "hyp", "says"),
    [
        ("a x\na y\n", "a x\n", "ref:2: a is there twice"),
        ("a x\n", "a x\na y\n", "hyp:2: a is there twice"),
        ("a x\n", "a \udcff\udcfe\n", "is not UTF-8"),
        ("a x\n", "b x\n", "none of the 1 utterances"),
        ("a\n", "a x\n", "has no word in any"),
        ("", "a x\n", "has no utterance"),
    ],
)
def test_what_cannot_be_scored_is_refused(tmp_path: Path, ref: str, hyp: str, says: str) -> None:
    with pytest.raises((DataError, ScoresError), match=says):
        read_texts(write(tmp_path / "ref", ref), write(tmp_path / "hyp", hyp))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing: no such file"):
        read_texts(write(tmp_path / "ref", "a x\n"), tmp_path / "nothing")


def test_nothing_is_normalised_unless_it_is_asked_for(tmp_path: Path) -> None:
    ref, hyp = write(tmp_path / "ref", "a \u00e9A\n"), write(tmp_path / "hyp", "a e\u0301a\n")
    assert read_texts(ref, hyp).refs != read_texts(ref, hyp).hyps
    both = read_texts(ref, hyp, spelling=Spelling(lower=True, form="nfc"))
    assert both.refs == both.hyps == ("\u00e9a",)


def test_utterances_that_two_systems_share(tmp_path: Path) -> None:
    ref = write(tmp_path / "ref", "a x\nb y\nc z\n")
    one = read_texts(ref, write(tmp_path / "one", "a x\nb y\n"), "skip")
    two = read_texts(ref, write(tmp_path / "two", "b y\nc z\n"), "skip")
    assert same_utterances(one, two) == ([1], [0])
