"""Quiet deliveries of many subscribers, packed and sealed together: one row a group, from which one subscriber can be taken out."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec
import numpy as np

from mmsd.model import ColdGroup
from mmsd.store.keys import Keys


class Group(msgspec.Struct, array_like=True):
    """What is sealed. Counts are uint32, one a member in the order of the row's `members`."""

    row_counts: bytes
    said_counts: bytes
    rows: bytes
    said: bytes
    texts: bytes


def label(number: int) -> bytes:
    """Names the row too: a group opens in its own place only."""
    return b"cold group %d" % number


def opened(keys: Keys, number: int, sealed: bytes) -> Group:
    return msgspec.msgpack.decode(keys.unseal(label(number), label(number), sealed), type=Group)


def write(connection: sqlite3.Connection, keys: Keys, made: Sequence[ColdGroup], over: Sequence[int]) -> None:
    connection.executemany("DELETE FROM cold_group WHERE id = ?", [(number,) for number in over])
    for each in made:
        group = Group(each.row_counts.tobytes(), each.said_counts.tobytes(), each.rows, each.said, each.texts)
        members = keys.blind_numbers(each.numbers).tobytes()
        connection.execute(
            "INSERT OR REPLACE INTO cold_group (id, members, sealed, keep_until) VALUES (?, ?, ?, ?)",
            (each.id, members, keys.seal(label(each.id), label(each.id), msgspec.msgpack.encode(group)), each.keep_until),
        )


def erase(connection: sqlite3.Connection, keys: Keys, number: str) -> None:
    """Takes one number out of every group it stands in."""
    mine = np.uint64(keys.blind(number))
    for identity, blob in connection.execute("SELECT id, members FROM cold_group").fetchall():
        members = np.frombuffer(blob, np.uint64)
        place = np.flatnonzero(members == mine)
        if len(place):
            (sealed,) = connection.execute("SELECT sealed FROM cold_group WHERE id = ?", (identity,)).fetchone()
            group = _without(opened(keys, identity, sealed), int(place[0]))
            left = np.where(members == mine, np.uint64(0), members).tobytes()
            resealed = keys.seal(label(identity), label(identity), msgspec.msgpack.encode(group))
            connection.execute("UPDATE cold_group SET members = ?, sealed = ? WHERE id = ?", (left, resealed, identity))


def _without(group: Group, place: int) -> Group:
    row_counts, rows = _cut(group.row_counts, group.rows, place)
    said_counts, said = _cut(group.said_counts, group.said, place)
    return Group(row_counts, said_counts, rows, said, group.texts)


def _cut(counts: bytes, packed: bytes, place: int) -> tuple[bytes, bytes]:
    """Counts and packed rows without those of one member, whose count becomes 0."""
    left = np.frombuffer(counts, np.uint32).copy()
    total, start, n = int(left.sum()), int(left[:place].sum()), int(left[place])
    if not n:
        return counts, packed
    width = len(packed) // total
    left[place] = 0
    return left.tobytes(), packed[: start * width] + packed[(start + n) * width :]
