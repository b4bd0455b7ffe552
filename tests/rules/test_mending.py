"""What shows that a mend took, direction by direction, as the evidence table says (§4)."""

from __future__ import annotations

import itertools
import random

import msgspec
import pytest

from mmsd.model import DAY, HOUR
from mmsd.rules.cases import Case, Kind, State
from mmsd.rules.causes import REQUESTS, RULES
from mmsd.rules.mending import ASTRAY, BLOCKED, REFUSED, Mended, Proof, Sign, mended
from mmsd.rules.settings import CareSettings

SENT = 20_000 * DAY
LATER = SENT + DAY
SETTINGS = CareSettings()


def case(*causes: str, posts: str = "", authority: int = 0) -> Case:
    return Case(
        number=1, kind=Kind.SETTINGS, state=State.PUSHED, opened=0, origin="finding", causes=causes, posts=posts, authority=authority,
        ordered=SENT - HOUR, sent=SENT,
    )  # fmt: skip


def said(about: Case, *proofs: Proof) -> str:
    """ "confirmed", "not taken" or "nothing"."""
    found = mended(about, proofs, SETTINGS)
    return "not taken" if found.failed else "confirmed" if set(found.causes) >= set(about.causes) and found.causes else "nothing"


SUBMIT = Proof(Sign.POSTED, LATER, post="submit")
CONFIRM = Proof(Sign.POSTED, LATER, post="confirm")
POST = Proof(Sign.POSTED, LATER)
OWN_FETCH = Proof(Sign.RETRIEVED, LATER, own_choice=True)
GIVEN_FETCH = Proof(Sign.RETRIEVED, LATER)
SESSION = Proof(Sign.SESSION, LATER)
TEST_ANSWERED = Proof(Sign.POSTED, LATER, post="confirm", test=True)


def failed(row: str, *, at: int = LATER, authority: int = 0, other_new: bool = False) -> Proof:
    return Proof(Sign.FAILED, at, row, authority=authority, other_new=other_new)


TABLE = [
    # a wrong MMSC address: a POST of the same kind at the right host; a fetch shows nothing
    (case("BAD_MMSC_URL", posts="submit"), SUBMIT, "confirmed"),
    (case("BAD_MMSC_URL", posts="submit"), CONFIRM, "nothing"),
    (case("BAD_MMSC_URL", posts="submit"), POST, "nothing"),
    (case("BAD_MMSC_URL", posts="confirm"), CONFIRM, "confirmed"),
    (case("BAD_MMSC_URL", posts="confirm"), SUBMIT, "nothing"),
    (case("BAD_MMSC_URL"), SUBMIT, "confirmed"),
    (case("BAD_MMSC_URL"), CONFIRM, "nothing"),
    (case("BAD_MMSC_URL", posts="submit"), TEST_ANSWERED, "confirmed"),
    (case("BAD_MMSC_URL"), OWN_FETCH, "nothing"),
    (case("BAD_MMSC_URL"), SESSION, "nothing"),
    *((case("BAD_MMSC_URL", authority=7), failed(row, authority=7), "not taken") for row in sorted(ASTRAY)),
    (case("BAD_MMSC_URL", authority=7), failed("Z2", authority=8), "nothing"),  # another address than the old one
    (case("BAD_MMSC_URL", authority=7), failed("Z2"), "not taken"),
    (case("BAD_MMSC_URL"), failed("Z2", authority=8), "not taken"),
    (case("BAD_MMSC_URL"), failed("U10"), "nothing"),
    (case("BAD_MMSC_URL"), failed("R2"), "nothing"),
    # a wrong access point: R or Z1 over a session that the handset itself put on the expected one
    (case("BAD_APN"), OWN_FETCH, "confirmed"),
    (case("BAD_APN"), SUBMIT._replace(own_choice=True), "confirmed"),
    (case("BAD_APN"), GIVEN_FETCH, "nothing"),  # the network chose it
    (case("BAD_APN"), SUBMIT, "nothing"),
    (case("BAD_APN"), SESSION._replace(own_choice=True), "nothing"),  # a session alone is no message
    *((case("BAD_APN"), failed(row), "not taken") for row in sorted(REFUSED)),
    (case("BAD_APN"), failed("U11", other_new=True), "not taken"),
    (case("BAD_APN"), failed("U11"), "nothing"),  # a session that stood before the message
    (case("BAD_APN"), failed("Z2"), "nothing"),
    # a wrong proxy: R or Z1
    (case("BAD_PROXY"), GIVEN_FETCH, "confirmed"),
    (case("BAD_PROXY"), SUBMIT, "confirmed"),
    (case("BAD_PROXY"), SESSION, "nothing"),
    *((case("BAD_PROXY"), failed(row), "not taken") for row in sorted(BLOCKED)),
    (case("BAD_PROXY"), failed("U2"), "nothing"),
    # nothing was found, he asked: whatever shows that sending or fetching works
    (case(), OWN_FETCH, "confirmed"),
    (case(), SUBMIT, "confirmed"),
    (case(), CONFIRM, "nothing"),
    (case(), GIVEN_FETCH, "nothing"),
    (case(), failed("T4"), "not taken"),
    (case(), failed("N1"), "nothing"),
]


@pytest.mark.parametrize(("about", "proof", "expected"), TABLE, ids=str)
def test_one_piece_of_evidence(about: Case, proof: Proof, expected: str):
    assert said(about, proof) == expected


@pytest.mark.parametrize(("about", "proof", "expected"), [row for row in TABLE if row[2] != "nothing"], ids=str)
def test_nothing_counts_before_there_was_time_to_install(about: Case, proof: Proof, expected: str):
    assert said(about, proof._replace(at=LATER - 1)) == "nothing"
    assert said(about, proof._replace(at=SENT - 1)) == "nothing"
    assert said(about, proof._replace(at=LATER)) == expected


@pytest.mark.parametrize(("about", "proof", "expected"), [row for row in TABLE if row[2] != "nothing"], ids=str)
def test_the_message_that_was_pending_proves_nothing(about: Case, proof: Proof, expected: str):
    assert said(about, proof._replace(notified=SENT - 1)) == "nothing"
    assert said(about, proof._replace(notified=SENT)) == expected


@pytest.mark.parametrize(("about", "proof", "expected"), TABLE, ids=str)
def test_what_did_not_leave_mends_nothing(about: Case, proof: Proof, expected: str):
    waiting = msgspec.structs.replace(about, sent=None)
    assert mended(waiting, [proof], SETTINGS) == Mended()


def test_rows_are_rows_of_the_table():
    assert set(RULES) | set(REQUESTS) >= ASTRAY | REFUSED | BLOCKED


def test_the_earlier_of_two_decides_in_whatever_order_they_come():
    good, bad = OWN_FETCH._replace(at=LATER + HOUR), failed("U10", at=LATER)
    for order in itertools.permutations([good, bad]):
        assert said(case("BAD_APN"), *order) == "not taken"
    good = OWN_FETCH._replace(at=LATER)
    bad = bad._replace(at=LATER + HOUR)
    for order in itertools.permutations([good, bad]):
        assert said(case("BAD_APN"), *order) == "confirmed"


def test_each_cause_has_to_be_mended():
    both = case("BAD_APN", "BAD_MMSC_URL")
    assert mended(both, [OWN_FETCH], SETTINGS).causes == ("BAD_APN",)
    assert mended(both, [SUBMIT], SETTINGS).causes == ("BAD_MMSC_URL",)
    assert said(both, OWN_FETCH, SUBMIT) == "confirmed"
    assert said(both, SUBMIT._replace(own_choice=True)) == "confirmed"
    assert mended(both, [OWN_FETCH, failed("Z2", at=LATER + 1)], SETTINGS).failed == "BAD_MMSC_URL"


def test_what_is_mended_already_is_not_asked_for_again():
    half = msgspec.structs.replace(case("BAD_APN", "BAD_MMSC_URL"), mended=("BAD_APN",))
    assert mended(half, [OWN_FETCH], SETTINGS) == Mended()
    assert mended(half, [failed("U10")], SETTINGS) == Mended()  # it took once; what fails now is another finding
    assert mended(half, [SUBMIT], SETTINGS).causes == ("BAD_MMSC_URL",)


def listed() -> Case:
    return Case(
        number=1, kind=Kind.ACTIVATION, state=State.LISTED, opened=0, origin="finding", causes=("NO_PDP",), listed=SENT
    )  # fmt: skip


def test_activation_is_confirmed_by_the_first_session_at_once():
    assert said(listed(), SESSION._replace(at=SENT)) == "confirmed"
    assert said(listed(), SESSION._replace(at=SENT - 1)) == "nothing"
    assert said(listed(), OWN_FETCH) == "nothing"


def test_an_activation_that_staff_asked_for_needs_no_finding():
    asked = msgspec.structs.replace(listed(), origin="staff", causes=())
    assert mended(asked, [SESSION._replace(at=SENT)], SETTINGS).causes == ("NO_PDP",)
    assert mended(asked, [OWN_FETCH, SESSION._replace(at=SENT - 1)], SETTINGS) == Mended()
    assert mended(asked, [Proof(Sign.SILENCE, SENT + 7 * DAY, since=0)], SETTINGS).failed == "NO_PDP"


def test_activation_has_failed_after_a_week_without_a_session():
    silence = Proof(Sign.SILENCE, SENT + 7 * DAY, since=0)
    assert said(listed(), silence) == "not taken"
    assert said(listed(), silence._replace(at=SENT + 7 * DAY - 1)) == "nothing"
    assert said(listed(), silence._replace(since=SENT + 1)) == "nothing"  # the silence itself has to last a week
    assert said(listed(), silence._replace(since=None)) == "nothing"


def test_order_of_evidence_is_order_of_time(seed: int, effort: int):
    draw = random.Random(seed)
    pool = [proof for _, proof, _ in TABLE]
    for _ in range(200 * effort):
        about = draw.choice([about for about, _, _ in TABLE])
        proofs = [draw.choice(pool)._replace(at=LATER + place * HOUR) for place in range(draw.randint(1, 5))]
        expected = mended(about, proofs, SETTINGS)
        draw.shuffle(proofs)
        assert mended(about, proofs, SETTINGS) == expected
