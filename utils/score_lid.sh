#!/usr/bin/env bash
# LID/NAME/seedS/scores.tsv, TEST -> LID/NAME/seedS/lid.json and figures: accuracy, F1, EER, Cavg with intervals, confusions;
#                                    LID/report.html: all of them side by side
# usage: score_lid.sh [options] TEST LID
# example: score_lid.sh --models best_rq_tiny,best_rq_masr_tiny --seen data/pretrain data/test exp/lid
set -euo pipefail

models= # NAMES: names of pre-trained configurations, with commas
seeds=0 # SEEDS: their seeds, with commas
codes=  # DIR: what stage 3 made of the labels, to compare confused languages by
seen=   # DIR: data directory of pre-training: languages that are not in it are scored by themselves; none where empty
by=     # TEXT: kind of label to score groups by; none where empty
. "$(dirname -- "${BASH_SOURCE[0]}")/parse_options.sh"
. "$(dirname -- "${BASH_SOURCE[0]}")/runs.sh"

test=${arguments[0]} lid=${arguments[1]}
for run in "${runs[@]}"; do
  printf '%s, seed %s\n' "${run%/*}" "${run##*/seed}"
  masr score lid --ref "$test" --scores "$lid/$run/scores.tsv" --durations "$test" ${codes:+--codes "$codes"} \
    ${seen:+--seen "$seen"} ${by:+--by "$by"} --json "$lid/$run/lid.json" --figures "$lid/$run"
done
first=("${runs[@]:0:24}") # as many as a page holds
masr report "${first[@]/#/$lid/}" --out "$lid/report.html"
