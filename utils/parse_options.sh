# shellcheck shell=bash
# Sourced by a script right after its variables; each variable that may be set from the command line is one line:
#
#   name=default # KIND: what it is
#
# which makes it the option --name (with - for _), as `--name VALUE` and `--name=VALUE`. KIND is TEXT, DIR, FILE,
# DIR|word (a folder, or that very word), COUNT (1 or more), NUMBER (0 or more), STAGE (the number of a stage), NAMES
# (different names, with commas), NAMES|none (that, or nothing, or the word none, which is nothing too), or SEEDS
# (different whole numbers that verbs take as --seed, with commas).
# Paths are taken from where the caller stands (path.sh leaves that in $caller) and made relative to the script's
# working folder where they lie below it. --help prints all of this, with the data flow (the script's second line), the
# stages, each with the comment above it, and what stands after `# example: `. What is left over are arguments, which only a script with a
# `# usage:` line takes. A mistake ends the script with exit code 2 before it has done anything.

options_refuse() {
  printf '%s: usage: %s\n' "$(basename -- "$0")" "$1" >&2
  [[ -z ${2:-} ]] || printf '  fix: %s\n' "$2" >&2
  printf '  help: %s --help\n' "$0" >&2
  exit 2
}

# The lines `name KIND doc`, separated by tabs, of the variables before the one that sources this file.
options_declared() {
  sed -nE '/parse_options\.sh/q; s/^([a-z][a-z0-9_]*)=.*[[:space:]]#[[:space:]]([A-Z]+(\|[a-z]+)*):[[:space:]](.*)$/\1\t\2\t\4/p' "${script:-$0}"
}

# The lines `number title doc`, separated by tabs, of the script's stages, each once.
options_stages() {
  awk '/^ *# / { doc = substr($0, index($0, "# ") + 2); next }
    $1 == "stage" && $2 ~ /^[0-9]+$/ { if (!($2 in seen)) print $2 "\t" $3 "\t" doc; seen[$2] = 1 }' "${script:-$0}"
}

options_help() {
  local name kind doc number title
  printf '%s\n\n' "$(sed -n '2s/^# //p' "${script:-$0}")"
  sed -n 's/^# usage: /usage: /p' "${script:-$0}" | grep . || printf 'usage: %s [options]\n' "$(basename -- "$0")"
  if [[ -n $(options_stages) ]]; then
    printf '\nstages:\n'
    while IFS=$'\t' read -r number title doc; do
      printf '  %2s  %-11s %s\n' "$number" "$title" "$doc"
    done < <(options_stages)
  fi
  printf '\noptions:\n'
  while IFS=$'\t' read -r name kind doc; do
    printf '  %-26s %s (%s)\n' "--${name//_/-} $kind" "$doc" "${!name:-none}"
  done < <(options_declared)
  printf '  %-26s %s\n' --help 'print this'
  sed -n "s/^# example: /\nexample:\n  /p" "${script:-$0}"
}

# Those of the words after the first that resemble the first, or all of them.
options_near() {
  python3 -ES -c '
import difflib, sys
word, known = sys.argv[1], sys.argv[2:]
close = difflib.get_close_matches(word, known, n=2, cutoff=0.6)
print("did you mean " + " or ".join(close) + "?" if close else "choose from: " + ", ".join(known))' "$@"
}

# The value as the variable gets it; a value of the wrong kind ends the script.
options_value() {
  local option=$1 kind=$2 value=$3
  case $kind in
    COUNT) [[ $value =~ ^0*[1-9][0-9]{0,8}$ ]] || options_refuse "$option $value: is not a whole number of 1 or more" ;;
    NUMBER) [[ $value =~ ^[0-9]{1,9}(\.[0-9]+)?$ ]] || options_refuse "$option $value: is not a number of 0 or more" ;;
    STAGE)
      [[ $value =~ ^[0-9]{1,3}$ ]] || options_refuse "$option $value: is not the number of a stage" "$(options_stage_list)"
      [[ $'\n'$(options_stages) == *$'\n'"$((10#$value))"$'\t'* ]] ||
        options_refuse "$option $value: there is no such stage here" "$(options_stage_list)"
      ;;
    TEXT) ;;
    NAMES) options_list "$option" '[A-Za-z0-9_][A-Za-z0-9_.+/-]*' 'a list of names' "$value" ;;
    'NAMES|none') [[ -z $value ]] || options_list "$option" '[A-Za-z0-9_][A-Za-z0-9_.+/-]*' 'a list of names' "$value" ;;
    SEEDS) options_list "$option" '(0|[1-9][0-9]{0,9})' 'a list of whole numbers from 0 to 4294967295' "$value" ;;
    *)
      [[ -n $value ]] || options_refuse "$option: the path is empty"
      if [[ "|$kind|" != *"|$value|"* ]]; then
        value=$(cd -- "${caller:-$PWD}" && realpath -ms -- "$value" && printf .)
        value=${value%$'\n'.}
        [[ $value != "$PWD"/?* ]] || value=${value#"$PWD"/}
      fi
      ;;
  esac
  case $kind in
    COUNT | STAGE) value=$((10#$value)) ;;
  esac
  printf '%s.' "$value"
}

# Ends the script where the value is not such pieces with commas between them, all different.
options_list() {
  local option=$1 piece=$2 what=$3 value=$4 part seen=,
  [[ $value =~ ^$piece(,$piece)*$ ]] || options_refuse "$option $value: is not $what" "write it with commas and no blanks: a,b"
  while read -rd , part; do
    [[ $seen != *",$part,"* ]] || options_refuse "$option $value: has $part twice" "leave one out"
    [[ $what != *numbers* ]] || ((part <= 4294967295)) || options_refuse "$option $value: is not $what"
    seen+="$part,"
  done <<<"$value,"
}

options_stage_list() {
  local number title doc list=''
  while IFS=$'\t' read -r number title doc; do
    list+="${list:+, }$number $title"
  done < <(options_stages)
  printf 'the stages are: %s' "$list"
}

options_set() {
  local option=$1 value=$2 name kind doc known=()
  while IFS=$'\t' read -r name kind doc; do
    if [[ --${name//_/-} == "${option//_/-}" ]]; then
      # The dot keeps a newline at the end of a value from being cut off.
      value=$(options_value "$option" "$kind" "$value") || exit 2
      printf -v "$name" %s "${value%.}"
      return 0
    fi
    known+=("--${name//_/-}")
  done < <(options_declared)
  options_refuse "there is no option $option" "$(options_near "${option//_/-}" "${known[@]}" --help)"
}

options_parse() {
  local option stop_default=${stop_stage:-}
  arguments=()
  while (($#)); do
    option=$1
    shift
    case $option in
      -h | --help)
        options_help
        exit 0
        ;;
      --)
        arguments+=("$@")
        break
        ;;
      --*=*) options_set "${option%%=*}" "${option#*=}" ;;
      --*)
        options_known "$option"
        (($#)) || options_refuse "$option: its value is missing"
        options_set "$option" "$1"
        shift
        ;;
      -?*) options_refuse "there is no option $option" "options start with two dashes: see --help" ;;
      *) arguments+=("$option") ;;
    esac
  done
  if ((${#arguments[@]})) && ! grep -q '^# usage: ' -- "${script:-$0}"; then
    options_refuse "takes no argument, but was given '${arguments[0]}'" "an option starts with two dashes: see --help"
  fi
  # A stage past those that run by default is asked for by its number alone.
  if [[ -n ${stage:-} && -n $stop_default && $stop_stage == "$stop_default" ]] && ((stage > stop_stage)); then
    stop_stage=$stage
  fi
  if [[ -n ${stage:-} && -n ${stop_stage:-} ]] && ((stage > stop_stage)); then
    options_refuse "--stage $stage comes after --stop-stage $stop_stage" "nothing would run: swap them, or leave one out"
  fi
}

# An option's name is checked before its value is looked for.
options_known() {
  local name rest known=()
  while IFS=$'\t' read -r name rest; do
    [[ --${name//_/-} != "${1//_/-}" ]] || return 0
    known+=("--${name//_/-}")
  done < <(options_declared)
  options_refuse "there is no option $1" "$(options_near "${1//_/-}" "${known[@]}" --help)"
}

options_parse "$@"
