"""A run that stops and goes on: signals, damaged checkpoints, changed configurations."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from masr.errors import CheckpointError, TrainingError
from masr.jobs.signals import REQUEUE, Stop
from masr.training.loop import train
from masr.training.meters import Meters
from masr.training.optim import Config as OptimConfig
from masr.training.run import Reader, Run
from masr.types import Batch
from small import tiny

SETTINGS = {"max_steps": 10, "save_every": 4, "validate_every": 5, "ema_decay": 0.9, "keep_best": 2}


def a_run(folder: Path, **settings: Any) -> Run:
    return tiny.make_run(folder, tiny.objective("masr", dropout=0.1), **{**SETTINGS, **settings})


def finished(folder: Path, read: Reader | None = None) -> bytes:
    assert train(tiny.with_data(a_run(folder), read or tiny.batches(), tiny.validation())) == 0
    return (folder / "model.safetensors").read_bytes()


def calling(read: Reader, at: int, call: Any) -> Reader:
    """The same batches, and something that happens while a step is under way."""

    def changed(first: int) -> Iterator[tuple[Batch, ...]]:
        for step, micro_batches in enumerate(read(first), first):
            if step == at:
                call()
            yield tuple(micro_batches)

    return changed


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What comes out where nothing goes wrong."""
    torch.set_num_threads(1)
    return finished(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def _listening() -> Iterator[None]:
    """As at a terminal: what runs these tests may have been started deaf to Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What runs say from now on."""
    lines: list[str] = []
    monkeypatch.setattr(Meters, "say", lambda _, line: lines.append(line))
    return lines


@pytest.mark.usefixtures("_listening")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
@pytest.mark.parametrize("at", [0, 6])
def test_a_signal_or_ctrl_c_saves_once_and_asks_to_be_started_again(
    tmp_path: Path, whole: bytes, number: int, at: int, said: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    read = calling(tiny.batches(), at, lambda: os.kill(os.getpid(), number))
    assert train(tiny.with_data(a_run(tmp_path), read, tiny.validation())) == REQUEUE == 75
    assert (tmp_path / "checkpoints" / f"step_{at + 1:09d}").is_dir()
    assert signal.getsignal(number) == before
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1 + (at > 3)
    assert said[-1] == f"stopped by a signal after step {at + 1}; the same command goes on from here"
    assert ("Ctrl-C again leaves at once" in capfd.readouterr().err) == (number == signal.SIGINT)
    assert finished(tmp_path) == whole


def test_a_signal_from_before_the_loop_is_not_lost(tmp_path: Path, whole: bytes, said: list[str]) -> None:
    with Stop() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert train(tiny.with_data(a_run(tmp_path), tiny.batches(), tiny.validation()), stop) == REQUEUE
    assert said == ["stopped by a signal before step 1; the same command goes on from here"]
    assert finished(tmp_path) == whole


def test_an_error_on_the_way_costs_nothing_that_was_saved(tmp_path: Path, whole: bytes) -> None:
    def fail() -> None:
        raise OSError("a file of the data cannot be read")

    with pytest.raises(OSError, match="cannot be read"):
        train(tiny.with_data(a_run(tmp_path), calling(tiny.batches(), 7, fail), tiny.validation()))
    assert finished(tmp_path) == whole


def test_a_finished_run_only_writes_its_weights_again(tmp_path: Path, whole: bytes) -> None:
    finished(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    metrics = (tmp_path / "metrics.jsonl").read_text()
    assert finished(tmp_path) == whole
    assert (tmp_path / "metrics.jsonl").read_text() == metrics


def stopped_at_nine(folder: Path) -> list[Path]:
    read = calling(tiny.batches(), 8, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert train(tiny.with_data(a_run(folder), read, tiny.validation())) == REQUEUE
    return sorted((folder / "checkpoints").iterdir())


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.safetensors", "average.safetensors", "record.json"])
@pytest.mark.parametrize("harm", ["cut", "flip"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    tmp_path: Path, whole: bytes, file: str, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = stopped_at_nine(tmp_path)
    assert [folder.name for folder in saved] == ["step_000000005", "step_000000008", "step_000000009"]
    data = bytearray((saved[-1] / file).read_bytes())
    if harm == "flip":
        data[len(data) // 2] ^= 0x80
    (saved[-1] / file).write_bytes(bytes(data[:-7] if harm == "cut" else data))
    run = a_run(tmp_path)
    run.meters.quiet = False
    assert train(run) == 0
    said = capsys.readouterr().err
    assert str(saved[-1]) in said and "going back to the checkpoint before" in said
    assert "going on after step 8" in said
    assert (tmp_path / "model.safetensors").read_bytes() == whole


def test_where_none_is_whole_nothing_is_started_over_in_silence(tmp_path: Path) -> None:
    for folder in stopped_at_nine(tmp_path):
        (folder / "record.json").write_text("{")
    with pytest.raises(CheckpointError, match="none of 3 checkpoints is whole"):
        train(a_run(tmp_path))
    assert len(list((tmp_path / "checkpoints").iterdir())) == 3


def test_a_configuration_that_differs_is_named(tmp_path: Path) -> None:
    stopped_at_nine(tmp_path)
    other = tiny.make_run(
        tmp_path, tiny.objective("masr"), tiny.ALONE, OptimConfig(peak_lr=0.1, warmup_steps=5), **SETTINGS
    )
    with pytest.raises(CheckpointError, match=r"another configuration: optim.peak_lr was 0.003 and is now 0\.1(\n|$)"):
        train(other)


def settings_of(**changes: Any) -> dict[str, Any]:
    return {"training": {"max_steps": 10, "log_every": 1}, "streams": [{"name": "language"}], "seed": 1, **changes}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 2}, "seed was 1 and is now 2"),
        ({"streams": [{"name": "location"}]}, "streams.0.name was language and is now location"),
        ({"streams": []}, "streams.0.name was language and is now absent"),
        ({"extra": {"key": 3}}, "extra.key was absent and is now 3"),
        ({"extra": {"key": 0}}, "extra.key was absent and is now 0"),
    ],
)
def test_every_kind_of_difference_is_seen(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    read = calling(tiny.batches(), 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    train(tiny.with_data(tiny.make_run(tmp_path, settings=settings_of()), read, tiny.nothing))
    with pytest.raises(CheckpointError) as caught:
        train(tiny.with_data(tiny.make_run(tmp_path, settings=settings_of(**changes)), tiny.batches(), tiny.nothing))
    assert named in caught.value.what


def test_an_option_learned_since_and_switched_off_is_no_difference(tmp_path: Path) -> None:
    read = calling(tiny.batches(), 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    train(tiny.with_data(tiny.make_run(tmp_path, settings=settings_of()), read, tiny.nothing))
    later = tiny.make_run(tmp_path, settings=settings_of(scorer=None, extra={"on": False}))
    assert train(tiny.with_data(later, tiny.batches(), tiny.nothing)) == 0


def test_what_does_not_change_the_result_may_change(tmp_path: Path) -> None:
    read = calling(tiny.batches(), 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    train(tiny.with_data(tiny.make_run(tmp_path, settings=settings_of()), read, tiny.nothing))
    longer = {"training": {"max_steps": 14, "log_every": 7}}
    again = tiny.make_run(tmp_path, settings=settings_of(**longer), max_steps=14)
    assert train(tiny.with_data(again, tiny.batches(), tiny.nothing)) == 0
    cosine = OptimConfig(schedule="cosine", warmup_steps=5)
    shape = tiny.make_run(tmp_path, optim=cosine, settings=settings_of())
    with pytest.raises(CheckpointError, match=r"training.max_steps was 14 and is now 10"):
        train(tiny.with_data(shape, tiny.batches(), tiny.nothing))


def test_another_model_under_the_same_settings_is_refused(tmp_path: Path) -> None:
    train(tiny.with_data(tiny.make_run(tmp_path, settings={}), tiny.batches(), tiny.nothing))
    with pytest.raises(CheckpointError, match=r"has no encoder.frontend.first.weight of shape \(24, 1, 3, 3\)"):
        train(
            tiny.with_data(tiny.make_run(tmp_path, tiny.objective(dim=24), settings={}), tiny.batches(), tiny.nothing)
        )


def test_leftovers_of_a_kill_are_removed(tmp_path: Path) -> None:
    stopped_at_nine(tmp_path)
    shutil.copytree(tmp_path / "checkpoints" / "step_000000009", tmp_path / "checkpoints" / ".step_000000010.1.a.tmp")
    shutil.copytree(tmp_path / "checkpoints" / "step_000000009", tmp_path / "checkpoints" / ".step_000000004.old")
    (tmp_path / ".model.safetensors.1.a.tmp").write_bytes(b"half")
    finished(tmp_path)
    assert not [p.name for p in tmp_path.rglob(".*") if p.name != ".lock"]


def test_lines_beyond_the_checkpoint_are_written_again_once(tmp_path: Path) -> None:
    stopped_at_nine(tmp_path)
    with (tmp_path / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 10, "split": "train", "loss": 1.0}\n{"step": 11, "spl')
    finished(tmp_path)
    found = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in found if line["split"] == "train"] == list(range(1, 11))
    assert [line["step"] for line in found if line["split"] == "dev"] == [5, 10]


def test_means_over_several_steps_go_on_where_they_were(tmp_path: Path) -> None:
    for name, kill in (("whole", None), ("stopped", 4)):
        folder = tmp_path / name
        if kill is not None:
            read = calling(tiny.batches(), kill, lambda: os.kill(os.getpid(), signal.SIGTERM))
            assert train(tiny.with_data(a_run(folder, log_every=5), read, tiny.validation())) == REQUEUE
        assert train(a_run(folder, log_every=5)) == 0
    one, other = (
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("whole", "stopped")
    )
    assert [line["loss"] for line in other] == pytest.approx([line["loss"] for line in one], rel=1e-12)


def test_a_disk_that_fills_up_keeps_the_checkpoint_before(
    tmp_path: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from masr.io import checkpoint

    def full(path: Path, *content: Any) -> None:
        if "000000008" in str(path):
            path.write_bytes(b"x" * 100)
            raise OSError(28, "No space left on device")
        write(path, *content)

    write = checkpoint.write_file
    monkeypatch.setattr(checkpoint, "write_file", full)
    with pytest.raises(CheckpointError, match="No space left on device"):
        train(a_run(tmp_path))
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["step_000000004", "step_000000005"]
    monkeypatch.setattr(checkpoint, "write_file", write)
    assert finished(tmp_path) == whole


def test_adam_is_saved_by_the_names_of_weights(tmp_path: Path) -> None:
    finished(tmp_path)
    saved = load_file(tmp_path / "checkpoints" / "step_000000010" / "optimizer.safetensors")
    assert {key.split("/")[0] for key in saved} == {"exp_avg", "exp_avg_sq", "step"}
    assert "exp_avg/objective.head.weight" in saved


def test_bad_steps_are_counted_across_a_stop(tmp_path: Path) -> None:
    read = tiny.poisoned(tiny.batches(), tuple(range(5, 12)))
    stop = calling(read, 6, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert train(tiny.with_data(a_run(tmp_path, max_bad_steps=4, max_steps=12), stop, tiny.nothing)) == REQUEUE
    with pytest.raises(TrainingError, match="4 steps in a row, up to step 9"):
        train(tiny.with_data(a_run(tmp_path, max_bad_steps=4, max_steps=12), read, tiny.nothing))
