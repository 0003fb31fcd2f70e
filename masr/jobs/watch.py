"""A call of slurm.py or queue.py from its submission to its exit code.

Nothing is kept in files: a job's log tells whether it has ended well, and the scheduler's own list tells what waits or
runs, so that a call whose launcher was killed finds its array again.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from masr.errors import UsageError
from masr.jobs.joblog import code_in, how_it_failed, is_done, ranges, report_failures, show_tail, without_done
from masr.jobs.launch_line import JobArray, refuse
from masr.jobs.prctl import die_with_parent
from masr.jobs.progress import Progress
from masr.jobs.scheduler import NOT_RUN, Mark, Scheduler, SchedulerError, Seen
from masr.jobs.signals import Signals

CANCEL_SEC = 8.0
LOST_SEC = 3.0
LOST = "lost: its log has no end, and the scheduler no longer knows how it ended (its node may have gone down)"
UNBORN = "failed before its program began (exit code {code}): are this folder and this Python on every node?"
NOT_CANCELLED = "COULD NOT BE CANCELLED and may go on"


def launch(scheduler: Scheduler, array: JobArray) -> int:
    """Submit what is missing and wait for it, or only say its id, or cancel; the exit code."""
    with Signals() as signals:
        die_with_parent(signal.SIGHUP)  # who calls us may be killed outright: the array outlives that, and we need not
        if array.cancel:
            return cancel(scheduler, array, signals)
        return submit(scheduler, array, signals)


def submit(scheduler: Scheduler, array: JobArray, signals: Signals) -> int:
    """Submit what is missing and wait for it, or only say its id; the exit code."""
    watch = Watch(scheduler, array, set(without_done(scheduler.program, array)), signals=signals)
    try:
        if watch.open:
            watch.find_again()
            watch.submit_missing()
    except UsageError as error:
        refuse(scheduler.program, error)
    except OSError as error:
        refuse(scheduler.program, UsageError(f"{error.filename}: {error.strerror}"))
    except SchedulerError as error:
        print(f"{scheduler.program}: the scheduler refuses: {error}", file=sys.stderr)
        return 1
    if array.wait or signals.first:
        return watch.run()
    if watch.ids:
        print(watch.said_apart() if array.apart else ":".join(watch.ids))
    return 0


def cancel(scheduler: Scheduler, array: JobArray, signals: Signals) -> int:
    """End those of the arrays that are not over, and print their ids."""
    watch = Watch(scheduler, array, set(), signals=signals)
    try:
        at_work = {job.array_id for job in scheduler.look(array.cancel) if not job.state.startswith("ended")}
    except SchedulerError:
        at_work = set(array.cancel)  # it may be too busy to answer, and yet take an order
    watch.ids = [array_id for array_id in array.cancel if array_id in at_work]
    if not watch.ids:
        return 0
    try:
        watch.cancel(watch.ids)
    except SchedulerError as error:
        print(f"{scheduler.program}: job {','.join(watch.ids)}: {NOT_CANCELLED}: {error}", file=sys.stderr)
        return 1
    print(":".join(watch.ids))
    return 0


@dataclass
class Watch:
    """A call that waits for its jobs."""

    scheduler: Scheduler
    array: JobArray
    open: set[int]
    ids: list[str] = field(default_factory=list)
    submitted: list[str] = field(default_factory=list)
    """Those of the ids that this call has submitted; the others are of an earlier one."""
    failed: dict[int, str] = field(default_factory=dict)
    codes: list[int] = field(default_factory=list)
    states: dict[int, Seen] = field(default_factory=dict)
    missing: dict[int, float] = field(default_factory=dict)
    signals: Signals = field(default_factory=Signals)
    progress: Progress = field(default_factory=lambda: Progress(every_sec=60.0))
    said: set[str] = field(default_factory=set)

    def find_again(self) -> None:
        """Jobs of an earlier call that wait or run become this call's; UsageError where others write to the logs."""
        mark = Mark.of(self.array)
        at_work = [(other, job) for other, job in self.scheduler.at_work(mark.place) if job.number in self.open]
        if strange := sorted({job.array_id for other, job in at_work if other.what != mark.what}):
            raise UsageError(
                f"job {', '.join(strange)} of an earlier call writes to {self.array.log}: another command, or inputs",
                fix=f"wait for it to end, or end it: {self.scheduler.cancel_command} {' '.join(strange)}",
            )
        self.states = {job.number: job for _, job in at_work}
        self.ids += sorted({job.array_id for _, job in at_work})
        if at_work:
            self.open -= {number for number in self.open - set(self.states) if self.is_done_there(number)}
            self.say(f"{len(at_work)} jobs of an earlier call are still at work, as job {', '.join(self.ids)}")

    def is_done_there(self, number: int) -> bool:
        """Whether a job of an array that is still at work has ended well already: its log names the array."""
        return is_done(self.array, number, [f"Job {array_id}_{number}" for array_id in self.ids])

    def submit_missing(self) -> None:
        """What is neither done nor at work."""
        missing = sorted(self.open - set(self.states))
        for number in missing:
            self.array.log_of(number).unlink(missing_ok=True)  # what an earlier call left must not be taken for ours
        if missing:
            self.submitted = self.scheduler.submit(self.array, missing, Mark.of(self.array))
            self.ids += self.submitted

    def said_apart(self) -> str:
        """Two words: the ids that this call has submitted, and those of an earlier one; - for none."""
        earlier = self.ids[: len(self.ids) - len(self.submitted)]
        return f"{':'.join(self.submitted) or '-'} {':'.join(earlier) or '-'}"

    def run(self) -> int:
        """The launcher's exit code."""
        while self.open and not self.signals.first:
            self.look()
            if self.open and not self.signals.first:
                self.progress.show(self.line)
                self.sleep()
        if self.signals.first:
            return self.end_early(self.signals.first)
        self.progress.end(self.line)
        if not self.failed:
            return 0
        report_failures(self.scheduler.program, self.array, self.failed)
        if NOT_RUN in self.failed.values():
            self.report_earlier()
        return 2 if set(self.codes) == {2} else 1

    def report_earlier(self) -> None:
        """Which jobs of the arrays before this one failed and how, and the end of the first one's log."""
        try:
            jobs = [job for job in self.scheduler.look(self.array.after) if job.state == "ended badly"]
        except SchedulerError:
            return
        failed: dict[tuple[str, str, str], list[int]] = {}
        for job in jobs:
            if job.why != NOT_RUN:
                how = job.why or how_it_failed(job.code or 1)
                failed.setdefault((job.name, job.array_id, how), []).append(job.number)
        for (name, array_id, how), numbers in failed.items():
            said = f"{name or 'job'} (job id {array_id}): job {ranges(sorted(numbers))}: {how}"
            print(f"{self.scheduler.program}: {said}", file=sys.stderr)
        logs = [Path(self.array.log).with_name(f"{job.name}.{job.number}.log") for job in jobs if job.why != NOT_RUN]
        if log := next((log for log in logs if log.is_file()), None):
            show_tail(self.scheduler.program, log)

    def look(self) -> None:
        """Take note of what the scheduler says, and of jobs that it no longer knows."""
        try:
            seen = {job.number: job for job in self.scheduler.look(self.ids) if job.number in self.open}
            for number in sorted(self.open - set(seen)):
                self.take_missing(number)
        except SchedulerError as error:
            self.say(f"the scheduler does not answer; waiting for it ({error})")
            return
        for number, job in sorted(seen.items()):
            if job.state.startswith("ended"):
                self.close(number, job)
            elif job.state == "waiting" and "held" in job.why.lower():
                self.say(f"job {number} is held by the scheduler ({job.why}): it starts when it is released")
            elif job.state == "waiting" and self.array.log_of(number).exists():
                self.say(
                    f"job {number} was taken from its machine and waits for another start ({job.why or 'requeued'})"
                )
        self.states = {number: job for number, job in seen.items() if number in self.open}

    def take_missing(self, number: int) -> None:
        """Closes a job that left the scheduler's list, by its log or the accounts; a shared disk may take a moment."""
        code = code_in(self.array.log_of(number))
        if code is None:
            since = self.missing.setdefault(number, time.monotonic())
            job = self.scheduler.account(self.ids, number)
            if job is None and time.monotonic() - since < LOST_SEC:
                return
            self.close(number, job or Seen("", number, "ended badly", LOST, None))
        else:
            self.close(number, Seen("", number, "ended badly" if code else "ended well", "", code))

    def close(self, number: int, job: Seen) -> None:
        """One job is over."""
        self.open.discard(number)
        if job.state == "ended well":
            return
        code = code_in(self.array.log_of(number)) if job.code is None else job.code
        how = how_it_failed(code or 1) if self.array.log_of(number).exists() else UNBORN.format(code=code or 1)
        self.failed[number] = job.why or how
        self.codes.append(code or 1)

    def line(self) -> str:
        """train.JOB.log: 3 of 8 jobs done, 2 running, 3 waiting (Resources), 0:12, job id 17."""
        total = len(self.array.numbers)
        waiting = [job for job in self.states.values() if job.state == "waiting"]
        running = len(self.states) - len(waiting)
        done = total - len(self.open) - len(self.failed)
        parts = [f"{done} of {total} job{'s' if total > 1 else ''} done"]
        parts += [f"{running} running"] if running else []
        reasons = sorted({job.why for job in waiting if job.why and job.why != "None"})
        parts += [f"{len(waiting)} waiting" + (f" ({', '.join(reasons[:2])})" if reasons else "")] if waiting else []
        parts += [f"{len(self.failed)} failed"] if self.failed else []
        where = f"{self.progress.clock()}, job id {','.join(self.ids)}"
        return f"{self.scheduler.program}: {Path(self.array.log).name}: {', '.join(parts)}, {where}"

    def say(self, text: str) -> None:
        """A line, once."""
        if text not in self.said:
            self.said.add(text)
            self.progress.say(f"{self.scheduler.program}: {text}")

    def sleep(self) -> None:
        """Short at first, longer for what takes longer: a controller has many to answer."""
        age = time.monotonic() - self.progress.started
        self.signals.wait(min(10.0, max(0.3, age / 10)))

    def end_early(self, signum: int) -> int:
        """After a signal. SIGHUP is a terminal that went away: the array stays, and the same call finds it again.

        A call that does not wait only hands over an array of an earlier call, which is not its to cancel.
        """
        mine = self.ids if self.array.wait else self.submitted
        name, program, ids = (signal.Signals(signum).name, self.scheduler.program, ",".join(mine))
        if not mine:
            self.progress.say(f"{program}: {name}: nothing was submitted: {self.array.log}")
        elif signum == signal.SIGHUP:
            self.progress.say(f"{program}: {name}: job {ids} goes on; the same call waits for it again")
        else:
            try:
                self.cancel(mine)
                self.progress.say(f"{program}: {name}: job {ids} cancelled, {len(self.open)} jobs: {self.array.log}")
            except SchedulerError as error:
                self.progress.say(f"{program}: {name}: job {ids} {NOT_CANCELLED}: {error}")
        return 128 + signum

    def cancel(self, ids: Sequence[str]) -> None:
        """End these arrays and wait a while for it; those that wait for others first, lest they be let go."""
        self.scheduler.cancel(list(reversed(ids)))
        deadline = time.monotonic() + CANCEL_SEC
        while time.monotonic() < deadline and not self.signals.hurry:
            if all(job.state.startswith("ended") for job in self.scheduler.look(ids)):
                break
            self.signals.wait(0.2)
