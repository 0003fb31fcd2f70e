"""The model card of an export: README.md with the Hub's front matter, of what the run's own files say.

What they do not say is not made up: hours are those of the data directories that still lie there, figures those of the
score files in the run's folder, with their intervals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from masr.config import dump
from masr.config.plain import as_yaml
from masr.interop.opened import Opened
from masr.io.datadir import DataDir
from masr.io.datadir.summary import LabelCount, count_labels, summarise
from masr.io.layout import UTT2SPK
from masr.io.origin import is_embedded, read_provenance
from masr.report.gather import Run, read_run
from masr.report.scores import Score, flattened

CARD = "README.md"
_TASKS = {"encoder": "feature-extraction", "ctc": "automatic-speech-recognition", "lid": "audio-classification"}
_LIBRARIES = {"hf": "transformers", "onnx": "onnx", "pt2": "pytorch", "s3prl": "s3prl", "espnet": "espnet"}
_LICENCES = {"fleurs": "cc-by-4.0", "librispeech": "cc-by-4.0"}
"""Of corpora that have one licence for all they hold."""
_CODE = re.compile(r"[a-z]{2,3}")
_MOST_SCORES = 20


@dataclass(frozen=True)
class Data:
    """What a model learnt from, as far as its data directory still says it."""

    name: str
    hours: float | None
    num_utts: int | None
    languages: tuple[LabelCount, ...]
    is_embedded: bool | None
    corpus: str
    """As masr prepare calls it; empty where nobody says."""


def write_card(opened: Opened, to: str, how_to_load: str, licence: str | None, out: Path) -> None:
    """README.md in the folder `out`."""
    data = data_of(opened)
    scores = list(scores_of(read_run(opened.run)))
    licence_of_data = licence or (None if data.is_embedded else _LICENCES.get(data.corpus))
    front = as_yaml(front_matter(opened, to, data, scores))
    sections = [
        f"# {opened.run.name}\n\n{_what(opened)}",
        "## How to load it\n\n" + how_to_load.strip(),
        "## Data\n\n" + _data(data, licence_of_data),
        "## Figures\n\n" + _figures(scores),
        "## Limits\n\n" + "\n".join(f"- {line}" for line in _limits(opened, data)),
        "## Configuration\n\nPaths of the machine that trained it are left out.\n\n```yaml\n"
        + dump(opened.config, with_paths=False)
        + "```",
    ]
    (out / CARD).write_text(f"---\n{front}---\n\n" + "\n\n".join(sections) + "\n", encoding="utf-8")


def front_matter(opened: Opened, to: str, data: Data, scores: list[tuple[str, Score]]) -> dict[str, Any]:
    """What the Hub reads of a card, as plain values."""
    tags = ["masr", "speech", opened.config.objective.name, *(stream.name for stream in opened.config.streams)]
    tags += ["synthetic-data"] if data.is_embedded else []
    found: dict[str, Any] = {
        "library_name": _LIBRARIES[to],
        "pipeline_tag": _TASKS[opened.kind],
        "tags": list(dict.fromkeys(tags)),
    }
    codes = sorted(count.label for count in data.languages if _CODE.fullmatch(count.label))
    if codes:
        found["language"] = codes
    results = [_result(opened, file, score) for file, score in scores if _is_known_metric(score)]
    if results:
        found["model-index"] = [{"name": opened.run.name, "results": results}]
    return found


def data_of(opened: Opened) -> Data:
    """The training data: hours and languages where the data directory is still there."""
    folder = opened.config.train
    words = str(read_provenance(folder).get("command", "")).split()
    corpus = words[2] if words[1:2] == ["prepare"] and len(words) > 2 else ""
    if not (folder / UTT2SPK).is_file():
        return Data(folder.name, None, None, (), is_embedded([folder]), corpus)
    source = DataDir.open(folder)
    found = summarise(source)
    languages = tuple(count_labels(source, "lang")) if "lang" in source.kinds() else ()
    hours = None if found.total_sec is None else found.total_sec / 3600
    return Data(folder.name, hours, found.num_utts, languages, is_embedded([folder]), corpus)


def scores_of(run: Run) -> Iterable[tuple[str, Score]]:
    """Every figure with an interval, those of all there is before those of a part, with its file."""
    found = [
        (file, score)
        for file, content in run.scores.items()
        for score in flattened(content)
        if score.figure.low is not None
    ]
    return sorted(found, key=lambda one: (len(one[1].keys), one[0]))[:_MOST_SCORES]


def _is_known_metric(score: Score) -> bool:
    return score.keys[-1] in ("wer", "cer", "accuracy", "macro_f1", "eer")


def _result(opened: Opened, file: str, score: Score) -> dict[str, Any]:
    """A figure as the Hub's model-index has it, its interval in its name."""
    task = _TASKS[opened.kind]
    name = f"{score.name}, 95 % interval {score.figure.low:.4f} to {score.figure.high:.4f}"
    metric = {"type": score.keys[-1], "value": round(score.figure.value, 6), "name": name}
    return {"task": {"type": task}, "dataset": {"type": "masr-data-directory", "name": file}, "metrics": [metric]}


def _what(opened: Opened) -> str:
    config, model = opened.config, opened.model
    commit = read_provenance(opened.run).get("commit")
    streams = ", ".join(stream.name for stream in config.streams)
    lines = [
        {
            "encoder": "A speech encoder, trained without transcripts",
            "ctc": "A speech recogniser (CTC)",
            "lid": f"A classifier of {len(opened.labels)} labels of utterances: {', '.join(opened.labels[:20])}",
        }[opened.kind]
        + f", by objective `{config.objective.name}`"
        + (f" with metadata beside it: {streams}" if streams else "")
        + ".",
        f"`{config.encoder.name}`: {model.num_layers} layers, {model.dim} wide; audio of {model.sample_rate} Hz.",
        f"Trained for {config.training.max_steps} steps" + (f" at commit `{commit}`." if commit else "."),
    ]
    return "\n".join(lines)


def _data(data: Data, licence: str | None) -> str:
    """The data in a sentence, and a table of languages."""
    if data.num_utts is None:
        said = f"Trained on `{data.name}`, which is not on the machine that wrote this card: its hours are not known."
    else:
        hours = "an unknown number of hours" if data.hours is None else f"{data.hours:.2f} h"
        said = f"Trained on `{data.name}`: {hours}, {data.num_utts} utterances."
    said += f"\n\nLicence of the data: {licence or 'not known here; ask its source before you use the model'}."
    if not data.languages:
        return said
    rows = [
        f"| {one.label} | {one.num_utts} | {'' if one.total_sec is None else f'{one.total_sec / 3600:.2f}'} |"
        for one in data.languages
    ]
    return "\n".join([said, "", "| language | utterances | hours |", "| --- | ---: | ---: |", *rows])


def _figures(scores: list[tuple[str, Score]]) -> str:
    if not scores:
        return "None: the folder of the run held no scores with intervals when this card was written."
    rows = [f"| {file} | {one.subject or 'all'} | {one.name} | {one.text()} |" for file, one in scores]
    return "\n".join(["| file | of | figure | value, 95 % interval |", "| --- | --- | --- | --- |", *rows])


def _limits(opened: Opened, data: Data) -> list[str]:
    """What a reader has to know before they trust it."""
    found = []
    if data.is_embedded:
        found.append(
            "Its training data are synthetic: eSpeak NG spoke the embedded corpus. The model shows that the recipe "
            "works; its figures say nothing about human speech."
        )
    if data.is_embedded is None:
        found.append("Nothing says whether its training data are recordings or synthetic speech.")
    if opened.kind == "lid":
        found.append("It knows no label but those above, and gives one of them to speech in any other language.")
    if opened.config.training.max_steps < 10_000:
        found.append(f"It was trained for {opened.config.training.max_steps} steps, fewer than any published model.")
    found.append("It was not tested on speech of another channel, age or accent than that of its training data.")
    return found
