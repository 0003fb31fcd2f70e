"""Checkpoints that are whole or not there, and whose damage is seen."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from masr.errors import CheckpointError
from masr.io import checkpoint
from masr.io.weights import write_weights


def groups() -> dict[str, dict[str, Tensor]]:
    torch.manual_seed(0)
    model = {
        "a": torch.randn(300, 20),
        "half": torch.randn(5).bfloat16(),
        "count": torch.tensor(7),
        "none": torch.zeros(0, 4),
    }
    return {"model": model, "optimizer": {"exp_avg/a": torch.randn(300, 20)}}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        one[n].dtype == other[n].dtype and torch.equal(one[n], other[n]) for n in one
    )


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    record = {"step": 3, "score": 0.1 + 0.2, "name": "Ʒ", "nothing": None}
    checkpoint.save(tmp_path / "c", groups(), record)
    found, found_record = checkpoint.load(tmp_path / "c")
    assert found_record == record
    assert all(same(found[name], tensors) for name, tensors in groups().items())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c"]
    assert list(checkpoint.load(tmp_path / "c", ["model"])[0]) == ["model"]


def test_a_tensor_under_two_names_and_a_part_of_one(tmp_path: Path) -> None:
    whole = torch.arange(12.0).view(3, 4)
    tensors = {"one": whole, "two": whole, "row": whole[1], "turned": whole.t()}
    checkpoint.save(tmp_path / "c", {"model": tensors}, {})
    assert same(checkpoint.load(tmp_path / "c")[0]["model"], tensors)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(("file", "harm"), [
    ("model.safetensors", cut), ("model.safetensors", flip), ("optimizer.safetensors", flip),
    ("optimizer.safetensors", Path.unlink), ("record.json", cut), ("record.json", Path.unlink),
])  # fmt: skip
def test_damage_is_seen(tmp_path: Path, file: str, harm: Callable[[Path], None]) -> None:
    checkpoint.save(tmp_path / "c", groups(), {"step": 3})
    harm(tmp_path / "c" / file)
    with pytest.raises(CheckpointError, match=r"is not what was saved|is missing|cannot be read|is not a checkpoint"):
        checkpoint.load(tmp_path / "c")


def test_a_record_of_something_else_is_refused(tmp_path: Path) -> None:
    for text in ("[]", "{}", json.dumps({"digests": 5})):
        (tmp_path / "record.json").write_text(text)
        with pytest.raises(CheckpointError, match="not a checkpoint's record"):
            checkpoint.load(tmp_path)


@pytest.mark.parametrize("into", [
    lambda path: checkpoint.save(path, groups(), {}), lambda path: write_weights(path, groups()["model"]),
])  # fmt: skip
def test_a_disk_that_takes_no_more(tmp_path: Path, into: Callable[[Path], None]) -> None:
    """Files may not grow past a limit: the kernel refuses the write, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, before[1]))
    try:
        with pytest.raises(CheckpointError, match=r"cannot be saved: .*[Ff]ile too large") as caught:
            into(tmp_path / "c")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "free some space" in caught.value.fix
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be saved"):
        checkpoint.save(tmp_path / "file" / "c", groups(), {})


def test_a_damaged_one_is_replaced(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "c", groups(), {"step": 3})
    flip(tmp_path / "c" / "model.safetensors")
    checkpoint.save(tmp_path / "c", groups(), {"step": 3})
    checkpoint.load(tmp_path / "c")


def test_a_number_that_json_lacks_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        checkpoint.save(tmp_path / "c", groups(), {"score": float("nan")})
    assert list(tmp_path.iterdir()) == []
