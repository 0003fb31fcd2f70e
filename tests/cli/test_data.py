from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from masr.cli.main import main
from masr.io.ark import ArchiveWriter
from masr.io.datadir import DataDir, read_table, write_datadir, write_table
from masr.io.one_writer import writing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    utts = [f"{spk}-{n}" for spk in ("anna", "bob") for n in range(10)]
    write_datadir(
        tmp_path / "train",
        {
            "utt2spk": {utt: utt.split("-")[0] for utt in utts},
            "wav.scp": {utt: f"{tmp_path}/x.ark:{n}" for n, utt in enumerate(utts)},
            "text": dict.fromkeys(utts, "words"),
            "utt2dur": {utt: f"{1 + n}" for n, utt in enumerate(utts)},
            "utt2lang": {utt: ["hin", "urd", "no"][n % 3] for n, utt in enumerate(utts)},
        },
    )
    (tmp_path / "x.ark").write_bytes(bytes(100))
    return tmp_path / "train"


def test_a_sound_directory_is_said_to_be_one(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["data", "validate", str(folder)]) == 0
    assert "20 utterances, every rule is kept" in capsys.readouterr().out


def test_findings_are_capped_counted_and_end_with_their_fix(folder: Path, capsys: pytest.CaptureFixture[str]):
    rows = [f"{utt} {'x' if n < 7 else '1'}\n" for n, utt in enumerate(DataDir.open(folder).utts)]
    (folder / "utt2dur").write_text("".join(rows))
    assert main(["data", "validate", str(folder)]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines[:5]] == [f"{folder}/utt2dur:{n}" for n in range(1, 6)]
    assert lines[5] == "  ... and 2 more (--all lists them)"
    assert lines[6].startswith("  fix: ")
    assert lines[-1].endswith("7 problems; the audio was not opened (--audio reads it)")
    assert main(["data", "validate", "--all", str(folder)]) == 2
    assert f"{folder}/utt2dur:7: x is not a positive number [number]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("table", "option"), [("text", "--no-text"), ("wav.scp", "--no-wav"), (None, "--allow-pipes"), ("-", "--no-files")]
)
def test_options_of_validate(folder: Path, table: str | None, option: str):
    if table is None:
        rows = read_table(folder / "wav.scp")
        (folder / "wav.scp").write_text("".join(f"{utt} cat {path} |\n" for utt, path in rows.items()))
    elif table == "-":
        (folder.parent / "x.ark").unlink()
    else:
        (folder / table).unlink()
    assert main(["data", "validate", str(folder)]) == 2
    assert main(["data", "validate", str(folder), option]) == 0


def test_archives_are_read_whole_where_that_is_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]):
    utts = DataDir.open(folder).utts
    with ArchiveWriter(folder / "feats.1.ark") as archive:
        for utt in utts:
            archive.append(utt, np.ones((3, 2), np.float32))
    write_table(folder / "feats.scp", archive.rows)
    assert main(["data", "validate", str(folder), "--full"]) == 0
    place = int(archive.rows[utts[4]].rpartition(":")[2])
    data = bytearray((folder / "feats.1.ark").read_bytes())
    data[place + 20] ^= 1
    (folder / "feats.1.ark").write_bytes(data)
    assert main(["data", "validate", str(folder)]) == 0
    capsys.readouterr()
    assert main(["data", "validate", str(folder), "--full"]) == 2
    said = capsys.readouterr().out
    assert f"{folder}/feats.scp:5: {folder}/feats.1.ark: the value of {utts[4]} is not what was written" in said
    (folder / "feats.1.ark.crc32").unlink()
    assert main(["data", "validate", str(folder), "--full"]) == 0


def test_fix_tells_what_it_did_and_what_is_left(folder: Path, capsys: pytest.CaptureFixture[str]):
    text = (folder / "text").read_text().splitlines()
    (folder / "text").write_text("\r\n".join(reversed(text[2:])))
    assert main(["data", "fix", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "dropped 2: utterances that text does not have" in out
    assert "utterances dropped: anna-0 anna-1" in out
    assert "kept 18 of 20 utterances; rewrote" in out
    assert f"as they were: {folder}/.backup" in out
    (folder.parent / "x.ark").unlink()
    assert main(["data", "fix", str(folder)]) == 2
    assert "missing-file" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "utts"),
    [
        (["--first", "2"], ["anna-0", "anna-1"]),
        (["--last", "1"], ["bob-9"]),
        (["--shortest", "1"], ["anna-0"]),
        (["--min-dur", "19", "--max-dur", "19.5"], ["bob-8"]),
        (["--keep", "lang=no,urd", "--drop", "lang=no", "--max-dur", "5"], ["anna-1", "anna-4"]),
        (["--utts", "list"], ["anna-3", "bob-2"]),
        (["--spks", "list", "--first", "1"], ["bob-0"]),
    ],
)
def test_subset(folder: Path, tmp_path: Path, options: list[str], utts: list[str]):
    wanted = tmp_path / "list"
    wanted.write_text("bob\n" if "--spks" in options else "bob-2 and more\n\nanna-3\n")
    arguments = [str(wanted) if option == "list" else option for option in options]
    assert main(["data", "subset", str(folder), str(tmp_path / "out"), *arguments]) == 0
    assert list(DataDir.open(tmp_path / "out").utts) == utts
    assert main(["data", "validate", str(tmp_path / "out")]) == 0


@pytest.mark.parametrize(("options", "num"), [(["--num", "7"], 7), (["--per-spk", "3"], 6), (["--per-label"], 6)])
def test_draws_are_the_same_for_the_same_seed(folder: Path, tmp_path: Path, options: list[str], num: int):
    drawn = []
    for seed in ("1", "1", "2"):
        more = ["lang", "2"] if options == ["--per-label"] else []
        command = ["data", "subset", str(folder), str(tmp_path / "out"), *options, *more, "--seed", seed]
        assert main(command) == 0
        drawn.append(list(DataDir.open(tmp_path / "out").utts))
    assert len(drawn[0]) == num
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["subset", "DIR", "OUT", "--keep", "lang"], "is not KIND=A,B"),
        (["subset", "DIR", "OUT", "--keep", "lang=hni"], "did you mean hin?"),
        (["subset", "DIR", "OUT", "--per-label", "lang", "x"], "not a whole number"),
        (["subset", "DIR", "OUT", "--utts", "gone"], "cannot be read"),
        (["subset", "DIR", "OUT", "--num", "99"], "20 are there"),
        (["split", "DIR", "3", "--by-speaker"], "cannot be split into 3"),
        (["combine", "OUT", "DIR", "DIR"], "another of the directories"),
        (["summary", "DIR/tarin"], "no such directory"),
        (["fix", "OUT"], "no such directory"),
        (["split", "OUT", "2"], "no such directory"),
        (["labels", "DIR", "lnag"], "did you mean lang?"),
    ],
)
def test_mistakes_exit_2_with_a_fix(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
):
    filled = [a.replace("DIR", str(folder)).replace("OUT", str(tmp_path / "out")) for a in arguments]
    assert main(["data", *filled]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_split_combine_summary_and_labels(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["data", "split", str(folder), "2", "--by-speaker"]) == 0
    parts = [str(folder / "split2" / n) for n in "12"]
    assert main(["data", "combine", str(tmp_path / "again"), *parts]) == 0
    assert (tmp_path / "again" / "text").read_bytes() == (folder / "text").read_bytes()
    capsys.readouterr()
    assert main(["data", "summary", *parts]) == 0
    out = capsys.readouterr().out
    assert "together" in out
    assert "lang" in out
    assert "20" in out
    assert main(["data", "summary", *parts, str(folder)]) == 0
    assert "together" not in capsys.readouterr().out
    assert main(["data", "labels", str(folder), "lang"]) == 0
    assert "urd" in capsys.readouterr().out
    assert main(["data", "labels", str(folder)]) == 0
    assert capsys.readouterr().out == "lang\n"


@pytest.mark.parametrize(
    ("arguments", "held"),
    [
        (["subset", "DIR", "OUT", "--first", "5"], "OUT"),
        (["combine", "OUT", "DIR"], "OUT"),
        (["split", "DIR", "2", "--out", "OUT"], "OUT"),
        (["split", "DIR", "2"], "DIR"),
        (["fix", "DIR"], "DIR"),
    ],
)
def test_a_folder_that_another_writes_to_is_left_alone(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], held: str
):
    places = {"DIR": folder, "OUT": tmp_path / "out"}
    filled = [str(places.get(word, word)) for word in arguments]
    with writing(places[held], "data"):
        assert main(["data", *filled]) == 2
    assert "another run of `masr data` is at work here" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert sorted(path.name for path in folder.iterdir() if path.name != ".index") == sorted(
        DataDir.open(folder).tables()
    )
    assert main(["data", *filled]) == 0


def test_an_unknown_verb_or_option_exits_2(capsys: pytest.CaptureFixture[str]):
    for arguments in (["vaildate"], ["validate", "x", "--no-fils"], []):
        with pytest.raises(SystemExit) as caught:
            main(["data", *arguments])
        assert caught.value.code == 2
    assert "validate" in capsys.readouterr().err


def test_labels_of_brackets_are_shown_as_they_are(folder: Path, capsys: pytest.CaptureFixture[str]):
    utts = DataDir.open(folder).utts
    write_datadir(folder, {"utt2spk": {u: u for u in utts}, "utt2note": dict.fromkeys(utts, "[red]a[/b] :smile:")})
    assert main(["data", "labels", str(folder), "note"]) == 0
    assert "[red]a[/b] :smile:" in capsys.readouterr().out


def test_a_corrupted_copy_is_trained_on_and_the_log_says_what_was_hidden(
    spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "train"
    options = ["--share", "0.4", "--seconds", "0.1,0.3", "--kinds", "noise=2,music", "silence", "--level-db", "0,3"]
    assert main(["data", "corrupt", str(spoken / "data" / "train"), str(out), *options, "--seed", "3"]) == 0
    said = capsys.readouterr().out
    assert "32 utterances" in said
    assert sum(float(part.split()[1]) for part in said.split("; ")[1].split(" (")[0].split(", ")) == pytest.approx(
        40, abs=0.2
    )
    assert main(["data", "validate", str(out), "--audio"]) == 0
    assert main(["features", str(out), "--set", "features.num_bins=24"]) == 0
    changes = [f"train={out}", "streams=[]", 'batching.stream=""']
    run = ["train", str(spoken / "run.yaml"), str(tmp_path / "run")]
    assert main([*run, *(word for change in changes for word in ("--set", change))]) == 0
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    shares = [line[name] for line in lines for name in ("clean", "masked_clean") if name in line]
    assert shares
    assert all(0.3 < share < 0.9 for share in shares)
    capsys.readouterr()
    assert main(["data", "corrupt", str(out), str(tmp_path / "again")]) == 2
    assert "corrupted already" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--overlay"], ["--kinds", "rain"], ["--seconds", "1,1.5"]])
def test_corruptions_that_make_no_sense_exit_2(
    folder: Path, tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
):
    assert main(["data", "corrupt", str(folder), str(tmp_path / "out"), *options]) == 2
    assert options[0] in capsys.readouterr().err
