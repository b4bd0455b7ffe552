"""The tree of settings. Rooms define their own parts; here stand the parts that belong to none, and all of it together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from mmsd.flow import announce, inspect, sequencer
from mmsd.link import cmpp, endpoint, kannel, mirror, mm7, mqtt, registry, renotify, smpp, webhook, workers
from mmsd.link.tail import TailSettings
from mmsd.rules import outbox
from mmsd.rules.scope import Scope, Scopes
from mmsd.rules.settings import CampaignSettings, CareSettings, Codes, GovernorSettings, Judgement, Operator, Own
from mmsd.rules.table import Causes
from mmsd.store import sqlite
from mmsd.web import site


class Zone(msgspec.Struct, frozen=True):
    """The local time of days, hours and of nodes that write no zone."""

    name: ZoneInfo = ZoneInfo("Asia/Shanghai")


class State(msgspec.Struct, frozen=True):
    """Where everything durable lies."""

    directory: Path = Path("/var/lib/mmsd")
    key_file: Path | None = None  # None: state.key in the directory, made at the first start


class Covers(msgspec.Struct, frozen=True):
    """What of its kind a feed shows; what is not named here shows everything. Outside of it a missing line is no absence."""

    all: bool = False  # sessions: of every access point …
    apns: tuple[str, ...] = ()  # … or of these; a gateway's clients: on these
    ggsns: tuple[str, ...] = ()  # sessions: on these GGSNs, IPv4 addresses
    links: tuple[str, ...] = ()  # SMS: pushes over these SMSC links, as the log names them
    addresses: tuple[str, ...] = ()  # a gateway's clients: in these networks, `10.0.0.0/8`
    part: bool = False  # only some of even that: there are nodes of its kind that are not read


COVERS: Final[Mapping[str, frozenset[str]]] = {
    "sessions": frozenset({"all", "apns", "ggsns", "part"}),
    "gateway": frozenset({"apns", "addresses", "part"}),
    "sms": frozenset({"links", "part"}),
    "mmsc": frozenset({"part"}),
    "sgsn": frozenset(),
    "copies": frozenset(),
}
"""What each kind of feed may declare. The silence of an SGSN, or of who looks into copies, proves nothing anyway."""


class Sample(msgspec.Struct, frozen=True):
    """A line of the feed's own and what it must be read as: `kind`, and columns or texts of `model.Records` by name."""

    line: str
    expect: dict[str, Any]


Role = Literal["mmsc", "sms", "gateway", "sessions", "sgsn", "copies"]


class Feed(msgspec.Struct, frozen=True):
    """Log files of one node in one format."""

    dialect: str
    paths: tuple[Path, ...]  # globs; rotated and gzipped files among them are read in their order
    node: str = ""  # "": the feed's name
    domain: str = ""  # nodes that share message ids; "": the node
    role: Role | None = None  # what kind of node; None: as the dialect says
    zone: ZoneInfo | None = None  # of times written without one; None: [zone] name
    options: dict[str, Any] = {}  # the dialect's own
    delay: float = 0.0  # live: seconds its lines may come after what they tell; waited for before absence speaks
    covers: Covers = Covers()
    samples: tuple[Sample, ...] = ()


class Campaigns(msgspec.Struct, frozen=True):
    directory: Path | None = None


class Cities(msgspec.Struct, frozen=True):
    file: Path | None = None  # lines `prefix,city`; the longest prefix wins


class ReferenceFiles(msgspec.Struct, frozen=True):
    """The operator's own word on expected settings and on models; it counts before what was imported and what mmsd ships."""

    operators: tuple[Path, ...] = ()  # files of expected settings (`config.expected`)
    models: tuple[Path, ...] = ()  # files of rules for models (`config.models_table`)


class Settings(msgspec.Struct, frozen=True):
    """All of a configuration file."""

    feeds: dict[str, Feed]
    state: State = State()
    zone: Zone = Zone()
    operator: Operator = Operator()
    judgement: Judgement = Judgement()
    codes: dict[str, Codes] = {}
    causes: Causes = Causes()
    own: Own = Own()
    campaigns: Campaigns = Campaigns()
    governor: GovernorSettings = GovernorSettings()
    care: CareSettings = CareSettings()
    outbox: outbox.Settings = outbox.Settings()
    cities: Cities = Cities()
    reference: ReferenceFiles = ReferenceFiles()
    tail: TailSettings = TailSettings()
    sequencer: sequencer.Settings = sequencer.Settings()
    store: sqlite.Settings = sqlite.Settings()
    web: site.Settings = site.Settings()
    announce: announce.Settings = announce.Settings()
    workers: workers.Settings = workers.Settings()
    mqtt: mqtt.Settings | None = None  # None: nothing is published
    handover: webhook.Settings | None = None  # None: the hand-over list is fetched, and told to nobody
    links: dict[str, registry.Settings] = {}
    copies: inspect.Settings = inspect.Settings()


ROLES: Final[Mapping[str, Role]] = {
    "mbuni": "mmsc",
    "kannel-sms": "sms",
    "kannel-smsbox": "sms",
    "kannel-wap": "gateway",
    "http": "gateway",
    "radius": "sessions",
    "cdr": "mmsc",
    "inspected": "copies",
}
"""What kind of node writes a dialect; `columns` fits any, so its feeds say `role`."""


def role(feed: Feed) -> Role:
    return feed.role or ROLES[feed.dialect]


def shows_part(feed: Feed) -> bool:
    """Whether what a feed does not show proves nothing: so it says, or its log holds only what was asked for, as Kannel's smsbox."""
    return feed.covers.part or feed.dialect == "kannel-smsbox"


def scopes(settings: Settings, apn_hash: Callable[[str], int]) -> Scopes:
    """What all feeds together declare to show. `apn_hash`: an access point's name as records hold it.

    >>> aaa = Feed("radius", (Path("detail*"),), covers=Covers(apns=("CMWAP",)))
    >>> shown = scopes(Settings({"aaa": aaa}), len)
    >>> shown.every_session, shown.sessions_on(frozenset({5})), shown.sessions_on(frozenset({6}))
    (False, True, False)
    """
    found = []
    for feed in settings.feeds.values():
        covers = feed.covers
        every_apn = covers.all or not covers.apns
        networks = tuple(ip_network(each) for each in covers.addresses)
        found.append(
            Scope(
                role(feed),
                None if every_apn else frozenset(apn_hash(apn.lower()) for apn in covers.apns),
                frozenset(int(ip_address(each)) for each in covers.ggsns) or None,
                frozenset(link.encode() for link in covers.links) or None,
                tuple((int(each[0]), int(each[-1])) for each in networks) or None,
                shows_part(feed),
            )
        )
    return Scopes(tuple(found), frozenset(int(ip_address(each)) for each in settings.operator.ggsns))


CHOSEN: Final[Mapping[type[Any], frozenset[str]]] = {TailSettings: frozenset({"follow"}), sqlite.Settings: frozenset({"durable"})}
"""Fields that a command sets (`replay` reads to the end, `look` keeps nothing) and no file."""


class Limits(NamedTuple):
    """The least and the most that a number may be."""

    low: float
    high: float


_DAY: Final = 86400.0
_YEAR: Final = 366 * _DAY
_GIBIBYTE: Final = 1 << 30

QUANTITY: Final[Mapping[type, Limits]] = {int: Limits(0, 1 << 40), float: Limits(0.0, _YEAR)}
"""Of a number that LIMITS does not name: counts and sizes, durations in seconds. Times in µs with a year added stay within 64 bits."""

_RATE: Final = Limits(0.001, 1e6)
_BURST: Final = Limits(1.0, 1e6)
_WAIT: Final = Limits(0.1, 3600.0)
_RETRY: Final = Limits(0.01, 3600.0)
_POLL: Final = Limits(0.001, 60.0)
_CHUNK: Final = Limits(4096, _GIBIBYTE)  # below a page nothing is gained
_OCTET: Final = Limits(0, 255)
_CENTRE: Final[Mapping[str, Limits]] = {
    "port": Limits(1, 65535),
    "long_limit": Limits(1, 255),
    "window": Limits(1, 10_000),
    "rate": Limits(0.1, 1e6),
    "backlog": Limits(1, 100_000),
    "connect_seconds": _WAIT,
    "answer_seconds": _WAIT,
    "probe_seconds": _WAIT,
    "probe_answer_seconds": _WAIT,
    "leave_seconds": _WAIT,
    "retry_seconds": Limits(0.1, 3600.0),
    "retry_limit_seconds": Limits(0.1, 3600.0),
    "part_seconds": _WAIT,
    "join_seconds": Limits(1.0, 7 * _DAY),
}
_WEB: Final = {
    name: _CENTRE[name] for name in ("window", "rate", "answer_seconds", "leave_seconds", "retry_seconds", "retry_limit_seconds")
}

LIMITS: Final[Mapping[type[Any], Mapping[str, Limits]]] = {
    Judgement: {
        "window": Limits(1.0, _YEAR),
        "skew": Limits(0.0, 3600.0),
        "join": Limits(0.0, 3600.0),
        "answer": Limits(0.0, 3600.0),
        "idle": Limits(0.0, 3600.0),
        "patience": Limits(0.0, 30 * _DAY),
        "ahead": Limits(1.0, _YEAR),
        "cases": Limits(1, 1_000_000),
        "case_days": Limits(0.01, 366.0),
        "little": Limits(0, 1_000_000_000),
        "logged": Limits(1.0, 3600.0),
        "handset_days": Limits(0.0, 3660.0),
        "history_days": Limits(0.0, 366.0),
        "fault_window": Limits(1.0, _DAY),
        "fault_answers": Limits(1, 1_000_000),
        "fault_share": Limits(0.0, 1.0),
        "fault_rise": Limits(1.0, 1000.0),
        "fault_models": Limits(1, 16),
        "model_share": Limits(0.01, 1.0),
        "model_subscribers": Limits(1, 128),
        "portal": Limits(1, 1_000_000),
    },
    TailSettings: {
        "chunk_bytes": _CHUNK,
        "record_limit": Limits(1024, _GIBIBYTE),
        "forget_seconds": Limits(60.0, _YEAR),
        "retry_seconds": _RETRY,
        "retry_limit_seconds": _RETRY,
        "open_limit": Limits(1, 65536),
    },
    sequencer.Settings: {
        "chunk_bytes": _CHUNK,
        "poll_seconds": _POLL,
        "idle_seconds": _POLL,
        "tick_seconds": Limits(0.0, 10.0),
        "samples": Limits(0, 10_000),
    },
    sqlite.Settings: {
        "busy_seconds": Limits(0.0, 3600.0),
        "checkpoint_bytes": Limits(1 << 16, 1 << 40),
        "wal_limit_bytes": Limits(1 << 20, 1 << 40),
        "cache_bytes": Limits(1 << 16, 1 << 38),
    },
    site.Settings: {
        "port": Limits(0, 65535),
        "ports": Limits(1, 65535),
        "rate": _RATE,
        "burst": _BURST,
        "login_rate": _RATE,
        "login_burst": _BURST,
        "redeem_rate": _RATE,
        "redeem_burst": _BURST,
        "redeem_all_rate": _RATE,
        "redeem_all_burst": _BURST,
        "request_seconds": _WAIT,
        "read_seconds": _WAIT,
        "idle_seconds": _WAIT,
        "body_octets": Limits(1024, _GIBIBYTE),
        "session_seconds": Limits(60.0, _YEAR),
        "live_pages": Limits(0, 65536),
        "counter_seconds": Limits(0.1, 3600),
    },
    workers.Settings: {
        "processes": Limits(1, 64),
        "memory_octets": Limits(1 << 28, 1 << 38),
        "cpu_seconds": Limits(0.1, 600.0),
        "make_cpu_seconds": Limits(1.0, 3600.0),
        "answer_seconds": _WAIT,
        "make_answer_seconds": _WAIT,
        "start_seconds": _WAIT,
        "picture_octets": Limits(1024, 1 << 26),
        "picture_pixels": Limits(1 << 14, 1 << 28),
        "picture_frames": Limits(1, 1000),
    },
    announce.Settings: {"batch": Limits(1, 100_000), "poll_seconds": _POLL},
    mqtt.Settings: {
        "port": Limits(1, 65535),
        "keepalive_seconds": Limits(1, 65535),
        "timeout_seconds": _WAIT,
        "retry_seconds": _RETRY,
        "retry_limit_seconds": _RETRY,
        "message_octets": Limits(1024, 1 << 28),
    },
    smpp.Settings: {
        **_CENTRE,
        "address_ton": _OCTET,
        "address_npi": _OCTET,
        "source_ton": _OCTET,
        "source_npi": _OCTET,
        "destination_ton": _OCTET,
        "destination_npi": _OCTET,
        "text_coding": _OCTET,
        "ucs2_coding": _OCTET,
        "binary_coding": _OCTET,
    },
    cmpp.Settings: {
        **_CENTRE,
        "fee_user_type": Limits(0, 3),
        "fee_terminal_type": Limits(0, 1),
        "registered_delivery": Limits(0, 2),
        "msg_level": Limits(0, 9),
        "tp_pid": _OCTET,
        "destination_type": Limits(0, 1),
    },
    kannel.Settings: {**_WEB, "long_limit": _CENTRE["long_limit"]},
    mm7.Settings: _WEB,
    renotify.Settings: _WEB,
    endpoint.Settings: {
        "port": Limits(1, 65535),
        "body_octets": Limits(1024, _GIBIBYTE),
        "body_seconds": _WAIT,
        "settle_seconds": _WAIT,
        "waiting": Limits(1, 65536),
    },
    inspect.Settings: {"wait": Limits(1.0, _DAY), "poll": _POLL},
    mirror.Settings: {
        "port": Limits(0, 65535),
        "body_octets": Limits(1024, _GIBIBYTE),
        "waiting": Limits(1, 65536),
        "spooled": Limits(1, 10_000_000),
    },
    outbox.Settings: {
        "grace_seconds": Limits(1.0, 30 * _DAY),
        "max_resend": Limits(0, 3),
        "retry_seconds": Limits(1.0, _DAY),
        "retry_limit_seconds": Limits(1.0, _DAY),
        "poll_seconds": _POLL,
        "stop_seconds": Limits(0.1, 3600.0),
    },
    CareSettings: {
        "ask_from": Limits(0.0, 1.0),
        "answer": Limits(60.0, 30 * _DAY),
        "consent": Limits(3600.0, _YEAR),
        "push_gap": Limits(_DAY, _YEAR),  # never two pushes a day
        "pushes": Limits(1, 5),
        "holdout": Limits(0.0, 1.0),
    },
    webhook.Settings: {"timeout": _WAIT, "retry": Limits(0.1, _DAY), "retry_limit": Limits(1.0, _DAY)},
    GovernorSettings: {"conversation": Limits(0.0, _DAY)},
    CampaignSettings: {"pair_cap": Limits(1, 1 << 40), "sms_expires": Limits(1.0, _YEAR)},
}
"""Where zero or a large number would stop mmsd, or mean nothing."""


FILES: Final[Mapping[type[Any], tuple[str, ...]]] = {
    site.Settings: ("certificate", "key"),
    mqtt.Settings: ("password_file", "ca_file", "certificate", "key"),
    smpp.Settings: ("password_file", "ca_file", "certificate", "key"),
    cmpp.Settings: ("password_file",),
    kannel.Settings: ("password_file", "ca_file"),
    mm7.Settings: ("password_file", "ca_file"),
    renotify.Settings: ("token_file", "ca_file"),
    webhook.Settings: ("secret_file", "ca_file"),
    endpoint.Settings: ("secret_file", "certificate", "key"),
    mirror.Settings: ("token_file",),
}
"""Texts that name a file which has to be there; "" names none."""
