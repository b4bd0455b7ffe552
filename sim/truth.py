"""What really happened, and what it must be called: `truth.jsonl`, one row a leg, `subscribers.jsonl`, `complaints.jsonl`, `totals.json`.

Rows and causes are those of the evidence table, read off the simulator's own knowledge: nothing here looks at a log, and nothing of mmsd's
judgement is used. What may be said with fewer feeds stands in `cells`.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from mmsd.model import SECOND
from sim.clocks import Clock
from sim.complaints import complains, group_of
from sim.files import LogFile
from sim.messages import Delivery
from sim.people import FAULTS, SESSIONLESS, Behaviour, Subscriber


class Verdict(NamedTuple):
    """With every feed there is: `rule` is the row of the evidence table, `accepted` further causes that its readings allow, `hint` the
    finding it is evidence for. `cell` is its row among the feeds (`cells.CELLS`)."""

    outcome: str
    cause: str
    rule: str
    cell: str = ""
    accepted: tuple[str, ...] = ()
    hint: str = ""


_NOT_PUSHED: Final = {
    "REFUSED": Verdict("failed", "NO_PUSH", "N1", "NO_PUSH"),
    "REJECTD": Verdict("failed", "NO_PUSH", "N2", "NO_PUSH"),
    "UNDELIV": Verdict("failed", "NOT_PROVISIONED", "N4", "NOT_PROVISIONED: push report"),
    "EXPIRED": Verdict("failed", "NO_PUSH", "N5", "NO_PUSH"),
    "FULL": Verdict("failed", "HANDSET_FULL", "N3", "HANDSET_FULL"),
}

_REFUSED: Final = {  # by its status: the MMSC's own word
    225: Verdict("failed", "NOT_PROVISIONED", "B1", "NOT_PROVISIONED: by the MMSC"),
    235: Verdict("failed", "NOT_PROVISIONED", "B1", "NOT_PROVISIONED: by the MMSC"),
    226: Verdict("failed", "SUBMIT_FAILED", "B2", "SUBMIT_FAILED"),
    227: Verdict("failed", "SUBMIT_FAILED", "B2", "SUBMIT_FAILED"),
    229: Verdict("failed", "UNSUPPORTED", "B2", "UNSUPPORTED: refused"),
    192: Verdict("failed", "NODE_FAULT", "B2", "NODE_FAULT: by the MMSC"),
}
_UNREAD: Final = {  # a retrieval's status
    225: Verdict("failed", "NOT_PROVISIONED", "T2", "NOT_PROVISIONED: by the MMSC"),
    224: Verdict("failed", "RETRIEVE_FAILED", "T6", "RETRIEVE_FAILED: by the MMSC"),
    227: Verdict("failed", "UNSUPPORTED", "R2", "UNSUPPORTED: by the MMSC"),
    192: Verdict("failed", "NODE_FAULT", "T1", "NODE_FAULT: by the MMSC"),
}
_ENDED: Final = {
    "deleted": Verdict("failed", "NOT_PROVISIONED", "B1", "NOT_PROVISIONED: by the MMSC"),
    "album": Verdict("failed", "UNSUPPORTED", "B4", "UNSUPPORTED: album"),
    "error": Verdict("failed", "INTERWORKING", "B3", "INTERWORKING"),
    "none": Verdict("failed", "INTERWORKING", "B3", "INTERWORKING"),
}
REFUSALS: Final = tuple(_REFUSED)
UNREAD: Final = tuple(_UNREAD)

_UNREACHED: Final = {  # nothing of him reaches a gateway, and it is not his choice
    Behaviour.WRONG_PROXY: Verdict("failed", "BAD_PROXY", "U8", "BAD_PROXY: new session", hint="BAD_PROXY"),
    Behaviour.STANDING_PROXY: Verdict("failed", "NO_RETRIEVE", "U8", "BAD_PROXY: standing session", ("BAD_PROXY",)),
    Behaviour.DENIED: Verdict("failed", "BAD_PROXY", "T4", "BAD_PROXY: denied", hint="BAD_PROXY"),
    Behaviour.MISSPELT_APN: Verdict("failed", "BAD_APN", "U2", "BAD_APN: unknown name", hint="BAD_APN"),
    Behaviour.UNSUBSCRIBED_APN: Verdict("failed", "BAD_APN", "U3", "BAD_APN: unknown name", hint="BAD_APN"),
    Behaviour.NO_DATA: Verdict("failed", "NOT_PROVISIONED", "U4", "NOT_PROVISIONED: packet data"),
    Behaviour.UNLUCKY: Verdict("failed", "NODE_FAULT", "U5", "NODE_FAULT: activation"),
    Behaviour.NO_MMS: Verdict("failed", "UNSUPPORTED", "U1", "UNSUPPORTED: handset, not known"),
    Behaviour.MVNO_STRAY: Verdict("failed", "NO_RETRIEVE", "U15", "NO_RETRIEVE"),
}


def verdict(delivery: Delivery, late: int, *, long_known: bool = False) -> Verdict:
    """The row that fits a leg whose window is over; `late` is T2 in µs. `long_known`: accounting has been read for thirty days by then."""
    receiver = delivery.receiver
    if delivery.end:
        return _REFUSED[delivery.answer] if delivery.end == "refused" else _ENDED[delivery.end]
    if delivery.fetched and delivery.confirmed:
        if abs(delivery.signed - delivery.submitted - late) < 1.5 * SECOND:
            return Verdict("delivered", "OK", "D1", "OK: just in time", ("DELAYED",), _put_right(receiver))
        if delivery.signed - delivery.submitted > late:
            return Verdict("delivered", "DELAYED", "D4", "DELAYED")
        cell = "OK: fetched late" if delivery.fetched - delivery.submitted > late - SECOND else "OK"
        return Verdict("delivered", "OK", "D1", cell, hint=_put_right(receiver))
    if delivery.fetched:
        if delivery.astray:
            return Verdict("delivered", "OK_UNCONFIRMED", "D2", "BAD_MMSC_URL: retrieved", hint="BAD_MMSC_URL")
        return Verdict("delivered", "OK_UNCONFIRMED", "D3", "OK_UNCONFIRMED")
    if delivery.rejected:
        return Verdict("failed", "REJECTED", "R1", "REJECTED")
    if delivery.unrecognised:
        return Verdict("failed", "UNSUPPORTED", "R2", "UNSUPPORTED: content")
    if delivery.unread:
        return _UNREAD[delivery.answer]
    if delivery.got >= 500:
        before = ", broken" if delivery.broken else ", put off" if delivery.deferred else ""
        return Verdict("failed", "NODE_FAULT", "T1", f"NODE_FAULT: 5xx{before}")
    if delivery.gone:
        return Verdict("failed", "EXPIRED", "T3", "EXPIRED: too late")
    if delivery.broken:
        return Verdict("failed", "RETRIEVE_FAILED", "T6", "RETRIEVE_FAILED: broken on the way")
    if "DELIVRD" not in delivery.stats:
        if len(delivery.stats) < delivery.attempts:
            return Verdict("failed", "EXPIRED", "U12", "EXPIRED: no reports")  # P unknown: nothing shows that a push arrived
        if delivery.browsed and delivery.stats[-1] in {"UNDELIV", "EXPIRED"}:
            return Verdict("failed", "NO_PUSH", "N6", "NO_PUSH")
        return _NOT_PUSHED[delivery.stats[-1]]
    if delivery.deferred:
        return Verdict("failed", "NO_RETRIEVE", "U9", "NO_RETRIEVE: put off")
    if receiver.behaviour in _UNREACHED:
        return _UNREACHED[receiver.behaviour]
    if receiver.behaviour is Behaviour.WRONG_APN:
        if receiver.reactions >= 3:
            cell = "BAD_APN: internet APN" if receiver.moments >= 3 else "BAD_APN: pushes in one moment"
            return Verdict("failed", "BAD_APN", "U10", cell, ("NO_RETRIEVE",), "BAD_APN")
        return Verdict("failed", "NO_RETRIEVE", "U11", "BAD_APN: before the 3rd case", ("BAD_APN",), "BAD_APN")
    if receiver.behaviour in SESSIONLESS:
        if long_known:
            return Verdict("failed", "NO_PDP", "U13", "NO_PDP", hint="NO_PDP")
        return Verdict("failed", "NO_RETRIEVE", "U12", "NO_PDP: before 30 days")
    row = {"cmwap": "U9", "cmnet": "U11"}.get(receiver.standing, "U11" if receiver.reactions else "U12")
    return Verdict("failed", "NO_RETRIEVE", row, "NO_RETRIEVE")


def _put_right(receiver: Subscriber) -> str:
    """Each answer to a rewritten address is a case, and each session on a corrected access point; in one that is open all day the network
    put it right once."""
    if receiver.behaviour is Behaviour.REWRITTEN:
        return "BAD_MMSC_URL"
    return "BAD_APN" if receiver.behaviour is Behaviour.CORRECTED and not receiver.standing else ""


class Truth:
    """Keeps the rows and the counts. A row is written when its leg is final; what is open when a run is broken off says so."""

    def __init__(
        self,
        out: Path,
        campaign: str,
        seed: str,
        zone: ZoneInfo,
        late: int,
        chances: Mapping[str, float],
        random_: random.Random,
    ) -> None:
        self.rows = LogFile(out / "truth.jsonl")
        self.stays = LogFile(out / "subscribers.jsonl")
        self.complaints = LogFile(out / "complaints.jsonl")
        self.lost = LogFile(out / "lost.jsonl")
        self.counts: Counter[tuple[str, str]] = Counter()  # subscribers' messages, by outcome and cause
        self.own: Counter[tuple[str, str]] = Counter()  # the service's own: judged, in no ratio
        self.behaviours: Counter[str] = Counter()
        self.forwards: Counter[str] = Counter()  # counted, by city
        self.not_counted: Counter[str] = Counter()  # forwards, by reason
        self._out = out
        self._campaign = campaign
        self._seed = seed
        self._clock = Clock(zone)
        self._late = late
        self._chances = chances
        self._random = random_

    def stay(self, subscriber: Subscriber, until: int) -> None:
        """How a number behaved since it last changed, and what is wrong with its settings."""
        row = {
            "number": subscriber.digits.decode(),
            "behaviour": subscriber.behaviour.value,
            "fault": FAULTS.get(subscriber.behaviour, ""),
            "since": subscriber.since,
            "until": until,
            "imsi": subscriber.imsi.decode(),
            "imei": subscriber.imei.decode(),
            "agent": subscriber.agent.decode(),
        }
        self.stays.write(msgspec.json.encode(row) + b"\n")

    def lose(self, sender: Subscriber, at: int) -> None:
        """A submit that got an answer and never reached an MMSC: SUBMIT_FAILED, of a request and no message."""
        self.lost.write(msgspec.json.encode({"number": sender.digits.decode(), "at": at}) + b"\n")

    def close(
        self, delivery: Delivery, *, final: bool = True, long_known: bool = False, covered: tuple[list[str], list[str]] = ([], [])
    ) -> None:
        """One leg's row. Not `final`: the run was broken off before its window was over. `covered`: kinds of feed, whole and in part."""
        said = verdict(delivery, self._late, long_known=long_known) if final else Verdict("open", "", "")
        message, receiver = delivery.message, delivery.receiver
        (self.own if delivery.sender is None else self.counts)[said.outcome, said.cause] += 1
        self.behaviours[receiver.behaviour.value] += 1
        row: dict[str, Any] = {
            "node": message.node.name,
            "message": message.identity.decode(),
            "receiver": receiver.digits.decode(),
            "leg": delivery.transaction.decode(),
            "transaction": delivery.transaction.decode(),
            "sender": delivery.sender.digits.decode() if delivery.sender else delivery.sender_text.decode(),
            "kind": _kind(delivery),
            "submitted": delivery.submitted,
            "expiry": delivery.expiry,
            "outcome": said.outcome,
            "cause": said.cause,
            "rule": said.rule,
            "cell": said.cell,
            "covered": covered[0],
            "partly": covered[1],
            "accepted": [said.cause, *said.accepted],
            "hint": said.hint,
            "behaviour": receiver.behaviour.value,
            "city": delivery.sender.city if delivery.sender else "",
            "size": delivery.size,
            "pushes": delivery.attempts,
            "receipts": delivery.stats,
            "retrieved": delivery.fetched,
            "fetches": delivery.fetches,
            "confirmed": delivery.confirmed,
            "forward": self._forward(delivery),
        }
        self.rows.write(msgspec.json.encode(row) + b"\n")
        if final and delivery.sender is not None and complains(said.rule, self._chances, self._random):
            complaint = {"number": row["receiver"], "submitted": delivery.submitted, "leg": row["leg"], "group": group_of(said.rule)}
            self.complaints.write(msgspec.json.encode(complaint) + b"\n")

    def _forward(self, delivery: Delivery) -> dict[str, Any] | None:
        """The forward this leg is; None for the service's own copy and for messages that are no seed."""
        lineage = delivery.lineage
        if lineage is None or not lineage.generation or delivery.sender is None:
            return None
        parent = lineage.parent
        reason = "not retrieved" if not delivery.fetched else ""
        if delivery.fetched and lineage.received.get(delivery.receiver.digits) is not delivery:
            reason = "sent again"
        if reason:
            self.not_counted[reason] += 1
        else:
            self.forwards[delivery.sender.city] += 1
        return {
            "campaign": self._campaign,
            "seed": self._seed,
            "generation": lineage.generation,
            "method": lineage.method,
            "group": lineage.group.decode(),
            "parent": parent.transaction.decode() if parent else "",
            "city": delivery.sender.city,
            "day": self._clock.stamp(delivery.fetched)[:10].decode() if delivery.fetched else "",
            "counted": not reason,
            "reason": reason,
        }

    @property
    def totals(self) -> dict[str, Any]:
        outcomes, causes = _by_outcome(self.counts)
        return {
            "deliveries": self.counts.total() + self.own.total(),
            "outcomes": outcomes,
            "causes": causes,
            "own": _by_outcome(self.own)[0],
            "behaviours": dict(sorted(self.behaviours.items())),
            "forwards": self.forwards.total(),
            "forwards_by_city": dict(sorted(self.forwards.items())),
            "forwards_not_counted": dict(sorted(self.not_counted.items())),
            "serials": self.forwards.total(),
        }

    def write_totals(self, further: Mapping[str, Any]) -> None:
        """`totals.json`, whole at every moment: a viewer may read it while the run goes on."""
        fresh = self._out / "totals.json.new"
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode({**further, **self.totals}), indent=1) + b"\n")
        os.replace(fresh, self._out / "totals.json")  # noqa: PTH105  # Path.replace is the same; os.replace says atomic


def _kind(delivery: Delivery) -> str:
    """Of the leg, not of its message: an M-Forward of the service's message is a subscriber's forward."""
    if delivery.sender is None:
        return "seed"
    return "p2p" if delivery.lineage is None else "forward"


def _by_outcome(counts: Counter[tuple[str, str]]) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Numbers by outcome, and by outcome and cause."""
    outcomes: Counter[str] = Counter()
    causes: dict[str, dict[str, int]] = {}
    for (outcome, cause), count in sorted(counts.items()):
        outcomes[outcome] += count
        causes.setdefault(outcome, {})[cause] = count
    return dict(outcomes), causes
