"""A WBXML document as a value, the languages mmsd has tables for, and times of day."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from mmsd.codec import tree
from mmsd.codec.tables import charsets, ota, provisioning, si
from mmsd.codec.tables import wbxml as table
from mmsd.codec.tables.wbxml import Language
from mmsd.codec.tree import Element, Instruction
from mmsd.errors import DecodeError

LANGUAGES: Final = (provisioning.LANGUAGE, si.SI, si.SL, ota.LANGUAGE)


@dataclass(frozen=True, slots=True)
class Document:
    """A document and how it is written. `public_id` is a number, or text that stands in the string table.

    `strings`: the string table; where they occur in the document, they are referred to. `head`, `tail`: instructions round the root.
    """

    root: Element
    language: Language | None = None  # None: no table; names are "#page-token"
    version: int = 3  # minor: WBXML 1.3
    public_id: int | str = table.UNKNOWN
    charset: int = charsets.UTF_8
    strings: tuple[str, ...] = ()
    head: tuple[Instruction, ...] = ()
    tail: tuple[Instruction, ...] = ()
    faults: tuple[DecodeError, ...] = field(default=(), compare=False)

    def xml(self) -> str:
        """Its text form."""
        name = self.public_id if isinstance(self.public_id, str) else table.PUBLIC_IDS.get(self.public_id)
        system = self.language.system if self.language else ""
        return tree.to_xml(self.root, f'PUBLIC "{name}" "{system}"' if name else "")


def decode_moment(octets: bytes) -> str:
    """A %Datetime (WAP-167 8.2.2): semi-octets of YYYYMMDDhhmmss, zeros at its end left out. "" for what is none.

    >>> decode_moment(bytes.fromhex("19990630"))
    '1999-06-30T00:00:00Z'
    """
    digits = octets.hex().ljust(14, "0")
    if len(digits) != 14 or not digits.isdecimal():
        return ""
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:]}Z"


_MOMENT: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z", re.ASCII)


def encode_moment(moment: str) -> bytes:
    """The octets of a time like "1999-06-25T15:23:15Z"; none for another text.

    >>> encode_moment("1999-06-30T00:00:00Z").hex()
    '19990630'
    """
    found = _MOMENT.fullmatch(moment)
    return bytes.fromhex("".join(found.groups())).rstrip(b"\0") if found else b""
