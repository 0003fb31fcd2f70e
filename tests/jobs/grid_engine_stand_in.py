"""Stands in for Grid Engine, which no package brings: qsub, qstat, qacct and qdel as their manual pages describe them.

Called by one of those names. $STAND_IN is its folder: ID/ holds the script, the options, and for each task a file with
its state (qw, hqw, r, Eqw) or, in ID/done/, its accounts. Each array has a process that starts its tasks as the limit
-tc and the jobs of -hold_jid allow, whatever way those ended; 99 starts a task again, 100 leaves it in error state.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(os.environ["STAND_IN"])
WITH_VALUE = {"-t": 1, "-N": 1, "-S": 1, "-r": 1, "-o": 1, "-j": 1, "-tc": 1, "-hold_jid": 1, "-l": 1, "-q": 1}
WITH_VALUE |= {"-pe": 2, "-terse": 0, "-P": 1}


def qsub(words: list[str]) -> int:
    options: dict[str, list[str]] = {}
    while words:
        name = words.pop(0)
        if name not in WITH_VALUE:
            print(f'qsub: Unknown option "{name}"', file=sys.stderr)
            return 1
        options[name] = [words.pop(0) for _ in range(WITH_VALUE[name])]
    if "none.q" in options.get("-q", []):
        print('Unable to run job: Job was rejected because job requests unknown queue "none.q".', file=sys.stderr)
        return 1
    job = str(1 + max((int(path.name) for path in ROOT.iterdir()), default=0))
    folder = ROOT / job
    (folder / "done").mkdir(parents=True)
    (folder / "script").write_bytes(sys.stdin.buffer.read())
    (folder / "name").write_text(options["-N"][0])
    (folder / "options").write_text(repr(options))
    first, _, last = options["-t"][0].partition("-")
    held = [other for other in options.get("-hold_jid", [""])[0].split(",") if other and (ROOT / other).exists()]
    for task in range(int(first), int(last or first) + 1):
        (folder / str(task)).write_text("hqw" if held else "qw")
    if os.fork() == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        shepherd(folder, held, int(options.get("-tc", ["4"])[0]))
        os._exit(0)
    print(f"{job}.{first}-{last or first}:1" if "-terse" in options else f"Your job-array {job} has been submitted")
    return 0


def shepherd(folder: Path, held: list[str], limit: int) -> None:
    while any(tasks(ROOT / other) for other in held):
        time.sleep(0.05)
    running: dict[str, subprocess.Popen[bytes]] = {}
    restarted: set[str] = set()
    while waiting := tasks(folder):
        for task in waiting:
            if task not in running and len(running) < limit and "E" not in (folder / task).read_text():
                (folder / task).write_text("r")
                clean = {name: os.environ[name] for name in ("PATH", "STAND_IN")}  # without -V little arrives
                more = {"JOB_ID": folder.name, "SGE_TASK_ID": task, "RESTARTED": str(int(task in restarted))}
                command = ["/bin/bash", str(folder / "script")]
                running[task] = subprocess.Popen(command, env={**clean, **more}, start_new_session=True, cwd="/")
                (folder / "done" / f"{task}.pid").write_text(str(running[task].pid))
        for task, process in list(running.items()):
            if (code := process.poll()) is None:
                continue
            del running[task]
            if code == 99:
                restarted.add(task)
                (folder / task).write_text("qw")
            elif code == 100:
                (folder / task).write_text("Eqw")
            else:
                failed = "100 : assumedly after job" if code < 0 else "0"
                status = 128 - code if code < 0 else code
                (folder / "done" / task).write_text(f"taskid {task}\nfailed {failed}\nexit_status {status}\n")
                (folder / task).unlink(missing_ok=True)
        time.sleep(0.02)


def tasks(folder: Path) -> list[str]:
    return sorted((path.name for path in folder.iterdir() if path.name.isdecimal()), key=int)


def qstat(words: list[str]) -> int:
    assert words[0] == "-xml"
    running, pending = "", ""
    for folder in sorted(ROOT.iterdir(), key=lambda path: int(path.name)):
        for task in tasks(folder):
            state = (folder / task).read_text()
            name = (folder / "name").read_text()
            row = (
                f"<job_list><JB_job_number>{folder.name}</JB_job_number><JB_name>{name}</JB_name>"
                f"<state>{state}</state><slots>1</slots><tasks>{task}</tasks></job_list>"
            )
            running, pending = (running + row, pending) if state == "r" else (running, pending + row)
    print(f"<?xml version='1.0'?><job_info><queue_info>{running}</queue_info><job_info>{pending}</job_info></job_info>")
    return 0


def qacct(words: list[str]) -> int:
    job, task = words[1], words[3] if "-t" in words else "*"
    found = [path for path in (ROOT / job / "done").glob(task) if path.suffix != ".pid"]
    for path in found:
        print("=" * 62 + f"\njobnumber {job}\n" + path.read_text())
    if not found:
        print(f"error: job id {job} not found", file=sys.stderr)
    return int(not found)


def qdel(jobs: list[str]) -> int:
    for folder in (ROOT / job for job in jobs):
        names = tasks(folder)
        for task in names:
            (folder / task).unlink()
        for task in names:
            if (pid := folder / "done" / f"{task}.pid").exists():
                os.killpg(int(pid.read_text()), signal.SIGKILL)
    return 0


if __name__ == "__main__":
    sys.exit({"qsub": qsub, "qstat": qstat, "qacct": qacct, "qdel": qdel}[Path(sys.argv[0]).name](sys.argv[1:]))
