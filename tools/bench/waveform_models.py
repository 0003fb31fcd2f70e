"""Networks on waveforms of one size, ours and those of transformers, as runners of a race: 6 blocks of width 256 behind
wav2vec 2.0's convolutions, on the same six utterances of 1 to 6 s.

What the weights are does not change what they cost; that both compute the same stands in tests/interop.
"""

from __future__ import annotations

from typing import Any, Literal

import encoders
from race import Turn

DIM, LAYERS, HEADS, INNER, CLUSTERS, UNITS, CHARACTERS = 256, 6, 4, 1024, 500, 32, 12
SECONDS = (1, 2, 2, 3, 4, 6)
SHARE, SPANNED, SPAN, DISTRACTORS = 0.49, 0.65, 10, 100
"""0.65 before spans overlap is 0.49 after."""
Task = Literal["wav2vec2", "hubert", "ctc", "vectors"]


def waveforms() -> tuple[Any, Any]:
    """(6, S) samples, zero past an utterance's end, (6,) how many of them are its own."""
    import torch

    torch.set_num_threads(1)
    lengths = torch.tensor(SECONDS) * 16000
    samples = torch.randn(len(SECONDS), int(lengths.max()), generator=torch.Generator().manual_seed(0))
    return samples * (torch.arange(samples.shape[1]) < lengths[:, None]), lengths


def masr(task: Task) -> Turn:
    """A step of ours, or the vectors of the last layer."""
    import torch

    from masr.types import Batch

    objective = _objective(task)
    objective.train(task != "vectors")
    samples, lengths = waveforms()
    keys, names = torch.arange(len(SECONDS)), ("",) * len(SECONDS)

    def vectors() -> float:
        with torch.inference_mode():
            objective.contextualise(*objective.embed(samples, lengths))
        return float(sum(SECONDS))

    def step() -> float:
        objective.zero_grad(set_to_none=True)
        losses = objective(Batch(names, samples, lengths, keys, targets=targets, transcripts=transcripts))
        sum(term.weight * term.sum / term.count for term in losses.terms.values()).backward()
        return float(sum(SECONDS))

    targets = clusters(lengths) if task == "hubert" else None
    transcripts = characters() if task == "ctc" else None
    return vectors if task == "vectors" else step


def _objective(task: Task) -> Any:
    from masr.masking import spans
    from masr.models import transformer
    from masr.objectives import ctc, hubert, wav2vec2

    encoder = transformer.build(
        transformer.Config(
            dim=DIM, num_layers=LAYERS, num_heads=HEADS, feed_forward_dim=INNER, positions="convolutional", norm="post",
            front_end="waveform", subsampling=320, waveform_norm="group", dropout=0.1, attention_dropout=0.1,
        )
    )  # fmt: skip
    masker = spans.build(spans.Config(share=SHARE, span=SPAN))
    if task == "wav2vec2":
        return wav2vec2.build(wav2vec2.Config(num_distractors=DISTRACTORS), encoder, masker)
    if task == "hubert":
        return hubert.build(hubert.Config(num_clusters=CLUSTERS), encoder, masker)
    return ctc.build(ctc.Config(num_units=UNITS), encoder, masker) if task == "ctc" else encoder


def transformers(task: Task) -> Turn:
    """The same by transformers: its own masks, its own negatives, its own loss where it has one."""
    import torch

    encoders.stand_in_for_torchaudio()
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC, Wav2Vec2ForPreTraining, Wav2Vec2Model
    from transformers.models.wav2vec2.modeling_wav2vec2 import _compute_mask_indices, _sample_negative_indices

    config = Wav2Vec2Config(
        hidden_size=DIM, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=INNER, layerdrop=0.0,
        hidden_dropout=0.1, attention_dropout=0.1, activation_dropout=0.1, feat_proj_dropout=0.1, mask_feature_prob=0.0,
        mask_time_prob=SPANNED if task in ("wav2vec2", "hubert") else 0.0, vocab_size=UNITS, num_negatives=DISTRACTORS,
        ctc_loss_reduction="mean",
    )  # fmt: skip
    kinds = {"wav2vec2": Wav2Vec2ForPreTraining, "ctc": Wav2Vec2ForCTC}
    model = kinds.get(task, Wav2Vec2Model)(config).train(task != "vectors")
    head = torch.nn.Linear(DIM, CLUSTERS)
    samples, lengths = waveforms()
    seen = (torch.arange(samples.shape[1]) < lengths[:, None]).long()
    labels = clusters(lengths)
    inner = labels >= 0

    def step() -> float:
        model.zero_grad(set_to_none=True)
        if task == "ctc":
            characters_of = characters()
            model(samples, seen, labels=characters_of).loss.backward()
            return float(sum(SECONDS))
        masked = _compute_mask_indices(inner.shape, SPANNED, SPAN, inner)
        chosen = torch.from_numpy(masked)
        if task == "wav2vec2":
            others = torch.from_numpy(_sample_negative_indices(inner.shape, DISTRACTORS, masked))
            model(samples, seen, mask_time_indices=chosen, sampled_negative_indices=others).loss.backward()
        else:
            frames = model(samples, seen, mask_time_indices=chosen).last_hidden_state
            torch.nn.functional.cross_entropy(head(frames[chosen]), labels[chosen]).backward()  # type: ignore[no-untyped-call]
        return float(sum(SECONDS))

    def vectors() -> float:
        with torch.inference_mode():
            model(samples, seen)
        return float(sum(SECONDS))

    return vectors if task == "vectors" else step


def characters() -> Any:
    """(6, 18) units of what was said, -1 past the end."""
    import torch

    units = torch.randint(1, UNITS, (len(SECONDS), 3 * max(SECONDS)), generator=torch.Generator().manual_seed(1))
    return units.masked_fill(torch.arange(units.shape[1]) >= 3 * torch.tensor(SECONDS)[:, None], -1)


def clusters(lengths: Any) -> Any:
    """(6, T) a cluster for each encoded frame, -1 past the end."""
    import torch

    from masr.models.waveform import KERNELS_AND_STRIDES, conv_lengths

    frames = conv_lengths(lengths, *KERNELS_AND_STRIDES[320])
    drawn = torch.randint(CLUSTERS, (len(frames), int(frames.max())), generator=torch.Generator().manual_seed(2))
    return drawn.masked_fill(torch.arange(drawn.shape[1]) >= frames[:, None], -1)
