"""`masr extract` as a function: a trained model, or the statistics of features, over a data directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from masr.api import load, masked_pass, reads_archives
from masr.errors import UsageError
from masr.inference.extracted import Plan
from masr.inference.statistics import NAME, StatisticsOfFeatures
from masr.io.datadir import DataDir
from masr.io.identity import identity
from masr.io.one_writer import writing
from masr.io.provenance import write_provenance
from masr.io.trained import open_trained
from masr.types import JobSlice

if TYPE_CHECKING:
    from masr.inference.extract import Extraction
    from masr.inference.load import Model
    from masr.inference.masked import MaskedPass

Pool = Literal["mean", "statistics", "none"]


@dataclass(frozen=True)
class Options:
    """What is extracted; each is an option of `masr extract`."""

    model: Path
    """A run, RUN@STEP, what transformers wrote, or the word `statistics`."""
    data: Path
    out: Path
    layer: int | None = None
    layers: str | None = None
    pool: Pool | None = None
    """mean where nothing is said; none for frames."""
    masked: bool = False
    mask_share: float | None = None
    mask_span: int | None = None
    mask_seed: int | None = None
    device: str | None = None


@dataclass(frozen=True)
class Written:
    """An array that is whole."""

    path: Path
    num_utts: int
    what: str
    """It is of, beside utterances."""


def extract(options: Options, part: JobSlice) -> list[Written]:
    """The arrays, one for each layer; none where only a slice was worked on."""
    if options.out.resolve() == options.data.resolve():
        raise UsageError(f"{options.out} is DATA itself, whose tables would be lost", fix="name another folder for OUT")
    if str(options.model) == NAME and not open_trained(options.model).is_there:  # a run of that name comes first
        return _statistics(options, part)
    return _encoder(options, part)


def frames_of(
    name: str, model: Model, data: Path, out: Path, layer: int | None = None, masked: MaskedPass | None = None
) -> Path:
    """OUT with the frames of one layer of an open model."""
    extraction = open_extraction(Path(name), model, DataDir.open(data), Plan((layer,), None, name), masked)
    extraction.run_job(out, 1, 1)
    extraction.write(out, 1, model=name, data=str(data), pool="none")
    return out


def open_extraction(name: Path, model: Model, data: DataDir, plan: Plan, masked: MaskedPass | None) -> Extraction:
    """An extraction that reads the archives of `data` where they hold what the model was trained on, else its audio."""
    from masr.inference.extract import Extraction  # torch, which `statistics` does without

    return Extraction(model, data, plan, reads_archives(name, model.features, data), masked)


def _encoder(options: Options, part: JobSlice) -> list[Written]:
    """What a trained model says."""
    pool: Pool = options.pool or "mean"
    mask_seed = options.mask_seed or 0
    model = load(options.model, options.device or "auto")
    data = DataDir.open(options.data)
    masked = _masked(options, model, pool, mask_seed)
    plan = _plan(options, model.num_layers, pool, mask_seed)
    extraction = open_extraction(options.model, model, data, plan, masked)
    facts = {"model": str(options.model), "data": str(options.data), "pool": pool}
    num_frames = int(extraction.lengths.sum())
    with writing(options.out, "extract", part):
        if part.is_run:
            extraction.run_job(options.out, part.job, part.num_jobs)
        if not part.is_merged:
            return []
        folders = extraction.write(options.out, part.num_jobs, **facts)
    return [Written(folder / plan.array, len(data), f"{num_frames} frames") for folder in folders]


def _statistics(options: Options, part: JobSlice) -> list[Written]:
    """What the features say without a model."""
    for option in ("layer", "layers", "pool", "masked", "mask_share", "mask_span", "mask_seed", "device"):
        given = getattr(options, option)
        if given is not None and given is not False:
            raise UsageError(
                f"--{option.replace('_', '-')} is for an encoder, and `{options.model}` has none",
                fix=f"leave it out, or give a model in the place of `{options.model}`",
            )
    data = DataDir.open(options.data)
    found = StatisticsOfFeatures(data)
    with writing(options.out, "extract", part):
        if part.is_run:
            found.run_job(options.out, part.job, part.num_jobs)
        if not part.is_merged:
            return []
        found.extracted.merge(options.out, part.num_jobs)
        write_provenance(options.out, model=str(options.model), data=str(options.data))
    array = options.out / found.extracted.plan.array
    return [Written(array, len(data), f"statistics of {found.num_features} features of a frame")]


def _masked(options: Options, model: Model, pool: Pool, seed: int) -> MaskedPass | None:
    """How speech is hidden, where that is asked for."""
    if not options.masked:
        if options.mask_share is not None or options.mask_span is not None or seed:
            raise UsageError("--mask-share, --mask-span and --mask-seed belong to --masked", fix="add --masked")
        return None
    if pool != "none":
        raise UsageError("a masked pass is of frames, and --pool makes one vector of them", fix="add --pool none")
    return masked_pass(options.model, model, options.mask_share, options.mask_span, seed)


def _plan(options: Options, num_layers: int, pool: Pool, mask_seed: int) -> Plan:
    """The options that every job must share, and the identity of the model."""
    layers = _layers(options, num_layers)
    key = f"{identity(options.model)} {layers} {pool}"
    if options.masked:
        key += f" masked {options.mask_share} {options.mask_span} {mask_seed}"
    return Plan(layers, None if pool == "none" else pool, key, apart=options.layers is not None)


def _layers(options: Options, num_layers: int) -> tuple[int | None, ...]:
    """All that are asked for, each once and in order."""
    if options.layers is None:
        return (options.layer,)
    if options.layers == "all":
        return tuple(range(num_layers + 1))
    cells = [cell.strip() for cell in options.layers.split(",")]
    if not all(cell.isascii() and cell.isdigit() and len(cell) < 10 for cell in cells):
        raise UsageError(f"--layers {options.layers} names no layers", fix="give all, or numbers: --layers 0,6,12")
    return tuple(sorted({int(cell) for cell in cells}))
