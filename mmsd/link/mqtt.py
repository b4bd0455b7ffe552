"""Event rows to an MQTT 5 broker: many in one message, at least once, in the order of their ids.

`publish` returns when the broker has acknowledged every event, however often the connection is lost in between; cancelling is the only
other way out. The same events may arrive twice, with the same ids. What the broker then does with them is its own affair: the event rows
in the store are the record.

A message goes to `PREFIX/NODE/events/TOPIC`, TOPIC as in the event row, and is one msgpack map: `{"events": [{"id", "at", "subject",
"data"}, …]}`, `at` in µs since 1970, UTC.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiomqtt
import msgspec
import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from mmsd.errors import ConfigError, LinkDown, LinkError, PeerRefused
from mmsd.model import Event

_QOS: Final = 1


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[mqtt]`. Durations are seconds."""

    host: str
    node: str  # this mmsd among those of the broker: part of every topic, and its client id
    port: int = 1883  # with `tls` usually 8883
    prefix: str = "mmsd"  # the first levels of every topic
    username: str = ""
    password_file: str = ""  # read at each connection; its last line feed does not count
    tls: bool = False
    ca_file: str = ""  # PEM; empty: the system's
    certificate: str = ""  # PEM, ours
    key: str = ""  # PEM, of the certificate
    keepalive_seconds: int = 30
    timeout_seconds: float = 10.0  # to connect, and for an acknowledgement
    retry_seconds: float = 0.5  # after the first failure; doubles
    retry_limit_seconds: float = 30.0
    message_octets: int = 65536  # of events in one message; a longer event goes alone

    def __post_init__(self) -> None:
        if not self.node or set(self.node) & set("#+/\0"):
            raise ConfigError("mqtt.node: one level of a topic, not empty and without # + /")
        if not self.prefix.strip("/") or set(self.prefix) & set("#+\0"):
            raise ConfigError("mqtt.prefix: levels of a topic, not empty and without # +")
        if self.password_file and not self.username:
            raise ConfigError("mqtt.username: a password needs one")
        if bool(self.certificate) != bool(self.key):
            raise ConfigError("mqtt.certificate: certificate and key come together; set both or neither")
        if (self.ca_file or self.certificate) and not self.tls:
            raise ConfigError("mqtt.tls: set it true, or the certificates are not used")


class Health(NamedTuple):
    """`state`: "ok", or "down" since the broker was last heard; `error`: what it or the network said last, "" when well."""

    state: str
    error: str


class Publisher:
    """One connection to one broker, made when first needed and again whenever it is lost. An async context manager; one task at a time.

    `random`: a number in [0, 1) that spreads the retries of many; `sleep`: as `asyncio.sleep`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        random: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._random = random
        self._sleep = sleep
        self._connection: _Connection | None = None
        self._failures = 0
        self._error = ""

    async def __aenter__(self) -> Publisher:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._drop()

    @property
    def health(self) -> Health:
        return Health("down" if self._error else "ok", self._error)

    async def publish(self, events: Iterable[Event]) -> None:
        """Every event acknowledged by the broker; until then it tries again, with growing pauses."""
        waiting = deque(messages(self._settings, events))
        while waiting:
            try:
                if self._connection is None:
                    self._connection = await _connect(self._settings)
                while waiting:
                    await self._connection.send(*waiting[0])
                    waiting.popleft()
                    self._failures, self._error = 0, ""
            except LinkError as error:
                self._error = str(error)
                await self._drop()
                await self._sleep(pause(self._settings, self._failures, self._random()))
                self._failures += 1

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def pause(settings: Settings, failures: int, random: float) -> float:
    """Seconds before the next try: doubling from `retry_seconds` to `retry_limit_seconds`, half of it by chance.

    >>> settings = Settings("broker", "a", retry_seconds=1.0, retry_limit_seconds=30.0)
    >>> [pause(settings, failures, 0.5) for failures in (0, 1, 2, 500)]
    [0.75, 1.5, 3.0, 22.5]
    """
    longest = min(settings.retry_limit_seconds, math.ldexp(settings.retry_seconds, min(failures, 60)))
    return longest * (1 + random) / 2


def messages(settings: Settings, events: Iterable[Event]) -> Iterator[tuple[str, bytes]]:
    """(topic, payload) of each message: events of one topic together, in their order, `message_octets` at most.

    >>> [(topic, len(payload)) for topic, payload in messages(Settings("broker", "a"), [Event(at=1, topic="totals", subject="", data={})])]
    [('mmsd/a/events/totals', 33)]
    """
    pack = msgspec.msgpack.encode
    by_topic: dict[str, list[Event]] = {}
    for event in events:
        by_topic.setdefault(event.topic, []).append(event)
    for name, of_topic in by_topic.items():
        topic = f"{settings.prefix.strip('/')}/{settings.node}/events/{name}"
        packed = [pack({"id": event.id, "at": event.at, "subject": event.subject, "data": event.data}) for event in of_topic]
        for group in _groups(packed, settings.message_octets):
            yield topic, pack({"events": [msgspec.Raw(one) for one in group]})


def _groups(packed: Sequence[bytes], octets: int) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    size = 0
    for one in packed:
        if group and size + len(one) > octets:
            yield group
            group, size = [], 0
        group.append(one)
        size += len(one)
    if group:
        yield group


class _Client(aiomqtt.Client):
    """Mends two faults of aiomqtt 2 by its private names; a test watches over each.

    It takes any PUBACK for a success: here a refusal is remembered. It leaves a connection open whose CONNECT nobody answered.
    """

    refusal: ReasonCode | None = None

    def _on_publish(self, client: paho.Client, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties) -> None:
        if reason_code.is_failure:
            self.refusal = reason_code
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def abandon(self) -> None:
        """Closes the socket, if there is one."""
        self._client.on_disconnect = None  # aiomqtt's fails where no connection ever stood
        self._client.disconnect()


async def _connect(settings: Settings) -> _Connection:
    """LinkDown when nobody answers, PeerRefused when the broker says no, LinkError when a file of ours cannot be read."""
    password = await asyncio.to_thread(_password, settings.password_file)
    client = _Client(
        settings.host,
        settings.port,
        username=settings.username or None,
        password=password,
        identifier=f"{settings.prefix.strip('/')}-{settings.node}",
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=False,
        keepalive=settings.keepalive_seconds,
        timeout=settings.timeout_seconds,
        tls_params=aiomqtt.TLSParameters(settings.ca_file or None, settings.certificate or None, settings.key or None)
        if settings.tls
        else None,
    )
    try:
        try:
            await client.__aenter__()
        except BaseException:
            client.abandon()
            raise
    except aiomqtt.MqttCodeError as error:
        raise PeerRefused(f"the MQTT broker refused us: {error}", _number(error.rc), retryable=True) from error
    except (aiomqtt.MqttError, OSError, ValueError) as error:
        raise LinkDown(f"no MQTT broker at {settings.host}:{settings.port}: {error}") from error
    return _Connection(client)


class _Connection:
    """A client that is connected, until `send` raises."""

    def __init__(self, client: _Client) -> None:
        self._client = client
        self._lost = asyncio.create_task(self._watch())  # ended by `close`

    async def _watch(self) -> None:
        """Ends when the connection does: `publish` alone would wait for its time-out."""
        with contextlib.suppress(aiomqtt.MqttError):
            async for _ in self._client.messages:
                pass

    async def send(self, topic: str, payload: bytes) -> None:
        """One message, acknowledged. LinkDown or PeerRefused otherwise."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho is typed in part
        properties.ContentType = "application/msgpack"
        sending = asyncio.create_task(self._client.publish(topic, payload, _QOS, properties=properties))
        try:
            await asyncio.wait((sending, self._lost), return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                raise LinkDown("the connection to the MQTT broker was lost")
        finally:
            sending.cancel()  # of no effect on one that is done
        try:
            sending.result()
        except (aiomqtt.MqttError, ValueError) as error:
            raise LinkDown(f"the MQTT broker did not take a message: {error}") from error
        if self._client.refusal is not None:
            refusal, self._client.refusal = self._client.refusal, None
            raise PeerRefused(f"the MQTT broker refused a message on {topic}: {refusal}", refusal.value, retryable=True)

    async def close(self) -> None:
        self._lost.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._lost
        with contextlib.suppress(aiomqtt.MqttError):
            await self._client.__aexit__(None, None, None)


def _password(path: str) -> str | None:
    try:
        return Path(path).read_text().removesuffix("\n") if path else None
    except (OSError, UnicodeError) as error:
        raise LinkError(f"mqtt.password_file cannot be read: {error}") from error


def _number(code: int | ReasonCode | None) -> int:
    return code.value if isinstance(code, ReasonCode) else code or 0
