from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.datadir import write_datadir
from masr.io.figure import Heatmap
from masr.io.figure_file import read_figure


def saved(path: Path, values: Any) -> str:
    np.save(path, np.asarray(values, dtype=np.float32))
    return str(path)


def folder(path: Path, seed: int = 0) -> Path:
    """Frames of two utterances of each of four recordings in two series, at 50 a second; recordings differ in mean."""
    random = np.random.default_rng(seed)
    utts = [f"s-{series}{n}-{k}" for series in "ab" for n in range(2) for k in range(2)]
    frames, counts = [], []
    for n, _ in enumerate(utts):
        counts.append(150 + 10 * n)
        frames.append(random.standard_normal((counts[-1], 6)) + 3 * np.eye(6)[n // 2])
    write_datadir(
        path,
        {
            "utt2spk": dict.fromkeys(utts, "s"),
            "utt2recording": {utt: utt[2:4] for utt in utts},
            "utt2series": {utt: utt[2] for utt in utts},
            "utt2genre": {utt: "song" if utt[3] == "0" else "tale" for utt in utts},
        },
    )
    saved(path / "frames.npy", np.concatenate(frames))
    np.save(path / "offsets.npy", np.concatenate([[0], np.cumsum(counts)]))
    (path / "provenance.json").write_text(json.dumps({"frame_shift_sec": 0.02, "first_frame_sec": 0.0125}))
    return path


def test_two_arrays_of_snippets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = saved(tmp_path / "A.npy", [[1, 0], [1, 0.1]]), saved(tmp_path / "B.npy", [[0, 1], [0.1, 1], [0.2, 1]])
    assert main(["analyse", "abx", a, b, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["series"][0]
    assert found["recordings"] == ["A", "B"]
    assert found["scores"] == [[None, 1.0], [1.0, None]]
    assert found["num_triplets"] == [[0, 6], [12, 0]]
    assert found["mean"] == {"value": 1.0, "num_pairs": 2, "low": None, "high": None}


def test_arrays_of_frames_are_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    paths = [saved(tmp_path / f"{name}.npy", random.standard_normal((500, 3)) + 1) for name in "abc"]
    assert main(["analyse", "abx", *paths, "--rate", "50", "--snippets", "1,2.5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["series"]
    assert [(one["snippet_sec"], one["num_snippets"]) for one in found] == [(1.0, [10] * 3), (2.5, [4] * 3)]
    assert found[0]["mean"]["low"] is not None


def test_a_folder_by_series_with_tables_and_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames, out = folder(tmp_path / "frames"), tmp_path / "out"
    assert main(["analyse", "abx", str(frames), "--snippets", "1,0.5", "--pairs", "genre", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "other genre" in text and "A and X of the row" in text
    result = json.loads((out / "abx.json").read_text())
    assert [(one["series"], one["snippet_sec"]) for one in result["series"]] == [
        ("a", 1.0), ("a", 0.5), ("b", 1.0), ("b", 0.5),
    ]  # fmt: skip
    assert result["series"][0]["recordings"] == ["a0", "a1"]
    assert result["series"][0]["num_snippets"] == [6, 6]
    assert result["series"][0]["mean"]["value"] > 0.9
    assert result["by_series"]["a"]["0.5s"]["mean"] == result["series"][1]["mean"]
    assert result["by_series"]["b"]["1s"]["split"] == result["series"][2]["split"]
    rows = (out / "abx.a.0_5s.tsv").read_text().splitlines()
    assert rows[1].startswith("a0\ta1\t") and rows[1].split("\t")[4:] == ["1716", "12", "13"]
    figure = read_figure(out / "abx.b.1s.figure.json")
    assert isinstance(figure, Heatmap) and figure.rows == ("b0", "b1") and len(figure.row_tree) == 1


def test_several_ways_of_pooling_are_each_as_if_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames, out = folder(tmp_path / "frames"), tmp_path / "out"
    base = ["analyse", "abx", str(frames), "--snippets", "1,0.5"]
    ways = ["max", "statistics", "soft_max"]
    assert main([*base, *(word for way in ways for word in ("--pool", way)), "--out", str(out)]) == 0
    assert "pooling" in capsys.readouterr().out
    together = json.loads((out / "abx.json").read_text())
    assert list(together["by_pool"]) == together["pool"] == ways
    assert "by_series" not in together
    for way in ways:
        assert main([*base, "--pool", way, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["by_series"] == together["by_pool"][way]
        assert (out / f"abx.b.0_5s.{way}.tsv").is_file()
        assert read_figure(out / f"abx.b.0_5s.{way}.figure.json").title.endswith(way)


def test_other_groups_and_vectors_of_utterances(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = folder(tmp_path / "frames")
    (frames / "utt2series").unlink()
    (frames / ".index").unlink(missing_ok=True)
    assert main(["analyse", "abx", str(frames), "--by", "genre", "--snippets", "whole", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["series"][0]
    assert (found["recordings"], found["num_snippets"], found["snippet_sec"]) == (["song", "tale"], [4, 4], "whole")
    (frames / "frames.npy").unlink()
    saved(frames / "embeddings.npy", np.random.default_rng(0).standard_normal((8, 5)))
    assert main(["analyse", "abx", str(frames), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["series"][0]
    assert found["num_snippets"] == [2, 2, 2, 2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["A.npy"], "nothing to be compared with"),
        (["missing"], "is not there"),
        (["A.npy", "A.npy"], "given twice"),
        (["A.npy", "B.npy", "--snippets", "1"], "--rate 50"),
        (["A.npy", "B.npy", "--by", "lang"], "--by is for one source"),
        (["frames", "--snippets", "0"], "is no length"),
        (["frames", "--snippets", "20"], "no series has two"),
        (["frames", "--pairs", "recordin"], "did you mean recording"),
        (["frames", "--series", "genre"], "leave out --series"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "A.npy", [[1, 0], [1, 0.1]])
    saved(tmp_path / "B.npy", [[1, 0], [1, 0.2]])
    path = folder(tmp_path / "frames")
    if "genre" in arguments:
        write_datadir(path, {"utt2spk": dict.fromkeys(("a", "b"), "s"), "utt2recording": {"a": "r", "b": "r"},
                             "utt2genre": {"a": "x", "b": "y"}})  # fmt: skip
        np.save(path / "offsets.npy", [0, 700, len(np.load(path / "frames.npy"))])
    assert main(["analyse", "abx", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_phones_of_a_data_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    phones = ["a", "b", "c"] * 12
    lines = "\n".join(f"1 {0.1 * n:.2f} 0.1 {phone}" for n, phone in enumerate(phones))
    speakers = ("s0", "s1", "s2")
    write_datadir(
        tmp_path, {"utt2spk": {f"{s}-u": s for s in speakers}, "phones.ctm": {f"{s}-u": lines for s in speakers}}
    )
    centres = np.repeat(np.eye(3)[[ord(p) - 97 for p in phones]], 5, axis=0)
    saved(tmp_path / "frames.npy", np.concatenate([centres + 0.2 * random.standard_normal((180, 3)) for _ in speakers]))
    np.save(tmp_path / "offsets.npy", [0, 180, 360, 540])
    out = tmp_path / "out"
    base = ["analyse", "phone-abx", str(tmp_path), str(tmp_path), "--rate", "50"]
    assert main([*base, "--context", "any", "--out", str(out)]) == 0
    assert "within speakers, any context: error" in capsys.readouterr().out
    found = json.loads((out / "phone_abx.json").read_text())
    assert found["num_items"] == 3 * 34
    for speakers_of, cells in (("within", 18), ("across", 36)):
        one = found["conditions"][speakers_of]
        assert one["num_cells"] == cells and one["error"] < 0.05 and one["low"] <= one["error"] <= one["high"]
    figure = read_figure(out / "phone_abx.across.any.figure.json")
    assert isinstance(figure, Heatmap) and figure.rows == ("a", "b", "c")
    assert (out / "phone_abx.within.any.tsv").read_text().count("\n") == 7
    assert found["borders"] == "middle"
    assert main([*base, "--context", "any", "--borders", "libri-light", "--json", str(tmp_path / "lost.json")]) == 0
    assert "frames as libri-light takes them" in capsys.readouterr().out
    lost = json.loads((tmp_path / "lost.json").read_text())
    assert lost["borders"] == "libri-light"
    # Each phone stands between the same two always: in the same context there is nothing to tell it from.
    assert main(base) == 2
    assert "no triplet" in capsys.readouterr().err
    assert main([*base, "--max-items", "1"]) == 2


def test_windows_of_recordings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = {
        "wav.scp": {"r": "r.wav"},
        "segments": {"s-u": "r 1 2"},
        "utt2spk": {"s-u": "s"},
        "reco2dur": {"r": "33"},
    }
    write_datadir(tmp_path / "in", tables)
    arguments = ["analyse", "recordings", str(tmp_path / "in")]
    assert main([*arguments, str(tmp_path / "out"), "--window", "10"]) == 0
    assert "1 recordings, 4 utterances" in capsys.readouterr().out
    assert main([*arguments, str(tmp_path / "in")]) == 2
