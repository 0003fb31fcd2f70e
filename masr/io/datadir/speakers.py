"""The rules between utterances and speakers: prefixes, sorting, and spk2utt against utt2spk."""

from __future__ import annotations

import numpy as np

from masr.io.datadir.lines import IdArray, in_order, shown
from masr.io.datadir.rules import TableCheck


def check_speakers(table: TableCheck, ids: IdArray, words: IdArray) -> None:
    """Reports where `table`, utt2spk, breaks the order that Kaldi needs: sorted by utterance and speaker at once."""
    if not table.checks.speaker_prefix or not len(ids):
        return
    if ids.dtype == object or words.dtype == object:
        wrong = [row for row, (utt, spk) in enumerate(zip(ids.tolist(), words.tolist())) if not utt.startswith(spk)]
    else:
        sizes = np.char.str_len(words)
        heads = table.lines.cut(table.lines.starts[:-1], np.minimum(sizes, table.lengths), words.dtype.itemsize)
        wrong = np.flatnonzero(heads != words).tolist()

    def prefix(row: int) -> str:
        return f"{table.id_at(row)} does not begin with its speaker, {shown(words[row])}"

    def order(row: int) -> str:
        return f"{table.id_at(row)} sorts after an utterance of {shown(words[row - 1])}, a later speaker"

    table.report.add_rows(table.name, wrong, "speaker-prefix", prefix)
    if in_order(ids).all():
        table.report.add_rows(table.name, np.flatnonzero(words[1:] < words[:-1]) + 1, "speaker-order", order)


def check_spk2utt(table: TableCheck, ids: IdArray, words: IdArray) -> None:
    """Reports where spk2utt does not say the same as utt2spk, in order; `words` are utt2spk's speakers."""
    expected: dict[bytes, list[bytes]] = {}
    for utt, speaker in zip(ids.tolist(), words.tolist()):
        expected.setdefault(speaker, []).append(utt)
    if not in_order(ids).all():
        for utts in expected.values():
            utts.sort()
    for row in range(len(table.lines)):
        speaker, *utts = table.lines.line(row).split() or [b""]
        if speaker in expected and utts != expected[speaker]:
            table.report.add(table.name, row + 1, "spk2utt", _difference(shown(speaker), utts, expected[speaker]))


def _difference(speaker: str, found: list[bytes], expected: list[bytes]) -> str:
    for utt in found:
        if utt not in expected:
            return f"{speaker} has {shown(utt)}, which utt2spk does not give to that speaker"
    missing = set(expected) - set(found)
    if missing:
        return f"{speaker} lacks {shown(min(missing))}, which utt2spk gives to that speaker"
    return f"the utterances of {speaker} are twice there or not in C-locale order"
