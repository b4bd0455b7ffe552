"""Messages through a Kannel: its smsbox takes them over HTTP, and calls our endpoint with receipts and with what subscribers write.

Requests are posted with X-Kannel headers: no number and no password stands in an address, where logs would keep them. Long texts are cut
here, since smsbox cuts off in silence what is longer than its `max-messages`. Each part has its own `dlr-url`, which carries our key and
nothing of the subscriber's.

smsbox takes 200 and 202 for an acknowledgement and calls again after anything else, as often as its `http-request-retry` says: by default
never. It keeps no list of calls on disk. `docs/links.md` says what to set.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, NamedTuple, Self
from urllib.parse import parse_qsl, quote, unquote_to_bytes

import msgspec

from mmsd.codec import mime, smpp, sms, text
from mmsd.codec.tables import charsets
from mmsd.errors import ConfigError, DecodeError, EncodeError, LinkDown
from mmsd.link import endpoint
from mmsd.link.account import Plan, digits, place, secret
from mmsd.link.carry import Accepted, Answer, Class, Incoming, Message, Octets, Receipt, Refuse, Refused, Settle, Text, Uncertain
from mmsd.link.endpoint import LATER, Endpoint, Request, Response, Word
from mmsd.link.http import HttpLink, Peer, Reply, Unanswered, check_url, spoken
from mmsd.model import SECOND, Composed

RECEIPT: Final = "receipt"
MESSAGE: Final = "message"

# dlr-mask, and %d of a receipt, which may hold more than one
DELIVERED: Final = 1
FAILED: Final = 2
BUFFERED: Final = 4
TAKEN: Final = 8  # by the centre
REJECTED: Final = 16  # by the centre
EXPIRED: Final = 32
_FINAL: Final = DELIVERED | FAILED | REJECTED | EXPIRED

_ACKNOWLEDGED: Final = Response(200)
_MALFORMED: Final = Response(400)
_ANSWER_OCTETS: Final = 4096
_KEY_LIMIT: Final = 256
_HEADER: Final = re.compile(r"[ -~]*")
_TIME: Final = "%Y-%m-%d %H:%M:%S"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="kannel"):
    """`[links.NAME]` with `kind = "kannel"`. Durations are seconds."""

    url: str  # smsbox's: "http://127.0.0.1:13013/cgi-bin/sendsms"
    username: str  # of Kannel's `group = sendsms-user`
    password_file: str  # nobody but its owner may read it
    source: str = ""  # our number or name, which sub-codes follow; "": Kannel's `default-sender`
    numbering: Plan = "china"  # of subscribers' numbers that come without a country code
    prefix: str = "+"  # of numbers to send to
    smsc: str = ""  # Kannel's smsc-id; "": as Kannel routes
    account: str = ""  # for Kannel's access log
    dlr_mask: int = DELIVERED | FAILED | REJECTED  # which receipts: 1 delivered, 2 failed, 4 buffered, 8 taken, 16 rejected by the centre
    long_limit: int = 10  # parts that a text may have
    ca_file: str = ""  # PEM, of an https address; "": the system's
    window: int = 10  # requests without answer
    rate: float = 50.0  # requests a second
    answer_seconds: float = 60.0
    leave_seconds: float = 10.0
    retry_seconds: float = 1.0
    retry_limit_seconds: float = 60.0
    endpoint: endpoint.Settings | None = None  # None: no receipts, no messages
    classes: tuple[Class, ...] = ()  # of outgoing messages that go by it; none: mmsd does not open it by itself
    order: int = 0  # of the links of a class the least goes first; the others while it is down

    def __post_init__(self) -> None:
        check_url(self.url, "url")
        if not 0 < self.dlr_mask < 64:
            raise ConfigError("dlr_mask: a sum of 1, 2, 4, 8, 16 and 32")
        for name in ("username", "source", "prefix", "smsc", "account"):
            if not _HEADER.fullmatch(getattr(self, name)):
                raise ConfigError(f"{name}: ASCII characters only")
        if self.retry_limit_seconds < self.retry_seconds:
            raise ConfigError("retry_limit_seconds: less than retry_seconds; put them in order")


class _Part(NamedTuple):
    """One SMS as smsbox wants it."""

    content_type: str
    coding: int
    udh: bytes
    body: bytes


class Link(HttpLink[Receipt | Incoming]):
    """`carry.Link` over Kannel's HTTP. `wall`: µs UTC; `random`: a number in [0, 1)."""

    def __init__(self, settings: Settings, *, random: Callable[[], float], wall: Callable[[], int]) -> None:
        peer = Peer(
            "Kannel", settings.url, settings.ca_file, settings.rate, settings.window, settings.answer_seconds, settings.retry_seconds,
            settings.retry_limit_seconds, _ANSWER_OCTETS, settings.leave_seconds,
        )  # fmt: skip
        names = {RECEIPT: self._receipt, MESSAGE: self._message}
        ours = settings.endpoint

        async def answer(request: Request) -> Response:
            return await names[request.name](request)

        super().__init__(peer, Endpoint(ours, names, answer) if ours is not None else None, random=random)
        self._settings = settings
        self._wall = wall
        self._fixed: Mapping[str, str] = {}

    async def __aenter__(self) -> Self:
        """LinkError or ConfigError when a file or the endpoint's port is no good."""
        settings = self._settings
        password = (await asyncio.to_thread(secret, settings.password_file)).decode("latin-1")
        if not _HEADER.fullmatch(password):
            raise ConfigError("password_file: ASCII characters only")
        fixed = {"X-Kannel-Username": settings.username, "X-Kannel-Password": password}
        optional = {"X-Kannel-SMSC": settings.smsc, "X-Kannel-Account": settings.account}
        self._fixed = fixed | {name: value for name, value in optional.items() if value}
        return await super().__aenter__()

    # -------------------------------------------------------------------------------------------------------------- outwards

    async def send(self, message: Message) -> Answer:
        """Kannel's answer to every part: `ids` are ours, KEY.1, KEY.2 …, since it gives none. LinkDown and EncodeError as `carry` says."""
        parts = _parts(message, self._settings.long_limit)
        common = self._common(message)
        taken: list[str] = []
        answer: Answer | None = None
        try:
            for number, part in enumerate(parts, 1):
                name = f"{message.key}.{number}"
                answer = await self._sent(message.key, common | self._particular(message, part, name), part.body, tuple(taken))
                if answer is not None:
                    break
                taken.append(name)
        except LinkDown as error:
            if not taken:
                raise
            answer = Uncertain(message.key, f"parts were not sent: {error}", tuple(taken))
        except Unanswered as error:
            answer = Uncertain(message.key, str(error), tuple(taken))
        answer = answer or Accepted(message.key, tuple(taken))
        self._counts[type(answer).__name__.lower()] += 1
        return answer

    def parts(self, message: Message) -> int:
        self._common(message)
        return len(_parts(message, self._settings.long_limit))

    async def _sent(self, key: str, headers: Mapping[str, str], body: bytes, taken: tuple[str, ...]) -> Refused | None:
        """None: the part was taken. One that is throttled behind others is asked again: a message half sent helps nobody."""
        clock = asyncio.get_running_loop()
        deadline = clock.time() + self._settings.answer_seconds
        while True:
            refused = self._refused(key, await self._post(headers, body), taken)
            if refused is None or not (refused.throttled and taken and clock.time() < deadline):
                return refused

    def _common(self, message: Message) -> dict[str, str]:
        """The headers of all parts."""
        if not re.fullmatch(r"[0-9]{1,20}", message.receiver):
            raise EncodeError("the receiver is no number of E.164 digits")
        source = (self._settings.source if message.sender is None else message.sender) + message.sub_code
        if not _HEADER.fullmatch(source):
            raise EncodeError("a sender is of ASCII characters")
        if len(message.key) > _KEY_LIMIT:
            raise EncodeError(f"a key of more than {_KEY_LIMIT} characters")
        headers = dict(self._fixed) | {"X-Kannel-To": self._settings.prefix + message.receiver}
        if source:
            headers["X-Kannel-From"] = source
        if message.validity is not None:
            headers["X-Kannel-Validity"] = str(max(math.ceil(message.validity / 60), 1))  # minutes
        if message.priority:
            headers["X-Kannel-Priority"] = str(min(max(message.priority, 0), 3))
        return headers

    def _particular(self, message: Message, part: _Part, name: str) -> dict[str, str]:
        """The headers of one part."""
        headers = {"Content-Type": part.content_type, "X-Kannel-Coding": str(part.coding)}
        if part.udh:
            headers["X-Kannel-UDH"] = part.udh.hex()
        if self._endpoint is not None:
            headers["X-Kannel-DLR-Mask"] = str(self._settings.dlr_mask if message.want_report else REJECTED)
            headers["X-Kannel-DLR-URL"] = _dlr_url(self._endpoint.url(RECEIPT), message.key, name)
        return headers

    def _refused(self, key: str, reply: Reply, taken: tuple[str, ...]) -> Refused | None:
        """None: it was taken. LinkDown when Kannel turns us away as a whole, Unanswered when nobody can tell."""
        said = reply.body.decode("latin-1").strip()
        match reply.status:
            case 202 if said[:2] in ("0:", "3:") or said.startswith("Sent."):  # or the latter with immediate-sendsms-reply
                self._well()
                return None
            case 403 if said.startswith("Not routable"):
                pass
            case 401 | 403 | 404 | 405:
                raise self._down(
                    f"Kannel does not let us send: HTTP {reply.status}; look at url, username, password_file and user-allow-ip"
                )
            case 503 | 429:
                self._throttled(reply)
                return Refused(key, reply.status, spoken(said, f"HTTP {reply.status}"), permanent=False, throttled=True, ids=taken)
            case status if not 400 <= status < 500 and not 300 <= status < 400:
                raise Unanswered(f"Kannel answered HTTP {status}, which says nothing")
        return Refused(key, reply.status, spoken(said, f"HTTP {reply.status}"), permanent=True, ids=taken)

    # --------------------------------------------------------------------------------------------------------------- inwards

    async def _receipt(self, request: Request) -> Response:
        try:
            receipt = _read_receipt(_query(request.query))
        except DecodeError:
            self._counts["unreadable"] += 1
            return _MALFORMED
        self._counts["receipts"] += 1
        return await self._offer(lambda settle, refuse: replace(receipt, settled=settle, refused=refuse))

    async def _message(self, request: Request) -> Response:
        try:
            incoming = self._read_message(request)
        except DecodeError:
            self._counts["unreadable"] += 1
            return _MALFORMED
        self._counts["incoming"] += 1
        return await self._offer(lambda settle, refuse: replace(incoming, settled=settle, refused=refuse))

    async def _offer(self, told: Callable[[Settle, Refuse], Receipt | Incoming]) -> Response:
        """Acknowledged once it is settled; so is what shall never come again."""
        return LATER if await self._owe(told) is Word.LATER else _ACKNOWLEDGED

    def _read_message(self, request: Request) -> Incoming:
        """What a subscriber wrote, from smsbox's headers (`post-url`) or from the address (`get-url`)."""
        told = _query(request.query)
        if request.method == "POST":
            headers, data = request.headers, request.body
            kind = mime.decode_content_type(headers.get("Content-Type", ""))
            sender, receiver = headers.get("X-Kannel-From", ""), headers.get("X-Kannel-To", "")
            coding, charset = headers.get("X-Kannel-Coding", ""), kind.parameters.get("charset", "")
            udh = unquote_to_bytes(headers.get("X-Kannel-UDH", "").replace("+", " "))
            at = _seconds(headers.get("X-Kannel-Time", ""))
        else:
            data = told.get("text", "").encode("latin-1")
            sender, receiver = told.get("from", ""), told.get("to", "")
            coding, charset = told.get("coding", ""), told.get("charset", "")
            udh = told.get("udh", "").encode("latin-1")
            at = _number(told.get("at", ""))
        if not sender or not receiver:
            raise DecodeError("a message without sender or receiver", offset=0, clause="docs/links.md")
        source = self._settings.source
        binary = coding == "1"
        words = data.decode("latin-1") if binary else _text(data, coding, charset)
        concat = _concat(udh)
        if concat is not None:  # bearerbox joins parts; one that comes by itself is what it gave up joining
            words = "…" * (concat.sequence - 1) + words + "…" * (concat.total - concat.sequence)
        return Incoming(
            sender=digits(sender.encode("latin-1", "replace"), self._settings.numbering),
            receiver=receiver,
            text=words,
            at=at * SECOND if at is not None else self._wall(),
            sub_code=receiver.removeprefix(source) if source and receiver.startswith(source) else "",
            data=data if binary else None,
            udh=_header(udh),
            parts=concat.total if concat is not None else 1,
            missing=concat.total - 1 if concat is not None else 0,
            service=request.headers.get("X-Kannel-Service", told.get("service", "")),
        )


# ------------------------------------------------------------------------------------------------------------------- outwards


def _parts(message: Message, limit: int) -> list[_Part]:
    match message.content:
        case Text(words):
            pieces = sms.compose(words, place(message.key), limit=limit)
            return [_text_part(piece) for piece in pieces]
        case Octets(pairs):
            return [_Part("application/octet-stream", 1, udh, data) for udh, data in pairs]
        case Composed():
            raise EncodeError("a multimedia message is no SMS")


def _text_part(piece: sms.Piece) -> _Part:
    udh, data = piece.user_data
    if sms.coding(piece.dcs) is sms.Coding.UCS2:
        return _Part("text/plain; charset=UTF-16BE", 2, udh, data)
    return _Part("text/plain; charset=UTF-8", 0, udh, piece.user_data.text(piece.dcs).encode())


def _dlr_url(base: str, key: str, part: str) -> str:
    """Where smsbox tells what became of a part. Its %-escapes are %d, %F, %A, %i and %T; what else has a % says it twice.

    >>> _dlr_url("http://127.0.0.1:8090/secret/receipt", "forward 17", "forward 17.1")
    'http://127.0.0.1:8090/secret/receipt?key=forward%%2017&part=forward%%2017.1&status=%d&id=%F&answer=%A&smsc=%i&at=%T'
    """
    ours = f"{base}?key={quote(key, safe='')}&part={quote(part, safe='')}"
    return ours.replace("%", "%%") + "&status=%d&id=%F&answer=%A&smsc=%i&at=%T"


# -------------------------------------------------------------------------------------------------------------------- inwards


def _query(query: str) -> dict[str, str]:
    """Names and octets, these as Latin-1; the first of a name counts. DecodeError for too many."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, encoding="latin-1", max_num_fields=50)
    except ValueError:
        raise DecodeError("more than 50 parameters", offset=0, clause="docs/links.md") from None
    return dict(reversed(pairs))


def _read_receipt(told: Mapping[str, str]) -> Receipt:
    """What smsbox says through our dlr-url. DecodeError without a key or status of ours."""
    key, status = told.get("key", ""), _number(told.get("status", ""))
    if not key or len(key) > _KEY_LIMIT * 4 or status is None or not status & 63:
        raise DecodeError("no receipt of a message of ours", offset=0, clause="docs/links.md")
    answer = told.get("answer", "").encode("latin-1")
    fields = smpp.fields(answer)
    state = smpp.state(fields.get("stat", b"")) if not status & REJECTED else ""
    foreign = told.get("id", "").encode("latin-1")
    written = fields.get("message_id", b"") or foreign
    spelt = [*(smpp.spellings(written) if written else ()), *(smpp.spellings(foreign) if foreign else ())]
    part = _unicode(told.get("part", ""))
    return Receipt(
        id=written.decode("latin-1"),
        candidates=tuple(dict.fromkeys([part, *(id.decode("latin-1") for id in spelt)])),
        state=state or _state(status),
        final=bool(status & _FINAL),
        key=_unicode(key),
        error=(fields.get("err", b"") or _nack(answer)).decode("latin-1"),
        submitted=fields.get("submitted", b"").decode("latin-1"),
        done=fields.get("done", b"").decode("latin-1"),
        raw=answer,
    )


def _state(status: int) -> str:
    """A receipt's state where no text of the centre's says it.

    >>> [_state(status) for status in (1, 2, 34, 4, 8, 16)]
    ['DELIVRD', 'UNDELIV', 'EXPIRED', 'ACCEPTD', 'ENROUTE', 'REJECTD']
    """
    states = {DELIVERED: "DELIVRD", EXPIRED: "EXPIRED", FAILED: "UNDELIV", REJECTED: "REJECTD", BUFFERED: "ACCEPTD", TAKEN: "ENROUTE"}
    return next(state for bit, state in states.items() if status & bit)


def _nack(answer: bytes) -> bytes:
    """The centre's code in "NACK/0x0000000b/Invalid Destination Address", or the words of "NACK/Retries Exceeded"."""
    return answer.split(b"/")[1][:64] if answer.startswith(b"NACK/") else b""


def _text(data: bytes, coding: str, charset: str) -> str:
    if coding == "2":
        return data[: len(data) & ~1].decode("utf-16-be", "replace")
    return text.decode(data, charsets.NAMES.get(charset.lower(), charsets.ANY))


def _unicode(octets: str) -> str:
    return octets.encode("latin-1").decode("utf-8", "replace")


def _header(udh: bytes) -> bytes:
    """A user data header, or b"": smsbox leaves an escape standing that it does not know."""
    return udh if udh and udh[0] + 1 == len(udh) else b""


def _concat(udh: bytes) -> sms.Concat | None:
    try:
        return sms.decode_udh(udh).concat
    except DecodeError:
        return None


def _number(digits: str) -> int | None:
    return int(digits) if re.fullmatch(r"[0-9]{1,12}", digits) else None


def _seconds(time: str) -> int | None:
    """Seconds since 1970 of smsbox's time, which is in UTC."""
    try:
        return int(datetime.strptime(time, _TIME).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None
