from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.analysis.probe import frames as probe_frames
from masr.analysis.probe.frames import Options, frame_labels, learn_mix, open_aligned, probe
from masr.errors import AnalysisError
from masr.io.alignment import Stretches
from masr.io.datadir import write_datadir
from masr.io.frames import Grid
from reference import slow_probe

PHONES = ("AA1", "AA0", "B", "K", "sil")


def stretches(phones: list[tuple[float, float, str]]) -> Stretches:
    starts, lengths, labels = zip(*phones, strict=True) if phones else ((), (), ())
    return Stretches(np.array(starts), np.array(starts) + np.array(lengths), labels)


@settings(max_examples=50, deadline=None)
@given(
    lengths=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 4)), max_size=12),
    count=st.integers(0, 30),
    shift=st.sampled_from([0.01, 0.02, 0.04]),
    start=st.sampled_from([0.0, 0.0125, 0.0425]),
)
def test_a_frame_has_the_phone_that_its_middle_lies_in(
    lengths: list[tuple[int, int]], count: int, shift: float, start: float
) -> None:
    phones, time = [], 0.0
    for n, phone in lengths:
        phones.append((round(time, 6), n * 0.0107, f"P{phone}"))
        time += n * 0.0107
    seen = {"": 0}
    found = frame_labels(stretches(phones), count, Grid(shift, start), seen, Options())
    names = {number: name for name, number in seen.items()}
    assert [names[int(n)] for n in found] == slow_probe.phone_of_frames(phones, count, start, shift)


def test_stress_and_silence_are_left_out_unless_wanted() -> None:
    phones = stretches([(0, 0.1, "AA1"), (0.1, 0.1, "sil"), (0.2, 0.1, "AA0"), (0.3, 0.1, "HH")])
    grid = Grid(0.1, 0.05)
    seen = {"": 0}
    assert frame_labels(phones, 5, grid, seen, Options()).tolist() == [1, 0, 1, 2, 0]
    assert list(seen) == ["", "AA", "HH"]
    exact: dict[str, int] = {"": 0}
    frame_labels(phones, 5, grid, exact, Options(silences=(), exact=True))
    assert list(exact) == ["", "AA1", "sil", "AA0", "HH"]


def folder(root: Path, seed: int, num_utts: int, phones: tuple[str, ...] = PHONES, layers: int = 2) -> dict[str, Path]:
    """Frames of layer 0 are noise; those of layer 1 say the phone."""
    random = np.random.default_rng(seed)
    centres = 4 * np.random.default_rng(0).standard_normal((len(PHONES), 6))
    said = [random.integers(0, len(phones), 10) for _ in range(num_utts)]
    utts = [f"s{seed}{n % 3}-u{n:02d}" for n in range(num_utts)]
    numbers = np.concatenate([np.repeat([PHONES.index(phones[k]) for k in one], 3) for one in said])
    ctm = {u: "\n".join(f"1 {0.06 * i:.2f} 0.06 {phones[k]}" for i, k in enumerate(one)) for u, one in zip(utts, said)}
    found = {}
    for layer in range(layers):
        out = found[str(layer)] = root / f"layer{layer}"
        write_datadir(out, {"utt2spk": {u: u[:3] for u in utts}, "phones.ctm": ctm})
        order = sorted(range(num_utts), key=lambda n: utts[n])
        noise = random.standard_normal((len(numbers), 6))
        frames = (centres[numbers] * layer + noise).reshape(num_utts, 30, 6)[order].reshape(-1, 6)
        np.save(out / "frames.npy", frames.astype(np.float32))
        np.save(out / "offsets.npy", np.arange(num_utts + 1) * 30)
        facts = {"frame_shift_sec": 0.02, "first_frame_sec": 0.01}
        (out / "provenance.json").write_text(json.dumps(facts), encoding="utf-8")
    return found


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, Any]:
    sizes = {"train": (1, 30), "dev": (2, 9), "test": (3, 9)}
    return {
        role: open_aligned(folder(tmp_path / role, seed, count), Options()) for role, (seed, count) in sizes.items()
    }


def test_the_layer_that_says_the_phone_is_found(parts: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_frames, "_BLOCK", 100)
    options = Options(most_frames=600)
    noise, speech = (probe(parts, layer, None, ["linear", "mlp"], options) for layer in "01")
    for chosen in speech.methods:
        assert chosen.test is not None and chosen.test.accuracy.value > 0.95
        assert chosen.test.num == len(parts["test"].rows)
        assert (chosen.test.interval_over, chosen.test.num_drawn) == ("speakers", 3)
        assert sorted(chosen.test.recall) == ["AA", "B", "K"]
    assert noise.best.test is not None and noise.best.test.accuracy.value < 0.7
    mix = learn_mix(parts, options)
    assert mix.weights[1] > 0.9
    mixed = probe(parts, "sum", mix, ["linear"], options)
    assert mixed.best.test is not None and mixed.best.test.accuracy.value > 0.95


def test_phones_that_train_lacks_are_apart(tmp_path: Path) -> None:
    options = Options()
    parts = {
        "train": open_aligned(folder(tmp_path / "train", 1, 12, ("AA1", "B", "sil")), options),
        "dev": open_aligned(folder(tmp_path / "dev", 2, 6), options),
        "test": open_aligned(folder(tmp_path / "test", 3, 6), options),
    }
    figures = probe(parts, "1", None, ["linear"], options).best.test
    assert figures is not None
    assert figures.unseen_labels == ("K",)
    assert figures.num + figures.num_unseen == len(parts["test"].rows)
    assert figures.accuracy.value > 0.95 > figures.with_unseen


def test_folders_that_do_not_say_enough_are_refused(tmp_path: Path) -> None:
    layers = folder(tmp_path, 1, 3)
    (tmp_path / "layer0" / "phones.ctm").unlink()
    (tmp_path / "layer0" / ".index").unlink(missing_ok=True)
    with pytest.raises(AnalysisError, match=r"no phones\.ctm"):
        open_aligned(layers, Options())
    (tmp_path / "layer0" / "provenance.json").unlink()
    with pytest.raises(AnalysisError, match="when its frames are"):
        open_aligned(layers, Options())
    np.save(tmp_path / "layer1" / "offsets.npy", np.array([0, 10, 60, 90]))
    with pytest.raises(AnalysisError, match="different frames"):
        open_aligned(layers, Options())
