#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash sets them
# When a stage is skipped, when it runs again, what a kill leaves behind, and two runs at once.

bats_require_minimum_version 1.5.0
load setup.bash

setup() {
  make_copy
}

@test "a second run skips every stage and says so, also from another folder and with another --nj" {
  "$run_sh" --nj 2
  verbs
  cd /
  run -0 "$run_sh" --nj 1 --cmd "run.py --max-jobs-run 1"
  [[ $(grep -c ': unchanged, skipped$' <<<"$output") -eq $(grep -c '^stage ' <<<"$output") ]]
  [[ $(verbs) == data ]]
}

@test "a stage line is printed, and its time" {
  run -0 "$run_sh" --stop-stage 0
  [[ ${lines[0]} == "stage 0: corpus" ]]
  [[ ${lines[1]} =~ ^"stage 0: corpus: done in 0:0"[0-9]$ ]]
}

@test "a changed configuration runs its own stage again and says what changed; touching it does not" {
  "$run_sh"
  verbs
  touch "$copy/egs/fleurs/conf/features.yaml"
  "$run_sh"
  [[ $(verbs) == data ]]
  echo "# other" >>"$copy/egs/fleurs/conf/features.yaml"
  run -0 "$run_sh"
  [[ $output == *$'stage 2: features\n  again, because conf/features.yaml changed\n'* ]]
  [[ $output == *"stage 1: prepare: unchanged"* && $output == *"stage 3: units: unchanged"* ]]
  [[ $(verbs) == $'features\ndata' ]]
}

@test "changed data runs what reads it again" {
  "$run_sh"
  verbs
  echo "b /b.wav" >>"$data/dev/wav.scp"
  "$run_sh"
  [[ $(verbs) == $'features\nunits\ntrain\ndata' ]]
}

@test "another corpus over the same data is said loudly, and prepared again" {
  "$run_sh"
  verbs
  mkdir "$BATS_TEST_TMPDIR/real"
  touch "$BATS_TEST_TMPDIR/real/a.tsv"
  run -0 "$run_sh" --corpus "$BATS_TEST_TMPDIR/real"
  [[ $output == *"it was run with 'corpus/mini', and now with '$BATS_TEST_TMPDIR/real'"* ]]
  [[ $output == *"WARNING: what it wrote to data is replaced"* ]]
  [[ $(verbs) == $'corpus\nprepare\nfeatures\ndata\nunits\ntrain\ndata' ]]
}

@test "a changed file of the corpus runs prepare again" {
  "$run_sh"
  verbs
  echo more >>"$copy/egs/fleurs/corpus/mini/spoken"
  run -0 "$run_sh"
  [[ $output == *"again, because corpus/mini changed"* ]]
  [[ $(verbs) == prepare* ]]
}

@test "an output that is gone is made again" {
  "$run_sh"
  verbs
  rm "$data/test/feats.scp"
  run -0 "$run_sh"
  [[ $output == *"again, because data/test/feats.scp is gone"* ]]
  [[ $(verbs) == $'features\ndata' ]]
}

@test "changed code of a verb runs its stage again; code of an unrelated verb does not" {
  echo "from masr.io import deep" >>"$copy/masr/cli/units.py"
  mkdir -p "$copy/masr/io" && touch "$copy/masr/io/deep.py" "$copy/masr/io/other.py"
  "$run_sh"
  verbs
  echo "# changed" >>"$copy/masr/io/other.py"
  "$run_sh"
  [[ $(verbs) == data ]]
  echo "# changed" >>"$copy/masr/io/deep.py"
  run -0 "$run_sh"
  [[ $output == *"again, because masr/io/deep.py changed"* ]]
  # Its units came out as they were, so no encoder is trained again.
  [[ $(verbs) == $'units\ndata' ]]
}

@test "a failed stage stops the recipe with its exit code, and runs again the next time" {
  fail_at=prepare run -2 --separate-stderr "$run_sh"
  [[ $stderr == *"fix: what to do"*"stage 1: prepare: failed (exit code 2)"* ]]
  [[ $(verbs) == $'corpus\nprepare' ]]
  run -0 "$run_sh"
  [[ $output == *"stage 0: corpus: unchanged"* ]]
  [[ $(verbs) == $'prepare\nfeatures\ndata\nunits\ntrain\ndata' ]]
}

@test "a stage that fails after it once succeeded does not look finished" {
  "$run_sh"
  echo "# other" >>"$copy/egs/fleurs/conf/units.yaml"
  fail_at=units run -2 "$run_sh"
  sed -i '$d' "$copy/egs/fleurs/conf/units.yaml"
  verbs
  run -0 "$run_sh"
  [[ $output == *"again, because no finished run of it is on record"* ]]
  [[ $(verbs) == $'units\ndata' ]] # units were what they had been
}

@test "a failed job shows the end of its log on the screen" {
  fail_at=features run -2 --separate-stderr "$run_sh" --nj 2
  [[ $stderr == *"2 of 2 jobs failed: exp/features/log/train.JOB.log"* ]]
  [[ $stderr == *"last lines of exp/features/log/train.1.log"* ]]
  [[ $stderr == *"| masr: data directory: what is wrong"* ]]
  [[ ! -e $data/.stages/2-features.feats.scp.json ]]
}

@test "a command that ends well without its outputs is a failure" {
  printf '#!/bin/sh\n' >"$copy/bin/masr"
  run -2 --separate-stderr "$run_sh"
  [[ $stderr == *"stage 0: corpus: ended after 0:0"*"without writing corpus/mini"* ]]
}

@test "a run killed with -9 leaves no job, no lock and nothing that looks finished" {
  hang_at=features "$run_sh" --nj 1 3>&- &
  wait_for "$calls.child"
  kill -9 $!
  local i
  for ((i = 0; i < 6000; i++)); do
    kill -0 "$(cat "$calls.child")" 2>/dev/null || break
    sleep 0.05
  done
  run ! kill -0 "$(cat "$calls.child")"
  sleep 0.3
  verbs
  run -0 "$run_sh"
  [[ $output == *"stage 1: prepare: unchanged"* ]]
  [[ $(verbs) == $'features\ndata\nunits\ntrain\ndata' ]]
}

@test "a second run on the same folder is refused while the first is at work, and named" {
  hang_at=features setsid "$run_sh" --nj 1 3>&- &
  wait_for "$calls.child"
  run -2 --separate-stderr "$run_sh"
  [[ $stderr == *"another run is at work in data"*"stage 2: features"*"fix: wait for it"* ]]
  echo "# other" >>"$copy/egs/fleurs/corpus/mini/spoken"
  run -2 --separate-stderr "$run_sh" --stage 1 --stop-stage 1
  "$run_sh" --data "$BATS_TEST_TMPDIR/d2" --exp "$BATS_TEST_TMPDIR/e2"
  kill -TERM $!
  local code=0
  wait $! || code=$?
  ((code == 143))
}

@test "what another run reads is not written under it" {
  "$run_sh" --stop-stage 2
  hang_at=units setsid "$run_sh" 3>&- &
  wait_for "$calls.child"
  echo "# other" >>"$copy/egs/fleurs/conf/features.yaml"
  run -2 --separate-stderr "$run_sh" --stop-stage 2
  [[ $stderr == *"another run is at work in data"* ]]
  run -0 "$run_sh" --stage 3 --exp "$BATS_TEST_TMPDIR/e2"
  [[ $output == *"stage 3: units: done"* ]]
  kill -TERM $!
  local code=0
  wait $! || code=$?
  ((code == 143))
}

@test "stages 4 and 5 run, and clusters are made, where a configuration asks for them, whatever it is called" {
  cd "$copy/egs/fleurs"
  printf 'masking: {name: ask2mask}\ntargets: elsewhere/slow_clusters\n' >conf/pretrain/first.yaml
  printf 'targets: exp/clusters\n' >conf/pretrain/second.yaml
  printf 'masking: {name: spans}\n' >conf/pretrain/hubert_atm_not.yaml
  ./run.sh --pretrain hubert_atm_not
  run -1 grep -E '^(cluster|confidence) ' "$calls"
  run -1 grep -E -- '--set (confidence|targets)=' "$calls"
  : >"$calls"
  ./run.sh --pretrain first,second,hubert_atm_not --exp made
  grep -q '^confidence ' "$calls"
  [[ $(grep '^cluster ' "$calls" | cut -d ' ' -f 3,7 | sort) == $'made/clusters conf/pretrain/second.yaml\nmade/slow_clusters conf/pretrain/first.yaml' ]]
  grep '^train conf/pretrain/first.yaml ' "$calls" | grep -q -- '--set confidence=made/confidence --set targets=made/slow_clusters$'
  grep '^train conf/pretrain/second.yaml ' "$calls" | grep -q -- 'codes=made/units --set targets=made/clusters$'
  grep '^train conf/pretrain/hubert_atm_not.yaml ' "$calls" | grep -q -- '--set codes=made/units$'
}
