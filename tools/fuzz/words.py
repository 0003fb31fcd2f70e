"""Text, changed by lines and words, with what has broken readers of text before."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

from fuzz.octets import changed_octets

_WORD = re.compile(rb"[^\s,;:=\[\]{}\"'<>/|()]+")
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
NASTY: tuple[str, ...] = (
    *(
        "0",
        "-0",
        "1",
        "-1",
        "2",
        "0.5",
        "1e-400",
        "1e308",
        "1e400",
        "-1e400",
        "1e5",
        "1_000",
        "0x10",
        "010",
        "+1",
        ".5",
    ),
    *("nan", "NaN", "-nan", ".nan", "inf", "-inf", ".inf", "Infinity", "-Infinity", "null", "~", "None", "true", "no"),
    *("2147483648", "9223372036854775807", "9223372036854775808", "18446744073709551616", "-9223372036854775809"),
    *("9" * 19, "9" * 400, "9" * 5000, "1" + "0" * 309, "0." + "0" * 400 + "1", "1e999999999", "9" * 30 + ".5"),
    *(
        "",
        " ",
        "\t",
        "\r",
        "\r\n",
        "\n\n",
        "\0",
        "\x0b",
        "\x1c",
        "\x1b[31m",
        "\x7f",
        "\x85",
        "\xa0",
        "\u2028",
        "\ufeff",
    ),
    *(
        "\u0661\u0662",
        "\uff11",
        "\u00b2",
        "\u00bd",
        "\u0130",
        "\u1e9e",
        "\u200b",
        "\u202e",
        "e\u0301\u0302",
        "\U0001f600",
    ),
    *(
        "..",
        "../..",
        "../../x",
        "/",
        "/etc/passwd",
        "/dev/zero",
        "/dev/stdin",
        "./",
        "~/x",
        "a/b",
        "\\",
        "C:\\x",
        "-",
        "--",
    ),
    *(
        "'",
        '"',
        '"""',
        "`",
        "$(id)",
        "${x}",
        "%s",
        "%n",
        "{}",
        "{0.__class__}",
        "<script>",
        "&lt;",
        "&x;",
        "|",
        "cat x |",
    ),
    *(
        "[",
        "]",
        "{",
        "}",
        "(",
        "[" * 2000,
        "{" * 2000,
        '{"a":' * 2000,
        "[[[[",
        "- " * 500,
        "<a>" * 2000,
        "&a [*a]",
        "*a",
    ),
    *(
        "a" * 300,
        "a" * 70000,
        "b " * 5000,
        "a\tb",
        "a,b",
        ",,,,",
        ";;",
        "::",
        "==",
        "!!python/object:os.system",
        "!!int",
    ),
    *(
        "<<: *a",
        "? a",
        "#",
        "# x",
        "---",
        "...",
        "__class__",
        "__init__",
        "\\ud800",
        "\\u0000",
        "\\x00",
        "\\",
        "\\data\\",
    ),
)


def changed_text(data: bytes, donor: bytes, words: Sequence[str], random: Random) -> bytes:
    """The text with one change."""
    change = random.choice(_CHANGES)
    return change(data, donor, words, random)


def _nasty(words: Sequence[str], random: Random) -> bytes:
    chosen = random.choice(words) if words and random.random() < 0.4 else random.choice(NASTY)
    return chosen.encode("utf-8", "surrogatepass")


def _found(pattern: re.Pattern[bytes], data: bytes, random: Random) -> tuple[int, int]:
    """Where some match lies: the first behind a random place."""
    match = pattern.search(data, random.randrange(len(data) + 1)) or pattern.search(data)
    return match.span() if match else (0, 0)


def _word(data: bytes, _: bytes, words: Sequence[str], random: Random) -> bytes:
    first, last = _found(_WORD, data, random)
    return data[:first] + _nasty(words, random) + data[last:]


def _number(data: bytes, _: bytes, words: Sequence[str], random: Random) -> bytes:
    first, last = _found(_NUMBER, data, random)
    return data[:first] + _nasty(words, random) + data[last:]


def _insert(data: bytes, _: bytes, words: Sequence[str], random: Random) -> bytes:
    place = random.randrange(len(data) + 1)
    return data[:place] + _nasty(words, random) + data[place:]


def _other_word(data: bytes, _: bytes, __: Sequence[str], random: Random) -> bytes:
    """A word takes another's place."""
    first, last = _found(_WORD, data, random)
    start, end = _found(_WORD, data, random)
    return data[:first] + data[start:end] + data[last:]


def _lines(data: bytes, donor: bytes, words: Sequence[str], random: Random) -> bytes:
    """A line lost, doubled, moved, borrowed or made of something else."""
    lines = data.split(b"\n")
    place = random.randrange(len(lines))
    kind = random.randrange(6)
    if kind == 0:
        del lines[place]
    elif kind == 1:
        lines.insert(place, lines[random.randrange(len(lines))])
    elif kind == 2:
        other = random.randrange(len(lines))
        lines[place], lines[other] = lines[other], lines[place]
    elif kind == 3:
        lines[place] = random.choice((donor or data).split(b"\n"))
    elif kind == 4:
        lines[place:place] = [lines[place]] * random.choice((2, 10, 300))
    else:
        lines[place] = _nasty(words, random)
    return b"\n".join(lines)


def _encoding(data: bytes, _: bytes, __: Sequence[str], random: Random) -> bytes:
    """The same text as other programs would have written it."""
    text = data.decode("utf-8", "replace")
    kind = random.randrange(6)
    if kind == 0:
        return text.encode("utf-16")
    if kind == 1:
        return b"\xef\xbb\xbf" + data
    if kind == 2:
        return data.replace(b"\n", b"\r\n")
    if kind == 3:
        return text.encode("latin-1", "replace")
    if kind == 4:
        return data.replace(b" ", b"\t") if random.random() < 0.5 else data.replace(b"\t", b" ")
    return data.rstrip(b"\n")


def _space(data: bytes, _: bytes, __: Sequence[str], random: Random) -> bytes:
    place = random.randrange(len(data) + 1)
    return data[:place] + random.choice((b" ", b"\t", b"\n", b"\r", b"  ", b",", b":", b"\n  ")) + data[place:]


def _octets(data: bytes, donor: bytes, _: Sequence[str], random: Random) -> bytes:
    return changed_octets(data, donor, random)


_CHANGES: Sequence[Callable[[bytes, bytes, Sequence[str], Random], bytes]] = (
    _word,
    _word,
    _number,
    _number,
    _insert,
    _other_word,
    _lines,
    _lines,
    _encoding,
    _space,
    _octets,
)
