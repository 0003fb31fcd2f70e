from __future__ import annotations

import json
from pathlib import Path

from masr.cli.main import main
from masr.io.datadir import write_datadir
from masr.io.layout import MARKER
from masr.io.origin import is_embedded


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


def test_what_was_cut_and_joined_out_of_others_is_asked_by_way_of_them(tmp_path: Path) -> None:
    built = tmp_path / "corpus"
    built.mkdir()
    (built / MARKER).write_text("{}")
    for name in ("a", "b"):
        write_datadir(prepared(tmp_path / name, built), {"utt2spk": {f"{name}-{n}": name for n in range(4)}})
    a, b, both, part, eighth = (str(tmp_path / name) for name in ("a", "b", "both", "part", "eighth"))
    assert main(["data", "combine", both, a, b]) == 0
    assert main(["data", "subset", both, part, "--first", "4"]) == 0
    assert main(["data", "split", part, "2", "--out", eighth]) == 0
    for folder in (both, part, f"{eighth}/1", f"{eighth}/2"):
        assert is_embedded([Path(folder)]) is True
    (built / MARKER).unlink()
    assert is_embedded([Path(f"{eighth}/2")]) is False


def test_directories_that_say_they_are_made_of_each_other_say_nothing(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "provenance.json").write_text(json.dumps({"made_of": [str(tmp_path / other), 3, None]}))
    assert is_embedded([tmp_path / "a"]) is None
