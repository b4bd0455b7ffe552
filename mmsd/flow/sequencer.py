"""The one owner of State: read → parse → relate → decide → commit. One tick makes one Batch, one Batch is one transaction.

A tick takes at most one chunk of each ready feed, merges it into State, judges who became ripe, and commits facts, outbox, events,
State delta and the positions of every feed together (rules R1–R6). After any doubt it forgets everything and loads: there is no other
recovery. The wall clock closes nothing while a feed has unread bytes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from mmsd.errors import StoreBusy, StoreFull
from mmsd.flow.handsets import Handsets, News
from mmsd.model import (
    CLOSED,
    MINUTE,
    NOT_A_NUMBER,
    SECOND,
    AttemptCount,
    Audit,
    Batch,
    Chunk,
    Closing,
    ColdGroup,
    CopyCount,
    DayCount,
    DelayCount,
    Event,
    Extent,
    FeedReport,
    Finding,
    HourCount,
    LineCount,
    Mark,
    NotificationCount,
    Parsed,
    PlaceCount,
    Records,
    Reject,
    masked,
)  # fmt: skip
from mmsd.rules import forwards, series
from mmsd.rules.casework import Changed, Cleared, Shown, told
from mmsd.rules.casework import News as CareNews
from mmsd.rules.causes import CAUSES, OUTCOMES, RULES
from mmsd.rules.closing import Calendar
from mmsd.rules.codes import CodeBook
from mmsd.rules.conditions import AWAY, LOST, MISFIT
from mmsd.rules.copies import Seen
from mmsd.rules.counts import Counts
from mmsd.rules.handsets import EVENTS, consequences
from mmsd.rules.mending import Proof
from mmsd.rules.pulse import Fault
from mmsd.rules.state import State
from mmsd.rules.tidings import tiding
from mmsd.rules.verdicts import Facts, Judge, Raised
from mmsd.store import Needs, Ordinal, Packed, Rows, Store

SPREAD: Final = 5 * MINUTE
"""Backlogs advance together: a feed that is so far ahead of the slowest one with unread bytes waits for it."""
SNAPSHOT_BYTES: Final = 4 << 20
"""A new snapshot replaces the deltas when they have grown to this, and to twice the size of the last one."""
LARGE_DELTA: Final = 256 << 10
"""A larger one is written beside the database, once: in it every page would be written to the log, and again at the next checkpoint."""
MOST_HELD: Final = 16 << 20
"""So many bytes of logs at most wait in memory for one commit, and a chunk of each feed."""
HOUSEKEEPING: Final = 2 * MINUTE
"""Event time between two looks at what is quiet or old."""
SPILLED_AT_ONCE: Final = 1 << 15
"""Numbers of the express lane at most whose quiet past is put away by one Batch (some 300 octets each); the next one goes on."""
HURRIED: Final = 0.04
"""Seconds that a tick takes chunks for while others wait for the store's writer, or did just now (R2)."""
COPIES: Final = "copies"
"""The family of feeds that tell what was in copies of messages."""
AHEAD: Final = "its time lies ahead of the clock"
UNREAD: Final = frozenset({"truncated", "gone", "damaged", "hole"})
"""What happened to files (`Audit.what`) of which something was not read."""
REPORTED: Final = 5 * SECOND
"""Between two times that a live daemon stores how its feeds do."""
FEW: Final = 20
"""Lines of a chunk, with so few of which nothing is said of the share that did not fit."""
SAMPLED: Final = 256
"""Lines of a chunk whose lateness is measured."""
MOST_AUDITS: Final = 20
"""Gaps of one feed written down at a time; all are counted."""
NODE_SURE: Final = 0.9
"""Confidence of a node's fault."""
MODEL_SURE: Final = 0.9
"""Confidence of a model's."""
END: Final = 1 << 61
"""Beyond any event time: `--until end`."""
CAUSE_IDS: Final = {cause: place for place, cause in enumerate(CAUSES)}
RULE_IDS: Final = {rule: place for place, rule in enumerate(RULES)}
OUTCOME_IDS: Final = {outcome: place for place, outcome in enumerate(OUTCOMES)}


class Source(Protocol):
    """What the sequencer asks of a tailer (link/tail.py)."""

    def poll(self) -> None: ...
    def read(self, limit: int) -> Chunk | None: ...
    def take(self, consumed: int) -> None: ...
    def pending(self) -> list[Mark]: ...
    def extents(self) -> list[Extent]: ...
    def expired(self) -> list[int]: ...
    def committed(self) -> None: ...
    def reset(self, marks: Iterable[Mark]) -> None: ...
    def behind(self) -> int: ...
    @property
    def idle(self) -> bool: ...
    def finished(self) -> bool: ...
    def audits(self) -> list[Audit]: ...
    def health(self) -> Any: ...
    def close(self) -> None: ...


class Blind(Protocol):
    """What the sequencer asks of the store's keys: the hashes that stand for numbers at rest."""

    def blind(self, number: str) -> int: ...
    def blind_numbers(self, numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]: ...


class Scanner(Protocol):
    """What the sequencer asks of a dialect."""

    def scan(self, data: bytes, *, ordinal: int, offset: int, final: bool) -> Parsed: ...


@dataclass(slots=True)
class Feed:
    """One source with its dialect. `index` is its number in State."""

    name: str
    node: str
    domain: str  # MMSC nodes of one domain share message ids
    family: str  # mmsc, sms, gateway, sessions
    source: Source
    dialect: Scanner
    covers_nothing: bool = False  # read for its lines, but its silence proves nothing
    copied_by: tuple[str, ...] = ()  # taps that copy every submit to its node
    index: int = -1
    over: bool = False  # replay: everything has been read
    delay: int = 0  # its lines come so late (µs), live
    caught_up: bool = False  # it was read to its end since the start: what is read from then on has just come


@dataclass(frozen=True, slots=True)
class Settings:
    """`[sequencer]`."""

    chunk_bytes: int = 1 << 20
    """At most so much of each feed in one Batch."""
    poll_seconds: float = 0.25
    """How often files are looked at when nothing wakes us earlier."""
    idle_seconds: float = 1.0
    """The same where the kernel tells of every write to the files: only what it never tells of waits so long."""
    tick_seconds: float = 0.2
    """A Batch of a backlog takes chunks for so long; 0: one of each feed."""
    samples: int = 20
    """Reject samples kept of one feed and reason in one run."""


@dataclass(slots=True)
class Reading:
    """What was read, by feed; rejects by feed and reason, notes by feed and what was passed over or missed."""

    lines: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    octets: Counter[str] = field(default_factory=Counter)
    rejects: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, other: Reading) -> None:
        self.lines.update(other.lines)
        self.records.update(other.records)
        self.octets.update(other.octets)
        self.rejects.update(other.rejects)
        self.notes.update(other.notes)


@dataclass(slots=True)
class Progress(Reading):
    """What has happened since the start of this process."""

    outcomes: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    forwards: int = 0
    batches: int = 0
    reloads: int = 0
    horizon: int = 0
    trouble: str = ""  # why intake stands still, "" when it does not


@dataclass(slots=True)
class _Tick(Reading):
    """What one tick read, before it is committed."""

    samples: list[tuple[str, Reject]] = field(default_factory=list)
    audits: list[Audit] = field(default_factory=list)
    ripe: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    came: list[tuple[int, npt.NDArray[np.int64]]] = field(default_factory=list)  # (feed, times of lines that were read as they came)
    counts: Counts = field(default_factory=Counts)
    copies: Seen = field(default_factory=Seen)
    handsets: News = field(default_factory=News)


class Heard(NamedTuple):
    """How far logs took effect, for whoever waits in another thread for what they may tell."""

    ticks: int = 0  # that have ended; what was written during one is surely read by the second from then on
    logs: int = 0  # event time up to which all that others wrote was read, µs; 0 while our journal of copies is not


class Sequencer:
    """See the module. Not thread-safe: one thread calls `load` and `tick`."""

    def __init__(
        self,
        store: Store,
        feeds: Sequence[Feed],
        *,
        new_state: Callable[[], State],
        new_judge: Callable[[State, Callable[[int, int], str]], Judge],
        settings: Settings,
        wall: Callable[[], int],
        monotonic: Callable[[], float],
        random_bits: Callable[[int], int],
        blind: Blind,
        codes: CodeBook,
        live: bool = True,
        fault_point: Callable[[str], None] = lambda name: None,
        handsets: Handsets | None = None,
        mending: Callable[[], Collection[int]] | None = None,
        calendar: Calendar | None = None,
        renew: Callable[[State], None] = lambda state: None,
    ) -> None:
        """`mending`: of whom care waits for proof; None: there is no care that would take in what is told to it. `calendar`: days of
        campaigns that are to be closed. `renew`, before each tick: tells State of seeds and campaigns that are others now."""
        self._store = store
        self.feeds = list(feeds)
        self._new_state = new_state
        self._new_judge = new_judge
        self._settings = settings
        self._wall = wall
        self._started = (wall(), monotonic())
        self._monotonic = monotonic
        self._random_bits = random_bits
        self._blind = blind
        self._codes = codes
        self._live = live
        self._fault_point = fault_point
        self._handsets = handsets
        self._mending = mending
        self._calendar = calendar or Calendar()
        self._renew = renew
        self._proved: dict[int, Shown] = {}  # last told to care, by number
        self.progress = Progress()
        self.heard = Heard()
        self.last: Batch | None = None  # as committed, for telemetry
        self.commit_seconds = 0.0
        self.until = 0  # replay: every mark is moved here once all files are read
        self._delta_bytes = self._snapshot_bytes = 0
        self._tended = 0
        self._untended = False  # more was quiet than one Batch puts away
        self._sampled: Counter[tuple[str, str]] = Counter()
        self._paths: dict[tuple[int, int], str] = {}
        self._nodes: dict[str, int] = {}
        self._new_nodes: list[tuple[str, int, str]] = []
        self._told = 0
        self._reported = 0  # when it was last told how feeds do
        self._untold = False  # something was read since
        self._apart: set[tuple[int, int]] = set()  # feeds whose clocks were told to be apart
        self._told_copies: tuple[int, float] | None = None  # up to when copies were looked into, and since when (monotonic) that is said
        self._lines_before = 0  # read before this process began
        self.state = new_state()
        self.judge = new_judge(self.state, self._path)

    def __enter__(self) -> Sequencer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes all files it reads; what is committed stays."""
        for feed in self.feeds:
            feed.source.close()

    def pause(self, seen: bool) -> float:
        """Seconds until files are looked at again when nothing wakes us; `seen`: whatever is written to them does."""
        return max(self._settings.poll_seconds, self._settings.idle_seconds) if seen else self._settings.poll_seconds

    # ---------------------------------------------------------------------------------------------------------------- start

    def load(self) -> None:
        """State and marks as committed. This is the start and the only recovery (R4)."""
        if self._handsets is not None:
            self._handsets.forget()
        loaded = self._store.load()
        state = self._new_state()
        self._delta_bytes = self._snapshot_bytes = 0
        state.load(map(self._weighed, self._store.packed_state()))
        self._nodes = {name: number for number, name in loaded.names.get("node", {}).items()}
        self._new_nodes = []
        self._paths = {}
        for feed in self.feeds:
            feed.index = state.feed(feed.name, feed.node, feed.domain, feed.family)
            feed.over = False
            marks = loaded.marks.get(feed.name, ())
            for mark in marks:
                self._paths[feed.index, mark.ordinal] = mark.path
            feed.source.reset(marks)
        # figures go on where the store stands: a restatement after a restart is a difference to what was said before it
        self.progress.outcomes = Counter(self._store.kpi(0, 1 << 40).outcomes)
        self.progress.forwards = self._store.serials_total()
        self._lines_before = sum(count.lines for count in self._store.lines() if not count.reason) - self.progress.lines.total()
        self._calendar.load(self._store.campaign_courses())
        state.horizon = min(state.horizon, self._wall())  # a clock that was ahead and was set right
        self.state = state
        self.judge = self._new_judge(state, self._path)
        if self._handsets is not None:
            self._handsets.recall(state.sessions_after(state.horizon))

    def _weighed(self, packed: Packed) -> Iterator[bytes]:
        """Its pieces; how large snapshot and deltas are says when the next snapshot is due."""
        for piece in packed.pieces:
            if packed.snapshot:
                self._snapshot_bytes += len(piece)
            else:
                self._delta_bytes += len(piece)
            yield piece

    def _closings(self, horizon: int) -> list[Closing]:
        """Days of campaigns to be closed; none that has not ended by the wall clock, though a replay read as if for ever."""
        return self._calendar.due(min(horizon, self._wall()))

    def _take_handsets(self, horizon: int) -> News:
        """What the tick's sessions tell of handsets; whose change ends what was found."""
        if self._handsets is None:
            return News()
        return self._handsets.tell(horizon, self.state.watched_since())

    def _path(self, feed: int, ordinal: int) -> str:
        return self._paths.get((feed, ordinal), "")

    # ----------------------------------------------------------------------------------------------------------------- tick

    def tick(self) -> bool:
        """One Batch. True when there was something to commit; False when every feed is at its end.

        StoreDoubt, StoreDamaged and faults of our own propagate: the process must end. A full or busy store is waited for: State and
        marks are loaded again and the next tick tries anew.
        """
        try:
            worked = self._tick()
        except (StoreFull, StoreBusy) as error:
            if not self._live:
                raise
            self.progress.trouble = str(error)
            self.progress.reloads += 1
            self.load()
            return False
        if worked:
            self.progress.trouble = ""
        self.heard = Heard(self.heard.ticks + 1, self._logs())
        return worked

    def _tick(self) -> bool:
        read = _Tick()
        self._renew(self.state)
        took = self._take_chunks(read)
        self._untold |= took
        horizon = self._horizon()
        over, asked = self.state.due(horizon)
        subscribers = np.unique(np.concatenate([*read.ripe, self.state.set_clocks(), over]))
        if self._handsets is not None and self._live:
            self._handsets.look()
        due = self.state.findings.due(horizon) or self.state.models.due(horizon)
        due = due or (self._handsets is not None and self._handsets.waiting(horizon))
        due = due or bool(self._closings(horizon)) or self._untended
        due = due or (self.state.express is not None and self.state.express.due(horizon)) or self._report_due()
        if not took and not len(subscribers) and not len(asked) and not read.audits and not due:
            return False
        if self._mending is not None:
            self.judge.mending = self._mending()
            subscribers = np.union1d(subscribers, self.state.attend(self.judge.mending))
        subscribers = np.union1d(subscribers, self.judge.unsettled(np.setdiff1d(asked, subscribers), horizon))
        read.handsets = self._take_handsets(horizon)
        learned = self.judge.learned(read.handsets.rows, anew=read.handsets.anew)
        subscribers = np.union1d(subscribers, learned)
        self._thaw(subscribers, horizon)
        for number, at, what in read.handsets.changes:
            if consequences(what).findings:
                self.state.findings.change(number, at)
            if consequences(what).holdings:
                self.state.end_holdings(number, at)
        facts = self.judge.judge(subscribers, horizon)
        facts.suspected.update(number for number, _, _ in read.handsets.changes)
        self.state.horizon = max(self.state.horizon, horizon)
        self.progress.horizon = self.state.horizon
        self._commit(read, facts, *self._tend(horizon))
        return True

    def _take_chunks(self, read: _Tick) -> bool:
        """One chunk of each ready feed; of a backlog more, as long as the tick may last and its bytes may be held (R2)."""
        began, took = self._monotonic(), False
        longest = self._settings.tick_seconds
        if self._store.hurried():
            longest = min(longest, HURRIED)
        for feed in self.feeds:
            feed.source.poll()
        while self._take_round(read):
            took = True
            if read.octets.total() >= MOST_HELD or self._monotonic() - began >= longest:
                break
            if all(feed.over or feed.source.idle for feed in self.feeds):
                break
        for feed in self.feeds:
            audits = feed.source.audits()
            read.audits.extend(audits)
            if any(audit.what in UNREAD and not audit.detail.endswith("; 0 bytes unread") for audit in audits):
                read.ripe.append(self.state.lose(feed.index, LOST))
            if feed.source.idle:
                feed.caught_up = True
                self._tell_missing(feed, read)
            elif self._away(feed):
                read.ripe.append(self.state.lose(feed.index, AWAY))
            read.ripe.append(self.state.dig(feed.index))
        return took

    def _away(self, feed: Feed) -> bool:
        """Whether a feed that has more cannot be read, for longer than it is waited for."""
        if not self._live or feed.source.idle or feed.source.health().state == "ok":
            return False
        since = max(self.state.marks.get(feed.index, 0), self._started[0])
        return self.clock() - since > int(self.state.settings.patience * SECOND)

    def _time(self, feed: Feed, records: Records, read: _Tick) -> None:
        """Remembers how long after what they tell these lines came, if they were read as soon as they were there."""
        if self._live and feed.caught_up and records.rows:
            read.came.append((feed.index, records["at"][:: max(records.rows // SAMPLED, 1)]))

    def _take_round(self, read: _Tick) -> bool:
        took = False
        for feed in self._ready():
            chunk = feed.source.read(self._settings.chunk_bytes)
            if chunk is None:
                feed.over = feed.source.finished()
                continue
            self._paths[feed.index, chunk.ordinal] = chunk.path
            parsed = feed.dialect.scan(chunk.data, ordinal=chunk.ordinal, offset=chunk.offset, final=chunk.final)
            feed.source.take(parsed.consumed)
            self._fault_point("read")
            if not parsed.consumed:  # a record longer than the chunk: more of it comes next, which a replay must not take for the end
                took = took or not (self._live or feed.source.idle)
                continue
            took = True
            name = feed.name
            read.lines[name] += parsed.lines
            read.records[name] += parsed.records.rows
            read.octets[name] += parsed.consumed
            for reason, n in parsed.rejects.counts.items():
                read.rejects[name, reason] += n
            for sample in parsed.rejects.samples:
                if self._sampled[name, sample.reason] < self._settings.samples:
                    self._sampled[name, sample.reason] += 1
                    read.samples.append((name, sample))
            records = self._in_time(parsed, name, read)
            read.counts.take(self._codes, name, feed.node, records)
            read.ripe.append(self.state.take(feed.index, records))
            self._time(feed, records, read)
            if 2 * parsed.rejects.total > parsed.lines > FEW and records.rows:
                at = records["at"]
                read.ripe.append(self.state.lose(feed.index, MISFIT, int(at.min()), int(at.max()) + 1))
            if feed.family == "sessions" and self._handsets is not None:
                self._handsets.see(records)
            elif feed.family == COPIES:
                read.copies.take(feed.name, records)
            if feed.copied_by:
                read.copies.submitted(feed.copied_by, records)
            at = records["at"]
            span = (int(at[0]), int(at.max())) if len(at) else (0, 0)
            for what, n in (*parsed.notes.items(), *self.state.number(feed.index, chunk.ordinal, parsed.stretches, *span).items()):
                read.notes[name, what] += n
        return took

    def _tell_missing(self, feed: Feed, read: _Tick) -> None:
        """Everything there is has been read: what its numbers leave out has not come."""
        for number, missing in enumerate(self.state.tell_missing(feed.index)):
            read.notes[feed.name, series.MISSING.format(missing.series)] += missing.last - missing.first + 1
            if number < MOST_AUDITS:
                read.audits.append(Audit(feed.name, "gap", "", str(missing)))

    def _ready(self) -> list[Feed]:
        """Feeds to read now: lowest high-water mark first, none too far ahead of one that still has bytes (R5)."""
        waiting = [feed for feed in self.feeds if not feed.over]
        marks = {feed.name: self.state.marks.get(feed.index, 0) for feed in waiting}
        backlog = [marks[feed.name] for feed in waiting if not feed.source.idle]
        lowest = min(backlog, default=0)
        chosen = [feed for feed in waiting if marks[feed.name] <= lowest + SPREAD or not backlog]
        told = self._looked_into()
        chosen = [feed for feed in chosen if feed.family == COPIES or marks[feed.name] <= told]
        return sorted(chosen, key=lambda feed: marks[feed.name])

    def _looked_into(self) -> int:
        """How far logs may be read for the sake of copies: what is further ahead of one that waits would be forgotten before it is looked
        into. A journal of copies that says nothing new for `patience` seconds is waited for no longer."""
        journals = [feed.index for feed in self.feeds if feed.name in self.state.journals]
        if not self._live or not journals:
            return END
        mark, now = min(self.state.marks.get(index, 0) for index in journals), self._monotonic()
        if self._told_copies is None or self._told_copies[0] != mark:
            self._told_copies = (mark, now)
        if now - self._told_copies[1] > self.state.settings.patience:
            return END
        return mark + int(self.state.settings.restate * SECOND / 2)

    def clock(self) -> int:
        """The wall clock as far as it may close anything: a jump that neither the monotonic clock nor any line has seen is not believed."""
        wall, monotonic = self._started
        passed = wall + int((self._monotonic() - monotonic) * SECOND)
        return min(self._wall(), max(passed, *self.state.marks.values(), 0))

    def _in_time(self, parsed: Parsed, name: str, read: _Tick) -> Records:
        """The records whose time may be true. A line dated far ahead of the clock would hold its feed back until then: it is a reject."""
        records = parsed.records
        if not self._live or not records.rows:
            return records
        fits = records["at"] <= self._wall() + int(self.state.settings.ahead * SECOND)
        if fits.all():
            return records
        places = np.unique(records["where"][~fits])
        read.rejects[name, AHEAD] += len(places)
        read.samples.append((name, Reject(AHEAD, "at", int(places[0]))))
        return records.chosen(fits)

    def _logs(self) -> int:
        """Event time up to which logs, and what others recognised, took effect, with all of our journal; without logs, up to now."""
        copies = [feed for feed in self.feeds if feed.family == COPIES]
        if len(copies) == len(self.feeds):
            return self.clock()
        read = self._horizon(but=COPIES)
        for feed in copies:
            if feed.source.idle or self._away(feed):
                continue
            if feed.name in self.state.journals or feed.index not in self.state.marks:
                return 0
            back = self.state.conditions.of(feed.index).back(int(self.state.settings.patience * SECOND))
            read = min(read, self.state.marks[feed.index] - back)
        return read

    def _horizon(self, but: str = "") -> int:
        """Event time up to which every feed that speaks has been read; `but`: a family of feeds that is left out."""
        now = self.clock()
        marks = []
        for feed in self.feeds:
            if feed.family == but:
                continue
            mark = self.state.marks.get(feed.index)
            if mark is None:
                if not feed.source.idle and not self._away(feed):
                    return self.state.horizon
                if self._live and feed.delay:  # its first file is not due yet
                    marks.append(now - feed.delay)
                continue
            if feed.covers_nothing:
                continue
            patience = int(self.state.settings.patience * SECOND)
            condition = self.state.conditions.of(feed.index)
            if self._live and feed.source.idle:
                mark = max(mark, now - max(int(self.state.settings.idle * SECOND), feed.delay, condition.wait(patience)))
            elif feed.over and self.until and all(other.over for other in self.feeds):
                mark = max(mark, self.until)
            elif self._away(feed):
                mark = max(mark, now - patience)
            elif not feed.over and not feed.source.idle:
                mark -= condition.back(patience)
            marks.append(mark)
        return max(min(marks, default=0), self.state.horizon)

    def _thaw(self, subscribers: npt.NDArray[np.uint64], horizon: int) -> None:
        groups = self.state.groups
        if groups is not None and (wanted := self.state.past_wanted(horizon)):
            groups.take_back(self._store.cold_groups(wanted))
        cold = [number for number in subscribers.tolist() if number in self.state.cold]
        if cold:
            self.state.thaw(self._store.cold(cold))

    def _tend(self, horizon: int) -> tuple[list[tuple[int, bytes, int]], list[ColdGroup]]:
        """Now and then: quiet dossiers leave memory, what is old is dropped (R8)."""
        if not horizon or (horizon - self._tended < HOUSEKEEPING and not self._untended):
            return [], []
        self._tended = horizon
        groups, self._untended = self.state.spill_express(horizon, SPILLED_AT_ONCE)
        quiet = self.state.quiet(horizon)
        spilled = self.state.spill(quiet, horizon) if quiet else []
        self.state.prune(horizon)
        return spilled, groups

    # --------------------------------------------------------------------------------------------------------------- commit

    def _commit(self, read: _Tick, facts: Facts, spilled: list[tuple[int, bytes, int]], groups: list[ColdGroup]) -> None:
        """Everything in one transaction. What is built here is built once; `decide` only adds what depends on rows."""
        now = self._wall()
        for index, at in read.came:
            self.state.conditions.came(index, now - at)
        faults = self.state.faults(self.state.horizon)
        batch = Batch(now, spilled=spilled, cold_groups=groups, cold_over=self.state.groups.over() if self.state.groups is not None else [])
        batch.thawed = self.state.take_thawed()
        for feed in self.feeds:
            batch.marks.extend((feed.name, mark) for mark in feed.source.pending())
            batch.extents.extend(feed.source.extents())
            batch.expired.extend((feed.name, ordinal) for ordinal in feed.source.expired())
        suspected = facts.suspected | self._fault_findings(batch) | self.state.findings.ripe(self.state.horizon)
        self.judge.look_up(suspected)
        for number in sorted(suspected):
            self._findings(self.judge.find(number), batch, seeded=number in facts.seeded)
        self._model_findings(batch)
        self._tell_changes(read.handsets, batch)
        self._tell_proofs(facts.proofs, batch)
        batch.audits = self._clock_audits()
        if self._report_due():
            batch.feeds = self._report(now)
        self._pack_state(batch)  # last: State remembers what is said
        batch.deliveries, batch.withdrawn = facts.deliveries, facts.withdrawn
        batch.attempts = facts.attempts
        batch.closed = self._closed(facts)
        batch.interned = self._new_nodes
        batch.hours = [HourCount(*key[:5], n, key[5]) for key, n in facts.tally.hours.items() if n]
        batch.days = [DayCount(*key, n) for key, n in facts.tally.days.items() if n]
        batch.delays = [DelayCount(*key, n) for key, n in facts.tally.delays.items() if n]
        batch.notified = [NotificationCount(*key, n) for key, n in facts.tally.notified.items() if n]
        batch.copied = [CopyCount(*key, n) for key, n in read.copies.counts.items()]
        batch.copied += [CopyCount(hour, "", what, self._campaign(seed), n) for (hour, what, seed), n in facts.tally.copied.items() if n]
        batch.held_copies = facts.held_copies
        batch.places = [PlaceCount(*key, n) for key, n in facts.tally.places.items() if n]
        batch.codes, batch.unknown = read.counts.code_counts(), read.counts.unknown_codes()
        batch.measures = [*read.counts.measured.counts(), *facts.tally.measured.counts()]
        batch.tried = [AttemptCount(*key, n) for key, n in facts.tally.tried.items() if n]
        batch.prefixes = sorted(facts.tally.prefixes.items())
        batch.lines = [LineCount(name, "", n, read.records[name], read.octets[name]) for name, n in read.lines.items()]
        batch.lines += [LineCount(name, reason, n, 0, 0) for (name, reason), n in read.rejects.items()]
        batch.notes = [(name, what, n) for (name, what), n in read.notes.items()]
        batch.rejects = read.samples
        batch.audits += [Audit(a.feed, a.what, a.path, a.detail, a.at or now) for a in read.audits]
        self._node_findings(faults, batch)
        random = [self._random_bits(72) for _ in facts.candidates]
        ordinals = [Ordinal(c.seed.campaign.id, str(c.sender), c.city) for c in facts.candidates]
        standings = frozenset(map(forwards.standing_of, facts.candidates))
        needs = Needs(forwards=forwards.keys_of(facts.candidates), ordinals=frozenset(ordinals), standings=standings)
        outcomes, causes = _changes(facts)
        awarded = 0
        batch.events += self._totals(read, outcomes, now)
        batch.closings = self._closings(self.state.horizon)
        batch.events += [Event(horizon, "close", name, {"day": day, "stage": stage}) for name, day, stage, horizon in batch.closings]

        def decide(rows: Rows) -> Batch:
            nonlocal awarded
            made = forwards.decide(facts.candidates, rows.forwards, rows.ordinals, random, now, rows.past)
            awarded = sum(forward.counted for forward in made.forwards)
            batch.forwards, batch.serials, batch.outbox = made.forwards, made.serials, made.outbox
            whole = Batch(**{name: getattr(batch, name) for name in batch})
            whole.events = [*batch.events, *made.events]
            self.last = whole
            return whole

        self._fault_point("relate")
        began = self._monotonic()
        self._store.transact(needs, decide)
        self.commit_seconds = self._monotonic() - began
        self._fault_point("committed")
        if self._handsets is not None:
            self._handsets.committed()
        self._calendar.committed(batch.closings, ((forward.campaign, forward.day) for forward in batch.forwards))
        self._new_nodes = []
        for feed in self.feeds:
            feed.source.committed()
        progress = self.progress
        progress.batches += 1
        progress.forwards += awarded
        progress.add(read)
        progress.outcomes.update(outcomes)
        progress.causes.update(causes)

    def _campaign(self, seed: int) -> str:
        found = self.judge.campaigns.of(seed)
        return found.campaign.id if found is not None else ""

    def report(self) -> FeedReport:
        """How the feeds do now."""
        return self.state.report(self._wall(), {feed.index: feed.delay for feed in self.feeds})

    def _report_due(self) -> bool:
        """Whether it is to be told how feeds do: some seconds after something was read; a replay tells it at its end."""
        if not self._live:
            return self._untold and all(feed.over for feed in self.feeds)
        return self._untold and self._wall() - self._reported >= REPORTED

    def _report(self, now: int) -> FeedReport:
        self._reported, self._untold = now, False
        return self.report()

    def _clock_audits(self) -> list[Audit]:
        """Clocks found to be further apart than configured, each two once in a process."""
        found = []
        for apart in self.state.clocks.far():
            if apart[:2] not in self._apart:
                self._apart.add(apart[:2])
                first, second = (self.state.feeds[index].name for index in apart[:2])
                way = "ahead of" if apart.ahead > 0 else "behind"
                found.append(
                    Audit(second, "skew", "", f"its clock is {abs(apart.ahead) / SECOND:.1f} s {way} that of {first}", self._wall())
                )
        return found

    def _pack_state(self, batch: Batch) -> None:
        if not self._live:  # a replay begins anew when it fails
            self.state.forget_changes()
            return
        if self._delta_bytes > max(SNAPSHOT_BYTES, 2 * self._snapshot_bytes):
            self._delta_bytes = self._snapshot_bytes = 0
            batch.snapshot = self._store.write_snapshot(self._snapshot())
            return
        pieces, held, octets = self._delta(), [], 0
        for piece in pieces:
            held.append(piece)
            octets += len(piece)
            if octets > LARGE_DELTA:
                batch.delta_file = self._store.write_delta(chain(held, pieces))
                return
        batch.delta = b"".join(held)

    def _delta(self) -> Iterator[bytes]:
        for piece in self.state.delta():
            self._delta_bytes += len(piece)
            yield piece

    def _snapshot(self) -> Iterator[bytes]:
        for piece in self.state.snapshot():
            self._snapshot_bytes += len(piece)
            yield piece

    def _closed(self, facts: Facts) -> npt.NDArray[np.void] | None:
        parts = []
        if facts.closed:
            packed = np.zeros(len(facts.closed), CLOSED)
            for place, row in enumerate(facts.closed):
                packed[place] = (
                    row.at, row.closed, row.receiver, row.sender, row.message, row.leg, row.pushed, row.retrieved, OUTCOME_IDS[row.outcome],
                    CAUSE_IDS[row.cause], RULE_IDS[row.rule], self._node(row.node), row.size,
                )  # fmt: skip
            parts.append(packed)
        if facts.express is not None and len(facts.express.closed):
            rows, nodes = facts.express.closed, facts.express.nodes
            for label in np.unique(nodes).tolist():
                rows["node"][nodes == label] = self._node(self.state.labels[label])
            parts.append(rows)
        if not parts:
            return None
        closed = np.concatenate(parts)
        for name in ("receiver", "sender"):
            closed[name] = self._blinded(closed[name])
        return closed

    def _blinded(self, numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """The keyed hashes that stand for numbers at rest; of what is no number, the hash of its text."""
        blinded = self._blind.blind_numbers(numbers)
        for place in np.flatnonzero(numbers & NOT_A_NUMBER).tolist():
            blinded[place] = self._blind.blind(self.judge.shown(int(numbers[place])))
        return blinded

    def _node(self, name: str) -> int:
        if name not in self._nodes:
            self._nodes[name] = len(self._nodes) + 1
            self._new_nodes.append(("node", self._nodes[name], name))
        return self._nodes[name]

    def _findings(self, raised: Sequence[Raised], batch: Batch, *, seeded: bool = False) -> None:
        """Findings that are not as they were said, and the events that tell of them, into the Batch. `seeded`: a seed failed for them."""
        events = batch.events
        memory = self.state.findings
        for number, cause, found, evidence, model in raised:
            subject = self.judge.shown(number)
            name = f"{number}\0{cause}".encode()
            key = hashlib.blake2b(name, digest_size=16, key=self.judge.row_secret, person=b"mmsd-finding").digest()
            data = {"cause": cause, "subject": masked(subject), "cleared": False, "withdrawn": found is None}
            if found is None:
                gone = memory.withdraw(number, cause)
                if gone is not None:
                    batch.unfounded.append(key)
                    self._tell_care(number, Cleared(frozenset({cause}), "withdrawn"), batch)
                    data |= {"confidence": gone.confidence, "urgency": gone.urgency}
                    events.append(Event(self.state.horizon, "finding", cause, data))
                continue
            said = memory.say(number, found)
            if said or (seeded and not found.cleared):
                self._tell_care(number, Cleared(frozenset({cause})) if found.cleared else told(found, seed=seeded), batch)
            if said:
                row = Finding("subscriber", subject, cause, found.confidence, found.raised, evidence, found.cleared, found.urgency, model)
                batch.findings.append((key, row))
                if self.state.models.stands(model, cause):
                    continue  # one finding, about the model
                data |= {"confidence": found.confidence, "urgency": found.urgency, "cleared": bool(found.cleared)}
                events.append(Event(found.cleared or found.raised, "finding", cause, data))

    def _tell_care(self, number: int, news: CareNews, batch: Batch) -> None:
        """Of somebody who could be written to."""
        if self._mending is not None and not number & NOT_A_NUMBER:
            batch.tidings.append(tiding(str(number), batch.at, news))

    def _tell_proofs(self, found: Mapping[int, Sequence[Proof]], batch: Batch) -> None:
        """What was said last is not said again; after a restart it may be, which changes nothing."""
        self._proved = {number: shown for number, shown in self._proved.items() if number in self.judge.mending}
        for number, seen in sorted(found.items()):
            shown = Shown(tuple(seen))
            if seen and self._proved.get(number) != shown:
                self._proved[number] = shown
                self._tell_care(number, shown, batch)

    def _model_findings(self, batch: Batch) -> None:
        """What is a model's fault and not its owners'."""
        for model, cause, raised, cleared, n, of in self.state.models.look(self.state.horizon):
            text = f"model\0{model}\0{cause}".encode()
            key = hashlib.blake2b(text, digest_size=16, key=self.judge.row_secret, person=b"mmsd-finding").digest()
            detail = f"{n} of {of} subscribers"
            batch.findings.append((key, Finding("model", model, cause, MODEL_SURE, raised, (), cleared, detail=detail)))
            data = {"cause": cause, "subject": model, "confidence": MODEL_SURE, "urgency": "normal", "cleared": bool(cleared)}
            batch.events.append(Event(cleared or raised, "finding", cause, {**data, "withdrawn": False, "n": n, "of": of}))

    def _tell_changes(self, news: News, batch: Batch) -> None:
        """Other handsets, SIM cards and owners."""
        batch.handsets, batch.handset_import = news.rows, news.imported
        for number, at, what in news.changes:
            names = [name for each, name in EVENTS.items() if what & each]
            batch.events += [Event(at, "handset", name, {"subject": masked(str(number))}) for name in names]
            self._tell_care(number, Changed(what), batch)

    def _node_findings(self, faults: Sequence[Fault], batch: Batch) -> None:
        """Nodes that answered badly (`rules.pulse`)."""
        for fault in faults:
            if fault.kind == "mmsc":
                name = self.state.texts.get(fault.node, b"").decode("latin-1")
            else:
                name = self.state.feeds[fault.node].node
            detail = f"{fault.kind}: {fault.faults} of {fault.answers} answers"
            self._node_finding(batch, name, fault.kind, fault.start, fault.stop, detail)
            data = {"kind": fault.kind, "from": fault.start, "to": fault.stop, "answers": fault.answers, "faults": fault.faults}
            batch.events.append(Event(fault.stop, "node", name, data))

    def _fault_findings(self, batch: Batch) -> set[int]:
        """Nodes on which one cause took far more of the deliveries than before (`rules.faults`); whose findings that may change."""
        found, gone = self.state.node_faults(self.state.horizon)
        for fault in (*gone, *found):
            name = self.state.labels[fault.node]
            data = {"kind": fault.cause, "from": fault.start, "to": fault.stop, "answers": fault.closed, "faults": fault.n}
            if fault in gone:
                batch.unfounded.append(self._node_key(name, fault.cause, fault.start))
                batch.events.append(Event(self.state.horizon, "node", name, {**data, "withdrawn": True}))
                continue
            detail = f"{fault.cause}: {fault.n} of {fault.closed} deliveries that closed"
            self._node_finding(batch, name, fault.cause, fault.start, fault.stop, detail)
            batch.events.append(Event(fault.stop, "node", name, data))
        windows = {(fault.node, fault.start) for fault in (*found, *gone)}
        return self.state.findings.closed_at(windows, self.state.closings.start_of) if windows else set()

    def _node_finding(self, batch: Batch, name: str, kind: str, start: int, stop: int, detail: str) -> None:
        row = Finding("node", name, "NODE_FAULT", NODE_SURE, start, (), stop, detail=detail)
        batch.findings.append((self._node_key(name, kind, start), row))

    def _node_key(self, name: str, kind: str, start: int) -> bytes:
        text = f"node\0{name}\0{kind}\0{start}".encode()
        return hashlib.blake2b(text, digest_size=16, key=self.judge.row_secret, person=b"mmsd-finding").digest()

    def _totals(self, read: _Tick, outcomes: Mapping[str, int], now: int) -> list[Event]:
        """At most one a second: what live pages and MQTT show moving."""
        if now - self._told < SECOND:
            return []
        self._told = now
        lines = self._lines_before + self.progress.lines.total() + read.lines.total()
        so_far = self.progress.outcomes + Counter(outcomes)
        data = {"lines": lines, "forwards": self.progress.forwards, "horizon": self.state.horizon, **{k: v for k, v in so_far.items() if k}}
        return [Event(now, "totals", "", data)]


def _changes(facts: Facts) -> tuple[Counter[str], Counter[str]]:
    outcomes: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    for (_, _, _, outcome, cause, _), n in facts.tally.hours.items():
        outcomes[outcome] += n
        if outcome == "failed":
            causes[cause] += n
    return outcomes, causes
