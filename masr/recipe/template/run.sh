#!/usr/bin/env bash
# folder of audio -> data/{train,dev,test}: wav.scp utt2lang ... -> feats.scp cmvn.scp -> exp/units: codes -> exp/pretrain
# example: run.sh --corpus ~/recordings --language-from parent
# shellcheck disable=SC1091,SC2154 # path.sh and cmd.sh, copied beside it, say what root and the launchers are
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/path.sh"
. ./cmd.sh

corpus=corpus      # DIR: folder of audio files, at any depth
labels=            # FILE: what is known of them: a table with a column `file`; none where empty
language_from=     # TEXT: parent, where the folder of a file is its language; or the whole path of a file that says which language a folder is
label=lang         # NAMES|none: what is learnt beside speech and identified, the NAME of utt2NAME; none where nothing is known
pretrain=          # NAMES: what stage 6 trains: names in conf/pretrain; empty: best_rq, and best_rq_label where there is a label
lid=linear         # TEXT: how stage 7 fine-tunes: a name in conf/lid
seeds=0            # SEEDS: seeds to train each with, with commas
table=probe        # NAMES: tables of stage 12, names in tables/, with commas
data=data          # DIR: where the data directories go
exp=exp            # DIR: where everything else goes
conf=conf          # DIR: folder of features.yaml, units.yaml, pretrain/ and lid/
nj=$(nproc)        # COUNT: jobs of an array, processes of a stage
cmd=$array_cmd     # TEXT: launcher of job arrays, with its options
train_cmd=$gpu_cmd # TEXT: launcher of trainings, with its options
stage=0            # STAGE: the first to run
stop_stage=6       # STAGE: the last to run
. "$root/utils/parse_options.sh"
. "$root/utils/stage.sh"

[[ $label != none ]] || label=
pretrain=${pretrain:-best_rq${label:+,best_rq_label}}
options=(${labels:+--set "labels=$labels"} ${language_from:+--set "language_from=$language_from"})

# what is there
stage 0 corpus "$data" --inputs "$corpus" ${labels:+"$labels"} -- masr corpus folder "$corpus" "${options[@]}"

# folder -> data directories, no speaker in two of them
stage 1 prepare "$data" --inputs "$corpus" ${labels:+"$labels"} --outputs "$data"/{train,dev,test} -- \
  masr prepare folder "$corpus" "$data" --nj "$nj" --resample "${options[@]}"

# data directories -> feature archives
stage 2 features "$data" --inputs "$corpus" "$data"/{train,dev,test}{,/wav.scp} "$conf/features.yaml" \
  --outputs "$data"/{train,dev,test}/{feats,cmvn}.scp -- \
  features.sh --conf "$conf/features.yaml" --log "$exp/features/log" --nj "$nj" --cmd "$cmd" "$data"/{train,dev,test}

# text -> units where there is text, labels -> codes
stage 3 units "$exp" --inputs "$data"/{train,dev,test} "$conf/units.yaml" --outputs "$exp/units" -- \
  masr units "$data/train" "$exp/units" --conf "$conf/units.yaml" ${label:+--set "streams=[{name: label, kind: $label}]"} \
  --also "$data/dev" --also "$data/test"

# data directories -> pre-trained encoders (job array) and their embeddings
stage 6 pretrain "$exp" --inputs "$data"/{train,dev,test}{,/feats.scp} "$exp/units" "$conf/pretrain" --outputs "$exp/pretrain" -- \
  pretrain.sh --models "$pretrain" --seeds "$seeds" --conf "$conf/pretrain" --codes "$exp/units" --cmd "$train_cmd" \
  --score "$label" "$data"/{train,dev} "$exp/pretrain" "$data"/{train,dev,test}

# pre-trained encoders -> identification of the label (job array), and what it says of each test utterance
stage 7 lid "$exp" --inputs "$exp/pretrain" "$data"/{train,dev,test}{,/feats.scp} "$conf/lid" --outputs "$exp/lid" -- \
  lid.sh --models "$pretrain" --seeds "$seeds" --conf "$conf/lid/$lid.yaml" --cmd "$train_cmd" \
  "$exp/pretrain" "$data"/{train,dev,test} "$exp/lid"

# what it says -> accuracy, F1, EER, Cavg with intervals, confusions
stage 8 score-lid "$exp" --inputs "$exp/lid" "$data/test" -- \
  score_lid.sh --models "$pretrain" --seeds "$seeds" "$data/test" "$exp/lid"

# pre-trained encoders -> what each layer tells of the label (job array)
stage 11 analyse "$exp" --inputs "$exp/pretrain" "$data"/{train,dev,test}{,/feats.scp} --outputs "$exp/analyse" -- \
  analyse.sh --models "$pretrain" --seeds "$seeds" --kinds "$label" --cmd "$train_cmd" \
  "$exp/pretrain" "$data"/{train,dev,test} "$exp/analyse"

# tables/*.yaml -> exp/tables, RESULTS.md
IFS=, read -ra tables <<<"tables/${table//,/.yaml,tables/}.yaml"
stage 12 tables "$exp" --inputs "$data"/{train,dev,test}{,/feats.scp} "$exp/pretrain" "${tables[@]}" tables --outputs "$exp/tables" -- \
  tables.sh --data "$data" --exp "$exp" --conf "$conf" --results RESULTS.md --cmd "$train_cmd" "${tables[@]}"

summary "$data"/{train,dev,test}
