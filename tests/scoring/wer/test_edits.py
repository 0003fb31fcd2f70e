"""Counts and alignments against brute force and sclite's rule; sclite itself is asked in test_sclite.py."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.errors import ScoresError
from masr.scoring.wer import alignment as alignment_module
from masr.scoring.wer import edits, long_pair
from masr.scoring.wer.alignment import COSTS, Alignment, Rule, align
from masr.scoring.wer.coded import characters_of, words_of
from masr.scoring.wer.edits import count_edits
from masr.scoring.wer.long_pair import align_long
from reference import slow_alignment

SENTENCES = st.lists(st.sampled_from("abc"), max_size=5).map(" ".join)
PAIRS = st.lists(st.tuples(SENTENCES, SENTENCES), min_size=1, max_size=8)
LETTERS = "CSDI"


def operations(found: Alignment, place: int) -> str:
    return "".join(LETTERS[k] for k in found.operations[found.starts[place] : found.starts[place + 1]])


@given(PAIRS)
def test_counts_are_those_of_sclites_alignment(pairs: list[tuple[str, str]]) -> None:
    refs, hyps = zip(*pairs)
    counts = count_edits(words_of(refs, hyps))
    for (ref, hyp), row in zip(pairs, counts.tolist()):
        wanted = slow_alignment.sclite_alignment(ref.split(), hyp.split())
        assert row == [wanted.count(letter) for letter in LETTERS]
        assert slow_alignment.cost(wanted, 3, 4) == min(
            slow_alignment.cost(one, 3, 4) for one in slow_alignment.all_alignments(ref.split(), hyp.split())
        )


@given(PAIRS)
def test_equal_costs_give_the_fewest_errors_and_then_the_most_right(pairs: list[tuple[str, str]]) -> None:
    refs, hyps = zip(*pairs)
    for (ref, hyp), row in zip(pairs, count_edits(words_of(refs, hyps), "equal").tolist()):
        every = slow_alignment.all_alignments(ref.split(), hyp.split())
        best = min(every, key=lambda one: (len(one) - one.count("C"), -one.count("C")))
        assert row == [best.count(letter) for letter in LETTERS]


@given(PAIRS)
def test_alignment_takes_the_words_that_sclite_takes(pairs: list[tuple[str, str]]) -> None:
    refs, hyps = zip(*pairs)
    both = words_of(refs, hyps)
    found = align(both, COSTS["nist"])
    for place, (ref, hyp) in enumerate(pairs):
        assert operations(found, place) == slow_alignment.sclite_alignment(ref.split(), hyp.split())
        span = slice(found.starts[place], found.starts[place + 1])
        for side, text in ((found.refs[span], ref), (found.hyps[span], hyp)):
            assert [both.names[token] for token in side if token >= 0] == text.split()


def test_longer_texts_in_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment_module, "_BLOCK_CELLS", 700)
    random.seed(3)
    refs, hyps = ([" ".join(random.choices("abcdef", k=random.randrange(25))) for _ in range(60)] for _ in range(2))
    found = align(words_of(refs, hyps), COSTS["nist"])
    for place, (ref, hyp) in enumerate(zip(refs, hyps)):
        assert operations(found, place) == slow_alignment.sclite_alignment(ref.split(), hyp.split())
    assert (found.counts() == count_edits(words_of(refs, hyps))).all()


def test_three_substitutions_cost_as_much_as_a_word_right_between_four_gaps() -> None:
    # 3 x 4 = 4 x 3: only sclite's rule decides, and it takes pairs
    refs, hyps = ["x y a"], ["a p q"]
    wanted = slow_alignment.sclite_alignment(refs[0].split(), hyps[0].split())
    assert {
        len(one)
        for one in slow_alignment.all_alignments(refs[0].split(), hyps[0].split())
        if slow_alignment.cost(one, 3, 4) == 12
    } == {3, 5}
    assert count_edits(words_of(refs, hyps)).tolist() == [[wanted.count(letter) for letter in LETTERS]]


def test_two_substitutions_are_dearer_than_a_right_word_between_gaps() -> None:
    assert count_edits(words_of(["a b"], ["b c"])).tolist() == [[1, 0, 1, 1]]
    assert count_edits(words_of(["a b"], ["b c"]), "equal").sum() == 3


def test_empty_sides() -> None:
    pairs = words_of(["", "a b", ""], ["x y", "", ""])
    assert count_edits(pairs).tolist() == [[0, 0, 0, 2], [0, 0, 2, 0], [0, 0, 0, 0]]
    assert align(pairs, COSTS["nist"]).counts().tolist() == count_edits(pairs).tolist()
    assert count_edits(words_of([], [])).shape == (0, 4)


def test_words_part_at_ascii_blanks_only() -> None:
    assert set(words_of(["a\u00a0b \t c"], ["a b"]).names) == {"a\u00a0b", "c", "a", "b"}


def test_characters_with_and_without_spaces() -> None:
    refs, hyps = ["ab  cd"], ["abcd"]
    assert count_edits(characters_of(refs, hyps)).tolist() == [[4, 0, 1, 0]]
    assert count_edits(characters_of(refs, hyps, spaces=False)).tolist() == [[4, 0, 0, 0]]


def test_more_words_than_there_are_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    refs, hyps = ["a b c", "d e"], ["a c d", "e e"]
    wanted = count_edits(words_of(refs, hyps)).tolist()
    monkeypatch.setattr(edits, "_NUM_CODE_POINTS", edits._NUM_SURROGATES + 3)
    assert count_edits(words_of(refs, hyps)).tolist() == wanted


def test_word_numbers_in_the_gap_of_surrogates_are_words_like_others() -> None:
    names = [f"w{i}" for i in range(0xD800 + 20)]
    text = " ".join(names)
    changed = " ".join([*names[:-1], names[-5]])
    assert count_edits(words_of([text], [changed])).tolist() == [[len(names) - 1, 1, 0, 0]]


def test_too_long_an_utterance_is_refused_before_memory_is_taken() -> None:
    words, others = " ".join("a" * 30000), " ".join("b" * 30000)
    with pytest.raises(ScoresError, match="too long to be aligned"):
        align(words_of([words], [others]), COSTS["nist"])


@given(PAIRS, st.sampled_from(["nist", "equal"]))
def test_a_long_utterance_is_aligned_in_a_band_as_in_the_whole_table(pairs: list[tuple[str, str]], rule: Rule) -> None:
    for ref, hyp in pairs:
        both, costs = words_of([ref], [hyp]), COSTS[rule]
        found = align_long(both.refs.tokens, both.hyps.tokens, costs.gap, costs.substitution)
        assert found.tolist() == align(both, costs).operations.tolist()


@pytest.mark.parametrize("rule", ["nist", "equal"])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.8])
def test_the_band_of_longer_texts(rule: Rule, share: float) -> None:
    random.seed(7)
    for size in (1, 40, 300):
        ref = random.choices("abcdefgh", k=size)
        hyp = [
            other
            for word in ref
            for other in random.choices([[word], [], ["a"], [word, "b"]], [1 - share, share, share, share])[0]
        ]
        for one, two in ((ref, hyp), (hyp, ref), (ref, hyp[: size // 3])):
            both, costs = words_of([" ".join(one)], [" ".join(two)]), COSTS[rule]
            found = align_long(both.refs.tokens, both.hyps.tokens, costs.gap, costs.substitution)
            assert found.tolist() == align(both, costs).operations.tolist()


def test_a_wer_of_10000_words_looks_at_few_cells_where_the_texts_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """24 of such took minutes, and each the whole of its table."""
    random.seed(1)
    names = [f"w{n}" for n in range(3000)]
    ref = random.choices(names, k=10_000)
    hyp = [random.choice(names) if random.random() < 0.05 else word for word in ref]
    pairs = words_of([" ".join(ref), "a b"], [" ".join(hyp), "a"])
    looked_at = []
    rows = long_pair._rows
    monkeypatch.setattr(long_pair, "_rows", lambda *given: looked_at.append(rows(*given).size) or rows(*given))
    errors = sum(a != b for a, b in zip(ref, hyp))
    assert count_edits(pairs).tolist() == [[10_000 - errors, errors, 0, 0], [1, 0, 1, 0]]
    assert looked_at and looked_at[0] < 0.1 * 10_000**2


def test_taking_some() -> None:
    pairs = words_of(["a b", "c", "", "d e f"], ["a", "c c", "x", ""])
    part = pairs.take(np.array([3, 1]))
    assert [part.names[t] for t in part.refs.tokens] == ["d", "e", "f", "c"]
    assert part.hyps.lengths.tolist() == [0, 2]
