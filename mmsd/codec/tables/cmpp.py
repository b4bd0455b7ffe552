"""Numbers and layouts of CMPP 2.0 and 3.0 (China Mobile Peer to Peer), chapter 8 of each specification."""

from __future__ import annotations

from typing import Final

HEADER: Final = 12  # octets: Total_Length, Command_Id, Sequence_Id
MAX_SEQUENCE: Final = 0xFFFFFFFF
RESPONSE: Final = 0x80000000
VERSION_2: Final = 0x20
VERSION_3: Final = 0x30

# --------------------------------------------------------------------------------------------------------- Command_Id

CONNECT: Final = 0x01
TERMINATE: Final = 0x02
SUBMIT: Final = 0x04
DELIVER: Final = 0x05
QUERY: Final = 0x06
CANCEL: Final = 0x07
ACTIVE_TEST: Final = 0x08
FORWARD: Final = 0x09

_REQUESTS: Final = {
    CONNECT: "CMPP_CONNECT", TERMINATE: "CMPP_TERMINATE", SUBMIT: "CMPP_SUBMIT", DELIVER: "CMPP_DELIVER", QUERY: "CMPP_QUERY",
    CANCEL: "CMPP_CANCEL", ACTIVE_TEST: "CMPP_ACTIVE_TEST", FORWARD: "CMPP_FWD", 0x10: "CMPP_MT_ROUTE", 0x11: "CMPP_MO_ROUTE",
    0x12: "CMPP_GET_MT_ROUTE", 0x13: "CMPP_MT_ROUTE_UPDATE", 0x14: "CMPP_MO_ROUTE_UPDATE", 0x15: "CMPP_PUSH_MT_ROUTE_UPDATE",
    0x16: "CMPP_PUSH_MO_ROUTE_UPDATE", 0x17: "CMPP_GET_MO_ROUTE",
}  # fmt: skip
NAMES: Final = _REQUESTS | {RESPONSE | command: f"{name}_RESP" for command, name in _REQUESTS.items()}

# ------------------------------------------------------------------------------------- fields, in order: name, kind, octets

TEXT: Final = "text"  # octet string, filled with NUL on the right
NUMBER: Final = "number"
OCTETS: Final = "octets"
TERMINALS: Final = "terminals"  # DestUsr_tl numbers of so many octets each; their count stands before
CONTENT: Final = "content"  # Msg_Length, Msg_Content

Layout = tuple[tuple[str, str, int, int], ...]
"""(name, kind, octets in 2.0, octets in 3.0); 0 = not in that version."""

LAYOUTS: Final[dict[str, Layout]] = {
    "Connect": (("source_addr", TEXT, 6, 6), ("authenticator", OCTETS, 16, 16), ("version", NUMBER, 1, 1), ("timestamp", NUMBER, 4, 4)),
    "ConnectAnswer": (("status", NUMBER, 1, 4), ("authenticator", OCTETS, 16, 16), ("version", NUMBER, 1, 1)),
    "Submit": (
        ("msg_id", NUMBER, 8, 8), ("pk_total", NUMBER, 1, 1), ("pk_number", NUMBER, 1, 1), ("registered_delivery", NUMBER, 1, 1),
        ("msg_level", NUMBER, 1, 1), ("service_id", TEXT, 10, 10), ("fee_user_type", NUMBER, 1, 1), ("fee_terminal", TEXT, 21, 32),
        ("fee_terminal_type", NUMBER, 0, 1), ("tp_pid", NUMBER, 1, 1), ("tp_udhi", NUMBER, 1, 1), ("msg_fmt", NUMBER, 1, 1),
        ("msg_src", TEXT, 6, 6), ("fee_type", TEXT, 2, 2), ("fee_code", TEXT, 6, 6), ("valid_time", TEXT, 17, 17),
        ("at_time", TEXT, 17, 17),
        ("source", TEXT, 21, 21), ("destinations", TERMINALS, 21, 32), ("destination_type", NUMBER, 0, 1),
        ("content", CONTENT, 1, 1), ("reserve", TEXT, 8, 0), ("link_id", TEXT, 0, 20),
    ),
    "SubmitAnswer": (("msg_id", NUMBER, 8, 8), ("result", NUMBER, 1, 4)),
    "Deliver": (
        ("msg_id", NUMBER, 8, 8), ("destination", TEXT, 21, 21), ("service_id", TEXT, 10, 10), ("tp_pid", NUMBER, 1, 1),
        ("tp_udhi", NUMBER, 1, 1), ("msg_fmt", NUMBER, 1, 1), ("source", TEXT, 21, 32), ("source_type", NUMBER, 0, 1),
        ("registered_delivery", NUMBER, 1, 1), ("content", CONTENT, 1, 1), ("reserve", TEXT, 8, 0), ("link_id", TEXT, 0, 20),
    ),
    "DeliverAnswer": (("msg_id", NUMBER, 8, 8), ("result", NUMBER, 1, 4)),
    "Query": (("time", TEXT, 8, 8), ("query_type", NUMBER, 1, 1), ("query_code", TEXT, 10, 10), ("reserve", TEXT, 8, 8)),
    "QueryAnswer": (
        ("time", TEXT, 8, 8), ("query_type", NUMBER, 1, 1), ("query_code", TEXT, 10, 10), ("mt_tlmsg", NUMBER, 4, 4),
        ("mt_tlusr", NUMBER, 4, 4), ("mt_scs", NUMBER, 4, 4), ("mt_wt", NUMBER, 4, 4), ("mt_fl", NUMBER, 4, 4), ("mo_scs", NUMBER, 4, 4),
        ("mo_wt", NUMBER, 4, 4), ("mo_fl", NUMBER, 4, 4),
    ),
    "Cancel": (("msg_id", NUMBER, 8, 8),),
    "CancelAnswer": (("success_id", NUMBER, 1, 4),),
    "ActiveTestAnswer": (("reserved", NUMBER, 1, 1),),
    "Report": (
        ("msg_id", NUMBER, 8, 8), ("stat", TEXT, 7, 7), ("submit_time", TEXT, 10, 10), ("done_time", TEXT, 10, 10),
        ("destination", TEXT, 21, 32), ("smsc_sequence", NUMBER, 4, 4),
    ),
}  # fmt: skip

BODIES: Final = {
    CONNECT: "Connect", RESPONSE | CONNECT: "ConnectAnswer", SUBMIT: "Submit", RESPONSE | SUBMIT: "SubmitAnswer",
    DELIVER: "Deliver", RESPONSE | DELIVER: "DeliverAnswer", QUERY: "Query", RESPONSE | QUERY: "QueryAnswer",
    CANCEL: "Cancel", RESPONSE | CANCEL: "CancelAnswer", RESPONSE | ACTIVE_TEST: "ActiveTestAnswer",
}  # fmt: skip
EMPTY: Final = frozenset({TERMINATE, RESPONSE | TERMINATE, ACTIVE_TEST})

REPORT_2: Final = 60  # octets of a report in Msg_Content
REPORT_3: Final = 71

# ------------------------------------------------------------------------------- Status of CONNECT_RESP, Result of SUBMIT_RESP

CONNECT_STATUSES: Final = (
    "ok", "message structure wrong", "illegal source address", "authentication failed", "version too high", "other error",
)  # fmt: skip

OK: Final = 0
BAD_STRUCTURE: Final = 1
BAD_COMMAND: Final = 2
FLOW_CONTROL: Final = 8
OTHER: Final = 9

RESULTS: Final = (
    "ok", "structure", "command", "duplicate sequence", "length", "fee code", "too long", "service code", "flow control",
    "not served here", "source", "message source", "fee number", "destination",
)  # fmt: skip

# ------------------------------------------------------------------------------------------------------------ Msg_Fmt

ASCII: Final = 0
CARD: Final = 3
BINARY: Final = 4
UCS2: Final = 8
GBK: Final = 15

CHARSETS: Final = {ASCII: "ascii", UCS2: "utf-16-be", GBK: "gb18030"}

# ------------------------------------- Stat of a report: SMPP's words, or a gateway's prefix and the code of the centre behind it

PREFIXES: Final = {
    b"MI:": "EXPIRED", b"MJ:": "DELETED", b"MK:": "UNDELIV", b"ML:": "ACCEPTD", b"MM:": "UNKNOWN", b"MN:": "REJECTD",
}  # fmt: skip
WORDS: Final = ("DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD")

# ----------------------------------------------------------------------------------------- what the numbers of a message mean

WORDS_OF: Final[dict[str, dict[int, str]]] = {
    "registered_delivery": {0: "no report", 1: "report wanted", 2: "for charging alone"},
    "fee_user_type": {0: "the receiver pays", 1: "the sender pays", 2: "the service provider pays", 3: "fee_terminal pays"},
    "tp_udhi": {1: "user data header"},
    "msg_fmt": {ASCII: "ASCII", CARD: "written to the card", BINARY: "octets", UCS2: "UCS-2", GBK: "GBK"},
    "fee_terminal_type": {0: "number", 1: "pseudonym"},
    "destination_type": {0: "number", 1: "pseudonym"},
    "source_type": {0: "number", 1: "pseudonym"},
    "status": dict(enumerate(CONNECT_STATUSES)),
    "result": dict(enumerate(RESULTS)),
    "success_id": {0: "done", 1: "failed"},
    "query_type": {0: "all", 1: "by service"},
}
IS_REPORT: Final = {0: "message", 1: "status report"}
"""Registered_Delivery of a DELIVER."""

FEE_TYPES: Final = {b"01": "free", b"02": "by message", b"03": "by month", b"04": "by month, capped", b"05": "the service provider pays"}
