"""The express lane: deliveries that run by the book, kept and judged without a Python object a line. This is its specification.

Most messages are sent, announced, fetched and confirmed, and nothing more is to be said of them. Their traces stand here, in chains by
subscriber; `survey` looks at every subscriber something was read of, and says what changed: counts, and packed rows of closed deliveries.
It says so only where each line has one place it can belong to and what was seen is good, or merely not over yet. Of everybody else it
gives the number: `drop` hands his traces over to `rules`, whose `assemble`, `look` and `judge` decide everything, and decide these same
deliveries alike (tests/rules/test_express.py). From then on `take` leaves his lines to them, until `release`.

What was seen is packed into a small number, and `Laws.verdicts` tells the table's answer to each; no row of the table is decided here.

Whose deliveries are quiet may have his past put away in the store (`spill`), one part after the other. All of it is asked for (`wanted`)
when a deadline of it comes, or when a line may belong to it; a new delivery that has all its lines here is said without it.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mmsd.fast.portrait_py import (
    GROWN,
    LONGEST_TEXT,
    WHOLE,
    Line,
    last_named,
    pack_portrait,
    portraits,
    speaks,
    unpack_lines,
    unpack_said,
    unspoken,
)  # fmt: skip
from mmsd.fast.trace import LONGEST_TIME, MEASURED, NEVER, ORIGIN, SAID, TRACE
from mmsd.model import CLOSED, HOUR, NOT_A_NUMBER, SECOND, Content, Kind, Method, PushState, Records

MOST_LINES: Final = 256
MOST_THREADS: Final = 48
"""Of one subscriber in memory; beyond it he is a robot, and no business of this lane. Each look at him reads all of them."""

MOST_KEPT: Final = 16
"""Lines of a number without deliveries, above which the old ones go although newer ones are there."""

RETRIEVED, DEFERRED, REJECTED, UNRECOGNISED = 129, 131, 130, 132

# bits of what was seen, the index of `Laws.verdicts`
FETCHED: Final = 1
CONFIRMED: Final = 2
POSTPONED: Final = 4  # answered Deferred, and nothing else
OVER: Final = 8
LATE: Final = 16
UNREPORTED: Final = 32  # no report of the push before the fetch
WATCHED: Final = 64  # a gateway is covered
SIGHTS: Final = 128

HERE: Final = 1
AWAY: Final = 2
"""Bits of what `holds` answers of a number: it has deliveries here; its past lies in the store."""

ODD: Final = 255
"""In `Laws.verdicts`: not for this lane."""


class Laws(NamedTuple):
    """Windows in µs, and what the table says of each sight."""

    skew: int
    join: int
    answer: int
    window: int
    grace: int
    confirm: int
    late: int
    unlogged: int  # how long after an accepted POST the MMSC must have written of it
    rules: Sequence[int]  # SIGHTS places of causes.RULES, or ODD
    confidences: Sequence[int]  # SIGHTS hundredths
    closes: Sequence[int]  # by rule: 1 = it closes the delivery
    causes: Sequence[int]  # by rule: place of the cause
    mild: Sequence[int]  # by rule: 1 = nothing later changes it, and it may be forgotten


class Survey(NamedTuple):
    """What one look found. `counts` maps (hour, node, city, rule, own, bin) to an increment, `bin` −1 for none."""

    counts: Mapping[tuple[int, int, int, int, int, int], int]
    closed: npt.NDArray[Any]  # model.CLOSED rows; receiver and sender are still numbers, node is a label's number
    nodes: npt.NDArray[np.uint16]  # label of each closed row's node
    odd: npt.NDArray[np.uint64]  # numbers that are not for this lane
    measured: npt.NDArray[Any]  # MEASURED rows of what is or was delivered


class Taken(NamedTuple):
    """What `take_records` leaves: places of records that it does not know, and TRACE rows that are somebody else's, each with its record's
    place; and, of what it knew, a place for each party that is no number and whose text somebody must keep."""

    rest: npt.NDArray[np.int64]
    rows: npt.NDArray[Any]
    places: npt.NDArray[np.int64]
    parties: npt.NDArray[np.int64]


class Spilled(NamedTuple):
    """Octets of each portrait, the portraits, each one's deadline (NEVER: none), hashes that may have a text elsewhere, sorted, and in
    which group the last part of each one's past was put away before (0: nowhere)."""

    sizes: npt.NDArray[np.uint32]
    portraits: bytes
    dues: npt.NDArray[np.int64]
    unsaid: npt.NDArray[np.uint64]
    before: npt.NDArray[np.uint32]


class _Thread:
    __slots__ = (
        "answers", "fetched", "fetched_last", "final", "final_last", "got", "leg", "notice", "notified", "opened", "reported", "size",
    )  # fmt: skip

    def __init__(self, opened: Any) -> None:
        self.opened = opened
        self.leg: _Leg | None = None
        self.notice = NEVER  # first Notify line of this message that is no report
        self.notified = 0  # first Notify line that is its own
        self.fetched = self.fetched_last = 0
        self.size = -1  # of the first fetch with one
        self.answers: list[Any] = []
        self.final = self.final_last = 0  # the MMSC's report that it was retrieved
        self.reported = self.got = NEVER  # first word that the push had come, first request for the content


class _Leg:
    __slots__ = ("pushes", "thread")

    def __init__(self, push: Any) -> None:
        self.pushes = [push]
        self.thread: _Thread | None = None


class _Verdict(NamedTuple):
    identity: int
    domain: int
    began: int
    sender: int
    due: int
    closed: int
    settled: int
    stamp: int
    rule: int
    confidence: int
    bin: int
    own: int
    node: int
    leg: int
    pushed: int
    retrieved: int
    size: int
    notified_ms: int
    retrieved_ms: int


class _Subscriber:
    __slots__ = ("asked", "due", "group", "known", "lines", "packed", "past", "said", "touched")

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.packed = 0  # so many of them stand in the last delta or snapshot
        self.said: dict[tuple[int, int], Any] = {}  # (domain, identity) → SAID scalar
        self.touched = False
        self.group = 0  # in which the last part of his past lies in the store; 0: all is here
        self.due = _LAST  # second of the first deadline there
        self.known = 0  # bits of the messages and pushes there
        self.past = 0  # so many deliveries at most
        self.asked = False  # it has to come back before anything more is said

    @property
    def rows(self) -> list[Any]:
        """TRACE scalars."""
        return [line.row for line in self.lines]


WAITING: Final = frozenset({Kind.NOTIFY, Kind.PUSH_REPORT, Kind.ATTEMPT, ORIGIN})
"""Kinds that change no verdict while they come in time."""

MESSAGE_KINDS: Final = frozenset({
    Kind.SUBMIT, Kind.NOTIFY, Kind.PUSH, Kind.PUSH_REPORT, Kind.RESPONSE, Kind.FETCH, Kind.FETCH_FAILED, Kind.REPORT, Kind.FORWARD,
    Kind.SENT_OUT, Kind.EXPIRE,
})  # fmt: skip


KNOWN_KINDS: Final = frozenset({Kind.SUBMIT, Kind.NOTIFY, Kind.FETCH, Kind.RESPONSE})
"""Kinds that `take_records` knows how to take."""
MM7: Final = 7


def stamp(pushed: int, retrieved: int, leg: int, size: int) -> int:
    """A digest of what a packed row says that its verdict does not."""
    mixed = pushed * 0x9E3779B97F4A7C15 + retrieved * 0xC2B2AE3D27D4EB4F + leg * 0x165667B19E3779F9 + size
    return mixed & 0xFFFFFFFFFFFFFFFF


class Express:
    """See the module. Not thread-safe."""

    def __init__(self, laws: Laws) -> None:
        self._laws = laws
        self._domains: list[int] = []
        self._nodes: list[int] = []
        self._cities: dict[tuple[int, int], int] = {}
        self._lengths: list[int] = []
        self._ours: frozenset[int] = frozenset()
        self._suspects: set[int] = set()
        self._seeds: set[int] = set()
        self._holders: set[int] = set()
        self._sms = self._gateway = self._covered = False
        self._all: dict[int, _Subscriber] = {}
        self._slow: set[int] = set()
        self._touched: list[int] = []
        self._due: list[tuple[int, int]] = []
        self._fresh: dict[int, None] = {}  # whose portrait changed
        self._own: frozenset[int] = frozenset()
        self._accounts = self._seeded = False

    # ------------------------------------------------------------------------------------------------------- what is known

    def set_feeds(self, domains: Sequence[int], nodes: Sequence[int]) -> None:
        """By a feed's index: its domain, and the label of its node."""
        self._domains, self._nodes = list(domains), list(nodes)

    def set_cities(self, prefixes: Sequence[tuple[str, int]]) -> None:
        """Labels of cities by prefix of a number; the longest wins, 0 is none."""
        self._cities = {(len(prefix), int(prefix)): label for prefix, label in prefixes}
        self._lengths = sorted({len(prefix) for prefix, _ in prefixes}, reverse=True)

    def set_ours(self, authorities: Iterable[int]) -> None:
        """Hosts of the MMSC."""
        self._ours = frozenset(authorities)

    def add_suspects(self, authorities: Iterable[int]) -> None:
        """Hosts a POST to which is MMS gone astray, whatever it looks like."""
        self._suspects.update(authorities)

    def add_seeds(self, messages: Iterable[int]) -> None:
        """Messages that somebody else counts."""
        self._seeds.update(messages)

    def add_holders(self, numbers: Iterable[int]) -> None:
        """Who may send a seed on: what they sent is not forgotten while that may still turn out."""
        self._holders.update(numbers)

    def set_asked(self, own: Iterable[int], *, accounts: bool, seeds: bool) -> None:
        """Senders of own traffic; whether somebody looks at the account of a submit through MM7, or for seeds in any submit."""
        self._own, self._accounts, self._seeded = frozenset(own), accounts, seeds

    def set_covered(self, sms: bool, gateway: bool) -> None:
        """What else is read. Verdicts said without it are asked again; told for the first time it was so before the start, too."""
        if (sms, gateway) != (self._sms, self._gateway):
            self._sms, self._gateway = sms, gateway
            self.touch_all() if self._covered else self.touch_here()
        self._covered = True

    def touch_all(self) -> None:
        """Everybody is looked at by the next survey, with what lies in the store."""
        for number, subscriber in self._all.items():
            subscriber.asked = subscriber.group != 0
            self._touch(number, subscriber)

    def touch_here(self) -> None:
        """The same, of whoever has lines here."""
        for number, subscriber in self._all.items():
            if subscriber.lines:
                self._touch(number, subscriber)

    def __len__(self) -> int:
        """Deliveries in memory."""
        return sum(len(subscriber.said) for subscriber in self._all.values())

    # ----------------------------------------------------------------------------------------------------------- taking in

    def take(self, rows: npt.NDArray[Any], horizon: int) -> npt.NDArray[np.bool_]:
        """Keeps TRACE rows; mask of those it leaves to `rules`. A line at or before `horizon` is late."""
        left = np.zeros(len(rows), np.bool_)
        for place in range(len(rows)):
            left[place] = not self._take(rows[place], horizon)
        return left

    def take_records(self, feed: int, records: Records, horizon: int) -> Taken:
        """Keeps what plain records of an MMSC say; what there is of them, other columns and texts included, is its own from then on."""
        columns = {name: records[name] for name in _COLUMNS}
        rest: list[int] = []
        rows: list[Any] = []
        places: list[int] = []
        parties: dict[int, int] = {}
        record = -1  # of the last line in a sender's dossier
        for place in range(records.rows):
            values = {name: int(column[place]) for name, column in columns.items()}
            if not self._knows(values):
                rest.append(place)
                continue
            row = self._row(feed, values)
            made = [row]
            if row["kind"] == Kind.SUBMIT and row["other"] and not row["other"] & NOT_A_NUMBER and row["where"] != record:
                record = row["where"]
                made.append(row.copy())
                made[1]["subscriber"], made[1]["other"], made[1]["kind"] = row["other"], row["subscriber"], ORIGIN
            for each in made:
                texts = (records.text(name, place)[:LONGEST_TEXT] for name in ("message", "transaction"))
                if not self._take(each, horizon, *texts):
                    rows.append(each)
                    places.append(place)
            for name in ("receiver", "sender"):
                if values[name] & NOT_A_NUMBER:
                    parties.setdefault(values[name], place)
        found = np.array(rest, np.int64), np.array(rows, TRACE), np.array(places, np.int64)
        return Taken(*found, np.array(sorted(set(parties.values())), np.int64))

    def _knows(self, values: Mapping[str, int]) -> bool:
        """Whether a record is plain, and all there is to it is what `_row` makes of it."""
        kind = values["kind"]
        if kind not in KNOWN_KINDS or not values["receiver"]:
            return False
        if kind == Kind.SUBMIT:
            return not (self._seeded or values["expires"] > 0 or (self._accounts and values["interface"] == MM7))
        if kind == Kind.NOTIFY:
            return values["expires"] <= 0 and not values["location"]
        return kind != Kind.RESPONSE or not values["message"]

    def _row(self, feed: int, values: Mapping[str, int]) -> Any:
        same = ("at", "where", "message", "transaction", "link", "authority", "size", "status", "kind", "code_set")
        row = np.zeros((), TRACE)
        for name in same:
            row[name] = values[name]
        row["subscriber"], row["other"], row["feed"] = values["receiver"], values["sender"], feed
        row["path"], row["extra"], row["error"], row["b"] = (
            values["location"], values["expires"], values["push_error"], values["push_state"],
        )  # fmt: skip
        row["a"] = values["pdu"] or values["interface"]
        row["d"] = values["sender"] in self._own
        return row[()]

    def _take(self, row: Any, horizon: int, message: bytes = b"", transaction: bytes = b"") -> bool:
        """Keeps one row, or says that it is somebody else's."""
        laws, number = self._laws, int(row["subscriber"])
        if number in self._slow:
            return False
        subscriber = self._all.get(number)
        if subscriber is None:
            subscriber = self._all[number] = _Subscriber()
        self._add(number, subscriber, row, message, transaction)
        kind, at = int(row["kind"]), int(row["at"])
        if subscriber.group and (at <= horizon or _knows(subscriber.known, row)):  # what lies there may be younger, or the same
            subscriber.asked = True
        if kind not in WAITING or at <= horizon or any(_second(row) <= _seconds(int(said["settled"])) for said in subscriber.said.values()):
            self._touch(number, subscriber)
        if kind == Kind.ATTEMPT and row["a"] == Method.POST and row["b"] == Content.MMS:
            heapq.heappush(self._due, (at + laws.join + laws.skew, number))
        return True

    def _add(self, number: int, subscriber: _Subscriber, row: Any, message: bytes, transaction: bytes) -> None:
        """Texts of senders' copies are kept by nobody: what is told of a message is told of a receiver."""
        own = row["kind"] != ORIGIN
        spoken = bool(row["message"]) and speaks(row, last_named(subscriber.lines))
        subscriber.lines.append(Line(row, message if spoken else b"", transaction if own and row["transaction"] else b""))
        self._fresh[number] = None

    def _touch(self, number: int, subscriber: _Subscriber) -> None:
        if not subscriber.touched and number not in self._slow:
            subscriber.touched = True
            self._touched.append(number)

    # ------------------------------------------------------------------------------------------------------------- judging

    def survey(self, horizon: int) -> Survey:
        """Looks at everybody touched, and at whose time has come. Whose past is `wanted` waits for it."""
        self._wake_due(horizon)
        counts: Counter[tuple[int, int, int, int, int, int]] = Counter()
        closed: list[tuple[Any, ...]] = []
        nodes: list[int] = []
        odd: list[int] = []
        measured: list[tuple[int, ...]] = []
        again: list[int] = []
        for number in self._touched:
            subscriber = self._all.get(number)
            if subscriber is None or not subscriber.touched:
                continue
            verdicts = self._judge(subscriber, horizon) if not subscriber.asked else None
            if verdicts is None and subscriber.group:  # the next survey has his past
                subscriber.asked = True
                again.append(number)
                continue
            subscriber.touched = False
            if verdicts is None:
                odd.append(number)
                continue
            found, wake = verdicts
            if wake < NEVER:
                heapq.heappush(self._due, (wake, number))
            new = [self._say(number, subscriber, verdict, counts, closed, nodes, measured) for verdict in found]
            if any(new):  # from then on in the order of the deliveries
                subscriber.said = {key: subscriber.said[key] for key in ((verdict.domain, verdict.identity) for verdict in found)}
        self._touched = again
        rows, labels = np.array(closed, CLOSED), np.array(nodes, np.uint16)
        changed = {key: n for key, n in counts.items() if n}
        return Survey(changed, rows, labels, np.array(sorted(odd), np.uint64), np.array(measured, MEASURED))

    def _wake_due(self, horizon: int) -> None:
        while self._due and self._due[0][0] <= horizon:
            number = heapq.heappop(self._due)[1]
            if number in self._all:
                subscriber = self._all[number]
                subscriber.asked = subscriber.asked or (subscriber.group != 0 and subscriber.due <= _seconds(horizon))
                self._touch(number, subscriber)

    def _say(
        self,
        number: int,
        subscriber: _Subscriber,
        verdict: _Verdict,
        counts: Counter[tuple[int, int, int, int, int, int]],
        closed: list[tuple[Any, ...]],
        nodes: list[int],
        measured: list[tuple[int, ...]],
    ) -> bool:
        """Whether anything of it is new."""
        key = verdict.domain, verdict.identity
        old = subscriber.said.get(key)
        city = int(old["city"]) if old is not None else self._city(verdict.sender)
        entry = np.array(
            (
                number, verdict.identity, verdict.began, verdict.due, verdict.closed, verdict.settled, verdict.stamp, verdict.domain,
                verdict.node, city, verdict.rule, verdict.confidence, verdict.bin, verdict.own, verdict.notified_ms, verdict.retrieved_ms,
                0,
            ),
            SAID,
        )[()]  # fmt: skip
        if old is not None and old == entry:
            return False
        before = _count_key(old) if old is not None else None
        after = _count_key(entry)
        if before != after:
            if before is not None:
                counts[before] -= 1
            counts[after] += 1
        besides = ("confidence", "closed", "stamp", "notified", "retrieved")
        changed = old is None or before != after or any(old[name] != entry[name] for name in besides)
        if changed:
            for said, n in ((old, -1), (entry, 1)):
                if said is not None and said["closed"]:
                    told = (int(said[name]) for name in ("notified", "retrieved", "node", "city", "rule"))
                    measured.append((number, int(said["began"]), int(said["closed"]), n, *told))
        if verdict.closed and changed:
            closed.append((
                verdict.began, verdict.closed, number, verdict.sender, verdict.identity, verdict.leg, verdict.pushed, verdict.retrieved,
                1, self._laws.causes[verdict.rule], verdict.rule, 0, verdict.size,
            ))  # fmt: skip
            nodes.append(verdict.node)
        if verdict.due < NEVER and (old is None or old["due"] != verdict.due):
            heapq.heappush(self._due, (verdict.due, number))
        subscriber.said[key] = entry
        self._fresh[number] = None
        return True

    def _city(self, number: int) -> int:
        if number & NOT_A_NUMBER:
            return 0
        digits = len(str(number))
        for length in self._lengths:
            if length <= digits:
                label = self._cities.get((length, number // 10 ** (digits - length)))
                if label is not None:
                    return label
        return 0

    def _judge(self, subscriber: _Subscriber, horizon: int) -> tuple[list[_Verdict], int] | None:
        """What is said of his deliveries now, and when to look again at what belongs to none of them; None: not for this lane.

        While his past is away every line has to be one of deliveries that are here; else None too.
        """
        laws, away = self._laws, subscriber.group != 0
        if len(subscriber.lines) > MOST_LINES:
            return None
        rows = sorted(subscriber.rows, key=lambda row: (int(row["at"]), int(row["feed"]), int(row["where"])))
        threads: list[_Thread] = []
        legs: list[_Leg] = []
        for row in rows:
            kind = row["kind"]
            if kind == Kind.SUBMIT:
                if row["seed"] or int(row["message"]) in self._seeds:
                    return None
                if self._thread(threads, row) is None:
                    threads.append(_Thread(row))
            elif kind == Kind.PUSH:
                if row["seed"]:
                    return None
                leg = next((leg for leg in legs if leg.pushes[0]["transaction"] == row["transaction"]), None)
                if leg is None:
                    legs.append(_Leg(row))
                else:
                    leg.pushes.append(row)
            elif kind == Kind.REPORT:
                if row["status"] != RETRIEVED:
                    return None
            elif kind not in (Kind.NOTIFY, Kind.PUSH_REPORT, Kind.FETCH, Kind.RESPONSE, Kind.ATTEMPT, ORIGIN):
                return None
        if len(threads) + subscriber.past > MOST_THREADS or len(legs) > MOST_THREADS:
            return None
        wake = NEVER
        for row in rows:
            if row["kind"] == Kind.NOTIFY:
                thread, sent = self._thread(threads, row), self._sent(rows, row)
                if thread is not None and not sent:
                    thread.notice = min(thread.notice, int(row["at"]))
                elif away and not sent:
                    return None
        for leg in legs:
            first = leg.pushes[0]
            near = [thread for thread in threads if self._announces(thread, first)]
            if len(near) == 1 and near[0].leg is None:
                near[0].leg, leg.thread = leg, near[0]
            elif near or away:
                return None
            else:  # its Submit and Notify may not have been read yet
                until = int(first["at"]) + laws.join + laws.skew
                if horizon > until:
                    return None
                wake = min(wake, until + 1)
        for row in rows:
            if row["kind"] == Kind.FETCH:
                thread = self._thread(threads, row)
                if thread is None:
                    until = int(row["at"]) + laws.join + laws.skew
                    if horizon > until or away:
                        return None
                    wake = min(wake, until + 1)
                    continue
                thread.fetched = thread.fetched or int(row["at"])
                thread.fetched_last = int(row["at"])
                if thread.size < 0 <= row["size"] < 1 << 31:
                    thread.size = int(row["size"])
        for row in rows:
            kind = row["kind"]
            if kind == Kind.NOTIFY:
                thread = self._thread(threads, row)
                if thread is not None and (not thread.fetched or row["at"] <= thread.fetched):
                    thread.notified = thread.notified or int(row["at"])
            elif kind == Kind.RESPONSE:
                if row["status"] in (REJECTED, UNRECOGNISED) or (away and not self._surely_answered(threads, legs, row)):
                    return None
                thread = self._answered(threads, legs, row)
                if thread is not None:
                    thread.answers.append(row)
            elif kind == Kind.REPORT:
                sender = row["other"]
                thread = next(
                    (
                        t for t in threads
                        if t.opened["message"] == row["message"] and (t.opened["other"] == sender or not sender or not t.opened["other"])
                    ),
                    None,
                )  # fmt: skip
                if thread is not None:
                    thread.final = thread.final or int(row["at"])
                    thread.final_last = int(row["at"])
                elif away:
                    return None
            elif away and self._of_the_past(legs, row):
                return None
            elif kind == Kind.PUSH_REPORT and row["b"] == PushState.DELIVERED:
                for leg in legs:
                    if leg.thread is not None and any(_reports(push, row, laws.skew) for push in leg.pushes):
                        leg.thread.reported = min(leg.thread.reported, int(row["at"]))
            elif kind == Kind.ATTEMPT and row["a"] != Method.POST:
                for leg in legs:
                    if leg.thread is not None and row["path"] and any(push["path"] == row["path"] for push in leg.pushes):
                        leg.thread.got = min(leg.thread.got, int(row["at"]))
            elif kind == Kind.ATTEMPT:
                until = self._post(rows, legs, row, horizon)
                if until < 0:
                    return None
                wake = min(wake, until)
        verdicts = []
        for thread in threads:
            verdict = self._verdict(thread, rows, horizon)
            if verdict is None:
                return None
            verdicts.append(verdict)
        now = {(verdict.domain, verdict.identity) for verdict in verdicts}
        if any(key not in now for key in subscriber.said):
            return None
        return verdicts, wake

    def _thread(self, threads: list[_Thread], row: Any) -> _Thread | None:
        """The delivery of this row's message in its domain."""
        domain = self._domains[row["feed"]]
        for thread in threads:
            if thread.opened["message"] == row["message"] and self._domains[thread.opened["feed"]] == domain:
                return thread
        return None

    def _sent(self, rows: list[Any], notify: Any) -> bool:
        """Whether this is his own message: the Notify line is a report on it."""
        domain = self._domains[notify["feed"]]
        return any(row["kind"] == ORIGIN and row["message"] == notify["message"] and self._domains[row["feed"]] == domain for row in rows)

    def _announces(self, thread: _Thread, push: Any) -> bool:
        """Whether the leg that begins with this push is this delivery's: sender and Notify line say so."""
        at, sender, origin = int(push["at"]), int(thread.opened["other"]), int(push["other"])
        if thread.notice == NEVER or abs(thread.notice - at) > self._laws.join or int(thread.opened["at"]) > at + self._laws.skew:
            return False
        if not sender or not origin or sender == origin:
            return True
        return bool(sender & NOT_A_NUMBER and origin & NOT_A_NUMBER)

    def _answered(self, threads: list[_Thread], legs: list[_Leg], answer: Any) -> _Thread | None:
        for leg in legs:
            if leg.pushes[0]["transaction"] == answer["transaction"]:
                return leg.thread
        if self._sms:
            return None
        # without the SMS feed no leg is known: the delivery that was fetched last before this answer, or the only open one
        at = int(answer["at"])
        free = [t for t in threads if t.leg is None and not any(a["status"] != DEFERRED for a in t.answers)]
        fetched = [t for t in free if t.fetched and t.fetched <= at + SECOND]
        waiting = [t for t in free if not t.fetched and t.opened["at"] <= at]
        if answer["status"] in (RETRIEVED, -1) and fetched:
            return max(fetched, key=lambda t: t.fetched)
        return waiting[0] if len(waiting) == 1 else None

    def _surely_answered(self, threads: list[_Thread], legs: list[_Leg], answer: Any) -> bool:
        """Whether the delivery that is here would be given this answer whatever lies in the store."""
        if any(leg.pushes[0]["transaction"] == answer["transaction"] for leg in legs):
            return True
        given = self._answered(threads, legs, answer)
        return answer["status"] in (RETRIEVED, -1) and given is not None and 0 < given.fetched <= answer["at"] + SECOND

    def _of_the_past(self, legs: list[_Leg], row: Any) -> bool:
        """Whether a report of a push, or a request, is none of these pushes', and so may be one of those in the store."""
        pushes = [push for leg in legs for push in leg.pushes]
        if row["kind"] == Kind.PUSH_REPORT:
            return not any(_reports(push, row, self._laws.skew) for push in pushes)
        if row["kind"] != Kind.ATTEMPT:
            return False
        if row["a"] != Method.POST:
            return not any(push["path"] == row["path"] for push in pushes if push["path"])
        return self._gateway and _asked(row) not in self._ours

    def _post(self, rows: list[Any], legs: list[_Leg], post: Any, horizon: int) -> int:
        """−1: this POST says something; else when it has to be looked at again."""
        laws, at = self._laws, int(post["at"])
        if not self._gateway or post["b"] == Content.FORM:
            return NEVER
        asked = _asked(post)
        if asked not in self._ours:
            if int(post["authority"]) in self._ours or post["b"] == Content.MMS or asked in self._suspects:
                return -1
            paths = {int(push["path"]) for leg in legs for push in leg.pushes}
            for row in rows:
                if row["kind"] == Kind.ATTEMPT and row["a"] == Method.GET:
                    if _asked(row) == asked:
                        return -1
                    if int(row["path"]) in paths and 0 <= at - int(row["at"]) <= laws.answer:
                        return -1
            return NEVER
        if not 200 <= post["status"] < 300 or post["c"] == Content.HTML:
            return -1
        if post["b"] != Content.MMS or any(
            row["kind"] in (Kind.RESPONSE, ORIGIN) and abs(int(row["at"]) - at) <= laws.join for row in rows
        ):
            return NEVER
        until = at + laws.unlogged
        return -1 if horizon >= until else until

    def _verdict(self, thread: _Thread, rows: list[Any], horizon: int) -> _Verdict | None:
        laws, opened = self._laws, thread.opened
        began, retrieved = int(opened["at"]), thread.fetched
        pushes = thread.leg.pushes if thread.leg else []
        final = thread.final
        if final and not retrieved:
            return None
        expiry = max((int(push["extra"]) for push in pushes), default=0) or began + laws.window
        deadline = final or expiry + laws.grace
        due = min(max(deadline, retrieved), retrieved + laws.confirm) if retrieved else deadline
        over = horizon >= due + laws.skew
        if over and not retrieved:
            return None
        statuses = {int(answer["status"]) for answer in thread.answers}
        confirmed = bool(statuses & {RETRIEVED, -1})
        if retrieved and not confirmed and self._torn(thread, pushes, rows, max(due, retrieved) + laws.skew):
            return None
        sight = (
            (FETCHED if retrieved else 0) | (CONFIRMED if confirmed else POSTPONED if DEFERRED in statuses else 0) | (OVER if over else 0)
        )
        if retrieved:
            reported = thread.reported if thread.reported <= retrieved else NEVER
            first = min([reported, retrieved, *(int(answer["at"]) for answer in thread.answers)])
            sight |= (LATE if first - began > laws.late else 0) | (UNREPORTED if reported == NEVER else 0)
        sight |= WATCHED if self._gateway else 0
        rule = laws.rules[sight]
        if rule == ODD:
            return None
        own = int(opened["d"] == 1)
        closes = laws.closes[rule]
        if closes and own:
            return None
        closed = settled = 0
        if closes:
            if confirmed:
                closed = max(min(int(answer["at"]) for answer in thread.answers if answer["status"] != DEFERRED), retrieved)
            else:
                closed = final or due
            newest = max([began, thread.fetched_last, thread.final_last, *(int(row["at"]) for row in (*pushes, *thread.answers))])
            settled = max(closed, newest) + laws.join + laws.skew
        pushed = int(pushes[0]["at"]) if pushes else thread.notified
        size = thread.size
        for row in (*pushes, opened):
            if size < 0 <= row["size"] < 1 << 31:
                size = int(row["size"])
        leg = int(pushes[0]["transaction"]) if pushes else 0
        signs = [thread.reported, thread.got, thread.fetched or NEVER, *(int(answer["at"]) for answer in thread.answers)]
        notified = min((at for at in signs if not settled or at <= settled), default=NEVER)
        delay = (max(retrieved - began, 0) // SECOND + 1).bit_length() - 1 if retrieved else -1
        return _Verdict(
            int(opened["message"]), self._domains[opened["feed"]], began, int(opened["other"]), NEVER if closes else due + laws.skew,
            closed, settled, stamp(pushed, retrieved, leg, size), rule, laws.confidences[sight], delay, own,
            self._nodes[opened["feed"]], leg, pushed, retrieved, size, _ms(notified - began) if notified < NEVER else -1,
            _ms(retrieved - began) if retrieved else -1,
        )  # fmt: skip

    def _torn(self, thread: _Thread, pushes: list[Any], rows: list[Any], until: int) -> bool:
        """Whether the gateway saw answers to its fetches, and no whole one: then `Fetched` is doubted."""
        paths = {int(push["path"]) for push in pushes} - {0}
        sizes = [int(r["size"]) for r in rows if r["kind"] == Kind.FETCH and r["message"] == thread.opened["message"] and r["size"] > 0]
        least = min(sizes, default=0)
        seen = False
        for row in rows:
            if row["kind"] == Kind.ATTEMPT and row["a"] != Method.POST and int(row["path"]) in paths and row["at"] <= until:
                if 200 <= row["status"] < 300 and (row["size"] < 0 or row["size"] >= least):
                    return False
                seen = True
        return seen

    # ------------------------------------------------------------------------------------------------------ coming and going

    def traces(self, number: int) -> npt.NDArray[Any]:
        """One subscriber's TRACE rows, in no order."""
        subscriber = self._all.get(number)
        return np.array(subscriber.rows, TRACE) if subscriber is not None else np.empty(0, TRACE)

    def wanted(self, horizon: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
        """Numbers the next survey would look at and cannot do without their past, which lies in the store, and in which group of it the
        last part of each does."""
        self._wake_due(horizon)
        found: list[tuple[int, int]] = []
        for number in self._touched:
            subscriber = self._all.get(number)
            if subscriber is None or not subscriber.touched or not subscriber.group:
                continue
            subscriber.asked = subscriber.asked or self._judge(subscriber, horizon) is None
            if subscriber.asked:
                found.append((number, subscriber.group))
        return np.array([number for number, _ in found], np.uint64), np.array([group for _, group in found], np.uint32)

    def due(self, horizon: int) -> bool:
        """Whether a survey would look at anybody."""
        return bool(self._touched) or bool(self._due and self._due[0][0] <= horizon)

    def ask(self, number: int) -> bool:
        """Has the next survey look at this number with its past; False when it has no deliveries on this lane."""
        subscriber = self._all.get(number)
        if subscriber is None or number in self._slow or not (subscriber.said or subscriber.group):
            return False
        subscriber.asked = subscriber.group != 0
        self._touch(number, subscriber)
        return True

    def spill(self, numbers: npt.NDArray[np.uint64], group: int) -> Spilled:
        """Gives the past of these away, to lie in this group of the store from now on; they stay this lane's."""
        unsaid: set[int] = set()
        sizes, dues = np.zeros(len(numbers), np.uint32), np.full(len(numbers), NEVER, np.int64)
        before = np.zeros(len(numbers), np.uint32)
        known: list[tuple[int, int]] = []
        packed: list[bytes] = []
        for place, number in enumerate(numbers.tolist()):
            subscriber = self._all.setdefault(number, _Subscriber())
            packed.append(pack_portrait(number, WHOLE, subscriber.lines, 0, list(subscriber.said.values())))
            unsaid |= unspoken(subscriber.lines)
            sizes[place], before[place] = len(packed[-1]), subscriber.group
            known.append((reduce(or_, map(_bits, subscriber.rows), subscriber.known), subscriber.past + len(subscriber.said)))
            dues[place] = min((int(entry["due"]) for entry in subscriber.said.values()), default=NEVER)
            subscriber.lines, subscriber.said, subscriber.packed = [], {}, 0
            self._fresh[number] = None
        self.place_cold(numbers, dues, group)
        for number, told in zip(numbers.tolist(), known, strict=True):
            self._all[number].known, self._all[number].past = told
        return Spilled(sizes, b"".join(packed), dues, np.array(sorted(unsaid), np.uint64), before)

    def place_cold(self, numbers: npt.NDArray[np.uint64], dues: npt.NDArray[np.int64], group: int) -> None:
        """The past of these, or its last part, lies in a group of the store, each with its deadline (NEVER: none), and nobody knows of
        which messages it tells, and of how many."""
        for number, due in zip(numbers.tolist(), dues.tolist(), strict=True):
            self._slow.discard(number)
            subscriber = self._all.setdefault(number, _Subscriber())
            subscriber.touched, subscriber.asked = False, False
            subscriber.group, subscriber.due = group, min(subscriber.due, _seconds(due))
            subscriber.known, subscriber.past = _ANY, MOST_THREADS
            if due < NEVER:
                heapq.heappush(self._due, (due, number))

    def revive(self, numbers: npt.NDArray[np.uint64], packed: bytes = b"", *, ask: bool = True) -> npt.NDArray[np.uint64]:
        """Gives these their past back, as far as it is among these portraits; hashes that may have a text behind them elsewhere, sorted,
        none unless somebody asks.

        Raises ValueError when the last portrait is cut short, or one of theirs is damaged.
        """
        wanted, unsaid = set(numbers.tolist()), set[int]()
        for number in numbers.tolist():
            subscriber = self._all.get(number)
            if subscriber is not None and subscriber.group:
                self._stay(subscriber)
                self._touch(number, subscriber)
        read = 0
        for portrait in portraits(packed):
            read += portrait.octets
            if portrait.number in wanted:
                lines = unpack_lines(portrait.number, portrait.lines)
                subscriber = self._all.setdefault(portrait.number, _Subscriber())
                if ask:
                    unsaid |= unspoken(lines)
                for line in lines:
                    self._add(portrait.number, subscriber, *line)
                self._told(portrait.number, subscriber, unpack_said(portrait.number, lines, portrait.said, portrait.entries))
        if read < len(packed):
            raise ValueError("a portrait is cut short")
        return np.array(sorted(unsaid), np.uint64)

    def expire(self, group: int, numbers: npt.NDArray[np.uint64]) -> None:
        """What lies in this group, the past of these at most, is no longer asked for."""
        for number in numbers.tolist():
            subscriber = self._all.get(number)
            if subscriber is not None and subscriber.group == group:
                self._stay(subscriber)
                if not subscriber.lines and not subscriber.said:
                    del self._all[number]

    @staticmethod
    def _stay(subscriber: _Subscriber) -> None:
        """Nothing of his lies in the store."""
        subscriber.group, subscriber.due, subscriber.known, subscriber.past, subscriber.asked = 0, _LAST, 0, 0, False

    def drop(self, numbers: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[Any], npt.NDArray[Any], list[tuple[int, bytes]]]:
        """Gives these subscribers' TRACE and SAID rows away, and texts by their hashes; who took them is left what comes from now on."""
        rows: list[Any] = []
        said: list[Any] = []
        texts: list[tuple[int, bytes]] = []
        for number in numbers.tolist():
            self._slow.add(number)
            subscriber = self._all.pop(number, None)
            if subscriber is not None:
                rows += subscriber.rows
                said += subscriber.said.values()
                for line in subscriber.lines:
                    texts += [(int(line.row["message"]), line.message)] if line.message else []
                    texts += [(int(line.row["transaction"]), line.transaction)] if line.transaction else []
                self._fresh[number] = None
                if subscriber.group:  # what lies in the store stays there
                    left = self._all[number] = _Subscriber()
                    left.group, left.due = subscriber.group, subscriber.due
                    left.known, left.past = subscriber.known, subscriber.past
        return np.array(rows, TRACE), np.array(said, SAID), texts

    def set_slow(self, numbers: Iterable[int]) -> None:
        """Exactly these are somebody else's."""
        self._slow = set(numbers)

    def tidy(self, quiet: int, old: int, heard: bool, young: int = NEVER) -> npt.NDArray[np.uint64]:
        """Forgets what nobody asks for any more; numbers with deliveries that are quiet since `quiet` but may still change, sorted.

        Who is quiet is known to the second.
        Of a number whose deliveries are all said for good, and quiet, stay the lines at a gateway and of what he sent, up to `old`.
        Not `heard`: a feed that was never heard of may change any. What a holder sent since `young` may turn out to be a seed.
        """
        waiting: list[int] = []
        for number, subscriber in list(self._all.items()):
            lines = subscriber.lines
            if subscriber.group and not subscriber.said:  # whatever came since may be about what lies there
                continue
            if subscriber.said:
                newest = max((_second(line.row) for line in lines if line.row["kind"] in MESSAGE_KINDS), default=0)
                if newest >= quiet // SECOND or subscriber.touched:
                    continue
                done = all(self._laws.mild[entry["rule"]] and entry["closed"] for entry in subscriber.said.values())
                if subscriber.group or not heard or not done or self._may_be_seed(lines, young):
                    waiting.append(number)  # what went well is evidence for what lies in the store
                    continue
                kept = [line for line in lines if line.row["kind"] not in MESSAGE_KINDS and line.row["at"] >= old]
                subscriber.said = {}
            else:
                if len(lines) <= MOST_KEPT and max(map(_second, subscriber.rows), default=0) >= old // SECOND:
                    continue
                kept = [line for line in lines if line.row["at"] >= old]
                if len(kept) == len(lines):
                    continue
            texts = {int(line.row["message"]): line.message for line in reversed(lines) if line.message}
            self._fresh[number] = None
            subscriber.lines, subscriber.packed = [], 0
            for line in kept:
                self._add(number, subscriber, line.row, texts.get(int(line.row["message"]), b""), line.transaction)
            if not kept:
                del self._all[number]
        return np.array(sorted(waiting), np.uint64)

    def _may_be_seed(self, lines: Iterable[Line], young: int) -> bool:
        return any(row["kind"] == Kind.SUBMIT and int(row["other"]) in self._holders and row["at"] >= young for row, _, _ in lines)

    def holds(self, numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
        """HERE and AWAY for each."""
        found = np.zeros(len(numbers), np.uint8)
        for place, number in enumerate(numbers.tolist()):
            subscriber = self._all.get(number)
            if subscriber is not None:
                found[place] = (AWAY if subscriber.group else 0) | (HERE if subscriber.said else 0)
        return found

    def keys(self) -> npt.NDArray[np.uint64]:
        """Every hash that may have a text behind it elsewhere, sorted and distinct."""
        rows = [row for subscriber in self._all.values() for row in subscriber.rows]
        found = {int(row[name]) for row in rows for name in ("message", "transaction", "authority", "path")}
        found |= {int(row[name]) for row in rows for name in ("other", "subscriber") if row[name] & np.uint64(NOT_A_NUMBER)}
        return np.array(sorted(found - {0}), np.uint64)

    # --------------------------------------------------------------------------------------------------------- durability

    def delta(self) -> Iterator[bytes]:
        """Portraits of whom something changed since the last call, or as much of them as is new, to be loaded in this order. To be taken
        to the end before anything else is asked."""
        for number in self._fresh:
            subscriber = self._all.get(number) or _Subscriber()
            start = subscriber.packed
            yield pack_portrait(number, GROWN if start else WHOLE, subscriber.lines, start, list(subscriber.said.values()))
            subscriber.packed = len(subscriber.lines)
        self.forget_changes()

    def forget_changes(self) -> None:
        """From here on `delta` begins anew."""
        for number in self._fresh:
            if number in self._all:
                self._all[number].packed = len(self._all[number].lines)
        self._fresh = {}

    def snapshot(self) -> Iterator[bytes]:
        """Portraits of everybody, to be loaded as a delta on nothing. To be taken to the end before anything else is asked."""
        self.forget_changes()
        for number, subscriber in self._all.items():
            if subscriber.lines or subscriber.said:
                yield pack_portrait(number, WHOLE, subscriber.lines, 0, list(subscriber.said.values()))

    def load(self, packed: bytes | memoryview) -> int:
        """Folds the portraits of a delta or snapshot in, or the next of them; how many octets they were. One that is cut off at the
        end is left: it comes whole with the next piece. Raises ValueError when one is damaged: what is in the lane is then good for
        nothing."""
        folded = 0
        for portrait in portraits(packed):
            folded += portrait.octets
            number = portrait.number
            subscriber = self._all.setdefault(number, _Subscriber())
            if portrait.how == WHOLE:
                subscriber.lines = []
            subscriber.lines += unpack_lines(number, portrait.lines, subscriber.lines)
            subscriber.said = {}
            self._told(number, subscriber, unpack_said(number, subscriber.lines, portrait.said, portrait.entries))
            if not subscriber.lines and not subscriber.said and not subscriber.group:
                del self._all[number]
        self.forget_changes()
        return folded

    def _told(self, number: int, subscriber: _Subscriber, said: Iterable[Any]) -> None:
        for entry in said:
            subscriber.said[int(entry["domain"]), int(entry["identity"])] = entry
            if entry["due"] < NEVER:
                heapq.heappush(self._due, (int(entry["due"]), number))
        self._fresh[number] = None


_COLUMNS: Final = (
    "at", "kind", "where", "sender", "receiver", "message", "transaction", "status", "code_set", "size", "interface", "link",
    "push_state", "push_error", "pdu", "location", "authority", "expires",
)  # fmt: skip


def _count_key(entry: Any) -> tuple[int, int, int, int, int, int]:
    return (
        int(entry["began"]) // HOUR, int(entry["node"]), int(entry["city"]), int(entry["rule"]), int(entry["own"]), int(entry["bin"]),
    )  # fmt: skip


def _asked(attempt: Any) -> int:
    """The authority a handset asked for."""
    return int(attempt["transaction"]) or int(attempt["authority"])


_LAST: Final = (1 << 32) - 1
"""A second that never comes."""
_ANY: Final = (1 << 32) - 1
"""All bits of `_bits`."""


def _bits(row: Any) -> int:
    """Up to three bits of the message that a submit names, or of the transaction that a push does; 0 for other lines. Of three messages
    in the store one in 65 others seems to be one; with a bit each it would be one in eleven."""
    if row["kind"] not in (Kind.SUBMIT, Kind.PUSH):
        return 0
    name = int(row["message" if row["kind"] == Kind.SUBMIT else "transaction"])
    return 1 << (name >> 40 & 31) | 1 << (name >> 45 & 31) | 1 << (name >> 50 & 31)


def _knows(known: int, row: Any) -> bool:
    """Whether the message or push of this line may be one of those."""
    bits = _bits(row)
    return bits != 0 and known & bits == bits


def _second(row: Any) -> int:
    return _seconds(int(row["at"]))


def _seconds(at: int) -> int:
    return min(max(at // SECOND, 0), _LAST)


def _ms(micros: int) -> int:
    """A clock that went backwards between two nodes counts as no delay."""
    return min(max(micros, 0) // 1000, LONGEST_TIME)


def _reports(push: Any, report: Any, skew: int) -> bool:
    """Whether an SMSC's word is on this push; a refused one never got an id: its refusal stands beside it."""
    if push["link"] != report["link"]:
        return False
    until = NEVER if push["link"] else int(push["at"]) + SECOND
    return bool(int(push["at"]) - skew <= report["at"] <= until)
