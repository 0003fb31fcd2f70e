"""Balanced batches: P labels x K utterances that a stream mines, and beside them utterances that have no label.

Those without are there for the speech loss. They come in rounds, each once before any comes again; how many a step has
and which is a function of (seed, step) alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from masr.data.grouping import Groups, Int64Array
from masr.data.sharing import Share, alone
from masr.errors import DataError

if TYPE_CHECKING:
    from masr.data.batch_config import Config

_LABELLED, _HALVES, _ROUND, _TRIAL = 2, 3, 4, 5
_TRIAL_STEPS = 200
"""Steps that are tried to tell how many labelled utterances a step has, which those without a label are measured by."""


class Balanced:
    """The plan of all steps; `at(step)` gives the places of one step's utterances."""

    def __init__(self, groups: Groups, lengths: Int64Array, config: Config, seed: int, share: Share = alone) -> None:
        """`lengths`, (N,), are those after cropping."""
        self.groups, self.lengths, self.config, self.seed, self.share = groups, lengths, config, seed, share
        self.most_labels = min(config.labels_per_batch, len(groups.members))
        self.per_step = 0.0
        """Utterances without a label in a step, on average."""
        labelled, rest = sum(map(len, groups.members)), len(groups.rest)
        unlabelled = rest / (labelled + rest) if config.unlabelled_share is None else config.unlabelled_share
        if unlabelled:
            self.most_labels, self.per_step = self._mixed(unlabelled)
        whole = self.share(lambda: [np.random.default_rng([seed, _HALVES]).permutation(groups.rest)])[0]
        self._halves = np.array_split(whole, 2)
        self._rounds: dict[int, Int64Array] = {}

    def at(self, step: int) -> Int64Array:
        """Labelled utterances, then those without; whole labels are left out where the budget would be exceeded."""
        beside = self.unlabelled(step)
        taken = self._labelled(step)
        totals, longest = self._costs(taken)
        room = self._fitting(totals, longest, np.array(len(beside)), self.lengths[beside].max(initial=0))
        count = min(int(room), self.most_labels)
        if count < 2:
            raise DataError(
                f"step {step}: fewer than two labels fit into batch_frames ({self.config.batch_frames})",
                fix="raise batching.batch_frames, or lower batching.utterances_per_label or batching.max_frames",
            )
        return np.concatenate([*taken[:count], beside])

    def unlabelled(self, step: int) -> Int64Array:
        """Places of the step's utterances without a label: the next ones of an endless row of rounds."""
        size, first, last = len(self.groups.rest), int(step * self.per_step), int((step + 1) * self.per_step)
        if first == last:
            return self.groups.rest[:0]
        numbers = range(first // size, (last - 1) // size + 1)
        self._rounds = {number: self._round(number) for number in numbers}
        cuts = [self._rounds[n][max(0, first - n * size) : last - n * size] for n in numbers]
        return np.concatenate(cuts)

    def _round(self, number: int) -> Int64Array:
        """All of them in an order of its own; first always the same half, so that no step has one twice at the seam.

        A step that takes more than half of them leaves no choice: there every round has the same order.
        """
        if number in self._rounds:
            return self._rounds[number]
        again = self.per_step > len(self.groups.rest) // 2
        random = np.random.default_rng([self.seed, _ROUND, 0 if again else number])
        return self.share(lambda: [np.concatenate([random.permutation(half) for half in self._halves])])[0]

    def _labelled(self, step: int) -> list[Int64Array]:
        """P labels and of each K utterances, or all of a smaller label."""
        random = np.random.default_rng([self.seed, _LABELLED, step])
        members, most = self.groups.members, self.config.utterances_per_label
        count = min(self.config.labels_per_batch, len(members))
        chosen = random.choice(len(members), count, replace=False, p=self.groups.shares)
        return [random.choice(members[label], min(most, len(members[label])), replace=False) for label in chosen]

    def _costs(self, taken: list[Int64Array]) -> tuple[Int64Array, Int64Array]:
        """(P,) utterances and the longest of them, up to each label."""
        longest = [self.lengths[some].max() for some in taken]
        return np.cumsum([len(some) for some in taken]), np.maximum.accumulate(longest)

    def _fitting(
        self, totals: Int64Array, longest: Int64Array, beside: Int64Array, beside_longest: Int64Array
    ) -> Int64Array:
        """(...) how many labels the budget holds, beside utterances without a label.

        (..., P) are utterances up to each label and the longest of them, (...) those beside and the longest of those.
        """
        totals = totals + beside[..., None]
        frames = np.maximum(longest, np.asarray(beside_longest)[..., None]) * totals
        fits = (frames <= self.config.batch_frames) & (totals <= self.config.max_utterances)
        count: Int64Array = fits.sum(axis=-1)
        return count

    def _mixed(self, share: float) -> tuple[int, float]:
        """How many labels a step has at most, and how many utterances without a label on average, to give them `share`.

        As many labels as leave room, in every step, for two labels and those without.
        """
        members, rest, config = self.groups.members, self.groups.rest, self.config
        if not len(rest):
            raise DataError(
                f"batching.unlabelled_share is {share}, and every utterance has a label of {config.stream!r}",
                fix="leave batching.unlabelled_share out, or set it to 0",
            )
        two = 2 * min(config.utterances_per_label, max(map(len, members)))
        longest = int(self.lengths[np.concatenate([*members, rest])].max())
        held = min(config.max_utterances, config.batch_frames // longest)
        room = max(0, min(held - two, len(rest)))
        trial = self._trial(room)
        for labels in range(self.most_labels if room else 0, 1, -1):
            if self._shares(trial, labels, room) >= share:
                return labels, self._solved(trial, labels, room, share)
        raise DataError(
            f"{share:.0%} of a step's utterances would be without a label of {config.stream!r}, and they do not fit",
            why=f"a step holds {held} utterances of {longest} frames: beside {two} of two labels there is room for "
            f"{room} of the {len(rest)} without a label",
            fix=f"set batching.unlabelled_share to at most {room * 100 // (room + two) / 100}, raise "
            "batching.batch_frames or batching.max_utterances, or lower batching.utterances_per_label",
        )

    def _trial(self, most: int) -> _Trial:
        costs = [self._costs(self._labelled(step)) for step in range(_TRIAL_STEPS)]
        random = np.random.default_rng([self.seed, _TRIAL])
        beside = self.lengths[random.choice(self.groups.rest, (_TRIAL_STEPS, most + 1))]
        beside[:, 0] = 0
        totals, longest = (np.stack(column) for column in zip(*costs, strict=True))
        return _Trial(totals, longest, np.maximum.accumulate(beside, axis=1))

    def _shares(self, trial: _Trial, labels: int, per_step: float) -> float:
        """The share of utterances without a label where `per_step` of them stand beside at most `labels` labels."""
        rows, ends = np.arange(_TRIAL_STEPS), (np.arange(_TRIAL_STEPS + 1) * per_step).astype(np.int64)
        beside = ends[1:] - ends[:-1]
        count = np.minimum(self._fitting(trial.totals, trial.longest, beside, trial.beside[rows, beside]), labels)
        mean = float(np.where(count > 0, trial.totals[rows, count - 1], 0).mean())
        return per_step / (per_step + mean)

    def _solved(self, trial: _Trial, labels: int, most: float, share: float) -> float:
        """How many utterances without a label have to stand in a step, on average, to have that share."""
        low, high = 0.0, float(most)
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (low, middle) if self._shares(trial, labels, middle) >= share else (middle, high)
        return high


class _Trial(NamedTuple):
    """What some steps would cost: T steps, P labels, up to M utterances beside them."""

    totals: Int64Array
    """(T, P) utterances up to each label."""
    longest: Int64Array
    """(T, P) the longest of them."""
    beside: npt.NDArray[np.int64]
    """(T, M + 1) the longest of so many without a label."""
