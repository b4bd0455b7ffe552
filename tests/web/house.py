"""A site over lists: the store's promise kept with plain values, clocks that stand until they are moved, and a browserless client."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from aiohttp.test_utils import TestClient, TestServer

from mmsd.fast import hash64
from mmsd.link import workers
from mmsd.link.maker import Drafts
from mmsd.link.workers import Workers
from mmsd.model import (
    CLOSED,
    DAY,
    Attempt,
    Audit,
    CodeCount,
    Composed,
    CopyCount,
    DayCount,
    Delivery,
    Event,
    Evidence,
    Finding,
    HeldCopy,
    LineCount,
    NotificationCount,
    PlaceCount,
    UnknownCode,
)
from mmsd.rules.care import Next
from mmsd.rules.kpi import Figures
from mmsd.rules.settings import CampaignSettings, ClassSettings
from mmsd.store import CampaignCounts, DeliveryFilter, Held, Kpi, Split, Store
from mmsd.store.campaign_orders import Known
from mmsd.store.drawing import Draws
from mmsd.telemetry import Telemetry
from mmsd.web.access import PLAIN_SUFFIX, Tokens, create
from mmsd.web.desk import Desk
from mmsd.web.figures import Terms
from mmsd.web.forwards import Reviewing
from mmsd.web.mailings import Mailings
from mmsd.web.outbox import LinkHealth, Outbox, Sending
from mmsd.web.seeds import Seeds
from mmsd.web.site import FeedHealth, Health, Living, Settings, Site

NOON = 1_795_348_800_000_000  # 2026-11-22T12:00:00Z
HOUR_OF_NOON = NOON // 3_600_000_000
RECEIVER, SENDER = "8613812341234", "8613998765432"

KEY = bytes(range(32))  # that marks pictures
RELAY = CampaignSettings("relay", "The relay", "2026-01-01", "2026-12-31", ())

SENDING = Sending(
    {"transactional": "on", "service": "shadow", "marketing": "shadow", "provisioning": "off"},
    "",
    (LinkHealth("smsc1", ("transactional",), 0, "up", "", 2, 10, {"accepted": 7}),),
    {"matched": 5},
)


def campaign(identity: str, **fields: Any) -> CampaignSettings:
    given: dict[str, Any] = {"id": identity, "name": identity.title(), "starts": "2026-11-20", "ends": "2026-11-30", "seeds": ()}
    return CampaignSettings(**given | fields)


class Shelf:
    """A `Reader` made of lists."""

    def __init__(self) -> None:
        self.hours: list[tuple[int, str, str, str, str, int]] = []  # hour, node, city, outcome, cause, n
        self.rows: list[Delivery] = []
        self.days: dict[str, dict[tuple[str, str], tuple[int, int]]] = {}
        self.serials = 0
        self.waiting: dict[str, int] = {}
        self.news: list[Event] = []
        self.closed = np.zeros(0, CLOSED)  # of RECEIVER, oldest first
        self.tried: list[Attempt] = []
        self.found: list[Finding] = []
        self.notified: list[NotificationCount] = []
        self.copied: list[CopyCount] = []
        self.doubted: list[HeldCopy] = []
        self.broke: list[PlaceCount] = []
        self.read: list[LineCount] = []
        self.told: list[Audit] = []  # newest first
        self.failure: Exception | None = None
        self.before: Callable[[], object] = lambda: None  # what a read waits for
        self.still: int | None = None  # the number of the last change; None: who fills the lists says nothing of it
        self._asked = 0

    def changes(self) -> int:
        self._asked += 1
        return self._asked if self.still is None else self.still

    def deliveries(self, where: DeliveryFilter, limit: int, after: int | None = None) -> list[tuple[int, Delivery]]:
        self._check()
        found = [
            (number, row)
            for number, row in reversed(list(enumerate(self.rows, 1)))
            if (after is None or number < after)
            and where.number in (None, row.receiver, row.sender)
            and where.message in (None, row.message)
            and where.outcome in (None, row.outcome)
            and where.cause in (None, row.cause)
            and where.node in (None, row.node)
            and (where.since is None or row.submitted >= where.since)
            and (where.until is None or row.submitted < where.until)
        ]
        return found[:limit]

    def kpi(self, from_hour: int, to_hour: int) -> Kpi:
        self._check()
        outcomes, causes = Counter[str](), Counter[str]()
        nodes: dict[str, Counter[str]] = defaultdict(Counter)
        cities: dict[str, Counter[str]] = defaultdict(Counter)
        for hour, node, city, outcome, cause, n in self.hours:
            if from_hour <= hour < to_hour:
                outcomes[outcome] += n
                nodes[node][outcome] += n
                cities[city][outcome] += n
                if outcome == "failed":
                    causes[cause] += n
        return Kpi(outcomes, causes, nodes, cities)

    def counts(self, campaign: str) -> CampaignCounts:
        self._check()
        days = self.days.get(campaign, {})
        forwards = sum(counted for counted, _ in days.values())
        return CampaignCounts(forwards, forwards, days, self.serials)

    def campaigns(self) -> dict[str, str]:
        return dict.fromkeys(sorted(self.days), "running")

    def serials_total(self, campaign: str | None = None) -> int:
        return self.serials

    def outbox_states(self) -> Mapping[str, int]:
        return self.waiting

    def events(self, after: int, limit: int) -> list[Event]:
        self._check()
        return [event for event in self.news if event.id > after][:limit]

    def story(self, number: str) -> npt.NDArray[Any]:
        self._check()
        return self.closed if number == RECEIVER else self.closed[:0]

    def last_event(self) -> int:
        return self.news[-1].id if self.news else 0

    def lines(self) -> list[LineCount]:
        return self.read

    def audits(self, limit: int) -> list[Audit]:
        self._check()
        return self.told[:limit]

    def figures(
        self, from_hour: int, to_hour: int, by: Split = "", node: str | None = None, city: str | None = None
    ) -> dict[int | str, Figures]:
        self._check()
        found: dict[int | str, Figures] = defaultdict(Figures)
        for hour, where, whose, outcome, cause, n in self.hours:
            if from_hour <= hour < to_hour and node in (None, where) and city in (None, whose):
                keys: dict[str, int | str] = {"": "", "hour": hour, "node": where, "city": whose}
                found[keys[by]].deliveries[outcome, cause, ""] += n
        return found

    def models(self, from_day: str, to_day: str) -> list[DayCount]:
        return []

    def codes(self, from_hour: int, to_hour: int, code_set: str | None = None, code: str | None = None) -> list[CodeCount]:
        return []

    def unknown_codes(self) -> list[UnknownCode]:
        return []

    def horizon(self) -> int:
        return 0

    def attempts(self, number: str | None, limit: int, after: int | None = None) -> list[tuple[int, Attempt]]:
        return [(place, row) for place, row in enumerate(self.tried, 1) if number in (None, row.subscriber)][:limit]

    def findings(
        self, number: str | None, limit: int, after: int | None = None, *, open_only: bool = False, kind: str | None = None,
        cause: str | None = None,
    ) -> list[tuple[int, Finding]]:  # fmt: skip
        found = [
            (place, row)
            for place, row in reversed(list(enumerate(self.found, 1)))
            if number in (None, row.subject) and kind in (None, row.subject_kind) and cause in (None, row.cause)
            if (after is None or place < after) and not (open_only and row.cleared)
        ]
        return found[:limit]

    def notifications(self, from_hour: int, to_hour: int) -> list[NotificationCount]:
        return [count for count in self.notified if from_hour <= count.hour < to_hour]

    def copies(self, from_hour: int, to_hour: int) -> list[CopyCount]:
        return [count for count in self.copied if from_hour <= count.hour < to_hour]

    def held_copies(self, limit: int, after: str = "") -> list[tuple[str, HeldCopy]]:
        start = int(after) + 1 if after else 0
        return [(str(place), row) for place, row in enumerate(self.doubted)][start : start + limit]

    def places(self, from_day: str, to_day: str) -> list[PlaceCount]:
        return [count for count in self.broke if from_day <= count.day < to_day]

    def first_hour(self) -> int:
        return min((hour for hour, *_ in self.hours), default=0)

    def knows(self, number: str) -> bool:
        return any(number in (row.receiver, row.sender) for row in self.rows)

    def any_erased(self) -> bool:
        return False

    def names(self, family: str) -> Mapping[int, str]:
        return {1: "mmsc1"}

    def hash_of(self, text: str) -> int:
        return hash64(text.encode(), (1, 2))

    def _check(self) -> None:
        self.before()
        if self.failure is not None:
            raise self.failure


class Inline(Executor):
    """Runs at once, in the caller's thread."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args, **named))
        except Exception as error:  # noqa: BLE001 - it is the caller's
            future.set_exception(error)
        return future


class House:
    """A site with everything injected. `token` opens it; clocks are `now` (µs) and `uptime` (s)."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: Settings | None = None,
        executor: Executor | None = None,
        reader: Living | None = None,
        terms: Terms | None = None,
        drafts: Drafts | None = None,
        next_steps: Callable[[str, Held, int], Mapping[int, Next]] = lambda number, held, now: {},
        draws: Draws = MappingProxyType({}),
        campaigns: Sequence[CampaignSettings] | None = None,
    ) -> None:
        """`reader`: a real store instead of `shelf`."""
        folder.mkdir(exist_ok=True)
        self.shelf = Shelf()
        self.messages: dict[str, Composed] = {}  # of seeds
        self.now = NOON
        self.uptime = 100.0
        self._drawn = 0
        self.token_file = folder / "tokens"
        create(self.token_file, self.random)
        self.token = self.token_file.with_name("tokens" + PLAIN_SUFFIX).read_text().strip()
        self.tokens = Tokens(self.token_file, lambda: self.now)
        self.telemetry = Telemetry(version="0.1.0", twin="python", process=False)
        self.health = Health("0.1.0", "python", NOON - 60_000_000, True, (), 4, (feed("mmsc1"), feed("wap1", state="degraded")))
        self.drafts = drafts or Drafts(Workers(workers.Settings(), KEY, list), KEY)
        self.site = Site(
            reader or self.shelf,
            lambda: self.health,
            self.tokens,
            self.telemetry,
            settings or Settings(),
            wall=lambda: self.now,
            monotonic=lambda: self.uptime,
            random=self.random,
            executor=executor or Inline(),
            campaigns=campaigns if campaigns is not None else (campaign("relay"), campaign("unused")),
            terms=terms or Terms(),
            outbox=Outbox(cast(Store, reader or self.shelf), lambda: SENDING),
            desk=Desk(cast(Store, reader or self.shelf), next_steps, draws),
            seeds=Seeds(cast(Store, reader or self.shelf), {"relay": Known(RELAY, NOON + 30 * DAY, "shadow")}, self.drafts, KEY),
            reviewing=Reviewing(cast(Store, reader or self.shelf), {"relay": RELAY}, lambda n: int.from_bytes(self.random(12)) >> (96 - n)),
            mailings=Mailings(cast(Store, reader or self.shelf), {"relay": RELAY}, self.messages.get, b"key", ClassSettings()),
        )

    def random(self, n: int) -> bytes:
        """Different at each call, the same at each run."""
        self._drawn += 1
        return self._drawn.to_bytes(4, "big") * (n // 4)

    def grant(self, line: str) -> None:
        """Another line for the token file."""
        with self.token_file.open("a") as file:
            file.write(f"{line}\n")

    def visit(self, story: Callable[[TestClient[Any, Any]], Awaitable[None]], *, token: str | None = None) -> None:
        """Run `story` with a client that presents `token` (None: the house's own; "": none). Redirects are the story's to follow."""
        secret = self.token if token is None else token

        async def run() -> None:
            headers = {"Authorization": f"Bearer {secret}"} if secret else {}
            server = TestServer(self.site.application())
            await server.start_server(access_log=None)  # as `Site.serve` does
            async with TestClient(server, headers=headers) as client:
                await story(client)

        asyncio.run(run())


def feed(name: str, **changes: Any) -> FeedHealth:
    values = {"dialect": "mbuni", "node": name, "state": "ok", "lines": 100, "behind": 0, "mark": NOON, **changes}
    return FeedHealth(name, **values)


def delivery(**changes: Any) -> Delivery:
    values: dict[str, Any] = {
        "domain": "mmsc1", "node": "mmsc1", "message": "m1", "receiver": RECEIVER, "leg": "t1", "transaction": "t1", "sender": SENDER,
        "submitted": NOON, "closed": NOON + 1_500_000, "outcome": "failed", "cause": "NO_PUSH", "rule": "N5", "group": "no_retrieval",
        "confidence": 0.9, "evidence": (Evidence("mmsc1", "access.log", 120, "SUBMIT", NOON),),
    }  # fmt: skip
    return Delivery(**{**values, **changes})
