# shellcheck shell=bash
# Sourced by every recipe's path.sh with $root set: the checkout's own programs come first on the PATH.

export PATH="${root:?}/utils:$PATH"
if [[ -x $root/.venv/bin/masr ]]; then
  export PATH="$root/.venv/bin:$PATH"
fi
if ! command -v masr >/dev/null; then
  printf '%s: masr is not installed\n' "$(basename -- "$0")" >&2
  printf '  why: there is no %s, and no masr on the PATH\n' "$root/.venv/bin/masr" >&2
  printf '  fix: make -C %q setup; or, outside a clone, pip install masr-speech\n' "$root" >&2
  exit 2
fi
# Where `masr recipe` wrote this, masr is installed elsewhere: its Python runs the launchers, which import masr.jobs.
unset MASR_PACKAGES MASR_UTILS
if [[ ! -d $root/masr ]]; then
  mapfile -t masr_places < <(masr recipe --where)
  export PATH="${masr_places[0]:?}:$PATH" MASR_PACKAGES="${masr_places[1]:?}" MASR_UTILS="$root/utils"
fi
