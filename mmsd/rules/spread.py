"""Records that name a message and no receiver: each speaks of every receiver of that message.

Charging nodes write so of a message's deletion and of another MMSC's answer. A dossier is one subscriber's, so such a record becomes one
trace for each receiver. Record and submit may be read in either order; both are kept until they have met, and what is made of the two is
the same (rule R5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mmsd.rules.traces import NAMELESS, TRACE, TraceLog

NAMED: Final = np.dtype([("subscriber", "<u8"), ("at", "<i8"), ("where", "<i8"), ("receiver", "<u8"), ("feed", "<u2")])
"""One receiver of one message; "subscriber" is the *message*, by which the log is sorted."""


class Spread:
    """Who gets which message, and what was said of messages; each in a log by message."""

    def __init__(self) -> None:
        self.named = TraceLog()
        self.nameless = TraceLog()

    def take(
        self, submits: npt.NDArray[Any], nameless: npt.NDArray[Any], domains: Sequence[int]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Takes TRACE rows of a feed; (NAMED rows to be remembered, copies of nameless rows for each receiver). `domains` by feed.

        `nameless` comes back with the message in its `subscriber`.
        """
        named = np.zeros(len(submits), NAMED)
        for mine, theirs in (("subscriber", "message"), ("receiver", "subscriber"), ("at", "at"), ("where", "where"), ("feed", "feed")):
            named[mine] = submits[theirs]
        nameless["subscriber"] = nameless["message"]
        nameless["d"] = NAMELESS
        domain = np.array(domains, np.int64)
        copies = [
            _copies(self.nameless.gather(np.unique(named["subscriber"])), named, domain),  # said before
            _copies(nameless, self.named.gather(np.unique(nameless["subscriber"])), domain),  # known before
            _copies(nameless, named, domain),
        ]
        self.named.append(named)
        self.nameless.append(nameless)
        return named, np.concatenate(copies)

    def keep(self, held: Callable[[npt.NDArray[np.uint64]], npt.NDArray[np.bool_]], before: int, day: int) -> None:
        """Forgets who gets a message when nothing of his is open (`held`: which of these numbers have), and what is old."""
        self.named.keep(lambda rows: np.asarray(held(rows["receiver"]) | (rows["at"] >= before)))
        self.nameless.keep(lambda rows: rows["at"] >= day)


def _copies(nameless: npt.NDArray[Any], named: npt.NDArray[Any], domain: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    if not len(nameless) or not len(named):
        return np.empty(0, TRACE)
    named = named[np.argsort(named["subscriber"], kind="stable")]
    keys = np.ascontiguousarray(named["subscriber"])
    first = np.searchsorted(keys, nameless["message"], "left")
    counts = np.searchsorted(keys, nameless["message"], "right") - first
    said = np.repeat(np.arange(len(nameless)), counts)
    who = np.arange(len(said)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    near = domain[nameless["feed"][said]] == domain[named["feed"][who]]
    copies = nameless[said[near]]
    copies["subscriber"] = named["receiver"][who[near]]
    _, once = np.unique(copies[["subscriber", "where", "feed"]], return_index=True)
    return np.asarray(copies[once])
