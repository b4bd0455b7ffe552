"""What handsets do: open sessions, fetch, answer, send; rightly, or by the fault their subscriber has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from sim.agenda import Agenda, Streams
from sim.gateway import MMS, Gateway, Request
from sim.messages import Delivery
from sim.mmsc import Node
from sim.people import FETCHES, REFUSED, Behaviour, Subscriber
from sim.radius import Accounting, Session
from sim.scenario import Handsets as Settings
from sim.scenario import us
from sim.sgsn import Sgsn
from sim.vendor import Vendor

_XHTML: Final = b"application/vnd.wap.xhtml+xml"
_DECLINES: Final = {
    Behaviour.REJECT: b"Rejected",
    Behaviour.DEFER_LATER: b"Deferred",
    Behaviour.DEFER_NEVER: b"Deferred",
    Behaviour.UNRECOGNISED: b"Unrecognised",
}
"""Who answers a notification by something else than a fetch, and what."""


class Hooks(Protocol):
    """What the province does when a handset has acted."""

    def retrieved(self, delivery: Delivery) -> None: ...

    def settled(self, delivery: Delivery, status: int) -> None: ...


class Handsets:
    """All handsets: sessions are shared by what happens at one time, and end some seconds after the last request."""

    def __init__(
        self,
        settings: Settings,
        host: str,
        accounting: Accounting,
        gateways: tuple[Gateway, Gateway],
        agenda: Agenda,
        streams: Streams,
        hooks: Hooks,
        sgsn: Sgsn | None = None,
        moment: int = 0,
    ) -> None:
        """`moment`: pushes that are no further apart (µs) may be taken for one, as the clocks of those who log them go."""
        self._moment = moment
        self._settings = settings
        self._accounting = accounting
        self._gateways = gateways
        self._agenda = agenda
        self._random = streams("handsets")
        self._hooks = hooks
        self._sgsn = sgsn
        self._mmsc = f"http://{host}/".encode()
        name, _, rest = host.partition(".")
        self._wrong: tuple[tuple[bytes, int, bytes], ...] = (  # URL, status, who answers
            (f"http://{name}c.{rest}/".encode(), 502, b""),
            (f"http://{host.replace('example', 'exmaple')}/".encode(), 502, b""),
            (f"http://{host}:8080/".encode(), 502, b""),
            (b"http://mmsc.uniwest.example/", 403, b"edge/3"),
            (b"http://wap.suyun.example/", 200, b"wapweb/2.2"),  # the portal: a page, and no MMSC
        )
        self._old = (f"http://{name}1.{rest}/".encode(), b"http://mms.suyun-old.example:8002/")

    # ------------------------------------------------------------------------------------------------------------- sessions

    def connect(self, owner: Subscriber, then: Callable[..., None], *arguments: object) -> None:
        """`then(session, *arguments)` as soon as he has a session on his MMS APN; to be given back by `release`."""
        ready = self._accounting.ready(owner)
        if ready > self._agenda.now:
            self._agenda.at(ready + self._between((0.5, 2.0)), self._connect, owner, then, *arguments)
        else:
            self._connect(owner, then, *arguments)

    def _connect(self, owner: Subscriber, then: Callable[..., None], *arguments: object) -> None:
        session = owner.session
        delay = (0.05, 0.2)
        if session is None or session.closed:
            session = owner.session = self._accounting.open(owner, owner.apn)
            delay = (0.3, 0.8)
        session.users += 1
        self._agenda.after(self._between(delay), then, session, *arguments)

    def release(self, session: Session) -> None:
        session.users -= 1
        session.released = self._agenda.now
        if not session.standing:
            self._agenda.after(self._between(self._settings.linger), self._hang_up, session, session.released)

    def _hang_up(self, session: Session, released: int) -> None:
        if not session.users and session.released == released:
            self._accounting.close(session)

    # --------------------------------------------------------------------------------------------------------------- pushes

    def pushed(self, delivery: Delivery) -> None:
        """A notification is on the display."""
        receiver = delivery.receiver
        behaviour = receiver.behaviour
        apart, receiver.pushed = self._agenda.now - receiver.pushed > self._moment, self._agenda.now
        wait = self._between(self._settings.reaction)
        if self._agenda.now + wait >= delivery.expiry - us(1.5):
            return
        if behaviour is Behaviour.WRONG_APN:
            self._agenda.after(wait, self._stray, receiver, "cmnet", apart)
        elif behaviour is Behaviour.MVNO_STRAY:
            self._agenda.after(wait, self._stray, receiver, receiver.internet_apn)
        elif behaviour in REFUSED:
            self._agenda.after(wait, self._refused, receiver)
        elif behaviour is Behaviour.DENIED:
            self._agenda.after(wait, self.connect, receiver, self._denied, delivery)
        elif behaviour is Behaviour.WRONG_PROXY:
            self._agenda.after(wait, self._stray, receiver, "cmwap")
        elif behaviour is Behaviour.NO_FETCH:
            if receiver.standing == "cmwap":
                self._agenda.after(wait, self._look, receiver)
            elif not receiver.standing and receiver.variant > 0.75 and not receiver.reactions:
                self._agenda.after(wait, self._stray, receiver, "cmnet")  # chance: an internet session after a push
        elif not delivery.acting and not delivery.fetched:
            if behaviour in FETCHES:
                delivery.acting = True
                self._agenda.after(wait, self.connect, receiver, self._fetch, delivery)
            elif behaviour in _DECLINES:
                delivery.acting = True
                self._agenda.after(wait, self.connect, receiver, self._decline, delivery)

    def _stray(self, receiver: Subscriber, apn: str, apart: bool = False) -> None:
        """A session that leads nowhere: on the internet APN, or to a proxy that is none."""
        if self._accounting.ready(receiver) > self._agenda.now:
            self._agenda.at(self._accounting.ready(receiver) + us(0.5), self._stray, receiver, apn, apart)
            return
        if receiver.internet is not None and not receiver.internet.closed:
            self._accounting.close(receiver.internet)
        receiver.internet = session = self._accounting.open(receiver, apn)
        receiver.reactions += 1
        receiver.moments += apart
        session.octets_in = self._random.randrange(120, 640)
        self._agenda.after(self._between(self._settings.linger), self._accounting.close, session)

    def _refused(self, receiver: Subscriber) -> None:
        """The SGSN does not let him: no session, and no accounting of one."""
        if self._sgsn is not None:
            apn, event, cause = REFUSED[receiver.behaviour]
            self._sgsn.refuse(receiver, apn, event, cause)

    def _denied(self, session: Session, delivery: Delivery) -> None:
        """The proxy he has been set to wants to know who he is: 407, or a page to log in instead of the message."""
        receiver = delivery.receiver
        status = 407 if receiver.variant < 0.5 else 200
        kind = b"text/html" if status == 407 else _XHTML
        self._gateway(receiver).log(receiver, session, Request(b"GET", delivery.location, status, 612, 0, b"-", kind, b"edge/3"))
        self.release(session)

    def chance(self, subscriber: Subscriber, then: Callable[[], None]) -> None:
        """An internet session that has nothing to do with any push; `then` follows when it is over, or could not be."""
        open_now = subscriber.internet is not None and not subscriber.internet.closed
        if not open_now and self._accounting.ready(subscriber) <= self._agenda.now:
            subscriber.internet = session = self._accounting.open(subscriber, subscriber.internet_apn)
            session.octets_in, session.octets_out = self._random.randrange(900, 9_000), self._random.randrange(5_000, 90_000)
            self._agenda.after(self._between((4, 20)), self._accounting.close, session)
        then()

    def post_home(self, session: Session, subscriber: Subscriber) -> None:
        """Another operator's subscriber sends by that operator's MMSC: right for him, and none of ours."""
        request = Request(b"POST", b"http://mms.mvno.example/", 200, 58, 5_400, MMS, MMS, b"mvno/1")
        self._gateway(subscriber).log(subscriber, session, request)
        self.release(session)

    def too_late(self, delivery: Delivery) -> None:
        """He asks for a message that has just expired, or a while after everybody has written it off."""
        wait = 0
        if delivery.message.node.down:
            delivery.got = 503
        else:
            delivery.gone = True
            wait = us(self._settings.late[0]) if delivery.receiver.variant < 0.5 else 0
        self._agenda.after(wait, self.connect, delivery.receiver, self._gone, delivery)

    def _gone(self, session: Session, delivery: Delivery) -> None:
        if delivery.got:
            self._unavailable(delivery.receiver, session, b"GET", delivery.location)
            self.release(session)
            return
        request = Request(b"GET", delivery.location, 404, 283, 0, b"-", b"text/html", b"Kannel/1.4.5")
        self._gateway(delivery.receiver).log(delivery.receiver, session, request)
        self.release(session)

    def _look(self, receiver: Subscriber) -> None:
        """He browses in his standing session, and lets the message lie."""
        session = receiver.session
        if session is not None and not session.closed:
            request = Request(b"GET", b"http://wap.suyun.example/home.xhtml", 200, 1366, 0, b"-", _XHTML, b"wapweb/2.2")
            self._gateway(receiver).log(receiver, session, request)

    def browse_off(self, delivery: Delivery) -> None:
        """The SMSC does not reach him, and yet he browses: its receipts are contradicted."""
        delivery.browsed = True
        self.connect(delivery.receiver, self._browse_off, delivery.receiver)

    def _browse_off(self, session: Session, receiver: Subscriber) -> None:
        request = Request(b"GET", b"http://wap.suyun.example/index.wml", 200, 1095, 0, b"-", b"text/vnd.wap.wml", b"wapweb/2.2")
        self._gateway(receiver).log(receiver, session, request)
        self.release(session)

    # ---------------------------------------------------------------------------------------------------- fetch and answer

    def _fetch(self, session: Session, delivery: Delivery) -> None:
        if delivery.closed or self._agenda.now >= delivery.expiry - us(1):
            self.release(session)
            return
        receiver, message = delivery.receiver, delivery.message
        if message.node.down:
            delivery.got = 503
            delivery.acting = False  # the next notification finds him ready
            self._unavailable(receiver, session, b"GET", delivery.location)
            self.release(session)
            return
        if delivery.answer and isinstance(message.node, Vendor):
            delivery.unread = True
            message.node.fetch_failed(receiver.plus, receiver.agent, message.identity, delivery.answer)
            self._retrieve(delivery, session, 101)
            self.release(session)
            return
        again = delivery.fetches > 0
        delivery.got = 200
        message.node.fetched(delivery.sender_text, receiver.plus, message.identity, delivery.size, receiver.agent)
        if receiver.behaviour is Behaviour.BROKEN:  # the MMSC has handed it out; what comes is a part of it
            delivery.broken += 1
            delivery.acting = False
            # a proxy counts its headers too: what is left of a small message must not look whole
            self._retrieve(delivery, session, max(min(delivery.size * self._random.randrange(5, 80) // 100, delivery.size - 600), 0))
            self.release(session)
            return
        delivery.fetches += 1
        self._retrieve(delivery, session, delivery.size + 15 + receiver.ggsn * 20)
        if not again:
            delivery.fetched = self._agenda.now
            if not delivery.signed:
                delivery.signed = self._agenda.now
            self._hooks.retrieved(delivery)
            if receiver.behaviour is Behaviour.REFETCH and receiver.variant < 0.5:
                self._agenda.after(self._between((0.8, 1.6)), self._fetch, session, delivery)
                return
        self._agenda.after(self._between((0.05, 0.4)), self._answer, session, delivery)

    def _answer(self, session: Session, delivery: Delivery) -> None:
        """NotifyResp or Acknowledge after a fetch."""
        receiver = delivery.receiver
        if receiver.behaviour is Behaviour.NO_ACK:
            self.release(session)
        elif receiver.behaviour in {Behaviour.WRONG_MMSC, Behaviour.WRONG_PATH}:
            delivery.astray = True
            self._astray(receiver, session, 44)
            self.release(session)
        elif self._respond(session, delivery, b"Retrieved"):
            delivery.confirmed = self._agenda.now
            if receiver.behaviour is Behaviour.REFETCH and receiver.variant >= 0.5:
                self._agenda.after(self._between((0.8, 1.6)), self._fetch_gone, session, delivery)
            else:
                self.release(session)
                self._hooks.settled(delivery, 0x81)
        else:
            self.release(session)

    def _fetch_gone(self, session: Session, delivery: Delivery) -> None:
        """He asks again after the MMSC has forgotten it: HTTP 200, and an M-Retrieve.conf that says "not found"."""
        if not delivery.message.node.down:
            delivery.message.node.fetch_failed(delivery.receiver.plus, delivery.receiver.agent)
            self._retrieve(delivery, session, 101)
        self.release(session)
        self._hooks.settled(delivery, 0x81)

    def _decline(self, session: Session, delivery: Delivery) -> None:
        """NotifyResp Rejected or Deferred; who means to fetch later comes back."""
        receiver = delivery.receiver
        if delivery.closed or self._agenda.now >= delivery.expiry - us(1):
            self.release(session)
            return
        answer = _DECLINES[receiver.behaviour]
        if not self._respond(session, delivery, answer):
            delivery.acting = False
        elif answer == b"Unrecognised":
            delivery.unrecognised = self._agenda.now
            self._hooks.settled(delivery, 0x84)
        elif answer == b"Rejected":
            delivery.rejected = self._agenda.now
            self._hooks.settled(delivery, 0x82)
        else:
            delivery.deferred = self._agenda.now
            if receiver.behaviour is Behaviour.DEFER_LATER:
                self._agenda.after(self._between(self._settings.defer), self.connect, receiver, self._fetch, delivery)
        self.release(session)

    def _respond(self, session: Session, delivery: Delivery, status: bytes) -> bool:
        """Whether the answer reached the MMSC."""
        receiver, node = delivery.receiver, delivery.message.node
        if delivery.closed:
            return False
        if node.down:
            self._unavailable(receiver, session, b"POST", self._mmsc)
            return False
        size = 13 + len(delivery.transaction)
        node.answered(receiver.plus, status, delivery.transaction, size, receiver.agent)
        self.post(receiver, session, size, 8, b"text/plain")
        return True

    # ------------------------------------------------------------------------------------------------------------- requests

    def post(self, sender: Subscriber, session: Session, size: int, octets: int = 58, kind: bytes = MMS, status: int = 200) -> None:
        """A POST to the MMSC. With a status of 504, or few octets, its answer got lost: the node has taken the message all the same."""
        server = b"Kannel/1.4.5" if status == 200 else b"edge/3"
        if status != 200:
            octets, kind = 45, b"text/html"
        millis = self._random.randrange(1, 6)
        request = Request(b"POST", self._mmsc, status, octets, size, MMS, kind, server, millis, self._asked(sender))
        self._gateway(sender).log(sender, session, request)

    def _asked(self, sender: Subscriber) -> bytes:
        """The address that his handset has, where the proxy puts it right."""
        return self._old[int(sender.variant * len(self._old))] if sender.behaviour is Behaviour.REWRITTEN else b""

    def post_unavailable(self, sender: Subscriber, session: Session) -> None:
        self._unavailable(sender, session, b"POST", self._mmsc)

    def submit_astray(self, session: Session, sender: Subscriber, size: int) -> None:
        """A whole message posted to a wrong address: an attempt, and no message."""
        self._astray(sender, session, size)
        self.release(session)

    def _astray(self, sender: Subscriber, session: Session, size: int) -> None:
        if sender.behaviour is Behaviour.WRONG_PATH:
            status = 404 if sender.variant < 0.7 else 405
            request = Request(b"POST", self._mmsc + b"mms", status, 80, size, MMS, b"text/html", b"edge/3")
        else:
            url, status, server = self._wrong[int(sender.variant * len(self._wrong))]
            kind = _XHTML if status == 200 else b"text/html"
            request = Request(b"POST", url, status, 1300 if server else 0, size, MMS, kind, server)
        self._gateway(sender).log(sender, session, request)

    def _retrieve(self, delivery: Delivery, session: Session, octets: int) -> None:
        receiver = delivery.receiver
        millis = self._random.randrange(2, 30)
        self._gateway(receiver).log(receiver, session, Request(b"GET", delivery.location, 200, octets, 0, b"-", MMS, millis=millis))

    def _unavailable(self, sender: Subscriber, session: Session, method: bytes, url: bytes) -> None:
        kind = MMS if method == b"POST" else b"-"
        status = self._random.choice((500, 503))
        asked = self._asked(sender) if method == b"POST" else b""
        self._gateway(sender).log(sender, session, Request(method, url, status, 45, 40, kind, b"text/html", b"edge/3", asked=asked))

    def read_report(self, session: Session, reader: Subscriber, node: Node) -> None:
        """M-Read-Rec.ind about something read long ago."""
        if node.down:
            self._unavailable(reader, session, b"POST", self._mmsc)
        else:
            node.read_report(reader.plus, reader.agent)
            self.post(reader, session, 62, 8, b"text/plain")
        self.release(session)

    def _gateway(self, subscriber: Subscriber) -> Gateway:
        return self._gateways[0 if subscriber.wapbox else 1]

    def _between(self, span: tuple[float, float]) -> int:
        return us(self._random.uniform(*span))
