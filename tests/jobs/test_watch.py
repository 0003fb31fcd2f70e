"""What a launcher makes of a scheduler's words, told by a scheduler that says what the test wants."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from masr.jobs import watch as watch_module
from masr.jobs.joblog import JobLog
from masr.jobs.launch_line import JobArray, parse
from masr.jobs.scheduler import Mark, SchedulerError, Seen
from masr.jobs.slurm import Slurm, _seen
from masr.jobs.watch import LOST, Watch


class Told:
    """Says each of its lists once, the last one for ever."""

    program = "told.py"
    cancel_command = "cancel"

    def __init__(self, *lists: list[Seen] | SchedulerError) -> None:
        self.lists = list(lists)

    def submit(self, array: JobArray, numbers: Sequence[int], mark: Mark) -> list[str]:
        return ["1"]

    def at_work(self, place: str) -> list[tuple[Mark, Seen]]:
        return []

    def look(self, ids: Iterable[str]) -> list[Seen]:
        now = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        if isinstance(now, SchedulerError):
            raise now
        return now

    def account(self, ids: Iterable[str], number: int) -> Seen | None:
        return None

    def cancel(self, ids: Iterable[str]) -> None:
        pass


def follow(scheduler: Told, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    monkeypatch.setattr(watch_module, "LOST_SEC", 0.2)
    monkeypatch.setattr(Watch, "sleep", lambda _self: None)
    array = parse(["JOB=1:2", f"{folder}/log.JOB", "prog"])
    followed = Watch(scheduler, array, {1, 2}, ids=["1"])
    followed.run()
    return followed


def test_a_job_that_nobody_knows_is_lost_unless_its_log_tells_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    JobLog.begin(tmp_path / "log.1", ["prog"]).end(0, 1)
    JobLog.begin(tmp_path / "log.2", ["prog"]).say("half a line")
    assert follow(Told([]), tmp_path, monkeypatch).failed == {2: LOST}
    JobLog.begin(tmp_path / "log.2", ["prog"]).end(-9, 1)
    assert "SIGKILL" in follow(Told([]), tmp_path, monkeypatch).failed[2]


def test_a_job_that_did_not_come_as_far_as_its_log_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "log.2").touch()
    bad = [Seen("1", number, "ended badly", "", 127) for number in (1, 2)]
    failed = follow(Told(bad), tmp_path, monkeypatch).failed
    assert "failed before its program began (exit code 127)" in failed[1]
    assert failed[2] == "failed (exit code 127)"


def test_a_scheduler_that_does_not_answer_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log.2").touch()  # so it has run before
    well = [Seen("1", number, "ended well", "", 0) for number in (1, 2)]
    down = SchedulerError("Unable to contact slurm controller")
    held = [Seen("1", 1, "waiting", "JobHeldAdmin"), Seen("1", 2, "running")]
    requeued = [Seen("1", 1, "running"), Seen("1", 2, "waiting", "BeginTime")]
    assert follow(Told(down, down, held, requeued, well), tmp_path, monkeypatch).failed == {}
    said = capsys.readouterr().err
    assert said.count("Unable to contact slurm controller") == 1
    assert "job 1 is held by the scheduler (JobHeldAdmin)" in said
    assert "job 2 was taken from its machine and waits for another start (BeginTime)" in said


@pytest.mark.parametrize(
    ("state", "why", "said"),
    [
        ("OUT_OF_MEMORY", "OutOfMemory", "out of memory"),
        ("TIMEOUT", "TimeLimit", "time limit"),
        ("NODE_FAIL", "NodeDown", "node went down"),
        ("PREEMPTED", "None", "preempted"),
        ("CANCELLED", "None", "cancelled"),
        ("CANCELLED", "DependencyNeverSatisfied", "did not end well"),
        ("FAILED", "NonZeroExitCode", ""),
    ],
)
def test_slurms_states_in_words(state: str, why: str, said: str) -> None:
    job = _seen("1", 2, 2, state, why, {2: 3})
    assert (job.state, job.code) == ("ended badly", 3)
    assert said in job.why
    assert bool(said) == bool(job.why)


@pytest.mark.parametrize("state", ["PENDING", "REQUEUED", "RUNNING", "COMPLETING", "SUSPENDED"])
def test_a_job_in_any_other_state_is_waited_for(state: str) -> None:
    assert not _seen("1", 2, 2, state, "", {}).state.startswith("ended")


def test_accounts_tell_how_a_forgotten_job_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sacct = tmp_path / "sacct"
    sacct.write_text(
        '#!/bin/sh\n[ "$5" = 7_3 ] && echo "OUT_OF_MEMORY|0:125"; [ "$5" = 7_4 ] && echo "CANCELLED by 0|0:0"\n:'
    )
    sacct.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    three, four = (Slurm().account(["7"], number) for number in (3, 4))
    assert three is not None
    assert four is not None
    assert "out of memory" in three.why
    assert four.why == "cancelled"
    assert Slurm().account(["7"], 5) is None
