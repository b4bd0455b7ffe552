"""Serials as rows: found by a keyed hash, sealed under their sender, redeemed once (docs/adr/0016-serials-at-rest.md).

Whoever has the database alone can neither read a serial nor tell whether one that he has was issued. `write` and the reads for a decision
run inside the writer's transaction.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from typing import Final

from mmsd.model import Batch
from mmsd.rules.serials import plain
from mmsd.store import Presented
from mmsd.store.keys import SALT_BYTES, Keys
from mmsd.store.sql import select_in

SERIAL: Final = b"serial"
"""Label of a sealed serial."""

_PLAIN: Final = "serial_plain"
_AT_ONCE: Final = 10_000


def unsealed(keys: Keys, sender: bytes | None, sealed: bytes | None) -> str:
    """A serial as it was issued; `sender` is his sealed number. "" where there is none, and once its sender is erased."""
    if sealed is None or sender is None:
        return ""
    return keys.unseal(sender[:SALT_BYTES], SERIAL, sealed).decode()


def write(connection: sqlite3.Connection, keys: Keys, batch: Batch) -> None:
    """Serials issued and redeemed. Raises sqlite3.IntegrityError when a serial or its forward already has one, when the forward is not
    there, and when a serial is redeemed that was, or that is none."""
    if batch.serials:
        connection.executemany(
            "INSERT INTO serial (lookup, forward, sealed, at) VALUES (?, ?, ?, ?)",
            [
                (keys.serial_lookup(plain(serial.number)), serial.forward, keys.seal(salts, SERIAL, serial.number.encode()), batch.at)
                for serial, salts in zip(batch.serials, _salts(connection, [one.forward for one in batch.serials]), strict=True)
            ],
        )
        statement = "SELECT campaign, count(*) FROM forward WHERE key IN ({}) GROUP BY campaign"
        connection.executemany(
            "INSERT INTO campaign_total (campaign, forwards, people, serials) VALUES (?, 0, 0, ?)"
            " ON CONFLICT (campaign) DO UPDATE SET serials = serials + excluded.serials",
            list(select_in(connection, statement, [serial.forward for serial in batch.serials])),
        )
    if batch.redeemed:
        connection.executemany(
            "INSERT INTO redemption (serial, at, who) VALUES (?, ?, ?)",
            [(keys.serial_lookup(plain(one.number)), batch.at, one.who) for one in batch.redeemed],
        )
        connection.executemany(
            "UPDATE campaign_total SET redeemed = redeemed + ?2 WHERE campaign = ?1",
            Counter(one.campaign for one in batch.redeemed).items(),
        )


def _salts(connection: sqlite3.Connection, forwards: list[bytes]) -> list[bytes]:
    """The salts of the senders, in order. A forward that is not there fails where its serial is inserted."""
    statement = "SELECT f.key, substr(p.sealed, 1, ?) FROM forward f JOIN subscriber p ON p.id = f.sender WHERE f.key IN ({})"
    found: dict[bytes, bytes | None] = dict(select_in(connection, statement, forwards, SALT_BYTES))
    return [found.get(key) or SERIAL for key in forwards]


# ----------------------------------------------------------------------------------------------- what a decision has to see


def issued(connection: sqlite3.Connection, keys: Keys, numbers: Iterable[str]) -> dict[str, bytes]:
    """Number → the forward it belongs to."""
    names = {keys.serial_lookup(plain(number)): number for number in numbers}
    found = select_in(connection, "SELECT lookup, forward FROM serial WHERE lookup IN ({})", names)
    return {names[lookup]: forward for lookup, forward in found}


def of_forwards(connection: sqlite3.Connection, keys: Keys, forwards: Iterable[bytes]) -> dict[bytes, str]:
    """Forward → its serial."""
    statement = (
        "SELECT n.forward, p.sealed, n.sealed FROM serial n JOIN forward f ON f.key = n.forward JOIN subscriber p ON p.id = f.sender"
        " WHERE n.forward IN ({})"
    )
    return {key: unsealed(keys, sender, sealed) for key, sender, sealed in select_in(connection, statement, forwards)}


def presented(connection: sqlite3.Connection, keys: Keys, numbers: Iterable[str]) -> dict[str, Presented]:
    """What somebody may want to redeem, as it was written by him; one that was never issued is not in it.

    One statement for what was redeemed, what was not and what is unknown; of one that was issued the sender's number is unsealed, too.
    """
    found = {}
    for number in numbers:
        row = connection.execute(
            "SELECT f.id, f.campaign, f.city, f.day, p.sealed, n.at, r.at, r.who, f.counted FROM serial n"
            " JOIN forward f ON f.key = n.forward JOIN subscriber p ON p.id = f.sender"
            " LEFT JOIN redemption r ON r.serial = n.lookup WHERE n.lookup = ?",
            (keys.serial_lookup(plain(number)),),
        ).fetchone()
        if row is not None:
            forward, campaign, city, day, sender, at, redeemed, who, counts = row
            found[number] = Presented(forward, campaign, city, day, keys.open_number(sender), at, redeemed or 0, who or "", bool(counts))
    return found


# --------------------------------------------------------------------------------------------------------- an older store


def seal_plain(connection: sqlite3.Connection, keys: Keys) -> None:
    """Serials of a store from before schema step 17, sealed: some thousand a transaction, until none is left and their table can go."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_PLAIN,)).fetchone() is None:
        return
    connection.execute("PRAGMA secure_delete = ON").fetchall()  # what stood there in the clear is overwritten
    left = True
    while left:
        connection.execute("BEGIN IMMEDIATE")
        try:
            rows = connection.execute(
                f"SELECT s.number, s.forward, s.at, p.sealed FROM {_PLAIN} s JOIN forward f ON f.key = s.forward"  # noqa: S608 a name of ours
                " JOIN subscriber p ON p.id = f.sender LIMIT ?",
                (_AT_ONCE,),
            ).fetchall()
            connection.executemany(
                "INSERT INTO serial (lookup, forward, sealed, at) VALUES (?, ?, ?, ?)",
                [
                    (
                        keys.serial_lookup(plain(number)), forward,
                        keys.seal(sender[:SALT_BYTES] if sender else SERIAL, SERIAL, number.encode()), at,
                    )
                    for number, forward, at, sender in rows
                ],
            )  # fmt: skip
            connection.executemany(f"DELETE FROM {_PLAIN} WHERE number = ?", [(number,) for number, *_ in rows])  # noqa: S608 as above
            left = bool(rows)
            if not left:
                connection.execute(f"DROP TABLE {_PLAIN}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    connection.execute("PRAGMA secure_delete = FAST").fetchall()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # … in the database, too
