from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import masr
from masr.cli.main import main
from masr.io.audio import read_audio
from masr.io.datadir import DataDir, read_table


def extract(trained: Path, data: Path, out: Path, *options: str) -> int:
    return main(["extract", str(trained), str(data), str(out), "--device", "cpu", *options])


@pytest.fixture(scope="module")
def data(spoken: Path) -> Path:
    return spoken / "data" / "train"


def test_vectors_are_those_of_load_in_the_order_of_the_directory(data: Path, trained: Path, tmp_path: Path) -> None:
    assert extract(trained, data, tmp_path / "out", "--layer", "1") == 0
    vectors = np.load(tmp_path / "out" / "embeddings.npy", mmap_mode="r")
    folder = DataDir.open(tmp_path / "out")
    assert list(folder.utts) == list(DataDir.open(data).utts)
    waves = [read_audio(path) for path in read_table(data / "wav.scp").values()]
    expected = masr.load(trained, "cpu").embed(waves, 16000, layer=1)
    torch.testing.assert_close(torch.from_numpy(np.array(vectors)), expected, atol=1e-3, rtol=1e-3)
    assert dict(folder.labels("lang")) == read_table(data / "utt2lang")


def test_frames_lie_one_utterance_after_another(data: Path, trained: Path, tmp_path: Path) -> None:
    assert extract(trained, data, tmp_path, "--pool", "none") == 0
    frames, offsets = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("frames", "offsets"))
    assert len(offsets) == 33
    assert offsets[-1] == len(frames)
    model = masr.load(trained, "cpu")
    for place, path in list(enumerate(read_table(data / "wav.scp").values()))[::7]:
        expected = model.encode(read_audio(path), 16000)
        found = torch.from_numpy(np.array(frames[offsets[place] : offsets[place + 1]]))
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("pool", ["mean", "none", "statistics"])
def test_jobs_in_any_order_give_the_same_array(data: Path, trained: Path, tmp_path: Path, pool: str) -> None:
    assert extract(trained, data, tmp_path / "one", "--pool", pool) == 0
    for job in ("3/3", "1/3", "2/3"):
        assert extract(trained, data, tmp_path / "many", "--pool", pool, "--job", job) == 0
    assert extract(trained, data, tmp_path / "many", "--pool", pool, "--merge", "3") == 0
    assert {p.name for p in (tmp_path / "one").iterdir()} == {p.name for p in (tmp_path / "many").iterdir()}
    name = "frames.npy" if pool == "none" else "embeddings.npy"
    one, many = np.load(tmp_path / "one" / name), np.load(tmp_path / "many" / name)
    np.testing.assert_allclose(one, many, atol=1e-5)


def test_jobs_that_are_missing_or_of_other_options_are_not_merged(
    data: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert extract(trained, data, tmp_path, "--job", "1/2") == 0
    assert extract(trained, data, tmp_path, "--merge", "2") == 2
    assert "job 2 of 2 has not ended" in capsys.readouterr().err
    assert extract(trained, data, tmp_path, "--job", "2/2", "--layer", "1") == 0
    assert extract(trained, data, tmp_path, "--merge", "2") == 2
    assert "other options" in capsys.readouterr().err
    assert not (tmp_path / "embeddings.npy").exists()


def test_audio_is_read_where_the_archives_hold_something_else(
    spoken: Path, data: Path, trained: Path, tmp_path: Path
) -> None:
    from masr.io.datadir import write_datadir

    tables = {name: read_table(data / name) for name in ("wav.scp", "utt2spk", "utt2lang")}
    write_datadir(tmp_path / "data", tables)
    assert main(["features", str(tmp_path / "data"), "--set", "features.num_bins=30"]) == 0
    assert extract(trained, tmp_path / "data", tmp_path / "out") == 0
    assert extract(trained, data, tmp_path / "expected") == 0
    found, expected = (np.load(tmp_path / name / "embeddings.npy") for name in ("out", "expected"))
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--job", "0/2"], "--job 0/2"),
        (["--merge", "0"], "--merge 0"),
        (["--layer", "9"], "layer 9"),
    ],
)
def test_what_cannot_be_exits_2(
    data: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert extract(trained, data, tmp_path / "out", *options) == 2
    assert message in capsys.readouterr().err


def test_the_data_directory_itself_is_never_written_over(
    data: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert extract(trained, data, data) == 2
    assert "DATA itself" in capsys.readouterr().err
