"""The files that NIST's sclite reads and writes: .trn transcripts, the .sys and .raw tables, .dtl and .pra reports.

A .trn names its speaker before the first hyphen of the id in brackets; `sclite -i spu_id -s -e utf-8 -r ref.trn trn -h
hyp.trn trn` scores the very words that are counted here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from masr.scoring.wer.alignment import CORRECT, DELETION, INSERTION, SUBSTITUTION, Alignment
from masr.scoring.wer.coded import Pairs
from masr.scoring.wer.rates import Section
from masr.types import Float64Array

_SPECIAL = frozenset("{}()@")
_LETTERS = {CORRECT: "", SUBSTITUTION: "S", DELETION: "D", INSERTION: "I"}
_COLUMNS = ("Corr", "Sub", "Del", "Ins", "Err", "S.Err")


def trn_lines(utts: Sequence[str], speakers: Sequence[str], texts: Sequence[str]) -> list[str]:
    """`words (speaker-utterance)` for each utterance; a speaker's own hyphens become underscores."""
    return [
        f"{' '.join(text.split())} ({speaker.replace('-', '_')}-{utt})\n"
        for utt, speaker, text in zip(utts, speakers, texts)
    ]


def special_words(names: Sequence[str]) -> list[str]:
    """Words that sclite takes for alternatives, optional words or nothing; here every word is a word."""
    return sorted(name for name in names if _SPECIAL & set(name) or name.startswith(";;"))


def sys_table(title: str, speakers: Mapping[str, Section], overall: Section, percent: bool = True) -> str:
    """The table of sclite's .sys (`percent`) or .raw: a row for each speaker, their sum, mean, deviation, median."""
    rows = [_figures(part, percent) for part in speakers.values()]
    known = np.array([row for part, row in zip(speakers.values(), rows) if part.num_ref or not percent])
    sizes = np.array([(part.num_utts, part.num_ref) for part in speakers.values()], dtype=np.float64)
    body = [
        (name, f"{part.num_utts:5d} {part.num_ref:7d}", _cells(row, 1 if percent else 0))
        for (name, part), row in zip(speakers.items(), rows)
    ]
    total = ("Sum/Avg" if percent else "Sum", f"{overall.num_utts:5d} {overall.num_ref:7d}")
    tail = [
        (
            name,
            f"{_half_up(_over(sizes[:, 0], name), 1):5.1f} {_half_up(_over(sizes[:, 1], name), 1):7.1f}",
            _over_rows(known, name),
        )
        for name in ("Mean", "S.D.", "Median")
    ]
    width = max(7, *(len(name) for name, _, _ in body))
    line = "|" + "-" * (width + 2) + "+" + "-" * 15 + "+" + "-" * 44 + "|"
    double = "|" + "=" * (len(line) - 2) + "|"
    head = f"| {'SPKR':<{width}} | # Snt   # Wrd |" + "".join(f"{name:>7}" for name in _COLUMNS) + "  |"
    shown = [f"| {name:<{width}} | {size} |{cells}  |" for name, size, cells in body]
    last = f"| {total[0]:<{width}} | {total[1]} |{_cells(_figures(overall, percent), 1 if percent else 0)}  |"
    means = [f"| {name:<{width}} | {size} |{cells}  |" for name, size, cells in tail]
    top, bottom = "," + "-" * (len(line) - 2) + ".", "`" + "-" * (len(line) - 2) + "'"
    named = f"|{title:^{len(line) - 2}}|"
    return "\n".join([top, named, line, head, line, *shown, double, last, double, *means, bottom]) + "\n"


def _figures(part: Section, percent: bool) -> list[float]:
    counts = (part.num_correct, part.num_substituted, part.num_deleted, part.num_inserted, part.num_errors)
    if not percent:
        return [*counts, part.num_wrong_utts]
    shares = [100 * count / part.num_ref if part.num_ref else 0.0 for count in counts]
    return [*shares, 100 * part.num_wrong_utts / part.num_utts]


def _cells(values: Sequence[float], digits: int) -> str:
    return "".join(f"{_half_up(value, digits):7.{digits}f}" for value in values)


def _half_up(value: float, digits: int) -> float:
    """As sclite rounds: 27.25 to 27.3."""
    return math.floor(value * 10.0**digits + 0.5) / 10.0**digits


def _over(values: Float64Array, name: str) -> float:
    """sclite divides a deviation by one less than the speakers."""
    if not len(values):
        return 0.0
    if name == "S.D.":
        return float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return float(values.mean() if name == "Mean" else np.median(values))


def _over_rows(rows: Float64Array, name: str) -> str:
    return _cells([_over(column, name) for column in rows.T] if len(rows) else [0.0] * len(_COLUMNS), 1)


def dtl_report(title: str, pairs: Pairs, alignment: Alignment, overall: Section) -> str:
    """What sclite's .dtl says: totals, then each confusion, insertion and deletion by how often it happens."""
    operations, utts = alignment.operations, alignment.utts
    wrong = {kind: len(np.unique(utts[operations == kind])) for kind in (SUBSTITUTION, DELETION, INSERTION)}
    lines = [
        f"DETAILED OVERALL REPORT FOR THE SYSTEM: {title}\n",
        "SENTENCE RECOGNITION PERFORMANCE\n",
        f" sentences                         {overall.num_utts:8d}",
        _share(" with errors", overall.num_wrong_utts, overall.num_utts),
        _share("   with substitutions", wrong[SUBSTITUTION], overall.num_utts),
        _share("   with deletions", wrong[DELETION], overall.num_utts),
        _share("   with insertions", wrong[INSERTION], overall.num_utts),
        "\n\nWORD RECOGNITION PERFORMANCE\n",
        _share("Percent Total Error", overall.num_errors, overall.num_ref),
        _share("Percent Correct", overall.num_correct, overall.num_ref),
        _share("Percent Substitution", overall.num_substituted, overall.num_ref),
        _share("Percent Deletions", overall.num_deleted, overall.num_ref),
        _share("Percent Insertions", overall.num_inserted, overall.num_ref),
        _share("Percent Word Accuracy", overall.num_ref - overall.num_errors, overall.num_ref),
        f"\nRef. words                         {overall.num_ref:8d}",
        f"Hyp. words                         {overall.num_hyp:8d}",
        f"Aligned words                      {len(operations):8d}",
    ]
    swapped = operations == SUBSTITUTION
    names = np.array(pairs.names, dtype=object)
    confused = [f"{a} ==> {b}" for a, b in zip(names[alignment.refs[swapped]], names[alignment.hyps[swapped]])]
    for head, words in (
        ("CONFUSION PAIRS", confused),
        ("INSERTIONS", names[alignment.hyps[operations == INSERTION]].tolist()),
        ("DELETIONS", names[alignment.refs[operations == DELETION]].tolist()),
        ("SUBSTITUTIONS", names[alignment.refs[swapped]].tolist()),
        ("FALSELY RECOGNIZED", names[alignment.hyps[swapped]].tolist()),
    ):
        lines += _ranking(head, words)
    return "\n".join(lines) + "\n"


def _share(name: str, count: int, total: int) -> str:
    return f"{name:<34} {100 * count / total if total else 0.0:8.1f}%   ({count:5d})"


def _ranking(head: str, words: Sequence[str]) -> list[str]:
    ranked = sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))
    rows = [f"{i:4d}: {count:4d}  ->  {word}" for i, (word, count) in enumerate(ranked, start=1)]
    end = ["     -------", f"     {len(words):5d}"] if words else []
    return [f"\n\n{head:<32} Total                 ({len(ranked)})\n", *rows, *end]


def pra_report(utts: Sequence[str], pairs: Pairs, alignment: Alignment) -> str:
    """What sclite's .pra shows: every utterance's words under one another."""
    lines, counts = [], alignment.counts()
    for place, utt in enumerate(utts):
        span = slice(int(alignment.starts[place]), int(alignment.starts[place + 1]))
        columns = list(zip(alignment.operations[span], alignment.refs[span], alignment.hyps[span]))
        cells = [_column(pairs.names, int(kind), int(ref), int(hyp)) for kind, ref, hyp in columns]
        lines.append(f"id: ({utt})\nScores: (#C #S #D #I) {' '.join(map(str, counts[place].tolist()))}")
        lines += [
            f"{head} {' '.join(cell[row] for cell in cells)}" for row, head in enumerate(("REF: ", "HYP: ", "Eval:"))
        ]
        lines.append("")
    return "\n".join(lines) + "\n"


def _column(names: Sequence[str], kind: int, ref: int, hyp: int) -> tuple[str, str, str]:
    words = [names[place] if place >= 0 else "" for place in (ref, hyp)]
    width = max(len(words[0]), len(words[1]), 1)
    shown = [word.ljust(width) if word else "*" * width for word in words]
    return shown[0], shown[1], _LETTERS[kind].ljust(width)
