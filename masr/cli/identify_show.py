"""What `masr identify` prints and writes: a line for each file, JSON, or a file of scores."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from masr.corpora.languages import english_name

if TYPE_CHECKING:
    from masr.inference.identify import Identified
    from masr.types import FloatArray

TOO_SHORT = "too short: it gives no encoded frame"


class Shown:
    """Results in the order of the names, each as soon as all before it are known."""

    def __init__(
        self, names: Sequence[str], languages: Sequence[str], top: int, as_json: bool, out: Path | None
    ) -> None:
        self.names, self.languages, self.top, self.as_json, self.out = names, languages, top, as_json, out
        self.waiting: dict[int, Identified | str] = {}
        self.next = 0
        self.num_failed = 0
        self.kept: list[tuple[str, FloatArray]] = []

    def add(self, found: Identified) -> None:
        """A result."""
        self._put(found.item, found if found.num_encoded else TOO_SHORT)

    def complain(self, item: int, reason: str) -> None:
        """In stead of a result."""
        self._put(item, reason)

    def close(self) -> int:
        """Writes the scores where they were asked for; the exit code."""
        if self.out is not None and self.kept:
            import numpy as np

            from masr.io.language_scores import write_language_scores

            values = np.stack([row for _, row in self.kept])
            write_language_scores(self.out, [name for name, _ in self.kept], self.languages, values)
            print(f"{self.out}: {len(self.kept)} rows, {len(self.languages)} languages")
        return 2 if self.num_failed else 0

    def _put(self, item: int, found: Identified | str) -> None:
        self.waiting[item] = found
        while self.next in self.waiting:
            self._say(self.names[self.next], self.waiting.pop(self.next))
            self.next += 1

    def _say(self, name: str, found: Identified | str) -> None:
        if isinstance(found, str):
            self.num_failed += 1
            if self.as_json and self.out is None:
                print(json.dumps({"file": name, "error": found}, ensure_ascii=False), flush=True)
            else:
                print(f"masr: {name}: {found}", file=sys.stderr, flush=True)
            return
        if self.out is not None:
            self.kept.append((name, found.log_probabilities))
            return
        order = (-found.log_probabilities).argsort(kind="stable")[: self.top].tolist()
        likely = [(self.languages[n], math.exp(float(found.log_probabilities[n]))) for n in order]
        if self.as_json:
            entries = [{"code": code, "name": english_name(code), "probability": round(p, 6)} for code, p in likely]
            record = {"file": name, "languages": entries, "windows": found.num_windows}
            print(json.dumps(record, ensure_ascii=False), flush=True)
            return
        words = [f"{english_name(code)} ({code}) {100 * p:.1f} %" for code, p in likely]
        print("\t".join([name, *words]), flush=True)
