from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from masr.cli import main as cli
from masr.cli.main import VERBS, Parser, main
from masr.errors import DataError


def failing(error: BaseException) -> ModuleType:
    module = ModuleType("failing", "a verb that fails")
    module.configure = lambda parser: parser.add_argument("--count", type=int)  # type: ignore[attr-defined]

    def run(args: object) -> None:
        raise error

    module.run = run  # type: ignore[attr-defined]
    return module


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"], ["help", "--help"], ["help", "help"]])
def test_help_lists_every_verb(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    for verb, what in VERBS.items():
        assert verb in shown
        assert what in shown


@pytest.mark.parametrize("words", [["train"], ["data", "subset"], ["analyse", "phone-abx"]])
def test_help_of_a_verb_is_what_the_verb_says_of_itself(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    shown = []
    for arguments in (["help", *words], [*words, "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert shown[0].startswith(f"usage: masr {' '.join(words)} ")


def test_help_of_what_is_no_verb_names_the_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "trian"]) == 2
    assert capsys.readouterr().err == "masr: usage: there is no verb 'trian'\n  fix: did you mean train?\n"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("masr ")


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from masr.cli.main import main; main(['--help']);"
        "print('HEAVY', *({m.split('.')[0] for m in sys.modules} & {'torch', 'numpy', 'yaml', 'rich'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["HEAVY"]


def test_an_unknown_verb_names_the_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["feature"]) == 2
    shown = capsys.readouterr().err
    assert shown.splitlines() == ["masr: usage: there is no verb 'feature'", "  fix: did you mean features?"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["config", "--plian"], ["there is no option --plian", "did you mean --plain?"]),
        (["config", "a.yaml", "--plian"], ["there is no option --plian", "did you mean --plain?"]),
        (["config", "a.yaml", "--plai"], ["there is no option --plai", "did you mean --plain?"]),
        (["config", "a.yaml", "--sets=x=1"], ["there is no option --sets", "did you mean --set"]),
        (["config"], ["the following arguments are required: conf"]),
        (["completion", "bash", "b.yaml"], ["unrecognized arguments: b.yaml"]),
        (["completion", "basch"], ["there is no 'basch': did you mean bash?"]),
        (["data", "validat", "x"], ["there is no 'validat': did you mean validate?"]),
        (["data", "validate", "x", "--no-txt"], ["there is no option --no-txt", "did you mean --no-text"]),
    ],
)
def test_wrong_arguments_name_the_near_ones(
    arguments: list[str], said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    for words in said:
        assert words in shown.err
    assert f"masr {arguments[0]}" in shown.err.splitlines()[-1]
    assert "--help" in shown.err.splitlines()[-1]


def test_an_options_value_is_not_taken_for_an_option() -> None:
    parser = Parser(prog="x")
    parser.add_argument("--cmd")
    parser.add_argument("count", type=int)
    parser.given = ["--cmd", "-q all.q", "--", "--odd"]
    assert parser.unknown_option() == ""


def test_what_the_user_can_fix_is_one_block_and_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "open_verb", lambda verb: failing(DataError("text: empty", why="w", fix="f")))
    assert main(["data"]) == 2
    assert capsys.readouterr().err == "masr: data directory: text: empty\n  why: w\n  fix: f\n"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EMFILE, errno.EFBIG, errno.EIO])
def test_what_the_machine_refuses_is_2(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = OSError(number, os.strerror(number), "data/x")
    monkeypatch.setattr(cli, "open_verb", lambda verb: failing(error))
    assert main(["data"]) == 2
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == f"masr: machine: data/x: {os.strerror(number)}"
    assert shown[1].startswith("  fix: ")


@pytest.mark.parametrize("error", [ValueError("bug"), OSError(errno.EINVAL, "odd")])
def test_a_bug_is_raised(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "open_verb", lambda verb: failing(error))
    with pytest.raises(type(error)):
        main(["data"])


def test_a_bug_keeps_its_traceback_and_exits_1() -> None:
    script = "import sys; from masr.cli import main as m; m.open_verb = lambda verb: 1 / 0; sys.exit(m.main(['data']))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert "ZeroDivisionError" in done.stderr


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli, "open_verb", lambda verb: failing(KeyboardInterrupt()))
    assert main(["data"]) == 130
    assert capsys.readouterr().err == "masr: interrupted\n"


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m masr.cli.main completion bash | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0"
    assert "Traceback" not in done.stderr


def test_a_script_beside_masr_shadows_no_package(tmp_path: Path) -> None:
    """lang2vec installs a script lang2vec.py beside `masr`, where Python looks for modules first."""
    script = tmp_path / "masr"
    script.write_text(
        "from masr.cli.main import main; main(['--version']); import lang2vec; print(lang2vec.__file__)",
        encoding="utf-8",
    )
    (tmp_path / "lang2vec.py").write_text("raise SystemExit('shadowed')", encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.splitlines()[-1]).name == "__init__.py"


def test_config_prints_the_resolved_file_with_docs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "features.yaml"
    path.write_text("features: {num_bins: 40}\n", encoding="utf-8")
    assert main(["config", str(path), "--set", "features.dither=0.5"]) == 0
    shown = capsys.readouterr().out
    assert "  # mel filters, the width of a frame\n  num_bins: 40\n" in shown
    assert "  dither: 0.5\n" in shown
    again = tmp_path / "again.yaml"
    again.write_text(shown, encoding="utf-8")
    assert main(["config", str(again)]) == 0
    assert capsys.readouterr().out == shown
    assert main(["config", str(path), "--plain"]) == 0
    assert "#" not in capsys.readouterr().out


def test_config_names_the_near_key_of_an_override(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "features.yaml"
    path.touch()
    assert main(["config", str(path), "--set", "features.num_bin=40"]) == 2
    assert "features.num_bin: unknown key\n  fix: did you mean num_bins" in capsys.readouterr().err


def test_config_of_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "features.yaml").touch()
    assert main(["config", str(tmp_path / "featurs.yaml")]) == 2
    assert capsys.readouterr().err.splitlines()[1] == "  fix: did you mean features.yaml?"
