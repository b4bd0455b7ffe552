"""The evidence table: `config/causes.toml` as rows, held to be whole, and asked of one delivery's signs or of columns of them.

Reading it proves what a person would have to check: every name is known, every row and variant can be reached, whatever is seen some row
fits, what a row reads without a feed lies left of it in the widening order, and that order has no ring. An operator's changes
(`Causes`) may not make a verdict move sideways: confidences, suspects, and causes that are wider than those of the row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from mmsd.errors import ConfigError
from mmsd.rules.causes import (
    ATTEMPT_SIGNS,
    CAUSES,
    FEEDS,
    GROUPS,
    MOST,
    OUTCOMES,
    REQUESTS,
    RULES,
    SIGNS,
    VERDICTS,
    Sign,
    Signs,
    Verdict,
)  # fmt: skip
from mmsd.rules.decision import NONE, Box, Decision, masks

Condition = dict[str, Any]
"""Signs and what each must be: a value, a list of them, {"not": …} or {"least": …}."""


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a row says otherwise, and when."""

    when: tuple[Condition, ...]
    cause: str | None = None
    confidence: float | None = None
    suspects: tuple[str, ...] | None = None


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row: when it fits, what it says, how sure it is, and what it reads with a feed less."""

    seen: str
    when: tuple[Condition, ...]
    outcome: str = ""
    cause: str = ""
    group: str = ""
    confidence: float = 0.0
    detail: str = ""  # the bracket behind the cause
    suspects: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()  # finding evidence that it carries
    variants: dict[str, Variant] = {}
    without: dict[str, tuple[str, ...]] = {}  # feed → rows or causes


class VariantChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operator's word on a variant."""

    cause: str | None = None
    confidence: float | None = None
    suspects: tuple[str, ...] | None = None


class RowChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operator's word on a row."""

    cause: str | None = None  # a wider one
    confidence: float | None = None
    suspects: tuple[str, ...] | None = None
    variants: dict[str, VariantChange] = {}


class Causes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator says otherwise than `config/causes.toml`."""

    numbers: dict[str, int] = {}
    rows: dict[str, RowChange] = {}


class Saying(NamedTuple):
    """What is said when a row or one of its variants decides."""

    rule: str
    variant: str
    outcome: str
    cause: str
    group: str
    confidence: float
    detail: str = ""
    suspects: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()

    @property
    def lapsed(self) -> bool:
        """Its window is over and nobody can tell."""
        return self.outcome == "open" and self.cause == "UNKNOWN"


class Objection(NamedTuple):
    """What a table or an operator's change must not say."""

    key: tuple[str | int, ...]
    what: str
    remedy: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rows: dict[str, Row]
    attempts: dict[str, Row]
    wider: dict[str, tuple[str, ...]]
    numbers: dict[str, int]


_MEMO: Final = 1 << 14
"""Combinations of signs that are remembered with what they mean."""

_KEY: Final = attrgetter(*SIGNS)


class Table:
    """The table as loaded. `read` makes one; see the module."""

    def __init__(self, file: _File) -> None:
        self.rows: Mapping[str, Row] = file.rows
        self.attempts: Mapping[str, Row] = file.attempts
        self.wider: Mapping[str, tuple[str, ...]] = file.wider
        self.numbers: Mapping[str, int] = file.numbers
        self._file = file
        self._deliveries = _Asked(SIGNS, file.rows, file.numbers, "rows")
        self._requests = _Asked(ATTEMPT_SIGNS, file.attempts, file.numbers, "attempts")
        self.sayings: Sequence[Saying] = self._deliveries.sayings
        self._packed = np.zeros(len(self.sayings), VERDICTS)
        for place, saying in enumerate(self.sayings):
            self._packed[place] = (
                RULES.index(saying.rule), OUTCOMES.index(saying.outcome), CAUSES.index(saying.cause), GROUPS.index(saying.group),
                round(100 * saying.confidence), saying.lapsed, place,
            )  # fmt: skip
        self._memo: dict[tuple[Any, ...], Saying] = {}

    def judge(self, signs: Signs) -> Verdict:
        """What the first row that fits says. KeyError: a word that its sign has not."""
        key = _KEY(signs)
        said = self._memo.get(key)
        if said is None:
            if len(self._memo) >= _MEMO:
                self._memo.clear()
            said = self._memo[key] = self.sayings[self._deliveries.first(key)]
        rule, _, outcome, cause, group, confidence, detail, suspects, hints = said
        return Verdict(rule, outcome, cause, group, confidence, detail, suspects, signs.not_covered, hints, said.lapsed)

    def judge_columns(self, signs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """`judge` of every row: `causes.COLUMNS` in, `causes.VERDICTS` out."""
        return self._packed.view(np.uint64)[self._deliveries.columns(signs)].view(VERDICTS)

    def request(self, *, shows: str, how: str, logged: str, waited: bool, proxy: bool) -> Saying | None:
        """What a subscriber's own request comes to (rows Z); None: nothing is said of it."""
        place = self._requests.first((shows, how, logged, waited, proxy))
        return self._requests.sayings[place] if place != NONE else None

    def widened(self, rule: str, cause: str) -> frozenset[str]:
        """All that a verdict of this row with this cause may become with feeds less: rows and causes, itself among them."""
        found: set[str] = set()
        waiting = [rule, cause]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.wider.get(one, ())
        return frozenset(found)

    # -------------------------------------------------------------------------------------------------------------- changes

    def objections(self, causes: Causes) -> Iterator[Objection]:
        """What an operator's changes must not say, by path within them."""
        for name, number in causes.numbers.items():
            if name not in self.numbers:
                yield Objection(("numbers", name), "no such number", f"there are {', '.join(self.numbers)}")
            elif not 1 <= number <= MOST:
                yield Objection(("numbers", name), f"{number} is out of range", f"take 1 to {MOST}")
        for rule, change in causes.rows.items():
            row = self.rows.get(rule)
            if row is None:
                yield Objection(("rows", rule), "no such row", "`mmsd causes` lists them")
                continue
            yield from self._sideways(("rows", rule), rule, row.cause, change)
            for name, other in change.variants.items():
                variant = row.variants.get(name)
                if variant is None:
                    known = f"{rule} has {', '.join(row.variants)}" if row.variants else f"{rule} has none"
                    yield Objection(("rows", rule, "variants", name), "no such variant", known)
                    continue
                yield from self._sideways(("rows", rule, "variants", name), rule, variant.cause or row.cause, other)
            if not row.confidence and change.confidence is not None:
                yield Objection(("rows", rule, "confidence"), "this row names no cause", "take it out")
            else:
                yield from _too_sure(("rows", rule), _changed(row, change), change)

    def changed(self, causes: Causes) -> Table:
        """With an operator's changes. Raises ConfigError for the first objection."""
        for key, what, remedy in self.objections(causes):
            raise ConfigError(f"causes.{'.'.join(map(str, key))}: {what}; {remedy}")
        rows = {rule: _changed(row, causes.rows[rule]) if rule in causes.rows else row for rule, row in self.rows.items()}
        return Table(msgspec.structs.replace(self._file, rows=rows, numbers={**self.numbers, **causes.numbers}))

    def _sideways(self, key: tuple[str, ...], rule: str, cause: str, change: RowChange | VariantChange) -> Iterator[Objection]:
        if change.confidence is not None and not 0 < change.confidence < 1:
            yield Objection((*key, "confidence"), f"{change.confidence} is no confidence", "take a number between 0 and 1")
        for place, suspect in enumerate(change.suspects or ()):
            if suspect not in CAUSES[1:]:
                yield Objection((*key, "suspects", place), f"{suspect!r} is no cause", "docs/causes.md lists them")
        if change.cause is None or change.cause == cause:
            return
        well = {row.cause for row in self.rows.values() if row.outcome != "failed"}  # what failed stays failed
        left = self.widened(rule, cause) - well - {cause} if self.rows[rule].outcome == "failed" else frozenset[str]()
        wider = [one for one in CAUSES if one in left]
        if change.cause not in CAUSES[1:]:
            yield Objection((*key, "cause"), f"{change.cause!r} is no cause", "docs/causes.md lists them")
        elif change.cause not in wider:
            what = f"{rule} says {cause}, and {change.cause} is not wider: a verdict may lose sharpness, and never move sideways"
            yield Objection((*key, "cause"), what, f"take {' or '.join(wider)}" if wider else "take it out")


def read(parsed: Mapping[str, Any]) -> Table:
    """The table from a parsed file. Raises ConfigError that opens with the path of what is wrong in it."""
    try:
        file = msgspec.convert(parsed, _File)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$.")
        raise ConfigError(f"{place.rstrip('`') or 'causes'}: {what}") from error
    for key, what, _ in _unknown(file):
        raise ConfigError(f"{'.'.join(map(str, key))}: {what}")
    table = Table(file)
    for key, what, _ in (*_unsound(table), *_unreached(table._deliveries), *_unreached(table._requests)):
        raise ConfigError(f"{'.'.join(map(str, key))}: {what}")
    gap = table._deliveries.unmet()
    if gap is not None:
        raise ConfigError(f"rows: none fits {gap}")
    return table


def _changed(row: Row, change: RowChange) -> Row:
    variants = {
        name: msgspec.structs.replace(variant, **_given(change.variants[name])) if name in change.variants else variant
        for name, variant in row.variants.items()
    }
    return msgspec.structs.replace(row, **{**_given(change), "variants": variants})


def _given(change: RowChange | VariantChange) -> dict[str, Any]:
    return {name: value for name in ("cause", "confidence", "suspects") if (value := getattr(change, name)) is not None}


def _too_sure(key: tuple[str, ...], row: Row, change: RowChange | None = None) -> Iterator[Objection]:
    """A variant that says what its row says goes by less, and may not be surer."""
    for name, variant in row.variants.items():
        if (variant.cause or row.cause) == row.cause and row.cause and (variant.confidence or 0.0) > row.confidence:
            own = change is not None and name not in change.variants
            place = (*key, "confidence") if own else (*key, "variants", name, "confidence")
            remedy = f"change variants.{name}.confidence as well" if own else f"take at most {row.confidence}"
            yield Objection(place, f"the variant {name} ({variant.confidence}) would be surer than its row ({row.confidence})", remedy)


def _unknown(file: _File) -> Iterator[Objection]:
    """Names that nothing else knows."""
    if sorted(file.rows) != sorted(RULES[1:]):
        yield Objection(("rows",), f"not the rows that there are: {sorted(set(file.rows) ^ set(RULES[1:]))}", "")
    if sorted(file.attempts) != sorted(REQUESTS[1:]):
        yield Objection(("attempts",), f"not the rows that there are: {sorted(set(file.attempts) ^ set(REQUESTS[1:]))}", "")
    for section, rows in (("rows", file.rows), ("attempts", file.attempts)):
        for rule, row in rows.items():
            named = [
                ("outcome", row.outcome, OUTCOMES), ("group", row.group, GROUPS), ("cause", row.cause, CAUSES),
                *(("suspects", cause, CAUSES[1:]) for cause in row.suspects), *(("hints", cause, CAUSES[1:]) for cause in row.hints),
                *(("without", feed, FEEDS) for feed in row.without),
            ]  # fmt: skip
            for name, variant in row.variants.items():
                named += [(f"variants.{name}.cause", cause, CAUSES[1:]) for cause in filter(None, [variant.cause])]
                named += [(f"variants.{name}.suspects", cause, CAUSES[1:]) for cause in variant.suspects or ()]
            for what, word, known in named:
                if word not in known:
                    yield Objection((section, rule, what), f"{word!r} is not known", "")
    for what, words in file.wider.items():
        for word in (what, *words):
            if word not in RULES[1:] and word not in CAUSES[1:]:
                yield Objection(("wider", what), f"{word!r} is neither row nor cause", "")


def _unsound(table: Table) -> Iterator[Objection]:
    """A ring in the widening order, a cell beside it, a variant surer than its row."""
    for what, words in table.wider.items():
        if any(what in table.widened(word, word) for word in words):
            yield Objection(("wider", what), "comes back to itself", "")
    for rule, row in table.rows.items():
        yield from _too_sure(("rows", rule), row)
        for feed, readings in row.without.items():
            for reading in readings:
                cause = table.rows[reading].cause if reading in table.rows else reading
                outcome = table.rows[reading].outcome if reading in table.rows else ""
                if outcome != "open" and {reading, cause}.isdisjoint(table.widened(rule, row.cause)):
                    yield Objection(("rows", rule, "without", feed), f"{reading} is not wider than {rule}", "")


class _Asked:
    """Rows as a `Decision`, and what is said by each condition of it."""

    def __init__(self, signs: Mapping[str, Sign], rows: Mapping[str, Row], numbers: Mapping[str, int], section: str) -> None:
        self.section = section
        self._signs = list(signs.values())
        self._names = list(signs)
        self._sizes = [len(sign.values) for sign in self._signs]
        self._places = [{value: place for place, value in enumerate(sign.values)} for sign in self._signs]
        self._numbers = numbers
        self.sayings: list[Saying] = []
        self._said: list[int] = []  # of each box the place of its saying
        boxes: list[Box] = []
        for rule, row in rows.items():
            own = [self._box((section, rule, "when", place), one) for place, one in enumerate(row.when)]
            for name, variant in row.variants.items():
                key = (section, rule, "variants", name, "when")
                theirs = [self._box((*key, place), one) for place, one in enumerate(variant.when)]
                both = [tuple(a & b for a, b in zip(mine, other, strict=True)) for mine in own for other in theirs]
                self._add(rule, name, row, variant, [box for box in both if all(box)], boxes)
            self._add(rule, "", row, Variant(()), own, boxes)
        self._decision = Decision(self._sizes, boxes)
        self._column = np.array([*self._said, NONE], np.int16)  # NONE finds the last one

    def _add(self, rule: str, name: str, row: Row, variant: Variant, found: Sequence[Box], boxes: list[Box]) -> None:
        self._said += [len(self.sayings)] * len(found)
        boxes += found
        confidence = row.confidence if variant.confidence is None else variant.confidence
        suspects = row.suspects if variant.suspects is None else variant.suspects
        self.sayings.append(
            Saying(rule, name, row.outcome, variant.cause or row.cause, row.group, confidence, row.detail, suspects, row.hints)
        )

    def _box(self, key: tuple[str | int, ...], condition: Condition) -> Box:
        allowed: dict[int, Any] = {}
        for name, wanted in condition.items():
            if name not in self._names:
                raise ConfigError(f"{'.'.join(map(str, key))}.{name}: no such sign")
            sign = self._names.index(name)
            allowed[sign] = self._values((*key, name), sign, wanted)
        return masks(self._sizes, allowed)

    def _values(self, key: tuple[str | int, ...], sign: int, wanted: object) -> set[int]:
        """Places of the values that a condition allows."""
        places = self._places[sign]
        if isinstance(wanted, dict) and list(wanted) == ["least"]:
            least: object = self._numbers.get(wanted["least"], wanted["least"])
            if not isinstance(least, int) or not isinstance(self._signs[sign].values[-1], int) or not 0 < least < self._sizes[sign]:
                raise ConfigError(f"{'.'.join(map(str, key))}: {wanted['least']!r} is no number for it")
            return set(range(least, self._sizes[sign]))
        if isinstance(wanted, dict) and list(wanted) == ["not"]:
            return set(places.values()) - self._values(key, sign, wanted["not"])
        words: list[Any] = wanted if isinstance(wanted, list) else [wanted]
        for word in words:
            if type(word) is not type(self._signs[sign].values[0]) or word not in places:
                raise ConfigError(f"{'.'.join(map(str, key))}: {word!r} is none of {', '.join(map(repr, places))}")
        return {places[word] for word in words}

    def _at(self, values: Sequence[Any]) -> list[int]:
        return [
            places[value] if value in places or type(value) is not int else len(places) - 1
            for places, value in zip(self._places, values, strict=True)
        ]

    def first(self, values: Sequence[Any]) -> int:
        """The place of what is said of these values, or NONE."""
        return int(self._column[self._decision.first(self._at(values))])

    def columns(self, signs: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
        """`first` of every row of columns."""
        rows = np.ascontiguousarray(signs).view(np.uint8).reshape(len(signs), len(self._names))
        return self._column[self._decision.columns(rows)]

    def unreached(self) -> Iterator[Saying]:
        """What is never said, because rows before it take all of its conditions."""
        met = {place for number, place in enumerate(self._said) if self._decision.witness(number) is not None}
        return (saying for place, saying in enumerate(self.sayings) if place not in met)

    def unmet(self) -> str | None:
        """Signs that fit no row; None: some row fits, whatever is seen."""
        gap = self._decision.unmet()
        if gap is None:
            return None
        return ", ".join(f"{name} = {sign.values[place]!r}" for name, sign, place in zip(self._names, self._signs, gap, strict=True))


def _unreached(asked: _Asked) -> Iterator[Objection]:
    for saying in asked.unreached():
        key = (asked.section, saying.rule, *(("variants", saying.variant) if saying.variant else ()))
        yield Objection(key, "is never reached: what is asked before takes all of it", "")
