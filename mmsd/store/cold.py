"""Quiet deliveries of many subscribers, packed and sealed together: one row a group, from which one subscriber can be taken out."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec
import numpy as np

from mmsd.model import ColdGroup
from mmsd.store.keys import Keys


class Group(msgspec.Struct, array_like=True):
    """What is sealed: octets of each portrait (uint32, one a member in the order of the row's `members`), the portraits, texts."""

    sizes: bytes
    portraits: bytes
    texts: bytes


def label(number: int) -> bytes:
    """Names the row too: a group opens in its own place only."""
    return b"cold group %d" % number


def opened(keys: Keys, number: int, sealed: bytes) -> Group:
    return msgspec.msgpack.decode(keys.unseal(label(number), label(number), sealed), type=Group)


def write(connection: sqlite3.Connection, keys: Keys, made: Sequence[ColdGroup], over: Sequence[int]) -> None:
    connection.executemany("DELETE FROM cold_group WHERE id = ?", [(number,) for number in over])
    for each in made:
        group = Group(each.sizes.tobytes(), each.portraits, each.texts)
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
    """The same without the portrait of one member, whose size becomes 0."""
    sizes = np.frombuffer(group.sizes, np.uint32).copy()
    start, size = int(sizes[:place].sum()), int(sizes[place])
    sizes[place] = 0
    return Group(sizes.tobytes(), group.portraits[:start] + group.portraits[start + size :], group.texts)
