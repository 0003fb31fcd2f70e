from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.datadir import DataDir
from masr.io.figure_file import read_figure


@pytest.fixture(scope="module")
def layers(spoken: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train and dev with all layers of the run."""
    root = tmp_path_factory.mktemp("layers")
    for split in ("train", "dev"):
        options = ["--layers", "all", "--device", "cpu"]
        assert main(["extract", str(trained), str(spoken / "data" / split), str(root / split), *options]) == 0
    return root


def test_each_layer_is_what_it_would_be_alone(spoken: Path, trained: Path, layers: Path, tmp_path: Path) -> None:
    assert sorted(path.name for path in (layers / "dev").iterdir()) == ["layer0", "layer1", "layer2"]
    data = str(spoken / "data" / "dev")
    for layer in (0, 2):
        assert main(["extract", str(trained), data, str(tmp_path / str(layer)), "--layer", str(layer)]) == 0
        alone, among = tmp_path / str(layer), layers / "dev" / f"layer{layer}"
        np.testing.assert_allclose(np.load(alone / "embeddings.npy"), np.load(among / "embeddings.npy"), atol=1e-5)
        assert list(DataDir.open(alone).utts) == list(DataDir.open(among).utts)
        assert json.loads((among / "provenance.json").read_text())["layer"] == layer


def test_layers_of_jobs_are_joined_and_say_when_frames_are(spoken: Path, trained: Path, tmp_path: Path) -> None:
    command = ["extract", str(trained), str(spoken / "data" / "dev"), str(tmp_path), "--pool", "none"]
    for job in (["--job", "2/2"], ["--job", "1/2"], ["--merge", "2"]):
        assert main([*command, "--layers", "2,0", *job]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layer0", "layer2"]
    assert main([*command[:3], str(tmp_path / "alone"), "--pool", "none", "--layer", "2"]) == 0
    for name in ("frames.npy", "offsets.npy"):
        alone, among = (np.load(tmp_path / folder / name) for folder in ("alone", "layer2"))
        np.testing.assert_allclose(alone, among, atol=1e-5)
    facts = json.loads((tmp_path / "layer2" / "provenance.json").read_text())
    assert facts["frame_shift_sec"] == pytest.approx(0.04)
    assert 0.01 < facts["first_frame_sec"] < 0.08


def test_table_figures_and_json(layers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyse", "probe", str(layers / "train"), "--test", str(layers / "dev"), "--probe", "logistic", "--sum"]
    out = ["--out", str(tmp_path), "--json", str(tmp_path / "probes.json")]
    assert main([*command, "--kind", "lang", "--kind", "spk", *out]) == 0
    said = capsys.readouterr().out
    assert "lang: utterances: train" in said and "share no speakers" in said and "weights of the sum: 0 " in said
    found = json.loads((tmp_path / "probes.json").read_text())["kinds"]
    assert list(found["lang"]["layers"]) == ["0", "1", "2", "sum"]
    assert sum(found["lang"]["weights_of_sum"].values()) == pytest.approx(1, abs=1e-5)
    one = found["lang"]["layers"]["1"]["probes"]["logistic"]
    assert one["test"]["num"] == 8
    assert one["test"]["interval_over"] == "speakers"
    curves = read_figure(tmp_path / "probe.lang.figure.json")
    assert [curve.name for curve in curves.curves] == ["logistic"]  # type: ignore[union-attr]
    assert curves.x.ticks == ("0", "1", "2", "sum")  # type: ignore[union-attr]
    rows = (tmp_path / "probes.tsv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 4
    assert [row.split("\t")[-1] for row in rows].count("dev") == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--layers", "0,7"], "no layer '7'"),
        (["--kind", "gender"], "utt2gender"),
        (["--kind", "phone"], "needs --dev and --test"),
        (["--kind", "lang", "--probe", "mlp"], "is not probed by mlp"),
        (["--frames", "0"], "--frames"),
        (["--dev", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_exits_2(
    layers: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["analyse", "probe", str(layers / "train"), *options]) == 2
    assert message in capsys.readouterr().err


def test_layers_that_are_none_are_refused(
    spoken: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["extract", str(trained), str(spoken / "data" / "dev"), str(tmp_path)]
    for given, message in (("1,x", "names no layers"), ("0,9", "layer 9")):
        assert main([*command, "--layers", given]) == 2
        assert message in capsys.readouterr().err
