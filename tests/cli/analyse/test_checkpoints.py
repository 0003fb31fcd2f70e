"""Checkpoints as models of every verb, all of a run side by side, and the masked pass of models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import masr
from masr.cli.main import main
from masr.io.datadir import DataDir, write_datadir
from masr.io.figure_file import read_figure


@pytest.fixture(scope="module")
def aligned(spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The data directories with two phones by turns."""
    root, found = tmp_path_factory.mktemp("aligned"), {}
    for split in ("train", "dev"):
        data = DataDir.open(spoken / "data" / split)
        tables = {name: dict(data.table(name)) for name in data.tables() if name != "spk2utt"}
        tables["phones.ctm"] = {
            utt: "\n".join(f"1 {0.1 * n:.2f} 0.10 {'ab'[n % 2]}" for n in range(6)) for utt in data.utts
        }
        write_datadir(root / split, tables)
        found[split] = root / split
    return found


def encoder_of(path: Path) -> dict[str, torch.Tensor]:
    return {n.split("encoder.", 1)[1]: v for n, v in load_file(path).items() if "encoder." in n}


def test_a_checkpoint_is_loaded_with_its_own_weights_or_their_running_averages(trained: Path, tmp_path: Path) -> None:
    last = trained / "checkpoints" / "step_000000004"
    expected = encoder_of(last / "model.safetensors")
    for name in (f"{trained}@4", last):
        found = masr.load(name, "cpu").encoder.state_dict()
        assert all(torch.equal(found[key], value) for key, value in expected.items()) and expected
    early, final = (masr.load(name, "cpu").encoder.state_dict() for name in (f"{trained}@2", trained))
    assert any(not torch.equal(early[key], value) for key, value in expected.items())
    assert all(torch.equal(final[key], value) for key, value in expected.items())
    copy = tmp_path / "run"
    shutil.copytree(trained, copy)
    stored = load_file(last / "model.safetensors")
    chosen = sorted(name for name, value in stored.items() if "encoder." in name and value.is_floating_point())[::2]
    save_file({n: stored[n] + 1 for n in chosen}, copy / "checkpoints" / last.name / "average.safetensors")
    found = masr.load(f"{copy}@4", "cpu").encoder.state_dict()
    moved = {name.split("encoder.", 1)[1] for name in chosen}
    assert moved and moved < set(expected)
    assert all(torch.equal(found[key], value + (key in moved)) for key, value in expected.items())


def test_every_verb_takes_a_checkpoint(
    trained: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(spoken / "data" / "dev")
    for model, out in ((f"{trained}@4", "last"), (f"{trained}@2", "early")):
        assert main(["extract", model, data, str(tmp_path / out), "--pool", "none"]) == 0
    last, early = (np.load(tmp_path / out / "frames.npy") for out in ("last", "early"))
    assert last.shape == early.shape and not np.allclose(last, early, atol=1e-4)
    wave = np.random.default_rng(0).standard_normal(8000).astype(np.float32) / 10
    folder = trained / "checkpoints" / "step_000000002"
    assert torch.equal(
        masr.load(f"{trained}@2", "cpu").encode(wave, 16000), masr.load(folder, "cpu").encode(wave, 16000)
    )
    again = ["--set", f"init={trained}@2", "--set", "training.max_steps=2"]
    assert main(["train", str(spoken / "run.yaml"), str(tmp_path / "again"), *again]) == 0
    words = [f"{trained}@2:1", f"{trained}@4:1", "--data", data, "--measure", "linear_cka"]
    assert main(["analyse", "similarity", *words]) == 0
    assert main(["extract", f"{trained}@3", data, str(tmp_path / "none")]) == 2
    assert "no checkpoint of step 3; it has 2, 4" in capsys.readouterr().err


def bounds(out: Path, *words: str) -> list[dict[str, Any]]:
    command = ["analyse", "mutual-information", *words, "--probe", "logistic", "--frames", "400"]
    assert main([*command, "--json", str(out / "bounds.json"), "--out", str(out)]) == 0
    found: list[dict[str, Any]] = json.loads((out / "bounds.json").read_text())["bounds"]
    return found


def test_bounds_over_all_checkpoints_and_over_all_layers(trained: Path, spoken: Path, tmp_path: Path) -> None:
    data = str(spoken / "data" / "train")
    rest = [data, "--data", data, "--labels", "lang"]
    found = bounds(tmp_path / "steps", f"{trained}@all", *rest)
    assert [row["representation"] for row in found] == [f"{trained}@2", f"{trained}@4"]
    figure: Any = read_figure(tmp_path / "steps" / "mutual_information.figure.json")
    assert (figure.x.name, figure.curves[0].x.tolist()) == ("step", [2, 4])
    assert figure.curves[0].y.tolist() == pytest.approx([row["bounds"][0]["bound"] for row in found])
    alone = bounds(tmp_path / "one", f"{trained}@2", *rest)
    assert alone[0]["bounds"] == found[0]["bounds"]
    found = bounds(tmp_path / "layers", f"{trained}@2:all", *rest)
    assert [row["representation"] for row in found] == [f"{trained}@2:{n}" for n in range(3)]
    figure = read_figure(tmp_path / "layers" / "mutual_information.figure.json")
    assert (figure.x.name, figure.curves[0].x.tolist()) == ("layer", [0, 1, 2])


def test_a_masked_pass_is_what_extraction_writes_for_every_share_and_number_of_clusters(
    trained: Path, spoken: Path, tmp_path: Path
) -> None:
    data = str(spoken / "data" / "train")
    grid = ["--mask-share", "0.2", "--mask-share", "0.5", "--clusters", "4", "--clusters", "6"]
    found = bounds(tmp_path / "grid", f"{trained}:1", "--data", data, "--masked", "--mask-span", "3", *grid)
    assert [(row["mask_share"], row["clusters"]) for row in found] == [(0.2, 4), (0.2, 6), (0.5, 4), (0.5, 6)]
    masked = ["--masked", "--mask-share", "0.5", "--mask-span", "3"]
    for out, options in (("clear", []), ("hidden", masked)):
        assert (
            main(["extract", str(trained), data, str(tmp_path / out), "--layer", "1", "--pool", "none", *options]) == 0
        )
    places = [str(tmp_path / "hidden"), str(tmp_path / "clear"), "--mask", str(tmp_path / "hidden" / "mask.npy")]
    (expected,) = bounds(tmp_path / "slow", *places, "--clusters", "6")
    assert found[3]["bounds"][0]["frames"] == expected["bounds"][0]["frames"]
    for name in ("entropy", "cross_entropy"):
        assert found[3]["bounds"][0][name] == pytest.approx(expected["bounds"][0][name], abs=1e-2)
    figure: Any = read_figure(tmp_path / "grid" / "mutual_information.figure.json")
    assert figure.x.name == "share of frames that are masked"
    assert [curve.name for curve in figure.curves] == ["logistic, 4 clusters", "logistic, 6 clusters"]
    assert figure.curves[0].x.tolist() == [0.2, 0.5]
    lines = (tmp_path / "grid" / "mutual_information.tsv").read_text().splitlines()
    assert lines[0].split("\t")[:3] == ["representation", "mask_share", "clusters"]
    assert lines[4].split("\t")[:3] == [f"{trained}:1", "0.5", "6"]


def test_what_does_not_go_with_a_masked_pass_is_refused(
    trained: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(spoken / "data" / "dev")
    np.save(tmp_path / "z.npy", np.zeros((20, 2)))
    for words, said in (
        ([str(trained), "--masked", "--labels", "lang"], "--labels and --masked do not go together"),
        ([str(tmp_path / "z.npy"), "--masked"], "is none"),
        ([str(trained), "--masked", "--mask-share", "2"], "what is to be masked"),
        ([str(trained), data, "--mask-share", "0.2"], "belong to --masked"),
        ([f"{trained}@all:9", data, "--labels", "lang"], "layers 0 to 2"),
    ):
        assert main(["analyse", "mutual-information", *words, "--data", data]) == 2
        assert said in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["analyse", "mutual-information", f"{tmp_path / 'empty'}@all", data, "--data", data]) == 2
    assert "has no checkpoints" in capsys.readouterr().err


def test_checkpoints_side_by_side(
    trained: Path, aligned: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, dev = (str(aligned[split]) for split in ("train", "dev"))
    options = ["--data", train, "--labels", "lang", "--clusters", "4", "--probe", train, dev, dev, "--frames", "400"]
    out = tmp_path / "out"
    assert main(["analyse", "checkpoints", str(trained), "--names", "run", *options, "--json", str(out / "c.json"),
                 "--out", str(out)]) == 0  # fmt: skip
    printed = capsys.readouterr().out
    assert "run: least loss at step" in printed and "2 points have no correlation" in printed
    found = json.loads((out / "c.json").read_text())["checkpoints"]
    metrics = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    losses = {line["step"]: line["loss"] for line in metrics if line["split"] == "dev"}
    assert {one["step"]: one["loss"]["value"] for one in found} == losses
    for one in found:
        assert one["view"]["low"] <= one["view"]["value"] + 1 and 0 <= one["accuracy"]["value"] <= 1
    (expected,) = bounds(tmp_path / "one", f"{trained}@2", train, "--data", train, "--labels", "lang")
    assert found[0]["labels"]["value"] == pytest.approx(expected["bounds"][0]["bound"], abs=1e-2)
    (expected,) = bounds(tmp_path / "two", f"{trained}@2", "--data", train, "--masked", "--clusters", "4")
    assert found[0]["view"]["value"] == pytest.approx(expected["bounds"][0]["bound"], abs=1e-2)
    for role, folder in (("learn", train), ("heard", dev)):
        assert main(["extract", f"{trained}@2", folder, str(tmp_path / role), "--pool", "none"]) == 0
    words = [
        "--dev",
        str(tmp_path / "heard"),
        "--test",
        str(tmp_path / "heard"),
        "--kind",
        "phone",
        "--probe",
        "linear",
    ]
    assert main(["analyse", "probe", str(tmp_path / "learn"), *words, "--frames", "400", "--json", str(out / "p")]) == 0
    best = json.loads((out / "p").read_text())["kinds"]["phone"]["best"]["test"]["accuracy"]["value"]
    assert found[0]["accuracy"]["value"] == pytest.approx(best)
    names = {path.name for path in out.glob("*.figure.json")}
    assert names == {f"checkpoints.{stem}.figure.json" for stem in (
        "loss", "labels", "view", "accuracy", "loss.accuracy", "labels.accuracy", "view.accuracy")}  # fmt: skip
    assert len((out / "checkpoints.tsv").read_text().splitlines()) == 3


def test_losses_alone_need_no_speech_and_names_are_checked(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyse", "checkpoints", str(trained), "--json"]) == 0
    assert [set(one) for one in json.loads(capsys.readouterr().out)["checkpoints"]] == [{"run", "step", "loss"}] * 2
    for words, said in (
        ([str(trained), str(trained)], "2 names for 2 runs"),
        ([str(trained), "--names", "all"], "1 names for 1 runs"),
        ([str(trained), "--metric", "los"], "no validation has a figure 'los'"),
        ([str(tmp_path)], "cannot be read"),
    ):
        assert main(["analyse", "checkpoints", *words]) == 2
        assert said in capsys.readouterr().err
