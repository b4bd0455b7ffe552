"""What people say of forwards: what counts, what is issued, what leaves."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mmsd.model import Forward, Outgoing
from mmsd.rules import outbox
from mmsd.rules.reviews import MOST_SMS, Case, Refusal, Reviewed, review, sms_keys
from mmsd.rules.settings import CampaignSettings

NOW = 1_795_348_800_000_000
LI, WANG = "8613912340001", "8613912340002"
CAMPAIGN = CampaignSettings("torch", "Torch", "2026-01-01", "2026-12-31", (), sms_zh="{serial} {leg} {city_leg} {total}")
HELD = Forward(
    b"k" * 16, "torch", "one", "m1", LI, WANG, 1, None, NOW - 9, NOW - 5, "Wuxi", "2026-11-22", "tag", 1.0, False, "pair_cap", review="held"
)
COUNTS = msgspec.structs.replace(HELD, counted=True, reason="", review="")


def said(act: str, forward: Forward = HELD, *, serial: str = "", sms: tuple[Outgoing, ...] = (), **kwargs: Any) -> Reviewed | Refusal:
    given: dict[str, Any] = {"campaign": CAMPAIGN, "bits": 1 << 70 | 5, "who": "li", "why": "seen", "now": NOW} | kwargs
    campaign = given.pop("campaign")
    return review(act, Case(forward, 17, serial, sms, (4, 9, 30)), campaign, **given)


def done(*args: Any, **kwargs: Any) -> Reviewed:
    outcome = said(*args, **kwargs)
    assert isinstance(outcome, Reviewed), outcome
    return outcome


def row(state: str, attempt: int = 0) -> Outgoing:
    return Outgoing(sms_keys(HELD.key)[attempt], "transactional", "serial", LI, "S", state, NOW, NOW + 1, campaign="torch")


def test_what_is_released_counts_and_earns_its_serial():
    made = done("release")
    (forward,), (serial,), (sms,), (event,) = made.awarded.forwards, made.awarded.serials, made.awarded.outbox, made.awarded.events
    assert (forward.counted, forward.review, forward.reason) == (True, "released", "pair_cap")
    assert serial.forward == HELD.key == forward.key
    assert (sms.key, sms.msisdn, sms.body) == (sms_keys(HELD.key)[0], LI, f"{serial.number} 5 10 31")
    assert (event.topic, event.data["total"]) == ("forward", 31)
    assert (made.deed.who, made.deed.what, made.deed.subject, made.deed.why) == ("li", "release forward", "forward 17", "seen")


def test_what_is_stopped_does_not_count_and_its_sms_does_not_leave():
    made = done("stop", COUNTS, serial="S", sms=(row(outbox.READY),))
    (forward,) = made.awarded.forwards
    assert (forward.counted, forward.review, forward.reason) == (False, "stopped", "by_hand")
    assert [(one.state, one.reason) for one in made.withdrawn] == [(outbox.DROPPED, "withdrawn")]
    assert (made.awarded.serials, made.awarded.outbox) == ([], [])
    assert [(event.topic, event.data["total"]) for event in made.awarded.events] == [("forward_stopped", 29)]


def test_what_was_held_and_is_stopped_keeps_its_reason():
    made = done("stop")
    (forward,) = made.awarded.forwards
    assert (forward.review, forward.reason, made.awarded.events, made.withdrawn) == ("stopped", "pair_cap", [], ())


@pytest.mark.parametrize(
    ("state", "leaves"),
    [
        (outbox.DROPPED, True), (outbox.EXPIRED, True), (outbox.SHADOW, True), (outbox.FAILED, True),
        (outbox.READY, False), (outbox.SENDING, False), (outbox.UNCERTAIN, False), (outbox.SENT, False), (outbox.DELIVERED, False),
    ],
)  # fmt: skip
def test_released_again_it_keeps_its_serial_and_tells_it_unless_that_was_told(state: str, leaves: bool):
    stopped = msgspec.structs.replace(COUNTS, counted=False, review="stopped", reason="by_hand")
    made = done("release", stopped, serial="S", sms=(row(state),))
    assert made.awarded.serials == []
    assert [sms.key for sms in made.awarded.outbox] == ([sms_keys(HELD.key)[1]] if leaves else [])
    assert all(sms.body == "S 5 10 31" for sms in made.awarded.outbox)


def test_an_sms_is_asked_for_so_often_and_no_more():
    stopped = msgspec.structs.replace(COUNTS, counted=False, review="stopped")
    every = tuple(row(outbox.DROPPED, attempt) for attempt in range(MOST_SMS))
    assert done("release", stopped, serial="S", sms=every).awarded.outbox == []


def test_only_what_waits_is_withdrawn():
    every = [row(state) for state in outbox.STATES]
    assert [one.state for one in every if outbox.DROPPED in outbox.FOLLOWS[one.state]] == ["ready", "held", "parked"]
    made = done("stop", COUNTS, serial="S", sms=tuple(every))
    assert len(made.withdrawn) == 3


@pytest.mark.parametrize(
    ("act", "forward", "why"),
    [
        ("release", COUNTS, "counts"),
        ("stop", msgspec.structs.replace(COUNTS, counted=False, review="stopped"), "does_not_count"),
        ("stop", msgspec.structs.replace(COUNTS, counted=False, reason="off_net"), "does_not_count"),
        ("release", msgspec.structs.replace(HELD, receiver=""), "erased"),
        ("stop", msgspec.structs.replace(COUNTS, sender=""), "erased"),
    ],
)
def test_what_cannot_be_said(act: str, forward: Forward, why: str):
    assert said(act, forward) == Refusal(why)


def test_without_its_campaign_it_can_only_be_stopped():
    assert said("release", campaign=None) == Refusal("no_campaign")
    assert isinstance(said("stop", campaign=None), Reviewed)
