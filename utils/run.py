#!/usr/bin/env python3
"""Runs a job array on this machine, as many jobs at once as fit its cores, memory and GPUs.

  run.py [options] [JOB=1:N] LOG PROGRAM ARG...

  --num-threads N   cores of one job (1); OMP_NUM_THREADS says so to the job where you have not set it yourself
  --mem 8G          memory of one job: decides how many fit at once, and is no limit on the job
  --gpu N           GPUs of one job (0); CUDA_VISIBLE_DEVICES gives each job its own
  --time 4:0:0      a job that runs longer is stopped and counts as failed
  --max-jobs-run N  never more jobs at once than this
  --num-ranks N     start each job's program N times, as the ranks of one world (1); --num-threads is for each of them
  --no-wait         is there for schedulers: here the jobs run to their end, and no id is printed
  --after ID        is there for schedulers: here what came before has ended
  --cancel ID       is there for schedulers: here what came before has ended

The jobs' numbers are a range, JOB=1:8, or a list, JOB=1,4,7-9. Where a stage that failed is run again and nothing it
depends on has changed (utils/stage.py), jobs whose logs say that they ended well are not repeated.

No shell comes between: every argument arrives as it was given, but for the job's number in place of JOB
(utils/launcher.py says where). The environment arrives whole. Each log holds the command, the host, when it started
and ended, and how. Ctrl-C, SIGTERM and the death of the caller stop every job with all that it started.

Exit code: 0; 2 where every failed job ended with 2 (something the user can fix), else 1; 128 + N after signal N.

example:
  run.py --max-jobs-run 2 JOB=1:4 exp/x/log/job.JOB.log masr features --job JOB/4 data/train
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from joblog import ATTEMPT, how_it_failed, report_failures, tail, without_done, write_end, write_start
from launcher import JobArray, Usage, parse, refuse
from machine import Machine
from progress import EVERY_SEC, Progress

GRACE_SEC = 5.0
RANKS = str(Path(__file__).resolve().with_name("ranks.py"))
_LIBC = ctypes.CDLL(None)
_SET_PARENT_DEATH_SIGNAL = 1


@dataclass
class Job:
    """A job that runs."""

    number: int
    process: subprocess.Popen[bytes]
    log: BinaryIO
    started: float
    gpus: list[str]
    late: bool = False


class Runner:
    """Starts jobs as there is room, and waits for them."""

    def __init__(self, array: JobArray, machine: Machine) -> None:
        self.array = array
        self.room = machine.room_for(array)
        self.free_gpus = list(machine.gpus)
        self.waiting = without_done("run.py", array)[::-1]
        self.running: list[Job] = []
        self.failed: dict[int, str] = {}
        self.codes: list[int] = []
        self.num_done = len(array.numbers) - len(self.waiting)
        self.stop_signals: list[int] = []
        self.progress = Progress()
        self.wake, waker = os.pipe()
        for descriptor in (self.wake, waker):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _signum, _frame: None)
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._stop)

    def run(self) -> int:
        """The launcher's exit code."""
        while (self.waiting or self.running) and not self.stop_signals:
            while self.waiting and len(self.running) < self.room and not self.stop_signals:
                self.start(self.waiting.pop())
            self.sleep()
            self.reap()
            self.progress.show(lambda: self.line() + self.said_last())
        if self.stop_signals:
            return self.end_early()
        self.progress.end(self.line)
        if not self.failed:
            return 0
        report_failures("run.py", self.array, self.failed)
        return 2 if set(self.codes) == {2} else 1

    def start(self, number: int) -> None:
        """One job into its log; a program that cannot be started is a failed job."""
        path = self.array.log_of(number)
        command = self.array.command_of(number)
        gpus = [self.free_gpus.pop(0) for _ in range(self.array.resources.num_gpus)]
        path.parent.mkdir(parents=True, exist_ok=True)
        log = path.open("wb", buffering=0)
        write_start(log, command, os.environ.get(ATTEMPT, ""))
        ranks = self.array.resources.num_ranks
        try:
            process = subprocess.Popen(
                [sys.executable, "-ES", RANKS, str(ranks), *command] if ranks > 1 else command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment(gpus),
                close_fds=False,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            log.write(f"{command[0]} cannot be started: {reason}\n".encode("utf-8", "surrogateescape"))
            self.free_gpus += gpus
            self.note(number, log, time.time(), 127, f"cannot be started ({reason})")
            return
        self.running.append(Job(number, process, log, time.time(), gpus))

    def environment(self, gpus: list[str]) -> dict[str, str]:
        """The caller's, whole; with the job's GPUs and threads."""
        environment = dict(os.environ)
        environment.setdefault("OMP_NUM_THREADS", str(self.array.resources.num_threads))
        if gpus:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
        return environment

    def sleep(self) -> None:
        """Until a job ends, a signal comes, a job's time is over or the progress line is due."""
        limit = self.array.resources.time_sec
        timeout = 0.5 if self.progress.on_screen else EVERY_SEC
        if limit:
            ends = [job.started + limit for job in self.running]
            timeout = max(0.0, min([timeout, *(end - time.time() for end in ends)]))
        select.select([self.wake], [], [], timeout)
        with suppress(BlockingIOError):
            os.read(self.wake, 4096)

    def reap(self) -> None:
        """Take note of the jobs that have ended, and stop those whose time is over."""
        limit = self.array.resources.time_sec
        for job in list(self.running):
            if limit and not job.late and time.time() - job.started > limit and job.process.poll() is None:
                job.late = True
                stop_jobs([job])
            if (code := job.process.poll()) is not None:
                self.running.remove(job)
                self.free_gpus += job.gpus
                self.note(job.number, job.log, job.started, code, _how(code, job.late, limit))

    def note(self, number: int, log: BinaryIO, started: float, code: int, how: str) -> None:
        """The log's last lines, in Kaldi's words, and the job's place in the report."""
        write_end(log, code, started, self.array.resources.num_threads)
        log.close()
        if code == 0:
            self.num_done += 1
        else:
            self.failed[number] = how
            self.codes.append(code)

    def end_early(self) -> int:
        """After a signal: every job is stopped with all that it started."""
        jobs = list(self.running)
        stop_jobs(jobs, lambda: len(self.stop_signals) > 1)
        self.reap()
        self.progress.clear()
        name = signal.Signals(self.stop_signals[0]).name
        stopped = f"{len(jobs)} running job{'s' if len(jobs) != 1 else ''} stopped, {len(self.waiting)} not started"
        print(f"run.py: {name}: {stopped}: {self.array.log}", file=sys.stderr)
        return 128 + self.stop_signals[0]

    def line(self) -> str:
        """train.JOB.log: 3 of 8 jobs done, 2 running, 1 failed, 0:12."""
        total = len(self.array.numbers)
        parts = [f"{self.num_done} of {total} job{'s' if total > 1 else ''} done"]
        parts += [f"{len(self.running)} running"] if self.running else []
        parts += [f"{len(self.failed)} failed"] if self.failed else []
        return f"run.py: {Path(self.array.log).name}: {', '.join(parts)}, {self.progress.clock()}"

    def said_last(self) -> str:
        """What the first of the running jobs wrote last: its own progress bar, as a rule."""
        if not self.running:
            return ""
        job = self.running[0]
        try:
            lines = [line.strip() for line in tail(self.array.log_of(job.number), 1)]
        except OSError:
            return ""
        return f" | job {job.number}: {lines[0]}" if lines and not lines[0].startswith("#") else ""

    def _stop(self, signum: int, _frame: FrameType | None) -> None:
        self.stop_signals.append(signum)


def stop_jobs(jobs: Sequence[Job], hurry: object = None) -> None:
    """SIGTERM to each job's process group, and SIGKILL to what is left of it after a while."""
    for job in jobs:
        _signal_group(job, signal.SIGTERM)
    deadline = time.time() + GRACE_SEC
    while time.time() < deadline and any(job.process.poll() is None for job in jobs):
        if callable(hurry) and hurry():
            break
        time.sleep(0.02)
    for job in jobs:
        _signal_group(job, signal.SIGKILL)
        job.process.wait()


def _signal_group(job: Job, signum: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(job.process.pid, signum)


def _die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies, even of kill -9."""
    _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)


def _how(code: int, late: bool, limit: float | None) -> str:
    if late:
        return f"ran past --time ({limit:.0f} s) and was stopped"
    return how_it_failed(code)


def main(argv: Sequence[str]) -> int:
    """Parse, run, report."""
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if argv else 2
    try:
        array = parse(argv)
        if array.cancel:
            return 0
        runner = Runner(array, Machine.here())
    except Usage as error:
        refuse("run.py", error)
    _die_with_parent()
    return runner.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
