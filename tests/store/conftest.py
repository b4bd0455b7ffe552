"""A store of every backend, and Batches to put into it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest

from mmsd.model import Batch
from mmsd.store import Needs, Rows, Store
from mmsd.store.keys import Keys
from mmsd.store.sqlite import NO_FAULTS, Faults, Settings, SqliteStore

NOW = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys(bytes(range(32)), os.urandom)


class Open(Protocol):
    def __call__(self, *, faults: Faults = NO_FAULTS, settings: Settings = ...) -> Store: ...


@pytest.fixture(params=["sqlite"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path, keys: Keys) -> Iterator[Open]:
    """`open_store()` opens this test's store, again and again: the one opened before is closed first. One backend a parameter."""
    opened: list[Store] = []

    def opener(*, faults: Faults = NO_FAULTS, settings: Settings = Settings(busy_seconds=0.2)) -> Store:  # noqa: B008 frozen
        while opened:
            opened.pop().close()
        backends = {"sqlite": SqliteStore.open}
        store: Store = backends[request.param](tmp_path / "state", settings=settings, keys=keys, wall=lambda: NOW, faults=faults)
        opened.append(store)
        return store

    yield opener
    while opened:
        opened.pop().close()


@pytest.fixture
def store(open_store: Open) -> Store:
    return open_store()


def put(store: Store, batch: Batch) -> None:
    """Commit a Batch that needs to see nothing."""
    store.transact(Needs(), lambda _: batch)


class Stored(NamedTuple):
    """State as a store has it, whole."""

    snapshot: bytes | None
    deltas: tuple[bytes, ...]


def stored(store: Store) -> Stored:
    whole = [(packed.snapshot, b"".join(packed.pieces)) for packed in store.packed_state()]
    assert not any(snapshot for snapshot, _ in whole[1:]), "what comes behind a snapshot is deltas"
    return Stored(whole[0][1] if whole and whole[0][0] else None, tuple(octets for snapshot, octets in whole if not snapshot))


def see(store: Store, needs: Needs) -> Rows:
    """What a decision sees."""
    seen: list[Rows] = []

    def decide(rows: Rows) -> Batch:
        seen.append(rows)
        return Batch(at=NOW)

    store.transact(needs, decide)
    return seen[-1]


def failing(at: str, error: BaseException) -> Callable[[str], None]:
    """A fault point that raises when it comes to `at`."""

    def point(name: str) -> None:
        if name == at:
            raise error

    return point
