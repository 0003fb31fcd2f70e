from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import masr

PACKAGE = Path(masr.__file__).parent
CHECKOUT = PACKAGE.parent
OPTIONAL = (
    "av",
    "espnet",
    "espnet2",
    "flashlight",
    "lhotse",
    "kaldi_native_io",
    "kaldi_native_fbank",
    "matplotlib",
    "mlflow",
    "pyarrow",
    "trackio",
    "wandb",
    "onnxruntime",
    "onnxscript",
    "sklearn",
    "transformers",
    "zstandard",
)
FOREIGN = {"masr.interop.hf": "transformers"}
"""Files that hold classes of another project, and so cannot be imported without it."""
CARRIED = "masr.interop.carried."
"""Files that an export copies, for which masr is no package: what they import is another project's, or beside them."""
MODULES = sorted(
    module
    for path in PACKAGE.rglob("*.py")
    if path.name not in ("__init__.py", "__main__.py", "espeak_process.py")
    if (module := str(path.relative_to(PACKAGE.parent).with_suffix("")).replace("/", ".")) not in FOREIGN
    if not module.startswith(CARRIED)
)

BLOCK = """
import importlib, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Block())
for module in {modules!r}:
    importlib.import_module(module)
"""


def blocked(names: tuple[str, ...], modules: list[str]) -> subprocess.CompletedProcess[str]:
    script = BLOCK.format(names=names, modules=modules)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)


def test_every_module_imports_without_any_optional_package() -> None:
    done = blocked(OPTIONAL, MODULES)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("module", "package"), FOREIGN.items())
def test_classes_of_another_project_say_that_it_is_missing(module: str, package: str) -> None:
    done = blocked((package,), [module])
    assert done.returncode != 0
    assert f"MissingPackageError: {package} is not installed" in done.stderr


def test_the_block_blocks() -> None:
    done = blocked(("numpy",), ["masr.types"])
    assert done.returncode != 0
    assert "numpy is blocked" in done.stderr


@pytest.mark.parametrize("room", ["corpora", "synth", "io", "cli"])
def test_the_rooms_without_torch_import_without_it(room: str) -> None:
    done = blocked(("torch",), [module for module in MODULES if module.startswith(f"masr.{room}.")])
    assert done.returncode == 0, done.stderr


def test_the_job_engine_needs_the_standard_library_alone() -> None:
    """Launchers and stages run in any Python, before there is a .venv, and start at once."""
    script = "import importlib, sys\nsys.path[0] = sys.argv[1]\nfor name in sys.argv[2:]: importlib.import_module(name)"
    modules = [module for module in MODULES if module.startswith("masr.jobs.")]
    command = [sys.executable, "-ES", "-c", script, str(CHECKOUT), *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "masr.jobs.stage" in modules


@pytest.mark.parametrize("name", ["kaldiio"])
def test_a_package_kept_in_one_file(name: str) -> None:
    """kaldiio's licence allows evaluation only: whoever may not accept it has one file to replace."""
    pattern = re.compile(rf"^\s*(import|from)\s+{name}\b", re.MULTILINE)
    users = [p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py") if pattern.search(p.read_text("utf-8"))]
    assert users == ["io/ark.py"]


def test_espnet_is_imported_by_its_leaf_modules_only() -> None:
    """`espnet.nets` moved between the versions for Python 3.11 and 3.12; tasks and front ends need torchaudio."""
    pattern = re.compile(r"^\s*(?:import|from)\s+(espnet2?[\w.]*)", re.MULTILINE)
    allowed = re.compile(r"espnet2\.asr\.(encoder\.\w+|ctc)$")
    ours = [path for path in PACKAGE.rglob("*.py") if "carried" not in path.parts]
    found = {name for path in ours for name in pattern.findall(path.read_text("utf-8"))}
    assert {name for name in found if not allowed.match(name)} == set()


def test_espnets_leaf_modules_import_with_our_own_dependencies() -> None:
    pytest.importorskip("espnet2", reason="ESPnet is optional")
    encoders = ("conformer_encoder", "e_branchformer_encoder", "transformer_encoder")
    leaves = [*(f"espnet2.asr.encoder.{name}" for name in encoders), "espnet2.asr.ctc"]
    done = blocked(("torchaudio", "espnet_tts_frontend", "ci_sdr"), leaves)
    assert done.returncode == 0, done.stderr


def declared(*sections: str) -> set[str]:
    """What setup.cfg asks for, by normalised name."""
    if not (CHECKOUT / "setup.cfg").is_file():
        pytest.skip("not a checkout")
    parser = configparser.ConfigParser()
    parser.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    lines = parser["options"]["install_requires"].splitlines()
    for section in sections:
        lines += parser["options.extras_require"][section].splitlines()
    names = {re.split(r"[;<>=!~]", line, maxsplit=1)[0].strip() for line in lines if not line.startswith("#")}
    return {name.lower().replace("_", "-") for name in names if name}


def imports(path: Path) -> Iterator[str]:
    """The packages that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def test_what_is_imported_is_declared() -> None:
    """A package that is here only because another one brought it may be gone tomorrow."""
    known = {name.replace("-", "_") for name in declared()} | {"yaml", "masr", *OPTIONAL, *sys.stdlib_module_names}
    known |= {path.stem for path in (PACKAGE / "interop" / "carried").glob("masr_*.py")}
    found = {(p.relative_to(PACKAGE).as_posix(), name) for p in PACKAGE.rglob("*.py") for name in imports(p)}
    assert {(path, name) for path, name in found if name not in known} == set()


def test_every_requirement_is_pinned() -> None:
    wanted = declared("figures", "lhotse", "onnx", "superb", "test")
    pins = (CHECKOUT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"#.*|[a-z0-9.-]+==[\w.]+( ; .+)?", line) for line in pins), "no index, no hash, no range"
    assert wanted - {line.split("==")[0] for line in pins} == set()
