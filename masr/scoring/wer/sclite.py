"""The transcripts that NIST's sclite reads: `words (speaker-utterance)`.

A .trn names its speaker before the first hyphen of the id in brackets. `sclite -i spu_id -s -e utf-8 -r ref.trn trn -h
hyp.trn trn -o sum rsum dtl pralign` scores the very words that are counted here, and makes all its reports of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from masr.io.atomic import atomic_write
from masr.scoring.wer.texts import Texts

_SPECIAL = frozenset("{}()@")


def write_trn(folder: Path, texts: Texts, speakers: Sequence[str]) -> None:
    """ref.trn and hyp.trn of the utterances that are scored, each by its speaker."""
    for name, lines in (("ref.trn", texts.refs), ("hyp.trn", texts.hyps)):
        atomic_write(folder / name, "".join(trn_lines(texts.utts, speakers, lines)))


def trn_lines(utts: Sequence[str], speakers: Sequence[str], texts: Sequence[str]) -> list[str]:
    """`words (speaker-utterance)` for each utterance; a speaker's own hyphens become underscores."""
    return [
        f"{' '.join(text.split())} ({speaker.replace('-', '_')}-{utt})\n"
        for utt, speaker, text in zip(utts, speakers, texts)
    ]


def special_words(names: Sequence[str]) -> list[str]:
    """Words that sclite takes for alternatives, optional words or nothing; here every word is a word."""
    return sorted(name for name in names if _SPECIAL & set(name) or name.startswith(";;"))
