"""Care's loop: news comes in, folders move on, messages are asked for. The rules are `rules.care`; this says "then".

News of the log lines and of the outbox waits in rows (`rules.tidings`) that were committed with what they tell of; what a subscriber writes
is taken in where it is stored, before the SMS centre is told that we have it. Either way one transaction reads the folders, folds the news
into them, and writes folders, steps, consents and outbox rows together. Nothing is remembered here but what may be looked up again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from mmsd.errors import EncodeError, StoreBusy, StoreFull
from mmsd.model import NOT_A_NUMBER, Batch, Composed, Event, Heard, Kept, Listing, Outgoing, masked
from mmsd.rules.answers import Meaning
from mmsd.rules.care import Care, Next
from mmsd.rules.cases import Act, Case, CaseStep, State
from mmsd.rules.casework import (
    Ask,
    EndHoldings,
    Folder,
    Listed,
    News,
    OptOut,
    Order,
    Outcome,
    Person,
    Probe,
    Push,
    Renotify,
    Tell,
    Tick,
    Unfit,
    Unsent,
    Withdraw,
    Wrote,
)
from mmsd.rules.consent import Question
from mmsd.rules.tidings import unpack
from mmsd.store import CareAsk, Held, Needs, Rows, Store

_log = logging.getLogger(__name__)

AWAITED: Final = frozenset({State.PUSHED, State.NOT_TAKEN, State.LISTED})
"""Cases in these states wait for what lines show."""
MOST: Final = 200
"""Pieces of news, and folders whose time has come, that one transaction takes in."""
_POLL: Final = 1.0  # seconds between two looks, when nothing wakes us earlier
_AGAIN: Final = 1.0
_MODELS: Final = 10_000
_REFRESH: Final = 60.0  # seconds that what is looked up beside the store may be old

Result = TypeVar("Result")
Call = Callable[[Callable[[], Result]], Awaitable[Result]]


class Directory(Protocol):
    """Who a subscriber is, beyond what care has of him. Any thread; it never waits for the store."""

    def person(self, number: str, opted_out: frozenset[str]) -> Person: ...

    def refresh(self) -> None:
        """Now and then, outside any transaction: what is looked up may be anew."""


class Clerk(Protocol):
    """Makes messages of what care orders. EncodeError: nothing can be made that could be sent; its text becomes the reason."""

    def question(self, number: str, ask: Ask, now: int) -> list[Outgoing]: ...
    def push(self, number: str, push: Push, now: int) -> list[Outgoing]: ...
    def tell(self, number: str, tell: Tell, person: Person, now: int) -> list[Outgoing]: ...
    def probe(self, number: str, probe: Probe, now: int) -> tuple[Composed, Outgoing]:
        """A multimedia message of ours, and the row that brings it."""
        ...

    def renotify(self, number: str, order: Renotify, now: int) -> Outgoing: ...

    def withdrawn(self, number: str, case: Case, questions: Sequence[Question]) -> list[bytes]:
        """Keys of everything that may still wait for a case."""
        ...


class Worked(NamedTuple):
    """What came of one subscriber's news."""

    folder: Folder
    steps: list[CaseStep]
    orders: list[Order]
    heard: list[Meaning]


class CareLoop:
    """See the module. A `Listener` of the dispatcher, and a loop of its own. `run` until cancelled."""

    def __init__(
        self,
        store: Store,
        care: Care,
        clerk: Clerk,
        directory: Directory,
        *,
        wall: Callable[[], int],
        call: Call[Any] = asyncio.to_thread,
        committed: Callable[[Batch], None] = lambda batch: None,
        fault_point: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._store = store
        self._care = care
        self._clerk = clerk
        self._directory = directory
        self._wall = wall
        self._call = call
        self._committed = committed
        self._fault_point = fault_point
        self._look = asyncio.Event()
        self.mending: frozenset[int] = frozenset(int(number) for number in store.care_waiting() if number.isdigit())
        """Numbers of whom proof is awaited that a mend took; any thread may read it."""
        self.counts: Counter[str] = Counter()  # steps by event, and what messages were taken for, since the start
        self.trouble = ""

    def look(self) -> None:
        """There is news. From the loop's thread."""
        self._look.set()

    async def run(self) -> None:
        while True:
            self._look.clear()
            if await self.turn():
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN if self.trouble else _POLL):
                    await self._look.wait()

    async def turn(self) -> bool:
        """One transaction: waiting news and due folders. Whether there may be more."""
        now = self._wall()
        made: list[Batch] = []

        def decide(rows: Rows) -> Batch:
            made[:] = [self._decide(rows, now)]
            return made[0]

        self._fault_point("care")
        await self._call(self._directory.refresh)
        try:
            await self._call(lambda: self._store.transact(Needs(care=CareAsk(news=MOST, due=now, most=MOST)), decide))
        except (StoreFull, StoreBusy) as error:
            if not self.trouble:
                _log.warning("care waits: %s", error)
            self.trouble = str(error)
            return False
        self.trouble = ""
        batch = made[0]
        self._fault_point("cared")
        if batch.care or batch.tidings_taken:
            self.noted(batch)
            self._committed(batch)
        return bool(batch.tidings_taken)

    def noted(self, batch: Batch) -> None:
        """A Batch with folders in it is durable; also that of what subscribers wrote, from whoever stored it."""
        if not batch.care:
            return
        waiting = set(self.mending)
        for kept in batch.care:
            self.counts.update(step.event.value for step in kept.steps)
            if kept.msisdn.isdigit():
                awaited = any(case.state in AWAITED for case in kept.folder.cases)
                (waiting.add if awaited else waiting.discard)(int(kept.msisdn))
        self.mending = frozenset(waiting)

    def _decide(self, rows: Rows, now: int) -> Batch:
        """News by subscriber, in the order it came; whoever is only due gets a tick."""
        batch = Batch(now)
        news: defaultdict[str, list[tuple[int, News]]] = defaultdict(list)
        for tiding in rows.tidings:
            batch.tidings_taken = max(batch.tidings_taken, tiding.id)
            if tiding.msisdn:  # he was not erased since
                news[tiding.msisdn].append((now, unpack(tiding.what, tiding.body)))
        for number, held in rows.held.items():
            self._take(number, held, news.get(number) or [(now, Tick())], now, batch)
        return batch

    # ------------------------------------------------------------------------------------------------- what subscribers write

    def needs(self, heard: Sequence[Heard]) -> Needs:
        return Needs(care=CareAsk(numbers=frozenset(one.msisdn for one in heard)))

    def decide(self, heard: Sequence[Heard], rows: Rows, now: int) -> Batch:
        """Of the transaction that stores them (`flow.dispatch`)."""
        batch = Batch(now)
        wrote: defaultdict[str, list[tuple[int, News]]] = defaultdict(list)
        for one in heard:
            if one.data is None:
                wrote[one.msisdn].append((one.at, Wrote(one.text, one.sub_code)))
        for number, news in wrote.items():
            held = rows.held.get(number) or Held(Folder(int(number) if number.isdigit() else NOT_A_NUMBER), frozenset())
            self._take(number, held, news, now, batch)
        return batch

    def next_steps(self, number: str, held: Held, now: int) -> dict[int, Next]:
        """What time brings each case of a subscriber, by the case's number. Any thread."""
        person = self._directory.person(number, held.opted_out)
        return {case.number: self._care.next_step(held.folder, case, person, now) for case in held.folder.cases}

    # ------------------------------------------------------------------------------------------------------------------- fold

    def _take(self, number: str, held: Held, news: Sequence[tuple[int, News]], now: int, batch: Batch) -> None:
        """Everything new of one subscriber, into the Batch."""
        person = self._directory.person(number, held.opted_out)
        work = Worked(held.folder, [], [], [])
        for at, piece in news:
            work = self._on(work, piece, at, person)
        for order in work.orders:
            for news_of_it in self._carry_out(number, order, work.folder, person, now, batch):
                after = self._on(work._replace(orders=[]), news_of_it, now, person)
                for more in after.orders:
                    self._carry_out(number, more, after.folder, person, now, batch)
                work = after._replace(orders=work.orders)
        if work.folder != held.folder or work.steps:
            due = self._care.due(work.folder, person, now)
            batch.care.append(Kept(number, due, work.folder, tuple(work.steps)))
            batch.events += [self._event(number, step, work.folder) for step in work.steps]
        elif any(isinstance(piece, Tick) for _, piece in news):
            batch.care.append(Kept(number, self._care.due(work.folder, person, now), work.folder))
        self.counts.update(f"heard_{meaning.value}" for meaning in work.heard)

    def _on(self, work: Worked, news: News, at: int, person: Person) -> Worked:
        outcome: Outcome = self._care.on(work.folder, news, at, person)
        heard = [outcome.heard] if outcome.heard is not None else []
        return Worked(outcome.folder, [*work.steps, *outcome.steps], [*work.orders, *outcome.orders], [*work.heard, *heard])

    def _carry_out(self, number: str, order: Order, folder: Folder, person: Person, now: int, batch: Batch) -> tuple[News, ...]:
        """One order as rows; news of its own where it cannot be carried out."""
        match order:
            case Ask():
                batch.outbox += self._clerk.question(number, order, now)
            case Push():
                try:
                    batch.outbox += self._clerk.push(number, order, now)
                except EncodeError as error:
                    return Unsent(Act.PUSH, order.case.number, str(error)), Unfit(order.case.number, str(error))
            case Tell():
                batch.outbox += self._clerk.tell(number, order, person, now)
            case Probe():
                message, row = self._clerk.probe(number, order, now)
                batch.composed.append(message)
                batch.outbox.append(row)
            case Renotify():
                batch.outbox.append(self._clerk.renotify(number, order, now))
            case Listed(case, on):
                batch.listed.append(Listing(number, case.number, case.kind.value, case.reason, on))
            case Withdraw(case):
                batch.withdrawals += self._clerk.withdrawn(number, case, folder.questions)
            case OptOut(classes, out):
                batch.opted_out += [(number, kind, out) for kind in classes]
            case EndHoldings():
                batch.let_go.append(number)  # of State the sequencer ends them, with the change itself
        return ()

    @staticmethod
    def _event(number: str, step: CaseStep, folder: Folder) -> Event:
        case: Case | None = folder.case(step.case)
        data = {
            "subject": masked(number), "case": step.case, "event": step.event.value, "before": step.before.value, "reason": step.reason,
            "kind": case.kind.value if case is not None else "", "causes": list(case.causes) if case is not None else [],
        }  # fmt: skip
        return Event(step.at, "care", step.after.value, data)


class Blame:
    """Causes that are found with whole models, looked up now and then: nobody is asked about what is his model's fault."""

    def __init__(self, store: Store, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._monotonic = monotonic
        self._looked = -_REFRESH
        self._found: Mapping[str, frozenset[str]] = {}

    def refresh(self) -> None:
        """At most once a minute."""
        if self._monotonic() - self._looked < _REFRESH:
            return
        self._looked = self._monotonic()
        found: defaultdict[str, set[str]] = defaultdict(set)
        for _, row in self._store.findings(None, _MODELS, open_only=True, kind="model"):
            found[row.subject].add(row.cause)
        self._found = {name: frozenset(causes) for name, causes in found.items()}

    def of(self, model: str) -> frozenset[str]:
        """Standing findings about a model."""
        return self._found.get(model, frozenset())
