"""`make run`, as it stands in the Makefile: two processes, one summary, an end."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.running import PATIENCE, ROOT, until


def figures(summary: str) -> dict[str, tuple[int, int]]:
    """mmsd's and the truth's, by name, from the table that ends a run."""
    rows = re.findall(r"^ *(\S.*?) +([\d,]+) +([\d,]+) *$", summary, re.MULTILINE)
    return {name: (int(found.replace(",", "")), int(true.replace(",", ""))) for name, found, true in rows}


def test_a_run_of_given_length_ends_by_itself_and_both_agree_though_the_daemon_was_killed(runner: subprocess.Popen[str]) -> None:
    said, _ = runner.communicate(timeout=PATIENCE)
    assert runner.returncode == 0, said
    assert re.search(r"live page http://127\.0\.0\.1:\d+/login#\S+$", said, re.MULTILINE)
    assert "the daemon was ended by signal 9 and is started again" in said
    summary = said[said.rindex("truth\n") :]
    rows = figures(summary)
    assert rows
    assert [name for name, (found, true) in rows.items() if found != true] == []
    assert {"lines read", "delivered", "failed", "NO_PUSH", "NO_RETRIEVE", "forwards", "serials"} <= rows.keys()
    assert min(rows[name][0] for name in ("lines read", "delivered", "failed", "forwards", "serials")) > 0
    assert re.search(r"^care: .* [1-9]\d* got settings, ", said, re.MULTILINE)
    assert said.endswith("both agree\n")


@pytest.fixture
def begun(tmp_path: Path):
    """A run without an end, while somebody else holds port 8080."""
    out = tmp_path / "demo"
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # it is held already
            other.bind(("127.0.0.1", 8080))
            other.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", "sim.run", "--out", str(out)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            yield process, out
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)


def test_ctrl_c_ends_both_in_order(begun: tuple[subprocess.Popen[str], Path]) -> None:
    process, out = begun
    until((out / "ready").exists, "the page is served")
    port = int((out / "ready").read_text().splitlines()[0].rpartition(":")[2])
    assert 8080 < port < 8180  # the next free one
    until(lambda: (out / "totals.json").exists() and json.loads((out / "totals.json").read_text())["open"] > 0, "messages are under way")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert "ended early" in said
    assert "Traceback" not in said + (out / "mmsd.log").read_text() + (out / "sim.log").read_text()
    lines = figures(said)["lines read"]
    assert lines[0] == lines[1] > 0
    until(lambda: not _served(port), "the daemon has ended with its runner")


def _served(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
