"""What is known of a handset, what is seen, and what follows."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from mmsd.model import DAY, HOUR, NOT_A_NUMBER
from mmsd.rules.handsets import (
    CHANGE,
    EVENTS,
    HANDSET,
    REFRESH,
    Consequences,
    What,
    changes_of,
    consequences,
    fold,
    merge,
    sightings,
    split_imei,
    unknown,
)  # fmt: skip

LI, WANG = 8613812341234, 8613900005678
NOKIA, ZTE = 35123456789012, 86432101234567
SIM, OTHER_SIM = 460001234567890, 460020987654321
NOW = 1_795_348_800_000_000
WATCHED = NOW - 400 * DAY


def rows(*facts: dict[str, Any]) -> np.ndarray:
    """HANDSET rows; a field that is not given is unknown, and the times of those given are `at`."""
    made = unknown(np.array([fact.get("number", LI) for fact in facts], np.uint64))
    for row, fact in zip(made, facts, strict=True):
        for name, value in fact.items():
            if name == "at":
                for field, time in (("imei", "imei_at"), ("imsi", "imsi_at")):
                    if field in fact:
                        row[time] = value
            else:
                row[name] = value
    return made


def one(before: dict[str, Any], seen: dict[str, Any], watched: int = WATCHED) -> tuple[np.void, int]:
    merged = merge(rows(before), rows(seen), watched=watched)
    return merged.known[0], int(merged.what[0])


KNOWN = {"imei": NOKIA, "software": 3, "imsi": SIM, "at": NOW - DAY, "heard": NOW - DAY}


@pytest.mark.parametrize(
    ("name", "seen", "what"),
    [
        ("the same again", {"imei": NOKIA, "imsi": SIM, "at": NOW}, 0),
        ("another SIM", {"imei": NOKIA, "imsi": OTHER_SIM, "at": NOW}, What.IMSI),
        ("another handset", {"imei": ZTE, "imsi": SIM, "at": NOW}, What.IMEI),
        ("both", {"imei": ZTE, "imsi": OTHER_SIM, "at": NOW}, What.IMEI | What.IMSI),
        ("an attribute that is not there is unknown, never a change", {"heard": NOW}, 0),
        ("another software version is the same handset", {"imei": NOKIA, "software": 4, "at": NOW}, 0),
        ("a late line says what was", {"imei": ZTE, "imsi": OTHER_SIM, "at": NOW - 2 * DAY}, 0),
        ("given to somebody since", {"owner_since": NOW - HOUR}, What.OWNER),
        ("given before what is known of it", {"owner_since": NOW - 30 * DAY}, 0),
        ("ninety days of silence, and back", {"heard": NOW + 90 * DAY}, What.RETURN),
        ("not quite ninety days", {"heard": NOW + 88 * DAY}, 0),
    ],
)
def test_what_is_a_change(name: str, seen: dict[str, Any], what: int):
    known, found = one(KNOWN, seen)
    assert found == what, name
    if found & What.IMEI:
        assert known["imei_since"] == NOW


def test_first_knowledge_is_no_change():
    for seen in ({"imei": NOKIA, "imsi": SIM, "at": NOW}, {"owner_since": NOW}, {"heard": NOW}):
        known, found = one({}, seen)
        assert found == 0
        assert known["imei_since"] == 0


def test_a_silence_that_nobody_watched_is_none():
    """A gap of the feeds looks like silence: before the feed's own history nothing is said of the past (table §1, cold start)."""
    seen = {"heard": NOW + 120 * DAY}
    assert one(KNOWN, seen, watched=NOW)[1] == 0
    assert one(KNOWN, seen, watched=NOW - DAY)[1] == What.RETURN


def test_an_import_breaks_no_silence():
    """The operator's table knows those who never open a session."""
    known, _ = one(KNOWN, {"imei": NOKIA, "imsi": SIM, "at": NOW + 60 * DAY})
    back = merge(np.array([known]), rows({"heard": NOW + 100 * DAY}), watched=WATCHED)
    assert back.what[0] == What.RETURN


def test_the_software_version_goes_with_its_handset():
    assert one(KNOWN, {"imei": NOKIA, "at": NOW})[0]["software"] == 3  # an import writes 15 digits
    assert one(KNOWN, {"imei": NOKIA, "software": 4, "at": NOW})[0]["software"] == 4
    assert one(KNOWN, {"imei": ZTE, "at": NOW})[0]["software"] == -1
    assert one(KNOWN, {"imei": NOKIA, "software": 1, "at": NOW - 2 * DAY})[0]["software"] == 3


def test_each_field_keeps_its_newest_fact():
    known, _ = one({"imei": NOKIA, "at": NOW, "city": 2}, {"imei": ZTE, "imsi": SIM, "at": NOW - DAY})
    assert (known["imei"], known["imsi"], known["imsi_at"], known["city"]) == (NOKIA, SIM, NOW - DAY, 2)


def test_what_is_worth_a_row():
    told = [
        merge(rows(KNOWN), rows(seen), watched=WATCHED).told[0]
        for seen in (
            {"imei": NOKIA, "software": 3, "imsi": SIM, "at": NOW - 1, "heard": NOW - 1},
            {"imei": NOKIA, "software": 3, "imsi": SIM, "at": NOW - DAY + REFRESH},
            {"imei": NOKIA, "software": 4, "at": NOW - 1},
            {"city": 3},
            {"imei": ZTE, "at": NOW - 2 * DAY},
        )
    ]
    assert told == [False, True, True, True, False]


def test_consequences_are_the_tables():
    """Evidence table §4: an IMSI change ends all that was his; an IMEI change ends findings, keeps the consent but asks again."""
    gone = Consequences(findings=True, cases=True, consent=True, holdings=True, forbid_imsi=True)
    for what in (What.IMSI, What.OWNER, What.RETURN):
        assert consequences(what) == gone
    assert consequences(What.IMEI) == Consequences(findings=True, ask_again=True, offer=48 * HOUR)
    assert consequences(What.IMEI | What.IMSI) == gone._replace(ask_again=True, offer=48 * HOUR)
    assert set(EVENTS) == set(What)


def test_changes_name_their_moment():
    before, seen = rows(KNOWN, {"number": WANG}), rows({"imei": ZTE, "at": NOW}, {"number": WANG, "imei": ZTE, "at": NOW})
    changes = changes_of(merge(before, seen, watched=WATCHED), seen)
    assert changes.tolist() == [(LI, NOW, What.IMEI)]
    assert changes.dtype == CHANGE


def test_many_sightings_of_many_numbers():
    before = rows(KNOWN, {"number": WANG})
    seen = rows(
        {"imei": NOKIA, "at": NOW + 3 * HOUR},
        {"imei": ZTE, "at": NOW + HOUR},
        {"number": WANG, "imei": ZTE, "at": NOW},
        {"number": WANG, "imei": ZTE, "imsi": SIM, "at": NOW + HOUR},
        {"imei": ZTE, "at": NOW + 2 * HOUR},
    )
    kept, changes = fold(before, seen, watched=WATCHED)
    assert kept["number"].tolist() == [LI, WANG]
    assert kept["imei"].tolist() == [NOKIA, ZTE]
    assert kept["imei_since"].tolist() == [NOW + 3 * HOUR, 0]
    # a change is of the moment when it was first seen
    assert changes["number"].tolist() == [LI, LI]
    assert changes["at"].tolist() == [NOW + HOUR, NOW + 3 * HOUR]


def test_nothing_seen_is_nothing_kept():
    kept, changes = fold(rows(KNOWN), rows(), watched=WATCHED)
    assert (len(kept), len(changes)) == (0, 0)


def test_folding_is_merging_one_by_one(seed: int, effort: int):
    """However the sightings are cut into rounds, what is known in the end is what one after the other would have left."""
    chance = random.Random(seed)
    for _ in range(20 * effort):
        numbers = np.array(sorted(chance.sample(range(8613800000000, 8613800000020), 5)), np.uint64)
        before = unknown(numbers)
        facts = []
        for _ in range(chance.randrange(1, 40)):
            at = NOW + chance.randrange(200) * DAY // 2
            fact: dict[str, Any] = {"number": int(chance.choice(numbers)), "heard": at, "at": at}
            if chance.random() < 0.7:
                fact["imei"], fact["software"] = chance.choice([(NOKIA, 1), (NOKIA, 2), (ZTE, -1)])
            if chance.random() < 0.7:
                fact["imsi"] = chance.choice([SIM, OTHER_SIM])
            facts.append(fact)
        seen = rows(*facts)
        kept, changes = fold(before, seen, watched=WATCHED)
        known = {int(row["number"]): before[place : place + 1] for place, row in enumerate(before)}
        count = 0
        for fact in sorted(facts, key=lambda fact: fact["at"]):
            merged = merge(known[fact["number"]], rows(fact), watched=WATCHED)
            known[fact["number"]] = merged.known
            count += int(merged.what[0] != 0)
        for row in kept:
            alone = known[int(row["number"])][0]
            assert (row["imei"], row["software"], row["imsi"], row["heard"]) == tuple(
                alone[name] for name in ("imei", "software", "imsi", "heard")
            )
        assert len(changes) <= count


def test_identities_as_nodes_write_them():
    written = ["3512345678901278", "351234567890123", "35123456789012", "0112345678901278", "011234567890123", "", "000000000000000"]
    written += ["111111111111111", "86A", "12345678901234567"]
    digits = np.array([int(text) if text.isdigit() else 0 for text in written], np.uint64)
    length = np.array([len(text) for text in written])
    imei, software = split_imei(digits, length)
    assert imei.tolist() == [35123456789012, 35123456789012, 35123456789012, 1123456789012, 1123456789012, 0, 0, 0, 0, 0]
    assert software.tolist() == [78, -1, -1, 78, -1, -1, -1, -1, -1, -1]
    # accounting keeps a number, and with it no leading zeros
    assert split_imei(digits)[0].tolist()[:5] == imei.tolist()[:5]


def test_sightings_leave_out_what_is_no_number():
    numbers = np.array([LI, 0, NOT_A_NUMBER | 5], np.uint64)
    zeros = np.zeros(3, np.uint64)
    made = sightings(numbers, np.array([NOW, NOW, NOW]), zeros, zeros)
    assert made.dtype == HANDSET
    assert made[["number", "heard", "imei_at"]].tolist() == [(LI, NOW, 0)]
