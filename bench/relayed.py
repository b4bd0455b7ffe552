"""Forwards beside the truth, with both errors: one that is lost, and one that is paid twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mmsd.store import Issued

CAUGHT: Final = 0.999
"""Of what handsets sent again, the share that must earn nothing. Of forwards none may be lost."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """`due` forwards, of which some are `lost`; `again`: what handsets sent again and somebody retrieved, of which some were `paid`.
    `strange`: what was paid and is no forward. `exchanged`: of one sender and receiver, one forward earned the serial of another."""

    due: int
    lost: tuple[str, ...]
    again: int
    paid: tuple[str, ...]
    strange: tuple[str, ...]
    exchanged: int = 0

    @property
    def caught(self) -> float | None:
        """Of what was sent again, the share that earned nothing; None without any."""
        return 1 - len(self.paid) / self.again if self.again else None

    @classmethod
    def none(cls) -> Relayed:
        return cls(0, (), 0, (), ())

    def __add__(self, other: Relayed) -> Relayed:
        return Relayed(
            self.due + other.due, self.lost + other.lost, self.again + other.again, self.paid + other.paid, self.strange + other.strange,
            self.exchanged + other.exchanged,
        )  # fmt: skip

    def __str__(self) -> str:
        caught = "–" if self.caught is None else f"{self.caught:.2%}"
        told = f"{self.due:,} forwards, {len(self.lost)} lost; {self.again:,} sent again, {len(self.paid)} paid twice ({caught} caught)"
        return f"{told}; {self.exchanged} earned another's serial of the same two people"

    def shortfalls(self) -> list[str]:
        short = [f"forward lost: {told}" for told in self.lost] + [f"no forward: {told}" for told in self.strange]
        if self.caught is not None and self.caught < CAUGHT:
            short.append(f"{len(self.paid)} of {self.again:,} sent again earned a serial of their own: {', '.join(self.paid[:3])}")
        return short


def relayed(truth: Iterable[Mapping[str, Any]], found: Iterable[Issued]) -> Relayed:
    """By sender and receiver: of copies that are fetched in one second, or of two forwards whose tries overlap, no log says which is which,
    and whoever has the right number of serials is not the poorer: where one was lost and another paid for it they are `exchanged`.
    `strange` names messages that are no seed's."""
    passed = [row for row in truth if row["forward"]]
    groups = {(row["message"], row["sender"], row["receiver"]): row["forward"]["group"] for row in passed}
    due: Counter[tuple[str, str, str]] = Counter()
    again = 0
    for row in passed:
        due[row["forward"]["group"], row["sender"], row["receiver"]] += row["forward"]["counted"]
        again += row["forward"]["reason"] == "sent again"
    serials: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for issued in found:
        forward = issued.forward
        where = forward.message, forward.sender, forward.receiver
        serials[groups.get(where, forward.message), forward.sender, forward.receiver] += bool(issued.serial)
    errors: defaultdict[tuple[str, str], list[tuple[int, tuple[str, str, str]]]] = defaultdict(list)
    for key in {*due, *serials}:
        if difference := serials[key] - due[key]:
            errors[key[1:]].append((difference, key))
    lost, paid, strange, exchanged = [], [], [], 0
    for found_of in errors.values():
        wrong = [difference for difference, _ in found_of]
        exchanged += min(sum(n for n in wrong if n > 0), -sum(n for n in wrong if n < 0))
        over = sum(difference for difference, _ in found_of)
        told = _told(max(found_of)[1] if over > 0 else min(found_of)[1])
        if over < 0:
            lost += [told] * -over
        elif any(key in due for _, key in found_of):
            paid += [told] * over
        else:
            strange += [told] * over
    return Relayed(due.total(), tuple(lost), again, tuple(paid), tuple(strange), exchanged)


def _told(key: tuple[str, str, str]) -> str:
    return f"{key[0]} from {key[1]} to {key[2]}"
