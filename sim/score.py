"""mmsd's export beside the truth: a confusion matrix, every difference, and whether there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

Key = tuple[str, str, str]
"""Message id, receiver's digits, leg."""


@dataclass(slots=True)
class Score:
    """`differences` are what must not be; `causes` (expected, found) is told beside them, and agreement counts `accepted` readings."""

    legs: int = 0
    right_causes: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    forwards: tuple[int, int] = (0, 0)  # expected, found
    serials: tuple[int, int] = (0, 0)


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as lines:
        return [msgspec.json.decode(line) for line in lines if line.strip()]


def _key(row: Mapping[str, Any]) -> Key:
    return str(row["message"]), str(row["receiver"]).removeprefix("+"), str(row.get("leg") or row.get("transaction") or "")


def score(truth: Iterable[Mapping[str, Any]], deliveries: Iterable[Mapping[str, Any]], forwards: Iterable[Mapping[str, Any]]) -> Score:
    """Compares by (message, receiver, leg); legs that the truth calls open (a run broken off) are left out on both sides."""
    result = Score()
    expected = {_key(row): row for row in truth}
    found: dict[Key, Mapping[str, Any]] = {}
    for row in deliveries:
        if _key(row) in found:
            result.differences.append(f"twice in the export: {_show(row)}")
        found[_key(row)] = row
    for key, row in expected.items():
        if row["outcome"] == "open":
            found.pop(key, None)
            continue
        result.legs += 1
        match = found.pop(key, None)
        if match is None:
            result.outcomes[str(row["outcome"]), "missing"] += 1
            result.differences.append(f"missing: {_show(row)}")
            continue
        result.outcomes[str(row["outcome"]), str(match["outcome"])] += 1
        result.causes[f"{row['cause']} {row['rule']}", f"{match['cause']} {match.get('rule', '')}"] += 1
        result.right_causes += match["cause"] in row["accepted"]
        if row["outcome"] != match["outcome"]:
            result.differences.append(f"{row['outcome']}, not {match['outcome']}: {_show(row)}")
    for row in found.values():
        result.outcomes["none", str(row["outcome"])] += 1
        result.differences.append(f"not in the truth: {_show(row)}")
    _forwards(result, expected.values(), list(forwards))
    return result


def _forwards(result: Score, truth: Iterable[Mapping[str, Any]], forwards: list[Mapping[str, Any]]) -> None:
    """Counted forwards by attempt group, sender, receiver and city; each with one serial, no serial twice.

    By group, for of two copies that are fetched in the same second no log says which was the first.
    """
    passed = [row for row in truth if row["forward"]]
    groups = {(row["message"], row["sender"], row["receiver"]): row["forward"]["group"] for row in passed}
    due = [row for row in passed if row["forward"]["counted"]]
    counted = [row for row in forwards if row.get("counted")]
    expected = Counter((row["forward"]["group"], row["sender"], row["receiver"], row["forward"]["city"]) for row in due)
    found: Counter[tuple[str, str, str, str]] = Counter()
    for row in counted:
        message, sender, receiver = (str(row[name]).removeprefix("+") for name in ("message", "sender", "receiver"))
        found[groups.get((message, sender, receiver), message), sender, receiver, str(row.get("city", ""))] += 1
    for what, counter in (("forward missing", expected - found), ("forward too many", found - expected)):
        result.differences += [f"{what}: message {key[0]} from {key[1]} to {key[2]} ({key[3]}) × {count}" for key, count in counter.items()]
    serials = Counter(str(row["serial"]) for row in counted if row.get("serial"))
    result.differences += [f"serial of {count} forwards: …{number[-4:]}" for number, count in serials.items() if count > 1]
    if serials.total() != len(due):
        result.differences.append(f"{len(due)} serials due, {serials.total()} given")
    result.forwards = len(due), len(counted)
    result.serials = len(due), serials.total()


def score_files(truth: Path, deliveries: Path, forwards: Path) -> Score:
    return score(_rows(truth / "truth.jsonl"), _rows(deliveries), _rows(forwards))


def report(result: Score, most: int = 40) -> str:
    """The score as text: at most `most` differences in full."""
    lines = [f"{result.legs} legs: outcome (true → found)"]
    lines += [f"  {count:8d}  {true} → {found}" for (true, found), count in sorted(result.outcomes.items(), key=lambda item: -item[1])]
    lines.append("cause and row (true → found)")
    lines += [
        f"  {count:8d}  {true} → {found}{'' if true.split()[0] == found.split()[0] else '   *'}"
        for (true, found), count in sorted(result.causes.items(), key=lambda item: -item[1])
    ]
    judged = result.causes.total()
    if judged:
        lines.append(f"  {result.right_causes} of {judged} causes right ({result.right_causes / judged:.2%})")
    lines.append(f"forwards counted: {result.forwards[0]} true, {result.forwards[1]} found")
    lines.append(f"serials: {result.serials[0]} due, {result.serials[1]} given")
    lines.append(f"differences: {len(result.differences)}")
    lines += [f"  {difference}" for difference in result.differences[:most]]
    if len(result.differences) > most:
        lines.append(f"  and {len(result.differences) - most} more")
    return "\n".join(lines)


def _show(row: Mapping[str, Any]) -> str:
    behaviour = f" [{row['behaviour']}, {row['rule']}]" if "behaviour" in row else ""
    return f"message {row['message']} to {row['receiver']} leg {row.get('leg', '')}{behaviour}"
