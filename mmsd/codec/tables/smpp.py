"""Numbers and layouts of SMPP 3.4 (Short Message Peer to Peer Protocol Specification v3.4, issue 1.2)."""

from __future__ import annotations

from typing import Final

HEADER: Final = 16  # octets: command_length, command_id, command_status, sequence_number
MAX_SEQUENCE: Final = 0x7FFFFFFF  # 5.1.4
RESPONSE: Final = 0x80000000

# -------------------------------------------------------------------------------------------- 5.1.2.1: command identifiers

BIND_RECEIVER: Final = 0x01
BIND_TRANSMITTER: Final = 0x02
QUERY_SM: Final = 0x03
SUBMIT_SM: Final = 0x04
DELIVER_SM: Final = 0x05
UNBIND: Final = 0x06
REPLACE_SM: Final = 0x07
CANCEL_SM: Final = 0x08
BIND_TRANSCEIVER: Final = 0x09
OUTBIND: Final = 0x0B
ENQUIRE_LINK: Final = 0x15
SUBMIT_MULTI: Final = 0x21
ALERT_NOTIFICATION: Final = 0x102
DATA_SM: Final = 0x103
GENERIC_NACK: Final = RESPONSE

NAMES: Final = {
    BIND_RECEIVER: "bind_receiver", BIND_TRANSMITTER: "bind_transmitter", QUERY_SM: "query_sm", SUBMIT_SM: "submit_sm",
    DELIVER_SM: "deliver_sm", UNBIND: "unbind", REPLACE_SM: "replace_sm", CANCEL_SM: "cancel_sm",
    BIND_TRANSCEIVER: "bind_transceiver", OUTBIND: "outbind", ENQUIRE_LINK: "enquire_link", SUBMIT_MULTI: "submit_multi",
    ALERT_NOTIFICATION: "alert_notification", DATA_SM: "data_sm", GENERIC_NACK: "generic_nack",
    RESPONSE | BIND_RECEIVER: "bind_receiver_resp", RESPONSE | BIND_TRANSMITTER: "bind_transmitter_resp",
    RESPONSE | QUERY_SM: "query_sm_resp", RESPONSE | SUBMIT_SM: "submit_sm_resp", RESPONSE | DELIVER_SM: "deliver_sm_resp",
    RESPONSE | UNBIND: "unbind_resp", RESPONSE | REPLACE_SM: "replace_sm_resp", RESPONSE | CANCEL_SM: "cancel_sm_resp",
    RESPONSE | BIND_TRANSCEIVER: "bind_transceiver_resp", RESPONSE | ENQUIRE_LINK: "enquire_link_resp",
    RESPONSE | SUBMIT_MULTI: "submit_multi_resp", RESPONSE | DATA_SM: "data_sm_resp",
}  # fmt: skip

# ------------------------------------------------------------------------------- 4: mandatory parameters, in order on the wire

TEXT: Final = "text"  # C-octet string, with the most octets it may have, its NUL counted
OCTET: Final = "octet"
ADDRESS: Final = "address"  # type of number, numbering plan, C-octet string
SHORT_MESSAGE: Final = "short message"  # sm_length, octets
DESTINATIONS: Final = "destinations"  # 4.5.1.1: number_of_dests, each an SME address or a distribution list
UNSUCCESSFUL: Final = "unsuccessful"  # 4.5.2.1: no_unsuccess, each an address and a status

LAYOUTS: Final[dict[str, tuple[tuple[str, str, int], ...]]] = {
    "Bind": (
        ("system_id", TEXT, 16), ("password", TEXT, 9), ("system_type", TEXT, 13), ("interface_version", OCTET, 1),
        ("address_range", ADDRESS, 41),
    ),
    "BindAnswer": (("system_id", TEXT, 16),),
    "Outbind": (("system_id", TEXT, 16), ("password", TEXT, 9)),
    "Message": (
        ("service_type", TEXT, 6), ("source", ADDRESS, 21), ("destination", ADDRESS, 21), ("esm_class", OCTET, 1),
        ("protocol_id", OCTET, 1), ("priority_flag", OCTET, 1), ("schedule_delivery_time", TEXT, 17), ("validity_period", TEXT, 17),
        ("registered_delivery", OCTET, 1), ("replace_if_present", OCTET, 1), ("data_coding", OCTET, 1), ("sm_default_msg_id", OCTET, 1),
        ("short_message", SHORT_MESSAGE, 254),
    ),
    "MultiMessage": (
        ("service_type", TEXT, 6), ("source", ADDRESS, 21), ("destinations", DESTINATIONS, 254), ("esm_class", OCTET, 1),
        ("protocol_id", OCTET, 1), ("priority_flag", OCTET, 1), ("schedule_delivery_time", TEXT, 17), ("validity_period", TEXT, 17),
        ("registered_delivery", OCTET, 1), ("replace_if_present", OCTET, 1), ("data_coding", OCTET, 1), ("sm_default_msg_id", OCTET, 1),
        ("short_message", SHORT_MESSAGE, 254),
    ),
    "MultiAnswer": (("message_id", TEXT, 65), ("unsuccessful", UNSUCCESSFUL, 255)),
    "DataMessage": (
        ("service_type", TEXT, 6), ("source", ADDRESS, 65), ("destination", ADDRESS, 65), ("esm_class", OCTET, 1),
        ("registered_delivery", OCTET, 1), ("data_coding", OCTET, 1),
    ),
    "MessageAnswer": (("message_id", TEXT, 65),),
    "Query": (("message_id", TEXT, 65), ("source", ADDRESS, 21)),
    "QueryAnswer": (("message_id", TEXT, 65), ("final_date", TEXT, 17), ("message_state", OCTET, 1), ("error_code", OCTET, 1)),
    "Cancel": (("service_type", TEXT, 6), ("message_id", TEXT, 65), ("source", ADDRESS, 21), ("destination", ADDRESS, 21)),
    "Replace": (
        ("message_id", TEXT, 65), ("source", ADDRESS, 21), ("schedule_delivery_time", TEXT, 17), ("validity_period", TEXT, 17),
        ("registered_delivery", OCTET, 1), ("sm_default_msg_id", OCTET, 1), ("short_message", SHORT_MESSAGE, 254),
    ),
    "Alert": (("source", ADDRESS, 65), ("esme", ADDRESS, 65)),
}  # fmt: skip

BODIES: Final = {
    BIND_RECEIVER: "Bind", BIND_TRANSMITTER: "Bind", BIND_TRANSCEIVER: "Bind", OUTBIND: "Outbind",
    RESPONSE | BIND_RECEIVER: "BindAnswer", RESPONSE | BIND_TRANSMITTER: "BindAnswer", RESPONSE | BIND_TRANSCEIVER: "BindAnswer",
    SUBMIT_SM: "Message", DELIVER_SM: "Message", SUBMIT_MULTI: "MultiMessage", DATA_SM: "DataMessage",
    RESPONSE | SUBMIT_SM: "MessageAnswer", RESPONSE | DELIVER_SM: "MessageAnswer", RESPONSE | DATA_SM: "MessageAnswer",
    RESPONSE | SUBMIT_MULTI: "MultiAnswer", QUERY_SM: "Query", RESPONSE | QUERY_SM: "QueryAnswer", CANCEL_SM: "Cancel",
    REPLACE_SM: "Replace", ALERT_NOTIFICATION: "Alert",
}  # fmt: skip

# -------------------------------------------------------------------------------------------------- 5.1.3: command_status

OK: Final = 0x00
INVALID_MESSAGE_LENGTH: Final = 0x01
INVALID_COMMAND_LENGTH: Final = 0x02
INVALID_COMMAND: Final = 0x03
INVALID_BIND_STATUS: Final = 0x04
ALREADY_BOUND: Final = 0x05
SYSTEM_ERROR: Final = 0x08
BIND_FAILED: Final = 0x0D
INVALID_PASSWORD: Final = 0x0E
QUEUE_FULL: Final = 0x14
THROTTLED: Final = 0x58
TRY_LATER: Final = 0x64
UNKNOWN_ERROR: Final = 0xFF

STATUSES: Final = {
    0x00: "ESME_ROK", 0x01: "ESME_RINVMSGLEN", 0x02: "ESME_RINVCMDLEN", 0x03: "ESME_RINVCMDID", 0x04: "ESME_RINVBNDSTS",
    0x05: "ESME_RALYBND", 0x06: "ESME_RINVPRTFLG", 0x07: "ESME_RINVREGDLVFLG", 0x08: "ESME_RSYSERR", 0x0A: "ESME_RINVSRCADR",
    0x0B: "ESME_RINVDSTADR", 0x0C: "ESME_RINVMSGID", 0x0D: "ESME_RBINDFAIL", 0x0E: "ESME_RINVPASWD", 0x0F: "ESME_RINVSYSID",
    0x11: "ESME_RCANCELFAIL", 0x13: "ESME_RREPLACEFAIL", 0x14: "ESME_RMSGQFUL", 0x15: "ESME_RINVSERTYP",
    0x33: "ESME_RINVNUMDESTS", 0x34: "ESME_RINVDLNAME", 0x40: "ESME_RINVDESTFLAG", 0x42: "ESME_RINVSUBREP",
    0x43: "ESME_RINVESMCLASS", 0x44: "ESME_RCNTSUBDL", 0x45: "ESME_RSUBMITFAIL", 0x48: "ESME_RINVSRCTON", 0x49: "ESME_RINVSRCNPI",
    0x50: "ESME_RINVDSTTON", 0x51: "ESME_RINVDSTNPI", 0x53: "ESME_RINVSYSTYP", 0x54: "ESME_RINVREPFLAG",
    0x55: "ESME_RINVNUMMSGS", 0x58: "ESME_RTHROTTLED", 0x61: "ESME_RINVSCHED", 0x62: "ESME_RINVEXPIRY",
    0x63: "ESME_RINVDFTMSGID", 0x64: "ESME_RX_T_APPN", 0x65: "ESME_RX_P_APPN", 0x66: "ESME_RX_R_APPN", 0x67: "ESME_RQUERYFAIL",
    0xC0: "ESME_RINVOPTPARSTREAM", 0xC1: "ESME_ROPTPARNOTALLWD", 0xC2: "ESME_RINVPARLEN", 0xC3: "ESME_RMISSINGOPTPARAM",
    0xC4: "ESME_RINVOPTPARAMVAL", 0xFE: "ESME_RDELIVERYFAILURE", 0xFF: "ESME_RUNKNOWNERR",
}  # fmt: skip

# ------------------------------------------------------------------------------------- 5.3.2: optional parameters by their tag

USER_MESSAGE_REFERENCE: Final = 0x0204
SOURCE_PORT: Final = 0x020A
DESTINATION_PORT: Final = 0x020B
SAR_REFERENCE: Final = 0x020C
SAR_TOTAL: Final = 0x020E
SAR_SEQUENCE: Final = 0x020F
SC_INTERFACE_VERSION: Final = 0x0210
NETWORK_ERROR_CODE: Final = 0x0423
MESSAGE_PAYLOAD: Final = 0x0424
MESSAGE_STATE: Final = 0x0427
RECEIPTED_MESSAGE_ID: Final = 0x001E

NUMBER: Final = "number"
OCTETS: Final = "octets"
NOTHING: Final = "nothing"

TLVS: Final = {
    0x0005: ("dest_addr_subunit", NUMBER), 0x0006: ("dest_network_type", NUMBER), 0x0007: ("dest_bearer_type", NUMBER),
    0x0008: ("dest_telematics_id", NUMBER), 0x000D: ("source_addr_subunit", NUMBER), 0x000E: ("source_network_type", NUMBER),
    0x000F: ("source_bearer_type", NUMBER), 0x0010: ("source_telematics_id", NUMBER), 0x0017: ("qos_time_to_live", NUMBER),
    0x0019: ("payload_type", NUMBER), 0x001D: ("additional_status_info_text", TEXT), RECEIPTED_MESSAGE_ID: ("receipted_message_id", TEXT),
    0x0030: ("ms_msg_wait_facilities", NUMBER), 0x0201: ("privacy_indicator", NUMBER), 0x0202: ("source_subaddress", OCTETS),
    0x0203: ("dest_subaddress", OCTETS), USER_MESSAGE_REFERENCE: ("user_message_reference", NUMBER),
    0x0205: ("user_response_code", NUMBER), SOURCE_PORT: ("source_port", NUMBER), DESTINATION_PORT: ("destination_port", NUMBER),
    SAR_REFERENCE: ("sar_msg_ref_num", NUMBER), 0x020D: ("language_indicator", NUMBER), SAR_TOTAL: ("sar_total_segments", NUMBER),
    SAR_SEQUENCE: ("sar_segment_seqnum", NUMBER), SC_INTERFACE_VERSION: ("sc_interface_version", NUMBER),
    0x0302: ("callback_num_pres_ind", NUMBER), 0x0303: ("callback_num_atag", OCTETS), 0x0304: ("number_of_messages", NUMBER),
    0x0381: ("callback_num", OCTETS), 0x0420: ("dpf_result", NUMBER), 0x0421: ("set_dpf", NUMBER),
    0x0422: ("ms_availability_status", NUMBER), NETWORK_ERROR_CODE: ("network_error_code", OCTETS),
    MESSAGE_PAYLOAD: ("message_payload", OCTETS), 0x0425: ("delivery_failure_reason", NUMBER),
    0x0426: ("more_messages_to_send", NUMBER), MESSAGE_STATE: ("message_state", NUMBER), 0x0501: ("ussd_service_op", OCTETS),
    0x1201: ("display_time", NUMBER), 0x1203: ("sms_signal", NUMBER), 0x1204: ("ms_validity", NUMBER),
    0x130C: ("alert_on_message_delivery", NOTHING), 0x1380: ("its_reply_type", NUMBER), 0x1383: ("its_session_info", OCTETS),
}  # fmt: skip

# ------------------------------------------------------------------- 5.2.28: message_state; appendix B: its text in a receipt

STATES: Final = ("", "ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD")

# ----------------------------------------------------------------------------------------------------- 5.2.12: esm_class

ESM_TYPE: Final = 0x3C
ESM_RECEIPT: Final = 0x04
ESM_INTERMEDIATE: Final = 0x20
ESM_UDHI: Final = 0x40

ESM_MODES: Final = ("", "datagram", "forward", "store and forward")  # of a submit: its lowest two bits
ESM_TYPES: Final = {
    0x04: "delivery receipt", 0x08: "delivery acknowledgement", 0x10: "manual acknowledgement", 0x18: "conversation abort",
    0x20: "intermediate notification",
}  # fmt: skip
ESM_FEATURES: Final = {0x40: "user data header", 0x80: "reply path"}

# --------------------------------------------------------------------------------------------- 5.2.17: registered_delivery

RECEIPTS: Final = ("no receipt", "receipt wanted", "receipt wanted of a failure", "")  # its lowest two bits
ACKNOWLEDGEMENTS: Final = {
    0x04: "delivery acknowledgement wanted",
    0x08: "manual acknowledgement wanted",
    0x10: "intermediate notification wanted",
}

# --------------------------------------------------------------------------------- 5.2.5, 5.2.6: type of number, numbering plan

TONS: Final = ("unknown", "international", "national", "network specific", "subscriber", "alphanumeric", "abbreviated")
NPIS: Final = {
    0: "unknown", 1: "E.164", 3: "X.121", 4: "F.69", 6: "E.212", 8: "national", 9: "private", 10: "ERMES", 14: "IP", 18: "WAP",
}  # fmt: skip

NETWORKS: Final = {1: "ANSI-136", 2: "IS-95", 3: "GSM"}  # 5.3.2.31

# --------------------------------------------------------------------------------------------------- 5.2.19: data_coding

GSM7: Final = 0x00  # "SMSC default alphabet": GSM 7-bit, one septet an octet, unless an operator says otherwise
ASCII: Final = 0x01
LATIN_1: Final = 0x03
BINARY: Final = 0x04
UCS2: Final = 0x08

CHARSETS: Final = {
    ASCII: "ascii",
    LATIN_1: "latin-1",
    0x05: "shift-jis",
    0x06: "iso8859-5",
    0x07: "iso8859-8",
    0x08: "utf-16-be",
    0x0E: "euc-kr",
}
"""By data_coding; what is missing is GSM 7-bit, octets, or as TS 23.038 says (0xC0 and above)."""

CODINGS: Final = {
    0x00: "SMSC's default alphabet", 0x01: "ASCII", 0x02: "octets", 0x03: "Latin-1", 0x04: "octets", 0x05: "JIS", 0x06: "Cyrillic",
    0x07: "Hebrew", 0x08: "UCS-2", 0x09: "pictograms", 0x0A: "ISO-2022-JP", 0x0D: "extended kanji", 0x0E: "KS C 5601",
}  # fmt: skip
