"""torch.compile, block by block."""

from __future__ import annotations

import torch
from torch import nn


def compile_blocks(model: nn.Module) -> None:
    """Compiles the entries of every ModuleList, as encoders keep their layers.

    Whole objectives choose frames and mine triplets, which breaks the graph anyway; blocks are alike, so that what is
    compiled for one serves all, and a block that cannot be compiled runs as it is.
    """
    torch._dynamo.config.suppress_errors = True
    for layers in model.modules():
        if isinstance(layers, nn.ModuleList):
            for block in layers:
                block.compile()
