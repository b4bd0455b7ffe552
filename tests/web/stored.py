"""A real store with a day in it, for the tests that want more than lists."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mmsd.model import CLOSED, Batch, Event, Forward, HourCount, LineCount, Outgoing, Serial
from mmsd.rules.causes import CAUSES, OUTCOMES
from mmsd.store import Needs
from mmsd.store.keys import Keys
from mmsd.store.sqlite import Settings, SqliteStore
from tests.web.house import HOUR_OF_NOON, NOON, RECEIVER, SENDER, delivery

KEYS = Keys(bytes(32), os.urandom)


@contextlib.contextmanager
def stored(folder: Path) -> Iterator[SqliteStore]:
    store = SqliteStore.open(folder / "state", settings=Settings(durable=False), keys=KEYS, wall=lambda: NOON)
    try:
        yield store
    finally:
        store.close()


def put(store: SqliteStore, batch: Batch) -> None:
    store.transact(Needs(), lambda rows: batch)


def a_day() -> Batch:
    """Three deliveries delivered, two failed, one open; one forward with its serial; an event whose text would like to be markup."""
    closed = np.zeros(1, CLOSED)
    closed["receiver"], closed["at"], closed["closed"] = KEYS.blind(RECEIVER), NOON, NOON
    closed["outcome"], closed["cause"] = OUTCOMES.index("delivered"), CAUSES.index("OK")
    return Batch(
        at=NOON,
        closed=closed,
        hours=[
            HourCount(HOUR_OF_NOON, "mmsc1", "Wuxi", "delivered", "OK", 3),
            HourCount(HOUR_OF_NOON, "mmsc1", "Wuxi", "failed", "NO_PUSH", 1),
            HourCount(HOUR_OF_NOON, "mmsc2", "", "failed", "BAD_APN", 1),
            HourCount(HOUR_OF_NOON, "mmsc2", "", "open", "", 1),
        ],
        lines=[LineCount("mmsc1", "", 1234, 1240, 99), LineCount("mmsc1", "no_time", 2, 0, 0)],
        deliveries=[
            (b"1" * 16, delivery(message="m1")),
            (b"2" * 16, delivery(message="m2", cause="BAD_APN", node="mmsc2", leg=SENDER, transaction="")),
            (b"3" * 16, delivery(message="m3", receiver=SENDER, sender=RECEIVER, outcome="open", cause="", closed=0)),
        ],
        forwards=[forward(1)],
        serials=[Serial("ABCDEFGH1", bytes([1]) * 16)],
        outbox=[Outgoing(b"o" * 16, "marketing", "serial", RECEIVER, "text", "shadow", NOON, NOON + 1)],
        events=[Event(NOON, "finding", "BAD_APN", {"subject": "86138****1234", "confidence": 0.9, "note": "<img src=x onerror=alert(1)>"})],
    )


def forward(number: int) -> Forward:
    """One of the campaign `relay`, counted for Wuxi."""
    return Forward(
        key=bytes([number]) * 16, campaign="relay", seed="torch", message=f"m{number}", sender=SENDER, receiver=RECEIVER, generation=1,
        parent=None, submitted=NOON, retrieved=NOON, city="Wuxi", day="2026-11-22", method="tag", score=1.0, counted=True, reason="",
    )  # fmt: skip
