"""Stages and their locks as processes: signals, locks, records. tests/shell/ runs them through run.sh."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.processes import LONGEST_SEC, alive, wait_for
from masr.jobs.signals import ECHO_SEC

UTILS = Path(__file__).resolve().parents[2] / "utils"
STAGE = [sys.executable, "-ES", str(UTILS / "stage.py")]


def stage(folder: Path, *words: object, **kwargs: object) -> subprocess.CompletedProcess[str]:
    command = [*STAGE, "2", "title", str(folder), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SEC)


def start(folder: Path, script: str) -> subprocess.Popen[str]:
    command = [*STAGE, "2", "title", str(folder), "--", "sh", "-c", script]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def end(process: subprocess.Popen[str], folder: Path) -> None:
    """Kill -9 the stage, and see all that it started end."""
    process.kill()
    process.communicate()
    wait_for(lambda: not alive(int((folder / "child").read_text())))


def sleeper(folder: Path, before: str = "") -> str:
    """A command that has a child of its own, whose process id it leaves in folder/child."""
    return f"{before} sleep 60 & echo $! > {folder}/new; mv {folder}/new {folder}/child; wait"


def test_success_is_recorded_with_all_that_it_stands_on(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("x")
    words = ("--inputs", tmp_path / "in", "--outputs", tmp_path / "out", "--", "touch", tmp_path / "out")
    assert "stage 2: title: done in 0:00" in stage(tmp_path, *words).stdout
    record = json.loads((tmp_path / ".stages" / "2-title.out.json").read_text())
    assert record["command"] == ["touch", str(tmp_path / "out")]
    assert list(record["inputs"]) == [str(tmp_path / "in")]
    assert record["outputs"] == [str(tmp_path / "out")]
    assert stage(tmp_path, *words).stdout == "stage 2: title: unchanged, skipped\n"


def test_a_record_that_cannot_be_read_is_no_record(tmp_path: Path) -> None:
    stage(tmp_path, "--", "true")
    (tmp_path / ".stages" / "2-title.json").write_text("{")
    assert "cannot be read" in stage(tmp_path, "--", "true").stdout
    assert "skipped" in stage(tmp_path, "--", "true").stdout


def test_the_record_is_gone_while_the_stage_runs(tmp_path: Path) -> None:
    stage(tmp_path, "--", "true")
    process = start(tmp_path, sleeper(tmp_path))
    wait_for((tmp_path / "child").exists)
    assert not (tmp_path / ".stages" / "2-title.json").exists()
    end(process, tmp_path)


@pytest.mark.parametrize(("signum", "said"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "stopped by SIGTERM")])
def test_a_signal_ends_the_command_with_its_children(tmp_path: Path, signum: int, said: str) -> None:
    process = start(tmp_path, sleeper(tmp_path))
    wait_for((tmp_path / "child").exists)
    process.send_signal(signum)
    output = process.communicate(timeout=LONGEST_SEC)[0]
    assert process.returncode == 128 + signum
    assert f"stage 2: title: {said} after 0:" in output
    wait_for(lambda: not alive(int((tmp_path / "child").read_text())))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("ignored", [False, True], ids=["terminal", "background"])
def test_a_signal_that_comes_while_the_command_is_being_started_is_not_lost(signum: int, ignored: bool) -> None:
    program = f"""
import os, signal, subprocess, sys
from masr.jobs import child
class Popen(subprocess.Popen):
    def __init__(self, *words, **options):
        super().__init__(*words, **options)
        os.kill(os.getpid(), {signum})
child.subprocess.Popen = Popen
if {ignored}:
    signal.signal({signum}, signal.SIG_IGN)
sys.exit(child.run_alone(["sleep", "60"]))
"""
    found = subprocess.run([sys.executable, "-c", program], cwd=UTILS.parent, timeout=LONGEST_SEC, check=False)
    assert found.returncode == 128 + signum


@pytest.mark.parametrize(("signum", "pause_sec"), [(signal.SIGINT, 0.0), (signal.SIGTERM, ECHO_SEC + 0.2)])
def test_a_command_that_ignores_signals_is_killed_by_the_second(tmp_path: Path, signum: int, pause_sec: float) -> None:
    script = sleeper(tmp_path, before="trap '' INT TERM;")
    words = ["sh", "-c", script]
    program = f"from masr.jobs import child; child.GRACE_SEC = 1e6; raise SystemExit(child.run_alone({words!r}))"
    process = subprocess.Popen([sys.executable, "-c", program], cwd=UTILS.parent)
    wait_for((tmp_path / "child").exists)
    process.send_signal(signum)
    time.sleep(0.1 + pause_sec)
    process.send_signal(signum)
    assert process.wait(timeout=LONGEST_SEC) == 128 + signum
    assert not alive(int((tmp_path / "child").read_text()))


def test_a_command_killed_from_outside_is_told_from_a_failed_one(tmp_path: Path) -> None:
    killed = stage(tmp_path, "--", "sh", "-c", "kill -9 $$")
    assert killed.returncode == 137
    assert "stopped by SIGKILL" in killed.stderr
    failed = stage(tmp_path, "--", "sh", "-c", "exit 3")
    assert failed.returncode == 3
    assert "failed (exit code 3)" in failed.stderr


def test_the_lock_lives_as_long_as_what_still_writes(tmp_path: Path) -> None:
    process = start(tmp_path, sleeper(tmp_path))
    wait_for((tmp_path / "child").exists)
    refused = stage(tmp_path, "--", "true")
    assert refused.returncode == 2
    assert f"another run is at work in {tmp_path}: process {process.pid}" in refused.stderr
    assert "stage 2: title, since 20" in refused.stderr
    end(process, tmp_path)


def test_a_killed_run_is_taken_over_once_all_that_it_started_is_gone(tmp_path: Path) -> None:
    command = f"trap '' TERM; echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/child; sleep 987 & sleep 987"
    process = start(tmp_path, command)
    wait_for((tmp_path / "child").exists)
    process.kill()
    process.wait()
    child = int((tmp_path / "child").read_text())
    assert alive(child)
    assert "done in 0:0" in stage(tmp_path, "--", "true").stdout
    assert not alive(child)


@pytest.mark.parametrize(
    "words",
    [[], ["2", "title"], ["2", "title", "f", "--"], ["two", "t", "f", "--", "true"], ["2", "t", "f", "x", "--", "y"]],
)
def test_mistakes_in_the_call_exit_2(words: list[str]) -> None:
    assert subprocess.run([*STAGE, *words], capture_output=True).returncode == 2


def test_a_command_that_is_not_there_exits_2(tmp_path: Path) -> None:
    done = stage(tmp_path, "--", "no-such-command")
    assert done.returncode == 2
    assert "there is no command 'no-such-command'" in done.stderr


def attempt_in(folder: Path, *words: object) -> str:
    """The attempt that the stage's command was told of."""
    script = f'echo "$STAGE_ATTEMPT" > {folder}/told; [ ! -e {folder}/stop ]'
    stage(folder, *words, "--", "sh", "-c", script)
    return (folder / "told").read_text().strip()


def test_an_attempt_lasts_until_success_or_a_change(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("x")
    (tmp_path / "out").touch()
    (tmp_path / "stop").touch()
    words = ("--inputs", tmp_path / "in", "--outputs", tmp_path / "out")
    first = attempt_in(tmp_path, *words)
    assert first
    assert attempt_in(tmp_path, *words) == first
    (tmp_path / "in").write_text("y")
    second = attempt_in(tmp_path, *words)
    assert second != first
    (tmp_path / "stop").unlink()
    assert attempt_in(tmp_path, *words) == second  # this one ends well
    (tmp_path / "out").unlink()
    (tmp_path / "stop").touch()
    assert attempt_in(tmp_path, *words) not in (first, second)
