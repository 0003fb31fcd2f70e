"""Ids that Kaldi's sorting and every file system take: no blanks, no path separators, speakers before utterances."""

from __future__ import annotations

import re

_NOT_IN_ID = re.compile(r"[\s\x00-\x2c/:;<=>?@\[\\\]^`{|}~\x7f-\x9f\ud800-\udfff\ufeff]+")
MOST_KIND = 100
"""Letters of a kind of metadata: a file is named by it, and what is written beside it while it is made."""
_NOT_IN_KIND = re.compile(r"[^a-z0-9_]+")


def safe_id(text: str) -> str:
    """`text` with all that may not stand in an id as `_`; letters of every script stay.

    What sorts before '-' goes too: it would sort a speaker's utterances among another's. So do dots in front, for an
    id can become the name of a file or a folder, and '..' is the folder above.
    """
    return _NOT_IN_ID.sub("_", text.strip()).strip("_").lstrip("._") or "_"


def safe_kind(text: str) -> str:
    """A metadata kind as it can stand in a file's name: utt2<kind>."""
    return _NOT_IN_KIND.sub("_", text.strip().lower()).strip("_")


def speaker_first(utt: str, speaker: str) -> str:
    """The utterance's id, with the speaker's before it where it does not begin so already."""
    return utt if utt == speaker or utt.startswith(speaker + "-") else f"{speaker}-{utt}"
