from __future__ import annotations

from pathlib import Path

import pytest

from masr.config import loads
from masr.plugins import open_plugin
from masr.types import Corpus, Problem, Utterance


@pytest.fixture(scope="session")
def open_corpus():
    """Name and overrides -> corpus."""

    def opened(name: str, *overrides: str) -> Corpus:
        module = open_plugin("corpora", name)
        return module.build(loads(module.Config, "", name, overrides))

    return opened


@pytest.fixture(scope="session")
def read_all():
    """Everything a corpus says of a folder: utterances by id, and problems."""

    def read(corpus: Corpus, source: Path) -> tuple[dict[str, Utterance], list[Problem]]:
        items = [item for part in corpus.parts(source) for item in corpus.read(part)]
        utterances = [item for item in items if isinstance(item, Utterance)]
        return {u.utt: u for u in utterances}, [item for item in items if isinstance(item, Problem)]

    return read
