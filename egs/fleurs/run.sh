#!/usr/bin/env bash
# corpus -> data/{train,dev,test,pretrain}: wav.scp text utt2lang -> feats.scp cmvn.scp -> exp/units: units.txt codes
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/path.sh"
. ./cmd.sh

corpus=mini                             # DIR|mini|medium: folder of the FLEURS download; or an embedded corpus
hours=                                  # NUMBER: hours of speech in the embedded corpus, where its own size is not wanted
unseen=bos,slk,nob,cat,urd,msa,aze,tel  # NAMES|none: languages held out of pre-training, each with a relative in it
families=                               # NAMES|none: languages held out of it whose family it never hears; none for no such; empty: four, but none of mini
pretrain=best_rq_tiny,best_rq_masr_tiny # NAMES: what stage 6 trains and stage 7 fine-tunes: names in conf/pretrain, with commas
lid=ecapa_tiny                          # TEXT: how stage 7 fine-tunes: a name in conf/lid
scorer=tiny                             # TEXT: scorer of guided masking that stage 4 trains: a name in conf/scorer
asr=tiny                                # TEXT: how stage 9 fine-tunes for speech recognition: a name in conf/ctc
seeds=0                                 # SEEDS: seeds to train each with, with commas
table=evidence                          # NAMES: tables of stage 12, names in tables/, with commas
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

size=paper
[[ ! $corpus =~ ^(corpus/)?(mini|medium)$ ]] || size=${corpus#corpus/}
if [[ -z $families ]]; then
  case $size in
    medium) families=hye,swa,vie,kor ;;
    paper) families=hye,kor,kat,jpn ;;
  esac
fi
[[ $families != none ]] || families=
[[ $unseen != none ]] || unseen=
held_out=$unseen${families:+${unseen:+,}$families}

if [[ $corpus == "$size" ]]; then
  corpus=corpus/$size
  # build the embedded corpus, or check a downloaded one
  stage 0 corpus corpus --outputs "$corpus" -- masr corpus fleurs "$size" "$corpus" ${hours:+--hours "$hours"} --nj "$nj"
else
  stage 0 corpus "$data" --inputs "$corpus" -- masr corpus fleurs "$corpus" ${hours:+--hours "$hours"}
fi

# corpus -> data directories
stage 1 prepare "$data" --inputs "$corpus" --outputs "$data"/{train,dev,test} -- \
  masr prepare fleurs "$corpus" "$data" --nj "$nj" --max-bad 0.1

# data directories -> feature archives
stage 2 features "$data" --inputs "$corpus" "$data"/{train,dev,test}{,/wav.scp} "$conf/features.yaml" \
  --outputs "$data"/{train,dev,test}/{feats,cmvn}.scp -- \
  features.sh --conf "$conf/features.yaml" --log "$exp/features/log" --nj "$nj" --cmd "$cmd" "$data"/{train,dev,test}
stage 2 features "$data" --inputs "$data/train"{,/feats.scp} --outputs "$data/pretrain" -- \
  masr data subset "$data"/{train,pretrain} ${held_out:+--drop "lang=$held_out"}

# text -> units, languages -> codes
stage 3 units "$exp" --inputs "$data"/{train,dev,test} "$conf/units.yaml" --outputs "$exp/units" -- \
  masr units "$data/train" "$exp/units" --conf "$conf/units.yaml" --also "$data/dev" --also "$data/test"

# Without guided masking only --stage 4 or 5 begins with these.
confidence=
if [[ -n $guided ]] || ((10#$stage == 4 || 10#$stage == 5)); then
  confidence=$exp/confidence
  # text -> scorer of guided masking, and its word error rate
  stage 4 scorer "$exp" --inputs "$data"/{train,dev}{,/feats.scp} "$exp/units" "$conf/scorer" --outputs "$exp/scorer" -- \
    scorer.sh --conf "$conf/scorer/$scorer.yaml" --codes "$exp/units" --cmd "$train_cmd" "$data"/{train,dev} "$exp/scorer"
  # scorer -> how sure it is of every encoded frame (job array)
  stage 5 confidence "$exp" --inputs "$exp/scorer" "$data"/{pretrain,dev}{,/feats.scp,/wav.scp} \
    --outputs "$confidence"/{pretrain,dev}/confidence.scp -- \
    confidence.sh --out "$confidence" --log "$confidence/log" --nj "$nj" --cmd "$cmd" "$exp/scorer" "$data"/{pretrain,dev}
fi

# data directories, clusters for HuBERT -> pre-trained encoders (job array) and their embeddings
for folder in "${!clusters[@]}"; do
  stage 6 pretrain "$exp" --inputs "$data"/{pretrain,dev}{,/feats.scp,/wav.scp} "$conf/pretrain" --outputs "$folder" -- \
    masr cluster "$data/pretrain" "$folder" --also "$data/dev" --conf "${clusters[$folder]}"
done
stage 6 pretrain "$exp" --inputs "$data"/{pretrain,train,dev,test}{,/feats.scp} "$exp/units" "$conf/pretrain" \
  "${!clusters[@]}" ${confidence:+"$confidence" "$data/pretrain/wav.scp" "$data/dev/wav.scp"} --outputs "$exp/pretrain" -- \
  pretrain.sh --models "$pretrain" --seeds "$seeds" --conf "$conf/pretrain" --codes "$exp/units" --clusters "$exp" \
  ${confidence:+--confidence "$confidence"} --cmd "$train_cmd" --score lang --apart "$held_out" "$data/pretrain" "$data/dev" "$exp/pretrain" "$data"/{train,dev,test}

# pre-trained encoders -> language identification (job array), and what it says of each test utterance
stage 7 lid "$exp" --inputs "$exp/pretrain" "$data"/{train,dev,test}{,/feats.scp} "$conf/lid" --outputs "$exp/lid" -- \
  lid.sh --models "$pretrain" --seeds "$seeds" --conf "$conf/lid/$lid.yaml" --cmd "$train_cmd" \
  "$exp/pretrain" "$data"/{train,dev,test} "$exp/lid"

# what it says -> accuracy, F1, EER, Cavg with intervals, confusions
stage 8 score-lid "$exp" --inputs "$exp/lid" "$data"/{test,pretrain} "$exp/units" -- \
  score_lid.sh --models "$pretrain" --seeds "$seeds" --codes "$exp/units" --seen "$data/pretrain" --by group "$data/test" "$exp/lid"

# pre-trained encoders -> recognisers (job array), and what they hear in the test set
stage 9 ctc "$exp" --inputs "$exp"/{pretrain,units} "$data"/{train,dev,test}{,/feats.scp} "$conf/ctc" --outputs "$exp/asr" -- \
  ctc.sh --models "$pretrain" --seeds "$seeds" --conf "$conf/ctc/$asr.yaml" --codes "$exp/units" --cmd "$train_cmd" \
  "$exp/pretrain" "$data"/{train,dev,test} "$exp/asr"

# what they hear -> word and character error rates with intervals, each model against the first
stage 10 score-asr "$exp" --inputs "$exp/asr" "$data"/{test,pretrain} -- \
  score_asr.sh --models "$pretrain" --seeds "$seeds" --by group --seen "$data/pretrain" "$data/test" "$exp/asr"

# pre-trained encoders -> what each layer tells of languages and of who speaks (job array)
stage 11 analyse "$exp" --inputs "$exp/pretrain" "$data"/{train,dev,test}{,/feats.scp} --outputs "$exp/analyse" -- \
  analyse.sh --models "$pretrain" --seeds "$seeds" --kinds lang,gender --cmd "$train_cmd" \
  "$exp/pretrain" "$data"/{train,dev,test} "$exp/analyse"

# tables/*.yaml -> exp/tables, RESULTS.md: the papers' tables as chained job arrays
IFS=, read -ra tables <<<"tables/${table//,/.yaml,tables/}.yaml"
stage 12 tables "$exp" --inputs "$data"/{train,dev,test,pretrain}{,/feats.scp} "$exp/units" "$conf" "${tables[@]}" tables \
  --outputs "$exp/tables" -- tables.sh --size "$size" --data "$data" \
  --exp "$exp" --conf "$conf" --variables "unseen=$unseen families=$families" --results RESULTS.md --cmd "$train_cmd" "${tables[@]}"

summary "$data"/{train,dev,test,pretrain}
