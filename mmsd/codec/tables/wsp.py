"""Numbers of WAP-230-WSP-20010705 appendix A and of the OMNA registry it refers to."""

from __future__ import annotations

from typing import Final

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

# -------------------------------------------------------------------------------------------------- table 39: a header field

X_WAP_APPLICATION_ID: Final = 0x2F

MMS_UA: Final = 0x04  # OMNA PUSH application ids: x-wap-application:mms.ua

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
