"""The daemon as an operator runs it: a process with a configuration, a state directory and an address, driven from outside alone."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sim.run import compare

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 180.0  # seconds; only a fault makes anybody wait so long


def until(true: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Looks again and again until `true()`; fails with `what` when it never comes."""
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def configure(folder: Path, logs: Path, *, more: str = "", **changes: str) -> Path:
    """`config/demo.toml` for a state directory of its own in `folder`, reading a simulator's `logs`, without the SMS centre at its end.
    `changes` replace text in it."""
    folder.mkdir(parents=True, exist_ok=True)
    text, centre, _ = (ROOT / "config/demo.toml").read_text().partition("[governor]")
    assert centre
    text = text.replace('"operators/demo.toml"', f'"{ROOT}/config/operators/demo.toml"')
    text = text.replace('paths = ["', f'paths = ["{logs}/').replace('"campaigns"', f'"{ROOT}/config/campaigns"')
    text = text.replace('"cities.csv"', f'"{logs}/cities.csv"').replace("port = 8080\n", "port = 0\n")
    text = re.sub(r"^ports = .*\n", "", text, flags=re.MULTILINE)
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path = folder / "mmsd.toml"
    path.write_text(f"{text}\n{more}\n")
    return path


class Answer(NamedTuple):
    status: int
    text: str

    @property
    def value(self) -> Any:
        return json.loads(self.text)


class Daemon:
    """`mmsd run CONFIG`. Its output of all starts is in `log`; started again it keeps its state."""

    def __init__(self, config: Path, *, wrapped: Sequence[str] = ()) -> None:
        """`wrapped`: a command that runs it, such as setpriv with its arguments."""
        self.folder = config.parent
        self.state = self.folder / "state"
        self.log = self.folder / "mmsd.log"
        self._ready = self.folder / "ready"
        self._command = [*wrapped, sys.executable, "-m", "mmsd", "run", str(config), "--ready-file", str(self._ready)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    def start(self, *, ready: bool = True) -> None:
        """`ready`: wait until it is served."""
        self._ready.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if ready:
            until(self.served, f"not ready: {self.output()[-800:]}")

    def served(self) -> bool:
        assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.output()[-800:]}"
        return self._ready.exists()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, patience: float = PATIENCE) -> int:
        return self.process.wait(patience)

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def output(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    # ------------------------------------------------------------------------------------------------------------ by HTTP

    @property
    def base(self) -> str:
        return self._ready.read_text().splitlines()[0]

    @property
    def login(self) -> str:
        """The address that signs one browser in."""
        return self._ready.read_text().splitlines()[1]

    @property
    def token(self) -> str:
        return (self.state / "tokens.plain").read_text().strip()

    def ask(self, path: str, body: Any = None, *, token: str | None = None) -> Answer:
        """GET, or POST of `body` as JSON. `token`: "" for none; else its own."""
        secret = self.token if token is None else token
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        try:
            with urllib.request.urlopen(urllib.request.Request(self.base + path, data, headers), timeout=20) as answer:
                return Answer(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode())

    def totals(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask("/api/v1/totals").value
        return answer

    def agrees(self, logs: Path, patience: float = PATIENCE) -> None:
        """Waits until lines, outcomes, causes, forwards by city and serials are those of a finished simulator's truth."""
        truth = json.loads((logs / "totals.json").read_text())
        assert truth["state"] == "finished"
        rows: list[Any] = []

        def same() -> bool:
            rows[:] = [row for row in compare(self.totals(), truth) if row.found != row.true]
            return not rows

        deadline = time.monotonic() + patience
        while not same():
            assert time.monotonic() < deadline, [f"{row.name.strip()}: {row.found}, in truth {row.true}" for row in rows]
            time.sleep(0.2)

    def told(self, config: Path) -> list[dict[str, Any]]:
        """Waits until the state directory tells of the feeds what the daemon tells; how they do."""
        feeds: list[dict[str, Any]] = []

        def same() -> bool:
            shown = self.ask("/api/v1/feeds").value["feeds"]
            feeds[:] = json.loads(mmsd("feeds", config, "--json").stdout)["feeds"]
            return [(feed["name"], feed["mark"], feed["disorder"]) for feed in feeds] == [
                (feed["name"], feed["mark"], feed["disorder"]) for feed in shown
            ]

        until(same, "the state directory to tell of the feeds what the daemon tells")
        return feeds


@contextlib.contextmanager
def running(config: Path, *, wrapped: Sequence[str] = (), ready: bool = True) -> Iterator[Daemon]:
    daemon = Daemon(config, wrapped=wrapped)
    try:
        daemon.start(ready=ready)
        yield daemon
    finally:
        daemon.kill()


def mmsd(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    command = [sys.executable, "-m", "mmsd", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False)


def hashes(folder: Path) -> Mapping[str, str]:
    """Every file below, and what is in it; but for the store's shared memory, in which a reader leaves marks."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".db-shm"
    }


def half(logs: Path, copy: Path) -> tuple[Path, Callable[[], object]]:
    """A copy of finished logs in which half of the first MMSC's is held back, and what writes the rest."""
    shutil.copytree(logs, copy)
    path = copy / "mmsc1/mmsc-access.log"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])

    def complete() -> None:
        with path.open("ab") as file:
            file.write(whole[len(whole) // 2 :])

    return copy, complete
