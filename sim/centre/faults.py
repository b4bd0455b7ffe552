"""What goes wrong on purpose: rows P01–P07 of the fault catalogue, commanded one by one or drawn by a seeded plan.

Orders are taken first come, first served, each at its own occasion; what no order takes, the plan may draw. Time comes as an argument.
"""

from __future__ import annotations

import enum
import fnmatch
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from mmsd.errors import ConfigError


class Occasion(enum.Enum):
    """When a fault can happen."""

    CONNECT = "a connection comes"
    BIND = "a client binds"
    SUBMIT = "a submit comes"
    RECEIPT = "a receipt is due"
    WIRE = "at once, to every connection; drawn: when a submit comes"


class Fault(enum.StrEnum):
    SILENT = "silent"
    RESET = "reset"
    LOST = "lost"
    LATE = "late"
    TWICE = "twice"
    STRANGER = "stranger"
    AFTER_REBIND = "after-rebind"
    EARLY_RECEIPT = "early-receipt"
    RECEIPT_TWICE = "receipt-twice"
    RECEIPT_SHUFFLED = "receipt-shuffled"
    RECEIPT_BACKWARDS = "receipt-backwards"
    RECEIPT_BASE = "receipt-base"
    RECEIPT_UNKNOWN = "receipt-unknown"
    RECEIPT_LOST = "receipt-lost"
    THROTTLED = "throttled"
    QUEUE_FULL = "queue-full"
    REFUSED = "refused"
    BIND_REFUSED = "bind-refused"
    BIND_SILENT = "bind-silent"
    DEAF = "deaf"
    DRIP = "drip"
    COALESCED = "coalesced"
    LENGTH_0 = "length-0"
    LENGTH_15 = "length-15"
    LENGTH_MAX = "length-max"
    UNKNOWN_COMMAND = "unknown-command"
    WRAP = "wrap"
    AWAY = "away"


class About(NamedTuple):
    row: str  # of the fault catalogue
    occasion: Occasion
    what: str


FAULTS: Final = {
    Fault.SILENT: About("P01", Occasion.SUBMIT, "taken, never answered"),
    Fault.RESET: About("P01", Occasion.SUBMIT, "taken, connection reset before the answer"),
    Fault.LOST: About("P01", Occasion.SUBMIT, "not taken, connection reset: from outside the same"),
    Fault.LATE: About("P02", Occasion.SUBMIT, "answered after `delay`"),
    Fault.TWICE: About("P02", Occasion.SUBMIT, "answered twice"),
    Fault.STRANGER: About("P02", Occasion.SUBMIT, "an answer with a sequence number that nobody used comes first"),
    Fault.AFTER_REBIND: About("P02", Occasion.SUBMIT, "taken, connection reset; the answer comes in the account's next session"),
    Fault.EARLY_RECEIPT: About("P03", Occasion.SUBMIT, "the receipt comes `delay` before the answer"),
    Fault.RECEIPT_TWICE: About("P03", Occasion.RECEIPT, "comes twice"),
    Fault.RECEIPT_SHUFFLED: About("P03", Occasion.RECEIPT, "comes after the account's next one"),
    Fault.RECEIPT_BACKWARDS: About("P03", Occasion.RECEIPT, "an earlier state (ENROUTE; CMPP: ACCEPTD) comes after it"),
    Fault.RECEIPT_BASE: About("P03", Occasion.RECEIPT, "its id decimal instead of hexadecimal, or the other way (SMPP)"),
    Fault.RECEIPT_UNKNOWN: About("P03", Occasion.RECEIPT, "one of a message that never was comes before it"),
    Fault.RECEIPT_LOST: About("P03", Occasion.RECEIPT, "never comes"),
    Fault.THROTTLED: About("P04", Occasion.SUBMIT, "ESME_RTHROTTLED; flow control"),
    Fault.QUEUE_FULL: About("P04", Occasion.SUBMIT, "ESME_RMSGQFUL; flow control"),
    Fault.REFUSED: About("P05", Occasion.SUBMIT, "refused with `status` (0x0B; CMPP 13)"),
    Fault.BIND_REFUSED: About("P05", Occasion.BIND, "refused with `status` (0x0D; CMPP 5)"),
    Fault.BIND_SILENT: About("P05", Occasion.BIND, "never answered"),
    Fault.DEAF: About("P06", Occasion.WIRE, "reads and says nothing more, but stays connected"),
    Fault.DRIP: About("P06", Occasion.WIRE, "from now on an octet a segment"),
    Fault.COALESCED: About("P06", Occasion.WIRE, "from now on all that is said within `delay` comes in one segment"),
    Fault.LENGTH_0: About("P06", Occasion.WIRE, "a PDU of 0 octets"),
    Fault.LENGTH_15: About("P06", Occasion.WIRE, "a PDU of 15 octets (CMPP: 11), one below a header's"),
    Fault.LENGTH_MAX: About("P06", Occasion.WIRE, "a PDU of 2³²−1 octets"),
    Fault.UNKNOWN_COMMAND: About("P06", Occasion.WIRE, "a request that nobody assigned"),
    Fault.WRAP: About("P06", Occasion.CONNECT, "the centre's sequence numbers begin three before their last"),
    Fault.AWAY: About("P07", Occasion.CONNECT, "reset as soon as it is made: the centre is down"),
}


@dataclass(slots=True)
class Order:
    """A fault that is to happen: `times` (0 = as often as there is occasion) and, where given, until `until`. Times in seconds."""

    fault: Fault
    times: int = 1
    until: float | None = None  # of the loop's clock
    receiver: str = "*"  # shell pattern
    status: int = 0  # 0 = the fault's usual one
    delay: float = 0.5


class Faults:
    """The orders, and the plan beside them.

    >>> faults = Faults()
    >>> faults.order(Order(Fault.SILENT, receiver="*02"))
    >>> faults.draw(Occasion.SUBMIT, "8613900000001", now=0), faults.draw(Occasion.SUBMIT, "8613900000002", now=0).fault.value
    (None, 'silent')
    """

    def __init__(self, rates: Mapping[str, float] | None = None, seed: int = 1) -> None:
        """`rates` by fault's name. ConfigError for a name that is none."""
        try:
            self._rates = {Fault(name): rate for name, rate in (rates or {}).items()}
        except ValueError as error:
            raise ConfigError(f"faults.rates: {error}") from None
        self._random = random.Random(seed)
        self._orders: list[Order] = []

    @property
    def orders(self) -> tuple[Order, ...]:
        """Still to be carried out."""
        return tuple(self._orders)

    def order(self, order: Order) -> None:
        """From now on."""
        self._orders.append(order)

    def clear(self) -> None:
        """All orders are taken back; the plan stays."""
        self._orders.clear()

    def draw(self, occasion: Occasion, receiver: str, *, now: float) -> Order | None:
        """What happens this time, if anything."""
        self._orders = [order for order in self._orders if order.until is None or now < order.until]
        for order in self._orders:
            if FAULTS[order.fault].occasion is occasion and fnmatch.fnmatchcase(receiver, order.receiver):
                if order.times == 1:
                    self._orders.remove(order)
                elif order.times:
                    order.times -= 1
                return order
        for fault, rate in self._rates.items():
            if FAULTS[fault].occasion is occasion and self._random.random() < rate:
                return Order(fault)
        return None
