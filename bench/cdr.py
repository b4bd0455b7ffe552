"""Charging records: records a second as typed values and as columns, beside pycrate in a process of its own, over the same file.

The typed figure reads every field of every record. Records stand in random order, as no message's are neighbours in a real file: what
remembers values by their octets gains nothing.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Final

from bench.scan import Report
from mmsd import fast
from mmsd.codec import ber, cdr
from mmsd.codec.cdr import TYPES as VALUES
from mmsd.codec.cdr import FileHeader, Record
from mmsd.codec.cdr_values import FORMS, Address, Components, Moment, Packet, Part, Relay, Wait
from mmsd.fast import charging_py
from mmsd.logs.cdr import Cdr

CHUNK: Final = 1 << 20
FIRST: Final = 1795340662
TYPES: Final = {30: "MMO1S", 39: "MMR1NRq", 40: "MMR1NRs", 41: "MMR1Rt", 42: "MMR1A", 34: "MMO1D"}
"""The life of a message within one MMSC."""

PEER_RECORDS: Final = 3_000
_SET: Final = 0x31


def message(dice: random.Random, number: int) -> list[Record]:
    """The six records of one message."""
    at = Moment((FIRST + number // 200) * 1_000_000, 480)
    sender, friend = (Address("msisdn", f"86139{dice.randrange(10**8):08}", 0) for _ in range(2))
    name = f"m-{number:08x}@mms.hexi.example"
    home = Relay("mms.hexi.example", "10.1.2.3")
    access = Packet("10.36.255.1", dice.randrange(1 << 32))
    parts = Components(Part("text/plain", 12), (Part("image/jpeg", 28000), Part("text/plain", 160)))
    common = {"messageID": name, "accessCorrelation": access}
    last = {"recordTimeStamp": at, "localSequenceNumber": number, "rATType": 1}
    url = f"http://mms.hexi.example/{name}"
    here = {"recipientMmsRSAddress": home}
    return [
        Record(tag, {"recordType": tag} | fields | common | last)
        for tag, fields in (
            (
                30,
                {
                    "originatorMmsRSAddress": home,
                    "originatorAddress": sender,
                    "recipientAddresses": (friend,),
                    "contentType": "application/vnd.wap.multipart.related",
                    "mmComponentType": parts,
                    "messageSize": 30000,
                    "submissionTime": at,
                    "requestStatusCode": 0,
                    "deliveryReportRequested": True,
                    "statusText": "1000",
                },
            ),
            (
                39,
                here
                | {
                    "senderAddress": sender,
                    "recipientAddress": friend,
                    "messageSize": 30000,
                    "messageReference": url,
                    "timeOfExpiry": Wait(None, 259200),
                },
            ),
            (40, here | {"recipientAddress": friend, "reportAllowed": True, "mmStatusCode": 4}),
            (
                41,
                here
                | {
                    "senderAddress": sender,
                    "recipientAddress": friend,
                    "contentType": "application/vnd.wap.multipart.related",
                    "mmComponentType": parts,
                    "messageSize": 30000,
                    "submissionTime": at,
                    "mmStatusCode": 0,
                    "messageReference": url,
                },
            ),
            (42, here | {"recipientAddress": friend, "reportAllowed": True, "mmStatusCode": 0}),
            (34, here | {"originatorMmsRSAddress": home, "originatorAddress": sender, "recipientAddress": friend, "mmStatusCode": 0}),
        )
    ]


def make(count: int) -> tuple[list[Record], bytes]:
    dice = random.Random(32298)
    records = [record for number in range((count + 5) // 6) for record in message(dice, number)][:count]
    dice.shuffle(records)
    return records, cdr.encode_file(records, FileHeader(1))


def scan(reader: Cdr, data: bytes) -> int:
    """The file as a feed reads it; rows."""
    at = rows = 0
    while at < len(data):
        chunk = data[at : at + CHUNK]
        parsed = reader.scan(chunk, ordinal=0, offset=at, final=at + len(chunk) == len(data))
        if parsed.rejects.total or not parsed.consumed:
            raise SystemExit(f"the bench's own file is not read: {parsed.rejects}")
        at, rows = at + parsed.consumed, rows + parsed.records.rows
    return rows


def touch(data: bytes, count: int) -> int:
    """Every value of every record, once, as Python objects; how many."""
    values = 0
    for record in cdr.decode_file(data, limit=count).records:
        for value in record.fields.values():
            values += value is not None
    return values


def best(work: Callable[[], object], times: int = 5) -> float:
    """Seconds of processor time of the fastest of so many runs."""
    took = []
    for _ in range(times):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return min(took)


def peer(path: Path) -> None:
    """`python -m bench.cdr FILE`: pycrate decodes the first records of the file; prints records a second."""
    from pycrate_asn1dir import CDR  # type: ignore[import-untyped]  # the package has no types; dear to import

    data = path.read_bytes()
    found = fast.walk(data, 52, final=True).records[:PEER_RECORDS].tolist()
    given = []
    for _, _, body, stop, tag, _ in found:
        schema = getattr(CDR.MMSChargingDataTypes, f"{TYPES[tag]}Record")
        given.append((schema, bytes((_SET,)) + ber.encode_length(stop - body) + data[body:stop]))

    def work() -> None:
        for schema, raw in given:
            schema.from_ber(raw)
            schema.get_val()

    print(len(given) / best(work, 2))


def run(lines: int, say: Callable[[str], None]) -> Report:
    """`lines` records, at most 60,000."""
    say("writing records")
    records, data = make(min(lines, 60_000))
    count = len(records)
    reader = Cdr.from_options({}, zone=UTC, key=(1, 2))
    say("columns")
    columns = count / best(lambda: scan(reader, data))
    say("walk alone")
    walked = count / best(lambda: fast.walk(data, 52, final=True))
    walked_rows = fast.walk(data, 52, final=True).records
    say("values")
    fields = sum(len(record.fields) for record in records)
    if touch(data, count) != fields:
        raise SystemExit("the bench's own records are not read whole")
    values = count / best(lambda: touch(data, count), 3)
    twin = count / 10 / best(lambda: charging_py.read_records(data, walked_rows[: count // 10], FORMS, VALUES), 2)
    say("encoding")
    encoded = count / best(lambda: [cdr.encode_record(record) for record in records], 2)
    say("pycrate")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.cdr"
        path.write_bytes(data)
        done = subprocess.run([sys.executable, "-m", "bench.cdr", str(path)], capture_output=True, text=True, check=False)
    theirs = float(done.stdout) if done.returncode == 0 else 0.0
    rows = [
        {"charging records": what, "records/s": int(rate), "× pycrate": rate / theirs if theirs else 0.0}
        for what, rate in (
            ("typed values, every field read (codec.cdr)", values),
            ("as columns (dialect cdr)", columns),
            ("taken apart, no value (walk)", walked),
            ("typed values, Python twin of the kernel", twin),
            ("encoded", encoded),
            ("pycrate decodes", theirs),
        )
    ]
    notes = [
        f"{count:,} records of {len(data) // count} octets and {fields / count:.1f} fields, the six of a message's life in random order; "
        f"pycrate took the first {PEER_RECORDS:,}",
        "typed values: numbers, flags, texts, times, addresses, sessions, parts, as TS 32.298 names them; none is left to be decoded later",
    ]
    return Report({"cdr": rows}, notes)


if __name__ == "__main__":
    peer(Path(sys.argv[1]))
