"""The session: every move of the table, from both ends, in both protocols; time, windows, refusals, and what is not acknowledged."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest

from mmsd.codec import cmpp, session, smpp
from mmsd.codec.session import (
    SECOND,
    TABLE,
    Answered,
    Asked,
    BindAsked,
    BindRefused,
    Bound,
    Closed,
    Cmpp,
    Kind,
    Leaving,
    Noticed,
    Odd,
    Overdue,
    Role,
    Session,
    Settings,
    Smpp,
    State,
)
from mmsd.codec.tables import cmpp as cmpp_table
from mmsd.codec.tables import smpp as smpp_table
from mmsd.errors import EncodeError

SUBMIT: dict[str, tuple[int, session.Body]] = {
    "smpp": (smpp_table.SUBMIT_SM, smpp.Message(destination=smpp.Address(1, 1, b"8613900000001"), short_message=b"hello")),
    "cmpp": (cmpp_table.SUBMIT, cmpp.Submit(destinations=(b"13900000001",), content=b"hello")),
}
DELIVER: dict[str, tuple[int, session.Body]] = {
    "smpp": (smpp_table.DELIVER_SM, smpp.Message(source=smpp.Address(1, 1, b"8613900000001"), short_message=b"yes")),
    "cmpp": (cmpp_table.DELIVER, cmpp.Deliver(msg_id=77, source=b"13900000001", content=b"yes")),
}
BIND: dict[str, session.Body] = {"smpp": smpp.Bind(b"loop", b"loop"), "cmpp": cmpp.Connect(b"900001", version=0x30)}
ACCEPT: dict[str, session.Body] = {"smpp": smpp.BindAnswer(b"smsc"), "cmpp": cmpp.ConnectAnswer(version=0x30)}
ANSWER: dict[str, session.Body] = {"smpp": smpp.MessageAnswer(b"00010101"), "cmpp": cmpp.SubmitAnswer(4711)}
LOW = {"smpp": smpp_table.SYSTEM_ERROR, "cmpp": 3}
THROTTLED = {"smpp": smpp_table.THROTTLED, "cmpp": cmpp_table.FLOW_CONTROL}
DIALECTS: dict[str, Callable[[], session.Dialect]] = {"smpp": Smpp, "cmpp": lambda: Cmpp(0x30)}

PLAIN = Settings()

both = pytest.mark.parametrize("protocol", ["smpp", "cmpp"])


def pair(protocol: str, settings: Settings = PLAIN, **bind) -> tuple[Session, Session]:
    """A client and a centre, bound, at time 0."""
    client = Session(DIALECTS[protocol](), Role.CLIENT, settings, now=0)
    centre = Session(DIALECTS[protocol](), Role.CENTRE, settings, now=0)
    client.bind(BIND[protocol], now=0, **bind)
    (asked,) = hears(centre, client.take(), now=0)
    assert isinstance(asked, BindAsked)
    centre.accept(ACCEPT[protocol], now=0)
    (bound,) = hears(client, centre.take(), now=0)
    assert isinstance(bound, Bound)
    assert client.state == centre.state
    return client, centre


def hears(end: Session, octets: bytes, *, now: int) -> list[Any]:
    """What the end makes of the octets; each test knows which events they must be."""
    return list(end.feed(octets, now=now))


def kinds(events: list[session.Event]) -> list[type]:
    return [type(event) for event in events]


@both
def test_a_message_up_and_one_down(protocol):
    client, centre = pair(protocol)
    up = client.ask(*SUBMIT[protocol], now=1)
    (asked,) = hears(centre, client.take(), now=1)
    assert (asked.pdu.sequence, asked.pdu.body) == (up, SUBMIT[protocol][1])
    assert centre.take() == b""  # nothing is acknowledged yet
    assert (client.unanswered, centre.owed) == (1, 1)
    centre.settle(up, now=2, body=ANSWER[protocol])
    (answered,) = hears(client, centre.take(), now=2)
    assert answered == Answered(up, 0, answered.pdu, throttled=False, late=False)
    assert answered.pdu.body == ANSWER[protocol]

    down = centre.ask(*DELIVER[protocol], now=3)
    (asked,) = hears(client, centre.take(), now=3)
    assert asked.pdu.body == DELIVER[protocol][1]
    assert client.take() == b""
    client.settle(down, now=4)
    octets = client.take()
    (answered,) = hears(centre, octets, now=4)
    assert (answered.sequence, answered.status) == (down, 0)
    if protocol == "smpp":
        assert octets.hex() == f"000000118000000500000000{down:08x}00"  # as Kannel writes it
    else:
        assert answered.pdu.body == cmpp.DeliverAnswer(77, 0)


@both
def test_settling_in_groups_and_in_any_order(protocol):
    client, centre = pair(protocol)
    asked = [client.ask(*SUBMIT[protocol], now=1) for _ in range(10)]
    assert client.room(1) == 0
    with pytest.raises(EncodeError, match="no room"):
        client.ask(*SUBMIT[protocol], now=1)
    events = hears(centre, client.take(), now=1)
    assert [event.pdu.sequence for event in events] == asked
    for sequence in reversed(asked):
        centre.settle(sequence, now=2, body=ANSWER[protocol])
    assert [event.sequence for event in hears(client, centre.take(), now=2)] == asked[::-1]
    assert client.room(2) == 10


@both
def test_what_is_not_owed_is_not_settled(protocol):
    client, centre = pair(protocol)
    with pytest.raises(EncodeError, match="owed"):
        centre.settle(5, now=1)
    sequence = client.ask(*SUBMIT[protocol], now=1)
    hears(centre, client.take(), now=1)
    centre.settle(sequence, now=1)
    with pytest.raises(EncodeError, match="owed"):
        centre.settle(sequence, now=1)


@both
def test_settling_after_the_end_is_nobodys_fault(protocol):
    """The connection broke while the caller committed."""
    client, centre = pair(protocol)
    sequence = client.ask(*SUBMIT[protocol], now=1)
    hears(centre, client.take(), now=1)
    assert centre.lost() == [Closed("the connection is lost", (), (sequence,))]
    centre.settle(sequence, now=2)
    assert centre.take() == b""


def test_a_second_login_may_be_of_another_version():
    centre = Session(Cmpp(0x30), Role.CENTRE, now=0)
    for version in (0x20, 0x30):
        client = Session(Cmpp(version), Role.CLIENT, now=0)
        client.bind(cmpp.Connect(b"900001", version=version), now=0)
        hears(centre, client.take(), now=0)
        if version == 0x20:
            centre.refuse(4, now=0)
            assert kinds(hears(client, centre.take(), now=0)) == [BindRefused]
    centre.accept(cmpp.ConnectAnswer(version=0x30), now=0)
    assert kinds(hears(client, centre.take(), now=0)) == [Bound]
    client.ask(*SUBMIT["cmpp"], now=1)
    assert hears(centre, client.take(), now=1)[0].pdu.body == SUBMIT["cmpp"][1]


@both
def test_a_request_again_is_asked_once_until_it_is_settled(protocol):
    client, centre = pair(protocol)
    client.ask(*SUBMIT[protocol], now=1)
    octets = client.take()
    assert kinds(hears(centre, octets + octets, now=1)) == [Asked, Odd]
    assert centre.owed == 1


@both
def test_bind_refused_and_tried_again(protocol):
    client = Session(DIALECTS[protocol](), Role.CLIENT, now=0)
    centre = Session(DIALECTS[protocol](), Role.CENTRE, now=0)
    client.bind(BIND[protocol], now=0)
    hears(centre, client.take(), now=0)
    with pytest.raises(EncodeError, match="status"):
        centre.refuse(0, now=0)
    centre.refuse(LOW[protocol], now=0)
    (refused,) = hears(client, centre.take(), now=0)
    assert isinstance(refused, BindRefused)
    assert (refused.status, client.state, centre.state) == (LOW[protocol], State.OPEN, State.OPEN)
    client.bind(BIND[protocol], now=1)
    assert kinds(hears(centre, client.take(), now=1)) == [BindAsked]
    with pytest.raises(EncodeError, match="nobody"):
        client.accept(ACCEPT[protocol], now=1)


def test_an_older_centre_does_not_know_transceivers():
    client = Session(Smpp(), Role.CLIENT, now=0)
    client.bind(BIND["smpp"], now=0)
    (refused,) = hears(client, smpp.encode(smpp.Pdu(smpp_table.GENERIC_NACK, smpp_table.INVALID_COMMAND, 1)), now=0)
    assert isinstance(refused, BindRefused)
    client.bind(BIND["smpp"], now=1, command=smpp_table.BIND_TRANSMITTER)
    assert client.state is State.BINDING_TX


@pytest.mark.parametrize(("version", "asked", "agreed"), [(0x30, 0x20, 0x20), (0x20, 0x30, 0x20), (0x30, 0x30, 0x30), (0x20, 0x20, 0x20)])
def test_cmpp_ends_agree_on_a_version(version, asked, agreed):
    client, centre = Session(Cmpp(asked), Role.CLIENT, now=0), Session(Cmpp(version), Role.CENTRE, now=0)
    client.bind(cmpp.Connect(b"900001", version=asked), now=0)
    hears(centre, client.take(), now=0)
    centre.accept(cmpp.ConnectAnswer(version=version), now=0)
    hears(client, centre.take(), now=0)
    client.ask(*SUBMIT["cmpp"], now=1)
    octets = client.take()
    (event,) = hears(centre, octets, now=1)
    assert event.pdu.body == SUBMIT["cmpp"][1]
    assert cmpp.decode(octets, agreed).faults == ()


@pytest.mark.parametrize(
    ("command", "state", "up", "down"),
    [
        (smpp_table.BIND_TRANSMITTER, State.BOUND_TX, True, False),
        (smpp_table.BIND_RECEIVER, State.BOUND_RX, False, True),
        (smpp_table.BIND_TRANSCEIVER, State.BOUND_TRX, True, True),
    ],
)
def test_who_may_ask_depends_on_the_bind(command, state, up, down):
    client, centre = pair("smpp", command=command)
    assert client.state is state
    for asks, end, request in ((up, client, SUBMIT), (down, centre, DELIVER)):
        if asks:
            assert end.ask(*request["smpp"], now=1)
        else:
            with pytest.raises(EncodeError, match="may not be said"):
                end.ask(*request["smpp"], now=1)
    refused = Smpp().encode(smpp_table.SUBMIT_SM, 9, 0, SUBMIT["smpp"][1], ())
    if not up:
        assert kinds(hears(centre, refused, now=1)) == [Odd]
        assert centre.take().endswith(smpp.encode(smpp.Pdu(smpp_table.SUBMIT_SM | smpp_table.RESPONSE, smpp_table.INVALID_BIND_STATUS, 9)))


@both
def test_requests_before_the_bind_are_refused(protocol):
    centre = Session(DIALECTS[protocol](), Role.CENTRE, now=0)
    client, _ = pair(protocol)
    client.ask(*SUBMIT[protocol], now=1)
    assert kinds(hears(centre, client.take(), now=1)) == [Odd]
    dialect = DIALECTS[protocol]()
    assert dialect.status(dialect.decode(centre.take())) in {smpp_table.INVALID_BIND_STATUS, cmpp_table.OTHER}


@both
def test_beyond_the_backlog_is_throttled_not_lost(protocol):
    client, centre = pair(protocol)
    centre._settings = Settings(backlog=3)
    asked = [client.ask(*SUBMIT[protocol], now=1) for _ in range(5)]
    assert kinds(hears(centre, client.take(), now=1)) == [Asked] * 3 + [Odd] * 2
    answers = hears(client, centre.take(), now=1)
    assert [(event.sequence, event.throttled) for event in answers] == [(asked[3], True), (asked[4], True)]


@both
def test_throttling_holds_the_sender_back_longer_each_time(protocol):
    client, centre = pair(protocol, Settings(hold=SECOND, longest_hold=3 * SECOND))
    now = 0
    for pause in (1, 2, 3, 3):
        burst = [client.ask(*SUBMIT[protocol], now=now) for _ in range(4)]
        hears(centre, client.take(), now=now)
        for sequence in burst:
            centre.settle(sequence, now=now, status=THROTTLED[protocol])
        assert all(event.throttled for event in hears(client, centre.take(), now=now))
        assert client.room(now) == client.room(now + pause * SECOND - 1) == 0
        assert client.room(now + pause * SECOND) == 10
        assert client.due == now + pause * SECOND
        now += pause * SECOND
        assert client.tick(now=now) == []
        assert client.due == now - pause * SECOND + 30 * SECOND
    sequence = client.ask(*SUBMIT[protocol], now=now)
    hears(centre, client.take(), now=now)
    centre.settle(sequence, now=now, body=ANSWER[protocol])
    hears(client, centre.take(), now=now)
    assert client._hold == 0


@both
def test_no_answer_in_time_and_one_that_is_late(protocol):
    client, centre = pair(protocol)
    sequence = client.ask(*SUBMIT[protocol], now=5)
    other = client.ask(*SUBMIT[protocol], now=6)
    hears(centre, client.take(), now=6)
    assert client.tick(now=60 * SECOND + 4) == []
    hears(client, b"\0", now=60 * SECOND)
    assert client.tick(now=60 * SECOND + 5) == [Overdue(sequence)]
    assert client.room(60 * SECOND + 5) == 9
    centre.settle(sequence, now=70 * SECOND, body=ANSWER[protocol])
    octets = centre.take()[1:]
    (late,) = hears(client, octets, now=70 * SECOND)
    assert (late.sequence, late.late) == (sequence, True)
    assert other in client._sent
    assert kinds(hears(client, b"\0" + octets, now=70 * SECOND)) == [Odd]  # again: an answer to nothing


@both
def test_overdue_requests_are_remembered_up_to_a_bound(protocol):
    client, _ = pair(protocol, Settings(window=5, remembered=2))
    asked = [client.ask(*SUBMIT[protocol], now=1) for _ in range(5)]
    assert [event.sequence for event in client.tick(now=61 * SECOND) if isinstance(event, Overdue)] == asked
    assert list(client._overdue) == asked[3:]


@both
def test_a_silent_peer_is_probed_then_left(protocol):
    client, centre = pair(protocol)
    assert client.due == 30 * SECOND
    assert client.tick(now=30 * SECOND) == []
    probe = client.take()
    assert hears(centre, probe, now=30 * SECOND) == []
    assert hears(client, centre.take(), now=31 * SECOND) == []
    assert client.due == 61 * SECOND
    client.tick(now=61 * SECOND)
    assert client.due == 71 * SECOND
    sequence = client.ask(*SUBMIT[protocol], now=62 * SECOND)
    assert client.tick(now=71 * SECOND) == [Closed("the peer is silent", (sequence,), ())]
    assert client.due is None
    assert hears(client, b"\0" * 40, now=72 * SECOND) == []


@both
def test_no_bind_and_no_answer_to_it(protocol):
    client, centre = Session(DIALECTS[protocol](), Role.CLIENT, now=0), Session(DIALECTS[protocol](), Role.CENTRE, now=0)
    assert (client.due, centre.due) == (None, 10 * SECOND)
    client.bind(BIND[protocol], now=5)
    assert client.due == 10 * SECOND + 5
    assert client.tick(now=10 * SECOND + 5) == [Closed("no answer to the bind in time", (), ())]
    assert centre.tick(now=10 * SECOND) == [Closed("no bind in time", (), ())]


@both
def test_orderly_unbind_waits_for_what_is_unanswered(protocol):
    client, centre = pair(protocol)
    up = client.ask(*SUBMIT[protocol], now=1)
    down = centre.ask(*DELIVER[protocol], now=1)
    hears(centre, client.take(), now=1)
    hears(client, centre.take(), now=1)
    client.unbind(now=2)
    assert (client.take(), client.room(2)) == (b"", 0)
    client.settle(down, now=3)
    centre.settle(up, now=3, body=ANSWER[protocol])
    assert kinds(hears(client, centre.take(), now=3)) == [Answered]
    assert kinds(hears(centre, client.take(), now=4)) == [Answered, Leaving, Closed]
    assert hears(client, centre.take(), now=5) == [Closed("unbound", (), ())]
    assert (client.state, centre.state) == (State.CLOSED, State.CLOSED)


@both
def test_the_peer_leaves_while_something_is_owed(protocol):
    client, centre = pair(protocol)
    down = centre.ask(*DELIVER[protocol], now=1)
    dialect = DIALECTS[protocol]()
    events = hears(client, centre.take() + dialect.encode(dialect.unbind, 99, 0, None, ()), now=1)
    assert kinds(events) == [Asked, Leaving]
    assert client.take() == b""
    client.settle(down, now=2)
    assert client.tick(now=2) == [Closed("the peer unbound", (), ())]
    assert client.take().endswith(dialect.encode(dialect.unbind | smpp_table.RESPONSE, 99, 0, None, ()))


@both
def test_leaving_has_an_end(protocol):
    client, centre = pair(protocol)
    up = client.ask(*SUBMIT[protocol], now=1)
    client.take()
    client.unbind(now=2)
    assert client.tick(now=10 * SECOND + 1) == []
    client.tick(now=10 * SECOND + 2)
    assert client.state is State.UNBINDING
    assert client.tick(now=20 * SECOND + 2) == [Closed("no answer to the unbind in time", (up,), ())]
    down = centre.ask(*DELIVER[protocol], now=1)
    assert centre.lost() == [Closed("the connection is lost", (down,), ())]
    assert centre.lost() == []


@both
def test_both_leave_at_once(protocol):
    client, centre = pair(protocol)
    client.unbind(now=1)
    centre.unbind(now=1)
    mine, theirs = client.take(), centre.take()
    assert kinds(hears(client, theirs, now=2)) == [Closed]
    assert kinds(hears(centre, mine, now=2)) == [Closed]


@both
def test_before_the_bind_leaving_is_closing(protocol):
    client = Session(DIALECTS[protocol](), Role.CLIENT, now=0)
    client.unbind(now=0)
    assert client.due == 0
    assert client.tick(now=0) == [Closed("left", (), ())]


@both
@pytest.mark.parametrize("length", [0, 1, 11, 0x11001, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_no_pdu_has(protocol, length):
    """The end of this connection, told by four octets: nothing of so many is ever waited for."""
    client, centre = pair(protocol)
    client.ask(*SUBMIT[protocol], now=1)
    octets = client.take() + length.to_bytes(4, "big")
    events = hears(centre, octets + bytes(100), now=1)
    assert kinds(events) == [Asked, Odd, Closed]
    assert len(events[-1].owed) == 1
    nack = smpp.encode(smpp.Pdu(smpp_table.GENERIC_NACK, smpp_table.INVALID_COMMAND_LENGTH, 0))
    assert centre.take() == (nack if protocol == "smpp" else b"")


def test_unknown_commands_are_nacked_once():
    _, centre = pair("smpp")
    assert kinds(hears(centre, smpp.encode(smpp.Pdu(0x10200, 0, 7, smpp.Raw(b"vendor"))), now=1)) == [Odd]
    assert centre.take() == smpp.encode(smpp.Pdu(smpp_table.GENERIC_NACK, smpp_table.INVALID_COMMAND, 7))
    assert kinds(hears(centre, smpp.encode(smpp.Pdu(0x80010200, 0, 7)), now=1)) == [Odd]
    assert centre.take() == b""
    _, gateway = pair("cmpp")
    assert kinds(hears(gateway, cmpp.encode(cmpp.Pdu(cmpp_table.FORWARD, 7, cmpp.Raw(b"body"))), now=1)) == [Odd]
    assert gateway.take() == b""


@both
def test_a_request_that_cannot_be_read_is_refused_by_name(protocol):
    client, centre = pair(protocol)
    client.ask(*SUBMIT[protocol], now=1)
    octets = client.take()
    cut = len(octets) // 3
    (odd,) = hears(centre, cut.to_bytes(4, "big") + octets[4:cut], now=1)
    assert odd.error is not None
    (answered,) = hears(client, centre.take(), now=1)
    assert (answered.status, answered.throttled) == (smpp_table.INVALID_COMMAND_LENGTH if protocol == "smpp" else 1, False)


def test_a_nack_answers_what_it_names():
    client, _ = pair("smpp")
    sequence = client.ask(*SUBMIT["smpp"], now=1)
    nack = smpp.encode(smpp.Pdu(smpp_table.GENERIC_NACK, smpp_table.INVALID_COMMAND, sequence))
    assert hears(client, nack, now=1)[0].status == smpp_table.INVALID_COMMAND
    assert kinds(hears(client, nack, now=1)) == [Odd]


def test_the_answer_of_another_command_is_none():
    client, _ = pair("smpp")
    sequence = client.ask(*SUBMIT["smpp"], now=1)
    answer = smpp.Pdu(smpp_table.QUERY_SM | smpp_table.RESPONSE, 0, sequence, smpp.QueryAnswer(b"1"))
    assert kinds(hears(client, smpp.encode(answer), now=1)) == [Odd]
    assert client.unanswered == 1


def test_alerts_and_outbinds_owe_nothing():
    client = Session(Smpp(), Role.CLIENT, now=0)
    assert kinds(hears(client, smpp.encode(smpp.Pdu(smpp_table.OUTBIND, 0, 1, smpp.Outbind(b"s", b"p"))), now=0)) == [Noticed]
    client, _ = pair("smpp")
    assert kinds(hears(client, smpp.encode(smpp.Pdu(smpp_table.ALERT_NOTIFICATION, 0, 1, smpp.Alert())), now=0)) == [Noticed]
    assert client.take() == b""


def test_data_sm_goes_either_way():
    client, centre = pair("smpp")
    payload = ((smpp_table.MESSAGE_PAYLOAD, b"hello"),)
    for near, far in ((client, centre), (centre, client)):
        sequence = near.ask(smpp_table.DATA_SM, smpp.DataMessage(), now=1, tlvs=payload)
        (asked,) = hears(far, near.take(), now=1)
        assert smpp.content(asked.pdu).data == b"hello"
        far.settle(sequence, now=1, body=smpp.MessageAnswer(b"1"))
        assert kinds(hears(near, far.take(), now=1)) == [Answered]


@both
def test_sequence_numbers_wrap_and_leave_out_what_waits(protocol):
    client, _ = pair(protocol)
    last = client._dialect.last_sequence
    client._sequence = last - 1
    client._sent[1] = session._Sent(SUBMIT[protocol][0], 0)
    assert [client.ask(*SUBMIT[protocol], now=1) for _ in range(3)] == [last, 2, 3]


@both
def test_sequence_numbers_begin_where_they_are_told_to(protocol):
    client = Session(DIALECTS[protocol](), Role.CLIENT, now=0, sequence=DIALECTS[protocol]().last_sequence)
    client.bind(BIND[protocol], now=0)
    (asked,) = hears(Session(DIALECTS[protocol](), Role.CENTRE, now=0), client.take(), now=0)
    assert asked.pdu.sequence == 1


def test_a_refused_login_says_the_highest_version_spoken():
    client = Session(Cmpp(0x30), Role.CLIENT, now=0)
    centre = Session(Cmpp(0x20), Role.CENTRE, now=0)
    client.bind(cmpp.Connect(b"900001", version=0x30), now=0)
    hears(centre, client.take(), now=0)
    centre.refuse(4, now=0)
    (refused,) = hears(client, centre.take(), now=0)
    assert (refused.status, refused.pdu.body.version) == (4, 0x20)


@both
def test_a_request_of_the_other_end_is_not_ours_to_ask(protocol):
    client, centre = pair(protocol)
    with pytest.raises(EncodeError):
        client.ask(*DELIVER[protocol], now=1)
    with pytest.raises(EncodeError):
        centre.ask(*SUBMIT[protocol], now=1)
    with pytest.raises(EncodeError, match="no request"):
        client.ask(client._dialect.unbind, SUBMIT[protocol][1], now=1)
    with pytest.raises(EncodeError, match="may not be said"):
        client.bind(BIND[protocol], now=1)


def test_the_table_is_whole():
    """Every state is reached, every move leads to a state, only CLOSED has none; nobody answers what is his own to ask."""
    assert set(TABLE) == set(State)
    assert {after for moves in TABLE.values() for after in moves.values()} | {State.OPEN} == set(State)
    assert [state for state in State if not TABLE[state]] == [State.CLOSED]
    said = {(role, kind) for moves in TABLE.values() for role, kind in moves}
    assert {kind for _, kind in said} == set(Kind)
    one_sided = {Kind.UP, Kind.DOWN, Kind.BIND_TX, Kind.BIND_RX, Kind.BIND_TRX, Kind.ACCEPT, Kind.REFUSE, Kind.UP_ANSWER, Kind.DOWN_ANSWER}
    assert all(((Role.CLIENT, kind) in said) != ((Role.CENTRE, kind) in said) for kind in one_sided)


def talk(protocol: str) -> bytes:
    """What a busy peer says to a centre, odd things among it."""
    client = Session(DIALECTS[protocol](), Role.CLIENT, now=0)
    client.bind(BIND[protocol], now=0)
    said = client.take()
    client, _ = pair(protocol)
    for _ in range(3):
        client.ask(*SUBMIT[protocol], now=1)
    client.tick(now=30 * SECOND)
    said += client.take()
    client._sent.clear()
    if protocol == "smpp":
        said += smpp.encode(smpp.Pdu(0x999, 0, 5, smpp.Raw(b"x"))) + bytes.fromhex("0000001180000005000000000000000100")
    client.unbind(now=31 * SECOND)
    return said + client.take() + b"\0\0\0\1rest"


def heard(protocol: str, pieces: list[bytes]) -> tuple[list, bytes]:
    centre = Session(DIALECTS[protocol](), Role.CENTRE, now=0)
    events: list = []
    octets = b""
    for piece in pieces:
        for event in hears(centre, piece, now=1):
            events.append(event)
            if isinstance(event, BindAsked):
                centre.accept(ACCEPT[protocol], now=1)
        octets += centre.take()
    events += centre.tick(now=1)
    return [(type(event), getattr(getattr(event, "pdu", None), "sequence", None)) for event in events], octets


@both
def test_octet_by_octet_is_as_at_once(protocol):
    """After the bind, which is the caller's to take."""
    said = talk(protocol)
    first = int.from_bytes(said[:4], "big")
    pieces = [said[:first], said[first:]]
    assert heard(protocol, [bytes((octet,)) for octet in said]) == heard(protocol, pieces)


@both
@hypothesis.given(cuts=st.lists(st.integers(0, 600), max_size=8))
def test_any_cutting_is_as_at_once(protocol, cuts):
    said = talk(protocol)
    first = int.from_bytes(said[:4], "big")
    places = sorted({0, first, len(said)} | {cut for cut in cuts if cut < len(said)})
    assert heard(protocol, [said[start:stop] for start, stop in itertools.pairwise(places)]) == heard(
        protocol, [said[:first], said[first:]]
    )


@both
@hypothesis.given(data=st.binary(max_size=200), bound=st.booleans(), tail=st.binary(max_size=60), length=st.integers(12, 80))
def test_any_octets_are_survived(protocol, data, bound, tail, length):
    """Events, or the end; never an exception."""
    centre = pair(protocol)[1] if bound else Session(DIALECTS[protocol](), Role.CENTRE, now=0)
    framed = length.to_bytes(4, "big") + tail.ljust(length - 4, b"\0")[: length - 4]
    for event in hears(centre, framed + data, now=1) + centre.tick(now=40 * SECOND):
        assert isinstance(event, session.Event)
    centre.take()


@both
@hypothesis.given(moves=st.lists(st.tuples(st.sampled_from(["ask", "settle", "unbind", "tick", "pass"]), st.booleans()), max_size=40))
def test_whatever_both_ends_do_nothing_is_lost(protocol, moves):
    """Each request is asked of the other end once and answered once, or is among the unanswered at the end."""
    ends = pair(protocol)
    requests = (SUBMIT[protocol], DELIVER[protocol])
    asked: tuple[set[int], set[int]] = (set(), set())
    told: tuple[list[int], list[int]] = ([], [])
    now = 1
    for move, second in moves:
        me, other = ends[second], ends[not second]
        now += 1
        if move == "ask" and me.room(now):
            asked[second].add(me.ask(*requests[second], now=now))
        elif move == "settle" and me.owed:
            me.settle(next(iter(me._owed)), now=now)
        elif move == "unbind":
            me.unbind(now=now)
        events = me.tick(now=now) if move == "tick" else hears(other, me.take(), now=now)
        listener = second if move == "tick" else not second
        for event in events:
            if isinstance(event, Answered):
                told[listener].append(event.sequence)
            elif isinstance(event, Closed):
                told[listener].extend(event.unanswered)
    for side in (0, 1):
        for event in ends[side].tick(now=now) + ends[side].lost():
            if isinstance(event, Closed):
                told[side].extend(event.unanswered)
        assert sorted(told[side]) == sorted(asked[side])
