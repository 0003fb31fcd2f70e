"""Configuration files, and the grids of tables."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

from fuzz.box import Box
from fuzz.case import Files, size_of
from fuzz.target import Reader, Target
from fuzz.targets.several import each

_RECIPES = Path(__file__).parents[3] / "egs"
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}")
_TRAIN = """\
base: base.yaml
objective: {name: best_rq, num_codes: 16}
streams:
  - {name: language, weight: 0.5}
  - &label {name: gender, mining: label}
optim: {peak_lr: 1e-3, frozen: {encoder: 10}, scales: {encoder: 0.3}}
masking: {name: spans, share: 0.49, span: 10}
"""
_BASE = """\
train: data/train
dev: [data/dev]
encoder: {name: conformer, dim: 16, num_layers: 2, num_heads: 2}
training: {max_steps: 10, save_every: 5, best_by: +accuracy}
seed: 1
"""
_LID = """\
train: data/train
init: null
objective: {name: lid, kind: lang, languages: [hin, no, "urd"], pooling: statistics}
data: {num_workers: 0, normalise: global}
batching: {batch_frames: 1600, max_frames: 60}
"""
_FEATURES = "features: {name: log_mel, num_bins: 24}\nstorage: float16\nunits: {name: characters, max_size: 50}\n"
_DECODE = "search: beam\nbeam_size: 10\nlm_weight: 0.5\nlanguage_model: lm.arpa\nlexicon: lexicon.txt\n"


def _configuration(_: Path) -> Reader:
    from masr.config import load, to_dict
    from masr.config.dump import dump
    from masr.config.schema import keys, loads, text_of
    from masr.inference.decode_config import DecodingConfig as DecodeConfig
    from masr.plugins import RunConfig, resolve
    from masr.training.config import TrainConfig

    schemas: dict[str, Any] = {"train.yaml": TrainConfig, "features.yaml": RunConfig, "decode.yaml": DecodeConfig}

    def again(config: Any, schema: Any) -> Any:
        """What was read, written and read again, is the same."""
        text = dump(config)
        assert to_dict(loads(schema, text, "again", (), resolve)) == to_dict(config), "it does not read back as it was"
        return None

    def read(box: Box) -> Any:
        for name, schema in schemas.items():
            path = box.input / name
            if path.exists():
                each(partial(keys, path), partial(text_of, path, "init"))
                for config in each(partial(load, schema, path, (), resolve)):
                    again(config, schema)
        return None

    seeds: list[Files] = [
        {"train.yaml": _TRAIN.encode(), "base.yaml": _BASE.encode()},
        {"train.yaml": _LID.encode()},
        {"features.yaml": _FEATURES.encode()},
        {"decode.yaml": _DECODE.encode()},
    ]
    return Reader(seeds, read, words=_words())


def _grids(_: Path) -> Reader:
    from masr.tables.config import read_table

    def read(box: Box) -> Any:
        read_table(box.input / "tables" / "grid.yaml")

    seeds: list[Files] = []
    for path in sorted(_RECIPES.glob("*/tables/*.yaml")):
        parts = {f"tables/parts/{part.name}": part.read_bytes() for part in path.parent.glob("parts/*.yaml")}
        used = {name: content for name, content in parts.items() if Path(name).name in path.read_text(encoding="utf-8")}
        seeds.append({"tables/grid.yaml": path.read_bytes(), **used})
    return Reader(sorted(seeds, key=size_of)[:8], read, words=_words())


def _words() -> list[str]:
    """Every key and name that the recipes' own configurations use."""
    text = " ".join(path.read_text(encoding="utf-8") for path in sorted(_RECIPES.glob("*/conf/**/*.yaml")))
    return sorted({*_KEY.findall(text), "base:", "base: train.yaml", "encoder:", "{name: lid}", "[.inf]", ": ", "- "})


TARGETS = (
    Target(
        "configuration",
        "YAML of train, features, units and decode, with bases, read, written and read again",
        _configuration,
    ),
    Target("grids", "YAML of the papers' tables", _grids),
)
