"""The fuzzer itself: what is planted in a reader is found, named, made small and kept; nothing else is."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from fuzz import hunt as hunting
from fuzz.__main__ import main
from fuzz.box import Box
from fuzz.case import Files, Odd, as_json, from_json
from fuzz.finding import Finding
from fuzz.finite import not_finite
from fuzz.hunt import Limits, attempt, hunt, nth
from fuzz.keep import keep, kept
from fuzz.mutate import changed
from fuzz.shrink import fewest, shrink
from fuzz.target import Reader, Target
from fuzz.targets import TARGETS

from masr.errors import DataError

pytestmark = pytest.mark.slow

SEED: Files = {"a.txt": b"one 1\ntwo 2\nthree 3\n"}
MARK = b"9" * 400
"""A word that changed text holds now and then."""


def quiet(*_: object) -> None:
    """No progress."""


def reader(break_it: Callable[[Box], Any], **more: Any) -> Reader:
    """Refuses every second input, breaks at a mark, and takes the others."""

    def read(box: Box) -> Any:
        content = (box.input / "a.txt").read_bytes() if (box.input / "a.txt").is_file() else b""
        if MARK in content:
            return break_it(box)
        if len(content) % 2:
            raise DataError("refused")
        return 1.0

    return Reader([SEED], read, **more)


def found_in(broken: Reader, num_inputs: int = 1500, hang_sec: float = 10.0) -> dict[str, Finding]:
    """Signature -> find, of the first inputs."""
    outcome = hunt("planted", broken, 0, Limits(3600, num_inputs, hang_sec), quiet)
    assert outcome.num_inputs == num_inputs
    return outcome.findings


def raises(_: Box) -> None:
    raise KeyError("planted")


def exits(_: Box) -> None:
    os._exit(3)


def fills(_: Box) -> int:
    return len(bytearray(3 << 30))


def writes_beside(box: Box) -> None:
    (box.root / "stray").write_text("x", encoding="utf-8")


def writes_input(box: Box) -> None:
    (box.input / "stray").write_text("x", encoding="utf-8")


def renames(box: Box) -> None:
    (box.output / "x").touch()
    (box.output / "x").rename(box.root.parent / "elsewhere")


def runs(_: Box) -> None:
    subprocess.run(["true"], check=True)


def connects(_: Box) -> None:
    with socket.socket() as one:
        one.settimeout(0.1)
        one.connect(("127.0.0.1", 9))


def gives_nan(_: Box) -> Any:
    return {"figures": [1.0, float("nan")]}


def links(box: Box) -> None:
    (box.root / "link").symlink_to("/etc/hostname")


@pytest.mark.parametrize(
    ("plant", "kind", "what"),
    [
        (raises, "traceback", "KeyError: 'planted'"),
        (exits, "crash", "exit code 3"),
        (fills, "memory", "MemoryError"),
        (writes_beside, "stray", "stray"),
        (writes_input, "stray", "input/stray"),
        (renames, "stray", "elsewhere"),
        (links, "stray", "link"),
        (runs, "stray", "ran a command: true"),
        (connects, "stray", "opened a connection"),
        (gives_nan, "not finite", "figures"),
    ],
)
def test_what_is_planted_is_found(plant, kind, what) -> None:
    found = found_in(reader(plant))
    assert any(one.kind == kind and what in one.what for one in found.values()), found
    first = next(one for one in found.values() if one.kind == kind)
    assert MARK in first.files["a.txt"] and first.times >= 1
    assert first.times < 1500


def test_a_hang_is_ended_named_and_the_hunt_goes_on() -> None:
    found = found_in(reader(lambda _: time.sleep(60)), num_inputs=300, hang_sec=0.5)
    assert {one.kind for one in found.values()} == {"hang"}


def test_a_reader_that_computes_without_end_hangs_too() -> None:
    def computes(_: Box) -> None:
        while True:
            pass

    assert {one.kind for one in found_in(reader(computes), num_inputs=300, hang_sec=0.3).values()} == {"hang"}


def test_a_sound_reader_has_no_finds() -> None:
    assert found_in(reader(lambda _: 2.0)) == {}


def test_a_reader_may_write_to_its_output_and_beside_its_input_where_the_verb_does() -> None:
    def writes(box: Box) -> None:
        (box.output / "made").mkdir()
        (box.output / "made" / "x").write_text("x", encoding="utf-8")
        (box.input / "index").write_text("x", encoding="utf-8")

    assert found_in(reader(writes, writes_input=True), 800) == {}


def test_the_same_seed_gives_the_same_inputs_and_another_gives_others() -> None:
    one, two, other = ([nth("x", reader(raises), seed, i) for i in range(300)] for seed in (0, 0, 1))
    assert one == two
    assert one[0] == SEED
    assert sum(a != b for a, b in zip(one[1:], other[1:], strict=True)) > 250


def test_the_same_seed_gives_the_same_inputs_in_another_process() -> None:
    code = (
        "import hashlib; from fuzz.mutate import input_of\n"
        "seeds = [{'a.txt': b'one 1\\ntwo 2\\nthree 3\\n', 'b.gz': b'x'}]\n"
        "print(hashlib.sha256(repr([sorted(input_of(seeds, ('w',), 'n', 5, i).items(), key=str) for i in range(200)])"
        ".encode()).hexdigest())"
    )
    root = Path(__file__).parents[2]
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": f"{root}:{root / 'tools'}", "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1] and len(said[0]) == 65


def test_containers_cut_anywhere_can_be_changed() -> None:
    stream, tar = io.BytesIO(), io.BytesIO()
    np.savez(stream, a=np.arange(9.0))
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.wav"))
    array = io.BytesIO()
    np.save(array, np.arange(3))
    tensors = (18).to_bytes(8, "little") + b'{"a": {"x": [0, 1]}}' + bytes(9)
    for whole in (stream.getvalue(), tar.getvalue(), array.getvalue(), tensors, gzip.compress(tar.getvalue())):
        for end in {*range(1, min(len(whole), 300)), *range(1, len(whole), 37), len(whole)}:
            for seed in range(3):
                assert isinstance(changed(whole[:end], b"", (), Random(seed)), bytes)


def test_what_was_written_in_the_input_is_gone_when_the_next_one_is_read(tmp_path) -> None:
    box = Box(tmp_path / "box")
    box.place({"d/a": b"1", "b": Odd.PIPE, "c": Odd.LOOP})
    before = (box.input / "d/a").stat().st_mtime_ns
    (box.input / "index").write_text("x", encoding="utf-8")
    (box.output / "out").write_text("x", encoding="utf-8")
    box.place({"d/a": b"2", "b": b"file"})
    assert (box.input / "d/a").read_bytes() == b"2" and (box.input / "d/a").stat().st_mtime_ns != before
    assert sorted(path.name for path in box.input.iterdir()) == ["b", "d"] and not any(box.output.iterdir())
    assert (box.input / "b").read_bytes() == b"file"


def test_an_input_is_made_as_small_as_it_gets() -> None:
    files = {"a": b"x\ny\n" + b"junk\n" * 50 + b"bad word\n" + b"junk\n" * 50, "b": b"changed", "c": b"as it was"}
    seed = {"a": b"x\ny\n", "b": b"seed", "c": b"as it was"}
    small = shrink(files, [seed], lambda f: b"bad" in f.get("a", b""))
    assert small == {"a": b"bad"}


def test_fewest_keeps_what_is_needed_together() -> None:
    pieces = [bytes([i]) for i in range(40)]
    assert list(fewest(pieces, lambda kept: b"\3" in kept and b"\x21" in kept)) == [b"\3", b"\x21"]


def test_a_kept_input_reads_back_as_it_was(tmp_path) -> None:
    files: Files = {"t": "text \u0928\n".encode(), "b": bytes(range(256)), "p": Odd.PIPE, "z": Odd.ZEROS}
    assert from_json(json.loads(json.dumps(as_json(files)))) == files
    path = keep(tmp_path, "data", 3, Finding("crash", "masr/x.py:1 f", "ended", index=7, files=files))
    assert kept(path) == ("data", files)
    assert json.loads(path.read_text(encoding="utf-8"))["seed"] == 3


def test_every_number_of_a_result_is_looked_at() -> None:
    import torch

    assert not not_finite({"a": [1, 2.0, None, "nan"], "b": np.array([1, 2]), "c": torch.ones(2)})
    for broken in (float("inf"), np.float32("nan"), np.array([1, np.inf]), torch.tensor([float("nan")])):
        assert "['a'][1]" in not_finite({"a": [0.0, broken]})


def planted(folder: Path) -> Target:
    """A target of two defects, whose seed lies on disk."""

    def read(box: Box) -> Any:
        content = (box.input / "a.txt").read_bytes() if (box.input / "a.txt").is_file() else b""
        if MARK in content:
            raise KeyError("planted")
        return float("nan") if b"\0" in content else 1.0

    return Target("planted", "two defects", lambda _: Reader([SEED], read))


def test_the_command_says_what_it_found_keeps_it_small_and_exits_1(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(TARGETS, "planted", planted(tmp_path))
    assert main(["planted", "--seconds", "3600", "--inputs", "2000", "--keep", str(tmp_path / "kept")]) == 1
    out = capsys.readouterr().out
    assert "FOUND traceback" in out and "FOUND not finite" in out
    assert "2,000 inputs" in out and "2 found" in out
    files = sorted((tmp_path / "kept" / "planted").glob("*.json"))
    assert len(files) == 2
    smallest = {json.loads(path.read_text(encoding="utf-8"))["kind"]: kept(path)[1]["a.txt"] for path in files}
    assert smallest["not finite"] == b"\0" and MARK in smallest["traceback"] and len(smallest["traceback"]) < 450
    assert main(["--replay", *map(str, files)]) == 1
    monkeypatch.setitem(TARGETS, "planted", Target("planted", "mended", lambda _: reader(lambda _: 1.0)))
    assert main(["--replay", *map(str, files)]) == 0


def test_the_command_exits_0_where_nothing_is_found_and_2_for_an_unknown_target(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(TARGETS, "sound", Target("sound", "takes all", lambda _: Reader([SEED], lambda _: 1.0)))
    assert main(["sound", "--inputs", "200", "--keep", str(tmp_path)]) == 0
    assert "nothing found" in capsys.readouterr().out
    assert main(["nosuch"]) == 2
    assert "nosuch" in capsys.readouterr().err


def test_what_was_run_is_summed_and_the_same_inputs_count_once(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(TARGETS, "sound", Target("sound", "takes all", lambda _: Reader([SEED], lambda _: 1.0)))
    for seed, inputs in (("0", "50"), ("0", "20"), ("1", "30")):
        assert main(["sound", "--inputs", inputs, "--seed", seed, "--keep", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["--counts", "--keep", str(tmp_path)]) == 0
    assert "| sound | 80 |" in capsys.readouterr().out


def test_a_fault_of_the_fuzzer_is_not_taken_for_a_find(monkeypatch) -> None:
    def broken(*_: object) -> Files:
        raise ValueError("a mutation that fails")

    monkeypatch.setattr(hunting, "nth", broken)
    with pytest.raises(RuntimeError, match="a mutation that fails"):
        hunt("x", reader(raises), 0, Limits(10, 10), quiet)


LIGHT = [name for name in TARGETS if name not in ("checkpoints", "transformers", "audio", "features")]


@pytest.mark.parametrize("name", LIGHT)
def test_the_seeds_of_a_target_are_taken_and_break_nothing(name, tmp_path) -> None:
    target = TARGETS[name].open(tmp_path)
    assert target.seeds
    for files in target.seeds:
        box = Box(tmp_path / "box")
        assert attempt(target, files) == []
        del box


CASES = sorted((Path(__file__).parents[1] / "fuzz_cases").glob("*/*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_was_broken_once_breaks_nothing_now(path, tmp_path) -> None:
    name, files = kept(path)
    assert attempt(TARGETS[name].open(tmp_path), files) == []


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_case_says_what_broke_and_not_on_which_machine(path) -> None:
    assert set(json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))) == {"target", "broke", "files"}


def test_there_are_cases() -> None:
    assert CASES
    assert attempt(reader(raises), {"a.txt": MARK})[0].kind == "traceback"
