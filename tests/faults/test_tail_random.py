"""T29: random histories of a log directory against a model: nothing lost that could be read, nothing counted twice.

60 histories in the suite (× `--effort`), `MMSD_SEQUENCES` of them where it is set; a failing one is printed step by step with its blob.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mmsd.link.heads import HEAD
from tests.link.tailing import GRACE, Reader, line

HEADERS = (b"", b"# mms access log\n", b"# " + b"h" * 1500 + b"\n")
WIDTH = strategies.sampled_from((8, 8, 40, 40, 300, 5000))


class LogDirectory(RuleBasedStateMachine):
    """The model: for every inode the ids of its whole lines; what no file and no open descriptor holds may be lost."""

    @initialize(header=strategies.sampled_from(HEADERS), chunk=strategies.sampled_from((512, 4096, 1 << 20)))
    def begin(self, header: bytes, chunk: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mmsd-tail-"))
        self.live = self.folder / "a.log"
        self.header = header
        self.reader = Reader(self.folder / "a.log*", chunk_bytes=chunk, record_limit=8192)
        self.running = True
        self.next = 1
        self.contents: dict[Path, list[int]] = {}
        self.open_only: set[int] = set()  # in a deleted file whose descriptor the tailer holds
        self.excused: set[int] = set()
        self.fresh: list[int] = []  # in a live file made or truncated, of which no mark tells yet
        self.unseen = True
        self.blind = True  # the tailer has not looked since its start
        self.doubtful: set[int] = set()  # behind a header that is all a restarted tailer knows: passed over, if an audit says so
        self.half: dict[Path, tuple[int, bytes]] = {}  # an unfinished line: its id, what is still to be written

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        self.restarted()
        self.look()
        self.reader.settle()
        written = set(range(1, self.next))
        assert self.reader.doubled() == []
        lost = written - set(self.reader.events) - self.excused
        assert lost <= (self.doubtful if self.reader.said("shrink") else set())
        assert self.reader.tail.idle
        self.reader.tail.close()
        shutil.rmtree(self.folder)

    # ------------------------------------------------------------------------------------------------------- the writer

    def touch(self) -> None:
        if not self.live.exists():
            self.live.write_bytes(b"")
            self.contents[self.live] = []
            self.unseen, self.fresh = True, []
        if not self.live.stat().st_size:
            with self.live.open("ab") as file:
                file.write(self.header)

    def finish(self, path: Path) -> None:
        if path in self.half:
            event, rest = self.half.pop(path)
            with path.open("ab") as file:
                file.write(rest)
            self.add(path, event)

    def add(self, path: Path, *events: int) -> None:
        self.contents[path] += events
        if path == self.live and self.unseen:
            self.fresh += events

    @rule(n=strategies.integers(1, 30), width=WIDTH)
    def write(self, n: int, width: int) -> None:
        self.touch()
        self.finish(self.live)
        with self.live.open("ab") as file:
            file.write(b"".join(line(event, width) for event in range(self.next, self.next + n)))
        self.add(self.live, *range(self.next, self.next + n))
        self.next += n

    @rule(cut=strategies.integers(1, 39))
    def write_part(self, cut: int) -> None:
        self.touch()
        self.finish(self.live)
        whole = line(self.next)
        with self.live.open("ab") as file:
            file.write(whole[:cut])
        self.half[self.live] = (self.next, whole[cut:])
        self.excused.add(self.next)  # until it is finished
        self.next += 1

    @rule()
    def write_rest(self) -> None:
        for path in [path for path in self.half if path.suffix != ".gz"]:
            self.finish(path)

    @rule(late=strategies.booleans())
    def rotate(self, late: bool) -> None:
        """Rename chain; `late`: the writer keeps the old descriptor for one more line."""
        self.shift()
        if self.live.exists():
            if not late:
                self.half.pop(self.live, None)
            target = self.folder / "a.log.1"
            self.move(self.live, target)
            if late:
                self.finish(target)
                with target.open("ab") as file:
                    file.write(line(self.next))
                self.contents[target].append(self.next)
                self.next += 1

    def shift(self) -> None:
        for n in range(9, 0, -1):
            for suffix in ("", ".gz"):
                path = self.folder / f"a.log.{n}{suffix}"
                if path.exists():
                    self.half.pop(path, None)
                    self.move(path, self.folder / f"a.log.{n + 1}{suffix}")

    def move(self, old: Path, new: Path) -> None:
        old.rename(new)
        self.contents[new] = self.contents.pop(old)
        if old in self.half:
            self.half[new] = self.half.pop(old)

    @rule(gap=strategies.integers(0, 3))
    def copytruncate(self, gap: int) -> None:
        if not self.live.exists() or not self.live.stat().st_size:
            return
        self.shift()
        copy = self.folder / "a.log.1"
        shutil.copyfile(self.live, copy)
        self.contents[copy] = list(self.contents[self.live])
        if self.running and gap == 3:
            self.step_reader()
        for _ in range(gap):
            self.write(1, 40)
        if self.running and gap == 2:
            self.step_reader()
            self.truncate()
            self.step_reader()  # a kill before this is noticed: test_killed_between_copy_and_truncation
        self.truncate()

    @rule()
    def truncate(self) -> None:
        if self.live.exists():
            os.truncate(self.live, 0)
            self.half.pop(self.live, None)
            self.contents[self.live] = []
            self.unseen, self.fresh = True, []

    @rule()
    def compress(self) -> None:
        plain = [path for path in self.contents if path != self.live and path.suffix != ".gz"]
        for path in plain[:1]:
            packed = Path(f"{path}.gz")
            with gzip.open(packed, "wb") as file:
                file.write(path.read_bytes())
            self.contents[packed] = list(self.contents[path])
            if self.running and len(plain) % 2:
                self.step_reader()
            self.unlink(path)

    @rule(data=strategies.data())
    def delete(self, data: Any) -> None:
        if self.contents:
            self.unlink(data.draw(strategies.sampled_from(sorted(self.contents))))

    def unlink(self, path: Path) -> None:
        status = path.stat()
        if self.running and any(track.key == (status.st_dev, status.st_ino) for track in self.reader.tail._open.values()):
            self.open_only.update(self.contents[path])
        self.half.pop(path, None)
        path.unlink()
        del self.contents[path]

    # ------------------------------------------------------------------------------------------------------- the reader

    def look(self) -> None:
        if self.running:
            if self.blind and len(self.header) >= HEAD:
                self.doubtful.update(self.fresh)
            self.blind = False
            if not set(self.fresh).isdisjoint(self.reader.events):
                self.unseen = False
                self.fresh = []

    def step_reader(self) -> None:
        self.look()
        self.reader.step()

    @precondition(lambda self: self.running)
    @rule()
    def poll(self) -> None:
        self.look()
        self.reader.tail.poll()

    @precondition(lambda self: self.running)
    @rule(n=strategies.integers(1, 6))
    def read(self, n: int) -> None:
        for _ in range(n):
            self.reader.take_one(700)

    @precondition(lambda self: self.running)
    @rule()
    def commit(self) -> None:
        self.reader.commit()

    @precondition(lambda self: self.running)
    @rule()
    def step(self) -> None:
        self.step_reader()

    @precondition(lambda self: self.running)
    @rule(durable=strategies.booleans())
    def failed_commit(self, durable: bool) -> None:
        if durable:  # the store has it after all
            self.reader.store(self.reader.tail.pending(), self.reader.tail.extents())
        self.reader.fail()

    @precondition(lambda self: self.running)
    @rule()
    def kill(self) -> None:
        self.reader.kill()
        self.running = False
        self.blind = True
        self.open_only.clear()

    @precondition(lambda self: not self.running)
    @rule(marks_lost=strategies.booleans())
    def started(self, marks_lost: bool) -> None:
        if marks_lost and len(self.header) < HEAD and not any(mark.offset < HEAD for mark in self.reader.marks.values()):
            self.reader.marks.clear()
        self.restarted()

    def restarted(self) -> None:
        if not self.running:
            self.reader.start()
            self.running = True

    @rule(seconds=strategies.sampled_from((0.1, GRACE / 2, GRACE + 1)))
    def pass_time(self, seconds: float) -> None:
        self.reader.clock.now += seconds

    # ---------------------------------------------------------------------------------------------------------- always

    @invariant()
    def excuse(self) -> None:
        """What nobody can read any more may be lost, not yet taken or taken and not committed when the process died."""
        if not hasattr(self, "contents"):
            return
        here = {event for events in self.contents.values() for event in events} | self.open_only
        if self.running:
            here |= set(self.reader.taken) | set(self.held())
        self.excused |= set(range(1, self.next)) - here - set(self.reader.events)

    def held(self) -> list[int]:
        """Events the tailer gave out and keeps in memory until their commit."""
        return [
            int(text[:6])
            for track in self.reader.tail._tracks.values()
            for held in track.held
            for text in bytes(held.data).split(b"\n")
            if text[:6].isdigit()
        ]


TestLogDirectory = LogDirectory.TestCase
TestLogDirectory.pytestmark = [pytest.mark.timeout(1800)]  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _sequences(request: pytest.FixtureRequest) -> None:
    seed, effort = int(request.config.getoption("--seed")), request.config.getoption("--effort")
    request.node.add_report_section("setup", "seed", f"repeat with: pytest --seed {seed} {request.node.nodeid!r}")
    hypothesis.seed(seed)(LogDirectory)
    LogDirectory.TestCase.settings = settings(
        settings.default,
        max_examples=int(os.environ.get("MMSD_SEQUENCES", 60 * effort)),
        stateful_step_count=40,
    )


HISTORIES: dict[str, tuple[int, list[tuple[str, *tuple[object, ...]]]]] = {
    "long header: truncated, written again to less than was read": (
        2,
        [("write", 2, 8), ("step",), ("truncate",), ("write", 1, 8)],
    ),
    "long header: the same under the younger of two files, the older being compressed": (
        2,
        [("write", 1, 8), ("poll",), ("rotate", False), ("write", 2, 8), ("compress",), ("truncate",), ("write", 1, 8)],
    ),
    "long header: the same while stopped, passed over and said so": (
        2,
        [("write", 2, 8), ("step",), ("kill",), ("truncate",), ("write", 1, 8)],
    ),
    "long header: the same after a restart": (
        2,
        [("write", 2, 8), ("step",), ("kill",), ("started", False), ("step",), ("truncate",), ("write", 1, 8)],
    ),
    "long header: truncated, noticed, and written again after a kill": (
        2,
        [("write", 2, 8), ("step",), ("truncate",), ("poll",), ("kill",), ("write", 1, 8)],
    ),
    "long header: a copy shorter than what was read, compressed, then a kill": (
        2,
        [("write", 1, 8), ("copytruncate", 2), ("compress",), ("kill",)],
    ),
    "a copy shorter than what was read is compressed while stopped": (
        0,
        [("write", 1, 5000), ("copytruncate", 2), ("kill",), ("compress",)],
    ),
    "a copy shorter than what was read, and than a head, is compressed while stopped": (
        0,
        [("write", 1, 8), ("copytruncate", 2), ("kill",), ("compress",)],
    ),
    "a copy shorter than what was read, then the marks are lost": (
        0,
        [("write", 1, 5000), ("copytruncate", 2), ("kill",), ("started", True)],
    ),
    "copy and .gz of a file nothing was taken of, truncated at once": (
        0,
        [("write_part", 7), ("copytruncate", 3), ("compress",)],
    ),
    "a file left with a torn record of one byte, and another that begins with it": (
        0,
        [
            ("write_part", 1), ("copytruncate", 0), ("compress",), ("delete", "a.log.1.gz"),
            ("pass_time", GRACE + 1), ("step",), ("rotate", True),
        ],
    ),
    "written anew, rotated and compressed before it was looked at": (
        0,
        [("write", 1, 8), ("step",), ("truncate",), ("rotate", True), ("write_part", 1), ("copytruncate", 0), ("compress",)],
    ),
    "a .gz of one file begins with all that was taken of another, truncated": (
        1,
        [("write", 1, 8), ("copytruncate", 0), ("write_part", 1), ("step",), ("truncate",), ("compress",)],
    ),
    "two files of which nothing was taken, alike when last looked at; the .gz of one": (
        0,
        [
            ("write_part", 1), ("rotate", False), ("write_part", 1), ("compress",), ("rotate", True), ("write", 1, 8),
            ("rotate", False), ("compress",), ("delete", "a.log.3.gz"),
        ],
    ),
    "long header: three files rotated and compressed between two looks, the oldest deleted": (
        2,
        [
            ("write_part", 1), ("rotate", False), ("write_part", 1), ("compress",), ("rotate", True), ("compress",), ("write", 1, 8),
            ("rotate", False), ("compress",), ("delete", "a.log.3.gz"),
        ],
    ),
    "long header: truncated while stopped, seen empty, then written again to less than was read": (
        2,
        [("write", 2, 8), ("step",), ("kill",), ("truncate",), ("started", False), ("poll",), ("write", 1, 8)],
    ),
    "two shorter copies of what was read, of which the longer carries it on": (
        0,
        [("write_part", 1), ("rotate", False), ("write", 1, 8), ("copytruncate", 2), ("compress",)],
    ),
    "long header: a .gz under the inode of a copy that was done with": (
        2,
        [("write", 1, 8), ("copytruncate", 2), ("write", 1, 8), ("copytruncate", 0), ("compress",), ("compress",)],
    ),
    "copied, truncated, and the copy's .gz beside it at the next look": (
        0,
        [
            ("write", 1, 8), ("copytruncate", 0), ("write", 1, 8), ("compress",), ("write_part", 1), ("poll",), ("copytruncate", 0),
            ("compress",),
        ],
    ),
    "a .gz is given the inode of a file that was torn": (
        1,
        [
            ("write_part", 1), ("rotate", False), ("compress",), ("write", 1, 8), ("kill",), ("rotate", False), ("started", False),
            ("compress",),
        ],
    ),
}  # fmt: skip
"""Found by the machine: the header, then rules with their arguments."""


class Chosen:
    """What `delete` draws from."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def draw(self, _: object) -> Path:
        return self.path


@pytest.mark.parametrize("history", HISTORIES)
def test_history(history: str) -> None:
    header, rules = HISTORIES[history]
    directory = LogDirectory()
    directory.begin(HEADERS[header], 512)
    for name, *arguments in rules:
        if name == "delete":
            arguments = [Chosen(directory.folder / str(arguments[0]))]
        getattr(directory, name)(*arguments)
        directory.excuse()
    directory.teardown()
