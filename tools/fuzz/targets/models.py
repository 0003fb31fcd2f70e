"""Runs, their checkpoints, and folders that transformers wrote."""

from __future__ import annotations

import contextlib
import io
import json
from functools import partial
from pathlib import Path
from typing import Any

from fuzz.box import Box
from fuzz.case import Content, Files, read_folder
from fuzz.target import Reader, Target
from fuzz.targets.runs import answers, identifying_run
from fuzz.targets.several import each, number_of


def _runs(_: Path) -> Reader:
    import torch

    import masr
    from masr.api import identifier
    from masr.io import checkpoint
    from masr.io.identity import identity
    from masr.io.trained import steps_of

    wave = torch.sin(torch.arange(4000) * 0.1)

    def encoded(name: str) -> Any:
        return masr.load(name, "cpu").encode(wave)

    def asked(folder: Path) -> Any:
        from masr.inference.identify import Window

        window = Window(0, wave.numpy(), 24, 1, None)
        return answers(identifier(folder, "cpu"), [window])

    def checkpoints(run: Path) -> Any:
        each(partial(identity, run))
        return [each(partial(encoded, f"{run}@{step}")) for step in steps_of(run)[:3]]

    def folders(run: Path) -> None:
        for folder in sorted((run / "checkpoints").glob("step_*"))[:3]:
            each(partial(checkpoint.load, folder), partial(identity, folder))

    def read(box: Box) -> Any:
        ways = (lambda run: encoded(str(run)), asked, checkpoints, folders)
        return ways[number_of(box.input) % len(ways)](box.input)

    files = read_folder(identifying_run())
    kept = ("config.yaml", "stats.safetensors", "model.safetensors", "digests.json")
    whole: Files = {name: content for name, content in files.items() if name in kept or name.startswith("checkpoints/")}
    final: Files = {name: content for name, content in files.items() if name in kept}
    words = [
        "F32",
        "I32",
        "BF16",
        "F64",
        "[16, 24]",
        "[0]",
        "data_offsets",
        "__metadata__",
        "sha256",
        "num_heads: 0",
        "dim: 15",
    ]
    return Reader([whole, final, final], read, words=words, finish=_signed)


def _signed(files: Files) -> Files:
    """Digests that belong to the files as they are now."""
    from masr.io.layout import DIGESTS, RECORD

    found: dict[str, Content] = dict(files)
    for name, content in files.items():
        folder = name.rpartition("/")[0]
        beside = {
            other.rpartition("/")[2]: value
            for other, value in files.items()
            if other.endswith(".safetensors") and other.rpartition("/")[0] == folder and isinstance(value, bytes)
        }
        is_record, is_list = name.endswith("/" + RECORD), name == DIGESTS
        if isinstance(content, bytes) and (is_record or is_list):
            found[name] = _with_digests(content, beside, "blake2b" if is_record else "sha256", is_record)
    return found


def _with_digests(content: bytes, beside: dict[str, bytes], algorithm: str, is_record: bool) -> bytes:
    import hashlib

    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        return content
    digests = {name: hashlib.new(algorithm, value).hexdigest() for name, value in beside.items()}
    if not isinstance(values, dict):
        return content
    return json.dumps({**values, "digests": digests} if is_record else {**values, **digests}).encode()


def _transformers(scratch: Path) -> Reader:
    import torch

    import masr
    from reference.tiny_checkpoints import write_checkpoint

    wave = torch.sin(torch.arange(4000) * 0.1)
    tiny: dict[str, Any] = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
    with contextlib.redirect_stderr(io.StringIO()):  # a bar for each
        seeds = [
            read_folder(write_checkpoint(kind, scratch / kind, **(tiny if "bert" not in kind else {})))
            for kind in ("wav2vec2-base", "wav2vec2-large", "wavlm", "w2v-bert")
        ]

    def read(box: Box) -> Any:
        return masr.load(box.input, "cpu").encode(wave)

    words = [
        "wav2vec2",
        "hubert",
        "wavlm",
        "true",
        "false",
        "auto_map",
        '"auto_map": {"AutoModel": "x.py--X"}',
        "F16",
        "[8]",
    ]
    words += [
        "model_type",
        "num_hidden_layers",
        "gelu",
        "os.system",
        '"feat_extract_norm": "layer"',
        "bfloat16",
        "data_offsets",
    ]
    return Reader(seeds, read, words=words)


TARGETS = (
    Target("checkpoints", "runs, and their checkpoints", _runs),
    Target("transformers", "folders of transformers", _transformers),
)
