"""YAML text as a tree of nodes that know their file and line, with `key.key=value` overrides laid on top."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import cast

import yaml

from masr.config.scalars import ScalarLoader
from masr.errors import ConfigError

_MAP, _STR, _NULL = (f"tag:yaml.org,2002:{kind}" for kind in ("map", "str", "null"))
_OVERRIDE = "override "
_BROKEN_TEXT = (ValueError, OverflowError, IndexError, TypeError)
"""Errors of Python that PyYAML lets out on broken escapes and directives, such as a character past Unicode's last."""

_GROUPED = re.compile(r"[-+]?[0-9]+(_[0-9]+)+$")


@lru_cache(maxsize=256)
def compose(text: str, file: str) -> yaml.Node | None:
    """The text's one document, None where it is empty; `file` is the name that errors give.

    Tables read the same few bases over and over, so trees are kept, and nobody changes one.
    """
    try:
        loader = ScalarLoader(text)
        loader.name = file
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{file}{line}: not YAML: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = str(text.count("\n", 0, error.position) + 1)
        raise ConfigError(f"{file}:{line}: not YAML: character U+{ord(text[error.position]):04X}") from None
    except RecursionError:
        raise ConfigError(f"{file}: not YAML that masr can read: nested too deeply") from None
    except (yaml.YAMLError, *_BROKEN_TEXT) as error:
        raise ConfigError(f"{file}: not YAML: {error}") from None


def override(root: yaml.Node | None, text: str) -> yaml.Node:
    """A new tree with the value of `a.b=value` in it; its place in errors is the override itself."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"override {text!r} is not key=value", fix="write it as section.key=value")
    file = f"{_OVERRIDE}{text!r}"
    node = compose(value, file) or yaml.ScalarNode(_NULL, "", mark(file), mark(file))
    if root is None or is_null(root):
        root = _section(file)
    if not isinstance(root, yaml.MappingNode):
        raise place_error(root, "the file", f"is {kind_of(root)}, not a section of 'key: value' lines")
    root = yaml.MappingNode(root.tag, list(root.value), root.start_mark, root.end_mark)
    parent: yaml.MappingNode | yaml.SequenceNode = root
    *folders, last = key.strip().split(".")
    for depth, folder in enumerate(folders):
        parent = _child(parent, folder, file, ".".join(folders[: depth + 1]))
    _put(parent, last, node, file, key.strip())
    return root


def mark(file: str) -> yaml.Mark:
    """A place with no line of its own: an override, a default."""
    return yaml.Mark(file, 0, -1, 0, None, 0)


def is_null(node: yaml.Node) -> bool:
    """Whether the node is null, written or left empty."""
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL


def kind_of(node: yaml.Node) -> str:
    """What kind of thing a node is, as an error's sentence calls it."""
    if isinstance(node, yaml.MappingNode):
        return "a section"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if is_null(node):
        return "empty"
    text = str(node.value)
    return repr(text if len(text) <= 60 else text[:60] + "...")


def hint_for(node: yaml.Node, hint: type) -> str:
    """How a value that is not of this type is most often meant; "" where nothing comes to mind."""
    text = str(node.value)
    if hint is bool and text.lower() in ("yes", "on", "no", "off", "y", "n"):
        return f"{text} is a word in YAML 1.2 (the language code of Norwegian, say): write true or false"
    if hint in (str, Path) and isinstance(node, yaml.ScalarNode):
        return f'put it in quotes: "{text}"'
    if hint in (int, float) and _GROUPED.match(text):
        return f"write it without the underscores: {text.replace('_', '')}"
    if hint is int and node.tag.endswith(":float"):
        return "write it without a point or an exponent"
    return ""


def place_error(node: yaml.Node, key: str, problem: str, fix: str = "") -> ConfigError:
    """An error that names the file, the line and the key of a node."""
    start = node.start_mark
    line = "" if start.line < 0 or start.name.startswith(_OVERRIDE) else f":{start.line + 1}"
    return ConfigError(f"{start.name}{line}: {key}: {problem}", fix=fix)


def _section(file: str) -> yaml.MappingNode:
    return yaml.MappingNode(_MAP, [], mark(file), mark(file))


def _child(parent: yaml.Node, key: str, file: str, dotted: str) -> yaml.MappingNode | yaml.SequenceNode:
    """The section or list under `key`, made where there is none.

    It is a copy: the tree below, and a node that an alias (`*name`) shows in a second place, must not change too.
    """
    old = _find(parent, key, file, dotted)
    if old is None or is_null(old):
        child: yaml.MappingNode | yaml.SequenceNode = _section(file)
    elif isinstance(old, yaml.MappingNode | yaml.SequenceNode):
        child = type(old)(old.tag, list(old.value), old.start_mark, old.end_mark)
    else:
        raise place_error(old, dotted, f"is {kind_of(old)}, not a section, so {file} has no place in it")
    _put(parent, key, child, file, dotted)
    return child


def _find(parent: yaml.Node, key: str, file: str, dotted: str) -> yaml.Node | None:
    if isinstance(parent, yaml.SequenceNode):
        return cast(yaml.Node, parent.value[_position(parent, key, file, dotted)])
    return next((value for name, value in parent.value if name.value == key), None)


def _put(parent: yaml.Node, key: str, node: yaml.Node, file: str, dotted: str) -> None:
    if isinstance(parent, yaml.SequenceNode):
        parent.value[_position(parent, key, file, dotted)] = node
        return
    name = yaml.ScalarNode(_STR, key, mark(file), mark(file))
    parent.value = [pair for pair in parent.value if pair[0].value != key] + [(name, node)]


def _position(parent: yaml.SequenceNode, key: str, file: str, dotted: str) -> int:
    if key.isdecimal() and int(key) < len(parent.value):
        return int(key)
    raise ConfigError(f"{file}: {dotted}: the list has {len(parent.value)} entries, counted from 0")
