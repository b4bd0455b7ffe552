"""Which rows leave now, and by which link."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from mmsd.errors import EncodeError
from mmsd.model import DAY, Outgoing, Reservation
from mmsd.rules import outbox
from mmsd.rules.claim import Room, Waiting, claim, lanes, restated
from mmsd.rules.governor import CLASSES, Governor, Usage
from mmsd.rules.outbox import Form
from mmsd.rules.settings import ClassSettings, GovernorSettings
from tests.rules.test_outbox import NOW, row

FREE = ClassSettings(switch="on", caps=(), quiet=False)
SHADOW = ClassSettings(switch="shadow")
GOVERNOR = Governor(GovernorSettings(quiet_hours=(), caps=(), transactional=FREE, service=FREE, marketing=FREE, provisioning=SHADOW), UTC)
TEXTS = frozenset({Form.TEXT})
ON = ("transactional", "service", "marketing")
PUSH = ((b"\x06\x05\x04\x0b\x84\x23\xf0", b"x"),)


def room(link: str = "a", size: int = 10, **fields: Any) -> Room:
    given: dict[str, Any] = {"order": 0, "kinds": frozenset(CLASSES), "forms": frozenset(Form), "parts": lambda row: 1}
    return Room(link, room=size, **given | fields)


def waiting(*rows: Outgoing) -> list[Waiting]:
    return [Waiting(each, place, place) for place, each in enumerate(rows, 1)]


def leave(rows: list[Waiting], *rooms: Room) -> dict[str, str]:
    """State and link of each row that moved, by its text."""
    made = claim(NOW, rows, Usage(), GOVERNOR, ON, rooms, 1)
    return {each.body: f"{each.state} {each.link}".strip() for each in made.moved}


def test_no_more_than_there_is_room_for():
    rows = waiting(*(row(body=str(n)) for n in range(5)))
    assert leave(rows, room(size=2)) == {"0": "sending a", "1": "sending a"}
    assert leave(rows) == {}


def test_the_first_in_order_even_when_it_is_full_and_of_equals_the_emptiest():
    rows = waiting(*(row(body=str(n)) for n in range(3)))
    assert set(leave(rows, room("a", 1), room("b", 5, order=1)).values()) == {"sending a"}
    assert leave(rows, room("a", 1), room("b", 2)) == {"0": "sending b", "1": "sending a", "2": "sending b"}


def test_a_row_that_fits_no_link_holds_up_no_other():
    rows = waiting(row(body="push", pieces=PUSH, priority=3), row(body="text"))
    assert leave(rows, room(forms=TEXTS)) == {"text": "sending a"}
    assert leave(rows, room(kinds=frozenset({"marketing"}))) == {}


def test_a_multimedia_message_goes_where_such_are_taken_and_nothing_else_does():
    rows = waiting(row(body="text"), row(body="", content=b"seed"))
    links = (room("sms", forms=TEXTS), room("mmsc", forms=frozenset({Form.MMS})))
    assert leave(rows, *links) == {"text": "sending sms", "": "sending mmsc"}


def test_what_cannot_be_sent_at_all_fails_and_an_erased_one_is_dropped():
    def parts(each: Outgoing) -> int:
        if each.body == "odd":
            raise EncodeError("no")
        return 2

    rows = waiting(row(body="odd"), row(body="gone", msisdn=""), row(body="good"))
    assert leave(rows, room(parts=parts)) == {"odd": "failed", "gone": "dropped", "good": "sending a"}


def test_settings_whose_consent_is_no_longer_live_are_dropped_even_in_shadow():
    rows = [
        Waiting(row(body="withdrawn", kind=kind, purpose="settings", pieces=PUSH), 1, 1, agreed=False)
        for kind in ("provisioning", "service")
    ]
    made = claim(NOW, [*rows, *waiting(row(body="text"))], Usage(), GOVERNOR, ON, (room(),), 1)
    assert [(each.body, each.state, each.reason) for each in made.moved] == [
        ("withdrawn", outbox.DROPPED, outbox.NO_CONSENT),
        ("withdrawn", outbox.DROPPED, outbox.NO_CONSENT),
        ("text", outbox.SENDING, ""),
    ]
    assert len(made.reserved) == 1, "what is not sent uses up nothing"


def test_shadow_needs_no_room_and_is_reserved_as_such():
    made = claim(NOW, waiting(row(kind="provisioning", campaign="torch")), Usage(), GOVERNOR, ON, (), 1)
    assert [each.state for each in made.moved] == ["shadow"]
    assert made.reserved == [Reservation("provisioning", "torch", "2026-11-22", shadow=True, n=1)]


def test_a_stop_leaves_rows_as_they_are():
    assert claim(NOW, waiting(row()), Usage(stops=frozenset({"service"})), GOVERNOR, ON, (room(),), 1).moved == []


def test_what_goes_back_gives_back_what_was_reserved_for_it():
    before = row(state="sending", reserved=NOW, campaign="torch")
    after = row(reserved=0, campaign="torch")
    assert restated(before, after, GOVERNOR.day) == [Reservation("service", "torch", "2026-11-22", shadow=False, n=-1)]
    assert restated(before, before, GOVERNOR.day) == restated(after, after, GOVERNOR.day) == []


def test_what_left_after_midnight_counts_on_the_day_it_left():
    before = row(state="sending", reserved=NOW)
    after = outbox.sent(before, 1, now=NOW + DAY)
    assert after.reserved == NOW + DAY
    assert [(one.day, one.n) for one in restated(before, after, GOVERNOR.day)] == [("2026-11-22", -1), ("2026-11-23", 1)]
    assert restated(before, outbox.sent(before, 1, now=NOW + 1), GOVERNOR.day) == []


def test_lanes_are_as_long_as_there_is_room():
    rooms = (room("a", 3, kinds=frozenset({"service"}), forms=TEXTS), room("b", 4, kinds=frozenset({"service", "provisioning"})))
    found = lanes(ON, rooms, 256)
    assert [found["service", form] for form in Form] == [7, 4, 4, 4]
    assert (found["transactional", Form.TEXT], found["provisioning", Form.OCTETS]) == (0, 256)
