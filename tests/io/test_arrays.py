"""Files of numpy that are none, or that name more memory than they have."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from masr.errors import AnalysisError, DataError, MetadataError, ScoresError
from masr.io.arrays import map_array, read_npz
from masr.io.datadir import DataDir, write_datadir
from masr.io.frames import load_array
from masr.io.language_scores import read_language_scores
from masr.metadata.codebook import Codebook

NAMES = ("labels", "codes", "about")


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def arrays() -> dict[str, bytes]:
    about = json.dumps({"settings": {}, "facts": {}})
    codes = np.arange(6, dtype=np.float32).reshape(2, 3)
    return {"labels": npy(np.array(["a", "b"])), "codes": npy(codes), "about": npy(np.array(about))}


def written(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return path


def test_codes_come_back_as_numpy_wrote_them(tmp_path: Path) -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        found = Codebook.load(written(tmp_path / "a.npz", arrays(), method))
        assert found.labels == ("a", "b") and found.codes.tolist() == [[0, 1, 2], [3, 4, 5]]
    turned = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.savez(tmp_path / "b.npz", turned=turned, number=np.array(3))
    a, b = read_npz(tmp_path / "b.npz", ("turned", "number"), 10_000)
    assert np.array_equal(a, turned) and b == 3


def refused(path: Path) -> str:
    tracemalloc.start()
    try:
        with pytest.raises(MetadataError) as caught:
            Codebook.load(path)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    return caught.value.what


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 9, 97])
def test_npz_with_odd_compression_is_refused(tmp_path: Path, method: int) -> None:
    path = written(tmp_path / "a.npz", arrays(), method if method < 97 and method != 9 else zipfile.ZIP_STORED)
    if method in (9, 97):  # what Python cannot write: the number alone is another
        data = bytearray(path.read_bytes())
        for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            at = -1
            while (at := data.find(mark, at + 1)) >= 0:
                struct.pack_into("<H", data, at + place, method)
        path.write_bytes(data)
    assert "compressed" in refused(path)


def test_npz_bombs_are_refused_unopened(tmp_path: Path) -> None:
    members = arrays()
    header = npy(np.zeros((2, 3), np.float32))[:-24]
    members["codes"] = header + bytes(300 << 20)
    path = written(tmp_path / "a.npz", members, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    del members
    assert "the most" in refused(path)


def test_an_npz_whose_header_names_more_than_it_holds(tmp_path: Path) -> None:
    forged = arrays()["codes"].replace(b"(2, 3), }        ", b"(2, 3000000000), }")
    assert len(forged) < 400 and b"3000000000" in forged
    for data in (forged, arrays()["codes"][:-4], arrays()["codes"] + b"x", b"", b"\x93NUMPY"):
        refused(written(tmp_path / "a.npz", {**arrays(), "codes": data}))
    refused(written(tmp_path / "a.npz", {**arrays(), "codes": npy(np.array([{}], dtype=object))}))
    refused(written(tmp_path / "a.npz", {**arrays(), "about": npy(np.array("[" * 100_000))}))
    refused(written(tmp_path / "a.npz", {"codes": arrays()["codes"]}))
    whole = written(tmp_path / "a.npz", arrays(), zipfile.ZIP_DEFLATED).read_bytes()
    for place in range(0, len(whole), 7):
        (tmp_path / "b.npz").write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        try:
            Codebook.load(tmp_path / "b.npz")
        except MetadataError:
            continue


def test_an_archive_under_the_name_of_an_array_is_said(tmp_path: Path) -> None:
    path = written(tmp_path / "scores.npy", arrays())
    with pytest.raises(ValueError, match="several arrays"):
        map_array(path)
    with pytest.raises(AnalysisError, match="several arrays"):
        load_array(path)
    with pytest.raises(ScoresError, match="several arrays"):
        read_language_scores(path)
    for data in (b"PK\x03\x04", b"", b"\x93NUMPY\x01\x00", npy(np.zeros(3)).replace(b"(3,)", b"9**99")):
        path.write_bytes(data)
        with pytest.raises(ScoresError):
            read_language_scores(path)


@pytest.mark.parametrize("value", ["9" * 400, "9" * 5000, "1e999", "nan", "inf", "-1", "1.5", str(1 << 63)])
def test_400_digit_utt2num_frames_is_said(tmp_path: Path, value: str) -> None:
    from masr.data.dataset import frames_of
    from masr.io.datadir.summary import summarise

    write_datadir(tmp_path, {"utt2spk": {"s-a": "s", "s-b": "s"}, "utt2num_frames": {"s-a": "3", "s-b": value}})
    data = DataDir.open(tmp_path)
    for read in (frames_of, summarise):
        with pytest.raises(DataError, match=r"utt2num_frames:2: .* is not a"):
            read(data)


def described(head: bytes) -> bytes:
    """An array whose description is something else."""
    whole = npy(np.zeros((2, 3), np.float32))
    (length,) = struct.unpack_from("<H", whole, 8)
    return whole[:8] + struct.pack("<H", len(head)) + head + whole[10 + length :]


BROKEN_HEADS = [
    b"{'descr': '<f4', 'shape': (2, 3",
    b"{'descr': '<f4'} )",
    b"(" * 300,
    b"9" * 5000,
    b"\xff\xfe",
    b"f(",
    b"'",
    b"",
]


@pytest.mark.parametrize("head", BROKEN_HEADS)
def test_a_description_that_cannot_be_parsed_is_no_array(head: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(described(head))
    with pytest.raises(ValueError):
        map_array(tmp_path / "x.npy")
    written(tmp_path / "x.npz", {**arrays(), "codes": described(head)})
    with pytest.raises(ValueError):
        read_npz(tmp_path / "x.npz", NAMES, 1 << 20)


def test_frames_that_are_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="not a file but a folder"):
        load_array(tmp_path)
