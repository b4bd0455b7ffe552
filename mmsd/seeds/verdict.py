"""What was found in a message, as values: whoever counts or shows it loads no decoder."""

from __future__ import annotations

from typing import Final, NamedTuple

EXACT: Final = "exact"
MARK: Final = "mark"
REGISTERED: Final = "registered"
"""How a seed was recognised: by its octets, by its mark, by its mark after the picture was laid straight."""


class Sighting(NamedTuple):
    """A seed found in a message."""

    seed: str
    campaign: str
    method: str  # EXACT, MARK or REGISTERED
    score: float  # 0 for EXACT
    part: int  # ordinal among the contents

    @property
    def label(self) -> str:
        return f"{self.campaign}/{self.seed}"


class Probable(NamedTuple):
    """A seed that a message may hold: shown, never counted."""

    seed: str
    campaign: str
    signs: tuple[str, ...]  # two or more of text, sound, holder, look


class Learned(NamedTuple):
    """Octets that were recognised by their mark: the next copy of them is exact."""

    digest: bytes
    seed: str  # campaign/name
    picture: int


class Verdict(NamedTuple):
    """What a message holds."""

    sightings: tuple[Sighting, ...] = ()  # each seed once, the surest first
    probable: tuple[Probable, ...] = ()
    learned: tuple[Learned, ...] = ()
    faults: tuple[str, ...] = ()  # parts that could not be looked at, and why
    highest: float = 0.0  # the highest score of those not accepted
