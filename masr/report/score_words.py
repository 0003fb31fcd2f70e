"""The keys of score files in words: (`groups`, `group`, `cjk`, `figures`, `cllr`) is Cllr of `group cjk`."""

from __future__ import annotations

from collections.abc import Sequence

_SILENT = ("shares", "figures", "kinds", "probes", "against", "test")
"""Keys that only hold others together."""
_ONE_OF = {"languages": "language", "layers": "layer"}
"""Keys that say what the next key is one of."""
_BY_KIND = "groups"
"""What holds kinds of labels: `groups`, `gender`, `female`."""
_PER = ("recall", "precision")
"""Figures whose key holds one for each label."""
_PHRASES = {
    "all": "all utterances",
    "apart": "labels set apart",
    "others": "all other labels",
    "1-NN": "nearest neighbour",
    "centroid": "nearest mean",
    "pretraining": "pre-training",
    "lang": "language",
    "top5_accuracy": "right among the 5 likeliest",
    "ece": "calibration error",
    "cllr_multiclass": "Cllr of all languages at once",
    "eer_pooled": "EER, pooled",
    "eer_average": "EER, mean of languages",
    "cavg_actual": "Cavg, actual",
    "cavg_minimum": "Cavg, least",
    "cprimary_actual": "Cprimary, actual",
    "cprimary_minimum": "Cprimary, least",
    "macro_f1": "macro F1",
    "num_utts": "utterances",
}
_SPELLINGS = {"eer": "EER", "wer": "WER", "cer": "CER", "f1": "F1", "cllr": "Cllr", "cavg": "Cavg", "abx": "ABX"}


def in_words(keys: Sequence[str]) -> tuple[str, str]:
    """(of what, which figure) a value under these keys is; of what is empty where it is of all there is."""
    *path, last = keys
    if path and path[-1] in _PER:
        path[-1], last = last, path[-1]
    words: list[str] = []
    one_of = ""
    for n, key in enumerate(path):
        if n and path[n - 1] == _BY_KIND:
            one_of = phrase(key)
        elif key in _ONE_OF and not one_of:
            one_of = _ONE_OF[key]
        elif key not in (*_SILENT, _BY_KIND):
            words.append(f"{one_of} {phrase(key)}".strip())
            one_of = ""
    if one_of:
        words.append(one_of)
    return ", ".join(words), phrase(last)


def phrase(key: str) -> str:
    """One key as people say it."""
    if key in _PHRASES:
        return _PHRASES[key]
    text = key.removeprefix("num_").replace("_", " ")
    return " ".join(_SPELLINGS.get(word, word) for word in text.split()) or key
