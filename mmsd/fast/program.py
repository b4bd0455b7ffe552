"""What a scanner executes and what it answers: plain arrays, made by `logs.plan.compile`.

A record is tried with each form in turn; the first that fits is taken. A form is a run of steps; a step takes a field out of the
record (its `OP`) and turns it into cells (its `CONVERT`). Every build of the kernel reads these tables and nothing else.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

I64Array = npt.NDArray[np.int64]


class Op(enum.IntEnum):
    """How a step finds its field `[start, stop)` and where the next step goes on."""

    LITERAL = 0  # the literal stands here; no field
    UNTIL = 1  # up to the first occurrence of the literal in this line, which is passed over
    FIXED = 2  # `A` bytes
    COUNTED = 3  # as many bytes as cell `A` says, twice that when cell `B` is 1 or 2 (`B` −1: never, −2: always); the literal follows
    QUOTED = 4  # "…" with \" or "" inside; `A` = 1: may hold line feeds
    LAST = 5  # up to the last occurrence of the literal in this line
    REST = 6  # up to the end of this line
    OPTIONAL = 7  # the literal is passed over when it stands here; no field
    BLANKS = 8  # blanks and tabs are passed over; no field
    AGAIN = 9  # the previous step's field, read once more
    ATTRIBUTE = 10  # the value of a named line of a block
    LINES = 11  # up to the first literal that a line end follows, over line feeds: for raw text whose length nobody logs


class Convert(enum.IntEnum):
    """What a field becomes: one int64 cell (uint64 seen as int64), URL two."""

    NONE = 0
    TIME = 1  # by a format, µs; fails on anything else
    INT = 2  # signed decimal, ≤ 18 digits; "" and "-" are −1; fails on anything else
    DIGITS = 3  # 1–18 digits, else 0
    ADDRESS = 4  # E.164 digits, or bit 63 and a hash; "" and "-" are 0
    ADDRESSES = 5  # comma-separated: one row each, all other cells equal
    HASH = 6  # keyed; "" is 0
    HASH_LOWER = 7  # of the ASCII lower case
    ENUM = 8  # one of the table's literals; fails on another unless there is a default
    ENUM_TYPE = 9  # the same after cutting at ";", trimming blanks and lower case: Content-Type
    HEX = 10  # hex digits with or without 0x, ≤ 15; "" and "-" are −1; fails on anything else
    IPV4 = 11  # dotted quad as a number, else 0
    URL = 12  # hash of the authority, hash of the path
    AUTHORITY = 13  # hash of host:port, lower case, without ":80"
    APN = 14  # hash of the lower case before ".mnc"
    PERCENT = 15  # percent-encoded bytes as a big-endian number, ≤ 7 of them; "" is −1


class Reason(enum.IntEnum):
    """Why a step failed."""

    LITERAL = 1  # the literal does not stand here
    UNTIL = 2  # the literal does not come in this line
    SHORT = 3  # the line is shorter than the field
    COUNT = 4  # the length is none, too large, or the literal does not follow there
    QUOTE = 5  # no opening or no closing quote
    TIME = 6
    NUMBER = 7
    UNKNOWN = 8  # not in the table
    TRAILING = 9  # the form ended before the line
    ATTRIBUTE = 10  # a line of a block that is no `Name = value`
    MISSING = 11  # a block without a required attribute
    UNINDENTED = 12  # a block that broke off: another began without a blank line


# columns of `Program.steps`
OP, LITERAL, LITERAL_LENGTH, A, B, CONVERT, CELL, TEXT, AFTER, AFTER_LENGTH, STOP, TABLE, TABLE_LENGTH, DEFAULT, CELL2, TEXT2 = range(16)
STEP_WIDTH: Final = 16

# columns of `Program.entries`
ENTRY, ENTRY_LENGTH, VALUE, FLAGS = range(4)
PREFIX: Final = 1  # entry flag: enough that the field begins so
IGNORE: Final = 2  # entry flag: the record is known and of no interest; form flag: the same for the whole form

NO_DEFAULT: Final = -(1 << 63)
TWICE: Final = -2  # `B` of a COUNTED step
LONGEST: Final = 1 << 17
"""Bytes a counted field may have; more is a damaged length, not a message."""

SPAN: Final = 1 << 14
"""Bytes a QUOTED or LINES field that runs over line feeds may have: what one damaged record can swallow, or cost."""

# columns of `Cells.rejects`
REASON, STEP, WHERE, START, END = range(5)


@dataclass(frozen=True, slots=True)
class Numbering:
    """How a national number becomes E.164: `country` 0 leaves it as it is.

    A number of `length` digits that begins with `lead` (−1: any) gets the country code; so does one behind the `trunk` digit (−1: none),
    which goes.
    """

    country: int = 0
    length: int = 0
    lead: int = -1
    trunk: int = -1

    def packed(self) -> I64Array:
        return np.array([self.country, self.length, self.lead, self.trunk], np.int64)


CHINA: Final = Numbering(86, length=11, lead=1, trunk=0)


@dataclass(frozen=True, slots=True)
class Program:
    """A plan as arrays. `steps` int64[n, STEP_WIDTH]; `forms` int64[k, 3] (first step, end, flags); `initial` int64[k, cells];
    `entries` int64[m, 4]; `literals` holds every text the tables point into; `numbering` int64[4].

    `attributes` int64[a, 3] (name, its length, step) makes it a program for blocks: form 0 reads the header line, ATTRIBUTE steps the
    rest. Step column `B` of an ATTRIBUTE = 1: a block without it is rejected. `slots` int32[2^n] finds them by `hash64(name, (0, 0))`.
    """

    steps: I64Array
    forms: I64Array
    initial: I64Array
    entries: I64Array
    literals: bytes
    numbering: I64Array
    attributes: I64Array
    slots: npt.NDArray[np.int32]

    @property
    def cells(self) -> int:
        return int(self.initial.shape[1])


@dataclass(frozen=True, slots=True)
class Cells:
    """What a scan found. All positions are indexes into the data.

    `out` int64[rows, cells]; `offsets` int64[rows] the record's first byte; `rejects` int64[n, 5] (reason, step, where it failed, the
    record's first byte and end); `consumed` where the next scan begins; `lines` records seen; `skipped` NUL bytes and blank lines.
    """

    out: I64Array
    offsets: I64Array
    rejects: I64Array
    consumed: int
    lines: int
    skipped: int
