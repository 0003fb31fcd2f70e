"""MPC: the loss against a loop, what hides a frame, and that nothing comes from padding."""

from __future__ import annotations

import pytest
import torch

from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.maths.keyed_random import combine
from masr.models.recurrent import Config as RecurrentConfig
from masr.models.recurrent import build as build_recurrent
from masr.objectives.mpc import Config, Mpc, build
from masr.types import Batch
from reference import slow_reconstruction


def made(subsampling: int = 1, share: float = 0.3, **given: float) -> Mpc:
    torch.manual_seed(0)
    encoder = build_recurrent(RecurrentConfig(5, 16, 2, context="both", subsampling=subsampling))  # type: ignore[arg-type]
    return build(Config(**given), encoder, build_spans(SpansConfig(share=share, span=3)))


def batch(lengths: list[int], step: int = 6) -> Batch:
    features = torch.randn(len(lengths), max(lengths), 5, generator=torch.Generator().manual_seed(1))
    keys = combine(5, step, torch.arange(len(lengths)))
    return Batch(tuple(f"u{i}" for i in range(len(lengths))), features, torch.tensor(lengths), keys)


@torch.no_grad()
@pytest.mark.parametrize("subsampling", [1, 4])
def test_the_loss_is_that_of_a_loop(subsampling: int) -> None:
    model, whole = made(subsampling), batch([41, 30])
    losses = model(whole)
    mask = model.masker.mask(whole.lengths // subsampling, whole.keys)
    total, count = 0.0, 0
    for row, length in enumerate((41, 30)):
        guesses = model.guess(losses.encoded.frames[row, : length // subsampling]).tolist()
        part = slow_reconstruction.masked(
            whole.features[row, :length].tolist(), guesses, mask[row].tolist(), subsampling
        )
        total, count = total + part[0], count + part[1]
    term = losses.terms["masked_reconstruction"]
    assert (float(term.sum), int(term.count)) == (pytest.approx(total, rel=1e-5), count)


def hidden(model: Mpc, whole: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """What the encoder gets, and (B, S) which feature frames are under masked encoded ones."""
    mask = model.masker.mask(whole.lengths // model.factor, whole.keys)
    wide = torch.zeros(whole.features.shape[:2], dtype=torch.bool)
    for row, t in mask.nonzero().tolist():
        wide[row, t * model.factor : (t + 1) * model.factor] = True
    return model.hide(whole, mask), wide


@pytest.mark.parametrize("subsampling", [1, 4])
def test_frames_that_are_not_masked_stay(subsampling: int) -> None:
    model, whole = made(subsampling, zero_share=1.0, random_share=0.0), batch([43, 30])
    found, wide = hidden(model, whole)
    assert torch.equal(found[~wide], whole.features[~wide])
    assert not found[wide].any()
    assert 0 < int(wide.sum()) < wide.numel()


def test_what_is_left_is_left() -> None:
    whole = batch([43, 30])
    found, _ = hidden(made(zero_share=0.0, random_share=0.0), whole)
    assert torch.equal(found, whole.features)


def test_exchanged_frames_are_others_of_the_utterance_and_never_padding() -> None:
    model, whole = made(zero_share=0.0, random_share=1.0), batch([43, 30])
    whole.features[1, 30:] = 1e6
    found, wide = hidden(model, whole)
    moved = 0
    for row, length in enumerate((43, 30)):
        own = {tuple(frame) for frame in whole.features[row, :length].tolist()}
        for t in wide[row].nonzero()[:, 0].tolist():
            assert tuple(found[row, t].tolist()) in own
            moved += not torch.equal(found[row, t], whole.features[row, t])
    assert moved > 0.8 * int(wide.sum())


def test_runs_share_a_fate_and_fates_have_their_shares() -> None:
    model, fates = made(), {"zero": 0, "left": 0, "exchanged": 0}
    for step in range(40):
        whole = batch([200] * 4, step)
        found, wide = hidden(model, whole)
        for row in range(4):
            begins = [t for t in range(200) if wide[row, t] and (t == 0 or not wide[row, t - 1])]
            for t in begins:
                end = next((s for s in range(t, 200) if not wide[row, s]), 200)
                run, given = found[row, t:end], whole.features[row, t:end]
                if not run.any():
                    fates["zero"] += 1
                elif torch.equal(run, given):
                    fates["left"] += 1
                else:
                    assert run.abs().sum(dim=1).gt(0).all()
                    fates["exchanged"] += 1
    total = sum(fates.values())
    assert total > 2000
    shares = {name: count / total for name, count in fates.items()}
    assert shares == pytest.approx({"zero": 0.8, "left": 0.1, "exchanged": 0.1}, abs=0.03)


@pytest.mark.slow
def test_it_learns_to_fill_gaps() -> None:
    model = made(share=0.15).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    waves = torch.sin(0.4 * torch.arange(60.0)[None, :, None] + torch.arange(8.0)[:, None, None] + torch.arange(5.0))
    for step in range(80):
        whole = batch([60] * 8, step)
        whole.features.copy_(waves)
        losses = model(whole)
        term = losses.terms["masked_reconstruction"]
        optimizer.zero_grad()
        (term.sum / term.count).backward()
        optimizer.step()
    silent, count = losses.figures["zero_error"]
    assert float(term.sum.detach() / term.count) < 0.4 * float(silent / count)


@pytest.mark.parametrize("wrong", [{"zero_share": -0.1}, {"zero_share": 0.9, "random_share": 0.2}])
def test_shares_that_are_none_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="shares"):
        Config(**wrong)


def test_what_is_told_is_not_moved() -> None:
    """Where all that is masked is silenced, no gradient reaches it: not by the encoder, nor as the target."""
    model, whole = made(zero_share=1.0, random_share=0.0), batch([43, 30])
    _, wide = hidden(model, whole)
    features = whole.features.requires_grad_()
    model(whole).terms["masked_reconstruction"].sum.backward()
    assert features.grad is not None
    assert not features.grad[wide].any()
    assert features.grad[~wide].any()


def test_frames_of_two_dimensions_are_frames() -> None:
    encoder = build_recurrent(RecurrentConfig(2, 16, 1, context="both"))
    assert build(Config(), encoder, build_spans(SpansConfig())).guess.out_features == 2


def test_waveforms_have_no_frames_to_say() -> None:
    encoder = build_recurrent(RecurrentConfig(dim=16, context="both", front_end="waveform", subsampling=160))
    with pytest.raises(ValueError, match="waveforms has none"):
        build(Config(), encoder, build_spans(SpansConfig()))
