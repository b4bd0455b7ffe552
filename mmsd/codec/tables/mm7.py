"""Names and numbers of MM7 (TS 23.140 8.7, annex L): messages and their elements in order, status codes, MM status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_SCHEMA: Final = "http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/"
REL_5: Final = _SCHEMA + "REL-5-MM7-1-0"
REL_6: Final = _SCHEMA + "REL-6-MM7-1-4"
"""Namespaces in use; others of the same schema differ in their last numbers and are read alike."""

VERSIONS: Final[Mapping[str, str]] = {REL_5: "5.3.0", REL_6: "6.8.0"}
"""MM7Version that goes with a namespace when nothing else is said."""

_SENDER: Final = "SenderIdentification/VASPID SenderIdentification/VASID SenderIdentification/SenderAddress"
_TIMES: Final = "TimeStamp ReplyCharging EarliestDeliveryTime ExpiryDate DeliveryReport ReadReply Priority Subject"
_STATUS: Final = "Status/StatusCode Status/StatusText Status/Details"

MESSAGES: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(f"MM7Version {elements}".split())
    for name, elements in {
        "SubmitReq": f"{_SENDER} Recipients ServiceCode LinkedID MessageClass {_TIMES} ChargedParty ChargedPartyID DistributionIndicator"
        " DeliveryCondition ApplicID ReplyApplicID AuxApplicInfo ContentClass DRMContent Content",
        "SubmitRsp": f"{_STATUS} MessageID",
        "DeliverReq": "MMSRelayServerID VASPID VASID LinkedID Sender Recipients TimeStamp ReplyChargingID Priority Subject ApplicID"
        " ReplyApplicID AuxApplicInfo UACapabilities Content",
        "DeliverRsp": f"{_STATUS} ServiceCode",
        "DeliveryReportReq": "MMSRelayServerID MessageID Recipient Sender Date MMStatus MMStatusExtension StatusText ApplicID ReplyApplicID"
        " AuxApplicInfo UACapabilities",
        "DeliveryReportRsp": _STATUS,
        "ReadReplyReq": "MMSRelayServerID MessageID Recipient Sender TimeStamp MMStatus StatusText ApplicID ReplyApplicID AuxApplicInfo",
        "ReadReplyRsp": _STATUS,
        "CancelReq": f"{_SENDER} MessageID ApplicID ReplyApplicID AuxApplicInfo",
        "CancelRsp": _STATUS,
        "RSErrorRsp": _STATUS,
        "VASPErrorRsp": _STATUS,
    }.items()
}
"""Elements of each message in the schema's order; "A/B" is B within A. A value's name is that of its innermost element."""

ADDRESSES: Final = frozenset({"Recipients", "Recipient", "Sender", "SenderAddress"})
FLAGS: Final = frozenset({"DeliveryReport", "ReadReply", "DistributionIndicator", "DRMContent"})
KINDS: Final[Mapping[str, str]] = {"Number": "number", "RFC2822Address": "email", "ShortCode": "short"}
"""Elements of an address, and what they are."""

ERRORS: Final = ("RSErrorRsp", "VASPErrorRsp")
"""Messages that stand in the detail of a SOAP Fault."""

MM_STATUS: Final[Mapping[str, int]] = {
    "Expired": 0x80, "Retrieved": 0x81, "Rejected": 0x82, "Deferred": 0x83, "Unrecognised": 0x84, "Unrecognized": 0x84,
    "NotSupported": 0x84, "Indeterminate": 0x85, "Forwarded": 0x86, "Unreachable": 0x87,
}  # fmt: skip
"""X-Mms-Status of an MMStatus, aggregators' own among them."""


class StatusCode(NamedTuple):
    """A code's text, and the diagnosis it points to ("retry": again later, "split": by recipient, "ignore": only counted)."""

    text: str
    diagnosis: str


STATUS: Final[Mapping[int, StatusCode]] = {
    1000: StatusCode("Success", "OK"),
    1100: StatusCode("Partial success", "split"),
    2000: StatusCode("Client error", "SUBMIT_FAILED"),
    2001: StatusCode("Operation restricted", "NOT_PROVISIONED"),
    2002: StatusCode("Address error", "SUBMIT_FAILED"),
    2003: StatusCode("Address not found", "SUBMIT_FAILED"),
    2004: StatusCode("Multimedia content refused", "UNSUPPORTED"),
    2005: StatusCode("Message ID not found", "ignore"),
    2006: StatusCode("LinkedID not found", "SUBMIT_FAILED"),
    2007: StatusCode("Message format corrupt", "SUBMIT_FAILED"),
    2008: StatusCode("Application ID not found", "SUBMIT_FAILED"),
    2009: StatusCode("Reply Application ID not found", "SUBMIT_FAILED"),
    3000: StatusCode("Server error", "NODE_FAULT"),
    3001: StatusCode("Not possible", "ignore"),
    3002: StatusCode("Message rejected", "SUBMIT_FAILED"),
    3003: StatusCode("Multiple addresses not supported", "split"),
    4000: StatusCode("General service error", "NODE_FAULT"),
    4001: StatusCode("Improper identification", "NOT_PROVISIONED"),
    4002: StatusCode("Unsupported version", "SUBMIT_FAILED"),
    4003: StatusCode("Unsupported operation", "SUBMIT_FAILED"),
    4004: StatusCode("Validation error", "SUBMIT_FAILED"),
    4005: StatusCode("Service error", "NODE_FAULT"),
    4006: StatusCode("Service unavailable", "retry"),
    4007: StatusCode("Service denied", "NOT_PROVISIONED"),
    # aggregators' own, 25xx
    2500: StatusCode("Bad Content-Length or Content-Type", "SUBMIT_FAILED"),
    2502: StatusCode("Missing destination", "SUBMIT_FAILED"),
    2503: StatusCode("Multiple destinations", "split"),
    2504: StatusCode("Missing source", "SUBMIT_FAILED"),
    2505: StatusCode("Bad MM7 version", "SUBMIT_FAILED"),
    2550: StatusCode("Account disabled", "NOT_PROVISIONED"),
    2551: StatusCode("Not provisioned for MM7", "NOT_PROVISIONED"),
    2560: StatusCode("Content too large", "UNSUPPORTED"),
    2561: StatusCode("Bad sender", "SUBMIT_FAILED"),
    2562: StatusCode("Bad VASID", "SUBMIT_FAILED"),
    2563: StatusCode("Bad source", "SUBMIT_FAILED"),
    2564: StatusCode("Bad VASPID", "SUBMIT_FAILED"),
    2566: StatusCode("Carrier error", "SUBMIT_FAILED"),
    2567: StatusCode("Carrier error", "SUBMIT_FAILED"),
    2568: StatusCode("Authentication failed", "NOT_PROVISIONED"),
}
"""Status codes (8.7.8.3.3.1): first digit 1 success, 2 client, 3 server, 4 service error."""
