"""PDUs of other projects' test suites, kept beside the checkout: every one is read; written again, it is the same octets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mmsd.codec import mms, multipart, push, sms
from mmsd.codec.push import PUSH_UDH, PushKind
from mmsd.codec.tables import mms as t
from mmsd.codec.wsp import ContentType
from mmsd.errors import DecodeError, EncodeError

FOLDERS = ["gammu/mms", "nuntium", "ofono-mmsd", "python-messaging", "smsgate/mms"]

NOT_CANONICAL = {
    "worldcupupdate_nosmil.mms": "a header by its name",
    "mms_m_retrieve_conf_2.bin": "X-Mms-Sender-Visibility, which m-retrieve-conf has not",
    "mms_m_retrieve_conf_3.bin": "X-Mms-Sender-Visibility, which m-retrieve-conf has not",
    "TestMMS1RetrieveConfCodec-1.bin": "Content-Type parameters in quotes",
}
"""What we would write otherwise, and why."""


def files(shared: Path) -> list[Path]:
    return [
        path
        for folder in FOLDERS
        for path in sorted((shared / "vectors" / folder).iterdir())
        if path.suffix.lower() in {".bin", ".mms"} and path.name not in {"push-NonPushPDU.bin", "push4.bin"}
    ]


def pdu_of(data: bytes) -> bytes:
    """Without the push that carries it."""
    return data if data[:1] == b"\x8c" else data[push.decode_push(data).body_at :]


def test_every_pdu_is_read_without_fault(shared):
    paths = files(shared)
    assert len(paths) == 35
    for path in paths:
        data = pdu_of(path.read_bytes())
        pdu = mms.decode(data)
        assert pdu.faults == (), path
        assert pdu.type in t.MANDATORY, path
        assert all(not isinstance(value, bytes) or t.FIELDS[code][1] in {t.TEXT, t.CLASS} for code, value in pdu.headers if code), path


def test_every_canonical_pdu_is_written_again(shared):
    other = set()
    for path in files(shared):
        data = pdu_of(path.read_bytes())
        pdu = mms.decode(data)
        try:
            if mms.encode(pdu.headers, data[pdu.body]) != data:
                other.add(path.name)
        except EncodeError:
            other.add(path.name)
    assert other == set(NOT_CANONICAL)


BODIES_NOT_CANONICAL = {
    "worldcupupdate_nosmil.mms": "Content-ID and others by their names",
    "rc-mms-1-3-con-216.mms": "a Value-length round a type without parameters",
    "rc-mms-1-3-con-220.mms": "a Value-length round a type without parameters",
    "openwave.mms": "types and charset by their names",
    "TestMMS1RetrieveConfCodec-1.bin": "a last picture cut short: 147 of 222,445 octets",
}


def test_every_body_is_written_again(shared):
    """Entry by entry: the same octets, or else, for the reasons above, the same values."""
    other = set()
    for path in [*files(shared), *sorted((shared / "samples/real-day").glob("*pdus/*.mms"))]:
        data = pdu_of(path.read_bytes())
        pdu = mms.decode(data)
        found = mms.parts(data, pdu)
        assert bool(found.faults) == (path.name == "TestMMS1RetrieveConfCodec-1.bin"), path
        content_type = pdu.get(t.CONTENT_TYPE)
        if isinstance(content_type, ContentType) and multipart.is_multipart(content_type.media):
            written = multipart.encode(found.parts)
            if written != data[pdu.body]:
                other.add(path.name)
            again = multipart.decode(written, 0, len(written)).parts
            assert [part[:2] for part in again] == [part[:2] for part in found.parts]
            assert [bytes(part.body) for part in again] == [bytes(part.body) for part in found.parts]
    assert other == set(BODIES_NOT_CANONICAL)


def test_what_is_written_otherwise_says_the_same(shared):
    data = (shared / "vectors/smsgate/mms/TestMMS1RetrieveConfCodec-1.bin").read_bytes()
    pdu = mms.decode(data)
    assert mms.decode(mms.encode(pdu.headers, data[pdu.body])).headers == pdu.headers


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (
            "ofono-mmsd/push1.bin",
            {"sender": b"Erotik", "title": "Pin-Ups", "location": b"http://eps3.de/O/Z9IZO", "expiry_relative": 259200},
        ),
        ("ofono-mmsd/push2.bin", {"sender": b"15551230000/TYPE=PLMN", "location": b"http://mmsc11:10021/mmsc/1_1?wLJeT7THu"}),
        ("nuntium/push-VodaphoneSpain.bin", {"location": b"http://mm1fe1/servlets/NOK5Cdz08BAswabwUH"}),
        ("nuntium/push-OperatorWithContentLength.bin", {"sender": b"+31655584425/TYPE=PLMN", "title": ""}),
        ("nuntium/push-ATTUSA.bin", {"charset": 106, "subject": b""}),
        ("nuntium/push-TelecomPersonal.bin", {"location": b"http://172.25.7.131/?message-id=m04BKh43e03"}),
        ("nuntium/m-notification.ind_success.bin", {"location": b"http://localhost:9191/mms"}),
    ],
)
def test_push_of_an_operator(shared, path, fields):
    seen = push.decode_push((shared / "vectors" / path).read_bytes(), PUSH_UDH)
    assert (seen.kind, seen.pdu_type, seen.faults) == (PushKind.MMS, t.M_NOTIFICATION_IND, ())
    assert {name: getattr(seen, name) for name in fields} == fields


def test_what_only_looks_like_a_notification(shared):
    assert push.decode_push((shared / "vectors/ofono-mmsd/push4.bin").read_bytes()).kind == PushKind.OTHER  # OMA DM
    with pytest.raises(DecodeError, match="no Push PDU"):
        push.decode_push((shared / "vectors/nuntium/push-NonPushPDU.bin").read_bytes())


@pytest.mark.parametrize(
    ("name", "location", "title", "faults"),
    [
        ("mms", b"http://mmscz/?m=m5da5a9jn210ma56q20", "A", []),
        ("mms-part", b"", "A", ["header is cut short"]),  # the first of two pieces
        ("mms-298", b"http://mts/?id=81343974", "", ["length of headers reaches into the content"]),
        ("mms-vodafone", b"http://promms/servlets/NOK5DdfGoS8YSIIOsTgAAsKvw81xSAAAAAAAA", "366553526", ["no field begins here"]),
    ],
)
def test_notification_in_a_backup_of_a_handset(shared, name, location, title, faults):
    """Header and data of each SMS in hex; the pieces join to one push."""
    text = (shared / f"vectors/gammu/smsbackups/{name}.smsbackup").read_text(errors="replace")
    pieces = []
    for section in text.split("[SMSBackup")[1:]:
        udh, *data = (bytes.fromhex(octets) for octets in re.findall(r"^(?:UDH|Text\d\d) = ([0-9A-Fa-f]+)", section, re.MULTILINE))
        header = sms.decode_udh(udh)
        assert header.concat is not None
        pieces.append((header.concat.sequence, udh, b"".join(data)))
    seen = push.decode_push(b"".join(data for *_, data in sorted(pieces)), pieces[0][1])
    assert (seen.kind, seen.pdu_type, seen.location, seen.title) == (PushKind.MMS, t.M_NOTIFICATION_IND, location, title)
    assert [fault.reason for fault in seen.faults] == faults


def test_every_submission_of_the_sample_day(shared):
    """What handsets posted to Mbuni. They leave out the Quote before a Chinese subject, as many real ones do; we would write it."""
    paths = sorted((shared / "samples/real-day").glob("*pdus/*.mms"))
    assert len(paths) == 405
    for path in paths:
        data = path.read_bytes()
        pdu = mms.decode(data)
        assert (pdu.faults, pdu.type in {t.M_SEND_REQ, t.M_FORWARD_REQ}) == ((), True), path
        subject = pdu.get(t.SUBJECT)
        assert "\ufffd" not in str(subject), path
        written = mms.encode(pdu.headers, data[pdu.body])
        assert mms.decode(written).headers == pdu.headers, path
        assert written == data or (isinstance(subject, mms.Text) and subject.raw[0] > 127), path


def test_requests_that_mbuni_took_and_its_answers(shared):
    """Every kind of PDU a handset sends, each understood by another implementation, and what that one answered."""
    lines = (shared / "samples/mbuni/mmsc/requests.txt").read_text().splitlines()
    asked: set[int] = set()
    answered: set[int] = set()
    for line in lines:
        found = re.search(r"body=([0-9a-f]*) -> 200 ([0-9a-f]*)", line)
        if found is None or "garbage" in line:
            continue
        for kinds, octets in ((asked, found[1]), (answered, found[2])):
            data = bytes.fromhex(octets)
            if data[:1] == b"\x8c":
                pdu = mms.decode(data)
                assert pdu.faults == (), line
                kinds.add(pdu.type)
    assert asked == {t.M_SEND_REQ, t.M_NOTIFYRESP_IND, t.M_ACKNOWLEDGE_IND, t.M_FORWARD_REQ, t.M_READ_REC_IND}
    assert answered == {t.M_SEND_CONF, t.M_RETRIEVE_CONF, t.M_FORWARD_CONF}
