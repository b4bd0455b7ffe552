"""What became of copies, by API and by command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from mmsd import app, config
from mmsd.cli import main
from mmsd.model import HOUR, Batch, CopyCount, HeldCopy
from mmsd.store import Needs
from mmsd.store.sqlite import SqliteStore
from tests.web.house import HOUR_OF_NOON, NOON, RECEIVER, SENDER, House, feed
from tests.web.stored import stored
from tests.web.test_api import get

COUNTS = [
    CopyCount(HOUR_OF_NOON, "mirror", "exact", "torch", 3), CopyCount(HOUR_OF_NOON - 1, "mirror", "exact", "torch", 2),
    CopyCount(HOUR_OF_NOON, "mirror", "unopened", "", 40), CopyCount(HOUR_OF_NOON, "", "joined", "torch", 4),
    CopyCount(HOUR_OF_NOON, "", "no_log", "torch", 1), CopyCount(HOUR_OF_NOON, "", "ambiguous", "torch", 1),
    CopyCount(HOUR_OF_NOON - 1, "", "ambiguous", "torch", -1),
]  # fmt: skip
DOUBTED = HeldCopy(NOON, "no_log", "torch", "leg-1", SENDER, RECEIVER)


def test_what_became_of_them_and_what_is_held(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.shelf.copied, house.shelf.doubted = COUNTS, [DOUBTED]
    told = get(house, "/api/v1/copies")
    assert [(row["tap"], row["what"], row["n"]) for row in told["copies"]] == [
        ("", "joined", 4), ("", "no_log", 1), ("mirror", "exact", 5), ("mirror", "unopened", 40),
    ]  # fmt: skip
    assert [(row["what"], row["seed"], row["receiver"]) for row in told["held"]] == [("no_log", "leg-1", "86138****1234")]
    assert SENDER not in json.dumps(told)
    assert [row["n"] for row in get(house, "/api/v1/copies?from=2026-11-22T12:00:00Z&limit=1")["copies"]] == [1, 4, 1, 3, 40]


def test_submits_without_a_copy_are_told_where_a_tap_copies_all(tmp_path: Path) -> None:
    """Of the hours of which all copies were looked into; of a tap that does not say so nobody knows."""
    house = House(tmp_path)
    posted = [CopyCount(HOUR_OF_NOON - 1, "spool", "submitted", "", 50), CopyCount(HOUR_OF_NOON, "spool", "submitted", "", 60)]
    seen = [CopyCount(HOUR_OF_NOON - 1, "spool", "unopened", "", 44), CopyCount(HOUR_OF_NOON - 1, "spool", "exact", "torch", 3)]
    house.shelf.copied = [*COUNTS, *posted, *seen]

    def missing(mark: int) -> dict[str, int]:
        house.health = msgspec.structs.replace(house.health, feeds=(msgspec.structs.replace(feed("copies"), mark=mark),))
        return {row["tap"]: row["n"] for row in get(house, "/api/v1/copies")["copies"] if row["what"] == "no_copy"}

    assert missing(0) == {}
    assert missing(HOUR_OF_NOON * HOUR) == {"spool": 3}
    assert missing(HOUR_OF_NOON * HOUR + HOUR - 1) == {"spool": 3}
    assert missing((HOUR_OF_NOON + 1) * HOUR) == {"spool": 63}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "mmsd.toml"
    path.write_text('[state]\ndirectory = "state"\n[feeds.mmsc1]\ndialect = "mbuni"\npaths = ["mmsc.log"]\n')
    settings = config.load(path)
    keys = app.load_keys(settings)
    with SqliteStore.open(settings.state.directory, settings=settings.store, keys=keys, wall=lambda: NOON) as store:
        held: list[tuple[bytes, HeldCopy | None]] = [(b"1" * 16, DOUBTED), (b"2" * 16, DOUBTED)]
        store.transact(Needs(), lambda _: Batch(NOON, copied=COUNTS, held_copies=held))
        store.transact(Needs(), lambda _: Batch(NOON + 1, copied=COUNTS[:1], held_copies=[(b"2" * 16, None)]))
    return path


def test_those_that_are_held_come_page_by_page(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        rows = [msgspec.structs.replace(DOUBTED, at=NOON + n // 3, seed=f"s{n}") for n in range(10)]  # three of a moment
        held: list[tuple[bytes, HeldCopy | None]] = [(bytes([n]) * 16, row) for n, row in enumerate(rows)]
        store.transact(Needs(), lambda _: Batch(NOON, held_copies=held))
        house = House(tmp_path / "house", reader=store)

        async def story(client: Any) -> None:
            found: list[str] = []
            after = ""
            while after is not None:
                page = await (await client.get("/api/v1/copies", params={"limit": "4", "after": after})).json()
                found += [row["seed"] for row in page["held"]]
                after = page["after"]
            assert found == [f"s{n}" for n in (9, 6, 7, 8, 3, 4, 5, 0, 1, 2)]
            for wrong in ("x", "1.zz", "1.2.3"):
                assert (await client.get("/api/v1/copies", params={"after": wrong})).status == 400

        house.visit(story)


def test_the_command_shows_the_same(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    asked = ["copies", str(written), "--from", "2026-11-22", "--to", "2026-11-23"]
    shown = CliRunner().invoke(main, asked)
    assert "(the logs)" in shown.output
    rows = json.loads(CliRunner().invoke(main, [*asked, "--json"]).output)
    assert {(row["tap"], row["what"]): row["n"] for row in rows}["mirror", "exact"] == 8
    (row,) = json.loads(CliRunner().invoke(main, ["copies", str(written), "--held", "--json"]).output)
    assert (row["what"], row["sender"], row["receiver"]) == ("no_log", "86139****5432", "86138****1234")
    assert CliRunner().invoke(main, ["copies", str(written), "--from", "2026-11-01", "--to", "2026-11-02"]).output == "None.\n"
    refused = CliRunner().invoke(main, ["copies", str(written), "--from", "2026-11-02", "--to", "2026-11-01"])
    assert (refused.exit_code, "hours; 1 to" in refused.output) == (2, True)
