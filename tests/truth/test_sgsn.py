"""Refused activations, from log lines to verdict: tests/data/sgsn read by the configuration that docs/dialects.md gives."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from bench.judged import Judged, judged
from mmsd import config
from mmsd.model import Delivery
from tests.truth.widening import may_become

ROOT: Final = Path(__file__).resolve().parents[2]
DAY: Final = ROOT / "tests/data/sgsn"
FILES: Final = {"mmsc2": "mms_20261122.log", "sgsn1": "sm_events_20261122.csv"}


def feeds() -> dict[str, config.Feed]:
    examples: dict[str, Any] = {}
    for block in re.findall(r"```toml\n(.*?)```", (ROOT / "docs/dialects.md").read_text(), re.DOTALL):
        examples.update(tomllib.loads(block)["feeds"])
    return {
        name: config.Feed(examples[name]["dialect"], (DAY / file,), role=examples[name]["role"], options=examples[name]["options"])
        for name, file in FILES.items()
    }


def told(*names: str) -> dict[str, Delivery]:
    found: Judged = judged(config.Settings({name: feed for name, feed in feeds().items() if name in names}), to_the_end=True)
    return {delivery.receiver[-2:]: delivery for delivery in found.deliveries}


@pytest.fixture(scope="module")
def both() -> dict[str, Delivery]:
    return told("mmsc2", "sgsn1")


VERDICTS: Final = {
    "01": ("U2", "BAD_APN", 0.95),  # asked for a name nobody knows
    "02": ("U3", "BAD_APN", 0.85),  # another access point, to which he did not subscribe
    "03": ("U4", "NOT_PROVISIONED", 0.9),  # the right one, not subscribed
    "04": ("U4", "NOT_PROVISIONED", 0.9),  # no packet service at all
    "05": ("U5", "NODE_FAULT", 0.8),  # the network failed, twice
    "06": ("U2", "BAD_APN", 0.95),  # the GGSN knows no such name
    "07": ("U9", "EXPIRED", 0.9),  # refused first, then the right session: no proof that the push came
    "08": ("U16", "EXPIRED", 0.9),  # refused long after the push
    "09": ("U16", "EXPIRED", 0.9),  # refused before it
    "10": ("U3", "BAD_APN", 0.85),  # wrong password
}


@pytest.mark.parametrize("receiver", VERDICTS)
def test_what_an_sgsn_shows(both: dict[str, Delivery], receiver: str) -> None:
    delivery = both[receiver]
    assert (delivery.rule, delivery.cause, delivery.confidence) == VERDICTS[receiver]
    if delivery.rule in ("U2", "U3", "U4", "U5"):
        assert "sgsn1" in {evidence.feed for evidence in delivery.evidence}


def test_without_it_every_verdict_is_wider(both: dict[str, Delivery]) -> None:
    alone = told("mmsc2")
    assert {delivery.rule for delivery in alone.values()} == {"U16"}
    assert [receiver for receiver in VERDICTS if not may_become(both[receiver], alone[receiver])] == []
