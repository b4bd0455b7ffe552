"""What happens in the relay, drawn as columns: messages, one row a submit, and legs, one row a receiver of a message.

Hour by hour, messages are taken from a pool of those whose owners hold the seed; some of their receivers are people who will send it on
themselves, and two hours later theirs are in the pool. Who takes part sends at least one message on that arrives, so the totals are exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sim.relay.people import METHODS, MODELS, People, settle
from sim.relay.text import Ints

PARTICIPANTS: Final = 906_598
FORWARDS: Final = 2_161_344
SUBSCRIBERS: Final = 3_000_000
DAYS: Final = 30
AHEAD: Final = 8 * 3600
"""Seconds that local time is ahead of UTC."""
START: Final = 1_209_571_200
"""2008-05-01 00:00 there, seconds UTC."""
SHORT_CODE: Final = 10_658_366
"""Who sends the seed out."""

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 3600 * SECOND

BACKGROUND, FORWARD, SERVICE = range(3)
COUNTED, AGAIN, SELF, NEVER, OTHER = range(5)
"""What becomes of a leg: a forward that counts; the same once more, sent because the answer was lost; to the sender himself; fetched by
nobody; no forward at all."""

_HOURS: Final = (2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 13, 14, 13, 12, 12, 12, 13, 14, 16, 17, 15, 9, 5)
"""Traffic by hour of the day."""
_OPENING: Final = 12
"""The hour of the first day at which the first is sent on; the service's own sending ends before."""
_LAST: Final = 0.05
"""Share of the time that is left when the last new people have the seed."""
_MOST: Final = 5
"""Receivers of a message."""


@dataclass(frozen=True, slots=True)
class Messages:
    """One row a submit, in order of time. `number` of a message is its row."""

    at: Ints  # µs UTC
    sender: Ints  # rank; −1: the service
    size: Ints  # octets as posted
    kind: npt.NDArray[np.uint8]
    lost: npt.NDArray[np.bool_]  # the handset saw no answer to it
    origin: Ints  # the message it is the same as, content and transaction: itself, but for what was sent again
    real: npt.NDArray[np.bool_]  # there is a PDU of it (`pdus`), and no recogniser of another make was given its copy

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True, slots=True)
class Legs:
    """One row a message and receiver, in the order of messages. Times in µs UTC, 0: it did not happen."""

    message: Ints
    receiver: Ints
    fate: npt.NDArray[np.uint8]
    notified: Ints
    reported: Ints
    fetched: Ints
    answered: Ints

    def __len__(self) -> int:
        return len(self.message)


@dataclass(frozen=True, slots=True)
class Relay:
    """All of it."""

    people: People
    messages: Messages
    legs: Legs
    participants: int
    forwards: int

    def methods(self, chosen: npt.NDArray[Any]) -> Ints:
        """How the seed is recognised in these messages, as places of `people.METHODS`: what their senders' handsets make of it."""
        of_model = np.array([METHODS.index(model.method) for model in MODELS])
        return np.asarray(of_model[self.people.model[self.messages.sender[chosen]]])


@dataclass(slots=True)
class _Part:
    """Messages of one sort and their legs, as they are drawn; `count` receivers each."""

    at: Ints
    sender: Ints
    size: Ints
    kind: int
    receiver: Ints
    message: Ints  # of each leg, a row of this part
    fate: npt.NDArray[np.uint8]
    latest: Ints  # µs after the notification by which it is fetched
    lost: npt.NDArray[np.bool_]
    origin: Ints  # rows of this part


def relay(scale: float = 1.0, seed: int = 20_080_324, *, days: int = DAYS, subscribers: int = 0, real: float = 0.0) -> Relay:
    """The relay, or a `scale` of it: so many people and forwards, of as many subscribers as that takes. ValueError: too few to last.

    `real`: the share of submits that exist as PDUs; whatever it is, the same happens.
    """
    rng = np.random.default_rng(seed)
    participants, forwards = round(PARTICIPANTS * scale), round(FORWARDS * scale)
    people = settle(rng, subscribers or max(round(SUBSCRIBERS * scale), participants + 100))
    takers = rng.permutation(len(people))[:participants]
    first = max(participants // 10, 1)
    relayed = _relayed(rng, people, takers, first, forwards, days)
    parts = [
        _served(rng, people, takers[:first]), relayed, _again(rng, relayed), _unfetched(rng, people, relayed, days),
        _selves(rng, relayed), _background(rng, people, forwards, days),
    ]  # fmt: skip
    messages, legs = _joined(rng, parts)
    return Relay(people, replace(messages, real=_real(messages, seed, real)), legs, participants, forwards)


def _real(messages: Messages, seed: int, share: float) -> npt.NDArray[np.bool_]:
    """Of what people send the chosen share; what was sent again is real where the first was."""
    chosen = np.random.default_rng((seed, 1)).random(len(messages)) < share
    return np.asarray(chosen[messages.origin] & (messages.kind != SERVICE))


# ---------------------------------------------------------------------------------------------------------------- the relay


def _relayed(rng: np.random.Generator, people: People, takers: Ints, first: int, forwards: int, days: int) -> _Part:
    """Messages of the relay that arrive. `takers` get the seed in their order; the `first` of them from the service."""
    owner, counts, until = _owned(rng, len(takers), forwards)
    starts = np.cumsum(counts) - counts
    at = np.zeros(len(owner), np.int64)
    receiver = np.full(forwards, -1, np.int64)
    weights = np.tile(np.array(_HOURS, float), days) * np.repeat(rng.uniform(0.6, 1.4, days), 24)
    weights[:_OPENING] = 0.0
    share = np.cumsum(weights) / weights.sum()
    wanted = np.round(len(owner) * share).astype(np.int64)
    holders = first + np.round((len(takers) - first) * np.minimum(share / share[-max(round(_LAST * len(share)), 5)], 1.0)).astype(np.int64)
    pool = np.arange(until[first - 1])
    held, coming, sent = first, [np.empty(0, np.int64)] * 2, 0
    for hour in range(_OPENING, len(weights)):
        pool = np.concatenate([pool, coming.pop(0)])
        taken = rng.choice(len(pool), min(wanted[hour] - sent, len(pool)), replace=False)
        chosen = np.sort(pool[taken])
        pool = np.delete(pool, taken)
        sent += len(chosen)
        at[chosen] = (START + hour * 3600) * SECOND + rng.integers(0, HOUR, len(chosen))
        legs = np.repeat(starts[chosen], counts[chosen]) + _within(counts[chosen])
        new = min(int(holders[hour]) - held, len(legs))
        receiver[rng.choice(legs, new, replace=False)] = takers[held : held + new]
        coming.append(np.arange(until[held - 1], until[held + new - 1]))
        held += new
    if sent < len(owner) or held < len(takers):
        raise ValueError(f"of {len(owner)} messages {len(owner) - sent} are left: the relay is too small to run for {days} days")
    new_to_it = receiver >= 0
    message = np.repeat(np.arange(len(owner)), counts)
    sender = takers[owner]
    _draw_receivers(rng, receiver, sender[message], message, lambda n: _anybody(rng, people, takers, n))
    _send_again(rng, owner, at, receiver, starts, counts, new_to_it, message)
    latest = np.where(new_to_it, 55 * MINUTE, 20 * HOUR)
    lost = rng.random(len(owner)) < np.array([model.resends for model in MODELS])[people.model[sender]]
    size = rng.integers(24_000, 42_000, len(owner))
    return _Part(at, sender, size, FORWARD, receiver, message, _fates(forwards, COUNTED), latest, lost, np.arange(len(owner)))


def _owned(rng: np.random.Generator, takers: int, forwards: int) -> tuple[Ints, Ints, Ints]:
    """Messages by owner (place among the takers), receivers of each, and behind which message each owner's end."""
    weights = rng.lognormal(0.0, 1.1, takers)
    each = 1 + rng.multinomial(forwards - takers, weights / weights.sum())
    owner = np.repeat(np.arange(takers), each)
    begins = rng.random(forwards) < 0.7
    begins[np.cumsum(each) - each] = True
    run = np.flatnonzero(begins)
    begins[(np.arange(forwards) - np.repeat(run, np.diff([*run, forwards]))) % _MOST == 0] = True
    starts = np.flatnonzero(begins)
    owners = owner[starts]
    return owners, np.diff([*starts, forwards]), np.searchsorted(owners, np.arange(takers), "right")


def _within(counts: Ints) -> Ints:
    """0 … n − 1 for each n."""
    return np.asarray(np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts))


def _anybody(rng: np.random.Generator, people: People, takers: Ints, count: int) -> Ints:
    """Friends: a third are people who take part, now or later."""
    return np.where(rng.random(count) < 0.35, rng.choice(takers, count), rng.integers(0, len(people), count))


def _draw_receivers(rng: np.random.Generator, receiver: Ints, sender: Ints, message: Ints, draw: Any) -> None:
    """Fills in receivers where there are none (−1): nobody writes to himself, nobody is named twice in a message."""
    open_ = receiver < 0
    while open_.any():
        receiver[open_] = draw(int(open_.sum()))
        order = np.lexsort((~open_, receiver, message))  # whoever is given stands first
        twin = np.zeros(len(receiver), bool)
        twin[order[1:]] = (np.diff(message[order]) == 0) & (np.diff(receiver[order]) == 0)
        open_ &= (receiver == sender) | twin


def _send_again(
    rng: np.random.Generator, owner: Ints, at: Ints, receiver: Ints, starts: Ints, counts: Ints, new_to_it: npt.NDArray[np.bool_],
    message: Ints,
) -> None:  # fmt: skip
    """Some send it to the same friends once more, on purpose, half a minute to an hour later: a forward of its own."""
    order = np.lexsort((at, owner))
    before, after = order[:-1], order[1:]
    bound = np.zeros(len(owner), bool)
    bound[message[new_to_it]] = True
    chosen = (owner[before] == owner[after]) & (counts[before] == counts[after]) & ~bound[after] & (rng.random(len(after)) < 0.2)
    chosen[1:] &= ~chosen[:-1]  # what is copied is no copy itself
    before, after = before[chosen], after[chosen]
    at[after] = at[before] + rng.integers(30 * SECOND, HOUR, len(before))
    within = _within(counts[before])
    receiver[np.repeat(starts[after], counts[after]) + within] = receiver[np.repeat(starts[before], counts[before]) + within]


def _again(rng: np.random.Generator, relayed: _Part) -> _Part:
    """What a handset sent once more because it saw no answer: the same message in every octet, to the same receivers."""
    of = np.flatnonzero(relayed.lost)
    legs = np.flatnonzero(relayed.lost[relayed.message])
    message = np.searchsorted(of, relayed.message[legs])
    at = relayed.at[of] + rng.integers(15 * SECOND, 60 * SECOND, len(of))
    return _Part(
        at, relayed.sender[of], relayed.size[of], FORWARD, relayed.receiver[legs], message, _fates(len(legs), AGAIN),
        relayed.latest[legs], np.zeros(len(of), bool), of,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ what is no forward


def _served(rng: np.random.Generator, people: People, first: Ints) -> _Part:
    """The service's own sending on the first morning: to the first of those who will take part, and to as many others."""
    receiver = rng.permutation(np.concatenate([first, np.setdiff1d(rng.integers(0, len(people), len(first)), first)]))
    message = np.arange(len(receiver)) // _MOST
    count = int(message[-1]) + 1
    at = (START + 8 * 3600) * SECOND + np.sort(rng.integers(0, 2 * HOUR, count))
    latest = np.full(len(receiver), 90 * MINUTE)
    sizes = np.full(count, 31_415)
    fates = _fates(len(receiver), OTHER)
    return _Part(at, np.full(count, -1), sizes, SERVICE, receiver, message, fates, latest, np.zeros(count, bool), np.arange(count))


def _unfetched(rng: np.random.Generator, people: People, relayed: _Part, days: int) -> _Part:
    """Forwards that nobody fetches: one for twenty that arrive."""
    of = rng.choice(len(relayed.at), max(len(relayed.receiver) // 20, 1))
    sender = relayed.sender[of]
    receiver = np.full(len(of), -1, np.int64)
    _draw_receivers(rng, receiver, sender, np.arange(len(of)), lambda n: rng.integers(0, len(people), n))
    at = np.minimum(relayed.at[of] + rng.integers(2 * MINUTE, 6 * HOUR, len(of)), (START + days * 86400) * SECOND - 1)
    return _alone(at, sender, rng.integers(24_000, 42_000, len(of)), FORWARD, receiver, _fates(len(of), NEVER))


def _selves(rng: np.random.Generator, relayed: _Part) -> _Part:
    """Forwards to the sender's own number."""
    of = rng.choice(len(relayed.at), max(len(relayed.receiver) // 400, 1))
    at = relayed.at[of] + rng.integers(10 * MINUTE, HOUR, len(of))
    return _alone(at, relayed.sender[of], rng.integers(24_000, 42_000, len(of)), FORWARD, relayed.sender[of], _fates(len(of), SELF))


def _background(rng: np.random.Generator, people: People, count: int, days: int) -> _Part:
    """What people send each other anyway; three in a hundred are fetched by nobody."""
    weights = np.tile(np.array(_HOURS, float), days)
    hours = rng.choice(len(weights), count, p=weights / weights.sum())
    sender = rng.integers(0, len(people), count)
    receiver = np.full(count, -1, np.int64)
    _draw_receivers(rng, receiver, sender, np.arange(count), lambda n: rng.integers(0, len(people), n))
    fate = np.where(rng.random(count) < 0.03, NEVER, OTHER).astype(np.uint8)
    at = (START + hours * 3600) * SECOND + rng.integers(0, HOUR, count)
    return _alone(at, sender, rng.integers(1_500, 60_000, count), BACKGROUND, receiver, fate)


def _alone(at: Ints, sender: Ints, size: Ints, kind: int, receiver: Ints, fate: npt.NDArray[np.uint8]) -> _Part:
    """Messages to one receiver each."""
    rows = np.arange(len(at))
    return _Part(at, sender, size, kind, receiver, rows, fate, np.full(len(at), 20 * HOUR), np.zeros(len(at), bool), rows)


def _fates(count: int, fate: int) -> npt.NDArray[np.uint8]:
    return np.full(count, fate, np.uint8)


# ----------------------------------------------------------------------------------------------------------------- put together


def _joined(rng: np.random.Generator, parts: list[_Part]) -> tuple[Messages, Legs]:
    """All parts in one order of time."""
    bases = np.cumsum([0, *(len(part.at) for part in parts)])
    at = np.concatenate([part.at for part in parts])
    order = np.argsort(at, kind="stable")
    row = np.empty_like(order)
    row[order] = np.arange(len(order))
    origins = []
    for place, (part, base) in enumerate(zip(parts, bases[:-1], strict=True)):
        repeats = part.fate[0] == AGAIN if len(part.fate) else False
        origins.append(part.origin + (bases[place - 1] if repeats else base))
    messages = Messages(
        at[order],
        np.concatenate([part.sender for part in parts])[order],
        np.concatenate([part.size for part in parts])[order],
        np.concatenate([np.full(len(part.at), part.kind, np.uint8) for part in parts])[order],
        np.concatenate([part.lost for part in parts])[order],
        row[np.concatenate(origins)][order],
        np.zeros(len(order), bool),
    )
    message = row[np.concatenate([part.message + base for part, base in zip(parts, bases[:-1], strict=True)])]
    legs = np.argsort(message, kind="stable")
    fate = np.concatenate([part.fate for part in parts])[legs]
    latest = np.concatenate([part.latest for part in parts])[legs]
    receiver = np.concatenate([part.receiver for part in parts])[legs]
    message = message[legs]
    return messages, _moments(rng, messages.at[message], message, receiver, fate, latest)


def _moments(rng: np.random.Generator, began: Ints, message: Ints, receiver: Ints, fate: npt.NDArray[np.uint8], latest: Ints) -> Legs:
    """Four in five fetch within a minute, most of the others within the hour, some when they switch on again."""
    count = len(began)
    notified = began + rng.integers(SECOND, 3 * SECOND, count)
    speed = rng.random(count)
    quick = speed < 0.8
    wait = np.where(quick, 4.0 + rng.lognormal(2.0, 0.6, count), np.where(speed < 0.95, 30.0, 300.0) + rng.exponential(1.0, count) * 900.0)
    wait = np.where(speed >= 0.95, 300.0 + rng.exponential(7200.0, count), wait)
    delay = np.minimum((wait * SECOND).astype(np.int64), latest - rng.integers(0, 5 * MINUTE, count))
    fetched = notified + delay
    reported = np.where(quick, notified + rng.integers(SECOND, 3 * SECOND, count), fetched - rng.integers(2 * SECOND, 4 * SECOND, count))
    answered = fetched + rng.integers(SECOND, 4 * SECOND, count)
    nobody = fate == NEVER
    return Legs(message, receiver, fate, notified, *(np.where(nobody, 0, moments) for moments in (reported, fetched, answered)))
