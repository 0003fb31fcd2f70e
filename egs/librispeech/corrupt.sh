#!/usr/bin/env bash
# data/{train_clean_100,dev_clean} -> exp/corrupted: noise, music or silence in 30 to 50 % of each utterance (tables of Ask2Mask)
# example: corrupt.sh --nj 2
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/path.sh"
. ./cmd.sh

share=0.3,0.5                     # TEXT: LOW,HIGH of each utterance
seconds=0.5,2                     # TEXT: LOW,HIGH of one stretch
kinds="noise=2 music=1 silence=1" # TEXT: what sounds, and how often
data=data                         # DIR: where the two are
exp=exp                           # DIR: where the copies go
conf=conf                         # DIR: folder of features.yaml
nj=$(nproc)                       # COUNT: jobs of an array
cmd=$array_cmd                    # TEXT: launcher of job arrays, with its options
stage=0                           # STAGE: the first to run
stop_stage=2                      # STAGE: the last to run
. "$root/utils/parse_options.sh"
. "$root/utils/stage.sh"

out=$exp/corrupted
written_by './run.sh --stop-stage 1' "$data"/{train_clean_100,dev_clean}
read -ra kinds <<<"$kinds"

# the same words, of which a part cannot be heard: to pre-train on, to look at, and with other noise for a scorer to learn from
corrupt() {
  stage 1 prepare "$exp" --inputs "$data/$1"{,/wav.scp} --outputs "$out/$2" -- \
    masr data corrupt "$data/$1" "$out/$2" --share "$share" --seconds "$seconds" --kinds "${kinds[@]}" --seed "$3"
}
corrupt train_clean_100 train_clean_100 0
corrupt dev_clean dev_clean 0
corrupt train_clean_100 for_scorer 1

# audio -> feature archives (job array)
folders=("$out"/{train_clean_100,dev_clean,for_scorer})
stage 2 features "$exp" --inputs "${folders[@]}" "${folders[@]/%//wav.scp}" "$conf/features.yaml" \
  --outputs "${folders[@]/%//feats.scp}" -- \
  features.sh --conf "$conf/features.yaml" --log "$exp/features/log" --nj "$nj" --cmd "$cmd" "${folders[@]}"

masr data summary "${folders[@]}"
