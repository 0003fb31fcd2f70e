"""How close recordings are: ABX over snippets, for every ordered pair of recordings.

A and X are snippets of one recording and B of another: the score is how often X lies closer to A than to B, 0.5 where
the two cannot be told apart. Frames are pooled over each snippet. All triplets count. The mean over pairs has an
interval over drawn recordings where there are three or more.

SOURCE is a folder that `masr extract --pool none` wrote, MODEL:LAYER with --data, a data directory with feature
archives (log-mel), or arrays FILE.npy, each a recording: of snippets, or of frames where --rate says how many a second.
Utterances are of one recording where utt2recording, or `segments`, says so (see `masr analyse recordings`). Series,
from utt2series, are compared apart. --out writes for each series and length a table (.tsv) and a matrix with its tree
for `masr report` (.figure.json), and all of it as abx.json.

example:
  masr analyse abx A.npy B.npy
  masr analyse abx a.npy b.npy c.npy --rate 50 --snippets 1,5
  masr analyse abx exp/frames/conditions --out exp/abx/conditions
  masr analyse abx models/xlsr:21 --data exp/recordings/styles --pairs genre --snippets 10
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.analysis.abx.series import SeriesScores
    from masr.io.datadir import DataDir
    from masr.io.frames import Frames


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse abx`."""
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="folder, MODEL:LAYER, or arrays")
    parser.add_argument("--data", type=Path, metavar="DATA", help="data directory that a model is run on")
    parser.add_argument("--snippets", metavar="SEC,SEC", help="lengths; `whole` for utterances (default 1,5,10,20)")
    parser.add_argument("--by", metavar="KIND", help="recordings are the labels of utt2<KIND> instead")
    parser.add_argument("--series", metavar="KIND", help="compared apart: labels of utt2<KIND> (default series)")
    parser.add_argument("--pairs", metavar="KIND,KIND", default="", help="means of pairs that share utt2<KIND>, or not")
    parser.add_argument(
        "--pool", choices=["max", "mean", "statistics"], default="max", help="statistics: mean and deviation"
    )
    parser.add_argument("--distance", choices=["cosine", "euclidean"], default="cosine", help="default cosine")
    parser.add_argument("--rate", action="append", type=float, metavar="R", help="frames a second of arrays")
    parser.add_argument("--seed", type=int, default=0, help="of the drawn recordings (default 0)")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="as JSON, to FILE or the screen")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write tables and figures there")


def run(args: argparse.Namespace) -> None:
    """Cuts, scores, prints."""
    from masr.analysis.abx.report import as_json, report, write
    from masr.io.json_file import write_json

    found = _one_source(args) if len(args.sources) == 1 else _recordings(args)
    facts = {"pool": args.pool, "distance": args.distance, "sources": args.sources}
    if args.out:
        write(args.out, found, facts)
    if args.json:
        write_json(args.json, as_json(found, facts))
    if args.json != "-":
        report(found)


def _one_source(args: argparse.Namespace) -> list[SeriesScores]:
    """Recordings are groups of utterances."""
    from masr.analysis.abx.recordings import folder_of, recording_of
    from masr.analysis.abx.series import Options, label_of_groups, score_series
    from masr.analysis.abx.snippets import snippets_of
    from masr.errors import UsageError
    from masr.io.datadir import DataDir

    source = args.sources[0]
    frames, folder = _open(source, args), folder_of(source, args.data)
    if folder is None:
        raise UsageError(f"{source} alone has nothing to be compared with", fix="give two arrays or more, or a folder")
    data = DataDir.open(folder)
    utts = list(frames.utts or data.utts)
    table = data.labels(args.by) if args.by else recording_of(data)
    places = [place for place, utt in enumerate(utts) if table.get(utt, "") not in ("", "unknown")]
    groups = [table.get(utt, "") for utt in utts]
    kept = [groups[place] for place in places]
    vectors = snippets_of(frames, places, kept, _lengths(args.snippets), args.pool)
    kinds = {}
    for kind in filter(None, args.pairs.split(",")):
        kinds[kind] = label_of_groups(kept, _labels(data, kind, [utts[place] for place in places]), kind)
    series = _series(args.series, data, [utts[place] for place in places])
    return score_series(
        vectors, label_of_groups(kept, series, args.series or "series"), kinds, Options(args.distance, seed=args.seed)
    )


def _recordings(args: argparse.Namespace) -> list[SeriesScores]:
    """Each source is a recording."""
    from masr.analysis.abx.series import Options, score_series
    from masr.analysis.abx.snippets import WHOLE, snippets_of, vectors_of
    from masr.cli.analyse.source import open_sources
    from masr.errors import UsageError

    for option in ("by", "series", "pairs"):
        if getattr(args, option):
            raise UsageError(f"--{option} is for one source with labels, and these are {len(args.sources)}")
    if args.snippets and not args.rate:
        raise UsageError("--snippets of arrays needs to know their frames a second", fix="say it: --rate 50")
    parts = open_sources(args.sources, args.rate, args.data)
    names = _names(args.sources)
    lengths = _lengths(args.snippets) if args.rate else [WHOLE]
    vectors: dict[float, dict[str, object]] = {length: {} for length in lengths}
    for name, part in zip(names, parts, strict=True):
        if not args.rate:
            vectors[WHOLE][name] = vectors_of(part)
            continue
        places = range(len(part.counts))
        found = snippets_of(part, places, [name] * len(places), lengths, args.pool)
        for length in lengths:
            vectors[length][name] = found[length][name]
    return score_series(vectors, dict.fromkeys(names, ""), {}, Options(args.distance, seed=args.seed))  # type: ignore[arg-type]


def _open(source: str, args: argparse.Namespace) -> Frames:
    """Frames, or vectors of utterances, each of which is then a snippet."""
    from masr.analysis.abx.snippets import open_vectors
    from masr.cli.analyse.source import open_sources
    from masr.errors import UsageError
    from masr.io.layout import EMBEDDINGS, FRAMES

    folder = Path(source)
    if (folder / EMBEDDINGS).is_file() and not (folder / FRAMES).is_file():
        if args.snippets not in (None, "whole"):
            raise UsageError(f"{source} holds one vector for each utterance", fix="masr extract with --pool none")
        args.snippets = "whole"
        return open_vectors(folder)
    return open_sources([source], args.rate, args.data)[0]


def _labels(data: DataDir, kind: str, utts: Sequence[str]) -> list[str]:
    table = data.labels(kind)
    return [table.get(utt, "") for utt in utts]


def _series(kind: str | None, data: DataDir, utts: Sequence[str]) -> list[str]:
    from masr.io.layout import label_table

    if kind is None and not data.has(label_table("series")):
        return [""] * len(utts)
    return _labels(data, kind or "series", utts)


def _lengths(text: str | None) -> list[float]:
    """Seconds, in the order that they were given."""
    from masr.analysis.abx.snippets import WHOLE
    from masr.errors import UsageError

    found = []
    for part in (text or "1,5,10,20").split(","):
        try:
            length = WHOLE if part.strip() == "whole" else float(part)
        except ValueError:
            length = math.nan
        if not length > 0:
            raise UsageError(f"--snippets: {part!r} is no length", fix="give seconds: --snippets 1,5,10,20")
        found.append(length)
    return list(dict.fromkeys(found))


def _names(sources: Sequence[str]) -> list[str]:
    """Names of files, or the whole paths where two are alike."""
    stems = [Path(source).stem for source in sources]
    if len(set(stems)) == len(stems):
        return stems
    if len(set(sources)) < len(sources):
        from masr.errors import UsageError

        raise UsageError("a recording is given twice, and is as close to itself as can be")
    return list(sources)
