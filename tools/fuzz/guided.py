"""Inputs that reach new lines of masr, by atheris: for readers that are Python through and through.

atheris takes over the process that it runs in, so each run is a process of its own, which this module starts and is.
A target's input is one file there, the first of its first seed, beside the other files of that seed as they are.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fuzz.case import Files
from fuzz.finding import Finding
from fuzz.hunt import HANG_SEC, Outcome, Say
from fuzz.keep import kept
from fuzz.target import Target

_POLL_SEC = 0.2
_COUNT, _INPUT = "count", "input"


def is_installed() -> bool:
    """Whether there is an atheris."""
    return importlib.util.find_spec("atheris") is not None


def guided_hunt(target: Target, seed: int, seconds: float, keep: Path, say: Say) -> Outcome:
    """Runs atheris on a target for some seconds; what it found lies in `keep` too."""
    outcome = Outcome(target.name)
    begun = time.monotonic()
    end = begun + seconds
    corpus = (keep / target.name / "corpus").resolve()
    corpus.mkdir(parents=True, exist_ok=True)
    rounds = 0
    with tempfile.TemporaryDirectory(prefix="masr-fuzz-guided-") as folder:
        while time.monotonic() < end - 1:
            state = Path(folder) / str(rounds)
            state.mkdir()
            command = [sys.executable, "-m", "fuzz.guided", target.name, str(state), str(corpus)]
            command += [str(seed + rounds), str(max(1, int(end - time.monotonic())))]
            _follow(
                subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL),
                state,
                outcome,
                begun,
                say,
            )
            rounds += 1
            if not outcome.num_inputs:
                raise RuntimeError(f"atheris read no input of {target.name}: see what this prints: {' '.join(command)}")
    outcome.seconds = time.monotonic() - begun
    return outcome


def _follow(child: subprocess.Popen[bytes], state: Path, outcome: Outcome, begun: float, say: Say) -> None:
    """Waits for a run to end, or ends it where an input takes too long; gathers what it found."""
    before, last, since = outcome.num_inputs, -1, time.monotonic()
    while child.poll() is None:
        time.sleep(_POLL_SEC)
        count = _number(state / _COUNT)
        if count != last:
            last, since = count, time.monotonic()
        outcome.num_inputs = before + max(0, count)
        say(outcome.num_inputs, time.monotonic() - begun, len(outcome.findings))
        if count >= 0 and time.monotonic() - since > HANG_SEC:
            child.kill()
            child.wait()
            _, files = kept(state / _INPUT)
            outcome.add(Finding("hang", "", f"had not ended after {HANG_SEC:g} s", files=files))
    for path in sorted(state.glob("found-*/*/*.json")):
        import json

        about = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
        found = Finding(about["kind"], about["where"], about["what"], about["trace"], files=kept(path)[1])
        outcome.add(found)


def _number(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii") or -1)
    except (OSError, ValueError):
        return -1


def _main(words: list[str]) -> None:
    """The run itself: never comes back."""
    parser = argparse.ArgumentParser("fuzz.guided")
    for name in ("target", "state", "corpus", "seed", "seconds"):
        parser.add_argument(name)
    args = parser.parse_args(words)
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

    with atheris.instrument_imports(include=["masr"]):
        from fuzz.targets import TARGETS

        run = _Run(TARGETS[args.target], Path(args.state), Path(args.corpus))
    options = [
        f"-seed={int(args.seed) + 1}",
        f"-max_total_time={args.seconds}",
        "-max_len=65536",
        "-timeout=0",
        "-rss_limit_mb=0",
    ]
    atheris.Setup(["fuzz", *options, args.corpus], run.one)
    atheris.Fuzz()


class _Run:
    def __init__(self, target: Target, state: Path, corpus: Path) -> None:
        from fuzz.box import Box
        from fuzz.watch import Watch

        self.name, self.state = target.name, state
        (state / "made").mkdir()
        self.reader = target.open(state / "made")
        self.box = Box(state / "box")
        os.chdir(self.box.root)
        self.seed = self.reader.seeds[0]
        self.file = next(iter(self.seed))
        for i, files in enumerate(self.reader.seeds):
            content = files.get(self.file)
            if isinstance(content, bytes):
                (corpus / f"seed-{i}").write_bytes(content)
        self.watch = Watch([self.box.output, self.box.input, state])
        self.seen: set[str] = set()
        self.count = 0

    def one(self, data: bytes) -> None:
        """One input of atheris's."""
        from fuzz.keep import keep
        from fuzz.worker import read_once

        files: Files = {**self.seed, self.file: data}
        self.box.place(files)
        keep_input(self.state / _INPUT, self.name, files)
        (self.state / _COUNT).write_text(str(self.count), encoding="ascii")
        for found in read_once(self.reader, self.box, self.watch):
            if found.signature not in self.seen:
                self.seen.add(found.signature)
                found.files = files
                keep(self.state / f"found-{len(self.seen)}", self.name, 0, found)
        if self.reader.writes_input:
            self.box.forget()
        self.count += 1


def keep_input(path: Path, name: str, files: Files) -> None:
    """What is being read, for whoever has to end it."""
    import json

    from fuzz.case import as_json

    path.write_text(json.dumps({"target": name, "files": as_json(files)}), encoding="utf-8", errors="surrogatepass")


if __name__ == "__main__":
    _main(sys.argv[1:])
