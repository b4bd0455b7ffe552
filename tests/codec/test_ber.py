"""BER values, and the walk over whole records: its two builds say the same, whatever the bytes."""

from __future__ import annotations

import random
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmsd.codec import ber
from mmsd.codec.cdr import encode_file, encode_record
from mmsd.codec.tables import cdr as table
from mmsd.errors import DecodeError, EncodeError
from mmsd.fast import ber_py
from mmsd.fast.ber_py import BAD_LENGTH, BAD_TAG, CUT_SHORT, DEPTH_LIMIT, RECORD_LIMIT, TOO_DEEP, TOO_LONG, Walk
from tests.codec import charging

BUILDS: list[ModuleType] = [ber_py]
if find_spec("mmsd.fast.ber_c") is not None:
    from mmsd.fast import ber_c

    BUILDS.append(ber_c)

build = pytest.mark.parametrize("build", BUILDS)
A = bytes.fromhex("bf2a0f80012a82024d31a306a004810291f1")


def same(one: Walk, other: Walk) -> None:
    assert (one.consumed, one.skipped) == (other.consumed, other.skipped)
    for name in ("records", "leaves", "faults"):
        assert getattr(one, name).dtype == getattr(other, name).dtype == np.int64
        assert getattr(one, name).shape == getattr(other, name).shape, name
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def by_all(data: bytes, start: int = 0, *, final: bool = True) -> Walk:
    walks = [built.walk(data, start, final) for built in BUILDS]
    for other in walks[1:]:
        same(walks[0], other)
    first: Walk = walks[0]
    return first


# ----------------------------------------------------------------------------------------------------------------- walk


@build
def test_a_record_is_its_primitive_values_and_their_paths(build: ModuleType) -> None:
    walk: Walk = build.walk(A, 0, True)
    assert walk.records.tolist() == [[0, 0, 3, 18, 42, 0]]
    assert walk.leaves.tolist() == [[0, 0x80, 5, 6], [0, 0x82, 8, 10], [0, 0x81_80_83, 16, 18]]
    assert (walk.consumed, walk.skipped, len(walk.faults)) == (18, 0, 0)


@build
@pytest.mark.parametrize("inner", [False, True])
def test_indefinite_length_makes_no_difference(build: ModuleType, inner: bool) -> None:
    content = A[3:]
    if inner:
        content = content[:7] + bytes.fromhex("a380a080810291f100000000")
    data = bytes.fromhex("bf2a80") + content + bytes(2) + A
    walk: Walk = build.walk(data, 0, True)
    assert walk.records[:, ber_py.TAG].tolist() == [42, 42]
    values = [data[start:stop] for _, _, start, stop in walk.leaves.tolist()]
    assert values == [b"\x2a", b"M1", b"\x91\xf1"] * 2
    assert walk.leaves[:3, ber_py.PATH].tolist() == walk.leaves[3:, ber_py.PATH].tolist()


@build
@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("ff30" + A.hex(), BAD_TAG),
        ("41" + A.hex(), BAD_TAG),
        ("bf2a0380052a" + A.hex(), BAD_LENGTH),
        ("bf2a85" + A.hex(), BAD_LENGTH),
        ("bf2a830400012a" + A.hex(), TOO_LONG),
        ("bf2a80800101", CUT_SHORT),
        ("bf2a" + "7f" + A.hex(), CUT_SHORT),
        ("bf2a80" + "a080" * (DEPTH_LIMIT + 1) + "800101" + A.hex(), TOO_DEEP),
        ("bf2a808080" + A.hex(), BAD_LENGTH),
    ],
)
def test_what_breaks_is_a_fault(build: ModuleType, data: str, code: int) -> None:
    walk: Walk = build.walk(bytes.fromhex(data), 0, True)
    assert code in walk.faults[:, ber_py.FAULT].tolist()
    assert walk.consumed == len(data) // 2


@build
def test_a_record_without_end_is_given_up(build: ModuleType) -> None:
    endless = bytes.fromhex("bf2a80") + bytes.fromhex("800101") * (RECORD_LIMIT // 3 + 10)
    walk: Walk = build.walk(endless + A, 0, False)
    assert walk.faults[:, ber_py.FAULT].tolist() == [TOO_LONG]
    assert walk.records[:, ber_py.OFFSET].tolist() == [len(endless)]


@build
def test_the_unfinished_waits(build: ModuleType) -> None:
    for cut in range(1, len(A)):
        walk: Walk = build.walk(A + A[:cut], 0, False)
        assert (walk.consumed, len(walk.records), len(walk.faults)) == (len(A), 1, 0)
        assert build.walk(A + A[:cut], 0, True).consumed == len(A) + cut


@build
@pytest.mark.parametrize(
    "unit", ["8000", "a080", "bf2a80", "bf2a808080", "30800000", "a000", "be80be80", "00f3c22a", "41", "bf1f84ffffffff"]
)
def test_a_megabyte_of_nonsense_is_walked_once(build: ModuleType, unit: str) -> None:
    """Were any of these quadratic, the suite's time-out would tell."""
    data = bytes.fromhex("bf2a80") + bytes.fromhex(unit) * ((1 << 18) // (len(unit) // 2))
    for final in (True, False):
        walk: Walk = build.walk(data, 0, final)
        assert walk.consumed <= len(data)
        assert walk.leaves.nbytes <= 32 * (len(data) // 2 + 1)


@given(st.binary(max_size=400), st.booleans())
@example(bytes.fromhex("00f3c22abe80"), True)
def test_builds_agree_on_any_bytes(data: bytes, final: bool) -> None:
    by_all(data, final=final)


def test_builds_agree_on_damaged_files(seed: int, pytestconfig: pytest.Config) -> None:
    dice = random.Random(seed)
    for _ in range(150 * pytestconfig.option.effort):
        records = [charging.record(tag, dice, 0.4) for tag in dice.choices(sorted(table.RECORDS), k=4)]
        whole = b"".join(encode_record(record, indefinite=dice.random() < 0.5) for record in records)
        data = bytearray(encode_file(records, framed=True) if dice.random() < 0.5 else whole)
        for _ in range(dice.randrange(8)):
            place = dice.randrange(len(data))
            what = dice.randrange(4)
            if what == 0:
                data[place] = dice.randrange(256)
            elif what == 1:
                data[place:place] = dice.choice((b"\0", b"\xff\xff", b"\xbe\x80", b"\xbf\x2a", dice.randbytes(3)))
            elif what == 2:
                del data[place : place + dice.randrange(6)]
            else:
                data[place] = dice.choice((0x00, 0x80, 0x81, 0x82, 0xA0, 0xBF, 0x30, 0xFF))
        by_all(bytes(data), dice.randrange(3), final=dice.random() < 0.5)


# ---------------------------------------------------------------------------------------------------------------- values


@given(st.integers(-(1 << 71), (1 << 71) - 1))
def test_integers_return(value: int) -> None:
    assert ber.decode_integer(ber.encode_integer(value)) == value


@given(st.binary(max_size=60))
def test_an_element_is_found_or_refused(data: bytes) -> None:
    try:
        found = ber.element(data, 0, len(data))
    except DecodeError:
        return
    assert 0 < found.body <= found.stop <= found.after <= len(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "nothing where an element should be"),
        ("bf808080", "tag does not end"),
        ("80", "no length"),
        ("8080", "a primitive value of indefinite length"),
        ("8085", "length too long"),
        ("800101" + "02", ""),
        ("8002" + "01", "a length runs past the end of what holds it"),
        ("a080" * 20, "nested too deeply"),
    ],
)
def test_elements_that_break_say_how(data: str, reason: str) -> None:
    raw = bytes.fromhex(data)
    if not reason:
        assert ber.element(raw, 0, len(raw)).after == 3
        return
    with pytest.raises(DecodeError) as caught:
        ber.element(raw, 0, len(raw))
    assert caught.value.reason == reason


def test_tags_have_limits() -> None:
    with pytest.raises(EncodeError):
        ber.identifier(ber.CONTEXT, 1 << 21)
    for number in (0, 30, 31, 127, 128, (1 << 21) - 1):
        raw = ber.primitive(number, b"x")
        assert ber.element(raw, 0, len(raw)).number == number
