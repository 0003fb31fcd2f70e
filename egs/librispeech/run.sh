#!/usr/bin/env bash
# corpus -> data/{train,dev,test}_*: wav.scp text phones.ctm -> feats.scp cmvn.scp -> exp/units: units.txt
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/path.sh"
. ./cmd.sh

corpus=mini                             # DIR|mini: folder of the LibriSpeech download; or mini, the embedded corpus
hours=                                  # NUMBER: hours of speech in the embedded corpus, where its own size is not wanted
pretrain=best_rq_tiny,best_rq_masr_tiny # NAMES: what stage 6 trains: names in conf/pretrain, with commas
scorer=tiny                             # TEXT: scorer of guided masking that stage 4 trains: a name in conf/scorer
spelling=characters                     # TEXT: units of recognisers: a name in conf/, characters or units (word pieces)
asr=tiny                                # TEXT: how stage 9 fine-tunes what stage 6 trained: a name in conf/ctc
seeds=0                                 # SEEDS: seeds to train each with, with commas
table=similarity                        # NAMES: tables of stage 12, names in tables/, with commas
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
. "$root/utils/needs.sh"

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
stage 2 features "$data" --inputs "$corpus" "${folders[@]}" "${folders[@]/%/wav.scp}" "$conf/features.yaml" \
  --outputs "${folders[@]/%/feats.scp}" "${folders[@]/%/cmvn.scp}" -- \
  features.sh --conf "$conf/features.yaml" --log "$exp/features/log" --nj "$nj" --cmd "$cmd" "${folders[@]}"

# text -> units, languages -> codes
stage 3 units "$exp" --inputs "$data/train_clean_100" "$conf/units.yaml" --outputs "$exp/units" -- \
  masr units "$data/train_clean_100" "$exp/units" --conf "$conf/units.yaml"

if [[ $spelling != units ]]; then
  stage 3 units "$exp" --inputs "$data/train_clean_100" "$conf/$spelling.yaml" --outputs "$exp/$spelling" -- \
    masr units "$data/train_clean_100" "$exp/$spelling" --conf "$conf/$spelling.yaml"
fi
stage 3 units "$exp" --inputs "$data/train_clean_100/text" --outputs "$exp/words" -- \
  masr words "$data/train_clean_100" "$exp/words"

# Without guided masking only --stage 4 or 5 begins with these.
confidence=
if [[ -n $guided ]] || ((10#$stage == 4 || 10#$stage == 5)); then
  confidence=$exp/confidence
  # text -> scorer of guided masking, and its word error rate
  stage 4 scorer "$exp" --inputs "$data"/{train_clean_100,dev_clean}{,/feats.scp} "$exp"/{"$spelling",words} "$conf/scorer" \
    --outputs "$exp/scorer" -- \
    scorer.sh --conf "$conf/scorer/$scorer.yaml" --codes "$exp/$spelling" --words "$exp/words" --cmd "$train_cmd" \
    "$data"/{train_clean_100,dev_clean} "$exp/scorer"
  # scorer -> how sure it is of every encoded frame (job array)
  stage 5 confidence "$exp" --inputs "$exp/scorer" "$data"/{train_clean_100,dev_clean}{,/feats.scp,/wav.scp} \
    --outputs "$confidence"/{train_clean_100,dev_clean}/confidence.scp -- \
    confidence.sh --out "$confidence" --log "$confidence/log" --nj "$nj" --cmd "$cmd" "$exp/scorer" "$data"/{train_clean_100,dev_clean}
fi

# data directories, clusters for HuBERT -> pre-trained encoders (job array) and their embeddings
for folder in "${!clusters[@]}"; do
  stage 6 pretrain "$exp" --inputs "$data"/{train_clean_100,dev_clean}{,/feats.scp,/wav.scp} "$conf/pretrain" --outputs "$folder" -- \
    masr cluster "$data/train_clean_100" "$folder" --also "$data/dev_clean" --conf "${clusters[$folder]}"
done
stage 6 pretrain "$exp" --inputs "$data"/{train_clean_100,dev_clean,test_clean}{,/feats.scp} "$exp/units" "$conf/pretrain" \
  "${!clusters[@]}" ${confidence:+"$confidence" "$data/train_clean_100/wav.scp" "$data/dev_clean/wav.scp"} --outputs "$exp/pretrain" -- \
  pretrain.sh --models "$pretrain" --seeds "$seeds" --conf "$conf/pretrain" --codes "$exp/units" --clusters "$exp" \
  ${confidence:+--confidence "$confidence"} --cmd "$train_cmd" --score gender "$data"/{train_clean_100,dev_clean} "$exp/pretrain" "$data"/{train_clean_100,test_clean}

# pre-trained encoders -> recognisers (job array), and what they hear in each test set
tests=()
for folder in "$data"/*test*/; do
  [[ ! -d $folder ]] || tests+=("${folder%/}")
done
stage 9 ctc "$exp" --inputs "${tests[@]}" "${tests[@]/%//feats.scp}" --outputs "$exp/test" -- \
  masr data combine "$exp/test" "${tests[@]}" --partial keep --origin set
stage 9 ctc "$exp" --inputs "$exp"/{pretrain,test{,/feats.scp},"$spelling",words} "$data"/{train_clean_100,dev_clean}{,/feats.scp} "$conf/ctc" \
  --outputs "$exp/asr" -- \
  ctc.sh --models "$pretrain" --seeds "$seeds" --conf "$conf/ctc/$asr.yaml" --codes "$exp/$spelling" --words "$exp/words" \
  --cmd "$train_cmd" "$exp/pretrain" "$data"/{train_clean_100,dev_clean} "$exp"/{test,asr}

# what they hear -> word error rates with intervals, of each test set, each model against the first
stage 10 score-asr "$exp" --inputs "$exp"/{asr,test} -- \
  score_asr.sh --models "$pretrain" --seeds "$seeds" --by set "$exp/test" "$exp/asr"

# pre-trained encoders -> what each layer tells of speakers and phones, how alike they are (job array)
stage 11 analyse "$exp" --inputs "$exp/pretrain" "$data"/{train_clean_100,dev_clean,test_clean}{,/feats.scp} --outputs "$exp/analyse" -- \
  analyse.sh --models "$pretrain" --seeds "$seeds" --kinds gender --phones yes --cmd "$train_cmd" \
  "$exp/pretrain" "$data"/{train_clean_100,dev_clean,test_clean} "$exp/analyse"

# tables/*.yaml -> exp/tables, RESULTS.md: the papers' tables as chained job arrays
read -ra tables <<<"${table//,/ }"
tables=("${tables[@]/#/tables/}")
tables=("${tables[@]/%/.yaml}")
stage 12 tables "$exp" --inputs "${folders[@]}" "${folders[@]/%/feats.scp}" "$exp/units" "$conf" tables \
  --outputs "$exp/tables" -- tables.sh --size "$([[ $corpus == corpus/mini ]] && echo mini || echo paper)" --data "$data" \
  --exp "$exp" --conf "$conf" --results RESULTS.md --cmd "$train_cmd" "${tables[@]}"

summary "${folders[@]}"
