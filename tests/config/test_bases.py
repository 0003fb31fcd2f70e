"""Configuration files that begin where others end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from masr.config import Named, choice, choices, keys, load, option
from masr.errors import ConfigError


@dataclass(frozen=True)
class Wide:
    width: int = option(1, "")
    depth: int = option(1, "")


@dataclass(frozen=True)
class Whole:
    count: int = option(0, "")
    words: tuple[str, ...] = option((), "")
    inner: Wide = option(Wide(), "")
    model: Named = choice("room", "first", "")
    several: tuple[Named, ...] = choices("room", "")


@pytest.fixture
def write(tmp_path: Path):
    def make(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "run.yaml"

    return make


def read(path: Path, *overrides: str) -> Whole:
    return load(Whole, path, overrides, lambda room, name: Wide)


def refusal(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(path)
    return caught.value


def test_sections_are_laid_over_each_other_and_lists_are_replaced(write) -> None:
    run = write(
        run="base: a.yaml\ninner: {depth: 5}\nwords: [c]",
        a="count: 3\ninner: {width: 4, depth: 4}\nwords: [a, b]\nmodel: {name: second, width: 7}",
    )
    assert read(run) == Whole(3, ("c",), Wide(4, 5), Named("second", Wide(7)))
    assert keys(run) == {"count", "inner", "words", "model"}


def test_a_later_base_lies_over_an_earlier_and_bases_have_bases(write) -> None:
    run = write(
        run="base: [parts/a.yaml, parts/b.yaml]\nmodel: {depth: 9}",
        parts__a="base: c.yaml\ncount: 1\ninner: {width: 2}",
        parts__b="count: 2",
        parts__c="inner: {width: 3, depth: 3}\nmodel: {width: 3}",
    )
    assert read(run) == Whole(2, (), Wide(2, 3), Named("first", Wide(3, 9)))
    assert read(run, "count=8").count == 8


def test_another_plug_in_replaces_the_section_whole(write) -> None:
    run = write(run="base: a.yaml\nmodel: {name: second}", a="model: {name: first, width: 9}")
    assert read(run).model == Named("second", Wide())
    assert read(write(run="base: a.yaml\nmodel: {depth: 2}")).model == Named("first", Wide(9, 2))


def test_null_takes_a_section_back_to_its_default(write) -> None:
    run = write(run="base: a.yaml\nseveral:\ninner: ~", a="several: [{name: x}]\ninner: {width: 2}")
    assert read(run) == Whole(model=Named("first", Wide()))


def test_a_base_that_two_files_share_is_no_circle(write) -> None:
    run = write(run="base: [a.yaml, b.yaml]", a="base: c.yaml\ncount: 1", b="base: c.yaml", c="count: 3")
    assert read(run).count == 3


def test_an_alias_shows_in_its_second_place_what_it_did(write) -> None:
    run = write(run="base: a.yaml\ninner: {width: 8}", a="inner: &i {width: 2}\nmodel: *i")
    assert (read(run).inner.width, read(run).model.config.width) == (8, 2)


@pytest.mark.parametrize(
    ("files", "message", "fix"),
    [
        ({"run": "count: 1\nbase: gone.yaml"}, "run.yaml:2: base: ", "did you mean"),
        ({"run": "base: run.yaml"}, "run.yaml:1: base: goes round in a circle: run.yaml -> run.yaml", ""),
        ({"run": "base: a.yaml", "a": "\nbase: run.yaml"}, "a.yaml:2: base: goes round in a circle", ""),
        ({"run": "base: a.yaml", "a": "\n\ncuont: 1"}, "a.yaml:3: cuont: unknown key", "count"),
        ({"run": "base: a.yaml", "a": "count: x"}, "a.yaml:1: count: is 'x', not a whole number", ""),
        ({"run": "base: a.yaml", "a": "count: ["}, "a.yaml:1: not YAML", ""),
        ({"run": "base: a.yaml\nbase: b.yaml"}, "run.yaml:2: base: is given twice", "one list"),
        ({"run": "base: {a: b}"}, "run.yaml:1: base: is a section", "base: other.yaml"),
        ({"run": "base:"}, "run.yaml:1: base: is empty", ""),
        ({"run": "base: a.yaml\ncount: 1\ncount: 2", "a": "count: 3"}, "run.yaml:3: count: is given twice", ""),
        ({"run": "base: a.yaml\n? [x]\n: 1", "a": "count: 3"}, "run.yaml:2: the file: keys are words", ""),
    ],
)
def test_mistakes_have_file_and_line(write, files: dict[str, str], message: str, fix: str) -> None:
    write(gonne="count: 1")
    error = refusal(write(**files))
    assert message in error.what
    assert fix in error.fix
