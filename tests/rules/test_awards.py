"""From log lines to forwards: what is sent again, and what a campaign's rules say of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from bench.judged import Judged, Lists, judged, judged_in_stages
from mmsd import config
from mmsd.model import SECOND, Batch, Holder, Outgoing
from mmsd.rules import outbox
from mmsd.rules.settings import CampaignSettings, Judgement, Operator, SeedSettings
from mmsd.store import Needs
from mmsd.store.sqlite import SqliteStore

NOON: Final = 1_795_348_800  # 2026-11-22T12:00:00Z, 20:00 in Shanghai
MIDNIGHT: Final = NOON + 4 * 3600
SERVICE: Final = 10658366
ANN, BOB, CAT, DAN, EVE = (8613800000001 + n for n in range(5))
ABROAD: Final = 85291234567
MM4: Final = 4

MMSC: Final = {
    "separator": "|",
    "fields": ["at", "kind", "from", "to", "id", "transaction", "size", "interface"],
    "map": {
        "at": {"from": "at", "format": "%s"}, "kind": {"from": "kind", "values": {"SUBMIT": "SUBMIT", "FETCH": "FETCH", "OUT": "SENT_OUT"}},
        "sender": "from", "receiver": {"from": "to", "as": "addresses"}, "message": "id", "transaction": "transaction", "size": "size",
        "interface": {"from": "interface", "as": "int"},
    },
}  # fmt: skip
GATEWAY: Final = {
    "separator": "|",
    "fields": ["at", "number", "status", "answer", "sent", "url"],
    "map": {
        "at": {"from": "at", "format": "%s"},
        "receiver": "number",
        "status": "status",
        "octets": "answer",
        "sent": "sent",
        "url": "url",
    },
    "set": {"kind": "ATTEMPT", "method": "POST"},
}
TAP: Final = {
    "separator": "|",
    "fields": ["at", "from", "to", "transaction", "size", "seed"],
    "map": {
        "at": {"from": "at", "format": "%s"},
        "sender": "from",
        "receiver": "to",
        "transaction": "transaction",
        "size": "size",
        "tag": "seed",
    },
    "set": {"kind": "COPY"},
}


class Line(NamedTuple):
    """One line of the MMSC: seconds after noon."""

    at: int
    kind: str
    sender: int
    receivers: Sequence[int]
    message: str
    transaction: str = ""
    size: int = 150
    interface: int = 1

    def __str__(self) -> str:
        receivers = ",".join(map(str, self.receivers))
        fields = (NOON + self.at, self.kind, self.sender, receivers, self.message, self.transaction, self.size, self.interface)
        return "|".join(map(str, fields)) + "\n"


def sent(at: int, sender: int, receivers: int | Sequence[int], message: str, transaction: str = "", **fields: Any) -> list[Line]:
    """A message that all its receivers fetch two seconds later."""
    to = [receivers] if isinstance(receivers, int) else receivers
    submit = Line(at, "SUBMIT", sender, to, message, transaction, **fields)
    return [submit, *(Line(at + 2, "FETCH", sender, [receiver], message) for receiver in to)]


def campaign(**fields: Any) -> CampaignSettings:
    given: dict[str, Any] = {
        "id": "torch", "name": "Torch", "starts": "2026-11-22", "ends": "2026-11-30", "senders": (str(SERVICE),), "hold": 1.0,
        "seeds": (SeedSettings("s1", messages=tuple(f"s{n}" for n in range(10))),),
    }  # fmt: skip
    return CampaignSettings(**(given | fields))


class Town:
    """Logs of one MMSC and one gateway, and what is said of them."""

    def __init__(self, folder: Path) -> None:
        self.mmsc, self.late, self.gateway, self.tap = (folder / name for name in ("mmsc.log", "mmsc-late.log", "gateway.log", "tap.log"))
        for path in (self.mmsc, self.late, self.gateway, self.tap):
            path.touch()
        self.lists: Lists | None = None
        self.operator = Operator()

    def settings(self) -> config.Settings:
        feeds = {
            "mmsc": config.Feed("columns", (self.mmsc, self.late), role="mmsc", options=MMSC),
            "gateway": config.Feed("columns", (self.gateway,), role="gateway", options=GATEWAY),
        }
        if self.tap.stat().st_size:
            feeds["tap"] = config.Feed("columns", (self.tap,), role="copies", options=TAP)
        return config.Settings(feeds=feeds, judgement=Judgement(grace=0.0, skew=0.0), operator=self.operator)

    def told(
        self, *lines: Line, before: Callable[[SqliteStore], None] | None = None, others: Sequence[CampaignSettings] = (), **fields: Any
    ) -> Judged:
        self.mmsc.write_text("".join(map(str, sorted(lines))))
        return judged(self.settings(), [campaign(**fields), *others], to_the_end=True, lists=self.lists, before=before)

    def copies(self, *copies: tuple[float, int, int, str], seeds: Sequence[str] = ("torch/s1",)) -> None:
        """At a tap: (at, sender, receiver, transaction), each with these seeds."""
        with self.tap.open("a") as tap:
            tap.writelines(
                f"{NOON + at:.0f}|{sender}|{receiver}|{transaction}|150|{seed}\n"
                for at, sender, receiver, transaction in copies for seed in seeds
            )  # fmt: skip

    def posts(self, *posts: tuple[float, int, int, int]) -> None:
        """At the gateway: (at, number, status, octets of the answer)."""
        self.gateway.write_text(
            "".join(f"{NOON + at:.0f}|{number}|{status}|{size}|150|http://mms.example/\n" for at, number, status, size in posts)
        )


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def counted(found: Judged) -> list[str]:
    """Message ids of what counts; each has its serial, and nothing else has one."""
    assert all(bool(issued.serial) == issued.forward.counted for issued in found.forwards)
    assert all((issued.forward.review == "held") <= (not issued.forward.counted) for issued in found.forwards)
    return sorted(issued.forward.message for issued in found.forwards if issued.forward.counted)


def stopped(found: Judged) -> dict[str, tuple[str, str]]:
    """Message id → reason and review of what does not count."""
    return {
        issued.forward.message: (issued.forward.reason, issued.forward.review) for issued in found.forwards if not issued.forward.counted
    }


SEEDED: Final = sent(0, SERVICE, ANN, "s0")

# ---------------------------------------------------------------------------------------------------------- sent again


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (sent(20, ANN, BOB, "s1", "t1"), sent(24, ANN, BOB, "s2", "t2"), ["s1", "s2"]),  # a second one, seconds later
        (sent(20, ANN, BOB, "s1", "t1"), sent(24, ANN, BOB, "s2", "t1"), ["s1"]),  # the same, before its answer came
        (sent(20, ANN, BOB, "s1", "t1"), sent(6000, ANN, BOB, "s2", "t1"), ["s1"]),
        (sent(20, ANN, BOB, "s1", "t1"), sent(24, ANN, BOB, "s2", "t1", size=151), ["s1", "s2"]),  # another session's id
        (sent(20, ANN, BOB, "s1", "t1"), sent(24, ANN, CAT, "s2", "t1"), ["s1", "s2"]),  # to somebody else
        (sent(20, ANN, [BOB, CAT], "s1", "t1"), sent(24, ANN, [CAT, BOB], "s2", "t1"), ["s1", "s1"]),
        (sent(20, ANN, [BOB, CAT], "s1", "t1"), sent(24, ANN, BOB, "s2", "t1"), ["s1", "s1", "s2"]),  # to another set of people
        (sent(20, ANN, BOB, "s1"), sent(24, ANN, BOB, "s2"), ["s1", "s2"]),  # nobody knows any transaction
    ],
)
def test_a_transaction_that_comes_again_is_one_attempt(town: Town, first: list[Line], second: list[Line], expected: list[str]):
    assert counted(town.told(*SEEDED, *first, *second)) == expected


@pytest.mark.parametrize(("second", "expected"), [("t1", ["s1"]), ("t2", ["s1", "s2"])])
def test_a_copy_tells_the_transaction(town: Town, second: str, expected: list[str]):
    """Two seconds apart and equally long: which copy is whose tells their order alone."""
    town.copies((20, ANN, BOB, "t1"), (22, ANN, BOB, second))
    assert counted(town.told(*SEEDED, *sent(20, ANN, BOB, "s1"), *sent(22, ANN, BOB, "s2"))) == expected


@pytest.mark.parametrize(
    ("status", "octets", "expected"),
    [(200, 60, ["s1", "s2"]), (200, 5, ["s1"]), (200, 0, ["s1"]), (502, 60, ["s1"]), (0, 0, ["s1"])],
)
def test_an_attempt_that_was_not_answered_is_sent_again(town: Town, status: int, octets: int, expected: list[str]):
    town.posts((20, ANN, status, octets), (60, ANN, 200, 60))
    lines = [*SEEDED, *sent(20, ANN, BOB, "s1"), *sent(60, ANN, BOB, "s2")]
    assert counted(town.told(*lines)) == expected
    assert counted(town.told(*lines, resend=30.0)) == ["s1", "s2"]


def test_overlapping_tries_of_one_message_are_one(town: Town):
    """Each begins before the one before is answered, under ids of their own; the last answer comes."""
    town.posts((20, ANN, 504, 0), (25, ANN, 504, 0), (30, ANN, 200, 60), (90, ANN, 200, 60))
    tries = [*sent(20, ANN, BOB, "s1", "t1"), *sent(25, ANN, BOB, "s2", "t2"), *sent(30, ANN, BOB, "s3", "t3")]
    assert counted(town.told(*SEEDED, *tries, *sent(90, ANN, BOB, "s4", "t4"))) == ["s1", "s4"]  # the fourth is meant


@pytest.mark.parametrize("apart", [39, 42, 45])
@pytest.mark.parametrize("fetched", [("a1", "b1", "a2", "b2"), ("a2", "b2", "a1", "b1"), ("a1", "b2"), ("a2", "b1"), ("b2", "a2")])
@pytest.mark.parametrize("lost", ["a1 b1", "a1", "b1", ""])
def test_two_messages_that_are_both_sent_again_in_turn_are_two(town: Town, apart: int, fetched: Sequence[str], lost: str):
    """One sender, one receiver, equally long: A, B, A again, B again. Copies alone tell the seed and the transactions."""
    times = {"a1": 20, "b1": 20 + apart, "a2": 70, "b2": 70 + apart}
    town.copies(*((at, ANN, BOB, f"t-{name[0]}") for name, at in times.items()))
    town.posts(*((at, ANN, 504, 0) if name in lost.split() else (at, ANN, 200, 60) for name, at in times.items()))
    submits = [Line(at, "SUBMIT", ANN, [BOB], name) for name, at in times.items()]
    fetches = [Line(200 + 10 * place, "FETCH", ANN, [BOB], name) for place, name in enumerate(fetched)]
    assert counted(town.told(*SEEDED, *submits, *fetches, hold=60.0)) == sorted(fetched[:2])


@pytest.mark.parametrize("names", [("Nokia 6600",), ("nokia 6600",), ("35887700",)])
def test_a_model_that_sends_again_of_itself(town: Town, tmp_path: Path, names: tuple[str, ...]):
    handsets, tac = tmp_path / "handsets.csv", tmp_path / "tac.csv"
    handsets.write_text(f"msisdn,imei\n{ANN},358877001234567\n{CAT},351111001234567\n")
    tac.write_text("tac,manufacturer,model,mms\n35887700,Nokia,6600,yes\n35111100,Siemens,S55,yes\n")
    town.lists = Lists(handsets, tac, NOON * SECOND)
    lines = [
        *SEEDED, *sent(0, SERVICE, CAT, "s5"), *sent(20, ANN, BOB, "s1"), *sent(60, ANN, BOB, "s2"), *sent(100, ANN, BOB, "s3", size=149),
        *sent(20, CAT, BOB, "s6"), *sent(60, CAT, BOB, "s7"),
    ]  # fmt: skip
    assert counted(town.told(*lines)) == ["s1", "s2", "s3", "s6", "s7"]
    assert counted(town.told(*lines, resends=names)) == ["s1", "s3", "s6", "s7"]


@pytest.mark.parametrize("late", ["s1", "s2", "both"])
def test_a_line_that_is_hours_late_does_not_pay_twice(town: Town, late: str):
    first, second = sent(20, ANN, BOB, "s1", "t1"), sent(24, ANN, BOB, "s2", "t1")
    then = {"s1": first, "s2": second, "both": [*first, *second]}[late]
    now = [line for line in (*SEEDED, *first, *second) if line not in then]
    town.mmsc.write_text("".join(map(str, [*now, *sent(60, EVE, DAN, "plain")])))
    lines = "".join(map(str, sorted(then)))
    early, found = judged_in_stages(town.settings(), [campaign()], {town.late: lines.encode()}, (NOON + 3600) * SECOND, 3600 * SECOND)
    assert len(counted(early)) == (0 if late == "both" else 1)
    assert counted(found) == (counted(early) or ["s1"])


# ----------------------------------------------------------------------------------------------------------- the rules

CHAIN: Final = [*SEEDED, *sent(20, ANN, BOB, "s1"), *sent(40, BOB, CAT, "s2")]


def test_the_published_rules_let_all_count(town: Town):
    back = [*sent(60, CAT, ANN, "s3"), *sent(80, BOB, ANN, "s4"), *sent(100, ANN, BOB, "s5"), *sent(120, ANN, BOB, "s6")]
    assert counted(town.told(*CHAIN, *back)) == ["s1", "s2", "s3", "s4", "s5", "s6"]


@pytest.mark.parametrize(("hops", "held"), [(0, []), (1, ["s4"]), (2, ["s3", "s4"]), (3, ["s3", "s4"])])
def test_a_ring_is_held(town: Town, hops: int, held: list[str]):
    """Cat, who has it from Bob, who has it from Ann, gives it to Ann; Bob gives it back to Ann."""
    found = town.told(*CHAIN, *sent(60, CAT, ANN, "s3"), *sent(80, BOB, ANN, "s4"), ring=hops)
    assert stopped(found) == dict.fromkeys(held, ("ring", "held"))


def test_what_came_later_makes_no_ring(town: Town):
    """Bob sent to Ann before Ann ever sent to Bob."""
    lines = [*SEEDED, *sent(0, SERVICE, BOB, "s5"), *sent(20, BOB, ANN, "s1"), *sent(40, ANN, CAT, "s2")]
    assert stopped(town.told(*lines, *sent(60, CAT, BOB, "s3"), ring=1)) == {}


def test_a_receiver_who_held_the_seed_before(town: Town):
    lines = [*SEEDED, *sent(0, SERVICE, CAT, "s5"), *sent(20, ANN, BOB, "s1"), *sent(40, CAT, BOB, "s2"), *sent(60, BOB, ANN, "s3")]
    found = town.told(*lines, new_receiver=True)
    assert counted(found) == ["s1"]
    assert stopped(found) == dict.fromkeys(("s2", "s3"), ("held_before", "held"))


def served(number: int, at: int, state: str, campaign: str = "torch") -> Callable[[SqliteStore], None]:
    """He asked for the seed by its word and was sent it over MM7, so many seconds after noon; no log shows that message as a seed's."""

    def write(store: SqliteStore) -> None:
        row = Outgoing(
            b"asked%d" % number, "transactional", "seed", str(number), "", outbox.READY, 1, 2 << 60, content=b"", campaign=campaign
        )
        holder = Holder(campaign, "s1", str(number), "keyword", "asked", (NOON + at - 3) * SECOND, attempt=1, key=row.key)
        store.transact(Needs(), lambda _: Batch(1, outbox=[row], holders=[holder]))
        sent = outbox.claimed(row, "mm7", 1, now=(NOON + at) * SECOND, fence=1)
        store.transact(Needs(), lambda _: Batch(1, moved=[outbox.moved(sent, state)]))

    return write


@pytest.mark.parametrize("state", [outbox.SENT, outbox.DELIVERED])
def test_who_asked_for_the_seed_holds_it_though_no_log_shows_that(town: Town, state: str):
    lines = [*sent(0, SERVICE, ANN, "s0"), *sent(20, ANN, BOB, "s1"), *sent(60, BOB, CAT, "s2")]
    (_, to_cat) = [one.forward for one in town.told(*lines).forwards]
    assert to_cat.generation == 2  # by the copy of Ann's
    (_, to_cat) = [one.forward for one in town.told(*lines, before=served(BOB, 40, state)).forwards]
    assert (to_cat.generation, to_cat.parent, to_cat.parents, to_cat.received) == (1, None, 2, (NOON + 40) * SECOND)
    (_, to_cat) = [one.forward for one in town.told(*lines, before=served(BOB, 40, state, "lantern")).forwards]
    assert to_cat.generation == 2  # of another campaign


def test_who_asked_for_the_seed_is_no_new_receiver_once_the_mmsc_says_that_he_has_it(town: Town):
    lines = [*SEEDED, *sent(60, ANN, CAT, "s1")]
    for state, stops in ((outbox.SENT, {}), (outbox.FAILED, {}), (outbox.DELIVERED, {"s1": ("held_before", "held")})):
        assert stopped(town.told(*lines, new_receiver=True, before=served(CAT, 40, state))) == stops, state


def test_senders_have_their_caps(town: Town):
    day = MIDNIGHT - NOON
    times = (20, 40, 60, day + 20, day + 40)
    lines = [line for n, at in enumerate(times, 1) for line in sent(at, ANN, BOB + n, f"s{n}")]
    assert stopped(town.told(*SEEDED, *lines, sender_cap=3)) == dict.fromkeys(("s4", "s5"), ("sender_cap", "held"))
    assert stopped(town.told(*SEEDED, *lines, sender_daily=1)) == dict.fromkeys(("s2", "s3", "s5"), ("sender_daily", "held"))
    assert stopped(town.told(*SEEDED, *lines, sender_daily=3)) == {}


def test_fan_in_counts_other_senders_of_the_day(town: Town):
    """Two senders may reach Eve in a day, each as often as he likes."""
    lines = [
        *SEEDED, *sent(0, SERVICE, [BOB, CAT, DAN], "s0"), *sent(20, ANN, EVE, "s1"), *sent(40, BOB, EVE, "s2"), *sent(60, ANN, EVE, "s3"),
        *sent(80, CAT, EVE, "s4"), *sent(MIDNIGHT - NOON + 20, DAN, EVE, "s5"),
    ]  # fmt: skip
    found = town.told(*lines, fan_in=2)
    assert counted(found) == ["s1", "s2", "s3", "s5"]
    assert stopped(found) == {"s4": ("fan_in", "held")}


def test_the_first_rule_that_is_broken_is_the_reason(town: Town):
    lines = [*SEEDED, *sent(20, ANN, ANN, "s1"), *sent(40, ANN, BOB, "s2"), *sent(60, BOB, ANN, "s3")]
    found = town.told(*lines, new_receiver=True, ring=1, sender_cap=1, pair_cap=1)
    assert {message: reason for message, (reason, _) in stopped(found).items()} == {"s1": "self", "s3": "held_before"}


# --------------------------------------------------------------------------------------------------- other networks


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [((), ["s1"]), (("senders",), ["s1", "s2"]), (("receivers",), ["s1", "s3"]), (("senders", "receivers"), ["s1", "s2", "s3", "s4"])],
)
def test_other_networks_are_told_apart_by_number(town: Town, allowed: tuple[str, ...], expected: list[str]):
    town.operator = Operator(numbers=("86138",))
    lines = [
        *SEEDED, *sent(20, ANN, BOB, "s1"), *sent(40, ABROAD, BOB, "s2"), *sent(60, ANN, ABROAD, "s3"), *sent(80, ABROAD, ABROAD + 1, "s4"),
    ]  # fmt: skip
    found = town.told(*lines, off_net=allowed)
    assert counted(found) == expected
    assert {issued.forward.message: issued.forward.off_net for issued in found.forwards} == {
        "s1": "", "s2": "sender", "s3": "receiver", "s4": "both"
    }  # fmt: skip
    assert set(stopped(found).values()) <= {("off_net", "")}


def test_a_submit_from_another_mmsc_is_of_another_network(town: Town):
    found = town.told(*SEEDED, *sent(20, ANN, BOB, "s1", interface=MM4))
    assert [(issued.forward.off_net, issued.forward.reason, issued.forward.review) for issued in found.forwards] == [
        ("sender", "off_net", "")
    ]


# --------------------------------------------------------------------------------------------------- where it came from


def test_parents_are_the_last_copy_and_how_many_it_may_have_been(town: Town):
    lines = [*SEEDED, *sent(10, SERVICE, BOB, "s5"), *sent(20, ANN, BOB, "s1"), *sent(40, BOB, CAT, "s2")]
    to_cat = next(issued.forward for issued in town.told(*lines).forwards if issued.forward.message == "s2")
    assert (to_cat.generation, to_cat.parents, to_cat.received) == (2, 2, (NOON + 22) * SECOND)


SIBLINGS: Final = (SeedSettings("s1", messages=tuple(f"s{n}" for n in range(10))), SeedSettings("t1", messages=("t0", "t1", "t2", "t3")))
RELAY: Final = [
    *sent(0, SERVICE, ANN, "s0"), *sent(0, SERVICE, EVE, "t0"), *sent(20, ANN, BOB, "s1"), *sent(40, EVE, BOB, "t1"),
    *sent(60, BOB, CAT, "s2"), *sent(80, BOB, CAT, "t2"), *sent(100, BOB, EVE, "s3"), *sent(120, CAT, DAN, "s4"),
    *sent(140, CAT, DAN, "t3"),
]  # fmt: skip
"""Ann has one of two siblings from the service, and Eve the other; Bob and Cat get both and pass both on."""


def came_of(found: Judged) -> dict[str, tuple[str, int, int]]:
    """Message → its parent's, generation, copies that it may have come of."""
    messages = {issued.forward.key: issued.forward.message for issued in found.forwards}
    return {
        issued.forward.message: (messages.get(issued.forward.parent or b"", ""), issued.forward.generation, issued.forward.parents)
        for issued in found.forwards
    }


def test_a_forward_of_a_sibling_comes_of_a_copy_of_that_sibling(town: Town):
    found = town.told(*RELAY, seeds=SIBLINGS)
    assert came_of(found) == {
        "s1": ("", 1, 1), "t1": ("", 1, 1), "s2": ("s1", 2, 1), "t2": ("t1", 2, 1), "s3": ("s1", 2, 1), "s4": ("s2", 3, 1),
        "t3": ("t2", 3, 1),
    }  # fmt: skip
    assert counted(found) == sorted(came_of(found))
    assert stopped(town.told(*RELAY, seeds=SIBLINGS, new_receiver=True)) == dict.fromkeys(
        ("t1", "t2", "s3", "t3"), ("held_before", "held")
    )  # rules are of the campaign


def test_whom_nobody_was_seen_to_give_that_sibling_is_the_first_of_it(town: Town):
    lines = [*SEEDED, *sent(20, ANN, BOB, "s1"), *sent(60, BOB, CAT, "t1")]
    assert came_of(town.told(*lines, seeds=SIBLINGS)) == {"s1": ("", 1, 1), "t1": ("", 1, 0)}


def test_which_sibling_the_service_sent_whoever_asked_is_known(town: Town):
    lines = [*sent(0, SERVICE, EVE, "t0"), *sent(20, EVE, BOB, "t1"), *sent(60, BOB, CAT, "t2"), *sent(80, BOB, CAT, "s1")]
    found = town.told(*lines, seeds=SIBLINGS, before=served(BOB, 40, outbox.DELIVERED))
    assert came_of(found) == {"t1": ("", 1, 1), "t2": ("t1", 2, 1), "s1": ("", 1, 1)}


# ------------------------------------------------------------------------------------------- several seeds in one message

LAMPS: Final = CampaignSettings("lamps", "Lamps", "2026-11-22", "2026-11-30", (SeedSettings("l1"),), hold=30.0)
BOTH: Final = ("torch/s1", "lamps/l1")
PLAIN: Final = (SeedSettings("s1"), SeedSettings("t1"))
"""Two siblings, which no line names."""


def of_campaign(found: Judged, name: str) -> list[tuple[str, str, bool]]:
    """(message, reason, whether there is a serial) of each of its forwards."""
    of = [one for one in found.forwards if one.forward.campaign == name]
    return sorted((one.forward.message, one.forward.reason, bool(one.serial)) for one in of)


def test_a_message_with_seeds_of_two_campaigns_is_a_forward_in_each(town: Town):
    """Each by its own rules: of lamps a sender has one."""
    town.copies((20, ANN, BOB, "t1"), (40, ANN, CAT, "t2"), seeds=BOTH)
    town.copies((60, BOB, DAN, "t3"), (100, CAT, DAN, "t4"), seeds=("lamps/l1",))
    lines = [*sent(20, ANN, BOB, "a"), *sent(40, ANN, CAT, "b"), *sent(60, BOB, DAN, "c"), *sent(100, CAT, DAN, "d")]
    found = town.told(*lines, others=[msgspec.structs.replace(LAMPS, sender_cap=1)], seeds=PLAIN)
    assert of_campaign(found, "torch") == [("a", "", True), ("b", "", True)]
    assert of_campaign(found, "lamps") == [("a", "", True), ("b", "sender_cap", False), ("c", "", True), ("d", "", True)]
    assert len({one.serial for one in found.forwards if one.serial}) == 5
    assert len({one.forward.key for one in found.forwards}) == 6
    parents = {one.forward.message: one.forward.parent for one in found.forwards if one.forward.campaign == "lamps"}
    keys = {one.forward.message: one.forward.key for one in found.forwards if one.forward.campaign == "lamps"}
    assert parents == {"a": None, "b": None, "c": keys["a"], "d": keys["b"]}


def test_a_campaign_that_waits_longer_is_not_forgotten(town: Town):
    """Torch is awarded after a second, lamps half a minute later, when no line comes any more."""
    town.copies((20, ANN, BOB, "t1"), seeds=BOTH)
    town.mmsc.write_text("".join(map(str, [*sent(20, ANN, BOB, "a"), *sent(23, EVE, DAN, "plain")])))
    early, late = judged_in_stages(town.settings(), [campaign(seeds=PLAIN), LAMPS], {}, (NOON - 32) * SECOND, 30 * SECOND)
    assert [one.forward.campaign for one in early.forwards] == ["torch"]
    assert sorted(one.forward.campaign for one in late.forwards) == ["lamps", "torch"]


@pytest.mark.parametrize("order", [BOTH, BOTH[::-1]])
def test_a_copy_that_comes_hours_later_adds_its_campaign_alone(town: Town, order: Sequence[str]):
    town.copies((20, ANN, BOB, "t1"), seeds=order[:1])
    town.mmsc.write_text("".join(map(str, [*sent(20, ANN, BOB, "a", "t1"), *sent(100, EVE, DAN, "plain")])))
    again = "".join(f"{NOON + 20}|{ANN}|{BOB}|t1|150|{seed}\n" for seed in order)
    early, late = judged_in_stages(
        town.settings(), [campaign(seeds=PLAIN), LAMPS], {town.tap: again.encode()}, (NOON + 7200) * SECOND, 3600 * SECOND
    )
    assert [one.forward.campaign for one in early.forwards] == [order[0].partition("/")[0]]
    assert [(one.forward.campaign, bool(one.serial)) for one in late.forwards] == [(name.partition("/")[0], True) for name in order]
    assert late.forwards[0] == early.forwards[0]


def test_two_siblings_in_one_message_are_one_forward_and_both_are_held(town: Town):
    town.copies((20, ANN, BOB, "t1"), seeds=("torch/t1", "torch/s1"))
    town.copies((60, BOB, CAT, "t2"), seeds=("torch/t1",))
    town.copies((80, BOB, DAN, "t3"), seeds=("torch/s1",))
    found = town.told(*sent(20, ANN, BOB, "a"), *sent(60, BOB, CAT, "b"), *sent(80, BOB, DAN, "c"), seeds=PLAIN)
    assert came_of(found) == {"a": ("", 1, 0), "b": ("a", 2, 1), "c": ("a", 2, 1)}
    assert counted(found) == ["a", "b", "c"]


def test_a_forward_has_its_senders_model(town: Town, tmp_path: Path):
    handsets, tac = tmp_path / "handsets.csv", tmp_path / "tac.csv"
    handsets.write_text(f"msisdn,imei\n{ANN},358877001234567\n")
    tac.write_text("tac,manufacturer,model,mms\n35887700,Nokia,6600,yes\n")
    town.lists = Lists(handsets, tac, NOON * SECOND)
    assert [issued.forward.model for issued in town.told(*CHAIN).forwards] == ["Nokia 6600", ""]
