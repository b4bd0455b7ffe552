"""A link to an ISMG by CMPP 2.0 or 3.0: the login, the fields of an account, and how messages go into CMPP_SUBMIT and come out of
CMPP_DELIVER.

`link` makes it; `messenger` plays it. A gateway that refuses version 3.0 is asked in 2.0 at once, and from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Final, Literal

from mmsd.codec import cmpp, gsm7, session, sms
from mmsd.codec.session import Dialect, Pdu
from mmsd.codec.tables import cmpp as table
from mmsd.errors import ConfigError, DecodeError, EncodeError
from mmsd.link import account
from mmsd.link.account import Login, Piece, Request, Turned, Verdict
from mmsd.link.carry import Message, Octets, Receipt, Text
from mmsd.link.channel import Connect, Socket, Wire
from mmsd.link.messenger import Messenger
from mmsd.model import SECOND, Composed

_CHINA: Final = timezone(timedelta(hours=8))  # where every gateway stands
_QUARTERS: Final = 32
_VERSIONS: Final = {"2.0": table.VERSION_2, "3.0": table.VERSION_3}
_VERSION_TOO_HIGH: Final = 4  # Status of CMPP_CONNECT_RESP


class Settings(account.Settings, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="cmpp"):
    """`[links.NAME]`, kind = "cmpp": what the contract with the operator says, field by field."""

    port: int = 7890
    sp_id: str  # enterprise code: Source_Addr of the login
    version: Literal["3.0", "2.0"] = "3.0"  # the highest; a gateway that refuses it is asked in 2.0
    verify_gateway: bool = False  # its answer to the login has to prove that it knows the secret too
    msg_src: str = ""  # empty: sp_id
    service_id: str = ""
    fee_user_type: int = 0  # who pays: 0 the receiver, 1 the sender, 2 the service provider, 3 fee_terminal
    fee_terminal: str = ""
    fee_terminal_type: int = 0  # 3.0: 0 a number, 1 a pseudonym
    fee_type: str = "01"  # 01 free, 02 by message, 03 monthly
    fee_code: str = "0"  # in 1/100 yuan
    registered_delivery: int = 1  # for messages whose caller wants a report; 2: a bill alone
    msg_level: int = 0  # of messages without a priority
    tp_pid: int = 0
    destination_type: int = 0  # 3.0: 0 a number, 1 a pseudonym

    def __post_init__(self) -> None:
        account.Settings.__post_init__(self)
        for name, most in (("sp_id", 6), ("msg_src", 6), ("service_id", 10), ("fee_terminal", 21), ("fee_type", 2), ("fee_code", 6)):
            text: str = getattr(self, name)
            if len(text) > most or not text.isascii():
                raise ConfigError(f"{name}: {most} ASCII characters at most")
        if "provisioning" in self.classes:
            raise ConfigError("classes: settings over the air are binary messages, which go by no CMPP account; take provisioning out")
        if self.fee_user_type == 3 and not self.fee_terminal:
            raise ConfigError("fee_terminal: fee_user_type 3 bills it; name it")


def link(settings: Settings, *, random: Callable[[], float], wall: Callable[[], int], connect: Connect | None = None) -> Messenger:
    """A link to that gateway, to be entered within a running loop."""

    async def connected() -> Wire:
        return await Socket.open(settings.host, settings.port)

    return Messenger(Account(settings, wall), settings, connect=connect or connected, random=random, wall=wall)


class Account:
    """An `account.Account` at an ISMG. `wall`: µs since 1970, UTC."""

    logins = 1
    refusals = (table.FLOW_CONTROL, table.OTHER)

    def __init__(self, settings: Settings, wall: Callable[[], int]) -> None:
        self._settings = settings
        self._wall = wall
        self._version = _VERSIONS[settings.version]
        self._proofs: tuple[bytes, ...] = ()  # of which the gateway's answer has to be one

    # ---------------------------------------------------------------------------------------------------------------- the door

    def dialect(self) -> Dialect:
        return session.Cmpp(self._version)

    def login(self, connection: int, secret: bytes) -> Login:  # there is one connection only
        sp_id = self._settings.sp_id.encode()
        timestamp = int(f"{datetime.fromtimestamp(self._wall() // SECOND, _CHINA):%m%d%H%M%S}")
        proof = cmpp.authenticator(sp_id, secret, timestamp)
        self._proofs = tuple(cmpp.gateway_authenticator(0, proof, secret, version) for version in _VERSIONS.values())
        return Login(cmpp.Connect(sp_id, proof, self._version, timestamp))

    def let_in(self, pdu: Pdu) -> Turned | None:
        given = pdu.body.authenticator if isinstance(pdu.body, cmpp.ConnectAnswer) else b""
        if self._settings.verify_gateway and given not in self._proofs:
            return Turned("the gateway does not prove that it knows our secret; verify_gateway = false takes it all the same")
        return None

    def turned_away(self, status: int, pdu: Pdu) -> Turned:
        if status == _VERSION_TOO_HIGH and self._version > table.VERSION_2:
            self._version = table.VERSION_2
            return Turned("the gateway refused CMPP 3.0", otherwise=True)
        name = table.CONNECT_STATUSES[status] if status < len(table.CONNECT_STATUSES) else str(status)
        return Turned(f"the gateway refused the login: {name}")

    # ----------------------------------------------------------------------------------------------------------------- outwards

    def requests(self, message: Message) -> list[Request]:
        """CMPP_SUBMIT, one for each piece. EncodeError when one cannot be made."""
        match message.content:
            case Octets(pieces):
                coding, parts = table.BINARY, list(account.octets(pieces))
            case Text(text):
                coding, parts = self._parts(text, account.place(message.key))
            case Composed():
                raise EncodeError("a multimedia message is no SMS")
        return [
            Request(table.SUBMIT, self._submit(message, part, coding, total=len(parts), number=number))
            for number, part in enumerate(parts, 1)
        ]

    def _parts(self, text: str, reference: int) -> tuple[int, list[sms.UserData]]:
        """Msg_Fmt and the pieces. Msg_Fmt 0 is ASCII here, not GSM 7-bit; lengths are GSM's, which is what the air carries."""
        ascii_ = text.isascii() and gsm7.fits(text)
        pieces = sms.compose(text, reference, limit=self._settings.long_limit, ucs2=not ascii_)
        if ascii_:
            return table.ASCII, [sms.UserData(piece.user_data.udh, piece.user_data.text(piece.dcs).encode()) for piece in pieces]
        return table.UCS2, [piece.user_data for piece in pieces]

    def _submit(self, message: Message, part: sms.UserData, coding: int, *, total: int, number: int) -> cmpp.Submit:
        settings = self._settings
        return cmpp.Submit(
            pk_total=total,
            pk_number=number,
            registered_delivery=settings.registered_delivery if message.want_report else 0,
            msg_level=min(message.priority or settings.msg_level, 9),
            service_id=settings.service_id.encode(),
            fee_user_type=settings.fee_user_type,
            fee_terminal=settings.fee_terminal.encode(),
            fee_terminal_type=settings.fee_terminal_type,
            tp_pid=settings.tp_pid,
            tp_udhi=int(bool(part.udh)),
            msg_fmt=coding,
            msg_src=(settings.msg_src or settings.sp_id).encode(),
            fee_type=settings.fee_type.encode(),
            fee_code=settings.fee_code.encode(),
            valid_time=account.until(message.validity, settings, now=self._wall(), quarters=_QUARTERS),
            source=account.sender(message, settings),
            destinations=(account.dialled(message.receiver, settings),),
            destination_type=settings.destination_type,
            content=part.udh + part.data,
            link_id=message.link_id.encode("ascii", "replace"),
        )

    def message_id(self, pdu: Pdu) -> str:
        return str(pdu.body.msg_id) if isinstance(pdu.body, cmpp.SubmitAnswer) else ""

    def canonical(self, message_id: str) -> str:
        return message_id

    def verdict(self, status: int) -> Verdict:
        known = status < len(table.RESULTS)
        return Verdict(table.RESULTS[status] if known else f"result {status}", known and status != table.FLOW_CONTROL)

    # ------------------------------------------------------------------------------------------------------------------ inwards

    def hear(self, pdu: Pdu) -> Receipt | Piece:
        """DecodeError for what is neither."""
        body = pdu.body
        if not isinstance(body, cmpp.Deliver):
            raise DecodeError("no message", offset=4, clause="CMPP 8")
        plan = self._settings.numbering
        told = cmpp.report(body)
        if told is not None:
            message_id = str(told.msg_id)
            stat = told.stat.decode("ascii", "replace")
            return Receipt(
                message_id,
                (message_id,),
                told.state,
                told.final,
                receiver=account.digits(told.destination or body.source, plan),
                error="" if told.state == stat else stat,
                submitted=told.submit_time.decode("latin-1"),
                done=told.done_time.decode("latin-1"),
                raw=body.content,
            )
        user_data, header, _ = cmpp.content(body)
        return Piece(
            account.digits(body.source, plan),
            body.destination.decode("latin-1"),
            user_data.udh,
            header,
            user_data.data,
            body.msg_fmt,
            body.service_id.decode("latin-1"),
            body.link_id.decode("latin-1"),
        )

    def text(self, data: bytes, coding: int) -> str | None:
        """None: octets."""
        return cmpp.text(data, coding) if coding in table.CHARSETS else None
