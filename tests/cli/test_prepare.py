from __future__ import annotations

import gzip
import json

import pytest

from masr.cli.main import main
from masr.io.datadir import DataDir
from reference import corpus_layouts as layouts


def test_a_corpus_becomes_directories_and_a_table(tmp_path, capsys) -> None:
    source = layouts.build("fleurs", tmp_path, {"truncated": layouts.bad_audio()["truncated"]})
    out = tmp_path / "data"
    assert main(["prepare", "fleurs", str(source), str(out), "--max-bad", "0.5", "--nj", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["split", "utterances", "speakers", "hours", "left", "out", "because"]
    assert [line.split()[0] for line in lines[1:4]] == ["train", "dev", "test"]
    assert "1 x truncated" in lines[1]
    assert lines[-1] == f"wrote {out}"
    assert len(DataDir.open(out / "dev")) == 5


def test_too_much_that_is_bad_exits_2_and_says_what(tmp_path, capsys) -> None:
    source = layouts.build("fleurs", tmp_path, {"truncated": layouts.bad_audio()["truncated"]})
    assert main(["prepare", "fleurs", str(source), str(tmp_path / "data"), "--max-bad", "0.1"]) == 2
    error = capsys.readouterr().err
    assert "1 x truncated" in error
    assert "train.problems.tsv" in error


def test_an_option_of_the_corpus(tmp_path) -> None:
    source = layouts.build("fleurs", tmp_path)
    options = ["--set", "splits=[dev]", "--set", "languages=[ur_pk]", "--shards"]
    assert main(["prepare", "fleurs", str(source), str(tmp_path / "data"), *options]) == 0
    assert sorted(p.name for p in (tmp_path / "data").iterdir()) == ["dev"]
    assert set(DataDir.open(tmp_path / "data/dev").labels("lang").values()) == {"urd"}


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (["fluers"], "fleurs"),
        (["fleurs", "--set", "langauges=[hi_in]"], "languages"),
        (["fleurs", "--set", "languages=[hi_im]"], "hi_in"),
        (["dhwani", "--set", "languages=[hindee]"], "hindi"),
        (["fleurs", "--max-bed", "1"], "--max-bad"),
    ],
)
def test_slips_get_the_near_names(tmp_path, capsys, arguments, near) -> None:
    name, *options = arguments
    try:
        code = main(["prepare", name, str(tmp_path), str(tmp_path / "data"), *options])
    except SystemExit as stopped:
        code = stopped.code
    assert code == 2
    assert near in capsys.readouterr().err


def test_the_wrong_folder_shows_the_tree_that_was_looked_for(tmp_path, capsys) -> None:
    for name in ("fleurs", "debian", "dhwani", "librispeech", "pangloss", "lhotse"):
        assert main(["prepare", name, str(tmp_path), str(tmp_path / "data")]) == 2
        error = capsys.readouterr().err
        assert "looked for\nSOURCE/" in error
        assert "fix:" in error


def test_what_an_option_would_take_is_said_with_the_option(tmp_path, capsys) -> None:
    bad = {name: layouts.bad_audio()[name] for name in ("wrong rate", "not mono")}
    source = layouts.build("pangloss", tmp_path, bad)
    assert main(["prepare", "pangloss", str(source), str(tmp_path / "data")]) == 0
    said = capsys.readouterr().out
    assert "note: 1 x wrong rate: --resample" in said
    assert "note: 1 x not mono: " in said and "channel=0" in said
    assert main(["prepare", "pangloss", str(source), str(tmp_path / "data"), "--max-bad", "0"]) == 2
    assert "--resample" in capsys.readouterr().err
    assert main(["prepare", "pangloss", str(source), str(tmp_path / "data"), "--resample"]) == 0
    assert "wrong rate" not in capsys.readouterr().out


def test_what_is_prepared_is_valid_where_some_have_no_transcript(tmp_path, capsys) -> None:
    source = layouts.build("lhotse", tmp_path)
    for path in source.glob("*supervisions*"):
        records = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        del records[0]["text"]
        layouts.jsonl(path, records)
    assert main(["prepare", "lhotse", str(source), str(tmp_path / "data")]) == 0
    (folder,) = (tmp_path / "data").glob("*/")
    assert main(["data", "validate", str(folder), "--audio"]) == 0
    assert "1 of 6 transcripts are empty" in capsys.readouterr().out
