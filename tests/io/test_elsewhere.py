"""Audio inside archives and on other machines, read in its place."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

import numpy as np
import pytest

from masr.errors import AudioError
from masr.io import elsewhere
from masr.io.audio import entry_info, read_audio
from masr.io.inside import Inside, inside
from reference import corpus_layouts as layouts
from small.served import served

pytest.importorskip("aiohttp", reason="aiohttp is not installed: pip install aiohttp")


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """An archive of a WAV, a FLAC and a text."""
    files = {"a.wav": layouts.wav(layouts.samples(1)), "b.flac": layouts.wav(layouts.samples(2), kind="FLAC")}
    return layouts.webdataset(tmp_path / "some shards é" / "x-0.tar", {**files, "b.txt": b"a b"})


def entries(shard: Path, before: str = "") -> dict[str, str]:
    with tarfile.open(shard) as tar:
        return {one.name: str(Inside(before or str(shard), one.offset_data, one.size)) for one in tar}


def test_any_format_is_read_where_it_lies(shard: Path) -> None:
    found = entries(shard)
    for name, seed, kind in (("a.wav", 1, "WAV"), ("b.flac", 2, "FLAC")):
        path = shard.parent / name
        path.write_bytes(layouts.wav(layouts.samples(seed), kind=kind))
        assert entry_info(found[name]) == entry_info(str(path))
        assert np.array_equal(read_audio(found[name]), read_audio(str(path)))
        assert np.array_equal(read_audio(found[name], 0.1, 0.2), read_audio(str(path), 0.1, 0.2))


def test_what_an_entry_means() -> None:
    assert inside("/a b/c.tar:512+30") == Inside("/a b/c.tar", 512, 30)
    assert inside("s3://b/c.tar:0+1") == ("s3://b/c.tar", 0, 1)
    for other in ("/a/c.tar", "/a/c.ark:512", "/a/c.tar:512", "/a/c.tar:5+", "/a/c.tar:-1+5", f"c.tar:{'9' * 19}+1"):
        assert inside(other) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda e: e.replace(":", "x:"), "missing file|not audio|cannot be read"),
        (lambda e: re.sub(r"\+\d+$", "+0", e), "no audio file has 0 bytes"),
        (lambda e: re.sub(r"\+\d+$", f"+{1 << 40}", e), "no audio file has"),
        (lambda e: re.sub(r":\d+\+", ":10000000+", e), "truncated"),
        (lambda e: re.sub(r":\d+\+", ":3+", e), "not audio|cannot be|format"),
    ],
)
def test_what_is_not_there_is_refused(change, said: str, shard: Path) -> None:
    with pytest.raises(AudioError, match=said):
        read_audio(change(entries(shard)["a.wav"]))


def test_one_request_fetches_one_file(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(shard.parent) as (address, asked):
        monkeypatch.setenv(elsewhere.ALLOWED, f"s3://other/ {address}")
        there, here = entries(shard, f"{address}x-0.tar"), entries(shard)
        assert np.array_equal(read_audio(there["b.flac"]), read_audio(here["b.flac"]))
        part = inside(here["b.flac"])
        assert part is not None
        assert asked == [f"GET bytes={part.first}-{part.first + part.size - 1}"]
        (shard.parent / "whole.wav").write_bytes(layouts.wav(layouts.samples(3)))
        assert entry_info(f"{address}whole.wav") == entry_info(str(shard.parent / "whole.wav"))
        with pytest.raises(AudioError, match="missing file"):
            read_audio(f"{address}nothing.wav")


def test_a_request_that_fails_is_made_again(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "_WAITS_SEC", (0.0, 0.0))
    for failures, message in ((2, ""), (3, "after 3 tries")):
        with served(shard.parent, failures=failures) as (address, _):
            monkeypatch.setenv(elsewhere.ALLOWED, address)
            there = entries(shard, f"{address}x-0.tar")["a.wav"]
            if not message:
                assert len(read_audio(there))
                continue
            with pytest.raises(AudioError, match=message):
                read_audio(there)


def test_a_server_without_ranges_is_refused(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(shard.parent, ranges=False) as (address, _):
        monkeypatch.setenv(elsewhere.ALLOWED, address)
        with pytest.raises(AudioError, match="gives whole files"):
            read_audio(entries(shard, f"{address}x-0.tar")["a.wav"])


def test_a_server_that_refuses_is_asked_once(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "_WAITS_SEC", (60.0,))
    with served(shard.parent, failures=1, failure=403) as (address, _):
        monkeypatch.setenv(elsewhere.ALLOWED, address)
        with pytest.raises(AudioError, match="the server refuses it"):
            read_audio(entries(shard, f"{address}x-0.tar")["a.wav"])


def test_a_whole_file_is_no_larger_than_any_audio(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "MOST_BYTES", 1000)
    with served(shard.parent) as (address, asked):
        monkeypatch.setenv(elsewhere.ALLOWED, address)
        (shard.parent / "whole.wav").write_bytes(layouts.wav(layouts.samples(3)))
        with pytest.raises(AudioError, match="no audio file has"):
            read_audio(f"{address}whole.wav")
        assert not [line for line in asked if line.startswith("GET all")]


@pytest.mark.parametrize(
    "allowed",
    [
        "",
        "http://127.0.0.1:1/corpus/",
        "s3://",
        "http://127.0.0.1:1/shard",
        "http://127.0.0.1",
        "http://127.0.0.1:1/co",
    ],
)
def test_nothing_is_fetched_that_nobody_allowed(allowed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(elsewhere.ALLOWED, allowed)
    monkeypatch.setattr(elsewhere, "_files", lambda *_: pytest.fail("asked"))
    for url in (
        "http://127.0.0.1:1/a.wav",
        "http://127.0.0.1:1/corpus/../a.wav",
        "HTTP://127.0.0.1:1/corpus/a.tar:0+9",
    ):
        with pytest.raises(AudioError, match="nothing may be read") as caught:
            read_audio(url)
        assert elsewhere.ALLOWED in caught.value.fix


def test_a_protocol_that_fsspec_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(elsewhere.ALLOWED, "nothing://")
    with pytest.raises(AudioError, match="nothing:// cannot be read"):
        read_audio("nothing://a/b.wav")


def test_streams_forwards_too(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(shard.parent) as (address, _):
        monkeypatch.setenv(elsewhere.ALLOWED, address)
        with elsewhere.open_remote(f"{address}x-0.tar") as stream:
            assert stream.read() == shard.read_bytes()
        with pytest.raises(OSError), elsewhere.open_remote(f"{address}none.tar") as stream:
            stream.read()
