"""Opens a folder that transformers wrote: safetensors only, nothing fetched, nothing guessed.

A run keeps a copy of the two JSON files, so that its own weights need the folder no more.

A weight that the folder lacks would be drawn at random and a missing preprocessor_config.json would leave the waveform
at the wrong scale, both without a word; so both are refused here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from masr.errors import CheckpointError, MissingPackageError, near
from masr.files import ordinary, parse_json
from masr.io.atomic import atomic_write
from masr.io.trained import Trained
from masr.io.weights import require_finite

SAMPLES = ("wav2vec2", "hubert", "wavlm", "data2vec-audio", "unispeech", "unispeech-sat")
"""Model types whose front end is convolutions over samples."""
MEL = "wav2vec2-bert"
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_CONFIG, _EXTRACTOR = "config.json", "preprocessor_config.json"
_DROPOUTS = ("hidden_dropout", "attention_dropout", "activation_dropout", "conformer_conv_dropout")


@dataclass(frozen=True)
class Checkpoint:
    """What a folder holds."""

    model: Any
    """The transformers model, in float32."""
    sample_rate: int
    normalise: bool
    """Whether waveforms come to zero mean and unit variance first."""
    mel: tuple[Tensor, Tensor, int] | None
    """Mel filters, window and frames to a stack, where the model takes those instead of samples."""
    head: Any = None
    """The linear layer behind the blocks that scores units, where the checkpoint was asked for as a CTC model."""


def open_checkpoint(
    folder: Path,
    dropout: float | None,
    layer_drop: float,
    normalise: bool | None,
    with_weights: bool = True,
    with_head: bool = False,
) -> Checkpoint:
    """The model and how its input is made; CheckpointError where the folder cannot be trusted.

    Without weights it is the model that the JSON files describe, for weights that come from elsewhere. With its head it
    is a CTC model, and has to have its weights.
    """
    kind = _model_type(folder)
    if with_weights:
        _check_weights(folder)
    transformers = _transformers()
    with _quiet(transformers):
        extractor = _extractor(transformers, folder, kind, normalise)
        config = _config(transformers, folder, dropout, layer_drop)
        if with_weights:
            model = _model(transformers.AutoModelForCTC if with_head else transformers.AutoModel, folder, config)
        else:
            model = transformers.AutoModel.from_config(config, dtype=torch.float32)
    head = model.lm_head if with_head else None
    model = model.base_model if with_head else model
    if hasattr(model, "masked_spec_embed"):
        del model.masked_spec_embed  # masking belongs to the objective, and this would stand idle
    mel = None
    if kind == MEL:
        mel = (torch.from_numpy(extractor.mel_filters), torch.from_numpy(extractor.window), int(extractor.stride))
    rate = 16000 if extractor is None else int(extractor.sampling_rate)
    wanted = bool(extractor.do_normalize) if normalise is None and kind != MEL else bool(normalise)
    return Checkpoint(model, rate, wanted, mel, head)


def copy_description(folder: Path, out: Path) -> None:
    """The JSON files of a checkpoint, which describe it without its weights."""
    out.mkdir(parents=True, exist_ok=True)
    for name in (_CONFIG, _EXTRACTOR):
        if (folder / name).is_file():
            atomic_write(out / name, ordinary(folder / name).read_text(encoding="utf-8"))


def _model_type(folder: Path) -> str:
    """The kind of model that config.json says the folder holds."""
    try:
        record = parse_json(ordinary(folder / _CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{folder}: no config.json there",
            why="encoder.checkpoint is a folder on this machine; nothing is fetched by name",
            fix="download the model first: hf download NAME --local-dir FOLDER",
        ) from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder}/config.json: cannot be read: {error}") from None
    kind = record.get("model_type") if isinstance(record, dict) else None
    known = (*SAMPLES, MEL)
    if kind not in known:
        raise CheckpointError(f"{folder}: is a {kind!r} model, which is no encoder here", fix=near(str(kind), known))
    if record.get("add_adapter"):
        raise CheckpointError(
            f"{folder}: has an adapter behind its blocks, which shortens the sequence",
            why="masking and targets need one encoded frame for each embedded one",
            fix='set "add_adapter": false in its config.json to use the blocks alone',
        )
    return str(kind)


def _check_weights(folder: Path) -> None:
    if any((folder / name).is_file() for name in _WEIGHTS):
        for path in Trained(folder).weights:
            if not path.is_file():
                raise CheckpointError(f"{path}: is missing", fix="download the folder again")
        return
    if any((folder / name).is_file() for name in _PICKLES):
        raise CheckpointError(
            f"{folder}: its weights are a pickle (pytorch_model.bin), which is never opened here",
            why="a pickle can run any code while it is being read",
            fix="convert it on a machine you trust, and copy preprocessor_config.json along: python -c 'from "
            'transformers import AutoModel; AutoModel.from_pretrained("FOLDER").save_pretrained("SAFE")\'',
        )
    raise CheckpointError(f"{folder}: no model.safetensors there", fix="download it from where config.json came from")


def _transformers() -> Any:
    try:
        import transformers
    except ImportError:
        raise MissingPackageError("transformers is not installed", fix="pip install transformers") from None
    return transformers


def _extractor(transformers: Any, folder: Path, kind: str, normalise: bool | None) -> Any:
    """What transformers itself makes the model's input with; None where there is none and none is needed."""
    try:
        extractor = transformers.AutoFeatureExtractor.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, RecursionError):
        if kind != MEL and normalise is not None:
            return None
        raise CheckpointError(
            f"{folder}: no {_EXTRACTOR} there that says how the model's input is made",
            fix=f"copy {_EXTRACTOR} from where the weights came from"
            + ("" if kind == MEL else ", or set encoder.normalise to true or false"),
        ) from None
    except Exception as error:  # transformers computes with what the file says, whatever that is
        raise _damaged(folder, error) from None
    if kind == MEL and not hasattr(extractor, "mel_filters"):
        raise CheckpointError(f"{folder}/{_EXTRACTOR}: is not that of a {MEL} model")
    return extractor


def _config(transformers: Any, folder: Path, dropout: float | None, layer_drop: float) -> Any:
    """transformers' own configuration of the model, with what a run may change."""
    try:
        config = transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # transformers raises what it likes at a damaged file
        raise _damaged(folder, error) from None
    config.mask_time_prob = config.mask_feature_prob = 0.0
    config.layerdrop = layer_drop
    for name in _DROPOUTS if dropout is not None else ():
        if hasattr(config, name):
            setattr(config, name, dropout)
    return config


def _model(kind: Any, folder: Path, config: Any) -> Any:
    """The model of that kind of transformers' with every one of its weights from the folder."""
    try:
        model, info = kind.from_pretrained(
            str(folder),
            config=config,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:  # safetensors and transformers raise what they like at a damaged file
        raise _damaged(folder, error) from None
    missing = sorted(info["missing_keys"])
    if missing:
        raise CheckpointError(
            f"{folder}: lacks {len(missing)} of the model's weights, {missing[0]} among them",
            why="transformers would have drawn them at random",
            fix="download the folder again, or convert it with the transformers release that wrote it",
        )
    _check_values(folder, model)
    return model


def _check_values(folder: Path, model: Any) -> None:
    """CheckpointError where a weight was rounded to whole numbers, or is not finite."""
    from safetensors import safe_open

    wanted = model.state_dict()
    floats = {name.rpartition(".")[2] for name, value in wanted.items() if value.is_floating_point()}
    for path in Trained(folder).weights:
        with safe_open(path, framework="pt") as stored:
            for name in stored.keys():  # noqa: SIM118  no mapping
                kind = str(stored.get_slice(name).get_dtype())
                if "F" not in kind and (name.rpartition(".")[2] in floats or ".weight" in name):
                    raise CheckpointError(
                        f"{path}: {name} is {kind}, and weights are floating-point numbers",
                        why="it was converted by a program that rounds or packs weights",
                        fix="download the weights that were trained",
                    )
    require_finite(folder, wanted)


def _damaged(folder: Path, error: Exception) -> CheckpointError:
    reason = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
    return CheckpointError(
        f"{folder}: cannot be loaded: {reason}",
        why="the download was cut short, or config.json belongs to other weights",
        fix="download the folder again",
    )


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """No progress bar for a file on disk, and no table of the heads that the bare model leaves out."""
    log = transformers.utils.logging
    verbosity, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
        if bars:
            log.enable_progress_bar()
