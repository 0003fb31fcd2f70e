from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import masr
from masr.errors import AudioError, CheckpointError, MasrError, UsageError
from masr.io.audio import read_audio


def waves() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [(0.1 * random.standard_normal(size)).astype(np.float32) for size in (9000, 16000, 4000)]


def test_import_is_light_and_load_is_there() -> None:
    code = "import sys, masr; assert 'torch' not in sys.modules; print(callable(masr.load))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True\n"
    with pytest.raises(AttributeError, match="lode"):
        masr.lode  # noqa: B018


@pytest.mark.parametrize("layer", [None, 0, 1, 2])
def test_a_waveform_alone_is_what_it_is_in_a_list(trained: Path, layer: int | None) -> None:
    model = masr.load(trained, "cpu")
    together = model.encode(waves(), 16000, layer=layer)
    vectors = model.embed(waves(), 16000, layer=layer)
    assert vectors.shape == (3, 16)
    for wave, frames, vector in zip(waves(), together, vectors, strict=True):
        alone = model.encode(wave, 16000, layer=layer)
        assert alone.shape == frames.shape
        torch.testing.assert_close(alone, frames, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(vector, alone.mean(dim=0), atol=1e-5, rtol=1e-5)


def test_layers_and_poolings_differ(trained: Path) -> None:
    model = masr.load(trained, "cpu")
    wave = waves()[0]
    found = [model.embed(wave, 16000, layer=layer) for layer in (None, 0, 1, 2)]
    assert len({tuple(vector.tolist()) for vector in found}) == 4
    assert model.embed(wave, 16000, pooling="statistics").shape == (32,)


def test_kinds_of_input_agree(trained: Path) -> None:
    model = masr.load(trained, "cpu")
    wave = np.round(waves()[0] * 32768).clip(-32768, 32767) / 32768
    expected = model.embed(wave.astype(np.float32), 16000)
    for other in (wave, torch.from_numpy(wave), (wave * 32768).astype(np.int16)):
        torch.testing.assert_close(model.embed(other, rate=16000), expected)
    import soxr

    slow = soxr.resample(wave.astype(np.float32), 16000, 8000)
    again = soxr.resample(slow, 8000, 16000)
    torch.testing.assert_close(model.embed(slow, 8000, resample=True), model.embed(again, 16000))


def test_input_is_normalised_as_in_training(spoken: Path, trained: Path) -> None:
    """By the run's own statistics: frames of the archives through the encoder give the same."""
    from masr.data.dataset import global_stats
    from masr.features.cmvn import normalise
    from masr.io.ark import read_matrix
    from masr.io.datadir import DataDir

    data = DataDir.open(spoken / "data" / "train")
    model = masr.load(trained, "cpu")
    frames = torch.from_numpy(read_matrix(data.table("feats.scp").at(3)))[None]
    lengths = torch.tensor([frames.shape[1]])
    ready = normalise(frames, lengths, torch.from_numpy(global_stats(data)), norm_vars=True)
    with torch.inference_mode():
        expected = model.encoder(ready, lengths).frames[0]
    torch.testing.assert_close(
        model.encode(read_audio(data.table("wav.scp").at(3)), 16000), expected, atol=1e-3, rtol=1e-3
    )


def test_the_folder_alone_is_enough(trained: Path, tmp_path: Path) -> None:
    for name in ("config.yaml", "model.safetensors", "stats.safetensors"):
        shutil.copy(trained / name, tmp_path / name)
    assert torch.equal(masr.load(tmp_path).embed(waves(), 16000), masr.load(trained).embed(waves(), 16000))


@pytest.mark.parametrize("name", ["config.yaml", "model.safetensors", "stats.safetensors"])
def test_a_folder_without_a_file_is_an_error_with_a_fix(trained: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=str(name)) as caught:
        masr.load(folder)
    assert caught.value.fix


def test_damaged_or_foreign_weights_are_refused(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="is not what was saved"):
        masr.load(folder)
    (folder / "digests.json").unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        masr.load(folder)
    shutil.copy(trained / "model.safetensors", path)
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("  dim: 16\n", "  dim: 32\n"))
    with pytest.raises(CheckpointError, match=r"does not fit the encoder of config\.yaml"):
        masr.load(folder)


@pytest.mark.parametrize(
    ("wave", "options", "error", "message"),
    [
        (np.zeros(300, np.float32), {}, AudioError, "too short"),
        (np.zeros((2, 9000), np.float32), {}, AudioError, "shape"),
        (np.zeros(9000, np.int64), {}, AudioError, "int64"),
        (np.full(9000, np.nan), {}, AudioError, "NaN"),
        (np.ones(9000), {"layer": 3}, UsageError, "layer 3"),
        (np.ones(9000), {"layer": -1}, UsageError, "layer -1"),
        (np.ones(9000), {"pooling": "max"}, UsageError, "max"),
        ([], {}, UsageError, "no waveform"),
    ],
)
def test_bad_input_says_what_is_wrong(
    trained: Path, wave: np.ndarray, options: dict, error: type[MasrError], message: str
) -> None:
    with pytest.raises(error, match=message):
        masr.load(trained, "cpu").embed(wave, rate=16000, **options)
