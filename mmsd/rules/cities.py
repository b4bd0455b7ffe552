"""Which city a number belongs to, by its prefix: the operator's own prefixes first, then those that were imported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import numpy as np

from mmsd.model import NOT_A_NUMBER

_CHINA: Final = "86"
_TOLD: Final = 7
"""National digits by which an unknown prefix is told: what numbers are handed out by in China."""
_REMEMBERED: Final = 1 << 16
"""Beginnings of numbers whose city is remembered: the traffic's own come again and again."""


class _Layer:
    """Prefixes of one source. The longest wins. A few octets each: half a million of them are one public list."""

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self.cities: list[str] = sorted(set(prefixes.values()))
        places = {city: place for place, city in enumerate(self.cities)}
        by_length: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for prefix, city in prefixes.items():
            by_length[len(prefix)].append((int(prefix), places[city]))
        self._lengths = []
        for length in sorted(by_length, reverse=True):
            pairs = sorted(by_length[length])
            known = np.array([prefix for prefix, _ in pairs], np.uint64)
            self._lengths.append((length, known, np.array([place for _, place in pairs], np.uint16)))

    @property
    def longest(self) -> int:
        """Digits of the longest prefix."""
        return self._lengths[0][0]

    def pairs(self) -> Iterator[tuple[str, str]]:
        for length, known, places in self._lengths:
            for prefix, place in zip(known.tolist(), places.tolist(), strict=True):
                yield f"{prefix:0{length}}", self.cities[place]

    def of(self, digits: str) -> str:
        for length, known, places in self._lengths:
            if length <= len(digits):
                prefix = np.uint64(digits[:length])
                place = int(known.searchsorted(prefix))
                if place < len(known) and known[place] == prefix:
                    return self.cities[int(places[place])]
        return ""


class Cities:
    """Number prefix → city. The operator's own list is the authority: where any of its prefixes fits, no other is asked.

    >>> cities = Cities({"86138": "Nanjing", "8613812": "Suzhou"}, {"861381299": "Wuxi", "86139": "Xuzhou"})
    >>> [cities.of(number) for number in (8613812991234, 8613800001234, 8613900001234, 8615000001234)]
    ['Suzhou', 'Nanjing', 'Xuzhou', '']
    """

    def __init__(self, own: Mapping[str, str], imported: Mapping[str, str] | None = None) -> None:
        self._layers = [_Layer(prefixes) for prefixes in (own, imported or {}) if prefixes]
        self._longest = max((layer.longest for layer in self._layers), default=0)
        self._asked: dict[str, str] = {}  # beginning of a number, as long as the longest prefix → its city

    def __bool__(self) -> bool:
        return bool(self._layers)

    def prefixes(self) -> Iterator[tuple[str, str]]:
        """(prefix, city), each once: where the longest that fits counts, these answer as `of` does.

        >>> sorted(Cities({"86138": "Nanjing"}, {"861381299": "Wuxi", "86139": "Xuzhou"}).prefixes())
        [('86138', 'Nanjing'), ('86139', 'Xuzhou')]
        """
        for place, layer in enumerate(self._layers):
            before = self._layers[:place]
            for prefix, city in layer.pairs():
                if not any(earlier.of(prefix) for earlier in before):
                    yield prefix, city

    def of(self, number: int) -> str:
        """The city, "" when no prefix fits or it is no number: whoever counts it takes `prefix_of`."""
        if number & NOT_A_NUMBER:
            return ""
        digits = str(number)[: self._longest]
        found = self._asked.get(digits)
        if found is None:
            if len(self._asked) >= _REMEMBERED:
                self._asked.clear()
            found = self._asked[digits] = next((city for layer in self._layers if (city := layer.of(digits))), "")
        return found


def prefix_of(number: int) -> str:
    """What an unknown number is counted under: country code and first digits, never so many that they tell the number; "" for no number.

    >>> prefix_of(8613812341234), prefix_of(447700900123), prefix_of(10086)
    ('861381234', '4477009', '')
    """
    digits = str(number)
    length = _TOLD + (len(_CHINA) if digits.startswith(_CHINA) else 0)
    return digits[:length] if not number & NOT_A_NUMBER and len(digits) >= length + 3 else ""


def compact(prefixes: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The same answers from fewer prefixes: ten neighbours with one city are their common beginning.

    >>> compact([(f"861{n}", "Wuxi") for n in range(10)] + [("8621", "Suzhou")])
    {'861': 'Wuxi', '8621': 'Suzhou'}
    """
    known = dict(prefixes)
    for length in range(max(map(len, known), default=0), 1, -1):
        families: dict[str, list[str]] = defaultdict(list)
        for prefix in known:
            if len(prefix) == length:
                families[prefix[:-1]].append(prefix)
        for parent, children in families.items():
            cities = {known[child] for child in children}
            if len(children) == 10 and len(cities) == 1 and parent not in known:
                for child in children:
                    del known[child]
                known[parent] = cities.pop()
    return dict(sorted(known.items()))
