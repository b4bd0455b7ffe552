"""What a store promises, whatever database is behind it; and the values that go in and out.

One `Batch` is one transaction. `transact` raises, and then nothing of the Batch is stored, except StoreDoubt (unknown) and whatever comes
after the COMMIT; after any exception the caller drops what it remembers and calls `load` again (design §2, R4).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import numpy.typing as npt

from mmsd.model import (
    Attempt,
    Audit,
    Batch,
    CodeCount,
    Composed,
    CopyCount,
    DayCount,
    Deed,
    DelayCount,
    Delivery,
    Draw,
    Event,
    Extent,
    FeedReport,
    Finding,
    Forfeit,
    Forward,
    Heard,
    HeldCopy,
    Holder,
    LearnedOctets,
    LifeStep,
    LineCount,
    Mailing,
    Mark,
    Member,
    NotificationCount,
    Outgoing,
    Part,
    PlaceCount,
    Reject,
    SeedEntry,
    SeedPart,
    Tiding,
    UnknownCode,
    Winner,
)
from mmsd.rules.audience import CAMPAIGN_CLOSED, SEED_RETIRED
from mmsd.rules.cases import Case, CaseStep
from mmsd.rules.casework import Folder
from mmsd.rules.claim import Lane, Waiting
from mmsd.rules.closing import Course
from mmsd.rules.draw import Terms
from mmsd.rules.forwards import Past, Standing
from mmsd.rules.governor import Canary, Usage
from mmsd.rules.holdings import Served
from mmsd.rules.kpi import Figures
from mmsd.rules.lineage import Link
from mmsd.rules.promotion import Reserve
from mmsd.store.campaign_counts import Close, Late, PartCount, Totals, Tree

Split = Literal["", "hour", "node", "city"]
"""What figures may be split by."""


class Due(NamedTuple):
    """Which ready rows a claim wants to see: at most so many of each lane, and what counts for their subscribers and classes."""

    now: int
    lanes: Mapping[Lane, int]
    memory: int  # µs that what a subscriber got still counts
    day: str  # from this local day on


class Overdue(NamedTuple):
    """Which rows time may have moved: expired, their grace over, or left in SENDING by an earlier start of the daemon."""

    now: int
    fence: int
    most: int  # of each kind


class CareAsk(NamedTuple):
    """What a decision of care has to see: folders of these numbers, of whose time has come, and of those whom untaken news is about."""

    numbers: frozenset[str] = frozenset()
    news: int = 0  # at most so many pieces
    due: int | None = None  # whose folder is due by then, µs UTC …
    most: int = 0  # … at most so many


class Held(NamedTuple):
    """What there is of a subscriber before a decision of care: an empty folder where there is none."""

    folder: Folder
    opted_out: frozenset[str]  # classes of messages, or "all"


class MailingAsk(NamedTuple):
    """A mailing, and those of its list who come next."""

    id: int
    most: int


class Holding(NamedTuple):
    """Who has a seed, and the row of the outbox that brought it."""

    holder: Holder
    row: Outgoing | None


class Page(NamedTuple):
    """A mailing as it stands, and the next of its list, in their order: with what they hold and what they opted out of."""

    mailing: Mailing
    members: Sequence[tuple[Member, Holding | None, frozenset[str]]]
    stopped: bool  # its campaign, its class or everything is stopped, or the campaign does not run
    closed: bool  # the campaign is closed
    retired: bool  # the seed is

    @property
    def over(self) -> str:
        """Why nobody is sent it any more, for good; "" = it may go on."""
        return CAMPAIGN_CLOSED if self.closed else SEED_RETIRED if self.retired else ""


class ListTold(NamedTuple):
    """A list as it was taken in."""

    id: int
    campaign: str
    name: str
    at: int
    who: str
    parts: int
    members: int
    faults: int
    labels: Mapping[str, int]
    samples: Sequence[tuple[int, str]]  # the first faults: line, reason


class Response(NamedTuple):
    """People of a group of a list whom group sendings came to, by the draw."""

    label: str
    arm: str  # sent, control
    people: int
    took_part: int  # sent a seed on, counted, within the window


class Before(NamedTuple):
    """What a request with a key was answered when it came before."""

    same: bool  # it asked for the same
    answer: str
    at: int


class Gathered(NamedTuple):
    """Who takes part in a draw, as the store knows it at one moment."""

    entries: list[tuple[bytes, bytes]]  # entry, person
    people: int
    excluded: dict[str, int]  # why serials, or forwards that earned none, are not among them


class Won(NamedTuple):
    """A winner, with what is known of him; "" once he is erased."""

    winner: Winner
    msisdn: str
    serial: str
    city: str
    holds: str  # the prize he holds now; "" = a reserve, or out
    out: str  # why his place is out (`rules.promotion`); "" = it is not
    taker: int  # the place that took what he held; 0 = none


class Vacancy(NamedTuple):
    """A place of a draw whose prize may be handed on."""

    holder: Won
    reserves: Sequence[Reserve]  # by place, up to the first that is fit; none when he holds nothing
    taker: Won | None  # that first one


class Presented(NamedTuple):
    """A serial that somebody shows, and what became of it so far."""

    forward: int  # id of the forward that earned it
    campaign: str
    city: str
    day: str
    sender: str  # whose it was; "" once he is erased
    issued: int
    redeemed: int  # when; 0 = not yet
    who: str  # took it in
    counts: bool  # its forward does; one that was stopped since is not redeemed

    @property
    def redeemable(self) -> bool:
        return self.counts and not self.redeemed


@dataclass(frozen=True, slots=True)
class Needs:
    """The rows a decision must see. Named before the transaction begins, read inside it."""

    deliveries: frozenset[bytes] = frozenset()  # keys
    findings: frozenset[bytes] = frozenset()  # keys
    forwards: frozenset[bytes] = frozenset()  # keys
    serials: frozenset[str] = frozenset()  # numbers somebody wants to issue
    outbox: frozenset[bytes] = frozenset()  # keys
    due: Due | None = None
    overdue: Overdue | None = None
    parts: frozenset[tuple[str, str]] = frozenset()  # (link, message) that a receipt may mean …
    unsure: frozenset[tuple[str, str]] = frozenset()  # … and (link, number) of whom it speaks: their rows are among `Rows.outbox`
    ordinals: frozenset[Ordinal] = frozenset()
    standings: frozenset[Standing] = frozenset()
    cold: frozenset[int] = frozenset()  # subscribers, as in `Batch.spilled`
    care: CareAsk | None = None
    asked_before: frozenset[tuple[str, str]] = frozenset()  # (key, what is asked) of requests that may come twice
    draws: frozenset[tuple[str, str]] = frozenset()  # (campaign, name)
    vacancies: frozenset[tuple[str, str, int]] = frozenset()  # (campaign, draw, place)
    presented: frozenset[str] = frozenset()  # serials that somebody shows
    page: MailingAsk | None = None
    holders: frozenset[tuple[str, str, str]] = frozenset()  # (campaign, seed, number)
    seeds: frozenset[str] = frozenset()  # campaign/name
    lives: frozenset[str] = frozenset()  # campaigns

    def __or__(self, other: Needs) -> Needs:
        """What both need. Of `due`, `overdue`, `care` and `page` the first's counts."""
        return Needs(
            self.deliveries | other.deliveries,
            self.findings | other.findings,
            self.forwards | other.forwards,
            self.serials | other.serials,
            self.outbox | other.outbox,
            self.due or other.due,
            self.overdue or other.overdue,
            self.parts | other.parts,
            self.unsure | other.unsure,
            self.ordinals | other.ordinals,
            self.standings | other.standings,
            self.cold | other.cold,
            self.care or other.care,
            self.asked_before | other.asked_before,
            self.draws | other.draws,
            self.vacancies | other.vacancies,
            self.presented | other.presented,
            self.page or other.page,
            self.holders | other.holders,
            self.seeds | other.seeds,
            self.lives | other.lives,
        )


class Ordinal(NamedTuple):
    """Whose next forward gets an ordinal: campaign, sender (as in `Forward.sender`), sender's city."""

    campaign: str
    sender: str
    city: str


class Counted(NamedTuple):
    """Forwards counted so far: of the sender ({leg}), of the city ({city_leg}), of the campaign ({total})."""

    sender: int
    city: int
    total: int


@dataclass(frozen=True, slots=True)
class Rows:
    """What came back: a row that does not exist is not in its dict. `ordinals` has every key asked for."""

    deliveries: Mapping[bytes, Delivery] = field(default_factory=dict)
    findings: Mapping[bytes, Finding] = field(default_factory=dict)
    forwards: Mapping[bytes, Forward] = field(default_factory=dict)
    serials: Mapping[str, bytes] = field(default_factory=dict)  # number → forward it belongs to
    serial_of: Mapping[bytes, str] = field(default_factory=dict)  # forward → its number, of all `Needs.forwards`
    outbox: Mapping[bytes, Outgoing] = field(default_factory=dict)
    waiting: Sequence[Waiting] = ()  # of `Needs.due`, in no order
    usage: Usage = field(default_factory=Usage)  # for them
    overdue: Sequence[Outgoing] = ()
    parts: Mapping[tuple[str, str], Part] = field(default_factory=dict)  # by (link, message)
    parts_of: Mapping[bytes, Sequence[Part]] = field(default_factory=dict)  # all there are of each row in `outbox` and `overdue`
    unsure: Mapping[tuple[str, str], Sequence[bytes]] = field(default_factory=dict)  # keys: out by that link, not yet known to be taken
    resting: bool = False  # no row of the outbox waits or is on its way; told with `due`
    fence: int = 0  # which start of the daemon may claim
    ordinals: Mapping[Ordinal, Counted] = field(default_factory=dict)
    past: Mapping[Standing, Past] = field(default_factory=dict)  # of all `Needs.standings`
    cold: Mapping[int, bytes] = field(default_factory=dict)
    tidings: Sequence[Tiding] = ()  # of `Needs.care`, in the order they came
    held: Mapping[str, Held] = field(default_factory=dict)  # by number
    before: Mapping[str, Before] = field(default_factory=dict)  # by key, of `Needs.asked_before`
    draws: Mapping[tuple[str, str], Draw] = field(default_factory=dict)  # by (campaign, name), without their lists
    vacancies: Mapping[tuple[str, str, int], Vacancy] = field(default_factory=dict)
    presented: Mapping[str, Presented] = field(default_factory=dict)  # by number; one that was never issued is not in it
    page: Page | None = None
    holders: Mapping[tuple[str, str, str], Holding] = field(default_factory=dict)  # by (campaign, seed, number)
    seeds: Mapping[str, SeedEntry] = field(default_factory=dict)  # by campaign/name
    lives: Mapping[str, Sequence[LifeStep]] = field(default_factory=dict)  # all steps of each campaign that has any, oldest first


class Packed(NamedTuple):
    """A snapshot or delta of State as it was written, in pieces that stand in a row."""

    snapshot: bool
    pieces: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Every feed's position as committed, and the names of what is interned."""

    marks: Mapping[str, tuple[Mark, ...]]
    extents: Mapping[str, tuple[Extent, ...]]
    names: Mapping[str, Mapping[int, str]]  # family → id → text, as interned


class Tail(NamedTuple):
    """Rows of `Batch.handsets` in their order; `last` is what `drop_handset_tail` takes once they are in a table."""

    rows: list[npt.NDArray[Any]]
    last: int


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Conditions on stored deliveries, all of which must hold; the empty value asks for all."""

    number: str | None = None  # receiver or sender
    message: str | None = None
    since: int | None = None  # submitted at or after
    until: int | None = None  # submitted before
    outcome: str | None = None
    cause: str | None = None
    node: str | None = None


@dataclass(frozen=True, slots=True)
class Kpi:
    """Deliveries by hour of submission, added up over hours [from, to)."""

    outcomes: Mapping[str, int]
    causes: Mapping[str, int]  # of failed ones
    nodes: Mapping[str, Mapping[str, int]]  # node → outcome → n
    cities: Mapping[str, Mapping[str, int]]  # sender's city → outcome → n


@dataclass(frozen=True, slots=True)
class CampaignCounts:
    """Forwards that count and serials issued, of one campaign. `days` maps (local date, city) to (counted, recognised but not counted)."""

    forwards: int
    people: int  # who forwarded at least once
    days: Mapping[tuple[str, str], tuple[int, int]]
    serials: int = 0


@dataclass(frozen=True, slots=True)
class Issued:
    """A forward and the serial it earned, "" for none."""

    id: int
    forward: Forward
    serial: str


@dataclass(frozen=True, slots=True)
class Health:
    """What an operator watches: bytes of write-ahead log (over its limit intake stops), and the last failed housekeeping."""

    wal_bytes: int
    wal_limit: int
    housekeeping: str  # "" = well


class CareCase(NamedTuple):
    """A row of care_case, and whose it is ("" = erased)."""

    subscriber: int
    msisdn: str
    number: int
    kind: str
    state: str
    origin: str
    causes: tuple[str, ...]
    city: str
    model: str
    held_back: bool
    opened: int
    asked: int | None
    consented: int | None
    helped: int | None  # the first push left
    sent: int | None  # the last one
    pushes: int
    missed: bool
    listed: int | None
    closed: int | None
    moved: int
    reason: str

    @property
    def place(self) -> str:
        return f"{self.moved}.{self.subscriber}.{self.number}"


class Handover(NamedTuple):
    """A case on the hand-over list."""

    subscriber: int
    msisdn: str
    case: int
    at: int
    kind: str
    reason: str
    state: str
    causes: tuple[str, ...]
    city: str
    model: str
    told: int | None = None  # when the business system was told
    refused: str = ""  # why it would not take it

    @property
    def id(self) -> str:
        """How it is named where a number must not stand."""
        return f"{self.subscriber}.{self.case}"

    @property
    def place(self) -> str:
        return f"{self.at}.{self.subscriber}.{self.case}"


class CareGroup(NamedTuple):
    """One group of the comparison: everybody in it, whom was looked at, and messages to them since they were found."""

    people: int
    looked: int
    rows: npt.NDArray[Any]  # `model.CLOSED`


class CareGroups(NamedTuple):
    """Those who were drawn to be held back, the others, and among the others those whom settings left for or who were listed."""

    held_back: CareGroup
    others: CareGroup
    helped: CareGroup


class Store(Protocol):
    """One owner writes; every method may be called from any thread."""

    def transact(self, needs: Needs, decide: Callable[[Rows], Batch]) -> None:
        """Read `needs`, decide and write, all in one transaction.

        `decide` is pure and may run again. Raises StoreFull, StoreBusy, StoreDoubt, StoreDamaged, or StoreError when a Batch breaks
        a promise (a serial given twice, bytes of a file counted twice).
        """

    def load(self) -> Loaded: ...
    def packed_state(self) -> Iterator[Packed]:
        """State as committed: the newest snapshot, then each delta after it. Read as they are taken, by whoever writes State and nobody
        else: his next snapshot removes them. Raises StoreDamaged, while they are taken, when one does not open."""

    def write_snapshot(self, pieces: Iterable[bytes | memoryview]) -> str:
        """Make a snapshot, all pieces in a row, durable beside the database and return the name for `Batch.snapshot`."""

    def hurried(self) -> bool:
        """Whether somebody waits for the writer, or messages came or went in the last second: transactions should be short."""

    def watch_outbox(self, tell: Callable[[], None]) -> None:
        """`tell` is called, in whichever thread, after each commit that changed what may be sent. The last one given counts."""

    def take_over(self) -> int:
        """A number higher than any before: from now on only who has it may claim. What was held is judged anew."""

    def forget_texts(self, before: int) -> int:
        """Empty the texts of outgoing rows that were done before (wall clock, µs), and what centres said of them; how many rows."""

    def write_delta(self, pieces: Iterable[bytes | memoryview]) -> str:
        """The same for a large delta: the name for `Batch.delta_file`."""

    def erase(self, number: str) -> bool:
        """Forget who a subscriber is: one row. False when he was never stored."""

    def erasures(self, most: int) -> list[str]:
        """Numbers that were ordered to be forgotten and can be now: care has let go of them, and no message of theirs is on its way."""

    def purge(self, before: int) -> int:
        """Drop what is kept for a while only, judged by event time; returns how many rows.

        Segments whose day ended before; cold dossiers whose `keep_until` is before; events from before that every cursor has passed. An
        event from more than 30 days earlier goes even when a cursor has not passed it: the cursor is moved on, and an audit says so.
        """

    def health(self) -> Health: ...
    def close(self) -> None: ...

    # -------------------------------------------------------------------------------------------------------- reading

    def deliveries(self, where: DeliveryFilter, limit: int, after: int | None = None) -> list[tuple[int, Delivery]]:
        """Newest stored first, with ids; the next page is `after` the last id."""

    def delivery_count(self, where: DeliveryFilter) -> int: ...
    def attempts(self, number: str | None, limit: int, after: int | None = None) -> list[tuple[int, Attempt]]: ...
    def findings(
        self, number: str | None, limit: int, after: int | None = None, *, open_only: bool = False, kind: str | None = None,
        cause: str | None = None,
    ) -> list[tuple[int, Finding]]: ...  # fmt: skip
    def forward(self, identity: int) -> Issued | None: ...
    def forwards(
        self, campaign: str | None, limit: int, after: int | None = None, *, review: str | None = None, reason: str | None = None
    ) -> list[Issued]:
        """Oldest first. `review`: `held`, `released` or `stopped`; `reason`: the rule that stopped it."""

    def reviews(self, campaign: str | None = None) -> dict[tuple[str, str, str], int]:
        """Forwards by (campaign, review, reason), of those that have a review."""

    def all_deliveries(self) -> Iterator[Delivery]: ...
    def all_attempts(self) -> Iterator[Attempt]: ...
    def all_findings(self) -> Iterator[Finding]: ...
    def all_forwards(self) -> Iterator[Issued]: ...
    def kpi(self, from_hour: int, to_hour: int) -> Kpi: ...
    def figures(
        self, from_hour: int, to_hour: int, by: Split = "", node: str | None = None, city: str | None = None
    ) -> dict[int | str, Figures]:
        """What `rules.kpi` makes figures of, over hours [from, to), by hour, node or the sender's city; "" = all together, under ""."""

    def codes(self, from_hour: int, to_hour: int, code_set: str | None = None, code: str | None = None) -> list[CodeCount]: ...
    def unknown_codes(self) -> list[UnknownCode]: ...
    def horizon(self) -> int:
        """Event time up to which every feed had been read when that was last told, µs; 0 = never."""

    def models(self, from_day: str, to_day: str) -> list[DayCount]: ...
    def notifications(self, from_hour: int, to_hour: int) -> list[NotificationCount]: ...
    def places(self, from_day: str, to_day: str) -> list[PlaceCount]: ...
    def copies(self, from_hour: int, to_hour: int) -> list[CopyCount]: ...
    def held_copies(self, limit: int, after: str = "") -> list[tuple[str, HeldCopy]]:
        """Recognised copies that count for nothing yet, the newest first, each with its place; `after`: behind that one. ValueError: it
        is no place."""

    def delays(self, from_hour: int, to_hour: int) -> list[DelayCount]: ...
    def counts(self, campaign: str) -> CampaignCounts: ...
    def campaign_totals(self) -> Mapping[str, Totals]:
        """Of every campaign with a forward."""

    def campaign_days(self, campaign: str) -> Mapping[tuple[str, str], tuple[int, int, int]]:
        """(local day, sender's city) → forwards that count, that do not, people with one that counts."""

    def campaign_parts(self, campaign: str, part: str, since: str = "", until: str = "~") -> list[PartCount]:
        """Days [since, until] split by a name of `campaign_counts.PARTS` or PEOPLE; what is over all days stands under the day ""."""

    def campaign_groups(self, campaign: str) -> Mapping[str, tuple[int, int]]:
        """Label of a list → forwards that count and participants among whom a mailing brought the seed under it; "" = all others."""

    def campaign_trees(self, campaign: str, limit: int, after: str = "") -> list[Tree]:
        """Of five forwards or more, the largest first; the next page is `after` the `place` of the last."""

    def campaign_closes(self, campaign: str, since: str = "", until: str = "~") -> list[Close]:
        """What was said of days [since, until] at their closes, by day, the provisional one first."""

    def lineage_reached(self, campaign: str) -> tuple[str, int]:
        """The last day of a campaign that was closed, and the id of the last forward that there was then."""

    def lineage_doubted(self, campaign: str, after: str, beyond: int) -> list[Link]:
        """Forwards of days after this one, with ids beyond that one, that may come from elsewhere than is said (`store.lineage`)."""

    def came_of(self, link: Link) -> list[Link]:
        """Forwards whose parent it is said to be."""

    def generations(self, forwards: Iterable[bytes]) -> Mapping[bytes, int]:
        """By key, of those that are stored."""

    def campaign_courses(self) -> Mapping[str, Course]:
        """Of every campaign with a forward: its days, and what was said of which."""

    def campaign_copies(self, campaign: str) -> Mapping[str, int]:
        """What became of copies that showed a seed of this campaign, or something like one (`copy_count.what`)."""

    def campaign_late(self, campaign: str, limit: int, after: int = 0) -> list[Late]:
        """What came after a day's figures were final, in the order it came; the next page is `after` the last id."""

    def campaign_differences(self, campaign: str) -> list[tuple[str, tuple[Any, ...]]]:
        """Where roll-ups and forwards do not agree: (roll-up, row); looks at every forward."""

    def campaigns(self) -> Mapping[str, str]:
        """The state (`rules.life`) of each campaign that has a life or forwards, by id; one without a life is running."""

    def lives(self) -> Mapping[str, Sequence[LifeStep]]:
        """Every step of each campaign that has any, oldest first."""

    def changes(self) -> int:
        """Another number after each commit that changed anything: until then every question has the answer it had."""

    def seed_changes(self) -> int:
        """Another number after each commit that changed seeds or the life of a campaign, in this process."""

    def seeds(self, campaign: str | None = None, state: str | None = None) -> list[SeedEntry]:
        """By campaign and name."""

    def seed(self, label: str) -> tuple[SeedEntry, bytes] | None:
        """One seed, campaign/name, and its octets."""

    def seed_parts(self, label: str) -> list[SeedPart]:
        """What its message consists of, in order; none when there is no such seed."""

    def live_seeds(self) -> Iterator[bytes]:
        """The octets of each live seed, read as they are taken."""

    def learned_octets(self, limit: int) -> list[LearnedOctets]:
        """Of live seeds, those recognised last, the last one last."""

    def serials_total(self, campaign: str | None = None) -> int: ...
    def presented(self, number: str) -> Presented | None:
        """What there is of a serial; None when it was never issued."""

    def draws(self) -> list[Draw]:
        """Every draw, the newest first, without their lists."""

    def draw_list(self, campaign: str, name: str) -> bytes:
        """The entries as they were closed, packed (`rules.draw.Listed`); empty until then."""

    def draw_persons(self, key: bytes, numbers: Iterable[str]) -> bytes:
        """Whoever has these numbers, as the list of the draw with this key names people; packed."""

    def draw_entry(self, draw: Draw, number: str) -> bytes:
        """The entry number of a serial, whether or not it takes part."""

    def winners(self, campaign: str, name: str) -> list[Won]:
        """Of a draw, by place."""

    def vacancy(self, campaign: str, name: str, place: int) -> Vacancy | None:
        """Who was drawn for a place, and who takes what he holds when he does not get it; None: nobody was."""

    def forfeits(self, campaign: str, name: str) -> list[Forfeit]:
        """Of a draw, in the order in which they were said."""

    def draw_entries(self, draw: Draw, terms: Terms, barred: bytes) -> Gathered:
        """Who would take part, if it were closed now; `barred` may not win, packed."""

    def draw_forwards(self, draw: Draw, entries: Collection[bytes]) -> Mapping[bytes, int]:
        """The id of the forward that earned each entry."""

    def earned_by(self, forwards: Iterable[int]) -> Mapping[int, tuple[str, str]]:
        """By id of a forward: whose it is, and its serial; "" once he is erased."""

    def outbox(self, state: str | None, limit: int, after: int | None = None, *, kind: str | None = None) -> list[tuple[int, Outgoing]]:
        """Oldest first, with ids; the next page is `after` the last id."""

    def composed(self, name: bytes) -> Composed | None:
        """The multimedia message of that name; any number of rows may refer to it."""

    def list_told(self, campaign: str, name: str) -> ListTold | None: ...
    def lists(self, campaign: str, most: int) -> list[ListTold]:
        """The newest first."""

    def list_names(self, identities: Collection[int]) -> Mapping[int, str]: ...
    def mailings(self, campaign: str | None = None, state: str | None = None) -> list[Mailing]:
        """The newest first."""

    def mailing(self, identity: int) -> Mailing | None: ...
    def mailing_states(self, identity: int) -> Mapping[str, int]:
        """What became of those of its list that were looked at: left out by reason, else the state of their row."""

    def responses(self, campaign: str, mailing: int | None, over: int, window: int) -> list[Response]:
        """Whom group sendings of a campaign came to before `over`, and how many of them took part within `window` µs; one's, or all's."""

    def mailing_waits(self, identity: int, now: int) -> tuple[int, int]:
        """Of what a mailing asked for: rows that something may still become of in these hours, and rows that expired, never tried."""

    def waiting_seeds(self, campaign: str) -> int:
        """Rows of a campaign's group sendings that are asked for and did not leave yet."""

    def holds(self, number: str) -> frozenset[str]:
        """Seeds ("campaign/seed") that we sent a number, or that it asked for, and that may have left."""

    def served(self, numbers: Collection[int]) -> list[Served]:
        """Which of these numbers we sent a campaign's seed, by list or by their own word, that an MMSC took."""

    def outgoing(self, identity: int) -> Outgoing | None:
        """One row by its id."""

    def care_waiting(self) -> list[str]:
        """Numbers with a case that waits for proof of a mend."""

    def care_held(self, number: str) -> Held:
        """What care has of one subscriber; an empty folder where there is none."""

    def care_steps(self, number: str, limit: int) -> list[CaseStep]:
        """The newest first."""

    def care_waits(self, number: str) -> tuple[int, bool]:
        """Pieces of news of a subscriber that care has not taken in yet; and whether he shall be forgotten."""

    def care_cases(self, state: str | None, limit: int, after: str = "") -> list[CareCase]:
        """Those in a state, or all that are not over, the last moved first; the next page is `after` the `place` of the last."""

    def handovers(self, limit: int, after: str = "", kind: str | None = None) -> list[Handover]:
        """What waits for people or for the business system, the oldest first; the next page is `after` the `place` of the last."""

    def handovers_untold(self, kinds: Collection[str], limit: int) -> list[Handover]:
        """Cases of these kinds of which the business system was not told yet, the oldest first."""

    def handover(self, subscriber: int, case: int) -> Handover | None: ...
    def messages(self, number: str, limit: int) -> list[tuple[int, int, Outgoing]]:
        """What left for a number, or was to: (id, when it was asked for, row), the newest first."""

    def subject(self, number: str) -> str:
        """How the audit names a subscriber: by the store's id, or where he was never stored by a keyed hash."""

    def care_tallies(self, since: int, until: int, origin: str | None) -> list[tuple[Case, int]]:
        """Cases opened in [since, until), counted: of each kind that the funnel tells apart one, and how many there are."""

    def care_groups(self, since: int, until: int, most: int) -> CareGroups:
        """Who was found in [since, until), and what became of messages to them since; of at most so many of each group."""

    def outbox_states(self) -> Mapping[str, int]: ...
    def outbox_counts(self) -> Mapping[tuple[str, str], int]:
        """Rows by (class, state)."""

    def stops(self) -> Mapping[str, int]:
        """What is stopped (as in `Usage.stops`), and since when."""

    def canaries(self) -> Mapping[tuple[str, str], Canary]:
        """By (class, campaign)."""

    def usage(self, number: str, since: int, day: str) -> tuple[int, Usage]:
        """What a claim would see of one number: the store's id of him (0 = never stored), what counts since then and from that day on."""

    def heard(self, number: str | None, limit: int, after: int | None = None) -> list[tuple[int, Heard]]:
        """What subscribers wrote, the newest first, with ids; the next page is `after` the last id."""

    def deeds(self, limit: int, subject: str | None = None) -> list[tuple[int, int, Deed]]:
        """What people did: (number, at, deed), the newest first; of one subject, or of all."""

    def verify_audit(self) -> int:
        """How many deeds stand there as they were written. Raises StoreDamaged when one was changed or taken out."""

    def events(self, after: int, limit: int) -> list[Event]: ...
    def last_event(self) -> int:
        """The newest event's id, 0 when there is none: where a page that only shows what comes next begins."""

    def cursor(self, name: str) -> int: ...
    def save_cursor(self, name: str, id: int) -> None:
        """A reader of events has told them up to and with `id`. A cursor never goes back."""

    def drop_cursor(self, name: str) -> bool:
        """This reader will not come again: events no longer wait for it. False when there was no such cursor."""

    def lines(self) -> list[LineCount]: ...
    def rejects(self) -> list[tuple[str, Reject]]: ...
    def audits(self, limit: int) -> list[Audit]: ...
    def feed_report(self) -> FeedReport | None: ...
    def story(self, number: str) -> npt.NDArray[Any]:
        """`model.CLOSED` rows of one receiver, the last days, oldest submission first; a restated delivery once, as last stated.

        A delivery whose last statement has outcome 0 was withdrawn and is not told. Such a row is a copy of what it takes back but for
        the outcome; `closed` above all must not be on an earlier day.
        """

    def first_hour(self) -> int:
        """Hours since 1970 of the first submission counted; 0 when none was."""

    def knows(self, number: str) -> bool:
        """Whether there is a row of this subscriber."""

    def any_erased(self) -> bool:
        """Whether anybody was ever forgotten: who it was is what nobody can tell."""

    def names(self, family: str) -> Mapping[int, str]:
        """Names behind small ids of `model.CLOSED`, by id."""

    def hash_of(self, text: str) -> int:
        """The keyed hash that stands for a message id, transaction or host in columns and packed rows."""

    def marks(self) -> Mapping[str, tuple[Mark, ...]]:
        """Every feed's files as far as they were read."""

    def handset_tail(self) -> Tail:
        """What traffic told of handsets (`Batch.handsets`) and is in no table yet."""

    def drop_handset_tail(self, last: int) -> int:
        """The rows up to and with `Tail.last` are in a table now; returns how many went. Twice is once."""

    def handset_import(self) -> int:
        """Serial of the last table of handsets whose changes took effect (`Batch.handset_import`); 0 = none."""

    def prefixes(self) -> Mapping[str, int]:
        """Prefixes of numbers that belong to no city, the most frequent first."""

    def cold_groups(self, ids: Iterable[int]) -> Iterator[tuple[int, bytes, bytes]]:
        """(id, portraits, texts) of `Batch.cold_groups`, less those erased, read one by one as they are asked for. A group that is gone is
        not among them; that is no error."""

    def cold(self, subscribers: Iterable[int]) -> dict[int, bytes]:
        """Spilled dossiers. One that is gone (never spilled, thawed, purged, erased) is not in the result; that is no error."""
