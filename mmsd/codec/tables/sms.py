"""Numbers of SMS: 3GPP TS 23.040 (TPDUs, user data headers) and TS 23.038 (data coding)."""

from __future__ import annotations

from typing import Final

# ------------------------------------------------------------------------------------ 23.040 9.2.3.1: TP-MTI, by direction

DELIVER: Final = 0  # to the mobile; from it DELIVER-REPORT
SUBMIT: Final = 1  # from the mobile; to it SUBMIT-REPORT
STATUS_REPORT: Final = 2  # to the mobile; from it COMMAND

# ---------------------------------------------------------------------- 23.040 9.2.3.3: TP-VPF, octets of TP-VP by its value

VALIDITY_SIZE: Final = (0, 7, 1, 7)  # none, enhanced, relative, absolute
RELATIVE: Final = 2
ABSOLUTE: Final = 3

# ---------------------------------------------------------------------------------- 23.040 9.1.2.5: types of number, numbering

UNKNOWN: Final = 0
INTERNATIONAL: Final = 1
NATIONAL: Final = 2
ALPHANUMERIC: Final = 5
ISDN: Final = 1  # numbering plan E.164

DIGITS: Final = "0123456789*#abc"  # 9.1.2.3; 15 fills

# ------------------------------------------------------------------------------ 23.040 9.2.3.15: TP-ST by its highest bits

STATUS_CLASS: Final = {0x00: "completed", 0x20: "still trying", 0x40: "permanent error", 0x60: "temporary error, given up"}

STATUS: Final = {
    0x00: "received", 0x01: "forwarded, not confirmed", 0x02: "replaced",
    0x20: "congestion", 0x21: "receiver busy", 0x22: "no response", 0x23: "service rejected", 0x24: "quality of service",
    0x25: "error in receiver",
    0x40: "remote procedure error", 0x41: "incompatible destination", 0x42: "rejected by receiver", 0x43: "not obtainable",
    0x44: "quality of service", 0x45: "no interworking", 0x46: "validity expired", 0x47: "deleted by sender",
    0x48: "deleted by SC", 0x49: "does not exist",
    0x60: "congestion", 0x61: "receiver busy", 0x62: "no response", 0x63: "service rejected", 0x64: "quality of service",
    0x65: "error in receiver",
}  # fmt: skip

# ------------------------------------------------------------------------------------- 23.040 9.2.3.24: TP-UDH identifiers

ELEMENTS: Final = {
    0x00: "concatenation, 8 bits", 0x01: "message waiting", 0x04: "ports, 8 bits", 0x05: "ports, 16 bits",
    0x06: "SMSC control", 0x07: "source of header", 0x08: "concatenation, 16 bits", 0x09: "WCMP",
    0x0A: "EMS text format", 0x0B: "EMS predefined sound", 0x0C: "EMS sound", 0x0D: "EMS predefined animation",
    0x0E: "EMS large animation", 0x0F: "EMS small animation", 0x10: "EMS large picture", 0x11: "EMS small picture",
    0x12: "EMS variable picture", 0x13: "EMS prompt", 0x14: "EMS extended object", 0x20: "RFC 822 header",
    0x21: "hyperlink", 0x22: "reply address", 0x24: "national single shift", 0x25: "national locking shift",
}  # fmt: skip
LANGUAGES: Final = frozenset({0x24, 0x25})
