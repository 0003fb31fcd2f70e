#!/usr/bin/env bash
# corpus -> data/{tuxpaint,asterisk,festvox_ru,...}: wav.scp text utt2lang utt2channel -> feats.scp -> exp/sets, exp/units: codes
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/path.sh"
. ./cmd.sh

corpus=download                               # DIR|download: folder of Debian's packages, or of what they unpack to; or download, which fetches them
packages=                                     # NAMES: packages to fetch, with commas; all of packages.tsv that are marked where empty
languages=dan,deu,eng,fra,lit,nld,rus,spa,ukr # NAMES: languages that both kinds of source speak, for identification
pretrain=best_rq_tiny,best_rq_masr_tiny       # NAMES: what stage 6 trains and stage 7 fine-tunes: names in conf/pretrain, with commas
lid=ecapa_tiny                                # TEXT: how stage 7 fine-tunes: a name in conf/lid
asr=tiny                                      # TEXT: how stage 9 fine-tunes for speech recognition: a name in conf/ctc
seeds=0                                       # SEEDS: seeds to train each with, with commas
table=languages                               # NAMES: tables of stage 12, names in tables/, with commas
data=data                                     # DIR: where the data directories go
exp=exp                                       # DIR: where everything else goes
conf=conf                                     # DIR: folder of features.yaml, units.yaml and pretrain/
nj=$(nproc)                                   # COUNT: jobs of an array, processes of a stage
cmd=$array_cmd                                # TEXT: launcher of job arrays, with its options
train_cmd=$gpu_cmd                            # TEXT: launcher of trainings, with its options
stage=0                                       # STAGE: the first to run
stop_stage=6                                  # STAGE: the last to run
. "$root/utils/parse_options.sh"
. "$root/utils/stage.sh"
. "$root/utils/needs.sh"

if [[ $corpus == download ]]; then
  corpus=corpus/packages
  # fetch the packages, or check a folder of them
  stage 0 corpus corpus --inputs packages.tsv --outputs "$corpus" -- fetch_debian.sh ${packages:+--packages "$packages"} packages.tsv "$corpus"
fi
stage 0 corpus "$data" --inputs "$corpus" -- masr corpus debian "$corpus" --set listen=false --set channels=loudest

# packages -> data directories, one a kind of package
stage 1 prepare "$data" --inputs "$corpus" --outputs "$data" -- \
  masr prepare debian "$corpus" "$data" --nj "$nj" --resample --set channels=loudest
folders=("$data"/*/)

# data directories -> feature archives
stage 2 features "$data" --inputs "${folders[@]}" "${folders[@]/%/wav.scp}" "$conf/features.yaml" \
  --outputs "${folders[@]/%/feats.scp}" "${folders[@]/%/cmvn.scp}" -- \
  features.sh --conf "$conf/features.yaml" --log "$exp/features/log" --nj "$nj" --cmd "$cmd" "${folders[@]}"

# all sources -> sets to learn from and to be tested on; languages, places, channels, voices -> codes; read text -> characters
stage 3 units "$exp" --inputs "${folders[@]}" "${folders[@]/%/feats.scp}" --outputs "$exp/all" -- \
  masr data combine "$exp/all" "${folders[@]}" --partial keep
. ./sets.sh
for name in "${names[@]}"; do
  read -ra choice <<<"${sets[$name]}"
  stage 3 units "$exp" --inputs "$exp/all"{,/feats.scp} --outputs "$exp/sets/$name" -- \
    masr data subset "$exp/all" "$exp/sets/$name" "${choice[@]}"
done
set=$exp/sets cut=("${names[@]/#/$exp/sets/}")
stage 3 units "$exp" --inputs "$exp/all" "$conf/units.yaml" --outputs "$exp/units" -- \
  masr units "$exp/all" "$exp/units" --conf "$conf/units.yaml"
stage 3 units "$exp" --inputs "$set/read_train" "$conf/characters.yaml" --outputs "$exp/characters" -- \
  masr units "$set/read_train" "$exp/characters" --conf "$conf/characters.yaml"

# data directories, clusters for HuBERT -> pre-trained encoders (job array) and their embeddings
for folder in "${!clusters[@]}"; do
  stage 6 pretrain "$exp" --inputs "$set"/{pretrain,dev}{,/feats.scp,/wav.scp} "$conf/pretrain" --outputs "$folder" -- \
    masr cluster "$set/pretrain" "$folder" --also "$set/dev" --conf "${clusters[$folder]}"
done
stage 6 pretrain "$exp" --inputs "$set"/{pretrain,train,dev,within,across}{,/feats.scp} "$exp/units" "$conf/pretrain" \
  "${!clusters[@]}" --outputs "$exp/pretrain" -- \
  pretrain.sh --models "$pretrain" --seeds "$seeds" --conf "$conf/pretrain" --codes "$exp/units" --clusters "$exp" \
  --cmd "$train_cmd" --score lang "$set"/{pretrain,dev} "$exp/pretrain" "$set"/{train,within,across}

# pre-trained encoders -> language identification (job array), and what it says of voices that it never heard
stage 7 lid "$exp" --inputs "$exp/pretrain" "$set"/{train,dev,across}{,/feats.scp} "$conf/lid" --outputs "$exp/lid" -- \
  lid.sh --models "$pretrain" --seeds "$seeds" --conf "$conf/lid/$lid.yaml" --cmd "$train_cmd" \
  "$exp/pretrain" "$set"/{train,dev,across} "$exp/lid"

# what it says -> accuracy, F1, EER, Cavg with intervals, confusions
stage 8 score-lid "$exp" --inputs "$exp/lid" "$set/across" "$exp/units" -- \
  score_lid.sh --models "$pretrain" --seeds "$seeds" --codes "$exp/units" --by source "$set/across" "$exp/lid"

# pre-trained encoders -> recognisers of Russian (job array), and what they hear from the same voice and from others
stage 9 ctc "$exp" --inputs "$set"/{read,other}_test{,/feats.scp} --outputs "$exp/test" -- \
  masr data combine "$exp/test" "$set"/{read,other}_test --partial keep --origin set
stage 9 ctc "$exp" --inputs "$exp"/{pretrain,characters,test{,/feats.scp}} "$set"/read_{train,dev}{,/feats.scp} "$conf/ctc" --outputs "$exp/asr" -- \
  ctc.sh --models "$pretrain" --seeds "$seeds" --conf "$conf/ctc/$asr.yaml" --codes "$exp/characters" --cmd "$train_cmd" \
  "$exp/pretrain" "$set"/read_{train,dev} "$exp"/{test,asr}

# what they hear -> word and character error rates with intervals, of each set, each model against the first
stage 10 score-asr "$exp" --inputs "$exp"/{asr,test} -- \
  score_asr.sh --models "$pretrain" --seeds "$seeds" --by set "$exp/test" "$exp/asr"

# pre-trained encoders -> what each layer tells of the phones of read Russian (job array)
stage 11 analyse "$exp" --inputs "$exp/pretrain" "$set"/read_{train,dev,test}{,/feats.scp} --outputs "$exp/analyse" -- \
  analyse.sh --models "$pretrain" --seeds "$seeds" --kinds none --phones yes --cmd "$train_cmd" \
  "$exp/pretrain" "$set"/read_{train,dev,test} "$exp/analyse"

# tables/*.yaml -> exp/tables, RESULTS.md: tables as chained job arrays
IFS=, read -ra tables <<<"tables/${table//,/.yaml,tables/}.yaml"
stage 12 tables "$exp" --inputs "${cut[@]}" "${cut[@]/%//feats.scp}" \
  "$exp"/{units,characters} "$conf" "${tables[@]}" tables --outputs "$exp/tables" -- tables.sh --size real --data "$set" \
  --exp "$exp" --conf "$conf" --results RESULTS.md --cmd "$train_cmd" "${tables[@]}"

summary "${folders[@]}"
