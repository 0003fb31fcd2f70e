"""The page: one HTML file that needs nothing beside it and asks no one for anything."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files

import masr
from masr.io.figure import Figure
from masr.report.cells import table
from masr.report.colours import Style
from masr.report.draw import draw
from masr.report.gather import Run
from masr.report.languages import language_section
from masr.report.markup import Child, Markup, join, tag
from masr.report.numbers import MISSING, percent, short
from masr.report.plot import anchor_name, sample
from masr.report.scores import score_section
from masr.report.settings import config_section, difference_section, environment_section, setting
from masr.report.training import training_section


def render(runs: Sequence[Run], first: Sequence[Figure] = (), now: datetime | None = None) -> Markup:
    """The whole page as HTML; it opens with the figures `first`, takes its title from them, and shows the map next."""
    many = len(runs) > 1
    title = first[0].title if first else _names(runs)
    languages: list[tuple[str, list[Child]]] = [("Languages", language_section(runs))]
    sections: list[tuple[str, list[Child]]] = [
        ("Answer", [draw(figure) for figure in first]),
        *(languages if first else []),
        ("Differences", difference_section(runs) if many else []),
        ("Training", training_section(runs)),
        ("Scores", score_section(runs)),
        *([] if first else languages),
        ("Figures", _figures(runs)),
        ("Configuration", config_section(runs)),
        ("Environment", environment_section(runs)),
    ]
    sections.append(("Left out", _problems(runs)))  # last: the others add to it
    shown = [(name, body) for name, body in sections if body]
    links = [tag("li", tag("a", name, href=f"#{anchor_name(name)}")) for name, _ in shown]
    time = (now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    body = join(
        tag("a", "to the contents", href="#main", class_="skip"),
        tag(
            "header",
            tag("h1", first[0].title if first else title),
            _runs(runs),
            tag("nav", tag("ul", *links), aria_label="sections"),
        ),
        tag("main", *(_section(name, parts) for name, parts in shown), id="main"),
        tag("footer", tag("p", f"Written by masr {masr.__version__}, {time}.")),
    )
    return _document(title, body)


def _names(runs: Sequence[Run]) -> str:
    return "Comparison: " + ", ".join(run.name for run in runs[:4]) if len(runs) > 1 else runs[0].name


def _document(title: str, body: Markup) -> Markup:
    """The HTML document of a body. Its policy lets in our own style and script, by their digests, and nothing else."""
    style, script = (
        files("masr.report").joinpath(f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js")
    )
    policy = f"default-src 'none'; img-src data:; style-src {_digest(style)}; script-src {_digest(script)}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(style)),
    )
    page = tag("html", head, tag("body", body, tag("script", Markup(script))), lang="en")
    return Markup("<!DOCTYPE html>\n" + page + "\n")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _section(name: str, parts: Sequence[Child]) -> Markup:
    return tag("section", tag("h2", name), *parts, id=anchor_name(name), aria_label=name)


def _runs(runs: Sequence[Run]) -> Markup:
    """A table with a line for each run: how far it is, and how well it does."""
    many = len(runs) > 1
    rows = []
    for n, run in enumerate(runs):
        name = [sample(Style(n)), " ", tag("b", run.letter), " ", run.name] if many else [run.name]
        rows.append([tag("span", *name), _state(run), *_headline(run)])
    head = ["run", "state", "dev loss", "masked accuracy", "hours of audio an hour"]
    return table(head, rows, caption="runs", numbers_from=2)


def _state(run: Run) -> str:
    if run.metrics is None:
        return MISSING
    step, goal = run.metrics.last_step, setting(run.config, "training.max_steps")
    of = f" of {goal}" if goal else ""
    if run.has_model:
        return f"ended at step {short(step, 7)}"
    return f"step {short(step, 7)}{of}, not ended"


def _headline(run: Run) -> list[str]:
    """Three cells of a run: the newest loss and accuracy of its validation, and its pace."""
    if run.metrics is None:
        return [MISSING] * 3
    accuracy = run.metrics.last("masked_accuracy", "dev")
    pace = run.metrics.last("audio_hours_per_hour", "train")
    return [short(run.metrics.last("loss", "dev")), percent(accuracy), short(pace, 3)]


def _figures(runs: Sequence[Run]) -> list[Child]:
    """The figures of all figure files; those of the same name stand side by side."""
    if len(runs) == 1:
        drawn = [draw(figure) for figure in runs[0].figures.values()]
        return [tag("div", *drawn, class_="grid wide")] if drawn else []
    shown: list[Child] = []
    for name in dict.fromkeys(name for run in runs for name in run.figures):
        holders = [run for run in runs if name in run.figures]
        parts = [tag("div", tag("p", f"{r.letter}  {r.name}", class_="whose"), draw(r.figures[name])) for r in holders]
        shown.append(tag("div", *parts, class_="grid wide"))
    return shown


def _problems(runs: Sequence[Run]) -> list[Child]:
    lines = [f"{run.letter}: {text}" if len(runs) > 1 else text for run in runs for text in run.problems]
    return [tag("ul", *(tag("li", line, class_="problem") for line in lines))] if lines else []
