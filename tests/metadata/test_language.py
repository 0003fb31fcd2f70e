from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from masr.config import loads
from masr.errors import ConfigError, MetadataError
from masr.metadata import language
from masr.metadata.codebook import Codebook, Use
from reference.gap_cosine import gap_cosine

RAW = ("syntax", "phonology", "inventory")


def uses(text: str) -> list[Use]:
    return [Use(label, 1, f"data/train/utt2lang: utt-{label}") for label in text.split()]


def stream(text: str, **options: object) -> language.LanguageStream:
    config = language.Config(**options)  # type: ignore[arg-type]
    return language.build(config, language.tabulate(config, uses(text)))


def matrix(text: str, **options: object) -> np.ndarray:
    built = stream(text, **options)
    codes = torch.from_numpy(built.codes(text.split())).double()
    return built.similarity(codes, codes).numpy()


def test_default_codes_are_the_289_knn_features() -> None:
    codes = stream("hin urd tam").codes(["tam", None, "hin", "tam", ""])
    assert codes.shape == (5, 289)
    assert codes.dtype == np.float32
    assert np.isnan(codes).all(axis=1).tolist() == [False, True, False, False, True]
    assert (codes[0] == codes[3]).all()
    assert set(np.unique(codes[[0, 2]])) == {0.0, 1.0}


def test_without_rescaling_it_is_the_cosine() -> None:
    found = matrix("hin urd guj ben tam tel", features=("syntax_knn",), rescale=False)
    assert found[0] == pytest.approx([1.0, 0.95, 0.89, 0.82, 0.77, found[0, 5]], abs=0.006)
    assert found[4, 5] == pytest.approx(0.96, abs=0.006)


def test_rescaling_is_a_straight_line_from_the_least_cosine_to_1() -> None:
    plain = matrix("hin urd guj ben tam tel eng zul", rescale=False)
    scaled = matrix("hin urd guj ben tam tel eng zul")
    floor = plain.min()
    assert scaled == pytest.approx((plain - floor) / (1 - floor), abs=1e-6)
    assert scaled.min() == pytest.approx(0.0, abs=1e-6)
    assert np.diag(scaled) == pytest.approx(np.ones(8), abs=1e-6)


@pytest.mark.parametrize(("text", "off"), [("hin", None), ("hin tam", 0.0), ("sna kam", 1.0)])
def test_rescaling_of_one_and_two_languages(text: str, off: float | None) -> None:
    """With nothing to compare, or equal vectors alone, nothing is stretched."""
    found = matrix(text, features=("syntax_knn",))
    assert np.diag(found) == pytest.approx(np.ones(len(found)), abs=1e-6)
    if off is not None:
        assert found[0, 1] == pytest.approx(off, abs=1e-6)


def test_raw_sets_are_compared_over_what_both_know() -> None:
    text = "hin urd tam eng fil snd"
    built = stream(text, features=RAW, rescale=False)
    codes = built.codes(text.split())
    assert (codes == -1).any()
    found = built.similarity(torch.from_numpy(codes).double(), torch.from_numpy(codes).double()).numpy()
    rows = [[None if value < 0 else float(value) for value in row] for row in codes]
    for i, one in enumerate(rows):
        for j, other in enumerate(rows):
            assert found[i, j] == pytest.approx(gap_cosine(one, other), abs=1e-9, nan_ok=True)


def test_nothing_known_in_common_is_nan_and_not_zero() -> None:
    found = matrix("umb bel", features=("syntax", "phonology"))
    assert np.isnan(found[0, 1])
    assert np.isnan(found[1, 0])
    assert np.diag(found) == pytest.approx([1.0, 1.0])


def test_family_keeps_only_the_families_in_use_and_the_same_cosine() -> None:
    from masr.metadata import lang2vec

    text = "hin urd nob swe tam"
    built = stream(text, features=("fam",), rescale=False)
    assert built.num_dims < 60
    full = lang2vec.vectors(text.split(), "fam")[1]
    unit = full / np.linalg.norm(full, axis=1, keepdims=True)
    assert matrix(text, features=("fam",), rescale=False) == pytest.approx(unit @ unit.T, abs=1e-6)


def test_an_unknown_language_stops_with_its_place_or_has_no_label() -> None:
    with pytest.raises(MetadataError, match=r"data/train/utt2lang: utt-xqq: .*'xqq'"):
        stream("hin xqq")
    codes = stream("hin tam xqq lvs", unknown="missing").codes(["xqq", "hin", "lvs"])
    assert np.isnan(codes).all(axis=1).tolist() == [True, False, True]


def test_an_individual_code_is_refused_and_an_alias_cures_it() -> None:
    with pytest.raises(MetadataError, match=r"utt-lvs: .*guess") as caught:
        stream("hin lvs")
    assert "{lvs: lav}" in caught.value.fix
    cured = stream("hin lvs lav", aliases={"lvs": "lav"}).codes(["lvs", "lav"])
    assert (cured[0] == cured[1]).all()


def test_a_language_not_among_those_in_use_is_refused_at_training() -> None:
    with pytest.raises(MetadataError, match="'tam'") as caught:
        stream("hin tel").codes(["hin", "tam"])
    assert "--also" in caught.value.fix


def test_a_changed_config_is_refused() -> None:
    codebook = language.tabulate(language.Config(), uses("hin tam"))
    with pytest.raises(MetadataError, match="features"):
        language.build(language.Config(features=("syntax_knn",)), codebook)


def test_aliases_are_said_once_where_codes_are_made() -> None:
    made = language.Config(aliases={"lvs": "lav"}, unknown="missing")
    codebook = language.tabulate(made, uses("hin lvs xqq"))
    plain, told = language.build(language.Config(), codebook), language.build(made, codebook)
    assert np.array_equal(plain.codes(["lvs", "xqq"]), told.codes(["lvs", "xqq"]), equal_nan=True)
    with pytest.raises(MetadataError, match="aliases") as caught:
        language.build(language.Config(aliases={"lvs": "lit"}), codebook)
    assert "leave aliases out here" in caught.value.fix


def test_config_errors_name_the_place() -> None:
    with pytest.raises(ConfigError, match="name at least one"):
        loads(language.Config, "features: []")
    assert loads(language.Config, "aliases: {nob: nor}").aliases == {"nob": "nor"}


def test_the_table_for_people_names_the_nearest() -> None:
    config = language.Config(features=("syntax_knn", "fam"))
    codebook = language.tabulate(config, uses("hin urd nob"))
    rows = {row[0]: row for row in codebook.rows}
    assert rows["nob"][2] == "nob|nor"
    assert rows["hin"][3].startswith("urd 0.")


def test_a_cached_codebook_needs_neither_lang2vec_nor_config_of_the_machine(tmp_path: Path) -> None:
    """In a process of its own, in which lang2vec cannot be found and its reader cannot be imported."""
    config = language.Config()
    language.tabulate(config, uses("hin urd tam")).save(tmp_path, "language")
    fresh = language.build(config, Codebook.load(tmp_path / "language.npz"))
    script = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from masr.metadata import language, lang2vec\n"
        "lang2vec.data_folder = None\n"
        "from masr.metadata.codebook import Codebook\n"
        f"stream = language.build(language.Config(), Codebook.load(Path({str(tmp_path / 'language.npz')!r})))\n"
        "print(json.dumps([stream.codes(['urd', 'tam']).tolist(), 'torch' in sys.modules]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    codes, has_torch = json.loads(done.stdout)
    assert codes == fresh.codes(["urd", "tam"]).tolist()
    assert not has_torch
