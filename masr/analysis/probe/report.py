"""What probes found, as lines for people, as JSON, as a table, and as figures for `masr report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from masr.analysis.probe.figures import Figures
from masr.analysis.probe.utterances import Chosen, Layer
from masr.io.atomic import atomic_write
from masr.io.figure import Axis, Confusion, Curve, Curves, Table
from masr.io.figure_file import write_figure
from masr.io.json_file import plain
from masr.io.layout import FIGURE_SUFFIX
from masr.maths.estimate import Estimate

SUM = "sum"
"""The name of the learned sum among the layers."""
_MOST_NAMED = 8
_MOST_CONFUSED = 150
COLUMNS = (
    "kind", "layer", "probe", "setting", "unit_length", "per_speaker", "dev", "accuracy", "low", "high",
    "balanced", "balanced_low", "balanced_high", "macro_f1", "chance", "majority", "num", "num_unseen", "chosen",
)  # fmt: skip
_OF_A_PART = ("accuracy", "low", "high", "count")
"""Columns that stand before `chosen` for each part, as accuracy_PART and so on."""


@dataclass(frozen=True)
class Found:
    """All layers for one kind of label."""

    kind: str
    unit: str
    """What is labelled: utterances or frames."""
    layers: tuple[Layer, ...]
    counts: Mapping[str, int]
    """Role -> how many have a label."""
    left_out: Mapping[str, int]
    """Role -> how many have none."""
    notes: tuple[str, ...] = ()
    weights: Mapping[str, float] | None = None
    """Layer -> its weight in the learned sum."""

    @property
    def best(self) -> Layer:
        """The layer that is best on dev; the first of equals."""
        return max(self.layers, key=lambda layer: layer.best.dev)


def show(found: Sequence[Found]) -> None:
    """Prints it."""
    print("\n".join(render(one) for one in found))


def render(found: Found) -> str:
    """A few lines for people."""
    first = _figures(found.layers[0].best)
    said = ", ".join(f"{role} {count}" for role, count in found.counts.items())
    lines = [f"{found.kind}: {found.unit}: {said}; {first.num_labels} labels in test"]
    lines.append(
        f"  chance {100 * first.chance:.1f} %; always train's commonest label: {100 * first.majority:.1f} %; intervals "
        f"over {first.num_drawn} {first.interval_over}"
    )
    lines += [f"  {note}" for note in found.notes]
    if any(found.left_out.values()):
        said = ", ".join(f"{role} {count}" for role, count in found.left_out.items())
        lines.append(f"  without a label, left out: {said}")
    if first.num_unseen:
        lines.append(
            f"  {first.num_unseen} of test have a label that train lacks, apart from all figures: "
            f"{_some(first.unseen_labels)}"
        )
    if first.absent_labels:
        lines.append(f"  labels of train that test lacks: {_some(first.absent_labels)}")
    lines.append("  layer  probe      dev    test   95 %             balanced  as dev chose")
    for layer in found.layers:
        lines += [_line(layer.name, chosen) for chosen in layer.methods]
    if len(found.layers) > 1:
        lines.append(f"  best on dev: layer {found.best.name}, {found.best.best.method}")
    lines += _of_the_best(found.best)
    if found.weights:
        lines.append("  weights of the sum: " + ", ".join(f"{k} {v:.3f}" for k, v in found.weights.items()))
    return "\n".join(lines)


def _of_the_best(layer: Layer) -> list[str]:
    """Lines with the other figures of the best layer's probe."""
    figures = _figures(layer.best)
    lines = [f"  macro F1 of the best on dev: {100 * figures.macro_f1:.1f}"]
    if layer.raw_cosine is not None:
        lines[0] += f"; mean cosine of test vectors as extracted: {layer.raw_cosine:.3f}"
    for name, part in figures.parts.items():
        lines.append(f"  {name}: {part.text(1)} of {part.count} utterances")
    return lines


def _line(name: str, chosen: Chosen) -> str:
    figures = _figures(chosen)
    return (
        f"  {name or '-':<5}  {chosen.method:<9}{100 * chosen.dev:6.1f}  {figures.accuracy.value_text(1):>6}   "
        f"{figures.accuracy.interval_text(1):<15}  {figures.balanced_accuracy.value_text(1):>8}  {_setting(chosen)}"
    )


def _setting(chosen: Chosen) -> str:
    parts = [f"{chosen.setting} (edge of the grid)" if chosen.at_edge else chosen.setting]
    if chosen.unit_length:
        parts.append("length 1")
    if chosen.per_speaker:
        parts.append("per speaker")
    return ", ".join(parts)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _figures(chosen: Chosen) -> Figures:
    assert chosen.test is not None  # what is reported has been tested
    return chosen.test


def as_json(found: Sequence[Found], folders: Mapping[str, str]) -> dict[str, Any]:
    """Every figure as plain values."""
    kinds = {}
    for one in found:
        kinds[one.kind] = {
            "unit": one.unit,
            "counts": dict(one.counts),
            "left_out": dict(one.left_out),
            "notes": list(one.notes),
            "best_layer": one.best.name,
            "best_probe": one.best.best.method,
            "best": plain(one.best.best),
            "raw_cosine": one.best.raw_cosine,
            "weights_of_sum": dict(one.weights or {}),
            "layers": {
                layer.name: {
                    "best_probe": layer.best.method,
                    "raw_cosine": layer.raw_cosine,
                    "probes": {chosen.method: plain(chosen) for chosen in layer.methods},
                }
                for layer in one.layers
            },
        }
    return {"folders": dict(folders), "kinds": kinds}


def _parts(found: Sequence[Found]) -> list[str]:
    """The names of all parts, each once."""
    return list(dict.fromkeys(name for one in found for name in _figures(one.best.best).parts))


def columns_of(found: Sequence[Found]) -> tuple[str, ...]:
    """COLUMNS with those of each part."""
    return (*COLUMNS[:-1], *(f"{column}_{part}" for part in _parts(found) for column in _OF_A_PART), COLUMNS[-1])


def rows_of(found: Sequence[Found]) -> list[list[str | float | None]]:
    """A row for each kind, layer and probe; see `columns_of`."""
    rows: list[list[str | float | None]] = []
    names = _parts(found)
    for one in found:
        for layer in one.layers:
            for chosen in layer.methods:
                f = _figures(chosen)
                shares = [f.parts.get(name) for name in names]
                rows.append([
                    one.kind, layer.name, chosen.method, chosen.setting, str(chosen.unit_length).lower(),
                    str(chosen.per_speaker).lower(), chosen.dev, f.accuracy.value, f.accuracy.low, f.accuracy.high,
                    f.balanced_accuracy.value, f.balanced_accuracy.low, f.balanced_accuracy.high, f.macro_f1,
                    f.chance, f.majority, float(f.num), float(f.num_unseen),
                    *(cell for share in shares for cell in _cells(share)), "dev" if chosen is one.best.best else "",
                ])  # fmt: skip
    return rows


def write(folder: Path, found: Sequence[Found]) -> None:
    """probes.tsv, probes.figure.json (the table), probe.KIND.figure.json (the layers), and confusions."""
    rows = rows_of(found)
    columns = columns_of(found)
    lines = ["\t".join(columns), *("\t".join(map(_cell, row)) for row in rows)]
    atomic_write(folder / "probes.tsv", "\n".join(lines) + "\n")
    table = Table("Probes", columns, tuple(tuple(row) for row in rows), note="chosen on dev, figures of test")
    write_figure(folder / f"probes{FIGURE_SUFFIX}", table)
    for one in found:
        if len(one.layers) > 1:
            write_figure(folder / f"probe.{one.kind}{FIGURE_SUFFIX}", curves(one))
        best = _figures(one.best.best)
        labels = tuple(best.confusion["labels"])
        if len(labels) <= _MOST_CONFUSED:
            title = f"Probe of {one.kind}: {one.best.best.method}" + (f", layer {one.best.name}" * bool(one.best.name))
            counts = np.asarray(best.confusion["counts"], dtype=np.float64)
            write_figure(
                folder / f"probe.{one.kind}.confusion{FIGURE_SUFFIX}", Confusion(title, counts, labels, labels)
            )


def _cells(share: Estimate | None) -> list[float | None]:
    """The cells of one part's columns; empty for a kind that does not have the part."""
    return [None] * len(_OF_A_PART) if share is None else [share.value, share.low, share.high, share.count]


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return str(int(value)) if value == int(value) and value > 1 else f"{value:.6f}"


def curves(found: Found) -> Curves:
    """Accuracy on test over the layers, a curve for each probe."""
    names = [layer.name for layer in found.layers]
    methods = sorted({chosen.method for layer in found.layers for chosen in layer.methods})
    drawn = []
    for method in methods:
        at, values = [], []
        for place, layer in enumerate(found.layers):
            for chosen in layer.methods:
                if chosen.method == method:
                    at.append(float(place))
                    values.append(_figures(chosen).accuracy)
        known = all(share.low is not None for share in values)
        low = np.array([share.low for share in values], dtype=np.float64) if known else None
        high = np.array([share.high for share in values], dtype=np.float64) if known else None
        drawn.append(Curve(method, np.array(at), np.array([share.value for share in values]), low, high))
    first = _figures(found.layers[0].best)
    note = (
        f"chosen on dev; commonest label {first.majority:.3f}; intervals over {first.num_drawn} {first.interval_over}"
    )
    return Curves(
        f"Probe of {found.kind}", tuple(drawn), Axis("layer", ticks=tuple(names)), Axis("accuracy on test"), note
    )
