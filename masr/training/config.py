"""The schema of a training run: what `masr train CONF` reads and DIR/config.yaml holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from masr.config import Named, choice, choices, option, seed_option
from masr.data.batch_config import Config as BatchingConfig
from masr.data.dataset import Config as DataConfig
from masr.masking.confidence import Measure
from masr.objectives.masr import StreamConfig
from masr.objectives.own_scorer import OwnScorerConfig
from masr.training.optim import Config as OptimConfig


@dataclass(frozen=True)
class LoopConfig:
    """How long a run trains, how often it validates and saves, and how exactly it computes."""

    max_steps: int = option(1000, "updates in all; 0 keeps the weights as they were drawn, to compare with")
    accumulate: int = option(
        1, "micro-batches to one update, with the gradient of one batch; triplets are found within each"
    )
    precision: Literal["float32", "bfloat16"] = option("float32", "of the forward pass; weights stay float32")
    compile: bool = option(False, "torch.compile the blocks of the encoder: minutes of start-up; for GPUs")
    shard: bool = option(False, "spread weights, gradients and Adam's averages over the ranks (FSDP): for large models")
    log_every: int = option(20, "steps between lines of metrics.jsonl")
    validate_every: int = option(200, "steps between validations; each is followed by a checkpoint")
    save_every: int = option(200, "steps between checkpoints")
    keep_last: int = option(2, "newest checkpoints to keep")
    keep_best: int = option(1, "best checkpoints to keep")
    final: Literal["last", "best"] = option(
        "last", "which checkpoints the final weights are the average of: the newest ones, or the best ones"
    )
    final_count: int = option(1, "how many of them; they are kept as well")
    keep_every: int | None = option(
        None, "checkpoints to keep for good, to be looked at later: of every so many steps; as save_every: all"
    )
    best_by: str = option(
        "objective_loss",
        "figure of the validation whose least is best, or, with + before it, whose greatest is; objective_loss is the "
        "loss without what stands beside the objective",
    )
    ema_decay: float = option(0.0, "decay of a running average of the weights, which then is what is saved; 0 is off")
    max_bad_steps: int = option(20, "steps in a row that are not finite or explode, before giving up")
    explode_factor: float = option(100.0, "a loss or gradient this many times its running mean is bad; 0 is off")
    memory_gib: float = option(0.0, "memory of one process that the largest batch has to fit into; 0 asks the machine")
    tensorboard: bool = option(True, "write events for TensorBoard, where it is installed")
    trackers: tuple[Literal["wandb", "trackio", "mlflow"], ...] = option(
        (), "services that get metrics, configuration, figures and the report as well; they stay on this machine"
    )
    project: str = option("masr", "what the run is filed under there")

    def __post_init__(self) -> None:
        whole = ("accumulate", "log_every", "validate_every", "save_every", "keep_last", "keep_best", "final_count")
        for name in (*whole, "max_bad_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.max_steps < 0:
            raise ValueError("max_steps must not be negative")
        if self.keep_every is not None and self.keep_every < 1:
            raise ValueError("keep_every must be at least 1, or null")
        if not 0 <= self.ema_decay < 1:
            raise ValueError("ema_decay must be at least 0 and below 1")
        if self.memory_gib < 0 or (self.explode_factor and self.explode_factor <= 1):
            raise ValueError("memory_gib must not be negative; explode_factor is 0 or above 1")


@dataclass(frozen=True)
class TrainConfig:
    """One training run; a file holds only what differs from the defaults.

    Paths are relative to the folder that the command runs in.
    """

    init: Path | None = option(
        None,
        "folder of an ended run to begin from: its encoder, with the features and normalisation it learnt by; what "
        "fine-tunes (ctc, lid) has to say null where it is to begin from nothing",
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
    own_scorer: OwnScorerConfig | None = option(
        None, "a slower copy of the model that says, while training, how sure it is of each frame; null is none"
    )
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
    seed: int = seed_option("of weights, data order, masks and everything else that is random")
    device: Literal["auto", "cpu", "cuda"] = option("auto", "auto takes a GPU where there is one")

    def __post_init__(self) -> None:
        names = [stream.name for stream in self.streams]
        for stream in self.streams:
            for other in stream.common.across:
                if other not in names or other == stream.name:
                    raise ValueError(
                        f"streams: {stream.name}: across names {other!r}, which is no other stream; "
                        f"add {{name: {other}, weight: 0}} to streams, or leave it out of across"
                    )
            steps, most = stream.common.warmup_steps, self.training.max_steps
            if steps >= most and stream.common.weight:
                raise ValueError(
                    f"streams: {stream.name}: mining never gets hard: it warms up for {steps} steps of {most}; "
                    f"set warmup_steps to {most // 4}, a quarter of the run, or less"
                )

    def seconds_per_frame(self, sample_rate: int) -> float:
        """Seconds between two input frames of the encoder; between two samples, of that rate, where it takes those."""
        if self.data.source == "samples":
            return 1 / sample_rate
        shift_ms = getattr(self.features.config, "shift_ms", 10.0) if self.features else 10.0
        return float(shift_ms) / 1000
