"""`masr` without its start: a server that has everything imported forks one process for each call.

A recipe calls masr some fifty times, and each start takes seconds. Here the program of that name on the PATH hands its
arguments, folder, environment and standard streams to the server and ends as the forked process does; what runs is
masr.cli.main, as ever. Each process notes every file that it, or a process that it starts by fork, opens or renames:
The trace of a call in TRACES begins with the folder and the arguments of the stage that it runs for (utils/stage.py);
then comes a line for each file.

  python forked.py SOCKET TRACES
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

CLIENT = """\
#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    call = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ), os.getpid()]).encode()
    socket.send_fds(server, [b"%16d" % len(call)], [0, 1, 2])
    server.sendall(call)
    code = server.recv(8)
sys.exit(int(code) if code else 139)
"""


NOTING = [True]
"""Empty while opened files are not read."""


def write_client(program: Path, path: Path) -> None:
    """The program that stands for `masr` and asks the server at `path`."""
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(CLIENT.format(python=sys.executable, path=str(path)))
    program.chmod(0o755)


def serve(path: Path, traces: Path) -> None:
    """Until it is killed."""
    import safetensors
    import safetensors.torch

    import masr.analysis
    import masr.api
    import masr.cli.main
    import masr.inference.cluster
    import masr.inference.extract
    import masr.training.assemble  # noqa: F401
    from masr.io.datadir import DataDir, directory

    def told_open(file: Any, *args: Any, **kwargs: Any) -> Any:
        sys.audit("open", file, "r", os.O_RDONLY)  # it is opened outside of Python
        return really_open(file, *args, **kwargs)

    def told_table(data: Any, name: str) -> Any:
        if data.has(name):
            sys.audit("open", data.folder / name, "r", os.O_RDONLY)
        return really_table(data, name)

    def quiet_views(folder: Path, names: list[str]) -> Any:
        NOTING.clear()  # an index opens all tables of a directory; what is read are those that are asked for
        try:
            return really_views(folder, names)
        finally:
            NOTING.append(True)

    really_open, really_table, really_views = safetensors.safe_open, DataDir.table, directory.open_views
    safetensors.safe_open = safetensors.torch.safe_open = told_open  # type: ignore[assignment, misc]
    DataDir.table, directory.open_views = told_table, quiet_views  # type: ignore[assignment, method-assign]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                name = f"{time.time_ns()}.{os.getpid()}.trace"  # the number alone comes again, once all were given
                answer(connection, traces / name)
            connection.close()


def answer(connection: socket.socket, trace: Path) -> None:
    """Runs one call; never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, _, _ = socket.recv_fds(connection, 16, 3)
    call = b""
    while len(call) < int(head):
        call += connection.recv(int(head) - len(call))
    arguments, folder, environment, client = json.loads(call)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())  # whoever kills the client kills this
    fcntl.fcntl(connection, fcntl.F_SETSIG, signal.SIGTERM)
    fcntl.fcntl(connection, fcntl.F_SETFL, fcntl.fcntl(connection, fcntl.F_GETFL) | os.O_ASYNC)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["masr", *arguments]
    note_files(trace, *stage_above(client))
    code = 1
    try:
        from masr.cli.main import main

        code = main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        connection.sendall(b"%d" % code)
    os._exit(code)


def stage_above(pid: int) -> tuple[list[str], str]:
    """The arguments and the folder of the nearest process above `pid` that is a stage; empty where none is."""
    while pid > 1:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
        for place, word in enumerate(words[:4]):
            if Path(word).name == "stage.py":
                return words[place + 1 :], str(Path(f"/proc/{pid}/cwd").readlink())
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return [], ""


def note_files(trace: Path, stage: list[str], folder: str) -> None:
    """Notes every file that is opened or renamed from now on as a line: r or w, a tab, its path as JSON."""
    log = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
    os.write(log, json.dumps([folder, stage]).encode() + b"\n")

    def note(kind: str, path: object) -> None:
        if NOTING and isinstance(path, str | bytes | os.PathLike):
            whole = os.path.normpath(Path.cwd() / os.fsdecode(path))
            os.write(log, f"{kind}\t{json.dumps(whole)}\n".encode())

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            written = isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            note("w" if written else "r", args[0])
        elif event == "os.rename":
            note("w", args[1])

    sys.addaudithook(hook)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]))
