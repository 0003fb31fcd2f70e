#!/usr/bin/env bash
# TRAIN, DEV -> OUT: model.safetensors, a recogniser by CTC -> OUT/dev: text wer.json, its error rates on DEV
# usage: scorer.sh [options] TRAIN DEV OUT
# example: scorer.sh --conf conf/scorer/tiny.yaml --codes exp/units data/train data/dev exp/scorer
#
# Trains the scorer of guided masking. A run that was killed goes on where it was.
set -euo pipefail

conf=conf/scorer/tiny.yaml # FILE: what to train
codes=exp/units            # DIR: units to write in
words=                     # DIR: lexicon.txt and words.arpa to decode with; neither where empty
cmd=run.py                 # TEXT: launcher of trainings, with its options
job=0                      # NUMBER: 1 trains, as the launcher asks
. "$(dirname -- "${BASH_SOURCE[0]}")/parse_options.sh"

train=${arguments[0]} dev=${arguments[1]} out=${arguments[2]}
if ((job == 0)); then
  read -ra launcher <<<"$cmd"
  "${launcher[@]}" JOB=1:1 "$out/log/scorer.JOB.log" scorer.sh --job JOB --conf "$conf" --codes "$codes" ${words:+--words "$words"} \
    "${arguments[@]}"
  masr score wer --ref "$dev" --hyp "$out/dev/text" --cer --json "$out/dev/wer.json"
  exit
fi

masr train "$conf" "$out" --set train="$train" --set dev="$dev" --set codes="$codes"
masr decode "$out" "$dev" "$out/dev" \
  ${words:+--set lexicon="$words/lexicon.txt" --set language_model="$words/words.arpa"}
