"""What registering a seed, retiring one and a step of a campaign's life write: one Batch each with its audit, or why not.

Pure: whoever asks gives what stands in the store, within the transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from mmsd.model import Batch, Deed, Event, LifeStep, NewSeed, SeedEntry
from mmsd.rules import life
from mmsd.rules.campaign import MOST_LIVE
from mmsd.rules.life import Looked, Refusal
from mmsd.rules.settings import CampaignSettings

MOST_MADE: Final = 50_000
"""Seeds that were ever registered; State has numbers for some more, which campaign files use."""


def register(
    new: NewSeed, campaign: CampaignSettings | None, there: Mapping[str, SeedEntry], steps: Sequence[LifeStep], *, live: int, made: int,
    why: str, now: int,
) -> Batch | Refusal:  # fmt: skip
    """A seed from now on. `there`: the seed of that name, if any; `steps` of its campaign; `live`, `made`: how many seeds there are.

    The first one makes the campaign a draft, unless its file has seeds of its own: then it runs already.
    """
    entry = new.entry
    if campaign is None:
        return Refusal(f"no campaign is called {entry.campaign!r}; write its file first")
    if entry.label in there:
        return Refusal(f"there is a seed {entry.label} already: one that was sent cannot be made again; take another name")
    if life.state_of(steps) == life.CLOSED:
        return Refusal(f"the campaign {entry.campaign} is closed")
    if live >= MOST_LIVE or made >= MOST_MADE:
        return Refusal(f"{MOST_LIVE:,} seeds may be live and {MOST_MADE:,} ever be made: retire some")
    batch = Batch(now, seeds=[new], deeds=[Deed(entry.who, "seed_weak" if entry.weak else "seed", entry.label, why)])
    if not steps and not campaign.seeds:
        batch.lives = [LifeStep(entry.campaign, now, life.DRAFT, entry.who, why)]
        batch.events = [_told(batch.lives[0])]
    return batch


def retire(label: str, there: Mapping[str, SeedEntry], *, who: str, why: str, now: int) -> Batch | Refusal:
    """It is no longer looked for; forwards of it stay."""
    entry = there.get(label)
    if entry is None or entry.state != life.LIVE:
        return Refusal(f"no live seed is called {label!r}")
    return Batch(now, retired=[label], deeds=[Deed(who, "seed_retire", label, why)])


def go(
    name: str, campaign: CampaignSettings, steps: Sequence[LifeStep], looked: Looked, *, who: str, why: str, now: int,
    confirmed: bool = False,
) -> Batch | Refusal:  # fmt: skip
    """A step of its life (`life.step`)."""
    step = life.step(name, steps, looked, campaign.id, who=who, why=why, now=now, confirmed=confirmed)
    if isinstance(step, Refusal):
        return step
    return Batch(now, lives=[step], deeds=[Deed(who, f"campaign_{name}", campaign.id, why)], events=[_told(step)])


def _told(step: LifeStep) -> Event:
    return Event(step.at, "campaign", step.campaign, {"campaign": step.campaign, "state": step.state})
