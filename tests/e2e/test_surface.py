"""Everything the daemon says to anybody, over HTTP and into its log: right, behind a token, and without a whole number or serial."""

from __future__ import annotations

import http.client
import http.cookiejar
import json
import os
import re
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmsd.store.keys import Keys
from mmsd.store.read import Reader
from tests.e2e.running import Daemon, configure, mmsd, running


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, logs: Path) -> Iterator[Daemon]:
    """One that has read everything."""
    with running(configure(tmp_path_factory.mktemp("surface"), logs)) as made:
        made.agrees(logs)
        yield made


@pytest.fixture(scope="module")
def truth(logs: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (logs / "truth.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_who_asks_whether_it_lives_needs_no_token(daemon: Daemon, path: str) -> None:
    assert daemon.ask(path, token="").status == 200


GUARDED = ("/metrics", "/events", *(f"/api/v1/{name}" for name in ("health", "totals", "kpi", "deliveries", "campaigns/torch/counts")))


@pytest.mark.parametrize("path", GUARDED)
def test_everything_else_does(daemon: Daemon, path: str) -> None:
    assert daemon.ask(path, token="").status == 401
    assert daemon.ask(path, token="A" * 43).status == 401
    if path != "/events":
        assert daemon.ask(path).status == 200


def test_metrics_are_those_of_the_logs(daemon: Daemon, logs: Path) -> None:
    found = re.findall(r'^mmsd_lines_total\{feed="(\w+)"\} (\S+)$', daemon.ask("/metrics").text, re.MULTILINE)
    feeds = json.loads((logs / "totals.json").read_text())["feeds"]
    assert {feed: float(n) for feed, n in found} == {name: feed["records"] for name, feed in feeds.items()}


def test_a_number_is_looked_up(daemon: Daemon, truth: list[dict[str, Any]]) -> None:
    failed = next(row for row in truth if row["outcome"] == "failed" and row["cause"] == "BAD_PROXY")
    for number in (failed["receiver"], f"+{failed['receiver']}", failed["receiver"].removeprefix("86")):
        answer = daemon.ask("/api/v1/deliveries/search", {"number": number})
        assert answer.status == 200
        (row,) = [row for row in answer.value["deliveries"] if row["message"] == failed["message"] and row["role"] == "receiver"]
        assert (row["outcome"], row["cause"], row["rule"], row["node"]) == ("failed", "BAD_PROXY", failed["rule"], failed["node"])
        assert row["evidence"]
        assert number not in answer.text
    delivered = next(row for row in truth if row["outcome"] == "delivered" and row["cause"] == "OK" and row["kind"] == "p2p")
    mine = [row for row in truth if row["receiver"] == delivered["receiver"]]
    history = daemon.ask("/api/v1/deliveries/search", {"number": delivered["receiver"]}).value["history"]
    assert len(history) == len(mine)
    assert sorted(row["cause"] for row in history) == sorted(row["cause"] for row in mine)


def test_counts_by_day_and_city(daemon: Daemon, truth: list[dict[str, Any]]) -> None:
    counted = [row["forward"] for row in truth if row["forward"] and row["forward"]["counted"]]
    answer = daemon.ask("/api/v1/campaigns/torch/counts").value
    assert (answer["forwards"], answer["serials"]) == (len(counted), len(counted))
    expected = Counter((row["day"], row["city"]) for row in counted)
    assert {(row["day"], row["city"]): row["forwards"] for row in answer["counts"] if row["forwards"]} == expected


def test_nothing_that_is_said_holds_a_number_or_a_serial(daemon: Daemon, truth: list[dict[str, Any]]) -> None:
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(jar)
    code = daemon.login.partition("#")[2]
    form = urllib.parse.urlencode({"secret": code, "lang": "zh"}).encode()
    with browser.open(f"{daemon.base}/login", form, timeout=20) as page:
        said = {"page": page.read().decode()}
    assert "<html" in said["page"]
    said["log"] = daemon.output()
    for path in ("/metrics", "/api/v1/health", "/api/v1/totals", "/api/v1/kpi", "/api/v1/campaigns/torch/counts"):
        said[path] = daemon.ask(path).text
    after = ""
    while True:
        answer = daemon.ask(f"/api/v1/deliveries?limit=500{after}")
        said[f"/api/v1/deliveries{after}"] = answer.text
        if answer.value["after"] is None:
            break
        after = f"&after={answer.value['after']}"
    for row in truth[::50]:
        said[f"search {row['message']}"] = daemon.ask("/api/v1/deliveries/search", {"number": row["receiver"]}).text
    said["/events"] = _events(daemon)
    said["mmsd outbox"] = mmsd("outbox", daemon.folder / "mmsd.toml", "--limit", "1000").stdout
    assert said["mmsd outbox"].count("serial") > 100
    assert "event: event" in said["/events"]
    assert "forward" in said["/events"]

    numbers = {row[role].removeprefix("86") for row in truth for role in ("sender", "receiver") if re.fullmatch(r"86\d{11}", row[role])}
    reader = Reader(daemon.state / "mmsd.db", Keys.load(daemon.state / "state.key", os.urandom), 5.0)
    serials = {issued.serial for issued in reader.all_forwards() if issued.serial}
    reader.close_readers()
    assert len(serials) > 100
    for place, text in said.items():
        assert not {found for found in re.findall(r"(?=(1\d{10}))", text) if found in numbers}, place
        assert not {serial for serial in serials if serial in text}, place


def _events(daemon: Daemon) -> str:
    """What a page is sent at first and in the next moments: until two frames of totals have come."""
    address = urllib.parse.urlsplit(daemon.base)
    connection = http.client.HTTPConnection(address.netloc, timeout=20)
    try:
        connection.request("GET", "/events", headers={"Authorization": f"Bearer {daemon.token}"})
        answer = connection.getresponse()
        assert answer.status == 200
        text = ""
        while text.count("event: totals") < 2:
            line = answer.readline()
            assert line, "the stream ended"
            text += line.decode()
        return text
    finally:
        connection.close()
