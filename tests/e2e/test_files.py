"""Log files that cannot be read yet: the feed says so, the others go on, and nothing is lost once it can."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.running import Daemon, configure, running, until


@pytest.fixture
def copy(tmp_path: Path, logs: Path) -> Path:
    """The finished province, ours to spoil."""
    return Path(shutil.copytree(logs, tmp_path / "logs"))


@pytest.fixture
def bound() -> Sequence[str]:
    """Root reads everything, so as root the daemon is run without that right."""
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root reads everything, and there is no setpriv to take that right away")
    return (setpriv, "--bounding-set=-dac_override,-dac_read_search")


def feed(daemon: Daemon, name: str) -> dict[str, object]:
    (found,) = [feed for feed in daemon.ask("/api/v1/health").value["feeds"] if feed["name"] == name]
    return dict(found)


def test_a_file_that_may_not_be_read(tmp_path: Path, copy: Path, bound: Sequence[str]) -> None:
    closed = copy / "mmsc1/mmsc-access.log"
    closed.chmod(0)
    with running(configure(tmp_path / "daemon", copy), wrapped=bound) as daemon:
        until(lambda: feed(daemon, "mmsc1")["state"] == "degraded", "the feed is degraded")
        detail = str(feed(daemon, "mmsc1")["detail"])
        assert "mmsc-access.log" in detail
        assert "Permission denied" in detail
        until(lambda: feed(daemon, "radius1")["lines"] != 0, "other feeds go on")
        assert feed(daemon, "mmsc2")["state"] == "ok"
        readyz = daemon.ask("/readyz", token="")
        assert (readyz.status, readyz.value["degraded"]) == (200, 1)
        until(lambda: 'mmsd_feed_up{feed="mmsc1"} 0.0' in daemon.ask("/metrics").text, "the gauge says so too")

        closed.chmod(0o644)
        daemon.agrees(copy)
        assert {feed["state"] for feed in daemon.ask("/api/v1/health").value["feeds"]} == {"ok"}
        assert daemon.ask("/readyz", token="").value["degraded"] == 0


def test_a_folder_that_comes_later(tmp_path: Path, copy: Path) -> None:
    (copy / "radius").rename(tmp_path / "elsewhere")
    with running(configure(tmp_path / "daemon", copy)) as daemon:
        until(lambda: feed(daemon, "mmsc1")["lines"] != 0, "other feeds go on")
        assert (feed(daemon, "radius1")["state"], feed(daemon, "radius1")["lines"]) == ("degraded", 0)
        assert "no such file yet" in str(feed(daemon, "radius1")["detail"])
        (tmp_path / "elsewhere").rename(copy / "radius")
        daemon.agrees(copy)
        assert {feed["state"] for feed in daemon.ask("/api/v1/health").value["feeds"]} == {"ok"}
