"""What every file of masr/metadata promises; a new one is tested the moment it exists."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from masr import plugins
from masr.config import schema as configuration
from masr.metadata.codebook import Codebook, Use
from masr.types import Stream

VARIANTS: dict[str, list[str]] = {
    "language": ["", "rescale: false", "features: [syntax, phonology, inventory]", "features: [fam, geo]"],
    "location": ["", "{rule: exponential, sigma_km: 500}"],
    "transcript": ["", "rule: edit"],
    "label": ["kind: accent"],
}
"""Configs beyond the default; a plug-in that is not listed is tested with its default."""

CASES = [(name, text) for name in plugins.names("metadata") for text in VARIANTS.get(name, [""])]


def opened(name: str, text: str) -> tuple[ModuleType, Any]:
    if "edit" in text:
        pytest.importorskip("rapidfuzz")
    module = plugins.open_plugin("metadata", name)
    return module, configuration.loads(module.Config, text)


def stream_of(name: str, text: str) -> tuple[Stream, tuple[str, ...]]:
    module, config = opened(name, text)
    codebook = module.tabulate(config, [Use(label) for label in module.EXAMPLES])
    return module.build(config, codebook), module.EXAMPLES


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1] or 'default'}")
def stream(request: pytest.FixtureRequest) -> tuple[Stream, tuple[str, ...]]:
    return stream_of(*request.param)


def test_the_room_is_not_empty() -> None:
    assert {"label", "language", "location", "transcript"} <= set(plugins.names("metadata"))


def test_it_is_a_stream(stream: tuple[Stream, tuple[str, ...]]) -> None:
    assert isinstance(stream[0], Stream)
    assert stream[0].tables
    assert all(isinstance(table, str) for table in stream[0].tables)
    assert len(stream[1]) >= 8


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_codes_and_similarities(stream: tuple[Stream, tuple[str, ...]], data: st.DataObject) -> None:
    built, examples = stream
    labels = data.draw(st.lists(st.sampled_from([None, "", *examples]), min_size=1, max_size=12))
    codes = built.codes(labels)
    assert codes.shape == (len(labels), built.num_dims)
    assert codes.dtype == np.float32
    missing = np.array([not label for label in labels])
    assert (np.isnan(codes).all(axis=1) == missing).all()
    assert (np.isnan(codes).any(axis=1) == missing).all()

    order = data.draw(st.permutations(range(len(labels))))
    assert np.array_equal(built.codes([labels[i] for i in order]), codes[order], equal_nan=True)

    for dtype, tolerance in ((torch.float32, 2e-5), (torch.float64, 2e-6)):
        tensor = torch.from_numpy(codes).to(dtype)
        found = built.similarity(tensor, tensor)
        assert found.dtype == dtype
        assert found.shape == (len(labels), len(labels))
        values = found.numpy()
        lost = missing[:, None] | missing[None, :]
        assert np.isnan(values[lost]).all()
        known = values[~np.isnan(values)]
        assert ((known >= 0) & (known <= 1)).all()
        assert np.allclose(values, values.T, atol=tolerance, equal_nan=True)
        same = np.array([[a == b for b in labels] for a in labels]) & ~lost
        assert np.allclose(values[same], 1.0, atol=tolerance)
        shuffled = built.similarity(tensor[list(order)], tensor).numpy()
        assert np.allclose(shuffled, values[list(order)], atol=tolerance, equal_nan=True)
        half = built.similarity(tensor[: len(labels) // 2], tensor).numpy()
        assert np.allclose(half, values[: len(labels) // 2], atol=tolerance, equal_nan=True)


def test_different_labels_are_told_apart(stream: tuple[Stream, tuple[str, ...]]) -> None:
    """Not a constant: some pair of the examples is far below 1, and similarity falls over a range."""
    built, examples = stream
    codes = torch.from_numpy(built.codes(examples))
    values = built.similarity(codes, codes).numpy()
    assert np.nanmin(values) < 0.7


@pytest.mark.parametrize(("name", "text"), CASES)
def test_a_codebook_from_disk_gives_the_same_stream(name: str, text: str, tmp_path: Path) -> None:
    module, config = opened(name, text)
    codebook = module.tabulate(config, [Use(label) for label in module.EXAMPLES])
    codebook.save(tmp_path, name)
    direct = module.build(config, codebook)
    loaded = module.build(config, Codebook.load(tmp_path / f"{name}.npz"))
    assert (direct.codes(module.EXAMPLES) == loaded.codes(module.EXAMPLES)).all()
    a = torch.from_numpy(loaded.codes(module.EXAMPLES))
    assert torch.allclose(direct.similarity(a, a), loaded.similarity(a, a), equal_nan=True)


@pytest.mark.parametrize("name", plugins.names("metadata"))
def test_every_option_is_documented(name: str) -> None:
    module = plugins.open_plugin("metadata", name)
    assert all(field.metadata.get("doc") for field in dataclasses.fields(module.Config))
    assert configuration.defaults(module.Config) == module.Config()


@pytest.mark.slow
def test_a_large_batch_goes_through_at_once() -> None:
    """4096 x 4096: no Python loop over pairs, or this would not end."""
    for name, text in CASES:
        if "edit" in text:
            continue
        built, examples = stream_of(name, text)
        codes = torch.from_numpy(built.codes([examples[i % len(examples)] for i in range(4096)]))
        assert built.similarity(codes, codes).shape == (4096, 4096)
