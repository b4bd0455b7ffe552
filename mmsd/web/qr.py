"""QR codes as SVG: a serial on a page or a print, read by a camera instead of typed."""

from __future__ import annotations

import io

import segno

from mmsd.errors import EncodeError


def svg(text: str, *, scale: int = 4) -> str:
    """The QR code of a text (ISO/IEC 18004, a quarter of it may be lost), `scale` pixels a module, four modules of quiet zone.

    EncodeError for a text that no code holds.

    >>> svg("R6C2S7HYDNV62B")[:59]
    '<svg xmlns="http://www.w3.org/2000/svg" width="116" height='
    """
    try:
        code = segno.make_qr(text, error="q")
    except (segno.DataOverflowError, ValueError) as error:
        raise EncodeError(f"no QR code holds this text: {error}") from None
    out = io.BytesIO()
    code.save(out, kind="svg", xmldecl=False, scale=scale, border=4, svgclass=None, lineclass=None, light="#fff")
    return out.getvalue().decode()
