"""A drop folder of charging files through the whole pipeline: outcomes, whoever wrote the files, and files that never came."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from mmsd.codec import cdr
from mmsd.codec.cdr import FileHeader, Record
from mmsd.codec.cdr_values import Address, Moment, Packet, Relay, Wait
from mmsd.codec.tables import cdr as table
from tests.codec.charging import as_pycrate
from tests.codec.test_cdr_pycrate import ask, tagged
from tests.e2e.running import Daemon, mmsd, running, until

HOME, ABROAD = Relay("mms.hexi.example", "10.1.2.3"), Relay("mms.other.example")
NODE: Final = b"\xff" * 4 + bytes(10) + b"\xff\xff\x0a\x01\x02\x03"
LIFE: Final = 1800
"""Seconds until a message of this day expires."""


def number(receiver: int) -> Address:
    return Address("msisdn", f"86139000000{receiver:02}", 0)


class Day:
    """Records as one MMSC writes them, `begin` (seconds since 1970) and later. Local sequence numbers run from 1."""

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self.records: list[tuple[int, Record]] = []

    def write(self, tag: int, at: int, message: str, receiver: int = 0, **fields: Any) -> None:
        """One record `at` so many seconds: what its type must have, and these fields."""
        known = table.RECORDS[tag]
        moment = Moment((self.begin + at) * 1_000_000, 480)
        usual: dict[str, Any] = {
            "recordType": tag, "originatorMmsRSAddress": HOME, "recipientMmsRSAddress": ABROAD if 31 <= tag <= 33 else HOME,
            "messageID": f"{message}@mms.hexi.example", "originatorAddress": number(1), "senderAddress": number(1),
            "recipientAddress": number(receiver), "recipientAddresses": (number(receiver),), "contentType": "image/jpeg",
            "messageSize": 30720, "submissionTime": moment, "mmDateAndTime": moment, "statusText": "", "senderVisibility": True,
            "messageReference": f"http://mms.hexi.example/{message}/{receiver}", "deliveryReportRequested": True,
            "readReplyRequested": False, "acknowledgementRequest": True,
        }  # fmt: skip
        wanted = {name: usual[name] for name in known.fields if name in known.required and name in usual} | fields
        wanted["recordTimeStamp"] = moment
        self.records.append((at, Record(tag, {name: wanted[name] for name in known.fields if name in wanted})))

    def numbered(self) -> list[Record]:
        """In the order they were written."""
        ordered = [record for _, record in sorted(self.records, key=lambda pair: pair[0])]
        return [Record(record.type, {**record.fields, "localSequenceNumber": place}) for place, record in enumerate(ordered, 1)]

    # ------------------------------------------------------------------------------------------------------ what happens

    def submit(self, at: int, message: str, *receivers: int, **fields: Any) -> None:
        self.write(30, at, message, recipientAddresses=tuple(map(number, receivers)), **{"requestStatusCode": 0, **fields})

    def announce(self, at: int, message: str, receiver: int) -> None:
        self.write(39, at, message, receiver, timeOfExpiry=Wait(None, LIFE), accessCorrelation=Packet("10.36.255.1", receiver))

    def answer(self, at: int, message: str, receiver: int, status: int) -> None:
        self.write(40, at, message, receiver, mmStatusCode=status)

    def fetch(self, at: int, message: str, receiver: int, **fields: Any) -> None:
        self.write(41, at, message, receiver, **fields)

    def acknowledge(self, at: int, message: str, receiver: int) -> None:
        self.write(42, at, message, receiver)

    def report(self, at: int, message: str, receiver: int, status: int) -> None:
        self.write(34, at, message, receiver, mmStatusCode=status)


OUTCOMES: Final = {
    "fetched": ("delivered", "OK", "D1"),
    "deferred": ("delivered", "OK", "D1"),
    "unconfirmed": ("delivered", "OK_UNCONFIRMED", "D3"),
    "rejected": ("failed", "REJECTED", "R1"),
    "not-understood": ("failed", "UNSUPPORTED", "R2"),
    "expired": ("failed", "EXPIRED", "U16"),
    "deleted": ("failed", "EXPIRED", "U16"),
    "broken": ("failed", "RETRIEVE_FAILED", "T6"),
    "abroad": ("delivered", "OK_UNCONFIRMED", "D3"),
    "refused-there": ("failed", "REJECTED", "R1"),
    "by-application": ("delivered", "OK", "D1"),
    "two": ("delivered", "OK", "D1"),
    "two, the other": ("failed", "EXPIRED", "U16"),
    "never-taken": ("failed", "NOT_PROVISIONED", "B1"),
    "there-broken": ("failed", "INTERWORKING", "B3"),
    "there-silent": ("failed", "INTERWORKING", "B3"),
}
"""What each message of the day comes to without any other feed; of "two" both receivers."""


def day(begin: int) -> Day:
    made = Day(begin)
    made.submit(0, "fetched", 11)
    made.announce(1, "fetched", 11)
    made.fetch(5, "fetched", 11, mmStatusCode=0, durationOfTransmission=2300)
    made.acknowledge(8, "fetched", 11)
    made.report(9, "fetched", 11, 0)

    made.submit(10, "deferred", 12)
    made.announce(11, "deferred", 12)
    made.answer(12, "deferred", 12, 4)
    made.fetch(60, "deferred", 12, mmStatusCode=0)
    made.acknowledge(64, "deferred", 12)

    made.submit(20, "unconfirmed", 13)
    made.announce(21, "unconfirmed", 13)
    made.fetch(25, "unconfirmed", 13)

    made.submit(30, "rejected", 14)
    made.announce(31, "rejected", 14)
    made.answer(35, "rejected", 14, 3)
    made.report(36, "rejected", 14, 3)

    made.submit(40, "not-understood", 15)
    made.announce(41, "not-understood", 15)
    made.answer(45, "not-understood", 15, 5)

    made.submit(50, "expired", 16)
    made.announce(51, "expired", 16)
    made.report(51 + LIFE, "expired", 16, 2)

    made.submit(55, "deleted", 17)
    made.announce(56, "deleted", 17)
    made.write(48, 56 + LIFE, "deleted", mmStatusCode=2)

    made.submit(70, "broken", 18)
    made.announce(71, "broken", 18)
    made.fetch(75, "broken", 18, mmStatusCode=5)

    for place, (message, receiver, status) in enumerate((("abroad", 19, 0), ("refused-there", 20, 3))):
        at = 80 + 10 * place
        made.submit(at, message, receiver)
        made.write(31, at + 1, message, receiver)
        made.write(32, at + 2, message, requestStatusCode=0)
        made.write(33, at + 60, message, receiver, mmStatusCode=status)

    made.write(54, 100, "by-application", 21, vaspID="hexi", vasID="8366", originatorAddress=Address("short", "10658366"))
    made.announce(101, "by-application", 21)
    made.fetch(105, "by-application", 21, mmStatusCode=0)
    made.acknowledge(107, "by-application", 21)

    made.submit(110, "two", 22, 23)
    made.announce(111, "two", 22)
    made.announce(111, "two", 23)
    made.fetch(115, "two", 22, mmStatusCode=0)
    made.acknowledge(117, "two", 22)

    made.submit(120, "never-taken", 24, requestStatusCode=30)

    for place, (message, receiver) in enumerate((("there-broken", 25), ("there-silent", 26))):
        made.submit(130 + place, message, receiver)
        made.write(31, 132 + place, message, receiver, timeOfExpiry=Wait(None, LIFE))
    made.write(32, 140, "there-broken", requestStatusCode=34)
    return made


# ----------------------------------------------------------------------------------------------------------- who writes the files

Write = Callable[[Path, Sequence[Record]], list[bytes]]
EACH: Final = 9
"""Records of a file."""


def parts(records: Sequence[Any]) -> list[Sequence[Any]]:
    return [records[place : place + EACH] for place in range(0, len(records), EACH)]


def with_headers(root: Path, records: Sequence[Record]) -> list[bytes]:
    return [cdr.encode_file(part, FileHeader(number, node=NODE)) for number, part in enumerate(parts(records), 1)]


def padded(root: Path, records: Sequence[Record]) -> list[bytes]:
    """Bare records of indefinite length in blocks of 2048 octets."""
    files = []
    for part in parts(records):
        blocks = b""
        for record in part:
            raw, room = cdr.encode_record(record, indefinite=True), -len(blocks) % 2048
            blocks += (bytes(room) if len(raw) > room else b"") + raw
        files.append(blocks + b"\xff" * (-len(blocks) % 2048))
    return files


def by_pycrate(root: Path, records: Sequence[Record]) -> list[bytes]:
    encoded = ask(root, ([table.RECORDS[record.type].name, as_pycrate(record)] for record in records))
    tags = [tagged(bytes.fromhex(raw), record.type) for raw, record in zip(encoded, records, strict=True)]
    return [b"".join(part) for part in parts(tags)]


@pytest.mark.parametrize("write", [with_headers, padded, by_pycrate])
def test_deliveries_have_their_outcomes(root: Path, tmp_path: Path, write: Write) -> None:
    records = day(1_795_340_000).numbered()
    for place, data in enumerate(write(root, records)):
        (tmp_path / f"mmsc1_-_{place:03}.20261122").write_bytes(data)
    out = tmp_path / "out.jsonl"
    done = mmsd("replay", f"--feed=charging1=cdr:{tmp_path}/mmsc1_-_*", "--until=end", "--deliveries", out, "--json", "--reveal")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["feeds"]["charging1"]["lines"] == len(records)
    assert figures["rejects"] == 0
    found = {}
    for line in out.read_text().splitlines():
        row = json.loads(line)
        name = row["message"].removesuffix("@mms.hexi.example") + (", the other" if row["receiver"].endswith("23") else "")
        assert row["sender"] == ("10658366" if name == "by-application" else number(1).text)
        found[name] = (row["outcome"], row["cause"], row["rule"])
    assert found == OUTCOMES


# ------------------------------------------------------------------------------------------------------------ files that never came


def drop(folder: Path, records: Sequence[Record], numbers: Iterable[int], each: int) -> None:
    """Charging files of so many records, numbered from 1, each put there under another name first."""
    for file in numbers:
        data = cdr.encode_file(records[(file - 1) * each : file * each], FileHeader(file, node=NODE))
        temporary = folder / f".{file}.tmp"
        temporary.write_bytes(data)
        temporary.rename(folder / f"mmsc1_-_{file}.cdr")


def notes(daemon: Daemon) -> dict[str, int]:
    (feed,) = daemon.ask("/api/v1/health").value["feeds"]
    found: dict[str, int] = feed["notes"]
    return found


def test_what_never_came_is_told_over_restarts(tmp_path: Path) -> None:
    each, begin = 5, int(time.time()) - 2 * 3600
    records = day(begin).numbered()
    files = -(-len(records) // each)
    assert files >= 9
    folder = tmp_path / "drop"
    folder.mkdir()
    config = tmp_path / "mmsd.toml"
    config.write_text(
        f'[state]\ndirectory = "{tmp_path}/state"\n[web]\nport = 0\n[judgement]\nwindow = {LIFE}.0\n'
        f'[feeds.charging1]\ndialect = "cdr"\npaths = ["{folder}/mmsc1_-_*"]\n'
    )
    drop(folder, records, (1, 2, 4), each)
    with running(config) as daemon:
        until(lambda: notes(daemon) == {"files missing": 1, "records missing": each}, "the gap is told")
        daemon.kill()
        drop(folder, records, (7, 6), each)
        daemon.start()
        until(
            lambda: notes(daemon) == {"files missing": 1, "records missing": each},
            "the gap over the restart is told, the old one not again",
        )
        metrics = daemon.ask("/metrics").text
        assert 'mmsd_notes_total{feed="charging1",note="files missing"} 1.0' in metrics
        audits = [row["detail"] for row in daemon.ask("/api/v1/audits").value["audits"] if row["what"] == "gap"]
        assert audits == [
            f"records {4 * each + 1} to {5 * each} of 10.1.2.3 are missing", "files 5 of 10.1.2.3 are missing",
            f"records {2 * each + 1} to {3 * each} of 10.1.2.3 are missing", "files 3 of 10.1.2.3 are missing",
        ]  # fmt: skip

        drop(folder, records, (5, 3, *range(8, files + 1)), each)
        until(lambda: notes(daemon).get("files that came late") == 2, "late files are counted")
        assert notes(daemon)["records that came late"] == 2 * each

        def failed() -> dict[str, str]:
            rows = daemon.ask("/api/v1/deliveries?outcome=failed&limit=500").value["deliveries"]
            return {row["message"].partition("@")[0]: row["cause"] for row in rows}

        wanted = {name.partition(",")[0]: cause for name, (outcome, cause, _) in OUTCOMES.items() if outcome == "failed"}
        until(lambda: failed() == wanted, f"what failed is told, whenever its records came: {wanted}")
