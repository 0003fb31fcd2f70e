"""`masr train` of a language identifier from a pre-trained encoder, and `masr identify`, end to end on tones."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.torch import load_file

import masr
from masr.cli.main import main
from masr.io.audio import read_audio
from masr.io.datadir import DataDir
from masr.io.language_scores import read_language_scores

CONF = """\
train: "{root}/data/train"
dev: "{root}/data/dev"
init: null
objective: {{name: lid, pooling: statistics}}
data: {{num_workers: 0}}
batching: {{batch_frames: 1600, max_frames: 60, max_utterances: 16}}
optim: {{peak_lr: 1e-2, warmup_steps: 4, schedule: constant, frozen: {{encoder: 10}}, scales: {{encoder: 0.3}}}}
training: {{max_steps: 30, log_every: 10, validate_every: 15, save_every: 15, best_by: +accuracy, tensorboard: false}}
"""


def fine_tune(spoken: Path, out: Path, *options: str) -> int:
    conf = spoken / "lid.yaml"
    conf.write_text(CONF.format(root=spoken), encoding="utf-8")
    return main(["train", str(conf), str(out), *options])


@pytest.fixture(scope="module")
def tuned(spoken: Path, trained: Path) -> Path:
    out = spoken / "exp" / "lid"
    assert fine_tune(spoken, out, "--set", f'init="{trained}"') == 0
    return out


def speech(spoken: Path, place: int) -> np.ndarray:
    return read_audio(DataDir.open(spoken / "data" / "dev").table("wav.scp").at(place))


def truth(spoken: Path, place: int) -> str:
    return DataDir.open(spoken / "data" / "dev").table("utt2lang").at(place)


def identified(out: str) -> list[dict]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_fine_tuned_model_is_whole(tuned: Path, trained: Path) -> None:
    config = (tuned / "config.yaml").read_text()
    assert "languages: [eng, hin, nob, urd]" in config
    assert "dim: 16" in config and "num_bins: 24" in config  # of the run that it began from
    assert (tuned / "stats.safetensors").read_bytes() == (trained / "stats.safetensors").read_bytes()
    lines = [json.loads(line) for line in (tuned / "metrics.jsonl").read_text().splitlines()]
    dev = [line for line in lines if line["split"] == "dev"]
    assert dev[-1]["accuracy"] == 1.0 and dev[-1]["loss"] == dev[-1]["classification"]
    assert float(load_file(tuned / "model.safetensors")["temperature"]) != 1.0
    assert masr.load(tuned, "cpu").embed(np.zeros(16000, np.float32), 16000).shape == (16,)


def test_it_begins_from_the_weights_it_was_given(spoken: Path, trained: Path, tmp_path: Path) -> None:
    frozen = ["--set", "optim.scales={encoder: 0}", "--set", "optim.frozen={}", "--max-steps", "2"]
    assert fine_tune(spoken, tmp_path / "a", "--set", f'init="{trained}"', *frozen) == 0
    mine, theirs = (load_file(folder / "model.safetensors") for folder in (tmp_path / "a", trained))
    names = [name for name in mine if name.startswith("encoder.")]
    assert names and all(mine[name].equal(theirs[f"objective.{name}"]) for name in names)


def test_same_seed_same_weights_and_no_pre_training_needed(spoken: Path, tmp_path: Path) -> None:
    small = ["--set", "encoder={num_bins: 24, dim: 16, num_layers: 2, num_heads: 2, feed_forward_dim: 32}"]
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        assert fine_tune(spoken, tmp_path / name, *small, "--max-steps", "3", "--seed", seed) == 0
    one, two, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert one == two != other


def test_streams_of_metadata_go_along(spoken: Path, trained: Path, tmp_path: Path) -> None:
    streams = ["--set", "streams=[{name: language, projection_dim: 8, warmup_steps: 0}]"]
    options = [
        "--set",
        f'codes="{spoken}/exp/units"',
        "--set",
        "optim.frozen={}",
        "--set",
        "optim.scales={}",
        "--max-steps",
        "3",
    ]
    assert fine_tune(spoken, tmp_path / "a", "--set", f'init="{trained}"', *streams, *options) == 0
    assert (
        main(["identify", str(tmp_path / "a"), str(spoken / "data" / "dev"), "--scores", str(tmp_path / "s.tsv")]) == 0
    )
    assert read_language_scores(tmp_path / "s.tsv").values.shape == (8, 4)


def test_few_shots_and_an_open_set(spoken: Path, trained: Path, tmp_path: Path) -> None:
    options = ["--set", f'init="{trained}"', "--max-steps", "3", "--set", "batching.shots=2"]
    others = ["--set", "objective.open_set=true", "--set", "objective.others=[nob]"]
    assert fine_tune(spoken, tmp_path / "a", *options, *others) == 0
    assert (
        main(["identify", str(tmp_path / "a"), str(spoken / "data" / "dev"), "--scores", str(tmp_path / "s.npy")]) == 0
    )
    assert read_language_scores(tmp_path / "s.npy").languages == ("eng", "hin", "urd", "other")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set", "init=gone"], "gone is not the folder of a run"),
        (["--set", "init={trained}", "--set", "encoder.name=transformer"], "init"),
        (["--set", "init={trained}", "--set", "encoder.dim=32"], "does not fit"),
        (["--set", "init={trained}", "--set", "features.name=mfcc"], "other features"),
        (["--set", "init={trained}", "--set", "objective.kind=accent"], "no utt2accent"),
        (["--set", "init={trained}", "--set", "objective.languages=[eng, deu]"], "deu"),
        (["--set", "init={trained}", "--set", "training.best_by=+acuracy"], "did you mean accuracy"),
        (["--set", "init={trained}", "--set", "batching.shots=-1"], "shots"),
    ],
)
def test_what_cannot_be_is_one_block(
    spoken: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    words = [word.replace("{trained}", f'"{trained}"') for word in options]
    assert fine_tune(spoken, tmp_path / "run", *words) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg"])
def test_formats_and_names(
    spoken: Path, tuned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    path = tmp_path / f"a b é.{kind}"
    soundfile.write(path, speech(spoken, 1), 16000)
    assert main(["identify", str(tuned), str(path), "--top", "2"]) == 0
    name, best, second = capsys.readouterr().out.rstrip("\n").split("\t")
    assert name == str(path)
    assert truth(spoken, 1) == "hin" and best.startswith("Hindi (hin) ") and best.endswith(" %")
    assert float(best.split()[-2]) > float(second.split()[-2])


def test_a_wav_from_a_pipe_does_not_say_its_length(
    spoken: Path, tuned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "whole.wav", speech(spoken, 1), 16000)
    data = bytearray((tmp_path / "whole.wav").read_bytes())
    data[40:44] = b"\xff" * 4
    (tmp_path / "piped.wav").write_bytes(data)
    assert main(["identify", str(tuned), "--jsonl", str(tmp_path / "whole.wav"), str(tmp_path / "piped.wav")]) == 0
    whole, piped = identified(capsys.readouterr().out)
    assert whole["languages"] == piped["languages"]


def test_json_and_standard_input(
    spoken: Path, tuned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, speech(spoken, 2), 16000)
    monkeypatch.setattr(sys, "stdin", type("In", (), {"buffer": io.BytesIO(path.read_bytes())}))
    assert main(["identify", str(tuned), str(path), "-", "--jsonl", "--top", "9"]) == 0
    file, given = identified(capsys.readouterr().out)
    assert (file["file"], given["file"]) == (str(path), "-")
    assert file["languages"] == given["languages"] and len(file["languages"]) == 4
    assert sum(entry["probability"] for entry in file["languages"]) == pytest.approx(1, abs=1e-4)
    assert file["languages"][0]["code"] == truth(spoken, 2)


def test_one_bad_file_does_not_stop_the_others(
    spoken: Path, tuned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wave = speech(spoken, 0)
    soundfile.write(tmp_path / "good.wav", wave, 16000)
    soundfile.write(tmp_path / "none.wav", wave[:0], 16000)
    soundfile.write(tmp_path / "short.wav", wave[:300], 16000)
    soundfile.write(tmp_path / "brief.wav", wave[:700], 16000)
    soundfile.write(tmp_path / "nan.wav", np.full(9000, np.nan, np.float32), 16000, subtype="FLOAT")
    (tmp_path / "text.wav").write_text("no audio")
    (tmp_path / "zero.wav").write_bytes(b"")
    names = ["text", "gone", "none", "zero", "short", "brief", "nan", "good"]
    files = [str(tmp_path / f"{name}.wav") for name in names]
    assert main(["identify", str(tuned), *files, "--jsonl"]) == 2
    lines = identified(capsys.readouterr().out)
    assert [line["file"] for line in lines] == files
    reasons = [line.get("error", "fine") for line in lines]
    wanted = ["not audio", "missing", "empty", "empty", "too short", "too short", "NaN", "fine"]
    assert all(word in reason for word, reason in zip(wanted, reasons, strict=True)), reasons
    assert main(["identify", str(tuned), *files]) == 2
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 1 and len(shown.err.splitlines()) == 8
    assert "text.wav: not audio" in shown.err


def test_windows_cover_a_long_file_and_company_changes_nothing(
    spoken: Path, tuned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wave = speech(spoken, 3)
    half = speech(spoken, 0)
    soundfile.write(tmp_path / "once.wav", wave, 16000)
    soundfile.write(tmp_path / "long.flac", np.concatenate([wave] * 40), 16000)
    soundfile.write(tmp_path / "most.wav", np.concatenate([half, *[wave] * 9]), 16000)
    soundfile.write(tmp_path / "two.wav", np.stack([wave, np.zeros_like(wave)], 1), 44100)
    files = [str(tmp_path / name) for name in ("once.wav", "long.flac", "most.wav", "two.wav")]
    assert main(["identify", str(tuned), "--jsonl", "--top", "4", *files]) == 0
    together = identified(capsys.readouterr().out)
    assert [line["windows"] > 1 for line in together] == [len(wave) > 9900, True, True, False]
    assert all(line["languages"][0]["code"] == truth(spoken, 3) for line in together[:3])
    for file, line in zip(files, together, strict=True):
        assert main(["identify", str(tuned), "--jsonl", "--top", "4", file]) == 0
        alone = identified(capsys.readouterr().out)[0]
        for one, other in zip(alone["languages"], line["languages"], strict=True):
            assert one["code"] == other["code"]
            assert one["probability"] == pytest.approx(other["probability"], abs=1e-4)
    assert main(["identify", str(tuned), files[3], "--channel", "2"]) == 2
    assert "no channel 2" in capsys.readouterr().err


def test_a_data_directory_and_its_files_agree(
    spoken: Path, tuned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = DataDir.open(spoken / "data" / "dev")
    entries = list(data.table("wav.scp").values())
    for name, given in (("data", [str(data.folder)]), ("files", entries)):
        assert main(["identify", str(tuned), *given, "--scores", str(tmp_path / f"{name}.tsv")]) == 0
    one, other = (read_language_scores(tmp_path / f"{name}.tsv") for name in ("data", "files"))
    assert list(one.utts) == list(data.utts) and list(other.utts) == entries
    assert one.languages == ("eng", "hin", "nob", "urd")
    np.testing.assert_allclose(one.values, other.values, atol=5e-3)
    np.testing.assert_allclose(np.exp(one.values).sum(1), 1, atol=1e-4)
    capsys.readouterr()
    assert main(["score", "lid", "--ref", str(data.folder), "--scores", str(tmp_path / "data.tsv")]) == 0
    assert "accuracy" in capsys.readouterr().out


def test_a_folder_stands_for_its_audio_and_the_model_says_what_it_learnt(
    spoken: Path, tuned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("b.wav", "a/é.FLAC", ".hidden/c.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, speech(spoken, 1), 16000, format=name[-4:].strip("."))
    (tmp_path / "notes.txt").write_text("no audio")
    single = tmp_path / "b.wav"
    assert main(["identify", str(tuned), str(tmp_path), str(single), "--jsonl"]) == 0
    shown = capsys.readouterr()
    lines = identified(shown.out)
    assert [line["file"] for line in lines] == [str(tmp_path / "a/é.FLAC"), str(single), str(single)]
    said = f"{tuned} was trained on {spoken}/data/train; it knows 4 languages: eng, hin, nob, urd"
    assert said in shown.err


@pytest.mark.parametrize("record", ["{", "[1]", '{"source": "/corpora/mine"}'])
def test_a_damaged_record_of_the_training_data_stops_nothing(
    record: str, spoken: Path, tuned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, train = tmp_path / "run", tmp_path / "train"
    shutil.copytree(tuned, run)
    train.mkdir()
    (train / "provenance.json").write_text(record)
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace(f"{spoken}/data/train", str(train)))
    soundfile.write(tmp_path / "a.wav", speech(spoken, 1), 16000)
    assert main(["identify", str(run), str(tmp_path / "a.wav")]) == 0
    said = capsys.readouterr().err
    assert f"was trained on {train}" in said
    assert ("(made of /corpora/mine)" in said) == ("source" in record)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{trained}", "x.wav"], "learnt no labels"),
        (["gone", "x.wav"], "not the folder of a run"),
        (["{tuned}", "{data}", "x.wav"], "stands alone"),
        (["{tuned}", "-", "-"], "read once"),
        (["{tuned}", "{root}/exp"], "no audio file is in this folder, and no utt2spk"),
        (["{tuned}", "x.wav", "--top", "0"], "--top 0"),
    ],
)
def test_calls_that_make_no_sense(
    spoken: Path, trained: Path, tuned: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    places = {"trained": trained, "tuned": tuned, "root": spoken, "data": spoken / "data" / "dev"}
    assert main(["identify", *(word.format(**places) for word in arguments)]) == 2
    error = capsys.readouterr().err
    assert message in error and "fix:" in error
