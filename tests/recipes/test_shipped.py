"""`masr recipe`: what is written, what comes along, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from masr.cli.main import main
from masr.errors import UsageError
from masr.recipe.shipped import names, root, write_recipe


def test_bases_come_along_and_programs_can_run(tmp_path: Path) -> None:
    folder = write_recipe("debian", tmp_path)
    assert folder == tmp_path / "egs" / "debian"
    assert (tmp_path / "egs" / "fleurs" / "conf" / "ctc" / "tiny.yaml").is_file()
    for name in ("egs/debian/run.sh", "utils/stage.py", "utils/pretrain.sh"):
        assert os.access(tmp_path / name, os.X_OK)
    assert not (tmp_path / "utils" / "path.sh").stat().st_mode & 0o111
    for path in (root() / "egs" / "debian" / "conf").rglob("*.yaml"):
        assert (folder / path.relative_to(root() / "egs" / "debian")).read_bytes() == path.read_bytes()


def test_several_share_utils_of_one_version(tmp_path: Path) -> None:
    write_recipe("dhwani", tmp_path)
    (tmp_path / "utils" / "my_own.sh").write_text("")
    write_recipe("pangloss", tmp_path)
    (tmp_path / "utils" / "stage.sh").write_text("another version")
    with pytest.raises(UsageError, match="another version"):
        write_recipe("librispeech", tmp_path)
    assert not (tmp_path / "egs" / "librispeech").exists()


def test_what_is_there_stays(tmp_path: Path) -> None:
    write_recipe("dhwani", tmp_path)
    with pytest.raises(UsageError, match="there already"):
        write_recipe("dhwani", tmp_path)
    with pytest.raises(UsageError, match="is the checkout"):
        write_recipe("dhwani", root())


def test_slips_and_the_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe"]) == 0
    assert capsys.readouterr().out.split() == list(names())
    assert main(["recipe", "fluers", str(tmp_path)]) == 2
    assert "fleurs" in capsys.readouterr().err
    assert main(["recipe", "fleurs"]) == 2
    assert main(["recipe", "--where"]) == 0
