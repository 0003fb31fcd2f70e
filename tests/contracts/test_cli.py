from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator

import pytest

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


@pytest.mark.parametrize("verb", VERBS)
def test_opening_a_verb_imports_nothing_heavy(verb: str) -> None:
    import subprocess
    import sys

    script = (
        f"import sys, masr.cli.main as m; m.verb_parser({verb!r}, m.open_verb({verb!r}));"
        "print('HEAVY', *({x.split('.')[0] for x in sys.modules} & {'torch', 'librosa', 'scipy', 'lhotse', 'kaldiio'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["HEAVY"]
