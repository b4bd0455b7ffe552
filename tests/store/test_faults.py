"""Kills, failed commits, full and read-only disks, damage, newer schemas, second instances, readers that never end."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmsd.errors import AlreadyRunning, ConfigError, SchemaTooNew, StoreBusy, StoreDamaged, StoreFull
from mmsd.model import Batch
from mmsd.store import DeliveryFilter, migrate
from mmsd.store.keys import Keys
from mmsd.store.sqlite import Faults, Settings, SqliteStore, commit
from tests.store.conftest import NOW, failing, put, stored
from tests.store.values import delivery, extent, forward, mark
from tests.store.victim import DOUBT, step

Opener = Callable[..., SqliteStore]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def opener(state: Path, keys: Keys) -> Iterator[Opener]:
    """Open the SQLite store in `state`; all are closed in the end."""
    opened: list[SqliteStore] = []

    def open_it(*, settings: Settings = Settings(busy_seconds=0.1), faults: Faults = Faults(), keys: Keys = keys) -> SqliteStore:  # noqa: B008 frozen
        opened.append(SqliteStore.open(state, settings=settings, keys=keys, wall=lambda: NOW, faults=faults))
        return opened[-1]

    yield open_it
    for store in opened:
        store.close()


def steps_of(store: SqliteStore) -> int:
    """How many steps of the victim are stored; fails when some part of one is and another is not."""
    loaded = store.load()
    snapshot, packed = stored(store)
    deltas = list(snapshot or b"") + [delta[0] for delta in packed]
    n = len(deltas)
    assert deltas == list(range(n))
    assert loaded.marks == ({"mmsc1": (mark(10 * n),)} if n else {})
    assert loaded.extents == ({"mmsc1": (extent(0, 10 * n),)} if n else {})
    assert store.kpi(0, 10).outcomes == ({"delivered": n} if n else {})
    assert [(issued.forward, issued.serial) for issued in store.forwards("relay", 100)] == [(forward(k), f"S{k:04}") for k in range(n)]
    assert store.counts("relay").forwards == n
    with store._reading() as connection:
        (rows,) = connection.execute("SELECT coalesce(sum(n), 0) FROM closed_tail").fetchone()
        assert rows == n
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert len(list(store.directory.glob("state-*.snapshot"))) <= 1
    return n


def harm(state: Path, where: str, times: int, code: int) -> int:
    """Run the victim to its end, which must be `code`; returns how many steps it was told are stored."""
    victim = subprocess.run(
        [sys.executable, "-m", "tests.store.victim", str(state), where, str(times)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert victim.returncode == code, victim.stderr
    return len(victim.stdout.split())


# ------------------------------------------------------------------------------------------------------------ kill -9


@pytest.mark.parametrize(
    ("where", "times", "unacknowledged"),
    [
        ("migrate", 7, 0),
        ("migrate_commit", 1, 0),
        ("in_transaction", 6, 0),
        ("before_commit", 8, 0),
        ("after_commit", 6, 1),
        ("snapshot", 2, 0),
    ],
)
def test_a_kill_leaves_whole_steps(state: Path, opener: Opener, where: str, times: int, unacknowledged: int) -> None:
    acknowledged = harm(state, where, times, -signal.SIGKILL)
    store = opener()
    stored = steps_of(store)
    assert stored == acknowledged + unacknowledged
    for n in range(stored, 12):
        put(store, step(n, store.write_snapshot([bytes(range(n + 1))]) if n % 4 == 3 else ""))
    assert steps_of(store) == 12


def test_migrating_again_does_nothing(state: Path, opener: Opener) -> None:
    opener().close()
    connection = sqlite3.connect(state / "mmsd.db", isolation_level=None)
    before = list(connection.iterdump())
    assert migrate.migrate(connection, migrate.read_steps(), lambda _: None) == 0
    assert list(connection.iterdump()) == before
    connection.close()


def test_a_failing_step_leaves_the_version_before_it(opener: Opener, state: Path) -> None:
    put(opener(), step(0))
    connection = sqlite3.connect(state / "mmsd.db", isolation_level=None)
    last = migrate.read_steps()[-1].version
    bad = migrate.Step(last + 1, "bad.sql", "CREATE TABLE extra (id INTEGER) STRICT;\nINSERT INTO no_such_table VALUES (1);\n")
    with pytest.raises(sqlite3.OperationalError, match="no_such_table"):
        migrate.migrate(connection, [*migrate.read_steps(), bad], lambda _: None)
    assert migrate.version_of(connection) == last
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'extra'").fetchone() == (0,)
    good = migrate.Step(last + 1, "good.sql", "CREATE TABLE extra (id INTEGER) STRICT;\nINSERT INTO extra VALUES (1);\n")
    assert migrate.migrate(connection, [*migrate.read_steps(), good], lambda _: None) == 1
    assert connection.execute("SELECT * FROM extra").fetchall() == [(1,)]
    connection.close()


def test_hours_counted_before_rows_were_told_stay() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    first, *later = migrate.read_steps()
    migrate.migrate(connection, [first], lambda _: None)
    connection.execute("INSERT INTO hour_count VALUES (5, 'mmsc1', 'nanjing', 'failed', 'NO_PUSH', 7)")
    assert migrate.migrate(connection, [first, *later], lambda _: None) == len(later)
    counted = connection.execute("SELECT hour, node, city, outcome, cause, rule, n FROM hour_count").fetchall()
    assert counted == [(5, "mmsc1", "nanjing", "failed", "NO_PUSH", "", 7)]
    connection.close()


def test_half_a_statement_is_no_step() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(ValueError, match="ends inside a statement"):
        migrate.migrate(connection, [migrate.Step(1, "0001_half.sql", "CREATE TABLE a (b);\nCREATE TABLE c (d")], lambda _: None)
    assert migrate.version_of(connection) == 0
    connection.close()


def test_a_version_of_the_future_is_refused() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA user_version = 99")
    with pytest.raises(SchemaTooNew, match="version 99"):
        migrate.migrate(connection, migrate.read_steps(), lambda _: None)
    connection.close()


def test_what_is_acknowledged_is_synced(opener: Opener, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opener()
    pragmas = ("synchronous", "journal_mode", "foreign_keys")
    assert store._submit(lambda connection: [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas]) == [2, "wal", 1]
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(Path(f"/proc/self/fd/{descriptor}").readlink()))
    name = store.write_snapshot([b"whole"])
    assert synced == [state / name, state]


# -------------------------------------------------------------------------------------------------------- COMMIT fails


def sqlite_error(code: int, text: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(("where", "durable"), [("error", 0), ("durable_error", 1)])
def test_an_io_error_at_commit_is_a_doubt(state: Path, opener: Opener, where: str, durable: int) -> None:
    acknowledged = harm(state, where, 6, DOUBT)
    assert acknowledged == 5
    assert steps_of(opener()) == acknowledged + durable


@pytest.mark.parametrize("durable", [False, True])
def test_after_any_failed_commit_the_store_tells_what_it_has(opener: Opener, durable: bool) -> None:
    def failing_commit(connection: sqlite3.Connection) -> None:
        if armed and durable:
            commit(connection)
        if armed:
            raise RuntimeError("planted")
        commit(connection)

    armed = False
    store = opener(faults=Faults(commit=failing_commit))
    put(store, step(0))
    armed = True
    with pytest.raises(RuntimeError, match="planted"):
        put(store, step(1))
    armed = False
    stored = steps_of(store)
    assert stored == 1 + durable
    for n in range(stored, 4):
        put(store, step(n))
    assert steps_of(store) == 4


def test_whatever_fails_the_ledger_is_the_same(opener: Opener, seed: int, effort: int) -> None:
    draw = random.Random(seed)

    def point(name: str) -> None:
        if name != "migrate" and draw.random() < 0.1:
            raise RuntimeError(name)

    def unsure(connection: sqlite3.Connection) -> None:
        if draw.random() < 0.1:
            raise RuntimeError("commit failed")
        commit(connection)
        if draw.random() < 0.1:
            raise RuntimeError("commit failed, but is durable")

    quiet = Faults()
    store = opener()
    n = failures = 0
    while n < 60 * effort:
        store._faults = Faults(point, unsure)
        try:
            put(store, step(n, store.write_snapshot([bytes(range(n + 1))]) if draw.random() < 0.2 else ""))
            n += 1
        except RuntimeError:
            failures += 1
            if draw.random() < 0.2:
                store._faults = quiet
                store.close()
                store = opener()
            n = len(stored(store).snapshot or b"") + len(stored(store).deltas)
    store._faults = quiet
    store.close()
    assert failures
    assert steps_of(opener()) == n


@pytest.mark.parametrize(("where", "stored"), [("in_transaction", 0), ("before_commit", 0), ("after_commit", 1)])
def test_a_fault_at_a_point_is_raised_to_the_caller(opener: Opener, where: str, stored: int) -> None:
    with pytest.raises(RuntimeError, match="planted"):
        put(opener(faults=Faults(failing(where, RuntimeError("planted")))), step(0))


# ------------------------------------------------------------------------------------------- no room, no right, no lock


def test_a_full_disk_keeps_what_is_committed_and_resumes(opener: Opener) -> None:
    limit = 0

    def limited(connection: sqlite3.Connection) -> None:
        commit(connection)
        connection.execute(f"PRAGMA max_page_count = {limit or 1 << 30}")

    store = opener(faults=Faults(commit=limited))
    limit = 1  # SQLite takes this for "as large as it is"
    put(store, step(0))
    with pytest.raises(StoreFull, match="full"):
        put(store, Batch(at=NOW, delta=bytes(1 << 20), hours=step(1).hours))
    assert steps_of(store) == 1
    limit = 0
    put(store, Batch(at=NOW))
    put(store, step(1))
    assert steps_of(store) == 2


def test_a_read_only_store_is_waited_for(opener: Opener) -> None:
    read_only = True

    def locked(connection: sqlite3.Connection) -> None:
        commit(connection)
        connection.execute(f"PRAGMA query_only = {int(read_only)}")

    store = opener(faults=Faults(commit=locked))
    put(store, step(0))
    with pytest.raises(StoreFull, match="read-only"):
        put(store, step(1))
    assert steps_of(store) == 1


@pytest.fixture
def nobody() -> Iterator[None]:
    """Run the test without root's rights."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.mark.usefixtures("nobody")
def test_a_directory_that_cannot_be_written(keys: Keys) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name) / "state"
        directory.mkdir(mode=0o500)
        with pytest.raises(StoreFull, match="Permission denied"):
            SqliteStore.open(directory, settings=Settings(), keys=keys, wall=lambda: NOW)
        assert list(directory.iterdir()) == []


def test_a_lock_held_by_a_tool_is_waited_for_so_long(opener: Opener, state: Path) -> None:
    store = opener()
    tool = sqlite3.connect(state / "mmsd.db", isolation_level=None)
    tool.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreBusy):
        put(store, step(0))
    tool.execute("ROLLBACK")
    tool.close()
    put(store, step(0))
    assert steps_of(store) == 1


def test_the_log_stays_bounded_while_somebody_reads_for_ever(opener: Opener, state: Path) -> None:
    limit = 1 << 20
    store = opener(settings=Settings(busy_seconds=0.02, checkpoint_bytes=1 << 17, wal_limit_bytes=limit))
    put(store, step(0))
    reader = sqlite3.connect(f"{(state / 'mmsd.db').as_uri()}?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM delivery").fetchone()
    big = Batch(at=NOW, delta=bytes(1 << 16))
    while store.health().wal_bytes <= limit:
        put(store, big)
    with pytest.raises(StoreBusy, match="reading the store"):
        put(store, big)
    assert limit < store.health().wal_bytes < limit + (1 << 18)
    deltas = len(stored(store).deltas)
    reader.close()
    put(store, big)
    assert store.health().wal_bytes < limit
    assert len(stored(store).deltas) == deltas + 1


def test_the_log_is_used_again(opener: Opener) -> None:
    store = opener(settings=Settings(checkpoint_bytes=1 << 17))
    for n in range(40):
        put(store, Batch(at=NOW, delta=b"" if n % 4 == 3 else bytes(1 << 16), snapshot=store.write_snapshot([b"x"]) if n % 4 == 3 else ""))
        store.deliveries(DeliveryFilter(), 10)
    assert store.health().wal_bytes < 1 << 18


def test_a_second_instance_changes_nothing(opener: Opener, state: Path, keys: Keys) -> None:
    store = opener()
    put(store, step(0))
    before = {path: path.read_bytes() for path in state.iterdir()}
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()} already runs"):
        SqliteStore.open(state, settings=Settings(), keys=keys, wall=lambda: NOW)
    assert {path: path.read_bytes() for path in state.iterdir()} == before
    put(store, step(1))
    store.close()
    assert steps_of(opener()) == 2


# -------------------------------------------------------------------------------------------- damage, versions, keys


def damaged(state: Path, offset: int, data: bytes) -> None:
    with (state / "mmsd.db").open("r+b") as file:
        file.seek(offset)
        file.write(data)


@pytest.mark.parametrize("offset", [0, 4096, 5 * 4096])
def test_damage_is_found_before_anything_else(opener: Opener, state: Path, offset: int) -> None:
    store = opener()
    put(store, Batch(at=NOW, deliveries=[(bytes([n]), delivery(message=f"m{n}")) for n in range(200)]))
    store.close()
    damaged(state, offset, b"\xa5" * 4096)
    before = (state / "mmsd.db").read_bytes()
    with pytest.raises(StoreDamaged, match="restore"):
        opener()
    assert (state / "mmsd.db").read_bytes() == before


@pytest.mark.parametrize("what", ["snapshot", "delta"])
@pytest.mark.parametrize("content", [None, b"", b"0123456789abcdef, and then some"])
def test_a_lost_or_damaged_file_of_state_is_damage(opener: Opener, state: Path, what: str, content: bytes | None) -> None:
    store = opener()
    if what == "snapshot":
        put(store, Batch(at=NOW, snapshot=store.write_snapshot([b"whole"])))
    else:
        put(store, Batch(at=NOW, delta_file=store.write_delta([b"whole"])))
    path = next(state.glob(f"state-*.{what}"))
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(StoreDamaged, match=what):
        stored(store)


def test_a_newer_schema_is_refused_and_not_touched(opener: Opener, state: Path) -> None:
    opener().close()
    connection = sqlite3.connect(state / "mmsd.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = {path: path.read_bytes() for path in state.iterdir()}
    with pytest.raises(SchemaTooNew, match="99"):
        opener()
    assert {path: path.read_bytes() for path in state.iterdir()} == before


def test_another_key_file_is_refused(opener: Opener) -> None:
    store = opener()
    put(store, Batch(at=NOW, deliveries=[(b"1", delivery())]))
    store.close()
    with pytest.raises(ConfigError, match="key_file"):
        opener(keys=Keys(bytes(32), os.urandom))
    assert opener().deliveries(DeliveryFilter(), 10)[0][1] == delivery()


def test_a_throw_away_store_leaves_nothing(keys: Keys) -> None:
    with SqliteStore.memory(keys=keys, wall=lambda: NOW) as store:
        put(store, step(0))
        assert steps_of(store) == 1
        directory = store.directory
    assert not directory.exists()


def test_housekeeping_that_fails_is_told_and_tried_again(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmsd.store.segments._TAIL_BLOBS", 3)
    commits = 0

    def full(connection: sqlite3.Connection) -> None:
        nonlocal commits
        commits += 1
        if commits == 4:  # after three steps: folding their three blobs into one
            raise sqlite_error(sqlite3.SQLITE_FULL, "database or disk is full")
        commit(connection)

    store = opener(faults=Faults(commit=full))
    for n in range(3):
        put(store, step(n))
    store.load()  # its turn comes after the housekeeping
    assert "full" in store.health().housekeeping
    store.load()
    assert store.health().housekeeping == ""
    assert commits == 5
    assert steps_of(store) == 3
