from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from masr.io.regular import open_regular, read_regular
from small.alarm import ends_within


def test_a_file_and_a_link_to_one(tmp_path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("x")
    assert read_regular(tmp_path / "link") == b"abc"
    with open_regular(tmp_path / "x") as stream:
        assert (stream.seek(0, os.SEEK_END), stream.seek(1), stream.read()) == (3, 1, b"bc")


def test_what_is_no_file_is_refused_at_once_and_named(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("linked").symlink_to("pipe")
    Path("loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for path, reason in {
            "pipe": "a pipe",
            "linked": "a pipe",
            "/dev/zero": "a device",
            "socket": "No such device",
            str(tmp_path): "a folder",
            "loop": "symbolic links",
            "none": "No such file",
            "a\0b": "no file can have this name",
            "a\ud800b": "no file can have this name",
            "x" * 5000: "too long",
        }.items():
            with ends_within(5), pytest.raises(OSError, match=reason):
                open_regular(Path(path))
