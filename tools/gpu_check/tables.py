"""The tables of docs/performance.md on GPUs, from the report of gpu_check; says `not measured` where there is none.

example:
  python -m gpu_check.tables build/gpu_check/check.json
  python -m gpu_check.tables build/gpu_check/check.json --peak-tflops 989
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gpu_check.operations import operations_of
from gpu_check.steps import PEER, WAVES
from masr.config import Named
from masr.plugins import resolve


def render(report: Mapping[str, Any], peak_tflops: float) -> str:
    """All tables, each under a line that says what it is."""
    parts, machine = report["parts"], report["machine"]
    title = f"{machine['device']}, torch {machine['torch']}, {machine['cpu']}; size {report['size']}"
    blocks = [title]
    makers = {
        "parity": _parity,
        "steps": lambda part: _steps(part, peak_tflops),
        "waits": _waits,
        "features": _features,
        "saving": _saving,
        "analyses": _analyses,
        "learning": _learning,
    }
    for name, make in makers.items():
        part = parts.get(name, {"error": "it was not asked for"})
        blocks.append(
            f"### {name}\n\nnot measured: {part['error']}" if "error" in part else f"### {name}\n\n{make(part)}"
        )
    return "\n\n".join(blocks)


def _parity(part: Mapping[str, Any]) -> str:
    rows = (
        (
            name,
            f"{one['loss_apart']:.1e}",
            f"{one['gradient_apart']:.1e}",
            f"{one['resumed_apart']:.1e}",
            _yes(one["right"]),
        )
        for name, one in part["objectives"].items()
    )
    return _table(("objective", "loss apart", "gradient apart", "apart after going on", "right"), rows)


def _steps(part: Mapping[str, Any], peak_tflops: float) -> str:
    peer = part["steps"].get(PEER, {}).get("ms", {}).get("median")
    rows = []
    for name, one in part["steps"].items():
        if "error" in one:
            rows.append((name, one["error"][:60], "", "", "", ""))
            continue
        ms = one["ms"]
        share = ""
        if "lengths" in one and one["encoder"]["name"] == "conformer":
            done = operations_of(_encoder(one["encoder"]), one["lengths"])
            share = f"{done / (ms['median'] / 1000) / (peak_tflops * 1e12):.1%}"
        memory = "" if one.get("peak_gib") is None else f"{one['peak_gib']:.1f}"
        beside = f"{peer / ms['median']:.2f} x" if peer and name == WAVES else ""
        spread = f"{ms['median']:.1f} ({ms['least']:.1f} to {ms['most']:.1f})"
        rows.append((name, spread, f"{one['hours_an_hour']:,.0f}", share, memory, beside))
    head = ("step", "ms", "audio-hours an hour", "share of the peak", "GiB", "faster than transformers")
    return _table(head, rows)


def _waits(part: Mapping[str, Any]) -> str:
    rows = (
        (name, "not counted on a CPU" if one["count"] is None else str(one["count"]), ", ".join(one["lines"]))
        for name, one in part["waits"].items()
    )
    return _table(("objective", "waits a step", "where"), rows)


def _features(part: Mapping[str, Any]) -> str:
    rows = (
        (kind, f"{one['ms']['median']:.1f}", f"{one['hours_an_hour']:,.0f}", f"{one['apart']:.1e}")
        for kind, one in part["log_mel"].items()
    )
    return _table(("Fourier transform", "ms", "audio-hours an hour", "apart from the CPU's float64"), rows)


def _saving(part: Mapping[str, Any]) -> str:
    one = part["saving"]
    seconds = [f"{one[f'{name}_sec']:.2f}" for name in ("step", "copy", "save", "resume")]
    heads = ("a step, s", "a checkpoint's copy, s", "until it is saved, s", "going on, s", "GB")
    return _table(heads, [(*seconds, f"{one['bytes'] / 1e9:.2f}")])


def _analyses(part: Mapping[str, Any]) -> str:
    rows = (
        (name, f"{one['cpu_sec']:.2f}", f"{one['device_sec']:.2f}", f"{one['apart']:.1e}")
        for name, one in part["analyses"].items()
    )
    return _table(("analysis", "CPU, s", "device, s", "apart"), rows)


def _learning(part: Mapping[str, Any]) -> str:
    rows = [
        (name, str(one["steps"]), f"{one['seconds']:.0f}", f"{one['hours_an_hour']:,.0f}", _share(one["probe"]))
        for name, one in part["learning"].items()
    ]
    rows.append(("log-mel statistics", "", "", "", _share(part["statistics"])))
    head = ("training", "steps", "seconds", "audio-hours an hour", "languages by a linear probe")
    return f"{part['hours']:.1f} h of embedded speech\n\n{_table(head, rows)}"


def _share(figure: Mapping[str, float]) -> str:
    return "{:.1f} % [{:.1f}, {:.1f}]".format(*(100 * figure[key] for key in ("value", "low", "high")))


def _encoder(plain: Mapping[str, Any]) -> Named:
    """The encoder that a report names."""
    schema = resolve("models", str(plain["name"]))
    return Named(str(plain["name"]), schema(**{key: value for key, value in plain.items() if key != "name"}))


def _yes(flag: bool) -> str:
    return "yes" if flag else "**no**"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Prints the tables of a report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, help="the check.json of a run of tools/gpu_check.sh")
    parser.add_argument("--peak-tflops", type=float, default=989, help="dense bfloat16: H100 and H200 (default 989)")
    args = parser.parse_args()
    sys.stdout.write(render(json.loads(args.report.read_text(encoding="utf-8")), args.peak_tflops) + "\n")


if __name__ == "__main__":
    main()
