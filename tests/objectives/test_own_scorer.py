"""A scorer that is the model itself: what it says, how it follows, what its CTC head costs, against slow oracles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from masr.masking.ask2mask import Config as MaskConfig
from masr.masking.ask2mask import build as build_masking
from masr.objectives.own_scorer import OwnScorer, OwnScorerConfig, TextScorer, with_own_scorer
from reference import slow_confidence, slow_ctc, slow_teacher
from small.objectives import batch, make

NUM_UNITS = 12
MASKED_WITH_CODES = ("best_rq", "hubert", "w2v_bert", "dinosr")


def guided(name: str = "best_rq", strategy: Any = "high", **settings: Any) -> OwnScorer:
    objective: Any = make(name)
    objective.masker = build_masking(MaskConfig(share=0.4, span=3, strategy=strategy))
    return with_own_scorer(objective, OwnScorerConfig(**settings), NUM_UNITS)


def moved(model: OwnScorer, by: float = 0.5) -> None:
    """The trained weights, and not the copy's, somewhere else."""
    random = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if not name.startswith("teacher."):
                weight += by * torch.randn(weight.shape, generator=random)


@pytest.mark.parametrize("name", MASKED_WITH_CODES)
def test_the_margin_of_its_own_codes_guides_the_mask(name: str) -> None:
    model, given = guided(name).eval(), batch()
    moved(model)
    said, lengths = model.teacher.code_log_probabilities(given.features, given.lengths)
    expected = torch.zeros(said.shape[:2])
    for row, length in enumerate(lengths.tolist()):
        for frame in range(length):
            books = said[row, frame].exp().double().tolist()
            expected[row, frame] = sum(slow_confidence.confidence(b, "margin", False) for b in books) / len(books)
    found = model.confidence(given)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    masked = model(given).figures["masked_confidence"]
    by_hand = model.objective(replace(given, confidence=found)).figures["masked_confidence"]
    assert torch.equal(masked[0], by_hand[0]) and torch.equal(masked[1], by_hand[1])
    # What is trained has moved away from the copy, and does not say the same.
    assert not torch.allclose(said, model.objective.code_log_probabilities(given.features, given.lengths)[0], atol=0.1)


@pytest.mark.parametrize("learns", ["codes", "ctc"])
@pytest.mark.parametrize(("decay", "every"), [(0.9, 1), (0.0, 3), (0.5, 2)])
def test_the_copy_follows_as_loops_say(learns: str, decay: float, every: int) -> None:
    model = guided(learns=learns, decay=decay, every=every)
    left, right = next(iter(model.pairs()))
    slow, fast = next(left.parameters()), next(right.parameters())
    history, found = [], []
    for step in range(7):
        history.append(float(fast.detach().flatten()[0]))
        model.advance(step)
        found.append(float(slow.flatten()[0]))
        moved(model, 0.1)
    assert found == pytest.approx(slow_teacher.followed(history, decay, every), rel=1e-5, abs=1e-7)
    assert (found[0] == found[2]) == (every == 3)


@pytest.mark.parametrize("learns", ["codes", "ctc"])
def test_every_part_of_the_copy_follows_and_none_learns(learns: str) -> None:
    model = guided(learns=learns, decay=0.0).train()
    moved(model)
    before = [value.clone() for value in model.teacher.parameters()]
    sum_of(model(batch())).backward()
    assert all(p.grad is None and not p.requires_grad for p in model.teacher.parameters())
    assert not model.teacher.training and model.encoder.training
    model.advance(0)
    for slow, fast in model.pairs():
        assert all(torch.equal(a, b) for a, b in zip(slow.parameters(), fast.parameters(), strict=True))
    assert all(not torch.equal(a, b) for a, b in zip(before, model.teacher.parameters(), strict=True))


def sum_of(losses: Any) -> Tensor:
    return sum((t.weight * t.sum / t.count.clamp(min=1) for t in losses.terms.values()), torch.zeros(()))


def test_the_head_learns_from_what_is_transcribed_alone() -> None:
    model = guided(learns="ctc").eval()
    given = batch()
    moved(model, 0.1)
    said = torch.tensor([[3, 4, 4, 5], [-1, -1, -1, -1], [6, -1, -1, -1]])
    losses = model(replace(given, transcripts=said))
    encoder: Any = model.encoder
    frames = encoder.contextualise(*encoder.embed(given.features, given.lengths))
    scores = model.output(frames.frames).log_softmax(dim=2).double()
    total = sum(
        slow_ctc.cost(scores[row, : int(frames.lengths[row])].tolist(), [u for u in said[row].tolist() if u >= 0])
        for row in (0, 2)
    )
    term = losses.terms["scorer_ctc"]
    assert float(term.sum.detach()) == pytest.approx(total, rel=1e-4)
    assert int(term.count) == 5 and term.beside and term.weight == 0.3
    assert tuple(map(float, losses.figures["transcribed"])) == (2.0, 3.0)


def test_a_batch_without_a_transcript_still_reaches_every_weight() -> None:
    model = guided(learns="ctc").train()
    given = replace(batch(), transcripts=torch.full((3, 2), -1))
    losses = model(given)
    assert float(losses.terms["scorer_ctc"].sum.detach()) == 0 and int(losses.terms["scorer_ctc"].count) == 0
    sum_of(losses).backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    with pytest.raises(ValueError, match="without transcripts"):
        model(replace(given, transcripts=None))


@pytest.mark.parametrize("learns", ["codes", "ctc"])
def test_padding_and_company_change_no_confidence(learns: str) -> None:
    model = guided(learns=learns).eval()
    moved(model, 0.1)
    together, padded = model.confidence(batch()), model.confidence(batch(extra=3))
    torch.testing.assert_close(padded, together, atol=1e-5, rtol=1e-4)
    for row in range(3):
        alone = model.confidence(batch(slice(row, row + 1)))
        torch.testing.assert_close(together[row, : alone.shape[1]], alone[0], atol=1e-5, rtol=1e-4)
        assert not together[row, alone.shape[1] :].any()


@pytest.mark.parametrize("length", [1, 6, 7, 8, 12])
def test_utterances_of_hardly_a_frame(length: int) -> None:
    whole = batch(slice(0, 1))
    short = replace(whole, features=whole.features[:, :length], lengths=torch.tensor([length]))
    for learns in ("codes", "ctc"):
        assert bool(torch.isfinite(sum_of(guided(learns=learns).train()(short))))


def test_temperature_measure_and_blank_are_those_of_its_probabilities() -> None:
    model = guided(learns="ctc", measure="max", exclude_blank=True, temperature=2.0).eval()
    moved(model)
    logits = model.log_probabilities(batch())[0][0, 4].double() / 2
    expected = slow_confidence.confidence(logits.softmax(dim=0).tolist(), "max", True)
    assert float(model.confidence(batch())[0, 4]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "settings", "reason"),
    [
        ("apc", {}, "hides nothing"),
        ("wav2vec2", {}, "predicts no codes"),
    ],
)
def test_what_has_nothing_to_be_sure_of_is_refused(name: str, settings: dict[str, Any], reason: str) -> None:
    objective: nn.Module = make(name)
    with pytest.raises(ValueError, match=reason):
        with_own_scorer(objective, OwnScorerConfig(**settings))
    if name == "wav2vec2":
        assert isinstance(with_own_scorer(objective, OwnScorerConfig(learns="ctc"), NUM_UNITS), TextScorer)


@pytest.mark.parametrize(
    "settings",
    [{"decay": 1.0}, {"every": 0}, {"temperature": 0.0}, {"labelled": 0.0}, {"weight": 0.0}, {"exclude_blank": True}],
)
def test_numbers_without_a_meaning_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"decay is|temperature is|labelled is|exclude_blank"):
        OwnScorerConfig(**settings)
