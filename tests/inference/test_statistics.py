from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from masr.cli.main import main
from masr.errors import DataError
from masr.inference.statistics import StatisticsOfFeatures, statistics_of
from masr.io.ark import ArchiveWriter, read_matrix
from masr.io.datadir import DataDir, read_table, write_datadir
from reference import slow_statistics


def extract(data: Path, out: Path, *options: str) -> int:
    return main(["extract", "statistics", str(data), str(out), *options])


@pytest.mark.parametrize("count", [1, 2, 50])
def test_they_are_as_defined(count: int) -> None:
    frames = (5 + 3 * np.random.default_rng(count).standard_normal((count, 4))).astype(np.float32)
    np.testing.assert_allclose(statistics_of(frames), slow_statistics.statistics(frames.tolist()), rtol=1e-5, atol=1e-6)


def test_a_single_frame_has_neither_deviation_nor_steps() -> None:
    assert statistics_of(np.array([[2.0, -3.0]], np.float32)).tolist() == [2, -3, 0, 0, 0, 0]


def test_a_folder_of_vectors_like_those_of_encoders(spoken: Path, tmp_path: Path) -> None:
    data = spoken / "data" / "train"
    assert extract(data, tmp_path) == 0
    found, feats = np.load(tmp_path / "embeddings.npy"), read_table(data / "feats.scp")
    folder = DataDir.open(tmp_path)
    assert list(folder.utts) == list(DataDir.open(data).utts)
    assert dict(folder.labels("lang")) == read_table(data / "utt2lang")
    assert found.shape == (32, 3 * 24)
    for place in (0, 31):
        expected = slow_statistics.statistics(read_matrix(feats[folder.utts[place]]).tolist())
        np.testing.assert_allclose(found[place], expected, rtol=1e-4, atol=1e-5)
    assert json.loads((tmp_path / "provenance.json").read_text())["model"] == "statistics"


def test_jobs_are_joined_and_those_of_other_features_are_not(
    spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = spoken / "data" / "dev"
    assert extract(data, tmp_path / "one") == 0
    for job in (["--job", "2/2"], ["--job", "1/2"], ["--merge", "2"]):
        assert extract(data, tmp_path / "two", *job) == 0
    assert {p.name for p in (tmp_path / "one").iterdir()} == {p.name for p in (tmp_path / "two").iterdir()}
    one, two = (np.load(tmp_path / name / "embeddings.npy") for name in ("one", "two"))
    np.testing.assert_array_equal(one, two)
    write_datadir(tmp_path / "data", {name: read_table(data / name) for name in ("wav.scp", "utt2spk")})
    for job, low in (("1/2", "20"), ("2/2", "60")):
        assert main(["features", str(tmp_path / "data"), "--set", f"features.low_hz={low}"]) == 0
        assert extract(tmp_path / "data", tmp_path / "mixed", "--job", job) == 0
    assert extract(tmp_path / "data", tmp_path / "mixed", "--merge", "2") == 2
    assert "job 1 of 2 ran under other options or on other data" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    ["--layer 1", "--layers all", "--pool mean", "--masked", "--mask-share 0.3", "--mask-seed 0", "--device cpu"],
)
def test_options_of_encoders_are_refused_by_name(
    spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert extract(spoken / "data" / "dev", tmp_path / "out", *option.split()) == 2
    assert f"{option.split()[0]} is for an encoder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_run_of_that_name_comes_first(
    spoken: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "statistics").symlink_to(trained)
    monkeypatch.chdir(tmp_path)
    assert extract(spoken / "data" / "dev", tmp_path / "out") == 0
    assert np.load(tmp_path / "out" / "embeddings.npy").shape == (8, 16)


def test_features_that_are_not_there_or_changed_are_refused(tmp_path: Path) -> None:
    utts = {"a": "a", "b": "b"}
    write_datadir(tmp_path, {"utt2spk": utts})
    with pytest.raises(DataError, match=r"no feats\.scp"):
        StatisticsOfFeatures(DataDir.open(tmp_path))
    with ArchiveWriter(tmp_path / "feats.ark") as writer:
        for utt, width in (("a", 3), ("b", 4)):
            writer.append(utt, np.ones((5, width), np.float32))
    tables = {"utt2spk": utts, "feats.scp": writer.rows, "utt2num_frames": dict.fromkeys(utts, "5")}
    write_datadir(tmp_path, tables)
    with pytest.raises(DataError, match=r"features of b are \(5, 4\), not \(5, 3\)"):
        StatisticsOfFeatures(DataDir.open(tmp_path)).run_job(tmp_path / "out", 1, 1)
    write_datadir(tmp_path, tables | {"utt2num_frames": dict.fromkeys(utts, "6")})
    with pytest.raises(DataError, match=r"features of a are \(5, 3\), not \(6, 3\)"):
        StatisticsOfFeatures(DataDir.open(tmp_path)).run_job(tmp_path / "out", 1, 1)


def test_no_torch_is_needed(spoken: Path, tmp_path: Path) -> None:
    words = ["extract", "statistics", str(spoken / "data" / "dev"), str(tmp_path)]
    script = f"import sys; sys.modules['torch'] = None; from masr.cli.main import main; sys.exit(main({words!r}))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_give_no_statistics(tmp_path: Path, value: float) -> None:
    """Other programs write such archives."""
    import kaldiio

    frames = np.ones((5, 3), np.float32)
    frames[2, 1] = value
    kaldiio.save_ark(str(tmp_path / "feats.ark"), {"s-u": frames}, scp=str(tmp_path / "feats.scp"))
    tables = {"utt2spk": {"s-u": "s"}, "feats.scp": read_table(tmp_path / "feats.scp"), "utt2num_frames": {"s-u": "5"}}
    write_datadir(tmp_path / "data", tables)
    assert main(["extract", "statistics", str(tmp_path / "data"), str(tmp_path / "out")]) == 2
    assert not list((tmp_path / "out").rglob("*.npy"))
