"""Runs a job array on a Slurm cluster and waits for it.

  slurm.py [options] [JOB=1:N] LOG PROGRAM ARG...

  --num-threads N   cores of one job (1), of each of its ranks where it has several
  --mem 8G          memory of one job on each of its nodes
  --gpu N           GPUs of one job on each of its nodes (0)
  --time 4:0:0      a job that runs longer is ended and counts as failed
  --max-jobs-run N  never more jobs at once than this
  --num-ranks N     start each job's program N times on each node, as the ranks of one world (1)
  --num-nodes N     nodes of one job (1)
  --no-wait         print the array's id and return
                    (--no-wait=apart: those of this call, a blank, those of an earlier one, - for none)
  --after ID[:ID]   start when these arrays have ended well; where one fails, this one is cancelled
  --cancel ID[:ID]  end these arrays instead of starting one, and print those of them that were not over
  --partition, --account, --qos, --constraint, --signal and sbatch's other options for resources: handed to it

The jobs' numbers are a range, JOB=1:8, or a list, JOB=1,4,7-9. Arguments and environment arrive as they were given,
but for the job's number in place of JOB (masr/jobs/launch_line.py says where). Each log holds the command, the host,
when it started and ended, and how; there is no other file. Where a stage that failed is run again and nothing it
depends on has changed (masr/jobs/stage.py), jobs whose logs say that they ended well are not repeated.

Ctrl-C and SIGTERM cancel the array. A launcher that is killed outright, or whose terminal goes away, leaves the array
at work, and the same call waits for it again. A job that Slurm takes from its machine (preemption, a node that goes
down, scontrol requeue) is started again by Slurm and waited for; so is one that exits with 75.

Exit code: 0; 2 where every failed job ended with 2 (something the user can fix), else 1; 128 + N after signal N.

example:
  slurm.py --partition gpu --gpu 1 --mem 16G JOB=1:4 exp/log/train.JOB.log masr train conf/a.yaml exp/a/JOB --seed JOB
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from masr.errors import UsageError
from masr.jobs.joblog import ranges
from masr.jobs.launch_line import JobArray, parse, refuse
from masr.jobs.scheduler import NOT_RUN, Mark, SchedulerError, Seen, ask, batch_script
from masr.jobs.watch import launch

WITH_VALUE = """account acctg-freq batch begin chdir cluster-constraint clusters constraint container cores-per-socket
    cpu-freq cpus-per-gpu deadline delay-boot distribution exclude gpu-bind gpu-freq gpus gpus-per-node gpus-per-socket
    gpus-per-task gres gres-flags hint job-name licenses mail-type mail-user mem-bind mem-per-cpu mem-per-gpu network
    nice nodelist partition prefer priority profile propagate qos reservation signal sockets-per-node switches
    thread-spec threads-per-core time-min tmp uid wckey"""
WITHOUT_VALUE = "contiguous exclusive no-requeue requeue oversubscribe overcommit reboot spread-job use-min-nodes hold"
NOT_OURS = ("--chdir", "--clusters", "--uid")
OWN = {
    **{f"--{name}": 1 for name in WITH_VALUE.split() if f"--{name}" not in NOT_OURS},
    **{f"--{name}": 0 for name in WITHOUT_VALUE.split()},
    **dict.fromkeys(("-p", "-A", "-q", "-C", "-w", "-x", "-L"), 1),
}
AT_WORK = ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "RESIZING", "SIGNALING", "STAGE_OUT")
REQUEUED = ("REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD")
BAD_ENDS = {
    "TIMEOUT": "ran past its time limit and was ended: see --time",
    "DEADLINE": "ran past its deadline and was ended",
    "OUT_OF_MEMORY": "out of memory: see --mem",
    "NODE_FAIL": "lost: its node went down, and it may not be started again",
    "BOOT_FAIL": "lost: its node did not come up",
    "PREEMPTED": "preempted, and not started again",
    "CANCELLED": "cancelled",
    "REVOKED": "cancelled",
}
_OF_BASH = re.compile(
    "BASH.*|PS[0-4]|SHLVL|OLDPWD|_|IFS|OPT(IND|ERR|ARG)|LINENO|PPID|HOSTTYPE|MACHTYPE|OSTYPE|TERM|COLUMNS|LINES"
)


class Slurm:
    """Slurm through its own programs."""

    program = "slurm.py"
    cancel_command = "scancel"

    def __init__(self) -> None:
        self.shifts: dict[str, int] = {}

    def submit(self, array: JobArray, numbers: Sequence[int], mark: Mark) -> list[str]:
        """One array, or several where numbers are larger than Slurm's own may be."""
        after = self.still_to_come(array.after)
        largest = _largest_index() if numbers[-1] > 1000 else 1000
        parts: dict[int, list[int]] = {}
        for number in numbers:
            parts.setdefault((number - 1) // largest * largest, []).append(number)
        ids: list[str] = []
        for shift, part in parts.items():
            previous = ids[-1:] if array.resources.max_jobs_run else []  # else as many at once in each
            words = _options(array, [number - shift for number in part], after, previous, f"{_comment(mark)} {shift}")
            try:
                answer = ask(["sbatch", *words], batch_script(array, shift=shift, environment=_spoiled()))
            except SchedulerError:
                if ids:
                    self.cancel(ids)
                raise
            ids.append(answer.strip().split(";")[0])
            self.shifts[ids[-1]] = shift
        return ids

    def still_to_come(self, after: Iterable[str]) -> list[str]:
        """Those that have not ended yet; Slurm itself takes a job that it has forgotten for one that ended well."""
        rest = []
        for array_id in after:
            jobs = self.look([array_id])
            if bad := [job for job in jobs if job.state == "ended badly"]:
                raise UsageError(
                    f"--after {array_id}: its job {bad[0].number} did not end well: {bad[0].why or 'failed'}"
                )
            if not jobs:
                raise UsageError(
                    f"--after {array_id}: Slurm does not know this job (any more)", fix="leave out what has ended"
                )
            rest += [array_id] if any(not job.state.startswith("ended") for job in jobs) else []
        return rest

    def at_work(self, place: str) -> list[tuple[Mark, Seen]]:
        """Arrays that squeue lists, by their comments."""
        found = []
        for row in ask(["squeue", "--me", "-h", "-r", "-o", "%F|%K|%T|%r|%k"]).splitlines():
            array_id, index, state, why, comment = row.split("|", 4)
            words = comment.split()
            if len(words) != 4 or words[:2] != ["masr", place] or not index.isdecimal():
                continue
            self.shifts[array_id] = int(words[3])
            job = Seen(array_id, int(index) + int(words[3]), "running" if state != "PENDING" else "waiting", why)
            found.append((Mark(place, words[2]), job))
        return found

    def look(self, ids: Iterable[str]) -> list[Seen]:
        """What squeue lists, jobs that ended lately too; scontrol, later sacct, says how one ended badly."""
        seen = []
        for array_id in ids:
            rows = list(self._squeue(array_id))
            ended = {index for index, state, *_ in rows if state not in AT_WORK + REQUEUED + ("COMPLETED",)}
            codes = _exit_codes(array_id) if ended else {}
            shift = self.shifts.get(array_id, 0)
            for index, state, why, name in rows:
                seen.append(replace(_seen(array_id, index, index + shift, state, why, codes), name=name))
        return seen

    def account(self, ids: Iterable[str], number: int) -> Seen | None:
        """How sacct says that a job ended."""
        for array_id in ids:
            index = number - self.shifts.get(array_id, 0)
            job = f"{array_id}_{index}"
            try:
                answer = ask(["sacct", "-X", "-n", "-P", "-j", job, "-o", "State,ExitCode"], patient=False)
            except SchedulerError:
                return None
            for row in answer.splitlines():
                state, code = row.split("|")[:2]
                return _seen(array_id, index, number, state.split()[0], "", {index: _signed(int(code.split(":")[0]))})
        return None

    def cancel(self, ids: Iterable[str]) -> None:
        """With all that they run."""
        ask(["scancel", *ids])

    def _squeue(self, array_id: str) -> Iterator[tuple[int, str, str, str]]:
        try:
            answer = ask(["squeue", "-h", "-r", "-t", "all", "-j", array_id, "-o", "%K|%T|%r|%j"], patient=False)
        except SchedulerError as error:
            if "Invalid job id" not in str(error):
                raise
            return
        for row in answer.splitlines():
            index, state, why, name = row.split("|", 3)
            yield (int(index) if index.isdecimal() else 1, state, "" if why == "None" else why, name)


def _seen(array_id: str, index: int, number: int, state: str, why: str, codes: dict[int, int]) -> Seen:
    if state == "PENDING" or state in REQUEUED:
        return Seen(array_id, number, "waiting", why or state)
    if state in AT_WORK:
        return Seen(array_id, number, "running", why)
    if state == "COMPLETED":
        return Seen(array_id, number, "ended well", "", 0)
    how = NOT_RUN if why == "DependencyNeverSatisfied" else BAD_ENDS.get(state, "")
    return Seen(array_id, number, "ended badly", how, codes.get(index))


def _exit_codes(array_id: str) -> dict[int, int]:
    """The exit code of each job that has one; -N for signal N."""
    found: dict[int, int] = {}
    try:
        for line in ask(["scontrol", "show", "job", "-o", array_id], patient=False).splitlines():
            index = re.search(r" ArrayTaskId=(\d+) ", line)
            code = re.search(r" ExitCode=(\d+):(\d+) ", line)
            if index and code:
                found[int(index[1])] = -int(code[2]) if int(code[2]) else _signed(int(code[1]))
    except SchedulerError:
        pass
    return found


def _signed(code: int) -> int:
    """masr/jobs/node.py hands signal N on as 128 + N."""
    return 128 - code if code > 128 else code


def _options(array: JobArray, indices: list[int], after: list[str], previous: list[str], comment: str) -> list[str]:
    """sbatch's words; the user's own come last, so that they count."""
    need = array.resources
    limit = f"%{need.max_jobs_run}" if need.max_jobs_run else ""
    words = ["--parsable", "--requeue", f"--array={ranges(indices, ',')}{limit}", f"--comment={comment}"]
    words += ["--output=/dev/null", "--export=ALL", f"--job-name={_job_name(array)}", f"--nodes={need.num_nodes}"]
    words += [f"--ntasks-per-node={need.num_ranks}", f"--cpus-per-task={need.num_threads}"]
    words += [f"--mem={max(1, need.mem_bytes // 2**20)}M"] if need.mem_bytes else []
    words += [f"--gres=gpu:{need.num_gpus}"] if need.num_gpus else []
    words += [f"--time={_clock(need.time_sec)}"] if need.time_sec else []
    conditions = [f"afterok:{':'.join(after)}"] if after else []
    conditions += [f"afterany:{':'.join(previous)}"] if previous else []
    words += [f"--dependency={','.join(conditions)}", "--kill-on-invalid-dep=yes"] if conditions else []
    return [*words, *array.own]


def _spoiled() -> dict[str, str]:
    """What the batch script's shell would not hand on as it is."""
    return {name: value for name, value in os.environ.items() if not name.isidentifier() or _OF_BASH.fullmatch(name)}


def _job_name(array: JobArray) -> str:
    """What squeue shows: train for exp/log/train.JOB.log."""
    parts = [part for part in Path(array.log).name.split(".") if part not in (array.variable, "log")]
    return re.sub(r"[^\w.+-]", "_", ".".join(parts)) or "job"


def _comment(mark: Mark) -> str:
    return f"masr {mark.place} {mark.what}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours // 24}-{hours % 24:02d}:{minutes:02d}:{rest:02d}"


def _largest_index() -> int:
    """MaxArraySize is one more than the largest index."""
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", ask(["scontrol", "show", "config"]), re.MULTILINE)
    return max(1, int(found[1]) - 1) if found else 1000


def forget_outer_job() -> None:
    """Called from within a job: what Slurm said of that one must not be taken for a word on the new ones."""
    if "SLURM_JOB_ID" in os.environ:
        for name in list(os.environ):
            if name.startswith("SLURM_") and name not in ("SLURM_CONF", "SLURM_TIME_FORMAT", "SLURM_CLUSTERS"):
                del os.environ[name]


def main(argv: Sequence[str]) -> int:
    """Parse, submit, wait."""
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if argv else 2
    try:
        array = parse(argv, OWN)
    except UsageError as error:
        refuse("slurm.py", error)
    forget_outer_job()
    return launch(Slurm(), array)
