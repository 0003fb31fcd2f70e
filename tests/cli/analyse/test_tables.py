"""The verbs that stand between analyses and tables: pairs, heatmaps, collect, and names of representations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.figure import Axis, Curve, Curves
from masr.io.figure_file import write_figure


@pytest.fixture
def compared(tmp_path: Path) -> Path:
    """similarity.linear_cka.tsv of three arrays with names."""
    random = np.random.default_rng(0)
    common = random.standard_normal((500, 4))
    files = []
    for name, noise in (("one", 0.1), ("two", 0.5), ("three", 5.0)):
        files.append(str(tmp_path / f"{name}.npy"))
        np.save(files[-1], common + noise * random.standard_normal((500, 4)))
    command = ["analyse", "similarity", *files, "--names", "x-one,x-two", "y-three", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    return tmp_path / "out" / "similarity.linear_cka.tsv"


def test_names_stand_in_the_matrix_and_have_to_be_as_many(compared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compared.read_text().splitlines()[0] == "model\tx-one\tx-two\ty-three"
    arrays = [str(compared.parents[1] / f"{name}.npy") for name in ("one", "two")]
    for names in (["a"], ["a", "a"], ["a,b,c"]):
        assert main(["analyse", "similarity", *arrays, "--names", *names]) == 2
        assert "2 representations" in capsys.readouterr().err


def test_pairs_of_a_matrix(compared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "pairs.json"
    assert main(["analyse", "pairs", str(compared), "--pairs", "x-*:y-*", "--json", str(out)]) == 0
    found = json.loads(out.read_text())["similarity.linear_cka"]
    rows = [line.split("\t") for line in compared.read_text().splitlines()]
    values = [float(rows[1][3]), float(rows[2][3])]
    assert found["count"] == 2
    assert found["mean"] == pytest.approx(sum(values) / 2)
    assert (found["smallest"], found["largest"]) == (min(values), max(values))
    assert set(found["pairs"]) == {"x-one:y-three", "x-two:y-three"}
    assert "of 2 pairs" in capsys.readouterr().out
    assert main(["analyse", "pairs", str(compared), "--pairs", "z:y-three"]) == 2
    assert "no two representations fit" in capsys.readouterr().err


def test_a_picture_of_matrices(compared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "both.svg"
    words = ["--panel", "ours", str(compared), str(compared), "--panel", "again", str(compared)]
    assert main(["analyse", "heatmaps", str(out), *words]) == 0
    assert out.read_text().count('class="item"') == 9 + 9
    assert main(["analyse", "heatmaps", str(out), "--panel", "ours"]) == 2
    assert "has no matrix" in capsys.readouterr().err


def test_figures_of_runs_become_one_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in (("a", 0.5), ("b", 0.25)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"layers": [{"x": 0}, {"x": value}]}))
        lines = [{"step": 1, "dev": {"loss": 9.0}}, {"step": 2, "dev": {"loss": 10 * value}}, {"step": 3}]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = tmp_path / "runs.tsv"
    files = [[str(tmp_path / f"{name}.{kind}") for name in "ab"] for kind in ("json", "jsonl")]
    columns = ["--column", "x", "layers.1.x", *files[0], "--column", "loss", "dev.loss", *files[1]]
    assert main(["analyse", "collect", str(out), "--names", "a,b", *columns]) == 0
    assert out.read_text() == "run\tx\tloss\na\t0.5\t5\nb\t0.25\t2.5\n"
    for wrong, said in (
        (["--column", "x", "layers.2.x", *files[0]], "no finite number at layers.2.x"),
        (["--column", "x", "layers.1.x", files[0][0]], "1 files for 2 runs"),
        (["--column", "x"], "files for 2 runs"),
        (["--column", "x", "layers", *files[0]], "no finite number at layers"),
        (["--column", "x", "v", "no.json", "no.json"], "cannot be read"),
    ):
        assert main(["analyse", "collect", str(out), "--names", "a,b", *wrong]) == 2
        assert said in capsys.readouterr().err


def test_figures_of_one_file_become_one_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed, named = tmp_path / "list.json", tmp_path / "named.json"
    listed.write_text(json.dumps({"bounds": [{"probes": [{"bound": 0.5}]}, {"probes": [{"bound": 0.25}]}]}))
    named.write_text(json.dumps({"kinds": {"layers": {"0": {"value": 3}, "1": {"value": 2}}}}))
    out = tmp_path / "layers.tsv"
    columns = [
        "--column",
        "x",
        "bounds.*.probes.0.bound",
        str(listed),
        "--column",
        "y",
        "kinds.layers.*.value",
        str(named),
    ]
    assert main(["analyse", "collect", str(out), "--names", "0,1", *columns]) == 0
    assert out.read_text() == "run\tx\ty\n0\t0.5\t3\n1\t0.25\t2\n"
    for names, keys, files, said in (
        ("0,1,2", "bounds.*.probes.0.bound", [listed], "has 2 figures for 3 runs"),
        ("0,1", "bounds.*.probes.0.bound", [listed, listed], "of one FILE"),
        ("0,1", "bounds.*.probes.*.bound", [listed], "one * with keys before and after"),
        ("0,1", "bounds.*", [listed], "one * with keys before and after"),
        ("0,1", "nothing.*.bound", [listed], "no list at nothing"),
        ("0,1", "bounds.*.bound", [listed], "no finite number at bounds.0.bound"),
        ("0,1", "bounds.*.bound", [tmp_path / "none.json"], "cannot be read"),
    ):
        words = ["--column", "x", keys, *map(str, files)]
        assert main(["analyse", "collect", str(out), "--names", names, *words]) == 2
        assert said in capsys.readouterr().err


def test_figures_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    for seed in range(2):
        files.append(str(tmp_path / f"{seed}.figure.json"))
        write_figure(Path(files[-1]), Curves("bound", (Curve("apc", [20, 40], [1.0, 2.0 + seed]),), Axis("step")))
    out = tmp_path / "curves.svg"
    assert main(["analyse", "picture", str(out), "--panel", "here", *files, "--panel", "again", files[0]]) == 0
    assert "2 panels" in capsys.readouterr().out
    assert 'aria-label="here; again"' in out.read_text()
    assert main(["analyse", "picture", str(out), "--panel", "here"]) == 2
    assert "has no figure" in capsys.readouterr().err
