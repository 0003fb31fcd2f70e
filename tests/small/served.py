"""A folder behind an address of this machine, with and without ranges of bytes."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Answers(BaseHTTPRequestHandler):
    """Files of a folder, and parts of them where the server serves ranges."""

    server: Any

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        path = self.server.folder / self.path.lstrip("/")
        if self.server.failures > 0:
            self.server.failures -= 1
            self.send_error(self.server.failure)
            return
        if not path.is_file():
            self.send_error(404)
            return
        data, wanted = path.read_bytes(), self.headers.get("Range")
        self.server.asked.append(f"{self.command} {wanted or 'all'}")
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "") if self.server.ranges else None
        first, last = (int(part[1]), min(int(part[2] or len(data) - 1), len(data) - 1)) if part else (0, len(data) - 1)
        self.send_response(206 if part else 200)
        if self.server.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if part:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        if body:
            self.wfile.write(data[first : last + 1])

    def log_message(self, *_: object) -> None:
        """Nothing on the screen."""


@contextmanager
def served(folder: Path, ranges: bool = True, failures: int = 0, failure: int = 503) -> Iterator[tuple[str, list[str]]]:
    """An address under which a folder's files are, and the ranges that were asked for; the first requests fail."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    vars(server).update(folder=folder, ranges=ranges, failures=failures, failure=failure, asked=asked)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", asked
    finally:
        server.shutdown()
        server.server_close()
