"""Tiny checkpoints with random weights, written by transformers itself, one for each kind of speech model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

CONVOLUTIONS = {"conv_dim": (16, 16, 16), "conv_kernel": (10, 4, 3), "conv_stride": (5, 4, 2)}
SHARED = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "layerdrop": 0.3,
}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "wav2vec2-base": ("Wav2Vec2", {**CONVOLUTIONS}),
    "wav2vec2-large": (
        "Wav2Vec2",
        {**CONVOLUTIONS, "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True},
    ),
    "hubert": ("Hubert", {**CONVOLUTIONS}),
    "hubert-batch-norm": ("Hubert", {**CONVOLUTIONS, "conv_pos_batch_norm": True}),
    "wavlm": ("WavLM", {**CONVOLUTIONS, "num_buckets": 20, "max_bucket_distance": 40}),
    "wavlm-large": (
        "WavLM",
        {**CONVOLUTIONS, "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True},
    ),
    "data2vec": ("Data2VecAudio", {**CONVOLUTIONS, "num_conv_pos_embeddings": 3, "conv_pos_kernel_size": 7}),
    "unispeech-sat": ("UniSpeechSat", {**CONVOLUTIONS}),
    "w2v-bert": ("Wav2Vec2Bert", {"feature_projection_input_dim": 160, "conv_depthwise_kernel_size": 5}),
    "w2v-bert-relative": (
        "Wav2Vec2Bert",
        {"feature_projection_input_dim": 160, "conv_depthwise_kernel_size": 5, "position_embeddings_type": "relative"},
    ),
}


def sizes(kind: str) -> Any:
    """transformers' config of a kind."""
    import transformers

    name, own = KINDS[kind]
    return getattr(transformers, f"{name}Config")(**{**SHARED, **own})


def feature_extractor(kind: str) -> Any:
    """What transformers makes that kind's input with."""
    import transformers

    if kind.startswith("w2v-bert"):
        return transformers.SeamlessM4TFeatureExtractor()
    return transformers.Wav2Vec2FeatureExtractor(do_normalize=kind != "wavlm-large")


def write_checkpoint(kind: str, folder: Path, head: str = "Model", **settings: Any) -> Path:
    """`folder` with config.json, preprocessor_config.json and model.safetensors."""
    import transformers

    torch.manual_seed(7)
    name, _ = KINDS[kind]
    config = sizes(kind)
    config.update(settings)
    model = getattr(transformers, name + head)(config)
    with torch.no_grad():  # a norm that is not the identity, and attention that looks somewhere
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    for buffer_name, buffer in model.named_buffers():
        if buffer_name.endswith("running_mean"):
            buffer.normal_()
    model.save_pretrained(folder)
    feature_extractor(kind).save_pretrained(folder)
    return folder
