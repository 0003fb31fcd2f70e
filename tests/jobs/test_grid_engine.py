"""utils/queue.py on a stand-in for Grid Engine that behaves as its manual pages say: real processes, real signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import wait_for

QUEUE = Path(__file__).resolve().parents[2] / "utils" / "queue.py"
PYTHON = sys.executable


@pytest.fixture(autouse=True)
def grid(grid_engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def run(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
    command = [PYTHON, str(QUEUE), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, timeout=60)


def start(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen([PYTHON, str(QUEUE), *map(str, args)], stderr=subprocess.PIPE, text=True)


def options_of(job: int) -> str:
    return (Path(os.environ["STAND_IN"]) / str(job) / "options").read_text()


def test_arguments_and_environment_arrive_though_qsub_hands_nothing_on(grid: Path) -> None:
    script = "import json, os, sys; json.dump([sys.argv[2:], dict(os.environ)], open(sys.argv[1], 'w'))"
    odd = {"ODD": 'a,b\nc $x "q"', "BASH_FUNC_f%%": "() { :; }", "OMP_NUM_THREADS": "3"}
    done = run("JOB=1:2", "log.JOB", PYTHON, "-c", script, "out.JOB.json", "a b", "two\nlines", "", "JOB/2", **odd)
    assert done.returncode == 0, done.stderr
    arguments, environment = json.loads((grid / "out.2.json").read_text())
    assert arguments == ["a b", "two\nlines", "", "2/2"]
    spoiled = {"SHLVL", "_", "PWD", "OLDPWD"}
    assert {name for name in os.environ if environment.get(name) != os.environ[name]} - spoiled <= odd.keys()
    assert {name: environment[name] for name in odd} == odd


def test_failed_jobs_are_named_with_how(grid: Path) -> None:
    script = "echo job $1 says why; case $1 in 2) exit 3 ;; 3) kill -9 $PPID ;; 4) exit 0 ;; esac"
    done = run("JOB=1:4", "log.JOB", "sh", "-c", script, "sh", "JOB")
    assert done.returncode == 1
    assert "job 2: failed (exit code 3)" in done.stderr
    assert "job 3: ended by Grid Engine (failed 100 : assumedly after job)" in done.stderr
    assert "| job 2 says why" in done.stderr
    refused = run("-q", "none.q", "log", "true")
    assert refused.returncode == 1
    assert 'unknown queue "none.q"' in refused.stderr


def test_lists_of_numbers_and_resources_become_qsubs_words(grid: Path) -> None:
    options = ["--mem", "8G", "--gpu", 1, "--num-threads", 2, "--time", "1:0:0", "--max-jobs-run", 3, "-q", "gpu.q"]
    ids = run("--no-wait", *options, "JOB=1,4,7-9", "log/a.JOB.log", "true").stdout
    assert ids == "1:2:3\n"
    for words in (
        "'-t': ['7-9']",
        "['mem_free=8192M,gpu=1,h_rt=3600']",
        "'-pe': ['smp', '2']",
        "'-tc': ['3']",
        "gpu.q",
    ):
        assert words in options_of(3)
    assert re.search(r"'-N': \['a\.masr_", options_of(3))
    assert "one node" in run("--num-nodes", 2, "other", "true").stderr


def test_a_signal_deletes_the_array(grid: Path) -> None:
    launcher = start("--max-jobs-run", 1, "JOB=1:3", "log.JOB", "sh", "-c", "echo $$; exec sleep 60")
    wait_for((grid / "log.1").exists)
    launcher.send_signal(signal.SIGINT)
    stderr = launcher.communicate(timeout=60)[1]
    assert launcher.returncode == 130
    assert "SIGINT: job 1 cancelled, 3 jobs" in stderr
    assert not (grid / "log.2").exists()


def test_an_array_whose_launcher_was_killed_is_found_again(grid: Path) -> None:
    script = f"echo x >> {grid}/starts.JOB; while [ ! -e {grid}/go ]; do sleep 0.05; done"
    call = ("JOB=1:2", "log.JOB", "sh", "-c", script)
    first = start(*call)
    wait_for(lambda: len(list(grid.glob("starts.*"))) == 2)
    first.kill()
    first.communicate(timeout=60)
    second = start(*call)
    assert second.stderr is not None
    assert "2 jobs of an earlier call are still at work, as job 1" in second.stderr.readline()
    (grid / "go").touch()
    second.communicate(timeout=60)
    assert second.returncode == 0
    assert [(grid / f"starts.{job}").read_text() for job in (1, 2)] == ["x\n"] * 2


def test_75_starts_the_job_again_and_what_comes_after_a_failure_does_not_run(grid: Path) -> None:
    again = run("log", "sh", "-c", "[ -e saved ] && exit 0; touch saved; exit 75")
    assert again.returncode == 0, again.stderr
    assert "# Start 2\n" in (grid / "log").read_text()
    bad = run("--no-wait", "bad", "sh", "-c", "sleep 0.3; exit 1").stdout.strip()
    after = run("--after", bad, "after", "touch", "never")
    assert after.returncode == 1
    assert f"not run: job {bad}, which this was to come after, did not end well" in after.stderr
    assert not (grid / "never").exists()
