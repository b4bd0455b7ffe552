"""Character sets: IANA MIBenum numbers (WAP-230 table 42) and the Python codec that reads each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ANY: Final = 0  # "*": the sender does not say
ANY_128: Final = 128  # WAP-230 8.4.2.8: any-charset as the octet 128, met as a long integer
ASCII: Final = 3
LATIN_1: Final = 4
UTF_8: Final = 106
UCS_2: Final = 1000
UTF_16: Final = 1015
WIDE: Final = frozenset({1000, 1013, 1014, 1015})
"""Two octets a character."""

CODECS: Final[Mapping[int, str]] = {
    3: "ascii",
    4: "latin-1",
    5: "iso8859-2",
    6: "iso8859-3",
    7: "iso8859-4",
    8: "iso8859-5",
    9: "iso8859-6",
    10: "iso8859-7",
    11: "iso8859-8",
    12: "iso8859-9",
    13: "iso8859-10",
    17: "shift_jis",
    18: "euc_jp",
    37: "iso2022_kr",
    38: "euc_kr",
    39: "iso2022_jp",
    57: "gb18030",  # GB_2312-80, in practice its EUC form
    106: "utf-8",
    109: "iso8859-13",
    110: "iso8859-14",
    111: "iso8859-15",
    112: "iso8859-16",
    113: "gb18030",  # GBK
    114: "gb18030",
    1000: "utf-16",  # ISO-10646-UCS-2: handsets do send surrogates, and byte order marks
    1012: "utf-7",
    1013: "utf-16-be",
    1014: "utf-16-le",
    1015: "utf-16",
    1017: "utf-32",
    1018: "utf-32-be",
    1019: "utf-32-le",
    2025: "gb18030",  # GB2312; GB18030 reads all three
    2026: "big5",
    2084: "koi8-r",
    2085: "hz",
    2101: "big5hkscs",
    2250: "cp1250",
    2251: "cp1251",
    2252: "cp1252",
    2253: "cp1253",
    2254: "cp1254",
    2255: "cp1255",
    2256: "cp1256",
    2257: "cp1257",
    2258: "cp1258",
    2259: "tis_620",
}
"""MIBenum → Python codec. UTF-16 without a byte order mark is read by guess, see `codec.text`."""

PREFERRED: Final[Mapping[int, str]] = {
    0: "*", 3: "us-ascii", 4: "iso-8859-1", 5: "iso-8859-2", 6: "iso-8859-3", 7: "iso-8859-4", 8: "iso-8859-5", 9: "iso-8859-6",
    10: "iso-8859-7", 11: "iso-8859-8", 12: "iso-8859-9", 13: "iso-8859-10", 17: "shift_jis", 18: "euc-jp", 37: "iso-2022-kr", 38: "euc-kr",
    39: "iso-2022-jp", 57: "gb_2312-80", 106: "utf-8", 109: "iso-8859-13", 110: "iso-8859-14", 111: "iso-8859-15", 112: "iso-8859-16",
    113: "gbk", 114: "gb18030", 128: "*", 1000: "iso-10646-ucs-2", 1012: "utf-7", 1013: "utf-16be", 1014: "utf-16le", 1015: "utf-16",
    1017: "utf-32", 1018: "utf-32be", 1019: "utf-32le", 2025: "gb2312", 2026: "big5", 2084: "koi8-r", 2085: "hz-gb-2312",
    2101: "big5-hkscs", 2250: "windows-1250", 2251: "windows-1251", 2252: "windows-1252", 2253: "windows-1253", 2254: "windows-1254",
    2255: "windows-1255", 2256: "windows-1256", 2257: "windows-1257", 2258: "windows-1258", 2259: "tis-620",
}  # fmt: skip
"""MIBenum → its name in the IANA registry, in lower case."""

NAMES: Final[Mapping[str, int]] = {name: number for number, name in PREFERRED.items() if name != "*"} | {
    "ascii": 3, "latin1": 4, "utf8": 106, "cp936": 113, "x-gbk": 113, "gb_2312": 2025, "euc-cn": 2025, "ucs-2": 1000, "unicode": 1000,
    "sjis": 17, "ks_c_5601-1987": 38,
}  # fmt: skip
"""Name, or another that handsets write, in lower case → MIBenum."""
