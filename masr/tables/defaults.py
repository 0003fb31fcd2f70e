"""What a configuration leaves out, read from the source of the schemas without importing them.

A default that changes in the code changes the run, so it has to change the hash of the task as well; and a plan of a
thousand tasks must not wait for torch. So the dataclasses are parsed, never executed: each default is the text of its
expression. What is switched off by default (None or False) is left out: an option that the code has learned since, and
that a run does not use, does not make it another run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import masr

_PACKAGE = Path(masr.__file__).parent
_OFF = ("None", "False")
_FALLBACK = {"metadata": "label"}
"""The plug-in that serves any name that has no file of its own."""


@dataclass(frozen=True)
class _Module:
    """A file, taken apart."""

    classes: dict[str, ast.ClassDef]
    imports: dict[str, tuple[str, str]]
    """Name here -> module and name there."""
    constants: dict[str, ast.expr]


_MAKERS = ("option", "required", "choice", "choices")
Found = tuple[_Module, ast.ClassDef]


def defaults_of(verb: str, settings: Any, package: Path = _PACKAGE) -> dict[str, str]:
    """key.key -> the default of every field that `settings` leaves out, for the schema that `masr VERB` reads."""
    root = _schema_of(verb, settings if isinstance(settings, dict) else {}, package)
    found = () if root is None else _walk(root, settings, "", package)
    return {key: text for key, text in found if text not in _OFF}


def _schema_of(verb: str, settings: dict[str, Any], package: Path) -> Found | None:
    """The dataclass that the verb's file, or the function behind it, imports and that has every key of the settings."""
    for path in (package / room / f"{verb.replace('-', '_')}.py" for room in ("cli", "api")):
        module = _parse(path) if path.is_file() else None
        for name in sorted(n for n in module.imports if n.endswith("Config")) if module else ():
            found = _find(module, name, package) if module else None
            if found and set(settings) <= {field for field, _ in _fields(found, package)}:
                return found
    return None


def _walk(found: Found, given: Any, prefix: str, package: Path) -> Iterator[tuple[str, str]]:
    values = given if isinstance(given, dict) else {}
    for (name, field), module in ((pair, m) for m, pair in _fields_with_modules(found, package)):
        key = f"{prefix}{name}"
        maker, args = _maker(field)
        if maker == "choice":
            yield from _choice(args, values.get(name), key, package)
        elif maker == "choices":
            yield from _choices(module, args, values.get(name), key, package)
        elif nested := _find(module, _name_of(field.annotation), package):
            yield key, _text(module, args)
            yield from _walk(nested, values.get(name), f"{key}.", package)
        elif name not in values:
            yield key, _text(module, args)


def _choice(args: list[ast.expr], given: Any, key: str, package: Path) -> Iterator[tuple[str, str]]:
    room, default = (arg.value if isinstance(arg, ast.Constant) else None for arg in args[:2])
    name = given.get("name", default) if isinstance(given, dict) else default
    if not isinstance(given, dict) or "name" not in given:
        yield f"{key}.name", repr(name)
    yield from _plugin(str(room), name, given, key, package)


def _choices(module: _Module, args: list[ast.expr], given: Any, key: str, package: Path) -> Iterator[tuple[str, str]]:
    if not isinstance(given, list):
        yield key, "()"
    room = args[0].value if isinstance(args[0], ast.Constant) else None
    shared = _find(module, _name_of(args[2]), package) if len(args) > 2 else None
    for place, entry in enumerate(given if isinstance(given, list) else []):
        inner = f"{key}.{place}"
        yield from _plugin(str(room), entry.get("name") if isinstance(entry, dict) else None, entry, inner, package)
        if shared:
            yield from _walk(shared, entry, f"{inner}.", package)


def _plugin(room: str, name: Any, given: Any, key: str, package: Path) -> Iterator[tuple[str, str]]:
    path = package / room / f"{name}.py"
    if not path.is_file() and room in _FALLBACK:
        path = package / room / f"{_FALLBACK[room]}.py"
    if name is not None and path.is_file():
        module = _parse(path)
        if found := _find(module, "Config", package):
            yield from _walk(found, given, f"{key}.", package)


def _fields(found: Found, package: Path) -> list[tuple[str, ast.AnnAssign]]:
    return [pair for _, pair in _fields_with_modules(found, package)]


def _fields_with_modules(found: Found, package: Path) -> list[tuple[_Module, tuple[str, ast.AnnAssign]]]:
    """The fields of a dataclass, those it inherits included, with the file that says them; the last one counts."""
    module, node = found
    fields: dict[str, tuple[_Module, tuple[str, ast.AnnAssign]]] = {}
    for base in node.bases:
        if above := _find(module, _name_of(base), package):
            fields |= {pair[0]: (place, pair) for place, pair in _fields_with_modules(above, package)}
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            fields[line.target.id] = (module, (line.target.id, line))
    return list(fields.values())


def _maker(field: ast.AnnAssign) -> tuple[str, list[ast.expr]]:
    """`option`, `choice` or `choices`, with what it was called with."""
    if isinstance(field.value, ast.Call) and _name_of(field.value.func) in _MAKERS:
        return _name_of(field.value.func), field.value.args
    return "", [] if field.value is None else [field.value]


def _text(module: _Module, args: list[ast.expr]) -> str:
    """The default as it is written; a constant of the file by its value."""
    if not args:
        return ""
    first = args[0]
    if isinstance(first, ast.Name) and first.id in module.constants:
        first = module.constants[first.id]
    return ast.unparse(first)


def _find(module: _Module, name: str, package: Path) -> Found | None:
    """The class of that name, here or where it is imported from."""
    if name in module.classes:
        return module, module.classes[name]
    if name in module.imports:
        where, there = module.imports[name]
        path = package.joinpath(*where.split(".")[1:])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return _find(_parse(file), there, package)
    return None


def _name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _parse(path: Path) -> _Module:
    return _parsed(path, path.stat().st_mtime_ns)


@cache
def _parsed(path: Path, _changed: int) -> _Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    imports = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("masr.")
        for alias in node.names
    }
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return _Module(classes, imports, constants)
