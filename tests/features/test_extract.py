from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
import torch

from masr.errors import DataError
from masr.features import job as job_module
from masr.features.cmvn import stats_of
from masr.features.extract import extract
from masr.features.job import Plan, fingerprint, run_job
from masr.features.log_mel import Config, build
from masr.features.merge import merge
from masr.features.waveforms import Item, Unread, batches, items_of, read_waveforms
from masr.io.ark import read_array, read_matrix
from masr.io.datadir import DataDir, read_table, write_datadir, write_table
from masr.io.shards import ShardWriter

native = pytest.importorskip("kaldi_native_io")
PLAN = Plan(build(Config(num_bins=20)))
RATE = 16000


def samples(num_samples, seed):
    return np.random.default_rng(seed).integers(-3000, 3000, num_samples, dtype=np.int16)


@pytest.fixture
def folder(tmp_path):
    """Seven utterances of three speakers, as FLAC, wav and shard."""
    waves = {f"s{n % 3}-u{n}": samples(4000 + 1000 * n, n) for n in range(7)}
    wav_scp = {}
    with ShardWriter(tmp_path / "shard.ark") as shard:
        for n, (utt, wave) in enumerate(waves.items()):
            if n % 3 == 2:
                wav_scp[utt] = shard.append(utt, wave)[0]
                continue
            path = tmp_path / f"{utt}.{'flac' if n % 3 else 'wav'}"
            soundfile.write(path, wave, RATE)
            wav_scp[utt] = str(path)
    write_datadir(tmp_path / "data", {"wav.scp": wav_scp, "utt2spk": {utt: utt[:2] for utt in waves}})
    return tmp_path / "data"


def wave_of(utt):
    n = int(utt[-1])
    return torch.from_numpy(samples(4000 + 1000 * n, n))


def expected(utt, plan=PLAN):
    wave = wave_of(utt)
    return plan.features(wave[None], torch.tensor([len(wave)]))[0][0].numpy()


def assert_whole(folder, plan=PLAN):
    data = DataDir.open(folder)
    assert list(data.table("feats.scp")) == list(data.utts) == list(data.table("utt2num_frames"))
    with native.RandomAccessFloatMatrixReader(f"scp:{folder / 'feats.scp'}") as reader:
        for utt in data.utts:
            np.testing.assert_allclose(reader[utt], expected(utt, plan), atol=1e-5)
            assert data.table("utt2num_frames")[utt] == str(len(reader[utt]))
            assert len(reader[utt]) == plan.features.num_frames(len(wave_of(utt)))
    with native.RandomAccessDoubleMatrixReader(f"scp:{folder / 'cmvn.scp'}") as reader:
        for speaker in ("s0", "s1", "s2"):
            own = [torch.from_numpy(expected(utt, plan)) for utt in data.utts if utt.startswith(speaker)]
            np.testing.assert_allclose(reader[speaker], stats_of(torch.cat(own)), rtol=1e-9)


def test_in_one_go(folder):
    summary = extract(DataDir.open(folder), PLAN)
    assert_whole(folder)
    assert (summary.num_utts, summary.num_bad, summary.num_speakers) == (7, 0, 3)
    assert not (folder / "features_problems.tsv").exists()
    assert (folder / "data" / "provenance.json").exists()


@pytest.mark.slow
def test_in_two_processes(folder):
    extract(DataDir.open(folder), PLAN, num_processes=2)
    assert_whole(folder)


@pytest.mark.parametrize("num_jobs", [1, 3, 9])
def test_as_an_array_in_any_order(folder, num_jobs):
    for number in reversed(range(1, num_jobs + 1)):
        run_job(DataDir.open(folder), PLAN, number, num_jobs)
    merge(DataDir.open(folder), PLAN, num_jobs)
    assert_whole(folder)


def test_a_smaller_array_leaves_no_orphan(folder):
    for number in (1, 2, 3):
        run_job(DataDir.open(folder), PLAN, number, 3)
    merge(DataDir.open(folder), PLAN, 3)
    extract(DataDir.open(folder), PLAN)
    assert_whole(folder)
    names = {path.name for path in (folder / "data").iterdir()}
    assert not any(".2." in name or ".3." in name or name.endswith((".2", ".3")) for name in names)


def test_the_merge_names_the_jobs_that_are_missing(folder):
    for number in (1, 3):
        run_job(DataDir.open(folder), PLAN, number, 4)
    with pytest.raises(DataError, match="job 2, 4 of 4 are missing"):
        merge(DataDir.open(folder), PLAN, 4)
    assert not (folder / "feats.scp").exists()


def test_the_merge_refuses_jobs_of_another_run(folder):
    data = DataDir.open(folder)
    for number in (1, 2):
        run_job(data, PLAN, number, 2)
    with pytest.raises(DataError, match="do not belong"):
        merge(data, Plan(PLAN.features, "float16"), 2)
    with pytest.raises(DataError, match="do not belong"):
        merge(data, PLAN, 1)
    table = read_table(folder / "wav.scp")
    table["s0-u0"] = table["s0-u3"]
    write_table(folder / "wav.scp", table)
    with pytest.raises(DataError, match="job 1 of 2 do not belong"):
        merge(DataDir.open(folder), PLAN, 2)


class KilledError(BaseException):
    """Stands for a signal: nothing may catch it."""


@pytest.mark.parametrize("target", ["write_table", "atomic_write", "fingerprint"])
def test_a_killed_job_leaves_nothing_that_looks_finished(folder, monkeypatch, target):
    extract(DataDir.open(folder), PLAN)

    def kill(*_args, **_kwargs):
        raise KilledError

    monkeypatch.setattr(job_module, target, kill)
    with pytest.raises(KilledError):
        run_job(DataDir.open(folder), PLAN, 1, 1)
    for name in ("feats.scp", "cmvn.scp", "utt2num_frames", "data/features.1.json"):
        assert not (folder / name).exists()
    with pytest.raises(DataError, match="missing"):
        merge(DataDir.open(folder), PLAN, 1)


def test_what_a_killed_job_left_is_taken_away(folder):
    left = folder / "data" / ".feats.1.ark.1.ff.tmp"
    left.parent.mkdir()
    left.write_bytes(b"half")
    extract(DataDir.open(folder), PLAN)
    assert not left.exists()


def test_a_marker_cut_in_half_is_none(folder):
    run_job(DataDir.open(folder), PLAN, 1, 1)
    marker = folder / "data" / "features.1.json"
    marker.write_text(marker.read_text()[:20])
    with pytest.raises(DataError, match="missing"):
        merge(DataDir.open(folder), PLAN, 1)


def spoil(folder):
    table = read_table(folder / "wav.scp")
    soundfile.write(folder.parent / "short.wav", samples(399, 0), RATE)
    soundfile.write(folder.parent / "rate.wav", samples(4000, 0), 8000)
    table |= {"s0-u0": "gone.wav", "s1-u1": str(folder.parent / "short.wav"), "s2-u2": "touch x |"}
    table["s0-u3"] = str(folder.parent / "rate.wav")
    write_table(folder / "wav.scp", table)
    return DataDir.open(folder)


def test_the_bad_are_listed_counted_and_skipped(folder):
    summary = extract(spoil(folder), PLAN, max_bad=0.6)
    assert (summary.num_utts, summary.num_bad) == (3, 4)
    problems = dict(line.split("\t") for line in (folder / "features_problems.tsv").read_text().splitlines())
    assert list(problems) == ["s0-u0", "s0-u3", "s1-u1", "s2-u2"]
    assert "missing file" in problems["s0-u0"]
    assert "8000 Hz" in problems["s0-u3"] and "--resample" in problems["s0-u3"]
    assert problems["s1-u1"] == "too short: 399 samples give no frame"
    assert "pipe" in problems["s2-u2"] and "--allow-pipes" in problems["s2-u2"]
    assert "4 left out" in summary.render()
    assert list(read_table(folder / "feats.scp")) == ["s0-u6", "s1-u4", "s2-u5"]


def test_too_many_bad_ones_stop_the_run(folder):
    with pytest.raises(DataError, match="4 of 7"):
        extract(spoil(folder), PLAN, max_bad=0.5)
    assert not (folder / "feats.scp").exists()
    assert (folder / "features_problems.tsv").read_text().count("\n") == 4


def test_pipes_run_only_when_allowed(folder):
    table = read_table(folder / "wav.scp")
    table["s0-u0"] = f"cat {table['s0-u0']} |"
    write_table(folder / "wav.scp", table)
    extract(DataDir.open(folder), Plan(PLAN.features, allow_pipes=True))
    assert_whole(folder)


@pytest.fixture
def segmented(tmp_path):
    wave = samples(40 * RATE, 0)
    soundfile.write(tmp_path / "long.flac", wave, RATE)
    spans = {"u1": (0.0, 1.5), "u2": (1.0, 2.123), "u3": (20.0, 21.0), "u4": (39.0, 40.3), "u5": (50.0, 51.0)}
    write_datadir(
        tmp_path / "data",
        {
            "wav.scp": {"long": str(tmp_path / "long.flac")},
            "segments": {utt: f"long {a} {b}" for utt, (a, b) in spans.items()},
            "utt2spk": {utt: utt for utt in spans},
        },
    )
    return tmp_path / "data", wave, spans


def test_segments_are_cut_out_of_their_recording(segmented):
    folder, wave, spans = segmented
    summary = extract(DataDir.open(folder), PLAN, max_bad=0.2)
    assert (summary.num_utts, summary.num_bad) == (4, 1)
    assert (folder / "features_problems.tsv").read_text().startswith("u5\t")
    for utt, entry in read_table(folder / "feats.scp").items():
        start, end = spans[utt]
        part = torch.from_numpy(wave[round(start * RATE) : round(end * RATE)])
        alone = PLAN.features(part[None], torch.tensor([len(part)]))[0][0].numpy()
        np.testing.assert_allclose(read_matrix(entry), alone, atol=1e-5)


def test_a_long_recording_is_read_once(segmented, monkeypatch):
    folder, _, _ = segmented
    from masr.features import waveforms

    spans = []
    true_read = waveforms.read_audio

    def read(entry, start_sec, end_sec, **options):
        spans.append((start_sec, end_sec))
        return true_read(entry, start_sec, end_sec, **options)

    monkeypatch.setattr(waveforms, "read_audio", read)
    entry = read_table(folder / "wav.scp")["long"]
    items = [Item(f"u{n}", entry, n / 10, n / 10 + 0.1) for n in reversed(range(300))]
    found = dict(read_waveforms(items, RATE))
    assert spans == [(0.0, 30.0)]
    assert {len(wave) for wave in found.values()} == {1600}
    spans.clear()
    monkeypatch.setattr(waveforms, "STRETCH_SEC", 10.0)
    again = dict(read_waveforms(items, RATE))
    assert len(spans) in (3, 4)
    assert all(np.array_equal(found[utt], again[utt]) for utt in found)


def test_minus_one_is_the_end_of_the_recording(segmented):
    folder, _, _ = segmented
    write_table(folder / "segments", {"u1": "long 39.5 -1", "u2": "gone 0 1", "u3": "long 0", "u4": "long 39.9 40"})
    data = DataDir.open(folder)
    read = list(read_waveforms(items_of(data, ["u1", "u2", "u3", "u4", "u5"]), RATE))
    good = dict(pair for pair in read if isinstance(pair, tuple))
    assert len(good["u1"]) == RATE // 2
    assert len(good["u4"]) == 1600
    assert {pair.utt for pair in read if isinstance(pair, Unread)} == {"u2", "u3", "u5"}


def test_batches_keep_to_their_budget_and_lose_no_one():
    rng = np.random.default_rng(0)
    waves = [
        (str(n), rng.standard_normal(int(size)).astype(np.float32)) for n, size in enumerate(rng.integers(1, 99, 50))
    ]
    for budget, pool in [(0, 0), (100, 500), (300, 10**9), (1, 1)]:
        seen = {}
        for batch in batches(waves, budget, pool):
            assert batch.waveforms.numel() <= max(budget, 99) or len(batch.utts) == 1
            for row, (utt, size) in enumerate(zip(batch.utts, batch.num_samples.tolist())):
                seen[utt] = batch.waveforms[row, :size].numpy()
                assert not batch.waveforms[row, size:].any()
        assert {utt: wave.tolist() for utt, wave in waves} == {utt: wave.tolist() for utt, wave in seen.items()}


def test_the_fingerprint_follows_what_a_job_reads(folder):
    data = DataDir.open(folder)
    before = fingerprint(data, data.utts)
    assert before == fingerprint(DataDir.open(folder), list(data.utts))
    table = read_table(folder / "utt2spk")
    table["s0-u0"] = "s9"
    write_table(folder / "utt2spk", table)
    assert fingerprint(DataDir.open(folder), data.utts) != before


def test_a_directory_without_audio_is_refused(tmp_path):
    write_datadir(tmp_path / "data", {"utt2spk": {"a": "a"}})
    with pytest.raises(DataError, match=r"no wav\.scp"):
        extract(DataDir.open(tmp_path / "data"), PLAN)


def test_two_bytes_a_value(folder):
    extract(DataDir.open(folder), Plan(PLAN.features, "float16"))
    for utt, entry in read_table(folder / "feats.scp").items():
        np.testing.assert_allclose(read_array(entry), expected(utt), atol=1e-3)
    assert json.loads((folder / "data" / "features.1.json").read_text())["num_utts"] == 7


@pytest.mark.parametrize("times", ["nan 1", "0 nan", "0 inf", "-inf 1", "1e999 1", "0 " + "9" * 400, "0 " + "9" * 5000])
def test_segment_times_that_are_no_numbers_leave_out_their_utterance_alone(tmp_path, times) -> None:
    soundfile.write(tmp_path / "x.wav", samples(16000, 0), RATE)
    tables = {"wav.scp": {"x": str(tmp_path / "x.wav")}, "utt2spk": {"u": "s", "v": "s"}}
    write_datadir(tmp_path / "data", tables | {"segments": {"u": "x 0 0.5", "v": f"x {times}"}})
    read = list(read_waveforms(items_of(DataDir.open(tmp_path / "data"), ["u", "v"]), RATE))
    assert [item[0] for item in read if isinstance(item, tuple)] == ["u"]
    assert [item.utt for item in read if isinstance(item, Unread)] == ["v"]
