"""Checkpoints that transformers wrote: the same output as its own, and what may learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from masr.errors import CheckpointError, ConfigError
from masr.models.pretrained import Config, build, restore
from reference import tiny_checkpoints

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    for kind in tiny_checkpoints.KINDS:
        tiny_checkpoints.write_checkpoint(kind, folder / kind)
    return folder


def speech(length: int) -> torch.Tensor:
    """Noise that swells: where a mel bin hardly changes, the original's float32 mean is itself off by 1e-5 of it."""
    noise = torch.randn(length, generator=torch.Generator().manual_seed(1))
    return noise * torch.logspace(-3, -0.7, length) + 0.02


@pytest.mark.parametrize("kind", tiny_checkpoints.KINDS)
def test_equals_transformers_on_one_utterance(kind: str, folders: Path) -> None:
    waveform = speech(5000)
    theirs = transformers.AutoModel.from_pretrained(folders / kind).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folders / kind)
    given = extractor(waveform.numpy(), sampling_rate=16000, return_tensors="pt")
    ours = build(Config(checkpoint=folders / kind)).eval()
    with torch.no_grad():
        # w2v-BERT's extractor fills up its last stack of frames, and says so in a mask.
        mask = given.attention_mask if kind.startswith("w2v-bert") else None
        expected = theirs(given[theirs.main_input_name], attention_mask=mask, output_hidden_states=True)
        encoded = ours(waveform[None], torch.tensor([5000]), with_layers=True)
    count = int(encoded.lengths) if mask is None else int(mask.sum())
    assert encoded.frames.shape[1] == count
    torch.testing.assert_close(encoded.frames, expected.last_hidden_state[:, :count], atol=1e-5, rtol=1e-5)
    assert len(encoded.layers) == len(expected.hidden_states) == 4
    for one, other in zip(encoded.layers, expected.hidden_states, strict=True):
        torch.testing.assert_close(one, other[:, :count], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", [kind for kind in tiny_checkpoints.KINDS if "bert" not in kind])
def test_lengths_are_those_of_transformers(kind: str, folders: Path) -> None:
    ours = build(Config(checkpoint=folders / kind))
    lengths = torch.arange(65, 2000, 37)
    assert torch.equal(ours.num_encoded(lengths), ours.model._get_feat_extract_output_lengths(lengths))
    assert ours.num_encoded(torch.tensor([0, 1, 64])).tolist() == [0, 0, 0]
    assert (ours.num_bins, ours.subsampling, ours.sample_rate) == (1, 40, 16000)


def test_a_checkpoint_with_a_head_is_opened_without_it(tmp_path: Path) -> None:
    folder = tiny_checkpoints.write_checkpoint("wav2vec2-large", tmp_path / "headed", head="ForPreTraining")
    model = build(Config(checkpoint=folder))
    assert not [name for name, _ in model.named_parameters() if "quantizer" in name or "project_q" in name]
    theirs = transformers.Wav2Vec2ForPreTraining.from_pretrained(folder)
    expected = theirs.wav2vec2.encoder.layers[1].attention.q_proj.weight
    assert torch.equal(model.model.encoder.layers[1].attention.q_proj.weight, expected)


def trainable(model: Any) -> set[str]:
    """The parts that learn: modules of the model, and places of blocks."""
    found = set()
    for name, parameter in model.model.named_parameters():
        parts = name.split(".")
        if parameter.requires_grad:
            found.add(parts[2] if parts[1] == "layers" else parts[1] if parts[0] == "encoder" else parts[0])
    return found


def test_what_is_frozen_does_not_learn(folders: Path) -> None:
    front, blocks = {"feature_extractor", "feature_projection"}, {"0", "1", "2"}
    for kind, norm_is_last in (("hubert", False), ("wavlm-large", True)):
        where = {"checkpoint": folders / kind}
        around = {"pos_conv_embed", "layer_norm"}
        assert trainable(build(Config(**where))) == front | around | blocks
        assert trainable(build(Config(**where, freeze="front_end"))) == around | blocks
        left = {"layer_norm"} if norm_is_last else set()
        assert trainable(build(Config(**where, frozen_blocks=2))) == {"2"} | left
        assert trainable(build(Config(**where, freeze="all"))) == set()
    assert trainable(build(Config(checkpoint=folders / "w2v-bert", frozen_blocks=1))) == {"1", "2"}


def test_frozen_blocks_pass_the_gradient_on_and_have_no_dropout(folders: Path) -> None:
    model = build(Config(checkpoint=folders / "hubert", frozen_blocks=3, dropout=0.5)).train()
    assert not any(module.training for block in model.model.encoder.layers for module in block.modules())
    embedded = torch.randn(1, 9, 32, requires_grad=True)
    first, second = (model.contextualise(embedded, torch.tensor([9])).frames for _ in range(2))
    assert torch.equal(first, second)
    (first**3).sum().backward()
    assert embedded.grad is not None
    assert embedded.grad.abs().sum() > 0
    learning = build(Config(checkpoint=folders / "hubert", dropout=0.5)).train()
    runs = [learning.contextualise(embedded, torch.tensor([9])).frames for _ in range(2)]
    assert not torch.equal(*runs)


def test_layer_drop_is_ours_and_not_the_checkpoints(folders: Path) -> None:
    given = torch.randn(1, 9, 32), torch.tensor([9])
    model = build(Config(checkpoint=folders / "hubert")).train()
    assert all(len(model.contextualise(*given, with_layers=True).layers) == 4 for _ in range(20))
    dropping = build(Config(checkpoint=folders / "hubert", layer_drop=1.0)).train()
    assert len(dropping.contextualise(*given, with_layers=True).layers) == 0


def test_activation_checkpointing_changes_nothing(folders: Path) -> None:
    gradients = []
    for saving in (False, True):
        model = build(Config(checkpoint=folders / "data2vec", checkpoint_activations=saving)).train()
        (model(speech(2400).view(2, -1), torch.tensor([1200, 700])).frames ** 3).sum().backward()
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient)


def test_loudness_counts_only_where_the_checkpoint_says_so(folders: Path) -> None:
    waveform, length = speech(2000)[None], torch.tensor([2000])
    for kind, normalise, same in [
        ("wav2vec2-large", None, True),
        ("wav2vec2-large", False, False),
        ("wavlm-large", None, False),
        ("wavlm-large", True, True),
    ]:
        model = build(Config(checkpoint=folders / kind, normalise=normalise)).eval()
        with torch.no_grad():
            one, other = model.embed(waveform, length)[0], model.embed(waveform * 3 + 0.1, length)[0]
        assert torch.allclose(one, other, atol=1e-3) is same, (kind, normalise)


def test_there_are_not_so_many_blocks(folders: Path) -> None:
    with pytest.raises(ConfigError, match="frozen_blocks is 4, and there are 3 blocks"):
        build(Config(checkpoint=folders / "hubert", frozen_blocks=4))
    with pytest.raises(ValueError, match="negative"):
        Config(checkpoint=folders / "hubert", frozen_blocks=-1)


@pytest.mark.parametrize("kind", ["wav2vec2-base", "wavlm-large", "w2v-bert", "hubert-batch-norm"])
def test_a_description_and_weights_from_elsewhere_make_the_same_encoder(
    kind: str, folders: Path, tmp_path: Path
) -> None:
    config = Config(checkpoint=folders / kind, freeze="front_end", dropout=0.25)
    ours = build(config).eval()
    ours.describe(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "preprocessor_config.json"]
    again = restore(config, tmp_path).eval()
    assert [p.requires_grad for p in again.parameters()] == [p.requires_grad for p in ours.parameters()]
    assert again.model.config.hidden_dropout == 0.25
    again.load_state_dict(ours.state_dict())
    given = speech(4000).view(2, -1), torch.tensor([2000, 1500])
    with torch.no_grad():
        assert torch.equal(again(*given).frames, ours(*given).frames)


def test_a_description_is_no_checkpoint(folders: Path, tmp_path: Path) -> None:
    build(Config(checkpoint=folders / "hubert")).describe(tmp_path)
    with pytest.raises(CheckpointError, match=r"no model\.safetensors"):
        build(Config(checkpoint=tmp_path))
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(CheckpointError, match=r"preprocessor_config\.json"):
        restore(Config(checkpoint=folders / "hubert"), tmp_path)
    with torch.device("meta"):
        lengths = restore(Config(checkpoint=folders / "hubert"))
    assert lengths.num_encoded(torch.tensor([400])).tolist() == [9]
