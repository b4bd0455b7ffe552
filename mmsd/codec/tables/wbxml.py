"""Numbers of WBXML (WAP-192-WBXML-20010725), and the shape of a language's token tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

# ------------------------------------------------------------------------------------------------------- 7.1 global tokens

SWITCH_PAGE: Final = 0x00
END: Final = 0x01
ENTITY: Final = 0x02
STR_I: Final = 0x03
LITERAL: Final = 0x04
EXT_I: Final = frozenset({0x40, 0x41, 0x42})  # followed by an inline string
PI: Final = 0x43
EXT_T: Final = frozenset({0x80, 0x81, 0x82})  # followed by an integer
STR_T: Final = 0x83
EXT: Final = frozenset({0xC0, 0xC1, 0xC2})  # alone
OPAQUE: Final = 0xC3

HAS_CONTENT: Final = 0x40  # 5.8.2: bits of a tag
HAS_ATTRIBUTES: Final = 0x80
TAG: Final = 0x3F
VALUE: Final = 0x80  # 5.8.4: an attribute token from here on is a value, below it the start of an attribute

# ---------------------------------------------------------------------------------------------- 5.4 version, 7.2 public ids

VERSIONS: Final = (0x00, 0x01, 0x02, 0x03)  # 1.0 to 1.3
WITHOUT_CHARSET: Final = 0x00

IN_STRING_TABLE: Final = 0x00
UNKNOWN: Final = 0x01

PUBLIC_IDS: Final[Mapping[int, str]] = {
    0x02: "-//WAPFORUM//DTD WML 1.0//EN",
    0x03: "-//WAPFORUM//DTD WTA 1.0//EN",
    0x04: "-//WAPFORUM//DTD WML 1.1//EN",
    0x05: "-//WAPFORUM//DTD SI 1.0//EN",
    0x06: "-//WAPFORUM//DTD SL 1.0//EN",
    0x07: "-//WAPFORUM//DTD CO 1.0//EN",
    0x08: "-//WAPFORUM//DTD CHANNEL 1.1//EN",
    0x09: "-//WAPFORUM//DTD WML 1.2//EN",
    0x0A: "-//WAPFORUM//DTD WML 1.3//EN",
    0x0B: "-//WAPFORUM//DTD PROV 1.0//EN",
    0x0C: "-//WAPFORUM//DTD WTA-WML 1.2//EN",
    0x0D: "-//WAPFORUM//DTD EMN 1.0//EN",
    0x0E: "-//OMA//DTD DRMREL 1.0//EN",
}


class Language(NamedTuple):
    """One document type's tokens, by code page."""

    public_id: int  # of PUBLIC_IDS, or UNKNOWN
    root: str
    system: str  # where its DTD is said to be; "" = it has none
    tags: Mapping[int, Mapping[int, str]]
    attributes: Mapping[int, Mapping[int, tuple[str, str]]]  # (name, what its value begins with)
    values: Mapping[int, Mapping[int, str]]
    fragments: bool  # value tokens are pieces of longer texts, like "http://www."; otherwise they stand for whole values alone
    moments: frozenset[str] = frozenset()  # attributes that are times of day, in opaque semi-octets
