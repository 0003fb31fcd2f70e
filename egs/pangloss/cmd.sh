# shellcheck shell=bash disable=SC2034
# Chooses the launcher of job arrays. run.py is this machine: as many jobs at once as fit its cores and memory.
# Its options go here too, say: array_cmd="run.py --mem 4G --max-jobs-run 8". gpu_cmd is for trainings: add --gpu 1 there.
array_cmd="run.py"
gpu_cmd="run.py"
