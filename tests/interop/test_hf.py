"""MasrModel: networks that transformers lacks, by its own Auto classes, with masr and without."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import masr
from masr.api import identifier, transcriber
from masr.cli.main import main
from reference import tiny_checkpoints
from small.exports import (
    BEST_RQ,
    CONFORMER,
    CTC,
    CTC_MEAN,
    LAYER,
    LID_ECAPA,
    LID_MEAN,
    RECURRENT,
    TRANSFORMER,
    WAV2VEC2,
    MakeRun,
)

transformers = pytest.importorskip("transformers")
import masr.interop.hf  # noqa: E402  (only where transformers is there)

pytestmark = pytest.mark.slow

RELATIVE, ROTARY = CONFORMER % "relative", CONFORMER % "rotary"
ENCODERS = [
    (RELATIVE, ""),
    (ROTARY, ", normalise: utterance"),
    (TRANSFORMER, ", normalise: none"),
    (RECURRENT, ""),
    (LAYER.replace("convolutional", "rotary"), ""),
]


def export(run: Path, out: Path) -> Path:
    assert main(["export", str(run), str(out), "--to", "hf"]) == 0
    return out


def padded(folder: Path, voices: list[np.ndarray]) -> Any:
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    return extractor(voices, sampling_rate=16000, padding=True, return_tensors="pt")


@pytest.mark.parametrize(("encoder", "normalise"), ENCODERS)
def test_every_layer_is_ours(
    make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path, encoder: str, normalise: str
) -> None:
    run = make_run(encoder, WAV2VEC2 if "waveform" in encoder else BEST_RQ, normalise)
    out = export(run, tmp_path / "out")
    model = transformers.AutoModel.from_pretrained(out).eval()
    assert type(model) is masr.interop.hf.MasrModel
    ours = masr.load(run)
    with torch.no_grad():
        theirs = model(**padded(out, voices), output_hidden_states=True)
    for layer in range(ours.num_layers + 1):
        for row, frames in enumerate(ours.encode(voices, 16000, layer=layer)):
            torch.testing.assert_close(theirs.hidden_states[layer][row, : len(frames)], frames, atol=1e-5, rtol=1e-5)
    lengths = torch.tensor([len(voice) for voice in voices])
    expected = [len(frames) for frames in ours.encode(voices, 16000)]
    assert model._get_feat_extract_output_lengths(lengths).tolist() == expected
    again = tmp_path / "again"
    model.save_pretrained(again)
    back = transformers.AutoModel.from_pretrained(again).eval()
    with torch.no_grad():
        torch.testing.assert_close(back(**padded(out, voices)).last_hidden_state, theirs.last_hidden_state)


@pytest.mark.parametrize("objective", [CTC, CTC_MEAN])
def test_ctc_and_its_loss(make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path, objective: str) -> None:
    run = make_run(RELATIVE, objective)
    out = export(run, tmp_path / "out")
    model = transformers.AutoModelForCTC.from_pretrained(out).eval()
    emitter = transcriber(run)
    labels = torch.tensor([[2, 3, 2], [4, 5, -100], [3, -100, -100]])
    with torch.no_grad():
        found = model(**padded(out, voices), labels=labels)
    costs = []
    for row, voice in enumerate(voices):
        given = emitter.model.featurise(torch.from_numpy(voice)[None], torch.tensor([len(voice)]))
        scores, _ = emitter.log_probabilities(*emitter.model.ready(*given))
        torch.testing.assert_close(found.logits[row, : scores.shape[1]], scores[0], atol=1e-5, rtol=1e-5)
        target = labels[row][labels[row] >= 0]
        cost = torch.nn.functional.ctc_loss(scores[0], target, (scores.shape[1],), (len(target),))
        costs.append(float(cost))
    assert float(found.loss) == pytest.approx(float(np.mean(costs)), rel=1e-4)
    tokenizer = transformers.AutoTokenizer.from_pretrained(out)
    assert tokenizer.pad_token_id == 0


@pytest.mark.parametrize(("encoder", "objective"), [(RELATIVE, LID_ECAPA), (LAYER, LID_MEAN)])
def test_languages(make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path, encoder: str, objective: str) -> None:
    run = make_run(encoder, objective)
    out = export(run, tmp_path / "out")
    model = transformers.AutoModelForAudioClassification.from_pretrained(out).eval()
    ours = identifier(run)
    with torch.no_grad():
        found = model(**padded(out, voices)).logits
    assert tuple(model.config.id2label.values()) == ours.languages
    for row, voice in enumerate(voices):
        given = ours.model.featurise(torch.from_numpy(voice)[None], torch.tensor([len(voice)]))
        with torch.no_grad():
            scores, _ = ours.objective.log_probabilities(*ours.model.ready(*given))
        torch.testing.assert_close(found[row], scores[0], atol=1e-5, rtol=1e-5)


def test_an_encoder_is_read_out_of_a_fine_tuned_export(
    make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path
) -> None:
    run = make_run(RELATIVE, CTC)
    out = export(run, tmp_path / "out")
    model, info = transformers.AutoModel.from_pretrained(out, output_loading_info=True)
    assert not info["missing_keys"]
    with torch.no_grad():
        frames = model.eval()(**padded(out, voices[:1])).last_hidden_state[0]
    torch.testing.assert_close(frames, masr.load(run).encode(voices[0], 16000), atol=1e-5, rtol=1e-5)


WITHOUT_MASR = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "masr":
            raise ImportError("masr is blocked")
sys.meta_path.insert(0, Block())
import numpy, torch, transformers
folder, kind, given, found = sys.argv[1:]
model = getattr(transformers, kind).from_pretrained(folder, trust_remote_code=True).eval()
assert type(model).__module__.startswith("transformers_modules.")
with torch.no_grad():
    output = model(torch.from_numpy(numpy.load(given))[None])
numpy.save(found, (output.logits if hasattr(output, "logits") else output.last_hidden_state)[0].numpy())
"""


@pytest.mark.parametrize(
    ("kind", "objective"),
    [("AutoModel", BEST_RQ), ("AutoModelForCTC", CTC), ("AutoModelForAudioClassification", LID_ECAPA)],
)
def test_a_folder_loads_where_there_is_no_masr(
    make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str,
    objective: str,
) -> None:  # fmt: skip
    out = export(make_run(RELATIVE, objective), tmp_path / "out")
    np.save(tmp_path / "given.npy", voices[0])
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = tmp_path / "found.npy"
    command = [sys.executable, "-c", WITHOUT_MASR, str(out), kind, str(tmp_path / "given.npy"), str(found)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    model = getattr(transformers, kind).from_pretrained(out).eval()
    assert type(model).__module__ == "masr.interop.hf"
    with torch.no_grad():
        output = model(torch.from_numpy(voices[0])[None])
    expected = output.logits if hasattr(output, "logits") else output.last_hidden_state
    torch.testing.assert_close(torch.from_numpy(np.load(found)), expected[0], atol=1e-5, rtol=1e-5)


def test_what_masr_loaded_and_saved_again_loads_where_there_is_no_masr(
    make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its config.json names files of code, which go where it goes: to another folder, and to the Hub."""
    out = export(make_run(RELATIVE, CTC), tmp_path / "out")
    model = transformers.AutoModelForCTC.from_pretrained(out).eval()
    assert type(model).__module__ == "masr.interop.hf"
    sent: set[str] = set()
    hub = sys.modules[transformers.utils.PushToHubMixin.__module__]
    monkeypatch.setattr(
        hub, "hf_api", lambda: SimpleNamespace(create_repo=lambda name, **_: SimpleNamespace(repo_id=name))
    )
    monkeypatch.setattr(
        type(model),
        "_upload_modified_files",
        lambda _, folder, *__, **___: sent.update(x.name for x in Path(folder).iterdir()),
    )
    monkeypatch.setattr(hub, "create_and_tag_model_card", lambda *_, **__: SimpleNamespace(save=lambda _: None))
    model.push_to_hub("somebody/model")
    assert {path.name for path in out.glob("*.py")} | {"config.json", "model.safetensors"} <= sent
    again = tmp_path / "again"
    model.save_pretrained(again)
    np.save(tmp_path / "given.npy", voices[0])
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    words = [str(again), "AutoModelForCTC", str(tmp_path / "given.npy"), str(tmp_path / "found.npy")]
    done = subprocess.run([sys.executable, "-c", WITHOUT_MASR, *words], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with torch.no_grad():
        expected = model(torch.from_numpy(voices[0])[None]).logits[0]
    torch.testing.assert_close(torch.from_numpy(np.load(tmp_path / "found.npy")), expected, atol=1e-5, rtol=1e-5)


def test_the_code_of_a_folder_imports_nothing_of_masr(make_run: MakeRun, tmp_path: Path) -> None:
    out = export(make_run(ROTARY, CTC), tmp_path / "out")
    files = sorted(out.glob("*.py"))
    assert "masr_models_conformer.py" in {path.name for path in files}
    for path in files:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert not [line for line in lines if line.lstrip().startswith(("import masr", "from masr"))], path
    assert json.loads((out / "config.json").read_text())["auto_map"]["AutoModel"] == "masr_interop_hf.MasrModel"


def test_a_head_without_counterpart_on_a_checkpoint_of_transformers_is_refused(
    make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tiny_checkpoints.write_checkpoint("hubert", tmp_path / "checkpoint")
    run = make_run(f'{{name: pretrained, checkpoint: "{folder}"}}', LID_ECAPA)
    assert main(["export", str(run), str(tmp_path / "out"), "--to", "hf"]) == 2
    assert "head: linear, pooling: mean" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
