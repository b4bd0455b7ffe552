"""Taps, worker processes and the journal put together: what looks into copies for as long as the daemon runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Final

from mmsd.errors import LinkDown, StoreBusy, StoreDamaged, StoreFull
from mmsd.fast.values_py import address
from mmsd.flow.inspect import ALL, Inspector, Settings
from mmsd.flow.sequencer import Heard
from mmsd.link import workers
from mmsd.link.copies import Copies, Mm4, Pdus, Spool
from mmsd.link.journal import Journal
from mmsd.link.mirror import Mirror
from mmsd.logs.plan import CHINA
from mmsd.model import Batch, LearnedOctets
from mmsd.rules.life import CLOSED, state_of
from mmsd.seeds.contents import Content
from mmsd.seeds.verdict import Learned, Verdict
from mmsd.store import Needs
from mmsd.store.keys import Keys
from mmsd.store.sqlite import SqliteStore

MIRROR: Final = "mirror"
"""The tap of what comes by HTTP."""
COPY: Final = b"copy"
"""Label of what is sealed of a copy."""
REST: Final = 30.0
"""Seconds before workers that could not be started are tried again."""
_NEVER: Final = 1 << 62
LEARNED: Final = 50_000
"""Altered octets that workers are told when they start."""


class Taps:
    """`holds`: campaign/seed of what log lines show that whoever had a number then held, as far as was `heard`, what came last first
    (`State.seeds_held`); `feed`: the journal's name among feeds."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        store: SqliteStore,
        keys: Keys,
        *,
        feed: str,
        holds: Callable[[int, int], Collection[str]],
        heard: Callable[[], Heard],
        zone: tzinfo,
        wall: Callable[[], int],
        worker: workers.Settings = workers.Settings(),  # noqa: B008 frozen
        fault_point: Callable[[str], None] = lambda name: None,
    ) -> None:
        seal, unseal = partial(keys.seal, b"", COPY), partial(keys.unseal, b"", COPY)
        self._store, self._keys, self._feed, self._holds, self._wall, self._worker = store, keys, feed, holds, wall, worker
        self._live: frozenset[str] = frozenset()  # labels of live seeds
        self._until: dict[str, int] = {}  # their campaigns, and when each was closed
        self._changes = -1
        self._numbering = CHINA.packed().tolist()
        folders: dict[str, Copies] = {
            name: Pdus(name, each.path, self._number, patience=each.patience) if each.form == "pdus" else Mm4(name, each.path, self._number)
            for name, each in settings.folders.items()
        }
        self.mirror: Mirror | None = None
        if settings.mirror is not None:
            spool = Spool(
                MIRROR, folder / MIRROR, self._number, seal=seal, unseal=partial(_opened, unseal), most=settings.mirror.spooled
            )  # fmt: skip
            folders[MIRROR] = spool
            self.mirror = Mirror(settings.mirror, spool.put, wall=wall)
        self._workers: workers.Workers | None = None
        self._journal = Journal(folder, seal, unseal, wall=wall, fault_point=fault_point)
        self.inspector = Inspector(
            settings, folders, self, self._journal, holds=self._holder, heard=heard, learn=self._learn, read_up_to=self._read_up_to,
            zone=zone, wall=wall, at_once=worker.processes, fault_point=fault_point,
        )  # fmt: skip

    async def run(self) -> None:
        """Until it is cancelled. Where no worker can be started copies wait, and it is tried again."""
        async with self.mirror or contextlib.nullcontext():
            while True:
                try:
                    async with self.working():
                        await self.inspector.run()
                except (LinkDown, OSError, StoreBusy, StoreFull) as error:
                    self.inspector.cannot(ALL, error)
                await asyncio.sleep(REST)

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Worker processes and journal while it is open. LinkDown: none can be started."""
        async with workers.Workers(self._worker, self._keys.mark_key, self._store.live_seeds) as self._workers:
            for each in self._store.learned_octets(LEARNED):
                self._workers.learn(Learned(*each))
            try:
                yield
            finally:
                self._journal.close()

    async def judge(self, contents: Sequence[Content], sender: int, at: int) -> Verdict:
        """Seeds that whoever had the number then was sent, by others or by us, are tried whatever his pictures look like."""
        assert self._workers is not None, "nothing is looked into without workers"
        return await self._workers.judge(contents, await asyncio.to_thread(self._first, sender, at))

    def _first(self, sender: int, at: int) -> list[str]:
        """Live seeds that are tried first: what came to him last, then what we sent him."""
        self._renew()
        received = [label for label in self._holds(sender, at) if label in self._live] if sender else []
        return list(dict.fromkeys([*received, *self._sent(sender)]))

    def _holder(self, number: int, at: int) -> bool:
        """Whether he held a live seed, by what log lines show, or since we sent it; of campaigns that were not closed then."""
        self._renew()
        return any(self._counts(label, at) for label in self._holds(number, at)) or any(
            self._counts(label, at) for label in self._sent(number)
        )

    def _counts(self, label: str, at: int) -> bool:
        """Whether a seed is live, and its campaign was not closed then. Where nobody wrote down which seed, any live one will do."""
        campaign, _, seed = label.partition("/")
        return at < self._until.get(campaign, 0) and (label in self._live or not seed)

    def _sent(self, number: int) -> list[str]:
        """Live seeds that we sent a number, or that it asked for."""
        return sorted(self._live & self._store.holds(str(number))) if number else []

    def _renew(self) -> None:
        """Other seeds may be live by now, in the middle of all."""
        if self._store.seed_changes() != self._changes:
            self._changes = self._store.seed_changes()
            live = self._store.seeds(state="live")
            self._live = frozenset(f"{seed.campaign}/{seed.name}" for seed in live)
            closed = {name: steps[-1].at for name, steps in self._store.lives().items() if state_of(steps) == CLOSED}
            self._until = {seed.campaign: closed.get(seed.campaign, _NEVER) for seed in live}
            if self._workers is not None:
                self._workers.renew()

    def _learn(self, learned: Sequence[Learned]) -> None:
        octets = [LearnedOctets(*each) for each in learned]
        self._store.transact(Needs(), lambda rows: Batch(self._wall(), learned=octets))

    def _read_up_to(self) -> dict[str, int]:
        return {mark.path: mark.offset for mark in self._store.load().marks.get(self._feed, ())}

    def _number(self, text: bytes) -> int:
        return address(text, self._numbering, self._keys.hash_key)


def _opened(unseal: Callable[[bytes], bytes], sealed: bytes) -> bytes:
    try:
        return unseal(sealed)
    except StoreDamaged as error:
        raise ValueError("sealed with another key") from error
