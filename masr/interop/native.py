"""A run whose encoder transformers has as well, as a model of transformers: no code of ours is needed to load it.

That is wav2vec 2.0's network on waveforms, and every encoder that began from a checkpoint of transformers. CTC becomes
its ForCTC, language identification its ForSequenceClassification.

Shapes: D width of a frame, C classes, V units.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from masr.errors import MissingPackageError
from masr.inference.masked import mask_embedding
from masr.interop.opened import Opened
from masr.io.layout import ENCODER
from masr.models.heads import Head
from masr.models.pretrained import Pretrained
from masr.models.stacked_mel import StackedMel
from masr.models.transformer import Config as TransformerConfig
from masr.models.transformer import Transformer
from masr.models.waveform import CHANNELS, WaveformConvolutions

_GROUP_NORMS = "the group norm of its first convolution"
_HEADS = {"encoder": "AutoModel", "ctc": "AutoModelForCTC", "lid": "AutoModelForAudioClassification"}
_NAMES = (
    ("front_end.layers.", "feature_extractor.conv_layers."),
    ("front_end.norm.", "feature_projection.layer_norm."),
    ("front_end.out.", "feature_projection.projection."),
    ("place.", "encoder.pos_conv_embed."),
    ("blocks.", "encoder.layers."),
    ("norm.", "encoder.layer_norm."),
)
_NAMES_IN_BLOCK = (
    (".attention.out.", ".attention.out_proj."),
    (".attention_norm.", ".layer_norm."),
    (".feed_forward_norm.", ".final_layer_norm."),
    (".widen.", ".feed_forward.intermediate_dense."),
    (".narrow.", ".feed_forward.output_dense."),
)


def without_counterpart(opened: Opened) -> str:
    """Why transformers has no model that computes the same; empty where it has one."""
    encoder, head = opened.model.encoder, opened.objective
    if isinstance(encoder, Transformer):
        if not isinstance(encoder.front_end, WaveformConvolutions):
            return "its encoder takes features, and those of transformers take the waveform"
        if encoder.config.context != "both" or encoder.config.positions != "convolutional":
            return "wav2vec 2.0 sees both sides and has convolutional positions"
        norms_last = encoder.config.norm == "pre"
    elif isinstance(encoder, Pretrained):
        norms_last = bool(getattr(encoder.model.config, "do_stable_layer_norm", False))
    else:
        return f"transformers has no {type(encoder).__name__} as here"
    if opened.kind == "ctc" and head.layer_mean is not None:
        return "CTC models of transformers score the last layer, and this one a mean of all"
    if opened.kind == "lid":
        mean = isinstance(head.head, Head) and type(head.head.pooling).__name__ == "MeanPooling"
        if not mean or head.head.projection is not None or head.config.loss != "softmax":
            return "classifiers of transformers are linear, on the mean of frames"
        if head.layer_mean is not None and norms_last:
            return "the mean of layers has the last one normed here, and transformers' as its block leaves it"
    return ""


def save_native(opened: Opened, out: Path) -> None:
    """config.json, model.safetensors and preprocessor_config.json of transformers in the folder `out`."""
    transformers = require_transformers()
    config = _configured(opened, transformers)
    model = getattr(transformers, _HEADS[opened.kind]).from_config(config, dtype=torch.float32)
    prefix = "" if opened.kind == "encoder" else f"{model.base_model_prefix}."
    weights = {prefix + name: value for name, value in _encoder_weights(opened.model.encoder).items()}
    vector = mask_embedding(opened.folder)
    if vector is not None and opened.kind == "encoder":
        weights["masked_spec_embed"] = vector
    model.load_state_dict(weights | _head_weights(opened), strict=True)
    model.save_pretrained(out)
    save_input(opened, out)


def save_input(opened: Opened, out: Path) -> None:
    """preprocessor_config.json: how transformers makes the model's input of a waveform."""
    transformers = require_transformers()
    encoder = opened.model.encoder
    if not isinstance(encoder, Pretrained):
        layer = encoder.config.waveform_norm == "layer"
        extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=layer)
    elif (opened.run / ENCODER / "preprocessor_config.json").is_file():
        extractor = transformers.AutoFeatureExtractor.from_pretrained(str(opened.run / ENCODER), local_files_only=True)
        extractor.do_normalize = getattr(encoder.front_end, "normalise", getattr(extractor, "do_normalize", None))
    else:
        extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=getattr(encoder.front_end, "normalise", True))
    extractor.save_pretrained(out)


def processor_of(opened: Opened) -> str:
    """The class of transformers that holds the feature extractor and the tokenizer together."""
    return "Wav2Vec2BertProcessor" if takes_mel(opened) else "Wav2Vec2Processor"


def takes_mel(opened: Opened) -> bool:
    """Whether transformers' model takes mel frames, which its feature extractor makes of a waveform by numpy."""
    encoder = opened.model.encoder
    return isinstance(encoder, Pretrained) and isinstance(encoder.front_end, StackedMel)


def what_counts_padding(opened: Opened) -> str:
    """The part by which padding changes what transformers makes of an utterance; empty where there is none."""
    encoder = opened.model.encoder
    if not isinstance(encoder, Pretrained):
        return _GROUP_NORMS if encoder.config.waveform_norm == "group" else ""
    config = encoder.model.config
    if getattr(config, "feat_extract_norm", "") == "group":
        return _GROUP_NORMS
    if config.model_type == "data2vec-audio" and config.num_conv_pos_embeddings > 1:
        return "the stack of its position convolutions"
    return "the batch norm of its position convolution" if getattr(config, "conv_pos_batch_norm", False) else ""


def how_to_load(opened: Opened, is_native: bool) -> str:
    """A few lines of Python for the model card."""
    extra = "" if is_native else "import masr.interop.hf  # or trust_remote_code=True below, where there is no masr\n"
    lines = [f"import torch, transformers\n{extra}"]
    lines += ['extractor = transformers.AutoFeatureExtractor.from_pretrained("FOLDER")']
    lines += [f'model = transformers.{_HEADS[opened.kind]}.from_pretrained("FOLDER").eval()']
    lines += [
        f'given = extractor(samples, sampling_rate={opened.model.sample_rate}, return_tensors="pt", padding=True)',
        "with torch.no_grad():",
        "    found = model(**given)",
    ]
    if opened.kind == "ctc":
        lines += ['tokenizer = transformers.AutoTokenizer.from_pretrained("FOLDER")']
        lines += ["texts = tokenizer.batch_decode(found.logits.argmax(dim=-1))"]
    if opened.kind == "lid":
        lines += ["labels = [model.config.id2label[n] for n in found.logits.argmax(dim=-1).tolist()]"]
    return "```python\n" + "\n".join(lines) + "\n```"


def require_transformers() -> Any:
    """The package; MissingPackageError where it is not installed."""
    try:
        import transformers
    except ImportError:
        raise MissingPackageError(
            "transformers is not installed",
            why="the folder is written by its own classes, so that they can read it",
            fix="pip install transformers",
        ) from None
    return transformers


def _configured(opened: Opened, transformers: Any) -> Any:
    """The configuration of the model with its head, and of its masking where it has an embedding for that."""
    encoder = opened.model.encoder
    config = copy.deepcopy(encoder.model.config) if isinstance(encoder, Pretrained) else _config(opened, transformers)
    if opened.kind == "encoder" and mask_embedding(opened.folder) is not None:
        masking: Any = opened.config.masking.config
        config.mask_time_prob, config.mask_time_length = getattr(masking, "share", 0.49), getattr(masking, "span", 10)
    if opened.kind == "ctc":
        config.vocab_size = opened.objective.output.out_features
        config.pad_token_id, config.bos_token_id, config.eos_token_id = 0, None, None
        config.final_dropout = opened.objective.config.dropout
    if opened.kind == "lid":
        config.id2label = dict(enumerate(opened.labels))
        config.label2id = {label: number for number, label in enumerate(opened.labels)}
        config.classifier_proj_size = encoder.dim
        config.use_weighted_layer_sum = opened.objective.layer_mean is not None
    return config


def _config(opened: Opened, transformers: Any) -> Any:
    """transformers' configuration of our own Transformer on waveforms."""
    encoder = opened.model.encoder
    ours: TransformerConfig = encoder.config
    kind = transformers.HubertConfig if opened.config.objective.name == "hubert" else transformers.Wav2Vec2Config
    return kind(
        hidden_size=ours.dim,
        num_hidden_layers=ours.num_layers,
        num_attention_heads=ours.num_heads,
        intermediate_size=ours.feed_forward_dim,
        hidden_dropout=ours.dropout,
        activation_dropout=ours.dropout,
        attention_dropout=ours.attention_dropout,
        feat_proj_dropout=0.0,
        layerdrop=ours.layer_drop,
        conv_dim=[CHANNELS] * len(encoder.front_end.kernels),
        conv_kernel=list(encoder.front_end.kernels),
        conv_stride=list(encoder.front_end.strides),
        conv_bias=False,
        feat_extract_norm=ours.waveform_norm,
        do_stable_layer_norm=ours.norm == "pre",
        num_conv_pos_embeddings=ours.position_kernel,
        num_conv_pos_embedding_groups=ours.position_groups,
        mask_time_prob=0.0,
    )


def _encoder_weights(encoder: Transformer | Pretrained) -> dict[str, Tensor]:
    """The encoder's weights by transformers' names."""
    if isinstance(encoder, Pretrained):
        weights: dict[str, Tensor] = encoder.model.state_dict()
        return weights
    found = {}
    for name, value in encoder.state_dict().items():
        if ".attention.qkv." in name:
            for letter, part in zip("qkv", value.chunk(3), strict=True):
                found[_named(name.replace(".attention.qkv.", f".attention.{letter}_proj."))] = part
        else:
            found[_named(name)] = value
    return found


def _named(name: str) -> str:
    """A weight of our Transformer by transformers' name."""
    for ours, theirs in _NAMES:
        if name.startswith(ours):
            name = theirs + name.removeprefix(ours)
            break
    for ours, theirs in _NAMES_IN_BLOCK if name.startswith("encoder.layers.") else ():
        name = name.replace(ours, theirs)
    return name.replace(".norm.", ".layer_norm.") if name.startswith("feature_extractor.") else name


def _head_weights(opened: Opened) -> dict[str, Tensor]:
    """The head's weights by transformers' names."""
    if opened.kind == "ctc":
        output = opened.objective.output
        return {"lm_head.weight": output.weight, "lm_head.bias": output.bias}
    return _classifier(opened) if opened.kind == "lid" else {}


def _classifier(opened: Opened) -> dict[str, Tensor]:
    """One linear layer for what are three here: the running norm, the layer of classes, and the temperature."""
    lid, norm = opened.objective, opened.objective.head.norm
    scale = (norm.variance.double() + 1e-5).rsqrt()
    weight = lid.head.classes.weight.double() * scale / lid.temperature.double()
    bias = lid.head.classes.bias.double() / lid.temperature.double() - weight @ norm.mean.double()
    found = {
        "projector.weight": torch.eye(lid.encoder.dim),
        "projector.bias": torch.zeros(lid.encoder.dim),
        "classifier.weight": weight.float(),
        "classifier.bias": bias.float(),
    }
    return found if lid.layer_mean is None else found | {"layer_weights": lid.layer_mean.scores}
