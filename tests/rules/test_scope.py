"""What feeds declare to show, one by one and together."""

from __future__ import annotations

import pytest

from mmsd.rules.scope import Scope, Scopes

WAP, NET = 1, 2
MMS = frozenset({WAP})
G1, G2, G3 = 11, 12, 13


def sessions(*apns: int, ggsns: tuple[int, ...] = (), part: bool = False) -> Scope:
    return Scope("sessions", frozenset(apns) or None, frozenset(ggsns) or None, part=part)


@pytest.mark.parametrize(
    ("feeds", "every", "mms"),
    [
        ((), False, True),  # no feed of sessions: the kind itself is missing, and says so
        ((sessions(),), True, True),
        ((sessions(WAP),), False, True),
        ((sessions(NET),), False, False),
        ((sessions(WAP), sessions(NET)), False, True),
        ((sessions(ggsns=(G1,)), sessions(ggsns=(G2,))), True, True),
        ((sessions(ggsns=(G1,)), sessions(WAP, ggsns=(G2,))), False, True),
        ((sessions(ggsns=(G1,)), sessions(NET, ggsns=(G2,))), False, False),
        ((sessions(WAP), sessions(ggsns=(G1,))), False, True),
        ((sessions(part=True),), False, False),
        ((sessions(part=True), sessions(WAP)), False, True),
    ],
)
def test_sessions(feeds: tuple[Scope, ...], every: bool, mms: bool) -> None:
    scopes = Scopes(feeds)
    assert (scopes.every_session, scopes.sessions_on(MMS)) == (every, mms)


def test_a_ggsn_that_no_feed_shows_makes_them_some() -> None:
    feeds = (sessions(ggsns=(G1,)), sessions(ggsns=(G2,)))
    assert Scopes(feeds, frozenset({G1, G2})).every_session
    more = Scopes(feeds, frozenset({G1, G2, G3}))
    assert not more.every_session
    assert not more.sessions_on(MMS)
    assert [more.ggsn(ggsn) for ggsn in (G1, G2, G3, 0)] == [True, True, False, True]
    assert Scopes().ggsn(G3)


def test_what_is_expected_of_nobody_is_on_no_access_point() -> None:
    assert not Scopes((sessions(WAP),)).sessions_on(frozenset())
    assert Scopes((sessions(),)).sessions_on(frozenset())


def test_links() -> None:
    some = Scopes((Scope("sms", links=frozenset({b"smsc1"})), Scope("sms", links=frozenset({b"smsc2"}))))
    assert not some.every_link
    assert [some.link(name) for name in (b"smsc1", b"smsc2", b"smsc3", b"")] == [True, True, False, False]
    assert Scopes((*some.feeds, Scope("sms"))).link(b"smsc3")
    assert not Scopes((Scope("sms", part=True),)).link(b"smsc1")
    assert Scopes((Scope("mmsc"),)).every_link


def test_a_gateway_by_access_point_or_by_address() -> None:
    apn, pool = Scope("gateway", apns=MMS), Scope("gateway", networks=((100, 199),))
    assert Scopes((apn,)).gateway(MMS, ())
    assert not Scopes((apn,)).gateway(frozenset({WAP, NET}), ())
    assert not Scopes((pool,)).gateway(MMS, ()), "where his requests would have gone is not known"
    assert Scopes((pool,)).gateway(MMS, {(WAP, 150)})
    assert not Scopes((pool,)).gateway(MMS, {(WAP, 150), (WAP, 250)})
    assert Scopes((pool, Scope("gateway", networks=((200, 299),)))).gateway(MMS, {(WAP, 150), (WAP, 250)})
    both = Scope("gateway", apns=MMS, networks=((100, 199),))
    assert not Scopes((both,)).gateway(MMS, ())
    assert not Scopes((both,)).gateway(MMS, {(NET, 150)})
    assert Scopes((both, Scope("gateway"))).gateway(MMS, ())
    assert not Scopes((Scope("gateway", part=True),)).gateway(MMS, {(WAP, 150)})
    assert Scopes().gateway(MMS, ())
