#!/usr/bin/env bash
# Every check that runs no code of ours: `make check` calls it. All of them run, whichever fails; changes nothing.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
export PATH="$PWD/.venv/bin:$PATH"

failed=()

check() {
  local title=$1 said start=$SECONDS
  shift
  if said=$("$@" 2>&1); then
    echo "== $title: good, $((SECONDS - start)) s"
  else
    printf '== %s: FAILED\n%s\n' "$title" "$said"
    failed+=("$title")
  fi
}

# The shell files that are ours: what a recipe writes lies deeper.
mapfile -t scripts < <(
  find .ci/run egs utils tools tests masr/recipe/template -maxdepth 2 -type f \
    \( -name '*.sh' -o -name '*.bash' -o -name '*.bats' -o -path .ci/run \) | LC_ALL=C sort
)

check "ruff" ruff check --quiet .
check "ruff format" ruff format --check --quiet .
check "mypy --strict" mypy --no-error-summary
check "mypy --strict tools" mypy --no-error-summary tools/*.py tools/bench tools/torture tools/mutants/*.py
check "mypy --strict tools as packages" env MYPYPATH=tools mypy --no-error-summary -p gpu_check -p docs_site -p superb
check "mypy --strict tools/fuzz" env MYPYPATH=tools:tests mypy --no-error-summary -p fuzz
check "import-linter" lint-imports
check "shellcheck" shellcheck "${scripts[@]}"
check "shfmt" shfmt -d -i 2 -ci "${scripts[@]}"
check "codespell" codespell

if ((${#failed[@]})); then
  echo "checks: ${#failed[@]} failed: ${failed[*]}" >&2
  exit 1
fi
echo "checks: all good, $SECONDS s"
