"""Dialects: text of one node's log → `model.Records`. One format a file; `DIALECTS` names them, `guess` finds one for an unknown file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from mmsd.logs.cdr import Cdr
from mmsd.logs.columns import ColumnMap
from mmsd.logs.dialect import Dialect
from mmsd.logs.http import KNOWN as HTTP_FORMATS
from mmsd.logs.http import Http
from mmsd.logs.kannel_sms import KNOWN as KANNEL_FORMATS
from mmsd.logs.kannel_sms import KannelSms
from mmsd.logs.kannel_smsbox import KannelSmsbox
from mmsd.logs.kannel_wap import KannelWap
from mmsd.logs.mbuni import Mbuni
from mmsd.logs.plan import Explained
from mmsd.logs.radius import Radius
from mmsd.model import Kind, Parsed

__all__ = ["DIALECTS", "Dialect", "Explained", "Guess", "guess"]

DIALECTS: Final[Mapping[str, type[Dialect]]] = {
    dialect.name: dialect for dialect in (Mbuni, KannelSms, KannelWap, KannelSmsbox, Http, Radius, Cdr, ColumnMap)
}
"""Every dialect by the name a feed gives."""

_LINES: Final = 200
_HINTS: Final = {
    "mbuni": ("mmsc", "mbuni", "mmsbox"),
    "kannel-sms": ("bearerbox",),
    "kannel-wap": ("wapbox",),
    "kannel-smsbox": ("smsbox",),
    "http": ("squid", "nginx", "proxy", "access-"),
    "radius": ("detail", "radius"),
    "cdr": ("cdr", ".ber", ".dat"),
}
"""What a file's name tends to hold; it decides between dialects that read the lines equally well."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A dialect that may have written a file. `score` 0 … 1 is the share of lines it reads; `why` is for people."""

    dialect: str
    options: Mapping[str, Any]
    score: float
    why: str


def guess(head: bytes, name: str) -> list[Guess]:
    """The dialects that read the first lines of a file, best first; empty when none does. `name` is the file's.

    >>> line = b"2026-11-22 17:44:25 127.0.0.11 8613900000001 POST <http://mms/> (text/plain, charset='') 38 200 <Nokia> <>\\n"
    >>> [(found.dialect, found.score) for found in guess(line, "access.log")]
    [('kannel-wap', 1.0)]
    """
    binary = _try_records(head)
    if binary is not None:
        return [binary]
    lines = head.splitlines(keepends=True)[:_LINES]
    if len(lines) > 1 and not lines[-1].endswith(b"\n"):
        lines.pop()
    head = b"".join(lines)
    found = [made for dialect, options in _candidates() if (made := _try(dialect, options, head)) is not None]
    path = name.lower()
    file = path.rpartition("/")[2]
    return sorted(found, key=lambda made: (-made.score, not _hinted(made, file), not _hinted(made, path)))


def _hinted(made: Guess, name: str) -> bool:
    return any(hint in name for hint in _HINTS[made.dialect])


def _candidates() -> Iterator[tuple[type[Dialect], dict[str, Any]]]:
    for dialect in (Mbuni, KannelSms, KannelWap, KannelSmsbox, Radius):
        yield dialect, {}
    for form in KANNEL_FORMATS:
        yield KannelSms, dict(form)
    for name in HTTP_FORMATS:
        yield Http, {"format": name}


def _try(dialect: type[Dialect], options: dict[str, Any], head: bytes) -> Guess | None:
    parsed = dialect.from_options(options, zone=UTC, key=(0, 0)).scan(head, ordinal=0, offset=0, final=True)
    records = parsed.lines if dialect is Radius else sum(bool(line.strip(b"\0\r\n\t ")) for line in head.splitlines())
    read = parsed.lines - parsed.rejects.total
    if read <= 0:
        return None
    score = min(1.0, read / max(records, 1)) * (1.0 if parsed.records.rows else 0.5)
    what = dialect.summary + "".join(f', {key} "{value}"' for key, value in options.items() if isinstance(value, str))
    return Guess(dialect.name, options, score, f"{read} of {records} {_noun(dialect)} read as {what}{_kinds(parsed)}")


def _try_records(head: bytes) -> Guess | None:
    """Charging records: not lines, and no line looks like them."""
    parsed = Cdr.from_options({}, zone=UTC, key=(0, 0)).scan(head, ordinal=0, offset=0, final=False)
    read = parsed.lines - parsed.rejects.total
    if not parsed.records.rows or 2 * read <= parsed.lines:
        return None
    return Guess(Cdr.name, {}, read / parsed.lines, f"{read} of {parsed.lines} records read as {Cdr.summary}{_kinds(parsed)}")


def _noun(dialect: type[Dialect]) -> str:
    return "records" if dialect is Radius else "lines"


def _kinds(parsed: Parsed) -> str:
    """The commonest kinds, ": 17 notify, 5 submit"."""
    counts = Counter(parsed.records["kind"].tolist()).most_common(3)
    if not counts:
        return ", none of them says anything"
    return ": " + ", ".join(f"{count} {Kind(kind).name.lower().replace('_', ' ')}" for kind, count in counts)
