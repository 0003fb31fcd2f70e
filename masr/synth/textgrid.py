"""Praat's TextGrid in its long form, as the Montreal aligner writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from masr.types import Span

_NEAR_SEC = 1e-6


def textgrid(tiers: Mapping[str, Sequence[Span]], duration_sec: float) -> str:
    """The text of a file with these tiers; ValueError where one does not tile [0, duration]."""
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", *_times(0.0, duration_sec)]
    lines += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, spans) in enumerate(tiers.items(), start=1):
        _check(name, spans, duration_sec)
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {_quoted(name)}"]
        lines += [f"        {line}" for line in _times(0.0, duration_sec)]
        lines.append(f"        intervals: size = {len(spans)}")
        for place, span in enumerate(spans, start=1):
            lines.append(f"        intervals [{place}]:")
            lines += [f"            {line}" for line in _times(span.start_sec, span.end_sec)]
            lines.append(f"            text = {_quoted(span.label)}")
    return "\n".join(lines) + "\n"


def _check(name: str, spans: Sequence[Span], duration_sec: float) -> None:
    """ValueError for a tier with gaps, overlaps or empty intervals, which Praat refuses."""
    bounds = [0.0, *(span.end_sec for span in spans)]
    fits = all(abs(span.start_sec - end) < _NEAR_SEC for span, end in zip(spans, bounds, strict=False))
    if not spans or not fits or abs(bounds[-1] - duration_sec) > _NEAR_SEC:
        raise ValueError(f"tier {name!r} does not tile 0 to {duration_sec} s")
    empty = next((span for span in spans if not span.start_sec < span.end_sec), None)
    if empty is not None:
        raise ValueError(f"tier {name!r} has an empty interval: {empty}")


def _times(start_sec: float, end_sec: float) -> list[str]:
    return [f"xmin = {_number(start_sec)}", f"xmax = {_number(end_sec)}"]


def _number(value: float) -> str:
    """A time with seven digits after the point: that of a sample at 16 kHz, exactly."""
    return f"{value:.7f}".rstrip("0").rstrip(".") or "0"


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
