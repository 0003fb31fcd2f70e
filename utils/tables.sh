#!/usr/bin/env bash
# TABLE -> job arrays, chained by the scheduler -> EXP/tables/STEP/ROW-HASH -> the table and RESULTS.md
# usage: tables.sh [options] TABLE...
# example: tables.sh --cmd "slurm.py --partition gpu" tables/evidence.yaml tables/lid.yaml
#
# Submits what is left of each table: one array for each step and depth of its plan, started when those that it needs
# have ended well. A task that is done is never repeated; a call after a kill goes on with what is missing. Where
# there is no scheduler (run.py) each array runs to its end before the next one starts. Ctrl-C and SIGTERM cancel all
# arrays that this call has submitted, and none of an earlier call; SIGHUP leaves them at work for the next call.
set -euo pipefail

size=      # TEXT: which of the table's sizes; its first where empty
data=data  # DIR: data directories
exp=exp    # DIR: where tasks go
conf=conf  # DIR: configurations
variables= # TEXT: changes to the table's variables, NAME=VALUE with spaces between them
wait=yes   # TEXT: no returns as soon as a scheduler has the arrays; the next call shows how far they are
results=   # FILE: RESULTS.md to write from all tables of the folder; none where empty
cmd=run.py # TEXT: launcher of job arrays, with its options; they come after those that the table asks for
. "$(dirname -- "${BASH_SOURCE[0]}")/parse_options.sh"

read -ra launcher <<<"$cmd"
read -ra changes <<<"$variables"
options=(${size:+--size "$size"} --data "$data" --exp "$exp" --conf "$conf" "${changes[@]/#/--set=}")
num_failed=0

child=     # process of the launcher at work
what=      # what that one submits
answer=    # descriptor of its words
submitted= # ids of the arrays of this call, joined by colons
earlier=   # ids of those that it found at work
declare -A title=()

# launch WHAT LAUNCHER ARG... : one call of the launcher, whose ids are left in $ids. A shell that waits for a process
# of the background acts on a signal at once, and hands it on once: the launcher has a session of its own, so that it
# does not get Ctrl-C a second time, which would mean haste. It takes the place of the shell that was started for it,
# and so sees the death of this one.
launch() {
  local code=0
  what=$1
  exec {answer}< <(exec setsid -- "${@:2}" </dev/null)
  child=$!
  wait "$child" || code=$?
  child=
  note_ids
  case $code in # somebody has stopped it alone
    129) stop HUP ;;
    130) stop INT ;;
    143) stop TERM ;;
  esac
  return "$code"
}

# What the launcher said: the arrays that it has submitted, and those that it has found.
note_ids() {
  local new old id
  ids=
  read -r new old <&"$answer" || true
  exec {answer}<&-
  [[ -n $new ]] || return 0
  submitted=$(joined "$submitted" "${new#-}")
  earlier=$(joined "$earlier" "${old#-}")
  ids=$(joined "${new#-}" "${old#-}")
  for id in ${ids//:/ }; do
    title[$id]=$what
  done
}

joined() {
  printf %s "$1${1:+${2:+:}}$2"
}

# 17:18 -> 1.pretrain (job 17), 2.extract (job 18)
named() {
  local id list=
  for id in ${1//:/ }; do
    list+="${list:+, }${title[$id]} (job $id)"
  done
  printf %s "$list"
}

say() {
  printf 'tables.sh: %s\n' "$1" >&2 || true # the terminal may be gone
}

# After signal $1: cancels what this call has submitted, says what that was, and ends.
stop() {
  local cancelled="" program=${launcher[0]}
  trap 'hand_on INT' INT
  trap 'hand_on TERM' TERM
  trap '' HUP
  if [[ -n $child ]]; then
    hand_on "$1"
    while kill -0 "$child" 2>/dev/null; do
      wait "$child" || true
    done
    child=
    note_ids
  fi
  if [[ $1 == HUP ]]; then
    [[ -z $submitted$earlier ]] || say "SIGHUP: left at work: $(named "$(joined "$submitted" "$earlier")")"
    say "SIGHUP: the next call waits for what is still at work, and submits what is missing"
    exit 129
  fi
  if [[ -n $submitted ]]; then
    cancelled=$("${launcher[@]}" --cancel "$submitted") || say "SIG$1: end the rest with: $program --cancel $submitted"
  fi
  say "SIG$1: cancelled: $(named "$cancelled" | grep . || echo 'nothing was at work')"
  [[ -z $earlier ]] || say "SIG$1: left alone, as an earlier call submitted it: $(named "$earlier"); to end it: $program --cancel $earlier"
  say "SIG$1: the next call repeats nothing that is done, and runs only what is missing"
  exit $((128 + $(kill -l "$1")))
}

hand_on() {
  [[ -z $child ]] || kill -s "$1" "$child" 2>/dev/null || true
}

for name in INT TERM HUP; do
  # shellcheck disable=SC2064 # the name is that of now
  trap "stop $name" "$name"
done

# Submits a table's arrays one after the other and leaves the scheduler's ids, joined by colons, in $all.
submit() {
  local table=$1 arrays name after plan numbers options_of_step other needed
  local -A taken=() failed=()
  all=
  arrays=$(masr table plan "$table" "${options[@]}" --arrays) || return 1
  while IFS=$'\t' read -r name after plan numbers options_of_step; do
    [[ -n $name ]] || continue
    needed=
    for other in ${after//:/ }; do
      [[ -z ${failed[$other]:-} ]] || failed[$name]=1
      needed=$(joined "$needed" "${taken[$other]:-}")
    done
    if [[ -n ${failed[$name]:-} ]]; then
      printf 'tables.sh: %s: left out, because what it needs has failed\n' "$name" >&2
      continue
    fi
    read -ra own <<<"$options_of_step"
    if launch "$name" "${launcher[0]}" "${own[@]}" "${launcher[@]:1}" --no-wait=apart ${needed:+--after "$needed"} \
      "JOB=$numbers" "$exp/tables/log/$(basename -- "$table" .yaml).$name.JOB.log" \
      masr table run "$table" JOB --plan "$plan" "${options[@]}"; then
      taken[$name]=$ids
      all=$(joined "$all" "$ids")
    else
      failed[$name]=1
    fi
  done <<<"$arrays"
  ((${#failed[@]} == 0))
}

for table in "${arguments[@]}"; do
  submit "$table" || num_failed=$((num_failed + 1))
  if [[ -n $all && $wait == yes ]]; then
    launch end "${launcher[@]}" --after "$all" "$exp/tables/log/$(basename -- "$table" .yaml).end.log" \
      masr table plan "$table" "${options[@]}" || num_failed=$((num_failed + 1))
  fi
  masr table show "$table" "${options[@]}"
done
if [[ -n $results && ${#arguments[@]} -gt 0 ]]; then
  folder=$(dirname -- "${arguments[0]}")
  [[ $folder != . ]] || folder=tables
  masr table results "$folder" --data "$data" --exp "$exp" --conf "$conf" "${changes[@]/#/--set=}" --out "$results"
fi
((num_failed == 0)) || exit 1
