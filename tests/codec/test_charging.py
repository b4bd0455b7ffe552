"""Records of plain shapes as typed values: the specification, the kernel, and the careful reader of `codec.cdr`, one against the other."""

from __future__ import annotations

import gc
import random
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mmsd.codec import cdr
from mmsd.codec.cdr import Record, decode_file, encode_file, encode_record
from mmsd.codec.cdr_values import FORMS, Address, Components, Moment, Packet, Part, Relay, Unknown, Wait
from mmsd.codec.tables import cdr as table
from mmsd.fast import charging_py
from mmsd.fast.ber_py import FIRST, walk
from tests.codec import charging

BUILDS: list[ModuleType] = [charging_py]
if find_spec("mmsd.fast.charging_c") is not None:
    from mmsd.fast import charging_c

    BUILDS.append(charging_c)

TYPES = cdr.TYPES


def read(build: ModuleType, data: bytes) -> list[Any]:
    found: list[Any] = build.read_records(data, walk(data, 0, final=True).records, FORMS, TYPES)
    return found


def careful(data: bytes) -> list[tuple[Record | None, list[cdr.Fault]]]:
    """Every record as the reader of odd shapes reads it, and what it says of it."""
    walked = walk(data, 0, final=True)
    firsts = [*walked.records[:, FIRST].tolist(), len(walked.leaves)]
    found: list[tuple[Record | None, list[cdr.Fault]]] = []
    for (_, _, body, stop, tag, first), last in zip(walked.records.tolist(), firsts[1:], strict=True):
        faults: list[cdr.Fault] = []
        known = tag in table.RECORDS
        found.append((cdr._decode(data, tag, body, stop, walked.leaves[first:last].tolist(), faults, {}) if known else None, faults))
    return found


def one(build: ModuleType, fields: str) -> Any:
    """MMR1A with these fields, in hex."""
    content = bytes.fromhex(fields)
    (found,) = read(build, b"\xbf\x2a" + bytes((len(content),)) + content)
    return found


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(
    ("name", "octets", "value"),
    [
        ("recordType", "80012a", 42),
        ("mmStatusCode", "8601ff", -1),
        ("localSequenceNumber", "8908" "7fffffffffffffff", (1 << 63) - 1),
        ("reportAllowed", "850100", False),
        ("reportAllowed", "8501ff", True),
        ("messageID", "8203e6b885", "清"),
        ("messageID", "8201c7", "\udcc7"),
        ("messageID", "8200", ""),
        ("mSTimeZone", "8d020801", b"\x08\x01"),
        ("recordTimeStamp", "8809" "000229000000" "2b0000", Moment(951782400_000_000, 0)),
        ("recordTimeStamp", "8809" "991231235959" "2d0330", Moment(4102457399_000_000, -210)),
        ("recipientAddress", "a30b" "a009" "8107" "916831980000f1", Address("msisdn", "86138900001", -1, 0x91)),
        ("recipientAddress", "a30f" "a008" "8106" "683198000012" "a1030a0101", Address("msisdn", "861389000021", 1, 0)),
        ("recipientAddress", "a308" "a003" "820131" "810102", Address("short", "1", 2, 0x91)),
        ("recipientMmsRSAddress", "a109" "800161" "a204" "82026d6d", Relay("a", "mm")),
        ("recipientMmsRSAddress", "a108" "a206" "8004" "0aff0014", Relay("", "10.255.0.20")),
        ("recipientMmsRSAddress", "a100", Relay("", "")),
        ("accessCorrelation", "a40d" "a10b" "a006" "8004" "0a240801" "8101ff", Packet("10.36.8.1", -1)),
        ("recordExtensions", "aa03800100", b"\x80\x01\x00"),
    ],
)  # fmt: skip
def test_values(build: ModuleType, name: str, octets: str, value: object) -> None:
    assert repr(one(build, octets)) == repr(Record(42, {name: value}))


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(
    "octets",
    [
        "8600",  # an integer of no octet
        "8609" + "01" * 9,
        "850100" "850100",  # a field twice
        "a280" "0401" "6d" "0000",  # indefinite length
        "a203" "040161",  # a string in pieces
        "85020000",
        "8809" "010229000000" "2b0000",  # no leap year
        "8809" "000431000000" "2b0000",
        "8809" "00043000000a" "2b0000",
        "8809" "000430000000" "200000",
        "8808" "000430000000" "2b00",
        "a3058003830141",
        "a300",
        "8300",  # plain where a nested value should be
        "a303810141",
        "a306a004" "8102" "1f21",  # a filler within a number
        "a305a003" "830131",  # an address of no kind we know
        "a40c" "a10a" "a005" "8003" "0a2408" "810101",  # three octets of IPv4
        "80012a" "9f",  # nothing behind a tag: the walk answers, whatever the kernel says
    ],
)  # fmt: skip
def test_other_shapes_are_left(build: ModuleType, octets: str) -> None:
    content = bytes.fromhex(octets)
    assert [found for found in read(build, b"\xbf\x2a" + bytes((len(content),)) + content) if found is not None] == []


@pytest.mark.parametrize("build", BUILDS)
def test_what_no_table_knows_is_kept(build: ModuleType) -> None:
    found = one(build, "9f2102abcd80012abf280480020102c100")
    assert found.fields == {"recordType": 42}
    assert found.unknown == (
        Unknown(0x80, 33, False, b"\xab\xcd"), Unknown(0x80, 40, True, bytes.fromhex("80020102")), Unknown(0xC0, 1, False, b""),
    )  # fmt: skip
    assert one(build, "9f2100" * 40) == Record(42, {}, (Unknown(0x80, 33, False, b""),) * 40)
    many = b"\xbf\x2a\x81\xc3" + bytes.fromhex("9f2100") * 65
    assert read(build, many) == [None]


@pytest.mark.parametrize("build", BUILDS)
def test_every_type_is_of_plain_shape(build: ModuleType, seed: int) -> None:
    """But for what our encoder writes of IPv6 addresses."""
    dice = random.Random(seed)
    for tag in table.RECORDS:
        for share in (0.0, 0.5, 1.0):
            given = charging.record(tag, dice, share)
            (found,) = read(build, encode_record(given))
            if "2001:db8" in repr(given):
                assert found is None
            else:
                assert repr(found) == repr(Record(tag, dict(given.fields)))


@pytest.mark.random
def test_kernel_and_specification_and_careful_reader_agree(seed: int, pytestconfig: pytest.Config) -> None:
    dice = random.Random(seed)
    read_whole = 0
    for _ in range(400 * pytestconfig.option.effort):
        data = bytearray(encode_file([charging.record(dice.choice(sorted(table.RECORDS)), dice, dice.random()) for _ in range(3)]))
        for _ in range(dice.randrange(4)):
            place = dice.randrange(len(data))
            match dice.randrange(3):
                case 0:
                    data[place] = dice.randrange(256)
                case 1:
                    data[place] ^= 1 << dice.randrange(8)
                case _:
                    data[place : place + 1] = b""
        expected = read(charging_py, bytes(data))
        for build in BUILDS[1:]:
            assert repr(read(build, bytes(data))) == repr(expected), data.hex()
        for found, (known, faults) in zip(expected, careful(bytes(data)), strict=True):
            if found is not None:
                assert repr(found) == repr(known), data.hex()
                assert not faults, data.hex()
                read_whole += 1
    assert read_whole > 200


def test_the_kernel_keeps_to_its_bounds() -> None:
    for build in BUILDS[1:]:
        row = np.array([[0, 0, 0, 8, 42, 0]], np.int64)
        with pytest.raises(ValueError, match="outside the data"):
            build.read_records(b"\x80\x01", row, FORMS, TYPES)
        with pytest.raises(ValueError, match="rows of a walk"):
            build.read_records(b"\x80\x01", row, FORMS, (Record,))
        with pytest.raises(ValueError, match="NamedTuples"):
            build.read_records(b"\x80\x01", row, FORMS, (dict,) * 10)
        assert build.read_records(b"", row[:, :] * 0, FORMS, TYPES) == [None]


def test_values_die_with_their_records() -> None:
    """Whatever the collector is told not to look at."""
    media = Components(Part("text/plain", 1), (Part("image/jpeg", 2),))
    record = Record(
        41,
        {
            "recordType": 41,
            "mmComponentType": media,
            "timeOfExpiry": Wait(Moment(1795340662_000_000, 480)),
            "recipientAddress": Address("msisdn", "8613900000001"),
            "accessCorrelation": Packet("10.0.0.1", 7),
        },
    )
    data = encode_file([record] * 50)
    decode_file(data)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(20):
        found = decode_file(data)
    assert found.records[-1] == record
    held = found.records[0].fields
    assert isinstance(held, dict)
    held["itself"] = held  # a mapping is the reader's own, whatever he does with it
    del found, held
    gc.collect()
    assert len(gc.get_objects()) <= before + 20
