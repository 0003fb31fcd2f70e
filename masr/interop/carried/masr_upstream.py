"""Every layer of an exported model, for a list of waveforms: what s3prl and ESPnet are given.

It needs torch and transformers. `model/` beside this file is what `masr export --to hf` writes.

Shapes: B utterances, S samples, T encoded frames, D model width.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class Layers(nn.Module):
    """Waveforms -> hidden states; one utterance at a time where padding would change them."""

    def __init__(self, folder: str | Path) -> None:
        import transformers

        super().__init__()
        folder = Path(folder)
        record = json.loads((folder / "masr_export.json").read_text(encoding="utf-8"))
        self.downsample_rate: int = record["downsample_rate"]
        self.padding_counts: bool = record["padding_counts"]
        where = str(folder / "model")
        self.extractor = transformers.AutoFeatureExtractor.from_pretrained(where)
        # its code lies in the folder that this file came with
        self.model: Any = transformers.AutoModel.from_pretrained(where, trust_remote_code=True)
        self.dim: int = self.model.config.hidden_size
        self.num_layers: int = self.model.config.num_hidden_layers

    def forward(self, waveforms: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """B waveforms (S,) -> (B, T, D) of every layer, and (B,) encoded frames."""
        groups = [[one] for one in waveforms] if self.padding_counts else [list(waveforms)]
        parts = [self._together(group) for group in groups]
        lengths = torch.cat([lengths for _, lengths in parts])
        time = int(lengths.max())
        layers = []
        for number in range(self.num_layers + 1):
            rows = [
                nn.functional.pad(layers[number][:, :time], (0, 0, 0, _missing(layers[number], time)))
                for layers, _ in parts
            ]
            layers.append(torch.cat(rows))
        return layers, lengths

    def _together(self, waveforms: list[Tensor]) -> tuple[Sequence[Tensor], Tensor]:
        """Waveforms in one batch, normalised as the feature extractor of the folder says; gradients pass through."""
        sizes = torch.tensor([len(one) for one in waveforms], device=waveforms[0].device)
        if getattr(self.extractor, "do_normalize", False):
            waveforms = [(one - one.mean()) / torch.sqrt(one.var(correction=0) + 1e-7) for one in waveforms]
        batch = nn.utils.rnn.pad_sequence(waveforms, batch_first=True)
        mask = (torch.arange(batch.shape[1], device=batch.device) < sizes[:, None]).long()
        found = self.model(batch, attention_mask=None if self.padding_counts else mask, output_hidden_states=True)
        return found.hidden_states, self.model._get_feat_extract_output_lengths(sizes)


def _missing(layer: Tensor, time: int) -> int:
    return max(0, time - layer.shape[1])
