from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from masr.synth.audio_out import join_pieces, joined_crc, tar_piece, wav_bytes, write_wav

FILES = [(f"train/{n}.wav", bytes([n % 251]) * (n * 37 % 3000)) for n in range(40)]


@given(st.binary(), st.binary())
def test_crc_of_two_stretches(first: bytes, second: bytes) -> None:
    assert joined_crc(zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(first + second)


def test_crc_after_a_very_long_stretch() -> None:
    zeros = bytes(1 << 20)
    assert joined_crc(zlib.crc32(b"masr"), zlib.crc32(zeros), len(zeros)) == zlib.crc32(b"masr" + zeros)


def archive(folder: Path, num_pieces: int) -> Path:
    pieces = []
    for number in range(num_pieces):
        pieces.append(folder / f"{num_pieces}.{number}")
        with tar_piece(pieces[-1]) as piece:
            for name, content in FILES[number::num_pieces] if num_pieces > len(FILES) else _slice(number, num_pieces):
                piece.add(name, content)
    path = folder / f"{num_pieces}.tar.gz"
    join_pieces(pieces, path)
    return path


def _slice(number: int, num_pieces: int) -> list[tuple[str, bytes]]:
    size = -(-len(FILES) // num_pieces)
    return FILES[number * size : (number + 1) * size]


@pytest.mark.parametrize("num_pieces", [1, 2, 7, 40])
@pytest.mark.parametrize("mode", ["r:gz", "r|gz"])
def test_pieces_are_one_archive(tmp_path: Path, num_pieces: int, mode: str) -> None:
    with tarfile.open(archive(tmp_path, num_pieces), mode) as opened:  # type: ignore[call-overload]
        found = [(m.name, opened.extractfile(m).read()) for m in opened]
    assert found == FILES


def test_gnu_tar_and_gzip_read_it(tmp_path: Path) -> None:
    path = archive(tmp_path, 3)
    listed = subprocess.run(["tar", "tzf", path], capture_output=True, text=True, check=True)
    assert listed.stdout.split() == [name for name, _ in FILES]
    assert listed.stderr == ""
    assert len(gzip.decompress(path.read_bytes())) % 512 == 0


def test_pieces_do_not_change_what_is_inside(tmp_path: Path) -> None:
    assert len({gzip.decompress(archive(tmp_path, n).read_bytes()) for n in (1, 2, 5)}) == 1


def test_no_clock_and_no_owner_in_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = archive(tmp_path / "a", 2), archive(tmp_path / "b", 2)
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(first) as opened:
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in opened} == {(0, 0, 0, "", "", 0o644)}


def test_no_pieces_make_an_empty_archive(tmp_path: Path) -> None:
    join_pieces([], tmp_path / "empty.tar.gz")
    with tarfile.open(tmp_path / "empty.tar.gz") as opened:
        assert opened.getnames() == []


@given(st.lists(st.integers(-32768, 32767), max_size=50))
def test_wav_bytes_are_read_back(values: list[int]) -> None:
    samples = np.array(values, np.int16)
    found, rate = soundfile.read(io.BytesIO(wav_bytes(samples)), dtype="int16")
    assert rate == 16000
    assert np.array_equal(found, samples)


def test_a_wav_file_has_44_bytes_of_header(tmp_path: Path) -> None:
    write_wav(tmp_path / "new" / "x.wav", np.arange(10, dtype=np.int16))
    assert (tmp_path / "new" / "x.wav").stat().st_size == 64


@pytest.mark.parametrize("samples", [np.zeros(3, np.float32), np.zeros((2, 3), np.int16)])
def test_a_wav_file_of_anything_else_is_a_bug(samples: np.ndarray) -> None:
    with pytest.raises(ValueError, match="int16"):
        wav_bytes(samples)
