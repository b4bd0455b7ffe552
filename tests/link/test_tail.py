"""The tailer's promises to its caller: reading ahead, commits, resets, replay, trouble, and races with whoever rotates."""

from __future__ import annotations

import asyncio
import errno
import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmsd.link.files import OsFiles, Status, open_source
from mmsd.link.heads import oldest_first
from mmsd.link.tail import Tail
from mmsd.link.watch import Watch
from mmsd.model import Chunk
from tests.link.tailing import GRACE, Reader, append, line, lines


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "a.log"


class Faults(OsFiles):
    """The real file system with something done just before a call."""

    def __init__(self) -> None:
        self.before: dict[str, Callable[[object], None]] = {}

    def _call(self, name: str, argument: object) -> None:
        if name in self.before:
            self.before[name](argument)

    def stat(self, path: str) -> Status:
        self._call("stat", path)
        return super().stat(path)

    def open(self, path: str) -> int:
        self._call("open", path)
        return super().open(path)

    def pread(self, descriptor: int, size: int, offset: int) -> bytes:
        self._call("pread", descriptor)
        return super().pread(descriptor, size, offset)


def chunk_of(tail: Tail, limit: int | None = None) -> Chunk:
    chunk = tail.read(limit)
    assert chunk is not None
    return chunk


# ------------------------------------------------------------------------------------------------------------- commits


def test_reading_ahead_of_the_commit(log: Path) -> None:
    append(log, lines(1, 31))
    reader = Reader(log)
    tail = reader.tail
    tail.poll()
    tail.take(len(chunk_of(tail, 400).data))
    marks, extents = tail.pending(), tail.extents()
    assert [(mark.offset, mark.done) for mark in marks] == [(400, False)]
    assert [(extent.start, extent.stop) for extent in extents] == [(0, 400)]
    tail.take(len(chunk_of(tail, 400).data))  # while the first commits
    tail.committed()
    assert [mark.offset for mark in tail.pending()] == [800]
    assert [(extent.start, extent.stop) for extent in tail.extents()] == [(400, 800)]
    tail.committed()
    assert tail.pending() == []
    assert tail.behind() == 400
    assert not tail.idle


def test_reset_goes_back_exactly_even_if_the_file_was_truncated(log: Path) -> None:
    append(log, lines(1, 101))
    reader = Reader(log)
    reader.tail.poll()
    reader.take_one(2000)
    reader.commit()
    while reader.take_one(500):
        pass
    os.truncate(log, 0)
    reader.tail.poll()
    reader.fail()
    append(log, lines(101, 110))
    reader.settle()
    assert reader.events[:100] == [*range(1, 101)]
    assert sorted(reader.events) == [*range(1, 110)]


def test_reset_to_a_commit_that_failed_but_is_durable(log: Path) -> None:
    append(log, lines(1, 101))
    reader = Reader(log)
    reader.tail.poll()
    reader.take_one(2000)
    for mark in reader.tail.pending():
        reader.marks[mark.ordinal] = mark
    reader.events += reader.taken
    reader.fail()
    reader.settle()
    assert reader.events == [*range(1, 101)]


def test_reset_keeps_positions_rebuilt_from_extents(log: Path) -> None:
    append(log, lines(1, 101))
    reader = Reader(f"{log}*")
    reader.step()
    reader.kill()
    reader.marks.clear()
    append(log, lines(101, 110))
    reader.start()
    reader.tail.poll()
    assert reader.take_one()
    reader.fail()
    reader.settle()
    assert reader.events == [*range(1, 110)]


@pytest.mark.parametrize("durable", [False, True])
def test_a_commit_that_fails_after_the_position_fell_back(log: Path, durable: bool) -> None:
    """What stood between the copy and the truncation was taken and is in no file: only memory has it."""
    append(log, lines(1, 51))
    reader = Reader(f"{log}*")
    reader.tail.poll()
    assert reader.take_one(400)
    reader.commit()
    append(log, lines(51, 101))
    Path(f"{log}.1").write_bytes(log.read_bytes())
    reader.tail.poll()
    append(log, lines(101, 111))
    reader.tail.poll()
    while reader.take_one(1000):
        pass
    log.write_bytes(lines(111, 121))
    reader.tail.poll()
    assert [audit.detail for audit in reader.tail.audits() if audit.what == "shortened"] == [
        "read to 4400; what carries it on ends at 4000"
    ]
    if durable:
        reader.store(reader.tail.pending(), reader.tail.extents())
    reader.fail()
    reader.settle()
    reader.restart()
    Path(f"{log}.1").rename(f"{log}.2")
    reader.settle()
    assert sorted(reader.events) == [*range(1, 121)]
    assert max(extent.stop for extent in reader.extents if extent.ordinal == 0) == 4000


def test_a_second_read_without_take_gives_the_same(log: Path) -> None:
    append(log, lines(1, 10))
    tail = Reader(log).tail
    tail.poll()
    first = chunk_of(tail, 100)
    tail.take(0)
    with pytest.raises(ValueError, match="fits no chunk"):
        tail.take(0)
    assert chunk_of(tail, 100).offset == first.offset
    with pytest.raises(ValueError, match="fits no chunk"):
        tail.take(10_000)


def test_a_record_longer_than_the_wish_is_read_whole(log: Path) -> None:
    append(log, line(1, 3000) + line(2))
    reader = Reader(log, chunk_bytes=512, record_limit=4096)
    reader.step()
    assert reader.events == [1, 2]
    assert reader.said("overlong") == []


def test_unfinished_records_do_not_keep_it_busy(log: Path) -> None:
    append(log, line(1) + b"000002 half")
    reader = Reader(log)
    reader.step()
    assert reader.tail.idle
    assert reader.tail.read() is None
    assert len(reader.chunks) == 1


# -------------------------------------------------------------------------------------------------------------- replay


def test_replay_reads_all_in_order_and_ends(tmp_path: Path) -> None:
    (tmp_path / "a.log.3.gz").write_bytes(gzip.compress(lines(1, 50)) + gzip.compress(lines(50, 100)))  # two members
    append(tmp_path / "a.log.2", lines(100, 200))
    append(tmp_path / "a.log.1", b"")
    append(tmp_path / "a.log", lines(200, 300) + b"000300 no end")
    reader = Reader(tmp_path / "a.log*", follow=False, chunk_bytes=512)
    assert not reader.tail.finished()
    reader.step()
    assert reader.tail.finished()
    assert reader.events == [*range(1, 301)]
    last = {chunk.path: chunk.final for chunk in reader.chunks}
    assert set(last.values()) == {True}
    assert len(last) == 3


def test_replay_of_nothing_is_finished(tmp_path: Path) -> None:
    tail = Reader(tmp_path / "*.log", follow=False).tail
    tail.poll()
    assert tail.read() is None
    assert tail.finished()


def test_replay_of_a_cut_gzip_gives_what_is_there(tmp_path: Path) -> None:
    whole = gzip.compress(lines(1, 5000))
    (tmp_path / "a.log.gz").write_bytes(whole[: len(whole) // 2])
    reader = Reader(tmp_path / "*.gz", follow=False)
    reader.step()
    reader.audits += reader.tail.audits()
    assert reader.tail.finished()
    assert reader.events == [*range(1, len(reader.events) + 1)]
    assert 1000 < len(reader.events) < 5000
    assert [audit.detail for audit in reader.said("damaged")] == ["the gzip stream is cut short"]


def test_inflated_reads_at_any_offset(tmp_path: Path) -> None:
    data = os.urandom(300_000)
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(data[:100_000]) + bytes(512) + gzip.compress(data[100_000:]) + b"rubbish behind")
    source = open_source(OsFiles(), str(path))
    for offset, size in ((0, 10), (250_000, 10), (99_990, 20), (0, 300_000), (299_990, 100), (400_000, 10)):
        assert source.read(offset, size) == data[offset : offset + size]
    assert source.whole() == ""
    source.close()


def test_gzip_in_the_making_is_not_read_twice(log: Path) -> None:
    append(log, lines(1, 400))
    reader = Reader(f"{log}*")
    reader.step()
    log.rename(f"{log}.1")
    append(log, line(400))
    packed = gzip.compress(Path(f"{log}.1").read_bytes())
    for stop in (0, 1, 5, 30, len(packed) // 2, len(packed)):
        Path(f"{log}.1.gz").write_bytes(packed[:stop])
        reader.step()
    Path(f"{log}.1").unlink()
    reader.settle()
    assert reader.events == [*range(1, 401)]


def test_names_give_the_order_where_times_lie() -> None:
    names = ["a.log", "a.log.1", "a.log.2.gz", "a.log.10.gz"]
    assert oldest_first((name, 5 - len(name), name) for name in names) == ["a.log.10.gz", "a.log.2.gz", "a.log.1", "a.log"]


# ------------------------------------------------------------------------------------------------------------- trouble


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE])
@pytest.mark.parametrize("call", ["open", "pread"])
def test_an_unreadable_file_is_tried_again(log: Path, code: int, call: str) -> None:
    files = Faults()
    reader = Reader(f"{log}*", files=files)
    append(log, lines(1, 100))
    reader.tail.poll()
    reader.take_one(400)

    def fail(_: object) -> None:
        raise OSError(code, os.strerror(code))

    files.before[call] = fail
    append(log, lines(100, 110))
    if call == "open":
        append(log.with_name("a.log.1"), lines(110, 120))
    else:
        append(log.with_name("a.log.1"), b"")
    for _ in range(5):
        reader.step()
        reader.clock.now += 100
    reader.tail.poll()
    assert reader.tail.health().state == "degraded"
    assert os.strerror(code) in reader.tail.health().error
    assert not reader.tail.idle
    assert len(reader.said("unreadable")) == 1
    files.before.clear()
    reader.settle()
    assert reader.tail.health().state == "ok"
    assert sorted(reader.events) == [*range(1, 120 if call == "open" else 110)]


def test_replay_gives_up_an_unreadable_file(tmp_path: Path) -> None:
    files = Faults()
    append(tmp_path / "a.log", lines(1, 10))
    append(tmp_path / "b.log", lines(10, 20))

    def fail(path: object) -> None:
        if str(path).endswith("a.log"):
            raise PermissionError(errno.EACCES, "Permission denied")

    files.before["open"] = fail
    reader = Reader(tmp_path / "*.log", files=files, follow=False)
    for _ in range(10):
        reader.step()
        reader.clock.now += 100
    assert reader.events == [*range(10, 20)]
    assert reader.tail.finished()
    assert reader.said("unreadable")


def test_an_unreadable_directory_is_not_an_empty_one(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(log, lines(1, 10) + b"000010 half")
    reader = Reader(f"{log}*")
    reader.step()

    def refuse(path: object) -> Any:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    with monkeypatch.context() as locked:
        locked.setattr("os.scandir", refuse)
        for _ in range(5):
            reader.step()
            reader.clock.now += GRACE + 1
        health = reader.tail.health()
        assert (health.state, health.error) == ("degraded", f"{log}*: Permission denied")
        assert not reader.tail.idle
        assert reader.finals == []  # the file is not taken for gone
    append(log, b" and whole\n")
    reader.settle()
    assert reader.tail.health().state == "ok"
    assert reader.events == [*range(1, 11)]


def test_directory_absent_at_start(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "later" / "*.log")
    reader.step()
    assert reader.tail.idle
    (tmp_path / "later").mkdir()
    append(tmp_path / "later" / "a.log", line(1))
    reader.settle()
    assert reader.events == [1]


def test_other_than_regular_files_are_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.log")
    (tmp_path / "b.log").mkdir()
    reader = Reader(tmp_path / "*.log")
    reader.step()
    assert reader.tail.idle


# --------------------------------------------------------------------------------------------------------------- races


@pytest.mark.parametrize("call", ["stat", "open", "pread"])
@pytest.mark.parametrize("nth", range(1, 12))
@pytest.mark.parametrize("what", ["rename", "copytruncate", "delete"])
def test_rotation_at_any_moment_of_a_poll(log: Path, call: str, nth: int, what: str) -> None:
    """The rotation happens just before the nth system call of that kind, and the writer goes on at once."""
    files = Faults()
    reader = Reader(f"{log}*", files=files, chunk_bytes=1024)
    append(log, lines(1, 100))
    reader.tail.poll()
    reader.take_one()
    calls = 0

    def rotate(_: object) -> None:
        nonlocal calls
        calls += 1
        if calls != nth:
            return
        if what == "rename":
            log.rename(f"{log}.1")
        elif what == "copytruncate":
            Path(f"{log}.1").write_bytes(log.read_bytes())
            os.truncate(log, 0)
        else:
            log.unlink()
        append(log, lines(100, 250))

    files.before[call] = rotate
    reader.settle()
    if calls < nth:
        rotate_again = calls
        files.before.clear()
        assert rotate_again < nth
        return
    files.before.clear()
    reader.settle()
    assert reader.doubled() == []
    assert sorted(reader.events) == [*range(1, 250)]
    assert reader.rejects == []


def test_killed_between_copy_and_truncation(log: Path) -> None:
    reader = Reader(f"{log}*")
    append(log, lines(1, 100))
    reader.step()
    copy = Path(f"{log}.1")
    copy.write_bytes(log.read_bytes())
    append(log, lines(100, 110))  # in no copy, but read in time
    reader.step()
    reader.kill()
    os.truncate(log, 0)
    append(log, lines(110, 120))
    reader.start()
    reader.settle()
    assert reader.events == [*range(1, 120)]


def test_remounted_tree_is_known_by_content(tmp_path: Path) -> None:
    """T22 comes later; identity must not stand in its way."""
    log = tmp_path / "logs" / "a.log"
    log.parent.mkdir()
    append(log, lines(1, 100))
    reader = Reader(tmp_path / "logs" / "a.log*")
    reader.step()
    data = log.read_bytes()
    log.unlink()
    append(tmp_path / "other", b"another inode")
    log.write_bytes(data + lines(100, 110))
    reader.settle()
    assert reader.events == [*range(1, 110)]


# --------------------------------------------------------------------------------------------------------------- watch


def test_watch_wakes_a_task(tmp_path: Path) -> None:
    async def scene() -> tuple[bool, bool, bool]:
        with Watch([str(tmp_path / "*.log")]) as watch:
            nothing = await watch.wait_async(0.01)
            append(tmp_path / "a.log", line(1))
            written = await watch.wait_async(30)
            watch.wake()
            return nothing, written, await watch.wait_async(30)

    assert asyncio.run(scene()) == (False, True, True)


def test_watch_without_inotify_polls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("asyncinotify.Inotify", none_left)
    with Watch([str(tmp_path / "*.log")]) as watch:
        append(tmp_path / "a.log", line(1))
        assert not watch.attached
        assert not watch.wait(0.01)
        watch.wake()
        assert watch.wait(30)


def test_watch_finds_a_directory_made_later(tmp_path: Path) -> None:
    with Watch([str(tmp_path / "later" / "*.log")]) as watch:
        assert not watch.wait(0.01)
        (tmp_path / "later").mkdir()
        watch.wait(0.0)
        append(tmp_path / "later" / "a.log", line(1))
        assert watch.wait(30)
        assert watch.attached


def test_grace_is_a_setting(log: Path) -> None:
    reader = Reader(f"{log}*", grace_seconds=1.0)
    append(log, b"000001 no end")
    log.rename(f"{log}.1")
    append(log, line(2))
    reader.step()
    reader.clock.now += 1.0
    assert GRACE > 1.0
    reader.step()
    assert reader.events == [2, 1]


def test_a_watch_knows_whether_it_sees_every_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "logs").mkdir()
    with Watch([str(tmp_path / "logs" / "*.log")]) as watch:
        assert watch.sees_all
    with Watch([str(tmp_path / "*.log"), str(tmp_path / "later" / "*.log")]) as watch:
        assert watch.attached
        assert not watch.sees_all, "a directory is not there yet"
        (tmp_path / "later").mkdir()
        watch.wait(0.0)
        assert watch.sees_all
    with Watch([str(tmp_path / "none*" / "*.log")]) as watch:
        assert not watch.sees_all
    monkeypatch.setattr("mmsd.link.watch.LOCAL", frozenset())
    with Watch([str(tmp_path / "*.log")]) as watch:
        assert watch.attached
        assert not watch.sees_all, "a file system that others write to as well"
