"""A prize is handed on: a person says, by name and with a reason, that somebody does not get it; in one transaction the next reserve takes
his place, its SMS is asked for, his own is withdrawn where it has not left, and all of it is in the audit.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec

from mmsd.model import Batch, Deed, Draw, Winner, masked
from mmsd.rules import draw as rules
from mmsd.rules import outbox, promotion
from mmsd.rules.reviews import WITHDRAWN
from mmsd.store import Needs, Rows, Vacancy
from mmsd.store.drawing import Known


class Promotion(NamedTuple):
    """What a person orders. `reason`: one of `rules.promotion.REASONS`; `why` in his own words."""

    name: tuple[str, str]  # campaign, draw
    place: int
    reason: str
    who: str
    why: str

    @property
    def where(self) -> tuple[str, str, int]:
        return (*self.name, self.place)


def needs(wanted: Promotion) -> Needs:
    return Needs(
        draws=frozenset({wanted.name}), vacancies=frozenset({wanted.where}), outbox=frozenset({rules.certificate_key(*wanted.where)})
    )


def fault(wanted: Promotion, draw: Draw | None, vacancy: Vacancy | None) -> str:
    """Why it cannot be; "" when it can."""
    if draw is None or draw.state != rules.DRAWN:
        return "nothing was drawn yet"
    if vacancy is None:
        return "nobody was drawn for that place"
    return f"that place is out: {vacancy.holder.out}" if vacancy.holder.out else ""


def means(wanted: Promotion, draw: Draw, vacancy: Vacancy, known: Known) -> list[str]:
    """What will happen, in words, before it is ordered."""
    who = masked(vacancy.holder.msisdn) if vacancy.holder.msisdn else "erased"
    prize, taker = vacancy.holder.holds, vacancy.taker
    if not prize:
        return [f"place {wanted.place} ({who}), a reserve, is out for good: {wanted.reason}"]
    said = [f"place {wanted.place} ({who}) is out for good: {wanted.reason}; it does not get {prize}"]
    said += [f"place {one.place} is out: {one.unfit}" for one in vacancy.reserves if one.unfit]
    if taker is None:
        return [*said, "no reserve is left: nobody gets it"]
    text = rules.certificate(known.settings, known.campaign, prize, taker.winner.place, "…", draw.name)
    return [
        *said, f"place {taker.winner.place} ({masked(taker.msisdn)}) gets it, and an SMS as soon as its class is switched on: {text}",
        "publish the paper again",
    ]  # fmt: skip


def word(wanted: Promotion, draw: Draw, vacancy: Vacancy, known: Known) -> str:
    """What a person says back once he has read what will happen; another one whenever that is another."""
    said = [*wanted.name, str(wanted.place), wanted.reason, *means(wanted, draw, vacancy, known)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:8]


def decide(wanted: Promotion, rows: Rows, known: Known, now: int) -> Batch | str:
    """What it writes, or why it cannot be."""
    draw, vacancy = rows.draws.get(wanted.name), rows.vacancies.get(wanted.where)
    wrong = fault(wanted, draw, vacancy)
    if wrong or draw is None or vacancy is None:
        return wrong
    prize, taker = vacancy.holder.holds, vacancy.taker
    forfeits = promotion.promoted(draw, wanted.place, prize, wanted.reason, vacancy.reserves, now)
    certificates = []
    if taker is not None:
        winner: Winner = msgspec.structs.replace(taker.winner, prize=prize)
        certificates = rules.certificates(draw, known.settings, known.campaign, [(winner, taker.msisdn, taker.serial)], now)
    waiting = [row for row in rows.outbox.values() if outbox.DROPPED in outbox.FOLLOWS[row.state]]
    return Batch(
        now, forfeits=forfeits, outbox=certificates, moved=[outbox.moved(row, outbox.DROPPED, reason=WITHDRAWN) for row in waiting],
        events=[promotion.told(one) for one in forfeits],
        deeds=[Deed(wanted.who, promotion.PURPOSE, f"{'/'.join(wanted.name)} place {wanted.place}", f"{wanted.reason}: {wanted.why}")],
    )  # fmt: skip
