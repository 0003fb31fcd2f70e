"""Transcripts and phone labels as Debian's packages of speech hold them, each in a format of its own."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from masr.corpora.archive import Member
from masr.types import Problem, Span

_FESTVOX = re.compile(r'^\( *(?P<name>\S+) +"(?P<text>.*)" *\) *$')
_SPHINX = re.compile(r"^<s> *(?P<text>.*?) *</s> *\((?P<name>[^()\s]+)\) *$")
_DIALOG = re.compile(r'dialogId\("(?P<id>[^"]+)".*?dialogStr\("(?P<text>(?:[^"\\]|\\.)*)"\)', re.DOTALL)


@dataclass
class Texts:
    """What the files beside the recordings say, by language and sentence as `Said` names them."""

    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    phones: dict[str, tuple[Span, ...]] = field(default_factory=dict)

    def add(self, source: str, member: Member) -> Problem | None:
        """Takes in one file of the source's; a Problem where it is not what it should be."""
        try:
            content = member.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            return Problem(member.name, f"not UTF-8: {error.reason}")
        path = PurePosixPath(member.name)
        if source == "tuxpaint":
            stem = member.name.partition("tuxpaint/stamps/")[2].removesuffix(".txt")
            self._add(f"tuxpaint:{stem}", _tuxpaint(content))
        elif source == "fillets":
            level = member.name.partition("script/")[2].rpartition("/")[0]
            code = path.stem.rpartition("_")[2]
            for match in _DIALOG.finditer(content):
                self.texts[code, f"fillets:{level}/{match['id']}"] = _unescaped(match["text"])
        elif path.suffix == ".lab":
            return self._labels(member.name, path.stem, content)
        else:
            pattern = _SPHINX if source == "pocketsphinx" else _FESTVOX
            for line in content.splitlines():
                found = pattern.match(line.strip())
                if found:
                    prefix = "pocketsphinx" if source == "pocketsphinx" else "festvox"
                    self.texts["", f"{prefix}:{found['name']}"] = found["text"].replace("+", "")
        return None

    def text(self, code: str, sentence: str) -> str | None:
        """The words of a sentence in the language that its files call `code`."""
        for key in (code, code.partition("_")[0], ""):
            if (key, sentence) in self.texts:
                return self.texts[key, sentence]
        return None

    def _add(self, sentence: str, texts: Mapping[str, str]) -> None:
        self.texts.update({(code, sentence): text for code, text in texts.items()})

    def _labels(self, name: str, stem: str, content: str) -> Problem | None:
        spans, start_sec = [], 0.0
        for number, line in enumerate(content.partition("#")[2].splitlines(), 1):
            cells = line.split()
            if not cells:
                continue
            end_sec = _number(cells[0])
            if len(cells) != 3 or not math.isfinite(end_sec) or end_sec < start_sec:
                return Problem(f"{name}:{number}", "bad alignment: lines are `END NUMBER PHONE`, in their order")
            spans.append(Span(cells[2], start_sec, end_sec))
            start_sec = end_sec
        self.phones[f"festvox:{stem}"] = tuple(spans)
        return None


def _tuxpaint(content: str) -> dict[str, str]:
    """Language code -> text; the first line is English."""
    first, *others = content.splitlines() or [""]
    texts = {"en": first.strip()}
    for line in others:
        code, found, text = line.partition(".utf8=")
        if found and text.strip():
            texts[code.strip()] = text.strip()
    return {code: text for code, text in texts.items() if text}


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: " " if match[1] == "n" else match[1], text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
