from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from masr.cli.completion import SHELLS
from masr.cli.main import VERBS, main


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import contextlib
    import io

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["completion", "bash"]) == 0
    path = tmp_path_factory.mktemp("completion") / "masr.bash"
    path.write_text(printed.getvalue(), encoding="utf-8")
    return path


def complete(script: Path, *words: str, folder: Path | None = None) -> set[str]:
    """What a bash with the script loaded offers for the last word."""
    asked = " ".join(f"'{word}'" for word in words)
    program = f"""
        source {script}
        COMP_WORDS=({asked}); COMP_CWORD={len(words) - 1}; COMP_LINE="${{COMP_WORDS[*]}}"; COMP_POINT=${{#COMP_LINE}}
        function=$(complete -p masr | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        $function masr "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    bash = ["bash", "--norc", "--noprofile", "-c", program]
    done = subprocess.run(bash, capture_output=True, text=True, check=True, cwd=folder)
    return set(done.stdout.split())


def test_bash_offers_the_verbs(script: Path) -> None:
    assert complete(script, "masr", "") >= set(VERBS)
    assert complete(script, "masr", "fea") == {"features"}


def test_bash_offers_a_verbs_options(script: Path) -> None:
    assert complete(script, "masr", "config", "--") >= {"--set", "--plain", "--help"}
    assert complete(script, "masr", "doctor", "--j") == {"--json"}


def test_bash_offers_the_verbs_of_data(script: Path) -> None:
    assert complete(script, "masr", "data", "") >= {"validate", "fix", "split", "subset", "combine"}
    assert "--no-text" in complete(script, "masr", "data", "validate", "--n")


def test_bash_offers_the_shells(script: Path) -> None:
    assert complete(script, "masr", "completion", "") >= set(SHELLS)


def test_bash_offers_files_where_a_path_is_due(script: Path, tmp_path: Path) -> None:
    (tmp_path / "features.yaml").touch()
    assert "features.yaml" in complete(script, "masr", "config", "feat", folder=tmp_path)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gets_a_script_with_every_verb(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in VERBS)


@pytest.mark.parametrize("shell", [s for s in ("zsh", "fish", "tcsh") if shutil.which(s)])
def test_the_shell_itself_reads_its_script(shell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main(["completion", shell])
    path = tmp_path / "script"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert subprocess.run([shell, "-n", str(path)]).returncode == 0
