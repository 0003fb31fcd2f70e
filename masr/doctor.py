"""What this machine has, what is missing, and how to get it. No check raises: what cannot be found out is a finding."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import masr
from masr.distribution import ITS_NAME, NAME, advice, another
from masr.errors import MasrError, UsageError
from masr.jobs.machine import num_cores

GIB = 1 << 30
_MARKS = {"ok": "ok", "absent": "--", "warning": "!!", "broken": "NO"}
SETUP = "make setup"
_MODULES = {
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
    "espeakng-loader": "espeakng_loader",
    "pytorch-metric-learning": "pytorch_metric_learning",
}
_COMPILED = (
    "torch",
    "numpy",
    "pyyaml",
    "soundfile",
    "sentencepiece",
    "safetensors",
    "librosa",
    "soxr",
    "scipy",
    "rapidfuzz",
)
"""Packages that can be there and yet not load: each is tried in a process of its own."""


@dataclass(frozen=True)
class Finding:
    """One line of the page."""

    group: str
    name: str
    state: Literal["ok", "absent", "warning", "broken"]
    """ok; absent: optional and not there; warning: there, and it will hurt; broken: required and unusable."""
    found: str
    fix: str = ""


def render(findings: Sequence[Finding]) -> str:
    """A page for people: a line for each finding, groups apart, and what it comes to."""
    lines: list[str] = []
    width = max(len(finding.name) for finding in findings)
    group = ""
    for finding in findings:
        if finding.group != group:
            group = finding.group
            lines += ["", group] if lines else [group]
        lines.append(f"  {_MARKS[finding.state]}  {finding.name:<{width}}  {finding.found}")
        if finding.fix:
            lines.append(f"      {'':<{width}}  fix: {finding.fix}")
    broken, absent = (sum(finding.state == state for finding in findings) for state in ("broken", "absent"))
    verdict = f"{broken} required part(s) missing or broken" if broken else "everything required is here"
    return "\n".join([*lines, "", f"{verdict}; {absent} optional part(s) absent. Python: {sys.executable}"])


def as_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """A record for each finding."""
    return [asdict(finding) for finding in findings]


def is_broken(findings: Sequence[Finding]) -> bool:
    """Whether something is missing or broken that nothing works without."""
    return any(finding.state == "broken" for finding in findings)


def examine(folder: Path) -> list[Finding]:
    """Every check; the slow ones, which start processes, run side by side. `folder` is on the disk that counts."""
    if not folder.exists():
        raise UsageError(f"{folder}: no such folder", fix="name a folder that exists")
    required = required_packages()
    checks: list[Callable[[], list[Finding]]] = [
        versions,
        namesake,
        lambda: machine(folder),
        gpu,
        *(lambda name=name: [package(name)] for name in required),
        voices,
        typology,
        espnet,
        *(lambda row=row: [extra(*row)] for row in _EXTRAS),
        *(lambda row=row: [program(*row)] for row in _PROGRAMS),
    ]
    with ThreadPoolExecutor(max_workers=max(2, num_cores())) as pool:
        return [finding for findings in pool.map(lambda check: check(), checks) for finding in findings]


def versions() -> list[Finding]:
    """masr and Python."""
    from masr.io.provenance import git_commit

    python = platform.python_version()
    old = sys.version_info < (3, 11)
    fix = "install Python 3.11 or newer, then make setup" if old else ""
    return [
        Finding("versions", "masr", "ok", f"{masr.__version__}, commit {git_commit()}"),
        Finding("versions", "python", "broken" if old else "ok", f"{python} ({platform.python_implementation()})", fix),
        Finding("versions", "system", "ok", f"{platform.system()} {platform.release()} {platform.machine()}"),
    ]


def machine(folder: Path) -> list[Finding]:
    """Cores, threads, memory, disk; in a container its limits count, not the host's."""
    found = [Finding("machine", "cores", "ok", f"{num_cores()} usable of {os.cpu_count()}")]
    threads = os.environ.get("OMP_NUM_THREADS")
    found.append(Finding("machine", "threads", "ok", f"OMP_NUM_THREADS={threads}" if threads else "one per core"))
    memory = _memory_bytes()
    low = memory < 6 * GIB
    fix = "the recipes on the embedded corpus need up to 6 GiB: lower --nj" if low else ""
    found.append(Finding("machine", "memory", "warning" if low else "ok", f"{memory / GIB:.1f} GiB", fix))
    free = shutil.disk_usage(folder).free
    low = free < 5 * GIB
    fix = "the environment and one embedded corpus need about 5 GiB: make room, or use another disk" if low else ""
    found.append(
        Finding("machine", "disk", "warning" if low else "ok", f"{free / GIB:.1f} GiB free at {folder.resolve()}", fix)
    )
    encoding = sys.getfilesystemencoding()
    bad = encoding.lower() != "utf-8"
    fix = "export LC_ALL=C.UTF-8" if bad else ""
    found.append(Finding("machine", "file names", "warning" if bad else "ok", encoding, fix))
    return found


def gpu() -> list[Finding]:
    """What torch can compute on; a driver without a CUDA build of torch is worth a line."""
    script = (
        "import json, torch; c = torch.cuda; print(json.dumps({'cuda': torch.version.cuda, 'threads': "
        "torch.get_num_threads(), 'gpus': [[c.get_device_name(i), c.get_device_properties(i).total_memory] "
        "for i in range(c.device_count())]}))"
    )
    code, out, _ = _python(script)
    try:
        facts = json.loads(out.splitlines()[-1]) if code == 0 else None
    except (ValueError, IndexError):
        facts = None
    if facts is None:
        return [Finding("machine", "gpu", "absent", "unknown: torch does not load", SETUP)]
    if facts["gpus"]:
        names = "; ".join(f"{name}, {size / GIB:.0f} GiB" for name, size in facts["gpus"])
        return [Finding("machine", "gpu", "ok", f"{names}; CUDA {facts['cuda']}")]
    driver = shutil.which("nvidia-smi") is not None
    if driver and facts["cuda"] is None:
        fix = "this torch is a CPU build: pip install --force-reinstall the CUDA build of the same version"
        return [Finding("machine", "gpu", "warning", "a driver is here, torch cannot use it", fix)]
    if driver:
        fix = f"nvidia-smi tells whether a GPU is free and whether the driver is new enough for CUDA {facts['cuda']}"
        return [Finding("machine", "gpu", "warning", "a driver is here, torch sees no GPU", fix)]
    return [Finding("machine", "gpu", "absent", f"none; torch computes on {facts['threads']} CPU thread(s)")]


def required_packages() -> list[str]:
    """The names in our own package metadata, extras left out."""
    try:
        wanted = importlib.metadata.requires(_installed_as()) or []
    except importlib.metadata.PackageNotFoundError:
        return list(_COMPILED)
    plain = [re.match(r"[A-Za-z0-9._-]+", line) for line in wanted if "extra ==" not in line]
    return [name.group().lower() for name in plain if name]


def _installed_as() -> str:
    """Our name in this environment: an editable installation may be older than the name of its own."""
    try:
        importlib.metadata.distribution(NAME)
    except importlib.metadata.PackageNotFoundError:
        return ITS_NAME if not another() else NAME
    return NAME


def namesake() -> list[Finding]:
    """The other project's package that imports as masr too, where it is there."""
    folder = another()
    if not folder:
        return []
    what, _, fix = advice(folder).partition(" Fix: ")
    return [Finding("required", ITS_NAME, "broken", what, fix)]


def package(name: str) -> Finding:
    """A package that masr cannot do without."""
    version = _version(name)
    module = _MODULES.get(name, name.replace("-", "_"))
    if version is None or not _importable(module):
        return Finding("required", name, "broken", "missing" if version is None else f"{version}, files gone", SETUP)
    if name in _COMPILED:
        code, _, problem = _python(f"import {module}")
        if code != 0:
            fix = f"pip install --force-reinstall {name}=={version.split('+')[0]}"
            return Finding("required", name, "broken", f"{version}, does not load: {problem}", fix)
    return Finding("required", name, "ok", version)


def voices() -> list[Finding]:
    """eSpeak NG's library and voices, which speak the embedded corpora."""
    from masr.synth.espeak import Voice, languages, speak

    try:
        num_samples = len(speak("one two three", Voice("en-us")).samples)
        found = f"{len(languages())} languages, speaks"
        return [Finding("required", "espeak voices", "ok" if num_samples else "broken", found)]
    except MasrError as error:
        return [Finding("required", "espeak voices", "broken", error.what, error.fix or SETUP)]
    except Exception as error:
        fix = "pip install --force-reinstall espeakng-loader"
        return [Finding("required", "espeak voices", "broken", _first_line(error), fix)]


def typology() -> list[Finding]:
    """lang2vec's tables, read as files; the package itself is never imported."""
    from masr.metadata.lang2vec import data_folder

    try:
        folder = data_folder()
    except MasrError as error:
        return [Finding("required", "lang2vec data", "broken", error.what, error.fix)]
    return [Finding("required", "lang2vec data", "ok", str(folder))]


def espnet() -> list[Finding]:
    """ESPnet's encoders: the leaf modules are what counts."""
    fix = "pip install -c constraints.txt --no-deps espnet"
    version = _version("espnet")
    if version is None:
        return [Finding("optional", "espnet", "absent", "not installed; masr's own encoders need none of it", fix)]
    code, _, problem = _python("import espnet2.asr.encoder.e_branchformer_encoder")
    if code != 0:
        return [Finding("optional", "espnet", "warning", f"{version}, does not load: {problem}", fix)]
    return [Finding("optional", "espnet", "ok", version)]


_EXTRAS = (
    ("matplotlib", "matplotlib", "figures for papers: masr report --pdf", "pip install -c constraints.txt matplotlib"),
    (
        "pyarrow",
        "pyarrow",
        "Parquet files with audio inside: masr prepare parquet",
        "pip install -c constraints.txt pyarrow",
    ),
    ("lhotse", "lhotse", "corpora that come as lhotse manifests", "pip install -c constraints.txt lhotse"),
    (
        "kaldi-native-io",
        "kaldi_native_io",
        "a second reader of our archives, for the tests",
        "pip install -c constraints.txt kaldi-native-io",
    ),
    (
        "kaldi-native-fbank",
        "kaldi_native_fbank",
        "Kaldi's own features, for the tests",
        "pip install -c constraints.txt kaldi-native-fbank",
    ),
)
_PROGRAMS = (
    ("git", "the commit beside every output", "install git"),
    ("sbatch", "job arrays on a Slurm cluster", "only on a cluster: load its Slurm module"),
    ("sox", "`sox ... |` entries of other people's wav.scp", "install sox"),
    ("ffmpeg", "`ffmpeg ... |` entries of other people's wav.scp", "install ffmpeg"),
)


def extra(name: str, module: str, what: str, fix: str) -> Finding:
    """An optional package."""
    version = _version(name)
    if version is None or not _importable(module):
        return Finding("optional", name, "absent", f"not installed; for {what}", fix)
    return Finding("optional", name, "ok", version)


def program(name: str, what: str, fix: str) -> Finding:
    """An optional program on the PATH."""
    path = shutil.which(name)
    return Finding("optional", name, "ok" if path else "absent", path or f"not found; for {what}", "" if path else fix)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _python(script: str) -> tuple[int, str, str]:
    """Exit code, output and the last line of errors of a script in a process of its own: it may crash there."""
    try:
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return 1, "", "does not end within 120 s"
    except OSError as error:
        return 1, "", _first_line(error)
    if done.returncode < 0:
        return done.returncode, done.stdout, f"killed by signal {-done.returncode}"
    return done.returncode, done.stdout, (done.stderr.strip().splitlines() or [""])[-1]


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _memory_bytes() -> int:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _control_group("memory.max")
    return min(total, int(limit)) if limit.isdecimal() else total


def _control_group(file: str) -> str:
    try:
        return Path("/sys/fs/cgroup", file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
