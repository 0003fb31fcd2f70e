"""A recipe of its own with a small table: embeddings that are made up, and steps that take a fraction of a second."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.api.schemas import resolved_settings
from masr.cli.main import main
from masr.io.datadir import write_datadir
from masr.io.layout import RESOLVED_DIGESTS
from masr.tables.config import read_table
from masr.tables.plan import Plan, folders_of, make_plan
from masr.tables.resolved import ResolvedDigests

TABLE = """\
title: Rows & columns of 100 % made-up_things
corpus: made-up
sizes:
  mini:
    what: eight utterances
    embedded: true
    seeds: [0, 1, 2]
    variables: {kind: lang}
    steps:
      score: {hours: 0.5, launch: ["--mem", 1G]}
  one: {what: a single seed, embedded: true, seeds: [0]}
steps:
  - name: never
    command: [masr, config, "{out}"]
  - name: copy
    command: [masr, data, subset, "{data}/test", "{out}", --first, "4"]
  - name: score
    command: [masr, score, neighbours, "{data}/{split}", "{data}/test", --kind, "{kind}", --seed, "{seed}",
      --json, "{out}/scores.json"]
rows:
  - name: a
    label: System A
    variables: {split: train}
    rows:
      - {name: lang, variables: {kind: lang}}
      - {name: gender, label: "by_gender", variables: {kind: gender}}
  - {name: b, label: System B, variables: {split: train, kind: lang}}
columns:
  - &column {name: nn, label: 1-NN, step: score, file: scores.json, at: [shares, all, 1-NN], value: [accuracy],
      low: [low], high: [high], count: [count], scale: 100, unit: "%", interval: "95 % over speakers"}
reported:
  - {row: a.gender, column: nn, value: 50, tag: paper, source: "somewhere"}
  - {row: a.gender, relative_to: a.lang, column: nn, value: -10, tag: digest, source: "elsewhere"}
orderings:
  - {better: lang, than: gender, columns: [nn], claim: labels of language are told apart better}
"""


def write_embedded(folder: Path, first: int) -> None:
    """Eight utterances of four speakers: vectors know the language, and the gender less well."""
    rows: dict[str, dict[str, str]] = {name: {} for name in ("wav.scp", "utt2spk", "utt2lang", "utt2gender", "utt2dur")}
    vectors = []
    for n in range(8):
        utt = f"s{first + n // 2:02d}-u{n}"
        values = (
            f"/audio/{utt}.wav",
            utt[:3],
            ("eng", "hin")[n % 2],
            ("f", "m")[n // 4 ^ (first > 0 and n % 4 == 0)],
            "1.0",
        )
        for table, value in zip(rows.values(), values, strict=True):
            table[utt] = value
        vectors.append([1.0, 0.1 * n] if n % 2 else [0.1 * n, 1.0])
    write_datadir(folder, rows)
    np.save(folder / "embeddings.npy", np.array(vectors, dtype=np.float32))


AT_THE_START = """\
import os, stat, sys
for word in sys.orig_argv:
    if os.path.exists(word) and stat.S_ISFIFO(os.stat(word).st_mode):
        open(word).close()
"""


@pytest.fixture
def pipes_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python whose command line names a FIFO waits for who writes to it: a task that lasts as long as wanted."""
    folder = tmp_path / "at the start"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(AT_THE_START)
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


class Recipe:
    """A folder with data/, exp/, conf/ and tables/small.yaml."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.table = folder / "tables" / "small.yaml"
        self.resolve = resolved_settings
        for name in ("data", "exp", "conf", "tables"):
            (folder / name).mkdir(parents=True)
        write_embedded(folder / "data" / "train", 0)
        write_embedded(folder / "data" / "test", 10)
        self.write(TABLE)

    def write(self, text: str) -> None:
        self.table.write_text(text, encoding="utf-8")

    def plan(self, size: str = "mini", **variables: str) -> Plan:
        folders = folders_of(self.table, size, *(self.folder / name for name in ("data", "exp", "conf")))
        resolved = ResolvedDigests(folders.tables / RESOLVED_DIGESTS, self.resolve)
        return make_plan(read_table(self.table), size, folders, resolved, variables)

    def masr(self, *words: object) -> int:
        return main(["table", str(words[0]), str(self.table), *map(str, words[1:])])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The recipe with rows a.lang and b done, and one seed of a.gender: to be looked at, not changed."""
    recipe = Recipe(tmp_path_factory.mktemp("made") / "a recipe é")
    for task in recipe.plan().tasks:
        if task.rows[0] != "a.gender" or 0 in task.seeds:
            assert recipe.masr("run", task.number) == 0
    return recipe


@pytest.fixture
def recipe(tmp_path: Path) -> Any:
    return Recipe(tmp_path / "a recipe é")
