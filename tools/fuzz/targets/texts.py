"""Units, codes, lexicons, language models, TextGrids and annotations."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from fuzz.box import Box
from fuzz.case import Files, read_folder
from fuzz.target import Reader, Target
from fuzz.targets.several import each

_SENTENCES = ["two plus two", "drei und vier", "\u0928\u092e\u0938\u094d\u0924\u0947 x", "a b c d e"]


def _units(scratch: Path) -> Reader:
    from masr.api import read_units
    from masr.config import Named, dump
    from masr.inference.lexicon import read_lexicon
    from masr.io.atomic import atomic_write
    from masr.plugins import RunConfig
    from masr.units import characters, sentencepiece

    def seed(name: str, config: Any, units: Any) -> Files:
        folder = scratch / name
        folder.mkdir()
        units.save(folder)
        atomic_write(folder / "config.yaml", dump(RunConfig(units=Named(name, config))))
        atomic_write(folder / "lexicon.txt", "two\nplus\tp l u s\ndrei\n" if name == "characters" else "two\ndrei\n")
        return read_folder(folder)

    def read(box: Box) -> Any:
        units = read_units(box.input)
        ids = each(lambda: units.encode("two plus zwei"))
        each(*(partial(units.decode, one) for one in ids))
        each(lambda: read_lexicon(box.input / "lexicon.txt", units, "drop"))
        return ids

    letters, pieces = characters.Config(), sentencepiece.Config(vocab_size=40, hard_vocab_limit=False)
    seeds = [
        seed("characters", letters, characters.train(letters, _SENTENCES, ("hin", "urd"))),
        seed("sentencepiece", pieces, sentencepiece.train(pieces, _SENTENCES * 5, ("hin",))),
    ]
    return Reader(
        seeds, read, words=["<blank> 0", "<unk> 1", "<lang:hin>", "<space>", "\\u0041", "<0x41>", "a 2", "p l"]
    )


def _codes(scratch: Path) -> Reader:
    import numpy as np

    from masr.metadata.codebook import Codebook

    book = Codebook(("hin", "urd", "eng"), np.eye(3, 4, dtype=np.float32), {"a": 1, "b": [1, 2]}, {"least": 0.5})
    book.save(scratch, "language")

    def read(box: Box) -> Any:
        found = Codebook.load(box.input / "language.npz")
        found.lookup()
        found.dealt_out(1)
        return found.facts  # codes may be NaN: a label without one

    return Reader(
        [read_folder(scratch)], read, words=["<f4", "|O", "<U3", "(3, 4)", "fortran_order", "True", "settings"]
    )


def _ngrams(scratch: Path) -> Reader:
    from masr.inference.language_model import open_language_model, unknown_words
    from masr.units.ngram import estimate

    words = ["two", "plus", "drei", "never"]
    path = scratch / "lm.arpa"
    path.write_text("".join(estimate([line.split() for line in _SENTENCES], 3).arpa()), encoding="utf-8")
    seed: Files = {"lm.arpa": path.read_bytes()}

    def read(box: Box) -> Any:
        model = open_language_model(box.input / "lm.arpa", words)
        unknown_words(model, words)
        state = model.start(False)
        scores = []
        for place in range(len(words)):
            state, score = model.score(state, place)
            scores.append(score)
        return scores

    tokens = ["ngram 1=3", "ngram 3=5", "\\1-grams:", "\\end\\", "<s>", "</s>", "<unk>", "-99", "two plus", "\\data\\"]
    return Reader([seed], read, words=tokens)


def _textgrid(_: Path) -> Reader:
    from masr.corpora.textgrid import read_textgrid
    from reference.corpus_layouts import textgrid

    long = textgrid([(0.0, 0.1, "sil"), (0.1, 0.3, 'AH"0'), (0.3, 0.5, "")], 0.5)
    short = '"ooTextFile"\n"TextGrid"\n0\n0.5\n<exists>\n1\n"IntervalTier"\n"phones"\n0\n0.5\n1\n0\n0.5\n"AH"\n'
    short = "File type = " + short.replace('"TextGrid"', 'Object class = "TextGrid"\n', 1)

    def read(box: Box) -> Any:
        return read_textgrid(box.input / "x.TextGrid")

    seeds: list[Files] = [{"x.TextGrid": text.encode()} for text in (long, short)]
    return Reader(
        seeds, read, words=['"IntervalTier"', '"TextTier"', "size = 3", "<exists>", "<absent>", '""', "xmin = 0"]
    )


def _annotations(_: Path) -> Reader:
    from masr.corpora.pangloss_xml import read_annotation
    from reference.corpus_layouts import pangloss_xml

    texts = [
        pangloss_xml([("S1", 0.0, 0.2, "a b"), ("S2", 0.25, 0.5, "c")]),
        pangloss_xml([("W1", 0.0, 0.2, "a")], root="WORDLIST"),
        pangloss_xml([("S1", 0, 1, "x")], prolog='<!DOCTYPE TEXT SYSTEM "x.dtd" [<!ENTITY e "x">]>\n'),
    ]

    def read(box: Box) -> Any:
        return read_annotation(box.input / "tale.xml")

    words = [
        "<S>",
        "</S>",
        "<AUDIO",
        'start="1"',
        "&e;",
        "&#0;",
        "&#x10ffff;",
        "<![CDATA[",
        "]]>",
        "<!--",
        "UTF-16",
        "utf-7",
    ]
    words += [
        '<!ENTITY a "&b;&b;">',
        'SYSTEM "file:///etc/passwd"',
        "<FORM/>",
        "xml:lang",
        "iso-8859-1",
        "idna",
        "undefined",
    ]
    return Reader([{"tale.xml": text.encode()} for text in texts], read, words=words)


def _sidecar(_: Path) -> Reader:
    from masr.corpora.sidecar import read_sidecar

    text = b"file\tspeaker\tloc\nx.wav\ta\t12.5,77\ny.wav\tb\t0,0\n"

    def read(box: Box) -> Any:
        read_sidecar(box.input)

    return Reader([{"metadata.tsv": text}], read, words=["file", "speaker", "\t", "x.wav", "series", "..", "dur"])


TARGETS = (
    Target("units", "lists of units, models of SentencePiece, lexicons", _units),
    Target("codes", "codes of metadata", _codes),
    Target("ngrams", "language models in ARPA", _ngrams),
    Target("textgrids", "TextGrids of an aligner", _textgrid),
    Target("annotations", "XML of Pangloss", _annotations),
    Target("sidecars", "metadata.tsv beside a corpus", _sidecar),
)
