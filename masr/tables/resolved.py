"""What a task's configuration comes to, with every default of the code, as a digest that a plan can have without torch.

A default that changes in the code changes the run, so it has to change the hash of the task as well. Only the schemas
know the defaults, and most of them stand beside a model: to import them takes seconds. So every answer is kept in a
file, for as long as no source file of masr changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import masr
from masr.files import parse_json
from masr.io.atomic import atomic_write
from masr.io.identity import digest, digest_of_file

Resolve = Callable[[str, yaml.Node | None, str], Any]
"""(verb, configuration as a tree, its file) -> the whole configuration as plain values, defaults filled in."""


class ResolvedDigests:
    """Digests of whole configurations, remembered in `file`; `resolved_settings` makes what is not remembered yet."""

    def __init__(self, file: Path, resolved_settings: Resolve) -> None:
        self._file, self._resolved_settings = file, resolved_settings
        self._known = self._read()
        self._has_news = False

    def digest(self, verb: str, settings: Any, tree: yaml.Node | None, origin: str) -> str:
        """A word that changes with any value or default of what `masr VERB` reads from `settings`.

        `tree` holds the same settings as nodes, and `origin` is their file: mistakes are named by them.
        What is switched off (null, false or empty) does not count: an option that the code has learnt since, and that
        the run does not use, does not make it another run.
        """
        asked = digest([verb, settings])
        if asked not in self._known:
            self._known[asked] = digest(_switched_on(self._resolved_settings(verb, tree, origin)))
            self._has_news = True
        return self._known[asked]

    def keep(self) -> None:
        """Writes what was learnt, beside what other processes have learnt meanwhile."""
        if self._has_news:
            self._known = {**self._read(), **self._known}
            kept = json.dumps({"code": _digest_of_code(), "digests": self._known}, indent=0)
            with suppress(OSError):  # where nothing can be written, the next plan asks again
                atomic_write(self._file, kept + "\n")

    def _read(self) -> dict[str, str]:
        """Settings -> digest, as this very code made them; empty where other code wrote the file, or it is damaged."""
        try:
            kept = parse_json(self._file.read_text(encoding="utf-8"))
            return dict(kept["digests"]) if kept["code"] == _digest_of_code() else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}


def _switched_on(value: Any) -> Any:
    """A configuration without what is null, false or empty."""
    if isinstance(value, dict):
        return {key: inner for key, given in value.items() if not _is_off(inner := _switched_on(given))}
    return [_switched_on(inner) for inner in value] if isinstance(value, list) else value


def _is_off(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


@cache
def _digest_of_code() -> str:
    """A word that changes when any source file of masr does."""
    package = Path(masr.__file__).parent
    return digest([(str(path.relative_to(package)), digest_of_file(path)) for path in sorted(package.rglob("*.py"))])
