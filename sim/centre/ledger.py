"""What the centre took, a line of JSON for each submit and receiver, appended and never changed: the truth about "sent once"."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import msgspec

from sim.centre.values import Part


class Line(msgspec.Struct, frozen=True):
    """One line; `at` is µs UTC, `data` and `udh` are hex."""

    at: int
    number: int
    id: str  # as the answer spelled it
    account: str
    sender: str
    receiver: str
    text: str | None  # None for octets
    data: str
    udh: str
    coding: int
    reference: int | None
    part: int
    parts: int
    fault: str  # that met the submit on purpose; "" = none


def line(part: Part) -> Line:
    """The ledger's line about a part."""
    submit = part.submit
    concat = submit.header.concat
    return Line(
        part.at,
        part.number,
        part.identity,
        part.account,
        submit.sender,
        part.receiver,
        submit.text if submit.is_text else None,
        submit.data.hex(),
        submit.udh.hex(),
        submit.coding,
        submit.reference,
        concat.sequence if concat else 1,
        concat.total if concat else 1,
        part.fault,
    )


class Ledger:
    """Written through to the system with each line: a centre that is killed loses none. Without a path, nothing is written."""

    def __init__(self, path: Path | None) -> None:
        self.last = 0  # number of the newest line
        self._file: BinaryIO | None = None
        self._encoder = msgspec.json.Encoder()
        if path is not None:
            if path.exists():
                self.last = max((entry.number for entry in read(path)), default=0)
            self._file = path.open("ab", buffering=0)

    def write(self, part: Part) -> None:
        self.last = part.number
        if self._file is not None:
            self._file.write(self._encoder.encode(line(part)) + b"\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def read(path: Path) -> list[Line]:
    """The lines of a ledger; a last one without its end, of a centre that was killed, is left out."""
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return [msgspec.json.decode(entry, type=Line) for entry in whole.splitlines()]
