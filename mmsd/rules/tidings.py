"""News for care as rows: what happened to one subscriber, told in the transaction in which it happened, and taken in later (docs/care.md).

>>> unpack(*pack(PushFailed(1, "EXPIRED")))
PushFailed(case=1, reason='EXPIRED', nth=0)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, get_args

import msgspec

from mmsd.model import Outgoing, Tiding
from mmsd.rules import outbox
from mmsd.rules.cases import Act
from mmsd.rules.casework import Left, News, PushFailed, Unsent
from mmsd.rules.letters import Letter

_KINDS: Final[dict[str, Any]] = {kind.__name__: kind for kind in get_args(News)}
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODERS: Final = {name: msgspec.msgpack.Decoder(kind) for name, kind in _KINDS.items()}

PURPOSES: Final = {Act.QUESTION: "ask", Act.PUSH: "push", Act.TEST: "probe", Act.RENOTIFY: outbox.RENOTIFY}
_ACTS: Final = {name: act for act, name in PURPOSES.items()}
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
    """What a row of the outbox is for: the nth question or push of a case, or what follows that push."""

    act: Act
    case: int
    nth: int


def addressed(letter: Letter) -> Outgoing:
    """The row of a letter, as it is asked for: its purpose tells which letter it is, so that what became of it finds its way back."""
    name = PURPOSES[letter.what] if letter.what is not None else letter.row.purpose
    purpose = f"{name}:{letter.case}:{letter.nth}" if letter.what is not None else name
    return msgspec.structs.replace(letter.row, purpose=purpose)


def errand(purpose: str) -> Errand | None:
    """Read from a row's purpose; None of what belongs to no case.

    >>> errand("push:3:1"), errand("serial")
    (Errand(act=<Act.PUSH: 'push'>, case=3, nth=1), None)
    """
    name, _, rest = purpose.partition(":")
    case, _, nth = rest.partition(":")
    return Errand(_ACTS[name], int(case), int(nth)) if name in _ACTS and case.isdigit() and nth.isdigit() else None


def of_outbox(rows: Iterable[Outgoing], now: int) -> list[Tiding]:
    """What care has to know of rows that moved: a question or a push left, will not leave, or did not arrive."""
    told = []
    for row in rows:
        about = errand(row.purpose)
        if about is None or not row.msisdn:  # whoever was erased since is nobody to be told of
            continue
        news = _news(row, about)
        if news is not None:
            told.append(tiding(row.msisdn, now, news))
    return told


def _news(row: Outgoing, about: Errand) -> News | None:
    if about.act in (Act.TEST, Act.RENOTIFY):
        return None  # what comes of them, lines show
    reason = row.reason or row.state
    if row.state in (outbox.SENT, outbox.DELIVERED):
        return Left(*about)
    if row.state == outbox.FAILED or (row.state in _UNSENT and row.tries):
        return PushFailed(about.case, reason, about.nth) if about.act is Act.PUSH else Unsent(about.act, about.case, reason, about.nth)
    return Unsent(about.act, about.case, reason, about.nth) if row.state in _UNSENT else None
