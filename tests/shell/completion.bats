#!/usr/bin/env bats
# Completion of a recipe's options, as bash asks for it.

setup() {
  bats_require_minimum_version 1.5.0
  cd "$BATS_TEST_DIRNAME/../../egs/fleurs" || return
  # shellcheck source=/dev/null
  . ../../utils/completion.bash
}

# What the words complete to; the last of them is the one at the cursor.
complete_words() {
  COMP_WORDS=(./run.sh "$@") COMP_CWORD=$#
  _masr_recipe
  printf '%s\n' "${COMPREPLY[@]}"
}

@test "an option completes to the options of the script" {
  [[ $(complete_words --pre) == --pretrain ]]
  [[ $(complete_words --st) == $'--stage\n--stop-stage' || $(complete_words --st) == $'--stop-stage\n--stage' ]]
  [[ $(complete_words --) == *--corpus* && $(complete_words --) == *--help* ]]
}

@test "a value completes to what its kind allows" {
  [[ $(complete_words --stage 1) == $'1\n10\n11\n12' ]]
  [[ $(complete_words --lid ecapa_t) == ecapa_tiny ]]
  [[ $(complete_words --corpus m) == $'mini\nmedium' ]]
  [[ $(complete_words --table evid) == evidence ]]
  [[ $(complete_words --conf con) == conf ]]
  [[ -z $(complete_words --nj 1) ]]
}

@test "a list goes on after its comma" {
  [[ $(complete_words --pretrain best_rq_tiny,hubert_t) == best_rq_tiny,hubert_tiny ]]
}

@test "a value may stand behind an equals sign" {
  [[ $(complete_words --lid = ecapa_t) == ecapa_tiny ]]
}
