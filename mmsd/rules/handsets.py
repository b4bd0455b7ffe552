"""Which handset and which SIM a number uses: what is known, what is seen, and what follows when they differ (evidence table §1 H, §4).

Everything works on HANDSET rows, whole arrays at a time, and is a function of its arguments. A fact has a time of its own for each field,
so an import of last night and an accounting record of this morning merge in either order; what is absent is unknown, never a change.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mmsd.model import DAY, HOUR, I64Array, U64Array

HandsetArray = npt.NDArray[Any]
ChangeArray = npt.NDArray[Any]

HANDSET: Final = np.dtype(
    [
        ("number", "<u8"),  # E.164 digits
        ("imei", "<u8"),  # TAC and serial, 14 digits as a number; 0 = unknown
        ("software", "<i2"),  # software version, 0 … 99; -1 = unknown
        ("imsi", "<u8"),  # digits as a number (15 where the operator's country has three); 0 = unknown
        ("imei_at", "<i8"),  # µs: newest moment at which the IMEI is known to be this
        ("imei_since", "<i8"),  # µs: when it changed to this; 0 = no change was seen
        ("imsi_at", "<i8"),
        ("heard", "<i8"),  # µs: last traffic of the number; an import is none; 0 = never
        ("owner_since", "<i8"),  # µs: since when the number is its owner's, as an import says; 0 = it does not
        ("city", "<u2"),  # index into the table's names; 0 = unknown
    ]
)
"""What is known or was seen of one number."""

CHANGE: Final = np.dtype([("number", "<u8"), ("at", "<i8"), ("what", "u1")])
"""Something that changed: `what` is a sum of `What`."""

NO_SOFTWARE: Final = -1
IMEI_DIGITS: Final = 10**14

SILENCE: Final = 90 * DAY
"""A number that was silent for so long may be somebody else's by now."""
RECENT: Final = 7 * DAY
"""So long after a change of handset a finding is a little surer: a new handset with wrong settings is the usual case."""
REFRESH: Final = DAY
"""A sighting that says nothing new is worth a row once in so long: ages and silences are right to a day."""


class What(enum.IntFlag):
    """What may change about a number. Stored in change files: never renumber."""

    IMSI = 1  # another SIM card
    IMEI = 2  # another handset
    OWNER = 4  # an import says that the number was given to somebody since
    RETURN = 8  # silent for 90 days, and back


class Consequences(NamedTuple):
    """What has to happen after a change (evidence table §4)."""

    findings: bool = False  # end: they spoke of another handset, or of another person
    cases: bool = False  # end
    consent: bool = False  # ends: it was somebody else's
    holdings: bool = False  # what he holds in campaigns ends
    forbid_imsi: bool = False  # nothing may be sealed with the old IMSI any more (NETWPIN)
    ask_again: bool = False  # consent is kept, but the question is asked anew
    offer: int = 0  # µs for which settings may be offered: the best moment there is


_SOMEBODY_ELSE: Final = Consequences(findings=True, cases=True, consent=True, holdings=True, forbid_imsi=True)

CONSEQUENCES: Final[Mapping[What, Consequences]] = {
    What.IMSI: _SOMEBODY_ELSE,
    What.OWNER: _SOMEBODY_ELSE,
    What.RETURN: _SOMEBODY_ELSE,
    What.IMEI: Consequences(findings=True, ask_again=True, offer=48 * HOUR),
}

EVENTS: Final[Mapping[What, str]] = {
    What.IMSI: "imsi_changed", What.IMEI: "new_handset", What.OWNER: "new_owner", What.RETURN: "returned",
}  # fmt: skip
"""How each change is called in events."""


def consequences(what: int) -> Consequences:
    """All that follows from a sum of changes.

    >>> both = consequences(What.IMSI | What.IMEI)
    >>> both.consent, both.offer == 48 * HOUR
    (True, True)
    >>> consequences(What.IMEI).consent, consequences(0) == Consequences()
    (False, True)
    """
    found = [CONSEQUENCES[each] for each in What if what & each]
    return Consequences(
        findings=any(each.findings for each in found),
        cases=any(each.cases for each in found),
        consent=any(each.consent for each in found),
        holdings=any(each.holdings for each in found),
        forbid_imsi=any(each.forbid_imsi for each in found),
        ask_again=any(each.ask_again for each in found),
        offer=max((each.offer for each in found), default=0),
    )


class Merged(NamedTuple):
    """Row by row: what is `known` now, `what` changed (uint8, sums of `What`), and whether the sighting `told` anything worth a row."""

    known: HandsetArray
    what: npt.NDArray[np.uint8]
    told: npt.NDArray[np.bool_]


def unknown(numbers: U64Array) -> HandsetArray:
    """Rows of numbers of which nothing is known."""
    rows = np.zeros(len(numbers), HANDSET)
    rows["number"] = numbers
    rows["software"] = NO_SOFTWARE
    return rows


def merge(before: HandsetArray, seen: HandsetArray, *, watched: int, silence: int = SILENCE) -> Merged:
    """Row by row what was known and what is seen of the same numbers.

    `watched`: since when (µs) traffic of these numbers would have been seen; a silence that began before it is no silence but n/c.
    Each field's newer fact wins; at the same moment the one seen. First knowledge is no change, and neither is a fact that comes late:
    it is older than what is known, so it says what was, not what is.
    """
    known = before.copy()
    knew_imei, knew_imsi = before["imei"] != 0, before["imsi"] != 0
    newer_imei = (seen["imei"] != 0) & (~knew_imei | (seen["imei_at"] >= before["imei_at"]))
    newer_imsi = (seen["imsi"] != 0) & (~knew_imsi | (seen["imsi_at"] >= before["imsi_at"]))
    other_imei = newer_imei & knew_imei & (seen["imei"] != before["imei"])
    other_imsi = newer_imsi & knew_imsi & (seen["imsi"] != before["imsi"])
    last = np.maximum(np.maximum(before["imei_at"], before["imsi_at"]), before["heard"])
    new_owner = (last != 0) & (seen["owner_since"] > last) & (seen["owner_since"] > before["owner_since"])
    quiet = seen["heard"] - before["heard"]
    returned = (before["heard"] != 0) & (seen["heard"] != 0) & (quiet >= silence) & (before["heard"] >= watched)

    # the software version belongs to its handset: a newer sighting of the same one that does not tell it takes nothing away
    takes_software = newer_imei & ((seen["software"] != NO_SOFTWARE) | (seen["imei"] != before["imei"]))
    known["software"] = np.where(takes_software, seen["software"], before["software"])
    for name, chosen in (("imei", newer_imei), ("imei_at", newer_imei), ("imsi", newer_imsi), ("imsi_at", newer_imsi)):
        known[name] = np.where(chosen, seen[name], before[name])
    known["imei_since"] = np.where(
        other_imei, seen["imei_at"], np.maximum(before["imei_since"], np.where(newer_imei, seen["imei_since"], 0))
    )
    known["heard"] = np.maximum(before["heard"], seen["heard"])
    known["owner_since"] = np.maximum(before["owner_since"], seen["owner_since"])
    known["city"] = np.where(seen["city"] != 0, seen["city"], before["city"])

    what = np.zeros(len(before), np.uint8)
    for flag, mask in ((What.IMSI, other_imsi), (What.IMEI, other_imei), (What.OWNER, new_owner), (What.RETURN, returned)):
        what |= np.where(mask, np.uint8(flag), np.uint8(0))
    told = (what != 0) | (known["city"] != before["city"]) | (known["owner_since"] != before["owner_since"])
    for name in ("imei", "software", "imsi"):
        told |= known[name] != before[name]
    for name in ("imei_at", "imsi_at", "heard"):
        told |= known[name] - before[name] >= REFRESH
    return Merged(known, what, told)


def changes_of(merged: Merged, seen: HandsetArray) -> ChangeArray:
    """CHANGE rows of what a merge found, each at the moment of the sighting that showed it."""
    rows = np.flatnonzero(merged.what)
    changes = np.zeros(len(rows), CHANGE)
    changes["number"] = seen["number"][rows]
    changes["what"] = merged.what[rows]
    changes["at"] = moment(seen)[rows]
    return changes


def moment(rows: HandsetArray) -> I64Array:
    """The newest time in each row (µs)."""
    newest: I64Array = np.maximum(np.maximum(rows["imei_at"], rows["imsi_at"]), rows["heard"])
    return newest


def fold(before: HandsetArray, seen: HandsetArray, *, watched: int, silence: int = SILENCE) -> tuple[HandsetArray, ChangeArray]:
    """Many sightings, several of a number perhaps, on top of `before` (distinct sorted numbers, all that are in `seen`).

    Returns the rows worth keeping (what is known now, one a number, in order of number) and the changes in order of time.
    """
    order = np.lexsort((moment(seen), seen["number"]))
    seen = seen[order]
    again = _repeated(seen)
    between = again.copy()  # of what is said many times the first counts, when it may have changed, and the last
    between[:1] = False
    between[1:] &= again[:-1]
    seen = seen[~between]
    known = before.copy()
    kept = np.zeros(len(before), bool)
    place = np.searchsorted(before["number"], seen["number"])
    rank = np.arange(len(seen)) - np.searchsorted(seen["number"], seen["number"])  # a number's first sighting is 0, its second 1, …
    found = [np.zeros(0, CHANGE)]
    for turn in range(int(rank.max(initial=-1)) + 1):
        chosen = rank == turn
        rows = place[chosen]
        merged = merge(known[rows], seen[chosen], watched=watched, silence=silence)
        found.append(changes_of(merged, seen[chosen]))
        kept[rows] |= merged.told
        known[rows] = merged.known
    changes = np.concatenate(found)
    return known[kept], changes[np.lexsort((changes["number"], changes["at"]))]


def _repeated(seen: HandsetArray) -> npt.NDArray[np.bool_]:
    """Which of the ordered sightings the next one says again, a little later: an Interim record every ten minutes."""
    same = np.zeros(len(seen), bool)
    if len(seen) > 1:
        same[:-1] = moment(seen)[1:] - moment(seen)[:-1] < REFRESH
        for name in ("number", "imei", "software", "imsi", "owner_since", "city"):
            same[:-1] &= seen[name][1:] == seen[name][:-1]
    return same


# --------------------------------------------------------------------------------------------------- identities as nodes write them


def split_imei(digits: U64Array, length: npt.NDArray[Any] | None = None) -> tuple[U64Array, npt.NDArray[np.int16]]:
    """IMEISV (16 digits), IMEI (15, the last one for checking) or its first 14 → (14 digits, software version or -1).

    Without `length` (how many digits were written) leading zeros are lost, and 15 digits may be an IMEISV: they are when they begin with
    1, for type allocation codes begin with 01 but not with 1x (10 was given to DECT alone). What cannot be an IMEI is (0, -1).

    >>> imei, software = split_imei(np.array([3512345678901278, 351234567890123, 112345678901278, 35123456789012, 7], np.uint64))
    >>> imei.tolist(), software.tolist()
    ([35123456789012, 35123456789012, 1123456789012, 35123456789012, 0], [78, -1, 78, -1, -1])
    """
    digits = digits.astype(np.uint64)
    if length is None:
        width = np.select([digits >= 10**15, digits >= 10**14, digits >= 10**13, digits >= 10**12], [16, 15, 14, 13], 0)
        lost = np.where(digits // np.uint64(10) ** np.maximum(width - 1, 0).astype(np.uint64) == 1, 1, 0)
        length = np.where((width < 16) & (width > 12), width + lost, width)
    imei = np.select([length == 16, length == 15, length == 14], [digits // np.uint64(100), digits // np.uint64(10), digits], np.uint64(0))
    imei = np.where(_plausible(imei), imei, np.uint64(0))
    software = np.where((length == 16) & (imei != 0), digits % np.uint64(100), np.uint64(0)).astype(np.int16)
    return imei, np.where((length == 16) & (imei != 0), software, np.int16(NO_SOFTWARE))


def _plausible(imei: U64Array) -> npt.NDArray[np.bool_]:
    """Not what nodes write when they know none: zeros, one digit all over."""
    one_digit = imei % np.uint64(11_111_111_111_111) == 0
    return np.asarray((imei >= 10**11) & (imei < IMEI_DIGITS) & ~one_digit)


def tac(imei: int) -> int:
    """Type allocation code, the first eight digits of fourteen.

    >>> tac(35123456789012)
    35123456
    """
    return imei // 10**6


def sightings(numbers: U64Array, at: I64Array, imei: U64Array, imsi: U64Array) -> HandsetArray:
    """HANDSET rows of traffic: accounting records with a number (`Records` columns receiver, at, imei, imsi; zeros where not logged).

    A row that tells neither is still a sign of life. Numbers that are none (bit 63) are left out.

    >>> rows = sightings(*(np.array([value]) for value in (np.uint64(8613812341234), 5, np.uint64(0), np.uint64(460001234567890))))
    >>> int(rows["imsi"][0]), int(rows["imei_at"][0]), int(rows["imsi_at"][0]), int(rows["heard"][0])
    (460001234567890, 0, 5, 5)
    """
    real = (numbers != 0) & (numbers >> np.uint64(63) == 0)
    rows = unknown(numbers[real])
    rows["imei"], rows["software"] = split_imei(imei[real])
    rows["imsi"] = imsi[real]
    rows["heard"] = at[real]
    rows["imei_at"] = np.where(rows["imei"] != 0, at[real], 0)
    rows["imsi_at"] = np.where(rows["imsi"] != 0, at[real], 0)
    return rows
