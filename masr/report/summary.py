"""The top of the page: what was compared, on what data, and the answer."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from masr.io.figure import Bars
from masr.io.origin import is_embedded, read_provenance
from masr.report.cells import table
from masr.report.colours import Style
from masr.report.contents import Contents
from masr.report.gather import Run
from masr.report.markup import Child, Markup, tag
from masr.report.numbers import MISSING, percent, short
from masr.report.plot import sample
from masr.report.scores import scores_of
from masr.report.settings import setting, settings_of

EMBEDDED = "embedded: synthetic speech by eSpeak NG"
_OBJECTIVES = {
    "best_rq": "BEST-RQ",
    "w2v_bert": "w2v-BERT",
    "wav2vec2": "wav2vec 2.0",
    "hubert": "HuBERT",
    "dinosr": "DinoSR",
    "apc": "APC",
    "vq_apc": "VQ-APC",
    "cotraining_apc": "co-training APC",
    "mpc": "MPC",
    "cpc": "CPC",
    "ctc": "speech recognition (CTC)",
    "lid": "language identification",
}
_DATA_KEYS = ("train", "dev", "test", "data")


def summary(contents: Contents) -> list[Child]:
    """The answer, the data, and a line for each run: what it is, how far it is, and how well it does."""
    lines: list[Child] = []
    for name, said in (("Answer", answer_of(contents)), ("Data", data_of(contents))):
        if said:
            lines += [tag("dt", name), *(tag("dd", text) for text in said)]
    return [tag("dl", *lines, class_="summary") if lines else None, _runs(contents.runs)]


def answer_of(contents: Contents) -> list[str]:
    """The findings of the figures that the page opens with; else the first score that all runs have."""
    firsts = [plate.figure for plate in contents.answer]
    findings = [text for figure in firsts if isinstance(figure, Bars) for text in figure.findings]
    return findings or ([] if firsts else _first_score(contents.runs))


def _first_score(runs: Sequence[Run]) -> list[str]:
    """One sentence with the first accuracy, or the first score at all, that has an interval in all runs."""
    files = scores_of(runs).values()
    shared = [
        (scores, key)
        for scores in files
        for key, one in scores[0].items()
        if one.figure.low is not None and all(key in of_run for of_run in scores)
    ]
    if not shared:
        return []
    scores, key = next(((s, k) for s, k in shared if "accuracy" in k[-1]), shared[0])
    one = scores[0][key]
    values = (
        [one.text()] if len(runs) == 1 else [f"{r.letter} {s[key].text()}" for r, s in zip(runs, scores, strict=True)]
    )
    chance = scores[0].get(("chance",))
    said = f"{one.subject}, {one.name}" if one.subject else one.name
    text = f"{said[:1].upper()}{said[1:]}: {', '.join(values)}"
    return [text + (f" (chance {chance.text()})" if chance else "") + "."]


def data_of(contents: Contents) -> list[str]:
    """What the data are, as far as they say it themselves, and where they lie."""
    said = [plate.figure.data for plate in contents.answer if isinstance(plate.figure, Bars) and plate.figure.data]
    names = list(dict.fromkeys(name for run in contents.runs for name in _data_names(run)))
    folders = [folder for run in contents.runs for name in _data_names(run) if (folder := _found(name, run))]
    embedded = is_embedded(sorted(folders))
    what = EMBEDDED if embedded else ""
    where = ", ".join(names)
    return [*filter(None, [f"{what} ({where})" if what and where else what or where]), *said]


def _data_names(run: Run) -> Iterator[str]:
    """The data directories of a run as it was told them."""
    config = settings_of(run.config)
    yield from (config[key] for key in _DATA_KEYS if config.get(key) not in (None, "", "null"))
    for record in (run.provenance, *(read_provenance(folder) for folder in run.embeddings)):
        if isinstance(record.get("data"), str):
            yield record["data"]


def _found(name: str, run: Run) -> Path | None:
    """A data directory, from here or from a folder that the run lies in."""
    places = [Path(name), *(parent / name for parent in run.folder.resolve().parents)]
    return next((place for place in places if os.path.isdir(place)), None)  # noqa: PTH112 (whatever the name is)


def _runs(runs: Sequence[Run]) -> Markup:
    many = len(runs) > 1
    rows: list[list[Child]] = []
    for n, run in enumerate(runs):
        name = [sample(Style(n)), " ", tag("b", run.letter), " ", run.name] if many else [run.name]
        rows.append([tag("span", *name), what_it_is(run), _state(run), *_headline(run)])
    head = ["run", "what", "state", "dev loss", "dev accuracy", "masked accuracy", "hours of audio an hour"]
    return table(head, rows, caption="runs", numbers_from=3)


def what_it_is(run: Run) -> str:
    """A run in words: its objective, what stands beside it, where it begins."""
    config = settings_of(run.config)
    objective = config.get("objective.name", "")
    if not objective:
        return ""
    streams = list(dict.fromkeys(m[1] for key in config if (m := re.match(r"streams\[([^\]]+)\]", key))))
    text = _OBJECTIVES.get(objective, objective)
    if streams:
        text += " + " + ", ".join(streams)
    begins = config.get("init", "")
    return f"{text}, from {begins}" if begins not in ("", "null") else text


def _state(run: Run) -> str:
    if run.metrics is None:
        return MISSING
    step, goal = run.metrics.last_step, setting(run.config, "training.max_steps")
    of = f" of {goal}" if goal else ""
    if run.has_model:
        return f"ended at step {short(step, 7)}"
    return f"step {short(step, 7)}{of}, not ended"


def _headline(run: Run) -> list[str]:
    """Four cells of a run: the newest loss and accuracies of its validation, and its pace."""
    if run.metrics is None:
        return [MISSING] * 4
    accuracies = [percent(run.metrics.last(name, "dev")) for name in ("accuracy", "masked_accuracy")]
    pace = run.metrics.last("audio_hours_per_hour", "train")
    return [short(run.metrics.last("loss", "dev")), *accuracies, short(pace, 3)]
