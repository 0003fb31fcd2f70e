from __future__ import annotations

import json
from pathlib import Path

from masr.io.layout import MARKER
from masr.io.origin import is_embedded, with_siblings


def prepared(folder: Path, corpus: Path | None) -> Path:
    folder.mkdir(parents=True)
    record = {} if corpus is None else {"source": str(corpus)}
    (folder / "provenance.json").write_text(json.dumps(record))
    return folder


def test_the_data_say_whether_their_corpus_was_built_here(tmp_path: Path) -> None:
    real, built = tmp_path / "real", tmp_path / "built"
    real.mkdir()
    built.mkdir()
    (built / MARKER).write_text("{}")
    of_real, of_built = prepared(tmp_path / "a", real), prepared(tmp_path / "b", built)
    of_gone, silent = prepared(tmp_path / "c", tmp_path / "gone"), prepared(tmp_path / "d", None)
    assert is_embedded([of_real]) is False
    assert is_embedded([of_real, of_built]) is True
    assert is_embedded([of_gone, silent, tmp_path / "nothing"]) is None
    for strange in ("a\0b", "x" * 10_000):
        (silent / "provenance.json").write_text(json.dumps({"source": strange}))
        assert is_embedded([silent]) is None
    (of_built / "provenance.json").write_text("[1")
    assert is_embedded([of_built]) is None


def test_a_part_of_a_directory_is_asked_with_its_siblings(tmp_path: Path) -> None:
    built = tmp_path / "corpus"
    built.mkdir()
    (built / MARKER).write_text("{}")
    prepared(tmp_path / "data" / "train", built)
    part = tmp_path / "data" / "part"
    part.mkdir()
    assert is_embedded([part]) is None
    assert is_embedded(with_siblings(part)) is True
