"""`masr decode` as a function: a CTC model over a data directory, or stored emissions, become text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from masr.api import read_units, reads_archives, transcriber
from masr.config import load
from masr.errors import DecodingError, UsageError
from masr.inference.decode import build_decoder, notes_of
from masr.inference.decode_config import DecodingConfig
from masr.inference.decode_files import Decoding, Emissions, EmissionSource, Spoken
from masr.inference.emissions import Heard
from masr.io.datadir import DataDir
from masr.io.identity import identity
from masr.io.layout import EMISSIONS_SCP, UNITS
from masr.io.one_writer import writing
from masr.io.provenance import write_provenance
from masr.io.trained import open_trained
from masr.types import JobSlice, Units

Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What is decoded; each is an option of `masr decode`."""

    source: Path
    """A run, or a folder with emissions."""
    input: Path
    """A data directory; or the units of the emissions."""
    out: Path
    conf: Path | None = None
    set: Sequence[str] = ()
    keep: bool = False
    """Whether the model's emissions are written as well."""
    device: str = "auto"


def decode(options: Options, part: JobSlice, say: Say = print) -> None:
    """Decodes a slice, joins slices, or both; `say` is told what a reader has to know."""
    config = load(DecodingConfig, options.conf, options.set)
    stored = None if _is_model(options, config) else _stored(options, config)
    source = stored[0] if stored else _heard(options) if part.is_run else None
    listing, units, facts = stored or _spoken(options)
    decoding = Decoding(listing, config, units, options.keep)
    with writing(options.out, "decode", part):
        _carry_out(decoding, options, part, source, facts, say)


def _carry_out(
    decoding: Decoding, options: Options, part: JobSlice, source: EmissionSource | None, facts: dict[str, str], say: Say
) -> None:
    """The slice, the joining, or both."""
    config = decoding.config
    if source is not None and part.is_run:
        decoder = build_decoder(config, decoding.units)
        for line in notes_of(decoder):
            say(line)
        empty = decoding.run_job(options.out, part.job, part.num_jobs, decoder, source)
        if empty:
            say(f"{empty} utterances have no word in their best hypothesis")
    if part.is_merged:
        decoding.merge(options.out, part.num_jobs)
        write_provenance(options.out, config, **facts)
        say(f"{options.out / 'text'}: {len(decoding.emissions.utts)} utterances")


def _is_model(options: Options, config: DecodingConfig) -> bool:
    """Whether SOURCE is a model rather than emissions; an error where it is neither, or an option is of the other."""
    source, out = options.source, options.out
    if (source / EMISSIONS_SCP).is_file():
        if options.keep:
            raise UsageError("--keep is for a model; these emissions are on the disk", fix="leave --keep out")
        return False
    if not open_trained(source).is_there:
        raise DecodingError(
            f"{source}: has neither a model's weights nor {EMISSIONS_SCP}",
            why="there is no such folder"
            if not source.exists()
            else "a model's weights are there once its training has ended, emissions once --keep wrote them",
            fix="give the DIR of `masr train` with objective ctc, or a folder with emissions",
        )
    if config.frame_shift_sec is not None:
        raise UsageError("frame_shift_sec is for stored emissions; a model knows its own", fix="leave it out")
    if out.resolve() == options.input.resolve():
        raise UsageError(f"{out} is DATA itself, whose text would be lost", fix="name another folder for OUT")
    return True


def _stored(options: Options, config: DecodingConfig) -> tuple[Emissions, Units, dict[str, str]]:
    """Emissions on the disk, the units that they are of, and what provenance.json says of both."""
    stored = Emissions.open(options.source, config.frame_shift_sec)
    return stored, read_units(options.input), {"emissions": str(options.source), "units": str(options.input)}


def _spoken(options: Options) -> tuple[Spoken, Units, dict[str, str]]:
    """The same of a data directory and a model, which is not loaded for it."""
    spoken = Spoken(DataDir.open(options.input), identity(options.source))
    units = read_units(open_trained(options.source).run / UNITS)
    return spoken, units, {"model": str(options.source), "data": str(options.input)}


def _heard(options: Options) -> Heard:
    """The model over the data directory."""
    data = DataDir.open(options.input)  # a mistake in it is told before the model is loaded
    emitter = transcriber(options.source, options.device)
    emitter.known_units()
    from_archives = not emitter.takes_samples and reads_archives(options.source, emitter.features, data)
    return Heard(emitter, data, from_archives)
