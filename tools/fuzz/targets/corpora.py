"""The corpora's own trees, from the first look to data directories on disk."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fuzz.box import Box
from fuzz.case import Files, read_folder
from fuzz.target import Reader, Target
from fuzz.targets.several import each

_WORDS = {
    "fleurs": ["100.wav", "FEMALE", "8000", "7", "\t", "hi_in"],
    "dhwani": ["hindi/", "vid00000001", "broken-"],
    "librispeech": ["84-121123-0000", "HELLO", " | ", "dev-clean", "F", '"phones"', "size = 2"],
    "pangloss": ["<S>", "start=", "&#0;", "tale.wav", "metadata", "nru", "file\tspeaker\n"],
    "voxlingua107": ["hi/", "vid00000001---", ".wav", "PK\x01\x02", "dev/"],
    "ml_superb": ["fleurs_hin_000001", " 0.5 ", "nan", "1e999", "../", "\n"],
    "common_voice": ["client_id", "\t", "common_voice_hi_1.mp3", "zh-CN", "../", "a1a1a1a1"],
    "webdataset": [
        "000000.json",
        ".tar",
        "shards.txt",
        "http://127.0.0.1:9/a.tar",
        '"language": "eng"',
        "dev-",
        ".txt",
        "../",
    ],
    "shar": [
        '"id": "r1"',
        ".tar",
        "recording.000000.tar",
        '"start": -1',
        "1e999",
        "[]",
        "{}",
        '"channels": [0, 1]',
        "../",
    ],
    "parquet": ["PAR1", "huggingface", "ClassLabel", "bytes", "path", "audio", "cv_eng_000001", "\0\0\0\0"],
    "folder": ["file_name,", "a0.wav", '"', "\n", "\0", "split", "language", "{}", "speaker_id", "../", "28 77"],
    "lhotse": [
        '"id": "r1"',
        '"channel": [0, 1]',
        '"duration": 1e999',
        "null",
        "[]",
        "{}",
        '"sources": []',
        "r1.wav",
        "-1",
    ],
}
_MISSING = () if find_spec("pyarrow") else ("parquet",)


def _corpus(name: str, scratch: Path) -> Reader:
    from masr.config import loads
    from masr.corpora.check import check
    from masr.corpora.prepare import prepare
    from masr.io.datadir.report import Checks
    from masr.io.datadir.validate import validate
    from masr.plugins import open_plugin
    from reference import corpus_layouts

    root = corpus_layouts.build(name, scratch)
    _add(name, root)
    module = open_plugin("corpora", name)
    corpus = module.build(loads(module.Config, "", name))

    def valid(box: Box, split: str) -> None:
        report = validate(box.output / "data" / split, Checks(text=False, speaker_prefix=False))
        assert not report.total, f"what was written is no data directory: {report.findings[0]}"

    def read(box: Box) -> Any:
        each(lambda: check(corpus, box.input))
        done = prepare(corpus, box.input, box.output / "data", resample=True)
        for summary in done:
            if summary.num_utterances:
                valid(box, summary.split)
        return done

    return Reader([read_folder(root)], read, words=_WORDS[name])


def _add(name: str, root: Path) -> None:
    """What the smallest corpus lacks: alignments, cuts, several channels, a metadata.tsv."""
    from reference import corpus_layouts as layouts

    if name == "librispeech":
        grid = layouts.textgrid([(0.0, 0.1, "sil"), (0.1, 0.5, "AH0")], 0.5)
        folder = root / "LibriSpeech" / "dev-clean" / "84" / "121123"
        (folder / "84-121123-0000.TextGrid").write_text(grid, encoding="utf-8")
    if name == "pangloss":
        (root / "metadata.tsv").write_text("file\tspeaker\tseries\ntale\ta\tx\nsong\tb\ty\n", encoding="utf-8")
    if name == "folder":
        (root / "metadata.jsonl").write_text('{"file_name": "train/a1", "place": "28.6 77.2", "split": "val"}\n')
    if name == "lhotse":
        cut = {
            "id": "c1",
            "start": 0.0,
            "duration": 0.5,
            "channel": 0,
            "type": "MonoCut",
            "recording": layouts.recording("r1", "r1.wav"),
            "supervisions": [layouts.supervision("s1", "r1", text="a", custom={"gender": "f"})],
        }
        layouts.jsonl(root / "cuts_dev.jsonl", [cut])


def _lines(scratch: Path) -> Reader:
    """The same manifests, of audio that is sound: most inputs reach their lines."""
    from masr.config import loads
    from masr.corpora import lhotse
    from masr.types import Utterance
    from reference import corpus_layouts as layouts

    for i in range(2):
        (scratch / f"r{i}.wav").write_bytes(layouts.wav(layouts.samples(i)))
    corpus = lhotse.build(loads(lhotse.Config, "", "lhotse"))
    recordings = [layouts.recording(f"r{i}", str(scratch / f"r{i}.wav")) for i in range(2)]
    segments = [layouts.supervision(f"s{i}", f"r{i}", 0.1, 0.3, text="x", speaker="s", gender="f") for i in range(2)]
    cuts = [
        {
            "id": "c",
            "start": 0.1,
            "duration": 0.2,
            "channel": 0,
            "recording": recordings[0],
            "supervisions": segments[:1],
        }
    ]
    (scratch / "made").mkdir()
    layouts.lhotse(scratch / "made", recordings, segments)
    layouts.jsonl(scratch / "made" / "cuts_train.jsonl", cuts)
    files = read_folder(scratch / "made")
    split: Files = {name: content for name, content in files.items() if name.endswith(".gz")}
    whole: Files = {name: content for name, content in files.items() if not name.endswith(".gz")}

    def read(box: Box) -> Any:
        items = [item for part in corpus.parts(box.input) for item in corpus.read(part)]
        return [
            (item.start_sec, item.end_sec) if isinstance(item, Utterance) and hasattr(item, "start_sec") else None
            for item in items
        ]

    return Reader([split, whole], read, words=_WORDS["lhotse"])


TARGETS = (
    Target("lhotse-lines", "lines of lhotse's manifests", _lines),
    *(Target(name, f"{name}: checked and prepared", partial(_corpus, name)) for name in _WORDS if name not in _MISSING),
)
