from __future__ import annotations

import json
from pathlib import Path

import pytest

from masr.errors import UsageError
from masr.report.gather import gather, read_run


def metrics(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.jsonl").write_text('{"step": 1, "split": "train", "loss": 1}\n')


def test_everything_of_a_run_is_found(run_folder: Path) -> None:
    (run,) = gather([run_folder])
    assert run.metrics is not None
    assert run.config.startswith("train:")
    assert run.provenance["commit"] == "abc"
    assert list(run.scores) == ["dev"]
    assert set(run.figures) == {"probe", "cka", "change", "abx", "lid", "eer", "points", "rows"}
    assert run.embeddings == [run_folder / "dev"]
    assert run.problems == []


def test_an_empty_folder_says_what_a_report_is_made_of(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        gather([tmp_path])
    assert "metrics.jsonl" in caught.value.why
    with pytest.raises(UsageError, match="no folder"):
        gather([tmp_path / "nowhere"])


def test_a_folder_too_high_up_names_those_below(tmp_path: Path) -> None:
    metrics(tmp_path / "plain" / "seed1")
    with pytest.raises(UsageError) as caught:
        gather([tmp_path])
    assert str(tmp_path / "plain") in caught.value.fix


def test_a_folder_of_runs_stands_for_them(tmp_path: Path) -> None:
    for name in ("seed2", "seed1"):
        metrics(tmp_path / "plain" / name)
    (tmp_path / "plain" / "log").mkdir()
    runs = gather([tmp_path / "plain"])
    assert [(run.letter, run.name) for run in runs] == [("A", "seed1"), ("B", "seed2")]


def test_names_are_what_paths_do_not_share(two_folders: tuple[Path, Path]) -> None:
    assert [run.name for run in gather(two_folders)] == ["plain/seed1", "masr/seed1"]


@pytest.mark.parametrize(
    ("folders", "shown"),
    [
        (("a.one.seed0-0123456789ab", "b.seed0-fedcba987654"), ["a.one", "b"]),
        (("a.seed0-0123456789ab", "a.seed1-fedcba987654"), ["a.seed0", "a.seed1"]),
        (("a.seed0-0123456789ab", "a.seed0-fedcba987654"), ["a.seed0-0123456789ab", "a.seed0-fedcba987654"]),
        (("a.seed0-0123456789ab", "own"), ["a.seed0-0123456789ab", "own"]),
    ],
)
def test_runs_of_a_table_are_named_after_their_rows(tmp_path: Path, folders: tuple[str, ...], shown: list[str]) -> None:
    for name in folders:
        metrics(tmp_path / name)
    assert [run.name for run in gather([tmp_path / name for name in folders])] == shown


def test_a_runs_folder_does_not_take_what_belongs_to_a_run_inside(tmp_path: Path) -> None:
    metrics(tmp_path)
    metrics(tmp_path / "inner")
    (tmp_path / "inner" / "scores.json").write_text('{"a": 1}')
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "scores.json").write_text('{"a": 2}')
    assert list(read_run(tmp_path).scores) == ["own/scores"]
    assert [run.folder for run in gather([tmp_path])] == [tmp_path], "a run is not a folder of runs"


def test_what_is_damaged_is_named_and_the_rest_is_shown(tmp_path: Path) -> None:
    metrics(tmp_path)
    (tmp_path / "a.figure.json").write_text('{"kind": "bars"')
    (tmp_path / "b.json").write_text("[1]")
    (tmp_path / "c.json").write_text("{")
    (tmp_path / "d.json").write_text(json.dumps({"x": "y" * (5 << 20)}))
    (tmp_path / "e.json").write_text('{"good": 1}')
    (run,) = gather([tmp_path])
    assert [problem.partition(":")[0] for problem in run.problems] == ["a.figure.json", "b.json", "c.json", "d.json"]
    assert list(run.scores) == ["e"]


def test_too_many_runs_are_refused(tmp_path: Path) -> None:
    for n in range(25):
        metrics(tmp_path / f"r{n}")
    with pytest.raises(UsageError, match="25 runs"):
        gather([tmp_path])
