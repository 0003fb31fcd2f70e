#!/usr/bin/env bash
# PACKAGES.tsv -> OUT: the packages' .deb files, by apt-get download; digests beside those of the releases seen
# usage: fetch_debian.sh [options] PACKAGES.tsv OUT
# example: fetch_debian.sh --packages klettres-data,gcin-voice packages.tsv corpus/packages
#
# What is there already is kept. Another release than those seen gives a note: it may hold a few files more or less.
set -euo pipefail

packages= # NAMES: packages to fetch, with commas; those that PACKAGES.tsv marks with yes where empty
. "$(dirname -- "${BASH_SOURCE[0]}")/parse_options.sh"

list=$(realpath -- "${arguments[0]}") out=${arguments[1]}
if ! command -v apt-get >/dev/null; then
  printf 'fetch_debian.sh: there is no apt-get on this machine\n  fix: fetch the packages elsewhere (packages.debian.org) and give their folder: --corpus DIR\n' >&2
  exit 2
fi
[[ -n $packages ]] || packages=$(awk -F '\t' '$2 == "yes" { printf "%s%s", sep, $1; sep = "," }' "$list")
mkdir -p "$out"
cd "$out"
IFS=, read -ra names <<<"$packages"
for name in "${names[@]}"; do
  awk -F '\t' -v name="$name" '$1 == name { found = 1; printf "%s: %s MB, %s\n", $1, $3, $4 } END { exit !found }' "$list" ||
    printf '%s: not in %s; fetched all the same\n' "$name" "$list"
  there=("$name"_*.deb)
  if [[ ! -f ${there[0]} ]] && ! apt-get download "$name"; then
    printf 'fetch_debian.sh: %s cannot be fetched\n  fix: apt-get update, see that the network is there, or leave it out: --packages\n' "$name" >&2
    exit 2
  fi
  there=("$name"_*.deb)
  digest=$(sha256sum "${there[0]}")
  awk -F '\t' -v name="$name" -v digest="${digest%% *}" '$1 == name && $5 == digest { found = 1 } END { exit !found }' "$list" ||
    printf 'note: %s is of another release than was seen; its files may differ\n' "${there[0]}"
done
