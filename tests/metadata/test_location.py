from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from masr.config import loads
from masr.errors import ConfigError, MetadataError
from masr.metadata import location
from masr.metadata.codebook import Use

PARIS, LONDON = "48.8566 2.3522", "51.5074 -0.1278"


def similarity(labels: list[str | None], codebook_of: str = "", **options: object) -> np.ndarray:
    config = location.Config(**options)  # type: ignore[arg-type]
    codebook = location.tabulate(config, [Use(label) for label in codebook_of.split()])
    stream = location.build(config, codebook)
    codes = torch.from_numpy(stream.codes(labels))
    return stream.similarity(codes, codes).numpy()


def test_linear_is_the_share_of_half_the_circumference() -> None:
    found = similarity(["0 0", "0 90", "0 180", "0 -180", "90 0", None])
    assert found[0, :5] == pytest.approx([1, 0.5, 0, 0, 0.5], abs=1e-6)
    assert found[2, 3] == pytest.approx(1.0, abs=1e-6)
    assert np.isnan(found[5]).all()
    assert np.isnan(found[:, 5]).all()


def test_exponential_falls_with_sigma() -> None:
    found = similarity([PARIS, LONDON, PARIS], rule="exponential", sigma_km=343.56)
    assert found[0, 1] == pytest.approx(math.exp(-1), rel=1e-3)
    assert found[0, 2] == pytest.approx(1.0, abs=1e-5)


def test_near_places_are_told_apart_in_float32() -> None:
    """A kilometre is 5e-5 of the longest distance; the arc cosine in float32 would lose it."""
    found = similarity(["10.0 10.0", "10.009 10.0"])
    assert 1 - found[0, 1] == pytest.approx(1.0008 / 20015.1, rel=2e-2)
    assert found[0, 0] == 1.0


def test_a_language_stands_at_its_centroid() -> None:
    found = similarity(["hin", "25.0 76.98", "jpn"], codebook_of="hin jpn")
    assert found[0, 1] == pytest.approx(1.0, abs=1e-4)
    assert found[0, 2] < 0.8


def test_tables_are_asked_in_order() -> None:
    assert location.tables(location.Config()) == ("utt2loc", "utt2lang")
    assert location.tables(location.Config(from_language=False)) == ("utt2loc",)


def test_a_language_is_no_place_where_that_is_not_wanted() -> None:
    with pytest.raises(MetadataError, match="not a place"):
        similarity(["hin"], from_language=False)


def test_a_language_without_a_centroid_in_the_codebook_is_refused() -> None:
    with pytest.raises(MetadataError, match="'tam'"):
        similarity(["tam"], codebook_of="hin")


def test_a_language_that_uriel_lacks_has_no_place() -> None:
    found = similarity(["xqq", "hin"], codebook_of="hin xqq")
    assert np.isnan(found[0]).all()


def test_bad_coordinates_name_their_utterance() -> None:
    with pytest.raises(MetadataError, match=r"utt2loc: u9: there is no place '139.7 35.7'"):
        location.tabulate(location.Config(), [Use("139.7 35.7", 1, "data/train/utt2loc: u9")])


def test_the_table_for_people_says_what_was_given_and_what_was_guessed() -> None:
    codebook = location.tabulate(location.Config(), [Use("25.0 76.98", 3), Use("por", 2)])
    assert codebook.rows == (
        ("25.0 76.98", "3", "25.0000", "76.9800", "given"),
        ("por", "2", *codebook.rows[1][2:4], "centroid of por"),
    )
    assert codebook.facts == {"num_given": 1.0, "num_centroids": 1.0}


@pytest.mark.parametrize("text", ["sigma_km: 0", "sigma_km: -1", "sigma_km: .nan", "rule: cubic"])
def test_config_refuses_what_makes_no_sense(text: str) -> None:
    with pytest.raises(ConfigError):
        loads(location.Config, text)
