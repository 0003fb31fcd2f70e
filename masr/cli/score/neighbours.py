"""How often the nearest utterance of another speaker in TRAIN has the label of an utterance in TEST.

And how often the nearest label's mean has; by cosine, with 95 % intervals over resampled speakers. Nothing is trained.
Both folders come from `masr extract`; --apart gives figures of some labels by themselves, say of unseen languages.

example:
  masr score neighbours exp/best_rq_masr_tiny/train exp/best_rq_masr_tiny/test --kind lang --apart bos,slk
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.scoring.neighbours import Scores


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr score neighbours`."""
    parser.add_argument("train", type=Path, metavar="TRAIN", help="folder of embeddings to be compared with")
    parser.add_argument("test", type=Path, metavar="TEST", help="folder of embeddings to label")
    parser.add_argument("--kind", default="lang", help="the labels are in utt2<kind> (default lang)")
    parser.add_argument(
        "--scale",
        choices=["none", "centre", "standard"],
        default="none",
        help="per dimension: take off the mean of TRAIN, or divide by its deviation as well (default none)",
    )
    parser.add_argument("--apart", default="", metavar="LABEL,LABEL", help="labels to score by themselves as well")
    parser.add_argument("--seed", type=int, default=0, help="of the resampling (default 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")


def run(args: argparse.Namespace) -> None:
    """Reads, scores, prints."""
    from masr.scoring.neighbours import read_embedded, score

    references, test = read_embedded(args.train, args.kind), read_embedded(args.test, args.kind)
    apart = frozenset(filter(None, (label.strip() for label in args.apart.split(","))))
    missing = sorted(apart - set(test.labels.tolist()))
    if missing:
        from masr.errors import UsageError, near

        raise UsageError(f"no test utterance is labelled {missing[0]}", fix=near(missing[0], set(test.labels.tolist())))
    scores = score(references, test, args.scale, apart, args.seed)
    print(report(scores, args.kind, references.num_unlabelled + test.num_unlabelled))
    if args.json:
        from masr.io.json_file import write_json

        write_json(str(args.json), scores)


def report(scores: Scores, kind: str, num_unlabelled: int) -> str:
    """A few lines for people."""
    lines = [
        f"{kind}: {scores.num_labels} labels, {scores.num_speakers} test speakers, {scores.num_references} references, "
        f"commonest label {100 * scores.chance:.1f} %"
    ]
    for group, shares in scores.shares.items():
        for name, share in shares.items():
            said = f"{share.value_text(1):>5} %  {share.interval_text(1)}"
            lines.append(f"  {group:<7} {name:<9} {said}  of {share.count}")
    if scores.num_without_reference:
        lines.append(
            f"  {scores.num_without_reference} utterances have a label that no reference has: counted as wrong"
        )
    if num_unlabelled:
        lines.append(f"  {num_unlabelled} utterances without a label left out")
    return "\n".join(lines)
