"""Who gets a seed by group sending: lists of people, who of them is left out and why, who is only compared with, and when it may leave.

A *list* is what an operator uploads: numbers with a group and a city. A *mailing* sends one seed to one list, in its hours, at its rate. It
is counted before it runs, and runs by the token of that count alone. Whoever has the seed, may have it, or asked for it himself is not sent
it again, whichever list he stands on: a row for each (campaign, seed, number), with the outbox row it stands for (docs/sending-seeds.md).
"""

from __future__ import annotations

import base64
import enum
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final, NamedTuple

import msgspec

from mmsd.model import DAY, SECOND, Holder, Mailing, Member, Outgoing
from mmsd.rules import outbox
from mmsd.rules.local_time import Hours, LocalTime, hours
from mmsd.rules.models import Model
from mmsd.rules.settings import SendingSettings

LONGEST: Final = 64
"""Characters of a group's or city's name."""
COUNT_HOLDS: Final = DAY
"""So long a count may be run: after it, count again."""
SMALLEST_GROUP: Final = 400
"""Members of a control group below which a difference of shares is lost in chance: it would have to be some five hundredths."""
MOST_RATE: Final = 1000
"""Messages a second of one mailing."""
WEEK: Final = range(7)
"""Weekdays, 0 = Monday."""
MOST_CONTROL: Final = 0.5
"""The largest share that may be held back to compare with."""

# ------------------------------------------------------------------------------------------------------------------------ lists


class Line(NamedTuple):
    """One line of a list: which, a number in E.164 digits, its group and its city ("" = none)."""

    line: int
    number: str
    label: str = ""
    city: str = ""


class Fault(NamedTuple):
    """A line that is none: where, and why (one of COLUMNS)."""

    line: int
    reason: str


REPEATED: Final = "repeated"
_SEPARATOR: Final = re.compile("[,;\t，]")
COLUMNS: Final[Mapping[str, int]] = {"no_number": 1, "bad_group": 2, "bad_city": 3, "too_many_fields": 4, REPEATED: 1}
"""Why a line is not taken, and in which column that stands, from 1. Empty lines, and a heading on line 1, are passed over in silence."""


def read_lines(text: str, first: int, number: Callable[[str], str]) -> tuple[list[Line], list[Fault]]:
    """The lines of a list, or of a part that begins at line `first`: `number[,group][,city]`, split at comma, semicolon, tab outside "…".

    `number` makes E.164 digits of what a person wrote, "" of what is none. A number that comes again is a fault; one of another part is
    found where the list is stored.

    >>> lines = "msisdn,group\\n13800000001,vip,Nanjing\\n13800000001\\nnobody"
    >>> taken, faults = read_lines(lines, 1, lambda text: "86" + text if text.isdigit() else "")
    >>> taken, [tuple(fault) for fault in faults]
    ([Line(line=2, number='8613800000001', label='vip', city='Nanjing')], [(3, 'repeated'), (4, 'no_number')])
    """
    taken: dict[str, Line] = {}
    faults: list[Fault] = []
    for place, raw in enumerate(text.removeprefix("\ufeff").splitlines(), first):
        if not raw.strip():
            continue
        fields = [_bare(each) for each in _split(raw)]
        digits = number(fields[0])
        if not digits and place == 1 and not any(sign.isdigit() for sign in fields[0]):
            continue  # a heading
        reason = _fault(fields, digits, taken)
        if reason:
            faults.append(Fault(place, reason))
        else:
            taken[digits] = Line(place, digits, *fields[1:])
    return list(taken.values()), faults


def _split(raw: str) -> list[str]:
    """At any of the separators that stands outside quotes; where quotes do not pair, at each."""
    pieces = raw.split('"')
    step = 2 if len(pieces) % 2 else 1
    pieces[::step] = [_SEPARATOR.sub("\n", piece) for piece in pieces[::step]]
    return '"'.join(pieces).split("\n")


def _bare(field: str) -> str:
    """Without the quotes that spreadsheets put around a field; a doubled one in it is one."""
    field = unicodedata.normalize("NFKC", field).strip()
    if len(field) > 1 and field[0] == field[-1] == '"':
        return field[1:-1].replace('""', '"').strip()
    return field.strip('"').strip()


def _fault(fields: Sequence[str], digits: str, taken: Mapping[str, Line]) -> str:
    if not digits:
        return "no_number"
    if len(fields) > 3:
        return "too_many_fields"
    for name, reason in zip(fields[1:], ("bad_group", "bad_city"), strict=False):
        if len(name) > LONGEST or not name.isprintable():
            return reason
    return REPEATED if digits in taken else ""


# --------------------------------------------------------------------------------------------------------------------- mailings


class State(enum.StrEnum):
    """Where a mailing stands."""

    COUNTING = "counting"  # who would get it
    COUNTED = "counted"  # it waits for somebody who says go, with the token of the count
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    STOPPED = "stopped"


FOLLOWS: Final[Mapping[State, frozenset[State]]] = {
    State.COUNTING: frozenset({State.COUNTED, State.STOPPED}),
    State.COUNTED: frozenset({State.COUNTING, State.RUNNING, State.STOPPED}),
    State.RUNNING: frozenset({State.PAUSED, State.DONE, State.STOPPED}),
    State.PAUSED: frozenset({State.RUNNING, State.STOPPED}),
    State.DONE: frozenset(),
    State.STOPPED: frozenset(),
}
"""Which state may follow which. Who is to get a mailing that ended gets it by a new one: whoever has it is left out there."""


CAMPAIGN_CLOSED: Final = "campaign_closed"
SEED_RETIRED: Final = "seed_retired"
"""Why a mailing is stopped by itself, and none of that seed may run."""


def moved(mailing: Mailing, state: State, now: int) -> Mailing:
    """The mailing in another state. ValueError when that cannot follow."""
    if state not in FOLLOWS[State(mailing.state)]:
        raise ValueError(f"a mailing that is {mailing.state} cannot become {state.value}")
    return msgspec.structs.replace(mailing, state=state.value, changed=now)


class Left(enum.StrEnum):
    """Why somebody on a list is not sent the seed."""

    ERASED = "erased"  # his number was forgotten
    HAS_IT = "has_it"  # it was sent to him, or is on its way, or nobody can tell
    OPTED_OUT = "opted_out"
    NO_MMS = "no_mms"  # his handset's model takes no MMS
    NOT_TRACKABLE = "not_trackable"  # what it sends on is never recognised: he could win nothing
    CONTROL = "control"  # by the draw: he is compared with


UNSENT: Final = frozenset({outbox.EXPIRED, outbox.DROPPED, outbox.SHADOW})
"""States of a row that never left, when it was never tried either."""
KIND: Final = "marketing"
"""The class of a seed that nobody asked for."""
PURPOSE: Final = "seed"
HOW: Final = "group"


class Seen(NamedTuple):
    """What is known of a member when it is his turn. `row`: the outbox row of the last time, where there was one."""

    member: Member
    holder: Holder | None = None
    row: Outgoing | None = None
    opted_out: frozenset[str] = frozenset()
    model: Model | None = None  # None: not known, which leaves nobody out


def never_left(row: Outgoing | None) -> bool:
    """Whether it is certain that nothing of a row left: it was dropped, expired or only judged, and never tried."""
    return row is not None and row.state in UNSENT and not row.tries


def verdict(seen: Seen, *, control: bool) -> Left | None:
    """Why he is left out; None: he gets it. `control`: the draw says so (`in_control`).

    >>> verdict(Seen(Member("8613800000001", 1), opted_out=frozenset({"marketing"})), control=False)
    <Left.OPTED_OUT: 'opted_out'>
    """
    member, holder = seen.member, seen.holder
    if not member.msisdn:
        return Left.ERASED
    if holder is not None and holder.key and not holder.ended and not never_left(seen.row):
        return Left.HAS_IT
    if not seen.opted_out.isdisjoint(("all", KIND)):
        return Left.OPTED_OUT
    if seen.model is not None and seen.model.mms is False:
        return Left.NO_MMS
    if seen.model is not None and seen.model.trackable is False:
        return Left.NOT_TRACKABLE
    was = holder is not None and holder.arm == Left.CONTROL and not holder.ended
    return Left.CONTROL if control or was else None


def in_control(key: bytes, campaign: str, number: str, share: float) -> bool:
    """Whether the draw puts somebody into a campaign's control group: the same for all its seeds, and nobody without the key can tell who.

    >>> sum(in_control(b"key", "torch", f"86138{n:08}", 0.1) for n in range(10_000)) / 10_000
    0.1025
    """
    drawn = hashlib.blake2b(f"{campaign}\0{number}".encode(), digest_size=8, key=key, person=b"mmsd-control").digest()
    return int.from_bytes(drawn, "big") < share * 2**64


def row_key(key: bytes, campaign: str, seed: str, number: str, attempt: int) -> bytes:
    """16 bytes: a seed is asked for once by (campaign, seed, number, attempt), whoever asks for it. There is a second attempt only of what
    never left."""
    text = f"{campaign}\0{seed}\0{number}\0{attempt}".encode()
    return hashlib.blake2b(text, digest_size=16, key=key, person=b"mmsd-seed").digest()


class Turn(NamedTuple):
    """What a part of a list comes to."""

    rows: list[Outgoing]
    holders: list[Holder]
    last: int  # whom it came to, by the store's id


def turn(mailing: Mailing, plan: Plan, page: Sequence[Seen], *, most: int, until: int, key: bytes, now: int) -> Turn:
    """Asks for the seed for the next of a list, in their order, until `most` are asked for. `until`: when its hours are over."""
    made = Turn([], [], mailing.after)
    campaign, seed = mailing.campaign, mailing.seed
    last = mailing.after
    for seen in page:
        member, holder = seen.member, seen.holder
        if len(made.rows) >= most:
            break
        last = member.subscriber
        if plan.labels and member.label not in plan.labels:
            continue
        left = verdict(seen, control=in_control(key, campaign, member.msisdn, plan.control))
        begins = holder is None or holder.ended
        attempt = (holder.attempt if holder is not None else 0) + 1
        has = Holder(campaign, seed, member.msisdn, HOW, "sent", now, mailing.id, member.label, member.city, attempt, drawn=now)
        if left is None:
            asked = row_key(key, campaign, seed, member.msisdn, attempt)
            made.rows.append(
                Outgoing(
                    asked, KIND, PURPOSE, member.msisdn, "", outbox.READY, now, until, content=mailing.content, campaign=campaign,
                )
            )  # fmt: skip
            made.holders.append(msgspec.structs.replace(has, key=asked))
        elif left is Left.CONTROL and (holder is None or begins or holder.arm != Left.CONTROL):
            made.holders.append(msgspec.structs.replace(has, arm=Left.CONTROL.value, attempt=attempt - 1))
    return made._replace(last=last)


# ------------------------------------------------------------------------------------------------------------------------- when


class Window:
    """When a mailing's messages may leave: in its hours of its weekdays (0 = Monday) between two instants. Times are µs UTC.

    >>> from datetime import UTC
    >>> from mmsd.model import HOUR
    >>> window = Window(0, 30 * DAY, ["09:00-12:00", "14:00-20:00"], [0, 1, 2, 3, 4], UTC)  # 1970-01-01 was a Thursday
    >>> window.open_until(10 * HOUR) // HOUR, window.open_until(13 * HOUR), window.open_until(2 * DAY + 10 * HOUR)
    (12, 0, 0)
    >>> window.opens(13 * HOUR) // HOUR, window.opens(DAY + 21 * HOUR) // HOUR
    (14, 105)
    """

    def __init__(self, starts: int, ends: int, open_hours: Iterable[str], days: Iterable[int], zone: tzinfo) -> None:
        """ValueError for hours that are none. No hours: all of the day."""
        self._starts, self._ends = starts, ends
        self._hours = tuple(map(hours, open_hours)) or (Hours(0, DAY),)
        self._days = frozenset(days)
        self._time = LocalTime(zone)

    def open_until(self, now: int) -> int:
        """Until when it is open without a break; 0: it is not open."""
        if not self._starts <= now < self._ends or self._time.weekday(now) not in self._days:
            return 0
        moment = self._time.moment(now)
        left = max((one.left(moment) for one in self._hours), default=0)
        return min(now + left, self._time.other_day(now), self._ends) if left else 0

    def opens(self, now: int) -> int | None:
        """The first instant from `now` on at which it is open; None: never again."""
        at = max(now, self._starts)
        for _ in range(9 * (len(self._hours) + 1)):  # a week and a day, from beginning to beginning
            if at >= self._ends:
                return None
            if self.open_until(at):
                return at
            moment, midnight = self._time.moment(at), self._time.other_day(at)
            later = [at + one.start - moment for one in self._hours if one.start > moment]
            at = min([midnight, *(each for each in later if each < midnight)])
        return None

    def done(self, now: int, seconds: float) -> int | None:
        """When it will have been open for so long from `now` on; None: never.

        >>> from datetime import UTC
        >>> from mmsd.model import HOUR
        >>> Window(0, 3 * DAY, ["10:00-12:00"], range(7), UTC).done(0, 3 * 3600) // HOUR
        35
        """
        left, at = int(seconds * SECOND), now
        while (opens := self.opens(at)) is not None:
            at = self.open_until(opens)
            if at - opens >= left:
                return opens + left
            left -= at - opens
        return None


class Pace:
    """How many may be asked for now: so many a second, and never more waiting than `ahead` seconds' worth: a stop, or the end of the hours,
    finds little under way.

    >>> pace = Pace(10.0)
    >>> pace.room(0, waiting=0), pace.room(60 * SECOND, waiting=95)
    (10, 5)
    >>> pace.took(3); pace.room(60 * SECOND, waiting=98)
    2
    """

    def __init__(self, rate: float, ahead: float = 10.0) -> None:
        self._rate, self._most = rate, max(int(rate * ahead), 1)
        self._last: int | None = None
        self._credit = 0.0

    def room(self, now: int, waiting: int) -> int:
        """So many, with so many asked for before that did not leave yet."""
        passed = max(now - self._last, 0) / SECOND if self._last is not None else 1.0
        self._last = now
        self._credit = min(self._credit + passed * self._rate, float(self._most))
        return max(min(int(self._credit), self._most - waiting), 0)

    def took(self, n: int) -> None:
        self._credit -= n


# ------------------------------------------------------------------------------------------------------------------------ count


@dataclass(slots=True)
class Tally:
    """A count in progress: who would get it, by group, and who is left out, by reason."""

    sent: int = 0
    left: Counter[str] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)
    unknown: int = 0  # of those who would get it: whose model is not known

    @classmethod
    def of(cls, kept: Mapping[str, object]) -> Tally:
        """As `kept` keeps it."""
        read = msgspec.convert(kept, _Kept)
        return cls(read.sent, Counter(read.left), Counter(read.groups), read.unknown)

    def kept(self) -> dict[str, object]:
        """As JSON."""
        return {"sent": self.sent, "left": dict(sorted(self.left.items())), "groups": dict(sorted(self.groups.items())),
                "unknown": self.unknown}  # fmt: skip

    def add(self, seen: Seen, left: Left | None) -> None:
        if left is not None:
            self.left[left.value] += 1
            return
        self.sent += 1
        self.groups[seen.member.label] += 1
        self.unknown += seen.model is None


class _Kept(msgspec.Struct):
    sent: int = 0
    left: dict[str, int] = {}
    groups: dict[str, int] = {}
    unknown: int = 0


class Estimate(NamedTuple):
    """What a mailing takes."""

    messages: int
    cost: float
    done: int | None  # when its last message is asked for, µs; None: its days end before
    warnings: tuple[str, ...]


WARNINGS: Final[Mapping[str, str]] = {
    "off": "the class marketing is off: nothing leaves",
    "shadow": "the class marketing is in shadow: it is judged and counted, nothing leaves",
    "no_control": "there is no control group: nobody will know what it was good for",
    "small_control": "the control group is small: only a difference of many hundredths would show",
    "daily": "it is more than the class may send in a day",
    "too_late": "its days and hours end before everybody is sent it",
    "nobody": "nobody would get it",
}
"""What a person should know before he says go."""


def estimate(
    messages: int, control: int, settings: SendingSettings, rate: float, window: Window, *, now: int, switch: str, daily: int | None
) -> Estimate:
    """What it costs and when it is done. `switch`, `daily`: of the class.

    >>> from datetime import UTC
    >>> from mmsd.model import HOUR
    >>> window = Window(0, DAY, ["09:00-20:00"], range(7), UTC)
    >>> told = estimate(36_000, 0, SendingSettings(price=0.3), 10.0, window, now=0, switch="shadow", daily=None)
    >>> told.cost, told.done // HOUR, told.warnings
    (10800.0, 10, ('shadow', 'no_control'))
    """
    done = window.done(now, messages / rate)
    found = {
        switch: switch != "on",
        "no_control": not control,
        "small_control": 0 < control < SMALLEST_GROUP,
        "daily": daily is not None and daily < messages,
        "too_late": done is None,
        "nobody": not messages,
    }
    return Estimate(messages, round(messages * settings.price, 2), done, tuple(name for name, so in found.items() if so))


def token(key: bytes, mailing: Mailing) -> str:
    """What a person has to repeat to run a mailing as it was counted: eight signs, others for every other count or plan.

    >>> token(b"key", Mailing(1, "torch", "one", 1, {}, b"", "counted", counts={"sent": 3}, counted=7))
    'RPWWFG3W'
    """
    told = msgspec.json.encode(
        (
            mailing.id,
            mailing.campaign,
            mailing.seed,
            mailing.audience,
            mailing.plan,
            mailing.content.hex(),
            mailing.counts,
            mailing.counted,
        ),
        order="deterministic",
    )
    return base64.b32encode(hashlib.blake2b(told, digest_size=5, key=key, person=b"mmsd-token").digest()).decode()


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a mailing is to leave. Times are µs UTC."""

    starts: int
    ends: int
    hours: tuple[str, ...]
    days: tuple[int, ...]
    rate: float  # messages a second
    control: float  # share
    labels: tuple[str, ...] = ()  # groups; none: everybody on the list


def faults_of(plan: Plan) -> list[str]:
    """What is wrong with a plan, in words; none: nothing."""
    found = []
    try:
        for text in plan.hours:
            hours(text)
    except ValueError as error:
        found.append(str(error))
    if not plan.starts < plan.ends:
        found.append("it ends before it begins")
    if not plan.days or not all(day in WEEK for day in plan.days):
        found.append("days are of 0 (Monday) to 6, and there is one")
    if not 0 < plan.rate <= MOST_RATE:
        found.append(f"rate: above 0, at most {MOST_RATE} a second")
    if not 0 <= plan.control <= MOST_CONTROL:
        found.append(f"control: a share from 0 to {MOST_CONTROL}")
    return found
