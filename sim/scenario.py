"""A scenario file: who lives in the province, what they send, what breaks, how the logs grow.

Durations are seconds (float) in the file and integer µs behind `us`. Unknown keys are refused. `extends` names another scenario of which
only what stands in the file is changed. What a daemon must be told to judge the run (`[daemon]`) goes out in `feeds.json`; the simulator
itself uses none of it but T2, from which on a delivery is late.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from mmsd.errors import ConfigError
from mmsd.model import SECOND

SCENARIOS: Final = Path(__file__).resolve().parent / "scenarios"

Span = tuple[float, float]
"""Seconds from, to: drawn evenly."""


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keys have no defaults but where one is natural: a scenario says what it is."""


class Run(_Section, frozen=True, kw_only=True):
    seed: int = 1
    start: datetime  # of a generated run, with its zone; a live run starts now
    zone: str = "Asia/Shanghai"  # of every log's local times
    messages: int  # subscriber to subscriber, beside the campaign's
    submitting: float  # seconds in which they are sent (generate)
    warmup: float  # before the first of them
    tail: float  # after the last window is over (generate): every feed's mark passes it
    drain: float  # a live run stops submitting so long before its end: expiry + grace + some seconds


class Mmsc(_Section, frozen=True, kw_only=True):
    nodes: int
    host: str  # one authority before all nodes
    expiry: float
    notify: tuple[float, ...]  # of each attempt, from the first
    queue: Span  # submit to first notification
    shared_ids: float  # share of message ids that another node gave out too


class Vendor(_Section, frozen=True, kw_only=True):
    """MMSC nodes of another make, whose log has more to say (`vendor.Vendor`)."""

    nodes: int = 0  # the last so many
    refused: float = 0  # share of submits that such a node does not take
    deleted: float = 0  # share of deliveries that it deletes at once
    unread: float = 0  # share of deliveries whose retrieval it answers with an error
    abroad: float = 0  # share of messages that go to somebody of another network, too


class Population(_Section, frozen=True, kw_only=True):
    subscribers: int
    browsers: int  # further numbers that only browse
    behaviours: Mapping[str, float]  # weights by handset.Behaviour
    standing_cmwap: float  # share of those that fetch at all
    standing_cmnet: float
    wapbox: float  # share behind the WAP gateway; the others use the proxy
    chance: float = 0  # seconds between two internet sessions of one subscriber that have nothing to do with a push; 0 = there are none


class Model(_Section, frozen=True, kw_only=True):
    """A model of handset that comes with settings of its own."""

    agent: str
    tac: str
    software: str = "01"
    share: float  # of the subscribers
    behaviours: Mapping[str, float]  # weights, instead of the population's


class Swap(_Section, frozen=True, kw_only=True):
    """Subscribers who change something between two messages: `handset` (IMEI), `sim` (IMSI), `owner` (both: the number is given anew)."""

    what: Literal["handset", "sim", "owner"]
    at: float  # from then on, one after the other
    share: float  # of those who behave like `before`
    before: str
    after: str


class Handsets(_Section, frozen=True, kw_only=True):
    reaction: Span  # push on the display to session
    late: Span  # submit to the handset's return
    defer: Span  # deferral to fetch
    receipt: Span  # push to its receipt
    expired: Span  # push to an EXPIRED or UNDELIV receipt
    linger: Span  # last request to the session's end


class Traffic(_Section, frozen=True, kw_only=True):
    receivers: tuple[int, ...]  # drawn evenly
    report: float  # share of senders that ask for delivery reports
    plain_sms: float  # own SMS a second
    read_reports: float  # a second and node: a node writes something while nobody sends
    failing_submits: float  # share of submits tried by handsets that know a wrong MMSC
    lost: float = 0  # share of submits that the gateway takes and no MMSC ever sees
    gb2312: float  # share of subjects in that charset, its name lost on the way


class Fault(_Section, frozen=True, kw_only=True):
    """An outage: of an MMSC node (the load balancer answers 500 and 503 for it), or of the SMSC link (every push is refused)."""

    node: int = -1  # of the MMSC; -1 = the SMSC link
    start: float
    stop: float


class Campaign(_Section, frozen=True, kw_only=True):
    id: str
    seed: str
    subject: str
    tag: str  # stands in the subject
    size: int
    tolerance: float  # of the size class, as a share
    short_code: str
    vasp: str
    recipients: int
    batch: int  # receivers of one MM7 submit
    every: float = 0  # seconds between two sendings, while messages are submitted; 0 = one only
    forward: float  # share of retrieved copies that are sent on
    by_reference: float  # share of those by M-Forward.req; else composed anew
    friends: tuple[int, ...]
    think: Span
    again: float  # share of composed forwards repeated on purpose
    again_after: Span
    unanswered: float  # share of composed forwards whose answer is lost: the handset sends again
    resend: Span
    tries: tuple[int, ...] = (1,)  # drawn: so often it sends again; only the last of them is answered
    short: float = 0  # share of lost answers that break off on the way: a gateway that counts bodies has few octets; else it says 504
    more: float = 0  # share of what was repeated on purpose, or sent again, that is repeated on purpose once more
    overlap: float = 0  # share of `more` that does not wait for the handset's last try
    posting: float = 0  # seconds in which a handset that sends one message sends no other
    resender: str = ""  # TAC of a model that sends everything twice, answered or not
    prefixed: float  # share of subjects that get a `Fw:`
    generations: int
    decoys: float  # share of ordinary messages that borrow the seed's subject, or its size


class Browsing(_Section, frozen=True, kw_only=True):
    ratio: float  # lines for each MMS line of the same gateway
    base: float  # further lines a second and gateway
    slots: int  # people browsing at one time at each gateway
    visit: Span  # length of a browsing session
    residents: int  # of the slots: subscribers with a standing cmwap session


class Radius(_Section, frozen=True, kw_only=True):
    interim: float
    lost_stop: float
    retransmitted: float
    restart: tuple[float, ...]  # seconds after the start at which the second GGSN restarts
    outage: float
    past: bool = False  # there is a file of the two days before, in which everybody with packet data had a session
    apns: tuple[str, ...] = ()  # whose accounting reaches the feeds; () = all
    selection: bool = False  # 3GPP-Selection-Mode is sent


class Sgsn(_Section, frozen=True, kw_only=True):
    """An event file of the SGSN: activations, refused ones too."""

    events: bool = False


class Rotation(_Section, frozen=True, kw_only=True):
    """Seconds between rotations; 0 = never."""

    mmsc: float = 0  # rename, reopened a second later
    sms: float = 0  # rename and gzip
    wapbox: float = 0  # copytruncate
    squid: float = 0  # rename


class Habits(_Section, frozen=True, kw_only=True):
    """What owners of handsets make of the operator's messages: shares of all; the rest says nothing."""

    yes: float = 0.75
    no: float = 0.1
    other: float = 0.03
    stop: float = 0.02
    install: float = 0.95  # of those whose handset offers it
    type_pin: float = 0.95  # of those asked for one type it right
    by_hand: float = 0.5  # of those without OTA type in what a text tells
    asks: float = 0.0  # of those with wrong settings ask for them on their own
    reply: Span = (1.0, 4.0)
    legacy: float = 0.15  # of the models
    none: float = 0.1


class Scenario(_Section, frozen=True, kw_only=True):
    name: str = ""
    run: Run
    mmsc: Mmsc
    vendor: Vendor = Vendor()
    population: Population
    handsets: Handsets
    traffic: Traffic
    faults: tuple[Fault, ...] = ()
    campaign: Campaign
    browsing: Browsing
    radius: Radius
    sgsn: Sgsn = Sgsn()
    models: tuple[Model, ...] = ()
    swaps: tuple[Swap, ...] = ()
    complaints: Mapping[str, float] = msgspec.field(default_factory=dict)  # chance by group of causes (`complaints.GROUPS`)
    rotation: Rotation = Rotation()
    skew: Mapping[str, float] = msgspec.field(default_factory=dict)  # by feed: its clock is so much ahead
    begins: Mapping[str, float] = msgspec.field(
        default_factory=dict
    )  # by feed: nothing older than so many seconds after the start is there
    late: Mapping[str, float] = msgspec.field(default_factory=dict)  # by feed: its files arrive so many seconds after they were written
    daemon: Mapping[str, Any] = msgspec.field(default_factory=dict)
    owners: Habits = Habits()

    @property
    def window(self) -> int:
        """µs from the last submit until nothing of it is open any more."""
        return us(self.mmsc.queue[1] + self.mmsc.expiry)


def us(seconds: float) -> int:
    """
    >>> us(0.25)
    250000
    """
    return round(seconds * SECOND)


def load(path: Path) -> Scenario:
    """A scenario by its path, or one of the shipped ones by its name. ConfigError opens with the file and key."""
    if not path.exists() and (SCENARIOS / f"{path}.toml").exists():
        path = SCENARIOS / f"{path}.toml"
    try:
        scenario = msgspec.convert(_read(path), Scenario, strict=False)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if scenario.run.start.tzinfo is None:
        raise ConfigError(f"{path}: run.start: give its zone, as in 2026-11-22T09:00:00+08:00")
    return msgspec.structs.replace(scenario, name=scenario.name or path.stem)


def _read(path: Path) -> dict[str, Any]:
    """A scenario's tables, over those of the one it extends: of the same folder, or a shipped one."""
    own = tomllib.loads(path.read_text())
    parent = own.pop("extends", "")
    if not parent:
        return own
    beside = path.with_name(f"{parent}.toml")
    return _over(_read(beside if beside.exists() else SCENARIOS / f"{parent}.toml"), own)


def _over(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are merged key by key, all else is replaced; weights of behaviours stand as a whole.

    >>> _over({"run": {"seed": 1, "tail": 2}, "faults": [1]}, {"run": {"seed": 3}, "faults": []})
    {'run': {'seed': 3, 'tail': 2}, 'faults': []}
    """
    merged = dict(base)
    for key, value in change.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict) and key != "behaviours"
        merged[key] = _over(merged[key], value) if both else value
    return merged
