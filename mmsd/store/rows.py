"""Stored rows back into values: one SELECT and one function for each kind, shared by `transact` and the read side."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from mmsd.model import Attempt, Delivery, Event, Evidence, Finding, Forward
from mmsd.store.keys import SALT_BYTES, Keys
from mmsd.store.serials import unsealed

DELIVERY: Final = b"delivery"
ATTEMPT: Final = b"attempt"
FINDING: Final = b"finding"
REJECT: Final = b"reject"
COLD: Final = b"cold"
"""Labels: what a sealed value is. A value that belongs to no subscriber has its label for salt."""

AS_SENDER: Final = "\0sender"
"""Stands in a sealed delivery for a leg that is the sender's own number."""

_READ_DELIVERY: Final = msgspec.msgpack.Decoder(Delivery)
_READ_ATTEMPT: Final = msgspec.msgpack.Decoder(Attempt)
_READ_EVIDENCE: Final = msgspec.msgpack.Decoder(tuple[Evidence, ...])
READ_JSON: Final = msgspec.json.Decoder(dict[str, Any])

SELECT_DELIVERY: Final = """
SELECT d.id, d.key, d.receiver, r.sealed, s.sealed, d.body, d.domain, d.node, d.message, d.submitted, d.closed, d.outcome, d.cause, d.rule
FROM delivery d LEFT JOIN subscriber r ON r.id = d.receiver LEFT JOIN subscriber s ON s.id = d.sender
"""

SELECT_ATTEMPT: Final = """
SELECT a.id, a.subscriber, p.sealed, a.body, a.node, a.at, a.status, a.strength, a.verdict
FROM attempt a LEFT JOIN subscriber p ON p.id = a.subscriber
"""

SELECT_FINDING: Final = """
SELECT f.id, f.key, f.subscriber, p.sealed, f.body, f.subject_kind, f.subject, f.cause, f.confidence, f.at, f.cleared,
    f.urgency, f.model, f.detail
FROM finding f LEFT JOIN subscriber p ON p.id = f.subscriber
"""

SELECT_FORWARD: Final = """
SELECT f.id, f.key, f.campaign, f.seed, f.message, s.sealed, r.sealed, f.generation, f.parent, f.submitted, f.retrieved, f.city, f.day,
    f.method, f.score, f.counted, f.reason, f.model, f.received, f.review, f.parents, f.off_net, n.sealed
FROM forward f JOIN subscriber s ON s.id = f.sender JOIN subscriber r ON r.id = f.receiver LEFT JOIN serial n ON n.forward = f.key
"""

Row = tuple[Any, ...]


def delivery(keys: Keys, row: Row) -> Delivery:
    """Of an erased receiver only what the columns say is left."""
    _, _, receiver, receiver_sealed, sender_sealed, body, domain, node, message, submitted, closed, outcome, cause, rule = row
    sender = keys.open_number(sender_sealed)
    if receiver is not None and receiver_sealed is None:
        return Delivery(domain, node, message, "", "", "", sender, submitted, closed, outcome, cause, rule, "", 0.0)
    stored = _READ_DELIVERY.decode(keys.unseal(_salt(receiver_sealed, DELIVERY), DELIVERY, body))
    leg = sender if stored.leg == AS_SENDER else stored.leg
    return msgspec.structs.replace(stored, receiver=keys.open_number(receiver_sealed), sender=sender, leg=leg)


def attempt(keys: Keys, row: Row) -> Attempt:
    _, subscriber, sealed, body, node, at, status, strength, verdict = row
    if subscriber is not None and sealed is None:
        return Attempt("", node, "", "", 0, "", status, "", strength, at, verdict)
    stored = _READ_ATTEMPT.decode(keys.unseal(_salt(sealed, ATTEMPT), ATTEMPT, body))
    return msgspec.structs.replace(stored, subscriber=keys.open_number(sealed))


def finding(keys: Keys, row: Row) -> Finding:
    _, _, subscriber, sealed, body, kind, subject, cause, confidence, at, cleared, urgency, model, detail = row
    if subscriber is not None and sealed is None:
        return Finding(kind, "", cause, confidence, at, (), cleared, urgency, model, detail)
    evidence = _READ_EVIDENCE.decode(keys.unseal(_salt(sealed, FINDING), FINDING, body))
    return Finding(kind, keys.open_number(sealed) or subject, cause, confidence, at, evidence, cleared, urgency, model, detail)


def forward(keys: Keys, row: Row) -> Forward:
    (
        _, key, campaign, seed, message, sender, receiver, generation, parent, submitted, retrieved,
        city, day, method, score, counted, reason, model, received, review, parents, off_net, _,
    ) = row  # fmt: skip
    return Forward(
        key, campaign, seed, message, keys.open_number(sender), keys.open_number(receiver), generation, parent, submitted, retrieved,
        city, day, method, score, bool(counted), reason, model, received, review, parents, off_net,
    )  # fmt: skip


def serial(keys: Keys, row: Row) -> str:
    """Of a row of SELECT_FORWARD."""
    return unsealed(keys, row[5], row[-1])


def event(row: Row) -> Event:
    identity, at, topic, subject, data = row
    return Event(at, topic, subject, READ_JSON.decode(data), identity)


def cold_name(subscriber: int) -> str:
    """The text whose lookup names a cold dossier: plain decimal digits, also of a `Msisdn` (whose str is masked) or of a hashed address."""
    return int.__repr__(int(subscriber))


def delta_label(identity: int) -> bytes:
    """Names the row too: a delta opens in its own place only."""
    return b"state delta %d" % identity


def _salt(sealed: bytes | None, label: bytes) -> bytes:
    return sealed[:SALT_BYTES] if sealed is not None else label
