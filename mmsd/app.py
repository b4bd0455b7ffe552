"""Wiring: which object is given to which. `intake` builds the reading half for the daemon and for replays alike."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic, time_ns
from zoneinfo import ZoneInfo

from mmsd import config
from mmsd.fast import hash64, url_hashes
from mmsd.flow.sequencer import Feed, Sequencer
from mmsd.flow.sequencer import Settings as SequencerSettings
from mmsd.link.files import Files, OsFiles
from mmsd.link.tail import Tail
from mmsd.logs import DIALECTS
from mmsd.model import NOT_A_NUMBER
from mmsd.rules.campaign import Campaigns
from mmsd.rules.relate import Expected, Meaning
from mmsd.rules.settings import CampaignSettings, Codes
from mmsd.rules.state import State
from mmsd.rules.verdicts import Cities, Judge
from mmsd.store import Store
from mmsd.store.keys import Keys


def wall() -> int:
    """Wall clock, µs UTC."""
    return time_ns() // 1000


@dataclass(frozen=True, slots=True)
class World:
    """What is injected so that tests can bend it: clocks, chance, files."""

    wall: Callable[[], int] = wall
    monotonic: Callable[[], float] = monotonic
    random_bits: Callable[[int], int] = secrets.randbits
    files: Files = field(default_factory=OsFiles)
    fault_point: Callable[[str], None] = lambda name: None


def intake(
    settings: config.Settings,
    store: Store,
    keys: Keys,
    world: World,
    *,
    follow: bool = True,
    keep_all: bool = False,
    campaigns: Sequence[CampaignSettings] | None = None,
    cities: Mapping[str, str] | None = None,
) -> Sequencer:
    """The sequencer with its feeds, loaded and ready to tick. `follow=False` reads what is there to its end (replay)."""
    key = keys.hash_key

    def hashed(text: bytes) -> int:
        return hash64(text, key)

    def number_of(text: str) -> int:
        digits = text.removeprefix("+")
        return int(digits) if digits.isdigit() else hashed(text.encode()) | NOT_A_NUMBER

    if campaigns is None:
        directory = settings.campaigns.directory
        campaigns = config.load_campaigns(directory) if directory is not None else ()
    if cities is None:
        cities = config.load_cities(settings.cities.file) if settings.cities.file is not None else {}
    compiled = Campaigns(campaigns, ZoneInfo, hashed)
    operator = settings.operator
    expected = Expected(
        frozenset(_authority(name, key) for name in operator.mmsc),
        frozenset(_authority(name, key) for name in operator.known_mmsc),
        operator.mmsc,
        frozenset(hashed(apn.lower().encode()) for apn in operator.mms_apns),
    )
    own = frozenset(number_of(sender) for sender in settings.own.senders)
    covered = config.coverage(settings.feeds)

    def new_state() -> State:
        state = State(settings=settings.judgement, expected=expected, meaning=meaning(settings.codes), own_senders=own)
        state.all_apns = "*" in covered.sessions
        state.sgsn = covered.sgsn
        if compiled:
            state.seed_of = compiled.seed_of
        return state

    def new_judge(state: State, file_of: Callable[[int, int], str]) -> Judge:
        return Judge(
            state, campaigns=compiled, cities=Cities(cities), zone=settings.zone.name, file_of=file_of, keep_all=keep_all
        )

    loaded = store.load()
    tail = replace(settings.tail, follow=follow)
    feeds = []
    domains: dict[str, int] = {}
    for name, feed in settings.feeds.items():
        node = feed.node or name
        source = Tail(
            name, [str(path) for path in feed.paths], files=world.files, monotonic=world.monotonic, settings=tail,
            marks=loaded.marks.get(name, ()), extents=loaded.extents.get(name, ()),
        )  # fmt: skip
        dialect = DIALECTS[feed.dialect].from_options(
            feed.options, zone=feed.zone or settings.zone.name, key=key, path=f"feeds.{name}.options"
        )
        domain = domains.setdefault(feed.domain or node, len(domains))
        feeds.append(Feed(name, node, domain, config.role(feed), source, dialect, covers_nothing=feed.dialect == "kannel-smsbox"))
    sequencer = Sequencer(
        store, feeds, new_state=new_state, new_judge=new_judge, settings=SequencerSettings(), wall=world.wall,
        random_bits=world.random_bits, blind=keys.blind, live=follow, fault_point=world.fault_point,
    )  # fmt: skip
    sequencer.load()
    return sequencer


def _authority(name: str, key: tuple[int, int]) -> int:
    authority, _ = url_hashes(f"http://{name}/".encode(), key)
    return authority


def meaning(codes: Mapping[str, Codes]) -> Meaning:
    """Network errors as judgement compares them: type << 16 | code, or the code alone.

    >>> sorted(meaning({"*": Codes(absent=("3:27",), barred=("3:1",))}).absent)
    [196635]
    """
    found: dict[str, set[int]] = {"absent": set(), "barred": set(), "full": set()}
    for table in codes.values() or [Codes()]:
        for name, values in found.items():
            for text in getattr(table, name):
                kind, colon, code = text.partition(":")
                values.add(int(kind) << 16 | int(code) if colon else int(kind))
    return Meaning(**{name: frozenset(values) for name, values in found.items()})


def throwaway_keys() -> Keys:
    """Keys of a replay: hashes mean nothing outside it."""
    return Keys(secrets.token_bytes(32), secrets.token_bytes)


def state_key_file(settings: config.Settings) -> Path:
    return settings.state.key_file or settings.state.directory / "state.key"
