"""What is said of files and utterances whose language was asked for: a line for each, JSON, or a file of scores."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.inference.identified import identification, refusal
from masr.io.progress import show

if TYPE_CHECKING:
    from masr.inference.identify import Identified
    from masr.types import FloatArray


class Report:
    """Results in the order of the names, each shown as soon as all before it are known."""

    def __init__(
        self, names: Sequence[str], languages: Sequence[str], top: int, jsonl: bool = False, scores: Path | None = None
    ) -> None:
        """With `scores`, results are kept for that file and not shown."""
        self.names, self.languages, self.top, self.jsonl, self.scores = names, languages, top, jsonl, scores
        self.waiting: dict[int, Identified | str] = {}
        self.next = 0
        self.num_failed = 0
        self.kept: list[tuple[str, FloatArray]] = []

    def add(self, found: Identified) -> None:
        """A result."""
        error = refusal(found)
        self._put(found.item, error.what if error else found)

    def complain(self, item: int, reason: str) -> None:
        """Says why a file has no result."""
        self._put(item, reason)

    def close(self) -> None:
        """Writes the scores where they were asked for."""
        if self.scores is not None and self.kept:
            import numpy as np

            from masr.io.language_scores import write_language_scores

            values = np.stack([row for _, row in self.kept])
            write_language_scores(self.scores, [name for name, _ in self.kept], self.languages, values)
            print(f"{self.scores}: {len(self.kept)} rows, {len(self.languages)} languages")

    def _put(self, item: int, found: Identified | str) -> None:
        self.waiting[item] = found
        while self.next in self.waiting:
            self._take(self.names[self.next], self.waiting.pop(self.next))
            self.next += 1

    def _take(self, name: str, found: Identified | str) -> None:
        if isinstance(found, str):
            self.num_failed += 1
        elif self.scores is not None:
            self.kept.append((name, found.log_probabilities))
            return
        if self.jsonl and self.scores is None:
            show(json.dumps(self.as_json(name, found), ensure_ascii=False))
        else:
            show(self.render(name, found), sys.stderr if isinstance(found, str) else None)

    def render(self, name: str, found: Identified | str) -> str:
        """A line: the likeliest languages, or why there are none."""
        if isinstance(found, str):
            return f"masr: {name}: {found}"
        likely = identification(found, self.languages, self.top).languages
        words = [f"{one.name} ({one.code}) {100 * one.probability:.1f} %" for one in likely]
        return "\t".join([name, *words])

    def as_json(self, name: str, found: Identified | str) -> dict[str, Any]:
        """The same as plain values."""
        if isinstance(found, str):
            return {"file": name, "error": found}
        likely = identification(found, self.languages, self.top).languages
        entries = [{"code": one.code, "name": one.name, "probability": round(one.probability, 6)} for one in likely]
        return {"file": name, "languages": entries, "windows": found.num_windows}
