"""A YAML file that begins where others end: `base: other.yaml`, or a list of which a later one lies over the earlier.

Sections are laid over each other key by key; anything else, lists too, is replaced whole. A section that names
another plug-in than the one below replaces it whole, because its keys mean something else. Paths count from the file
that gives them.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from masr.config.nodes import compose, is_null, kind_of, place_error
from masr.errors import ConfigError, near
from masr.files import can_be_named, ordinary

BASE = "base"


def read(path: Path) -> str:
    """The text of a configuration file."""
    try:
        return ordinary(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        siblings = [p.name for p in path.parent.glob("*.y*ml")]
        raise ConfigError(f"{path}: no such file", fix=near(path.name, siblings)) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: is not UTF-8", fix="save the file as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def with_bases(root: yaml.Node | None, file: str, above: tuple[Path, ...] = ()) -> yaml.Node | None:
    """The tree laid over its bases, without the key that named them."""
    if not isinstance(root, yaml.MappingNode):
        return root
    given = [pair for pair in root.value if pair[0].value == BASE]
    rest = [pair for pair in root.value if pair[0].value != BASE]
    if not given:
        return root
    if len(given) > 1:
        raise place_error(given[1][0], BASE, "is given twice", "write one list: base: [a.yaml, b.yaml]")
    chain = (*above, Path(file).resolve())
    below: yaml.Node | None = None
    for node in _paths(given[0][1]):
        path = Path(file).parent / str(node.value)
        if path.resolve() in chain:
            names = " -> ".join(p.name for p in (*chain[chain.index(path.resolve()) :], path))
            raise place_error(node, BASE, f"goes round in a circle: {names}")
        try:
            base = with_bases(compose(read(path), str(path)), str(path), chain)
        except ConfigError as error:
            if error.what.startswith(f"{path}: "):  # the file itself, and no line of it
                raise place_error(node, BASE, error.what, error.fix) from None
            raise
        below = laid_over(below, base)
    return laid_over(below, yaml.MappingNode(root.tag, rest, root.start_mark, root.end_mark))


def laid_over(under: yaml.Node | None, over: yaml.Node | None) -> yaml.Node | None:
    """A new tree, `over` laid over `under`. Neither changes, so that an alias shows in a second place what it did."""
    if over is None or under is None:
        return under if over is None else over
    if not (isinstance(under, yaml.MappingNode) and isinstance(over, yaml.MappingNode)):
        return over
    old, new = ({_word(key): value for key, value in node.value} for node in (under, over))
    if "name" in old and "name" in new and old["name"].value != new["name"].value:
        return over
    kept = [(key, value) for key, value in under.value if _word(key) not in new]
    mine = [(key, laid_over(old.get(_word(key)), value)) for key, value in over.value]
    return yaml.MappingNode(over.tag, kept + mine, over.start_mark, over.end_mark)


def _word(key: yaml.Node) -> str:
    """A key as text. A key that is a list or a section is refused by whoever builds from the tree, with its place."""
    return str(key.value)


def _paths(node: yaml.Node) -> list[yaml.ScalarNode]:
    entries = node.value if isinstance(node, yaml.SequenceNode) else [node]
    for entry in entries:
        if not isinstance(entry, yaml.ScalarNode) or is_null(entry):
            raise place_error(entry, BASE, f"is {kind_of(entry)}, not the path of a file", "base: other.yaml")
        if not can_be_named(str(entry.value)):
            raise place_error(entry, BASE, f"is {str(entry.value)!r}, and no file can have such a name")
    return list(entries)
