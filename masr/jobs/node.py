"""What a scheduler starts on a node: one job of an array, from the description at the end of its batch script.

  python masr/jobs node SCRIPT

The description is one line of JSON: each word of the command cut where the job's number goes, the log's name cut
likewise, and what else the job needs to know. The job's number is the scheduler's index, with a shift where numbers are
larger than the scheduler's indices may be.
The log is the same as run.py writes; a job that was started again writes on in the same log.

A job that ends with 75 has saved its work and asks for another start: Slurm is asked to requeue it, Grid Engine is
told so by its own exit code, 99.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from masr.jobs import program
from masr.jobs.joblog import JobLog
from masr.jobs.signals import REQUEUE

MARK = b"\n#JSON "
ACCOUNT_SEC = 30.0
_LAST_WORDS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def main(argv: Sequence[str]) -> int:
    """Runs the job and returns what the scheduler should see as its exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _LAST_WORDS)
    spec = json.loads(Path(argv[0]).read_bytes().rpartition(MARK)[2])
    number, restart = _number(spec), _restart()
    command = [str(number).join(word) for word in spec["command"]]
    os.chdir(spec["cwd"])
    more = [*spec["head"], f"Job {_array_id()}_{number}"] + ([f"Start {restart + 1}"] if restart else [])
    path = Path(str(number).join(spec["log"]))
    log = JobLog.begin(path, command, *more, go_on=bool(restart))
    if spec["after"] and (trouble := _trouble_before(spec)):
        log.say(trouble)
        log.end(1, spec["num_threads"])
        return 1
    signals: list[int] = []
    code = _run(spec, command, log, signals)
    log.end(code, spec["num_threads"])
    if code == REQUEUE:
        return _requeue(path, signals)
    return code if code >= 0 else 128 - code


def _run(spec: dict[str, Any], command: list[str], log: JobLog, signals: list[int]) -> int:
    """The program's exit code, -N where signal N ended it; `signals` gets the signals that came while it ran.

    There is no supervisor: a scheduler ends what a job leaves, and tells every process of it to stop.
    """
    try:
        process = subprocess.Popen(
            _started_by(spec, command),
            stdin=subprocess.DEVNULL,
            stdout=log.stream,
            stderr=log.stream,
            env=_environment(spec),
            close_fds=False,
            preexec_fn=_unblock,
        )
    except (OSError, ValueError) as error:
        log.say(f"{command[0]} cannot be started: {error.strerror if isinstance(error, OSError) else error}")
        return 127

    def pass_on(signum: int, _frame: FrameType | None) -> None:
        signals.append(signum)
        # Schedulers send SIGTERM to every process of a job, and the warnings to this one alone.
        if signum != signal.SIGTERM and process.poll() is None:
            process.send_signal(signum)

    for signum in _LAST_WORDS:
        signal.signal(signum, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _LAST_WORDS)
    return process.wait()


def _started_by(spec: dict[str, Any], command: list[str]) -> list[str]:
    """The command itself, or what starts it as several ranks."""
    nodes, ranks = spec["num_nodes"], spec["num_ranks"]
    if nodes * ranks == 1:
        return command
    if "SLURM_JOB_ID" not in os.environ:
        return [*program("ranks"), str(ranks), *command]
    # A rank that fails must not cut the others short while they save; but one that waits for it must not wait for ever.
    options = [f"--nodes={nodes}", f"--ntasks={nodes * ranks}", f"--ntasks-per-node={ranks}", "--distribution=block"]
    return ["srun", *options, f"--cpus-per-task={spec['num_threads']}", "--kill-on-bad-exit=0", "--wait=300", *command]


def _environment(spec: dict[str, Any]) -> dict[str, str]:
    """What the scheduler handed on, and what the description holds where the scheduler cannot."""
    environment = {**os.environ, **(spec["environment"] or {})}
    environment.setdefault("OMP_NUM_THREADS", str(spec["num_threads"]))
    return environment


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _LAST_WORDS)


def _number(spec: dict[str, Any]) -> int:
    index = os.environ.get("SLURM_ARRAY_TASK_ID") or os.environ.get("SGE_TASK_ID") or "1"
    return int(index) + int(spec["shift"])


def _restart() -> int:
    """How often the scheduler has started this job before."""
    return int(os.environ.get("SLURM_RESTART_COUNT") or os.environ.get("RESTARTED") or "0")


def _array_id() -> str:
    return os.environ.get("SLURM_ARRAY_JOB_ID") or os.environ.get("JOB_ID", "")


def _requeue(path: Path, signals: list[int]) -> int:
    """Ask for another start; the code that goes with it."""
    if "SLURM_JOB_ID" not in os.environ:
        return 99
    if signal.SIGTERM not in signals:  # else the scheduler is ending the job and knows itself whether to start it again
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        ask = ["scontrol", "requeue", os.environ["SLURM_JOB_ID"]]
        with path.open("ab") as log:
            asked = subprocess.run(ask, stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=False)
        if asked.returncode == 0:
            signal.sigtimedwait([signal.SIGTERM], 60)  # an end before the controller has acted would be the last one
    return REQUEUE


def _trouble_before(spec: dict[str, Any]) -> str:
    """Grid Engine starts what waits for a job however that job ended: so its own account of it is asked.

    The account may come some seconds after the end, and never where a cluster keeps none.
    """
    environment = _environment(spec)
    qacct = shutil.which("qacct", path=environment.get("PATH"))
    deadline = time.monotonic() + ACCOUNT_SEC
    for job in spec["after"] if qacct else []:
        while True:
            asked = subprocess.run(
                [str(qacct), "-j", job], capture_output=True, text=True, env=environment, check=False
            )
            if asked.returncode == 0 or time.monotonic() > deadline:
                break
            time.sleep(1.0)
        rows = [line.split() for line in asked.stdout.splitlines()]
        bad = [row for row in rows if len(row) > 1 and row[0] in ("failed", "exit_status") and row[1] != "0"]
        if bad:
            return f"not run: job {job}, which this was to come after, did not end well ({' '.join(bad[0])})"
    return ""
