"""The page: one HTML file that needs nothing beside it and asks no one for anything."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files

import masr
from masr.report.contents import Contents
from masr.report.draw import draw_plate
from masr.report.gather import Run
from masr.report.languages import language_section
from masr.report.markup import Child, Markup, join, tag
from masr.report.plot import anchor_name
from masr.report.scores import score_section
from masr.report.settings import config_section, difference_section, environment_section
from masr.report.summary import summary
from masr.report.training import training_section


def render(contents: Contents, now: datetime | None = None) -> Markup:
    """The whole page as HTML: the answer on top, then scores, maps and figures, then how they came about."""
    runs = contents.runs
    title = contents.answer[0].figure.title if contents.answer else _names(runs)
    sections: list[tuple[str, list[Child]]] = [
        ("Answer", [draw_plate(plate, numbers=True) for plate in contents.answer]),
        ("Scores", score_section(runs, contents.scores)),
        ("Languages", language_section(contents.languages)),
        ("Figures", _figures(contents)),
        ("Differences", difference_section(runs) if len(runs) > 1 else []),
        ("Training", training_section(runs, contents.training)),
        ("Configuration", config_section(runs)),
        ("Environment", environment_section(runs)),
        ("Left out", _problems(runs)),
    ]
    shown = [(name, body) for name, body in sections if body]
    links = [tag("li", tag("a", name, href=f"#{anchor_name(name)}")) for name, _ in shown]
    time = (now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    body = join(
        tag("a", "to the contents", href="#main", class_="skip"),
        tag(
            "header",
            tag("h1", title),
            *summary(contents),
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


def _figures(contents: Contents) -> list[Child]:
    """The figures of all figure files; those of the same name stand side by side."""
    runs = contents.runs
    drawn = {run.letter: dict(zip(run.figures, contents.figures[run.letter], strict=True)) for run in runs}
    shown: list[Child] = []
    for name in dict.fromkeys(name for run in runs for name in run.figures):
        holders = [run for run in runs if name in run.figures]
        parts = [draw_plate(drawn[run.letter][name], numbers=True) for run in holders]
        if len(runs) > 1:
            whose = [tag("p", f"{run.letter}  {run.name}", class_="whose") for run in holders]
            parts = [tag("div", who, part) for who, part in zip(whose, parts, strict=True)]
        shown += parts if len(runs) == 1 else [tag("div", *parts, class_="grid wide")]
    return [tag("div", *shown, class_="grid wide")] if len(runs) == 1 and shown else shown


def _problems(runs: Sequence[Run]) -> list[Child]:
    lines = [f"{run.letter}: {text}" if len(runs) > 1 else text for run in runs for text in run.problems]
    return [tag("ul", *(tag("li", line, class_="problem") for line in lines))] if lines else []
