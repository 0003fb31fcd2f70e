"""`masr train` guided by a slower copy of the model itself, alone and learning text beside, end to end on tones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

import masr
from masr.api import frame_scorer
from masr.cli.main import main
from masr.io.datadir import DataDir

ALONE = ["--set", "streams=[]", "--set", 'batching.stream=""', "--set", "masking={name: ask2mask, span: 3}"]
OF_TEXT = "own_scorer={learns: ctc, measure: max, decay: 0, every: 2, labelled: 0.5}"
OF_CODES = "own_scorer={learns: codes, decay: 0.9}"


def train(spoken: Path, out: Path, *options: str) -> int:
    return main(["train", str(spoken / "run.yaml"), str(out), *options])


def lines(folder: Path, split: str) -> list[dict[str, float]]:
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in found if line["split"] == split]


@pytest.mark.slow
@pytest.mark.parametrize("own", [OF_TEXT, OF_CODES])
def test_stopped_and_started_again_it_ends_with_the_same_bits(spoken: Path, tmp_path: Path, own: str) -> None:
    given = [*ALONE, "--set", own, "--set", "training.max_steps=6"]
    assert train(spoken, tmp_path / "whole", *given) == 0
    assert train(spoken, tmp_path / "parts", *given, "--max-steps", "3") == 0
    assert train(spoken, tmp_path / "parts", *given) == 0
    whole, parts = (tmp_path / name / "model.safetensors" for name in ("whole", "parts"))
    assert parts.read_bytes() == whole.read_bytes()
    found = load_file(whole)
    name = "encoder.norm.weight"
    assert not found[f"teacher.{name}"].equal(found[f"objective.{name}"])
    last = lines(tmp_path / "whole", "train")[-1]
    assert {"confidence", "masked_confidence"} <= last.keys()


def test_half_of_the_utterances_teach_a_head_and_all_of_them_the_model(
    spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(spoken, tmp_path / "run", *ALONE, "--set", OF_TEXT) == 0
    said = "".join(capsys.readouterr())
    count = int(said.split(" of 32 utterances teach the scorer")[0].split()[-1])
    assert 8 <= count <= 24
    training, validation = (lines(tmp_path / "run", split) for split in ("train", "dev"))
    assert 0 < training[-1]["transcribed"] < 1
    assert {"scorer_wer", "scorer_cer", "scorer_ctc", "transcribed"} <= validation[-1].keys()
    assert validation[-1]["transcribed"] == 1
    assert (tmp_path / "run" / "units" / "units.txt").is_file() and not (tmp_path / "run" / "left_out.tsv").exists()
    # Which utterances are labelled does not hang on the seed, and more of them are these and others.
    assert train(spoken, tmp_path / "other", *ALONE, "--set", OF_TEXT, "--seed", "5") == 0
    assert f"{count} of 32" in "".join(capsys.readouterr())


def test_what_is_left_is_a_model_like_any_other(spoken: Path, tmp_path: Path) -> None:
    streams = ["--set", "masking={name: ask2mask, span: 3}", "--set", OF_CODES]
    assert train(spoken, tmp_path / "with_streams", *streams) == 0
    assert train(spoken, tmp_path / "alone", *ALONE, "--set", OF_CODES) == 0
    wave = DataDir.open(spoken / "data/dev").table("wav.scp").at(0)
    for name in ("alone", "with_streams"):
        assert masr.load(tmp_path / name, "cpu").encode(wave).shape[1] == 16
        assert frame_scorer(tmp_path / name, "cpu", "margin").of == "codes"
    begun = ["--set", f"init={tmp_path / 'with_streams'}", "--set", "optim.scales={encoder: 0}"]
    conf = tmp_path / "ctc.yaml"
    conf.write_text(
        f'train: "{spoken}/data/train"\ndev: null\ncodes: "{spoken}/exp/units"\nobjective: {{name: ctc}}\n'
        "data: {num_workers: 0}\nbatching: {batch_frames: 1600, max_frames: 200}\n"
        "training: {max_steps: 1, tensorboard: false}\n"
    )
    assert main(["train", str(conf), str(tmp_path / "ctc"), *begun]) == 0
    before, after = (load_file(tmp_path / name / "model.safetensors") for name in ("with_streams", "ctc"))
    assert after["encoder.norm.weight"].equal(before["objective.objective.encoder.norm.weight"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["scorer=exp/scorer", OF_CODES], "both scorer and own_scorer are set"),
        (["confidence=exp/confidence", OF_TEXT], "both confidence and own_scorer are set"),
        (["objective={name: wav2vec2}", OF_CODES], "own_scorer.learns: ctc"),
        (["own_scorer={learns: ctc, labelled: 0.0001}"], "raise own_scorer.labelled"),
        (["own_scorer={decay: 2}"], "decay is at least 0"),
        (["own_scorer={wieght: 2}"], "did you mean weight"),
    ],
)
def test_what_cannot_be_is_one_block(
    spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert train(spoken, tmp_path / "run", *ALONE, *(w for one in options for w in ("--set", one))) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


def test_a_run_that_scores_itself_needs_nothing_made_before(spoken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--needs", str(spoken / "run.yaml"), *ALONE, "--set", OF_CODES]) == 0
    assert capsys.readouterr().out == ""
