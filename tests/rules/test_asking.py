"""A word to a short code brings the seed: which campaign it is for, once in a while to each, a text outside the dates."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import msgspec
import pytest

from mmsd.model import DAY, HOUR, SECOND, Composed, Heard, Holder, Outgoing
from mmsd.rules import outbox
from mmsd.rules.asking import Answer, Words, answer
from mmsd.rules.settings import CampaignSettings, RequestSettings, SeedSettings

LI = "8613912340001"
NOON = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC
CARD = Composed(b"card", "Torch", b"...")
TORCH = CampaignSettings("torch", "Torch", "2026-11-01", "2026-11-30", seeds=(SeedSettings("one"), SeedSettings("two")), zone="UTC")


def heard(text: str, at: int = NOON, **said: Any) -> Heard:
    given: dict[str, Any] = {"link": "smsc1", "msisdn": LI, "service": "106587999", "sub_code": "7999", "text": text, "at": at}
    return Heard(**given | said)


def words(*campaigns: CampaignSettings) -> Words:
    return Words(campaigns or (TORCH,), lambda name: UTC)


def ask(
    at: int = NOON, holder: Holder | None = None, row: Outgoing | None = None, *, content: Composed | None = CARD, **said: Any
) -> Answer:
    one = heard("2008", at)
    wanted = words().asked(one)
    assert wanted is not None
    return answer(one, wanted._replace(seed="one"), content, holder, row, key=b"key", now=at, **said)


@pytest.mark.parametrize("text", ["2008", " 2008。", "２００８", "“２００８”！", "二〇〇八 2008".removeprefix("二〇〇八"), "②⓪⓪⑧"])
def test_the_word_counts_in_any_width(text: str) -> None:
    found = words().asked(heard(text))
    assert found is not None
    assert (found.campaign.id, found.seed) == ("torch", "")  # the first there is a message of


@pytest.mark.parametrize("said", [{"text": "2009"}, {"text": "2008 please"}, {"service": "10657"}, {"data": b"2008"}, {"text": ""}])
def test_nothing_else_does(said: dict[str, Any]) -> None:
    assert words().asked(heard(**{"text": "2008"} | said)) is None


def test_any_word_to_any_of_our_numbers_brings_the_seed_that_was_chosen() -> None:
    request = RequestSettings(keywords=("火炬", "Torch"), short_code="", seed="two")
    campaign = msgspec.structs.replace(TORCH, request=request)
    for text in ("火炬", "ＴＯＲＣＨ", "torch!"):
        found = words(campaign).asked(heard(text, service="+10657"))
        assert found is not None
        assert found.label == "torch/two"
    assert words(msgspec.structs.replace(TORCH, request=RequestSettings(keywords=()))).asked(heard("2008")) is None


def test_of_campaigns_with_one_word_the_one_that_runs_answers() -> None:
    spring = msgspec.structs.replace(TORCH, id="spring", starts="2026-11-20", ends="2026-12-31")
    winter = msgspec.structs.replace(TORCH, id="winter", starts="2027-01-10", ends="2027-01-31")
    days = {-30: "torch", -5: "torch", 0: "spring", 20: "spring", 45: "winter", 55: "winter", 400: "winter"}
    found = {day: words(winter, spring, TORCH).asked(heard("2008", NOON + day * DAY)) for day in days}
    assert {day: wanted.campaign.id for day, wanted in found.items() if wanted} == days


def test_it_is_sent_as_the_answer_to_his_own_message() -> None:
    brought = ask()
    assert brought.row is not None
    assert brought.holder is not None
    row = brought.row
    assert (row.kind, row.purpose, row.msisdn, row.content, row.body, row.asked) == ("transactional", "seed", LI, b"card", "", NOON)
    assert row.expires == NOON + DAY
    assert (brought.holder.key, brought.holder.how, brought.holder.arm, brought.holder.attempt) == (row.key, "keyword", "asked", 1)


def test_once_to_a_number_in_a_while() -> None:
    first = ask()
    assert first.holder is not None
    assert first.row is not None
    sent = msgspec.structs.replace(first.row, state=outbox.SENT, tries=1)
    assert ask(NOON + DAY - SECOND, first.holder, sent) == Answer()
    again = ask(NOON + DAY, first.holder, sent)
    assert again.holder is not None
    assert again.row is not None
    assert (again.holder.attempt, again.row.key != first.row.key) == (2, True)


@pytest.mark.parametrize(
    ("state", "tries", "how", "later", "sent"),
    [
        (outbox.FAILED, 1, "keyword", HOUR, True),  # it did not reach him
        (outbox.FAILED, 1, "group", HOUR, True),
        (outbox.EXPIRED, 0, "group", HOUR, True),  # of a group sending, and it never left
        (outbox.SHADOW, 0, "group", HOUR, True),
        (outbox.SHADOW, 0, "keyword", HOUR, False),  # judged already, for this message or the one before
        (outbox.SENT, 1, "group", HOUR, False),
        (outbox.SENT, 1, "group", 2 * DAY, True),
        (outbox.READY, 0, "group", 2 * DAY, False),  # on its way
        (outbox.UNCERTAIN, 1, "keyword", 2 * DAY, False),
        (outbox.PARKED, 2, "keyword", 2 * DAY, False),
    ],
)
def test_what_he_has_decides(state: str, tries: int, how: str, later: int, sent: bool) -> None:
    row = Outgoing(b"k", "marketing", "seed", LI, "", state, NOON, NOON + DAY, content=b"card", tries=tries)
    holder = Holder("torch", "one", LI, how, "sent", NOON, mailing=7, attempt=1, key=b"k")
    brought = ask(NOON + later, holder, row)
    assert (brought.row is not None) is sent
    if brought.holder is not None:
        assert (brought.holder.mailing, brought.holder.arm, brought.holder.how) == (7, "sent", "keyword")


def test_whoever_was_drawn_to_be_compared_with_gets_what_he_asks_for_and_stays_where_he_was_drawn() -> None:
    brought = ask(holder=Holder("torch", "one", LI, "group", "control", NOON - HOUR, mailing=7))
    assert brought.row is not None
    assert brought.holder is not None
    assert (brought.holder.arm, brought.holder.mailing, brought.holder.key) == ("control", 7, brought.row.key)


def test_a_number_that_became_somebody_elses_begins_anew() -> None:
    before = Holder("torch", "one", LI, "keyword", "control", NOON - HOUR, mailing=7, attempt=1, key=b"k", ended=True)
    brought = ask(holder=before, row=Outgoing(b"k", "transactional", "seed", LI, "", outbox.SENT, NOON, NOON + DAY, tries=1))
    assert brought.holder is not None
    assert (brought.holder.arm, brought.holder.mailing, brought.holder.attempt, brought.holder.ended) == ("asked", 0, 2, False)


@pytest.mark.parametrize(
    ("day", "state", "content", "text"),
    [
        (-30, "running", CARD, "活动尚未开始"),
        (9, "running", CARD, "活动已结束"),
        (0, "paused", CARD, "活动暂停"),
        (0, "draft", CARD, "活动尚未开始"),
        (0, "closed", CARD, "活动已结束"),
        (0, "running", None, "活动暂停"),  # nobody made its message
    ],
)
def test_outside_the_dates_the_answer_is_a_text(day: int, state: str, content: Composed | None, text: str) -> None:
    brought = ask(NOON + day * DAY, content=content, state=state)
    assert brought.holder is None
    assert brought.row is not None
    assert brought.row.body.startswith(text)
    assert (brought.row.kind, brought.row.purpose, brought.row.sub_code) == ("transactional", "answer", "7999")
    again = ask(NOON + day * DAY + SECOND, content=content, state=state)
    assert again.row is not None
    assert again.row.key == brought.row.key  # one text an hour


def test_the_text_is_in_the_language_of_his_number() -> None:
    campaign = msgspec.structs.replace(TORCH, languages={"852": "en"})
    bodies = []
    for number in (LI, "85291234567"):
        one = heard("2008", NOON - 30 * DAY, msisdn=number)
        wanted = words(campaign).asked(one)
        assert wanted is not None
        row = answer(one, wanted._replace(seed="one"), CARD, None, None, key=b"key", now=one.at).row
        assert row is not None
        bodies.append(row.body)
    assert bodies == [campaign.request.early_zh, campaign.request.early_en]
