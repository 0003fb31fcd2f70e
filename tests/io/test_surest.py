"""Data filtered by a scorer's confidence: which utterances, how many, and at what budget."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from masr.cli.main import main
from masr.errors import DataError
from masr.io.ark import ArchiveWriter
from masr.io.confidence import Facts, write_facts
from masr.io.datadir import DataDir, write_datadir, write_table
from masr.io.surest import mean_confidences

SECONDS = (4, 1, 3, 2, 6, 4)


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """Six utterances, the last too short for a frame, and confidences of the other five in scores/."""
    utts = [f"s-{n}" for n in range(6)]
    tables = {"utt2spk": dict.fromkeys(utts, "s"), "utt2dur": {u: str(t) for u, t in zip(utts, SECONDS)}}
    write_datadir(tmp_path / "pool", tables)
    scores = tmp_path / "scores"
    scores.mkdir()
    with ArchiveWriter(scores / "confidence.ark") as archive:
        for n, mean in enumerate((0.2, 0.9, 0.5, 0.9, 0.7)):
            values = np.full(3 + n, mean, np.float32)
            values[0] -= 0.1
            values[-1] += 0.1
            archive.append(utts[n], values)
    write_table(scores / "confidence.scp", archive.rows)
    write_facts(scores, Facts("max", False, 0.04, 4, False, "scorer", "", "pool", "", 6, 25, 1, 0.6))
    return tmp_path


def chosen(pool: Path, *options: str) -> list[str]:
    assert main(["data", "subset", str(pool / "pool"), str(pool / "out"), *options]) == 0
    return list(DataDir.open(pool / "out").utts)


def test_the_mean_of_each_and_nothing_of_what_is_too_short(pool: Path) -> None:
    found = mean_confidences(pool / "scores", [f"s-{n}" for n in range(6)])
    assert found == pytest.approx(dict(zip((f"s-{n}" for n in range(6)), (0.2, 0.9, 0.5, 0.9, 0.7, -1.0))), abs=1e-6)


@pytest.mark.parametrize(
    ("share", "expected"),
    [("0.15", {"s-1", "s-3"}), ("0.5", {"s-1", "s-3", "s-4"}), ("1", {f"s-{n}" for n in range(6)})],
)
def test_the_surest_come_until_the_budget_is_spent(pool: Path, share: str, expected: set[str]) -> None:
    assert set(chosen(pool, "--surest", str(pool / "scores"), "--share", share)) == expected


def test_a_number_of_the_surest(pool: Path) -> None:
    assert set(chosen(pool, "--surest", str(pool / "scores"), "--num", "3")) == {"s-1", "s-3", "s-4"}


def test_a_draw_of_the_same_budget_is_within_it_and_holds_the_smaller_one(pool: Path) -> None:
    draws = [chosen(pool, "--share", share, "--seed", "3") for share in ("0.4", "0.8")]
    times = [sum(SECONDS[int(utt[-1])] for utt in draw) for draw in draws]
    assert times[0] <= 0.4 * 20 and times[1] <= 0.8 * 20
    assert (
        set(draws[0]) <= set(draws[1]) and len({tuple(chosen(pool, "--share", "0.4", "--seed", s)) for s in "0123"}) > 1
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--surest", "scores"], "add --share or --num"),
        (["--share", "0"], "is no share"),
        (["--share", "1.5"], "no share"),
    ],
)
def test_what_is_no_budget_is_refused(
    pool: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    monkeypatch.chdir(pool)
    assert main(["data", "subset", "pool", "out", *options]) == 2
    assert message in capsys.readouterr().err


def test_confidences_of_other_data_are_refused(pool: Path) -> None:
    with pytest.raises(DataError, match="no confidences of s-5, nor of 1 others"):
        mean_confidences(pool / "scores", ["s-0", "s-5", "s-6"])
