"""How hard is a corpus? Two plain classifiers of language on log-mel statistics, trained on train, scored on test.

An utterance is the mean and the standard deviation of its 80 log-mel bins over time: no order of sounds, no model of
speech. A corpus that such a vector solves is too easy for anything to be learnt from it; one where it stays at chance
may be too hard for a small model. The interval is a bootstrap over speakers, for a speaker's utterances stand or fall
together.

example:
  python tools/measure_embedded.py egs/fleurs/data
  python tools/measure_embedded.py egs/dhwani/data --label lang
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from masr.errors import DataError, MasrError
from masr.features.log_mel import Config, build
from masr.io.audio import read_audio
from masr.io.datadir import DataDir
from masr.io.progress import track
from masr.maths.bootstrap import share_right

Matrix = npt.NDArray[np.float64]
Labels = npt.NDArray[np.str_]


def statistics(data: DataDir) -> Matrix:
    """(utterances, 160): mean and standard deviation of each log-mel bin."""
    import torch

    features = build(Config())
    audio = data.table("wav.scp")
    segments = data.table("segments") if data.has("segments") else None
    rows = []
    for utt in track(data.utts, f"log-mel of {data.folder.name}", unit="utt"):
        recording, start, end = segments[utt].split() if segments else (utt, "0", "")
        waveform = read_audio(audio[recording], float(start), float(end) if end else None)
        mel, _ = features(torch.from_numpy(waveform)[None], torch.tensor([len(waveform)]))
        rows.append(np.concatenate([mel[0].mean(0).numpy(), mel[0].std(0, correction=0).numpy()]))
    return np.array(rows, dtype=np.float64)


def classifiers() -> dict[str, Any]:
    """Name -> an untrained classifier."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import NearestCentroid
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000)),
        "nearest centroid": make_pipeline(StandardScaler(), NearestCentroid()),
    }


def labels_of(data: DataDir, kind: str) -> Labels:
    table = data.labels(kind)
    return np.array([table[utt] for utt in data.utts])


def measure(folder: Path, kind: str, train: str, test: str) -> None:
    """Prints both accuracies, chance, and what is confused most."""
    train_data, test_data = DataDir.open(folder / train), DataDir.open(folder / test)
    known, truth = labels_of(train_data, kind), labels_of(test_data, kind)
    seen, heard = statistics(train_data), statistics(test_data)
    speakers = [test_data.table("utt2spk")[utt] for utt in test_data.utts]
    num_classes = len(set(known.tolist()))
    print(f"{folder}: {kind}, {num_classes} classes, {len(known)} {train} and {len(truth)} {test} utterances")
    print(f"{'chance':<22}{100 / num_classes:5.1f} %")
    for name, classifier in classifiers().items():
        guessed = classifier.fit(seen, known).predict(heard)
        share = share_right(guessed == truth, speakers)
        print(f"{name:<22}{share.value_text(1):>5} %  {share.interval_text(1)}")
        pairs = Counter((t, g) for t, g in zip(truth.tolist(), guessed.tolist()) if t != g)
        print("  taken for: " + ", ".join(f"{t} {g} {n}x" for (t, g), n in pairs.most_common(8)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of data directories, as masr prepare writes them")
    parser.add_argument("--label", default="lang", help="which utt2<label> to tell (default lang)")
    parser.add_argument("--train", default="train", help="data directory to learn from (default train)")
    parser.add_argument("--test", default="test", help="data directory to be scored on (default test)")
    args = parser.parse_args()
    try:
        for name in (args.train, args.test):
            if not (args.data / name).is_dir():
                raise DataError(f"{args.data} has no {name}", fix="run masr prepare first")
        measure(args.data, args.label, args.train, args.test)
    except MasrError as error:
        print(error.block())
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
