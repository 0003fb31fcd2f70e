"""BEST-RQ's labels: 8 x 250 frames of width 320 to one of 8192 codes of width 16, the same labels from all."""

from __future__ import annotations

from typing import Any

from race import Race, Runner, Turn

WIDTH, CODES, CODE_DIM = 320, 8192, 16


def frames() -> Any:
    import torch

    torch.set_num_threads(1)
    found = torch.randn(8, 250, WIDTH, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.layer_norm(found, (WIDTH,))


def quantizer() -> Any:
    from masr.models.quantizer import RandomProjection

    return RandomProjection(WIDTH, CODE_DIM, CODES, 1, seed=0)


def ours() -> Turn:
    given, module = frames().view(-1, WIDTH), quantizer()

    def turn() -> float:
        module(given)
        return 2000.0

    return turn


def their_module() -> Any:
    """vector-quantize-pytorch's quantizer with our projection and codes."""
    from vector_quantize_pytorch import RandomProjectionQuantizer

    # Its norm is left out on both sides: the frames are normalised already.
    module = RandomProjectionQuantizer(
        dim=WIDTH, codebook_size=CODES, codebook_dim=CODE_DIM, num_codebooks=1, norm=False
    )
    own = quantizer()
    module.rand_projs.copy_(own.projection)
    codebook = module.vq._codebook
    codebook.embed.copy_(own.codes.view_as(codebook.embed))
    codebook.initted.fill_(True)
    return module.eval()


def theirs() -> Turn:
    import torch

    given, module = frames(), their_module()

    def turn() -> float:
        with torch.no_grad():
            module(given)
        return 2000.0

    return turn


def nemo() -> Turn:
    import torch
    from nemo.collections.asr.modules import RandomProjectionVectorQuantizer

    module = RandomProjectionVectorQuantizer(
        feat_in=WIDTH, code_dim=CODE_DIM, num_codebooks=1, num_classes=CODES, dist_fn="cosine", freeze=True
    )
    given, lengths = frames().transpose(1, 2).contiguous(), torch.full((8,), 250)

    def turn() -> float:
        with torch.no_grad():
            module(input_signal=given, input_signal_length=lengths)
        return 2000.0

    return turn


def check() -> str:
    """The race is for the same labels."""
    import torch

    try:
        module = their_module()
    except ImportError:
        return "vector-quantize-pytorch is not installed, so the labels were not compared"
    given = frames()
    with torch.no_grad():
        expected = module(given).reshape(-1)
    found = quantizer()(given.view(-1, WIDTH))[:, 0]
    if not torch.equal(found, expected):
        raise RuntimeError(f"{int((found != expected).sum())} of {len(found)} labels differ")
    return f"the same {len(found)} labels as vector-quantize-pytorch"


def race() -> Race:
    runners = [
        Runner("masr RandomProjection", ours),
        Runner("NeMo RandomProjectionVectorQuantizer, cosine", nemo, 3.0),
        Runner("vector-quantize-pytorch", theirs, 10.0),
    ]
    return Race("BEST-RQ targets, 8 x 250 x 320 -> 8192 x 16, float32", "frames", runners, check)
