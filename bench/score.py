"""Corpora whose truth is known by hand, and how their verdicts are counted (`bench.scorecard` prints it, `tests/truth` holds it).

- *chain*: one message to six receivers, written by real nodes; the verdicts were worked out by hand (`tests/data/truth/chain`);
- *real day*: ten minutes of real nodes with 751 true rows, when the samples lie beside the checkout (MMSD_SHARED).
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.judged import Judged, Score
from bench.simulated import Accusations
from mmsd import config
from mmsd.model import Delivery
from mmsd.rules.settings import Judgement, Operator, Own

ROOT: Final = Path(__file__).resolve().parent.parent
CHAIN: Final = ROOT / "tests/data/truth/chain"


# ------------------------------------------------------------------------------------------------------------------- corpora


def chain_settings(folder: Path = CHAIN, without: Collection[str] = ()) -> config.Settings:
    """The chain sample as its README gives it: one domain, two expected authorities, clocks alike, no grace."""
    feeds = {
        "mmsc": config.Feed("mbuni", (folder / "mmsc-access.log",)),
        "sms": config.Feed("kannel-sms", (folder / "bearerbox-access.log",)),
        "wap": config.Feed("kannel-wap", (folder / "wapbox-access.log",)),
    }
    return config.Settings(
        feeds={name: feed for name, feed in feeds.items() if name not in without},
        operator=Operator(mmsc=("mmsc", "127.0.0.1:1981")),
        judgement=Judgement(grace=0.0, skew=0.0),
    )


def real_day() -> Path:
    """Where the real day lies, if it is there."""
    return Path(os.environ.get("MMSD_SHARED") or ROOT.parent / "shared") / "samples/real-day"


def real_day_settings(folder: Path, without: Collection[str] = ()) -> config.Settings:
    """The real day as its README gives it: compressed timers, T1 = 60 s, next to no grace, both gateways, all APNs."""
    logs = folder / "logs"
    feeds = {
        "mmsc": config.Feed("mbuni", (logs / "mmsc/mmsc-access.log*",)),
        "sms": config.Feed("kannel-sms", (logs / "kannel/bearerbox-access.log",)),
        "wap": config.Feed("kannel-wap", (logs / "kannel/wapbox-access.log*",)),
        "squid": config.Feed("http", (logs / "squid/access-mms.log",), options={"format": "mms"}),
        "aaa": config.Feed("radius", (logs / "radius/*/detail-*",), covers=config.Covers(all=True)),
    }
    return config.Settings(
        feeds={name: feed for name, feed in feeds.items() if name not in without},
        operator=Operator(mmsc=("mms.hexi.example",)),
        judgement=Judgement(grace=0.0, skew=1.0, session=60.0, confirm=100.0, repeat=3.0, late=60.0),
        own=Own(senders=("106587999",)),
    )


# ------------------------------------------------------------------------------------------------------------------- scoring


def _cause_of(delivery: Delivery, true: str) -> str:
    """The cause in the truth's words: a finding on a delivered message counts as itself where the truth names it (README, 11)."""
    return true if true in delivery.hints else delivery.cause or delivery.outcome


CHAIN_CAUSES: Final = {
    "8613900000001": "OK", "8613900000002": "NO_PUSH", "8613900000003": "NO_PUSH", "8613900000004": "NO_PUSH", "8613900000006": "NO_PUSH",
    "8613900000007": "EXPIRED",
}  # fmt: skip


def score_chain(found: Judged) -> Score:
    score = Score()
    for delivery in found.deliveries:
        true = CHAIN_CAUSES[delivery.receiver]
        score.add(true, delivery.cause or delivery.outcome, (true,), f"chain, leg {delivery.leg}")
    return score


def real_truth(folder: Path) -> list[dict[str, Any]]:
    """The true rows from which the logs let the cause be inferred."""
    rows = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
    return [row for row in rows if row["inferable"] == "yes"]


def copies_of(row: Mapping[str, Any], by_pair: Mapping[tuple[str, str], Sequence[Delivery]]) -> list[Delivery]:
    """The deliveries of one true row: every accepted copy of the logical message to this recipient."""
    ids = {submit["msgid"] for submit in row["submits"] if submit["accepted"]} | {submit.get("original_msgid") for submit in row["submits"]}
    pair = row["recipient"].lstrip("+"), row["sender"].lstrip("+")
    return [delivery for delivery in by_pair.get(pair, ()) if delivery.message in ids]


def score_real(folder: Path, found: Judged) -> Score:
    """Every inferable row once: its copies are one message, so any of them may show the cause, and one retrieved copy is a delivery."""
    score = Score()
    by_pair: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for delivery in found.deliveries:
        by_pair[delivery.receiver, delivery.sender].append(delivery)
    for number, row in enumerate(real_truth(folder)):
        true, accepted = row["expected_cause"], set(row["acceptable_causes"])
        copies = copies_of(row, by_pair)
        if row["expected_outcome"].startswith("retrieved"):
            copies = [copy for copy in copies if copy.outcome == "delivered"]
        causes = [_cause_of(copy, true) for copy in copies] or ["not found"]
        best = min(causes, key=lambda cause: (cause != true, cause not in accepted))
        score.add(true, best, accepted, f"real day, inferable row {number}")
    return score


def accused_real(folder: Path, found: Judged) -> Accusations:
    """Findings about subscribers beside those that the day's own list expects."""
    expected = {row["msisdn"].lstrip("+"): row["expected_finding"] for row in map(json.loads, _lines(folder / "subscribers.jsonl"))}
    said = Accusations()
    for finding in found.findings:
        if finding.subject_kind == "subscriber":
            said.findings[finding.cause] += 1
            if expected.get(finding.subject) != finding.cause:
                said.false.append(f"{finding.subject} {finding.cause}")
    return said


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()
