"""s3prl and ESPnet as they can be imported today: what they name, and nothing here calls, is an empty module.

Both import all of their models and tasks at once, of which some want a package each. s3prl 0.4.18 also wants what
torchaudio had until 2.8, and torchaudio's wheel is of CUDA: beside a torch of CPU it cannot be loaded.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor

from masr.errors import MissingPackageError, UsageError

_S3PRL = ("s3prl", "pandas", "omegaconf", "editdistance", "tensorboard")
_ESPNET = {
    "torchaudio": "BEATs and HuBERT",
    "einops": "S4", "hydra": "S4", "opt_einsum": "S4",
    "h5py": "features in HDF5",
    "g2p_en": "phones of text", "jamo": "phones of text", "tacotron_cleaner": "text", "jaconv": "text",
    "nltk": "text", "ci_sdr": "separation", "fast_bss_eval": "separation",
}  # fmt: skip
"""What espnet2.tasks.asr and espnet2.bin.asr_inference import, and the part of them that calls it."""
_FOLDER = "masr_upstream_folder"


class _Empty(ModuleType):
    """A module that has a class of every name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class Absent(MetaPathFinder, Loader):
    """Empty modules in the place of those of these packages that are not installed."""

    def __init__(self, packages: Iterable[str]) -> None:
        self.packages = [name for name in packages if importlib.util.find_spec(name) is None]

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        """What Python asks of a finder."""
        return ModuleSpec(name, self, is_package=True) if name.split(".")[0] in self.packages else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """What Python asks of a loader."""
        return _Empty(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is run."""


def missing() -> list[str]:
    """Packages that s3prl cannot do without and that are not installed."""
    return [name for name in _S3PRL if importlib.util.find_spec(name) is None]


def ready_s3prl() -> None:
    """Makes s3prl.hub and s3prl.problem importable; MissingPackageError where there is no s3prl."""
    if missing():
        raise MissingPackageError(
            f"not installed: {', '.join(missing())}",
            fix="pip install --no-deps s3prl==0.4.18 && pip install pandas omegaconf editdistance tensorboard",
        )
    sys.meta_path.append(Absent(["torchaudio", "more_itertools"]))
    sys.modules["s3prl.task._hear_score"] = _Empty("s3prl.task._hear_score")  # of other tasks, by two more packages
    torchaudio = _torchaudio()
    if "sox_effects" not in vars(torchaudio):
        torchaudio.set_audio_backend = lambda _: None  # s3prl reads audio by librosa
        torchaudio.sox_effects = _Empty("torchaudio.sox_effects")
        torchaudio.sox_effects.apply_effects_tensor = _gain
        sys.modules["torchaudio.sox_effects"] = torchaudio.sox_effects


def ready_espnet() -> None:
    """Makes espnet2.tasks.asr importable where ESPnet is installed without its dependencies."""
    if importlib.util.find_spec("espnet2") is None:
        raise MissingPackageError("ESPnet is not installed", fix="pip install --no-deps espnet")
    sys.meta_path.append(Absent(_ESPNET))
    _torchaudio()


def upstream(model: str) -> dict[str, str]:
    """Arguments of S3PRLUpstream: a folder that `masr export --to s3prl` wrote, or a name that s3prl has."""
    from s3prl import hub

    folder = Path(model)
    if (folder / "hubconf.py").is_file():
        spec = ModuleSpec(_FOLDER, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[_FOLDER] = importlib.util.module_from_spec(spec)
        hub.masr = importlib.import_module(f"{_FOLDER}.hubconf").masr
        return {"name": "masr", "path_or_url": str(folder.resolve())}
    if model not in hub.options():
        raise UsageError(
            f"{model}: neither an export for s3prl nor an upstream of s3prl",
            fix=f"masr export RUN {model} --to s3prl; or take one of s3prl, such as fbank",
        )
    if isinstance(sys.modules["torchaudio"], _Empty):
        raise MissingPackageError(f"{model} of s3prl needs torchaudio", fix="pip install --no-deps torchaudio")
    return {"name": model}


def _torchaudio() -> Any:
    try:
        return importlib.import_module("torchaudio")
    except OSError:  # its compiled half is of CUDA and this torch is not; the mel filters are Python
        half = ModuleType("torchaudio._extension")
        vars(half).update(_IS_TORCHAUDIO_EXT_AVAILABLE=False, fail_if_no_align=lambda function: function)
        sys.modules[half.__name__] = half
        return importlib.import_module("torchaudio")


def _gain(samples: Tensor, rate: int, effects: Sequence[Sequence[str]]) -> tuple[Tensor, int]:
    """SoX's gain, in dB; its other effects in SUPERB are `channels 1` and `rate 16000`, which the audio has already."""
    gain = sum(float(words[1]) for words in effects if words[0] == "gain")
    return samples * 10 ** (gain / 20), rate
