from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.report.metrics import MAX_WINDOWS, Windows, read_metrics


def lines(path: Path, *entries: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return path


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(2, 40), st.integers(1, 50))
def test_windows_are_chunks_of_a_power_of_two(values: list[float], most: int, piece: int) -> None:
    windows = Windows(most)
    for start in range(0, len(values), piece):
        part = values[start : start + piece]
        windows.extend(range(start, start + len(part)), part)
    size = windows.size
    chunks = [values[n : n + size] for n in range(0, len(values), size)]
    curve = windows.curve("a")
    assert len(chunks) <= most
    assert size == 1 or len(values) > most * size // 2
    np.testing.assert_allclose(curve.y, [np.mean(c) for c in chunks], rtol=1e-9, atol=1e-6)
    np.testing.assert_array_equal(curve.x, [min(n * size + size, len(values)) - 1 for n in range(len(chunks))])
    if size > 1:
        assert curve.low is not None
        assert curve.high is not None
        np.testing.assert_array_equal(curve.low, [min(c) for c in chunks])
        np.testing.assert_array_equal(curve.high, [max(c) for c in chunks])
    assert windows.extremes() == (min(values), max(values))
    assert windows.last == values[-1]
    assert windows.count == len(values)


def test_a_long_file_is_thinned_in_bounded_memory_and_keeps_its_spike(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with path.open("w") as stream:
        for step in range(12_000):
            loss = 1e4 if step == 7_234 else 1.0 + step % 7
            stream.write('{"step": %d, "split": "train", "loss": %g, "lr": 0.1}\n' % (step, loss))  # noqa: UP031
    tracemalloc.start()
    metrics = read_metrics(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20
    curve = metrics.curves["loss", "train"].curve("loss")
    assert MAX_WINDOWS // 2 <= len(curve.x) <= MAX_WINDOWS
    assert curve.high is not None
    assert curve.high.max() == 1e4
    assert metrics.num_lines == 12_000
    assert metrics.last_step == 11_999


def test_a_running_training_may_have_cut_its_last_line(tmp_path: Path) -> None:
    path = lines(tmp_path / "m", {"step": 1, "split": "train", "loss": 2.0})
    with path.open("a") as stream:
        stream.write('{"step": 2, "split": "tra')
    metrics = read_metrics(path)
    assert (metrics.num_lines, metrics.num_broken, metrics.last_step) == (1, 0, 1)
    path.write_text('{"step": 7, "loss": 1}')
    assert read_metrics(path).last("loss", "train") == 1


def test_broken_lines_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "m"
    deep = b"[" * 50_000
    long = b'{"step": 9, "x": "' + b"a" * (2 << 20) + b'"}'
    path.write_bytes(b'\n{"loss": 1}\n\xff\n3\n{"step": true}\n' + deep + b"\n" + long + b'\n{"step": 1, "loss": 2}\n')
    metrics = read_metrics(path)
    assert metrics.num_broken == 6
    assert metrics.last("loss", "train") == 2
    path.write_bytes(b"")
    assert read_metrics(path).num_lines == 0


def test_what_a_resumed_run_tells_anew_replaces_what_it_told(tmp_path: Path) -> None:
    told = [{"step": s, "split": "train", "loss": float(s)} for s in (10, 20, 30, 40)]
    anew = [{"step": s, "split": "train", "loss": -float(s)} for s in (30, 40)]
    dev = {"step": 25, "split": "dev", "loss": 9.0}
    metrics = read_metrics(lines(tmp_path / "m", *told[:2], dev, *told[2:], *anew))
    curve = metrics.curves["loss", "train"].curve("a")
    assert curve.x.tolist() == [10, 20, 30, 40]
    assert curve.y.tolist() == [10, 20, -30, -40]
    assert metrics.curves["loss", "dev"].count == 1
    assert metrics.curves["loss", "train"].count == 4


def test_figures_that_are_not_finite_are_counted_and_skips_are_kept(tmp_path: Path) -> None:
    entries = [
        {"step": 1, "split": "train", "loss": None, "big": 10**400, "text": "x", "flag": True},
        {"step": 2, "split": "skip", "reason": "loss is nan"},
        {"step": 3, "split": "train", "loss": 1.0},
    ]
    metrics = read_metrics(lines(tmp_path / "m", *entries))
    assert metrics.missing == {("loss", "train"): 1, ("big", "train"): 1}
    assert metrics.skips == [(2, "loss is nan")]
    assert metrics.names() == ["loss"]


def test_splits_begin_with_training(tmp_path: Path) -> None:
    metrics = read_metrics(
        lines(tmp_path / "m", {"step": 1, "split": "dev", "a": 1}, {"step": 1, "split": "train", "a": 1})
    )
    assert metrics.splits("a") == ["train", "dev"]


@pytest.mark.parametrize("count", [500])
def test_names_beyond_what_a_page_shows_are_counted(tmp_path: Path, count: int) -> None:
    metrics = read_metrics(lines(tmp_path / "m", {"step": 1, **{f"n{k}": 1 for k in range(count)}}))
    assert len(metrics.curves) + len(metrics.left_out) == count
    assert len(metrics.curves) == 400


@pytest.mark.parametrize("step", ["9" * 309, "1" + "0" * 4000, "1e999", "NaN", "true", "null"])
def test_a_step_that_is_no_number_is_a_broken_line(step: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"split": "train", "step": {step}, "loss": 1.0}}\n{{"step": 2, "loss": {"9" * 308}}}\n', "utf-8")
    found = read_metrics(path)
    assert found.num_broken == 1 and found.last_step == 2
