"""`mmsd decode`: every kind, from a file, from hex, from standard input; exit codes; text that does not move the terminal's cursor."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from mmsd.cli import main
from mmsd.cli.decoding import KINDS, unhexed
from mmsd.codec import sms
from tests.codec.pdus import PDUS

ANSWER = PDUS[1][1].replace(" ", "")  # m-send-conf
PUSH = "0605040b8423f0010603beaf848c82985431008d908a808e0228008805810303f48083687474703a2f2f6d2f6100"


def decode(*arguments: str, stdin: bytes | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["decode", *arguments], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_hex_as_an_engineer_reads_it():
    code, said, _ = decode("mms", ANSWER)
    assert code == 0
    assert [line.split() for line in said.splitlines()] == [
        ["0", "2", "X-Mms-Message-Type", "m-send-conf"],
        ["2", "4", "X-Mms-Transaction-Id", "T1"],
        ["6", "2", "X-Mms-MMS-Version", "1.0"],
        ["8", "2", "X-Mms-Response-Status", "Ok"],
        ["10", "4", "Message-ID", "m@"],
    ]


def test_json_for_programs():
    code, said, _ = decode("mms", "--json", ANSWER.upper())
    values = json.loads(said)
    assert code == 0
    assert (values["type"], values["response_status"], values["message_id"], values["warnings"]) == ("m-send-conf", "Ok", "m@", [])


@pytest.mark.parametrize("as_hex", [False, True])
def test_a_file_and_standard_input_hold_octets_or_hex(tmp_path, as_hex):
    octets = bytes.fromhex(ANSWER)
    content = f"{ANSWER[:7]} {ANSWER[7:]}\n".encode() if as_hex else octets
    path = tmp_path / "answer"
    path.write_bytes(content)
    expected = decode("mms", ANSWER, "--json")
    assert decode("mms", str(path), "--json") == expected
    assert decode("mms", "-", "--json", stdin=content) == expected


def test_warnings_end_with_1():
    code, said, _ = decode("mms", ANSWER[:-4])
    assert code == 1
    assert said.splitlines()[-1] == "warning: header is cut short (at byte 10, OMA-MMS-ENC 7.1)"
    code, said, _ = decode("mms", ANSWER[:-4], "--json")
    assert code == 1
    assert json.loads(said)["warnings"] == [{"offset": 10, "text": "header is cut short", "clause": "OMA-MMS-ENC 7.1"}]


def test_what_is_nothing_of_the_kind_ends_with_2(tmp_path):
    page = tmp_path / "page.html"
    page.write_bytes(b"<html><body>404</body></html>")
    code, said, wrong = decode("mms", str(page))
    assert (code, said) == (2, "")
    assert "this is no mms: no message type: this is markup, a page perhaps" in wrong
    code, said, _ = decode("mms", str(page), "--json")
    assert code == 2
    assert (json.loads(said)["type"], json.loads(said)["warnings"][0]["offset"]) == (None, 0)


@pytest.mark.parametrize(
    ("source", "reason"),
    [("nothing-here", "no such file"), ("8c8", "an octet has two"), ("", "no such file"), ("8cx" * 5000, "no such file")],
)
def test_what_is_neither_file_nor_hex(source, reason):
    code, _, wrong = decode("mms", source)
    assert code == 2
    assert reason in wrong
    assert len(wrong) < 400


def test_a_directory_is_named(tmp_path):
    code, _, wrong = decode("mms", str(tmp_path))
    assert code == 2
    assert "a directory" in wrong


def test_a_pipe_is_read():
    read, write = os.pipe()
    os.write(write, bytes.fromhex(ANSWER))
    os.close(write)
    try:
        assert decode("mms", f"/dev/fd/{read}", "--json") == decode("mms", ANSWER, "--json")
    finally:
        os.close(read)


@pytest.mark.parametrize(
    "written",
    [
        "0x" + ANSWER,
        ":".join(ANSWER[at : at + 2] for at in range(0, len(ANSWER), 2)),
        ", ".join(f"0x{ANSWER[at : at + 2].upper()}" for at in range(0, len(ANSWER), 2)),
        "".join(f"\\x{ANSWER[at : at + 2]}" for at in range(0, len(ANSWER), 2)),
        "00000000: 8c81 9854 3100 8d90 9280 8b6d 4000       ...T1......m@.\n",
        "00000000: 8c81 9854 3100 8d  ...T1..\n00000007: 90 9280 8b6d 4000  ab...m@.\n",
        "00000000  8c 81 98 54 31 00 8d 90  92 80 8b 6d 40 00        |...T1......m@.|\n0000000e\n",
        "0000   8c 81 98 54 31 00 8d 90 92 80 8b 6d 40 00   ...T1......m@.\n",
        "\t0x0000:  8c81 9854 3100 8d90 9280 8b6d 4000  ...T1......m@.\n",
    ],
    ids=["0x", "colons", "list", "escapes", "xxd", "xxd -c 7", "hexdump -C", "wireshark", "tcpdump"],
)
def test_hex_as_people_and_programs_write_it(tmp_path, written):
    path = tmp_path / "dump.txt"
    path.write_text(written)
    expected = decode("mms", ANSWER, "--json")
    assert decode("mms", written, "--json") == expected
    assert decode("mms", str(path), "--json") == expected
    assert decode("mms", "-", "--json", stdin=written.encode()) == expected


def test_lines_that_hexdump_leaves_out():
    dump = "00000000  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n*\n00000030  8c\n00000031\n"
    assert unhexed(dump.encode()) == bytes(48) + b"\x8c"


@pytest.mark.parametrize("said", [b"00000000: 8c81\n00000008: 8c81\n", b"8c8", b"hello", b"", b"\x8c\x84"])
def test_what_is_no_hex_stays_as_it_is(said):
    assert unhexed(said) == said


def test_push_with_and_without_its_header():
    code, said, _ = decode("push", PUSH, "--json")
    values = json.loads(said)
    assert (code, values["type"], values["port"]) == (0, "mms", 2948)
    assert values["headers"] == {"X-Wap-Application-Id": "x-wap-application:mms.ua"}
    assert values["mms"]["content_location"] == "http://m/a"
    code, said, _ = decode("push", PUSH[14:], "--json")
    assert (code, json.loads(said)["port"], json.loads(said)["mms"]) == (0, None, values["mms"])
    code, said, _ = decode("push", PUSH)
    assert "X-Mms-Content-Location" in said


PIECES = [
    f"{udh.hex().upper()} {data.hex().upper()}"
    for udh, data in sms.split(sms.Udh(sms.PUSH_PORT, sms.WSP_PORT), bytes.fromhex(PUSH[14:-2]) + b"/b" * 150 + b"\0", 7)
]


def test_pieces_of_a_push_in_any_order():
    whole = PUSH[:-2] + "2f62" * 150 + "00"
    expected = decode("push", whole, "--json")
    assert expected[0] == 0
    assert len(PIECES) == 3
    for rows in (PIECES, PIECES[::-1], [*PIECES, PIECES[1]]):
        assert decode("push", "-", "--json", stdin="\n".join(rows).encode()) == expected
    assert decode("push", "\n".join(PIECES), "--json") == expected
    wrapped = "\n".join(whole[at : at + 64] for at in range(0, len(whole), 64))
    assert decode("push", wrapped, "--json") == expected


def test_pieces_that_are_missing_are_named():
    for rows in ([PIECES[0]], PIECES[:2], [PIECES[2], PIECES[0]]):
        code, said, _ = decode("push", "\n".join(rows), "--json")
        values = json.loads(said)
        assert (code, values["mms"]["transaction_id"]) == (1, "T1")
        assert values["mms"]["type"] == "m-notification-ind"
    assert values["warnings"][0]["text"] == "piece 2 of 3 missing: read as far as piece 1"
    code, said, _ = decode("push", PIECES[0])
    assert "to port 2948, piece 1 of 3, reference 7" in said
    assert "warning: piece 1 of 3: the push goes on in the others" in said
    for rows in ([PIECES[1]], PIECES[1:]):
        code, _, wrong = decode("push", "\n".join(rows))
        assert code == 2
        assert "the push begins in" in wrong
    other = PIECES[1].replace("000307", "000308", 1)
    code, _, wrong = decode("push", "\n".join([PIECES[0], other]))
    assert code == 2
    assert "more than one push" in wrong


def test_a_subject_does_not_move_the_cursor():
    """It is written by anybody; a terminal obeys what it is shown."""
    code, said, _ = decode("mms", "8c85 985400 8d90 96 61 1b5b324a 62 00".replace(" ", ""))
    assert code == 0
    assert "\x1b" not in said
    assert r"a\x1b[2Jb" in said


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_refuses_or_reads_anything(kind):
    for octets in ("", "00", "ff" * 40, "3c68746d6c3e", "0001" * 30):
        code, said, _ = decode(kind, octets or "-", "--json", stdin=b"")
        assert code in {0, 1, 2}
        assert "warnings" in json.loads(said)


def test_every_vector_is_shown(shared: Path):
    for folder in ("gammu/mms", "ofono-mmsd", "python-messaging", "smsgate/mms"):
        for path in sorted((shared / "vectors" / folder).iterdir()):
            if path.suffix.lower() in {".mms", ".bin"} and not path.name.startswith("push"):
                code, said, wrong = decode("mms", str(path), "--json")
                assert code == (path.name in {"m.mms", "TestMMS1RetrieveConfCodec-1.bin"}), (path, wrong)  # two with faults of their own
                assert json.loads(said)["type"]
