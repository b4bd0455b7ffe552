"""One connection of a client: its session, and what goes wrong on its wire."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Final, cast

from mmsd.codec import session
from mmsd.codec.session import BOUND, Pdu, Role, Session, State
from mmsd.codec.tables.smpp import RESPONSE  # the same bit in both protocols
from mmsd.model import SECOND
from sim.centre.faults import FAULTS, Fault, Occasion, Order
from sim.centre.values import Parcel

if TYPE_CHECKING:
    from sim.centre.centre import Centre, Customer

_FAR: Final = 1_000_000  # from a sequence number to one that nobody used
_NOBODYS: Final = 0x0666  # a command that neither protocol assigned


class Connection(asyncio.Protocol):
    """Plays the session, tells the centre what it hears, writes as its faults say."""

    def __init__(self, centre: Centre, number: int) -> None:
        self.number = number
        self.customer: Customer | None = None
        self._centre = centre
        self._loop = asyncio.get_running_loop()
        self._language = centre.language
        self._dialect = self._language.dialect()
        order = centre.faults.draw(Occasion.CONNECT, "", now=self._loop.time())
        fault = order.fault if order is not None else None
        self._away = fault is Fault.AWAY
        settings = centre.settings
        self._session = Session(
            self._dialect,
            Role.CENTRE,
            session.Settings(
                window=settings.down_window,
                backlog=max(1000, 1 + max((account.window for account in settings.accounts), default=0)),
                probe_after=round(settings.probe_after * SECOND),
                probe_timeout=round(settings.probe_timeout * SECOND),
                answer_timeout=round(settings.answer_timeout * SECOND),
            ),
            now=self._now(),
            sequence=self._dialect.last_sequence - 3 if fault is Fault.WRAP else 0,
        )
        self._parcels: dict[int, Parcel] = {}  # by sequence number, not acknowledged
        self._owed: set[int] = set()  # sequence numbers of submits taken and not answered
        self._transport: asyncio.Transport | None = None
        self._full = False  # the transport's buffer
        self._deaf = False
        self._drip: bytearray | None = None  # octets on their way, one by one
        self._gather: tuple[float, bytearray] | None = None  # seconds, and what is said within them
        self._timer: tuple[float, asyncio.TimerHandle] | None = None

    # --------------------------------------------------------------------------------------------------------- the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class
        self._centre.connections.add(self)
        self._centre.count("connections")
        if self._away:
            self.reset()
        self._act([])

    def data_received(self, data: bytes) -> None:
        self._centre.tap.heard(self.number, data)
        if not self._deaf:
            self._act(self._session.feed(data, now=self._now()))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._act(self._session.lost())
        self._centre.connections.discard(self)
        if self._timer is not None:
            self._timer[1].cancel()
        self._centre.count("connections lost")

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._centre.pump(self.customer)

    # ------------------------------------------------------------------------------------------------------ what the centre asks

    @property
    def bound(self) -> bool:
        """A client is logged in."""
        return self._session.state in BOUND

    @property
    def owed(self) -> int:
        """Submits that were taken and not answered."""
        return len(self._owed)

    def takes_parcels(self) -> bool:
        """Whether another receipt or message may be said now."""
        may = self._session.state in {State.BOUND_RX, State.BOUND_TRX} and not (self._full or self._deaf)
        return may and self._transport is not None and bool(self._session.room(self._now()))

    def deliver(self, parcel: Parcel) -> None:
        """Say it; it is back with the centre if no good answer comes."""
        down = parcel.say(self._dialect)
        parcel.tries += 1
        sequence = self._session.ask(down.command, down.body, now=self._now(), tlvs=down.tlvs)
        self._centre.sequences.append(sequence)
        self._parcels[sequence] = parcel
        self._flush()

    def settle(self, pdu: Pdu, status: int = 0, body: session.Body | None = None) -> None:
        """Answer a request, unless the connection is gone."""
        self._owed.discard(pdu.sequence)
        if self._transport is not None and not self._deaf:
            self._session.settle(pdu.sequence, now=self._now(), status=status, body=body)
            self._flush()

    def unbind(self) -> None:
        """Leave in good order."""
        self._session.unbind(now=self._now())
        self._act([])

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort() if self._deaf else self._transport.close()

    def reset(self) -> None:
        """Hang up so that the client sees ECONNRESET, whatever was still to be written."""
        if self._transport is not None:
            line = self._transport.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
            self._transport = None

    # -------------------------------------------------------------------------------------------------------- what is heard

    def _act(self, events: list[session.Event]) -> None:
        for event in events:
            if (self._transport is None or self._deaf) and not isinstance(event, session.Closed):
                continue  # reset by the one before, or deaf since
            match event:
                case session.BindAsked(pdu):
                    self._bind(pdu)
                case session.Asked(pdu):
                    self._centre.asked(self, pdu)
                case session.Answered(sequence, status):
                    self._answered(sequence, status)
                case session.Overdue(sequence):
                    self._centre.count("deliveries overdue")
                    self._back(sequence)
                case session.Closed(why):
                    self._closed(why)
                case session.Odd(what):
                    self._centre.odd.append(event)
                    self._centre.count(f"odd: {what}")
                case _:
                    self._centre.count(type(event).__name__.lower())
        self._flush()
        if self._session.closed and self._transport is not None and not self._deaf:
            self._transport.close()

    def _bind(self, pdu: Pdu) -> None:
        known = self._centre.bind(self, pdu)
        if known is None:
            return
        if isinstance(known, int):
            self._session.refuse(known, now=self._now())
            return
        self.customer = known
        body, tlvs = self._language.welcome(pdu, known.account)
        self._session.accept(body, now=self._now(), tlvs=tlvs)
        self._flush()
        for octets in known.take_answers():
            self._write(octets)
        self._centre.pump(known)

    def _answered(self, sequence: int, status: int) -> None:
        parcel = self._parcels.get(sequence)
        if parcel is None:  # late, and given back already
            self._centre.count("deliveries answered late")
        elif status:
            self._centre.count(f"{parcel.kind}s refused")
            self._back(sequence)
        else:
            del self._parcels[sequence]
            self._centre.count(f"{parcel.kind}s acknowledged")
        self._centre.pump(self.customer)

    def _back(self, sequence: int) -> None:
        if self.customer is not None and sequence in self._parcels:
            self._centre.again(self.customer, self._parcels.pop(sequence))

    def _closed(self, why: str) -> None:
        self._centre.count(f"closed: {why}")
        if self.customer is not None:
            self._centre.left(self, self.customer, list(self._parcels.values()))
            self._parcels.clear()

    # -------------------------------------------------------------------------------------------------------------- time

    def _now(self) -> int:
        return round(self._loop.time() * SECOND)

    def _arm(self) -> None:
        """Wakes when the session wants to; a timer that is set for earlier is left."""
        due = self._session.due
        if due is None or self._deaf or self._transport is None:
            return
        at = due / SECOND
        if self._timer is None or at < self._timer[0]:
            if self._timer is not None:
                self._timer[1].cancel()
            self._timer = (at, self._loop.call_at(at, self._tick))

    def _tick(self) -> None:
        self._timer = None
        if not self._deaf:
            self._act(self._session.tick(now=self._now()))
            self._centre.pump(self.customer)

    # ------------------------------------------------------------------------------------------------------------- faults

    def answer(self, pdu: Pdu, body: session.Body, order: Order | None) -> None:
        """The answer to a submit that is taken, as `order` has it."""
        self._owed.add(pdu.sequence)
        match order.fault if order is not None else None:
            case Fault.SILENT:
                pass
            case Fault.RESET:
                self.reset()
            case Fault.AFTER_REBIND:
                assert self.customer is not None
                self.customer.answers.append(self._octets(pdu, pdu.sequence, body))
                self.reset()
            case Fault.LATE | Fault.EARLY_RECEIPT:
                assert order is not None
                self._centre.later(order.delay, self.settle, pdu, 0, body)
            case Fault.TWICE:
                self.settle(pdu, 0, body)
                self._write(self._octets(pdu, pdu.sequence, body))
            case Fault.STRANGER:
                self._write(self._octets(pdu, (pdu.sequence + _FAR) & self._dialect.last_sequence, body))
                self.settle(pdu, 0, body)
            case _ if self._centre.settings.answer_after:
                self._centre.later(self._centre.settings.answer_after, self.settle, pdu, 0, body)
            case _:
                self.settle(pdu, 0, body)

    def disturb(self, order: Order) -> None:
        """A fault of the wire, now."""
        assert FAULTS[order.fault].occasion is Occasion.WIRE
        match order.fault:
            case Fault.DEAF:
                self._deaf = True
                if self._transport is not None:
                    self._transport.pause_reading()
                self._act(self._session.lost())
            case Fault.DRIP:
                self._drip = bytearray()
            case Fault.COALESCED:
                self._gather = (order.delay, bytearray())
            case Fault.LENGTH_0:
                self._write(self._header(0))
            case Fault.LENGTH_15:
                self._write(self._header(self._dialect.header - 1)[:-1])
            case Fault.LENGTH_MAX:
                self._write(self._header(0xFFFFFFFF))
            case Fault.UNKNOWN_COMMAND:
                self._write(self._header(self._dialect.header, _NOBODYS))

    def _header(self, length: int, command: int | None = None) -> bytes:
        octets = length.to_bytes(4, "big") + (self._dialect.probe if command is None else command).to_bytes(4, "big")
        return octets.ljust(self._dialect.header - 4, b"\0") + _FAR.to_bytes(4, "big")

    def _octets(self, pdu: Pdu, sequence: int, body: session.Body) -> bytes:
        return self._dialect.encode(RESPONSE | pdu.command, sequence, 0, body, ())

    # ------------------------------------------------------------------------------------------------------------ writing

    def _flush(self) -> None:
        octets = self._session.take()
        if octets:
            self._write(octets)
        self._arm()

    def _write(self, octets: bytes) -> None:
        """To the socket, or where the connection's fault sends it."""
        if self._transport is None or self._deaf:
            return
        if self._gather is not None:
            delay, gathered = self._gather
            if not gathered:
                self._centre.later(delay, self._let_out)
            gathered += octets
        elif self._drip is not None:
            if not self._drip:
                self._loop.call_soon(self._fall)
            self._drip += octets
        else:
            self._centre.tap.said(self.number, octets)
            self._transport.write(octets)

    def _let_out(self) -> None:
        """All that was gathered, in one segment."""
        if self._gather is not None and self._transport is not None:
            octets = bytes(self._gather[1])
            self._gather[1].clear()
            self._centre.tap.said(self.number, octets)
            self._transport.write(octets)

    def _fall(self) -> None:
        """One octet, a segment of its own (asyncio sets TCP_NODELAY), and the next when a reader in this loop has seen it."""
        if self._drip and self._transport is not None:
            self._centre.tap.said(self.number, bytes(self._drip[:1]))
            self._transport.write(bytes(self._drip[:1]))
            del self._drip[0]
            self._loop.call_soon(self._loop.call_soon, self._fall)
