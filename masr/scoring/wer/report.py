"""What `masr score wer` found: on the screen, as JSON, and as the files of NIST's sclite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.io.screen import draw

if TYPE_CHECKING:
    from rich.table import Table

    from masr.scoring.wer.rates import Report, Section
    from masr.scoring.wer.score import Outcome

_SHORT = {"words": "WER", "characters": "CER"}
_RATES = {"error": "{}", "substitution": "substitutions", "deletion": "deletions", "insertion": "insertions"}
_NAMES = 1000
_MOST_SPEAKERS = 50
"""Rows that a screen still shows; .sys and JSON have all."""


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Everything, as plain values; an unknown rate is None."""
    options, texts, drawn = outcome.options, outcome.system.texts, outcome.clusters
    compared = outcome.compared
    return {
        "reference": str(options.ref),
        "hypothesis": str(options.hyp),
        "rule": options.rule,
        "normalisation": {"lower": options.lower, "form": options.normalise, "spaces": not options.no_spaces},
        "interval": {"level": 0.95, "over": drawn.unit, "num": drawn.num_units, "from": outcome.source},
        **{kind: _report(report) for kind, report in outcome.reports.items()},
        "empty_references": _some(texts.empty),
        "without_hypothesis": {
            "taken_as": "nothing" if options.missing == "delete" else "left out",
            **_some(texts.missing),
        },
        "without_reference": _some(texts.extra),
        "against": None if compared is None else {"hypothesis": str(options.against), **asdict(compared)},
    }


def _report(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = asdict(report)
    return {**found.pop("overall"), **found}


def _some(names: Sequence[str]) -> dict[str, Any]:
    return {"count": len(names), "utts": list(names[:_NAMES])}


def show(outcome: Outcome) -> None:
    """Prints it."""
    print(render(outcome))


def render(outcome: Outcome) -> str:
    """A screen for people: rates with intervals, sclite's table of speakers, conditions, a second system."""
    result = as_json(outcome)
    over = result["interval"]
    source = f" ({over['from']})" if over["from"] else ": speakers are not known"
    words = outcome.reports["words"].overall
    parts = [
        f"{outcome.options.hyp}: {words.num_utts:,} utterances, {words.num_ref:,} words; "
        f"95 % intervals over {over['num']:,} {over['over']}{source}",
        *_notes(result),
        *(draw(_rates(kind, report.overall)) for kind, report in outcome.reports.items()),
    ]
    if outcome.speakers is not None:
        parts.append(_speakers(outcome))
    parts += [draw(_conditions(title, outcome.reports)) for title in outcome.reports["words"].groups]
    if result["against"] is not None:
        parts += [draw(_comparison(result["against"])), _matched(result["against"])]
    return "\n".join(parts)


def _notes(result: Mapping[str, Any]) -> list[str]:
    """What a reader has to know before the figures."""
    lost, delete = result["without_hypothesis"], result["without_hypothesis"]["taken_as"] == "nothing"
    lines = []
    for some, what in (
        (lost, "utterances have no hypothesis: " + ("all their words are deletions" if delete else "left out")),
        (result["without_reference"], "hypotheses are of no utterance of the reference: left out"),
        (result["empty_references"], "references have no word: what was heard there is inserted"),
    ):
        if some["count"]:
            first = ", ".join(some["utts"][:5]) + (", ..." if some["count"] > 5 else "")
            lines.append(f"  {some['count']:,} {what} ({first})")
    return lines


def _rates(kind: str, overall: Section) -> Table:
    from rich.table import Table

    table = Table(kind)
    for name in ("%", "95 % interval", "count"):
        table.add_column(name, justify="right")
    counts = (overall.num_errors, overall.num_substituted, overall.num_deleted, overall.num_inserted)
    for (name, title), count in zip(_RATES.items(), counts):
        rate = overall.rates[name]
        table.add_row(title.format(_SHORT[kind]), *_cells(rate.value, rate.low, rate.high), f"{count:,}")
    wrong = overall.rates["utterance"]
    cells = _cells(wrong.value, wrong.low, wrong.high)
    table.add_row("utterances with errors", *cells, f"{overall.num_wrong_utts:,}")
    return table


def _cells(value: float | None, low: float | None, high: float | None) -> tuple[str, str]:
    span = "" if low is None or high is None else f"[{100 * low:.2f}, {100 * high:.2f}]"
    return "-" if value is None else f"{100 * value:.2f}", span


def _speakers(outcome: Outcome) -> str:
    from masr.scoring.wer.sclite import sys_table

    report = outcome.reports["words"]
    if len(report.speakers) > _MOST_SPEAKERS:
        return f"{len(report.speakers)} speakers are too many for a screen: --json and --out have them one by one"
    return sys_table(str(outcome.options.hyp), report.speakers, report.overall).removesuffix("\n")


def _conditions(title: str, reports: Mapping[str, Report]) -> Table:
    from rich.table import Table

    table = Table(title)
    for name in ("utterances", "words", *(f"{_SHORT[kind]} % [95 %]" for kind in reports), "sub %", "del %", "ins %"):
        table.add_column(name, justify="right")
    for label, part in reports["words"].groups[title].items():
        errors = [report.groups[title][label].rates["error"] for report in reports.values()]
        spans = [" ".join(_cells(rate.value, rate.low, rate.high)).strip() for rate in errors]
        rest = [_cells(part.rates[name].value, None, None)[0] for name in ("substitution", "deletion", "insertion")]
        table.add_row(label, f"{part.num_utts:,}", f"{part.num_ref:,}", *spans, *rest)
    return table


def _comparison(compared: Mapping[str, Any]) -> Table:
    from rich.table import Table

    table = Table(f"against {compared['hypothesis']}")
    for name in ("this %", "that %", "difference", "95 % interval", "p, bootstrap"):
        table.add_column(name, justify="right")
    for kind, one in compared["differences"].items():
        values = [f"{100 * one[key]:.2f}" for key in ("first", "second", "difference")]
        span = _cells(None, one["low"], one["high"])[1]
        table.add_row(_SHORT[kind], *values, span, "" if one["p"] is None else f"{one['p']:.3f}")
    return table


def _matched(compared: Mapping[str, Any]) -> str:
    test = compared["matched"]
    return (
        f"matched pairs over {test['num_segments']:,} segments of {compared['num_utts']:,} utterances: "
        f"{test['mean']:+.3f} errors a segment, z {test['z']:.3f}, p {test['p']:.4f}"
    )


def write_sclite(folder: Path, outcome: Outcome) -> None:
    """ref.trn, hyp.trn, hyp.sys, hyp.raw, hyp.dtl and hyp.pra."""
    from masr.io.atomic import atomic_write
    from masr.scoring.wer.alignment import COSTS, align
    from masr.scoring.wer.sclite import dtl_report, pra_report, special_words, sys_table, trn_lines

    hyp, labels = outcome.options.hyp, outcome.speakers
    texts, pairs, report = outcome.system.texts, outcome.system.pairs["words"], outcome.reports["words"]
    speakers = ["all"] * len(texts.utts) if labels is None else [labels.names[code] for code in labels.codes]
    alignment, sections = align(pairs, COSTS[outcome.options.rule]), report.speakers or {"all": report.overall}
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
