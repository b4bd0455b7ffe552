"""Ten minutes of real nodes with copies of what was really posted: who sent the seed on to whom, and got it delivered, is found again.

The pictures of that day carry no mark, so their octets are registered, as those of an altered seed are once it was recognised.
Everything else is as on any day: PDUs with what a tap knows, worker processes, the journal, the MMSC's log, which tells nothing of
contents.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from bench.score import real_day_settings
from mmsd import app, config
from mmsd.codec import mms
from mmsd.flow import inspect
from mmsd.flow.lineage import Resolving
from mmsd.model import HOUR, SECOND, Batch, Forward, LearnedOctets, NewSeed, SeedEntry, SeedPart
from mmsd.rules.settings import CampaignSettings
from mmsd.seeds.contents import contents
from mmsd.seeds.making import Original
from mmsd.seeds.seed import RegisteredSeed, key_name
from mmsd.store import Needs
from mmsd.store.sqlite import Settings, SqliteStore
from tests.flow import rig

CAMPAIGN: Final = CampaignSettings(
    id="torch", name="Torch relay", starts="2026-11-01", ends="2026-12-31", seeds=(), senders=("10658366",), hold=2.0, resend=45.0
)
EVENING: Final = 1_795_348_800_000_000 + 2 * HOUR
"""Hours after the day's last line."""
MIDNIGHT: Final = EVENING + 2 * HOUR
"""When the day is closed, and where its forwards came from is looked at again: copies are judged in no order."""
Pair = tuple[str, str]


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "samples/real-day"


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[dict[str, Any]]:
    return [row for row in map(json.loads, (folder / "truth.jsonl").read_text().splitlines()) if row["is_seed_content"]]


def pictures(folder: Path, rows: list[dict[str, Any]]) -> set[bytes]:
    """Digests of the seed's picture in all the forms in which it was posted."""
    found = set()
    for row in rows:
        for submit in row["submits"]:
            if str(submit["pdu"]).endswith(".mms") and (path := folder / "pdus" / submit["pdu"]).exists():
                pdu = path.read_bytes()
                found |= {hashlib.sha256(part.body).digest() for part in contents(mms.parts(pdu, mms.decode(pdu)).parts) if part.is_picture}
    return found


@pytest.mark.parametrize("answers", [True, False], ids=["a tap that sees answers", "a mirror"])
def test_forwards_are_those_of_the_truth(folder: Path, rows: list[dict[str, Any]], tmp_path: Path, answers: bool) -> None:
    """A mirror sees what was posted, and neither the MMSC's id of it nor whether it was taken. All lies there for hours when mmsd starts,
    and copies are looked at before any log was read: none is given up for that."""
    shutil.copytree(folder / "pdus", tmp_path / "pdus")
    for path in (tmp_path / "pdus").iterdir():
        os.utime(path, (EVENING // SECOND - 7200,) * 2)
    if not answers:
        index = tmp_path / "pdus/index.jsonl"
        known = [json.loads(line) for line in index.read_text().splitlines()]
        index.write_text("".join(json.dumps({**row, "msgid": None, "http_status": None}) + "\n" for row in known))
    tapped = inspect.Settings(folders={"pdus": inspect.Folder(tmp_path / "pdus")})
    settings = app.with_journal(
        msgspec.structs.replace(real_day_settings(folder), copies=tapped, state=config.settings.State(tmp_path / "state"))
    )
    key = rig.KEYS.mark_key
    made = Original((folder / "seed/card.jpg").read_bytes(), key, b"the card of that day").marked("card.jpg")
    seed = RegisteredSeed("s1", "torch", "s1", key_name(key), (made.registered,))
    entry = SeedEntry("torch", "s1", "s1", False, 1, len(made.octets), "", "Li")
    clock = rig.Clock(EVENING)
    with SqliteStore.open(tmp_path / "state", settings=Settings(durable=False), keys=rig.KEYS, wall=clock.wall) as store:
        new = NewSeed(entry, seed.to_bytes(), (SeedPart("image/jpeg", 0, made.octets, made.octets),))
        learned = [LearnedOctets(digest, "torch/s1", 0) for digest in pictures(folder, rows)]
        store.transact(Needs(), lambda _: Batch(EVENING, seeds=[new]))
        store.transact(Needs(), lambda _: Batch(EVENING, learned=learned))
        world = app.World(wall=clock.wall, monotonic=clock.monotonic)
        sequencer = app.intake(settings, store, rig.KEYS, world, campaigns=[CAMPAIGN])

        async def relay() -> None:
            """Each generation is known to hold the seed once the one before was read."""
            taps = app.taps(settings, store, rig.KEYS, world, sequencer.state.seeds_held, lambda: sequencer.heard)
            async with taps.working():
                for _ in range(2):
                    await taps.inspector.round()
                waiting = -1
                while waiting != taps.inspector.waiting:
                    while sequencer.tick():
                        pass
                    waiting = taps.inspector.waiting
                    await taps.inspector.round()

        asyncio.run(relay())
        while sequencer.tick():
            pass
        clock.now = MIDNIGHT + HOUR
        while sequencer.tick():
            pass
        asyncio.run(Resolving(store, sequencer.state.held, sequencer.state.seed_number, wall=clock.wall).turn())
        sequencer.close()
        issued = list(store.all_forwards())
        counts: Counter[str] = Counter()
        for count in store.copies(0, 1 << 40):
            counts[count.what] += count.n
    counted = [one.forward for one in issued if one.forward.counted]
    expected = Counter((row["serial_due_to"].lstrip("+"), row["recipient"].lstrip("+")) for row in rows if row.get("serial_due_to"))
    assert Counter((forward.sender, forward.receiver) for forward in counted) == expected
    assert expected.total() == 185
    assert counts["ambiguous"] == 0
    assert counts["exact"] > 150
    serials = [one.serial for one in issued if one.forward.counted]
    assert len(set(serials)) == 185, "one each"
    assert all(serials)
    assert [(one.forward.reason, one.serial) for one in issued if not one.forward.counted] == [("self", "")], "to oneself: none"
    assert_as_told([one.forward for one in issued], rows)


def at(said: str) -> int:
    return int(datetime.fromisoformat(said).timestamp() * SECOND)


def assert_as_told(forwards: list[Forward], rows: list[dict[str, Any]]) -> None:
    """Each counted forward is one row of the truth: the same retrieval, an accepted submit, a parent that may be, its generation.

    What may differ is what the folder's README calls ambiguous: of several copies that a sender held any may be the parent (4), so that
    generations behind such a one differ, too; a copy that came while a submit was repeated is held by then (3).
    """
    due = [row for row in rows if row.get("serial_due_to")]
    told: dict[bytes, dict[str, Any]] = {}
    for forward in forwards:
        for row in due if forward.counted else ():
            fetched = [
                at(each["t"]) for each in row["evidence"]["gateway_requests"] if each["what"] == "retrieve" and each["status"] == 200
            ]
            same = (forward.sender, forward.receiver) == (row["sender"].lstrip("+"), row["recipient"].lstrip("+"))
            if same and any(0 <= time - forward.retrieved < 2 * SECOND for time in fetched):
                assert forward.key not in told, "two rows were fetched then"
                told[forward.key] = row
    assert len({row["row"] for row in told.values()}) == len(due) == len(told)

    by_copy = {(row["logical_id"], row["recipient"]): row for row in rows}
    known = {forward.key: forward for forward in forwards}
    for key, row in told.items():
        forward = known[key]
        accepted = [at(each["t"]) for each in row["submits"] if each["accepted"]]
        assert any(abs(time - forward.submitted) < 2 * SECOND for time in accepted)
        above = known[forward.parent] if forward.parent is not None else None
        assert forward.generation == (above.generation + 1 if above is not None else 1)
        possible = [by_copy[parent, row["sender"]] for parent in row["possible_parents"]]
        if above is None:
            assert any(each["seed_generation"] == 0 for each in possible), "the service sent it"
        elif told.get(above.key) not in possible:
            assert at(row["submit_time"]) < above.retrieved <= forward.submitted, "it came while the submit was repeated"
        if forward.generation != row["seed_generation"]:
            assert any(each["parent_ambiguous"] for each in lineage(row, by_copy))


def lineage(row: dict[str, Any], by_copy: dict[tuple[str, str], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A row and those above it."""
    while True:
        yield row
        if not row.get("parent"):
            return
        row = by_copy[row["parent"]["logical_id"], "+" + row["parent"]["recipient"].lstrip("+")]
