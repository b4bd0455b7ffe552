"""The simulator's SMS centre: SMPP 3.4 and CMPP 2.0/3.0 on loopback, true to what it took and false on command (docs/simulator.md)."""

from sim.centre.centre import Bind, Centre
from sim.centre.faults import FAULTS, Fault, Occasion
from sim.centre.settings import Account, Ids, Receipts, Rule, Settings, load
from sim.centre.values import Incoming, Message, Part

__all__ = [
    "FAULTS",
    "Account",
    "Bind",
    "Centre",
    "Fault",
    "Ids",
    "Incoming",
    "Message",
    "Occasion",
    "Part",
    "Receipts",
    "Rule",
    "Settings",
    "load",
]
