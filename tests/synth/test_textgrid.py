"""TextGrids that Praat reads, and that our own reader gives back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.corpora.textgrid import read_textgrid
from masr.synth.textgrid import textgrid
from masr.types import Span


def test_the_long_form_is_pinned() -> None:
    tiers = {"words": [Span("HI", 0.0, 0.5), Span("", 0.5, 1.0000625)]}
    assert textgrid(tiers, 1.0000625).splitlines() == [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        "xmax = 1.0000625",
        "tiers? <exists>",
        "size = 1",
        "item []:",
        "    item [1]:",
        '        class = "IntervalTier"',
        '        name = "words"',
        "        xmin = 0",
        "        xmax = 1.0000625",
        "        intervals: size = 2",
        "        intervals [1]:",
        "            xmin = 0",
        "            xmax = 0.5",
        '            text = "HI"',
        "        intervals [2]:",
        "            xmin = 0.5",
        "            xmax = 1.0000625",
        '            text = ""',
    ]


labels = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), max_size=5)


@given(st.lists(st.tuples(labels, st.integers(1, 20000)), min_size=1, max_size=8))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[str, int]]) -> None:
    ends = [0]
    for _, length in pieces:
        ends.append(ends[-1] + length)
    spans = [Span(p[0], a / 16000, b / 16000) for p, a, b in zip(pieces, ends, ends[1:], strict=False)]
    path: Path = tmp_path_factory.mktemp("grid") / "x.TextGrid"
    path.write_text(textgrid({"words": spans, "phones": spans}, ends[-1] / 16000), encoding="utf-8")
    found = read_textgrid(path)
    assert list(found) == ["words", "phones"]
    for span, expected in zip(found["phones"], spans, strict=True):
        assert span.label == expected.label
        assert round(span.start_sec * 16000) == round(expected.start_sec * 16000)
        assert span.end_sec == pytest.approx(expected.end_sec, abs=1e-7)


@pytest.mark.parametrize(
    "spans",
    [
        [],
        [Span("a", 0.1, 1.0)],
        [Span("a", 0.0, 0.9)],
        [Span("a", 0.0, 0.4), Span("b", 0.5, 1.0)],
        [Span("a", 0.0, 0.6), Span("b", 0.5, 1.0)],
        [Span("a", 0.0, 1.0), Span("b", 1.0, 1.0)],
    ],
)
def test_gaps_overlaps_and_empty_intervals_are_refused(spans: list[Span]) -> None:
    with pytest.raises(ValueError, match="tier 'x'"):
        textgrid({"x": spans}, 1.0)
