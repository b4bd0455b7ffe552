"""What is expected of a subscriber: by the configuration, else by his operator; of who has no entry, nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mmsd import config
from mmsd.model import Content, Kind
from mmsd.rules.causes import Verdict
from mmsd.rules.expectations import Expectations, House
from mmsd.rules.operators import Access, Operators, Profile
from mmsd.rules.relate import Context
from mmsd.rules.signs import authorities, look
from mmsd.rules.traces import Trace
from tests.rules.dossiers import context, dossier, name, only, post, push, receipt, session, submit

MOBILE = Profile("Mobile", ("460-00",), (Access("cmwap", "http://mms.mobile.example"),))
UNICOM = Profile("Unicom", ("460-01",), (Access("3gwap", "http://mms.unicom.example"),), apn_aliases=("uniwap",))
TELECOM = Profile("Telecom", ("460-03",), (Access("ctwap", "http://mms.vnet.example"),), cdma_realms=("mycdma.cn",), imei_only=True)
OURS, UNICOMS, TELECOMS, ROAMER = 460001234567890, 460011234567890, 460031234567890, 310260123456789
IMEI = 3512345678901201


def expectations(house: House = House(), *, profiles: Sequence[Profile] = (MOBILE, UNICOM, TELECOM)) -> Expectations:  # noqa: B008 frozen
    operators = Operators(profiles)
    return Expectations(lambda: operators, house, apn_hash=name, authority_hash=name)


def around(made: Expectations, lines: Sequence[Trace], *, known: tuple[int, int] = (0, 0), expected: Sequence[str] = ()) -> Context:
    plain = context(expected=expected)
    return made.context(dossier(*lines, around=plain), plain, *known)


def elsewhere(imsi: int, apn: str, imei: int = IMEI) -> list[Trace]:
    """Three pushes, each followed by a session on this access point."""
    lines = []
    for place in range(3):
        at = 100 * place
        lines += [submit(at, f"m{place}"), push(at + 1, f"t{place}"), receipt(at + 2, f"t{place}@{at + 1:g}")]
        lines += [session(Kind.SESSION_START, at + 5, apn, f"s{place}", transaction=imsi, message=imei)]
        lines += [session(Kind.SESSION_STOP, at + 9, apn, f"s{place}", transaction=imsi, message=imei)]
    return lines


def said(lines: Sequence[Trace], there: Context) -> Verdict:
    found = dossier(*lines, around=there)
    return config.load_causes().judge(look(found.threads[-1], found, there, 10**12).signs)


@pytest.mark.parametrize(("imsi", "apn", "cause"), [
    (OURS, "cmnet", "BAD_APN"), (OURS, "cmwap", "BAD_PROXY"),
    (UNICOMS, "cmwap", "BAD_APN"), (UNICOMS, "3gwap", "BAD_PROXY"), (UNICOMS, "uniwap", "BAD_PROXY"),
    (ROAMER, "wholesale", "NO_RETRIEVE"), (TELECOMS, "ctnet", "BAD_APN"), (TELECOMS, "0123@mycdma.cn", "NO_RETRIEVE"),
    (0, "cmnet", "BAD_APN"),
])  # fmt: skip
def test_access_points_are_those_of_the_subscribers_operator(imsi: int, apn: str, cause: str) -> None:
    lines = elsewhere(imsi, apn)
    verdict = said(lines, around(expectations(), lines))
    assert verdict.cause == cause
    assert verdict.cause != "BAD_APN" or verdict.rule == "U10"


def test_the_operators_own_words_come_first() -> None:
    lines = elsewhere(UNICOMS, "cmwap")
    assert said(lines, around(expectations(House(mms_apns=True)), lines)).rule == "U8"
    foreign = elsewhere(ROAMER, "cmnet")
    assert said(foreign, around(expectations(House(("310-260",))), foreign)).rule == "U10"  # no roamer here: one of ours


def test_who_shows_no_imei_may_be_on_cdma() -> None:
    lines = elsewhere(TELECOMS, "ctnet", imei=0)
    assert around(expectations(), lines).expected.nothing
    assert not around(expectations(), lines, known=(TELECOMS, 35123456789012)).expected.nothing


def test_without_any_entry_the_configuration_counts_for_all() -> None:
    lines = elsewhere(ROAMER, "cmnet")
    assert said(lines, around(expectations(profiles=()), lines)).rule == "U10"


def test_hosts_of_his_operator_are_right_unless_others_were_named() -> None:
    lines = [submit(0), push(1), post(5, "mms.unicom.example")]
    ours = around(expectations(), lines, known=(UNICOMS, 0))
    assert name("mms.unicom.example") in authorities(dossier(*lines, around=ours), ours)
    named = around(expectations(), lines, known=(UNICOMS, 0), expected=("mmsc",))
    assert authorities(dossier(*lines, around=named), named) == {name("mmsc")}


def test_a_roamers_requests_say_nothing_of_his_settings() -> None:
    lines = [submit(0), push(1), receipt(2), post(5, "mmsc.home.example", b=Content.MMS)]
    for known, shown in (((ROAMER, 0), "n/c"), ((OURS, 0), "wrong host")):
        there = around(expectations(), lines, known=known, expected=("mmsc",))
        found = dossier(*lines, around=there)
        assert look(only(found), found, there, 10**12).signs.post == shown


@pytest.mark.parametrize(("imsi", "status", "answer", "shown"), [
    (0, 200, Content.MMS, "none"), (0, 200, Content.HTML, "wrong host"), (0, 403, Content.HTML, "wrong host"),
    (OURS, 200, Content.MMS, "wrong host"),
])  # fmt: skip
def test_another_mmsc_that_takes_his_messages_may_be_his_own(imsi: int, status: int, answer: int, shown: str) -> None:
    """As long as nobody knows whose subscriber he is: then it is none of ours, or a wrong setting."""
    lines = [submit(0), push(1), receipt(2), post(5, "mmsc.other.example", status, b=Content.MMS, c=answer)]
    there = around(expectations(), lines, known=(imsi, 0), expected=("mmsc",))
    found = dossier(*lines, around=there)
    assert look(only(found), found, there, 10**12).signs.post == shown
