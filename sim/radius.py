"""Packet sessions, and the accounting two GGSNs send about them, as FreeRADIUS writes it down (`detail`).

Some Starts come twice (Acct-Delay-Time), some Stops never; long sessions have Interim-Updates; the second GGSN restarts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from mmsd.model import DAY, HOUR, SECOND
from sim.agenda import Agenda, Streams
from sim.clocks import Clock
from sim.files import LogFile
from sim.people import Behaviour, Subscriber
from sim.scenario import Radius, us

GGSNS: Final = (b"10.36.255.1", b"10.36.255.2")
_POOL: Final = 60_000


@dataclass(slots=True, eq=False)
class Session:
    """One PDP context. `users` counts the requests under way in it."""

    identity: int
    owner: Subscriber
    apn: bytes
    address: bytes
    start: int
    sgsn: int
    standing: bool
    octets_in: int = 0
    octets_out: int = 0
    users: int = 0
    released: int = 0
    closed: bool = False
    accounted: bool = True  # its APN's accounting reaches the feeds


class Accounting:
    """Opens and closes sessions, gives out addresses and writes the records of both GGSNs."""

    def __init__(self, out: Path, settings: Radius, agenda: Agenda, streams: Streams, clocks: tuple[Clock, Clock]) -> None:
        self._settings = settings
        self._agenda = agenda
        self._random = streams("radius")
        self._clocks = clocks
        self._next = 0x61C00000
        self._free = [deque(b"10.%d.%d.%d" % (37 + g, i // 250, 2 + i % 250) for i in range(_POOL)) for g in (0, 1)]
        self._open: dict[int, Session] = {}
        self._down_until = 0
        day = clocks[0].local(agenda.now).strftime("detail-%Y%m%d")
        self.feeds = tuple(LogFile(out / "radius" / name.decode() / day) for name in GGSNS)
        self.sessions = 0

    # ------------------------------------------------------------------------------------------------------------- sessions

    def ready(self, subscriber: Subscriber) -> int:
        """When his GGSN takes a new session: now, or the time after its restart."""
        return self._down_until if subscriber.ggsn and self._agenda.now < self._down_until else self._agenda.now

    def open(self, owner: Subscriber, apn: str, *, standing: bool = False) -> Session:
        """A new session, begun now; the caller has asked `ready`."""
        self._next += 1
        self.sessions += 1
        pool = self._free[owner.ggsn]
        session = Session(
            self._next,
            owner,
            (apn.upper() if owner.apn_upper else apn).encode(),
            pool.popleft(),
            self._agenda.now,
            self._random.randrange(1, 4),
            standing,
        )
        self._open[session.identity] = session
        session.accounted = not self._settings.apns or apn in self._settings.apns
        self._record(session, b"Start")
        if self._random.random() < self._settings.retransmitted:
            delay = self._random.choice((3, 3, 3, 6))
            self._agenda.after(delay * SECOND, self._again, session, delay, self._agenda.now)
        self._agenda.after(us(self._settings.interim), self._interim, session)
        return session

    def close(self, session: Session, cause: bytes = b"User-Request") -> None:
        """Ends a session; its Stop may be lost. The address is given out again, in turn."""
        if session.closed:
            return
        session.closed = True
        del self._open[session.identity]
        self._free[session.owner.ggsn].append(session.address)
        if self._random.random() >= self._settings.lost_stop:
            self._record(session, b"Stop", cause)

    def restart(self) -> list[Session]:
        """The second GGSN stops, and forgets its sessions; they are given back, closed. No Stop is ever sent for them."""
        self._own(b"Accounting-Off")
        lost = [session for session in self._open.values() if session.owner.ggsn]
        for session in lost:
            session.closed = True
            del self._open[session.identity]
            self._free[1].append(session.address)
        self._down_until = self._agenda.now + us(self._settings.outage)
        self._agenda.at(self._down_until, self._own, b"Accounting-On")
        return lost

    def write_past(self, browsers: Sequence[Subscriber], used: Sequence[Subscriber], out: Path) -> None:
        """A file begun two days ago: some browsers' sessions, and within the last day one of everybody who uses packet data."""
        now, files = self._agenda.now, self.feeds
        day = self._clocks[0].local(now - 2 * DAY).strftime("detail-%Y%m%d")
        self.feeds = tuple(LogFile(out / "radius" / name.decode() / day) for name in GGSNS)
        for back, seen in ((48 * HOUR, browsers[:20]), (20 * HOUR, used), (13 * HOUR, browsers[:20])):
            for place, owner in enumerate(seen):
                begun = now - back + place * SECOND // 10
                self._next += 1
                session = Session(self._next, owner, b"cmwap", b"10.36.9.%d" % (place % 250 + 2), begun, 1, standing=False)
                for kind, cause, at in ((b"Start", b"", begun), (b"Stop", b"User-Request", begun + 5 * SECOND)):
                    self._agenda.now = at
                    self._record(session, kind, cause)
        for file in self.feeds:
            file.close()
        self._agenda.now, self.feeds = now, files

    # -------------------------------------------------------------------------------------------------------------- records

    def _again(self, session: Session, delay: int, began: int) -> None:
        self._record(session, b"Start", delay=delay, event=began)

    def _interim(self, session: Session) -> None:
        if not session.closed:
            if session.standing:
                session.octets_in += self._random.randrange(200, 40_000)
                session.octets_out += self._random.randrange(200, 300_000)
            self._record(session, b"Interim-Update")
            self._agenda.after(us(self._settings.interim), self._interim, session)

    def _record(self, session: Session, kind: bytes, cause: bytes = b"", *, delay: int = 0, event: int = 0) -> None:
        if not session.accounted:
            return
        owner = session.owner
        clock = self._clocks[owner.ggsn]
        now = self._agenda.now
        local = clock.local(now)
        middle = b""
        if kind != b"Start":
            middle = (
                b"\tAcct-Session-Time = %d\n\tAcct-Input-Octets = %d\n\tAcct-Output-Octets = %d\n"
                b"\tAcct-Input-Packets = %d\n\tAcct-Output-Packets = %d\n"
            ) % (
                (now - session.start) // SECOND,
                session.octets_in,
                session.octets_out,
                session.octets_in // 300 + 2,
                session.octets_out // 700,
            )
        if delay:
            middle = b"\tAcct-Delay-Time = %d\n" % delay
        if cause:
            middle += b"\tAcct-Terminate-Cause = %s\n" % cause
        stamp = clock.local(event) if event else local
        name = GGSNS[owner.ggsn]
        self.feeds[owner.ggsn].write(
            b'%s\n\tAcct-Status-Type = %s\n\tAcct-Session-Id = "%08X"\n\tUser-Name = "%s"\n\tNAS-IP-Address = %s\n'
            b'\tFramed-IP-Address = %s\n\tCalled-Station-Id = "%s"\n\tCalling-Station-Id = "%s"\n\tService-Type = Framed-User\n'
            b"\tFramed-Protocol = GPRS-PDP-Context\n\tAcct-Authentic = RADIUS\n\tNAS-Port-Type = Virtual\n"
            b'\tEvent-Timestamp = "%s"\n%s\t3GPP-IMSI = "%s"\n\t3GPP-Charging-ID = %d\n\t3GPP-SGSN-Address = 10.36.254.%d\n'
            b'\t3GPP-GGSN-Address = %s\n\t3GPP-IMSI-MCC-MNC = "%s"\n\t3GPP-SGSN-MCC-MNC = "%s"\n%s\t3GPP-IMEISV = "%s"\n'
            b"\t3GPP-RAT-Type = %s\n\tTimestamp = %d\n\n"
            % (
                _heading(local),
                kind,
                session.identity,
                owner.digits,
                name,
                session.address,
                session.apn,
                owner.msisdn,
                _event(stamp),
                middle,
                owner.imsi,
                session.identity,
                session.sgsn,
                name,
                owner.plmn,
                b"45400" if owner.behaviour is Behaviour.ROAMING else b"46002",
                self._selection(owner),
                owner.imei,
                b"UTRAN" if session.identity % 3 == 0 else b"GERAN",
                (now + clock.skew) // SECOND,
            )
        )

    def _selection(self, owner: Subscriber) -> bytes:
        """3GPP-Selection-Mode: 0, a verified subscription; 2 or 3 where the network chose the APN (TS 29.060 7.7.12)."""
        if not self._settings.selection:
            return b""
        return b'\t3GPP-Selection-Mode = "%s"\n' % (b"0" if owner.behaviour is not Behaviour.CORRECTED else b"3" if owner.ggsn else b"2")

    def _own(self, kind: bytes) -> None:
        """Accounting-On and -Off of the second GGSN itself: no number, session 00000000."""
        clock = self._clocks[1]
        local = clock.local(self._agenda.now)
        self.feeds[1].write(
            b'%s\n\tAcct-Status-Type = %s\n\tNAS-IP-Address = %s\n\tAcct-Session-Id = "00000000"\n'
            b'\tEvent-Timestamp = "%s"\n\tTimestamp = %d\n\n'
            % (
                _heading(local),
                kind,
                GGSNS[1],
                _event(local),
                (self._agenda.now + clock.skew) // SECOND,
            )
        )


def _heading(local: datetime) -> bytes:
    """`Sun Nov 22 18:55:58 2026`: FreeRADIUS's %t."""
    return local.strftime("%a %b %e %H:%M:%S %Y").encode()


def _event(local: datetime) -> bytes:
    """`Nov 22 2026 18:55:58 CST`."""
    return local.strftime("%b %e %Y %H:%M:%S %Z").encode()
