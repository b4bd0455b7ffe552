"""WBXML (WAP-192-WBXML-20010725), both ways: versions 1.0 to 1.3, of the languages mmsd has tables for; of others, tokens by number.

Tolerant in: what breaks a rule is named in `faults`, and what was read before it is kept. Written again, a document has the octets it
was read from when it was written as Kannel or libwbxml do: shortest tokens, lowest code page first, its own string table.
"""

from mmsd.codec.wbxml.document import LANGUAGES, Document, decode_moment, encode_moment
from mmsd.codec.wbxml.dump import show
from mmsd.codec.wbxml.reader import decode
from mmsd.codec.wbxml.writer import encode

__all__ = ["LANGUAGES", "Document", "decode", "decode_moment", "encode", "encode_moment", "show"]
