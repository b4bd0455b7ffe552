"""Draws of prizes among serials: committed to before the entries are known, closed, drawn; anybody can do the same again (docs/draw.md).

An entry stands for a serial and shows nothing of it: an entry number, and a number for whoever holds it. The list of entries is packed,
20 octets each, in order. All hashes are SHA-256 over text, so that a few lines of any language repeat them.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

import msgspec

from mmsd.errors import DecodeError
from mmsd.model import SECOND, Draw, Event, Forfeit, Outgoing, Winner
from mmsd.rules.forwards import language_of, outbox_key
from mmsd.rules.outbox import READY
from mmsd.rules.promotion import handed_on
from mmsd.rules.settings import CampaignSettings, DrawSettings, PrizeSettings

FORMAT: Final = "mmsd draw 1"
COMMITTED: Final = "committed"
CLOSING: Final = "closing"
CLOSED: Final = "closed"
DRAWING: Final = "drawing"
DRAWN: Final = "drawn"
STEPS: Final = {"commit": "", "close": COMMITTED, "run": CLOSED}
"""What is done next, by the state in which it can be done; "" = there is no draw yet."""

MOST_DRAWN: Final = 100_000
"""Winners and reserves of one draw."""
PURPOSE: Final = "certificate"
SEED_BYTES: Final = 32
ENTRY_BYTES: Final = 12
PERSON_BYTES: Final = 8
_RECORD: Final = ENTRY_BYTES + PERSON_BYTES
_FORFEIT: Final = re.compile(r"([1-9][0-9]{0,5}) [a-z_]+(?: ([1-9][0-9]{0,5}))?")


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is promised, as it is committed to."""

    first: str  # local days, both in it
    last: str
    prizes: tuple[PrizeSettings, ...]
    reserves: int
    chances: str  # serial: each forward that counts; person: one each
    once: bool  # who won in another draw of the campaign is left out
    beacon: str  # where the number comes from that is mixed in and that nobody knows yet
    excluded: str = ""  # hash of who may not win (`Barred`), hex; "": of an older mmsd, which read their file at the close

    @property
    def wanted(self) -> int:
        """How many are drawn, reserves among them."""
        return sum(prize.count for prize in self.prizes) + self.reserves

    def prize_at(self, place: int) -> str:
        """Of the nth drawn, 1 …; "" = a reserve.

        >>> Terms("", "", (PrizeSettings("gold"), PrizeSettings("tea", 2)), 1, "serial", True, "").prize_at(3)
        'tea'
        """
        for prize in self.prizes:
            if place <= prize.count:
                return prize.name
            place -= prize.count
        return ""


def terms_of(draw: DrawSettings, days: tuple[date, date], excluded: str) -> str:
    """As the text that is committed to. `days`: the first and last of the campaign; `excluded`: the hash of who may not win."""
    first, last = draw.first or days[0].isoformat(), draw.last or days[1].isoformat()
    terms = Terms(first, last, draw.prizes, draw.reserves, draw.chances, draw.once, draw.beacon, excluded)
    return msgspec.json.encode(terms, order="deterministic").decode()


def read_terms(text: str) -> Terms:
    """Raises msgspec.ValidationError, msgspec.DecodeError."""
    return msgspec.json.decode(text, type=Terms)


def commitment(campaign: str, draw: str, terms: str, seed: bytes) -> str:
    """What is published before the entries are known: it binds the seed number and the terms, those who may not win among them, and tells
    nothing of the seed number.

    >>> commitment("torch", "grand", "{}", bytes(32))[:16]
    'e9d8c1ef824c3db9'
    """
    return _hash(FORMAT, campaign, draw, terms, seed.hex())


# ---------------------------------------------------------------------------------------------------------------- the list


def packed(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Entries and whose they are, in order of their numbers."""
    return b"".join(entry + person for entry, person in sorted(entries))


class Listed:
    """The list as it is published, a line for each entry."""

    def __init__(self, whole: bytes) -> None:
        self._whole = whole

    def __len__(self) -> int:
        return len(self._whole) // _RECORD

    def __iter__(self) -> Iterator[str]:
        whole = self._whole
        for at in range(0, len(whole), _RECORD):
            yield f"{whole[at : at + ENTRY_BYTES].hex()} {whole[at + ENTRY_BYTES : at + _RECORD].hex()}"


class Barred:
    """Who may not win, as it is published: a line for each, with the number that would be his in the list. `whole`: all, packed, in order.

    >>> list(Barred(bytes(8)))
    ['0000000000000000']
    """

    def __init__(self, whole: bytes) -> None:
        self._whole = whole

    def __len__(self) -> int:
        return len(self._whole) // PERSON_BYTES

    def __iter__(self) -> Iterator[str]:
        for at in range(0, len(self._whole), PERSON_BYTES):
            yield self._whole[at : at + PERSON_BYTES].hex()


def digest(listed: Iterable[str]) -> str:
    """Of a list's lines, each with its line feed.

    >>> digest([]) == hashlib.sha256(b"").hexdigest()
    True
    """
    whole = hashlib.sha256()
    for line in listed:
        whole.update(line.encode() + b"\n")
    return whole.hexdigest()


# ---------------------------------------------------------------------------------------------------------------- the draw


class Place(NamedTuple):
    place: int
    prize: str  # "" = a reserve
    entry: str


def drawn(listed: Sequence[str] | Listed, seed: bytes, listing: str, beacon: str, terms: Terms) -> list[Place]:
    """The winners: entries in the order of their hash under seed number, list and beacon, every person once.

    >>> terms = Terms("", "", (PrizeSettings("tea"),), 0, "serial", True, "")
    >>> drawn(["aa 01", "bb 02"], bytes(32), digest(["aa 01", "bb 02"]), "", terms)
    [Place(place=1, prize='tea', entry='bb')]
    """
    mixed = _hash(FORMAT, seed.hex(), listing, beacon)
    begun = hashlib.sha256(mixed.encode() + b"\n")

    def rank(line: str) -> bytes:
        entry = begun.copy()
        entry.update(line.partition(" ")[0].encode())
        return entry.digest()

    looked = 4 * terms.wanted  # the first of millions, without sorting them all; more where few people hold them
    while True:
        found: dict[str, str] = {}
        for line in heapq.nsmallest(looked, listed, key=rank):
            entry, _, person = line.partition(" ")
            if len(found) < terms.wanted:
                found.setdefault(person, entry)
        if len(found) == terms.wanted or looked >= len(listed):
            return [Place(place, terms.prize_at(place), entry) for place, entry in enumerate(found.values(), 1)]
        looked *= 8


# ------------------------------------------------------------------------------------------------------------ certificates


def certificate(
    settings: DrawSettings, campaign: CampaignSettings, prize: str, place: int, serial: str, draw: str, msisdn: str = ""
) -> str:
    """What somebody who won is told, in the language of his number; "": in the campaign's."""
    text = settings.sms_zh if language_of(msisdn, campaign) == "zh" else settings.sms_en
    return text.format(prize=prize, place=place, serial=serial, draw=settings.title or draw)


def certificate_key(campaign: str, draw: str, place: int) -> bytes:
    """Of the SMS to whoever was drawn for a place: the key of its row."""
    return outbox_key(PURPOSE, f"{campaign}/{draw}/{place}".encode(), 0)


def certificates(
    draw: Draw, settings: DrawSettings, campaign: CampaignSettings, won: Iterable[tuple[Winner, str, str]], now: int
) -> list[Outgoing]:
    """The SMS to each who won a prize; `won` with number and serial. Reserves are told nothing, nor is who was erased since."""
    return [
        Outgoing(
            certificate_key(draw.campaign, draw.name, winner.place), "transactional", PURPOSE, msisdn,
            certificate(settings, campaign, winner.prize, winner.place, serial, draw.name, msisdn), READY, now,
            now + int(settings.sms_expires * SECOND), campaign=draw.campaign,
        )
        for winner, msisdn, serial in won
        if winner.prize and msisdn
    ]  # fmt: skip


def told(draw: Draw, now: int) -> Event:
    """What the world is told of a step."""
    data = {
        "campaign": draw.campaign, "draw": draw.name, "state": draw.state, "commitment": draw.commitment, "entries": draw.entries,
        "people": draw.people, "list": draw.listing,
    }  # fmt: skip
    return Event(now, "draw", draw.campaign, data)


# --------------------------------------------------------------------------------------------------------------- the paper


def paper(draw: Draw, listed: Iterable[str], winners: Iterable[Winner], forfeits: Iterable[Forfeit] = ()) -> Iterator[str]:
    """What is published of a draw, line by line: as much as may be known in its state."""
    yield FORMAT
    yield f"campaign: {draw.campaign}"
    yield f"draw: {draw.name}"
    yield f"terms: {draw.terms}"
    yield f"commitment: {draw.commitment}"
    for person in Barred(draw.barred):
        yield f"barred: {person}"
    if draw.listing:
        yield f"list: {draw.listing}"
        for reason, n in sorted(draw.excluded.items()):
            yield f"excluded: {n} {reason}"
    if draw.state == DRAWN:
        yield f"beacon: {draw.beacon}"
        yield f"seed: {draw.seed.hex()}"
        for winner in winners:
            yield " ".join(filter(None, ("winner:", str(winner.place), winner.entry.hex(), winner.prize)))
        for one in forfeits:
            yield f"forfeit: {one.place} {one.reason} {one.taker or ''}".rstrip()
    if draw.listing:
        yield ""
        yield from listed


class Paper(NamedTuple):
    """A paper as it was read: heads by name; winners, who may not win and who is out as they stand there; the list's lines."""

    heads: dict[str, str]
    winners: list[Place]
    listed: list[str]
    barred: list[str]
    forfeits: list[tuple[int, int]]  # place, and who took what it had; 0 = nobody


def read_paper(text: Iterable[str]) -> Paper:
    """Raises DecodeError for what is no paper of a draw."""
    rest = iter(text)
    first = next(rest, "")
    if first.rstrip("\r\n") != FORMAT:
        raise DecodeError(f"the first line is not {FORMAT!r}", offset=0)
    heads: dict[str, str] = {}
    winners: list[Place] = []
    barred: list[str] = []
    forfeits: list[tuple[int, int]] = []
    at = len(first.encode())
    for line in rest:
        said = line.rstrip("\r\n")
        if not said:
            break
        name, colon, value = said.partition(":")
        value = value.removeprefix(" ")
        if not colon:
            raise DecodeError("a line is no head", offset=at)
        if name == "winner":
            place, _, won = value.partition(" ")
            entry, _, prize = won.partition(" ")
            if not (place.isascii() and place.isdecimal()):
                raise DecodeError("a winner has no place", offset=at)
            winners.append(Place(int(place), prize, entry))
        elif name == "forfeit":
            out = _FORFEIT.fullmatch(value)
            if out is None:
                raise DecodeError("a place is not said to be out", offset=at)
            forfeits.append((int(out[1]), int(out[2] or 0)))
        elif name == "barred":
            barred.append(value)
        elif name != "excluded":
            if name in heads:
                raise DecodeError(f"{name} is said twice", offset=at)
            heads[name] = value
        at += len(line.encode())
    return Paper(heads, winners, [line.rstrip("\r\n") for line in rest], barred, forfeits)


def faults(read: Paper) -> list[str]:
    """What does not fit in a paper, in words; none where the draw is what it should be. Before that, of its list alone."""
    heads = read.heads
    missing = [name for name in ("campaign", "draw", "terms", "commitment", "list") if name not in heads]
    if missing:
        return [f"it does not say {name}" for name in missing]
    wrong = []
    if any(one >= two for one, two in zip(read.listed, read.listed[1:], strict=False)):
        wrong.append("the list is not in order, or has an entry twice")
    listing = digest(read.listed)
    if listing != heads["list"]:
        wrong.append("the list is not the one that was closed: its hash is another")
    try:
        terms = read_terms(heads["terms"])
    except msgspec.DecodeError:
        return [*wrong, "its terms cannot be read"]
    if (terms.excluded or read.barred) and digest(read.barred) != terms.excluded:
        wrong.append("those who may not win are not those that were committed to")
    if not {line.partition(" ")[2] for line in read.listed}.isdisjoint(read.barred):
        wrong.append("somebody is in the list who may not win")
    if "seed" not in heads:
        return [*wrong, *(["it names winners without a seed number"] if read.winners or read.forfeits else [])]
    try:
        seed = bytes.fromhex(heads["seed"])
    except ValueError:
        return [*wrong, "its seed number cannot be read"]
    if commitment(heads["campaign"], heads["draw"], heads["terms"], seed) != heads["commitment"]:
        wrong.append("the seed number or the terms are not those that were committed to")
    if drawn(read.listed, seed, listing, heads.get("beacon", ""), terms) != read.winners:
        wrong.append("these are not the winners")
    try:
        handed_on([one.prize for one in read.winners], read.forfeits)
    except ValueError as error:
        wrong.append(f"prizes were not handed on by the rule: {error}")
    return wrong


def _hash(*said: str) -> str:
    return hashlib.sha256("\n".join(said).encode()).hexdigest()
