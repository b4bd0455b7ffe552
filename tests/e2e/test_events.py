"""Event rows reach whoever listens at a real mosquitto: each by its id, through the death of the broker and of the daemon."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.e2e.running import Daemon, configure, half, running, until
from tests.link.broker import SECRETS, Broker, broker

TOPICS = {"finding", "forward", "totals"}


@pytest.fixture
def mosquitto(tmp_path: Path, root: Path, debian: Callable[[str], str], free_port: Callable[[], int]) -> Iterator[Broker]:
    directory = tmp_path / "broker"
    directory.mkdir()
    with broker(debian("mosquitto"), directory, root, free_port()) as made:
        yield made


class Listener:
    """A dashboard: a session that outlives connections, every event by its id."""

    def __init__(self, port: int) -> None:
        self.events: dict[int, dict[str, Any]] = {}
        self.messages: Counter[str] = Counter()
        self.differing: list[int] = []
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "dashboard", protocol=paho.MQTTv5)
        self._client.username_pw_set("dashboard", SECRETS["dashboard"])
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("mmsd/+/events/#", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._take
        lasting = Properties(PacketTypes.CONNECT)
        lasting.SessionExpiryInterval = 3600
        self._client.connect("127.0.0.1", port, clean_start=False, properties=lasting)
        self._client.loop_start()
        assert self._subscribed.wait(30)

    def _take(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        self.messages[message.topic] += 1
        for event in msgspec.msgpack.decode(message.payload)["events"]:
            row = {**event, "topic": message.topic.rpartition("/")[2]}
            if self.events.setdefault(row["id"], row) != row:
                self.differing.append(row["id"])

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def stored(daemon: Daemon) -> dict[int, dict[str, Any]]:
    """The event rows, by id."""
    store = sqlite3.connect(f"file:{daemon.state}/mmsd.db?mode=ro", uri=True)
    try:
        rows = store.execute("SELECT id, at, topic, subject, data FROM event").fetchall()
    finally:
        store.close()
    return {row[0]: {"id": row[0], "at": row[1], "topic": row[2], "subject": row[3], "data": json.loads(row[4])} for row in rows}


def test_every_event_row_arrives(tmp_path: Path, logs: Path, mosquitto: Broker) -> None:
    copy, complete = half(logs, tmp_path / "logs")
    mqtt = f"""
    [mqtt]
    host = "127.0.0.1"
    port = {mosquitto.port}
    node = "house1"
    username = "mmsd"
    password_file = "{mosquitto.password_file("mmsd")}"
    retry_limit_seconds = 1.0
    """
    listener = Listener(mosquitto.port)
    try:
        with running(configure(tmp_path / "daemon", copy, more=mqtt)) as daemon:
            until(lambda: {row["topic"] for row in listener.events.values()} >= TOPICS, "events of each kind arrive")
            mosquitto.kill(signal.SIGTERM)  # it keeps what it has for those who will be back
            complete()
            daemon.agrees(copy)  # without a broker the main job goes on
            daemon.kill()
            mosquitto.start()
            daemon.start()
            daemon.agrees(copy)
            until(lambda: listener.events == stored(daemon), "every event row has arrived, and nothing else")
    finally:
        listener.close()
    assert listener.differing == []
    topics = {row["topic"] for row in listener.events.values()}
    assert topics >= TOPICS
    assert set(listener.messages) == {f"mmsd/house1/events/{topic}" for topic in topics}
    assert listener.messages.total() < len(listener.events) / 3  # many to a message
