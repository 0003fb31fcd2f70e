"""Confidences on disk: one for each encoded frame of any length, whole or not there, never of two scorers at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from masr.errors import ConfigError, DataError, UsageError
from masr.features.log_mel import Config as LogMelConfig
from masr.features.log_mel import build as build_log_mel
from masr.inference import confidence as module
from masr.inference.confidence import ScoredData, Scoring
from masr.inference.emissions import Emitter, read_transformers
from masr.inference.frame_scorer import FrameScorer
from masr.inference.load import Model
from masr.io.ark import ArchiveWriter, read_array
from masr.io.confidence import read_facts
from masr.io.datadir import DataDir, read_table, write_datadir, write_table
from masr.io.layout import CONFIDENCE_JSON, CONFIDENCE_SCP
from masr.models.conformer import Config as ConformerConfig
from masr.models.conformer import build as build_conformer
from masr.models.waveform import WaveformConvolutions
from masr.objectives.ctc import Config as CtcConfig
from masr.objectives.ctc import Ctc
from masr.types import Batch
from reference import tiny_checkpoints

BINS, UNITS = 12, 5
SIZES = [9, 40, 77, 6, 120, 31, 200, 3, 55, 64, 7, 18]
"""Feature frames of each utterance; 7 are the fewest that give an encoded frame."""


def emitter(subsampling: int = 4, seed: int = 0, frame_sec: float = 0.01, dim: int = 16) -> Emitter:
    torch.manual_seed(seed)
    encoder = build_conformer(
        ConformerConfig(num_bins=BINS, dim=dim, num_layers=1, num_heads=2, feed_forward_dim=16, subsampling=subsampling)
    )
    model = Model(encoder, build_log_mel(LogMelConfig(num_bins=BINS)), "utterance", None, torch.device("cpu"))
    return Emitter(model, ctc(encoder), None, frame_sec)


def ctc(encoder: torch.nn.Module) -> Ctc:
    objective = Ctc(CtcConfig(num_units=UNITS), encoder)  # type: ignore[arg-type]
    objective.num_units = UNITS  # type: ignore[assignment]
    return objective


def scorer(seed: int = 0, measure: str = "max", **more: object) -> FrameScorer:
    return FrameScorer(emitter(seed=seed), measure, folder=Path(f"exp/{seed}"), identity=str(seed), **more)  # type: ignore[arg-type]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory whose features are noise."""
    random = np.random.default_rng(0)
    folder = tmp_path / "train"
    frames = {f"s{n % 3}-u{n:02d}": random.normal(size=(size, BINS)) for n, size in enumerate(SIZES)}
    with ArchiveWriter(tmp_path / "feats.ark") as archive:
        for utt in sorted(frames):
            archive.append(utt, frames[utt])
    tables = {"utt2spk": {utt: utt[:2] for utt in frames}, "feats.scp": archive.rows}
    write_datadir(folder, tables | {"utt2num_frames": {utt: str(len(rows)) for utt, rows in frames.items()}})
    return folder


def scoring(data: Path, out: Path | None = None, given: FrameScorer | None = None) -> Scoring:
    return Scoring(ScoredData(given or scorer(), DataDir.open(data), None), out or data)


def stored(folder: Path) -> dict[str, np.ndarray]:
    return {utt: read_array(entry) for utt, entry in read_table(folder / CONFIDENCE_SCP).items()}


def score(data: Path, out: Path | None = None, given: FrameScorer | None = None, num_jobs: int = 1) -> None:
    for job in range(num_jobs, 0, -1):
        scoring(data, out, given).run_job(job, num_jobs)
    scoring(data, out, given).merge(num_jobs)


def encoded(size: int) -> int:
    return ((size - 1) // 2 - 1) // 2


def test_one_value_in_0_to_1_for_every_encoded_frame_and_the_utterance_alone_gives_it(data: Path) -> None:
    score(data)
    found, ours = stored(data), scorer()
    features = read_table(data / "feats.scp")
    sizes = {utt: int(size) for utt, size in read_table(data / "utt2num_frames").items()}
    assert list(found) == sorted(utt for utt, size in sizes.items() if encoded(size) > 0)
    for utt, values in found.items():
        assert (values.dtype, values.shape) == (np.float32, (encoded(sizes[utt]),))
        frames = torch.from_numpy(read_array(features[utt]).astype(np.float32))[None]
        alone, _ = ours(Batch((utt,), frames, torch.tensor([sizes[utt]]), torch.zeros(1)), are_frames=True)
        np.testing.assert_allclose(values, alone[0].numpy(), atol=2e-6)
    every = np.concatenate(list(found.values()))
    assert 1 / UNITS <= every.min() < every.max() <= 1
    facts = read_facts(data)
    assert (facts.measure, facts.frame_shift_sec, facts.subsampling, facts.takes_samples) == ("max", 0.04, 4, False)
    assert (facts.num_utts, facts.num_frames, facts.num_short) == (len(SIZES), len(every), 2)
    assert facts.mean == pytest.approx(every.mean(dtype=np.float64), abs=1e-7)


def test_what_is_too_short_is_listed(data: Path) -> None:
    score(data)
    short = sorted(utt for utt, size in read_table(data / "utt2num_frames").items() if encoded(int(size)) < 1)
    lines = (data / module.PROBLEMS).read_text().splitlines()
    assert lines == [f"{utt}\ttoo short: it gives no encoded frame" for utt in short] and len(short) == 2


@pytest.mark.parametrize("subsampling", [2, 4])
def test_every_length_from_1_to_2000_frames_has_as_many_values_as_the_conformer_has_frames(subsampling: int) -> None:
    ours = FrameScorer(emitter(subsampling, dim=4))
    encoder = build_conformer(ConformerConfig(num_bins=BINS, dim=8, num_layers=1, num_heads=1, subsampling=subsampling))
    ours.check_encoder(encoder, 0.01)
    features = torch.randn(40, 2000, BINS)
    for first in range(1, 2001, 40):
        lengths = torch.arange(first, first + 40)
        batch = Batch((), features[:, : first + 39], lengths, torch.zeros(40))
        # Of each forty, two go all the way through; the others are counted, by the same formula that is checked here.
        values, counts = ours(replace_rows(batch, [0, 39]), are_frames=True)
        embedded, expected = encoder.embed(batch.features[[0, 39]], lengths[[0, 39]])
        assert counts.tolist() == expected.tolist() and values.shape[1] == embedded.shape[1]
        assert torch.equal(ours.emitter.num_encoded(lengths), encoder.num_encoded(lengths))
        past = torch.arange(values.shape[1]) >= counts[:, None]
        assert bool((values[past] == 0).all()) and bool((values[~past] >= 1 / UNITS - 1e-6).all())


def replace_rows(batch: Batch, rows: list[int]) -> Batch:
    return Batch((), batch.features[rows], batch.lengths[rows], batch.keys[rows])


def checkpoint(folder: Path) -> Path:
    """Wav2Vec2ForCTC with the convolutions of the real one, few channels."""
    pytest.importorskip("transformers")
    convolutions = {
        "conv_dim": [8] * 7,
        "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
        "conv_stride": [5, 2, 2, 2, 2, 2, 2],
        "num_feat_extract_layers": 7,
        "num_hidden_layers": 1,
    }
    tiny_checkpoints.write_checkpoint(
        "wav2vec2-base", folder, "ForCTC", vocab_size=UNITS, pad_token_id=0, **convolutions
    )
    return folder


class Waveform:
    """An encoder of waveforms by its front end alone."""

    num_bins, subsampling = 1, 320

    def __init__(self) -> None:
        self.front_end = WaveformConvolutions(4, 320, "layer")

    def num_encoded(self, num_samples: torch.Tensor) -> torch.Tensor:
        return self.front_end.num_encoded(num_samples)


def test_every_length_from_1_to_2000_samples_has_as_many_values_as_an_encoder_of_waveforms(tmp_path: Path) -> None:
    ours, encoder = FrameScorer(read_transformers(checkpoint(tmp_path), "cpu")), Waveform()
    ours.check_encoder(encoder, 1 / 16000)  # type: ignore[arg-type]
    assert ours.emitter.frame_shift_sec == 0.02
    samples = torch.randn(100, 2000)
    for first in range(1, 2001, 100):
        lengths = torch.arange(first, first + 100)
        values, counts = ours(Batch((), samples[:, : first + 99], lengths, torch.zeros(100)), are_frames=False)
        assert torch.equal(counts, encoder.num_encoded(lengths))
        assert values.shape == (100, max(1, int(counts.max())))
        assert bool(((values > 0) == (torch.arange(values.shape[1]) < counts[:, None])).all())
    frames = encoder.front_end(torch.randn(1, 1999), torch.tensor([1999])).shape[1]
    assert frames == int(ours.emitter.num_encoded(torch.tensor(1999))) == 5


def test_an_encoder_of_another_rate_is_refused_naming_both() -> None:
    fast = build_conformer(ConformerConfig(num_bins=BINS, dim=8, num_layers=1, num_heads=1, subsampling=2))
    with pytest.raises(ConfigError, match=r"every 40 ms, and the encoder makes a frame every 20 ms: of 2999 input fr"):
        scorer().check_encoder(fast, 0.01)
    with pytest.raises(ConfigError, match=r"every 40 ms, and the encoder makes a frame every 20 ms: of 2999 samples"):
        scorer().check_encoder(Waveform(), 1 / 16000)  # type: ignore[arg-type]
    same = build_conformer(ConformerConfig(num_bins=BINS, dim=8, num_layers=1, num_heads=1))
    with pytest.raises(ConfigError, match="every 40 ms, and the encoder makes a frame every 50 ms"):
        scorer().check_encoder(same, 0.0125)


@pytest.mark.parametrize("num_jobs", [3, 20])
def test_jobs_give_what_one_gives(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_jobs: int) -> None:
    score(data, tmp_path / "one")
    monkeypatch.setattr(module, "PIECE_UTTS", 2)
    score(data, tmp_path / "many", num_jobs=num_jobs)
    one, many = stored(tmp_path / "one"), stored(tmp_path / "many")
    assert list(one) == list(many)
    for utt in one:
        np.testing.assert_allclose(one[utt], many[utt], atol=2e-6)
    left = {path.suffix for path in (tmp_path / "many" / "data").iterdir()}
    assert left == {".ark", ".crc32"}
    facts = [read_facts(tmp_path / name) for name in ("one", "many")]
    assert facts[0].kind() == facts[1].kind() and facts[0].data_digest == facts[1].data_digest


def test_killed_it_goes_on_behind_the_last_whole_piece(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE_UTTS", 3)
    seen: list[list[int]] = []
    plain = ScoredData.score

    def until_killed(self: ScoredData, places: np.ndarray) -> list[np.ndarray]:
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(places.tolist())
        return plain(self, places)

    monkeypatch.setattr(ScoredData, "score", until_killed)
    with pytest.raises(KeyboardInterrupt):
        scoring(data, tmp_path / "out").run_job(1, 1)
    assert not (tmp_path / "out" / CONFIDENCE_SCP).exists()
    with pytest.raises(UsageError, match="job 1 of 1 has not ended"):
        scoring(data, tmp_path / "out").merge(1)
    done = {place for places in seen for place in places}
    seen.clear()
    monkeypatch.setattr(ScoredData, "score", lambda self, places: seen.append(places.tolist()) or plain(self, places))
    scoring(data, tmp_path / "out").run_job(1, 1)
    assert not done & {place for places in seen for place in places}
    scoring(data, tmp_path / "out").merge(1)
    score(data, tmp_path / "whole")
    assert all(
        np.array_equal(a, b) for a, b in zip(*(stored(tmp_path / n).values() for n in ("out", "whole")), strict=True)
    )


def test_the_same_again_does_nothing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score(data)
    monkeypatch.setattr(ScoredData, "score", lambda *_: pytest.fail("scored again"))
    before = read_facts(data)
    assert scoring(data).run_job(1, 1) == before
    assert scoring(data).run_job(2, 5) == before
    assert scoring(data).merge(5) == before


@pytest.mark.parametrize("other", [scorer(1), scorer(0, "margin"), scorer(0, exclude_blank=True)])
def test_another_scorer_is_refused_unless_it_is_to_replace(data: Path, other: FrameScorer) -> None:
    score(data)
    before = stored(data)
    with pytest.raises(UsageError, match=r"holds other confidences \(max by exp/0\), and asked for are"):
        scoring(data, given=other).run_job(1, 1)
    assert all(np.array_equal(a, b) for a, b in zip(before.values(), stored(data).values(), strict=True))
    scoring(data, given=other).run_job(1, 1, replace=True)
    scoring(data, given=other).merge(1)
    assert not np.allclose(np.concatenate(list(before.values())), np.concatenate(list(stored(data).values())))


def test_jobs_of_two_scorers_are_not_joined(data: Path) -> None:
    scoring(data).run_job(1, 2)
    scoring(data, given=scorer(1)).run_job(2, 2)
    for given in (scorer(0), scorer(1)):
        with pytest.raises(UsageError, match=r"job [12] of 2 ran with another scorer"):
            scoring(data, given=given).merge(2)
    with pytest.raises(UsageError, match=r"confidence\.1\.1\.ark is of another scorer"):
        scoring(data, given=scorer(1)).run_job(1, 2)
    scoring(data, given=scorer(1)).run_job(1, 2, replace=True)
    assert scoring(data, given=scorer(1)).merge(2).scorer == "exp/1"


def test_data_that_changed_are_told_apart(data: Path) -> None:
    scoring(data).run_job(1, 2)
    scoring(data).run_job(2, 2)
    lengths = read_table(data / "utt2num_frames")
    utt = next(utt for utt, size in lengths.items() if size == "120")
    write_table(data / "utt2num_frames", lengths | {utt: "110"})
    with pytest.raises(UsageError, match="on other data"):
        scoring(data).merge(2)
    write_table(data / "utt2num_frames", lengths)
    scoring(data).merge(2)
    write_table(data / "utt2num_frames", lengths | {utt: "110"})
    with pytest.raises(UsageError, match="as it was"):
        scoring(data).run_job(1, 1)


def test_data_without_features_or_with_others_are_refused(data: Path) -> None:
    (data / "feats.scp").rename(data / "kept")
    (data / ".index").unlink(missing_ok=True)
    with pytest.raises(DataError, match="has no features"):
        scoring(data)
    with ArchiveWriter(data / "wide.ark") as archive:
        for utt in DataDir.open(data).utts:
            archive.append(utt, np.zeros((9, BINS + 1)))
    write_table(data / "feats.scp", archive.rows)
    with pytest.raises(DataError, match=f"frames have {BINS + 1} values, and the scorer takes {BINS}"):
        scoring(data)


def test_speech_too_short_altogether_is_refused(data: Path) -> None:
    write_table(data / "utt2num_frames", dict.fromkeys(read_table(data / "utt2num_frames"), "6"))
    with pytest.raises(DataError, match="none of its 12 utterances"):
        scoring(data)


def test_a_scorer_that_diverged_is_refused(data: Path) -> None:
    broken = scorer()
    with torch.no_grad():
        broken.emitter.objective.output.weight[1] = torch.nan
    with pytest.raises(Exception, match="its output is not a number for s"):
        scoring(data, given=broken).run_job(1, 1)
    assert not (data / CONFIDENCE_SCP).exists()


def test_a_part_of_a_scored_directory_knows_where_its_confidences_are_from(data: Path, tmp_path: Path) -> None:
    score(data)
    part = tmp_path / "part"
    rows = dict(list(read_table(data / CONFIDENCE_SCP).items())[2:5])
    write_datadir(part, {"utt2spk": {utt: utt[:2] for utt in rows}, CONFIDENCE_SCP: rows})
    assert not (part / CONFIDENCE_JSON).exists()
    facts = read_facts(part)
    assert facts.kind() == read_facts(data).kind() and facts.data_digest == ""
    score(data, tmp_path / "other", scorer(1))
    mixed = rows | dict(list(read_table(tmp_path / "other" / CONFIDENCE_SCP).items())[6:7])
    write_datadir(part, {"utt2spk": {utt: utt[:2] for utt in mixed}, CONFIDENCE_SCP: mixed})
    with pytest.raises(DataError, match=r"mixes confidences: max by exp/0, max by exp/1"):
        read_facts(part)


def test_waveforms_are_scored_where_there_are_no_archives(tmp_path: Path) -> None:
    """Of the same features the audio gives what the archives give: what pre-training on waveforms reads."""
    features = build_log_mel(LogMelConfig(num_bins=BINS))
    random = np.random.default_rng(1)
    samples = (0.3 * random.standard_normal(9_000)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", samples, 16000, subtype="PCM_16")
    count = features.num_frames(9_000)
    write_datadir(
        tmp_path / "d",
        {"utt2spk": {"a": "a"}, "wav.scp": {"a": str(tmp_path / "a.wav")}, "utt2num_frames": {"a": str(count)}},
    )
    score(tmp_path / "d")
    read_back, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    frames, lengths = features(torch.from_numpy(read_back)[None], torch.tensor([9_000]))
    alone, _ = scorer()(Batch(("a",), frames, lengths, torch.zeros(1)), are_frames=True)
    np.testing.assert_allclose(stored(tmp_path / "d")["a"], alone[0].numpy(), atol=1e-5)
