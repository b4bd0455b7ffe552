"""Asks the MMSC to announce once more what waits for a subscriber, where it has an address for that: one POST, as its maker wants it.

Nothing reaches the subscriber by this link itself, and to ask twice does no harm: what is not answered is asked again. There is no standard
for it, so the body is a template; the number stands in the body alone, never in the address.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Final, Self

import msgspec

from mmsd.errors import ConfigError, EncodeError
from mmsd.link.account import secret
from mmsd.link.carry import Accepted, Answer, Class, Incoming, Message, Receipt, Refused
from mmsd.link.http import HttpLink, Peer, Reply, Unanswered, check_url

NUMBER: Final = "{number}"
_ANSWER_OCTETS: Final = 1 << 16
_HEADER: Final = re.compile(r"[\x20-\x7e]{1,255}")
_OURS: Final = frozenset({401, 403, 405, 407})
"""It does not let us ask at all."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="renotify"):
    """`[links.NAME]` with `kind = "renotify"`. Durations are seconds."""

    url: str  # the MMSC's: "https://mmsc.example.net/renotify"
    body: str = '{"msisdn": "{number}"}'  # with {number} where the subscriber's stands
    content_type: str = "application/json"
    prefix: str = "+"  # of the number
    token_file: str = ""  # goes as `Authorization: Bearer`; nobody but its owner may read it
    ca_file: str = ""  # PEM, of an https address; "": the system's
    window: int = 4  # requests without answer
    rate: float = 5.0  # requests a second
    answer_seconds: float = 30.0
    leave_seconds: float = 10.0
    retry_seconds: float = 1.0
    retry_limit_seconds: float = 60.0
    classes: tuple[Class, ...] = ()  # provisioning: what follows a push goes by it; none: mmsd does not open it by itself
    order: int = 0  # of the links of a class the least goes first; the others while it is down

    def __post_init__(self) -> None:
        check_url(self.url, "url")
        if NUMBER not in self.body:
            raise ConfigError(f"body: without {NUMBER} it names nobody")
        if not _HEADER.fullmatch(self.content_type):
            raise ConfigError("content_type: ASCII characters only")
        if self.retry_limit_seconds < self.retry_seconds:
            raise ConfigError("retry_limit_seconds: less than retry_seconds; put them in order")


class Link(HttpLink[Receipt | Incoming]):
    """`carry.Link` to such an address. `random`: a number in [0, 1)."""

    def __init__(self, settings: Settings, *, random: Callable[[], float]) -> None:
        peer = Peer(
            "the MMSC", settings.url, settings.ca_file, settings.rate, settings.window, settings.answer_seconds, settings.retry_seconds,
            settings.retry_limit_seconds, _ANSWER_OCTETS, settings.leave_seconds,
        )  # fmt: skip
        super().__init__(peer, None, random=random)
        self._settings = settings
        self._headers: Mapping[str, str] = {}

    async def __aenter__(self) -> Self:
        """LinkError or ConfigError when a file is no good."""
        self._headers = {"Content-Type": self._settings.content_type}
        if self._settings.token_file:
            token = (await asyncio.to_thread(secret, self._settings.token_file)).decode("latin-1")
            if not _HEADER.fullmatch(token):
                raise ConfigError("token_file: ASCII characters only")
            self._headers = {**self._headers, "Authorization": f"Bearer {token}"}
        return await super().__aenter__()

    async def send(self, message: Message) -> Answer:
        """LinkDown and EncodeError as `carry` says. Never uncertain."""
        body = self._body(message)
        try:
            answer = self._answered(message.key, await self._post(self._headers, body))
        except Unanswered as error:
            answer = Refused(message.key, 0, str(error), permanent=False)
        self._counts[type(answer).__name__.lower()] += 1
        return answer

    def parts(self, message: Message) -> int:
        self._body(message)
        return 1

    def _body(self, message: Message) -> bytes:
        if not re.fullmatch(r"[0-9]{1,20}", message.receiver):
            raise EncodeError("the receiver is no number of E.164 digits")
        return self._settings.body.replace(NUMBER, self._settings.prefix + message.receiver).encode()

    def _answered(self, key: str, reply: Reply) -> Answer:
        """What an HTTP status means. LinkDown when we are turned away as a whole."""
        name = f"HTTP {reply.status}"
        match reply.status:
            case status if 200 <= status < 300:
                self._well()
                return Accepted(key, ())
            case status if status in _OURS:
                raise self._down(f"the MMSC does not let us ask: {name}; look at url and token_file")
            case 429 | 503:
                self._throttled(reply)
                return Refused(key, reply.status, name, permanent=False, throttled=True)
            case status if 400 <= status < 500:  # such as 404: nothing waits for him
                return Refused(key, reply.status, name, permanent=True)
        return Refused(key, reply.status, name, permanent=False)
