"""Models as graphs: torch.export's program, ONNX in onnxruntime, and int8, against the model itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import masr
from masr.api import identifier, transcriber
from masr.cli.main import main
from masr.errors import UsageError
from masr.features.log_mel import Config as MelConfig
from masr.features.log_mel import LogMel
from masr.interop import to_graph
from masr.interop.graph import Graph, Place, build_graph
from masr.interop.graph_mel import GraphLogMel
from masr.interop.opened import Opened
from reference import tiny_checkpoints
from small.exports import (
    BEST_RQ,
    CONFORMER,
    CTC,
    CTC_MEAN,
    GROUP,
    LAYER,
    LID,
    LID_ECAPA,
    RECURRENT,
    TRANSFORMER,
    WAV2VEC2,
    MakeRun,
)

pytestmark = pytest.mark.slow

RELATIVE = CONFORMER % "relative"
TWO_LAYERS = [(RELATIVE, BEST_RQ, ""), (RELATIVE, CTC_MEAN, "")]
ROTARY, FLAT, GROUP_NORM, LAYER_NORM = (
    encoder.replace("num_layers: 2", "num_layers: 1") for encoder in (CONFORMER % "rotary", TRANSFORMER, GROUP, LAYER)
)
"""Of one layer each, as a graph takes seconds to trace for every layer."""
RUNS = [
    *TWO_LAYERS,
    (ROTARY, BEST_RQ, ", normalise: utterance"),
    (FLAT, BEST_RQ, ", normalise: none"),
    (GROUP_NORM, WAV2VEC2, ""),
    (LAYER_NORM, WAV2VEC2, ""),
    (LAYER_NORM, CTC, ""),
    (ROTARY, LID_ECAPA, ""),
    (LAYER_NORM, LID, ""),
]
Run = Callable[[np.ndarray, np.ndarray], list[np.ndarray]]


def opened(file: Path) -> Run:
    """An ONNX file in onnxruntime: (samples or features, lengths) -> its outputs."""
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    return lambda given, lengths: session.run(None, dict(zip(names, (given, lengths), strict=True)))


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program takes seconds to load: a test looks at what the export has tried, where the bytes are the same."""
    load, kept = torch.export.load, {}

    def once(file: Path) -> Any:
        content = Path(file).read_bytes()
        if content not in kept:
            kept[content] = load(file)
        return kept[content]

    monkeypatch.setattr(torch.export, "load", once)


@pytest.fixture(scope="module")
def graphs() -> dict[tuple[Path, str], Graph]:
    """Of each run, by its folder and where its features are computed."""
    return {}


@pytest.fixture(autouse=True)
def traced_once(graphs: dict[tuple[Path, str], Graph], monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is traced once, whatever its graph is then written as."""

    def once(opened: Opened, place: Place) -> Graph:
        key = (opened.folder, place)
        if key not in graphs:
            graphs[key] = build_graph(opened, place)
        return graphs[key]

    monkeypatch.setattr(to_graph, "build_graph", once)


def program(file: Path) -> Run:
    loaded = torch.export.load(file).module()
    return lambda given, lengths: [one.numpy() for one in loaded(torch.from_numpy(given), torch.from_numpy(lengths))]


BOTH = [("pt2", program)] + ([("onnx", opened)] if find_spec("onnxscript") else [])
"""Format -> what reads it, of those whose packages are installed."""


def expected(run: Path, objective: str, voice: np.ndarray) -> torch.Tensor:
    """What the run itself says of one waveform: (T, D) frames, (T, V) or (C,) log-probabilities."""
    given = torch.from_numpy(voice)[None], torch.tensor([len(voice)])
    if "ctc" not in objective and "lid" not in objective:
        return masr.load(run).encode(voice, 16000)
    found = transcriber(run) if "ctc" in objective else identifier(run)
    with torch.no_grad():
        return found.objective.log_probabilities(*found.model.ready(*found.model.featurise(*given)))[0][0]


def check(call: Run, run: Path, objective: str, voices: list[np.ndarray], precision: float) -> None:
    """Alone, and all in one batch."""
    batch = np.zeros((len(voices), max(map(len, voices))), np.float32)
    for row, voice in enumerate(voices):
        batch[row, : len(voice)] = voice
    together, lengths = call(batch, np.array([len(voice) for voice in voices]))
    for row, voice in enumerate(voices):
        wanted = expected(run, objective, voice).numpy()
        alone, _ = call(voice[None], np.array([len(voice)]))
        np.testing.assert_allclose(alone[0], wanted, atol=precision, rtol=precision)
        mine = together[row] if wanted.ndim == 1 else together[row, : lengths[row]]
        np.testing.assert_allclose(mine, wanted, atol=precision, rtol=precision)


@pytest.mark.parametrize(("encoder", "objective", "normalise"), RUNS)
def test_a_program_of_torch_is_the_model(
    make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path, encoder: str, objective: str, normalise: str
) -> None:
    run = make_run(encoder, objective, normalise)
    assert main(["export", str(run), str(tmp_path / "out"), "--to", "pt2"]) == 0
    check(program(tmp_path / "out" / "model.pt2"), run, objective, voices, 1e-4)


@pytest.mark.parametrize(("encoder", "objective", "normalise"), [*TWO_LAYERS, RUNS[4], RUNS[6], RUNS[7], RUNS[8]])
def test_onnxruntime_says_what_the_model_says(
    make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path, encoder: str, objective: str, normalise: str
) -> None:
    pytest.importorskip("onnxscript", reason="the extra onnx is not installed")
    run, out = make_run(encoder, objective, normalise), tmp_path / "out"
    assert main(["export", str(run), str(out), "--to", "onnx"]) == 0
    check(opened(out / "model.onnx"), run, objective, voices, 1e-4)
    record = json.loads((out / "masr_export.json").read_text())
    assert 0 <= record["largest_difference"] < 1e-4


def test_what_came_from_transformers_goes_into_a_graph_too(
    make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path
) -> None:
    folder = tiny_checkpoints.write_checkpoint("wav2vec2-base", tmp_path / "checkpoint")
    run = make_run(f'{{name: pretrained, checkpoint: "{folder}"}}', WAV2VEC2)
    for to, read in BOTH:
        assert main(["export", str(run), str(tmp_path / to), "--to", to]) == 0
        check(read(tmp_path / to / f"model.{to}"), run, WAV2VEC2, voices, 1e-4)


@pytest.mark.parametrize("kind", ["wavlm", "w2v-bert"])
def test_a_graph_that_would_not_take_every_batch_is_refused(
    make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """WavLM's relative positions and w2v-BERT's pairs of frames are traced for some sizes alone."""
    folder = tiny_checkpoints.write_checkpoint(kind, tmp_path / "checkpoint")
    run = make_run(f'{{name: pretrained, checkpoint: "{folder}"}}', WAV2VEC2)
    assert main(["export", str(run), str(tmp_path / "out"), "--to", "pt2"]) == 2
    assert "--to hf" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_features_may_stay_outside(make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path) -> None:
    run = make_run(RELATIVE, BEST_RQ)
    model = masr.load(run)
    for to, read in BOTH:
        assert main(["export", str(run), str(tmp_path / to), "--to", to, "--features", "outside"]) == 0
        call = read(tmp_path / to / f"model.{to}")
        for voice in voices:
            frames, lengths = model.featurise(torch.from_numpy(voice)[None], torch.tensor([len(voice)]))
            found, _ = call(frames.numpy(), lengths.numpy())
            np.testing.assert_allclose(found[0], model.encode(voice, 16000).numpy(), atol=1e-4, rtol=1e-4)


def test_int8_stands_beside_and_says_what_it_changes(
    make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxscript", reason="the extra onnx is not installed")
    run, out = make_run(RELATIVE, CTC_MEAN), tmp_path / "out"
    assert main(["export", str(run), str(out), "--to", "onnx", "--quantise", "int8"]) == 0
    record = json.loads((out / "masr_export.json").read_text())["int8"]
    said = capsys.readouterr().out
    assert f"{record['relative_change']:.1%}" in said
    assert 0 < record["relative_change"] < 0.5 and 0 <= record["same_answer"] <= 1
    assert (out / "model.int8.onnx").stat().st_size < (out / "model.onnx").stat().st_size
    plain, quantised = opened(out / "model.onnx"), opened(out / "model.int8.onnx")
    given = voices[0][None], np.array([len(voices[0])])
    one, other = plain(*given)[0], quantised(*given)[0]
    assert np.abs(one - other).max() > 0 and np.abs(one - other).mean() < 1


@pytest.mark.parametrize(
    ("option", "value"),
    [("window", "hamming"), ("window", "hanning"), ("remove_dc", False), ("num_bins", 40), ("window_ms", 20.0)],
)
def test_log_mel_as_a_matrix_is_log_mel(voices: list[np.ndarray], option: str, value: object) -> None:
    mel = LogMel(MelConfig(**{option: value}))
    given = torch.zeros(3, 13_000)
    for row, voice in enumerate(voices):
        given[row, : len(voice)] = torch.from_numpy(voice)
    lengths = torch.tensor([len(voice) for voice in voices])
    wanted, counts = mel(given, lengths)
    found, lengths = GraphLogMel(mel)(given, lengths)
    assert lengths.tolist() == counts.tolist()
    torch.testing.assert_close(found[:, : wanted.shape[1]], wanted, atol=1e-4, rtol=1e-4)
    assert not found[:, wanted.shape[1] :].any()


@pytest.mark.parametrize("option", [{"dither": 1.0}, {"snip_edges": False}])
def test_features_that_no_graph_can_hold_are_refused(option: dict[str, object]) -> None:
    with pytest.raises(UsageError) as refused:
        GraphLogMel(LogMel(MelConfig(**option)))
    assert "--features outside" in refused.value.fix


def test_a_loop_over_frames_is_refused_or_right(
    make_run: MakeRun, voices: list[np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = make_run(RECURRENT, BEST_RQ), tmp_path / "out"
    if main(["export", str(run), str(out), "--to", "pt2"]) == 0:
        check(program(out / "model.pt2"), run, BEST_RQ, voices, 1e-4)
    else:
        assert "--to hf" in capsys.readouterr().err
        assert not out.exists()
