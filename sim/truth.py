"""What really happened, and what it must be called given these feeds: `truth.jsonl`, one row a leg, and `totals.json`.

Rows and causes are those of the evidence table, read off the simulator's own knowledge: nothing here looks at a log, and nothing of mmsd's
judgement is used.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from sim.clocks import Clock
from sim.files import LogFile
from sim.messages import Delivery
from sim.people import Behaviour


class Verdict(NamedTuple):
    """`rule` is the row of the evidence table; `accepted` further causes that its readings allow; `hint` the finding it is evidence for."""

    outcome: str
    cause: str
    rule: str
    accepted: tuple[str, ...] = ()
    hint: str = ""


_NOT_PUSHED: Final = {
    "REFUSED": Verdict("failed", "NO_PUSH", "N1"),
    "REJECTD": Verdict("failed", "NO_PUSH", "N2"),
    "UNDELIV": Verdict("failed", "NOT_PROVISIONED", "N4"),
    "EXPIRED": Verdict("failed", "NO_PUSH", "N5"),
}


def verdict(delivery: Delivery, late: int) -> Verdict:
    """The row that fits a leg whose window is over; `late` is T2 in µs."""
    receiver = delivery.receiver
    if delivery.fetched and delivery.confirmed:
        if delivery.signed - delivery.submitted > late:
            return Verdict("delivered", "DELAYED", "D4")
        return Verdict("delivered", "OK", "D1")
    if delivery.fetched:
        if delivery.astray:
            return Verdict("delivered", "OK_UNCONFIRMED", "D2", hint="BAD_MMSC_URL")
        return Verdict("delivered", "OK_UNCONFIRMED", "D3")
    if delivery.rejected:
        return Verdict("failed", "REJECTED", "R1")
    if delivery.got >= 500:
        return Verdict("failed", "NODE_FAULT", "T1")
    if "DELIVRD" not in delivery.stats:
        if len(delivery.stats) < delivery.attempts:
            return Verdict("failed", "EXPIRED", "U12")  # P unknown: nothing shows that a push arrived
        if delivery.browsed and delivery.stats[-1] in {"UNDELIV", "EXPIRED"}:
            return Verdict("failed", "NO_PUSH", "N6")
        return _NOT_PUSHED[delivery.stats[-1]]
    if delivery.deferred:
        return Verdict("failed", "NO_RETRIEVE", "U9")
    if receiver.behaviour is Behaviour.WRONG_PROXY:
        return Verdict("failed", "BAD_PROXY", "U8")
    if receiver.behaviour is Behaviour.WRONG_APN:
        if receiver.reactions >= 3:
            return Verdict("failed", "BAD_APN", "U10", ("NO_RETRIEVE",))
        return Verdict("failed", "NO_RETRIEVE", "U11", ("BAD_APN",))
    row = {"cmwap": "U9", "cmnet": "U11"}.get(receiver.standing, "U11" if receiver.reactions else "U12")
    return Verdict("failed", "NO_RETRIEVE", row)


class Truth:
    """Keeps the rows and the counts. A row is written when its leg is final; what is open when a run is broken off says so."""

    def __init__(self, out: Path, campaign: str, seed: str, zone: ZoneInfo, late: int) -> None:
        self.rows = LogFile(out / "truth.jsonl")
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

    def close(self, delivery: Delivery, *, final: bool = True) -> None:
        """One leg's row. Not `final`: the run was broken off before its window was over."""
        said = verdict(delivery, self._late) if final else Verdict("open", "", "")
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
