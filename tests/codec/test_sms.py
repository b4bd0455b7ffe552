"""User data headers: any order, odd elements, pieces as Kannel cuts them."""

from __future__ import annotations

import json

import hypothesis
import hypothesis.strategies as st
import pytest

from mmsd.codec import sms
from mmsd.codec.sms import Concat, Udh
from mmsd.errors import DecodeError, EncodeError

PORTS = Udh(sms.PUSH_PORT, sms.WSP_PORT)


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("0605040b8423f0", PORTS),
        ("0b05040b8423f00003100201", Udh(2948, 9200, Concat(16, 2, 1))),
        ("0c05040b8423f0080410010302", Udh(2948, 9200, Concat(0x1001, 3, 2, wide=True))),
        ("060504c34fc002", Udh(49999, 49154)),
        ("0500032a0201", Udh(concat=Concat(42, 2, 1))),
        ("0470020a0b", Udh(others=((0x70, b"\x0a\x0b"),))),
    ],
)
def test_vector_both_ways(octets, value):
    assert sms.decode_udh(bytes.fromhex(octets)) == value
    assert sms.encode_udh(value).hex() == octets


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("0b000310020105040b8423f0", Udh(2948, 9200, Concat(16, 2, 1))),  # concatenation first
        ("040402f5f6", Udh(0xF5, 0xF6)),  # 8-bit ports
        ("0a00030102010003020202", Udh(concat=Concat(2, 2, 2))),  # twice: the last counts
        ("0500032a0203", Udh(others=((0, b"\x2a\x02\x03"),))),  # third of two: ignored
        ("0500032a0200", Udh(others=((0, b"\x2a\x02\x00"),))),
        ("0405020b84", Udh(others=((5, b"\x0b\x84"),))),
        ("00", Udh()),
    ],
)
def test_looser_headers(octets, value):
    assert sms.decode_udh(bytes.fromhex(octets)) == value


@pytest.mark.parametrize("octets", ["", "05", "0605040b8423", "0605050b8423f0", "0105", "0605040b8423f000"])
def test_broken_header_is_refused(octets):
    with pytest.raises(DecodeError) as caught:
        sms.decode_udh(bytes.fromhex(octets))
    assert caught.value.clause == "TS 23.040 9.2.3.24"


@pytest.mark.parametrize(
    "udh",
    [
        Udh(70000, 1),
        Udh(concat=Concat(256, 2, 1)),
        Udh(concat=Concat(1, 2, 3)),
        Udh(concat=Concat(1, 0, 0)),
        Udh(others=((1, bytes(200)),)),
    ],
)
def test_what_does_not_fit_is_not_written(udh):
    with pytest.raises(EncodeError):
        sms.encode_udh(udh)


def test_pieces_are_kannels(shared):
    for message in json.loads((shared / "samples/kannel/ota/mms-notification-push.json").read_text()):
        whole, segments = bytes.fromhex(message["wsp_pdu"]), message["segments"]
        assert [(header + data).hex() for header, data in sms.split(PORTS, whole, 16)] == segments


@hypothesis.given(st.binary(max_size=2000), st.integers(0, 255))
def test_pieces_join_to_the_whole(data, reference):
    pieces = sms.split(PORTS, data, reference)
    assert b"".join(piece for _, piece in pieces) == data
    assert all(len(header) + len(piece) <= sms.CAPACITY for header, piece in pieces)
    headers = [sms.decode_udh(header) for header, _ in pieces]
    if len(pieces) > 1:
        assert [header.concat for header in headers] == [Concat(reference, len(pieces), n) for n in range(1, len(pieces) + 1)]
    assert {(header.destination, header.source) for header in headers} == {(2948, 9200)}


def test_too_long_for_255_pieces():
    with pytest.raises(EncodeError):
        sms.split(PORTS, bytes(256 * 128), 1)
    with pytest.raises(EncodeError, match="no room"):
        sms.split(Udh(others=((1, bytes(132)),)), bytes(10), 1)


@hypothesis.given(st.binary(max_size=20))
def test_random_octets_give_a_header_or_are_refused(data):
    try:
        udh = sms.decode_udh(data)
    except DecodeError:
        return
    assert isinstance(udh, Udh)
