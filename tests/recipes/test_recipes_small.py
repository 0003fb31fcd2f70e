"""egs/{dhwani,librispeech,pangloss}/run.sh, each on minutes of its embedded corpus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HOURS = {"dhwani": "0.02", "librispeech": "0.02", "pangloss": "0.02"}
NEEDED = {
    "dhwani": {"train", "dev", "test"},
    "librispeech": {"train_clean_100", "dev_clean", "test_clean", "test_other"},
    "pangloss": set(),
}


@pytest.fixture(scope="module", params=sorted(HOURS))
def recipe(request: pytest.FixtureRequest, make_recipe: Callable[[str], Any]) -> Any:
    """A recipe after its first run."""
    recipe = make_recipe(request.param)
    recipe.name = request.param
    recipe.first = recipe.run("--hours", HOURS[recipe.name], "--nj", 1)
    return recipe


def folders(recipe: Any) -> list[Path]:
    return sorted(path.parent for path in recipe.data.glob("*/wav.scp"))


def test_every_stage_runs_and_features_are_readable(
    recipe: Any, stages_of: Callable[..., Any], features_of: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    stages = ["corpus", "prepare", "features", "units", "pretrain"]
    assert list(dict.fromkeys(stages_of(recipe.first)["done"])) == stages
    assert list((recipe.exp / "pretrain").glob("best_rq*tiny/seed0/model.safetensors"))
    assert NEEDED[recipe.name] <= {folder.name for folder in folders(recipe)}
    assert folders(recipe)
    for folder in folders(recipe):
        features = features_of(folder / "feats.scp", recipe.folder)
        num_frames = rows_of(folder / "utt2num_frames")
        assert features.keys() == num_frames.keys() == rows_of(folder / "utt2spk").keys()
        for utt, frames in features.items():
            assert frames.shape == (int(num_frames[utt]), 80)
            assert np.isfinite(frames).all()
    assert (recipe.exp / "units" / "provenance.json").exists()


def test_what_each_recipe_is_for(recipe: Any, rows_of: Callable[..., Any]) -> None:
    if recipe.name == "dhwani":
        assert len(set(rows_of(recipe.data / "train" / "utt2lang").values())) >= 14
    elif recipe.name == "librispeech":
        phones = (recipe.data / "train_clean_100" / "phones.ctm").read_text().splitlines()
        assert {line.split()[0] for line in phones} <= rows_of(recipe.data / "train_clean_100" / "utt2spk").keys()
        assert len(folders(recipe)) >= 9
        assert (recipe.exp / "units" / "units.txt").exists()
    else:
        assert len(folders(recipe)) >= 2
        assert any((folder / "utt2condition").exists() for folder in folders(recipe))


def test_a_second_run_skips_every_stage(recipe: Any, stages_of: Callable[..., Any]) -> None:
    second = recipe.run("--hours", HOURS[recipe.name])
    assert stages_of(second)["done"] == []
    assert len(stages_of(second)["skipped"]) == len(stages_of(recipe.first)["done"])
