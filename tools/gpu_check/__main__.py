"""What ten minutes of one GPU have to tell, part after part, each in a process of its own and with a limit of its own.

usage: tools/gpu_check.sh [--out DIR] [--size full|tiny] [--device cuda|cpu] [--parts NAME,NAME] [--minutes N]

OUT/check.json is written anew after each part, so that what is known is never lost; OUT/NAME.log is what a part said.
Nothing is built and nothing is fetched. `--device cpu --size tiny` rehearses all of it in a few minutes of a CPU, and
`python -m gpu_check.tables OUT/check.json` prints docs/performance.md's tables.

example:
  tools/gpu_check.sh --out build/gpu_check
  tools/gpu_check.sh --out build/rehearsal --device cpu --size tiny
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gpu_check.sizes import SIZES

PARTS = {"parity": 90, "steps": 200, "waits": 45, "features": 20, "saving": 45, "analyses": 45, "learning": 480}
"""Seconds that each may take at most; the limit of all together cuts the last ones short."""
_PATIENCE = 10
"""So many times longer may a rehearsal take, on a CPU that others use as well."""
LEARNING = "learning"
REPORT = "check.json"


def main(words: Sequence[str] | None = None) -> int:
    """Runs the parts; 0 where each of them ended."""
    args = _arguments(words)
    if args.one:
        return _one(args)
    from gpu_check.learning import begin_corpus

    began, patience = time.monotonic(), _PATIENCE if args.device == "cpu" else 1
    args.out.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="gpu_check.", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
    report: dict[str, Any] = {"machine": _machine(args.device), "size": args.size, "parts": {}}
    corpus = begin_corpus(SIZES[args.size], scratch / "corpus", args.nj) if LEARNING in args.parts else None
    try:
        for name in args.parts:
            left = args.minutes * 60 * patience - (time.monotonic() - began)
            report["parts"][name] = _run(name, args, scratch, min(PARTS[name] * patience, left))
            report["seconds"] = time.monotonic() - began
            _write(args.out / REPORT, report)
            print(f"{name}: {_said(report['parts'][name])}", flush=True)
    finally:
        if corpus is not None:
            corpus.kill()
            corpus.wait()
            shutil.copyfile(scratch / "corpus" / "corpus.log", args.out / "corpus.log")
        shutil.rmtree(scratch, ignore_errors=True)
    return int(any("error" in one for one in report["parts"].values()))


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="gpu_check.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("build/gpu_check"), help="folder of the report and the logs")
    parser.add_argument("--size", choices=sorted(SIZES), default="full", help="tiny rehearses it")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--parts", type=_parts, default=tuple(PARTS), help=f"some of {','.join(PARTS)} (default: all)")
    parser.add_argument("--minutes", type=float, default=9.5, help="for all of it (default 9.5)")
    parser.add_argument("--nj", type=int, default=os.cpu_count() or 1, help="processes that make the corpus")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "SCRATCH"), help=argparse.SUPPRESS)
    return parser.parse_args(words)


def _parts(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no part is called {unknown[0]}; there are {', '.join(PARTS)}")
    return names


def _run(name: str, args: argparse.Namespace, scratch: Path, limit_sec: float) -> dict[str, Any]:
    """What a part found, from a process that is ended when its time is over."""
    if limit_sec < 1:
        return {"error": "no time was left"}
    began = time.monotonic()
    found = scratch / f"{name}.json"
    words = ["--one", name, str(scratch), "--size", args.size, "--device", args.device]
    with (args.out / f"{name}.log").open("w", encoding="utf-8") as log:
        try:
            subprocess.run(
                [sys.executable, "-m", "gpu_check", *words], timeout=limit_sec, stdout=log, stderr=log, check=True
            )
            result: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
        except subprocess.TimeoutExpired:
            result = {"error": f"not done after {limit_sec:.0f} s"}
        except (subprocess.CalledProcessError, OSError, ValueError) as error:
            result = {"error": str(error)}
    return {**result, "seconds": time.monotonic() - began}


def _one(args: argparse.Namespace) -> int:
    """A part, in this process."""
    import torch

    name, scratch = args.one[0], Path(args.one[1])
    if args.device == "cpu":
        torch.set_num_threads(1)
    device = torch.device("cuda", 0) if args.device == "cuda" else torch.device("cpu")
    try:
        part = importlib.import_module(f"gpu_check.{name}")
        found = part.check(device, SIZES[args.size], scratch / name)
    except Exception as error:
        traceback.print_exc()
        found = {"error": f"{type(error).__name__}: {error}"[:2000]}
    _write(scratch / f"{name}.json", found)
    return 0


def _machine(device: str) -> dict[str, Any]:
    import torch

    cpu = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    found: dict[str, Any] = {"cpu": cpu[0] if cpu else platform.machine(), "cores": os.cpu_count()}
    found |= {"torch": torch.__version__, "python": platform.python_version(), "device": "cpu"}
    if device == "cuda":
        facts = torch.cuda.get_device_properties(0)
        found |= {"device": facts.name, "memory_gib": facts.total_memory / 2**30, "cuda": torch.version.cuda}
    return found


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []


def _write(path: Path, found: dict[str, Any]) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(found, indent=1), encoding="utf-8")
    temporary.replace(path)


def _said(part: dict[str, Any]) -> str:
    seconds = f"{part.get('seconds', 0):.0f} s"
    return f"{seconds}: {part['error']}" if "error" in part else seconds


if __name__ == "__main__":
    sys.exit(main())
