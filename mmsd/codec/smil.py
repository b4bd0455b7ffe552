"""SMIL as MMS uses it (OMA-TS-MMS-CONF, SMIL 2.0 basic): which part is shown on which slide, and where. Both ways.

Read by its tags alone, in one pass over a bounded text: no DTD, no entity but XML's own five and characters by number, no nesting to fall
into. Handsets leave tags open, quote badly and repeat themselves; what cannot be read is left out and named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from mmsd.codec import text
from mmsd.codec.tables import charsets
from mmsd.errors import DecodeError, EncodeError

LIMIT: Final = 64 * 1024
"""Octets of a SMIL part. Handsets send one or two thousand."""
_SLIDES: Final = 200
_CLAUSE: Final = "OMA-MMS-CONF 6"

MEDIA: Final = frozenset({"img", "text", "audio", "video", "ref", "animation", "textstream"})


class Item(NamedTuple):
    """One part on a slide."""

    kind: str  # the tag: img, text, audio, video, ref
    source: str  # src as it stands: `cid:` and a Content-ID, or a Content-Location
    region: str = ""


class Slide(NamedTuple):
    """What is shown at one time."""

    items: tuple[Item, ...]
    milliseconds: int = -1  # dur; −1 = not given


class Region(NamedTuple):
    """Where an item is put: lengths as they stand ("50%", "120")."""

    name: str
    left: str = "0"
    top: str = "0"
    width: str = "100%"
    height: str = "100%"


class Smil(NamedTuple):
    """A presentation, and what was survived in reading it."""

    slides: tuple[Slide, ...]
    regions: tuple[Region, ...] = ()
    faults: tuple[DecodeError, ...] = ()


_ATTRIBUTE: Final = re.compile(r"""(?<![\w:.-])([\w:.-]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""")
"""Possessive: a failing match does not try again, whatever stands in the tag."""
_ENTITY: Final = re.compile(r"&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{1,5}));")
_ENTITIES: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_TIME: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|min|h)?")
_UNITS: Final = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}
_FOREVER: Final = 10**9  # ms, eleven days


def decode(raw: bytes, charset: int = charsets.ANY) -> Smil:
    """A SMIL part in its character set (MIBenum; 0 = unknown). DecodeError when it holds no tag of SMIL, or is longer than LIMIT.

    >>> decode(b'<smil><body><par dur="5s"><img src="a.jpg" region="Image"/></par></body></smil>').slides
    (Slide(items=(Item(kind='img', source='a.jpg', region='Image'),), milliseconds=5000),)
    """
    if len(raw) > LIMIT:
        raise DecodeError(f"{len(raw)} octets are no presentation for a handset", offset=LIMIT, clause=_CLAUSE)
    document = text.decode(raw, charset)
    octets = 16 * len(raw) // max(len(document), 1)  # sixteenths of an octet a character: places are near enough to find the fault
    slides: list[Slide] = []
    regions: list[Region] = []
    faults: list[DecodeError] = []
    items: list[Item] = []
    inside = known = False
    lasts = -1
    at = 0
    while (at := document.find("<", at)) >= 0:
        if document.startswith("<!--", at):
            stop = document.find("-->", at)
        else:
            stop = document.find(">", at)
        if stop < 0:
            faults.append(DecodeError("a tag does not end", offset=at * octets // 16, clause=_CLAUSE))
            break
        tag, start, at = document[at + 1 : stop], at, stop + 1
        closing = tag.startswith("/")
        name = re.match(r"/?([\w:.-]*)", tag)
        kind = name[1].rpartition(":")[2].lower() if name else ""
        known = known or kind == "smil"
        if kind == "par":
            if inside:
                slides.append(Slide(tuple(items), lasts))
            items, inside = [], not closing and not tag.endswith("/")
            if not closing:
                lasts = _milliseconds(_attributes(tag).get("dur", ""))
                if not inside:
                    slides.append(Slide((), lasts))
        elif kind == "region" and not closing:
            values = _attributes(tag)
            named = values.get("id") or values.get("xml:id") or values.get("regionname", "")
            regions.append(Region(named, *(values.get(key, other) for key, other in _SIDES)))
        elif kind in MEDIA and not closing:
            values = _attributes(tag)
            if "src" in values:
                items.append(Item(kind, values["src"], values.get("region", "")))
                if not inside:
                    slides.append(Slide(tuple(items), _milliseconds(values.get("dur", ""))))
                    items = []
            else:
                faults.append(DecodeError(f"<{kind}> names no part", offset=start * octets // 16, clause=_CLAUSE))
        if len(slides) >= _SLIDES:
            faults.append(DecodeError("too many slides", offset=start * octets // 16, clause=_CLAUSE))
            break
    if inside and items:
        faults.append(DecodeError("the last slide does not end", offset=len(raw), clause=_CLAUSE))
        slides.append(Slide(tuple(items), lasts))
    if not known and not slides:
        raise DecodeError("no SMIL", offset=0, clause=_CLAUSE)
    return Smil(tuple(slides), tuple(regions), tuple(faults))


_SIDES: Final = (("left", "0"), ("top", "0"), ("width", "100%"), ("height", "100%"))


def _attributes(tag: str) -> dict[str, str]:
    """By name in lower case; of one given twice the first counts."""
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(tag):
        found.setdefault(name.lower(), _ENTITY.sub(_character, double or single or bare.rstrip("/")))
    return found


def _character(entity: re.Match[str]) -> str:
    decimal, hexadecimal, name = entity.groups()
    if name:
        return _ENTITIES.get(name, entity[0])
    point = int(decimal or hexadecimal, 10 if decimal else 16)
    return chr(point) if 0x20 <= point < 0xD800 or 0xE000 <= point < 0x110000 else "\ufffd"


def _milliseconds(duration: str) -> int:
    """A clock value; −1 for none, for one in words ("indefinite"), and for more than days.

    >>> [_milliseconds(given) for given in ("5s", "5000ms", "2.5", "1min", "00:00:05", "indefinite", "", "1000h")]
    [5000, 5000, 2500, 60000, 5000, -1, -1, -1]
    """
    value = _clock(duration.strip())
    return value if value < _FOREVER else -1


def _clock(duration: str) -> int:
    hours, colon, rest = duration.rpartition(":")
    if colon and all(part.isdecimal() and len(part) < 5 for part in hours.split(":")[:2]):
        minutes = 0
        for part in hours.split(":")[:2]:
            minutes = minutes * 60 + int(part)
        found = _TIME.fullmatch(rest)
        return minutes * 60_000 + round(float(found[1]) * 1000) if found and not found[2] else -1
    found = _TIME.fullmatch(duration)
    return round(float(found[1]) * _UNITS[found[2] or "s"]) if found else -1


def _quoted(value: str) -> str:
    return '"' + value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;") + '"'


IMAGE: Final = Region("Image", "0", "0", "100%", "70%")
TEXT: Final = Region("Text", "0", "70%", "100%", "30%")


def encode(slides: Iterable[Slide], regions: Iterable[Region] = (IMAGE, TEXT)) -> bytes:
    """A presentation in UTF-8 as every handset shows it: one <par> a slide. EncodeError for an item that is no medium, a region unknown,
    a slide of more than days.

    >>> encode([Slide((Item("text", "a.txt"),), 5000)], ()).decode()
    '<smil><head><layout><root-layout/></layout></head><body><par dur="5000ms"><text src="a.txt"/></par></body></smil>'
    """
    layout = list(regions)
    names = {region.name for region in layout}
    parts = ["<smil><head><layout><root-layout/>"]
    for name, left, top, width, height in layout:
        sides = f"left={_quoted(left)} top={_quoted(top)} width={_quoted(width)} height={_quoted(height)}"
        parts.append(f"<region id={_quoted(name)} {sides}/>")
    parts.append("</layout></head><body>")
    for items, milliseconds in slides:
        if milliseconds >= _FOREVER:
            raise EncodeError(f"no slide lasts {milliseconds} ms")
        parts.append(f'<par dur="{milliseconds}ms">' if milliseconds >= 0 else "<par>")
        for kind, source, region in items:
            if kind not in MEDIA:
                raise EncodeError(f"no medium of SMIL: {kind}")
            if region and region not in names:
                raise EncodeError(f"no region has the name {region}")
            put = f" region={_quoted(region)}" if region else ""
            parts.append(f"<{kind} src={_quoted(source)}{put}/>")
        parts.append("</par>")
    parts.append("</body></smil>")
    return "".join(parts).encode()
