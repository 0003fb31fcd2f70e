from __future__ import annotations

import argparse
import ast
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import masr
from masr.cli.main import VERBS, open_verb, verb_parser


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_file_with_configure_and_run(verb: str) -> None:
    module = open_verb(verb)
    assert callable(module.configure)
    assert callable(module.run)


@pytest.mark.parametrize("verb", VERBS)
def test_every_help_has_a_summary_and_an_example(verb: str) -> None:
    shown = verb_parser(verb, open_verb(verb)).format_help()
    assert "\nexample:\n" in shown
    assert examples(verb), "lines that begin with masr"


def examples(verb: str) -> list[str]:
    text = (open_verb(verb).__doc__ or "").partition("example:")[2]
    return [line.strip() for line in text.splitlines() if line.strip().startswith("masr ")]


@pytest.mark.parametrize("verb", VERBS)
def test_every_example_parses(verb: str) -> None:
    for line in examples(verb):
        command = line
        for sign in ("|", ">", "#"):
            command = command.partition(f" {sign}")[0]
        words = shlex.split(command.strip())
        assert words[:2] == ["masr", verb], line
        verb_parser(verb, open_verb(verb)).parse_args(words[2:])


def options(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from options(inner)
        else:
            yield action


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_is_documented_and_has_one_spelling(verb: str) -> None:
    for action in options(verb_parser(verb, open_verb(verb))):
        for option in action.option_strings:
            assert action.help, f"{verb} {option} has no help"
            assert "_" not in option, f"{verb} {option}: words are joined by dashes"


HEAVY = {"torch", "librosa", "scipy", "lhotse", "kaldiio"}
OPEN_APART = f"""
import os, sys, masr.cli.main as m
for verb in sys.argv[1:]:
    if os.fork() == 0:
        m.verb_parser(verb, m.open_verb(verb))
        heavy = {{name.split('.')[0] for name in sys.modules}} & {HEAVY!r}
        os.write(1, (" ".join([verb, "imports", *heavy]) + "\\n").encode())
        os._exit(0)
    os.wait()
"""


def test_opening_a_verb_imports_nothing_heavy() -> None:
    """Each in a process of its own, a fork of one that knows the verbs' names alone."""
    done = subprocess.run([sys.executable, "-c", OPEN_APART, *VERBS], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{verb} imports" for verb in VERBS], done.stderr


PACKAGE = Path(masr.__file__).parent
FILES = sorted(path.relative_to(PACKAGE / "cli").as_posix() for path in (PACKAGE / "cli").rglob("*.py"))
SHARED = {
    "masr.cli.options": "what several verbs read from their options",
    "masr.cli.main": "the list of all verbs: completion offers them, the steps of a table call them",
}
"""What a verb may import from masr/cli, and why."""
TOLD = ("render", "show", "as_json", "record", "report", "compute", "write")
"""Names of what belongs to a figure, and stands beside it."""


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    """The modules that a file imports, at its top, in a function, or for types alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "masr.cli":
            yield from (f"masr.cli.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def is_thin(tree: ast.Module) -> list[str]:
    """What a verb's file has that belongs elsewhere."""
    found = [f"class {node.name}" for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found += [f"imports {name}" for name in imported(tree) if name.startswith("masr.cli.") and name not in SHARED]
    heavy = {"numpy", "torch", "rich", "scipy", "safetensors", "yaml"}
    found += [f"computes with {name}" for name in imported(tree) if name.split(".")[0] in heavy]
    found += [f"def {node.name}" for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in TOLD]
    return found


@pytest.mark.parametrize("file", [file for file in FILES if file != "main.py"])
def test_a_verb_parses_calls_and_prints(file: str) -> None:
    """Classes, figures and what is said of them live in the rooms, and no verb knows another."""
    assert is_thin(tree_of(PACKAGE / "cli" / file)) == []


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("class Shown: ...", "class Shown"),
        ("def run(args):\n    from masr.cli.extract import plan", "imports masr.cli.extract"),
        ("from masr.cli import extract", "imports masr.cli.extract"),
        ("if TYPE_CHECKING:\n    from masr.cli.score.lid import Scored", "imports masr.cli.score.lid"),
        ("def run(args):\n    import numpy as np", "computes with numpy"),
        ("def run(args):\n    from rich.table import Table", "computes with rich.table"),
        ("def render(found): ...", "def render"),
    ],
)
def test_a_verb_that_is_not_thin_is_seen(source: str, what: str) -> None:
    assert is_thin(ast.parse(source)) == [what]


def test_what_verbs_share_is_there_and_needed() -> None:
    users = {name for file in FILES for name in imported(tree_of(PACKAGE / "cli" / file)) if name in SHARED}
    assert users == set(SHARED)


RETURNED = {"render": ("str", "Markup"), "show": ("None",), "as_json": ("dict", "list")}
"""One word for one thing: `render` gives text, `show` prints it, `as_json` gives plain values."""


@pytest.mark.parametrize("word", RETURNED)
def test_a_word_means_the_same_in_every_room(word: str) -> None:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef) and (node.name == word or node.name.startswith(f"{word}_")):
                found[f"{path.relative_to(PACKAGE)}: {node.name}"] = ast.unparse(node.returns) if node.returns else ""
    assert len(found) > 5
    assert {name: said for name, said in found.items() if said.split("[")[0] not in RETURNED[word]} == {}


@pytest.mark.parametrize("name", ["Task", "Source", "Settings", "Row", "Scored", "Report"])
def test_a_name_that_would_fit_anything_is_one_class_at_most(name: str) -> None:
    found = [
        str(path.relative_to(PACKAGE))
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef) and node.name == name
    ]
    assert len(found) <= 1, found
