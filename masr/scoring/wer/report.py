"""What `masr score wer` found: on the screen, as JSON, and as transcripts for NIST's sclite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.io.json_file import plain
from masr.io.screen import draw

if TYPE_CHECKING:
    from rich.table import Table

    from masr.scoring.wer.rates import ErrorRates, Section
    from masr.scoring.wer.score import Compared, Outcome

_SHORT = {"words": "WER", "characters": "CER"}
_RATES = {"error": "{}", "substitution": "substitutions", "deletion": "deletions", "insertion": "insertions"}
_NAMES = 1000
_MOST_SPEAKERS = 50
"""Rows that a screen still shows; JSON has all."""


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
        **{kind: _rates_json(rates) for kind, rates in outcome.reports.items()},
        "empty_references": _some(texts.empty),
        "without_hypothesis": {
            "taken_as": "nothing" if options.missing == "delete" else "left out",
            **_some(texts.missing),
        },
        "without_reference": _some(texts.extra),
        "against": None if compared is None else {"hypothesis": str(options.against), **plain(compared)},
    }


def _rates_json(rates: ErrorRates) -> dict[str, Any]:
    """The figures of all utterances at the top, those of speakers and conditions beside them."""
    found: dict[str, Any] = plain(rates)
    return {**found.pop("overall"), **found}


def _some(names: Sequence[str]) -> dict[str, Any]:
    return {"count": len(names), "utts": list(names[:_NAMES])}


def show(outcome: Outcome) -> None:
    """Prints it."""
    print(render(outcome))


def render(outcome: Outcome) -> str:
    """A screen for people: rates with intervals, speakers, conditions, a second system."""
    result, reports = as_json(outcome), outcome.reports
    over = result["interval"]
    source = f" ({over['from']})" if over["from"] else ": speakers are not known"
    words = reports["words"].overall
    parts = [
        f"{outcome.options.hyp}: {words.num_utts:,} utterances, {words.num_ref:,} words; "
        f"95 % intervals over {over['num']:,} {over['over']}{source}",
        *_notes(result),
        *(draw(_rates(kind, report.overall)) for kind, report in reports.items()),
    ]
    if outcome.speakers is not None:
        parts.append(_speakers(reports))
    for title in reports["words"].groups:
        parts += [draw(_sections(title, {kind: one.groups[title] for kind, one in reports.items()}, "% [95 %]"))]
    if outcome.compared is not None:
        parts += [draw(_comparison(result["against"]["hypothesis"], outcome.compared)), _matched(outcome.compared)]
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
        table.add_row(title.format(_SHORT[kind]), rate.value_text(2), rate.interval_text(2), f"{count:,}")
    wrong = overall.rates["utterance"]
    count = overall.num_wrong_utts
    table.add_row("utterances with errors", wrong.value_text(2), wrong.interval_text(2), f"{count:,}")
    return table


def _speakers(reports: Mapping[str, ErrorRates]) -> str:
    speakers = {kind: report.speakers for kind, report in reports.items()}
    if len(speakers["words"]) > _MOST_SPEAKERS:
        return f"{len(speakers['words'])} speakers are too many for a screen: --json has them one by one"
    return draw(_sections("speaker", speakers, "%"))


def _sections(title: str, parts: Mapping[str, Mapping[str, Section]], unit: str) -> Table:
    """A row for each part, from its sections in words and in characters."""
    from rich.table import Table

    table = Table(title)
    for name in ("utterances", "words", *(f"{_SHORT[kind]} {unit}" for kind in parts), "sub %", "del %", "ins %"):
        table.add_column(name, justify="right")
    for label, part in parts["words"].items():
        errors = [sections[label].rates["error"].text(2) for sections in parts.values()]
        rest = [part.rates[name].value_text(2) for name in ("substitution", "deletion", "insertion")]
        table.add_row(label, f"{part.num_utts:,}", f"{part.num_ref:,}", *errors, *rest)
    return table


def _comparison(hypothesis: str, compared: Compared) -> Table:
    from rich.table import Table

    table = Table(f"against {hypothesis}")
    for name in ("this %", "that %", "difference", "95 % interval", "p, bootstrap"):
        table.add_column(name, justify="right")
    for kind, one in compared.differences.items():
        both = (replace(one, value=value).value_text(2) for value in (one.first, one.second))
        p = "" if one.p is None else f"{one.p:.3f}"
        table.add_row(_SHORT[kind], *both, one.value_text(2), one.interval_text(2), p)
    return table


def _matched(compared: Compared) -> str:
    test = compared.matched
    return (
        f"matched pairs over {test.num_segments:,} segments of {compared.num_utts:,} utterances: "
        f"{test.mean:+.3f} errors a segment, z {test.z:.3f}, p {test.p:.4f}"
    )


def write_sclite(folder: Path, outcome: Outcome) -> None:
    """ref.trn and hyp.trn, of which sclite makes its own reports."""
    from masr.scoring.wer.sclite import special_words, write_trn

    texts, labels = outcome.system.texts, outcome.speakers
    speakers = ["all"] * len(texts.utts) if labels is None else [labels.names[code] for code in labels.codes]
    write_trn(folder, texts, speakers)
    special = special_words(outcome.system.pairs["words"].names)
    if special:
        print(f"{folder}: sclite itself would read {len(special)} words as its own marks: {', '.join(special[:5])}")
