"""Mbuni's access log: each word, and the traps of the README."""

from __future__ import annotations

import pytest

from mmsd.model import NOT_A_NUMBER, CodeSet, Kind
from tests.logs.tables import make, rows, whole

TAIL = "[MMSC:] [from:+8613900000021] [to:+8613900000001] [msgid:qf1@mmsc] [size=7] [UA:Nokia] [MMBox:]"


def line(event: str, **fields: str) -> str:
    have = {
        "INT": "MM1",
        "ACT": "",
        "MMSC": "",
        "from": "+8613900000021",
        "to": "+8613900000001",
        "msgid": "qf1@mmsc",
        "size": "7",
        "UA": "N",
    }
    have |= fields
    return (
        f"2026-11-22 17:44:22 {event} MMS [INT:{have['INT']}] [ACT:{have['ACT']}] [MMSC:{have['MMSC']}] [from:{have['from']}]"
        f" [to:{have['to']}] [msgid:{have['msgid']}] [size={have['size']}] [UA:{have['UA']}] [MMBox:]\n"
    )


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("Received", Kind.SUBMIT),
        ("Notify", Kind.NOTIFY),
        ("Fetched", Kind.FETCH),
        ("Failed Fetch", Kind.FETCH_FAILED),
        ("Forwarded", Kind.FORWARD),
        ("Stored", Kind.SENT_OUT),
        ("Sent", Kind.SENT_OUT),
        ("Queued", Kind.SUBMIT),
        ("DeliveryReport", Kind.REPORT),
        ("Received DLR", Kind.REPORT),
        ("Received RR", Kind.READ_REPORT),
    ],
)
def test_words(event: str, kind: Kind) -> None:
    records = rows("mbuni", line(event))
    assert records["kind"].tolist() == [kind]
    assert (records["sender"][0], records["receiver"][0]) == (8613900000021, 8613900000001)
    assert records.text("message", 0) == b"qf1@mmsc"
    assert records["at"][0] == 1795340662_000000


@pytest.mark.parametrize("event", ["Replace", "Cancel", "Sending failed"])
def test_words_of_no_interest(event: str) -> None:
    parsed = whole(make("mbuni"), line(event).encode())
    assert (parsed.records.rows, parsed.lines, parsed.rejects.total) == (0, 1, 0)


def test_an_answer_names_a_transaction_and_comes_from_the_receiver() -> None:
    records = rows("mbuni", line("NotifyResp", ACT="Deferred", to="", msgid="mmsc-qf663"))
    assert records["kind"].tolist() == [Kind.RESPONSE]
    assert (records["receiver"][0], records["sender"][0], records["message"][0]) == (8613900000021, 0, 0)
    assert records.text("transaction", 0) == b"mmsc-qf663"
    assert records.text("message", 0) == b""
    assert records.text("receiver", 0) == b"+8613900000021"
    assert (records["status"][0], records["code_set"][0]) == (0x83, CodeSet.MM1_STATUS)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Expired", 128),
        ("Retrieved", 129),
        ("Rejected", 130),
        ("Unrecognised", 132),
        ("Unrecognized", 132),
        ("Forwarded", 134),
        ("Unreachable", 135),
    ],
)
def test_a_report_at_the_vas_gateway_says_its_status(word: str, status: int) -> None:
    records = rows("mbuni", line("Received DLR", INT="MMSBox", ACT=word))
    assert (records["status"][0], records["code_set"][0], records["interface"][0]) == (status, CodeSet.MM1_STATUS, 9)


def test_a_report_without_a_to_speaks_of_its_from() -> None:
    records = rows("mbuni", line("Received RR", to=""))
    assert (records["receiver"][0], records["sender"][0]) == (8613900000021, 0)


def test_a_vasp_called_retrieved_is_no_status() -> None:
    records = rows("mbuni", line("Received", INT="MM7", ACT="Retrieved", size="-1"))
    assert (records["status"][0], records["code_set"][0], records["size"][0], records["interface"][0]) == (-1, CodeSet.NONE, -1, 7)
    assert records.text("account", 0) == b"Retrieved"


def test_receivers_become_rows_of_one_record() -> None:
    records = rows("mbuni", line("Received", to="+8613900000001, bob@example.com, 13900000003"))
    assert records["receiver"][[0, 2]].tolist() == [8613900000001, 8613900000003]
    assert records["receiver"][1] & NOT_A_NUMBER
    assert [records.text("receiver", row) for row in range(3)] == [b"+8613900000001", b"bob@example.com", b"13900000003"]
    assert len(set(records["where"].tolist())) == len(set(records["message"].tolist())) == 1


def test_a_message_to_nobody_is_a_row() -> None:
    records = rows("mbuni", line("Received", to=""))
    assert (records.rows, records["receiver"][0]) == (1, 0)


def test_a_sender_without_number_keeps_its_text_and_is_one_with_his_other_form() -> None:
    text = line("Received", **{"from": "127.0.0.1/TYPE=IPv4", "to": "10.0.0.1/TYPE=IPv4"}) + line(
        "Notify", **{"from": "system", "to": "127.0.0.1"}
    )
    records = rows("mbuni", text)
    assert records["sender"][0] == records["receiver"][1]
    assert records["sender"][0] & NOT_A_NUMBER
    assert (records.text("sender", 0), records.text("receiver", 0)) == (b"127.0.0.1", b"10.0.0.1")


@pytest.mark.parametrize("agent", ["a] [MMBox:b", "x] [size=9] [UA:y", "[]", "", "中文"])
def test_a_handset_may_call_itself_what_it_likes(agent: str) -> None:
    records = rows("mbuni", line("Fetched", UA=agent))
    assert records.text("agent", 0) == agent.encode()
    assert records["size"][0] == 7


def test_an_unknown_word_is_a_reject_with_its_number_hidden() -> None:
    parsed = whole(make("mbuni"), line("Teleported").encode() + line("Fetched").encode())
    assert (parsed.records.rows, parsed.rejects.total) == (1, 1)
    assert parsed.rejects.samples[0].step == "event"
    assert b"13900000021" not in parsed.rejects.samples[0].head


def test_explain_shows_where_a_line_stops() -> None:
    explained = make("mbuni").explain(line("Fetched", size="big").strip().encode())
    assert explained.reason == "size: not a number"
    assert line("Fetched", size="big")[explained.stopped :].startswith("big")


def test_explain_says_what_was_made_of_a_line() -> None:
    text = line("NotifyResp", ACT="Retrieved", to="", msgid="mmsc-qf663").strip()
    explained = make("mbuni").explain(text.encode())
    assert (explained.stopped, explained.reason) == (-1, "")
    fields = {name: (text[start:stop], value) for name, start, stop, value in reversed(explained.fields)}
    assert fields["at"] == ("2026-11-22 17:44:22", "2026-11-22T09:44:22.000+00:00")
    assert fields["kind"] == ("NotifyResp", "NotifyResp")
    assert ("kind", 0, 0, "RESPONSE") in explained.fields
    assert fields["transaction"] == ("", "mmsc-qf663")
