"""A folder of the relay: logs, prefixes, truth."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from sim.relay import lines, pdus
from sim.relay.people import CITIES, METHODS, numbers, write_prefixes
from sim.relay.plan import AGAIN, AHEAD, COUNTED, HOUR, SECOND, SELF, Relay
from sim.relay.text import Ints, clock, digits, table
from sim.relay.text import lines as spelled


class Written(NamedTuple):
    """What stands in the folder."""

    lines: dict[str, int]  # by file
    octets: int
    seconds: float  # of the processor


FILES: Final = {
    "mmsc/access.log": lines.mmsc,
    "kannel/bearerbox-access.log": lines.sms,
    "squid/access-mms.log": lines.gateway,
    "copies/recognised.log": lines.copies,
}


def write(relay: Relay, out: Path, pictures: pdus.Pictures | None = None) -> Written:
    """Writes logs, `cities.csv`, `truth.csv` and `totals.json` into `out`; with `pictures` what `pdus.leave` makes of real messages."""
    begun = time.process_time()
    out.mkdir(parents=True, exist_ok=True)
    if pictures is not None:
        relay = pdus.leave(relay, pictures, out)
    counts = {name: lines.write(out / name, streams(relay)) for name, streams in FILES.items()}
    write_prefixes(relay.people, out / "cities.csv")
    write_truth(relay, out / "truth.csv")
    octets = sum((out / name).stat().st_size for name in FILES)
    written = Written(counts, octets, time.process_time() - begun)
    totals = {"participants": relay.participants, "forwards": relay.forwards, "end": end(relay), **written._asdict()}
    (out / "totals.json").write_bytes(msgspec.json.format(msgspec.json.encode(totals), indent=1) + b"\n")
    return written


def write_truth(relay: Relay, path: Path) -> None:
    """Every forward that was retrieved, a line each: what was sent twice is one forward, retrieved when the first of the two was.

    `message` is the id of the submit that opened it, `day` that of the retrieval where the sender lives, `counted` whether it earns a
    serial: a forward to oneself earns none.
    """
    messages, legs = relay.messages, relay.legs
    cities, methods = table([city.encode() for city in CITIES]), table([method.encode() for method in METHODS])
    chosen = np.flatnonzero(np.isin(legs.fate, (COUNTED, SELF)))
    first = _first_retrieval(relay, chosen)
    with path.open("wb") as file:
        file.write(b"message,sender,receiver,submitted,retrieved,day,city,method,resent,counted\n")
        for place in range(0, len(chosen), lines.BLOCK):
            of, retrieved = chosen[place : place + lines.BLOCK], first[place : place + lines.BLOCK]
            message, sender = legs.message[of], messages.sender[legs.message[of]]
            text = spelled(
                len(of), lines.queue(message), b"@%s," % lines.HOST, digits(numbers(sender), 13), b",",
                digits(numbers(legs.receiver[of]), 13), b",", digits(messages.at[message], 16), b",", digits(retrieved, 16), b",",
                clock(retrieved // SECOND, "%Y-%m-%d", AHEAD),
                b",", cities[relay.people.city[sender]], b",", methods[relay.methods(message)], b",",
                digits(messages.lost[message].astype(np.int64), 1), b",", digits((legs.fate[of] == COUNTED).astype(np.int64), 1),
            )  # fmt: skip
            file.write(b"\n".join([*text, b""]))


def _first_retrieval(relay: Relay, chosen: Ints) -> Ints:
    """When each leg, or the same leg of what was sent again, was first retrieved."""
    messages, legs = relay.messages, relay.legs
    first = legs.fetched[chosen].copy()
    again = np.flatnonzero(legs.fate == AGAIN)
    many = np.int64(len(relay.people) + 1)
    mine = legs.message[chosen] * many + legs.receiver[chosen]
    order = np.argsort(mine)
    place = order[np.searchsorted(mine[order], messages.origin[legs.message[again]] * many + legs.receiver[again])]
    np.minimum.at(first, place, legs.fetched[again])
    return first


def end(relay: Relay) -> int:
    """µs UTC by which everything has been written: nine in the morning there."""
    last = int(max(relay.legs.answered.max(), relay.legs.notified.max())) + 25 * HOUR
    day = 24 * HOUR
    return -(-(last + (AHEAD - 9 * 3600) * SECOND) // day) * day - (AHEAD - 9 * 3600) * SECOND
