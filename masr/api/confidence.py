"""A scorer and the data directory that it is to score, as `masr confidence` names them."""

from __future__ import annotations

from pathlib import Path

from masr.api import config_of_run, features_of_run, frame_scorer, load, unit_reader
from masr.config import Named
from masr.data.frame_times import fewest_inputs
from masr.data.samples import sample_rate_of
from masr.data.stored_features import features_of
from masr.errors import ConfigError
from masr.inference.confidence import ScoredData, Scoring
from masr.inference.emissions import Listener
from masr.inference.frame_scorer import FrameScorer
from masr.inference.load import Model, device_of
from masr.inference.own_confidence import FrameReader, Loudness, TwoPasses, own_dropout
from masr.io.datadir import DataDir
from masr.io.identity import identity
from masr.io.trained import open_trained
from masr.masking.confidence import Rule
from masr.plugins import build, resolve
from masr.training.init_from import read_run


def open_scoring(
    scorer: Path,
    data: Path,
    out: Path,
    measure: Rule = "max",
    exclude_blank: bool = False,
    encoder: Path | None = None,
    device: str = "auto",
    temperature: float = 1.0,
    dropout: float | None = None,
) -> Scoring:
    """The scorer over the data; an error where the configuration `encoder` makes other frames than the scorer.

    For `energy` and `voice_activity`, `scorer` may be the configuration of a pre-training, or a run: either says when
    frames are.
    """
    speech = DataDir.open(data)
    made = features_of(speech, resolve)
    if dropout is not None and not measure.startswith("dropout"):
        raise ConfigError(f"--dropout has no meaning for --measure {measure}", fix="leave it out")
    opened: FrameScorer
    if measure == "energy" or measure == "voice_activity":
        opened = loudness(scorer, made, measure, exclude_blank, temperature)
    elif measure == "dropout_cosine" or measure == "dropout_agreement":
        opened = two_passes(scorer, device, measure, exclude_blank, temperature, dropout)
    else:
        opened = frame_scorer(scorer, device, measure, exclude_blank, temperature)
    if encoder:
        _check_encoder(opened, encoder)
    return Scoring(ScoredData(opened, speech, made), out)


def two_passes(
    folder: Path, device: str, measure: Rule, exclude_blank: bool, temperature: float, dropout: float | None
) -> TwoPasses:
    """How alike two passes of a run are; `dropout` is its own where it is not given."""
    listener: Listener
    if measure == "dropout_agreement":
        listener = unit_reader(folder, device)
    else:
        model = load(folder, device)
        takes = 1 / model.sample_rate
        is_foreign = open_trained(folder).is_transformers
        listener = FrameReader(
            model, takes if is_foreign else config_of_run(folder).seconds_per_frame(model.sample_rate)
        )
    features = None if open_trained(folder).is_transformers else features_of_run(folder)
    share = own_dropout(listener.model.encoder) if dropout is None else dropout
    return TwoPasses(listener, measure, exclude_blank, folder, identity(folder), features, temperature, share)


def loudness(path: Path, made: Named | None, measure: Rule, exclude_blank: bool, temperature: float) -> Loudness:
    """How loud frames are, of the length that a configuration, or a run, says; `made` are the features of the data."""
    config = read_run(path, [], resolve) if path.is_file() else config_of_run(path)
    encoder = build("models", config.encoder)
    takes_samples = int(encoder.num_bins) == 1
    named = None if takes_samples else config.features or made
    if not takes_samples and (named is None or named.name != "log_mel"):
        raise ConfigError(
            f"{measure} is read off log-mel frames or samples, and the encoder takes "
            f"{'features of unknown make' if named is None else named.name}",
            fix="name features: {name: log_mel} in the configuration, or make them (masr features DATA)",
        )
    features = None if named is None else build("features", named)
    model = Model(encoder, features, "none", None, device_of("cpu"))
    listener = Listener(model, config.seconds_per_frame(model.sample_rate))
    what = f"power {listener.subsampling} {fewest_inputs(encoder)} {'samples' if takes_samples else 'frames'}"
    return Loudness(listener, measure, exclude_blank, path, what, named, temperature)


def _check_encoder(scorer: FrameScorer, conf: Path) -> None:
    """Stops where the encoder of a configuration makes other frames than the scorer."""
    config = read_run(conf, [], resolve)
    encoder = build("models", config.encoder)
    features = build("features", config.features) if config.features else None
    scorer.check_encoder(encoder, config.seconds_per_frame(sample_rate_of(encoder)), features)
