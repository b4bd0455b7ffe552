"""The whole province: nodes, handsets, time. A message is submitted, notified, fetched or not, and its truth written down."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from mmsd.model import SECOND
from sim import vendor
from sim.agenda import Agenda, Streams
from sim.browse import Visitors
from sim.campaign import Seed
from sim.clocks import Clock
from sim.files import LogFile, Rotate
from sim.gateway import TICK, Gateway, Squid, Wapbox
from sim.handset import Handsets
from sim.messages import ANSWERED, Answer, Delivery, Lineage, Message
from sim.mmsc import Node
from sim.ota import MmsSettings
from sim.owners import Owners
from sim.people import REFUSED, SESSIONLESS, Behaviour, People, Subscriber, write_lists, write_prefixes
from sim.radius import Accounting, Session
from sim.scenario import Fault, Scenario, Swap, us
from sim.sgsn import OPTIONS, Sgsn
from sim.smsc import EXPIRED, Bearerbox
from sim.truth import REFUSALS, UNREAD, Truth
from sim.vendor import Vendor

_SUBJECTS: Final = ("晚霞", "工作安排", "See K7K", "生日快乐", "今天的照片", "Fwd: pic", "会议通知", "")
_REOPEN: Final = 1.0  # s between the rename of an MMSC's log and its reopening
NEVER: Final = 1 << 62
_CHANCES: Final = frozenset({Behaviour.HEALTHY, Behaviour.NO_FETCH, Behaviour.WRONG_MMSC, Behaviour.DEFER_NEVER, Behaviour.NO_ACK})
"""Who has internet sessions of his own now and then."""


class Province:
    """Everything that happens from `start` on (µs UTC, a whole second); `messages` 0 = until `cutoff`.

    The caller moves time (`agenda.run`) and flushes; after `finish` the files are closed and the truth is final or says "open".
    """

    def __init__(
        self, scenario: Scenario, out: Path, start: int, *, seed: int | None = None, cutoff: int = NEVER, messages: int = 0
    ) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.agenda = agenda = Agenda(start)
        self.cutoff = cutoff
        self.open: dict[int, Delivery] = {}
        self.owners: Owners | None = None  # who hear from the operator, where there is an SMS centre
        self.right = MmsSettings("cmwap", "10.0.0.172", 80, f"http://{scenario.mmsc.host}/")
        self._scenario = scenario
        self._out = out
        self._start = start
        self._left = messages
        self._limited = messages > 0
        self._rate = scenario.run.messages / scenario.run.submitting if cutoff != NEVER else messages / scenario.run.submitting
        self._numbers = 0
        self._failed_submits = 0
        self._posting: dict[bytes, int] = {}  # until when a handset is busy sending
        self._busy: dict[bytes, int] = {}  # deliveries under way, by receiver
        self.seed_number = scenario.run.seed if seed is None else seed
        streams = Streams(self.seed_number)
        self._random = streams("province")
        zone = ZoneInfo(scenario.run.zone)

        def clock(feed: str) -> Clock:
            return Clock(zone, us(scenario.skew.get(feed, 0.0)) // TICK * TICK)

        rotation = scenario.rotation
        self.people = People(scenario.population, streams, scenario.models)
        self._swapping = streams("swaps")
        self._losing = streams("lost submits")
        self._link_down = False
        makes = [Node] * (scenario.mmsc.nodes - scenario.vendor.nodes) + [Vendor] * scenario.vendor.nodes
        self.nodes = [
            make(i, out, scenario.mmsc.host, clock(f"mmsc{i + 1}"), agenda, streams, Rotate.RENAME) for i, make in enumerate(makes)
        ]
        self._foreign = streams("vendor")
        self._peers: set[Node] = set()  # whose log has an answer of another MMSC
        self.sms = Bearerbox(out, clock("sms"), agenda, streams, Rotate.GZIP)
        wapbox = Wapbox(out, clock("wapbox"), agenda, Rotate.COPY)
        self._squid = squid = Squid(
            out, clock("squid"), agenda, Rotate.RENAME, rewrites=Behaviour.REWRITTEN in scenario.population.behaviours
        )
        self.gateways: tuple[Gateway, Gateway] = (wapbox, squid)
        self.accounting = Accounting(out, scenario.radius, agenda, streams, (clock("radius1"), clock("radius2")))
        self.sgsn = Sgsn(out, clock("sgsn"), agenda) if scenario.sgsn.events else None
        self.handsets = Handsets(
            scenario.handsets, scenario.mmsc.host, self.accounting, self.gateways, agenda, streams, self, self.sgsn,
            us(1.5 * float(scenario.daemon.get("skew", 0))),
        )  # fmt: skip
        self.seed = Seed(scenario.campaign, self.people, self, agenda, streams)
        late = us(float(scenario.daemon.get("T2", 180)))
        campaign = scenario.campaign
        self.truth = Truth(out, campaign.id, campaign.seed, zone, late, scenario.complaints, streams("complaints"))
        self.visitors = [self._invite(gateway, gateway is wapbox, streams) for gateway in self.gateways]

        if scenario.radius.past:
            used = [s for s in self.people.subscribers if s.behaviour not in SESSIONLESS and s.behaviour not in REFUSED]
            self.accounting.write_past(self.people.browsers, used, out)
        self.feeds: dict[str, LogFile] = {node.name: node.file for node in self.nodes}
        self.feeds |= {"sms": self.sms.file, "wapbox": wapbox.file, "squid": squid.file}
        self.feeds |= {f"radius{i + 1}": file for i, file in enumerate(self.accounting.feeds)}
        if self.sgsn is not None:
            self.feeds["sgsn"] = self.sgsn.file
        for name, seconds in scenario.begins.items():
            self.feeds[name].muted = True
            agenda.after(us(seconds), self._begin, self.feeds[name])
        write_prefixes(out / "cities.csv")
        write_lists(self.people, scenario.models, out / "handsets.csv", out / "tac.csv")
        (out / "feeds.json").write_bytes(msgspec.json.format(msgspec.json.encode(self._feeds(scenario)), indent=1) + b"\n")
        periods = {node.name: rotation.mmsc for node in self.nodes}
        self._schedule(periods | {"sms": rotation.sms, "wapbox": rotation.wapbox, "squid": rotation.squid})

    # ---------------------------------------------------------------------------------------------------------------- start

    def _invite(self, gateway: Gateway, wapbox: bool, streams: Streams) -> Visitors:
        visitors = [v for v in self.people.browsers if v.wapbox is wapbox]
        residents = [s for s in self.people.senders if s.wapbox is wapbox and s.standing == "cmwap" and s.behaviour is Behaviour.HEALTHY]
        return Visitors(gateway, self._scenario.browsing, self.accounting, self.agenda, streams, visitors, residents)

    def _schedule(self, periods: dict[str, float]) -> None:
        agenda, run = self.agenda, self._scenario.run
        warm = us(run.warmup)
        for subscriber in self.people.subscribers:
            if subscriber.standing:
                agenda.after(round(warm * 0.8 * self._random.random()), self._stand, subscriber)
        agenda.after(TICK, self._tick)
        agenda.after(warm, self.seed.launch)
        agenda.after(warm, self._next_submit)
        for node in self.nodes:
            agenda.after(SECOND, self._next_read_report, node)
        agenda.after(SECOND, self._next_text)
        if self.sgsn is not None:
            agenda.after(SECOND, self._next_detach, self.sgsn, Streams(run.seed)("detaches"))
        chances = Streams(run.seed)("chances")
        for subscriber in self.people.subscribers:
            if subscriber.behaviour in _CHANCES and self._scenario.population.chance:
                self._next_chance(subscriber, chances, begin=True)
            if subscriber.behaviour is Behaviour.MVNO:
                agenda.after(us(chances.uniform(2, 20)), self._next_home, subscriber, chances)
        for swap in self._scenario.swaps:
            agenda.after(us(swap.at), self._swap, swap)
        for fault in self._scenario.faults:
            agenda.after(us(fault.start), self._break, fault)
        for at in self._scenario.radius.restart:
            agenda.after(us(at), self._restart)
        for name, period in periods.items():
            if period:
                agenda.after(us(period), self._rotate, name, us(period))

    def _feeds(self, scenario: Scenario) -> dict[str, Any]:
        """`feeds.json`: what a daemon's configuration needs to know."""
        zone = scenario.run.zone
        feeds: list[dict[str, Any]] = [
            {"name": node.name, "dialect": "mbuni", "glob": f"{node.name}/mmsc-access.log*", "node": node.name, "zone": zone}
            for node in self.nodes
            if not isinstance(node, Vendor)
        ]
        feeds += [
            {
                "name": node.name, "dialect": "columns", "role": "mmsc", "glob": f"{node.name}/mms.log*", "node": node.name, "zone": zone,
                "options": vendor.OPTIONS,
            }
            for node in self.nodes
            if isinstance(node, Vendor)
        ]  # fmt: skip
        feeds += [
            {"name": "sms", "dialect": "kannel-sms", "glob": "kannel/bearerbox-access.log*", "node": "sms1", "zone": zone},
            {"name": "wapbox", "dialect": "kannel-wap", "glob": "kannel/wapbox-access.log*", "node": "wap1", "zone": zone},
            {"name": "squid", "dialect": "http", "glob": "squid/access-mms.log*", "node": "proxy1", "format": self._squid.format},
        ]
        feeds += [
            {
                "name": f"radius{i}",
                "dialect": "radius",
                "glob": f"radius/{file.path.parent.name}/detail-*",
                "node": f"ggsn{i}",
                "zone": zone,
            }
            for i, file in enumerate(self.accounting.feeds, 1)
        ]
        if scenario.radius.apns:
            for feed in feeds[-2:]:
                feed["apns"] = scenario.radius.apns
        if self.sgsn is not None:
            feeds.append(
                {
                    "name": "sgsn",
                    "dialect": "columns",
                    "role": "sgsn",
                    "glob": "sgsn/sm_events.csv",
                    "node": "sgsn1",
                    "zone": zone,
                    "options": OPTIONS,
                }
            )
        for feed in feeds:
            feed |= {key: times[feed["name"]] for key, times in (("late", scenario.late),) if feed["name"] in times}
            if feed["name"] in scenario.begins:
                feed["begins"] = self._start + us(scenario.begins[feed["name"]])
        campaign = scenario.campaign
        return {
            "scenario": scenario.name,
            "feeds": feeds,
            "daemon": dict(scenario.daemon),
            "expected": {"mmsc": f"http://{scenario.mmsc.host}/", "mms_apn": "cmwap", "internet_apn": "cmnet"},
            "push_errors": {"3:1": "barred", "3:27": "absent", "3:8": "rejected", "3:22": "full"},
            "own": {"short_codes": ["106587999", campaign.short_code], "vasp": campaign.vasp},
            "cities": "cities.csv",
            "lists": {"handsets": "handsets.csv", "tac": "tac.csv"},
            "campaign": {
                "id": campaign.id,
                "seed": campaign.seed,
                "subject": campaign.subject,
                "tag": campaign.tag,
                "size_min": round(campaign.size * (1 - campaign.tolerance)),
                "size_max": round(campaign.size * (1 + campaign.tolerance)) + 60,
                "short_code": campaign.short_code,
                "hold": scenario.daemon.get("hold", 60),
                "resends": [campaign.resender] if campaign.resender else [],
            },
        }

    # -------------------------------------------------------------------------------------------------------------- traffic

    def _next_submit(self) -> None:
        if self.agenda.now >= self.cutoff:
            return
        self._ordinary()
        if self._limited:
            self._left -= 1
            if not self._left:
                self.cutoff = self.agenda.now
                return
        self.agenda.after(us(self._random.expovariate(self._rate)), self._next_submit)

    def _ordinary(self) -> None:
        """One message between subscribers, or the try of one whose handset knows a wrong MMSC."""
        random_, traffic = self._random, self._scenario.traffic
        size = random_.randrange(500, 30_000)
        if self.people.astray and random_.random() < traffic.failing_submits:
            sender = random_.choice(self.people.astray)
            self._failed_submits += 1
            self.handsets.connect(sender, self.handsets.submit_astray, sender, size)
            return
        sender = random_.choice(self.people.senders)
        if traffic.lost and self._losing.random() < traffic.lost:
            self.handsets.connect(sender, self._lose, sender, size)
            return
        receivers = [r for r in random_.sample(self.people.subscribers, random_.choice(traffic.receivers)) if r is not sender]
        if self._foreign.random() < self._scenario.vendor.abroad and isinstance(self._home(sender), Vendor):
            receivers.append(self._foreign.choice(self.people.abroad))
        charset = "gb18030" if random_.random() < traffic.gb2312 else "utf-8"
        subject = random_.choice(_SUBJECTS).encode(charset)
        if random_.random() < self._scenario.campaign.decoys:
            subject, size = self.seed.decoy(random_, subject, size)
        self.submit(sender, receivers, subject=subject, size=size, lineage=None)

    def _next_read_report(self, node: Node) -> None:
        """Something for every node to write, even while nobody sends: reports on what was read long ago, by people who wait for nothing."""
        for _ in range(8):
            reader = self._random.choice(self.people.senders)
            if reader.behaviour is Behaviour.HEALTHY and not self._busy.get(reader.digits):
                self.handsets.connect(reader, self.handsets.read_report, reader, node)
                break
        self.agenda.after(us(self._random.uniform(0.5, 1.5) / self._scenario.traffic.read_reports), self._next_read_report, node)

    def _next_text(self) -> None:
        to = self._random.choice(self.people.browsers)
        fid, service = self.sms.text(to)
        wait = self._between(self._scenario.handsets.receipt)
        self.agenda.after(wait, self.sms.receipt, to, fid, "DELIVRD", self.agenda.now, service)
        self.agenda.after(us(self._random.uniform(0.5, 1.5) / self._scenario.traffic.plain_sms), self._next_text)

    def _next_detach(self, sgsn: Sgsn, random_: random.Random) -> None:
        sgsn.detach(random_.choice(self.people.browsers))
        self.agenda.after(us(random_.uniform(0.5, 1.5)), self._next_detach, sgsn, random_)

    def _next_chance(self, subscriber: Subscriber, random_: random.Random, *, begin: bool = False) -> None:
        """Internet sessions of his own: they begin when they like, and so now and then soon after a push."""
        wait = us(random_.expovariate(1 / self._scenario.population.chance))
        if not begin and subscriber.behaviour not in _CHANCES:  # the number is somebody else's now
            return
        self.agenda.after(wait, self.handsets.chance, subscriber, lambda: self._next_chance(subscriber, random_))

    def _next_home(self, subscriber: Subscriber, random_: random.Random) -> None:
        self.handsets.connect(subscriber, self.handsets.post_home, subscriber)
        self.agenda.after(us(random_.uniform(10, 40)), self._next_home, subscriber, random_)

    # --------------------------------------------------------------------------------------------------------------- submit

    def submit(self, sender: Subscriber, receivers: list[Subscriber], *, subject: bytes, size: int, lineage: Lineage | None) -> None:
        """A subscriber composes and sends; nothing where there is nobody to send to."""
        if receivers:
            self.handsets.connect(sender, self._submit, sender, receivers, subject, size, lineage, iter((ANSWERED,)))

    def submit_again(
        self, sender: Subscriber, receivers: list[Subscriber], answers: Sequence[Answer], *, subject: bytes, size: int, lineage: Lineage
    ) -> int:
        """The MMSC takes it each time, and the handset sends the same again, whatever its answers: messages in the logs, one in truth.

        Returns when the last try begins, in µs from now. Tries that wait for one session may go in any order; the answers do not, or a
        handset that was answered would send once more.
        """
        wait = 0
        if receivers:
            in_order = iter(answers)
            self.handsets.connect(sender, self._submit, sender, receivers, subject, size, lineage, in_order)
            for _ in answers[1:]:
                wait += self._between(self._scenario.campaign.resend)
                self.agenda.after(wait, self.handsets.connect, sender, self._submit, sender, receivers, subject, size, lineage, in_order)
        return wait

    def _submit(
        self,
        session: Session,
        sender: Subscriber,
        receivers: list[Subscriber],
        subject: bytes,
        size: int,
        lineage: Lineage | None,
        answers: Iterator[Answer],
    ) -> None:
        if wait := self._wait(sender):
            self.agenda.after(wait, self._submit, session, sender, receivers, subject, size, lineage, answers)
            return
        answer = next(answers)
        node = self._home(sender)
        if node.down:
            self._failed_submits += 1
            self.handsets.post_unavailable(sender, session)
        elif self.agenda.now < self.cutoff + 5 * SECOND or (lineage is not None and lineage.group):  # a try that is due is made
            posted = size - 64  # Mbuni adds its headers
            report = self._random.random() < self._scenario.traffic.report
            message = Message(node, self._message_id(node), subject, size, report, lineage)
            if isinstance(node, Vendor) and lineage is None and self._foreign.random() < self._scenario.vendor.refused:
                self._refuse(session, sender, receivers, message, node, posted)
                return
            node.received(sender.plus, [r.plus for r in receivers], message.identity, posted, sender.agent)
            if lineage is not None and not lineage.group:
                lineage.group = message.identity
            self.handsets.post(sender, session, posted, answer.octets, status=answer.status)
            for receiver in receivers:
                self._deliver(message, sender, sender.plus, receiver, subject, size, lineage, report=report)
        self.handsets.release(session)

    def _lose(self, session: Session, sender: Subscriber, size: int) -> None:
        """The gateway answers, and nothing of it is at any MMSC."""
        self.handsets.post(sender, session, size)
        self.handsets.release(session)
        self.truth.lose(sender, self.agenda.now)

    def _refuse(
        self, session: Session, sender: Subscriber, receivers: list[Subscriber], message: Message, node: Vendor, posted: int
    ) -> None:
        """The MMSC does not take it, and tells why: HTTP 200, and an M-Send.conf with an error."""
        status = self._foreign.choice(REFUSALS)
        node.refused(sender.plus, [r.plus for r in receivers], message.identity, status, sender.agent)
        self.handsets.post(sender, session, posted)
        self.handsets.release(session)
        for receiver in receivers:
            delivery = self._leg(message, sender, sender.plus, receiver, message.subject, message.size, None)
            delivery.end, delivery.answer = "refused", status
            self._close(delivery)

    def submit_vasp(self, receivers: list[Subscriber], lineage: Lineage) -> None:
        """The campaign's short code sends the seed by MM7."""
        campaign = self._scenario.campaign
        node = self._random.choice(self.nodes)
        subject = campaign.subject.encode()
        message = Message(node, self._message_id(node), subject, campaign.size, report=False, lineage=lineage)
        code = campaign.short_code.encode()
        node.received_vasp(campaign.vasp, code, [r.plus for r in receivers], message.identity)
        for receiver in receivers:
            self._deliver(message, None, code, receiver, subject, campaign.size, lineage)

    def forward(self, original: Delivery, receivers: list[Subscriber], lineage: Lineage) -> None:
        """M-Forward.req: the same message id, a new leg for each receiver, no subject in the notification."""
        if receivers:
            self.handsets.connect(original.receiver, self._forward, original, receivers, lineage)

    def _forward(self, session: Session, original: Delivery, receivers: list[Subscriber], lineage: Lineage) -> None:
        sender, message = original.receiver, original.message
        if wait := self._wait(sender):
            self.agenda.after(wait, self._forward, session, original, receivers, lineage)
            return
        node = message.node
        if node.down:
            self._failed_submits += 1
            self.handsets.post_unavailable(sender, session)
        elif self.agenda.now < self.cutoff + 5 * SECOND:
            node.forwarded(sender.plus, [r.plus for r in receivers], b"%s@%s" % (node.queue(), node.host), sender.agent)
            lineage.group = message.identity
            self.handsets.post(sender, session, 120)
            report = self._random.random() < self._scenario.traffic.report
            for receiver in receivers:
                self._deliver(message, sender, sender.plus, receiver, b"", original.size + 30, lineage, report=report)
        self.handsets.release(session)

    def _wait(self, sender: Subscriber) -> int:
        """µs until his handset has sent what it is sending; 0 = it begins now."""
        wait = max(self._posting.get(sender.digits, 0) - self.agenda.now, 0)
        if not wait:
            self._posting[sender.digits] = self.agenda.now + us(self._scenario.campaign.posting)
        return wait

    def _home(self, subscriber: Subscriber) -> Node:
        return self.nodes[int(subscriber.digits[5:9]) % len(self.nodes)]

    def _message_id(self, node: Node) -> bytes:
        """A new id; rarely one that another node has just given out, for each node counts for itself."""
        if self._random.random() < self._scenario.mmsc.shared_ids:
            other = self._random.choice(self.nodes)
            if other is not node and other.last_id and other.last_id != node.last_id:
                node.last_id = other.last_id
                return node.last_id
        return node.message_id()

    # ------------------------------------------------------------------------------------------------------------- delivery

    def _deliver(
        self,
        message: Message,
        sender: Subscriber | None,
        sender_text: bytes,
        receiver: Subscriber,
        subject: bytes,
        size: int,
        lineage: Lineage | None,
        *,
        report: bool = False,
    ) -> None:
        delivery = self._leg(message, sender, sender_text, receiver, subject, size, lineage, report=report)
        if isinstance(message.node, Vendor) and self._ends(delivery, message.node):
            return
        first = self._between(self._scenario.mmsc.queue)
        for wait in self._scenario.mmsc.notify:
            self.agenda.after(first + us(wait), self._notify, delivery)
        self.agenda.at(delivery.expiry, self._expire, delivery)

    def _ends(self, delivery: Delivery, node: Vendor) -> bool:
        """Whether this node does something else with it than notify somebody; if it does, whether a retrieval will fail is drawn."""
        draw, settings = self._foreign.random(), self._scenario.vendor
        wait = self._between(self._scenario.mmsc.queue)
        if delivery.receiver.behaviour is Behaviour.ABROAD:
            self.agenda.after(wait, self._send_out, delivery, node)
        elif delivery.sender is not None and delivery.lineage is None and draw < settings.deleted:
            self.agenda.after(wait, self._end, delivery, node, "deleted", vendor.DELETED)
        elif delivery.receiver.behaviour is Behaviour.NO_MMS:
            self.agenda.after(wait, self._end, delivery, node, "album", vendor.ALBUM)
        else:
            if delivery.lineage is None and draw > 1 - settings.unread:
                delivery.answer = self._foreign.choice(UNREAD)
            return False
        return True

    def _end(self, delivery: Delivery, node: Vendor, end: str, code: int) -> None:
        node.ended(delivery.sender_text, delivery.receiver.plus, delivery.message.identity, code)
        delivery.end = end
        self._close(delivery)

    def _send_out(self, delivery: Delivery, node: Vendor) -> None:
        """To another MMSC, whose answer is logged, or never comes: before there was one nobody knows that answers are logged."""
        message = delivery.message
        node.sent_out(delivery.sender_text, delivery.receiver.plus, message.identity)
        delivery.end = self._foreign.choice(("ok", "ok", "error", "none")) if node in self._peers else "ok"
        if delivery.end == "none":
            self.agenda.at(delivery.expiry, self._close, delivery)
        else:
            status = vendor.OK if delivery.end == "ok" else self._foreign.choice(vendor.ERRORS)
            self.agenda.after(self._between(self._scenario.mmsc.queue), self._peer_answers, delivery, node, status)

    def _peer_answers(self, delivery: Delivery, node: Vendor, status: int) -> None:
        node.peer_answered(delivery.message.identity, status)
        self._peers.add(node)
        self._close(delivery)

    def _leg(
        self,
        message: Message,
        sender: Subscriber | None,
        sender_text: bytes,
        receiver: Subscriber,
        subject: bytes,
        size: int,
        lineage: Lineage | None,
        *,
        report: bool = False,
    ) -> Delivery:
        now = self.agenda.now
        queue = message.node.queue()
        self._numbers += 1
        delivery = Delivery(
            self._numbers,
            message,
            sender,
            sender_text,
            receiver,
            now,
            now + us(self._scenario.mmsc.expiry),
            queue,
            b"http://%s/%s@2/wx%d" % (message.node.host, queue, self._random.randrange(10, 99)),
            subject,
            size,
            report and sender is not None,
            lineage,
        )
        if receiver.behaviour is Behaviour.LATE:
            delivery.back = now + self._between(self._scenario.handsets.late)
        self.open[delivery.number] = delivery
        self._busy[receiver.digits] = self._busy.get(receiver.digits, 0) + 1
        return delivery

    def _notify(self, delivery: Delivery) -> None:
        if delivery.closed or delivery.fetched or delivery.deferred or delivery.rejected or delivery.unrecognised:
            return
        receiver, message = delivery.receiver, delivery.message
        behaviour = receiver.behaviour
        delivery.attempts += 1
        message.node.notified(receiver.plus, message.identity)
        refused = behaviour is Behaviour.SMSC_REFUSED or self._link_down
        fid = self.sms.notify(
            receiver,
            delivery.transaction,
            delivery.location,
            delivery.size,
            delivery.sender_text + b"/TYPE=PLMN",
            delivery.subject,
            max((delivery.expiry - self.agenda.now) // SECOND, 1),
            refused=refused,
        )
        if refused:
            delivery.stats.append("REFUSED")
        elif behaviour is not Behaviour.SILENT:
            stat, wait = self._fate(delivery)
            self.agenda.after(wait, self._receipt, delivery, fid, stat, self.agenda.now)
            if behaviour is Behaviour.OFF_ALIVE and not delivery.browsed:
                self.agenda.after(self._between(self._scenario.handsets.reaction), self.handsets.browse_off, delivery)

    def _fate(self, delivery: Delivery) -> tuple[str, int]:
        """What the SMSC will say of a push, and when."""
        handsets, behaviour = self._scenario.handsets, delivery.receiver.behaviour
        if behaviour in {Behaviour.OFF_EXPIRED, Behaviour.OFF_ALIVE}:
            return "EXPIRED", self._between(handsets.expired)
        if behaviour is Behaviour.UNDELIV:
            return "UNDELIV", self._between(handsets.receipt)
        if behaviour is Behaviour.SMSC_REJECTED:
            return "REJECTD", self._between(handsets.receipt)
        if behaviour is Behaviour.FULL:
            return "FULL", self._between(handsets.receipt)
        wait = self._between(handsets.receipt)
        return "DELIVRD", max(wait, delivery.back + wait // 4 - self.agenda.now)

    def _receipt(self, delivery: Delivery, fid: int, stat: str, submitted: int) -> None:
        self.sms.receipt(delivery.receiver, fid, stat, submitted)
        delivery.stats.append(stat)
        if stat == "DELIVRD" and not delivery.closed:
            if not delivery.signed:
                delivery.signed = self.agenda.now
            self.handsets.pushed(delivery)

    def retrieved(self, delivery: Delivery) -> None:
        """A first whole fetch (called by the handset)."""
        if delivery.lineage is not None:
            delivery.lineage.received.setdefault(delivery.receiver.digits, delivery)
        self.seed.retrieved(delivery)

    def settled(self, delivery: Delivery, status: int) -> None:
        """The handset has answered, and will do nothing more (called by the handset)."""
        if not delivery.closed:
            self._report(delivery, status)
            self._tell_end(delivery, vendor.RECEIVED if delivery.confirmed else vendor.REFUSED if delivery.rejected else 0)
            self._close(delivery)

    def _tell_end(self, delivery: Delivery, code: int) -> None:
        """A final word, of a node that logs one."""
        node = delivery.message.node
        if code and isinstance(node, Vendor):
            node.ended(delivery.sender_text, delivery.receiver.plus, delivery.message.identity, code)

    def _expire(self, delivery: Delivery) -> None:
        if not delivery.closed:
            if not delivery.fetched:
                self._report(delivery, EXPIRED)
                self._tell_end(delivery, vendor.EXPIRED)
            if delivery.receiver.behaviour is Behaviour.TOO_LATE and delivery.signed:
                self.handsets.too_late(delivery)
            self._close(delivery)

    def _close(self, delivery: Delivery) -> None:
        delivery.closed = self.agenda.now
        del self.open[delivery.number]
        self._busy[delivery.receiver.digits] -= 1
        # what another MMSC took is not over for us: nobody tells whether its subscriber fetched it
        self.truth.close(delivery, final=delivery.end != "ok", long_known=self._scenario.radius.past, covered=self._covered(delivery))

    def _covered(self, delivery: Delivery) -> tuple[list[str], list[str]]:
        """Kinds of feed that had all begun when this leg was submitted, and those that began before it was over.

        What accounting does not show may be said once a session that was open before has had two Interim records.
        """
        whole, partly = [], []
        kinds = {"mmsc": [delivery.message.node.name], "sms": ["sms"], "gateway": ["wapbox", "squid"]}
        kinds["radius-mms" if self._scenario.radius.apns else "radius-all"] = ["radius1", "radius2"]
        if self.sgsn is not None:
            kinds["sgsn"] = ["sgsn"]
        for kind, feeds in kinds.items():
            begun = max(self._start + us(self._scenario.begins.get(feed, 0)) for feed in feeds)
            if kind.startswith("radius") and begun > self._start:
                begun += 2 * us(self._scenario.radius.interim)
            if begun <= delivery.submitted or begun == self._start:
                whole.append(kind)
            elif begun - (2 * us(self._scenario.radius.interim) if kind.startswith("radius") else 0) <= delivery.closed:
                partly.append(kind)
        return whole, partly

    def _report(self, delivery: Delivery, status: int) -> None:
        """M-Delivery.ind to whoever sent this leg, where he asked for it: another `Notify`, another push."""
        if delivery.report and delivery.sender is not None:
            wait = self._between(self._scenario.mmsc.queue)
            self.agenda.after(wait, self._send_report, delivery, delivery.sender, status)

    def _send_report(self, delivery: Delivery, to: Subscriber, status: int) -> None:
        message = delivery.message
        message.node.notified(to.plus, message.identity)
        fid = self.sms.report(to, message.identity, delivery.receiver.plus, status)
        self.agenda.after(self._between(self._scenario.handsets.receipt), self.sms.receipt, to, fid, "DELIVRD", self.agenda.now)

    # --------------------------------------------------------------------------------------------------------------- events

    def _tick(self) -> None:
        for gateway, visitors in zip(self.gateways, self.visitors, strict=True):
            gateway.flush(visitors.tick(TICK))
        self.agenda.after(TICK, self._tick)

    def _stand(self, subscriber: Subscriber) -> None:
        """A session that stays open all day."""
        if (ready := self.accounting.ready(subscriber)) > self.agenda.now:
            self.agenda.at(ready + self._between((0.5, 4.0)), self._stand, subscriber)
            return
        if subscriber.standing == "cmnet":
            subscriber.internet = self.accounting.open(subscriber, subscriber.internet_apn, standing=True)
            return
        if subscriber.session is not None and not subscriber.session.closed:  # one from a fetch, just now: it stays
            subscriber.session.standing = True
            session = subscriber.session
        else:
            session = subscriber.session = self.accounting.open(subscriber, subscriber.apn, standing=True)
        for visitors in self.visitors:
            if subscriber.digits in visitors.residents:
                visitors.settle(subscriber, session)

    def _restart(self) -> None:
        lost = self.accounting.restart()
        gone = {session.identity for session in lost}
        for session in lost:
            owner = session.owner
            if session.standing:
                for visitors in self.visitors:
                    visitors.unsettle(owner)
                self._stand(owner)
        for visitors in self.visitors:
            visitors.leave(gone)

    def _break(self, fault: Fault) -> None:
        self._fail(fault, down=True)
        self.agenda.after(us(fault.stop - fault.start), lambda: self._fail(fault, down=False))

    def _fail(self, fault: Fault, *, down: bool) -> None:
        if fault.node < 0:
            self._link_down = down
        else:
            self.nodes[fault.node].down = down

    def _begin(self, file: LogFile) -> None:
        file.muted = False

    def _swap(self, swap: Swap) -> None:
        residents = {digits for visitors in self.visitors for digits in visitors.residents}
        before = Behaviour(swap.before)
        chosen = [s for s in self.people.subscribers if s.behaviour is before and s.digits not in residents]
        for subscriber in self._swapping.sample(chosen, round(len(chosen) * swap.share)):
            self._change(subscriber, swap.what, Behaviour(swap.after))

    def mend(self, subscriber: Subscriber) -> None:
        """The right settings are in his handset (called by its owner): they count for what comes next, messages on their way too.

        Not for one that he was told of for the last time: it ends first, as it was to end.
        """
        last = len(self._scenario.mmsc.notify)
        if any(delivery.receiver is subscriber and delivery.attempts >= last for delivery in self.open.values()):
            self.agenda.after(us(self._swapping.uniform(0.2, 1.0)), self.mend, subscriber)
            return
        self._change(subscriber, "settings", Behaviour.HEALTHY, waits=False)

    def _change(self, subscriber: Subscriber, what: str, after: Behaviour, *, waits: bool = True) -> None:
        """Between two messages: while one is on its way to him, or from him, he waits."""
        session = subscriber.session
        if (waits and self._busy.get(subscriber.digits)) or (session is not None and session.users):
            self.agenda.after(us(self._swapping.uniform(0.2, 1.0)), lambda: self._change(subscriber, what, after, waits=waits))
            return
        for open_now in (subscriber.session, subscriber.internet):
            if open_now is not None:
                self.accounting.close(open_now)
        self.truth.stay(subscriber, self.agenda.now)
        self.people.change(subscriber, what, after, self.agenda.now)

    def _rotate(self, name: str, period: int) -> None:
        file = self.feeds[name]
        file.rotate()
        self.agenda.after(us(_REOPEN), file.reopen)
        self.agenda.after(period, self._rotate, name, period)

    def _between(self, span: tuple[float, float]) -> int:
        return us(self._random.uniform(*span))

    # ------------------------------------------------------------------------------------------------------------------ end

    def write_totals(self, state: str) -> None:
        """`totals.json` beside the truth so far."""
        mms = sum(gateway.mms for gateway in self.gateways)
        browsing = sum(gateway.browsing for gateway in self.gateways)
        self.truth.write_totals(
            {
                "scenario": self._scenario.name,
                "state": state,
                "start": self._start,
                "now": self.agenda.now,
                "submitted_until": min(self.cutoff, self.agenda.now),
                "feeds": {
                    name: {"records": file.records, "lines": file.lines, "octets": file.octets} for name, file in sorted(self.feeds.items())
                },
                "gateway_lines": {"mms": mms, "browsing": browsing},
                "sessions": self.accounting.sessions,
                "pushes": self.sms.pushes,
                "failed_submits": self._failed_submits,
                "open": len(self.open),
                **({"owners": self.owners.totals()} if self.owners is not None else {}),
            }
        )

    def finish(self) -> None:
        """Closes all files; what is still open gets a row that says so."""
        for gateway, visitors in zip(self.gateways, self.visitors, strict=True):
            gateway.flush(visitors.tick(0))
        for delivery in self.open.values():
            self.truth.close(delivery, final=False)
        for subscriber in self.people.subscribers:
            self.truth.stay(subscriber, self.agenda.now)
        if self.owners is not None:
            (self._out / "owners.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in self.owners.rows()))
        for file in self._files():
            file.close()
        self.write_totals("broken off" if self.open else "finished")

    def flush(self, hold: int = 0) -> None:
        feeds = tuple(self.feeds.values())
        for file in self._files():
            file.flush(hold if file in feeds else 0)

    def _files(self) -> Iterator[LogFile]:
        yield from self.feeds.values()
        yield self.truth.rows
        yield self.truth.stays
        yield self.truth.complaints
        yield self.truth.lost
