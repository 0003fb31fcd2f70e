from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.config import loads
from masr.errors import ConfigError
from masr.metadata import transcript
from masr.metadata.codebook import Use
from reference import string_similarity

WORDS = st.text("abcdeé ñहि二", min_size=1, max_size=30).filter(lambda text: bool(text.strip()))


def similarity(texts: list[str | None], **options: object) -> np.ndarray:
    stream = transcript.build(transcript.Config(**options))  # type: ignore[arg-type]
    codes = torch.from_numpy(stream.codes(texts)).double()
    return stream.similarity(codes, codes).numpy()


@settings(deadline=None, max_examples=30)
@given(WORDS, WORDS)
def test_wide_hashes_give_the_cosine_of_ngrams(one: str, other: str) -> None:
    one, other = " ".join(one.split()), " ".join(other.split())
    found = similarity([one, other], width=1 << 16, fold_case=False)[0, 1]
    assert found == pytest.approx(string_similarity.ngram_cosine(one, other, 2, 4), abs=2e-3)


def test_narrow_hashes_err_little_and_to_no_side() -> None:
    generator = np.random.default_rng(3)
    texts = ["".join(generator.choice(list("abcdefghij "), 40)) for _ in range(60)]
    texts = [" ".join(text.split()) for text in texts]
    upper = np.triu_indices(60, 1)
    exact = np.array([[string_similarity.ngram_cosine(a, b, 2, 4) for b in texts] for a in texts])[upper]
    error = similarity(list(texts))[upper] - exact
    assert np.abs(error).mean() < 0.03
    assert abs(error.mean()) < 0.01


@pytest.mark.parametrize("rule", ["ngram", "edit"])
def test_case_and_spelling_of_the_same_text(rule: str) -> None:
    if rule == "edit":
        pytest.importorskip("rapidfuzz")
    found = similarity(["Café  au LAIT", "cafe\u0301 au lait", None, " "], rule=rule)
    assert found[0, 1] == pytest.approx(1.0)
    assert np.isnan(found[2:]).all()
    assert np.isnan(found[:, 2:]).all()
    assert similarity(["café", "cafe\u0301"], rule=rule, fold_case=False)[0, 1] == pytest.approx(1.0)
    assert similarity(["A", "a"], rule=rule, fold_case=False)[0, 1] < 0.9


@settings(deadline=None, max_examples=60)
@given(st.lists(WORDS, min_size=2, max_size=4))
def test_edit_is_one_minus_the_normalised_distance(texts: list[str]) -> None:
    pytest.importorskip("rapidfuzz")
    texts = [" ".join(text.split()) for text in texts]
    found = similarity(list(texts), rule="edit", fold_case=False)
    for i, one in enumerate(texts):
        for j, other in enumerate(texts):
            assert found[i, j] == pytest.approx(string_similarity.edit_similarity(one, other), abs=1e-6)


def test_edit_compares_the_first_characters_alone() -> None:
    pytest.importorskip("rapidfuzz")
    assert similarity(["abcd" + "x" * 9, "abcd" + "y" * 9], rule="edit", max_chars=4)[0, 1] == 1.0


@pytest.mark.parametrize("text", ["a", "二", "ab"])
def test_a_text_shorter_than_any_ngram_is_itself(text: str) -> None:
    found = similarity([text, text, "something else"], min_n=6, max_n=8)
    assert found[0, 1] == pytest.approx(1.0)
    assert found[0, 2] == 0.0


def test_codes_are_the_same_on_every_machine() -> None:
    code = transcript.build(transcript.Config(width=16, min_n=2, max_n=2)).codes(["abc"])[0]
    assert (code * 2).round().tolist() == [
        -1.0,
        0.0,
        0.0,
        1.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        1.0,
        1.0,
    ]


def test_no_text_is_kept() -> None:
    codebook = transcript.tabulate(transcript.Config(max_chars=5), iter([Use("abc"), Use("abcdef"), Use("ab  c")]))
    assert codebook.labels == ()
    assert codebook.facts == {"num_transcripts": 3.0, "longest_chars": 6.0, "num_over_max_chars": 1.0}


@pytest.mark.parametrize("text", ["{min_n: 3, max_n: 2}", "min_n: 0", "width: 2", "max_chars: 0", "rule: soundex"])
def test_config_refuses_what_makes_no_sense(text: str) -> None:
    with pytest.raises(ConfigError):
        loads(transcript.Config, text)
