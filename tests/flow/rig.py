"""A whole intake over real files and a real store, whose clocks, chunks and misfortunes the test decides.

`House` is what survives a kill: the logs, the state directory, the settings. `House.life` is one process: it opens the store, loads, ticks
until it dies or is done. Harm comes at named places (`HARMS`); whatever happens, everything the process held is thrown away.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from mmsd import app, config
from mmsd.errors import StoreBusy, StoreDoubt, StoreFull
from mmsd.flow.sequencer import END, Sequencer, Source
from mmsd.flow.sequencer import Settings as Pace
from mmsd.link.tail import TailSettings
from mmsd.model import HOUR, SECOND, Chunk
from mmsd.rules.settings import CampaignSettings, Judgement, Operator, Own, SeedSettings
from mmsd.store.keys import Keys
from mmsd.store.sqlite import Faults, Settings, SqliteStore, commit

KEYS: Final = Keys(bytes(range(32)), os.urandom)

PACE: Final = Pace(tick_seconds=0.0)
"""One chunk of each feed a tick: the clock of these tests does not move by itself."""

JUDGEMENT: Final = Judgement(
    window=20.0, grace=2.0, session=10.0, reaction=10.0, late=6.0, confirm=10.0, repeat=1.0, skew=1.0, quiet=8.0, idle=2.0
)
"""The simulator's windows (config/demo.toml), and dossiers that leave memory after eight seconds."""

OPERATOR: Final = Operator(mmsc=("mms.suyun.example",))

DIALECTS: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "mmsc1": ("mbuni", "mmsc1/mmsc-access.log*", {}),
    "mmsc2": ("mbuni", "mmsc2/mmsc-access.log*", {}),
    "mmsc3": ("mbuni", "mmsc3/mmsc-access.log*", {}),
    "sms": ("kannel-sms", "kannel/bearerbox-access.log*", {}),
    "wapbox": ("kannel-wap", "kannel/wapbox-access.log*", {}),
    "squid": ("http", "squid/access-mms.log*", {"format": "mms"}),
    "radius1": ("radius", "radius/10.36.255.1/detail-*", {}),
    "radius2": ("radius", "radius/10.36.255.2/detail-*", {}),
}

CAMPAIGN: Final = CampaignSettings(
    id="torch", name="Torch relay", starts="2026-01-01", ends="2036-12-31", senders=("10658366",), hold=2.0, resend=5.5,
    seeds=(SeedSettings("torch-1", subjects=("#HJ01",), size_min=28975, size_max=32085),),
)  # fmt: skip

AFTERWARDS: Final = 1_795_312_800_000_000
"""An hour after the province's first line (small.toml)."""

HARMS: Final = ("read", "relate", "committed", "full", "busy", "doubt", "durable doubt", "snapshot", "before_commit", "after_commit")
"""Where a tick comes to harm: at a point of the sequencer's, in COMMIT, at a point of the store's."""


class Killed(BaseException):
    """The process is no more. Not an Exception: nothing may survive it."""


@dataclass
class Clock:
    """Wall time in µs, and a monotonic clock beside it; both move when told to."""

    now: int

    def wall(self) -> int:
        return self.now

    def monotonic(self) -> float:
        return self.now / SECOND


class Restless:
    """A tailer that has news at its own pace: some reads find nothing, others a part. `withheld`: no news at all."""

    def __init__(self, tail: Source, draw: random.Random, largest: int, sloth: float) -> None:
        self._tail = tail
        self._draw = draw
        self._largest = largest
        self._sloth = sloth

    def read(self, limit: int) -> Chunk | None:
        if self._draw.random() < self._sloth:
            return None
        return self._tail.read(min(limit, self._draw.randrange(self._largest // 8, self._largest)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tail, name)

    @property
    def idle(self) -> bool:
        return self._tail.idle


@dataclass
class Misfortune:
    """One harm that strikes the n-th time its place is come to; then none."""

    harm: str = ""
    left: int = 0
    struck: bool = False

    def strikes(self, place: str) -> bool:
        if self.struck or place != self.harm:
            return False
        self.left -= 1
        self.struck = self.left < 0
        return self.struck

    def point(self, name: str) -> None:
        if self.strikes(name):
            raise Killed(name)

    def commit(self, connection: sqlite3.Connection) -> None:
        for harm, code, durable in (
            ("full", sqlite3.SQLITE_FULL, False),
            ("busy", sqlite3.SQLITE_BUSY, False),
            ("doubt", sqlite3.SQLITE_IOERR_FSYNC, False),
            ("durable doubt", sqlite3.SQLITE_IOERR_FSYNC, True),
        ):
            if self.strikes(harm):
                if durable:
                    commit(connection)
                error = sqlite3.OperationalError(harm)
                error.sqlite_errorcode = code
                raise error
        commit(connection)


@dataclass
class House:
    """Logs below `logs`, state below `state`; `follow`: live, by `clock`. Feeds are named as in DIALECTS."""

    logs: Path
    state: Path
    clock: Clock
    follow: bool = True
    keep_all: bool = True
    express: bool = True
    feeds: Sequence[str] = tuple(DIALECTS)
    judgement: Judgement = JUDGEMENT
    operator: Operator = OPERATOR
    campaigns: Sequence[CampaignSettings] = (CAMPAIGN,)
    given: config.Settings | None = None  # other logs than the province's
    pace: Pace = PACE
    mending: Callable[[], Collection[int]] | None = None
    draw: random.Random = field(default_factory=lambda: random.Random(0))
    reloads: int = 0

    @property
    def settings(self) -> config.Settings:
        if self.given is not None:
            return msgspec.structs.replace(self.given, judgement=self.judgement, tail=TailSettings(grace_seconds=2.0), sequencer=self.pace)
        return config.Settings(
            feeds={
                name: config.Feed(dialect, (self.logs / glob,), options=options, covers=config.Covers(all=True))
                for name, (dialect, glob, options) in DIALECTS.items()
                if name in self.feeds
            },
            judgement=self.judgement,
            operator=self.operator,
            own=Own(senders=("106587999", "10658366")),
            tail=TailSettings(grace_seconds=2.0),
            sequencer=self.pace,
            cities=config.settings.Cities(self.logs / "cities.csv"),
        )

    @contextmanager
    def process(self, misfortune: Misfortune | None = None, *, durable: bool = False) -> Iterator[Sequencer]:
        """A store and a sequencer that has loaded; both are gone afterwards."""
        harm = misfortune or Misfortune()
        world = app.World(wall=self.clock.wall, monotonic=self.clock.monotonic, random_bits=self.draw.getrandbits, fault_point=harm.point)
        faults = Faults(harm.point, harm.commit)
        store = SqliteStore.open(self.state, settings=Settings(durable=durable), keys=KEYS, wall=self.clock.wall, faults=faults)
        try:
            sequencer = app.intake(
                self.settings, store, KEYS, world, follow=self.follow, keep_all=self.keep_all, express=self.express,
                campaigns=self.campaigns, mending=self.mending,
            )  # fmt: skip
            with sequencer:
                sequencer.until = END
                yield sequencer
                self.reloads += sequencer.progress.reloads
        except (Killed, StoreDoubt):
            self._bury(store)
            raise
        finally:
            store.close()

    def _bury(self, store: SqliteStore) -> None:
        """The state directory as the disk has it now, for the next life: closing the store would finish what a dead process cannot."""
        left = self.state.with_name(f"{self.state.name}.left")
        self.state.rename(left)
        shutil.copytree(left, self.state, ignore=shutil.ignore_patterns("*-shm", "*.lock"))
        store.close()
        shutil.rmtree(left)

    def life(
        self,
        misfortune: Misfortune,
        until: Callable[[Sequencer], bool],
        *,
        largest: int = 1 << 20,
        sloth: float = 0.0,
        between: Callable[[Sequencer], None] = lambda sequencer: None,
    ) -> bool:
        """One process, until `until` says so (True) or it is killed or in doubt (False). `between` runs before each tick."""
        try:
            with self.process(misfortune) as sequencer:
                for feed in sequencer.feeds:
                    feed.source = Restless(feed.source, self.draw, largest, sloth)
                while not until(sequencer):
                    between(sequencer)
                    sequencer.tick()
        except (Killed, StoreDoubt):
            return False
        except (StoreFull, StoreBusy):  # a replay does not wait for room
            assert not self.follow
            return False
        return True

    def read_all(self) -> None:
        """The plain run: one process reads everything there is, nothing happens to it."""
        assert self.life(Misfortune(), self.done)
        self.end()

    def end(self) -> None:
        """Live: the clock passes every deadline with nothing more to read."""
        if self.follow:
            self.clock.now += HOUR
            with self.process() as sequencer:
                while sequencer.tick():
                    pass

    def history(self, bites: Sequence[int] = (8_000, 40_000, 200_000)) -> str:
        """Reads everything through up to ten lives that end in all sorts of harm, and passes every deadline; what happened, in words.

        A replay has one life: it begins anew when it fails.
        """
        told: list[str] = []
        while True:
            last = not self.follow or len(told) >= 9
            misfortune = Misfortune() if last else Misfortune(self.draw.choice(HARMS), self.draw.randrange(12))
            ticks = self.draw.randrange(2, 30)
            largest, sloth = self.draw.choice(bites), self.draw.choice((0.0, 0.3, 0.7))

            def until(sequencer: Sequencer, *, last: bool = last) -> bool:
                nonlocal ticks
                ticks -= 1
                return self.done(sequencer) or (ticks < 0 and not last)

            whole = self.life(misfortune, until, largest=largest, sloth=sloth)
            told.append(f"{misfortune.harm if misfortune.struck else 'killed' if ticks < 0 else 'ended'} ({largest}, {sloth})")
            if whole and (ticks >= 0 or last):
                self.end()
                return ", ".join(told)

    def done(self, sequencer: Sequencer) -> bool:
        return all(feed.source.idle for feed in sequencer.feeds) if self.follow else all(feed.over for feed in sequencer.feeds)


def replaced(judgement: Judgement = JUDGEMENT, **changes: float) -> Judgement:
    return msgspec.structs.replace(judgement, **changes)
