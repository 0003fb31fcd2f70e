"""A trained model as Python users have it: `masr.load(DIR)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn, overload

import torch

from masr.errors import AudioError, DecodingError, UsageError
from masr.inference.decode import Decoder, build_decoder
from masr.inference.decode_config import DecodingConfig
from masr.inference.frame_sources import seconds_of
from masr.inference.identified import Identification, identification, refusal
from masr.inference.lid_windows import recording_windows
from masr.inference.load import Model
from masr.inference.speech import Channel, Speech, Taking, batches, named_error, recordings_of, require_encoded
from masr.inference.transcript import Transcript, transcript
from masr.io.frames import Grid
from masr.io.identity import identity
from masr.types import Batch

if TYPE_CHECKING:
    from masr.inference.emissions import Emitter
    from masr.inference.identify import Identifier

_BEST_PATH = DecodingConfig(search="greedy")


class SpeechModel(Model):
    """An encoder of speech and, where the run learnt such, what names languages or writes text on top of it.

    `encode`, `embed`, `identify` and `transcribe` take one thing or a list of things, and give one answer or a list of
    answers (`embed` one tensor), each of which is what it would be alone. A thing is the path of an audio file,
    (samples, rate), or an array, whose `rate` stands beside it. `resample` lets another rate than the model's be
    converted; `channel` says which of several is taken: a number from 0, "loudest", or "mix" for their mean.
    """

    def __init__(
        self,
        model: Model,
        open_identifier: Callable[[Model], Identifier],
        open_transcriber: Callable[[Model], Emitter],
    ) -> None:
        """Both are called once, when they are needed; CheckpointError where the run did not learn it."""
        super().__init__(model.encoder, model.features, model.norm, model.stats, model.device)
        self._open_identifier, self._open_transcriber = open_identifier, open_transcriber
        self._decoder: tuple[object, Decoder] | None = None

    @cached_property
    def grid(self) -> Grid:
        """When frames of `encode` are: the middle of frame n is at grid.start_sec + n * grid.shift_sec."""
        exact = seconds_of(self.encoder)
        return Grid(round(exact.shift_sec, 9), round(exact.start_sec, 9))

    @overload  # a string is a sequence of strings too, and counts as one
    def identify(  # type: ignore[overload-overlap]
        self,
        speech: Speech,
        rate: float | None = ...,
        top: int | None = ...,
        *,
        resample: bool = ...,
        channel: Channel | None = ...,
    ) -> Identification: ...
    @overload
    def identify(
        self,
        speech: Sequence[Speech],
        rate: float | None = ...,
        top: int | None = ...,
        *,
        resample: bool = ...,
        channel: Channel | None = ...,
    ) -> list[Identification]: ...
    def identify(
        self,
        speech: Speech | Sequence[Speech],
        rate: float | None = None,
        top: int | None = None,
        *,
        resample: bool = False,
        channel: Channel | None = None,
    ) -> Identification | list[Identification]:
        """The languages that a recording may be in, the likeliest first: `top` of them, or all.

        As `masr identify`, which takes any rate, and mixes channels: resample=True, channel="mix".
        """
        if top is not None and top < 1:
            raise UsageError(f"top={top} is less than 1", fix="give how many languages you want, or leave it out")
        alone, recordings = recordings_of(speech, rate, Taking(resample, channel))
        model = self._identifier

        def refuse(item: int, error: AudioError) -> NoReturn:
            raise named_error(recordings[item], error) from None

        windows = recording_windows(recordings, model.geometry, model.max_frames, refuse)
        found: dict[int, Identification] = {}
        for one in model.identify(windows, are_frames=False):
            if error := refusal(one):
                raise named_error(recordings[one.item], error)
            found[one.item] = identification(one, model.languages, top)
        return found[0] if alone else [found[item] for item in range(len(recordings))]

    @overload  # a string is a sequence of strings too, and counts as one
    def transcribe(  # type: ignore[overload-overlap]
        self,
        speech: Speech,
        rate: float | None = ...,
        decoding: DecodingConfig = ...,
        *,
        resample: bool = ...,
        channel: Channel | None = ...,
    ) -> Transcript: ...
    @overload
    def transcribe(
        self,
        speech: Sequence[Speech],
        rate: float | None = ...,
        decoding: DecodingConfig = ...,
        *,
        resample: bool = ...,
        channel: Channel | None = ...,
    ) -> list[Transcript]: ...
    def transcribe(
        self,
        speech: Speech | Sequence[Speech],
        rate: float | None = None,
        decoding: DecodingConfig = _BEST_PATH,
        *,
        resample: bool = False,
        channel: Channel | None = None,
    ) -> Transcript | list[Transcript]:
        """What is said: the best path, or what `decoding` searches for, whose keys are those of `masr decode`."""
        alone, recordings = recordings_of(speech, rate, Taking(resample, channel))
        emitter, decoder = self._emitter, self._decoder_of(decoding)
        found: dict[int, Transcript] = {}
        for rows, samples, lengths in batches(recordings, self.sample_rate):
            heard = [recordings[row] for row in rows]
            batch = Batch(tuple(one.name for one in heard), samples, lengths, torch.zeros(len(rows), dtype=torch.int64))
            emissions = emitter.emissions(emitter.featurised(batch))
            require_encoded(heard, torch.tensor([len(one) for one in emissions]))
            for row, one in zip(rows, emissions, strict=True):
                try:
                    found[row] = transcript(decoder.decode(one), emitter.frame_shift_sec)
                except DecodingError as error:
                    raise named_error(recordings[row], error) from None
        return found[0] if alone else [found[place] for place in range(len(recordings))]

    @cached_property
    def _identifier(self) -> Identifier:
        return self._open_identifier(self)

    @cached_property
    def _emitter(self) -> Emitter:
        return self._open_transcriber(self)

    def _decoder_of(self, config: DecodingConfig) -> Decoder:
        """The decoder that was used last, where neither its settings nor its files have changed."""
        key = config, [identity(path) for path in (config.lexicon, config.language_model) if path is not None]
        if self._decoder is None or self._decoder[0] != key:
            self._decoder = key, build_decoder(config, self._emitter.known_units())
        return self._decoder[1]
