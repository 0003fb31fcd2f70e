#!/usr/bin/env bash
# corpus -> data/{train,dev,test}_*: wav.scp text phones.ctm -> feats.scp cmvn.scp -> exp/units: units.txt
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/path.sh"
. ./cmd.sh

corpus=mini                             # DIR|mini: folder of the LibriSpeech download; or mini, the embedded corpus
hours=                                  # NUMBER: hours of speech in the embedded corpus, where its own size is not wanted
pretrain=best_rq_tiny,best_rq_masr_tiny # TEXT: what stage 6 trains: names in conf/pretrain, with commas
seeds=0                                 # TEXT: seeds to train each with, with commas
data=data                               # DIR: where the data directories go
exp=exp                                 # DIR: where everything else goes
conf=conf                               # DIR: folder of features.yaml, units.yaml and pretrain/
nj=$(nproc)                             # COUNT: jobs of an array, processes of a stage
cmd=$array_cmd                          # TEXT: launcher of job arrays, with its options
train_cmd=$gpu_cmd                      # TEXT: launcher of trainings, with its options
stage=0                                 # STAGE: the first to run
stop_stage=6                            # STAGE: the last to run
. "$root/utils/parse_options.sh"
. "$root/utils/stage.sh"

if [[ $corpus == mini ]]; then
  corpus=corpus/mini
  # build the embedded corpus, or check a downloaded one
  stage 0 corpus corpus --outputs "$corpus" -- masr corpus librispeech mini "$corpus" ${hours:+--hours "$hours"} --nj "$nj"
else
  stage 0 corpus "$data" --inputs "$corpus" -- masr corpus librispeech "$corpus" ${hours:+--hours "$hours"}
fi

# corpus -> data directories, those of the mismatched test sets among them where there are any
stage 1 prepare "$data" --inputs "$corpus" --outputs "$data"/{train_clean_100,dev_clean,test_clean,test_other} -- \
  masr prepare librispeech "$corpus" "$data" --nj "$nj" --max-bad 0.1
if [[ -d $corpus/mismatched ]]; then
  stage 1 prepare "$data" --inputs "$corpus/mismatched" --outputs "$data" -- \
    masr prepare lhotse "$corpus/mismatched" "$data" --nj "$nj" --max-bad 0.1
fi
folders=("$data"/*/)

# data directories -> feature archives
stage 2 features "$data" --inputs "$corpus" "${folders[@]}" "$conf/features.yaml" \
  --outputs "${folders[@]/%/feats.scp}" "${folders[@]/%/cmvn.scp}" -- \
  features.sh --conf "$conf/features.yaml" --log "$exp/features/log" --nj "$nj" --cmd "$cmd" "${folders[@]}"

# text -> units, languages -> codes
stage 3 units "$exp" --inputs "$data/train_clean_100" "$conf/units.yaml" --outputs "$exp/units" -- \
  masr units "$data/train_clean_100" "$exp/units" --conf "$conf/units.yaml"

# data directories, clusters for HuBERT -> pre-trained encoders (job array) and their embeddings
if [[ ,$pretrain == *,hubert* ]]; then
  stage 6 pretrain "$exp" --inputs "$data/train_clean_100" "$data/dev_clean" "$conf/pretrain" --outputs "$exp/clusters" -- \
    masr cluster "$data/train_clean_100" "$exp/clusters" --also "$data/dev_clean" --conf "$conf/pretrain/hubert_tiny.yaml"
fi
stage 6 pretrain "$exp" --inputs "$data"/{train_clean_100,dev_clean,test_clean} "$exp/units" "$conf/pretrain" --outputs "$exp/pretrain" -- \
  pretrain.sh --models "$pretrain" --seeds "$seeds" --conf "$conf/pretrain" --codes "$exp/units" --cmd "$train_cmd" \
  --score gender "$data"/{train_clean_100,dev_clean} "$exp/pretrain" "$data"/{train_clean_100,test_clean}

summary "${folders[@]}"
