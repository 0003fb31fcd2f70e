from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from masr.io.figure import Bars, Series
from masr.io.layout import MARKER
from masr.report.contents import contents_of
from masr.report.gather import Run, gather
from masr.report.summary import EMBEDDED, answer_of, data_of, summary, what_it_is

MEASURED = {"accuracy": 0.5, "low": 0.4, "high": 0.6}


def runs(*scores: dict[str, object]) -> list[Run]:
    return [Run(Path(f"r{n}"), f"r{n}", chr(65 + n), scores={"dev": data}) for n, data in enumerate(scores)]


def test_the_answer_is_what_the_first_figure_finds() -> None:
    bars = Bars("Does it help?", ("a",), (Series("s", np.array([1.0])),), findings=("It does.", "So does that."))
    assert answer_of(contents_of(runs({"x": MEASURED}), [bars])) == ["It does.", "So does that."]


def test_without_one_it_is_the_first_accuracy_that_all_runs_have() -> None:
    other = {"value": 3.0, "low": 2.0, "high": 4.0}
    first = {"wer": other, "only": MEASURED, "figures": {"accuracy": {"value": 0.5, "low": 0.25, "high": 0.6}}}
    second = {"wer": other, "figures": {"accuracy": {"value": 0.25, "low": 0.2, "high": 0.3}}, "chance": 0.1}
    assert answer_of(contents_of(runs(second))) == ["Accuracy: 25.0 ± 5.0 % (chance 10.0 %)."]
    assert answer_of(contents_of(runs(first, second))) == ["Accuracy: A 50.0 [25.0, 60.0] %, B 25.0 ± 5.0 %."]
    assert answer_of(contents_of(runs({"num": 3}))) == []


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("objective: {name: best_rq}\nstreams: [{name: a, weight: 1}, {name: b}]", "BEST-RQ + a, b"),
        ("objective: {name: best_rq}\nstreams: []\ninit: null", "BEST-RQ"),
        ("objective: {name: lid}\ninit: exp/a", "language identification, from exp/a"),
        ("objective: {name: mine}", "mine"),
        ("seed: 1", ""),
        ("a: [", ""),
    ],
)
def test_a_run_in_words(config: str, words: str) -> None:
    assert what_it_is(Run(Path("r"), "r", config=config)) == words


def recipe(folder: Path, marked: bool) -> Path:
    """A run in exp/ beside data/ that were prepared from a corpus; its training part was cut out of another."""
    corpus, run = folder / "corpus", folder / "exp" / "run"
    for path in (corpus, run, folder / "data" / "part", folder / "data" / "train"):
        path.mkdir(parents=True)
    if marked:
        (corpus / MARKER).write_text("{}")
    (folder / "data" / "train" / "provenance.json").write_text(json.dumps({"source": str(corpus)}))
    (folder / "data" / "part" / "provenance.json").write_text(json.dumps({"made_of": [str(folder / "data" / "train")]}))
    (run / "config.yaml").write_text("train: data/part\ndev: null\n")
    return run


def test_embedded_data_are_called_so_from_wherever_the_page_is_made(tmp_path: Path) -> None:
    built, real = recipe(tmp_path / "a", True), recipe(tmp_path / "b", False)
    assert data_of(contents_of(gather([built]))) == [f"{EMBEDDED} (data/part)"]
    assert data_of(contents_of(gather([real]))) == ["data/part"]
    assert EMBEDDED == "embedded: synthetic speech by eSpeak NG"


def test_what_the_figure_says_of_its_data_is_said_too(tmp_path: Path) -> None:
    bars = Bars("t", ("a",), (Series("s", np.array([1.0])),), data="Corpus: made up.")
    shown = contents_of(gather([recipe(tmp_path, True)]), [bars])
    assert data_of(shown)[1:] == ["Corpus: made up."]
    page = "".join(map(str, summary(shown)))
    assert page.index("Corpus: made up.") < page.index("<table")


def test_files_for_other_verbs_are_no_scores(tmp_path: Path) -> None:
    run = recipe(tmp_path, False)
    for name in ("ended", "digests", "done"):
        (run / f"{name}.json").write_text('{"step": 140}')
    (run / "dev.json").write_text('{"wer": 3}')
    assert list(gather([run])[0].scores) == ["dev"]
