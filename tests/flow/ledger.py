"""What a store holds in the end, as plain values, and how two ledgers differ (design R10).

Left out is what may differ between two runs over the same files: wall times, serial numbers (chance), paths by which a file was last
seen, the order of evidence, where a forward came from (resolved again until the daily close) and what was known of its sender's handset
when it was decided, texts with ordinals, and requests that belong to no delivery: what was said of one (Z6: no line at the MMSC) is not
taken back when a late feed brings the line.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Hashable, Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from mmsd.model import Delivery, Evidence, Finding, Forward
from mmsd.store import DeliveryFilter
from mmsd.store.sqlite import DATABASE, Settings, SqliteStore
from tests.flow.rig import KEYS

AS_DECIDED = ("parent", "parents", "generation", "received", "model")
Ledger = Mapping[str, Counter[Hashable]]
"""Part → its entries, each with how often it stands there."""


def read(state: Path) -> Ledger:
    """The ledger of a closed state directory."""
    store = SqliteStore.open(state, settings=Settings(durable=False), keys=KEYS, wall=lambda: 0)
    try:
        loaded = store.load()
        issued = list(store.all_forwards())
        return {
            "forwards": Counter(map(_forward, (i.forward for i in issued))),
            "serials": Counter((i.forward.key, bool(i.serial)) for i in issued),
            "distinct serials": Counter({"all": len({i.serial for i in issued if i.serial})}),
            "outbox": Counter((row.key, row.purpose, row.msisdn) for _, row in store.outbox(None, 1 << 30)),
            "campaign counts": _campaigns(store),
            "deliveries": Counter(map(_delivery, store.all_deliveries())),
            "numbered deliveries": Counter({"all": store.delivery_count(DeliveryFilter())}),
            "findings": Counter(map(_finding, store.all_findings())),
            "lines": Counter({(c.feed, c.reason, c.lines, c.records, c.octets): 1 for c in store.lines()}),
            "extents": Counter((e.feed, e.ordinal, e.head, e.start, e.stop) for found in loaded.extents.values() for e in found),
            "marks": Counter((feed, m.ordinal, m.head, m.offset, m.guard) for feed, found in loaded.marks.items() for m in found),
            **_cubes(state),
        }
    finally:
        store.close()


def _forward(row: Forward) -> Hashable:
    fields = msgspec.structs.asdict(row)
    return tuple(sorted((name, value) for name, value in fields.items() if name not in AS_DECIDED))


def _finding(row: Finding) -> Hashable:
    return row.subject_kind, row.subject, row.cause, row.confidence, row.at, row.cleared, row.urgency, row.detail


def _delivery(row: Delivery) -> Hashable:
    fields = msgspec.structs.asdict(row)
    evidence: tuple[Evidence, ...] = fields.pop("evidence")
    return (*sorted(fields.items()), frozenset((e.feed, e.offset, e.kind, e.at, e.note) for e in evidence))


def _campaigns(store: SqliteStore) -> Counter[Hashable]:
    found: Counter[Hashable] = Counter()
    for name in store.campaigns():
        counts = store.counts(name)
        found[name, counts.forwards, counts.people, counts.serials, tuple(sorted(counts.days.items()))] += 1
    return found


def _cubes(state: Path) -> dict[str, Counter[Hashable]]:
    """Days are added up over models: which handset a number had is as it was known when the delivery was judged."""
    with closing(sqlite3.connect(state / DATABASE)) as connection:
        return {
            "days": Counter(
                connection.execute("SELECT day, cause, sum(n) FROM day_count GROUP BY day, cause HAVING sum(n) != 0").fetchall()
            ),
        } | {
            table: Counter(connection.execute(f"SELECT * FROM {table} WHERE n != 0").fetchall())
            for table in ("hour_count", "delay_count", "measure_count", "code_count", "unknown_code")
        }


def differences(found: Ledger, plain: Ledger, *, more_forwards: bool = False) -> list[str]:
    """What stands in one ledger alone, a line each, named by its part; [] when they are equal.

    `more_forwards`: what the plain run counted must be there, further ones may (a gateway was silent when they were decided).
    """
    said = []
    for part in plain:
        if more_forwards and part in ("serials", "distinct serials", "outbox", "campaign counts"):
            continue
        said += [f"{part}: missing {entry}" for entry in sorted((plain[part] - found[part]).elements(), key=repr)]
        if not (more_forwards and part == "forwards"):
            said += [f"{part}: too much {entry}" for entry in sorted((found[part] - plain[part]).elements(), key=repr)]
    return said
