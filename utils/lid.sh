#!/usr/bin/env bash
# PRETRAINED/NAME/seedS -> OUT/NAME/seedS: model.safetensors -> OUT/NAME/seedS/scores.tsv: probabilities for each utterance of TEST
# usage: lid.sh [options] PRETRAINED TRAIN DEV TEST OUT
# example: lid.sh --models best_rq_tiny,best_rq_masr_tiny --cmd "slurm.py --gpu 1" exp/pretrain data/train data/dev data/test exp/lid
#
# Fine-tunes every pre-trained run for languages, as one job array. A run that was killed goes on where it was.
set -euo pipefail

models=                       # NAMES: names of pre-trained configurations, with commas
seeds=0                       # SEEDS: their seeds, with commas
conf=conf/lid/ecapa_tiny.yaml # FILE: how to fine-tune
cmd=run.py                    # TEXT: launcher of trainings, with its options
job=0                         # NUMBER: fine-tune only this one of them, as the launcher asks
. "$(dirname -- "${BASH_SOURCE[0]}")/parse_options.sh"
. "$(dirname -- "${BASH_SOURCE[0]}")/runs.sh"

pretrained=${arguments[0]} train=${arguments[1]} dev=${arguments[2]} test=${arguments[3]} out=${arguments[4]}

if ((job == 0)); then
  read -ra launcher <<<"$cmd"
  exec "${launcher[@]}" JOB=1:"${#runs[@]}" "$out/log/lid.JOB.log" lid.sh --job JOB --models "$models" --seeds "$seeds" \
    --conf "$conf" "${arguments[@]}"
fi

run=${runs[job - 1]}
masr train "$conf" "$out/$run" --seed "${run##*/seed}" --set init="$pretrained/$run" --set train="$train" --set dev="$dev"
masr identify "$out/$run" "$test" --scores "$out/$run/scores.tsv"
