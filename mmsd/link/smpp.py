"""A link to an SMSC by SMPP 3.4 or 3.3: what an account there says, and how messages go into submit_sm and come out of deliver_sm.

`link` makes it; `messenger` plays it. Long texts go in pieces with a user data header, in pieces with sar_* parameters, or whole in
message_payload, as the SMSC wants; binary messages and pushes always with a header, which is what a handset sees.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from mmsd.codec import gsm7, session, smpp, sms
from mmsd.codec.session import Dialect, Pdu, Tlvs
from mmsd.codec.tables import smpp as table
from mmsd.errors import ConfigError, DecodeError, EncodeError, LinkError
from mmsd.link import account
from mmsd.link.account import Login, Piece, Request, Turned, Verdict
from mmsd.link.carry import Message, Octets, Receipt, Text
from mmsd.link.channel import Connect, Socket, Wire
from mmsd.link.messenger import Messenger
from mmsd.model import Composed

_BINDS: Final = {
    "transceiver": (table.BIND_TRANSCEIVER,),
    "pair": (table.BIND_TRANSMITTER, table.BIND_RECEIVER),
    "transmitter": (table.BIND_TRANSMITTER,),
}
_ALPHANUMERIC: Final = 5  # type of number (5.2.5)
_TEMPORARY: Final = frozenset(
    {
        table.INVALID_BIND_STATUS, table.SYSTEM_ERROR, table.QUEUE_FULL, table.THROTTLED, table.TRY_LATER, table.UNKNOWN_ERROR,
        0x45,  # ESME_RSUBMITFAIL
    }
)  # fmt: skip
"""Statuses after which the same request may succeed; so may those of SMSC makers (0x400 and above), whose meaning nobody knows."""


class Settings(account.Settings, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="smpp"):
    """`[links.NAME]`, kind = "smpp"."""

    port: int = 2775
    system_id: str
    system_type: str = ""
    version: Literal["3.4", "3.3"] = "3.4"
    bind: Literal["transceiver", "pair", "transmitter"] = "transceiver"  # pair: a connection for each direction
    address_range: str = ""  # of numbers we serve
    address_ton: int = 0
    address_npi: int = 0
    source_ton: int = 0  # an alphanumeric sender has 5 by itself
    source_npi: int = 0
    destination_ton: int = 1
    destination_npi: int = 1
    service_type: str = ""
    alphabet: Literal["gsm7", "ascii", "latin-1"] = "gsm7"  # what the SMSC takes text_coding for
    text_coding: int = 0
    ucs2_coding: int = 8
    binary_coding: int = 4
    long: Literal["udh", "sar", "payload"] = "udh"
    reference: bool = True  # send user_message_reference
    trust_receipts: bool = False  # take a text that looks like a receipt for one, though it is not marked
    tls: bool = False
    tls_name: str = ""  # in the certificate, when it is not host
    ca_file: str = ""  # PEM; empty: the system's
    certificate: str = ""  # PEM, ours
    key: str = ""  # PEM, of the certificate

    def __post_init__(self) -> None:
        account.Settings.__post_init__(self)
        for name, most in (("system_id", 15), ("system_type", 12), ("address_range", 40), ("service_type", 5)):
            text: str = getattr(self, name)
            if len(text) > most or not text.isascii() or "\0" in text:
                raise ConfigError(f"{name}: {most} ASCII characters at most")
        if self.version == "3.3" and self.bind == "transceiver":
            raise ConfigError('bind: SMPP 3.3 knows no transceiver; take bind = "pair"')
        if self.version == "3.3" and self.long != "udh":
            raise ConfigError('long: SMPP 3.3 has no optional parameters; take long = "udh"')
        if bool(self.certificate) != bool(self.key):
            raise ConfigError("certificate: certificate and key come together; set both or neither")
        if (self.ca_file or self.certificate or self.tls_name) and not self.tls:
            raise ConfigError("tls: set it true, or the certificates are not used")


def link(settings: Settings, *, random: Callable[[], float], wall: Callable[[], int], connect: Connect | None = None) -> Messenger:
    """A link to that SMSC, to be entered within a running loop."""
    return Messenger(Account(settings, wall), settings, connect=connect or _connector(settings), random=random, wall=wall)


def _connector(settings: Settings) -> Connect:
    async def connect() -> Wire:
        tls = None
        if settings.tls:
            try:
                tls = ssl.create_default_context(cafile=settings.ca_file or None)
                if settings.certificate:
                    tls.load_cert_chain(settings.certificate, settings.key)
            except OSError as error:
                raise LinkError(f"the certificates of TLS cannot be read: {error}") from error
        return await Socket.open(settings.host, settings.port, tls, settings.tls_name or None)

    return connect


class _Part(NamedTuple):
    """One submit_sm's content."""

    udh: bytes
    data: bytes
    coding: int
    tlvs: Tlvs = ()


class Account:
    """An `account.Account` at an SMSC. `wall`: µs since 1970, UTC."""

    refusals = (table.TRY_LATER, 0x65)  # ESME_RX_T_APPN, ESME_RX_P_APPN

    def __init__(self, settings: Settings, wall: Callable[[], int]) -> None:
        self._settings = settings
        self._wall = wall
        self.logins = len(_BINDS[settings.bind])

    # ---------------------------------------------------------------------------------------------------------------- the door

    def dialect(self) -> Dialect:
        return session.Smpp()

    def login(self, connection: int, secret: bytes) -> Login:
        settings = self._settings
        if len(secret) > 8:
            raise LinkError("an SMPP password has 8 octets at most")
        bind = smpp.Bind(
            settings.system_id.encode(),
            secret,
            settings.system_type.encode(),
            0x34 if settings.version == "3.4" else 0x33,
            smpp.Address(settings.address_ton, settings.address_npi, settings.address_range.encode()),
        )
        return Login(bind, _BINDS[settings.bind][connection])

    def let_in(self, pdu: Pdu) -> Turned | None:
        return None

    def turned_away(self, status: int, pdu: Pdu) -> Turned:
        name = table.STATUSES.get(status, f"0x{status:08x}")
        if status == table.INVALID_COMMAND and self._settings.bind == "transceiver":
            return Turned(f'the centre refused the bind: {name}; if it knows no transceiver, set bind = "pair"')
        return Turned(f"the centre refused the bind: {name}")

    # ----------------------------------------------------------------------------------------------------------------- outwards

    def requests(self, message: Message) -> list[Request]:
        """submit_sm, one for each piece. EncodeError when one cannot be made."""
        match message.content:
            case Octets(pieces):
                parts = [_Part(udh, data, self._settings.binary_coding) for udh, data in account.octets(pieces)]
            case Text(text):
                parts = self._parts(text, account.place(message.key))
            case Composed():
                raise EncodeError("a multimedia message is no SMS")
        return [Request(table.SUBMIT_SM, self._submit(message, part), (*part.tlvs, *self._named(message))) for part in parts]

    def _parts(self, text: str, reference: int) -> list[_Part]:
        settings = self._settings
        short = _fits(text, settings.alphabet)
        coding = settings.text_coding if short else settings.ucs2_coding
        pieces = [piece.user_data for piece in sms.compose(text, reference, limit=settings.long_limit, ucs2=not short)]
        if settings.alphabet != "gsm7" and short:
            pieces = [sms.UserData(piece.udh, piece.text(0).encode(settings.alphabet)) for piece in pieces]
        if len(pieces) == 1 or settings.long == "udh":
            return [_Part(piece.udh, piece.data, coding) for piece in pieces]
        if settings.long == "payload":
            return [_Part(b"", b"", coding, ((table.MESSAGE_PAYLOAD, b"".join(piece.data for piece in pieces)),))]
        return [_Part(b"", piece.data, coding, _sar(reference, len(pieces), place)) for place, piece in enumerate(pieces, 1)]

    def _submit(self, message: Message, part: _Part) -> smpp.Message:
        settings = self._settings
        return smpp.Message(
            service_type=settings.service_type.encode(),
            source=self._source(message),
            destination=smpp.Address(settings.destination_ton, settings.destination_npi, account.dialled(message.receiver, settings)),
            esm_class=table.ESM_UDHI if part.udh else 0,
            priority_flag=min(max(message.priority, 0), 3),
            validity_period=account.until(message.validity, settings, now=self._wall(), quarters=0),
            registered_delivery=int(message.want_report),
            data_coding=part.coding,
            short_message=part.udh + part.data,
        )

    def _source(self, message: Message) -> smpp.Address:
        settings = self._settings
        number = account.sender(message, settings)
        if number and not number.lstrip(b"+").isdigit():
            return smpp.Address(_ALPHANUMERIC, 0, number)
        return smpp.Address(settings.source_ton, settings.source_npi, number)

    def _named(self, message: Message) -> Tlvs:
        if message.reference is None or not self._settings.reference or self._settings.version == "3.3":
            return ()
        if not 0 <= message.reference <= 0xFFFF:
            raise EncodeError("a user_message_reference has 16 bits")
        return ((table.USER_MESSAGE_REFERENCE, message.reference.to_bytes(2, "big")),)

    def message_id(self, pdu: Pdu) -> str:
        return pdu.body.message_id.decode("latin-1") if isinstance(pdu.body, smpp.MessageAnswer) else ""

    def canonical(self, message_id: str) -> str:
        return smpp.canonical(message_id.encode("latin-1")).decode("latin-1")

    def verdict(self, status: int) -> Verdict:
        return Verdict(table.STATUSES.get(status, f"0x{status:08x}"), status not in _TEMPORARY and status < 0x400)

    # ------------------------------------------------------------------------------------------------------------------ inwards

    def hear(self, pdu: Pdu) -> Receipt | Piece:
        """DecodeError for what is neither."""
        body = pdu.body
        if not isinstance(pdu, smpp.Pdu) or not isinstance(body, smpp.Message | smpp.DataMessage):
            raise DecodeError("no message", offset=4, clause="SMPP 3.4 4.6")
        told = smpp.receipt(pdu, trusting=self._settings.trust_receipts)
        seen = smpp.content(pdu)
        if told is not None:
            ours = self._settings.source.encode()
            swapped = not ours or not body.source.number.startswith(ours)  # some SMSCs leave both as they were in the submit
            return Receipt(
                told.message_id.decode("latin-1"),
                tuple(name.decode("latin-1") for name in smpp.spellings(told.message_id)) if told.message_id else (),
                told.state,
                told.final,
                receiver=self._subscriber(body.source if swapped else body.destination),
                reference=pdu.number(table.USER_MESSAGE_REFERENCE),
                error=told.err.decode("latin-1") or (f"{told.network[0]}:{told.network[1]}" if told.network else ""),
                submitted=told.submitted.decode("latin-1"),
                done=told.done.decode("latin-1"),
                text=told.text.decode("latin-1"),
                raw=seen.data,
            )
        receiver = body.destination.number.decode("latin-1")
        return Piece(
            self._subscriber(body.source), receiver, seen.udh, seen.header, seen.data, seen.data_coding, body.service_type.decode("latin-1")
        )

    def _subscriber(self, address: smpp.Address) -> str:
        plus = b"+" if address.ton == 1 and address.number[:1].isdigit() else b""
        return account.digits(plus + address.number, self._settings.numbering)

    def text(self, data: bytes, coding: int) -> str | None:
        """None: octets."""
        settings = self._settings
        if coding == settings.text_coding:
            return smpp.text(data, table.GSM7) if settings.alphabet == "gsm7" else data.decode(settings.alphabet, "replace")
        if coding == settings.ucs2_coding:
            return smpp.text(data, table.UCS2)
        if coding in table.CHARSETS:
            return smpp.text(data, coding)
        binary = coding in {2, 4, settings.binary_coding} or (coding >= 0xC0 and sms.coding(coding) is sms.Coding.OCTETS)
        return None if binary else smpp.text(data, coding)


def _fits(text: str, alphabet: str) -> bool:
    """Whether the SMSC's own alphabet has all of a text; lengths are those of GSM 7-bit in any case, which is what the air carries.

    >>> _fits("Grüße", "gsm7"), _fits("Grüße", "ascii"), _fits("`", "ascii"), _fits("Δ", "latin-1")
    (True, False, False, False)
    """
    if not gsm7.fits(text):
        return False
    try:
        return alphabet == "gsm7" or bool(text.encode(alphabet)) or not text
    except UnicodeEncodeError:
        return False


def _sar(reference: int, total: int, place: int) -> Tlvs:
    """5.3.2.22 to 24."""
    return (
        (table.SAR_REFERENCE, reference.to_bytes(2, "big")),
        (table.SAR_TOTAL, bytes((total,))),
        (table.SAR_SEQUENCE, bytes((place,))),
    )
