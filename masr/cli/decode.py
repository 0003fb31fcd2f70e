"""Turn speech into text by a CTC model: greedily, or by a beam search with a lexicon and a language model.

MODEL is the folder of a run that learnt by CTC and DATA a data directory. Or stored emissions are decoded: EMISSIONS
holds emissions.scp (natural log-probabilities, frames by units) and frame_shift (seconds a frame), and UNITS is the
folder of stage 3 that the model was trained with. OUT gets text, text.nbest, score.nbest and words.ctm with times and
confidences; with --keep also the emissions, which can then be decoded again and again without the model. As a job
array, each `--job J/N` does its slice and `--merge N` joins them. docs/asr.md describes the keys of the configuration.

example:
  masr decode exp/ctc/best_rq_tiny data/test_clean exp/ctc/best_rq_tiny/test_clean --set search=greedy
  masr decode exp/ctc/best_rq_tiny data/test_clean exp/ctc/test --conf conf/decode.yaml --keep
  masr decode exp/ctc/test exp/units exp/ctc/test/lm --set lexicon=words.txt --set language_model=3gram.arpa
  masr decode exp/ctc/test exp/units exp/ctc/test/beam --conf conf/decode.yaml --job 3/20
  masr decode exp/ctc/test exp/units exp/ctc/test/beam --conf conf/decode.yaml --merge 20
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from masr.cli.job_option import job_of

if TYPE_CHECKING:
    from masr.inference.decode import Decoder
    from masr.inference.decode_config import Config
    from masr.inference.decode_files import Emissions, Spoken
    from masr.inference.emissions import Heard
    from masr.types import Units


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr decode`."""
    parser.add_argument("source", type=Path, metavar="MODEL|EMISSIONS", help="folder of a run, or with emissions.scp")
    parser.add_argument("input", type=Path, metavar="DATA|UNITS", help="data directory; or folder with units.txt")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("--conf", type=Path, metavar="FILE", help="YAML file with what differs from the defaults")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change one key")
    parser.add_argument("--keep", action="store_true", help="write the model's emissions to OUT as well")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--job", metavar="J/N", help="only the J-th of N slices")
    part.add_argument("--merge", type=int, metavar="N", help="join N jobs that have ended")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="of the model (default auto)")


def run(args: argparse.Namespace) -> None:
    """Decodes, merges, or both."""
    from masr.config import load, loads
    from masr.inference.decode import build_decoder
    from masr.inference.decode_config import Config
    from masr.inference.decode_files import Decoding
    from masr.io.provenance import write_provenance

    job, num_jobs = job_of(args)
    if args.conf:
        config = load(Config, args.conf, args.set)
    else:
        config = loads(Config, "", "<defaults>", args.set)
    stored = None if _is_model(args, config) else _stored(args, config)
    source = stored[0] if stored else None if args.merge else _heard(args)
    listing, units, facts = stored or _spoken(args)
    decoding = Decoding(listing, config, units, args.keep)
    if source is not None and not args.merge:
        decoder = build_decoder(config, units)
        _notes(decoder)
        empty = decoding.run_job(args.out, job, num_jobs, decoder, source)
        if empty:
            print(f"{empty} utterances have no word in their best hypothesis")
    if not args.job:
        decoding.merge(args.out, num_jobs)
        write_provenance(args.out, config, **facts)
        print(f"{args.out / 'text'}: {len(listing.utts)} utterances")


def _is_model(args: argparse.Namespace, config: Config) -> bool:
    """Whether SOURCE is a model rather than emissions; an error where it is neither, or an option is of the other."""
    from masr.errors import DecodingError, UsageError
    from masr.io.layout import EMISSIONS_SCP
    from masr.io.trained import open_trained

    if (args.source / EMISSIONS_SCP).is_file():
        if args.keep:
            raise UsageError("--keep is for a model; these emissions are on the disk", fix="leave --keep out")
        return False
    if not open_trained(args.source).is_there:
        raise DecodingError(
            f"{args.source}: has neither a model's weights nor {EMISSIONS_SCP}",
            why="there is no such folder"
            if not args.source.exists()
            else "a model's weights are there once its training has ended, emissions once --keep wrote them",
            fix="give the DIR of `masr train` with objective ctc, or a folder with emissions",
        )
    if config.frame_shift_sec is not None:
        raise UsageError("frame_shift_sec is for stored emissions; a model knows its own", fix="leave it out")
    if args.out.resolve() == args.input.resolve():
        raise UsageError(f"{args.out} is DATA itself, whose text would be lost", fix="name another folder for OUT")
    return True


def _stored(args: argparse.Namespace, config: Config) -> tuple[Emissions, Units, dict[str, str]]:
    """Emissions on the disk, the units that they are of, and what provenance.json says of both."""
    from masr.api import read_units
    from masr.inference.decode_files import Emissions

    stored = Emissions.open(args.source, config.frame_shift_sec)
    return stored, read_units(args.input), {"emissions": str(args.source), "units": str(args.input)}


def _spoken(args: argparse.Namespace) -> tuple[Spoken, Units, dict[str, str]]:
    """The same of a data directory and a model, which is not loaded for it."""
    import hashlib

    from masr.api import read_units
    from masr.inference.decode_files import Spoken
    from masr.io.datadir import DataDir
    from masr.io.layout import UNITS
    from masr.io.trained import open_trained

    trained, key = open_trained(args.source), hashlib.blake2b(digest_size=16)
    for path in trained.weights:
        with path.open("rb") as stream:
            key.update(hashlib.file_digest(stream, "blake2b").digest())
    spoken = Spoken(DataDir.open(args.input), key.hexdigest())
    return spoken, read_units(trained.run / UNITS), {"model": str(args.source), "data": str(args.input)}


def _heard(args: argparse.Namespace) -> Heard:
    """The model over the data directory."""
    from masr.api import features_of_run, transcriber
    from masr.data.stored_features import features_of
    from masr.errors import UsageError
    from masr.inference.emissions import Heard
    from masr.io.datadir import DataDir
    from masr.plugins import resolve

    data = DataDir.open(args.input)  # a mistake in it is told before the model is loaded
    emitter = transcriber(args.source, args.device)
    if emitter.units is None:
        raise UsageError(f"{args.source}: nothing says which units its outputs are", fix="add them to the checkpoint")
    from_archives = False
    if not emitter.takes_samples:
        made = features_of(data, resolve)
        from_archives = emitter.features is None or (made is not None and made == features_of_run(args.source))
    return Heard(emitter, data, from_archives)


def _notes(decoder: Decoder) -> None:
    """What a reader has to know of the lexicon and the language model."""
    lexicon, unknown = getattr(decoder, "lexicon", None), getattr(decoder, "not_in_model", ())
    if lexicon is not None:
        print(f"lexicon: {len(lexicon.words):,} words")
        if lexicon.dropped:
            first = ", ".join(lexicon.dropped[:5])
            print(f"  {len(lexicon.dropped):,} words cannot be spelled in units: left out ({first})")
    if unknown:
        print(f"  {len(unknown):,} words are unknown to the language model ({', '.join(unknown[:5])})")
