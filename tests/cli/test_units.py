from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from masr import plugins
from masr.cli.main import main
from masr.config import load
from masr.metadata.codebook import Codebook
from masr.types import Stream, Units

SYLLABLES = ["he", "lo", "the", "cat", "sat", "on", "ma", "se", "दो", "ती"]
WORDS = [one + other for one in SYLLABLES for other in SYLLABLES]
LANGUAGES = ["eng", "hin", "nob", "urd"]


def datadir(folder: Path, languages: list[str] = LANGUAGES, **tables: str) -> Path:
    folder.mkdir(parents=True)
    utts = [f"s{i % 3}-u{i:03d}" for i in range(60)]
    utts.sort()
    tables.setdefault("utt2spk", "".join(f"{utt} {utt[:2]}\n" for utt in utts))
    tables.setdefault("wav.scp", "".join(f"{utt} /x/{utt}.wav\n" for utt in utts))
    said = {utt: " ".join(WORDS[(i * k) % len(WORDS)] for k in range(1, 7)) for i, utt in enumerate(utts)}
    tables.setdefault("text", "".join(f"{utt} {said[utt]}\n" for utt in utts))
    tables.setdefault("utt2lang", "".join(f"{utt} {languages[i % len(languages)]}\n" for i, utt in enumerate(utts)))
    for name, content in tables.items():
        if content:
            (folder / name).write_text(content, encoding="utf-8")
    return folder


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


SMALL = ["--set", "units.vocab_size=35"]


def test_the_default_writes_units_and_the_codes_of_languages_and_places(tmp_path: Path) -> None:
    data, out = datadir(tmp_path / "data"), tmp_path / "units"
    assert main(["units", str(data), str(out), *SMALL]) == 0
    assert files(out) == {
        "units.txt",
        "units.model",
        "config.yaml",
        "provenance.json",
        "codes/language.npz",
        "codes/language.tsv",
        "codes/location.npz",
        "codes/location.tsv",
    }
    record = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
    assert (record["data"], record["num_units"]) == (str(data), 35)


def test_config_beside_the_output_opens_what_was_written(tmp_path: Path) -> None:
    data, out = datadir(tmp_path / "data"), tmp_path / "units"
    main(["units", str(data), str(out), "--set", "units.name=characters"])
    config = load(plugins.RunConfig, out / "config.yaml", resolve=plugins.resolve)
    units = plugins.build("units", config.units, out)
    assert isinstance(units, Units)
    assert units.decode(units.encode("the cat")) == "the cat"
    for named in config.streams:
        stream = plugins.build("metadata", named, Codebook.load(out / "codes" / f"{named.name}.npz"))
        assert isinstance(stream, Stream)
        assert np.isfinite(stream.codes(["hin", "nob"])).all()


def test_the_same_command_writes_the_same_bytes(tmp_path: Path) -> None:
    data = datadir(tmp_path / "data")
    for out in ("a", "b"):
        main(["units", str(data), str(tmp_path / out), *SMALL])
    for name in sorted(files(tmp_path / "a") - {"provenance.json"}):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_every_stream_of_the_config_gets_its_codes(tmp_path: Path) -> None:
    data, out = datadir(tmp_path / "data"), tmp_path / "units"
    conf = tmp_path / "conf.yaml"
    conf.write_text(
        "units: {name: characters, language_tags: true}\n"
        "streams: [{name: language, features: [syntax_knn]}, {name: lang}, {name: label, kind: spk}, "
        "{name: transcript}, {name: language, features: [fam]}]\n",
        encoding="utf-8",
    )
    assert main(["units", str(data), str(out), "--conf", str(conf)]) == 0
    names = {path.stem for path in (out / "codes").glob("*.npz")}
    assert names == {"language", "lang", "label", "transcript", "language.2"}
    assert Codebook.load(out / "codes" / "label.npz").labels == ("s0", "s1", "s2")
    assert (out / "codes" / "lang.tsv").read_text(encoding="utf-8").splitlines()[:2] == ["label\tutterances", "eng\t15"]
    assert (out / "units.txt").read_text(encoding="utf-8").splitlines()[-1].startswith("<lang:urd> ")


def test_labels_of_further_data_get_codes_but_give_no_units(tmp_path: Path) -> None:
    data = datadir(tmp_path / "train")
    dev = datadir(tmp_path / "dev", ["tam"], text="s0-u000 ööö\n")
    out = tmp_path / "units"
    assert main(["units", str(data), str(out), "--also", str(dev), "--set", "units.name=characters"]) == 0
    assert "tam" in Codebook.load(out / "codes" / "language.npz").labels
    assert "ö" not in (out / "units.txt").read_text(encoding="utf-8")


def test_data_without_text_has_codes_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = datadir(tmp_path / "data", text=""), tmp_path / "units"
    assert main(["units", str(data), str(out)]) == 0
    assert "has no text" in capsys.readouterr().out
    assert not (out / "units.txt").exists()
    assert (out / "codes" / "language.npz").exists()


def test_data_without_languages_has_units_alone(tmp_path: Path) -> None:
    data, out = datadir(tmp_path / "data", utt2lang=""), tmp_path / "units"
    assert main(["units", str(data), str(out), *SMALL]) == 0
    assert files(out) == {"units.txt", "units.model", "config.yaml", "provenance.json"}


def test_a_second_run_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    data, out = datadir(tmp_path / "data"), tmp_path / "units"
    main(["units", str(data), str(out), *SMALL])
    (tmp_path / "lang.yaml").write_text("streams: [{name: lang}]\nunits: {name: characters}\n", encoding="utf-8")
    main(["units", str(data), str(out), "--conf", str(tmp_path / "lang.yaml")])
    assert files(out) == {"units.txt", "config.yaml", "provenance.json", "codes/lang.npz", "codes/lang.tsv"}


@pytest.mark.parametrize(
    ("options", "tables", "message"),
    [
        (["--set", "units.vocab_size=9000"], {}, "more than the text allows"),
        (["--set", "units.vocabsize=bpe"], {}, "units.vocabsize: unknown key"),
        (["--set", "units.name=characterz"], {}, "did you mean characters?"),
        (SMALL, {"utt2lang": "s0-u000 lvs\n"}, "utt2lang: s0-u000: lang2vec's syntax_knn"),
        (SMALL, {"utt2lang": "s0-u000 xqq\n"}, "lang2vec has no language 'xqq'"),
        (SMALL, {"utt2loc": "s0-u000 95 10\n"}, "utt2loc: s0-u000: there is no place '95 10'"),
        (["--conf", "CONF"], {}, "did you mean utt2lang?"),
    ],
)
def test_a_mistake_exits_2_and_leaves_what_was_there(
    options: list[str],
    tables: dict[str, str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "conf.yaml").write_text("streams: [{name: lange}]\nunits: {name: characters}\n", encoding="utf-8")
    options = [str(tmp_path / "conf.yaml") if option == "CONF" else option for option in options]
    out = tmp_path / "units"
    main(["units", str(datadir(tmp_path / "good")), str(out), *SMALL])
    before = {name: (out / name).read_bytes() for name in files(out)}
    capsys.readouterr()
    assert main(["units", str(datadir(tmp_path / "bad", **tables)), str(out), *options]) == 2
    assert message in capsys.readouterr().err
    assert {name: (out / name).read_bytes() for name in files(out)} == before


def test_a_data_directory_that_is_not_there_exits_2(tmp_path: Path) -> None:
    assert main(["units", str(tmp_path / "none"), str(tmp_path / "units")]) == 2
