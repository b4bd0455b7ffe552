"""Events to a real mosquitto: once and in order, through refusals, lost connections and a broker that dies."""

from __future__ import annotations

import asyncio
import datetime
import inspect
import ipaddress
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mmsd.errors import ConfigError
from mmsd.link.mqtt import Health, Publisher, Settings, messages, pause
from mmsd.model import Event
from tests.link.broker import SECRETS, Broker, broker

PATIENCE = 60


def event(number: int, topic: str = "delivery") -> Event:
    return Event(id=number, at=1_790_000_000_000_000 + number, topic=topic, subject=f"s{number}", data={"n": number, "city": "合肥"})


def settled(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, PATIENCE))


class Gate:
    """A `sleep` that lasts until the test opens it, and tells when somebody sleeps."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.asked = asyncio.Event()
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.asked.set()
        await self.open.wait()


class Reader:
    """Who listens: a session that lasts, every event in the order of arrival."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self.topics: list[str] = []

    async def take(self, count: int) -> list[Event]:
        taken: list[Event] = []
        async for message in self._client.messages:
            name = str(message.topic)
            self.topics.append(name)
            assert isinstance(message.payload, bytes)
            assert message.properties is not None
            assert message.properties.json()["ContentType"] == "application/msgpack"
            for row in msgspec.msgpack.decode(message.payload)["events"]:
                taken.append(Event(topic=name.rpartition("/")[2], **row))
            if len(taken) >= count:
                return taken
        raise AssertionError("unreachable")


@asynccontextmanager
async def reader(port: int) -> AsyncIterator[Reader]:
    client = aiomqtt.Client(
        "127.0.0.1",
        port,
        username="dashboard",
        password=SECRETS["dashboard"],
        identifier="dashboard",
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=False,
    )
    async with client:
        await client.subscribe("mmsd/+/events/#", qos=1)
        yield Reader(client)


@pytest.fixture
def mosquitto(debian, tmp_path, root, free_port):
    with broker(debian("mosquitto"), tmp_path, root, free_port()) as made:
        yield made


def settings(mosquitto: Broker, **other: Any) -> Settings:
    chosen: dict[str, Any] = {
        "timeout_seconds": float(PATIENCE),
        "username": "mmsd",
        "password_file": mosquitto.password_file("mmsd"),
        **other,
    }
    return Settings("127.0.0.1", "house1", mosquitto.port, **chosen)


# ----------------------------------------------------------------------------------------------------------- without a broker


@pytest.mark.parametrize(
    ("chosen", "at"),
    [
        ({"node": ""}, "mqtt.node"),
        ({"node": "a/b"}, "mqtt.node"),
        ({"node": "a+"}, "mqtt.node"),
        ({"node": "#"}, "mqtt.node"),
        ({"prefix": "/"}, "mqtt.prefix"),
        ({"prefix": "a/#"}, "mqtt.prefix"),
        ({"password_file": "p"}, "mqtt.username"),
        ({"certificate": "c", "tls": True}, "mqtt.certificate"),
        ({"ca_file": "ca.pem"}, "mqtt.tls"),
    ],
)
def test_a_fault_in_the_settings_is_named_by_its_key(chosen: dict[str, Any], at):
    given: dict[str, Any] = {"host": "broker", "node": "house1", **chosen}
    with pytest.raises(ConfigError, match=f"^{at}: "):
        Settings(**given)


def test_events_of_a_topic_share_messages_up_to_a_size():
    events = [event(number, ("delivery", "finding")[number % 2]) for number in range(1, 41)]
    chosen = Settings("broker", "house1", prefix="/op/mms/", message_octets=300)
    sent = list(messages(chosen, events))
    assert all(len(payload) <= 320 for _, payload in sent)
    found: dict[str, list[int]] = {topic: [] for topic, _ in sent}
    for topic, payload in sent:
        found[topic] += [row["id"] for row in msgspec.msgpack.decode(payload)["events"]]
    assert found == {"op/mms/house1/events/delivery": list(range(2, 41, 2)), "op/mms/house1/events/finding": list(range(1, 41, 2))}
    assert len(list(messages(Settings("broker", "house1"), events))) == 2
    assert len(list(messages(Settings("broker", "house1", message_octets=1), events))) == 40


@pytest.mark.parametrize("random", [0.0, 0.999])
def test_pauses_grow_to_their_limit(random):
    chosen = Settings("broker", "house1", retry_seconds=0.5, retry_limit_seconds=30.0)
    pauses = [pause(chosen, failures, random) for failures in range(12)]
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.25 * (1 + random)
    assert pauses[-1] == 15 * (1 + random)


def test_the_private_method_that_tells_refusals_is_still_there():
    """aiomqtt hands it to paho; without it a refused message would pass for a sent one."""
    assert list(inspect.signature(aiomqtt.Client._on_publish).parameters)[1:] == ["client", "userdata", "mid", "reason_code", "properties"]


def test_nobody_there(free_port):
    async def scenario() -> None:
        gate = Gate()
        async with Publisher(Settings("127.0.0.1", "house1", free_port()), random=lambda: 0.5, sleep=gate.sleep) as publisher:
            assert publisher.health == Health("ok", "")
            task = asyncio.create_task(publisher.publish([event(1)]))
            await gate.asked.wait()
            assert publisher.health.state == "down"
            assert "no MQTT broker at 127.0.0.1" in publisher.health.error
            assert gate.pauses == [0.375]
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    settled(scenario())


@pytest.mark.parametrize("given_up_by", ["time-out", "cancelling"])
def test_a_connection_nobody_answers_on_is_closed(given_up_by):
    """A broker that hangs, or a port that is none: try after try, no socket is left behind."""

    async def scenario() -> None:
        read: asyncio.Queue[bytes] = asyncio.Queue()
        tasks = asyncio.all_tasks()

        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            read.put_nowait(await reader.read(1))
            read.put_nowait(await reader.read())  # until we close
            writer.close()

        server = await asyncio.start_server(deaf, "127.0.0.1", 0)
        chosen = Settings(
            "127.0.0.1", "house1", server.sockets[0].getsockname()[1], timeout_seconds=0.1 if given_up_by == "time-out" else PATIENCE
        )
        gate = Gate()
        async with server, Publisher(chosen, random=lambda: 0.5, sleep=gate.sleep) as publisher:
            sending = asyncio.create_task(publisher.publish([event(1)]))
            assert await read.get() == b"\x10"
            if given_up_by == "time-out":
                await gate.asked.wait()
                assert "timed out" in publisher.health.error
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            assert b"MQTT" in await read.get()
        await asyncio.gather(*asyncio.all_tasks() - tasks, return_exceptions=True)  # one that never ends would end our patience

    settled(scenario())


# -------------------------------------------------------------------------------------------------------------- with mosquitto


def test_events_arrive_once_and_in_order(mosquitto):
    async def scenario() -> None:
        events = [event(number, ("delivery", "forward")[number % 5 == 0]) for number in range(1, 1001)]
        async with reader(mosquitto.port) as listener, Publisher(settings(mosquitto, message_octets=4096), random=lambda: 0.5) as publisher:
            taking = asyncio.create_task(listener.take(1000))
            for start in range(0, 1000, 250):
                await publisher.publish(events[start : start + 250])
            taken = await taking
        assert sorted(taken, key=lambda row: row.id) == events
        for topic in ("delivery", "forward"):
            assert [row.id for row in taken if row.topic == topic] == [row.id for row in events if row.topic == topic]
        assert set(listener.topics) == {"mmsd/house1/events/delivery", "mmsd/house1/events/forward"}
        assert len(listener.topics) < 100

    settled(scenario())


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_a_broker_that_comes_back_gets_everything(mosquitto, by):
    """It dies between two batches; the second waits. The gate lets the reader be back first: what he misses is the broker's affair."""

    async def scenario() -> None:
        gate = Gate()
        async with Publisher(settings(mosquitto), random=lambda: 0.5, sleep=gate.sleep) as publisher:
            async with reader(mosquitto.port) as listener:
                await publisher.publish([event(number) for number in range(1, 101)])
                before = await listener.take(100)
            mosquitto.kill(by)
            sending = asyncio.create_task(publisher.publish([event(number) for number in range(101, 201)]))
            await gate.asked.wait()
            assert publisher.health.state == "down"
            assert not sending.done()
            await asyncio.to_thread(mosquitto.start)
            async with reader(mosquitto.port) as listener:
                gate.open.set()
                await sending
                assert publisher.health == Health("ok", "")
                after = await listener.take(100)
        assert {row.id for row in before + after} == set(range(1, 201))
        assert [row.id for row in after] == list(range(101, 201))

    settled(scenario())


def test_a_message_without_its_acknowledgement_is_sent_again(mosquitto):
    """The broker holds still with the message in its hands, then dies: known at once, not after the time-out of a minute."""

    async def scenario() -> None:
        gate = Gate()
        async with Publisher(settings(mosquitto), random=lambda: 0.5, sleep=gate.sleep) as publisher:
            await publisher.publish([event(1)])
            mosquitto.freeze()
            sending = asyncio.create_task(publisher.publish([event(2), event(3)]))
            done, _ = await asyncio.wait([sending], timeout=0.2)
            assert not done
            mosquitto.kill()
            await gate.asked.wait()
            assert "connection to the MQTT broker was lost" in publisher.health.error
            await asyncio.to_thread(mosquitto.start)
            async with reader(mosquitto.port) as listener:
                gate.open.set()
                await sending
                assert [row.id for row in await listener.take(2)] == [2, 3]

    settled(scenario())


def test_a_refused_message_is_not_taken_for_a_sent_one(mosquitto):
    """The access list has no topic `other/#`: mosquitto acknowledges such a message with a refusal."""

    async def scenario() -> None:
        gate = Gate()
        async with Publisher(settings(mosquitto, prefix="other"), random=lambda: 0.0, sleep=gate.sleep) as publisher:
            sending = asyncio.create_task(publisher.publish([event(1)]))
            await gate.asked.wait()
            assert not sending.done()
            assert publisher.health.state == "down"
            assert "refused a message on other/house1/events/delivery: Not authorized" in publisher.health.error
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending

    settled(scenario())


@pytest.mark.parametrize(
    ("spoil", "said"), [(lambda file: file.write_text("wrong"), "refused us"), (Path.unlink, "password_file cannot be read")]
)
def test_a_password_is_read_anew_at_each_try(mosquitto, spoil: Callable[[Path], object], said):
    async def scenario() -> None:
        gate = Gate()
        file = Path(mosquitto.password_file("mmsd"))
        spoil(file)
        async with Publisher(settings(mosquitto), random=lambda: 0.5, sleep=gate.sleep) as publisher:
            sending = asyncio.create_task(publisher.publish([event(1)]))
            await gate.asked.wait()
            assert said in publisher.health.error
            assert SECRETS["mmsd"] not in publisher.health.error
            await asyncio.to_thread(file.write_text, SECRETS["mmsd"] + "\n")
            gate.open.set()
            await sending
            assert publisher.health.state == "ok"

    settled(scenario())


@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl:pytest.PytestUnraisableExceptionWarning")  # paho forgets a refused socket
def test_over_tls(debian, tmp_path, root, free_port):
    """With the certificate lines of the shown configuration; a broker of another authority is refused by us."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "broker.crt").write_bytes(pem)
    (tmp_path / "broker.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    made = Broker(debian("mosquitto"), tmp_path, root, free_port())
    made.use_tls(tmp_path / "broker.crt", tmp_path / "broker.key")

    async def scenario() -> None:
        chosen = {"tls": True, "ca_file": str(tmp_path / "broker.crt")}
        async with Publisher(settings(made, **chosen), random=lambda: 0.5) as publisher:
            await publisher.publish([event(1)])
            assert publisher.health.state == "ok"
        gate = Gate()
        async with Publisher(settings(made, tls=True), random=lambda: 0.5, sleep=gate.sleep) as publisher:
            sending = asyncio.create_task(publisher.publish([event(2)]))
            await gate.asked.wait()
            assert "CERTIFICATE_VERIFY_FAILED" in publisher.health.error
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending

    made.start()
    try:
        settled(scenario())
    finally:
        made.kill()
