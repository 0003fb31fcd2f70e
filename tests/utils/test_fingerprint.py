"""What counts as a change of a stage's inputs and of its code, and what does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.append(str(CHECKOUT / "utils"))

from fingerprint import code_state, input_state  # noqa: E402

from masr.io.identity import identity  # noqa: E402


def test_an_input_is_known_by_its_identity_and_has_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    assert input_state(tmp_path / "a") == identity(tmp_path / "a")
    with pytest.raises(FileNotFoundError):
        input_state(tmp_path / "b")


def house(root: Path, **files: str) -> Path:
    for name, source in files.items():
        path = root / "masr" / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    for room in {path.parent for path in root.rglob("*.py")}:
        (room / "__init__.py").touch()
    return root


def names(root: Path, *command: str, inputs: tuple[Path, ...] = ()) -> set[str]:
    return {name for name in code_state(command, inputs, root) if not name.endswith("__init__.py")}


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
        cli__see='open_plugin("corpora", name)',
        cli__feel='open_plugin("features", name)',
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
    (root / "utils" / "a.sh").write_text('. "$(dirname -- "${BASH_SOURCE[0]}")/b.sh"\nmasr see\necho c.sh\n')
    for name in ("b", "c"):
        (root / "utils" / f"{name}.sh").write_text("x=1\n")
    assert names(root, "a.sh") == {"utils/a.sh", "utils/b.sh", "masr/cli/see.py"}
