"""`masr new-recipe NAME`: what it writes runs on a folder of audio, and nothing is written over."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from masr.cli.main import main
from masr.recipe.new import TEMPLATE

pytestmark = pytest.mark.slow


def test_its_first_run_on_a_folder_works(
    make_recipe: Callable[[str], Any],
    stages_of: Callable[[str], dict[str, list[str]]],
    unseen_of: Callable[[Any], dict[str, list[str]]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = make_recipe("fleurs")
    egs = recipe.folder.parent
    assert main(["new-recipe", "villages", "--egs", str(egs)]) == 0
    assert f"{egs}/villages/run.sh --corpus FOLDER" in capsys.readouterr().out
    recipe.folder = egs / "villages"
    label = recipe.folder / "conf/pretrain/best_rq_label.yaml"
    label.write_text(re.sub(r"warmup_steps: \d+", "warmup_steps: 0", label.read_text()))  # of three steps here
    random = np.random.default_rng(0)
    for n in range(16):
        path = tmp_path / "my audio" / ("North", "South")[n % 2] / f"{n}.ogg"
        path.parent.mkdir(parents=True, exist_ok=True)
        tone = np.sin(np.arange(24000) * (0.03 + 0.1 * (n % 2))) + 0.1 * random.standard_normal(24000)
        soundfile.write(path, 0.3 * tone, 24000)
    options = ("--nj", 1, "--corpus", tmp_path / "my audio", "--language-from", "parent")
    first = recipe.run(*options)
    assert list(dict.fromkeys(stages_of(first)["done"])) == ["corpus", "prepare", "features", "units", "pretrain"]
    assert stages_of(recipe.run(*options))["done"] == []
    rest = recipe.run(*options, "--stage", 7, "--stop-stage", 12)
    assert stages_of(rest)["done"] == ["lid", "score-lid", "analyse", "tables"]
    assert "accuracy" in rest and (recipe.folder / "RESULTS.md").is_file()
    assert not any(unseen_of(recipe).values())
    other = recipe.folder / "other"
    said = recipe.run(*options[:4], "--exp", other / "exp", "--data", other / "data", "--label", "none")
    assert "best_rq_label" not in said
    assert (other / "exp/pretrain/best_rq/seed0/model.safetensors").is_file()


@pytest.mark.parametrize(
    ("name", "message"), [("Mine", "cannot be the name"), ("../x", "cannot be the name"), ("fleurs", "there already")]
)
def test_names_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, message: str) -> None:
    (tmp_path / "fleurs").mkdir()
    assert main(["new-recipe", name, "--egs", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def test_without_a_checkout_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-recipe", "mine", "--egs", str(tmp_path)]) == 2
    assert "--egs CLONE/egs" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_every_file_of_the_template_is_packaged() -> None:
    assert {path.name for path in TEMPLATE.iterdir()} >= {"run.sh", "conf", "tables", "README.md"}
