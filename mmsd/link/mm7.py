"""Multimedia messages through an MMSC's MM7 (TS 23.140 8.7): we submit as a value added service provider, and hear what became of them.

Outwards one SOAP request a message, whatever its number of receivers. Inwards a small server for delivery reports, read replies and what
subscribers send to us; its SOAP answer says success once the caller has settled.

What counts is the MMSC's status code, wherever it stands: in a response, in a fault, with whatever HTTP status. Without one the HTTP
status decides, and what nobody can tell is uncertain.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal, Self

import msgspec

from mmsd.codec import mime, mm7, smil, text
from mmsd.codec.mime import Part
from mmsd.codec.mm7 import Address
from mmsd.codec.tables import charsets
from mmsd.codec.tables import mm7 as table
from mmsd.errors import ConfigError, DecodeError, EncodeError
from mmsd.link import endpoint
from mmsd.link.account import Plan, digits, secret
from mmsd.link.carry import Accepted, Answer, Class, Incoming, Message, Octets, Receipt, Refused, Text, Uncertain
from mmsd.link.endpoint import Endpoint, Request, Response, Word
from mmsd.link.http import HttpLink, Peer, Reply, Unanswered, check_url, spoken
from mmsd.model import SECOND, Composed, masked

MM7: Final = "mm7"
"""The endpoint's one name."""

_ANSWER_OCTETS: Final = 1 << 20
_LATELY: Final = 20_000  # messages whose reports are known for theirs
_SLIDE: Final = 8000  # ms
_WHOLE: Final = frozenset({2550, 2551, 2568, 4001})
"""Statuses of our account, not of a message: disabled, not provisioned, not authenticated, not identified."""

_STATES: Final[Mapping[str, tuple[str, bool]]] = {
    "retrieved": ("DELIVRD", True),
    "expired": ("EXPIRED", True),
    "rejected": ("REJECTD", True),
    "deferred": ("ENROUTE", False),
    "indeterminate": ("UNKNOWN", True),
    "unrecognised": ("UNDELIV", True),
    "unrecognized": ("UNDELIV", True),
    "notsupported": ("UNDELIV", True),
    "unreachable": ("UNDELIV", True),
    "forwarded": ("FORWARDED", False),
    "read": ("READ", True),
    "deleted": ("DELETED", True),
}
"""MMStatus → a receipt's state, and whether nothing more will come."""

Schema = Literal["REL-5-MM7-1-0", "REL-6-MM7-1-4"]
_SCHEMAS: Final[Mapping[Schema, str]] = {"REL-5-MM7-1-0": table.REL_5, "REL-6-MM7-1-4": table.REL_6}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="mm7"):
    """`[links.NAME]` with `kind = "mm7"`. Durations are seconds."""

    url: str  # the MMSC's: "https://mmsc.example.net/mm7"
    vasp_id: str = ""  # who we are …
    vas_id: str = ""  # … and which of our services
    username: str = ""  # HTTP basic authentication
    password_file: str = ""  # nobody but its owner may read it
    source: str = ""  # SenderAddress: our short code, which sub-codes follow
    service_code: str = ""  # for billing
    message_class: Literal["", "Personal", "Informational", "Advertisement", "Auto"] = ""
    charged_party: Literal["", "Sender", "Recipient", "Both", "Neither"] = ""
    schema: Schema = "REL-6-MM7-1-4"  # the namespace of what we send
    numbering: Plan = "china"  # of subscribers' numbers that come without a country code
    prefix: str = "+"  # of numbers to send to
    ca_file: str = ""  # PEM, of an https address; "": the system's
    window: int = 4  # requests without answer
    rate: float = 10.0  # requests a second
    answer_seconds: float = 60.0
    leave_seconds: float = 10.0
    retry_seconds: float = 1.0
    retry_limit_seconds: float = 60.0
    endpoint: endpoint.Settings | None = None  # None: no reports, no messages
    classes: tuple[Class, ...] = ()  # of outgoing messages that go by it; none: mmsd does not open it by itself
    texts: bool = False  # short messages of these classes go by it too, each as a multimedia message of one slide
    order: int = 0  # of the links of a class the least goes first; the others while it is down

    def __post_init__(self) -> None:
        check_url(self.url, "url")
        if bool(self.username) != bool(self.password_file):
            raise ConfigError("username: it and password_file come together; set both or neither")
        if ":" in self.username:
            raise ConfigError("username: HTTP's authentication has no colon in it")
        if self.retry_limit_seconds < self.retry_seconds:
            raise ConfigError("retry_limit_seconds: less than retry_seconds; put them in order")


# -------------------------------------------------------------------------------------------------------------------- values


@dataclass(frozen=True, slots=True)
class Multimedia:
    """One message to one or more receivers; `key` becomes the TransactionID. `parts` as `part` makes them, SMIL among them or not;
    or a single one that is a multipart already, as `composed` has it."""

    key: str
    receivers: tuple[str, ...]  # E.164 digits
    parts: tuple[Part, ...]
    subject: str = ""
    sender: str | None = None  # None: the link's own
    sub_code: str = ""  # digits behind the link's own number
    validity: float | None = None  # seconds
    priority: int = 0  # 0 … 3; from 2 on "High"
    want_report: bool = True
    want_read: bool = False  # read replies
    forwardable: bool = True  # DistributionIndicator
    linked: str = ""  # LinkedID of the message that this answers

    def __repr__(self) -> str:
        return f"Multimedia({self.key!r} to {', '.join(map(masked, self.receivers[:3]))}, {len(self.parts)} parts)"


@dataclass(frozen=True, slots=True)
class Partly(Accepted):
    """Taken for some of its receivers only (1100). The MMSC seldom says for which; delivery reports do."""

    details: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Mms(Incoming):
    """A subscriber's multimedia message; `text` is that of its text parts."""

    subject: str = ""
    media: tuple[Part, ...] = ()
    linked: str = ""  # to be repeated in the answer


def part(name: str, media: str, content: bytes) -> Part:
    """A part by its file name and media type; texts in UTF-8.

    >>> part("a.txt", "text/plain", "端午".encode()).content_type
    ContentType(media='text/plain', parameters={'name': 'a.txt', 'charset': 'utf-8'})
    """
    kind = str(mime.ContentType(media, {"name": name} | ({"charset": "utf-8"} if media.startswith("text/") else {})))
    return Part((("content-type", kind), ("content-id", f"<{name}>"), ("content-location", name)), memoryview(content))


def of_message(message: Message) -> Multimedia:
    """A message as it is submitted: a composed one as it stands, a text as one slide. EncodeError for octets."""
    match message.content:
        case Octets():
            raise EncodeError("octets are no multimedia message")
        case Composed(subject=subject, body=body):
            parts: tuple[Part, ...] = (_composed(body),)
        case Text(words):
            subject, parts = "", _slide(words)
    return Multimedia(
        message.key,
        (message.receiver,),
        parts,
        subject=subject,
        sender=message.sender,
        sub_code=message.sub_code,
        validity=message.validity,
        priority=message.priority,
        want_report=message.want_report,
        linked=message.link_id,
    )


def _slide(words: str) -> tuple[Part, ...]:
    slides = smil.encode([smil.Slide((smil.Item("text", "text.txt", smil.TEXT.name),), _SLIDE)])
    return part("smil", "application/smil", slides), part("text.txt", "text/plain", words.encode())


def _composed(body: bytes) -> Part:
    """EncodeError for what is not one multipart with its headers: nothing else can be what Content names."""
    try:
        headers, begin = mime.decode_headers(body)
        made = Part(headers, memoryview(body)[begin:])
        media = made.content_type.media
    except DecodeError as error:
        raise EncodeError(f"a composed message that cannot be read: {error.reason}") from None
    if not media.startswith("multipart/"):
        raise EncodeError(f"a composed message is a multipart, not {media}")
    return made


# ---------------------------------------------------------------------------------------------------------------------- link


class Link(HttpLink[Receipt | Incoming]):
    """`carry.Link` over MM7; it sends `Multimedia` too, and what comes in is a `Mms`. `wall`: µs UTC; `random`: a number in [0, 1)."""

    def __init__(self, settings: Settings, *, random: Callable[[], float], wall: Callable[[], int]) -> None:
        peer = Peer(
            "the MMSC", settings.url, settings.ca_file, settings.rate, settings.window, settings.answer_seconds, settings.retry_seconds,
            settings.retry_limit_seconds, _ANSWER_OCTETS, settings.leave_seconds,
        )  # fmt: skip
        ours = settings.endpoint
        super().__init__(peer, Endpoint(ours, (MM7,), self._asked) if ours is not None else None, random=random)
        self._settings = settings
        self._wall = wall
        self._fixed: dict[str, str] = {}
        self._lately: dict[str, str] = {}  # message id → key

    async def __aenter__(self) -> Self:
        """LinkError or ConfigError when a file or the endpoint's port is no good."""
        settings = self._settings
        self._fixed = {"SOAPAction": '""'}
        if settings.username:
            password = await asyncio.to_thread(secret, settings.password_file)
            self._fixed["Authorization"] = f"Basic {base64.b64encode(settings.username.encode() + b':' + password).decode()}"
        return await super().__aenter__()

    # -------------------------------------------------------------------------------------------------------------- outwards

    async def send(self, message: Message | Multimedia) -> Answer:
        """The MMSC's answer; the one id is its MessageID. LinkDown and EncodeError as `carry` says."""
        sent = message if isinstance(message, Multimedia) else of_message(message)
        content_type, body = encode(sent, self._settings, now=self._wall())
        try:
            answer = self._judged(sent, await self._post({**self._fixed, "Content-Type": content_type}, body))
        except Unanswered as error:
            answer = Uncertain(sent.key, str(error))
        self._counts["accepted" if isinstance(answer, Accepted) else type(answer).__name__.lower()] += 1
        return answer

    def parts(self, message: Message) -> int:
        """One: a multimedia message goes whole."""
        encode(of_message(message), self._settings, now=self._wall())
        return 1

    def _judged(self, sent: Multimedia, reply: Reply) -> Answer:
        """LinkDown when the MMSC turns us away as a whole, Unanswered when nobody can tell."""
        try:
            told = mm7.decode(reply.headers.get("Content-Type", "text/xml"), reply.body)
        except DecodeError:
            return self._without_soap(sent.key, reply)
        code, fault = told.fields.get("StatusCode"), str(told.fields.get("faultcode", "")).rpartition(":")[2].lower()
        if told.kind not in ("SubmitRsp", "Fault", *table.ERRORS) or (code is None and not fault):
            raise Unanswered(f"the MMSC answered with a {told.kind}, which says nothing")
        if told.transaction and told.transaction != sent.key:
            raise Unanswered("the MMSC answered another request")
        if code is not None and 1000 <= code < 2000:
            return self._accepted(sent.key, code, told)
        throttled = reply.status in (429, 503) or (code is not None and mm7.status(code).diagnosis == "retry")
        if throttled:
            self._throttled(reply)
        if code is None:
            name = spoken(str(told.fields.get("faultstring", "")), "SOAP fault")
            return Refused(sent.key, 0, name, permanent=fault != "server" and not throttled, throttled=throttled)
        meaning = mm7.status(code)
        name = spoken(" ".join(str(told.fields[field]) for field in ("StatusText", "Details") if field in told.fields), meaning.text)
        if code in _WHOLE:
            raise self._down(f"the MMSC does not let us send: {name} ({code}); see url, username, password_file, vasp_id")
        return Refused(sent.key, code, name, permanent=not throttled and meaning.diagnosis != "NODE_FAULT", throttled=throttled)

    def _accepted(self, key: str, code: int, told: mm7.Message) -> Accepted:
        self._well()
        message_id = str(told.fields.get("MessageID", ""))
        if message_id:
            self._lately.pop(message_id, None)
            self._lately[message_id] = key
            if len(self._lately) > _LATELY:
                del self._lately[next(iter(self._lately))]
        if code == 1100:
            self._counts["partly"] += 1
            return Partly(key, (message_id,), spoken(str(told.fields.get("Details", "")), ""))
        return Accepted(key, (message_id,))

    def _without_soap(self, key: str, reply: Reply) -> Refused:
        name = f"HTTP {reply.status}"
        match reply.status:
            case 401 | 403 | 404 | 405:
                raise self._down(f"the MMSC does not let us send: {name}; see url, username, password_file")
            case 429 | 503:
                self._throttled(reply)
                return Refused(key, reply.status, name, permanent=False, throttled=True)
            case status if 300 <= status < 500:
                return Refused(key, status, name, permanent=True)
        raise Unanswered(f"the MMSC answered {name} without a word of MM7")

    # --------------------------------------------------------------------------------------------------------------- inwards

    async def _asked(self, request: Request) -> Response:
        """A report or message: success is said once it is settled."""
        if request.method != "POST":
            return Response(405)
        try:
            told = mm7.decode(request.headers.get("Content-Type", "text/xml"), request.body)
            heard = self._heard(told, request.body)
        except DecodeError as error:
            self._counts["unreadable"] += 1
            return _fault(2007, error.reason)
        if heard is None:
            self._counts["unreadable"] += 1
            return _fault(4003, f"no {told.kind} is taken here", told)
        self._counts["receipts" if isinstance(heard, Receipt) else "incoming"] += 1
        word = await self._owe(lambda settle, refuse: replace(heard, settled=settle, refused=refuse))
        if word is Word.SETTLED:
            return _response(200, mm7.answer(told, 1000))
        # An MMSC that looks at HTTP alone has to see, too, that this is to come again.
        return _response(503, mm7.answer(told, 4006)) if word is Word.LATER else _response(200, mm7.answer(told, 3002))

    def _heard(self, told: mm7.Message, body: bytes) -> Receipt | Mms | None:
        """DecodeError where it lacks what it is about; None for what is not for us."""
        match told.kind:
            case "DeliveryReportReq" | "ReadReplyReq":
                return self._report(told, body)
            case "DeliverReq":
                return self._message(told)
            case _:
                return None

    def _report(self, told: mm7.Message, body: bytes) -> Receipt:
        fields = told.fields
        message_id, status = str(fields.get("MessageID", "")), str(fields.get("MMStatus", ""))
        if not message_id or not status:
            raise DecodeError(f"{told.kind} without MessageID or MMStatus", offset=0, clause="TS 23.140 8.7.1.4")
        state, final = _STATES.get(status.lower().replace(" ", ""), (status.upper()[:32], False))
        return Receipt(
            id=message_id,
            candidates=(message_id,),
            state=state,
            final=final,
            receiver=self._number(fields.get("Recipient")),
            key=self._lately.get(message_id),
            error=str(fields.get("MMStatusExtension", "")),
            done=str(fields.get("Date", fields.get("TimeStamp", ""))),
            raw=body,
        )

    def _message(self, told: mm7.Message) -> Mms:
        fields = told.fields
        sender, recipients = fields.get("Sender"), fields.get("Recipients", ())
        if not isinstance(sender, Address) or not sender.text:
            raise DecodeError("DeliverReq without Sender", offset=0, clause="TS 23.140 8.7.1.3")
        media = told.content
        receiver = next((found.text for found in recipients), str(fields.get("VASID", "")))
        source = self._settings.source
        words = [_words(found) for found in media if found.content_type.media == "text/plain"]
        return Mms(
            sender=self._number(sender),
            receiver=receiver,
            text="\n".join(words),
            at=self._wall(),
            sub_code=receiver.removeprefix(source) if source and receiver.startswith(source) else "",
            service=str(fields.get("VASID", "")),
            subject=str(fields.get("Subject", "")),
            media=media,
            linked=str(fields.get("LinkedID", "")),
        )

    def _number(self, address: Address | None) -> str:
        """E.164 digits where it is a subscriber's; a mail address as it stands."""
        if address is None or address.kind != "number":
            return address.text if address is not None else ""
        number = address.text.partition("/TYPE=")[0]
        return digits(number.encode("latin-1", "replace"), self._settings.numbering)


# --------------------------------------------------------------------------------------------------------------------- bytes


def encode(sent: Multimedia, settings: Settings, *, now: int) -> tuple[str, bytes]:
    """(Content-Type, body) of its SubmitReq; `now` in µs UTC. EncodeError for what does not fit."""
    if not sent.receivers or not all(receiver.isascii() and receiver.isdigit() for receiver in sent.receivers):
        raise EncodeError("receivers are numbers of E.164 digits, and there is one")
    if not sent.key or not sent.parts:
        raise EncodeError("a message has a key and a part")
    source = (settings.source if sent.sender is None else sent.sender) + sent.sub_code
    optional: dict[str, Any] = {
        "VASPID": settings.vasp_id,
        "VASID": settings.vas_id,
        "SenderAddress": Address("short" if len(source) < 8 else "number", source) if source else "",
        "ServiceCode": settings.service_code,
        "LinkedID": sent.linked,
        "MessageClass": settings.message_class,
        "ExpiryDate": _time(now + int(sent.validity * SECOND)) if sent.validity is not None else "",
        "ChargedParty": settings.charged_party,
        "Subject": sent.subject,
    }
    fields = {name: value for name, value in optional.items() if value} | {
        "Recipients": tuple(Address("number", settings.prefix + receiver, "To") for receiver in sent.receivers),
        "TimeStamp": _time(now),
        "DeliveryReport": sent.want_report,
        "ReadReply": sent.want_read,
        "Priority": "High" if sent.priority > 1 else "Normal",
        "DistributionIndicator": sent.forwardable,
        "Content": "content",
    }
    digest = _digest(sent.parts)
    content = _content(sent.parts, f"=_{digest}-content")
    message = mm7.Message("SubmitReq", sent.key, fields, (content,), _SCHEMAS[settings.schema])
    return mm7.encode(message, boundary=f"=_{digest}-root")


def _content(parts: tuple[Part, ...], boundary: str) -> Part:
    """All parts as the one that Content names: related where a SMIL presents them, else mixed; a lone multipart is that one."""
    if len(parts) == 1 and parts[0].content_type.media.startswith("multipart/"):
        (whole,) = parts
        others = tuple(header for header in whole.headers if header[0] != "content-id")
        return Part((*others, ("content-id", "<content>")), whole.raw)
    start = next((found.cid for found in parts if found.content_type.media == "application/smil"), "")
    if start:
        return mm7.attach("content", parts, start=f"<{start}>", boundary=boundary)
    body = mime.encode_multipart([(found.headers, found.raw) for found in parts], boundary)
    kind = mime.ContentType("multipart/mixed", {"boundary": boundary})
    return Part((("content-type", str(kind)), ("content-id", "<content>")), memoryview(body))


def _digest(parts: Iterable[Part]) -> str:
    """What no part can hold but by malice: a boundary of its contents' own."""
    hashed = hashlib.sha256()
    for found in parts:
        hashed.update(found.raw)
    return hashed.hexdigest()[:24]


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at // SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _words(found: Part) -> str:
    charset = found.content_type.parameters.get("charset", "").lower()
    return text.decode(bytes(found.content()), charsets.NAMES.get(charset, charsets.ANY))


def _response(status: int, message: mm7.Message) -> Response:
    content_type, body = mm7.encode(message)
    return Response(status, body, content_type)


def _fault(code: int, details: str, told: mm7.Message | None = None) -> Response:
    """A SOAP fault with our VASPErrorRsp; by HTTP a 500, as SOAP 1.1 6.2 wants it."""
    meaning = mm7.status(code)
    fields: dict[str, Any] = {"faultcode": "env:Client", "faultstring": meaning.text, "StatusCode": code, "StatusText": meaning.text}
    fields["Details"] = spoken(details, "")
    transaction, namespace = (told.transaction, told.namespace) if told is not None else ("", table.REL_6)
    return _response(500, mm7.Message("VASPErrorRsp", transaction, fields, (), namespace))
