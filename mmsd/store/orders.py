"""What a person may order of the outbox: each is one transaction with its audit, whoever asks for it, a page or a command.

`who` and `why` are kept for good; neither may hold a number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mmsd.model import Batch, Deed, Outgoing, Redeemed
from mmsd.rules import outbox
from mmsd.store import Needs, Presented, Rows, Store

RELEASED: Final = "released"
DISCARDED: Final = "discarded"


def release(store: Store, number: int, *, who: str, why: str, now: int) -> bool:
    """Send a parked row once more, after all. False when there is no such row, or it is not parked."""
    return _moved(
        store, number, Deed(who, "release", f"outbox {number}", why), now,
        lambda row: outbox.moved(row, outbox.READY, reason=RELEASED, due=now, reserved=0),
    )  # fmt: skip


def discard(store: Store, number: int, *, who: str, why: str, now: int) -> bool:
    """Never send a parked row again. False when there is no such row, or it is not parked."""
    return _moved(
        store, number, Deed(who, "discard", f"outbox {number}", why), now, lambda row: outbox.moved(row, outbox.DROPPED, reason=DISCARDED)
    )


def stop(store: Store, name: str, *, who: str, why: str, now: int) -> None:
    """Nothing of a class, of a campaign ("campaign:NAME") or of "all" is claimed from now on."""
    store.transact(Needs(), lambda _: Batch(now, stops=[(name, True)], deeds=[Deed(who, "stop", name, why)]))


def resume(store: Store, name: str, *, who: str, why: str, now: int) -> None:
    """What was stopped goes on."""
    store.transact(Needs(), lambda _: Batch(now, stops=[(name, False)], deeds=[Deed(who, "resume", name, why)]))


def approve(store: Store, kind: str, campaign: str, *, who: str, why: str, now: int) -> None:
    """The canary of a class and campaign is well: the rest may go."""
    deed = Deed(who, "approve", f"{kind} {campaign}".rstrip(), why)
    store.transact(Needs(), lambda _: Batch(now, approved=[(kind, campaign)], deeds=[deed]))


def redeem(store: Store, number: str, *, who: str, why: str, now: int) -> Presented | None:
    """Give what a serial promises, once: as it stood before: done now where it was `redeemable`. None: no such serial was issued."""
    before: list[Presented | None] = []

    def decide(rows: Rows) -> Batch:
        found = rows.presented.get(number)
        before[:] = [found]
        return redeemed(found, number, who=who, why=why, now=now) if found is not None and found.redeemable else Batch(now)

    store.transact(Needs(presented=frozenset({number})), decide)
    return before[0]


def redeemed(found: Presented, number: str, *, who: str, why: str, now: int) -> Batch:
    """What a redemption writes."""
    return Batch(now, redeemed=[Redeemed(number, found.campaign, who)], deeds=[Deed(who, "redeem", f"forward {found.forward}", why)])


def _moved(store: Store, number: int, deed: Deed, now: int, move: Callable[[Outgoing], Outgoing]) -> bool:
    found = store.outgoing(number)
    if found is None:
        return False
    done = False

    def decide(rows: Rows) -> Batch:
        nonlocal done
        row = rows.outbox[found.key]
        done = row.state == outbox.PARKED
        return Batch(now, moved=[move(row)], deeds=[deed]) if done else Batch(now)

    store.transact(Needs(outbox=frozenset({found.key})), decide)
    return done
