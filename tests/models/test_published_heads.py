"""Published checkpoints, tiny and random but under their true names, are gone on with by their own heads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.nn import functional

from masr.errors import CheckpointError
from masr.losses.contrastive import distractors, padded
from masr.models import pretrained
from masr.models.published_heads import adopt, read_heads
from masr.objectives import hubert, w2v_bert, wav2vec2
from masr.types import Batch
from reference import tiny_checkpoints

transformers = pytest.importorskip("transformers")

SIZES = {"num_codevectors_per_group": 6, "num_codevector_groups": 2, "codevector_dim": 8, "proj_codevector_dim": 12}
OURS = {"num_groups": 2, "num_codes": 6, "code_dim": 8, "width": 12}
PUBLISHED = {
    "quantizer.codevectors",
    "quantizer.weight_proj.weight",
    "quantizer.weight_proj.bias",
    "project_q.weight",
    "project_q.bias",
    "project_hid.weight",
    "project_hid.bias",
    "wav2vec2.masked_spec_embed",
}
"""What facebook/wav2vec2-xls-r-300m and facebook/mms-300m have beside the encoder."""


class Fixed:
    """A masker that hides every third frame."""

    def mask(self, lengths: torch.Tensor, keys: torch.Tensor, confidence: Any = None) -> torch.Tensor:
        places = torch.arange(int(lengths.max()))
        return (places[None] < lengths[:, None]) & (places % 3 == 1)[None]

    def factors(self, *_: Any) -> None:
        return None


def batch_of(*waveforms: torch.Tensor) -> Batch:
    lengths = torch.tensor([len(w) for w in waveforms])
    samples = torch.nn.utils.rnn.pad_sequence(list(waveforms), batch_first=True)
    utts = tuple(f"u{k}" for k in range(len(waveforms)))
    return Batch(utts, samples, lengths, torch.arange(len(waveforms)) + 5)


def speech(length: int = 5000, seed: int = 1) -> torch.Tensor:
    return torch.randn(length, generator=torch.Generator().manual_seed(seed)) * 0.1


def begun(folder: Path, module: Any = wav2vec2, **config: Any) -> tuple[Any, list[str]]:
    """An objective around the checkpoint, with its heads, and what they are."""
    encoder = pretrained.build(pretrained.Config(checkpoint=folder, own_heads=True))
    objective = module.build(module.Config(**config), encoder, Fixed())
    assert encoder.heads is not None
    return objective.eval(), adopt(objective, encoder.heads, encoder.quantised_dim is not None)


@pytest.mark.parametrize("kind", ["wav2vec2-base", "wav2vec2-large"])
def test_wav2vec2_for_pre_training_says_what_transformers_says(kind: str, tmp_path: Path) -> None:
    folder = tiny_checkpoints.write_checkpoint(kind, tmp_path, "ForPreTraining", **SIZES)
    with safe_open(folder / "model.safetensors", framework="pt") as stored:
        assert set(stored.keys()) >= PUBLISHED
    theirs = transformers.Wav2Vec2ForPreTraining.from_pretrained(folder).eval()
    ours, adopted = begun(folder, **OURS)
    assert adopted == ["the vector of masked frames", "quantizer and projections"]
    batch = batch_of(speech())
    embedded, seen, lengths, mask = ours.masked(batch)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    given = extractor(speech().numpy(), sampling_rate=16000, return_tensors="pt").input_values
    with torch.no_grad():
        said = theirs(given, mask_time_indices=mask)
        frames = ours.encoder.contextualise(ours.hidden(embedded, mask), lengths).frames
        codes, ids, _ = ours.quantise(ours.norm(seen[mask]), mask, batch.keys)
        losses = ours(batch)
    torch.testing.assert_close(ours.guess(frames), said.projected_states, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.target(codes), said.projected_quantized_states[mask], atol=1e-5, rtol=1e-5)
    assert len(ids.unique(dim=0)) > 1

    # the contrastive loss, by transformers' own cosines, over the same distractors
    _, real = padded(ids, mask)
    places = distractors(real, batch.keys, ours.config.num_distractors, 21)[0]
    truths = said.projected_quantized_states[mask]
    negatives = truths[places].transpose(0, 1)[:, None]
    predicted = said.projected_states[mask][None]
    logits = theirs.compute_contrastive_logits(truths[None, None], negatives, predicted, 0.1)
    same = (ids[places] == ids[:, None]).all(dim=2).t()  # codes of the true one are no distractors
    logits[1:, 0][same] = -torch.inf
    expected = functional.cross_entropy(logits[:, 0].t(), torch.zeros(len(truths), dtype=torch.long))
    term = losses.terms["contrastive"]
    torch.testing.assert_close(term.sum / term.count, expected, atol=1e-5, rtol=1e-5)


def test_padding_changes_nothing_that_the_quantizer_sees(tmp_path: Path) -> None:
    ours, _ = begun(tiny_checkpoints.write_checkpoint("wav2vec2-base", tmp_path, "ForPreTraining", **SIZES), **OURS)
    alone = ours.encoder.embed_twice(speech(3000)[None], torch.tensor([3000]))
    together = batch_of(speech(3000), speech(6000, seed=2))
    padded_ones = ours.encoder.embed_twice(together.features, together.lengths)
    count = int(alone[2])
    for one, other in zip(alone[:2], padded_ones[:2], strict=True):
        torch.testing.assert_close(one[0], other[0, :count], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["hubert", "wavlm", "wavlm-large", "w2v-bert", "unispeech-sat", "wav2vec2-large"])
def test_the_vector_of_masked_frames_of_any_checkpoint(kind: str, tmp_path: Path) -> None:
    """mHuBERT-147 is a HuBERT, w2v-BERT 2.0 a w2v-bert: published without quantizer or clusters."""
    folder = tiny_checkpoints.write_checkpoint(kind, tmp_path)
    stored = load_file(folder / "model.safetensors")
    ours, adopted = begun(folder, hubert, num_clusters=5, width=8)
    assert adopted == ["the vector of masked frames"]
    assert torch.equal(ours.mask_embedding, stored["masked_spec_embed"])


@pytest.mark.parametrize("module", [wav2vec2, w2v_bert])
def test_a_kind_without_quantizer_gets_a_fresh_one(module: Any, tmp_path: Path) -> None:
    folder = tiny_checkpoints.write_checkpoint("w2v-bert", tmp_path)
    ours, adopted = begun(folder, module, **OURS)
    assert adopted == ["the vector of masked frames"]
    assert isinstance(ours.norm, torch.nn.LayerNorm) and ours.quantizer.scores.in_features == 32
    assert torch.isfinite(torch.stack([term.sum for term in ours(batch_of(speech(16000))).terms.values()])).all()


def test_w2v_bert_over_a_published_quantizer(tmp_path: Path) -> None:
    folder = tiny_checkpoints.write_checkpoint("wav2vec2-large", tmp_path, "ForPreTraining", **SIZES)
    ours, adopted = begun(folder, w2v_bert, **OURS)
    assert "quantizer and projections" in adopted
    assert torch.equal(ours.target.weight, load_file(folder / "model.safetensors")["project_q.weight"])


def test_other_sizes_are_refused_with_the_settings_to_give(tmp_path: Path) -> None:
    folder = tiny_checkpoints.write_checkpoint("wav2vec2-large", tmp_path, "ForPreTraining", **SIZES)
    with pytest.raises(CheckpointError, match="another than the objective's") as caught:
        begun(folder, **{**OURS, "num_codes": 7})
    assert "{name: wav2vec2, num_groups: 2, num_codes: 6, code_dim: 8, width: 12}" in caught.value.fix


def test_what_is_missing_is_refused_and_never_drawn(tmp_path: Path) -> None:
    bare = tiny_checkpoints.write_checkpoint("wav2vec2-large", tmp_path / "bare")
    with pytest.raises(CheckpointError, match="has not a quantizer") as caught:
        begun(bare, **OURS)
    assert "AutoModelForPreTraining" in caught.value.fix
    whole = tiny_checkpoints.write_checkpoint("wav2vec2-large", tmp_path / "whole", "ForPreTraining", **SIZES)
    for name in sorted(PUBLISHED):
        stored = load_file(whole / "model.safetensors")
        kept = {key: value for key, value in stored.items() if key != name}
        other = tmp_path / name
        other.mkdir()
        for file in ("config.json", "preprocessor_config.json"):
            (other / file).write_bytes((whole / file).read_bytes())
        save_file(kept, other / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(CheckpointError, match=r"has not"):
            begun(other, **OURS)


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    folder = tiny_checkpoints.write_checkpoint("hubert", tmp_path)
    stored = load_file(folder / "model.safetensors")
    stored["masked_spec_embed"][3] = torch.nan
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError):
        read_heads(folder)


def test_an_objective_without_heads_says_so(tmp_path: Path) -> None:
    heads = read_heads(tiny_checkpoints.write_checkpoint("hubert", tmp_path))
    with pytest.raises(CheckpointError, match="has no head"):
        adopt(torch.nn.Linear(3, 3), heads, with_quantizer=False)


def test_without_the_option_nothing_is_adopted(tmp_path: Path) -> None:
    folder = tiny_checkpoints.write_checkpoint("wav2vec2-large", tmp_path, "ForPreTraining", **SIZES)
    encoder = pretrained.build(pretrained.Config(checkpoint=folder))
    assert encoder.heads is None and encoder.quantised_dim is None
    ours = wav2vec2.build(wav2vec2.Config(**OURS), encoder, Fixed())
    assert isinstance(ours.norm, torch.nn.LayerNorm)
