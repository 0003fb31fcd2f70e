from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.figure_file import read_figure
from small.arrays import related_arrays


def test_two_arrays_give_one_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = related_arrays(tmp_path)
    command = ["analyse", "similarity", str(paths["a"]), str(paths["b"])]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["measures"]["linear_cka"]
    x, y = (np.load(paths[name]).astype(np.float64) for name in "ab")
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    expected = np.square(x.T @ y).sum() / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)
    assert found["value"] == pytest.approx(expected, rel=1e-5)
    assert found["num_frames"] == 3000
    every = [f"--measure={name}" for name in ("pwcca", "svcca", "neuron", "rbf_cka", "procrustes", "rbf_cka_unbiased")]
    assert main([*command, *every, "--sample", "500", "--json", str(tmp_path / "s.json")]) == 0
    assert "pwcca  0." in (printed := capsys.readouterr().out)
    assert "the other way" in printed
    measures = json.loads((tmp_path / "s.json").read_text())["measures"]
    assert measures["rbf_cka"]["num_frames"] == 500
    assert len(measures["neuron"]["features"][str(paths["a"])][str(paths["b"])]) == 8


def test_rates_match_frames_by_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = related_arrays(tmp_path)
    command = ["analyse", "similarity", str(paths["a"]), str(paths["half"])]
    assert main(command) == 2
    assert "has 3000 frames" in capsys.readouterr().err
    assert main([*command, "--rate", "100", "--rate", "50"]) == 0
    assert "of 1500 frames" in capsys.readouterr().out
    assert main([*command, "--rate", "100", "--rate", "70"]) == 2
    assert "a rate is wrong" in capsys.readouterr().err
    for rates in (["--rate", "0"], ["--rate", "1", "--rate", "2", "--rate", "3"]):
        assert main([*command, *rates]) == 2


def test_more_give_a_matrix_a_table_and_a_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = related_arrays(tmp_path)
    given = [str(paths[name]) for name in "abc"]
    out = tmp_path / "out"
    measures = ["--measure", "linear_cka", "--measure", "neuron", "--measure", "pwcca"]
    assert main(["analyse", "similarity", *given, *measures, "--out", str(out)]) == 0
    assert "over the others at most" in capsys.readouterr().out
    table = [line.split("\t") for line in (out / "similarity.linear_cka.tsv").read_text().splitlines()]
    values = np.array([[float(cell) for cell in row[1:]] for row in table[1:]])
    np.testing.assert_array_equal(np.diag(values), 1)
    np.testing.assert_array_equal(values, values.T)
    assert values[0, 1] > 10 * values[0, 2]
    figure: Any = read_figure(out / "similarity.pwcca.figure.json")
    assert figure.rows == tuple(given)
    assert figure.values[0, 1] != figure.values[1, 0]
    assert main(["analyse", "similarity", *given[:2], "--against", *given[1:], "--out", str(out)]) == 0
    figure = read_figure(out / "similarity.linear_cka.figure.json")
    assert (figure.rows, figure.columns) == (tuple(given[:2]), tuple(given[1:]))
    np.testing.assert_allclose(figure.values, values[:2, 1:], atol=1e-6)


def test_what_cannot_be_compared_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = related_arrays(tmp_path)
    still = np.load(paths["a"])
    still[:, 3] = 1
    np.save(tmp_path / "still.npy", still)
    np.save(tmp_path / "few.npy", still[:5])
    a = str(paths["a"])
    for given, message in [
        ([a], "nothing to compare"),
        ([a, str(tmp_path / "none.npy")], "not there"),
        ([a, str(tmp_path / "still.npy"), "--measure", "cca"], "1 of 8 features never move: 3"),
        ([str(tmp_path / "few.npy"), str(tmp_path / "few.npy"), "--measure", "svcca", "--drop-constant"], "too few"),
    ]:
        assert main(["analyse", "similarity", *given]) == 2
        assert message in capsys.readouterr().err
    assert main(["analyse", "similarity", a, str(tmp_path / "still.npy"), "--measure", "cca", "--drop-constant"]) == 0


def test_a_trained_encoder_streams_what_it_extracts(
    spoken: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, frames = spoken / "data" / "train", tmp_path / "frames"
    assert main(["extract", str(trained), str(data), str(frames), "--layer", "1", "--pool", "none"]) == 0
    given = [str(frames), f"{trained}:1", str(trained), str(data)]  # the last is log-mel, at four times the rate
    command = ["analyse", "similarity", *given, "--json", str(tmp_path / "s.json")]
    assert main(command) == 2
    assert "--data" in capsys.readouterr().err
    assert main([*command, "--data", str(data)]) == 0
    found = json.loads((tmp_path / "s.json").read_text())["measures"]["linear_cka"]
    values = np.array(found["values"])
    assert values[0, 1] == pytest.approx(1, abs=1e-5)
    assert 0.01 < values[0, 2] < 0.9999
    assert 0.01 < values[0, 3] < 0.9999
    num_frames = len(np.load(frames / "frames.npy"))
    assert num_frames - 32 <= found["num_frames"] <= num_frames
    assert main([*command[:2], str(frames), f"{trained}:7", "--data", str(data)]) == 2
    assert "layers 0 to 2" in capsys.readouterr().err
