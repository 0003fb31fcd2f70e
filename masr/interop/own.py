"""A run whose network transformers lacks, as a folder of `MasrModel`, with its code beside the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from masr.config import to_dict
from masr.errors import CheckpointError
from masr.interop.native import require_transformers
from masr.interop.opened import Opened
from masr.interop.remote_code import ENTRY, flat
from masr.models.pretrained import Pretrained

_HEADS = {
    "ctc": ("AutoModelForCTC", "MasrForCTC"),
    "lid": ("AutoModelForAudioClassification", "MasrForAudioClassification"),
}


def settings_of(opened: Opened) -> dict[str, Any]:
    """The parts of the run's model as plain values; CheckpointError where they do not tell all of it."""
    opened.model.require_waveforms()
    if isinstance(opened.model.encoder, Pretrained):
        raise CheckpointError(
            f"{opened.folder}: its encoder came from transformers, and what stands on it has no counterpart there",
            why="a head of transformers is linear: on the mean of frames for labels, on the last layer for CTC",
            fix="fine-tune it with head: linear, pooling: mean, loss: softmax and layers: last; or take --to onnx",
        )
    config = opened.config
    parts = {"encoder": to_dict(config.encoder), "normalise": opened.model.norm}
    if config.features is not None and not opened.model.takes_samples:
        parts["features"] = to_dict(config.features)
    if opened.objective is not None:
        parts["objective"] = to_dict(config.objective)
    return parts


def save_own(opened: Opened, out: Path) -> None:
    """config.json, model.safetensors, preprocessor_config.json and the code of the model in the folder `out`."""
    transformers = require_transformers()
    from masr.interop import hf

    settings = settings_of(opened)
    config = hf.MasrConfig(settings, opened.model.sample_rate, **_names(opened))
    model = getattr(hf, _HEADS.get(opened.kind, ("", "MasrModel"))[1])(config)
    speech = model.speech if opened.kind == "encoder" else model.masr.speech
    speech.encoder.load_state_dict(opened.model.encoder.state_dict())
    if speech.stats is not None and opened.model.stats is not None:
        speech.stats.copy_(opened.model.stats)
    if opened.objective is not None:
        weights = opened.objective.state_dict()
        model.head.load_state_dict({n: value for n, value in weights.items() if not n.startswith("encoder.")})
    model.save_pretrained(out)
    extractor = transformers.Wav2Vec2FeatureExtractor(
        sampling_rate=opened.model.sample_rate, do_normalize=False, return_attention_mask=True
    )
    extractor.save_pretrained(out)


def _names(opened: Opened) -> dict[str, Any]:
    """What config.json says beside the parts."""
    encoder = opened.model.encoder
    code = flat(ENTRY)
    auto = {"AutoConfig": f"{code}.MasrConfig", "AutoModel": f"{code}.MasrModel"}
    if opened.kind in _HEADS:
        kind, name = _HEADS[opened.kind]
        auto[kind] = f"{code}.{name}"
    found: dict[str, Any] = {
        "hidden_size": int(encoder.dim),
        "num_hidden_layers": int(encoder.num_layers),
        "auto_map": auto,
    }
    if opened.kind == "ctc":
        found |= {"vocab_size": opened.objective.output.out_features, "pad_token_id": 0}
    if opened.labels:
        found["id2label"] = dict(enumerate(opened.labels))
        found["label2id"] = {label: number for number, label in enumerate(opened.labels)}
    return found
