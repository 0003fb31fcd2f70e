"""The memory of the largest batch, foretold; and nothing that changes because it was."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from masr.errors import TrainingError
from masr.training.loop import train
from masr.training.memory import Live
from masr.training.preflight import _MARGIN, estimate, longest_of, preflight
from masr.training.sums import total_loss
from small import tiny

LARGE = tiny.whole_batch(3, 0, 40)


@pytest.mark.parametrize("kind", ["best_rq", "masr"])
def test_a_few_utterances_foretell_what_all_of_them_keep(tmp_path: Path, kind: str) -> None:
    run = tiny.make_run(tmp_path, tiny.objective(kind))
    found = estimate(run, LARGE)
    with Live() as live:
        total_loss(run.tallied(LARGE), run.world).backward()
    weights = sum(p.numel() for p in run.objective.parameters()) * 4
    assert found.activations / _MARGIN + weights == pytest.approx(live.peak, rel=0.15)
    assert (
        found.fixed == 6 * weights
    )  # gradients, two averages, and what a checkpoint is written from: these and weights
    assert (found.utterances, found.frames) == (40, 40 * int(LARGE.lengths.max()))


def test_recomputing_keeps_less(tmp_path: Path) -> None:
    plain, recomputed = (
        estimate(tiny.make_run(tmp_path, tiny.objective(checkpoint_activations=flag, num_layers=6)), LARGE).activations
        for flag in (False, True)
    )
    assert recomputed < 0.5 * plain


def test_what_will_not_fit_is_an_error_that_names_the_settings(tmp_path: Path) -> None:
    needs = estimate(tiny.make_run(tmp_path), LARGE)
    room = (needs.fixed + needs.activations / 2) / (1 << 30)
    run = tiny.make_run(tmp_path, memory_gib=room)
    with pytest.raises(TrainingError, match="the largest batch needs about") as caught:
        train(tiny.with_data(run, tiny.batches(), tiny.validation(), lambda: (LARGE,)))
    for setting in ("batching.batch_frames", "encoder.checkpoint_activations", "training.precision"):
        assert setting in caught.value.fix
    assert (
        f"at most {needs.frames // 2} frames" in caught.value.fix
        or f"{needs.frames // 2 - 1} frames" in caught.value.fix
    )
    assert not (tmp_path / "checkpoints").exists()
    small = tiny.make_run(tmp_path, memory_gib=needs.fixed / 2 / (1 << 30))
    with pytest.raises(TrainingError) as caught:
        preflight(small, (LARGE,))
    assert "training.shard" in caught.value.fix


def test_it_changes_nothing(tmp_path: Path) -> None:
    results = []
    for largest in (None, lambda: (LARGE,)):
        folder = tmp_path / str(largest is None)
        torch.manual_seed(5)
        run = tiny.make_run(folder, tiny.objective("masr", dropout=0.2, conv_norm="batch"))
        train(tiny.with_data(run, tiny.batches(), tiny.validation(), largest))
        results.append((load_file(folder / "model.safetensors"), run.objective))
    (first, _), (second, _) = results
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_the_generator_and_the_buffers_are_as_before(tmp_path: Path) -> None:
    run = tiny.make_run(tmp_path, tiny.objective("masr", dropout=0.2, conv_norm="batch"))
    before = {name: value.clone() for name, value in run.objective.state_dict().items()}
    state = torch.get_rng_state()
    preflight(run, (LARGE,))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in run.objective.state_dict().items())
    assert all(p.grad is None for p in run.objective.parameters()) and not run.optimizer.state


def test_the_longest_utterances_are_tried() -> None:
    few = longest_of(LARGE, 2)
    assert few.lengths.tolist() == sorted(LARGE.lengths.tolist())[:-3:-1]
    rows = [LARGE.utts.index(utt) for utt in few.utts]
    assert torch.equal(few.features, LARGE.features[rows]) and torch.equal(few.labels["x"], LARGE.labels["x"][rows])
