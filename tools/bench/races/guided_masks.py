"""What guided masking costs a training step: read the confidences, draw the mask, scale the loss, tell the log.

Ours has to be 50 times faster than each step, which is to say that it takes 2 % of it at most. The demo's model is the
harder case: half a million parameters leave little for a mask to hide behind.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from race import Race, Runner, Turn

BATCH, FRAMES, BINS, FACTOR = 24, 600, 80, 4
SECONDS = BATCH * FRAMES / 100
UTTS = tuple(f"s-{number:02d}" for number in range(BATCH))


def batch(step: int) -> Any:
    """The demo's step, all utterances as long as a crop."""
    import torch

    from masr.maths.keyed_random import combine
    from masr.types import Batch

    features = torch.randn(BATCH, FRAMES, BINS, generator=torch.Generator().manual_seed(0))
    return Batch(UTTS, features, torch.full((BATCH,), FRAMES), combine(0, step, torch.arange(BATCH)))


def stored(folder: Path) -> Any:
    """Confidences of every utterance on disk, and their reader."""
    import numpy as np
    import torch

    from masr.data.confidence import Confidences
    from masr.io.ark import ArchiveWriter
    from masr.io.confidence import Facts, write_facts
    from masr.io.datadir import DataDir, write_datadir, write_table
    from masr.models import conformer

    num_encoded = conformer.build(conformer.Config()).num_encoded(torch.arange(FRAMES + 1)).numpy()
    random = np.random.default_rng(0)
    with ArchiveWriter(folder / "data" / "confidence.ark") as archive:
        for utt in UTTS:
            archive.append(utt, random.random(num_encoded[FRAMES], dtype=np.float32))
    write_datadir(folder, {"utt2spk": dict.fromkeys(UTTS, "s"), "wav.scp": {utt: f"/{utt}.wav" for utt in UTTS}})
    write_table(folder / "confidence.scp", archive.rows)
    write_facts(folder, Facts("max", False, 0.04, FACTOR, False, "", "", "", "", BATCH, 0, 0, 0.5))
    whole = np.full(BATCH, num_encoded[FRAMES])
    return Confidences(folder, DataDir.open(folder), FACTOR, whole, num_encoded)


def ours() -> Turn:
    import numpy as np
    import torch

    from masr.losses.masked_frames import frame_factors, masking_figures
    from masr.masking.ask2mask import Config, build

    torch.set_num_threads(1)
    kept = tempfile.TemporaryDirectory()
    reader, masker, given = stored(Path(kept.name)), build(Config(scale="utterance")), batch(0)
    places, firsts, counts = np.arange(BATCH), np.zeros(BATCH, np.int64), np.full(BATCH, FRAMES)
    lengths = torch.from_numpy(reader.num_encoded[counts])

    def turn() -> float:
        assert kept.name  # lives as long as the runner
        object.__setattr__(given, "confidence", reader.read(UTTS, places, firsts, counts))
        mask = masker.mask(lengths, given.keys, given.confidence)
        frame_factors(masker, given, lengths, mask)
        masking_figures(given, lengths, mask)
        return SECONDS

    return turn


def step_of(**sizes: Any) -> Turn:
    """Forward and backward of BEST-RQ without the optimiser, masked at random."""
    import torch

    from masr.masking import spans
    from masr.models import conformer
    from masr.objectives import best_rq

    torch.set_num_threads(1)
    encoder = conformer.build(conformer.Config(num_bins=BINS, **sizes))
    objective = best_rq.build(best_rq.Config(num_codes=512), encoder, spans.build(spans.Config(share=0.4))).train()
    given = batch(0)

    def turn() -> float:
        objective.zero_grad(set_to_none=True)
        term = objective(given).terms["masked_prediction"]
        (term.sum / term.count).backward()
        return SECONDS

    return turn


def demo() -> Turn:
    return step_of(dim=96, num_layers=3, num_heads=4, feed_forward_dim=384, dropout=0.0)


def middle() -> Turn:
    return step_of(dim=256, num_layers=12, num_heads=4, feed_forward_dim=1024)


def check() -> str:
    """The share is the one asked for."""
    import torch

    from masr.masking.ask2mask import Config, build
    from masr.maths.keyed_random import combine

    masker, lengths = build(Config()), torch.full((2000,), 149)
    mask = masker.mask(lengths, combine(0, 0, torch.arange(2000)), torch.rand(2000, 149))
    return f"share of masked frames {float(mask.float().mean()):.4f} of 0.4 asked for"


def race() -> Race:
    runners = [
        Runner("masr ask2mask, all of it", ours),
        Runner("step of the demo's BEST-RQ, 3 x 96", demo, 50.0),
        Runner("step of BEST-RQ, 12 x 256", middle, 50.0),
    ]
    return Race(f"Guided masking beside a training step, {BATCH} x {FRAMES} frames", "audio-s", runners, check)
