"""What the tests cost, by file and one by one: `python -m pytest -p small.costs`, with workers or without.

CPU seconds of the process and of its children that have ended, set-up and tear-down included: a busy machine changes
little of them. What a server forks and nobody waits for is not seen, such as the commands of the recipes' tests.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

COSTS: Counter[str] = Counter()
SHOWN = 20
"""Files, and then tests."""


def spent() -> float:
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    before = spent()
    try:
        return (yield)
    finally:
        COSTS[item.nodeid] += spent() - before


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """With all that is imported before the first test."""
    try:
        return (yield)
    finally:
        COSTS["start and collection"] += spent()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands over what it found."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["costs"] = dict(COSTS)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    COSTS.update(getattr(node, "workeroutput", {}).get("costs", {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    files: Counter[str] = Counter()
    for name, seconds in COSTS.items():
        files[name.partition("::")[0]] += seconds
    terminalreporter.section(f"CPU seconds: {COSTS.total():.0f}")
    for name, seconds in [*files.most_common(SHOWN), *COSTS.most_common(SHOWN)]:
        terminalreporter.line(f"{seconds:8.1f} {name}")
