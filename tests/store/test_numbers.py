"""Numbers at rest: nobody who has the database alone finds one, and erasure is one row."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import stat
import struct
from pathlib import Path

import msgspec
import pytest

from mmsd.errors import ConfigError, StoreDamaged
from mmsd.model import Batch, Deed, Event, Heard, Msisdn, Redeemed, Reject, Serial, masked
from mmsd.rules.serials import spell
from mmsd.store import DeliveryFilter, Needs, Ordinal, migrate
from mmsd.store.keys import SALT_BYTES, SEAL_BYTES, Keys
from mmsd.store.sqlite import DATABASE, Settings, SqliteStore
from tests.store.conftest import NOW, Open, put, see, stored
from tests.store.values import LI, WANG, ZHAO, attempt, closed, delivery, extent, finding, forward, mark, outgoing

MAIL = "li.na@example.com"


def packed_state() -> bytes:
    """Numbers as State packs them: in arrays, and as MessagePack."""
    people = [int(LI), int(WANG), int(ZHAO)]
    return struct.pack("<3Q", *people) + msgspec.msgpack.encode([*people, MAIL])


def everything(keys: Keys) -> Batch:
    """A Batch with a number in every row that may hold one."""
    return Batch(
        at=NOW,
        delta=packed_state(),
        marks=[("mmsc1", mark(10))],
        extents=[extent(0, 10)],
        deliveries=[(b"1", delivery()), (b"2", delivery(leg=WANG)), (b"3", delivery(receiver=MAIL, leg="", sender=ZHAO))],
        attempts=[(b"1", attempt(path=f"/mms?from={LI}"))],
        findings=[(b"1", finding())],
        forwards=[forward(1)],
        serials=[Serial("AAAA", forward(1).key)],
        outbox=[outgoing(b"1", body=f"{WANG} received your picture")],
        heard=[Heard("smsc1", LI, "10658", "01", f"stop {WANG}", NOW, data=ZHAO.encode())],
        events=[Event(NOW, "forward", masked(LI), {"sender": masked(LI)})],
        rejects=[("mmsc1", Reject("time", "at", 0, f"garbage from {LI}".encode()))],
        spilled=[(int(ZHAO), f"dossier of {ZHAO}".encode(), NOW)],
        closed=closed(receiver=keys.blind(LI), sender=keys.blind(WANG), message=7),
    )


def traces(directory: Path) -> set[str]:
    """Which numbers can be read in the files of a state directory: as text, as UTF-16, packed as integers."""
    data = b"".join(path.read_bytes() for path in directory.iterdir())
    found = set()
    for number in (LI, WANG, ZHAO, MAIL):
        shapes = [number.encode(), number.encode("utf-16-le")]
        if number.isdigit():
            shapes += [
                number[2:].encode(),
                struct.pack("<Q", int(number)),
                struct.pack(">Q", int(number)),
                struct.pack(">Q", int(number))[2:],
            ]
        if any(shape in data for shape in shapes):
            found.add(number)
    return found


def test_no_number_stands_in_the_files(open_store: Open, tmp_path: Path, keys: Keys) -> None:
    store = open_store()
    put(store, everything(keys))
    assert (tmp_path / "state" / "mmsd.db-wal").stat().st_size
    assert traces(tmp_path / "state") == set()
    store.close()
    assert traces(tmp_path / "state") == set()
    store = open_store()
    assert [row for _, row in store.deliveries(DeliveryFilter(), 10)][::-1] == [row for _, row in everything(keys).deliveries]
    assert [row.body for _, row in store.outbox(None, 10)] == [f"{WANG} received your picture"]
    assert [heard for _, heard in store.heard(None, 10)] == everything(keys).heard
    snapshot = store.write_snapshot([packed_state()])
    assert traces(tmp_path / "state") == set()
    put(store, Batch(at=NOW, snapshot=snapshot))
    assert stored(store).snapshot == packed_state()
    store.close()
    assert traces(tmp_path / "state") == set()


def test_erasure_forgets_who_it_was(open_store: Open, tmp_path: Path, keys: Keys) -> None:
    store = open_store()
    put(store, everything(keys))
    put(store, Batch(at=NOW, outbox=[outgoing(b"2", body=f"{LI}: your serial{' ' * 9000}{LI}")], opted_out=[(LI, "all", True)]))
    assert store.erase(LI)
    assert traces(tmp_path / "state") == set()
    assert not store.erase(LI)
    assert store.deliveries(DeliveryFilter(number=LI), 10) == []
    kept = store.deliveries(DeliveryFilter(message="qf3Ij", number=WANG), 10)
    assert [(row.receiver, row.sender, row.cause, row.evidence) for _, row in kept] == [("", WANG, "BAD_APN", ())] * 2
    assert [(row.subscriber, row.verdict, row.path) for _, row in store.attempts(None, 10)] == [("", "Z2", "")]
    assert [(row.subject, row.cause) for _, row in store.findings(None, 10)] == [("", "BAD_APN")]
    assert [(issued.forward.sender, issued.serial) for issued in store.forwards("relay", 10)] == [("", "")]
    assert [(row.msisdn, row.body, row.state, row.reason) for _, row in store.outbox(None, 10)] == [("", "", "dropped", "erased")] * 2
    assert store.heard(None, 10) == []
    assert store.erase(ZHAO)
    assert store.cold([int(ZHAO)]) == {}
    assert store.erase(WANG)
    put(store, Batch(at=NOW, forwards=[forward(9)]))
    assert store.counts("relay").people == 2, "back again he is somebody new"
    assert see(store, Needs(ordinals=frozenset({Ordinal("relay", LI, "nanjing")}))).ordinals.popitem()[1].sender == 1  # type: ignore[attr-defined]


def test_an_erased_sender_leaves_the_receiver_s_rows(open_store: Open) -> None:
    store = open_store()
    put(store, Batch(at=NOW, deliveries=[(b"1", delivery(leg=WANG))]))
    assert store.erase(WANG)
    [(_, kept)] = store.deliveries(DeliveryFilter(number=LI), 10)
    assert kept == delivery(leg="", sender="")


def test_sealed_is_not_movable() -> None:
    keys = Keys(bytes(range(32)), os.urandom)
    sealed = keys.seal_number(LI)
    assert keys.open_number(sealed) == LI
    assert keys.open_number(None) == ""
    assert keys.seal_number(LI) != sealed
    salt = sealed[:SALT_BYTES]
    body = keys.seal(salt, b"delivery", b"evidence")
    assert keys.unseal(salt, b"delivery", body) == b"evidence"
    for other_salt, label, content in (
        (salt, b"attempt", body),
        (bytes(SALT_BYTES), b"delivery", body),
        (salt, b"delivery", body[:-1] + bytes([body[-1] ^ 1])),
        (salt, b"delivery", body[:5]),
        (salt, b"delivery", b""),
    ):
        with pytest.raises(StoreDamaged, match="does not open"):
            keys.unseal(other_salt, label, content)
    with pytest.raises(StoreDamaged):
        Keys(bytes(32), os.urandom).open_number(sealed)


def test_what_is_derived_depends_on_the_secret_alone() -> None:
    one, same, other = Keys(bytes(range(32)), os.urandom), Keys(bytes(range(32)), os.urandom), Keys(bytes(32), os.urandom)
    for derive in (
        lambda keys: keys.id,
        lambda keys: keys.hash_key,
        lambda keys: keys.row_key,
        lambda keys: keys.lookup(LI),
        lambda keys: keys.blind(LI),
    ):
        assert derive(one) == derive(same) != derive(other)
    assert one.lookup(LI)[:8] != one.blind(LI).to_bytes(8, "little")
    assert 0 < one.blind(LI) < 1 << 64
    assert all(0 <= word < 1 << 64 for word in one.hash_key)
    with pytest.raises(ValueError, match="32 bytes"):
        Keys(bytes(31), os.urandom)


# ------------------------------------------------------------------------------------------------------------ key file


def test_a_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state.key"
    keys = Keys.load(path, os.urandom)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == 32
    assert [entry.name for entry in path.parent.iterdir()] == ["state.key"]
    assert Keys.load(path, os.urandom).lookup(LI) == keys.lookup(LI)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_key_file_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "state.key"
    Keys.load(path, os.urandom)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=re.escape(f"(mode {mode:04o}); run: chmod 600 {path}")):
        Keys.load(path, os.urandom)


def test_a_key_file_cut_short_or_missing_its_folder(tmp_path: Path) -> None:
    short = tmp_path / "short.key"
    short.touch(0o600)
    short.write_bytes(bytes(31))
    with pytest.raises(ConfigError, match=r"^state\.key_file: .*31 bytes"):
        Keys.load(short, os.urandom)
    with pytest.raises(ConfigError, match=r"^state\.key_file: .*Not a directory"):
        Keys.load(short / "under" / "a.key", os.urandom)
    with pytest.raises(ConfigError, match=r"^state\.key_file: "):
        Keys.load(tmp_path, os.urandom)


def test_of_two_that_make_the_file_the_first_wins(tmp_path: Path) -> None:
    path = tmp_path / "state.key"

    def slow(n: int) -> bytes:
        path.touch(0o600)
        path.write_bytes(bytes(range(32)))  # somebody else was faster
        return os.urandom(n)

    assert Keys.load(path, slow).id == Keys(bytes(range(32)), os.urandom).id


def test_a_masked_number_is_stored_whole(open_store: Open) -> None:
    store = open_store()
    put(store, Batch(at=NOW, spilled=[(Msisdn(int(LI)), b"x", NOW)], deliveries=[(b"1", delivery(receiver=Msisdn(int(LI)).full))]))
    assert store.cold([int(LI)]) == {int(LI): b"x"}
    assert store.delivery_count(DeliveryFilter(number=LI)) == 1


def test_a_row_moved_to_another_subscriber_does_not_open(tmp_path: Path, keys: Keys) -> None:
    with SqliteStore.open(tmp_path / "state", settings=Settings(), keys=keys, wall=lambda: NOW) as store:
        put(store, Batch(at=NOW, deliveries=[(b"1", delivery()), (b"2", delivery(receiver=ZHAO))]))
        store._submit(
            lambda connection: (
                connection.execute("UPDATE delivery SET receiver = (SELECT receiver FROM delivery WHERE key = X'32')").rowcount
            )
        )
        with pytest.raises(StoreDamaged, match="sealed delivery"):
            store.deliveries(DeliveryFilter(), 10)


# --------------------------------------------------------------------------------------------------------------- State


def test_the_files_are_searched_for_what_state_holds(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(packed_state())
    assert traces(tmp_path) == {LI, WANG, ZHAO, MAIL}


def test_a_delta_that_was_touched_does_not_open(open_store: Open, tmp_path: Path) -> None:
    store = open_store()
    put(store, Batch(at=NOW, delta=b"one"))
    put(store, Batch(at=NOW, delta=b"two"))
    assert stored(store).deltas == (b"one", b"two")
    for change in (
        "UPDATE state_delta SET body = (SELECT body FROM state_delta WHERE id = 2) WHERE id = 1",
        "UPDATE state_delta SET body = substr(body, 1, 5) WHERE id = 1",
        "UPDATE state_delta SET body = X'' WHERE id = 1",
        "UPDATE state_delta SET id = 9 WHERE id = 1",
    ):
        store.close()
        path = tmp_path / "state" / "mmsd.db"
        whole = path.read_bytes()
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(change)
        store = open_store()
        with pytest.raises(StoreDamaged, match=r"sealed state delta \d does not open.*; restore the state directory"):
            stored(store)
        store.close()
        path.write_bytes(whole)
        store = open_store()
    assert stored(store).deltas == (b"one", b"two")


@pytest.mark.parametrize("snapshot", [False, True])
def test_state_sealed_under_another_key_does_not_open(tmp_path: Path, keys: Keys, snapshot: bool) -> None:
    other = Keys(bytes(32), os.urandom)
    with SqliteStore.open(tmp_path, settings=Settings(), keys=keys, wall=lambda: NOW) as store:
        put(store, Batch(at=NOW, snapshot=store.write_snapshot([b"whole"])) if snapshot else Batch(at=NOW, delta=b"one"))
    with contextlib.closing(sqlite3.connect(tmp_path / "mmsd.db", isolation_level=None)) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE name = 'key'", (other.id,))  # as if the check at start were passed
    with (
        SqliteStore.open(tmp_path, settings=Settings(), keys=other, wall=lambda: NOW) as store,
        pytest.raises(StoreDamaged, match="another key file; restore"),
    ):
        stored(store)


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 64, 100])
def test_a_snapshot_is_sealed_in_parts_that_belong_together(tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("mmsd.store.sqlite._PART", 32)
    whole = bytes(range(size))
    part = 32 + SEAL_BYTES
    with SqliteStore.open(tmp_path, settings=Settings(), keys=keys, wall=lambda: NOW) as store:
        path = tmp_path / store.write_snapshot([whole])
        put(store, Batch(at=NOW, snapshot=path.name))
        assert stored(store).snapshot == whole
        sealed = path.read_bytes()
        harmed = {sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed + b"x", sealed[part:], sealed[:part] + sealed, b""}
        if len(sealed) > part:
            harmed |= {sealed[:part], sealed[part : 2 * part] + sealed[:part] + sealed[2 * part :]}
        for content in harmed - {sealed}:
            path.write_bytes(content)
            with pytest.raises(StoreDamaged, match="state-000001"):
                stored(store)


def test_no_serial_stands_in_the_files(open_store: Open, tmp_path: Path) -> None:
    store = open_store()
    serial = spell(0x5EED_2008_0324_0001, "CQ-")
    put(store, Batch(at=NOW, forwards=[forward(1)], serials=[Serial(serial, forward(1).key)]))
    put(store, Batch(at=NOW, redeemed=[Redeemed(serial, "relay", "till 4")], deeds=[Deed("till 4", "redeem", "forward 1", "tea")]))
    store.close()
    for path in (tmp_path / "state").iterdir():
        assert serial[3:12].encode() not in path.read_bytes(), path.name


def test_serials_of_an_older_store_are_sealed_at_its_first_start(tmp_path: Path, keys: Keys) -> None:
    (tmp_path / "state").mkdir()
    serials = {number: spell(number << 40, "CQ-") for number in (1, 2, 3)}
    sealed = keys.seal_number(LI)
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / DATABASE, isolation_level=None)) as connection:
        migrate.migrate(connection, [step for step in migrate.read_steps() if step.version < 17], lambda _: None)
        connection.execute("INSERT INTO subscriber VALUES (1, ?, ?, ?, 0, 0)", (keys.lookup(LI), sealed, keys.id))
        connection.execute("INSERT INTO subscriber VALUES (2, NULL, NULL, ?, 0, 1)", (keys.id,))
        for number, serial in serials.items():
            sender = 2 if number == 3 else 1  # who was erased
            connection.execute(
                "INSERT INTO forward (key, campaign, seed, message, sender, receiver, generation, submitted, retrieved, city, day, method,"
                " score, counted, reason, at) VALUES (?, 'relay', 's', 'm', ?, 1, 1, 0, 0, '', '', '', 1, 1, '', 0)",
                (bytes([number]), sender),
            )
            connection.execute("INSERT INTO serial VALUES (?, ?, 0)", (serial, bytes([number])))
    for _ in range(2):
        with SqliteStore.open(tmp_path / "state", settings=Settings(), keys=keys, wall=lambda: NOW) as store:
            assert [issued.serial for issued in store.all_forwards()] == [serials[1], serials[2], ""]
            found = [store.presented(serial) for serial in serials.values()]
            assert [one and (one.forward, one.sender) for one in found] == [(1, LI), (2, LI), (3, "")]
        for path in (tmp_path / "state").iterdir():
            assert not any(serial[3:].encode() in path.read_bytes() for serial in serials.values()), path.name
