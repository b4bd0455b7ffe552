"""What a person says of a forward: one transaction with its audit, whoever asks for it, a page or a command.

`who` and `why` are kept for good; neither may hold a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mmsd.model import Batch, Forward
from mmsd.rules.reviews import Case, Refusal, review, sms_keys
from mmsd.rules.settings import CampaignSettings
from mmsd.store import Counted, Needs, Ordinal, Rows, Store

SERIAL_BITS: Final = 72
"""Random bits that a serial is made of, and some more."""
NO_SUCH: Final = Refusal("no_such_forward")


def act(
    store: Store, name: str, number: int, campaigns: Mapping[str, CampaignSettings], *, bits: int, who: str, why: str, now: int
) -> Forward | Refusal:
    """`release` or `stop` forward `number`: as it stands afterwards, or why it cannot be. `bits`: see `rules.reviews.review`."""
    found = store.forward(number)
    if found is None:
        return NO_SUCH
    key, told = found.forward.key, found.forward
    ordinal = Ordinal(told.campaign, told.sender, told.city)
    keys = sms_keys(key)
    outcome: Forward | Refusal = NO_SUCH

    def decide(rows: Rows) -> Batch:
        nonlocal outcome
        sms = [rows.outbox[one] for one in keys if one in rows.outbox]
        counts = rows.ordinals.get(ordinal, Counted(0, 0, 0))
        case = Case(rows.forwards[key], number, rows.serial_of.get(key, ""), sms, counts)
        said = review(name, case, campaigns.get(told.campaign), bits=bits, who=who, why=why, now=now)
        if isinstance(said, Refusal):
            outcome = said
            return Batch(now)
        made = said.awarded
        (outcome,) = made.forwards
        return Batch(
            now, forwards=made.forwards, serials=made.serials, outbox=made.outbox, events=made.events, moved=list(said.withdrawn),
            deeds=[said.deed],
        )  # fmt: skip

    store.transact(Needs(forwards=frozenset({key}), outbox=frozenset(keys), ordinals=frozenset({ordinal})), decide)
    return outcome
