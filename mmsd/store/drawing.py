"""A draw from step to step. A person orders one, with his name and reason. Closing and drawing look through every serial, outside the
writer's transactions; what they come to is one transaction each. A crash leaves it ordered, and it is done again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec

from mmsd.errors import ConfigError
from mmsd.model import SECOND, Batch, Deed, Draw, Winner
from mmsd.rules import draw as rules
from mmsd.rules import prices
from mmsd.rules.campaign import first_and_last
from mmsd.rules.closing import FINAL, Rule
from mmsd.rules.settings import CampaignSettings, DrawSettings
from mmsd.store import Needs, Rows, Store
from mmsd.store.campaign_counts import Close, Totals

_LINE_FEED: Final = "\n"
_ONE_DAY: Final = timedelta(days=1)


class Known(NamedTuple):
    """A draw of the configuration."""

    campaign: CampaignSettings
    settings: DrawSettings
    folder: Path  # of the campaign files

    def terms(self, excluded: str) -> str:
        """As they would be committed to now; `excluded`: the hash of who may not win."""
        days = first_and_last(self.campaign, ZoneInfo(self.campaign.zone))
        return rules.terms_of(self.settings, days, excluded)


class Fresh(NamedTuple):
    """What is fixed when a draw is committed to, drawn and read beforehand."""

    seed: bytes
    key: bytes
    barred: bytes  # who may not win, packed


Draws = Mapping[tuple[str, str], Known]
"""All of them, by (campaign, name)."""


class Ordered(NamedTuple):
    """What a person orders: the next step of a draw."""

    name: tuple[str, str]
    step: str  # of `rules.draw.STEPS`
    who: str
    why: str
    beacon: str = ""
    early: bool = False  # closed though days of it are not final


class Closed(Protocol):
    """What is asked of a store, or of its reader: what was said of days, and what counts."""

    def campaign_closes(self, campaign: str, since: str = "", until: str = "~") -> list[Close]: ...
    def campaign_totals(self) -> Mapping[str, Totals]: ...


class OpenDays(NamedTuple):
    """Days that a draw covers and whose figures are not final: what is retrieved in them, or told of late, may still earn a serial."""

    first: str
    last: str
    until: str  # local time with its offset: they are final once every feed has been read beyond it
    forwards: int  # that count so far, of all days; of a campaign without any no day is ever final

    def __str__(self) -> str:
        return f"{self.first} to {self.last} are not final before every feed has been read beyond {self.until}"


def draws_of(campaigns: Iterable[CampaignSettings], folder: Path) -> dict[tuple[str, str], Known]:
    return {(campaign.id, draw.name): Known(campaign, draw, folder) for campaign in campaigns for draw in campaign.draws}


def fresh(ordered: Ordered, store: Store, known: Known, random: Callable[[int], bytes]) -> Fresh:
    """For a draw that is to be committed to; of a later step nothing. Raises ConfigError when the list of numbers that may not win cannot
    be read.
    """
    if ordered.step != "commit":
        return Fresh(b"", b"", b"")
    seed, key = random(rules.SEED_BYTES), random(rules.SEED_BYTES)
    return Fresh(seed, key, store.draw_persons(key, barred(known)))


def needs(ordered: Ordered) -> Needs:
    return Needs(draws=frozenset({ordered.name}))


def still_open(store: Closed, draw: Draw | None, known: Known) -> OpenDays | None:
    """Which days of a draw that is to be closed are not final; None: all are. What is final stays so, whatever comes."""
    if draw is None or draw.state != rules.COMMITTED:
        return None
    terms, zone = rules.read_terms(draw.terms), ZoneInfo(known.campaign.zone)
    rule = Rule.of(known.campaign, zone)
    first, last = date.fromisoformat(terms.first), min(date.fromisoformat(terms.last), rule.until)
    final = [date.fromisoformat(close.day) for close in store.campaign_closes(draw.campaign, terms.first) if close.stage == FINAL]
    if final and max(final) >= last:  # with a day all before it are
        return None
    until = datetime.fromtimestamp(rule.at(last, FINAL) // SECOND, UTC).astimezone(zone)
    totals = store.campaign_totals().get(draw.campaign)
    since = max([first, *(day + _ONE_DAY for day in final)])
    return OpenDays(since.isoformat(), last.isoformat(), until.isoformat(" "), totals.forwards if totals is not None else 0)


def decide(ordered: Ordered, rows: Rows, known: Known, now: int, made: Fresh, open_days: OpenDays | None) -> Batch | str:
    """What an order writes, or why it cannot be."""
    draw = rows.draws.get(ordered.name)
    wrong = fault(ordered, draw, open_days)
    if wrong:
        return wrong
    deed = Deed(ordered.who, f"draw {ordered.step}{' early' if open_days else ''}", "/".join(ordered.name), ordered.why)
    if draw is None:
        terms = known.terms(rules.digest(rules.Barred(made.barred)))
        committed = rules.commitment(*ordered.name, terms, made.seed)
        draw = Draw(*ordered.name, rules.COMMITTED, terms, committed, made.seed, made.key, now, barred=made.barred)
    elif ordered.step == "close":
        draw = msgspec.structs.replace(draw, state=rules.CLOSING)
    else:
        draw = msgspec.structs.replace(draw, state=rules.DRAWING, beacon=ordered.beacon)
    return Batch(now, draws=[draw], events=[rules.told(draw, now)], deeds=[deed])


def fault(ordered: Ordered, draw: Draw | None, open_days: OpenDays | None) -> str:
    """Why a step cannot be done, as the draw stands; "" when it can."""
    state = draw.state if draw is not None else ""
    if state != rules.STEPS[ordered.step]:
        return f"the draw is {state or 'not committed to'}"
    if ordered.early and ordered.step != "close":
        return "only a close can be early"
    if ordered.step == "close" and open_days and not open_days.forwards:
        return f"no forward of campaign {ordered.name[0]} counts: there is nothing to draw"
    if ordered.step == "close" and open_days and not ordered.early:
        return f"{open_days}: what counts until then would take no part; say early to close all the same"
    if draw is None or ordered.step == "close":
        return ""
    asked = rules.read_terms(draw.terms).beacon
    if bool(asked) != bool(ordered.beacon):
        return f"say the number: {asked}" if asked else "no number is mixed into this draw"
    return "the number is no line of text" if not ordered.beacon.isprintable() or len(ordered.beacon) > 200 else ""


def means(ordered: Ordered, draw: Draw | None, known: Known, open_days: OpenDays | None) -> list[str]:
    """What will happen, in words, before it is ordered."""
    campaign, settings, _ = known
    terms = rules.read_terms(draw.terms if draw is not None else known.terms(""))
    prizes = ", ".join(f"{prize.count} × {prize.name}" for prize in terms.prizes)
    if draw is None:
        return [
            f"prizes: {prizes}; {terms.reserves} in reserve",
            f"who takes part: forwards of {terms.first} to {terms.last} that count, "
            + ("each a chance" if terms.chances == "serial" else "a chance for each person"),
            *(["who won in another draw of the campaign is left out"] if terms.once else []),
            *([f"numbers in {settings.excluded} are left out, as it reads now"] if settings.excluded else []),
            *([f"mixed in: {terms.beacon}"] if terms.beacon else []),
            "prizes, dates, chances, who may not win and the secret seed number cannot be changed from now on; publish the commitment",
        ]
    if ordered.step == "close":
        return [
            f"who takes part is listed now, of {terms.first} to {terms.last}; what counts later takes no part",
            *([f"{open_days}: forwards of these days are missing that are counted later"] if open_days else []),
            "the list cannot be changed; publish its hash",
        ]
    text = rules.certificate(settings, campaign, terms.prizes[0].name, 1, "…", draw.name)
    winners = sum(prize.count for prize in terms.prizes)
    cost = prices.of_sms(text, winners, campaign.sending)
    return [
        f"{prizes} and {terms.reserves} in reserve are drawn among {draw.entries:,} entries of {draw.people:,} people, once and for all",
        f"an SMS to each of {winners}, as soon as its class is switched on: {text}",
        *([f"cost of these SMS: {cost}"] if cost else []),
    ]


def word(ordered: Ordered, draw: Draw | None, known: Known, open_days: OpenDays | None) -> str:
    """What a person says back once he has read what will happen; another one whenever the draw, or what it means, is another."""
    said = [*ordered.name, ordered.step, ordered.beacon, *means(ordered, draw, known, open_days)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:8]


def go_on(store: Store, draw: Draw, known: Known, wall: Callable[[], int]) -> Draw:
    """Do what was ordered of a draw that is closing or drawing; the draw as it stands then.

    Raises ConfigError when the list of numbers that may not win cannot be read, of a draw that does not have it in its terms.
    """
    return _close(store, draw, known, wall) if draw.state == rules.CLOSING else _draw(store, draw, known, wall)


def barred(known: Known) -> list[str]:
    """Numbers of those who may not win. Raises ConfigError."""
    settings = known.settings
    if not settings.excluded:
        return []
    path = known.folder / settings.excluded
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(f"draws.{settings.name}.excluded: {path}: {getattr(error, 'strerror', 'no text')}") from None
    found = []
    for number, line in enumerate(text.split(_LINE_FEED), 1):
        digits = "".join(sign for sign in line.partition("#")[0] if sign.isalnum())
        if digits and not (digits.isascii() and digits.isdecimal() and 8 <= len(digits) <= 15):  # E.164
            raise ConfigError(f"draws.{settings.name}.excluded: {path}: line {number} is no number with its country code")
        if digits:
            found.append(digits)
    return found


def _close(store: Store, draw: Draw, known: Known, wall: Callable[[], int]) -> Draw:
    terms = rules.read_terms(draw.terms)
    found = store.draw_entries(draw, terms, draw.barred if terms.excluded else store.draw_persons(draw.key, barred(known)))
    whole = rules.packed(found.entries)
    now = wall()
    closed = msgspec.structs.replace(
        draw, state=rules.CLOSED, closed=now, entries=len(found.entries), people=found.people, excluded=found.excluded,
        listing=rules.digest(rules.Listed(whole)), packed=whole,
    )  # fmt: skip
    return _once(store, draw, closed, lambda: Batch(now, draws=[closed], events=[rules.told(closed, now)]))


def _draw(store: Store, draw: Draw, known: Known, wall: Callable[[], int]) -> Draw:
    terms = rules.read_terms(draw.terms)
    listed = rules.Listed(store.draw_list(draw.campaign, draw.name))
    places = rules.drawn(listed, draw.seed, draw.listing, draw.beacon, terms)
    forwards = store.draw_forwards(draw, {bytes.fromhex(place.entry) for place in places})
    winners = [
        Winner(draw.campaign, draw.name, place.place, place.prize, entry, forwards[entry])
        for place in places
        for entry in (bytes.fromhex(place.entry),)
    ]
    people = store.earned_by({winner.forward for winner in winners})
    now = wall()
    done = msgspec.structs.replace(draw, state=rules.DRAWN, drawn=now)
    rows = rules.certificates(done, known.settings, known.campaign, [(winner, *people[winner.forward]) for winner in winners], now)
    return _once(store, draw, done, lambda: Batch(now, draws=[done], winners=winners, outbox=rows, events=[rules.told(done, now)]))


def _once(store: Store, was: Draw, then: Draw, batch: Callable[[], Batch]) -> Draw:
    """Unless somebody was faster."""
    name = (was.campaign, was.name)
    found: list[Draw] = []

    def decide(rows: Rows) -> Batch:
        now = rows.draws[name]
        found[:] = [then if now.state == was.state else now]
        return batch() if now.state == was.state else Batch(0)

    store.transact(Needs(draws=frozenset({name})), decide)
    return found[0]
