"""What is summed before a mean or a perplexity is taken of it."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from masr.training.distributed import World
from masr.training.loop import train, validate
from masr.training.sums import Sums, Tallied, Tally, Totals, parts_of_step
from masr.types import Batch, Losses, Term
from small import tiny


def tally(codes: list[list[float]], guesses: list[list[float]] | None = None, loss: float = 1.0) -> Tally:
    histograms: dict[str, Tensor] = {"code": torch.tensor(codes)}
    if guesses is not None:
        histograms["predicted_code"] = torch.tensor(guesses)
    return Tally({"a": torch.tensor(loss)}, {"a": torch.tensor(2.0)}, {"a": 0.5}, frozenset(), {}, histograms)


def test_usage_is_that_of_the_whole_set() -> None:
    """Two batches with one code each: a mean over batches would see a collapsed codebook."""
    sums = Sums()
    sums.add(tally([[4.0, 0, 0, 0]]))
    sums.add(tally([[0.0, 4, 0, 0]], loss=3.0))
    figures = sums.over_ranks(World()).figures()
    assert figures["codes_used"] == 2
    assert figures["code_entropy"] == pytest.approx(math.log(2))
    assert figures["code_perplexity"] == pytest.approx(2)
    assert (figures["a"], figures["loss"]) == (1.0, 0.5)
    assert "code_chance" not in figures


def test_figures_are_means_over_codebooks() -> None:
    sums = Sums()
    sums.add(tally([[1.0, 1, 1, 1], [4.0, 0, 0, 0]], [[2.0, 2, 0, 0], [3.0, 1, 0, 0]]))
    figures = sums.over_ranks(World()).figures()
    assert figures["codes_used"] == 2.5
    assert figures["code_perplexity"] == pytest.approx((4 + 1) / 2)
    assert figures["code_entropy"] == pytest.approx(math.log(4) / 2)
    assert figures["code_chance"] == pytest.approx((0.25 + 1) / 2)
    assert figures["predicted_codes_used"] == 2
    assert "predicted_code_chance" not in figures


def test_no_frame_at_all_is_no_code() -> None:
    sums = Sums()
    sums.add(tally([[0.0, 0]], [[0.0, 0]]))
    figures = sums.over_ranks(World()).figures()
    assert [figures[name] for name in ("codes_used", "code_entropy", "code_chance")] == [0, 0, 0]
    assert math.isnan(Totals().figures()["loss"])


def test_sums_go_on_where_they_were_kept() -> None:
    whole, part = Sums(), Sums()
    for sums in (whole, part):
        sums.add(tally([[1.0, 2]], [[0.0, 3]]))
    kept = part.over_ranks(World())
    record = json.loads(json.dumps([kept.pairs, kept.histograms, kept.weights]))
    part = Sums()
    part.restore(Totals(*record), World())
    for sums in (whole, part):
        sums.add(tally([[5.0, 0]], [[5.0, 0]]))
    assert part.over_ranks(World()).figures() == whole.over_ranks(World()).figures()
    other = Sums()
    other.restore(Totals(*record), World(rank=1))
    assert not other.histograms["code"].any() and other.values.keys() == part.values.keys()


def test_a_stand_in_counts_no_code() -> None:
    alone = tiny.part_of(tiny.whole_batch(1, 0, 2), World(5, 7))
    assert alone.stand_in
    found = Tallied(tiny.objective())(alone)
    assert found.histograms.keys() == {"code", "predicted_code"}
    assert not any(counts.any() for counts in found.histograms.values())


class Weighed(nn.Module):
    """Finds numbers that all hang on its weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, _batch: Batch) -> Losses:
        w = self.weight
        return Losses({"a": Term(3 * w, w, 0.5)}, {"b": (4 * w, 5 * w)}, None, {"code": w * torch.ones(1, 2)})


@pytest.mark.parametrize("stand_in", [False, True])
def test_only_sums_have_a_gradient_and_a_stand_in_finds_zeros(stand_in: bool) -> None:
    batch = replace(tiny.whole_batch(1, 0, 2), stand_in=stand_in)
    objective, factor = Weighed(), 0.0 if stand_in else 1.0
    found = Tallied(objective)(batch)
    others = (found.counts["a"], *found.figures["b"], found.histograms["code"])
    assert not any(other.requires_grad for other in others)
    assert [float(other.sum()) for other in others] == [factor * n for n in (2, 8, 10, 4)]
    assert float(found.sums["a"].detach()) == factor * 6
    found.sums["a"].backward()
    assert float(objective.weight.grad) == factor * 3  # zero, and not None: the graph is there


@pytest.mark.parametrize("kind", ["best_rq", "masr"])
def test_a_validation_counts_over_the_whole_set(tmp_path: Path, kind: str) -> None:
    """By hand: the codes of all masked frames of all batches, once."""
    run = tiny.make_run(tmp_path, tiny.objective(kind))
    objective: Any = getattr(run.objective, "objective", run.objective)
    figures = validate(run).over_ranks(World()).figures()
    counted: Counter[int] = Counter()
    sizes = []
    for (batch,) in tiny.validation()(0):
        codes = labels_of(objective, batch)
        counted.update(codes)
        sizes.append(len(set(codes)))
    shares = [count / sum(counted.values()) for count in counted.values()]
    assert figures["codes_used"] == len(counted) > max(sizes)
    assert figures["code_entropy"] == pytest.approx(-sum(p * math.log(p) for p in shares))
    assert figures["code_chance"] == pytest.approx(max(shares))
    assert 1 <= figures["predicted_codes_used"] <= 32


def labels_of(objective: Any, batch: Batch) -> list[int]:
    mask = objective.masker.mask(objective.encoder.num_encoded(batch.lengths), batch.keys, None)
    labels: list[int] = objective.quantizer(objective.stacked(batch.features, mask))[:, 0].tolist()
    return labels


def test_metrics_and_screen_have_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tiny.make_run(tmp_path)
    run.meters.quiet = False
    train(run)
    found = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    names = {f"{who}code{what}" for who in ("", "predicted_") for what in ("s_used", "_entropy", "_perplexity")}
    assert all(names | {"code_chance"} <= line.keys() for line in found)
    line = next(line for line in found if line["split"] == "dev")
    assert f"code_chance {line['code_chance']:.3f}" in capsys.readouterr().err


def test_ranks_add_up_what_has_the_same_name() -> None:
    """Whatever order the names came in: a rank without an utterance of some kind meets them later."""

    def packed(names: str) -> Any:
        sums = Sums()
        values = {name: torch.tensor(float(ord(name))) for name in names}
        codes = {name: torch.full((1, 2), float(ord(name))) for name in names}
        ones = dict.fromkeys(names, torch.tensor(1.0))
        sums.add(Tally(values, ones, dict.fromkeys(names, 1.0), frozenset(), {}, codes))
        return sums.packed(World())

    one, other = packed("ab"), packed("ba")
    assert torch.equal(one.flat, other.flat)
    assert (
        one.totals(one.flat.tolist()).pairs == other.totals(other.flat.tolist()).pairs == {"a": (97, 1), "b": (98, 1)}
    )
    assert other.totals(other.flat.tolist()).histograms == {"a": [[97, 97]], "b": [[98, 98]]}


def test_counts_of_micro_batches_go_by_name() -> None:
    class Objective(nn.Module):
        def counts(self, batch: Batch) -> dict[str, float]:
            return {"a": 1.0, "b": 10.0} if batch.utts[0] == "first" else {"b": 20.0, "a": 2.0}

    batch = tiny.whole_batch(1, 1, 2)
    parts = parts_of_step(Objective(), [replace(batch, utts=("first",)), replace(batch, utts=("second",))], World())
    assert {name: float(count) for name, count in parts[0].counts.items()} == {"a": 3.0, "b": 30.0}
