"""`masr confidence` as its users call it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.ark import read_array
from masr.io.datadir import read_table, write_table

CONF = """\
train: "{root}/data/train"
dev: null
codes: "{root}/exp/units"
encoder: {{num_bins: 24, dim: 16, num_layers: 1, num_heads: 2, feed_forward_dim: 32}}
init: null
objective: {{name: ctc}}
data: {{num_workers: 0}}
batching: {{batch_frames: 1600, max_frames: 200}}
training: {{max_steps: 2, tensorboard: false}}
"""


@pytest.fixture(scope="module")
def listener(spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("listener")
    (out / "ctc.yaml").write_text(CONF.format(root=spoken), encoding="utf-8")
    assert main(["train", str(out / "ctc.yaml"), str(out / "run")]) == 0
    return out / "run"


@pytest.fixture
def data(spoken: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(spoken / "data" / "dev", tmp_path / "dev"))


def values(folder: Path) -> np.ndarray:
    return np.concatenate([read_array(entry) for entry in read_table(folder / "confidence.scp").values()])


def test_a_directory_gets_its_confidences_and_says_so(
    listener: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["confidence", str(listener), str(data)]) == 0
    found = values(data)
    said = capsys.readouterr().out
    assert f"8 utterances, {len(found)} frames of 40 ms, mean confidence {found.mean():.3f}" in said
    facts = json.loads((data / "confidence.json").read_text())
    assert facts["frame_shift_sec"] == 0.04 and facts["scorer"] == str(listener) and facts["num_frames"] == len(found)
    assert main(["data", "validate", str(data)]) == 0
    assert main(["confidence", str(listener), str(data)]) == 0
    assert "all of it is there" in capsys.readouterr().out


def test_jobs_measures_and_a_folder_of_its_own(listener: Path, data: Path, tmp_path: Path) -> None:
    command = ["confidence", str(listener), str(data), str(tmp_path / "out"), "--measure", "entropy"]
    for part in ("2/2", "1/2"):
        assert main([*command, "--job", part]) == 0
    assert main([*command, "--merge", "2"]) == 0
    assert not (data / "confidence.scp").exists()
    assert main(["confidence", str(listener), str(data)]) == 0
    assert not np.allclose(values(data), values(tmp_path / "out"))


def test_the_encoder_that_is_to_be_trained_is_compared(
    listener: Path, data: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["confidence", str(listener), str(data), "--encoder"]
    assert main([*command, str(spoken / "run.yaml")]) == 0
    (tmp_path / "fast.yaml").write_text("encoder: {num_bins: 24, subsampling: 2}\n")
    assert main([*command, str(tmp_path / "fast.yaml")]) == 2
    assert "every 40 ms, and the encoder makes a frame every 20 ms" in capsys.readouterr().err


def test_what_cannot_be_scored_is_one_block(
    listener: Path, trained: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ["streams=[]", 'batching.stream=""', "objective={name: wav2vec2, num_codes: 8, code_dim: 8}"]
    run = ["train", str(trained.parent.parent / "run.yaml"), str(tmp_path / "contrasts")]
    assert main([*run, *(word for change in changes for word in ("--set", change))]) == 0
    assert main(["confidence", str(tmp_path / "contrasts"), str(data)]) == 2
    assert "objective is wav2vec2, which learnt no units of text and predicts no codes" in capsys.readouterr().err
    assert main(["confidence", str(tmp_path / "nowhere"), str(data)]) == 2
    assert "is not the folder of a run" in capsys.readouterr().err
    assert main(["features", str(data), "--set", "features.num_bins=24", "--set", "features.low_hz=50"]) == 0
    assert main(["confidence", str(listener), str(data)]) == 2
    assert "other features than the scorer was trained on" in capsys.readouterr().err
    (data / "feats.scp").unlink()
    (data / "utt2num_frames").unlink()
    assert main(["confidence", str(listener), str(data)]) == 2
    assert "has no features" in capsys.readouterr().err


def test_confidences_without_transcripts_each_say_what_they_are(
    trained: Path, spoken: Path, data: Path, tmp_path: Path
) -> None:
    conf, seen = spoken / "run.yaml", []
    for scorer, measure, of in [
        (trained, "margin", "codes"),
        (conf, "energy", "power"),
        (trained, "voice_activity", "power"),
        (trained, "dropout_cosine", "frames"),
        (trained, "dropout_agreement", "codes"),
    ]:
        out = tmp_path / measure
        command = ["confidence", str(scorer), str(data), str(out), "--measure", measure, "--encoder", str(conf)]
        assert main(command) == 0
        facts = json.loads((out / "confidence.json").read_text())
        assert (facts["measure"], facts["of"], facts["frame_shift_sec"]) == (measure, of, 0.04)
        assert facts["dropout"] == (0.1 if measure.startswith("dropout") else 0)
        found = values(out)
        assert found.min() >= 0 and found.max() <= 1 and (found.std() > 0 or measure == "voice_activity")
        seen.append(found)
    assert len({len(found) for found in seen}) == 1
    train = ["train", str(conf), str(tmp_path / "run"), "--set", "masking.name=ask2mask"]
    for name in ("dev", "train"):
        part = ["confidence", str(trained), str(spoken / "data" / name), str(tmp_path / "by" / name)]
        assert main([*part, "--measure", "energy"]) == 0
    changes = [f"confidence={tmp_path / 'by'}", "streams=[]", 'batching.stream=""']
    assert main([*train, *(word for change in changes for word in ("--set", change))]) == 0
    lines = (tmp_path / "run" / "metrics.jsonl").read_text()
    assert "masked_confidence" in lines


def test_a_temperature_is_recorded_and_never_mixed(listener: Path, data: Path, tmp_path: Path) -> None:
    for temperature in ("1", "4"):
        out = str(tmp_path / temperature)
        assert main(["confidence", str(listener), str(data), out, "--temperature", temperature]) == 0
    facts = [json.loads((tmp_path / name / "confidence.json").read_text()) for name in ("1", "4")]
    assert [one["temperature"] for one in facts] == [1, 4]
    assert facts[1]["mean"] < facts[0]["mean"]
    assert main(["confidence", str(listener), str(data), str(tmp_path / "1"), "--temperature", "2"]) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--measure", "energy", "--exclude-blank"], "neither a blank nor a temperature"),
        (["--measure", "voice_activity", "--temperature", "2"], "neither a blank nor a temperature"),
        (["--measure", "dropout_cosine", "--temperature", "2"], "a temperature has a meaning"),
        (["--measure", "dropout_cosine", "--dropout", "0"], "two passes of it are one and the same"),
        (["--measure", "margin", "--dropout", "0.1"], "--dropout has no meaning"),
        (["--exclude-blank"], "none is a blank"),
        (["--temperature", "0"], "above 0"),
    ],
)
def test_measures_and_what_they_are_not_of(
    trained: Path, data: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["confidence", str(trained), str(data), *options]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_classifier_of_frames_is_trained_and_scores(
    spoken: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("train", "dev"):
        folder = Path(shutil.copytree(spoken / "data" / name, tmp_path / "data" / name))
        utts = read_table(folder / "utt2spk")
        tones = {utt: f"1 0 0.3 T{int(utt[-3:]) % 4}\n1 0.3 0.2 sil\n1 0.5 0.9 T{int(utt[-3:]) % 4}" for utt in utts}
        write_table(folder / "phones.ctm", tones)
    conf = (
        CONF.format(root=tmp_path)
        .replace("name: ctc", "name: frames")
        .replace("dev: null", f'dev: "{tmp_path}/data/dev"')
        .replace("max_steps: 2", "max_steps: 40, validate_every: 40")
        .replace("training:", "optim: {peak_lr: 0.01, warmup_steps: 5}\ntraining:")
    )
    (tmp_path / "frames.yaml").write_text(conf, encoding="utf-8")
    run = tmp_path / "run"
    assert main(["train", str(tmp_path / "frames.yaml"), str(run)]) == 0
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    dev = [line for line in lines if "speech_accuracy" in line]
    assert dev
    assert dev[-1]["frame_accuracy"] > 0.4
    for options in ([], ["--exclude-blank"], ["--measure", "margin", "--temperature", "2"]):
        assert main(["confidence", str(run), str(data), str(tmp_path / "out"), "--replace", *options]) == 0
    facts = json.loads((tmp_path / "out" / "confidence.json").read_text())
    assert (facts["of"], facts["measure"], facts["temperature"]) == ("classes", "margin", 2)
    (tmp_path / "data" / "dev" / "phones.ctm").unlink()
    assert main(["train", str(tmp_path / "frames.yaml"), str(tmp_path / "other")]) == 2
    assert "has no phones.ctm" in capsys.readouterr().err
    (tmp_path / "frames.yaml").write_text(conf.replace("init: null", ""), encoding="utf-8")
    assert main(["train", str(tmp_path / "frames.yaml"), str(tmp_path / "other")]) == 2
    assert "init does not say from what" in capsys.readouterr().err
