"""`python -m sim generate|live|score`: a simulated province, its logs and its truth; `python -m sim centre`: an SMS centre."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Literal

import click

from mmsd.errors import ConfigError
from sim.air import Air
from sim.centre import command
from sim.pace import generate, live
from sim.scenario import Scenario, load
from sim.score import report, score_files

_OUT = click.Path(file_okay=False, path_type=Path)
_LEFT = frozenset(
    {
        "truth.jsonl",
        "subscribers.jsonl",
        "complaints.jsonl",
        "lost.jsonl",
        "totals.json",
        "feeds.json",
        "cities.csv",
        "handsets.csv",
        "tac.csv",
    }
    | {"owners.jsonl", "taken.jsonl", "centre.json"}
)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def main() -> None:
    """A province that does not exist: subscribers, nodes, logs in the nodes' true formats, and the truth in a file."""


@main.command("generate")
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--out", type=_OUT, required=True, help="folder for logs, truth.jsonl, totals.json, feeds.json")
@click.option("--messages", type=click.IntRange(min=1), help="subscriber to subscriber, instead of the scenario's")
@click.option("--seed", type=int, help="instead of the scenario's")
@click.option("--again", is_flag=True, help="remove what an earlier run left in the folder")
def generate_command(scenario: Path, out: Path, messages: int | None, seed: int | None, *, again: bool) -> None:
    """Whole log files, as fast as the machine can. SCENARIO is a file, or the name of a shipped one: small, demo, hour, table …"""
    _clear(out, again=again)
    began = time.monotonic()

    def progress(deliveries: int, lines: int) -> None:
        print(f"\r{deliveries:,} deliveries, {lines:,} lines", end="", file=sys.stderr, flush=True)

    province = generate(_load(scenario), out, messages=messages, seed=seed, progress=progress if sys.stderr.isatty() else None)
    lines = sum(file.lines for file in province.feeds.values())
    spent = time.monotonic() - began
    totals = province.truth.totals
    print(f"{totals['deliveries']:,} deliveries, {totals['forwards']:,} forwards, {lines:,} lines in {spent:.1f} s")


@main.command("live")
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--out", type=_OUT, required=True, help="folder for logs, truth.jsonl, totals.json, feeds.json")
@click.option("--duration", type=float, default=60.0, show_default=True, help="seconds; 0 = until stopped")
@click.option("--seed", type=int, help="instead of the scenario's")
@click.option("--again", is_flag=True, help="remove what an earlier run left in the folder")
@click.option("--account", metavar="NAME:PASSWORD:NUMBER", help="an SMS centre beside it, for this account; subscribers answer to NUMBER")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="of the centre; 0 = any free one, told in centre.json")
def live_command(scenario: Path, out: Path, duration: float, seed: int | None, *, again: bool, account: str | None, port: int) -> None:
    """Logs that grow and rotate by the wall clock, until the duration is over or a SIGTERM or SIGINT comes."""
    _clear(out, again=again)
    stop: list[int] = []

    def stopping(number: int, _frame: object) -> None:
        stop.append(number)

    signal.signal(signal.SIGTERM, stopping)
    signal.signal(signal.SIGINT, stopping)
    read = _load(scenario)
    with contextlib.ExitStack() as stack:
        begun = None
        if account is not None:
            out.mkdir(parents=True, exist_ok=True)
            begun = functools.partial(stack.enter_context(_air(account, port, out)).inhabit, habits=read.owners)
        province = live(
            read, out, duration, wall=_wall, pause=time.sleep, stopped=lambda: bool(stop), seed=seed, begun=begun,
        )  # fmt: skip
    totals = province.truth.totals
    print(f"{totals['deliveries']:,} deliveries, {totals['forwards']:,} forwards, {len(province.open)} left open")


@main.command("score")
@click.option("--truth", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="folder of the simulator's run")
@click.option("--deliveries", type=_FILE, required=True, help="of `mmsd replay --deliveries … --reveal`")
@click.option("--forwards", type=_FILE, required=True, help="of `mmsd replay --forwards … --reveal`")
def score_command(truth: Path, deliveries: Path, forwards: Path) -> None:
    """Compares an export with the truth; exit 1 on any difference in outcomes, forwards or serials."""
    result = score_files(truth, deliveries, forwards)
    print(report(result))
    sys.exit(1 if result.differences else 0)


@main.command("centre")
@click.option("--settings", "file", type=_FILE, help="TOML: accounts, ids, receipts, handsets, faults; the options below count before it")
@click.option("--protocol", type=click.Choice(["smpp", "cmpp"]), help="SMPP 3.4, or CMPP up to 3.0  [default: smpp]")
@click.option("--port", type=click.IntRange(0, 65535), help="0 = any free one  [default: 2775, CMPP 7890]")
@click.option("--account", "accounts", multiple=True, metavar="NAME:PASSWORD[:NUMBER]", help="instead of the settings'; may be repeated")
@click.option("--ledger", type=click.Path(dir_okay=False, path_type=Path), help="what was taken, a line of JSON each, appended")
@click.option("--capture", type=click.Path(dir_okay=False, path_type=Path), help="the conversation as a pcap file")
@click.option("--control", type=click.IntRange(0, 65535), help="port of the HTTP control; 0 = any free one")
def centre_command(
    file: Path | None,
    protocol: Literal["smpp", "cmpp"] | None,
    port: int | None,
    accounts: tuple[str, ...],
    ledger: Path | None,
    capture: Path | None,
    control: int | None,
) -> None:
    """An SMS centre on loopback, until a SIGTERM or SIGINT comes. Prints where it listens."""
    try:
        settings = command.settings(file, protocol, port, accounts)
        asyncio.run(command.run(settings, wall=lambda: time.time_ns() // 1000, ledger=ledger, capture=capture, control=control))
    except (ConfigError, OSError) as error:  # a port that is taken, a folder that is not there
        print(error, file=sys.stderr)
        sys.exit(78)


def _wall() -> int:
    return time.time_ns() // 1000


def _air(account: str, port: int, out: Path) -> Air:
    """The centre of a live run; its ledger and port stand in the run's folder."""
    try:
        settings = command.settings(None, "smpp", port, (account,))
        if not settings.accounts[0].numbers:
            raise ConfigError("--account: expected NAME:PASSWORD:NUMBER, for subscribers answer to a number")
        return Air(settings, wall=_wall, ledger=out / "taken.jsonl", told=out / "centre.json")
    except ConfigError as error:
        print(error, file=sys.stderr)
        sys.exit(78)


def _load(path: Path) -> Scenario:
    try:
        return load(path)
    except ConfigError as error:
        print(error, file=sys.stderr)
        sys.exit(78)


def _clear(out: Path, *, again: bool) -> None:
    """A second run into one folder would mix two truths: refused, or (`again`) the first one's files are removed."""
    if not (out / "truth.jsonl").exists():
        return
    if not again:
        print(f"{out}: holds an earlier run; give an empty folder, or --again to remove it", file=sys.stderr)
        sys.exit(78)
    for path in out.iterdir():
        if path.name in _LEFT:
            path.unlink()
        elif path.name in {"kannel", "squid", "radius", "sgsn"} or path.name.startswith("mmsc"):
            shutil.rmtree(path)


if __name__ == "__main__":
    main()
