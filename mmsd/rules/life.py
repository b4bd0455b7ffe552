"""The life of a campaign: its states, which step leads to which, and what each state means.

    DRAFT → CHECKED → RUNNING ⇄ PAUSED → CLOSED

A campaign begins as a draft with the first seed that is registered for it, or by order. One without a step is running within its dates: its
file alone says so, as before there were steps. In a draft nothing is sent and nothing counts: what staff tries out among themselves earns
no serial. Paused, nothing is sent and forwards count on; their SMS wait. Closed is for good: what was submitted later is noted, and counts
no more.

Steps carry the wall clock; what they mean for a forward is asked by the time it was submitted: it is the same in whatever order lines come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from mmsd.model import LifeStep, SeedEntry
from mmsd.rules import prices
from mmsd.rules.serials import spell
from mmsd.rules.settings import CampaignSettings

LIVE: Final = "live"
RETIRED: Final = "retired"

DRAFT: Final = "draft"
CHECKED: Final = "checked"
RUNNING: Final = "running"
PAUSED: Final = "paused"
CLOSED: Final = "closed"

STEPS: Final[Mapping[str, tuple[frozenset[str], str]]] = {
    "draft": (frozenset({CHECKED, RUNNING, PAUSED}), DRAFT),  # it shall be changed, or tried, before it goes on
    "check": (frozenset({DRAFT, CHECKED}), CHECKED),
    "run": (frozenset({CHECKED}), RUNNING),
    "pause": (frozenset({RUNNING}), PAUSED),
    "resume": (frozenset({PAUSED}), RUNNING),
    "close": (frozenset({DRAFT, CHECKED, RUNNING, PAUSED}), CLOSED),
}
"""What a person may order: from which states, and to which."""
STATES: Final = (DRAFT, CHECKED, RUNNING, PAUSED, CLOSED)
WAITING: Final = frozenset({DRAFT, CHECKED, PAUSED})
"""States in which what the campaign has in the outbox waits. A closed one's serials were earned before, and leave."""

NOT_RUNNING: Final = "not_running"
AFTER_CLOSE: Final = "closed"
"""Why a forward does not count: submitted before the campaign ran, or after it was closed."""


def state_of(steps: Sequence[LifeStep]) -> str:
    """The state a campaign is in now."""
    return steps[-1].state if steps else RUNNING


def possible(state: str) -> list[str]:
    """Steps that can be ordered in a state.

    >>> possible(RUNNING), possible(CLOSED)
    (['draft', 'pause', 'close'], [])
    """
    return [name for name, (before, _) in STEPS.items() if state in before]


def reason_at(steps: Sequence[LifeStep], at: int) -> str:
    """Why a forward submitted then does not count; "" when the campaign's life does not stand against it.

    >>> run = [LifeStep("torch", 10, DRAFT, "", ""), LifeStep("torch", 20, RUNNING, "", ""), LifeStep("torch", 30, CLOSED, "", "")]
    >>> [reason_at(run, at) for at in (5, 15, 20, 29, 30)]
    ['not_running', 'not_running', '', '', 'closed']
    >>> reason_at(run[2:], 5), reason_at([], 5)
    ('', '')
    """
    state = DRAFT if steps and steps[0].state == DRAFT else RUNNING
    for step in steps:
        if step.at > at:
            break
        state = step.state
    return {DRAFT: NOT_RUNNING, CHECKED: NOT_RUNNING, CLOSED: AFTER_CLOSE}.get(state, "")


def waits_since(steps: Sequence[LifeStep]) -> int:
    """Since when what the campaign has in the outbox waits, µs; 0: it does not.

    >>> paused = [LifeStep("torch", 20, RUNNING, "", ""), LifeStep("torch", 30, PAUSED, "", ""), LifeStep("torch", 40, DRAFT, "", "")]
    >>> waits_since(paused), waits_since(paused[:1])
    (30, 0)
    """
    since = 0
    for step in reversed(steps):
        if step.state not in WAITING:
            break
        since = step.at
    return since


class Looked(NamedTuple):
    """What a check finds: `faults` stand against it, `notes` are to be known. Each opens with what it is about."""

    faults: tuple[str, ...]
    notes: tuple[str, ...]
    digest: str  # of all that was looked at: another one later means that something changed


def look(campaign: CampaignSettings, seeds: Iterable[SeedEntry], *, switch: str, ends: int, now: int) -> Looked:
    """A campaign before it runs. `seeds`: its own in the store, live or not; `switch`: of the class of its SMS; `ends`, `now`: µs."""
    live = sorted((seed for seed in seeds if seed.state == LIVE), key=lambda seed: seed.name)
    faults, notes = [], []
    if not live and not campaign.seeds:
        faults.append("seeds: there is none; make one with `mmsd seed make`, or on the page of seeds")
    faults += [f"seeds: {seed.label} is weak, and nobody took it by name" for seed in live if seed.weak and not seed.who]
    notes += [f"seeds: {seed.label} is weak; {seed.who} took it" for seed in live if seed.weak and seed.who]
    untried = [seed.id for seed in campaign.seeds if seed.id not in {made.name for made in live}]
    if untried:
        notes.append(f"seeds: {len(untried)} of its file are known by log lines alone, such as {untried[0]!r}")
    if ends <= now:
        faults.append(f"ends: {campaign.ends} is over")
    for language in ("zh", "en"):
        if not getattr(campaign, f"sms_{language}").strip():
            faults.append(f"sms_{language}: is empty")
    if campaign.sms_zh == campaign.sms_en:
        notes.append("sms_en: says the same as sms_zh")
    if not campaign.name.strip():
        faults.append("name: is empty")
    if switch == "off":
        faults.append("governor.transactional.switch: is off, so serials would be dropped; shadow or on")
    elif switch == "shadow":
        notes.append("governor.transactional.switch: is shadow: serials are issued and listed, and no SMS leaves")
    return Looked(tuple(faults), tuple(notes), _digest(campaign, live, switch))


def _digest(campaign: CampaignSettings, live: Sequence[SeedEntry], switch: str) -> str:
    said = msgspec.json.encode([campaign, live, switch], order="deterministic")
    return hashlib.blake2b(said, digest_size=8).hexdigest()


class Plan(NamedTuple):
    """What *run* begins, as a person sees it before he says yes."""

    first_sms: str  # that a forwarder gets, in the campaign's language
    audience: int | None = None  # subscribers the seed goes to; None: no list, whoever gets it forwards it
    left_out: Mapping[str, int] = {}  # of the list, by reason
    cost: str = ""  # in words of the operator's price list; "" where it has none
    notes: tuple[str, ...] = ()


def plan_of(campaign: CampaignSettings) -> Plan:
    """The plan of a campaign that is sent to no list by mmsd.

    >>> plan_of(CampaignSettings("torch", "Torch", "2026-01-01", "2026-02-01", language="en")).first_sms
    'Your forward was received (no. 1). Serial: 22222222222222'
    """
    text = campaign.sms_zh if campaign.language == "zh" else campaign.sms_en
    first = text.format(serial=spell(0, campaign.serial_prefix), leg=1, city_leg=1, total=1, city="")
    return Plan(first, cost=_cost_of_sms(first, campaign))


def _cost_of_sms(first: str, campaign: CampaignSettings) -> str:
    """Of what forwarders get: no one knows how many there will be, so for a thousand of them, or for the target."""
    n = campaign.target or 1000
    cost = prices.of_sms(first, n, campaign.sending)
    return f"{cost} for the SMS of {n:,} forwards" if cost else ""


def confirmation(looked: Looked, plan: Plan) -> str:
    """What *run* has to be given back: a digest of what was shown, so that nobody says yes to something else."""
    said = msgspec.json.encode([looked.digest, plan], order="deterministic")
    return hashlib.blake2b(said, digest_size=6).hexdigest()


class Refusal(str):
    """Why a step cannot be taken, in words for people."""


def step(
    name: str, steps: Sequence[LifeStep], looked: Looked, campaign: str, *, who: str, why: str, now: int, confirmed: bool = False
) -> LifeStep | Refusal:
    """The step as a row, or why not. `confirmed`: for *run*, whether what was shown is what would begin now."""
    before, after = STEPS[name]
    state = state_of(steps)
    if state not in before:
        return Refusal(f"the campaign is {state}; {name} follows {', '.join(sorted(before, key=STATES.index))}")
    if name == "check" and looked.faults:
        return Refusal("; ".join(looked.faults))
    if name == "run":
        if looked.faults or steps[-1].checked != looked.digest:
            return Refusal("something changed since it was checked; check it again")
        if not confirmed:
            return Refusal("what was shown is not what would begin now; look at it again")
    at = max(now, steps[-1].at + 1 if steps else now)
    return LifeStep(campaign, at, after, who, why, looked.digest if name == "check" else "")
