"""Parts of the test set by label: those that are named, and those that pre-training heard or did not hear."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from masr.analysis.probe.data import ProbeTask, StrArray, read_part
from masr.errors import AnalysisError, UsageError, near

Parts = Mapping[str, frozenset[str]]
"""The labels of each part."""
SEEN, UNSEEN = "seen", "unseen"
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def parse_parts(given: Sequence[str]) -> dict[str, frozenset[str]]:
    """Name -> labels, from words of the command line: NAME=label,label,..."""
    found: dict[str, frozenset[str]] = {}
    for text in given:
        name, _, said = text.partition("=")
        labels = frozenset(filter(None, (label.strip() for label in said.split(","))))
        if not _NAME.fullmatch(name) or not labels:
            raise UsageError(f"--part {text!r} is no part", fix="write it as --part heard=eng,hin")
        if name in found:
            raise UsageError(f"--part {name} is given twice", fix="give one --part with all of its labels")
        found[name] = labels
    return found


def parts_of(task: ProbeTask, named: Parts, seen: Path | None) -> dict[str, frozenset[str]]:
    """The parts that `named` asks for, and `seen` and `unseen` by the labels of that data directory.

    A label that test does not have is refused in a part that is named; of seen and unseen, what test lacks is left out.
    """
    labels = _known(task)
    for name, wanted in named.items():
        if missing := sorted(wanted - labels):
            raise AnalysisError(
                f"--part {name}: test has no {task.kind} {missing[0]!r} that train has too",
                fix=near(missing[0], sorted(labels)),
            )
    found = dict(named)
    if seen is not None:
        heard = frozenset(read_part(seen, task.kind).labels.tolist())
        for name, wanted in ((SEEN, labels & heard), (UNSEEN, labels - heard)):
            if name in found:
                raise UsageError(f"--seen makes a part {name}, and --part {name} another", fix="name yours otherwise")
            if wanted:
                found[name] = wanted
    return found


def _known(task: ProbeTask) -> frozenset[str]:
    """The labels of test that train has, too."""
    shared: StrArray = np.intersect1d(task.parts["test"].labels, task.parts["train"].labels)
    return frozenset(shared.tolist())
