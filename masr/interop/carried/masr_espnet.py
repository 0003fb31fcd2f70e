"""An exported model of masr as ESPnet's front end, `frontend: masr` with `frontend_conf: {folder: FOLDER}`, or encoder.

`register` makes espnet2.tasks.asr know both names; with_espnet.py runs ESPnet's programs after it.

Shapes: B utterances, S samples, T encoded frames, D model width.
"""

from __future__ import annotations

import torch
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from masr_upstream import Layers
from torch import Tensor, nn


class MasrFrontend(AbsFrontend):
    """Samples -> a learnt weighted mean of all layers, or one layer; the weights stay as they are unless `train`."""

    def __init__(self, folder: str, layer: int | None = None, train: bool = False, fs: int | str = 16000) -> None:  # noqa: ARG002
        super().__init__()
        self.layers = Layers(folder)
        self.layer = layer
        self.train_model = train
        self.scores = nn.Parameter(torch.zeros(self.layers.num_layers + 1))
        if not train:
            self.layers.requires_grad_(False)

    def output_size(self) -> int:
        """D."""
        return self.layers.dim

    def forward(self, input: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:  # noqa: A002 (ESPnet's name)
        """(B, S), (B,) -> (B, T, D), (B,)."""
        self.layers.train(self.training and self.train_model)
        waveforms = [row[:size] for row, size in zip(input, input_lengths.tolist(), strict=True)]
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.train_model):
            layers, lengths = self.layers(waveforms)
        if self.layer is not None:
            return layers[self.layer], lengths
        weights = self.scores.softmax(dim=0)
        return torch.stack([w * one for w, one in zip(weights, layers, strict=True)]).sum(dim=0), lengths


class MasrEncoder(AbsEncoder):
    """The same as the whole encoder, with nothing of ESPnet's before CTC; its weights move unless told not to."""

    def __init__(self, input_size: int, folder: str, layer: int | None = None, train: bool = True) -> None:  # noqa: ARG002
        super().__init__()
        self.frontend = MasrFrontend(folder, layer, train)

    def output_size(self) -> int:
        """D."""
        return self.frontend.output_size()

    def forward(
        self, xs_pad: Tensor, ilens: Tensor, prev_states: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """(B, S), (B,) -> (B, T, D), (B,), and the states of a stream, which there are none of."""
        return (*self.frontend(xs_pad, ilens), prev_states)


def register() -> None:
    """Adds `masr` to the front ends and to the encoders of ESPnet's task of speech recognition."""
    from espnet2.tasks.asr import encoder_choices, frontend_choices

    frontend_choices.classes["masr"] = MasrFrontend
    encoder_choices.classes["masr"] = MasrEncoder
