"""Folders that cannot be trusted, and what the user is told."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from masr.errors import CheckpointError, MissingPackageError
from masr.models.checkpoint_folder import open_checkpoint
from reference import tiny_checkpoints

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tiny_checkpoints.write_checkpoint("hubert", tmp_path_factory.mktemp("good") / "hubert")
    return folder


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "copy"))


def opened(folder: Path, normalise: bool | None = None) -> object:
    return open_checkpoint(folder, dropout=None, layer_drop=0.0, normalise=normalise)


def refused(folder: Path, normalise: bool | None = None) -> str:
    with pytest.raises(CheckpointError) as caught:
        opened(folder, normalise)
    return caught.value.block()


def changed(folder: Path, **values: object) -> None:
    record = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**record, **values}))


def test_a_name_of_the_hub_is_not_fetched() -> None:
    message = refused(Path("facebook/hubert-base-ls960"))
    assert "no config.json there" in message
    assert "nothing is fetched by name" in message
    assert "hf download NAME --local-dir FOLDER" in message


class Trap:
    """Opening its pickle would be seen."""

    def __reduce__(self) -> tuple[object, ...]:
        return (sys.exit, (66,))


def test_a_pickle_is_refused_and_never_opened(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    message = refused(folder)
    assert "a pickle (pytorch_model.bin), which is never opened here" in message
    assert "on a machine you trust" in message
    assert "save_pretrained" in message


def test_a_pickle_beside_safetensors_is_left_alone(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    opened(folder)


def test_no_weights_at_all(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert "no model.safetensors there" in refused(folder)


def test_a_weight_that_is_missing_is_not_drawn_at_random(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layers.1.attention.k_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    message = refused(folder)
    assert "lacks 1 of the model's weights, encoder.layers.1.attention.k_proj.weight among them" in message
    assert "at random" in message


def test_a_file_cut_short(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    assert "cannot be loaded" in refused(folder)


def test_weights_of_another_size(folder: Path) -> None:
    changed(folder, intermediate_size=64)
    assert "cannot be loaded" in refused(folder)


def test_without_its_feature_extractor_the_scale_of_a_waveform_is_unknown(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()
    message = refused(folder)
    assert "no preprocessor_config.json there" in message
    assert "set encoder.normalise" in message
    opened(folder, normalise=True)


def test_a_feature_extractor_that_transformers_cannot_compute_with(folder: Path) -> None:
    text = '{"feature_extractor_type": "SeamlessM4TFeatureExtractor", "sampling_rate": [8]}'
    (folder / "preprocessor_config.json").write_text(text)
    assert "cannot be loaded" in refused(folder)


def test_the_other_models_are_named(folder: Path) -> None:
    changed(folder, model_type="hubertt")
    message = refused(folder)
    assert "is a 'hubertt' model, which is no encoder here" in message
    assert "did you mean hubert" in message


def test_an_adapter_is_refused(folder: Path) -> None:
    changed(folder, add_adapter=True)
    assert "has an adapter behind its blocks" in refused(folder)


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_config_that_is_none(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    assert "config.json" in refused(folder) or "no encoder here" in refused(folder)


def test_code_in_a_folder_is_never_run(folder: Path) -> None:
    (folder / "evil.py").write_text("raise SystemExit(66)")
    changed(folder, auto_map={"AutoModel": "evil.Model", "AutoConfig": "evil.Config"})
    opened(folder)


def test_without_transformers_the_fix_is_told(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingPackageError) as caught:
        opened(good)
    assert "pip install transformers" in caught.value.fix


def test_opening_is_silent_and_leaves_the_settings_of_transformers(
    good: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import transformers

    before = transformers.utils.logging.get_verbosity()
    opened(good)
    assert transformers.utils.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")


def sharded(folder: Path, file: str) -> None:
    """The weights in one shard of that name, beside or outside of the folder."""
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / "model.safetensors").rename(folder / file)
    weights = dict.fromkeys(load_file(folder / file), file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weights}))


def test_shards_of_the_folder_itself_are_read(folder: Path) -> None:
    sharded(folder, "model-00001-of-00001.safetensors")
    opened(folder)
    (folder / "model-00001-of-00001.safetensors").unlink()
    assert "is missing" in refused(folder)


@pytest.mark.parametrize("file", ["../x.safetensors", "below/x.safetensors", "{folder}/../y.safetensors"])
def test_an_index_json_that_names_a_file_elsewhere_is_refused(folder: Path, file: str) -> None:
    sharded(folder, file.replace("{folder}", str(folder)))
    assert "no file NAME.safetensors of the folder itself" in refused(folder)


@pytest.mark.parametrize("content", ['{"weight_map": {"a": "x.bin"}}', '{"weight_map": {"a": ["x"]}}', "[" * 100_000])
def test_an_index_json_that_is_none_is_refused(folder: Path, content: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "x.bin").write_bytes(pickle.dumps(Trap()))
    (folder / "model.safetensors.index.json").write_text(content)
    refused(folder)


def test_weights_of_transformers_that_are_nan_or_int32_are_refused(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    name = "encoder.layers.1.attention.k_proj.weight"
    save_file({**weights, name: weights[name] * float("nan")}, folder / "model.safetensors", metadata={"format": "pt"})
    assert "not finite" in refused(folder)
    rounded = {key: value.int() if key == name else value for key, value in weights.items()}
    save_file(rounded, folder / "model.safetensors", metadata={"format": "pt"})
    assert "is I32" in refused(folder)
    halved = {key: value.bfloat16() for key, value in weights.items()}
    save_file(halved, folder / "model.safetensors", metadata={"format": "pt"})
    opened(folder)


def test_code_that_a_folder_brings_is_never_run(folder: Path) -> None:
    """transformers would import such files where it is told to trust them."""
    trap = 'from pathlib import Path\nPath(__file__).with_name("ran").touch()\n'
    for name in ("configuration_x", "modeling_x", "feature_x"):
        (folder / f"{name}.py").write_text(trap + "class X: pass\n", encoding="utf-8")
    changed(folder, auto_map={"AutoConfig": "configuration_x.X", "AutoModel": "modeling_x.X"})
    record = json.loads((folder / "preprocessor_config.json").read_text())
    record["auto_map"] = {"AutoFeatureExtractor": "feature_x.X"}
    (folder / "preprocessor_config.json").write_text(json.dumps(record))
    opened(folder)
    assert not (folder / "ran").exists()
