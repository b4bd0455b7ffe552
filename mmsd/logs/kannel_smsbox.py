"""The access log of Kannel's smsbox: requests at the gateway's HTTP door, and what services answered to SMS.

Traps: texts are written raw, line feeds and quotes included, and nothing is escaped. So a line that does not begin as a record does is the
rest of the text before it: passed over, never shown. Texts are neither kept nor shown. sendota requests leave no line here; multipart ones
leave one for each receiver.
"""

from __future__ import annotations

import dataclasses
from datetime import tzinfo
from typing import ClassVar, Final, Self

import numpy as np

from mmsd.logs.dialect import Columns, Key, LineDialect, Texts
from mmsd.logs.options import Options
from mmsd.logs.plan import Form, Numbering, Plan, address, integer, moment, skipped, text
from mmsd.model import CodeSet, Kind, Parsed, PushState, Rejects

_AT: Final = moment("%Y-%m-%d %H:%M:%S")
_REQUEST: Final = {"kind": Kind.SMS_REQUEST}
_ANSWERED: Final = {"kind": Kind.MO}
_REST: Final = skipped().private()
_SENDER: Final = address("receiver").keep("receiver")  # who wrote the SMS that a service answered

PLAN: Final = Plan(
    "kannel-smsbox",
    Form(
        "{at} send-SMS request added - sender:{account}:{sender} {} target:{receiver} request: '{rest}",
        set=_REQUEST,
        at=_AT,
        account=text("account"),
        sender=address("sender").keep("sender"),
        receiver=address("receiver").keep("receiver"),
        rest=_REST,
    ),
    Form(
        "{at} SMS HTTP-request sender:{receiver} request: '{rest}' url: '{url}' reply: {status} '{body}",
        set=_ANSWERED,
        at=_AT,
        receiver=_SENDER,
        rest=_REST,
        url=_REST.last(),
        status=integer("status"),
        body=_REST,
    ),
    Form("{at} SMS HTTP-request sender:{receiver} request: '{rest}", set=_ANSWERED, at=_AT, receiver=_SENDER, rest=_REST),
    Form("{at} SMS request sender:{receiver} request: '{rest}", set=_ANSWERED, at=_AT, receiver=_SENDER, rest=_REST),
    Form("{at} send-SMS request failed - {*}", set={**_REQUEST, "push_state": PushState.REFUSED}, at=_AT),
    Form("{at} Log begins", at=_AT, ignore=True),
    Form("{at} Log ends", at=_AT, ignore=True),
)


class KannelSmsbox(LineDialect):
    """`kannel-smsbox`: no options of its own."""

    name: ClassVar[str] = "kannel-smsbox"
    summary: ClassVar[str] = "Kannel smsbox access log"

    @classmethod
    def build(cls, options: Options, *, zone: tzinfo, key: Key, numbering: Numbering) -> Self:
        return cls(PLAN, zone=zone, key=key, numbering=numbering)

    def scan(self, data: bytes, *, ordinal: int, offset: int, final: bool) -> Parsed:
        """As every dialect's; lines that do not begin with a time are the rest of a text, and nothing is said about them."""
        parsed = super().scan(data, ordinal=ordinal, offset=offset, final=final)
        counts = {reason: count for reason, count in parsed.rejects.counts.items() if not reason.startswith("at: ")}
        texts = parsed.rejects.total - sum(counts.values())
        samples = tuple(sample for sample in parsed.rejects.samples if sample.reason in counts)
        return dataclasses.replace(parsed, rejects=Rejects(counts, samples), lines=parsed.lines - texts)

    def refine(self, columns: Columns, texts: Texts) -> None:
        super().refine(columns, texts)
        answered = columns["status"] >= 0
        columns["code_set"] = np.where(answered, CodeSet.HTTP, CodeSet.NONE).astype(np.uint8)
