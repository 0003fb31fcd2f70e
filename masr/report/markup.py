"""HTML and SVG built so that no text of a user can become markup: what is not `Markup` is escaped."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable

_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
"""Characters that HTML has no place for, or that would turn the direction of the text around them."""

_VOID = frozenset({"meta", "br", "hr", "input"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


Child = str | Markup | None | Iterable["Child"]
Value = str | float | bool | None


def escape(text: str) -> Markup:
    """`text` as a reader will see it, whatever is in it."""
    return text if isinstance(text, Markup) else Markup(html.escape(_UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)))


def join(*children: Child) -> Markup:
    """Several pieces, one after another."""
    return Markup("".join(_pieces(children)))


def tag(name: str, /, *children: Child, **attributes: Value) -> Markup:
    """One element. `class_` is class and `data_x` is data-x; None and False leave an attribute out."""
    head = name + "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{head}>")
    return Markup(f"<{head}>{join(*children)}</{name}>")


def coordinate(value: float) -> str:
    """A place in a drawing: two decimals are finer than any screen."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def width_of(text: str, size: float) -> float:
    """About how wide `text` is set in a font of `size`; too wide rather than too narrow."""
    return size * sum(_letter_width(letter) for letter in text)


def shorten(text: str, most: int) -> str:
    """The text on one line, or its beginning and its end with an ellipsis between."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return text[: most - 1 - tail] + "\N{HORIZONTAL ELLIPSIS}" + text[len(text) - tail :]


def _pieces(children: Iterable[Child]) -> Iterable[str]:
    for child in children:
        if child is None:
            continue
        if isinstance(child, str):
            yield escape(child)
        else:
            yield from _pieces(child)


def _attribute(key: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    if isinstance(value, int | float):
        return f' {name}="{coordinate(value)}"'
    return f' {name}="{escape(value)}"'


def _letter_width(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    if letter in "iljtfrI.,:;'|!()[] ":
        return 0.36
    return 0.86 if letter in "mwMW@%" else 0.6
