"""Whether the audio that wav.scp names can be read to its end. No other rule asks it: it takes as long as decoding."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from masr.errors import AudioError
from masr.io.audio import check_audio, entry_info, read_audio, split_entry
from masr.io.datadir.lines import BLANKS, shown
from masr.io.datadir.paths import Files
from masr.io.datadir.rules import TableCheck
from masr.io.elsewhere import is_elsewhere
from masr.io.inside import bytes_in_place, inside
from masr.io.progress import track


def check_sound(table: TableCheck, files: Files) -> Counter[int]:
    """Reports recordings that cannot be decoded; sampling rate -> how many recordings have it.

    Pipes are not run, and files that are not there are left to the rule that looks for them.
    """
    rates = Counter[int]()
    for row in track(range(len(table.lines)), "audio", unit="file"):
        entry = os.fsdecode(table.rest(row).rstrip(BLANKS))
        if not entry or entry.endswith("|") or entry.startswith("~"):
            continue
        here = _from_here(entry, files)
        if here is None:
            continue
        try:
            rates[_rate(here)] += 1
        except AudioError as error:
            table.report.add(table.name, row + 1, "audio", f"{shown(os.fsencode(entry))}: {error.what}")
    return rates


def _from_here(entry: str, files: Files) -> str | None:
    """The entry as it can be opened from this folder; None where its file is not there."""
    if is_elsewhere(entry):
        return entry
    part = inside(entry)
    path, offset = split_entry(entry) if part is None else (Path(part.archive), 0)
    found = files.found(os.fsencode(path))
    if found is None:
        return None
    name = os.fsdecode(found)
    return str(part._replace(archive=name)) if part else f"{name}:{offset}" if offset else name


def _rate(entry: str) -> int:
    """The sampling rate of what was read to its end."""
    content = bytes_in_place(entry)
    path, offset = split_entry(entry)
    if content is not None or not offset:
        return check_audio(path if content is None else content, sample_rate=None, channel=0).sample_rate
    rate = entry_info(entry).sample_rate
    read_audio(entry, sample_rate=rate)
    return rate
