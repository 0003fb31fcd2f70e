# shellcheck shell=bash disable=SC2034
# Sourced by a run.sh after parse_options.sh: what the configurations that stage 6 trains ($pretrain, names in
# $conf/pretrain) need beside data. They say it themselves (masr config --needs), whatever they are called.
#
#   $guided    not empty where the masking of one of them asks for a scorer's confidences
#   $clusters  folder of clusters -> the first configuration that predicts those
guided=''
declare -A clusters=()
if ((10#${stop_stage:?} >= 4 && 10#${stage:?} <= 6)); then
  IFS=, read -ra needs_of <<<"${pretrain:?}"
  needs_of=("${needs_of[@]/#/${conf:?}/pretrain/}")
  needs=$(masr config --needs "${needs_of[@]/%/.yaml}")
  while IFS=$'\t' read -r what file folder; do
    case $what in
      confidence) guided=$file ;;
      targets)
        folder=${exp:?}/${folder##*/}
        clusters[$folder]=${clusters[$folder]:-$file}
        ;;
    esac
  done <<<"$needs"
fi
