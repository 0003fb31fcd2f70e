# shellcheck shell=bash
# Completion of a recipe's options in bash: `. utils/completion.bash`, then `./run.sh --pre<Tab> best<Tab>`.
#
# What a script takes is read from the script itself, as parse_options.sh reads it: a stage completes to the numbers of
# the stages, a path to files, and what is `a name in FOLDER` to the names of the folder, after a comma too.

_masr_recipe() {
  local script=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local name kind doc folder words=()
  COMPREPLY=()
  script=${script/#\~\//$HOME/}
  [[ -f $script ]] || return 0
  if [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD - 2]}; fi
  if [[ $word == = ]]; then before=${COMP_WORDS[COMP_CWORD - 1]} word=; fi
  while IFS=$'\t' read -r name kind doc; do
    words+=("--${name//_/-}")
    [[ --${name//_/-} == "${before//_/-}" ]] || continue
    case $kind in
      STAGE) mapfile -t COMPREPLY < <(compgen -W "$(sed -nE 's/^ *stage ([0-9]+) .*/\1/p' "$script" | sort -nu | tr '\n' ' ')" -- "$word") ;;
      COUNT | NUMBER | SEEDS) ;;
      DIR* | FILE*)
        compopt -o filenames 2>/dev/null
        [[ $kind != *\|* ]] || mapfile -t COMPREPLY < <(compgen -W "$(tr '|' ' ' <<<"${kind#*|}")" -- "$word")
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word")
        ;;
      *)
        folder=$(sed -nE 's/.*names? in ([a-z_]+(\/[a-z_]+)*)\/?(,.*|$)/\1/p' <<<"$doc")
        [[ -z $folder ]] || _masr_names "$(dirname -- "$script")/$folder" "$word"
        ;;
    esac
    return 0
  done < <(sed -nE '/parse_options\.sh/q; s/^([a-z][a-z0-9_]*)=.*[[:space:]]#[[:space:]]([A-Z]+(\|[a-z]+)*):[[:space:]](.*)$/\1\t\2\t\4/p' "$script")
  mapfile -t COMPREPLY < <(compgen -W "${words[*]} --help" -- "$word")
}

# The names in a folder that go on with the last of several with commas between them.
_masr_names() {
  local folder=$1 word=$2 done_with='' names
  if [[ $word == *,* ]]; then done_with=${word%,*},; fi
  names=$(find "$folder" -maxdepth 1 -name '*.yaml' -printf '%f\n' 2>/dev/null | sed 's/\.yaml$//' | LC_ALL=C sort)
  compopt -o nospace 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -W "$names" -P "$done_with" -- "${word##*,}")
}

complete -F _masr_recipe run.sh demo.sh
