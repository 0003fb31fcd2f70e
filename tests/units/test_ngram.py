"""The n-gram model against its definition, one probability at a time, and against the program that reads it."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.errors import UsageError
from masr.units.ngram import NGrams, discounts_of, estimate
from reference.slow_arpa import SlowArpa
from reference.slow_kneser_ney import SlowKneserNey

TEXT = [
    text.split()
    for text in (
        "the cat sat on the mat",
        "the cat saw the dog",
        "a dog sat on a cat",
        "the dog saw the cat on the mat",
        "a cat",
        "mat",
        "the mat sat",
        "on the mat the dog sat",
    )
]


def read_back(model: NGrams, folder: Path) -> SlowArpa:
    path = folder / "words.arpa"
    path.write_text("".join(model.arpa()), encoding="utf-8")
    return SlowArpa(path)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_every_probability_is_that_of_the_definition(order: int, tmp_path: Path) -> None:
    slow = SlowKneserNey(TEXT, order)
    arpa = read_back(estimate(TEXT, order), tmp_path)
    histories = [h for n in range(order) for h in itertools.product(["<s>", "the", "cat", "on", "mat"], repeat=n)]
    for history in histories:
        if "<s>" in history[1:]:
            continue
        for word in slow.words:
            assert 10 ** arpa.score(history, word) == pytest.approx(slow.probability(history, word), rel=1e-5)


sentences = st.lists(st.lists(st.sampled_from("abcd"), min_size=0, max_size=6), min_size=1, max_size=12).filter(any)


@given(sentences, st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_after_any_history_the_probabilities_of_all_words_sum_to_one(text: list[list[str]], order: int) -> None:
    import tempfile

    model = estimate(text, order)
    with tempfile.TemporaryDirectory() as folder:
        arpa = read_back(model, Path(folder))
    words = [word for (word,) in model.log10[0] if word != "<s>"]
    histories = {gram[:-1] for grams in model.log10[1:] for gram in grams} | {(), ("a", "never"), ("d", "d", "d")}
    for history in histories:
        assert sum(10 ** arpa.score(history, word) for word in words) == pytest.approx(1, abs=1e-5)


def test_an_estimate_by_hand(tmp_path: Path) -> None:
    # one sentence, `a`: a and </s> each follow one word, so counts are 1, discounts fall back to 0.5,
    # half of all is left for 1 / 3 each of a, </s> and <unk>
    model = estimate([["a"]], 2)
    assert 10 ** model.log10[0]["a",] == pytest.approx(0.25 + 0.5 / 3)
    assert 10 ** model.log10[0]["<unk>",] == pytest.approx(0.5 / 3)
    assert 10 ** model.log10[1]["<s>", "a"] == pytest.approx(0.5 + 0.5 * (0.25 + 0.5 / 3))
    assert 10 ** model.backoff["a",] == pytest.approx(0.5)


def test_discounts_come_from_counts_of_counts() -> None:
    counts = {(str(i),): count for i, count in enumerate([1] * 8 + [2] * 4 + [3] * 2 + [4] + [9])}
    y = 8 / 16
    assert discounts_of(counts) == pytest.approx((1 - 2 * y * 4 / 8, 2 - 3 * y * 2 / 4, 3 - 4 * y * 1 / 2))
    assert discounts_of({("a",): 1, ("b",): 2, ("c",): 3}) == (0.5, 1.0, 1.5)


def test_kenlm_reads_it_and_scores_sentences_alike(tmp_path: Path) -> None:
    pytest.importorskip("flashlight.lib.text.decoder")
    from masr.inference.language_model import open_language_model, unknown_words

    model = estimate(TEXT, 3)
    arpa = read_back(model, tmp_path)
    words = [*sorted({word for words in TEXT for word in words}), "unheard"]
    kenlm = open_language_model(tmp_path / "words.arpa", words)
    assert unknown_words(kenlm, words) == ["unheard"]
    for sentence in (["the", "cat", "sat"], ["mat", "mat", "unheard", "dog"]):
        state, total = kenlm.start(False), 0.0
        for word in sentence:
            state, score = kenlm.score(state, words.index(word))
            total += score
        total += kenlm.finish(state)[1]
        assert total == pytest.approx(arpa.sentence(sentence), abs=1e-4)


@pytest.mark.parametrize(("text", "order"), [([[]], 3), ([], 3), (TEXT, 0), (TEXT, 7), ([["a", "</s>"]], 2)])
def test_what_is_no_text_or_no_order_is_refused(text: list[list[str]], order: int) -> None:
    with pytest.raises(UsageError):
        estimate(text, order)


def test_every_listed_number_is_a_logarithm(tmp_path: Path) -> None:
    lines = "".join(estimate(TEXT, 3).arpa()).splitlines()
    assert lines[0] == "\\data\\" and lines[-1] == "\\end\\"
    numbers = [float(line.split("\t")[0]) for line in lines if "\t" in line]
    assert len(numbers) == sum(int(line.split("=")[1]) for line in lines if line.startswith("ngram "))
    assert all(number <= 0 and math.isfinite(number) for number in numbers)
