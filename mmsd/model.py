"""Every value that crosses a door between rooms.

Hot path: `Records` (columns, one row a log record *and receiver*), `Rejects`, `Chunk`, `Mark`. Everything else is a frozen, slotted
Struct or dataclass. Times are integer microseconds since 1970, UTC, unless a name says otherwise. Nothing here reads, waits or decides.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

I64Array = npt.NDArray[np.int64]
U64Array = npt.NDArray[np.uint64]

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR

NOT_LOGGED: Final = -1
"""`size`, `octets`, `sent`, `latency` where the node wrote no number (Mbuni writes −1)."""

NOT_A_NUMBER: Final = 1 << 63
"""Bit 63 of `sender` or `receiver`: not E.164 digits but a keyed hash of an e-mail, an IP address or a name."""

ORDINAL_BITS: Final = 20
OFFSET_BITS: Final = 44


def where(ordinal: int, offset: int) -> int:
    """A file's ordinal within its feed (20 bit) and a byte offset after decompression (44 bit) as one int64.

    >>> divmod(where(3, 70), 1 << OFFSET_BITS)
    (3, 70)
    """
    return ordinal << OFFSET_BITS | offset


class Kind(enum.IntEnum):
    """What one log record says happened. `Records.kind`, uint8. The value is stored: never renumber."""

    NONE = 0  # a line that says nothing ("Log begins")
    SUBMIT = 1  # MMSC took a message from the sender
    NOTIFY = 2  # MMSC handed a push to the SMS gateway
    PUSH = 3  # SMS gateway handed a WAP push to the SMSC (decoded; `pdu` says which MMS PDU)
    PUSH_REPORT = 4  # SMSC's word on a push or an SMS (`push_state`)
    RESPONSE = 5  # M-NotifyResp.ind or M-Acknowledge.ind at the MMSC (`status` = X-Mms-Status)
    FETCH = 6  # M-Retrieve.conf answered whole
    FETCH_FAILED = 7
    REPORT = 8  # MMSC's delivery report or final word for a receiver (`status` = X-Mms-Status)
    READ_REPORT = 9
    FORWARD = 10  # M-Forward.req accepted
    SENT_OUT = 11  # to another MMSC, e-mail, VASP or mailbox
    EXPIRE = 12
    ATTEMPT = 13  # one HTTP request at a gateway or proxy
    SESSION_START = 14
    SESSION_STOP = 15
    SESSION_INTERIM = 16
    SESSION_ON = 17  # a GGSN began accounting: all its sessions are over
    SESSION_OFF = 18
    SESSION_REJECT = 19
    MO = 20  # an SMS from a subscriber
    SMS = 21  # an SMS to a subscriber that is no MMS push (text, provisioning, SI, SL)
    SMS_REQUEST = 22  # a sendsms request at the SMS gateway's HTTP door
    SUBMIT_REFUSED = 23  # MMSC would not take a message (`status` says why)
    PEER_ANSWER = 24  # another MMSC (`authority`) or an application answered to SENT_OUT (`status`); an MMSC's names no receiver
    COPY = 25  # a tap's copy of a submit was looked into: `tag` names the seed it holds, `status` says how it was recognised (`Sighted`)


class Sighted(enum.IntEnum):
    """What was seen in a copy: `status` of a COPY. −1: somebody else's recogniser found a seed and does not say how. Stored."""

    NOTHING = 0
    EXACT = 1  # the octets of one of the seed's pictures
    MARK = 2  # its mark; `latency` holds the score in thousandths
    REGISTERED = 3  # its mark, once the picture was laid straight
    PROBABLE = 4  # signs of a seed and no certainty: shown, never counted
    FAILED = 5  # it could not be looked into
    UNOPENED = 6  # nobody is known to have had a reason to: `octets` so many copies, of no sender and no receiver
    UNREADABLE = 7  # so many that are no messages


class CodeSet(enum.IntEnum):
    """Whose number `status` is. uint8, stored."""

    NONE = 0
    HTTP = 1
    MM1_STATUS = 2  # X-Mms-Status, reference/status-codes §3
    MM1_RESPONSE = 3  # X-Mms-Response-Status §1
    MM1_RETRIEVE = 4  # X-Mms-Retrieve-Status §2
    MM4 = 5
    MM7 = 6
    CDR = 7
    CMCC = 8  # China Mobile four-digit code §7
    SMPP = 9  # command_status of a refused submit_sm
    SM_CAUSE = 10  # TS 24.008 §9
    GMM_CAUSE = 11
    GTP_CAUSE = 12
    CMPP = 13  # Result of a refused CMPP_SUBMIT
    NETWORK = 14  # network_error_code of a report: type << 16 | code


class PushState(enum.IntEnum):
    """An SMSC's word on a push: column `push_state`. uint8, stored."""

    NONE = 0
    ACCEPTED = 1  # ACK by the SMSC, dlr 8: no evidence of delivery
    DELIVERED = 2
    EXPIRED = 3
    UNDELIVERABLE = 4
    REJECTED = 5
    DELETED = 6
    ACCEPTD = 7  # the receipt's ACCEPTD: in progress
    UNKNOWN = 8
    BUFFERED = 9
    REFUSED = 10  # submit refused: NACK, dlr 16
    DISCARDED = 11  # the gateway gave up
    SUBMITTED = 12  # on PUSH itself: the SMSC took it


class Method(enum.IntEnum):
    OTHER = 0
    GET = 1
    POST = 2
    HEAD = 3
    CONNECT = 4


class Content(enum.IntEnum):
    """Class of a Content-Type, as far as judgement needs it: columns `request_type`, `answer_type`."""

    NOT_LOGGED = 0
    NONE = 1  # logged as empty or "-"
    MMS = 2
    HTML = 3  # HTML, XHTML, WML: a page
    FORM = 4
    TEXT = 5
    OTHER = 6


COLUMNS: Final[Mapping[str, np.dtype[Any]]] = {
    name: np.dtype(kind)
    for name, kind in {
        # every record
        "at": "i8",  # event time of the node, µs UTC
        "kind": "u1",
        "where": "i8",  # `where()`: file ordinal and offset of the record's first byte
        "sender": "u8",  # E.164 digits as a number, or NOT_A_NUMBER | hash; 0 = not logged
        "receiver": "u8",  # the terminating subscriber in *every* kind (of a NotifyResp: who answered; of an ATTEMPT: who asked)
        "message": "u8",  # keyed hash of the node's message id; 0 = none. Text: "message"
        "transaction": "u8",  # keyed hash of the transaction id; 0 = none. Text: "transaction"
        "status": "i4",  # the node's own code; -1 = none
        "code_set": "u1",
        "size": "i8",  # octets of the message
        "tag": "u8",  # keyed hash of a seed tag column; 0 = none. Text: "tag"
        # MMSC
        "interface": "u1",  # 1 MM1, 3 MM3, 4 MM4, 7 MM7, 9 mailbox
        # SMS gateway
        "link": "u8",  # keyed hash of (SMSC link, the SMSC's message id): joins PUSH to PUSH_REPORT; 0 = none. Text: "fid"
        "push_state": "u1",
        "push_error": "i4",  # network error: type << 16 | code; -1 = none
        "pdu": "u1",  # MMS PDU type inside a push: 0x82 notification, 0x86 delivery-ind, 0x88 read-orig-ind; 0 = none
        "location": "u8",  # keyed hash of the *path* of the notification's content location
        "authority": "u8",  # keyed hash of host:port in lower case (port 80 dropped), of the location or of the request's URL
        "expires": "i8",  # absolute expiry decoded from the push (relative: added to `at`); 0 = none
        # gateway
        "method": "u1",
        "asked": "u8",  # keyed hash of the host:port that was asked for, where the gateway logs both; 0 = it does not. Text: "asked"
        "path": "u8",  # keyed hash of the request's path (with query), as `location` is made
        "octets": "i8",  # of the answer's body
        "sent": "i8",  # of the request
        "latency": "i8",  # ms
        "request_type": "u1",
        "answer_type": "u1",
        "address": "u8",  # client IPv4 as a number; 0 = none
        # sessions
        "session": "u8",  # keyed hash of (GGSN, Acct-Session-Id)
        "ggsn": "u8",
        "sgsn": "u8",
        "imsi": "u8",
        "imei": "u8",  # IMEISV, 16 digits, or IMEI
        "apn": "u8",  # keyed hash of the APN in lower case without .mncNNN.mccNNN.gprs. Text: "apn"
        "octets_in": "i8",
        "octets_out": "i8",
        "duration": "i8",  # Acct-Session-Time, µs
        "selection": "i1",  # 3GPP-Selection-Mode; -1 = not sent
        "cause": "i4",
        "stop_indicator": "i1",
    }.items()
}
"""Every column a dialect may fill, with its dtype. One it does not fill reads as zeros (−1 for status, size, octets, …)."""

_DEFAULTS: Final[Mapping[str, int]] = dict.fromkeys(
    (
        "status",
        "size",
        "octets",
        "sent",
        "latency",
        "push_error",
        "octets_in",
        "octets_out",
        "duration",
        "selection",
        "cause",
        "stop_indicator",
    ),
    -1,
)

TEXTS: Final = (
    "message", "transaction", "sender", "receiver", "tag", "fid", "smsc", "service", "account", "subject", "location",
    "host", "asked", "path", "agent", "apn", "cell", "status",
)  # fmt: skip
"""Texts a record may carry, as slices; read with `Records.text`. `host` is host:port as written; `path` includes the query."""


@dataclass(frozen=True, slots=True)
class TextColumn:
    """One text a row: `data[start[i]:stop[i]]`; int64 arrays of equal length; empty where start == stop."""

    data: bytes | memoryview
    start: I64Array
    stop: I64Array

    def __getitem__(self, row: int) -> bytes:
        return bytes(self.data[int(self.start[row]) : int(self.stop[row])])


@dataclass(frozen=True, slots=True)
class Records:
    """A batch of log records as columns: `columns[name]` per `COLUMNS`, all of length `rows`; texts as slices.

    `at`, `kind` and `where` are always there. Rows stand in file order; a record with k receivers is k rows with one `where`.
    """

    rows: int
    columns: Mapping[str, npt.NDArray[Any]]
    texts: Mapping[str, TextColumn] = field(default_factory=dict)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """The column, or its default (zeros, −1) where the dialect has none. KeyError for a name outside COLUMNS."""
        column = self.columns.get(name)
        if column is None:
            column = np.full(self.rows, _DEFAULTS.get(name, 0), COLUMNS[name])
        return column

    def text(self, name: str, row: int) -> bytes:
        column = self.texts.get(name)
        return column[row] if column is not None else b""

    def chosen(self, mask: npt.NDArray[np.bool_]) -> Records:
        """The rows of a mask."""
        texts = {name: TextColumn(text.data, text.start[mask], text.stop[mask]) for name, text in self.texts.items()}
        return Records(int(mask.sum()), {name: column[mask] for name, column in self.columns.items()}, texts)

    @staticmethod
    def empty() -> Records:
        return Records(0, {name: np.empty(0, COLUMNS[name]) for name in ("at", "kind", "where")})


@dataclass(frozen=True, slots=True)
class Reject:
    """One record that does not fit: why, at which step of the plan, where it stood, and its head (never a message body)."""

    reason: str
    step: str
    where: int
    head: bytes = b""


@dataclass(frozen=True, slots=True)
class Rejects:
    """What did not fit in one chunk: all counted by reason, the first few sampled."""

    counts: Mapping[str, int] = field(default_factory=dict)
    samples: tuple[Reject, ...] = ()

    @property
    def total(self) -> int:
        return sum(self.counts.values())


class Stretch(NamedTuple):
    """Numbers `first` to `last` that a node gave one after the other: to its "files" or its "records". `node` is named where the file
    says it, and then of the whole file."""

    series: str
    first: int
    last: int
    node: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a dialect made of a chunk: `consumed` bytes are whole records; the rest comes again with more behind it."""

    records: Records
    rejects: Rejects
    consumed: int
    lines: int  # records seen: kept, ignored and rejected
    skipped: int = 0  # NUL bytes and blank lines passed over
    notes: Mapping[str, int] = field(default_factory=dict)  # what was read and passed over, or missed: counted, nobody's fault
    stretches: tuple[Stretch, ...] = ()  # numbers that show what never came


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """How far one file of a feed is read. The file is known by its head, not by its name or inode."""

    ordinal: int  # within the feed, never used again
    head: bytes  # BLAKE2b-128 of its first `head_length` bytes, after decompression
    head_length: int
    offset: int  # next byte to read, after decompression
    guard: bytes  # BLAKE2b-128 of the ≤ 256 bytes before `offset`: tells a rewritten file from one that grew
    path: str  # where it was last seen
    device: int = 0
    inode: int = 0
    done: bool = False  # left for good: rotated, at its end, grace over


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of one file, beginning at a record boundary. `final`: nothing will ever follow (the last record may lack its end)."""

    data: bytes
    ordinal: int
    offset: int
    final: bool = False
    path: str = ""


class Extent(msgspec.Struct, frozen=True, array_like=True):
    """Bytes [start, stop) of one file took effect. Compacted; lost marks are rebuilt from them."""

    feed: str
    ordinal: int
    head: bytes
    head_length: int
    start: int
    stop: int
    path: str = ""
    guard: bytes = b""


class Audit(msgspec.Struct, frozen=True):
    """Something an operator should know about a file: shrunk, truncated, quarantined, lost."""

    feed: str
    what: str
    path: str
    detail: str = ""
    at: int = 0


# ---------------------------------------------------------------------------------------------------------------- verdicts


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line that a verdict rests on."""

    feed: str
    file: str
    offset: int
    kind: str
    at: int
    note: str = ""


class Delivery(msgspec.Struct, frozen=True):
    """One receiver's copy of one message (evidence table §2). Key: (domain, message, receiver, leg)."""

    domain: str
    node: str
    message: str  # the node's message id, "" when never seen
    receiver: str  # digits, or the text of what is not a number
    leg: str  # transaction id of the notification, "" while unknown
    transaction: str
    sender: str
    submitted: int  # 0 = submit never seen
    closed: int  # 0 = open
    outcome: str  # delivered, failed, open
    cause: str
    rule: str  # row of the evidence table
    group: str  # no_retrieval, retrieval_failed, refused, normal_other, ""
    confidence: float
    lapsed: bool = False
    suspects: tuple[str, ...] = ()
    not_covered: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    pushed: int = 0  # first push
    retrieved: int = 0  # first successful retrieval
    size: int = -1
    detail: str = ""  # what the row says in brackets: "path", "SMSC refused the push"
    own: bool = False  # own account: judged, in no ratio
    off_net: bool = False
    orphan: bool = False  # submit never seen: in no ratio
    hints: tuple[str, ...] = ()  # finding evidence this delivery carries: ("BAD_MMSC_URL",)
    city: str = ""  # the sender's
    expires: int = 0  # the end of its window, by whose word: the MMSC's "final" word, its "notification", a charging "record", the "window"
    expires_by: str = ""


class Attempt(msgspec.Struct, frozen=True):
    """A subscriber's own request at a gateway that may be MMS (evidence table §2)."""

    subscriber: str
    node: str
    method: str
    host: str
    port: int
    path: str
    status: int
    type: str  # fetch, confirm, submit, post, other
    strength: str  # sure, likely, weak
    at: int
    verdict: str  # Z1 … Z7, ""
    evidence: tuple[Evidence, ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """Something wrong with a subscriber's settings, a model or a node."""

    subject_kind: str  # subscriber, model, node
    subject: str
    cause: str
    confidence: float
    at: int
    evidence: tuple[Evidence, ...] = ()
    cleared: int = 0
    urgency: str = "normal"  # "low": the network corrects it, no message fails for it
    model: str = ""  # of a subscriber's: model and software version of his handset, "" = unknown
    detail: str = ""  # of a node's or a model's: how many of how many


class Forward(msgspec.Struct, frozen=True):
    """One subscriber passed a seed on and a friend received it. Key: (campaign, attempt group, receiver); never a node's message id."""

    key: bytes  # 16 bytes, keyed hash of (campaign, attempt group, receiver)
    campaign: str
    seed: str
    message: str
    sender: str
    receiver: str
    generation: int
    parent: bytes | None
    submitted: int
    retrieved: int
    city: str
    day: str  # local date of the retrieval, YYYY-MM-DD
    method: str  # tag, m_forward, subject_size, …
    score: float
    counted: bool
    reason: str  # the rule that stopped it, "" when none did
    model: str = ""  # the sender's handset, "" = unknown
    received: int = 0  # when the copy came to him that he passed on; 0 = not seen
    review: str = ""  # "held": somebody has to look at it; or what he said: "released", "stopped"
    parents: int = 0  # copies its sender held by then, any of which may be its parent
    off_net: str = ""  # who is in another network: "sender", "receiver", "both"


class Closing(NamedTuple):
    """Figures of a campaign's local day are said now, as they stand with this Batch. `horizon`: up to which all was read, µs."""

    campaign: str
    day: str
    stage: str  # provisional, final (`rules.closing`)
    horizon: int


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """A message as a tap saw it pass, and what the tap knows of it. Numbers as in the columns: bit 63 = not a number."""

    id: bytes  # 16 octets: the same copy, come twice, has the same
    origin: str  # whose copy: the tap's name
    at: int  # when it was submitted, by the tap's clock, µs UTC
    sender: int  # 0 = not known
    receivers: tuple[int, ...]
    message: str  # the MMSC's id of it; "" = not known, as in a copy of a handset's submit: the id is born in the answer
    transaction: str
    octets: int  # as posted; -1 = not comparable
    status: int = -1  # HTTP status of the answer, where the tap sees it
    forwarded: bool = False  # M-Forward.req: it names a message and has no content
    mm4: bool = False  # `body` is a MIME message between MMSCs, else an MMS PDU
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Copy({self.id.hex()}, {self.origin}, {self.octets} octets)"


class SeedPart(NamedTuple):
    """A part of a seed's message, in the order it is shown."""

    media: str
    charset: int  # MIBenum of a text, else 0
    body: bytes  # as it is sent: a picture marked
    original: bytes = b""  # a picture before it was marked


class SeedEntry(msgspec.Struct, frozen=True):
    """A seed as the store lists it. `campaign/name` is its name everywhere else."""

    campaign: str
    name: str
    family: str  # siblings share it
    weak: bool
    pictures: int
    octets: int  # of the composed message
    subject: str
    who: str  # registered it; of a weak one: took it all the same
    state: str = "live"  # or "retired": no longer looked for
    made: int = 0  # wall clock, µs; the store sets it
    changed: int = 0

    @property
    def label(self) -> str:
        return f"{self.campaign}/{self.name}"


class NewSeed(NamedTuple):
    """A seed to be registered; one of the same campaign and name must not be there."""

    entry: SeedEntry
    registered: bytes  # `seeds.seed.RegisteredSeed` in octets
    parts: tuple[SeedPart, ...]


class LearnedOctets(NamedTuple):
    """Altered octets that were recognised: a model's output repeats."""

    digest: bytes  # SHA-256
    seed: str  # campaign/name
    picture: int


class LifeStep(NamedTuple):
    """A campaign is in that state (`rules.life`) from then on."""

    campaign: str
    at: int  # wall clock, µs
    state: str
    who: str
    why: str
    checked: str = ""  # digest of what was looked at, of a step to checked


class Serial(msgspec.Struct, frozen=True):
    number: str
    forward: bytes

    def __repr__(self) -> str:
        return f"Serial(of {self.forward.hex()})"


class Redeemed(msgspec.Struct, frozen=True):
    """A serial was given in exchange for what it promises: once."""

    number: str
    campaign: str
    who: str  # took it in

    def __repr__(self) -> str:
        return f"Redeemed(one of {self.campaign}, by {self.who})"


class Draw(msgspec.Struct, frozen=True):
    """A draw of prizes, as it stands. It goes on and never back: committed, closing, closed, drawing, drawn (`rules.draw`)."""

    campaign: str
    name: str
    state: str
    terms: str  # as they were committed to
    commitment: str  # hex
    seed: bytes  # secret until it is drawn
    key: bytes  # makes entry numbers of serials; secret for good
    committed: int
    closed: int = 0  # 0 = not yet
    drawn: int = 0
    entries: int = 0
    people: int = 0
    excluded: dict[str, int] = {}  # why serials or forwards of its days are no entries, and how many
    listing: str = ""  # hash of the list, hex
    beacon: str = ""
    packed: bytes = b""  # the list, where it is written
    barred: bytes = b""  # who may not win, as it is committed to, packed (`rules.draw.Barred`)

    def __repr__(self) -> str:
        return f"Draw({self.campaign}/{self.name}, {self.state})"


class Winner(msgspec.Struct, frozen=True):
    """Of a draw, by place: the first prize has place 1."""

    campaign: str
    draw: str
    place: int
    prize: str  # "" = a reserve
    entry: bytes
    forward: int  # id of the forward that earned the serial


class Forfeit(msgspec.Struct, frozen=True):
    """A place of a draw that is out: what it held went to the next reserve (`rules.promotion`)."""

    campaign: str
    draw: str
    place: int
    prize: str  # what it held; "" = a reserve, nothing
    reason: str
    taker: int  # place of the reserve that took it; 0 = nobody
    at: int


class Outgoing(msgspec.Struct, frozen=True):
    """A row that will be a packet later. `key` is unique: asked for once, sent at least once.

    Up to `asked` it is what somebody wants sent; the rest is what became of it (`rules.outbox`), and nobody but the outbox sets it.
    """

    key: bytes  # keyed hash of (purpose, subject, attempt)
    kind: str  # its class: transactional, service, marketing, provisioning
    purpose: str
    msisdn: str  # "" once the subscriber is erased
    body: str  # the text; "" where there are `pieces` or a `content`, and once it is of no use any more
    state: str  # a name of `rules.outbox.STATES`
    due: int  # not before; of an uncertain row: when its time of grace is over
    expires: int  # never after
    priority: int = 0  # 0 … 3, higher first
    pieces: tuple[tuple[bytes, bytes], ...] = ()  # instead of a text: (header, data) of each binary SMS
    content: bytes = b""  # or the name of a multimedia message (`Composed`): rows refer to it, however many they are
    campaign: str = ""
    sender: str | None = None  # None: the link's own number …
    sub_code: str = ""  # … and these digits behind it
    link_id: str = ""  # CMPP 3.0: of the subscriber's message that this answers …
    asked: int | None = None  # … and when that came
    reason: str = ""  # of the state
    tries: int = 0  # submits whose outcome is not certainly "not taken"
    refusals: int = 0  # for now, in a row
    link: str = ""  # of the last try …
    reference: int = 0  # … its user_message_reference
    submitted: int = 0  # … when it was claimed
    parts: int = 0  # … how many; 0 = not known yet
    fence: int = 0  # … by which start of the daemon
    reserved: int = 0  # since when it counts towards caps and ceilings; 0 = it does not

    def __repr__(self) -> str:
        return f"Outgoing({self.key.hex()}, {self.kind}, {self.purpose!r} to {masked(self.msisdn)}, {self.state})"


class Composed(msgspec.Struct, frozen=True):
    """A multimedia message as it leaves, for any number of receivers. Its name is a digest of it (`rules.outbox.composed`)."""

    name: bytes
    subject: str
    body: bytes  # what a SubmitReq's Content names: MIME headers, a blank line, the parts (`seeds.compose.mm7_content`)

    def __repr__(self) -> str:
        return f"Composed({self.name.hex()}, {len(self.body)} octets)"


class Member(NamedTuple):
    """Somebody on a list of a campaign."""

    msisdn: str  # "" once he is erased
    subscriber: int  # the store's id of him
    label: str = ""  # his group on the list
    city: str = ""


class ListPart(NamedTuple):
    """A part of a list that is being uploaded, as it was read. The same part again changes nothing."""

    campaign: str
    name: str
    part: int  # 0, 1, …: in this order
    lines: tuple[tuple[int, str, str, str], ...]  # line, number, group, city
    faults: tuple[tuple[int, str], ...]  # line, reason
    who: str


class Mailing(msgspec.Struct, frozen=True):
    """One seed on its way to one list (`rules.audience`). A new one has id 0; others are restated."""

    id: int
    campaign: str
    seed: str
    audience: int  # the list's id
    plan: dict[str, Any]  # rules.audience.Plan
    content: bytes  # name of the composed message
    state: str
    after: int = 0  # who was looked at last, by the store's id: of the count, then of the run
    counts: dict[str, Any] = {}  # rules.audience.Tally
    counted: int = 0  # when the count was done
    changed: int = 0
    who: str = ""


class Holder(msgspec.Struct, frozen=True):
    """Who was sent a seed, or is compared with those who were: a row for each (campaign, seed, number)."""

    campaign: str
    seed: str
    msisdn: str
    how: str  # the last time: group, keyword
    arm: str  # by the draw of its group sending: sent, control; asked: he came by himself
    at: int
    mailing: int = 0
    label: str = ""
    city: str = ""
    attempt: int = 0
    key: bytes = b""  # of the row of the outbox that brings it; b"": there is none
    drawn: int = 0  # when a group sending came to him; 0: none did
    ended: bool = False  # the number became somebody else's


class Part(msgspec.Struct, frozen=True):
    """What a centre said of one part of an outgoing message."""

    link: str
    message: str  # the centre's id, spelt as the link compares it
    key: bytes  # of the outgoing row
    number: int  # 1 …; 0 = not known which
    state: str = ""  # of its last receipt: DELIVRD …
    final: bool = False


class Reservation(msgspec.Struct, frozen=True):
    """So many more (or, below zero, fewer) count towards a class's ceiling and canary."""

    kind: str
    campaign: str
    day: str  # local date
    shadow: bool
    n: int


class Heard(msgspec.Struct, frozen=True):
    """A subscriber's message."""

    link: str
    msisdn: str
    service: str  # our number that it was sent to
    sub_code: str  # what stands behind the link's own number
    text: str
    at: int
    data: bytes | None = None  # when it is no text
    link_id: str = ""  # CMPP 3.0: to be repeated in the answer

    def __repr__(self) -> str:
        return f"Heard(from {masked(self.msisdn)} to {self.service}, {len(self.text)} characters)"


class Deed(msgspec.Struct, frozen=True):
    """What a person did, for the audit: who, what, of what, why."""

    who: str
    what: str
    subject: str
    why: str


class Tiding(NamedTuple):
    """Something that care has to know of one subscriber: `rules.tidings` reads it. Committed with what it tells of."""

    msisdn: str
    at: int  # when it happened, µs UTC
    what: str
    body: bytes
    id: int = 0  # of its row, once it is one


class Kept(NamedTuple):
    """What care keeps of one subscriber from now on, and the steps that led there."""

    msisdn: str
    due: int | None  # when time alone brings something, µs UTC
    folder: Any  # rules.care.Folder: this room knows no rules
    steps: tuple[Any, ...] = ()  # rules.cases.CaseStep


class Replied(NamedTuple):
    """What a request with a key was answered: the same request gets it again."""

    key: str
    asked: str
    answer: str  # JSON, without a number in it


class Listing(NamedTuple):
    """A case goes on the hand-over list, or off it."""

    msisdn: str
    case: int
    kind: str
    reason: str
    on: bool


class Handed(NamedTuple):
    """The business system was told of a case on the hand-over list. `subscriber`: the store's id; `refused`: why not, or ""."""

    subscriber: int
    case: int
    refused: str


class Event(msgspec.Struct, frozen=True):
    """What the world may know: MQTT and live pages read these rows. `data` never holds a full number or serial."""

    at: int
    topic: str  # delivery, finding, forward, care, handset, outbox, totals, node, feed
    subject: str
    data: dict[str, Any]
    id: int = 0


class Msisdn(int):
    """E.164 digits as a number; its repr and str hide its middle.

    >>> Msisdn(8613812341234)
    86138****1234
    >>> f"{Msisdn(8613812341234).full}"
    '8613812341234'
    """

    def __repr__(self) -> str:
        return masked(self.full)

    __str__ = __repr__

    @property
    def full(self) -> str:
        return int.__repr__(self)


def masked(number: str) -> str:
    """A number as anyone may see it; e-mail addresses and names keep their first letter and their domain.

    >>> masked("8613812341234"), masked("10086"), masked("bob@example.com")
    ('86138****1234', '10086', 'b****@example.com')
    """
    digits = number.removeprefix("+")
    if not digits.isdigit():
        name, at, domain = number.partition("@")
        return f"{name[:1]}****{at}{domain}"
    if len(digits) < 9:  # a short code is nobody's number
        return digits
    return f"{digits[:-8]}****{digits[-4:]}"


# ------------------------------------------------------------------------------------------------------------------- batch

CLOSED: Final = np.dtype(
    [
        ("at", "<i8"),  # submitted, or first sign
        ("closed", "<i8"),
        ("receiver", "<u8"),  # keyed hash of the number under the store's key, never the number
        ("sender", "<u8"),
        ("message", "<u8"),
        ("leg", "<u8"),
        ("pushed", "<i8"),
        ("retrieved", "<i8"),
        ("outcome", "u1"),
        ("cause", "u1"),
        ("rule", "u1"),
        ("node", "u1"),
        ("size", "<i4"),
    ]
)
"""A row of the seven-day segments: every judged delivery, packed."""


class HourCount(msgspec.Struct, frozen=True, array_like=True):
    """Increment of the cube (hour of submission, node, city, outcome, cause, row)."""

    hour: int  # hours since 1970, UTC
    node: str
    city: str
    outcome: str
    cause: str
    n: int
    rule: str = ""  # row of the table of causes; only of delivered and failed ones


class DayCount(msgspec.Struct, frozen=True, array_like=True):
    """Increment of the cube (local day, model + software version, cause); cause "" = open."""

    day: str
    model: str
    cause: str
    n: int


class DelayCount(msgspec.Struct, frozen=True, array_like=True):
    """Increment of the cube (hour, node, cause, delay bin); bin = floor(log2(seconds + 1))."""

    hour: int
    node: str
    cause: str
    bin: int
    n: int


class MeasureCount(msgspec.Struct, frozen=True, array_like=True):
    """Increment of the cube (hour, node, city, measure): how many were measured, and their sum in ms (`rules.kpi.MEASURES`)."""

    hour: int
    node: str
    city: str
    measure: str
    n: int
    total: int = 0


class AttemptCount(msgspec.Struct, frozen=True, array_like=True):
    """Increment of the cube (hour of the request, gateway, subscriber's city, its type, its verdict): requests that did not succeed."""

    hour: int
    node: str
    city: str
    type: str
    verdict: str
    n: int


class NotificationCount(msgspec.Struct, frozen=True, array_like=True):
    """Increment of the cube (hour of submission, MMSC node, SMS gateway, which notification, gap before it, what became of it)."""

    hour: int
    node: str
    gateway: str  # "" = of the express lane
    nth: int  # 1 … 9; 9 = ninth or later
    gap: int  # floor(log2(seconds since the notification before + 1)); -1 = it is the first
    result: str  # retrieved, missed; late: it arrived too late
    n: int


class PlaceCount(msgspec.Struct, frozen=True, array_like=True):
    """Increment of the cube (local day of submission, cell or SGSN, cause): fetches that broke there."""

    day: str
    place: str
    cause: str
    n: int


class CodeCount(msgspec.Struct, frozen=True, array_like=True):
    """Increment of the cube (hour of the line, node, set of codes, code): codes that do not say all is well."""

    hour: int
    node: str
    code_set: str  # name of the set, `rules.codes.CodeBook.tables`
    code: str
    n: int


class UnknownCode(msgspec.Struct, frozen=True, array_like=True):
    """A code that no table names: how often a node wrote it, when first and last (event time)."""

    node: str
    code_set: str
    code: str
    n: int
    first: int
    last: int


class CopyCount(msgspec.Struct, frozen=True, array_like=True):
    """Increment of the cube (hour, tap, what became of copies, campaign); without a tap: when they were joined with the logs."""

    hour: int  # of the copy; of what was joined, of the submission
    tap: str  # "" = joined, or not; for each receiver
    what: str
    campaign: str  # "" = none
    n: int


class HeldCopy(msgspec.Struct, frozen=True):
    """A recognised copy that counts for nothing yet, for one receiver: `ambiguous`, or `no_log`."""

    at: int
    what: str
    campaign: str
    seed: str
    sender: str
    receiver: str


class LineCount(msgspec.Struct, frozen=True, array_like=True):
    """Increment of what a feed read: lines, records, bytes, rejects by reason ("" = not a reject)."""

    feed: str
    reason: str
    lines: int
    records: int
    octets: int


@dataclass(frozen=True, slots=True)
class ColdGroup:
    """Quiet deliveries of many subscribers, packed together for the store: their portraits (`fast.portrait_py`) in the order of `numbers`
    (uint64), each `sizes` octets long (uint32), and texts that stand behind hashes in them (`fast.Texts`)."""

    id: int
    numbers: U64Array
    sizes: npt.NDArray[np.uint32]
    portraits: bytes
    texts: bytes
    keep_until: int


class FeedGap(msgspec.Struct, frozen=True):
    """From `start` up to `stop` (event time, µs; 0: until now) something of a feed is missing."""

    start: int
    stop: int
    reason: str


class Delays(msgspec.Struct, frozen=True):
    """Half of the lines, 99 of 100, and all came within these (µs); `n` lines were seen."""

    half: int = 0
    most: int = 0
    all: int = 0
    n: int = 0


class FeedCondition(msgspec.Struct, frozen=True):
    """How a feed does, as far as its lines tell. Times are event times, µs; 0: no line yet."""

    name: str
    node: str
    family: str
    since: int = 0  # first line ever read: before it nothing is covered
    mark: int = 0  # newest line
    late: Delays = Delays()  # after what they tell, live
    disorder: Delays = Delays()  # behind the newest line before them
    waits: int = 0  # live: so long (µs) it is waited for
    gaps: tuple[FeedGap, ...] = ()
    orphans: int = 0  # deliveries whose submit was never seen


class ClocksApart(msgspec.Struct, frozen=True):
    """The second feed's clock is `ahead` of the first's by so many µs, `spread` more or less, as `n` pairs of lines tell."""

    first: str
    second: str
    ahead: int
    spread: int
    n: int
    far: bool  # further than `[judgement] skew`


class FeedReport(msgspec.Struct, frozen=True):
    """How all feeds do."""

    at: int  # wall clock
    horizon: int  # event time up to which every feed that speaks has been read
    widened: int  # µs: windows count as if clocks differed so much; 0: as configured
    feeds: tuple[FeedCondition, ...]
    clocks: tuple[ClocksApart, ...]


@dataclass(slots=True)
class Batch:
    """What commits together: facts, outbox, events, State delta and the marks of every feed in it. One Batch is one transaction."""

    at: int  # wall clock
    marks: list[tuple[str, Mark]] = field(default_factory=list)  # (feed, mark)
    extents: list[Extent] = field(default_factory=list)
    expired: list[tuple[str, int]] = field(default_factory=list)  # (feed, ordinal): long gone, marks and extents are deleted
    delta: bytes | bytearray = b""  # packed changed slots of State
    delta_file: str = ""  # or the name of a file with it, already fsynced
    snapshot: str = ""  # name of a snapshot file, already fsynced, that replaces all earlier deltas
    deliveries: list[tuple[bytes, Delivery]] = field(default_factory=list)  # (key, row): inserted or restated
    withdrawn: list[bytes] = field(default_factory=list)  # keys of deliveries that a later line showed to be part of another
    closed: npt.NDArray[Any] | None = None  # CLOSED rows for the segments
    attempts: list[tuple[bytes, Attempt]] = field(default_factory=list)
    findings: list[tuple[bytes, Finding]] = field(default_factory=list)
    unfounded: list[bytes] = field(default_factory=list)  # keys of findings whose evidence turned out otherwise
    forwards: list[Forward] = field(default_factory=list)
    serials: list[Serial] = field(default_factory=list)
    redeemed: list[Redeemed] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)  # said once the forwards of this Batch are counted; said before, it stays
    draws: list[Draw] = field(default_factory=list)  # as they stand from now on
    winners: list[Winner] = field(default_factory=list)
    forfeits: list[Forfeit] = field(default_factory=list)
    composed: list[Composed] = field(default_factory=list)  # that rows may refer to; one that is there stays
    seeds: list[NewSeed] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)  # seeds, campaign/name, that are no longer looked for
    learned: list[LearnedOctets] = field(default_factory=list)
    lives: list[LifeStep] = field(default_factory=list)
    outbox: list[Outgoing] = field(default_factory=list)  # asked for; a key that is there changes nothing
    lists: list[ListPart] = field(default_factory=list)
    mailings: list[Mailing] = field(default_factory=list)
    holders: list[Holder] = field(default_factory=list)  # as they stand from now on
    let_go: list[str] = field(default_factory=list)  # numbers that became somebody else's: what they hold ends
    moved: list[Outgoing] = field(default_factory=list)  # rows of the outbox as they stand from now on
    parts: list[Part] = field(default_factory=list)
    reserved: list[Reservation] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    stops: list[tuple[str, bool]] = field(default_factory=list)  # (what `Usage.stops` may hold, stopped or let go again)
    approved: list[tuple[str, str]] = field(default_factory=list)  # canaries, (class, campaign), that a person said go to
    opted_out: list[tuple[str, str, bool]] = field(default_factory=list)  # (number, class or "all", whether he opts out or in again)
    deeds: list[Deed] = field(default_factory=list)
    tidings: list[Tiding] = field(default_factory=list)
    care: list[Kept] = field(default_factory=list)  # folders as they are from now on
    listed: list[Listing] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    withdrawals: list[bytes] = field(default_factory=list)  # keys of rows of the outbox: what still waits must not leave any more
    erasing: list[str] = field(default_factory=list)  # numbers that shall be forgotten, once care let go of them
    replied: list[Replied] = field(default_factory=list)
    tidings_taken: int = 0  # those up to and with this id are taken in
    events: list[Event] = field(default_factory=list)
    hours: list[HourCount] = field(default_factory=list)
    days: list[DayCount] = field(default_factory=list)
    delays: list[DelayCount] = field(default_factory=list)
    measures: list[MeasureCount] = field(default_factory=list)
    tried: list[AttemptCount] = field(default_factory=list)
    notified: list[NotificationCount] = field(default_factory=list)
    places: list[PlaceCount] = field(default_factory=list)
    codes: list[CodeCount] = field(default_factory=list)
    unknown: list[UnknownCode] = field(default_factory=list)
    copied: list[CopyCount] = field(default_factory=list)
    held_copies: list[tuple[bytes, HeldCopy | None]] = field(default_factory=list)  # (key, row); None: it is settled
    lines: list[LineCount] = field(default_factory=list)
    notes: list[tuple[str, str, int]] = field(default_factory=list)  # (feed, what was passed over or missed, how often): not stored
    rejects: list[tuple[str, Reject]] = field(default_factory=list)  # (feed, sample)
    audits: list[Audit] = field(default_factory=list)
    spilled: list[tuple[int, bytes, int]] = field(default_factory=list)  # (subscriber number, packed dossier, keep until)
    cold_groups: list[ColdGroup] = field(default_factory=list)
    cold_over: list[int] = field(default_factory=list)  # groups nobody's past lies in any more
    thawed: list[int] = field(default_factory=list)  # subscribers whose spilled dossier came back into State
    interned: list[tuple[str, int, str]] = field(default_factory=list)  # (family, id, text): names behind small ids of CLOSED
    handsets: npt.NDArray[Any] | None = None  # `rules.handsets.HANDSET` rows, one a number: what traffic told of handsets and SIM cards
    handset_import: int = 0  # serial of the table of handsets whose changes take effect with this Batch
    feeds: FeedReport | None = None  # how all feeds do, now and then
    prefixes: list[tuple[str, int]] = field(default_factory=list)  # (prefix of numbers that belong to no city, how many more)

    def __iter__(self) -> Iterator[str]:
        return iter(self.__slots__)

    def add(self, other: Batch) -> None:
        """What `other` lists goes in too; it must not touch State, positions or packed rows."""
        for name in other:
            listed = getattr(other, name)
            if isinstance(listed, list):
                getattr(self, name).extend(listed)
