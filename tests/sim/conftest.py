"""One generated run of the small scenario, for all tests that only read it."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sim.pace import generate
from sim.scenario import Scenario, load


@dataclass(frozen=True)
class Run:
    """A finished run: its folder and its truth."""

    out: Path
    rows: list[dict[str, Any]]
    totals: dict[str, Any]

    def read(self, feed: str) -> bytes:
        """All of a feed's files, the oldest first."""
        return read(self.out, FEEDS[feed])

    def lines(self, feed: str) -> list[str]:
        return self.read(feed).decode().splitlines()


FEEDS = {
    "mmsc1": "mmsc1/mmsc-access.log",
    "mmsc2": "mmsc2/mmsc-access.log",
    "mmsc3": "mmsc3/mmsc-access.log",
    "sms": "kannel/bearerbox-access.log",
    "wapbox": "kannel/wapbox-access.log",
    "squid": "squid/access-mms.log",
    "radius1": "radius/10.36.255.1/detail-20261122",
    "radius2": "radius/10.36.255.2/detail-20261122",
}


def read(out: Path, name: str) -> bytes:
    """A rotated file put together again: `.N` … `.1`, then the file itself."""
    path = out / name
    older = [p for p in path.parent.iterdir() if p.name.startswith(f"{path.name}.")]
    older.sort(key=lambda p: -int(p.name.removeprefix(f"{path.name}.").removesuffix(".gz")))
    return b"".join(gzip.decompress(p.read_bytes()) if p.suffix == ".gz" else p.read_bytes() for p in [*older, path])


def finished(out: Path) -> Run:
    rows = [json.loads(line) for line in (out / "truth.jsonl").read_text().splitlines()]
    return Run(out, rows, json.loads((out / "totals.json").read_text()))


@pytest.fixture(scope="session")
def small() -> Scenario:
    return load(Path("small"))


@pytest.fixture(scope="session")
def run(small: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("sim")
    generate(small, out)
    return finished(out)
