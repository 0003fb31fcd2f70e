"""The code of a model, in the folder of its weights: those files of masr that it runs, their imports made relative.

transformers takes remote code as files side by side, so masr/models/conformer.py becomes masr_models_conformer.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import masr
from masr.config import Named
from masr.io.atomic import atomic_write

ENTRY, _FILES = "masr.interop.hf", "masr.interop.files"
_PACKAGE = Path(masr.__file__).parent
_IMPORT = re.compile(r"^(?P<indent>\s*)from (?P<module>masr(?:\.\w+)+) import", re.MULTILINE)


def flat(module: str) -> str:
    """A module's name as a file beside others: masr.models.conformer -> masr_models_conformer."""
    return module.replace(".", "_")


def write_code(plugins: list[tuple[str, Named]], out: Path) -> None:
    """Writes the files of masr that a model of those plug-ins, each with its room, needs to be loaded."""
    names = [f"masr.{room}.{named.name}" for room, named in plugins]
    for module in sorted(needed([ENTRY, *names])):
        text = _table(names) if module == _FILES else _relative(_path(module).read_text(encoding="utf-8"))
        atomic_write(out / f"{flat(module)}.py", text)


def needed(modules: list[str]) -> set[str]:
    """Those modules and all of masr that they import, at the top or in a function."""
    found: set[str] = set()
    to_look_at = list(modules)
    while to_look_at:
        module = to_look_at.pop()
        if module not in found:
            found.add(module)
            to_look_at += [] if module == _FILES else _imported(_path(module))
    return found


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("masr."):
            yield node.module


def _path(module: str) -> Path:
    path = _PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _relative(source: str) -> str:
    return _IMPORT.sub(lambda found: f"{found['indent']}from .{flat(found['module'])} import", source)


def _table(modules: list[str]) -> str:
    """What takes the place of `open_plugin`: the files of this model alone."""
    lines = ['"""The plug-in files that this model is made of."""\n', "from types import SimpleNamespace\n"]
    lines += [f"from .{flat(module)} import Config as Config{n}, build as build{n}" for n, module in enumerate(modules)]
    rows = [f'    "{module}": SimpleNamespace(Config=Config{n}, build=build{n}),' for n, module in enumerate(modules)]
    lines += ["\n_FILES = {", *rows, "}\n\n", "def open_plugin(room, name):"]
    lines += ['    """The file of that room and name, with its Config and its build."""']
    lines += ['    return _FILES[f"masr.{room}.{name}"]\n']
    return "\n".join(lines)
