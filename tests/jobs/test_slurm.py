"""utils/slurm.py on a real Slurm: two nodes on this machine, real signals, real requeues."""

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
from safetensors.torch import load_file

from jobs.processes import LONGEST_SEC, wait_for, wait_for_text

SLURM = Path(__file__).resolve().parents[2] / "utils" / "slurm.py"
PYTHON = sys.executable


def run(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
    command = [PYTHON, str(SLURM), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, timeout=LONGEST_SEC)


def start(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen([PYTHON, str(SLURM), *map(str, args)], stderr=subprocess.PIPE, text=True)


def ask(*command: object) -> str:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout


def running_ids() -> set[str]:
    return set(ask("squeue", "-h", "-t", "running,pending", "-o", "%F").split())


def test_a_job_gets_its_number_its_arguments_and_the_environment(slurm: Path) -> None:
    nasty = ["a b", "it's", 'say "hi"', "$HOME `ls` $(ls)", "two\nlines", "", "*", "MYJOBS/x", "\\", "é", "--mem", "#"]
    odd = {"ODD": 'a,b\nc $x "q"', "BASH_FUNC_f%%": "() { :; }", "A.B": "1", "LONG": "x" * 100_000}
    script = "import json, os, sys; json.dump([sys.argv[2:], dict(os.environ)], open(sys.argv[1], 'w'))"
    (slurm / "JOB").mkdir()
    numbers = ("JOB=1,3-4", "log %a/JOB.log", PYTHON, "-c", script)
    done = run(*numbers, f"{slurm}/JOB/out.JOB.json", *nasty, "\r", "JOB/2", **odd)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (slurm / "JOB").iterdir()) == ["out.1.json", "out.3.json", "out.4.json"]
    arguments, environment = json.loads((slurm / "JOB" / "out.3.json").read_text())
    assert arguments == [*nasty, "\r", "3/2"]
    ours = {**os.environ, **odd}
    of_slurm = {"HOSTNAME", "TMPDIR", "ENVIRONMENT", "OMP_NUM_THREADS", "SHLVL", "_", "PWD", "OLDPWD"}
    assert {name for name in ours if environment.get(name) != ours[name]} <= of_slurm
    assert environment["OMP_NUM_THREADS"] == os.environ.get("OMP_NUM_THREADS", "1")


def test_failed_jobs_are_named_with_how_and_the_end_of_the_first_log(slurm: Path) -> None:
    script = 'echo "job $1 says why"; case $1 in 2) exit 3 ;; 3) kill -9 $$ ;; 4) exit 3 ;; esac'
    done = run("JOB=1:4", "log.JOB", "sh", "-c", script, "sh", "JOB")
    assert done.returncode == 1
    assert "3 of 4 jobs failed" in done.stderr
    assert "job 2, 4: failed (exit code 3)" in done.stderr
    assert "job 3: killed by SIGKILL" in done.stderr
    assert "last lines of log.2" in done.stderr
    assert "| job 2 says why" in done.stderr
    assert re.search(r"# Ended \(code 137, signal 9\) at .*\n$", (slurm / "log.3").read_text())
    assert run("log", "sh", "-c", "exit 2").returncode == 2
    (slurm / "no-folder").touch()
    assert "Not a directory" in run("JOB=1:2", "no-folder/log.JOB", "true").stderr


def test_ends_that_are_not_the_programs_own_are_told_apart(slurm: Path) -> None:
    launcher = start("--no-requeue", "JOB=1:3", "log.JOB", "sleep", "60")
    wait_for(lambda: len(list(slurm.glob("log.*"))) == 3)
    (array,) = running_ids()
    ask("scancel", f"{array}_1")
    ours = {b"SLURM_ARRAY_TASK_ID=2", f"SLURM_SUBMIT_DIR={slurm}".encode()}  # this machine may have jobs of others
    for step in Path("/proc").glob("[0-9]*/environ"):  # job 2 is killed from outside, with the script that runs it
        try:
            if ours <= set(step.read_bytes().split(b"\0")):
                os.kill(int(step.parent.name), signal.SIGKILL)
        except (OSError, ProcessLookupError):
            continue
    wait_for(lambda: ask("squeue", "-h", "-t", "all", "-j", f"{array}_2", "-o", "%T").strip() == "FAILED")
    nodes = ask("squeue", "-h", "-r", "-j", f"{array}_3", "-o", "%N").split()
    try:
        ask("scontrol", "update", f"nodename={nodes[0]}", "state=down", "reason=test")
        stderr = launcher.communicate(timeout=LONGEST_SEC)[1]
    finally:
        again = ["scontrol", "update", f"nodename={nodes[0]}", "state=resume"]
        subprocess.run(again, capture_output=True, check=False)  # it may have come back by itself
    assert launcher.returncode == 1
    assert "job 1: cancelled" in stderr
    assert "job 2: killed by SIGKILL, perhaps for want of memory" in stderr
    assert "job 3: lost: its node went down" in stderr


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_array(slurm: Path, signum: int) -> None:
    launcher = start("--max-jobs-run", 1, "JOB=1:3", "log.JOB", "sleep", "60")
    wait_for((slurm / "log.1").exists)
    launcher.send_signal(signum)
    stderr = launcher.communicate(timeout=LONGEST_SEC)[1]
    assert launcher.returncode == 128 + signum
    assert f"{signal.Signals(signum).name}: job " in stderr
    assert "cancelled, 3 jobs" in stderr
    assert running_ids() == set()
    assert not (slurm / "log.2").exists()


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGHUP])
def test_an_array_whose_launcher_is_gone_is_found_again_and_not_started_twice(slurm: Path, signum: int) -> None:
    script = f"echo x >> {slurm}/starts.JOB; [ JOB = 1 ] || while [ ! -e {slurm}/go ]; do sleep 0.1; done"
    call = ("JOB=1:3", "log.JOB", "sh", "-c", script)
    first = start(*call)
    wait_for(lambda: len(list(slurm.glob("starts.*"))) == 3)
    wait_for_text(slurm / "log.1", "# Ended (code 0)")
    first.send_signal(signum)
    first.communicate(timeout=LONGEST_SEC)
    ids = running_ids()
    assert len(ids) == 1
    refused = run("JOB=1:3", "log.JOB", "sleep", "1")
    assert refused.returncode == 2
    assert f"scancel {ids.pop()}" in refused.stderr
    assert run("--no-wait", *call).stdout.split() == list(running_ids())
    second = start(*call)
    assert second.stderr is not None
    assert "2 jobs of an earlier call are still at work" in second.stderr.readline()
    (slurm / "go").touch()
    second.communicate(timeout=LONGEST_SEC)
    assert second.returncode == 0
    assert [(slurm / f"starts.{job}").read_text() for job in (1, 2, 3)] == ["x\n"] * 3


def test_a_chain_starts_when_its_first_array_has_ended_well_and_never_hangs(slurm: Path) -> None:
    good = run("--no-wait", "JOB=1:2", "good.JOB", "sh", "-c", f"sleep 0.5; echo x >> {slurm}/made")
    bad = run("--no-wait", "bad", "sh", "-c", "sleep 0.5; exit 1")
    assert re.fullmatch(r"\d+\n", good.stdout)
    after = run("--after", good.stdout.strip(), "after", "cat", slurm / "made")
    assert after.returncode == 0, after.stderr
    assert (slurm / "after").read_text().count("\nx") == 2
    failed = run("--after", f"{good.stdout.strip()}:{bad.stdout.strip()}", "never", "true")
    assert failed.returncode in (1, 2)
    assert "did not end well" in failed.stderr
    assert not (slurm / "never").exists()
    unknown = run("--after", 999999, "never", "true")
    assert unknown.returncode == 2
    assert "does not know this job" in unknown.stderr


def test_a_dependency_that_fails_while_waited_for_cancels(slurm: Path) -> None:
    waits = f"while [ ! -e {slurm}/go ]; do sleep 0.1; done; echo all is lost; [ $1 = 2 ] || kill -9 $$"
    bad = run("--no-wait", "JOB=1:3", "bad.JOB.log", "sh", "-c", waits, "-", "JOB").stdout.strip()
    between = run("--no-wait", "--after", bad, "between", "true").stdout.strip()
    launcher = start("--after", f"{bad}:{between}", "never", "true")
    wait_for(lambda: len(running_ids()) == 3)
    (slurm / "go").touch()
    stderr = launcher.communicate(timeout=LONGEST_SEC)[1]
    assert launcher.returncode == 1
    assert "cancelled: a job that it was to come after did not end well" in stderr
    assert re.findall(r"bad \(job id (\d+)\): job (.*): killed by SIGKILL", stderr) == [(bad, "1, 3")]
    assert "between" not in stderr
    assert "  | all is lost\n" in stderr


def test_numbers_beyond_slurms_own_and_a_thousand_tasks_leave_no_file(slurm: Path) -> None:
    first = run("--hold", "--no-wait", "JOB=1:1000", "log.JOB", "true")
    assert ask("squeue", "-h", "-r", "-o", "%F").split() == first.stdout.split() * 1000
    assert list(slurm.iterdir()) == []
    ask("scancel", first.stdout.strip())
    done = run("JOB=2,1002,3001", "far.JOB", "sh", "-c", "echo number JOB")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in slurm.iterdir()} == {"far.2", "far.1002", "far.3001"}
    assert "\nnumber 3001\n" in (slurm / "far.3001").read_text()


def test_resources_and_slurms_own_options_reach_slurm(slurm: Path) -> None:
    options = ["--mem", "100M", "--num-threads", 2, "--time", "1:30:0", "--max-jobs-run", 3, "--num-ranks", 2]
    array = run("--hold", "--no-wait", *options, "-w", "node2", "--nice=7", "JOB=1:5", "log/a.JOB.log", "true").stdout
    shown = ask("scontrol", "show", "job", "-o", array.strip())
    for word in ("CPUs/Task=2", "TimeLimit=01:30:00", "ReqNodeList=node2", "JobName=a", "ArrayTaskThrottle=3"):
        assert word in shown
    assert "Nice=7 " in shown
    assert "MinMemoryNode=100M" in shown
    assert "NtasksPerN:B:S:C=2:" in shown
    assert run("--partition", "none", "log", "true").returncode == 1
    assert "did you mean --partition" in run("--partitoin", "x", "log", "true").stderr
    assert "--array" not in run("--array", "1-2", "log", "true").stdout


def start_again(job: str, log: Path) -> None:
    """Before the two minutes are over for which Slurm keeps back a job that was requeued.

    They are there for a reason: a node tells the first start of a job from its second by the second on its clock.
    """
    wait_for(lambda: ask("squeue", "-h", "-j", job, "-o", "%T").strip() == "PENDING")
    time.sleep(2)
    for _ in range(round(LONGEST_SEC / 0.2)):
        command = ["scontrol", "update", f"jobid={job}", "starttime=now"]
        subprocess.run(command, capture_output=True, check=False)  # refused while the job is still leaving its node
        if "# Start 2\n" in log.read_text():
            return
        time.sleep(0.2)
    pytest.fail(f"not started again: {ask('scontrol', 'show', 'job', job)}")


@pytest.mark.parametrize("by", ["scontrol", "itself"])
def test_a_job_that_asks_for_another_start_gets_it(slurm: Path, by: str) -> None:
    """As preemption does it, and as a job does it that is warned of its time limit (sbatch --signal B:USR1@60)."""
    wait = "while :; do sleep 0.1; done"
    script = f"[ -e saved ] && exit 0; trap 'touch saved; exit 75' TERM USR1; echo ready; {wait}"
    launcher = start("log", "sh", "-c", script)
    wait_for_text(slurm / "log", "\nready\n")
    (job,) = running_ids()
    ask("scontrol", "requeue", job) if by == "scontrol" else ask("scancel", "--batch", "--signal=USR1", job)
    assert launcher.stderr is not None
    assert "job 1 was taken from its machine and waits for another start" in launcher.stderr.readline()
    start_again(job, slurm / "log")
    launcher.communicate(timeout=LONGEST_SEC)
    assert launcher.returncode == 0
    log = (slurm / "log").read_text()
    assert log.index("# Ended (code 75)") < log.index("# Start 2\n") < log.index("# Ended (code 0)")


TRAIN = [PYTHON, "-m", "masr.cli.main", "train"]
CHANGES = ["--max-steps", "30", "--set", "encoder.dropout=0"]
CHANGES += ["--set", "training.save_every=1000", "--set", "training.validate_every=30"]


@pytest.fixture(scope="module")
def uninterrupted(spoken: Path) -> Path:
    """The folder of a run that nothing disturbs."""
    from masr.cli.main import main

    assert main(["train", str(spoken / "run.yaml"), str(spoken / "exp" / "whole"), *CHANGES]) == 0
    return spoken / "exp" / "whole"


def preempt(folder: Path, log: Path) -> None:
    """Requeue the only job in the middle of its training, and start it again before Slurm's pause is over."""
    wait_for(lambda: (folder / "metrics.jsonl").exists() and (folder / "metrics.jsonl").read_text())
    (job,) = running_ids()
    ask("scontrol", "requeue", job)
    wait_for_text(log, "# Ended (code 75)")
    start_again(job, log)


def largest_difference(one: Path, other: Path) -> float:
    ours, theirs = (
        load_file(folder / "checkpoints" / "step_000000030" / "model.safetensors") for folder in (one, other)
    )
    assert ours.keys() == theirs.keys()
    return max(float((ours[key].double() - theirs[key].double()).abs().max()) for key in ours if ours[key].numel())


@pytest.mark.slow
def test_a_training_that_is_preempted_ends_with_the_same_weights(
    slurm: Path, spoken: Path, uninterrupted: Path
) -> None:
    folder = slurm / "run"
    launcher = start("log", *TRAIN, spoken / "run.yaml", folder, *CHANGES)
    preempt(folder, slurm / "log")
    launcher.communicate(timeout=LONGEST_SEC)
    assert launcher.returncode == 0, (slurm / "log").read_text()[-2000:]
    assert "# Start 2\n" in (slurm / "log").read_text()
    assert largest_difference(folder, uninterrupted) == 0


def test_two_nodes_train_as_one_also_when_preempted(slurm: Path, spoken: Path, uninterrupted: Path) -> None:
    folder = slurm / "run"
    launcher = start("--num-nodes", 2, "log", *TRAIN, spoken / "run.yaml", folder, *CHANGES)
    preempt(folder, slurm / "log")
    launcher.communicate(timeout=LONGEST_SEC)
    assert launcher.returncode == 0, (slurm / "log").read_text()[-2000:]
    assert largest_difference(folder, uninterrupted) < 1e-4
