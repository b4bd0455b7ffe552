"""Rows S01, S02 and S11: the daemon killed at every named boundary and at every write and sync, and asked to end under load.

What must be true afterwards is `Relay.judge`'s. By default some kills at each place; MMSD_KILLS=all (`make faults`) tries every one.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.faults.relay import FORWARDS, WINDOW, Relay, Zygote, centre

ALL = os.environ.get("MMSD_KILLS") == "all"
BOUNDARIES = (
    "read", "relate", "committed",  # the sequencer's: a line is read, facts are made, they are stored
    "in_transaction", "before_commit", "after_commit",  # the store's, whoever's transaction it is
    "claim", "claimed", "send", "written", "answered",  # the dispatcher's, and the octets on the socket
    "receipt", "settle", "settled", "acknowledged",
)  # fmt: skip
SOME = {"read": (1, 2), "written": (1, 4), "answered": (1, 5), "settle": (1, 3), "settled": (1,), "before_commit": (3, 9, 14)}
Kill = tuple[str, int]
How = Literal["smpp", "cmpp", "no-echo"]

pytestmark = pytest.mark.timeout(3600 if ALL else 120)


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


def cases() -> list[tuple[str, int, How]]:
    """Where receipts tell what became of a message, and over which protocol, only matters between socket and commit."""
    found: list[tuple[str, int, How]] = []
    for where in BOUNDARIES:
        first = SOME.get(where, (2,)) if not ALL else (1,)
        hows: tuple[How, ...] = ("smpp", "cmpp", "no-echo") if ALL or where in ("written", "answered", "settle") else ("smpp",)
        found += [(where, n, how) for how in hows for n in (first if how == "smpp" else first[-1:])]
    return found


def killed(folder: Path, zygote: Zygote, kill: Kill, how: How) -> tuple[bool, Counter[str]]:
    """Whether it came to that; and how often each serial was taken in the end."""
    folder.mkdir()
    protocol: Literal["smpp", "cmpp"] = "cmpp" if how == "cmpp" else "smpp"
    with centre(folder, protocol, echo=how != "no-echo") as it:
        relay = Relay(folder, zygote, it.port, protocol)
        struck = relay.live(kill)
        if struck:
            assert not relay.live()
        return struck, relay.judge(most=2 if how == "no-echo" else 1)


def every(kill: Kill) -> Iterator[Kill]:
    """This one; or, of all, it and those that come later at the same place."""
    return ((kill[0], n) for n in itertools.count(kill[1])) if ALL else iter([kill])


def test_without_harm_each_serial_is_sent_once(tmp_path, zygote):
    struck, taken = killed(tmp_path / "life", zygote, ("", 0), "smpp")
    assert not struck
    assert taken.total() == FORWARDS


@pytest.mark.parametrize(("where", "n", "how"), cases())
def test_S01_killed_at_a_boundary_no_serial_is_lost_and_none_doubled(where, n, how, tmp_path, zygote):
    """Where receipts tell, nothing is sent twice; else at most what was under way."""
    for one in every((where, n)):
        struck, taken = killed(tmp_path / f"{one[1]}", zygote, one, how)
        assert 0 <= taken.total() - FORWARDS <= WINDOW
        if not struck:
            assert one != (where, n), "it never came to that"
            break
