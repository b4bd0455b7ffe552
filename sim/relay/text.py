"""Lines of text from columns: every field is a matrix of its widest form, with NUL octets where a value is shorter; they go at the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_HEX: Final = np.array([list(b"%02X" % octet) for octet in range(256)], np.uint8)


def table(words: Sequence[bytes]) -> Bytes:
    """Words as rows of one width, to be chosen from by number.

    >>> table([b"GET", b"POST"]).shape
    (2, 4)
    """
    width = max(map(len, words)) or 1
    return np.array([list(word.ljust(width, b"\0")) for word in words], np.uint8)


def digits(values: Ints, width: int, *, trim: bool = False) -> Bytes:
    """Decimal digits with leading zeros; `trim`: NUL instead of them, but for a last zero.

    >>> bytes(digits(np.array([42]), 4)[0]), bytes(digits(np.array([42]), 4, trim=True)[0])
    (b'0042', b'\\x00\\x0042')
    """
    found = np.empty((len(values), width), np.uint8)
    left = values.astype(np.int64)
    for place in range(width - 1, -1, -1):
        left, digit = np.divmod(left, 10)
        found[:, place] = digit + ord("0")
    if trim:
        leading = np.cumsum(found != ord("0"), axis=1) == 0
        leading[:, -1] = False
        found[leading] = 0
    return found


def hexadecimal(octets: Bytes) -> Bytes:
    """Two capital digits an octet."""
    return _HEX[octets].reshape(len(octets), -1)


def clock(seconds: Ints, form: str, ahead: int) -> Bytes:
    """Seconds UTC as local time, `ahead` seconds ahead of it, in a format of fixed width; each second is spelled once."""
    distinct, places = np.unique(seconds, return_inverse=True)
    spelled = [datetime.fromtimestamp(second + ahead, UTC).strftime(form).encode() for second in distinct.tolist()]
    return table(spelled)[places]


def lines(count: int, *parts: bytes | Bytes) -> list[bytes]:
    """One line a row, without its line feed; literals and matrices of `count` rows side by side."""
    if not count:
        return []
    widths = [len(part) if isinstance(part, bytes) else part.shape[1] for part in parts]
    text = np.empty((count, sum(widths) + 1), np.uint8)
    at = 0
    for part, width in zip(parts, widths, strict=True):
        text[:, at : at + width] = np.frombuffer(part, np.uint8) if isinstance(part, bytes) else part
        at += width
    text[:, at] = ord("\n")
    flat = text.reshape(-1)
    spelled: bytes = flat[flat != 0].tobytes()
    return spelled.split(b"\n")[:-1]
