"""`masr train` of a CTC model from a pre-trained encoder and `masr decode` of what it says, end to end on tones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from masr.api import transcriber
from masr.cli.main import main
from masr.io.ark import read_matrix
from masr.io.datadir import DataDir, read_table, write_datadir, write_table
from masr.types import Batch

SAID = ("a", "b a", "c", "b")
"""What the four tones of the corpus say."""
CONF = """\
train: "{root}/train"
dev: "{root}/dev"
codes: "{root}/units"
init: null
objective: {{name: ctc, empty: skip}}
data: {{num_workers: 0}}
batching: {{batch_frames: 1600, max_frames: 95, max_utterances: 8}}
optim: {{peak_lr: 1e-2, warmup_steps: 4, schedule: constant, frozen: {{encoder: 5}}, layer_decay: 0.9}}
training: {{max_steps: 160, log_every: 40, validate_every: 40, save_every: 80, best_by: wer, tensorboard: false}}
"""


@pytest.fixture(scope="module")
def place(spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The spoken corpus with other texts: one empty, one too long for its frames, dev with an unknown character."""
    root = tmp_path_factory.mktemp("ctc é")
    for split in ("train", "dev"):
        tables = {
            n: read_table(spoken / "data" / split / n)
            for n in ("wav.scp", "utt2spk", "utt2dur")
            if (spoken / "data" / split / n).is_file()
        }
        names = ("feats.scp", "utt2num_frames")
        tables |= {n: read_table(spoken / "data" / split / n) for n in names}
        text = {utt: SAID[n % 4] for n, utt in enumerate(sorted(tables["utt2spk"], key=lambda utt: utt[-3:]))}
        if split == "train":
            text["s000-u000"], text["s000-u001"] = "", "abc" * 20
        else:
            text["s050-u100"] = "z"
        write_datadir(root / split, tables | {"text": text})
        shutil.copy(spoken / "data" / split / "cmvn.scp", root / split / "cmvn.scp")
    assert main(["units", str(root / "train"), str(root / "units"), "--set", "units.name=characters"]) == 0
    (root / "ctc.yaml").write_text(CONF.format(root=root), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def tuned(place: Path, trained: Path) -> Path:
    out = place / "exp"
    assert main(["train", str(place / "ctc.yaml"), str(out), "--set", f'init="{trained}"']) == 0
    return out


def decode(tuned: Path, place: Path, out: Path, *options: str) -> int:
    return main(["decode", str(tuned), str(place / "dev"), str(out), "--set", "search=greedy", *options])


def dev_figures(folder: Path) -> dict[str, float]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return min((line for line in lines if line["split"] == "dev"), key=lambda line: line["wer"])


def test_the_folder_of_a_run_is_whole(tuned: Path, trained: Path) -> None:
    config = (tuned / "config.yaml").read_text()
    assert "num_units: 6" in config and "crop: false" in config
    assert "dim: 16" in config and "num_bins: 24" in config  # of the run that it began from
    assert {path.name for path in (tuned / "units").iterdir()} == {"units.txt", "config.yaml"}
    ours, theirs = load_file(tuned / "model.safetensors"), load_file(trained / "model.safetensors")
    name = "encoder.blocks.0.attention_norm.weight"
    assert ours.keys() & {name} and not ours[name].equal(theirs[f"objective.{name}"])


def test_what_is_not_learnt_from_is_listed(tuned: Path, place: Path) -> None:
    rows = [line.split("\t") for line in (tuned / "left_out.tsv").read_text().splitlines()]
    reasons = {(Path(where).name, utt): reason for where, utt, reason in rows}
    assert reasons.pop(("train", "s000-u000")) == "its transcript is empty"
    assert reasons.pop(("train", "s000-u001")).startswith("60 units want 60 encoded frames, and it has ")
    assert reasons.pop(("dev", "s050-u100")) == "its transcript has characters without a unit: 'z'"
    frames = {split: read_table(place / split / "utt2num_frames") for split in ("train", "dev")}
    long = {(split, utt) for split in frames for utt, count in frames[split].items() if int(count) > 95}
    assert set(reasons) == long - {("train", "s000-u000"), ("train", "s000-u001")}
    assert all("above batching.max_frames (95)" in reason for reason in reasons.values())


def test_decoding_says_what_validation_counted(tuned: Path, place: Path, tmp_path: Path) -> None:
    assert decode(tuned, place, tmp_path / "out") == 0
    assert decode(tuned, place, tmp_path / "out") == 0  # twice is as once
    frames = {utt: int(count) for utt, count in read_table(place / "dev" / "utt2num_frames").items()}
    kept = [utt for utt in frames if frames[utt] <= 95]
    ref, hyp = read_table(place / "dev" / "text"), read_table(tmp_path / "out" / "text")
    assert list(hyp) == list(frames)
    write_table(tmp_path / "ref", {utt: ref[utt] for utt in kept})
    write_table(tmp_path / "hyp", {utt: hyp[utt] for utt in kept})
    options = ["--cer", "--rule", "equal", "--json", str(tmp_path / "wer.json")]
    assert main(["score", "wer", "--ref", str(tmp_path / "ref"), "--hyp", str(tmp_path / "hyp"), *options]) == 0
    found, figures = json.loads((tmp_path / "wer.json").read_text()), dev_figures(tuned)
    assert found["words"]["rates"]["error"]["value"] == pytest.approx(figures["wer"])
    assert found["characters"]["rates"]["error"]["value"] == pytest.approx(figures["cer"])
    assert figures["wer"] < 0.8  # chance is about 1


def test_jobs_and_kept_emissions_give_the_same(
    tuned: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert decode(tuned, place, tmp_path / "whole") == 0
    for job in (1, 2, 3):
        assert decode(tuned, place, tmp_path / "parts", "--keep", "--job", f"{job}/3") == 0
    with monkeypatch.context() as patched:
        patched.setattr("masr.api.decode.transcriber", lambda *_: pytest.fail("a merge loads no model"))
        assert decode(tuned, place, tmp_path / "parts", "--keep", "--merge", "3") == 0
    again = ["decode", str(tmp_path / "parts"), str(tuned / "units"), str(tmp_path / "again")]
    assert main([*again, "--set", "search=greedy"]) == 0
    for name in ("text", "text.nbest", "words.ctm"):
        whole = (tmp_path / "whole" / name).read_text()
        assert whole == (tmp_path / "parts" / name).read_text() == (tmp_path / "again" / name).read_text() != ""
    assert (tmp_path / "parts" / "frame_shift").read_text() == "0.04\n"
    assert not (tmp_path / "whole" / "emissions.scp").exists()


def test_an_emitter_normalises_and_keeps_lengths(tuned: Path, place: Path, tmp_path: Path) -> None:
    assert decode(tuned, place, tmp_path, "--keep") == 0
    emitter, data = transcriber(tuned, "cpu"), DataDir.open(place / "dev")
    assert (emitter.num_units, emitter.frame_shift_sec, emitter.subsampling) == (6, 0.04, 4)
    stored = read_table(tmp_path / "emissions.scp")
    for utt in data.utts[:3]:
        frames = torch.from_numpy(read_matrix(data.table("feats.scp")[utt]).copy())
        lengths = torch.tensor([len(frames)])
        scores, sizes = emitter(Batch((utt,), frames[None], lengths, torch.zeros(1, dtype=torch.int64)))
        assert int(sizes) == int(emitter.num_encoded(lengths)) == scores.shape[1]
        assert not scores.requires_grad
        np.testing.assert_allclose(read_matrix(stored[utt]), scores[0].numpy(), atol=2e-5)


def test_audio_is_as_good_as_the_archives(tuned: Path, place: Path, tmp_path: Path) -> None:
    assert decode(tuned, place, tmp_path / "archives") == 0
    tables = {name: read_table(place / "dev" / name) for name in ("wav.scp", "utt2spk", "utt2num_frames")}
    write_datadir(tmp_path / "audio", tables)
    assert main(["decode", str(tuned), str(tmp_path / "audio"), str(tmp_path / "o"), "--set", "search=greedy"]) == 0
    assert (tmp_path / "o" / "text").read_text() == (tmp_path / "archives" / "text").read_text()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["objective.empty=error"], "s000-u000: its transcript is empty"),
        (["codes=nowhere"], "nowhere: has no units.txt"),
        (["objective.num_units=9"], "objective.num_units is 9"),
        (["batching.min_frames=90", "batching.max_frames=91"], "none of 8 utterances has 90 to 91 frames"),
        (["training.best_by=per"], "a validation has no figure 'per'"),
        (["objective.intermediate=[2]"], "2 is not below the last of 2 blocks"),
    ],
)
def test_mistakes(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], says: str, trained: Path
) -> None:
    options = [word for one in [f'init="{trained}"', "training.max_steps=1", *change] for word in ("--set", one)]
    assert main(["train", str(place / "ctc.yaml"), str(tmp_path), *options]) == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_a_model_that_cannot_transcribe(trained: Path, tuned: Path, place: Path, capsys: pytest.CaptureFixture) -> None:
    assert decode(trained, place, place / "nothing") == 2
    assert "which learnt no units of text" in capsys.readouterr().err
    assert decode(tuned, place, place / "dev") == 2
    assert "is DATA itself" in capsys.readouterr().err


def test_other_transcripts_are_another_run(tuned: Path, place: Path, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(tuned, tmp_path / "run")
    shutil.copytree(place / "train", tmp_path / "train")
    text = read_table(tmp_path / "train" / "text")
    write_table(tmp_path / "train" / "text", text | {"s005-u010": "c c"})
    options = ["--set", f'init="{trained}"', "--set", "training.max_steps=161"]
    assert main(["train", str(place / "ctc.yaml"), str(tmp_path / "run"), *options]) == 0
    changed = ["--set", f'train="{tmp_path}/train"', "--set", "training.max_steps=162"]
    assert main(["train", str(place / "ctc.yaml"), str(tmp_path / "run"), *options, *changed]) == 2
