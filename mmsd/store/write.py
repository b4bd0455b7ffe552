"""A Batch into rows, inside the writer's transaction.

Every function takes the one connection that writes, and raises sqlite3 errors as they are, or StoreError when the Batch breaks a promise.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final, NamedTuple

import msgspec

from mmsd.errors import StoreError
from mmsd.model import Attempt, Batch, Delivery, Extent, Finding
from mmsd.store import audience, care, cold, composed, copies, desk, draws, outbox, seeds, serials, tails
from mmsd.store.forwards import write_forwards
from mmsd.store.keys import Keys
from mmsd.store.people import People, Person
from mmsd.store.rows import AS_SENDER, ATTEMPT, DELIVERY, FINDING, REJECT, cold_name, delta_label
from mmsd.store.segments import Segments

_ENCODER: Final = msgspec.msgpack.Encoder()
_JSON: Final = msgspec.json.Encoder()

REJECT_SAMPLES: Final = 20
"""Kept for each feed and reason, the newest."""


class Writer(NamedTuple):
    """What writing needs beside the connection."""

    keys: Keys
    people: People
    segments: Segments

    def write(self, connection: sqlite3.Connection, batch: Batch) -> None:
        """All of `batch`. The order matters twice: extents are checked against the marks before them, serials refer to forwards."""
        people = self.people.enrol(connection, _numbers(batch), batch.at)
        _positions(connection, batch)
        self._state(connection, batch)
        self._cold(connection, batch)
        self._verdicts(connection, batch, people)
        write_forwards(connection, batch, people)
        serials.write(connection, self.keys, batch)
        draws.write(connection, self.keys, batch)
        composed.write(connection, batch)
        outbox.write(connection, self.keys, batch, people)
        audience.write(connection, self.keys, batch, people)
        care.write(connection, self.keys, batch, people)
        desk.write(connection, self.keys, batch, people)
        seeds.write(connection, batch)
        copies.write(connection, batch, people)
        _events(connection, batch)
        _counters(connection, batch)
        tails.write(connection, self.keys, batch)
        self._rejects(connection, batch)
        if batch.feeds is not None:
            row = (batch.feeds.at, msgspec.json.encode(batch.feeds).decode())
            connection.execute(
                "INSERT INTO feed_report (id, at, body) VALUES (1, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET at = excluded.at, body = excluded.body",
                row,
            )

    def _seal(self, person: Person | None, label: bytes, value: Any) -> bytes:
        """`value` under its subscriber; what belongs to nobody is sealed under its label."""
        return self.keys.seal(person.salt if person else label, label, _ENCODER.encode(value))

    def _state(self, connection: sqlite3.Connection, batch: Batch) -> None:
        """A snapshot holds everything up to and with this Batch, so it and a delta never come together."""
        if batch.snapshot:
            connection.execute("DELETE FROM state_delta")
            connection.execute(
                "INSERT INTO state_snapshot (id, at, file) VALUES (1, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET at = excluded.at, file = excluded.file",
                (batch.at, batch.snapshot),
            )
        if batch.delta or batch.delta_file:
            (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM state_delta").fetchone()
            label = delta_label(last + 1)
            body = self.keys.seal(label, label, memoryview(batch.delta)) if batch.delta else b""
            row = (last + 1, batch.at, body, batch.delta_file)
            connection.execute("INSERT INTO state_delta (id, at, body, file) VALUES (?, ?, ?, ?)", row)
        for family, identity, text in batch.interned:
            known = connection.execute("SELECT text FROM interned WHERE family = ? AND id = ?", (family, identity)).fetchone()
            if known is None:
                connection.execute("INSERT INTO interned (family, id, text) VALUES (?, ?, ?)", (family, identity, text))
            elif known[0] != text:
                raise StoreError(f"{family} {identity} is {known[0]!r} for ever and cannot become {text!r}")

    def _cold(self, connection: sqlite3.Connection, batch: Batch) -> None:
        cold.write(connection, self.keys, batch.cold_groups, batch.cold_over)
        lookup = self.keys.lookup
        connection.executemany("DELETE FROM cold WHERE lookup = ?", [(lookup(cold_name(who)),) for who in batch.thawed])
        rows = []
        for who, dossier, keep_until in batch.spilled:
            name = lookup(cold_name(who))
            rows.append((name, self.keys.seal(name, b"cold", dossier), keep_until))
        connection.executemany(
            "INSERT INTO cold (lookup, sealed, keep_until) VALUES (?, ?, ?)"
            " ON CONFLICT (lookup) DO UPDATE SET sealed = excluded.sealed, keep_until = excluded.keep_until",
            rows,
        )

    def _verdicts(self, connection: sqlite3.Connection, batch: Batch, people: dict[str, Person]) -> None:
        connection.executemany("DELETE FROM delivery WHERE key = ?", [(key,) for key in batch.withdrawn])
        connection.executemany(_DELIVERY, [self._delivery(key, row, people, batch.at) for key, row in batch.deliveries])
        connection.executemany(_ATTEMPT, [self._attempt(key, row, people) for key, row in batch.attempts])
        connection.executemany("DELETE FROM finding WHERE key = ?", [(key,) for key in batch.unfounded])
        connection.executemany(_FINDING, [self._finding(key, row, people) for key, row in batch.findings])
        if batch.closed is not None and len(batch.closed):
            self.segments.append(connection, batch.closed)

    def _delivery(self, key: bytes, row: Delivery, people: dict[str, Person], at: int) -> tuple[Any, ...]:
        receiver, sender = people.get(row.receiver), people.get(row.sender)
        # Until the transaction is known the leg is the sender's number: his, so it must not outlive him in the receiver's seal.
        leg = AS_SENDER if row.sender and row.leg == row.sender else row.leg
        body = msgspec.structs.replace(row, receiver="", sender="", leg=leg)
        return (
            key, row.domain, row.node, row.message, receiver and receiver.id, sender and sender.id, row.submitted, row.closed,
            row.outcome, row.cause, row.rule, at, self._seal(receiver, DELIVERY, body),
        )  # fmt: skip

    def _attempt(self, key: bytes, row: Attempt, people: dict[str, Person]) -> tuple[Any, ...]:
        who = people.get(row.subscriber)
        body = self._seal(who, ATTEMPT, msgspec.structs.replace(row, subscriber=""))
        return (key, who and who.id, row.node, row.at, row.status, row.strength, row.verdict, body)

    def _finding(self, key: bytes, row: Finding, people: dict[str, Person]) -> tuple[Any, ...]:
        who = people.get(row.subject) if row.subject_kind == "subscriber" else None
        body = self._seal(who, FINDING, row.evidence)
        return (
            key, row.subject_kind, who and who.id, "" if who else row.subject, row.cause, row.confidence, row.at, row.cleared, body,
            row.urgency, row.model, row.detail,
        )  # fmt: skip

    def _rejects(self, connection: sqlite3.Connection, batch: Batch) -> None:
        for feed, sample in batch.rejects:
            head = self.keys.seal(REJECT, REJECT, sample.head)
            connection.execute(
                "INSERT INTO reject (feed, reason, step, place, head, at) VALUES (?, ?, ?, ?, ?, ?)",
                (feed, sample.reason, sample.step, sample.where, head, batch.at),
            )
        connection.executemany(
            "DELETE FROM reject WHERE feed = ?1 AND reason = ?2 AND id <="
            " (SELECT id FROM reject WHERE feed = ?1 AND reason = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)",
            [(feed, reason, REJECT_SAMPLES) for feed, reason in {(feed, sample.reason) for feed, sample in batch.rejects}],
        )


_DELIVERY: Final = """
INSERT INTO delivery (key, domain, node, message, receiver, sender, submitted, closed, outcome, cause, rule, at, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET domain = excluded.domain, node = excluded.node, message = excluded.message, receiver = excluded.receiver,
    sender = excluded.sender, submitted = excluded.submitted, closed = excluded.closed, outcome = excluded.outcome, cause = excluded.cause,
    rule = excluded.rule, at = excluded.at, body = excluded.body
"""

_ATTEMPT: Final = """
INSERT INTO attempt (key, subscriber, node, at, status, strength, verdict, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET subscriber = excluded.subscriber, node = excluded.node, at = excluded.at, status = excluded.status,
    strength = excluded.strength, verdict = excluded.verdict, body = excluded.body
"""

_FINDING: Final = """
INSERT INTO finding (key, subject_kind, subscriber, subject, cause, confidence, at, cleared, body, urgency, model, detail)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET subject_kind = excluded.subject_kind, subscriber = excluded.subscriber, subject = excluded.subject,
    cause = excluded.cause, confidence = excluded.confidence, at = excluded.at, cleared = excluded.cleared, body = excluded.body,
    urgency = excluded.urgency, model = excluded.model, detail = excluded.detail
"""


def _numbers(batch: Batch) -> set[str]:
    numbers: set[str] = set()
    for _, delivery in batch.deliveries:
        numbers |= {delivery.receiver, delivery.sender}
    numbers.update(attempt.subscriber for _, attempt in batch.attempts)
    numbers.update(finding.subject for _, finding in batch.findings if finding.subject_kind == "subscriber")
    for forward in batch.forwards:
        numbers |= {forward.sender, forward.receiver}
    numbers.update(outbox.numbers(batch))
    numbers.update(care.numbers(batch))
    numbers.update(desk.numbers(batch))
    numbers.update(audience.numbers(batch))
    numbers.update(copies.numbers(batch))
    return numbers


def _positions(connection: sqlite3.Connection, batch: Batch) -> None:
    audited = {(audit.feed, audit.path) for audit in batch.audits}
    for extent in batch.extents:
        _extent(connection, extent, (extent.feed, extent.path) in audited, batch.at)
    connection.executemany(
        "INSERT INTO mark (feed, ordinal, head, head_length, offset, guard, path, device, inode, done, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (feed, ordinal) DO UPDATE SET head = excluded.head,"
        " head_length = excluded.head_length, offset = excluded.offset, guard = excluded.guard, path = excluded.path,"
        " device = excluded.device, inode = excluded.inode, done = excluded.done, at = excluded.at",
        [
            (feed, m.ordinal, m.head, m.head_length, m.offset, m.guard, m.path, m.device, m.inode, m.done, batch.at)
            for feed, m in batch.marks
        ],
    )
    connection.executemany("DELETE FROM mark WHERE feed = ? AND ordinal = ?", batch.expired)
    connection.executemany("DELETE FROM extent WHERE feed = ? AND ordinal = ?", batch.expired)
    connection.executemany(
        "INSERT INTO file_audit (at, feed, what, path, detail) VALUES (?, ?, ?, ?, ?)",
        [(audit.at or batch.at, audit.feed, audit.what, audit.path, audit.detail) for audit in batch.audits],
    )


def _extent(connection: sqlite3.Connection, extent: Extent, audited: bool, at: int) -> None:
    """Add bytes that took effect. Raises StoreError when some of them already had.

    A file that shrank and grew again has new bytes where old ones were: its position went back, in this Batch with an audit about it or
    in one before. What was read of the old bytes is then cut off.
    """
    if extent.stop <= extent.start:
        return
    file = (extent.feed, extent.ordinal)
    overlap = connection.execute(
        "SELECT 1 FROM extent WHERE feed = ? AND ordinal = ? AND stop > ? AND start < ?", (*file, extent.start, extent.stop)
    ).fetchone()
    if overlap:
        position = connection.execute("SELECT offset FROM mark WHERE feed = ? AND ordinal = ?", file).fetchone()
        if not audited and (position is None or extent.start < position[0]):
            raise StoreError(f"feed {extent.feed}: bytes {extent.start}–{extent.stop} of {extent.path} took effect before")
        connection.execute("DELETE FROM extent WHERE feed = ? AND ordinal = ? AND start >= ?", (*file, extent.start))
        connection.execute("UPDATE extent SET stop = ? WHERE feed = ? AND ordinal = ? AND stop > ?", (extent.start, *file, extent.start))
    grown = connection.execute(
        "UPDATE extent SET stop = ?, head = ?, head_length = ?, path = ?, guard = ?, at = ? WHERE feed = ? AND ordinal = ? AND stop = ?",
        (extent.stop, extent.head, extent.head_length, extent.path, extent.guard, at, *file, extent.start),
    ).rowcount
    if not grown:
        connection.execute(
            "INSERT INTO extent (feed, ordinal, head, head_length, start, stop, path, guard, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*file, extent.head, extent.head_length, extent.start, extent.stop, extent.path, extent.guard, at),
        )


def _events(connection: sqlite3.Connection, batch: Batch) -> None:
    connection.executemany(
        "INSERT INTO event (at, topic, subject, data) VALUES (?, ?, ?, ?)",
        [(event.at, event.topic, event.subject, _JSON.encode(event.data).decode()) for event in batch.events],
    )


def _counters(connection: sqlite3.Connection, batch: Batch) -> None:
    """Increments; a restated delivery takes one away where it was and adds one where it is."""
    astuple = msgspec.structs.astuple
    connection.executemany(
        "INSERT INTO hour_count (hour, node, city, outcome, cause, n, rule) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (hour, node, city, outcome, cause, rule) DO UPDATE SET n = n + excluded.n",
        [astuple(count) for count in batch.hours],
    )
    connection.executemany(
        "INSERT INTO measure_count (hour, node, city, measure, n, total) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (hour, node, city, measure) DO UPDATE SET n = n + excluded.n, total = total + excluded.total",
        [astuple(count) for count in batch.measures],
    )
    connection.executemany(
        "INSERT INTO attempt_count (hour, node, city, type, verdict, n) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (hour, node, city, type, verdict) DO UPDATE SET n = n + excluded.n",
        [astuple(count) for count in batch.tried],
    )
    connection.executemany(
        "INSERT INTO notification_count (hour, node, gateway, nth, gap, result, n) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (hour, node, gateway, nth, gap, result) DO UPDATE SET n = n + excluded.n",
        [astuple(count) for count in batch.notified],
    )
    connection.executemany(
        "INSERT INTO place_count (day, place, cause, n) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (day, place, cause) DO UPDATE SET n = n + excluded.n",
        [astuple(count) for count in batch.places],
    )
    connection.executemany(
        "INSERT INTO code_count (hour, node, code_set, code, n) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (hour, node, code_set, code) DO UPDATE SET n = n + excluded.n",
        [astuple(count) for count in batch.codes],
    )
    connection.executemany(
        "INSERT INTO unknown_code (node, code_set, code, n, first, last) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (node, code_set, code)"
        " DO UPDATE SET n = n + excluded.n, first = min(first, excluded.first), last = max(last, excluded.last)",
        [astuple(count) for count in batch.unknown],
    )
    connection.executemany(
        "INSERT INTO day_count (day, model, cause, n) VALUES (?, ?, ?, ?) ON CONFLICT (day, model, cause) DO UPDATE SET n = n + excluded.n",
        [astuple(count) for count in batch.days],
    )
    connection.executemany(
        "INSERT INTO delay_count (hour, node, cause, bin, n) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (hour, node, cause, bin) DO UPDATE SET n = n + excluded.n",
        [astuple(count) for count in batch.delays],
    )
    connection.executemany(
        "INSERT INTO line_count (feed, reason, lines, records, octets) VALUES (?, ?, ?, ?, ?) ON CONFLICT (feed, reason)"
        " DO UPDATE SET lines = lines + excluded.lines, records = records + excluded.records, octets = octets + excluded.octets",
        [astuple(count) for count in batch.lines],
    )
