# shellcheck shell=bash disable=SC2034,SC2154
# Sourced after parse_options.sh by a script that goes over trainings: $models and $seeds -> $runs, MODEL/seedS, in the
# order of the job array, all models of a seed together.
runs=()
IFS=, read -ra seed_list <<<"$seeds"
IFS=, read -ra model_list <<<"$models"
for seed in "${seed_list[@]}"; do
  for model in "${model_list[@]}"; do
    runs+=("$model/seed$seed")
  done
done
