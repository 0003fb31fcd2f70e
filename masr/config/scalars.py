"""The scalars of YAML 1.2: `no` is a word, 1e-4 is a number, 012 is twelve."""

from __future__ import annotations

import re

import yaml

_TAG = "tag:yaml.org,2002:"
_NULL = re.compile(r"^(?:~|null|Null|NULL|)\Z")
_BOOL = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)\Z")
_INT = re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_NUMBER = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_FLOAT = re.compile(rf"^(?:{_NUMBER}|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_./-]*\Z")
_WORDS = re.compile(r"^(?:true|false|null|yes|no|on|off|y|n)\Z", re.IGNORECASE)


class ScalarLoader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalar rules of YAML 1.2's core schema in place of YAML 1.1's."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's name)


def scalar_value(node: yaml.ScalarNode) -> bool | int | float | str | None:
    """The Python value of a scalar; ValueError where an explicit tag (`!!int x`) or its size does not fit."""
    text = str(node.value)
    kind = node.tag.removeprefix(_TAG)
    if kind in _PATTERNS and not _PATTERNS[kind].match(text):
        raise ValueError(f"{text!r} is tagged !!{kind}")
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        return _whole(text)
    if kind == "float":
        value = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        if value in (float("inf"), float("-inf")) and "inf" not in text.lower():
            raise ValueError("it is beyond the largest number; infinity is written .inf")
        return value
    return text


def _whole(text: str) -> int:
    if len(text) > 1000:
        raise ValueError("it has more than 1000 digits")
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


_PATTERNS = {"null": _NULL, "bool": _BOOL, "int": _INT, "float": _FLOAT}
_FIRST = {"null": ["~", "n", "N", ""], "bool": [*"tTfF"], "int": [*"-+0123456789"], "float": [*"-+0123456789."]}
for _kind, _pattern in _PATTERNS.items():
    ScalarLoader.add_implicit_resolver(_TAG + _kind, _pattern, _FIRST[_kind])


def quote(value: bool | int | float | str | None) -> str:
    """A scalar as YAML text that reads back as the same value, under 1.1's rules and 1.2's alike."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if _PLAIN.match(value) and not _WORDS.match(value):
        return value
    return '"' + "".join(_escape(c) for c in value) + '"'


def _float(value: float) -> str:
    if value != value:
        return ".nan"
    if value in (float("inf"), float("-inf")):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}{e}{exponent}"


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    if 0x20 <= code < 0x7F or 0xA0 < code < 0x2000 or 0x3040 <= code < 0xD800:
        return character
    return f"\\U{code:08X}"
