"""The SGSN's event file: refused activations, which leave no accounting record, one line each (`docs/dialects.md`, columns)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sim.agenda import Agenda
from sim.clocks import Clock
from sim.files import LogFile
from sim.people import Subscriber

OPTIONS: Final[dict[str, Any]] = {
    "separator": ";",
    "fields": ["date", "clock", "event", "imsi", "msisdn", {"name": "imei", "quoted": True}, "apn", "cause", "cell", "sgsn"],
    "map": {
        "at": {"from": ["date", "clock"], "format": "%d.%m.%Y;%H:%M:%S"},
        **{name: name for name in ("imsi", "imei", "apn", "cause", "cell", "sgsn")},
        "receiver": "msisdn",
        "kind": {
            "from": "event",
            "values": {
                "ACTIVATE_REJECT": {"kind": "SESSION_REJECT", "code_set": "SM_CAUSE"},
                "ATTACH_REJECT": {"kind": "SESSION_REJECT", "code_set": "GMM_CAUSE"},
            },
            "default": "ignore",
        },
    },
}
"""How a daemon reads it."""


class Sgsn:
    """Writes what the SGSN refuses, and now and then that it is there."""

    def __init__(self, out: Path, clock: Clock, agenda: Agenda) -> None:
        self.file = LogFile(out / "sgsn" / "sm_events.csv")
        self._clock = clock
        self._agenda = agenda

    def refuse(self, subscriber: Subscriber, apn: str, event: str, cause: int) -> None:
        self._write(event, subscriber, apn, str(cause))

    def detach(self, subscriber: Subscriber) -> None:
        """An event that says nothing about sessions: a file goes on though nobody is refused."""
        self._write("DETACH", subscriber, "", "0")

    def _write(self, event: str, subscriber: Subscriber, apn: str, cause: str) -> None:
        at = self._clock.local(self._agenda.now).strftime("%d.%m.%Y;%H:%M:%S")
        cell = f"46002-{int(subscriber.digits[-4:]) % 7 + 1}-{int(subscriber.digits[-6:]) % 99 + 1}"
        imsi, number, imei = (name.decode() for name in (subscriber.imsi, subscriber.digits, subscriber.imei))
        self.file.write(f'{at};{event};{imsi};{number};"{imei}";{apn};{cause};{cell};10.36.254.1\n'.encode())
