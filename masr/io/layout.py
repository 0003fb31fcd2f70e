"""Every file name under corpus/, data/ and exp/: the one place that spells them."""

from __future__ import annotations

import re

# corpus/<corpus>/ of an embedded corpus: its name, its config, and the code and packages that spoke it
MARKER = ".embedded.json"

# data/<split>/
WAV_SCP = "wav.scp"
SEGMENTS = "segments"
TEXT = "text"
UTT2SPK = "utt2spk"
SPK2UTT = "spk2utt"
UTT2DUR = "utt2dur"
RECO2DUR = "reco2dur"
UTT2LANG = "utt2lang"
FEATS_SCP = "feats.scp"
CMVN_SCP = "cmvn.scp"
CONFIDENCE_SCP = "confidence.scp"
CONFIDENCE_JSON = "confidence.json"
UTT2NUM_FRAMES = "utt2num_frames"
PHONES_CTM = "phones.ctm"
CORRUPTED_CTM = "corrupted.ctm"
PROBLEMS_TSV = "problems.tsv"
INDEX = ".index"

# data/<split>/data/ holds what the tables point at
ARCHIVES = "data"

# exp/units/
UNITS_TXT = "units.txt"
UNITS_MODEL = "units.model"
CODES = "codes"

# exp/words/
LEXICON = "lexicon.txt"
WORDS_ARPA = "words.arpa"

# exp/<model>/
MODEL = "model.safetensors"
STATS = "stats.safetensors"
DIGESTS = "digests.json"
ENCODER = "encoder"
METRICS = "metrics.jsonl"
CHECKPOINTS = "checkpoints"
RECORD = "record.json"
AVERAGE = "average.safetensors"
ENDED = "ended.json"
NEIGHBOURS = "neighbours.json"
UNITS = "units"
LEFT_OUT = "left_out.tsv"

REPORT = "report.html"
TRACKERS = "trackers.json"

# what a model makes of a data directory
EMBEDDINGS = "embeddings.npy"
FRAMES = "frames.npy"
OFFSETS = "offsets.npy"
MASK = "mask.npy"
TARGETS_SCP = "targets.scp"

# what a CTC model says of every frame, and what becomes of it
EMISSIONS = "emissions"
EMISSIONS_SCP = "emissions.scp"
FRAME_SHIFT = "frame_shift"
TEXT_NBEST = "text.nbest"
SCORE_NBEST = "score.nbest"
WORDS_CTM = "words.ctm"

# beside an array of scores of languages, scores.npy
SCORES_UTTS = ".utts"
SCORES_LANGUAGES = ".languages"

# what any verb may write for the report to draw: NAME.figure.json
FIGURE_SUFFIX = ".figure.json"

# exp/tables/
RESOLVED_DIGESTS = "resolved.json"

# exp/tables/<step>/<task>/
TASK_CONFIG = "task.yaml"
TASK_LOG = "task.log"
TASK_DONE = "done.json"
TASK_FAILED = "failed.json"

# beside every output
RESOLVED_CONFIG = "config.yaml"
PROVENANCE = "provenance.json"


def label_table(kind: str) -> str:
    """The table of one kind of metadata: `lang` -> `utt2lang`."""
    return f"utt2{kind}"


def step_folder(step: int) -> str:
    """The checkpoint after so many steps: step_000000080/."""
    return f"step_{step:09d}"


def rank_file(group: str, rank: int, ranks: int) -> str:
    """What one rank writes of a group of tensors: `model`, 3, 8 -> `model.rank-00003-of-00008.safetensors`."""
    return f"{group}.rank-{rank:05d}-of-{ranks:05d}.safetensors" if ranks > 1 else f"{group}.safetensors"


def rank_files(group: str, name: str) -> list[str]:
    """The names of all that ranks write of a group, given one of them; none where it is no such name."""
    found = re.fullmatch(rf"{group}\.rank-\d{{5}}-of-(\d{{5}})\.safetensors", name)
    return [rank_file(group, rank, int(found[1])) for rank in range(int(found[1]))] if found else []


def group_of(name: str) -> str:
    """`model`, of `model.safetensors` and of what one of several ranks writes of it."""
    return name.removesuffix(".safetensors").partition(".rank-")[0]


def layer_folder(layer: int) -> str:
    """What one layer of several makes of a data directory: layer3/."""
    return f"layer{layer}"


def shard_name(stem: str, job: int) -> str:
    """One shard of a job array: `feats`, 3 -> `feats.3`."""
    return f"{stem}.{job}"
