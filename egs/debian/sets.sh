# shellcheck shell=bash disable=SC2034,SC2154 # run.sh says what data and languages are, and reads sets and names
# Sourced by run.sh: the sets that are cut from all sources, as options of `masr data subset` (sets), and which of them can
# be made of what was prepared (names). Whoever leaves packages out has fewer sources, and fewer sets.

there() { # those of the sources that were prepared, with commas
  local source found=()
  for source in "$@"; do [[ ! -d $data/$source ]] || found+=("$source"); done
  (IFS=, && printf '%s' "${found[*]:-$1}")
}
train=0,1,2,3,4,5,6,7 games=$(there tuxpaint ktuberling) elsewhere=$(there asterisk klettres)
prompts="--keep source=$(there asterisk asterisk_codecs) --keep category=prompt"
declare -A sets=(
  [pretrain]="--keep fold=$train --drop source=$(there asterisk klettres asterisk_codecs)"
  [train]="--keep source=$games --keep lang=$languages --keep fold=$train"
  [dev]="--keep source=$games --keep lang=$languages --keep fold=8"
  [within]="--keep source=$games --keep lang=$languages --keep fold=9"
  [across]="--keep source=$elsewhere --keep lang=$languages"
  [read_train]="--keep source=festvox_ru --keep fold=$train"
  [read_dev]="--keep source=festvox_ru --keep fold=8"
  [read_test]="--keep source=festvox_ru --keep fold=9"
  [other_test]="--keep source=tuxpaint --keep lang=rus"
  [prompts_voice]="$prompts --keep lang=ita --keep codec=wav"
  [prompts_codec]="$prompts --keep spk=asterisk_carlo"
  [prompts_language]="$prompts --keep spk=asterisk_allison"
  [prompts_content]="$prompts --keep lang=ita"
)
names=(pretrain train dev within across read_{train,dev,test} other_test)
heard() { for voice in "$@"; do grep -qs " $voice\$" "$data"/*/utt2spk || return 1; done; }
! heard asterisk_{carlo,menardi,allison} || names+=(prompts_{voice,codec,language,content})
