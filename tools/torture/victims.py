"""What is tortured: calls of masr on a corpus of a minute, which is spoken, prepared and trained on first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torture.folders import replace
from torture.process import call

_LANGUAGES = "languages=[en_us,hi_in,ur_pk]"
_CHARACTERS = "units.name=characters"
_NUM_BINS = "features.num_bins=16"

_TRAINING = """\
train: {root}/data/train
dev: {root}/data/dev
codes: {root}/units
encoder: {{num_bins: 16, dim: 16, num_layers: 1, num_heads: 2, feed_forward_dim: 24, dropout: 0.1}}
data: {{num_workers: 0}}
batching: {{batch_frames: 1500, max_frames: 600}}
optim: {{warmup_steps: 4}}
training: {{max_steps: {steps}, log_every: 2, validate_every: 4, save_every: 3, keep_best: 2, accumulate: 2,
  ema_decay: 0.9, tensorboard: false}}
"""
_PRETRAINING = """\
objective: {num_codes: 16, code_dim: 4}
streams: [{name: language, projection_dim: 8, warmup_steps: 0}]
"""
_CTC = """\
init: null
objective: {name: ctc}
"""
_LID = """\
init: null
objective: {name: lid, languages: [eng, hin, urd]}
"""
_TABLE = """\
title: Neighbours
corpus: made-up
sizes: {{mini: {{what: a minute, embedded: true, seeds: [0, 1]}}}}
steps:
  - {{name: vectors, command: [masr, extract, {run}, "{{data}}/test", "{{out}}"]}}
  - name: score
    command: [masr, score, neighbours, "{{vectors}}", "{{vectors}}", --kind, lang, --seed, "{{seed}}",
      --json, "{{out}}/scores.json"]
rows: [{{name: x, label: X}}]
columns: [{{name: nn, label: nn, step: score, file: scores.json, at: [shares, all, 1-NN], value: [accuracy]}}]
"""


@dataclass(frozen=True)
class Victim:
    """A call, and where it writes to."""

    name: str
    out: Path
    words: tuple[str, ...]
    other: tuple[str, ...] = ()
    """A call that writes something else to the same folder."""
    start: Path | None = None
    """What the folder holds before; nothing where this is None."""

    def begin_again(self) -> None:
        """The folder is as it was before the first call."""
        replace(self.out, self.start)


def build(root: Path) -> dict[str, Victim]:
    """Name -> call. The corpus, its data and the models that the calls read are made below `root` where not there."""
    _write_configurations(root)
    for words, made in _preparations(root):
        if not (root / made).exists():
            ended = call(words, root)
            if ended.code:
                raise RuntimeError(f"masr {' '.join(words)}: exit code {ended.code}\n{ended.said}")
    return {victim.name: victim for victim in _victims(root)}


def _write_configurations(root: Path) -> None:
    for name, rest, steps in (
        ("best_rq", _PRETRAINING, 12),
        ("ctc", _CTC, 3),
        ("lid", _LID, 3),
    ):
        root.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.yaml").write_text(_TRAINING.format(root=root, steps=steps) + rest, encoding="utf-8")
    (root / "tables").mkdir(exist_ok=True)
    (root / "tables" / "small.yaml").write_text(_TABLE.format(run=root / "run"), encoding="utf-8")


def _preparations(root: Path) -> Sequence[tuple[tuple[str, ...], str]]:
    """Calls, and what shows that each has been done."""
    data, corpus = str(root / "data"), str(root / "corpus")
    train, dev, test = (f"{data}/{split}" for split in ("train", "dev", "test"))
    also = ("--also", dev, "--also", test)
    return (
        (("corpus", "fleurs", "large", corpus, "--hours", "0.01", "--nj", "1", "--set", _LANGUAGES), "corpus"),
        (("prepare", "fleurs", corpus, data), "data"),
        (("prepare", "fleurs", corpus, str(root / "prepared")), "prepared"),
        *(
            (("features", f"{data}/{split}", "--set", _NUM_BINS), f"data/{split}/feats.scp")
            for split in ("train", "dev", "test")
        ),
        (("units", train, str(root / "units"), *also, "--set", _CHARACTERS), "units/codes"),
        (("train", str(root / "best_rq.yaml"), str(root / "run"), "--max-steps", "4"), "run/ended.json"),
        (("train", str(root / "ctc.yaml"), str(root / "ctc")), "ctc/ended.json"),
        (("train", str(root / "lid.yaml"), str(root / "lid")), "lid/ended.json"),
        (("decode", str(root / "ctc"), test, str(root / "text")), "text/text"),
    )


def _victims(root: Path) -> Sequence[Victim]:
    def of(name: str) -> Path:
        return root / "out" / name

    def words(*parts: object) -> tuple[str, ...]:
        return tuple(str(part) for part in parts)

    run, ctc = root / "run", root / "ctc"
    train, dev, test = (root / "data" / split for split in ("train", "dev", "test"))
    training = words("train", root / "best_rq.yaml", of("train"))
    features = words("features", of("features"), "--set")
    extract = words("extract", run, test, of("extract"), "--pool", "none")
    make_units = words("units", train, of("units"), "--also", dev, "--set")
    cluster = words("cluster", train, of("cluster"), "--also", dev, "--clusters")
    decode = words("decode", ctc, test, of("decode"), "--keep")
    scored = words("confidence", ctc, test, of("confidence"), "--replace", "--measure")
    prepare = words("prepare", "fleurs", root / "corpus", of("prepare"))
    table = words("table", "run", root / "tables" / "small.yaml", "--data", root / "data", "--exp", of("table"))
    scores = of("lid") / "scores.npy"
    return (
        Victim("train", of("train"), training, (*training, "--seed", "1")),
        Victim("prepare", of("prepare"), prepare, (*prepare, "--set", "languages=[hi_in,ur_pk]")),
        Victim(
            "features",
            of("features"),
            (*features, _NUM_BINS),
            (*features, "features.num_bins=12"),
            root / "prepared" / "train",
        ),
        Victim(
            "units",
            of("units"),
            (*make_units, _CHARACTERS),
            (*make_units, _CHARACTERS, "--set", "streams=[{name: lang}]"),
        ),
        Victim("cluster", of("cluster"), (*cluster, "8"), (*cluster, "6")),
        Victim("extract", of("extract"), extract, (*extract, "--layer", "0")),
        Victim("decode", of("decode"), decode, (*decode, "--set", "search=greedy")),
        Victim("confidence", of("confidence"), (*scored, "max"), (*scored, "entropy")),
        Victim(
            "words", of("words"), words("words", train, of("words")), words("words", train, of("words"), "--order", 2)
        ),
        Victim("table", of("table"), table),
        Victim("identify", of("lid"), words("identify", root / "lid", test, "--scores", scores)),
        Victim(
            "wer",
            of("wer"),
            words(
                "score",
                "wer",
                "--ref",
                test,
                "--hyp",
                root / "text" / "text",
                "--json",
                of("wer") / "wer.json",
                "--out",
                of("wer") / "sclite",
            ),
        ),
        Victim("report", of("report"), words("report", run, "--out", of("report") / "report.html")),
        Victim(
            "subset",
            of("subset"),
            words("data", "subset", test, of("subset"), "--first", 5),
            words("data", "subset", test, of("subset"), "--last", 5),
        ),
    )
