"""Rows to store. Every number in them is made up."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mmsd import model
from mmsd.model import Attempt, Delivery, Evidence, Extent, Finding, Forward, Mark, Outgoing

LI = "8613912340001"
WANG = "8613912340002"
ZHAO = "8613912340003"
EVIDENCE = (Evidence("mmsc1", "access.log", 512, "SUBMIT", 1_000), Evidence("sms1", "bearer.log", 9, "PUSH", 2_000, "dlr 8"))


def delivery(**fields: Any) -> Delivery:
    given: dict[str, Any] = {
        "domain": "mmsc1", "node": "mmsc1", "message": "qf3Ij", "receiver": LI, "leg": "tx1", "transaction": "tx1", "sender": WANG,
        "submitted": 10, "closed": 20, "outcome": "failed", "cause": "BAD_APN", "rule": "U10", "group": "no_retrieval", "confidence": 0.9,
        "suspects": ("NO_PDP",), "evidence": EVIDENCE, "city": "nanjing",
    }  # fmt: skip
    return Delivery(**given | fields)


def attempt(**fields: Any) -> Attempt:
    given: dict[str, Any] = {
        "subscriber": LI, "node": "wap1", "method": "POST", "host": "mmsc.example", "port": 80, "path": "/", "status": 404,
        "type": "submit", "strength": "sure", "at": 30, "verdict": "Z2", "evidence": EVIDENCE,
    }  # fmt: skip
    return Attempt(**given | fields)


def finding(**fields: Any) -> Finding:
    given: dict[str, Any] = {
        "subject_kind": "subscriber", "subject": LI, "cause": "BAD_APN", "confidence": 0.9, "at": 40, "evidence": EVIDENCE,
    }  # fmt: skip
    return Finding(**given | fields)


def forward(n: int, **fields: Any) -> Forward:
    given: dict[str, Any] = {
        "key": n.to_bytes(16, "big"), "campaign": "relay", "seed": "torch", "message": f"m{n}", "sender": LI, "receiver": WANG,
        "generation": 1, "parent": None, "submitted": 10, "retrieved": 20, "city": "nanjing", "day": "2026-11-22", "method": "tag",
        "score": 1.0, "counted": True, "reason": "",
    }  # fmt: skip
    return Forward(**given | fields)


def outgoing(key: bytes, **fields: Any) -> Outgoing:
    given: dict[str, Any] = {
        "key": key, "kind": "marketing", "purpose": "serial", "msisdn": LI, "body": "your serial",
        "state": "ready", "due": 50, "expires": 90,
    }  # fmt: skip
    return Outgoing(**given | fields)


def mark(offset: int, ordinal: int = 1) -> Mark:
    return Mark(ordinal, b"head", 4, offset, b"guard", "access.log", 3, 4)


def extent(start: int, stop: int, ordinal: int = 1) -> Extent:
    return Extent("mmsc1", ordinal, b"head", 4, start, stop, "access.log", b"guard")


def closed(**columns: Any) -> npt.NDArray[Any]:
    """CLOSED rows, delivered unless told otherwise; a column is one value or as many as there are rows."""
    rows = np.zeros(max(np.size(column) for column in columns.values()), model.CLOSED)
    rows["outcome"] = 1
    for name, column in columns.items():
        rows[name] = column
    return rows
