"""The schema of a step: how large it is, and what stands in it."""

from __future__ import annotations

from dataclasses import dataclass

from masr.config import option


@dataclass(frozen=True)
class Config:
    """How large a step is, and what it is made of."""

    batch_frames: int = option(80_000, "feature frames of one step with padding, over all ranks; 100 frames are 1 s")
    max_utterances: int = option(1024, "utterances of one step, over all ranks")
    min_frames: int = option(20, "shorter utterances are left out")
    max_frames: int = option(3_200, "longer utterances are left out, or cropped where crop is true")
    crop: bool = option(True, "cut a random window of max_frames from longer utterances")
    stream: str = option("", "metadata stream that batches are balanced by; empty for batches of like length")
    labels_per_batch: int = option(12, "P: labels of that stream in a balanced batch")
    utterances_per_label: int = option(2, "K: utterances of each")
    unlabelled_share: float | None = option(
        None,
        "share of a balanced batch's utterances that have no label of that stream, or are its only one; each is heard "
        "once before any comes again. Null: their own share of the training data; 0 leaves them out",
    )
    label_power: float = option(
        0.5,
        "labels, of the stream or of an objective that learns labels, are drawn in proportion to their size to this "
        "power: 0 evenly, 1 as is; it is one over what others call the temperature",
    )
    shots: int = option(0, "few-shot: utterances of each label that an objective which learns labels gets; 0 is all")

    def __post_init__(self) -> None:
        if self.batch_frames < self.max_frames:
            raise ValueError(
                f"batch_frames ({self.batch_frames}) must hold one utterance of max_frames ({self.max_frames})"
            )
        if self.min_frames > self.max_frames:
            raise ValueError("min_frames is above max_frames")
        if self.shots < 0 or self.label_power < 0:
            raise ValueError("shots and label_power must not be negative")
        if self.stream and (self.labels_per_batch < 2 or self.utterances_per_label < 2):
            raise ValueError("hard mining needs at least 2 labels and 2 utterances of each in a batch")
        if self.unlabelled_share is not None and not 0 <= self.unlabelled_share < 1:
            raise ValueError(
                "unlabelled_share is a share from 0 to below 1: at 1 nothing would have a label to mine by"
            )
