"""`masr score wer` as its user meets it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from masr.cli.main import main
from masr.io.datadir import write_datadir

REFS = {"a-1": "the cat sat", "a-2": "on the mat", "b-1": "hello world", "b-2": ""}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_datadir(
        tmp_path / "data",
        {
            "utt2spk": {utt: utt[0] for utt in REFS},
            "utt2condition": {"a-1": "clean", "a-2": "noisy", "b-1": "clean", "b-2": "noisy"},
            "text": REFS,
        },
    )
    (tmp_path / "one").write_text("a-1 the cat sit\na-2 on mat\nb-1 hello world\nb-2 oh\n")
    (tmp_path / "two").write_text("a-1 the Cat sat\na-2 on the mat\nb-1 hello word\nb-2\n")
    return tmp_path


def test_figures_in_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["score", "wer", "--ref", str(place / "data"), "--hyp", str(place / "one")]
    options = ["--cer", "--by", "condition", "--against", str(place / "two"), "--json", str(place / "wer.json")]
    assert main([*command, *options]) == 0
    found = json.loads((place / "wer.json").read_text())
    words = found["words"]
    assert [words[f"num_{kind}"] for kind in ("ref", "substituted", "deleted", "inserted")] == [8, 1, 1, 1]
    assert words["rates"]["error"]["value"] == pytest.approx(3 / 8)
    assert words["speakers"]["b"]["rates"]["error"]["value"] == pytest.approx(1 / 2)
    assert words["groups"]["condition"]["noisy"]["num_inserted"] == 1
    assert found["characters"]["num_ref"] == 32
    assert found["empty_references"] == {"count": 1, "utts": ["b-2"]}
    assert found["interval"]["over"] == "speakers"
    assert found["against"]["differences"]["words"]["second"] == pytest.approx(2 / 8)
    assert found["against"]["matched"]["num_segments"] == 4
    said = capsys.readouterr().out
    assert "95 % intervals over 2 speakers" in said and "1 references have no word" in said
    assert "matched pairs over 4 segments" in said and re.search(r"│ b +│ +2 │ +2 │ +50\.00 │", said)


def test_languages_that_pretraining_heard_are_scored_apart(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["score", "wer", "--ref", f"{place}/data", "--hyp", f"{place}/one", "--json", f"{place}/j", "--seen"]
    assert main([*command, "eng,hin"]) == 2
    assert "has no utt2lang" in capsys.readouterr().err
    (place / "data" / "utt2lang").write_text("a-1 eng\na-2 nob\nb-1 hin\n")
    write_datadir(place / "pretrain", {"utt2spk": {"x": "x", "y": "y"}, "utt2lang": {"x": "eng", "y": "hin"}})
    for seen in ("eng,hin", str(place / "pretrain")):
        assert main([*command, seen]) == 0
        found = json.loads((place / "j").read_text())["words"]["groups"]["pretraining"]
        assert {name: part["num_utts"] for name, part in found.items()} == {"seen": 2, "unseen": 1, "unknown": 1}
        assert found["unseen"]["rates"]["error"]["value"] == pytest.approx(1 / 3)


def test_the_score_does_not_depend_on_the_order_of_lines(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (place / "one").read_text().splitlines()
    (place / "turned").write_text("\n".join(reversed(lines)) + "\n")
    results = []
    for name in ("one", "turned"):
        assert (
            main(["score", "wer", "--ref", str(place / "data"), "--hyp", str(place / name), "--json", f"{place}/j"])
            == 0
        )
        results.append({**json.loads((place / "j").read_text()), "hypothesis": ""})
    assert results[0] == results[1]


def test_files_for_sclite(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = place / "sclite"
    assert (
        main(["score", "wer", "--ref", f"{place}/data/text", "--hyp", f"{place}/two", "--lower", "--out", str(out)])
        == 0
    )
    assert sorted(path.name for path in out.iterdir()) == ["hyp.trn", "ref.trn"]
    assert (out / "hyp.trn").read_text().splitlines()[0] == "the cat sat (a-a-1)"
    assert (out / "ref.trn").read_text().splitlines()[2] == "hello world (b-b-1)"


def test_without_speakers_utterances_are_drawn_and_it_is_said(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "ref").write_text((place / "data" / "text").read_text())
    assert main(["score", "wer", "--ref", f"{place}/ref", "--hyp", f"{place}/one"]) == 0
    assert "over 4 utterances: speakers are not known" in capsys.readouterr().out


def test_equal_costs_and_missing_utterances(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "part").write_text("a-1 cat sat x\nc-1 y\n")
    command = ["score", "wer", "--ref", f"{place}/data", "--hyp", f"{place}/part", "--json", f"{place}/j"]
    assert main(command) == 2
    assert "lacks 3 of 4 utterances" in capsys.readouterr().err
    assert main([*command, "--missing", "delete", "--rule", "equal"]) == 0
    found = json.loads((place / "j").read_text())
    assert (found["words"]["num_deleted"], found["words"]["num_inserted"]) == (6, 1)
    assert found["without_reference"] == {"count": 1, "utts": ["c-1"]}
    assert found["without_hypothesis"]["taken_as"] == "nothing"
    assert main([*command, "--missing", "skip"]) == 0
    assert json.loads((place / "j").read_text())["words"]["num_ref"] == 3
