"""Folders that transformers wrote, where a trained run would stand: the same hidden states, in any company."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import masr
from masr.api import masked_pass
from masr.cli.main import main
from masr.errors import CheckpointError, UsageError
from masr.io.audio import read_audio
from masr.io.datadir import read_table
from masr.io.trained import open_trained
from reference import tiny_checkpoints

transformers = pytest.importorskip("transformers")
KINDS = ("wav2vec2-base", "wav2vec2-large", "hubert", "wavlm", "wavlm-large", "w2v-bert")
XLSR, NUM_LAYERS = "wav2vec2-large", 3


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints of transformers")
    for kind in KINDS:
        tiny_checkpoints.write_checkpoint(kind, folder / kind)
    return folder


@pytest.fixture
def copied(folders: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folders / XLSR, tmp_path / "copy"))


def waves() -> list[np.ndarray]:
    """Of unequal length and loudness, with an offset; they swell, so that means of mel bins are exact."""
    random = np.random.default_rng(5)
    sizes = ((5000, 0.2), (1900, 0.05), (3333, 0.1))
    return [(a * random.standard_normal(n) * np.logspace(-2, 0, n) + 0.02).astype(np.float32) for n, a in sizes]


def theirs(folder: Path, wave: np.ndarray, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
    """All hidden states of transformers' own, of an unpadded waveform that its own extractor has read."""
    model = transformers.AutoModel.from_pretrained(folder).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    given = extractor(wave, sampling_rate=16000, return_tensors="pt")
    name, valid = model.main_input_name, None
    if name != "input_values":  # the last stack of mel frames is filled up, and the mask says so
        valid = given.attention_mask
    hidden = {} if mask is None else {"mask_time_indices": mask}
    with torch.no_grad():
        found = model(given[name], attention_mask=valid, output_hidden_states=True, **hidden)
    count = None if valid is None else int(valid.sum())
    return [one[0, :count] for one in (*found.hidden_states, found.last_hidden_state)]


@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_the_hidden_states_of_transformers_in_any_company(kind: str, folders: Path) -> None:
    model = masr.load(folders / kind, "cpu")
    assert (model.num_layers, model.dim, model.sample_rate) == (NUM_LAYERS, 32, 16000)
    expected = [theirs(folders / kind, wave) for wave in waves()]
    for place, layer in enumerate([*range(NUM_LAYERS + 1), None]):
        together = model.encode(waves(), 16000, layer=layer)
        for frames, wave, states in zip(together, waves(), expected, strict=True):
            torch.testing.assert_close(frames, states[place], atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(model.encode(wave, 16000, layer=layer), states[place], atol=1e-5, rtol=1e-5)
    with pytest.raises(UsageError, match="layer 4 is none"):
        model.encode(waves()[0], 16000, layer=NUM_LAYERS + 1)


def test_large_models_have_no_last_norm_in_their_last_layer_but_behind_it(folders: Path) -> None:
    model, wave = masr.load(folders / XLSR, "cpu"), waves()[0]
    assert not torch.allclose(model.encode(wave, 16000, layer=NUM_LAYERS), model.encode(wave, 16000), atol=0.01)


def spoken_frames(folder: Path, data: Path, layer: int) -> torch.Tensor:
    return torch.cat([theirs(folder, read_audio(path))[layer] for path in read_table(data / "wav.scp").values()])


def test_extraction_and_the_sources_of_analyses(
    folders: Path, spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from masr.api.frames import open_source

    data, folder = spoken / "data" / "dev", folders / XLSR
    expected = spoken_frames(folder, data, 2)
    command = ["extract", str(folder), str(data), str(tmp_path / "out"), "--pool", "none", "--device", "cpu"]
    for part in (("--job", "2/2"), ("--job", "1/2"), ("--merge", "2")):
        assert main([*command, "--layer", "2", *part]) == 0
    np.testing.assert_allclose(np.load(tmp_path / "out" / "frames.npy"), expected, atol=1e-5, rtol=1e-5)
    facts = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert facts["frame_shift_sec"] == pytest.approx(40 / 16000)
    source: Any = open_source(f"{folder}:2", data)
    found = np.concatenate([source.read(place) for place in range(len(source.utts))])
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)
    pair = ["analyse", "similarity", f"{folder}:2", f"{folders / 'hubert'}:1", "--data", str(data)]
    assert main(pair) == 0
    assert "linear_cka" in capsys.readouterr().out
    assert main(["analyse", "similarity", f"{folder}:7", str(tmp_path / "out"), "--data", str(data)]) == 2
    assert "layers 0 to 3" in capsys.readouterr().err
    assert main(["analyse", "mutual-information", f"{folder}:1", str(data), "--labels", "lang"]) == 2
    assert "name it: --data DATA" in capsys.readouterr().err


@pytest.mark.parametrize("kind", [XLSR, "hubert"])
def test_the_masked_pass_is_that_of_transformers(kind: str, folders: Path, spoken: Path, tmp_path: Path) -> None:
    data, folder, out = spoken / "data" / "dev", folders / kind, tmp_path / "out"
    command = ["extract", str(folder), str(data), str(out), "--pool", "none", "--device", "cpu", "--masked"]
    assert main([*command, "--layer", "2"]) == 0
    frames, offsets, mask = (np.load(out / f"{name}.npy") for name in ("frames", "offsets", "mask"))
    assert 0.3 < mask.mean() < 0.7
    facts = json.loads((out / "provenance.json").read_text())
    assert (facts["mask_share"], facts["mask_span"]) == (0.49, 10)
    assert facts["hidden_by"] == "the mask embedding of its objective"
    for place, path in list(enumerate(read_table(data / "wav.scp").values()))[::3]:
        here = slice(offsets[place], offsets[place + 1])
        expected = theirs(folder, read_audio(path), torch.from_numpy(mask[here])[None])[2]
        np.testing.assert_allclose(frames[here], expected, atol=1e-5, rtol=1e-5)


def test_a_mask_embedding_below_a_head_and_none(folders: Path, tmp_path: Path) -> None:
    headed = tiny_checkpoints.write_checkpoint(XLSR, tmp_path / "headed", head="ForPreTraining")
    own = masked_pass(headed, masr.load(headed, "cpu")).vector
    assert own is not None
    assert torch.equal(own, load_file(headed / "model.safetensors")["wav2vec2.masked_spec_embed"])
    without = tiny_checkpoints.write_checkpoint(
        "hubert", tmp_path / "without", mask_time_prob=0.0, mask_feature_prob=0.0
    )
    model = masr.load(without, "cpu")
    with pytest.raises(CheckpointError, match="no masked_spec_embed"):
        masked_pass(without, model)


def test_conversion_as_the_documentation_has_it_keeps_the_mask_embedding(folders: Path, tmp_path: Path) -> None:
    headed = tiny_checkpoints.write_checkpoint(XLSR, tmp_path / "headed", head="ForPreTraining")
    transformers.AutoModel.from_pretrained(headed).save_pretrained(tmp_path / "safe")
    transformers.AutoFeatureExtractor.from_pretrained(headed).save_pretrained(tmp_path / "safe")
    models = [masr.load(folder, "cpu") for folder in (headed, tmp_path / "safe")]
    vectors = [masked_pass(tmp_path / name, model).vector for name, model in zip(("headed", "safe"), models)]
    assert vectors[0] is not None
    assert vectors[1] is not None
    assert torch.equal(*vectors)
    assert torch.equal(*(model.encode(waves()[0], 16000, layer=2) for model in models))


def test_both_views_of_a_checkpoint_bound_mutual_information(folders: Path, spoken: Path, tmp_path: Path) -> None:
    command = ["analyse", "mutual-information", f"{folders / XLSR}:2", "--data", str(spoken / "data" / "dev")]
    options = ["--masked", "--clusters", "4", "--frames", "500", "--probe", "logistic"]
    assert main([*command, *options, "--json", str(tmp_path / "bounds.json")]) == 0
    (row,) = json.loads((tmp_path / "bounds.json").read_text())["bounds"]
    assert 0 < row["bounds"][0]["entropy"] < 1.5


def test_weights_in_several_files(copied: Path) -> None:
    expected = masr.load(copied, "cpu").encode(waves()[0], 16000, layer=2)
    model = transformers.AutoModel.from_pretrained(copied)
    (copied / "model.safetensors").unlink()
    model.save_pretrained(copied, max_shard_size="20KB")
    weights = open_trained(copied).weights
    assert len(weights) > 1
    assert all(path.is_file() for path in weights)
    again = masr.load(copied, "cpu")
    torch.testing.assert_close(again.encode(waves()[0], 16000, layer=2), expected)
    assert masked_pass(copied, again).vector is not None
    index = copied / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "../elsewhere.safetensors"}}))
    with pytest.raises(CheckpointError, match=r"no file NAME\.safetensors of the folder"):
        open_trained(copied).weights  # noqa: B018
    index.write_text("[]")
    with pytest.raises(CheckpointError, match="cannot be read"):
        open_trained(copied).weights  # noqa: B018


def test_what_is_neither_a_run_nor_a_checkpoint(copied: Path, tmp_path: Path, trained: Path) -> None:
    for name in ("facebook/wav2vec2-base", str(tmp_path)):
        with pytest.raises(CheckpointError) as caught:
            masr.load(name)
        message = caught.value.block()
        assert "has no config.yaml, nor config.json of transformers" in message
        assert "nothing is fetched by name" in message
    (tmp_path / "config.yaml").write_text("unit: char\n")
    with pytest.raises(CheckpointError, match=r"neither model\.safetensors nor checkpoints") as caught:
        masr.load(tmp_path)
    assert "data directories, units" in caught.value.block()
    with pytest.raises(CheckpointError, match="a run of masr train is needed"):
        masr.api.identifier(copied)
    record = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**record, "model_type": "whisper"}))
    with pytest.raises(CheckpointError, match="'whisper' model, which is no encoder here"):
        masr.load(copied)
    # A run stays one, whatever else was put into its folder.
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    shutil.copy(copied / "config.json", run / "config.json")
    assert masr.load(run, "cpu").dim == 16


def test_a_pickle_is_refused_wherever_a_model_is_named(
    copied: Path, spoken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copied / "model.safetensors").unlink()
    (copied / "pytorch_model.bin").write_bytes(pickle.dumps({}))
    data = str(spoken / "data" / "dev")
    for command in (
        ["extract", str(copied), data, str(copied / "out")],
        ["analyse", "similarity", f"{copied}:1", f"{copied}:2", "--data", data],
    ):
        assert main(command) == 2
        assert "never opened here" in capsys.readouterr().err
