"""Rows T01–T20 and T23–T29 of the fault catalogue, as far as the tailer answers for them: one test a row, with the row's outcome.

T28 (two instances) is the store's lock and stands with the store. T29 is `test_tail_random.py`.
"""

from __future__ import annotations

import gzip
import os
import random
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mmsd.link.files import OsFiles, Status
from mmsd.link.tail import Tail, TailSettings
from mmsd.link.watch import Watch
from tests.link.tailing import GRACE, Reader, append, line, lines


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "a.log"


@pytest.fixture
def reader(log: Path) -> Reader:
    return Reader(f"{log}*", chunk_bytes=4096, record_limit=16384)


def rename_chain(log: Path, times: int = 1) -> None:
    for _ in range(times):
        for n in range(20, 0, -1):
            for suffix in ("", ".gz"):
                old = Path(f"{log}.{n}{suffix}")
                if old.exists():
                    old.rename(f"{log}.{n + 1}{suffix}")
        log.rename(f"{log}.1")


def compress(path: Path) -> Path:
    packed = Path(f"{path}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return packed


def logrotate(log: Path, *options: str) -> Callable[[], None]:
    program = shutil.which("logrotate", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("logrotate is not installed")
        pytest.skip("logrotate is not installed")
    config = log.parent / "rotate.conf"
    config.write_text("\n".join((f"{log} {{", "rotate 50", "su root root" if os.geteuid() == 0 else "", *options, "}")))
    config.chmod(0o644)
    command = [program, "-f", "-s", str(log.parent / "rotate.state"), str(config)]

    def rotate() -> None:
        subprocess.run(command, check=True, capture_output=True)

    return rotate


def expect(reader: Reader, stop: int, *, start: int = 1, missing: frozenset[int] = frozenset()) -> None:
    """0 lost, 0 counted twice: exactly the ids from start up to stop, each once."""
    assert reader.doubled() == []
    assert set(reader.events) == set(range(start, stop)) - missing
    assert reader.rejects == []


def test_t01_rename_while_running(log: Path, reader: Reader) -> None:
    rotate = logrotate(log, "create", "missingok")
    log.parent.chmod(0o755)
    for turn in range(20):
        append(log, lines(turn * 50 + 1, turn * 50 + 26))
        if turn % 3:
            reader.step()
        append(log, lines(turn * 50 + 26, turn * 50 + 51))
        rotate()
    reader.settle()
    expect(reader, 1001)


@pytest.mark.parametrize("times", range(1, 6))
def test_t02_rotated_while_stopped(log: Path, reader: Reader, times: int) -> None:
    append(log, lines(1, 50))
    reader.step()
    reader.kill()
    append(log, lines(50, 60))
    for turn in range(times):
        rename_chain(log)
        append(log, lines(60 + turn * 10, 70 + turn * 10))
    reader.start()
    reader.settle()
    expect(reader, 60 + times * 10)
    assert reader.events == sorted(reader.events)  # older files first


def test_t03_writer_keeps_old_descriptor(log: Path, reader: Reader) -> None:
    with log.open("ab", buffering=0) as old:
        old.write(lines(1, 10))
        reader.step()
        rename_chain(log)
        append(log, lines(100, 110))
        for event in range(10, 20):  # ten seconds, a line each
            old.write(line(event))
            reader.step()
            reader.clock.now += 1
        reader.clock.now += GRACE - 2
        reader.step()
        assert not any(mark.done for mark in reader.marks.values())  # at its end, but grace is not over
        old.write(line(20))
        reader.settle()
        assert [mark.done for mark in reader.marks.values()] == [True, False]
        old.write(line(21))  # later than the grace: taken up again
        reader.settle()
    assert reader.doubled() == []
    assert set(reader.events) == {*range(1, 22), *range(100, 110)}


def test_t04_gzip_at_once(log: Path, reader: Reader) -> None:
    append(log, lines(1, 500))
    reader.tail.poll()
    assert reader.take_one()  # open, with unread bytes
    rename_chain(log)
    compress(Path(f"{log}.1"))
    append(log, lines(500, 510))
    reader.settle()
    expect(reader, 510)
    assert {chunk.path.endswith(".gz") for chunk in reader.chunks} == {False}
    reader.restart()
    reader.settle()
    expect(reader, 510)


def test_t05_gzip_while_stopped(log: Path, reader: Reader) -> None:
    append(log, lines(1, 100))
    reader.step()
    reader.kill()
    append(log, lines(100, 200))
    rename_chain(log)
    compress(Path(f"{log}.1"))
    append(log, lines(200, 210))
    rename_chain(log)
    reader.start()
    reader.settle()
    expect(reader, 210)
    assert any(chunk.path.endswith(".gz") and chunk.offset == len(lines(1, 100)) for chunk in reader.chunks)


@pytest.mark.parametrize("look", ["copied", "written", "truncated", "regrown", "never"])
def test_t06_copytruncate_in_steps(log: Path, reader: Reader, look: str) -> None:
    def step(moment: str) -> None:
        if moment == look:
            reader.step()

    append(log, lines(1, 100))
    reader.tail.poll()
    reader.take_one()  # some of it
    shutil.copyfile(log, f"{log}.1")
    step("copied")
    append(log, lines(100, 103))  # between copy and truncation: in no file
    step("written")
    os.truncate(log, 0)
    step("truncated")
    append(log, lines(103, 300))  # longer than before
    step("regrown")
    reader.settle()
    lost = frozenset(range(100, 103)) if look not in {"written"} else frozenset()
    expect(reader, 300, missing=lost - set(reader.events))
    assert reader.said("truncated") == []


def test_t06_copytruncate_by_logrotate(log: Path, reader: Reader) -> None:
    rotate = logrotate(log, "copytruncate")
    log.parent.chmod(0o755)
    with log.open("ab", buffering=0) as writer:
        for turn in range(10):
            writer.write(lines(turn * 50 + 1, turn * 50 + 26))
            if turn % 2:
                reader.step()
            writer.write(lines(turn * 50 + 26, turn * 50 + 51))
            rotate()
    reader.settle()
    expect(reader, 501)


@pytest.mark.parametrize("running", [True, False])
def test_t07_truncated_now_shorter(log: Path, reader: Reader, running: bool) -> None:
    append(log, lines(1, 100))
    reader.step()
    if not running:
        reader.kill()
    log.write_bytes(lines(100, 110))
    if not running:
        reader.start()
    reader.settle()
    expect(reader, 110)


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("stop", [199, 250])
def test_t08_truncated_now_as_long_or_longer(log: Path, reader: Reader, running: bool, stop: int) -> None:
    append(log, lines(1, 100))
    reader.step()
    if not running:
        reader.kill()
    log.write_bytes(lines(100, stop))
    if not running:
        reader.start()
    reader.settle()
    expect(reader, stop)


@pytest.mark.parametrize("running", [True, False])
def test_t09_partial_shrink(log: Path, reader: Reader, running: bool) -> None:
    append(log, lines(1, 101))
    reader.step()
    if not running:
        reader.kill()
    os.truncate(log, 50 * 40 + 17)
    if not running:
        reader.start()
    reader.step()
    append(log, lines(101, 120))
    reader.settle()
    expect(reader, 120)
    assert len(reader.said("shrink")) == 1
    reader.restart()
    reader.settle()
    expect(reader, 120)


class ReusedInodes(OsFiles):
    """Every file of one path has the same inode, as ext4 gives it out again."""

    def stat(self, path: str) -> Status:
        return self._same(super().stat(path))

    def fstat(self, descriptor: int) -> Status:
        return self._same(super().fstat(descriptor))

    def _same(self, status: Status) -> Status:
        return Status(status.device, 7, status.size, status.mtime_ns, status.links)


@pytest.mark.parametrize("pretended", [False, True])
def test_t10_reused_inode(log: Path, pretended: bool) -> None:
    reader = Reader(log, files=ReusedInodes() if pretended else OsFiles())
    for turn in range(100):
        append(log, lines(turn * 3 + 1, turn * 3 + 4))
        reader.step()
        if pretended or turn % 2:  # a descriptor held open keeps its inode: only a stopped reader can see it again
            reader.restart()
            reader.kill()
        log.unlink()
        if pretended or turn % 2:
            append(log, b"")
            reader.start()
    reader.settle()
    expect(reader, 301)


def test_t11_deleted_with_unread_bytes(log: Path, reader: Reader) -> None:
    append(log, lines(1, 2000))
    reader.tail.poll()
    assert reader.take_one()
    log.unlink()
    append(log, lines(2000, 2010))
    reader.settle()
    expect(reader, 2010)
    assert [audit.what for audit in reader.audits] == ["unlinked"]


def test_t12_rotation_faster_than_reading(log: Path, reader: Reader) -> None:
    append(log, lines(1, 200))
    reader.tail.poll()
    assert reader.take_one()
    for turn in range(5):  # the store stalls for a minute: no commit, no read
        rename_chain(log)
        append(log, lines(200 + turn * 10, 210 + turn * 10))
        reader.clock.now += GRACE + 2
        reader.tail.poll()
        assert reader.tail.health().oldest_unread == f"{log}.{turn + 1}"
    Path(f"{log}.5").unlink()
    reader.settle()
    expect(reader, 250)
    assert {"endangered", "unlinked"} <= {audit.what for audit in reader.audits}


@pytest.mark.parametrize("text", ["000001 plain\n", "000001 号码\n", "000001 crlf\r\n"])
def test_t13_byte_by_byte(log: Path, reader: Reader, text: str) -> None:
    for byte in text.encode():
        assert reader.events == []
        append(log, bytes([byte]))
        reader.step()
    reader.settle()
    expect(reader, 2)
    assert reader.finals == []


def test_t14_unfinished_line_then_rotation(log: Path, reader: Reader) -> None:
    append(log, line(1) + b"000002 no end")
    reader.step()
    rename_chain(log)
    append(log, line(3))
    reader.step()
    assert reader.events == [1, 3]
    reader.settle()
    reader.restart()
    reader.settle()
    assert reader.events == [1, 3, 2]
    assert reader.finals == [b"000002 no end"]


def test_t14_quarantined_when_the_dialect_refuses_it(log: Path, reader: Reader) -> None:
    append(log, line(1) + b"half a rec")
    reader.step()
    log.rename(f"{log}.1")
    append(log, line(2))
    reader.step()
    reader.clock.now += GRACE + 1
    reader.tail.poll()
    chunk = reader.tail.read()
    assert chunk is not None
    assert (chunk.data, chunk.final) == (b"half a rec", True)
    reader.tail.take(0)
    reader.settle()
    assert len(reader.said("unterminated")) == 1
    expect(reader, 3)


@pytest.mark.parametrize("header", [b"", b"# log begins\n", b"# " + b"h" * 3000 + b"\n"], ids=["none", "short", "long"])
def test_t15_new_empty_tiny_alike(tmp_path: Path, header: bytes) -> None:
    reader = Reader(tmp_path / "*.log")
    for n in range(50):
        append(tmp_path / f"n{n:02}.log", header if n % 2 else b"")
    reader.step()
    for n in range(50):
        append(tmp_path / f"n{n:02}.log", (b"" if n % 2 else header) + line(n + 1))
    reader.step()
    reader.restart()
    for n in range(50):
        append(tmp_path / f"n{n:02}.log", line(n + 51))
    reader.settle()
    expect(reader, 101)


def test_t16_hole(log: Path, reader: Reader) -> None:
    append(log, lines(1, 10))
    reader.step()
    os.truncate(log, log.stat().st_size + (1 << 20))
    reader.step()
    append(log, lines(10, 20))
    append(log, b"000020 torn")
    os.truncate(log, log.stat().st_size + (64 << 20))
    append(log, lines(21, 30))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader.settle()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 << 10  # KiB
    expect(reader, 30)
    assert [audit.detail.split()[0] for audit in reader.said("hole")] == [str(1 << 20), str(64 << 20)]


def test_t16_truncated_under_a_writer_without_append(log: Path, reader: Reader) -> None:
    with log.open("wb", buffering=0) as writer:
        writer.write(lines(1, 100))
        reader.step()
        os.truncate(log, 0)
        writer.write(lines(100, 110))  # at its old offset: the file begins with a hole
        reader.settle()
        writer.write(lines(110, 120))
        reader.restart()
        reader.settle()
    expect(reader, 120)


@pytest.mark.parametrize(
    ("name", "change"), [("crlf", lambda text: text.replace(b"\n", b"\r\n")), ("blank", lambda text: text.replace(b"\n", b"\n\n"))]
)
def test_t17_line_ends(log: Path, reader: Reader, name: str, change: Callable[[bytes], bytes]) -> None:
    data = change(lines(1, 400))
    append(log, data)
    reader.settle()
    expect(reader, 400)
    assert [mark.offset for mark in reader.marks.values()] == [len(data)]  # raw bytes


def test_t17_byte_order_mark_and_lone_cr_are_given_as_they_are(log: Path, reader: Reader) -> None:
    data = b"\xef\xbb\xbf" + line(1) + b"lone\rcr\n"
    append(log, data)
    reader.step()
    assert b"".join(chunk.data for chunk in reader.chunks) == data


@pytest.mark.parametrize("octets", [2 << 20, 200 << 20])
def test_t18_overlong_line(log: Path, octets: int) -> None:
    reader = Reader(log)
    append(log, line(1))
    with log.open("ab") as file:
        for _ in range(octets >> 20):
            file.write(b"x" * (1 << 20))
    reader.step()
    assert reader.events == [1]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    append(log, b"\n" + line(2))
    reader.settle()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before <= 2 << 10  # KiB: twice the limit
    expect(reader, 3)
    assert [audit.detail for audit in reader.said("overlong")] == [f"record of {octets + 1} bytes at 40 quarantined"]
    assert sum(len(chunk.data) for chunk in reader.chunks) < 8 << 20


def test_t19_any_bytes(log: Path, seed: int) -> None:
    rng = random.Random(seed)
    reader = Reader(log, chunk_bytes=512)
    data = bytes(rng.choice(b"\x00\x07\x1b\x80\xff\xd6\xd0a\r\n\n") for _ in range(50_000)) + b"\n"
    with log.open("wb", buffering=0) as file:
        at = 0
        while at < len(data):
            step = rng.randrange(1, 3000)
            file.write(data[at : at + step])
            at += step
            reader.tail.poll()
            while (chunk := reader.tail.read()) is not None:
                stop = chunk.data.rfind(b"\n") + 1
                reader.chunks.append(chunk)
                reader.taken.extend(chunk.data[:stop])
                reader.tail.take(stop)
    assert bytes(reader.taken) == data


def test_t20_links(tmp_path: Path) -> None:
    first, second, link = tmp_path / "one.log", tmp_path / "two.log", tmp_path / "now.log"
    reader = Reader(tmp_path / "*.log", tmp_path / "now.log")
    append(first, lines(1, 10))
    link.symlink_to(first)
    (tmp_path / "hard.log").hardlink_to(first)
    (tmp_path / "loop.log").symlink_to(tmp_path / "loop.log")
    reader.step()
    append(first, lines(10, 12))
    append(second, lines(12, 20))
    (tmp_path / "new").symlink_to(second)
    (tmp_path / "new").rename(link)
    reader.settle()
    expect(reader, 20)


def test_t20_link_alone(tmp_path: Path) -> None:
    first, second, link = tmp_path / "one", tmp_path / "two", tmp_path / "now.log"
    reader = Reader(link)
    append(first, lines(1, 10))
    link.symlink_to(first)
    reader.step()
    append(second, lines(12, 20))
    (tmp_path / "new").symlink_to(second)
    (tmp_path / "new").rename(link)
    append(first, lines(10, 12))
    reader.settle()
    expect(reader, 20)


def test_t23_wall_clock(log: Path, reader: Reader) -> None:
    now = time.time()
    append(log, line(1))
    for event, hours in enumerate((1, -1, 24, -24, 0), 2):
        reader.step()
        append(log, line(event))
        os.utime(log, (now + hours * 3600, now + hours * 3600))  # what a stepped clock leaves behind
    rename_chain(log)
    append(log, line(7))
    os.utime(log, (now - 86400, now - 86400))  # the younger file looks older
    reader.restart()
    reader.settle()
    expect(reader, 8)
    assert reader.events == sorted(reader.events)


def test_t24_notifications_lost(log: Path, reader: Reader) -> None:
    append(log, line(1))
    with Watch([str(log.parent / "absent" / "*.log")]) as deaf:
        assert not deaf.attached
        assert not deaf.wait(0.01)  # one poll interval, whatever happens
        reader.step()
        append(log, line(2))
        assert not deaf.wait(0.01)
        reader.step()
    expect(reader, 3)


def test_t24_notification_wakes(log: Path) -> None:
    with Watch([f"{log}*"]) as watch:
        thread = threading.Thread(target=append, args=(log, line(1)))
        thread.start()
        assert watch.wait(30)
        thread.join()


def test_t25_positions_lost(log: Path, reader: Reader) -> None:
    append(log, lines(1, 100))
    reader.step()
    rename_chain(log)
    append(log, lines(100, 200))
    reader.step()
    reader.kill()
    reader.marks.clear()
    append(log, lines(200, 210))
    reader.start()
    reader.settle()
    expect(reader, 210)
    assert len(reader.said("rebuilt")) == 2


def test_t25_restored_backup_is_exact(log: Path, reader: Reader) -> None:
    append(log, lines(1, 100))
    reader.step()
    backup = dict(reader.marks), list(reader.extents), list(reader.events)
    append(log, lines(100, 200))
    reader.step()
    reader.kill()
    reader.marks, reader.extents, reader.events = backup
    reader.start()
    reader.settle()
    expect(reader, 200)


def test_t25_both_gone_shows(log: Path, reader: Reader) -> None:
    append(log, lines(1, 100))
    reader.step()
    reader.restart()
    reader.tail.poll()
    assert not reader.tail.unknown
    reader.kill()
    reader.marks.clear()
    reader.extents.clear()
    reader.start()
    reader.tail.poll()
    assert reader.tail.unknown == (str(log),)


def test_t26_identical_lines(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "*.log")
    append(tmp_path / "one.log", line(1) + line(1) + line(2))
    append(tmp_path / "two.log", line(1) + line(1) + line(2))
    reader.settle()
    assert sorted(reader.events) == [1, 1, 1, 1, 2, 2]  # what is one event, its key decides


def test_t27_ten_thousand_old_files(tmp_path: Path) -> None:
    for n in range(1, 10_001):
        (tmp_path / f"a.log.{n}").write_bytes(line(n))
    reader = Reader(tmp_path / "a.log*", forget_seconds=100.0)
    reader.step()
    reader.settle()
    expect(reader, 10_001)
    reader.kill()
    started = time.process_time()
    reader.start()
    reader.tail.poll()
    assert time.process_time() - started < 5
    assert reader.tail.unknown == ()
    assert reader.tail.read() is None
    for n in range(101, 10_001):
        (tmp_path / f"a.log.{n}").unlink()
    reader.tail.poll()
    reader.clock.now += 101
    reader.tail.poll()
    assert len(reader.tail.expired()) == 9900


def test_descriptors_stay_in_their_limit(tmp_path: Path) -> None:
    for n in range(40):
        append(tmp_path / f"n{n}.log", lines(n * 10 + 1, n * 10 + 11))
    opened = 0
    most = 0

    class Counting(OsFiles):
        def open(self, path: str) -> int:
            nonlocal opened, most
            opened += 1
            most = max(most, opened)
            return super().open(path)

        def close(self, descriptor: int) -> None:
            nonlocal opened
            opened -= 1
            super().close(descriptor)

    reader = Reader(tmp_path / "*.log", files=Counting(), open_limit=8)
    reader.settle()
    for n in range(40):
        append(tmp_path / f"n{n}.log", line(401 + n))
    reader.settle()
    expect(reader, 441)
    assert most <= 10
    reader.tail.close()
    assert opened == 0


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        TailSettings().grace_seconds = 1  # type: ignore[misc]
    assert Tail("f", [], files=OsFiles(), monotonic=time.monotonic, settings=TailSettings()).read() is None
