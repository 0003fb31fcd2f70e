"""`masr confidence` as its users call it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.ark import read_array
from masr.io.datadir import read_table

CONF = """\
train: "{root}/data/train"
dev: null
codes: "{root}/exp/units"
encoder: {{num_bins: 24, dim: 16, num_layers: 1, num_heads: 2, feed_forward_dim: 32}}
init: null
objective: {{name: ctc}}
data: {{num_workers: 0}}
batching: {{batch_frames: 1600, max_frames: 200}}
training: {{max_steps: 2, tensorboard: false}}
"""


@pytest.fixture(scope="module")
def listener(spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("listener")
    (out / "ctc.yaml").write_text(CONF.format(root=spoken), encoding="utf-8")
    assert main(["train", str(out / "ctc.yaml"), str(out / "run")]) == 0
    return out / "run"


@pytest.fixture
def data(spoken: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(spoken / "data" / "dev", tmp_path / "dev"))


def values(folder: Path) -> np.ndarray:
    return np.concatenate([read_array(entry) for entry in read_table(folder / "confidence.scp").values()])


def test_a_directory_gets_its_confidences_and_says_so(
    listener: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["confidence", str(listener), str(data)]) == 0
    found = values(data)
    said = capsys.readouterr().out
    assert f"8 utterances, {len(found)} frames of 40 ms, mean confidence {found.mean():.3f}" in said
    facts = json.loads((data / "confidence.json").read_text())
    assert facts["frame_shift_sec"] == 0.04 and facts["scorer"] == str(listener) and facts["num_frames"] == len(found)
    assert main(["data", "validate", str(data)]) == 0
    assert main(["confidence", str(listener), str(data)]) == 0
    assert "all of it is there" in capsys.readouterr().out


def test_jobs_measures_and_a_folder_of_its_own(listener: Path, data: Path, tmp_path: Path) -> None:
    command = ["confidence", str(listener), str(data), str(tmp_path / "out"), "--measure", "entropy"]
    for part in ("2/2", "1/2"):
        assert main([*command, "--job", part]) == 0
    assert main([*command, "--merge", "2"]) == 0
    assert not (data / "confidence.scp").exists()
    assert main(["confidence", str(listener), str(data)]) == 0
    assert not np.allclose(values(data), values(tmp_path / "out"))


def test_the_encoder_that_is_to_be_trained_is_compared(
    listener: Path, data: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["confidence", str(listener), str(data), "--encoder"]
    assert main([*command, str(spoken / "run.yaml")]) == 0
    (tmp_path / "fast.yaml").write_text("encoder: {num_bins: 24, subsampling: 2}\n")
    assert main([*command, str(tmp_path / "fast.yaml")]) == 2
    assert "every 40 ms, and the encoder makes a frame every 20 ms" in capsys.readouterr().err


def test_what_cannot_be_scored_is_one_block(
    listener: Path, trained: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["confidence", str(trained), str(data)]) == 2
    assert "objective is best_rq, which learnt no units" in capsys.readouterr().err
    assert main(["confidence", str(tmp_path / "nowhere"), str(data)]) == 2
    assert "is not the folder of a run" in capsys.readouterr().err
    assert main(["features", str(data), "--set", "features.num_bins=24", "--set", "features.low_hz=50"]) == 0
    assert main(["confidence", str(listener), str(data)]) == 2
    assert "other features than the scorer was trained on" in capsys.readouterr().err
    (data / "feats.scp").unlink()
    (data / "utt2num_frames").unlink()
    assert main(["confidence", str(listener), str(data)]) == 2
    assert "has no features" in capsys.readouterr().err
