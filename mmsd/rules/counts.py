"""What is counted of lines as they come, whatever judgement makes of them later: codes, messages sent, how long a submit took.

Each line counts once, in the transaction that takes it, so nothing here is ever restated. Hours are those of the lines.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mmsd.model import HOUR, CodeCount, CodeSet, Content, Kind, Method, PushState, Records, UnknownCode
from mmsd.rules.codes import BAD_REPORTS, CodeBook, Scope, spelled, words_of
from mmsd.rules.kpi import LEAST_SEND, Measured

RETRIEVED: Final = 129
MM7: Final = 7
SUCCESS: Final = 200
ERRORS: Final = 400
CMCC_DIGITS: Final = 4
MOST_UNKNOWN: Final = 1_000
"""Distinct unknown codes told apart in one Batch: a column read wrongly must not fill the store."""
OTHER: Final = "(other)"
_WORD: Final = re.compile(r"[A-Za-z]{1,8}(:[0-9A-Za-z]{1,6})?|([0-9]{1,3}:)?[0-9]{1,6}")
"""A word that may be a code. Anything else, numbers of subscribers above all, is only counted."""


@dataclass(slots=True)
class Counts:
    """Increments of one Batch."""

    codes: Counter[tuple[int, str, str, str]] = field(default_factory=Counter)  # (hour, node, set, code)
    unknown: dict[tuple[str, str, str], tuple[int, int, int]] = field(default_factory=dict)  # (node, set, code) → n, first, last
    measured: Measured = field(default_factory=Measured)

    def code_counts(self) -> list[CodeCount]:
        return [CodeCount(*key, n) for key, n in self.codes.items() if n]

    def unknown_codes(self) -> list[UnknownCode]:
        return [UnknownCode(*key, *seen) for key, seen in self.unknown.items()]

    def take(self, book: CodeBook, feed: str, node: str, records: Records) -> None:
        """Counts one chunk of a feed's records."""
        if not records.rows:
            return
        self._take_status(book.at(feed, node), node, records)
        self._take_reports(book, feed, node, records)
        self._take_sends(node, records)

    # ------------------------------------------------------------------------------------------------------------ codes

    def _take_status(self, scope: Scope, node: str, records: Records) -> None:
        """Columns `status` and `code_set`; what plainly says that all is well is left out before anything is sorted."""
        if "status" not in records.columns or "code_set" not in records.columns:
            return
        status, code_set = records["status"], records["code_set"]
        told = (status >= 0) & (code_set != CodeSet.NONE)
        told &= (code_set != CodeSet.HTTP) | (status < SUCCESS) | (status >= ERRORS)
        told &= (code_set != CodeSet.MM1_STATUS) | (status != RETRIEVED)
        rows = np.flatnonzero(told)
        if not len(rows):
            return
        columns = (records["at"][rows] // HOUR, code_set[rows], records["kind"][rows], status[rows])
        for place, n in _distinct(columns):
            hour, codes, kind, code = (int(column[place]) for column in columns)
            reading = scope.read(codes, code, kind)
            table = reading.table or f"code_set {codes}"
            if reading.code.cause != "OK":
                self.codes[hour, node, table, reading.key] += n
            if not reading.known:
                same = rows[(columns[1] == codes) & (columns[2] == kind) & (columns[3] == code) & (columns[0] == hour)]
                self._note(node, table, reading.key, records["at"][same])

    def _take_reports(self, book: CodeBook, feed: str, node: str, records: Records) -> None:
        """Network errors and the SMSC's own words of bad reports; vendors' four digits in the status text of an MMSC's records."""
        if "push_state" in records.columns:
            state = records["push_state"]
            rows = np.flatnonzero((records["kind"] == Kind.PUSH_REPORT) & (state >= PushState.EXPIRED) & np.isin(state, BAD_REPORTS))
            if not len(rows):
                return
            links = words_of(records, "smsc", rows) if book.by_link else [b""] * len(rows)
            errors = records["push_error"][rows].tolist()
            told = [
                (link, "sms-network", spelled(CodeSet.NETWORK, error) if error >= 0 else "")
                for link, error in zip(links, errors, strict=True)
            ]
            self._take_words(book, feed, node, told, records["at"][rows])
            words = words_of(records, "status", rows)
            told = [(link, "sms-stat", word.decode("latin-1")) for link, word in zip(links, words, strict=True)]
            self._take_words(book, feed, node, told, records["at"][rows])
        elif "status" in records.texts:
            words_at = records.texts["status"]
            rows = np.flatnonzero(
                (words_at.stop - words_at.start == CMCC_DIGITS) & (records["code_set"] != CodeSet.CMCC)
            )  # else counted by it
            told = [(b"", "cmcc", word.decode("ascii") if word.isdigit() else "") for word in words_of(records, "status", rows)]
            self._take_words(book, feed, node, told, records["at"][rows])

    def _take_words(self, book: CodeBook, feed: str, node: str, told: list[tuple[bytes, str, str]], at: npt.NDArray[np.int64]) -> None:
        """Codes that are words: (link, set, word) a row, no word = none."""
        groups: defaultdict[tuple[tuple[bytes, str, str], int], list[int]] = defaultdict(list)
        for place, key in enumerate(zip(told, (at // HOUR).tolist(), strict=True)):
            groups[key].append(place)
        for ((link, table, word), hour), places in groups.items():
            if not word:
                continue
            scope = book.at(feed, node, link.decode("latin-1"))
            fits = _WORD.fullmatch(word) is not None or scope.find(table, word).known
            reading = scope.find(table, word if fits else OTHER)
            if reading.code.cause != "OK":
                self.codes[hour, node, table, reading.key] += len(places)
            if not reading.known:
                self._note(node, table, reading.key, at[places])

    def _note(self, node: str, table: str, code: str, at: npt.NDArray[Any]) -> None:
        n, first, last = len(at), int(at.min()), int(at.max())
        if len(self.unknown) >= MOST_UNKNOWN and (node, table, code) not in self.unknown:
            code = OTHER
        seen = self.unknown.get((node, table, code))
        if seen is not None:
            n, first, last = n + seen[0], min(first, seen[1]), max(last, seen[2])
        self.unknown[node, table, code] = n, first, last

    # ---------------------------------------------------------------------------------------------------------- measures

    def _take_sends(self, node: str, records: Records) -> None:
        """Messages the MMSC took from handsets, and how long gateways took over a submit."""
        kind = records["kind"]
        taken = np.flatnonzero(((kind == Kind.SUBMIT) | (kind == Kind.FORWARD)) & (records["interface"] < MM7))
        if len(taken):
            where = records["where"][taken]
            first = np.ones(len(taken), bool)  # a record with k receivers is k rows with one `where`
            np.not_equal(where[1:], where[:-1], out=first[1:])
            for hour, n in _by_hour(records["at"][taken[first]]):
                self.measured.add(hour, node, "", {"sends": 0}, n)
        if "latency" not in records.columns:
            return
        latency = records["latency"]
        sent = (kind == Kind.ATTEMPT) & (records["method"] == Method.POST) & (records["request_type"] == Content.MMS)
        sent &= (records["sent"] >= LEAST_SEND) & (latency >= 0) & (records["status"] >= SUCCESS) & (records["status"] < ERRORS)
        for row in np.flatnonzero(sent).tolist():
            self.measured.add(int(records["at"][row]) // HOUR, node, "", {"send": int(latency[row])})


def _by_hour(at: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """(hour, how many of these times). Lines of one chunk are mostly of one hour."""
    first, last = int(at.min()) // HOUR, int(at.max()) // HOUR
    if first == last:
        return [(first, len(at))]
    return list(zip(*(found.tolist() for found in np.unique(at // HOUR, return_counts=True)), strict=True))


def _distinct(columns: tuple[npt.NDArray[Any], ...]) -> list[tuple[int, int]]:
    """(place of one, how many) of each distinct combination of equally long columns."""
    order = np.lexsort(columns)
    changed = np.zeros(len(order), bool)
    changed[0] = True
    for column in columns:
        ordered = column[order]
        changed[1:] |= ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(changed)
    counts = np.diff(np.append(starts, len(order)))
    return list(zip(order[starts].tolist(), counts.tolist(), strict=True))
