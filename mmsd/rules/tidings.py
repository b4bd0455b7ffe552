"""News for care as rows: what happened to one subscriber, told in the transaction in which it happened, and taken in later (docs/care.md).

>>> unpack(*pack(Cleared(frozenset({"BAD_APN"}))))
Cleared(causes=frozenset({'BAD_APN'}), reason='cleared')
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, get_args

import msgspec

from mmsd.model import Outgoing, Tiding
from mmsd.rules import outbox
from mmsd.rules.cases import Act
from mmsd.rules.casework import Cleared, Left, News, PushFailed, Unsent

__all__ = ["Cleared", "Errand", "errand", "of_outbox", "pack", "tiding", "unpack"]

_KINDS: Final[dict[str, Any]] = {kind.__name__: kind for kind in get_args(News)}
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODERS: Final = {name: msgspec.msgpack.Decoder(kind) for name, kind in _KINDS.items()}

QUESTION: Final = "ask"
PUSH: Final = "push"
_ACTS: Final = {QUESTION: Act.QUESTION, PUSH: Act.PUSH}
_UNSENT: Final = frozenset({outbox.DROPPED, outbox.EXPIRED, outbox.SHADOW})


def pack(news: News) -> tuple[str, bytes]:
    """The name of its kind, and its fields."""
    return type(news).__name__, _ENCODER.encode(news)


def unpack(what: str, body: bytes) -> News:
    """What `pack` made."""
    news: News = _DECODERS[what].decode(body)
    return news


def tiding(number: str, at: int, news: News) -> Tiding:
    """A piece of news as it goes into a Batch."""
    return Tiding(number, at, *pack(news))


class Errand(NamedTuple):
    """What a message of care is for: which case, and which of its messages."""

    purpose: str
    case: int
    part: str = ""


def errand(purpose: str) -> Errand | None:
    """Read from a row's purpose, `ask:3` or `push:3:pin`; None for a message that is none of care's.

    >>> errand("push:3:pin"), errand("serial")
    (Errand(purpose='push', case=3, part='pin'), None)
    """
    name, _, rest = purpose.partition(":")
    case, _, part = rest.partition(":")
    return Errand(name, int(case), part) if name in _ACTS and case.isdigit() else None


def of_outbox(rows: Iterable[Outgoing], now: int) -> list[Tiding]:
    """What care has to know of rows that moved: a question or a push left, will not leave, or did not arrive.

    A push may be several messages; the one that carries the settings speaks for it, the others (a PIN, an announcement) only when lost.
    """
    told = []
    for row in rows:
        about = errand(row.purpose)
        if about is None or not row.msisdn:  # whoever was erased since is nobody to be told of
            continue
        act = _ACTS[about.purpose]
        news: News
        if row.state in (outbox.SENT, outbox.DELIVERED):
            if about.part:
                continue
            news = Left(act, about.case)
        elif row.state in _UNSENT and not row.tries:
            news = Unsent(act, about.case, row.reason or row.state)
        elif row.state == outbox.FAILED or row.state in _UNSENT:
            news = PushFailed(about.case, row.reason or row.state) if act is Act.PUSH else Unsent(act, about.case, row.reason or row.state)
        else:
            continue
        told.append(tiding(row.msisdn, now, news))
    return told
