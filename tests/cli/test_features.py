from __future__ import annotations

import numpy as np
import pytest
import soundfile

from masr.cli.main import main
from masr.io.ark import read_matrix
from masr.io.datadir import read_table, write_datadir


@pytest.fixture
def folder(tmp_path):
    wav_scp = {}
    for n in range(4):
        path = tmp_path / f"a folder é {n}.wav"
        soundfile.write(path, np.random.default_rng(n).integers(-999, 999, 8000, dtype=np.int16), 16000)
        wav_scp[f"u{n}"] = str(path)
    write_datadir(tmp_path / "data", {"wav.scp": wav_scp, "utt2spk": {utt: utt for utt in wav_scp}})
    return tmp_path / "data"


def test_in_one_go(folder, capsys):
    assert main(["features", str(folder)]) == 0
    assert "4 utterances, 192 frames, 4 speakers" in capsys.readouterr().out
    assert read_matrix(read_table(folder / "feats.scp")["u0"]).shape == (48, 80)
    assert "name: log_mel" in (folder / "data" / "config.yaml").read_text()


def test_as_a_job_array_with_a_configuration(folder, tmp_path, capsys):
    conf = tmp_path / "features.yaml"
    conf.write_text("features: {name: mfcc, num_ceps: 12}\nstorage: float16\nunits: {name: sentencepiece}\n")
    for number in (1, 2):
        assert main(["features", str(folder), "--conf", str(conf), "--job", f"{number}/2"]) == 0
    assert main(["features", str(folder), "--merge", "2"]) == 2
    assert "do not belong to this run" in capsys.readouterr().err
    assert main(["features", str(folder), "--conf", str(conf), "--merge", "2"]) == 0
    assert read_matrix(read_table(folder / "feats.scp")["u3"]).shape == (48, 12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--job", "0/3"], "--job 0/3"),
        (["--job", "4/3"], "--job 4/3"),
        (["--job", "x"], "--job x"),
        (["--nj", "0"], "--nj 0"),
        (["--merge", "0"], "--merge 0"),
        (["--max-bad", "2"], "--max-bad 2"),
        (["--device", "quantum"], "quantum"),
        (["--set", "features.num_bin=3"], "num_bins"),
        (["--set", "features.low_hz=9000"], "mel filters"),
        (["--set", "storage=float15"], "float16"),
        (["--conf", "gone.yaml"], "no such file"),
    ],
)
def test_what_cannot_be_exits_2_and_writes_nothing(folder, capsys, arguments, message):
    before = sorted(folder.rglob("*"))
    assert main(["features", str(folder), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert sorted(p for p in folder.rglob("*") if p.name != ".index") == before


def test_a_directory_that_is_none_names_the_near_ones(folder, capsys):
    assert main(["features", str(folder.parent / "dat")]) == 2
    assert "data" in capsys.readouterr().err
