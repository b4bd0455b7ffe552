"""Numbers of TS 32.298 (module MMSChargingDataTypes, release 16) and TS 32.297: record types, their fields, enumerations.

Records are SETs with IMPLICIT tags, so a field is its context tag; a record is its own tag.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class RecordType(NamedTuple):
    """A record's name and its fields, each at the place of its tag; `required` are those that are not OPTIONAL."""

    name: str
    fields: tuple[str, ...]
    required: frozenset[str]


def _record(name: str, fields: str) -> RecordType:
    """Fields in the order of their tags from 0; "?" behind one that may be missing."""
    names = fields.split()
    return RecordType(name, tuple(field.rstrip("?") for field in names), frozenset(field for field in names if not field.endswith("?")))


# ------------------------------------------------------------------------------------------- TS 32.298 5.2.2.8: MMS records

RECORDS: Final[Mapping[int, RecordType]] = {
    30: _record(
        "MMO1S",
        "recordType originatorMmsRSAddress messageID replyChargingID? originatorAddress recipientAddresses accessCorrelation? "
        "contentType mmComponentType? messageSize messageClass? chargeInformation? submissionTime? timeOfExpiry? "
        "earliestTimeOfDelivery? durationOfTransmission? requestStatusCode? deliveryReportRequested? replyCharging? "
        "replyDeadline? replyChargingSize? priority? senderVisibility? readReplyRequested? statusText recordTimeStamp "
        "localSequenceNumber? recordExtensions? mMBoxstorageInformation? mscfInformation? sGSNPLMNIdentifier? rATType? "
        "mSTimeZone?",
    ),
    31: _record(
        "MMO4FRq",
        "recordType originatorMmsRSAddress recipientMmsRSAddress messageID mms3GPPVersion? originatorAddress recipientAddresses "
        "contentType mmComponentType? messageSize messageClass? submissionTime timeOfExpiry? deliveryReportRequested priority? "
        "senderVisibility readReplyRequested acknowledgementRequest forwardCounter? forwardingAddress? recordTimeStamp "
        "localSequenceNumber? recordExtensions?",
    ),
    32: _record(
        "MMO4FRs",
        "recordType originatorMmsRSAddress? recipientMmsRSAddress messageID mms3GPPVersion? requestStatusCode? statusText? "
        "recordTimeStamp? localSequenceNumber? recordExtensions?",
    ),
    33: _record(
        "MMO4D",
        "recordType recipientMmsRSAddress? originatorMmsRSAddress? messageID mms3GPPVersion? originatorAddress? "
        "recipientAddress mmDateAndTime acknowledgementRequest mmStatusCode statusText? recordTimeStamp? localSequenceNumber? "
        "recordExtensions?",
    ),
    34: _record(
        "MMO1D",
        "recordType recipientMmsRSAddress? originatorMmsRSAddress? accessCorrelation? messageID mms3GPPVersion? "
        "originatorAddress? recipientAddress mmStatusCode? recordTimeStamp? localSequenceNumber? recordExtensions? "
        "sGSNPLMNIdentifier? rATType? mSTimeZone?",
    ),
    35: _record(
        "MMO4R",
        "recordType recipientMmsRSAddress? originatorMmsRSAddress? messageID mms3GPPVersion? originatorAddress? "
        "recipientAddresses? mmDateAndTime? acknowledgementRequest readStatus? statusText? recordTimeStamp? "
        "localSequenceNumber? recordExtensions?",
    ),
    36: _record(
        "MMO1R",
        "recordType recipientMmsRSAddress? originatorMmsRSAddress? accessCorrelation? messageID mms3GPPVersion? "
        "originatorAddress? recipientAddress? readStatus? recordTimeStamp? localSequenceNumber? recordExtensions? "
        "sGSNPLMNIdentifier? rATType? mSTimeZone?",
    ),
    37: _record(
        "MMOMD",
        "recordType originatorMmsRSAddress? recipientMmsRSAddress? messageID messageSize? mmStatusCode? statusText? "
        "recordTimeStamp? localSequenceNumber? recordExtensions?",
    ),
    38: _record(
        "MMR4F",
        "recordType recipientMmsRSAddress originatorMmsRSAddress messageID mms3GPPVersion? originatorAddress recipientAddresses "
        "contentType mmComponentType? messageSize messageClass? submissionTime timeOfExpiry? deliveryReportRequested priority? "
        "senderVisibility readReplyRequested requestStatusCode statusText acknowledgementRequest forwardCounter? "
        "forwardingAddress? recordTimeStamp localSequenceNumber? recordExtensions?",
    ),
    39: _record(
        "MMR1NRq",
        "recordType recipientMmsRSAddress messageID replyChargingID? senderAddress recipientAddress accessCorrelation? "
        "messageClass? mmComponentType? messageSize timeOfExpiry? messageReference deliveryReportRequested? replyCharging? "
        "replyDeadline? replyChargingSize? mmStatusCode? statusText? recordTimeStamp? localSequenceNumber? recordExtensions? "
        "mscfInformation? vaspID? vasID? sGSNPLMNIdentifier? rATType? mSTimeZone?",
    ),
    40: _record(
        "MMR1NRs",
        "recordType recipientMmsRSAddress messageID recipientAddress accessCorrelation? reportAllowed? mmStatusCode? "
        "statusText? recordTimeStamp? localSequenceNumber? recordExtensions? sGSNPLMNIdentifier? rATType? mSTimeZone?",
    ),
    41: _record(
        "MMR1Rt",
        "recordType recipientMmsRSAddress messageID replyChargingID? senderAddress? recipientAddress accessCorrelation? "
        "contentType mmComponentType? messageClass? submissionTime messageSize? deliveryReportRequested? priority? "
        "readReplyRequested? mmStatusCode? statusText? replyDeadline? replyChargingSize? durationOfTransmission? timeOfExpiry? "
        "recordTimeStamp? localSequenceNumber? recordExtensions? messageReference vaspID? vasID? sGSNPLMNIdentifier? rATType? "
        "mSTimeZone?",
    ),
    42: _record(
        "MMR1A",
        "recordType recipientMmsRSAddress messageID recipientAddress accessCorrelation? reportAllowed? mmStatusCode? "
        "statusText? recordTimeStamp? localSequenceNumber? recordExtensions? sGSNPLMNIdentifier? rATType? mSTimeZone?",
    ),
    43: _record(
        "MMR4DRq",
        "recordType recipientMmsRSAddress originatorMmsRSAddress messageID mms3GPPVersion? originatorAddress recipientAddress "
        "mmDateAndTime? acknowledgementRequest mmStatusCode? statusText? recordTimeStamp? localSequenceNumber? "
        "recordExtensions?",
    ),
    44: _record(
        "MMR4DRs",
        "recordType recipientMmsRSAddress originatorMmsRSAddress messageID mms3GPPVersion? requestStatusCode? statusText? "
        "recordTimeStamp? localSequenceNumber? recordExtensions?",
    ),
    45: _record(
        "MMR1RR",
        "recordType recipientMmsRSAddress messageID recipientAddress originatorAddress accessCorrelation? mmStatusCode? "
        "statusText? recordTimeStamp? localSequenceNumber? recordExtensions? sGSNPLMNIdentifier? rATType? mSTimeZone?",
    ),
    46: _record(
        "MMR4RRq",
        "recordType recipientMmsRSAddress originatorMmsRSAddress messageID mms3GPPVersion? originatorAddress recipientAddress "
        "mmDateAndTime? acknowledgementRequest mmStatusCode? statusText? recordTimeStamp? localSequenceNumber? "
        "recordExtensions?",
    ),
    47: _record(
        "MMR4RRs",
        "recordType recipientMmsRSAddress originatorMmsRSAddress messageID mms3GPPVersion? requestStatusCode? statusText? "
        "recordTimeStamp? localSequenceNumber? recordExtensions?",
    ),
    48: _record(
        "MMRMD",
        "recordType originatorMmsRSAddress recipientMmsRSAddress? messageID messageSize mmStatusCode? statusText? "
        "recordTimeStamp? localSequenceNumber? recordExtensions?",
    ),
    49: _record(
        "MMF",
        "recordType forwardingMmsRSAddress messageID forwardingAddress recipientAddresses chargeInformation? timeOfExpiry? "
        "earliestTimeOfDelivery? deliveryReportRequested? readReplyRequested? messageReference mmStatusCode? statusText? "
        "recordTimeStamp? localSequenceNumber? recordExtensions? mMBoxstorageInformation?",
    ),
    54: _record(
        "MM7S",
        "recordType originatorMmsRSAddress linkedID? vaspID vasID messageID originatorAddress recipientAddresses serviceCode? "
        "contentType mmComponentType? messageSize messageClass? chargeInformation? submissionTime? timeOfExpiry? "
        "earliestTimeOfDelivery? deliveryReportRequested? readReplyRequested? replyCharging? replyDeadline? replyChargingSize? "
        "priority? messageDistributionIndicator? requestStatusCode? statusText? recordTimeStamp localSequenceNumber? "
        "recordExtensions? mscfInformation?",
    ),
    55: _record(
        "MM7DRq",
        "recordType recipientMmsRSAddress linkedID? replyChargingID? originatorAddress recipientAddress mmComponentType? "
        "messageSize contentType priority? recordTimeStamp? localSequenceNumber? recordExtensions?",
    ),
    56: _record(
        "MM7DRs",
        "recordType recipientMmsRSAddress messageID recipientAddress serviceCode? requestStatusCode? statusText? "
        "recordTimeStamp? localSequenceNumber? recordExtensions?",
    ),
    57: _record(
        "MM7C",
        "recordType originatorMmsRSAddress vaspID vasID messageID originatorAddress serviceCode? requestStatusCode? statusText? "
        "recordTimeStamp? localSequenceNumber? recordExtensions?",
    ),
    58: _record(
        "MM7R",
        "recordType originatorMmsRSAddress vaspID vasID messageID originatorAddress serviceCode? contentType submissionTime? "
        "timeOfExpiry? earliestTimeOfDelivery? requestStatusCode? statusText? recordTimeStamp? localSequenceNumber? "
        "recordExtensions?",
    ),
    59: _record(
        "MM7DRRq",
        "recordType recipientMmsRSAddress? messageID originatorAddress? recipientAddress mmDateAndTime? mmStatusCode "
        "mmStatusText? recordTimeStamp? localSequenceNumber? recordExtensions?",
    ),
    60: _record(
        "MM7DRRs",
        "recordType recipientMmsRSAddress? messageID originatorAddress? recipientAddress requestStatusCode? statusText? "
        "recordTimeStamp? localSequenceNumber? recordExtensions?",
    ),
    61: _record(
        "MM7RRq",
        "recordType recipientMmsRSAddress? messageID originatorAddress? recipientAddress mmDateAndTime? readStatus "
        "mmStatusText? recordTimeStamp? localSequenceNumber? recordExtensions?",
    ),
    62: _record(
        "MM7RRs",
        "recordType recipientMmsRSAddress? messageID originatorAddress? recipientAddress requestStatusCode? statusText? "
        "recordTimeStamp? localSequenceNumber? recordExtensions?",
    ),
}
"""Record types by their tags: MM1, MM4, MM7 and MMF."""

OTHERS: Final[Mapping[int, str]] = {50: "MMBx1S", 51: "MMBx1V", 52: "MMBx1U", 53: "MMBx1D"}
"""Records of the network mailbox: known by name, passed over."""

MM_STATUS: Final[Mapping[int, str]] = {
    0: "retrieved", 1: "forwarded", 2: "expired", 3: "rejected", 4: "deferred", 5: "unrecognised", 6: "read", 7: "deletedWithoutBeingRead",
}  # fmt: skip
"""MMStatusCodeType; also `readStatus`."""

REQUEST_STATUS: Final[Mapping[int, str]] = {
    0: "normalRelease", 4: "abnormalRelease", 30: "serviceDenied", 31: "messageFormatCorrupt", 32: "sendingAddressUnresolved",
    33: "messageNotFound", 34: "networkProblem", 35: "contentNotAccepted", 36: "unsupportedMessage",
}  # fmt: skip
"""RequestStatusCodeType; 0 to 15 follow CauseForTerm, 16 to 20 CauseForRecClosing."""

MESSAGE_CLASS: Final[Mapping[int, str]] = {0: "personal", 1: "advertisement", 2: "information-service", 3: "auto"}
PRIORITY: Final[Mapping[int, str]] = {0: "low", 1: "normal", 2: "high"}
RECIPIENT_TYPE: Final[Mapping[int, str]] = {0: "to", 1: "cc", 2: "bcc"}

# ----------------------------------------------------------------------------------------------------- TS 32.297 6.1: files

CLOSURE: Final[Mapping[int, str]] = {
    0: "normal", 1: "size limit", 2: "open time limit", 3: "number of records", 4: "by hand", 5: "version change",
    128: "abnormal", 129: "file system error", 130: "storage exhausted", 131: "integrity error",
}  # fmt: skip
"""Why a file was closed (6.1.1.10); from 128 on something went wrong."""

FORMATS: Final[Mapping[int, str]] = {1: "BER", 2: "unaligned PER", 3: "aligned PER", 4: "XML"}
"""Data record format (6.1.2.3)."""

SPECIFICATIONS: Final[Mapping[int, str]] = {5: "32.235", 7: "32.251", 10: "32.270"}
"""TS number of a CDR header (6.1.2.4): MMS of old, packet domain, MMS."""

# --------------------------------------------------------------------------------------------------- TS 29.060 7.7.50: rATType

RAT_TYPE: Final = {1: "UTRAN", 2: "GERAN", 3: "WLAN", 4: "GAN", 5: "HSPA Evolution", 6: "E-UTRAN"}
