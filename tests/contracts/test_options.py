"""Every settings(Options, args) of a verb finds an option for each field, of the same name and default."""

from __future__ import annotations

import argparse
import ast
import importlib
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

import masr
from masr.cli.main import VERBS, Parser, open_verb, verb_parser

CLI = Path(masr.__file__).parent / "cli"


def uses(path: Path) -> Iterator[tuple[str, str]]:
    """The schemas that a verb fills, with the modules that they come from."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    origins = {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "settings":
            assert isinstance(node.args[0], ast.Name)
            yield origins[node.args[0].id]


USES = [
    (".".join(path.relative_to(CLI).with_suffix("").parts), module, name)
    for path in sorted(CLI.rglob("*.py"))
    if path.name != "options.py"
    for module, name in uses(path)
]


def test_verbs_use_them() -> None:
    assert len(USES) > 8


@pytest.mark.parametrize(("verb", "module", "name"), USES, ids=lambda word: word)
def test_the_options_of_a_verb_have_the_fields_of_what_they_fill(verb: str, module: str, name: str) -> None:
    parser = Parser(prog="masr")
    importlib.import_module(f"masr.cli.{verb.replace('-', '_')}").configure(parser)
    actions = {action.dest: action for one in parsers(parser) for action in one._actions}
    schema = getattr(importlib.import_module(module), name)
    assert {field.name for field in fields(schema)} - set(actions) == set()
    for field in fields(schema):
        action = actions[field.name]
        if field.default is MISSING or not action.option_strings:
            continue
        given = action.default
        # an option that may be given again is a list where the field is a tuple
        assert given == field.default or not (given or field.default), (
            f"{verb} --{field.name}: {given!r}, and {field.default!r} in {module}"
        )


@pytest.mark.parametrize("given", ["-1", "4294967296", "1.5", "x", "", "1" * 5000, "\u0661"])
def test_seed_minus_1_and_every_other_seed_that_a_generator_refuses_is_refused_by_every_verb(
    given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seeded = 0
    for verb in VERBS:
        for parser in parsers(verb_parser(verb, open_verb(verb))):
            for action in (one for one in parser._actions if one.dest.endswith("seed")):
                seeded += 1
                assert parser._get_values(action, ["4294967295"]) == 4294967295
                with pytest.raises(argparse.ArgumentError, match="is no seed"):
                    parser._get_values(action, [given])
    assert seeded > 15


def test_every_seed_of_a_configuration_is_checked_as_such() -> None:
    found = [
        (path.name, ast.unparse(node.value).partition("(")[0])
        for path in sorted(Path(masr.__file__).parent.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call) and ast.unparse(node.target) == "seed"
    ]
    assert len(found) > 10
    assert {name for _, name in found} == {"seed_option"}


def parsers(parser: Parser) -> Iterator[Parser]:
    yield parser
    for action in parser._actions:
        for inner in (action.choices or {}).values() if hasattr(action.choices, "values") else ():
            yield from parsers(inner)
