"""Runs on waveforms as folders of transformers: its own classes, without our code, give our numbers; and back again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import masr
from masr.api import identifier, transcriber
from masr.cli.main import main
from masr.inference.decode import Greedy
from reference import tiny_checkpoints
from small.exports import CTC, GROUP, LAYER, LAYER_POST, LID, LID_MEAN, WAV2VEC2, MakeRun

pytestmark = pytest.mark.slow

transformers = pytest.importorskip("transformers")
HUBERT = "{name: hubert, num_clusters: 5, width: 8}"
KINDS = ("wav2vec2-large", "hubert", "wavlm", "data2vec", "unispeech-sat", "w2v-bert")


def export(run: Path, out: Path) -> Path:
    assert main(["export", str(run), str(out), "--to", "hf"]) == 0
    return out


def heard(folder: Path, model: Any, voices: list[np.ndarray], **settings: Any) -> Any:
    """What transformers makes of the waveforms, its own feature extractor before it."""
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    given = extractor(voices, sampling_rate=16000, padding=True, return_tensors="pt")
    with torch.no_grad():
        return model.eval()(**given, **settings)


def check_layers(folder: Path, run: Path, voices: list[np.ndarray]) -> None:
    model = transformers.AutoModel.from_pretrained(folder)
    ours = masr.load(run)
    theirs = heard(folder, model, voices, output_hidden_states=True)
    for layer in range(ours.num_layers + 1):
        for row, frames in enumerate(ours.encode(voices, 16000, layer=layer)):
            torch.testing.assert_close(theirs.hidden_states[layer][row, : len(frames)], frames, atol=1e-5, rtol=1e-5)
    for row, frames in enumerate(ours.encode(voices, 16000)):
        torch.testing.assert_close(theirs.last_hidden_state[row, : len(frames)], frames, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("encoder", [LAYER, LAYER_POST])
def test_every_layer_is_ours_padded_or_not(
    make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path, encoder: str
) -> None:
    run = make_run(encoder, WAV2VEC2)
    out = export(run, tmp_path / "out")
    check_layers(out, run, voices)
    check_layers(out, run, voices[:1])


def test_group_norms_are_ours_alone_and_the_export_says_so(
    make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """transformers lets padding into them (tests/known_issues), so a padded batch cannot be equal there."""
    run = make_run(GROUP, WAV2VEC2)
    out = export(run, tmp_path / "out")
    assert "one utterance at a time" in capsys.readouterr().out
    for voice in voices:
        check_layers(out, run, [voice])


@pytest.mark.parametrize("kind", [*KINDS, "wav2vec2-base", "hubert-batch-norm", "wavlm-large"])
@pytest.mark.parametrize("settings", [{}, {"feat_extract_norm": "layer"}])
def test_where_padding_counts_in_transformers_is_known(
    make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str,
    settings: dict[str, str],
) -> None:  # fmt: skip
    """A padded batch there, beside the same utterances alone: an export says so where they differ, and only there."""
    folder = tiny_checkpoints.write_checkpoint(kind, tmp_path / "checkpoint", **settings)
    out = export(make_run(f'{{name: pretrained, checkpoint: "{folder}"}}', WAV2VEC2), tmp_path / "out")
    model = transformers.AutoModel.from_pretrained(out).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(out)
    extractor.return_attention_mask = True
    extractor.save_pretrained(out)
    together = heard(out, model, voices).last_hidden_state
    apart = [heard(out, model, [voice]).last_hidden_state[0] for voice in voices]
    lengths = [len(frames) for frames in masr.load(out).encode(voices, 16000)]
    same = all(
        torch.allclose(row[:length], one[:length], atol=1e-4, rtol=1e-4)
        for row, one, length in zip(together, apart, lengths, strict=True)
    )
    assert ("one utterance at a time" in capsys.readouterr().out) is not same


def test_hubert_has_its_own_name_and_the_mask_embedding_goes_along(make_run: MakeRun, tmp_path: Path) -> None:
    for objective, kind in ((HUBERT, "hubert"), (WAV2VEC2, "wav2vec2")):
        run = make_run(LAYER, objective)
        out = export(run, tmp_path / kind)
        assert json.loads((out / "config.json").read_text())["model_type"] == kind
        stored, ours = load_file(out / "model.safetensors"), load_file(run / "model.safetensors")
        torch.testing.assert_close(stored["masked_spec_embed"], ours["mask_embedding"], atol=0, rtol=0)


def test_nothing_is_missing_or_left_over_for_transformers(make_run: MakeRun, tmp_path: Path) -> None:
    out = export(make_run(LAYER, WAV2VEC2), tmp_path / "out")
    _, info = transformers.AutoModel.from_pretrained(out, output_loading_info=True)
    assert not any(info.values())


@pytest.mark.parametrize("encoder", [GROUP, LAYER])
def test_ctc_answers_as_the_best_path(
    make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path, encoder: str
) -> None:
    run = make_run(encoder, CTC)
    out = export(run, tmp_path / "out")
    model = transformers.AutoModelForCTC.from_pretrained(out)
    tokenizer = transformers.AutoTokenizer.from_pretrained(out)
    emitter = transcriber(run)
    assert emitter.units is not None
    for voice in voices:
        logits = heard(out, model, [voice]).logits
        scores, _ = emitter.log_probabilities(torch.from_numpy(voice)[None], torch.tensor([len(voice)]))
        torch.testing.assert_close(logits.log_softmax(dim=-1), scores, atol=1e-5, rtol=1e-5)
        ours = Greedy(emitter.units).decode(scores[0].numpy())[0].text
        assert " ".join(tokenizer.batch_decode(logits.argmax(dim=-1))[0].split()) == ours
        assert ours
    assert transformers.AutoProcessor.from_pretrained(out).tokenizer.get_vocab() == tokenizer.get_vocab()


def test_a_ctc_export_is_read_back_by_our_own_reader(
    make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path
) -> None:
    run = make_run(LAYER, CTC)
    back, emitter = transcriber(export(run, tmp_path / "out")), transcriber(run)
    given = torch.from_numpy(voices[0])[None], torch.tensor([len(voices[0])])
    torch.testing.assert_close(
        back.log_probabilities(*given)[0], emitter.log_probabilities(*given)[0], atol=1e-5, rtol=0
    )
    assert emitter.units is not None
    assert len(back.objective.tokens) == emitter.units.size


@pytest.mark.parametrize(("encoder", "objective"), [(LAYER, LID), (LAYER_POST, LID_MEAN)])
def test_languages_have_our_probabilities_and_names(
    make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path, encoder: str, objective: str
) -> None:
    run = make_run(encoder, objective)
    out = export(run, tmp_path / "out")
    model = transformers.AutoModelForAudioClassification.from_pretrained(out)
    found = heard(out, model, voices).logits.softmax(dim=-1)
    ours = identifier(run)
    assert tuple(model.config.id2label[n] for n in range(4)) == ours.languages == ("eng", "hin", "nob", "urd")
    for row, voice in enumerate(voices):
        given = torch.from_numpy(voice)[None], torch.tensor([len(voice)])
        with torch.no_grad():
            expected = ours.objective.log_probabilities(*given)[0].exp()[0]
        torch.testing.assert_close(found[row], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_what_came_in_from_transformers_goes_out_as_it_came(
    make_run: MakeRun, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, voices: list[np.ndarray], kind: str
) -> None:
    folder = tiny_checkpoints.write_checkpoint(kind, tmp_path / "checkpoint")
    run = make_run(f'{{name: pretrained, checkpoint: "{folder}"}}', WAV2VEC2)
    shutil.rmtree(folder)
    out = export(run, tmp_path / "out")
    back, ours = masr.load(out), masr.load(run)
    for one, other in zip(back.encode(voices, 16000), ours.encode(voices, 16000), strict=True):
        torch.testing.assert_close(one, other, atol=0, rtol=0)
    theirs = heard(out, transformers.AutoModel.from_pretrained(out), voices[:1]).last_hidden_state[0]
    frames = ours.encode(voices[0], 16000)
    # w2v-BERT's mel frames are computed by numpy there and by torch here, in single precision behind the logarithm
    precision = 2e-4 if kind == "w2v-bert" else 1e-5
    torch.testing.assert_close(theirs[: len(frames)], frames, atol=precision, rtol=1e-5)


def test_training_goes_on_from_an_export(make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path) -> None:
    """Out and in: a run that begins from an exported folder starts with the very encoder that went out."""
    run = make_run(LAYER, WAV2VEC2)
    out = export(run, tmp_path / "out")
    again = make_run(f'{{name: pretrained, checkpoint: "{out}"}}', HUBERT)
    from masr.cli.main import main as masr_main

    conf, fresh = again.parent.parent / f"{again.name}.yaml", tmp_path / "fresh"
    assert masr_main(["train", str(conf), str(fresh)]) == 0
    for one, other in zip(masr.load(fresh).encode(voices, 16000), masr.load(run).encode(voices, 16000), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
