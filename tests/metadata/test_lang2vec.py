from __future__ import annotations

import builtins
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.errors import MetadataError, MissingPackageError
from masr.metadata import lang2vec
from masr.metadata.macrocodes import MACRO

CODES = """afr amh ara asm ast aze bel bul ben bos cat ceb ckb cmn ces cym dan deu ell eng spa est fas ful fin fil fra
gle glg guj hau heb hin hrv hun hye ind ibo isl ita jpn jav kat kam kea kaz khm kan kor kir ltz lug lin lao lit luo lav
mri mkd mal mon mar msa mlt mya nob nep nld nso nya oci orm ori pan pol pus por ron rus snd slk slv sna som srp swe swa
tam tel tgk tha tur ukr umb urd uzb vie wol xho yor yue zul"""
FLEURS = CODES.split()
INDIAN = "asm ben brx doi guj hin kan kas kok mai mal mni mar nep ori pan san sat snd tam tel urd"
DHWANI = INDIAN.split()
KNN = ("syntax_knn", "phonology_knn", "inventory_knn")


def joined(codes: list[str], sets: tuple[str, ...]) -> np.ndarray:
    return np.concatenate([lang2vec.vectors(codes, name)[1] for name in sets], axis=1)


def cosines(values: np.ndarray) -> np.ndarray:
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    return unit @ unit.T


def test_every_language_of_fleurs_and_dhwani_is_there_without_a_gap() -> None:
    assert len(set(FLEURS)) == 102
    assert set(FLEURS) | set(DHWANI) <= set(lang2vec.languages())
    for name in (*KNN, "geo"):
        assert np.isfinite(lang2vec.vectors(FLEURS + DHWANI, name)[1]).all(), name


@pytest.mark.parametrize(
    ("sets", "num_dims", "num_distinct", "mean"),
    [
        (("syntax_knn",), 103, 101, 0.62),
        (("phonology_knn",), 28, 55, 0.80),
        (("inventory_knn",), 158, 101, 0.72),
        (KNN, 289, 102, 0.69),
        (("geo",), 299, None, 0.93),
        (("fam",), 3718, 89, None),
    ],
)
def test_sizes_distinct_vectors_and_mean_cosine(
    sets: tuple[str, ...], num_dims: int, num_distinct: int | None, mean: float | None
) -> None:
    values = joined(FLEURS, sets)
    assert values.shape == (102, num_dims)
    if num_distinct is not None:
        assert len(np.unique(values, axis=0)) == num_distinct
    if mean is not None:
        assert cosines(values)[np.triu_indices(102, 1)].mean() == pytest.approx(mean, abs=0.006)


@pytest.mark.parametrize(
    ("one", "other", "cosine"),
    [("hin", "urd", 0.95), ("hin", "guj", 0.89), ("hin", "ben", 0.82), ("hin", "tam", 0.77), ("tam", "tel", 0.96)],
)
def test_near_languages_have_near_syntax(one: str, other: str, cosine: float) -> None:
    assert cosines(joined([one, other], ("syntax_knn",)))[0, 1] == pytest.approx(cosine, abs=0.006)


def test_files_keep_their_own_order_of_languages() -> None:
    orders = {file: tuple(lang2vec._table(file).rows) for file, _, _ in lang2vec.SETS.values()}
    assert len({order[:10] for order in orders.values()}) > 1
    assert len({frozenset(order) for order in orders.values()}) == 1


def test_norwegian_takes_its_family_from_the_macro_code() -> None:
    _, values, used = lang2vec.vectors(["nob", "swe"], "fam")
    assert used == ("nor", "swe")
    assert values.sum(axis=1).min() > 0


def test_raw_sets_have_gaps_and_sources_of_their_own() -> None:
    _, values, _ = lang2vec.vectors(["ast", "eng"], "syntax")
    assert np.isnan(values[0]).all()
    assert np.isfinite(values[1]).all()
    lacking = [code for code in FLEURS if np.isnan(lang2vec.vectors([code], "syntax")[1]).all()]
    assert lacking == ["ast", "fil", "kea", "snd", "slk", "umb"]
    assert lang2vec.vectors(["eng"], "syntax_wals")[1].shape == (1, 103)
    assert np.isfinite(lang2vec.vectors(["eng"], "inventory_phoible_spa")[1]).all()


@pytest.mark.parametrize(("code", "macro"), [("lvs", "lav"), ("ory", "ori"), ("zlm", "msa"), ("pbu", "pus")])
def test_a_guess_under_an_individual_code_is_refused_with_the_macro_code(code: str, macro: str) -> None:
    values = joined([code], KNN)[0]
    assert np.isfinite(values).all()
    with pytest.raises(MetadataError, match="guess") as caught:
        lang2vec.check_known(code, values, KNN)
    assert f"{{{code}: {macro}}}" in caught.value.fix
    lang2vec.check_known(macro, joined([macro], KNN)[0], KNN)


@pytest.mark.parametrize(("code", "sets", "macro"), [("ekk", ("fam",), "est"), ("lvs", ("syntax",), "lav")])
def test_an_empty_vector_is_refused(code: str, sets: tuple[str, ...], macro: str) -> None:
    with pytest.raises(MetadataError, match="is empty") as caught:
        lang2vec.check_known(code, joined([code], sets)[0], sets)
    assert macro in caught.value.fix


def test_every_fleurs_language_passes_the_check() -> None:
    for code in {*FLEURS, *DHWANI}:
        lang2vec.check_known(code, joined([code], KNN)[0], KNN)


def test_macro_codes_are_real_and_never_members() -> None:
    known = set(lang2vec.languages())
    assert not set(MACRO) & set(MACRO.values())
    assert all(len(code) == 3 for code in MACRO)
    assert {"aze", "ara", "est", "fas", "ful", "lav", "mon", "msa", "nep", "ori", "orm", "pus", "swa", "uzb"} <= {
        macro for macro in MACRO.values() if macro in known
    }


@pytest.mark.parametrize(
    ("code", "meant"),
    [("hi", "hin"), ("en_us", "eng"), ("hinn", "hin"), ("Hin", "hin"), ("xqq", "aliases: {xqq: a near relative}")],
)
def test_an_unknown_code_names_what_was_meant(code: str, meant: str) -> None:
    with pytest.raises(MetadataError, match=code) as caught:
        lang2vec.vectors([code], "syntax_knn")
    assert meant in caught.value.fix


def test_unknown_and_pickled_sets_are_refused() -> None:
    with pytest.raises(MetadataError, match="syntax_kn'") as caught:
        lang2vec.vectors(["eng"], "syntax_kn")
    assert "syntax_knn" in caught.value.fix
    with pytest.raises(MetadataError, match="learned") as caught:
        lang2vec.vectors(["eng"], "learned")
    assert "pickle" in caught.value.why


@pytest.mark.parametrize(
    ("code", "latitude", "longitude"),
    [("eng", 52.98, -0.93), ("hin", 25.0, 76.98), ("jpn", 35.0, 134.96), ("spa", 40.43, -1.08), ("por", 42.02, -4.14)],
)
def test_centroids(code: str, latitude: float, longitude: float) -> None:
    assert lang2vec.centroids([code])[0] == pytest.approx([latitude, longitude], abs=0.011)


def test_every_centroid_reproduces_its_distances() -> None:
    names, shares, _ = lang2vec.vectors(FLEURS, "geo")
    places = np.radians(lang2vec.centroids(FLEURS))
    points = np.radians([[float(part) for part in name.split("_")[1:]] for name in names])
    cosine = np.sin(places[:, :1]) * np.sin(points[:, 0]) + np.cos(places[:, :1]) * np.cos(points[:, 0]) * np.cos(
        places[:, 1:] - points[:, 1]
    )
    # the distances in the file are not quite those on a ball: up to 0.4 % of the longest there is
    assert np.abs(np.arccos(cosine.clip(-1, 1)) / np.pi - shares).max() < 5e-3


def test_the_package_itself_is_never_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def guarded(name: str, *args: Any, **kwargs: Any) -> Any:
        assert name.split(".")[0] != "lang2vec"
        return real(name, *args, **kwargs)

    lang2vec._table.cache_clear()
    monkeypatch.setattr(builtins, "__import__", guarded)
    assert lang2vec.vectors(["eng"], "syntax_knn")[1].shape == (1, 103)
    assert "lang2vec" not in sys.modules


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(lang2vec, "distribution", absent)
    with pytest.raises(MissingPackageError) as caught:
        lang2vec.data_folder()
    assert caught.value.fix == "pip install lang2vec"


def test_a_script_of_the_same_name_beside_the_program_does_not_hide_the_package(tmp_path: Path) -> None:
    (tmp_path / "lang2vec.py").write_text("raise SystemExit('the script was run')\n")
    (tmp_path / "program.py").write_text("from masr.metadata import lang2vec\nprint(lang2vec.data_folder())\n")
    done = subprocess.run([sys.executable, tmp_path / "program.py"], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("lang2vec/data")
