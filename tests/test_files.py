"""FIFOs, devices and names that no file can have, where files are expected; JSON that is nested too deeply."""

from __future__ import annotations

import ast
import math
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import masr
from masr.config import load
from masr.config.plain import SettingsReader
from masr.errors import MasrError
from masr.files import open_ordinary, ordinary, parse_json
from small.alarm import ends
from small.memory import takes_at_most

PACKAGE = Path(masr.__file__).parent
DEEP = "[" * 100_000


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """A reader that waits for ever, or reads for ever, fails, and does not hang the tests nor end them."""
    with ends(), takes_at_most():
        yield


def test_a_file_and_a_link_to_one(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("x")
    assert ordinary(tmp_path / "link").read_bytes() == b"abc"
    with open_ordinary(tmp_path / "link") as stream:
        assert (stream.seek(0, os.SEEK_END), stream.seek(1), stream.read()) == (3, 1, b"bc")


def reads(path: Path) -> object:
    return ordinary(path).read_bytes()


@pytest.mark.parametrize("call", [reads, open_ordinary])
def test_what_is_no_file_is_refused_at_once_and_named(
    call: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("linked").symlink_to("pipe")
    Path("loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for path, reason in {
            "pipe": r"not a file but a pipe \(FIFO\)",
            "linked": "a pipe",
            "/dev/zero": "not a file but a device",
            "socket": "a socket|No such device",
            str(tmp_path): "not a file but a folder",
            "loop": "symbolic links",
            "none": "No such file",
            "a\0b": "no file can have this name",
            "a\ud800b": "no file can have this name",
            "x" * 5000: "too long",
        }.items():
            with ends(), pytest.raises(OSError, match=reason):
                call(Path(path))


def configuration(path: Path) -> object:
    from masr.training.config import TrainConfig

    return load(TrainConfig, path)


def base(path: Path) -> object:
    (path.parent / "over.yaml").write_text("base: [given]\n", encoding="utf-8")
    return SettingsReader().settings(path.parent / "over.yaml")


def table(path: Path) -> object:
    from masr.io.datadir.lines import map_file

    return map_file(path)


def scores(path: Path) -> object:
    from masr.io.language_scores import read_language_scores

    return read_language_scores(path)


def array_of_scores(path: Path) -> object:
    return scores(path.rename(path.with_suffix(".npy")))


def codes(path: Path) -> object:
    from masr.metadata.codebook import Codebook

    return Codebook.load(path)


def units(path: Path) -> object:
    from masr.io.layout import UNITS_TXT
    from masr.units.vocabulary import read_list

    return read_list(path.rename(path.parent / UNITS_TXT).parent)


def transcripts(path: Path) -> object:
    from masr.scoring.wer.texts import read_text

    return read_text(path)


def answers(path: Path) -> object:
    from masr.io.answers import read_answer_table

    return read_answer_table(path)


def figure(path: Path) -> object:
    from masr.io.figure_file import read_figure

    return read_figure(path)


def matrix(path: Path) -> object:
    from masr.analysis.similarity.matrix import read_matrix

    return read_matrix(path)


def weights(path: Path) -> object:
    from torch import nn

    from masr.models.weights import fill_encoder

    return fill_encoder(nn.Linear(2, 2), [path])


def checkpoint(path: Path) -> object:
    """A whole record, with a pipe or a device in place of the tensors."""
    from masr.io.checkpoint import load
    from masr.io.layout import RECORD

    (path.parent / RECORD).write_text('{"digests": {"given": ""}}', encoding="utf-8")
    return load(path.parent)


def digests(path: Path) -> object:
    """Good weights, with a pipe or a device in place of what they are compared with."""
    from torch import zeros

    from masr.io.layout import DIGESTS
    from masr.io.weights import read_weights, write_weights

    write_weights(path.parent / "model.safetensors", {"a": zeros(2)})
    path.rename(path.parent / DIGESTS)
    return read_weights([path.parent / "model.safetensors"], lambda _: True)


def archive(path: Path) -> object:
    from masr.io.ark import read_shape

    return read_shape(f"{path}:2")


def frames(path: Path) -> object:
    from masr.io.frames import load_array

    return load_array(path)


def textgrid(path: Path) -> object:
    from masr.corpora.textgrid import read_textgrid

    return read_textgrid(path)


def annotation(path: Path) -> object:
    from masr.corpora.pangloss_xml import read_annotation

    return read_annotation(path)


def labels(path: Path) -> object:
    from masr.scoring.lid.reference import read_labels

    return read_labels(path)


def listed_utterances(path: Path) -> object:
    from masr.cli.data import _listed

    return _listed(path)


READERS = [configuration, base, table, scores, array_of_scores, codes, units, transcripts, answers, figure, matrix]
READERS += [weights, checkpoint, digests, archive, frames, textgrid, annotation, labels, listed_utterances]


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_a_fifo_or_dev_zero_where_a_file_is_expected_is_refused_at_once(
    reader: Callable[[Path], object], kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "given"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises((MasrError, OSError)) as found:
        reader(path)
    assert any(word in str(found.value) for word in ("FIFO", "device", "no such file"))


def test_a_pipe_that_a_shell_has_opened_is_a_file_to_read() -> None:
    from masr.scoring.lid.reference import read_labels

    for content in ("utt seed\n", ""):
        read, write = os.pipe()
        os.write(write, content.encode())
        os.close(write)
        with pytest.raises(OSError, match="a pipe"):  # it could not be read in any order
            open_ordinary(f"/dev/fd/{read}")
        assert read_labels(Path(f"/dev/fd/{read}")) == ({"utt": "seed"} if content else {})
        os.close(read)


def test_an_input_of_a_stage_that_is_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    from masr.io.identity import identity

    os.mkfifo(tmp_path / "given")
    assert identity(tmp_path / "given")


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_a_name_that_no_file_can_have_is_no_such_file(name: str) -> None:
    for call in (ordinary, open_ordinary):
        with pytest.raises(FileNotFoundError):
            call(name)


@pytest.mark.parametrize("text", [DEEP, '{"a":' * 100_000, "[" * 5000 + "]" * 5000])
def test_deep_json_is_no_json(text: str) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json(text)


def test_all_json_is_read_by_what_refuses_deep_json() -> None:
    """Programs that talk to a process of their own are left out, and what is carried to where masr is not."""
    own = {"files.py", "doctor.py", "jobs/node.py", "synth/espeak.py", "synth/espeak_process.py"}
    own |= {"interop/carried/masr_upstream.py"}
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("json.loads", "json.load", "json.JSONDecoder")
    }
    assert found == own


@pytest.mark.parametrize(
    "line", ['base: "a\\0b"', 'base: ["a\\ud800b"]', 'init: "a\\0b"', 'train: "a\\0b"', 'init: "a\\ud800"']
)
def test_nul_in_a_path_of_a_configuration_is_refused_with_its_place(line: str, tmp_path: Path) -> None:
    from masr.plugins import resolve
    from masr.training.init_from import read_run

    path = tmp_path / "conf.yaml"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(MasrError, match=r"conf\.yaml"):
        read_run(path, (), resolve)


def test_nul_in_an_argument_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    from masr.cli.main import main

    assert main(["data", "validate", "a\0b"]) == 2
    assert "NUL" in capsys.readouterr().err


@pytest.mark.parametrize("depth", [100, 200, 300, 400, 500, 1000, 100_000])
def test_a_deep_configuration_is_read_or_refused(depth: int, tmp_path: Path) -> None:
    path = tmp_path / "conf.yaml"
    path.write_text("a: " + "[" * depth + "]" * depth + "\nb: {c: 1}\n", encoding="utf-8")
    over = tmp_path / "over.yaml"
    over.write_text("base: conf.yaml\na: " + "{a: " * depth + "1" + "}" * depth + "\n", encoding="utf-8")
    for given in (path, over):
        try:
            SettingsReader().settings(given, ("b.c=2",))
        except MasrError as error:
            assert "nested too deeply" in error.what


@pytest.mark.parametrize("digits", ["9" * 400, "-" + "9" * 400, "1" + "0" * 4300, "9" * 100_000])
def test_a_whole_number_beyond_every_float_is_infinite(digits: str) -> None:
    wanted = -math.inf if digits[0] == "-" else math.inf
    assert (
        parse_json(digits) == parse_json(digits.encode()) == parse_json(f'{{"step": [{digits}]}}')["step"][0] == wanted
    )


def test_the_largest_whole_numbers_are_floats() -> None:
    found = parse_json(f"[{'9' * 308}, -{'9' * 308}, 1, -1]")
    assert [float(value) for value in found] == [1e308, -1e308, 1.0, -1.0] and all(
        type(value) is int for value in found
    )


def test_json_is_read_in_every_encoding_that_it_has() -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        assert parse_json('{"a": "\u0928"}'.encode(encoding)) == {"a": "\u0928"}
    with pytest.raises(ValueError):
        parse_json(b'"\xff"')
