"""Numbers of Service Indication (WAP-167-SI-20010731, 8) and Service Loading (WAP-168-SL-20010731, 7)."""

from __future__ import annotations

from typing import Final

from mmsd.codec.tables.wbxml import Language

_DOMAINS: Final = {0: {0x85: ".com/", 0x86: ".edu/", 0x87: ".net/", 0x88: ".org/"}}

SI: Final = Language(
    public_id=0x05,
    root="si",
    system="http://www.wapforum.org/DTD/si.dtd",
    tags={0: {0x05: "si", 0x06: "indication", 0x07: "info", 0x08: "item"}},
    attributes={
        0: {
            0x05: ("action", "signal-none"),
            0x06: ("action", "signal-low"),
            0x07: ("action", "signal-medium"),
            0x08: ("action", "signal-high"),
            0x09: ("action", "delete"),
            0x0A: ("created", ""),
            0x0B: ("href", ""),
            0x0C: ("href", "http://"),
            0x0D: ("href", "http://www."),
            0x0E: ("href", "https://"),
            0x0F: ("href", "https://www."),
            0x10: ("si-expires", ""),
            0x11: ("si-id", ""),
            0x12: ("class", ""),
        }
    },
    values=_DOMAINS,
    fragments=True,
    moments=frozenset({"created", "si-expires"}),
)

SL: Final = Language(
    public_id=0x06,
    root="sl",
    system="http://www.wapforum.org/DTD/sl.dtd",
    tags={0: {0x05: "sl"}},
    attributes={
        0: {
            0x05: ("action", "execute-low"),
            0x06: ("action", "execute-high"),
            0x07: ("action", "cache"),
            0x08: ("href", ""),
            0x09: ("href", "http://"),
            0x0A: ("href", "http://www."),
            0x0B: ("href", "https://"),
            0x0C: ("href", "https://www."),
        }
    },
    values=_DOMAINS,
    fragments=True,
)

SI_MEDIA: Final = "application/vnd.wap.sic"
SL_MEDIA: Final = "application/vnd.wap.slc"

SI_ACTIONS: Final = ("signal-none", "signal-low", "signal-medium", "signal-high", "delete")
SL_ACTIONS: Final = ("execute-low", "execute-high", "cache")
