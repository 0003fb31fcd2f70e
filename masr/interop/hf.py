"""Models of masr as classes of transformers, for what transformers has no network of.

`import masr.interop.hf` makes AutoModel, AutoModelForCTC and AutoModelForAudioClassification know them; a folder that
`masr export --to hf` wrote has this very code along, for those without masr.

Shapes: B utterances, S samples, T encoded frames, D model width, V units, C classes, U units of a transcript.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from masr.errors import MissingPackageError
from masr.interop.whole import encoder_of, head_of, parts_of
from masr.types import Encoded

try:
    import transformers
    from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput, SequenceClassifierOutput
except ImportError:
    raise MissingPackageError(
        "transformers is not installed", why="these are classes of its own", fix="pip install transformers"
    ) from None


_HERE = "masr.interop.hf"
"""Where this is masr's own file, and no copy of it that came with a folder."""


class MasrConfig(transformers.PretrainedConfig):
    """`parts` describes the model as config.yaml of its run does."""

    model_type = "masr"

    def __init__(self, parts: dict[str, Any] | None = None, sampling_rate: int = 16000, **settings: Any) -> None:
        self.parts = parts or {}
        self.sampling_rate = sampling_rate
        super().__init__(**settings)

    def save_pretrained(self, save_directory: Any, push_to_hub: bool = False, **settings: Any) -> None:
        """config.json, and the code that its auto_map names; where that code is itself of a folder, transformers
        copies it."""
        super().save_pretrained(save_directory, push_to_hub, **settings)
        if __name__ == _HERE and getattr(self, "auto_map", None):
            # no import statement, as a folder's code has no file of this
            remote_code: Any = importlib.import_module("masr.interop.remote_code")
            remote_code.write_code(parts_of(self.parts).plugins, Path(save_directory))


class MasrPreTrainedModel(transformers.PreTrainedModel):
    """What they have in common: their configuration, and weights that are never drawn anew."""

    config_class = MasrConfig
    base_model_prefix = "masr"
    main_input_name = "input_values"

    def _init_weights(self, module: Any) -> None:
        """Nothing: modules draw their own weights when they are made, and an export has them all."""


class MasrModel(MasrPreTrainedModel):
    """Samples -> frames."""

    def __init__(self, config: MasrConfig) -> None:
        super().__init__(config)
        self.speech = encoder_of(parts_of(config.parts))
        self.post_init()

    def forward(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        **_: Any,
    ) -> Any:
        """(B, S) samples in [-1, 1], (B, S) 1 where they are the utterance's own -> (B, T, D), zero past its end."""
        found: Encoded = self.speech(
            input_values, lengths_of(input_values, attention_mask), with_layers=bool(output_hidden_states)
        )
        return _given(BaseModelOutput(found.frames, found.layers or None), return_dict)

    def _get_feat_extract_output_lengths(self, input_lengths: Tensor) -> Tensor:
        """(B,) samples -> (B,) encoded frames, by the name that transformers' own models have for it."""
        return self.speech.num_encoded(input_lengths)


class _WithHead(MasrPreTrainedModel):
    """The encoder, and what scores its frames or utterances."""

    def __init__(self, config: MasrConfig) -> None:
        super().__init__(config)
        self.masr = MasrModel(config)
        self.head = head_of(parts_of(config.parts), self.masr.speech.encoder)
        self.post_init()

    def _scored(self, input_values: Tensor, attention_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Log-probabilities as the head gives them, and (B,) encoded frames."""
        lengths = lengths_of(input_values, attention_mask)
        found: tuple[Tensor, Tensor] = self.head.log_probabilities(*self.masr.speech.ready(input_values, lengths))
        return found

    def _get_feat_extract_output_lengths(self, input_lengths: Tensor) -> Tensor:
        return self.masr.speech.num_encoded(input_lengths)


class MasrForCTC(_WithHead):
    """Samples -> log-probabilities of units, the blank first."""

    def forward(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        return_dict: bool | None = None,
        **_: Any,
    ) -> Any:
        """(B, S), (B, S), (B, U) units, below 0 past their end -> (B, T, V), with the loss where there are labels."""
        scores, counts = self._scored(input_values, attention_mask)
        loss = None
        if labels is not None:
            known = labels >= 0
            loss = functional.ctc_loss(
                scores.transpose(0, 1), labels[known], counts, known.sum(dim=1), blank=0, zero_infinity=True
            )
        return _given(CausalLMOutput(loss, scores), return_dict)


class MasrForAudioClassification(_WithHead):
    """Samples -> calibrated log-probabilities of classes, whose names are config.id2label."""

    def forward(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        return_dict: bool | None = None,
        **_: Any,
    ) -> Any:
        """(B, S), (B, S), (B,) -> (B, C), with the cross-entropy where there are labels."""
        scores, _counts = self._scored(input_values, attention_mask)
        loss = None if labels is None else functional.nll_loss(scores, labels)
        return _given(SequenceClassifierOutput(loss, scores), return_dict)


def lengths_of(input_values: Tensor, attention_mask: Tensor | None) -> Tensor:
    """(B,) samples of each utterance: all of them where no mask says otherwise."""
    if attention_mask is not None:
        return attention_mask.long().sum(dim=1)
    return torch.full((len(input_values),), input_values.shape[1], device=input_values.device)


def _given(output: Any, return_dict: bool | None) -> Any:
    return output.to_tuple() if return_dict is False else output


if __name__ == _HERE:  # as remote code of a folder it is known by that folder alone
    transformers.AutoConfig.register("masr", MasrConfig, exist_ok=True)
    transformers.AutoModel.register(MasrConfig, MasrModel, exist_ok=True)
    transformers.AutoModelForCTC.register(MasrConfig, MasrForCTC, exist_ok=True)
    transformers.AutoModelForAudioClassification.register(MasrConfig, MasrForAudioClassification, exist_ok=True)
