"""The contrastive task against loops, and loss and quantizer against transformers' on shared weights."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from masr.losses.contrastive import contrastive, distractors, diversity, padded
from masr.maths.keyed_random import combine
from masr.models.quantizer import GumbelQuantizer


def masks() -> torch.Tensor:
    mask = torch.zeros(3, 9, dtype=torch.bool)
    mask[0, [0, 2, 3, 7]] = True
    mask[1, [4]] = True
    mask[2, [1, 2, 3, 4, 5, 6]] = True
    return mask


def test_padded_puts_rows_in_their_utterances() -> None:
    rows = torch.arange(11.0)[:, None]
    table, real = padded(rows, masks())
    assert real.sum(dim=1).tolist() == [4, 1, 6]
    assert table[0, :4, 0].tolist() == [0, 1, 2, 3]
    assert table[1, 0, 0] == 4
    assert table[2, :, 0].tolist() == [5, 6, 7, 8, 9, 10]


def test_distractors_are_others_of_the_utterance_and_evenly_drawn() -> None:
    _, real = padded(torch.zeros(11, 1), masks())
    places = distractors(real, combine(1, 2, torch.arange(3)), 5000, 21)
    for row, count in [(0, 4), (2, 6)]:
        for own in range(count):
            drawn = places[row, own]
            assert not (drawn == own).any()
            shares = torch.bincount(drawn, minlength=count).float() / 5000
            assert drawn.max() < count
            assert (shares[[i for i in range(count) if i != own]] - 1 / (count - 1)).abs().max() < 0.03


def test_loss_against_loops() -> None:
    torch.manual_seed(0)
    mask = masks()
    context, targets, ids = torch.randn(11, 5), torch.randn(11, 5), torch.randint(0, 3, (11, 1))
    _, real = padded(ids, mask)
    places = distractors(real, combine(3, 4, torch.arange(3)), 6, 21)
    weights = torch.tensor([2.0, 1.0, 0.5])
    term, figures = contrastive(context, targets, ids, mask, places, 0.1, weights[:, None].expand_as(mask))
    total, by_chance, num_right, num, start = 0.0, 0.0, 0, 0, 0
    for row, size in enumerate([4, 1, 6]):
        for i in range(size if size > 1 else 0):
            true = float(functional.cosine_similarity(context[start + i], targets[start + i], dim=0)) / 0.1
            others = [
                float(functional.cosine_similarity(context[start + i], targets[start + j], dim=0)) / 0.1
                for j in places[row, i].tolist()
                if int(ids[start + j]) != int(ids[start + i])
            ]
            total += float(weights[row]) * (math.log(sum(math.exp(x) for x in [true, *others])) - true)
            num_right += all(true >= x for x in others)
            by_chance += 1 / (1 + len(others))
            num += 1
        start += size
    assert float(term.sum) == pytest.approx(total, rel=1e-5)
    assert [int(x) for x in figures["contrastive_accuracy"]] == [num_right, num]
    assert [float(x) for x in figures["contrastive_chance"]] == pytest.approx([by_chance, num])
    assert int(term.count) == num
    assert by_chance > num / 7  # some distractors were left out


def test_a_collapsed_codebook_is_all_chance() -> None:
    """Every distractor has the code of the truth, so there is none, and an accuracy of 1 means nothing."""
    mask = masks()
    _, real = padded(torch.zeros(11, 1), mask)
    places = distractors(real, combine(3, 4, torch.arange(3)), 6, 21)
    _, figures = contrastive(torch.randn(11, 5), torch.ones(11, 5), torch.zeros(11, 2).long(), mask, places, 0.1)
    assert figures["contrastive_accuracy"][0] == figures["contrastive_chance"][0] == 10


def test_equals_transformers_on_shared_weights() -> None:
    transformers = pytest.importorskip("transformers.models.wav2vec2.modeling_wav2vec2")
    settings = transformers.Wav2Vec2Config(
        codevector_dim=16, num_codevector_groups=2, num_codevectors_per_group=10, proj_codevector_dim=24,
        conv_dim=(12,), conv_stride=(2,), conv_kernel=(3,), num_feat_extract_layers=1, hidden_size=32,
    )  # fmt: skip
    torch.manual_seed(0)
    theirs = transformers.Wav2Vec2GumbelVectorQuantizer(settings).eval()
    ours = GumbelQuantizer(12, 2, 10, 16).eval()
    with torch.no_grad():
        theirs.codevectors.uniform_(-1, 1)
        ours.scores.load_state_dict(theirs.weight_proj.state_dict())
        ours.codes.copy_(theirs.codevectors.view(2, 10, 8))
    frames, mask = torch.randn(3, 9, 12), masks()
    expected, _ = theirs(frames, mask_time_indices=mask)
    codes, ids, soft = ours(frames[mask], None, 1.0)
    torch.testing.assert_close(codes, expected[mask])

    theirs.train()
    unused, perplexity = diversity(soft)
    _, found = theirs(frames, mask_time_indices=mask)
    torch.testing.assert_close(perplexity, found.detach())
    torch.testing.assert_close(unused.sum, ((20 - found) / 20 * mask.sum()).detach(), atol=1e-5, rtol=1e-5)

    context, targets = torch.randn(11, 24), codes.detach() @ torch.randn(16, 24)
    _, real = padded(ids, mask)
    places = distractors(real, combine(3, 4, torch.arange(3)), 7, 21)
    term, _ = contrastive(context, targets, ids, mask, places, 0.1)
    table, _ = padded(targets, mask)
    rows = torch.arange(3)[:, None, None]
    negatives = table[rows, places]
    model = transformers.Wav2Vec2ForPreTraining
    total = 0.0
    guesses, _ = padded(context, mask)
    for row, size in enumerate([4, 1, 6]):
        if size == 1:
            continue
        truth, guess = table[row : row + 1, :size], guesses[row : row + 1, :size]
        others = negatives[row, :size].transpose(0, 1)[:, None]
        logits = model.compute_contrastive_logits(truth[None], others, guess, 0.1)
        logits[1:][(truth == others).all(-1)] = -torch.inf
        flat = logits.transpose(0, 2).reshape(-1, logits.size(0))
        total += float(functional.cross_entropy(flat, torch.zeros(size, dtype=torch.long), reduction="sum"))
    assert float(term.sum) == pytest.approx(total, rel=1e-4)
