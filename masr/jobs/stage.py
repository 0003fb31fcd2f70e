"""Runs one stage of a recipe, unless nothing that it depends on has changed since it last succeeded.

  stage.py NUMBER TITLE FOLDER [--inputs PATH...] [--outputs PATH...] -- COMMAND...

FOLDER is the one the stage writes to. FOLDER/.stages/ holds its record, written only after success and removed
before the command starts, so that a killed stage never looks finished. A stage is skipped when its inputs, its
command line and the code of the command are the same as in the record (masr/jobs/fingerprint.py says how each is told)
and its outputs are all there. `--nj N` and `--cmd C` are left out of the command line: they say how fast a result
comes, not what it is.

While it runs, a stage holds FOLDER to itself and the folders of its inputs shared with other readers
(masr/jobs/locks.py).

Exit code: the command's own; 2 for what the user can fix.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from masr.errors import BusyError
from masr.files import parse_json
from masr.io.atomic import atomic_write
from masr.jobs import attempt
from masr.jobs.child import run_alone
from masr.jobs.fingerprint import code_state, input_state
from masr.jobs.locks import take_locks
from masr.jobs.prctl import die_with_parent

HOW_NOT_WHAT = ("--nj", "--cmd")
SHOWN = 5
NEVER_FINISHED = "no finished run of it is on record"


@dataclass(frozen=True)
class Call:
    """One `stage` line of a recipe."""

    number: int
    title: str
    folder: Path
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    command: tuple[str, ...]

    @property
    def name(self) -> str:
        """As the screen shows it."""
        return f"stage {self.number}: {self.title}"

    @property
    def record(self) -> Path:
        """Two calls of one number differ in their first output."""
        first = f".{self.outputs[0].name}" if self.outputs else ""
        return self.folder / ".stages" / f"{self.number}-{self.title}{first}.json"


def main(argv: Sequence[str]) -> int:
    """Skip, or run and record."""
    die_with_parent()
    call = parse(argv)
    now = state(call)
    if not (changes := compare(call, now)):
        print(f"{call.name}: unchanged, skipped", flush=True)
        return 0
    try:
        locks = take_locks(call.folder, call.inputs, call.name)
    except BusyError as error:
        refuse(f"{call.name}: {error.what}", fix="wait for it to end, stop it, or give other --data and --exp folders")
    if not (changes := compare(call, now)):
        print(f"{call.name}: done by another run, skipped", flush=True)
        return 0
    print(call.name, flush=True)
    if changes != [NEVER_FINISHED] or any(path.exists() for path in call.outputs if path != call.folder):
        print("".join(f"  {reason}\n" for reason in reasons(changes)), end="", flush=True)
    call.record.unlink(missing_ok=True)
    os.environ["STAGE_ATTEMPT"] = attempt.begin(call.record, now)
    started = time.monotonic()
    code = run(call)
    elapsed = clock(time.monotonic() - started)
    if code == 0:
        attempt.end(call.record)  # whatever comes now: old logs no longer count
        require_outputs(call, elapsed)
        write_record(call, now, time.monotonic() - started)
        print(f"{call.name}: done in {elapsed}", flush=True)
    else:
        print(f"{call.name}: {how_it_ended(code)} after {elapsed}; later stages were not run", file=sys.stderr)
    for lock in locks:
        os.close(lock)
    return code


def parse(argv: Sequence[str]) -> Call:
    """The command line, by hand: argparse cannot stop at the first `--`."""
    words = list(argv)
    if "--" not in words or len(words) < 5 or not words[0].isdecimal():
        refuse("usage: stage.py NUMBER TITLE FOLDER [--inputs PATH...] [--outputs PATH...] -- COMMAND...")
    cut = words.index("--")
    lists: dict[str, list[Path]] = {"--inputs": [], "--outputs": []}
    current: list[Path] | None = None
    for word in words[3:cut]:
        if word in lists:
            current = lists[word]
        elif current is None:
            refuse(f"stage {words[0]}: {word!r} stands before --inputs and --outputs")
        elif Path(word) not in current:
            current.append(Path(word))
    command = tuple(words[cut + 1 :])
    if not command:
        refuse(f"stage {words[0]}: there is no command after --")
    inputs, outputs = (tuple(lists[kind]) for kind in ("--inputs", "--outputs"))
    return Call(int(words[0]), words[1], Path(words[2]), inputs, outputs, command)


def state(call: Call) -> dict[str, Any]:
    """All that decides whether the stage has to run, as JSON holds it."""
    inputs = {}
    for path in call.inputs:
        try:
            inputs[str(path)] = input_state(path)
        except FileNotFoundError:
            refuse(f"{call.name}: {path} is not there", fix=who_writes(path))
        except OSError as error:
            refuse(f"{call.name}: {path} cannot be read: {error.strerror}")
    options = leave_out_how(call.command)
    return {"command": options, "inputs": inputs, "code": code_state(call.command, call.inputs)}


def leave_out_how(command: Iterable[str]) -> list[str]:
    """The command line without the options that change only how fast it runs."""
    kept: list[str] = []
    words = iter(command)
    for word in words:
        if word in HOW_NOT_WHAT:
            next(words, None)
        elif not word.startswith(tuple(f"{option}=" for option in HOW_NOT_WHAT)):
            kept.append(word)
    return kept


def compare(call: Call, now: dict[str, Any]) -> list[str]:
    """What differs from the last success, in words; empty where nothing does. A first run has one reason."""
    try:
        then = parse_json(call.record.read_text(encoding="utf-8"))
        old_inputs, old_code, old_command = dict(then["inputs"]), dict(then["code"]), list(then["command"])
    except FileNotFoundError:
        return [NEVER_FINISHED]
    except (OSError, ValueError, KeyError, TypeError):
        return [f"its record {call.record} cannot be read"]
    if old_command != now["command"]:
        return _command_changes(call, old_command, now["command"])
    changes = _differences(old_inputs, now["inputs"]) + _differences(old_code, now["code"])
    return changes + [f"{path} is gone" for path in call.outputs if not path.exists()]


def _command_changes(call: Call, then: list[str], now: list[str]) -> list[str]:
    """These are said loudly: most often another corpus is about to take the place of the one that was there."""
    if len(then) == len(now):
        pairs = [f"it was run with {old!r}, and now with {new!r}" for old, new in zip(then, now) if old != new]
    else:
        pairs = [f"it was run as: {shlex.join(then)}"]
    return [*pairs, f"WARNING: what it wrote to {call.folder} is replaced"]


def reasons(changes: list[str]) -> list[str]:
    """The changes as the screen shows them: the first few, and how many more."""
    shown = [change if change.startswith("WARNING") else f"again, because {change}" for change in changes[:SHOWN]]
    return shown + ([f"and {len(changes) - SHOWN} more such reasons"] if len(changes) > SHOWN else [])


def _differences(then: dict[str, str], now: dict[str, str]) -> list[str]:
    changed = [f"{key} changed" for key in now if key in then and then[key] != now[key]]
    added = [f"{key} is new to it" for key in now if key not in then]
    return changed + added + [f"{key} is no longer part of it" for key in then if key not in now]


def who_writes(path: Path) -> str:
    """Which earlier stage, or other script, makes this path; utils/stage.sh lists them in STAGE_OUTPUTS."""
    for line in os.environ.get("STAGE_OUTPUTS", "").split("\n"):
        if line.count("\t") < 2:
            continue
        number, title, output = line.split("\t", 2)
        if Path(output) in (path, *path.parents) or path in Path(output).parents:
            return (
                f"stage {number} ({title}) writes it: start with --stage {number}"
                if number
                else f"run {title}, which writes it"
            )
    return "check the path; a configuration or a corpus is yours to bring"


def run(call: Call) -> int:
    """The command's exit code, 128 + N where signal N ended it."""
    try:
        return run_alone(call.command)
    except FileNotFoundError:
        refuse(f"{call.name}: there is no command {call.command[0]!r} on the PATH", fix="make setup")
    except OSError as error:
        refuse(f"{call.name}: {call.command[0]!r} cannot be started: {error.strerror}")


def require_outputs(call: Call, elapsed: str) -> None:
    """A command that ends well without its outputs did not do its work."""
    if missing := [str(path) for path in call.outputs if not path.exists()]:
        refuse(
            f"{call.name}: ended after {elapsed} without writing {', '.join(missing)}",
            fix=f"see what it printed above; the command was: {shlex.join(call.command)}",
        )


def write_record(call: Call, now: dict[str, Any], elapsed_sec: float) -> None:
    """Whole or not there, and on the disk before it has its name."""
    finished = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    record = {**now, "outputs": [str(p) for p in call.outputs], "finished": finished, "elapsed_sec": elapsed_sec}
    atomic_write(call.record, json.dumps(record, indent=1))


def how_it_ended(code: int) -> str:
    """Exit codes in words."""
    if code <= 128:
        return f"failed (exit code {code})"
    name = signal.Signals(code - 128).name if code - 128 in set(signal.Signals) else f"signal {code - 128}"
    return "interrupted" if name == "SIGINT" else f"stopped by {name}"


def clock(seconds: float) -> str:
    """63 -> 1:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def refuse(what: str, fix: str = "") -> NoReturn:
    """One block on standard error, exit code 2."""
    print(what + (f"\n  fix: {fix}" if fix else ""), file=sys.stderr)
    sys.exit(2)
