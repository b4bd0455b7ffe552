"""Wiring: which object is given to which. `intake` builds the reading half for the daemon and for replays alike; `serve` is the daemon.

The daemon is one thread that ticks the sequencer, and one event loop for everything that waits on the world. When either ends, all end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import monotonic, time_ns
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from mmsd import config
from mmsd.config.reference import ReferenceData
from mmsd.errors import ConfigError, MmsdError, StoreBusy, StoreError, StoreFull
from mmsd.fast import TWIN, hash64, url_hashes
from mmsd.flow.announce import CURSOR, Announcer
from mmsd.flow.care import Blame, Call, CareLoop
from mmsd.flow.clerk import Letters, Registry
from mmsd.flow.dispatch import Dispatcher, Route
from mmsd.flow.drawing import Drawing
from mmsd.flow.erasing import Erasing
from mmsd.flow.folding import Folding
from mmsd.flow.handing import Handing
from mmsd.flow.handsets import Handsets
from mmsd.flow.lineage import Resolving
from mmsd.flow.mailing import Mailer
from mmsd.flow.requests import Requests, Shelf, Shelved
from mmsd.flow.sequencer import Feed, Heard, Sequencer
from mmsd.flow.settle import Listener, Way
from mmsd.flow.taps import COPY, MIRROR, Taps
from mmsd.link import cmpp, mm7, mqtt, registry, renotify, smpp, webhook
from mmsd.link.carry import Link
from mmsd.link.files import Files, OsFiles
from mmsd.link.journal import PATTERN
from mmsd.link.maker import Drafts, message_of
from mmsd.link.tail import Tail
from mmsd.link.watch import Watch
from mmsd.link.workers import Workers
from mmsd.logs import DIALECTS, inspected
from mmsd.model import DAY, NOT_A_NUMBER, Batch, Composed
from mmsd.rules.asking import Words
from mmsd.rules.campaign import Campaigns, dates
from mmsd.rules.care import Care
from mmsd.rules.closing import Calendar
from mmsd.rules.expectations import Expectations, House
from mmsd.rules.governor import CLASSES, Governor
from mmsd.rules.holdings import Holding
from mmsd.rules.kpi import final_after
from mmsd.rules.life import LIVE
from mmsd.rules.networks import Network
from mmsd.rules.outbox import Form, composed
from mmsd.rules.relate import Expected
from mmsd.rules.settings import CampaignSettings
from mmsd.rules.state import State
from mmsd.rules.verdicts import Judge
from mmsd.rules.wording import Wording
from mmsd.seeds.compose import mm7_body
from mmsd.store import Store
from mmsd.store.campaign_orders import Known
from mmsd.store.drawing import draws_of
from mmsd.store.keys import Keys
from mmsd.store.sqlite import DATABASE, Faults, SqliteStore
from mmsd.telemetry import Telemetry
from mmsd.web import access
from mmsd.web.care import handover_line
from mmsd.web.desk import Desk
from mmsd.web.figures import Terms
from mmsd.web.forwards import Reviewing
from mmsd.web.mailings import Mailings
from mmsd.web.outbox import LinkHealth, Outbox, Sending
from mmsd.web.seeds import Seeds
from mmsd.web.site import FeedHealth, Health, Site

_log = logging.getLogger(__name__)


KEPT: Final = 8 * DAY
"""Segments, spilled dossiers and events older than this (event time) are purged; a week's story stays whole."""
REPORT_SECONDS: Final = 1.0
"""Between two looks at how the feeds do."""
SWEEP_SECONDS: Final = 600.0
ADDRESS: Final = "address"
"""In the state directory, while the page is served: where, for commands that order something of the daemon."""

NAMING_MESSAGES: Final = frozenset({"cdr", "columns"})
"""Dialects that may say something of a message and name no receiver of it."""

COPIES: Final = "copies"
"""The feed, and the folder in the state directory, of copies that mmsd looked into itself."""

REPLAY_CHUNK: Final = 8 << 20
"""Nobody waits for a replay's single lines: larger bites judge each number less often."""


def wall() -> int:
    """Wall clock, µs UTC."""
    return time_ns() // 1000


@dataclass(frozen=True, slots=True)
class World:
    """What is injected so that tests can bend it: clocks, chance, files."""

    wall: Callable[[], int] = wall
    monotonic: Callable[[], float] = monotonic
    random_bits: Callable[[int], int] = secrets.randbits
    random_below: Callable[[int], int] = secrets.randbelow
    files: Files = field(default_factory=OsFiles)
    fault_point: Callable[[str], None] = lambda name: None
    link: Callable[[registry.Settings], Link] = lambda settings: registry.make(settings, random=secrets.SystemRandom().random, wall=wall)


def intake(
    settings: config.Settings,
    store: SqliteStore,
    keys: Keys,
    world: World,
    *,
    follow: bool = True,
    keep_all: bool = False,
    express: bool = True,
    campaigns: Sequence[CampaignSettings] | None = None,
    mending: Callable[[], Collection[int]] | None = None,
    reference: ReferenceData | None = None,
) -> Sequencer:
    """The sequencer with its feeds, loaded and ready to tick.

    `follow=False` reads what is there to its end (replay). `keep_all` makes a row of every delivery and request. Without `express` the
    rules alone judge what runs by the book as well: slowly, and alike.
    """
    key = keys.hash_key

    def hashed(text: bytes) -> int:
        return hash64(text, key)

    def number_of(text: str) -> int:
        digits = text.removeprefix("+")
        return int(digits) if digits.isdigit() else hashed(text.encode()) | NOT_A_NUMBER

    if campaigns is None:
        directory = settings.campaigns.directory
        campaigns = config.load_campaigns(directory) if directory is not None else ()
    compiled = Campaigns(campaigns, ZoneInfo, hashed)
    operator = settings.operator
    expected = Expected(
        frozenset(_authority(name, key) for name in operator.mmsc),
        frozenset(_authority(name, key) for name in operator.known_mmsc),
        operator.mmsc,
        frozenset(hashed(apn.lower().encode()) for apn in operator.mms_apns),
    )
    own = frozenset(number_of(sender) for sender in settings.own.senders)
    accounts = frozenset(account.encode() for account in settings.own.accounts)
    scopes = config.scopes(settings, lambda apn: hashed(apn.encode()))
    book, causes = config.load_codes(settings.codes), config.load_causes(settings.causes)

    def new_state() -> State:
        state = State(
            settings=settings.judgement, expected=expected, codes=book, causes=causes, own_senders=own, own_accounts=accounts,
            express=express and not keep_all,
        )  # fmt: skip
        state.scopes = scopes
        state.parts = frozenset(name for name, feed in settings.feeds.items() if config.shows_part(feed))
        state.by_message = frozenset(
            feed.domain or feed.node or name for name, feed in settings.feeds.items()
            if config.role(feed) == "mmsc" and feed.dialect in NAMING_MESSAGES
        )  # fmt: skip
        state.journals = frozenset(name for name, feed in settings.feeds.items() if feed.dialect == inspected.NAME)
        state.sgsn = any(config.role(feed) == "sgsn" for feed in settings.feeds.values())
        state.follows, state.seeds_named = follow, compiled.seeds_named
        return state

    changes = 0

    def renew(state: State) -> None:
        nonlocal changes
        if store.seed_changes() != changes:
            changes = store.seed_changes()
            number(state)

    def number(state: State) -> None:
        compiled.renew(store.seeds(), store.lives())
        compiled.number(state.number_seeds(compiled.names))
        state.look_for(compiled.seed_of if compiled else None)

    def new_judge(state: State, file_of: Callable[[int, int], str]) -> Judge:
        number(state)
        return Judge(
            state,
            campaigns=compiled,
            cities=lambda: told.cities,
            zone=settings.zone.name,
            row_secret=keys.row_key,
            file_of=file_of,
            keep_all=keep_all,
            handsets=handsets,
            expectations=expectations,
            network=Network(operator.numbers),
            served=lambda numbers: store.served(numbers.tolist()),
        )

    told = reference or imported(settings, store, keys)
    folding = Folding(store, store.directory, keys, world.wall) if follow else None
    handsets = Handsets(told, store.handset_import(), world.monotonic, folding)
    house = House(operator.plmns, mms_apns=operator.mms_apns != type(operator)().mms_apns)
    expectations = Expectations(
        lambda: told.operators, house, apn_hash=lambda apn: hashed(apn.encode()),
        authority_hash=lambda name: _authority(name, key),
    )  # fmt: skip
    loaded = store.load()
    read_before = {count.feed for count in store.lines()}
    tail = replace(settings.tail, follow=follow)
    copied = copied_nodes(settings)
    feeds = []
    for name, feed in settings.feeds.items():
        node = feed.node or name
        if name in read_before and not loaded.marks.get(name) and not loaded.extents.get(name):
            raise StoreError(
                f"feeds.{name}: this state directory has read the feed before, but its positions are gone; reading on would count lines "
                "twice. Restore the state directory from a backup, or give the feed a new name to begin anew"
            )
        source = Tail(
            name, [str(path) for path in feed.paths], files=world.files, monotonic=world.monotonic, settings=tail,
            marks=loaded.marks.get(name, ()), extents=loaded.extents.get(name, ()),
        )  # fmt: skip
        dialect = dialect_of(settings, name, keys)
        feeds.append(
            Feed(
                name,
                node,
                feed.domain or node,
                config.role(feed),
                source,
                dialect,
                covers_nothing=feed.dialect == "kannel-smsbox" or config.role(feed) == "copies",
                delay=int(feed.delay * 1e6),
                copied_by=tuple(tap for tap, nodes in copied.items() if config.role(feed) == "mmsc" and node in nodes),
            )
        )
    pace = settings.sequencer if follow else replace(settings.sequencer, chunk_bytes=max(settings.sequencer.chunk_bytes, REPLAY_CHUNK))
    sequencer = Sequencer(
        store, feeds, new_state=new_state, new_judge=new_judge, settings=pace, wall=world.wall, monotonic=world.monotonic,
        random_bits=world.random_bits, blind=keys, codes=book, live=follow, fault_point=world.fault_point,
        handsets=handsets, mending=mending, calendar=Calendar(campaigns, ZoneInfo), renew=renew,
    )  # fmt: skip
    sequencer.load()
    return sequencer


def copied_nodes(settings: config.Settings) -> dict[str, tuple[str, ...]]:
    """By tap the MMSCs of which it copies every submit. ConfigError: none is called so."""
    found = {name: folder.nodes for name, folder in settings.copies.folders.items()}
    paths = {name: f"copies.folders.{name}" for name in found}
    if settings.copies.mirror is not None:
        found[MIRROR], paths[MIRROR] = settings.copies.mirror.nodes, "copies.mirror"
    known = {feed.node or name for name, feed in settings.feeds.items() if config.role(feed) == "mmsc"}
    for tap, nodes in found.items():
        for node in nodes:
            if node not in known:
                raise ConfigError(
                    f"{paths[tap]}.nodes: no feed is of an MMSC called {node!r}; there are {', '.join(sorted(known)) or 'none'}"
                )
    return found


def dialect_of(settings: config.Settings, name: str, keys: Keys) -> Any:
    """What reads a feed's lines."""
    feed = settings.feeds[name]
    if feed.dialect == inspected.NAME:
        return inspected.Inspected(keys.hash_key, partial(keys.unseal, b"", COPY))
    zone = feed.zone or settings.zone.name
    return DIALECTS[feed.dialect].from_options(feed.options, zone=zone, key=keys.hash_key, path=f"feeds.{name}.options")


def with_journal(settings: config.Settings) -> config.Settings:
    """With the feed of what mmsd looked into itself, where taps are configured. ConfigError: another feed has its name."""
    if not settings.copies:
        return settings
    if COPIES in settings.feeds:
        raise ConfigError(f"feeds.{COPIES}: is the name of mmsd's own journal of copies; give the feed another one")
    feed = config.Feed(inspected.NAME, (settings.state.directory / COPIES / PATTERN,), role="copies")
    return msgspec.structs.replace(settings, feeds={**settings.feeds, COPIES: feed})


def imported(settings: config.Settings, store: SqliteStore, keys: Keys) -> ReferenceData:
    """What the operator imported, and what traffic has told of handsets since."""
    return ReferenceData(_here(settings, store), keys, store.handset_tail().rows)


def _here(settings: config.Settings, store: SqliteStore) -> config.Settings:
    """With reference data where the store is: a replay has its own numbers, sealed with keys of its own."""
    return msgspec.structs.replace(settings, state=msgspec.structs.replace(settings.state, directory=store.directory))


def _authority(name: str, key: tuple[int, int]) -> int:
    authority, _ = url_hashes(f"http://{name}/".encode(), key)
    return authority


def terms(settings: config.Settings) -> Terms:
    """By what figures are read."""
    book, causes = config.load_codes(settings.codes), config.load_causes(settings.causes)
    return Terms(settings.zone.name, final_after(settings.judgement), book, causes.rows)


def throwaway_keys() -> Keys:
    """Keys of a replay: hashes mean nothing outside it."""
    return Keys(secrets.token_bytes(32), secrets.token_bytes)


def load_keys(settings: config.Settings) -> Keys:
    """The keys of the state directory, made when it is new. ConfigError: not readable, or gone while the store they sealed is there."""
    path = settings.state.key_file or settings.state.directory / "state.key"
    database = settings.state.directory / DATABASE
    if database.exists() and not path.exists():
        raise ConfigError(f"state.key_file: {path} is gone, and {database} is sealed with it; restore it from the backup")
    try:
        settings.state.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"state.directory: {settings.state.directory}: {error.strerror}") from error
    return Keys.load(path, secrets.token_bytes)


def governor(settings: config.Settings, campaigns: Sequence[CampaignSettings]) -> Governor:
    """The hand on the brake, as configured."""
    return Governor(settings.governor, settings.zone.name, campaigns)


def routes(settings: config.Settings, world: World) -> list[Route]:
    """The links that messages leave by: those that name a class."""
    made = []
    for name, link in settings.links.items():
        if link.classes:
            way = Way(
                by_time=isinstance(link, cmpp.Settings), by_receiver=isinstance(link, mm7.Settings),
                marked=isinstance(link, smpp.Settings | cmpp.Settings) and link.mark,
            )  # fmt: skip
            made.append(Route(name, world.link(link), frozenset(link.classes), link.order, link.window, forms(link), way))
    return made


def forms(link: registry.Settings) -> frozenset[Form]:
    """What a link carries: binary SMS only those of which we know that they do, multimedia messages MM7 alone."""
    match link:
        case mm7.Settings():
            return frozenset({Form.MMS, Form.TEXT} if link.texts else {Form.MMS})
        case cmpp.Settings():
            return frozenset({Form.TEXT})
        case renotify.Settings():
            return frozenset({Form.NOTICE})
        case _:
            return frozenset({Form.TEXT, Form.OCTETS})


def taps(
    settings: config.Settings, store: SqliteStore, keys: Keys, world: World, holds: Callable[[int, int], Collection[str]],
    heard: Callable[[], Heard],
) -> Taps:  # fmt: skip
    """What looks into copies, to be run in a loop."""
    return Taps(
        settings.copies, settings.state.directory / COPIES, store, keys, feed=COPIES, holds=holds, heard=heard, zone=settings.zone.name,
        wall=world.wall, worker=settings.workers, fault_point=world.fault_point,
    )  # fmt: skip


def care_loop(
    settings: config.Settings, store: SqliteStore, keys: Keys, world: World, reference: ReferenceData, call: Call[Any] = asyncio.to_thread
) -> CareLoop:
    """Care, to be run in a loop, and to hear what subscribers write."""
    wording = Wording(settings.care.texts)
    registry = Registry(reference, settings.operator.plmns, Blame(store, world.monotonic))
    letters = Letters(settings.care, wording, registry.find, keys.row_key, world.random_below)
    care = Care(settings.care, keys.row_key, wording=wording.question_version)
    return CareLoop(store, care, letters, registry, wall=world.wall, call=call, fault_point=world.fault_point)


def shelf(settings: config.Settings, store: Store) -> Shelved:
    """Messages of the seeds in the store, under their campaign's name where they have no subject."""
    directory = settings.campaigns.directory
    campaigns = config.load_campaigns(directory) if directory is not None else ()
    subjects = {campaign.id: campaign.name for campaign in campaigns}

    def load(label: str) -> Composed | None:
        found = store.seed(label)
        if found is None or found[0].state != LIVE:
            return None
        entry, _ = found
        return composed(entry.subject or subjects.get(entry.campaign, ""), mm7_body(message_of(store.seed_parts(label))))

    def first(campaign: str) -> str:
        return next((entry.name for entry in store.seeds(campaign, LIVE)), "")

    return Shelved(load, first, store.seed_changes)


def known_campaigns(settings: config.Settings) -> dict[str, Known]:
    """The configured campaigns, as orders of their life have to know them."""
    directory = settings.campaigns.directory
    return {
        campaign.id: Known(campaign, dates(campaign, ZoneInfo(campaign.zone))[1], settings.governor.transactional.switch)
        for campaign in (config.load_campaigns(directory) if directory is not None else ())
    }


def requests(settings: config.Settings, keys: Keys, messages: Shelf, then: Listener) -> Requests:
    """What hears subscribers: who asks for a seed gets it, all else goes to `then`."""
    directory = settings.campaigns.directory
    campaigns = config.load_campaigns(directory) if directory is not None else ()
    return Requests(Words(campaigns, ZoneInfo), messages, keys.row_key, then)


def mailing_loop(
    settings: config.Settings, store: SqliteStore, keys: Keys, world: World, reference: ReferenceData, call: Call[Any] = asyncio.to_thread
) -> Mailer:
    """Group sendings, to be run in a loop; one whose campaign is configured no more keeps the house's hours."""
    directory = settings.campaigns.directory
    campaigns = config.load_campaigns(directory) if directory is not None else ()
    zones = {campaign.id: ZoneInfo(campaign.zone) for campaign in campaigns}
    registry = Registry(reference, settings.operator.plmns, Blame(store, world.monotonic))
    return Mailer(
        store, registry, lambda name: zones.get(name, settings.zone.name), keys.row_key, wall=world.wall, call=call,
        fault_point=world.fault_point,
    )  # fmt: skip


def dispatcher(
    settings: config.Settings, store: SqliteStore, world: World, committed: Callable[[Batch], None], listener: Listener | None = None,
    call: Call[Any] = asyncio.to_thread,
) -> Dispatcher:  # fmt: skip
    """The sending half, to be run in a loop."""
    directory = settings.campaigns.directory
    campaigns = config.load_campaigns(directory) if directory is not None else ()
    on = [kind for kind in CLASSES if getattr(settings.governor, kind).switch == "on"]
    return Dispatcher(
        store, routes(settings, world), governor(settings, campaigns), on, settings=settings.outbox, wall=world.wall,
        fault_point=world.fault_point, committed=committed, listener=listener, call=call,
    )  # fmt: skip


def sending(settings: config.Settings, leaving: Dispatcher) -> Sending:
    """The sending half as an operator sees it."""
    return Sending(
        {kind: getattr(settings.governor, kind).switch for kind in CLASSES},
        leaving.trouble,
        [LinkHealth(one.name, one.kinds, one.order, *one.health, one.under_way, one.window, one.counts) for one in leaving.health()],
        dict(leaving.receipts),
    )


# -------------------------------------------------------------------------------------------------------------------- daemon


class Daemon:
    """The running mmsd. `run` returns when asked to stop; it raises what ended it otherwise."""

    def __init__(self, settings: config.Settings, world: World | None = None) -> None:
        self._settings = settings = with_journal(settings)
        self._world = world or World()
        self._stop = threading.Event()
        self._started = self._world.wall()
        self._open = 0  # deliveries in memory, counted once a second
        self._address = settings.state.directory / ADDRESS
        self._base = ""  # of the live page, once it listens
        self._unsaid = False  # its address could not be written
        self._version = version("mmsd")  # looked for in files: once
        self.telemetry = Telemetry(version=self._version, twin=TWIN)
        self._keys = keys = load_keys(settings)
        self.store = SqliteStore.open(
            settings.state.directory, settings=settings.store, keys=keys, wall=self._world.wall, faults=Faults(self._world.fault_point)
        )
        try:
            self._reference = reference = imported(settings, self.store, keys)
            self.care = care_loop(settings, self.store, keys, self._world, reference)
            self.sequencer = intake(settings, self.store, keys, self._world, mending=lambda: self.care.mending, reference=reference)
            self.copies = (
                taps(settings, self.store, keys, self._world, self._holds, lambda: self.sequencer.heard) if settings.copies else None
            )
        except BaseException:
            self.store.close()
            raise
        self._feeds: tuple[FeedHealth, ...] = ()
        self._report, self._reported = self.sequencer.report(), self._world.monotonic()
        self._look()

    def stop(self) -> None:
        self._stop.set()

    def health(self) -> Health:
        """As the page shows it, from any thread: at worst a tick old."""
        trouble = self.sequencer.progress.trouble
        told = self._report
        return Health(
            self._version, TWIN, self._started, not trouble, (trouble,) if trouble else (), self._open, self._feeds, told.clocks,
            told.horizon, told.widened,
        )  # fmt: skip

    def _look(self) -> None:
        """What the feeds are like now. Their tables belong to the sequencer's thread; others get this picture of them."""
        sequencer = self.sequencer
        feeds = []
        if self._world.monotonic() - self._reported >= REPORT_SECONDS:
            self._reported, self._report = self._world.monotonic(), sequencer.report()
        conditions = {each.name: each for each in self._report.feeds}
        for feed in sequencer.feeds:
            health = feed.source.health()
            mark = sequencer.state.marks.get(feed.index, 0)
            settings = self._settings.feeds[feed.name]
            state, why = health.state, health.error
            if state == "ok" and not mark and not health.files and feed.source.idle:
                state, why = "degraded", f"no such file yet: {', '.join(map(str, settings.paths))}"
            if feed.name == COPIES and self.copies is not None and (trouble := dict(self.copies.inspector.trouble)):
                state, why = "degraded", "; ".join(f"copies{f' of {tap}' if tap else ''} wait: {reason}" for tap, reason in trouble.items())
            lines, behind = sequencer.progress.lines[feed.name], feed.source.behind()
            notes = {what: n for (name, what), n in sequencer.progress.notes.items() if name == feed.name}
            condition = conditions.get(feed.name)
            feeds.append(FeedHealth(feed.name, settings.dialect, feed.node, state, lines, behind, mark, why, notes, condition))
        self._feeds = tuple(feeds)

    def _read(self) -> None:
        """The sequencer's thread: tick until told to stop, sleep when there is nothing to read."""
        patterns = [str(path) for feed in self._settings.feeds.values() for path in feed.paths]
        sequencer = self.sequencer
        with Watch(patterns) as watch:
            while not self._stop.is_set():
                began = self._world.monotonic()
                reloads = sequencer.progress.reloads
                worked = sequencer.tick()
                self._look()
                if sequencer.progress.reloads > reloads:
                    _log.warning("State was loaded again: %s", sequencer.progress.trouble)
                    self.telemetry.recovered("store")
                if worked and sequencer.last is not None:
                    self.telemetry.observe(
                        sequencer.last, commit_seconds=sequencer.commit_seconds, tick_seconds=self._world.monotonic() - began,
                        open_deliveries=self._open,
                    )  # fmt: skip
                if not worked:
                    watch.wait(sequencer.pause(watch.sees_all))

    def _measure(self) -> None:
        now = self._world.wall()
        self._open = self.sequencer.state.open_count()
        for feed in self.health().feeds:
            lag = (now - feed.mark) / 1e6 if feed.mark else 0.0
            self.telemetry.feed(feed.name, behind=feed.behind, lag_seconds=lag, up=feed.state == "ok")
            if feed.condition is not None:
                self.telemetry.condition(feed.condition)
        self.telemetry.clocks(self._report.clocks)

    async def run(self, ready: Callable[[str, Site], None]) -> None:
        """Serves until `stop` or a signal. `ready` gets the address of the site once it listens."""
        loop = asyncio.get_running_loop()
        tokens_file = self._settings.state.directory / self._settings.web.token_file
        try:
            access.create(tokens_file, secrets.token_bytes)
        except OSError as error:
            raise ConfigError(f"web.token_file: {tokens_file}: {error.strerror}") from error
        directory = self._settings.campaigns.directory
        campaigns = {campaign.id: campaign for campaign in config.load_campaigns(directory)} if directory is not None else {}
        draws = draws_of(campaigns.values(), directory) if directory is not None else {}
        messages = shelf(self._settings, self.store)
        ears = requests(self._settings, self._keys, messages, self.care)
        mailer = mailing_loop(self._settings, self.store, self._keys, self._world, self._reference)
        leaving = dispatcher(self._settings, self.store, self._world, self._dispatched, ears)
        mark_key = self._keys.mark_key
        drafts = Drafts(Workers(self._settings.workers, mark_key, list), mark_key)

        def served(base: str) -> None:
            self._base = base
            self._leave_address()
            ready(base, site)

        with ThreadPoolExecutor(4, "web") as executor:
            site = Site(
                self.store, self.health, access.Tokens(tokens_file, self._world.wall), self.telemetry, self._settings.web,
                wall=self._world.wall, monotonic=self._world.monotonic, random=secrets.token_bytes, executor=executor,
                campaigns=tuple(campaigns.values()),
                terms=terms(self._settings), outbox=Outbox(self.store, lambda: sending(self._settings, leaving)),
                desk=Desk(self.store, self.care.next_steps, draws), reviewing=Reviewing(self.store, campaigns, self._world.random_bits),
                mailings=Mailings(self.store, campaigns, messages.find, self._keys.row_key, self._settings.governor.marketing),
                seeds=Seeds(self.store, known_campaigns(self._settings), drafts, mark_key),
            )  # fmt: skip
            self.store.watch_outbox(lambda: _in_loop(loop, leaving.look))
            async with asyncio.TaskGroup() as group:
                group.create_task(leaving.run())
                reading = loop.run_in_executor(None, self._read)
                tasks = [group.create_task(site.serve(served)), group.create_task(self._watch_figures(leaving))]
                tasks.append(group.create_task(self.care.run()))
                tasks.append(group.create_task(mailer.run()))
                tasks.append(group.create_task(drafts.run()))
                tasks.append(group.create_task(Erasing(self.store).run()))
                tasks.append(group.create_task(Drawing(self.store, draws, wall=self._world.wall).run()))
                tasks.append(group.create_task(Resolving(self.store, self._held, self._seed_number, wall=self._world.wall).run()))
                if self.copies is not None:
                    tasks.append(group.create_task(self.copies.run()))
                if self._settings.handover is not None:
                    tasks.append(group.create_task(self._hand_over(self._settings.handover)))
                if self._settings.mqtt is not None:
                    tasks.append(group.create_task(self._announce(self._settings.mqtt)))
                try:
                    await reading
                finally:
                    self._stop.set()
                    leaving.stop()
                    for task in tasks:
                        task.cancel()

    def _held(self, number: int, at: int) -> list[Holding]:
        """From another thread than State's, as below."""
        return self.sequencer.state.held(number, at)

    def _seed_number(self, label: str) -> int:
        return self.sequencer.state.seed_number(label)

    def _holds(self, number: int, at: int) -> list[str]:
        """From another thread than State's: its parts are replaced, never changed."""
        return self.sequencer.state.seeds_held(number, at)

    def _dispatched(self, batch: Batch) -> None:
        self.telemetry.dispatched(batch)
        self.care.noted(batch)

    async def _hand_over(self, settings: webhook.Settings) -> None:
        async with webhook.Webhook(settings, wall=self._world.wall) as receiver:
            handing = Handing(
                self.store, receiver, handover_line, kinds=settings.kinds, retry=settings.retry, retry_limit=settings.retry_limit,
                wall=self._world.wall, fault_point=self._world.fault_point,
            )  # fmt: skip
            await handing.run()

    def _leave_address(self) -> None:
        """For commands that speak to the daemon. On a disk that is full it serves without, and leaves it once there is room."""
        try:
            temporary = self._address.with_name(f"{ADDRESS}.new")
            temporary.write_text(f"{self._base}\n", encoding="ascii")
            temporary.replace(self._address)
        except OSError as error:
            if not self._unsaid:
                _log.warning("%s: %s; commands do not find this daemon until it can be written", self._address, error.strerror)
            self._unsaid = True
        else:
            self._unsaid = False

    async def _announce(self, settings: mqtt.Settings) -> None:
        async with mqtt.Publisher(settings, random=secrets.SystemRandom().random) as publisher:
            await Announcer(self.store, publisher, self._settings.announce).run()

    async def _watch_figures(self, leaving: Dispatcher) -> None:
        """Gauges once a second; now and then what has been kept long enough goes."""
        swept = self._world.monotonic()
        while True:
            self._measure()
            if self._unsaid:
                self._leave_address()
            for link in leaving.health():
                self.telemetry.link(link.name, up=link.health.state == "up", under_way=link.under_way, counts=link.counts)
            self.telemetry.receipts(leaving.receipts)
            if self.copies is not None:
                mirrored = self.copies.mirror.counts if self.copies.mirror is not None else {}
                self.telemetry.copies(waiting=self.copies.inspector.waiting, mirrored=mirrored)
            await asyncio.sleep(1.0)
            if self._world.monotonic() - swept > SWEEP_SECONDS and self.sequencer.progress.horizon:
                swept = self._world.monotonic()
                try:
                    if self._settings.mqtt is None:  # or events would wait for a broker that is configured no more
                        await asyncio.to_thread(self.store.drop_cursor, CURSOR)
                    await asyncio.to_thread(self.store.purge, min(self.sequencer.progress.horizon, self._world.wall()) - KEPT)
                except (StoreBusy, StoreFull) as error:
                    _log.warning("old rows stay for now: %s", error)

    def close(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):  # a disk that became read-only does not keep the rest from being closed
            self._address.unlink()
        self.sequencer.close()
        self.store.close()


def _in_loop(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    """From another thread; of no effect once the loop is closed."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(act)


def _each(group: BaseExceptionGroup[MmsdError]) -> Iterator[MmsdError]:
    """What ended it, however deep it stands: a loop may have tasks of its own."""
    for one in group.exceptions:
        if isinstance(one, BaseExceptionGroup):
            yield from _each(one)
        else:
            yield one


def serve(settings: config.Settings, ready_file: Path | None, world: World | None = None) -> int:
    """The daemon as a process. A second signal ends it at once; state is then as after a crash, which is safe. MmsdError: what ended it."""
    os.umask(0o077)  # State and the page's first address are nobody else's
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    daemon = Daemon(settings, world)

    def asked(number: int, frame: object) -> None:
        if daemon._stop.is_set():
            os._exit(130)
        daemon.stop()
        _log.info("asked to end: what is under way is settled first; a second signal ends it at once")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked)

    def ready(base: str, site: Site) -> None:
        link = site.login_link(base)
        print(f"mmsd: live page {link}", flush=True)
        if ready_file is not None:
            try:
                temporary = ready_file.with_name(ready_file.name + ".new")
                temporary.write_text(f"{base}\n{link}\n", encoding="utf-8")
                temporary.replace(ready_file)
            except OSError as error:
                raise ConfigError(f"--ready-file: {ready_file}: {error.strerror}") from error

    ended: list[Exception] = []
    try:
        asyncio.run(daemon.run(ready))
    except* MmsdError as group:
        ended.extend(_each(group))
    finally:
        daemon.close()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # all is done: another one must not make the interpreter's last moments look like a crash
    if ended:
        raise ended[0]  # the task that failed ended the others: there is one cause
    return 0
