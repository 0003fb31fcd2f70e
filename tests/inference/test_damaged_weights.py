"""Weights that are not what was saved, and results that are no numbers: each is said, none is written."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from stat import S_IMODE

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import masr
from masr.cli.main import main
from masr.errors import CheckpointError

CONF = """\
train: "{root}/data/train"
dev: "{root}/data/dev"
init: "{init}"
objective: {{name: lid, pooling: statistics}}
data: {{num_workers: 0}}
batching: {{batch_frames: 1600, max_frames: 60, max_utterances: 16}}
training: {{max_steps: 2, log_every: 2, validate_every: 2, save_every: 2, tensorboard: false}}
"""


@pytest.fixture(scope="module")
def tuned(spoken: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that knows languages, trained while a group was allowed to write."""
    root = tmp_path_factory.mktemp("tuned")
    (root / "lid.yaml").write_text(CONF.format(root=spoken, init=trained), encoding="utf-8")
    before = os.umask(0o002)
    try:
        assert main(["train", str(root / "lid.yaml"), str(root / "run")]) == 0
    finally:
        os.umask(before)
    return root / "run"


@pytest.fixture
def copy(tuned: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tuned, tmp_path / "copy"))


def rewritten(path: Path, change: Callable[[str, Tensor], Tensor]) -> None:
    """Another content by a program that knows nothing of digests."""
    save_file({name: change(name, value).contiguous() for name, value in load_file(path).items()}, path)


def without_digests(folder: Path) -> None:
    """As older releases left a run."""
    (folder / "digests.json").unlink(missing_ok=True)


def spoilt(name: str, value: Tensor) -> Tensor:
    """One value of one matrix is NaN."""
    if name.endswith("attention.out.weight") or name == "cmvn":
        value = value.clone()
        value.view(-1)[0] = torch.nan
    return value


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


def verbs(run: Path | str, data: Path, out: Path) -> list[list[str]]:
    wave = str(next(data.parent.parent.glob("u*.wav")))
    return [
        ["identify", str(run), wave, "--device", "cpu"],
        ["identify", str(run), str(data), "--scores", str(out / "scores.tsv"), "--device", "cpu"],
        ["extract", str(run), str(data), str(out / "vectors"), "--device", "cpu"],
        ["extract", str(run), str(data), str(out / "frames"), "--pool", "none", "--device", "cpu"],
    ]


def refused(
    run: Path | str, data: Path, out: Path, capsys: pytest.CaptureFixture[str], message: str, first: int = 0
) -> None:
    """Every verb ends with 2 and the message, and writes neither a number nor a file."""
    for words in verbs(run, data, out)[first:]:
        assert main(words) == 2, words
        said = capsys.readouterr()
        assert message in said.err and "Traceback" not in said.err, said.err
        assert "nan" not in said.out.lower()
    assert not list(out.glob("scores*")) and not list(out.rglob("*.npy"))


@pytest.mark.parametrize("file", ["model.safetensors", "stats.safetensors"])
@pytest.mark.parametrize("known", [True, False])
def test_nan_weights_give_no_results(
    copy: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, known: bool
) -> None:
    rewritten(copy / file, spoilt)
    if not known:
        without_digests(copy)
    refused(copy, spoken / "data" / "dev", tmp_path, capsys, "is not what was saved" if known else "not finite")


def test_weights_cast_to_int32_are_refused(
    copy: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewritten(copy / "model.safetensors", lambda _, value: value.to(torch.int32))
    without_digests(copy)
    refused(copy, spoken / "data" / "dev", tmp_path, capsys, "is int32, where float32 was trained")


def test_statistics_cast_to_int32_are_refused(
    copy: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewritten(copy / "stats.safetensors", lambda _, value: value.to(torch.int32))
    without_digests(copy)
    refused(copy, spoken / "data" / "dev", tmp_path, capsys, "holds no statistics")


@pytest.mark.parametrize("shape", [(2, 1), (25,), (3, 25)])
def test_statistics_of_another_shape_are_refused(copy: Path, shape: tuple[int, ...]) -> None:
    save_file({"cmvn": torch.ones(shape)}, copy / "stats.safetensors")
    without_digests(copy)
    with pytest.raises(CheckpointError, match="holds no statistics"):
        masr.load(copy, "cpu")


@pytest.mark.parametrize("file", ["model.safetensors", "stats.safetensors"])
def test_one_flipped_bit_of_a_final_model_shows(
    copy: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    flip(copy / file)
    refused(copy, spoken / "data" / "dev", tmp_path, capsys, "is not what was saved")


@pytest.mark.parametrize("file", ["model.safetensors", "record.json"])
def test_one_flipped_bit_of_a_checkpoint_shows_when_it_is_used(
    copy: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    folder = copy / "checkpoints" / "step_000000002"
    if file == "record.json":
        text = (folder / file).read_text()
        place = text.index('"model.safetensors": "') + len('"model.safetensors": "')
        (folder / file).write_text(text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :])
    else:
        flip(folder / file)
    refused(f"{copy}@2", spoken / "data" / "dev", tmp_path, capsys, "is not what was saved")


def test_a_run_that_is_begun_from_damaged_weights_is_refused(
    copy: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewritten(copy / "model.safetensors", spoilt)
    without_digests(copy)
    (tmp_path / "lid.yaml").write_text(CONF.format(root=spoken, init=copy), encoding="utf-8")
    assert main(["train", str(tmp_path / "lid.yaml"), str(tmp_path / "run")]) == 2
    assert "not finite" in capsys.readouterr().err


def test_a_model_of_before_digests_loads_with_a_note(
    tuned: Path, copy: Path, spoken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without_digests(copy)
    wave = str(spoken / "u1.wav")
    outputs = []
    for run in (tuned, copy):
        assert main(["identify", str(run), wave, "--device", "cpu"]) == 0
        outputs.append(capsys.readouterr())
    assert outputs[0].out == outputs[1].out
    assert "digest" not in outputs[0].err
    for file in ("model.safetensors", "stats.safetensors"):
        assert outputs[1].err.count(f"{copy / file}: has no digest") == 1


@pytest.mark.parametrize("text", ["{", "[]", '{"model.safetensors": 3}', "\udcff", "[" * 100_000])
def test_a_list_of_digests_that_is_none_is_refused(copy: Path, text: str) -> None:
    (copy / "digests.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CheckpointError, match=r"digests\.json"):
        masr.load(copy, "cpu")


def test_training_that_is_gone_on_with_writes_the_digest_of_its_new_weights(copy: Path) -> None:
    words = ["train", str(copy / "config.yaml"), str(copy), "--set", "training.max_steps=4"]
    before = json.loads((copy / "digests.json").read_text())
    assert main(words) == 0
    after = json.loads((copy / "digests.json").read_text())
    assert set(before) == set(after) == {"model.safetensors", "stats.safetensors"}
    assert before["model.safetensors"] != after["model.safetensors"]
    masr.load(copy, "cpu")


def test_output_that_is_no_number_is_said_and_not_written(
    copy: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights may be finite and yet so large that what they compute is not."""
    rewritten(copy / "model.safetensors", lambda _, v: torch.full_like(v, 3e38) if v.dim() > 1 else v)
    without_digests(copy)
    refused(copy, spoken / "data" / "dev", tmp_path, capsys, "not a number")
    with pytest.raises(CheckpointError, match="not a number"):
        masr.load(copy, "cpu").encode(np.random.default_rng(0).uniform(-1, 1, 9000), 16000)


def test_weights_mode_follows_the_umask_whatever_library_writes_them(tuned: Path) -> None:
    """A group can share an experiment: files 0664 under umask 002, checkpoints too."""
    files = [path for path in tuned.rglob("*") if path.is_file()]
    assert len([path for path in files if path.suffix == ".safetensors"]) >= 4
    assert {str(path.relative_to(tuned)): oct(S_IMODE(path.stat().st_mode)) for path in files} == {
        str(path.relative_to(tuned)): oct(0o664) for path in files
    }
