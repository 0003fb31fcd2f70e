"""Broken inputs on disk: one JSON file each, which says what it broke and can be read again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fuzz.case import Files, as_json, from_json
from fuzz.finding import Finding


def keep(folder: Path, name: str, seed: int, found: Finding) -> Path:
    """Writes FOLDER/NAME/DIGEST.json."""
    digest = hashlib.sha256(found.signature.encode()).hexdigest()[:10]
    path = folder / name / f"{found.kind.replace(' ', '-')}-{digest}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"target": name, "kind": found.kind, "what": found.what, "where": found.where, "times": found.times}
    values = {**about, "seed": seed, "index": found.index, "trace": found.trace, "files": as_json(found.files)}
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", errors="surrogatepass")
    return path


def kept(path: Path) -> tuple[str, Files]:
    """Target and input of a kept file."""
    values: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
    return str(values["target"]), from_json(values["files"])
