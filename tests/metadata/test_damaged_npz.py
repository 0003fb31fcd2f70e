"""A zip compares a checksum for each of its members: a flipped bit is an error of ours, never a wrong code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from masr.errors import MetadataError, MissingPackageError
from masr.metadata import lang2vec
from masr.metadata.codebook import Codebook


def flips(path: Path, count: int) -> list[bytes]:
    whole, draw = path.read_bytes(), np.random.default_rng(0)
    found = []
    for place in draw.integers(0, len(whole), count):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << draw.integers(8)
        found.append(bytes(damaged))
    return found


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_no_flipped_bit_of_lang2vecs_tables_gives_other_values(tmp_path, monkeypatch, save) -> None:
    values = np.random.default_rng(0).normal(size=(3, 5, 2))
    save(tmp_path / "x.npz", langs=list("abc"), feats=list("vwxyz"), sources=list("kl"), data=values)
    monkeypatch.setattr(lang2vec, "data_folder", lambda: tmp_path)
    for number, content in enumerate(flips(tmp_path / "x.npz", 150)):
        (tmp_path / f"{number}.npz").write_bytes(content)
        try:
            np.testing.assert_array_equal(lang2vec._table(f"{number}.npz").values, values)
        except MissingPackageError:
            continue


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_no_flipped_bit_of_a_codebook_gives_other_codes(tmp_path, save) -> None:
    codes = np.random.default_rng(0).normal(size=(3, 40)).astype(np.float32)
    about = np.array('{"settings": {}, "facts": {}}')
    save(tmp_path / "x.npz", labels=list("abc"), codes=codes, about=about)
    for content in flips(tmp_path / "x.npz", 150):
        (tmp_path / "y.npz").write_bytes(content)
        try:
            np.testing.assert_array_equal(Codebook.load(tmp_path / "y.npz").codes, codes)
        except MetadataError:
            continue
