"""`config/causes.toml` read as its head says, row by row, without masks: what the table is held to."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final, NamedTuple

from mmsd.rules.causes import Signs

FILE: Final[dict[str, Any]] = tomllib.loads((files("mmsd.config") / "causes.toml").read_text("utf-8"))


class Said(NamedTuple):
    """What a row says."""

    rule: str
    outcome: str
    cause: str
    confidence: float
    suspects: tuple[str, ...]


def fits(conditions: list[dict[str, Any]], signs: Signs) -> bool:
    """Whether one of them holds."""

    def meets(value: Any, wanted: Any) -> bool:
        if isinstance(wanted, dict):
            return not meets(value, wanted["not"]) if "not" in wanted else bool(value >= FILE["numbers"][wanted["least"]])
        return value in wanted if isinstance(wanted, list) else bool(value == wanted)

    return any(all(meets(getattr(signs, name), wanted) for name, wanted in condition.items()) for condition in conditions)


def standing(signs: Signs) -> Iterator[Said]:
    """What every row that fits says, each by its first variant that does: the first decides, the others are outranked."""
    for rule, row in FILE["rows"].items():
        if fits(row["when"], signs):
            said = {"cause": "", "confidence": 0.0, "suspects": [], **row}
            said |= next((variant for variant in row.get("variants", {}).values() if fits(variant["when"], signs)), {})
            yield Said(rule, said["outcome"], said["cause"], said["confidence"], tuple(said["suspects"]))


def wider(rule: str, cause: str) -> set[str]:
    """Rows and causes that a verdict may become, itself among them."""
    found: set[str] = set()
    waiting = [rule, cause]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += FILE["wider"].get(one, ())
    return found
