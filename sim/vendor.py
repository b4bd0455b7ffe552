"""An MMSC of another make: one record a line, `|` between fields, with what Mbuni does not write down (`docs/dialects.md`, columns).

It logs whom it refuses and why, how a retrieval failed, what it sent to other MMSCs and what they answered, and a final word on each copy
in China Mobile's four-digit codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sim.agenda import Agenda
from sim.clocks import Clock
from sim.files import LogFile, Rotate
from sim.mmsc import Node

PEER: Final = b"mmsc.uniwest.example"
RECEIVED, REFUSED, ALBUM, EXPIRED, DELETED = 1000, 2000, 3000, 4446, 6101
"""Final words."""
OK, ERRORS = 128, (129, 132, 134)
"""What another MMSC answers."""

OPTIONS: Final[dict[str, Any]] = {
    "separator": "|",
    "ignore": ["#"],
    "fields": ["time", "event", "from", "to", "id", "leg", "result", "size", "peer", "agent"],
    "map": {
        "at": {"from": "time", "format": "%Y%m%d%H%M%S"},
        "sender": "from",
        "receiver": {"from": "to", "as": "addresses"},
        "message": "id",
        "transaction": "leg",
        "status": "result",
        "size": "size",
        "authority": {"from": "peer", "as": "authority"},
        "agent": "agent",
        "kind": {
            "from": "event",
            "values": {
                "MO": "SUBMIT",
                "MX": {"kind": "SUBMIT_REFUSED", "code_set": "MM1_RESPONSE"},
                "NT": "NOTIFY",
                "GT": "FETCH",
                "GX": {"kind": "FETCH_FAILED", "code_set": "MM1_RETRIEVE"},
                "NR": {"kind": "RESPONSE", "code_set": "MM1_STATUS"},
                "FW": "FORWARD",
                "FQ": {"kind": "SENT_OUT", "interface": 4},
                "FS": {"kind": "PEER_ANSWER", "code_set": "MM4"},
                "ED": {"kind": "REPORT", "code_set": "CMCC"},
                "HB": "ignore",
            },
        },
    },
}
"""How a daemon reads it."""

_EVENTS: Final = {b"Received": b"MO", b"Notify": b"NT", b"Fetched": b"GT", b"NotifyResp": b"NR", b"Forwarded": b"FW", b"ReadReport": b"HB"}
_STATUS: Final = {b"Retrieved": 129, b"Rejected": 130, b"Deferred": 131, b"Unrecognised": 132}
_NOT_FOUND: Final = 226


class Vendor(Node):
    """The node, with its own log."""

    def _log(self, folder: Path, clock: Clock, agenda: Agenda, rotation: Rotate) -> LogFile:
        return LogFile(folder / "mms.log", rotation, lambda: b"# opened\n", lambda: b"# closed\n")

    def fetch_failed(self, receiver: bytes, agent: bytes, message: bytes = b"", status: int = _NOT_FOUND) -> None:
        """A retrieval answered by an error: HTTP says 200."""
        self._line(b"GX", to=(receiver,), message=message, result=status, agent=agent)

    def refused(self, sender: bytes, receivers: Sequence[bytes], message: bytes, status: int, agent: bytes) -> None:
        self._line(b"MX", sender=sender, to=receivers, message=message, result=status, agent=agent)

    def sent_out(self, sender: bytes, receiver: bytes, message: bytes) -> None:
        self._line(b"FQ", sender=sender, to=(receiver,), message=message, peer=PEER)

    def peer_answered(self, message: bytes, status: int) -> None:
        """The other MMSC's answer names the message, no receiver."""
        self._line(b"FS", message=message, result=status, peer=PEER)

    def ended(self, sender: bytes, receiver: bytes, message: bytes, code: int) -> None:
        """The final word on one receiver's copy."""
        self._line(b"ED", sender=sender, to=(receiver,), message=message, result=code)

    def _write(
        self,
        event: bytes,
        *,
        size: int,
        interface: bytes = b"MM1",
        account: bytes = b"",
        sender: bytes = b"",
        to: Sequence[bytes] = (),
        message: bytes = b"",
        agent: bytes = b"",
    ) -> None:
        """A line of Mbuni's, as this node says it."""
        answer = event == b"NotifyResp"
        self._line(
            _EVENTS[event],
            sender=b"" if answer or sender == b"system" else sender,
            to=(sender,) if answer else to,
            message=b"" if answer else message,
            leg=message if answer else b"",
            result=_STATUS[account] if answer else -1,
            size=size,
            agent=agent,
        )

    def _line(
        self,
        event: bytes,
        *,
        sender: bytes = b"",
        to: Sequence[bytes] = (),
        message: bytes = b"",
        leg: bytes = b"",
        result: int = -1,
        size: int = -1,
        peer: bytes = b"",
        agent: bytes = b"",
    ) -> None:
        stamp = self._clock.local(self._agenda.now).strftime("%Y%m%d%H%M%S").encode()
        told = (
            stamp, event, sender, b",".join(to), message, leg, b"%d" % result if result >= 0 else b"", b"%d" % size if size >= 0 else b"",
            peer, agent,
        )  # fmt: skip
        self.file.write(b"|".join(told) + b"\n")
