"""The SMS centre: accounts that bind, submits that are taken into the ledger, receipts and messages that are delivered until acknowledged.

A server on loopback, SMPP 3.4 or CMPP 2.0 and 3.0. What a test wants to know stands in `taken`, `messages`, `binds`, `counts` and `odd`;
`until` waits for it. `order` makes something go wrong.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Protocol, Self

from mmsd.codec import session, sms
from mmsd.codec.session import Dialect, Pdu
from mmsd.errors import ConfigError, DecodeError
from sim.centre.cmpp import CmppLanguage
from sim.centre.connection import Connection
from sim.centre.faults import FAULTS, Fault, Faults, Occasion, Order
from sim.centre.language import Language
from sim.centre.ledger import Ledger
from sim.centre.mobiles import Mobiles, Script
from sim.centre.settings import Account, Settings
from sim.centre.smpp import SmppLanguage
from sim.centre.values import NEVER_ID, Down, Incoming, Message, Parcel, Part, Report, Submit

_LANGUAGES: Final[dict[str, Callable[[Settings], Language]]] = {"smpp": SmppLanguage, "cmpp": CmppLanguage}
_FAREWELL: Final = 1.0  # seconds


class Tap(Protocol):
    """Sees all octets; connections are numbered from 1."""

    def said(self, connection: int, octets: bytes) -> None:
        """By the centre."""
        ...

    def heard(self, connection: int, octets: bytes) -> None:
        """From the client."""
        ...


class _Nobody:
    """Looks at nothing."""

    def said(self, connection: int, octets: bytes) -> None: ...

    heard = said


class Bind(NamedTuple):
    """Somebody asked to bind; `at` is the loop's time in seconds, `status` what he was answered (None: nothing)."""

    at: float
    account: str
    status: int | None


class Customer:
    """An account while the centre runs: its connections, what waits for it, and how much it may still submit."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.connections: list[Connection] = []
        self.waiting: deque[Parcel] = deque()
        self.answers: list[bytes] = []  # of the last session, to be said in the next
        self.shuffled: list[Parcel] = []  # held back until another receipt has gone
        self._allowance = account.rate
        self._counted = 0.0

    def take_answers(self) -> list[bytes]:
        """Answers held back for this session, once."""
        answers, self.answers = self.answers, []
        return answers

    def within_rate(self, now: float) -> bool:
        """Whether another submit is within the rate; one second's worth may come at once."""
        rate = self.account.rate
        if not rate:
            return True
        self._allowance = min(max(rate, 1.0), self._allowance + (now - self._counted) * rate)
        self._counted = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True


def _as_it_is(down: Down) -> Callable[[Dialect], Down]:
    """Said alike in every session."""
    return lambda dialect: down


class Centre:
    """`async with Centre(settings, wall=…) as centre:` listens at `centre.port`.

    `wall` gives µs UTC. `ledger` is the file of what was taken; `mobiles` are asked what becomes of it; `tap` sees all octets; `tls` is the
    server's context, where it is to speak TLS. ConfigError for settings that cannot be: faults and accounts.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        wall: Callable[[], int],
        ledger: Path | None = None,
        mobiles: Mobiles | None = None,
        tap: Tap | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.settings = settings
        self.language = _LANGUAGES[settings.protocol](settings)
        self.faults = Faults(settings.faults.rates, settings.faults.seed)
        self.customers = {account.name: Customer(account) for account in settings.accounts}
        if len(self.customers) < len(settings.accounts):
            raise ConfigError("accounts: two have the same name")
        self.connections: set[Connection] = set()
        self.taken: list[Part] = []
        self.messages: list[Message] = []
        self.binds: list[Bind] = []
        self.counts: Counter[str] = Counter()
        self.odd: list[session.Odd] = []
        self.sequences: list[int] = []  # numbers of all deliveries, in order
        self.port = settings.port
        self.tap: Tap = tap or _Nobody()
        self._wall = wall
        self._path = ledger
        self._mobiles = mobiles or Script(settings.handsets, settings.receipts.after)
        self._tls = tls
        self._ledger = Ledger(None)
        self._by_identity: dict[str, list[Part]] = {}
        self._joins = sms.Reassembly[Part]()
        self._references = 0
        self._numbers = 0
        self._timers: set[asyncio.TimerHandle] = set()
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None

    # --------------------------------------------------------------------------------------------------------- life

    async def __aenter__(self) -> Self:
        self._ledger = Ledger(self._path)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, self.settings.host, self.settings.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        for timer in self._timers:
            timer.cancel()
        for connection in list(self.connections):
            connection.close()
        try:
            async with asyncio.timeout(_FAREWELL):
                await self.until(lambda: not self.connections)
        except TimeoutError:  # a client that does not read what is still to be written
            for connection in list(self.connections):
                connection.reset()
            await self.until(lambda: not self.connections)
        await self._server.wait_closed()
        self._ledger.close()

    async def until(self, true: Callable[[], Any]) -> None:
        """Returns when `true()` is; looks whenever something happened here."""
        while not true():
            self._changed.clear()
            await self._changed.wait()

    def count(self, what: str) -> None:
        """One more; and whoever waits may look."""
        self.counts[what] += 1
        self._changed.set()

    def later(self, delay: float, act: Callable[..., object], *args: object) -> None:
        """After `delay` seconds, unless the centre is closed first."""

        def run() -> None:
            self._timers.discard(timer)
            act(*args)
            self._changed.set()

        timer = asyncio.get_running_loop().call_later(delay, run)
        self._timers.add(timer)

    # -------------------------------------------------------------------------------------------------------- commands

    def order(
        self, fault: Fault, *, times: int = 1, seconds: float | None = None, receiver: str = "*", status: int = 0, delay: float = 0.5
    ) -> None:
        """Something is to go wrong `times` (0 = always), and within `seconds` where given; faults of the wire at once, to everybody bound.

        ConfigError for a fault that the protocol cannot have.
        """
        if fault is Fault.RECEIPT_BASE and self.settings.protocol == "cmpp":
            raise ConfigError(f"{fault}: CMPP's ids are numbers")
        until = None if seconds is None else asyncio.get_running_loop().time() + seconds
        order = Order(fault, times, until, receiver, status, delay)
        bound = [connection for connection in self.connections if connection.bound]
        if FAULTS[fault].occasion is Occasion.WIRE and bound:
            for connection in bound:
                self.count(f"fault: {fault}")
                connection.disturb(order)
        else:
            self.faults.order(order)

    def send(self, message: Incoming, account: str | None = None) -> None:
        """A subscriber sends a message: to the account named, or the one whose number is the longest beginning of the receiver's.

        ConfigError when there is none.
        """
        customer = self._whose(message.receiver) if account is None else self.customers.get(account)
        if customer is None:
            raise ConfigError(f"no account has the number {message.receiver}" if account is None else f"no account {account}")
        self._references += 1
        for down in self.language.incoming(message, self._references & 0xFFFF, self._wall()):
            customer.waiting.append(Parcel("incoming", message.sender, _as_it_is(down)))
        self.count("incoming")
        self.pump(customer)

    def report(self, part: Part, state: str, error: int = 0) -> None:
        """What became of a part: its receipt goes, where one is wanted."""
        part.state, part.error, part.done = state, error, self._wall()
        wanted = part.submit.receipts == 1 or (part.submit.receipts == 2 and state != "DELIVRD")
        if not wanted:
            return
        self.count("reports")
        told = Report(
            part.number, state, error, part.submit.sender, part.receiver, part.at, part.done, part.submit.text, part.submit.reference
        )
        self._post(self.customers[part.account], told)

    def known(self, identity: str) -> list[Part]:
        """The parts that were answered with this id: one, or one for each receiver."""
        return list(self._by_identity.get(identity, ()))

    def hang_up(self, how: Literal["unbind", "close", "reset"] = "unbind", account: str | None = None) -> int:
        """End the sessions of an account, or all: in good order, without a word, or by a reset; how many there were."""
        ended = [
            connection
            for connection in self.connections
            if connection.bound and (account is None or (connection.customer is not None and connection.customer.account.name == account))
        ]
        for connection in ended:
            {"unbind": connection.unbind, "close": connection.close, "reset": connection.reset}[how]()
        return len(ended)

    # ----------------------------------------------------------------------------------------------------- what connections say

    def bind(self, connection: Connection, pdu: Pdu) -> Customer | int | None:
        """Who may come in, the status of a refusal, or nothing at all."""
        known = self.language.login(pdu, {name: customer.account for name, customer in self.customers.items()})
        name = known.name if isinstance(known, Account) else ""
        order = self.faults.draw(Occasion.BIND, name, now=asyncio.get_running_loop().time())
        answer: Customer | int | None
        if order is not None:
            self.count(f"fault: {order.fault}")
            answer = None if order.fault is Fault.BIND_SILENT else order.status or self.language.statuses[order.fault]
        elif isinstance(known, int):
            answer = known
        else:
            answer = self.customers[name]
            if len(answer.connections) >= known.binds:
                answer = self.language.statuses[Fault.BIND_REFUSED]
        status = 0 if isinstance(answer, Customer) else answer
        self.binds.append(Bind(asyncio.get_running_loop().time(), name, status))
        if isinstance(answer, Customer):
            answer.connections.append(connection)
        self.count("binds" if status == 0 else "binds refused")
        return answer

    def asked(self, connection: Connection, pdu: Pdu) -> None:
        """A request of a client that is bound."""
        customer = connection.customer
        assert customer is not None
        try:
            submit = self.language.submit(pdu)
        except DecodeError:
            self.count("submits unreadable")
            connection.settle(pdu, self.language.unreadable)
            return
        if submit is not None:
            self._submitted(connection, customer, pdu, submit)
            return
        identity = self.language.identity_asked(pdu)
        parts = [part for part in self.taken if part.account == customer.account.name]
        if identity is not None:
            parts = [part for part in self._by_identity.get(identity, ()) if part.account == customer.account.name]
        self.count("queries")
        if self.language.cancels(pdu):
            open_parts = [part for part in parts if part.state == "ENROUTE"]
            for part in open_parts:
                self.report(part, "DELETED")
            connection.settle(pdu, *self.language.cancelled(done=bool(open_parts)))
        else:
            connection.settle(pdu, *self.language.inform(pdu, parts))

    def left(self, connection: Connection, customer: Customer, parcels: Sequence[Parcel]) -> None:
        """A session is over; what it did not acknowledge is delivered in the next."""
        customer.connections.remove(connection)
        customer.waiting.extendleft(reversed(parcels))
        self.pump(customer)

    def again(self, customer: Customer, parcel: Parcel) -> None:
        """A delivery was refused or not answered: once more after a while, or never."""
        if parcel.tries >= self.settings.receipts.tries:
            self.count(f"{parcel.kind}s given up")
        else:
            self.later(self.settings.receipts.again, self._enqueue, customer, parcel)

    def pump(self, customer: Customer | None) -> None:
        """Say what waits for the account, as far as its windows are open."""
        while customer is not None and customer.waiting:
            free = next((connection for connection in customer.connections if connection.takes_parcels()), None)
            if free is None:
                return
            parcel = customer.waiting.popleft()
            self.count(f"{parcel.kind}s sent")
            free.deliver(parcel)

    # --------------------------------------------------------------------------------------------------------- inside

    def _connect(self) -> Connection:
        self._numbers += 1
        return Connection(self, self._numbers)

    def _whose(self, number: str) -> Customer | None:
        found = [
            (len(prefix), customer)
            for customer in self.customers.values()
            for prefix in customer.account.numbers
            if number.startswith(prefix)
        ]
        return max(found, key=lambda one: one[0])[1] if found else None

    def _submitted(self, connection: Connection, customer: Customer, pdu: Pdu, submit: Submit) -> None:
        """Too many, throttled, refused, lost, or taken."""
        now = asyncio.get_running_loop().time()
        receiver = submit.receivers[0]
        statuses = self.language.statuses
        if connection.owed >= customer.account.window:
            self.count("submits beyond the window")
            connection.settle(pdu, statuses[Fault.QUEUE_FULL])
            return
        if not customer.within_rate(now):
            self.count("submits beyond the rate")
            connection.settle(pdu, statuses[Fault.THROTTLED])
            return
        order = self.faults.draw(Occasion.SUBMIT, receiver, now=now)
        wire = self.faults.draw(Occasion.WIRE, receiver, now=now)
        for drawn in (order, wire):
            if drawn is not None:
                self.count(f"fault: {drawn.fault}")
        if wire is not None:
            connection.disturb(wire)
        fault = order.fault if order is not None else None
        status = next((refused for to in submit.receivers if (refused := self._mobiles.refuses(submit, to))), 0)
        if order is not None and fault in {Fault.THROTTLED, Fault.QUEUE_FULL, Fault.REFUSED}:
            connection.settle(pdu, order.status or statuses[order.fault])
        elif fault is Fault.LOST:
            connection.reset()
        elif status:
            self.count("submits refused")
            connection.settle(pdu, status)
        else:
            self._take(connection, customer, pdu, submit, order)

    def _take(self, connection: Connection, customer: Customer, pdu: Pdu, submit: Submit, order: Order | None) -> None:
        """Into the ledger, then answered, then on the air."""
        at = self._wall()
        number = self.language.number(self._ledger.last, at)
        identity = self.language.identity(number)
        parts = [
            Part(number, identity, at, customer.account.name, receiver, submit, order.fault if order is not None else "")
            for receiver in submit.receivers
        ]
        for part in parts:
            self._ledger.write(part)
            self.taken.append(part)
            self._by_identity.setdefault(identity, []).append(part)
            self.count("submits taken")
        early = order is not None and order.fault is Fault.EARLY_RECEIPT
        for part in parts:
            outcome = self._mobiles.receive(part)
            if outcome.state and early:
                self.report(part, outcome.state, outcome.error)
            elif outcome.state:
                self.later(outcome.after, self._arrive, part, outcome.state, outcome.error)
        connection.answer(pdu, self.language.answer(pdu, identity), order)
        for part in parts:
            self._join(part)

    def _arrive(self, part: Part, state: str, error: int) -> None:
        if part.state == "ENROUTE":  # not cancelled meanwhile
            self.report(part, state, error)

    def _join(self, part: Part) -> None:
        """The receiver reads a message when its last part has come."""
        submit, at = part.submit, self._wall()
        parts: list[Part] | None = [part]
        if submit.header.concat is not None:
            key = (part.account, submit.sender, part.receiver)
            parts = self._joins.add(key, submit.header.concat, part, len(submit.data), at=at)
        if parts is None:
            return
        data = b"".join(each.submit.data for each in parts)
        message = Message(tuple(parts), self.language.text(data, submit.coding), data)
        self.messages.append(message)
        self.count("messages")
        reply = self._mobiles.read(message)
        if reply is not None:
            answer = Incoming(message.receiver, message.sender, reply.text)
            self.later(reply.after, self.send, answer, part.account)

    def _post(self, customer: Customer, told: Report) -> None:
        """A receipt goes, as its fault has it."""
        order = self.faults.draw(Occasion.RECEIPT, told.receiver, now=asyncio.get_running_loop().time())
        fault = order.fault if order is not None else None
        if order is not None:
            self.count(f"fault: {order.fault}")
        due = [told]
        match fault:
            case Fault.RECEIPT_LOST:
                due = []
            case Fault.RECEIPT_TWICE:
                due = [told, told]
            case Fault.RECEIPT_UNKNOWN:
                due = [told._replace(number=NEVER_ID, reference=None), told]
            case Fault.RECEIPT_BASE:
                due = [told._replace(other_base=True)]
            case Fault.RECEIPT_BACKWARDS:
                earlier = "ENROUTE" if self.settings.protocol == "smpp" else "ACCEPTD"
                due = [told, told._replace(state=earlier, error=0, intermediate=True)]
            case _:
                pass
        parcels = [Parcel("receipt", told.receiver, functools.partial(self.language.receipt, each)) for each in due]
        if fault is Fault.RECEIPT_SHUFFLED:
            customer.shuffled += parcels
            return
        customer.waiting += [*parcels, *customer.shuffled]
        customer.shuffled.clear()
        self.pump(customer)

    def _enqueue(self, customer: Customer, parcel: Parcel) -> None:
        customer.waiting.append(parcel)
        self.pump(customer)
