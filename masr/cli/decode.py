"""Turn the emissions of a CTC model into text: greedily, or by a beam search with a lexicon and a language model.

EMISSIONS holds emissions.scp (natural log-probabilities, frames by units) and frame_shift (seconds a frame); UNITS is
the folder of stage 3 that the model was trained with. OUT gets text, text.nbest, score.nbest and words.ctm with times
and confidences. As a job array, each `--job J/N` does its slice and `--merge N` joins them. docs/asr.md describes the
keys of the configuration.

example:
  masr decode exp/ctc/test exp/units exp/ctc/test/greedy --set search=greedy
  masr decode exp/ctc/test exp/units exp/ctc/test/beam --conf conf/decode.yaml
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
    from masr.types import Units


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `masr decode`."""
    parser.add_argument("emissions", type=Path, metavar="EMISSIONS", help="folder with emissions.scp")
    parser.add_argument("units", type=Path, metavar="UNITS", help="folder with units.txt")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("--conf", type=Path, metavar="FILE", help="YAML file with what differs from the defaults")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change one key")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--job", metavar="J/N", help="only the J-th of N slices")
    part.add_argument("--merge", type=int, metavar="N", help="join N jobs that have ended")


def run(args: argparse.Namespace) -> None:
    """Decodes, merges, or both."""
    from masr.config import load, loads
    from masr.inference.decode import Config, build_decoder
    from masr.inference.decode_files import Decoding, Emissions
    from masr.io.provenance import write_provenance

    job, num_jobs = job_of(args)
    if args.conf:
        config = load(Config, args.conf, args.set)
    else:
        config = loads(Config, "", "<defaults>", args.set)
    units = _units(args.units)
    emissions = Emissions.open(args.emissions, config.frame_shift_sec)
    decoding = Decoding(emissions, config, units)
    if not args.merge:
        decoder = build_decoder(config, units)
        _notes(decoder)
        empty = decoding.run_job(args.out, job, num_jobs, decoder)
        if empty:
            print(f"{empty} utterances have no word in their best hypothesis")
    if not args.job:
        decoding.merge(args.out, num_jobs)
        write_provenance(args.out, config, emissions=str(args.emissions), units=str(args.units))
        print(f"{args.out / 'text'}: {len(emissions.entries)} utterances")


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


def _units(folder: Path) -> Units:
    """The units of a folder, of the kind that its config.yaml names."""
    from masr.config import load
    from masr.errors import UnitsError
    from masr.io.layout import RESOLVED_CONFIG, UNITS_TXT
    from masr.plugins import RunConfig, build, resolve

    for name in (UNITS_TXT, RESOLVED_CONFIG):
        if not (folder / name).is_file():
            raise UnitsError(f"{folder}: has no {name}", fix="give the folder that masr units wrote")
    units: Units = build("units", load(RunConfig, folder / RESOLVED_CONFIG, resolve=resolve).units, folder)
    return units
