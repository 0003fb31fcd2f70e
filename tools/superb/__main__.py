"""A task of SUPERB on an exported encoder, by s3prl's own code, or of ML-SUPERB by ESPnet's, on your data.

usage: PYTHONPATH=tools python -m superb UPSTREAM DATA TASK --out DIR [options] [options of s3prl]

UPSTREAM is a folder that `masr export RUN UPSTREAM --to s3prl` wrote, or a name that s3prl knows, such as fbank. It
stays frozen: learnt are a weight for each of its layers and a small head. DATA is a folder with the data directories
that --train, --dev and --test name.

TASK is
  pr    phone recognition by CTC: needs phones.ctm; phone error rate
  ks    keyword spotting: needs words.ctm; the ten commonest longer words, and others; accuracy
  sid   speaker identification: divides the utterances of --train; accuracy
  lid   language identification as SUPERB's sid: needs utt2lang; accuracy
  ml    language identification as ML-SUPERB has it, by ESPnet; UPSTREAM is an export --to espnet, or fbank; accuracy

OUT/superb.json has the score beside that of an answer that hears nothing. Any other option replaces a value of s3prl's
problem: `--train.gradient_accumulate 1`, `--build_batch_sampler.train.batch_size 4`.

example:
  masr export exp/pretrain/best_rq_tiny/seed0 exp/superb/upstream --to s3prl
  PYTHONPATH=tools python -m superb exp/superb/upstream data pr --out exp/superb/pr --dev dev_clean --test test_clean
  PYTHONPATH=tools python -m superb fbank data sid --out exp/superb/sid_fbank --label reader --steps 1000
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from masr.errors import MasrError
from masr.io.atomic import atomic_write
from superb.data import SPLITS, write
from superb.peers import ready_s3prl, upstream

_PROBLEMS = {"pr": "SuperbPR", "ks": "SuperbKS", "sid": "SuperbSID", "lid": "SuperbSID"}
_LABELS = {"sid": "spk", "lid": "lang", "ml": "lang"}
REPORT = "superb.json"


def main(words: Sequence[str] | None = None) -> int:
    """Trains and scores; 2 where a mistake can be mended."""
    parser = argparse.ArgumentParser(
        prog="python -m superb", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("upstream", metavar="UPSTREAM", help="folder of an export, or a name of s3prl's")
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of data directories")
    parser.add_argument("task", choices=[*_PROBLEMS, "ml"], metavar="TASK", help="one of these")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for all that s3prl writes")
    parser.add_argument("--train", default="train", help="data directory to learn from (default train)")
    parser.add_argument("--dev", default="dev", help="data directory that chooses the checkpoint (default dev)")
    parser.add_argument("--test", default="test", help="data directory to be scored on (default test)")
    parser.add_argument("--label", help="which utt2LABEL sid, lid and ml tell (default spk and lang)")
    parser.add_argument("--steps", type=int, default=300, metavar="N", help="updates of the head (default 300)")
    parser.add_argument("--lr", type=float, default=1e-2, help="SUPERB lets it be chosen freely (default 0.01)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    args, others = parser.parse_known_args(words)
    if others and args.task == "ml":
        parser.error(f"not known: {' '.join(others)}")
    try:
        report = _run(args, others)
    except MasrError as error:
        print(error.block(), file=sys.stderr)
        return 2
    figures = f"{report['metric']} {report['score']:.3f}, by chance {report['chance']:.3f}"
    print(f"{args.task}: {figures}, {args.out / REPORT}")
    return 0


def _run(args: argparse.Namespace, others: list[str]) -> dict[str, Any]:
    if args.task == "ml":
        from superb.ml_superb import front_end_of, identify

        model = front_end_of(args.upstream)
    else:
        ready_s3prl()
        model = upstream(args.upstream)
    args.out.mkdir(parents=True, exist_ok=True)
    folders = [args.data / name for name in (args.train, args.dev, args.test)]
    written = write(args.task, folders, args.label or _LABELS.get(args.task, ""), args.out)
    if args.task == "ml":
        found = identify(model, args.out, args.steps, args.lr, ngpu=int(args.device != "cpu"))
    else:
        found = _by_s3prl(model, args, others)
    report = {
        "task": args.task,
        "upstream": args.upstream,
        **found,
        "chance": written.chance,
        "classes": written.classes,
        "utterances": written.counts,
    }
    atomic_write(args.out / REPORT, json.dumps(report, indent=1) + "\n")
    return report


def _by_s3prl(model: dict[str, str], args: argparse.Namespace, others: list[str]) -> dict[str, Any]:
    """Trains and scores by s3prl's problem: metric, score and settings."""
    import yaml

    often = max(1, args.steps // 5)
    settings = {
        "target_dir": str(args.out.resolve()),
        "cache_dir": str((args.out / "cache").resolve()),
        "device": args.device,
        "num_workers": 0,
        **{f"build_upstream.{key}": value for key, value in model.items()},
        "build_optimizer.conf.lr": args.lr,
        "train.total_steps": args.steps,
        "train.eval_step": often,
        "train.log_step": often,
        "train.save_step": args.steps,
        "train.auto_resume": False,
    }
    ours = [word for key, value in settings.items() for word in (f"--{key}", repr(value))]
    config = _problem(_PROBLEMS[args.task])().main(ours + others)
    scores = yaml.safe_load((args.out / "evaluate/valid_best/test/result.yaml").read_text(encoding="utf-8"))
    metric = config["train"]["valid_metric"]
    return {"metric": metric, "score": scores[metric], "config": config}


def _problem(name: str) -> Any:
    """s3prl's problem, which finds its CSV files in its folder instead of making them of a corpus."""
    from s3prl import problem

    class OnData(getattr(problem, name)):  # type: ignore[misc]
        def default_config(self) -> dict[str, Any]:
            return {**super().default_config(), "prepare_data": {}}

        def prepare_data(self, _: Any, target_dir: str, *__: Any, **___: Any) -> tuple[Path, Path, list[Path]]:
            train, valid, test = (Path(target_dir) / f"{split}.csv" for split in SPLITS)
            return train, valid, [test]

    return OnData


if __name__ == "__main__":
    raise SystemExit(main())
