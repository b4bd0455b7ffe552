"""Days are closed twice, each once, in local time, whatever happens in between."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from mmsd.model import HOUR, SECOND, Closing
from mmsd.rules.closing import FINAL, PROVISIONAL, Calendar, Course, end_of
from mmsd.rules.settings import CampaignSettings

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
DAY = 24 * HOUR


def campaign(**fields: object) -> CampaignSettings:
    given = {"id": "relay", "name": "Relay", "starts": "2026-11-20", "ends": "2026-11-23", "seeds": ()}
    return CampaignSettings(**given | fields)  # type: ignore[arg-type]


def calendar(*days: str, said: tuple[tuple[str, str], ...] = (), **fields: object) -> Calendar:
    """Of one campaign, with forwards on the first and last of these days."""
    made = Calendar([campaign(**fields)], ZoneInfo)
    made.load({"relay": Course(min(days), max(days), set(said))} if days else {})
    return made


def due(of: Calendar, at: int) -> list[tuple[str, str]]:
    return [(closing.day, closing.stage) for closing in of.due(at)]


MIDNIGHT = end_of(date(2026, 11, 22), SHANGHAI)


def test_a_day_ends_at_local_midnight_also_when_clocks_change() -> None:
    assert end_of(date(2026, 10, 25), BERLIN) - end_of(date(2026, 10, 24), BERLIN) == 25 * HOUR
    assert end_of(date(2026, 3, 29), BERLIN) - end_of(date(2026, 3, 28), BERLIN) == 23 * HOUR
    assert end_of(date(2026, 11, 22), ZoneInfo("UTC")) - 8 * HOUR == MIDNIGHT


def test_provisional_after_the_hold_final_after_the_time_for_late_lines() -> None:
    of = calendar("2026-11-22")
    assert due(of, MIDNIGHT + 60 * SECOND - 1) == []
    assert due(of, MIDNIGHT + 60 * SECOND) == [("2026-11-22", PROVISIONAL)]
    of.committed(of.due(MIDNIGHT + 60 * SECOND), ())
    assert due(of, MIDNIGHT + 60 * SECOND) == []
    assert ("2026-11-22", FINAL) not in due(of, MIDNIGHT + 3 * DAY - 1)
    assert ("2026-11-22", FINAL) in due(of, MIDNIGHT + 3 * DAY)


def test_the_last_day_is_the_campaign_s_where_it_is() -> None:
    """An end that is written in another zone falls on another date here."""
    of = calendar("2026-11-22", ends="2026-11-23T17:00:00Z", restate=3600.0)  # 01:00 on the 24th
    late = MIDNIGHT + 9 * DAY
    assert due(of, late)[-1] == ("2026-11-24", FINAL)
    assert due(calendar("2026-11-22", ends="2026-11-24", restate=3600.0), late)[-1] == ("2026-11-25", FINAL)
    assert due(calendar("2026-11-22", ends="2026-11-24T00:00", restate=3600.0), late)[-1] == ("2026-11-24", FINAL)


def test_what_is_due_stays_due_until_it_is_committed() -> None:
    of = calendar("2026-11-22")
    assert of.due(MIDNIGHT + HOUR) == of.due(MIDNIGHT + HOUR) == [Closing("relay", "2026-11-22", PROVISIONAL, MIDNIGHT + HOUR)]


def test_after_a_long_stop_all_days_are_said_in_order() -> None:
    of = calendar("2026-11-20", "2026-11-22", said=(("2026-11-20", PROVISIONAL),))
    assert due(of, MIDNIGHT + DAY + HOUR) == [
        ("2026-11-20", FINAL), ("2026-11-21", PROVISIONAL), ("2026-11-22", PROVISIONAL), ("2026-11-23", PROVISIONAL),
    ]  # fmt: skip


def test_days_go_on_after_the_end_as_long_as_anything_may_come_late() -> None:
    """Submitted in time and retrieved on the third day after: it counts, on its own day."""
    of = calendar("2026-11-22", ends="2026-11-22")
    days = {day for day, _ in due(of, MIDNIGHT + 30 * DAY)}
    assert max(days) == "2026-11-25"


def test_a_campaign_nobody_forwarded_in_has_nothing_to_close() -> None:
    of = calendar()
    assert due(of, MIDNIGHT + 30 * DAY) == []
    of.committed((), [("relay", "2026-11-23")])
    assert due(of, MIDNIGHT + DAY + HOUR) == [("2026-11-23", PROVISIONAL)]


def test_a_forward_on_an_earlier_day_is_closed_too() -> None:
    of = calendar("2026-11-22", said=(("2026-11-22", PROVISIONAL),))
    assert due(of, MIDNIGHT + HOUR) == []
    of.committed((), [("relay", "2026-11-21")])
    assert due(of, MIDNIGHT + HOUR) == [("2026-11-21", PROVISIONAL)]


def test_a_campaign_that_restates_nothing_is_final_at_once() -> None:
    of = calendar("2026-11-22", restate=0.0)
    assert due(of, MIDNIGHT + HOUR) == [("2026-11-22", PROVISIONAL), ("2026-11-22", FINAL)]


def test_a_campaign_no_longer_configured_is_left_as_it_is() -> None:
    of = Calendar([], ZoneInfo)
    of.load({"relay": Course("2026-11-20", "2026-11-22")})
    assert of.due(MIDNIGHT + 30 * DAY) == []
