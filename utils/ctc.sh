#!/usr/bin/env bash
# PRETRAINED/NAME/seedS -> OUT/NAME/seedS: model.safetensors -> OUT/NAME/seedS/test: text words.ctm, what it hears in TEST
# usage: ctc.sh [options] PRETRAINED TRAIN DEV TEST OUT
# example: ctc.sh --models best_rq_tiny --seeds 0,1 --codes exp/units exp/pretrain data/train data/dev data/test exp/asr
#
# Fine-tunes every pre-trained run to write what is said, as one job array. A run that was killed goes on where it was.
set -euo pipefail

models=                 # NAMES: names of pre-trained configurations, with commas
seeds=0                 # SEEDS: their seeds, with commas
conf=conf/ctc/tiny.yaml # FILE: how to fine-tune
codes=exp/units         # DIR: units to write in
words=                  # DIR: lexicon.txt and words.arpa to decode with; neither where empty
cmd=run.py              # TEXT: launcher of trainings, with its options
job=0                   # NUMBER: fine-tune only this one of them, as the launcher asks
. "$(dirname -- "${BASH_SOURCE[0]}")/parse_options.sh"
. "$(dirname -- "${BASH_SOURCE[0]}")/runs.sh"

pretrained=${arguments[0]} train=${arguments[1]} dev=${arguments[2]} test=${arguments[3]} out=${arguments[4]}

if ((job == 0)); then
  read -ra launcher <<<"$cmd"
  exec "${launcher[@]}" JOB=1:"${#runs[@]}" "$out/log/ctc.JOB.log" ctc.sh --job JOB --models "$models" --seeds "$seeds" \
    --conf "$conf" --codes "$codes" ${words:+--words "$words"} "${arguments[@]}"
fi

run=${runs[job - 1]}
masr train "$conf" "$out/$run" --seed "${run##*/seed}" --set init="$pretrained/$run" --set train="$train" \
  --set dev="$dev" --set codes="$codes"
masr decode "$out/$run" "$test" "$out/$run/test" \
  ${words:+--set lexicon="$words/lexicon.txt" --set language_model="$words/words.arpa"}
