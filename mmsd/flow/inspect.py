"""Looks into copies of messages: whose sender holds a live seed, in worker processes, one sealed line of the journal each.

    folder → whose? → worker → journal, on disk → dropped

Only what somebody sent who is known to hold a seed is opened. A copy whose sender is not known to hold one waits, for he may have got it
just now and the log that tells it is not read yet; once logs are read to so long after the copy, it is deleted, and counted with others
like it. A copy is dropped once its line is on disk; killed in between, it is found in the journal at the next start and only dropped. A
full disk or a busy store is waited for.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from mmsd.codec import mime, mms
from mmsd.errors import ConfigError, DecodeError, StoreBusy, StoreFull
from mmsd.flow.sequencer import Heard
from mmsd.link import mirror
from mmsd.link.copies import Copies, Found
from mmsd.link.journal import Journal
from mmsd.logs.inspected import Look
from mmsd.model import DAY, HOUR, SECOND, Copy, Sighted
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
AHEAD: Final = DAY
"""A copy that is dated further ahead of the clock has no time: it would wait until then."""
ALL: Final = ""
"""In `trouble`: what keeps all taps waiting."""
_DEPTH: Final = 10  # multiparts within multiparts
_AGAIN: Final = 1.0  # seconds


class Folder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[copies.folders.NAME]`."""

    path: Path
    form: Literal["pdus", "mm4"] = "pdus"
    patience: float = 600.0  # a PDU of which nothing is known waits for its sidecar
    nodes: tuple[str, ...] = ()  # MMSCs of which it copies every submit: those without a copy are told


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[copies]`."""

    folders: dict[str, Folder] = {}
    mirror: mirror.Settings | None = None
    inspect: Literal["holders", "all"] = "holders"  # whose copies are opened
    by: str = ""  # who answers for "all"
    until: str = ""  # the day from which on it is "holders" again
    wait: float = 900.0  # a copy whose sender is not known to hold a seed is deleted once logs are read to so long after it
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

    async def judge(self, contents: Sequence[Content], sender: int, at: int) -> Verdict: ...


class Inspector:
    """The loop. `holds`: whether whoever had a number then held a live seed; `heard`: how far logs, and what is in the journal, have told
    that; `learn`: keeps altered octets that were recognised; `read_up_to`: octets of the journal's files that took effect, by path."""

    def __init__(
        self,
        settings: Settings,
        taps: Mapping[str, Copies],
        judge: Judge,
        journal: Journal,
        *,
        holds: Callable[[int, int], bool],
        heard: Callable[[], Heard],
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
        self._heard = heard
        self._learn = learn
        self._read_up_to = read_up_to
        self._zone = zone
        self._wall = wall
        self._at_once = at_once
        self._fault_point = fault_point
        self._senders: dict[str, dict[Path, tuple[int, int]]] = {}  # by tap, of copies that wait: (sender, when it was submitted)
        self._left: dict[str, dict[Found, bool]] = {}  # by tap, what is done with and could not be put away; whether people want it
        self._unread: list[tuple[int, int]] = []  # of what was looked into: (ticks until it has surely taken effect, when it was sent)
        self._learned: list[Learned] = []  # that the store has not taken yet: workers tell it once
        self._failed: set[str] = set()  # taps, in this round
        self._said = self._retired = 0
        self.waiting = 0
        self.trouble: dict[str, str] = {}  # tap → why it waits

    async def run(self) -> None:
        clock = asyncio.get_running_loop()
        while True:
            began = clock.time()
            try:
                worked = await self.round()
            except (OSError, StoreBusy, StoreFull) as error:
                self.cannot(ALL, error)
                await asyncio.sleep(_AGAIN)
                continue
            if not worked:  # folders with many that wait are looked through less often
                await asyncio.sleep(max(self._settings.poll, 10 * (clock.time() - began)))

    def cannot(self, tap: str, error: Exception) -> None:
        """It is tried again; one warning until it went well."""
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        if tap not in self.trouble:
            _log.warning("copies%s wait: %s", f" of {tap}" if tap else "", why)
        self.trouble[tap] = why
        self._failed.add(tap)

    async def round(self) -> bool:
        """Takes what lies in the folders once; whether anything was done. OSError, StoreBusy, StoreFull: journal or store cannot now."""
        now, heard = self._wall(), self._heard()
        self._failed.clear()
        worked = False
        over: dict[str, list[tuple[Found, int]]] = {}
        for name, tap in self._taps.items():
            try:
                found = await asyncio.to_thread(tap.look, 1 << 20, now)
            except OSError as error:
                self.cannot(name, error)
                continue
            over[name] = []
            worked |= await self._take(name, tap, found, now, heard, over[name])
        self._unread = [each for each in self._unread if heard.ticks < each[0]]
        told = min((at for _, at in self._unread), default=now + AHEAD)  # of what was sent later one may learn yet who got it from whom
        for name, waited in over.items():
            await self._close(name, self._taps[name], [each for each in waited if each[1] <= told], Sighted.UNOPENED)
        waiting = [at for mine in self._senders.values() for _, at in mine.values()]
        self.waiting, oldest = len(waiting), min([now, *waiting])
        if oldest - self._said >= ALIVE:
            await asyncio.to_thread(self._journal.append, [Look(b"", oldest)])
            self._said = oldest
        for name in self.trouble.keys() - self._failed:
            del self.trouble[name]
        if now - self._retired >= RETIRING:
            self._retired = now
            await asyncio.to_thread(lambda: self._journal.retire(self._read_up_to()))
        return worked

    def opens_all(self) -> bool:
        """Whether everybody's copies are opened, as the configuration says, by name and until a day."""
        if self._settings.inspect != "all":
            return False
        return datetime.fromtimestamp(self._wall() / SECOND, UTC).astimezone(self._zone).date() < date.fromisoformat(self._settings.until)

    async def _take(
        self, name: str, tap: Copies, found: Sequence[Found], now: int, heard: Heard, over: list[tuple[Found, int]]
    ) -> bool:  # fmt: skip
        """What lies there is opened, told apart, or left to wait; `over` gets what waited long enough, and when it was submitted."""
        left = self._left.get(name, {})
        self._left[name] = {}
        for each in found:
            if each in left:
                await self._put_away(name, tap, [each], keep=left[each])
        found = [each for each in found if each not in left]
        before = self._senders.get(name, {})
        mine = self._senders[name] = {each.path: before[each.path] for each in found if each.path in before}
        unopened: list[tuple[Found, int]] = []
        unreadable: list[tuple[Found, int]] = []
        due: list[tuple[Found, Copy]] = []
        done = False
        for each in found:
            waits = mine.get(each.path)
            if waits is not None and not self._opens(*waits):
                if heard.logs > waits[1] + self._settings.wait * SECOND:
                    over.append((each, waits[1]))
                continue
            try:
                copy = await asyncio.to_thread(tap.load, each)
            except DecodeError as error:
                _log.info("a copy of %s is no message: %s", name, error.reason)
                unreadable.append((each, now))
                continue
            except FileNotFoundError:
                continue
            except OSError as error:
                self.cannot(name, error)
                continue
            if copy.at > now + AHEAD:
                _log.info("a copy of %s is dated ahead of the clock", name)
                unreadable.append((each, now))
            elif copy.id in self._journal:
                await self._put_away(name, tap, [each])
            elif copy.forwarded:  # it names a message, and holds nothing to look into
                unopened.append((each, copy.at))
            elif self._opens(copy.sender, copy.at):
                due.append((each, copy))
                if len(due) >= 4 * self._at_once:
                    await self._look_into(name, tap, due)
                    due.clear()
                    done = True
            else:
                mine[each.path] = copy.sender, copy.at
        await self._look_into(name, tap, due)
        await self._close(name, tap, unopened, Sighted.UNOPENED)
        await self._close(name, tap, unreadable, Sighted.UNREADABLE)
        return done or bool(due)

    def _opens(self, sender: int, at: int) -> bool:
        return (bool(sender) and self._holds(sender, at)) or self.opens_all()

    async def _look_into(self, name: str, tap: Copies, due: Sequence[tuple[Found, Copy]]) -> None:
        if not due:
            return
        verdicts = await asyncio.gather(*(self._judged(copy) for _, copy in due))
        self._learned += [each for said in verdicts for each in said.learned]
        if self._learned:
            await asyncio.to_thread(self._learn, self._learned)
            self._learned = []
        await asyncio.to_thread(self._journal.append, [look_of(name, copy, said) for (_, copy), said in zip(due, verdicts, strict=True)])
        self._unread += [(self._heard().ticks + 2, copy.at) for _, copy in due]
        await self._put_away(name, tap, [each for each, _ in due])
        self._fault_point("dropped")

    async def _put_away(self, name: str, tap: Copies, found: Sequence[Found], *, keep: bool = False) -> None:
        """Drops what is done with, or moves it aside. What stays is not looked into again, but put away in the next round."""
        for each in found:
            self._senders.get(name, {}).pop(each.path, None)
            try:
                await asyncio.to_thread(tap.reject if keep else tap.drop, each)
            except OSError as error:
                self.cannot(name, error)
                self._left[name][each] = keep

    async def _judged(self, copy: Copy) -> Verdict:
        try:
            return await self._judge.judge(contents_of(copy), copy.sender, copy.at)
        except DecodeError as error:
            return Verdict(faults=(error.reason,))

    async def _close(self, name: str, tap: Copies, found: Sequence[tuple[Found, int]], what: Sighted) -> None:
        """Those of which nothing is kept but their number, by the hour in which they were submitted."""
        if not found:
            return
        hours = Counter(at // HOUR for _, at in found)
        looks = [Look(b"", hour * HOUR, name, seen=(("", what, 0),), n=n) for hour, n in sorted(hours.items())]
        await asyncio.to_thread(self._journal.append, looks)
        await self._put_away(name, tap, [each for each, _ in found], keep=what is Sighted.UNREADABLE and self._settings.keep_unreadable)


def contents_of(copy: Copy) -> list[Content]:
    """What a message consists of. DecodeError when it has no parts that could be told."""
    if not copy.mm4:
        return contents(mms.parts(copy.body, mms.decode(copy.body)).parts)
    headers, at = mime.decode_headers(copy.body)
    return list(_flat(mime.decode_content_type(mime.get(headers, "Content-Type")), copy.body[at:]))


def _flat(kind: mime.ContentType, body: bytes, depth: int = 1) -> Iterator[Content]:
    if depth > _DEPTH:
        raise DecodeError(f"more than {_DEPTH} multiparts within each other", offset=0, clause="RFC 2046 5.1")
    for part in mime.decode_multipart(body, kind.parameters.get("boundary", "")):
        if part.content_type.media.startswith("multipart/"):
            yield from _flat(part.content_type, bytes(part.raw), depth + 1)
        else:
            yield unlocked(Content(part.content_type.media, bytes(part.content())))


def look_of(tap: str, copy: Copy, said: Verdict) -> Look:
    """The line of a copy: every seed in it, the surest first; else what it may hold; else that it holds nothing, or could not be judged."""
    seen = tuple((f"{each.campaign}/{each.seed}", int(METHODS[each.method]), round(1000 * each.score)) for each in said.sightings)
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
