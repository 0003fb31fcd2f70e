from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.datadir import write_datadir
from masr.io.figure_file import read_figure


def arrays(folder: Path, seed: int = 0) -> dict[str, Path]:
    """Three related representations, one at half the rate, and labels."""
    random = np.random.default_rng(seed)
    labels = np.repeat(random.integers(0, 4, 600), 5)
    common = np.eye(4)[labels] @ random.standard_normal((4, 8)) + 0.5 * random.standard_normal((3000, 8))
    made = {
        "a": common,
        "b": common @ random.standard_normal((8, 6)) + random.standard_normal((3000, 6)),
        "c": random.standard_normal((3000, 5)),
        "half": common[0::2] + common[1::2],
    }
    paths = {name: folder / f"{name}.npy" for name in [*made, "y"]}
    for name, values in made.items():
        np.save(paths[name], values.astype(np.float32))
    np.save(paths["y"], labels)
    return paths


def test_two_arrays_give_one_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = arrays(tmp_path)
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
    paths = arrays(tmp_path)
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
    paths = arrays(tmp_path)
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
    paths = arrays(tmp_path)
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


def test_bounds_of_labels_and_of_a_view(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = arrays(tmp_path)
    a, b, c, y = (str(paths[name]) for name in "abcy")
    out = tmp_path / "out"
    command = ["analyse", "mutual-information", a, b, c, y, "--probe", "logistic", "--estimate", "plug-in"]
    assert main([*command, "--out", str(out), "--json", str(tmp_path / "mi.json")]) == 0
    assert "highest bound: " + a in capsys.readouterr().out
    rows = json.loads((tmp_path / "mi.json").read_text())["bounds"]
    values = [row["bounds"][0]["bound"] for row in rows]
    assert values[0] > values[1] > 0.3 > values[2]
    one = rows[0]["bounds"][0]
    assert one["bits"]["bound"] == pytest.approx(one["bound"] / np.log(2))
    assert one["ceiling"] == pytest.approx(np.log(4))
    assert rows[0]["estimates"]["plug-in"] > rows[2]["estimates"]["plug-in"]
    figure: Any = read_figure(out / "mutual_information.figure.json")
    assert figure.x.ticks == (a, b, c)
    assert len((out / "mutual_information.tsv").read_text().splitlines()) == 4
    view = ["analyse", "mutual-information", a, b, "--clusters", "3", "--clusters", "6", "--probe", "logistic"]
    assert main([*view, "--out", str(out)]) == 0
    assert "6 clusters" in capsys.readouterr().out
    figure = read_figure(out / "mutual_information.figure.json")
    assert figure.curves[0].x.tolist() == [3, 6]
    assert main(["analyse", "mutual-information", a, c, "--views", b, a, c]) == 2
    assert "do not go together" in capsys.readouterr().err


def test_a_mask_and_the_future(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 4000)
    z = np.roll(np.eye(3)[y], -2, axis=0) + 0.1 * random.standard_normal((4000, 3))  # frame t knows label t + 2
    mask = np.arange(4000) % 2 == 0
    z[~mask] = 0
    for name, values in {"z": z.astype(np.float32), "y": y, "mask": mask}.items():
        np.save(tmp_path / f"{name}.npy", values)
    command = ["analyse", "mutual-information", str(tmp_path / "z.npy"), str(tmp_path / "y.npy"), "--probe", "logistic"]
    bounds = {}
    for name, more in {
        "now": [],
        "future": ["--future", "2"],
        "masked": ["--future", "2", "--mask", str(tmp_path / "mask.npy")],
    }.items():
        assert main([*command, *more, "--json"]) == 0
        bounds[name] = json.loads(capsys.readouterr().out)["bounds"][0]["bounds"][0]["bound"]
    assert bounds["now"] < 0.02
    assert 0.4 < bounds["future"] < 0.7
    assert bounds["masked"] > 1.0


def test_phones_and_kinds_of_a_data_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random, utts = np.random.default_rng(0), [f"u{i:02d}" for i in range(12)]
    counts, frames, ctm = [], [], []
    for utt in utts:
        phones = random.integers(0, 3, 20)
        # 5 frames of 20 ms each; the middle of frame n is at 0.01 + 0.02 n
        ctm += [f"{utt} 1 {0.1 * k:.2f} 0.10 {'abc'[p]}" for k, p in enumerate(phones)]
        frames.append(np.eye(3)[np.repeat(phones, 5)] + 0.1 * random.standard_normal((100, 3)))
        counts.append(100)
    data, out = tmp_path / "data", tmp_path / "frames"
    tables = {"utt2spk": {u: u for u in utts}, "utt2lang": {u: "xy"[i % 2] for i, u in enumerate(utts)}}
    write_datadir(data, tables)
    (data / "phones.ctm").write_text("\n".join(ctm) + "\n")
    write_datadir(out, {"utt2spk": tables["utt2spk"]})
    np.save(out / "frames.npy", np.concatenate(frames).astype(np.float32))
    np.save(out / "offsets.npy", np.cumsum([0, *counts]))
    command = ["analyse", "mutual-information", str(out), str(data), "--probe", "logistic", "--labels"]
    assert main([*command, "phones"]) == 2
    assert "--rate" in capsys.readouterr().err
    assert main([*command, "phones", "--rate", "50", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["bounds"][0]["bounds"][0]
    assert found["bound"] > 0.95 * found["entropy"] > 1
    assert main([*command, "lang", "--held-out", "0.5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bounds"][0]["bounds"][0]["bound"] < 0.1
    assert main([*command, "phonez"]) == 2
    assert "did you mean phones?" in capsys.readouterr().err


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
