"""ESPnet's encoders: equal to ESPnet's own forward on one utterance, and blind to padding in training too."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch

from masr.errors import MissingPackageError
from masr.models.espnet import Config, build

pytest.importorskip("espnet2")
SMALL: dict[str, Any] = {"num_bins": 40, "dim": 32, "num_layers": 2, "num_heads": 4, "feed_forward_dim": 48}
VARIANTS: list[dict[str, Any]] = [
    {"kind": "conformer"},
    {"kind": "conformer", "subsampling": 2, "options": {"normalize_before": False, "concat_after": True}},
    {"kind": "conformer", "subsampling": 1, "options": {"zero_triu": True, "activation_type": "relu"}},
    {"kind": "e_branchformer"},
    {"kind": "e_branchformer", "subsampling": 6, "options": {"cgmlp_linear_units": 64, "merge_conv_kernel": 3}},
    {
        "kind": "e_branchformer",
        "subsampling": 1,
        "options": {"attention_layer_type": "fast_selfattn", "pos_enc_layer_type": "abs_pos"},
    },
    {"kind": "transformer", "subsampling": 8},
    {"kind": "transformer", "subsampling": 1, "options": {"pos_enc_layer_type": "conv"}},
    {"kind": "transformer", "subsampling": 2, "options": {"positionwise_layer_type": "conv1d-linear"}},
]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("variant", VARIANTS)
def test_equals_espnet_where_nothing_is_padded(variant: dict[str, Any], training: bool) -> None:
    torch.manual_seed(0)
    model = build(Config(**SMALL, **variant, dropout=0.0)).train(training)
    features, lengths = torch.randn(2, 93, 40), torch.tensor([93, 93])
    with torch.no_grad():
        (expected, layers), expected_lengths, _ = model.encoder(features, lengths, return_all_hs=True)
        encoded = model(features, lengths, with_layers=True)
    assert encoded.lengths.tolist() == expected_lengths.tolist()
    torch.testing.assert_close(encoded.frames, expected, atol=1e-5, rtol=1e-5)
    for one, other in zip(encoded.layers[1:], layers, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_never_changes_an_utterance(variant: dict[str, Any]) -> None:
    torch.manual_seed(1)
    model = build(Config(**SMALL, **variant)).eval()
    features, lengths = torch.randn(3, 90, 40), [90, 53, 22]
    with torch.no_grad():
        together = model(features, torch.tensor(lengths))
        for row, length in enumerate(lengths):
            alone = model(features[row : row + 1, :length], torch.tensor([length]))
            count = int(alone.lengths[0])
            assert int(together.lengths[row]) == count
            torch.testing.assert_close(together.frames[row, :count], alone.frames[0], atol=1e-5, rtol=1e-5)


def test_padding_stays_out_of_batch_norms_in_training() -> None:
    torch.manual_seed(2)
    models = [build(Config(**SMALL, dropout=0.0)).train() for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    features, lengths = torch.randn(2, 80, 40), torch.tensor([60, 41])
    with torch.no_grad():
        short, long = models[0](features[:, :60], lengths), models[1](features, lengths)
        torch.testing.assert_close(short.frames, long.frames, atol=1e-5, rtol=1e-5)
    for (name, one), other in zip(models[0].named_buffers(), models[1].buffers(), strict=True):
        torch.testing.assert_close(one, other, msg=lambda text, name=name: f"{name}: {text}")


def test_no_attention_weights_are_kept() -> None:
    model = build(Config(**SMALL))
    model(torch.randn(1, 60, 40), torch.tensor([60]))
    assert model.attentions
    assert all(attention.attn is None for attention in model.attentions)


def test_layer_drop_is_ours_since_espnets_conformer_ignores_its_own() -> None:
    model = build(Config(**SMALL, layer_drop=1.0)).train()
    assert len(model(torch.randn(1, 60, 40), torch.tensor([60]), with_layers=True).layers) == 1


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("conformer", "interctc_layer_idx"),
        ("conformer", "rel_pos_type"),
        ("conformer", "cgmlp_linear_unit"),
        ("transformer", "output_size"),
        ("e_branchformer", "gradient_checkpoint_layers"),
    ],
)
def test_what_would_leak_or_is_ours_to_say_is_refused(kind: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"options.{name} cannot be given to the {kind}"):
        Config(kind=kind, options={name: 1})  # type: ignore[arg-type]


def test_without_espnet_the_fix_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espnet2.asr.encoder.conformer_encoder", None)
    with pytest.raises(MissingPackageError) as caught:
        build(Config(**SMALL))
    assert "pip install --no-deps espnet" in caught.value.fix
