"""A second opinion: Wireshark's MMSE dissector reads what we write, names the same values and finds nothing malformed.

Of m-read-orig-ind nobody else's octets exist here, so tshark is its only witness. Three faults of tshark 4.0 are left out: it keeps the
Quote before a text that begins with an octet above 127, does not read character sets given as a long integer, and takes a last octet 0x84
(status Unrecognised) for the name of a Content-Type.
"""

from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from mmsd.codec import mms, push
from mmsd.codec.mms import Header, Moment, Text
from mmsd.codec.tables import mms as t
from tests.codec.pdus import PDUS

pytestmark = pytest.mark.debian("tshark")

FIELDS = {
    t.MESSAGE_TYPE: "mmse.message_type",
    t.TRANSACTION_ID: "mmse.transaction_id",
    t.MESSAGE_ID: "mmse.message_id",
    t.FROM: "mmse.from",
    t.TO: "mmse.to",
    t.SUBJECT: "mmse.subject",
    t.MESSAGE_SIZE: "mmse.message_size",
    t.CONTENT_LOCATION: "mmse.content_location",
    t.STATUS: "mmse.status",
    t.READ_STATUS: "mmse.read_status",
    t.RESPONSE_STATUS: "mmse.response_status",
    t.EXPIRY: "mmse.expiry.rel",
}


def ask(tshark: str, capture: Path, pushes: Sequence[bytes]) -> list[list[str]]:
    """One row a push: what tshark shows of FIELDS, then its complaints."""
    with capture.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 101))  # raw IP
        for octets in pushes:
            udp = struct.pack(">HHHH", 9200, 2948, 8 + len(octets), 0) + octets
            address = bytes((127, 0, 0, 1))
            packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, address, address) + udp
            file.write(struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet)
    shown = [option for field in [*FIELDS.values(), "_ws.malformed", "_ws.expert.message"] for option in ("-e", field)]
    command = [tshark, "-n", "-r", str(capture), "-T", "fields", "-E", "separator=/t", "-E", "aggregator=|", *shown]
    answer = subprocess.run(command, check=True, capture_output=True, timeout=60, env={"LC_ALL": "C.UTF-8", "HOME": str(capture.parent)})
    return [line.split("\t") for line in answer.stdout.decode("utf-8", "replace").splitlines()]


def as_shown(headers: Sequence[Header]) -> list[str]:
    """The values as tshark prints them; "?" where it has a fault of its own."""
    shown = []
    for code in FIELDS:
        values = []
        for value in (value for name, value in headers if name == code):
            match value:
                case Moment(seconds, relative):
                    values += [f"{seconds}.000000000"] * relative
                case Text(raw, charset):
                    values.append(raw.decode() if charset < 128 and raw[0] < 128 else "?")
                case bytes():
                    values.append(value.decode())
                case t.INSERT_ADDRESS if code == t.FROM:
                    values.append("<insert address>")
                case int() if code == t.MESSAGE_SIZE:
                    values.append(str(value))
                case _:
                    values.append(f"0x{value:02x}")
        shown.append("|".join(values))
    return shown


def generated(draw: random.Random) -> list[tuple[bytes, list[Header]]]:
    """Pushes with every combination of what a notification or a report may hold."""
    pushes = []
    for n in range(300):
        number = f"+86138{draw.randrange(10**8):08d}/TYPE=PLMN".encode()
        sender = draw.choice([b"", number, b"106587999", b"a@b.example"])
        identity = f"mmsc-qf{n}.{draw.randrange(1 << 30):x}".encode()
        if n % 3:
            subject = draw.choice([b"", b"Seed K7", "春茶 spring".encode(), b"x" * draw.randrange(1, 80)])
            seconds, relative, charset = draw.randrange(1 << 31), draw.random() < 0.5, draw.choice([0, 106])
            size = draw.randrange(1 << draw.randrange(1, 31))
            headers: list[Header] = [(t.MESSAGE_TYPE, t.M_NOTIFICATION_IND), (t.TRANSACTION_ID, identity), (t.MMS_VERSION, 0x90)]
            headers += [(t.FROM, Text(sender))] * bool(sender) + [(t.SUBJECT, Text(subject, charset))] * bool(subject)
            headers += [(t.MESSAGE_CLASS, 0x80), (t.MESSAGE_SIZE, size), (t.EXPIRY, Moment(seconds, relative))]
            headers += [(t.CONTENT_LOCATION, b"http://mms.example/" + identity)]
            written = push.encode_notification(
                transaction=identity,
                location=b"http://mms.example/" + identity,
                size=size,
                sender=sender,
                subject=subject,
                charset=charset,
                expiry_relative=seconds if relative else -1,
                expiry_absolute=-1 if relative else seconds,
            )
        else:
            status, date = draw.choice([value for value in t.VALUES[t.STATUS] if value != t.UNRECOGNISED]), draw.randrange(1 << 31)
            headers = [(t.MESSAGE_TYPE, t.M_DELIVERY_IND), (t.MMS_VERSION, 0x90), (t.MESSAGE_ID, identity), (t.TO, Text(number))]
            headers += [(t.FROM, Text(sender))] * bool(sender) + [(t.DATE, date), (t.STATUS, status)]
            written = push.encode_delivery_report(message_id=identity, to=number, date=date, status=status, sender=sender)
        pushes.append((written[1], headers))
    return pushes


def test_tshark_reads_what_we_write(debian, tmp_path, seed):
    frame = push.encode_notification(transaction=b"T", location=b"l", size=1, expiry_relative=1)[1][:6]
    pushes = [(frame + mms.encode(headers, body), headers) for _, _, headers, body in PDUS]
    pushes += generated(random.Random(seed))
    rows = ask(debian("tshark"), tmp_path / "ours.pcap", [octets for octets, _ in pushes])
    assert len(rows) == len(pushes)
    for row, (octets, headers) in zip(rows, pushes, strict=True):
        expected = as_shown(headers)
        assert row[-2:] == ["", ""], (octets.hex(), row)
        assert [seen if wanted != "?" else "?" for seen, wanted in zip(row, expected, strict=False)] == expected, octets.hex()


def test_the_oracle_does_complain(debian, tmp_path):
    octets = push.encode_notification(transaction=b"T1", location=b"http://m/", size=1, expiry_relative=1)[1]
    (row,) = ask(debian("tshark"), tmp_path / "cut.pcap", [octets[:-12]])
    assert row[-2:] != ["", ""]
