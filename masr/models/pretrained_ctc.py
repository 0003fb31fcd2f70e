"""CTC models of transformers from a folder on disk: Wav2Vec2ForCTC, HubertForCTC and their kin, safetensors only.

For one utterance it equals transformers' own output; a batch changes nothing, as for the encoder it stands on.

Shapes: B utterances, S samples, T encoded frames, V units.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from masr.errors import CheckpointError
from masr.models.checkpoint_folder import Checkpoint, open_checkpoint
from masr.models.pretrained import Config, Pretrained

_DESCRIPTION, _VOCABULARY, _TOKENIZER = "config.json", "vocab.json", "tokenizer_config.json"


def read_ctc(folder: Path) -> PretrainedCtc:
    """The model with the folder's weights; CheckpointError where it is no CTC model, or its units do not fit."""
    record = _record(folder / _DESCRIPTION)
    names = [str(name) for name in record.get("architectures") or []]
    if not any(name.endswith("ForCTC") for name in names):
        raise CheckpointError(
            f"{folder}: is no CTC model: its architecture is {', '.join(names) or 'not given'}",
            why="a model without a CTC head does not say how likely a unit is in a frame",
            fix="give a checkpoint whose config.json says Wav2Vec2ForCTC, HubertForCTC or the like",
        )
    if record.get("use_intermediate_ffn_before_adapter"):
        raise CheckpointError(f"{folder}: has a layer between its blocks and its head, which is not known here")
    blank = _blank(folder, record)
    config = Config(checkpoint=folder, freeze="all")
    return PretrainedCtc(config, open_checkpoint(folder, None, 0.0, None, with_head=True), blank, _tokens(folder))


class PretrainedCtc(nn.Module):
    """Waveform -> log-probabilities of units, the blank moved to the first place."""

    order: Tensor

    def __init__(self, config: Config, checkpoint: Checkpoint, blank: int, tokens: dict[int, str]) -> None:
        super().__init__()
        self.encoder = Pretrained(config, checkpoint)
        self.head: Any = checkpoint.head
        self.num_units = int(self.head.out_features)
        folder = config.checkpoint
        if not 0 <= blank < self.num_units:
            raise CheckpointError(
                f"{folder}: the blank is number {blank}, and there are {self.num_units} units",
                fix=f"correct pad_token_id in {folder / _DESCRIPTION}",
            )
        beyond = [f"{token} ({place})" for place, token in tokens.items() if not 0 <= place < self.num_units]
        if beyond:
            raise CheckpointError(
                f"{folder / _VOCABULARY}: has units that the model does not: {', '.join(beyond[:5])}",
                why="the vocabulary belongs to another model",
                fix="copy the whole folder from where the weights came from",
            )
        order = [blank, *(place for place in range(self.num_units) if place != blank)]
        self.tokens = tuple(tokens.get(place, "") for place in order)
        """Names in the order of the columns; empty where vocab.json has none."""
        self.register_buffer("order", torch.tensor(order), persistent=False)

    def log_probabilities(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S) samples, (B,) -> (B, T, V) natural logarithms, the blank first, and (B,) their lengths."""
        encoded = self.encoder(features, lengths)
        logits = self.head(encoded.frames).float()
        return logits[..., self.order].log_softmax(dim=-1), encoded.lengths


def _record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from None
    if not isinstance(record, dict):
        raise CheckpointError(f"{path}: holds no record")
    return record


def _blank(folder: Path, record: dict[str, Any]) -> int:
    """transformers trains with the padding token as the blank."""
    if not isinstance(record.get("pad_token_id"), int):
        raise CheckpointError(
            f"{folder}: config.json does not say which unit is the blank", fix="add its pad_token_id, mostly 0"
        )
    blank = int(record["pad_token_id"])
    pad = _record(folder / _TOKENIZER).get("pad_token") if (folder / _TOKENIZER).is_file() else None
    pad = pad.get("content") if isinstance(pad, dict) else pad
    named = {token: place for place, token in _tokens(folder).items()}
    if pad in named and named[pad] != blank:
        raise CheckpointError(
            f"{folder}: its tokenizer's padding {pad!r} is unit {named[pad]}, and config.json says {blank}",
            why="one of the two files belongs to another model, and the blank is one of both",
            fix="copy the whole folder from where the weights came from",
        )
    return blank


def _tokens(folder: Path) -> dict[int, str]:
    """Number -> name of every unit in vocab.json; empty where there is none, or one for each of several languages."""
    if not (folder / _VOCABULARY).is_file():
        return {}
    record = _record(folder / _VOCABULARY)
    return {place: token for token, place in record.items() if isinstance(place, int)}
