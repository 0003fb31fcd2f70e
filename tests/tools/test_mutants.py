"""What tools/mutants changes in a file: every kind of change, and nothing of what it is to leave alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools" / "mutants"
SOURCE = '''
LIMIT = 3

def f(x, n: int = 2):
    """Text of 1 line."""
    if x < 4 and not n:
        raise ValueError(f"{x + 5}", 6)
    n -= 0.5
    print(x)
    return g(x.detach(), n).sum(dim=1) * (-n)
'''
CHANGED = {
    ("comparison", "x < 4", "(x <= 4)"),
    ("condition", "x < 4 and not n", "(x < 4 or not n)"),
    ("condition", "x < 4 and not n", "(not (x < 4 and (not n)))"),
    ("constant", "4", "(5)"),
    ("sign", "not n", "(n)"),
    ("operator", "n -= 0.5", "n += 0.5"),
    ("constant", "0.5", "(1.0)"),
    ("statement", "print(x)", "pass"),
    ("operator", "g(x.detach(), n).sum(dim=1) * (-n)", "(g(x.detach(), n).sum(dim=1) / -n)"),
    ("dropped term", "g(x.detach(), n).sum(dim=1) * (-n)", "(g(x.detach(), n).sum(dim=1))"),
    ("axis", "1", "(0)"),
    ("constant", "1", "(2)"),
    ("call", "g(x.detach(), n).sum", "g(x.detach(), n).mean"),
    ("swapped arguments", "g(x.detach(), n)", "g(n, x.detach())"),
    ("dropped call", "x.detach()", "(x)"),
    ("sign", "-n", "(n)"),
}


@pytest.fixture
def mutants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list:
    monkeypatch.setattr(sys, "path", [str(TOOLS), *sys.path])
    from syntax import mutants_of

    (tmp_path / "é.py").write_text(SOURCE, encoding="utf-8")
    return mutants_of(tmp_path / "é.py")


def test_every_change_is_found_and_no_other(mutants: list) -> None:
    assert {(m.kind, m.before, m.text) for m in mutants} == CHANGED
    assert len(mutants) == len(CHANGED)


def test_a_mutant_is_the_file_with_this_change_alone(mutants: list) -> None:
    for mutant in mutants:
        changed = mutant.source(SOURCE.encode()).decode()
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(SOURCE))
        assert changed.replace(mutant.text, mutant.before, 1).count("\n") == SOURCE.count("\n")
        start, end = SOURCE[: mutant.start], SOURCE[mutant.end :]
        assert changed == start + mutant.text + end


def test_the_table_in_the_docs_is_that_of_the_judged() -> None:
    root = TOOLS.parents[1]
    words = [sys.executable, TOOLS / "mutants.py", "--judged"]
    printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert printed in (root / "docs" / "testing.md").read_text("utf-8")
    judged = [line.split("\t") for line in (TOOLS / "judged.tsv").read_text("utf-8").splitlines()]
    num_run, *parts = map(int, printed.splitlines()[-1].strip("| ").split(" | ")[1:])
    assert sum(parts) == num_run
    assert sum(parts[1:]) == len(judged) - 1
