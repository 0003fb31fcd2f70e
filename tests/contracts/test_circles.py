"""No two files of masr import each other, directly or through others, at the top, in a function or for types alone.

A circle means that neither file can be read, tested or moved without the other. import-linter can hold rooms free of
circles too, but it does not see what is imported for types alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import masr

CHECKOUT = Path(masr.__file__).parents[1]


def modules(package: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(package.rglob("*.py")):
        if path.parent.name == "carried" and path.name != "__init__.py":
            continue  # not of this package: an export copies them, and they import one another there
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path) -> Iterator[str]:
    """Every dotted name that may be a module, in all of the file's import statements."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import, which is not looked at here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def circle(package: Path) -> list[str]:
    """The files of one circle, the first one again at its end; none where there is none."""
    known = modules(package)
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        owners = (one if one in known else one.rpartition(".")[0] for one in imported(path))
        graph[name] = {owner for owner in owners if owner in known and owner != name}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_two_files_import_each_other() -> None:
    assert circle(CHECKOUT / "masr") == []


@pytest.mark.parametrize(
    ("first", "second", "third"),
    [
        ("from small.room.b import B", "from small.room.a import A", ""),
        ("from small.room import b", "import small.room.a", ""),
        ("def f():\n    from small.room.b import B", "from small.room.a import A", ""),
        ("from small.room.b import B", "if TYPE_CHECKING:\n    from small.room.a import A", ""),
        ("from small.room.b import B", "from small.room.c import C", "from small.room.a import A"),
    ],
)
def test_a_circle_is_seen(tmp_path: Path, first: str, second: str, third: str) -> None:
    room = tmp_path / "small" / "room"
    room.mkdir(parents=True)
    for name, text in {"__init__": "", "a": first, "b": second, "c": third}.items():
        (room / f"{name}.py").write_text(text, encoding="utf-8")
    assert {"small.room.a", "small.room.b"} <= set(circle(tmp_path / "small"))
    (room / "b.py").write_text("import os", encoding="utf-8")
    assert circle(tmp_path / "small") == []
