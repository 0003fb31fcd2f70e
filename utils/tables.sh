#!/usr/bin/env bash
# TABLE -> job arrays, chained by the scheduler -> EXP/tables/STEP/ROW-HASH -> the table and RESULTS.md
# usage: tables.sh [options] TABLE...
#
# Submits what is left of each table: one array for each step and depth of its plan, started when those that it needs
# have ended well. A task that is done is never repeated; a call after a kill goes on with what is missing. Where
# there is no scheduler (run.py) each array runs to its end before the next one starts.
set -euo pipefail

size=mini  # TEXT: which of the table's sizes
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
options=(--size "$size" --data "$data" --exp "$exp" --conf "$conf" "${changes[@]/#/--set=}")
num_failed=0

# Submits a table's arrays one after the other and leaves the scheduler's ids, joined by colons, in $ids. It runs in
# this very shell, and execs the launcher: that then ends when this script is killed.
submit() {
  local table=$1 arrays name after plan numbers launch other needed id
  local -A taken=() failed=()
  ids=
  arrays=$(masr table plan "$table" "${options[@]}" --arrays) || return 1
  while IFS=$'\t' read -r name after plan numbers launch; do
    [[ -n $name ]] || continue
    needed=
    for other in ${after//:/ }; do
      [[ -z ${failed[$other]:-} ]] || failed[$name]=1
      needed+=${taken[$other]:+${needed:+:}${taken[$other]}}
    done
    if [[ -n ${failed[$name]:-} ]]; then
      printf 'tables.sh: %s: left out, because what it needs has failed\n' "$name" >&2
      continue
    fi
    read -ra own <<<"$launch"
    if id=$(exec "${launcher[0]}" "${own[@]}" "${launcher[@]:1}" --no-wait ${needed:+--after "$needed"} "JOB=$numbers" \
      "$exp/tables/log/$(basename -- "$table" .yaml).$name.JOB.log" \
      masr table run "$table" JOB --plan "$plan" "${options[@]}" </dev/null); then
      taken[$name]=$id
      ids+=${id:+${ids:+:}$id}
    else
      failed[$name]=1
    fi
  done <<<"$arrays"
  ((${#failed[@]} == 0))
}

for table in "${arguments[@]}"; do
  submit "$table" || num_failed=$((num_failed + 1))
  if [[ -n $ids && $wait == yes ]]; then
    "${launcher[@]}" --after "$ids" "$exp/tables/log/$(basename -- "$table" .yaml).end.log" \
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
