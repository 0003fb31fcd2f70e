"""The tortures: each strikes one victim in one way, and says what was lost; nothing is what it should say.

Before each, the undisturbed call has shown what has to come out in the end, and how often it touches the disk: a
moment is one of these touches, or a time of its run. All moments are drawn by a seed.
"""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torture.disks import clock, occupied, small_disk
from torture.folders import (
    Content,
    content,
    differences,
    halves,
    is_whole,
    litter,
    negative_times,
    newest,
    replace,
    steps,
)
from torture.process import (
    Ended,
    Fault,
    Process,
    call,
    give_up_root,
    kill_self,
    stop_self,
    take_no_more,
)
from torture.victims import Victim

_REQUEUE = 75
_FULL = re.compile(r"No space left|File too large|disk is full|disk quota|cannot be (saved|written)")
_FORBIDDEN = re.compile(r"Permission denied|owner and mode forbid|cannot be (saved|written|locked)|read-only")
_REFUSED = re.compile(
    r"is training here|another `masr|another run|is being run by|at work"
    r"|was made with another configuration"  # who comes when the other is done and gone
)
_STAND_STILL_SEC = 4.0


@dataclass(frozen=True)
class Undisturbed:
    """What the victim does when it is left alone."""

    victim: Victim
    wanted: Content
    touches: int
    sec: float


def leave_alone(victim: Victim) -> Undisturbed:
    """The outcome that every torture has to end with."""
    victim.begin_again()
    ended = call(victim.words, victim.out)
    if ended.code:
        raise RuntimeError(f"masr {' '.join(victim.words)}: exit code {ended.code}\n{ended.said}")
    return Undisturbed(victim, content(victim.out), ended.touches, ended.sec)


def kill(alone: Undisturbed, chance: random.Random) -> list[str]:
    """kill -9 at one moment, or at several of one run after another; each time it is looked, and gone on to the end.

    A training is also told to stop now and then, which it answers by saving.
    """
    victim = alone.victim
    victim.begin_again()
    before = content(victim.out)
    lost: list[str] = []
    while True:
        done = newest(victim.out)
        ended, how = _struck(alone, chance)
        if ended.code not in (0, -signal.SIGKILL, _REQUEUE):
            lost.append(f"{how}: exit code {ended.code}: {ended.said[-2000:]}")
        lost += [f"{how}: {what}" for what in halves(victim.out, alone.wanted, before)]
        if newest(victim.out) < done:
            lost.append(f"{how}: the checkpoint of step {done} is gone")
        lost += [f"{how}, then a rerun: {what}" for what in _goes_on(alone, again=chance.random() < 0.3)]
        if ended.code == 0 or lost or chance.random() < 0.6:
            return lost


def _struck(alone: Undisturbed, chance: random.Random) -> tuple[Ended, str]:
    victim = alone.victim
    if chance.random() < 0.5:
        touch = chance.randint(1, alone.touches)
        return call(victim.words, victim.out, touch, kill_self), f"killed at touch {touch}"
    sec = chance.uniform(0, alone.sec)
    number = signal.SIGTERM if victim.name == "train" and chance.random() < 0.3 else signal.SIGKILL
    process = Process(victim.words, victim.out)
    if not process.wait(sec):
        process.signal(number)
    return process.end(), f"{signal.Signals(number).name} after {sec:.2f} s"


def _goes_on(alone: Undisturbed, again: bool = False) -> list[str]:
    """What is wrong after the same call was run to its end; with `again` the folder is then as it was before."""
    victim = alone.victim
    kept = victim.out.with_name(f"{victim.out.name}.kept")
    step = newest(victim.out)
    if again:
        replace(kept, victim.out)
    ended = call(victim.words, victim.out)
    wrong = differences(victim.out, alone.wanted) + litter(victim.out)
    if ended.code:
        wrong.append(f"exit code {ended.code}: {ended.said[-2000:]}")
    if step and f"after step {step}\n" not in ended.said and "nothing is left to do" not in ended.said:
        wrong.append(f"it did not go on after step {step}: {ended.said[-500:]}")
    if again:
        replace(victim.out, kept)
        replace(kept, None)
    return wrong


def fill_disk(alone: Undisturbed, chance: random.Random) -> list[str]:
    """No file may grow any more from one touch of the disk on: every writer has its turn."""
    touch = chance.randint(1, alone.touches)
    return _refused(alone, _FULL, f"full at touch {touch}", lambda: _call(alone, touch, take_no_more))


def small(alone: Undisturbed, chance: random.Random) -> list[str]:
    """A disk of its own, which a part of what is written fills."""
    share = chance.uniform(0.05, 0.95)
    victim = alone.victim
    victim.begin_again()
    num_bytes = occupied(victim.out)
    before = content(victim.out)
    whole = _written(alone)
    with small_disk(victim.out, num_bytes + int(share * whole), victim.start):
        ended = call(victim.words, victim.out)
        lost = _judged(alone, ended, before, _FULL)
        kept = victim.out.with_name(f"{victim.out.name}.kept")
        replace(kept, victim.out)
    replace(victim.out, kept)
    replace(kept, None)
    return [f"a disk of {share:.0%}: {what}" for what in lost + _goes_on(alone)]


def _written(alone: Undisturbed) -> int:
    """Bytes that the call adds to the folder."""
    victim = alone.victim
    call(victim.words, victim.out)
    num_bytes = occupied(victim.out)
    victim.begin_again()
    return num_bytes - occupied(victim.out)


def forbid(alone: Undisturbed, chance: random.Random) -> list[str]:
    """The folder, or the one that it would be made in, may be read only."""
    victim = alone.victim
    victim.begin_again()
    if chance.random() < 0.5 and victim.start is None:
        victim.out.mkdir(parents=True)
    closed = victim.out if victim.out.exists() else victim.out.parent
    closed.mkdir(parents=True, exist_ok=True)
    folders = [closed, *(path for path in closed.rglob("*") if path.is_dir())] if closed == victim.out else [closed]

    def act() -> Ended:
        for folder in folders:
            folder.chmod(0o555)
        try:
            return _call(alone, 0, give_up_root)
        finally:
            for folder in folders:
                folder.chmod(0o755)

    return _refused(alone, _FORBIDDEN, f"{closed.name} is read-only", act, is_fresh=True)


def _call(alone: Undisturbed, touch: int, fault: Fault) -> Ended:
    return call(alone.victim.words, alone.victim.out, touch, fault)


def _refused(
    alone: Undisturbed, says: re.Pattern[str], how: str, act: Callable[[], Ended], is_fresh: bool = False
) -> list[str]:
    """What is wrong with how a call was refused by the machine, and with the rerun once it can be carried out."""
    victim = alone.victim
    if not is_fresh:
        victim.begin_again()
    before = content(victim.out) if victim.out.exists() else {}
    lost = _judged(alone, act(), before, says)
    return [f"{how}: {what}" for what in lost + _goes_on(alone)]


def _judged(alone: Undisturbed, ended: Ended, before: Content, says: re.Pattern[str]) -> list[str]:
    """An error by name, unless all came out as it should; and nothing half written."""
    victim = alone.victim
    if ended.code == 0:
        return differences(victim.out, alone.wanted)
    lost = halves(victim.out, alone.wanted, before)
    if ended.code < 0 or "Traceback" in ended.said or not says.search(ended.said):
        lost.append(f"not an error by name: exit code {ended.code}: {ended.said[-2500:]}")
    return lost


def meet(alone: Undisturbed, chance: random.Random) -> list[str]:
    """Another call writes something else to the same folder while this one stands still at one moment.

    The other one is refused, or waits; or one of them wins as a whole: never does the folder hold a part of each.
    """
    victim = alone.victim
    victim.begin_again()
    other = call(victim.other, victim.out)
    if other.code:
        raise RuntimeError(f"masr {' '.join(victim.other)}: exit code {other.code}\n{other.said}")
    theirs = content(victim.out)
    touch = chance.randint(1, alone.touches)
    victim.begin_again()
    first = Process(victim.words, victim.out, touch, stop_self)
    first.wait()
    second = Process(victim.other, victim.out)
    second.wait(max(_STAND_STILL_SEC, 3 * other.sec))
    first.signal(signal.SIGCONT)
    ended, met = first.end(), second.end()
    return [f"met at touch {touch}: {what}" for what in _mixed(alone, ended, met, theirs)]


def _mixed(alone: Undisturbed, first: Ended, second: Ended, theirs: Content) -> list[str]:
    said = [
        f"{which} ended with {ended.code}: {ended.said[-1500:]}"
        for which, ended in (("the first", first), ("the second", second))
        if ended.code < 0 or "Traceback" in ended.said or (ended.code and not _REFUSED.search(ended.said))
    ]
    if first.code and second.code:
        said.append("neither was carried out")
    mine = differences(alone.victim.out, alone.wanted)
    if mine and differences(alone.victim.out, theirs):
        said.append("the folder holds a part of each: " + "; ".join(mine[:5]))
    elif mine and second.code:
        said.append("the second was refused, and yet the folder is not the first one's: " + "; ".join(mine[:5]))
    return said + litter(alone.victim.out)


def set_back(alone: Undisturbed, chance: random.Random) -> list[str]:
    """The clock is set back by two days while the call is at work; now and then it is killed then. A rerun follows."""
    victim = alone.victim
    victim.begin_again()
    victim.out.parent.mkdir(parents=True, exist_ok=True)
    file = victim.out.with_name("clock")
    file.write_text("+0d")
    command, changed = [sys.executable, "-m", "masr.cli.main", *victim.words], clock(file)
    began = subprocess.Popen(command, env=changed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if not _ends(began, chance.uniform(0, 3 * alone.sec)):
        file.write_text("-2d")
        if chance.random() < 0.5 and not _ends(began, chance.uniform(0, 3 * alone.sec)):
            began.kill()
    said, _ = began.communicate()
    file.write_text("-2d")
    done = subprocess.run(command, env=changed, capture_output=True, text=True, check=False)
    wrong = differences(victim.out, alone.wanted) + litter(victim.out) + negative_times(victim.out)
    if began.returncode not in (0, -signal.SIGKILL) or done.returncode:
        wrong.append(f"exit codes {began.returncode} and {done.returncode}: {said[-1000:]} {done.stderr[-1000:]}")
    return wrong


def _ends(process: subprocess.Popen[str], sec: float) -> bool:
    try:
        process.wait(sec)
    except subprocess.TimeoutExpired:
        return False
    return True


def damage(alone: Undisturbed, chance: random.Random) -> list[str]:
    """Some files of the newest checkpoints are deleted, cut short or changed; all of them, now and then."""
    victim = alone.victim
    victim.begin_again()
    call(victim.words, victim.out, chance.randint(alone.touches // 2, alone.touches - 1), kill_self)
    found = steps(victim.out)
    if not found:
        return []
    count = len(found) if chance.random() < 0.2 else chance.randint(1, len(found))
    how = [_damaged(chance.choice(sorted(step.iterdir())), chance) for step in found[len(found) - count :]]
    whole = [step for step in found if is_whole(step)]
    ended = call(victim.words, victim.out)
    done = f"{len(found)} checkpoints, {'; '.join(how)}"
    if not whole:
        if ended.code == 2 and "is whole" in ended.said and "Traceback" not in ended.said:
            return []
        return [f"{done}: not refused by name: exit code {ended.code}: {ended.said[-1500:]}"]
    back = int(whole[-1].name.removeprefix("step_"))
    lost = differences(victim.out, alone.wanted)
    if f"going on after step {back}\n" not in ended.said:
        lost.append(f"did not go back to step {back}: {ended.said[-1500:]}")
    return [f"{done}: {what}" for what in lost]


def _damaged(path: Path, chance: random.Random) -> str:
    how = chance.choice(["deleted", "cut short", "changed"])
    if how == "deleted":
        path.unlink()
    elif how == "cut short":
        with path.open("r+b") as stream:
            stream.truncate(chance.randrange(path.stat().st_size))
    else:
        content = bytearray(path.read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
    return f"{path.parent.name}/{path.name} {how}"


TORTURES: dict[str, Callable[[Undisturbed, random.Random], list[str]]] = {
    "kill": kill,
    "full disk": fill_disk,
    "small disk": small,
    "read-only": forbid,
    "two at once": meet,
    "clock set back": set_back,
    "damage": damage,
}


_OF_SOME = {
    "damage": ("train",),
    "clock set back": ("train", "prepare", "features", "extract", "table"),
    "two at once": (
        "train",
        "prepare",
        "features",
        "units",
        "cluster",
        "extract",
        "decode",
        "confidence",
        "words",
        "subset",
    ),
}
_KILLED = _OF_SOME["clock set back"]


def plan(kinds: Sequence[str], names: Sequence[str], num_kills: int, num_others: int) -> Iterator[tuple[str, str, int]]:
    """(torture, victim, how often) of all that these tortures can do to these victims."""
    for kind in kinds:
        for name in names:
            if kind == "kill" and name in _KILLED:
                yield kind, name, num_kills if name == "train" else max(1, num_kills // 5)
            elif kind in ("full disk", "small disk", "read-only") or name in _OF_SOME.get(kind, ()):
                yield kind, name, num_others
