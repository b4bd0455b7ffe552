"""The access log of the Mbuni MMSC and of its VAS gateway.

Traps: the id of a NotifyResp is the notification's transaction, not the message. `Notify` is written before the SMSC has answered, and for
reports to the sender too. The terminating subscriber stands in `to`, but in `from` of what he sent himself (NotifyResp, ReadReport).
The User-Agent is written by the handset and may hold brackets.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from mmsd.fast.values_py import address as as_address
from mmsd.logs.dialect import Columns, Key, LineDialect, Texts
from mmsd.logs.options import Options
from mmsd.logs.plan import IGNORED, Form, Numbering, Plan, address, addresses, hashed, integer, moment, one_of, text
from mmsd.model import NOT_A_NUMBER, CodeSet, Kind, TextColumn

_TO: Final = 0  # `receiver` is the To, as logged
_FROM: Final = 1  # `receiver` is the From: the subscriber's own PDU
_EITHER: Final = 2  # VAS gateway: To, or From where there is no To

_EVENTS: Final[Mapping[str, Mapping[str, int] | int | None]] = {
    "Received": {"kind": Kind.SUBMIT},
    "Notify": {"kind": Kind.NOTIFY},
    "Fetched": {"kind": Kind.FETCH},
    "Failed Fetch": {"kind": Kind.FETCH_FAILED},
    "NotifyResp": {"kind": Kind.RESPONSE, "_party": _FROM},
    "ReadReport": {"kind": Kind.READ_REPORT, "_party": _FROM},
    "Forwarded": {"kind": Kind.FORWARD},
    "Stored": {"kind": Kind.SENT_OUT},
    "Sent": {"kind": Kind.SENT_OUT},
    "Queued": {"kind": Kind.SUBMIT},
    "DeliveryReport": {"kind": Kind.REPORT, "_party": _EITHER},
    "Received DLR": {"kind": Kind.REPORT, "_party": _EITHER},
    "Received RR": {"kind": Kind.READ_REPORT, "_party": _EITHER},
    "Replace": IGNORED,
    "Cancel": IGNORED,
    "Sending failed": IGNORED,  # the VAS gateway did not get it off its hands: it tries again
}

STATUSES: Final = {
    "Expired": 0x80,
    "Retrieved": 0x81,
    "Rejected": 0x82,
    "Deferred": 0x83,
    "Unrecognised": 0x84,
    "Unrecognized": 0x84,
    "Indeterminate": 0x85,
    "Forwarded": 0x86,
    "Unreachable": 0x87,
}
"""X-Mms-Status by the name MMSCs write (both spellings occur)."""

_SAYS, _SAYS_NOT = np.uint8(CodeSet.MM1_STATUS), np.uint8(CodeSet.NONE)

_AS_IS: Final = (0, 0, -1, -1)
"""No national rule."""

_INTERFACES: Final = {"MM1": 1, "MM3": 3, "MM4": 4, "MM7": 7, "MMSBox": 9}

_AT: Final = moment("%Y-%m-%d %H:%M:%S")

PLAN: Final = Plan(
    "mbuni",
    Form(
        "{at} {event} MMS [INT:{interface}] [ACT:{account}] [MMSC:{smsc}] [from:{sender}] [to:{receiver}] [msgid:{message}]"
        " [size={size}] [UA:{agent}] [MMBox:{}]",
        at=_AT,
        event=one_of(_EVENTS),
        interface=one_of(_INTERFACES, column="interface", default=0),
        account=one_of(STATUSES, column="status", default=-1).keep("account"),
        smsc=text("smsc"),
        sender=address("sender").keep("sender"),
        receiver=addresses("receiver").keep("receiver"),
        message=hashed("message").keep("message"),
        size=integer("size"),
        agent=text("agent").last(),
    ),
    Form("{at} Log begins", at=_AT, ignore=True),
    Form("{at} Log ends", at=_AT, ignore=True),
)


class Mbuni(LineDialect):
    """`mbuni`: no options of its own."""

    name: ClassVar[str] = "mbuni"
    summary: ClassVar[str] = "Mbuni MMSC access log"

    @classmethod
    def build(cls, options: Options, *, zone: tzinfo, key: Key, numbering: Numbering) -> Self:
        return cls(PLAN, zone=zone, key=key, numbering=numbering)

    def refine(self, columns: Columns, texts: Texts) -> None:
        super().refine(columns, texts)
        kind, party = columns["kind"], columns["_party"]
        own = np.flatnonzero((party == _FROM) | ((party == _EITHER) & (columns["receiver"] == 0)))
        _swap(columns["receiver"], columns["sender"], own)
        _swap(texts["receiver"].start, texts["sender"].start, own)
        _swap(texts["receiver"].stop, texts["sender"].stop, own)
        for name in ("sender", "receiver"):
            self._strip_types(columns, texts, name)
        answer = kind == Kind.RESPONSE
        said, answers = texts["message"], np.flatnonzero(answer)
        columns["transaction"] = np.zeros_like(columns["message"])
        _swap(columns["message"], columns["transaction"], answers)
        texts["transaction"] = TextColumn(said.data, said.start, said.start.copy())
        _swap(said.stop, texts["transaction"].stop, answers)
        status = columns["status"]
        np.copyto(status, -1, where=~(answer | (kind == Kind.REPORT)))
        columns["code_set"] = np.where(status >= 0, _SAYS, _SAYS_NOT)

    def _strip_types(self, columns: Columns, texts: Texts, name: str) -> None:
        """`127.0.0.1/TYPE=IPv4` is `127.0.0.1` elsewhere in the same log: one subscriber, one hash. Few rows are no numbers."""
        column, said = columns[name], texts[name]
        odd = column >= np.uint64(NOT_A_NUMBER)
        if not odd.any():
            return
        odd &= column != np.uint64(as_address(b"system", _AS_IS, self.key))
        if not odd.any():
            return
        columns[name], stop = column.copy(), said.stop.copy()
        for row in np.flatnonzero(odd).tolist():
            bare, slash, _ = said[row].partition(b"/TYPE=")
            if slash:
                columns[name][row] = as_address(bare, _AS_IS, self.key)
                stop[row] = said.start[row] + len(bare)
        texts[name] = TextColumn(said.data, said.start, stop)


def _swap(one: npt.NDArray[Any], other: npt.NDArray[Any], rows: npt.NDArray[np.int64]) -> None:
    """The values of these rows change places."""
    one[rows], other[rows] = other[rows], one[rows]
