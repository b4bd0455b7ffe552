"""A person's hand on a running daemon: orders go to it by page and by command, take effect at once, and outlive it."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.running import mmsd, running, until
from tests.faults.relay import FORWARDS, Relay, centre


def test_stopped_while_it_sends_and_let_go_after_a_restart(tmp_path: Path) -> None:
    with centre(tmp_path, "smpp", answer_after=0.5) as it:
        config = Relay(tmp_path, None, it.port, "smpp", window=1).config
        with running(config) as daemon:
            until(lambda: len(it.taken) >= 1, "nothing is sent")
            assert daemon.ask("/api/v1/stop", {"name": "transactional", "who": "li", "why": "the text is wrong"}).status == 200
            taken = len(it.taken)
            assert taken < FORWARDS
            until(lambda: daemon.ask("/api/v1/sending").value["links"][0]["under_way"] == 0, "answers never came")
            assert len(it.taken) - taken <= 1  # what was claimed when the stop came
            assert daemon.ask("/api/v1/sending").value["stops"][0]["name"] == "transactional"
            assert mmsd("outbox", config, "--release", "1", "--why", "x").returncode == 1  # it is not parked
            daemon.process.terminate()
            assert daemon.wait() == 0
        stopped_at = len(it.taken)
        with running(config) as daemon:
            until(lambda: daemon.ask("/api/v1/sending").value["links"][0]["state"] == "up", "the link is down")
            assert mmsd("outbox", config).stdout.splitlines()[-1] == "stopped: transactional"
            assert len(it.taken) == stopped_at
            assert mmsd("resume", config, "transactional", "--why", "mended").stdout == "no longer stopped: transactional\n"
            until(lambda: daemon.totals()["outbox"] == {"delivered": FORWARDS}, "not all are delivered")
            assert mmsd("audit", "verify", config).stdout == "2 orders, unchanged\n"
            daemon.process.terminate()
            assert daemon.wait() == 0
        assert len(it.taken) == FORWARDS
