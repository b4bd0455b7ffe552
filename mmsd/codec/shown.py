"""What `mmsd decode` prints of any format: every decoder that an engineer may ask has `show(data: bytes) -> Shown` beside it.

`show` raises DecodeError, and nothing else, when the bytes are not of its format at all; whatever it survived is a warning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from mmsd.errors import DecodeError


class Line(NamedTuple):
    """One thing found in the bytes: where it stands, its name, its value as people read it."""

    offset: int
    length: int  # in octets
    name: str
    text: str
    depth: int = 0  # of nesting


class Warned(NamedTuple):
    """What breaks a rule and was survived."""

    offset: int
    text: str
    clause: str  # that it breaks


@dataclass(frozen=True, slots=True)
class Shown:
    """Bytes, decoded: for programs (`values`, JSON types only: what goes to --json beside "warnings") and for people (`lines`)."""

    values: dict[str, Any]
    lines: tuple[Line, ...]
    warnings: tuple[Warned, ...] = ()


def warnings(faults: Iterable[DecodeError]) -> tuple[Warned, ...]:
    """The faults a decoder survived, as warnings.

    >>> warnings([DecodeError("text without its quote", offset=7, clause="WAP-230 8.4.2.1")])
    (Warned(offset=7, text='text without its quote', clause='WAP-230 8.4.2.1'),)
    """
    return tuple(Warned(fault.offset, fault.reason, fault.clause) for fault in faults)


def one_line(value: object) -> str:
    """A value as one line of text.

    >>> one_line({"a": 1, "b": 2}), one_line([1, 2])
    ('a 1, b 2', '1, 2')
    """
    match value:
        case dict():
            return ", ".join(f"{name} {told}" for name, told in value.items())
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)
