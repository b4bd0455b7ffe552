"""Whether a submit was answered: his submits and his POSTs of a few seconds, given to each other."""

from __future__ import annotations

from typing import Any, Final

import pytest

from mmsd.model import SECOND, Content
from mmsd.rules.posts import answered_by
from mmsd.rules.traces import ORIGIN, Trace
from tests.rules.dossiers import ANN, answer, name, post, trace

JOIN: Final = 3 * SECOND
TEXT: Final[dict[str, Any]] = {"c": Content.TEXT, "size": 8}
HTML: Final[dict[str, Any]] = {"c": Content.HTML, "status": 504, "size": 45}
PDU: Final[dict[str, Any]] = {"c": Content.MMS, "size": 58}


def answered(*lines: Trace, at: float = 10, size: int = 900, **more: Any) -> bool:
    return answered_by(lines, round(at * SECOND), size, JOIN, **more)


def origin(at: float, message: str, size: int = 900) -> Trace:
    return trace(ORIGIN, at, message=message, size=size, other=ANN)


@pytest.mark.parametrize(("mine", "other", "expected"), [(PDU, HTML, True), (HTML, PDU, False)])
def test_two_submits_have_each_its_own_answer(mine: dict[str, Any], other: dict[str, Any], expected: bool):
    lines = [origin(10, "m1"), origin(12, "m2"), post(10.5, **mine), post(12.5, **other)]
    assert answered(*lines) == expected
    assert answered(*lines, at=12) == (not expected)


def test_what_could_be_the_other_way_round_shows_nothing():
    """In one second, without octets: one was answered, and nobody knows which."""
    lines = [origin(10, "m1"), origin(10, "m2", 800), post(10.2, **HTML), post(10.3, **PDU)]
    assert answered(*lines)
    assert answered(*lines, size=800)


def test_octets_part_what_stands_in_one_second():
    """Headers are 261 octets, the second message is a little shorter."""
    lines = [origin(10, "m1", 900), origin(10, "m2", 830), post(10.2, **HTML, extra=1161), post(10.3, **PDU, extra=1091)]
    assert not answered(*lines)
    assert answered(*lines, size=830)


def test_answers_to_notifications_are_none_of_it():
    """Mbuni answers a NotifyResp with eight octets of text; it logs that later than the gateway."""
    lines = [post(8.0, **TEXT), post(9.0, **TEXT), answer(9), answer(10), post(10.5, **HTML)]
    assert not answered(*lines)
    assert answered(post(10.5, **HTML), answer(10))  # his answer failed, and a submit is nowhere to be seen


def test_a_form_that_fails_elsewhere_is_none_of_it():
    form = post(10.5, status=502, size=0, authority="bank")
    mine = post(10.9, **PDU, authority="mmsc")
    assert answered(form, mine, mmscs={name("mmsc")})
    assert answered(form, mmscs={name("mmsc")})
    assert not answered(form)
