"""MASR around an objective: gradient from every stream, missing labels, memory, ranks that agree with one process."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, distributed, multiprocessing, nn
from torch.nn import functional

from masr.keyed import combine
from masr.objectives.masr import Masr, StreamConfig, Whitening, wrap
from masr.types import Batch, Encoded, FloatArray, Losses, Term


class Cosine:
    """A stream whose labels are its codes."""

    tables = ("utt2x",)
    num_dims = 3

    def codes(self, labels: object) -> FloatArray:
        return np.zeros((0, 3), np.float32)

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        return (functional.normalize(a, dim=1) @ functional.normalize(b, dim=1).t() + 1) / 2


class Frames(nn.Module):
    """An objective that only encodes."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(5, 8)
        self.encoder.dim = 8  # type: ignore[assignment]

    def forward(self, batch: Batch) -> Losses:
        frames = self.encoder(batch.features)
        term = Term(frames.square().sum() * 0, frames.new_tensor(1.0))
        return Losses({"ssl": term}, {}, Encoded(frames, batch.lengths))


def batch(rows: slice = slice(0, 12), missing: bool = True) -> Batch:
    generator = torch.Generator().manual_seed(4)
    labels = torch.randint(0, 3, (12,), generator=generator)
    codes = torch.eye(3)[labels] + 0.1
    if missing:
        labels[3], codes[3] = -1, torch.nan
    features = torch.randn(12, 7, 5, generator=generator)
    return Batch(
        tuple(f"u{i}" for i in range(12))[rows],
        features[rows],
        torch.full((12,), 7)[rows],
        combine(1, 2, torch.arange(12))[rows],
        {"x": codes[rows], "y": codes[rows]},
        {"x": labels[rows], "y": labels[rows]},
    )


def model(**settings: object) -> Masr:
    torch.manual_seed(0)
    config = StreamConfig(**{"projection_dim": 4, "warmup_steps": 0, **settings})
    return wrap(Frames(), {"x": (Cosine(), config), "y": (Cosine(), config)})


def loss(losses: Losses) -> Tensor:
    return sum((t.weight * t.sum / t.count.clamp(min=1) for t in losses.terms.values()), torch.zeros(()))


@pytest.mark.parametrize("mining", ["label", "similarity", "threshold", "margin", "weight", "concat"])
def test_every_stream_reaches_the_encoder(mining: str) -> None:
    for name in ("x", "y"):
        masr = model(mining=mining)
        term = masr(batch()).terms[name]
        assert int(term.count) > 0
        term.sum.backward()
        assert masr.encoder.weight.grad.abs().sum() > 0
        assert masr.heads[name].projection.weight.grad.abs().sum() > 0


def test_a_sample_without_label_takes_no_part() -> None:
    whole = batch()
    without = whole.features.clone().requires_grad_()
    losses = model()(Batch(whole.utts, without, whole.lengths, whole.keys, whole.codes, whole.labels))
    losses.terms["x"].sum.backward()
    assert not without.grad[3].any()
    assert without.grad[[i for i in range(12) if i != 3]].abs().sum() > 0


def test_without_any_label_every_weight_still_takes_part() -> None:
    """Ranks that average gradients wait for every weight of every rank."""
    masr = model()
    whole = batch()
    none = {name: torch.full_like(labels, -1) for name, labels in whole.labels.items()}
    codes = {name: torch.full_like(values, torch.nan) for name, values in whole.codes.items()}
    losses = masr(Batch(whole.utts, whole.features, whole.lengths, whole.keys, codes, none))
    assert [int(losses.terms[name].count) for name in ("x", "y")] == [0, 0]
    loss(losses).backward()
    assert not [n for n, p in masr.named_parameters() if p.grad is None]


def test_memory_gives_candidates_and_stays_its_size() -> None:
    masr = model(memory=20, mining="label")
    counts = [int(masr(batch(slice(0, 2), missing=False)).terms["x"].count)]
    masr(batch(slice(2, 12), missing=False))
    counts.append(int(masr(batch(slice(0, 2), missing=False)).terms["x"].count))
    assert counts[1] == 2 > counts[0]
    head = masr.heads["x"]
    assert head.memory_embeddings.shape == (20, 4)
    assert int((head.memory_labels >= 0).sum()) == 14
    masr.eval()
    held = head.memory_labels.clone()
    masr(batch())
    assert torch.equal(head.memory_labels, held)


def test_hardness_follows_the_steps() -> None:
    masr = model(warmup_steps=10)
    for step, hardness in [(0, 0.0), (5, 0.5), (20, 1.0)]:
        masr.advance(step)
        assert masr.heads["x"].hardness == hardness


def _rank(rank: int, port: int, folder: str) -> None:
    address = f"tcp://127.0.0.1:{port}"
    distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    masr = model(mining="similarity", warmup_steps=10, memory=20)
    masr.advance(5)
    rows = slice(rank, 12, 2)
    masr(batch(rows))  # fills the memory
    losses = masr(batch(rows))
    total = torch.zeros(())
    for term in losses.terms.values():
        count = term.count.clone()
        distributed.all_reduce(count)
        total = total + term.weight * term.sum / count.clamp(min=1)
    total.backward()
    gradient = masr.encoder.weight.grad
    distributed.all_reduce(gradient)
    value = total.detach().clone()
    distributed.all_reduce(value)
    torch.save({"loss": value, "gradient": gradient}, Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()


def test_two_ranks_mine_as_one(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(_rank, (port, str(tmp_path)), nprocs=2)
    alone = model(mining="similarity", warmup_steps=10, memory=20)
    alone.advance(5)
    alone(batch())
    expected = loss(alone(batch()))
    expected.backward()
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(found["loss"], expected.detach())
        torch.testing.assert_close(found["gradient"], alone.encoder.weight.grad)


def test_whitening_takes_labelled_samples_only_and_keeps_running_figures() -> None:
    whitening = Whitening(4).train()
    generator = torch.Generator().manual_seed(0)
    pooled = torch.randn(30, 4, generator=generator) * torch.tensor([0.1, 1, 10, 0]) + 100
    labelled = torch.arange(30) < 20
    out = whitening(pooled, labelled)
    torch.testing.assert_close(out[:20].mean(dim=0), torch.zeros(4), atol=1e-3, rtol=0)
    torch.testing.assert_close(out[:20, :3].std(dim=0, unbiased=False), torch.ones(3), atol=1e-2, rtol=0)
    other = pooled.clone()
    other[20:] = 0
    assert torch.equal(whitening(other, labelled)[:20], out[:20])
    for _ in range(200):
        whitening(pooled, labelled)
    whitening.eval()
    torch.testing.assert_close(whitening(pooled, labelled), out, atol=1e-2, rtol=1e-2)
    assert torch.isfinite(Whitening(4).train()(pooled[:1], labelled[:1])).all()


def test_samples_that_all_point_one_way_are_spread_out() -> None:
    """Pooled frames have a cosine near 1; unwhitened, the embeddings start out as good as collapsed."""
    whole = batch(missing=False)
    near = Batch(whole.utts, 0.01 * whole.features + 5, whole.lengths, whole.keys, whole.codes, whole.labels)
    spreads = [float(model(whiten=whiten)(near).figures["x_spread"][0]) for whiten in (False, True)]
    assert spreads[0] < 0.01
    assert spreads[1] > 1


@pytest.mark.parametrize("name", ["type", "keys", "language.2"])
def test_a_stream_may_have_a_name_that_torch_keeps_for_itself(name: str) -> None:
    torch.manual_seed(0)
    masr = wrap(Frames(), {name: (Cosine(), StreamConfig(projection_dim=4))})
    whole = batch()
    labels, codes = {name: whole.labels["x"]}, {name: whole.codes["x"]}
    assert name in masr(Batch(whole.utts, whole.features, whole.lengths, whole.keys, codes, labels)).terms


def test_the_encoder_is_saved_once() -> None:
    assert not any(name.startswith("encoder.") for name in model().state_dict())
