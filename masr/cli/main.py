"""`masr VERB ...`: finds the verb's file, runs it, and turns what went wrong into an exit code.

0 done, 1 our bug (with its traceback), 2 something the user can fix.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import masr
from masr.errors import MasrError, UsageError, near

VERBS: dict[str, str] = {
    "corpus": "stage 0: check a downloaded corpus, or build the embedded one",
    "prepare": "stage 1: a corpus on disk becomes data directories",
    "features": "stage 2: data directories become feature archives",
    "units": "stage 3: text becomes units, languages become codes",
    "words": "stage 3: the words of transcripts and an n-gram model of them, to decode with",
    "confidence": "stage 5: how sure a CTC model is of every encoded frame, for guided masking",
    "train": "stage 6: pre-train an encoder, with metadata beside the objective",
    "identify": "stage 7: which language is spoken in files, or in a data directory",
    "extract": "a trained encoder's frames or one vector for each utterance",
    "cluster": "k-means labels for every encoded frame, as HuBERT predicts them",
    "decode": "stage 10: emissions of a CTC model become text",
    "score": "figures with intervals: language identification, neighbours, pre-trainings",
    "analyse": "what representations hold: how alike they are, what they tell of labels",
    "table": "a paper's table: plan its tasks, run them, print it beside the reported numbers",
    "report": "a page of plots of an experiment, or of several side by side",
    "export": "a trained model as transformers and others load it",
    "data": "read, check, fix, split and combine data directories",
    "config": "print a configuration with every default and its doc",
    "recipe": "write out a recipe that comes with masr: fleurs, librispeech, ...",
    "new-recipe": "a recipe of your own: egs/NAME for a folder of audio",
    "doctor": "what this machine has, what is missing, and how to get it",
    "completion": "print a shell's completion script",
}
"""Each verb is the file masr/cli/<verb>.py, with _ for -, with `configure(parser)` and `run(args)`."""


MACHINE_FAULTS: dict[int, str] = {
    errno.ENOSPC: "the disk is full: make room (df -h), or write to another disk",
    errno.EFBIG: "a limit on the size of files stands in the way (ulimit -f): raise it, or write to another disk",
    errno.EIO: "the disk does not answer as it should (dmesg says more): write to another disk",
    errno.EDQUOT: "the disk quota is used up: make room, or write to another disk",
    errno.EEXIST: "a file of this name is in the way: remove it, or choose another place",
    errno.ENOTDIR: "a file stands where a folder is needed: remove it, or choose another place",
    errno.EROFS: "write to a disk that is not read-only",
    errno.EACCES: "the file's owner and mode forbid it (ls -l): change them, or choose another place",
    errno.EPERM: "the file's owner and mode forbid it (ls -l): change them, or choose another place",
    errno.EMFILE: "too many open files: raise the limit (ulimit -n 4096), or lower --nj",
    errno.ENXIO: "give the path of a file; a pipe that a shell opens, <(zcat FILE), is one too",
    errno.ENAMETOOLONG: "choose a shorter name",
}
"""What the operating system refuses and a user can mend."""


class Parser(argparse.ArgumentParser):
    """argparse that never guesses an abbreviated option, and names the near ones instead."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("allow_abbrev", False)
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.given: list[str] | None = None

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse's, remembering the arguments for `error`."""
        self.given = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(self.given, namespace)

    def error(self, message: str) -> NoReturn:
        """One block, exit code 2."""
        unknown = self.unknown_option()
        if unknown:
            message = f"there is no option {unknown}"
        fix = near(unknown, self.options()) if unknown else ""
        print(f"{self.prog}: usage: {message}" + (f"\n  fix: {fix}" if fix else ""), file=sys.stderr)
        print(f"  help: {self.prog} --help", file=sys.stderr)
        sys.exit(2)

    def unknown_option(self) -> str:
        """The first option that is not ours; argparse would rather speak of an argument that it swallowed."""
        known = self.options()
        for argument in sys.argv[1:] if self.given is None else self.given:
            name = argument.split("=")[0]
            if argument == "--":
                break
            if " " in name:
                continue
            if name.startswith("--") and name not in known:
                return name
            if re.match(r"-[A-Za-z]", argument) and argument[:2] not in known and name not in known:
                return name
        return ""

    def options(self) -> list[str]:
        """Every option this parser knows, those of its sub-parsers included."""
        found = [o for action in self._actions for o in action.option_strings]
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                found += [o for p in action.choices.values() for o in p.options()]
        return found

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """argparse's own check of `choices`, with the near ones in place of a list of all."""
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(action, f"there is no {value!r}: {near(str(value), map(str, action.choices))}")


def main(argv: Sequence[str] | None = None) -> int:
    """The console script's entry point."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Before torch is imported: threads that spin while they wait make a run many times slower beside another one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _forget_scripts_folder()
    try:
        code = dispatch(arguments)
        sys.stdout.flush()  # here, where a reader that has left is no error
        return code
    except MasrError as error:
        print(error.block(), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("masr: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        fix = MACHINE_FAULTS.get(error.errno or 0)
        if fix is None:
            raise
        place = f"{error.filename}: " if error.filename else ""
        print(f"masr: machine: {place}{error.strerror}\n  fix: {fix}", file=sys.stderr)
        return 2


def _forget_scripts_folder() -> None:
    """Python looks for modules beside the script first, and there lies lang2vec.py, a script of lang2vec's."""
    script = Path(sys.argv[0])
    if script.name == "masr" and sys.path and Path(sys.path[0]).resolve() == script.resolve().parent:
        del sys.path[0]


def dispatch(arguments: list[str]) -> int:
    """Runs one verb and returns its exit code; `help VERB` is `VERB --help`, and so on with what follows the verb."""
    if arguments and arguments[0] == "help":
        return dispatch([*arguments[1:], "--help"])
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview())
        return 0
    if arguments[0] == "--version":
        print(f"masr {masr.__version__}")
        return 0
    if strange := [word for word in arguments if "\0" in word]:
        raise UsageError(f"{strange[0]!r} holds a NUL, which no name or number does")
    verb = arguments[0]
    if verb not in VERBS:
        print(f"masr: usage: there is no verb {verb!r}\n  fix: {near(verb, [*VERBS, 'help'])}", file=sys.stderr)
        return 2
    module = open_verb(verb)
    args = verb_parser(verb, module).parse_args(arguments[1:])
    code: int | None = module.run(args)
    return code or 0


def open_verb(verb: str) -> ModuleType:
    """The verb's file; nothing heavier is imported before it."""
    return importlib.import_module(f"masr.cli.{verb.replace('-', '_')}")


def verb_parser(verb: str, module: ModuleType) -> Parser:
    """The verb's own options; its module's docstring is the long help, with an example."""
    parser = Parser(prog=f"masr {verb}", description=module.__doc__)
    module.configure(parser)
    return parser


def overview() -> str:
    """What `masr --help` prints."""
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb:<{width}}  {what}" for verb, what in VERBS.items())
    return (
        f"masr {masr.__version__}: speech representation learning that knows its metadata\n\n"
        f"usage: masr VERB [options]\n\n{verbs}\n\n"
        "masr help VERB, or masr VERB --help, shows a verb's options and an example.\n"
        "Recipes: egs/fleurs/run.sh runs them as numbered stages."
    )


if __name__ == "__main__":
    sys.exit(main())
