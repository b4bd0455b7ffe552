"""The share of the relay that exists as messages: M-Send.req as handsets post them, in the folders of two taps, and what is true of each.

A forward holds the seed's picture as the sender's handset leaves it, once in four after another handset had it before; whatever else people
send holds a picture that is nobody's seed. What was sent again is the same in every octet, but for the second sidecar. The tap `spool` sees
the MMSC's answers, so it knows a message's id, where the handset saw an answer; the tap `proxy` knows who sent it, and when.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from mmsd.codec import mms, multipart, smil
from mmsd.codec.multipart import Part
from mmsd.codec.tables import charsets
from mmsd.codec.tables import mms as table
from mmsd.codec.wsp import ContentType
from sim.relay.handsets import TREATMENTS, UNTOUCHED
from sim.relay.lines import message_id
from sim.relay.people import FIRST, MODELS
from sim.relay.plan import FORWARD, Messages, Relay

TAPS: Final = ("spool", "proxy")
LARGEST: Final = 65_000
"""Octets of a message: the MMSC takes no longer ones."""
EXACT, ALTERED, NOTHING = "exact", "altered", "nothing"
"""What a copy must be found to hold: the seed by its octets, the seed whatever was done to it, no seed."""
_HANDED: Final = 0.25
"""Share of the altered forwards that another handset altered before."""
_AFTER: Final = 100_000
"""µs from a submit to when a tap has its copy."""
_SMIL: Final = "application/smil"


class Pictures(NamedTuple):
    """What is sent: the seed's picture, marked, and some that are nobody's. Octets of JPEG files."""

    seed: bytes
    others: Sequence[bytes]


class Real(NamedTuple):
    """A line of `real.csv`: a message, and what its copy must be found to be."""

    message: str  # the MMSC's id
    origin: str  # id of the message that it is the same as
    tap: str
    must: str  # EXACT, ALTERED, NOTHING


def leave(relay: Relay, pictures: Pictures, out: Path, seed: int = 0) -> Relay:
    """Writes a PDU and a sidecar for each real message into `out/taps/…`, and `out/real.csv`; the relay with the octets of these messages.

    ValueError: a message is longer than the MMSC takes.
    """
    messages, sizes = relay.messages, relay.messages.size.copy()
    for tap in TAPS:
        (out / "taps" / tap).mkdir(parents=True)
    made: dict[int, tuple[bytes, str]] = {}  # what may be sent again, by row
    rows: list[Real] = []
    for row in np.flatnonzero(messages.real).tolist():
        origin = int(messages.origin[row])
        found = made.pop(origin, None) if origin != row else None
        pdu, must = found or _composed(relay, row, pictures, random.Random(seed << 32 | row))
        if messages.lost[row]:
            made[row] = pdu, must
        if len(pdu) > LARGEST:
            raise ValueError(f"a message of {len(pdu)} octets: take smaller pictures")
        sizes[row] = len(pdu)
        tap = TAPS[origin % len(TAPS)]
        _write(out / "taps" / tap, messages, row, pdu, knows=tap == "spool" and not messages.lost[row])
        rows.append(Real(message_id(row), message_id(origin), tap, must))
    text = [",".join(Real._fields), *map(",".join, rows)]
    (out / "real.csv").write_text("\n".join(text) + "\n")
    return replace(relay, messages=replace(messages, size=sizes))


def _write(folder: Path, messages: Messages, row: int, pdu: bytes, *, knows: bool) -> None:
    known = {"at": int(messages.at[row]) + _AFTER, "sender": str(FIRST + int(messages.sender[row]))}
    if knows:
        known["message"] = message_id(row)
    (folder / f"{row:08d}.json").write_bytes(msgspec.json.encode(known))
    (folder / f"{row:08d}.mms").write_bytes(pdu)


def _composed(relay: Relay, row: int, pictures: Pictures, draw: random.Random) -> tuple[bytes, str]:
    """A PDU, and what it must be found to hold."""
    messages, models = relay.messages, relay.people.model
    model = MODELS[models[messages.sender[row]]]
    if messages.kind[row] != FORWARD:
        return _pdu(relay, row, draw.choice(pictures.others), model.treats), NOTHING
    picture = pictures.seed
    if model.treats not in UNTOUCHED and draw.random() < _HANDED:
        picture = TREATMENTS[draw.choice(("strip", "recompress"))](picture, draw)
    picture = TREATMENTS[model.treats](picture, draw)
    return _pdu(relay, row, picture, model.treats), EXACT if model.treats in UNTOUCHED else ALTERED


def _pdu(relay: Relay, row: int, picture: bytes, treats: str) -> bytes:
    """As the handset writes it: its own names of parts, or none, with a presentation or without."""
    media = "image/gif" if picture.startswith(b"GIF8") else "image/jpeg"
    ending = media.removeprefix("image/")
    if treats == "strip":
        related, parts = False, [multipart.part(media, picture, name=f"image{row % 100:02d}.{ending}")]
    else:
        related, parts = True, _shown(multipart.part(media, picture, name=f"{row % 1000}.{ending}", cid="2"))
    headers: list[mms.Header] = [
        (table.MESSAGE_TYPE, table.M_SEND_REQ),
        (table.TRANSACTION_ID, b"T%08d" % relay.messages.origin[row]),
        (table.MMS_VERSION, 0x90),
        (table.FROM, table.INSERT_ADDRESS),
        *((table.TO, mms.Text(b"+%d/TYPE=PLMN" % number)) for number in _receivers(relay, row)),
    ]
    if related:
        kind = ContentType("application/vnd.wap.multipart.related", (("type", _SMIL.encode()), ("start", b"<0>")))
    else:
        kind = ContentType("application/vnd.wap.multipart.mixed")
    return mms.encode([*headers, (table.CONTENT_TYPE, kind)], multipart.encode(parts))


def _shown(picture: Part) -> list[Part]:
    start = smil.encode([smil.Slide((smil.Item("img", "cid:2", "Image"),), 5000)])
    return [multipart.part(_SMIL, start, charset=charsets.UTF_8, name="0.smil", cid="0"), picture]


def _receivers(relay: Relay, row: int) -> list[int]:
    """Their numbers."""
    first, stop = np.searchsorted(relay.legs.message, (row, row + 1)).tolist()
    return [FIRST + rank for rank in relay.legs.receiver[first:stop].tolist()]


def read(path: Path) -> list[Real]:
    """`real.csv` again."""
    return [Real(*line.split(",")) for line in path.read_text().splitlines()[1:]]
