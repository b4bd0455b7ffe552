"""GSM 7-bit text (3GPP TS 23.038 6): characters ↔ septets, one an octet, and septets ↔ octets as they are packed on the air.

SMPP and CMPP carry septets unpacked, TPDUs packed; both meet in the unpacked form.
"""

from __future__ import annotations

from typing import Final

from mmsd.codec.tables import gsm7 as table
from mmsd.errors import EncodeError

_SEPTETS: Final = {char: bytes((septet,)) for septet, char in enumerate(table.DEFAULT) if septet != table.ESCAPE} | {
    char: bytes((table.ESCAPE, septet)) for septet, char in table.EXTENSION.items()
}


def decode(septets: bytes) -> str:
    """Text of septets, one an octet; an octet above 127 is no septet and reads as U+FFFD. Never raises.

    An escape before what the extension does not know gives that septet's own character, as 6.2.1.1 wants; an escape at the end, a space.

    >>> decode(b"Hi \\x1b\\x65\\x02\\x1bA")
    'Hi €$A'
    """
    text: list[str] = []
    escaped = False
    for septet in septets:
        if septet > 0x7F:
            text.append(" " * escaped + "\ufffd")
            escaped = False
        elif escaped:
            text.append(table.EXTENSION.get(septet) or (" " if septet == table.ESCAPE else table.DEFAULT[septet]))
            escaped = False
        elif septet == table.ESCAPE:
            escaped = True
        else:
            text.append(table.DEFAULT[septet])
    return "".join(text) + " " * escaped


def encode(text: str) -> bytes:
    """Septets of `text`, one an octet; two for a character of the extension. EncodeError for a character that is in neither table.

    >>> encode("[€]").hex()
    '1b3c1b651b3e'
    """
    try:
        return b"".join([_SEPTETS[char] for char in text])
    except KeyError as missing:
        raise EncodeError(f"GSM 7-bit has no U+{ord(missing.args[0]):04X}") from None


def fits(text: str) -> bool:
    """Whether GSM 7-bit has all of its characters.

    >>> fits("Grüße {1}"), fits("端午")
    (True, False)
    """
    return all(char in _SEPTETS for char in text)


def pack(septets: bytes, fill: int = 0) -> bytes:
    """Octets of septets (6.1.2.1), behind `fill` (0 … 6) zero bits.

    >>> pack(b"hello").hex(), pack(b"\\x41", fill=1).hex()
    ('e8329bfd06', '82')
    """
    octets = bytearray()
    held, bits = 0, fill
    for septet in septets:
        held |= (septet & 0x7F) << bits
        bits += 7
        if bits >= 8:
            octets.append(held & 0xFF)
            held >>= 8
            bits -= 8
    if bits:
        octets.append(held)
    return bytes(octets)


def unpack(octets: bytes, count: int, fill: int = 0) -> bytes:
    """The first `count` septets of `octets`, or as many as are there, one an octet, behind `fill` (0 … 6) bits.

    >>> unpack(bytes.fromhex("e8329bfd06"), 5)
    b'hello'
    """
    septets = bytearray()
    held, bits = (octets[0] >> fill, 8 - fill) if octets else (0, 0)
    for octet in (*octets[1 : count + 1], 0):
        while bits >= 7 and len(septets) < count:
            septets.append(held & 0x7F)
            held >>= 7
            bits -= 7
        held |= octet << bits
        bits += 8
    return bytes(septets)
