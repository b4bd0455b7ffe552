"""SMS user data headers (3GPP TS 23.040 9.2.3.24): ports and concatenation, in any order, with whatever stands between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from mmsd.errors import DecodeError, EncodeError

CONCAT_8: Final = 0x00  # 9.2.3.24.1
PORTS_8: Final = 0x04  # 9.2.3.24.3
PORTS_16: Final = 0x05  # 9.2.3.24.4
CONCAT_16: Final = 0x08  # 9.2.3.24.8

PUSH_PORT: Final = 2948  # WAP-259 6.5: connectionless, not secure
WSP_PORT: Final = 9200
OTA_PORT: Final = 49999  # Nokia/Ericsson OTA settings

CAPACITY: Final = 140  # octets of TP-User-Data


@dataclass(frozen=True, slots=True)
class Concat:
    """This piece's place: `sequence` of `total`, both from 1; `wide`: the reference has 16 bits."""

    reference: int
    total: int
    sequence: int
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Udh:
    """What a user data header says. `others` keeps every element not understood: (identifier, its octets)."""

    destination: int = 0  # port; 0 = none
    source: int = 0
    concat: Concat | None = None
    others: tuple[tuple[int, bytes], ...] = ()


def decode_udh(udh: bytes) -> Udh:
    """A header with its length octet in front. A repeated element: the last one counts (9.2.3.24). DecodeError when one runs past the end.

    >>> decode_udh(bytes.fromhex("0b05040b8423f00003100201"))
    Udh(destination=2948, source=9200, concat=Concat(reference=16, total=2, sequence=1, wide=False), others=())
    """
    if not udh or udh[0] + 1 != len(udh):
        raise DecodeError("header length and octets disagree", offset=0, clause="TS 23.040 9.2.3.24")
    destination = source = 0
    concat: Concat | None = None
    others: list[tuple[int, bytes]] = []
    at = 1
    while at < len(udh):
        if at + 2 > len(udh) or at + 2 + udh[at + 1] > len(udh):
            raise DecodeError("element runs past the end", offset=at, clause="TS 23.040 9.2.3.24")
        identifier, value = udh[at], udh[at + 2 : at + 2 + udh[at + 1]]
        match identifier, len(value):
            case (0x05, 4):
                destination, source = value[0] << 8 | value[1], value[2] << 8 | value[3]
            case (0x04, 2):
                destination, source = value
            case (0x00, 3) if _in_order(value[2], value[1]):
                concat = Concat(value[0], value[1], value[2])
            case (0x08, 4) if _in_order(value[3], value[2]):
                concat = Concat(value[0] << 8 | value[1], value[2], value[3], wide=True)
            case _:
                others.append((identifier, value))
        at += 2 + len(value)
    return Udh(destination, source, concat, tuple(others))


def _in_order(sequence: int, total: int) -> bool:
    """Else the receiver ignores the element (9.2.3.24.1)."""
    return 0 < sequence <= total


def encode_udh(udh: Udh) -> bytes:
    """Ports, then concatenation, then the others: the order in which Kannel writes them. EncodeError for what does not fit.

    >>> encode_udh(Udh(PUSH_PORT, WSP_PORT)).hex()
    '0605040b8423f0'
    """
    octets = bytearray(1)
    if udh.destination or udh.source:
        if not (0 <= udh.destination <= 0xFFFF and 0 <= udh.source <= 0xFFFF):
            raise EncodeError("a port has 16 bits")
        octets += bytes((PORTS_16, 4)) + udh.destination.to_bytes(2, "big") + udh.source.to_bytes(2, "big")
    if udh.concat is not None:
        concat = udh.concat
        size = 2 if concat.wide else 1
        if not (0 <= concat.reference < 1 << 8 * size and 0 < concat.sequence <= concat.total <= 255):
            raise EncodeError(f"no such place in a concatenated message: {concat}")
        octets += bytes((CONCAT_16 if concat.wide else CONCAT_8, 2 + size)) + concat.reference.to_bytes(size, "big")
        octets += bytes((concat.total, concat.sequence))
    for identifier, value in udh.others:
        octets += bytes((identifier, len(value))) + value
    if len(octets) > CAPACITY:
        raise EncodeError(f"a user data header of {len(octets)} octets fills the message")
    octets[0] = len(octets) - 1
    return bytes(octets)


def split(udh: Udh, data: bytes, reference: int) -> list[tuple[bytes, bytes]]:
    """8-bit user data as one SMS, or as many with an 8-bit concatenation element each: (header, data). EncodeError above 255 pieces.

    >>> [len(header) + len(data) for header, data in split(Udh(PUSH_PORT, WSP_PORT), bytes(150), 16)]
    [140, 34]
    """
    header = encode_udh(udh)
    if len(header) + len(data) <= CAPACITY:
        return [(header, data)]
    room = CAPACITY - len(header) - 5  # of the concatenation element
    if room < 1:
        raise EncodeError("the header leaves no room for data")
    total = -(-len(data) // room)
    pieces = []
    for sequence in range(1, total + 1):
        header = encode_udh(replace(udh, concat=Concat(reference, total, sequence)))
        pieces.append((header, data[(sequence - 1) * room : sequence * room]))
    return pieces
