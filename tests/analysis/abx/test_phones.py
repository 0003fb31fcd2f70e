from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.analysis.abx import blocks as abx_blocks
from masr.analysis.abx.blocks import PhoneAbxSettings
from masr.analysis.abx.items import Item, ItemFrames, Items, place_items
from masr.analysis.abx.phones import DEFAULTS, PhoneErrors
from masr.analysis.abx.phones import phone_errors as errors_of
from masr.errors import AnalysisError
from masr.io.frames import ArrayFrames, Grid
from reference import slow_abx

NAMES = {"angular": "angular_distance", "cosine": "cosine_distance", "euclidean": "euclidean_distance"}


def phone_errors(frames: ArrayFrames, items: Items, settings: PhoneAbxSettings = DEFAULTS) -> PhoneErrors:
    return errors_of(ItemFrames(frames, items, settings.distance), items, settings)


def spoken(
    seed: int,
    count: int = 24,
    speakers: int = 2,
    contexts: int = 2,
    phones: int = 3,
    kind: str = "normal",
    longest: int = 5,
) -> tuple[ArrayFrames, list[Item]]:
    """Phones of random frames, one after another in one utterance a speaker, with a second of 10 frames."""
    random = np.random.default_rng(seed)
    frames, items, offsets = [], [], [0]
    centres = random.standard_normal((phones, 6))
    for speaker in range(speakers):
        now = 0
        for _ in range(count // speakers):
            length = int(random.integers(1, longest))
            phone, context = int(random.integers(phones)), int(random.integers(contexts))
            values = random.standard_normal((length, 6)) + centres[phone]
            if kind == "units":
                values = np.eye(6)[random.integers(0, 3, length)]
            if kind == "shares":
                values = np.exp(values) / np.exp(values).sum(1, keepdims=True)
            frames.append(values)
            items.append(
                Item(f"u{speaker}", now / 10, (now + length) / 10, f"p{phone}", f"c{context}", "d", f"s{speaker}")
            )
            now += length
        offsets.append(offsets[-1] + now)
    found = ArrayFrames(
        "frames", np.concatenate(frames).astype(np.float32), np.array(offsets), [f"u{s}" for s in range(speakers)]
    )
    found.grid = Grid(0.1, 0.05)
    return found, items


def slowly(frames: ArrayFrames, items: list[Item], settings: PhoneAbxSettings, slow: Any) -> Any:
    assert frames.utts is not None
    rows = []
    for item in items:
        whole = frames.read(list(frames.utts).index(item.utt))
        values = whole[round(item.start_sec * 10) : round(item.end_sec * 10)]
        rows.append((item.phone, item.before, item.speaker, values.tolist()))
    return slow_abx.phones(rows, slow, settings.speakers == "across", settings.context == "any")


@given(
    seed=st.integers(0, 10_000),
    speakers=st.sampled_from(["within", "across"]),
    context=st.sampled_from(["same", "any"]),
    distance=st.sampled_from(["angular", "cosine", "euclidean"]),
)
@settings(max_examples=30, deadline=None)
def test_equal_to_loops(seed: int, speakers: Any, context: Any, distance: Any) -> None:
    frames, items = spoken(seed)
    chosen = PhoneAbxSettings(speakers, context, distance)
    found = phone_errors(frames, place_items(items, frames), chosen)
    error, cells, triplets = slowly(frames, items, chosen, getattr(slow_abx, NAMES[distance]))
    assert found.error.value == pytest.approx(error, abs=1e-9)
    assert (found.num_cells, found.num_triplets) == (cells, triplets)


@given(seed=st.integers(0, 10_000), distance=st.sampled_from(["kl", "kl_symmetric"]))
@settings(max_examples=10, deadline=None)
def test_divergences_are_equal_to_loops(seed: int, distance: Any) -> None:
    frames, items = spoken(seed, kind="shares")
    chosen = PhoneAbxSettings("within", "any", distance)
    found = phone_errors(frames, place_items(items, frames), chosen)
    assert found.error.value == pytest.approx(slowly(frames, items, chosen, getattr(slow_abx, distance))[0], abs=1e-9)


@given(seed=st.integers(0, 10_000), speakers=st.sampled_from(["within", "across"]))
@settings(max_examples=20, deadline=None)
def test_discrete_units_tie_as_in_loops(seed: int, speakers: Any) -> None:
    # Whole costs: many paths are equally cheap, and many triplets tie.
    frames, items = spoken(seed, kind="units", contexts=1, longest=9)
    chosen = PhoneAbxSettings(speakers, "same", "cosine")
    found = phone_errors(frames, place_items(items, frames), chosen)

    def slow(a: Any, b: Any) -> float:
        return float(a != b)

    rows = slowly(frames, items, chosen, slow)
    assert found.error.value == pytest.approx(rows[0], abs=1e-6)


def test_batches_and_cuts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    frames, items = spoken(1, count=60, speakers=3)
    placed = place_items(items, frames)
    for chosen in (PhoneAbxSettings("within", "any"), PhoneAbxSettings("across", "same")):
        whole = phone_errors(frames, placed, chosen)
        with monkeypatch.context() as patch:
            patch.setattr(abx_blocks, "_BATCH_DISTANCES", 300)
            cut = phone_errors(frames, placed, chosen)
        assert cut.error.value == pytest.approx(whole.error.value, abs=1e-12)
        assert (cut.num_cells, cut.num_triplets) == (whole.num_cells, whole.num_triplets)
        assert np.allclose(cut.pairs, whole.pairs, equal_nan=True)


def test_the_last_frame_of_a_phone_counts() -> None:
    # Only the last frames of the phones tell them apart.
    values = np.array([[1.0, 0], [1, 0], [1, 0], [1, 0], [1, 0], [0, 1]])
    frames = ArrayFrames("frames", values, np.array([0, 6]), ["u"])
    frames.grid = Grid(0.02, 0.01)
    items = [Item("u", 0.04 * n, 0.04 * (n + 1), phone, "l", "r", "s") for n, phone in enumerate("aab")]
    placed = place_items(items, frames)
    assert (placed.last - placed.first).tolist() == [2, 2, 2]
    assert phone_errors(frames, placed).error.value == 0.0
    values[5] = values[4]
    assert phone_errors(frames, placed).error.value == 0.5


def test_average_is_of_pairs_then_speakers_then_contexts() -> None:
    # One speaker tells a from b in one context of two, another always, and c only in its single cell never.
    def vector(x: float) -> list[float]:
        return [np.cos(x), np.sin(x)]

    rows = [
        ("a", "x", "s", 0.0), ("a", "x", "s", 0.1), ("b", "x", "s", 1.0),
        ("a", "y", "s", 0.0), ("a", "y", "s", 1.0), ("b", "y", "s", 0.5),
        ("a", "x", "t", 0.0), ("a", "x", "t", 0.1), ("b", "x", "t", 1.0),
        ("c", "z", "s", 0.0), ("c", "z", "s", 1.0), ("b", "z", "s", 0.5),
    ]  # fmt: skip
    frames = ArrayFrames("f", np.array([vector(row[3]) for row in rows]), np.array([0, 12]), ["u"])
    frames.grid = Grid(1.0, 0.5)
    items = [Item("u", n, n + 1, phone, context, "r", speaker) for n, (phone, context, speaker, _) in enumerate(rows)]
    found = phone_errors(frames, place_items(items, frames))
    # a against b: speaker s (0 + 1) / 2, speaker t 0, so 0.25; c against b: 1.
    assert found.error.value == pytest.approx((0.25 + 1) / 2)
    assert found.pairs[0, 1] == pytest.approx(0.25)
    assert found.pairs[2, 1] == pytest.approx(1.0)
    assert np.isnan(found.pairs[1, 0])
    assert (found.num_cells, found.num_triplets, found.num_speakers) == (4, 8, 2)


def test_random_frames_are_chance_and_centres_are_not() -> None:
    frames, items = spoken(0, count=300, speakers=4)
    noise = ArrayFrames(
        "noise", np.random.default_rng(1).standard_normal(frames.frames.shape), frames.offsets, frames.utts
    )
    noise.grid = frames.grid
    placed = place_items(items, frames)
    for chosen in (PhoneAbxSettings("within", "any"), PhoneAbxSettings("across", "any")):
        at_chance, better = phone_errors(noise, placed, chosen), phone_errors(frames, placed, chosen)
        assert at_chance.error.value == pytest.approx(0.5, abs=0.04)
        assert better.error.value < 0.3
        assert better.error.low is not None and better.error.high is not None
        assert better.error.low <= better.error.value <= better.error.high


def test_drawing_takes_no_more_than_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    frames, items = spoken(2, count=200, speakers=4, contexts=1)
    placed = place_items(items, frames)
    whole = phone_errors(frames, placed, PhoneAbxSettings("across", "any"))
    drawn = phone_errors(frames, placed, PhoneAbxSettings("across", "any", max_items=3, max_speakers=1))
    assert whole.num_cells == 4 * 3 * 3 * 2
    assert drawn.num_cells == 4 * 3 * 2
    assert drawn.num_triplets == drawn.num_cells * 27
    assert (
        phone_errors(frames, placed, PhoneAbxSettings("across", "any", max_items=3, max_speakers=1)).error.value
        == drawn.error.value
    )
    other = phone_errors(frames, placed, PhoneAbxSettings("across", "any", max_items=3, max_speakers=1, seed=1))
    assert other.error.value != drawn.error.value
    assert drawn.error.value == pytest.approx(whole.error.value, abs=0.1)


def test_nothing_to_compare_is_refused() -> None:
    frames, items = spoken(0, count=6, phones=1)
    placed = place_items(items, frames)
    with pytest.raises(AnalysisError, match="no triplet"):
        phone_errors(frames, placed)


def test_probabilities_are_asked_for() -> None:
    frames, items = spoken(0)
    with pytest.raises(AnalysisError, match="probabilities"):
        phone_errors(frames, place_items(items, frames), PhoneAbxSettings(distance="kl"))


def test_items_are_not_changed() -> None:
    frames, items = spoken(0)
    placed: Items = place_items(items, frames)
    first = placed.first.copy()
    phone_errors(frames, placed)
    assert np.array_equal(first, placed.first)
