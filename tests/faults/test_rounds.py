"""A torture that cannot find anything would be worth nothing: masr is made worse on purpose, and it has to say so."""

from __future__ import annotations

import errno
import io
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO

import pytest
from torture import folders, rounds
from torture.process import Process, call, kill_self, take_no_more
from torture.victims import Victim

from masr.cli import words as words_verb
from masr.io import atomic
from masr.io.datadir import write_datadir
from masr.units import words as words_room


@pytest.fixture
def victim(tmp_path: Path) -> Victim:
    """`masr words`: two files, both of other content where the data are others."""
    for data, count in (("data", 300), ("other", 290)):
        tables: dict[str, dict[str, str]] = {name: {} for name in ("utt2spk", "text")}
        for number in range(count):
            tables["utt2spk"][f"u{number:03d}"] = f"u{number:03d}"
            tables["text"][f"u{number:03d}"] = f"one two {number} three and four or {number % 7}"
        write_datadir(tmp_path / data, tables)
    out = tmp_path / "out"
    calls = [("words", str(tmp_path / data), str(out)) for data in ("data", "other")]
    return Victim("words", out, calls[0], calls[1])


def struck(name: str, victim: Victim, count: int = 12) -> list[str]:
    """All that was lost."""
    alone = rounds.leave_alone(victim)
    return [what for n in range(count) for what in rounds.TORTURES[name](alone, random.Random(n))]


@pytest.mark.parametrize("name", ["kill", "full disk", "read-only"])
def test_as_it_is_nothing_is_lost(name: str, victim: Victim) -> None:
    assert struck(name, victim, 6) == []


@contextmanager
def written_at_once(path: Path, mode: str = "w") -> Iterator[IO[str]]:
    """As one writes who has never lost anything, with a moment in the middle of it at which a torture can strike."""
    text = io.StringIO()
    yield text
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open(mode, encoding="utf-8") as stream:
        stream.write(text.getvalue()[:100])
        stream.flush()
        moment = path.with_name("moment")
        moment.touch()
        moment.unlink()
        stream.write(text.getvalue()[100:])


def test_a_file_that_is_not_written_apart_is_found_half(victim: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_room, "atomic_open", written_at_once)
    assert any("is half written" in what for what in struck("full disk", victim))
    assert any("is half written" in what for what in struck("kill", victim))


def test_what_killed_processes_leave_is_found(victim: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "remove_left_behind", lambda folder: None)
    assert any("was left behind" in what for what in struck("kill", victim))


def test_two_runs_that_mix_are_found(victim: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_room, "writing", lambda *_: nullcontext())
    monkeypatch.setattr(rounds, "_STAND_STILL_SEC", 1.0)
    assert any("a part of each" in what for what in struck("two at once", victim, 10))
    monkeypatch.undo()
    monkeypatch.setattr(rounds, "_STAND_STILL_SEC", 1.0)
    assert struck("two at once", victim, 5) == []


def test_a_traceback_is_no_error_by_name(victim: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(__import__("masr.cli.main").cli.main.MACHINE_FAULTS, errno.EFBIG)
    assert any("not an error by name" in what for what in struck("full disk", victim, 3))


def test_a_process_is_struck_at_the_touch_that_was_asked_for(victim: Victim) -> None:
    whole = call(victim.words, victim.out)
    assert whole.code == 0
    assert "words of 300 transcripts" in whole.said
    assert whole.touches > 5
    ended = call(victim.words, victim.out, 3, kill_self)
    assert (ended.code, ended.touches) == (-signal.SIGKILL, 3)
    full = call(victim.words, victim.out, 0, take_no_more)
    assert full.code == 2
    assert "File too large" in full.said


def test_a_process_that_never_ends_is_killed(victim: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_verb, "run", lambda args: signal.pause())
    monkeypatch.setattr("torture.process.TIMEOUT_SEC", 0.5)
    process = Process(victim.words, victim.out)
    assert not process.wait(0.5)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.end().code == -signal.SIGKILL


def test_contents_are_compared_but_for_times(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name, text in (
        ("a", "1"),
        ("provenance.json", "{}"),
        ("metrics.jsonl", '{"step": 1, "audio_hours_per_hour": 3}\n{"st'),
        (".lock", "x"),
    ):
        (run / name).write_text(text)
    wanted = folders.content(run)
    assert sorted(wanted) == ["a", "metrics.jsonl"]
    (run / "metrics.jsonl").write_text('{"step": 1, "audio_hours_per_hour": 4}\n')
    (run / "provenance.json").write_text("[]")
    assert folders.differences(run, wanted) == []
    (run / "a").write_text("2")
    (run / "b").write_text("2")
    assert folders.differences(run, wanted) == ["b should not be there", "a differs"]
    assert folders.halves(run, wanted, {}) == ["a is half written"]
    assert folders.halves(run, wanted, folders.content(run)) == []
    (run / "checkpoints" / "step_000000003").mkdir(parents=True)
    assert folders.newest(run) == 0
    assert folders.halves(run, folders.content(run), {}) == ["step_000000003 is not whole"]
    (run / ".a.0-1.0.tmp").write_text("")
    assert folders.litter(run) == [".a.0-1.0.tmp was left behind"]


def test_the_minute_at_which_a_page_was_written_is_no_part_of_its_content(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text("<p>52 %</p><p>2026-01-01 23:59 UTC</p>")
    before = folders.content(tmp_path)
    page.write_text("<p>52 %</p><p>2026-01-02 00:00 UTC</p>")
    assert folders.content(tmp_path) == before
    page.write_text("<p>53 %</p><p>2026-01-01 23:59 UTC</p>")
    assert folders.content(tmp_path) != before
