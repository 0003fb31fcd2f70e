#!/usr/bin/env bash
# DATA/wav.scp -> DATA/feats.scp, DATA/cmvn.scp, DATA/utt2num_frames
# usage: features.sh [options] DATA...
# example: features.sh --conf conf/features.yaml --nj 4 data/train data/dev
set -euo pipefail

conf=                # FILE: features.yaml; the defaults where none is given
log=exp/features/log # DIR: where the jobs write what they say
nj=1                 # COUNT: jobs for each data directory
cmd=run.py           # TEXT: launcher of job arrays, with its options
. "$(dirname -- "${BASH_SOURCE[0]}")/parse_options.sh"

read -ra launcher <<<"$cmd"
for folder in "${arguments[@]}"; do
  "${launcher[@]}" JOB=1:"$nj" "$log/$(basename -- "$folder").JOB.log" \
    masr features ${conf:+--conf "$conf"} --job "JOB/$nj" "$folder"
  masr features ${conf:+--conf "$conf"} --merge "$nj" "$folder"
done
