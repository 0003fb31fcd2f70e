"""Mining against nested loops in float64, the rules' relations to one another, and a loss that has a gradient."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from masr.losses.triplet import Candidates, Config, Triplets, contrastive_loss, mean_distance, mine, triplet_loss
from masr.maths.keyed_random import combine
from reference import slow_triplets

RULES = ["label", "similarity", "threshold", "margin", "weight", "concat"]


def case(
    seed: int, count: int, classes: int, binary: bool = False, missing: bool = True
) -> tuple[Candidates, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    embeddings = functional.normalize(torch.randn(count, 6, generator=generator, dtype=torch.float64), dim=1)
    labels = torch.randint(-1 if missing else 0, classes, (count,), generator=generator)
    table = torch.rand(classes, classes, generator=generator, dtype=torch.float64)
    table = ((table + table.t()) / 2).fill_diagonal_(1.0)
    if binary:
        table = torch.eye(classes, dtype=torch.float64)
    similarity = table[labels][:, labels]
    similarity[labels < 0] = torch.nan
    similarity[:, labels < 0] = torch.nan
    keys = combine(seed, 0, torch.arange(count))
    return Candidates(embeddings, labels, lambda rows: similarity[rows], keys), similarity


def as_lists(triplets: Triplets) -> list[tuple[int, int, int]]:
    columns = (triplets.anchors.tolist(), triplets.positives.tolist(), triplets.negatives.tolist())
    kept = [True] * len(columns[0]) if triplets.kept is None else triplets.kept.tolist()
    return [triplet for triplet, is_kept in zip(zip(*columns, strict=True), kept, strict=True) if is_kept]


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 24), classes=st.integers(1, 5))
def test_every_rule_against_nested_loops(rule: str, seed: int, count: int, classes: int) -> None:
    candidates, similarity = case(seed, count, classes)
    config = Config(mining=rule)
    found = mine(candidates, slice(0, count), config, 1.0, 40)
    embeddings = candidates.embeddings.tolist()
    expected = slow_triplets.mine(rule, embeddings, candidates.labels.tolist(), similarity.tolist())
    assert as_lists(found) == expected
    for distance in ("squared", "cosine"):
        for kind in ("hinge", "soft"):
            if not expected:
                continue
            config = Config(mining=rule, distance=distance, loss=kind, margin=0.2, sharpness=3.0)
            term, _ = triplet_loss(candidates.embeddings, found, config)
            slow_loss = slow_triplets.loss(rule, embeddings, expected, similarity.tolist(), 0.2, distance, kind, 3.0)
            assert float(term.sum / term.count) == pytest.approx(slow_loss, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(2, 40), classes=st.integers(1, 6))
def test_similarity_of_zeros_and_ones_is_batch_hard_by_label(seed: int, count: int, classes: int) -> None:
    candidates, _ = case(seed, count, classes, binary=True)
    chosen = [mine(candidates, slice(0, count), Config(mining=m), 1.0, 40) for m in ("label", "similarity")]
    assert as_lists(chosen[0]) == as_lists(chosen[1])


@pytest.mark.parametrize("without", ["fall_back", "leave_out"])
@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 24), classes=st.integers(1, 5), kinds=st.integers(1, 2))
def test_mining_across_other_labels_against_nested_loops(
    rule: str, without: str, seed: int, count: int, classes: int, kinds: int
) -> None:
    candidates, similarity = case(seed, count, classes)
    generator = torch.Generator().manual_seed(seed + 1)
    others = tuple(torch.randint(-1, 3, (count,), generator=generator) for _ in range(kinds))
    candidates = replace(candidates, others=others)
    config = Config(mining=rule, across=("spk", "channel")[:kinds], without_across=without)
    found = mine(candidates, slice(0, count), config, 1.0, 40)
    arguments = (rule, candidates.embeddings.tolist(), candidates.labels.tolist(), similarity.tolist())
    lists = [other.tolist() for other in others]
    assert as_lists(found) == slow_triplets.mine_across(*arguments, lists, without == "fall_back")
    assert found.across is not None
    across, anchored = (int(value) for value in found.across)
    assert 0 <= across <= anchored <= count
    if without == "leave_out" and rule != "similarity":
        for anchor, positive, _ in as_lists(found):
            assert all(other[anchor] != other[positive] for other in others)


def test_a_block_boundary_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for rule in RULES:
        candidates, _ = case(5, 50, 4)
        whole = mine(candidates, slice(0, 50), Config(mining=rule), 0.5, 40)
        monkeypatch.setattr("masr.losses.triplet._BLOCK_ELEMENTS", 150)
        blocks = mine(candidates, slice(0, 50), Config(mining=rule), 0.5, 40)
        monkeypatch.undo()
        assert as_lists(whole) == as_lists(blocks)
        part = mine(candidates, slice(20, 30), Config(mining=rule), 0.5, 40)
        assert as_lists(part) == [t for t in as_lists(whole) if 20 <= t[0] < 30]


def test_missing_labels_take_no_part() -> None:
    candidates, _ = case(6, 60, 3)
    for rule in RULES:
        for triplet in as_lists(mine(candidates, slice(0, 60), Config(mining=rule), 1.0, 40)):
            assert all(candidates.labels[place] >= 0 for place in triplet)


def test_hardness_runs_from_random_to_hardest() -> None:
    candidates, _ = case(7, 200, 4, missing=False)

    def gap(hardness: float) -> float:
        found = mine(candidates, slice(0, 200), Config(mining="label"), hardness, 40)
        term, _ = triplet_loss(candidates.embeddings, found, Config(mining="label", loss="soft"))
        return float(term.sum / term.count)

    gaps = [gap(h) for h in (0.0, 0.5, 1.0)]
    assert gaps[0] < gaps[1] < gaps[2]
    again = mine(candidates, slice(0, 200), Config(mining="label"), 0.0, 40)
    assert as_lists(again) == as_lists(mine(candidates, slice(0, 200), Config(mining="label"), 0.0, 40))
    assert as_lists(again) != as_lists(mine(candidates, slice(0, 200), Config(mining="label"), 0.0, 41))


def test_semi_hard_negatives_are_farther_than_the_positive_where_any_is() -> None:
    candidates, _ = case(8, 80, 4, missing=False)
    found = mine(candidates, slice(0, 80), Config(mining="label", semi_hard=True), 0.0, 40)
    hard = mine(candidates, slice(0, 80), Config(mining="label"), 0.0, 40)
    assert as_lists(found) != as_lists(hard)
    cosines = candidates.embeddings @ candidates.embeddings.t()
    semi = mine(candidates, slice(0, 80), Config(mining="label", semi_hard=True), 1.0, 40)
    for anchor, positive, negative in as_lists(semi):
        others = candidates.labels != candidates.labels[anchor]
        farther = others & (cosines[anchor] < cosines[anchor, positive])
        if farther.any():
            assert cosines[anchor, negative] < cosines[anchor, positive]
            assert cosines[anchor, negative] == cosines[anchor][farther].max()


def test_gradient_pulls_the_positive_and_pushes_the_negative() -> None:
    vectors = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]], requires_grad=True)
    triplets = Triplets(
        torch.tensor([0]), torch.tensor([1]), torch.tensor([2]), torch.zeros(1), (torch.zeros(()), torch.ones(()))
    )
    term, figures = triplet_loss(vectors, triplets, Config(mining="label"))
    term.sum.backward()
    assert vectors.grad is not None
    assert (vectors.grad[1] @ torch.tensor([1.0, 0.0])) < 0  # a descent step moves the positive towards the anchor
    assert (vectors.grad[2] @ torch.tensor([1.0, 0.0])) > 0
    assert float(figures["active_share"][0]) == 1


def test_label_equals_pytorch_metric_learning() -> None:
    miners = pytest.importorskip("pytorch_metric_learning.miners")
    distances = pytest.importorskip("pytorch_metric_learning.distances")
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    reducers = pytest.importorskip("pytorch_metric_learning.reducers")
    candidates, _ = case(9, 60, 5, missing=False)
    config = Config(mining="label", margin=0.3, loss="hinge")
    found = mine(candidates, slice(0, 60), config, 1.0, 40)
    distance = distances.LpDistance(power=2)
    indices = miners.BatchHardMiner(distance=distance)(candidates.embeddings, candidates.labels)
    assert sorted(as_lists(found)) == sorted(zip(*(i.tolist() for i in indices), strict=True))
    peer = losses.TripletMarginLoss(margin=0.3, distance=distance, reducer=reducers.MeanReducer())
    expected = peer(candidates.embeddings, candidates.labels, indices)
    term, _ = triplet_loss(candidates.embeddings, found, config)
    torch.testing.assert_close(term.sum / term.count, expected)


def test_spread_is_the_mean_distance_of_pairs_and_zero_after_a_collapse() -> None:
    vectors = functional.normalize(torch.randn(30, 5, dtype=torch.float64), dim=1)
    pairs = (vectors[:, None] - vectors[None]).square().sum(dim=2)
    torch.testing.assert_close(mean_distance(vectors)[0], pairs.mean())
    assert float(mean_distance(vectors[:1].repeat(9, 1))[0]) == pytest.approx(0, abs=1e-9)


def test_nothing_to_mine_is_no_loss_and_no_crash() -> None:
    candidates, _ = case(1, 5, 1, missing=False)
    found = mine(candidates, slice(0, 5), Config(mining="label"), 1.0, 40)
    term, _ = triplet_loss(candidates.embeddings.requires_grad_(), found, Config(mining="label"))
    term.sum.backward()
    assert float(term.count) == 0
    assert float(term.sum.detach()) == 0


@pytest.mark.parametrize("rule", ["margin", "weight", "similarity", "threshold"])
def test_pairs_whose_similarity_is_not_known_take_no_part_and_are_counted(rule: str) -> None:
    """Labels that are there, and codes with gaps: a language whose typology lacks a set of features."""
    candidates, similarity = case(12, 40, 6)
    hidden = torch.rand(6, 6, generator=torch.Generator().manual_seed(3)) < 0.4
    hidden = hidden | hidden.t()
    gaps = hidden[candidates.labels][:, candidates.labels] & (candidates.labels[:, None] != candidates.labels)
    known = torch.where(gaps, torch.nan, similarity)
    holed = Candidates(candidates.embeddings, candidates.labels, lambda rows: known[rows], candidates.keys)
    config = Config(mining=rule)
    found = mine(holed, slice(0, 40), config, 1.0, 40)
    chosen = as_lists(found)
    assert 0 < len(chosen) < 40
    assert not any(known[anchor, negative].isnan() for anchor, _, negative in chosen)
    if rule == "similarity":
        assert not any(known[anchor, positive].isnan() for anchor, positive, _ in chosen)
    vectors = holed.embeddings.clone().requires_grad_()
    term, figures = triplet_loss(vectors, found, config)
    term.sum.backward()
    assert torch.isfinite(term.sum) and int(term.count) == len(chosen)
    assert vectors.grad is not None and vectors.grad.isfinite().all()
    labelled = candidates.labels >= 0
    both = labelled[:, None] & labelled
    absent, total = figures["unknown_pairs"]
    assert (int(absent), int(total)) == (int((known.isnan() & both).sum()), int(both.sum()))
    assert int(absent) > 0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 20), classes=st.integers(1, 4))
def test_the_contrastive_loss_against_its_definition(seed: int, count: int, classes: int) -> None:
    candidates, _ = case(seed, count, classes)
    config = Config(mining="label", loss="contrastive", temperature=0.2)
    embeddings = candidates.embeddings.clone().requires_grad_()
    term, _ = contrastive_loss(candidates, embeddings, slice(0, count), config)
    expected = slow_triplets.contrastive(candidates.embeddings.tolist(), candidates.labels.tolist(), 0.2)
    assert int(term.count) == len(expected)
    assert float(term.sum.detach()) == pytest.approx(sum(expected), rel=1e-6, abs=1e-9)
    term.sum.backward()
    assert embeddings.grad is not None
    assert torch.isfinite(embeddings.grad).all()


def test_the_contrastive_loss_of_some_anchors_among_all_is_their_part_of_the_whole() -> None:
    """As on several ranks, each of which has its own anchors and the candidates of all."""
    candidates, _ = case(5, 20, 3)
    config = Config(mining="label", loss="contrastive", temperature=0.2)
    whole, figures = contrastive_loss(candidates, candidates.embeddings, slice(0, 20), config)
    parts = [contrastive_loss(candidates, candidates.embeddings, rows, config) for rows in (slice(0, 6), slice(6, 20))]
    assert 0 < int(parts[0][0].count) < int(whole.count)
    torch.testing.assert_close(sum(term.sum for term, _ in parts), whole.sum)
    for name in ("positive_distance", "negative_distance"):
        torch.testing.assert_close(sum(found[name][0] for _, found in parts), figures[name][0])


def test_the_contrastive_loss_needs_a_rule_that_tells_positives_from_negatives() -> None:
    with pytest.raises(ValueError, match="mining: label, threshold or concat"):
        Config(loss="contrastive")
