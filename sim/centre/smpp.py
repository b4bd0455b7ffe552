"""The centre's SMPP 3.4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from mmsd.codec import gsm7, smpp, sms
from mmsd.codec.session import Body, Dialect, Pdu, Smpp, Tlvs
from mmsd.codec.tables import smpp as table
from mmsd.errors import DecodeError, EncodeError
from sim.centre import receipts
from sim.centre.faults import Fault
from sim.centre.language import same
from sim.centre.settings import Account, Settings
from sim.centre.values import Down, Incoming, Part, Report, Submit

_INVALID_SYSTEM: Final = 0x0F
_INVALID_ID: Final = 0x0C
_CANCEL_FAILED: Final = 0x11
_REPLACE_FAILED: Final = 0x13
_GSM: Final = 3  # network_error_code's type


class SmppLanguage:
    """See Language."""

    statuses: Mapping[Fault, int] = {
        Fault.THROTTLED: table.THROTTLED,
        Fault.QUEUE_FULL: table.QUEUE_FULL,
        Fault.REFUSED: 0x0B,
        Fault.BIND_REFUSED: table.BIND_FAILED,
    }
    unreadable = table.INVALID_MESSAGE_LENGTH

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._zone = ZoneInfo(settings.receipts.zone)

    def dialect(self) -> Dialect:
        return Smpp()

    def login(self, pdu: Pdu, accounts: Mapping[str, Account]) -> Account | int:
        assert isinstance(pdu.body, smpp.Bind)
        account = accounts.get(pdu.body.system_id.decode("latin-1"))
        if account is None:
            return _INVALID_SYSTEM
        return account if same(pdu.body.password, account.password.encode()) else table.INVALID_PASSWORD

    def welcome(self, pdu: Pdu, account: Account) -> tuple[Body, Tlvs]:
        return smpp.BindAnswer(self._settings.name.encode()), ((table.SC_INTERFACE_VERSION, b"\x34"),)

    def submit(self, pdu: Pdu) -> Submit | None:
        assert isinstance(pdu, smpp.Pdu)
        body = pdu.body
        match body:
            case smpp.Message() | smpp.DataMessage():
                receivers: tuple[smpp.Address | bytes, ...] = (body.destination,)
            case smpp.MultiMessage():
                receivers = body.destinations
            case _:
                return None
        numbers = tuple(to.number.decode("latin-1") for to in receivers if isinstance(to, smpp.Address))
        if not numbers or not all(numbers):
            raise DecodeError("a submit without a receiver", offset=16, clause="SMPP 3.4 5.2.9")
        content = smpp.content(pdu)
        return Submit(
            body.source.number.decode("latin-1"),
            numbers,
            content.udh,
            content.header,
            content.data,
            content.data_coding,
            content.text,
            pdu.number(table.USER_MESSAGE_REFERENCE),
            body.registered_delivery & 3,
        )

    def number(self, last: int, now: int) -> int:
        return max(last + 1, self._settings.ids.first)

    def identity(self, number: int) -> str:
        return self._settings.ids.answer.format(number)

    def answer(self, pdu: Pdu, identity: str) -> Body:
        return smpp.MultiAnswer(identity.encode()) if isinstance(pdu.body, smpp.MultiMessage) else smpp.MessageAnswer(identity.encode())

    def identity_asked(self, pdu: Pdu) -> str | None:
        return pdu.body.message_id.decode("latin-1") if isinstance(pdu.body, smpp.Query | smpp.Cancel | smpp.Replace) else None

    def inform(self, pdu: Pdu, parts: list[Part]) -> tuple[int, Body | None]:
        if isinstance(pdu.body, smpp.Replace):
            return _REPLACE_FAILED, None
        if not parts or not isinstance(pdu.body, smpp.Query):
            return _INVALID_ID, None
        part = parts[0]
        state = table.STATES.index(part.state) if part.state in table.STATES else table.STATES.index("UNKNOWN")
        return 0, smpp.QueryAnswer(pdu.body.message_id, b"", state, part.error & 0xFF)

    def cancels(self, pdu: Pdu) -> bool:
        return isinstance(pdu.body, smpp.Cancel)

    def cancelled(self, *, done: bool) -> tuple[int, Body | None]:
        return (0 if done else _CANCEL_FAILED), None

    def text(self, data: bytes, coding: int) -> str:
        return smpp.text(data, coding)

    def receipt(self, report: Report, dialect: Dialect) -> Down:
        settings = self._settings.receipts
        tlvs: list[tuple[int, bytes]] = []
        if settings.parameters:
            tlvs.append((table.RECEIPTED_MESSAGE_ID, receipts.identity(report, self._settings.ids).encode() + b"\0"))
            if report.state in table.STATES:
                tlvs.append((table.MESSAGE_STATE, bytes((table.STATES.index(report.state),))))
        if settings.network_error and report.error:
            tlvs.append((table.NETWORK_ERROR_CODE, bytes((_GSM,)) + report.error.to_bytes(2, "big")))
        if settings.reference and report.reference is not None:
            tlvs.append((table.USER_MESSAGE_REFERENCE, report.reference.to_bytes(2, "big")))
        body = smpp.Message(
            source=_address(report.receiver),
            destination=_address(report.sender),
            esm_class=table.ESM_INTERMEDIATE if report.intermediate else table.ESM_RECEIPT,
            short_message=receipts.text(report, settings.form, self._settings.ids, self._zone).encode(),
        )
        return Down(table.DELIVER_SM, body, tuple(tlvs))

    def incoming(self, message: Incoming, reference: int, now: int) -> list[Down]:
        """Data coding 0, 8 for a text with other characters, 4 for octets."""
        if message.long == "udh":
            return [_delivery(message, udh, data, coding) for udh, data, coding in pieces(message, reference)]
        udh, data, coding = whole(message)
        if message.long == "payload":
            return [_delivery(message, udh, b"", coding, ((table.MESSAGE_PAYLOAD, udh + data),))]
        size = 134 if coding else 153
        cut = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
        placed = [
            ((table.SAR_REFERENCE, reference.to_bytes(2, "big")), (table.SAR_TOTAL, bytes((len(cut),))), (table.SAR_SEQUENCE, bytes((at,))))
            for at in range(1, len(cut) + 1)
        ]
        return [_delivery(message, udh, piece, coding, tlvs) for piece, tlvs in zip(cut, placed, strict=True)]


def pieces(message: Incoming, reference: int) -> list[tuple[bytes, bytes, int]]:
    """(header, data, data coding) of each SMS that the message takes."""
    if message.text is not None:
        composed = sms.compose(message.text, reference & 0xFF, udh=message.header)
        return [(piece.user_data.udh, piece.user_data.data, piece.dcs) for piece in composed]
    cut = sms.split(message.header, message.data, reference & 0xFF) if message.header != sms.Udh() else _plain(message.data, reference)
    return [(udh, data, table.BINARY) for udh, data in cut]


def _plain(data: bytes, reference: int) -> list[tuple[bytes, bytes]]:
    """Octets without ports: no header while one SMS holds them."""
    return [(b"", data)] if len(data) <= sms.CAPACITY else sms.split(sms.Udh(), data, reference & 0xFF)


def whole(message: Incoming) -> tuple[bytes, bytes, int]:
    """Header, data and coding of the message in one."""
    udh = sms.encode_udh(message.header) if message.header != sms.Udh() else b""
    if message.text is None:
        return udh, message.data, table.BINARY
    if gsm7.fits(message.text):
        return udh, gsm7.encode(message.text), table.GSM7
    return udh, message.text.encode("utf-16-be"), table.UCS2


def _delivery(message: Incoming, udh: bytes, data: bytes, coding: int, tlvs: Tlvs = ()) -> Down:
    if len(udh) + len(data) > 254:
        raise EncodeError("more than one delivery carries")
    body = smpp.Message(
        source=_address(message.sender),
        destination=_address(message.receiver),
        esm_class=table.ESM_UDHI if udh else 0,
        data_coding=coding,
        short_message=udh + data,
    )
    return Down(table.DELIVER_SM, body, tlvs)


def _address(number: str) -> smpp.Address:
    """Alphanumeric, a short code, or an international number."""
    if not number.lstrip("+").isdigit():
        return smpp.Address(5, 0, number.encode("latin-1"))
    return smpp.Address(1 if len(number) > 8 else 0, 1, number.encode())
