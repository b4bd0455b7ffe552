"""The two nodes that carry the handsets' HTTP: Kannel's wapbox and a Squid proxy with the samples' `logformat mms`.

Requests for MMS are written one by one; browsing is poured round them in blocks (`browse`). Both meet in ticks of a quarter second, so that
a file stays in the order of its times however fast the simulation runs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mmsd.model import SECOND
from sim.agenda import Agenda
from sim.clocks import Clock, banner
from sim.files import LogFile, Rotate
from sim.people import Subscriber
from sim.radius import Session

TICK: Final = SECOND // 4
MMS: Final = b"application/vnd.wap.mms-message"
_MILLIS: Final = tuple(b".%03d" % i for i in range(1000))


@dataclass(frozen=True, slots=True)
class Request:
    """One request and its answer, as a gateway may log it. Octets are those of the bodies."""

    method: bytes
    url: bytes  # where it went
    status: int
    octets: int  # of the answer
    sent: int = 0
    request_type: bytes = b"-"
    answer_type: bytes = b""
    server: bytes = b"Kannel/1.4.5"  # "" = nobody answered
    millis: int = 1
    asked: bytes = b""  # what the handset asked for, where the gateway sent it elsewhere


class Gateway(ABC):
    """One gateway's log. `mms` counts the lines of MMS requests, `browsing` those poured between."""

    def __init__(self, name: str, file: LogFile, clock: Clock, agenda: Agenda) -> None:
        self.name = name
        self.file = file
        self.mms = 0
        self.browsing = 0
        self.fresh = 0  # MMS lines since the last tick
        self._clock = clock
        self._agenda = agenda
        self._lines: list[tuple[int, bytes]] = []  # offset in the tick, line
        self._tick = agenda.now

    def log(self, subscriber: Subscriber, session: Session, request: Request) -> None:
        """A line at the present time."""
        session.octets_in += request.sent + 230
        session.octets_out += request.octets + 60
        line = self.stamp(self._agenda.now) + self.render(session.address, subscriber, request)
        self._lines.append((self._agenda.now - self._tick, line))
        self.mms += 1
        self.fresh += 1

    def flush(self, browsing: list[bytes]) -> None:
        """Ends the tick: its browsing lines, spread evenly, and the MMS lines among them at their places."""
        count = len(browsing)
        self.browsing += count
        lines = self.stamped(self._tick, browsing)
        for place, (offset, line) in enumerate(self._lines):
            lines.insert(min(offset * count // TICK + 1, count) + place, line)
        self._lines.clear()
        self.fresh = 0
        self._tick = self._agenda.now
        if lines:
            self.file.write_lines(lines)

    @abstractmethod
    def stamp(self, at: int) -> bytes:
        """The time as this log opens a line with it."""

    @abstractmethod
    def stamped(self, start: int, tails: list[bytes]) -> list[bytes]:
        """The lines of one tick from `start` on, spread evenly."""

    @abstractmethod
    def render(self, address: bytes, subscriber: Subscriber, request: Request) -> bytes:
        """A line without its time."""


class Wapbox(Gateway):
    """`time IP MSISDN METHOD <URL> (TYPE, charset='') BYTES STATUS <UA> <SERVER>`."""

    def __init__(self, out: Path, clock: Clock, agenda: Agenda, rotation: Rotate) -> None:
        opening = banner(clock, agenda, b" Log begins\n")
        super().__init__("wapbox", LogFile(out / "kannel" / "wapbox-access.log", rotation, opening), clock, agenda)

    def stamp(self, at: int) -> bytes:
        return self._clock.stamp(at)

    def stamped(self, start: int, tails: list[bytes]) -> list[bytes]:
        stamp = self._clock.stamp(start)  # a tick never holds the turn of a second
        return [stamp + tail for tail in tails]

    def render(self, address: bytes, subscriber: Subscriber, request: Request) -> bytes:
        kind = request.answer_type if request.server else b""
        charset = b"utf-8" if b"xhtml" in kind else b"ISO-8859-1" if kind.startswith(b"text/") else b""
        return b" %s %s %s <%s> (%s, charset='%s') %d %d <%s> <%s>\n" % (
            address,
            subscriber.msisdn,
            request.method,
            request.url,
            kind,
            charset,
            request.octets if request.server else 0,
            request.status,
            subscriber.agent,
            request.server,
        )


LOGFORMAT: Final = (
    '%ts.%03tu %6tr %>a "%{X-Up-Calling-Line-ID}>h" %rm %ru %>Hs %<st %>st "%{User-Agent}>h" "%{x-wap-profile}>h"'
    ' "%{Content-Type}>h" "%mt" %Ss/%Sh/%<a %err_code/%err_detail'
)
"""The samples' `logformat mms`."""


class Squid(Gateway):
    """The samples' `logformat mms`: epoch, ms, client, MSISDN, method, URL, status, octets, types, peer, error. One that `rewrites`
    addresses logs at the end what was asked for, too."""

    def __init__(self, out: Path, clock: Clock, agenda: Agenda, rotation: Rotate, *, rewrites: bool = False) -> None:
        super().__init__("squid", LogFile(out / "squid" / "access-mms.log", rotation), clock, agenda)
        self._rewrites = rewrites
        self.format = LOGFORMAT + " %>ru" if rewrites else "mms"
        probed = b"error:transaction-end-before-headers"
        self.file.write(  # a port probe: a line that is no request
            self.stamp(agenda.now) + b'      0 127.0.0.1 "-" - ' + probed + b' 0 0 0 "-" "-" "-" "-" '
            b"NONE_NONE/HIER_NONE/- ERR_CLIENT_GONE/WITH_CLIENT" + self._both(probed) + b"\n"
        )

    def stamp(self, at: int) -> bytes:
        second, millis = self._clock.epoch(at)
        return b"%d.%03d" % (second, millis)

    def stamped(self, start: int, tails: list[bytes]) -> list[bytes]:
        second, millis = self._clock.epoch(start)
        head = b"%d" % second
        count = len(tails)
        step = TICK // 1000
        return [head + _MILLIS[millis + i * step // count] + tail for i, tail in enumerate(tails)]

    def render(self, address: bytes, subscriber: Subscriber, request: Request) -> bytes:
        if request.server:
            peer, error = b"HIER_DIRECT/127.0.0.1", b"-/-"
        elif request.status == 503:
            peer, error = b"HIER_DIRECT/127.0.0.1", b"ERR_CONNECT_FAIL/WITH_SERVER"
        else:
            peer, error = b"HIER_NONE/-", b"ERR_READ_ERROR/WITH_SERVER"
        return b' %6d %s "%s" %s %s %d %d %d "%s" "\\"http://ua.profiles.example/%s.xml\\"" "%s" "%s" TCP_MISS/%s %s%s\n' % (
            request.millis,
            address,
            subscriber.msisdn,
            request.method,
            request.url,
            request.status,
            request.octets + 341 if request.server else 3489,
            request.sent + 236 + len(request.url),
            subscriber.agent,
            subscriber.profile,
            request.request_type,
            request.answer_type if request.server else b"text/html",
            peer,
            error,
            self._both(request.asked or request.url),
        )

    def _both(self, asked: bytes) -> bytes:
        return b" " + asked if self._rewrites else b""
