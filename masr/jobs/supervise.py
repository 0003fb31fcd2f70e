"""Stands between a launcher and one command, so that the command never outlives the launcher.

  python masr/jobs supervise LAUNCHER GRACE STATUS COMMAND...

LAUNCHER is the process that asks for the command, GRACE the seconds from a signal to SIGKILL (- for any time), STATUS a
descriptor that takes the error number of a command that cannot be started, and is closed when it has been.

Descendants of the command become children of this process when their parents die, in whatever session they are, so
that all of them can be found and ended: when the launcher dies, even of kill -9; when the command was told to stop; and
when it ends and leaves something behind. SIGINT, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 are handed to the command's
process group, each once; SIGQUIT kills everything at once. Ends as the command ends: with its code, or by its signal.
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress

from masr.jobs.descendants import children_of, descendants_of, kill
from masr.jobs.prctl import adopt_orphans, die_with_parent, leave_no_core

GRACE_SEC = 10.0
"""What has to be ended and has no other grace gets this from SIGTERM to SIGKILL."""
LEFT_SEC = 1.0
"""What a command that ended well leaves behind may take so long to end by itself: the tee of `> >(tee log)`."""
POLL_SEC = 0.05
_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HANDED_ON = (*_STOP, signal.SIGUSR1, signal.SIGUSR2)
_WATCHED = (*_HANDED_ON, signal.SIGQUIT, signal.SIGCHLD)


def main(argv: Sequence[str]) -> int:
    """The command's exit code; where a signal ended it, this process ends by the same one."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    launcher, status = int(argv[0]), int(argv[2])
    adopt_orphans()
    if not die_with_parent(signal.SIGHUP, launcher):
        return 1  # nobody is left who wants it
    os.set_inheritable(status, False)
    job = _start(argv[3:], status, before)
    os.close(status)
    code = _Supervisor(job, launcher, math.inf if argv[1] == "-" else float(argv[1])).run()
    if code < 0:
        leave_no_core()
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [-code])
        os.kill(os.getpid(), -code)
    return code


def _start(command: Sequence[str], status: int, mask: set[int | signal.Signals]) -> int:
    """The command's process, in a session of its own; it is killed should this process be killed."""
    here = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if die_with_parent(signal.SIGKILL, here):
            os.execvp(command[0], list(command))
    except OSError as error:
        os.write(status, str(error.errno).encode())
    finally:
        os._exit(127)


class _Supervisor:
    def __init__(self, job: int, launcher: int, grace_sec: float) -> None:
        self.job = job
        self.launcher = launcher
        self.grace_sec = grace_sec
        self.code: int | None = None
        self.handed_on: set[int] = set()
        self.is_orphan = False
        self.kill_at = math.inf

    def run(self) -> int:
        """The command's exit code, -N for signal N, once nothing of it is left."""
        while self.code is None:
            self.act_on(self.wait(self.kill_at - time.monotonic()))
            self.reap()
        self.clear_away()
        return self.code

    def wait(self, longest_sec: float) -> int | None:
        """The next signal; None where none comes in that time."""
        if longest_sec == math.inf:
            return signal.sigwaitinfo(_WATCHED).si_signo
        found = signal.sigtimedwait(_WATCHED, max(0.0, longest_sec))
        return None if found is None else found.si_signo

    def act_on(self, number: int | None) -> None:
        """Hands a signal on, and sees to it that the end comes."""
        if number == signal.SIGQUIT or time.monotonic() >= self.kill_at:
            kill(descendants_of([os.getpid()]))
            self.kill_at = time.monotonic() + POLL_SEC  # what was started meanwhile
        elif os.getppid() != self.launcher:
            if not self.is_orphan:
                # The command alone: launchers that it has started see it die, and know best what is to become of
                # their jobs.
                self.is_orphan = True
                self.tell(self.job, signal.SIGTERM)
                self.end_in(GRACE_SEC if self.grace_sec == math.inf else self.grace_sec)
        elif number in _HANDED_ON and number not in self.handed_on:
            try:
                os.killpg(self.job, number)
            except ProcessLookupError:  # it does not lead its group yet
                self.tell(self.job, number)
            if number in _STOP:
                self.handed_on.add(number)
                self.end_in(self.grace_sec)

    def clear_away(self) -> None:
        """Ends what the command has left behind: SIGTERM to each process that has lost its parent, later SIGKILL."""
        if self.code == 0 and not self.handed_on and not self.is_orphan:
            begin = time.monotonic() + LEFT_SEC
        else:
            begin = time.monotonic()
        end = begin + (GRACE_SEC if self.grace_sec == math.inf else self.grace_sec)
        signalled: set[int] = set()
        while self.reap() and time.monotonic() < end + GRACE_SEC:
            if time.monotonic() >= end:
                kill(descendants_of([os.getpid()]))
            elif time.monotonic() >= begin:
                orphans = children_of(os.getpid())
                for pid in orphans - signalled:
                    if signal.SIGTERM not in self.handed_on or not self.is_in_group(pid):
                        self.tell(pid, signal.SIGTERM)
                signalled |= orphans
            number = self.wait(POLL_SEC)
            if number == signal.SIGQUIT:
                end = time.monotonic()
            elif number in _STOP or os.getppid() != self.launcher:
                begin = min(begin, time.monotonic())

    def reap(self) -> bool:
        """Takes note of children that have ended; whether any is left."""
        try:
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] == self.job:
                    self.code = os.waitstatus_to_exitcode(found[1])
        except ChildProcessError:
            return False
        return True

    def end_in(self, grace_sec: float) -> None:
        self.kill_at = min(self.kill_at, time.monotonic() + grace_sec)

    def is_in_group(self, pid: int) -> bool:
        """Whether it has got what the command's group was sent."""
        with suppress(ProcessLookupError):
            return os.getpgid(pid) == self.job
        return False

    @staticmethod
    def tell(pid: int, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
