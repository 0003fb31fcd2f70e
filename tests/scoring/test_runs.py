"""Runs side by side: which line of the figures counts, what a mean over seeds is, and files that are not whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from masr.cli.main import main
from masr.errors import DataError
from masr.maths.estimate import Estimate
from masr.scoring.runs import read_run


def a_run(folder: Path, accuracy: float, neighbours: float | None = None, lines: str = "") -> Path:
    folder.mkdir(parents=True)
    early = {"step": 5, "split": "dev", "masked_accuracy": 0.01}
    last = {
        "step": 10,
        "split": "dev",
        "loss": 4.5,
        "masked_accuracy": accuracy,
        "code_chance": 0.05,
        "codes_used": 100.0,
    }
    after = {"step": 12, "split": "train", "masked_accuracy": 0.9}
    text = "".join(json.dumps(line) + "\n" for line in (early, last, after)) + lines
    (folder / "metrics.jsonl").write_text(text)
    if neighbours is not None:
        share = {"accuracy": neighbours, "low": neighbours - 0.1, "high": neighbours + 0.15, "count": 9}
        (folder / "neighbours.json").write_text(json.dumps({"shares": {"all": {"1-NN": share}}}))
    return folder


def test_the_last_validation_counts_and_shares_know_that_they_are(tmp_path: Path) -> None:
    found = read_run(a_run(tmp_path / "model" / "seed3", 0.25, 0.5))
    assert (found.name, found.seed, found.steps) == ("model", "3", 10)
    assert found.figures["masked accuracy"] == Estimate(0.25, unit="share")
    assert found.figures["commonest code"] == Estimate(0.05, unit="share")
    assert found.figures["codes used"] == Estimate(100)
    assert found.figures["1-NN all"] == Estimate(0.5, 0.4, 0.65, unit="share")


def test_a_line_cut_short_is_passed_over(tmp_path: Path) -> None:
    found = read_run(a_run(tmp_path / "model" / "seed0", 0.25, lines='{"step": 20, "split": "dev", "mas'))
    assert found.steps == 10


def test_neighbours_of_one_speaker_have_no_interval(tmp_path: Path) -> None:
    run = a_run(tmp_path / "model" / "seed0", 0.25)
    share = {"accuracy": 0.5, "low": None, "high": None, "count": 9}
    (run / "neighbours.json").write_text(json.dumps({"shares": {"all": {"1-NN": share}}}))
    assert read_run(run).figures["1-NN all"] == Estimate(0.5, unit="share")


def test_several_seeds_become_a_mean_with_each_behind_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [a_run(tmp_path / "model" / f"seed{seed}", accuracy) for seed, accuracy in enumerate((0.1, 0.2, 0.3))]
    other = a_run(tmp_path / "other" / "seed0", 0.4, 0.6)
    assert main(["score", "runs", *map(str, [*runs, other])]) == 0
    said = capsys.readouterr().out
    assert "seeds 0 1 2" in said and "seed 0" in said
    assert "20.0 ± 24.8 (10.0, 20.0," in said
    assert "60.0 [50.0, 75.0]" in said


def test_a_folder_without_figures_or_with_others_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no metrics"):
        read_run(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("\n")
    with pytest.raises(DataError, match="holds no line"):
        read_run(tmp_path)
    run = a_run(tmp_path / "model" / "seed0", 0.1)
    (run / "neighbours.json").write_text("[1]")
    with pytest.raises(DataError, match="is not what masr score neighbours"):
        read_run(run)


def test_json_has_every_number_of_the_last_validation_and_the_mean(tmp_path: Path) -> None:
    runs = [a_run(tmp_path / "model" / f"seed{seed}", accuracy) for seed, accuracy in enumerate((0.1, 0.3))]
    assert main(["score", "runs", *map(str, runs), "--json", str(tmp_path / "out" / "runs.json")]) == 0
    found = json.loads((tmp_path / "out" / "runs.json").read_text())
    assert found["mean"]["masked_accuracy"] == pytest.approx(0.2)
    assert found["runs"]["model/seed1"]["masked_accuracy"] == 0.3
    assert found["mean"]["objective_loss"] == found["mean"]["loss"] == 4.5


@pytest.mark.parametrize(
    "line", ['{"step": "2", "loss": 1}', '{"step": 1e999}', '{"step": null}', "[1]", f'{{"step": {"9" * 400}}}']
)
def test_a_line_whose_step_is_no_number_is_passed_over(line: str, tmp_path: Path) -> None:
    run = a_run(tmp_path / "a" / "seed1", 0.5, lines=line + "\n")
    assert read_run(run).validation == read_run(a_run(tmp_path / "b" / "seed1", 0.5)).validation


def test_a_figure_that_is_no_number_is_none(tmp_path: Path) -> None:
    run = a_run(tmp_path / "a" / "seed1", 0.5)
    (run / "metrics.jsonl").write_text(
        '{"split": "dev", "step": 1, "loss": "low", "accuracy": 1e999, "x": 2}\n', "utf-8"
    )
    found = read_run(run)
    assert found.validation == {"step": 1.0, "x": 2.0} and not found.figures


@pytest.mark.parametrize("value", ['"a"', "1e999", "[]"])
def test_neighbours_that_are_no_numbers_are_refused(value: str, tmp_path: Path) -> None:
    run = a_run(tmp_path / "a" / "seed1", 0.5, neighbours=0.25)
    path = run / "neighbours.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"accuracy": 0.25', f'"accuracy": {value}'), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != text
    with pytest.raises(DataError, match="not what masr score neighbours"):
        read_run(run)


@pytest.mark.parametrize("name", ["metrics.jsonl", "neighbours.json"])
def test_a_folder_in_the_place_of_figures_is_refused(name: str, tmp_path: Path) -> None:
    run = a_run(tmp_path / "a" / "seed1", 0.5, neighbours=0.25)
    (run / name).unlink()
    (run / name).mkdir()
    with pytest.raises(DataError, match=r"metrics|masr score neighbours"):
        read_run(run)
