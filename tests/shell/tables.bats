#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash sets them
# utils/tables.sh and signals, with a launcher that notes how it was called and what it was told. The real launchers
# do this on a real Slurm in tests/jobs/test_tables_signals.py.

bats_require_minimum_version 1.5.0
load setup.bash

setup() {
  make_copy
  cd "$BATS_TEST_TMPDIR" || return
  cat >"$copy/bin/masr" <<'END'
#!/bin/bash
[[ $* != *--arrays* ]] || printf '1.a\t-\thash\t1\t\n2.b\t1.a\thash\t2\t\n3.c\t2.b\thash\t3\t\n'
END
  # The first array is this call's, the second one was found at work, and the third submission hangs.
  cat >"$copy/bin/launcher" <<'END'
#!/bin/bash
echo "$*" >>"$calls"
case $* in
  *--cancel*) echo "${*: -1}" ;;
  *1.a.JOB*) echo '11 -' ;;
  *2.b.JOB*) echo '- 12' ;;
  *)
    [[ ${alone:-} != yes ]] || exit 143
    trap 'echo told INT >>"$calls"; exit 130' INT
    trap 'echo told TERM >>"$calls"; echo "13 -"; exit 143' TERM
    touch "$calls.hangs"
    while :; do sleep 0.05; done
    ;;
esac
END
  chmod +x "$copy/bin/launcher"
}

start() {
  env --default-signal=INT setsid "$copy/utils/tables.sh" --cmd "launcher --mem 1G" t.yaml >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
  wait_for "$calls.hangs"
}

ended_with() {
  local code=0
  wait $! || code=$?
  ((code == $1))
}

@test "Ctrl-C reaches the launcher once, and cancels what was submitted but not what was found" {
  start
  kill -INT -- "-$!"
  ended_with 130
  [[ $(grep -c told "$calls") -eq 1 ]]
  [[ $(tail -n 1 "$calls") == "--mem 1G --cancel 11" ]]
  grep -qxF "tables.sh: SIGINT: cancelled: 1.a (job 11)" "$BATS_TEST_TMPDIR/said"
  grep -qF "left alone, as an earlier call submitted it: 2.b (job 12); to end it: launcher --cancel 12" "$BATS_TEST_TMPDIR/said"
}

@test "what a launcher submits while it is told to stop is cancelled too" {
  start
  kill -TERM $!
  ended_with 143
  [[ $(tail -n 1 "$calls") == *"--cancel 11:13" ]]
  grep -qxF "tables.sh: SIGTERM: cancelled: 1.a (job 11), 3.c (job 13)" "$BATS_TEST_TMPDIR/said"
}

@test "a terminal that goes away cancels nothing" {
  start
  kill -HUP $!
  ended_with 129
  [[ $(grep -c -e --cancel "$calls") -eq 0 ]]
  grep -qF "SIGHUP: left at work: 1.a (job 11), 2.b (job 12)" "$BATS_TEST_TMPDIR/said"
}

@test "a launcher that was stopped alone stops the table" {
  alone=yes run -143 --separate-stderr "$copy/utils/tables.sh" --cmd launcher t.yaml
  [[ $stderr == *"SIGTERM: cancelled: 1.a (job 11)"* ]]
}
