"""`python -m bench.jiangsu`: the torch relay of Jiangsu, from the logs of its nodes to serials, beside the truth.

`sim.relay` writes the logs, once, and they are kept; the daemon reads them as a backlog, alone in a process, with everything that it does
beside (State, spilled dossiers, closing of days, the outbox in shadow); what it counted is held against every forward that was drawn.
Ends with 1 when a count is not the truth, and at full size when the daemon takes longer or more than it may.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from bench import measure, province, torch
from bench.pipeline import world
from mmsd import app, config
from mmsd.cli import prepare_memory
from mmsd.model import HOUR
from mmsd.store import campaign_counts
from mmsd.store.keys import Keys
from mmsd.store.sqlite import DATABASE
from sim.relay import pdus
from sim.relay.people import METHODS
from sim.relay.plan import DAYS
from sim.relay.plan import relay as drawn
from sim.relay.write import write

SEED: Final = 20_080_324
MOST_SECONDS: Final = 15 * 60
MOST_MIB: Final = 1024
"""Of the daemon at full size, on two cores."""

CAMPAIGN: Final = "relay"
TORCH: Final = "torch"
REAL: Final = 0.001
"""Share of the submits at full size that are real messages; of a smaller one as many, but for MOST_REAL."""
MOST_REAL: Final = 0.02

SETTINGS: Final = """
[state]
directory = "{state}"
[web]
port = 0
[operator]
mmsc = ["mms.jiangsu.example"]
mms_apns = ["cmwap"]
[campaigns]
directory = "campaigns"
[cities]
file = "{logs}/cities.csv"
[feeds.mmsc]
dialect = "mbuni"
paths = ["{logs}/mmsc/access.log"]
[feeds.sms]
dialect = "kannel-sms"
paths = ["{logs}/kannel/bearerbox-access.log"]
[feeds.gateway]
dialect = "http"
paths = ["{logs}/squid/access-mms.log"]
options = {{ format = "mms" }}
[feeds.recognised]
dialect = "columns"
role = "copies"
paths = ["{logs}/copies/recognised.log"]
[feeds.recognised.options]
separator = "|"
fields = ["time", "sender", "receivers", "octets", "transaction", "seed", "how", "score"]
set = {{ kind = "COPY" }}
[feeds.recognised.options.map]
at = {{ from = "time", format = "%s.%f" }}
sender = "sender"
receiver = {{ from = "receivers", as = "addresses" }}
size = "octets"
transaction = "transaction"
tag = "seed"
latency = "score"
[feeds.recognised.options.map.status]
from = "how"
values = {{ exact = 1, mark = 2, registered = 3, probable = 4, nothing = 0 }}
[copies.folders.spool]
path = "{taps}/spool"
[copies.folders.proxy]
path = "{taps}/proxy"
"""

RELAY: Final = """
id = "relay"
name = "火炬传递"
starts = "2008-05-01"
ends = "2008-06-30"
senders = ["10658366"]
seeds = [{ id = "torch", tags = ["HJ01"] }]
"""
"""No log of these nodes holds the tag: what counts was seen in copies."""


# ------------------------------------------------------------------------------------------------------------------ generation


def logs(scale: float, days: int = DAYS, seed: int = SEED, subscribers: int = 0, real: float | None = None) -> Path:
    """The relay's logs, its real messages and the truth, made when they are not there. `real`: the share of them."""
    real = min(REAL / scale, MOST_REAL) if real is None else real
    path = province.cache() / f"relay-{scale:g}-{days}-{subscribers}-{seed}-{real:g}"
    if not path.exists():
        part = path.with_name(f"{path.name}.{os.getpid()}")
        begun = time.perf_counter()
        try:
            part.mkdir(parents=True)
            pictures = torch.drawn(part, CAMPAIGN, TORCH, seed)
            write(drawn(scale, seed, days=days, subscribers=subscribers, real=real), part, pictures)
            (part / "seconds").write_text(f"{time.perf_counter() - begun:.1f}")
            try:
                part.replace(path)
            except OSError:
                if not path.exists():  # else another process made the same meanwhile
                    raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return path


# ---------------------------------------------------------------------------------------------------------------------- daemon


@contextlib.contextmanager
def house(made: Path) -> Iterator[Path]:
    """A folder with the configuration of a daemon that has read nothing and knows the seed, and what taps left; gone afterwards."""
    with measure.folder() as folder:
        (folder / "campaigns").mkdir()
        (folder / "campaigns/relay.toml").write_text(RELAY)
        shutil.copytree(made / "taps", folder / "taps", copy_function=os.link)
        (folder / "mmsd.toml").write_text(SETTINGS.format(state=folder / "state", logs=made, taps=folder / "taps"))
        torch.register(made, config.load(folder / "mmsd.toml"))
        yield folder


def run(folder: Path, end: int) -> measure.Facts:
    """The daemon over the whole backlog, in a process of its own; what it took."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.jiangsu", "daemon", str(folder / "mmsd.toml"), str(end)],
        env=os.environ | measure.SINGLE, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    facts: measure.Facts = json.loads(done.stdout.splitlines()[-1])
    return facts


def serve(settings: config.Settings, end: int) -> measure.Facts:
    """The daemon until it has read and judged everything that was written by `end` (µs UTC), and its outbox has been looked through."""
    clock = measure.Clock()
    daemon = app.Daemon(settings, world(end))

    async def whole() -> None:
        task = asyncio.create_task(daemon.run(lambda base, site: None))
        ticks = 1 << 62  # by which what was seen in the last copy has taken effect
        while not task.done() and not (daemon.sequencer.heard.ticks >= ticks and over(daemon, end)):  # looked at from outside
            await asyncio.sleep(0.5)
            if ticks == 1 << 62 and not any(any(each.path.glob("*.mms")) for each in settings.copies.folders.values()):
                ticks = daemon.sequencer.heard.ticks + 2
        daemon.stop()
        await task

    try:
        asyncio.run(whole())
    finally:
        daemon.close()
    progress = daemon.sequencer.progress
    if progress.trouble or progress.rejects:
        raise SystemExit(f"not all was read: {progress.trouble or dict(progress.rejects)}")
    return clock.facts() | {
        "lines": progress.lines.total() - progress.lines[app.COPIES],
        "octets": progress.octets.total(),
        "batches": progress.batches,
        "stored": sum(path.stat().st_size for path in settings.state.directory.iterdir()),
        "peak_mib": measure.peak_mib(),
    }


def over(daemon: app.Daemon, end: int) -> bool:
    """Whether there is nothing more to do: no line, no delivery that may still earn something, nothing that could leave."""
    health = daemon.health()
    if health.horizon < end - HOUR or any(feed.behind for feed in health.feeds):
        return False
    with contextlib.closing(sqlite3.connect(f"file:{daemon.store.directory / DATABASE}?mode=ro", uri=True)) as connection:
        return not connection.execute("SELECT EXISTS (SELECT 1 FROM outbox WHERE state = 'ready')").fetchone()[0]


# ----------------------------------------------------------------------------------------------------------------------- truth


@dataclass(slots=True)
class Checked:
    """What was counted, and in how many ways it is not what is true."""

    forwards: int = 0
    serials: int = 0
    resent: int = 0  # forwards whose submit went out twice: one each
    copies: Counter[str] = field(default_factory=Counter)  # what mmsd saw in real messages
    proven: int = 0  # forwards that a real message alone tells of
    others: int = 0  # that do not count: to the sender himself
    wrong: list[str] = field(default_factory=list)

    def differ(self, what: str, said: Counter[Any], true: Counter[Any]) -> None:
        """Notes what is said and not true, or true and not said."""
        for name, sign, found in (("too many", "+", said - true), ("missing", "-", true - said)):
            if found:
                some = ", ".join(f"{sign}{n} {key}" for key, n in found.most_common(3))
                self.wrong.append(f"{what}: {found.total()} {name}, such as {some}")


def check(state: Path, made: Path) -> Checked:
    """Every forward by sender, receiver, day, city and method; counts by day and city as they are shown; serials and their SMS."""
    checked = Checked()
    real = {row.message: row for row in pdus.read(made / "real.csv")}
    true, days, others, resent = _truth(made / "truth.csv", real)
    keys = Keys.load(state / "state.key", os.urandom)
    with contextlib.closing(sqlite3.connect(f"file:{state / DATABASE}?mode=ro", uri=True)) as connection:

        def one(statement: str) -> int:
            return int(connection.execute(statement).fetchone()[0])

        names = {identity: keys.open_number(sealed) for identity, sealed in connection.execute("SELECT id, sealed FROM subscriber")}
        said: Counter[tuple[str, ...]] = Counter()
        rows = connection.execute("SELECT message, sender, receiver, day, city, method, counted FROM forward")
        for message, sender, receiver, day, city, method, counted in rows:
            if message in real:
                if real[message].must == pdus.EXACT != method:
                    checked.wrong.append(f"a picture that nobody altered was recognised by {method}")
                method, checked.proven = REALLY, checked.proven + 1
            said[names[sender], names[receiver], day, city, method, counted] += 1
        checked.differ("forwards", said, true)
        checked.differ("days and cities, counted one by one", _by_place(said), days)
        shown = Counter(
            {(day, city): n for day, city, n in connection.execute("SELECT day, city, counted FROM campaign_day WHERE counted")}
        )
        checked.differ("days and cities, as they are shown", shown, days)
        for roll_up, row in campaign_counts.differences(connection, CAMPAIGN):
            checked.wrong.append(f"roll-up {roll_up}: {row}")
        looked = Counter[tuple[str, str]]()
        for tap, what, n in connection.execute("SELECT tap, what, n FROM copy_count WHERE tap IN ('proxy', 'spool')"):
            looked[tap, pdus.ALTERED if what in RECOGNISED else pdus.NOTHING if what in STRANGE else what] += n
            checked.copies[what] += n
        due = Counter((row.tap, pdus.NOTHING if row.must == pdus.NOTHING else pdus.ALTERED) for row in real.values())
        checked.differ("copies that taps left", looked, due)
        if waiting := one("SELECT count(*) FROM copy_held"):
            checked.wrong.append(f"recognised, and no line of the MMSC's is theirs: {waiting}")
        checked.forwards, checked.resent = one("SELECT count(*) FROM forward WHERE counted"), resent
        checked.others = one("SELECT count(*) FROM forward WHERE NOT counted")
        checked.serials = one("SELECT count(*) FROM serial")
        for what, statement in SAME.items():
            if (n := one(statement)) != days.total():
                checked.wrong.append(f"{what}: {n}, {days.total()} are right")
        if checked.others != others:
            checked.wrong.append(f"forwards that do not count: {checked.others}, {others} are right")
    return checked


REALLY: Final = "in a real message"
"""How a forward was recognised that a real message alone tells of: by its octets, by its mark, or laid straight."""
RECOGNISED: Final = frozenset(METHODS)
STRANGE: Final = frozenset({"none", "probable", "unopened"})
"""What copies of messages are counted as that hold no seed."""
SAME: Final = {
    "serials": "SELECT count(*) FROM serial",
    "forwards with a serial": "SELECT count(DISTINCT s.forward) FROM serial s JOIN forward f ON f.key = s.forward WHERE f.counted",
    "numbers of serials": "SELECT count(DISTINCT lookup) FROM serial",
    "SMS with a serial": "SELECT count(*) FROM outbox WHERE purpose = 'serial'",
    "people and messages": "SELECT count(*) FROM (SELECT DISTINCT message, sender, receiver FROM forward WHERE counted)",
}
"""What there is one of for each forward that counts."""


def _truth(path: Path, real: Collection[str] = ()) -> tuple[Counter[tuple[Any, ...]], Counter[tuple[str, str]], int, int]:
    """Forwards, those that count by day and city, how many do not, how many went out twice."""
    forwards: Counter[tuple[Any, ...]] = Counter()
    resent = 0
    with path.open(encoding="ascii", newline="") as file:
        for message, sender, receiver, _, _, day, city, method, twice, counted in csv.reader(_behind_head(file)):
            forwards[sender, receiver, day, city, REALLY if message in real else method, int(counted)] += 1
            resent += twice == "1" and counted == "1"
    days = _by_place(forwards)
    return forwards, days, forwards.total() - days.total(), resent


def _behind_head(lines: Iterator[str]) -> Iterator[str]:
    next(lines)
    return lines


def _by_place(forwards: Counter[tuple[Any, ...]]) -> Counter[tuple[str, str]]:
    days: Counter[tuple[str, str]] = Counter()
    for (_, _, day, city, _, counted), n in forwards.items():
        if counted:
            days[day, city] += n
    return days


# --------------------------------------------------------------------------------------------------------------------- command


def report(made: Path, facts: measure.Facts, checked: Checked) -> list[tuple[str, str]]:
    """What is printed, in words and figures."""
    totals = json.loads((made / "totals.json").read_bytes())
    n = totals["forwards"]
    return [
        ("people who send it on", f"{totals['participants']:,}"),
        ("forwards", f"{checked.forwards:,} of {n:,}"),
        ("… of which went out twice", f"{checked.resent:,}"),
        ("serials", f"{checked.serials:,}"),
        ("forwards that do not count", f"{checked.others:,}"),
        ("… that a copy of a real message alone tells of", f"{checked.proven:,}"),
        ("copies of real messages", ", ".join(f"{n:,} {what}" for what, n in checked.copies.most_common())),
        ("lines of logs", f"{facts['lines']:,}, {facts['octets'] / 1e9:.2f} GB"),
        ("generation", f"{float((made / 'seconds').read_text()):.1f} s"),
        ("daemon", f"{facts['seconds']:.1f} s, {facts['cpu']:.1f} s of CPU, {facts['peak_mib']} MiB at most"),
        ("… of a forward, and all that goes with it", f"{facts['cpu'] / n * 1e3:.3f} ms of CPU"),
        ("… lines a second", f"{facts['lines'] / facts['seconds']:,.0f}"),
        ("… commits", f"{facts['batches']:,}, {facts['stored'] / 1e9:.2f} GB stored"),
    ]


@click.group(invoke_without_command=True)
@click.option("--scale", default=1.0, show_default=True, help="A hundredth is 0.01.")
@click.option("--days", default=DAYS, show_default=True, help="Fewer days are denser ones.")
@click.option("--seed", default=SEED, show_default=True)
@click.option("--real", type=float, help="Share of messages that exist as PDUs, left by taps. [0.001 of all, more of a smaller relay]")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the figures here, too.")
@click.pass_context
def main(context: click.Context, scale: float, days: int, seed: int, real: float | None, target: Path | None) -> None:
    """The torch relay at SCALE, counted by the daemon and held against its truth."""
    if context.invoked_subcommand is not None:
        return
    console = Console(width=None if Console().is_terminal else 140)
    with console.status("the relay is drawn and its logs are written"):
        made = logs(scale, days, seed, real=real)
    with house(made) as folder:
        with console.status("the daemon reads"):
            facts = run(folder, json.loads((made / "totals.json").read_bytes())["end"])
        with console.status("every forward is held against the truth"):
            checked = check(folder / "state", made)
    table = Table(title=f"the relay, {scale:g} of its size in {days} days", title_justify="left", show_header=False)
    for row in report(made, facts, checked):
        table.add_row(*row)
    console.print(table)
    wrong = list(checked.wrong)
    if scale >= 1 and facts["seconds"] > MOST_SECONDS:
        wrong.append(f"the daemon took {facts['seconds']:.0f} s, {MOST_SECONDS} s are the most")
    if scale >= 1 and facts["peak_mib"] > MOST_MIB:
        wrong.append(f"the daemon took {facts['peak_mib']} MiB, {MOST_MIB} MiB are the most")
    for each in wrong:
        console.print(f"  WRONG: {each}", soft_wrap=True)
    console.print("" if wrong else "  Counts by day and city are the truth, every forward has its serial, none has two.")
    if target is not None:
        target.write_text(json.dumps({"scale": scale, "days": days, "seed": seed, **facts, "wrong": wrong}, indent=1) + "\n")
    sys.exit(1 if wrong else 0)


@main.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("end", type=int)
def daemon(path: Path, end: int) -> None:
    """The daemon of the configuration PATH at the time END, µs UTC; prints JSON."""
    prepare_memory()
    measure.tell(serve(config.load(path), end))


if __name__ == "__main__":
    main()
