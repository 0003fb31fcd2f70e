"""masr train and masr report hand the page to the trackers of a run."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.figure import Axis, Bars, Series
from masr.io.figure_file import write_figure
from masr.training.loop import train
from small import tiny

pytestmark = pytest.mark.slow


@pytest.fixture
def kept(monkeypatch) -> list[str]:
    """What a tracker in the place of W&B's is given, by name."""
    given: list[str] = []

    class Tracker:
        def write(self, step: int, figures: object) -> None:
            given.append("figures")

        def picture(self, name: str, path: Path) -> None:
            assert path.read_bytes().startswith(b"\x89PNG")
            given.append(f"picture {name}")

        def keep(self, path: Path) -> None:
            assert "<html" in path.read_text(encoding="utf-8")
            given.append(path.name)

        def close(self) -> None:
            given.append("close")

    module = types.ModuleType("masr.training.trackers.wandb")
    module.open_run = lambda told: Tracker()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return given


def test_the_page_and_its_figures_are_handed_over(tmp_path, kept, capsys) -> None:
    pytest.importorskip("matplotlib")
    train(tiny.make_run(tmp_path / "run", trackers=("wandb",)))
    kept.clear()
    assert main(["report", str(tmp_path / "run"), "--track"]) == 0
    assert "wandb got the page" in capsys.readouterr().out
    assert kept[0] == "report.html" and kept[-1] == "close"
    assert any(name.startswith("picture") for name in kept)


def test_the_page_that_is_handed_over_is_the_one_that_was_written(tmp_path, kept) -> None:
    """With what it opens with, where --out put it; and it is not written over by another."""
    pytest.importorskip("matplotlib")
    run, answer = tmp_path / "run", tmp_path / "answer.figure.json"
    train(tiny.make_run(run, trackers=("wandb",)))
    write_figure(answer, Bars("The answer", ("a",), (Series("x", *map(np.array, ([[1.0], [0.9], [1.1]]))),), Axis("")))
    kept.clear()
    assert main(["report", str(run), "--first", str(answer), "--track"]) == 0
    assert "The answer" in (run / "report.html").read_text(encoding="utf-8") and "picture answer" in kept
    before = (run / "report.html").read_bytes()
    assert main(["report", str(run), "--out", str(tmp_path / "other.html"), "--track"]) == 0
    assert "other.html" in kept and (run / "report.html").read_bytes() == before


def test_a_run_without_trackers_says_so(tmp_path, capsys) -> None:
    train(tiny.make_run(tmp_path / "run"))
    assert main(["report", str(tmp_path / "run"), "--track"]) == 0
    assert "no tracker got the page" in capsys.readouterr().out
    assert main(["report", str(tmp_path / "run"), str(tmp_path / "run"), "--track"]) == 2


def test_masr_train_ends_with_the_page(tmp_path, kept, monkeypatch) -> None:
    """Training itself is elsewhere: here is only what comes after it."""
    folder = tmp_path / "run"

    def trained(config: object, at: Path, *_: object) -> int:
        return train(tiny.make_run(at, trackers=("wandb",)))

    monkeypatch.setattr("masr.training.assemble.carry_out", trained)
    settings = types.SimpleNamespace(training=types.SimpleNamespace(trackers=("wandb",)))
    monkeypatch.setattr("masr.training.assemble.read_config", lambda *_: settings)
    assert main(["train", "x.yaml", str(folder)]) == 0
    assert "report.html" in kept
    assert json.loads((folder / "trackers.json").read_text())["project"] == "masr"
