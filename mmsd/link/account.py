"""What an account at an SMS centre is to us, whichever protocol it speaks: its settings, what it says at the door, how messages become
requests and requests become messages. `smpp` and `cmpp` say it for their protocol; `channel` and `messenger` know no more than this.
"""

from __future__ import annotations

import stat
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol

import msgspec

from mmsd.codec import session, sms
from mmsd.codec.session import Body, Dialect, Pdu, Tlvs
from mmsd.errors import ConfigError, EncodeError, LinkError
from mmsd.fast.program import CHINA, Numbering
from mmsd.fast.values_py import address
from mmsd.link.carry import Class, Message, Receipt
from mmsd.model import NOT_A_NUMBER, SECOND

Plan = Literal["china", "none"]
_PLANS: Final[dict[str, Numbering]] = {"china": CHINA, "none": Numbering()}
_PACKED: Final = {name: tuple(plan.packed().tolist()) for name, plan in _PLANS.items()}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `[links.NAME]` of SMPP and CMPP have in common. Durations are seconds."""

    host: str
    port: int
    password_file: str = ""  # read at each connection; nobody but its owner may read it
    source: str = ""  # our number, which sub-codes follow
    numbering: Plan = "china"  # of subscribers' numbers that come without a country code
    national: bool = False  # send them without it
    validity: Literal["relative", "absolute"] = "relative"  # how the centre wants it written
    long_limit: int = 10  # parts that a text may have
    window: int = 10  # requests without answer
    rate: float = 50.0  # requests a second
    backlog: int = 1000  # the peer's requests that wait to be settled
    connect_seconds: float = 10.0  # to connect, and again to be let in
    answer_seconds: float = 60.0
    probe_seconds: float = 30.0  # of silence before a probe
    probe_answer_seconds: float = 10.0
    leave_seconds: float = 10.0  # for what is open at either end, and again for the good-bye
    retry_seconds: float = 1.0
    retry_limit_seconds: float = 60.0
    part_seconds: float = 5.0  # a part of an incoming long message waits so long for the others to be settled with it
    join_seconds: float = 3600.0  # after its first part, it is told without those that are missing
    classes: tuple[Class, ...] = ()  # of outgoing messages that go by it; none: mmsd does not open it by itself
    order: int = 0  # of the links of a class the least goes first; the others while it is down
    mark: bool = False  # four signs of ours at the head of a text, by which receipts that repeat it are matched

    def __post_init__(self) -> None:
        if not self.host:
            raise ConfigError("host: is empty; name the centre's host or address")
        if not (self.source.isascii() and len(self.source) <= 20):
            raise ConfigError("source: no number of a message; 20 ASCII characters at most")
        if self.probe_answer_seconds > self.probe_seconds:
            raise ConfigError("probe_answer_seconds: longer than probe_seconds; a dead link has to be found within two of those")
        if self.retry_limit_seconds < self.retry_seconds:
            raise ConfigError("retry_limit_seconds: less than retry_seconds; put them in order")


def limits(settings: Settings) -> session.Settings:
    """The same for a session, in µs."""
    return session.Settings(
        window=settings.window,
        backlog=settings.backlog,
        bind_timeout=int(settings.connect_seconds * SECOND),
        answer_timeout=int(settings.answer_seconds * SECOND),
        probe_after=int(settings.probe_seconds * SECOND),
        probe_timeout=int(settings.probe_answer_seconds * SECOND),
        leave_timeout=int(settings.leave_seconds * SECOND),
    )


class Login(NamedTuple):
    """A bind to ask for; `command` None: the protocol's own."""

    body: Body
    command: int | None = None


class Turned(NamedTuple):
    """Why we were not let in. `otherwise`: the account asks in another way now, so the next try may come at once."""

    why: str
    otherwise: bool = False


class Request(NamedTuple):
    """A request to send, one SMS."""

    command: int
    body: Body
    tlvs: Tlvs = ()


class Verdict(NamedTuple):
    """What a status other than 0 means."""

    name: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """An incoming SMS, whole or a part of one."""

    sender: str
    receiver: str
    udh: bytes
    header: sms.Udh
    data: bytes
    coding: int
    service: str = ""
    link_id: str = ""


class Account(Protocol):
    """One protocol's part of a link. Methods that read or write octets raise DecodeError and EncodeError."""

    logins: int
    """Connections that the link has; the first of them sends."""
    refusals: tuple[int, int]
    """Statuses of our own: not now, never."""

    def dialect(self) -> Dialect: ...
    def login(self, connection: int, secret: bytes) -> Login: ...
    def let_in(self, pdu: Pdu) -> Turned | None: ...
    def turned_away(self, status: int, pdu: Pdu) -> Turned: ...
    def requests(self, message: Message) -> list[Request]: ...
    def message_id(self, pdu: Pdu) -> str: ...
    def canonical(self, message_id: str) -> str: ...
    def verdict(self, status: int) -> Verdict: ...
    def hear(self, pdu: Pdu) -> Receipt | Piece: ...
    def text(self, data: bytes, coding: int) -> str | None: ...


# ------------------------------------------------------------------------------------------------------- used by both of them


def secret(path: str) -> bytes:
    """The file's content without the end of its last line; b"" of no file. LinkError when it cannot be had, or others may read it."""
    if not path:
        return b""
    file = Path(path)
    try:
        mode, octets = file.stat().st_mode, file.read_bytes()
    except OSError as error:
        raise LinkError(f"the password file {path} cannot be read: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise LinkError(f"others may read the password file {path}: chmod 600")
    return octets.removesuffix(b"\n").removesuffix(b"\r")


def digits(number: bytes, plan: Plan) -> str:
    """A subscriber's number as E.164 digits; what is no number stays as it stands.

    >>> digits(b"13900000001", "china"), digits(b"+8613900000001", "none"), digits(b"10086", "china"), digits(b"Bank", "china")
    ('8613900000001', '8613900000001', '10086', 'Bank')
    """
    value = address(number, _PACKED[plan], (0, 0))
    return number.decode("latin-1") if value & NOT_A_NUMBER or not value else str(value)


def dialled(receiver: str, settings: Settings) -> bytes:
    """E.164 digits as the centre wants them. EncodeError for what is none.

    >>> dialled("8613900000001", Settings(host="centre", port=1, national=True))
    b'13900000001'
    """
    if not (receiver.isascii() and receiver.isdigit()):
        raise EncodeError("a receiver is E.164 digits")
    plan = _PLANS[settings.numbering]
    prefix = str(plan.country) if plan.country and settings.national else ""
    national = receiver.removeprefix(prefix)
    return (national if not plan.length or len(national) == plan.length else receiver).encode()


_LONGEST: Final = 30 * 24 * 3600  # seconds that a relative time can say for sure: what a month is, centres differ


def sender(message: Message, settings: Settings) -> bytes:
    """Whom a message is from. EncodeError for what is not ASCII."""
    name = settings.source + message.sub_code if message.sender is None else message.sender
    if not name.isascii():
        raise EncodeError("a sender has ASCII characters only")
    return name.encode()


def octets(pieces: tuple[tuple[bytes, bytes], ...]) -> tuple[sms.UserData, ...]:
    """User data as it was made. EncodeError when a piece is no SMS."""
    for udh, data in pieces:
        if len(udh) + len(data) > sms.CAPACITY:
            raise EncodeError(f"a piece of {len(udh) + len(data)} octets; {sms.CAPACITY} make an SMS")
    return tuple(sms.UserData(*piece) for piece in pieces)


def until(seconds: float | None, settings: Settings, *, now: int, quarters: int) -> bytes:
    """A validity period (SMPP 3.4 7.1.1): a span, or an end in a zone so many quarters of an hour east of UTC. `now` in µs UTC.

    >>> until(90061, Settings(host="centre", port=1), now=0, quarters=32)
    b'000001010101000R'
    >>> until(60, Settings(host="centre", port=1, validity="absolute"), now=0, quarters=32)
    b'700101080100032+'
    """
    if seconds is None:
        return b""
    span = min(max(int(seconds), 1), _LONGEST)
    if settings.validity == "absolute":
        end = datetime.fromtimestamp(now // SECOND, UTC) + timedelta(seconds=span)
        return f"{end.astimezone(timezone(timedelta(minutes=15 * quarters))):%y%m%d%H%M%S}0{quarters:02d}+".encode()
    minutes, second = divmod(span, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return b"0000%02d%02d%02d%02d000R" % (day, hour, minute, second)


def place(key: str) -> int:
    """The concatenation reference of a message's parts: of the same key always the same.

    >>> place("forward 17"), place("forward 18")
    (37, 180)
    """
    return zlib.crc32(key.encode("utf-8", "replace")) & 0xFF
