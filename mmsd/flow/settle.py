"""What centres said, folded into the rows it is about: answers, late answers, receipts, and what subscribers wrote.

Pure: `Settling` names the rows it must see, and makes a Batch of them inside the transaction (design R6). A receipt is matched by the
centre's id, by our key where the link knows it, and, for a row whose answer was lost, by what else it repeats: the user_message_reference,
our mark at the head of the text, or, over CMPP, receiver and time of the submit, over MM7 the receiver alone, when no other row fits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Protocol

from mmsd.link.carry import Accepted, Incoming, Late, Receipt, Refused, Uncertain
from mmsd.model import MINUTE, SECOND, Batch, Heard, Outgoing, Part
from mmsd.rules import outbox
from mmsd.rules.claim import restated
from mmsd.rules.tidings import of_outbox
from mmsd.store import Needs, Rows

_MARKS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # 32 signs, none that looks like another
_SKEW: Final = MINUTE
"""How far a gateway's clock may be from ours, and how long a message may wait in a link for its turn."""
_CHINA: Final = timedelta(hours=8)


class Answered(NamedTuple):
    """What became of one try of a row."""

    key: bytes
    link: str
    answer: Accepted | Refused | Uncertain | NotSent


class NotSent(NamedTuple):
    """Nothing of it was written. `never`: it cannot be."""

    why: str
    never: bool = False


class Told(NamedTuple):
    """A late answer or a receipt that came by a link, or what a subscriber wrote."""

    link: str
    event: Late | Receipt | Incoming


News = Answered | Told


class Listener(Protocol):
    """What is made of subscribers' messages, in the transaction that stores them and before the centre is told that we have them.

    It may see a message twice: a centre repeats what was not acknowledged.
    """

    def needs(self, heard: Sequence[Heard]) -> Needs: ...

    def decide(self, heard: Sequence[Heard], rows: Rows, now: int) -> Batch:
        """Pure; may run again. `rows` holds at least what was needed."""
        ...


class Deaf:
    """Nobody listens: messages are stored, and no more."""

    def needs(self, heard: Sequence[Heard]) -> Needs:
        return Needs()

    def decide(self, heard: Sequence[Heard], rows: Rows, now: int) -> Batch:
        return Batch(now)


class Way(NamedTuple):
    """How a link's receipts are known, beside by id, key and reference."""

    canonical: Callable[[str], str] = str  # an id of an answer as receipts' candidates are spelt
    by_time: bool = False  # a receipt's receiver and time of submit tell its message (CMPP)
    by_receiver: bool = False  # an id that nobody knows is that of the receiver's only message whose own id is not known (MM7)
    marked: bool = False  # texts begin with our mark


def mark(key: bytes) -> str:
    """Stands at the head of a text, where links are told to: four signs, the same at each try.

    >>> mark(bytes.fromhex("0badc0de"))
    'RDG2'
    """
    number = int.from_bytes(key[:3], "big")
    return "".join(_MARKS[number >> shift & 31] for shift in (15, 10, 5, 0))


class Settling:
    """One transaction's worth of news. `counts` says, after the last `decide`, what was made of receipts."""

    def __init__(
        self, news: Sequence[News], ways: Mapping[str, Way], listener: Listener, settings: outbox.Settings, day: Callable[[int], str]
    ) -> None:
        self._news = news
        self._ways = ways
        self._listener = listener
        self._settings = settings
        self._day = day
        self._heard = [_heard(each.link, each.event) for each in news if isinstance(each, Told) and isinstance(each.event, Incoming)]
        self.counts: Counter[str] = Counter()

    @property
    def needs(self) -> Needs:
        keys: set[bytes] = set()
        parts: set[tuple[str, str]] = set()
        unsure: set[tuple[str, str]] = set()
        for each in self._news:
            if isinstance(each, Answered):
                keys.add(each.key)
                if isinstance(each.answer, Accepted | Refused | Uncertain):
                    parts.update((each.link, self._ways[each.link].canonical(name)) for name in each.answer.ids)
            elif isinstance(each.event, Late):
                keys.update(_keys(each.event.answer.key))
            elif isinstance(each.event, Receipt):
                keys.update(_keys(each.event.key))
                parts.update((each.link, name) for name in each.event.candidates)
                if each.event.receiver:
                    unsure.add((each.link, each.event.receiver))
        return Needs(outbox=frozenset(keys), parts=frozenset(parts), unsure=frozenset(unsure)) | self._listener.needs(self._heard)

    def decide(self, rows: Rows, now: int) -> Batch:
        self.counts.clear()
        fold = _Fold(rows, now, self._settings)
        for each in self._news:
            way = self._ways[each.link]
            if isinstance(each, Answered):
                fold.answered(each, way)
            elif isinstance(each.event, Late):
                fold.late(each.link, each.event, way)
            elif isinstance(each.event, Receipt):
                self.counts[fold.receipt(each.link, each.event, way)] += 1
        batch = Batch(now, heard=self._heard)
        for key, row in fold.rows.items():
            before = rows.outbox[key]
            if row != before:
                batch.moved.append(row)
                batch.reserved += restated(before, row, self._day)
        batch.tidings += of_outbox(batch.moved, now)
        batch.parts = [part for name, part in fold.parts.items() if part != rows.parts.get(name)]
        if self._heard:
            batch.add(self._listener.decide(self._heard, rows, now))
        return batch


class _Fold:
    """Rows and parts as they become."""

    def __init__(self, rows: Rows, now: int, settings: outbox.Settings) -> None:
        self.rows: dict[bytes, Outgoing] = dict(rows.outbox)
        self.parts: dict[tuple[str, str], Part] = dict(rows.parts)
        self._unsure = rows.unsure
        self._before = rows.parts_of
        self._now = now
        self._settings = settings

    def answered(self, news: Answered, way: Way) -> None:
        row = self.rows.get(news.key)
        if row is None or row.state != outbox.SENDING:
            return
        match news.answer:
            case NotSent(why, never):
                after = outbox.moved(row, outbox.FAILED, reason=why) if never else outbox.not_taken(row, outbox.NOT_WRITTEN)
            case Accepted(_, ids):
                self._took(row.key, news.link, [(way.canonical(name), number) for number, name in enumerate(ids, 1)])
                after = outbox.sent(row, len(ids), now=self._now)
            case Refused(_, _, name, permanent, throttled, ids):
                self._took(row.key, news.link, [(way.canonical(each), 0) for each in ids])
                if permanent:
                    after = outbox.moved(row, outbox.FAILED, reason=name)
                elif throttled and not ids:
                    after = outbox.not_taken(row, outbox.THROTTLED)
                else:
                    after = outbox.refused_for_now(row, name, now=self._now, taken=bool(ids), settings=self._settings)
            case Uncertain(_, why, ids, parts):
                self._took(row.key, news.link, [(way.canonical(each), 0) for each in ids])
                after = outbox.uncertain(row, why, now=self._now, settings=self._settings)
                after = outbox.moved(after, outbox.UNCERTAIN, reason=why, parts=parts)
        self.rows[row.key] = after
        self._tell(row.key)

    def late(self, link: str, late: Late, way: Way) -> None:
        """An answer after all. A refusal moves the row only where it speaks of the whole message and of its last try."""
        (key,) = _keys(late.answer.key) or (b"",)
        row = self.rows.get(key)
        if row is None:
            return
        if isinstance(late.answer, Accepted):
            self._took(key, link, [(way.canonical(name), late.part) for name in late.answer.ids])
        elif row.state == outbox.UNCERTAIN and late.parts == 1:
            if late.submitted != row.submitted:  # an earlier try is known not to have been taken; of the last one nothing is
                self.rows[key] = outbox.moved(row, outbox.UNCERTAIN, reason=row.reason, tries=row.tries - 1)
            elif late.answer.permanent:
                self.rows[key] = outbox.moved(row, outbox.FAILED, reason=late.answer.name)
            else:
                reason = outbox.THROTTLED if late.answer.throttled else late.answer.name
                self.rows[key] = outbox.refused_for_now(row, reason, now=self._now, taken=False, settings=self._settings)
        self._tell(key)

    def receipt(self, link: str, receipt: Receipt, way: Way) -> str:
        """Takes it to its row; says how it was known, or that it was not."""
        part = self._part(link, receipt)
        how = "matched"
        if part is None:
            key, how = self._whose(link, receipt, way)
            if key is None:
                return "unknown"
            name = receipt.candidates[0] if receipt.candidates else way.canonical(receipt.id) or f"?{receipt.reference}"
            part = self.parts.get((link, name)) or Part(link, name, key, 0)
        if part.state in outbox.ARRIVED:
            return "repeated" if receipt.state == part.state else "overtaken"
        if part.final and receipt.state not in outbox.ARRIVED:
            return "repeated" if receipt.state == part.state else "overtaken"
        self.parts[link, part.message] = Part(link, part.message, part.key, part.number, receipt.state, receipt.final)
        self._tell(part.key)
        return how

    def _part(self, link: str, receipt: Receipt) -> Part | None:
        """By the centre's id. Spelt otherwise than as it stands, it counts only with the same receiver."""
        for place, name in enumerate(receipt.candidates):
            part = self.parts.get((link, name))
            row = self.rows.get(part.key) if part is not None else None
            if row is not None and (not place or not receipt.receiver or row.msisdn == receipt.receiver):
                return part
        return None

    def _whose(self, link: str, receipt: Receipt, way: Way) -> tuple[bytes | None, str]:
        """A row whose id of it is not known: by our key, or the only one of the receiver's that fits; and by what."""
        for key in _keys(receipt.key):
            if key in self.rows:
                return key, "by_key"
        open_rows = [self.rows[key] for key in self._unsure.get((link, receipt.receiver), ())]
        for how, fits in (
            ("by_reference", lambda row: row.reference == receipt.reference),
            ("by_mark", lambda row: way.marked and receipt.text.startswith(mark(row.key))),
            ("by_time", lambda row: way.by_time and _at_the_time(row, receipt)),
            ("by_receiver", lambda row: way.by_receiver),
        ):
            found = [row.key for row in open_rows if fits(row)]
            if len(found) == 1:
                return found[0], how
        return None, ""

    def _took(self, key: bytes, link: str, names: Sequence[tuple[str, int]]) -> None:
        """The centre took these parts. A receipt may have said more of one already."""
        for name, number in names:
            if name:
                known = self.parts.get((link, name))
                if known is None or known.key != key:
                    self.parts[link, name] = Part(link, name, key, number)
                elif number and not known.number:
                    self.parts[link, name] = Part(link, name, key, number, known.state, known.final)

    def _tell(self, key: bytes) -> None:
        parts = {(part.link, part.message): part for part in self._before.get(key, ())}
        parts |= {name: part for name, part in self.parts.items() if part.key == key}
        self.rows[key] = outbox.told(self.rows[key], parts.values())


def _keys(name: str | None) -> list[bytes]:
    """The row's key in a message's: its hex digits. None in what is not one of ours, such as a message sent by hand."""
    return [bytes.fromhex(name)] if name is not None and re.fullmatch(r"(?:[0-9a-f]{2})+", name) else []


def _at_the_time(row: Outgoing, receipt: Receipt) -> bool:
    """Whether a report's Submit_time (YYMMDDhhmm, China's time) may be that of the row's last try."""
    try:
        minute = datetime.strptime(receipt.submitted[:10], "%y%m%d%H%M").replace(tzinfo=UTC) - _CHINA
    except ValueError:
        return False
    began = round(minute.timestamp()) * SECOND
    return began - _SKEW <= row.submitted < began + MINUTE + _SKEW


def _heard(link: str, event: Incoming) -> Heard:
    return Heard(link, event.sender, event.receiver, event.sub_code, event.text, event.at, event.data, event.link_id)
