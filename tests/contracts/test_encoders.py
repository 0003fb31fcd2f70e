"""Every encoder of masr/models keeps the same promises: a new one is tested the moment it exists."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from masr.config import schema as configuration
from masr.plugins import names, open_plugin
from reference import tiny_checkpoints

KINDS = tiny_checkpoints.KINDS
SMALL = {
    "num_bins": 20,
    "dim": 32,
    "num_layers": 2,
    "num_heads": 4,
    "feed_forward_dim": 48,
    "dropout": 0.0,
    "position_kernel": 10,
    "position_groups": 4,
}
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "conformer": [{"subsampling": 2}, {"positions": "rotary", "conv_norm": "batch"}],
    "transformer": [
        {},
        {"context": "past", "positions": "learned", "norm": "post", "subsampling": 2},
        {"context": "future", "positions": "rotary", "subsampling": 4},
        {"context": "apart", "subsampling": 2},
        {"context": "future", "positions": "convolutional", "front_end": "conv", "subsampling": 4},
        {"positions": "convolutional", "front_end": "conv", "subsampling": 2},
        {"front_end": "waveform", "subsampling": 320, "waveform_norm": "group", "positions": "convolutional"},
        {"front_end": "waveform", "subsampling": 160, "norm": "post"},
        {"checkpoint_activations": True},
    ],
    "recurrent": [
        {},
        {"cell": "lstm", "context": "both", "front_end": "conv", "subsampling": 4},
        {"context": "future", "residual": False, "subsampling": 2},
        {"context": "apart", "front_end": "conv", "subsampling": 4},
        {"front_end": "waveform", "subsampling": 160, "waveform_norm": "group"},
    ],
    "convolutional": [
        {},
        {"context": "both", "kernel": 5, "front_end": "conv", "subsampling": 2},
        {"context": "future", "dilation_growth": 1, "subsampling": 4},
        {"context": "apart"},
        {"front_end": "waveform", "subsampling": 160},
    ],
    "espnet": [
        {},
        {"kind": "e_branchformer", "subsampling": 2},
        {"kind": "transformer", "subsampling": 1},
        {"subsampling": 6, "options": {"selfattention_layer_type": "selfattn", "pos_enc_layer_type": "abs_pos"}},
        {"kind": "e_branchformer", "subsampling": 8, "options": {"use_ffn": False, "use_linear_after_conv": True}},
        {"kind": "transformer", "options": {"pos_enc_layer_type": "conv", "normalize_before": False}, "subsampling": 1},
        {"options": {"positionwise_layer_type": "conv1d", "use_cnn_module": False}},
    ],
    "pretrained": [{"checkpoint": kind} for kind in KINDS] + [{"checkpoint": "hubert", "checkpoint_activations": True}],
}
CASES = [(name, given) for name in names("models") for given in VARIANTS.get(name, [{}])]
IDS = ["-".join([name, *(str(value) for value in given.values())]) for name, given in CASES]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    for kind in KINDS:
        tiny_checkpoints.write_checkpoint(kind, folder / kind)
    return folder


@pytest.fixture(scope="module", autouse=True)
def narrow_waveforms() -> Iterator[None]:
    """Convolutions over samples as narrow as the rest; nothing promised depends on their width."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("masr.models.waveform.CHANNELS", 24)
        yield


def made(name: str, given: dict[str, Any], checkpoints: Path) -> Any:
    if name == "espnet":
        pytest.importorskip("espnet2")
    module = open_plugin("models", name)
    known = {f.name for f in dataclasses.fields(module.Config)}
    values = {**{key: value for key, value in SMALL.items() if key in known}, **given}
    if "checkpoint" in values:
        values["checkpoint"] = checkpoints / values["checkpoint"]
    torch.manual_seed(0)
    return module.build(module.Config(**values))


@pytest.fixture(scope="module", params=CASES, ids=IDS)
def encoder(request: pytest.FixtureRequest, checkpoints: Path, narrow_waveforms: None) -> Any:
    return made(*request.param, checkpoints)


def input_of(encoder: Any, lengths: list[int], extra: int = 0, seed: int = 1) -> Tensor:
    """(B, S, F) or (B, S) random input, not silent where it is padded: nothing may come from there."""
    shape = (len(lengths), max(lengths) + extra)
    generator = torch.Generator().manual_seed(seed)
    if encoder.num_bins == 1:
        return torch.randn(shape, generator=generator) * 0.1
    return torch.randn(*shape, encoder.num_bins, generator=generator)


def lengths_of(encoder: Any, encoded: list[int]) -> list[int]:
    """Input lengths that give so many encoded frames, with a rest of their own."""
    counts = encoder.num_encoded(torch.arange(1 + max(encoded) * encoder.subsampling + 900))
    return [int((counts == count).nonzero()[0]) + (count * 7) % encoder.subsampling for count in encoded]


def test_there_are_encoders() -> None:
    known = {"conformer", "transformer", "recurrent", "convolutional", "espnet", "pretrained"}
    assert known <= set(names("models"))


@pytest.mark.parametrize("name", names("models"))
def test_every_option_is_documented(name: str) -> None:
    schema = open_plugin("models", name).Config
    assert all(field.metadata.get("doc") for field in dataclasses.fields(schema))
    needed = [f for f in dataclasses.fields(schema) if f.default is f.default_factory is dataclasses.MISSING]
    if not needed:
        assert configuration.defaults(schema) == schema()


def test_its_sizes_are_told(encoder: Any) -> None:
    lengths = lengths_of(encoder, [7, 4])
    features, num_frames = input_of(encoder, lengths), torch.tensor(lengths)
    embedded, encoded_lengths = encoder.embed(features, num_frames)
    assert encoded_lengths.tolist() == encoder.num_encoded(num_frames).tolist() == [7, 4]
    assert embedded.shape == (2, 7, encoder.dim)
    encoded = encoder(features, num_frames, with_layers=True)
    assert encoded.frames.shape == (2, 7, encoder.dim)
    assert len(encoded.layers) == encoder.num_layers + 1
    assert all(layer.shape == encoded.frames.shape for layer in encoded.layers)
    assert encoder(features, num_frames).layers == ()


def test_subsampling_is_the_step_from_frame_to_frame(encoder: Any) -> None:
    counts = encoder.num_encoded(torch.arange(50 * encoder.subsampling))
    changes = counts.diff().nonzero()[:, 0]
    assert counts[0] == 0
    assert changes.diff().unique().tolist() == [encoder.subsampling]


def test_embed_then_contextualise_is_forward(encoder: Any) -> None:
    encoder.eval()
    lengths = lengths_of(encoder, [6, 3])
    features, num_frames = input_of(encoder, lengths), torch.tensor(lengths)
    with torch.no_grad():
        embedded, encoded_lengths = encoder.embed(features, num_frames)
        before = embedded.clone()
        parts = encoder.contextualise(embedded, encoded_lengths)
        whole = encoder(features, num_frames, with_layers=True)
    assert torch.equal(parts.frames, whole.frames)
    assert torch.equal(embedded, before), "the caller's sequence was written to"


def test_padding_never_changes_an_utterance(encoder: Any) -> None:
    encoder.eval()
    lengths = lengths_of(encoder, [23, 9, 1, 16])
    features = input_of(encoder, lengths, extra=3 * encoder.subsampling + 1)
    with torch.no_grad():
        together = encoder(features, torch.tensor(lengths), with_layers=True)
        for row, length in enumerate(lengths):
            alone = encoder(features[row : row + 1, :length], torch.tensor([length]), with_layers=True)
            count = int(alone.lengths[0])
            assert int(together.lengths[row]) == count == alone.frames.shape[1]
            for one, other in zip((together.frames, *together.layers), (alone.frames, *alone.layers), strict=True):
                torch.testing.assert_close(one[row, :count], other[0], atol=1e-5, rtol=1e-5)
            assert not together.frames[row, count:].any()


def test_gradient_reaches_valid_input_alone(encoder: Any) -> None:
    encoder.train()
    encoder.zero_grad()
    lengths = lengths_of(encoder, [20, 11])
    features = input_of(encoder, lengths, extra=encoder.subsampling).requires_grad_()
    # A sum of squares behind a norm hardly depends on its input; a random direction does.
    frames = encoder(features, torch.tensor(lengths)).frames
    (frames * torch.randn(frames.shape, generator=torch.Generator().manual_seed(3))).sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()
    for row, length in enumerate(lengths):
        assert not features.grad[row, length:].any()
        covered = features.grad[row, : length - 2 * encoder.subsampling]
        assert covered.abs().reshape(len(covered), -1).sum(dim=1).gt(0).float().mean() > 0.99
    idle = [n for n, p in encoder.named_parameters() if p.requires_grad and p.grad is None]
    assert not idle


def test_an_utterance_without_a_frame_harms_nobody(encoder: Any) -> None:
    encoder.train()
    lengths = [*lengths_of(encoder, [12]), 1 if int(encoder.num_encoded(torch.tensor([1]))) == 0 else 0]
    features = input_of(encoder, lengths).requires_grad_()
    for rows in (slice(0, 2), slice(1, 2)):
        encoder.zero_grad()
        encoded = encoder(features[rows], torch.tensor(lengths[rows]))
        assert int(encoded.lengths[-1]) == 0
        assert not encoded.frames[-1].any()
        (encoded.frames**3).sum().backward()
        assert torch.isfinite(encoded.frames).all()
        bad = [n for n, p in encoder.named_parameters() if p.grad is not None and not torch.isfinite(p.grad).all()]
        assert not bad


def test_state_survives_save_and_load(encoder: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    encoder.eval()
    lengths = lengths_of(encoder, [8, 5])
    features, num_frames = input_of(encoder, lengths), torch.tensor(lengths)
    other = copy.deepcopy(encoder)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(torch.randn_like(parameter))
        expected = encoder(features, num_frames).frames
        assert not torch.equal(other(features, num_frames).frames, expected)
        save_file({k: v.contiguous() for k, v in encoder.state_dict().items()}, tmp_path / "weights.safetensors")
        other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
        assert torch.equal(other(features, num_frames).frames, expected)


def test_it_is_a_module_of_its_own(encoder: Any) -> None:
    assert isinstance(encoder, nn.Module)
    assert all(isinstance(getattr(encoder, size), int) for size in ("dim", "num_layers", "num_bins", "subsampling"))
