"""Trackers: each real service offline, and any service that fails."""

from __future__ import annotations

import json
import struct
import sys
import types
import zlib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from masr.training import trackers
from masr.training.loop import train
from masr.training.tracking import NAMES, Told, Trackers, open_trackers, reopen
from small import tiny

pytestmark = pytest.mark.slow


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def png(path: Path) -> Path:
    """One grey dot."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header, dots = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0), zlib.compress(b"\0\x80")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", dots) + chunk(b"IEND", b""))
    return path


class Noted:
    """A tracker that remembers, and fails where it is told to."""

    def __init__(self, fails_at: str = "") -> None:
        self.fails_at = fails_at
        self.calls: list[tuple[Any, ...]] = []

    def note(self, *call: Any) -> None:
        self.calls.append(call)
        if call[0] == self.fails_at:
            raise RuntimeError("the service is down\nand more")

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        self.note("write", step, dict(figures))

    def picture(self, name: str, path: Path) -> None:
        self.note("picture", name)

    def keep(self, path: Path) -> None:
        self.note("keep", path)

    def close(self) -> None:
        self.note("close")


@pytest.fixture
def fake(monkeypatch):
    """Puts a tracker in the place of W&B's file."""

    def put(opened: Any) -> list[Told]:
        asked: list[Told] = []

        def open_run(told: Told) -> Any:
            asked.append(told)
            if isinstance(opened, Exception):
                raise opened
            return opened

        module = types.ModuleType("masr.training.trackers.wandb")
        module.open_run = open_run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return asked

    return put


def test_a_tracker_gets_what_metrics_jsonl_has(tmp_path, fake) -> None:
    noted = Noted()
    asked = fake(noted)
    train(tiny.make_run(tmp_path / "exp" / "seed0", trackers=("wandb",), project="p"))
    (told,) = asked
    assert (told.folder, told.name, told.project) == (tmp_path / "exp" / "seed0", "exp/seed0", "p")
    assert told.values["training.max_steps"] == "12"
    assert noted.calls[-1] == ("close",)
    wanted = []
    for line in lines(tmp_path / "exp" / "seed0"):
        step, split = line.pop("step"), line.pop("split")
        wanted.append((step, {f"{split}/{key}": value for key, value in line.items()}))
    assert [call[1:] for call in noted.calls if call[0] == "write"] == wanted


def test_a_run_that_is_gone_on_with_has_the_same_id(tmp_path, fake) -> None:
    asked = fake(Noted())
    for most in (4, 8):
        train(tiny.make_run(tmp_path, trackers=("wandb",), max_steps=most, settings={}))
    assert len({told.run_id for told in asked}) == 1 and [told.step for told in asked] == [0, 4]
    asked = fake(Noted())
    train(tiny.make_run(tmp_path / "other", trackers=("wandb",), max_steps=4))
    assert asked[0].run_id != json.loads((tmp_path / "trackers.json").read_text())["ids"]["wandb"]


@pytest.mark.parametrize("fails_at", ["open", "write", "close"])
def test_a_tracker_that_fails_ends_no_training_and_is_said_once(tmp_path, fake, capsys, fails_at) -> None:
    noted = Noted(fails_at)
    fake(ConnectionError("no network") if fails_at == "open" else noted)
    run = tiny.make_run(tmp_path, trackers=("wandb",))
    run.meters.quiet = False
    assert train(run) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "wandb" in line]
    assert len(said) == 1 and "metrics.jsonl has it all" in said[0]
    assert "and more" not in said[0]
    assert sum(call[0] == fails_at for call in noted.calls) == (0 if fails_at == "open" else 1)
    assert len([line for line in lines(tmp_path) if line["split"] == "train"]) == 12


def test_one_that_is_not_installed_is_named(tmp_path, monkeypatch) -> None:
    said: list[str] = []
    for name in NAMES:
        monkeypatch.setitem(sys.modules, name, None)
    assert open_trackers(tmp_path, NAMES, 0, "masr", said.append, {}).names == ()
    assert [line.partition(" ")[0] for line in said] == list(NAMES)
    assert all("is not installed" in line for line in said)


def test_every_file_of_trackers_can_be_asked_for() -> None:
    files = {path.stem for path in Path(trackers.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == {*NAMES, "tensorboard"}


def test_a_damaged_note_of_ids_is_made_anew(tmp_path, fake) -> None:
    asked = fake(Noted())
    (tmp_path / "trackers.json").write_text('{"ids": ["x"]}')
    assert reopen(tmp_path, print).names == ()
    open_trackers(tmp_path, ["wandb"], 0, "masr", print, {})
    assert len(asked[0].run_id) == 32


def test_figures_that_are_no_numbers_stay_out() -> None:
    noted = Noted()
    together = Trackers({"x": noted}, print)
    together.write({"step": 3, "split": "dev", "loss": 1.5, "bad": None, "n": 2})
    together.write({"step": 4, "split": "skip", "reason": "nan"})
    assert noted.calls == [("write", 3, {"dev/loss": 1.5, "dev/n": 2.0})]


@pytest.fixture
def offline(tmp_path, monkeypatch) -> Path:
    """A folder of a run, and no account of anybody's."""
    for name in ("WANDB_MODE", "WANDB_DIR", "WANDB_API_KEY", "TRACKIO_DIR", "TRACKIO_SPACE_ID", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "exp" / "run"


def tracked(folder: Path, name: str) -> list[str]:
    """A training, its resumption, and a report with a picture, all in the real service."""
    said: list[str] = []
    for most in (4, 8):
        run = tiny.make_run(folder, trackers=(name,), max_steps=most, settings={"optim": {"peak_lr": 0.5}})
        run.meters.say = said.append  # type: ignore[method-assign]
        assert train(run) == 0
    page = folder / "report.html"
    page.write_text("<html></html>")
    again = reopen(folder, said.append)
    assert again.names == (name,)
    again.picture("curve", png(folder / "curve.png"))
    again.keep(page)
    again.close()
    return [line for line in said if "metrics.jsonl" in line]


def skip_without(name: str) -> None:
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed: pip install -c constraints.txt -e '.[{name}]'")


def losses(folder: Path) -> list[tuple[int, float]]:
    return [(x["step"], pytest.approx(x["loss"], rel=1e-6)) for x in lines(folder) if x["split"] == "train"]


def records(path: Path) -> Iterator[Any]:
    """What a run-*.wandb holds: LevelDB's log format, of Protocol Buffers."""
    from wandb.proto import wandb_internal_pb2

    data, at, whole = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if (left := -at % 32768) and left < 7:
            at += left
            continue
        size, kind = struct.unpack("<HB", data[at + 4 : at + 7])
        whole += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last piece
            record = wandb_internal_pb2.Record()
            record.ParseFromString(whole)
            yield record
            whole = b""


def items(fields: Any) -> dict[str, Any]:
    return {field.key or "/".join(field.nested_key): json.loads(field.value_json) for field in fields}


def test_wandb_offline(offline) -> None:
    skip_without("wandb")
    assert tracked(offline, "wandb") == []
    found = sorted((offline.parent / "trackers" / "wandb").rglob("run-*.wandb"))
    run_id = json.loads((offline / "trackers.json").read_text())["ids"]["wandb"]
    assert found and all(path.name == f"run-{run_id}.wandb" for path in found)
    history, config, artifacts, pictures = [], {}, [], []
    for record in (record for path in found for record in records(path)):
        line = items(record.history.item)
        pictures += [name for name in line if name.startswith("figures/curve")]
        if "train/loss" in line:
            history.append((line["step"], line["train/loss"]))
        config |= items(record.config.update) | items(record.run.config.update)
        artifacts += [record.artifact.name, record.request.log_artifact.artifact.name]
    assert history == losses(offline)
    assert config["optim.peak_lr"] == "0.5" and pictures
    assert f"report-{run_id[:8]}" in artifacts


def test_trackio(offline) -> None:
    skip_without("trackio")
    assert tracked(offline, "trackio") == []
    import sqlite3

    (database,) = (offline.parent / "trackers" / "trackio").rglob("masr.db")
    with sqlite3.connect(database) as connection:
        rows = connection.execute("select run_name, step, metrics from metrics order by step, id").fetchall()
        configs = connection.execute("select config from configs").fetchall()
    assert len({row[0] for row in rows}) == 1
    found = [(step, json.loads(text)["train/loss"]) for _, step, text in rows if "train/loss" in json.loads(text)]
    assert found == losses(offline)
    assert json.loads(configs[0][0])["optim.peak_lr"] == "0.5"
    kept = [path for path in database.parent.rglob("*") if path.name == "report.html"]
    assert kept and list(database.parent.rglob("*.png"))


def test_mlflow_in_files(offline) -> None:
    skip_without("mlflow")
    assert tracked(offline, "mlflow") == []
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=(offline.parent / "trackers" / "mlflow").as_uri())
    (run,) = client.search_runs([client.get_experiment_by_name("masr").experiment_id])
    assert run.info.run_name == "exp/run" and run.data.params["optim.peak_lr"] == "0.5"
    history = [(metric.step, metric.value) for metric in client.get_metric_history(run.info.run_id, "train/loss")]
    assert history == losses(offline)
    names = {file.path for place in ("", "figures") for file in client.list_artifacts(run.info.run_id, place or None)}
    assert {"report.html", "figures/curve.png"} <= names
