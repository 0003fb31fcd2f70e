"""utils/tables.sh told to stop in the middle of a chain of arrays: on a real Slurm, a real Grid Engine, and here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.processes import LONGEST_SEC, wait_for

pytestmark = pytest.mark.slow  # each waits for a cluster's answers

UTILS = Path(__file__).resolve().parents[2] / "utils"

# Three arrays in a chain; a task is done once there is a file for it, and waits for the file go.
MASR = """#!/bin/bash
case "$1 $2" in
  "table plan")
    [[ $* == *--arrays* ]] || exit 0
    [[ -e done.2 ]] || printf '1.copy\\t-\\thash\\t1-2\\t--time 10\\n'
    [[ -e done.3 ]] || printf '2.score\\t%s\\thash\\t3\\t\\n' "$([[ -e done.2 ]] && echo - || echo 1.copy)"
    [[ -e done.4 ]] || printf '3.sum\\t2.score\\thash\\t4\\t\\n'
    ;;
  "table run")
    echo x >>"starts.$4"
    until [[ -e go ]]; do sleep 0.1; done
    touch "done.$4"
    ;;
  "table show") echo "the table" ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a table is, with the stand-in for masr and the launchers on the PATH."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "masr").write_text(MASR)
    (programs / "masr").chmod(0o755)
    path = f"{programs}:{UTILS}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start(cmd: str) -> subprocess.Popen[str]:
    """In a process group of its own that hears every signal, as a terminal gives it.

    What a shell starts in the background ignores SIGINT, and hands that down: these tests may be run so.
    """
    command = [str(UTILS / "tables.sh"), "--cmd", cmd, "t.yaml"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    return subprocess.Popen(command, **streams, text=True, start_new_session=True, preexec_fn=_hear)


def _hear() -> None:
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(name, signal.SIG_DFL)


def at_work() -> list[str]:
    shown = ["squeue", "-h", "-t", "running,pending", "-o", "%F"]
    return sorted(set(subprocess.run(shown, capture_output=True, text=True, check=True).stdout.split()), key=int)


def submit_other(folder: Path) -> str:
    """An array that another call has in the queue."""
    command = ["slurm.py", "--hold", "--no-wait", str(folder / "other.log"), "true"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("by", ["a terminal", "kill"])
def test_on_slurm_all_that_was_submitted_is_cancelled_and_nothing_else(slurm: Path, folder: Path, by: str) -> None:
    other = submit_other(folder)
    process = start("slurm.py --nice=1")
    wait_for(lambda: (folder / "starts.2").exists() and len(at_work()) == 5)
    copy, score, total, end = [array for array in at_work() if array != other]
    if by == "a terminal":
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()
    output, stderr = process.communicate(timeout=LONGEST_SEC)
    name, code = ("SIGINT", 130) if by == "a terminal" else ("SIGTERM", 143)
    assert process.returncode == code
    assert at_work() == [other]
    assert f"{name}: job {end} cancelled" in stderr
    assert f"tables.sh: {name}: cancelled: 1.copy (job {copy}), 2.score (job {score}), 3.sum (job {total})\n" in stderr
    assert "the next call repeats nothing that is done, and runs only what is missing" in stderr
    assert output == ""
    (folder / "go").touch()
    (folder / "done.2").touch()
    again = start("slurm.py --nice=1")
    assert "the table" in again.communicate(timeout=LONGEST_SEC)[0]
    assert again.returncode == 0
    assert [(folder / f"starts.{task}").read_text() for task in (1, 2, 3, 4)] == ["x\n"] * 4


def test_on_slurm_a_terminal_that_goes_away_leaves_the_chain_and_the_next_call_does_not_end_it(
    slurm: Path, folder: Path
) -> None:
    first = start("slurm.py")
    wait_for(lambda: (folder / "starts.2").exists() and len(at_work()) == 4)
    ids = at_work()
    os.killpg(first.pid, signal.SIGHUP)
    stderr = first.communicate(timeout=LONGEST_SEC)[1]
    assert first.returncode == 129
    assert f"SIGHUP: left at work: 1.copy (job {ids[0]})" in stderr
    assert at_work() == ids
    second = start("slurm.py")
    assert second.stderr is not None
    said = ""
    while "end.log" not in said and f"as job {ids[3]}" not in said:
        said += second.stderr.readline()
    os.killpg(second.pid, signal.SIGINT)
    said = second.communicate(timeout=LONGEST_SEC)[1]
    assert second.returncode == 130
    assert "SIGINT: cancelled: nothing was at work" in said
    assert f"left alone, as an earlier call submitted it: 1.copy (job {ids[0]}), 2.score" in said
    assert f"slurm.py --cancel {':'.join(ids[:3])}" in said
    assert at_work() == ids[:3]
    cancel = ["slurm.py", "--cancel", ":".join([*ids[:3], "999999"])]
    done = subprocess.run(cancel, capture_output=True, text=True, check=True)
    assert done.stdout == f"{':'.join(ids[:3])}\n"
    assert at_work() == []
    assert subprocess.run(cancel, capture_output=True, text=True, check=True).stdout == ""


def test_on_grid_engine_all_that_was_submitted_is_deleted_last_first(folder: Path, grid_engine: Path) -> None:
    """Grid Engine starts an array once the one before is gone, whatever way it went."""
    process = start("queue.py")
    wait_for(lambda: (folder / "starts.2").exists() and len(in_queue()) == 4)
    ids = in_queue()
    os.killpg(process.pid, signal.SIGINT)
    stderr = process.communicate(timeout=LONGEST_SEC)[1]
    assert process.returncode == 130
    copy, score, total = ids[:3]
    assert f"SIGINT: cancelled: 1.copy (job {copy}), 2.score (job {score}), 3.sum (job {total})\n" in stderr
    assert in_queue() == []
    time.sleep(2)
    assert not (folder / "starts.3").exists()


def in_queue() -> list[str]:
    """Ids of the arrays that Grid Engine has."""
    shown = subprocess.run(["qstat"], capture_output=True, text=True, check=True).stdout
    return sorted({line.split()[0] for line in shown.splitlines()[2:]}, key=int)


def test_here_the_array_at_work_is_told_once_and_stops(folder: Path) -> None:
    process = start("run.py")
    wait_for((folder / "starts.1").exists)
    os.killpg(process.pid, signal.SIGINT)
    stderr = process.communicate(timeout=LONGEST_SEC)[1]
    assert process.returncode == 130
    assert "run.py: SIGINT: " in stderr
    assert "running job" in stderr
    assert "SIGINT: cancelled: nothing was at work" in stderr
    assert not (folder / "starts.3").exists()
