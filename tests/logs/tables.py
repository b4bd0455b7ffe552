"""Records as lines of plain text, for goldens and comparisons. `python -m tests.logs.tables` writes the goldens anew."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from mmsd.logs import DIALECTS, Dialect
from mmsd.model import COLUMNS, NOT_A_NUMBER, SECOND, TEXTS, CodeSet, Content, Kind, Method, Parsed, PushState, Records

DATA: Final = Path(__file__).resolve().parent.parent / "data/logs"
ZONE: Final = ZoneInfo("Asia/Shanghai")
KEY: Final = (0x0123456789ABCDEF, 0xFEDCBA9876543210)

CUSTOM: Final = "%t|%T|%l|%i|%n|%A|%B|%I|%F|%x|%p|%P|%m:%c:%M:%C:%d|%L|%U|%u|%N|%D|%k|%b"

COPIES: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "mbuni-mmsc": ("mbuni", {}),
    "chain-mmsc": ("mbuni", {}),
    "chain-bearerbox": ("kannel-sms", {}),
    "kannel-bearerbox": ("kannel-sms", {}),
    "kannel-custom-bearerbox": ("kannel-sms", {"format": CUSTOM, "clean": True}),
    "chain-wapbox": ("kannel-wap", {}),
    "kannel-wapbox": ("kannel-wap", {}),
    "chain-smsbox": ("kannel-smsbox", {}),
    "kannel-smsbox": ("kannel-smsbox", {}),
    "kannel-custom-smsbox": ("kannel-smsbox", {}),
    "squid-native": ("http", {"format": "squid"}),
    "squid-combined": ("http", {"format": "combined"}),
    "squid-mms": ("http", {"format": "mms"}),
    "radius-detail": ("radius", {}),
}
"""The small logs kept here: file name, dialect, options."""

_HASHES: Final = frozenset({"message", "transaction", "tag", "link", "location", "authority", "path", "session", "apn"})
_NAMES: Final = {
    "kind": Kind, "code_set": CodeSet, "push_state": PushState, "method": Method, "request_type": Content, "answer_type": Content,
}  # fmt: skip
_TIMES: Final = frozenset({"at", "expires"})


def make(dialect: str, options: Mapping[str, Any] | None = None, zone: Any = ZONE) -> Dialect:
    return DIALECTS[dialect].from_options(options or {}, zone=zone, key=KEY)


def read(path: Path) -> bytes:
    """A file's bytes, decompressed when it is gzip's."""
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def whole(dialect: Dialect, data: bytes) -> Parsed:
    return dialect.scan(data, ordinal=0, offset=0, final=True)


def rows(dialect: str, data: bytes | str, options: Mapping[str, Any] | None = None) -> Records:
    """The records of a few lines, none of them rejected."""
    parsed = whole(make(dialect, options), data.encode() if isinstance(data, str) else data)
    assert parsed.rejects.total == 0, parsed.rejects
    return parsed.records


def value(name: str, raw: int) -> str:
    if name in _TIMES:
        return (
            datetime.fromtimestamp(raw / SECOND, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00").removesuffix(".000") + "Z"
        )
    if name in _NAMES:
        return _NAMES[name](raw).name
    if raw & NOT_A_NUMBER and COLUMNS[name] == np.uint64:
        return "text"
    return str(raw)


def table(records: Records, *, hashes: bool = False) -> list[str]:
    """A line a row: every column that is not at its default, then the texts. Hashes are numbered as they come, unless asked for."""
    blank = Records(1, {})
    seen: dict[tuple[str, int], int] = {}
    lines = []
    for row in range(records.rows):
        parts = [f"{int(records['where'][row])}"]
        for name in COLUMNS:
            raw = int(records[name][row])
            if name == "where" or raw == int(blank[name][0]):
                continue
            if name in _HASHES and not hashes:
                parts.append(f"{name}=#{seen.setdefault((_family(name), raw), len(seen) + 1)}")
            else:
                parts.append(f"{name}={raw if hashes else value(name, raw)}")
        for name in TEXTS:
            text = records.text(name, row)
            if text:
                parts.append(f"{name}:{text!r}"[:120])
        lines.append(" ".join(parts))
    return lines


def _family(name: str) -> str:
    """`path` and `location` are one family of hashes: they must agree."""
    return "path" if name == "location" else name


def pieces(dialect: Dialect, data: bytes, cuts: Iterable[int]) -> tuple[list[str], dict[str, int], int, int]:
    """(table with hashes, rejects, lines, skipped) of data that arrives in pieces, ending at the cuts and at its end."""
    table_lines: list[str] = []
    rejects: dict[str, int] = {}
    taken = lines = skipped = 0
    for cut in [*sorted(cuts), len(data), None]:
        final = cut is None
        parsed = dialect.scan(data[taken:cut], ordinal=3, offset=taken, final=final)
        table_lines += table(parsed.records, hashes=True)
        for reason, count in parsed.rejects.counts.items():
            rejects[reason] = rejects.get(reason, 0) + count
        taken += parsed.consumed
        lines += parsed.lines
        skipped += parsed.skipped
    assert taken == len(data)
    return table_lines, rejects, lines, skipped


def random_cuts(rng: random.Random, size: int) -> list[int]:
    return [rng.randrange(size + 1) for _ in range(rng.randrange(12))]


def golden(name: str) -> str:
    """What a copy's records look like."""
    dialect, options = COPIES[name]
    parsed = whole(make(dialect, options), read(DATA / f"{name}.log"))
    head = f"{parsed.lines} lines, {parsed.records.rows} rows, rejects {dict(parsed.rejects.counts)}"
    return "\n".join([head, *table(parsed.records)]) + "\n"


if __name__ == "__main__":
    for each in COPIES:
        (DATA / f"{each}.golden").write_text(golden(each))
