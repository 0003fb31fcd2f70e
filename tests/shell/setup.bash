# shellcheck shell=bash disable=SC2034
# A copy of the recipes and of utils/ in a folder whose name has spaces and the letters JOB, and a stand-in for masr
# on the PATH that writes the same file names in no time. The real masr runs these recipes in tests/recipes/.

checkout=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

make_copy() {
  copy="$BATS_TEST_TMPDIR/a copy, with JOB in it"
  mkdir -p "$copy/bin"
  mkdir -p "$copy/egs" "$copy/masr"
  cp -r "$checkout/utils" "$copy/utils"
  cp -r "$checkout"/masr/{__init__,distribution,errors,files,hub_cache,plugins}.py "$checkout"/masr/{cli,io,jobs} "$copy/masr/"
  local recipe
  for recipe in fleurs debian dhwani librispeech pangloss; do
    mkdir "$copy/egs/$recipe"
    cp -r "$checkout/egs/$recipe"/*.sh "$checkout/egs/$recipe/conf" "$copy/egs/$recipe/"
  done
  cp "$BATS_TEST_DIRNAME/masr.stand-in" "$copy/bin/masr"
  chmod +x "$copy/bin/masr"
  export PATH="$copy/bin:$checkout/.venv/bin:$PATH" calls="$BATS_TEST_TMPDIR/calls"
  : >"$calls"
  run_sh="$copy/egs/fleurs/run.sh"
  data="$copy/egs/fleurs/data"
}

# The verbs that were called since the last look, one a line; questions, and what follows a training in its job, are
# left out.
verbs() {
  cut -d ' ' -f 1 "$calls" | grep -vxE 'config|extract|score' | uniq
  : >"$calls"
}

wait_for() {
  local i
  for ((i = 0; i < 6000; i++)); do
    [[ ! -e $1 ]] || return 0
    sleep 0.05
  done
  printf 'never came: %s\n' "$1" >&2
  return 1
}
