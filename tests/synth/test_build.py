from __future__ import annotations

import fcntl
import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from masr.config import option
from masr.errors import CorpusError, UsageError
from masr.io.layout import MARKER
from masr.synth.build import build_corpus, read_marker

TOY = '''
import os, signal
from dataclasses import dataclass
from pathlib import Path
from masr.errors import UsageError

@dataclass(frozen=True)
class Toy:
    """Three files and a list of them; `trouble` is what happens in job b."""
    word: str = "one"
    trouble: str = ""

    def jobs(self):
        return ["a", "b", "c/d"]

    def make(self, job, out):
        with Path(os.environ["TOY_CALLS"]).open("a") as calls:
            calls.write(job + "\\n")
        if job == "b" and self.trouble == "bug":
            raise ZeroDivisionError
        if job == "b" and self.trouble == "user":
            raise UsageError("what", why="why", fix="fix")
        if job == "b" and self.trouble == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        (out / job.replace("/", "_")).write_text(job + self.word)

    def finish(self, out):
        (out / "list").write_text("".join(sorted(p.name for p in out.iterdir() if p.name[0] != ".")))
'''


@dataclass(frozen=True)
class Config:
    word: str = option("one", "a word")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A corpus in a module that spawned processes can import too."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "toy_corpus.py").write_text(TOY)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("TOY_CALLS", str(tmp_path / "calls"))
    sys.modules.pop("toy_corpus", None)
    return importlib.import_module("toy_corpus")


def calls(tmp_path: Path) -> list[str]:
    path = tmp_path / "calls"
    return sorted(path.read_text().split()) if path.exists() else []


def make(toy: Any, out: Path, word: str = "one", trouble: str = "", num_jobs: int = 1) -> bool:
    return build_corpus("toy", toy.Toy(word, trouble), Config(word), out, num_jobs)


def contents(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def test_a_corpus_is_whole_and_marked(toy: Any, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "corpus"
    assert make(toy, out)
    assert (out / "list").read_text() == "abc_d"
    assert (out / "c_d").read_text() == "c/done"
    marker = read_marker(out)
    assert marker is not None
    assert (marker["corpus"], marker["config"]) == ("toy", {"word": "one"})
    assert sorted(contents(out)) == [MARKER, "a", "b", "c_d", "list"]
    assert [p.name for p in out.parent.iterdir()] == ["corpus"]


def test_processes_write_what_one_process_writes(toy: Any, tmp_path: Path) -> None:
    make(toy, tmp_path / "one", num_jobs=1)
    make(toy, tmp_path / "many", num_jobs=3)
    assert contents(tmp_path / "one") == contents(tmp_path / "many")


def test_a_finished_corpus_is_not_made_again(toy: Any, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    make(toy, out)
    (tmp_path / "calls").unlink()
    assert not make(toy, out)
    assert calls(tmp_path) == []


def test_another_config_is_never_served_the_old_corpus(toy: Any, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    make(toy, out)
    assert make(toy, out, word="two")
    assert (out / "a").read_text() == "atwo"
    assert [p.name for p in tmp_path.glob(".corpus*")] == []


def test_other_code_makes_it_anew(toy: Any, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    make(toy, out)
    source = Path(toy.__file__)
    source.write_text(source.read_text() + "# changed\n")
    assert make(toy, out)


@pytest.mark.parametrize("num_jobs", [1, 2])
def test_what_stopped_goes_on_where_it_was(toy: Any, tmp_path: Path, num_jobs: int) -> None:
    out = tmp_path / "corpus"
    with pytest.raises(ZeroDivisionError):
        make(toy, out, trouble="bug", num_jobs=num_jobs)
    assert not out.exists()
    before = calls(tmp_path)
    assert make(toy, out, num_jobs=num_jobs)
    after = calls(tmp_path)
    assert after.count("a") == before.count("a") == 1
    assert after.count("b") == 2
    assert (out / "list").read_text() == "abc_d"


def test_unfinished_builds_from_other_configs_are_dropped(toy: Any, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        make(toy, tmp_path / "corpus", trouble="bug")
    assert list(tmp_path.glob(".corpus.*.building"))
    make(toy, tmp_path / "corpus", word="two")
    assert not list(tmp_path.glob(".corpus.*"))


def test_the_old_corpus_stands_until_the_new_one_is_whole(toy: Any, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    make(toy, out)
    with pytest.raises(ZeroDivisionError):
        make(toy, out, word="two", trouble="bug")
    assert (out / "a").read_text() == "aone"
    assert not make(toy, out)


def test_a_folder_of_the_user_is_not_touched(toy: Any, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(CorpusError, match="not an embedded corpus"):
        make(toy, out)
    assert contents(out) == {"thesis.txt": b"mine"}
    (out / "thesis.txt").unlink()
    assert make(toy, out), "an empty folder is no obstacle"


def test_a_file_in_the_way_is_refused(toy: Any, tmp_path: Path) -> None:
    (tmp_path / "corpus").write_text("mine")
    with pytest.raises(CorpusError):
        make(toy, tmp_path / "corpus")


def test_two_builders_at_once_are_told(toy: Any, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    with pytest.raises(ZeroDivisionError):
        make(toy, out, trouble="bug")
    (work,) = tmp_path.glob(".corpus.*.building")
    with (work / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(CorpusError, match="another process"):
            make(toy, out)
    assert make(toy, out)


def test_an_error_keeps_its_parts_across_processes(toy: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        make(toy, tmp_path / "corpus", trouble="user", num_jobs=2)
    assert (caught.value.what, caught.value.why, caught.value.fix) == ("what", "why", "fix")


def test_a_killed_process_is_explained(toy: Any, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="was killed"):
        make(toy, tmp_path / "corpus", trouble="kill", num_jobs=2)
    assert not (tmp_path / "corpus").exists()


def test_a_broken_marker_is_no_marker(toy: Any, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    make(toy, out)
    (out / MARKER).write_text("{")
    assert read_marker(out) is None
