#!/usr/bin/env bash
# TRAIN -> OUT/NAME/seedS: model.safetensors metrics.jsonl -> OUT/NAME/seedS/SPLIT: embeddings.npy
# usage: pretrain.sh [options] TRAIN DEV OUT [SPLIT...]
# example: pretrain.sh --models best_rq_tiny --seeds 0,1,2 --score lang data/pretrain data/dev exp/pretrain data/train data/test
#
# Trains every configuration of --models with every seed of --seeds, as one job array, and runs each over the data
# directories SPLIT. A run that was killed goes on where it was; one that has ended is not repeated.
set -euo pipefail

models=            # NAMES: names of configurations in the folder --conf, with commas
seeds=0            # SEEDS: seeds to train each with, with commas
conf=conf/pretrain # DIR: folder of the configurations
codes=exp/units    # DIR: what stage 3 made of the labels
confidence=        # DIR: what a scorer says of TRAIN and DEV, in folders of their names, for configurations whose masking asks for it
clusters=          # DIR: folder of the clusters that configurations predict, by the names of their folders; none takes them as named
score=             # TEXT: label that the nearest utterance of the first SPLIT has to share with one of the last; none
apart=             # TEXT: values of that label to be scored by themselves as well, with commas
cmd=run.py         # TEXT: launcher of trainings, with its options
job=0              # NUMBER: train only this one of them, as the launcher asks
. "$(dirname -- "${BASH_SOURCE[0]}")/parse_options.sh"
. "$(dirname -- "${BASH_SOURCE[0]}")/runs.sh"

train=${arguments[0]} dev=${arguments[1]} out=${arguments[2]} splits=("${arguments[@]:3}")

if ((job == 0)); then
  read -ra launcher <<<"$cmd"
  "${launcher[@]}" JOB=1:"${#runs[@]}" "$out/log/train.JOB.log" pretrain.sh --job JOB --models "$models" --seeds "$seeds" \
    --conf "$conf" --codes "$codes" ${confidence:+--confidence "$confidence"} ${clusters:+--clusters "$clusters"} \
    --score "$score" --apart "$apart" "${arguments[@]}"
  masr score runs "${runs[@]/#/$out/}"
  exit
fi

run=${runs[job - 1]} made=()
needs=$(masr config --needs "$conf/${run%/*}.yaml")
while IFS=$'\t' read -r what _ folder; do
  case $what in
    confidence) made+=(${confidence:+--set confidence="$confidence"}) ;;
    targets) made+=(${clusters:+--set targets="$clusters/${folder##*/}"}) ;;
  esac
done <<<"$needs"
masr train "$conf/${run%/*}.yaml" "$out/$run" --seed "${run##*/seed}" \
  --set train="$train" --set dev="$dev" --set codes="$codes" "${made[@]}"
for split in "${splits[@]}"; do
  masr extract "$out/$run" "$split" "$out/$run/$(basename -- "$split")"
done
if [[ -n $score ]]; then
  masr score neighbours "$out/$run/$(basename -- "${splits[0]}")" "$out/$run/$(basename -- "${splits[-1]}")" \
    --kind "$score" --scale standard ${apart:+--apart "$apart"} --json "$out/$run/neighbours.json"
fi
