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
    from masr.io.datadir import DataDir
    from masr.units.words import write_words

    for line in write_words(DataDir.open(args.data), args.out, args.order):
        print(line)
