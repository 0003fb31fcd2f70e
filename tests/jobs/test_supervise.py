"""No job outlives its launcher, and none is cut short that was only told to stop: real processes, real kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jobs.processes import LONGEST_SEC, marked, wait_for

UTILS = Path(__file__).resolve().parents[2] / "utils"
RUN, STAGE = ([sys.executable, "-ES", str(UTILS / name)] for name in ("run.py", "stage.py"))
SLEEPS = "sleep 987"
TREES = {
    "alone": f"touch ready; exec {SLEEPS}",
    "a pipe": f"({SLEEPS} | cat) & touch ready; {SLEEPS} | cat",
    "a session of its own": f"setsid {SLEEPS} & setsid -f {SLEEPS}; touch ready; wait",
    "deaf": f"trap '' TERM INT HUP; ({SLEEPS} | cat) & touch ready; while :; do sleep 1; done",
    "deaf shell": f"trap : TERM; touch ready; while :; do {SLEEPS}; done",
}


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[], set[int]]]:
    """The processes that a test has started and that still run; whatever it leaves is killed."""
    word = f"STARTED_BY={os.urandom(8).hex()}"
    monkeypatch.setenv(*word.split("="))
    monkeypatch.chdir(tmp_path)
    yield lambda: marked(word)
    for pid in marked(word):
        os.kill(pid, signal.SIGKILL)


def launcher(kind: str, script: str) -> list[str]:
    """run.py, or a stage whose command is a script that calls run.py, or a stage alone."""
    words = {
        "run.py": [*RUN, "log", "bash", "-c", script],
        "stage": [*STAGE, "1", "title", "folder", "--", "bash", "-c", script],
        "stage, run.py": [*STAGE, "1", "title", "folder", "--", "bash", "-c", '"$@"; true', "-"],
    }[kind]
    return [*words, *RUN, "log", "bash", "-c", script] if kind == "stage, run.py" else words


def start(kind: str, script: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(launcher(kind, script), start_new_session=True)
    wait_for(Path("ready").exists)
    return process


@pytest.mark.slow
@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("kind", ["run.py", "stage", "stage, run.py"])
def test_all_that_a_job_has_started_dies_with_a_killed_launcher(
    kind: str, tree: str, mark: Callable[[], set[int]]
) -> None:
    process = start(kind, TREES[tree])
    assert len(mark()) >= 2
    process.kill()
    process.wait()
    wait_for(lambda: not mark())


def test_a_training_under_a_shell_saves_when_its_launcher_is_killed(mark: Callable[[], set[int]]) -> None:
    training = "trap 'sleep 0.5; echo saved >saved; exit 75' TERM; touch ready; while :; do sleep 0.1; done"
    process = start("stage, run.py", f"bash -c {training!r} | cat")
    process.kill()
    process.wait()
    wait_for(lambda: not mark())
    assert Path("saved").read_text() == "saved\n"


def supervisor_of(launcher: int) -> int:
    """Its only child."""
    return int(Path(f"/proc/{launcher}/task/{launcher}/children").read_text())


@pytest.mark.parametrize("kind", ["run.py", "stage"])
def test_a_supervisor_that_is_killed_leaves_nothing_either(kind: str, mark: Callable[[], set[int]]) -> None:
    process = start(kind, TREES["a session of its own"])
    os.kill(supervisor_of(process.pid), signal.SIGKILL)
    assert process.wait(timeout=LONGEST_SEC) in (1, 137)
    wait_for(lambda: not mark())


@pytest.mark.parametrize("kind", ["run.py", "stage, run.py"])
def test_one_wish_to_stop_is_not_taken_for_haste_however_often_it_arrives(
    kind: str, mark: Callable[[], set[int]]
) -> None:
    """A cluster signals every process of a job, each of which hands it on; a shell that dies of it is noticed too."""
    process = start(kind, "trap 'sleep 1.5; echo saved; exit 75' TERM; touch ready; while :; do sleep 0.1; done")
    for pid in mark() if kind == "run.py" else [process.pid]:
        with suppress(ProcessLookupError):  # a sleep of the shell, which has ended meanwhile
            os.kill(pid, signal.SIGTERM)
    assert process.wait(timeout=LONGEST_SEC) == 128 + signal.SIGTERM
    assert "\nsaved\n" in Path("log").read_text()
    assert not mark()


@pytest.mark.parametrize(
    ("kind", "delay_ms"), [("run.py", 40 * n) for n in range(8)] + [("stage", 80 * n) for n in range(4)]
)
def test_a_signal_to_a_launcher_whose_job_has_just_begun_stops_the_job(
    kind: str, delay_ms: int, mark: Callable[[], set[int]]
) -> None:
    """Python takes a while until it hears. The log, or a stage's first file, is written just before the job starts."""
    job = "import signal, time; time.sleep(0.05); signal.signal(signal.SIGTERM, lambda *_: exit(75)); time.sleep(987)"
    first = [*RUN, "log"] if kind == "run.py" else [*STAGE, "1", "title", "folder", "--"]
    process = subprocess.Popen([*first, "bash", "-c", '"$@" | cat', "-", sys.executable, "-S", "-c", job])
    wait_for(Path("log" if kind == "run.py" else "folder").exists)
    time.sleep(delay_ms / 1000)
    process.terminate()
    # -SIGTERM is that of a stage which has not begun yet.
    assert process.wait(timeout=LONGEST_SEC) in (128 + signal.SIGTERM, -signal.SIGTERM)
    assert not mark()


def test_what_a_job_leaves_behind_ends_with_it(mark: Callable[[], set[int]]) -> None:
    done = subprocess.run(
        [*RUN, "log", "bash", "-c", f"{SLEEPS} & setsid {SLEEPS} & exit 0"], check=False, timeout=LONGEST_SEC
    )
    assert done.returncode == 0
    assert not mark()


def test_what_a_job_still_writes_when_it_ends_is_waited_for(mark: Callable[[], set[int]]) -> None:
    script = "exec > >(sleep 0.1; cat >copy); seq 1000"
    done = subprocess.run([*RUN, "log", "bash", "-c", script], check=False, timeout=LONGEST_SEC)
    assert done.returncode == 0
    assert Path("copy").read_text().endswith("\n1000\n")


@pytest.mark.parametrize("signum", [signal.SIGSEGV, signal.SIGPIPE, signal.SIGUSR1, signal.SIGKILL])
def test_a_job_that_a_signal_ends_is_told_from_one_that_fails(signum: signal.Signals, tmp_path: Path) -> None:
    done = subprocess.run(
        [*RUN, str(tmp_path / "log"), "sh", "-c", f"kill -{signum.value} $$"], check=False, timeout=LONGEST_SEC
    )
    assert done.returncode == 1
    assert f"# Ended (code {128 + signum}, signal {signum.value}) at" in (tmp_path / "log").read_text()
    assert not list(tmp_path.glob("core*"))


def test_a_job_sees_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leads a session of its own, blocks no signal, ignores no more than we do, and has no descriptor too many."""
    monkeypatch.chdir(tmp_path)
    script = (
        "import os; print('FACTS', os.getpid() == os.getsid(0) == os.getpgid(0), sorted(os.listdir('/proc/self/fd')),"
        " *[line.split()[1] for line in open('/proc/self/status') if line.startswith(('SigBlk', 'SigIgn'))])"
    )
    subprocess.run(
        [*RUN, "log", "bash", "-c", 'exec "$@"', "-", sys.executable, "-c", script], check=True, timeout=LONGEST_SEC
    )
    facts = next(line for line in Path("log").read_text().splitlines() if line.startswith("FACTS"))
    blocked, ignored = (int(word, 16) for word in facts.split()[-2:])
    assert facts.startswith("FACTS True ['0', '1', '2', '3'] ")  # 3 is the folder that is being listed
    assert blocked == 0
    ours = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("SigIgn"))
    of_python = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1  # which Python itself ignores
    assert ignored & ~of_python & ~int(ours.split()[1], 16) == 0


def test_a_launcher_that_is_gone_before_its_supervisor_begins_starts_nothing(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.set_inheritable(write, True)
    words = [sys.executable, "-ES", str(UTILS.parent / "masr" / "jobs"), "supervise", "1", "5", str(write)]
    done = subprocess.run(
        [*words, "touch", str(tmp_path / "started")], close_fds=False, check=False, timeout=LONGEST_SEC
    )
    assert done.returncode == 1
    assert not (tmp_path / "started").exists()
    os.close(read)
    os.close(write)
