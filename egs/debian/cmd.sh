# shellcheck shell=bash disable=SC2034
# Chooses the launchers of job arrays and of trainings. run.py is this machine: as many jobs at once as fit its cores and
# memory; slurm.py is a Slurm cluster, queue.py Grid Engine (docs/cluster.md). Their options go here too, say:
#   array_cmd="slurm.py --partition cpu --mem 4G --max-jobs-run 100"
#   gpu_cmd="slurm.py --partition gpu --gpu 1 --mem 32G --time 1-0"
array_cmd="run.py"
gpu_cmd="run.py"
