"""The store on SQLite: one thread owns the one connection that writes and checkpoints.

Write-ahead log with synchronous=FULL: a COMMIT that returned survives a power cut. Whoever calls `transact` waits for his turn; nobody
else's statements ever stand inside his transaction.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import sqlite3
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from mmsd.errors import AlreadyRunning, ConfigError, StoreBusy, StoreDamaged, StoreDoubt, StoreError, StoreFull
from mmsd.model import DAY, SECOND, Batch, Extent
from mmsd.rules.governor import Usage
from mmsd.rules.outbox import SHADOW
from mmsd.store import (
    CareAsk,
    Health,
    Loaded,
    Needs,
    Packed,
    Rows,
    audience,
    campaign_counts,
    care,
    cold,
    desk,
    draws,
    migrate,
    outbox,
    rows,
    seeds,
    serials,
    tails,
)
from mmsd.store.forwards import read_ordinals, read_standings
from mmsd.store.keys import SEAL_BYTES, Keys, sync_directory
from mmsd.store.people import People
from mmsd.store.read import SELECT_MARKS, Reader, read_cold, read_marks
from mmsd.store.segments import Segments, drop_days
from mmsd.store.sql import select_in
from mmsd.store.trouble import named, naming
from mmsd.store.write import Writer

MEBIBYTE: Final = 1 << 20
DATABASE: Final = "mmsd.db"
LOCK: Final = "mmsd.lock"

_PAGE_BYTES: Final = 4096
_STATE_FILES: Final = "state-*.*"
_PART: Final = MEBIBYTE  # of a file of State, sealed at once: what is held twice
_PURGED_AT_ONCE: Final = 64
_FORGOTTEN_AT_ONCE: Final = 500
_MAX_ID: Final = (1 << 63) - 1

UNTOLD_KEPT: Final = 30 * DAY
"""An event that a cursor has not passed is kept so much longer than one that all have passed."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Settings:
    """`[store]`."""

    busy_seconds: float = 5.0
    """How long to wait for a lock another program holds, before StoreBusy."""
    checkpoint_bytes: int = 32 * MEBIBYTE
    """The write-ahead log is copied into the database when it has grown to this."""
    wal_limit_bytes: int = 512 * MEBIBYTE
    """A reader that never ends keeps the log from being reused; beyond this size intake stops."""
    cache_bytes: int = 16 * MEBIBYTE
    durable: bool = True
    """False only for throw-away stores (`mmsd look`, `mmsd replay`): nothing is synced."""


def nothing(name: str) -> None:
    """No fault at any point."""


def commit(connection: sqlite3.Connection) -> None:
    connection.execute("COMMIT")


@dataclass(frozen=True, slots=True)
class Faults:
    """Seams for tests. `point` is called at named boundaries (migrate, migrate_commit, in_transaction, before_commit, after_commit,
    snapshot, delta) and may raise or kill; `commit` may fail, or fail although it is durable."""

    point: Callable[[str], None] = nothing
    commit: Callable[[sqlite3.Connection], None] = commit


NO_FAULTS: Final = Faults()


@dataclass(slots=True)
class _Job:
    work: Callable[[sqlite3.Connection], Any]
    done: Future[Any] = field(default_factory=Future)


class SqliteStore(Reader):
    """The Store promise. Make one with `open` or `memory`; it holds the state directory until `close`."""

    def __init__(self, directory: Path, *, settings: Settings, keys: Keys, wall: Callable[[], int], faults: Faults, lock: int) -> None:
        super().__init__(directory / DATABASE, keys, settings.busy_seconds)
        self.directory = directory
        self._settings = settings
        self._wall = wall
        self._faults = faults
        self._lock_descriptor = lock
        self._people = People(keys)
        self._segments = Segments()
        self._writer = Writer(keys, self._people, self._segments)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._door = threading.Lock()
        self._closing = False
        self._doubt = ""
        self._tell: Callable[[], None] = lambda: None
        self._busy_at = -SECOND  # when messages last came or went
        self._changes = 0
        self._seed_changes = 0
        self._housekeeping = ""
        self._abandoned: sqlite3.Connection | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="store", daemon=True)
        self._thread.start()
        started.result()

    # --------------------------------------------------------------------------------------------- opening, closing

    @classmethod
    def open(cls, directory: Path, *, settings: Settings, keys: Keys, wall: Callable[[], int], faults: Faults = NO_FAULTS) -> SqliteStore:
        """Take the state directory, check it, bring its schema up to date.

        Raises AlreadyRunning, SchemaTooNew and StoreDamaged before anything is written; ConfigError when `keys` are not those the
        numbers in it were sealed with; StoreFull when it cannot be written.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = _take(directory)
        except OSError as error:
            raise StoreFull(f"state directory {directory}: {error.strerror}") from error
        try:
            return cls(directory, settings=settings, keys=keys, wall=wall, faults=faults, lock=lock)
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def memory(cls, *, keys: Keys, wall: Callable[[], int]) -> SqliteStore:
        """A store that is gone when closed, for `mmsd look` and `mmsd replay`: a temporary directory, nothing synced."""
        temporary = tempfile.TemporaryDirectory(prefix="mmsd-")
        try:
            store = cls.open(Path(temporary.name), settings=Settings(durable=False), keys=keys, wall=wall)
        except BaseException:
            temporary.cleanup()
            raise
        store._temporary = temporary
        return store

    def close(self) -> None:
        """Finish what is queued, checkpoint, let the directory go. Twice is once."""
        with self._door:
            if self._closing:
                return
            self._closing = True
            self._jobs.put(None)
        self.close_readers()
        self._thread.join()
        os.close(self._lock_descriptor)
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> SqliteStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --------------------------------------------------------------------------------------------------- transactions

    def transact(self, needs: Needs, decide: Callable[[Rows], Batch]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            self._within_limit(connection)
            batch = self._in_transaction(connection, lambda: self._decided(connection, needs, decide))
            if batch.snapshot:
                self._remove_state_files(lambda other: _number(other) < _number(batch.snapshot))
            if seeds.changes(batch):
                self._seed_changes += 1
            if batch.parts or batch.heard or any(row.state != SHADOW for row in batch.moved):
                self._busy_at = self._wall()
            if batch.outbox or batch.moved or batch.stops or batch.approved or batch.lives:
                self._tell()

        self._submit(work)

    def hurried(self) -> bool:
        return not self._jobs.empty() or 0 <= self._wall() - self._busy_at < SECOND

    def changes(self) -> int:
        return self._changes

    def seed_changes(self) -> int:
        return self._seed_changes

    def watch_outbox(self, tell: Callable[[], None]) -> None:
        self._tell = tell

    def _decided(self, connection: sqlite3.Connection, needs: Needs, decide: Callable[[Rows], Batch]) -> Batch:
        """The body of a transaction; returns what it wrote."""
        self._faults.point("in_transaction")
        batch = decide(self._read(connection, needs))
        for name in filter(None, (batch.snapshot, batch.delta_file)):
            if not (self.directory / name).is_file():
                raise StoreError(f"{name} is not in the state directory")
        self._writer.write(connection, batch)
        return batch

    def _read(self, connection: sqlite3.Connection, needs: Needs) -> Rows:
        keys = self._keys
        asked = needs.care or CareAsk()
        people = self._people.find(
            connection,
            {
                *(ordinal.sender for ordinal in needs.ordinals), *(number for _, number in needs.unsure), *asked.numbers,
                *(number for _, _, number in needs.holders),
                *(number for standing in needs.standings for number in (standing.sender, standing.receiver)),
            },
        )  # fmt: skip

        def by_key(select: str, read: Callable[[Keys, rows.Row], Result], wanted: frozenset[bytes]) -> dict[bytes, Result]:
            return {row[1]: read(keys, row) for row in select_in(connection, f"{select} WHERE key IN ({{}})", wanted)}

        waiting, usage = outbox.due(connection, keys, needs.due) if needs.due is not None else ([], Usage())
        parts = outbox.parts_named(connection, needs.parts)
        subscribers = {(link, people[number].id): (link, number) for link, number in needs.unsure if number in people}
        unsure = {subscribers[name]: found for name, found in outbox.unsure(connection, subscribers).items()}
        wanted = {*needs.outbox, *(part.key for part in parts.values()), *(key for found in unsure.values() for key in found)}
        leaving = outbox.by_key(connection, keys, wanted)
        overdue = outbox.overdue(connection, keys, needs.overdue) if needs.overdue is not None else []
        of_care = care.read(connection, keys, asked, {number: people[number] for number in asked.numbers if number in people})
        return Rows(
            deliveries=by_key(rows.SELECT_DELIVERY, rows.delivery, needs.deliveries),
            findings=by_key(rows.SELECT_FINDING, rows.finding, needs.findings),
            forwards=by_key(rows.SELECT_FORWARD, rows.forward, needs.forwards),
            serials=serials.issued(connection, keys, needs.serials),
            serial_of=serials.of_forwards(connection, keys, needs.forwards),
            outbox=leaving,
            waiting=waiting,
            usage=usage,
            overdue=overdue,
            parts=parts,
            parts_of=outbox.parts_of(connection, {row.key for row in (*leaving.values(), *overdue) if row.tries}),
            unsure=unsure,
            resting=needs.due is not None and outbox.resting(connection),
            fence=outbox.fence(connection) if needs.due is not None or needs.overdue is not None else 0,
            ordinals=read_ordinals(connection, needs.ordinals, people),
            past=read_standings(connection, needs.standings, people),
            cold=read_cold(connection, keys, needs.cold),
            tidings=of_care.tidings,
            held=of_care.held,
            before=desk.before(connection, keys, needs.asked_before),
            draws=draws.read(connection, keys, needs.draws),
            vacancies=draws.read_vacancies(connection, keys, needs.vacancies),
            presented=serials.presented(connection, keys, needs.presented),
            page=audience.page(connection, keys, needs.page) if needs.page is not None else None,
            holders=audience.holdings(connection, keys, needs.holders, people),
            seeds=seeds.by_label(connection, needs.seeds),
            lives=seeds.lives(connection, needs.lives) if needs.lives else {},
        )

    def _in_transaction(self, connection: sqlite3.Connection, work: Callable[[], Result]) -> Result:
        """BEGIN, work, COMMIT. Whatever is raised before the COMMIT leaves the store as it was, and the writer's memory too."""
        self._people.begin()
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = work()
            self._faults.point("before_commit")
            self._faults.commit(connection)
        except BaseException as error:
            if not (isinstance(error, sqlite3.Error) and isinstance(named(error), StoreDoubt)):  # in doubt it is not touched again
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._segments.reload(connection)
            raise
        self._changes = connection.total_changes
        self._people.committed()
        self._faults.point("after_commit")
        return result

    def _submit(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Have the writer's thread do it, and wait."""
        job = _Job(work)
        with self._door:
            if self._closing:
                raise StoreError("the store is closed")
            self._jobs.put(job)
        result: Result = job.done.result()
        return result

    def _within_limit(self, connection: sqlite3.Connection) -> None:
        """Raises StoreBusy while some reader keeps a log of more than `wal_limit_bytes` from being reused."""
        if self._wal_bytes() > self._settings.wal_limit_bytes:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # waits for readers, `busy_seconds` at most
            if (size := self._wal_bytes()) > self._settings.wal_limit_bytes:
                raise StoreBusy(f"the write-ahead log has grown to {size >> 20} MiB: a program has been reading the store for long; end it")

    def _wal_bytes(self) -> int:
        try:
            return (self.directory / f"{DATABASE}-wal").stat().st_size
        except FileNotFoundError:
            return 0

    # ------------------------------------------------------------------------------------------------ the writer's thread

    def _run(self, started: Future[None]) -> None:
        try:
            with naming():
                connection = self._prepare()
        except BaseException as error:  # noqa: BLE001 raised in `open`, whose thread waits for it
            started.set_exception(error)
            return
        started.set_result(None)
        while (job := self._jobs.get()) is not None:
            self._do(job, connection)
            while self._tend(connection) and self._jobs.empty():
                pass
        if self._doubt:  # closing would sync again and call it good: the process leaves it as it is
            self._abandoned = connection
            return
        with contextlib.suppress(sqlite3.Error):
            connection.close()  # the last connection to close copies the log into the database

    def _do(self, job: _Job, connection: sqlite3.Connection) -> None:
        try:
            if self._doubt:
                raise StoreDoubt(self._doubt)
            with naming():
                result = job.work(connection)
        except BaseException as error:  # noqa: BLE001 raised where the job was asked for
            if isinstance(error, StoreDoubt):
                self._doubt = str(error)
            job.done.set_exception(error)
        else:
            job.done.set_result(result)

    def _tend(self, connection: sqlite3.Connection) -> bool:
        """One piece of housekeeping in its own transaction. False when none is due, or it failed: then it waits for the next job."""
        if self._doubt or not self._segments.due:
            return False
        try:
            with naming():
                self._in_transaction(connection, lambda: self._segments.tend(connection))
        except StoreError as error:
            self._housekeeping = str(error)
            if isinstance(error, StoreDoubt):
                self._doubt = str(error)
            return False
        self._housekeeping = ""
        return True

    def _prepare(self) -> sqlite3.Connection:
        """Look before touching: version, damage and key of what is there; then open for writing and migrate."""
        path = self.directory / DATABASE
        steps = migrate.read_steps()
        if path.exists() and path.stat().st_size:
            self._inspect(path, steps)
        connection = sqlite3.connect(path, timeout=self._settings.busy_seconds, isolation_level=None, cached_statements=256)
        try:
            pages = self._settings.checkpoint_bytes // _PAGE_BYTES
            for pragma in (
                f"page_size = {_PAGE_BYTES}",
                "journal_mode = WAL",
                f"synchronous = {'FULL' if self._settings.durable else 'OFF'}",
                "foreign_keys = ON",
                f"wal_autocheckpoint = {pages}",
                f"journal_size_limit = {self._settings.checkpoint_bytes}",
                f"cache_size = -{self._settings.cache_bytes >> 10}",
                "temp_store = MEMORY",
                "secure_delete = FAST",  # Debian's default also zeroes freed pages: megabytes of them at every snapshot
            ):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            migrate.migrate(connection, steps, self._faults.point)
            campaign_counts.catch_up(connection)
            serials.seal_plain(connection, self._keys)
            connection.execute("INSERT INTO meta (name, value) VALUES ('key', ?) ON CONFLICT (name) DO NOTHING", (self._keys.id,))
            self._segments.reload(connection)
            wanted = {_snapshot_name(connection), *(name for (name,) in connection.execute("SELECT file FROM state_delta"))}
            self._remove_state_files(lambda other: other not in wanted)
            self._changes = connection.total_changes
        except BaseException:
            connection.close()
            raise
        return connection

    def _inspect(self, path: Path, steps: list[migrate.Step]) -> None:
        """Without a log the file is all there is, and "immutable" reads it without making a lock file beside it."""
        mode = "mode=ro" if self._wal_bytes() else "mode=ro&immutable=1"
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=self._settings.busy_seconds)
        ) as connection:
            version = migrate.version_of(connection)
            migrate.refuse_newer(version, steps)
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise StoreDamaged(f"{path}: {found}; restore it from the backup and keep the damaged file for analysis")
            key = connection.execute("SELECT value FROM meta WHERE name = 'key'").fetchone() if version else None
            if key is not None and key[0] != self._keys.id:
                raise ConfigError(f"state.key_file: {path} was sealed with key {key[0]}, not with {self._keys.id}; restore its key file")

    # ------------------------------------------------------------------------------------------------ state, snapshots

    def load(self) -> Loaded:
        return self._submit(self._load)

    def _load(self, connection: sqlite3.Connection) -> Loaded:
        marks = read_marks(connection.execute(SELECT_MARKS))
        extents: defaultdict[str, list[Extent]] = defaultdict(list)
        for feed, *extent in connection.execute(
            "SELECT feed, ordinal, head, head_length, start, stop, path, guard FROM extent ORDER BY feed, ordinal, start"
        ):
            extents[feed].append(Extent(feed, *extent))
        names: defaultdict[str, dict[int, str]] = defaultdict(dict)
        for family, identity, text in connection.execute("SELECT family, id, text FROM interned"):
            names[family][identity] = text
        return Loaded(
            marks=marks,
            extents={feed: tuple(found) for feed, found in extents.items()},
            names=dict(names),
        )

    def packed_state(self) -> Iterator[Packed]:
        snapshot, deltas = self._submit(
            lambda connection: (
                _snapshot_name(connection),
                connection.execute("SELECT id, file FROM state_delta ORDER BY id").fetchall(),
            )
        )
        if snapshot:
            yield Packed(snapshot=True, pieces=self._read_file(snapshot))
        for identity, file in deltas:
            yield Packed(snapshot=False, pieces=self._read_file(file) if file else self._read_delta(identity))

    def _read_delta(self, identity: int) -> Iterator[bytes]:
        found = self._submit(lambda connection: connection.execute("SELECT body FROM state_delta WHERE id = ?", (identity,)).fetchall())
        for (body,) in found:
            yield self._keys.unseal(label := rows.delta_label(identity), label, body)

    def write_snapshot(self, pieces: Iterable[bytes | memoryview]) -> str:
        return self._write_file("snapshot", pieces)

    def write_delta(self, pieces: Iterable[bytes | memoryview]) -> str:
        return self._write_file("delta", pieces)

    def _write_file(self, what: str, pieces: Iterable[bytes | memoryview]) -> str:
        with self._door:  # two writers must not take one name
            number = max((_number(path.name) for path in self.directory.glob(_STATE_FILES)), default=0) + 1
            path = self.directory / f"state-{number:06d}.{what}"
            try:
                with path.open("xb") as file:
                    for label, part in _parts(path.name, _PART, pieces):
                        file.write(self._keys.seal(label, label, part))
                    file.flush()
                    if self._settings.durable:
                        os.fsync(file.fileno())
                if self._settings.durable:
                    sync_directory(self.directory)
            except OSError as error:
                path.unlink(missing_ok=True)
                raise StoreFull(f"{path.name} cannot be written: {error.strerror}") from error
        self._faults.point(what)
        return path.name

    def _read_file(self, name: str) -> Iterator[bytes]:
        """A file of State part by part."""
        size = _PART + SEAL_BYTES
        try:
            with (self.directory / name).open("rb", buffering=0) as file:
                for label, part in _parts(name, size, iter(lambda: file.read(size), b"")):
                    yield self._keys.unseal(label, label, part)
        except OSError as error:
            raise StoreDamaged(f"{name} cannot be read: {error.strerror}; restore the state directory as a whole") from error

    def _remove_state_files(self, useless: Callable[[str], bool]) -> None:
        """Those replaced, or written for a transaction that never was. One that cannot be removed now is tried again next time."""
        for path in self.directory.glob(_STATE_FILES):
            if useless(path.name):
                with contextlib.suppress(OSError):
                    path.unlink()

    # ---------------------------------------------------------------------------------------------------- other writes

    def save_cursor(self, name: str, id: int) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO cursor (name, id) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET id = max(id, excluded.id)", (name, id)
            )

        self._submit(lambda connection: self._in_transaction(connection, lambda: work(connection)))

    def drop_cursor(self, name: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute("DELETE FROM cursor WHERE name = ?", (name,)).rowcount > 0

        return self._submit(lambda connection: self._in_transaction(connection, lambda: work(connection)))

    def drop_handset_tail(self, last: int) -> int:
        return self._submit(lambda connection: self._in_transaction(connection, lambda: tails.drop(connection, last)))

    def take_over(self) -> int:
        return self._submit(lambda connection: self._in_transaction(connection, lambda: outbox.take_over(connection)))

    def forget_texts(self, before: int) -> int:
        total = 0
        while dropped := self._submit(
            lambda connection: self._in_transaction(connection, lambda: outbox.forget_bodies(connection, before, _FORGOTTEN_AT_ONCE))
        ):
            total += dropped
        return total

    def erase(self, number: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            lookup = self._keys.lookup(number)
            connection.execute("DELETE FROM cold WHERE lookup = ?", (lookup,))
            cold.erase(connection, self._keys, number)
            found = connection.execute(
                "UPDATE subscriber SET lookup = NULL, sealed = NULL, erased = ? WHERE lookup = ? RETURNING id", (self._wall(), lookup)
            ).fetchone()
            if found is None:
                return False
            care.erase(connection, found[0])
            outbox.erase(connection, found[0])  # what was to be sent may hold the number
            audience.erase(connection, found[0])
            return True

        def erased(connection: sqlite3.Connection) -> bool:
            connection.execute("PRAGMA secure_delete = ON")  # overwrite, so that no page keeps the old bytes
            try:
                found = self._in_transaction(connection, lambda: work(connection))
            finally:
                connection.execute("PRAGMA secure_delete = FAST")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._people.forget(number)
            return found

        return self._submit(erased)

    def purge(self, before: int) -> int:
        """In small transactions, so that others get their turn in between."""

        def work(connection: sqlite3.Connection) -> int:
            (told,) = connection.execute("SELECT coalesce(min(id), ?) FROM cursor", (_MAX_ID,)).fetchone()
            events = connection.execute(
                "DELETE FROM event WHERE at < ? AND id IN (SELECT id FROM event WHERE id <= ? ORDER BY id LIMIT ?)",
                (before, told, _PURGED_AT_ONCE),
            ).rowcount
            spilled = connection.execute(
                "DELETE FROM cold WHERE lookup IN (SELECT lookup FROM cold WHERE keep_until < ? LIMIT ?)", (before, _PURGED_AT_ONCE)
            ).rowcount
            spilled += connection.execute(
                "DELETE FROM cold_group WHERE id IN (SELECT id FROM cold_group WHERE keep_until < ? LIMIT ?)", (before, _PURGED_AT_ONCE)
            ).rowcount
            return events + spilled + drop_days(connection, before, _PURGED_AT_ONCE)

        self._submit(lambda connection: self._in_transaction(connection, lambda: self._pull_cursors(connection, before - UNTOLD_KEPT)))
        total = 0
        while dropped := self._submit(lambda connection: self._in_transaction(connection, lambda: work(connection))):
            total += dropped
        return total

    def _pull_cursors(self, connection: sqlite3.Connection, before: int) -> None:
        """Move cursors past the events older than `before`, and say in an audit how many each was never told."""
        for name, told in connection.execute("SELECT name, id FROM cursor").fetchall():
            young = connection.execute("SELECT id FROM event WHERE id > ? AND at >= ? ORDER BY id LIMIT 1", (told, before)).fetchone()
            untold, last = connection.execute(
                "SELECT count(*), max(id) FROM event WHERE id > ? AND id < ?", (told, young[0] if young else _MAX_ID)
            ).fetchone()
            if untold:
                connection.execute("UPDATE cursor SET id = ? WHERE name = ?", (last, name))
                connection.execute(
                    "INSERT INTO file_audit (at, feed, what, path, detail) VALUES (?, '', 'untold', ?, ?)",
                    (self._wall(), name, f"{untold} events after {told} are too old to be told"),
                )

    def health(self) -> Health:
        return Health(self._wal_bytes(), self._settings.wal_limit_bytes, self._doubt or self._housekeeping)


def _take(directory: Path) -> int:
    """Lock the state directory for this process; the lock ends with the process, however it ends. Returns the lock's descriptor."""
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise AlreadyRunning(f"process {holder or '?'} already runs on the state directory {directory}; stop it") from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _number(name: str) -> int:
    """Of a file of State; they are numbered as they are written."""
    return int(name.partition("-")[2].partition(".")[0])


def _snapshot_name(connection: sqlite3.Connection) -> str:
    found = connection.execute("SELECT file FROM state_snapshot").fetchone()
    return str(found[0]) if found else ""


def _parts(name: str, size: int, pieces: Iterable[bytes | memoryview]) -> Iterator[tuple[bytes, bytes | memoryview]]:
    """A file of State cut into what is sealed at once, at least one part, each with its label. The label says which is the last, so a file
    that lost its end does not open."""
    held: list[memoryview] = []
    room, number = size, 1

    def label(last: str) -> bytes:
        return b"%s, part %d%s" % (name.encode(), number, last.encode())

    for piece in pieces:
        left = memoryview(piece)
        while left:
            if not room:
                yield label(""), held[0] if len(held) == 1 else b"".join(held)
                held, room, number = [], size, number + 1
            held.append(left[:room])
            left, room = left[room:], room - len(held[-1])
    yield label(", the last"), held[0] if len(held) == 1 else b"".join(held)
