"""Seeds: which message is one, which delivery is a forward, and what it earns."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest

from bench.judged import Judged, judged
from mmsd import config
from mmsd.model import COLUMNS, NOT_A_NUMBER, SECOND, Forward, Records, TextColumn
from mmsd.rules.campaign import Campaigns, Seed, Told, evidence_of, local_day
from mmsd.rules.forwards import Awarded, Candidate, decide, forward_key
from mmsd.rules.posts import answered_by
from mmsd.rules.relate import Leg, Thread
from mmsd.rules.serials import is_valid
from mmsd.rules.settings import CampaignSettings, Judgement, SeedSettings
from mmsd.rules.submits import Answer
from mmsd.rules.traces import Trace
from tests.rules.dossiers import ANN, BOB, CAT, answer, name, post, push, submit

CITY: Final = "Suzhou"
SERVICE: Final = 10658366


def campaigns(*seeds: SeedSettings, **fields: Any) -> Campaigns:
    given = {"id": "torch", "name": "Torch", "starts": "2026-11-01", "ends": "2026-11-30", "seeds": seeds, "senders": (str(SERVICE),)}
    return Campaigns([CampaignSettings(**(given | fields))], ZoneInfo, lambda text: name(text.decode()))


TORCH: Final = campaigns(SeedSettings("s1", messages=("m1",), tags=("#T1",), subjects=("Torch", "火炬"), size_min=100, size_max=200))


def record(subject: str = "", size: int = 150, message: str = "", tag: str = "", sender: int = BOB) -> Records:
    text = subject.encode()
    columns = {
        key: np.array([value], COLUMNS[key])
        for key, value in {"message": name(message), "tag": name(tag), "sender": sender, "size": size}.items()
    }
    return Records(1, columns, {"subject": TextColumn(text, np.array([0]), np.array([len(text)]))})


# ------------------------------------------------------------------------------------------------------------ recognition


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (record(message="m1"), 1), (record(message="m2"), 0), (record(tag="#T1"), 1), (record(sender=SERVICE), 1),
        (record("the torch is coming"), 1), (record("Fw: 火炬传递"), 1), (record("TORCH", 100), 1), (record("torch", 200), 1),
        (record("torch", 99), 0), (record("torch", 201), 0), (record("torch", -1), 0), (record("porch"), 0), (record(""), 0),
    ],
)  # fmt: skip
def test_a_line_that_is_evidence_of_a_seed(line: Records, found: int):
    assert TORCH.seed_of(line, 0) == found


def test_of_several_seeds_the_sender_alone_names_none():
    two = campaigns(SeedSettings("s1", messages=("m1",)), SeedSettings("s2", subjects=("Flame",)))
    assert two.seed_of(record(sender=SERVICE), 0) == 0
    assert (two.seed_of(record(message="m1", sender=SERVICE), 0), two.seed_of(record("flame", sender=SERVICE), 0)) == (1, 2)
    assert two.is_service(SERVICE)


def test_a_sender_that_is_a_name():
    named = campaigns(SeedSettings("s1"), senders=("relay@vasp",))
    assert named.is_service(name("relay@vasp") | NOT_A_NUMBER)
    assert not named.is_service(SERVICE)


def thread(at: float = 0, message: str = "m1", sender: int = BOB, **fields: Any) -> Thread:
    opened = submit(at, message, sender, **fields)
    return Thread(0, name(message), name(message), sender, opened)


def test_the_evidence_of_a_delivery():
    names = [f"torch/s{n}" for n in range(1, 301)]
    assert evidence_of(thread(seed=300), {}, names) == [Told("torch", 300, "message", 1.0)]
    assert evidence_of(replace(thread(), forwarded=True), {name("m1"): (2,)}, names) == [Told("torch", 2, "m_forward", 1.0)]
    assert evidence_of(thread(), {name("m1"): (2,)}, names) == []
    with_push = thread()
    with_push.leg = Leg(name("t1"), BOB, [push(1, seed=3)])
    assert evidence_of(with_push, {}, names) == [Told("torch", 3, "subject_size", 0.9)]


# ------------------------------------------------------------------------------------------------------------------ dates


@pytest.mark.parametrize(
    ("starts", "ends", "first", "last"),
    [
        ("2026-11-22", "2026-11-22", "2026-11-21T16:00:00+00:00", "2026-11-22T16:00:00+00:00"),  # a whole day in Shanghai
        ("2026-11-22T09:00", "2026-11-22T21:30", "2026-11-22T01:00:00+00:00", "2026-11-22T13:30:00+00:00"),
        ("2026-11-22T09:00+00:00", "2026-11-23T00:00Z", "2026-11-22T09:00:00+00:00", "2026-11-23T00:00:00+00:00"),
    ],
)
def test_dates_are_the_campaigns_own(starts: str, ends: str, first: str, last: str):
    (seed,) = campaigns(SeedSettings("s1"), starts=starts, ends=ends).seeds
    assert (seed.starts, seed.ends) == tuple(round(datetime.fromisoformat(text).timestamp()) * SECOND for text in (first, last))


def test_a_day_is_local():
    assert local_day(1_795_363_199 * SECOND, ZoneInfo("Asia/Shanghai")) == "2026-11-22"
    assert local_day(1_795_363_200 * SECOND, ZoneInfo("Asia/Shanghai")) == "2026-11-23"


# ---------------------------------------------------------------------------------------------------- was it answered

JOIN: Final = 3 * SECOND


def answered(*lines: Trace, size: int = 900) -> bool:
    """Without a doubt."""
    said = answered_by(lines, 10 * SECOND, size, JOIN)
    assert said is not Answer.DOUBTED
    return said is Answer.YES


def test_a_submit_without_a_post_beside_it_counts_as_answered():
    assert answered()
    assert answered(post(20, status=504))


@pytest.mark.parametrize(
    ("status", "octets", "expected"), [(200, 10, True), (200, -1, True), (200, 8, False), (200, 0, False), (504, 10, False), (0, 0, False)]
)
def test_the_posts_own_answer_decides(status: int, octets: int, expected: bool):
    assert answered(post(10.4, status=status, size=octets)) == expected


def test_his_other_posts_close_by_do_not():
    submit_lost = post(10.6, status=504, extra=1000)
    assert not answered(submit_lost, post(9, extra=50))  # an acknowledgement: too short to hold the message
    assert not answered(post(10.6, status=504), post(8.4), answer(8))  # its size is not logged; the MMSC had an answer of his then
    assert not answered(submit_lost, post(12.9, extra=1000))  # the repetition; the nearest is the submit
    assert answered(post(10.6, extra=1000), post(7.5, status=504, extra=1000))


# ------------------------------------------------------------------------------------------------------------------ decide


def candidate(number: int = 1, **fields: Any) -> Candidate:
    given: dict[str, Any] = {
        "key": bytes([number]) * 16, "seed": TORCH.seeds[0], "message": "m1", "sender": ANN, "receiver": BOB, "submitted": 0,
        "retrieved": number * SECOND, "city": CITY, "method": "tag", "score": 1.0, "generation": 1, "parent": None, "reason": "",
    }  # fmt: skip
    return Candidate(**(given | fields))


def decided(*candidates: Candidate, existing: Iterable[Forward] = (), counts: dict[Any, tuple[int, int, int]] | None = None) -> Awarded:
    return decide(candidates, {one.key: one for one in existing}, counts or {}, range(1000, 1000 + len(candidates)), 77)


def test_a_forward_earns_one_serial_one_sms_one_event():
    made = decided(candidate())
    (forward,), (serial,), (sms,), (event,) = made.forwards, made.serials, made.outbox, made.events
    assert (forward.counted, forward.reason, forward.day, forward.city) == (True, "", "1970-01-01", CITY)
    assert serial.forward == forward.key
    assert is_valid(serial.number)
    assert (sms.msisdn, sms.state, sms.kind, sms.due) == (str(ANN), "ready", "transactional", 77)
    assert serial.number in sms.body
    assert event.topic == "forward"
    told = str(event.data)
    assert serial.number not in told
    assert str(ANN) not in told


def test_the_order_of_candidates_does_not_matter():
    three = [candidate(number) for number in (1, 2, 3)]
    assert {str(decided(*order)) for order in itertools.permutations(three)} == {str(decided(*three))}


def test_the_nth_forward_of_sender_city_and_campaign():
    counts = {("torch", str(ANN), CITY): (4, 10, 100), ("torch", str(CAT), CITY): (0, 10, 100)}
    made = decided(candidate(1), candidate(2, sender=CAT), candidate(3), counts=counts)
    assert [event.data["total"] for event in made.events] == [101, 102, 103]
    assert ["第5次" in sms.body or "第1次" in sms.body or "第6次" in sms.body for sms in made.outbox] == [True] * 3
    assert "第6次" in made.outbox[2].body


def test_issued_once_is_never_doubled():
    assert decided(candidate(), existing=decided(candidate()).forwards) == Awarded()
    assert decided(candidate(reason="off_net"), existing=decided(candidate()).forwards) == Awarded()
    assert len(decided(candidate(), candidate()).serials) == 1


def test_what_was_told_apart_as_another_networks_is_decided_anew():
    apart = decided(candidate(reason="off_net")).forwards
    assert decided(candidate(reason="off_net"), existing=apart) == Awarded(), "nothing new is known of it"
    made = decided(candidate(), candidate(), existing=apart)
    assert (made.forwards, len(made.serials), len(made.outbox)) == (decided(candidate()).forwards, 1, 1)
    assert decided(candidate(), existing=made.forwards) == Awarded()
    held = decided(candidate(reason="self"), existing=apart)
    assert [(one.counted, one.reason, one.review) for one in held.forwards] == [(False, "self", "held")]
    for other in ({"reason": "outside_dates"}, {"review": "stopped"}, {"sender": "", "receiver": ""}):
        assert decided(candidate(), existing=[msgspec.structs.replace(apart[0], **other)]) == Awarded(), other
    assert decided(candidate(2, others=(apart[0].key,)), existing=apart) == Awarded(), "of its group it is another"


def test_what_does_not_count_is_kept_with_its_reason():
    made = decided(candidate(1, reason="self"), candidate(2))
    assert [(forward.counted, forward.reason) for forward in made.forwards] == [(False, "self"), (True, "")]
    assert len(made.serials) == len(made.outbox) == len(made.events) == 1
    assert made.events[0].data["total"] == 1


def test_a_forwards_name_depends_on_all_that_it_is():
    names = {
        forward_key(b"k", *parts)
        for parts in (
            ("torch", 1, ANN, BOB),
            ("flame", 1, ANN, BOB),
            ("torch", 2, ANN, BOB),
            ("torch", 1, CAT, BOB),
            ("torch", 1, ANN, CAT),
        )
    }
    assert len(names) == 5
    assert forward_key(b"other", "torch", 1, ANN, BOB) not in names


# ------------------------------------------------------------------------------------------------ from log lines to a count

Story = Callable[..., Judged]


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """`story((at, event, from, to, message) …, settings)`: an MMSC's log of that day, judged with one seed, the message ids s0 … s9."""

    def tell(*events: tuple[int, str, int, int, str], **fields: Any) -> Judged:
        log = tmp_path / "mmsc-access.log"
        log.write_text(
            "".join(
                f"2026-11-22 17:{at // 60:02}:{at % 60:02} {event} MMS [INT:MM1] [ACT:] [MMSC:] [from:+{sender}] [to:+{receiver}] "
                f"[msgid:{message}] [size=150] [UA:] [MMBox:]\n"
                for at, event, sender, receiver, message in events
            )
        )
        given: dict[str, Any] = {
            "id": "torch", "name": "Torch", "starts": "2026-11-22", "ends": "2026-11-22", "senders": (str(SERVICE),), "hold": 1.0,
            "seeds": (SeedSettings("s1", messages=tuple(f"s{n}" for n in range(10))),),
        }  # fmt: skip
        settings = config.Settings(feeds={"mmsc": config.Feed("mbuni", (log,))}, judgement=Judgement(grace=0.0, skew=0.0))
        return judged(settings, [CampaignSettings(**(given | fields))], to_the_end=True)

    return tell


def sent(at: int, sender: int, receiver: int, message: str) -> list[tuple[int, str, int, int, str]]:
    return [(at, "Received", sender, receiver, message), (at + 3, "Fetched", sender, receiver, message)]


def told(found: Judged) -> list[tuple[int, bool, str, int]]:
    return sorted(
        (int(issued.forward.receiver), issued.forward.counted, issued.forward.reason, issued.forward.generation)
        for issued in found.forwards
    )


def test_the_service_sends_and_people_pass_on(story: Story):
    found = story(
        *sent(0, SERVICE, ANN, "s0"), *sent(20, ANN, BOB, "s1"), *sent(40, BOB, CAT, "s2"), *sent(60, CAT, 8613800000009, "plain")
    )
    assert told(found) == [(BOB, True, "", 1), (CAT, True, "", 2)]
    to_bob, to_cat = sorted(found.forwards, key=lambda issued: issued.forward.receiver)
    assert to_cat.forward.parent == to_bob.forward.key
    assert to_bob.serial != to_cat.serial


def test_what_is_not_retrieved_earns_nothing(story: Story):
    assert story(*sent(0, SERVICE, ANN, "s0"), *sent(20, ANN, BOB, "s1")[:1]).forwards == []


def test_to_oneself_counts_only_where_the_campaign_says_so(story: Story):
    lines = [*sent(0, SERVICE, ANN, "s0"), *sent(20, ANN, ANN, "s1")]
    assert told(story(*lines)) == [(ANN, False, "self", 1)]
    assert told(story(*lines, self_forward=True)) == [(ANN, True, "", 1)]


def test_outside_the_dates_nothing_counts(story: Story):
    lines = [*sent(0, SERVICE, ANN, "s0"), *sent(20, ANN, BOB, "s1")]
    assert told(story(*lines, starts="2026-11-22T17:00:21")) == [(BOB, False, "outside_dates", 1)]
    assert told(story(*lines, ends="2026-11-22T17:00:20")) == [(BOB, False, "outside_dates", 1)]
    assert told(story(*lines, ends="2026-11-22T17:00:21")) == [(BOB, True, "", 1)]  # submitted in time, retrieved after the end


def test_a_pair_counts_up_to_its_cap(story: Story):
    lines = [*sent(0, SERVICE, ANN, "s0"), *sent(20, ANN, BOB, "s1"), *sent(40, ANN, BOB, "s2"), *sent(60, ANN, BOB, "s3")]
    assert told(story(*lines, pair_cap=2)) == [(BOB, False, "pair_cap", 1), (BOB, True, "", 1), (BOB, True, "", 1)]


def test_a_repeated_fetch_is_one_forward(story: Story):
    again = (30, "Fetched", ANN, BOB, "s1")
    assert told(story(*sent(0, SERVICE, ANN, "s0"), *sent(20, ANN, BOB, "s1"), again)) == [(BOB, True, "", 1)]


def test_an_m_forward_of_a_seed_is_known_by_its_original_id(story: Story):
    passed = [(20, "Forwarded", ANN, BOB, "never-again"), (23, "Fetched", ANN, BOB, "s0")]
    (issued,) = story(*sent(0, SERVICE, ANN, "s0"), *passed).forwards
    assert (issued.forward.method, issued.forward.message, issued.forward.counted) == ("m_forward", "s0", True)


def test_an_unknown_holder_starts_a_line_of_his_own(story: Story):
    (issued,) = story(*sent(20, ANN, BOB, "s1")).forwards
    assert (issued.forward.generation, issued.forward.parent) == (1, None)


def test_the_seed_is_a_value():
    (seed,) = TORCH.seeds
    assert isinstance(seed, Seed)
    assert TORCH.of(1) is seed
    assert bool(TORCH)
    assert not campaigns()
