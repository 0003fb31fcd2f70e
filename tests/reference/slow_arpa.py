"""A back-off n-gram model, read from ARPA text and asked word by word, as the format defines it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class SlowArpa:
    def __init__(self, path: Path) -> None:
        self.log10: dict[tuple[str, ...], float] = {}
        self.backoff: dict[tuple[str, ...], float] = {}
        order = 0
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.endswith("-grams:"):
                order = int(line[1:].split("-")[0])
            elif line.startswith("\\"):
                order = 0
            elif order and line.strip():
                fields = line.split("\t")
                words = tuple(fields[1].split(" "))
                assert len(words) == order
                self.log10[words] = float(fields[0])
                self.backoff[words] = float(fields[2]) if len(fields) > 2 else 0.0
        self.order = max(map(len, self.log10))

    def score(self, history: tuple[str, ...], word: str) -> float:
        """log10 p(word | history), by backing off to shorter histories."""
        history = history[-(self.order - 1) :] if self.order > 1 else ()
        if (*history, word) in self.log10:
            return self.log10[*history, word]
        if not history:
            return self.log10[("<unk>",)]
        return self.backoff.get(history, 0.0) + self.score(history[1:], word)

    def sentence(self, words: Sequence[str]) -> float:
        """log10 p of a whole sentence, its end included."""
        history: tuple[str, ...] = ("<s>",)
        total = 0.0
        for word in (*words, "</s>"):
            known = word if (word,) in self.log10 else "<unk>"
            total += self.score(history, known)
            history = (*history, known)
        return total
