"""Which notification brought the message in, and where a fetch broke."""

from __future__ import annotations

import pytest

from mmsd.model import Kind
from mmsd.rules.retrieval import FIRST, MOST, cell_name, notified, place_of
from tests.rules.dossiers import FEEDS, dossier, fetched, get, notify, only, push, session, submit

CELLS = ("", "cell 460-00-1-2")


def test_each_notification_until_the_fetch() -> None:
    thread = only(dossier(submit(0), notify(1), push(1), push(31), push(95), fetched(40)))
    assert notified(thread, FEEDS, late=False) == (("sms1", 1, FIRST, "missed"), ("sms1", 2, 4, "retrieved"))


def test_none_helped() -> None:
    thread = only(dossier(submit(0), notify(1), *(push(at) for at in range(1, 12))))
    assert [(n, result) for _, n, _, result in notified(thread, FEEDS, late=False)] == [
        *((n, "missed") for n in range(1, MOST)), *[(MOST, "missed")] * 3,
    ]  # fmt: skip


def test_a_late_push_is_said_of_the_first() -> None:
    thread = only(dossier(submit(0), notify(60), push(60), fetched(70)))
    assert notified(thread, FEEDS, late=True) == (("sms1", 1, FIRST, "retrieved"), ("sms1", 1, FIRST, "late"))


def test_without_pushes_nothing_is_told() -> None:
    assert notified(only(dossier(submit(0), fetched(5))), FEEDS, late=True) == ()


def test_the_place_is_that_of_the_session_at_the_last_try() -> None:
    lines = (submit(0), notify(1), push(1), get(20, status=0))
    told = dossier(*lines, session(Kind.SESSION_START, 10, status=1), session(Kind.SESSION_START, 30, key="s2", status=0))
    assert place_of(only(told), told, CELLS, 0) == "cell 460-00-1-2"
    told = dossier(*lines, session(Kind.SESSION_START, 10, authority=0x0A240001))
    assert place_of(only(told), told, CELLS, 0) == "SGSN 10.36.0.1"
    told = dossier(*lines)
    assert place_of(only(told), told, CELLS, 0) == ""
    told = dossier(submit(0), notify(1), push(1), session(Kind.SESSION_START, 10, status=1))
    assert place_of(only(told), told, CELLS, 0) == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"0x0164f0001a2b3c4d", "service area 460-00-6699-15437"),
        (b"0x0264f0001a2b00ff", "routing area 460-00-6699"),
        (b"0x0013006200010002", "cell 310-260-1-2"),
        (b"0x8164f00000012345", "cell 460-00-74565"),
        (b"0x05aabb", "cell 05aabb"),
        (b"", "cell "),
    ],
)
def test_cells(text: bytes, name: str) -> None:
    assert cell_name(text) == name
