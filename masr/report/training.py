"""The curves of training: what each figure of metrics.jsonl means, and which of them stand in one chart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from masr.io.figure import Axis, Curve, Curves
from masr.report.cells import table
from masr.report.colours import DASHES, Style, series_style
from masr.report.draw import draw_plate
from masr.report.gather import Run
from masr.report.markup import Child, Markup, tag
from masr.report.numbers import MISSING, grouped, percent, short
from masr.report.plate import Line, Plate


@dataclass(frozen=True)
class Meaning:
    """How a figure is shown."""

    title: str
    note: str = ""
    unit: str = ""
    log: bool = False
    """Whether it may span so much that only a logarithmic axis shows it."""
    place: int = 50
    """The charts' order: those with smaller numbers come first."""


_KNOWN = {
    "loss": Meaning("Loss", "The sum of all terms by their weights.", log=True, place=0),
    "masked_prediction": Meaning("Masked prediction loss", "Of the objective by itself.", "nats", True, 1),
    "contrastive": Meaning("Contrastive loss", "Of the objective by itself.", "nats", True, 1),
    "masked_accuracy": Meaning("Masked accuracy", "Masked frames whose code is guessed.", "share", place=2),
    "objective_loss": Meaning("Loss of the objective", "Without streams of metadata.", log=True, place=1),
    "classification": Meaning("Loss of classification", "Of the objective by itself.", "nats", True, 1),
    "ctc": Meaning("CTC loss", "Of the objective by itself.", "nats", True, 1),
    "accuracy": Meaning("Accuracy", "Utterances whose label is answered.", "share", place=2),
    "masked_share": Meaning("Mask share", "Frames that are hidden.", "share", place=12),
    "confidence": Meaning("Confidence", "How sure the scorer is of all frames.", "share", place=13),
    "masked_confidence": Meaning("Confidence, masked", "And of those that are hidden.", "share", place=13),
    "codes_used": Meaning("Codes in use", "Different codes in a batch: few are a collapse.", "codes", place=10),
    "code_perplexity": Meaning("Codebook perplexity", "Two to the entropy of the codes.", "codes", place=11),
    "code_entropy": Meaning("Codebook entropy", "", "bits", place=11),
    "lr": Meaning("Learning rate", place=20),
    "grad_norm": Meaning("Gradient norm", "Before clipping.", log=True, place=21),
    "audio_hours_per_hour": Meaning("Speed", "", "hours of audio an hour", place=22),
    "skipped": Meaning("Steps left out", "", "steps", place=23),
}

_OF_STREAM = {
    "spread": Meaning("spread", "Mean distance of two samples; 0 is a collapse.", place=32),
    "active_share": Meaning("active share", "Triplets that still violate the margin.", "share", place=33),
    "kept_share": Meaning("kept share", "Samples that have a triplet.", "share", place=34),
    "positive_distance": Meaning("distance to the positive", "Should be below the negative's.", place=31),
    "negative_distance": Meaning("distance to the negative", "Should be above the positive's.", place=31),
}

_PREFIX = "training."
_FOLDED_FROM = 10
"""Charts whose place is this or more are folded."""
_MOST_TITLES = 6

_PAIR = ("positive_distance", "negative_distance")


def meaning(name: str, names: Iterable[str]) -> Meaning:
    """How the figure of this name is shown, given the names of all figures of the run."""
    if name in _KNOWN:
        return _KNOWN[name]
    for ending, of_stream in _OF_STREAM.items():
        if name.endswith(f"_{ending}"):
            return replace(of_stream, title=f"{name.removesuffix(f'_{ending}')}: {of_stream.title}")
    if any(other == f"{name}_{ending}" for ending in _OF_STREAM for other in names):
        return Meaning(f"{name}: loss", "Of this stream by itself, before its weight.", place=30)
    title = name.replace("_", " ")
    return Meaning(title[:1].upper() + title[1:], unit="share" if name.endswith(("_share", "_accuracy")) else "")


def training_plates(runs: Sequence[Run]) -> list[Plate]:
    """One chart for each figure."""
    shown, names = _trained(runs)
    charts = (_chart(chart, shown, names, len(runs) > 1) for chart in _charts(names, len(runs) > 1))
    return [chart for chart in charts if chart is not None]


def training_section(runs: Sequence[Run], plates: Sequence[Plate]) -> list[Child]:
    """The charts, those that few ask for folded, and the newest values as a table."""
    shown, names = _trained(runs)
    if not shown:
        return []
    first = [plate for plate in plates if meaning(_figure_of(plate), names).place < _FOLDED_FROM] or list(plates)
    rest = [plate for plate in plates if plate not in first]
    parts: list[Child] = [_grid(first)]
    if rest:
        parts.append(tag("details", tag("summary", f"{len(rest)} more charts: {_titles(rest)}"), _grid(rest)))
    return [*parts, _newest(shown, names), *_skips(shown)]


def _trained(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """The runs that have curves, and the names of all curves."""
    shown = [run for run in runs if run.metrics and run.metrics.curves]
    return shown, list(dict.fromkeys(name for run in shown if run.metrics for name in run.metrics.names()))


def _grid(plates: Sequence[Plate]) -> Markup:
    return tag("div", *(draw_plate(plate, small=True) for plate in plates), class_="grid")


def _titles(plates: Sequence[Plate]) -> str:
    """The first few titles, to know what is folded."""
    titles = [plate.figure.title for plate in plates[:_MOST_TITLES]]
    titles = [title if title[:2].isupper() else title[:1].lower() + title[1:] for title in titles]
    return ", ".join(titles) + (", ..." if len(plates) > _MOST_TITLES else "")


def _figure_of(plate: Plate) -> str:
    """The name in metrics.jsonl of a plate's figure, or of the first of two."""
    return plate.name.removeprefix(_PREFIX)


def _charts(names: Sequence[str], many: bool) -> list[tuple[str, ...]]:
    """The names of each chart's figures; a stream's two distances share one, unless several runs are compared."""
    charts: list[tuple[str, ...]] = []
    for name in names:
        partner = name.removesuffix(_PAIR[0]) + _PAIR[1]
        if not many and name.endswith(_PAIR[0]) and partner in names:
            charts.append((name, partner))
        elif many or not (name.endswith(_PAIR[1]) and name.removesuffix(_PAIR[1]) + _PAIR[0] in names):
            charts.append((name,))
    return sorted(charts, key=lambda chart: (meaning(chart[0], names).place, names.index(chart[0])))


def _chart(chart: tuple[str, ...], runs: Sequence[Run], names: Sequence[str], many: bool) -> Plate | None:
    """The chart of one figure, or of those that share one, with all runs and splits; None where there is nothing."""
    what = meaning(chart[0], names)
    lines = [line for run in runs for line in _lines(run, chart, runs.index(run), many)]
    if not lines:
        return None
    if chart == ("skipped",) and not any(line.curve.y.any() for line in lines):
        return None
    title, note = what.title, what.note
    if len(chart) > 1:
        title = f"{chart[0].removesuffix('_' + _PAIR[0])}: distances"
        note = "To the positive and to the negative, which should be farther."
    drawn = Curves(
        title,
        tuple(line.curve for line in lines),
        Axis("step"),
        Axis("", what.unit, log=what.log and _is_wide(lines)),
        note,
    )
    return Plate(_PREFIX + chart[0], drawn, tuple(lines))


def _is_wide(lines: Sequence[Line]) -> bool:
    """Whether values span more than two powers of ten."""
    values = [float(v) for line in lines for part in (line.curve.y, line.curve.low) if part is not None for v in part]
    return bool(values) and min(values) > 0 and max(values) > 100 * min(values)


def _lines(run: Run, chart: tuple[str, ...], number: int, many: bool) -> list[Line]:
    """A run's lines. Colour and marker tell runs apart, or figures where there is one run; the dash, splits."""
    lines = []
    for k, name in enumerate(chart):
        for n, split in enumerate(run.metrics.splits(name) if run.metrics else ()):
            windows = run.metrics.curves[name, split] if run.metrics else None
            if windows is None or not windows.rows:
                continue
            words = [run.letter] if many else []
            words += [name.rsplit("_", 2)[-2]] if len(chart) > 1 else []
            words += [split] if len(words) == 0 or split != "train" else []
            style = _style(number, n) if many else _style(k, n) if len(chart) > 1 else series_style(n)
            full = f"{run.letter} {run.name} {split}" if many else " ".join([*words[:-1], split])
            lines.append(Line(_named(windows.curve(full), full), style, " ".join(words), marks=split != "train"))
    return lines


def _style(run: int, split: int) -> Style:
    return Style(run, DASHES[split % len(DASHES)])


def _named(curve: Curve, name: str) -> Curve:
    return replace(curve, name=name)


def _newest(runs: Sequence[Run], names: Sequence[str]) -> Markup:
    """A table of the last and the smallest value of every figure."""
    head = ["figure", *([] if len(runs) == 1 else ["run"]), "split", "last", "smallest", "largest", "values"]
    rows = []
    for name in sorted(names, key=lambda n: (meaning(n, names).place, names.index(n))):
        what = meaning(name, names)
        for run in runs:
            metrics = run.metrics
            for split in metrics.splits(name) if metrics else ():
                windows = metrics.curves[name, split] if metrics else None
                if windows is None or not windows.rows:
                    continue
                values = [windows.last, *windows.extremes()]
                texts = [percent(v) if what.unit == "share" else short(v) for v in values]
                letter = [] if len(runs) == 1 else [run.letter]
                rows.append([what.title, *letter, split, *texts, grouped(windows.count)])
    body = table(head, rows, caption="values of training", numbers_from=len(head) - 4)
    return tag("details", tag("summary", "values of training as a table"), body)


def _skips(runs: Sequence[Run]) -> list[Child]:
    """What to know of steps whose gradient was not used, and of figures that were not finite."""
    notes: list[Child] = []
    for run in runs:
        metrics = run.metrics
        if metrics is None:
            continue
        who = f"{run.letter}: " if len(runs) > 1 else ""
        if metrics.num_skips:
            rows = [[short(step), reason or MISSING] for step, reason in metrics.skips]
            newest = f", the newest {len(rows)} below" if metrics.num_skips > len(rows) else ""
            notes.append(tag("p", f"{who}steps left out: {metrics.num_skips}{newest}.", class_="problem"))
            notes.append(table(["step", "why"], rows, caption="steps left out", numbers_from=3))
        missing = ", ".join(f"{n} ({s}) {count} times" for (n, s), count in metrics.missing.items())
        if missing:
            notes.append(tag("p", f"{who}not a finite number: {missing}.", class_="problem"))
    return notes
