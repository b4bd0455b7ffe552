"""Numbers of WAP-230-WSP-20010705 appendix A and of the OMNA registry it refers to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

PUSH: Final = 0x06  # table 34: PDU type of Push

# ------------------------------------------------------------------------------------------- table 40: content types, in order

MEDIA: Final = (
    "*/*", "text/*", "text/html", "text/plain", "text/x-hdml", "text/x-ttml", "text/x-vCalendar", "text/x-vCard",
    "text/vnd.wap.wml", "text/vnd.wap.wmlscript", "text/vnd.wap.wta-event", "multipart/*", "multipart/mixed",
    "multipart/form-data", "multipart/byteranges", "multipart/alternative",
    # 0x10
    "application/*", "application/java-vm", "application/x-www-form-urlencoded", "application/x-hdmlc",
    "application/vnd.wap.wmlc", "application/vnd.wap.wmlscriptc", "application/vnd.wap.wta-eventc",
    "application/vnd.wap.uaprof", "application/vnd.wap.wtls-ca-certificate", "application/vnd.wap.wtls-user-certificate",
    "application/x-x509-ca-cert", "application/x-x509-user-cert", "image/*", "image/gif", "image/jpeg", "image/tiff",
    # 0x20
    "image/png", "image/vnd.wap.wbmp", "application/vnd.wap.multipart.*", "application/vnd.wap.multipart.mixed",
    "application/vnd.wap.multipart.form-data", "application/vnd.wap.multipart.byteranges",
    "application/vnd.wap.multipart.alternative", "application/xml", "text/xml", "application/vnd.wap.wbxml",
    "application/x-x968-cross-cert", "application/x-x968-ca-cert", "application/x-x968-user-cert", "text/vnd.wap.si",
    "application/vnd.wap.sic", "text/vnd.wap.sl",
    # 0x30
    "application/vnd.wap.slc", "text/vnd.wap.co", "application/vnd.wap.coc", "application/vnd.wap.multipart.related",
    "application/vnd.wap.sia", "text/vnd.wap.connectivity-xml", "application/vnd.wap.connectivity-wbxml",
    "application/pkcs7-mime", "application/vnd.wap.hashed-certificate", "application/vnd.wap.signed-certificate",
    "application/vnd.wap.cert-response", "application/xhtml+xml", "application/wml+xml", "text/css",
    "application/vnd.wap.mms-message", "application/vnd.wap.rollover-certificate",
    # 0x40
    "application/vnd.wap.locc+wbxml", "application/vnd.wap.loc+xml", "application/vnd.syncml.dm+wbxml",
    "application/vnd.syncml.dm+xml", "application/vnd.syncml.notification", "application/vnd.wap.xhtml+xml",
    "application/vnd.wv.csp.cir", "application/vnd.oma.dd+xml", "application/vnd.oma.drm.message",
    "application/vnd.oma.drm.content", "application/vnd.oma.drm.rights+xml", "application/vnd.oma.drm.rights+wbxml",
    "application/vnd.wv.csp+xml", "application/vnd.wv.csp+wbxml", "application/vnd.syncml.ds.notification", "audio/*",
    # 0x50
    "video/*", "application/vnd.oma.dd2+xml", "application/mikey", "application/vnd.oma.dcd", "application/vnd.oma.dcdc",
)  # fmt: skip
"""Content type by its number: `MEDIA[0x3E]` is an MMS PDU."""

# ------------------------------------------------------------------------- table 39: header fields, and the forms of their values


class Header(NamedTuple):
    """A header field: its name, the items its value may be when it stands alone, those that follow a Value-length.

    Items: `i` integer, `d` date (a Long-integer), `t` text, `w` word, `n` number or token, `m` content type, `F` field name; behind a
    Value-length also `u` uintvar, `x` uintvar or 128 for "unknown", `O` octets, `C` cookies, `P` parameters; `[` what follows may be left
    out; `*` repeats the item before it.
    """

    name: str
    alone: str = ""
    within: Mapping[str, str] = {}  # leading word → items behind it; "" = any other word; None of them: `items`
    items: str = ""
    words: Mapping[int, str] = {}  # by Short-integer


def _words(*names: str, start: int = 0) -> dict[int, str]:
    return dict(enumerate(names, start))


_METHODS: Final = {0x40: "GET", 0x41: "OPTIONS", 0x42: "HEAD", 0x43: "DELETE", 0x44: "TRACE", 0x60: "POST", 0x61: "PUT"}  # table 34
_CODINGS: Final = _words("gzip", "compress", "deflate", "*")
_BASIC: Final = _words("basic")
_CACHE: Final = _words(
    "no-cache", "no-store", "max-age", "max-stale", "min-fresh", "only-if-cached", "public", "private", "no-transform",
    "must-revalidate", "proxy-revalidate", "s-maxage",
)  # fmt: skip
_CACHE_WITHIN: Final = {
    "no-cache": "F*", "private": "F*", "max-age": "i", "max-stale": "i", "min-fresh": "i", "s-maxage": "i", "": "P",
}  # fmt: skip
_CREDENTIALS: Final = {"basic": "tt", "": "P"}
_CHALLENGE: Final = {"basic": "t", "": "tP"}
_DISPOSITIONS: Final = _words("form-data", "attachment", "inline")

HEADERS: Final = (
    Header("Accept", "m", items="m"),
    Header("Accept-Charset", "n", items="n[u"),
    Header("Accept-Encoding", "w", items="w[u", words=_CODINGS),
    Header("Accept-Language", "n", items="n[u"),
    Header("Accept-Ranges", "w", words=_words("none", "bytes")),
    Header("Age", "i"),
    Header("Allow", "w", words=_METHODS),
    Header("Authorization", within=_CREDENTIALS, words=_BASIC),
    Header("Cache-Control", "w", within=_CACHE_WITHIN, words=_CACHE),
    Header("Connection", "w", words=_words("close")),
    Header("Content-Base", "t"),
    Header("Content-Encoding", "w", words=_CODINGS),
    Header("Content-Language", "n"),
    Header("Content-Length", "i"),
    Header("Content-Location", "t"),
    Header("Content-MD5", items="O"),
    # 0x10
    Header("Content-Range", items="ux"),
    Header("Content-Type", "m", items="m"),
    Header("Date", "d"),
    Header("Etag", "t"),
    Header("Expires", "d"),
    Header("From", "t"),
    Header("Host", "t"),
    Header("If-Modified-Since", "d"),
    Header("If-Match", "t"),
    Header("If-None-Match", "t"),
    Header("If-Range", "td"),
    Header("If-Unmodified-Since", "d"),
    Header("Location", "t"),
    Header("Last-Modified", "d"),
    Header("Max-Forwards", "i"),
    Header("Pragma", "w", items="P", words=_words("no-cache")),
    # 0x20
    Header("Proxy-Authenticate", within=_CHALLENGE, words=_BASIC),
    Header("Proxy-Authorization", within=_CREDENTIALS, words=_BASIC),
    Header("Public", "w", words=_METHODS),
    Header("Range", within={"byte-range": "u[u", "suffix": "u"}, words=_words("byte-range", "suffix")),
    Header("Referer", "t"),
    Header("Retry-After", within={"absolute": "d", "relative": "i"}, words=_words("absolute", "relative")),
    Header("Server", "t"),
    Header("Transfer-Encoding", "w", words=_words("chunked")),
    Header("Upgrade", "t"),
    Header("User-Agent", "t"),
    Header("Vary", "F"),
    Header("Via", "t"),
    Header("Warning", "i", items="itt"),
    Header("WWW-Authenticate", within=_CHALLENGE, words=_BASIC),
    Header("Content-Disposition", "w", within={"": "P"}, words=_DISPOSITIONS),
    Header("X-Wap-Application-Id", "it"),
    # 0x30
    Header("X-Wap-Content-URI", "t"),
    Header("X-Wap-Initiator-URI", "t"),
    Header("Accept-Application", "it"),
    Header("Bearer-Indication", "i"),
    Header("Push-Flag", "i"),
    Header("Profile", "t"),
    Header("Profile-Diff", items="O"),
    Header("Profile-Warning", "i", items="itd*"),
    Header("Expect", "w", items="P", words=_words("100-continue")),
    Header("TE", "w", within={"": "P"}, words=_words("trailers", "chunked", "identity", "gzip", "compress", "deflate", start=1)),
    Header("Trailer", "F"),
    Header("Accept-Charset", "n", items="n[u"),
    Header("Accept-Encoding", "w", items="w[u", words=_CODINGS),
    Header("Cache-Control", "w", within=_CACHE_WITHIN, words=_CACHE),
    Header("Content-Range", items="ux"),
    Header("X-Wap-Tod", "d"),
    # 0x40
    Header("Content-ID", "t"),
    Header("Set-Cookie", items="nttP"),
    Header("Cookie", items="nC"),
    Header("Encoding-Version", "n", items="i[n"),
    Header("Profile-Warning", "i", items="itd*"),
    Header("Content-Disposition", "w", within={"": "P"}, words=_DISPOSITIONS),
    Header("X-WAP-Security", "w", words=_words("close-subordinate")),
    Header("Cache-Control", "w", within=_CACHE_WITHIN, words=_CACHE),
)
"""Header field by its number; one that stands twice was revised by a later encoding version."""

X_WAP_APPLICATION_ID: Final = 0x2F

MMS_UA: Final = 0x04

APPLICATIONS: Final = {
    0x00: "*", 0x01: "push.sia", 0x02: "wml.ua", 0x03: "wta.ua", 0x04: "mms.ua", 0x05: "push.syncml", 0x06: "loc.ua",
    0x07: "syncml.dm", 0x08: "drm.ua", 0x09: "emn.ua", 0x0A: "wv.ua",
}  # fmt: skip
"""OMNA PUSH application ids: x-wap-application:…"""

# ---------------------------------------------------------------------------------- table 38: parameters (number → name, form)

Q: Final = "q"  # forms: a q-value
INTEGER: Final = "integer"
TEXT: Final = "text"
CHARSET: Final = "charset"
TYPE: Final = "type"  # Constrained-encoding: a content type as a short integer or text

PARAMETERS: Final = {
    0x00: ("q", Q),
    0x01: ("charset", CHARSET),
    0x02: ("level", INTEGER),
    0x03: ("type", INTEGER),
    0x05: ("name", TEXT),
    0x06: ("filename", TEXT),
    0x07: ("differences", INTEGER),
    0x08: ("padding", INTEGER),
    0x09: ("type", TYPE),  # of multipart/related
    0x0A: ("start", TEXT),
    0x0B: ("start-info", TEXT),
    0x0C: ("comment", TEXT),
    0x0D: ("domain", TEXT),
    0x0E: ("max-age", INTEGER),
    0x0F: ("path", TEXT),
    0x10: ("secure", INTEGER),
    0x11: ("SEC", INTEGER),
    0x12: ("MAC", TEXT),
    0x13: ("creation-date", INTEGER),
    0x14: ("modification-date", INTEGER),
    0x15: ("read-date", INTEGER),
    0x16: ("size", INTEGER),
    0x17: ("name", TEXT),  # from here on: encoding version 1.4 of the same
    0x18: ("filename", TEXT),
    0x19: ("start", TEXT),
    0x1A: ("start-info", TEXT),
    0x1B: ("comment", TEXT),
    0x1C: ("domain", TEXT),
    0x1D: ("path", TEXT),
}
