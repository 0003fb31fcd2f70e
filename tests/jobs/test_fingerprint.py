"""What counts as a change of a stage's inputs and of its code, and what does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from masr.jobs import fingerprint
from masr.jobs.fingerprint import code_state, input_state

CHECKOUT = Path(__file__).resolve().parents[2]


def test_a_small_file_is_its_content(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    before = input_state(file)
    os.utime(file, (1, 1))
    assert input_state(file) == before
    file.write_text("y")
    assert input_state(file) != before


def test_a_large_file_is_its_size_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "CONTENT_LIMIT_BYTES", 3)
    file = tmp_path / "a"
    file.write_text("xxxx")
    before = input_state(file)
    os.utime(file, (1, 1))
    assert input_state(file) != before


def test_a_folder_changes_with_any_visible_file_in_it(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a.wav").write_text("x")
    states = [input_state(tmp_path)]
    os.utime(tmp_path / "deep/a.wav", (1, 1))
    states.append(input_state(tmp_path))
    (tmp_path / "deep/b.wav").write_text("x")
    states.append(input_state(tmp_path))
    (tmp_path / "deep/b.wav").rename(tmp_path / "deep/c.wav")
    states.append(input_state(tmp_path))
    (tmp_path / "deep/c.wav").unlink()
    (tmp_path / "deep/c.wav").symlink_to("nowhere")
    states.append(input_state(tmp_path))
    assert len(set(states)) == len(states)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden/x").write_text("x")
    assert input_state(tmp_path) == states[-1]


def test_a_folder_that_links_to_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/loop").symlink_to(tmp_path)
    (tmp_path / "a/x").write_text("x")
    assert [path.name for path in fingerprint.walk(tmp_path)] == ["x"]


def test_a_data_directory_is_its_tables_without_those_of_later_stages(tmp_path: Path) -> None:
    for table in ("wav.scp", "utt2spk", "utt2lang"):
        (tmp_path / table).write_text("a a\n")
    before = input_state(tmp_path)
    for later in ("feats.scp", "cmvn.scp", "utt2num_frames", "confidence.scp", "features_problems.tsv", ".index"):
        (tmp_path / later).write_text("a a\n")
    os.utime(tmp_path / "wav.scp", (1, 1))
    assert input_state(tmp_path) == before
    (tmp_path / "segments").write_text("a a 0 1\n")
    assert input_state(tmp_path) != before


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
