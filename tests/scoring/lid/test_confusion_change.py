from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest

from masr.errors import ScoresError
from masr.io.answers import AnswerTable
from masr.maths import bootstrap
from masr.scoring.lid.confusion_change import Change, compare_confusions, languages_of
from reference.slow_confusions import interval_of_change, share_of_pair

LANGUAGES = ("a", "b", "c", "d", "e")
COSINES = np.array(
    [
        [1.0, 0.9, 0.2, 0.3, 0.5],
        [0.9, 1.0, 0.8, 0.4, 0.1],
        [0.2, 0.8, 1.0, 0.7, 0.6],
        [0.3, 0.4, 0.7, 1.0, 0.15],
        [0.5, 0.1, 0.6, 0.15, 1.0],
    ]
)
NEAREST = ["ab", "bc", "cd", "ce", "ae", "bd", "ad", "ac", "de", "be"]


def answered(seed: int, right: float, num: int = 240) -> AnswerTable:
    """Of one test, whatever the seed; speakers have one to many utterances; no utterance is of e."""
    test, own = random.Random(0), random.Random(seed + 1)
    rows = []
    for n in range(num):
        label = test.choice("aabcd")
        answer = label if own.random() < right else own.choice(LANGUAGES)
        rows.append((f"u{n}", f"{label}{int(14 * test.random() ** 2)}", label, answer))
    return AnswerTable(*zip(*rows, strict=True))


def rows_of(tables: Sequence[AnswerTable]) -> list[list[tuple[str, str, str, str]]]:
    return [list(zip(t.utts, t.speakers, t.labels, t.answers, strict=True)) for t in tables]


def test_shares_and_their_means_are_those_of_counting_by_hand() -> None:
    before, after = [answered(0, 0.5), answered(1, 0.6)], [answered(2, 0.8)]
    found = compare_confusions(before, after, LANGUAGES, COSINES, most=4)
    assert [one.first + one.second for one in found.pairs] == NEAREST[:4]
    assert [one.cosine for one in found.pairs] == [0.9, 0.8, 0.7, 0.6]
    slow = {
        a + b: (share_of_pair(rows_of(before), a, b), share_of_pair(rows_of(after), a, b))
        for a, b in combinations(LANGUAGES, 2)
    }
    for one in found.pairs:
        assert (one.change.before, one.change.after) == pytest.approx(slow[one.first + one.second])
        assert one.num_utts == sum(label in (one.first, one.second) for label in before[0].labels)
    for change, names in ((found.related, NEAREST[:4]), (found.others, NEAREST[4:])):
        assert change is not None
        means = [np.mean([slow[name][side] for name in names]) for side in (0, 1)]
        assert (change.before, change.after) == pytest.approx(means)
    assert found.num_others == 6 and found.num_utts == 240
    assert found.num_speakers == len(set(before[0].speakers))


def test_intervals_are_those_of_drawing_speakers_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = [answered(0, 0.5)], [answered(2, 0.8)]
    found = compare_confusions(before, after, LANGUAGES, COSINES, most=1)
    slow = interval_of_change(rows_of(before), rows_of(after), "a", "b", 4000, 0)
    assert (found.pairs[0].change.low, found.pairs[0].change.high) == pytest.approx(slow, abs=0.015)
    monkeypatch.setattr(bootstrap, "_MOST_CELLS", 70)  # few draws at a time are the same draws
    assert compare_confusions(before, after, LANGUAGES, COSINES, most=1) == found


def test_seeds_are_pooled_and_the_order_of_lines_says_nothing() -> None:
    seeds = [answered(n, 0.5) for n in range(3)]
    pooled = compare_confusions(seeds, [answered(9, 0.7)], LANGUAGES, COSINES)
    alone = [compare_confusions([one], [answered(9, 0.7)], LANGUAGES, COSINES) for one in seeds]
    for n, pair in enumerate(pooled.pairs):
        assert pair.change.before == pytest.approx(np.mean([one.pairs[n].change.before for one in alone]))
        assert pair.change.after == alone[0].pairs[n].change.after
    turned = AnswerTable(
        *(column[::-1] for column in (seeds[1].utts, seeds[1].speakers, seeds[1].labels, seeds[1].answers))
    )
    again = compare_confusions([seeds[0], turned, seeds[2]], [answered(9, 0.7)], LANGUAGES, COSINES)
    assert again == pooled


def test_equal_answers_are_no_change() -> None:
    found = compare_confusions([answered(0, 0.5)], [answered(0, 0.5)], LANGUAGES, COSINES, most=3)
    assert found.others is not None and found.related.before > 0
    for change in (*(one.change for one in found.pairs), found.related, found.others):
        assert (change.value, change.low, change.high) == (0, 0, 0)


def test_a_language_without_a_code_is_named_and_in_no_pair() -> None:
    cosines = COSINES.copy()
    cosines[1] = cosines[:, 1] = np.nan
    found = compare_confusions([answered(0, 0.5)], [answered(1, 0.5)], LANGUAGES, cosines)
    assert found.without_code == ("b",)
    assert [one.first + one.second for one in found.pairs] == [name for name in NEAREST if "b" not in name]
    assert found.others is None and found.num_others == 0
    with pytest.raises(ScoresError, match="no two of the languages have codes"):
        compare_confusions([answered(0, 0.5)], [answered(1, 0.5)], LANGUAGES, np.full((5, 5), np.nan))


def test_one_speaker_has_no_interval_and_no_answer_is_no_confusion() -> None:
    test = (("u1", "u2"), ("s", "s"), ("a", "b"))
    tables = [AnswerTable(*test, ("b", "a")), AnswerTable(*test, ("", "b"))]
    assert languages_of(tables) == ("a", "b")
    found = compare_confusions(tables[:1], tables[1:], ("a", "b"), COSINES[:2, :2])
    assert found.pairs[0].change == Change(-1.0, unit="share", before=1.0, after=0.0)


def test_answers_to_another_test_are_refused() -> None:
    one = answered(0, 0.5)
    others = [
        AnswerTable(one.utts, one.speakers, ("e", *one.labels[1:]), one.answers),
        AnswerTable(one.utts, ("x", *one.speakers[1:]), one.labels, one.answers),
        AnswerTable(*(column[1:] for column in (one.utts, one.speakers, one.labels, one.answers))),
    ]
    for other in others:
        with pytest.raises(ScoresError, match="1 utterances differ, as u0"):
            compare_confusions([one], [other], LANGUAGES, COSINES)
