#!/usr/bin/env bash
# RECORDINGS, PRETRAINED/NAME/seedS -> OUT/log_mel, OUT/NAME/seedS: ABX of recordings by series and length of snippets
# usage: analyse_abx.sh [options] RECORDINGS PRETRAINED OUT
# example: analyse_abx.sh --models best_rq_tiny --snippets 1,10 data/recordings exp/pretrain exp/abx
#
# RECORDINGS comes of `masr analyse recordings`, with features. Log-mel is scored beside the runs, as what they add to.
set -euo pipefail

models=            # NAMES: names of pre-trained configurations, with commas
seeds=0            # SEEDS: their seeds, with commas
layer=             # TEXT: number of a layer of the encoders; the last where empty
snippets=1,5,10,20 # TEXT: lengths in seconds, with commas
pairs=content      # TEXT: labels whose pairs are averaged apart, with commas; none where empty
cmd=run.py         # TEXT: launcher of job arrays, with its options
job=0              # NUMBER: score only this one of them, the last is log-mel, as the launcher asks
. "$(dirname -- "${BASH_SOURCE[0]}")/parse_options.sh"
. "$(dirname -- "${BASH_SOURCE[0]}")/runs.sh"

recordings=${arguments[0]} pretrained=${arguments[1]} out=${arguments[2]}
runs+=(log_mel)

if ((job == 0)); then
  read -ra launcher <<<"$cmd"
  exec "${launcher[@]}" JOB=1:"${#runs[@]}" "$out/log/abx.JOB.log" analyse_abx.sh --job JOB --models "$models" \
    --seeds "$seeds" --layer "$layer" --snippets "$snippets" --pairs "$pairs" "${arguments[@]}"
fi

run=${runs[job - 1]} source=$recordings
if [[ $run != log_mel ]]; then
  source=$out/$run/frames
  masr extract "$pretrained/$run" "$recordings" "$source" ${layer:+--layer "$layer"} --pool none
fi
masr analyse abx "$source" --snippets "$snippets" ${pairs:+--pairs "$pairs"} --out "$out/$run"
