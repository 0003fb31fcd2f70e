"""`hf:NAME`: a model of the Hugging Face Hub that lies in this machine's cache already; nothing is ever fetched.

    hf:facebook/wav2vec2-base                 what the cache holds as its main revision
    hf:facebook/wav2vec2-base@0b5b8e8         another revision: a branch, a tag or a commit

The cache is where the Hub's own programs keep it: $HF_HUB_CACHE, $HF_HOME/hub or ~/.cache/huggingface/hub.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from masr.errors import CheckpointError
from masr.files import ordinary

PREFIX = "hf:"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
_REVISION = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*")


def cached(word: str) -> Path:
    """The folder of the model that `hf:NAME` names; CheckpointError where the cache does not hold it."""
    name, _, revision = word.removeprefix(PREFIX).partition("@")
    revision = revision or "main"
    if not _NAME.fullmatch(name) or not _REVISION.fullmatch(revision) or ".." in word:
        raise CheckpointError(f"{word}: is no name of a model", fix="write hf:ORGANISATION/MODEL, or hf:MODEL@REVISION")
    folder = cache_folder() / f"models--{name.replace('/', '--')}"
    reference = folder / "refs" / revision
    commit = ordinary(reference).read_text(encoding="utf-8").strip() if reference.is_file() else revision
    found = folder / "snapshots" / commit
    if not _REVISION.fullmatch(commit) or not found.is_dir():
        raise CheckpointError(
            f"{word}: is not in the cache of the Hugging Face Hub, {cache_folder()}",
            why="masr fetches nothing by itself",
            fix=f"fetch it first: hf download {name}" + ("" if revision == "main" else f" --revision {revision}"),
        )
    return found


def cache_folder() -> Path:
    """Where the Hub's own programs keep what they fetched."""
    if cache := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(cache).expanduser()
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(home).expanduser() / "hub"
