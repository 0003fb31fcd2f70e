"""What `masr score lid` says on the screen; its JSON and its pictures are made in record.py beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from masr.io.screen import draw

if TYPE_CHECKING:
    from rich.table import Table

    from masr.maths.estimate import Estimate
    from masr.scoring.lid.compare import Comparison
    from masr.scoring.lid.figures import Language, Section
    from masr.scoring.lid.score import Outcome

TITLES = {
    "accuracy": "accuracy %",
    "balanced_accuracy": "balanced accuracy %",
    "macro_f1": "macro F1 %",
    "eer_pooled": "EER, trials pooled %",
    "eer_average": "EER, mean of languages %",
    "cavg_actual": "Cavg, actual (LRE 2009)",
    "cavg_minimum": "Cavg, minimum (LRE 2009)",
    "cprimary_actual": "Cprimary, actual (LRE 2022)",
    "cprimary_minimum": "Cprimary, minimum (LRE 2022)",
    "cllr": "Cllr, detection (bits)",
    "cllr_multiclass": "Cllr, multi-class (bits)",
    "ece": "calibration error %",
}
"""Titles of the figures, in the order they are shown; top-k comes after macro F1."""
_SHORT = ("accuracy", "macro_f1", "eer_pooled", "eer_average", "cavg_actual", "cavg_minimum", "cllr", "ece")
_COLUMNS = {
    "eer_pooled": "EER pooled %",
    "eer_average": "EER mean %",
    "cavg_actual": "Cavg actual",
    "cavg_minimum": "Cavg minimum",
    "cllr": "Cllr",
    "ece": "calibration %",
}
_WORST = 10


def show(result: Mapping[str, Any], outcome: Outcome) -> None:
    """Prints it."""
    print(render(result, outcome))


def render(result: Mapping[str, Any], outcome: Outcome) -> str:
    """A screen for people: what was scored, the figures, then what there is of groups, pairs and a second system.

    `result` is what `as_json` gives of the outcome.
    """
    over, found, compared = result["interval"], outcome.report, outcome.compared
    source = f" ({over['from']})" if over["from"] else ": speakers are not known"
    parts = [
        f"{result['scores']}: {result['num_scored']:,} utterances, {result['num_languages']} languages; "
        f"95 % intervals over {over['num']:,} {over['over']}{source}",
        f"  chance {100 * result['chance']:.1f} %, always the commonest label ({result['commonest']['language']}) "
        f"{100 * result['commonest']['share']:.1f} %",
        *_notes(result),
        draw(_figures(found.overall.figures)),
        *(draw(_sections(title, groups)) for title, groups in found.groups.items()),
        draw(_worst(found.languages)),
    ]
    if result["confused"]:
        parts.append(draw(_pairs(result)))
    if compared is not None:
        parts += [draw(_comparison(result["against"]["scores"], compared)), _mcnemar(compared)]
    return "\n".join(parts)


def _notes(result: Mapping[str, Any]) -> list[str]:
    """What a reader has to know before the figures."""
    left, unknown = result["left_out"], result["open_set"]
    without, lines = result["languages_without_utterances"], []
    if without:
        lines.append(f"  {len(without)} languages of the system have no utterance: no part of any mean over languages")
    for count, what in (
        (left["without_scores"]["count"], "utterances of the reference have no scores: left out"),
        (left["without_reference"]["count"], "scored utterances are not in the reference: left out"),
        (left["unlabelled"], "utterances have no label: left out"),
        (result["num_tied"], "utterances have several likeliest languages: the first by name is the answer"),
        (result["num_impossible"], "utterances have a true language of probability 0: Cllr is infinite"),
    ):
        if count:
            lines.append(f"  {count:,} {what}")
    if unknown:
        names = list(unknown["answers"])
        lines.append(
            f"  {unknown['num_utts']:,} utterances in {len(names)} languages that the system does not have "
            f"({', '.join(names[:5])}{', ...' if len(names) > 5 else ''}), apart from all below: "
            f"mean confidence {100 * unknown['mean_confidence']:.1f} %, EER of known against unknown "
            f"{100 * unknown['eer']:.1f} %"
            + ("" if unknown["alarm_rate"] is None else f", false alarms {100 * unknown['alarm_rate']:.2f} %")
            + ("" if unknown["cavg_actual"] is None else f", open-set Cavg {unknown['cavg_actual']:.4f}")
        )
    return lines


def _titles(figures: Mapping[str, Any]) -> dict[str, str]:
    tops = {name: f"top-{name[3:].split('_')[0]} accuracy %" for name in figures if name.startswith("top")}
    first = ("accuracy", "balanced_accuracy", "macro_f1")
    merged = {name: TITLES[name] for name in first} | tops | TITLES
    return {name: title for name, title in merged.items() if name in figures}


def _figures(figures: Mapping[str, Estimate]) -> Table:
    from rich.table import Table

    table = Table("figure")
    for name in ("value", "95 % interval"):
        table.add_column(name, justify="right")
    for name, title in _titles(figures).items():
        one = figures[name]
        table.add_row(title, one.value_text(_digits(one)), one.interval_text(_digits(one)))
    return table


def _sections(title: str, parts: Mapping[str, Section]) -> Table:
    from rich.table import Table

    table = Table(title)
    shown = [name for name in _SHORT if any(name in part.figures for part in parts.values())]
    for name in ("utterances", "languages", *(_COLUMNS.get(name, TITLES[name]) for name in shown)):
        table.add_column(name, justify="right")
    for label, part in parts.items():
        cells = [_cell(part.figures.get(name), with_interval=name == "accuracy") for name in shown]
        table.add_row(label, f"{part.num_utts:,}", str(part.num_languages), *cells)
    return table


def _worst(languages: Mapping[str, Language]) -> Table:
    from rich.table import Table

    most = min(_WORST, len(languages))
    some = f"{most} hardest of {len(languages)} languages" if most < len(languages) else "language"
    table = Table(some)
    for name in ("utterances", "recall %", "precision %", "F1 %", "EER %", "misses %", "false alarms %"):
        table.add_column(name, justify="right")
    for name, one in sorted(languages.items(), key=lambda item: (item[1].f1, item[0]))[:most]:
        rest = (one.precision, one.f1, one.eer, one.miss_rate, one.alarm_rate)
        table.add_row(
            name,
            f"{one.num_utts:,}",
            _cell(one.recall),
            *("-" if value is None else f"{100 * value:.2f}" for value in rest),
        )
    return table


def _pairs(result: Mapping[str, Any]) -> Table:
    from rich.table import Table

    related = result["relatedness"]
    note = None
    if related:
        note = (
            f"cosine of lang2vec vectors over mistakes {related['of_mistakes']:.3f}, "
            f"over all pairs {related['of_all_pairs']:.3f}; "
            f"taken for one of the three languages most alike {100 * related['taken_for_relatives']:.1f} %"
        )
    table = Table("most confused", caption=note, caption_justify="left")
    for name in ("one as other", "other as one", "rate %", "lang2vec cosine"):
        table.add_column(name, justify="right")
    for pair in result["confused"][:_WORST]:
        cosine = "-" if pair["similarity"] is None else f"{pair['similarity']:.3f}"
        counts = str(pair["num_first_as_second"]), str(pair["num_second_as_first"])
        table.add_row(f"{pair['first']} - {pair['second']}", *counts, f"{100 * pair['rate']:.1f}", cosine)
    return table


def _comparison(scores: str, compared: Comparison) -> Table:
    from rich.table import Table

    table = Table(f"against {scores}")
    for name in ("this", "that", "difference", "95 % interval", "p"):
        table.add_column(name, justify="right")
    for name, title in _titles(compared.figures).items():
        one = compared.figures[name]
        digits = _digits(one)
        both = (replace(one, value=value).value_text(digits) for value in (one.first, one.second))
        p = "" if one.p is None else f"{one.p:.3f}"
        table.add_row(title, *both, one.value_text(digits), one.interval_text(digits), p)
    return table


def _mcnemar(compared: Comparison) -> str:
    test = compared.mcnemar
    return (
        f"McNemar over {compared.num_utts:,} utterances: only this right {test.only_first:,}, only that "
        f"{test.only_second:,}; p {test.p_exact:.4f} exact, {test.p_mid:.4f} mid-p"
    )


def _cell(one: Estimate | None, with_interval: bool = True) -> str:
    if one is None:
        return "-"
    return one.text(_digits(one)) if with_interval else one.value_text(_digits(one))


def _digits(one: Estimate) -> int:
    """Digits after the point: of costs, and of shares in per cent."""
    return 2 if one.unit == "share" else 4
