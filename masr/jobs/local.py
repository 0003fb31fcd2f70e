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
depends on has changed (masr/jobs/stage.py), jobs whose logs say that they ended well are not repeated.

No shell comes between: every argument arrives as it was given, but for the job's number in place of JOB
(masr/jobs/launch_line.py says where). The environment arrives whole. Each log holds the command, the host, when it
started and ended, and how. Ctrl-C, SIGTERM and the death of the caller stop every job with all that it started.

Exit code: 0; 2 where every failed job ended with 2 (something the user can fix), else 1; 128 + N after signal N.

example:
  run.py --max-jobs-run 2 JOB=1:4 exp/x/log/job.JOB.log masr features --job JOB/4 data/train
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from masr.errors import UsageError
from masr.jobs import child, program
from masr.jobs.joblog import JobLog, attempt_line, how_it_failed, report_failures, tail, without_done
from masr.jobs.launch_line import JobArray, parse, refuse
from masr.jobs.machine import Machine
from masr.jobs.prctl import adopt_orphans, die_with_parent
from masr.jobs.progress import EVERY_SEC, Progress
from masr.jobs.signals import Signals

GRACE_SEC = 5.0
"""Time between SIGTERM and SIGKILL for a job that is to end."""


@dataclass
class Job:
    """A job that runs."""

    number: int
    process: subprocess.Popen[bytes]
    log: JobLog
    gpus: list[str]
    late: bool = False

    def stop(self, signum: int = signal.SIGTERM) -> None:
        """It is told, with all that it started, and killed where it goes on."""
        self.process.send_signal(signum)


class Runner:
    """Starts jobs as there is room, and waits for them."""

    def __init__(self, array: JobArray, machine: Machine, signals: Signals) -> None:
        self.array = array
        self.signals = signals
        self.room = machine.room_for(array)
        self.free_gpus = list(machine.gpus)
        self.waiting = without_done("run.py", array)[::-1]
        self.running: list[Job] = []
        self.failed: dict[int, str] = {}
        self.codes: list[int] = []
        self.num_done = len(array.numbers) - len(self.waiting)
        self.progress = Progress()

    def run(self) -> int:
        """The launcher's exit code."""
        while (self.waiting or self.running) and not self.signals.first:
            while self.waiting and len(self.running) < self.room and not self.signals.first:
                self.start(self.waiting.pop())
            self.signals.wait(self.until_due())
            self.reap()
            self.progress.show(lambda: self.line() + self.said_last())
        if self.signals.first:
            return self.end_early(self.signals.first)
        self.progress.end(self.line)
        if not self.failed:
            return 0
        report_failures("run.py", self.array, self.failed)
        return 2 if set(self.codes) == {2} else 1

    def start(self, number: int) -> None:
        """One job into its log; a program that cannot be started is a failed job."""
        command = self.array.command_of(number)
        ranks = self.array.resources.num_ranks
        words = [*program("ranks"), str(ranks), *command] if ranks > 1 else command
        gpus = [self.free_gpus.pop(0) for _ in range(self.array.resources.num_gpus)]
        log = JobLog.begin(self.array.log_of(number), command, *attempt_line())
        try:
            process = child.start(words, GRACE_SEC, log.stream, self.environment(gpus))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            log.say(f"{command[0]} cannot be started: {reason}")
            self.free_gpus += gpus
            self.note(number, log, 127, f"cannot be started ({reason})")
            return
        self.running.append(Job(number, process, log, gpus))

    def environment(self, gpus: list[str]) -> dict[str, str]:
        """The caller's, whole; with the job's GPUs and threads."""
        environment = dict(os.environ)
        environment.setdefault("OMP_NUM_THREADS", str(self.array.resources.num_threads))
        if gpus:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
        return environment

    def until_due(self) -> float:
        """Seconds until a job's time is over, or the line of progress is due."""
        limit = self.array.resources.time_sec
        due = 0.5 if self.progress.on_screen else EVERY_SEC
        ends = [job.log.started + limit for job in self.running if not job.late] if limit else []
        return max(0.0, min([due, *(end - time.monotonic() for end in ends)]))

    def reap(self) -> None:
        """Take note of the jobs that have ended, and stop those whose time is over."""
        limit = self.array.resources.time_sec
        for job in list(self.running):
            code = job.process.poll()
            if code is not None:
                self.running.remove(job)
                if code < 0:  # of the job, or of its supervisor, which then could not clear away
                    child.end_orphans([other.process.pid for other in self.running])
                self.free_gpus += job.gpus
                self.note(job.number, job.log, code, _how(code, job.late, limit))
            elif limit and not job.late and time.monotonic() - job.log.started > limit:
                job.late = True
                job.stop()

    def note(self, number: int, log: JobLog, code: int, how: str) -> None:
        """The log's last lines, in Kaldi's words, and the job's place in the report."""
        log.end(code, self.array.resources.num_threads)
        if code == 0:
            self.num_done += 1
        else:
            self.failed[number] = how
            self.codes.append(code)

    def end_early(self, signum: int) -> int:
        """After a signal: every job is stopped with all that it started."""
        num_running = len(self.running)
        for job in self.running:
            job.stop()
        while self.running:
            if self.signals.hurry:
                for job in self.running:
                    job.stop(signal.SIGQUIT)
            self.signals.wait()
            self.reap()
        self.progress.clear()
        stopped = f"{num_running} running job{'s' if num_running != 1 else ''} stopped, {len(self.waiting)} not started"
        print(f"run.py: {signal.Signals(signum).name}: {stopped}: {self.array.log}", file=sys.stderr)
        return 128 + signum

    def line(self) -> str:
        """train.JOB.log: 3 of 8 jobs done, 2 running, 1 failed, 0:12."""
        total = len(self.array.numbers)
        parts = [f"{self.num_done} of {total} job{'s' if total > 1 else ''} done"]
        parts += [f"{len(self.running)} running"] if self.running else []
        parts += [f"{len(self.failed)} failed"] if self.failed else []
        return f"run.py: {Path(self.array.log).name}: {', '.join(parts)}, {self.progress.clock()}"

    def said_last(self) -> str:
        """What the first of the running jobs wrote last: its own progress bar, as a rule."""
        if not self.running or not self.running[0].log.has_words:
            return ""
        number = self.running[0].number
        try:
            lines = [line.strip() for line in tail(self.array.log_of(number), 1)]
        except OSError:
            return ""
        return f" | job {number}: {lines[0]}" if lines else ""


def _how(code: int, late: bool, limit: float | None) -> str:
    if late:
        return f"ran past --time ({limit:.0f} s) and was stopped"
    return how_it_failed(code)


def main(argv: Sequence[str]) -> int:
    """Parse, run, report."""
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if argv else 2
    die_with_parent()
    adopt_orphans()
    with Signals(signal.SIGCHLD) as signals:
        try:
            array = parse(argv)
            if array.cancel:
                return 0
            runner = Runner(array, Machine.here(), signals)
        except UsageError as error:
            refuse("run.py", error)
        return runner.run()
