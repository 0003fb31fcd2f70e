#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash sets them
# Options of run.sh: names, kinds of values, stage ranges, help, exit codes; nothing runs before they are right.

bats_require_minimum_version 1.5.0
load setup.bash

setup() {
  make_copy
}

refused() {
  run -2 --separate-stderr "$run_sh" "$@"
  [[ -z $output ]]
  [[ ! -s $calls ]]
  [[ ! -e $data ]]
}

@test "an unknown option exits 2 before anything runs, and names the near one" {
  refused --sop-stage 2
  [[ $stderr == *"there is no option --sop-stage"* && $stderr == *"did you mean --stop-stage"* ]]
  refused --nj 2 --cropus=mini
  [[ $stderr == *"did you mean --corpus"* ]]
  refused -x
  refused --stage 1 --zzz
  [[ $stderr == *"choose from: --corpus"* ]]
}

@test "a value of the wrong kind exits 2" {
  local bad
  for bad in "--stage x" "--stage -1" "--stage 1.5" "--stage=" "--nj 0" "--nj 2x" "--hours many" "--data=" "--nj"; do
    # shellcheck disable=SC2086 # the option and its value are two words
    refused $bad
    [[ $stderr == *"run.sh: usage: ${bad%%[ =]*}"* ]]
  done
}

@test "--seeds takes different numbers: '*' is no list of file names" {
  local bad
  for bad in '*' '0,*' '' ',' '0,' -1 '0;1' '0 1' x 0,0 4294967296; do
    refused --seeds "$bad"
    [[ $stderr == *"run.sh: usage: --seeds $bad"* ]]
  done
  "$run_sh" --seeds 3,1,4294967295 --pretrain best_rq_tiny
  [[ $(grep -oE '^train .* --seed [0-9]+' "$calls" | grep -oE '[0-9]+$' | sort -n | xargs) == "1 3 4294967295" ]]
}

@test "a list of names takes names: no '*', no blank, none that is empty, none twice" {
  local bad
  for bad in '*' '' 'a,,' 'a b' 'a,b*' '[a]' a,a; do
    refused --pretrain "$bad"
    [[ $stderr == *"run.sh: usage: --pretrain $bad"* ]]
    refused --table "$bad"
  done
  refused --unseen 'bos slk'
  refused --families '*'
}

@test "scripts of utils take the same lists, so that a job array has no job for a file of the folder" {
  local script PATH="$copy/utils:$PATH"
  for script in pretrain lid ctc score_lid score_asr analyse analyse_abx; do
    run -2 --separate-stderr "$copy/utils/$script.sh" --models best_rq_tiny --seeds '*' a b c d e
    [[ $stderr == *"$script.sh: usage: --seeds *"* && ! -s $calls ]]
    run -2 --separate-stderr "$copy/utils/$script.sh" --models '*' a b c d e
    [[ $stderr == *"$script.sh: usage: --models *"* && ! -s $calls ]]
  done
}

@test "--unseen '' and --unseen none hold out no language: all that is prepared is pre-trained on" {
  local none
  for none in '' none; do
    rm -rf "$data" "$copy/egs/fleurs/exp"
    : >"$calls"
    "$run_sh" --unseen "$none" --stop-stage 6 --pretrain best_rq_tiny
    grep -qxF "data subset data/train data/pretrain" "$calls"
    grep '^score neighbours' "$calls" | grep -qv -- --apart
    "$run_sh" --unseen "$none" --families kor --stop-stage 2
    grep -qE '^data subset .*--drop lang=kor$' "$calls"
  done
}

@test "an argument that is no option exits 2" {
  refused mini
  [[ $stderr == *"takes no argument, but was given 'mini'"* ]]
}

@test "a stage that does not exist names those that do" {
  refused --stage 14
  [[ $stderr == *"the stages are: 0 corpus, 1 prepare, 2 features, 3 units, 4 scorer, 5 confidence, 6 pretrain, 7 lid, 8 score-lid, 9 ctc, 10 score-asr, 11 analyse, 12 tables"* ]]
  refused --stop-stage 13
}

@test "a range that ends before it starts exits 2" {
  refused --stage 3 --stop-stage 1
  [[ $stderr == *"--stage 3 comes after --stop-stage 1"* ]]
}

@test "a stage after those that run by default needs no --stop-stage" {
  "$run_sh"
  verbs
  run -2 --separate-stderr "$run_sh" --stage 12 --table nothing
  [[ $stderr == *"stage 12: tables: tables/nothing.yaml is not there"* ]]
}

@test "--stop-stage and --stop_stage, a space and = are the same" {
  local way
  for way in "--stop-stage 1" "--stop_stage 1" "--stop-stage=1" "--stop_stage=01"; do
    # shellcheck disable=SC2086
    run -0 "$run_sh" $way
    [[ $output == *"stage 1: prepare"* && $output != *"stage 2"* ]]
  done
}

@test "only the stages of the range run" {
  "$run_sh" --stop-stage 0
  [[ $(verbs) == corpus ]]
  "$run_sh" --stage 1 --stop-stage 1
  [[ $(verbs) == $'prepare\ndata' ]]
  "$run_sh" --stage 2 --stop-stage 2
  [[ $(verbs) == $'features\ndata' ]]
}

@test "a stage whose input is missing says which stage writes it" {
  run -2 --separate-stderr "$run_sh" --stage 2
  [[ $stderr == *"stage 2: features: corpus/mini is not there"* && $stderr == *"start with --stage 0"* ]]
  "$run_sh" --stop-stage 0
  run -2 --separate-stderr "$run_sh" --stage 2
  [[ $stderr == *"stage 2: features: data/train is not there"* ]]
  [[ $stderr == *"stage 1 (prepare) writes it: start with --stage 1"* ]]
}

@test "a script beside run.sh says which call of run.sh writes what it misses" {
  cd "$copy/egs/librispeech"
  run -2 --separate-stderr ./corrupt.sh
  [[ $stderr == *"data/train_clean_100 is not there"*"run ./run.sh --stop-stage 1, which writes it"* ]]
  run -2 --separate-stderr ./pool.sh --foreign data/elsewhere
  [[ $stderr == *"data/train_clean_100 is not there"*"run ./run.sh --stop-stage 2, which writes it"* ]]
}

@test "--help prints data flow, stages and options with defaults, and runs nothing" {
  run -0 "$run_sh" --help
  [[ ${lines[0]} == "corpus -> data/{train,dev,test"* ]]
  [[ $output == *" 2  features "* ]]
  [[ $output =~ --stop-stage\ STAGE.*\(6\) ]]
  [[ $output =~ --corpus\ DIR\|mini.*\(mini\) ]]
  [[ ! -s $calls && ! -e $data ]]
}

@test "paths start from where the caller stands, and may have spaces" {
  mkdir -p "$BATS_TEST_TMPDIR/my place"
  cd "$BATS_TEST_TMPDIR/my place"
  mkdir "a corpus" mini
  "$run_sh" --corpus "a corpus" --data "the data" --exp=../exp --nj 1
  [[ -e "the data/train/feats.scp" && -e ../exp/units/units.txt && ! -e $data ]]
  grep -qxF "prepare fleurs $PWD/a corpus $PWD/the data --nj 1 --max-bad 0.1" "$calls"
}

@test "the word mini is the embedded corpus even where a folder has that name; ./mini is the folder" {
  cd "$BATS_TEST_TMPDIR" && mkdir mini
  "$run_sh" --stop-stage 0
  grep -q '^corpus fleurs mini corpus/mini' "$calls"
  "$run_sh" --stop-stage 0 --corpus ./mini
  grep -qxF "corpus fleurs $PWD/mini" "$calls"
}

@test "medium is the other embedded corpus, and leaves four families out of pre-training too" {
  "$run_sh" --corpus medium --stop-stage 2
  grep -q '^corpus fleurs medium corpus/medium' "$calls"
  grep -qE '^data subset .*--drop lang=bos,slk,nob,cat,urd,msa,aze,tel,hye,swa,vie,kor$' "$calls"
  "$run_sh" --corpus medium --unseen bos --stop-stage 2
  grep -qE '^data subset .*--drop lang=bos,hye,swa,vie,kor$' "$calls"
  "$run_sh" --corpus medium --families kor --stop-stage 2
  grep -qE '^data subset .*--drop lang=bos,slk,nob,cat,urd,msa,aze,tel,kor$' "$calls"
  "$run_sh" --corpus medium --unseen slk --families none --stop-stage 2
  grep -qE '^data subset .*--drop lang=slk$' "$calls"
  "$run_sh" --stop-stage 2
  grep -qE '^data subset .*--drop lang=bos,slk,nob,cat,urd,msa,aze,tel$' "$calls"
}

@test "the recipe's own folder given as a path is no change" {
  "$run_sh" --nj 1
  verbs
  cd "$data"
  "$run_sh" --data . --exp ../exp --conf "$copy/egs/fleurs/conf" --nj 3
  [[ $(verbs) == data ]]
}

@test "every recipe has the same stage numbers, titles and common options, in the design's words" {
  local recipe
  for recipe in fleurs debian dhwani librispeech pangloss; do
    sed -nE 's/^ *stage ([0-9]+) ([a-z-]+) .*/\1 \2/p' "$copy/egs/$recipe/run.sh" | sort -un >"$BATS_TEST_TMPDIR/$recipe.stages"
    printf '0 corpus\n1 prepare\n2 features\n3 units\n6 pretrain\n11 analyse\n12 tables\n' |
      diff - <(grep -vxE '4 scorer|5 confidence|7 lid|8 score-lid|9 ctc|10 score-asr' "$BATS_TEST_TMPDIR/$recipe.stages")
    run -0 "$copy/egs/$recipe/run.sh" --help
    [[ $output == *--corpus*--data*--exp*--conf*--nj*--cmd*--stage*--stop-stage* ]]
    cmp "$copy/egs/fleurs/path.sh" "$copy/egs/$recipe/path.sh"
    cmp "$copy/egs/fleurs/cmd.sh" "$copy/egs/$recipe/cmd.sh"
  done
}

@test "a run.sh opens with its data flow and fits on three screens" {
  local recipe
  for recipe in fleurs debian dhwani librispeech pangloss; do
    [[ $(sed -n 2p "$copy/egs/$recipe/run.sh") == "# corpus -> data/"*" -> "* ]]
    (($(wc -l <"$copy/egs/$recipe/run.sh") <= 120))
  done
}

@test "without masr the way to get it is named" {
  rm "$copy/bin/masr"
  PATH="$copy/bin:/usr/bin:/bin" run -2 --separate-stderr "$run_sh"
  [[ $stderr == *"masr is not installed"* && $stderr == *"fix: make -C "*" setup"* ]]
}

@test "every script of utils/ that takes arguments ends its help with an example, whose options it has" {
  local script name known word count=0
  for script in $(grep -l '^# usage: ' "$copy"/utils/*.sh | xargs -n 1 -d '\n' basename); do
    name=$(basename "$script" .sh)
    run -0 --separate-stderr "$copy/utils/$name.sh" --help
    [[ $output == *$'\nexample:\n  '"$name.sh "* ]]
    known=" $(grep -oE '^  --[a-z-]+' <<<"$output" | tr -d '\n') "
    while read -r word; do
      [[ $known == *" $word "* ]]
    done < <(sed -n '/^example:$/,$p' <<<"$output" | grep -oE ' --[a-z][a-z-]*' | grep -vE -- '--(gpu|partition)')
    count=$((count + 1))
  done
  ((count >= 11))
}
