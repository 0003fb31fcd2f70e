from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from masr.errors import ArchiveError
from masr.io.ark import ArchiveWriter, parse_entry, read_archive, read_array, read_matrix, read_shape

native = pytest.importorskip("kaldi_native_io")


def log_mel_like(num_frames=57, dim=80, seed=0):
    return np.random.default_rng(seed).uniform(-16, 25, (num_frames, dim)).astype(np.float32)


def write(path, arrays, storage="float32"):
    with ArchiveWriter(path, storage) as archive:
        for key, array in arrays.items():
            archive.append(key, array)
    return archive.rows


def tolerance(array, storage):
    span = float(array.max() - array.min())
    return {"float32": 0.0, "float16": span / 65535, "uint8": span / 8}[storage]


@pytest.mark.parametrize("storage", ["float32", "float16", "uint8"])
def test_kaldis_own_reader_sees_what_we_wrote(tmp_path, storage):
    arrays = {f"utt-{n}": log_mel_like(n, seed=n) for n in (1, 3, 8, 9, 57)}
    rows = write(tmp_path / "feats.1.ark", arrays, storage)
    scp = tmp_path / "feats.scp"
    scp.write_text("".join(f"{k} {v}\n" for k, v in rows.items()))
    with native.SequentialFloatMatrixReader(f"ark:{tmp_path / 'feats.1.ark'}") as reader:
        by_ark = {key: np.array(value) for key, value in reader}
    with native.RandomAccessFloatMatrixReader(f"scp:{scp}") as reader:
        by_scp = {key: np.array(reader[key]) for key in arrays}
    assert list(by_ark) == list(arrays)
    for key, array in arrays.items():
        np.testing.assert_array_equal(by_ark[key], by_scp[key])
        np.testing.assert_allclose(by_ark[key], array, atol=tolerance(array, storage), rtol=0)
        np.testing.assert_allclose(read_matrix(rows[key]), by_ark[key], atol=1e-5, rtol=0)
        assert read_shape(rows[key]) == array.shape


def test_two_bytes_are_closer_than_half_precision(tmp_path):
    """Why float16 is Kaldi's 16-bit code."""
    array = log_mel_like()
    rows = write(tmp_path / "a.ark", {"a": array}, "float16")
    assert np.abs(read_matrix(rows["a"]) - array).max() < 4e-4
    assert np.abs(array.astype(np.float16).astype(np.float32) - array).max() > 5e-3
    assert (tmp_path / "a.ark").stat().st_size < array.nbytes / 2 + 64


def test_we_read_what_kaldi_native_io_writes(tmp_path):
    array = log_mel_like()
    with native.FloatMatrixWriter(f"ark,scp:{tmp_path / 'f.ark'},{tmp_path / 'f.scp'}") as writer:
        writer.write("f", array)
    with native.DoubleMatrixWriter(f"ark,scp:{tmp_path / 'd.ark'},{tmp_path / 'd.scp'}") as writer:
        writer.write("d", array.astype(np.float64))
    with native.FloatVectorWriter(f"ark,scp:{tmp_path / 'v.ark'},{tmp_path / 'v.scp'}") as writer:
        writer.write("v", array[0])
    entry = {name: (tmp_path / f"{name}.scp").read_text().split()[1] for name in "fdv"}
    np.testing.assert_array_equal(read_array(entry["f"]), array)
    assert read_array(entry["d"]).dtype == np.float64
    assert read_matrix(entry["d"]).dtype == np.float32
    np.testing.assert_array_equal(read_array(entry["v"]), array[0])
    with pytest.raises(ArchiveError, match="vector"):
        read_matrix(entry["v"])


def test_statistics_and_vectors_are_never_compressed(tmp_path):
    stats = np.random.default_rng(0).standard_normal((2, 81))
    vector = np.arange(5, dtype=np.float32)
    rows = write(tmp_path / "a.ark", {"stats": stats, "vector": vector}, "uint8")
    with native.RandomAccessDoubleMatrixReader(f"scp:{_scp(tmp_path, rows)}") as reader:
        np.testing.assert_array_equal(reader["stats"], stats)
    np.testing.assert_array_equal(read_array(rows["vector"]), vector)


def _scp(folder, rows):
    (folder / "a.scp").write_text("".join(f"{k} {v}\n" for k, v in rows.items()))
    return folder / "a.scp"


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(-1e4, 1e4, width=32)
    ),
    st.sampled_from(["float32", "float16", "uint8"]),
)
def test_any_matrix_comes_back(tmp_path_factory, array, storage):
    path = tmp_path_factory.mktemp("ark") / "with space:1.ark"
    rows = write(path, {"first": array, "é": array}, storage)
    found = dict(read_archive(path))
    assert list(found) == ["first", "é"]
    for key, entry in rows.items():
        matrix = read_matrix(entry)
        assert matrix.flags.writeable
        assert matrix.shape == array.shape
        np.testing.assert_array_equal(matrix, found[key])
        if storage != "uint8":
            span = max(float(array.max() - array.min()), 1 + abs(float(array.max())) if storage == "float16" else 0)
            atol = 0 if storage == "float32" else span / 65535 + 1e-6
            np.testing.assert_allclose(matrix, array, atol=atol, rtol=1e-6 if atol else 0)


def test_rows_of_a_matrix(tmp_path):
    array = log_mel_like()
    entry = write(tmp_path / "a.ark", {"a": array})["a"]
    np.testing.assert_array_equal(read_array(f"{entry}[3:5]"), array[3:6])
    assert read_shape(f"{entry}[3:5]") == (3, 80)
    with pytest.raises(ArchiveError, match="rows 50 to 57 of 57"):
        read_array(f"{entry}[50:57]")


def test_an_interrupted_archive_is_not_there(tmp_path):
    with pytest.raises(ArchiveError), ArchiveWriter(tmp_path / "a.ark") as archive:
        archive.append("a b", log_mel_like())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "array", "reason"),
    [
        ("a b", np.ones((2, 2)), "blank"),
        ("", np.ones((2, 2)), "blank"),
        ("a", np.ones((0, 2)), "shape"),
        ("a", np.ones((2, 2, 2)), "shape"),
        ("a", np.array([[np.nan]]), "NaN"),
        ("a", np.array([[np.inf]]), "NaN"),
    ],
)
def test_what_cannot_be_stored_is_refused(tmp_path, key, array, reason):
    with pytest.raises(ArchiveError, match=reason), ArchiveWriter(tmp_path / "a.ark") as archive:
        archive.append(key, array)


def test_a_key_twice_is_refused(tmp_path):
    with ArchiveWriter(tmp_path / "a.ark") as archive:
        archive.append("a", log_mel_like())
        with pytest.raises(ArchiveError, match="twice"):
            archive.append("a", log_mel_like())


@pytest.mark.parametrize("storage", ["float32", "float16", "uint8"])
def test_truncation_is_seen_at_every_byte(tmp_path, storage):
    path = tmp_path / "a.ark"
    entry = write(path, {"a": log_mel_like(9, 4)}, storage)["a"]
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(ArchiveError):
            read_array(entry)
        if size:
            with pytest.raises(ArchiveError):
                list(read_archive(path))


def test_an_archive_that_ends_before_a_value_was_cut_short(tmp_path):
    entries = write(tmp_path / "a.ark", {"a": log_mel_like(2, 2), "b": log_mel_like(2, 2)})
    offset = int(entries["b"].rpartition(":")[2])
    with (tmp_path / "a.ark").open("r+b") as stream:
        stream.truncate(offset)
    for read in (read_array, read_shape):
        with pytest.raises(ArchiveError, match=f"truncated: the archive ends after {offset} bytes"):
            read(entries["b"])
        assert read(entries["a"]) is not None


def test_damage_is_an_error_of_its_own(tmp_path):
    path = tmp_path / "a.ark"
    entry = write(path, {"a": log_mel_like(2, 2)})["a"]
    data = bytearray(path.read_bytes())
    for broken, reason in [
        (data[:7] + b"\x04\xff\xff\xff\xff" + data[12:], "damaged"),
        (data[:7] + b"\x04\xff\xff\xff\x7f" + data[12:], "truncated"),
        (data[:4] + b"XM " + data[7:], "kind"),
        (b"a PKLcos\nsystem\n(S'touch x'\ntR.", "no binary matrix"),
        (b"a NPY" + bytes(40), "no binary matrix"),
        (b"a  [\n 1 2 ]\n", "no binary matrix"),
    ]:
        path.write_bytes(broken)
        with pytest.raises(ArchiveError, match=reason):
            read_array(entry)


@pytest.mark.parametrize("entry", ["touch x |", "| touch x", "a.ark", "", "a.ark:1x"])
def test_an_entry_that_is_none_is_refused(entry):
    with pytest.raises(ArchiveError):
        parse_entry(entry)


def test_a_missing_archive_says_so(tmp_path):
    with pytest.raises(ArchiveError, match="No such file"):
        read_array(f"{tmp_path}/gone.ark:3")


def test_a_float64_that_float32_cannot_hold_is_refused_and_not_infinite(tmp_path) -> None:
    with ArchiveWriter(tmp_path / "a.ark") as archive:
        entry = archive.append("a", np.array([[1.0, 1e300]]))
    assert read_array(entry)[0, 1] == 1e300
    with pytest.raises(ArchiveError, match="float32 cannot"):
        read_matrix(entry)
