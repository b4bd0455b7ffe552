"""The governor's rules one by one: what each says, in which order, and what a fold makes of a batch."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from mmsd.model import DAY, HOUR, MINUTE, SECOND
from mmsd.rules.governor import (
    ALL,
    CLASSES,
    Canary,
    Candidate,
    Decision,
    Defer,
    Drop,
    Governor,
    Hold,
    Reserved,
    Send,
    Shadow,
    Tally,
    Usage,
    campaign_stop,
)
from mmsd.rules.settings import CampaignSettings, ClassSettings, GovernorSettings

ANN = 8613812340001
BOB = 8613812340002
NOON = 20_000 * DAY + 12 * HOUR
OPEN = ClassSettings("on", caps=())
NOTHING = Usage()


def governed(rule: ClassSettings = OPEN, **common: object) -> Governor:
    """A governor in UTC with one rule for every class and, unless told otherwise, no common limit."""
    settings: dict[str, object] = {"quiet_hours": (), "caps": (), **dict.fromkeys(CLASSES, rule), **common}
    return Governor(GovernorSettings(**settings), UTC)  # type: ignore[arg-type]  # what tests give is what the fields take


def one(governor: Governor, candidate: Candidate, usage: Usage = NOTHING, now: int = NOON) -> Decision:
    (decision,) = governor.decide(now, [candidate], usage)
    return decision


def sms(kind: str = "service", purpose: str = "ask", subscriber: int = ANN, expires: int | None = None, campaign: str = "") -> Candidate:
    return Candidate(kind, purpose, subscriber, NOON, expires, campaign)


def test_every_class_is_in_shadow_until_somebody_says_otherwise():
    governor = Governor(GovernorSettings(), UTC)
    assert governor.decide(NOON, [sms(kind) for kind in CLASSES], Usage()) == [Shadow()] * 4


def test_a_class_switched_on_leaves_and_one_switched_off_is_dropped():
    assert one(governed(), sms()) == Send()
    assert one(governed(ClassSettings("off")), sms()) == Drop("off", "service")


@pytest.mark.parametrize("stop", [ALL, "service", campaign_stop("torch")])
def test_a_stop_holds_what_it_names(stop: str):
    usage = Usage(stops=frozenset({stop}))
    assert one(governed(), sms(campaign="torch"), usage) == Hold("stopped", stop)
    assert one(governed(), sms("marketing", campaign="lantern"), usage) == (Hold("stopped", ALL) if stop == ALL else Send())


def test_a_stop_is_stronger_than_shadow():
    assert one(governed(ClassSettings("shadow")), sms(), Usage(stops=frozenset({"service"}))) == Hold("stopped", "service")


def test_who_opted_out_gets_nothing_of_that_class_but_the_word_that_it_was_heard():
    usage = Usage(opted_out={ANN: frozenset({"service"}), BOB: frozenset({ALL})})
    assert one(governed(), sms(), usage) == Drop("opted_out", "service")
    assert one(governed(), sms("marketing"), usage) == Send()
    assert one(governed(), sms("transactional", "serial", BOB), usage) == Drop("opted_out", ALL)
    assert one(governed(), sms("service", "stopped", BOB), usage) == Send()


def test_a_canary_lets_the_first_few_go_and_waits_for_a_word():
    governor = governed(ClassSettings("on", caps=(), canary=2))
    many = [sms(subscriber=ANN + place, campaign="torch") for place in range(4)]
    waits = Hold("canary", "2 of 2 are out")
    assert governor.decide(NOON, many, Usage()) == [Send(), Send(), waits, waits]
    assert one(governor, many[0], Usage(canaries={("service", "torch"): Canary(2)})) == waits
    assert one(governor, many[0], Usage(canaries={("service", "torch"): Canary(2, approved=True)})) == Send()


def test_each_campaign_has_its_own_canary():
    governor = governed(ClassSettings("on", caps=(), canary=1))
    usage = Usage(canaries={("service", "torch"): Canary(1, approved=True)})
    batch = [sms(campaign=campaign) for campaign in ("torch", "lantern", "", "torch", "lantern", "")]
    waits = Hold("canary", "1 of 1 are out")
    assert governor.decide(NOON, batch, usage) == [Send(), Send(), Send(), Send(), waits, waits]


def test_no_canary_holds_what_is_in_shadow():
    governor = governed(ClassSettings("shadow", caps=(), canary=0))
    assert governor.decide(NOON, [sms()] * 3, Usage()) == [Shadow()] * 3


def test_zero_is_a_limit_and_none_is_not():
    for rule, reason in ((ClassSettings("on", daily=0, caps=()), "ceiling"), (ClassSettings("on", caps=("0 in 1 day",)), "cap")):
        decision = one(governed(rule), sms())
        assert isinstance(decision, Hold)
        assert decision.reason == reason
    assert one(governed(ClassSettings("on", canary=0, caps=())), sms()) == Hold("canary", "0 of 0 are out")
    assert governed(ClassSettings("on", caps=())).decide(NOON, [sms()] * 1000, Usage()) == [Send()] * 1000
    assert one(governed(), sms(expires=0)) == Drop("expired", expired=True)
    assert one(governed(), sms(expires=None)) == Send()


def test_a_cap_slides():
    governor = governed(ClassSettings("on", caps=("2 in 1 day",)))
    sent = [Reserved(NOON - at, "service", "ask") for at in (30 * HOUR, 20 * HOUR, 5 * HOUR)]
    assert one(governor, sms(), Usage(reserved={ANN: sent})) == Defer(NOON + 4 * HOUR, "cap", "2 in 1 day, service")
    assert one(governor, sms(), Usage(reserved={ANN: sent}), NOON + 4 * HOUR) == Send()
    assert one(governor, sms(), Usage(reserved={ANN: sent}), NOON + 4 * HOUR - 1) == Defer(NOON + 4 * HOUR, "cap", "2 in 1 day, service")
    assert one(governor, sms(subscriber=BOB), Usage(reserved={ANN: sent})) == Send()


def test_a_cap_counts_its_class_and_the_common_one_counts_all():
    sent = [Reserved(NOON - HOUR, "marketing", "offer"), Reserved(NOON - MINUTE, "service", "ask")]
    usage = Usage(reserved={ANN: sent})
    assert one(governed(ClassSettings("on", caps=("2 in 1 day",))), sms(), usage) == Send()
    assert one(governed(caps=("2 in 1 day",)), sms(), usage) == Defer(NOON + 23 * HOUR, "cap", "2 in 1 day, of all classes")


def test_serials_are_owed_so_no_cap_holds_them_and_they_count_for_none():
    governor = governed(ClassSettings("on", caps=("1 in 1 day",)), caps=("1 in 1 day",))
    serial = sms("transactional", "serial")
    batch = [serial, serial, serial, sms("transactional", "thanks"), sms("transactional", "thanks"), serial]
    late = Defer(NOON + DAY, "cap", "1 in 1 day, of all classes")
    assert governor.decide(NOON, batch, Usage()) == [Send(), Send(), Send(), Send(), late, Send()]


def test_caps_count_within_the_batch():
    governor = governed(ClassSettings("on", caps=("2 in 1 hour",)))
    batch = [sms(), sms(subscriber=BOB), sms(), sms(), sms(subscriber=BOB)]
    late = Defer(NOON + HOUR, "cap", "2 in 1 hour, service")
    assert governor.decide(NOON, batch, Usage()) == [Send(), Send(), Send(), late, Send()]


def test_a_ceiling_counts_the_local_day():
    shanghai = ZoneInfo("Asia/Shanghai")
    rule = ClassSettings("on", caps=(), daily=3)
    governor = Governor(GovernorSettings(quiet_hours=(), caps=(), service=rule), shanghai)
    today, midnight = governor.day(NOON), 20_000 * DAY + 16 * HOUR  # 00:00 in Shanghai
    usage = Usage(days={("service", today): Tally(2), ("marketing", today): Tally(99)})
    batch = [sms(subscriber=ANN + place) for place in range(3)]
    late = Defer(midnight, "ceiling", "3 a day")
    assert governor.decide(NOON, batch, usage) == [Send(), late, late]
    full = Usage(days={("service", today): Tally(3), ("service", governor.day(midnight)): Tally(3)})
    assert one(governor, batch[0], full) == Defer(midnight + DAY, "ceiling", "3 a day")


def test_what_only_would_have_left_counts_only_for_what_only_would_leave():
    usage = Usage(
        reserved={ANN: [Reserved(NOON - HOUR, "service", "ask", shadow=True)]}, days={("service", governed().day(NOON)): Tally(0, 5)}
    )
    rule = ClassSettings("shadow", caps=("1 in 1 day",), daily=5)
    assert one(governed(rule), sms(), usage) == Defer(NOON + 23 * HOUR, "cap", "1 in 1 day, service")
    assert one(governed(rule), sms(subscriber=BOB), usage) == Defer(NOON + 12 * HOUR, "ceiling", "5 a day")
    assert one(governed(ClassSettings("on", caps=("1 in 1 day",), daily=5)), sms(), usage) == Send()


def test_what_really_left_counts_in_shadow_too():
    usage = Usage(reserved={ANN: [Reserved(NOON - HOUR, "service", "ask")]})
    assert isinstance(one(governed(ClassSettings("shadow", caps=("1 in 1 day",))), sms(), usage), Defer)


def test_quiet_hours_run_over_midnight():
    governor = governed(quiet_hours=("21:00-08:00",))
    midnight = NOON + 12 * HOUR
    for hour, until in ((-3, 8), (0, 8), (7, 8)):
        assert one(governor, sms(), now=midnight + hour * HOUR) == Defer(midnight + until * HOUR, "quiet_hours", "21:00-08:00")
    assert one(governor, sms(), now=midnight + 8 * HOUR) == Send()
    assert one(governor, sms(), now=midnight - 3 * HOUR - 1) == Send()


def test_several_quiet_hours_that_meet_are_one_wait():
    governor = governed(quiet_hours=("21:00-08:00", "08:00-09:30", "12:00-13:00"))
    early = Candidate("service", "ask", ANN, NOON - 5 * HOUR, None)
    until = NOON - 2 * HOUR - 30 * MINUTE
    assert one(governor, early, now=early.due) == Defer(until, "quiet_hours", "21:00-08:00, 08:00-09:30, 12:00-13:00")


def test_hours_that_leave_nothing_hold_for_ever():
    assert isinstance(one(governed(quiet_hours=("00:00-12:00", "12:00-24:00")), sms()), Hold)


def test_a_class_may_keep_no_quiet_hours():
    assert one(governed(ClassSettings("on", caps=(), quiet=False), quiet_hours=("00:00-24:00",)), sms()) == Send()


def test_an_answer_leaves_in_quiet_hours_while_the_conversation_lasts():
    governor = governed(quiet_hours=("21:00-08:00",), conversation=900.0)
    night = NOON + 10 * HOUR
    answer = Candidate("service", "thanks", ANN, night, None, asked=night)
    assert one(governor, answer, now=night + 900 * SECOND - 1) == Send()
    assert isinstance(one(governor, answer, now=night + 900 * SECOND), Defer)
    assert isinstance(one(governed(quiet_hours=("21:00-08:00",), conversation=0.0), answer, now=night), Defer)


def test_a_campaign_may_say_that_its_serials_keep_no_quiet_hours():
    on = ClassSettings("on", caps=())
    settings = GovernorSettings(quiet_hours=("21:00-08:00",), caps=(), transactional=on, marketing=on)
    torch = CampaignSettings("torch", "Torch", "2026-01-01", "2026-12-31", (), quiet_hours=False)
    governor = Governor(settings, UTC, [torch, CampaignSettings("lantern", "Lantern", "2026-01-01", "2026-12-31", ())])
    night = NOON + 10 * HOUR
    assert one(governor, sms("transactional", "serial", campaign="torch"), now=night) == Send()
    assert isinstance(one(governor, sms("transactional", "serial", campaign="lantern"), now=night), Defer)
    assert isinstance(one(governor, sms("marketing", "seed", campaign="torch"), now=night), Defer)


def test_what_expires_before_it_may_leave_is_dropped_at_once_with_the_reason():
    governor = governed(quiet_hours=("11:00-14:00",))
    quiet = ("quiet_hours", "11:00-14:00")
    assert one(governor, sms(expires=NOON + 2 * HOUR)) == Drop(*quiet, expired=True)
    assert one(governor, sms(expires=NOON + 2 * HOUR + 1)) == Defer(NOON + 2 * HOUR, *quiet)
    assert one(governor, sms(expires=NOON)) == Drop("expired", expired=True)


def test_limits_agree_on_the_first_instant_that_suits_all():
    """The cap frees it in the night, the night ends on a full day, that day ends in the next night."""
    rule = ClassSettings("on", caps=("1 in 10 hours",), daily=1)
    governor = governed(rule, quiet_hours=("21:00-08:00",))
    usage = Usage(reserved={ANN: [Reserved(NOON, "service", "ask")]}, days={("service", governor.day(NOON + DAY)): Tally(1)})
    assert one(governor, sms(), usage, NOON + 1) == Defer(NOON + 44 * HOUR, "quiet_hours", "21:00-08:00")


def test_what_is_not_due_waits():
    early = Candidate("service", "ask", ANN, NOON + HOUR, None)
    assert one(governed(), early) == Defer(NOON + HOUR, "not_due")
    assert one(governed(quiet_hours=("13:00-14:00",)), early) == Defer(NOON + 2 * HOUR, "quiet_hours", "13:00-14:00")


def test_what_is_deferred_or_dropped_uses_nothing_up():
    governor = governed(ClassSettings("on", caps=("1 in 1 day",), daily=1, canary=1))
    usage = Usage(opted_out={BOB: frozenset({ALL})})
    batch = [sms(subscriber=BOB), Candidate("service", "ask", ANN, NOON + HOUR, None), sms(expires=NOON - 1), sms()]
    assert governor.decide(NOON, batch, usage)[-1] == Send()


def test_memory_is_the_longest_stretch():
    assert Governor(GovernorSettings(), UTC).memory == DAY
    assert governed(ClassSettings(caps=("3 in 1 hour", "9 in 30 days")), caps=("1 in 7 days",)).memory == 30 * DAY
    assert governed().memory == 0


@pytest.mark.parametrize("settings", [GovernorSettings(quiet_hours=("8-9",)), GovernorSettings(caps=("often",))])
def test_settings_that_mean_nothing_are_refused(settings: GovernorSettings):
    with pytest.raises(ValueError, match=": write"):
        Governor(settings, UTC)


# ----------------------------------------------------------------------------------------------------------------------- explained


def test_the_rule_for_a_number_is_explained_as_it_stands():
    settings = GovernorSettings(
        quiet_hours=("21:00-08:00",),
        service=ClassSettings("on", caps=("3 in 1 day",), daily=5000, canary=100),
        marketing=ClassSettings("off"),
        provisioning=ClassSettings("on", caps=(), quiet=False),
    )
    governor = Governor(settings, ZoneInfo("Asia/Shanghai"))
    night = 1795356000 * SECOND  # 2026-11-22 22:00 in Shanghai
    sent = [Reserved(night - at, "service", "ask") for at in (40 * HOUR, 3 * HOUR)]
    usage = Usage(
        reserved={ANN: sent},
        days={("service", "2026-11-22"): Tally(41)},
        canaries={("service", ""): Canary(41)},
        stops=frozenset({"provisioning"}),
        opted_out={ANN: frozenset({"marketing"})},
    )
    transactional, service, marketing, provisioning = governor.explain(night, ANN, usage)
    assert service.decision == Defer(night + 10 * HOUR, "quiet_hours", "21:00-08:00")
    assert service.rules == (
        "switch: on",
        "canary: 41 of the first 100 are out, nobody has said go",
        "cap: 1 of 10 in 1 day, of all classes",
        "cap: 1 of 3 in 1 day, service",
        "ceiling: 41 of 5000 a day",
        "quiet hours: 21:00-08:00, now until 2026-11-23 08:00",
    )
    assert [governor.words(one.decision) for one in (transactional, service, marketing, provisioning)] == [
        "waits until 2026-11-23 08:00: quiet hours (21:00-08:00)",
        "waits until 2026-11-23 08:00: quiet hours (21:00-08:00)",
        "dropped: off (marketing)",
        "held until a person acts: stopped (provisioning)",
    ]
    assert marketing.rules[:2] == ("switch: off", "opted out: marketing")
    assert provisioning.rules == ("switch: on", "stop: provisioning", "cap: 1 of 10 in 1 day, of all classes")


def test_decisions_in_words():
    governor = governed()
    assert governor.words(Send()) == "leaves now"
    assert governor.words(Shadow()) == "would leave now; its class is in shadow, so it does not"
    assert governor.words(Drop("cap", "1 in 1 day, service", expired=True)) == "expires before it may leave: cap (1 in 1 day, service)"
