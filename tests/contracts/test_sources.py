"""What a stage takes for the code of its command is all that the command opens, in this very checkout."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from masr.cli.main import VERBS
from masr.jobs.sources import House

CHECKOUT = Path(__file__).resolve().parents[2]

OPENED = """
import json, os, sys
from masr.cli.main import VERBS, open_verb, verb_parser
for verb in VERBS:
    if os.fork() == 0:
        verb_parser(verb, open_verb(verb))
        files = [module.__file__ for name, module in sys.modules.items() if name.split(".")[0] == "masr"]
        os.write(1, (json.dumps([verb, sorted(filter(None, files))]) + "\\n").encode())
        os._exit(0)
    os.wait()
"""
RUN = """
import json, sys
from masr.cli.main import main
code = main(sys.argv[1:])
files = [module.__file__ for name, module in sys.modules.items() if name.split(".")[0] == "masr"]
print("FILES", json.dumps(sorted(filter(None, files))))
sys.exit(code)
"""
MAIN = {str(CHECKOUT / "masr" / "cli" / "main.py")}
"""Finds the verb's file and opens it; its list of verbs changes nothing of what they do."""


@pytest.fixture(scope="module")
def house() -> House:
    return House(CHECKOUT)


def test_nothing_is_opened_in_a_way_that_cannot_be_followed(house: House) -> None:
    assert house.troubles() == []


def test_verbs_are_opened_where_stages_look_for_them(house: House) -> None:
    assert house.module(CHECKOUT / "masr" / "cli" / "main.py").rooms == ["masr.cli"]
    assert [verb for verb in VERBS if not house.verb_files(verb)] == []
    assert house.openers == {"names", "open_plugin", "resolve", "build", "config_of"}


def test_every_file_that_a_verbs_own_options_open_is_found(house: House) -> None:
    said = subprocess.run([sys.executable, "-c", OPENED], capture_output=True, text=True, check=True).stdout
    opened = dict(json.loads(line) for line in said.splitlines())
    assert opened.keys() == VERBS.keys()
    for verb, files in opened.items():
        assert set(files) - MAIN <= set(map(str, house.files_of(["masr", verb]))), verb


@pytest.mark.slow
def test_every_file_that_a_training_opens_is_found_where_its_configuration_chooses(
    house: House, spoken: Path, tmp_path: Path
) -> None:
    words = ["train", str(spoken / "run.yaml"), str(tmp_path / "run"), "--max-steps", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", RUN, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    opened = set(json.loads(done.stdout.rpartition("FILES ")[2])) - MAIN
    found = set(map(str, house.files_of(["masr", *words], [spoken / "run.yaml"])))
    assert opened - found == set()
    assert str(CHECKOUT / "masr" / "metadata" / "transcript.py") not in found


def functions() -> Iterator[tuple[str, list[str]]]:
    """Name and parameters of every function of masr, and of every class that is called."""
    for path in (CHECKOUT / "masr").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield node.name, [argument.arg for argument in node.args.args]


def handed_on(path: Path, openers: frozenset[str]) -> Iterator[tuple[ast.Call | None, str, str | int]]:
    """Where a function of masr/plugins.py is handed on: the call, the function, and the parameter's name or place."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    ours = {
        alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module == "masr.plugins"
        for alias in node.names
        if alias.name in openers
    }
    parameters = {argument.arg for node in nodes if isinstance(node, ast.FunctionDef) for argument in node.args.args}
    ours |= parameters & openers - {"names"}  # which is the word for many other things
    loads = [node for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    used = {id(node) for node in loads if node.id in ours}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "masr.plugins":
            yield from ((None, alias.name, str(alias.asname)) for alias in node.names if alias.asname)
        elif isinstance(node, ast.Call):
            used.discard(id(node.func))
            for place, value in [*enumerate(node.args), *((word.arg or "", word.value) for word in node.keywords)]:
                if id(value) in used:
                    used.discard(id(value))
                    yield node, value.id, place  # type: ignore[attr-defined]
        elif isinstance(node, ast.Assign) and id(node.value) in used:
            used.discard(id(node.value))
            yield from ((None, node.value.id, getattr(target, "attr", "a variable")) for target in node.targets)  # type: ignore[attr-defined]
    yield from ((None, "a function of masr/plugins.py", f"something in {path}") for _ in used)


@pytest.mark.slow
def test_what_opens_plugins_is_handed_on_under_its_own_name(house: House) -> None:
    """`build("models", ...)` is known by the name of the function: under another one it would be missed."""
    known: dict[str, list[list[str]]] = {}
    for name, parameters in functions():
        known.setdefault(name, []).append(parameters)
    wrong = []
    for path in sorted((CHECKOUT / "masr").rglob("*.py")):
        for call, name, place in handed_on(path, house.openers):
            if isinstance(place, int) and call is not None:
                called = getattr(call.func, "attr", getattr(call.func, "id", ""))
                lists = [*known.get(called, []), *(known["__init__"] if called.lstrip("_")[:1].isupper() else [])]
                own = [names[1:] if names[:1] in (["self"], ["cls"]) else names for names in lists]
                fits = any(names[place : place + 1] == [name] for names in own)
            else:
                fits = place == name
            if not fits:
                wrong.append(f"{path.relative_to(CHECKOUT)}: {name} is handed on as {place}")
    assert wrong == []
