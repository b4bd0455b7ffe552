"""3GPP TS 23.038: the GSM 7-bit default alphabet and its extension. National tables are not used: nobody sends them in China."""

from __future__ import annotations

from typing import Final

ESCAPE: Final = 0x1B

# ------------------------------------------------------------------------------------------- 6.2.1: default alphabet, in order

DEFAULT: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)

# ------------------------------------------------------------------------------------------------- 6.2.1.1: behind an escape

EXTENSION: Final = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
