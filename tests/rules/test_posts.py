"""Whether a submit was answered: his submits and his POSTs of a few seconds, given to each other."""

from __future__ import annotations

from typing import Any, Final

import pytest

from mmsd.model import SECOND, Content
from mmsd.rules.posts import answered_by, submits_of
from mmsd.rules.submits import Answer
from mmsd.rules.traces import EXTRA, FEED, ORIGIN, WHERE, Trace
from tests.rules.dossiers import ANN, answer, name, post, trace

JOIN: Final = 3 * SECOND
TEXT: Final[dict[str, Any]] = {"c": Content.TEXT, "size": 8}
HTML: Final[dict[str, Any]] = {"c": Content.HTML, "status": 504, "size": 45}
PDU: Final[dict[str, Any]] = {"c": Content.MMS, "size": 58}


def answered(*lines: Trace, at: float = 10, size: int = 900, **more: Any) -> Answer:
    return answered_by(lines, round(at * SECOND), size, JOIN, **more)


def origin(at: float, message: str, size: int = 900) -> Trace:
    return trace(ORIGIN, at, message=message, size=size, other=ANN)


@pytest.mark.parametrize(("mine", "other", "expected"), [(PDU, HTML, Answer.YES), (HTML, PDU, Answer.NO)])
def test_two_submits_have_each_its_own_answer(mine: dict[str, Any], other: dict[str, Any], expected: Answer):
    lines = [origin(10, "m1"), origin(12, "m2"), post(10.5, **mine), post(12.5, **other)]
    assert answered(*lines) is expected
    assert answered(*lines, at=12) is Answer(1 - expected)


def test_what_could_be_the_other_way_round_is_doubted():
    """In one second, without octets: one was answered, and nobody knows which."""
    lines = [origin(10, "m1"), origin(10, "m2", 800), post(10.2, **HTML), post(10.3, **PDU)]
    assert answered(*lines) is answered(*lines, size=800) is Answer.DOUBTED
    both = [origin(10, "m1"), origin(10, "m2", 800), post(10.2, **PDU), post(10.3, **PDU)]
    assert answered(*both) is answered(*both, size=800) is Answer.YES  # whichever was whose


def test_clocks_are_apart_by_the_same_for_all_of_them():
    """Each nearest line for itself would leave one of three without: the MMSC's clock is a second ahead (a demo on a busy machine)."""
    lines = [origin(at, f"m{at}", size) for at, size in ((18, 30619), (19, 29634), (20, 30619))]
    lines += [post(17, **HTML), post(19, **PDU), post(20, **PDU)]
    assert answered(*lines, at=18, size=30619) is Answer.NO
    assert answered(*lines, at=19, size=29634) is Answer.YES
    assert answered(*lines, at=20, size=30619) is Answer.YES


def test_octets_part_what_stands_in_one_second():
    """Headers are 261 octets, the second message is a little shorter."""
    lines = [origin(10, "m1", 900), origin(10, "m2", 830), post(10.2, **HTML, extra=1161), post(10.3, **PDU, extra=1091)]
    assert answered(*lines) is Answer.NO
    assert answered(*lines, size=830) is Answer.YES


def test_answers_to_notifications_are_none_of_it():
    """Mbuni answers a NotifyResp with eight octets of text; it logs that later than the gateway."""
    lines = [post(8.0, **TEXT), post(9.0, **TEXT), answer(9), answer(10), post(10.5, **HTML)]
    assert answered(*lines) is Answer.NO
    assert answered(post(10.5, **HTML), answer(10)) is Answer.YES  # his answer failed, and a submit is nowhere to be seen


def test_a_form_that_fails_elsewhere_is_none_of_it():
    form = post(10.5, status=502, size=0, authority="bank")
    mine = post(10.9, **PDU, authority="mmsc")
    assert answered(form, mine, mmscs={name("mmsc")}) is Answer.YES
    assert answered(form, mmscs={name("mmsc")}) is Answer.YES
    assert answered(form) is Answer.NO


# ------------------------------------------------------------------------------------------------------ lines of submits, row Z6


def given(posts: list[Trace], origins: list[Trace], join: int = JOIN) -> dict[int, Trace]:
    """By place of the POST among `posts`: the MMSC's line."""
    found = submits_of(posts, origins, join)
    return {number: found[post[FEED], post[WHERE]] for number, post in enumerate(posts) if (post[FEED], post[WHERE]) in found}


def test_each_line_of_the_mmsc_is_one_submits():
    """Of two submits and one line the farther one was lost; what is answered by no M-Send.conf is none."""
    near, far, other = post(10, c=Content.MMS), post(12, c=Content.MMS), post(10)
    line = origin(10, "m9")
    assert given([near, far, other], [line], 5 * SECOND) == {0: line}
    assert given([far], [line], SECOND) == {}


def test_octets_tell_which_submit_was_lost():
    """Browsing scenario: a line of the same second was given to the wrong POST, and the next one's was missing."""
    posts = [post(at, **PDU, extra=size + 261) for at, size in ((11.03, 9467), (12.13, 19495), (14.36, 8086), (14.65, 10542))]
    lines = [origin(at, f"m{at}-{size}", size) for at, size in ((10, 9467), (11, 19495), (13, 8086), (14, 10542))]
    assert given(posts, lines, 5 * SECOND) == dict(enumerate(lines))
    assert given(posts, lines[:1] + lines[2:], 5 * SECOND) == {0: lines[0], 2: lines[2], 3: lines[3]}


def test_a_line_of_a_submit_whose_answer_failed_is_no_other_submits():
    """The first of three was lost. The second reached the MMSC, the gateway ended it with 504, and its line is nobody else's."""
    lost, ended, third = post(7.7, **PDU, extra=22922), post(10.9, **HTML, b=Content.MMS, extra=31588), post(12.9, **PDU, extra=6080)
    lines = [origin(10, "m2", 31327), origin(12, "m3", 5819)]
    assert given([lost, ended, third], lines, 5 * SECOND) == {2: lines[1]}
    smaller = [origin(10, "m2", 21327), origin(12, "m3", 5819)]  # where it could be the lost one's by its octets alone
    assert given([lost, post(10.9, **HTML, b=Content.MMS, extra=21588), third], smaller, 5 * SECOND) == {2: smaller[1]}


def test_clocks_that_were_measured_tell_which_submit_was_lost():
    """Scenario `skewed`: of four whose octets a wapbox does not log the last was lost; the clock of the MMSC is 1.75 s ahead."""
    posts = [post(at, **PDU) for at in (2, 9, 11, 14)]
    lines = [origin(at, f"m{at}") for at in (4, 10, 13)]

    def lost(ahead: int | None) -> set[int]:
        found = submits_of(posts, lines, 6 * SECOND, lambda first, second: ahead)
        return {number for number, post in enumerate(posts) if (post[FEED], post[WHERE]) not in found}

    assert lost(int(1.75 * SECOND)) == {3}
    assert lost(None) == {1}  # the clocks as they are


def test_without_octets_an_answer_goes_before_a_failure():
    failed, sent = post(10.4, **HTML, b=Content.MMS), post(11.6, **PDU)
    assert failed[EXTRA] < 0
    line = origin(10, "m1")
    assert given([failed, sent], [line], 5 * SECOND) == {1: line}
