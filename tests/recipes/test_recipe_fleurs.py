"""egs/fleurs/run.sh on six languages of the embedded corpus: written, skipped, changed, killed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow

UNSEEN = {"bos", "slk"}
OPTIONS = ("--unseen", "bos", "--families", "slk", "--nj", 2)
LANGUAGES = ("hr_hr", "bs_ba", "sr_rs", "cs_cz", "sk_sk", "pl_pl")
SPLITS = ("train", "dev", "test")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six languages of the embedded corpus, in a folder with a space and an accent in its name."""
    out = tmp_path_factory.mktemp("corpora") / "FLEURS é 1"
    command = [Path(sys.executable).with_name("masr"), "corpus", "fleurs", "mini", out, "--hours", "0.02", "--nj", "2"]
    subprocess.run([*command, "--set", f"languages=[{','.join(LANGUAGES)}]"], check=True)
    return out


@pytest.fixture(scope="module")
def recipe(make_recipe: Callable[[str], Any], corpus: Path) -> Any:
    """The recipe after its first run."""
    recipe = make_recipe("fleurs")
    recipe.first = recipe.run("--corpus", corpus, *OPTIONS)
    return recipe


def test_every_stage_runs_and_the_end_is_a_table(recipe: Any, stages_of: Callable[..., Any]) -> None:
    stages = ["corpus", "prepare", "features", "units", "pretrain"]
    assert list(dict.fromkeys(stages_of(recipe.first)["done"])) == stages
    assert stages_of(recipe.first)["skipped"] == []
    assert recipe.first.rstrip().splitlines()[-2:] == [f"written: {recipe.data}", f"written: {recipe.exp}"]
    assert "data/pretrain" in recipe.first


def test_data_directories_hold_the_same_utterances_in_every_table(recipe: Any, rows_of: Callable[..., Any]) -> None:
    seen: set[str] = set()
    for split in SPLITS:
        utts = rows_of(recipe.data / split / "wav.scp").keys()
        assert utts
        assert not utts & seen
        seen |= utts
        for table in ("text", "utt2spk", "utt2dur", "utt2lang", "utt2loc", "feats.scp", "utt2num_frames"):
            assert list(rows_of(recipe.data / split / table)) == sorted(utts), table
        assert set(rows_of(recipe.data / split / "utt2lang").values()) == {"hrv", "bos", "srp", "ces", "slk", "pol"}


def test_another_reader_finds_the_features(
    recipe: Any, features_of: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    for split in SPLITS:
        folder = recipe.data / split
        features = features_of(folder / "feats.scp", recipe.folder)
        num_frames = rows_of(folder / "utt2num_frames")
        seconds = rows_of(folder / "utt2dur")
        assert features.keys() == num_frames.keys()
        for utt, frames in features.items():
            assert frames.shape == (int(num_frames[utt]), 80)
            assert np.isfinite(frames).all()
            assert abs(len(frames) - (float(seconds[utt]) * 100 - 1.5)) <= 1.6


def test_unseen_languages_are_not_in_pretrain(recipe: Any, rows_of: Callable[..., Any]) -> None:
    train, pretrain = (rows_of(recipe.data / split / "utt2lang") for split in ("train", "pretrain"))
    assert pretrain == {utt: lang for utt, lang in train.items() if lang not in UNSEEN}
    assert rows_of(recipe.data / "pretrain" / "feats.scp").keys() == pretrain.keys()


def test_units_and_codes(recipe: Any, rows_of: Callable[..., Any]) -> None:
    units = rows_of(recipe.exp / "units" / "units.txt")
    text = "".join(rows_of(recipe.data / "train" / "text").values())
    assert set(text) - {" "} <= units.keys()
    assert sorted(map(int, units.values())) == list(range(len(units)))
    assert list((recipe.exp / "units" / "codes").glob("language*.npz"))


def test_two_encoders_are_trained_scored_and_put_side_by_side(recipe: Any) -> None:
    for model in ("best_rq_tiny", "best_rq_masr_tiny"):
        run = recipe.exp / "pretrain" / model / "seed0"
        assert (run / "model.safetensors").exists()
        assert set(json.loads((run / "neighbours.json").read_text())["shares"]) == {"all", "apart", "others"}
        for split in ("train", "test"):
            vectors = np.load(run / split / "embeddings.npy", allow_pickle=False)
            assert len(vectors) == len((recipe.data / split / "utt2spk").read_text().splitlines())
            assert np.isfinite(vectors).all()
    assert "masked accuracy" in recipe.first and "1-NN apart" in recipe.first


def test_a_seed_more_trains_only_what_is_missing(recipe: Any, corpus: Path) -> None:
    weights = recipe.exp / "pretrain" / "best_rq_tiny" / "seed0" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    output = recipe.run("--corpus", corpus, *OPTIONS, "--stage", 6, "--pretrain", "best_rq_tiny", "--seeds", "0,1")
    assert weights.stat().st_mtime_ns == before
    other = recipe.exp / "pretrain" / "best_rq_tiny" / "seed1" / "model.safetensors"
    assert other.read_bytes() != weights.read_bytes()
    assert "seeds 0 1" in output


def test_provenance_stands_beside_the_output(recipe: Any) -> None:
    for folder in (recipe.exp / "units", recipe.data / "train"):
        facts = json.loads((folder / "provenance.json").read_text())
        assert facts["command"].startswith("masr ")
        assert facts["commit"]


def test_a_second_run_skips_every_stage(recipe: Any, corpus: Path, stages_of: Callable[..., Any]) -> None:
    recipe.run("--corpus", corpus, *OPTIONS)
    second = recipe.run("--corpus", corpus, *OPTIONS[:-1], 1)
    assert stages_of(second)["done"] == []
    assert len(stages_of(second)["skipped"]) == len(stages_of(recipe.first)["done"])


def test_a_changed_configuration_runs_only_what_reads_it(
    recipe: Any, corpus: Path, stages_of: Callable[..., Any], features_of: Callable[..., Any]
) -> None:
    conf = recipe.conf / "units.yaml"
    conf.write_text(conf.read_text().replace("name: characters", "name: characters, language_tags: true"))
    output = recipe.run("--corpus", corpus, *OPTIONS)
    assert "again, because conf/units.yaml changed" in output
    assert stages_of(output)["done"] == ["units", "pretrain"]
    assert "corpus" in stages_of(output)["skipped"]


def test_more_jobs_than_utterances_give_the_same_features(
    recipe: Any, features_of: Callable[..., Any], tmp_path: Path
) -> None:
    whole = features_of(recipe.data / "dev" / "feats.scp", recipe.folder)
    few = tmp_path / "few"
    few.mkdir()
    for table in ("wav.scp", "utt2spk", "text"):
        (few / table).write_text("".join((recipe.data / "dev" / table).read_text().splitlines(keepends=True)[:2]))
    script = ["features.sh", "--nj", "3", "--conf", "conf/features.yaml", "--log", tmp_path / "log", few]
    env = {**recipe.env, "PATH": f"{recipe.folder.parents[1]}/utils:{recipe.env['PATH']}"}
    subprocess.run([*map(str, script)], check=True, cwd=recipe.folder, env=env)
    assert len(list((tmp_path / "log").glob("few.*.log"))) == 3
    features = features_of(few / "feats.scp", recipe.folder)
    assert len(features) == 2
    assert all(np.array_equal(features[utt], whole[utt]) for utt in features)


def test_a_killed_feature_stage_starts_afresh(
    recipe: Any, corpus: Path, stages_of: Callable[..., Any], features_of: Callable[..., Any]
) -> None:
    before = features_of(recipe.data / "test" / "feats.scp", recipe.folder)
    shutil.rmtree(recipe.exp / "features")
    (recipe.data / "test" / "feats.scp").unlink()
    started = recipe.exp / "features" / "log" / "dev.1.log"
    recipe.kill_when(started.exists, "--corpus", corpus, *OPTIONS)
    assert not (recipe.data / ".stages" / "2-features.feats.scp.json").exists()
    output = recipe.run("--corpus", corpus, *OPTIONS)
    assert stages_of(output)["done"][0] == "features"
    assert {"corpus", "prepare", "units"} <= set(stages_of(output)["skipped"])
    after = features_of(recipe.data / "test" / "feats.scp", recipe.folder)
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[utt], after[utt]) for utt in before)


def test_a_broken_corpus_stops_with_a_reason(recipe: Any, corpus: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(corpus, broken)
    archive = next(broken.glob("data/hr_hr/audio/train.tar.gz"))
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    output = recipe.run("--corpus", broken, "--data", tmp_path / "data", "--exp", tmp_path / "exp", code=2)
    assert "Traceback" not in output
    assert "fix:" in output
    assert "stage 2" not in output


def test_every_stage_names_what_its_command_reads(recipe: Any, corpus: Path, unseen_of: Callable[..., Any]) -> None:
    """Whatever a stage reads, one of its --inputs shows when it changes: by trial, on every kind of file."""
    options = ("--corpus", corpus, *OPTIONS, "--pretrain", "hubert_tiny")
    recipe.run(*options, "--stage", 4, "--stop-stage", 5)
    recipe.run(*options, "--stage", 6, "--stop-stage", 11)
    recipe.run(*options, "--stage", 12, "--train-cmd", "no_launcher")
    found = unseen_of(recipe)
    assert {name: paths for name, paths in found.items() if paths} == {}
    later = {"scorer", "confidence", "lid", "score-lid", "ctc", "score-asr", "analyse", "tables"}
    assert {name.split()[1] for name in found} >= {"prepare", "features", "units", "pretrain", *later}
