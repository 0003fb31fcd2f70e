"""CTC models that transformers wrote: the same log-probabilities as its own, blank first, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from masr.errors import CheckpointError
from masr.io.trained import is_transformers
from masr.models.pretrained_ctc import read_ctc
from reference import tiny_checkpoints

transformers = pytest.importorskip("transformers")

KINDS = ("wav2vec2-base", "wav2vec2-large", "hubert", "wavlm", "data2vec", "unispeech-sat", "w2v-bert")
BLANK, UNITS = 3, 9


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ctc checkpoints")
    for kind in KINDS:
        tiny_checkpoints.write_checkpoint(kind, folder / kind, "ForCTC", vocab_size=UNITS, pad_token_id=BLANK)
    return folder


@pytest.fixture
def copied(folders: Path, tmp_path: Path) -> Path:
    out = tmp_path / "copy"
    out.mkdir()
    for path in (folders / "hubert").iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    return out


def speech(length: int, seed: int = 1) -> torch.Tensor:
    noise = torch.randn(length, generator=torch.Generator().manual_seed(seed))
    return noise * torch.logspace(-3, -0.7, length) + 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_equals_transformers_with_the_blank_moved_to_the_front(kind: str, folders: Path) -> None:
    waveform = speech(5000)
    theirs = transformers.AutoModelForCTC.from_pretrained(folders / kind).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folders / kind)
    given = extractor(waveform.numpy(), sampling_rate=16000, return_tensors="pt")
    ours = read_ctc(folders / kind).eval()
    with torch.no_grad():
        mask = given.attention_mask if kind == "w2v-bert" else None
        expected = theirs(given[theirs.main_input_name], attention_mask=mask).logits.log_softmax(dim=-1)
        found, lengths = ours.log_probabilities(waveform[None], torch.tensor([5000]))
    count = int(lengths)
    assert found.shape == (1, count, UNITS)
    order = [BLANK, 0, 1, 2, 4, 5, 6, 7, 8]
    torch.testing.assert_close(found, expected[:, :count, order], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["wav2vec2-base", "hubert", "w2v-bert"])
def test_company_changes_nothing(kind: str, folders: Path) -> None:
    ours = read_ctc(folders / kind).eval()
    long, short = speech(7000, 2), speech(3100, 3)
    batch = torch.zeros(2, 7000)
    batch[0], batch[1, :3100] = long, short
    with torch.no_grad():
        together, lengths = ours.log_probabilities(batch, torch.tensor([7000, 3100]))
        alone, count = ours.log_probabilities(short[None], torch.tensor([3100]))
    assert int(lengths[1]) == int(count)
    torch.testing.assert_close(together[1, : int(count)], alone[0], atol=1e-5, rtol=1e-5)


def test_units_are_named_in_the_order_of_the_columns(copied: Path) -> None:
    assert is_transformers(copied)
    (copied / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate("ab|<defgh")}))
    (copied / "tokenizer_config.json").write_text(json.dumps({"pad_token": {"content": "<"}}))
    assert read_ctc(copied).tokens == ("<", "a", "b", "|", "d", "e", "f", "g", "h")


def change(folder: Path, **values: object) -> None:
    record = json.loads((folder / "config.json").read_text())
    record.update(values)
    (folder / "config.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"architectures": ["HubertModel"]}, "is no CTC model"),
        ({"architectures": None}, "is no CTC model"),
        ({"pad_token_id": None}, "which unit is the blank"),
        ({"pad_token_id": UNITS}, f"the blank is number {UNITS}, and there are {UNITS} units"),
        ({"use_intermediate_ffn_before_adapter": True}, "a layer between"),
    ],
)
def test_what_is_no_ctc_model_is_refused(copied: Path, values: dict[str, object], words: str) -> None:
    change(copied, **values)
    with pytest.raises(CheckpointError, match=words):
        read_ctc(copied)


def test_units_of_another_model_are_refused(copied: Path) -> None:
    (copied / "vocab.json").write_text(json.dumps({f"u{n}": n for n in range(UNITS + 2)}))
    with pytest.raises(CheckpointError, match="units that the model does not: u9"):
        read_ctc(copied)


def test_two_opinions_on_the_blank_are_refused(copied: Path) -> None:
    (copied / "vocab.json").write_text(json.dumps({"<pad>": 0, "a": 1}))
    (copied / "tokenizer_config.json").write_text(json.dumps({"pad_token": "<pad>"}))
    with pytest.raises(CheckpointError, match=f"is unit 0, and config.json says {BLANK}"):
        read_ctc(copied)


def test_a_head_without_weights_and_a_pickle_are_refused(copied: Path) -> None:
    weights = load_file(copied / "model.safetensors")
    save_file({name: value for name, value in weights.items() if "lm_head" not in name}, copied / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"lacks 2 of the model's weights, lm_head\.bias"):
        read_ctc(copied)
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="pickle"):
        read_ctc(copied)
