"""What a published checkpoint has beside its encoder, and an objective can go on with: read by transformers' own names.

Every self-supervised checkpoint has the vector that stands for masked frames. Those of wav2vec 2.0 that were saved for
pre-training (XLS-R, MMS, XLSR-53) have the quantizer and the two projections of the contrastive task as well; its
quantizer sees the normed output of the convolutions, before the projection to the model's width.

Shapes: G codebooks, V codes in each, C width of the convolutions, D model width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from masr.errors import CheckpointError
from masr.io.trained import Trained
from masr.io.weights import require_finite

MASK = "masked_spec_embed"
_CODES = "quantizer.codevectors"
_CONTRASTIVE = {
    "quantizer.scores.weight": "quantizer.weight_proj.weight",
    "quantizer.scores.bias": "quantizer.weight_proj.bias",
    "target.weight": "project_q.weight",
    "target.bias": "project_q.bias",
    "guess.weight": "project_hid.weight",
    "guess.bias": "project_hid.bias",
}
"""A weight of our wav2vec 2.0 -> transformers' name of it."""


@dataclass(frozen=True)
class PublishedHeads:
    """The weights beside the encoder."""

    folder: Path
    weights: Mapping[str, Tensor]
    """By transformers' names, the vector of masked frames by the last part of its name; in float32."""


def read_heads(folder: Path) -> PublishedHeads:
    """The heads in a folder that transformers wrote; only those that an objective can use are read."""
    from safetensors import safe_open

    wanted = {_CODES, *_CONTRASTIVE.values()}
    found: dict[str, Tensor] = {}
    for path in Trained(folder).weights:
        with safe_open(path, framework="pt") as stored:
            for name in stored.keys():  # noqa: SIM118  no mapping
                key = MASK if name.rpartition(".")[2] == MASK else name
                if key in wanted or key == MASK:
                    found[key] = stored.get_tensor(name).to(torch.float32)
    require_finite(folder, found)
    return PublishedHeads(folder, found)


@torch.no_grad()
def adopt(objective: nn.Module, heads: PublishedHeads, with_quantizer: bool) -> list[str]:
    """Fills the heads of an objective that a checkpoint of its kind has, and returns what they are.

    CheckpointError where this one has not, or they are of another size, or the objective has none of them.
    """
    parts: Any = objective
    adopted = []
    if isinstance(getattr(parts, "mask_embedding", None), nn.Parameter):
        _fill(heads, "the vector of masked frames", MASK, parts.mask_embedding)
        adopted.append("the vector of masked frames")
    if with_quantizer and all(hasattr(parts, name) for name in ("quantizer", "target", "guess")):
        _require_sizes(heads, parts)
        _fill(heads, "a quantizer", _CODES, parts.quantizer.codes)
        ours = dict(objective.named_parameters())
        for own, name in _CONTRASTIVE.items():
            _fill(heads, "a quantizer and its projections", name, ours[own])
        adopted.append("quantizer and projections")
    if not adopted:
        raise CheckpointError(
            f"encoder.own_heads: {type(objective).__name__} has no head that a published checkpoint could fill",
            fix="leave own_heads out",
        )
    return adopted


def _fill(heads: PublishedHeads, what: str, name: str, parameter: nn.Parameter) -> None:
    value = heads.weights.get(name)
    if value is None:
        raise CheckpointError(
            f"{heads.folder}: has not {what} ({name})",
            why="it was saved without what it was pre-trained with, as fine-tuned models and bare encoders are",
            fix="save it by transformers' AutoModelForPreTraining, or leave encoder.own_heads out: fresh heads",
        )
    if value.numel() != parameter.numel():
        raise CheckpointError(
            f"{heads.folder}: {name} is {tuple(value.shape)}, and the objective's is {tuple(parameter.shape)}",
            fix="set the objective's sizes to those of the checkpoint's config.json, or leave encoder.own_heads out",
        )
    parameter.copy_(value.view_as(parameter))


def _require_sizes(heads: PublishedHeads, objective: Any) -> None:
    """CheckpointError, naming the very settings, where the objective's codebooks are not the checkpoint's."""
    codes, scores, target = (heads.weights.get(n) for n in (_CODES, "quantizer.weight_proj.weight", "project_q.weight"))
    if codes is None or scores is None or target is None or codes.ndim != 3 or target.ndim != 2:
        return  # `_fill` says which is missing
    num_groups = max(1, target.shape[1] // codes.shape[2])
    theirs = {
        "num_groups": num_groups,
        "num_codes": codes.shape[1] // num_groups,
        "code_dim": target.shape[1],
        "width": target.shape[0],
    }
    ours = {name: getattr(objective.config, name) for name in theirs}
    if ours != theirs:
        settings = ", ".join(f"{name}: {value}" for name, value in theirs.items())
        raise CheckpointError(
            f"{heads.folder}: its quantizer is another than the objective's, which has "
            + ", ".join(f"{name} {value}" for name, value in ours.items()),
            fix=f"objective: {{name: wav2vec2, {settings}}}, or leave encoder.own_heads out",
        )
