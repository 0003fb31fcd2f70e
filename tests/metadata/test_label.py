from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from masr import plugins
from masr.config import loads
from masr.errors import ConfigError
from masr.metadata import label
from masr.metadata.codebook import Use


@given(st.lists(st.one_of(st.none(), st.text(max_size=4)), min_size=1, max_size=20))
def test_similarity_is_identity_of_the_text(labels: list[str | None]) -> None:
    stream = label.build(label.Config(kind="accent"))
    codes = torch.from_numpy(stream.codes(labels))
    found = stream.similarity(codes, codes).numpy()
    for i, one in enumerate(labels):
        for j, other in enumerate(labels):
            if not (one or "").strip() or not (other or "").strip():
                assert np.isnan(found[i, j])
            else:
                assert found[i, j] == float(one == other)


def test_codes_are_a_function_of_the_label_alone_and_survive_bfloat16() -> None:
    stream = label.build(label.Config(kind="speaker"))
    names = [f"speaker-{i}" for i in range(3000)]
    codes = torch.from_numpy(stream.codes(names))
    assert torch.equal(codes.bfloat16().float(), codes)
    assert torch.equal(torch.from_numpy(stream.codes(names[::-1])).flip(0), codes)
    assert torch.equal(stream.similarity(codes, codes), torch.eye(3000))
    # pinned, as a checkpoint of today is read tomorrow
    assert stream.codes(["female"])[0].tolist() == [5.0, 122.0, 56.0, 102.0, 32.0, 83.0, 200.0, 220.0]


@pytest.mark.parametrize("text", ["streams: [{name: accent}]", "streams: [{name: label, kind: accent}]"])
def test_any_label_is_a_stream_by_its_name_or_by_its_kind(text: str) -> None:
    config = loads(plugins.RunConfig, text, resolve=plugins.resolve)
    stream = plugins.build("metadata", config.streams[0])
    assert stream.tables == ("utt2accent",)
    assert isinstance(stream, label.LabelStream)


def test_a_kind_of_its_own_wins_over_the_name() -> None:
    config = loads(plugins.RunConfig, "streams: [{name: voice, kind: spk}]", resolve=plugins.resolve)
    assert plugins.build("metadata", config.streams[0]).tables == ("utt2spk",)


@pytest.mark.parametrize("name", ["languages", "locations", "transcripts", "../label", "Accent", "utt2 lang", ""])
def test_a_slip_of_a_known_name_is_no_label(name: str) -> None:
    with pytest.raises(ConfigError, match="is not a file of masr/metadata") as caught:
        plugins.open_plugin("metadata", name)
    assert f"{{name: label, kind: {name}}}" in caught.value.fix


def test_other_rooms_still_refuse_what_they_do_not_have() -> None:
    with pytest.raises(ConfigError, match="masr/units"):
        plugins.open_plugin("units", "accent")


def test_a_label_without_a_kind_says_what_to_write() -> None:
    with pytest.raises(ConfigError, match="which label") as caught:
        label.tables(label.Config())
    assert "{name: accent}" in caught.value.fix


def test_the_table_for_people_counts() -> None:
    codebook = label.tabulate(label.Config(kind="accent"), [Use("north", 3), Use("south", 1)])
    assert codebook.rows == (("north", "3"), ("south", "1"))
    assert codebook.codes.shape == (2, 8)
