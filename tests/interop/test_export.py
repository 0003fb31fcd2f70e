"""`masr export`: what is written whole, what is refused, and by which words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from masr.cli.main import main
from small.exports import CTC, LAYER, WAV2VEC2, MakeRun

pytest.importorskip("transformers")


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["export", *words]) == 2
    return capsys.readouterr().err


def test_an_export_takes_the_place_of_an_earlier_one_and_of_nothing_else(
    make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = str(make_run(LAYER, WAV2VEC2)), tmp_path / "out"
    assert main(["export", run, str(out), "--to", "hf"]) == 0
    (out / "left").write_text("of the first")
    assert main(["export", run, str(out), "--to", "hf"]) == 0
    assert not (out / "left").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("all of it")
    said = refused(capsys, run, str(mine), "--to", "hf")
    assert "is no export" in said and "name another folder" in said
    assert (mine / "thesis.txt").read_text() == "all of it"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "out"]


def test_a_failed_export_leaves_nothing(make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = str(make_run(LAYER, WAV2VEC2))

    def broken(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("masr.interop.native.save_input", broken)
    assert main(["export", run, str(tmp_path / "out"), "--to", "hf"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_weights_are_safetensors_alone_and_no_host_is_told(make_run: MakeRun, tmp_path: Path) -> None:
    import platform

    run, out = make_run(LAYER, CTC), tmp_path / "out"
    assert main(["export", str(run), str(out), "--to", "hf"]) == 0
    names = {path.name for path in out.iterdir()}
    assert not {name for name in names if name.endswith((".bin", ".pt", ".pkl", ".ckpt"))}
    assert {"config.json", "model.safetensors", "preprocessor_config.json", "vocab.json"} <= names
    record = json.loads((out / "masr_export.json").read_text())
    assert record["to"] == "hf"
    text = "".join(path.read_text() for path in out.iterdir() if path.suffix in (".json", ".md"))
    assert str(run) not in text and platform.node() not in text


def test_what_cannot_go_out_is_refused(make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = str(make_run(LAYER, WAV2VEC2)), str(tmp_path / "out")
    assert "masr train" in refused(capsys, str(tmp_path), out, "--to", "hf")
    assert main(["export", run, out, "--to", "hf"]) == 0
    said = refused(capsys, out, str(tmp_path / "again"), "--to", "hf")
    assert "transformers wrote" in said and "copy" in said
    with pytest.raises(SystemExit):
        main(["export", run, out, "--to", "hff"])
    assert "did you mean hf" in capsys.readouterr().err
