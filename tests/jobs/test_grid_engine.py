"""queue.py on a real Grid Engine: real processes, real signals, real restarts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.processes import LONGEST_SEC, alive, wait_for, wait_for_text
from masr.jobs.grid_engine import GridEngine, _numbers, _state

QUEUE = Path(__file__).resolve().parents[2] / "utils" / "queue.py"
PYTHON = sys.executable


def run(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
    command = [PYTHON, str(QUEUE), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, timeout=LONGEST_SEC)


def start(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen([PYTHON, str(QUEUE), *map(str, args)], stderr=subprocess.PIPE, text=True)


def at_work() -> set[str]:
    """Ids of the arrays that wait or run."""
    shown = subprocess.run(["qstat"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in shown.splitlines() if line.split()[0].isdecimal()}


def test_arguments_and_environment_arrive_though_qsub_hands_nothing_on(grid_engine: Path) -> None:
    script = "import json, os, sys; json.dump([sys.argv[2:], dict(os.environ)], open(sys.argv[1], 'w'))"
    odd = {"ODD": 'a,b\nc $x "q"', "BASH_FUNC_f%%": "() { :; }", "OMP_NUM_THREADS": "3"}
    done = run("JOB=1:2", "log %a.JOB", PYTHON, "-c", script, "out.JOB.json", "a b", "two\nlines", "", "JOB/2", **odd)
    assert done.returncode == 0, done.stderr
    arguments, environment = json.loads((grid_engine / "out.2.json").read_text())
    assert arguments == ["a b", "two\nlines", "", "2/2"]
    spoiled = {"SHLVL", "_", "PWD", "OLDPWD", "HOSTNAME", "TMPDIR", "ENVIRONMENT"}
    assert {name for name in os.environ if environment.get(name) != os.environ[name]} - spoiled <= odd.keys()
    assert {name: environment[name] for name in odd} == odd
    assert {path.name for path in grid_engine.iterdir()} == {"log %a.1", "log %a.2", "out.1.json", "out.2.json"}


def test_a_user_whom_the_environment_does_not_name_sees_the_jobs(
    grid_engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("USER", "LOGNAME"):
        monkeypatch.delenv(name, raising=False)
    job = run("--no-wait", "-h", "JOB=4:5", "log.JOB", "true").stdout.strip()
    assert [(seen.number, seen.state) for seen in GridEngine().look([job])] == [(4, "waiting"), (5, "waiting")]


def test_failed_jobs_are_named_with_how(grid_engine: Path) -> None:
    script = "echo job $1 says why; case $1 in 2) exit 3 ;; 3) kill -9 $PPID ;; 4) exit 0 ;; 5) kill -9 $$ ;; esac"
    done = run("JOB=1:5", "log.JOB", "sh", "-c", script, "sh", "JOB")
    assert done.returncode == 1
    assert "job 2: failed (exit code 3)" in done.stderr
    assert "job 3: ended by Grid Engine (failed 100 : assumedly after job)" in done.stderr
    assert "job 5: killed by SIGKILL" in done.stderr
    assert "| job 2 says why" in done.stderr
    refused = run("-q", "none.q", "log", "true")
    assert refused.returncode == 1
    assert 'unknown queue "none.q"' in refused.stderr


def test_lists_of_numbers_and_resources_reach_grid_engine(grid_engine: Path) -> None:
    options = ["--mem", "1G", "--gpu", 1, "--num-threads", 2, "--time", "1:0:0", "--max-jobs-run", 3, "-q", "all.q"]
    ids = run("--no-wait", "-h", *options, "JOB=1,4,7-9", "log/a.JOB.log", "true").stdout
    assert re.fullmatch(r"\d+:\d+:\d+\n", ids)
    shown = subprocess.run(["qstat", "-j", ids.strip().split(":")[2]], capture_output=True, text=True).stdout
    facts = dict(line.split(":", 1) for line in shown.splitlines() if ":" in line)
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    assert facts["job-array tasks"] == "7-9:1"
    assert set(facts["hard resource_list"].split(",")) == {"mem_free=1024M", "gpu=1", "h_rt=3600"}
    assert facts["parallel environment"] == "smp range: 2"
    assert facts["hard_queue_list"] == "all.q"
    assert facts["job_name"].startswith("a.masr_")
    assert "one node" in run("--num-nodes", 2, "other", "true").stderr


def test_a_job_gets_its_gpu_and_its_slots_and_no_other_job_does(grid_engine: Path) -> None:
    """The cluster has two GPUs: of three jobs one waits."""
    script = f"echo $NSLOTS >slots.JOB; until [ -e {grid_engine}/go ]; do sleep 0.1; done"
    launcher = start("--gpu", 1, "--num-threads", 2, "JOB=1:3", "log.JOB", "sh", "-c", script)
    wait_for(lambda: len(list(grid_engine.glob("slots.*"))) == 2)
    (job,) = at_work()
    assert sorted(seen.state for seen in GridEngine().look([job])) == ["running", "running", "waiting"]
    (grid_engine / "go").touch()
    assert launcher.wait(timeout=LONGEST_SEC) == 0
    assert (grid_engine / "slots.3").read_text() == "2\n"
    launcher.communicate()


def test_time_is_a_limit(grid_engine: Path) -> None:
    done = run("--time", "0:3", "log", "sleep", "987")
    assert done.returncode == 1
    assert re.search(r"ended by Grid Engine \(failed|killed by SIG", done.stderr), done.stderr


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_deletes_the_array_with_all_that_it_runs(grid_engine: Path, signum: int) -> None:
    script = f"sleep 987 & echo $! >{grid_engine}/new; mv new pid; wait"  # of root's jobs it ends one process group
    launcher = start("--max-jobs-run", 1, "JOB=1:3", "log.JOB", "sh", "-c", script)
    wait_for((grid_engine / "pid").exists)
    (job,) = at_work()
    launcher.send_signal(signum)
    stderr = launcher.communicate(timeout=LONGEST_SEC)[1]
    assert launcher.returncode == 128 + signum
    assert f"{signal.Signals(signum).name}: job {job} cancelled, 3 jobs" in stderr
    wait_for(lambda: not alive(int((grid_engine / "pid").read_text())))
    assert not (grid_engine / "log.2").exists()


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGHUP])
def test_an_array_whose_launcher_is_gone_is_found_again(grid_engine: Path, signum: int) -> None:
    script = f"echo x >>starts.JOB; [ JOB = 1 ] || until [ -e {grid_engine}/go ]; do sleep 0.1; done"
    call = ("JOB=1:3", "log.JOB", "sh", "-c", script)
    first = start(*call)
    wait_for(lambda: len(list(grid_engine.glob("starts.*"))) == 3)
    wait_for_text(grid_engine / "log.1", "# Ended (code 0)")
    first.send_signal(signum)
    first.communicate(timeout=LONGEST_SEC)
    (job,) = at_work()
    refused = run("JOB=1:3", "log.JOB", "sleep", "1")
    assert refused.returncode == 2
    assert f"qdel {job}" in refused.stderr
    second = start(*call)
    assert second.stderr is not None
    assert f"jobs of an earlier call are still at work, as job {job}" in second.stderr.readline()
    (grid_engine / "go").touch()
    second.communicate(timeout=LONGEST_SEC)
    assert second.returncode == 0
    assert [(grid_engine / f"starts.{number}").read_text() for number in (1, 2, 3)] == ["x\n"] * 3


def test_75_starts_the_job_again(grid_engine: Path) -> None:
    again = run("log", "sh", "-c", "[ -e saved ] && exit 0; touch saved; exit 75")
    assert again.returncode == 0, again.stderr
    assert "job 1 was taken from its machine and waits for another start" in again.stderr
    log = (grid_engine / "log").read_text()
    assert log.index("# Ended (code 75)") < log.index("# Start 2\n") < log.index("# Ended (code 0)")


def test_what_comes_after_a_failure_does_not_run(grid_engine: Path) -> None:
    """Also where the failed job is over when the next one is submitted, and Grid Engine forgets the order."""
    bad = run("--no-wait", "bad", "sh", "-c", "until [ -e go ]; do sleep 0.1; done; exit 1").stdout.strip()
    launcher = start("--after", bad, "after", "touch", "never")
    wait_for(lambda: len(at_work()) == 2)
    (grid_engine / "go").touch()
    stderr = launcher.communicate(timeout=LONGEST_SEC)[1]
    assert launcher.returncode == 1
    assert f"not run: job {bad}, which this was to come after, did not end well" in stderr
    assert run("--after", bad, "later", "touch", "never").returncode == 1
    assert not (grid_engine / "never").exists()
    good = run("--no-wait", "good", "true").stdout.strip()
    assert run("--after", good, "after", "touch", "made").returncode == 0
    assert (grid_engine / "made").exists()


def test_arrays_are_cancelled_by_their_ids(grid_engine: Path) -> None:
    job = run("--no-wait", "-h", "JOB=1:2", "log.JOB", "true").stdout.strip()
    assert run("--cancel", f"{job}:999999").stdout == f"{job}\n"
    assert at_work() == set()
    assert run("--cancel", job).stdout == ""


def test_states_and_numbers_as_qstat_prints_them() -> None:
    assert _numbers("4-8:2,12") == [4, 6, 8, 12]
    assert [_state(letters, "7")[0] for letters in ("qw", "hqw", "Rq", "r", "t", "Rt", "dr", "Eqw")] == [
        *["waiting"] * 3, *["running"] * 4, "ended badly"
    ]  # fmt: skip
