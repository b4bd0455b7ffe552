"""Numbers of the Nokia/Ericsson Over The Air Settings Specification 7.0, chapter 8: browser settings and bookmarks."""

from __future__ import annotations

from typing import Final

from mmsd.codec.tables.wbxml import UNKNOWN, Language

_TYPES: Final = {0x06: "ADDRESS", 0x07: "URL", 0x08: "NAME", 0x7C: "MMSURL", 0x7D: "ID", 0x7F: "BOOKMARK"}
_NAMES: Final = {
    0x12: "BEARER", 0x13: "PROXY", 0x14: "PORT", 0x15: "NAME", 0x16: "PROXY_TYPE", 0x17: "URL", 0x18: "PROXY_AUTHNAME",
    0x19: "PROXY_AUTHSECRET", 0x1A: "SMS_SMSC_ADDRESS", 0x1B: "USSD_SERVICE_CODE", 0x1C: "GPRS_ACCESSPOINTNAME",
    0x1D: "PPP_LOGINTYPE", 0x1E: "PROXY_LOGINTYPE", 0x21: "CSD_DIALSTRING", 0x22: "PPP_AUTHTYPE", 0x23: "PPP_AUTHNAME",
    0x24: "PPP_AUTHSECRET", 0x28: "CSD_CALLTYPE", 0x29: "CSD_CALLSPEED", 0x7E: "ISP_NAME",
}  # fmt: skip
_VALUES: Final = {
    0x45: "GSM/CSD", 0x46: "GSM/SMS", 0x47: "GSM/USSD", 0x48: "IS-136/CSD", 0x49: "GPRS",
    0x60: "9200", 0x61: "9201", 0x62: "9202", 0x63: "9203", 0x64: "AUTOMATIC", 0x65: "MANUAL",
    0x6A: "AUTO", 0x6B: "9600", 0x6C: "14400", 0x6D: "19200", 0x6E: "28800", 0x6F: "38400",
    0x70: "PAP", 0x71: "CHAP", 0x72: "ANALOGUE", 0x73: "ISDN", 0x74: "43200", 0x75: "57600", 0x76: "MSISDN_NO", 0x77: "IPV4",
    0x78: "MS_CHAP",
}  # fmt: skip

LANGUAGE: Final = Language(
    public_id=UNKNOWN,
    root="CHARACTERISTIC-LIST",
    system="",
    tags={0: {0x05: "CHARACTERISTIC-LIST", 0x06: "CHARACTERISTIC", 0x07: "PARM"}},
    attributes={
        0: {
            0x10: ("NAME", ""),
            0x11: ("VALUE", ""),
            **{code: ("TYPE", name) for code, name in _TYPES.items()},
            **{code: ("NAME", name) for code, name in _NAMES.items()},
            **{code: ("VALUE", name) for code, name in _VALUES.items()},
        }
    },
    values={},
    fragments=False,
)
"""Values are attribute tokens here, so that VALUE="GPRS" is one octet."""

SETTINGS_MEDIA: Final = "application/x-wap-prov.browser-settings"
BOOKMARKS_MEDIA: Final = "application/x-wap-prov.browser-bookmarks"
