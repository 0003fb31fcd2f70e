"""The second column of a table as one array: where every row is an id, one blank and one word, no row is parsed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from masr.io.datadir.lines import ByteArray, IdArray, Lines

_NUMBER_BYTES = np.zeros(256, dtype=bool)
_NUMBER_BYTES[list(b"0123456789+-.eE\0")] = True
_LONGEST_NUMBER = 32
_EXACT_DIGITS = 15
"""Every whole number of so many digits is a float64."""
_WIDEST_WORD = 256


def word_column(lines: Lines) -> IdArray | None:
    """The word after each id, as bytes; None where some row has blanks, words or widths of its own."""
    lengths, blanks = lines.id_lengths()
    if not len(lines) or not lengths.all() or (blanks != 1).any():
        return None
    ends = lines.starts[1:] - (lines.buffer[lines.starts[1:] - 1] == ord("\n"))
    begins = lines.starts[:-1] + lengths + 1
    sizes = ends - begins
    if not sizes.all() or sizes.max() > _WIDEST_WORD:
        return None
    return lines.cut(begins, sizes, int(sizes.max()))


def plain_numbers(words: IdArray) -> npt.NDArray[np.float64] | None:
    """Words as numbers; None where some word is not written as a plain decimal."""
    if words.dtype == object or words.dtype.itemsize > _LONGEST_NUMBER or not len(words):
        return None
    digits = np.frombuffer(words.tobytes(), dtype=np.uint8).reshape(len(words), -1)
    if digits.shape[1] <= _EXACT_DIGITS and digits[:, 0].all() and ((digits - ord("0") < 10) | (digits == 0)).all():
        return _whole_numbers(digits)
    if not _NUMBER_BYTES[digits].all():
        return None
    try:
        return words.astype(np.float64)
    except ValueError:  # some word has the right characters in a wrong order
        return None


def _whole_numbers(digits: ByteArray) -> npt.NDArray[np.float64]:
    """Rows of digits, with zero bytes behind them, as numbers: column by column, as parsing each takes ten times it."""
    numbers = np.zeros(len(digits))
    for column in digits.T:
        numbers = np.where(column == 0, numbers, numbers * 10 + (column - float(ord("0"))))
    return numbers
