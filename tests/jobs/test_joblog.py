"""A job's log: its end is told from whatever the job has printed itself."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.jobs.joblog import JobLog, code_in, is_done, last_words, quote, ranges, tail
from masr.jobs.launch_line import parse

RUN = Path(__file__).resolve().parents[2] / "utils" / "run.py"
HEAD = ["# Running on here", "# Started at noon", "# Log 0123456789abcdef", "#"]
END = ["# Accounting: time=1 threads=1 log=0123456789abcdef", "# Ended (code 0) at noon, elapsed time 1 seconds"]


@pytest.mark.parametrize(
    "said",
    [
        ["# Ended (code 0) at noon, elapsed time 1 seconds"],
        END,
        ["# true", *HEAD, *END],
        ["#", *HEAD, *END],
        ["# Accounting: time=1 threads=1 log=", "# Ended (code 0) at noon"],
    ],
)
@pytest.mark.parametrize("last", ["\n", ""])
def test_an_end_that_the_job_has_printed_is_none_of_ours(said: list[str], last: str, tmp_path: Path) -> None:
    log = JobLog.begin(tmp_path / "log", ["true"], "Attempt a")
    log.stream.write(("\n".join(said) + last).encode())
    assert code_in(tmp_path / "log") is None
    assert not is_done(parse([str(tmp_path / "log"), "true"]), 1, ["Attempt a"])
    log.end(3, 1)
    assert code_in(tmp_path / "log") == 3
    assert last_words(tmp_path / "log", 1) == said[-1:]


def test_a_job_that_shows_another_jobs_log_and_is_killed_with_its_launcher_has_not_ended(tmp_path: Path) -> None:
    """The log that it shows is whole and ended well."""
    subprocess.run([sys.executable, RUN, tmp_path / "other", "echo", "x"], check=True)
    script = f"cat {tmp_path}/other; kill -9 $(grep PPid /proc/$PPID/status | cut -f 2); sleep 60"
    killed = subprocess.run([sys.executable, RUN, tmp_path / "log", "sh", "-c", script], check=False)
    assert killed.returncode == -9
    assert "# Ended (code 0)" in (tmp_path / "log").read_text()
    assert code_in(tmp_path / "other") == 0
    assert code_in(tmp_path / "log") is None


def test_the_words_of_an_earlier_start_stay_and_its_end_does_not_count_for_the_later_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    JobLog.begin(path, ["true"], "Job 7_1").end(0, 1)
    again = JobLog.begin(path, ["true"], "Job 7_1", "Start 2", go_on=True)
    assert code_in(path) is None
    again.end(-9, 1)
    assert code_in(path) == -9
    assert path.read_text().count("# Log ") == 2
    fresh = JobLog.begin(path, ["false"])
    assert path.read_text().count("# Log ") == 1
    assert not fresh.has_words
    fresh.say("# a line of the job's own")
    assert fresh.has_words


def test_a_log_that_is_not_there_or_not_ours_has_no_end(tmp_path: Path) -> None:
    assert code_in(tmp_path / "none") is None
    (tmp_path / "other").write_text("\n".join(["# true", "#", *END]) + "\n")
    assert code_in(tmp_path / "other") is None
    assert code_in(tmp_path) is None


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_a_quoted_command_is_one_line_that_bash_reads_back(words: list[str]) -> None:
    line = quote(words)
    assert len(line.splitlines()) <= 1
    script = f"printf '%s\\0' {line}"
    read = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout
    assert read.decode().split("\0")[:-1] == words


def test_ranges() -> None:
    assert ranges([1, 2, 3, 7, 9, 10]) == "1-3, 7, 9-10"
    assert ranges([]) == ""


def test_tail_reads_only_the_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x\n" * 10**6 + b"\xff\nlast\n")
    assert tail(log, 2) == ["�", "last"]
    assert len(tail(log)) == 20


def test_a_clock_that_is_set_back_makes_no_job_take_less_than_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = JobLog.begin(tmp_path / "log", ["true"])
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    log.end(0, 1)
    assert "# Accounting: time=0 threads=1" in (tmp_path / "log").read_text()
