from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.analysis import aligned
from masr.analysis.aligned import Aligned
from masr.errors import AnalysisError
from masr.io.datadir import write_datadir
from masr.io.frames import ArrayFrames, Grid, open_frames


def frames_at(grid: Grid | None, lengths: list[float], utts: list[str] | None = None, extra: int = 0) -> ArrayFrames:
    """Frames that hold the time of their middle and the number of the utterance."""
    shift = grid.shift_sec if grid else 0.01
    start = grid.start_sec if grid else 0.0
    counts = [int(length / shift) + extra for length in lengths]
    rows = [np.stack([start + np.arange(n) * shift, np.full(n, u)], axis=1) for u, n in enumerate(counts)]
    found = ArrayFrames("x", np.concatenate(rows).astype(np.float64), np.cumsum([0, *counts]), utts)
    found.grid = grid
    return found


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0.3, 5), min_size=1, max_size=4),
    st.sampled_from([0.01, 0.02, 0.04]),
    st.sampled_from([0.01, 0.015, 0.0317]),
    st.floats(0, 0.02),
)
def test_frames_are_matched_by_time(lengths: list[float], a: float, b: float, start: float) -> None:
    first, second = frames_at(Grid(a, 0.005), lengths), frames_at(Grid(b, start), lengths)
    both = Aligned([first, second])
    count = 0
    for x, y in both:
        count += len(x)
        assert (x[:, 1] == y[:, 1]).all()
        assert np.abs(x[:, 0] - y[:, 0]).max() <= min(a, b) / 2 * (1 + 1e-3) + 1e-6
    assert count == both.num_frames
    assert count >= sum(int(length / max(a, b)) - 4 for length in lengths)


def test_blocks_hold_at_most_so_many_frames_and_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aligned, "BLOCK_FRAMES", 50)
    monkeypatch.setattr(Aligned.pieces, "__defaults__", (50,))
    both = Aligned([frames_at(Grid(0.01), [0.3, 0.4, 2.0, 0.1]), frames_at(Grid(0.02, 0.005), [0.3, 0.4, 2.0, 0.1])])
    blocks = list(both)
    assert max(len(x) for x, _ in blocks) <= 50
    assert sum(len(x) for x, _ in blocks) == both.num_frames
    sampled, other = both.sample(60, 0)
    assert len(sampled) == len(other) == 60
    assert (sampled[:, 1] == other[:, 1]).all()
    everything = np.concatenate([x for x, _ in blocks])
    np.testing.assert_array_equal(both.sample(10_000, 0)[0], everything)
    places = [np.flatnonzero((everything == row).all(axis=1))[0] for row in sampled]
    assert (np.diff(places) > 0).all()


def test_utterances_are_matched_by_name_and_others_left_out() -> None:
    a = frames_at(None, [0.3, 0.4, 0.5], ["a", "b", "c"])
    b = frames_at(None, [0.5, 0.3, 0.7], ["c", "a", "d"])
    both = Aligned([a, b])
    assert both.num_left_out == 2
    x, y = next(iter(both))
    assert x[:, 1].tolist() == [0] * 30 + [2] * 50
    assert y[:, 1].tolist() == [1] * 30 + [0] * 50
    with pytest.raises(AnalysisError, match="no utterance in common"):
        Aligned([a, frames_at(None, [0.5], ["z"])])


def test_unequal_counts_and_rates_are_refused() -> None:
    a = frames_at(None, [0.3, 0.4], ["a", "b"])
    with pytest.raises(AnalysisError, match=r"b: x has 40 frames, x has 41"):
        Aligned([a, frames_at(None, [0.3, 0.411], ["a", "b"])])
    with pytest.raises(AnalysisError, match=r"a: x lasts 0.300 s, x 0.600 s"):
        Aligned([frames_at(Grid(0.01), [0.3], ["a"]), frames_at(Grid(0.02), [0.6], ["a"])])
    with pytest.raises(AnalysisError, match="which utterances"):
        Aligned([a, ArrayFrames("plain", np.zeros((7, 2)))])
    with pytest.raises(AnalysisError, match="not possible"):
        Grid(0)


def test_an_array_beside_a_folder_takes_its_utterances() -> None:
    folder = frames_at(Grid(0.01), [0.3, 0.4], ["a", "b"])
    other = frames_at(Grid(0.01), [0.4], ["b"])
    x, y, z = next(iter(Aligned([folder, ArrayFrames("plain", folder.frames), other])))
    np.testing.assert_array_equal(x, y)
    assert len(z) == 40


def extracted(path: Path, lengths: dict[str, int], width: int = 3, **facts: Any) -> Path:
    write_datadir(path, {"utt2spk": {utt: utt for utt in lengths}})
    counts = [lengths[utt] for utt in sorted(lengths)]
    np.save(path / "frames.npy", np.random.default_rng(0).standard_normal((sum(counts), width)).astype(np.float32))
    np.save(path / "offsets.npy", np.cumsum([0, *counts]))
    if facts:
        (path / "provenance.json").write_text(json.dumps(facts))
    return path


def test_folders_say_when_their_frames_are(tmp_path: Path) -> None:
    folder = extracted(tmp_path / "a", {"u1": 5, "u2": 9}, frame_shift_sec=0.04, first_frame_sec=0.02)
    found = open_frames(folder)
    assert found.grid == Grid(0.04, 0.02)
    assert list(found.utts or []) == ["u1", "u2"]
    assert found.read(1).shape == (9, 3)
    assert isinstance(found.read(1), np.memmap)
    assert open_frames(extracted(tmp_path / "b", {"u1": 5})).grid is None


def test_what_is_no_array_says_why(tmp_path: Path) -> None:
    folder = extracted(tmp_path / "a", {"u1": 5, "u2": 9})
    np.save(folder / "offsets.npy", np.array([0, 5, 13]))
    with pytest.raises(AnalysisError, match="does not fit 14 frames"):
        open_frames(folder)
    (folder / "frames.npy").unlink()
    with pytest.raises(AnalysisError, match=r"has no frames\.npy"):
        open_frames(folder)
    np.save(tmp_path / "o.npy", np.array([{}]), allow_pickle=True)
    np.save(tmp_path / "flat.npy", np.zeros(5))
    (tmp_path / "empty.npy").touch()
    np.savez(tmp_path / "z.npz", a=np.zeros(3))
    for name, message in [
        ("o.npy", "no .npy"),
        ("flat.npy", "frames x features"),
        ("empty.npy", "no .npy"),
        ("none.npy", "not there"),
        ("z.npz", "several"),
    ]:
        with pytest.raises(AnalysisError, match=message):
            open_frames(tmp_path / name)
