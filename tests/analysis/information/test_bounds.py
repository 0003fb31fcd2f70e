"""Bounds against mutual information that is known: they stay below it, and come within 5 % where the probe can."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.analysis.information import infonce_mine as critics
from masr.analysis.information.bounds import Sample, bound, entropy, judged, plug_in
from masr.analysis.information.symbols import METHODS, Mixture, fit_clusters
from masr.analysis.probe.density import Density
from masr.errors import AnalysisError
from masr.maths.bootstrap import clusters, drawn_within
from masr.maths.bootstrap import drawn as weights_of
from reference import slow_bootstrap, slow_information


def halves(z: Any, y: Any, unit: int = 50) -> tuple[Sample, Sample]:
    units, half = np.arange(len(y)) // unit, len(y) // 2
    z = z.astype(np.float32)
    return Sample(z[:half], y[:half], units[:half]), Sample(z[half:], y[half:], units[half:])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), min_size=1, max_size=40))
def test_plug_in_is_that_of_the_definition(pairs: list[tuple[int, int]]) -> None:
    first, second = (np.array(side) for side in zip(*pairs))
    assert plug_in(first, second) == pytest.approx(slow_information.mutual_information(*zip(*pairs)), abs=1e-9)
    assert plug_in(first, second) == pytest.approx(plug_in(second, first), abs=1e-9)
    assert plug_in(first, first) == pytest.approx(entropy(first), abs=1e-9)


def test_plug_in_of_many_rare_labels_and_of_none() -> None:
    random = np.random.default_rng(0)
    wide = random.integers(0, 20, 300) * 10**6
    assert plug_in(wide, wide) == pytest.approx(entropy(wide // 10**6))
    with pytest.raises(AnalysisError, match="one of each"):
        plug_in(np.zeros(3, np.int64), np.zeros(4, np.int64))
    with pytest.raises(AnalysisError, match="below 0"):
        plug_in(np.array([0, -1]), np.array([0, 1]))


@pytest.mark.parametrize("probe", ["logistic", "mlp"])
@pytest.mark.parametrize("flip", [0.05, 0.3])
def test_a_discrete_channel(probe: Any, flip: float) -> None:
    """Of 8 symbols, each replaced by another one at random so often: the capacity has a closed form."""
    random, symbols, count = np.random.default_rng(1), 8, 24_000
    y = random.integers(0, symbols, count)
    z = np.where(random.random(count) < flip, (y + random.integers(1, symbols, count)) % symbols, y)
    truth = math.log(symbols) + (1 - flip) * math.log(1 - flip) + flip * math.log(flip / (symbols - 1))
    found = bound(*halves(np.eye(symbols)[z], y), symbols, probe)
    assert 0.95 * truth < found.bound.value < truth + 0.02
    assert found.bound.low is not None and found.bound.high is not None
    assert found.bound.low < found.bound.value < found.bound.high
    assert found.bound.low <= truth
    assert found.ceiling == math.log(symbols)


def mixture(count: int) -> tuple[Any, Any, float]:
    """Ten Gaussians of equal width: the posterior is a softmax of linear functions; I by the same frames."""
    random = np.random.default_rng(2)
    centres = 1.2 * random.standard_normal((10, 6))
    y = random.integers(0, 10, count)
    z = centres[y] + random.standard_normal((count, 6))
    logs = -0.5 * np.square(z[:, None] - centres).sum(axis=2)
    logs -= np.log(np.exp(logs - logs.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)) + logs.max(
        axis=1, keepdims=True
    )
    return z, y, math.log(10) + float(logs[np.arange(count), y].mean())


@pytest.mark.parametrize("probe", ["logistic", "mlp"])
def test_gaussians_of_equal_width(probe: Any) -> None:
    z, y, truth = mixture(20_000)
    found = bound(*halves(z, y), 10, probe)
    assert 0.95 * truth < found.bound.value < truth + 0.01


def test_a_perceptron_sees_what_a_line_cannot() -> None:
    random = np.random.default_rng(3)
    z = random.standard_normal((12_000, 2))
    y = ((z > 0).sum(axis=1) % 2).astype(np.int64)  # exclusive or: all of H(Y) is in Z, nothing of it linear
    line, bent = (bound(*halves(z, y), 2, probe).bound.value for probe in ("logistic", "mlp"))
    assert line < 0.02
    assert 0.93 * math.log(2) < bent <= math.log(2)


def test_two_views_of_correlated_gaussians() -> None:
    """I is -log(1 - r^2) / 2 of each pair of features; clusters of the second view lose some of it, never add."""
    random, r, count = np.random.default_rng(4), 0.9, 30_000
    a = random.standard_normal((count, 1))
    b = r * a + math.sqrt(1 - r**2) * random.standard_normal((count, 1))
    truth = -0.5 * math.log(1 - r**2)
    half = torch.from_numpy(b[: count // 2].astype(np.float32))
    found = {}
    for number in (4, 30):
        symbols = fit_clusters(lambda: [half], number, "kmeans").labels(torch.from_numpy(b.astype(np.float32))).numpy()
        assert entropy(symbols) <= math.log(number) + 1e-9
        found[number] = bound(*halves(a, symbols), number, "logistic").bound.value
    assert found[4] < found[30] < truth + 0.02
    assert found[30] > 0.95 * truth


def test_independent_frames_tell_nothing_and_what_is_below_0_is_shown() -> None:
    random = np.random.default_rng(5)
    z, y = random.standard_normal((4000, 5)), random.integers(0, 20, 4000)
    found = bound(*halves(z, y), 20, "logistic")
    assert -0.2 < found.bound.value < 0.01
    train, test = halves(z, y)
    worse = judged("x", np.full(len(test.labels), math.log(0.01)), test, 20, len(train.labels), 0)
    assert worse.bound.value == pytest.approx(entropy(test.labels) + math.log(0.01))
    assert worse.bound.value < 0
    assert worse.share < 0


def test_a_label_that_training_never_saw_costs_much_but_not_everything() -> None:
    z, y, _ = mixture(6000)
    train, test = halves(z, y)
    without = train.part(train.labels != 9)
    found = bound(without, test, 10, "logistic")
    assert math.isfinite(found.cross_entropy)
    assert found.bound.value < bound(train, test, 10, "logistic").bound.value - 0.2


def test_probabilities_add_up_to_one() -> None:
    weight = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)) * 9
    density = Density(np.zeros(3, np.float32), np.ones(3, np.float32), lambda rows: rows @ weight.t(), 4)
    frames = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    logs = [density.log_probability(frames, np.full(50, label)) for label in range(4)]
    np.testing.assert_allclose(np.exp(logs).sum(axis=0), 1, rtol=1e-9)
    assert np.min(logs) > math.log(1e-4)


def test_intervals_are_wider_where_utterances_are_few() -> None:
    z, y, _ = mixture(8000)
    _, test = halves(z, y, unit=1)
    logs = np.where(test.units // 100 % 2, -0.1, -3.0)
    fine = judged("x", logs, test, 10, 1, 0)
    coarse = judged("x", logs, Sample(test.frames, test.labels, test.units // 100), 10, 1, 0)
    widths = [one.bound.high - one.bound.low for one in (fine, coarse)]  # type: ignore[operator]
    assert widths[1] > 3 * widths[0]
    alone = judged("x", logs, Sample(test.frames, test.labels, np.zeros_like(test.units)), 10, 1, 0)
    assert (alone.bound.low, alone.bound.high) == (None, None)
    for one in (alone, fine):
        assert one.bound.value == pytest.approx(fine.entropy - fine.cross_entropy)


def test_the_interval_is_that_of_utterances_taken_one_by_one() -> None:
    random = np.random.default_rng(3)
    units, labels, logs = random.integers(0, 6, 40), random.integers(0, 3, 40), -random.random(40)
    found = judged("x", logs, Sample(np.zeros((40, 1), np.float32), labels, units), 3, 1, 7)
    drawn = clusters(units)

    def slowly(rows: list[tuple[int, float]]) -> float:
        counts = [sum(label == k for label, _ in rows) for k in range(3)]
        shares = [count / len(rows) for count in counts if count]
        return -sum(share * math.log(share) for share in shares) + sum(log for _, log in rows) / len(rows)

    times = weights_of(drawn.count, 7).tolist()
    values = slow_bootstrap.redrawn(list(zip(labels, logs)), drawn.numbers.tolist(), times, slowly)
    assert (found.bound.low, found.bound.high) == pytest.approx(slow_bootstrap.interval(values), rel=1e-9)


def test_units_of_one_class_each_are_drawn_within_their_classes() -> None:
    random = np.random.default_rng(4)
    classes = np.array([0, 1, 0, 1, 1])
    units = random.integers(0, 5, 60)
    labels, logs = classes[units], -random.random(60)
    found = judged("x", logs, Sample(np.zeros((60, 1), np.float32), labels, units), 2, 1, 7)

    def slowly(rows: list[tuple[int, float]]) -> float:
        shares = [sum(label == k for label, _ in rows) / len(rows) for k in range(2)]
        return -sum(share * math.log(share) for share in shares) + sum(log for _, log in rows) / len(rows)

    times = drawn_within(classes, 7).tolist()
    values = slow_bootstrap.redrawn(list(zip(labels, logs)), units.tolist(), times, slowly)
    assert (found.bound.low, found.bound.high) == pytest.approx(slow_bootstrap.interval(values), rel=1e-9)
    kept = np.isin(units, [0, 1, 3])  # one unit of class 0: nothing to draw
    alone = judged("x", logs[kept], Sample(np.zeros((kept.sum(), 1), np.float32), labels[kept], units[kept]), 2, 1, 7)
    assert (alone.bound.low, alone.bound.high) == (None, None)


def test_training_frames_of_one_label_are_refused() -> None:
    z, y, _ = mixture(400)
    train, test = halves(z, y)
    with pytest.raises(AnalysisError, match="training frames have one label"):
        bound(train.part(train.labels == 1), test, 10, "logistic")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["infonce", "mine"])
def test_critics_come_near_gaussians_and_find_nothing_where_nothing_is(kind: Any) -> None:
    random, r, count = np.random.default_rng(6), 0.8, 9000
    a = random.standard_normal((count, 2)).astype(np.float32)
    noise = random.standard_normal((count, 2)).astype(np.float32)
    b = r * a + math.sqrt(1 - r**2) * noise

    def estimate(second: Any) -> float:
        parts = [critics.Sides(a[s], second[s]) for s in (slice(0, 5000), slice(5000, 6000), slice(6000, None))]
        return critics.estimate(kind, *parts)

    truth = -math.log(1 - r**2)
    assert 0.85 * truth < estimate(b) < 1.05 * truth
    assert abs(estimate(noise)) < 0.05


@pytest.mark.parametrize("method", METHODS)
def test_clusters_find_groups_that_are_there(method: Any) -> None:
    random = np.random.default_rng(7)
    true = random.integers(0, 5, 3000)
    frames = (10 * np.eye(5, 4))[true] + random.standard_normal((3000, 4)) * [1, 0.3, 2, 1]
    given = torch.from_numpy(frames.astype(np.float32))
    found = fit_clusters(lambda: given.split(500), 5, method).labels(given).numpy()
    assert plug_in(found, true) > 0.97 * entropy(true)
    again = fit_clusters(lambda: given.split(500), 5, method).labels(given).numpy()
    np.testing.assert_array_equal(found, again)
    with pytest.raises(AnalysisError, match="say nothing"):
        fit_clusters(lambda: [given], 1, method)
    with pytest.raises(AnalysisError, match="different frames cannot give"):
        fit_clusters(lambda: [given[:4]], 5, method)


def test_a_mixture_knows_widths_that_k_means_does_not() -> None:
    random = np.random.default_rng(8)
    true = random.integers(0, 2, 4000)
    frames = np.where(true[:, None] == 1, 0.2, 6.0) * random.standard_normal((4000, 2))
    given = torch.from_numpy(frames.astype(np.float32))
    shares = {m: plug_in(fit_clusters(lambda: [given], 2, m).labels(given).numpy(), true) for m in METHODS}
    assert shares["mixture"] > 0.8 * math.log(2) > shares["kmeans"]


def test_k_means_goes_on_until_another_step_hardly_helps() -> None:
    random = np.random.default_rng(9)
    frames = torch.from_numpy(random.random((4000, 2)).astype(np.float32))

    def error(labels: torch.Tensor) -> float:
        means = torch.stack([frames[labels == n].mean(dim=0) for n in range(20)])
        return float((frames - means[labels]).square().sum())

    labels = fit_clusters(lambda: frames.split(700), 20, "kmeans", steps=100).labels(frames)
    means = torch.stack([frames[labels == n].mean(dim=0) for n in range(20)])
    again = torch.cdist(frames, means).argmin(dim=1)
    assert error(again) > (1 - 2e-4) * error(labels)


def test_no_component_of_a_mixture_closes_around_one_frame() -> None:
    random = np.random.default_rng(10)
    frames = torch.from_numpy(random.standard_normal((500, 3)))
    frames[:200] = 9.0  # the same frame again and again
    found = fit_clusters(lambda: [frames.float()], 2, "mixture")
    assert isinstance(found, Mixture)
    spread = frames.var(dim=0, unbiased=False)
    torch.testing.assert_close(found.variances.min(dim=0).values, 1e-3 * spread, rtol=1e-4, atol=0)
