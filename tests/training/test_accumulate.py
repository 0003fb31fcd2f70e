"""The gradient of a step is the same in however many micro-batches it is computed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from masr.models.conformer import MaskedBatchNorm
from masr.models.padding_mask import BatchNormOfFrames
from masr.objectives.masr import StreamConfig, wrap
from masr.plugins import names
from masr.training.distributed import World
from masr.training.loop import train
from masr.training.meters import Meters
from masr.training.sums import Tallied, parts_of_step, total_loss
from masr.types import Batch
from small import objectives, tiny

APART = {"masr", "cpc"}
"""What is compared within a micro-batch: its streams, or negatives that no one counts beforehand."""


def objective(name: str) -> nn.Module:
    made = objectives.make(name, attending=True)
    if hasattr(made, "config") and hasattr(made.config, "diversity_weight"):
        # how evenly codes are used is of the batch, and of no utterance
        made.config = dataclasses.replace(made.config, diversity_weight=0.0, feature_penalty=1.0)
    if name == "hubert":
        made.config = dataclasses.replace(made.config, unmasked_weight=0.5)
    return made


def whole() -> Batch:
    """Sixteen utterances of very different lengths, one without a label or transcript."""
    random = torch.Generator().manual_seed(4)
    lengths = torch.randint(24, 150, (16,), generator=random)
    features = torch.randn(16, int(lengths.max()), 20, generator=random)
    features[torch.arange(features.shape[1]) >= lengths[:, None]] = 0
    encoded = ((lengths - 3) // 2 + 1 - 3) // 2 + 1
    targets = torch.randint(0, 12, (16, int(encoded.max())), generator=random)
    targets[torch.arange(targets.shape[1]) >= encoded[:, None]] = -1
    transcripts = torch.randint(2, 12, (16, 4), generator=random)
    transcripts[torch.arange(4) >= torch.randint(1, 5, (16, 1), generator=random)] = -1
    transcripts[2] = -1
    labels = torch.randint(0, 3, (16,), generator=random)
    labels[2] = -1
    keys = torch.randint(-(1 << 60), 1 << 60, (16,), generator=random)
    utts = tuple(f"u{row}" for row in range(16))
    return Batch(utts, features, lengths, keys, labels={"utt2lang": labels}, targets=targets, transcripts=transcripts)


def part(batch: Batch, rows: torch.Tensor) -> Batch:
    lengths = batch.lengths[rows]
    longest, encoded = int(lengths.max()), int((((lengths - 3) // 2 + 1 - 3) // 2 + 1).max())
    return dataclasses.replace(
        batch,
        utts=tuple(batch.utts[row] for row in rows.tolist()),
        features=batch.features[rows, :longest],
        lengths=lengths,
        keys=batch.keys[rows],
        labels={"utt2lang": batch.labels["utt2lang"][rows]},
        targets=batch.targets[rows, :encoded],
        transcripts=batch.transcripts[rows],
    )


def gradient(name: str, micro_batches: tuple[Batch, ...]) -> tuple[float, dict[str, torch.Tensor]]:
    model = objective(name).train()
    tallied, loss = Tallied(model), 0.0
    for batch, share in zip(micro_batches, parts_of_step(model, micro_batches, World()), strict=True):
        found = total_loss(tallied(batch), World(), share)
        found.backward()
        loss += float(found.detach())
    return loss, {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("name", sorted(set(names("objectives")) - APART))
def test_any_number_of_micro_batches_has_the_gradient_of_one(name: str) -> None:
    batch = whole()
    loss, expected = gradient(name, (batch,))
    for count in (2, 4, 8):
        dealt = tuple(part(batch, torch.arange(first, 16, count)) for first in range(count))
        again, found = gradient(name, dealt)
        assert again == pytest.approx(loss, rel=1e-5)
        length = torch.stack([value.norm() for value in expected.values()]).norm()
        for place, value in expected.items():
            assert float((found[place] - value).norm()) < 2e-5 * float(length), (count, place)


@pytest.mark.parametrize("name", sorted(set(names("objectives")) - APART))
def test_counts_are_those_that_come_out(name: str) -> None:
    model, batch = objective(name).train(), whole()
    terms = model(batch).terms
    known = model.counts(batch)
    assert {term: float(found.count) for term, found in terms.items()} == {term: known[term] for term in terms}


def test_streams_leave_the_counts_of_the_objective_as_they_are() -> None:
    made = objectives.make("best_rq")
    streams = wrap(made, {"x": (tiny.Cosine(), StreamConfig(projection_dim=8))})
    assert streams.counts(whole()) == made.counts(whole())


def test_a_run_goes_on_with_more_micro_batches(tmp_path: Path) -> None:
    """As with fewer GPUs: what comes out is what would have come out."""

    def stopping(first: int) -> Iterator[tuple[Batch, ...]]:
        for step, micro_batches in enumerate(tiny.batches()(first), first):
            if step == 8:
                raise OSError("gone")
            yield micro_batches

    one = tiny.make_run(tmp_path / "one")
    assert train(tiny.with_data(one, tiny.batches(), tiny.nothing)) == 0
    with pytest.raises(OSError, match="gone"):
        train(tiny.with_data(tiny.make_run(tmp_path / "two"), stopping, tiny.nothing))
    two = tiny.make_run(tmp_path / "two", accumulate=2)
    assert train(tiny.with_data(two, tiny.batches(accumulate=2), tiny.nothing)) == 0
    for name, value in one.objective.state_dict().items():
        torch.testing.assert_close(two.objective.state_dict()[name], value, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "compared"), [("best_rq", ""), ("masr", "triplets of the streams"), ("cpc", "negatives")]
)
def test_what_changes_with_the_micro_batches_is_said(
    name: str, compared: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(Meters, "say", lambda _, line: said.append(line))
    for accumulate in (1, 2):
        settings = {"training": {"accumulate": accumulate}}
        made, steps = tiny.objective(name), 4 * accumulate
        run = tiny.make_run(tmp_path, made, accumulate=accumulate, settings=settings, max_steps=steps)
        assert train(tiny.with_data(run, tiny.batches(accumulate=accumulate), tiny.nothing)) == 0
    told = [line for line in said if "training.accumulate was 1 and is now 2" in line]
    assert len(told) == bool(compared) and all(f"({compared})" in line for line in told)


def test_what_is_of_a_micro_batch_is_known_of_every_objective() -> None:
    """All others have the gradient of one batch in any number of pieces, as the first test shows."""
    codes = "how evenly codes are used"
    expected = {"masr": "triplets of the streams", "wav2vec2": codes, "w2v_bert": codes}
    for name in names("objectives"):
        said = {getattr(module, "of_a_micro_batch", "") for module in objectives.make(name).modules()}
        assert said - {""} == {expected[name]} if name in expected else not said - {""}, name
    assert MaskedBatchNorm.of_a_micro_batch == BatchNormOfFrames.of_a_micro_batch
