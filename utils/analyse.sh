#!/usr/bin/env bash
# PRETRAINED/NAME/seedS, TRAIN, DEV, TEST -> OUT/NAME/seedS: what each layer tells of labels and phones, tables and figures
# usage: analyse.sh [options] PRETRAINED TRAIN DEV TEST OUT
# example: analyse.sh --models best_rq_tiny --seeds 0,1 --kinds lang,gender exp/pretrain data/train data/dev data/test exp/analyse
#
# Probes every layer of every pre-trained run, as one job array. With --phones, frames are probed for phones as well,
# and the bound on mutual information is taken over layers; and all runs are compared by their frames of TEST.
set -euo pipefail

models=        # NAMES: names of pre-trained configurations, with commas
seeds=0        # SEEDS: their seeds, with commas
kinds=lang     # NAMES|none: labels to probe for, utt2KIND or spk, with commas
phones=no      # TEXT: yes where the data directories have phones.ctm
utterances=100 # COUNT: utterances of TRAIN, or all where there are fewer, that probes of phones learn from
frames=100000  # COUNT: frames of them
cmd=run.py     # TEXT: launcher of job arrays, with its options
job=0          # NUMBER: analyse only this one of them, as the launcher asks
. "$(dirname -- "${BASH_SOURCE[0]}")/parse_options.sh"
. "$(dirname -- "${BASH_SOURCE[0]}")/runs.sh"

pretrained=${arguments[0]} train=${arguments[1]} dev=${arguments[2]} test=${arguments[3]} out=${arguments[4]}

if ((job == 0)); then
  read -ra launcher <<<"$cmd"
  "${launcher[@]}" JOB=1:"${#runs[@]}" "$out/log/analyse.JOB.log" analyse.sh --job JOB --models "$models" --seeds "$seeds" \
    --kinds "$kinds" --phones "$phones" --utterances "$utterances" --frames "$frames" "${arguments[@]}"
  if [[ $phones == yes && ${#runs[@]} -gt 1 ]]; then
    masr analyse similarity "${runs[@]/#/$pretrained/}" "$test" --names "${runs[@]}" log_mel --data "$test" \
      --measure linear_cka --measure svcca --drop-constant --out "$out/similarity"
  fi
  exit
fi

run=${runs[job - 1]} folder=$out/${runs[job - 1]}
if [[ $kinds != none ]]; then
  for split in "$train" "$dev" "$test"; do
    masr extract "$pretrained/$run" "$split" "$folder/vectors/$(basename -- "$split")" --layers all
  done
  read -ra wanted <<<"--kind ${kinds//,/ --kind }"
  vectors=$folder/vectors
  masr analyse probe "$vectors/$(basename -- "$train")" --dev "$vectors/$(basename -- "$dev")" \
    --test "$vectors/$(basename -- "$test")" "${wanted[@]}" --probe logistic --json "$folder/probes.json" --out "$folder"
fi
if [[ $phones == yes ]]; then
  # Frames of all layers are large, and no probe of phones needs all of TRAIN.
  there=$(wc -l <"$train/utt2spk")
  masr data subset "$train" "$folder/some" --num $((utterances < there ? utterances : there))
  frames_of=()
  for split in "$folder/some" "$dev" "$test"; do
    frames_of+=("$folder/frames/$(basename -- "$split")")
    masr extract "$pretrained/$run" "$split" "${frames_of[-1]}" --layers all --pool none
  done
  masr analyse probe "${frames_of[0]}" --dev "${frames_of[1]}" --test "${frames_of[2]}" --kind phone --probe linear \
    --frames "$frames" --json "$folder/phones.json" --out "$folder"
  layers=("${frames_of[2]}"/layer*)
  masr analyse mutual-information "${layers[@]}" "$test" --labels phones --testable-only --frames "$frames" \
    --json "$folder/mutual_information.json" --out "$folder"
fi
