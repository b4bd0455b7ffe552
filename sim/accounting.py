"""The sessions of a run as real accounting packets (RFC 2866), for a RADIUS server to write them down itself.

What a GGSN would send is read back from the run's own detail files: every record becomes one Accounting-Request, in the order of the files,
a few of them overtaken by the next one, a few sent twice. A packet that is not answered is sent again as it was, as long as it takes.
"""

from __future__ import annotations

import hashlib
import random
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

_REQUEST, _RESPONSE = 4, 5
_VENDOR_SPECIFIC, _3GPP = 26, 10415
_WINDOW: Final = 32  # packets under way of one GGSN
_PATIENCE: Final = 1.0  # seconds until what is unanswered is sent again
_TRIES: Final = 30

_TEXT, _NUMBER, _ADDRESS, _DATE, _OCTET = "text", "number", "address", "date", "octet"

_ATTRIBUTES: Final[Mapping[str, tuple[int, str]]] = {  # RFC 2865 5, RFC 2866 5, RFC 2869 5.3
    "User-Name": (1, _TEXT), "NAS-IP-Address": (4, _ADDRESS), "Service-Type": (6, _NUMBER), "Framed-Protocol": (7, _NUMBER),
    "Framed-IP-Address": (8, _ADDRESS), "Called-Station-Id": (30, _TEXT), "Calling-Station-Id": (31, _TEXT),
    "Acct-Status-Type": (40, _NUMBER), "Acct-Delay-Time": (41, _NUMBER), "Acct-Input-Octets": (42, _NUMBER),
    "Acct-Output-Octets": (43, _NUMBER), "Acct-Session-Id": (44, _TEXT), "Acct-Authentic": (45, _NUMBER),
    "Acct-Session-Time": (46, _NUMBER), "Acct-Input-Packets": (47, _NUMBER), "Acct-Output-Packets": (48, _NUMBER),
    "Acct-Terminate-Cause": (49, _NUMBER), "Event-Timestamp": (55, _DATE), "NAS-Port-Type": (61, _NUMBER),
}  # fmt: skip
_OF_3GPP: Final[Mapping[str, tuple[int, str]]] = {  # TS 29.061 16.4.7
    "3GPP-IMSI": (1, _TEXT), "3GPP-Charging-ID": (2, _NUMBER), "3GPP-SGSN-Address": (6, _ADDRESS), "3GPP-GGSN-Address": (7, _ADDRESS),
    "3GPP-IMSI-MCC-MNC": (8, _TEXT), "3GPP-Selection-Mode": (12, _TEXT), "3GPP-SGSN-MCC-MNC": (18, _TEXT), "3GPP-IMEISV": (20, _TEXT),
    "3GPP-RAT-Type": (21, _OCTET),
}  # fmt: skip
_VALUES: Final = {
    "Start": 1, "Stop": 2, "Interim-Update": 3, "Accounting-On": 7, "Accounting-Off": 8, "Framed-User": 2, "GPRS-PDP-Context": 7,
    "RADIUS": 1, "Virtual": 5, "User-Request": 1, "UTRAN": 1, "GERAN": 2,
}  # fmt: skip

Record = Sequence[tuple[str, str]]
"""Attributes by name, as a detail file spells them."""


def records(detail: Path) -> Iterator[Record]:
    """The records of one detail file; the receipt's time, which the server adds, is left out."""
    for block in detail.read_text().split("\n\n"):
        lines = (line.strip().split(" = ", 1) for line in block.split("\n")[1:])
        if attributes := [(name, value.strip('"')) for name, value in lines if name != "Timestamp"]:
            yield attributes


def packet(record: Record, number: int, secret: bytes, zone: ZoneInfo) -> bytes:
    """An Accounting-Request with its authenticator (RFC 2866 3). KeyError for an attribute or value the simulator does not write.

    >>> packet([("Acct-Status-Type", "Stop")], 7, b"secret", ZoneInfo("UTC"))[:4].hex()
    '0407001a'
    """
    packed = b"".join(_attribute(name, value, zone) for name, value in record)
    head = struct.pack(">BBH", _REQUEST, number, 20 + len(packed))
    return head + hashlib.md5(head + bytes(16) + packed + secret, usedforsecurity=False).digest() + packed


def _attribute(name: str, value: str, zone: ZoneInfo) -> bytes:
    if name in _OF_3GPP:
        number, kind = _OF_3GPP[name]
        octets = _octets(kind, value, zone)
        return struct.pack(">BBIBB", _VENDOR_SPECIFIC, 8 + len(octets), _3GPP, number, 2 + len(octets)) + octets
    number, kind = _ATTRIBUTES[name]
    octets = _octets(kind, value, zone)
    return struct.pack(">BB", number, 2 + len(octets)) + octets


def _octets(kind: str, value: str, zone: ZoneInfo) -> bytes:
    if kind == _TEXT:
        return value.encode()
    if kind == _ADDRESS:
        return socket.inet_aton(value)
    if kind == _DATE:
        local = datetime.strptime(value.rpartition(" ")[0], "%b %d %Y %H:%M:%S").replace(tzinfo=zone)
        return struct.pack(">I", round(local.timestamp()))
    whole = int(value) if value.isdigit() else _VALUES[value]
    return struct.pack(">B" if kind == _OCTET else ">I", whole)


def unsettled(sent: Iterable[Record], random_: random.Random, *, overtaken: float, twice: float) -> Iterator[tuple[Record, bool]]:
    """The records as the network may bring them: some after the next one. With each, whether its packet is sent twice."""
    held: Record | None = None
    for record in sent:
        if held is None and random_.random() < overtaken:
            held = record
            continue
        yield record, random_.random() < twice
        if held is not None:
            yield held, False
            held = None
    if held is not None:
        yield held, False


def send(sent: Iterable[tuple[Record, bool]], server: tuple[str, int], secret: bytes, zone: ZoneInfo, *, source: str = "127.0.0.1") -> int:
    """Sends all from one address, as one GGSN, until each is answered; how many there were. TimeoutError when the server falls silent."""
    waiting: dict[int, bytes] = {}
    records_left = iter(sent)
    count, tries, more = 0, 0, True
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind((source, 0))
        link.connect(server)
        link.settimeout(_PATIENCE)
        while more or waiting:
            while more and len(waiting) < _WINDOW:
                record, twice = next(records_left, ((), False))
                if not record:
                    more = False
                    break
                number = count % 256
                while number in waiting:  # its answer is late
                    number = (number + 1) % 256
                waiting[number] = packet(record, number, secret, zone)
                count += 1
                for _ in range(1 + twice):
                    link.send(waiting[number])
            try:
                answer = link.recv(4096) if waiting else b""
            except (TimeoutError, ConnectionRefusedError):
                tries += 1
                if tries > _TRIES:
                    raise TimeoutError(f"{server[0]}:{server[1]} leaves {len(waiting)} packets unanswered") from None
                for again in waiting.values():
                    link.send(again)
                continue
            if answer[:1] == bytes([_RESPONSE]):
                tries = 0
                waiting.pop(answer[1], None)
    return count
