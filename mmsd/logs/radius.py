"""FreeRADIUS `detail` files of accounting: one block a record, ended by a blank line.

Traps: the time of a record is Event-Timestamp, else when it was received less Acct-Delay-Time (a retransmission arrives later and says so).
An attribute that is not there is unknown, never a change. Accounting-On and -Off have no number and the session id 00000000. Octets wrap at
2³² (Gigawords). APNs come in either case, with or without the operator's part; numbers with or without `+`.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from mmsd import fast
from mmsd.logs.dialect import Columns, Key, LineDialect, Texts
from mmsd.logs.options import Options
from mmsd.logs.plan import Block, Form, Numbering, address, apn, digits, hashed, integer, ipv4, moment, one_of, text
from mmsd.logs.zones import to_utc
from mmsd.model import SECOND, Kind, Parsed

_STATUS: Final = {
    "Start": Kind.SESSION_START,
    "Stop": Kind.SESSION_STOP,
    "Interim-Update": Kind.SESSION_INTERIM,
    "Alive": Kind.SESSION_INTERIM,
    "Accounting-On": Kind.SESSION_ON,
    "Accounting-Off": Kind.SESSION_OFF,
}

_TERMINATE: Final = (
    "User-Request", "Lost-Carrier", "Lost-Service", "Idle-Timeout", "Session-Timeout", "Admin-Reset", "Admin-Reboot", "Port-Error",
    "NAS-Error", "NAS-Request", "NAS-Reboot", "Port-Unneeded", "Port-Preempted", "Port-Suspended", "Service-Unavailable", "Callback",
    "User-Error", "Host-Request",
)  # fmt: skip
"""RFC 2866 5.10, from 1."""

PLAN: Final = Block(
    "radius",
    Form("{header}", header=moment("%a %b %e %H:%M:%S %Y", "_header")),
    {
        "Acct-Status-Type": one_of(_STATUS, column="kind", default=Kind.NONE),
        "Event-Timestamp": moment("%b %e %Y %H:%M:%S %Z", "_event"),
        "Timestamp": moment("%s", "_received"),
        "Acct-Delay-Time": integer("_delay"),
        "Acct-Session-Id": hashed("_session"),
        "Acct-Session-Time": integer("duration"),
        "Acct-Input-Octets": integer("octets_in"),
        "Acct-Output-Octets": integer("octets_out"),
        "Acct-Input-Gigawords": integer("_in_high"),
        "Acct-Output-Gigawords": integer("_out_high"),
        "Acct-Terminate-Cause": one_of({name: number for number, name in enumerate(_TERMINATE, 1)}, column="cause", default=-1),
        "Calling-Station-Id": address("receiver").keep("receiver"),
        "Called-Station-Id": apn().keep("apn"),
        "Framed-IP-Address": ipv4("address"),
        "NAS-IP-Address": ipv4("_nas"),
        "3GPP-GGSN-Address": ipv4("ggsn"),
        "3GPP-SGSN-Address": ipv4("sgsn"),
        "3GPP-IMSI": digits("imsi"),
        "3GPP-IMEISV": digits("imei"),
        "3GPP-Selection-Mode": one_of({str(mode): mode for mode in range(4)}, column="selection", default=-1),
        "3GPP-Session-Stop-Indicator": one_of({"*": 1}, column="stop_indicator"),  # that it is there
        "3GPP-User-Location-Info": text("cell"),
    },
)


class Radius(LineDialect):
    """`radius`: no options of its own."""

    name: ClassVar[str] = "radius"
    summary: ClassVar[str] = "FreeRADIUS accounting detail"

    _signed: tuple[bytes, ...] = ()  # how an Event-Timestamp ends where the zone's short name is a number

    @classmethod
    def build(cls, options: Options, *, zone: tzinfo, key: Key, numbering: Numbering) -> Self:
        dialect = cls(PLAN, zone=zone, key=key, numbering=numbering)
        names = {zone.tzname(datetime(2026, month, 1)) or "" for month in (1, 7)}  # noqa: DTZ001  # wall clock
        dialect._signed = tuple(f' {name}"\n'.encode() for name in names if name[:1] in ("+", "-"))
        return dialect

    def scan(self, data: bytes, *, ordinal: int, offset: int, final: bool) -> Parsed:
        """As every dialect's. Zones without letters (Singapore is "+08") are written over with as many letters: the feed's zone counts."""
        for name in self._signed:
            data = data.replace(name, b" " + b"Z" * (len(name) - 3) + name[-2:])
        return super().scan(data, ordinal=ordinal, offset=offset, final=final)

    def refine(self, columns: Columns, texts: Texts) -> None:
        columns["at"] = self._times(columns)
        columns["ggsn"] = np.where(columns["ggsn"] != 0, columns["ggsn"], columns["_nas"].astype(np.uint64))
        kind = columns["kind"]
        node = (kind == Kind.SESSION_ON) | (kind == Kind.SESSION_OFF)
        own = np.where(node, 0, columns["_session"]).view(np.uint64)
        columns["session"] = fast.combine(columns["ggsn"], own, self.key)
        columns["duration"] = np.where(columns["duration"] >= 0, columns["duration"] * SECOND, columns["duration"])
        for name, high in (("octets_in", "_in_high"), ("octets_out", "_out_high")):
            columns[name] = np.where(columns[name] >= 0, columns[name] + (columns[high] << 32), columns[name])

    def _times(self, columns: Columns) -> npt.NDArray[Any]:
        """Event-Timestamp, else received less delay. FreeRADIUS writes the receipt twice: wall clock in the header, and an epoch."""
        received = np.where(columns["_received"] > 0, columns["_received"], to_utc(columns["_header"], self.zone))
        event = to_utc(columns["_event"], self.zone)
        return np.where(columns["_event"] != 0, event, received - np.maximum(columns["_delay"], 0) * SECOND)
