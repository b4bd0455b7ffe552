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

# ----------------------------------------------------------------------------------------------- one-octet values, by clause

INSERT_ADDRESS: Final = 0x81  # 7.3.12 From: the MMSC puts the address in
ADDRESS_PRESENT: Final = 0x80
ABSOLUTE: Final = 0x80  # 7.3.10 X-Mms-Expiry and its like
RELATIVE: Final = 0x81
YES: Final = 0x80
NO: Final = 0x81

TEXT_FIELDS: Final = frozenset(
    {
        BCC, CC, CONTENT_LOCATION, MESSAGE_ID, RESPONSE_TEXT, SUBJECT, TO, TRANSACTION_ID, RETRIEVE_TEXT, REPLY_CHARGING_ID,
        STORE_STATUS_TEXT, RECOMMENDED_RETRIEVAL_MODE_TEXT, STATUS_TEXT, APPLIC_ID, REPLY_APPLIC_ID, AUX_APPLIC_INFO, REPLACE_ID, CANCEL_ID,
    }
)  # fmt: skip
"""Fields whose value always ends with NUL: Text-string, URI-value or Encoded-string-value."""
