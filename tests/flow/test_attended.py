"""Of whom care waits for proof, what runs by the book is told as well: who asked for settings himself has no finding that does it."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mmsd.rules.casework import Shown
from mmsd.rules.mending import Proof, Sign
from mmsd.rules.tidings import unpack
from mmsd.store.sqlite import Settings, SqliteStore
from tests.flow import rig
from tests.flow.conftest import Houses


def everybody(logs: Path) -> frozenset[int]:
    lines = (logs / "subscribers.jsonl").read_bytes().splitlines()
    return frozenset(int(msgspec.json.decode(line)["number"]) for line in lines)


def proofs(run: rig.House) -> Iterator[tuple[str, Proof]]:
    """Whatever care was told, by number."""
    with SqliteStore.open(run.state, settings=Settings(durable=False), keys=rig.KEYS, wall=run.clock.wall) as store:
        for what, body, sealed in store._all("SELECT t.what, t.body, p.sealed FROM tiding t JOIN subscriber p ON p.id = t.subscriber"):
            news = unpack(what, body)
            for one in news.proofs if isinstance(news, Shown) else ():
                yield rig.KEYS.open_number(sealed), one


def fetched(run: rig.House) -> dict[str, dict[int, bool]]:
    """Of each number when he fetched messages, and whether care was told in the end that it was over his own choice of access point.

    His session may be read after the fetch: then care is told twice.
    """
    told: defaultdict[str, dict[int, bool]] = defaultdict(dict)
    for number, one in proofs(run):
        if one.sign is Sign.RETRIEVED:
            times = told[number]
            times[one.at] = times.get(one.at, False) or one.own_choice
    return told


@pytest.mark.parametrize("life", ["plain", "history"])
def test_what_runs_by_the_book_is_proof_for_whom_care_attends(house: Houses, province: Path, seed: int, life: str) -> None:
    awaited = everybody(province)
    draw = random.Random(seed)
    some = frozenset(draw.sample(sorted(awaited), len(awaited) // 2))
    slow = house(seed, keep_all=False, express=False, mending=lambda: some)
    slow.read_all()
    expected = fetched(slow)
    assert len(expected) > 10
    quick = house(seed, keep_all=False, mending=lambda: some)
    if life == "plain":
        quick.read_all()
    else:
        quick.history()
    assert fetched(quick) == expected


def test_the_first_session_is_proof_for_whom_care_attends_without_a_finding(house: Houses, province: Path, seed: int) -> None:
    """Also for who only browses: staff asked for his packet data, and no delivery of his is judged."""
    apn = json.loads((province / "feeds.json").read_text())["expected"]["mms_apn"]
    began = {
        f"86{found[1]}"
        for file in province.glob("radius/*/detail-*")
        for record in file.read_text().split("\n\n")
        if "Acct-Status-Type = Start" in record and f'Called-Station-Id = "{apn}"' in record
        and (found := re.search(r'Calling-Station-Id = "\+?86(\d+)"', record))
    }  # fmt: skip
    idle = began - {f"{number}" for number in everybody(province)}
    awaited = frozenset(map(int, began))
    run = house(seed, keep_all=False, mending=lambda: awaited)
    run.history()
    assert {number for number, one in proofs(run) if one.sign is Sign.SESSION} == began
    assert idle
