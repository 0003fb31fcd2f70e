from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.datadir import write_datadir
from masr.io.figure_file import read_figure
from small.arrays import related_arrays


def test_bounds_of_labels_and_of_a_view(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = related_arrays(tmp_path)
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


def test_held_out_by_speaker_or_another_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Vectors are of the speaker alone; a speaker has one language and one channel, an utterance one room."""
    random, speakers = np.random.default_rng(0), [f"s{n:02d}" for n in range(20)]
    utts = [f"{speaker}-{n}" for speaker in speakers for n in range(4)]
    number = {utt: int(utt[1:3]) for utt in utts}
    data, out = tmp_path / "data", tmp_path / "frames"
    tables = {
        "utt2spk": {u: u[:3] for u in utts},
        "utt2lang": {u: "xy"[number[u] % 2] for u in utts},
        "utt2channel": {u: "mic" if number[u] else "phone" for u in utts},
        "utt2room": {u: u[-1] for u in utts},
    }
    write_datadir(data, tables)
    write_datadir(out, {"utt2spk": tables["utt2spk"]})
    frames = np.repeat(random.standard_normal((20, 64)), 4 * 10, axis=0).astype(np.float32)
    np.save(out / "frames.npy", frames)
    np.save(out / "offsets.npy", np.arange(81) * 10)
    command = ["analyse", "mutual-information", str(out), str(data), "--probe", "logistic", "--labels"]

    def asked(*more: str) -> dict[str, Any]:
        assert main([*command, *more, "--json"]) == 0
        return dict(json.loads(capsys.readouterr().out)["bounds"][0])

    found = asked("lang")
    assert found["held_out"] == {"by": "spk", "train": 16, "held_out": 4, "left_out": []}  # two of the ten of each
    assert found["bounds"][0]["bound"] < 0.2
    assert asked("lang", "--held-out", "0.5")["held_out"]["held_out"] == 10
    by_utterance = asked("lang", "--held-out-by", "utterance")
    assert by_utterance["held_out"]["by"] == "utterance"
    assert by_utterance["bounds"][0]["bound"] > 0.6
    room = asked("lang", "--held-out-by", "room")["held_out"]
    assert (room["by"], room["train"] + room["held_out"]) == ("room", 4)
    speaker = asked("spk")
    assert speaker["held_out"]["by"] == "utterance"
    assert speaker["bounds"][0]["share_of_entropy"] > 0.9
    assert main([*command, "spk", "--held-out-by", "spk"]) == 2
    assert "--held-out-by utterance" in capsys.readouterr().err
    assert main([*command, "channel"]) == 2
    said = capsys.readouterr().err
    assert "one spk alone has each: phone" in said and "--testable-only" in said
    assert main([*command, "channel", "--testable-only"]) == 2
    assert "one class alone can be tested" in capsys.readouterr().err
    assert main([*command, "channel", "--held-out-by", "utterance", "--out", str(tmp_path / "mi")]) == 0
    assert "by utterance" in capsys.readouterr().out
    lines = (tmp_path / "mi" / "mutual_information.tsv").read_text().splitlines()
    assert [line.split("\t")[-1] for line in lines] == ["held_out_by", "utterance"]
    assert main([*command, "lang", "--held-out-by", "county"]) == 2
    assert "utt2county" in capsys.readouterr().err
    np.save(tmp_path / "z.npy", frames)
    np.save(tmp_path / "y.npy", np.repeat(np.arange(20), 40) % 2)
    arrays = ["analyse", "mutual-information", str(tmp_path / "z.npy"), str(tmp_path / "y.npy"), "--held-out-by", "spk"]
    assert main(arrays) == 2
    assert "does not name its utterances" in capsys.readouterr().err
