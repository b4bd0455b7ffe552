"""The journal of copies that mmsd looked into itself: sealed lines, each one copy with what was seen in it (`link.journal` writes them).

Not a dialect that a feed can name: its lines open with the key file alone.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable
from typing import ClassVar, Final

import msgspec
import numpy as np

from mmsd.errors import StoreDamaged
from mmsd.fast import hash64
from mmsd.logs.dialect import Key
from mmsd.logs.plan import Explained
from mmsd.model import COLUMNS, Kind, Parsed, Records, Reject, Rejects, Sighted, TextColumn, where

NAME: Final = "inspected"
COUNTED: Final = frozenset({Sighted.EXACT, Sighted.MARK, Sighted.REGISTERED})
_SAMPLES: Final = 20


class Look(msgspec.Struct, frozen=True, array_like=True):
    """A copy that was looked into; or `n` that were not, of nobody; or, without anything seen, that all up to `at` was looked into."""

    id: bytes  # of the copy (`model.Copy`); b"" = of none
    at: int
    tap: str = ""
    sender: int = 0
    receivers: tuple[int, ...] = ()
    octets: int = -1
    message: str = ""
    transaction: str = ""
    seen: tuple[tuple[str, int, int], ...] = ()  # (campaign/seed, Sighted, thousandths of a score)
    n: int = 1


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Look)


def written(look: Look, seal: Callable[[bytes], bytes]) -> bytes:
    return b64encode(seal(_ENCODER.encode(look))) + b"\n"


def read(line: bytes, unseal: Callable[[bytes], bytes]) -> Look:
    """ValueError or StoreDamaged: it was not written so."""
    look = _DECODER.decode(unseal(b64decode(line, validate=True)))
    if not 0 <= look.at < 1 << 62:
        raise ValueError("no time")
    return look


class Inspected:
    """Lines of the journal → COPY records: one for each receiver and seed that counts, one alone for whatever else was seen."""

    name: ClassVar[str] = NAME

    def __init__(self, key: Key, unseal: Callable[[bytes], bytes]) -> None:
        self._key = key
        self._unseal = unseal

    def scan(self, data: bytes, *, ordinal: int, offset: int, final: bool) -> Parsed:
        """As every dialect's. What does not open is a reject: another key file, or a line that was cut."""
        at, lines = 0, 0
        rows: list[tuple[Look, int, int, tuple[str, int, int]]] = []  # (copy, where, receiver, what was seen)
        rejects: Counter[str] = Counter()
        samples: list[Reject] = []
        while (end := data.find(b"\n", at)) >= 0 or (final and at < len(data)):
            stop = end if end >= 0 else len(data)
            line, place = data[at:stop], where(ordinal, offset + at)
            at = min(stop + 1, len(data))
            lines += 1
            try:
                look = read(line, self._unseal)
            except (ValueError, msgspec.DecodeError, StoreDamaged):
                rejects["sealed with another key, or damaged"] += 1
                samples.append(Reject("sealed with another key, or damaged", "line", place))
                continue
            for seen in look.seen or (("", -1, 0),):
                receivers = look.receivers if seen[1] in COUNTED else (0,)
                rows += [(look, place, receiver, seen) for receiver in receivers]
        return Parsed(self._records(rows), Rejects(dict(rejects), tuple(samples[:_SAMPLES])), at, lines)

    def explain(self, line: bytes) -> Explained:
        """Nothing: what a line says of people is not shown."""
        return Explained((), 0, "a sealed line")

    def _records(self, rows: list[tuple[Look, int, int, tuple[str, int, int]]]) -> Records:
        if not rows:
            return Records.empty()
        texts = {
            "message": [look.message for look, *_ in rows], "transaction": [look.transaction for look, *_ in rows],
            "tag": [seen[0] for *_, seen in rows], "fid": [look.tap for look, *_ in rows],
        }  # fmt: skip
        columns = {
            "at": [look.at for look, *_ in rows],
            "kind": [Kind.COPY if look.seen else Kind.NONE for look, *_ in rows],
            "where": [place for _, place, _, _ in rows],
            "sender": [look.sender for look, *_ in rows],
            "receiver": [receiver for _, _, receiver, _ in rows],
            "size": [look.octets for look, *_ in rows],
            "status": [seen[1] for *_, seen in rows],
            "latency": [seen[2] for *_, seen in rows],
            "octets": [look.n for look, *_ in rows],
            **{name: [self._hashed(text) for text in texts[name]] for name in ("message", "transaction", "tag")},
            "link": [self._hashed(text) for text in texts["fid"]],
        }
        return Records(
            len(rows), {name: np.array(values, COLUMNS[name]) for name, values in columns.items()},
            {name: _column([value.encode() for value in values]) for name, values in texts.items()},
        )  # fmt: skip

    def _hashed(self, text: str) -> int:
        return hash64(text.encode(), self._key) if text else 0


def _column(texts: list[bytes]) -> TextColumn:
    stop = np.cumsum([len(text) for text in texts], dtype=np.int64)
    return TextColumn(b"".join(texts), stop - np.array([len(text) for text in texts], np.int64), stop)
