"""MMS PDUs (OMA-TS-MMS-ENC-V1_3): the walk over their headers."""

from __future__ import annotations

from typing import NamedTuple

from mmsd.codec import wsp
from mmsd.codec.tables import charsets
from mmsd.codec.tables import mms as table
from mmsd.errors import DecodeError, EncodeError

CLAUSE = "OMA-MMS-ENC 7.1"


class Walk(NamedTuple):
    """Where the header fields of a PDU stand: (code, start, stop) of each value, code 0 for a header given by name."""

    fields: list[tuple[int, int, int]]
    body_at: int
    faults: tuple[DecodeError, ...]  # survived: read as well as could be


def walk(data: bytes, at: int = 0) -> Walk:
    """Finds the header fields from `at` up to Content-Type, the last one, or the end. Never raises: a fault that hides where the next
    field begins ends the walk there.

    >>> walk(bytes.fromhex("8c82985430008d90")).fields
    [(140, 1, 2), (152, 3, 6), (141, 7, 8)]
    """
    fields: list[tuple[int, int, int]] = []
    append = fields.append
    texts, content_type = table.TEXT_FIELDS, table.CONTENT_TYPE
    end = len(data)
    faults: tuple[DecodeError, ...] = ()
    try:
        while at < end:
            code = data[at]
            start = at + 1
            if code < 0x80:  # a header by its name: two text strings
                code, start = 0, at
                stop = wsp.skip_value(data, wsp.decode_text(data, at)[1])
            else:
                first = data[start]
                if 0x1F < first < 0x80:
                    stop = data.index(0, start) + 1
                elif first > 0x7F:
                    stop = start + 1
                    if code in texts:  # the sender left out the Quote before a text in another character set
                        stop = data.index(0, start) + 1
                        faults += (DecodeError("text without its quote", offset=start, clause="WAP-230 8.4.2.1"),)
                else:
                    length, stop = wsp.decode_length(data, start)
                    stop += length
                    if code in texts and length and (stop > end or data[stop - 1]):
                        stop = data.index(0, start) + 1  # no length but a control octet, half of a character
                        faults += (DecodeError("text begins with a control octet", offset=start, clause="WAP-230 8.4.2.1"),)
                    elif stop > end:
                        faults += (DecodeError("value runs past the end", offset=start, clause=CLAUSE),)
                        break
            append((code, start, stop))
            at = stop
            if code == content_type:
                break
    except (IndexError, ValueError):
        faults += (DecodeError("header is cut short", offset=at, clause=CLAUSE),)
    except DecodeError as fault:
        faults += (fault,)
    return Walk(fields, at, faults)


def encoded_string(data: bytes, start: int, stop: int) -> tuple[bytes, int]:
    """An Encoded-string-value (7.3.19) at [start, stop) as (text without NUL, MIBenum; 0 = none given). Never raises.

    >>> encoded_string(bytes.fromhex("05eae4b8ad00"), 0, 6)
    (b'\\xe4\\xb8\\xad', 106)
    """
    charset = 0
    if data[start] < 0x20 and stop - start > 1:
        try:
            at = wsp.decode_length(data, start)[1]
            charset, at = wsp.decode_integer(data, at)
        except DecodeError:
            charset = 0
        else:
            start = at
    if start < stop and data[start] == 0x7F:
        start += 1
    if start < stop and not data[stop - 1] and not (charset in charsets.WIDE and (stop - start) % 2 == 0):
        stop -= 1  # the NUL; of an even number of UTF-16 octets the last is half of a character
    return data[start:stop], charset


def integer(data: bytes, start: int, stop: int) -> int:
    """An Integer-value at [start, stop); −1 when it is none. Never raises.

    >>> integer(b"\\x02\\x28\\x00", 0, 3), integer(b"ten\\0", 0, 4)
    (10240, -1)
    """
    first = data[start]
    if first >= 0x80:
        return first & 0x7F
    if first < 0x1F and stop > start + 1:
        return int.from_bytes(data[start + 1 : stop], "big")
    return -1


def from_address(data: bytes, start: int, stop: int) -> bytes:
    """The address of a From value (7.3.12); empty for insert-address and for a value that holds none. Never raises.

    >>> from_address(bytes.fromhex("0480312f00"), 0, 5)
    b'1/'
    """
    if data[start] < 0x1F:
        at = start + 1
    elif data[start] == 0x1F:
        at = wsp.decode_length(data, start)[1]
    else:
        return encoded_string(data, start, stop)[0]  # no length, no token: seen from hand-made senders
    if at + 1 < stop and data[at] == table.ADDRESS_PRESENT:
        return encoded_string(data, at + 1, stop)[0]
    return b""


def expiry(data: bytes, start: int, stop: int) -> tuple[int, int]:
    """An X-Mms-Expiry value (7.3.10) as (absolute seconds since 1970, relative seconds), −1 for the one not given. Never raises.

    >>> expiry(bytes.fromhex("05810303f480"), 0, 6)
    (-1, 259200)
    """
    if data[start] < 0x1F and stop > start + 2:
        token, seconds = data[start + 1], integer(data, start + 2, stop)
        if token == table.RELATIVE:
            return -1, seconds
        if token == table.ABSOLUTE:
            return seconds, -1
    return -1, -1


def encode_string(raw: bytes, charset: int = 0) -> bytes:
    """An Encoded-string-value (7.3.19): bare octets, or with their MIBenum. EncodeError for what it cannot carry.

    >>> encode_string(b"Seed"), encode_string(b"\\xe4\\xb8\\xad", 106).hex()
    (b'Seed\\x00', '05eae4b8ad00')
    """
    if not charset:
        return wsp.encode_text(raw)
    value = wsp.encode_integer(charset) + raw + b"\0"
    return wsp.encode_length(len(value)) + value


def encode_from(address: bytes) -> bytes:
    """The whole From field for an address.

    >>> encode_from(b"1/").hex()
    '890480312f00'
    """
    value = bytes((table.ADDRESS_PRESENT,)) + wsp.encode_text(address)
    return bytes((table.FROM,)) + wsp.encode_length(len(value)) + value


def encode_expiry(absolute: int = -1, relative: int = -1) -> bytes:
    """An X-Mms-Expiry value; exactly one of the two is given, else EncodeError.

    >>> encode_expiry(relative=259200).hex()
    '05810303f480'
    """
    if (absolute < 0) == (relative < 0):
        raise EncodeError("an expiry is either absolute or relative")
    value = bytes((table.RELATIVE if absolute < 0 else table.ABSOLUTE,)) + wsp.encode_long(max(absolute, relative))
    return wsp.encode_length(len(value)) + value
