"""A scorer and the data directory that it is to score, as `masr confidence` names them."""

from __future__ import annotations

from pathlib import Path

from masr.api import frame_scorer
from masr.data.samples import sample_rate_of
from masr.data.stored_features import features_of
from masr.inference.confidence import ScoredData, Scoring
from masr.inference.frame_scorer import FrameScorer
from masr.io.datadir import DataDir
from masr.masking.confidence import Measure
from masr.plugins import build, resolve
from masr.training.init_from import read_run


def open_scoring(
    scorer: Path,
    data: Path,
    out: Path,
    measure: Measure = "max",
    exclude_blank: bool = False,
    encoder: Path | None = None,
    device: str = "auto",
) -> Scoring:
    """The scorer over the data; an error where the configuration `encoder` makes other frames than the scorer."""
    opened = frame_scorer(scorer, device, measure, exclude_blank)
    if encoder:
        _check_encoder(opened, encoder)
    speech = DataDir.open(data)
    return Scoring(ScoredData(opened, speech, features_of(speech, resolve)), out)


def _check_encoder(scorer: FrameScorer, conf: Path) -> None:
    """Stops where the encoder of a configuration makes other frames than the scorer."""
    config = read_run(conf, [], resolve)
    encoder = build("models", config.encoder)
    features = build("features", config.features) if config.features else None
    scorer.check_encoder(encoder, config.seconds_per_frame(sample_rate_of(encoder)), features)
