"""A state directory that is full or read-only: intake stands still and says why; once there is room everything is counted once."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import Daemon, configure, half, hashes, running, until


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 24 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts a small file system")
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "mmsd-test", str(place)], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Takes what is left of the disk."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65536))
        except OSError:
            pass
    return ballast


def stands_still(daemon: Daemon, *why: str) -> None:
    until(lambda: daemon.ask("/readyz", token="").status == 503, "not ready")
    answer = daemon.ask("/readyz", token="").value
    assert answer["status"] == "not ready"
    (reason,) = answer["reasons"]
    assert any(word in reason for word in why), reason
    assert daemon.ask("/livez", token="").status == 200
    assert daemon.ask("/api/v1/totals").value["ready"] is False
    until(lambda: "mmsd_recoveries_total{" in daemon.ask("/metrics").text, "the recovery is counted")
    assert daemon.process.poll() is None


def test_a_full_disk_is_waited_for(tmp_path: Path, logs: Path, small_disk: Path) -> None:
    copy, complete = half(logs, tmp_path / "logs")
    config = configure(tmp_path / "daemon", copy)
    config.write_text(config.read_text().replace('directory = "state"', f'directory = "{small_disk}/state"'))
    with running(config) as daemon:
        daemon.state = small_disk / "state"
        until(lambda: daemon.totals()["lines"] > 50_000, "it reads")
        ballast = fill(small_disk)
        complete()
        stands_still(daemon, "full", "space")
        before = daemon.totals()["lines"]

        daemon.kill()  # and what is started on a full disk says so too, or waits
        daemon.start(ready=False)
        until(lambda: daemon.process.poll() is not None or daemon.served(), "it ends, or it serves")
        if daemon.process.poll() is None:
            stands_still(daemon, "full", "space")
            assert daemon.totals()["lines"] == before
        else:
            assert daemon.wait() in (1, 78)
            assert "No space left" in daemon.output() or "full" in daemon.output()

        ballast.unlink()
        if daemon.process.poll() is not None:
            daemon.start()
        daemon.agrees(copy)
        assert daemon.ask("/readyz", token="").status == 200
        assert "Traceback" not in daemon.output()


def test_a_read_only_disk_is_refused_and_nothing_lost(tmp_path: Path, logs: Path, small_disk: Path) -> None:
    copy, complete = half(logs, tmp_path / "logs")
    config = configure(tmp_path / "daemon", copy)
    config.write_text(config.read_text().replace('directory = "state"', f'directory = "{small_disk}/state"'))
    with running(config) as daemon:
        daemon.state = small_disk / "state"
        until(lambda: daemon.totals()["lines"] > 50_000, "it reads")
        daemon.kill()
        complete()
        before = hashes(daemon.state)
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        daemon.start(ready=False)
        assert daemon.wait() == 1
        assert f"state directory {daemon.state}: Read-only file system" in daemon.output()
        assert hashes(daemon.state) == before
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
        daemon.start()
        daemon.agrees(copy)
        assert "Traceback" not in daemon.output()


def test_an_address_that_cannot_be_left_is_left_later(tmp_path: Path, logs: Path) -> None:
    """Whoever fills the disk at that very moment: seen once as an unhandled error of a start on a full disk."""
    config = configure(tmp_path / "daemon", logs)
    with running(config) as daemon:
        daemon.kill()
        address = daemon.state / "address"
        address.unlink()
        address.mkdir()
        daemon.start()
        assert daemon.ask("/livez", token="").status == 200
        assert f"{address}: Is a directory; commands do not find this daemon until it can be written" in daemon.output()
        address.rmdir()
        until(address.is_file, "the address is left")
        assert address.read_text() == f"{daemon.base}\n"
        assert "Traceback" not in daemon.output()
