"""egs/{dhwani,librispeech,pangloss}/run.sh, each on minutes of its embedded corpus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow

OPTIONS = ("--nj", 1, "--pretrain", "best_rq_masr_tiny")
HOURS = {"dhwani": 0.02, "librispeech": 0.05, "pangloss": 0.02}
PREDICTED = {"dhwani": "hubert_tiny", "librispeech": "hubert_atm_tiny", "pangloss": "hubert_tiny"}
"""What has clusters to predict, and where there is guided masking, a scorer."""
LATER = {
    "dhwani": {"scorer", "confidence", "lid", "score-lid", "ctc", "score-asr", "analyse", "tables"},
    "librispeech": {"scorer", "confidence", "ctc", "score-asr", "analyse", "tables", "pool"},
    "pangloss": {"analyse", "tables"},
}
BESIDE = {"librispeech": {"corrupt.sh": (), "pool.sh": ("--hours", 0.02)}}
"""Scripts of a recipe that stand beside its run.sh, and are made of stages too."""
NEEDED = {
    "dhwani": {"train", "dev", "test"},
    "librispeech": {"train_clean_100", "dev_clean", "test_clean", "test_other"},
    "pangloss": set(),
}


@pytest.fixture(scope="module", params=sorted(NEEDED))
def recipe(request: pytest.FixtureRequest, make_recipe: Callable[[str], Any]) -> Any:
    """A recipe after its first run."""
    recipe = make_recipe(request.param)
    recipe.name = request.param
    recipe.options = (*OPTIONS, "--hours", HOURS[request.param])
    recipe.first = recipe.run(*recipe.options)
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
    second = recipe.run(*recipe.options, "--nj", 2)
    assert stages_of(second)["done"] == []
    assert len(stages_of(second)["skipped"]) == len(stages_of(recipe.first)["done"])


def test_every_stage_names_what_its_command_reads(recipe: Any, unseen_of: Callable[..., Any]) -> None:
    """Whatever a stage reads, one of its --inputs shows when it changes: by trial, on every kind of file."""
    if recipe.name == "dhwani":  # its embedded corpus has no transcripts, and some stages want them
        for split in ("train", "dev", "test"):
            utts = (recipe.data / split / "utt2spk").read_text().splitlines()
            (recipe.data / split / "text").write_text("".join(f"{line.split()[0]} a b\n" for line in utts))
    if recipe.name == "pangloss":
        base = "base: ../../../fleurs/conf/pretrain/hubert_tiny.yaml\n"
        (recipe.conf / "pretrain" / "hubert_tiny.yaml").write_text(base)
    predicted = ("--nj", 1, "--pretrain", PREDICTED[recipe.name])
    recipe.run(*predicted, "--stage", 3, "--stop-stage", 3)
    if "scorer" in LATER[recipe.name]:
        recipe.run(*predicted, "--stage", 4, "--stop-stage", 5)
    recipe.run(*predicted, "--stage", 6, "--stop-stage", 11)
    recipe.run("--stage", 12, "--train-cmd", "no_launcher")
    for script, options in BESIDE.get(recipe.name, {}).items():
        recipe.run("--nj", 1, *options, script=script)
    found = unseen_of(recipe)
    assert {name: paths for name, paths in found.items() if paths} == {}
    everywhere = {"corpus", "prepare", "features", "units", "pretrain"}
    assert {name.split()[1] for name in found} == LATER[recipe.name] | everywhere
