"""How feeds do, told by the running daemon over HTTP, by its metrics, and by a command from the state directory."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.running import configure, mmsd, running, until


def test_feeds_are_told_alike_everywhere(tmp_path: Path, logs: Path) -> None:
    config = configure(tmp_path, logs)
    with running(config) as daemon:
        daemon.agrees(logs)
        feeds = {feed["name"]: feed for feed in daemon.told(config)}
        shown = {feed["name"]: feed for feed in daemon.ask("/api/v1/feeds").value["feeds"]}
        for name, feed in feeds.items():
            for key in ("since", "mark", "gaps", "orphans", "role", "lines"):
                assert feed[key] == shown[name][key], (name, key)
            assert feed["since"] < feed["mark"]
        lines = [f'mmsd_feed_orphans{{feed="{name}"}} {float(feed["orphans"])}' for name, feed in feeds.items()]
        until(lambda: all(line in daemon.ask("/metrics").text for line in lines), "the metrics to tell the same")
    # the daemon is gone: the command needs only its state
    again = json.loads(mmsd("feeds", config, "--json").stdout)["feeds"]
    assert {feed["name"]: feed for feed in again} == feeds
    assert "newest line" in mmsd("feeds", config).stdout
