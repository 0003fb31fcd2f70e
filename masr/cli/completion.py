"""Print a shell's completion script, made from the real options of every verb.

example:
  eval "$(masr completion bash)"
  masr completion zsh > ~/.zfunc/_masr
  masr completion fish > ~/.config/fish/completions/masr.fish
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

SHELLS = ("bash", "zsh", "fish", "tcsh")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr completion`."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def run(args: argparse.Namespace) -> None:
    """Prints the script."""
    import shtab

    print(shtab.complete(whole_parser(), args.shell))


def whole_parser() -> argparse.ArgumentParser:
    """One parser with every verb in it."""
    from masr.cli.main import VERBS, Parser, open_verb

    parser = Parser(prog="masr", description="speech representation learning that knows its metadata")
    parser.add_argument("--version", action="store_true", help="print the version")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    for verb, what in VERBS.items():
        one = verbs.add_parser(verb, help=what, description=what)
        open_verb(verb).configure(one)
    _complete_paths(parser)
    return parser


def _complete_paths(parser: argparse.ArgumentParser) -> None:
    """Every argument that takes a path completes files."""
    import shtab

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                _complete_paths(inner)
        elif action.type is Path:
            known: Any = action  # shtab's own way: an attribute that argparse does not know
            known.complete = shtab.FILE
