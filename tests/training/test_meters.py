"""Lines, curves and the bar."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from masr.errors import TrainingError
from masr.training.loop import train
from masr.training.sums import Sums, Tally
from small import tiny


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_line_is_the_mean_since_the_line_before(tmp_path: Path) -> None:
    for every in (1, 4):
        run = tiny.make_run(tmp_path / str(every), log_every=every)
        assert train(tiny.with_data(run, tiny.batches(sizes=(6,)), tiny.validation())) == 0
    ones, fours = ([line for line in lines(tmp_path / str(every)) if line["split"] == "train"] for every in (1, 4))
    assert [line["step"] for line in fours] == [4, 8, 12]
    shares = [line["masked_share"] for line in ones]
    frames = [sum(len_ for len_ in tiny.objective().encoder.num_encoded(batch.lengths).tolist())
              for batch, in (next(tiny.batches(sizes=(6,))(step)) for step in range(12))]  # fmt: skip
    for n, line in enumerate(fours):
        steps = range(4 * n, 4 * n + 4)
        masked = sum(shares[s] * frames[s] for s in steps)
        assert line["masked_share"] == pytest.approx(masked / sum(frames[s] for s in steps))
        loss = sum(ones[s]["loss"] * shares[s] * frames[s] for s in steps) / masked
        assert line["loss"] == pytest.approx(loss)


def test_what_a_line_holds(tmp_path: Path) -> None:
    train(tiny.make_run(tmp_path, tiny.objective("masr")))
    train_line, dev_line = lines(tmp_path)[0], next(line for line in lines(tmp_path) if line["split"] == "dev")
    assert list(train_line)[:6] == ["step", "split", "loss", "objective_loss", "masked_prediction", "x"]
    assert {"grad_norm", "lr", "audio_hours_per_hour", "skipped", "x_spread", "codes_used"} <= train_line.keys()
    assert {"raw_cosine", "raw_deviation", "objective_gradient", "x_gradient", "y_gradient"} <= train_line.keys()
    assert train_line["loss"] == pytest.approx(
        train_line["masked_prediction"] + 0.5 * train_line["x"] + train_line["y"]
    )
    assert dev_line["objective_loss"] == dev_line["masked_prediction"]
    assert dev_line["loss"] == pytest.approx(dev_line["masked_prediction"] + 0.5 * dev_line["x"] + dev_line["y"])
    assert train_line["audio_hours_per_hour"] > 0


def test_the_screen_has_a_bar_and_one_line_for_each_validation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tiny.make_run(tmp_path)
    run.meters.quiet = False
    train(tiny.with_data(run, tiny.poisoned(tiny.batches(), (2,)), tiny.validation()))
    said = capsys.readouterr().err
    assert [said.count(f"step {step}: dev loss ") for step in (4, 8, 12)] == [1, 1, 1]
    assert "12/12" in said and "h/h" in said and "step 3: left out: the loss is not finite" in said
    assert "model.safetensors: last checkpoint, step_000000012" in said


def test_no_validation_data_means_no_line_and_the_newest_weights(tmp_path: Path) -> None:
    run = tiny.make_run(tmp_path)
    assert train(tiny.with_data(run, tiny.batches(), tiny.nothing)) == 0
    assert {line["split"] for line in lines(tmp_path)} == {"train"}


def test_the_best_checkpoint_is_that_of_speech_though_the_streams_get_worse(tmp_path: Path) -> None:
    run = tiny.make_run(tmp_path)
    sums = Sums()
    sums.add(
        Tally(
            {"speech": torch.tensor(3.0), "x": torch.tensor(8.0)},
            {"speech": torch.tensor(2.0), "x": torch.tensor(2.0)},
            {"speech": 1.0, "x": 0.5},
            frozenset({"x"}),
            {},
            {},
        )
    )
    assert run.meters.validated(4, sums) == 1.5
    assert tiny.make_run(tmp_path, best_by="loss").meters.validated(4, sums) == 3.5
    assert tiny.make_run(tmp_path, best_by="+x").meters.validated(4, sums) == -4.0


def test_a_concern_is_said_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    objective = tiny.objective("masr")
    objective.concerns = lambda figures: [f"look at {len(figures) > 3}"]
    run = tiny.make_run(tmp_path, objective)
    run.meters.quiet = False
    train(run)
    assert "step 4: look at True" in capsys.readouterr().err
    assert [line["sentence"] for line in lines(tmp_path) if line["split"] == "concern"] == ["look at True"] * 3


def test_tensorboard_has_the_same_figures(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run, before = tiny.make_run(tmp_path, tensorboard=True), threading.enumerate()
    train(run)
    assert all(thread in before for thread in threading.enumerate())  # what writes the curves has ended
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    for split in ("train", "dev"):
        drawn = [(event.step, event.value) for event in events.Scalars(f"{split}/loss")]
        assert drawn == [(x["step"], pytest.approx(x["loss"])) for x in lines(tmp_path) if x["split"] == split]


def test_without_tensorboard_there_is_a_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    run = tiny.make_run(tmp_path, tensorboard=True)
    run.meters.quiet = False
    assert train(run) == 0
    assert capsys.readouterr().err.count("not installed: metrics.jsonl has the same figures") == 1


def test_figures_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(TrainingError, match=r"metrics.jsonl: cannot be written"):
        tiny.make_run(tmp_path).meters.skipped(1, "a reason")
