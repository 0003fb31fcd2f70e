from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from masr.analysis.similarity.matrix import NamedMatrix, mean_matrix, read_matrix
from masr.errors import AnalysisError

TABLES = Path(__file__).resolve().parents[3] / "egs" / "librispeech" / "tables" / "similarity"
WITHIN = ["apc-*:apc-*", "mpc-*:mpc-*", "cpc-*:cpc-*"]
ACROSS = ["apc-*:mpc-*", "apc-*:cpc-*", "mpc-*:cpc-*"]


@pytest.mark.parametrize(
    ("name", "smallest", "largest"),
    [("lincka_wsj", 0.76, 0.71), ("lincka_timit", 0.76, 0.72), ("svcca_wsj", 0.68, 0.54), ("svcca_timit", 0.69, 0.55)],
)
def test_the_papers_figures_come_out_of_its_matrices(name: str, smallest: float, largest: float) -> None:
    matrix = read_matrix(TABLES / f"{name}.csv")
    within, across = matrix.pairs(WITHIN), matrix.pairs(ACROSS)
    assert (len(within), len(across)) == (6 + 1 + 3, 9 * 8 // 2 - 10)
    assert not set(within) & set(across)
    assert matrix.between(within).min() == pytest.approx(smallest)
    assert matrix.between(across).max() == pytest.approx(largest)


def test_both_directions_of_a_pair_count_once_and_nothing_is_paired_with_itself() -> None:
    matrix = NamedMatrix(("a", "b", "c"), np.array([[1.0, 0.2, 0.3], [0.4, 1.0, 0.5], [0.7, 0.9, 1.0]]))
    assert matrix.pairs(["a:b", "b:a", "*:a"]) == [(0, 1), (0, 2)]
    assert matrix.between([(0, 1), (0, 2)]) == pytest.approx([0.3, 0.5])
    for pattern, said in (("a", "is no pair"), ("a:d", "no two"), ("a:a", "no two")):
        with pytest.raises(AnalysisError, match=said):
            matrix.pairs([pattern])


@pytest.mark.parametrize(
    "text",
    ["", "model\ta\tb\na\t1\t0\n", "model\ta\tb\nb\t1\t0\na\t0\t1\n", "model\ta\tb\na\t1\tx\nb\t0\t1\n",
     "model\ta\tb\na\t1\tnan\nb\t0\t1\n", "model\ta\ta\na\t1\t1\na\t1\t1\n", "model\ta\tb\na\t1\nb\t0\t1\n"],
)  # fmt: skip
def test_what_is_no_matrix_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "m.tsv"
    path.write_text(text)
    with pytest.raises(AnalysisError, match=r"m\.tsv"):
        read_matrix(path)


def test_the_mean_of_seeds_needs_the_same_representations(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.tsv", "two.tsv", "three.tsv")]
    paths[0].write_text("model\ta\tb\na\t1\t0.2\nb\t0.2\t1\n")
    paths[1].write_text("model\ta\tb\na\t1\t0.6\nb\t0.6\t1\n")
    paths[2].write_text("model\ta\tc\na\t1\t0.6\nc\t0.6\t1\n")
    assert mean_matrix(paths[:2]).values[0, 1] == pytest.approx(0.4)
    with pytest.raises(AnalysisError, match="same representations"):
        mean_matrix(paths)


@pytest.mark.parametrize("content", [b"\xff", b"a\t" + b"x" * 200_000 + b"\n", b"\ta\na\t1\xe0"])
def test_a_matrix_that_is_no_text_or_has_an_endless_cell_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.tsv").write_bytes(content)
    with pytest.raises(AnalysisError):
        read_matrix(tmp_path / "m.tsv")
