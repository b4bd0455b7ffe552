"""BER records of charging files taken apart, in plain Python: the specification of the compiled walk.

`walk` knows no record type. It finds where records begin (with or without the CDR header of TS 32.297 6.1.2, padding between them),
and lays each out as a flat list of its primitive values, each with the tags that lead to it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

RECORD_LIMIT: Final = 1 << 18
"""Octets of one record: four times what a CDR header can announce."""

HEAD: Final = 16
"""Octets that tell whether a record begins: with fewer, and more to come, `walk` waits."""

DEPTH_LIMIT: Final = 16
PATH_DEPTH: Final = 7
"""Tags a path holds; what lies deeper has the path of its ancestor at that depth."""

BAD_TAG, BAD_LENGTH, TOO_DEEP, TOO_LONG, CUT_SHORT = range(1, 6)
REASONS: Final = {
    BAD_TAG: "no record begins here",
    BAD_LENGTH: "a length runs past the end of what holds it",
    TOO_DEEP: "nested too deeply",
    TOO_LONG: "the record is too long",
    CUT_SHORT: "the record does not end",
}
"""What each fault says."""

OFFSET, TAG_AT, BODY, STOP, TAG, FIRST, RECORD_CELLS = range(7)
"""Columns of `Walk.records`. A record's values are `leaves[first : first of the next record]`."""

RECORD, PATH, START, END, LEAF_CELLS = range(5)
"""Columns of `Walk.leaves`. What is constructed of nothing is a leaf, too."""

FAULT, FAULT_OFFSET, FAULT_AT, FAULT_CELLS = range(4)
"""Columns of `Walk.faults`: a key of REASONS, where the record began, where it broke."""

_CONSTRUCTED: Final = 0x20
_CLASS: Final = 0xC0
_CONTEXT: Final = 0x80
_FOREIGN: Final = 0xA0  # context-specific, constructed: a record, though of another kind than MMS
_HIGH: Final = 0x1F
_MOST: Final = 0x3F  # of a tag number within a path's octet
_INDEFINITE: Final = -1
_MORE: Final = -2  # the header goes on behind the data
_BAD: Final = -3


class Walk(NamedTuple):
    """What `walk` found; int64 arrays of the columns named above. Offsets count from the start of `data`."""

    records: npt.NDArray[np.int64]
    leaves: npt.NDArray[np.int64]
    faults: npt.NDArray[np.int64]
    consumed: int
    skipped: int  # octets of padding


def _header(data: bytes, at: int, stop: int) -> tuple[int, int, int]:
    """(tag number, place of the content, length of the content or a negative sign) of the identifier and length octets at `at`.

    X.690 8.1.2 and 8.1.3; tag numbers up to 2²¹−1, lengths up to 2³²−1.
    """
    if at >= stop:
        return 0, at, _MORE
    tag = data[at] & _HIGH
    at += 1
    if tag == _HIGH:
        tag = 0
        for count in range(4):
            if at >= stop:
                return 0, at, _MORE
            if count == 3:
                return 0, at, _BAD
            octet = data[at]
            at += 1
            tag = tag << 7 | octet & 0x7F
            if octet < 0x80:
                break
    if at >= stop:
        return tag, at, _MORE
    length = data[at]
    at += 1
    if length < 0x80:
        return tag, at, length
    if length == 0x80:
        return tag, at, _INDEFINITE
    octets = length & 0x7F
    if octets > 4:
        return tag, at, _BAD
    if at + octets > stop:
        return tag, at, _MORE
    return tag, at + octets, int.from_bytes(data[at : at + octets], "big")


def _begins(data: bytes, at: int, stop: int) -> bool:
    """Whether an MMS record (tags 30 to 62) may begin here: its tag, its length, and a context tag as its first field's."""
    if at + 2 > stop or not (data[at] == 0xBE or (data[at] == 0xBF and 0x1F <= data[at + 1] <= 0x3E)):
        return False
    _, body, length = _header(data, at, stop)
    return _INDEFINITE <= length <= RECORD_LIMIT and (body >= stop or data[body] & _CLASS == _CONTEXT)


def _framed(data: bytes, at: int, stop: int, lost: bool) -> int:
    """The length of the CDR header at `at`, 0 when there is none. Its length must be that of the record behind it.

    Who is `lost` takes a header only before a record of MMS.
    """
    if at + 6 > stop:
        return 0
    size = 5 if data[at + 2] >> 5 == 7 else 4
    if data[at + 3] >> 5 != 1 or data[at + size] & (_CLASS | _CONSTRUCTED) != _FOREIGN or (lost and not _begins(data, at + size, stop)):
        return 0
    framed = data[at] << 8 | data[at + 1]
    _, body, length = _header(data, at + size, stop)
    whole = body - (at + size) + length
    return size if length == _INDEFINITE or (length >= 0 and whole == framed) else 0


def walk(data: bytes, start: int, final: bool) -> Walk:
    """The whole records of `data` from `start` on. A record that breaks is a fault, and the next one that may begin is looked for.

    What is unfinished at the end is not consumed, unless `final`. Linear in the length of `data`.
    """
    records: list[tuple[int, ...]] = []
    leaves: list[tuple[int, ...]] = []
    faults: list[tuple[int, ...]] = []
    stop = len(data)
    at, skipped = start, 0
    lost = False  # looking for a record behind a fault
    while at < stop and (final or stop - at >= HEAD):
        frame = _framed(data, at, stop, lost)
        if not frame and not _begins(data, at, stop):
            if not lost and data[at] in (0x00, 0xFF):
                at, skipped = at + 1, skipped + 1
                continue
            if lost or data[at] & (_CLASS | _CONSTRUCTED) != _FOREIGN:
                if not lost:
                    faults.append((BAD_TAG, at, at))
                at, lost = at + 1, True
                continue
        tag_at = at + frame
        tag, body, length = _header(data, tag_at, stop)
        if length == _BAD or length > RECORD_LIMIT:
            faults.append((BAD_LENGTH if length == _BAD else TOO_LONG, at, tag_at))
            at, lost = tag_at + 1, True
            continue
        end = body + length if length >= 0 else _INDEFINITE
        if length == _MORE or end > stop:
            if final:
                faults.append((CUT_SHORT, at, tag_at))
                at = stop
            break
        bound = end if end >= 0 else min(stop, body + RECORD_LIMIT)
        first = len(leaves)
        after, code = _leaves(data, body, end, bound, len(records), leaves)
        if not code:
            records.append((at, tag_at, body, end if end >= 0 else after - 2, tag, first))
            at, lost = after, False
            continue
        del leaves[first:]
        if code == CUT_SHORT:
            if end < 0 and bound == stop and bound - body < RECORD_LIMIT:
                if final:
                    faults.append((CUT_SHORT, at, after))
                    at = stop
                break
            code = BAD_LENGTH if end >= 0 else TOO_LONG
        faults.append((code, at, after))
        at, lost = (end, False) if end >= 0 else (max(after, tag_at + 1), True)
    return Walk(_table(records, RECORD_CELLS), _table(leaves, LEAF_CELLS), _table(faults, FAULT_CELLS), at, skipped)


def _leaves(data: bytes, at: int, end: int, bound: int, record: int, leaves: list[tuple[int, ...]]) -> tuple[int, int]:
    """Appends the primitive values of one record's content: (place behind the record, 0), or (where it broke, a fault).

    `end` is −1 where two NUL octets end the record; nothing of it lies behind `bound`.
    """
    ends, paths = [end], [0]
    while True:
        end = ends[-1]
        limit = next((held for held in reversed(ends) if held >= 0), bound)
        closed = end == at
        if end < 0 and at + 2 <= limit and data[at] == 0 and data[at + 1] == 0:  # X.690 8.1.5
            at, closed = at + 2, True
        if closed:
            ends.pop()
            paths.pop()
            if not ends:
                return at, 0
            continue
        tag, body, length = _header(data, at, limit)
        if length == _BAD:
            return at, BAD_LENGTH
        if length == _MORE or (length >= 0 and body + length > limit):
            return at, CUT_SHORT if limit == bound else BAD_LENGTH
        depth = len(paths) - 1
        path = paths[-1]
        if depth < PATH_DEPTH:
            path |= (data[at] & _CLASS | min(tag, _MOST)) << 8 * depth
        if length == _INDEFINITE and data[body : body + 2] == b"\0\0" and body + 2 <= limit and data[at] & _CONSTRUCTED:
            leaves.append((record, path, body, body))
            at = body + 2
        elif length == 0 or (length > 0 and not data[at] & _CONSTRUCTED):
            leaves.append((record, path, body, body + length))
            at = body + length
        elif data[at] & _CONSTRUCTED:
            if depth + 1 >= DEPTH_LIMIT:
                return at, TOO_DEEP
            ends.append(body + length if length >= 0 else _INDEFINITE)
            paths.append(path)
            at = body
        else:  # X.690 8.1.3.2: a primitive value has a definite length
            return at, BAD_LENGTH


def _table(rows: list[tuple[int, ...]], cells: int) -> npt.NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(len(rows), cells)
