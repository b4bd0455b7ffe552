"""docs/dialects.md: every example is a configuration that reads its own sample lines, and every dialect has a section."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mmsd.logs import DIALECTS
from mmsd.logs.http import KNOWN, MSISDN_HEADERS
from mmsd.model import COLUMNS, Kind
from tests.logs.tables import make, whole

TEXT = (Path(__file__).resolve().parents[2] / "docs/dialects.md").read_text()
FEEDS: dict[str, dict[str, Any]] = {}
for block in re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL):
    FEEDS.update(tomllib.loads(block)["feeds"])
SAMPLES = [(name, sample) for name, feed in FEEDS.items() for sample in feed.get("samples", ())]


def test_every_dialect_is_documented() -> None:
    assert set(re.findall(r"^## ([a-z-]+)$", TEXT, re.MULTILINE)) == set(DIALECTS)
    assert {feed["dialect"] for feed in FEEDS.values()} == set(DIALECTS)


def test_known_formats_and_headers_are_documented() -> None:
    for name in KNOWN:
        assert f"`{name}`" in TEXT
    assert KNOWN["mms"] in TEXT
    for header in MSISDN_HEADERS:
        assert header in TEXT.lower()


@pytest.mark.parametrize("name", FEEDS)
def test_options_of_an_example_are_accepted(name: str) -> None:
    make(FEEDS[name]["dialect"], FEEDS[name].get("options"))


@pytest.mark.parametrize(("name", "sample"), SAMPLES, ids=[name for name, _ in SAMPLES])
def test_an_example_reads_its_sample(name: str, sample: dict[str, Any]) -> None:
    feed = FEEDS[name]
    dialect = make(feed["dialect"], feed.get("options"))
    parsed = whole(dialect, dialect.sample(sample["line"]))
    assert parsed.rejects.total == 0, parsed.rejects.samples
    records = parsed.records
    for column, expected in sample["expect"].items():
        if column == "kind":
            found: object = Kind(int(records["kind"][0])).name
        elif isinstance(expected, int) or column in ("sender", "receiver", "imsi"):
            found = type(expected)(int(records[column][0]))
        else:
            found = records.text(column, 0).decode()
        assert found == expected, column
    assert COLUMNS.keys() >= records.columns.keys()
