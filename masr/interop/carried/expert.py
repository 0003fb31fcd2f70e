"""An upstream of s3prl: every layer of an exported model of masr.

Copy the folder into s3prl/upstream/masr; then `run_downstream.py -m train -u masr -k FOLDER ...` takes it.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from .masr_upstream import Layers


class UpstreamExpert(nn.Module):
    """What s3prl asks of an upstream: hidden states of a list of waveforms, and how many samples a frame stands for."""

    def __init__(self, ckpt: str, model_config: str | None = None, **_: Any) -> None:  # noqa: ARG002 (s3prl's signature)
        super().__init__()
        self.layers = Layers(ckpt)

    def get_downsample_rates(self, key: str) -> int:  # noqa: ARG002 (every layer has the same)
        """Samples to one frame."""
        return self.layers.downsample_rate

    def forward(self, wavs: list[Tensor]) -> dict[str, Any]:
        """B waveforms (S,) at the model's rate -> (B, T, D) of every layer, the first block's input first."""
        layers, _ = self.layers(wavs)
        return {"hidden_states": layers, "last_hidden_state": layers[-1]}
