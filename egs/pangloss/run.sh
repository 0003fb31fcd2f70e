#!/usr/bin/env bash
# corpus -> data/<series>: wav.scp segments text utt2condition -> feats.scp cmvn.scp -> exp/units: units.txt
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/path.sh"
. ./cmd.sh

corpus=mini                             # DIR|mini: folder of the Pangloss recordings, each with its annotation beside it; or mini, the embedded corpus
hours=                                  # NUMBER: hours of speech in the embedded corpus, where its own size is not wanted
pretrain=best_rq_tiny,best_rq_masr_tiny # NAMES: what stage 6 trains: names in conf/pretrain, with commas
seeds=0                                 # SEEDS: seeds to train each with, with commas
table=abx                               # NAMES: tables of stage 12, names in tables/, with commas
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
  stage 0 corpus corpus --outputs "$corpus" -- masr corpus pangloss mini "$corpus" ${hours:+--hours "$hours"} --nj "$nj"
else
  stage 0 corpus "$data" --inputs "$corpus" -- masr corpus pangloss "$corpus" ${hours:+--hours "$hours"}
fi

# corpus -> data directories, one a series
stage 1 prepare "$data" --inputs "$corpus" --outputs "$data" -- \
  masr prepare pangloss "$corpus" "$data" --nj "$nj" --max-bad 0.1
folders=("$data"/*/)

# data directories -> feature archives
stage 2 features "$data" --inputs "$corpus" "${folders[@]}" "${folders[@]/%/wav.scp}" "$conf/features.yaml" \
  --outputs "${folders[@]/%/feats.scp}" "${folders[@]/%/cmvn.scp}" -- \
  features.sh --conf "$conf/features.yaml" --log "$exp/features/log" --nj "$nj" --cmd "$cmd" "${folders[@]}"

# text of all series -> units, languages -> codes
stage 3 units "$exp" --inputs "${folders[@]}" "${folders[@]/%/feats.scp}" --outputs "$exp/all" -- \
  masr data combine "$exp/all" "${folders[@]}" --partial keep
stage 3 units "$exp" --inputs "$exp/all" "$conf/units.yaml" --outputs "$exp/units" -- \
  masr units "$exp/all" "$exp/units" --conf "$conf/units.yaml"

# data directories, clusters for HuBERT -> pre-trained encoders (job array) and their embeddings
for folder in "${!clusters[@]}"; do
  stage 6 pretrain "$exp" --inputs "$exp/all"{,/feats.scp,/wav.scp} "$conf/pretrain" --outputs "$folder" -- \
    masr cluster "$exp/all" "$folder" --conf "${clusters[$folder]}"
done
stage 6 pretrain "$exp" --inputs "$exp/all"{,/feats.scp} "$exp/units" "$conf/pretrain" "${!clusters[@]}" --outputs "$exp/pretrain" -- \
  pretrain.sh --models "$pretrain" --seeds "$seeds" --conf "$conf/pretrain" --codes "$exp/units" --clusters "$exp" --cmd "$train_cmd" \
  "$exp/all" null "$exp/pretrain" "$exp/all"

# whole recordings in windows -> frames -> how close recordings are: ABX by series and length of snippets (job array)
stage 11 analyse "$exp" --inputs "$exp/all" --outputs "$exp/recordings" -- \
  masr analyse recordings "$exp/all" "$exp/recordings" --window 20
stage 11 analyse "$exp" --inputs "$exp/recordings"{,/wav.scp} "$conf/features.yaml" --outputs "$exp/recordings/feats.scp" -- \
  features.sh --conf "$conf/features.yaml" --log "$exp/features/log" --nj "$nj" --cmd "$cmd" "$exp/recordings"
stage 11 analyse "$exp" --inputs "$exp/recordings"{,/feats.scp} "$exp/pretrain" --outputs "$exp/abx" -- \
  analyse_abx.sh --models "$pretrain" --seeds "$seeds" --cmd "$train_cmd" "$exp/recordings" "$exp/pretrain" "$exp/abx"

# tables/*.yaml -> exp/tables, RESULTS.md: the papers' tables as chained job arrays
read -ra tables <<<"${table//,/ }"
tables=("${tables[@]/#/tables/}")
tables=("${tables[@]/%/.yaml}")
stage 12 tables "$exp" --inputs "$exp"/{all,recordings}{,/feats.scp} "$exp/units" "$conf" tables \
  --outputs "$exp/tables" -- tables.sh --size "$([[ $corpus == corpus/mini ]] && echo mini || echo paper)" --data "$data" \
  --exp "$exp" --conf "$conf" --results RESULTS.md --cmd "$train_cmd" "${tables[@]}"

summary "${folders[@]}"
