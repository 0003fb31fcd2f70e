"""What each file of a data directory is: which ids its rows begin with, and which ids those are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from masr.errors import DataError, near
from masr.io.layout import CMVN_SCP, SEGMENTS, TEXT, UTT2SPK, WAV_SCP

Key = Literal["utterance", "speaker", "recording"]

CTM = frozenset({"phones.ctm", "words.ctm", "corrupted.ctm"})
"""Alignments: several lines an utterance, in the order of time."""
WHOLE = frozenset({"frame_shift"})
"""Facts about the directory rather than about an utterance: copied as they are."""
_NAME = re.compile(r"(utt2|spk2|reco2)[A-Za-z0-9_]+|[A-Za-z0-9_]+\.scp")


def keyed_by(name: str) -> Key | None:
    """The ids that the rows of a file begin with; None for a file that is no table.

    A recording is what wav.scp names: without `segments`, recordings and utterances are the same.
    """
    if name in (TEXT, SEGMENTS) or name in CTM:
        return "utterance"
    if not _NAME.fullmatch(name):
        return None
    if name == WAV_SCP or name.startswith("reco2"):
        return "recording"
    if name == CMVN_SCP or name.startswith("spk2"):
        return "speaker"
    return "utterance"


def tables_in(folder: Path) -> list[str]:
    """The names of a directory's tables; DataError where it is no data directory."""
    try:
        names = sorted(p.name for p in Path(folder).iterdir() if keyed_by(p.name) and p.is_file())
    except NotADirectoryError:
        raise DataError(f"{folder} is a file, not a data directory", fix="give the directory it lies in") from None
    except FileNotFoundError:
        parent = Path(folder).parent
        siblings = [p.name for p in parent.iterdir() if p.is_dir()] if parent.is_dir() else []
        raise DataError(f"{folder}: no such directory", fix=near(Path(folder).name, siblings)) from None
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror}") from None
    if UTT2SPK not in names:
        raise DataError(
            f"{folder} is not a data directory: it has no {UTT2SPK}",
            why="Kaldi's format names every utterance, with its speaker, in utt2spk",
            fix="make it with `masr prepare`, or write utt2spk with the utterance's own id as its speaker",
        )
    return names


def label_kinds(tables: list[str]) -> list[str]:
    """The kinds of metadata among tables: utt2lang -> lang."""
    figures = {UTT2SPK, "utt2dur", "utt2num_frames", "utt2uniq"}
    return [name[len("utt2") :] for name in tables if name.startswith("utt2") and name not in figures]
