"""A campaign at random: people who pass a seed on, and late lines that restate what they did."""

from __future__ import annotations

import random
from typing import Any

import msgspec

from mmsd.model import HOUR, SECOND, Forward
from tests.store.conftest import NOW
from tests.store.values import forward

DAYS = ("2026-11-22", "2026-11-23", "2026-11-24")
CITIES = ("nanjing", "suzhou", "")
MODELS = ("Nokia 6681", "", "SE K750")


class Relay:
    """A campaign at random: forwards that came of each other, restated as late lines restate them."""

    def __init__(self, seed: int, people: int = 30) -> None:
        self.draw = random.Random(seed)
        self.numbers = [f"86138{n:08}" for n in range(people)]
        self.rows: dict[bytes, Forward] = {}

    def new(self) -> Forward:
        draw, n = self.draw, len(self.rows) + 1
        parent = draw.choice(list(self.rows.values())) if self.rows and draw.random() < 0.8 else None
        sender = parent.receiver if parent else draw.choice(self.numbers)
        day = draw.randrange(len(DAYS))
        submitted = NOW + n * SECOND
        row = forward(
            n, sender=sender, receiver=draw.choice([number for number in self.numbers if number != sender]),
            parent=parent.key if parent else None, generation=parent.generation + 1 if parent else 1, submitted=submitted,
            retrieved=NOW + day * 24 * HOUR + draw.randrange(20) * HOUR, day=DAYS[day], city=draw.choice(CITIES),
            model=draw.choice(MODELS), method=draw.choice(("mark", "exact")), seed=draw.choice(("torch", "card")),
            received=submitted - draw.randrange(10**10) if draw.random() < 0.9 else 0,
        )  # fmt: skip
        if draw.random() < 0.15:
            row = msgspec.structs.replace(row, counted=False, reason=draw.choice(("self", "off_net")))
        self.rows[row.key] = row
        return row

    def restated(self) -> Forward:
        """One that is there, as a late line shows it: another day, city, parent, or it counts no longer."""
        draw = self.draw
        row = draw.choice(list(self.rows.values()))
        changes: dict[str, Any] = {}
        what = draw.randrange(4)
        if what == 0:
            changes = {"day": draw.choice(DAYS), "city": draw.choice(CITIES), "model": draw.choice(MODELS)}
        elif what == 1:
            changes = {"counted": not row.counted, "reason": "pair_cap" if row.counted else ""}
        elif what == 2:
            earlier = [one for one in self.rows.values() if one.receiver == row.sender and one.key != row.key and not self._under(one, row)]
            parent = draw.choice(earlier) if earlier else None
            changes = {"parent": parent.key if parent else None, "generation": parent.generation + 1 if parent else 1}
        row = msgspec.structs.replace(row, **changes)
        self.rows[row.key] = row
        return row

    def _under(self, row: Forward, above: Forward) -> bool:
        while row.parent is not None:
            if row.parent == above.key:
                return True
            row = self.rows[row.parent]
        return False
