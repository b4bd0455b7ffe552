"""What staff orders of group sendings: lists taken in, a mailing prepared and counted, run by the token of its count, paused, stopped.

Each is one transaction with its audit, whoever asks for it, a page or a command. `who` and `why` stay for good; neither may hold a number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from mmsd.model import Batch, Composed, Deed, ListPart, Mailing
from mmsd.rules.audience import CAMPAIGN_CLOSED, COUNT_HOLDS, SEED_RETIRED, Fault, Line, Plan, State, faults_of, moved, token
from mmsd.store import ListTold, MailingAsk, Needs, Rows, Store

_GO_ON: Final = frozenset({"run", "count", "resume"})
_OVER: Final = {
    CAMPAIGN_CLOSED: "its campaign is closed, and nothing more of it is sent",
    SEED_RETIRED: "its seed is retired, and sent to nobody any more; prepare a mailing of one that is live",
}


class Refused(ValueError):
    """Not done, and why, in words for people."""


def take_in(
    store: Store, campaign: str, name: str, part: int, lines: Sequence[Line], faults: Sequence[Fault], *, who: str, now: int
) -> ListTold:
    """A part of a list, 0 being the first; the same again changes nothing. Refused when it is not the next one, or the list is in use."""
    taken = ListPart(campaign, name, part, tuple(lines), tuple(faults), who)
    deeds = [Deed(who, "list", f"{campaign} {name}", "uploaded")] if not part else []
    before = store.list_told(campaign, name)
    if before is None or before.parts <= part:
        store.transact(Needs(), lambda _: Batch(now, lists=[taken], deeds=deeds))
    told = store.list_told(campaign, name)
    if told is None or told.parts <= part:
        said = f"its next part is {told.parts}" if told is not None and told.parts < part else "a mailing goes to it; take another name"
        raise Refused(f"the list {name} takes no part {part} now: {said}")
    return told


def prepare(
    store: Store, campaign: str, seed: str, audience: ListTold, content: Composed, plan: Plan, *, who: str, why: str, now: int
) -> int:
    """A mailing that is to be counted; its number. Refused for a plan that is none."""
    faults = faults_of(plan)
    if faults:
        raise Refused("; ".join(faults))
    mailing = Mailing(
        0, campaign, seed, audience.id, msgspec.to_builtins(plan), content.name, State.COUNTING.value, changed=now, who=who
    )  # fmt: skip
    deed = Deed(who, "prepare", f"{campaign}/{seed} to {audience.name}", why)
    store.transact(Needs(), lambda _: Batch(now, composed=[content], mailings=[mailing], deeds=[deed]))
    return store.mailings(campaign)[0].id


def run(store: Store, number: int, said: str, *, key: bytes, who: str, why: str, now: int) -> None:
    """Runs what was counted. Refused unless `said` is the token of that count, and it is not too old; and once its campaign is closed
    or its seed retired."""

    def to(mailing: Mailing) -> Mailing:
        if mailing.state == State.COUNTED and now - mailing.counted > COUNT_HOLDS:
            raise Refused("it was counted more than a day ago; count again")
        if mailing.state == State.COUNTED and said != token(key, mailing):
            raise Refused("this is not the token of what was counted last; look at the count again")
        return moved(mailing, State.RUNNING, now)

    _order(store, number, "run", to, who=who, why=why, now=now)


def recount(store: Store, number: int, *, who: str, why: str, now: int) -> None:
    """Counts it anew; another token comes of it. Refused like `run`."""
    _order(
        store, number, "count", lambda mailing: msgspec.structs.replace(moved(mailing, State.COUNTING, now), counts={}, after=0, counted=0),
        who=who, why=why, now=now,
    )  # fmt: skip


def pause(store: Store, number: int, *, who: str, why: str, now: int) -> None:
    """Asks for nothing more; what was asked for leaves. `mmsd stop campaign:ID` holds that, too."""
    _order(store, number, "pause", lambda mailing: moved(mailing, State.PAUSED, now), who=who, why=why, now=now)


def resume(store: Store, number: int, *, who: str, why: str, now: int) -> None:
    """One that was paused goes on where it stood. Refused like `run`."""

    def to(mailing: Mailing) -> Mailing:
        if mailing.state != State.PAUSED:
            raise Refused(f"it is {mailing.state}, not paused")
        return moved(mailing, State.RUNNING, now)

    _order(store, number, "resume", to, who=who, why=why, now=now)


def stop(store: Store, number: int, *, who: str, why: str, now: int) -> None:
    """Ends it for good."""
    _order(store, number, "stop", lambda mailing: moved(mailing, State.STOPPED, now), who=who, why=why, now=now)


def _order(store: Store, number: int, what: str, to: Callable[[Mailing], Mailing], *, who: str, why: str, now: int) -> None:
    refused: list[Refused] = []

    def decide(rows: Rows) -> Batch:
        refused.clear()
        if rows.page is None:
            refused.append(Refused(f"there is no mailing {number}"))
            return Batch(now)
        mailing = rows.page.mailing
        if rows.page.over and what in _GO_ON:
            refused.append(Refused(_OVER[rows.page.over]))
            return Batch(now)
        try:
            after = to(mailing)
        except ValueError as error:  # Refused among them
            refused.append(Refused(str(error)))
            return Batch(now)
        return Batch(now, mailings=[after], deeds=[Deed(who, what, f"mailing {number} of {mailing.campaign}", why)])

    store.transact(Needs(page=MailingAsk(number, 0)), decide)
    if refused:
        raise refused[0]
