"""tshark as a second reader: PDUs go into one capture, and every field that it names comes out, in order.

A comparison with *all* that it names finds what nobody thought of asking for: a field too many, an expert's remark, a malformed rest.
"""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

Field = tuple[str, str]
RAW_IP = 101
LOOPBACK = bytes((127, 0, 0, 1))
MALFORMED = "_ws.malformed"


def write(capture: Path, link_type: int, packets: Iterable[bytes]) -> None:
    """A pcap file of these packets, all at the same moment."""
    with capture.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, link_type))
        for packet in packets:
            file.write(struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet)


def segments(port: int, pdus: Iterable[bytes]) -> Iterator[bytes]:
    """One TCP connection to that port, each PDU a segment of its own: tshark joins none of them."""
    written = 1
    for octets in pdus:
        tcp = struct.pack(">HHIIBBHHH", 40000, port, written, 1, 0x50, 0x18, 65535, 0, 0) + octets
        written += len(octets)
        yield struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, LOOPBACK, LOOPBACK) + tcp


def datagrams(source: int, port: int, pdus: Iterable[bytes]) -> Iterator[bytes]:
    """A UDP datagram a PDU."""
    for octets in pdus:
        udp = struct.pack(">HHHH", source, port, 8 + len(octets), 0) + octets
        yield struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, LOOPBACK, LOOPBACK) + udp


def named(program: str, capture: Path, protocol: str, options: Sequence[str] = ()) -> list[list[Field]]:
    """(name, value) of each field of that protocol, a list for each packet; what is malformed and what an expert remarks among them.

    Fields of other protocols inside it (E.164 in an address) are left out.
    """
    return packets(program, capture, [protocol], options)


def packets(program: str, capture: Path, protocols: Sequence[str], options: Sequence[str] = ()) -> list[list[Field]]:
    """The same of several protocols, one inside another or beside it."""
    own = (*(f"{protocol}." for protocol in protocols), "_ws.")
    command = [program, "-n", "-r", str(capture), "-T", "json", "-J", " ".join([*protocols, MALFORMED]), *options]
    environment = {"LC_ALL": "C.UTF-8", "HOME": str(capture.parent), "TZ": "UTC"}
    answer = subprocess.run(command, check=True, capture_output=True, timeout=60, env=environment)
    rows = []
    for packet in json.loads(answer.stdout.decode("utf-8", "replace"), strict=False, object_pairs_hook=list):
        layers = dict(dict(packet)["_source"])["layers"]
        leaves = [field for name, value in layers if name in {*protocols, MALFORMED} for field in _leaves(name, value)]
        rows.append([(name, value) for name, value in leaves if name.startswith(own)])
    return rows


def _leaves(name: str, value: Any) -> Iterator[Field]:
    """A tree of (name, value or tree) pairs, its branches left out."""
    if isinstance(value, str):
        yield name, value
        return
    for inner, below in value:
        yield from _leaves(inner, below)
