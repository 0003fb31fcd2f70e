#!/usr/bin/env bash
# Builds .venv with everything pinned in constraints.txt; `make setup` calls it. Safe to run twice, safe to interrupt.
#
# usage: tools/setup.sh
#   PYTHON=python3.12     which Python (default: the first of python3.13 python3.12 python3.11 python3 that will do)
#   INSTALLER=pip|uv      who installs (default pip; uv where Python lacks the means to build an environment)
#   ESPNET=no             leave ESPnet out: the core does without it
# pip's own settings count as always. On a machine without a GPU, PIP_EXTRA_INDEX_URL=<PyTorch's index of CPU wheels>
# saves some gigabytes: PyTorch's page "Get started" tells its address.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly venv=.venv stamp=.venv/.masr-setup
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONNOUSERSITE=1
unset PYTHONPATH PYTHONHOME

main() {
  local python installer state
  trap unfinished EXIT
  lock
  python=$(find_python)
  installer=$(find_installer "$python")
  state=$(describe "$python")
  if [[ -f $stamp && $(<"$stamp") == "$state" ]]; then
    touch "$stamp"
    trap - EXIT
    echo "setup: .venv is up to date"
    return
  fi
  rm -f "$stamp"
  step 1 "an environment in .venv, $("$python" --version), installer $installer"
  build_venv "$python" "$installer"
  step 2 "masr, its dependencies and its tests' tools, as pinned in constraints.txt"
  note_torch
  install -c constraints.txt setuptools
  forget_old_name
  install -c constraints.txt --no-build-isolation -e '.[lhotse,test]'
  # --no-deps: ESPnet's list of dependencies asks for a setuptools that today's torch refuses, that of s3prl for torchaudio,
  # whose wheel is of CUDA and breaks other packages beside a torch of CPU.
  local peers=(s3prl)
  [[ ${ESPNET:-yes} == no ]] || peers+=(espnet)
  step 3 "${peers[*]}, without their dependencies"
  install -c constraints.txt --no-deps --no-build-isolation "${peers[@]}"
  step 4 "does it start?"
  "$venv/bin/masr" --version
  printf '%s' "$state" >"$stamp.part"
  mv "$stamp.part" "$stamp"
  trap - EXIT
  echo "setup: done in $SECONDS s; look at this machine with: .venv/bin/masr doctor"
}

unfinished() { echo "setup: not finished; the next make setup goes on from here" >&2; }

step() { echo "setup: [$1/4] $2"; }

die() {
  echo "setup: $1" >&2
  echo "  fix: $2" >&2
  exit 2
}

# Two of these at once would write into one another.
lock() {
  command -v flock >/dev/null || return 0
  exec 9<tools/setup.sh
  flock --nonblock 9 && return
  echo "setup: another set-up is at work here; waiting for it"
  flock 9
}

find_python() {
  local candidate seen=()
  for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
    seen+=("$candidate ($("$candidate" -c 'import sys; print(sys.version.split()[0])' 2>/dev/null || echo absent))")
  done
  die "needs Python 3.11 or newer, found only: $(printf '%s, ' "${seen[@]}" | sed 's/, $//')" \
    "install one (Debian and Ubuntu: apt install python3 python3-venv), or name one: PYTHON=/path/to/python3.12 make setup"
}

find_installer() {
  case ${INSTALLER:-pip} in
    uv) command -v uv >/dev/null || die "INSTALLER=uv, and there is no uv" "install uv, or leave INSTALLER out" ;;
    pip)
      "$1" -c 'import ensurepip, venv' 2>/dev/null && echo pip && return
      if [[ -n ${INSTALLER:-} ]] || ! command -v uv >/dev/null; then
        die "$1 has no venv or ensurepip module" "Debian and Ubuntu: apt install python3-venv; or install uv"
      fi
      ;;
    *) die "INSTALLER is pip or uv, not ${INSTALLER}" "leave it out for pip" ;;
  esac
  echo uv
}

# What the environment was made from: a change of any of these makes it again.
describe() {
  echo "checkout $PWD"
  echo "python $("$1" -c 'import sys; print(sys.version.split()[0], sys.base_prefix)')"
  echo "espnet ${ESPNET:-yes}"
  cksum setup.cfg setup.py pyproject.toml constraints.txt tools/setup.sh
}

build_venv() {
  # An environment holds its own path and its Python's: after a move of either it is useless.
  if [[ -d $venv ]] && ! usable "$1"; then
    echo "setup: the .venv that is here is unfinished, moved, or made by another Python: building it anew"
    rm -rf "$venv"
  fi
  [[ -d $venv ]] && return
  case $2 in
    uv) uv venv --quiet --seed --python "$1" "$venv" ;;
    *) "$1" -m venv "$venv" ;;
  esac
}

usable() {
  local ask='import sys; print(sys.version, sys.base_prefix)'
  [[ $("$venv/bin/python" -c "$ask" 2>/dev/null) == "$("$1" -c "$ask")" ]] &&
    grep -qsF "$PWD/$venv/bin/" "$venv/bin/pip" &&
    "$venv/bin/python" -m pip --version >/dev/null 2>&1
}

# On a screen the installer shows its own progress; in a log it only says what went wrong.
install() {
  local quiet=()
  [[ -t 1 ]] || quiet=(--quiet)
  if [[ $installer == uv ]]; then
    VIRTUAL_ENV=$PWD/$venv UV_FIND_LINKS=${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}} \
      UV_INDEX_STRATEGY=${UV_INDEX_STRATEGY:-unsafe-best-match} uv pip install "${quiet[@]}" "$@"
  else
    "$venv/bin/python" -m pip install "${quiet[@]}" "$@"
  fi
}

# Installed before the distribution was called masr-speech, it would stay beside the new one.
forget_old_name() {
  compgen -G "$venv/lib/python3*/site-packages/masr-*.dist-info" >/dev/null || return 0
  case $installer in
    uv) VIRTUAL_ENV=$PWD/$venv uv pip uninstall --quiet masr ;;
    *) "$venv/bin/python" -m pip uninstall --quiet --yes masr ;;
  esac
}

note_torch() {
  compgen -G "$venv/lib/python3*/site-packages/torch" >/dev/null && return
  echo "setup:   torch is the large part: about 200 MB in its CPU build, some GB in its CUDA build (the default)"
}

main "$@"
