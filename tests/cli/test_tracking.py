"""masr train and masr report hand the page to the trackers of a run."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest

from masr.cli.main import main
from masr.training.loop import train
from small import tiny


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
