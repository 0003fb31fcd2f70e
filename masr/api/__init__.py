"""What Python users call: a trained model by its folder. It stands apart so that no other verb depends on models."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.config import Named
from masr.config import load as load_config
from masr.data.stored_features import features_of
from masr.errors import CheckpointError, UnitsError, UsageError
from masr.io.layout import CHECKPOINTS, ENCODER, RESOLVED_CONFIG, UNITS, UNITS_TXT
from masr.io.trained import DESCRIPTION, open_trained
from masr.plugins import RunConfig, build, open_plugin, resolve

if TYPE_CHECKING:
    from masr.api.model import SpeechModel
    from masr.inference.emissions import Emitter
    from masr.inference.frame_scorer import FrameScorer
    from masr.inference.identify import Identifier
    from masr.inference.load import Model
    from masr.inference.masked import MaskedPass
    from masr.inference.own_confidence import CodeReader
    from masr.io.datadir import DataDir
    from masr.masking.confidence import Measure
    from masr.training.config import TrainConfig
    from masr.types import Units


def load(folder: str | PathLike[str], device: str = "auto") -> SpeechModel:
    """The model of a run that has ended: `encode` gives frames of speech, `embed` one vector for each recording.

    One that learnt languages has `identify`, one that learnt by CTC `transcribe`; docs/python.md shows all four.
    RUN@STEP is a checkpoint that it kept, before it has ended, too. The folder alone is enough: config.yaml,
    model.safetensors, stats.safetensors where input is normalised by the training data, and encoder/ where the encoder
    began from a checkpoint.

    A folder that transformers wrote will do as well (config.json, preprocessor_config.json, model.safetensors): layer
    k is then its hidden_states[k]. "hf:NAME" is the one of that name in the cache of the Hugging Face Hub; nothing is
    fetched.
    """
    from masr.api.model import SpeechModel
    from masr.inference.load import read_checkpoint, read_model

    folder = Path(folder)

    def whole(model: Model) -> SpeechModel:
        return SpeechModel(
            model, lambda encoder: identifier(folder, model=encoder), lambda encoder: transcriber(folder, model=encoder)
        )

    trained = open_trained(folder)
    if trained.is_transformers:
        return whole(read_checkpoint(trained.run, device))
    config = config_of_run(trained.run)
    features = build("features", config.features) if config.features else None
    encoder = encoder_of(config.encoder, trained.run)
    return whole(read_model(trained, encoder, features, config.data.normalise, device))


def masked_pass(
    folder: str | Path, model: Model, share: float | None = None, span: int | None = None, seed: int = 0
) -> MaskedPass:
    """How a run's speech is hidden: as in its training, in other places; `share` and `span` are its own if not given.

    An encoder that was never shown hidden speech, as a forward one, gets zeros in the place of embedded frames. A
    checkpoint of transformers has its mask embedding, but does not say how it was trained: 49 %, spans of 10.
    """
    from masr.inference.masked import MaskedPass, mask_embedding
    from masr.masking.spans import Config as Spans
    from masr.masking.spans import build as build_spans

    folder = Path(folder)
    config = None if open_trained(folder).is_transformers else config_of_run(folder)
    own = None if config is None else config.masking.config
    share = getattr(own, "share", Spans.share) if share is None else share
    span = getattr(own, "span", Spans.span) if span is None else span
    try:
        masker = build_spans(Spans(share, span))
    except ValueError as error:
        raise UsageError(f"what is to be masked: {error}") from None
    vector = mask_embedding(folder)
    if config is None and vector is None:
        raise CheckpointError(
            f"{folder}: has no masked_spec_embed, so it does not say what stands in the place of hidden speech",
            why="it was trained without a mask, or converted while mask_time_prob was 0, which leaves it out",
            fix="convert it with its own config.json, or leave out --masked",
        )
    if config is None or vector is not None or not _hides_features(config.objective.name):
        return MaskedPass(masker, seed, vector)
    objective = build("objectives", config.objective, model.encoder, build("masking", config.masking))
    return MaskedPass(masker, seed, hide=objective.hide)


def _hides_features(objective: str) -> bool:
    """Whether a class of the objective's file hides features, before they are embedded, by a method `hide`."""
    return any(
        isinstance(thing, type) and hasattr(thing, "hide")
        for thing in vars(open_plugin("objectives", objective)).values()
    )


def identifier(folder: str | Path, device: str = "auto", model: Model | None = None) -> Identifier:
    """What a run that learnt languages, or other labels, says of speech; `model` is its encoder, where it is open."""
    from masr.inference.identify import Identifier
    from masr.models.weights import fill_objective

    folder = Path(folder)
    config = config_of_run(folder)
    if not hasattr(config.objective.config, "learned"):
        raise CheckpointError(
            f"{folder}: its objective is {config.objective.name}, which learnt no labels",
            fix="fine-tune it first: masr train conf/lid/linear_tiny.yaml DIR --set init=" + str(folder),
        )
    model = model or load(folder, device)
    objective = build("objectives", config.objective, model.encoder, build("masking", config.masking))
    fill_objective(objective, open_trained(folder).weights)
    return Identifier(model, objective, config.batching.max_frames)


def transcriber(folder: str | Path, device: str = "auto", model: Model | None = None) -> Emitter:
    """What a run that learnt by CTC says of every frame, or a CTC model that transformers wrote.

    `model` is the encoder of the run, where it is open.
    """
    from masr.inference.emissions import Emitter, read_transformers
    from masr.models.weights import fill_objective
    from masr.training.transcripts import transcribes

    folder = Path(folder)
    if open_trained(folder).is_transformers:
        return read_transformers(folder, device)
    config = config_of_run(folder)
    if not transcribes(config):
        raise CheckpointError(
            f"{folder}: its objective is {config.objective.name}, which learnt no units of text",
            fix="fine-tune it first: masr train conf/ctc/tiny.yaml DIR --set init=" + str(folder),
        )
    model = model or load(folder, device)
    objective = build("objectives", config.objective, model.encoder, build("masking", config.masking))
    fill_objective(objective, open_trained(folder).weights)
    units = read_units(open_trained(folder).run / UNITS)
    return Emitter(model, objective, units, config.seconds_per_frame(model.sample_rate))


def frame_scorer(
    folder: str | Path,
    device: str = "auto",
    measure: Measure = "max",
    exclude_blank: bool = False,
    temperature: float = 1.0,
) -> FrameScorer:
    """How sure a model is of every encoded frame: of a run that learnt by CTC or predicts codes, or of transformers."""
    from masr.inference.frame_scorer import FrameScorer
    from masr.io.identity import identity

    folder = Path(folder)
    listener = unit_reader(folder, device)
    features = None if open_trained(folder).is_transformers else features_of_run(folder)
    return FrameScorer(listener, measure, exclude_blank, folder, identity(folder), features, temperature)


def unit_reader(folder: Path, device: str = "auto") -> Emitter | CodeReader:
    """What a run says of every frame: units of text, or the codes or classes that its objective predicts."""
    from masr.inference.own_confidence import CodeReader
    from masr.models.weights import fill_objective
    from masr.training.transcripts import transcribes

    if open_trained(folder).is_transformers or transcribes(config_of_run(folder)):
        return transcriber(folder, device)
    config = config_of_run(folder)
    model = load(folder, device)
    objective = build("objectives", config.objective, model.encoder, build("masking", config.masking))
    if not hasattr(objective, "code_log_probabilities"):
        raise CheckpointError(
            f"{folder}: its objective is {config.objective.name}, which learnt no units of text and predicts no codes",
            fix="give a run of ctc, frames, best_rq, hubert, w2v_bert or dinosr; or ask no model: --measure energy, "
            "voice_activity, or dropout_cosine",
        )
    fill_objective(objective, open_trained(folder).weights)
    return CodeReader(model, objective, config.seconds_per_frame(model.sample_rate))


def config_of_run(folder: Path) -> TrainConfig:
    """The resolved configuration that a run keeps in its folder; of a checkpoint, that of its run."""
    from masr.training.config import TrainConfig

    trained = open_trained(folder)
    folder = trained.run
    if trained.is_transformers:
        raise CheckpointError(
            f"{folder}: is a checkpoint of transformers, and here a run of masr train is needed",
            why="it does not say how it was trained",
            fix="train from it: masr train CONF DIR with encoder: {name: pretrained, checkpoint: FOLDER}",
        )
    if not (folder / RESOLVED_CONFIG).is_file():
        raise CheckpointError(
            f"{folder}: is not the folder of a run: it has no {RESOLVED_CONFIG}, nor {DESCRIPTION} of transformers",
            why="a model is a folder on this machine; nothing is fetched by name",
            fix="give the DIR of masr train, or a folder that save_pretrained wrote",
        )
    if not trained.is_there and not (folder / CHECKPOINTS).is_dir():
        raise CheckpointError(
            f"{folder}: is not the folder of a run: it has neither {trained.weights[0].name} nor {CHECKPOINTS}/",
            why=f"other folders have a {RESOLVED_CONFIG} too: data directories, units, codes, features",
            fix="give the DIR of masr train",
        )
    return load_config(TrainConfig, folder / RESOLVED_CONFIG, resolve=resolve)


def read_units(folder: Path) -> Units:
    """The units of a folder that stage 3 wrote, of the kind that its config.yaml names."""
    for name in (UNITS_TXT, RESOLVED_CONFIG):
        if not (folder / name).is_file():
            labels_alone = name == UNITS_TXT and (folder / RESOLVED_CONFIG).is_file()
            raise UnitsError(
                f"{folder}: has no {name}",
                why="stage 3 found no transcripts (text) and made codes of labels alone" if labels_alone else "",
                fix="write text into the data directories of training and run masr units again"
                if labels_alone
                else "give the folder that masr units wrote",
            )
    units: Units = build("units", load_config(RunConfig, folder / RESOLVED_CONFIG, resolve=resolve).units, folder)
    return units


def features_of_run(folder: Path) -> Named | None:
    """The features that it was trained on."""
    return config_of_run(folder).features


def reads_archives(folder: Path, features: object | None, data: DataDir) -> bool:
    """Whether the archives of a data directory hold what a model learnt from: its own features, or it has none."""
    if features is None:
        return True
    made = features_of(data, resolve)
    return made is not None and made == features_of_run(folder)


def encoder_of(named: Named, folder: Path) -> Any:
    """The encoder without its weights; what began from a checkpoint is described in the run itself."""
    restore = getattr(open_plugin("models", named.name), "restore", None)
    if restore is None:
        return build("models", named)
    if not (folder / ENCODER).is_dir():
        raise CheckpointError(f"{folder}: has no {ENCODER}/", fix="copy the whole folder of the run")
    return restore(named.config, folder / ENCODER)
