"""What `masr score wer` found, and how it prints and writes that."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.io.json_file import plain

if TYPE_CHECKING:
    from rich.table import Table

    from masr.maths.bootstrap import Clusters, Difference
    from masr.scoring.lid.reference import Labels
    from masr.scoring.wer.coded import Pairs
    from masr.scoring.wer.matched_pairs import MatchedPairs
    from masr.scoring.wer.rates import Report, Section
    from masr.scoring.wer.texts import Texts
    from masr.types import IntArray

_SHORT = {"words": "WER", "characters": "CER"}
_RATES = {"error": "{}", "substitution": "substitutions", "deletion": "deletions", "insertion": "insertions"}
_NAMES = 1000
_MOST_SPEAKERS = 50
"""Rows that a screen still shows; .sys and JSON have all."""


@dataclass(frozen=True, eq=False)
class System:
    """One hypothesis file, counted."""

    texts: Texts
    pairs: dict[str, Pairs]
    """`words`, and `characters` where they are asked for."""
    counts: dict[str, IntArray]


@dataclass(frozen=True)
class Compared:
    """A second system on the utterances that both have."""

    num_utts: int
    matched: MatchedPairs
    differences: dict[str, Difference]


@dataclass(frozen=True, eq=False)
class Scored:
    """All that is shown and written."""

    system: System
    clusters: Clusters
    source: str
    """Where speakers were read."""
    speakers: Labels | None
    reports: dict[str, Report]
    compared: Compared | None


def as_json(args: argparse.Namespace, scored: Scored) -> dict[str, Any]:
    """Everything, as plain values; an unknown rate is null."""
    texts, drawn = scored.system.texts, scored.clusters
    return {
        "reference": str(args.ref),
        "hypothesis": str(args.hyp),
        "rule": args.rule,
        "normalisation": {"lower": args.lower, "form": args.normalise, "spaces": not args.no_spaces},
        "interval": {"level": 0.95, "over": drawn.unit, "num": drawn.num_units, "from": scored.source},
        **{kind: _report(report) for kind, report in scored.reports.items()},
        "empty_references": _some(texts.empty),
        "without_hypothesis": {
            "taken_as": "nothing" if args.missing == "delete" else "left out",
            **_some(texts.missing),
        },
        "without_reference": _some(texts.extra),
        "against": None if scored.compared is None else {"hypothesis": str(args.against), **plain(scored.compared)},
    }


def _report(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = plain(report)
    return {**found.pop("overall"), **found}


def _some(names: Sequence[str]) -> dict[str, Any]:
    return {"count": len(names), "utts": list(names[:_NAMES])}


def show(result: Mapping[str, Any], scored: Scored, hyp: Path) -> None:
    """A screen for people: rates with intervals, sclite's table of speakers, conditions, a second system."""
    over = result["interval"]
    source = f" ({over['from']})" if over["from"] else ": speakers are not known"
    words = scored.reports["words"].overall
    print(
        f"{hyp}: {words.num_utts:,} utterances, {words.num_ref:,} words; "
        f"95 % intervals over {over['num']:,} {over['over']}{source}"
    )
    _notes(result)
    for kind, report in scored.reports.items():
        _print(_rates(kind, report.overall))
    if scored.speakers is not None:
        _speakers(scored, hyp)
    for title in scored.reports["words"].groups:
        _print(_conditions(title, scored.reports))
    if scored.compared is not None:
        _comparison(result["against"]["hypothesis"], scored.compared)


def _notes(result: Mapping[str, Any]) -> None:
    """What a reader has to know before the figures."""
    lost, delete = result["without_hypothesis"], result["without_hypothesis"]["taken_as"] == "nothing"
    for some, what in (
        (lost, "utterances have no hypothesis: " + ("all their words are deletions" if delete else "left out")),
        (result["without_reference"], "hypotheses are of no utterance of the reference: left out"),
        (result["empty_references"], "references have no word: what was heard there is inserted"),
    ):
        if some["count"]:
            first = ", ".join(some["utts"][:5]) + (", ..." if some["count"] > 5 else "")
            print(f"  {some['count']:,} {what} ({first})")


def _rates(kind: str, overall: Section) -> Table:
    from rich.table import Table

    table = Table(kind)
    for name in ("%", "95 % interval", "count"):
        table.add_column(name, justify="right")
    counts = (overall.num_errors, overall.num_substituted, overall.num_deleted, overall.num_inserted)
    for (name, title), count in zip(_RATES.items(), counts):
        rate = overall.rates[name]
        table.add_row(title.format(_SHORT[kind]), rate.value_text(2), rate.interval_text(2), f"{count:,}")
    wrong = overall.rates["utterance"]
    count = overall.num_wrong_utts
    table.add_row("utterances with errors", wrong.value_text(2), wrong.interval_text(2), f"{count:,}")
    return table


def _speakers(scored: Scored, hyp: Path) -> None:
    from masr.scoring.wer.sclite import sys_table

    report = scored.reports["words"]
    if len(report.speakers) > _MOST_SPEAKERS:
        print(f"{len(report.speakers)} speakers are too many for a screen: --json and --out have them one by one")
        return
    print(sys_table(str(hyp), report.speakers, report.overall), end="")


def _conditions(title: str, reports: Mapping[str, Report]) -> Table:
    from rich.table import Table

    table = Table(title)
    for name in ("utterances", "words", *(f"{_SHORT[kind]} % [95 %]" for kind in reports), "sub %", "del %", "ins %"):
        table.add_column(name, justify="right")
    for label, part in reports["words"].groups[title].items():
        errors = [report.groups[title][label].rates["error"] for report in reports.values()]
        spans = [rate.text(2) for rate in errors]
        rest = [part.rates[name].value_text(2) for name in ("substitution", "deletion", "insertion")]
        table.add_row(label, f"{part.num_utts:,}", f"{part.num_ref:,}", *spans, *rest)
    return table


def _comparison(hypothesis: str, compared: Compared) -> None:
    from rich.table import Table

    table = Table(f"against {hypothesis}")
    for name in ("this %", "that %", "difference", "95 % interval", "p, bootstrap"):
        table.add_column(name, justify="right")
    for kind, one in compared.differences.items():
        both = (replace(one, value=value).value_text(2) for value in (one.first, one.second))
        p = "" if one.p is None else f"{one.p:.3f}"
        table.add_row(_SHORT[kind], *both, one.value_text(2), one.interval_text(2), p)
    _print(table)
    test = compared.matched
    print(
        f"matched pairs over {test.num_segments:,} segments of {compared.num_utts:,} utterances: "
        f"{test.mean:+.3f} errors a segment, z {test.z:.3f}, p {test.p:.4f}"
    )


def _print(table: Table) -> None:
    """As wide as the terminal; in a log wide enough that nothing is cut."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 200
    Console(width=width, markup=False, emoji=False, highlight=False).print(table)


def write_sclite(folder: Path, hyp: Path, scored: Scored, rule: str) -> None:
    """ref.trn, hyp.trn, hyp.sys, hyp.raw, hyp.dtl and hyp.pra."""
    from masr.io.atomic import atomic_write
    from masr.scoring.wer.alignment import COSTS, Rule, align
    from masr.scoring.wer.sclite import dtl_report, pra_report, special_words, sys_table, trn_lines

    chosen: Rule = "nist" if rule == "nist" else "equal"
    texts, pairs, report = scored.system.texts, scored.system.pairs["words"], scored.reports["words"]
    labels = scored.speakers
    speakers = ["all"] * len(texts.utts) if labels is None else [labels.names[code] for code in labels.codes]
    alignment, sections = align(pairs, COSTS[chosen]), report.speakers or {"all": report.overall}
    for name, content in (
        ("ref.trn", "".join(trn_lines(texts.utts, speakers, texts.refs))),
        ("hyp.trn", "".join(trn_lines(texts.utts, speakers, texts.hyps))),
        ("hyp.sys", sys_table(str(hyp), sections, report.overall)),
        ("hyp.raw", sys_table(str(hyp), sections, report.overall, percent=False)),
        ("hyp.dtl", dtl_report(str(hyp), pairs, alignment, report.overall)),
        ("hyp.pra", pra_report(texts.utts, pairs, alignment)),
    ):
        atomic_write(folder / name, content)
    special = special_words(pairs.names)
    if special:
        print(f"{folder}: sclite itself would read {len(special)} words as its own marks: {', '.join(special[:5])}")
