"""The Conformer: equal to ESPnet's on shared weights, blind to padding, sizes as named."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.models.attention import relative_positions, shift
from masr.models.conformer import Config, MaskedBatchNorm, build

SMALL = {"num_bins": 20, "dim": 32, "num_layers": 2, "num_heads": 4, "feed_forward_dim": 48, "dropout": 0.0}
VARIANTS = [
    {"positions": positions, "conv_norm": norm, "subsampling": factor, "kernel": kernel}
    for positions, norm, factor, kernel in [
        ("relative", "layer", 4, 5),
        ("relative", "batch", 2, 31),
        ("rotary", "layer", 2, 5),
        ("rotary", "batch", 4, 15),
    ]
]


def espnet_names(name: str) -> str:
    """Our parameter's name in ESPnet's ConformerEncoder; qkv is joined from three."""
    for ours, theirs in [
        ("frontend.first.", "embed.conv.0."),
        ("frontend.second.", "embed.conv.2."),
        ("frontend.out.", "embed.out.0."),
        ("blocks.", "encoders."),
        (".first.norm.", ".norm_ff_macaron."),
        (".first.widen.", ".feed_forward_macaron.w_1."),
        (".first.narrow.", ".feed_forward_macaron.w_2."),
        (".second.norm.", ".norm_ff."),
        (".second.widen.", ".feed_forward.w_1."),
        (".second.narrow.", ".feed_forward.w_2."),
        (".attention_norm.", ".norm_mha."),
        (".attention.position_bias", ".self_attn.pos_bias_v"),
        (".attention.content_bias", ".self_attn.pos_bias_u"),
        (".attention.position.", ".self_attn.linear_pos."),
        (".attention.out.", ".self_attn.linear_out."),
        (".convolution.norm.", ".norm_conv."),
        (".convolution.gate.", ".conv_module.pointwise_conv1."),
        (".convolution.depthwise.", ".conv_module.depthwise_conv."),
        (".convolution.inner_norm.", ".conv_module.norm."),
        (".convolution.out.", ".conv_module.pointwise_conv2."),
    ]:
        name = name.replace(ours, theirs)
    if name.startswith("encoders.") and ".norm." in name and "conv_module" not in name:
        name = name.replace(".norm.", ".norm_final.")
    return "after_norm." + name.removeprefix("norm.") if name.startswith("norm.") else name


def from_espnet(model: torch.nn.Module, theirs: dict[str, torch.Tensor]) -> None:
    ours = {}
    for name, value in model.state_dict().items():
        if ".attention.qkv." in name:
            parts = [name.replace(".attention.qkv.", f".self_attn.linear_{x}.") for x in "qkv"]
            found = torch.cat([theirs[espnet_names(part)] for part in parts])
        else:
            found = theirs[espnet_names(name)]
        ours[name] = found.reshape(value.shape)
    model.load_state_dict(ours)


@pytest.mark.parametrize("training", [False, True])
def test_equals_espnet_on_shared_weights(training: bool) -> None:
    espnet = pytest.importorskip("espnet2.asr.encoder.conformer_encoder")
    torch.manual_seed(0)
    theirs = espnet.ConformerEncoder(
        20, 32, 4, 48, 2, cnn_module_kernel=7, rel_pos_type="latest", pos_enc_layer_type="rel_pos",
        selfattention_layer_type="rel_selfattn", macaron_style=True, use_cnn_module=True, input_layer="conv2d",
        dropout_rate=0.0, positional_dropout_rate=0.0, attention_dropout_rate=0.0,
    )  # fmt: skip
    ours = build(Config(**SMALL, kernel=7, conv_norm="batch"))
    from_espnet(ours, theirs.state_dict())
    theirs.train(training)
    ours.train(training)
    features, lengths = torch.randn(3, 91, 20), torch.full((3,), 91)
    expected, expected_lengths, _ = theirs(features, lengths)
    encoded = ours(features, lengths)
    assert encoded.lengths.tolist() == expected_lengths.tolist()
    torch.testing.assert_close(encoded.frames, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=15, deadline=None)
@given(lengths=st.lists(st.integers(1, 90), min_size=2, max_size=4), extra=st.integers(0, 20))
def test_padding_never_changes_an_utterance(variant: dict[str, object], lengths: list[int], extra: int) -> None:
    torch.manual_seed(1)
    model = build(Config(**SMALL, **variant)).eval()
    batch = torch.randn(len(lengths), max(lengths) + extra, 20)
    with torch.no_grad():
        together = model(batch, torch.tensor(lengths))
        for index, length in enumerate(lengths):
            alone = model(batch[index : index + 1, :length], torch.tensor([length]))
            count = int(alone.lengths[0])
            assert int(together.lengths[index]) == count
            torch.testing.assert_close(together.frames[index, :count], alone.frames[0, :count], atol=1e-5, rtol=1e-5)
            assert not together.frames[index, count:].any()


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_gets_no_gradient_and_gives_none(variant: dict[str, object]) -> None:
    torch.manual_seed(2)
    model = build(Config(**SMALL, **variant)).train()
    batch = torch.randn(2, 80, 20, requires_grad=True)
    encoded = model(batch, torch.tensor([80, 41]))
    encoded.frames.square().sum().backward()
    assert batch.grad is not None
    assert not batch.grad[1, 41:].any()
    assert batch.grad[1, :35].abs().sum() > 0


def test_shift_is_the_table_of_relative_positions() -> None:
    time = 5
    places = torch.arange(time - 1, -time, -1.0)
    table = shift(places.expand(2, 3, time, -1))
    rows = torch.arange(time)
    assert torch.equal(table[1, 2], (rows[:, None] - rows).float())
    assert relative_positions(time, 8).shape == (2 * time - 1, 8)


def test_masked_batch_norm_counts_valid_frames_only() -> None:
    frames = torch.randn(2, 6, 3)
    padding = torch.tensor([[False] * 6, [False] * 2 + [True] * 4])
    norm = MaskedBatchNorm(3).train()
    out = norm(frames, padding)
    valid = torch.cat([frames[0], frames[1, :2]])
    torch.testing.assert_close(norm.running_mean, 0.1 * valid.mean(0))
    torch.testing.assert_close(torch.cat([out[0], out[1, :2]]).mean(0), torch.zeros(3), atol=1e-6, rtol=0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_activation_checkpointing_changes_nothing(variant: dict[str, object]) -> None:
    torch.manual_seed(3)
    plain = build(Config(**SMALL, **variant)).train()
    saving = build(Config(**SMALL, **variant, checkpoint_activations=True)).train()
    saving.load_state_dict(plain.state_dict())
    features, lengths = torch.randn(2, 60, 20), torch.tensor([60, 33])
    for model in (plain, saving):
        model(features, lengths).frames.square().mean().backward()
    for ours, theirs in zip(saving.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_the_default_is_the_25m_ablation_model() -> None:
    with torch.device("meta"):
        size = sum(p.numel() for p in build(Config()).parameters())
    assert 25e6 < size < 30e6
