from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import masr
from masr.api.schemas import resolved_settings
from masr.config import load, to_dict
from masr.config.nodes import compose
from masr.config.plain import SettingsReader, as_yaml
from masr.config.schema import from_tree, option
from masr.plugins import resolve
from masr.tables import resolved as module
from masr.tables.resolved import ResolvedDigests
from masr.training.config import TrainConfig

EGS = Path(__file__).resolve().parents[2] / "egs"
CONFIGS = sorted(EGS.glob("*/conf/pretrain/*_tiny.yaml"))


@dataclass(frozen=True)
class Before:
    rate: float = option(0.1, "how fast")
    name: str = option("net", "which")


@dataclass(frozen=True)
class WithAnotherDefault(Before):
    rate: float = option(0.2, "how fast")


@dataclass(frozen=True)
class WithOptionsSwitchedOff(Before):
    bound: float | None = option(None, "off")
    sharp: bool = option(False, "off")
    file: str = option("", "off")
    parts: tuple[str, ...] = option((), "off")


@dataclass(frozen=True)
class WithNumberZero(Before):
    shift: int = option(0, "zero is a number, not off")


def digest_of(schema: type, text: str = "", file: Path = Path("not there")) -> str:
    digests = ResolvedDigests(file, lambda verb, tree, origin: to_dict(from_tree(schema, tree, origin)))
    tree = compose(text, "a file")
    return digests.digest("train", {"text": text}, tree, "a file")


def never(verb: str, tree: Any, origin: str) -> Any:
    raise AssertionError("what is remembered is not asked for again")


def test_a_default_counts_unless_the_file_gives_the_value() -> None:
    assert digest_of(Before) != digest_of(WithAnotherDefault)
    assert digest_of(Before, "rate: 0.3") == digest_of(WithAnotherDefault, "rate: 0.3")
    assert digest_of(Before) == digest_of(WithAnotherDefault, "rate: 0.1")


def test_an_option_that_the_code_has_learnt_since_counts_only_where_it_is_on() -> None:
    assert digest_of(Before) == digest_of(WithOptionsSwitchedOff)
    changes = ("bound: 0.0", "sharp: true", "file: x", "parts: [x]")
    assert len({digest_of(WithOptionsSwitchedOff, text) for text in ("", *changes)}) == 1 + len(changes)
    assert digest_of(Before) != digest_of(WithNumberZero)


def test_what_is_kept_is_not_asked_for_again_until_the_code_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tables" / "resolved.json"
    first = ResolvedDigests(file, lambda verb, tree, origin: {"rate": 0.1})
    digest = first.digest("train", {"a": 1}, None, "x")
    first.keep()
    second = ResolvedDigests(file, never)
    assert second.digest("train", {"a": 1}, None, "x") == digest
    for verb, settings in (("train", {"a": 2}), ("decode", {"a": 1})):
        with pytest.raises(AssertionError):
            second.digest(verb, settings, None, "x")
    monkeypatch.setattr(module, "_digest_of_code", lambda: "another")
    with pytest.raises(AssertionError):
        ResolvedDigests(file, never).digest("train", {"a": 1}, None, "x")


def test_two_that_plan_at_once_keep_what_both_have_learnt(tmp_path: Path) -> None:
    file = tmp_path / "resolved.json"
    both = [ResolvedDigests(file, lambda verb, tree, origin: {"rate": 0.1}) for _ in range(2)]
    for number, digests in enumerate(both):
        digests.digest("train", {"number": number}, None, "x")
        digests.keep()
    later = ResolvedDigests(file, never)
    assert later.digest("train", {"number": 0}, None, "x") == later.digest("train", {"number": 1}, None, "x")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", json.dumps({"code": "x"}), json.dumps({"digests": {}})])
def test_a_file_that_cannot_be_used_is_made_anew(text: str, tmp_path: Path) -> None:
    file = tmp_path / "resolved.json"
    file.write_text(text)
    digests = ResolvedDigests(file, lambda verb, tree, origin: {"rate": 0.1})
    digest = digests.digest("train", {}, None, "x")
    digests.keep()
    assert ResolvedDigests(file, never).digest("train", {}, None, "x") == digest


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    digests = ResolvedDigests(tmp_path / "a file" / "resolved.json", lambda verb, tree, origin: {})
    assert digests.digest("train", {}, None, "x")
    digests.keep()


def test_any_source_file_that_changes_makes_it_other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masr, "__file__", str(tmp_path / "__init__.py"))
    source = tmp_path / "room" / "net.py"
    source.parent.mkdir()
    found = set()
    for text in ("rate = 0.1", "rate = 0.2"):
        source.write_text(text)
        found.add(module._digest_of_code.__wrapped__())
    source.rename(source.with_name("other.py"))
    assert len(found | {module._digest_of_code.__wrapped__()}) == 3


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_what_a_task_is_given_reads_back_to_the_same_run(path: Path, tmp_path: Path) -> None:
    written = tmp_path / "task.yaml"
    changes = ("train=/a b/c", "optim.peak_lr=1e-4")
    reader = SettingsReader()
    written.write_text(as_yaml(reader.settings(path, changes)), encoding="utf-8")
    given = load(TrainConfig, path, changes, resolve)
    assert load(TrainConfig, written, resolve=resolve) == given
    assert resolved_settings("train", reader.tree(path, changes), str(path)) == to_dict(given)
