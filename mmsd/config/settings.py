"""The tree of settings. Rooms define their own parts; here stand the parts that belong to none, and all of it together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from mmsd.flow import announce, sequencer
from mmsd.link import mqtt
from mmsd.link.tail import TailSettings
from mmsd.rules.settings import Codes, Coverage, Judgement, Operator, Own
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
    """Which sessions a RADIUS feed sees; accounting goes to different servers by APN. Feeds of other kinds see all of theirs."""

    all: bool = False  # sessions of every APN
    apns: tuple[str, ...] = ()  # or of these


class Sample(msgspec.Struct, frozen=True):
    """A line of the feed's own and what it must be read as: `kind`, and columns or texts of `model.Records` by name."""

    line: str
    expect: dict[str, Any]


Role = Literal["mmsc", "sms", "gateway", "sessions", "sgsn"]


class Feed(msgspec.Struct, frozen=True):
    """Log files of one node in one format."""

    dialect: str
    paths: tuple[Path, ...]  # globs; rotated and gzipped files among them are read in their order
    node: str = ""  # "": the feed's name
    domain: str = ""  # nodes that share message ids; "": the node
    role: Role | None = None  # what kind of node; None: as the dialect says
    zone: ZoneInfo | None = None  # of times written without one; None: [zone] name
    options: dict[str, Any] = {}  # the dialect's own
    covers: Covers = Covers()
    samples: tuple[Sample, ...] = ()


class Campaigns(msgspec.Struct, frozen=True):
    directory: Path | None = None


class Cities(msgspec.Struct, frozen=True):
    file: Path | None = None  # lines `prefix,city`; the longest prefix wins


class Settings(msgspec.Struct, frozen=True):
    """All of a configuration file."""

    feeds: dict[str, Feed]
    state: State = State()
    zone: Zone = Zone()
    operator: Operator = Operator()
    judgement: Judgement = Judgement()
    codes: dict[str, Codes] = {}
    own: Own = Own()
    campaigns: Campaigns = Campaigns()
    cities: Cities = Cities()
    tail: TailSettings = TailSettings()
    sequencer: sequencer.Settings = sequencer.Settings()
    store: sqlite.Settings = sqlite.Settings()
    web: site.Settings = site.Settings()
    announce: announce.Settings = announce.Settings()
    mqtt: mqtt.Settings | None = None  # None: nothing is published


ROLES: Final[Mapping[str, Role]] = {
    "mbuni": "mmsc",
    "kannel-sms": "sms",
    "kannel-smsbox": "sms",
    "kannel-wap": "gateway",
    "http": "gateway",
    "radius": "sessions",
    "cdr": "mmsc",
}
"""What kind of node writes a dialect; `columns` fits any, so its feeds say `role`."""


def role(feed: Feed) -> Role:
    return feed.role or ROLES[feed.dialect]


def coverage(feeds: Mapping[str, Feed]) -> Coverage:
    """What all feeds together declare to see.

    >>> coverage({"aaa": Feed("radius", (Path("detail*"),), covers=Covers(apns=("CMWAP",)))}).sessions
    ('cmwap',)
    """
    roles = {role(feed) for feed in feeds.values()}
    apns: set[str] = set()
    for feed in feeds.values():
        if role(feed) == "sessions":
            apns.update({"*"} if feed.covers.all or not feed.covers.apns else {apn.lower() for apn in feed.covers.apns})
    return Coverage(
        mmsc="mmsc" in roles, sms="sms" in roles, gateway="gateway" in roles, sessions=tuple(sorted(apns)), sgsn="sgsn" in roles
    )


CHOSEN: Final[Mapping[type[Any], frozenset[str]]] = {TailSettings: frozenset({"follow"}), sqlite.Settings: frozenset({"durable"})}
"""Fields that a command sets (`replay` reads to the end, `look` keeps nothing) and no file."""


FILES: Final[Mapping[type[Any], tuple[str, ...]]] = {
    site.Settings: ("certificate", "key"),
    mqtt.Settings: ("password_file", "ca_file", "certificate", "key"),
}
"""Texts that name a file which has to be there; "" names none."""
