"""A draw in the store: who takes part, what it comes to, and that nothing brings it back."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mmsd.errors import ConfigError, StoreError
from mmsd.model import Batch, Closing, Draw, Serial
from mmsd.rules import draw as rules
from mmsd.rules.draw import Listed
from mmsd.rules.serials import spell
from mmsd.rules.settings import CampaignSettings, DrawSettings, PrizeSettings, SendingSettings
from mmsd.store import Needs, Rows, Store, drawing, promoting
from mmsd.store.drawing import Known, OpenDays, Ordered
from mmsd.store.promoting import Promotion
from mmsd.store.sqlite import DATABASE, Faults
from tests.store.conftest import NOW, Open, put
from tests.store.values import LI, WANG, ZHAO, forward

NAME = ("relay", "grand")
PRIZES = (PrizeSettings("torch"), PrizeSettings("tea set", 2))
CAMPAIGN = CampaignSettings("relay", "Relay", "2026-11-01", "2026-11-30", (), language="en")
PEOPLE = [f"8613712340{n:03}" for n in range(40)]


def known(folder: Path, **fields: Any) -> Known:
    return Known(CAMPAIGN, DrawSettings("grand", PRIZES, **{"reserves": 1, **fields}), folder)


def relay(store: Store) -> dict[str, str]:
    """Three serials for each of PEOPLE, and some that take no part; serial → whose."""
    forwards = [forward(n, sender=PEOPLE[n % 40]) for n in range(1, 121)]
    forwards.append(forward(200, sender=LI, counted=False, reason="self"))
    forwards.append(forward(201, sender=WANG, day="2026-12-01"))
    forwards.append(forward(202, sender=ZHAO))
    serials = {spell(one.submitted + int.from_bytes(one.key, "big") << 32): one for one in forwards if one.counted}
    put(store, Batch(at=NOW, forwards=forwards, serials=[Serial(number, one.key) for number, one in serials.items()]))
    store.erase(ZHAO)
    final(store)
    return {number: one.sender for number, one in serials.items()}


def final(store: Store, day: str = "2026-11-30") -> None:
    put(store, Batch(at=NOW, closings=[Closing("relay", day, stage, NOW) for stage in ("provisional", "final")]))


def order(store: Store, what: Known, step: str, beacon: str = "", name: tuple[str, str] = NAME, *, early: bool = False) -> str:
    ordered = Ordered(name, step, "li", "as announced", beacon, early)
    said: list[str] = []

    fresh = drawing.fresh(ordered, store, what, os.urandom)
    stands = next((one for one in store.draws() if (one.campaign, one.name) == name), None)
    open_days = drawing.still_open(store, stands, what)

    def decide(rows: Rows) -> Batch:
        batch = drawing.decide(ordered, rows, what, NOW, fresh, open_days)
        if isinstance(batch, str):
            said.append(batch)
            return Batch(0)
        return batch

    store.transact(drawing.needs(ordered), decide)
    return said[0] if said else ""


def there(store: Store, name: tuple[str, str] = NAME) -> Draw:
    return next(one for one in store.draws() if (one.campaign, one.name) == name)


def done(store: Store, what: Known, beacon: str = "") -> Draw:
    for step in rules.STEPS:
        assert order(store, what, step, beacon if step == "run" else "") == ""
        if step != "commit":
            drawing.go_on(store, there(store), what, lambda: NOW)
    return there(store)


def test_from_the_commitment_to_the_winners(store: Store, tmp_path: Path) -> None:
    owners, what = relay(store), known(tmp_path)
    draw = done(store, what)
    assert (draw.state, draw.entries, draw.people) == (rules.DRAWN, 120, 40)
    assert draw.excluded == {"self": 1, "erased": 1}
    winners = store.winners(*NAME)
    assert [one.winner.prize for one in winners] == ["torch", "tea set", "tea set", ""]
    assert len({one.msisdn for one in winners}) == 4
    for one in winners:
        assert owners[one.serial] == one.msisdn
        assert store.draw_entry(draw, one.serial) == one.winner.entry
    paper = list(rules.paper(draw, Listed(store.draw_list(*NAME)), (one.winner for one in winners)))
    assert rules.faults(rules.read_paper(paper)) == []
    assert not any(serial[:8] in line or owner in line for line in paper for serial, owner in owners.items())
    rows = [row for _, row in store.outbox(None, 99) if row.purpose == rules.PURPOSE]
    assert [(row.msisdn, row.kind, row.campaign) for row in rows] == [(one.msisdn, "transactional", "relay") for one in winners[:3]]
    assert all(one.serial in row.body and one.winner.prize in row.body for one, row in zip(winners, rows, strict=False))
    assert [deed.what for _, _, deed in store.deeds(9)] == ["draw run", "draw close", "draw commit"]
    told = [event.data["state"] for event in store.events(0, 99) if event.topic == "draw"]
    assert told == ["committed", "closing", "closed", "drawing", "drawn"]


def test_no_step_twice_and_none_out_of_order(store: Store, tmp_path: Path) -> None:
    relay(store)
    what = known(tmp_path)
    assert order(store, what, "close") == order(store, what, "run") == "the draw is not committed to"
    done(store, what)
    before = (there(store), store.winners(*NAME), store.draw_list(*NAME))
    for step in rules.STEPS:
        assert order(store, what, step) == "the draw is drawn"
    assert before == (there(store), store.winners(*NAME), store.draw_list(*NAME))


def test_the_store_itself_refuses(store: Store, tmp_path: Path) -> None:
    relay(store)
    what = known(tmp_path)
    order(store, what, "commit")
    order(store, what, "close")
    closing = there(store)
    drawing.go_on(store, closing, what, lambda: NOW)
    assert drawing.go_on(store, closing, what, lambda: NOW + 1).closed == NOW  # somebody was faster
    closed = there(store)
    order(store, what, "run")
    drawing.go_on(store, there(store), what, lambda: NOW)
    with pytest.raises(StoreError, match="goes on"):
        store.transact(Needs(), lambda _: Batch(at=NOW, draws=[closed]))
    connection = sqlite3.connect(tmp_path / "state" / DATABASE)
    for statement in (
        "UPDATE draw SET state = 'closed'", "UPDATE draw SET listing = 'x'", "DELETE FROM draw", "UPDATE draw SET beacon = 'x'",
        "UPDATE draw_list SET entries = x'00'", "DELETE FROM draw_list", "UPDATE winner SET forward = 1", "DELETE FROM winner",
        "INSERT INTO winner SELECT campaign, draw, 9, prize, entry, forward FROM winner LIMIT 1",
        "UPDATE draw SET secret = x'00'",
    ):  # fmt: skip
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
    connection.close()


def test_staff_and_who_won_before_are_left_out(store: Store, tmp_path: Path) -> None:
    relay(store)
    (tmp_path / "staff.txt").write_text(f"# ours\n+{PEOPLE[0]}\n\n{PEOPLE[1][:5]} {PEOPLE[1][5:]}  # the boss\n")
    draw = done(store, known(tmp_path, excluded="staff.txt"))
    assert (draw.people, draw.excluded["staff"]) == (38, 6)
    assert not {PEOPLE[0], PEOPLE[1]} & {one.msisdn for one in store.winners(*NAME)}
    again = Known(CAMPAIGN, DrawSettings("second", PRIZES, reserves=40), tmp_path)
    for step in ("commit", "close", "run"):
        order(store, again, step, name=("relay", "second"))
        if step != "commit":
            drawing.go_on(store, there(store, ("relay", "second")), again, lambda: NOW)
    assert there(store, ("relay", "second")).excluded["won_before"] == 9
    mine = {one.msisdn for one in store.winners(*NAME) if one.winner.prize}
    assert not mine & {one.msisdn for one in store.winners("relay", "second")}
    assert there(store).listing != there(store, ("relay", "second")).listing


def published(store: Store) -> list[str]:
    return list(
        rules.paper(there(store), Listed(store.draw_list(*NAME)), (one.winner for one in store.winners(*NAME)), store.forfeits(*NAME))
    )


def test_who_may_not_win_is_fixed_with_the_commitment(store: Store, tmp_path: Path) -> None:
    relay(store)
    what, file = known(tmp_path, excluded="staff.txt"), tmp_path / "staff.txt"
    file.write_text(f"{PEOPLE[0]}\n{PEOPLE[1]}\n{PEOPLE[0]}\n")
    order(store, what, "commit")
    terms, early = rules.read_terms(there(store).terms), published(store)
    file.write_text(f"{PEOPLE[2]}\n")  # whoever thinks of it now is too late
    order(store, what, "close")
    assert drawing.go_on(store, there(store), what, lambda: NOW).excluded["staff"] == 6
    file.unlink()
    order(store, what, "run")
    drawing.go_on(store, there(store), what, lambda: NOW)
    lines = published(store)
    barred = [line for line in lines if line.startswith("barred: ")]
    assert len(barred) == 2
    assert barred == [line for line in early if line.startswith("barred: ")]
    assert rules.digest(line.removeprefix("barred: ") for line in barred) == terms.excluded
    assert rules.faults(rules.read_paper(lines)) == []
    assert not any(number[2:] in line for line in lines for number in PEOPLE)


def promote(store: Store, what: Known, place: int, reason: str = "no_answer", name: tuple[str, str] = NAME) -> str:
    wanted, said = Promotion(name, place, reason, "li", "rang on three days"), [""]

    def decide(rows: Rows) -> Batch:
        batch = promoting.decide(wanted, rows, what, NOW)
        if isinstance(batch, str):
            said[0] = batch
            return Batch(0)
        return batch

    store.transact(promoting.needs(wanted), decide)
    return said[0]


def held(store: Store, name: tuple[str, str] = NAME) -> list[str]:
    return [one.holds or one.out for one in store.winners(*name)]


def test_the_next_reserve_takes_what_somebody_does_not_get(store: Store, tmp_path: Path) -> None:
    relay(store)
    what = known(tmp_path, reserves=3)
    assert promote(store, what, 1) == "nothing was drawn yet"
    done(store, what)
    people = store.winners(*NAME)
    assert promote(store, what, 1) == ""
    assert held(store) == ["no_answer", "tea set", "tea set", "torch", "", ""]
    rows = {row.msisdn: row for _, row in store.outbox(None, 99) if row.purpose == rules.PURPOSE}
    assert (rows[people[0].msisdn].state, rows[people[0].msisdn].reason) == ("dropped", "withdrawn")
    taken = rows[people[3].msisdn]
    assert (taken.state, people[3].serial in taken.body, "torch" in taken.body) == ("ready", True, True)
    assert promote(store, what, 1) == "that place is out: no_answer"
    assert promote(store, what, 9) == "nobody was drawn for that place"
    assert promote(store, what, 4, "disqualified") == ""  # he who took it does not get it either
    assert promote(store, what, 6, "declined") == ""  # a reserve who wants none
    assert held(store) == ["no_answer", "tea set", "tea set", "disqualified", "torch", "declined"]
    assert promote(store, what, 2) == ""
    assert held(store)[1] == "no_answer"  # nobody is left
    assert [(one.place, one.taker) for one in store.forfeits(*NAME)] == [(1, 4), (4, 5), (6, 0), (2, 0)]
    assert rules.faults(rules.read_paper(published(store))) == []
    assert sum(row.purpose == rules.PURPOSE for _, row in store.outbox(None, 99)) == 5
    deeds = [(deed.what, deed.why) for _, _, deed in store.deeds(9)]
    assert deeds[-4:] == [("draw promote", "no_answer: rang on three days"), *deeds[-3:]]
    assert [event.data["taker"] for event in store.events(0, 99) if event.topic == "draw_forfeit"] == [4, 5, 0, 0]


def test_a_reserve_who_has_a_prize_or_is_gone_is_passed_over(store: Store, tmp_path: Path) -> None:
    relay(store)
    first = known(tmp_path, reserves=9)
    done(store, first)
    people = store.winners(*NAME)
    store.erase(people[3].msisdn)
    name = ("relay", "second")
    second = Known(CAMPAIGN, DrawSettings("second", (PrizeSettings("car", 36),)), tmp_path)  # whoever is left wins in it
    for step in rules.STEPS:
        order(store, second, step, name=name)
        if step != "commit":
            drawing.go_on(store, there(store, name), second, lambda: NOW)
    others = {one.msisdn for one in store.winners(*name)}
    assert all(one.msisdn in others for one in people[4:])
    assert promote(store, second, 1, name=name) == ""  # no reserves there: he has none any more …
    free = store.winners(*name)[0].msisdn
    place = next((one.winner.place for one in people[4:] if one.msisdn == free), 0)
    assert promote(store, first, 1) == ""
    passed = {one.place: one.reason for one in store.forfeits(*NAME)}
    assert passed[4] == "erased"
    taker = store.winners(*NAME)[0].taker
    assert taker == place  # … and may have one here; everybody before him has one there, and keeps it alone
    assert {reason for one, reason in passed.items() if one > 4} <= {"won_before"}
    prizes = [one.msisdn for which in (NAME, name) for one in store.winners(*which) if one.holds]
    assert len(prizes) == len(set(prizes))
    assert rules.faults(rules.read_paper(published(store))) == []


def test_the_store_itself_keeps_who_is_out(store: Store, tmp_path: Path) -> None:
    relay(store)
    what = known(tmp_path)
    done(store, what)
    promote(store, what, 1)
    connection = sqlite3.connect(tmp_path / "state" / DATABASE)
    for statement in (
        "UPDATE forfeit SET taker = 0", "DELETE FROM forfeit",
        "INSERT INTO forfeit VALUES (NULL, 'relay', 'grand', 1, 'torch', 'declined', 0, 1)",  # out already
        "INSERT INTO forfeit VALUES (NULL, 'relay', 'grand', 2, 'tea set', 'declined', 3, 1)",  # 3 has a prize
        "INSERT INTO forfeit VALUES (NULL, 'relay', 'grand', 2, 'tea set', 'declined', 4, 1)",  # 4 took one
    ):  # fmt: skip
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
    connection.close()


def test_of_a_draw_of_an_older_mmsd_the_list_is_read_at_the_close(store: Store, tmp_path: Path) -> None:
    relay(store)
    what, file = known(tmp_path, excluded="staff.txt"), tmp_path / "staff.txt"
    terms = what.terms("").replace(',"excluded":""', "")
    seed = bytes(32)
    store.transact(
        Needs(), lambda _: Batch(NOW, draws=[Draw(*NAME, "committed", terms, rules.commitment(*NAME, terms, seed), seed, seed, NOW)])
    )
    file.write_text(f"{PEOPLE[0]}\n")
    order(store, what, "close")
    assert drawing.go_on(store, there(store), what, lambda: NOW).excluded["staff"] == 3
    order(store, what, "run")
    drawing.go_on(store, there(store), what, lambda: NOW)
    assert rules.faults(rules.read_paper(published(store))) == []


@pytest.mark.parametrize("text", ["12ab34567890\n", "123\n"])
def test_a_list_that_cannot_be_read_is_not_committed_to(store: Store, tmp_path: Path, text: str) -> None:
    what = known(tmp_path, excluded="staff.txt")
    with pytest.raises(ConfigError, match=r"staff\.txt"):
        drawing.barred(what)
    (tmp_path / "staff.txt").write_text(text)
    with pytest.raises(ConfigError, match="line 1"):
        order(store, what, "commit")
    assert store.draws() == []


def test_its_days_are_the_campaign_s_where_it_is(tmp_path: Path) -> None:
    campaign = CampaignSettings("relay", "Relay", "2026-10-31T17:00Z", "2026-11-29T17:00Z", (), zone="Asia/Shanghai")
    terms = rules.read_terms(Known(campaign, DrawSettings("grand", PRIZES), tmp_path).terms(""))
    assert (terms.first, terms.last) == ("2026-11-01", "2026-11-30")


def test_one_chance_for_each_person(store: Store, tmp_path: Path) -> None:
    relay(store)
    draw = done(store, known(tmp_path, chances="person"))
    assert (draw.entries, draw.people) == (40, 40)


def test_a_number_that_is_mixed_in(store: Store, tmp_path: Path) -> None:
    relay(store)
    what = known(tmp_path, beacon="Sunday's lottery")
    order(store, what, "commit")
    order(store, what, "close")
    drawing.go_on(store, there(store), what, lambda: NOW)
    assert order(store, what, "run") == "say the number: Sunday's lottery"
    assert "line of text" in order(store, what, "run", "1\n2")
    assert order(store, what, "run", "05 11 23") == ""
    drawing.go_on(store, there(store), what, lambda: NOW)
    assert there(store).beacon == "05 11 23"
    plain = known(tmp_path)
    assert drawing.fault(Ordered(NAME, "run", "li", "x", "7"), Draw(*NAME, rules.CLOSED, plain.terms(""), "", b"", b"", 1), None)


def test_nobody_takes_part(store: Store, tmp_path: Path) -> None:
    final(store)
    draw = done(store, known(tmp_path))
    assert (draw.entries, store.winners(*NAME)) == (0, [])


class Killed(Exception):
    """The process ends here."""


@pytest.mark.parametrize("boundary", ["in_transaction", "before_commit", "after_commit"])
@pytest.mark.parametrize("step", ["close", "run"])
def test_killed_at_a_boundary_it_is_done_once(open_store: Open, tmp_path: Path, boundary: str, step: str) -> None:
    armed: list[str] = []

    def point(name: str) -> None:
        if name in armed:
            armed.clear()
            raise Killed

    what = known(tmp_path)
    store = open_store(faults=Faults(point=point))
    relay(store)
    order(store, what, "commit")
    order(store, what, "close")
    if step == "run":
        drawing.go_on(store, there(store), what, lambda: NOW)
        order(store, what, "run")
    seed = there(store).seed
    armed.append(boundary)
    with pytest.raises(Exception):  # noqa: B017, PT011  # whatever the store makes of the end of the process
        drawing.go_on(store, there(store), what, lambda: NOW)
    store = open_store()
    if there(store).state in (rules.CLOSING, rules.DRAWING):
        drawing.go_on(store, there(store), what, lambda: NOW)
    if step == "close":
        order(store, what, "run")
        drawing.go_on(store, there(store), what, lambda: NOW)
    draw = there(store)
    assert (draw.state, draw.seed, draw.entries) == (rules.DRAWN, seed, 120)
    assert len(store.winners(*NAME)) == 4
    assert sum(row.purpose == rules.PURPOSE for _, row in store.outbox(None, 99)) == 3


def test_what_will_happen_is_told_and_its_word_fits_nothing_else(tmp_path: Path) -> None:
    what, other = known(tmp_path), known(tmp_path, chances="person")
    ordered = Ordered(NAME, "commit", "li", "x")
    assert "1 × torch, 2 × tea set" in drawing.means(ordered, None, what, None)[0]
    closed = Draw(*NAME, rules.CLOSED, what.terms(""), "", b"", b"", 1, entries=120, people=40)
    run = ordered._replace(step="run")
    assert "Congratulations" in drawing.means(run, closed, what, None)[1]
    priced = what._replace(campaign=msgspec.structs.replace(what.campaign, sending=SendingSettings(sms_price=0.1)))
    assert drawing.means(run, closed, priced, None)[2:] == ["cost of these SMS: 0.30 CNY"]
    committed = Draw(*NAME, rules.COMMITTED, what.terms(""), "", b"", b"", 1)
    close, opened = ordered._replace(step="close", early=True), OpenDays("2026-11-01", "2026-11-30", "2026-12-04 00:00:00+08:00", 1)
    assert any(str(opened) in line for line in drawing.means(close, committed, what, opened))
    words = {
        drawing.word(ordered, None, what, None), drawing.word(ordered, None, other, None), drawing.word(run, closed, what, None),
        drawing.word(close, committed, what, None), drawing.word(close, committed, what, opened),
    }  # fmt: skip
    assert len(words) == 5


def test_it_is_not_closed_while_its_days_are_not_final(store: Store, tmp_path: Path) -> None:
    what = known(tmp_path, first="2026-11-20", last="2026-11-22")
    assert order(store, what, "commit") == ""
    put(store, Batch(at=NOW, forwards=[forward(1)]))
    assert drawing.still_open(store, there(store), what) == OpenDays("2026-11-20", "2026-11-22", "2026-11-26 00:00:00+08:00", 1)
    put(store, Batch(at=NOW, closings=[Closing("relay", "2026-11-22", "provisional", NOW)]))
    final(store, "2026-11-20")
    refused = order(store, what, "close")
    assert "2026-11-21 to 2026-11-22 are not final" in refused
    assert "2026-11-26 00:00:00+08:00" in refused
    assert there(store).state == rules.COMMITTED
    assert order(store, what, "commit", early=True) == "the draw is committed"
    final(store, "2026-11-22")
    assert drawing.still_open(store, there(store), what) is None
    assert order(store, what, "close") == ""
    assert drawing.still_open(store, there(store), what) is None, "what is closed is not asked for again"


def test_closed_early_by_name(store: Store, tmp_path: Path) -> None:
    what = known(tmp_path)
    assert order(store, what, "commit", early=True) == "only a close can be early"
    assert order(store, what, "commit") == ""
    for early in (False, True):
        assert order(store, what, "close", early=early) == "no forward of campaign relay counts: there is nothing to draw"
    put(store, Batch(at=NOW, forwards=[forward(1)]))
    assert order(store, what, "close", early=True) == ""
    assert there(store).state == rules.CLOSING
