"""Numbers and rules of OMA-WAP-TS-ProvCont-V1_1 (WAP-183 with its later additions): tokens, and what may stand where.

The WLAN additions have no tokens here: a name written out is understood by every handset, and read the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from mmsd.codec.tables.wbxml import Language

# -------------------------------------------------------------------------------------------------------- 7.2 to 7.3: tokens

_NAMES_0: Final = (
    "NAME", "NAP-ADDRESS", "NAP-ADDRTYPE", "CALLTYPE", "VALIDUNTIL", "AUTHTYPE", "AUTHNAME", "AUTHSECRET", "LINGER",
    # 0x10
    "BEARER", "NAPID", "COUNTRY", "NETWORK", "INTERNET", "PROXY-ID", "PROXY-PROVIDER-ID", "DOMAIN", "PROVURL", "PXAUTH-TYPE",
    "PXAUTH-ID", "PXAUTH-PW", "STARTPAGE", "BASAUTH-ID", "BASAUTH-PW", "PUSHENABLED",
    # 0x20
    "PXADDR", "PXADDRTYPE", "TO-NAPID", "PORTNBR", "SERVICE", "LINKSPEED", "DNLINKSPEED", "LOCAL-ADDR", "LOCAL-ADDRTYPE",
    "CONTEXT-ALLOW", "TRUST", "MASTER", "SID", "SOC", "WSP-VERSION", "PHYSICAL-PROXY-ID",
    # 0x30
    "CLIENT-ID", "DELIVERY-ERR-SDU", "DELIVERY-ORDER", "TRAFFIC-CLASS", "MAX-SDU-SIZE", "MAX-BITRATE-UPLINK",
    "MAX-BITRATE-DNLINK", "RESIDUAL-BER", "SDU-ERROR-RATIO", "TRAFFIC-HANDL-PRIO", "TRANSFER-DELAY",
    "GUARANTEED-BITRATE-UPLINK", "GUARANTEED-BITRATE-DNLINK", "PXADDR-FQDN", "PROXY-PW", "PPGAUTH-TYPE",
)  # fmt: skip
_NAMES_0_LATER: Final = {
    0x47: "PULLENABLED", 0x48: "DNS-ADDR", 0x49: "MAX-NUM-RETRY", 0x4A: "FIRST-RETRY-TIMEOUT", 0x4B: "REREG-THRESHOLD",
    0x4C: "T-BIT", 0x4E: "AUTH-ENTITY", 0x4F: "SPI",
}  # fmt: skip
_TYPES_0: Final = (
    "PXLOGICAL", "PXPHYSICAL", "PORT", "VALIDITY", "NAPDEF", "BOOTSTRAP", "VENDORCONFIG", "CLIENTIDENTITY", "PXAUTHINFO",
    "NAPAUTHINFO", "ACCESS",
)  # fmt: skip
_NAMES_1: Final = {
    0x07: "NAME", 0x14: "INTERNET", 0x1C: "STARTPAGE", 0x22: "TO-NAPID", 0x23: "PORTNBR", 0x24: "SERVICE", 0x2E: "AACCEPT",
    0x2F: "AAUTHDATA", 0x30: "AAUTHLEVEL", 0x31: "AAUTHNAME", 0x32: "AAUTHSECRET", 0x33: "AAUTHTYPE", 0x34: "ADDR",
    0x35: "ADDRTYPE", 0x36: "APPID", 0x37: "APROTOCOL", 0x38: "PROVIDER-ID", 0x39: "TO-PROXY", 0x3A: "URI", 0x3B: "RULE",
}  # fmt: skip
_TYPES_1: Final = {
    0x53: "PORT", 0x55: "APPLICATION", 0x56: "APPADDR", 0x57: "APPAUTH", 0x58: "CLIENTIDENTITY", 0x59: "RESOURCE",
}  # fmt: skip

LANGUAGE: Final = Language(
    public_id=0x0B,
    root="wap-provisioningdoc",
    system="http://www.wapforum.org/DTD/prov.dtd",
    tags={
        0: {0x05: "wap-provisioningdoc", 0x06: "characteristic", 0x07: "parm"},
        1: {0x06: "characteristic", 0x07: "parm"},
    },
    attributes={
        0: {
            0x05: ("name", ""),
            0x06: ("value", ""),
            0x45: ("version", ""),
            0x46: ("version", "1.0"),
            0x50: ("type", ""),
            **{code: ("name", name) for code, name in enumerate(_NAMES_0, 0x07)},
            **{code: ("name", name) for code, name in _NAMES_0_LATER.items()},
            **{code: ("type", name) for code, name in enumerate(_TYPES_0, 0x51)},
        },
        1: {
            0x05: ("name", ""),
            0x06: ("value", ""),
            0x50: ("type", ""),
            **{code: ("name", name) for code, name in _NAMES_1.items()},
            **{code: ("type", name) for code, name in _TYPES_1.items()},
        },
    },
    values={
        0: {
            0x85: "IPV4", 0x86: "IPV6", 0x87: "E164", 0x88: "ALPHA", 0x89: "APN", 0x8A: "SCODE", 0x8B: "TETRA-ITSI", 0x8C: "MAN",
            0x90: "ANALOG-MODEM", 0x91: "V.120", 0x92: "V.110", 0x93: "X.31", 0x94: "BIT-TRANSPARENT",
            0x95: "DIRECT-ASYNCHRONOUS-DATA-SERVICE",
            0x9A: "PAP", 0x9B: "CHAP", 0x9C: "HTTP-BASIC", 0x9D: "HTTP-DIGEST", 0x9E: "WTLS-SS", 0x9F: "MD5",
            0xA2: "GSM-USSD", 0xA3: "GSM-SMS", 0xA4: "ANSI-136-GUTS", 0xA5: "IS-95-CDMA-SMS", 0xA6: "IS-95-CDMA-CSD",
            0xA7: "IS-95-CDMA-PACKET", 0xA8: "ANSI-136-CSD", 0xA9: "ANSI-136-GPRS", 0xAA: "GSM-CSD", 0xAB: "GSM-GPRS",
            0xAC: "AMPS-CDPD", 0xAD: "PDC-CSD", 0xAE: "PDC-PACKET", 0xAF: "IDEN-SMS", 0xB0: "IDEN-CSD", 0xB1: "IDEN-PACKET",
            0xB2: "FLEX/REFLEX", 0xB3: "PHS-SMS", 0xB4: "PHS-CSD", 0xB5: "TETRA-SDS", 0xB6: "TETRA-PACKET",
            0xB7: "ANSI-136-GHOST", 0xB8: "MOBITEX-MPAK", 0xB9: "CDMA2000-1X-SIMPLE-IP", 0xBA: "CDMA2000-1X-MOBILE-IP",
            0xC5: "AUTOBAUDING",
            0xCA: "CL-WSP", 0xCB: "CO-WSP", 0xCC: "CL-SEC-WSP", 0xCD: "CO-SEC-WSP", 0xCE: "CL-SEC-WTA", 0xCF: "CO-SEC-WTA",
            0xD0: "OTA-HTTP-TO", 0xD1: "OTA-HTTP-TLS-TO", 0xD2: "OTA-HTTP-PO", 0xD3: "OTA-HTTP-TLS-PO",
            0xE0: "AAA", 0xE1: "HA",
        },
        1: {
            0x86: "IPV6", 0x87: "E164", 0x88: "ALPHA", 0x8D: "APPSRV", 0x8E: "OBEX",
            0x90: ",", 0x91: "HTTP-", 0x92: "BASIC", 0x93: "DIGEST",
        },
    },
    fragments=False,
)  # fmt: skip

MEDIA: Final = "application/vnd.wap.connectivity-wbxml"

# ----------------------------------------------------------------------------- 4.5: what a characteristic holds, where it stands


class Rule(NamedTuple):
    """Of one characteristic: which others it stands in ("" = the document itself), and its parms by how often they occur."""

    within: frozenset[str]
    required: frozenset[str]  # exactly once, or at least once where it is also in `many`
    once: frozenset[str]  # at most once
    many: frozenset[str] = frozenset()
    open: bool = False  # takes parms that the standard leaves to vendors and to application registrations


def _rule(within: str, required: str = "", once: str = "", many: str = "", *, takes_any: bool = False) -> Rule:
    top = frozenset({""}) if not within or within.startswith("+") else frozenset()
    return Rule(
        frozenset(within.removeprefix("+").split()) | top,
        frozenset(required.split()),
        frozenset(once.split()),
        frozenset(many.split()),
        takes_any,
    )


RULES: Final[Mapping[str, Rule]] = {
    "BOOTSTRAP": _rule("", once="NAME COUNTRY PROVURL CONTEXT-ALLOW", many="NETWORK PROXY-ID"),
    "CLIENTIDENTITY": _rule("", required="CLIENT-ID"),
    "VENDORCONFIG": _rule("", required="NAME", takes_any=True),
    "PXLOGICAL": _rule(
        "",
        required="PROXY-ID NAME",
        once="PROXY-PW PPGAUTH-TYPE PROXY-PROVIDER-ID TRUST MASTER STARTPAGE BASAUTH-ID BASAUTH-PW WSP-VERSION PUSHENABLED PULLENABLED",
        many="DOMAIN",
    ),
    "PXAUTHINFO": _rule("PXLOGICAL", required="PXAUTH-TYPE", once="PXAUTH-ID PXAUTH-PW"),
    "PXPHYSICAL": _rule(
        "PXLOGICAL",
        required="PHYSICAL-PROXY-ID PXADDR TO-NAPID",
        once="PXADDRTYPE PXADDR-FQDN WSP-VERSION PUSHENABLED PULLENABLED",
        many="DOMAIN TO-NAPID",
    ),
    "PORT": _rule("PXPHYSICAL APPADDR", required="PORTNBR", many="SERVICE"),
    "NAPDEF": _rule(
        "",
        required="NAPID NAME NAP-ADDRESS",
        once="INTERNET NAP-ADDRTYPE CALLTYPE LOCAL-ADDR LOCAL-ADDRTYPE LINKSPEED DNLINKSPEED LINGER DELIVERY-ERR-SDU"
        " DELIVERY-ORDER TRAFFIC-CLASS MAX-SDU-SIZE MAX-BITRATE-UPLINK MAX-BITRATE-DNLINK RESIDUAL-BER SDU-ERROR-RATIO"
        " TRAFFIC-HANDL-PRIO TRANSFER-DELAY GUARANTEED-BITRATE-UPLINK GUARANTEED-BITRATE-DNLINK MAX-NUM-RETRY"
        " FIRST-RETRY-TIMEOUT REREG-THRESHOLD T-BIT",
        many="BEARER DNS-ADDR",
    ),
    "NAPAUTHINFO": _rule("NAPDEF", required="AUTHTYPE", once="AUTHNAME AUTHSECRET SPI", many="AUTH-ENTITY"),
    "VALIDITY": _rule("NAPDEF", once="COUNTRY NETWORK SID SOC VALIDUNTIL"),
    "APPLICATION": _rule(
        "",
        required="APPID",
        once="PROVIDER-ID NAME AACCEPT APROTOCOL APPREF",
        many="TO-PROXY TO-NAPID TO-APPREF ADDR",
        takes_any=True,
    ),
    "APPADDR": _rule("APPLICATION", required="ADDR", once="ADDRTYPE"),
    "APPAUTH": _rule("APPLICATION", once="AAUTHLEVEL AAUTHTYPE AAUTHNAME AAUTHSECRET AAUTHDATA"),
    "RESOURCE": _rule(
        "APPLICATION",
        required="URI",
        once="NAME AACCEPT AAUTHTYPE AAUTHNAME AAUTHSECRET AAUTHDATA STARTPAGE",
        takes_any=True,
    ),
    "ACCESS": _rule("", many="RULE APPID PORTNBR DOMAIN TO-NAPID TO-PROXY"),
}
"""PORT inside PXLOGICAL is legal by 4.5 and ignored by handsets; the rule keeps it where it works."""

FLAGS: Final = frozenset({"INTERNET", "TRUST", "MASTER", "T-BIT", "STARTPAGE"})
"""Parms that say something by being there. STARTPAGE is one in RESOURCE alone."""

INTERNET: Final = "INTERNET"
"""4.5: as TO-NAPID it means any access point that is marked INTERNET."""

# ---------------------------------------------------------------------------------------- OMNA registry: what an APPID means

BROWSER: Final = "w2"
MMS: Final = "w4"
MAIL: Final = frozenset({"25", "110", "143", "465", "587", "993", "995"})
"""Mail is registered by its IANA port."""
