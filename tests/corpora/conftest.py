from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from masr.config import loads
from masr.plugins import open_plugin
from masr.types import Corpus, Problem, Utterance


@pytest.fixture(scope="session")
def layouts() -> ModuleType:
    """Builders of tiny corpora in the real layouts, written without the package."""
    path = Path(__file__).parent.parent / "reference" / "corpus_layouts.py"
    spec = importlib.util.spec_from_file_location("corpus_layouts", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
