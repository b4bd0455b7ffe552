"""`python -m sim.run`: the demo province by the wall clock, the daemon beside it, and at the end both sides' figures next to each other.

The daemon is asked over HTTP and by nothing else. Killed from outside it is started again, and must come to the same figures.
"""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sim.scenario import load

ROOT: Final = Path(__file__).resolve().parent.parent
_CATCH_UP: Final = 45.0  # seconds the daemon has, after the last line was written
_STARTS: Final = 5
_SCENARIO: Final = "demo"
_SHORT_CODE: Final = "106587999"  # subscribers answer to it
_SUBMITTING: Final = 6.0  # seconds in which messages must be sent for a run to show anything

Figures = dict[str, Any]
"""The daemon's `/api/v1/totals`, or the simulator's `totals.json`; empty while there is none."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its truth."""

    name: str
    found: int
    true: int


def compare(daemon: Mapping[str, Any], truth: Mapping[str, Any]) -> list[Row]:
    """Lines, outcomes, causes of the failed, forwards by city, serials: the daemon's and the simulator's."""
    feeds = truth.get("feeds", {})
    outcomes, true_outcomes = daemon.get("outcomes", {}), truth.get("outcomes", {})
    causes = {share["name"]: share["n"] for share in daemon.get("causes", ())}
    true_causes = truth.get("causes", {}).get("failed", {})
    cities = {share["name"]: share["n"] for share in daemon.get("cities", ())}
    true_cities = truth.get("forwards_by_city", {})
    rows = [Row("lines read", daemon.get("lines", 0), sum(feed["records"] for feed in feeds.values()))]
    rows += [Row(name, outcomes.get(name, 0), true_outcomes.get(name, 0)) for name in ("delivered", "failed")]
    rows += [
        Row(f"  {name}", causes.get(name, 0), true_causes.get(name, 0))
        for name in sorted({*causes, *true_causes}, key=lambda name: (-true_causes.get(name, 0), name))
    ]
    rows.append(Row("forwards", daemon.get("forwards", 0), truth.get("forwards", 0)))
    rows += [Row(f"  {name or '?'}", cities.get(name, 0), true_cities.get(name, 0)) for name in sorted({*cities, *true_cities})]
    rows.append(Row("serials", daemon.get("serials", 0), truth.get("serials", 0)))
    return rows


def table(rows: list[Row], *, so_far: bool = False) -> Table:
    """`so_far`: while both go on. The simulator's totals are written later than its log lines, so a difference says nothing yet."""
    made = Table("", "mmsd", "truth so far" if so_far else "truth", box=None, pad_edge=False)
    for column in made.columns[1:]:
        column.justify = "right"
    for row in rows:
        style = "" if so_far or row.found == row.true else "yellow"
        made.add_row(row.name, f"{row.found:,}", f"{row.true:,}", style=style)
    return made


def care(truth: Mapping[str, Any]) -> str:
    """What owners of handsets with wrong settings saw of the daemon, in a line; "" while it is nothing.

    >>> care({"owners": {"asked": 5, "yes": 4, "request": 0, "pushed": 4, "mended": 3}})
    'care: 5 asked, 4 said yes, 0 wrote by themselves, 4 got settings, 3 have a handset that works now'
    """
    owners = truth.get("owners", {})
    if not owners.get("asked") and not owners.get("request"):
        return ""
    words = {"asked": "asked", "yes": "said yes", "request": "wrote by themselves", "pushed": "got settings"}
    said = ", ".join(f"{owners[name]} {word}" for name, word in words.items())
    return f"care: {said}, {owners['mended']} have a handset that works now"


def progress(rows: list[Row]) -> str:
    """One line for both sides while they go on; either may be ahead of the other's last figures.

    >>> progress([Row("failed", 3, 2), Row("  NO_PUSH", 3, 2), Row("serials", 1, 1)])
    'mmsd / truth so far: failed 3 / 2, serials 1 / 1'
    """
    heads = (f"{row.name} {row.found:,} / {row.true:,}" for row in rows if not row.name.startswith(" "))
    return f"mmsd / truth so far: {', '.join(heads)}"


@dataclass(slots=True)
class Pair:
    """The two processes. Children are ended by their ids, the simulator first, so that the truth is complete before the daemon stops."""

    out: Path
    duration: float
    seed: int | None
    simulator: subprocess.Popen[bytes] | None = None
    daemon: subprocess.Popen[bytes] | None = None
    starts: int = 0
    stopping: list[int] = field(default_factory=list)

    def start(self) -> None:
        command = [sys.executable, "-m", "sim", "live", _SCENARIO, "--out", str(self.out), "--duration", str(self.duration)]
        if self.seed is not None:
            command += ["--seed", str(self.seed)]
        password = secrets.token_hex(4)  # SMPP has room for eight
        command += ["--account", f"mmsd:{password}:{_SHORT_CODE}"]
        # A session of its own: Ctrl-C reaches this process alone, which ends the others in order.
        with (self.out / "sim.log").open("ab") as log:
            self.simulator = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        while not (self.out / "feeds.json").exists():
            if self.simulator.poll() is not None:
                raise click.ClickException(f"the simulator did not start: {(self.out / 'sim.log').read_text()[-500:]}")
            time.sleep(0.05)
        centre = self.out / "centre.password"
        centre.touch(mode=0o600)
        centre.write_text(password)
        port = json.loads((self.out / "centre.json").read_text())["port"]
        settings = (ROOT / "config/demo.toml").read_text("utf-8")
        (self.out / "mmsd.toml").write_text(settings.replace("port = 2775", f"port = {port}"), "utf-8")
        shutil.copytree(ROOT / "config/operators", self.out / "operators")
        shutil.copytree(ROOT / "config/campaigns", self.out / "campaigns")
        self.start_daemon()

    def start_daemon(self) -> None:
        self.starts += 1
        (self.out / "ready").unlink(missing_ok=True)
        command = [sys.executable, "-m", "mmsd", "run", str(self.out / "mmsd.toml"), "--ready-file", str(self.out / "ready")]
        with (self.out / "mmsd.log").open("ab") as log:
            self.daemon = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)

    def tend(self) -> str:
        """Starts the daemon again when a signal ended it; what the reader should know, or nothing. ClickException when it failed."""
        assert self.daemon is not None
        code = self.daemon.poll()
        if code is None:
            return ""
        if code >= 0 or self.starts >= _STARTS:
            raise click.ClickException(f"the daemon ended with {code}; its log: {self.out / 'mmsd.log'}")
        self.start_daemon()
        return f"the daemon was ended by signal {-code} and is started again"

    def running(self) -> bool:
        return self.simulator is not None and self.simulator.poll() is None

    def end(self) -> None:
        for process in (self.simulator, self.daemon):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    # -------------------------------------------------------------------------------------------------------------- figures

    def page(self) -> str:
        """The address that signs one browser in; "" until the page is served."""
        ready = self.out / "ready"
        return ready.read_text().splitlines()[1] if ready.exists() else ""

    def found(self) -> Figures:
        """What the daemon says now; nothing while it does not answer."""
        ready, token = self.out / "ready", self.out / "state/tokens.plain"
        if not (ready.exists() and token.exists()):
            return {}
        base = ready.read_text().splitlines()[0].rstrip("/")
        headers = {"Authorization": f"Bearer {token.read_text().split()[-1]}"}
        request = urllib.request.Request(f"{base}/api/v1/totals", headers=headers)  # noqa: S310  # http on loopback
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  # as above
                figures: Figures = json.load(answer)
                return figures
        except OSError:
            return {}

    def truth(self) -> Figures:
        path = self.out / "totals.json"
        figures: Figures = json.loads(path.read_text()) if path.exists() else {}
        return figures


@click.command()
@click.option("--duration", type=float, default=0.0, help="seconds, 35 or more in this scenario; 0 = until Ctrl-C")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("run/demo"), show_default=True)
@click.option("--seed", type=int, help="another province")
def main(duration: float, out: Path, seed: int | None) -> None:
    """A simulated province and the daemon beside it. Exit 1 when their figures differ at the end of a whole run."""
    drain = load(Path(_SCENARIO)).run.drain
    if 0 < duration < drain + _SUBMITTING:
        raise click.BadParameter(f"messages take {drain:.0f} s to end, so give at least {drain + _SUBMITTING:.0f}", param_hint="--duration")
    if out.exists() and any(out.iterdir()) and not (out / "feeds.json").exists():
        raise click.ClickException(f"{out} holds something else; give another folder with --out")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    pair = Pair(out.resolve(), duration, seed)

    def stop(number: int, _frame: FrameType | None) -> None:
        pair.stopping.append(number)
        if len(pair.stopping) > 1:
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    console = Console()
    try:
        pair.start()
        _follow(pair, console)
        sys.exit(_settle(pair, console))
    finally:
        pair.end()


def _follow(pair: Pair, console: Console) -> None:
    """Shows both sides each second until the simulator has ended, or is asked to."""
    shown, began, told = "", time.monotonic(), 0.0
    with Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else _Plain() as live:
        while pair.running() and not pair.stopping:
            news = pair.tend()
            if news:
                console.print(f"mmsd: {news}")
            page = pair.page()
            if page and page != shown:
                console.print(f"mmsd: live page {page}", soft_wrap=True)
                shown = page
            spent = time.monotonic() - began
            rows = compare(pair.found(), pair.truth())
            if isinstance(live, Live):
                limit = f" of {pair.duration:.0f}" if pair.duration else "; Ctrl-C ends it"
                live.update(Group(Text(f"{spent:.0f} s{limit}"), table(rows, so_far=True)), refresh=True)
            elif spent - told >= 10:
                told = spent
                console.print(f"{spent:4.0f} s  {progress(rows)}", soft_wrap=True)
            time.sleep(0.25)
    if pair.simulator is not None and pair.running():
        pair.simulator.send_signal(signal.SIGTERM)
        pair.simulator.wait(20)


def _settle(pair: Pair, console: Console) -> int:
    """Lets the daemon read to the end, then prints the summary: 0, or 1 when a whole run ends in other figures than the truth."""
    truth = pair.truth()
    whole = truth.get("state") == "finished"
    deadline = time.monotonic() + _CATCH_UP
    while True:
        pair.tend()
        rows = compare(pair.found(), truth)
        wrong = [row for row in rows if row.found != row.true]
        if not wrong or time.monotonic() > deadline or (not whole and rows[0].found == rows[0].true) or len(pair.stopping) > 1:
            break
        time.sleep(0.25)
    console.print(table(rows))
    if cared := care(truth):
        console.print(cared, soft_wrap=True)
    if not whole:
        console.print(f"ended early: {truth.get('open', 0)} deliveries are still under way")
        return 0
    console.print("both agree" if not wrong else f"they differ in {', '.join(row.name.strip() for row in wrong)}")
    return int(bool(wrong))


class _Plain:
    """Where there is no terminal nothing is redrawn."""

    def __enter__(self) -> _Plain:
        return self

    def __exit__(self, *_: object) -> None:
        return None


if __name__ == "__main__":
    main()
