"""State: everything judgement remembers between two Batches, and how it is packed.

One sequencer owns it. `take` merges records, `judge` turns what became ripe into facts; both only touch memory. What changed since the
last Batch is packed by `delta` (and folded back by `State.load`), so State is durable by itself and never re-read from logs (rule R3).

Parts: a `TraceLog` of traces by subscriber; the verdicts already published, so that a restatement is a difference; small side tables
(texts behind hashes, session leases, gateway activity, portals, GGSN restarts, seed messages, holdings); and the index of what was spilled.
"""

from __future__ import annotations

import heapq
import struct
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from mmsd.errors import ConfigError, StoreError
from mmsd.fast import Express, Texts
from mmsd.fast.express_py import AWAY, HERE, Survey
from mmsd.fast.portrait_py import LONGEST_TEXT
from mmsd.model import (
    DAY,
    HOUR,
    MINUTE,
    NOT_A_NUMBER,
    SECOND,
    ClocksApart,
    ColdGroup,
    Content,
    FeedCondition,
    FeedGap,
    FeedReport,
    Kind,
    Method,
    PushState,
    Records,
    Stretch,
)
from mmsd.rules import findings
from mmsd.rules.campaign import campaign_of
from mmsd.rules.causes import RULES
from mmsd.rules.codes import CodeBook, reasons
from mmsd.rules.conditions import FILES_MISSING, SILENCE, Condition, Conditions, Hole
from mmsd.rules.copies import RECOGNISED
from mmsd.rules.express import MILD, laws
from mmsd.rules.faults import FAMILIES, Closings
from mmsd.rules.faults import Fault as NodeFault
from mmsd.rules.finding_memory import FindingMemory
from mmsd.rules.finding_memory import Packed as PackedFindings
from mmsd.rules.groups import Changes, Groups
from mmsd.rules.history import History
from mmsd.rules.holdings import Holding, Holdings
from mmsd.rules.kpi import Measured
from mmsd.rules.model_findings import ModelFindings
from mmsd.rules.model_findings import Packed as PackedModel
from mmsd.rules.pulse import Fault, Pulse
from mmsd.rules.relate import ANY_DOMAIN, NEVER, Context, Covered, Dossier, Expected, FeedInfo, assemble
from mmsd.rules.retrieval import Notified, by_the_book, cell_name
from mmsd.rules.rhythm import SILENT, Rhythm
from mmsd.rules.scope import Scopes
from mmsd.rules.series import Missing, Series
from mmsd.rules.settings import Judgement
from mmsd.rules.signs import GONE, near_miss
from mmsd.rules.skew import Clocks, Pair
from mmsd.rules.spread import NAMED, Spread
from mmsd.rules.submits import sets_of
from mmsd.rules.table import Table
from mmsd.rules.traces import AT, FEED, NAMELESS, ORIGIN, OUTSIDE, REFUSAL, SUBSCRIBER, TRACE, WHERE, Trace, TraceLog, in_set, pieces

FORMAT: Final = 10
"""Version of the packed form. Another is refused, never guessed, but for those that are read as well."""
READ: Final = frozenset({9, FORMAT})
"""9: a message had one seed, and what was awarded was awarded in every campaign."""
HEADER: Final = b"mmsd State "

NOTIFICATION, DELIVERY_REPORT = 0x82, 0x86
MM7: Final = 7
SERVER_ERROR: Final = 500
MOST_SEEDS: Final = 65_535
"""In a state directory's life."""
CROWDED: Final = 16
"""Deliveries of one number in memory, above which its settled past is dropped though it is never quiet."""
SPARE_TEXTS: Final = 10_000
"""Texts are looked through for old ones when there are twice as many as were kept the last time, and so many more."""

NO_SEED: Final = "copies of seeds that are not known"
"""Said of a feed of copies."""

TEXT_COLUMNS: Final = ("message", "transaction", "authority", "path", "other", "subscriber")
"""Columns of a trace that may hold a hash with a text behind it."""

ACTIVE: Final = np.dtype([("subscriber", "<u8"), ("at", "<i8"), ("where", "<i8"), ("feed", "<u2")])
"""A gateway line that is not kept, reduced to "this number was on a gateway": one a number and five seconds."""
NETWORK_CHOSE: Final = np.array(findings.NETWORK_CHOSE, np.uint8)
ACTIVE_STEP: Final = 5 * SECOND

RIPENING: Final = frozenset({
    Kind.SUBMIT, Kind.FORWARD, Kind.PUSH, Kind.FETCH, Kind.RESPONSE, Kind.REPORT, Kind.EXPIRE, Kind.SENT_OUT, Kind.FETCH_FAILED,
    Kind.SUBMIT_REFUSED, Kind.PEER_ANSWER, Kind.COPY,
})  # fmt: skip
"""Kinds that can change a verdict or a deadline at once; the rest waits for the deadline."""
_RIPENING: Final = np.array(sorted(RIPENING), np.uint8)

MESSAGE_WIDE: Final = np.array(sorted({Kind.REPORT, Kind.EXPIRE, Kind.PEER_ANSWER}), np.uint8)
"""Kinds that may name a message and no receiver."""
ALONE: Final = np.array(sorted({*MESSAGE_WIDE.tolist(), Kind.FETCH_FAILED, Kind.SENT_OUT, Kind.RESPONSE}), np.uint8)
"""Kinds that open no delivery, and are kept a day for one whose submit comes later: files of charging records come in any order."""
ORIGINS: Final = np.array([ORIGIN, REFUSAL], np.uint8)

MMSC_KINDS: Final = np.array(sorted({*RIPENING, Kind.NOTIFY, Kind.PUSH_REPORT}), np.uint8)


Strays = dict[tuple[int, int], tuple[int, tuple[int, ...]]]
"""Copies without a line: (feed, where) → (when, the surest seed of each campaign)."""


class Published(msgspec.Struct, array_like=True):
    """What was last said of one delivery. Key: (domain, identity, forwarded) within its subscriber."""

    subscriber: int
    domain: int
    identity: int
    forwarded: bool
    rule: str = ""
    outcome: str = ""
    cause: str = ""
    confidence: float = 0.0
    began: int = 0
    hour: int = 0
    node: str = ""
    city: str = ""
    bin: int = -1
    due: int = NEVER
    closed: int = 0
    touched: int = 0
    awarded: tuple[str, ...] | bool = ()  # campaigns in which its retrieval was taken for a forward; format 9: whether it was, in all
    row: bool = False
    group: str = ""
    settled: int = 0  # closed: lines of any kind up to this time may change it, or what it rests on
    lines: int = 0  # digest of the lines it rests on
    weight: tuple[int, int] = (0, 0)  # traces of its own, traces in the dossier up to `settled`: while both stay, so does the verdict
    mute: bool = False  # it says nothing of settings and waits for nothing
    answered: int = -1  # a seed's submit: did a gateway show its answer? `submits.Answer`; -1 not yet asked
    model: int = 0  # label of the receiver's model and software version, 0 = not known when it was judged
    spoiled: bool = False  # the node failed when it closed: it is evidence of nothing
    notified: tuple[Notified, ...] = ()  # what became of its notifications (`retrieval.Notified`)
    place: int = 0  # label of the cell or SGSN where its fetch broke
    h: tuple[str, bool] = ("", False)  # H of the table, and whether it was old, when absence was judged; "" = not yet
    times: tuple[int, int] = (-1, -1)  # ms from the submit to the first sign of the push, and to the retrieval; −1 = not seen
    feed: int = 0  # of the line that speaks for it
    copied: tuple[str, tuple[int, ...] | int] = ("", ())  # what copies of its submit say (`rules.copies`), of which seeds; format 9: one

    @property
    def key(self) -> tuple[int, int, bool]:
        return self.domain, self.identity, self.forwarded

    def awarded_in(self, campaign: str) -> bool:
        return self.awarded if isinstance(self.awarded, bool) else campaign in self.awarded

    def award(self, campaign: str) -> None:
        """From now on it was awarded in this one too."""
        if not self.awarded_in(campaign):
            self.awarded = (*(() if isinstance(self.awarded, bool) else self.awarded), campaign)

    @property
    def copied_seeds(self) -> tuple[int, ...]:
        """The surest of each campaign."""
        _, seeds = self.copied
        return seeds if isinstance(seeds, tuple) else (seeds,) if seeds else ()


class _Delta(msgspec.Struct, array_like=True):
    """Everything that changed since the last Batch."""

    feeds: list[tuple[str, str, str, str]]
    traces: bytes
    active: bytes
    leases: bytes
    published: list[Published]
    gone: list[tuple[int, int, int, bool]]
    texts: bytes
    portals: dict[int, list[int]]
    resets: list[tuple[int, int]]
    seeds: Mapping[int, tuple[int, ...] | int]
    holdings: bytes
    spilled: dict[int, tuple[int, int]]
    thawed: list[int]
    authorities: list[int]
    marks: dict[int, int]
    since: dict[int, int]
    findings: PackedFindings
    forgotten: list[int]  # whose messages left memory, spilled or done with
    pulse: list[tuple[str, int, int, int, int]]  # windows as they now stand; no answers: the window is over
    cuts: dict[int, int]  # whose settled past was dropped up to when
    said: list[tuple[int, int, int, str, str]]
    seed_names: list[str]
    watched: list[tuple[int, int]]
    labels: list[str]
    groups: Changes
    horizon: int  # up to which absence was judged: a line before it is late, in the next process too
    series: dict[int, Series] = {}  # feed → its numberings, as they now stand
    named: bytes = b""
    nameless: bytes = b""
    peers: dict[int, int] = {}
    closings: list[tuple[tuple[int, int], dict[str, list[int]], tuple[NodeFault, ...]]] = []  # windows of nodes, as they now stand
    models: list[PackedModel] = []  # samples of models' subscribers, as they now stand
    history: tuple[int, int, bytes] = (0, 0, b"")  # runs of sessions
    rhythms: dict[int, Rhythm] = {}  # feed → its silences
    owners: dict[int, int] = {}
    conditions: dict[int, Condition] = {}  # feeds', as they now stand
    clocks: list[tuple[tuple[int, int], Pair]] = []  # differences between them, as they now stand
    passed_on: list[tuple[int, int, int]] = []
    strays: dict[int, list[tuple[int, int, int, int]]] = {}  # receiver → copies without a line, as they now stand


class _Cold(msgspec.Struct, array_like=True):
    """A dossier that left memory, with the texts behind its hashes."""

    traces: bytes
    published: list[Published]
    texts: dict[int, bytes]
    active: bytes


_ENCODER: Final = msgspec.msgpack.Encoder()
_LENGTH: Final = struct.Struct("<Q")
"""Behind the head: octets of the delta; the express lane's portraits stand behind it."""


class State:
    """See the module. `feeds` is append-only: a feed keeps its index for good."""

    def __init__(
        self,
        *,
        settings: Judgement,
        expected: Expected,
        codes: CodeBook,
        causes: Table,
        own_senders: frozenset[int] = frozenset(),
        own_accounts: frozenset[bytes] = frozenset(),
        express: bool = False,
    ) -> None:
        self.settings = settings
        self.express = Express(laws(settings, causes)) if express else None  # what runs by the book; everything else stands in `log`
        self.labels: list[str] = [""]  # names of nodes and cities by the small number that packed rows have for them
        self._label_of: dict[str, int] = {"": 0}
        self._told_express = False
        self._classed: set[int] = set()  # authorities of POSTs that were compared with the MMSC's
        self.expected = expected
        self.codes = codes
        self.causes = causes
        self.own_senders = np.array(sorted(own_senders), np.uint64)
        self.own_accounts = own_accounts
        self.scopes = Scopes()  # what the feeds declare to show
        self.parts: frozenset[str] = frozenset()  # feeds that show only part of it
        self.current: set[int] = set()  # feeds that are read in this life; others stand only in what was read before
        self.sgsn = False
        self.seeds_named: Callable[[npt.NDArray[np.uint64]], npt.NDArray[np.uint32]] | None = None  # hashes of names → numbers, 0 = none
        self.journals: frozenset[str] = frozenset()  # feeds of copies that say themselves up to when all were looked into
        self.copied = False  # copies of messages are looked into: any message of somebody who holds a seed may turn out to be one
        self.seed_of: Callable[[Records, int], int] | None = None  # (records, row) → number of its seed, 0 = none
        self.feeds: list[FeedInfo] = []
        self.domains: list[str] = []  # by number
        self.seed_names: list[str] = []  # campaign/seed by number − 1
        self._seed_numbers: dict[str, int] = {}
        self.log = TraceLog()
        self.active = TraceLog()
        self.leased = TraceLog()
        self.published: dict[int, dict[tuple[int, int, bool], Published]] = {}
        self.texts = Texts()
        self._pruned_texts = 0  # how many there were afterwards
        self.portals: dict[int, list[int]] = {}  # authority → flat [at, number, at, number …], the earliest `portal` distinct numbers
        self.reset_at: dict[int, list[int]] = {}
        self.seeds: dict[int, tuple[int, ...]] = {}  # message → numbers of seeds, those of a campaign in the order in which they were told
        self._told_seeds: dict[tuple[int, ...], tuple[int, ...]] = {}  # of many messages one: relays have millions
        self._seed_days: dict[int, list[int]] = {}  # day (event time) → whose seed was learned then
        self.passed_on: dict[int, dict[int, int]] = {}  # message → who was sent it by M-Forward, and when
        self.holdings = Holdings(self.labels)
        self.owners: dict[int, int] = {}  # subscriber of a campaign → since when the number may be somebody else's
        self.groups = Groups(self.express, self.texts) if self.express is not None else None
        self.cold: dict[int, tuple[int, int]] = {}  # subscriber → (due, keep until)
        self.said: dict[tuple[int, int], tuple[int, str, str]] = {}  # (feed, where) of a request → (when, its kind, its verdict)
        self.watched: dict[int, int] = {}  # subscriber → when his own requests can be judged
        self._requesting: set[int] = set()  # those of them who are watched for nothing else; after a start nobody
        self.authorities: set[int] = set()
        self.marks: dict[int, int] = {}  # feed → newest line time
        self.since: dict[int, int] = {}  # feed → time of the first line ever read
        self.series: dict[int, Series] = {}  # feed → numbers of its files and records
        self.rhythms: dict[int, Rhythm] = {}  # feed → its silences
        self.conditions = Conditions()
        self.clocks = Clocks(settings.skew)
        self.follows = False  # feeds go on: one may be silent at this moment
        self.strays: dict[int, Strays] = {}  # by receiver
        self._silences: Counter[int] = Counter()  # by feed, not yet told
        self._strangers: Counter[int] = Counter()  # by feed: copies of seeds that are not known here, not yet told
        self._called: set[int] = set()  # whom the express lane hands over at the next judging
        self._attended: frozenset[int] = frozenset()
        self.by_message: frozenset[str] = frozenset()  # domains whose nodes may write of a message and name no receiver
        self.spread = Spread()
        self.peers: dict[int, int] = {}  # feed → first answer of another MMSC that it told of
        self.pulse = Pulse(settings)
        self.history = History(settings.history_days, settings.restate + settings.window)
        self.disturbed: set[int] = set()  # whose gateway lines came late, since the last judging
        self._cell_labels: dict[bytes, int] = {}  # as sessions name them → label of the cell's name
        self.findings = FindingMemory(settings)
        self.closings = Closings(settings)
        self.models = ModelFindings(settings)
        self.horizon = 0
        self._due: list[tuple[int, int]] = []
        self._late_activity: list[int] = []  # known numbers of gateway lines not kept, before the horizon
        self._fresh: dict[str, Any] = {}
        self.forget_changes()

    # ------------------------------------------------------------------------------------------------------------ taking in

    def feed(self, name: str, node: str, domain: str, family: str) -> int:
        """The feed's index, for good. Node and domain may change from one start to the next.

        Raises ConfigError when it is now another kind of node: what was read of it would be taken for something else.
        """
        index = self._place(name, node, domain, family)
        self.current.add(index)
        if family == "copies" and not self.copied:
            self.copied = True
            self._tell_holders()
        self._fresh["feeds"].append((name, node, domain, family))
        return index

    def _place(self, name: str, node: str, domain: str, family: str) -> int:
        if domain not in self.domains:
            self.domains.append(domain)
        info = FeedInfo(name, node, self.domains.index(domain), family)
        for index, known in enumerate(self.feeds):
            if known.name == name:
                if known.family != family:
                    raise ConfigError(f"feeds.{name}: was a feed of kind {known.family!r}, is now {family!r}; give it a new name")
                self.feeds[index] = info
                self._told_express = False
                return index
        self.feeds.append(info)
        self._told_express = False
        return len(self.feeds) - 1

    def label(self, name: str) -> int:
        """A small number for a name of a node or city, for good."""
        number = self._label_of.get(name)
        if number is None:
            number = self._label_of[name] = len(self.labels)
            self.labels.append(name)
            self._fresh["labels"].append(name)
        return number

    def number_seeds(self, names: Iterable[str]) -> dict[str, int]:
        """Numbers of seeds by campaign/seed, for good. Raises ConfigError when there were too many."""
        for name in names:
            if name not in self._seed_numbers:
                self._name_seed(name)
                self._fresh["seed_names"].append(name)
        if len(self.seed_names) > MOST_SEEDS:
            raise ConfigError(
                f"campaigns.directory: {len(self.seed_names)} seeds in this state directory's life, {MOST_SEEDS} are the most"
            )
        return dict(self._seed_numbers)

    def of_each_campaign(self, seeds: Iterable[int]) -> tuple[int, ...]:
        """The first of these seeds in each campaign."""
        first: dict[str, int] = {}
        for seed in seeds:
            first.setdefault(campaign_of(self.seed_names[seed - 1]), seed)
        return tuple(first.values())

    def seed_number(self, name: str) -> int:
        """Of campaign/seed; 0 = never heard of."""
        return self._seed_numbers.get(name, 0)

    def _name_seed(self, name: str) -> None:
        self.seed_names.append(name)
        self._seed_numbers[name] = len(self.seed_names)

    def look_for(self, seed_of: Callable[[Records, int], int] | None) -> None:
        """From here on lines are asked whether they are evidence of a seed; None: there is no seed."""
        if (self.seed_of is None) != (seed_of is None):
            self._told_express = False
        self.seed_of = seed_of

    def tell_strays(self, number: int, strays: Strays) -> None:
        """Remembers which copies of what this receiver was sent have no line."""
        if strays == self.strays.get(number, {}):
            return
        self._fresh["strays"][number] = _flat(strays)
        self._set_strays(number, self._fresh["strays"][number])

    def _set_strays(self, number: int, strays: Iterable[Sequence[int]]) -> None:
        found: Strays = {}
        for feed, where, at, seed in strays:
            _, seeds = found.get((feed, where), (at, ()))
            found[feed, where] = at, (*seeds, seed)
        if found:
            self.strays[number] = found
        else:
            self.strays.pop(number, None)

    def say(self, feed: int, where: int, at: int, kind: str, verdict: str) -> None:
        """Remembers the verdict of a request."""
        self.said[feed, where] = (at, kind, verdict)
        self._fresh["said"].append((feed, where, at, kind, verdict))

    def take(self, feed: int, records: Records) -> npt.NDArray[np.uint64]:
        """Merges records; the subscribers who may now have something to be judged, sorted and distinct."""
        if not records.rows:
            return np.empty(0, np.uint64)
        at = records["at"]
        newest, oldest = int(at.max()), int(at.min())
        family = self.feeds[feed].family
        anew = self._look_again(feed, at, oldest) if family != "copies" else np.empty(0, np.uint64)  # their silence proves nothing
        read = self._read_up_to(feed, records) if self.feeds[feed].name in self.journals else newest
        if read > self.marks.get(feed, 0):
            self._fresh["marks"][feed] = self.marks[feed] = read
        rhythm = self._fresh["rhythms"][feed] = self.rhythms.setdefault(feed, Rhythm())
        self._silences[feed] += rhythm.take(at, self.settings.silence)
        if feed not in self.since or oldest < self.since[feed]:
            self._fresh["since"][feed] = self.since[feed] = oldest
        if family == "gateway":
            rows = self._take_attempts(feed, records)
            if self.express is not None:
                rows = self._leave(self.express, rows)
        elif family in ("sessions", "sgsn"):
            rows = self._take_sessions(feed, records)
        elif family == "copies":
            rows = self._take_copies(feed, records)
            self._call(rows["subscriber"])
        elif self.express is not None and family == "mmsc" and self.domains[self.feeds[feed].domain] not in self.by_message:
            rows = self._take_plain(self.express, feed, records)
        else:
            rows = self._take_messages(feed, records)
            if self.express is not None:
                rows = self._leave(self.express, rows)
        ripe = np.empty(0, np.uint64)
        if len(rows):
            self.log.append(rows)
            self._fresh["traces"].append(rows)
            ripe = self._ripe(rows)
        if self._late_activity:
            self.disturbed.update(self._late_activity)
            ripe = np.union1d(ripe, np.array(self._late_activity, np.uint64))
            self._late_activity = []
        return np.union1d(ripe, anew) if len(anew) else ripe

    def _look_again(self, feed: int, at: npt.NDArray[np.int64], oldest: int) -> npt.NDArray[np.uint64]:
        """Whoever's verdict may be another one by what these lines show of the feed itself: it began, or earlier than was thought;
        it speaks again after a silence that had been taken for a gap; a hole has ended."""
        found: list[npt.NDArray[np.uint64]] = []
        before, known = self.marks.get(feed, 0), self.since.get(feed)
        ended = self.conditions.read(feed, at, before)
        if known is None:
            found.append(self.reconsider(0, NEVER))
        elif oldest < known:
            found.append(self.reconsider(0, known))
        if self.conditions.of(feed).doubted:
            self.conditions.doubt(feed, doubted=False)
            found.append(self.reconsider(before, NEVER))
        found += [self.reconsider(hole.start, NEVER) for hole in ended]  # until now it was not known how far it goes
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.uint64)

    def reconsider(self, start: int, stop: int) -> npt.NDArray[np.uint64]:
        """Whoever's verdicts rest on what was absent within these times is judged anew, whatever was said: they are returned, sorted."""
        numbers = {
            number for number, held in self.published.items()
            if any(entry.began < stop and (not entry.closed or entry.closed > start) for entry in held.values())
        }  # fmt: skip
        restate = int(self.settings.restate * SECOND)
        numbers.update(number for number, (_, until) in self.cold.items() if until - restate > start)
        self.disturbed.update(numbers)
        return np.array(sorted(numbers), np.uint64)

    def _take_plain(self, express: Express, feed: int, records: Records) -> npt.NDArray[Any]:
        """An MMSC's records: the express lane takes what it knows of them without a look from here; what stays is somebody else's."""
        self._tell_express(express)
        taken = express.take_records(feed, records, self.horizon)
        self._keep_texts(records, taken.parties, ("sender", "receiver"))
        self._keep_texts(records, taken.places, ("message", "transaction", "sender", "receiver"))
        if not len(taken.rest):
            return taken.rows
        mask = np.zeros(records.rows, bool)
        mask[taken.rest] = True
        rows = self._leave(express, self._take_messages(feed, records if mask.all() else records.chosen(mask)))
        return np.concatenate([taken.rows, rows]) if len(taken.rows) else rows

    def _leave(self, express: Express, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Leaves to the express lane what is its own of TRACE rows; those that are not."""
        self._tell_express(express)
        self._take_over(np.unique(rows["subscriber"][_by_charging(rows)]))
        left = express.take(rows, self.horizon)
        return rows.compress(left) if left.any() else rows[:0]

    def watched_since(self) -> int:
        """Since when (µs) a number's silence would have been noticed: all packet sessions are read, by every feed, without a day's gap."""
        sessions = [index for index, info in enumerate(self.feeds) if info.family == "sessions"]
        if not self.all_apns or any(index not in self.since for index in sessions):
            return NEVER
        return max((max(self.since[index], *(stop for _, stop in self.rhythms[index].days), 0) for index in sessions), default=NEVER)

    def sessions_after(self, horizon: int) -> npt.NDArray[Any]:
        """TRACE rows of sessions that stand in State and are younger."""

        def wanted(rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
            sessions = (rows["kind"] >= Kind.SESSION_START) & (rows["kind"] <= Kind.SESSION_REJECT)
            return np.asarray(sessions & (rows["at"] > horizon))

        return np.concatenate([np.empty(0, TRACE), *(run[wanted(run)] for run in self.log.runs)])

    def number(self, feed: int, ordinal: int, stretches: Sequence[Stretch], first: int = 0, newest: int = 0) -> Counter[str]:
        """Merges numbers that nodes gave their files and records; what is worth counting of the feed since the last time, in words.

        `first`, `newest`: times of the first and of the newest line that stand beside them, 0 = none.
        """
        silences = self._silences.pop(feed, 0)
        notes = Counter({SILENT: silences} if silences else {})
        if strangers := self._strangers.pop(feed, 0):
            notes[NO_SEED] += strangers
        held = self.series.get(feed)
        if stretches or held is not None:
            held = self._fresh["series"][feed] = self.series.setdefault(feed, Series())
            notes += held.take(ordinal, stretches, first, newest)
        return notes

    def tell_missing(self, feed: int) -> list[Missing]:
        """Which numbers of a feed that has been read to its end are missing, each once."""
        held = self.series.get(feed)
        if held is None or not held.untold:
            return []
        self._fresh["series"][feed] = held
        return held.tell()

    def dig(self, feed: int) -> npt.NDArray[np.uint64]:
        """Takes over where files of a feed are missing; who is judged anew because that is not as it was, sorted."""
        held = self.series.get(feed)
        if held is None:
            return np.empty(0, np.uint64)
        missing = [Hole(start, stop, FILES_MISSING) for start, stop in held.missing_files()]
        changed = self.conditions.replace(feed, FILES_MISSING, missing)
        return np.unique(np.concatenate([np.empty(0, np.uint64), *(self.reconsider(hole.start, hole.stop) for hole in changed)]))

    def lose(self, feed: int, reason: str, start: int = 0, stop: int = 0) -> npt.NDArray[np.uint64]:
        """Within these times something of the feed is missing; without them, from its newest line to its next.

        Who is judged anew, sorted.
        """
        start = start or self.marks.get(feed, 0)
        if not start or not self.conditions.lose(feed, start, reason, stop):
            return np.empty(0, np.uint64)
        return self.reconsider(start, stop or NEVER)

    def _tell_express(self, express: Express) -> None:
        """What it has to know of feeds and of the MMSC's hosts."""
        if not self._told_express:
            self._told_express = True
            express.set_feeds([info.domain for info in self.feeds], [self.label(info.node) for info in self.feeds])
            express.set_ours(self.expected.authorities or self.authorities)
            express.add_suspects(self.expected.known)
            express.set_asked(self.own_senders.tolist(), accounts=bool(self.own_accounts), seeds=self.seed_of is not None)

    def _take_copies(self, feed: int, records: Records) -> npt.NDArray[Any]:
        """Copies in which a seed was recognised, once for each receiver."""
        chosen = np.flatnonzero(
            (records["kind"] == Kind.COPY) & in_set(records["status"], RECOGNISED) & (records["sender"] != 0) & (records["receiver"] != 0)
        )
        seeds = self.seeds_named(records["tag"][chosen]) if self.seeds_named is not None else np.zeros(len(chosen), np.uint32)
        self._strangers[feed] += len(np.unique(records["where"][chosen[seeds == 0]]))
        chosen, seeds = chosen[seeds != 0], seeds[seeds != 0]
        rows = self._rows(feed, records, chosen)
        rows["seed"], rows["error"] = seeds, np.maximum(records["latency"][chosen], 0)
        rows["link"], rows["path"] = records["link"][chosen], records["location"][chosen]
        self._keep_texts(records, chosen, ("sender", "receiver"))
        return rows

    def _read_up_to(self, feed: int, records: Records) -> int:
        """What a journal of copies says it has looked into: older copies may wait longer than younger ones that it tells of."""
        said = records["at"][records["kind"] == Kind.NONE]
        return int(said.max()) if len(said) else self.marks.get(feed, 0)

    def _call(self, numbers: npt.NDArray[np.uint64]) -> None:
        """Has the express lane hand these over at the next judging, with the past that lies in the store."""
        if self.express is not None:
            self._tell_express(self.express)
            called = set(numbers.tolist()) - self._called
            self._called |= called
            for number in called:
                self.express.ask(number)

    def attend(self, numbers: Collection[int]) -> npt.NDArray[np.uint64]:
        """Of these every delivery is told as the rules see it, not only what is odd: the express lane keeps nothing of them. Whoever is new
        among them is returned, sorted: what the lane had of him is to be judged now."""
        attended = frozenset(numbers)  # the same object while nobody comes or goes
        if attended is self._attended:
            return np.empty(0, np.uint64)
        new = np.array(sorted(attended - self._attended), np.uint64)
        self._attended = attended
        self._call(new)
        return new

    def past_wanted(self, horizon: int) -> list[int]:
        """Groups in the store without which the express lane cannot say what is to be said by then (`groups.take_back`)."""
        if self.express is None or self.groups is None:
            return []
        self._prepare(self.express)  # after a start no line may have told it of feeds yet
        return self.groups.wanted(horizon)

    def _prepare(self, express: Express) -> None:
        """For its judgement."""
        self._tell_express(express)
        covered = self.covered()
        express.set_covered(covered.sms is not None, covered.gateway is not None)

    def survey(self, horizon: int) -> Survey:
        """What the express lane says now; whoever is odd there stands in `log` from here on."""
        assert self.express is not None
        self._prepare(self.express)
        if self._called:
            self._take_over(np.array(sorted(self._called), np.uint64))
            self._called.clear()
        survey = self.express.survey(horizon)
        self._take_over(survey.odd)
        return survey

    def _take_over(self, numbers: npt.NDArray[np.uint64]) -> None:
        if self.express is None or not len(numbers):
            return
        rows, said, texts = self.express.drop(numbers)
        for key, text in texts:
            self.texts.put(key, text)
        self.log.append(rows)
        self._fresh["traces"].append(rows)
        self._watch_posts(rows)
        for row in said:
            rule = RULES[row["rule"]]
            known = self.causes.rows[rule]
            told = known.outcome if not row["own"] else "own"
            entry = Published(
                int(row["subscriber"]), int(row["domain"]), int(row["identity"]), forwarded=False, rule=rule, outcome=told,
                cause=known.cause if told == "delivered" else "", confidence=int(row["confidence"]) / 100, began=int(row["began"]),
                hour=int(row["began"]) // HOUR, node=self.labels[row["node"]], city=self.labels[row["city"]], bin=int(row["bin"]),
                due=int(row["due"]), closed=int(row["closed"]), touched=max(int(row["settled"]), int(row["began"])),
                group=known.group, settled=int(row["settled"]), times=(int(row["notified"]), int(row["retrieved"])),
                notified=by_the_book(rule) if told == "delivered" else (),
            )  # fmt: skip
            self.publish(entry)

    def _class_hosts(self, authorities: npt.NDArray[np.uint64]) -> None:
        """Tells the express lane of hosts that are nearly the MMSC's: a POST there is no browsing."""
        new = set(np.unique(authorities).tolist()) - self._classed
        if self.express is None or not new:
            return
        self._classed |= new
        names = self.expected.names or tuple(self.texts.get(a, b"").decode("latin-1") for a in sorted(self.authorities))
        self.express.add_suspects(a for a in new if near_miss(self.texts.get(a, b"").decode("latin-1"), names))

    def dossier(self, number: int) -> list[Trace]:
        """One subscriber's traces, in order of time, feed, place."""
        return self.lines_of([number]).get(number, [])

    def lines_of(self, subscribers: Iterable[int]) -> dict[int, list[Trace]]:
        """`dossier` of each of them, looked for together."""
        numbers = np.unique(np.fromiter(subscribers, np.uint64))
        found = dict(self.log.dossiers(numbers))
        if self.express is not None:
            for number in numbers.tolist():
                if len(traces := self.express.traces(number)):
                    lines = [*found.get(number, ()), *traces.tolist()]
                    found[number] = sorted(lines, key=lambda trace: (trace[AT], trace[FEED], trace[WHERE]))
        return found

    def _ripe(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
        kinds = rows["kind"]
        self._watch_posts(rows)
        self._watch_sessions(rows)
        wanted = in_set(kinds, _RIPENING)
        wanted |= in_set(kinds, ORIGINS) & (rows["at"] <= self.horizon)  # late: his requests were judged without it
        subscribers = np.unique(rows["subscriber"][wanted])
        others = rows[~wanted]
        others = others[np.lexsort((others["at"], others["subscriber"]))]
        numbers, first = np.unique(others["subscriber"], return_index=True)
        late = [n for n, at in zip(numbers.tolist(), others["at"][first].tolist(), strict=True) if self._speaks(n, at)]
        return np.union1d(subscribers, np.array(late, np.uint64)) if late else subscribers

    def _speaks(self, number: int, at: int) -> bool:
        """Whether a line of this time comes too late for what was said, or decided, of the number's deliveries."""
        held = self.published.get(number)
        if held is None:
            return at <= self.horizon and number in self.cold
        return at <= self.horizon or any(at <= entry.settled for entry in held.values())

    def _watch_posts(self, rows: npt.NDArray[Any]) -> None:
        """POSTs that are MMS whoever sent them are judged although no delivery is open, once what stands beside them has been read. Whoever
        asks for what is gone came too late for a delivery that may be closed."""
        mms = (rows["b"] == Content.MMS) | (rows["c"] == Content.MMS)
        posts = rows[(rows["kind"] == Kind.ATTEMPT) & (rows["a"] == Method.POST) & mms]
        wait = int((self.settings.join + self.settings.skew) * SECOND)
        for number, at in zip(posts["subscriber"].tolist(), posts["at"].tolist(), strict=True):
            self.watch(number, at + wait, requests=True)
        late = rows[(rows["kind"] == Kind.ATTEMPT) & (rows["a"] == Method.GET) & in_set(rows["status"], np.array(GONE))]
        for number, at in zip(late["subscriber"].tolist(), late["at"].tolist(), strict=True):
            self.watch(number, at)

    def _watch_sessions(self, rows: npt.NDArray[Any]) -> None:
        """A session alone shows that somebody has packet data, which may be all that is said of him."""
        starts = rows[rows["kind"] == Kind.SESSION_START] if self.findings.numbers else rows[:0]
        for number, at in zip(starts["subscriber"].tolist(), starts["at"].tolist(), strict=True):
            if number in self.findings.numbers:
                self.watch(number, at)

    def watch(self, subscriber: int, due: int, *, requests: bool = False) -> None:
        """Has this number judged at `due`, if it is not earlier: whoever judges it then watches on. `requests`: for requests of its own,
        which may show at a glance that there is nothing to judge (`due`)."""
        before = self.watched.get(subscriber, NEVER)
        if not requests:
            self._requesting.discard(subscriber)
        elif before == NEVER:
            self._requesting.add(subscriber)  # else what he was watched for before stays a reason, whichever is due first
        if due < before:
            self.watched[subscriber] = due
            self._fresh["watched"].append((subscriber, due))
            heapq.heappush(self._due, (due, subscriber))

    def _rows(self, feed: int, records: Records, chosen: npt.NDArray[Any]) -> npt.NDArray[Any]:
        rows = np.zeros(len(chosen), TRACE)
        rows["feed"] = feed
        for name in ("at", "where", "kind", "status", "code_set", "message", "transaction", "authority", "size"):
            rows[name] = records[name][chosen]
        rows["subscriber"] = records["receiver"][chosen]
        rows["other"] = records["sender"][chosen]
        return rows

    def _take_messages(self, feed: int, records: Records) -> npt.NDArray[Any]:
        kind, receiver = records["kind"], records["receiver"]
        pdu = records["pdu"]
        wanted = in_set(kind, MMSC_KINDS) & ((receiver != 0) | (in_set(kind, MESSAGE_WIDE) & (records["message"] != 0)))
        wanted &= (kind != Kind.PUSH) | (pdu == NOTIFICATION) | (pdu == DELIVERY_REPORT)
        chosen = np.flatnonzero(wanted)
        rows = self._rows(feed, records, chosen)
        rows["link"] = records["link"][chosen]
        rows["path"] = records["location"][chosen]
        rows["extra"] = records["expires"][chosen]
        rows["error"] = records["push_error"][chosen]
        rows["b"] = records["push_state"][chosen]
        rows["a"] = np.where(pdu[chosen] != 0, pdu[chosen], records["interface"][chosen])
        if self.seed_of is not None:  # an attempt sent again goes to the same receivers
            opening = np.flatnonzero((rows["kind"] == Kind.SUBMIT) | (rows["kind"] == Kind.FORWARD))
            rows["link"][opening] = sets_of(rows["where"][opening], rows["subscriber"][opening])
        # a delivery report is pushed to the message's sender and speaks of its receiver: it belongs in the receiver's dossier
        report = (rows["kind"] == Kind.PUSH) & (rows["a"] == DELIVERY_REPORT)
        rows["kind"][report] = Kind.REPORT
        rows["subscriber"][report], rows["other"][report] = rows["other"][report], rows["subscriber"][report].copy()
        known = rows["subscriber"] != 0
        nameless = rows[:0]
        if not known.all():
            nameless = rows[~known & in_set(rows["kind"], MESSAGE_WIDE)]
            rows, chosen = rows.compress(known), chosen[known]
        rows["d"] = in_set(rows["other"], self.own_senders)
        if self.own_accounts:
            for place in np.flatnonzero((rows["kind"] == Kind.SUBMIT) & (rows["a"] == MM7)).tolist():
                rows["d"][place] |= records.text("account", int(chosen[place])) in self.own_accounts
        if not self.scopes.every_link:
            for place in np.flatnonzero(rows["kind"] == Kind.PUSH).tolist():
                if not self.scopes.link(records.text("smsc", int(chosen[place]))):
                    rows["d"][place] = OUTSIDE
        self._keep_texts(records, chosen, ("message", "transaction", "sender", "receiver"))
        reports = np.flatnonzero(rows["kind"] == Kind.PUSH_REPORT)
        rows["c"][reports] = reasons(self.codes, self.feeds[feed].name, self.feeds[feed].node, records, chosen[reports])
        pushes = rows["kind"] == Kind.PUSH
        self._feel("smsc", rows["feed"][pushes], rows["at"][pushes], rows["b"][pushes] == PushState.REFUSED)
        self._learn_authorities(records, chosen[pushes])
        if self.seed_of is not None:
            for place in np.flatnonzero(pushes | (rows["kind"] == Kind.SUBMIT)).tolist():
                seed = self.seed_of(records, int(chosen[place]))
                if seed:
                    rows["seed"][place] = seed
                    self.seed_message(int(rows["message"][place]), [seed])
        self._hear_peers(feed, rows["at"][rows["kind"] == Kind.PEER_ANSWER], nameless["at"][nameless["kind"] == Kind.PEER_ANSWER])
        submits = (rows["kind"] == Kind.SUBMIT) | (rows["kind"] == Kind.FORWARD)
        copies = self._name(feed, rows, submits, nameless)
        submits |= rows["kind"] == Kind.SUBMIT_REFUSED
        opened = np.flatnonzero(submits & (rows["other"] != 0) & (rows["other"] & NOT_A_NUMBER == 0))
        if len(opened):
            places = rows["where"][opened]  # receivers of one record stand together
            origins = rows.take(opened[np.concatenate(([True], places[1:] != places[:-1]))])
            origins["subscriber"], origins["other"] = origins["other"], origins["subscriber"].copy()
            origins["size"][origins["kind"] == Kind.FORWARD] = -1  # what goes over the air is a reference
            origins["kind"] = np.where(origins["kind"] == Kind.SUBMIT_REFUSED, REFUSAL, ORIGIN)
            rows = np.concatenate([rows, origins])
        return np.concatenate([rows, copies]) if len(copies) else rows

    def _name(self, feed: int, rows: npt.NDArray[Any], submits: npt.NDArray[np.bool_], nameless: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What was said of a message without naming a receiver, once for each of them, whichever was read first."""
        if self.domains[self.feeds[feed].domain] not in self.by_message:
            return np.empty(0, TRACE)
        named, copies = self.spread.take(rows.compress(submits), nameless, [info.domain for info in self.feeds])
        self._fresh["named"].append(named)
        self._fresh["nameless"].append(nameless)
        return copies

    def _hear_peers(self, feed: int, *times: npt.NDArray[Any]) -> None:
        first = min((int(at.min()) for at in times if len(at)), default=NEVER)
        if first < self.peers.get(feed, NEVER):
            self._fresh["peers"][feed] = self.peers[feed] = first

    def _take_attempts(self, feed: int, records: Records) -> npt.NDArray[Any]:
        kind, receiver, method, authority = records["kind"], records["receiver"], records["method"], records["authority"]
        mine = (kind == Kind.ATTEMPT) & (receiver != 0)
        post = mine & (method == Method.POST)
        get = mine & (method == Method.GET)
        ours = np.array(sorted(self.expected.authorities or self.authorities), np.uint64)
        # before the first notification any host may be the MMSC
        kept = post | (get & (in_set(authority, ours) | (records["answer_type"] == Content.MMS) | (not len(ours))))
        self._count_portals(records["at"][get], authority[get], receiver[get])
        self._note_activity(feed, records, np.flatnonzero(mine & ~kept))
        chosen = np.flatnonzero(kept)
        rows = self._rows(feed, records, chosen)
        rows["path"] = records["path"][chosen]
        rows["extra"] = records["sent"][chosen]
        asked = records["asked"][chosen]
        rows["transaction"] = np.where(asked != rows["authority"], asked, 0)
        rows["size"] = records["octets"][chosen]
        rows["a"], rows["b"], rows["c"] = method[chosen], records["request_type"][chosen], records["answer_type"][chosen]
        answers = rows[in_set(rows["authority"], ours)]
        self._feel("mmsc", answers["authority"], answers["at"], answers["status"] >= SERVER_ERROR)
        self._keep_texts(records, chosen[rows["a"] == Method.POST], ("host", "asked", "path"))
        self._keep_texts(records, chosen[rows["a"] != Method.POST], ("host",))
        self._class_hosts(np.where(rows["transaction"], rows["transaction"], rows["authority"])[rows["a"] == Method.POST])
        return rows

    def _feel(self, kind: str, node: npt.NDArray[Any], at: npt.NDArray[Any], bad: npt.NDArray[Any]) -> None:
        for key in self.pulse.count(kind, node, at, bad):
            self._fresh["pulse"][key] = self.pulse.windows[key]

    def faults(self, horizon: int) -> list[Fault]:
        """Node faults of the windows that ended since the last question."""
        found = []
        for key, fault in self.pulse.over(horizon):
            self._fresh["pulse"][key] = (0, 0)
            if fault is not None:
                found.append(fault)
        return found

    def node_faults(self, horizon: int) -> tuple[list[NodeFault], list[NodeFault]]:
        """(found, none after all) since the last question; whoever's delivery closed there and then is judged again."""
        found, gone = self.closings.look(horizon)
        changed = {(self.labels[fault.node], fault.start) for fault in (*found, *gone)}
        if changed:
            for number, held in self.published.items():
                for entry in held.values():
                    if entry.rule[:1] in FAMILIES and (entry.node, self.closings.start_of(entry.closed)) in changed:
                        self.watch(number, self.closings.end_of(entry.closed))
        return found, gone

    def _note_activity(self, feed: int, records: Records, chosen: npt.NDArray[Any]) -> None:
        if not len(chosen):
            return
        rows = np.zeros(len(chosen), ACTIVE)
        rows["subscriber"], rows["at"], rows["where"], rows["feed"] = (
            records["receiver"][chosen], records["at"][chosen], records["where"][chosen], feed,
        )  # fmt: skip
        order = np.lexsort((rows["where"], rows["at"], rows["subscriber"]))
        rows = rows[order]
        step = rows["at"] // ACTIVE_STEP
        first = np.ones(len(rows), bool)
        first[1:] = (np.diff(rows["subscriber"]) != 0) | (np.diff(step) != 0)
        rows = rows[first]
        self.active.append(rows)
        self._fresh["active"].append(rows)
        late = np.unique(rows["subscriber"][rows["at"] <= self.horizon]).tolist()
        self._late_activity += [number for number in late if number in self.published or number in self.cold or self._asked(number)]

    def _asked(self, number: int) -> bool:
        return self.express is not None and self.express.ask(number)

    def _count_portals(self, at: npt.NDArray[Any], authority: npt.NDArray[Any], number: npt.NDArray[Any]) -> None:
        """Keeps, for each authority, the times at which its first `portal` distinct numbers were seen: a minimum, whatever the order."""
        if not len(at):
            return
        order = np.lexsort((at, number, authority))
        at, authority, number = at[order], authority[order], number[order]
        first = np.ones(len(at), bool)
        first[1:] = (np.diff(authority) != 0) | (np.diff(number) != 0)
        limit = self.settings.portal
        at, authority, number = at[first], authority[first], number[first]
        starts = np.flatnonzero(np.concatenate(([True], np.diff(authority) != 0)))
        keys, earliest = authority[starts].tolist(), np.minimum.reduceat(at, starts).tolist()
        for key, least, start, stop in zip(keys, earliest, starts.tolist(), [*starts[1:].tolist(), len(at)], strict=True):
            held = self.portals.get(key, [])
            if len(held) >= 2 * limit and least >= held[-2]:  # the latest of those that count
                continue
            merged = dict(zip(held[1::2], held[::2], strict=True))
            for when, who in zip(at[start:stop].tolist(), number[start:stop].tolist(), strict=True):
                merged[who] = min(when, merged.get(who, NEVER))
            kept = sorted((when, who) for who, when in merged.items())[:limit]
            flat = [value for pair in kept for value in pair]
            if flat != held:
                self._fresh["portals"][key] = self.portals[key] = flat

    def _take_sessions(self, feed: int, records: Records) -> npt.NDArray[Any]:
        kind = records["kind"]
        for row in np.flatnonzero((kind == Kind.SESSION_ON) | (kind == Kind.SESSION_OFF)).tolist():
            ggsn, at = int(records["ggsn"][row]), int(records["at"][row])
            if at not in self.reset_at.get(ggsn, ()):
                self.reset_at[ggsn] = sorted([*self.reset_at.get(ggsn, []), at])
                self._fresh["resets"].append((ggsn, at))
        starts = (kind == Kind.SESSION_START) | (kind == Kind.SESSION_STOP) | (kind == Kind.SESSION_INTERIM) | (kind == Kind.SESSION_REJECT)
        chosen = np.flatnonzero(starts & (records["receiver"] != 0))
        rows = self._rows(feed, records, chosen)
        rows["other"], rows["link"], rows["path"] = records["ggsn"][chosen], records["session"][chosen], records["apn"][chosen]
        rows["message"], rows["transaction"], rows["authority"] = records["imei"][chosen], records["imsi"][chosen], records["sgsn"][chosen]
        rows["extra"] = records["duration"][chosen]
        rows["size"] = np.maximum(records["octets_in"][chosen], 0) + np.maximum(records["octets_out"][chosen], 0)
        rows["error"] = records["address"][chosen].astype(np.uint32).view(np.int32)
        rows["status"] = np.where(rows["kind"] == Kind.SESSION_REJECT, records["cause"][chosen], self._cells(records, chosen))
        rows["c"] = records["selection"][chosen] + 1
        self._remember_sessions(feed, rows)
        leased = rows[rows["kind"] == Kind.SESSION_START]
        leased["subscriber"] = lease_key(leased["other"], leased["error"])
        self.leased.append(leased)
        self._fresh["leases"].append(leased)
        self._keep_texts(records, chosen, ("apn",))
        return rows

    def _cells(self, records: Records, chosen: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
        """Labels of the cells that session records name; -1 = none."""
        labels = np.full(len(chosen), -1, np.int32)
        texts = records.texts.get("cell")
        if texts is not None:
            for place in np.flatnonzero(texts.stop[chosen] > texts.start[chosen]).tolist():
                text = texts[int(chosen[place])]
                label = self._cell_labels.get(text)
                if label is None:
                    label = self._cell_labels[text] = self.label(cell_name(text))
                labels[place] = label
        return labels

    _HASHED: Final = {"host": "authority"}

    def _keep_texts(self, records: Records, chosen: npt.NDArray[Any], names: Iterable[str]) -> None:
        """Remembers the text behind each new hash; of senders and receivers only what is no number."""
        for name in names:
            if name not in records.texts:
                continue
            keys, text = records[self._HASHED.get(name, name)][chosen], records.texts[name]
            if name in ("sender", "receiver"):
                odd = np.flatnonzero(keys & NOT_A_NUMBER)
                keys, rows = keys[odd], chosen[odd]
            else:
                rows = chosen
            if len(rows):
                self.texts.keep(keys, text.data, text.start[rows], text.stop[rows], LONGEST_TEXT)

    def _learn_authorities(self, records: Records, chosen: npt.NDArray[Any]) -> None:
        if self.expected.authorities or not len(chosen):
            return
        new = set(np.unique(records["authority"][chosen]).tolist()) - self.authorities - {0}
        if new:
            self.authorities |= new
            self._classed.clear()
            self._told_express = False
        self._fresh["authorities"].extend(sorted(new))
        if "host" in records.texts:
            self._keep_texts(records, chosen, ("host",))

    def seed_message(self, message: int, seeds: Iterable[int]) -> None:
        """This message id is of a message with these seeds from now on. Whoever it was passed on to by M-Forward before that was known is
        judged anew."""
        known = self.seeds.get(message, ())
        new = tuple(seed for seed in seeds if seed not in known)
        if not message or not new:
            return
        told = known + new
        self._fresh["seeds"][message] = self.seeds[message] = self._told_seeds.setdefault(told, told)
        if not known:
            now = max(self.horizon, max(self.marks.values(), default=0))  # a first tick has read, and judged nothing yet
            self._seed_days.setdefault(now // DAY, []).append(message)
            if self.express is not None:
                self.express.add_seeds([message])
        for receiver in self.passed_on.get(message, ()):
            self.watch(receiver, self.horizon)

    def _forget_seeds(self, newest: int) -> None:
        """What no MMSC keeps any longer is not passed on by M-Forward, and no line tells of it."""
        first = (newest - int((self.settings.window + self.settings.restate) * SECOND)) // DAY
        for day in [day for day in self._seed_days if day < first]:
            for message in self._seed_days.pop(day):
                self.seeds.pop(message, None)

    def pass_on(self, message: int, receiver: int, at: int) -> None:
        """An M-Forward of this message reached him. It holds no content: a copy of the message itself may tell what it was, and more."""
        if self.copied and receiver not in self.passed_on.get(message, {}):
            self.passed_on.setdefault(message, {})[receiver] = at
            self._fresh["passed_on"].append((message, receiver, at))

    def end_holdings(self, number: int, at: int) -> None:
        """Since then the number may be somebody else's: he holds what he gets from then on."""
        if self.seed_of is not None and at > self.owners.get(number, 0):
            self._fresh["owners"][number] = self.owners[number] = at

    def held(self, number: int, at: int) -> list[Holding]:
        """What whoever has the number at `at` has come to hold, oldest first."""
        since = self.owners.get(number, 0)
        return [holding for holding in self.holdings.of(number) if holding.at >= since or at < since]

    def seeds_held(self, number: int, at: int) -> list[str]:
        """campaign/seed of each, once, what came to him last first; nothing behind the slash: nobody wrote down which of the campaign's."""
        held = reversed(self.held(number, at))
        return list(dict.fromkeys(self.seed_names[one.seed - 1] if one.seed else f"{one.campaign}/" for one in held))

    def hold(self, holding: Holding) -> None:
        if self.holdings.add(holding, self.label(holding.campaign)) and self.copied and self.express is not None:
            self.express.add_holders([holding.subscriber])

    def _tell_holders(self) -> None:
        if self.copied and self.express is not None:
            self.express.add_holders(self.holdings.numbers())

    def _may_be_seeds(self, rows: npt.NDArray[Any], horizon: int) -> npt.NDArray[np.bool_]:
        """Lines that a copy may still belong to, and copies whose line may still come."""
        if not self.copied:
            return np.zeros(len(rows), bool)
        young = rows["at"] >= horizon - int(self.settings.restate * SECOND)
        found: npt.NDArray[np.bool_] = young & (rows["kind"] == Kind.COPY)
        submits = np.flatnonzero(young & (rows["kind"] == Kind.SUBMIT))
        found[submits] = self.holdings.known(rows["other"][submits])
        return found

    # --------------------------------------------------------------------------------------------------------------- judging

    def context(self) -> Context:
        """What a dossier's judgement may look at."""
        scopes = [self.codes.at(info.name, info.node) for info in self.feeds]
        self.history.breaks = self._unseen()
        return Context(
            self.tolerant(), self.feeds, self.covered(), self.expected, scopes, self._portal_at,
            lambda ggsn: self.reset_at.get(ggsn, ()), lambda key: self.texts.get(key, b""), self._leases, self._activity,
            frozenset(self.authorities),
            {self.feeds[feed].domain: at for feed, at in sorted(self.peers.items(), key=lambda item: -item[1])},
            self.history, self._broken, self.scopes,
            self.clocks.ahead,
            self.settings.join,
        )  # fmt: skip

    def tolerant(self) -> Judgement:
        """The windows, as much wider as clocks were found to be apart."""
        wide = self.clocks.allowed / SECOND
        if not wide:
            return self.settings
        return msgspec.structs.replace(self.settings, skew=max(self.settings.skew, wide), join=max(self.settings.join, wide + 1.0))

    def set_clocks(self) -> npt.NDArray[np.uint64]:
        """Takes over how far clocks are apart; who is judged anew because windows change by it, sorted."""
        return self.reconsider(0, NEVER) if self.clocks.widen() else np.empty(0, np.uint64)

    def report(self, now: int, delays: Mapping[int, int]) -> FeedReport:
        """How all feeds that are read do. `now`: wall clock; `delays`: what is declared of feeds' lateness, by index, µs."""
        patience = int(self.settings.patience * SECOND)
        told = []
        for index in sorted(self.current):
            info, condition = self.feeds[index], self.conditions.of(index)
            silences = [Hole(*gap, SILENCE) for gap in self.rhythms[index].gaps] if index in self.rhythms else []
            waits = max(int(self.settings.idle * SECOND), delays.get(index, 0), condition.wait(patience))
            told.append(
                FeedCondition(
                    info.name, info.node, info.family, self.since.get(index, 0), self.marks.get(index, 0), condition.late.told(),
                    condition.disorder.told(), waits, tuple(FeedGap(*hole) for hole in sorted([*condition.holes, *silences])),
                    condition.orphans,
                )
            )  # fmt: skip
        clocks = [
            ClocksApart(self.feeds[apart.first].name, self.feeds[apart.second].name, *apart[2:], far=self.clocks.is_far(apart))
            for apart in self.clocks.told() if {apart.first, apart.second} <= self.current
        ]  # fmt: skip
        return FeedReport(now, self.horizon, self.clocks.allowed, tuple(told), tuple(clocks))

    def _unseen(self) -> list[tuple[int, int]]:
        """[from, to) in which packet sessions may have gone unseen: before a feed of them began, and where it was silent for a day."""
        found: list[tuple[int, int]] = []
        for index, info in enumerate(self.feeds):
            if info.family == "sessions" and index in self.current:
                found.append((0, self.since.get(index, NEVER)))
                if index in self.rhythms:
                    found += [gap for gap in self.rhythms[index].gaps if gap[1] - gap[0] > DAY]
        return found

    def _broken(self, family: str, domain: int, start: int, stop: int) -> bool:
        """Whether some feed of this kind, of MMSCs of this domain, did not show everything within these times."""
        blind = False
        for index in sorted(self.current):
            info = self.feeds[index]
            if info.family == family and (family != "mmsc" or domain in (info.domain, ANY_DOMAIN)):
                blind |= self._blind(index, start, stop)  # each is asked: a silence that was taken for a gap is remembered
        return blind

    def _blind(self, feed: int, start: int, stop: int) -> bool:
        if self.feeds[feed].name in self.parts:
            return self.feeds[feed].family == "mmsc"  # of the others it is not missed
        least = self.settings.silence
        if least and self.since.get(feed, NEVER) - int(least * SECOND) > start:  # its first line may have come late
            return True
        rhythm = self.rhythms[feed]
        if self.conditions.of(feed).broken(start, stop) or rhythm.broken(start, stop, least):
            return True
        silent = self.follows and rhythm.broken(start, stop, least, self.horizon)
        if silent:
            self.conditions.doubt(feed)
        return silent

    def covered(self) -> Covered:
        """Kinds of feeds that are read, each from its first line on."""
        first: dict[str, int] = {}
        for index, info in enumerate(self.feeds):
            if index in self.since:
                first[info.family] = min(first.get(info.family, NEVER), self.since[index])
        sessions = first.get("sessions") if self.scopes.sessions_on(self.expected.mms_apns) else None
        return Covered(first.get("mmsc"), first.get("sms"), first.get("gateway"), sessions, all_apns=self.all_apns, sgsn=self.sgsn)

    @property
    def all_apns(self) -> bool:
        """Whether no packet session goes unseen."""
        return self.scopes.every_session

    def _portal_at(self, authority: int) -> int:
        held = self.portals.get(authority, [])
        return held[-2] if len(held) >= 2 * self.settings.portal else NEVER

    def _leases(self, ggsn: int, address: int) -> Sequence[Trace]:
        if not address:
            return ()
        key = int(lease_key(np.array([ggsn], np.uint64), np.array([address], np.int32))[0])
        return self.leased.dossier(key)

    def _activity(self, subscriber: int, start: int, stop: int) -> list[Trace]:
        """The first ACTIVE row of each step up to `stop`, shaped like a trace: only subscriber, at, where and feed are set.

        From the beginning of `start`'s step, because which of a step's lines are kept depends on how they came; the first always is.
        """
        found: dict[int, Trace] = {}
        for number, at, where, feed in self.active.dossier(subscriber):
            if start // ACTIVE_STEP * ACTIVE_STEP <= at <= stop:
                found.setdefault(at // ACTIVE_STEP, (number, at, where, *([0] * 10), feed, int(Kind.ATTEMPT), 0, 0, 0, 0, 0))
        return list(found.values())

    def open_count(self) -> int:
        """Deliveries held in memory."""
        return sum(map(len, list(self.published.values()))) + (len(self.express) if self.express is not None else 0)

    def due(self, horizon: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """Subscribers with a deadline at or before `horizon`, spilled ones included; and those of whom only requests of their own are to be
        looked at. Both sorted and distinct."""
        ripe: set[int] = set()
        asked: set[int] = set()
        while self._due and self._due[0][0] <= horizon:
            due, number = heapq.heappop(self._due)
            if self.watched.get(number) == due:
                del self.watched[number]
                (asked if number in self._requesting else ripe).add(number)
                self._requesting.discard(number)
            elif self._waits(number, horizon):
                ripe.add(number)
        return np.array(sorted(ripe), np.uint64), np.array(sorted(asked - ripe), np.uint64)

    def _waits(self, number: int, horizon: int) -> bool:
        """Whether a delivery of his has a deadline at or before `horizon`: one that closed, or was looked at since, may have had it."""
        due, _ = self.cold.get(number, (NEVER, 0))
        return due <= horizon or any(entry.due <= horizon for entry in self.published.get(number, {}).values())

    def requests_of(self, numbers: npt.NDArray[np.uint64]) -> dict[int, list[Trace]]:
        """Of each of the *sorted, distinct* numbers what was requested in its name at gateways, and what the MMSC wrote of its submits."""
        rows = self.log.gather(numbers)
        rows = rows.compress((rows["kind"] == Kind.ATTEMPT) | (rows["kind"] == ORIGIN) | (rows["kind"] == REFUSAL))
        listed: list[Trace] = rows.tolist()
        return {listed[start][SUBSCRIBER]: listed[start:stop] for start, stop in pieces(rows["subscriber"])}

    def dossiers(self, subscribers: npt.NDArray[np.uint64]) -> Iterable[Dossier]:
        context = self.context()
        for number, traces in self.log.dossiers(subscribers):
            yield assemble(number, traces, context)

    def publish(self, entry: Published) -> None:
        """Remembers what was said; its deadline is watched."""
        self.published.setdefault(entry.subscriber, {})[entry.key] = entry
        self._fresh["published"].append(entry)
        if entry.due < NEVER:
            heapq.heappush(self._due, (entry.due, entry.subscriber))

    def retract(self, entry: Published) -> None:
        del self.published[entry.subscriber][entry.key]
        if not self.published[entry.subscriber]:
            del self.published[entry.subscriber]
        self._fresh["gone"].append((entry.subscriber, *entry.key))

    # -------------------------------------------------------------------------------------------------------- hot and cold

    def quiet(self, horizon: int) -> list[int]:
        """Subscribers whose deliveries saw no line for `quiet` seconds of event time (rule R8)."""
        before = horizon - int(self.settings.quiet * SECOND)
        return [number for number, held in self.published.items() if all(entry.touched < before for entry in held.values())]

    def spill_express(self, horizon: int, most: int) -> tuple[list[ColdGroup], bool]:
        """The express lane's quiet deliveries that may still change, of so many numbers at most packed for the store, and whether there are
        more; what cannot change is only forgotten."""
        if self.express is None or self.groups is None:
            return [], False
        restate = int(self.settings.restate * SECOND)
        quiet = self.express.tidy(
            horizon - int(self.settings.quiet * SECOND), horizon - self._kept(), self._heard(horizon), horizon - restate
        )
        return self.groups.put_away(quiet[:most], horizon + 2 * restate), len(quiet) > most

    def _kept(self) -> int:
        """How long lines stay of numbers without deliveries."""
        return int((self.settings.session + self.settings.reaction) * SECOND) + 5 * MINUTE

    def spill(self, subscribers: Sequence[int], horizon: int) -> list[tuple[int, bytes, int]]:
        """Packs quiet dossiers for the store and forgets them: (subscriber, packed, keep until). What cannot change is only forgotten."""
        spilled: list[tuple[int, bytes, int]] = []
        chosen = np.array(sorted(subscribers), np.uint64)
        restate = int(self.settings.restate * SECOND)
        rows = self.log.gather(chosen)
        packed = {int(rows["subscriber"][start]): rows[start:stop] for start, stop in pieces(rows["subscriber"])}
        seen = self.active.gather(chosen)
        active = {int(seen["subscriber"][start]): seen[start:stop].tobytes() for start, stop in pieces(seen["subscriber"])}
        heard = self._heard(horizon)
        awaited = set(rows["subscriber"][self._may_be_seeds(rows, horizon)].tolist())
        for number in sorted(subscribers):
            held = list(self.published.get(number, {}).values())
            settled = heard and all(entry.rule in MILD and not entry.row for entry in held)
            settled = settled and number not in awaited
            for entry in held:
                self.retract(entry)
            if settled or number not in packed:
                continue
            # a feed may be read ahead of the others: what it tells of the days to come is kept until they are over
            until = max(int(packed[number]["at"].max()), *(entry.closed or horizon + restate for entry in held), 0) + restate
            due = min((entry.due for entry in held), default=NEVER)
            self._fresh["spilled"][number] = self.cold[number] = (due, until)
            if due < NEVER:
                heapq.heappush(self._due, (due, number))
            cold = _Cold(packed[number].tobytes(), held, self._texts_of(packed[number]), active.get(number, b""))
            spilled.append((number, _ENCODER.encode(cold), until))
        self._forget_messages(chosen)
        self._fresh["forgotten"].extend(chosen.tolist())
        return spilled

    def _forget_messages(self, subscribers: npt.NDArray[np.uint64]) -> None:
        """Drops these numbers' traces but those of gateways and sessions, which other numbers' judgements look at until they are old."""
        self.log.keep(lambda rows: ~(in_set(rows["subscriber"], subscribers) & in_set(rows["kind"], MMSC_KINDS)))

    def _texts_of(self, rows: npt.NDArray[Any]) -> dict[int, bytes]:
        keys: set[int] = set().union(*(rows[name].tolist() for name in TEXT_COLUMNS))
        return {key: self.texts[key] for key in keys if key in self.texts}

    def thaw(self, blobs: Mapping[int, bytes]) -> None:
        """Takes spilled dossiers back."""
        if not blobs:
            return
        numbers = np.array(sorted(blobs), np.uint64)
        taken = {number: msgspec.msgpack.decode(blobs[number], type=_Cold) for number in numbers.tolist()}
        rows = _strangers(np.frombuffer(b"".join(cold.traces for cold in taken.values()), TRACE), self.log.gather(numbers))
        active = _strangers(np.frombuffer(b"".join(cold.active for cold in taken.values()), ACTIVE), self.active.gather(numbers))
        for log, name, found in ((self.log, "traces", rows), (self.active, "active", active)):
            log.append(found)
            self._fresh[name].append(found)
        for number, cold in taken.items():
            for key, text in cold.texts.items():
                self.texts.put(key, text)
            for entry in cold.published:
                self.publish(entry)
            self.cold.pop(number, None)
            self._fresh["thawed"].append(number)

    def take_thawed(self) -> list[int]:
        """Subscribers thawed since the last delta: the store forgets their spilled form in the same Batch."""
        return list(self._fresh["thawed"])

    def _cut_crowds(self, horizon: int) -> None:
        """Drops the settled past of numbers that are never quiet (robots, mail gateways): what R8 does by number, by delivery."""
        quiet = horizon - int(self.settings.quiet * SECOND)
        margin = int((self.settings.join + self.settings.skew) * SECOND) + MINUTE
        if not self._heard(horizon):
            return
        cuts: dict[int, int] = {}
        for number, held in self.published.items():
            if len(held) < CROWDED:
                continue
            waiting = self._awaited(number, horizon)
            done = [e for e in held.values() if e.rule in MILD and e.mute and not e.row and e.touched < quiet and e.identity not in waiting]
            chosen = {e.key for e in done}
            kept = [e.began for e in held.values() if e.key not in chosen]
            cut = min(kept, default=quiet) - margin
            while any(e.touched >= cut for e in done):
                kept += [e.began for e in done if e.touched >= cut]
                done = [e for e in done if e.touched < cut]
                cut = min(kept) - margin
            if done:
                cuts[number] = cut
                self._fresh["gone"].extend((number, *entry.key) for entry in done)
                for entry in done:
                    del held[entry.key]
        self._cut(cuts)
        self._fresh["cuts"].update(cuts)

    def _unanswered(self) -> npt.NDArray[np.uint64]:
        """Who had a POST without a good answer: a copy that comes late asks which of two submits was sent again."""
        if not self.copied:
            return np.empty(0, np.uint64)
        bad = [
            run["subscriber"][_posts(run) & ((run["status"] < 200) | (run["status"] >= 300) | (run["size"] == 0))] for run in self.log.runs
        ]
        return np.unique(np.concatenate([np.empty(0, np.uint64), *bad]))

    def _awaited(self, number: int, horizon: int) -> set[int]:
        """Of a number's deliveries those that a copy may still belong to, by what identifies them."""
        if not self.copied:
            return set()
        rows = self.log.gather(np.array([number], np.uint64))
        return set(rows["message"][self._may_be_seeds(rows, horizon) & (rows["kind"] == Kind.SUBMIT)].tolist())

    def _cut(self, cuts: Mapping[int, int]) -> None:
        if not cuts:
            return
        numbers = np.array(sorted(cuts), np.uint64)
        limits = np.array([cuts[number] for number in sorted(cuts)], np.int64)
        restate = int(self.settings.restate * SECOND)

        def kept(rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
            place = np.minimum(np.searchsorted(numbers, rows["subscriber"]), len(numbers) - 1)
            past = (numbers[place] == rows["subscriber"]) & (rows["at"] < limits[place]) & in_set(rows["kind"], MMSC_KINDS)
            past &= (rows["kind"] != Kind.COPY) | (rows["at"] < limits[place] - restate)
            return np.asarray(~past)

        self.log.keep(kept)

    def _heard(self, horizon: int) -> bool:
        """Whether every feed has been heard of, and copies of what is quiet by now; one that was not may make a seed of any delivery."""
        quiet = horizon - int(self.settings.quiet * SECOND)
        return all(
            self.marks.get(index, 0) >= quiet if info.family == "copies" else index in self.since
            for index, info in enumerate(self.feeds) if index in self.current or info.family != "copies"
        )  # fmt: skip

    def prune(self, horizon: int) -> None:
        """Drops what no later judgement can ask for: old traces of numbers without deliveries, sessions long over, old activity.

        Of a number whose open deliveries were spilled stay its requests to an MMSC, and the first sign of life since.
        """
        self._cut_crowds(horizon)
        keep = self._kept()
        before = horizon - keep
        published = np.array(sorted(self.published), np.uint64)
        cold = np.fromiter(self.cold, np.uint64, len(self.cold))
        open_ = np.fromiter((due < NEVER for due, _ in self.cold.values()), bool, len(self.cold))
        spilled = np.sort(cold[open_])
        express = self.express

        def watched(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
            mask = in_set(numbers, published)
            return mask if express is None else mask | ((express.holds(numbers) & HERE) != 0)

        def waiting(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
            mask = in_set(numbers, spilled)
            return mask if express is None else mask | ((express.holds(numbers) & AWAY) != 0)

        def awaited(rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
            chosen = waiting(rows["subscriber"])
            traces = rows.dtype == TRACE
            lives = np.flatnonzero(chosen & (rows["kind"] == Kind.SESSION_START) if traces else chosen)
            _, first = np.unique(rows["subscriber"][lives], return_index=True)
            kept = chosen & (rows["kind"] == Kind.ATTEMPT) if traces else np.zeros(len(rows), bool)
            kept[lives[first]] = True
            return np.asarray(kept)

        oldest = min((e.touched for held in self.published.values() for e in held.values()), default=horizon)
        if express is not None and len(express):
            oldest = min(oldest, horizon - int(self.settings.quiet * SECOND))
        stopped = np.unique(
            np.concatenate([np.empty(0, np.uint64), *[run["link"][run["kind"] == Kind.SESSION_STOP] for run in self.log.runs]])
        )
        day = horizon - 86400 * SECOND
        unlogged = horizon - int(self.settings.restate * SECOND)
        unanswered = self._unanswered()

        def needed(rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
            standing = (rows["kind"] >= Kind.SESSION_START) & (rows["kind"] <= Kind.SESSION_INTERIM)
            standing &= ~in_set(rows["link"], stopped) & (rows["at"] >= day)
            alone = in_set(rows["kind"], ALONE) & (rows["message"] != 0) & (rows["at"] >= day)
            alone |= (rows["kind"] == Kind.COPY) & (rows["at"] >= unlogged)
            alone |= _posts(rows) & in_set(rows["subscriber"], unanswered) & (rows["at"] >= unlogged)
            return np.asarray((rows["at"] >= before) | watched(rows["subscriber"]) | standing | alone | awaited(rows))

        self.history.prune(min(horizon, max(self.marks.values(), default=0)))  # a replay's horizon ends beyond all time
        for rhythm in self.rhythms.values():
            rhythm.prune(horizon - self.history.span - self.history.slack)
        self.conditions.prune(horizon - self.history.span - self.history.slack)
        self.log.keep(needed)
        self.active.keep(lambda rows: (rows["at"] >= min(before, oldest - keep)) | awaited(rows))
        self.leased.keep(lambda rows: rows["at"] >= day)
        cold.sort()
        self.spread.keep(lambda numbers: watched(numbers) | waiting(numbers) | in_set(numbers, cold), before, day)
        self.portals = {authority: held for authority, held in self.portals.items() if max(held[::2]) >= day - 86400 * SECOND}
        self.reset_at = {ggsn: kept for ggsn, times in self.reset_at.items() if (kept := [at for at in times if at >= day])}
        self.cold = {number: kept for number, kept in self.cold.items() if kept[1] >= horizon}  # the store drops the rest
        if self.groups is not None:
            self.groups.expire(horizon)
        self.said = {key: said for key, said in self.said.items() if said[0] >= day}
        self._forget_seeds(min(horizon, max(self.marks.values(), default=0)))
        newest = min(horizon, max(self.marks.values(), default=0))  # a replay's horizon ends beyond all time
        for number in [number for number, held in self.strays.items() if max(at for at, _ in held.values()) < unlogged]:
            del self.strays[number]
        self.passed_on = {message: held for message, held in self.passed_on.items() if max(held.values()) >= unlogged}
        self.findings.prune(newest)
        self.closings.prune(newest)
        if self.express is not None:
            self.express.set_slow(self._slow())
        self._prune_texts()

    def _remember_sessions(self, feed: int, rows: npt.NDArray[Any]) -> None:
        """That there was a session is remembered for a month; where some access points are not seen it would prove nothing."""
        if not self.all_apns:
            self.history.end()
            return
        if len(rows) and self.feeds[feed].family == "sessions":
            self.history.begin(int(rows["at"].min()))
        up = rows["kind"] != Kind.SESSION_REJECT
        self.history.take(rows["subscriber"][up], rows["at"][up])

    def _prune_texts(self) -> None:
        """Drops texts behind no hash, when they may be half of all."""
        if len(self.texts) < 2 * self._pruned_texts + SPARE_TEXTS:
            return
        named = np.array(sorted({*self.seeds, *self.portals, *self.authorities}), np.uint64)
        logged = np.unique(np.concatenate([named, *(np.unique(run[name]) for run in self.log.runs for name in TEXT_COLUMNS)]))
        self.texts.retain(logged, self.express.keys() if self.express is not None else logged)
        self._pruned_texts = len(self.texts)

    def _slow(self) -> set[int]:
        """Numbers whose lines are not the express lane's."""
        mms_apns = np.array(sorted(self.expected.mms_apns), np.uint64)
        slow = {*self.published, *self.cold, *self.watched, *self.findings.numbers, *self._attended}
        for run in self.log.runs:
            sessions = (run["kind"] >= Kind.SESSION_START) & (run["kind"] <= Kind.SESSION_REJECT)
            # whose APN the network chose has wrong settings, however well it goes
            corrected = (run["kind"] == Kind.SESSION_START) & in_set(run["c"], NETWORK_CHOSE) & in_set(run["path"], mms_apns)
            slow.update(np.unique(run["subscriber"][~sessions | corrected]).tolist())
        return slow

    # ------------------------------------------------------------------------------------------------------------ durability

    def forget_changes(self) -> None:
        """From here on `delta` begins anew."""
        self._fresh = {
            "feeds": [], "traces": [], "active": [], "leases": [], "published": [], "gone": [], "portals": {}, "resets": [],
            "seeds": {}, "spilled": {}, "thawed": [], "authorities": [], "marks": {}, "since": {},
            "forgotten": [], "pulse": {}, "cuts": {}, "said": [], "seed_names": [], "watched": [], "series": {}, "labels": [],
            "named": [], "nameless": [], "peers": {}, "rhythms": {}, "owners": {}, "strays": {}, "passed_on": [],
        }  # fmt: skip
        self.texts.forget_changes()
        self.holdings.fold()
        self.findings.forget_changes()
        self.closings.forget_changes()
        self.models.forget_changes()
        self.history.forget_changes()
        self.conditions.forget_changes()
        self.clocks.forget_changes()
        if self.express is not None and self.groups is not None:
            self.express.forget_changes()
            self.groups.forget_changes()

    def delta(self) -> Iterator[bytes]:
        """What changed since the last call, packed, in pieces that stand in a row, none when nothing did; to be taken to the end before
        State changes again."""
        fresh = self._fresh
        portraits = self.express.delta() if self.express is not None else iter(())
        begun = next(portraits, b"")
        texts = self.texts.fresh()
        changed = any(
            (
                *self.findings.changes(),
                self.closings.changes(),
                self.models.changes(),
                self.history.changes()[2],
                self.conditions.changes(),
                self.clocks.changes(),
                self.groups is not None and self.groups.changed(),
                self.holdings.fresh(),
            )
        )
        if not any(fresh.values()) and not (begun or texts or changed):
            return
        last = {(entry.subscriber, *entry.key): entry for entry in fresh["published"]}
        gone = [key for key in fresh["gone"] if key[1:] not in self.published.get(key[0], {})]
        kept = [entry for key, entry in last.items() if key[1:] in self.published.get(key[0], {})]
        yield _packed(
            _Delta(
                fresh["feeds"], _joined(fresh["traces"]), _joined(fresh["active"]), _joined(fresh["leases"]), kept, gone,
                texts, fresh["portals"], fresh["resets"], fresh["seeds"], self.holdings.fresh(), fresh["spilled"], fresh["thawed"],
                fresh["authorities"], fresh["marks"], fresh["since"], self.findings.changes(), fresh["forgotten"],
                [(*key, *counts) for key, counts in fresh["pulse"].items()], fresh["cuts"], fresh["said"], fresh["seed_names"],
                fresh["watched"], fresh["labels"],
                self.groups.changes() if self.groups is not None else Changes({}), self.horizon, fresh["series"],
                _joined(fresh["named"]), _joined(fresh["nameless"]), fresh["peers"],
                self.closings.changes(), self.models.changes(), history=self.history.changes(),
                rhythms=fresh["rhythms"],
                owners=fresh["owners"], conditions=self.conditions.changes(),
                clocks=self.clocks.changes(), passed_on=fresh["passed_on"], strays=fresh["strays"],
            ),
        )  # fmt: skip
        yield from chain((begun,) if begun else (), portraits)
        self.forget_changes()

    def snapshot(self) -> Iterator[bytes]:
        """The whole State, packed as one delta on nothing, in pieces that stand in a row; to be taken to the end before it changes."""
        self.forget_changes()
        feeds = [(f.name, f.node, self.domains[f.domain], f.family) for f in self.feeds]
        published = [entry for held in self.published.values() for entry in held.values()]
        resets = [(ggsn, at) for ggsn, times in self.reset_at.items() for at in times]
        yield _packed(
            _Delta(
                feeds, self.log.packed(), self.active.packed(), self.leased.packed(), published, [], self.texts.packed(), self.portals,
                resets, self.seeds, self.holdings.packed(), self.cold, [], sorted(self.authorities), self.marks, self.since,
                self.findings.whole(), [],
                [(*key, *counts) for key, counts in self.pulse.windows.items()], {},
                [(*key, *said) for key, said in self.said.items()], self.seed_names, list(self.watched.items()), self.labels[1:],
                self.groups.whole() if self.groups is not None else Changes({}), self.horizon, self.series,
                self.spread.named.packed(), self.spread.nameless.packed(), self.peers,
                self.closings.whole(), self.models.whole(), history=self.history.packed(),
                rhythms=self.rhythms,
                owners=self.owners, conditions=self.conditions.held,
                clocks=self.clocks.whole(),
                passed_on=[(message, *each) for message, held in self.passed_on.items() for each in held.items()],
                strays={number: _flat(held) for number, held in self.strays.items()},
            )
        )  # fmt: skip
        if self.express is not None:
            yield from self.express.snapshot()

    def load(self, packed: Iterable[Iterable[bytes]]) -> None:
        """Folds a snapshot and later deltas, each in pieces that stand in a row, into this (empty) State. A piece is let go once it is
        folded in. Raises StoreError when they are of another format."""
        for one in packed:
            delta, portraits = _unpacked(one)
            for feed in delta.feeds:
                self._place(*feed)
            for name in delta.labels:
                self.label(name)
            if self.groups is not None:
                self.groups.load(delta.groups, portraits)
            elif delta.groups.made or any(portraits):
                raise StoreError("the packed State in the state directory is of a daemon that follows logs; begin with an empty one")
            for name in delta.seed_names:
                self._name_seed(name)
            self.said.update({(feed, where): (at, kind, verdict) for feed, where, at, kind, verdict in delta.said})
            self.log.append(np.frombuffer(delta.traces, TRACE).copy())
            self.active.append(np.frombuffer(delta.active, ACTIVE).copy())
            self.leased.append(np.frombuffer(delta.leases, TRACE).copy())
            self.spread.named.append(np.frombuffer(delta.named, NAMED).copy())
            self.spread.nameless.append(np.frombuffer(delta.nameless, TRACE).copy())
            self.peers.update(delta.peers)
            self.rhythms.update(delta.rhythms)
            self.owners.update(delta.owners)
            self.conditions.load(delta.conditions)
            self.clocks.load(delta.clocks)
            for message, receiver, at in delta.passed_on:
                self.passed_on.setdefault(message, {})[receiver] = at
            for number, strays in delta.strays.items():
                self._set_strays(number, strays)
            self.history.load(*delta.history)
            for number, *key in delta.gone:
                held = self.published.get(number, {})
                held.pop((key[0], key[1], bool(key[2])), None)
                if not held:
                    self.published.pop(number, None)
            for kind, node, window, answers, faults in delta.pulse:
                if answers:
                    self.pulse.windows[kind, node, window] = answers, faults
                else:
                    self.pulse.windows.pop((kind, node, window), None)
            self._cut(delta.cuts)
            if delta.forgotten:
                self._forget_messages(np.array(sorted(delta.forgotten), np.uint64))
            for entry in delta.published:
                self.published.setdefault(entry.subscriber, {})[entry.key] = entry
            try:
                self.texts.load(delta.texts)
            except ValueError as error:
                raise StoreError(f"the packed State is damaged ({error}); restore the state directory as a whole") from None
            self.portals.update(delta.portals)
            for ggsn, at in delta.resets:
                self.reset_at[ggsn] = sorted({*self.reset_at.get(ggsn, []), at})
            for message, seeds in delta.seeds.items():
                told = (seeds,) if isinstance(seeds, int) else seeds
                self.seeds[message] = self._told_seeds.setdefault(told, told)
            self.holdings.load(delta.holdings)
            for number in delta.thawed:
                self.cold.pop(number, None)
            self.cold.update(delta.spilled)
            self.watched.update(delta.watched)
            self.authorities.update(delta.authorities)
            self.marks.update(delta.marks)
            self.since.update(delta.since)
            self.series.update(delta.series)
            self.horizon = max(self.horizon, delta.horizon)
            self.closings.load(delta.closings)
            self.models.load(delta.models)
            self.findings.load(delta.findings, delta.horizon)
        self._due = [(e.due, e.subscriber) for held in self.published.values() for e in held.values() if e.due < NEVER]
        self._due += [(due, number) for number, (due, _) in self.cold.items() if due < NEVER]
        self._due += [(due, number) for number, due in self.watched.items()]
        heapq.heapify(self._due)
        self._seed_days = {self.horizon // DAY: list(self.seeds)}
        if self.express is not None:
            self.express.add_seeds(self.seeds)
            self._tell_holders()
            self.express.set_slow(self._slow())
            self.express.touch_here()
        self.forget_changes()


def _flat(strays: Strays) -> list[tuple[int, int, int, int]]:
    return [(*place, at, seed) for place, (at, seeds) in strays.items() for seed in seeds]


def _packed(delta: _Delta) -> bytes:
    """Head and delta; the express lane's portraits come behind."""
    body = _ENCODER.encode(delta)
    return HEADER + bytes([FORMAT]) + _LENGTH.pack(len(body)) + body


def _unpacked(packed: Iterable[bytes]) -> tuple[_Delta, Iterator[bytes | memoryview]]:
    """The delta, and the express lane's portraits in pieces that are not yet taken."""
    start, left = len(HEADER) + 1 + _LENGTH.size, iter(packed)
    data = _first(start, b"", left)
    form = data[len(HEADER)] if data.startswith(HEADER) and len(data) > len(HEADER) else 0
    if form not in READ:
        known = " and ".join(map(str, sorted(READ)))
        raise StoreError(
            f"the packed State in the state directory has format {form}, this mmsd reads {known}; run the mmsd that wrote it, "
            "or begin with an empty state directory and the logs of the last days"
        )
    (length,) = _LENGTH.unpack_from(data, len(HEADER) + 1)
    whole = _first(start + length, data, left)
    view = memoryview(whole)
    return msgspec.msgpack.decode(view[start : start + length], type=_Delta), chain((view[start + length :],), left)


def _first(octets: int, data: bytes, left: Iterator[bytes]) -> bytes:
    """`data` and so many of the pieces behind it that there are at least so many octets."""
    taken, size = [data], len(data)
    while size < octets and (piece := next(left, None)) is not None:
        taken.append(piece)
        size += len(piece)
    return b"".join(taken)


def lease_key(ggsn: npt.NDArray[Any], address: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Key of (GGSN, address) in the lease log: private pools of several GGSNs overlap, so the GGSN is part of it."""
    mixed = ggsn.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray(mixed ^ address.view(np.uint32).astype(np.uint64))


def _by_charging(rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """What only charging records hold, and the express lane does not know: ids of messages in answers, expiry and place in a Notify."""
    kinds = rows["kind"]
    told = ((kinds == Kind.NOTIFY) & (rows["path"] != 0)) | (((kinds == Kind.NOTIFY) | (kinds == Kind.SUBMIT)) & (rows["extra"] > 0))
    return np.asarray(told | ((kinds == Kind.RESPONSE) & (rows["message"] != 0)) | (rows["d"] == NAMELESS))


def _strangers(rows: npt.NDArray[Any], here: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Those of `rows` (TRACE or ACTIVE) that do not stand in `here`. A copy's line gives a trace for each seed in it."""
    if not len(rows) or not len(here):
        return rows
    names = [name for name in ("kind", "feed", "where", "at", "subscriber", "seed") if name in (rows.dtype.names or ())]
    keys = {name: np.concatenate([here[name], rows[name]]) for name in names}
    order = np.lexsort(tuple(keys.values()))  # stable: what is here comes first
    again = np.ones(len(order) - 1, bool)
    for key in keys.values():
        again &= key[order[1:]] == key[order[:-1]]
    kept = np.ones(len(order), bool)
    kept[order[1:][again]] = False
    return rows.compress(kept[len(here) :])


def _posts(rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.asarray((rows["kind"] == Kind.ATTEMPT) & (rows["a"] == Method.POST))


def _joined(parts: list[npt.NDArray[Any]]) -> bytes:
    return b"".join(part.tobytes() for part in parts)


@dataclass(slots=True)
class Tally:
    """Increments of the cubes, folded as they come."""

    hours: Counter[tuple[int, str, str, str, str, str]] = field(default_factory=Counter)
    days: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    delays: Counter[tuple[int, str, str, int]] = field(default_factory=Counter)
    measured: Measured = field(default_factory=Measured)
    tried: Counter[tuple[int, str, str, str, str]] = field(default_factory=Counter)
    notified: Counter[tuple[int, str, str, int, int, str]] = field(default_factory=Counter)
    places: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    copied: Counter[tuple[int, str, int]] = field(default_factory=Counter)  # (hour, what, seed)
    prefixes: Counter[str] = field(default_factory=Counter)  # of senders without a city, by delivery that closed
