"""The model card: what the Hub's own reader makes of it, and that it says what the run's files say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from masr.cli.main import main
from masr.io.layout import MARKER
from reference import tiny_checkpoints
from small.exports import BEST_RQ, CONFORMER, CTC, LAYER, LID, WAV2VEC2, MakeRun

pytest.importorskip("transformers")
huggingface_hub = pytest.importorskip("huggingface_hub")
RUN = (CONFORMER % "rotary", CTC)


def card_of(run: Path, out: Path, *options: str) -> object:
    assert main(["export", str(run), str(out), "--to", "hf", *options]) == 0
    return huggingface_hub.ModelCard.load(out / "README.md")


def test_the_hubs_reader_takes_its_front_matter(make_run: MakeRun, tmp_path: Path) -> None:
    card = card_of(make_run(LAYER, LID), tmp_path / "out")
    assert card.data.library_name == "transformers"
    assert card.data.pipeline_tag == "audio-classification"
    assert card.data.language == ["eng", "hin", "nob", "urd"]
    assert {"masr", "lid"} <= set(card.data.tags)
    assert huggingface_hub.metadata_load(tmp_path / "out" / "README.md") == card.data.to_dict()


def test_figures_have_their_intervals_and_reach_the_hubs_results(make_run: MakeRun, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(make_run(*RUN), run)
    (run / "test").mkdir()
    figures = {"figures": {"wer": {"value": 0.123, "low": 0.111, "high": 0.141}, "cer": {"value": 0.04}}}
    (run / "test" / "wer.json").write_text(json.dumps(figures))
    card = card_of(run, tmp_path / "out")
    results = card.data.eval_results
    assert [(one.metric_type, one.metric_value, one.task_type) for one in results] == [
        ("wer", 0.123, "automatic-speech-recognition")
    ]
    assert "0.1110 to 0.1410" in results[0].metric_name
    assert "12.3 [11.1, 14.1] %" in card.text


def copied(run: Path, spoken: Path, folder: Path) -> tuple[Path, Path]:
    """A copy of a run and of its training data."""
    copy, data = folder / "run", folder / "train"
    shutil.copytree(run, copy)
    shutil.copytree(spoken / "data" / "train", data)
    config = (copy / "config.yaml").read_text()
    (copy / "config.yaml").write_text(config.replace(str(spoken / "data" / "train"), str(data)))
    return copy, data


def test_it_tells_data_and_hours_and_how_to_load_and_no_path(make_run: MakeRun, spoken: Path, tmp_path: Path) -> None:
    from masr.io.datadir import DataDir

    run, data = copied(make_run(CONFORMER % "rotary", BEST_RQ), spoken, tmp_path)
    (data / "utt2dur").write_text("".join(f"{utt} 90.0\n" for utt in DataDir.open(data).utts))
    text = card_of(run, tmp_path / "out", "--data-licence", "CC0-1.0").text
    assert "0.80 h, 32 utterances" in text
    assert "| urd | 8 | 0.20 |" in text
    assert "Licence of the data: CC0-1.0." in text
    assert "AutoModel.from_pretrained" in text and "masr.interop.hf" in text
    assert "objective:" in text and "name: best_rq" in text
    assert str(tmp_path) not in text and str(spoken) not in text


def test_no_path_of_a_section_is_told(make_run: MakeRun, spoken: Path, tmp_path: Path) -> None:
    """The checkpoint below `encoder`, and the folders of noise and rooms."""
    folder = tiny_checkpoints.write_checkpoint("hubert", tmp_path / "checkpoint")
    run = tmp_path / "run"
    shutil.copytree(make_run(f'{{name: pretrained, checkpoint: "{folder}"}}', WAV2VEC2), run)
    config = (run / "config.yaml").read_text()
    assert config.count("folder: null") == 2
    (run / "config.yaml").write_text(config.replace("folder: null", f'folder: "{tmp_path}/noise"'))
    text = card_of(run, tmp_path / "out").text
    assert "name: pretrained" in text and "freeze: nothing" in text
    for path in (tmp_path / "out").iterdir():
        if path.suffix in (".json", ".md"):
            assert str(tmp_path) not in path.read_text() and str(spoken) not in path.read_text(), path.name


def test_synthetic_data_are_called_so(make_run: MakeRun, spoken: Path, tmp_path: Path) -> None:
    """A copy of the run whose training data say that they were made of an embedded corpus."""
    root = tmp_path / "corpus"
    root.mkdir()
    (root / MARKER).write_text("{}")
    run, data = copied(make_run(*RUN), spoken, tmp_path)
    (data / "provenance.json").write_text(json.dumps({"source": str(root), "command": "masr prepare fleurs A B"}))
    card = card_of(run, tmp_path / "out")
    assert "synthetic-data" in card.data.tags
    assert "eSpeak NG" in card.text
    assert "cc-by" not in card.text
    (root / MARKER).unlink()
    card = card_of(run, tmp_path / "out")
    assert "eSpeak" not in card.text and "cc-by-4.0" in card.text


def test_a_run_whose_data_are_gone_says_so(make_run: MakeRun, spoken: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(make_run(*RUN), run)
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace(str(spoken / "data" / "train"), str(tmp_path / "gone")))
    card = card_of(run, tmp_path / "out")
    assert "`gone`, which is not on the machine" in card.text
    assert card.data.language is None
