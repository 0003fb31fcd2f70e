from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import masr
from masr.config import loads
from masr.io import provenance
from masr.io.provenance import git_commit, loaded_commit, write_provenance
from masr.plugins import RunConfig, resolve


def test_the_record_stands_beside_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/x/bin/masr", "features", "data/a b", "--set", "features.num_bins=40"])
    config = loads(RunConfig, "features: {num_bins: 40}", resolve=resolve)
    write_provenance(tmp_path, config, num_utts=3, label="é")
    record = json.loads((tmp_path / "provenance.json").read_text(encoding="utf-8"))
    assert record["command"] == "masr features 'data/a b' --set features.num_bins=40"
    assert record["commit"] == loaded_commit()
    assert record["masr"] == masr.__version__
    assert (record["num_utts"], record["label"]) == (3, "é")
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    assert loads(RunConfig, text, resolve=resolve) == config, "the resolved file runs the same again"


@pytest.mark.parametrize(
    ("program", "shown"),
    [("/x/masr", "masr"), ("/x/masr/cli/main.py", "masr"), ("own/script.py", "own/script.py")],
)
def test_a_script_of_the_users_own_keeps_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, shown: str
) -> None:
    monkeypatch.setattr("sys.argv", [program, "x"])
    write_provenance(tmp_path)
    assert json.loads((tmp_path / "provenance.json").read_text())["command"] == f"{shown} x"
    assert not (tmp_path / "config.yaml").exists()


def test_git_is_asked_once_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_provenance(tmp_path)
    monkeypatch.setattr(provenance, "git_commit", lambda: "that of code that is not run here")
    write_provenance(tmp_path)
    assert json.loads((tmp_path / "provenance.json").read_text())["commit"] == loaded_commit()
    assert loaded_commit() != "that of code that is not run here"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_commit_tells_a_changed_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "masr" / "__init__.py"
    package.parent.mkdir()
    package.write_text("one")
    results = tmp_path / "egs" / "x" / "RESULTS.md"
    results.parent.mkdir(parents=True)
    results.write_text("figures")
    monkeypatch.setattr(provenance.masr, "__file__", str(package))
    assert git_commit() == "unknown", "not a checkout"

    def git(*arguments: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        done = subprocess.run(["git", "-C", tmp_path, *who, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q")
    assert git_commit() == "unknown", "no commit yet"
    git("add", ".")
    git("commit", "-q", "-m", "one")
    git("tag", "v1")
    head = git("rev-parse", "HEAD")
    assert git_commit() == head
    results.write_text("other figures")
    assert git_commit() == head
    package.write_text("two")
    assert git_commit() == f"{head}-dirty"


def test_commit_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert git_commit() == "unknown"
