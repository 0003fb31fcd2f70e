from __future__ import annotations

import json
from pathlib import Path

import pytest

from masr.cli.main import main

TINY = ["--set", "languages=[hi_in]", "--hours", "0.003", "--nj", "1"]


def test_the_embedded_corpus_is_built_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mini"
    assert main(["corpus", "fleurs", "mini", str(out), *TINY]) == 0
    assert "embedded fleurs" in capsys.readouterr().out
    assert (out / "data" / "hi_in" / "audio" / "train.tar.gz").exists()
    assert "hours: 0.003" in (out / "config.yaml").read_text()
    assert json.loads((out / "provenance.json").read_text())["masr"]
    before = (out / "provenance.json").stat().st_mtime_ns
    assert main(["corpus", "fleurs", "mini", str(out), *TINY]) == 0
    assert "there already" in capsys.readouterr().out
    assert (out / "provenance.json").stat().st_mtime_ns == before


def test_medium_is_a_size_of_fleurs(tmp_path: Path) -> None:
    out = tmp_path / "medium"
    assert main(["corpus", "fleurs", "medium", str(out), *TINY]) == 0
    assert "size: medium" in (out / "config.yaml").read_text()
    assert (out / "metadata.tsv").read_text().split("\n")[0].endswith("\tfamily\tcondition")


def test_another_seed_replaces_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mini"
    main(["corpus", "fleurs", "mini", str(out), *TINY])
    before = (out / "data" / "hi_in" / "dev.tsv").read_bytes()
    assert main(["corpus", "fleurs", "mini", str(out), *TINY, "--seed", "1"]) == 0
    assert "there already" not in capsys.readouterr().out
    assert (out / "data" / "hi_in" / "dev.tsv").read_bytes() != before


def test_what_was_built_passes_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mini"
    main(["corpus", "fleurs", "mini", str(out), *TINY])
    capsys.readouterr()
    assert main(["corpus", "fleurs", str(out)]) == 0
    told = capsys.readouterr().out
    assert "hi_in" in told
    assert "accent" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["flers", "mini", "OUT"], "did you mean fleurs"),
        (["flers", "FOLDER"], "did you mean fleurs"),
        (["fleurs", "mini"], "where to?"),
        (["fleurs", "large", "OUT"], "--hours 10"),
        (["fleurs", "mini", "OUT", "--nj", "0"], "--nj 0"),
        (["fleurs", "mini", "OUT", "--hours", "0"], "above 0"),
        (["fleurs", "mini", "OUT", "--set", "languages=[hi_en]"], "did you mean hi_in"),
        (["fleurs", "mini", "OUT", "--set", "minutes=1"], "unknown key"),
        (["fleurs", "mni", "OUT"], "none of mini, large, medium,"),
        (["dhwani", "medium", "OUT"], "none of mini, large,"),
        (["fleurs", "medium", "OUT", "--set", "min_snr_db=3"], "recording condition"),
        (["fleurs", "FOLDER", "--seed", "0"], "only checked"),
        (["fleurs", "FOLDER"], "does not hold FLEURS"),
    ],
)
def test_what_the_user_can_fix(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [str(tmp_path / argument) if argument.isupper() else argument for argument in arguments]
    assert main(["corpus", *filled]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "OUT").exists()


def test_a_folder_with_other_files_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["corpus", "fleurs", "mini", str(tmp_path), *TINY]) == 2
    assert "not an embedded corpus" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
