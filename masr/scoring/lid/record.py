"""What `masr score lid` writes: every figure as JSON, and figures for `masr report` to draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.io.json_file import plain

if TYPE_CHECKING:
    from masr.scoring.lid.figures import LidFigures
    from masr.scoring.lid.score import Outcome

_NAMES = 1000
"""Utterances left out that are listed."""


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Everything, as plain values; an infinite or unknown figure is None."""
    options, answers, found, scored = outcome.options, outcome.answers, outcome.report, outcome.scored
    clusters, compared = outcome.clusters, outcome.compared
    tested = [answers.languages[i] for i in found.tally.languages]
    result = {
        "scores": str(options.scores),
        "reference": str(options.ref),
        "num_utts": len(answers.utts),
        "languages_of_system": list(answers.languages),
        "languages_without_utterances": [name for name in answers.languages if name not in tested],
        "interval": {"level": 0.95, "over": clusters.unit, "num": clusters.num_units, "from": outcome.source},
        "figures": found.overall.figures,
        "num_scored": found.overall.num_utts,
        "num_languages": found.overall.num_languages,
        "chance": 1 / len(answers.languages),
        "commonest": _commonest(found),
        "languages": found.languages,
        "groups": found.groups,
        "open_set": found.open_set,
        "confused": outcome.pairs,
        "relatedness": outcome.related,
        "confusion": {
            "truths": list(found.truths),
            "answers": list(answers.languages),
            "counts": found.confusion.tolist(),
        },
        "reliability": found.reliability,
        "thresholds": _thresholds(found),
        "num_tied": found.num_tied,
        "num_impossible": found.num_impossible,
        "left_out": {
            "unlabelled": scored.num_unlabelled,
            "without_reference": _some(scored.extra),
            "without_scores": _some(scored.missing),
        },
        "against": None if compared is None else {"scores": str(options.against), **vars(compared)},
    }
    written: dict[str, Any] = plain(result)
    return written


def _commonest(found: LidFigures) -> dict[str, Any]:
    """The language with most of the utterances that are scored, and its share of them."""
    name = max(found.languages, key=lambda one: found.languages[one].num_utts)
    return {"language": name, "share": found.languages[name].num_utts / found.overall.num_utts}


def _thresholds(found: LidFigures) -> dict[str, Any] | None:
    """On log-likelihood ratios; of equal error between two, as the hull has it."""
    from masr.scoring.lid.detection import BETAS

    detection = found.tally.detection
    if detection is None:
        return None
    return {
        "actual": {f"{beta:g}": math.log(beta) for beta in BETAS},
        "minimum": {f"{beta:g}": value for beta, value in zip(BETAS, detection.minimum)},
        "eer_pooled": [detection.pooled.low, detection.pooled.high],
    }


def _some(names: Sequence[str]) -> dict[str, Any]:
    return {"count": len(names), "utts": list(names[:_NAMES])}


def write_figures(folder: Path, outcome: Outcome) -> None:
    """confusion.figure.json and reliability.figure.json, for `masr report`."""
    from masr.io.figure import Axis, Confusion, Curve, Curves
    from masr.io.figure_file import write_figure
    from masr.io.layout import FIGURE_SUFFIX

    found, title = outcome.report, "Languages answered for each language"
    matrix = Confusion(title, found.confusion.astype(float), found.truths, outcome.answers.languages)
    write_figure(folder / f"confusion{FIGURE_SUFFIX}", matrix)
    bins = found.reliability
    some = [i for i, count in enumerate(bins.counts) if count]
    line = Curve("answers", [bins.confidence[i] for i in some], [bins.accuracy[i] for i in some])  # type: ignore[arg-type]
    ideal = Curve("as sure as right", [0.0, 1.0], [0.0, 1.0])  # type: ignore[arg-type]
    curves = Curves("Confidence against accuracy", (line, ideal), Axis("mean confidence"), Axis("share that is right"))
    write_figure(folder / f"reliability{FIGURE_SUFFIX}", curves)
