from __future__ import annotations

import json
import os
import shutil
import signal
import time
from dataclasses import fields
from pathlib import Path

import pytest
from safetensors.torch import load_file

from masr.cli.main import main
from masr.errors import ConfigError
from masr.plugins import RunConfig, resolve
from masr.training import assemble
from masr.training.config import TrainConfig
from masr.training.init_from import OTHERS_KEYS, read_run, refuse_unmeant
from small.masr_process import MasrProcess

EGS = Path(__file__).resolve().parents[2] / "egs"


def train(spoken: Path, out: Path, *options: str) -> int:
    return main(["train", str(spoken / "run.yaml"), str(out), *options])


def test_a_run_leaves_everything(trained: Path) -> None:
    names = {path.name for path in trained.iterdir()}
    assert {"config.yaml", "provenance.json", "metrics.jsonl", "model.safetensors", "stats.safetensors"} <= names
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    last = [line for line in lines if line["split"] == "dev"][-1]
    assert last["step"] == 4
    assert {"loss", "masked_prediction", "masked_accuracy", "language", "lang", "language_spread"} <= last.keys()
    assert "name: log_mel" in (trained / "config.yaml").read_text()
    assert json.loads((trained / "provenance.json").read_text())["num_encoder_parameters"] > 1000
    weights = load_file(trained / "model.safetensors")
    assert any(name.startswith("objective.encoder.") for name in weights)
    assert not any(name.startswith("encoder.") for name in weights)


def test_same_seed_same_weights_and_another_seed_other_weights(spoken: Path, trained: Path, tmp_path: Path) -> None:
    assert train(spoken, tmp_path / "again") == 0
    assert train(spoken, tmp_path / "other", "--seed", "1") == 0
    first, again, other = (
        load_file(f / "model.safetensors") for f in (trained, tmp_path / "again", tmp_path / "other")
    )
    assert all(first[name].equal(again[name]) for name in first)
    assert not all(first[name].equal(other[name]) for name in first)


def test_stopped_and_started_again_it_ends_as_if_it_never_stopped(spoken: Path, trained: Path, tmp_path: Path) -> None:
    assert train(spoken, tmp_path, "--max-steps", "2") == 0
    assert train(spoken, tmp_path) == 0
    first, second = load_file(trained / "model.safetensors"), load_file(tmp_path / "model.safetensors")
    assert all(first[name].equal(second[name]) for name in first)
    assert "max_steps: 4" in (tmp_path / "config.yaml").read_text()


def test_a_run_that_has_ended_is_left_as_it_is(spoken: Path, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.rglob("*") if path.is_file()}
    assert train(spoken, trained) == 0
    assert "nothing is left to do" in "".join(capsys.readouterr())
    changed = {path.name for path, written in before.items() if path.stat().st_mtime_ns != written}
    assert changed <= {".lock", "metrics.jsonl"}
    (trained / "model.safetensors").unlink()
    assert train(spoken, trained) == 0
    assert (trained / "model.safetensors").exists()


def test_a_folder_of_another_run_is_refused_and_stays_as_it_was(
    spoken: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in trained.iterdir() if path.is_file()}
    assert train(spoken, trained, "--set", "optim.peak_lr=1e-4") == 2
    assert "fix:" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("when", ["read_config", "carry_out"])
def test_a_signal_at_the_very_start_of_masr_train_is_not_lost(
    spoken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    call = getattr(assemble, when)

    def told(*args: object) -> object:
        os.kill(os.getpid(), signal.SIGTERM)
        return call(*args)

    monkeypatch.setattr(assemble, when, told)
    assert train(spoken, tmp_path / "run") == 75
    monkeypatch.undo()
    assert train(spoken, tmp_path / "run") == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_sigterm_and_ctrl_c_save_and_ask_to_be_started_again(spoken: Path, tmp_path: Path, number: int) -> None:
    command = ["train", str(spoken / "run.yaml"), str(tmp_path / "run")]
    process = MasrProcess(tmp_path / "told", *command, "--max-steps", "100000", "--set", "training.save_every=100000")
    metrics = tmp_path / "run" / "metrics.jsonl"
    deadline = time.monotonic() + 300
    while not metrics.exists() or "step" not in metrics.read_text():
        assert not process.ended(), process.told.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.signal(number)
    assert process.wait() == 75
    assert "the same command goes on from here" in process.told.read_text()
    assert list((tmp_path / "run" / "checkpoints").glob("step_*"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set", "encoder.num_bins=80"], "encoder.num_bins to 24"),
        (["--set", "encoder.name=conformr"], "conformer"),
        (["--set", "streams.0.wieght=1"], "did you mean weight"),
        (["--set", "train=gone"], "gone"),
        (["--set", "codes=gone"], "masr units"),
        (["--set", "features.name=mfcc"], "other features"),
        (["--set", "batching.stream=speaker"], "speaker"),
        (["--set", "objective={name: hubert}"], "masr cluster"),
        (["--set", "training.accumulate=2"], "utterances_per_label"),
        (["--set", "objective={name: w2v_bert, contrastive_layer: 9}"], "contrastive_layer 9"),
    ],
)
def test_what_cannot_be_is_one_block(
    spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert train(spoken, tmp_path / "run", *options) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize("text", ["", "features: {name: log_mel}\n", "streams: [{name: language}]\n"])
def test_masr_train_conf_features_yaml_is_refused_as_the_configuration_of_something_else(
    spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = tmp_path / "features.yaml"
    path.write_text(text, encoding="utf-8")
    assert (
        main(["train", str(path), str(tmp_path / "run"), "--set", f'train="{spoken}/data/train"', "--seed", "1"]) == 2
    )
    assert f"{path}: says nothing of a training" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_keys_of_other_stages_are_those_that_a_training_has_too() -> None:
    shared = {field.name for field in fields(RunConfig)} & {field.name for field in fields(TrainConfig)}
    assert shared == OTHERS_KEYS


@pytest.mark.parametrize("objective", ["lid", "ctc"])
def test_fine_tuning_from_nothing_has_to_be_asked_for(
    spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], objective: str
) -> None:
    changes = ["--set", f"objective={{name: {objective}}}", "--set", "streams=[]", "--set", 'batching.stream=""']
    changes += ["--set", "batching.labels_per_batch=0"] if objective == "lid" else []
    assert train(spoken, tmp_path / "run", *changes) == 2
    said = capsys.readouterr().err
    assert "init does not say from what" in said and "init: null" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["lid/scratch_tiny", "lid/scratch_few_large", "ctc/scratch_tiny", "scorer/tiny"])
def test_the_recipes_that_begin_from_nothing_ask_for_it(name: str) -> None:
    for recipe in ("fleurs", "dhwani"):
        path = EGS / recipe / "conf" / f"{name}.yaml"
        refuse_unmeant(path, [], read_run(path, [], resolve))
    other = EGS / "fleurs/conf/lid/ecapa_tiny.yaml"
    with pytest.raises(ConfigError, match="init does not say from what"):
        refuse_unmeant(other, [], read_run(other, [], resolve))
    refuse_unmeant(other, ["init=null"], read_run(other, ["init=null"], resolve))


def test_what_a_loss_leaves_out_is_on_the_screen_before_the_first_step(
    spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "train"
    shutil.copytree(spoken / "data" / "train", data)
    labels = (data / "utt2lang").read_text().splitlines(keepends=True)
    (data / "utt2lang").write_text("".join(labels[3:]))
    assert train(spoken, tmp_path / "run", "--set", f'train="{data}"', "--max-steps", "1") == 0
    said = capsys.readouterr().err
    assert f"{data}: 3 of 32 utterances have no label of language: its loss leaves them out, such as" in said


def test_features_made_in_the_batch_train_as_well_as_archives(spoken: Path, tmp_path: Path) -> None:
    losses = []
    for source in ("archives", "waveform"):
        assert train(spoken, tmp_path / source, "--set", f"data.source={source}", "--set", "encoder.dropout=0") == 0
        lines = [json.loads(line) for line in (tmp_path / source / "metrics.jsonl").read_text().splitlines()]
        losses.append([line["loss"] for line in lines if line["split"] in ("train", "dev")])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ([], []),
        (["masking.name=ask2mask"], ["confidence"]),
        (["masking={name: ask2mask, strategy: random}"], []),
        (["masking={name: ask2mask, strategy: random, scale: frame}"], ["confidence"]),
        (["masking.name=ask2mask", "scorer=exp/scorer"], []),
        (["targets=exp/clusters", "objective={name: hubert}"], ["targets"]),
        (["masking.name=ask2mask", "targets=exp/clusters", "objective={name: hubert}"], ["confidence", "targets"]),
    ],
)
def test_config_says_what_a_run_needs(
    spoken: Path, capsys: pytest.CaptureFixture[str], changes: list[str], needed: list[str]
) -> None:
    options = [word for change in changes for word in ("--set", change)]
    assert main(["config", "--needs", str(spoken / "run.yaml"), *options]) == 0
    ends = {"confidence": "", "targets": "\texp/clusters"}
    assert capsys.readouterr().out.splitlines() == [f"{word}\t{spoken / 'run.yaml'}{ends[word]}" for word in needed]


def test_config_prints_a_training_run(spoken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", str(spoken / "run.yaml"), "--set", "optim.peak_lr=0.5"]) == 0
    printed = capsys.readouterr().out
    assert "peak_lr: 0.5" in printed
    assert "# lambda: factor on this stream's loss" in printed
