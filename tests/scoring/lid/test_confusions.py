from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from masr.metadata.codebook import Codebook
from masr.scoring.lid.confusions import cosines_of, most_confused, relatedness

LANGUAGES = ("eng", "hin", "nob", "urd")
COUNTS = np.array([[8, 0, 2, 0], [0, 5, 0, 5], [0, 3, 0, 17], [4, 4, 0, 0]])
TRUTHS = ("eng", "hin", "urd", "xho")


def test_pairs_by_the_mean_of_both_directions() -> None:
    found = most_confused(TRUTHS, LANGUAGES, COUNTS, None)
    assert [(p.first, p.second, p.num_first_as_second, p.num_second_as_first) for p in found] == [
        ("hin", "urd", 5, 3),
        ("eng", "nob", 2, 0),
    ]
    assert found[0].rate == pytest.approx((5 / 10 + 3 / 20) / 2)
    assert found[1].rate == pytest.approx(2 / 10)  # no utterance is Norwegian: one direction was tested
    assert found[0].similarity is None
    assert len(most_confused(TRUTHS, LANGUAGES, COUNTS, None, most=1)) == 1


def test_cosines_of_the_installed_vectors_put_relatives_together() -> None:
    cosines = cosines_of((*LANGUAGES, "no language"))
    assert cosines is not None
    assert np.isnan(cosines[4]).all()
    assert np.diag(cosines)[:4] == pytest.approx(1)
    assert cosines[1, 3] > max(cosines[0, 1], cosines[2, 3])
    found = most_confused(TRUTHS, LANGUAGES, COUNTS, cosines[:4, :4])
    assert found[0].similarity == pytest.approx(cosines[1, 3])
    related = relatedness(TRUTHS, LANGUAGES, COUNTS, cosines[:4, :4])
    assert related is not None
    assert related.of_mistakes == pytest.approx((2 * cosines[0, 2] + 8 * cosines[1, 3]) / 10)
    pairs = [cosines[i, j] for i in (0, 1, 3) for j in range(4) if i != j]
    assert related.of_all_pairs == pytest.approx(np.mean(pairs))


def test_mistakes_for_one_of_the_three_relatives_are_counted_by_language() -> None:
    names = ("a", "b", "c", "d", "e", "no vector")
    cosines = np.full((6, 6), np.nan)
    cosines[:5, :5] = 1 - np.abs(np.subtract.outer([0, 1, 2, 3, 10], [0, 1, 2, 3, 10])) / 20
    counts = np.array([[2, 1, 0, 1, 4, 0], [0, 5, 0, 0, 3, 2], [0, 0, 0, 0, 0, 0]])
    related = relatedness(("a", "e", "b"), names, counts[[0, 1, 2]], cosines)
    assert related is not None
    # a: 2 of 8 for b or d, 4 for e, which is no relative; e: 5 of 10 for b, a relative: d, c, b; b was not spoken
    assert related.taken_for_relatives == pytest.approx((2 / 8 + 5 / 10) / 2)


def test_cosines_are_those_of_training(tmp_path: Path) -> None:
    from masr.metadata import language
    from masr.metadata.codebook import Use

    for features in (("syntax_knn",), ("syntax", "inventory")):
        config = language.Config(features=features, rescale=False)
        book = language.tabulate(config, [Use(name) for name in LANGUAGES])
        book.save(tmp_path / "codes", "language")
        import torch

        codes = torch.from_numpy(book.codes)
        theirs = language.build(config, book).similarity(codes, codes).numpy()
        for place in (tmp_path, tmp_path / "codes", tmp_path / "codes" / "language.tsv"):
            assert cosines_of(LANGUAGES, place) == pytest.approx(theirs, abs=1e-5)


def test_without_vectors_there_is_no_cosine(tmp_path: Path) -> None:
    assert cosines_of(("no-1", "no-2")) is None
    Codebook(("eng",), np.ones((1, 3), np.float32)).save(tmp_path, "language")
    assert cosines_of(("no-1", "no-2"), tmp_path) is None
    assert relatedness(("eng",), ("eng", "hin"), np.array([[4, 0]]), np.ones((2, 2))) is None
