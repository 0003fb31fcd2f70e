"""What every file of masr/features/ that a config can name has to keep."""

from __future__ import annotations

import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.config import defaults, dump, loads
from masr.plugins import names, open_plugin
from masr.types import Features

ROOM = names("features")


def test_there_are_some():
    assert {"log_mel", "mfcc"} <= set(ROOM)


@pytest.fixture(params=ROOM)
def features(request):
    module = open_plugin("features", request.param)
    return module.build(defaults(module.Config))


def wave(num_samples, seed=0):
    return 0.1 * torch.randn(num_samples, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", ROOM)
def test_its_config_comes_back_from_yaml(name):
    module = open_plugin("features", name)
    config = defaults(module.Config)
    assert loads(module.Config, dump(config, docs=True)) == config


def test_it_fulfils_the_protocol(features):
    assert isinstance(features, Features)
    frames, counts = features(wave(8000)[None], torch.tensor([8000]))
    assert frames.dtype == torch.float32
    assert frames.shape == (1, features.num_frames(8000), features.num_bins)
    assert counts.tolist() == [features.num_frames(8000)]
    assert frames.isfinite().all()
    assert features.sample_rate > 0


@pytest.mark.parametrize("name", ROOM)
@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(0, 9000), min_size=1, max_size=4), extra=st.integers(0, 300))
def test_padding_changes_nothing(name, sizes, extra):
    module = open_plugin("features", name)
    features = module.build(defaults(module.Config))
    padded = torch.full((len(sizes), max(sizes) + extra), 1e9)
    for row, size in enumerate(sizes):
        padded[row, :size] = wave(size, row)
    frames, counts = features(padded, torch.tensor(sizes))
    for row, size in enumerate(sizes):
        single, _ = features(wave(size, row)[None], torch.tensor([size]))
        assert int(counts[row]) == features.num_frames(size) == single.shape[1]
        torch.testing.assert_close(frames[row, : counts[row]], single[0], atol=1e-5, rtol=0)
        assert not frames[row, counts[row] :].any()


def test_it_is_deterministic_and_crosses_to_another_process(features):
    arguments = (wave(5000)[None], torch.tensor([5000]))
    again = pickle.loads(pickle.dumps(features))  # noqa: S301 (our own bytes)
    assert torch.equal(features(*arguments)[0], features(*arguments)[0])
    assert torch.equal(again(*arguments)[0], features(*arguments)[0])


def test_silence_is_finite(features):
    assert features(torch.zeros(1, 4000), torch.tensor([4000]))[0].isfinite().all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_gives_the_same(features):
    arguments = (torch.stack([wave(9000), wave(9000, 1)]), torch.tensor([9000, 4321]))
    on_cpu = features(*arguments)[0]
    on_gpu = features.to("cuda")(*(a.cuda() for a in arguments))[0]
    torch.testing.assert_close(on_gpu.cpu(), on_cpu, atol=1e-3, rtol=0)
