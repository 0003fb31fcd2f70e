"""The process that holds eSpeak NG. `masr.synth.espeak` starts it; nobody imports it.

The library carries state from one utterance to the next and seeds its noise by the clock, so the same call gives
other samples each time. Here every utterance is spoken by a fresh fork with a fixed seed: same input, same samples,
whatever came before; and a text that crashes the library takes down only its own fork.

One JSON request a line on standard input; on standard output a JSON header line, then `bytes` bytes of int16 samples.
Only the standard library is imported, so that a fork costs a fraction of a millisecond.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

_SYNCHRONOUS = 2
_PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 1, 2, 0x8000
_UTF8 = 1
_WORD, _PHONEME = 1, 7
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_SEED = 1


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


class Library:
    """eSpeak NG with its voices loaded; `speak` may be called once, in a fork."""

    def __init__(self, library: str, folder: str) -> None:
        self.espeak = ctypes.CDLL(library)
        self.libc = ctypes.CDLL(None)
        options = _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
        self.rate = int(self.espeak.espeak_Initialize(_SYNCHRONOUS, 0, folder.encode(), options))
        self.samples = bytearray()
        self.phones: list[tuple[int, str]] = []
        self.words: list[tuple[int, int, int]] = []
        self.callback = _Callback(self.receive)
        self.espeak.espeak_SetSynthCallback(self.callback)

    def receive(self, samples: int | None, count: int, events: Any) -> int:
        """Called by the library with each piece of audio and the events that lie in it."""
        if samples and count > 0:
            self.samples += ctypes.string_at(samples, 2 * count)
        index = 0
        while events[index].type != 0:
            event = events[index]
            if event.type == _PHONEME:
                self.phones.append((event.sample, event.id.string.decode("utf-8", "replace")))
            elif event.type == _WORD:
                self.words.append((event.sample, event.text_position - 1, event.length))
            index += 1
        return 0

    def speak(self, request: dict[str, Any]) -> dict[str, Any]:
        """The header for one request; the samples stay in `self.samples`."""
        if self.espeak.espeak_SetVoiceByName(request["voice"].encode()) != 0:
            return {"error": "voice"}
        for parameter, key in ((_RATE, "words_per_min"), (_PITCH, "pitch"), (_RANGE, "pitch_range")):
            self.espeak.espeak_SetParameter(parameter, request[key], 0)
        self.espeak.espeak_SetParameter(_VOLUME, 100, 0)
        self.libc.srand(_SEED)
        text = request["text"].encode("utf-8")
        self.espeak.espeak_Synth(text, len(text) + 1, 0, 1, 0, _UTF8, None, None)
        return {"rate": self.rate, "phones": self.phones, "words": self.words, "bytes": len(self.samples)}


def answer(library: Library, line: bytes) -> None:
    """Answers one request from a fork of its own."""
    child = os.fork()
    if child == 0:
        header = library.speak(json.loads(line))
        if not header.get("bytes"):
            library.samples.clear()
        _write(json.dumps(header).encode() + b"\n" + bytes(library.samples))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status != 0:
        _write(b'{"error": "crash"}\n')


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def main() -> None:
    """Serves until standard input closes."""
    library = Library(sys.argv[1], str(Path(sys.argv[2]).parent))
    _write(json.dumps({"rate": library.rate}).encode() + b"\n")
    if library.rate > 0:
        for line in sys.stdin.buffer:
            answer(library, line)


if __name__ == "__main__":
    main()
