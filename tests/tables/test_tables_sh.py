"""utils/tables.sh with a stand-in scheduler of the launchers' interface, which runs at once what it is given."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]

STAND_IN = f"""#!{sys.executable}
import json, re, subprocess, sys
from pathlib import Path
words, log = sys.argv[1:], Path(__file__).with_suffix(".calls")
given = {{"numbers": [0]}}
while words[0].startswith("--") or words[0].startswith("JOB="):
    word = words.pop(0)
    if word == "--no-wait=apart":
        given["no-wait"] = True
    elif word.startswith("JOB="):
        parts = [part.partition("-") for part in word[4:].split(",")]
        given["numbers"] = [n for first, _, last in parts for n in range(int(first), int(last or first) + 1)]
    else:
        given[word[2:]] = words.pop(0)
given["log"], *command = words
before = log.read_text().splitlines() if log.exists() else []
log.write_text("\\n".join([*before, json.dumps(given)]) + "\\n")
codes = [subprocess.run([w.replace("JOB", str(n)) for w in command], stdout=2).returncode for n in given["numbers"]]
if "no-wait" in given:
    print(100 + len(before), "-")
sys.exit(1 if any(codes) else 0)
"""


@pytest.fixture
def two_steps(recipe: Any) -> Any:
    """The table with a first step that every row needs, and one seed."""
    text = recipe.table.read_text().replace("seeds: [0, 1, 2]", "seeds: [0]")
    text = text.replace(
        '      --json, "{out}/scores.json"]\n', '      --json, "{out}/scores.json"]\n    inputs: ["{copy}"]\n'
    )
    recipe.write(text)
    recipe.launcher = recipe.folder / "stand-in"
    recipe.launcher.write_text(STAND_IN)
    recipe.launcher.chmod(recipe.launcher.stat().st_mode | stat.S_IXUSR)
    return recipe


def command_of(recipe: Any, *options: str) -> tuple[list[str], dict[str, Any]]:
    programs = f"{Path(sys.executable).parent}:{recipe.folder}:{CHECKOUT / 'utils'}"
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [str(CHECKOUT / "utils" / "tables.sh"), *options, "tables/small.yaml"]
    return command, {"cwd": recipe.folder, "env": environment, **streams}


def tables_sh(recipe: Any, *options: str) -> subprocess.CompletedProcess[str]:
    command, how = command_of(recipe, *options)
    done: subprocess.CompletedProcess[str] = subprocess.run(command, **how, timeout=300)
    return done


def calls(recipe: Any) -> list[dict[str, Any]]:
    import json

    path = recipe.launcher.with_suffix(".calls")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_arrays_are_chained_by_the_schedulers_ids_and_a_second_call_submits_nothing(two_steps: Any) -> None:
    done = tables_sh(two_steps, "--cmd", "stand-in --mem 2G", "--results", "RESULTS.md")
    assert done.returncode == 0, done.stderr
    copy, score, end = calls(two_steps)
    assert (copy["numbers"], copy["no-wait"], copy["mem"], "after" in copy) == ([1], True, "2G", False)
    assert (score["numbers"], score["after"]) == ([2, 3], "100")
    assert score["mem"] == "2G"  # what the caller asks for comes after what the table asks for
    assert copy["log"] == "exp/tables/log/small.1.copy.JOB.log"
    assert set(end["after"].split(":")) == {"100", "101"}
    assert "3 of 3 tasks done" in done.stdout
    assert "3 of 3 tasks done" in (two_steps.folder / "RESULTS.md").read_text()
    again = tables_sh(two_steps, "--cmd", "stand-in")
    assert again.returncode == 0, again.stderr
    assert len(calls(two_steps)) == 3


def test_what_needs_a_failed_array_is_left_out(two_steps: Any) -> None:
    text = two_steps.table.read_text()
    two_steps.write(text.replace('--first, "4"', '--first, "0"'))
    done = tables_sh(two_steps, "--cmd", "stand-in")
    assert done.returncode == 1
    assert "2.score: left out" in done.stderr
    assert len(calls(two_steps)) == 1
    assert "missing" in done.stdout
    two_steps.write(text)
    assert tables_sh(two_steps, "--cmd", "stand-in").returncode == 0


def test_a_table_that_cannot_be_read_is_an_error(two_steps: Any) -> None:
    two_steps.write("title: x\n")
    done = tables_sh(two_steps, "--cmd", "stand-in")
    assert done.returncode != 0
    assert "is required and missing" in done.stderr
    assert not calls(two_steps)


def test_with_run_py_a_killed_grid_goes_on_without_repeating_what_was_done(
    two_steps: Any, pipes_are_waited_for: None
) -> None:
    """The script and its launcher die by kill -9 while the score of one row waits for a pipe."""
    slow = two_steps.folder / "slow"
    os.mkfifo(slow)
    text = two_steps.table.read_text()
    text = text.replace(
        "steps:\n  - name: never", 'steps:\n  - {name: wait, command: [masr, config, "{pipe}"]}\n  - name: never'
    ).replace('inputs: ["{copy}"]', 'inputs: ["{copy}", "{wait}"]')
    quick = two_steps.folder / "quick"
    quick.touch()
    text = text.replace("{kind: gender}}", f'{{kind: gender, pipe: "{slow}"}}}}')
    two_steps.write(text.replace("variables: {kind: lang}\n", f'variables: {{kind: lang, pipe: "{quick}"}}\n'))
    command, how = command_of(two_steps, "--cmd", "run.py --max-jobs-run 3")
    process = subprocess.Popen(command, **how)
    folder = two_steps.folder / "exp" / "tables"

    def done() -> set[str]:
        return {path.parent.name for path in folder.glob("*/*/done.json")}

    deadline = time.monotonic() + 300
    while not (done() and list(folder.glob("wait/.*.lock"))):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/*/done.json")}
    process.kill()
    process.communicate()
    slow.unlink()
    slow.touch()
    again = tables_sh(two_steps, "--cmd", "run.py")
    assert again.returncode == 0, again.stderr
    assert "5 of 5 tasks done" in again.stdout
    assert before == {path: path.stat().st_mtime_ns for path in before}
