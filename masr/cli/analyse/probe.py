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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from masr.analysis.probe.data import ProbeTask
    from masr.analysis.probe.layer_mix import Mix
    from masr.analysis.probe.report import Found
    from masr.types import FloatArray

PHONE = "phone"
LOGISTIC = "logistic"
METHODS = (LOGISTIC, "lda", "forest", "linear", "mlp")


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
    parser.add_argument("--seed", type=int, default=0, help="of the cuts, samples and probes (default 0)")


def run(args: argparse.Namespace) -> None:
    """Probes every kind, prints, writes."""
    from masr.analysis.probe.report import as_json, report, write
    from masr.io.provenance import write_provenance

    if args.frames < 1 or args.seed < 0:
        _refuse("--frames and --seed are numbers that cannot be negative, and --frames is at least 1")
    folders = {role: path for role in ("train", "dev", "test") if (path := getattr(args, role))}
    kinds = list(dict.fromkeys(args.kind or ["lang"]))
    _check(args, kinds)
    layers = _layers(folders, args.layers)
    found = [_phones(layers, args) if kind == PHONE else _labels(kind, layers, args) for kind in kinds]
    if args.out:
        write(args.out, found)
        write_provenance(args.out, **{role: str(folder) for role, folder in folders.items()})
    if args.json:
        from masr.io.json_file import write_json

        write_json(args.json, as_json(found, {role: str(folder) for role, folder in folders.items()}))
    if args.json != "-":
        print("\n".join(report(one) for one in found))


def _check(args: argparse.Namespace, kinds: list[str]) -> None:
    """Options that say nothing of what is probed are refused."""
    given = {name for name in ("plain", "shots", "part", "seen", "answers", "scores") if getattr(args, name)}
    if args.shots is not None and args.shots < 1:
        _refuse(f"--shots {args.shots} leaves nothing to learn from", "give 1 or more")
    if given and PHONE in kinds:
        _refuse(f"--{min(given)} is for vectors of utterances, and --kind {PHONE} probes frames", "probe it apart")
    if (alone := given & {"part", "answers", "scores"}) and len(kinds) > 1:
        _refuse(f"--{min(alone)} is of one kind of label, and these are {len(kinds)}", "give one --kind")
    if args.plain and args.probe and set(args.probe) != {LOGISTIC}:
        _refuse(f"--plain is the probe {LOGISTIC} alone", "leave out --probe, or --plain")
    if args.scores and not args.plain and set(args.probe or ()) != {LOGISTIC}:
        _refuse("--scores are probabilities, which not every probe has", f"add --plain, or --probe {LOGISTIC}")


def _layers(folders: dict[str, Path], wanted: str) -> dict[str, dict[str, Path]]:
    """For each role its folder of each layer, the same layers for all."""
    from masr.analysis.probe.data import layers_of, same_order
    from masr.errors import UsageError, near

    found = {role: layers_of(folder) for role, folder in folders.items()}
    names = list(found["train"])
    if wanted != "all":
        names = [name.strip() for name in wanted.split(",")]
        missing = [name for name in names if name not in found["train"]]
        if missing:
            raise UsageError(f"{folders['train']} has no layer {missing[0]!r}", fix=near(missing[0], found["train"]))
    for role, layers in found.items():
        missing = [name for name in names if name not in layers]
        if missing:
            raise UsageError(
                f"{folders[role]} has no layer {missing[0] or 'without a number'}, which {folders['train']} has",
                fix="extract all of them with the same options",
            )
        same_order([layers[name] for name in names])
    return {role: {name: layers[name] for name in names} for role, layers in found.items()}


def _labels(kind: str, layers: dict[str, dict[str, Path]], args: argparse.Namespace) -> Found:
    """The probes of one kind on every layer, and on their sum."""
    from masr.analysis.probe.data import few_shots, open_task, vectors_of
    from masr.analysis.probe.parts import parse_parts, parts_of
    from masr.analysis.probe.report import SUM, Found
    from masr.analysis.probe.utterances import METHODS as KNOWN
    from masr.analysis.probe.utterances import Options, probe
    from masr.io.progress import track

    methods, named = _methods(args, KNOWN, kind), parse_parts(args.part or [])
    names = list(layers["train"])
    task = open_task(kind, {role: paths[names[0]] for role, paths in layers.items()}, args.seed)
    options = Options(methods, args.select, args.seed, args.plain, parts_of(task, named, args.seen))
    if args.shots:
        task = few_shots(task, args.shots, args.seed)
    roles = {
        role: role if part.folder in layers.get(role, {}).values() else "train" for role, part in task.parts.items()
    }

    def vectors(name: str) -> dict[str, FloatArray]:
        read = {role: vectors_of(layers[role][name]) for role in set(roles.values())}
        _require_one_width({role: rows.shape[1] for role, rows in read.items()})
        return {role: read[source] for role, source in roles.items()}

    found = [probe(task, name, vectors(name), options) for name in track(names, kind, unit="layer")]
    weights: dict[str, float] = {}
    if args.sum:
        mix, mixed = _mixed(task, [vectors(name) for name in names])
        found.append(probe(task, SUM, mixed, options))
        weights = dict(zip(names, mix.weights, strict=True))
    done = Found(
        kind,
        "utterances",
        tuple(found),
        {r: len(p.rows) for r, p in task.parts.items()},
        {r: p.num_unlabelled for r, p in task.parts.items()},
        task.notes,
        weights,
    )
    _write_answers(task, done, args)
    return done


def _write_answers(task: ProbeTask, found: Found, args: argparse.Namespace) -> None:
    """What the best probe says of each utterance of test, where that is asked for."""
    from masr.analysis.probe.answers import write_answers, write_scores

    said = found.best.said
    assert said is not None  # a probe of vectors has answered
    if args.answers:
        write_answers(args.answers, task, said)
    if args.scores:
        assert said.logs is not None  # logistic regression has probabilities
        write_scores(args.scores, task, said.names, said.logs)


def _mixed(task: ProbeTask, every: list[dict[str, FloatArray]]) -> tuple[Mix, dict[str, FloatArray]]:
    """The learned sum of the layers, for each role."""
    import numpy as np

    from masr.analysis.probe.frames import sample
    from masr.analysis.probe.layer_mix import learn, most_rows
    from masr.analysis.probe.utterances import places

    train = task.parts["train"]
    names = np.unique(train.labels)
    taken = sample(len(train.rows), most_rows(len(every), every[0]["train"].shape[1]), 0)
    layers = [vectors["train"][train.rows[taken]] for vectors in every]
    mix = learn(layers, places(names, train.labels[taken]), len(names))
    return mix, {role: mix.of([vectors[role] for vectors in every]) for role in task.parts}


def _phones(layers: dict[str, dict[str, Path]], args: argparse.Namespace) -> Found:
    """Probes of frames on every layer, and on their sum."""
    from masr.analysis.probe import frames as probe_frames
    from masr.analysis.probe.report import SUM, Found
    from masr.io.progress import track

    if len(layers) < 3:
        _refuse("--kind phone needs --dev and --test", "give folders of frames of other speakers")
    methods = _methods(args, probe_frames.METHODS, PHONE)
    silences = () if args.keep_silence else probe_frames.SILENCES
    options = probe_frames.Options(silences, args.exact_phones, args.frames, args.seed, _device(args.device))
    parts = {role: probe_frames.open_aligned(paths, options) for role, paths in layers.items()}
    _require_one_width({role: max(one.dim for one in part.frames.values()) for role, part in parts.items()})
    names = list(layers["train"])
    found = [probe_frames.probe(parts, name, None, methods, options) for name in track(names, PHONE, unit="layer")]
    weights: dict[str, float] = {}
    if args.sum:
        mix = probe_frames.learn_mix(parts, options)
        found.append(probe_frames.probe(parts, SUM, mix, methods, options))
        weights = dict(zip(names, mix.weights, strict=True))
    counts = {role: len(part.rows) for role, part in parts.items()}
    left_out = {role: part.num_left_out for role, part in parts.items()}
    notes = () if counts["train"] <= args.frames else (f"{args.frames} of {counts['train']} frames of train drawn",)
    return Found(PHONE, "frames", tuple(found), counts, left_out, notes, weights)


def _methods(args: argparse.Namespace, known: tuple[str, ...], kind: str) -> list[str]:
    """Those of the chosen that fit what is probed."""
    chosen = [name for name in known if not args.probe or name in args.probe]
    if not chosen:
        _refuse(f"--kind {kind} is not probed by {', '.join(args.probe)}", "choose from: " + ", ".join(known))
    return chosen


def _device(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _require_one_width(widths: dict[str, int]) -> None:
    from masr.errors import AnalysisError

    if len(set(widths.values())) > 1:
        said = ", ".join(f"{role} has {width}" for role, width in sorted(widths.items()))
        raise AnalysisError(f"vectors differ in width: {said}", fix="extract all of them with one model and --pool")


def _refuse(what: str, fix: str = "") -> None:
    from masr.errors import UsageError

    raise UsageError(what, fix=fix)
