from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from masr.cli.main import main
from masr.errors import DataError
from masr.io.datadir import write_datadir
from masr.maths.bootstrap import share_right
from masr.scoring import neighbours
from masr.scoring.neighbours import Embedded, nearest, nearest_centroid, read_embedded, scaled, score
from reference import slow_neighbours


def embedded(seed: int, count: int, speakers: int = 6, width: int = 5) -> Embedded:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((count, width)).astype(np.float32) + 0.5
    labels = random.choice(["a", "b", "c", "d"], count)
    return Embedded(vectors, labels, random.choice([f"s{i}" for i in range(speakers)], count), 0)


def rows(data: Embedded) -> list[tuple[list[float], str, str]]:
    return list(zip(data.vectors.astype(float).tolist(), data.labels.tolist(), data.speakers.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_answers_are_those_of_the_slow_loops(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", 7)
    old, new = embedded(seed, 40), embedded(seed + 100, 23)
    unit_old, unit_new = scaled(old.vectors, new.vectors, "none")
    assert nearest(unit_old, old, unit_new, new).tolist() == slow_neighbours.nearest(rows(old), rows(new))
    assert nearest_centroid(unit_old, old, unit_new, new).tolist() == slow_neighbours.nearest_centroid(
        rows(old), rows(new)
    )


def test_a_speaker_is_never_its_own_neighbour() -> None:
    data = embedded(1, 30, speakers=3)
    assert score(data, data).shares["all"]["1-NN"].value < 0.9
    alone = Embedded(data.vectors, data.labels, np.full(30, "s"), 0)
    unit, _ = scaled(alone.vectors, alone.vectors, "none")
    assert set(nearest(unit, alone, unit, alone)) == {""}


def test_an_offset_of_all_vectors_hides_them_until_it_is_taken_off() -> None:
    random = np.random.default_rng(3)
    labels = np.array(["a", "b"] * 50)
    side = np.where(labels == "a", 1.0, -1.0)[:, None] * [1.0, 0.0, 0.0]
    vectors = (side + 0.3 * random.standard_normal((100, 3)) + [0, 0, 500]).astype(np.float32)
    data = Embedded(vectors, labels, np.array([f"s{i}" for i in range(100)]), 0)
    assert score(data, data, "centre").shares["all"]["centroid"].value > 0.95
    wide = Embedded(vectors * np.float32([1, 1000, 1]), labels, data.speakers, 0)
    assert score(wide, wide, "centre").shares["all"]["centroid"].value < 0.8
    assert score(wide, wide, "standard").shares["all"]["centroid"].value > 0.95


def test_intervals_grow_when_speakers_say_all_the_same() -> None:
    right = np.repeat(np.random.default_rng(0).random(50) < 0.5, 20)
    many = share_right(right, np.array([f"u{i}" for i in range(1000)]), 0)
    few = share_right(right, np.repeat([f"s{i}" for i in range(50)], 20), 0)
    assert many.value == few.value == right.mean()
    assert few.low is not None and few.high is not None and many.low is not None and many.high is not None
    assert few.low < many.low < right.mean() < many.high < few.high
    assert few.high - few.low == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(50), rel=0.15)


def test_one_speaker_has_no_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = share_right(np.array([True, False, False, False]), np.full(4, "s"), 0)
    assert (one.value, one.low, one.high, one.count) == (0.25, None, None, 4)
    train, test = folder(tmp_path / "a", embedded(0, 60)), folder(tmp_path / "b", embedded(9, 30, speakers=1))
    assert main(["score", "neighbours", str(train), str(test), "--json", str(tmp_path / "x.json")]) == 0
    found = json.loads((tmp_path / "x.json").read_text())["shares"]["all"]["1-NN"]
    assert list(found) == ["accuracy", "low", "high", "count"] and found["low"] is found["high"] is None
    assert "[" not in capsys.readouterr().out


def folder(path: Path, data: Embedded, **labels: str) -> Path:
    utts = [f"{speaker}-{i:03d}" for i, speaker in enumerate(data.speakers)]
    order = np.argsort(utts)
    tables = {"utt2spk": dict(zip(utts, data.speakers)), "utt2lang": dict(zip(utts, data.labels))}
    tables["utt2lang"].update({utts[int(i)]: label for i, label in labels.items()})
    write_datadir(path, tables)
    np.save(path / "embeddings.npy", data.vectors[order])
    return path


def test_the_verb_prints_groups_and_writes_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, test = folder(tmp_path / "a", embedded(0, 60)), folder(tmp_path / "b", embedded(9, 30), **{"3": "unknown"})
    command = ["score", "neighbours", str(train), str(test), "--apart", "c", "--json", str(tmp_path / "x.json")]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "apart   1-NN" in printed
    assert "others  centroid" in printed
    assert "1 utterances without a label" in printed
    assert (tmp_path / "x.json").read_text().startswith("{")


def test_what_cannot_be_scored_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = folder(tmp_path / "a", embedded(0, 20))
    (folder(tmp_path / "b", embedded(0, 20)) / "embeddings.npy").unlink()
    narrow = folder(tmp_path / "c", embedded(0, 20, width=3))
    for test, more, message in [
        (tmp_path / "b", [], "masr extract"),
        (narrow, [], "5 dimensions"),
        (data, ["--kind", "accent"], "utt2accent"),
        (data, ["--apart", "zz"], "zz"),
    ]:
        assert main(["score", "neighbours", str(data), str(test), *more]) == 2
        assert message in capsys.readouterr().err
    np.save(data / "embeddings.npy", np.zeros((3, 5), np.float32))
    with pytest.raises(DataError, match="3, 5"):
        read_embedded(data, "lang")
