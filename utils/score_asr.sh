#!/usr/bin/env bash
# ASR/NAME/seedS/test/text, TEST -> ASR/NAME/seedS/wer.json: word and character error rates with intervals;
#                                   ASR/report.html: all of them side by side
# usage: score_asr.sh [options] TEST ASR
# example: score_asr.sh --models best_rq_tiny --seeds 0,1 --by group data/test exp/asr
set -euo pipefail

models= # NAMES: names of pre-trained configurations, with commas; the others are compared with the first of them
seeds=0 # SEEDS: their seeds, with commas
by=     # TEXT: kind of label to score groups by; none where empty
seen=   # DIR: data directory of pre-training, whose languages are scored apart from the others; none where empty
. "$(dirname -- "${BASH_SOURCE[0]}")/parse_options.sh"
. "$(dirname -- "${BASH_SOURCE[0]}")/runs.sh"

test=${arguments[0]} asr=${arguments[1]}
for run in "${runs[@]}"; do
  against=${models%%,*}/${run##*/} # the first model of the same seed
  [[ $against != "$run" ]] || against=
  printf '%s, seed %s\n' "${run%/*}" "${run##*/seed}"
  masr score wer --ref "$test" --hyp "$asr/$run/test/text" ${against:+--against "$asr/$against/test/text"} --cer \
    ${by:+--by "$by"} ${seen:+--seen "$seen"} --json "$asr/$run/wer.json"
done
first=("${runs[@]:0:24}") # as many as a page holds
masr report "${first[@]/#/$asr/}" --out "$asr/report.html"
