"""Copies in folders: PDUs that handsets posted, messages between MMSCs, our own spool."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from mmsd.codec import mms
from mmsd.codec.tables import mms as table
from mmsd.codec.wsp import ContentType
from mmsd.errors import DecodeError
from mmsd.fast.values_py import address
from mmsd.link import copies
from mmsd.link.copies import Mm4, Pdus, Spool
from mmsd.model import NOT_A_NUMBER

NOW = 1_795_348_800_000_000
LATER = 4_000_000_000_000_000


def number(text: bytes) -> int:
    return address(text, (86, 11, 1, 0), (1, 2))


def submit(to: bytes = b"+8613900000002/TYPE=PLMN", author: mms.Value = table.INSERT_ADDRESS) -> bytes:
    return mms.encode(
        [
            (table.MESSAGE_TYPE, table.M_SEND_REQ), (table.TRANSACTION_ID, b"T1"), (table.MMS_VERSION, 0x90), (table.FROM, author),
            (table.TO, mms.Text(to)), (table.TO, mms.Text(b"a@b.example")), (table.CC, mms.Text(to)),
            (table.CONTENT_TYPE, ContentType("text/plain")),
        ],
        b"hello",
    )  # fmt: skip


def leave(folder: Path, name: str, pdu: bytes, **told: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(pdu)
    if told:
        (folder / name).with_suffix(".json").write_text(json.dumps(told))
    return folder / name


def test_what_the_tap_knows_and_what_the_handset_wrote(tmp_path: Path) -> None:
    leave(tmp_path / "in", "1.mms", submit(), time="2026-11-22T12:00:00.5Z", client_msisdn="8613900000001", msgid="M1", http_status=200)
    folder = Pdus("tap", tmp_path / "in", number)
    (found,) = folder.look(10, NOW)
    copy = folder.load(found)
    assert (copy.at, copy.sender, copy.message, copy.transaction, copy.status) == (NOW + 500_000, 8613900000001, "M1", "T1", 200)
    assert copy.receivers[0] == 8613900000002
    assert copy.receivers[1] & NOT_A_NUMBER
    assert len(copy.receivers) == 2
    assert (copy.octets, copy.body) == (len(submit()), submit())
    assert "13900000001" not in repr(copy)
    assert copy.id == folder.load(found).id
    folder.drop(found)
    folder.drop(found)
    assert not any((tmp_path / "in").iterdir())


def test_a_sender_that_only_the_handset_tells(tmp_path: Path) -> None:
    leave(tmp_path, "1.mms", submit(author=mms.Text(b"+8613900000009/TYPE=PLMN")), at=NOW)
    folder = Pdus("tap", tmp_path, number)
    assert folder.load(folder.look(1, NOW)[0]).sender == 8613900000009


def test_a_pdu_waits_for_what_is_known_of_it(tmp_path: Path) -> None:
    path = leave(tmp_path, "1.mms", submit())
    folder = Pdus("tap", tmp_path, number, patience=600)
    written = path.stat().st_mtime_ns // 1000
    assert folder.look(10, written + 599_000_000) == []
    (found,) = folder.look(10, written + 601_000_000)
    with pytest.raises(DecodeError, match="nothing is known"):
        folder.load(found)
    folder.reject(found)
    assert [path.name for path in (tmp_path / "rejected").iterdir()] == ["1.mms"]
    assert folder.look(10, LATER) == []


def test_an_index_that_grows(tmp_path: Path) -> None:
    leave(tmp_path, "1.mms", submit())
    leave(tmp_path, "2.mms", submit())
    folder = Pdus("tap", tmp_path, number)
    row = json.dumps({"file": "1.mms", "time": "2026-11-22T12:00:00Z"})
    (tmp_path / "index.jsonl").write_text(row + "\nnonsense\n" + row.replace("1.mms", "2.mms"))
    assert [found.path.name for found in folder.look(10, NOW)] == ["1.mms"]
    with (tmp_path / "index.jsonl").open("a") as file:
        file.write("\n")
    assert sorted(found.path.name for found in folder.look(10, NOW)) == ["1.mms", "2.mms"]
    assert len(folder.look(1, NOW)) == 1


def test_an_index_that_is_rotated(tmp_path: Path) -> None:
    row = json.dumps({"file": "1.mms", "time": "2026-11-22T12:00:00Z"}) + "\n"
    index = tmp_path / "index.jsonl"
    index.write_text(row)
    folder = Pdus("tap", tmp_path, number)
    assert folder.look(10, NOW) == []
    for name in ("1.mms", "2.mms", "3.mms"):
        leave(tmp_path, name, submit())
    with index.open("a") as file:
        file.write(row.replace("1.mms", "2.mms"))
    index.rename(tmp_path / "index.jsonl.1")
    index.write_text(row.replace("1.mms", "3.mms"))
    assert sorted(found.path.name for found in folder.look(10, NOW)) == ["1.mms", "2.mms", "3.mms"]
    index.write_text(row.replace("1.mms", "4.mms"))  # written anew, as long as it was
    leave(tmp_path, "4.mms", submit())
    os.utime(index, ns=(1, 1))
    assert sorted(found.path.name for found in folder.look(10, NOW)) == ["1.mms", "2.mms", "3.mms", "4.mms"]
    again = Pdus("tap", tmp_path, number)  # after a restart
    assert sorted(found.path.name for found in again.look(10, NOW)) == ["1.mms", "2.mms", "4.mms"]


def test_who_sent_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    path = leave(tmp_path, "1.mms", submit())
    (tmp_path / "index.jsonl").write_text(json.dumps({"file": "1.mms", "time": "2026-11-22T12:00:00Z", "sender": "13900000001"}) + "\n")
    folder = Pdus("tap", tmp_path, number, patience=600)
    (found,) = folder.look(10, NOW)
    folder.look(10, NOW + 601_000_000)
    assert folder.load(found).sender == 8613900000001
    folder.drop(found)
    folder.look(10, NOW + 601_000_000)
    path.write_bytes(submit())
    assert folder.look(10, path.stat().st_mtime_ns // 1000) == []  # nothing is known of it


@pytest.mark.parametrize(
    "told",
    [
        {"sender": "1"}, {"time": "2026-11-22T12:00:00"}, {"time": "yesterday"}, {"at": True}, {"at": -5}, {"at": NOW // 1_000_000},
        {"at": 1 << 63}, {"at": 10**30},
    ],
)  # fmt: skip
def test_a_sidecar_without_a_time_is_a_reject(tmp_path: Path, told: dict[str, Any]) -> None:
    leave(tmp_path, "1.mms", submit(), **told)
    folder = Pdus("tap", tmp_path, number)
    with pytest.raises(DecodeError, match="time"):
        folder.load(folder.look(1, NOW)[0])


@pytest.mark.parametrize("sidecar", [b'{"at": 1, "sender": "\xff"}', b'{"a": ' + b"[" * 100_000, b"[]", b""])
def test_a_sidecar_that_is_no_json_is_a_reject(tmp_path: Path, sidecar: bytes) -> None:
    leave(tmp_path, "1.mms", submit()).with_suffix(".json").write_bytes(sidecar)
    (tmp_path / "index.jsonl").write_bytes(sidecar + b"\n")
    folder = Pdus("tap", tmp_path, number)
    with pytest.raises(DecodeError, match="sidecar"):
        folder.load(folder.look(1, NOW)[0])


@pytest.mark.parametrize("octets", [b"", b"\x8c\x82", b"\x8c\x84\x98A\0\x8d\x90", os.urandom(200)])
def test_what_is_no_submit_is_a_reject(tmp_path: Path, octets: bytes) -> None:
    leave(tmp_path, "1.mms", octets, at=NOW)
    folder = Pdus("tap", tmp_path, number)
    with pytest.raises(DecodeError):
        folder.load(folder.look(1, NOW)[0])


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = leave(tmp_path, "1.mms", b"", at=NOW)
    os.truncate(path, copies.LARGEST + 1)
    folder = Pdus("tap", tmp_path, number)
    with pytest.raises(DecodeError, match="larger"):
        folder.load(folder.look(1, NOW)[0])


def test_the_oldest_come_first_and_hidden_files_and_links_never(tmp_path: Path) -> None:
    for place in (3, 1, 2):
        os.utime(leave(tmp_path, f"{place}.mms", submit(), at=NOW), ns=(place * 10**9, place * 10**9))
    leave(tmp_path, ".part.mms", submit(), at=NOW)
    (tmp_path / "link.mms").symlink_to("/etc/passwd")
    assert [found.path.name for found in Pdus("tap", tmp_path, number).look(9, LATER)] == ["1.mms", "2.mms", "3.mms"]


MM4 = b"""From: <+8613900000001/TYPE=PLMN@mms.far.example>
To: +8613900000002/TYPE=PLMN@mms.near.example,
 somebody@mail.example
Date: Sun, 22 Nov 2026 20:00:00 +0800
X-Mms-3GPP-MMS-Version: 6.2.0
X-Mms-Message-Type: MM4_forward.REQ
X-Mms-Transaction-ID: "T9"
X-Mms-Message-ID: "far-77"
MIME-Version: 1.0
Content-Type: text/plain

hello
"""


def test_a_message_between_mmscs(tmp_path: Path) -> None:
    leave(tmp_path, "spooled", MM4)
    leave(tmp_path, "answer", MM4.replace(b"forward.REQ", b"forward.RES"))
    folder = Mm4("peer", tmp_path, number)
    by_name = {found.path.name: found for found in folder.look(10, NOW)}
    copy = folder.load(by_name["spooled"])
    assert (copy.sender, copy.message, copy.transaction, copy.at, copy.mm4) == (8613900000001, "far-77", "T9", NOW, True)
    assert copy.receivers[0] == 8613900000002
    assert copy.receivers[1] & NOT_A_NUMBER
    with pytest.raises(DecodeError, match="MM4_forward"):
        folder.load(by_name["answer"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"From", b"=?utf-8?q?"), (b"From", b"<>@[:;,\xff"), (b"To", b"a:b:c;,=?x?"), (b"Date", b"Mon, 99 Foo 99999 99:99:99 +99999999999"),
        (b"Date", b"1 Jan 1871 00:00:00 +0000"), (b"Content-Type", b"a/b; =*0*=;;"),
    ],
)  # fmt: skip
def test_a_message_of_another_operator_with_headers_that_are_no_good(tmp_path: Path, name: bytes, value: bytes) -> None:
    leave(tmp_path, "spooled", re.sub(rb"(?m)^" + name + rb":.*$", lambda _: name + b": " + value, MM4))
    folder = Mm4("peer", tmp_path, number)
    (found,) = folder.look(10, NOW)
    copy = folder.load(found)
    assert (copy.message, copy.at) == ("far-77", found.at if name == b"Date" else NOW)


@pytest.mark.parametrize("name", [b"From", b"To", b"Cc", b"Date", b"Content-Type", b"X-Mms-Message-ID"])
def test_a_header_between_mmscs_that_nobody_can_read(name: bytes) -> None:
    """A copy or a DecodeError, and nothing else."""
    harms = (
        b"", b"<", b"<>", b'"', b"@", b":;", b"a:", b"a@[", b"=?utf-8?q?=", b"\xff\xfe", b"[" * 5000, b"(" * 5000, b";" * 50,
        b"text/plain; x*0*=", b"0", b"Mon", b"9" * 20, b"Sun, 22 Nov 99999999999 20:00:00 +0800",
        b"Sun, 22 Nov 2026 20:00:00 +" + b"9" * 20, b"Sun, 22 Nov 2026 20:00:00 -0000", b"Fri, 31 Dec 9999 23:59:59 -2359",
        b"1 Jan 0001 00:00:00 +2359",
    )  # fmt: skip
    for harm in harms:
        line = name + b": " + harm
        for octets in (re.sub(rb"(?m)^" + name + rb": .*$", line.replace(b"\\", b"\\\\"), MM4), line + b"\n" + MM4):
            with contextlib.suppress(DecodeError):
                copy = copies.mm4_copy("peer", octets, number, at=NOW)
                assert 946_684_800 <= copy.at // 10**6 < 4_102_444_800
                repr(copy).encode()


def spool(folder: Path, most: int = 10) -> Spool:
    def unseal(sealed: bytes) -> bytes:
        if sealed[:1] != b"#":
            raise ValueError("not sealed")
        return sealed[:0:-1]

    return Spool("mm1", folder, number, seal=lambda plain: b"#" + plain[::-1], unseal=unseal, most=most)


def test_our_own_spool(tmp_path: Path) -> None:
    kept = spool(tmp_path / "spool", most=2)
    assert kept.put(NOW, "+8613900000001", submit())
    assert kept.put(NOW + 1, "", submit())
    assert not kept.put(NOW + 2, "", submit())
    for path in (tmp_path / "spool").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert b"13900000001" not in path.read_bytes()
    (tmp_path / "spool" / ".torn.copy").write_bytes(b"#")
    again = spool(tmp_path / "spool", most=2)  # after a restart: what waits is known, what was torn is gone
    assert not again.put(NOW + 3, "", submit())
    first, second = again.look(10, NOW)
    assert sorted(again.load(found).sender for found in (first, second)) == [0, 8613900000001]
    again.drop(first)
    assert again.put(NOW + 4, "", submit())
    second.path.write_bytes(b"!")
    with pytest.raises(DecodeError, match="another key"):
        again.load(second)
    again.reject(second)
    assert len(again.look(10, NOW)) == 1


def test_every_pdu_of_the_real_day(shared: Path) -> None:
    folder = Pdus("tap", shared / "samples/real-day/pdus", number)
    found = folder.look(1000, NOW)
    assert len(found) == 393
    read = [folder.load(each) for each in found]
    truth = [json.loads(line) for line in (shared / "samples/real-day/pdus/index.jsonl").read_text().splitlines()]
    assert {copy.sender for copy in read} == {number(row["client_msisdn"].encode()) for row in truth}
    assert all(copy.receivers for copy in read)
    assert sum(bool(copy.message) for copy in read) == sum(row["msgid"] is not None for row in truth)
    assert len({copy.id for copy in read}) == 393
