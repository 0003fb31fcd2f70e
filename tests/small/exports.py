"""Encoders and objectives of runs that are exported, and a run's weights moved away from how they were drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

WAVEFORM = (
    "{{name: transformer, front_end: waveform, waveform_norm: {0}, subsampling: 320, positions: convolutional, "
    "norm: {1}, num_layers: 2, dim: 32, num_heads: 4, feed_forward_dim: 48, position_kernel: 16, position_groups: 4}}"
)
GROUP, LAYER = WAVEFORM.format("group", "post"), WAVEFORM.format("layer", "pre")
LAYER_POST = WAVEFORM.format("layer", "post")
CONFORMER = "{name: conformer, num_bins: 24, dim: 16, num_layers: 2, num_heads: 2, feed_forward_dim: 32, positions: %s}"
TRANSFORMER = "{name: transformer, num_bins: 24, dim: 16, num_layers: 2, num_heads: 2, feed_forward_dim: 32}"
RECURRENT = "{name: recurrent, num_bins: 24, dim: 16, num_layers: 2, context: both}"
WAV2VEC2 = "{name: wav2vec2, num_codes: 8, code_dim: 8, width: 8, num_distractors: 5}"
BEST_RQ = "{name: best_rq, num_codes: 16, code_dim: 4}"
CTC, CTC_MEAN = "{name: ctc}", "{name: ctc, layers: mean}"
LID, LID_MEAN = "{name: lid, pooling: mean}", "{name: lid, pooling: mean, layers: mean}"
LID_ECAPA = "{name: lid, head: ecapa, embedding_dim: 12, loss: aam}"

CONF = """\
train: "{root}/data/train"
dev: "{root}/data/dev"
codes: "{root}/exp/units"
init: null
encoder: {encoder}
objective: {objective}
data: {{source: {source}, num_workers: 0{normalise}}}
batching: {{batch_frames: 1600, max_frames: 200}}
training: {{max_steps: 0, tensorboard: false}}
"""

MakeRun = Callable[..., Path]


def stir(run: Path) -> None:
    """Moves every weight of a run, so that no norm is the identity and no bias zero."""
    from safetensors.torch import load_file

    from masr.io.weights import write_weights

    random = torch.Generator().manual_seed(5)
    stored = load_file(run / "model.safetensors")
    for name, value in stored.items():
        if value.is_floating_point() and not name.endswith(("variance", "temperature", "seen")):
            value += 0.1 * torch.randn(value.shape, generator=random, dtype=value.dtype)
        if name.endswith("temperature"):
            value.fill_(1.7)
        if name.endswith("variance"):
            value.mul_(0.5)
    write_weights(run / "model.safetensors", stored)
