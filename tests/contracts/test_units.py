"""What every file of masr/units promises; a new one is tested the moment it exists."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr import plugins
from masr.config import schema as configuration
from masr.errors import UnitsError
from masr.types import Units

ALPHABET = "abcé hñ हि二\u00a0\u3000\u200d\tq<>."
LINES = ["".join(ALPHABET[(i * k) % len(ALPHABET)] for i in range(30)) for k in range(1, 20)] + ["abc abc  cab ", " ba"]
VARIANTS: dict[str, list[str]] = {
    "sentencepiece": [
        "{vocab_size: 60, hard_vocab_limit: false}",
        "{vocab_size: 60, hard_vocab_limit: false, model: bpe}",
        "{vocab_size: 320, byte_fallback: true, hard_vocab_limit: false}",
    ],
    "characters": [""],
}
CASES = [(name, text) for name in plugins.names("units") for text in VARIANTS.get(name, [""])]
LANGUAGES = ["hin", "urd"]


def opened(name: str, text: str) -> tuple[ModuleType, Any]:
    module = plugins.open_plugin("units", name)
    return module, configuration.loads(module.Config, text, overrides=["language_tags=true"])


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1] or 'default'}")
def case(request: pytest.FixtureRequest) -> tuple[ModuleType, Any, Units]:
    module, config = opened(*request.param)
    return module, config, module.train(config, LINES, LANGUAGES)


def test_the_room_is_not_empty() -> None:
    assert {"characters", "sentencepiece"} <= set(plugins.names("units"))


def test_they_are_units(case: tuple[ModuleType, Any, Units]) -> None:
    units = case[2]
    assert isinstance(units, Units)
    assert units.size == len(units.tokens) == len(set(units.tokens))
    assert units.tokens[:2] == ("<blank>", "<unk>")


@settings(deadline=None, max_examples=100)
@given(text=st.text(ALPHABET, max_size=40))
def test_text_of_known_characters_comes_back(case: tuple[ModuleType, Any, Units], text: str) -> None:
    units = case[2]
    ids = units.encode(text)
    assert all(1 < i < units.size - len(LANGUAGES) for i in ids)
    assert units.decode(ids) == text
    assert units.decode([0, *ids, 0, 0]) == text


@settings(deadline=None, max_examples=100)
@given(text=st.text(max_size=20))
def test_any_text_has_ids(case: tuple[ModuleType, Any, Units], text: str) -> None:
    units = case[2]
    ids = units.encode(text)
    assert all(0 < i < units.size for i in ids)
    assert isinstance(units.decode(ids), str)
    assert all(type(i) is int for i in ids)


def test_a_tag_stands_in_front_and_reads_as_nothing(case: tuple[ModuleType, Any, Units]) -> None:
    units = case[2]
    ids = units.encode("abc", "urd")
    assert units.tokens[ids[0]] == "<lang:urd>"
    assert ids[1:] == units.encode("abc")
    assert units.decode(ids) == "abc"
    with pytest.raises(UnitsError, match="no tag for 'tam'"):
        units.encode("abc", "tam")


def test_what_is_saved_is_loaded(case: tuple[ModuleType, Any, Units], tmp_path: Path) -> None:
    module, config, units = case
    units.save(tmp_path)
    loaded = module.build(config, tmp_path)
    assert loaded.tokens == units.tokens
    for text in (*LINES, "Ünknown", ""):
        assert loaded.encode(text, "hin") == units.encode(text, "hin")
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    module.train(config, LINES, LANGUAGES).save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


@pytest.mark.parametrize("unit", [-1, 10**6])
def test_an_id_that_does_not_exist_is_refused(case: tuple[ModuleType, Any, Units], unit: int) -> None:
    with pytest.raises(UnitsError, match="there is no unit"):
        case[2].decode([unit])


@pytest.mark.parametrize(("name", "text"), CASES)
def test_text_that_is_not_there_is_refused(name: str, text: str, tmp_path: Path) -> None:
    module, config = opened(name, text)
    with pytest.raises(UnitsError, match="no text"):
        module.train(config, ["", ""], [])
    with pytest.raises(UnitsError, match="no such file"):
        module.build(config, tmp_path)


@pytest.mark.parametrize("name", plugins.names("units"))
def test_every_option_is_documented(name: str) -> None:
    module = plugins.open_plugin("units", name)
    assert all(field.metadata.get("doc") for field in dataclasses.fields(module.Config))
    assert configuration.defaults(module.Config) == module.Config()
