"""Keys that stand in each entry of a list of plug-ins, beside the plug-in's own."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pytest

from masr.config import Named, choices, dump, loads, option, to_dict
from masr.errors import ConfigError
from masr.objectives.masr import StreamConfig
from masr.plugins import names, open_plugin


@dataclass(frozen=True)
class Common:
    weight: float = option(1.0, "a factor")
    width: int = option(8, "a width")

    def __post_init__(self) -> None:
        if self.weight < 0:
            raise ValueError("weight must not be negative")


@dataclass(frozen=True)
class Own:
    rule: str = option("fast", "a rule")


@dataclass(frozen=True)
class Clash:
    width: int = option(3, "another width")


@dataclass(frozen=True)
class Whole:
    streams: tuple[Named, ...] = choices("room", "plug-ins", common=Common)


def whole(text: str, *overrides: str) -> Whole:
    return loads(Whole, text, "run.yaml", overrides, lambda _, name: Clash if name == "clash" else Own)


def test_both_kinds_of_keys_are_read() -> None:
    found = whole("streams: [{name: a, weight: 2, rule: slow}, {name: b}]", "streams.1.width=3")
    assert found.streams == (Named("a", Own("slow"), Common(2.0)), Named("b", Own(), Common(width=3)))


def test_it_comes_back_from_its_own_dump_with_and_without_docs() -> None:
    found = whole("streams: [{name: a, weight: 2}, {name: b, rule: no}]")
    for docs in (False, True):
        assert whole(dump(found, docs)) == found
    assert "# a factor" in dump(found, docs=True)
    assert to_dict(found) == {
        "streams": [
            {"name": "a", "weight": 2.0, "width": 8, "rule": "fast"},
            {"name": "b", "weight": 1.0, "width": 8, "rule": "no"},
        ]
    }


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("streams:\n- name: a\n  wieght: 2", "run.yaml:3: streams.0.wieght: unknown key", "weight"),
        ("streams:\n- name: a\n  rul: x", "run.yaml:3: streams.0.rul: unknown key", "rule"),
        ("streams:\n- name: a\n  width: x", "run.yaml:3: streams.0.width: is 'x'", ""),
        ("streams:\n- name: a\n  weight: -1", "run.yaml:2: streams.0: weight must not be negative", ""),
    ],
)
def test_mistakes_have_their_place(text: str, message: str, fix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        whole(text)
    assert caught.value.what.startswith(message)
    assert fix in caught.value.fix


def test_a_key_of_both_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match=r"masr/room/clash\.py has the keys of all its room: width"):
        whole("streams: [{name: clash}]")


@pytest.mark.parametrize("name", names("metadata"))
def test_no_stream_of_ours_has_a_key_of_all_streams(name: str) -> None:
    own = {field.name for field in fields(open_plugin("metadata", name).Config)}
    assert not own & {field.name for field in fields(StreamConfig)}
