from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

import masr
from masr.config import Named, loads
from masr.errors import ConfigError
from masr.plugins import RunConfig, build, names, open_plugin, resolve

ROOM_FOLDERS = sorted(p.parent.name for p in Path(masr.__file__).parent.glob("*/__init__.py"))
PLUGINS = [(room, name) for room in ROOM_FOLDERS for name in names(room)]


def test_the_rooms_have_plugins() -> None:
    assert {"features", "units", "metadata", "corpora"} <= {room for room, _ in PLUGINS}


def test_names_are_the_files_that_have_both_config_and_build() -> None:
    assert "log_mel" in names("features")
    assert "__init__" not in names("features")


@pytest.mark.parametrize(("room", "name"), PLUGINS)
def test_every_plugin_has_a_frozen_documented_config(room: str, name: str) -> None:
    schema = resolve(room, name)
    assert dataclasses.is_dataclass(schema)
    assert schema.__dataclass_params__.frozen  # type: ignore[attr-defined]
    for field in dataclasses.fields(schema):
        assert field.metadata.get("doc"), f"masr/{room}/{name}.py: {field.name} has no doc"
        assert field.name != "name", f"masr/{room}/{name}.py: `name` is the key that picks the file"


@pytest.mark.parametrize(("room", "name"), PLUGINS)
def test_every_plugin_has_a_build(room: str, name: str) -> None:
    assert callable(open_plugin(room, name).build)


def test_an_unknown_plugin_names_the_near_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        open_plugin("features", "log_mle")
    assert caught.value.what == "'log_mle' is not a file of masr/features/"
    assert caught.value.fix == "did you mean log_mel?"


@pytest.mark.parametrize("name", ["../errors", "os", "__init__", "", "log_mel.py", "Log_Mel", "log\0mel"])
def test_no_name_leads_out_of_the_room(name: str) -> None:
    with pytest.raises(ConfigError):
        open_plugin("features", name)


def test_a_run_config_opens_plugins_by_name() -> None:
    config = loads(RunConfig, "features: {name: mfcc}", resolve=resolve)
    assert config.features.name == "mfcc"
    assert isinstance(config.features.config, resolve("features", "mfcc"))


def test_build_makes_the_thing() -> None:
    thing = build("features", Named("log_mel", resolve("features", "log_mel")(num_bins=40)))
    assert thing.num_bins == 40


def test_opening_one_plugin_imports_no_other_of_its_room() -> None:
    script = (
        "import sys; from masr.plugins import open_plugin; open_plugin('metadata', 'location');"
        "print(*(m for m in sys.modules if m.startswith('masr.metadata.')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {module.removeprefix("masr.metadata.") for module in done.stdout.split()}
    assert loaded & set(names("metadata")) == {"location"}
