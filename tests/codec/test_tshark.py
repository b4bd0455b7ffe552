"""A second opinion: Wireshark's MMSE and WSP dissectors read the same octets, name the same values and find nothing malformed.

Read here: what we write (one PDU of each type, hundreds of generated ones, pushes), every PDU of other projects' test suites, and every one
that handsets posted on the sample day. Of m-delivery-ind and m-acknowledge-ind Mbuni's and handsets' octets exist beside the checkout; of
m-read-orig-ind and m-forward-conf's rarer fields nobody else's do, so tshark is their only witness. One capture and one tshark a test.

Faults of tshark 4.0, left out of the comparison:

- it keeps the Quote before a text that begins with an octet above 127, and reads no character set given as a long integer;
- it takes a last octet 0x84 (status Unrecognised) for the name of a Content-Type;
- it calls a part without content malformed;
- it reads the contents, too: pictures, sound and markup of random octets are malformed of course, so their dissectors are switched off.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mmsd.codec import mms, push, sms, wsp
from mmsd.codec.mms import Header, Moment, Pdu, Previously, Text
from mmsd.codec.tables import mms as t
from mmsd.codec.wsp import ContentType
from tests.codec import drawn, tshark
from tests.codec.headers import HEADERS
from tests.codec.pdus import PDUS

pytestmark = pytest.mark.debian("tshark")

FIELDS = {
    t.MESSAGE_TYPE: "mmse.message_type",
    t.TRANSACTION_ID: "mmse.transaction_id",
    t.MMS_VERSION: "mmse.mms_version",
    t.MESSAGE_ID: "mmse.message_id",
    t.FROM: "mmse.from",
    t.TO: "mmse.to",
    t.CC: "mmse.cc",
    t.BCC: "mmse.bcc",
    t.DATE: "mmse.date",
    t.SUBJECT: "mmse.subject",
    t.MESSAGE_SIZE: "mmse.message_size",
    t.CONTENT_LOCATION: "mmse.content_location",
    t.PRIORITY: "mmse.priority",
    t.SENDER_VISIBILITY: "mmse.sender_visibility",
    t.DELIVERY_REPORT: "mmse.delivery_report",
    t.REPORT_ALLOWED: "mmse.report_allowed",
    t.STATUS: "mmse.status",
    t.READ_STATUS: "mmse.read_status",
    t.RESPONSE_STATUS: "mmse.response_status",
    t.RESPONSE_TEXT: "mmse.response_text",
    t.RETRIEVE_STATUS: "mmse.retrieve_status",
    t.RETRIEVE_TEXT: "mmse.retrieve_text",
    t.REPLY_CHARGING: "mmse.reply_charging",
    t.REPLY_CHARGING_ID: "mmse.reply_charging_id",
    t.REPLY_CHARGING_SIZE: "mmse.reply_charging_size",
}
MOMENTS = {
    t.EXPIRY: "mmse.expiry",
    t.DELIVERY_TIME: "mmse.delivery_time",
    t.REPLY_CHARGING_DEADLINE: "mmse.reply_charging_deadline",
}
HOPS = {
    t.PREVIOUSLY_SENT_BY: "mmse.previously_sent_by",
}
PARTS = "wsp.multipart"
COMPLAINTS = ["_ws.malformed", "_ws.expert.message"]
SHOWN = [
    *FIELDS.values(),
    *(f"{field}.{kind}" for field in MOMENTS.values() for kind in ("abs", "rel")),
    *(f"{field}.{kind}" for field in HOPS.values() for kind in ("forward_count", "address")),
    "mmse.message_class.id",
    "mmse.message_class.str",
    PARTS,
]
CONTENTS = ["png", "image-gif", "image-jfif", "amr", "xml", "mp4", "data-text-lines"]
FRAME = bytes.fromhex("010603beaf84")


def ask(program: str, capture: Path, pushes: Iterable[bytes], fields: Sequence[str]) -> list[dict[str, list[str]]]:
    """What tshark shows of the fields of each push."""
    tshark.write(capture, tshark.RAW_IP, tshark.datagrams(9200, 2948, pushes))
    shown = [option for field in fields for option in ("-e", field)]
    off = [option for protocol in CONTENTS for option in ("--disable-protocol", protocol)]
    command = [program, "-n", "-r", str(capture), "-T", "json", *off, *shown]
    environment = {"LC_ALL": "C.UTF-8", "HOME": str(capture.parent), "TZ": "UTC"}
    answer = subprocess.run(command, check=True, capture_output=True, timeout=60, env=environment)
    rows: list[dict[str, Any]] = json.loads(answer.stdout.decode("utf-8", "replace"), strict=False)
    return [row["_source"].get("layers", {}) for row in rows]


def as_shown(headers: Sequence[Header]) -> dict[str, list[str]]:
    """The values as tshark prints them; "?" where it has a fault of its own."""
    shown: dict[str, list[str]] = {}

    def show(field: str, text: str) -> None:
        shown.setdefault(field, []).append(text)

    for code, value in headers:
        match value:
            case Moment(seconds, True):
                show(f"{MOMENTS[code]}.rel", f"{seconds}.000000000")
            case Moment(seconds, False):
                show(f"{MOMENTS[code]}.abs", date(seconds))
            case Previously(hop, Text(raw, charset)):
                show(f"{HOPS[code]}.forward_count", str(hop))
                show(f"{HOPS[code]}.address", readable(raw, charset))
            case int() | bytes() if code == t.MESSAGE_CLASS:
                show("mmse.message_class.str" if isinstance(value, bytes) else "mmse.message_class.id", plain(code, value))
            case Text(raw, charset) if code in FIELDS:
                show(FIELDS[code], readable(raw, charset))
            case int() | bytes() if code in FIELDS:
                show(FIELDS[code], plain(code, value))
    return shown


def plain(code: int, value: int | bytes) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if code == t.FROM:
        return "<insert address>"
    if code == t.MMS_VERSION:
        return f"{value >> 4 & 7}.{value & 15}"
    if code == t.DATE:
        return date(value)
    return str(value) if t.FIELDS[code][1] == t.INTEGER else f"0x{value:02x}"


def date(seconds: int) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%b} {moment.day:2d}, {moment:%Y %H:%M:%S}.000000000 UTC"


def readable(raw: bytes, charset: int) -> str:
    return raw.decode() if charset < 128 and (not raw or (0x20 <= raw[0] < 128 and raw.isascii())) else "?"


def compare(seen: dict[str, list[str]], pdu: Pdu, parts: int, octets: bytes) -> None:
    expected = as_shown(pdu.headers) | ({PARTS: [str(n) for n in range(1, parts + 1)]} if parts else {})
    shown = {field: values for field, values in seen.items() if field not in COMPLAINTS}
    for field in expected.keys() | shown.keys():
        wanted, given = expected.get(field, []), shown.get(field, [])
        assert [there if known != "?" else "?" for there, known in zip(given, wanted, strict=True)] == wanted, (field, octets.hex())


def complaints(seen: dict[str, list[str]]) -> list[str]:
    return [text for field in COMPLAINTS for text in seen.get(field, [])]


def entries(octets: bytes, pdu: Pdu) -> int:
    """Entries of its multipart, as far as tshark numbers them."""
    content_type = pdu.get(t.CONTENT_TYPE)
    multiparted = isinstance(content_type, ContentType) and "multipart" in content_type.media
    return len(mms.parts(octets, pdu).parts) if multiparted else 0


def test_what_we_write(debian, tmp_path, seed):
    draw = random.Random(seed)
    pdus = [mms.encode(headers, body) for _, _, headers, body in PDUS]
    for n in range(660):  # sixty of each type
        headers, body = drawn.pdu(draw, sorted(t.MANDATORY)[n % len(t.MANDATORY)])
        octets = mms.encode(headers, body)
        if octets[-1] != 0x84 and all(part.body.nbytes for part in mms.parts(octets, mms.decode(octets)).parts):
            pdus.append(octets)
    rows = ask(debian("tshark"), tmp_path / "ours.pcap", (FRAME + octets for octets in pdus), SHOWN + COMPLAINTS)
    assert len(rows) == len(pdus) > 500
    for seen, octets in zip(rows, pdus, strict=True):
        pdu = mms.decode(octets)
        assert pdu.faults == ()
        assert complaints(seen) == [], octets.hex()
        compare(seen, pdu, entries(octets, pdu), octets)


def test_pushes_we_write(debian, tmp_path, seed):
    draw = random.Random(seed)
    pushes = []
    for n in range(200):
        identity, address = b"mmsc-qf%d.%x" % (n, draw.randrange(1 << 30)), drawn.number(draw)
        if n % 3:
            seconds = {draw.choice(["expiry_absolute", "expiry_relative"]): draw.randrange(1 << 31)}
            subject = draw.choice([b"", b"Seed K7", "春茶 spring".encode(), b"x" * draw.randrange(1, 80)])
            written = push.encode_notification(
                transaction=identity,
                location=b"http://mms.example/" + identity,
                size=draw.randrange(1 << draw.randrange(1, 31)),
                sender=draw.choice([b"", address]),
                subject=subject,
                charset=draw.choice([0, 106]),
                **seconds,  # type: ignore[arg-type]  # two names that take an int
            )
        else:
            status = draw.choice([value for value in t.VALUES[t.STATUS] if value != t.UNRECOGNISED])
            date = draw.randrange(1 << 31)
            written = push.encode_delivery_report(
                message_id=identity, to=address, date=date, status=status, sender=draw.choice([b"", address])
            )
        pushes.append(written[1])
    rows = ask(debian("tshark"), tmp_path / "pushes.pcap", pushes, SHOWN + COMPLAINTS)
    for seen, octets in zip(rows, pushes, strict=True):
        assert complaints(seen) == [], octets.hex()
        compare(seen, mms.decode(octets[6:]), 0, octets)


FOLDERS = ["gammu/mms", "nuntium", "ofono-mmsd", "python-messaging", "smsgate/mms"]
NO_PDU = {"push-NonPushPDU.bin", "push4.bin"}
COMPLAINED_OF = {
    "TestMMS1RetrieveConfCodec-1.bin": "the last picture ends early",
    "mms-part.smsbackup": "the second SMS is missing",
    "mms-vodafone.smsbackup": "a line feed behind the end",
}
"""What tshark complains of, and we do."""

BACKUPS = ["mms", "mms-part", "mms-vodafone"]
"""Not mms-298: its headers' length reaches into the content, which tshark takes at its word."""


def pushed(shared: Path) -> list[tuple[str, bytes]]:
    """(name, push) of what gammu's and python-messaging's modems listed in two SMS each."""
    found = []
    for name in BACKUPS:
        text = (shared / f"vectors/gammu/smsbackups/{name}.smsbackup").read_text(errors="replace")
        pieces = []
        for section in text.split("[SMSBackup")[1:]:
            udh, *data = (bytes.fromhex(octets) for octets in re.findall(r"^(?:UDH|Text\d\d) = ([0-9A-Fa-f]+)", section, re.MULTILINE))
            header = sms.decode_udh(udh)
            assert header.concat is not None
            pieces.append((header.concat.sequence, b"".join(data)))
        found.append((f"{name}.smsbackup", b"".join(data for _, data in sorted(pieces))))
    for first in (1, 3):
        joined = b""
        for number in (first, first + 1):
            path = shared / f"vectors/python-messaging/wap-deliver-{number}.hex"
            _, tpdu = sms.decode_framed(bytes.fromhex(path.read_text()))
            assert isinstance(tpdu, sms.Deliver)
            joined += tpdu.user_data.data
        found.append((f"wap-deliver-{first}.hex", joined))
    return found


def test_what_others_wrote(debian, tmp_path, shared):
    """Every PDU of the vectors and of the sample day, field by field and with the number of its parts."""
    paths = [
        path
        for folder in FOLDERS
        for path in sorted((shared / "vectors" / folder).iterdir())
        if path.suffix.lower() in {".bin", ".mms"} and path.name not in NO_PDU
    ] + sorted((shared / "samples/real-day").glob("*pdus/*.mms"))
    read = [(path.name, path.read_bytes()) for path in paths] + pushed(shared)
    bodies = [octets if octets[:1] == b"\x8c" else octets[push.decode_push(octets).body_at :] for _, octets in read]
    framed = [octets if octets[:1] != b"\x8c" else FRAME + octets for _, octets in read]
    rows = ask(debian("tshark"), tmp_path / "theirs.pcap", framed, SHOWN + COMPLAINTS)
    assert len(rows) == len(read) == 445
    for (name, _), seen, octets in zip(read, rows, bodies, strict=True):
        pdu = mms.decode(octets)
        faulty = bool(pdu.faults) or bool(mms.parts(octets, pdu).faults)
        assert bool(complaints(seen)) == faulty == (name in COMPLAINED_OF), name
        compare(seen, pdu, entries(octets, pdu), octets)


def test_every_header_with_a_number(debian, tmp_path):
    """In a push each: tshark knows it by the same name, and finds nothing invalid in its value."""
    pushes = [wsp.encode_push_pdu(1, b"\x83", bytes.fromhex(octets), b"hi") for _, octets, _ in HEADERS]
    names = sorted({header_field(name) for name, _, _ in HEADERS})
    invalid = ["wsp.header_invalid_value", "wsp.header_invalid", "wsp.invalid_parameter_value", "wsp.text_field_invalid"]
    rows = ask(debian("tshark"), tmp_path / "headers.pcap", pushes, [*names, *invalid, *COMPLAINTS])
    for (name, octets, _), seen in zip(HEADERS, rows, strict=True):
        quiet = complaints(seen) == [] and header_field(name) in seen and not any(field in seen for field in invalid)
        assert quiet != (octets in TSHARK_LACKS), (name, octets, seen)


def header_field(name: str) -> str:
    return "wsp.header." + {"x-wap-content-uri": "content_uri", "x-wap-initiator-uri": "initiator_uri"}.get(
        name.lower(), name.lower().replace("-", "_")
    )


TSHARK_LACKS = {
    "80 06 612f6200 80 33": "a media type by name with parameters is called invalid; by number it is not",
    "a5 03 81 01c8": "Retry-After has no field",
    "a5 06 80 04 65000000": "Retry-After has no field",
    "b6 02 0102": "Profile-Diff goes to its WBXML dissector, and these two octets are no document",
    "b7 09 91 682f00 04 65000000": "the general form of Profile-Warning is called invalid, whatever stands in it",
    "b8 80": "Expect has no field",
    "b8 04 7800 7900": "Expect has no field",
    "b9 81": "TE is shown as Encoding-Version",
    "b9 03 84 80 15": "the general form of TE is called invalid",
    "c1 08 90 6e00 7600 8f 2f00": "Set-Cookie has no field",
    "c2 06 90 04 6e00 7600": "Cookie has no field",
}
"""Where tshark 4.0 is at fault or knows less."""


def test_the_oracle_does_complain(debian, tmp_path):
    octets = push.encode_notification(transaction=b"T1", location=b"http://m/", size=1, expiry_relative=1)[1]
    (row,) = ask(debian("tshark"), tmp_path / "cut.pcap", [octets[:-12]], SHOWN + COMPLAINTS)
    assert complaints(row)
