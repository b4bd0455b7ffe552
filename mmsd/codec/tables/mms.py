"""Numbers of OMA-TS-MMS-ENC-V1_3: message types, header fields, their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# ------------------------------------------------------------------------------------------- 7.3.30 X-Mms-Message-Type

M_SEND_REQ: Final = 0x80
M_SEND_CONF: Final = 0x81
M_NOTIFICATION_IND: Final = 0x82
M_NOTIFYRESP_IND: Final = 0x83
M_RETRIEVE_CONF: Final = 0x84
M_ACKNOWLEDGE_IND: Final = 0x85
M_DELIVERY_IND: Final = 0x86
M_READ_REC_IND: Final = 0x87
M_READ_ORIG_IND: Final = 0x88
M_FORWARD_REQ: Final = 0x89
M_FORWARD_CONF: Final = 0x8A

TYPES: Final[Mapping[int, str]] = {
    0x80: "m-send-req",
    0x81: "m-send-conf",
    0x82: "m-notification-ind",
    0x83: "m-notifyresp-ind",
    0x84: "m-retrieve-conf",
    0x85: "m-acknowledge-ind",
    0x86: "m-delivery-ind",
    0x87: "m-read-rec-ind",
    0x88: "m-read-orig-ind",
    0x89: "m-forward-req",
    0x8A: "m-forward-conf",
    0x8B: "m-mbox-store-req",
    0x8C: "m-mbox-store-conf",
    0x8D: "m-mbox-view-req",
    0x8E: "m-mbox-view-conf",
    0x8F: "m-mbox-upload-req",
    0x90: "m-mbox-upload-conf",
    0x91: "m-mbox-delete-req",
    0x92: "m-mbox-delete-conf",
    0x93: "m-mbox-descr",
    0x94: "m-delete-req",
    0x95: "m-delete-conf",
    0x96: "m-cancel-req",
    0x97: "m-cancel-conf",
}

# ------------------------------------------------------------------------- 7.4 table 25: header field names, as on the wire

BCC: Final = 0x81
CC: Final = 0x82
CONTENT_LOCATION: Final = 0x83
CONTENT_TYPE: Final = 0x84
DATE: Final = 0x85
DELIVERY_REPORT: Final = 0x86
DELIVERY_TIME: Final = 0x87
EXPIRY: Final = 0x88
FROM: Final = 0x89
MESSAGE_CLASS: Final = 0x8A
MESSAGE_ID: Final = 0x8B
MESSAGE_TYPE: Final = 0x8C
MMS_VERSION: Final = 0x8D
MESSAGE_SIZE: Final = 0x8E
PRIORITY: Final = 0x8F
READ_REPORT: Final = 0x90
REPORT_ALLOWED: Final = 0x91
RESPONSE_STATUS: Final = 0x92
RESPONSE_TEXT: Final = 0x93
SENDER_VISIBILITY: Final = 0x94
STATUS: Final = 0x95
SUBJECT: Final = 0x96
TO: Final = 0x97
TRANSACTION_ID: Final = 0x98
RETRIEVE_STATUS: Final = 0x99
RETRIEVE_TEXT: Final = 0x9A
READ_STATUS: Final = 0x9B
REPLY_CHARGING: Final = 0x9C
REPLY_CHARGING_DEADLINE: Final = 0x9D
REPLY_CHARGING_ID: Final = 0x9E
REPLY_CHARGING_SIZE: Final = 0x9F
PREVIOUSLY_SENT_BY: Final = 0xA0
PREVIOUSLY_SENT_DATE: Final = 0xA1
STORE: Final = 0xA2
MM_STATE: Final = 0xA3
MM_FLAGS: Final = 0xA4
STORE_STATUS: Final = 0xA5
STORE_STATUS_TEXT: Final = 0xA6
STORED: Final = 0xA7
ATTRIBUTES: Final = 0xA8
TOTALS: Final = 0xA9
MBOX_TOTALS: Final = 0xAA
QUOTAS: Final = 0xAB
MBOX_QUOTAS: Final = 0xAC
MESSAGE_COUNT: Final = 0xAD
CONTENT: Final = 0xAE
START: Final = 0xAF
ADDITIONAL_HEADERS: Final = 0xB0
DISTRIBUTION_INDICATOR: Final = 0xB1
ELEMENT_DESCRIPTOR: Final = 0xB2
LIMIT: Final = 0xB3
RECOMMENDED_RETRIEVAL_MODE: Final = 0xB4
RECOMMENDED_RETRIEVAL_MODE_TEXT: Final = 0xB5
STATUS_TEXT: Final = 0xB6
APPLIC_ID: Final = 0xB7
REPLY_APPLIC_ID: Final = 0xB8
AUX_APPLIC_INFO: Final = 0xB9
CONTENT_CLASS: Final = 0xBA
DRM_CONTENT: Final = 0xBB
ADAPTATION_ALLOWED: Final = 0xBC
REPLACE_ID: Final = 0xBD
CANCEL_ID: Final = 0xBE
CANCEL_STATUS: Final = 0xBF

# ---------------------------------------------------------------------------- 7.3: the form of each field's value, and its name

OCTET: Final = "octet"  # one octet from a list below
TEXT: Final = "text"  # Text-string or URI-value
STRING: Final = "string"  # Encoded-string-value: text with its character set
INTEGER: Final = "integer"  # Integer-value or Long-integer
MOMENT: Final = "moment"  # absolute or relative time
FROM_FORM: Final = "from"
CLASS: Final = "class"  # one octet or a token
SENT_BY: Final = "sent by"  # forward count and address
SENT_DATE: Final = "sent date"  # forward count and date
TYPE: Final = "content type"
RAW: Final = "raw"  # mailbox fields: kept as octets

FIELDS: Final[Mapping[int, tuple[str, str]]] = {
    BCC: ("Bcc", STRING),
    CC: ("Cc", STRING),
    CONTENT_LOCATION: ("X-Mms-Content-Location", TEXT),
    CONTENT_TYPE: ("Content-Type", TYPE),
    DATE: ("Date", INTEGER),
    DELIVERY_REPORT: ("X-Mms-Delivery-Report", OCTET),
    DELIVERY_TIME: ("X-Mms-Delivery-Time", MOMENT),
    EXPIRY: ("X-Mms-Expiry", MOMENT),
    FROM: ("From", FROM_FORM),
    MESSAGE_CLASS: ("X-Mms-Message-Class", CLASS),
    MESSAGE_ID: ("Message-ID", TEXT),
    MESSAGE_TYPE: ("X-Mms-Message-Type", OCTET),
    MMS_VERSION: ("X-Mms-MMS-Version", OCTET),
    MESSAGE_SIZE: ("X-Mms-Message-Size", INTEGER),
    PRIORITY: ("X-Mms-Priority", OCTET),
    READ_REPORT: ("X-Mms-Read-Report", OCTET),
    REPORT_ALLOWED: ("X-Mms-Report-Allowed", OCTET),
    RESPONSE_STATUS: ("X-Mms-Response-Status", OCTET),
    RESPONSE_TEXT: ("X-Mms-Response-Text", STRING),
    SENDER_VISIBILITY: ("X-Mms-Sender-Visibility", OCTET),
    STATUS: ("X-Mms-Status", OCTET),
    SUBJECT: ("Subject", STRING),
    TO: ("To", STRING),
    TRANSACTION_ID: ("X-Mms-Transaction-Id", TEXT),
    RETRIEVE_STATUS: ("X-Mms-Retrieve-Status", OCTET),
    RETRIEVE_TEXT: ("X-Mms-Retrieve-Text", STRING),
    READ_STATUS: ("X-Mms-Read-Status", OCTET),
    REPLY_CHARGING: ("X-Mms-Reply-Charging", OCTET),
    REPLY_CHARGING_DEADLINE: ("X-Mms-Reply-Charging-Deadline", MOMENT),
    REPLY_CHARGING_ID: ("X-Mms-Reply-Charging-ID", TEXT),
    REPLY_CHARGING_SIZE: ("X-Mms-Reply-Charging-Size", INTEGER),
    PREVIOUSLY_SENT_BY: ("X-Mms-Previously-Sent-By", SENT_BY),
    PREVIOUSLY_SENT_DATE: ("X-Mms-Previously-Sent-Date", SENT_DATE),
    STORE: ("X-Mms-Store", OCTET),
    MM_STATE: ("X-Mms-MM-State", OCTET),
    MM_FLAGS: ("X-Mms-MM-Flags", RAW),
    STORE_STATUS: ("X-Mms-Store-Status", OCTET),
    STORE_STATUS_TEXT: ("X-Mms-Store-Status-Text", STRING),
    STORED: ("X-Mms-Stored", OCTET),
    ATTRIBUTES: ("X-Mms-Attributes", RAW),
    TOTALS: ("X-Mms-Totals", OCTET),
    MBOX_TOTALS: ("X-Mms-Mbox-Totals", RAW),
    QUOTAS: ("X-Mms-Quotas", OCTET),
    MBOX_QUOTAS: ("X-Mms-Mbox-Quotas", RAW),
    MESSAGE_COUNT: ("X-Mms-Message-Count", INTEGER),
    CONTENT: ("Content", RAW),
    START: ("X-Mms-Start", INTEGER),
    ADDITIONAL_HEADERS: ("Additional-headers", RAW),
    DISTRIBUTION_INDICATOR: ("X-Mms-Distribution-Indicator", OCTET),
    ELEMENT_DESCRIPTOR: ("X-Mms-Element-Descriptor", RAW),
    LIMIT: ("X-Mms-Limit", INTEGER),
    RECOMMENDED_RETRIEVAL_MODE: ("X-Mms-Recommended-Retrieval-Mode", OCTET),
    RECOMMENDED_RETRIEVAL_MODE_TEXT: ("X-Mms-Recommended-Retrieval-Mode-Text", STRING),
    STATUS_TEXT: ("X-Mms-Status-Text", STRING),
    APPLIC_ID: ("X-Mms-Applic-ID", TEXT),
    REPLY_APPLIC_ID: ("X-Mms-Reply-Applic-ID", TEXT),
    AUX_APPLIC_INFO: ("X-Mms-Aux-Applic-Info", TEXT),
    CONTENT_CLASS: ("X-Mms-Content-Class", OCTET),
    DRM_CONTENT: ("X-Mms-DRM-Content", OCTET),
    ADAPTATION_ALLOWED: ("X-Mms-Adaptation-Allowed", OCTET),
    REPLACE_ID: ("X-Mms-Replace-ID", TEXT),
    CANCEL_ID: ("X-Mms-Cancel-ID", TEXT),
    CANCEL_STATUS: ("X-Mms-Cancel-Status", OCTET),
}
"""Field → (name, form of its value)."""

TEXT_FIELDS: Final = frozenset(code for code, (_, form) in FIELDS.items() if form in {TEXT, STRING})
"""Fields whose value always ends with NUL."""

# ----------------------------------------------------------------------------------------------- one-octet values, by clause

INSERT_ADDRESS: Final = 0x81  # 7.3.12 From: the MMSC puts the address in
ADDRESS_PRESENT: Final = 0x80
ABSOLUTE: Final = 0x80  # 7.3.10 X-Mms-Expiry and its like
RELATIVE: Final = 0x81
YES: Final = 0x80
NO: Final = 0x81

PERSONAL: Final = 0x80  # 7.3.27 X-Mms-Message-Class
OK: Final = 0x80  # 7.3.43 X-Mms-Response-Status, 7.3.50 X-Mms-Retrieve-Status

EXPIRED: Final = 0x80  # 7.3.54 X-Mms-Status
RETRIEVED: Final = 0x81
REJECTED: Final = 0x82
DEFERRED: Final = 0x83
UNRECOGNISED: Final = 0x84
INDETERMINATE: Final = 0x85
FORWARDED: Final = 0x86
UNREACHABLE: Final = 0x87

_YES_NO: Final = {YES: "Yes", NO: "No"}

VALUES: Final[Mapping[int, Mapping[int, str]]] = {
    MESSAGE_TYPE: TYPES,
    DELIVERY_REPORT: _YES_NO,
    READ_REPORT: _YES_NO,
    REPORT_ALLOWED: _YES_NO,
    STORE: _YES_NO,
    STORED: _YES_NO,
    TOTALS: _YES_NO,
    QUOTAS: _YES_NO,
    DISTRIBUTION_INDICATOR: _YES_NO,
    DRM_CONTENT: _YES_NO,
    ADAPTATION_ALLOWED: _YES_NO,
    MESSAGE_CLASS: {0x80: "Personal", 0x81: "Advertisement", 0x82: "Informational", 0x83: "Auto"},
    PRIORITY: {0x80: "Low", 0x81: "Normal", 0x82: "High"},
    SENDER_VISIBILITY: {0x80: "Hide", 0x81: "Show"},
    RECOMMENDED_RETRIEVAL_MODE: {0x80: "Manual"},
    CANCEL_STATUS: {0x80: "Cancel-Request-Successfully-Received", 0x81: "Cancel-Request-Corrupted"},
    READ_STATUS: {0x80: "Read", 0x81: "Deleted-without-being-read"},
    REPLY_CHARGING: {0x80: "Requested", 0x81: "Requested-text-only", 0x82: "Accepted", 0x83: "Accepted-text-only"},
    MM_STATE: {0x80: "Draft", 0x81: "Sent", 0x82: "New", 0x83: "Retrieved", 0x84: "Forwarded"},
    CONTENT_CLASS: {
        0x80: "text",
        0x81: "image-basic",
        0x82: "image-rich",
        0x83: "video-basic",
        0x84: "video-rich",
        0x85: "megapixel",
        0x86: "content-basic",
        0x87: "content-rich",
    },
    STATUS: {
        EXPIRED: "Expired",
        RETRIEVED: "Retrieved",
        REJECTED: "Rejected",
        DEFERRED: "Deferred",
        UNRECOGNISED: "Unrecognised",
        INDETERMINATE: "Indeterminate",
        FORWARDED: "Forwarded",
        UNREACHABLE: "Unreachable",
    },
    RESPONSE_STATUS: {
        0x80: "Ok",
        0x81: "Error-unspecified",  # 0x81 to 0x88: version 1.0, still sent
        0x82: "Error-service-denied",
        0x83: "Error-message-format-corrupt",
        0x84: "Error-sending-address-unresolved",
        0x85: "Error-message-not-found",
        0x86: "Error-network-problem",
        0x87: "Error-content-not-accepted",
        0x88: "Error-unsupported-message",
        0xC0: "Error-transient-failure",
        0xC1: "Error-transient-sending-address-unresolved",
        0xC2: "Error-transient-message-not-found",
        0xC3: "Error-transient-network-problem",
        0xC4: "Error-transient-partial-success",
        0xE0: "Error-permanent-failure",
        0xE1: "Error-permanent-service-denied",
        0xE2: "Error-permanent-message-format-corrupt",
        0xE3: "Error-permanent-sending-address-unresolved",
        0xE4: "Error-permanent-message-not-found",
        0xE5: "Error-permanent-content-not-accepted",
        0xE6: "Error-permanent-reply-charging-limitations-not-met",
        0xE7: "Error-permanent-reply-charging-request-not-accepted",
        0xE8: "Error-permanent-reply-charging-forwarding-denied",
        0xE9: "Error-permanent-reply-charging-not-supported",
        0xEA: "Error-permanent-address-hiding-not-supported",
        0xEB: "Error-permanent-lack-of-prepaid",
    },
    RETRIEVE_STATUS: {
        0x80: "Ok",
        0xC0: "Error-transient-failure",
        0xC1: "Error-transient-message-not-found",
        0xC2: "Error-transient-network-problem",
        0xE0: "Error-permanent-failure",
        0xE1: "Error-permanent-service-denied",
        0xE2: "Error-permanent-message-not-found",
        0xE3: "Error-permanent-content-unsupported",
    },
    STORE_STATUS: {
        0x80: "Success",
        0xC0: "Error-transient-failure",
        0xC1: "Error-transient-network-problem",
        0xE0: "Error-permanent-failure",
        0xE1: "Error-permanent-service-denied",
        0xE2: "Error-permanent-message-format-corrupt",
        0xE3: "Error-permanent-message-not-found",
        0xE4: "Error-permanent-mmbox-full",
    },
}
"""Field → value octet → its name."""

# ---------------------------------------------------------------------- 6.1 to 6.7: what each PDU must hold, and what it may

_REPLY: Final = frozenset({REPLY_CHARGING, REPLY_CHARGING_DEADLINE, REPLY_CHARGING_ID, REPLY_CHARGING_SIZE})
_APPLIC: Final = frozenset({APPLIC_ID, REPLY_APPLIC_ID, AUX_APPLIC_INFO})
RECEIVERS: Final = frozenset({TO, CC, BCC})
ADDRESSED: Final = frozenset({M_SEND_REQ, M_FORWARD_REQ})  # one receiver at least

MANDATORY: Final[Mapping[int, frozenset[int]]] = {
    M_SEND_REQ: frozenset({TRANSACTION_ID, MMS_VERSION, FROM, CONTENT_TYPE}),
    M_SEND_CONF: frozenset({TRANSACTION_ID, MMS_VERSION, RESPONSE_STATUS}),
    M_NOTIFICATION_IND: frozenset({TRANSACTION_ID, MMS_VERSION, MESSAGE_CLASS, MESSAGE_SIZE, EXPIRY, CONTENT_LOCATION}),
    M_NOTIFYRESP_IND: frozenset({TRANSACTION_ID, MMS_VERSION, STATUS}),
    M_RETRIEVE_CONF: frozenset({MMS_VERSION, DATE, CONTENT_TYPE}),
    M_ACKNOWLEDGE_IND: frozenset({TRANSACTION_ID, MMS_VERSION}),
    M_DELIVERY_IND: frozenset({MMS_VERSION, MESSAGE_ID, TO, DATE, STATUS}),
    M_READ_REC_IND: frozenset({MMS_VERSION, MESSAGE_ID, TO, FROM, READ_STATUS}),
    M_READ_ORIG_IND: frozenset({MMS_VERSION, MESSAGE_ID, TO, FROM, DATE, READ_STATUS}),
    M_FORWARD_REQ: frozenset({TRANSACTION_ID, MMS_VERSION, FROM, CONTENT_LOCATION}),
    M_FORWARD_CONF: frozenset({TRANSACTION_ID, MMS_VERSION, RESPONSE_STATUS}),
}

OPTIONAL: Final[Mapping[int, frozenset[int]]] = {
    M_SEND_REQ: RECEIVERS | _REPLY | _APPLIC | {
        DATE, SUBJECT, MESSAGE_CLASS, EXPIRY, DELIVERY_TIME, PRIORITY, SENDER_VISIBILITY, DELIVERY_REPORT, READ_REPORT,
        STORE, MM_STATE, MM_FLAGS, CONTENT_CLASS, DRM_CONTENT, ADAPTATION_ALLOWED,
    },
    M_SEND_CONF: frozenset({RESPONSE_TEXT, MESSAGE_ID, CONTENT_LOCATION, STORE_STATUS, STORE_STATUS_TEXT}),
    M_NOTIFICATION_IND: _REPLY | _APPLIC | {
        FROM, SUBJECT, DELIVERY_REPORT, STORED, PRIORITY, DISTRIBUTION_INDICATOR, ELEMENT_DESCRIPTOR,
        RECOMMENDED_RETRIEVAL_MODE, RECOMMENDED_RETRIEVAL_MODE_TEXT, CONTENT_CLASS, DRM_CONTENT, REPLACE_ID,
    },
    M_NOTIFYRESP_IND: frozenset({REPORT_ALLOWED}),
    M_RETRIEVE_CONF: _REPLY | _APPLIC | {
        TRANSACTION_ID, MESSAGE_ID, FROM, TO, CC, SUBJECT, MESSAGE_CLASS, PRIORITY, DELIVERY_REPORT, READ_REPORT, MM_STATE,
        MM_FLAGS, PREVIOUSLY_SENT_BY, PREVIOUSLY_SENT_DATE, RETRIEVE_STATUS, RETRIEVE_TEXT, DISTRIBUTION_INDICATOR,
        CONTENT_CLASS, DRM_CONTENT, REPLACE_ID,
    },
    M_ACKNOWLEDGE_IND: frozenset({REPORT_ALLOWED}),
    M_DELIVERY_IND: _APPLIC | {STATUS_TEXT},
    M_READ_REC_IND: _APPLIC | {DATE},
    M_READ_ORIG_IND: _APPLIC,
    M_FORWARD_REQ: RECEIVERS | _REPLY | {
        DATE, SUBJECT, EXPIRY, DELIVERY_TIME, READ_REPORT, DELIVERY_REPORT, STORE, MM_STATE, MM_FLAGS,
    },
    M_FORWARD_CONF: frozenset({RESPONSE_TEXT, MESSAGE_ID, CONTENT_LOCATION, STORE_STATUS, STORE_STATUS_TEXT}),
}  # fmt: skip

REPEATABLE: Final = RECEIVERS | {PREVIOUSLY_SENT_BY, PREVIOUSLY_SENT_DATE, MM_FLAGS, REPLY_CHARGING_ID}
