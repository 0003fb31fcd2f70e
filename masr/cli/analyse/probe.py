"""What frozen representations tell simple classifiers: language, speaker, gender, accent, any utt2KIND, or phones.

TRAIN, DEV and TEST are folders of `masr extract`; with `masr extract --layers all`, every layer is probed. Vectors of
utterances are probed by the protocol of the NOSS benchmark: logistic regression, linear discriminant analysis and a
random forest, with and without vectors of length 1 and the speaker's mean and deviation taken out, chosen on DEV and
reported on TEST. `--kind phone` probes frames (`masr extract --pool none`) against phones.ctm by a linear probe and a
small network. Intervals are over resampled speakers. DEV and TEST that are not given are cut out of TRAIN; so are those
of `--kind spk` where the sets share no speakers. docs/probes.md says more.

--plain is one linear probe of vectors of utterances: they are brought to like scale, C is chosen on DEV, and nothing
else is tried. Beside it belongs the same probe of what `masr extract statistics` wrote, which is the trivial answer.

example:
  masr analyse probe exp/run/train --dev exp/run/dev --test exp/run/test --kind lang --kind gender --out exp/run/probes
  masr analyse probe exp/run/train --dev exp/run/dev --test exp/run/test --plain --seen data/pretrain --shots 5
  masr analyse probe exp/run/train --kind spk --sum --json exp/run/speakers.json
  masr analyse probe exp/frames/train --dev exp/frames/dev --test exp/frames/test --kind phone --probe linear
"""

from __future__ import annotations

import argparse
from pathlib import Path

from masr.cli.options import seed, settings

METHODS = ("logistic", "lda", "forest", "linear", "mlp")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr analyse probe`."""
    parser.add_argument("train", type=Path, metavar="TRAIN", help="folder of vectors or frames to learn from")
    parser.add_argument("--dev", type=Path, metavar="DEV", help="folder to choose on (default: cut out of TRAIN)")
    parser.add_argument("--test", type=Path, metavar="TEST", help="folder to report on (default: cut out of TRAIN)")
    parser.add_argument(
        "--kind",
        action="append",
        metavar="KIND",
        help="labels of utt2KIND, spk, or phone; again for more (default lang)",
    )
    parser.add_argument("--layers", default="all", metavar="L,L", help="of the layers there are (default all)")
    parser.add_argument("--sum", action="store_true", help="probe the learned weighted sum of these layers too")
    parser.add_argument(
        "--probe", action="append", choices=METHODS, metavar="NAME", help=f"of {', '.join(METHODS)} (default all)"
    )
    parser.add_argument("--plain", action="store_true", help="one linear probe: scale by TRAIN, C by DEV, nothing else")
    parser.add_argument("--shots", type=int, metavar="N", help="learn from N utterances of each label, drawn by --seed")
    parser.add_argument(
        "--part",
        action="append",
        metavar="NAME=L,L",
        help="accuracy over test utterances of these labels; again for more",
    )
    parser.add_argument("--seen", type=Path, metavar="DATA", help="parts seen and unseen, by the labels in DATA")
    parser.add_argument("--answers", type=Path, metavar="FILE", help="write what the best probe answers to TEST there")
    parser.add_argument(
        "--scores", type=Path, metavar="FILE", help="write its log-probabilities there, for masr score lid (--plain)"
    )
    parser.add_argument(
        "--select", choices=["accuracy", "balanced"], default="accuracy", help="what dev chooses by (default accuracy)"
    )
    parser.add_argument("--frames", type=int, default=1_000_000, metavar="N", help="to learn from (default 1000000)")
    parser.add_argument("--keep-silence", action="store_true", help="silence is a phone like others")
    parser.add_argument("--exact-phones", action="store_true", help="stress stays: AH0 and AH1 are two phones")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="of probes of frames")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="as JSON, to FILE or the screen")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the table and figures for masr report there")
    parser.add_argument("--seed", type=seed, default=0, help="of the cuts, samples and probes (default 0)")


def run(args: argparse.Namespace) -> None:
    """Probes every kind, prints, writes."""
    from masr.analysis.probe.kinds import Options, compute
    from masr.analysis.probe.report import as_json, show, write
    from masr.io.json_file import write_json
    from masr.io.provenance import write_provenance

    options = settings(Options, args)
    found = compute(options)
    folders = {role: str(folder) for role, folder in options.folders.items()}
    if args.out:
        write(args.out, found)
        write_provenance(args.out, **folders)
    if args.json:
        write_json(args.json, as_json(found, folders))
    if args.json != "-":
        show(found)
