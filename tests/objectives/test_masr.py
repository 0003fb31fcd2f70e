"""MASR around an objective: gradient from every stream, missing labels, memory, ranks that agree with one process."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, distributed, multiprocessing, nn
from torch.nn import functional

from masr.maths.keyed_random import combine
from masr.objectives.masr import Masr, Scaling, StreamConfig, wrap
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
        term = Term(frames.square().sum() * 1e-3, frames.new_tensor(float(len(frames))))
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


TOGETHER = {
    "mining": "similarity", "warmup_steps": 10, "memory": 20, "gradient_share": 0.4, "variance_floor": 5.0,
}  # fmt: skip


def _rank(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    address = f"tcp://127.0.0.1:{port}"
    distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    masr = model(**TOGETHER)
    masr.advance(5)
    rows = slice(rank, 12, 2)
    masr(batch(rows))  # fills the memory
    losses = masr(batch(rows))
    total = torch.zeros(())
    for term in losses.terms.values():
        count = term.count.clone()
        distributed.all_reduce(count)
        total = total + term.weight * term.sum / count.clamp(min=1)
    (2 * total).backward()  # as the loop has it: the sum of ranks, by a mean over ranks
    gradient = masr.encoder.weight.grad
    distributed.all_reduce(gradient.div_(2))
    value = total.detach().clone()
    distributed.all_reduce(value)
    torch.save({"loss": value, "gradient": gradient, "norms": masr.gradients}, Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()


def test_two_ranks_mine_as_one(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.start_processes(_rank, (port, str(tmp_path)), nprocs=2, start_method="fork")
    alone = model(**TOGETHER)
    alone.advance(5)
    alone(batch())
    expected = loss(alone(batch()))
    expected.backward()
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(found["loss"], expected.detach())
        torch.testing.assert_close(found["gradient"], alone.encoder.weight.grad)
        torch.testing.assert_close(found["norms"], alone.gradients)
    assert 0.4 * float(alone.gradients[0]) < float(alone.gradients[1:].min())  # or the cap was not tried


def test_a_share_caps_what_a_stream_does_to_the_encoder_and_nothing_else() -> None:
    def gradient(**settings: float) -> tuple[Tensor, Tensor, Tensor]:
        masr = model(weight=100.0, **settings)
        loss(masr(batch())).backward()
        return masr.encoder.weight.grad, masr.heads["x"].projection.weight.grad, masr.gradients

    plain, head, norms = gradient()
    capped, same_head, same_norms = gradient(gradient_share=1e-3)
    torch.testing.assert_close(head, same_head)
    torch.testing.assert_close(norms, same_norms)
    masr = model(weight=0.0)
    loss(masr(batch())).backward()
    alone = masr.encoder.weight.grad
    assert (capped - alone).norm() < 0.05 * alone.norm() < (plain - alone).norm()


def test_the_cap_rises_from_nothing_and_is_never_gone() -> None:
    """After so many steps it is the whole cap; in the first a tenth of that, where 0 would be none at all."""

    def felt(step: int, rise: int) -> Tensor:
        masr, alone = model(weight=100.0, gradient_share=0.5, gradient_warmup_steps=rise), model(weight=0.0)
        for each in (masr, alone):
            each.advance(step)
            loss(each(batch())).backward()
        return masr.encoder.weight.grad - alone.encoder.weight.grad

    whole = felt(9, 0)
    for step, share in [(0, 0.1), (4, 0.5), (9, 1.0), (50, 1.0)]:
        expected = felt(step, 0) * share
        torch.testing.assert_close(felt(step, 10), expected, rtol=1e-3, atol=1e-6)
    assert whole.norm() > 0
    with pytest.raises(ValueError, match="gradient_warmup_steps needs a gradient_share"):
        model(gradient_warmup_steps=10)


def test_the_log_has_both_gradients_from_the_second_step_on_and_none_in_validation() -> None:
    masr = model()
    first = masr(batch()).figures
    assert float(first["objective_gradient"][1]) == 0
    loss(masr(batch())).backward()
    second = masr(batch()).figures
    for name, norm in zip(("objective", "x", "y"), masr.gradients, strict=True):
        assert [float(part) for part in second[f"{name}_gradient"]] == [float(norm), 1.0]
    assert "x_gradient" not in masr.eval()(batch()).figures


def test_a_stream_that_drives_the_encoder_alone_is_named_with_its_cure() -> None:
    masr = model()
    figures = {"raw_cosine": 0.99, "x_spread": 1.0, "y_spread": 1.0}
    assert masr.concerns(figures) == []
    masr.gradients.copy_(torch.tensor([1.0, 13.0, 2.0]))
    (sentence,) = masr.concerns(figures)
    assert "x alone drives the encoder: its gradient there is 13.0 times" in sentence and "gradient_share" in sentence
    assert masr.concerns({**figures, "raw_cosine": 0.3}) == []
    capped = model(gradient_share=2.0)
    capped.gradients.copy_(masr.gradients)
    assert capped.concerns(figures) == []
    (sentence,) = model(scaling="none").concerns({**figures, "y_spread": 0.001})
    assert "y: its embeddings lie in one point" in sentence


@pytest.mark.parametrize("scaling", ["whiten", "centre"])
def test_pooled_vectors_that_shrink_are_seen_though_what_is_compared_keeps_its_spread(scaling: str) -> None:
    """Raw deviations a thousandth of what they were leave the spread of whitened embeddings as it was."""
    whole = batch(missing=False)
    spreads, deviations = [], []
    for factor in (1.0, 1e-3):
        features = 3 + factor * whole.features
        near = Batch(whole.utts, features, whole.lengths, whole.keys, whole.codes, whole.labels)
        figures = model(scaling=scaling)(near).figures
        spreads.append(float(figures["x_spread"][0]))
        deviations.append(float(figures["raw_deviation"][0]))
    assert spreads[1] > 0.5 * spreads[0]
    assert deviations[1] < 0.01 * deviations[0]


def test_whitening_takes_labelled_samples_only_and_keeps_running_figures() -> None:
    whitening = Scaling(4, to_unit_variance=True).train()
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
    assert torch.isfinite(Scaling(4, to_unit_variance=True).train()(pooled[:1], labelled[:1])).all()


def test_samples_that_all_point_one_way_are_spread_out() -> None:
    """Pooled frames have a cosine near 1; unwhitened, the embeddings start out as good as collapsed."""
    whole = batch(missing=False)
    near = Batch(whole.utts, 0.01 * whole.features + 5, whole.lengths, whole.keys, whole.codes, whole.labels)
    spreads = [float(model(scaling=scaling)(near).figures["x_spread"][0]) for scaling in ("none", "whiten")]
    assert spreads[0] < 0.01
    assert spreads[1] > 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"margin": -0.1}, "margin must not be negative"),
        ({"low": 0.6, "high": 0.6}, "must be below high"),
        ({"loss": "contrastive", "mining": "similarity"}, "label, threshold or concat"),
        ({"weight": -1.0}, "weight must not be negative"),
        ({"label_noise": 1.5}, "shares between 0 and 1"),
        ({"projection_dim": 0}, "projection_dim must be at least 1"),
    ],
)
def test_settings_of_mining_and_of_streams_are_refused_alike(settings: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        StreamConfig(**settings)


@pytest.mark.parametrize("name", ["type", "keys", "language.2"])
def test_a_stream_may_have_a_name_that_torch_keeps_for_itself(name: str) -> None:
    torch.manual_seed(0)
    masr = wrap(Frames(), {name: (Cosine(), StreamConfig(projection_dim=4))})
    whole = batch()
    labels, codes = {name: whole.labels["x"]}, {name: whole.codes["x"]}
    assert name in masr(Batch(whole.utts, whole.features, whole.lengths, whole.keys, codes, labels)).terms


def test_what_is_to_be_unlearnt_sends_the_same_gradient_with_the_other_sign_and_learns_itself_as_before() -> None:
    found = []
    for unlearn in (False, True):
        torch.manual_seed(0)
        model = wrap(Frames(), {"x": (Cosine(), StreamConfig(mining="label", warmup_steps=0, unlearn=unlearn))})
        losses = model(batch())
        losses.terms["x"].sum.backward()
        head = model.heads["x"]
        found.append((losses.terms["x"].sum.detach(), model.encoder.weight.grad, head.projection.weight.grad))
    (plain, encoder, projection), (loss, turned, own) = found
    assert torch.equal(plain, loss) and torch.equal(projection, own)
    assert encoder.abs().max() > 0 and torch.allclose(encoder, -turned, atol=1e-7)


def test_across_reads_the_labels_of_another_stream_and_logs_how_many_anchors_had_one() -> None:
    config = StreamConfig(mining="label", warmup_steps=0, across=("y",), without_across="leave_out")
    model = wrap(Frames(), {"x": (Cosine(), config), "y": (Cosine(), StreamConfig(weight=0.0))})
    same = model(batch())  # y has the labels of x: no positive of x has another
    assert float(same.terms["x"].count) == 0 and float(same.figures["x_across_share"][0]) == 0
    found = model(replace(batch(), labels={**batch().labels, "y": torch.arange(12)}))
    share, anchors = found.figures["x_across_share"]
    assert float(share) == float(anchors) > 0
    assert float(found.terms["x"].count) > 0
    with pytest.raises(ValueError, match="set memory to 0"):
        StreamConfig(mining="label", across=("y",), memory=4)


def test_the_encoder_is_saved_once() -> None:
    assert not any(name.startswith("encoder.") for name in model().state_dict())
