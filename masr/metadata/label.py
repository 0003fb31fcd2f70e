"""Any utt2X as a stream by identity: similarity 1 where the labels are the same, else 0.

Nothing is written for a new kind of metadata: `streams: [{name: accent}]` opens this file for utt2accent. A code
is a 64-bit hash of the label as eight numbers of eight bits, so that labels need no table, any rank and any later
data directory gives the same code, and the numbers stay exact even where codes are gathered as bfloat16.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from masr.config import option
from masr.errors import ConfigError
from masr.io.layout import label_table
from masr.metadata.codebook import Codebook, Use, is_missing, settings_of
from masr.types import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

EXAMPLES = ("female", "male", "kathiawari", "स्त्री", "Österreich", "a b", "A B", "0", "00", "nob")

_NUM_BYTES = 8


@dataclass(frozen=True)
class Config:
    """Which table holds the labels."""

    kind: str = option("", "the labels are in utt2<kind>; left out, it is the stream's own name")


def tables(config: Config) -> tuple[str, ...]:
    """The file of a data directory that holds the labels."""
    if not config.kind:
        raise ConfigError(
            "stream 'label' does not say which label", fix="write {name: label, kind: accent}, or {name: accent}"
        )
    return (label_table(config.kind),)


def tabulate(config: Config, uses: Sequence[Use]) -> Codebook:
    """A codebook of the labels in use; it is for people, as codes are made without it."""
    codes = _hashes([use.label for use in uses])
    rows = tuple((use.label, str(use.count)) for use in uses)
    labels = tuple(use.label for use in uses)
    return Codebook(labels, codes, settings_of(config), {}, ("label", "utterances"), rows)


def build(config: Config, codebook: Codebook | None = None) -> LabelStream:
    """The stream; it needs no codebook, and checks one that is given."""
    if codebook:
        codebook.check(config, "label")
    return LabelStream(config)


class LabelStream:
    """A stream whose codes are hashes of the labels, and whose similarity is whether they are equal."""

    num_dims = _NUM_BYTES

    def __init__(self, config: Config) -> None:
        self.tables = tables(config)

    def codes(self, labels: Sequence[str | None]) -> FloatArray:
        """(B, 8) whole numbers in 0..255."""
        return _hashes(labels)

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """(A, B) of 0 and 1."""
        import torch

        from masr.metadata.cosine import missing_pairs

        shifts = torch.arange(0, 8 * _NUM_BYTES, 8, device=a.device)
        one, other = ((codes.nan_to_num().long() << shifts).sum(dim=1) for codes in (a, b))
        same = (one[:, None] == other[None, :]).to(a.dtype)
        return same.masked_fill(missing_pairs(a, b), torch.nan)


def _hashes(labels: Sequence[str | None]) -> FloatArray:
    codes = np.full((len(labels), _NUM_BYTES), np.nan, dtype=np.float32)
    known: dict[str, np.ndarray[tuple[int], np.dtype[np.uint8]]] = {}
    for i, label in enumerate(labels):
        if label is None or is_missing(label):
            continue
        if label not in known:
            digest = hashlib.blake2b(label.encode("utf-8", "surrogatepass"), digest_size=_NUM_BYTES).digest()
            known[label] = np.frombuffer(digest, dtype=np.uint8)
        codes[i] = known[label]
    return codes
