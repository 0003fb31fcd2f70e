"""Data directories, and files of scores, answers and transcripts."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from fuzz.box import Box
from fuzz.case import Files
from fuzz.target import Reader, Target
from fuzz.targets.several import each, number_of

_TABLES = {
    "utt2spk": "a-1 a\na-2 a\nb-1 b\nb-2 b\n",
    "spk2utt": "a a-1 a-2\nb b-1 b-2\n",
    "wav.scp": "a-1 input/x.wav\na-2 input/x.ark:12\nb-1 cat y.wav |\nb-2 input/x.wav\n",
    "text": "a-1 two plus two\na-2 drei\nb-1 \u0928\u092e\u0938\u094d\u0924\u0947\nb-2 x\n",
    "utt2dur": "a-1 0.5\na-2 1.25\nb-1 3\nb-2 1e0\n",
    "utt2lang": "a-1 hin\na-2 hin\nb-1 urd\nb-2 urd\n",
    "utt2num_frames": "a-1 48\na-2 123\nb-1 298\nb-2 98\n",
}
_SEGMENTS = {
    "utt2spk": "a-1 a\na-2 a\nb-1 b\n",
    "wav.scp": "r1 input/x.wav\nr2 input/x.wav\n",
    "segments": "a-1 r1 0 0.5\na-2 r1 0.5 1.0\nb-1 r2 0.25 0.75\n",
    "reco2dur": "r1 1.0\nr2 1.0\n",
    "phones.ctm": "a-1 1 0.00 0.10 AH\na-1 1 0.10 0.20 B\nb-1 1 0 0.1 SIL\n",
    "utt2loc": "a-1 12.5,77.6\na-2 0,0\nb-1 -33.9,151.2\n",
    "problems.tsv": "where\treason\nx\ty\n",
}
_SCORES = (
    "utt\teng\thin\turd\n"
    "a-1\t-0.1\t-2.5\t-3\na-2\t-2\t-0.2\t-3.25\nb-1\t-1e0\t-0.9\t-0.8\nb-2\t-3\t-0.5\t-1\nc-1\t-0.7\t-1.5\t-1\n"
)
_LANGUAGES = "a-1 eng\na-2 hin\nb-1 urd\nb-2 hin\nc-1 eng\n"
_SPEAKERS = "a-1 a\na-2 a\nb-1 b\nb-2 b\nc-1 c\n"
_DURATIONS = "a-1 2.5\na-2 4\nb-1 12\nb-2 31\nc-1 1\n"
_REFERENCE = "a-1 two plus two\na-2 drei eins\nb-1 \u0928\u092e\u0938\u094d\u0924\u0947 x\nb-2 x\nc-1 a b c d\n"
_HYPOTHESIS = "a-1 two plus too\na-2 drei\nb-1 \u0928\u092e\u0938\u094d\u0924\u0947 x\nb-2\nc-1 a b c d e\n"
_ANSWERS = "utt\tspeaker\tlabel\tanswer\na-1\ta\thin\turd\na-2\ta\thin\thin\nb-1\tb\turd\turd\nb-2\tb\turd\thin\n"


_NOT_MENDED = ("recording-prefix", "no-utterances")


def _files(tables: dict[str, str]) -> Files:
    return {name: text.encode() for name, text in tables.items()}


def _data(_: Path) -> Reader:
    from masr.io.datadir import DataDir
    from masr.io.datadir.choose import Choice, choose, durations
    from masr.io.datadir.combine import combine
    from masr.io.datadir.fix import fix
    from masr.io.datadir.report import Checks
    from masr.io.datadir.screen import render_labels, render_report, render_summary
    from masr.io.datadir.select import split, subset
    from masr.io.datadir.summary import count_labels, overlapping, summarise
    from masr.io.datadir.validate import validate

    def shown(data: DataDir, kind: str) -> None:
        render_labels(data.folder, kind, count_labels(data, kind))

    def labels(data: DataDir) -> None:
        for kind in data.kinds():
            each(partial(shown, data, kind))

    def summary(data: DataDir) -> Any:
        found = summarise(data)
        return found, render_summary([found], overlapping([data]))

    def look(folder: Path, _: Path) -> Any:
        each(lambda: render_report(validate(folder, Checks(files=True))))
        data = DataDir.open(folder)
        labels(data)
        return each(lambda: summary(data), lambda: durations(data))

    def repair(folder: Path, _: Path) -> Any:
        fix(folder, Checks(files=False))
        left = validate(folder, Checks(files=False, text=False, wav=False, pipes=True, speaker_prefix=False))
        assert not left.total or all(rule in _NOT_MENDED for rule, _ in left.counts), (
            f"left after fix: {left.findings[0]}"
        )

    def some(folder: Path, out: Path) -> Any:
        data = DataDir.open(folder)
        return each(
            lambda: choose(data, Choice(num=2, how="shortest")),
            lambda: choose(data, Choice(min_sec=0.5, max_sec=2.0)),
            lambda: subset(data, out / "subset", list(data.utts)[:2]) and None,
        )

    def parts(folder: Path, out: Path) -> Any:
        data = DataDir.open(folder)
        each(
            lambda: split(data, 2, out=out / "split"),
            lambda: split(data, 2, by_speaker=True, out=out / "speakers"),
            lambda: combine(out / "twice", [data, DataDir.open(out / "split" / "1")], "keep"),
        )

    ways = (look, repair, some, parts)

    def read(box: Box) -> Any:
        return ways[number_of(box.input) % len(ways)](box.input, box.output)

    seeds = [_files(_TABLES), _files(_SEGMENTS)]
    words = ["a-1", "b-2", "a", "input/x.wav", "cat x |", "x.ark:5", "x.ark:9999999999999999999", "0.5", "r1", "<eps>"]
    return Reader(seeds, read, words=words, writes_input=True)


def _lid(_: Path) -> Reader:
    import numpy as np

    from masr.io.json_file import plain
    from masr.scoring.lid.record import as_json
    from masr.scoring.lid.report import render
    from masr.scoring.lid.score import Options, compute

    def score(options: Options) -> Any:
        outcome = compute(options)
        record = as_json(outcome)
        render(plain(record), outcome)
        return record["figures"]

    def read(box: Box) -> Any:
        folder = box.input
        found: list[Any] = []
        for name in ("scores.tsv", "scores.npy"):
            options = Options(folder / "utt2lang", folder / name, by=("lang",), durations=folder / "utt2dur")
            if (folder / name).exists():
                found += each(partial(score, options)) or each(
                    partial(score, replace(options, by=(), durations=None, partial=True))
                )
        return found

    stream = io.BytesIO()
    np.save(stream, np.array([[-0.1, -2, -3], [-2, -0.2, -3], [-1, -0.9, -0.8]], np.float32))
    array = {"scores.npy": stream.getvalue(), "scores.utts": b"a-1\na-2\nb-1\n", "scores.languages": b"eng\nhin\nurd\n"}
    tables = {"utt2lang": _LANGUAGES, "utt2spk": _SPEAKERS, "utt2dur": _DURATIONS}
    seeds: list[Files] = [
        _files({"scores.tsv": _SCORES, **tables}),
        {**array, **_files({"utt2lang": "a-1 eng\na-2 hin\nb-1 urd\n", "utt2spk": "a-1 a\na-2 a\nb-1 b\n"})},
    ]
    return Reader(seeds, read, words=["eng", "hin", "a-1", "-0.5", "\t", "-1e38", "3.4e38", "-inf"])


def _wer(_: Path) -> Reader:
    from masr.scoring.wer.report import render
    from masr.scoring.wer.score import Options, compute

    def read(box: Box) -> Any:
        ref, hyp = box.input / "text", box.input / "hyp"
        found = each(
            lambda: compute(Options(ref, hyp, cer=True, missing="delete", normalise="nfkc")),
            lambda: compute(Options(ref, hyp, against=hyp)),
        )
        for outcome in found:
            render(outcome)
        return [outcome.reports for outcome in found]

    seeds = [_files({"text": _REFERENCE, "hyp": _HYPOTHESIS, "utt2spk": _SPEAKERS})]
    return Reader(seeds, read, words=["two", "a-1", "<unk>", "x y z", "\u0928\u094d", "a " * 3000])


def _answers(_: Path) -> Reader:
    from masr.io.answers import read_answer_table, write_answer_table

    def read(box: Box) -> Any:
        table = read_answer_table(box.input / "answers.tsv")
        again = box.output / "again.tsv"
        write_answer_table(again, table)
        assert read_answer_table(again) == table, "what was read and written does not read back"

    return Reader([_files({"answers.tsv": _ANSWERS})], read, words=["a-1", "hin", "\t", "utt"])


TARGETS = (
    Target("data", "data directories: validated, fixed, summed up, split, combined", _data),
    Target("scores", "files of language scores, text and array, scored", _lid),
    Target("transcripts", "hypotheses and references, scored", _wer),
    Target("answers", "tables of answers", _answers),
)
