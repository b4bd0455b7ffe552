"""What a campaign's rules count comes back from the store: decided at once or batch by batch, the same forwards count."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC
from typing import Any

import pytest

from mmsd.model import DAY, HOUR, Batch
from mmsd.rules import forwards
from mmsd.rules.campaign import Seed
from mmsd.rules.forwards import NOTHING, Candidate, Past, Standing
from mmsd.rules.settings import CampaignSettings, SeedSettings
from mmsd.store import Needs, Ordinal, Rows, Store
from tests.store.conftest import NOW, put, see
from tests.store.values import LI, WANG, ZHAO, forward

RULES = [{"pair_cap": 2}, {"sender_cap": 5}, {"sender_daily": 3}, {"fan_in": 2}, {"pair_cap": 3, "sender_daily": 4, "fan_in": 3}]


def candidates(draw: random.Random, rules: dict[str, Any], n: int = 120) -> list[Candidate]:
    campaign = CampaignSettings("relay", "Relay", "2026-01-01", "2026-12-31", (SeedSettings("torch"),), **rules)
    seed = Seed(1, campaign, campaign.seeds[0], UTC, 0, 1 << 62)
    found = []
    for number in range(n):
        sender, receiver = draw.sample(range(8613800000000, 8613800000006), 2)
        at = NOW + draw.randrange(2 * DAY // HOUR) * HOUR
        reason = draw.choice(("", "", "self"))
        found.append(Candidate(number.to_bytes(16, "big"), seed, "m", sender, receiver, at, at, "Wuxi", "tag", 1.0, 1, None, reason))
    return sorted(found, key=lambda one: (one.retrieved, one.key))


def take(store: Store, some: list[Candidate]) -> None:
    """As the sequencer does."""
    needs = Needs(
        forwards=forwards.keys_of(some), ordinals=frozenset(Ordinal(c.seed.campaign.id, str(c.sender), c.city) for c in some),
        standings=frozenset(map(forwards.standing_of, some)),
    )  # fmt: skip

    def decide(rows: Rows) -> Batch:
        made = forwards.decide(some, rows.forwards, rows.ordinals, [one.retrieved << 20 | int(one.key[-1]) for one in some], NOW, rows.past)
        return Batch(NOW, forwards=made.forwards, serials=made.serials, outbox=made.outbox)

    store.transact(needs, decide)


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_batches_do_not_matter(open_store, rules: dict[str, Any]):
    draw = random.Random(str(rules))
    every = candidates(draw, rules)
    store = open_store()
    while every:
        n = draw.choice((1, 1, 2, 5, 30))
        take(store, every[:n])
        take(store, every[:n])  # told twice
        every = every[n:]
    found = {issued.forward.key: issued.forward.reason for issued in store.all_forwards()}
    alone = forwards.decide(candidates(random.Random(str(rules)), rules), {}, {}, range(1 << 70, (1 << 70) + 120), NOW)
    assert found == {row.key: row.reason for row in alone.forwards}
    reasons = Counter(found.values())
    assert reasons[""] > 10
    assert all(reasons[name] for name in rules)
    assert store.counts("relay").serials == reasons[""]


def test_only_what_counts_stands_against_another(store: Store):
    put(
        store,
        Batch(NOW, forwards=[forward(1), forward(2, counted=False, reason="self"), forward(3, sender=ZHAO), forward(4, day="2026-11-23")]),
    )
    full = Standing("relay", LI, WANG, "2026-11-22", 0, True, True)
    past = see(store, Needs(standings=frozenset({full, full._replace(pair_from=9, daily=False, fan_in=False)}))).past
    assert (past[full].pair, past[full].daily, len(past[full].senders)) == (2, 1, 2)
    assert past[full].sender in past[full].senders
    (other,) = (told for standing, told in past.items() if standing != full)
    assert other == Past(sender=past[full].sender)  # with two forwards in all nobody has sent nine to one
    stranger = full._replace(sender="8613800000099", receiver="8613800000098")
    assert see(store, Needs(standings=frozenset({stranger}))).past.get(stranger, NOTHING) == NOTHING
