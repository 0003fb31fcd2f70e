from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.config import Named, choice, choices, defaults, dump, load, loads, option, required, seed_option, to_dict
from masr.config.dump import by_dotted_key
from masr.errors import ConfigError


@dataclass(frozen=True)
class Inner:
    rate: float = option(1e-4, "step size")
    steps: int = option(10, "how many")


@dataclass(frozen=True)
class Plugin:
    width: int = option(80, "mel filters")
    words: tuple[str, ...] = option((), "a list")


@dataclass(frozen=True)
class Empty:
    pass


@dataclass(frozen=True)
class Whole:
    """Every type of field there is."""

    flag: bool = option(False, "a switch")
    count: int = option(3, "a whole number")
    rate: float = option(0.5, "a number")
    name: str = option("no", "text\nof two lines")
    place: Path = option(Path("a/b"), "a path")
    maybe: int | None = option(None, "a whole number or nothing")
    either: int | str = option("auto", "two types")
    mode: Literal["fast", "exact", 8] = option("fast", "one of three")
    many: tuple[str, ...] = option((), "a list")
    pair: tuple[int, float] = option((1, 2.0), "two numbers")
    nested: tuple[tuple[int, ...], ...] = option((), "a list of lists")
    table: Mapping[str, float] = option({}, "names and numbers")
    inner: Inner = option(Inner(steps=20), "a section with a default of its own")
    inners: tuple[Inner, ...] = option((), "a list of sections")
    sections: Mapping[str, Inner] = option({}, "named sections")
    empty: Empty = option(Empty(), "a section without keys")
    one: Named = choice("room", "first", "a plug-in")
    spare: Named | None = choice("room", None, "a plug-in or none")
    several: tuple[Named, ...] = choices("room", "plug-ins")


def resolve(room: str, name: str) -> type:
    if (room, name) not in {("room", "first"), ("room", "second")}:
        raise ConfigError(f"{name!r} is not a file of {room}", fix="did you mean first?")
    return Plugin


def whole(text: str = "", *overrides: str) -> Whole:
    return loads(Whole, text, "run.yaml", overrides, resolve)


def refusal(text: str, *overrides: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        whole(text, *overrides)
    return caught.value


def test_an_empty_file_is_the_defaults() -> None:
    for text in ("", "\n", "# only a comment\n", "---\n", "~\n", "\ufeff"):
        assert whole(text) == defaults(Whole, resolve)
    assert defaults(Whole, resolve).one == Named("first", Plugin())
    assert defaults(Whole, resolve).spare is None


def test_what_is_shown_to_others_has_no_paths() -> None:
    shown = dump(whole("place: /home/me/a"), with_paths=False)
    assert "place" not in shown
    assert loads(Whole, shown, resolve=resolve) == defaults(Whole, resolve)


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert whole("\ufeffcount: 4").count == 4


VALUES = [
    ("flag: true", "flag", True),
    ("count: 012", "count", 12),
    ("count: 0x1F", "count", 31),
    ("rate: 1e-4", "rate", 1e-4),
    ("rate: 3", "rate", 3.0),
    ("rate: .inf", "rate", math.inf),
    ("name: no", "name", "no"),
    ("name: 12:30:45", "name", "12:30:45"),
    ("name: 1_000", "name", "1_000"),
    ("place: x y/z", "place", Path("x y/z")),
    ("maybe: ~", "maybe", None),
    ("maybe: 7", "maybe", 7),
    ("either: 7", "either", 7),
    ("either: seven", "either", "seven"),
    ("mode: exact", "mode", "exact"),
    ("mode: 8", "mode", 8),
    ("many: [a, no]", "many", ("a", "no")),
    ("pair: [2, 3]", "pair", (2, 3.0)),
    ("nested: [[1], [], [2, 3]]", "nested", ((1,), (), (2, 3))),
    ("table: {x: 1, y: 2.5}", "table", {"x": 1.0, "y": 2.5}),
    ("inner: {rate: 1}", "inner", Inner(rate=1.0, steps=20)),
    ("inners: [{rate: 1}, {}]", "inners", (Inner(rate=1.0), Inner())),
    ("sections: {a: {steps: 1}}", "sections", {"a": Inner(steps=1)}),
    ("one: {width: 40}", "one", Named("first", Plugin(width=40))),
    ("one: ~", "one", Named("first", Plugin())),
    ("one:", "one", Named("first", Plugin())),
    ("one: {name: second}", "one", Named("second", Plugin())),
    ("spare: {name: first}", "spare", Named("first", Plugin())),
    (
        "several: [{name: first}, {name: second, width: 1}]",
        "several",
        (Named("first", Plugin()), Named("second", Plugin(1))),
    ),
    ("count: &n 5\nmaybe: *n", "maybe", 5),
]


@pytest.mark.parametrize(("text", "field", "value"), VALUES)
def test_value(text: str, field: str, value: Any) -> None:
    found = getattr(whole(text), field)
    assert found == value
    assert type(found) is type(value)


REFUSED = [
    ("flag: yes", "run.yaml:1: flag: is 'yes', not true or false", "write true or false"),
    ("\n\ncount: 1.0", "run.yaml:3: count: is '1.0', not a whole number", "without a point"),
    ("count: 1_000", "run.yaml:1: count: is '1_000', not a whole number", "underscores: 1000"),
    ("count: true", "run.yaml:1: count: is 'true', not a whole number", ""),
    ("count: !!int x", "run.yaml:1: count: is 'x', not a whole number: 'x' is tagged !!int", ""),
    ("flag: !!bool yes", "run.yaml:1: flag: is 'yes', not true or false: 'yes' is tagged !!bool", ""),
    ("rate: 1e999", "run.yaml:1: rate: is '1e999', not a number: it is beyond", ""),
    ("rate: fast", "run.yaml:1: rate: is 'fast', not a number", ""),
    ("rate: !python/object:os.system 1", "run.yaml:1: rate: is '1', not a number", ""),
    ("name: 12", "run.yaml:1: name: is '12', not text", 'put it in quotes: "12"'),
    ("name:", "run.yaml:1: name: is empty, not text", ""),
    ('place: "a\\0b"', "run.yaml:1: place: ", ""),
    ("maybe: x", "run.yaml:1: maybe: is 'x', not a whole number", ""),
    ("either: [1]", "run.yaml:1: either: is a list, not a whole number or text", ""),
    ("mode: exakt", "run.yaml:1: mode: cannot be 'exakt'", "did you mean exact?"),
    ("mode: [fast]", "run.yaml:1: mode: cannot be a list", ""),
    ("many: a", "run.yaml:1: many: is 'a', not a list", "write it as [a, b]"),
    ("many: [a, [b]]", "run.yaml:1: many.1: is a list, not text", ""),
    ("many: &m [*m]", "run.yaml:1: many.0: ", ""),
    ("pair: [1]", "run.yaml:1: pair: has 1 entries, not 2", ""),
    ("table: {x: y}", "run.yaml:1: table.x: is 'y', not a number", ""),
    ("table: &t {x: *t}", "run.yaml:1: table.x: ", ""),
    ("inner: 5", "run.yaml:1: inner: is '5', not a section of 'key: value' lines", ""),
    ("inner:\n  rat: 1", "run.yaml:2: inner.rat: unknown key", "did you mean rate?"),
    ("cuont: 1", "run.yaml:1: cuont: unknown key", "did you mean count?"),
    ("<<: {count: 1}", "run.yaml:1: <<: unknown key", ""),
    ("count: 1\nrate: 1\ncount: 2", "run.yaml:3: count: is given twice", "keep one"),
    ("inner: {rate: 1, rate: 2}", "run.yaml:1: inner.rate: is given twice", ""),
    ("[a]: 1", "run.yaml:1: the file: keys are words", ""),
    ("- a", "run.yaml:1: the file: is a list, not a section", ""),
    ("5", "run.yaml:1: the file: is '5', not a section", ""),
    ("one: {name: frist}", "run.yaml:1: one.name: 'frist' is not a file of room", "did you mean first?"),
    ("one: {widht: 1}", "run.yaml:1: one.widht: unknown key", "did you mean width?"),
    ("one: first", "run.yaml:1: one: is 'first', not a section", ""),
    ("spare: {width: 1}", "run.yaml:1: spare.name: is required and missing", "name a file of masr/room/"),
    ("several: {name: first}", "run.yaml:1: several: is a list of sections", ""),
    ("several:\n- name: first\n  width: x", "run.yaml:3: several.0.width: is 'x', not a whole number", ""),
    ("a: [", "run.yaml:1: not YAML: ", ""),
    ("count: 1\n\trate: 2", "run.yaml:2: not YAML: ", ""),
    ("count: 1\n---\ncount: 2", "run.yaml:2: not YAML: ", ""),
    ("count: 1\nname: \x00", "run.yaml:2: not YAML: character U+0000", ""),
    ("name: '\x07'", "run.yaml:1: not YAML: character U+0007", ""),
    ('name: "\\UFFFFFFFF"', "run.yaml: not YAML: ", ""),
    ("name: *nowhere", "run.yaml:1: not YAML: ", ""),
    ("name: " + "[" * 20000, "run.yaml: not YAML that masr can read: nested too deeply", ""),
]


@pytest.mark.parametrize(("text", "what", "fix"), REFUSED, ids=[str(i) for i in range(len(REFUSED))])
def test_refused_with_file_line_key_and_near_names(text: str, what: str, fix: str) -> None:
    error = refusal(text)
    assert error.what.startswith(what)
    assert fix in error.fix


@dataclass(frozen=True)
class Drawn:
    seed: int = seed_option("of what is drawn")


@pytest.mark.parametrize("seed", ["-1", "4294967296", "99999999999999999999"])
def test_a_seed_that_generators_refuse_or_cut_is_refused_with_its_line(seed: str) -> None:
    with pytest.raises(ConfigError, match=r"draw\.yaml:2: seed: is a whole number from 0 to 4294967295"):
        loads(Drawn, f"\nseed: {seed}\n", "draw.yaml")
    assert loads(Drawn, "seed: 4294967295").seed == 4294967295
    assert defaults(Drawn) == Drawn(0)


def test_infinite_recursion_through_an_alias_is_refused() -> None:
    assert "refers to itself" in refusal("nested: &n [*n]").what


@dataclass(frozen=True)
class Strict:
    size: int = required("how large")


def test_a_required_key_that_is_missing_names_the_file_and_its_doc() -> None:
    with pytest.raises(ConfigError) as caught:
        loads(Strict, "", "run.yaml")
    assert caught.value.what.startswith("run.yaml: size: is required and missing")
    assert caught.value.fix == "how large"


@dataclass(frozen=True)
class Picky:
    size: int = option(1, "odd")

    def __post_init__(self) -> None:
        if self.size % 2 == 0:
            raise ValueError(f"size is odd, not {self.size}")


def test_a_config_that_refuses_its_values_is_told_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"run.yaml:2: the file: size is odd, not 4"):
        loads(Picky, "\nsize: 4", "run.yaml")


OVERRIDES = [
    (["count=4"], "count", 4),
    ([" count = 4"], "count", 4),
    (["name=a=b"], "name", "a=b"),
    (["many=[x, y]"], "many", ("x", "y")),
    (["inner.rate=2"], "inner", Inner(rate=2.0, steps=20)),
    (["one.name=second", "one.width=7"], "one", Named("second", Plugin(7))),
    (["maybe="], "maybe", None),
    (["count=4", "count=5"], "count", 5),
    (["several=[{name: first}]", "several.0.width=9"], "several", (Named("first", Plugin(9)),)),
    (["many=[x, y]", "many.1=z"], "many", ("x", "z")),
    (["sections.a.steps=3"], "sections", {"a": Inner(steps=3)}),
]


@pytest.mark.parametrize(("overrides", "field", "value"), OVERRIDES)
def test_override(overrides: list[str], field: str, value: Any) -> None:
    assert getattr(whole("", *overrides), field) == value
    assert getattr(whole("rate: 0.25", *overrides), field) == value


def test_an_override_wins_over_the_file_and_leaves_the_rest() -> None:
    found = whole("inner:\n  rate: 3\n  steps: 4", "inner.steps=5")
    assert found.inner == Inner(3.0, 5)


def test_an_override_changes_one_place_of_a_node_that_an_alias_shows_twice() -> None:
    found = whole("inner: &shared {rate: 1, steps: 1}\ninners: [*shared]", "inner.steps=2")
    assert found.inner.steps == 2
    assert found.inners[0].steps == 1


REFUSED_OVERRIDES = [
    ("count", "override 'count' is not key=value"),
    ("=4", "override '=4' is not key=value"),
    ("cuont=4", "override 'cuont=4': cuont: unknown key"),
    ("count=x", "override 'count=x': count: is 'x', not a whole number"),
    ("count=[", "override 'count=[':1: not YAML"),
    ("inner.rat=1", "override 'inner.rat=1': inner.rat: unknown key"),
    ("several.0.width=1", "override 'several.0.width=1': several: is a list of sections"),
    ("pair.5=1", "override 'pair.5=1': pair: "),
    ("count.x=1", "run.yaml:1: count: is '1', not a section"),
]


@pytest.mark.parametrize(("text", "what"), REFUSED_OVERRIDES)
def test_override_refused(text: str, what: str) -> None:
    assert refusal("count: 1", text).what.startswith(what)


def test_an_override_past_the_end_of_a_list() -> None:
    assert "the list has 1 entries" in refusal("many: [a]", "many.1=b").what


def test_an_override_does_not_hide_a_file_that_is_no_section() -> None:
    assert refusal("5", "count=1").what.startswith("run.yaml:1: the file: is '5'")


texts = st.text(max_size=20)
numbers = st.floats(allow_nan=False)
inners = st.builds(Inner, numbers, st.integers())
plugins = st.builds(
    Named, st.sampled_from(["first", "second"]), st.builds(Plugin, st.integers(), st.lists(texts).map(tuple))
)
wholes = st.builds(
    Whole,
    flag=st.booleans(),
    count=st.integers(),
    rate=numbers,
    name=texts,
    place=texts.filter(lambda t: "\0" not in t).map(Path),
    maybe=st.none() | st.integers(),
    either=st.integers() | texts,
    mode=st.sampled_from(["fast", "exact", 8]),
    many=st.lists(texts, max_size=3).map(tuple),
    pair=st.tuples(st.integers(), numbers),
    nested=st.lists(st.lists(st.integers(), max_size=2).map(tuple), max_size=2).map(tuple),
    table=st.dictionaries(texts, numbers, max_size=3),
    inner=inners,
    inners=st.lists(inners, max_size=2).map(tuple),
    sections=st.dictionaries(texts, inners, max_size=2),
    empty=st.just(Empty()),
    one=plugins,
    spare=st.none() | plugins,
    several=st.lists(plugins, max_size=2).map(tuple),
)


@given(wholes, st.booleans())
@settings(max_examples=100)
def test_what_is_dumped_reads_back_equal(config: Whole, docs: bool) -> None:
    text = dump(config, docs)
    assert whole(text) == config
    assert yaml.safe_load(text) == to_dict(config), "readers of YAML 1.1 see the same values"


def test_every_doc_stands_above_its_field() -> None:
    lines = dump(defaults(Whole, resolve), docs=True).splitlines()
    assert lines[lines.index("count: 3") - 1] == "# a whole number"
    assert lines[lines.index('name: "no"') - 2 :][:2] == ["# text", "# of two lines"]
    assert lines[lines.index("  width: 80") - 1] == "  # mel filters"
    assert "#" not in dump(defaults(Whole, resolve))


@given(st.text())
@settings(max_examples=100)
def test_no_text_does_worse_than_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        whole(text)


keys = [f"{f.name}: " for f in dataclasses.fields(Whole)]
marks = ["\n", "\n  ", "- ", "[", "]", "{", "}", ",", "&a ", "*a", "!!int ", "!x ", "'", '"', "\\", "|\n", ">-\n "]
others = ["# ", "---\n", "...", "%YAML 1.2\n", "? ", "~", "1", "1e5", "name: first", "\t", "\ufeff", "é", "<<: ", "a: "]
pieces = st.sampled_from(keys + marks + others)


@given(
    st.lists(pieces, max_size=30).map("".join), st.lists(st.text(max_size=10).map(lambda t: f"inner.{t}=1"), max_size=1)
)
@settings(max_examples=100)
def test_no_yaml_does_worse_than_a_config_error(text: str, overrides: list[str]) -> None:
    try:
        found = whole(text, *overrides)
    except ConfigError:
        return
    assert whole(dump(found)) == found


def test_load_names_the_near_files(tmp_path: Path) -> None:
    (tmp_path / "features.yaml").write_text("count: 1\n")
    with pytest.raises(ConfigError) as caught:
        load(Whole, tmp_path / "feature.yaml")
    assert caught.value.fix == "did you mean features.yaml?"


def test_load_tells_the_line_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"count: 1\nname: caf\xe9\n")
    with pytest.raises(ConfigError) as caught:
        load(Whole, path)
    assert caught.value.what == f"{path}:2: is not UTF-8"


def test_load_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: not a file but a folder"):
        load(Whole, tmp_path)


def test_load(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("count: 4\n", encoding="utf-8")
    assert load(Whole, path, ["rate=2"], resolve) == dataclasses.replace(defaults(Whole, resolve), count=4, rate=2.0)


def test_a_schema_that_no_file_can_hold_is_our_bug() -> None:
    @dataclass(frozen=True)
    class Wrong:
        field: complex = option(1j, "no")

    with pytest.raises(TypeError, match="no file can hold"):
        loads(Wrong, "field: 1")


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.mkdir", "!!python/object/new:pathlib.Path", "!!python/name:os.mkdir"]
)
def test_no_tag_of_yaml_runs_anything(tag: str, tmp_path: Path) -> None:
    trap = tmp_path / "made"
    (tmp_path / "a.yaml").write_text(f'seed: {tag} ["{trap}"]\n', encoding="utf-8")
    (tmp_path / "b.yaml").write_text(f'{tag} ["{trap}"]\n', encoding="utf-8")
    (tmp_path / "c.yaml").write_text(f'base: {tag} ["{trap}"]\n', encoding="utf-8")
    for name in ("a.yaml", "b.yaml", "c.yaml"):
        with pytest.raises(ConfigError):
            load(Whole, tmp_path / name)
    assert not trap.exists()


def test_nested_values_by_dotted_key() -> None:
    nested = {"a": {"b": 1, "c": [{"d": 2}, 3]}, "e": None}
    assert by_dotted_key(nested) == {"a.b": 1, "a.c.0.d": 2, "a.c.1": 3, "e": None}
