"""The centre's CMPP 2.0 and 3.0: the gateway (ISMG) of a province."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from mmsd.codec import cmpp, gsm7, sms
from mmsd.codec.session import Body, Cmpp, Dialect, Pdu, Tlvs
from mmsd.codec.tables import cmpp as table
from mmsd.errors import DecodeError
from mmsd.model import SECOND
from sim.centre.faults import Fault
from sim.centre.language import same
from sim.centre.settings import Account, Settings
from sim.centre.smpp import pieces
from sim.centre.values import Down, Incoming, Part, Report, Submit

_ILLEGAL_SOURCE: Final = 2
_AUTHENTICATION: Final = 3
_VERSION_TOO_HIGH: Final = 4
_GATEWAY: Final = 10  # of Msg_Id: the gateway's own number


class CmppLanguage:
    """See Language."""

    statuses: Mapping[Fault, int] = {
        Fault.THROTTLED: table.FLOW_CONTROL,
        Fault.QUEUE_FULL: table.FLOW_CONTROL,
        Fault.REFUSED: 13,
        Fault.BIND_REFUSED: 5,
    }
    unreadable = table.BAD_STRUCTURE

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._zone = ZoneInfo(settings.receipts.zone)
        self._deliveries = 0
        self._version = table.VERSION_3 if settings.version == "3.0" else table.VERSION_2

    def dialect(self) -> Dialect:
        return Cmpp(self._version)

    def login(self, pdu: Pdu, accounts: Mapping[str, Account]) -> Account | int:
        asked = pdu.body
        assert isinstance(asked, cmpp.Connect)
        account = accounts.get(asked.source_addr.decode("latin-1"))
        if account is None:
            return _ILLEGAL_SOURCE
        if not same(asked.authenticator, cmpp.authenticator(asked.source_addr, account.password.encode(), asked.timestamp)):
            return _AUTHENTICATION
        return account if asked.version <= self._version else _VERSION_TOO_HIGH

    def welcome(self, pdu: Pdu, account: Account) -> tuple[Body, Tlvs]:
        asked = pdu.body
        assert isinstance(asked, cmpp.Connect)
        spoken = min(asked.version, self._version)
        proof = cmpp.gateway_authenticator(0, asked.authenticator, account.password.encode(), spoken)
        return cmpp.ConnectAnswer(0, proof, self._version), ()

    def submit(self, pdu: Pdu) -> Submit | None:
        body = pdu.body
        if not isinstance(body, cmpp.Submit):
            return None
        numbers = tuple(number.decode("latin-1") for number in body.destinations)
        if not numbers or not all(numbers):
            raise DecodeError("a submit without a receiver", offset=table.HEADER, clause="CMPP 8")
        user_data, header, _ = cmpp.content(body)
        return Submit(
            body.source.decode("latin-1"),
            numbers,
            user_data.udh,
            header,
            user_data.data,
            body.msg_fmt,
            cmpp.text(user_data.data, body.msg_fmt),
            None,
            1 if body.registered_delivery == 1 else 0,
        )

    def number(self, last: int, now: int) -> int:
        """Msg_Id: month, day, hour, minute, second, gateway, and a number of 16 bits that counts up."""
        return self._number(_GATEWAY, last + 1, now)

    def identity(self, number: int) -> str:
        return str(number)

    def answer(self, pdu: Pdu, identity: str) -> Body:
        return cmpp.SubmitAnswer(int(identity), 0)

    def identity_asked(self, pdu: Pdu) -> str | None:
        return str(pdu.body.msg_id) if isinstance(pdu.body, cmpp.Cancel) else None

    def inform(self, pdu: Pdu, parts: list[Part]) -> tuple[int, Body | None]:
        """Counts of the day asked for: messages taken, delivered, waiting, failed."""
        asked = pdu.body
        assert isinstance(asked, cmpp.Query)
        day = [part for part in parts if self._day(part.at) == asked.time]
        done = sum(part.state == "DELIVRD" for part in day)
        waiting = sum(part.state == "ENROUTE" for part in day)
        users = len({part.receiver for part in day})
        return 0, cmpp.QueryAnswer(
            asked.time, asked.query_type, asked.query_code, len(day), users, done, waiting, len(day) - done - waiting
        )

    def cancels(self, pdu: Pdu) -> bool:
        return isinstance(pdu.body, cmpp.Cancel)

    def cancelled(self, *, done: bool) -> tuple[int, Body | None]:
        return 0, cmpp.CancelAnswer(0 if done else 1)

    def text(self, data: bytes, coding: int) -> str:
        return cmpp.text(data, coding)

    def receipt(self, report: Report, dialect: Dialect) -> Down:
        """A status report; one of 2.0 in frames of 3.0 where the settings say so."""
        long = isinstance(dialect, Cmpp) and dialect.version >= table.VERSION_3 and not self._settings.receipts.short_frames
        number = self._delivery(report.done)
        told = cmpp.Report(
            report.number,
            report.state.encode()[:7],
            self._minute(report.submitted),
            self._minute(report.done),
            report.receiver.encode(),
            number & 0xFFFF,
        )
        content = cmpp.encode_report(told, table.VERSION_3 if long else table.VERSION_2)
        body = cmpp.Deliver(number, report.sender.encode(), b"", source=report.receiver.encode(), registered_delivery=1, content=content)
        return Down(table.DELIVER, body)

    def incoming(self, message: Incoming, reference: int, now: int) -> list[Down]:
        """Msg_Fmt 0 for a text of ASCII, 8 for any other, 4 for octets."""
        downs = []
        for udh, data, fmt in _pieces(message, reference):
            body = cmpp.Deliver(
                self._delivery(now),
                message.receiver.encode(),
                b"",
                tp_udhi=1 if udh else 0,
                msg_fmt=fmt,
                source=message.sender.encode(),
                content=udh + data,
            )
            downs.append(Down(table.DELIVER, body))
        return downs

    def _delivery(self, now: int) -> int:
        """Msg_Id of a DELIVER: as of another gateway, so that it is never a submit's."""
        self._deliveries += 1
        return self._number(_GATEWAY + 1, self._deliveries, now)

    def _number(self, gateway: int, count: int, now: int) -> int:
        at = datetime.fromtimestamp(now // SECOND, self._zone)
        time = at.month << 22 | at.day << 17 | at.hour << 12 | at.minute << 6 | at.second
        return time << 38 | gateway << 16 | count & 0xFFFF

    def _minute(self, at: int) -> bytes:
        return datetime.fromtimestamp(at // SECOND, self._zone).strftime("%y%m%d%H%M").encode()

    def _day(self, at: int) -> bytes:
        return datetime.fromtimestamp(at // SECOND, self._zone).strftime("%Y%m%d").encode()


def _pieces(message: Incoming, reference: int) -> list[tuple[bytes, bytes, int]]:
    """ASCII is no GSM 7-bit: what one message of ASCII cannot carry goes as UCS-2."""
    text, header = message.text, message.header
    if text is None or not gsm7.fits(text):
        return pieces(message, reference)
    octets, fmt = (text.encode(), table.ASCII) if text.isascii() and len(text) <= sms.CAPACITY else (text.encode("utf-16-be"), table.UCS2)
    if header == sms.Udh() and len(octets) <= sms.CAPACITY:
        return [(b"", octets, fmt)]
    return [(udh, data, fmt) for udh, data in sms.split(header, octets, reference & 0xFF)]
