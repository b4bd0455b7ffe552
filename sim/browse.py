"""Browsing: most of what a gateway logs, and none of it MMS, though some of it looks so.

Portals, pictures, adverts, other operators' portals, forms whose POST fails, hosts and paths with "mms" in their names. Each visitor's
lines are rendered once, when his session begins; a tick draws from them and only sets the time before: more than a million a second.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Final

from sim.agenda import Agenda, Streams
from sim.gateway import Gateway, Request
from sim.people import Subscriber
from sim.radius import Accounting, Session
from sim.scenario import Browsing, us

_LINES: Final = 24  # rendered for each visitor
_SERVER: Final = b"wapweb/2.2"

_PAGES: Final = (  # weight, host, paths, type
    (30, b"wap.suyun.example", (b"/index.wml", b"/c/%d.wml?pg=2", b"/top.wml"), b"text/vnd.wap.wml"),
    (20, b"wap.suyun.example", (b"/home.xhtml", b"/my/mms.xhtml", b"/channel/%d.xhtml?sid=a87f4"), b"application/vnd.wap.xhtml+xml"),
    (12, b"pic.suyun.example", (b"/mms/%d.jpg", b"/t/%d.jpg"), b"image/jpeg"),
    (9, b"pic.suyun.example", (b"/img/%d.gif", b"/logo.gif"), b"image/gif"),
    (12, b"3g.tantan.example", (b"/list?c=%d&p=3", b"/news/%d.xhtml"), b"application/vnd.wap.xhtml+xml"),
    (10, b"wap.xinbao.example", (b"/a/%d.wml", b"/top.wml"), b"text/vnd.wap.wml"),
    (8, b"ad.mobiclick.example", (b"/s?z=6&u=%d", b"/b/%d.gif"), b"text/html"),
    (5, b"img.adpool.example", (b"/b/%d.gif",), b"image/gif"),
    (4, b"wap.uniwest.example", (b"/", b"/index.wml", b"/mmsc/help.wml"), b"text/html"),
    (4, b"ctportal.example", (b"/", b"/mmsc/help.wml"), b"application/vnd.wap.xhtml+xml"),
)
_FORMS: Final = (  # host, whether anybody answers there
    (b"search.qiqi.example", True),
    (b"bbs.hutong.example", True),
    (b"mms.meitu.example", True),
    (b"vote.suyun.example", True),
    (b"shop.mangguo.example", True),
    (b"chat.nosuch.example", False),
    (b"shop.deadlink.example", False),
)
_FORM_PATHS: Final = (b"/login", b"/mms/send.do", b"/upload", b"/post.do", b"/reply?id=%d", b"/order", b"/s")
_FORM: Final = b"application/x-www-form-urlencoded"
_XHTML: Final = b"application/vnd.wap.xhtml+xml"


def visit(random_: random.Random) -> Request:
    """One browsing request: nine in a hundred are forms, one form in three fails."""
    draw = random_.random()
    if draw < 0.12:
        host, answers = random_.choice(_FORMS)
        posts = draw < 0.09
        path = random_.choice(_FORM_PATHS).replace(b"%d", b"%d" % random_.randrange(9000)) if posts else b"/index.wml"
        status = random_.choices((200, 302, 404, 500, 503, 502), (70, 10, 8, 3, 5, 4))[0] if answers else 502
        return Request(
            b"POST" if posts else b"GET",
            b"http://" + host + path,
            status,
            random_.randrange(300, 1700) if status == 200 else 29,
            random_.randrange(20, 130) if posts else 0,
            _FORM if posts else b"-",
            _XHTML if status == 200 else b"text/html",
            _SERVER if answers and status != 502 else b"",
        )
    _, host, paths, kind = random_.choices(_PAGES, _WEIGHTS)[0]
    status = random_.choices((200, 304, 404, 500), (93, 2, 3, 2))[0]
    if b"mmsc" in (path := random_.choice(paths)):
        status = 403
    return Request(
        b"GET",
        b"http://" + host + path.replace(b"%d", b"%d" % random_.randrange(9000)),
        status,
        random_.randrange(300, 3200) if status == 200 else 29,
        0,
        b"-",
        kind if status == 200 else b"text/html",
        _SERVER,
    )


_WEIGHTS: Final = tuple(page[0] for page in _PAGES)


class Visitors:
    """Who browses through one gateway now, and their lines.

    Each slot is one visitor's session after another; some belong to residents, subscribers whose session on the MMS APN stays open all day:
    their browsing lies among their own MMS requests.
    """

    def __init__(
        self,
        gateway: Gateway,
        settings: Browsing,
        accounting: Accounting,
        agenda: Agenda,
        streams: Streams,
        visitors: list[Subscriber],
        residents: list[Subscriber],
    ) -> None:
        self._gateway = gateway
        self._settings = settings
        self._accounting = accounting
        self._agenda = agenda
        self._random = streams(f"browse/{gateway.name}")
        self._visitors = deque(visitors)
        self._pool: list[bytes] = []
        self._slots: dict[bytes, int] = {}  # of residents
        self._due = 0.0
        self._present: list[Session] = []  # by slot
        for slot in range(min(settings.slots, len(visitors) // 2)):
            self._pool.extend([b""] * _LINES)
            self._present.append(self._arrive(slot))
        self.residents = frozenset(resident.digits for resident in residents[: settings.residents])

    def settle(self, resident: Subscriber, session: Session) -> None:
        """A resident's standing session began, or began anew after a restart."""
        slot = self._slots.get(resident.digits)
        if slot is None:
            slot = self._slots[resident.digits] = len(self._pool) // _LINES
            self._pool.extend([b""] * _LINES)
        self._show(slot, resident, session)

    def unsettle(self, resident: Subscriber) -> None:
        """His session is gone: until he is back a neighbour's lines fill his place."""
        slot = self._slots.get(resident.digits)
        if slot is not None:
            self._pool[slot * _LINES : (slot + 1) * _LINES] = self._pool[:_LINES]

    def tick(self, length: int) -> list[bytes]:
        """The lines of the tick that ends now, without their times."""
        self._due += self._settings.base * length / 1e6 + self._settings.ratio * self._gateway.fresh
        count = int(self._due)
        self._due -= count
        return self._random.choices(self._pool, k=count)

    def leave(self, lost: set[int]) -> None:
        """The sessions of these identities broke off: other visitors take their places."""
        for slot, session in enumerate(self._present):
            if session.identity in lost:
                self._visitors.append(session.owner)
                self._present[slot] = self._arrive(slot)

    def _arrive(self, slot: int) -> Session:
        visitor = self._visitors.popleft()
        if self._accounting.ready(visitor) > self._agenda.now:
            visitor.attach(0)  # his GGSN is down: he gets the other
        session = self._accounting.open(visitor, "cmwap")
        self._show(slot, visitor, session)
        low, high = self._settings.visit
        self._agenda.after(us(self._random.uniform(low, high)), self._follow, slot, session)
        return session

    def _follow(self, slot: int, session: Session) -> None:
        """The visit is over: another begins at once, so that a gateway never falls silent."""
        if self._present[slot] is session:
            session.octets_in = self._random.randrange(2_000, 40_000)
            session.octets_out = self._random.randrange(9_000, 300_000)
            self._accounting.close(session)
            self._visitors.append(session.owner)
            self._present[slot] = self._arrive(slot)

    def _show(self, slot: int, visitor: Subscriber, session: Session) -> None:
        render = self._gateway.render
        lines = [render(session.address, visitor, visit(self._random)) for _ in range(_LINES)]
        self._pool[slot * _LINES : (slot + 1) * _LINES] = lines
