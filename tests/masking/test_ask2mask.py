"""Guided masks: drawn as the slow sequential oracle says, never padding, never empty, the share asked for."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from masr.errors import DataError
from masr.masking.ask2mask import Config, build, places, window_max
from masr.maths.keyed_random import combine
from reference import slow_ask2mask

STRATEGIES = ("high", "low", "mixed", "hard", "random")
DRAWS = 100_000


def draw(confidence: list[float], config: Config, seed: int = 1) -> Tensor:
    """(DRAWS, T) masks of one utterance, in a batch with a longer one."""
    keys = combine(seed, 0, torch.arange(DRAWS + 1))
    rows = torch.tensor(confidence)[None].expand(DRAWS, -1)
    padded = torch.nn.functional.pad(rows, (0, 3))
    longer = torch.full((1, padded.shape[1]), 0.5)
    lengths = torch.tensor([len(confidence)] * DRAWS + [padded.shape[1]])
    masks = build(config).mask(lengths, keys, torch.cat([padded, longer]))[:DRAWS]
    assert not masks[:, len(confidence) :].any()
    return masks[:, : len(confidence)]


CONFIDENCE = [0.9, 0.05, 0.6, 1.0, 0.3, 0.02, 0.7, 0.95]


@pytest.mark.parametrize("strategy", ["high", "low", "mixed", "random"])
@pytest.mark.parametrize(("share", "span"), [(0.5, 1), (0.4, 2), (0.55, 3), (0.3, 5)])
def test_masks_come_as_often_as_a_draw_one_after_another_gives_them(strategy: str, share: float, span: int) -> None:
    """A frame's inclusion follows from the masks' probabilities; so does whether frames come together."""
    high, low = CONFIDENCE, [1 - s for s in CONFIDENCE]
    urns = {"high": [high], "low": [low], "mixed": [high, low], "random": [[1.0] * 8]}[strategy]
    if strategy == "mixed":
        urns = [urn[:6] for urn in urns]  # of two urns there are too many sequences
    expected = slow_ask2mask.mask_probabilities(urns, share, span)
    masks = draw(CONFIDENCE[: len(urns[0])], Config(strategy=strategy, share=share, span=span))
    counts = Counter(map(tuple, masks.tolist()))
    assert set(counts) <= set(expected)
    statistic, freedom = slow_ask2mask.chi_square(counts, expected)
    assert freedom >= 5
    assert statistic < freedom + 5 * (2 * freedom) ** 0.5, (statistic, freedom)
    torch.testing.assert_close(
        masks.float().mean(dim=0), torch.tensor(slow_ask2mask.inclusion(expected)), atol=0.008, rtol=0
    )  # 5 standard deviations of 100,000 draws


def test_the_statistic_tells_chances_that_are_a_little_off() -> None:
    """That the test above can fail: confidences to the power of 1.05 are refused."""
    expected = slow_ask2mask.mask_probabilities([CONFIDENCE], 0.5, 1)
    masks = draw([s**1.05 for s in CONFIDENCE], Config(share=0.5, span=1))
    statistic, freedom = slow_ask2mask.chi_square(Counter(map(tuple, masks.tolist())), expected)
    assert statistic > freedom + 5 * (2 * freedom) ** 0.5


@settings(max_examples=80, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=6),
    share=st.floats(0.01, 0.99),
    span=st.integers(1, 40),
    strategy=st.sampled_from(STRATEGIES),
    seed=st.integers(0, 2**31),
)
def test_masks_lie_inside_and_are_those_of_the_utterance_alone(
    lengths: list[int], share: float, span: int, strategy: str, seed: int
) -> None:
    counts = torch.tensor(lengths)
    keys = combine(seed, 0, torch.arange(len(lengths)))
    # Rounded: many equal confidences, and many that are 0 or 1.
    noise = torch.rand(len(lengths), max(lengths), generator=torch.Generator().manual_seed(seed))
    outside = torch.arange(max(lengths)) >= counts[:, None]
    confidence = (noise * 2).round().div(2).masked_fill(outside, 0.0)
    masker = build(Config(strategy=strategy, share=share, span=span))  # type: ignore[arg-type]
    masked = masker.mask(counts, keys, confidence)
    assert masked.shape == (len(lengths), max(lengths))
    assert not masked[outside].any()
    assert masked.any(dim=1).all()
    for row, length in enumerate(lengths):
        alone = masker.mask(counts[row : row + 1], keys[row : row + 1], confidence[row : row + 1, :length])
        assert torch.equal(alone[0], masked[row, :length])
        assert abs(int(masked[row].sum()) - share * length) < max(1, span)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("share", "span", "length"), [(0.4, 10, 375), (0.33, 10, 60), (0.5, 10, 13), (0.4, 3, 60), (0.8, 20, 375)]
)
def test_the_share_is_the_one_asked_for(strategy: str, share: float, span: int, length: int) -> None:
    count = 400_000 // length
    keys = combine(1, 1, torch.arange(count))
    confidence = torch.rand(count, length, generator=torch.Generator().manual_seed(2)).square().neg().add(1)
    masker = build(Config(strategy=strategy, share=share, span=span))  # type: ignore[arg-type]
    masked = masker.mask(torch.full((count,), length), keys, confidence)
    assert abs(float(masked.float().mean()) - share) < 0.005


def test_the_surest_start_first_and_equals_are_not_taken_from_the_front() -> None:
    confidence = torch.tensor([[0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6, 0.5, 0.0]])
    hard = build(Config(strategy="hard", share=0.4, span=1))
    masked = hard.mask(torch.tensor([10]), combine(0, 0, torch.arange(1)), confidence)
    assert masked[0].nonzero()[:, 0].tolist() == [1, 3, 5, 7]
    same = hard.mask(torch.full((4000,), 10), combine(0, 1, torch.arange(4000)), torch.ones(4000, 10))
    torch.testing.assert_close(same.float().mean(dim=0), torch.full((10,), 0.4), atol=0.04, rtol=0)


def test_confident_speech_is_hidden_by_high_and_left_by_low() -> None:
    """Stretches of confidence, as a scorer gives them."""
    confidence = torch.full((300, 200), 0.1)
    confidence[:, 50:120] = 0.95
    keys, lengths = combine(3, 0, torch.arange(300)), torch.full((300,), 200)
    means = {}
    for strategy in STRATEGIES:
        masked = build(Config(strategy=strategy)).mask(lengths, keys, confidence)  # type: ignore[arg-type]
        means[strategy] = float(confidence[masked].mean())
    assert means["hard"] > means["high"] > means["random"] + 0.2
    assert means["low"] < means["random"] - 0.1
    assert means["low"] < means["mixed"] < means["high"]


def test_an_utterance_without_an_encoded_frame_has_nothing_to_hide() -> None:
    for strategy in STRATEGIES:
        masker = build(Config(strategy=strategy, span=2))  # type: ignore[arg-type]
        masked = masker.mask(torch.tensor([0, 5]), combine(0, 0, torch.arange(2)), torch.full((2, 5), 0.5))
        assert masked.sum(dim=1)[0] == 0
        assert masker.mask(torch.tensor([0]), combine(0, 0, torch.arange(1)), torch.zeros(1, 1)).tolist() == [[False]]


def test_frames_of_no_confidence_are_never_starts_while_others_are_left() -> None:
    masked = draw([0.5, 0.0, 0.5, 0.0, 0.5, 0.0, 0.5, 0.0], Config(share=0.5, span=1))
    assert masked.float().mean(dim=0).tolist() == [1.0, 0.0] * 4


def test_loss_factors() -> None:
    confidence = torch.tensor([[0.2, 0.4, 0.9], [1.0, 0.5, 0.0]])
    lengths, mask = torch.tensor([3, 2]), torch.tensor([[True, False, True], [False, True, False]])
    assert build(Config()).factors(lengths, mask, confidence) is None

    def factors(**changes: str) -> Tensor:
        found = build(Config(**changes)).factors(lengths, mask, confidence)  # type: ignore[arg-type]
        assert found is not None
        return found

    torch.testing.assert_close(factors(scale="utterance"), torch.tensor([[0.5] * 3, [0.75] * 3]))
    over_masked = factors(scale="utterance", scale_over="masked")
    torch.testing.assert_close(over_masked, torch.tensor([[0.55] * 3, [0.5] * 3]))
    assert torch.equal(factors(scale="frame"), confidence)


def test_only_what_looks_at_confidences_needs_them() -> None:
    lengths, keys = torch.tensor([40]), combine(0, 0, torch.arange(1))
    random = Config(strategy="random")
    assert not random.needs_confidence
    assert build(random).mask(lengths, keys).any()
    for config in (Config(), Config(strategy="random", scale="utterance")):
        assert config.needs_confidence
        with pytest.raises(DataError, match="needs a confidence") as caught:
            build(config).mask(lengths, keys)
        assert "masr confidence" in caught.value.fix
    with pytest.raises(DataError, match=r"of 80 frames.*makes 40 frames"):
        build(Config()).mask(lengths, keys, torch.rand(1, 80))


@pytest.mark.parametrize("wrong", [{"share": 0.0}, {"share": 1.0}, {"span": 0}])
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Config(**wrong)  # type: ignore[arg-type]


def test_pinned() -> None:
    """A refactor draws the same masks."""
    confidence = torch.linspace(0.05, 0.95, 20)[None].expand(2, -1)
    masked = build(Config(span=3)).mask(torch.tensor([20, 15]), combine(4, 5, torch.arange(2)), confidence)
    found = ["".join(".#"[hidden] for hidden in row) for row in masked.tolist()]
    assert found == ["...###.......###..##", "......###....##....."]


@settings(max_examples=50, deadline=None)
@given(time=st.integers(1, 30), span=st.integers(1, 40), seed=st.integers(0, 1000))
def test_window_max_and_places_against_loops(time: int, span: int, seed: int) -> None:
    values = torch.rand(2, time, generator=torch.Generator().manual_seed(seed))
    expected = [[max(row[max(0, t - span + 1) : t + 1]) for t in range(time)] for row in values.tolist()]
    torch.testing.assert_close(window_max(values, span), torch.tensor(expected))
    ranks = [[sum(other > value for other in row) for value in row] for row in values.tolist()]
    assert places(values, None, torch.zeros(2, time, dtype=torch.bool)).tolist() == ranks
