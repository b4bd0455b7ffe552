"""One subscriber's dossier → the threads of the deliveries to him.

`assemble` is a pure function of the *set* of traces: it sorts them itself, so any order of arrival gives the same deliveries (rule R5).

How traces find their delivery (there is no key that all nodes share):

- a SUBMIT or FORWARD record opens a delivery; the record's message id is its identity for good;
- a notification push opens a *leg* (transaction id, content location); it belongs to the opened delivery with its sender whose Notify line
  stands within `join` seconds of it. M-Forward keeps the original message id, which is learned from that Notify line (or from Fetched);
- NotifyResp carries the leg's transaction id, a gateway's GET its content location, a receipt the SMSC's id of the push;
- Fetched, Sent and delivery reports carry message id and sender; Failed Fetch carries nothing but the number;
- charging records carry the message id in every kind, and no transaction; their Notify has the content location. What they say of a message
  without a receiver comes here as one trace for each receiver, marked NAMELESS in `d`;
- a copy that a tap made of a submit finds its line by sender, octets and time (`rules.copies`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

from mmsd.model import NOT_A_NUMBER, SECOND, Kind, Method
from mmsd.rules.codes import Scope
from mmsd.rules.copies import MM4, components, pair, seeds_of
from mmsd.rules.history import History
from mmsd.rules.scope import Scopes
from mmsd.rules.settings import Judgement
from mmsd.rules.traces import (
    ASKED,
    AT,
    AUTHORITY,
    FEED,
    KIND,
    LINK,
    MESSAGE,
    NAMELESS,
    ORIGIN,
    OTHER,
    PATH,
    REFUSAL,
    SEED,
    STATUS,
    TRANSACTION,
    WHERE,
    A,
    D,
    Trace,
)  # fmt: skip

NEVER: Final = 1 << 62
"""Later than any event time."""

ANY_DOMAIN: Final = -2
"""Asked for in `Context.broken`: MMSCs of every domain. (-1 is that of a delivery whose submit was never seen.)"""

RETRIEVED, DEFERRED = 129, 131
"""X-Mms-Status (`reference` status-codes §3)."""


@dataclass(frozen=True, slots=True)
class FeedInfo:
    """What judgement needs to know of a feed, by its index in State."""

    name: str
    node: str
    domain: int  # MMSC nodes that share one message-id space have one number
    family: str  # mmsc, sms, gateway, sessions


@dataclass(frozen=True, slots=True)
class Covered:
    """Which kinds of feeds are read, and from when (µs); a kind that is not read is `None`."""

    mmsc: int | None = None
    sms: int | None = None
    gateway: int | None = None
    sessions: int | None = None
    all_apns: bool = False
    sgsn: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """The operator's settings as hashes, and what the traffic itself has shown of its MMSC's addresses."""

    authorities: frozenset[int]  # given; empty: those of the notifications
    known: frozenset[int]  # MMSCs of any operator
    names: tuple[str, ...]  # the texts of `authorities`, for near misses
    mms_apns: frozenset[int]
    nothing: bool = False  # of a roamer, an MVNO, whoever has no entry: sessions and hosts say nothing of his settings
    stranger: bool = False  # whose IMSI is not known: one of ours, but if another MMSC takes his messages it may be his own


@dataclass(frozen=True, slots=True)
class Context:
    """All that a dossier's judgement may look at besides the dossier."""

    settings: Judgement
    feeds: Sequence[FeedInfo]
    covered: Covered
    expected: Expected
    codes: Sequence[Scope]  # how codes read in each feed, by its index
    portal_at: Callable[[int], int]  # authority → when the n-th number was seen to GET from it; NEVER
    resets: Callable[[int], Sequence[int]]  # GGSN → when it restarted accounting
    text: Callable[[int], bytes]  # text behind a hash; b"" when unknown
    leases: Callable[[int, int], Sequence[Trace]]  # (GGSN, address) → session starts on it
    activity: Callable[[int, int, int], Sequence[Trace]]  # (subscriber, from, to) → gateway lines of any kind
    learned: frozenset[int] = frozenset()  # authorities of all notifications so far
    peers: Mapping[int, int] = field(default_factory=dict)  # domain → from when it is logged what other MMSCs answer
    history: History = field(default_factory=lambda: History(30.0))  # when numbers had sessions
    broken: Callable[[str, int, int, int], bool] = lambda family, domain, start, stop: False  # whether such a feed had a gap then
    scopes: Scopes = field(default_factory=Scopes)  # what the feeds declare to show
    ahead: Callable[[int, int], int] = lambda first, second: 0  # two feeds → how far the second's clock was found to be ahead, µs
    join: float = 0.0  # `settings.join` as configured, for what `ahead` has set right; 0: it is


@dataclass(slots=True)
class Leg:
    """A notification: its pushes (several tries), in order of time."""

    transaction: int
    sender: int
    pushes: list[Trace] = field(default_factory=list)

    @property
    def first(self) -> int:
        at: int = self.pushes[0][AT]
        return at


@dataclass(slots=True)
class Thread:
    """One delivery and all traces that were found to be its own."""

    domain: int
    identity: int  # message id of the line that opened it, for good
    message: int  # message id the MMSC uses for it; 0 = not yet learned
    sender: int
    opened: Trace | None
    forwarded: bool = False
    leg: Leg | None = None
    notifies: list[Trace] = field(default_factory=list)
    reports: list[Trace] = field(default_factory=list)  # SMSC's words on its pushes
    fetches: list[Trace] = field(default_factory=list)
    failed: list[Trace] = field(default_factory=list)
    gets: list[Trace] = field(default_factory=list)
    answers: list[Trace] = field(default_factory=list)  # NotifyResp, Acknowledge
    finals: list[Trace] = field(default_factory=list)
    out: list[Trace] = field(default_factory=list)
    copies: list[Trace] = field(default_factory=list)  # of its submit, in which a seed was recognised
    ambiguous: tuple[int, ...] = ()  # numbers of the seeds in such copies, which may be its own or another's; the surest first
    peers: list[Trace] = field(default_factory=list)  # what the MMSC it was sent to answered
    own: bool = False
    origin: Thread | None = None  # the submit to another MMSC of ours that it is, come from there over MM4
    passed_on: bool = False  # another MMSC of ours took it over MM4: what became of it is told there

    def __len__(self) -> int:
        """How many traces are its own."""
        pushes = len(self.leg.pushes) if self.leg else 0
        lists = (
            self.notifies, self.reports, self.fetches, self.failed, self.gets, self.answers, self.finals, self.out, self.peers, self.copies,
        )  # fmt: skip
        return pushes + sum(map(len, lists))

    @property
    def refused(self) -> bool:
        """Our MMSC would not take it."""
        return self.opened is not None and self.opened[KIND] == Kind.SUBMIT_REFUSED

    @property
    def began(self) -> int:
        if self.opened is not None:
            at: int = self.opened[AT]
            return at
        return min((t[AT] for t in (*self.notifies, *self.fetches, *self.answers, *(self.leg.pushes if self.leg else ()))), default=0)

    @property
    def retrieved_at(self) -> int:
        return min((t[AT] for t in self.fetches), default=0)


@dataclass(slots=True)
class Dossier:
    """One subscriber's traces sorted into threads and what stands beside them."""

    subscriber: int
    threads: list[Thread] = field(default_factory=list)
    posts: list[Trace] = field(default_factory=list)
    gets: list[Trace] = field(default_factory=list)
    origins: list[Trace] = field(default_factory=list)
    sessions: list[Trace] = field(default_factory=list)
    answers: list[Trace] = field(default_factory=list)
    strays: list[Trace] = field(default_factory=list)  # copies without a submit
    times: list[int] = field(default_factory=list)  # of all its traces, in order

    def lines_until(self, at: int) -> int:
        return bisect_right(self.times, at)


def _addressed(number: int) -> bool:
    return number != 0 and not number & NOT_A_NUMBER


def assemble(subscriber: int, traces: Sequence[Trace], context: Context) -> Dossier:
    """Sorts a dossier's traces (in order of time) into threads. Traces are tuples as `traces.FIELDS` names them."""
    dossier = Dossier(subscriber, times=[trace[AT] for trace in traces])
    opened: dict[tuple[int, int, bool], Thread] = {}
    legs: dict[int, Leg] = {}
    notifies: list[Trace] = []
    fetches: list[Trace] = []
    failed: list[Trace] = []
    finals: list[Trace] = []
    out: list[Trace] = []
    peers: list[Trace] = []
    copies: list[Trace] = []
    reports: dict[int, list[Trace]] = {}
    feeds = context.feeds
    for trace in traces:
        kind = trace[KIND]
        if kind in (Kind.SUBMIT, Kind.FORWARD, Kind.SUBMIT_REFUSED):
            domain = feeds[trace[FEED]].domain
            identity = trace[MESSAGE] or (trace[WHERE] if kind == Kind.SUBMIT_REFUSED else 0)  # what is refused may have no id yet
            key = (domain, identity, kind == Kind.FORWARD)
            known = opened.get(key)
            if known is None:
                message = 0 if kind == Kind.FORWARD else trace[MESSAGE]
                opened[key] = Thread(domain, identity, message, trace[OTHER], trace, kind == Kind.FORWARD, own=trace[D] == 1)
            elif known.refused and kind == Kind.SUBMIT:  # taken at another try
                known.opened, known.sender, known.own = trace, trace[OTHER], trace[D] == 1
        elif kind == Kind.NOTIFY:
            notifies.append(trace)
        elif kind == Kind.PUSH:
            leg = legs.setdefault(trace[TRANSACTION], Leg(trace[TRANSACTION], trace[OTHER]))
            leg.pushes.append(trace)
        elif kind == Kind.PUSH_REPORT:
            reports.setdefault(trace[LINK], []).append(trace)
        elif kind == Kind.RESPONSE:
            dossier.answers.append(trace)
        elif kind == Kind.FETCH:
            fetches.append(trace)
        elif kind == Kind.FETCH_FAILED:
            failed.append(trace)
        elif kind in (Kind.REPORT, Kind.EXPIRE):
            finals.append(trace)
        elif kind == Kind.SENT_OUT:
            out.append(trace)
        elif kind == Kind.PEER_ANSWER:
            peers.append(trace)
        elif kind == Kind.COPY:
            copies.append(trace)
        elif kind == Kind.ATTEMPT:
            (dossier.posts if trace[A] == Method.POST else dossier.gets).append(directed(trace, context))
        elif kind in (ORIGIN, REFUSAL):
            dossier.origins.append(trace)
        elif Kind.SESSION_START <= kind <= Kind.SESSION_REJECT:
            dossier.sessions.append(trace)
    threads = list(opened.values())
    notices: dict[int, dict[int, list[int]]] = {}
    sent = {(feeds[origin[FEED]].domain, origin[MESSAGE]) for origin in dossier.origins}
    for notify in notifies:
        if (feeds[notify[FEED]].domain, notify[MESSAGE]) in sent:
            continue  # his own message: a report on it
        notices.setdefault(feeds[notify[FEED]].domain, {}).setdefault(notify[MESSAGE], []).append(notify[AT])
    _join_legs(threads, sorted(legs.values(), key=lambda leg: leg.first), notices, context)
    _join_fetches(threads, fetches, notices, feeds)
    by_transaction = {thread.leg.transaction: thread for thread in threads if thread.leg}
    for leg in legs.values():
        if leg.transaction not in by_transaction:  # the push was seen, the submit never: an orphan
            thread = Thread(-1, leg.transaction, 0, leg.sender, None, leg=leg)
            threads.append(thread)
            by_transaction[leg.transaction] = thread
    _join_notifies(threads, notifies, feeds)
    by_location: dict[int, Thread] = {}
    for thread in threads:
        by_location.update((notify[PATH], thread) for notify in thread.notifies if notify[PATH])
        if thread.leg:
            for push in thread.leg.pushes:
                if push[PATH]:
                    by_location[push[PATH]] = thread
                # a refused push never got an id: its refusal stands beside it
                until = NEVER if push[LINK] else push[AT] + SECOND
                skew = int(context.settings.skew * SECOND)
                thread.reports.extend(r for r in reports.get(push[LINK], ()) if push[AT] - skew <= r[AT] <= until)
    for get in dossier.gets:
        asked = by_location.get(get[PATH])
        if asked is not None:
            asked.gets.append(get)
    _join_answers(threads, by_transaction, dossier.answers, context)
    _join_by_message(threads, finals, "finals")
    _join_by_message(threads, out, "out")
    _join_peers(threads, peers, feeds)
    _join_failed(threads, failed, dossier.gets, by_location, context)
    if copies:
        _join_copies(dossier, threads, copies, context)
    _join_passed_on(threads, context)
    dossier.threads = threads
    return dossier


def directed(attempt: Trace, context: Context) -> Trace:
    """The same, but of one that the gateway sent to another host than the handset asked for: unless that made it reach our MMSC, what
    counts is what was asked for. Which names the network has for its own hosts is not the handset's affair."""
    if not attempt[ASKED]:
        return attempt
    ours = context.expected.authorities or context.learned
    asked = attempt[ASKED]
    if asked not in ours and attempt[AUTHORITY] in ours:
        return attempt
    return (*attempt[:ASKED], 0, *attempt[ASKED + 1 : AUTHORITY], asked, *attempt[AUTHORITY + 1 :])


def _join_copies(dossier: Dossier, threads: list[Thread], copies: list[Trace], context: Context) -> None:
    """A copy belongs to what the handset submitted; M-Forward has no content."""
    submitted = [thread for thread in threads if thread.opened is not None and not thread.forwarded]
    within = int((context.settings.join + context.settings.skew) * SECOND)
    pairing = pair(copies, [thread.opened for thread in submitted if thread.opened is not None], within)
    for place, thread in enumerate(submitted):
        thread.copies = list(pairing.of.get(place, ()))
        thread.ambiguous = pairing.ambiguous.get(place, ())
    dossier.strays = list(pairing.strays)


def _join_passed_on(threads: list[Thread], context: Context) -> None:
    """A message that one MMSC of ours handed to another over MM4 has a submit in each: the second is what the first is.

    They belong together when one was sent out as the other came. Of several at once it matters which only where they are not alike.
    """
    came = [t for t in threads if t.opened is not None and t.opened[A] == MM4 and not t.forwarded]
    sent = [t for t in threads if t.out and t.opened is not None and t.opened[A] != MM4 and not t.forwarded] if came else []
    if not sent:
        return
    within = int((context.settings.join + context.settings.skew) * SECOND)
    near = {
        number: [
            place for place, one in enumerate(sent)
            if one.sender == thread.sender and one.domain != thread.domain and any(abs(out[AT] - thread.began) <= within for out in one.out)
        ]
        for number, thread in enumerate(came)
    }  # fmt: skip
    for places, numbers in components(near):
        origins = sorted((sent[place] for place in places), key=lambda one: (one.began, one.identity))
        alike = len({(frozenset(copy[SEED] for copy in one.copies), one.ambiguous) for one in origins}) == 1
        if alike and len(places) == len(numbers):
            for thread, one in zip(sorted((came[number] for number in numbers), key=lambda t: (t.began, t.identity)), origins, strict=True):
                thread.origin, one.passed_on = one, True
                thread.copies, thread.ambiguous = thread.copies or list(one.copies), thread.ambiguous or one.ambiguous
        else:
            seeds = seeds_of(copy for one in origins for copy in one.copies)
            for number in numbers:
                came[number].ambiguous = came[number].ambiguous or (() if came[number].copies else seeds)


def _join_legs(threads: list[Thread], legs: list[Leg], notices: Mapping[int, Mapping[int, list[int]]], context: Context) -> None:
    """Gives each leg its delivery, nearest pairs first: submitted messages, which name their Notify lines, before forwarded ones, which do
    not: of these the one that was sent on last before the push.

    `notices` holds the times of Notify lines by domain and message.
    """
    settings = context.settings
    join, skew = int((context.join or settings.join) * SECOND), int(settings.skew * SECOND)
    for forwarded in (False, True):
        waiting = [thread for thread in threads if thread.leg is None and thread.forwarded == forwarded and _announced(thread)]
        taken = {id(thread.leg) for thread in threads if thread.leg is not None}
        pairs: list[tuple[int, int, int, int, int, int]] = []
        near: dict[tuple[int, int], int] = {}
        apart: dict[tuple[int, int], int] = {}
        for number, leg in enumerate(legs):
            if id(leg) in taken:
                continue
            for place, thread in enumerate(waiting):
                if thread.began > leg.first + skew or not _fits(thread.sender, leg.sender):
                    continue
                # without a Notify line beside the push (log late or lost) the oldest delivery that waits comes first
                ahead = context.ahead(thread.opened[FEED], leg.pushes[0][FEED]) if thread.opened is not None else 0
                distance, near[number, place] = _nearest(leg, thread, threads, notices.get(thread.domain, {}), join, ahead)
                apart[number, place] = distance
                if forwarded and distance <= join:  # any Notify line may be its: how near one stands says nothing of which delivery it is
                    distance = 0
                waited = abs(leg.first - thread.began) if forwarded else 0
                pairs.append((distance, waited, leg.first, thread.began, number, place))
        chosen: dict[int, int] = {}  # place → number
        used: set[int] = set()
        for *_, number, place in sorted(pairs):
            if place not in chosen and number not in used:
                used.add(number)
                chosen[place] = number
        if forwarded:
            _put_in_order(chosen, waiting)
        else:
            _uncross(chosen, apart, join)
        for place, number in chosen.items():
            waiting[place].leg = legs[number]
            if forwarded:
                waiting[place].message = near.get((number, place), 0)


def _uncross(chosen: dict[int, int], apart: Mapping[tuple[int, int], int], join: int) -> None:
    """Exchanges two legs where that brings both within `join` and one was not: clocks apart set one's push beside the other's line.

    `chosen`: place of the delivery → number of its leg; `apart`: distance by (number, place).
    """
    changed = True
    while changed:
        changed = False
        for one, other in combinations(sorted(chosen), 2):
            straight = max(apart[chosen[one], one], apart[chosen[other], other])
            crossed = max(apart.get((chosen[other], one), NEVER), apart.get((chosen[one], other), NEVER))
            if crossed <= join < straight:
                chosen[one], chosen[other] = chosen[other], chosen[one]
                changed = True


def _put_in_order(chosen: dict[int, int], waiting: Sequence[Thread]) -> None:
    """What one sender passes on at one MMSC is announced in the order in which he does: nothing else tells two M-Forwards apart.

    `chosen`: place of the delivery → number of its leg, numbered by time.
    """
    alike: dict[tuple[int, int], list[int]] = {}
    for place in sorted(chosen, key=lambda place: (waiting[place].began, place)):
        alike.setdefault((waiting[place].domain, waiting[place].sender), []).append(place)
    for places in alike.values():
        chosen.update(zip(places, sorted(chosen[place] for place in places), strict=True))


def _announced(thread: Thread) -> bool:
    return thread.opened is not None and not thread.refused


def _fits(sender: int, origin: int) -> bool:
    """Whether a push from `origin` may announce a message of `sender`; what is no number is compared only for being none."""
    if not sender or not origin:
        return True
    if _addressed(sender) and _addressed(origin):
        return sender == origin
    return bool(sender & NOT_A_NUMBER) == bool(origin & NOT_A_NUMBER)


def _nearest(leg: Leg, thread: Thread, threads: list[Thread], notices: Mapping[int, list[int]], join: int, ahead: int) -> tuple[int, int]:
    """(distance in time, message id) of the Notify lines that go with the leg's pushes and may be this delivery's; NEVER when none does.

    The first Notify line of a message announces it and stands beside the first push; later ones may be repetitions, or reports pushed to a
    receiver who has sent the message on. A forwarded message's id is not known beforehand: any may be its, less the lines that stand
    nearer to a push of the leg they belong to. `ahead`: how far the SMS gateway's clock is ahead of the MMSC's.
    """
    if not thread.forwarded:
        return _distance(leg, notices.get(thread.message, ()), join, ahead), thread.message
    best, message = NEVER, 0
    for candidate, times in notices.items():
        owners = [other for other in threads if other.message == candidate and other.domain == thread.domain]
        free = list(times)
        for push in (push for other in owners if other.leg is not None for push in other.leg.pushes):
            sent = push[AT] - ahead
            nearest = min(free, key=lambda at: abs(at - sent), default=None)
            if nearest is not None and abs(nearest - sent) <= join:
                free.remove(nearest)
        # it may have come to him before by others: any of its lines may be the first of this delivery
        beside = min((abs(at - leg.first + ahead) for at in free), default=NEVER)
        distance = beside if beside <= join else _distance(leg, free, join, ahead)
        if distance < best:
            best, message = distance, candidate
    return best, message


def _distance(leg: Leg, times: Sequence[int], join: int, ahead: int) -> int:
    """Between the first push and the first of `times`; when these are too far apart (a line is lost) the mean of all, ranked behind."""
    if not times:
        return NEVER
    first = abs(min(times) - leg.first + ahead)
    if first <= join:
        return first
    distances: list[int] = [min(abs(at - push[AT] + ahead) for at in times) for push in leg.pushes]
    if min(distances) > join:
        return NEVER
    return join + sum(min(distance, 2 * join) for distance in distances) // len(distances)


def _apart(thread: Thread, times: Sequence[int]) -> int:
    """How far the nearest of `times` is from the first push."""
    return min((abs(at - thread.leg.first) for at in times), default=NEVER) if thread.leg is not None else NEVER


def _join_fetches(
    threads: list[Thread], fetches: list[Trace], notices: Mapping[int, Mapping[int, list[int]]], feeds: Sequence[FeedInfo]
) -> None:
    """A Fetched line names its message and whose it is. What a forwarded message's id was taken for, by the Notify line beside its push,
    gives way to it: that line may be a report on what the receiver had sent on himself.
    """
    named = {(feeds[fetch[FEED]].domain, fetch[MESSAGE], fetch[OTHER]) for fetch in fetches}
    for fetch in fetches:
        message, sender, at = fetch[MESSAGE], fetch[OTHER], fetch[AT]
        domain = feeds[fetch[FEED]].domain
        same = [t for t in threads if t.message == message and t.domain == domain and (t.sender == sender or not sender)]
        if not same:
            own = [t for t in threads if t.forwarded and t.sender == sender and t.domain == domain and t.began <= at + SECOND]
            unsure = [t for t in own if not t.fetches and (domain, t.message, sender) not in named]
            if unsure:
                times = notices.get(domain, {}).get(message, ())
                thread = min(unsure, key=lambda t: (_apart(t, times), t.message != 0, t.began))
                thread.fetches.append(fetch)
                thread.message = message
                continue
            same = [t for t in threads if t.message == message and t.domain == domain]
        if not same:
            threads.append(Thread(domain, message, message, sender, None, fetches=[fetch]))
            continue
        # several legs of one id from one sender: the first not yet fetched, begun before this line
        begun = [t for t in same if t.began <= at + SECOND] or same
        thread = next((t for t in begun if not t.fetches), begun[0])
        thread.fetches.append(fetch)
        thread.message = thread.message or message


def _join_notifies(threads: list[Thread], notifies: list[Trace], feeds: Sequence[FeedInfo]) -> None:
    for notify in notifies:
        domain = feeds[notify[FEED]].domain
        for thread in threads:
            if thread.message == notify[MESSAGE] and thread.domain == domain and thread.opened is not None:
                retrieved = thread.retrieved_at
                if not retrieved or notify[AT] <= retrieved:  # afterwards it is a report pushed to him as a sender
                    thread.notifies.append(notify)
                    break


def _join_answers(threads: list[Thread], by_transaction: Mapping[int, Thread], answers: list[Trace], context: Context) -> None:
    legless: _Legless | None = None
    for answer in answers:
        thread = by_transaction.get(answer[TRANSACTION])
        if thread is None and answer[MESSAGE]:  # a charging record names the message
            thread = _answering(threads, answer, context.feeds[answer[FEED]].domain)
        elif thread is None and context.covered.sms is None:
            legless = legless or _Legless(threads)
            thread = legless.answering(answer)
        if thread is not None:
            thread.answers.append(answer)


class _Legless:
    """Deliveries without a leg, in order of their fetches and of their submits: without the SMS feed none is known. Somebody with
    hundreds of them is not walked through for each of his answers."""

    def __init__(self, threads: list[Thread]) -> None:
        mine = [thread for thread in threads if thread.leg is None]
        self._fetched = sorted((thread for thread in reversed(mine) if thread.fetches), key=lambda thread: thread.retrieved_at)
        self._times = [thread.retrieved_at for thread in self._fetched]
        self._waiting = sorted((thread for thread in mine if thread.opened and not thread.fetches), key=lambda thread: thread.began)

    def answering(self, answer: Trace) -> Thread | None:
        """The delivery that was fetched last before this answer, of those not yet answered; else the only one that waits."""
        if answer[STATUS] in (RETRIEVED, -1):
            for place in range(bisect_right(self._times, answer[AT] + SECOND) - 1, -1, -1):
                if not _answered(self._fetched[place]):
                    return self._fetched[place]
        found = None
        for thread in self._waiting:
            if thread.began > answer[AT]:
                break
            if _answered(thread):
                continue
            if found is not None:
                return None
            found = thread
        return found


def _answering(threads: list[Thread], answer: Trace, domain: int) -> Thread | None:
    """Whose this answer is by its message: of several legs with one id the one that was fetched last before it, else the first begun."""
    same = [t for t in threads if t.message == answer[MESSAGE] and t.domain == domain and not t.refused and t.began <= answer[AT] + SECOND]
    fetched = [t for t in same if t.fetches and t.retrieved_at <= answer[AT] + SECOND]
    if answer[STATUS] in (RETRIEVED, -1) and fetched:
        return max(fetched, key=lambda t: (not _answered(t), t.retrieved_at))
    return min(same, key=lambda t: (_answered(t), t.began), default=None)


def _answered(thread: Thread) -> bool:
    return any(answer[STATUS] != DEFERRED for answer in thread.answers)


def _join_by_message(threads: list[Thread], traces: list[Trace], name: str) -> None:
    for trace in traces:
        for thread in threads:
            if thread.message == trace[MESSAGE] and (thread.sender == trace[OTHER] or not trace[OTHER] or not thread.sender):
                if trace[D] != NAMELESS:
                    getattr(thread, name).append(trace)
                    break
                if not 0 < thread.retrieved_at <= trace[AT]:  # it speaks of all that are still open
                    getattr(thread, name).append(trace)


def _join_peers(threads: list[Thread], peers: list[Trace], feeds: Sequence[FeedInfo]) -> None:
    """Another MMSC's answer belongs to every delivery of its message that was sent there."""
    for trace in peers:
        for thread in threads:
            if thread.message != trace[MESSAGE] or thread.domain != feeds[trace[FEED]].domain:
                continue
            if any(not trace[AUTHORITY] or not out[AUTHORITY] or out[AUTHORITY] == trace[AUTHORITY] for out in thread.out):
                thread.peers.append(trace)


def _join_failed(
    threads: list[Thread], failed: list[Trace], gets: list[Trace], by_location: Mapping[int, Thread], context: Context
) -> None:
    """By the message, where the node names it; else by the GET beside it; else to the only delivery that waits."""
    join = int(context.settings.join * SECOND)
    for trace in failed:
        domain = context.feeds[trace[FEED]].domain
        named = [t for t in threads if trace[MESSAGE] and t.message == trace[MESSAGE] and t.domain == domain and t.began <= trace[AT]]
        if named:
            next((t for t in named if not t.fetches), named[0]).failed.append(trace)
            continue
        near = [(abs(get[AT] - trace[AT]), get) for get in gets if get[PATH] in by_location and abs(get[AT] - trace[AT]) <= join]
        if near:
            by_location[min(near)[1][PATH]].failed.append(trace)
            continue
        waiting = [t for t in threads if t.opened and t.began <= trace[AT] and not t.fetches]
        if len(waiting) == 1:
            waiting[0].failed.append(trace)
