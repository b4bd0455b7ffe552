"""Random octets, and vectors with octets changed: a value or DecodeError with its place and clause, nothing else."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import hypothesis
import hypothesis.strategies as st
import pytest

from mmsd.codec import mms, multipart, push, smil, sms, wsp
from mmsd.errors import DecodeError
from tests.codec.pdus import PDUS

DECODERS: list[Callable[[bytes], object]] = [
    mms.decode,
    mms.walk,
    push.decode_push,
    lambda data: push.decode_push(data[7:], data[:7]),
    sms.decode_udh,
    lambda data: wsp.decode_content_type(data, 0, len(data)),
    lambda data: wsp.skip_value(data, 0),
    wsp.decode_push_pdu,
    lambda data: wsp.decode_header(data, 0, len(data)),
    lambda data: multipart.decode(data, 0, len(data)),
    smil.decode,
    mms.show,
    push.show,
]

FRAME = bytes.fromhex("010603beaf84")
WHOLE = [bytes.fromhex(octets) for _, octets, _, _ in PDUS]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good PDU, bare or in a push, with some octets changed, cut out or put in."""
    data = bytearray(draw(st.sampled_from([b"", FRAME])) + draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(data)


def value_or_refusal(decode: Callable[[bytes], object], data: bytes) -> None:
    refusals: tuple[DecodeError, ...] = ()
    try:
        value = decode(data)
    except DecodeError as refusal:
        refusals = (refusal,)
    else:
        refusals = getattr(value, "faults", ())
        assert not isinstance(value, push.Push) or isinstance(value.title, str)
    assert all(refusal.clause and 0 <= refusal.offset <= len(data) for refusal in refusals)


@pytest.mark.parametrize("decode", DECODERS, ids=range(len(DECODERS)))
@hypothesis.given(data=st.binary(max_size=120))
def test_random_octets(decode, data):
    value_or_refusal(decode, data)


@pytest.mark.parametrize("decode", [mms.decode, push.decode_push, mms.show, push.show], ids=["mms", "push", "mms shown", "push shown"])
@hypothesis.given(data=damaged())
def test_damaged_pdus(decode, data):
    value_or_refusal(decode, data)


@pytest.mark.parametrize("whole", WHOLE)
def test_every_octet_changed(whole):
    for place in range(len(whole)):
        for octet in (0x00, 0x01, 0x1E, 0x1F, 0x20, 0x7F, 0x80, 0xFF):
            data = whole[:place] + bytes((octet,)) + whole[place + 1 :]
            value_or_refusal(mms.decode, data)
            value_or_refusal(push.decode_push, FRAME + data)


@pytest.mark.parametrize("filler", [b"\0", b"\x1f", b"\x80", b"\x96\x80", b"\x96\x80\0", b"\x97A\0", b"X\0\x80", b"\x96\x10", b"\xff\x80"])
def test_a_megabyte_of_anything_costs_little(filler):
    """Fields and faults are bounded; no step goes back over what another has read."""
    data = b"\x8c\x80" + filler * ((1 << 20) // len(filler))
    walked = mms.walk(data)
    assert len(walked.fields) <= 10_000
    assert len(walked.faults) <= 10_001
    value_or_refusal(mms.decode, data)


HEADS = {
    "PDU": "8c80",
    "subject": "8c8596",
    "long subject": "8c85961fbfff7080",
    "text": "8c848483",
    "entries": "8c8484a38fff7f",
    "one entry's headers": "8c8484a301bfff000083",
    "parameters": "8c84841fbfff70a3",
    "push headers": "0106bfff70be",
}


@pytest.mark.parametrize("filler", [b"\0", b"\x8ea\0", b"\x01\0\x83"])
@pytest.mark.parametrize("head", HEADS)
def test_a_megabyte_is_shown_in_little_memory(head, filler):
    """Less than 50 MiB over the megabyte itself; lines, parts, headers and faults are bounded."""
    start = bytes.fromhex(HEADS[head])
    data = (start + filler * ((1 << 20) // len(filler)))[: 1 << 20]
    tracemalloc.start()
    try:
        for show in (mms.show, push.show):
            value_or_refusal(show, data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50 << 20
