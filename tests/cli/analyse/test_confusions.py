from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.answers import AnswerTable, write_answer_table
from masr.metadata.codebook import Codebook
from masr.tables.config import read_table

TEXT = "{http://www.w3.org/2000/svg}text"
LABELS = ("bos", "bos", "hrv", "hrv", "zul", "zul", "<x>")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two systems' answers to seven utterances; bos and hrv are near, <x> has no code."""
    codes = np.array([[1, 0.2], [1, 0.1], [0.1, 1]], dtype=np.float32)
    (tmp_path / "codes").mkdir()
    Codebook(("bos", "hrv", "zul"), codes).save(tmp_path / "codes", "language")
    utts = tuple(f"u{n}" for n in range(7))
    said = {
        "plain": ("hrv", "bos", "bos", "hrv", "zul", "hrv", "bos"),
        "again": ("bos", "hrv", "hrv", "hrv", "zul", "zul", "bos"),
        "masr": ("bos", "bos", "bos", "hrv", "zul", "zul", "<x>"),
    }
    for name, answers in said.items():
        write_answer_table(tmp_path / f"{name}.tsv", AnswerTable(utts, utts, LABELS, answers))
    return tmp_path


def words(place: Path, names: str = "plain,plain,masr", before: str = "plain", after: str = "masr") -> list[str]:
    files = [str(place / f"{name}.tsv") for name in ("plain", "again", "masr")]
    sides = ["--names", names, "--before", before, "--after", after, "--most", "1"]
    return ["analyse", "confusions", *files, *sides, "--codes", str(place), "--out", str(place / "out")]


def test_the_table_the_sentence_and_who_has_no_code(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(place)) == 0
    said = capsys.readouterr().out
    assert "bos-hrv    1.00      37.5     25.0  −12.5 [" in said
    assert "Before is plain, after is masr: mean over the nearest pair 37.50 % before, 25.00 % after" in said
    assert "mean over all 2 other pairs 6.25 % before, 0.00 % after" in said
    assert "Without a code, and so in no pair: <x>." in said
    rows = [line.split("\t") for line in (place / "out" / "confusions.tsv").read_text().splitlines()]
    assert rows[0] == ["first", "second", "cosine", "utterances", "before", "after", "change", "low", "high"]
    assert rows[1][:7] == ["bos", "hrv", "0.9952", "4", "0.375000", "0.250000", "-0.125000"]
    assert rows[2][:6] == ["nearest pair", "mean", "", "", "0.375000", "0.250000"]
    assert rows[3][:7] == ["all 2 other pairs", "mean", "", "", "0.062500", "0.000000", "-0.062500"]


def test_the_picture_is_well_formed_and_holds_no_markup_of_names(place: Path) -> None:
    names = 'a<b>&",a<b>&",masr'
    assert main(words(place, names, 'a<b>&"')) == 0
    root = ET.fromstring((place / "out" / "confusions.svg").read_text())
    assert root.get("width") == "720"
    assert not [node for node in root.iter() if node.tag.endswith("script")]
    texts = ["".join(node.itertext()) for node in root.iter(TEXT)]
    assert 'before: a<b>&"' in texts and "after: masr" in texts
    assert 'Near languages taken for each other, before (a<b>&") and after (masr)' in texts
    assert {"Bosnian – Croatian", "cosine 1.00", "mean of all 2 other pairs"} <= set(texts)
    assert "Without a code, and so in no pair: <x>." in texts
    assert next(text for text in texts if text.startswith("−12.5")).endswith("]")


@pytest.mark.parametrize(
    ("names", "before", "after", "said"),
    [
        ("plain,plain,masr", "plane", "masr", "--before plane is none of --names"),
        ("plain,plain,masr", "plain", "marsr", "did you mean masr"),
        ("plain,masr", "plain", "masr", "2 names for 3 files"),
        ("plain,plain,masr", "masr", "masr", "are both masr"),
    ],
)
def test_wrong_names_are_refused(
    place: Path, capsys: pytest.CaptureFixture[str], names: str, before: str, after: str, said: str
) -> None:
    assert main(words(place, names, before, after)) == 2
    assert said in capsys.readouterr().err
    assert not (place / "out").exists()


def test_codes_of_other_languages_are_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Codebook(("eng", "hin"), np.eye(2, dtype=np.float32)).save(place / "codes", "language")
    assert main(words(place)) == 2
    assert "has a code for none of the languages" in capsys.readouterr().err


def test_the_recipe_names_its_systems_in_the_order_of_its_rows() -> None:
    table = read_table(Path(__file__).parents[3] / "egs/fleurs/tables/evidence.yaml")
    group = next(one for one in table.groups if one.name == "best_rq")
    assert str(group.variables["systems"]).split(",") == [row.name for row in group.rows]
