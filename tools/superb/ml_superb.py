"""ML-SUPERB's language identification, by ESPnet's own program: CTC whose text is the language, on frozen layers.

The settings are those of ESPnet's egs2/ml_superb/asr1 (run_multi.sh --only_lid true), but for the number of updates and
the learning rate.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from masr.errors import UsageError
from superb.data import SPLITS
from superb.peers import ready_espnet

_RECIPE: dict[str, Any] = {
    "token_type": "word",
    "normalize": "utterance_mvn",
    "encoder": "transformer",
    "encoder_conf": {
        "output_size": 256, "attention_heads": 8, "linear_units": 1024, "num_blocks": 2, "dropout_rate": 0.1,
        "positional_dropout_rate": 0.1, "attention_dropout_rate": 0.1, "input_layer": "conv2d2",
        "normalize_before": True,
    },
    "decoder": None,
    "model_conf": {"ctc_weight": 1.0},
    "unused_parameters": True,
    "batch_type": "sorted",
    "batch_size": 8,
    "best_model_criterion": [["valid", "loss", "min"]],
    "keep_nbest_models": 1,
    "optim": "adam",
    "specaug": "specaug",
    "specaug_conf": {
        "apply_time_warp": True, "time_warp_window": 5, "time_warp_mode": "bicubic", "apply_freq_mask": True,
        "freq_mask_width_range": [0, 27], "num_freq_mask": 2, "apply_time_mask": True,
        "time_mask_width_ratio_range": [0.0, 0.05], "num_time_mask": 10,
    },
    "num_workers": 0,
    "use_matplotlib": False,
}  # fmt: skip
_FBANK = {"frontend_conf": {"n_fft": 1024, "hop_length": 320}}
_EPOCHS = 5
_SPEECH = "wav.scp,speech,sound"


def identify(front_end: dict[str, Any], out: Path, steps: int, lr: float, ngpu: int) -> dict[str, Any]:
    """Trains on OUT's CSV files, and scores its test: metric, score and settings."""
    languages = {name: _written(out, name) for name in SPLITS}
    tokens = sorted(set(languages["train"].values()) | set(languages["valid"].values()))
    config = {
        **_RECIPE,
        **front_end,
        "token_list": ["<blank>", "<unk>", *tokens, "<sos/eos>"],
        "optim_conf": {"lr": lr, "weight_decay": 1e-6},
        "num_iters_per_epoch": max(1, steps // _EPOCHS),
        "max_epoch": min(steps, _EPOCHS),
    }
    (out / "train.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    from espnet2.bin import asr_inference, asr_train

    data = []
    for name in SPLITS[:2]:
        data += [f"--{name}_shape_file={out / name / 'speech_shape'}"]
        data += [f"--{name}_data_path_and_name_and_type={out / name / what}" for what in (_SPEECH, "text,text,text")]
    asr_train.main([f"--config={out / 'train.yaml'}", f"--output_dir={out / 'exp'}", f"--ngpu={ngpu}", *data])
    heard = out / "exp" / "test"
    words = [f"--asr_train_config={out / 'exp/config.yaml'}", f"--asr_model_file={out / 'exp/valid.loss.best.pth'}"]
    words += [f"--data_path_and_name_and_type={out / 'test' / _SPEECH}", f"--output_dir={heard}", f"--ngpu={ngpu}"]
    asr_inference.main([*words, "--beam_size=1", "--ctc_weight=1.0", "--lm_weight=0.0"])
    answers = dict(_line(line) for line in (heard / "1best_recog/text").read_text(encoding="utf-8").splitlines())
    right = sum(answers.get(utt) == language for utt, language in languages["test"].items())
    return {"metric": "accuracy", "score": right / len(languages["test"]), "config": config}


def front_end_of(model: str) -> dict[str, Any]:
    """The configuration of an exported encoder's front end, which ESPnet knows from here on; `fbank` is its own."""
    ready_espnet()
    if model == "fbank":
        return _FBANK
    folder = Path(model)
    if not (folder / "masr_espnet.py").is_file():
        raise UsageError(f"{folder}: no export for ESPnet", fix=f"masr export RUN {folder} --to espnet")
    sys.path.insert(0, str(folder))
    from masr_espnet import register

    register()
    dim = json.loads((folder / "model/config.json").read_text(encoding="utf-8"))["hidden_size"]
    return {
        "frontend": "masr",
        "frontend_conf": {"folder": str(folder.resolve())},
        "preencoder": "linear",
        "preencoder_conf": {"input_size": dim, "output_size": 80},
    }


def _written(out: Path, name: str) -> dict[str, str]:
    """Utterance -> its language as a token; ESPnet's tables of them are written."""
    import soundfile

    with (out / f"{name}.csv").open(encoding="utf-8") as stream:
        rows = {row["id"]: row for row in csv.DictReader(stream)}
    languages = {utt: f"[{row['label'].split()[1]}]" for utt, row in rows.items()}
    tables = {
        "wav.scp": {utt: row["wav_path"] for utt, row in rows.items()},
        "text": languages,
        "speech_shape": {utt: soundfile.info(row["wav_path"]).frames for utt, row in rows.items()},
    }
    (out / name).mkdir(exist_ok=True)
    for file, table in tables.items():
        (out / name / file).write_text("".join(f"{utt} {value}\n" for utt, value in table.items()), encoding="utf-8")
    return languages


def _line(line: str) -> tuple[str, str]:
    """The utterance and the first language that was heard in it, as the recipe scores it."""
    utt, _, text = line.partition(" ")
    heard = re.search(r"\[[^\]]*\]", text)
    return utt, heard[0] if heard else ""
