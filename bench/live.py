"""The daemon as it runs: how soon a written line is committed and visible, what a province's lines cost, what waiting costs.

`mmsd run` has the last core to itself; whoever writes the logs and looks at the store has the others.
"""

from __future__ import annotations

import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import numpy as np

from bench import measure, province
from bench.scan import Report
from mmsd.store.keys import Keys
from mmsd.store.read import Reader

PROBES: Final = 200
IDLE_SECONDS: Final = 30.0
LOAD_SECONDS: Final = 20.0
SETTLE_SECONDS: Final = 5.0
LINES: Final = 58_000
"""A second, of which BROWSING are none of MMS's business."""
BROWSING: Final = 0.95
SLICES: Final = 20
"""Writes a second to each log."""
RESIDENTS: Final = 50_000
"""Numbers that browse."""

CHINA: Final = timezone(timedelta(hours=8))

CONFIG: Final = """
[state]
directory = "{folder}/state"
[web]
port = 0
[operator]
mmsc = ["mms.hexi.example"]
[feeds.mmsc]
dialect = "mbuni"
paths = ["{folder}/mmsc.log"]
[feeds.proxy]
dialect = "http"
paths = ["{folder}/proxy.log"]
options = {{ format = "{format}" }}
"""


class Running:
    """A daemon with its folder, two logs and a reader of its store."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.process = process
        self.mmsc = (folder / "mmsc.log").open("ab", buffering=0)
        self.proxy = (folder / "proxy.log").open("ab", buffering=0)
        keys = Keys.load(folder / "state/state.key", random.randbytes)
        self.store = Reader(folder / "state/mmsd.db", keys, 5.0)

    def lines(self) -> int:
        """Committed so far, of both feeds."""
        return sum(count.lines for count in self.store.lines() if not count.reason)

    def cpu(self) -> float:
        """Seconds its threads have run."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


@contextmanager
def daemon(form: str) -> Iterator[Running]:
    """`mmsd run` over two empty logs."""
    with measure.folder() as folder:
        config, ready = folder / "mmsd.toml", folder / "ready"
        config.write_text(CONFIG.format(folder=folder, format=form))
        for name in ("mmsc.log", "proxy.log"):
            (folder / name).touch()
        with (folder / "said").open("wb") as said:
            process = subprocess.Popen([sys.executable, "-m", "bench.live", str(config), str(ready)], stdout=said, stderr=said)
        try:
            while not ready.exists() and process.poll() is None:
                time.sleep(0.02)
            if process.poll() is None:
                yield Running(folder, process)
        finally:
            alive = process.poll() is None
            process.send_signal(signal.SIGTERM)
            process.wait()
            if not alive:
                raise SystemExit(f"the daemon ended by itself ({process.returncode}): {(folder / 'said').read_text()[-2000:]}")


# ------------------------------------------------------------------------------------------------------------------- logs


def delivery(sender: int, receiver: int, name: str) -> bytes:
    """The four lines of a message that goes well, as of now."""
    at = datetime.now(CHINA).strftime("%Y-%m-%d %H:%M:%S")
    head, ids = f"{at} {{}} MMS [INT:MM1] [ACT:{{}}] [MMSC:] ", f"[msgid:qf{name}.x768.1@mms.hexi.example]"
    whose, whom, tail = f"[from:+{sender}]", f"[to:+{receiver}]", "[UA:] [MMBox:]\n"
    return (
        head.format("Received", "") + f"{whose} {whom} {ids} [size=1305] {tail}"
        + head.format("Notify", "") + f"[from:system] {whom} {ids} [size=-1] {tail}"
        + head.format("Fetched", "") + f"{whose} {whom} {ids} [size=1435] {tail}"
        + head.format("NotifyResp", "Retrieved") + f"[from:+{receiver}] [to:] [msgid:mms.hexi.example-qf{name}.x768.2] [size=28] {tail}"
    ).encode()  # fmt: skip


class Traffic:
    """Lines of a slice of a second, made before they are due and stamped when they are."""

    def __init__(self, form: str) -> None:
        self._dice = random.Random(58)
        self._form = form
        self._browsing = int(LINES * BROWSING / SLICES)
        self._messages = int(LINES * (1 - BROWSING) / SLICES / 4)
        rng = np.random.default_rng(58)
        who = rng.integers(0, RESIDENTS, (SLICES, self._browsing))
        page = rng.integers(0, 1_000_000, (SLICES, self._browsing))
        self._pages = [[self._page(*pair) for pair in zip(*both, strict=True)] for both in zip(who.tolist(), page.tolist(), strict=True)]
        self._sent = 0
        self.per_slice = self._browsing + 4 * self._messages

    def _page(self, who: int, page: int) -> str:
        address, site = f"10.{who >> 16}.{who >> 8 & 255}.{who & 255}", page % 300
        url = f"http://wap{site}.hexi.example/channel/{page}.xhtml?sid={page:x}"
        if self._form == "squid":
            return f"     12 {address} TCP_MISS/200 1427 GET {url} - HIER_DIRECT/127.0.0.30 application/vnd.wap.xhtml+xml\n"
        return (
            f'     12 {address} "86138{who:08}" GET {url} 200 1427 350 "Nokia6230/2.0" "-" "-" "application/vnd.wap.xhtml+xml"'
            " TCP_MISS/HIER_DIRECT/127.0.0.30 -/-\n"
        )

    def proxy(self, turn: int) -> bytes:
        stamp = f"{time.time():.3f}"
        return "".join([stamp + page for page in self._pages[turn % SLICES]]).encode()

    def mmsc(self) -> bytes:
        self._sent += self._messages
        first = self._sent - self._messages
        return b"".join(delivery(self._someone(), self._someone(), f"5.{n}") for n in range(first, self._sent))

    def _someone(self) -> int:
        return 8613700000000 + self._dice.randrange(province.SUBSCRIBERS)


# -------------------------------------------------------------------------------------------------------------- what is timed


def waits(running: Running) -> dict[str, list[float]]:
    """Milliseconds from the write to the look that first shows it: the line counted, and the delivery's verdict."""
    counted: list[float] = []
    told: list[float] = []
    for probe in range(PROBES):
        time.sleep(0.05 + random.random() * 0.2)
        number = 8613600000000 + probe
        before = running.lines()
        text = delivery(8613900000001, number, f"7.{probe}")
        begun = time.perf_counter()
        running.mmsc.write(text)
        while running.lines() == before:
            time.sleep(0.0005)
        counted.append((time.perf_counter() - begun) * 1e3)
        while not len(running.store.story(str(number))):
            if time.perf_counter() - begun > measure.PATIENCE:
                raise SystemExit("a delivery was never told")
            time.sleep(0.0005)
        told.append((time.perf_counter() - begun) * 1e3)
    return {"line written → committed, seen by a reader": counted, "delivery's lines written → its verdict in the story": told}


def share(running: Running, seconds: float) -> float:
    """Percent of a core that the daemon takes for so long."""
    cpu, begun = running.cpu(), time.perf_counter()
    time.sleep(seconds)
    return 100 * (running.cpu() - cpu) / (time.perf_counter() - begun)


def load(running: Running, traffic: Traffic) -> measure.Facts:
    """The daemon's share of a core under LINES lines a second, and how far behind it was at the end."""
    begun = time.perf_counter()
    lines, cpu, since = 0, 0.0, begun
    turns = int((SETTLE_SECONDS + LOAD_SECONDS) * SLICES)
    for turn in range(turns):
        if turn == int(SETTLE_SECONDS * SLICES):
            cpu, since = running.cpu(), time.perf_counter()
        running.proxy.write(traffic.proxy(turn))
        running.mmsc.write(traffic.mmsc())
        lines += traffic.per_slice
        time.sleep(max(begun + (turn + 1) / SLICES - time.perf_counter(), 0.0))
    stopped = time.perf_counter()
    used = running.cpu() - cpu
    behind = lines - running.lines()
    while running.lines() < lines and running.process.poll() is None:
        time.sleep(0.01)
    return {
        "written/s": lines / (stopped - begun),
        "cpu": 100 * used / (stopped - since),
        "behind": behind,
        "caught up after s": time.perf_counter() - stopped,
    }


def main() -> None:
    """`python -m bench.live CONFIG READY`: `mmsd run`, on the last core alone."""
    from mmsd.cli import main as command

    measure.alone()
    sys.argv = ["mmsd", "run", sys.argv[1], "--ready-file", sys.argv[2]]
    command()


def run(lines: int, say: Callable[[str], None]) -> Report:
    """`lines` has no meaning here: the rate is the issue's."""
    with daemon("squid") as running:
        time.sleep(SETTLE_SECONDS)
        say(f"idle for {IDLE_SECONDS:.0f} s")
        idle = share(running, IDLE_SECONDS)
        say(f"{PROBES} probes")
        found = waits(running)
    latencies = [
        {
            "live, idle core": what,
            "p50 ms": statistics.median(times),
            "p99 ms": statistics.quantiles(times, n=100)[98],
            "most ms": max(times),
        }
        for what, times in found.items()
    ]
    shares = [{"daemon": f"idle, {IDLE_SECONDS:.0f} s", "lines/s written": 0, "% of a core": idle, "lines behind": 0, "caught up s": 0.0}]
    for form, what in (("squid", "Squid's own format, no number in it"), ("mms", "with the subscriber's number")):
        say(f"load: {what}")
        traffic = Traffic(form)
        with daemon(form) as running:
            facts = load(running, traffic)
        shares.append(
            {
                "daemon": f"MMSC and proxy: {what}",
                "lines/s written": int(facts["written/s"]),
                "% of a core": facts["cpu"],
                "lines behind": facts["behind"],
                "caught up s": facts["caught up after s"],
            }
        )
    return Report(
        {"live: from the write to the reader": latencies, "live: processor": shares},
        [
            "Must: p99 150 ms; 20 % of a core at 58,000 lines/s, 95 % of them browsing; 0.3 % idle. Aim: 60 ms, 10 %, none.",
            "A reader looks every half millisecond, with a connection of its own. The share is that of all the daemon's threads.",
            f"Load: {LOAD_SECONDS:.0f} s after {SETTLE_SECONDS:.0f} s of the same, {SLICES} writes a second to each log.",
        ],
    )


if __name__ == "__main__":
    main()
