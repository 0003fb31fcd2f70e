#!/usr/bin/env bash
# SCORER, DATA -> DATA/confidence.scp: one number in [0, 1] for every encoded frame, and confidence.json, in a job array
# usage: confidence.sh [options] SCORER DATA...
# example: confidence.sh --out exp/confidence exp/scorer data/pretrain data/dev
#
# With --out DIR they go to DIR/NAME of each data directory, so that several scorers or measures can be compared.
set -euo pipefail

measure=max            # TEXT: max, entropy or margin
exclude_blank=false    # TEXT: true takes only units other than the blank
encoder=               # FILE: configuration of pre-training; stop where its encoder has another frame rate
out=                   # DIR: where the folders go; none writes into the data directories
log=exp/confidence/log # DIR: where the jobs write what they say
nj=1                   # COUNT: jobs for each data directory
cmd=run.py             # TEXT: launcher of job arrays, with its options
. "$(dirname -- "${BASH_SOURCE[0]}")/parse_options.sh"

read -ra launcher <<<"$cmd"
scorer=${arguments[0]}
options=(--measure "$measure")
[[ $exclude_blank == true ]] && options+=(--exclude-blank)
[[ -n $encoder ]] && options+=(--encoder "$encoder")
for folder in "${arguments[@]:1}"; do
  name=$(basename -- "$folder")
  places=("$scorer" "$folder" ${out:+"$out/$name"})
  "${launcher[@]}" JOB=1:"$nj" "$log/$name.JOB.log" masr confidence "${options[@]}" --replace --job "JOB/$nj" "${places[@]}"
  masr confidence "${options[@]}" --merge "$nj" "${places[@]}"
done
