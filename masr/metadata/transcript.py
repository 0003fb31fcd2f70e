"""Transcripts: how much two utterances say the same, by character n-grams or by edit distance.

`ngram` hashes n-grams with a sign into a fixed width, so that the product of two codes is the cosine of the n-gram
counts up to the collisions, which cancel on average. `edit` keeps the characters themselves as the code and gives
1 - distance / longer length, as rapidfuzz computes it on the CPU. Either code is an array of fixed width that can be
gathered across ranks; gather `edit` codes in float32, since bfloat16 cannot hold a code point.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from masr.config import option
from masr.errors import MissingPackageError
from masr.io.layout import TEXT
from masr.metadata.codebook import Codebook, Use, is_missing, settings_of
from masr.types import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

EXAMPLES = ("two plus two", "two plus ten", "zehn Uhr dreißig", "दो और दो", "a", "二加二", "TWO PLUS TWO", "x x x")

FREE_TEXT = True

_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Config:
    """How transcripts are compared."""

    rule: Literal["ngram", "edit"] = option("ngram", "cosine of character n-grams, or 1 - normalised edit distance")
    min_n: int = option(2, "shortest n-gram, in characters")
    max_n: int = option(4, "longest n-gram")
    width: int = option(1024, "columns that the n-grams are hashed to; the error falls with its square root")
    max_chars: int = option(400, "`edit` compares the first so many characters")
    table: str = option(TEXT, "the file of a data directory that holds the transcripts")
    fold_case: bool = option(True, "capital and small letters are the same")

    def __post_init__(self) -> None:
        if not 1 <= self.min_n <= self.max_n:
            raise ValueError("min_n: must lie between 1 and max_n")
        if self.width < 16:
            raise ValueError("width: must be 16 or more")
        if self.max_chars < 1:
            raise ValueError("max_chars: must be 1 or more")


def tables(config: Config) -> tuple[str, ...]:
    """The file of a data directory that holds the labels."""
    return (config.table,)


def tabulate(config: Config, uses: Iterable[Use]) -> Codebook:
    """A codebook with figures alone: a transcript's code is made from its text, so there is nothing to keep."""
    count, longest, num_over = 0, 0, 0
    for use in uses:
        length = len(_normal(config, use.label))
        count, longest, num_over = count + 1, max(longest, length), num_over + (length > config.max_chars)
    facts = {"num_transcripts": float(count), "longest_chars": float(longest), "num_over_max_chars": float(num_over)}
    rows = tuple((name, f"{value:.0f}") for name, value in facts.items())
    codes = np.zeros((0, _num_dims(config)), np.float32)
    return Codebook((), codes, settings_of(config), facts, ("fact", "value"), rows)


def build(config: Config, codebook: Codebook | None = None) -> TranscriptStream:
    """The stream; it needs no codebook, and checks one that is given."""
    if codebook:
        codebook.check(config, "transcript")
    return TranscriptStream(config)


class TranscriptStream:
    """A stream whose codes are hashed n-grams, or the characters themselves."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.tables = tables(config)
        self.num_dims = _num_dims(config)

    def codes(self, labels: Sequence[str | None]) -> FloatArray:
        """(B, width) rows of length 1 of signed n-gram counts, or (B, max_chars) code points with 0 behind."""
        codes = np.full((len(labels), self.num_dims), np.nan, dtype=np.float32)
        encode = self._ngrams if self.config.rule == "ngram" else self._characters
        for i, label in enumerate(labels):
            if label is not None and not is_missing(label):
                codes[i] = encode(_normal(self.config, label))
        return codes

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """(A, B) in [0, 1]; 1 is the same text."""
        from masr.metadata.cosine import cosine

        return cosine(a, b).clamp(0.0, 1.0) if self.config.rule == "ngram" else _edit_similarity(a, b)

    def _ngrams(self, text: str) -> FloatArray:
        """(width,) hashed n-grams of a text between spaces, so that its first and its last letter count as such."""
        points = _points(f" {text} ").astype(np.uint64)
        row = np.zeros(self.config.width)
        for n in range(self.config.min_n, self.config.max_n + 1):
            grams = _mixed(points, n)
            columns = (grams >> np.uint64(1)) % np.uint64(self.config.width)
            signs = 1.0 - 2.0 * (grams & np.uint64(1)).astype(np.float64)
            row += np.bincount(columns.astype(np.int64), weights=signs, minlength=self.config.width)
        length = float(np.linalg.norm(row))
        if length == 0:  # every n-gram met its opposite, or the text is shorter than min_n
            row[int(_mixed(points, len(points))[0] % np.uint64(self.config.width))] = length = 1.0
        return (row / length).astype(np.float32)

    def _characters(self, text: str) -> FloatArray:
        row = np.zeros(self.config.max_chars, dtype=np.float32)
        points = _points(text)[: self.config.max_chars]
        row[: len(points)] = points
        return row


def _num_dims(config: Config) -> int:
    return config.width if config.rule == "ngram" else config.max_chars


def _normal(config: Config, text: str) -> str:
    """The text in one spelling of what looks the same."""
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    return unicodedata.normalize("NFC", text.casefold()) if config.fold_case else text


def _points(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def _mixed(points: npt.NDArray[np.uint64], n: int) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of every n-gram, the same on any machine; its lowest bit is the sign."""
    count = max(0, len(points) - n + 1)
    grams = np.full(count, n, dtype=np.uint64)
    for offset in range(n):
        grams = _scrambled(grams * _FACTOR + points[offset : offset + count])
    return grams


def _scrambled(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Every bit of the result depends on every bit of the value."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _edit_similarity(a: Tensor, b: Tensor) -> Tensor:
    import torch

    from masr.metadata.cosine import missing_pairs

    try:
        from rapidfuzz.distance import Levenshtein
        from rapidfuzz.process import cdist
    except ModuleNotFoundError:
        raise MissingPackageError(
            "rapidfuzz is not installed", why="rule: edit computes its distances with it", fix="pip install rapidfuzz"
        ) from None
    one = _texts(a)
    other = one if a is b else _texts(b)
    similarity = cdist(one, other, scorer=Levenshtein.normalized_similarity, dtype=np.float32)
    same = torch.from_numpy(np.asarray(similarity)).to(a)
    return same.masked_fill(missing_pairs(a, b), torch.nan)


def _texts(codes: Tensor) -> list[str]:
    """The texts of rows of code points; empty for a missing row."""
    rows = codes.detach().nan_to_num().cpu().numpy().astype("<u4")
    return [row[row > 0].tobytes().decode("utf-32-le", "surrogatepass") for row in rows]
