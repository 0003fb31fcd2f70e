"""How large each part is: whole, for a GPU of 140 GiB, and tiny, which rehearses every line on a CPU in a minute."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """The sizes of every part."""

    suffix: str
    """Of the recipes' configurations that are timed: conf/pretrain/best_rq_SUFFIX.yaml."""
    batch_sec: float
    """Seconds of speech in a step."""
    longest_sec: float
    rounds: int
    """Times that each variant has its turn."""
    peer_layers: int
    """Of the wav2vec 2.0 that is raced against transformers'; 12 is the paper's base."""
    peer_dim: int
    rows: int
    """Frames that CKA and k-means get."""
    width: int
    clusters: int
    snippets: int
    """Of each of two recordings, for ABX."""
    corpus: tuple[str, ...]
    """What `masr corpus` is told, for the real training."""
    training: str
    """Configurations that are really trained, without and with MASR, are conf/pretrain/best_rq_..._TRAINING.yaml."""
    training_sec: float
    """How long each of them trains, at most."""
    training_changes: tuple[str, ...] = ()


FULL = Size(
    suffix="100m",
    batch_sec=800,
    longest_sec=20,
    rounds=5,
    peer_layers=12,
    peer_dim=768,
    rows=200_000,
    width=768,
    clusters=500,
    snippets=2000,
    corpus=("medium",),
    training="25m",
    training_sec=180,
)
TINY = Size(
    suffix="tiny",
    batch_sec=8,
    longest_sec=3,
    rounds=2,
    peer_layers=1,
    peer_dim=32,
    rows=2000,
    width=32,
    clusters=8,
    snippets=40,
    corpus=("mini", "--hours", "0.03"),
    training="tiny",
    training_sec=4,
    training_changes=("batching.labels_per_batch=3", "batching.utterances_per_label=2", "batching.batch_frames=3000"),
)
SIZES = {"full": FULL, "tiny": TINY}
