"""The operator's own list of subscribers: `msisdn,imei[,imsi][,city][,since]`, with or without a header line.

What separates the fields, whether they are quoted and what they mean is read from the first line; `shape` says what was found, or raises.
The lines then go through the same scanner as every log, so a number here is the number there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from mmsd.errors import ConfigError
from mmsd.logs.columns import hide_trails
from mmsd.logs.plan import CHINA, Field, Form, Numbering, Plan, address, compile_plan, digits, run, text
from mmsd.model import NOT_A_NUMBER, I64Array, Reject, TextColumn, U64Array

NAMES: Final[Mapping[str, frozenset[str]]] = {
    "msisdn": frozenset(("msisdn", "number", "phone", "phone_number", "mobile", "手机号", "手机号码", "用户号码")),
    "imei": frozenset(("imei", "imeisv", "imei_sv", "terminal", "终端", "终端串号")),
    "imsi": frozenset(("imsi",)),
    "city": frozenset(("city", "region", "地市", "城市", "归属地")),
    "since": frozenset(("since", "owner_since", "activated", "入网时间", "入网日期")),
}
"""What a header may call each column. Columns of other names are passed over."""

SEPARATORS: Final = (",", ";", "\t", "|")
DOUBLE: Final = ("gb18030", "gbk")
_SHORTEST: Final = 7
"""Digits of a subscriber's number; less is a short code."""
_SAMPLES: Final = 20


class Shape(NamedTuple):
    """How a list is written: the column of each field ("" is passed over)."""

    separator: str
    columns: tuple[str, ...]
    quoted: tuple[bool, ...]
    header: bool


class Listed(NamedTuple):
    """What a piece of a list says, line by line. `consumed` octets were whole lines; `bad` counts lines left out, `odd` fields left out."""

    number: U64Array
    imei: U64Array  # as written, without leading zeros
    imei_length: I64Array
    imsi: U64Array
    since: TextColumn | None
    city: TextColumn | None
    consumed: int
    lines: int
    bad: Mapping[str, int]
    odd: Mapping[str, int]
    samples: tuple[Reject, ...]


def shape(first: bytes, encoding: str = "utf-8") -> Shape:
    """What the first line of a list says of all of them. Raises ConfigError when it has no number, or no field that mmsd knows.

    >>> shape("手机号,IMEI,地市".encode()).columns, shape(b"8613812341234|351234567890123|460001234567890").columns
    (('msisdn', 'imei', 'city'), ('msisdn', 'imei', 'imsi'))
    """
    line = first.decode(encoding, "replace").removeprefix("\ufeff").strip("\r\n")
    separator = max(SEPARATORS, key=line.count)
    fields = [field.strip() for field in line.split(separator)]
    quoted = tuple(len(field) > 1 and field[0] == field[-1] == '"' for field in fields)
    words = [field.strip('"').strip().lower().replace(" ", "_") for field in fields]
    named = tuple(next((column for column, names in NAMES.items() if word in names), "") for word in words)
    if "msisdn" in named:
        known = [column for column in named if column]
        if len(set(known)) < len(known):
            raise ConfigError("line 1: two columns have one meaning; rename one of them in the header")
        return Shape(separator, named, quoted, header=True)
    if re.fullmatch(r"\+?[0-9 ]{7,18}", words[0]) is None:
        known_names = ", ".join(sorted(NAMES))
        raise ConfigError(f"line 1: neither a header with msisdn (known: {known_names}) nor a line that begins with a number")
    if len(words) > 4 or len(words) < 2:
        raise ConfigError(f"line 1: {len(words)} fields; without a header they are msisdn,imei[,imsi][,city]")
    columns = ("msisdn", "imei", "imsi", "city")[: len(words)]
    if len(words) == 3 and re.fullmatch(r"[0-9]{14,15}", words[2]) is None:
        columns = ("msisdn", "imei", "city")
    return Shape(separator, columns, quoted, header=False)


class SubscriberList:
    """Reads lines of one shape."""

    def __init__(self, form: Shape, *, encoding: str = "utf-8", numbering: Numbering = CHINA, key: tuple[int, int]) -> None:
        made: dict[str, Field] = {
            "msisdn": address("receiver"),
            "imei": digits("_imei").keep("_imei"),
            "imsi": digits("_imsi").keep("_imsi"),
            "city": text("_city"),
            "since": text("_since"),
        }
        template, fields = [], {}
        for place, column in enumerate(form.columns):
            name = column or f"field{place + 1}"
            field = made.get(column, Field())
            fields[name] = field.quoted() if form.quoted[place] else field
            template.append(f"{{{name}}}")
        self.columns: Final = form.columns
        self._compiled = compile_plan(Plan("subscribers", Form(form.separator.join(template), fields)), numbering)
        self._key = key
        self._hidden = form.separator.encode() if encoding in DOUBLE and form.separator >= "@" else b""

    def scan(self, data: bytes, *, offset: int, final: bool) -> Listed:
        """The whole lines in `data`, which begins at a line's start, `offset` octets into the list."""
        shown = hide_trails(data, self._hidden[0]) if self._hidden else data
        parsed = run(self._compiled, shown, ordinal=0, offset=offset, final=final, key=self._key)
        records = parsed.records
        number = records["receiver"]
        good = (number != 0) & (number & np.uint64(NOT_A_NUMBER) == 0) & (number >= np.uint64(10 ** (_SHORTEST - 1)))
        bad = dict(parsed.rejects.counts)
        samples = list(parsed.rejects.samples)
        if strangers := int((~good).sum()):
            bad["no number"] = bad.get("no number", 0) + strangers
            for row in np.flatnonzero(~good)[:_SAMPLES].tolist():
                at = int(records["where"][row])
                line = data[at - offset : data.find(b"\n", at - offset) % (len(data) + 1)]
                samples.append(Reject("no number", "msisdn", at, line[:200]))
        zeros = np.zeros(records.rows, np.int64)

        def column(name: str) -> U64Array:
            return np.asarray(records.columns.get(name, zeros)[good], np.uint64)

        def told(name: str) -> TextColumn | None:
            found = records.texts.get(name)
            return None if found is None else TextColumn(data, found.start[good], found.stop[good])

        def length(name: str) -> I64Array:
            found = told(name)
            return zeros[good] if found is None else np.asarray(found.stop - found.start)

        imsi = np.where((length("_imsi") >= 14) & (length("_imsi") <= 15), column("_imsi"), np.uint64(0))
        return Listed(
            number[good], column("_imei"), length("_imei"), imsi, told("_since"), told("_city"), parsed.consumed, parsed.lines,
            bad, {"imsi": int(((length("_imsi") > 0) & (imsi == 0)).sum())}, tuple(samples),
        )  # fmt: skip


_DIGITS: Final = re.compile(r"[0-9]{7,}")


def masked_line(line: bytes, encoding: str = "utf-8") -> str:
    """A line as anyone may see it: of every long run of digits the middle is hidden.

    >>> masked_line(b"8613812341234,351234567890123,Nanjing")
    '861****34,351****23,Nanjing'
    """
    return _DIGITS.sub(lambda found: f"{found[0][:3]}****{found[0][-2:]}", line.decode(encoding, "backslashreplace"))
