"""The words of transcripts, and an n-gram model of them, to decode with (stage 3).

OUT gets lexicon.txt, every word of DATA's text, one a line, and words.arpa, an n-gram model by modified Kneser-Ney
smoothing: the numbers of KenLM's lmplz, which is the tool for more text than fits in memory. `masr decode` takes them:
--set lexicon=OUT/lexicon.txt --set language_model=OUT/words.arpa. Make them of the training set alone, so that the
decoder knows no word that the model could not have learnt.

example:
  masr words data/train_clean_100 exp/words
  masr words data/train exp/words --order 4
"""

from __future__ import annotations

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr words`."""
    parser.add_argument("data", type=Path, metavar="DATA", help="data directory with text")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("--order", type=int, default=3, metavar="N", help="of the n-gram model (default 3)")


def run(args: argparse.Namespace) -> None:
    """Counts, and writes both."""
    from masr.errors import DataError
    from masr.io.atomic import atomic_open
    from masr.io.datadir import DataDir
    from masr.io.layout import LEXICON, TEXT, WORDS_ARPA
    from masr.units.ngram import estimate

    data = DataDir.open(args.data)
    if not data.has(TEXT):
        raise DataError(f"{args.data}: has no text", fix="give a data directory with transcripts")
    sentences = [text.split() for text in data.table(TEXT).values()]
    if not any(sentences):
        raise DataError(
            f"{args.data}: none of its {len(sentences)} transcripts has a word", fix="give a data directory with text"
        )
    model = estimate(sentences, args.order)
    words = sorted({word for words in sentences for word in words})
    with atomic_open(args.out / LEXICON) as stream:
        stream.writelines(f"{word}\n" for word in words)
    with atomic_open(args.out / WORDS_ARPA) as stream:
        stream.writelines(model.arpa())
    num_empty = sum(not words for words in sentences)
    print(f"{args.out / LEXICON}: {len(words):,} words of {len(sentences) - num_empty:,} transcripts")
    if num_empty:
        print(f"  {num_empty:,} transcripts have no word")
    counts = ", ".join(f"{len(grams):,} {order}-grams" for order, grams in enumerate(model.log10, start=1))
    print(f"{args.out / WORDS_ARPA}: {counts}")
