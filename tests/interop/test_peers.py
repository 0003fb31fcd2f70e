"""Exports for s3prl and ESPnet: our layers by their classes, and a training step of theirs on top."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import masr
from masr.cli.main import main
from reference import tiny_checkpoints
from small.exports import BEST_RQ, CONFORMER, CTC, GROUP, LAYER, WAV2VEC2, MakeRun

pytestmark = pytest.mark.slow

pytest.importorskip("transformers")
ROOT = Path(__file__).parents[2]
RUNS = [(CONFORMER % "relative", BEST_RQ, 640), (GROUP, WAV2VEC2, 320), (LAYER, CTC, 320)]


def export(run: Path, out: Path, to: str) -> Path:
    assert main(["export", str(run), str(out), "--to", to]) == 0
    return out


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that Python looks for modules in, until the test ends."""
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def imported(name: str) -> ModuleType:
    for known in [one for one in sys.modules if one.split(".")[0] in (name.split(".")[0], "masr_upstream")]:
        del sys.modules[known]
    importlib.invalidate_caches()
    return importlib.import_module(name)


@pytest.mark.parametrize(("encoder", "objective", "rate"), RUNS)
def test_an_upstream_has_every_layer_of_ours(
    make_run: MakeRun, voices: list[np.ndarray], packages: Path, encoder: str, objective: str, rate: int
) -> None:
    run = make_run(encoder, objective)
    export(run, packages / "upstream_of_masr", "s3prl")
    hub = imported("upstream_of_masr.hubconf")
    expert = hub.masr().eval()
    assert expert.get_downsample_rates("hidden_states") == rate
    with torch.no_grad():
        layers = expert([torch.from_numpy(voice) for voice in voices])["hidden_states"]
    ours = masr.load(run)
    assert len(layers) == ours.num_layers + 1
    for number, layer in enumerate(layers):
        for row, frames in enumerate(ours.encode(voices, 16000, layer=number)):
            torch.testing.assert_close(layer[row, : len(frames)], frames, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["data2vec", "hubert-batch-norm"])
def test_padding_reaches_no_layer_of_what_came_from_transformers(
    make_run: MakeRun, voices: list[np.ndarray], packages: Path, kind: str
) -> None:
    """transformers lets it into these (tests/known_issues); the feature extractor is one that layer norms allow."""
    folder = tiny_checkpoints.write_checkpoint(kind, packages / "checkpoint", feat_extract_norm="layer")
    run = make_run(f'{{name: pretrained, checkpoint: "{folder}"}}', WAV2VEC2)
    name = f"upstream_of_{kind.replace('-', '_')}"
    export(run, packages / name, "s3prl")
    with torch.no_grad():
        layers = imported(f"{name}.hubconf").masr().eval()([torch.from_numpy(voice) for voice in voices])
    for number, layer in enumerate(layers["hidden_states"]):
        for row, frames in enumerate(masr.load(run).encode(voices, 16000, layer=number)):
            torch.testing.assert_close(layer[row, : len(frames)], frames, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("encoder", "objective", "rate"), RUNS[:2])
def test_espnets_model_takes_a_training_step_on_the_front_end(
    make_run: MakeRun, voices: list[np.ndarray], packages: Path, encoder: str, objective: str, rate: int
) -> None:
    pytest.importorskip("espnet2", reason="ESPnet is optional")
    espnet_model = pytest.importorskip("espnet2.asr.espnet_model")
    from espnet2.asr import ctc as espnet_ctc
    from espnet2.asr.encoder.transformer_encoder import TransformerEncoder

    run = make_run(encoder, objective)
    out = export(run, packages / "for_espnet", "espnet")
    sys.path.insert(0, str(out))
    try:
        frontend = imported("masr_espnet").MasrFrontend(folder=str(out), layer=1)
    finally:
        sys.path.remove(str(out))
    assert json.loads((out / "masr_export.json").read_text())["downsample_rate"] == rate
    batch = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(voice) for voice in voices], batch_first=True)
    lengths = torch.tensor([len(voice) for voice in voices])
    frames, counts = frontend(batch, lengths)
    for row, wanted in enumerate(masr.load(run).encode(voices, 16000, layer=1)):
        assert int(counts[row]) == len(wanted)
        torch.testing.assert_close(frames[row, : len(wanted)], wanted, atol=1e-5, rtol=1e-5)
    torch.manual_seed(1)
    size = frontend.output_size()
    inner = TransformerEncoder(size, 16, 2, 24, 1, dropout_rate=0.0, positional_dropout_rate=0.0, input_layer="linear")
    model = espnet_model.ESPnetASRModel(
        vocab_size=5, token_list=["<blank>", "<unk>", "a", "b", "<sos/eos>"], frontend=frontend, specaug=None,
        normalize=None, preencoder=None, encoder=inner, postencoder=None, decoder=None,
        ctc=espnet_ctc.CTC(5, 16), joint_network=None, ctc_weight=1.0,
    )  # fmt: skip
    optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=0.05)
    text, text_lengths = torch.tensor([[2, 3], [3, 2], [2, -1]]), torch.tensor([2, 2, 1])
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss, _, _ = model(speech=batch, speech_lengths=lengths, text=text, text_lengths=text_lengths)
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[2] < losses[0]
    assert all(one.grad is None for one in frontend.layers.parameters())


TRAINING = """\
token_list: [<blank>, <unk>, plus, two, <sos/eos>]
token_type: word
normalize: null
decoder: null
model_conf: {ctc_weight: 1.0}
batch_type: unsorted
batch_size: 8
num_iters_per_epoch: 2
max_epoch: 1
num_workers: 0
use_tensorboard: false
use_matplotlib: false
"""
PARTS = {
    "frontend": "frontend: masr\nfrontend_conf: {folder: FOLDER}\nencoder: transformer\n"
    "encoder_conf: {output_size: 16, attention_heads: 2, linear_units: 24, num_blocks: 1, input_layer: linear}\n",
    "encoder": "input_size: 1\nfrontend: null\nencoder: masr\nencoder_conf: {folder: FOLDER}\n",
}


@pytest.mark.parametrize("part", PARTS)
def test_espnets_program_trains_with_it(make_run: MakeRun, spoken: Path, tmp_path: Path, part: str) -> None:
    pytest.importorskip("espnet2", reason="ESPnet is optional")
    out = export(make_run(CONFORMER % "relative", BEST_RQ), tmp_path / "for espnet", "espnet")
    config = tmp_path / "train.yaml"
    config.write_text(TRAINING + PARTS[part].replace("FOLDER", json.dumps(str(out))), encoding="utf-8")
    words = [str(out / "with_espnet.py"), "-m", "espnet2.bin.asr_train", "--config", str(config)]
    words += ["--output_dir", str(tmp_path / "exp"), "--ngpu", "0"]
    for name, split in (("train", "train"), ("valid", "dev")):
        folder = spoken / "data" / split
        (tmp_path / f"{name}_shape").write_text((folder / "utt2num_frames").read_text())
        words += [f"--{name}_shape_file", str(tmp_path / f"{name}_shape")]
        for what in (f"{folder}/wav.scp,speech,sound", f"{folder}/text,text,text"):
            words += [f"--{name}_data_path_and_name_and_type", what]
    # as `python with_espnet.py ...` where ESPnet has all that it imports
    code = f"from superb.peers import ready_espnet as ready; ready(); import runpy, sys; sys.argv = {words!r}; "
    code += "runpy.run_path(sys.argv[0], run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tools'}", "HF_MODULES_CACHE": str(tmp_path / "modules")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    weights = torch.load(tmp_path / "exp" / "1epoch.pth", weights_only=True)
    prefix = "frontend.layers.model." if part == "frontend" else "encoder.frontend.layers.model."
    stored = load_file(out / "model" / "model.safetensors")
    moved = [name for name, value in stored.items() if not torch.equal(weights[prefix + name], value.float())]
    assert bool(moved) == (part == "encoder")


@pytest.mark.parametrize("peer", ["s3prl", "espnet"])
def test_a_model_of_mel_frames_is_refused(
    make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str], peer: str
) -> None:
    folder = tiny_checkpoints.write_checkpoint("w2v-bert", tmp_path / "checkpoint")
    run = make_run(f'{{name: pretrained, checkpoint: "{folder}"}}', WAV2VEC2)
    assert main(["export", str(run), str(tmp_path / "out"), "--to", peer]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "w2v-BERT" in said and f"{peer} gives waveforms" in said and "--to hf" in said
    assert not (tmp_path / "out").exists()


def test_the_heads_stay_behind_and_the_export_says_so(
    make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = export(make_run(LAYER, CTC), tmp_path / "out", "s3prl")
    assert "its encoder alone goes out" in capsys.readouterr().out
    assert json.loads((out / "model" / "config.json").read_text())["architectures"] == ["Wav2Vec2Model"]
    shutil.rmtree(out)
