"""Encoders of waveforms through the whole pipeline: data directory, batches, objective, loop, extraction, masr.load."""

from __future__ import annotations

import json
import re
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import masr
from masr.cli.main import main
from masr.errors import CheckpointError
from masr.io.audio import read_audio
from masr.io.datadir import read_table, write_datadir
from reference import tiny_checkpoints
from small.masr_process import MasrProcess

pytestmark = pytest.mark.slow

pytest.importorskip("transformers")
KINDS = ("wav2vec2-base", "wavlm-large", "hubert", "w2v-bert")

CONF = """\
train: "{root}/data/train"
dev: "{root}/data/dev"
codes: "{codes}"
encoder: {{name: pretrained, checkpoint: "{root}/checkpoint"}}
objective: {{name: wav2vec2, num_codes: 8, code_dim: 8, width: 8, num_distractors: 5}}
streams: [{{name: language, projection_dim: 8, warmup_steps: 0}}]
data: {{source: samples, num_workers: 0, noise: {{share: 0.5}}}}
batching: {{batch_frames: 600, max_frames: 70, stream: language, labels_per_batch: 4}}
training: {{max_steps: 4, log_every: 1, validate_every: 2, save_every: 2, tensorboard: false}}
"""


@pytest.fixture(scope="module")
def corpus(spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The spoken corpus without anything of stage 2, for runs that read the audio alone."""
    root = tmp_path_factory.mktemp("samples")
    for split in ("train", "dev"):
        names = ("wav.scp", "utt2spk", "utt2lang")
        write_datadir(root / "data" / split, {name: read_table(spoken / "data" / split / name) for name in names})
    return root


def prepare(corpus: Path, spoken: Path, kind: str) -> Path:
    """A folder with a checkpoint of that kind, and a run's configuration."""
    root = corpus / kind
    if not root.exists():
        shutil.copytree(corpus / "data", root / "data")
        tiny_checkpoints.write_checkpoint(kind, root / "checkpoint")
        (root / "run.yaml").write_text(CONF.format(root=root, codes=spoken / "exp" / "units"), encoding="utf-8")
    return root


def train(root: Path, out: Path, *options: str) -> int:
    return main(["train", str(root / "run.yaml"), str(out), *options])


def waves(root: Path) -> list[np.ndarray]:
    return [read_audio(path) for path in read_table(root / "data" / "train" / "wav.scp").values()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_is_trained_on_and_used_without_it(corpus: Path, spoken: Path, tmp_path: Path, kind: str) -> None:
    root, out = prepare(corpus, spoken, kind), tmp_path / "run"
    assert train(root, out, "--max-steps", "2") == 0
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert all(np.isfinite(line["loss"]) for line in lines if line["split"] in ("train", "dev"))
    assert not (out / "stats.safetensors").exists()
    before, after = load_file(root / "checkpoint" / "model.safetensors"), load_file(out / "model.safetensors")
    moved = [name for name in before if f"objective.encoder.model.{name}" in after]
    assert len(moved) > 20
    assert not all(torch.equal(before[name], after[f"objective.encoder.model.{name}"]) for name in moved)
    shutil.move(root / "checkpoint", tmp_path / "away")
    try:
        model = masr.load(out, "cpu")
        vectors = model.embed(waves(root)[:5], 16000)
        for wave, vector in zip(waves(root)[:5], vectors, strict=True):
            torch.testing.assert_close(model.encode(wave, 16000).mean(dim=0), vector, atol=1e-5, rtol=1e-5)
        assert main(["extract", str(out), str(root / "data" / "train"), str(tmp_path / "out"), "--device", "cpu"]) == 0
        found = torch.from_numpy(np.load(tmp_path / "out" / "embeddings.npy"))
        torch.testing.assert_close(found[:5], vectors, atol=1e-5, rtol=1e-5)
    finally:
        shutil.move(tmp_path / "away", root / "checkpoint")
    shutil.rmtree(out / "encoder")
    with pytest.raises(CheckpointError, match="encoder/"):
        masr.load(out)


def test_a_published_quantizer_goes_on_beside_streams(corpus: Path, spoken: Path, tmp_path: Path) -> None:
    """The weights of the run begin as the checkpoint's; the run is gone on with and used without it."""
    root = prepare(corpus, spoken, "wav2vec2-large")
    checkpoint = tmp_path / "xls-r"
    sizes = {"num_codevectors_per_group": 8, "num_codevector_groups": 2, "codevector_dim": 8, "proj_codevector_dim": 8}
    tiny_checkpoints.write_checkpoint("wav2vec2-large", checkpoint, "ForPreTraining", **sizes)
    own = ["--set", f"encoder.checkpoint={checkpoint}", "--set", "encoder.own_heads=true"]
    assert (
        train(root, tmp_path / "none", "--max-steps", "0", "--set", "streams=[]", "--set", 'batching.stream=""', *own)
        == 0
    )
    before, drawn = load_file(checkpoint / "model.safetensors"), load_file(tmp_path / "none" / "model.safetensors")
    pairs = {
        "quantizer.scores.weight": "quantizer.weight_proj.weight",
        "target.weight": "project_q.weight",
        "guess.bias": "project_hid.bias",
        "mask_embedding": "wav2vec2.masked_spec_embed",
        "encoder.model.encoder.layers.1.attention.k_proj.weight": "wav2vec2.encoder.layers.1.attention.k_proj.weight",
    }
    for ours, theirs in pairs.items():
        assert torch.equal(drawn[ours], before[theirs])
    assert torch.equal(drawn["quantizer.codes"].flatten(), before["quantizer.codevectors"].flatten())
    assert train(root, tmp_path / "run", "--max-steps", "2", *own) == 0
    moved = load_file(tmp_path / "run" / "model.safetensors")
    assert not torch.equal(moved["objective.target.weight"], drawn["target.weight"])
    shutil.rmtree(checkpoint)
    assert torch.isfinite(masr.load(tmp_path / "run", "cpu").embed(waves(root)[:2], 16000)).all()


@pytest.fixture
def one_thread() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_killed_and_started_again_it_ends_with_the_same_bits(corpus: Path, spoken: Path, tmp_path: Path) -> None:
    root = prepare(corpus, spoken, "wav2vec2-base")
    rooms = ["--set", "data.rooms={share: 0.5, num_responses: 2}", "--set", "training.validate_every=4"]
    steps = ["--max-steps", "4", "--set", "training.save_every=1", *rooms]
    assert train(root, tmp_path / "whole", *steps) == 0
    process = MasrProcess(tmp_path / "told", "train", str(root / "run.yaml"), str(tmp_path / "killed"), *steps)
    saved = tmp_path / "killed" / "checkpoints"
    deadline = time.monotonic() + 300
    while not list(saved.glob("step_*")):
        assert not process.ended() and time.monotonic() < deadline
        time.sleep(0.01)
    process.signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    assert train(root, tmp_path / "killed", *steps) == 0
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_another_sample_rate_is_converted(corpus: Path, spoken: Path, tmp_path: Path) -> None:
    import soxr

    root = prepare(corpus, spoken, "hubert")
    assert train(root, tmp_path, "--max-steps", "1") == 0
    model = masr.load(tmp_path, "cpu")
    slow = [soxr.resample(wave, 16000, 8000) for wave in waves(root)[:3]]
    again = [soxr.resample(wave, 8000, 16000) for wave in slow]
    torch.testing.assert_close(model.embed(slow, 8000, resample=True), model.embed(again, 16000), atol=1e-5, rtol=1e-5)
    for one, other in zip(model.encode(slow, 8000, resample=True), model.encode(again, 16000), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_hubert_continues_on_clusters_of_its_own_frames(corpus: Path, spoken: Path, tmp_path: Path) -> None:
    root = prepare(corpus, spoken, "hubert")
    data = [str(root / "data" / "train"), str(tmp_path / "clusters"), "--also", str(root / "data" / "dev")]
    assert main(["cluster", *data, "--clusters", "6", "--conf", str(root / "run.yaml")]) == 0
    objective = ["--set", "objective={name: hubert, num_clusters: 6, width: 8}"]
    targets = ["--set", f"targets={json.dumps(str(tmp_path / 'clusters'))}", "--set", "batching.max_frames=40"]
    assert train(root, tmp_path / "run", *objective, *targets, "--set", "batching.batch_frames=400") == 0
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert np.isfinite([line for line in lines if line["split"] == "train"][-1]["masked_prediction"])
    model = ["--features", str(tmp_path / "run"), "--layer", "1", "--conf", str(root / "run.yaml")]
    assert main(["cluster", str(root / "data" / "train"), str(tmp_path / "next"), "--clusters", "5", *model]) == 0


def test_our_own_encoder_of_waveforms(
    corpus: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = prepare(corpus, spoken, "hubert")
    sizes = "dim: 16, num_layers: 1, num_heads: 2, feed_forward_dim: 16, position_kernel: 4, position_groups: 2"
    encoder = f"encoder={{name: transformer, front_end: waveform, subsampling: 320, positions: convolutional, {sizes}}}"
    conf = (root / "run.yaml").read_text().replace("encoder:", "#")
    (tmp_path / "run.yaml").write_text(conf)
    command = ["train", str(tmp_path / "run.yaml"), str(tmp_path / "run"), "--max-steps", "1", "--set", encoder]
    assert main(command) == 0
    counted = re.search(r"(\d+) frames with padding", capsys.readouterr().err)
    assert counted is not None
    assert 100 < int(counted[1]) <= 600  # pieces of 10 ms, as the budget counts, not samples
    assert not (tmp_path / "run" / "encoder").exists()
    assert masr.load(tmp_path / "run", "cpu").encode(np.ones(16000, np.float32), 16000).shape == (49, 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set", "data.source=waveform", "--set", "features={name: log_mel}"], "set data.source to samples"),
        (["--set", "data.source=archives", "--set", "data.noise.share=0"], "set data.source to samples"),
        (["--set", "features={name: log_mel}"], "leave `features` out"),
        (["--set", "data.time_masks=1"], "data.source is samples"),
        (["--set", "objective={name: best_rq}"], "use wav2vec2 or hubert"),
        (["--set", "data.noise.folder=gone"], "gone"),
    ],
)
def test_what_cannot_be_is_one_block(
    corpus: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    root = prepare(corpus, spoken, "hubert")
    assert train(root, tmp_path / "run", *options) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_an_encoder_of_frames_refuses_samples(spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", str(spoken / "run.yaml"), str(tmp_path), "--set", "data.source=samples"]
    assert main(command) == 2
    assert "archives or waveform" in capsys.readouterr().err
    command = ["train", str(spoken / "run.yaml"), str(tmp_path), "--set", "data.noise.share=0.5"]
    assert main(command) == 2
    assert "data.source to waveform" in capsys.readouterr().err


def test_features_made_of_noisy_audio_train_the_same_with_and_without_readers(spoken: Path, tmp_path: Path) -> None:
    folder = json.dumps(str(spoken / "data" / "dev"))
    noise = f"data.noise={{share: 0.5, folder: {folder}, max_cover: 0.5, min_cover: 0}}"
    options = ["--set", "data.source=waveform", "--set", noise, "--set", "data.rooms={share: 0.5, num_responses: 2}"]
    for readers in ("0", "1"):
        command = ["train", str(spoken / "run.yaml"), str(tmp_path / readers), "--max-steps", "2", *options]
        assert main([*command, "--set", f"data.num_workers={readers}"]) == 0
    clean = ["train", str(spoken / "run.yaml"), str(tmp_path / "clean"), "--max-steps", "2", *options[:2]]
    assert main(clean) == 0
    none, one, without = (load_file(tmp_path / name / "model.safetensors") for name in ("0", "1", "clean"))
    assert all(torch.equal(none[name], one[name]) for name in none)
    assert not all(torch.equal(none[name], without[name]) for name in none)
