"""What raises a finding about somebody's settings, and what clears it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from bench.judged import Judged, judged
from mmsd import config
from mmsd.model import SECOND, Content, Kind
from mmsd.rules.findings import REQUEST, Ground, bad, corrected, evaluate, mends, pack, thinned, unpack
from mmsd.rules.relate import NEVER, Dossier
from mmsd.rules.settings import Judgement, Operator
from mmsd.rules.traces import FEED, ORIGIN, WHERE, Trace
from tests.rules.dossiers import ANN, BOB, CAT, answer, context, dossier, fetched, get, name, notify, post, push, session, submit, trace

DAY: Final = 86400.0
OURS: Final = frozenset({name("mmsc")})
SETTINGS: Final = Judgement(repeat=5.0)


def sign(cause: str, line: Trace, confidence: float = 0.8, kind: str = "") -> Ground:
    return bad((REQUEST, line[FEED], line[WHERE]), cause, line, confidence, kind)


def astray(at: float, host: str = "wrong.example", confidence: float = 0.8, kind: str = "confirm") -> Ground:
    return sign("BAD_MMSC_URL", post(at, host, 502), confidence, kind)


def silent(at: float, cause: str = "BAD_PROXY", confidence: float = 0.85) -> Ground:
    return sign(cause, session(Kind.SESSION_START, at), confidence)


def raised(signs: list[Ground], lines: Dossier | None = None) -> list[tuple[Any, ...]]:
    """(cause, confidence, raised at, cleared at), in seconds."""
    known = [*signs, *mends(lines or dossier(), context(), OURS, NEVER)]
    return [(f.cause, f.confidence, f.raised / SECOND, f.cleared / SECOND) for f in evaluate(known, SETTINGS)]


def test_three_cases_raise_and_two_do_not():
    assert raised([silent(0), silent(10)]) == []
    assert raised([silent(0), silent(10), silent(20)]) == [("BAD_PROXY", 0.85, 20, 0)]


def test_order_does_not_matter():
    assert raised([silent(20), silent(0), silent(10)]) == [("BAD_PROXY", 0.85, 20, 0)]


def test_repeats_within_a_short_while_are_one_case():
    assert raised([silent(0), silent(4), silent(5), silent(10)]) == []
    assert raised([silent(0), silent(6), silent(12)]) != []


def test_cases_must_fall_within_the_window():
    assert raised([silent(0), silent(4 * DAY), silent(7.5 * DAY)]) == []
    assert raised([silent(0), silent(4 * DAY), silent(7.5 * DAY), silent(8 * DAY)]) == [("BAD_PROXY", 0.85, 8 * DAY, 0)]


def test_weak_evidence_raises_nothing_and_the_best_names_the_confidence():
    assert raised([silent(at, confidence=0.65) for at in (0, 10, 20)]) == []
    assert raised([silent(0, confidence=0.7), silent(10, confidence=0.85), silent(20, confidence=0.7)]) == [("BAD_PROXY", 0.85, 20, 0)]


def test_no_session_for_a_month_is_said_once():
    assert raised([silent(0, "NO_PDP", 0.8)]) == [("NO_PDP", 0.8, 0, 0)]


def test_two_faults_are_two_findings():
    both = [silent(at, cause) for at in (0, 10, 20) for cause in ("BAD_APN", "BAD_PROXY")]
    assert [found[0] for found in raised(both)] == ["BAD_APN", "BAD_PROXY"]


def test_posts_to_several_hosts_are_not_one_wrong_address():
    assert raised([astray(0, "a.example"), astray(10, "b.example"), astray(20, "c.example")]) == []
    found = raised([astray(0, "a.example"), astray(10, "b.example"), astray(20, "a.example"), astray(30, "a.example")])
    assert found == [("BAD_MMSC_URL", 0.8, 30, 0)]


def test_the_lines_of_the_cases_and_the_last_are_the_evidence():
    signs = [astray(0), astray(10), astray(20), astray(30)]
    (found,) = evaluate(signs, SETTINGS)
    assert found.lines == (*signs[:3], signs[3])


# --------------------------------------------------------------------------------------------------------------- cleared

CONFIRMS: Final = [astray(at) for at in (0, 10, 20)]
SUBMITS: Final = [astray(at, kind="post") for at in (0, 10, 20)]


def cleared(signs: list[Ground], *lines: Trace) -> float:
    ((_, _, _, at),) = raised(signs, dossier(*lines))
    return float(at)


def test_a_confirmation_at_our_mmsc_clears_confirmations():
    assert cleared(CONFIRMS, post(30), answer(31)) == 30


def test_a_submit_clears_either_and_a_confirmation_no_submits():
    """Some handsets confirm to the notification's host while their own messages go astray."""
    own = trace(ORIGIN, 31, message="m9")
    assert cleared(CONFIRMS, post(30), own) == cleared(SUBMITS, post(30), own) == 30
    assert cleared(SUBMITS, post(30), answer(31)) == 0


@pytest.mark.parametrize(
    "lines",
    [
        (post(30),),  # the MMSC knows nothing of it
        (post(30, status=503), answer(31)),
        (submit(25), notify(26), push(26), get(30), fetched(30)),  # a fetch clears nothing
    ],
)
def test_what_clears_no_wrong_address(lines: tuple[Trace, ...]):
    assert cleared(CONFIRMS, *lines) == 0


def test_what_is_good_in_between_begins_the_count_anew():
    assert raised(CONFIRMS, dossier(post(15), answer(15))) == []
    assert raised([*CONFIRMS, astray(30), astray(40)], dossier(post(15), answer(15))) == [("BAD_MMSC_URL", 0.8, 40, 0)]


def test_what_was_cleared_is_raised_again_by_as_many_cases():
    mended = dossier(post(30), answer(31))
    assert raised([*CONFIRMS, astray(40), astray(50)], mended) == [("BAD_MMSC_URL", 0.8, 20, 30)]
    assert raised([*CONFIRMS, *(astray(at) for at in (40, 50, 60))], mended) == [("BAD_MMSC_URL", 0.8, 60, 0)]


def test_the_line_that_clears_is_shown():
    (found,) = evaluate([*CONFIRMS, *mends(dossier(post(30), answer(31)), context(), OURS, NEVER)], SETTINGS)
    assert [(ground.at // SECOND, ground.good) for ground in found.lines] == [(0, False), (10, False), (20, False), (30, True)]


def test_a_handset_a_week_old_makes_it_surer():
    signs = [silent(at) for at in (0, 10, 20)]
    assert [f.confidence for f in evaluate(signs, SETTINGS, [-6 * 86400 * SECOND])] == [0.9]
    assert [f.confidence for f in evaluate(signs, SETTINGS, [-8 * 86400 * SECOND])] == [0.85]
    assert [f.confidence for f in evaluate([silent(at, confidence=0.97) for at in (0, 10, 20)], SETTINGS, [0])] == [0.99]


def test_a_handset_that_cannot_is_one_case_and_content_three():
    def unsupported(at: float, kind: str) -> Ground:
        return sign("UNSUPPORTED", answer(at, status=132), 0.9, kind)

    assert raised([unsupported(0, "handset")]) == [("UNSUPPORTED", 0.9, 0, 0)]
    assert raised([unsupported(0, "content")]) == []
    assert raised([unsupported(at, "content") for at in (0, 10, 20)]) == [("UNSUPPORTED", 0.9, 20, 0)]
    message = (submit(25), notify(26), push(26), get(30), fetched(30), answer(31))
    assert cleared([unsupported(0, "handset")], *message) == 30
    assert cleared([unsupported(at, "content") for at in (0, 10, 20)], *message) == 0


def test_what_the_network_corrects_is_not_urgent():
    (found,) = evaluate([sign("BAD_APN", push(at), 0.8, "corrected") for at in (0, 10, 20)], SETTINGS)
    assert found.urgency == "low"
    (found,) = evaluate([sign("BAD_APN", push(at), 0.8, kind) for at, kind in ((0, "corrected"), (10, ""), (20, "corrected"))], SETTINGS)
    assert found.urgency == "normal"


@pytest.mark.parametrize(
    ("mode", "apn", "found"), [(3, "cmwap", True), (4, "cmwap", True), (1, "cmwap", False), (0, "cmwap", False), (3, "cmnet", False)]
)
def test_an_access_point_that_the_network_chose_is_a_finding_and_no_failure(mode: int, apn: str, found: bool):
    lines = dossier(session(Kind.SESSION_START, 10, apn, c=mode), submit(1), notify(2), push(2), fetched(12), answer(13))
    grounds = corrected((0, 0, 1), lines.threads[0].fetches, lines, context())
    assert [(ground.cause, ground.kind) for ground in grounds] == ([("BAD_APN", "corrected")] if found else [])


def test_a_session_of_his_own_beside_it_says_otherwise():
    both = (session(Kind.SESSION_START, 10, c=3), session(Kind.SESSION_START, 11, key="s2", c=1))
    lines = dossier(*both, submit(1), notify(2), push(2), fetched(12))
    assert corrected((0, 0, 1), lines.threads[0].fetches, lines, context()) == []


def test_a_request_that_the_gateway_sent_to_the_right_address_shows_no_right_address():
    put_right = post(30, b=Content.MMS, transaction="old.example")
    assert bad((REQUEST, 0, 1), "BAD_MMSC_URL", put_right, 0.8, "corrected").shape == name("old.example")
    for line, shown in ((put_right, False), (post(30, b=Content.MMS), True)):
        grounds = mends(dossier(line, answer(31)), context(), OURS, NEVER)
        assert any(ground.cause == "BAD_MMSC_URL" for ground in grounds) == shown


def test_old_evidence_goes_and_what_stands_stays():
    old, new = [silent(at) for at in (0, 10, 20, 30)], silent(40 * DAY)
    settings = SETTINGS
    assert thinned([silent(0), new], settings, round(41 * DAY * SECOND)) == [new]
    kept = thinned([*old, new], settings, round(41 * DAY * SECOND))
    assert evaluate(kept, settings)[0].raised == evaluate([*old, new], settings)[0].raised
    assert new in kept
    assert old[3] not in kept
    good = list(mends(dossier(session(Kind.SESSION_START, 29), post(30), answer(31)), context(), OURS, NEVER))
    assert thinned([*old[:3], *good], settings, round(41 * DAY * SECOND)) == []


def test_grounds_are_packed():
    signs = [astray(3, confidence=0.99), silent(5), *mends(dossier(post(30), answer(31)), context(), OURS, NEVER)]
    assert unpack(pack(signs)) == signs


def test_a_session_of_his_choice_and_a_fetch_in_it_clear_the_access_point():
    wrong = [silent(at, "BAD_APN", 0.9) for at in (0, 10, 20)]
    message = (submit(25), notify(26), push(26), fetched(35))
    assert cleared(wrong, session(Kind.SESSION_START, 30), *message) == 35
    assert cleared(wrong, *message) == 0
    assert cleared(wrong, session(Kind.SESSION_START, 30, "cmnet"), *message) == 0
    assert cleared(wrong, session(Kind.SESSION_START, 30, c=3), *message) == 0  # the network chose it
    assert cleared(wrong, session(Kind.SESSION_START, 40), *message) == 0


def test_a_fetch_through_the_gateway_clears_the_proxy():
    wrong = [silent(at) for at in (0, 10, 20)]
    message = (submit(25), notify(26), push(26))
    assert cleared(wrong, *message, get(30)) == 30
    assert cleared(wrong, *message, get(30, status=407)) == 0


def test_any_session_clears_their_absence():
    assert cleared([silent(0, "NO_PDP")], session(Kind.SESSION_START, 30, "cmnet")) == 30


# ------------------------------------------------------------------------------------- from log lines to attempts, findings

MMS: Final = "application/vnd.wap.mms-message"


@dataclass
class Gateway:
    """A proxy's log and an MMSC's, written line by line; times in seconds after 17:00."""

    folder: Path
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def request(self, at: float, host: str, status: int, sent_type: str = MMS, answered: str = MMS, number: int = ANN) -> Gateway:
        asked = f'{1795338000 + at:.3f}      1 10.0.0.9 "+{number}" POST http://{host}/ {status} 349 323 "UA/1.0" "-"'
        self.requests.append(f'{asked} "{sent_type}" "{answered}" TCP_MISS/HIER_DIRECT/10.0.0.1 -/-\n')
        return self

    def received(self, at: int, sender: int = ANN) -> Gateway:
        self.messages.append(
            f"2026-11-22 17:{at // 60:02}:{at % 60:02} Received MMS [INT:MM1] [ACT:] [MMSC:] [from:+{sender}] [to:+{BOB}] [msgid:m{at}] "
            "[size=150] [UA:] [MMBox:]\n"
        )
        return self

    def judged(self) -> Judged:
        (self.folder / "access-mms.log").write_text("".join(self.requests))
        (self.folder / "mmsc-access.log").write_text("".join(self.messages))
        feeds = {
            "mmsc": config.Feed("mbuni", (self.folder / "mmsc-access.log",)),
            "proxy": config.Feed("http", (self.folder / "access-mms.log",), options={"format": "mms"}),
        }
        settings = config.Settings(
            feeds=feeds, operator=Operator(mmsc=("mmsc.example",)), judgement=Judgement(grace=0.0, skew=0.0, repeat=5.0)
        )
        return judged(settings, to_the_end=True)


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path).received(1, CAT)  # the MMSC is there


@pytest.mark.parametrize(
    ("host", "status", "sent_type", "strength", "verdict"),
    [
        ("mmsc.example", 404, MMS, "sure", "Z3"), ("mmsc.example", 407, MMS, "sure", "Z4"), ("mmsc.example", 503, MMS, "sure", "Z5"),
        ("mmsc.exmaple", 502, MMS, "sure", "Z2"), ("mmsc.example", 200, MMS, "sure", "Z6"),
    ],
)  # fmt: skip
def test_what_a_request_of_his_own_shows(gateway: Gateway, host: str, status: int, sent_type: str, strength: str, verdict: str):
    (attempt,) = gateway.request(100, host, status, sent_type).judged().attempts
    kind = "submit" if verdict == "Z6" else "post"  # only a submit is answered by an MMS PDU
    assert (attempt.strength, attempt.verdict, attempt.type, attempt.host) == (strength, verdict, kind, host)
    assert (attempt.subscriber, attempt.node) == (str(ANN), "proxy")


def test_a_submit_that_the_mmsc_logged_is_taken(gateway: Gateway):
    (attempt,) = gateway.request(100, "mmsc.example", 200).received(100).judged().attempts
    assert (attempt.strength, attempt.verdict, attempt.type) == ("sure", "Z1", "submit")


def test_forms_are_no_attempts(gateway: Gateway):
    form = "application/x-www-form-urlencoded"
    assert gateway.request(100, "shop.example", 502, form).request(110, "mmsc.exmaple", 200, form).judged().attempts == []


def test_three_submits_astray_are_a_finding_and_one_taken_clears_it(gateway: Gateway):
    for at in (100, 200, 300):
        gateway.request(at, "mmsc.exmaple", 502)
    (finding,) = gateway.judged().findings
    assert (finding.subject, finding.cause, finding.confidence, finding.cleared) == (str(ANN), "BAD_MMSC_URL", 0.99, 0)
    assert len(finding.evidence) == 3
    (mended,) = gateway.request(400, "mmsc.example", 200).received(400).judged().findings
    assert mended.cleared == (1795338000 + 400) * SECOND


def test_two_subscribers_faults_do_not_add_up(gateway: Gateway):
    for at, number in ((100, ANN), (200, BOB), (300, ANN)):
        gateway.request(at, "mmsc.exmaple", 502, number=number)
    assert gateway.judged().findings == []
