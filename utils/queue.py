#!/usr/bin/env python3
"""Runs a job array on a Grid Engine cluster and waits for it.

  queue.py [options] [JOB=1:N] LOG PROGRAM ARG...

  --num-threads N   slots of one job (1): -pe smp N
  --mem 8G          memory of one job: -l mem_free
  --gpu N           GPUs of one job (0): -l gpu
  --time 4:0:0      a job that runs longer is ended and counts as failed: -l h_rt
  --max-jobs-run N  never more jobs at once than this
  --num-ranks N     start each job's program N times, as the ranks of one world (1); --num-threads is for each of them
  --no-wait         print the array's id and return
                    (--no-wait=apart: those of this call, a blank, those of an earlier one, - for none)
  --after ID[:ID]   start when these arrays have ended; where qacct says that one did not end well, this one fails
  --cancel ID[:ID]  end these arrays instead of starting one, and print those of them that were not over
  -q, -l, -P, -p, -pe and qsub's other options for resources: handed to it; -l and -pe where your cluster calls
                    memory, GPUs or slots by other names

The jobs' numbers are a range, JOB=1:8, or a list, JOB=1,4,7-9, which becomes one array for each run of numbers.
Arguments and environment arrive as they were given, but for the job's number in place of JOB (utils/launcher.py says
where). Each log holds the command, the host, when it started and ended, and how; there is no other file. Where a stage
that failed is run again and nothing it depends on has changed (utils/stage.py), jobs whose logs say that they ended
well are not repeated.

Ctrl-C and SIGTERM delete the array. A launcher that is killed outright, or whose terminal goes away, leaves the array
at work, and the same call waits for it again. A job that exits with 75 is started again.

Exit code: 0; 2 where every failed job ended with 2 (something the user can fix), else 1; 128 + N after signal N.

example:
  queue.py -q gpu.q --gpu 1 --mem 16G JOB=1:4 exp/log/train.JOB.log masr train conf/a.yaml exp/a/JOB --seed JOB
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from grid_engine import OWN, GridEngine
from launcher import Usage, parse, refuse
from watch import launch


def main(argv: Sequence[str]) -> int:
    """Parse, submit, wait."""
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if argv else 2
    try:
        array = parse(argv, OWN)
    except Usage as error:
        refuse("queue.py", error)
    return launch(GridEngine(), array)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
