"""One PDU of each type as (name, hex, headers, body): written by hand from OMA-TS-MMS-ENC-V1_3, read and written in the tests."""

from __future__ import annotations

from typing import Final

from mmsd.codec.mms import Header, Moment, Previously, Text
from mmsd.codec.tables import charsets
from mmsd.codec.tables import mms as t
from mmsd.codec.wsp import ContentType

T1 = "98543100"  # X-Mms-Transaction-Id: T1

PDUS: Final[list[tuple[str, str, list[Header], bytes]]] = [
    (
        "m-send-req, address to be inserted, UTF-8 subject, related with SMIL",
        "8c80" + T1 + "8d93 850465000000 890181 97 2b383600 82 612d6200 96 06ea7fe4b8ad00 8a80 8f82 8681 9080 87 0581030151 80"
        "84 18 b3 89 6170706c69636174696f6e2f736d696c00 8a 3c733e00 01 01 02 83 6869",
        [
            (t.MESSAGE_TYPE, t.M_SEND_REQ),
            (t.TRANSACTION_ID, b"T1"),
            (t.MMS_VERSION, 0x93),
            (t.DATE, 0x65000000),
            (t.FROM, t.INSERT_ADDRESS),
            (t.TO, Text(b"+86")),
            (t.CC, Text(b"a-b")),
            (t.SUBJECT, Text("中".encode(), charsets.UTF_8)),
            (t.MESSAGE_CLASS, t.PERSONAL),
            (t.PRIORITY, 0x82),
            (t.DELIVERY_REPORT, t.NO),
            (t.READ_REPORT, t.YES),
            (t.DELIVERY_TIME, Moment(86400, relative=True)),
            (
                t.CONTENT_TYPE,
                ContentType("application/vnd.wap.multipart.related", (("type", b"application/smil"), ("start", b"<s>"))),
            ),
        ],
        b"\x01\x01\x02\x83hi",  # one part: text/plain
    ),
    (
        "m-send-conf",
        "8c81" + T1 + "8d90 9280 8b 6d4000",
        [
            (t.MESSAGE_TYPE, t.M_SEND_CONF),
            (t.TRANSACTION_ID, b"T1"),
            (t.MMS_VERSION, 0x90),
            (t.RESPONSE_STATUS, t.OK),
            (t.MESSAGE_ID, b"m@"),
        ],
        b"",
    ),
    (
        "m-notification-ind, UTF-16 subject with its character set, absolute expiry, class by name",
        "8c82" + T1 + "8d92 89 05 80 2b383600 96 0b 0203e8 7ffeff 4e00 4e2d00 8a 636c00 8e 022800 88 06 80 04 65000000 83 682f00",
        [
            (t.MESSAGE_TYPE, t.M_NOTIFICATION_IND),
            (t.TRANSACTION_ID, b"T1"),
            (t.MMS_VERSION, 0x92),
            (t.FROM, Text(b"+86")),
            (t.SUBJECT, Text(b"\xfe\xff\x4e\x00\x4e\x2d", charsets.UCS_2)),
            (t.MESSAGE_CLASS, b"cl"),
            (t.MESSAGE_SIZE, 10240),
            (t.EXPIRY, Moment(0x65000000)),
            (t.CONTENT_LOCATION, b"h/"),
        ],
        b"",
    ),
    (
        "m-notifyresp-ind",
        "8c83" + T1 + "8d90 9583 9181",
        [
            (t.MESSAGE_TYPE, t.M_NOTIFYRESP_IND),
            (t.TRANSACTION_ID, b"T1"),
            (t.MMS_VERSION, 0x90),
            (t.STATUS, t.DEFERRED),
            (t.REPORT_ALLOWED, t.NO),
        ],
        b"",
    ),
    (
        "m-retrieve-conf, forwarded twice, text alone",
        "8c84" + T1 + "8d92 850465000000 a0 05 81 2b383600 a0 05 82 2b383700 a1 06 81 04 65000000 9980 9a 4f4b00 84 83 6869",
        [
            (t.MESSAGE_TYPE, t.M_RETRIEVE_CONF),
            (t.TRANSACTION_ID, b"T1"),
            (t.MMS_VERSION, 0x92),
            (t.DATE, 0x65000000),
            (t.PREVIOUSLY_SENT_BY, Previously(1, Text(b"+86"))),
            (t.PREVIOUSLY_SENT_BY, Previously(2, Text(b"+87"))),
            (t.PREVIOUSLY_SENT_DATE, Previously(1, 0x65000000)),
            (t.RETRIEVE_STATUS, t.OK),
            (t.RETRIEVE_TEXT, Text(b"OK")),
            (t.CONTENT_TYPE, ContentType("text/plain")),
        ],
        b"hi",
    ),
    (
        "m-acknowledge-ind",
        "8c85" + T1 + "8d90 9180",
        [(t.MESSAGE_TYPE, t.M_ACKNOWLEDGE_IND), (t.TRANSACTION_ID, b"T1"), (t.MMS_VERSION, 0x90), (t.REPORT_ALLOWED, t.YES)],
        b"",
    ),
    (
        "m-delivery-ind",
        "8c86 8d90 8b 6d00 97 2b383600 8504 65000000 9581",
        [
            (t.MESSAGE_TYPE, t.M_DELIVERY_IND),
            (t.MMS_VERSION, 0x90),
            (t.MESSAGE_ID, b"m"),
            (t.TO, Text(b"+86")),
            (t.DATE, 0x65000000),
            (t.STATUS, t.RETRIEVED),
        ],
        b"",
    ),
    (
        "m-read-rec-ind",
        "8c87 8d92 8b 6d00 97 2b383600 890181 9b80",
        [
            (t.MESSAGE_TYPE, t.M_READ_REC_IND),
            (t.MMS_VERSION, 0x92),
            (t.MESSAGE_ID, b"m"),
            (t.TO, Text(b"+86")),
            (t.FROM, t.INSERT_ADDRESS),
            (t.READ_STATUS, 0x80),
        ],
        b"",
    ),
    (
        "m-read-orig-ind, From in a character set",
        "8c88 8d92 8b 6d00 97 2b383600 89 07 80 05 ea7fc3a900 8504 65000000 9b81",
        [
            (t.MESSAGE_TYPE, t.M_READ_ORIG_IND),
            (t.MMS_VERSION, 0x92),
            (t.MESSAGE_ID, b"m"),
            (t.TO, Text(b"+86")),
            (t.FROM, Text("é".encode(), charsets.UTF_8)),
            (t.DATE, 0x65000000),
            (t.READ_STATUS, 0x81),
        ],
        b"",
    ),
    (
        "m-forward-req",
        "8c89" + T1 + "8d92 890181 97 2b383600 88 05 81 03 015180 83 682f00",
        [
            (t.MESSAGE_TYPE, t.M_FORWARD_REQ),
            (t.TRANSACTION_ID, b"T1"),
            (t.MMS_VERSION, 0x92),
            (t.FROM, t.INSERT_ADDRESS),
            (t.TO, Text(b"+86")),
            (t.EXPIRY, Moment(86400, relative=True)),
            (t.CONTENT_LOCATION, b"h/"),
        ],
        b"",
    ),
    (
        "m-forward-conf",
        "8c8a" + T1 + "8d92 92e4 93 676f6e6500",
        [
            (t.MESSAGE_TYPE, t.M_FORWARD_CONF),
            (t.TRANSACTION_ID, b"T1"),
            (t.MMS_VERSION, 0x92),
            (t.RESPONSE_STATUS, 0xE4),
            (t.RESPONSE_TEXT, Text(b"gone")),
        ],
        b"",
    ),
]
