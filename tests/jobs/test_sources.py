"""Which files of ours a command runs: in made-up checkouts, and in this one."""

from __future__ import annotations

from pathlib import Path

import pytest

from masr.jobs.sources import House

CHECKOUT = Path(__file__).resolve().parents[2]
PLUGINS = """
_LABEL = "label"
def open_plugin(room, name): return importlib.import_module(f"masr.{room}.{name}")
def build(room, named): return open_plugin(room, named.name).build(named)
"""


def house(root: Path, **files: str) -> Path:
    for name, source in files.items():
        path = root / "masr" / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    (root / "masr" / "plugins.py").write_text(PLUGINS)
    for room in {path.parent for path in root.rglob("*.py")}:
        (room / "__init__.py").touch()
    return root


def names(root: Path, *command: str, inputs: tuple[Path, ...] = ()) -> set[str]:
    files = {str(path.relative_to(root)) for path in House(root).files_of(command, inputs)}
    return {name for name in files if not name.endswith(("__init__.py", "masr/plugins.py"))}


def test_code_is_what_the_verb_imports_directly_or_through_others(tmp_path: Path) -> None:
    root = house(
        tmp_path,
        cli__see="def run():\n    from masr.io.ark import (\n        read,\n    )\n    import masr.io.other\n",
        cli__hear="from masr.io import unrelated",
        io__ark="from masr import errors",
        io__other="",
        io__unrelated="",
        errors="from masr.io.ark import circle",
    )
    assert names(root, "masr", "see") == {
        "masr/cli/see.py", "masr/io/ark.py", "masr/io/other.py", "masr/errors.py"
    }  # fmt: skip
    assert names(root, "cp", "a", "b") == set()


def test_plugins_count_by_the_name_in_the_command_or_the_configuration(tmp_path: Path) -> None:
    root = house(
        tmp_path,
        cli__see='from masr.plugins import open_plugin\nopen_plugin("corpora", name)',
        cli__feel='from masr.plugins import build\nmake(1, build=build)\ndef make(n, build): build("features", name)',
        corpora__one="from masr.io import tar",
        corpora__two="",
        io__tar="",
        features__mel="",
        features__mfcc="",
    )
    assert names(root, "masr", "see", "one") == {"masr/cli/see.py", "masr/corpora/one.py", "masr/io/tar.py"}
    assert names(root, "masr", "see") >= {"masr/corpora/one.py", "masr/corpora/two.py"}
    config = tmp_path / "c.yaml"
    config.write_text("features: {name: mfcc}\n")
    assert names(root, "masr", "feel", inputs=(config,)) == {"masr/cli/feel.py", "masr/features/mfcc.py"}


def test_a_shared_script_counts_with_the_verbs_it_calls(tmp_path: Path) -> None:
    root = house(tmp_path, cli__see="", cli__feel="")
    (root / "utils").mkdir()
    (root / "utils/x.sh").write_text("run.py masr see --job JOB\n")
    assert names(root, "x.sh", "data") == {"utils/x.sh", "masr/cli/see.py"}


def test_the_real_verbs_are_found_with_what_they_stand_on() -> None:
    prepare = names(CHECKOUT, "masr", "prepare", "fleurs", "a", "b")
    datadir = {"masr/io/datadir/directory.py", "masr/io/datadir/index.py"}
    assert {"masr/cli/prepare.py", "masr/corpora/fleurs.py", *datadir} <= prepare
    assert not any(
        name.startswith(("masr/units/", "masr/metadata/", "masr/synth/", "masr/models/")) for name in prepare
    )
    assert "masr/corpora/dhwani.py" not in prepare
    corpus = names(CHECKOUT, "masr", "corpus", "fleurs", "mini", "x")
    assert {"masr/synth/fleurs.py", "masr/synth/espeak.py", "masr/synth/numbers.py"} <= corpus
    assert not any(name.startswith(("masr/units/", "masr/features/")) for name in corpus)
    features = names(CHECKOUT, "features.sh", "data/train")
    assert {"utils/features.sh", "masr/cli/features.py", "masr/features/log_mel.py"} <= features
    assert not any(name.startswith(("masr/corpora/", "masr/units/", "masr/synth/")) for name in features)


def test_a_script_counts_with_the_scripts_that_it_sources(tmp_path: Path) -> None:
    root = house(tmp_path, cli__see="")
    (root / "utils").mkdir()
    (root / "utils" / "a.sh").write_text('. "$(dirname -- "${BASH_SOURCE[0]}")/b.sh"\nmasr see\n# as c.sh does\n')
    for name in ("b", "c"):
        (root / "utils" / f"{name}.sh").write_text("x=1\n")
    assert names(root, "a.sh") == {"utils/a.sh", "utils/b.sh", "masr/cli/see.py"}


def test_a_kind_of_a_verb_is_opened_alone(tmp_path: Path) -> None:
    opener = 'import importlib\ndef run(name): importlib.import_module(f"masr.cli.see.{name}")\n'
    root = house(tmp_path, cli__see__far_off="from masr.io import a", cli__see__near="", io__a="")
    (root / "masr/cli/see/__init__.py").write_text(opener)
    (root / "utils").mkdir()
    (root / "utils/x.sh").write_text("#!/bin/bash\nmasr see near x\n")
    assert names(root, "masr", "see", "far-off") == {"masr/cli/see/far_off.py", "masr/io/a.py"}
    assert names(root, "x.sh") == {"utils/x.sh", "masr/cli/see/near.py"}
    (root / "utils/x.sh").write_text('#!/bin/bash\nmasr see near x\nmasr see "$kind"\n')
    assert "masr/cli/see/far_off.py" in names(root, "x.sh")
    assert names(root, "masr", "see", "$kind") == {"masr/cli/see/far_off.py", "masr/cli/see/near.py", "masr/io/a.py"}


def test_what_a_module_opens_only_for_those_who_ask_by_name_does_not_count_what_a_class_opens_does(
    tmp_path: Path,
) -> None:
    lazy = 'def __getattr__(name):\n    import importlib\n    return importlib.import_module("masr.io.lazy")\n'
    root = house(tmp_path, cli__see="import masr.io.of_class", io__lazy="", io__of_class="", io__more="")
    (root / "masr/io/of_class.py").write_text("class A:\n" + "".join(f"    {line}\n" for line in lazy.splitlines()))
    (root / "masr/__init__.py").write_text(lazy.replace("io.lazy", "io.more"))
    assert names(root, "masr", "see") == {"masr/cli/see.py", "masr/io/of_class.py", "masr/io/lazy.py"}


def test_what_is_named_in_a_text_counts_and_what_is_told_in_a_docstring_does_not(tmp_path: Path) -> None:
    root = house(
        tmp_path,
        cli__see='"""masr.io.told"""\nstart = ["python", "-m", "masr.io.started"]\npage = here.with_name("page.css")',
        io__told="",
        io__started="if TYPE_CHECKING:\n    from masr.io import told\nimport masr.io.deep",
        io__deep="",
    )
    (root / "masr/cli/page.css").touch()
    assert names(root, "masr", "see") == {
        "masr/cli/see.py", "masr/cli/page.css", "masr/io/started.py", "masr/io/deep.py"
    }  # fmt: skip


def test_configurations_choose_with_their_bases_with_options_and_with_those_of_runs(tmp_path: Path) -> None:
    plugins = {f"features__{name}": "" for name in ("mel", "mfcc", "sinc", "label", "other")}
    root = house(tmp_path, cli__see='from masr import plugins\nplugins.build("features", x)', **plugins)
    run = tmp_path / "exp" / "model" / "seed0"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text("features: {name: sinc}\n")
    (tmp_path / "a.yaml").write_text("base: [parts/b.yaml]\n")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/b.yaml").write_text("features:\n  name: mel\n")
    given = names(root, "masr", "see", "features.name=mfcc", inputs=(tmp_path / "a.yaml", tmp_path / "exp"))
    assert given == {"masr/cli/see.py", *(f"masr/features/{name}.py" for name in ("mel", "mfcc", "sinc", "label"))}
    assert len(names(root, "masr", "see")) == 6, "all of the room"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import importlib\nimportlib.import_module(name)", "cannot be followed"),
        ("from importlib import import_module\nimport_module(f'{a}.{b}')", "cannot be followed"),
        ("import importlib\nimportlib.import_module(f'masr.{a}.b')", "masr.ROOM.{name}"),
        ("import importlib\nimportlib.import_module(f'masr.gone.{a}')", "masr.ROOM.{name}"),
        ("import runpy\nrunpy.run_path(x)", "cannot be followed"),
        ("from masr.plugins import build\nbuild(room, x)", "written as a constant"),
        ("from masr import plugins\nplugins.build(room, x)", "written as a constant"),
    ],
)
def test_what_cannot_be_followed_is_a_trouble_and_all_of_masr_counts(source: str, said: str, tmp_path: Path) -> None:
    root = house(tmp_path, cli__see="from masr.io import ark", io__ark=source, io__other="")
    (trouble,) = House(root).troubles()
    assert trouble.startswith("masr/io/ark.py:2: ")
    assert said in trouble
    assert "masr/io/other.py" in names(root, "masr", "see")


def test_a_verb_that_has_moved_away_is_a_trouble_and_all_of_masr_counts(tmp_path: Path) -> None:
    root = house(tmp_path, cli__see="", io__other="", verbs__feel="")
    (root / "utils").mkdir()
    (root / "utils/x.sh").write_text("#!/bin/bash\nmasr see\nmasr feel\n")
    assert House(root).troubles() == ["utils/x.sh: there is no verb feel of masr"]
    assert names(root, "masr", "feel") >= {"masr/cli/see.py", "masr/io/other.py", "masr/verbs/feel.py"}
    (root / "utils/x.sh").write_text('#!/bin/bash\nmasr "$verb"\n')
    assert House(root).troubles() == ['utils/x.sh: there is no verb "$verb" of masr']
    assert "masr/io/other.py" in names(root, "x.sh")


def test_a_room_that_is_not_there_is_a_trouble(tmp_path: Path) -> None:
    root = house(tmp_path, cli__see='from masr.plugins import build\nbuild("gone", x)')
    assert House(root).troubles() == ["masr/cli/see.py:2: there is no room 'gone'"]
