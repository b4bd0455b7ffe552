"""Reads logs that lie there, all feeds in event time, and exports what was made of them."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from mmsd import app, config
from mmsd.errors import ConfigError
from mmsd.flow.sequencer import END, Sequencer
from mmsd.link.files import OsFiles
from mmsd.logs import DIALECTS, Guess, guess
from mmsd.model import SECOND, Attempt, Delivery, Finding, masked
from mmsd.rules.kpi import Figures
from mmsd.rules.kpi import kpi as made
from mmsd.store import Issued
from mmsd.store.sqlite import SqliteStore
from mmsd.web.figures import unknown_row

HEAD_BYTES: Final = 64 << 10
TRIED: Final = frozenset({"http", "kannel-sms"})
"""Dialects with several known formats: without options the first lines decide."""

AUDITS: Final = 20
"""What happened to files, at most, in a report."""

ALL_OF_A_KIND: Final = "Each feed is taken to see all of its kind; a --config says what is otherwise."

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Replayed:
    """A finished replay: the store that holds it (close it), and what the report prints."""

    store: SqliteStore
    sequencer: Sequencer
    settings: config.Settings
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FeedArgument:
    """`NAME=DIALECT:GLOB`, or from `look` the very files."""

    name: str
    dialect: str
    globs: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> FeedArgument:
        """Raises ConfigError that says what is wrong with it.

        >>> FeedArgument.parse("mmsc1=mbuni:logs/mmsc-access.log*")
        FeedArgument(name='mmsc1', dialect='mbuni', globs=('logs/mmsc-access.log*',))
        """
        name, equals, rest = text.partition("=")
        dialect, colon, glob = rest.partition(":")
        if not (equals and colon and name and glob):
            raise ConfigError(f"--feed {text}: expected NAME=DIALECT:GLOB, such as mmsc1=mbuni:'logs/mmsc-access.log*'")
        if dialect not in DIALECTS:
            raise ConfigError(f"--feed {name}: no dialect is called {dialect!r}; there are {', '.join(sorted(DIALECTS))}")
        return cls(name, dialect, (glob,))


def settings_for(arguments: list[FeedArgument], base: config.Settings | None, notes: list[str]) -> config.Settings:
    """Settings of a replay: the configuration's, with feeds from the command line added or given other files."""
    feeds = dict(base.feeds) if base is not None else {}
    files = OsFiles()
    for name, times in Counter(argument.name for argument in arguments).items():
        if times > 1:
            raise ConfigError(f"--feed {name}: given {times} times; give each feed a name of its own, or its files as one GLOB")
    for argument in arguments:
        paths = tuple(map(Path, argument.globs))
        known = feeds.get(argument.name)
        if known is not None:
            feeds[argument.name] = msgspec.structs.replace(known, dialect=argument.dialect, paths=paths)
            continue
        options: dict[str, Any] = {}
        if argument.dialect in TRIED:
            found = _first_guess(files, argument)
            if found is not None:
                options = dict(found.options)
                notes.append(f"{argument.name}: {found.why}")
        feeds[argument.name] = config.Feed(
            argument.dialect, tuple(map(Path, argument.globs)), options=options, covers=config.Covers(all=True)
        )
    if base is None:
        notes.append(ALL_OF_A_KIND)
    if not feeds:
        raise ConfigError("nothing to read: give --feed NAME=DIALECT:GLOB at least once, or --config FILE")
    for name, feed in feeds.items():
        if not any(files.glob(str(path)) for path in feed.paths):
            raise ConfigError(f"feeds.{name}.paths: no file matches {', '.join(map(str, feed.paths))}")
    return msgspec.structs.replace(base, feeds=feeds) if base is not None else config.Settings(feeds=feeds)


def _first_guess(files: OsFiles, argument: FeedArgument) -> Guess | None:
    for path in (path for pattern in argument.globs for path in files.glob(pattern)):
        for found in guess(head_of(Path(path)), path):
            if found.dialect == argument.dialect:
                return found
    return None


class Unreadable(ConfigError):
    """A file among the arguments that cannot be read; `why` says so without its name."""

    def __init__(self, path: Path, why: str) -> None:
        self.why = f"cannot be read: {why}"
        super().__init__(f"{path}: {self.why}")


def head_of(path: Path) -> bytes:
    """The first bytes of a log file, decompressed. Raises Unreadable."""
    try:
        with path.open("rb") as file:
            start = file.read(2)
        opener: Callable[..., Any] = gzip.open if start == b"\x1f\x8b" else open
        with opener(path, "rb") as file:
            head: bytes = file.read(HEAD_BYTES)
            return head
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(path, getattr(error, "strerror", None) or str(error)) from None


def moment(text: str, settings: config.Settings) -> int:
    """`--until`: "end", or a local date-time → µs UTC."""
    if text == "end":
        return END
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--until {text}: expected `end` or a time such as 2026-11-22T19:30") from None
    when = when if when.tzinfo else when.replace(tzinfo=settings.zone.name)
    return round(when.timestamp() * SECOND)


def replay(settings: config.Settings, *, until: str, keep_all: bool, console: Console, quiet: bool, notes: list[str]) -> Replayed:
    """Runs the pipeline over everything there is. The progress bar counts bytes as they lie on disk."""
    keys = app.throwaway_keys()
    store = SqliteStore.memory(keys=keys, wall=app.wall)
    try:
        sequencer = app.intake(settings, store, keys, app.World(), follow=False, keep_all=keep_all)
        if until:
            sequencer.until = moment(until, settings)
        with _bar(sequencer, console, quiet) as step:
            while sequencer.tick():
                step()
        sequencer.close()
        if sequencer.progress.trouble:
            raise ConfigError(f"replay stopped: {sequencer.progress.trouble}")
        return Replayed(store, sequencer, settings, notes)
    except BaseException:
        store.close()
        raise


@contextmanager
def _bar(sequencer: Sequencer, console: Console, quiet: bool) -> Iterator[Callable[[], None]]:
    if quiet or not console.is_terminal:
        yield lambda: None
        return
    total = sum(feed.source.behind() for feed in sequencer.feeds) or _sizes(sequencer)
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reading", total=total)

        def step() -> None:
            left = sum(feed.source.behind() for feed in sequencer.feeds)
            bar.update(task, completed=max(total - left, 0))

        yield step


def _sizes(sequencer: Sequencer) -> int:
    for feed in sequencer.feeds:
        feed.source.poll()
    return sum(feed.source.behind() for feed in sequencer.feeds)


# ------------------------------------------------------------------------------------------------------------------- exports


def _shown(text: str, reveal: bool) -> str:
    return text if reveal else masked(text)


def delivery_row(delivery: Delivery, reveal: bool) -> dict[str, Any]:
    """One delivery as exported: the names stay, whatever is added."""
    row: dict[str, Any] = msgspec.to_builtins(delivery)
    row["sender"], row["receiver"] = _shown(delivery.sender, reveal), _shown(delivery.receiver, reveal)
    return row


def attempt_row(attempt: Attempt, reveal: bool) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(attempt)
    row["subscriber"] = _shown(attempt.subscriber, reveal)
    return row


def finding_row(finding: Finding, reveal: bool) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(finding)
    row["subject"] = _shown(finding.subject, reveal) if finding.subject_kind == "subscriber" else finding.subject
    return row


def forward_row(issued: Issued, reveal: bool) -> dict[str, Any]:
    forward = issued.forward
    row: dict[str, Any] = msgspec.to_builtins(forward)
    row["key"] = forward.key.hex()
    row["parent"] = forward.parent.hex() if forward.parent else None
    row["sender"], row["receiver"] = _shown(forward.sender, reveal), _shown(forward.receiver, reveal)
    row["serial"] = issued.serial if reveal else ("*" * max(len(issued.serial) - 2, 0) + issued.serial[-2:])
    return row


def export(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    """One JSON object a line; the number of lines. Raises ConfigError when the file cannot be written."""
    count = 0
    try:
        with path.open("wb") as file:
            for row in rows:
                file.write(_encode(row) + b"\n")
                count += 1
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
    return count


# -------------------------------------------------------------------------------------------------------------------- figures


def figures(done: Replayed) -> dict[str, Any]:
    """The report as values: what `--json` prints and the tables are made of."""
    store, progress = done.store, done.sequencer.progress
    kpi = store.kpi(0, 1 << 31)
    said = made(store.figures(0, 1 << 31).get("", Figures()))
    book = config.load_codes(done.settings.codes)
    findings: Counter[str] = Counter()
    for finding in store.all_findings():
        findings[finding.cause if not finding.cleared else f"{finding.cause} (cleared)"] += 1
    attempts: Counter[str] = Counter(attempt.verdict for attempt in store.all_attempts() if attempt.verdict)
    cities: Counter[str] = Counter()
    for issued in store.all_forwards():
        if issued.forward.counted:
            cities[issued.forward.city or "unknown"] += 1
    return {
        "feeds": {
            feed.name: {
                "lines": progress.lines[feed.name],
                "rows": progress.records[feed.name],
                "octets": progress.octets[feed.name],
                "rejects": {reason: n for (name, reason), n in sorted(progress.rejects.items()) if name == feed.name},
                "notes": {what: n for (name, what), n in sorted(progress.notes.items()) if name == feed.name},
            }
            for feed in done.sequencer.feeds
        },
        "lines": progress.lines.total(),
        "rejects": sum(progress.rejects.values()),
        "deliveries": {name: n for name, n in sorted(kpi.outcomes.items()) if n},
        "end_to_end": None if said.end_to_end.value is None else round(said.end_to_end.value, 4),
        "open_share": round(said.open_share or 0.0, 4),
        "kpi": msgspec.to_builtins(said),
        "causes": {name: n for name, n in sorted(kpi.causes.items(), key=lambda pair: (-pair[1], pair[0])) if n},
        "nodes": {node: {name: n for name, n in sorted(outcomes.items()) if n} for node, outcomes in sorted(kpi.nodes.items())},
        "attempts": dict(sorted(attempts.items())),
        "findings": dict(sorted(findings.items())),
        "forwards": dict(sorted(cities.items())),
        "serials": store.serials_total(),
        "audits": [f"{audit.feed}: {audit.path and f'{audit.path}: '}{audit.detail}" for audit in reversed(store.audits(AUDITS))],
        "unknown_codes": [unknown_row(book, code) for code in store.unknown_codes()],
        "notes": done.notes,
    }
