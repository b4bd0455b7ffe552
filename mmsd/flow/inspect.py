"""Looks into copies of messages: whose sender holds a live seed, in worker processes, one sealed line of the journal each.

    folder → whose? → worker → journal, on disk → dropped

Only what somebody sent who is known to hold a seed is opened. A copy whose sender is not known to hold one waits, for he may have got it
just now; then it is deleted, and counted with others like it. A copy is dropped once its line is on disk; killed in between, it is found in
the journal at the next start and only dropped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from mmsd.codec import mime, mms
from mmsd.errors import ConfigError, DecodeError, StoreBusy, StoreFull
from mmsd.link import mirror
from mmsd.link.copies import Copies, Found
from mmsd.link.journal import Journal
from mmsd.logs.inspected import Look
from mmsd.model import DAY, SECOND, Copy, Sighted
from mmsd.seeds import verdict
from mmsd.seeds.contents import Content, contents, unlocked
from mmsd.seeds.verdict import Learned, Verdict

_log: Final = logging.getLogger(__name__)

METHODS: Final[Mapping[str, Sighted]] = {
    verdict.EXACT: Sighted.EXACT, verdict.MARK: Sighted.MARK, verdict.REGISTERED: Sighted.REGISTERED,
}  # fmt: skip
RETIRING: Final = 600 * SECOND
"""Between two looks for files of the journal that may go."""
ALIVE: Final = 60 * SECOND
"""So often at least the journal says up to when all was looked into."""


class Folder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[copies.folders.NAME]`."""

    path: Path
    form: Literal["pdus", "mm4"] = "pdus"
    patience: float = 600.0  # a PDU of which nothing is known waits for its sidecar


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[copies]`."""

    folders: dict[str, Folder] = {}
    mirror: mirror.Settings | None = None
    inspect: Literal["holders", "all"] = "holders"  # whose copies are opened
    by: str = ""  # who answers for "all"
    until: str = ""  # the day from which on it is "holders" again
    wait: float = 900.0  # a copy whose sender is not known to hold a seed is deleted after so long
    keep_unreadable: bool = False  # in the folder `rejected` beside them, for people; else they are deleted
    poll: float = 1.0

    def __post_init__(self) -> None:
        if self.inspect == "all":
            if not self.by.strip():
                raise ConfigError('by: name who answers for opening the messages of everybody (inspect = "all")')
            try:
                date.fromisoformat(self.until)
            except ValueError:
                raise ConfigError('until: inspect = "all" needs the day from which on it is "holders" again, such as 2027-05-01') from None

    def __bool__(self) -> bool:
        return bool(self.folders) or self.mirror is not None


class Judge(Protocol):
    """What is asked of `link.workers`."""

    async def judge(self, contents: Sequence[Content]) -> Verdict: ...


class Inspector:
    """The loop. `holds`: whether a number holds a live seed; `learn`: keeps altered octets that were recognised;
    `read_up_to`: octets of the journal's files that took effect, by path."""

    def __init__(
        self,
        settings: Settings,
        taps: Mapping[str, Copies],
        judge: Judge,
        journal: Journal,
        *,
        holds: Callable[[int], bool],
        learn: Callable[[Sequence[Learned]], None],
        read_up_to: Callable[[], Mapping[str, int]],
        zone: tzinfo,
        wall: Callable[[], int],
        at_once: int = 1,
        fault_point: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._settings = settings
        self._taps = taps
        self._judge = judge
        self._journal = journal
        self._holds = holds
        self._learn = learn
        self._read_up_to = read_up_to
        self._zone = zone
        self._wall = wall
        self._at_once = at_once
        self._fault_point = fault_point
        self._senders: dict[str, dict[Path, tuple[int, int]]] = {}  # by tap, of copies that wait: (sender, when it was submitted)
        self._said = self._retired = 0
        self.waiting = 0
        self.trouble: dict[str, str] = {}  # tap → why it cannot be read
        self.halted = ""  # why nothing is looked into at all, "" when it is
        self._stuck: set[Path] = set()  # done with, and may not be removed

    async def run(self) -> None:
        clock = asyncio.get_running_loop()
        while True:
            began = clock.time()
            try:
                worked = await self.round()
            except (OSError, StoreBusy, StoreFull) as error:  # copies stay where they are
                if not self.halted:
                    _log.warning("copies are not looked into: %s", error)
                self.halted, worked = str(error), False
            else:
                self.halted = ""
            if not worked:  # folders with many that wait are looked through less often
                await asyncio.sleep(max(self._settings.poll, 10 * (clock.time() - began)))

    async def round(self) -> bool:
        """Takes what lies in the folders once; whether anything was done."""
        now = self._wall()
        worked = False
        for name, tap in self._taps.items():
            try:
                found = await asyncio.to_thread(tap.look, 1 << 20, now)
                self.trouble.pop(name, None)
            except OSError as error:
                if name not in self.trouble:
                    _log.warning("copies.folders.%s cannot be read: %s", name, error.strerror)
                self.trouble[name] = error.strerror or str(error)
                continue
            worked |= await self._take(name, tap, found, now)
        waiting = [at for mine in self._senders.values() for _, at in mine.values()]
        self.waiting, oldest = len(waiting), min([now, *waiting])
        if oldest - self._said >= ALIVE:
            await asyncio.to_thread(self._journal.append, [Look(b"", oldest)])
            self._said = oldest
        if now - self._retired >= RETIRING:
            self._retired = now
            await asyncio.to_thread(lambda: self._journal.retire(self._read_up_to()))
        return worked

    def opens_all(self) -> bool:
        """Whether everybody's copies are opened, as the configuration says, by name and until a day."""
        if self._settings.inspect != "all":
            return False
        return datetime.fromtimestamp(self._wall() / SECOND, UTC).astimezone(self._zone).date() < date.fromisoformat(self._settings.until)

    async def _take(self, name: str, tap: Copies, found: Sequence[Found], now: int) -> bool:
        """What lies there is opened, told apart, or left to wait."""
        before = self._senders.get(name, {})
        mine = self._senders[name] = {each.path: before[each.path] for each in found if each.path in before}
        unopened, unreadable = [], []
        due: list[tuple[Found, Copy]] = []
        done = False
        for each in found:
            if each.path in self._stuck:
                await self._remove(name, each, tap.drop)
                continue
            waits = mine.get(each.path)
            if waits is not None and not self._opens(waits[0]):
                if now - each.at > self._settings.wait * SECOND:
                    unopened.append(each)
                continue
            try:
                copy = await asyncio.to_thread(tap.load, each)
            except DecodeError as error:
                _log.info("a copy of %s is no message: %s", name, error.reason)
                unreadable.append(each)
                continue
            except OSError:
                continue
            if copy.id in self._journal:
                await self._remove(name, each, tap.drop)
            elif copy.forwarded:  # an M-Forward carries no message that could be looked into
                unopened.append(each)
            elif copy.at > now + DAY:
                _log.info("a copy of %s says that it is of a day to come", name)
                unreadable.append(each)
            elif self._opens(copy.sender):
                due.append((each, copy))
                if len(due) >= 4 * self._at_once:
                    await self._look_into(name, tap, due)
                    due.clear()
                    done = True
            else:
                mine[each.path] = copy.sender, copy.at
        await self._look_into(name, tap, due)
        await self._close(name, tap, unopened, Sighted.UNOPENED, now)
        await self._close(name, tap, unreadable, Sighted.UNREADABLE, now)
        return done or bool(due)

    def _opens(self, sender: int) -> bool:
        return (bool(sender) and self._holds(sender)) or self.opens_all()

    async def _look_into(self, name: str, tap: Copies, due: Sequence[tuple[Found, Copy]]) -> None:
        if not due:
            return
        verdicts = await asyncio.gather(*(self._judged(copy) for _, copy in due))
        learned = [each for said in verdicts for each in said.learned]
        if learned:
            await asyncio.to_thread(self._learn, learned)
        await asyncio.to_thread(self._journal.append, [look_of(name, copy, said) for (_, copy), said in zip(due, verdicts, strict=True)])
        for each, _ in due:
            self._senders[name].pop(each.path, None)
            await self._remove(name, each, tap.drop)
        self._fault_point("dropped")

    async def _remove(self, name: str, each: Found, how: Callable[[Found], None]) -> None:
        """A file that we may not remove is tried again each round, and never looked into twice."""
        try:
            await asyncio.to_thread(how, each)
        except OSError as error:
            if each.path not in self._stuck:
                _log.warning("copies.folders.%s: a copy that is done with cannot be removed: %s", name, error.strerror)
            self._stuck.add(each.path)
        else:
            self._stuck.discard(each.path)

    async def _judged(self, copy: Copy) -> Verdict:
        try:
            return await self._judge.judge(contents_of(copy))
        except DecodeError as error:
            return Verdict(faults=(error.reason,))

    async def _close(self, name: str, tap: Copies, found: Sequence[Found], what: Sighted, now: int) -> None:
        """Those of which nothing is kept but their number."""
        if not found:
            return
        await asyncio.to_thread(self._journal.append, [Look(b"", now, name, seen=(("", what, 0),), n=len(found))])
        keep = what is Sighted.UNREADABLE and self._settings.keep_unreadable
        for each in found:
            self._senders[name].pop(each.path, None)
            await self._remove(name, each, tap.reject if keep else tap.drop)


def contents_of(copy: Copy) -> list[Content]:
    """What a message consists of. DecodeError when it has no parts that could be told."""
    if not copy.mm4:
        return contents(mms.parts(copy.body, mms.decode(copy.body)).parts)
    headers, at = mime.decode_headers(copy.body)
    return list(_flat(mime.decode_content_type(mime.get(headers, "Content-Type")), copy.body[at:]))


def _flat(kind: mime.ContentType, body: bytes) -> Iterator[Content]:
    for part in mime.decode_multipart(body, kind.parameters.get("boundary", "")):
        if part.content_type.media.startswith("multipart/"):
            yield from _flat(part.content_type, bytes(part.raw))
        else:
            yield unlocked(Content(part.content_type.media, bytes(part.content())))


def look_of(tap: str, copy: Copy, said: Verdict) -> Look:
    """The line of a copy: of each campaign the surest seed; else what it may hold; else that it holds nothing, or could not be judged."""
    seen = tuple((f"{each.campaign}/{each.seed}", int(METHODS[each.method]), round(1000 * each.score)) for each in said.counted)
    if not seen:
        seen = tuple((f"{each.campaign}/{each.seed}", int(Sighted.PROBABLE), 0) for each in said.probable[:1])
    if not seen:
        seen = (("", int(Sighted.FAILED if said.faults else Sighted.NOTHING), 0),)
    told = any(method in METHODS.values() for _, method, _ in seen)
    if not told:  # of whom it was is kept only where it counts
        return Look(copy.id, copy.at, tap, seen=seen)
    return Look(
        copy.id, copy.at, tap, copy.sender, copy.receivers, copy.octets, copy.message, copy.transaction, seen,
    )  # fmt: skip
