"""The schema of a training run: what `masr train CONF` reads and DIR/config.yaml holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from masr.config import Named, choice, choices, option
from masr.data.batch_config import Config as BatchingConfig
from masr.data.dataset import Config as DataConfig
from masr.masking.confidence import Measure
from masr.objectives.masr import StreamConfig
from masr.training.optim import Config as OptimConfig
from masr.training.run import Config as LoopConfig


@dataclass(frozen=True)
class TrainConfig:
    """One run; a file holds only what differs. Paths count from the folder that the command runs in."""

    init: Path | None = option(
        None, "folder of an ended run to begin from: its encoder, with the features and normalisation it learnt by"
    )
    train: Path = option(Path("data/pretrain"), "data directory to train on")
    dev: Path | None = option(Path("data/dev"), "data directory to validate on; null for none")
    codes: Path = option(Path("exp/units"), "folder that stage 3 wrote: units of text, and codes/ of the streams")
    targets: Path | None = option(None, "folder that masr cluster wrote, for an objective that predicts clusters")
    confidence: Path | None = option(
        None,
        "folder with a scorer's confidences, of each data directory in a folder of its name; null takes those in the "
        "data directories, where masking asks for them",
    )
    scorer: Path | None = option(
        None, "folder of a CTC model that scores each batch while training, in place of stored confidences"
    )
    scorer_measure: Measure | None = option(None, "what counts as its confidence: max, entropy or margin; null is max")
    scorer_exclude_blank: bool = option(False, "whether only units other than the blank are taken")
    features: Named | None = choice(
        "features", None, "what frames are made of; left out, it is what stage 2 made of the training data"
    )
    encoder: Named = choice("models", "conformer", "the model that is trained")
    objective: Named = choice("objectives", "best_rq", "what it learns by itself from speech")
    masking: Named = choice("masking", "spans", "which frames are hidden from it")
    streams: tuple[Named, ...] = choices("metadata", "metadata that enters the loss beside the objective", StreamConfig)
    data: DataConfig = option(DataConfig(), "what is read, and how it is normalised")
    batching: BatchingConfig = option(BatchingConfig(), "what stands together in a step")
    optim: OptimConfig = option(OptimConfig(), "how weights move")
    training: LoopConfig = option(LoopConfig(), "how long, how often, how exact")
    seed: int = option(0, "of weights, data order, masks and everything else that is random")
    device: Literal["auto", "cpu", "cuda"] = option("auto", "auto takes a GPU where there is one")

    def __post_init__(self) -> None:
        for stream in self.streams:
            steps, most = stream.common.warmup_steps, self.training.max_steps
            if steps >= most and stream.common.weight:
                raise ValueError(
                    f"streams: {stream.name}: mining never gets hard: it warms up for {steps} steps of {most}; "
                    f"set warmup_steps to {most // 4}, a quarter of the run, or less"
                )
