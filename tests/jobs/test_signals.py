"""What is noted of signals, and when a second one means haste."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from masr.jobs import signals as module
from masr.jobs.signals import Signals, Stop


def noted(*numbers: int) -> Signals:
    with Signals(signal.SIGUSR1) as signals:
        for number in numbers:
            os.kill(os.getpid(), number)
        signals.wait(0)
    return signals


def test_signals_are_noted_in_order_and_the_first_that_stops_is_kept() -> None:
    found = noted(signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    assert found.noted == [signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP, signal.SIGINT]
    assert found.first == signal.SIGTERM
    assert noted(signal.SIGUSR1).first is None


@pytest.mark.parametrize(
    ("numbers", "hurry"),
    [
        ([signal.SIGINT], False),
        ([signal.SIGINT, signal.SIGINT], True),
        ([signal.SIGTERM, signal.SIGTERM], False),
        ([signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1], False),
    ],
)
def test_a_second_ctrl_c_means_haste_and_an_echo_does_not(numbers: list[int], hurry: bool) -> None:
    assert noted(*numbers).hurry is hurry


def test_a_sigterm_that_is_no_echo_means_haste_and_a_callers_death_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ECHO_SEC", -1.0)
    assert noted(signal.SIGTERM, signal.SIGTERM).hurry
    assert not noted(signal.SIGTERM, signal.SIGHUP).hurry


def test_waiting_ends_with_a_signal_with_a_childs_end_and_with_time() -> None:
    with Signals(signal.SIGCHLD) as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        signals.wait()  # for ever, were it lost
        signals.wait(0.01)
        if os.fork() == 0:
            os._exit(0)
        signals.wait()
        os.wait()
    assert signals.noted == [signal.SIGTERM]


def test_what_was_there_before_is_there_again() -> None:
    before = [signal.getsignal(number) for number in (*module.STOP, signal.SIGCHLD)]
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    noted(signal.SIGHUP)
    assert [signal.getsignal(number) for number in (*module.STOP, signal.SIGCHLD)] == before
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


def left(*numbers: int, ignored: bool = False, **environment: str) -> tuple[int, bool]:
    """Exit code of a process that gets these signals inside a Stop, and whether it had seen one."""
    child = os.fork()
    if child == 0:
        os.environ.update(environment)
        signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.default_int_handler)
        with Stop() as stop:
            for number in numbers:
                os.kill(os.getpid(), number)
        os._exit(40 + stop.seen)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return (0, bool(code - 40)) if code in (40, 41) else (code, True)


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ([signal.SIGINT], 0),
        ([signal.SIGTERM, signal.SIGINT], 0),
        ([signal.SIGTERM, signal.SIGTERM, signal.SIGUSR1], 0),
        ([signal.SIGINT, signal.SIGINT], 130),
        ([signal.SIGINT, signal.SIGTERM, signal.SIGINT], 130),
    ],
)
def test_ctrl_c_is_remembered_and_the_second_leaves_at_once(numbers: list[int], code: int) -> None:
    assert left(*numbers) == (code, True)


def test_torchruns_echo_of_ctrl_c_is_no_second_one() -> None:
    assert left(signal.SIGINT, signal.SIGINT, TORCHELASTIC_RUN_ID="x") == (0, True)


def test_who_was_started_deaf_to_ctrl_c_stays_so() -> None:
    assert left(signal.SIGINT, signal.SIGINT, ignored=True) == (0, False)


def test_after_a_stop_all_handlers_are_what_they_were() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
    with Stop():
        pass
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
