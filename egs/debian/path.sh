# shellcheck shell=bash disable=SC2034
# The recipe's folder becomes the working folder; $caller keeps the one that paths on the command line start from.
caller=$PWD
script=$(realpath -- "$0")
CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" || exit
root=$(CDPATH='' cd -- ../.. && pwd)
. "$root/utils/path.sh"
