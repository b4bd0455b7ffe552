"""A gateway that sends requests for a wrong MMSC address to the right one, and logs both: the message counts, the setting is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from bench.judged import judged
from mmsd import config
from mmsd.logs.http import KNOWN
from mmsd.rules.settings import Operator

OPTIONS: Final[dict[str, Any]] = {
    "separator": "|",
    "fields": ["time", "event", "from", "to", "id"],
    "map": {
        "at": {"from": "time", "format": "%s"}, "sender": "from", "receiver": "to", "message": "id",
        "kind": {"from": "event", "values": {"MO": "SUBMIT"}},
    },
}  # fmt: skip
PUSHES: Final[dict[str, Any]] = {
    "separator": "|",
    "fields": ["time", "to", "id", "url"],
    "map": {"at": {"from": "time", "format": "%s"}, "receiver": "to", "transaction": "id", "location": "url"},
    "set": {"kind": "PUSH", "pdu": 0x82},
}
START: Final = 1795340641
APART: Final = 7200
"""Seconds between two submits: further than repeats of one fault."""
POST: Final = '{at}.041 5950 127.0.0.12 "8613900000002" {method} {went} 200 400 9000 "-" "-" ' \
    '"application/vnd.wap.mms-message" "{answer}" TCP_MISS/200/127.0.0.1 -/- {asked}\n'  # fmt: skip


@pytest.mark.parametrize("aware", [True, False], ids=["address-configured", "address-learned"])
@pytest.mark.parametrize(
    ("asked", "went", "verdict", "urgency"),
    [
        ("http://mmsc.old.example/", "http://mmsc.example/", "Z1", "low"),  # put right
        ("http://mmsc.example/", "http://10.0.0.1:8080/", "Z1", None),  # the network's own name for its MMSC
        ("http://mmsc.example/", "http://mmsc.example/", "Z1", None),
        ("http://mmsc.old.example/", "http://10.0.0.9/", "Z2", "normal"),  # sent somewhere else again
    ],
)
def test_what_comes_of_it(tmp_path: Path, aware: bool, asked: str, went: str, verdict: str, urgency: str | None) -> None:
    posts, submits = [], []
    for number in range(4):
        at = START + number * APART
        answer = "application/vnd.wap.mms-message" if verdict == "Z1" else "text/html"
        posts.append(POST.format(at=at, method="POST", asked=asked, went=went, answer=answer))
        submits.append(f"{at}|MO|13900000002|13900000001|M{number}\n" if verdict == "Z1" else "")
    later = START + 6 * APART
    portal = "http://portal.example/"
    posts.append(POST.format(at=later, method="GET", asked=portal, went=portal, answer="text/html"))
    submits.append(f"{later}|MO|13900000008|13900000009|M8\n")
    (tmp_path / "proxy.log").write_text("".join(posts))
    (tmp_path / "mmsc.log").write_text("".join(submits))
    feeds = {
        "mmsc2": config.Feed("columns", (tmp_path / "mmsc.log",), role="mmsc", options=OPTIONS),
        "proxy1": config.Feed("http", (tmp_path / "proxy.log",), options={"format": KNOWN["mms"] + " %>ru"}),
    }
    if not aware:
        pushes = (f"{at}|8613900000009|T{at}|http://mmsc.example/T{at}\n" for at in (START - 60, later))
        (tmp_path / "sms.log").write_text("".join(pushes))
        feeds["sms1"] = config.Feed("columns", (tmp_path / "sms.log",), role="sms", options=PUSHES)
    found = judged(config.Settings(feeds, operator=Operator(mmsc=("mmsc.example",) if aware else ())))
    assert {(attempt.verdict, attempt.type) for attempt in found.attempts if attempt.method == "POST"} == {
        (verdict, "submit" if verdict == "Z1" else "post")
    }
    said = [(finding.cause, finding.urgency, finding.cleared) for finding in found.findings if finding.subject_kind == "subscriber"]
    assert said == ([("BAD_MMSC_URL", urgency, 0)] if urgency else [])
