"""What holds for every plug-in of masr/synth: the same job gives the same bytes wherever and whenever it is made."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import pytest

from masr.config import dump, loads
from masr.plugins import names, open_plugin
from masr.synth.build import build_corpus, describe
from masr.types import EmbeddedCorpus

SMALL = {
    "fleurs": ["languages=[hr_hr, ta_in]"],
    "dhwani": ["languages=[hindi, urdu]", "video_sec=10", "hours=0.02"],
}
"""What makes a corpus smaller beyond `hours`, to keep this fast, and large enough that Dhwani names test videos."""


def small(name: str, seed: int = 0) -> tuple[Any, EmbeddedCorpus]:
    module = open_plugin("synth", name)
    overrides = [f"seed={seed}", "hours=0.004", *SMALL.get(name, [])]
    config = loads(module.Config, "", overrides=overrides)
    return config, module.build(config)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module", params=names("synth"))
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Each embedded corpus, small, made by two processes."""
    name: str = request.param
    config, corpus = small(name)
    out = tmp_path_factory.mktemp("synth") / name
    build_corpus(name, corpus, config, out, num_jobs=2)
    return name, out


@pytest.mark.slow
def test_one_process_in_reverse_order_writes_the_same_bytes(built: tuple[str, Path], tmp_path: Path) -> None:
    name, out = built
    _, corpus = small(name)
    for job in reversed(corpus.jobs()):
        corpus.make(job, tmp_path)
    corpus.finish(tmp_path)
    expected = {file: content for file, content in contents(out).items() if not file.startswith(".")}
    found = contents(tmp_path)
    assert sorted(found) == sorted(expected)
    assert [file for file in found if found[file] != expected[file]] == []


def test_a_job_may_be_made_twice(built: tuple[str, Path], tmp_path: Path) -> None:
    """What a stopped build left behind is written over."""
    _, corpus = small(built[0])
    job = corpus.jobs()[-1]
    corpus.make(job, tmp_path)
    once = contents(tmp_path)
    assert once
    corpus.make(job, tmp_path)
    assert contents(tmp_path) == once


def test_nothing_unfinished_is_left(built: tuple[str, Path]) -> None:
    _, out = built
    hidden = [p.name for p in out.rglob(".*")]
    assert hidden == [".embedded.json"]
    assert not list(out.rglob("*.tmp"))
    assert any(content for content in contents(out).values())


@pytest.mark.parametrize("name", names("synth"))
def test_another_seed_is_another_corpus(name: str, tmp_path: Path) -> None:
    made = []
    for seed in (0, 1):
        _, corpus = small(name, seed)
        corpus.make(corpus.jobs()[0], tmp_path / str(seed))
        made.append(list(contents(tmp_path / str(seed)).values()))
    assert made[0] != made[1]


@pytest.mark.parametrize("name", names("synth"))
def test_jobs_are_distinct_and_always_the_same(name: str) -> None:
    _, corpus = small(name)
    jobs = corpus.jobs()
    assert isinstance(corpus, EmbeddedCorpus)
    assert len(set(jobs)) == len(jobs) > 0
    assert small(name)[1].jobs() == jobs
    assert pickle.loads(pickle.dumps(corpus)).jobs() == jobs, "it goes to other processes"  # noqa: S301


@pytest.mark.parametrize("name", names("synth"))
def test_more_hours_are_more_jobs_or_larger_ones(name: str) -> None:
    module = open_plugin("synth", name)
    mini = module.build(module.Config())
    large = module.build(module.Config(hours=200.0))
    assert len(large.jobs()) > len(mini.jobs())


@pytest.mark.parametrize("name", names("synth"))
def test_a_config_is_documented_and_told_in_the_marker(name: str) -> None:
    module = open_plugin("synth", name)
    fields = {f.name: f for f in dataclasses.fields(module.Config)}
    assert {"hours", "seed"} <= set(fields)
    assert all(len(f.metadata["doc"]) > 8 for f in fields.values())
    config = module.Config()
    assert loads(module.Config, dump(config)) == config
    assert describe(name, module.build(config), config)["config"]["seed"] == 0
