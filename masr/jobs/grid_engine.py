"""Runs a job array on a Grid Engine cluster (Sun's, Univa's, Altair's, Open and Son of) and waits for it.

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
Arguments and environment arrive as they were given, but for the job's number in place of JOB (masr/jobs/launch_line.py
says where). Each log holds the command, the host, when it started and ended, and how; there is no other file. Where a
stage that failed is run again and nothing it depends on has changed (masr/jobs/stage.py), jobs whose logs say that they
ended well are not repeated.

Ctrl-C and SIGTERM delete the array. A launcher that is killed outright, or whose terminal goes away, leaves the array
at work, and the same call waits for it again. A job that exits with 75 is started again.

Exit code: 0; 2 where every failed job ended with 2 (something the user can fix), else 1; 128 + N after signal N.

example:
  queue.py -q gpu.q --gpu 1 --mem 16G JOB=1:4 exp/log/train.JOB.log masr train conf/a.yaml exp/a/JOB --seed JOB
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

from masr.errors import UsageError
from masr.jobs.joblog import ranges
from masr.jobs.launch_line import JobArray, parse, refuse
from masr.jobs.scheduler import Mark, SchedulerError, Seen, ask, batch_script
from masr.jobs.watch import launch

OWN = {
    **dict.fromkeys(("-q", "-l", "-P", "-p", "-M", "-m", "-R", "-ar", "-A", "-js", "-masterq", "-a"), 1),
    **dict.fromkeys(("-hard", "-soft", "-notify", "-h"), 0),
    "-pe": 2,
}
OF_A_JOB = re.compile(
    "SGE_(TASK|CKPT|STDERR|STDOUT|STDIN|JOB|O)_?.*|JOB_(ID|NAME|SCRIPT)|NSLOTS|NHOSTS|NQUEUES|PE|PE_HOSTFILE|QUEUE|"
    "REQUEST|REQNAME|RESTARTED|TMPDIR|TMP|ENVIRONMENT|ARC|HOSTNAME"
)
_TASKS = re.compile(r"(\d+)(?:-(\d+)(?::(\d+))?)?")


class GridEngine:
    """Arrays are submitted one for each run of numbers, because -t takes no list."""

    program = "queue.py"
    cancel_command = "qdel"

    def submit(self, array: JobArray, numbers: Sequence[int], mark: Mark) -> list[str]:
        """The environment goes with the description: qsub -V breaks on functions and newlines."""
        environment = {name: value for name, value in os.environ.items() if not OF_A_JOB.fullmatch(name)}
        if array.resources.num_gpus:
            environment.pop("CUDA_VISIBLE_DEVICES", None)
        script = batch_script(array, environment=environment, after=list(array.after))
        ids: list[str] = []
        for tasks in ranges(numbers, " ").split():
            try:
                answer = ask(["qsub", "-terse", "-t", tasks, *_options(array, mark)], script)
            except SchedulerError:
                if ids:
                    self.cancel(ids)
                raise
            ids.append(answer.strip().split(".")[0])
        return ids

    def at_work(self, place: str) -> list[tuple[Mark, Seen]]:
        """Arrays that qstat lists, by their names. One in error state starts no more."""
        found = []
        for name, job in self._list():
            words = name.rpartition(".masr_")[2].split("_")
            if len(words) == 2 and words[0] == place and job.state != "ended badly":
                found.append((Mark(place, words[1]), job))
        return found

    def look(self, ids: Iterable[str]) -> list[Seen]:
        """What qstat lists: jobs that wait or run; Watch reads the logs of the rest."""
        wanted = list(ids)
        jobs = [job for _, job in self._list() if job.array_id in wanted]
        return sorted(jobs, key=lambda job: wanted.index(job.array_id))

    def account(self, ids: Iterable[str], number: int) -> Seen | None:
        """How qacct says that a job ended; it knows it some seconds later."""
        for array_id in ids:
            try:
                answer = ask(["qacct", "-j", array_id, "-t", str(number)], patient=False)
            except SchedulerError:
                continue
            rows = dict(line.split(None, 1) for line in answer.splitlines() if len(line.split(None, 1)) == 2)
            if "exit_status" not in rows:
                continue
            code, failed = (int(rows["exit_status"].split()[0]), rows.get("failed", "0").strip())
            if code == 0 and failed.split()[0] == "0":
                return Seen(array_id, number, "ended well", "", 0)
            why = f"ended by Grid Engine (failed {failed})" if failed.split()[0] != "0" else ""
            return Seen(array_id, number, "ended badly", why, 128 - code if code > 128 else code or None)
        return None

    def cancel(self, ids: Iterable[str]) -> None:
        """With all that they run."""
        ask(["qdel", *ids])

    def _list(self) -> list[tuple[str, Seen]]:
        """Every job of the user with its array's name."""
        answer = ask(["qstat", "-xml", "-u", _user()], patient=False)
        try:
            entries = list(ElementTree.fromstring(answer).iter("job_list"))
        except ElementTree.ParseError as error:
            raise SchedulerError(f"qstat -xml prints what is not XML: {error}") from None
        found = []
        for entry in entries:
            array_id, name = (entry.findtext("JB_job_number", ""), entry.findtext("JB_name", ""))
            state, why = _state(entry.findtext("state", ""), array_id)
            numbers = _numbers(entry.findtext("tasks", ""))
            found += [(name, Seen(array_id, number, state, why)) for number in numbers]
        return found


def _state(letters: str, array_id: str) -> tuple[str, str]:
    """Grid Engine's letters: E error, h hold, q queued, r running, R restarted, s S T suspended, d being deleted."""
    if "E" in letters:
        return ("ended badly", f"could not be started by Grid Engine: qstat -j {array_id} says why; qdel {array_id}")
    if "q" in letters:
        return "waiting", "after others" if "h" in letters else "queued"
    return "running", ""


def _numbers(tasks: str) -> list[int]:
    """4-8:1,12 as qstat prints it; a job that is no array has none, and ours always are."""
    numbers: list[int] = []
    for found in _TASKS.finditer(tasks):
        first, last, step = int(found[1]), int(found[2] or found[1]), int(found[3] or 1)
        numbers += range(first, last + 1, step)
    return numbers


def _options(array: JobArray, mark: Mark) -> list[str]:
    """qsub's words; the user's own come last."""
    need = array.resources
    if need.num_nodes > 1:
        raise UsageError(
            f"--num-nodes {need.num_nodes}: queue.py gives a job one node", fix="several nodes are slurm.py's"
        )
    words = ["-N", f"{_job_name(array)}.masr_{mark.place}_{mark.what}", "-S", "/bin/bash", "-r", "y"]
    words += ["-o", "/dev/null", "-j", "y"]
    words += ["-tc", str(need.max_jobs_run)] if need.max_jobs_run else []
    words += ["-hold_jid", ",".join(array.after)] if array.after else []
    slots = need.num_threads * need.num_ranks
    words += ["-pe", "smp", str(slots)] if slots > 1 and "-pe" not in array.own else []
    resources = [f"mem_free={max(1, need.mem_bytes // 2**20)}M"] if need.mem_bytes else []
    resources += [f"gpu={need.num_gpus}"] if need.num_gpus else []
    resources += [f"h_rt={round(need.time_sec)}"] if need.time_sec else []
    words += ["-l", ",".join(resources)] if resources else []
    return [*words, *array.own]


def _job_name(array: JobArray) -> str:
    parts = [part for part in Path(array.log).name.split(".") if part not in (array.variable, "log")]
    name = re.sub(r"[^\w.+-]", "_", ".".join(parts))
    return name if name[:1].isalpha() else f"job{name}"  # a name may not begin with a digit


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def main(argv: Sequence[str]) -> int:
    """Parse, submit, wait."""
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if argv else 2
    try:
        array = parse(argv, OWN)
    except UsageError as error:
        refuse("queue.py", error)
    return launch(GridEngine(), array)
