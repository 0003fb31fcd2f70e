"""utils/run.py as a recipe calls it: real processes, real signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.processes import LONGEST_SEC, alive, wait_for
from masr.jobs import program
from masr.jobs.signals import ECHO_SEC

RUN = Path(__file__).resolve().parents[2] / "utils" / "run.py"
PYTHON = sys.executable


def run(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
    command = [PYTHON, str(RUN), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, timeout=LONGEST_SEC)


def test_arguments_arrive_unharmed(tmp_path: Path) -> None:
    nasty = ["a b", "it's", 'say "hi"', "$HOME `ls` $(ls)", "two\nlines", "", "*", "MYJOBS/x", "\\", "é", "--mem", "#"]
    script = "import json, sys; json.dump(sys.argv[1:], open(sys.argv[1], 'w'))"
    done = run("JOB=1:2", tmp_path / "log.JOB", PYTHON, "-c", script, f"{tmp_path}/out.JOB.json", *nasty, "JOB/2")
    assert done.returncode == 0, done.stderr
    for job in (1, 2):
        out = tmp_path / f"out.{job}.json"
        assert json.loads(out.read_text()) == [str(out), *nasty, f"{job}/2"]


def test_the_environment_arrives_whole(tmp_path: Path) -> None:
    script = "import json, os; print(json.dumps(dict(os.environ)))"
    odd = {"ODD": "a b\nc $x", "BASH_FUNC_f%%": "() { :; }"}
    assert run("--num-threads", 2, tmp_path / "log", PYTHON, "-c", script, **odd).returncode == 0
    lines = (tmp_path / "log").read_text().splitlines()
    seen = json.loads(next(line for line in lines if line.startswith("{")))
    without_threads = {key: value for key, value in seen.items() if key != "OMP_NUM_THREADS"}
    expected = {**os.environ, **odd}
    expected.pop("OMP_NUM_THREADS", None)
    assert without_threads == expected
    assert seen["OMP_NUM_THREADS"] == os.environ.get("OMP_NUM_THREADS", "2")


def test_a_log_tells_command_host_times_and_code(tmp_path: Path) -> None:
    assert run(tmp_path / "deep/log", "sh", "-c", "echo out; echo err >&2; exit 0").returncode == 0
    log = (tmp_path / "deep/log").read_text()
    pattern = (
        r"# sh -c 'echo out; echo err >&2; exit 0'\n# Running on \S+\n# Started at .*\d{4}\n# Log (\w+)\n#\nout\nerr\n"
        r"# Accounting: time=\d+ threads=1 log=\1\n# Ended \(code 0\) at .*\d{4}, elapsed time \d+ seconds\n"
    )
    assert re.fullmatch(pattern, log)


def test_failed_jobs_are_named_with_the_end_of_the_first_log(tmp_path: Path) -> None:
    script = 'echo "job $1 says why"; case $1 in 2) exit 3 ;; 3) kill -9 $$ ;; 4) exit 3 ;; esac'
    done = run("JOB=1:4", tmp_path / "log.JOB", "sh", "-c", script, "sh", "JOB")
    assert done.returncode == 1
    assert "3 of 4 jobs failed" in done.stderr
    assert "job 2, 4: failed (exit code 3)" in done.stderr
    assert "job 3: killed by SIGKILL" in done.stderr
    assert f"last lines of {tmp_path}/log.2" in done.stderr
    assert "| job 2 says why" in done.stderr
    assert "job 3 says why" not in done.stderr
    assert "# Ended (code 137, signal 9) at" in (tmp_path / "log.3").read_text()


def test_the_exit_code_is_2_where_the_user_can_fix_it(tmp_path: Path) -> None:
    assert run("JOB=1:2", tmp_path / "l.JOB", "sh", "-c", "exit 2").returncode == 2
    assert run("JOB=1:2", tmp_path / "l.JOB", "sh", "-c", "exit $1", "sh", "JOB").returncode == 1


def test_a_program_that_is_not_there_is_a_failed_job(tmp_path: Path) -> None:
    done = run(tmp_path / "log", "no-such-program")
    assert done.returncode == 1
    assert "cannot be started" in done.stderr
    assert "# Ended (code 127)" in (tmp_path / "log").read_text()


def test_usage_mistakes_exit_2_before_anything_runs(tmp_path: Path) -> None:
    done = run("--max-job-run", 2, tmp_path / "log", "true")
    assert done.returncode == 2
    assert "did you mean --max-jobs-run?" in done.stderr
    assert not (tmp_path / "log").exists()


def test_no_gpu_is_said(tmp_path: Path) -> None:
    done = run("--gpu", 1, tmp_path / "log", "true", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2
    assert "this machine shows 0" in done.stderr


def test_each_job_has_its_own_gpu(tmp_path: Path) -> None:
    script = "echo gpu $CUDA_VISIBLE_DEVICES; sleep 0.3"
    options = ("--gpu", 1, "JOB=1:2", tmp_path / "log.JOB")
    assert run(*options, "sh", "-c", script, CUDA_VISIBLE_DEVICES="5,7").returncode == 0
    given = [re.search(r"^gpu (.*)$", (tmp_path / f"log.{job}").read_text(), re.M) for job in (1, 2)]
    assert {found[1] for found in given if found} <= {"5", "7"}
    assert all(given)


def most_at_once(folder: Path) -> int:
    spans = [tuple(map(float, path.read_text().split())) for path in folder.glob("span.*")]
    return max(sum(start <= other[0] < end for start, end in spans) for other in spans)


@pytest.mark.parametrize(("options", "most"), [(["--max-jobs-run", "1"], 1), (["--num-threads", "999"], 1)])
def test_never_more_at_once_than_allowed(tmp_path: Path, options: list[str], most: int) -> None:
    script = "import sys, time; a = time.time(); time.sleep(0.1); open(sys.argv[1], 'w').write(f'{a} {time.time()}')"
    done = run(*options, "JOB=1:3", tmp_path / "log.JOB", PYTHON, "-c", script, f"{tmp_path}/span.JOB")
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("span.*"))) == 3
    assert most_at_once(tmp_path) == most


def test_more_memory_than_there_is_warns_and_runs_one_at_a_time(tmp_path: Path) -> None:
    done = run("--mem", "900T", "JOB=1:2", tmp_path / "log.JOB", "true")
    assert done.returncode == 0
    assert "more memory than there is" in done.stderr


def test_time_is_enforced_on_all_that_a_job_started(tmp_path: Path) -> None:
    script = f"sleep 60 & echo $! > {tmp_path}/child; wait"
    done = run("--time", "0:3", tmp_path / "log", "sh", "-c", script)
    assert done.returncode == 1
    assert "ran past --time (3 s) and was stopped" in done.stderr
    assert not alive(int((tmp_path / "child").read_text()))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_every_job_with_its_children(tmp_path: Path, signum: int) -> None:
    script = f"sleep 60 & echo $! > {tmp_path}/child.JOB.new; mv {tmp_path}/child.JOB.new {tmp_path}/child.JOB; wait"
    command = [PYTHON, RUN, "--max-jobs-run", "1", "JOB=1:3", f"{tmp_path}/log.JOB", "sh", "-c", script]
    runner = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait_for((tmp_path / "child.1").exists)
    runner.send_signal(signum)
    stderr = runner.communicate(timeout=LONGEST_SEC)[1]
    assert runner.returncode == 128 + signum
    assert f"{signal.Signals(signum).name}: 1 running job stopped, 2 not started" in stderr
    assert not alive(int((tmp_path / "child.1").read_text()))
    assert not (tmp_path / "log.2").exists()


def test_jobs_that_ignore_sigterm_are_killed(tmp_path: Path) -> None:
    script = (
        f"trap '' TERM; echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; while :; do sleep 1; done"
    )
    words = [str(tmp_path / "log"), "sh", "-c", script]
    program = f"from masr.jobs import local; local.GRACE_SEC = 1e6; raise SystemExit(local.main({words!r}))"
    runner = subprocess.Popen([PYTHON, "-c", program], cwd=RUN.parent.parent)
    wait_for((tmp_path / "pid").exists)
    runner.send_signal(signal.SIGTERM)
    time.sleep(ECHO_SEC + 0.2)
    runner.send_signal(signal.SIGTERM)
    assert runner.wait(timeout=LONGEST_SEC) == 143
    assert not alive(int((tmp_path / "pid").read_text()))


def test_progress_is_shown_for_what_takes_longer_than_a_second(tmp_path: Path) -> None:
    done = run("JOB=1:2", tmp_path / "log.JOB", "sleep", "1.1")
    assert "run.py: log.JOB: 2 of 2 jobs done" in done.stderr
    assert run(tmp_path / "log", "true").stderr == ""


def test_a_list_of_numbers_and_the_words_for_schedulers(tmp_path: Path) -> None:
    done = run("--no-wait", "--after", "12:13", "JOB=1,3-4", tmp_path / "log.JOB", "true")
    assert (done.returncode, done.stdout) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.1", "log.3", "log.4"]
    assert run("--num-nodes", 2, tmp_path / "log", "true").returncode == 2


def test_ranks_are_told_apart_and_their_code_comes_back(tmp_path: Path) -> None:
    script = "echo $RANK $WORLD_SIZE $LOCAL_RANK $LOCAL_WORLD_SIZE $MASTER_ADDR:$MASTER_PORT"
    assert run("--num-ranks", 2, tmp_path / "log", "sh", "-c", script).returncode == 0
    said = re.findall(r"^(\d) 2 \1 2 127\.0\.0\.1:(\d+)$", (tmp_path / "log").read_text(), re.M)
    assert sorted(rank for rank, _ in said) == ["0", "1"]
    assert len({port for _, port in said}) == 1
    for codes, expected in (("0 75", "75"), ("75 3", "3"), ("9 75", "9")):
        done = run("--num-ranks", 2, tmp_path / "log", "sh", "-c", f'set -- {codes}; shift $RANK; exit "$1"')
        assert f"exit code {expected}" in done.stderr


def test_a_rank_that_waits_for_one_that_failed_is_stopped(tmp_path: Path) -> None:
    script = f"[ $RANK = 1 ] && exit 3; echo $$ > {tmp_path}/pid; exec sleep 60"
    done = run("--num-ranks", 2, tmp_path / "log", "sh", "-c", script)
    assert "failed (exit code 3)" in done.stderr
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_signal_reaches_every_rank(tmp_path: Path) -> None:
    script = f"trap 'exit 75' TERM; echo > {tmp_path}/ready.$RANK; while :; do sleep 0.1; done"
    runner = subprocess.Popen([*program("ranks"), "2", "sh", "-c", script])
    wait_for(lambda: len(list(tmp_path.glob("ready.*"))) == 2)
    runner.send_signal(signal.SIGTERM)
    assert runner.wait(timeout=LONGEST_SEC) == 75


SOME_FAIL = 'echo x >> "$1"; [ ! -e stop.$2 ]'


def test_a_repetition_in_one_attempt_runs_only_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for job in (2, 3):
        (tmp_path / f"stop.{job}").touch()
    call = ("JOB=1:3", "log.JOB", "sh", "-c", SOME_FAIL, "sh", "ran.JOB", "JOB")

    def count() -> list[int]:
        return [(tmp_path / f"ran.{job}").read_text().count("x") for job in (1, 2, 3)]

    assert run(*call, STAGE_ATTEMPT="a").returncode == 1
    (tmp_path / "stop.2").unlink()
    again = run(*call, STAGE_ATTEMPT="a")
    assert "1 of 3 jobs ended well before" in again.stderr
    assert (again.returncode, count()) == (1, [1, 2, 2])
    assert run(*call, STAGE_ATTEMPT="b").returncode == 1  # another attempt: the inputs may be others
    assert count() == [2, 3, 3]
    assert run(*call).returncode == 1  # no attempt: nothing is known
    assert count() == [3, 4, 4]
    other = (*call[:-1], "JOB ")  # another command
    assert run(*call, STAGE_ATTEMPT="c").returncode == 1
    assert run(*other, STAGE_ATTEMPT="c").returncode == 1
    assert count() == [5, 6, 6]
