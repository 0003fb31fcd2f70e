"""lhotse manifests of recordings that are made here, and the wavs beside them."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from masr.io.atomic import atomic_write
from masr.synth.acoustics import active_power, at_level
from masr.synth.audio_out import write_wav
from masr.synth.espeak import SAMPLE_RATE
from masr.synth.recording import Samples, to_int16

Rows = dict[str, list[dict[str, Any]]]
"""Lines of the manifests: `recordings` and `supervisions`."""


def write_recording(prefix: str, name: str, samples: Samples, out: Path) -> dict[str, Any]:
    """Writes the wav; its line among the recordings, with its path from the manifest's folder on."""
    path = Path("audio") / prefix / f"{name}.wav"
    if active_power(samples) <= 0:
        raise ValueError(f"{path} would be silent")
    write_wav(out / path, to_int16(at_level(samples, -25.0)))
    return {
        "id": name,
        "sources": [{"type": "file", "channels": [0], "source": str(path)}],
        "sampling_rate": SAMPLE_RATE,
        "num_samples": len(samples),
        "duration": len(samples) / SAMPLE_RATE,
        "channel_ids": [0],
    }


def write_manifests(prefix: str, pieces: Iterable[Rows], out: Path) -> None:
    """Writes <prefix>_recordings_test.jsonl.gz and <prefix>_supervisions_test.jsonl.gz; the same bytes every time."""
    pieces = list(pieces)
    for kind in ("recordings", "supervisions"):
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for piece in pieces for row in piece[kind]]
        buffer = io.BytesIO()
        with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as stream:
            stream.write("".join(lines).encode())
        atomic_write(out / f"{prefix}_{kind}_test.jsonl.gz", buffer.getvalue())
