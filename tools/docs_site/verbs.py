"""What each verb says of itself, as a page."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from masr.cli.main import VERBS, open_verb, verb_parser


def page() -> str:
    """One section a verb and subverb, with its `--help`."""
    os.environ["COLUMNS"] = "100"
    sections = [f"## {parser.prog}\n\n```text\n{parser.format_help().rstrip()}\n```" for parser in _parsers()]
    return "\n\n".join(["# Every verb", "What `masr VERB --help` prints.", *sections]) + "\n"


def _parsers() -> Iterator[argparse.ArgumentParser]:
    for verb in VERBS:
        yield from _with_subverbs(verb_parser(verb, open_verb(verb)))


def _with_subverbs(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in dict.fromkeys(action.choices.values()):
                yield from _with_subverbs(below)
