"""What every test may ask for, and two rules: a random test can be repeated, and where CI=true nothing is skipped.

Options: `--seed N|random` (default: one fixed seed a test), `--effort K` (random tests draw K times as much),
`--may-skip PATTERN` (a test id that may be skipped even where CI=true).
"""

from __future__ import annotations

import fnmatch
import os
import random
import shutil
import socket
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import hypothesis
import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
CI: Final = os.environ.get("CI") == "true"
DEFAULT_SEED: Final = 20080324
SERVERS_PATH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/lib/kannel/test"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mmsd")
    group.addoption("--seed", default=str(DEFAULT_SEED), help="seed of the random tests: a number, or `random`")
    group.addoption("--effort", type=int, default=1, help="random tests draw this many times as much")
    group.addoption("--may-skip", action="append", default=[], metavar="PATTERN", help="may be skipped even where CI=true")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.seed == "random":
        config.option.seed = str(random.SystemRandom().getrandbits(32))
    fixed = config.option.seed == str(DEFAULT_SEED)
    hypothesis.settings.register_profile(
        "mmsd",
        deadline=None,  # no timed assertion, here neither
        derandomize=fixed,
        database=None,
        print_blob=True,
        max_examples=100 * config.option.effort,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("mmsd")


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed {config.option.seed}, effort {config.option.effort}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        drawn = getattr(getattr(item, "function", None), "is_hypothesis_test", False)
        if drawn or "seed" in getattr(item, "fixturenames", ()):
            item.add_marker("random")


# ------------------------------------------------------------------------------------------- nothing is skipped where CI=true


def _allowed(config: pytest.Config, nodeid: str) -> bool:
    return any(fnmatch.fnmatch(nodeid, pattern) for pattern in config.option.may_skip)


def _skip_is_failure(report: pytest.TestReport | pytest.CollectReport, config: pytest.Config) -> None:
    if CI and report.skipped and not hasattr(report, "wasxfail") and not _allowed(config, report.nodeid):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: {why}; where CI=true nothing is skipped (--may-skip PATTERN allows one)"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[assignment]  # pluggy's wrapper protocol is not typed
    _skip_is_failure(report, item.config)
    return report  # type: ignore[return-value]  # as above


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report: pytest.CollectReport = yield  # type: ignore[assignment]  # as above
    _skip_is_failure(report, collector.config)
    return report  # type: ignore[return-value]  # as above


# ------------------------------------------------------------------------------------------------------------------ fixtures


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Logs and bytes of real nodes, kept beside the checkout or where MMSD_SHARED says; they are not ours to copy."""
    path = Path(os.environ.get("MMSD_SHARED") or ROOT.parent / "shared")
    if not (path / "samples").is_dir():
        pytest.skip(f"no folder {path} with samples and vectors of real nodes (MMSD_SHARED names another)")
    return path


@pytest.fixture(scope="session")
def debian() -> Callable[[str], str]:
    """`debian("tshark")`: the path of a Debian package's program; skips without it. Packages stand in tools/debian.txt."""
    shown_by = {}
    for line in (ROOT / "tools/debian.txt").read_text().splitlines():
        if not line.startswith("#"):
            package, _, program, *_ = line.split()
            shown_by[package] = program

    def find(package: str) -> str:
        found = shutil.which(shown_by[package], path=SERVERS_PATH)
        if found is None:
            pytest.skip(f"Debian's {package} is not installed")
        return found

    return find


@pytest.fixture(autouse=True, scope="module")
def descriptors() -> Iterator[None]:
    """What a module opens it closes: beyond 1,024 descriptors whatever calls select(), here or in a library, fails."""
    mine = Path("/proc/self/fd")
    before = sum(1 for _ in mine.iterdir())
    yield
    left = sum(1 for _ in mine.iterdir()) - before
    assert left < 64, f"{left} descriptors were left open"


@pytest.fixture(autouse=True)
def _debian_mark(request: pytest.FixtureRequest, debian: Callable[[str], str]) -> None:
    for mark in request.node.iter_markers("debian"):
        for package in mark.args:
            debian(package)


@pytest.fixture
def free_port() -> Callable[[], int]:
    """`free_port()`: a TCP port on 127.0.0.1 that nobody holds, never the same one twice in a test."""
    given: set[int] = set()

    def find() -> int:
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port: int = probe.getsockname()[1]
            if port not in given:
                given.add(port)
                return port

    return find


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """This test's own seed; on failure the report says how to repeat it."""
    base = request.config.option.seed
    request.node.add_report_section("setup", "seed", f"repeat with: pytest --seed {base} {request.node.nodeid!r}")
    return zlib.crc32(request.node.nodeid.encode(), int(base) & 0xFFFFFFFF)


@pytest.fixture
def effort(request: pytest.FixtureRequest) -> int:
    """How many times as much a random test draws: 1 in the suite, more under `make fuzz`."""
    value: int = request.config.option.effort
    return value
