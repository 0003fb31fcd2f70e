"""Which of our own files a command runs, read from their syntax trees without importing any of them.

A verb is masr/cli/VERB.py or masr/cli/VERB/__init__.py, and counts with all that it imports from masr, directly or
through others, at the top of a file or inside a function. What is opened by name counts too:

- `import_module(f"masr.cli.analyse.{...}")` opens a file of that room;
- `open_plugin("corpora", ...)` and whatever else in masr/plugins.py takes a room opens a file of that room, also where
  the function was handed on as an argument of the same name;
- a text that is the name of a module ("masr.cli.main", to be started as a process) or of a file beside this one.

Of a room that is opened by name those files count that the command or its configuration names, or all of the room where
none is named. Where a name cannot be told, `troubles` says so, and `files_of` takes all of masr.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

_VERB_IN_SHELL = re.compile(r"(?<![\w./\"'-])masr[ \t]+(\S+)(?:[ \t]+([a-z][a-z-]*)(?![\w/=.]))?")
_SCRIPT_IN_SHELL = re.compile(r"[\w-]+\.sh\b")
_NAME_IN_YAML = re.compile(r"\bname[:=]\s*[\"']?(\w+)")
_BASE_IN_YAML = re.compile(r"[^\s\[\],\"']+\.ya?ml")
_RUNS_CONFIG = "config.yaml"
_BY_OTHER_MEANS = ("run_module", "run_path", "spec_from_file_location", "iter_modules", "walk_packages")

_CARRIED = "carried"
"""Folder of files that go out with an export: they run where masr is not, and no command of ours runs them."""


@dataclass
class Module:
    """What one file of masr opens."""

    imports: list[str] = field(default_factory=list)
    """Dotted names below masr: of modules, or of what modules hold."""
    rooms: list[str] = field(default_factory=list)
    """Dotted names of packages of which files are opened by name."""
    files: list[Path] = field(default_factory=list)
    """Files beside it that it names."""
    troubles: list[str] = field(default_factory=list)
    """What is wrong with what it opens."""
    is_lost: bool = False
    """Whether it opens what cannot be followed."""


class House:
    """The files of one checkout."""

    def __init__(self, root: Path, scripts: Path | None = None) -> None:
        self.root = root
        self.shell = scripts or root / "utils"
        self._modules: dict[Path, Module] = {}
        self._beside: dict[Path, set[str]] = {}
        self._named: dict[str, list[Path]] = {}

    def files_of(self, command: Sequence[str], inputs: Iterable[Path] = ()) -> set[Path]:
        """Every file of ours that a command runs."""
        scripts = self.scripts(Path(word).name for word in command if word.endswith(".sh"))
        after = [[*command[i + 1 : i + 3], ""] for i, word in enumerate(command[:-1]) if Path(word).name == "masr"]
        verbs = {(words[0], words[1]) for words in after} | {verb for script in scripts for verb in verbs_in(script)}
        chosen = {*command[1:], *_names_in(command), *(name for text in _configs(inputs) for name in _names_in([text]))}
        files = set(scripts)
        for verb, kind in sorted(verbs):
            start = self.verb_files(verb)
            cli_words = {verb, kind.replace("-", "_")}
            files |= self.closure(start, chosen, cli_words) if start else set(self.package.rglob("*.py"))
        return files

    def scripts(self, names: Iterable[str]) -> set[Path]:
        """Shell scripts of utils/ and those that they mention: what they source and what they call."""
        found: set[Path] = set()
        waiting = [self.shell / name for name in names]
        while waiting:
            path = waiting.pop()
            if path not in found and path.is_file():
                found.add(path)
                waiting += [path.with_name(name) for name in _SCRIPT_IN_SHELL.findall(_without_comments(path))]
        return found

    def closure(self, start: Iterable[Path], chosen: set[str], cli_words: set[str]) -> set[Path]:
        """These files and all that they open, `chosen` naming plug-ins and `cli_words` files of masr/cli."""
        found: set[Path] = set()
        waiting = list(start)
        while waiting:
            path = waiting.pop()
            if path in found:
                continue
            found.add(path)
            if path.suffix != ".py":
                continue
            module = self.module(path)
            if module.is_lost:
                return set(self.package.rglob("*.py"))
            waiting += module.files
            for name in module.imports:
                waiting += self.module_files(name)
            for room in module.rooms:
                waiting += self.opened(room, cli_words if room.startswith("masr.cli") else chosen | self.last_resorts)
        return found

    def opened(self, room: str, chosen: set[str]) -> list[Path]:
        """The files of a room that are named, or all; what serves every other name counts where any is named."""
        files = sorted(self.root.joinpath(*room.split(".")).glob("*.py"))
        named = [path for path in files if path.stem in chosen]
        if any(path.stem not in self.last_resorts for path in named):
            files = named
        return [file for path in files for file in self.module_files(f"{room}.{path.stem}")]

    def verb_files(self, verb: str) -> list[Path]:
        """The verb's own file after the packages on the way; empty where there is no such verb."""
        name = verb.replace("-", "_")
        places = [self.package / "cli" / f"{name}.py", self.package / "cli" / name / "__init__.py"]
        return self.module_files(f"masr.cli.{name}") if any(place.is_file() for place in places) else []

    def module_files(self, name: str) -> list[Path]:
        """The module of a dotted name, or the one that holds it, after the packages on the way; empty for no module."""
        if name not in self._named:
            self._named[name] = self._find(name)
        return self._named[name]

    def _find(self, name: str) -> list[Path]:
        files: list[Path] = []
        place = self.root
        parts = name.split(".")
        for i, part in enumerate(parts):
            place = place / part
            if place.is_dir():
                files += [file for file in [place / "__init__.py"] if file.is_file()]
            elif place.with_suffix(".py").is_file():
                return [*files, place.with_suffix(".py")]
            else:
                return files if i == len(parts) - 1 and i > 1 else []
        return files

    def module(self, path: Path) -> Module:
        """What a file opens."""
        if path not in self._modules:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            self._modules[path] = _Reader(self, path).read(tree)
        return self._modules[path]

    def beside(self, folder: Path) -> set[str]:
        """The names of the files in a folder."""
        if folder not in self._beside:
            self._beside[folder] = {path.name for path in folder.iterdir() if path.is_file()}
        return self._beside[folder]

    @property
    def package(self) -> Path:
        return self.root / "masr"

    @cached_property
    def openers(self) -> frozenset[str]:
        """The functions of masr/plugins.py that take a room."""
        return frozenset(
            node.name
            for node in self._plugins.body
            if isinstance(node, ast.FunctionDef) and node.args.args and node.args.args[0].arg == "room"
        )

    @cached_property
    def last_resorts(self) -> set[str]:
        """What masr/plugins.py opens for a name that no file has: its constants."""
        values = [node.value for node in self._plugins.body if isinstance(node, ast.Assign)]
        return {value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)}

    @cached_property
    def _plugins(self) -> ast.Module:
        path = self.package / "plugins.py"
        return ast.parse(path.read_text(encoding="utf-8") if path.is_file() else "")

    def troubles(self) -> list[str]:
        """What is opened anywhere in masr in a way that cannot be followed, and calls of verbs that are none."""
        own = [path for path in sorted(self.package.rglob("*.py")) if path.parent.name != _CARRIED]
        found = [trouble for path in own for trouble in self.module(path).troubles]
        scripts = [*self.root.glob("utils/*.sh"), *self.root.glob("egs/*/*.sh")]
        for script in sorted(path for path in scripts if path.read_text(encoding="utf-8").startswith("#!")):
            wrong = [verb for verb, _ in verbs_in(script) if not self.verb_files(verb)]
            found += [f"{script.relative_to(self.root)}: there is no verb {verb} of masr" for verb in wrong]
        return found


class _Reader:
    """Fills in a `Module`."""

    def __init__(self, house: House, path: Path) -> None:
        self.house = house
        self.path = path
        self.found = Module()
        self.of_plugins: set[str] = {"plugins"}
        """Names that stand for masr/plugins.py or for what it holds."""

    def read(self, tree: ast.Module) -> Module:
        """Imports first: they say which names are those of masr/plugins.py."""
        calls: list[ast.Call] = []
        # A module's `__getattr__` opens what others ask for by that name: inside masr nobody does.
        waiting: list[ast.AST] = [node for node in tree.body if getattr(node, "name", "") != "__getattr__"]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Import):
                self.found.imports += [alias.name for alias in node.names if alias.name.split(".")[0] == "masr"]
            elif isinstance(node, ast.ImportFrom):
                self.imported_from(node)
            elif isinstance(node, ast.Constant):
                self.named(node.value)
            else:
                if isinstance(node, ast.Call):
                    calls.append(node)
                waiting += _below(node)
        for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
            self.called(call)
        return self.found

    def imported_from(self, node: ast.ImportFrom) -> None:
        """`from masr.io import ark`: of a module, or of what one holds."""
        module = node.module or ""
        if node.level:
            package = self.path.relative_to(self.house.root).parts[: -node.level]
            module = ".".join([*package, *([module] if module else [])])
        if module.split(".")[0] == "masr":
            self.found.imports += [f"{module}.{alias.name}" for alias in node.names]
        if module == "masr.plugins":
            self.of_plugins |= {alias.asname or alias.name for alias in node.names}

    def named(self, value: object) -> None:
        """A text: the name of a module, or of a file beside this one."""
        if isinstance(value, str) and value.startswith("masr."):
            self.found.imports.append(value)
        elif isinstance(value, str) and "." in value and value in self.house.beside(self.path.parent):
            self.found.files.append(self.path.with_name(value))

    def called(self, node: ast.Call) -> None:
        """A call, by the last word of what is called."""
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        first = node.args[0] if node.args else None
        if name in ("import_module", "__import__"):
            self.imported(node, first)
        elif name in _BY_OTHER_MEANS:
            self.lose(node, f"{name} opens what cannot be followed")
        elif name in self.house.openers:
            self.plugged_in(node, first)

    def imported(self, node: ast.Call, name: ast.expr | None) -> None:
        """A call of `import_module`: of a constant name, or of a file of one room."""
        parts = name.values if isinstance(name, ast.JoinedStr) else [name]
        start = parts[0].value if isinstance(parts[0], ast.Constant) else ""
        if not isinstance(start, str) or "." not in start:
            self.lose(node, "import_module opens what cannot be followed")
        elif start.startswith("masr.") and isinstance(name, ast.JoinedStr):
            room = start.rpartition(".")[0]
            if room != "masr" and len(parts) == 2 and start.endswith(".") and self.house.module_files(room):
                self.found.rooms.append(room)
            elif self.path != self.house.package / "plugins.py":
                self.lose(node, 'a file of a room is opened as import_module(f"masr.ROOM.{name}")')

    def plugged_in(self, node: ast.Call, room: ast.expr | None) -> None:
        """A call of what takes a room in masr/plugins.py, or bears its name."""
        is_opener = (isinstance(node.func, ast.Name) and node.func.id in self.of_plugins) or (
            isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in self.of_plugins
        )
        if isinstance(room, ast.Constant) and isinstance(room.value, str):
            if (self.house.package / room.value / "__init__.py").is_file():
                self.found.rooms.append(f"masr.{room.value}")
            elif is_opener:
                self.trouble(node, f"there is no room {room.value!r}")
        elif is_opener:
            self.lose(node, "the room of a plug-in is to be written as a constant")

    def lose(self, node: ast.Call, what: str) -> None:
        """Notes a call that opens nobody knows what."""
        self.found.is_lost = True
        self.trouble(node, what)

    def trouble(self, node: ast.Call, what: str) -> None:
        self.found.troubles.append(f"{self.path.relative_to(self.house.root)}:{node.lineno}: {what}")


def _below(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a node that may open something: no docstring, and nothing for type checkers alone."""
    names: Iterable[str] = node._fields
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        names = ("orelse",)
    for name in names:
        value = getattr(node, name, None)
        if isinstance(value, list):
            yield from (other for other in value if isinstance(other, ast.AST) and other._fields)
        elif isinstance(value, ast.AST) and value._fields:
            yield value


def verbs_in(script: Path) -> list[tuple[str, str]]:
    """(verb, word after it) for each call of masr in a shell script."""
    return _VERB_IN_SHELL.findall(_without_comments(script))


def _without_comments(script: Path) -> str:
    lines = script.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def _configs(paths: Iterable[Path]) -> Iterator[str]:
    """The texts of the YAML files among these paths, of those they begin from, and of the runs among the folders."""
    waiting = [config for path in paths for config in ([path] if not path.is_dir() else _of_runs(path))]
    seen: set[Path] = set()
    while waiting:
        path = waiting.pop().resolve()
        if path in seen or path.suffix not in (".yaml", ".yml") or not path.is_file():
            continue
        seen.add(path)
        text = path.read_text(encoding="utf-8", errors="replace")
        yield text
        waiting += [path.parent / name for name in _BASE_IN_YAML.findall(text)]


def _of_runs(folder: Path) -> list[Path]:
    """Configurations of a run, or of the runs two folders deeper at most: exp/pretrain/MODEL/seed0/config.yaml."""
    return [path for depth in ("", "*/", "*/*/") for path in folder.glob(f"{depth}{_RUNS_CONFIG}")]


def _names_in(texts: Iterable[str]) -> Iterator[str]:
    """The plug-ins that configurations or options choose: `name: x`, `objective.name=x`."""
    for text in texts:
        yield from _NAME_IN_YAML.findall(text)
