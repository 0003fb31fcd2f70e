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
from masr.io.trained import open_trained
from masr.io.weights import read_weights, write_weights


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


def save_spread(folder: Path, whole: dict[str, dict[str, Tensor]], ranks: int, heads: Any = None) -> None:
    """As so many ranks would: each has its piece of what has rows, and the first all else."""
    rows = {g: {n: len(v) for n, v in of.items() if v.dim() and len(v)} for g, of in whole.items()}
    temporary = checkpoint.begin(folder)
    digests: dict[str, str] = {}
    for rank in range(ranks):
        mine: dict[str, dict[str, Tensor]] = {g: {} for g in whole}
        for group, tensors in whole.items():
            for name, value in tensors.items():
                pieces = value.chunk(ranks) if name in rows[group] else (value,)
                mine[group] |= {name: pieces[rank]} if rank < len(pieces) else {}
        digests |= checkpoint.write_groups(temporary, mine, rank, ranks, rows if heads is None else heads)
    checkpoint.publish(temporary, folder, {"step": 3}, digests)


@pytest.mark.parametrize("ranks", [2, 3, 8])
def test_what_ranks_wrote_is_read_whole_and_in_any_pieces(tmp_path: Path, ranks: int) -> None:
    """Fewer rows than ranks, too: `half` has five."""
    save_spread(tmp_path / "c", groups(), ranks)
    found, record = checkpoint.load(tmp_path / "c")
    assert record == {"step": 3}
    assert all(same(found[name], tensors) for name, tensors in groups().items())
    assert len(list((tmp_path / "c").iterdir())) == 2 * ranks + 1
    record = checkpoint.read_record(tmp_path / "c")
    for spread in (checkpoint.groups_of(tmp_path / "c", record)["model"], plain(tmp_path)):
        for name in ("a", "half"):
            value = groups()["model"][name]
            assert spread.shape(name) == tuple(value.shape)
            for first in range(0, len(value), 1 + len(value) // 9):
                for last in range(first + 1, len(value) + 1, 1 + len(value) // 7):
                    assert torch.equal(spread.read(name, (first, last)), value[first:last])


def plain(folder: Path) -> checkpoint.Group:
    """The same in one file."""
    checkpoint.save(folder / "plain", groups(), {})
    return checkpoint.Group([folder / "plain" / "model.safetensors"])


def test_only_the_files_that_have_the_rows_are_opened(tmp_path: Path) -> None:
    save_spread(tmp_path / "c", groups(), 3)
    model = checkpoint.groups_of(tmp_path / "c", checkpoint.read_record(tmp_path / "c"))["model"]
    (tmp_path / "c" / "model.rank-00001-of-00003.safetensors").unlink()
    assert torch.equal(model.read("a", (200, 300)), groups()["model"]["a"][200:])
    with pytest.raises(CheckpointError, match=r"model.rank-00001-of-00003.safetensors: is missing"):
        model.read("a", (150, 300))


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: cut(path), lambda path: flip(path)])
def test_damage_to_what_one_rank_wrote_is_seen(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    save_spread(tmp_path / "c", groups(), 3)
    harm(tmp_path / "c" / "optimizer.rank-00002-of-00003.safetensors")
    with pytest.raises(CheckpointError, match=r"optimizer.rank-00002-of-00003.safetensors: is (not what|missing)"):
        checkpoint.load(tmp_path / "c")


@pytest.mark.parametrize(
    "rows", [5, ["a"], {"a": -1}, {"a": True}, {"a": 301}, {"a": 10**9}, {"count": 4}, {"b": 4}, {"none": 3}],
)  # fmt: skip
def test_a_head_that_tells_of_other_rows_is_refused(tmp_path: Path, rows: Any) -> None:
    whole = {"model": {name: value for name, value in groups()["model"].items() if name != "half"}}
    save_spread(tmp_path / "c", whole, 3, {"model": rows})
    with pytest.raises(CheckpointError):
        checkpoint.load(tmp_path / "c")


def test_the_weights_of_what_ranks_wrote(tmp_path: Path) -> None:
    """As RUN@STEP names them, with a running average in place of what it has."""
    averaged = {"a": torch.ones(300, 20)}
    for name, ranks in (("run", 3), ("spread", 11)):
        save_spread(tmp_path / name / "checkpoints" / "step_000000003", {**groups(), "average": averaged}, ranks)
        trained = open_trained(f"{tmp_path / name}@3")
        assert trained.is_there
        assert len(trained.weights) == 2 * ranks
        assert same(read_weights(trained.weights, lambda _: True), {**groups()["model"], **averaged})
    with pytest.raises(CheckpointError, match="parts of a in the files of several ranks do not fit together"):
        checkpoint.joined([torch.zeros(2, 3), torch.zeros(2, 4)], "a", trained.weights[0])
    (trained.weights[-1]).unlink()
    with pytest.raises(CheckpointError, match=r"average.rank-00010-of-00011.safetensors: (is missing|no such file)"):
        read_weights(open_trained(f"{tmp_path / name}@3").weights, lambda _: True)


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
