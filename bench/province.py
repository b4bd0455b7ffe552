"""Seeded logs and stores of a province, made by numpy a block at a time: 20 million lines take half a minute and are kept for the next run.

The numbers are those of a place with three million MMS subscribers. A message has four lines in the MMSC's log (Received, Notify, Fetched,
NotifyResp), seconds to minutes apart and now and then hours; one in ten never finishes and is notified twice more instead.
"""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

START: Final = 1_795_312_800
"""First submission, seconds UTC: 2026-11-22 10:00 at +08:00."""
ZONE_SECONDS: Final = 8 * 3600
SUBSCRIBERS: Final = 3_000_000
RATE: Final = 140.0
"""Messages a second: 560 lines a second while messages are submitted, 252,000 deliveries in the half hour that State remembers."""
NEVER: Final = 0.1
"""Share of messages that nobody fetches."""

RECEIVED, NOTIFY, FETCHED, RESPONSE = range(4)
BLOCK: Final = 200_000

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


def cache() -> Path:
    """Where made files are kept: MMSD_BENCH_CACHE, or a directory of this user's among the temporary files."""
    path = Path(os.environ.get("MMSD_BENCH_CACHE") or Path(tempfile.gettempdir()) / f"mmsd-bench-{os.getuid()}")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def kept(name: str, make: Callable[[Path], None]) -> Path:
    """The cached file of this name, made when it is not there; a run that is broken off leaves none."""
    path = cache() / name
    if not path.exists():
        part = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            make(part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return path


# ------------------------------------------------------------------------------------------------------------------- the MMSC


def access_log(messages: int, *, rate: float = RATE, never: float = NEVER, seed: int = 1) -> Path:
    """An Mbuni access log of 4 × `messages` lines, in order of time."""
    return kept(f"mbuni-{messages}-{rate:g}-{never:g}-{seed}.log", lambda path: _write(path, lines(messages, rate, never, seed)))


def compressed(path: Path) -> Path:
    """The same as logrotate leaves it (gzip, level 6)."""

    def make(target: Path) -> None:
        with path.open("rb") as source, gzip.GzipFile(target, "wb", 6, mtime=0) as sink:
            while block := source.read(1 << 20):
                sink.write(block)

    return kept(f"{path.name}.gz", make)


def end(log: Path) -> int:
    """The time of the log's last line, µs UTC: what the wall clock says to whoever reads it."""
    with log.open("rb") as file:
        file.seek(-1024, os.SEEK_END)
        last = file.read().splitlines()[-1]
    when = datetime.strptime(last[:19].decode(), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return (int(when.timestamp()) - ZONE_SECONDS + 1) * 1_000_000


def _write(path: Path, blocks: Iterator[bytes]) -> None:
    with path.open("wb") as file:
        for block in blocks:
            file.write(block)


@dataclass(frozen=True, slots=True)
class Events:
    """What happened to the messages, in order of time: one event a line. `people` (ranks of sender and receiver) and `sizes` by message."""

    moments: npt.NDArray[np.float64]  # seconds UTC
    kinds: Bytes
    message: Ints
    people: Ints
    sizes: Ints


def events(messages: int, rate: float = RATE, never: float = NEVER, seed: int = 1) -> Events:
    """The four events of each message."""
    rng = np.random.default_rng(seed)
    submitted = START + np.arange(messages) / rate
    times = _times(rng, submitted, never)
    lost = rng.random(messages) < never
    repeats = submitted[:, None] + times[:, NOTIFY, None] + np.array([0.0, 300.0, 1200.0])
    moments = submitted[:, None] + np.cumsum(times, axis=1)
    moments[lost, NOTIFY:] = repeats[lost]
    kinds = np.tile(np.arange(4, dtype=np.uint8), (messages, 1))
    kinds[lost, FETCHED:] = NOTIFY
    order = np.argsort(moments, axis=None, kind="stable")
    people = _people(rng, messages)
    return Events(moments.reshape(-1)[order], kinds.reshape(-1)[order], order // 4, people, rng.integers(800, 100_000, messages))


def lines(messages: int, rate: float, never: float, seed: int) -> Iterator[bytes]:
    """The log in blocks of whole lines."""
    all_of_them = events(messages, rate, never, seed)
    for at in range(0, len(all_of_them.kinds), BLOCK):
        yield _text(all_of_them, slice(at, at + BLOCK))


def _times(rng: np.random.Generator, submitted: npt.NDArray[np.float64], never: float) -> npt.NDArray[np.float64]:
    """Seconds from each of a message's lines to the next: (messages, 4). Most fetch at once, some after minutes, few after hours."""
    count = len(submitted)
    times = np.zeros((count, 4))
    times[:, NOTIFY] = rng.lognormal(0.5, 0.5, count)
    slow = rng.random(count)
    times[:, FETCHED] = np.where(
        slow < 0.75,
        rng.lognormal(2.5, 0.8, count),
        np.where(slow < 0.95, rng.exponential(600.0, count), np.minimum(rng.exponential(7200.0, count), 86400.0)),
    )
    times[:, RESPONSE] = 1.0 + rng.lognormal(0.5, 0.6, count)
    return times


def _people(rng: np.random.Generator, messages: int) -> Ints:
    """Ranks of sender and receiver, (messages, 2): a fifth of the subscribers has a third of the traffic."""
    return (SUBSCRIBERS * rng.random((messages, 2)) ** 1.5).astype(np.int64)


def number(rank: Ints) -> Ints:
    """The last ten digits of a subscriber's number (it begins with 861): ranks spread over the operator's prefixes."""
    scattered = rank * 1_000_003 % 100_000_000
    return (30 + rank % 10) * 100_000_000 + scattered


_AGENTS: Final = ("Nokia6230/2.0 (05.50)", "MOT-E398/0E.20.59R MIB/2.2.1", "SonyEricssonK700i/R2AE", "AMOI-M636/1.2", "NOKIA-N73/1.0")


def _table(*words: str) -> Bytes:
    """Words as rows of bytes, NUL behind the shorter ones."""
    width = max(map(len, words)) or 1
    return np.array([list(word.encode().ljust(width, b"\0")) for word in words], np.uint8)


_EVENT: Final = _table("Received", "Notify", "Fetched", "NotifyResp")
_ACT: Final = _table("", "", "", "Retrieved")
_PREFIX: Final = _table("", "", "", "mms.hexi.example-")
_SUFFIX: Final = _table("@mms.hexi.example", "@mms.hexi.example", "@mms.hexi.example", "")
_AGENT: Final = _table(*_AGENTS, "")


def _text(told: Events, block: slice) -> bytes:
    """Lines of a block. Every field is a matrix of its widest form; NUL bytes stand where a form is shorter and go at the end."""
    moments, kinds, message = told.moments[block], told.kinds[block], told.message[block]
    people, sizes, count = told.people, told.sizes, len(kinds)
    sender, receiver = number(people[message, 0]), number(people[message, 1])
    answer, notice = kinds == RESPONSE, kinds == NOTIFY
    source = np.where(answer, receiver, sender)
    system = np.zeros((count, 14), np.uint8)
    system[:, :6] = list(b"system")
    size = np.where(answer, 28, sizes[message] + 130 * (kinds == FETCHED))
    # a notification's transaction is another file of the queue than its message
    parts = (
        _clock(moments),
        b" ",
        _EVENT[kinds],
        b" MMS [INT:MM1] [ACT:",
        _ACT[kinds],
        b"] [MMSC:] [from:",
        np.where(notice[:, None], system, _subscriber(source)),
        b"] [to:",
        _subscriber(receiver) * ~answer[:, None],
        b"] [msgid:",
        _PREFIX[kinds],
        b"qf5110.",
        _digits(message + 1_000_000 * answer, 8),
        b".x768.",
        _digits(message * 7 % 100, 2),
        _SUFFIX[kinds],
        b"] [size=",
        np.where(notice[:, None], _table("-1\0\0\0\0"), _digits(size, 6, trim=True)),
        b"] [UA:",
        _AGENT[np.where(notice, len(_AGENTS), message * 11 % len(_AGENTS))],
        b"] [MMBox:]\n",
    )
    widths = [len(part) if isinstance(part, bytes) else part.shape[1] for part in parts]
    text = np.empty((count, sum(widths)), np.uint8)
    at = 0
    for part, width in zip(parts, widths, strict=True):
        text[:, at : at + width] = np.frombuffer(part, np.uint8) if isinstance(part, bytes) else part
        at += width
    flat = text.reshape(-1)
    return bytes(flat[flat != 0])


def _digits(values: Ints, width: int, *, trim: bool = False) -> Bytes:
    """Decimal digits with leading zeros; `trim`: NUL instead of them."""
    digits = (values[:, None] // 10 ** np.arange(width - 1, -1, -1) % 10).astype(np.uint8) + ord("0")
    if trim:
        digits[np.cumsum(digits != ord("0"), axis=1) == 0] = 0
    return digits


def _subscriber(numbers: Ints) -> Bytes:
    found = np.empty((len(numbers), 14), np.uint8)
    found[:, :4] = list(b"+861")
    found[:, 4:] = _digits(numbers, 10)
    return found


def _clock(moments: npt.NDArray[np.float64]) -> Bytes:
    """`YYYY-MM-DD HH:MM:SS` in local time; each second is spelled once."""
    seconds, places = np.unique(moments.astype(np.int64), return_inverse=True)
    spelled = [datetime.fromtimestamp(second + ZONE_SECONDS, UTC).strftime("%Y-%m-%d %H:%M:%S") for second in seconds.tolist()]
    return _table(*spelled)[places]
