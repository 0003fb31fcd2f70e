# shellcheck shell=bash
# Sourced by every run.sh after its options are parsed:
#
#   stage NUMBER TITLE FOLDER --inputs PATH... --outputs PATH... -- COMMAND...
#
# runs COMMAND when NUMBER lies between --stage and --stop-stage, unless nothing that it depends on has changed.
# FOLDER is the one it writes to; masr/jobs/stage.py says how a change is told.

stage_utils=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
export STAGE_OUTPUTS=

stage() {
  if ((10#$1 > 10#${stop_stage:?})); then
    return 0
  fi
  if ((10#$1 >= 10#${stage:?})); then
    python3 -ES "$stage_utils/stage.py" "$@"
  fi
  stage_note_outputs "$1" "$2" "${@:4}"
}

# What the stages so far write, for the error of a later one that misses it.
stage_note_outputs() {
  local number=$1 title=$2 kind='' word
  for word in "${@:3}"; do
    case $word in
      --) return 0 ;;
      --inputs | --outputs) kind=$word ;;
      *) [[ $kind != --outputs ]] || STAGE_OUTPUTS+="$number"$'\t'"$title"$'\t'"$word"$'\n' ;;
    esac
  done
}

# What another script writes: written_by './run.sh --stop-stage 2' PATH...
written_by() {
  local path
  for path in "${@:2}"; do
    STAGE_OUTPUTS+=$'\t'"$1"$'\t'"$path"$'\n'
  done
}

# The last line of every run.sh: a table of the data directories there are, and where everything was written.
summary() {
  local folder found=()
  for folder in "$@"; do
    [[ ! -d $folder ]] || found+=("$folder")
  done
  if ((${#found[@]})); then
    masr data summary "${found[@]}"
  fi
  for folder in "${data:?}" "${exp:?}"; do
    [[ ! -d $folder ]] || printf 'written: %s\n' "$(realpath -ms -- "$folder")"
  done
}
