"""Word error rate, counted as NIST's sclite counts it, on Kaldi text files (`utterance words`).

Words are compared as they are written; --lower and --normalise say what else is equal, and both texts are treated the
same. Intervals are over resampled speakers, or utterances where speakers are not known, and the output says which.
With --against, the matched-pairs test of sc_stats and the paired bootstrap say whether two systems differ.
--out writes ref.trn and hyp.trn, of which sclite makes its reports. docs/asr.md defines each figure.

example:
  masr score wer --ref data/test/text --hyp exp/ctc/test/text --json exp/ctc/test/wer.json
  masr score wer --ref data/test --hyp exp/a/text --against exp/b/text --by condition --by gender --cer
  masr score wer --ref data/test --hyp exp/ctc/test/text --seen data/pretrain --cer
  masr score wer --ref data/test --hyp exp/ctc/test/text --out exp/ctc/test/sclite --lower
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.scoring.wer.screen import Compared, Scored, System, as_json, show, write_sclite


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr score wer`."""
    parser.add_argument("--ref", type=Path, required=True, metavar="TEXT", help="text, or the data directory it is in")
    parser.add_argument("--hyp", type=Path, required=True, metavar="TEXT", help="what a system wrote")
    parser.add_argument("--against", type=Path, metavar="TEXT", help="what a second system wrote, for paired tests")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write ref.trn and hyp.trn for sclite there")
    parser.add_argument("--cer", action="store_true", help="character error rate as well, spaces between words counted")
    parser.add_argument("--no-spaces", action="store_true", help="with --cer: characters of words only")
    parser.add_argument(
        "--spk", type=Path, metavar="TABLE", help="utt2spk, or its directory (default: beside the reference)"
    )
    parser.add_argument(
        "--by", action="append", default=[], metavar="KIND", help="rates by condition: a kind, or a table utt2KIND"
    )
    parser.add_argument(
        "--seen", metavar="WHICH", help="languages of pre-training: a data directory, a list's file, or a,b,c"
    )
    parser.add_argument("--lower", action="store_true", help="capitals are small letters")
    parser.add_argument(
        "--normalise", choices=["none", "nfc", "nfkc"], default="none", help="Unicode's form of both (default none)"
    )
    parser.add_argument(
        "--missing",
        choices=["refuse", "skip", "delete"],
        default="refuse",
        help="an utterance without hypothesis: stop, leave it out, or all its words are deletions (default refuse)",
    )
    parser.add_argument(
        "--rule",
        choices=["nist", "equal"],
        default="nist",
        help="costs of an alignment: nist as sclite (default), equal as Kaldi's compute-wer and jiwer",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the resampling (default 0)")


def run(args: argparse.Namespace) -> None:
    """Reads, counts, prints, writes."""
    from masr.io.json_file import write_json

    scored = _score(args)
    result = as_json(args, scored)
    show(result, scored, args.hyp)
    if args.json:
        write_json(str(args.json), result, indent=1)
    if args.out:
        write_sclite(args.out, scored)


def _score(args: argparse.Namespace) -> Scored:
    from masr.io.layout import UTT2SPK
    from masr.maths.bootstrap import clusters
    from masr.scoring.lid.reference import encode, groups_of, seen_or_not, speakers_of, table_of
    from masr.scoring.wer.rates import error_rates

    system = _system(args, args.hyp)
    utts = system.texts.utts
    folder = args.ref if args.ref.is_dir() else args.ref.parent
    place = table_of(args.spk, UTT2SPK) if args.spk else folder / UTT2SPK
    names = speakers_of(place, utts) if args.spk or place.is_file() else None
    drawn = clusters(utts, "utterances", args.seed) if names is None else clusters(names, seed=args.seed)
    speakers = None if names is None else encode(names)
    groups = dict(groups_of(kind, folder, utts) for kind in args.by)
    if args.seen:
        groups["pretraining"] = seen_or_not(args.seen, folder, utts)
    reports = {kind: error_rates(counts, drawn, speakers, groups, args.seed) for kind, counts in system.counts.items()}
    compared = _compare(args, system, names) if args.against else None
    return Scored(system, drawn, str(place) if names is not None else "", speakers, reports, compared)


def _system(args: argparse.Namespace, hyp: Path) -> System:
    from masr.scoring.wer.coded import characters_of, words_of
    from masr.scoring.wer.edits import count_edits
    from masr.scoring.wer.texts import Spelling, read_texts

    texts = read_texts(args.ref, hyp, args.missing, Spelling(args.lower, args.normalise))
    pairs = {"words": words_of(texts.refs, texts.hyps)}
    if args.cer:
        pairs["characters"] = characters_of(texts.refs, texts.hyps, not args.no_spaces)
    return System(texts, pairs, {kind: count_edits(pair, args.rule) for kind, pair in pairs.items()})


def _compare(args: argparse.Namespace, first: System, speakers: list[str] | None) -> Compared:
    """Over the utterances that both systems have."""
    import numpy as np

    from masr.errors import ScoresError
    from masr.maths.bootstrap import clusters
    from masr.scoring.wer.alignment import COSTS, align
    from masr.scoring.wer.matched_pairs import difference, matched_pairs
    from masr.scoring.wer.texts import same_utterances

    second = _system(args, args.against)
    ours, theirs = (np.array(rows, dtype=np.int64) for rows in same_utterances(first.texts, second.texts))
    if not len(ours):
        raise ScoresError(f"{args.hyp} and {args.against} have no utterance in common")
    units = first.texts.utts if speakers is None else speakers
    drawn = clusters([units[row] for row in ours.tolist()], seed=args.seed)
    costs = COSTS[args.rule]
    alignments = [align(one.pairs["words"].take(rows), costs) for one, rows in ((first, ours), (second, theirs))]
    return Compared(
        len(ours),
        matched_pairs(*alignments),
        {
            kind: difference(counts[ours], second.counts[kind][theirs], drawn, args.seed)
            for kind, counts in first.counts.items()
        },
    )
