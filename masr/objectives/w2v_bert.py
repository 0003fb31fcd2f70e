"""w2v-BERT (2108.06209): a contrastive task on a middle layer gives the codes that the last layer has to predict.

Shapes: B utterances, T encoded frames, N masked frames, D encoder width, G codebooks, V codes in each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn

from masr.config import option
from masr.losses.masked_frames import frame_factors, masked_rows
from masr.losses.masked_prediction import code_counts, masked_prediction, right
from masr.maths.on_host import rows_at
from masr.objectives.wav2vec2 import Config as Wav2Vec2Config
from masr.objectives.wav2vec2 import Wav2Vec2
from masr.types import Batch, Encoder, Losses, Masker, Term


@dataclass(frozen=True)
class Config(Wav2Vec2Config):
    """As wav2vec 2.0's where the two agree; the paper's codebook is one of 1024 codes."""

    num_groups: int = option(1, "codebooks, of which one code each is chosen")
    num_codes: int = option(1024, "codes in a codebook")
    contrastive_layer: int = option(0, "block whose output is contrasted, counted from 1; 0 is the middle one")
    prediction_weight: float = option(1.0, "factor on the masked prediction of codes")


def build(config: Config, encoder: Encoder, masker: Masker) -> W2vBert:
    """The objective around an encoder of several blocks."""
    layer = config.contrastive_layer or encoder.num_layers // 2
    if not 0 < layer <= encoder.num_layers:
        raise ValueError(f"contrastive_layer {layer} is none of the encoder's {encoder.num_layers} blocks")
    return W2vBert(replace(config, contrastive_layer=layer), encoder, masker)


class W2vBert(Wav2Vec2):
    """Contrastive loss at one block, masked prediction at the last."""

    config: Config

    def __init__(self, config: Config, encoder: Encoder, masker: Masker) -> None:
        super().__init__(config, encoder, masker)
        # Centred: codes that are all positive have cosines of 0.75 with one another, and comparing them teaches little.
        nn.init.uniform_(self.quantizer.codes, -1, 1)
        self.head = nn.Linear(encoder.dim, config.num_groups * config.num_codes)

    def code_log_probabilities(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised input, nothing hidden -> (B, T, G, V) of the codes in each codebook, (B,) lengths."""
        encoded = self.encoder.contextualise(*self.encoder.embed(features, lengths))
        logits: Tensor = self.head(encoded.frames)
        sizes = (self.config.num_groups, self.config.num_codes)
        return logits.view(*logits.shape[:2], *sizes).float().log_softmax(dim=3), encoded.lengths

    def counts(self, batch: Batch) -> dict[str, float]:
        """Term -> its count, before anything is computed."""
        found = super().counts(batch)
        return {**found, "masked_prediction": found["diversity"]}

    def forward(self, batch: Batch) -> Losses:
        """Input -> both losses on masked frames; targets see the unmasked frames."""
        embedded, seen, lengths, mask = self.masked(batch)
        encoded = self.encoder.contextualise(self.hidden(embedded, mask), lengths, with_layers=True)
        middle = encoded.layers[self.config.contrastive_layer]
        factors = frame_factors(self.masker, batch, lengths, mask)
        terms, figures, ids = self.contrast(middle, seen, mask, batch, lengths, factors)
        logits = self.head(rows_at(encoded.frames, mask)).view(*ids.shape, self.config.num_codes)
        predicted = masked_prediction(logits, ids, masked_rows(factors, mask))
        terms["masked_prediction"] = Term(predicted.sum, predicted.count, self.config.prediction_weight)
        chosen = logits.detach().argmax(dim=-1)
        figures["masked_accuracy"] = right(chosen, ids)
        return Losses(terms, figures, encoded, code_counts(ids, chosen, self.config.num_codes))
