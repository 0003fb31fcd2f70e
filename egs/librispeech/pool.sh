#!/usr/bin/env bash
# data/train_clean_100, noisy speech, foreign speech -> exp/pool/{clean,noisy,foreign,all}: a pool of three domains (tables/pool.yaml)
# example: pool.sh --nj 2
# example: pool.sh --noisy data/ami_train --foreign data/mls_german_train
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/path.sh"
. ./cmd.sh

noisy=         # DIR: data directory of noisy speech; left out, half of train_clean_100 under noise
foreign=       # DIR: data directory of foreign speech; left out, five languages of the embedded FLEURS
hours=0.62     # NUMBER: hours of those five languages, all splits together
data=data      # DIR: where train_clean_100 is
exp=exp        # DIR: where the pool goes
conf=conf      # DIR: folder of features.yaml
nj=$(nproc)    # COUNT: jobs of an array, processes of a stage
cmd=$array_cmd # TEXT: launcher of job arrays, with its options
stage=0        # STAGE: the first to run
stop_stage=3   # STAGE: the last to run
. "$root/utils/parse_options.sh"
. "$root/utils/stage.sh"

pool=$exp/pool clean=$data/train_clean_100 halves=$exp/pool/halves spoken=$exp/pool/spoken
written_by './run.sh --stop-stage 2' "$clean"

# five languages of the embedded FLEURS, spoken by eSpeak NG
if [[ -z $foreign ]]; then
  stage 0 corpus "$exp" --outputs corpus/foreign -- masr corpus fleurs mini corpus/foreign --hours "$hours" --nj "$nj" \
    --set "languages=[cs_cz, hi_in, ja_jp, sw_ke, tr_tr]"
  stage 1 prepare "$exp" --inputs corpus/foreign --outputs "$spoken" -- masr prepare fleurs corpus/foreign "$spoken" --nj "$nj"
  foreign=$spoken/train
fi

# clean speech as it is, or where no noisy speech is given, half of the readers as they are and half of them under noise
if [[ -z $noisy ]]; then
  stage 1 prepare "$exp" --inputs "$clean"{,/feats.scp} --outputs "$halves" -- masr data split "$clean" 2 --by-speaker --out "$halves"
  stage 1 prepare "$exp" --inputs "$halves/2"{,/wav.scp} --outputs "$pool/under_noise" -- \
    masr data corrupt "$halves/2" "$pool/under_noise" --overlay --kinds noise=1 --share 0.8,1 --seconds 1,4 --level-db=-5,5
  noisy=$pool/under_noise clean=$halves/1
fi

# each domain in a data directory of its own -> features (job array)
for domain in clean noisy foreign; do
  feats=${!domain}/feats.scp # goes along where it is there
  [[ -e $feats ]] || feats=
  stage 2 features "$exp" --inputs "${!domain}" ${feats:+"$feats"} --outputs "$pool/$domain" -- \
    masr data combine "$pool/$domain" "${!domain}"
done
stage 2 features "$exp" --inputs "$pool"/{clean,noisy,foreign}{,/wav.scp} "$conf/features.yaml" --outputs "$pool"/{clean,noisy,foreign}/feats.scp -- \
  features.sh --conf "$conf/features.yaml" --log "$exp/features/log" --nj "$nj" --cmd "$cmd" "$pool"/{clean,noisy,foreign}

# three domains -> one pool, which says of each utterance where it is from (utt2domain)
stage 3 pool "$exp" --inputs "$pool"/{clean,noisy,foreign}{,/feats.scp} --outputs "$pool/all" -- \
  masr data combine "$pool/all" "$pool"/{clean,noisy,foreign} --partial keep --origin domain

masr data summary "$pool"/{clean,noisy,foreign,all}
