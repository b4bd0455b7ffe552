"""What a person may order of seeds and campaigns: each is one transaction with its audit, whoever asks for it, a page or a command.

An `Order` is not done yet: the web does it once for a key that comes twice, `done` does it at once. `who` and `why` are kept for good;
neither may hold a number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from mmsd.model import Batch, LifeStep, Mailing, NewSeed, SeedEntry
from mmsd.rules import life, prices, registering
from mmsd.rules.audience import State, Tally
from mmsd.rules.life import Looked, Plan, Refusal
from mmsd.rules.settings import CampaignSettings
from mmsd.store import Needs, Rows, Store


class Order(NamedTuple):
    """What the transaction has to see, and what it writes then, or why nothing."""

    needs: Needs
    decide: Callable[[Rows], Batch | Refusal]


class Known(NamedTuple):
    """A configured campaign, and what is configured elsewhere and matters to it."""

    campaign: CampaignSettings
    ends: int  # µs
    switch: str  # of the class of its SMS


class View(NamedTuple):
    """A campaign as it is now."""

    steps: Sequence[LifeStep]
    looked: Looked
    plan: Plan

    @property
    def state(self) -> str:
        return life.state_of(self.steps)

    @property
    def confirmation(self) -> str:
        """What *run* wants back; "" while it cannot run."""
        checked = self.state == life.CHECKED and self.steps[-1].checked == self.looked.digest and not self.looked.faults
        return life.confirmation(self.looked, self.plan) if checked else ""


class Shelf(Protocol):
    """What is asked of the store, or of a reader of it."""

    def seeds(self, campaign: str | None = None, state: str | None = None) -> list[SeedEntry]: ...
    def mailings(self, campaign: str | None = None, state: str | None = None) -> list[Mailing]: ...


def look(store: Shelf, known: Known, steps: Sequence[LifeStep], now: int) -> View:
    """`steps` of its life so far."""
    found = store.seeds(known.campaign.id)
    looked = life.look(known.campaign, found, switch=known.switch, ends=known.ends, now=now)
    return View(steps, looked, plan_of(known.campaign, store.mailings(known.campaign.id)))


def plan_of(campaign: CampaignSettings, mailings: Sequence[Mailing]) -> Plan:
    """What running a campaign begins: its group sendings that are counted, and wait or run; without one it has no list."""
    plan = life.plan_of(campaign)
    counts = [Tally.of(mailing.counts) for mailing in mailings if mailing.counted and mailing.state in (State.COUNTED, State.RUNNING)]
    if not counts:
        return plan
    left = sum((tally.left for tally in counts), Counter[str]())
    sent = sum(tally.sent for tally in counts)
    cost = "; ".join(filter(None, (prices.of_seeds(sent, campaign.sending), plan.cost)))
    return plan._replace(audience=sent, left_out=dict(sorted(left.items())), cost=cost)


def register(store: Store, new: NewSeed, campaigns: Mapping[str, Known], *, why: str, now: int) -> Order:
    """A seed from now on. Whoever asks has made sure that its octets are what they say (`link.maker.fault`)."""
    name, label = new.entry.campaign, new.entry.label
    known = campaigns.get(name)
    everything = store.seeds()
    live = sum(entry.state == life.LIVE for entry in everything)

    def decide(rows: Rows) -> Batch | Refusal:
        campaign = known.campaign if known is not None else None
        return registering.register(new, campaign, rows.seeds, rows.lives.get(name, ()), live=live, made=len(everything), why=why, now=now)

    return Order(Needs(seeds=frozenset({label}), lives=frozenset({name})), decide)


def retire(label: str, *, who: str, why: str, now: int) -> Order:
    """It is no longer looked for."""
    return Order(Needs(seeds=frozenset({label})), lambda rows: registering.retire(label, rows.seeds, who=who, why=why, now=now))


def step(store: Store, name: str, known: Known, *, who: str, why: str, now: int, confirmed: str = "") -> Order:
    """A step of a campaign's life, by its name in `life.STEPS`; `confirmed`: what *run* was shown."""
    campaign = known.campaign
    found, plan = store.seeds(campaign.id), plan_of(campaign, store.mailings(campaign.id))

    def decide(rows: Rows) -> Batch | Refusal:
        steps = rows.lives.get(campaign.id, ())
        looked = life.look(campaign, found, switch=known.switch, ends=known.ends, now=now)
        same = confirmed == life.confirmation(looked, plan)
        return registering.go(name, campaign, steps, looked, who=who, why=why, now=now, confirmed=same)

    return Order(Needs(lives=frozenset({campaign.id})), decide)


def done(store: Store, order: Order) -> str:
    """Does it. Why it was refused; "" when it was done."""
    refused = ""

    def once(rows: Rows) -> Batch:
        nonlocal refused
        made = order.decide(rows)
        refused = made if isinstance(made, Refusal) else ""
        return Batch(0) if isinstance(made, Refusal) else made

    store.transact(order.needs, once)
    return refused
