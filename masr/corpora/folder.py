"""Any folder of audio, with whatever is known of its files: one's own corpus.

    DIR/**/*.wav (.flac .mp3 .ogg .opus .aiff ...)     at any depth
    --labels FILE.tsv (.csv .jsonl)                    one column names the file; language, speaker, text, split, place
    DIR/metadata.csv, DIR/train/metadata.jsonl ...     the same where no --labels is given: Hugging Face's audiofolder

Splits are those of the column `split`, else folders called train, dev (validation), test, else drawn: of each language,
a tenth of the speakers for dev and a tenth for test, no speaker in two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from masr.config import option, seed_option
from masr.corpora.ids import safe_id
from masr.corpora.label_files import FileRow, read_label_file
from masr.corpora.splits import SPLIT_NAMES, place_of, split_of_each
from masr.errors import CorpusError
from masr.files import ordinary
from masr.io.audio_folder import EXTENSIONS, audio_files
from masr.types import Corpus, Part, Problem, Utterance

FILES_PER_PART = 512
METADATA = ("metadata.csv", "metadata.jsonl")
PARENT = "parent"
_SPLITS = SPLIT_NAMES | dict.fromkeys(("eval", "development"), "dev")


@dataclass(frozen=True)
class Config:
    """Where labels come from, and how files are dealt out to splits."""

    labels: str = option("", "table of labels: TSV, CSV or JSON lines; empty: metadata.csv or .jsonl in the folders")
    language_from: str = option(
        "", "parent: a file's folder is named by its language; FILE: two columns, a folder's name and its language"
    )
    channel: int | None = option(None, "which channel to take of every file, counted from 0; empty: must be mono")
    dev_share: float = option(0.1, "share of each language's speakers for dev; at least one of three or more")
    test_share: float = option(0.1, "share of each language's speakers for test; at least one of three or more")
    apart: Literal["speaker", "file"] = option("speaker", "what is in one split only; file: speakers may be in several")
    seed: int = seed_option("of the order in which speakers go to splits")

    def __post_init__(self) -> None:
        if min(self.dev_share, self.test_share) < 0 or self.dev_share + self.test_share >= 1:
            raise ValueError("dev_share and test_share are 0 or more and leave something for train")
        if self.channel is not None and self.channel < 0:
            raise ValueError("channel: is counted from 0")


@dataclass(frozen=True)
class Folder:
    """The corpus as its files and tables say."""

    config: Config

    def parts(self, source: Path) -> list[Part]:
        """The parts of the corpus: each is some hundreds of files of a split."""
        _plan.cache_clear()
        plan = _plan(self.config, source)
        names = sorted(plan, key=lambda name: (place_of(name), name))
        return [Part(name, str(k), source) for name in names for k in range(-(-len(plan[name]) // FILES_PER_PART))]

    def read(self, part: Part) -> Iterator[Utterance | Problem]:
        """The utterances of a part."""
        first = int(part.name) * FILES_PER_PART
        yield from _plan(self.config, part.source)[part.split][first : first + FILES_PER_PART]


def build(config: Config) -> Corpus:
    """The corpus."""
    return Folder(config)


@lru_cache(maxsize=1)
def _plan(config: Config, source: Path) -> dict[str, list[Utterance | Problem]]:
    """Split -> its utterances in the order of their paths, then the rows that no file belongs to."""
    files = audio_files(source)
    if not files:
        raise CorpusError(
            f"{source}: no audio file is in this folder",
            why=f"looked for, at any depth: {' '.join(sorted(EXTENSIONS))}"
            if source.is_dir()
            else "looked for a folder, and it is none",
            fix="give the folder that the recordings are in",
        )
    said, problems = _said(config, source, files)
    languages = _languages(config)
    utterances: dict[Path, Utterance] = {}
    for file in files:
        row = said.get(file)
        labels = dict(row.said) if row else {}
        language = labels.get("lang") or languages(file.parent.relative_to(source).name)
        utterances[file] = _utterance(config, source, file, labels | ({"lang": language} if language else {}))
    given = {file: _given_split(source, file, said.get(file)) for file in files}
    if not any(given.values()):
        given = dict(_drawn(config, utterances))
    plan: dict[str, list[Utterance | Problem]] = {}
    for file, utterance in utterances.items():
        plan.setdefault(given[file] or "train", []).append(utterance)
    plan[next(iter(plan))] += problems
    return plan


def _utterance(config: Config, source: Path, file: Path, labels: dict[str, str]) -> Utterance:
    """The utterance; its own speaker where nobody says who speaks, as Kaldi asks."""
    name = safe_id(str(file.relative_to(source).with_suffix("")))
    text, speaker = labels.pop("text", None), safe_id(labels.pop("speaker", name))
    labels.pop("split", None)
    return Utterance(name, speaker, file, text=text, labels=labels, channel=config.channel)


def _said(config: Config, source: Path, files: list[Path]) -> tuple[dict[Path, FileRow], list[Problem]]:
    """File -> what a table says of it; rows that name no file, or one that another row named."""
    if config.labels:
        tables = [(Path(config.labels), source)]
    else:
        folders = sorted(
            {folder for file in files for folder in (file.parent, *file.parents) if _within(folder, source)}
        )
        tables = [(folder / name, folder) for folder in folders for name in METADATA if (folder / name).is_file()]
    by_name = _by_name(files)
    said: dict[Path, FileRow] = {}
    problems: list[Problem] = []
    for table, folder in tables:
        for row in read_label_file(table):
            file = _file_of(row.file, folder, by_name)
            if file is None:
                problems.append(Problem(row.where, f"row without audio: {row.file}"))
            elif file in said:
                problems.append(Problem(row.where, f"file named twice: {row.file}"))
            else:
                said[file] = row
    if tables and not said:
        raise CorpusError(
            f"{tables[0][0]} names none of the {len(files)} audio files of {source}",
            why=f"its first file is {problems[0].reason.partition(': ')[2]}" if problems else "it has no rows",
            fix="write paths that count from the folder, or base names, with or without extension",
        )
    return said, problems


def _within(folder: Path, source: Path) -> bool:
    return folder == source or source in folder.parents


def _by_name(files: list[Path]) -> Mapping[str, Path]:
    """Path, path without extension, base name, base name without extension -> the one file that it can mean."""
    spelled = [(name, file) for file in files for name in {str(file), str(file.with_suffix("")), file.name, file.stem}]
    counts = Counter(name for name, _ in spelled)
    return {name: file for name, file in spelled if counts[name] == 1}


def _file_of(name: str, folder: Path, by_name: Mapping[str, Path]) -> Path | None:
    return by_name.get(str(folder / name)) or (by_name.get(name) if "/" not in name else None)


def _given_split(source: Path, file: Path, row: FileRow | None) -> str:
    """The split that a table or the uppermost folder says; "" where neither does."""
    if row is not None and "split" in row.said:
        return _SPLITS.get(row.said["split"].lower(), safe_id(row.said["split"]))
    return _SPLITS.get(file.relative_to(source).parts[0].lower(), "") if file.parent != source else ""


def _drawn(config: Config, utterances: Mapping[Path, Utterance]) -> Iterator[tuple[Path, str]]:
    """Each file's split: of each language, shares of its speakers; a speaker of several counts for the first."""
    group = {file: u.speaker if config.apart == "speaker" else u.utt for file, u in utterances.items()}
    language: dict[str, str] = {}
    for file, utterance in utterances.items():
        language.setdefault(group[file], utterance.labels.get("lang", ""))
    split: dict[str, str] = {}
    for name in sorted(set(language.values())):
        groups = [key for key, value in language.items() if value == name]
        split |= split_of_each(groups, config.dev_share, config.test_share, config.seed)
    for name, share in (("dev", config.dev_share), ("test", config.test_share)):
        if share and name not in split.values():
            raise CorpusError(
                f"no {config.apart} is left for {name}: no language has three of them",
                why="a speaker is in one split only, and train comes first",
                fix="--set apart=file lets speakers be in several splits, where scores flatter; or a column `split`; "
                "or --set dev_share=0 --set test_share=0",
            )
    return ((file, split[group[file]]) for file in utterances)


def _languages(config: Config) -> Languages:
    if config.language_from in ("", PARENT):
        return Languages({} if config.language_from else None)
    path = Path(config.language_from)
    try:
        lines = ordinary(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: cannot be read: {error}", fix="--language-from parent, or a file") from None
    rows = [line.split() for line in lines if line.strip()]
    wrong = next((row for row in rows if len(row) != 2), None)
    if wrong:
        raise CorpusError(
            f"{path}: {' '.join(wrong)[:60]!r} is not two words",
            fix="write a folder's name and its language: Hindi hin",
        )
    return Languages(dict(rows))


@dataclass(frozen=True)
class Languages:
    """The language that a folder's name stands for."""

    of: Mapping[str, str] | None
    """Folder -> language; empty: each is named by its own; None: no folder says."""

    def __call__(self, folder: str) -> str:
        """The language; "" where it is not known."""
        if self.of is None:
            return ""
        return self.of.get(folder, "") if self.of else folder
