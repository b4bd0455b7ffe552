"""A submit that the MMSC refuses: one request at the proxy, one line at the MMSC, one failed delivery."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from bench.judged import judged
from mmsd import config
from mmsd.rules.settings import Operator

OPTIONS: Final[dict[str, Any]] = {
    "separator": "|",
    "fields": ["time", "event", "from", "to", "id", "result"],
    "map": {
        "at": {"from": "time", "format": "%Y%m%d%H%M%S"}, "sender": "from", "receiver": "to", "message": "id", "status": "result",
        "kind": {"from": "event", "values": {"MO": "SUBMIT", "NO": {"kind": "SUBMIT_REFUSED", "code_set": "MM1_RESPONSE"}}},
    },
}  # fmt: skip
SENT: Final = "1795340641.041 5950 127.0.0.12 \"8613900000002\" POST http://mmsc.example/ 200 400 9000 \"-\" \"-\" " \
    '"application/vnd.wap.mms-message" "application/vnd.wap.mms-message" TCP_MISS/200/127.0.0.1 -/-\n'  # fmt: skip


@pytest.mark.parametrize(
    ("line", "verdict", "rows"),
    [
        ("20261122174401|MO|13900000002|13900000001|M1|\n", "Z1", {("O2", "")}),
        ("20261122174401|NO|13900000002|13900000001|M1|235\n", "Z7", {("B1", "NOT_PROVISIONED")}),
        ("20261122174401|NO|13900000002|13900000001||192\n", "Z7", {("B2", "NODE_FAULT")}),  # refused before it had an id
    ],
)
def test_what_comes_of_it(tmp_path: Path, line: str, verdict: str, rows: set[tuple[str, str]]) -> None:
    (tmp_path / "mmsc.log").write_text(line)
    (tmp_path / "proxy.log").write_text(SENT)
    feeds = {
        "mmsc2": config.Feed("columns", (tmp_path / "mmsc.log",), role="mmsc", options=OPTIONS),
        "proxy1": config.Feed("http", (tmp_path / "proxy.log",), options={"format": "mms"}),
    }
    later = SENT.replace("1795340641.041", "1795340841.041").replace("POST", "GET").replace("mmsc.example", "portal.example")
    with (tmp_path / "proxy.log").open("a") as proxy:
        proxy.write(later)
    with (tmp_path / "mmsc.log").open("a") as mmsc:
        mmsc.write("20261122174901|MO|13900000008|13900000009|M8|\n")
    found = judged(config.Settings(feeds, operator=Operator(mmsc=("mmsc.example",))))
    assert [(attempt.verdict, attempt.type) for attempt in found.attempts if attempt.method == "POST"] == [(verdict, "submit")]
    assert {(row.rule, row.cause) for row in found.deliveries if row.receiver == "8613900000001"} == rows
