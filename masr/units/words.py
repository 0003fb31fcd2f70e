"""The words of transcripts, and an n-gram model of them, as files to decode with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from masr.errors import DataError
from masr.io.atomic import atomic_open
from masr.io.datadir import DataDir
from masr.io.layout import LEXICON, TEXT, WORDS_ARPA
from masr.io.one_writer import writing
from masr.units.ngram import estimate


def write_words(data: DataDir, out: Path, order: int = 3) -> Iterator[str]:
    """OUT/lexicon.txt, every word once, and OUT/words.arpa; says what is in them."""
    if not data.has(TEXT):
        raise DataError(f"{data.folder}: has no text", fix="give a data directory with transcripts")
    sentences = [text.split() for text in data.table(TEXT).values()]
    if not any(sentences):
        raise DataError(
            f"{data.folder}: none of its {len(sentences)} transcripts has a word",
            fix="give a data directory with text",
        )
    model = estimate(sentences, order)
    words = sorted({word for words in sentences for word in words})
    with writing(out, "words"):
        with atomic_open(out / LEXICON) as stream:
            stream.writelines(f"{word}\n" for word in words)
        with atomic_open(out / WORDS_ARPA) as stream:
            stream.writelines(model.arpa())
    num_empty = sum(not words for words in sentences)
    yield f"{out / LEXICON}: {len(words):,} words of {len(sentences) - num_empty:,} transcripts"
    if num_empty:
        yield f"  {num_empty:,} transcripts have no word"
    counts = ", ".join(f"{len(grams):,} {order}-grams" for order, grams in enumerate(model.log10, start=1))
    yield f"{out / WORDS_ARPA}: {counts}"
